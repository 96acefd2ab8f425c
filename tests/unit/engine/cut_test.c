/* What takes long ends with the engine's stop, however much of it is left (G26). */
#include "world.h"

#include "store/internal.h"

#include <errno.h>
#include <pthread.h>

static const char conf[] = "jobs:\n  a: {}\n";

/* After rp_engine_stop. */
static void closed(struct world *w)
{
    rp_db_close(w->reader);
    rp_engine_free(w->engine);
    rp_store_close(w->store);
    world_drop(w);
}

/* What is under way, until it is told how it ended. */
struct work {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool begun, ended;
    struct rp_err err;
    struct rp_engine *engine;
    const char *sql;
    struct rp_op op;
    struct rp_read read;
};

static void work_init(struct work *x, struct world *w)
{
    *x = (struct work){.engine = w->engine};
    (void)pthread_mutex_init(&x->lock, NULL);
    rp_cond_init(&x->changed);
}

static void note(struct work *x, bool *what)
{
    (void)pthread_mutex_lock(&x->lock);
    *what = true;
    (void)pthread_cond_broadcast(&x->changed);
    (void)pthread_mutex_unlock(&x->lock);
}

static void wait_until(struct work *x, const bool *what, const char *words)
{
    struct timespec until = rp_deadline(30 * RP_US_S);
    int rc = 0;
    (void)pthread_mutex_lock(&x->lock);
    while (!*what && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&x->changed, &x->lock, &until);
    bool so = *what;
    (void)pthread_mutex_unlock(&x->lock);
    if (!so)
        fail_msg("%s", words);
}

static void stopped_with(struct work *x)
{
    wait_until(x, &x->ended, "it still goes on");
    assert_int_equal(x->err.code, RP_E_STOPPING);
}

/* ---- questions ---- */

static void ask(struct rp_db *db, void *arg)
{
    struct work *x = arg;
    int64_t n;
    note(x, &x->begun);
    if (rp_get_i64(rp_sql(db, x->sql), 0, &n, &x->err))
        x->err.code = RP_OK;
    note(x, &x->ended);
}

/* One that has no end: a plan of very many jobs is as long for the test. */
static void asked(struct world *w, struct work *x, bool is_long)
{
    struct rp_err err;
    work_init(x, w);
    x->sql = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from"
             " c";
    x->read = (struct rp_read){.run = ask, .arg = x};
    must(is_long ? rp_engine_read_long(w->engine, &x->read, &err)
                 : rp_engine_read(w->engine, &x->read, &err),
         &err);
}

static void G26_questions_end_with_the_stop_also_those_that_wait(void **state)
{
    (void)state;
    struct world *w = world_new(conf);
    struct work is_long, is_short, waits;
    asked(w, &is_long, true);
    asked(w, &waits, true);
    asked(w, &is_short, false);
    wait_until(&is_long, &is_long.begun, "it does not begin");
    wait_until(&is_short, &is_short.begun, "it does not begin");
    rp_engine_stop(w->engine);
    stopped_with(&is_long);
    stopped_with(&is_short);
    stopped_with(&waits);
    closed(w);
}

/* ---- writes ---- */

/* Never done: the items of a replay may be a million. */
static bool write_on(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct work *x = arg;
    (void)db;
    (void)err;
    note(x, &x->begun);
    x->op.again = true;
    return true;
}

static void written(struct rp_op *op)
{
    struct work *x = op->arg;
    x->err = op->err;
    if (op->ok)
        x->err.code = RP_OK;
    note(x, &x->ended);
}

static void G26_what_is_written_in_many_parts_ends_with_the_stop(void **state)
{
    (void)state;
    struct world *w = world_new(conf);
    struct work x;
    struct rp_err err;
    work_init(&x, w);
    x.op = (struct rp_op){.run = write_on, .arg = &x, .done = written, .heavy = true};
    must(rp_engine_submit(w->engine, &x.op, &err), &err);
    wait_until(&x, &x.begun, "it does not begin");
    rp_engine_stop(w->engine);
    stopped_with(&x);
    int64_t id = enqueue(w, "a", NULL); /* what is short is still taken */
    assert_true(id > 0);
    closed(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G26_questions_end_with_the_stop_also_those_that_wait),
        cmocka_unit_test(G26_what_is_written_in_many_parts_ends_with_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
