/* G19, G20: who may be waited for. Questions that take long have threads of their own, and how long
 * each turn of the writer was is counted. */
#include "store/driver.h"
#include "world.h"

#include <pthread.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* by CLOCK_MONOTONIC */
    bool open;
    int passed;
};

struct question {
    struct rp_read read;
    struct gate *waits; /* NULL: for nothing */
    struct gate *tells;
};

static void gate_init(struct gate *g)
{
    *g = (struct gate){.open = false};
    (void)pthread_mutex_init(&g->lock, NULL);
    rp_cond_init(&g->changed);
}

static void gate_open(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    g->open = true;
    (void)pthread_cond_broadcast(&g->changed);
    (void)pthread_mutex_unlock(&g->lock);
}

static void ask(struct rp_db *db, void *arg)
{
    struct question *x = arg;
    (void)db;
    for (struct gate *g = x->waits; g != NULL; g = NULL) {
        (void)pthread_mutex_lock(&g->lock);
        while (!g->open)
            (void)pthread_cond_wait(&g->changed, &g->lock);
        (void)pthread_mutex_unlock(&g->lock);
    }
    (void)pthread_mutex_lock(&x->tells->lock);
    x->tells->passed++;
    (void)pthread_cond_broadcast(&x->tells->changed);
    (void)pthread_mutex_unlock(&x->tells->lock);
}

static bool all_passed(struct gate *g, int n)
{
    struct timespec until = rp_deadline(60 * RP_US_S);
    int rc = 0;
    (void)pthread_mutex_lock(&g->lock);
    while (g->passed < n && rc == 0)
        rc = pthread_cond_timedwait(&g->changed, &g->lock, &until);
    bool all = g->passed == n;
    (void)pthread_mutex_unlock(&g->lock);
    return all;
}

typedef bool way(struct rp_engine *, struct rp_read *, struct rp_err *);

static void submit(struct world *w, struct question *x, way *how, struct gate *waits,
                   struct gate *tells)
{
    struct rp_err err;
    *x = (struct question){.read = {.run = ask, .arg = x}, .waits = waits, .tells = tells};
    must(how(w->engine, &x->read, &err), &err);
}

static void G20_a_list_waits_for_no_count_no_check_of_the_store_and_no_plan(void **state)
{
    (void)state;
    struct world *w = world_new("jobs: { fetched: {} }\n");
    static way *const ways[] = {rp_engine_read_slow, rp_engine_read_whole, rp_engine_read_long};
    struct gate gate, held, quick;
    struct question long_ones[9], list;
    gate_init(&gate);
    gate_init(&held);
    gate_init(&quick);
    for (int i = 0; i < 9; i++)
        submit(w, &long_ones[i], ways[i % 3], &gate, &held);
    submit(w, &list, rp_engine_read, NULL, &quick);
    assert_true(all_passed(&quick, 1));
    gate_open(&gate);
    assert_true(all_passed(&held, 9));
    world_free(w);
}

/* ---- turns ---- */

/* So long that it is of a step of its own, whatever the machine. */
static const int64_t busy_us = 300000;

static bool work(struct rp_db *db, void *arg, struct rp_err *err)
{
    (void)db;
    (void)arg;
    (void)err;
    for (int64_t until = rp_thread_cpu() + busy_us; rp_thread_cpu() < until;)
        continue;
    return true;
}

static bool little(struct rp_db *db, void *arg, struct rp_err *err)
{
    (void)db;
    (void)arg;
    (void)err;
    return true;
}

static int64_t turns(const struct rp_turns *t, int64_t longer_than_us)
{
    int64_t n = t->n[RP_TURN_STEPS];
    for (int i = 0; i < RP_TURN_STEPS; i++)
        n += i > 0 && rp_turn_steps_us[i - 1] >= longer_than_us ? t->n[i] : 0;
    return n;
}

/* Each in its step: so long they were at least, all together. */
static int64_t at_least_us(const struct rp_turns *t)
{
    int64_t us = 0;
    for (int i = 1; i <= RP_TURN_STEPS; i++)
        us += t->n[i] * rp_turn_steps_us[i - 1];
    return us;
}

static void G19_the_longest_turn_of_the_writer_is_known_by_clock_and_by_processor_time(void **state)
{
    (void)state;
    struct world *w = world_new("jobs: { fetched: {} }\n");
    struct rp_engine_state before, after;
    struct rp_err err;
    for (int i = 0; i < 100; i++)
        must(rp_engine_write(w->engine, little, NULL, &err), &err);
    rp_engine_state(w->engine, &before);
    for (int i = 0; i < 3; i++)
        must(rp_engine_write(w->engine, work, NULL, &err), &err);
    /* A turn is counted after those who asked were told: with the next one it is. */
    must(rp_engine_write(w->engine, work, NULL, &err), &err);
    rp_engine_state(w->engine, &after);
    assert_true(after.turns.longest_us >= busy_us);
    assert_true(after.turns.longest_cpu_us >= busy_us);
    assert_true(turns(&after.turns, 250000) >= turns(&before.turns, 250000) + 3);
    assert_true(after.turns.sum_us >= before.turns.sum_us + 3 * busy_us);
    assert_true(after.turns.sum_us >= at_least_us(&after.turns));
    world_free(w);
}

/* ---- the log ---- */

/* PAGES: fewer than where the writer would do it all. */
enum { PAGES = 16000, OF_HEADER = 16, SEQUENCE = 12, WRITES = 60, BYTES = 100 * 4096 };

/* How often the log has begun anew, as its header says (sqlite.org/fileformat.html, 4.1). */
static uint32_t begun_anew(const struct world *w)
{
    char path[200];
    unsigned char head[OF_HEADER] = {0};
    (void)snprintf(path, sizeof path, "%s-wal", w->url + strlen("sqlite://"));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint32_t n = 0;
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    assert_true(ftell(f) < PAGES * 4096L);
    (void)fclose(f);
    for (int i = SEQUENCE; i < OF_HEADER; i++)
        n = n << 8 | head[i];
    return n;
}

static bool write_much(struct rp_db *db, void *arg, struct rp_err *err)
{
    int64_t *bytes = arg;
    struct rp_stmt *s = rp_sql(db, "insert into output(job_id, n, packed) values ((select"
                                   " coalesce(max(job_id), 0) + 1 from output), 1, zeroblob(?1))");
    rp_bind_i64(s, 1, *bytes);
    return rp_run(s, err);
}

static void G19_the_log_of_an_engine_that_writes_begins_anew_again_and_again(void **state)
{
    (void)state;
    struct world *w = world_new("jobs: { fetched: {} }\n");
    struct rp_err err;
    for (uint32_t round = 1; round <= 2; round++) {
        int64_t bytes = BYTES, until = rp_mono(&rp_clock_system) + 120 * RP_US_S;
        uint32_t before = begun_anew(w);
        for (int i = 0; i < WRITES; i++)
            must(rp_engine_write(w->engine, write_much, &bytes, &err), &err);
        for (bytes = 10; begun_anew(w) == before;) {
            assert_true(rp_mono(&rp_clock_system) < until);
            must(rp_engine_write(w->engine, write_much, &bytes, &err), &err);
        }
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G20_a_list_waits_for_no_count_no_check_of_the_store_and_no_plan),
        cmocka_unit_test(
            G19_the_longest_turn_of_the_writer_is_known_by_clock_and_by_processor_time),
        cmocka_unit_test(G19_the_log_of_an_engine_that_writes_begins_anew_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
