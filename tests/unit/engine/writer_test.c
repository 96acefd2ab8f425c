/* The writer thread: ops that share commits, and ops that are run together. */
#include "world.h"

#include <pthread.h>

enum { N = 300 };

/* What the ops of a test share. */
struct all {
    struct world *w;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;  /* the gate: until then the writer is kept busy, so that the others queue up */
    int left;   /* not done yet */
    int single; /* calls of run */
    int together, ran_together;
};

struct add {
    struct rp_op op;
    struct all *all;
    struct rp_enqueue in;
    struct rp_enqueued out;
};

static bool add_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct add *a = arg;
    a->all->single++;
    return rp_jobs_enqueue(db, &a->in, 1, rp_wall(&rp_clock_system), &a->out, err);
}

static bool add_all(struct rp_db *db, struct rp_op *const *ops, size_t n, struct rp_err *err)
{
    struct all *all = ((struct add *)ops[0]->arg)->all;
    all->together++;
    for (size_t i = 0; i < n; i++) {
        struct add *a = ops[i]->arg;
        if (!rp_jobs_enqueue(db, &a->in, 1, rp_wall(&rp_clock_system), &a->out, err))
            return false;
    }
    all->ran_together += (int)n;
    return true;
}

static void add_done(struct rp_op *op)
{
    struct all *all = ((struct add *)op->arg)->all;
    (void)pthread_mutex_lock(&all->lock);
    all->left--;
    (void)pthread_cond_broadcast(&all->changed);
    (void)pthread_mutex_unlock(&all->lock);
}

static bool gate_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct all *all = arg;
    (void)db;
    (void)err;
    (void)pthread_mutex_lock(&all->lock);
    while (!all->open)
        (void)pthread_cond_wait(&all->changed, &all->lock);
    (void)pthread_mutex_unlock(&all->lock);
    return true;
}

static void gate_done(struct rp_op *op)
{
    (void)op;
}

/* Submits n ops while the writer is busy, lets it go, and waits until all are done. */
static void run_ops(struct all *all, struct add *ops, int n)
{
    struct rp_op gate = {.run = gate_run, .arg = all, .done = gate_done};
    struct rp_err err;
    all->left = n;
    must(rp_engine_submit(all->w->engine, &gate, &err), &err);
    for (int i = 0; i < n; i++) {
        ops[i].all = all;
        ops[i].op.run = add_run;
        ops[i].op.arg = &ops[i];
        ops[i].op.done = add_done;
        must(rp_engine_submit(all->w->engine, &ops[i].op, &err), &err);
    }
    (void)pthread_mutex_lock(&all->lock);
    all->open = true;
    (void)pthread_cond_broadcast(&all->changed);
    while (all->left > 0)
        (void)pthread_cond_wait(&all->changed, &all->lock);
    (void)pthread_mutex_unlock(&all->lock);
}

static struct all all_new(void)
{
    return (struct all){.w = world_new("jobs: { fetched: { idempotent: true } }\n"),
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
}

/* Those whose number is a multiple of `bad` fail (0: none). */
static struct add *ops_new(int bad, bool alike)
{
    struct add *ops = rp_xcalloc(N, sizeof *ops);
    for (int i = 0; i < N; i++) {
        bool fails = bad > 0 && i % bad == 0;
        ops[i].in = (struct rp_enqueue){.type = rp_str_of(fails ? "nobody" : "fetched"),
                                        .priority = INT64_MIN};
        ops[i].op.run_all = alike ? add_all : NULL;
    }
    return ops;
}

static void check_ops(struct all *all, const struct add *ops, int bad)
{
    int64_t before = 0;
    for (int i = 0; i < N; i++) {
        bool fails = bad > 0 && i % bad == 0;
        assert_int_equal(ops[i].op.ok, !fails);
        if (fails) {
            assert_int_equal(ops[i].op.err.code, RP_E_UNKNOWN_TYPE);
            continue;
        }
        assert_int_equal(job(all->w, ops[i].out.id).state, RP_QUEUED);
        assert_true(ops[i].out.id > before); /* in the order of their coming */
        before = ops[i].out.id;
    }
}

static void one_ops_error_never_fails_its_neighbours(void **state)
{
    (void)state;
    struct all all = all_new();
    struct add *ops = ops_new(3, false);
    run_ops(&all, ops, N);
    check_ops(&all, ops, 3);
    assert_int_equal(all.single, N);
    struct rp_engine_state s;
    rp_engine_state(all.w->engine, &s);
    print_message("%d ops in %lld commits\n", N, (long long)s.commits);
    assert_true(s.commits < N); /* they shared commits */
    free(ops);
    world_free(all.w);
}

static void ops_that_are_alike_are_run_together(void **state)
{
    (void)state;
    struct all all = all_new();
    struct add *ops = ops_new(0, true);
    run_ops(&all, ops, N);
    check_ops(&all, ops, 0);
    print_message("%d of %d ops in %d calls\n", all.ran_together, N, all.together);
    assert_int_equal(all.ran_together + all.single, N);
    assert_true(all.together < N / 2);
    free(ops);
    world_free(all.w);
}

static void where_one_of_them_fails_each_is_run_by_itself(void **state)
{
    (void)state;
    struct all all = all_new();
    struct add *ops = ops_new(100, true);
    run_ops(&all, ops, N);
    check_ops(&all, ops, 100);
    int64_t n;
    struct rp_err err;
    struct rp_job_filter every = {0};
    must(rp_jobs_count(all.w->reader, &every, &n, &err), &err);
    assert_int_equal(n, N - N / 100); /* what the failed call had added is gone */
    free(ops);
    world_free(all.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_ops_error_never_fails_its_neighbours),
        cmocka_unit_test(ops_that_are_alike_are_run_together),
        cmocka_unit_test(where_one_of_them_fails_each_is_run_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
