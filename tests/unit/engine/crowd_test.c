/* The writer's wait for a crowd (await_crowd): how often it waits and how many commits that saves,
 * counted, not timed. The linker gives the writer this file's pthread_cond_timedwait, which ends
 * when the test says so. */
#include "engine/internal.h"
#include "world.h"

#include <errno.h>

enum { CROWD = 16, MOST_OF_IT = 12, SMALL_CROWD = 3, PATIENCE_S = 60 };

/* ---- the wait, in the test's hands ---- */

static _Thread_local bool this_is_the_writer;
static atomic_int waits;
static atomic_bool time_is_over; /* a wait ends at once */
static struct timespec last_until, last_began;

int __real_pthread_cond_timedwait(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    if (!this_is_the_writer)
        return __real_pthread_cond_timedwait(cond, lock, until);
    last_until = *until;
    (void)clock_gettime(CLOCK_MONOTONIC, &last_began);
    atomic_fetch_add(&waits, 1);
    struct timespec late = rp_deadline(PATIENCE_S * RP_US_S);
    return atomic_load(&time_is_over) ? ETIMEDOUT
                                      : __real_pthread_cond_timedwait(cond, lock, &late);
}

/* ---- a writer on a store, and those who post ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int left; /* not answered yet */
static bool gate_reached, gate_open;
static char dir[64];
static struct rp_store *store;
static struct rp_writer *writer;

/* Goes on by this when the last of a crowd is written: so long their transaction takes. */
static _Atomic int64_t now_us, takes_us;
static int64_t look(void *ctx)
{
    (void)ctx;
    return atomic_load(&now_us);
}

static bool at_once(struct rp_db *db, void *arg, struct rp_err *err)
{
    (void)db, (void)arg, (void)err;
    this_is_the_writer = true;
    return true;
}

static bool slowly(struct rp_db *db, void *arg, struct rp_err *err)
{
    (void)atomic_fetch_add(&now_us, atomic_load(&takes_us));
    return at_once(db, arg, err);
}

/* Keeps the writer busy, so that those who post meanwhile are a crowd. */
static bool gate(struct rp_db *db, void *arg, struct rp_err *err)
{
    (void)pthread_mutex_lock(&lock);
    gate_reached = true;
    (void)pthread_cond_broadcast(&changed);
    while (!gate_open)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    return at_once(db, arg, err);
}

static void answered(struct rp_op *op)
{
    (void)pthread_mutex_lock(&lock);
    left--;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    free(op);
}

static void post_as(bool (*run)(struct rp_db *, void *, struct rp_err *), bool heavy)
{
    struct rp_err err;
    struct rp_op *op = rp_xcalloc(1, sizeof *op);
    *op = (struct rp_op){.run = run, .done = answered, .heavy = heavy};
    (void)pthread_mutex_lock(&lock);
    left++;
    (void)pthread_mutex_unlock(&lock);
    if (!writer_submit(writer, op, &err))
        fail_msg("%s", err.message);
}

static void post(int n)
{
    for (int i = 0; i < n; i++)
        post_as(at_once, false);
}

/* Returns once at most `most` are not answered; false: that takes too long. */
static bool answered_but(int most)
{
    struct timespec late;
    (void)clock_gettime(CLOCK_REALTIME, &late);
    late.tv_sec += PATIENCE_S;
    int rc = 0;
    (void)pthread_mutex_lock(&lock);
    while (left > most && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&changed, &lock, &late);
    bool yes = left <= most;
    (void)pthread_mutex_unlock(&lock);
    return yes;
}

static int unanswered(void)
{
    (void)pthread_mutex_lock(&lock);
    int n = left;
    (void)pthread_mutex_unlock(&lock);
    return n;
}

static void wait_is_the(int nth)
{
    for (int i = 0; i < PATIENCE_S * 1000 && atomic_load(&waits) < nth; i++)
        pause_ms(1);
    assert_int_equal(atomic_load(&waits), nth);
}

static int64_t commits(void)
{
    (void)pthread_mutex_lock(&writer->lock);
    int64_t n = writer->commits;
    (void)pthread_mutex_unlock(&writer->lock);
    return n;
}

static void reach_gate(void)
{
    (void)pthread_mutex_lock(&lock);
    gate_reached = gate_open = false;
    (void)pthread_mutex_unlock(&lock);
    post_as(gate, false);
    (void)pthread_mutex_lock(&lock);
    while (!gate_reached)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}

static void open_gate(void)
{
    (void)pthread_mutex_lock(&lock);
    gate_open = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

/* So many are answered by one transaction. */
static void crowd_of(int n)
{
    reach_gate();
    int64_t before = commits();
    post(n - 1);
    post_as(slowly, false);
    open_gate();
    assert_true(answered_but(0));
    assert_int_equal(commits() - before, 2); /* the gate's, the crowd's */
}

static int begin(void **state)
{
    static struct rp_clock clock = {.wall_us = look, .mono_us = look};
    static const struct rp_engine_hooks none;
    static const atomic_bool never;
    struct rp_err err;
    char url[128];
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/reprise-crowd-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(url, sizeof url, "sqlite://%s/reprise.db", dir);
    writer = rp_xcalloc(1, sizeof *writer);
    atomic_store(&waits, 0);
    atomic_store(&time_is_over, false);
    atomic_store(&takes_us, RP_US_S);
    if (!rp_store_open(url, &store, &err) ||
        !writer_start(writer, store, &clock, &none, 1000, &never, &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (writer != NULL)
        writer_stop(writer);
    free(writer);
    rp_store_close(store);
    return nftw(dir, world_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- what it promises ---- */

static void a_crowd_that_comes_back_one_by_one_shares_one_commit(void **state)
{
    (void)state;
    crowd_of(CROWD);
    int64_t before = commits();
    post(1);
    wait_is_the(1); /* for the others */
    post(MOST_OF_IT - 2);
    assert_int_equal(unanswered(), MOST_OF_IT - 1); /* until most are there */
    post(1);
    assert_true(answered_but(0));
    print_message("%d that came one by one: %lld commit\n", MOST_OF_IT,
                  (long long)(commits() - before));
    assert_int_equal(commits() - before, 1);
}

static void who_is_alone_is_never_kept_waiting(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        post(1);
        assert_true(answered_but(0));
    }
    crowd_of(SMALL_CROWD);
    post(1);
    assert_true(answered_but(0));
    assert_int_equal(atomic_load(&waits), 0);
}

static void who_is_alone_after_a_crowd_is_kept_waiting_once(void **state)
{
    (void)state;
    crowd_of(CROWD);
    atomic_store(&time_is_over, true);
    for (int i = 0; i < 20; i++) {
        post(1);
        assert_true(answered_but(0));
    }
    assert_int_equal(atomic_load(&waits), 1);
}

static int64_t wait_us(void)
{
    return (last_until.tv_sec - last_began.tv_sec) * RP_US_S +
           (last_until.tv_nsec - last_began.tv_nsec) / 1000;
}

static void it_waits_for_no_longer_than_a_transaction_took_nor_than_a_batch_may_take(void **state)
{
    (void)state;
    atomic_store(&time_is_over, true);
    crowd_of(CROWD);
    post(1);
    assert_true(answered_but(0));
    wait_is_the(1);
    assert_true(wait_us() <= 20000);
    atomic_store(&takes_us, 0);
    crowd_of(CROWD);
    post(1);
    assert_true(answered_but(0));
    wait_is_the(2);
    assert_true(wait_us() <= 0);
}

static void what_is_heavy_ends_the_wait(void **state)
{
    (void)state;
    crowd_of(CROWD);
    post(1);
    wait_is_the(1);
    post_as(at_once, true);
    assert_true(answered_but(0));
    assert_int_equal(atomic_load(&waits), 1);
}

static void a_stop_ends_the_wait_and_what_waited_is_written(void **state)
{
    (void)state;
    crowd_of(CROWD);
    post(1);
    wait_is_the(1);
    writer_stop(writer);
    assert_int_equal(atomic_load(&waits), 1);
    assert_int_equal(unanswered(), 0);
    free(writer);
    writer = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_crowd_that_comes_back_one_by_one_shares_one_commit),
        TEST(who_is_alone_is_never_kept_waiting),
        TEST(who_is_alone_after_a_crowd_is_kept_waiting_once),
        TEST(it_waits_for_no_longer_than_a_transaction_took_nor_than_a_batch_may_take),
        TEST(what_is_heavy_ends_the_wait),
        TEST(a_stop_ends_the_wait_and_what_waited_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
