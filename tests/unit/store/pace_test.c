/* Rates at the claim (users.md U4): live jobs, retries and replays go through the same. */
#include "world.h"

enum { CLAIMS = 4000, STEP_US = 1000 };

static int64_t starts[CLAIMS];
static size_t n_starts;

static void add(struct world *w, const char *type, int n)
{
    for (int i = 0; i < n; i++) {
        struct rp_enqueue in = {.type = rp_str_of(type), .priority = INT64_MIN};
        struct rp_enqueued out;
        OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    }
}

/* What is claimed now fails or succeeds at once; its start is noted. */
static size_t start(struct world *w, int64_t max, bool fails)
{
    struct rp_claim c = {
        .node = RP_STR("n"), .worker = RP_STR("w"), .max = max, .lease_us = RP_US_H};
    struct rp_lease *l;
    size_t n;
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, &l, &n, err));
    for (size_t i = 0; i < n; i++) {
        struct rp_report r = {.lease = l[i].id,
                              .token = l[i].token,
                              .outcome = fails ? RP_OUT_FAILED : RP_OUT_SUCCEEDED};
        enum rp_state state;
        OK(rp_job_report(w->db, &r, w->now, &state, err));
        if (n_starts < CLAIMS)
            starts[n_starts++] = w->now;
    }
    return n;
}

static void no_window_above(int64_t rate, int64_t window_us)
{
    for (size_t k = (size_t)rate; k < n_starts; k++)
        if (starts[k] - starts[k - (size_t)rate] < window_us)
            fail_msg("%lld starts within %lld us", (long long)rate + 1,
                     (long long)(starts[k] - starts[k - (size_t)rate]));
}

static int64_t replay_of_all(struct world *w)
{
    struct rp_job_filter f = {0};
    struct rp_candidate *v;
    size_t n;
    int64_t id;
    OK(rp_replay_candidates(w->db, rp_db_config(w->db), &f, NULL, 0, 1000, &w->arena, &v, &n, err));
    struct rp_replay in = {
        .actor = RP_STR("ada"), .reason = RP_STR("up"), .canary = 5, .wave_max = 100};
    OK(rp_replay_create(w->db, &in, v, n, w->now, &id, err));
    OK(rp_replay_set_state(w->db, id, RP_REPLAY_RUNNING, RP_STR("ada"), RP_STR("go"), w->now, err));
    return id;
}

static void
U4_live_jobs_retries_and_a_replay_together_stay_below_the_rate_of_a_dependency(void **state)
{
    struct world *w = *state;
    n_starts = 0;
    configure(w, "dependencies: { api: { tcp: '127.0.0.1:1', rate: 20/s } }\n"
                 "jobs:\n"
                 "  charge: { idempotent: true, retries: 3, needs: [api],"
                 " backoff: { kind: fixed, base: 1ms } }\n"
                 "  refund: { idempotent: true, needs: [api] }\n"
                 "  free: { idempotent: true }\n");
    add(w, "refund", 20);
    add(w, "free", 500);
    for (int64_t until = w->now + 3 * RP_US_S; w->now < until; w->now += STEP_US)
        (void)start(w, 1000, true);  /* failed for good: the replay's */
    assert_int_equal(n_starts, 520); /* without a rate: at once */
    n_starts = 0;
    add(w, "charge", 40); /* 160 attempts with their retries */
    int64_t replay = replay_of_all(w), out, begin = w->now;
    OK(rp_replay_release(w->db, replay, 1, 20, w->now, &out, err));
    assert_int_equal(out, 20);
    for (; w->now < begin + 11 * RP_US_S; w->now += STEP_US) {
        (void)promote(w);
        (void)start(w, 10, true);
        if ((w->now - begin) % RP_US_S == 0)
            add(w, "refund", 5);
    }
    no_window_above(20, RP_US_S);
    assert_in_range(n_starts, 215, 220); /* and it is used */
}

static void U4_the_rates_of_a_type_and_of_what_it_needs_both_hold(void **state)
{
    struct world *w = *state;
    n_starts = 0;
    configure(w, "dependencies: { api: { tcp: '127.0.0.1:1', rate: 50/s } }\n"
                 "jobs:\n"
                 "  slow: { idempotent: true, needs: [api], rate: 600/m }\n"
                 "  fast: { idempotent: true, needs: [api], rate: 1000/s }\n");
    add(w, "slow", 100);
    int64_t begin = w->now;
    for (; w->now < begin + 3 * RP_US_S; w->now += STEP_US)
        (void)start(w, 100, false);
    no_window_above(10, RP_US_S);
    assert_int_equal(n_starts, 30);
    n_starts = 0;
    add(w, "fast", 500);
    for (begin = w->now; w->now < begin + 3 * RP_US_S; w->now += STEP_US)
        (void)start(w, 100, false);
    no_window_above(50, RP_US_S);
    assert_int_equal(n_starts, 150);
    assert_int_equal(query(w,
                           "select count(*) from job j join job_type t on t.id = j.type_id"
                           " where t.name = 'slow' and j.state = 5",
                           0, 0),
                     60); /* both in turn */
}

/* Who waits hears when there is room again: the engine at its next tick, workers that poll by it.
 */
static void U4_a_claim_says_when_there_is_room_again(void **state)
{
    struct world *w = *state;
    configure(w, "jobs: { slow: { idempotent: true, rate: 2/s } }");
    assert_int_equal(rp_paced_next(w->db, w->now), INT64_MAX);
    add(w, "slow", 2);
    assert_int_equal(start(w, 10, false), 1);
    assert_int_equal(rp_paced_next(w->db, w->now), w->now + RP_US_S / 2);
    (void)rp_db_take_changes(w->db);
    assert_int_equal(start(w, 10, false), 0);
    w->now += RP_US_S / 2;
    assert_int_equal(rp_paced_next(w->db, w->now), INT64_MAX);
    assert_true((rp_db_take_changes(w->db) & RP_CHANGED_READY) != 0);
    assert_int_equal(start(w, 10, false), 1);
    assert_int_equal(rp_paced_next(w->db, w->now), INT64_MAX); /* nobody waits */
}

static void U4_a_claim_that_is_rolled_back_has_taken_nothing(void **state)
{
    struct world *w = *state;
    configure(w, "jobs: { slow: { idempotent: true, rate: 1/h } }");
    add(w, "slow", 2);
    OK(rp_savepoint(w->db, err));
    assert_int_equal(start(w, 10, false), 1);
    rp_savepoint_rollback(w->db);
    assert_int_equal(start(w, 10, false), 1);
    assert_int_equal(start(w, 10, false), 0);
}

/* Who waits is told all the same if the transaction that would have told it fails. */
static void U4_what_is_rolled_back_forgets_nobody_who_waits_and_adds_none(void **state)
{
    struct world *w = *state;
    configure(w, "jobs: { slow: { idempotent: true, rate: 2/s } }");
    add(w, "slow", 3);
    OK(rp_savepoint(w->db, err));
    assert_int_equal(start(w, 10, false), 1);
    assert_int_equal(rp_paced_next(w->db, w->now), w->now + RP_US_S / 2);
    rp_savepoint_rollback(w->db);
    assert_int_equal(rp_paced_next(w->db, w->now), INT64_MAX);
    assert_int_equal(start(w, 10, false), 1);
    w->now += RP_US_S / 2;
    OK(rp_savepoint(w->db, err));
    assert_int_equal(rp_paced_next(w->db, w->now), INT64_MAX);
    assert_true((rp_db_take_changes(w->db) & RP_CHANGED_READY) != 0);
    rp_savepoint_rollback(w->db);
    (void)rp_db_take_changes(w->db);
    assert_int_equal(rp_paced_next(w->db, w->now), INT64_MAX);
    assert_true((rp_db_take_changes(w->db) & RP_CHANGED_READY) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(U4_live_jobs_retries_and_a_replay_together_stay_below_the_rate_of_a_dependency),
        TEST(U4_the_rates_of_a_type_and_of_what_it_needs_both_hold),
        TEST(U4_a_claim_says_when_there_is_room_again),
        TEST(U4_a_claim_that_is_rolled_back_has_taken_nothing),
        TEST(U4_what_is_rolled_back_forgets_nobody_who_waits_and_adds_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
