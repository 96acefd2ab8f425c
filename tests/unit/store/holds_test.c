/* Jobs that are held for a dependency (users.md U11). */
#include "world.h"

#include "store/holds.h"

static const char config[] =
    "dependencies:\n"
    "  billing-db: { tcp: '127.0.0.1:1', every: 10s, timeout: 5s }\n"
    "  mail: { tcp: '127.0.0.1:2', every: 10s, timeout: 5s }\n"
    "jobs:\n"
    "  invoice: { idempotent: true, retries: 2, backoff: { kind: fixed, base: 30s },"
    " needs: [billing-db, mail], hold_max: 2d }\n"
    "  report: { idempotent: true, needs: [mail] }\n"
    "  free: { idempotent: true }\n"
    "  never: { idempotent: true, needs: [mail], hold_max: 0 }\n";

static const struct rp_report dependency_down = {
    .outcome = RP_OUT_FAILED,
    .facts = {.error = RP_STR("connection refused"), .error_class = RP_STR("connection")},
    .template = RP_STR("connection refused"),
    .error_group = RP_STR("dependency"),
    .pattern_hash = 7,
};

static void check(struct world *w, const char *dependency, bool up)
{
    OK(rp_dep_checked(w->db, rp_str_of(dependency), up, RP_STR("said"), 1, w->now, err));
}

static int64_t add(struct world *w, const char *type)
{
    struct rp_enqueue in = {.type = rp_str_of(type), .priority = INT64_MIN};
    struct rp_enqueued out;
    OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    return out.id;
}

/* Claims up to `max` and ends each as `how` says (lease and token are filled in); how many. */
static size_t run(struct world *w, int64_t max, const struct rp_report *how)
{
    struct rp_claim c = {
        .node = RP_STR("n"), .worker = RP_STR("w"), .max = max, .lease_us = RP_US_H};
    struct rp_lease *l;
    size_t n;
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, &l, &n, err));
    for (size_t i = 0; i < n; i++) {
        struct rp_report r = *how;
        enum rp_state state;
        r.lease = l[i].id;
        r.token = l[i].token;
        OK(rp_job_report(w->db, &r, w->now, &state, err));
    }
    return n;
}

static const struct rp_report success = {.outcome = RP_OUT_SUCCEEDED};

static int64_t next_step(struct world *w)
{
    int64_t moved, next;
    OK(rp_holds_step(w->db, w->now, 1000, &moved, &next, err));
    return next;
}

static struct rp_job job(struct world *w, int64_t id)
{
    struct rp_job j;
    OK(rp_job_get(w->db, id, &w->arena, &j, err));
    return j;
}

static int64_t queued(struct world *w)
{
    return query(w, "select count(*) from job where state = 2", 0, 0);
}

static void begin(struct world *w)
{
    configure(w, config);
    check(w, "billing-db", true);
    check(w, "mail", true);
    w->now += RP_US_S;
}

/* Down by a check: held, whatever the number of tries, until a check says up. */
static void U11_a_failure_while_its_dependency_is_down_burns_no_attempt(void **state)
{
    struct world *w = *state;
    begin(w);
    int64_t id = add(w, "report");
    struct rp_claim c = {.node = RP_STR("n"), .worker = RP_STR("w"), .max = 1, .lease_us = RP_US_H};
    struct rp_lease *l;
    size_t n;
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, &l, &n, err));
    check(w, "mail", false); /* goes down while it runs */
    struct rp_report r = dependency_down;
    enum rp_state got;
    r.lease = l->id;
    r.token = l->token;
    OK(rp_job_report(w->db, &r, w->now, &got, err));
    assert_int_equal(got, RP_RETRYING);
    struct rp_job j = job(w, id);
    assert_int_equal(j.attempts, 0);
    assert_int_equal(j.last_n, 1);
    assert_string_equal(rp_cstr(&w->arena, j.held_by), "mail");
    assert_int_equal(j.held_since_us, w->now);
    assert_int_equal(j.due_us, w->now + 7 * RP_US_DAY); /* hold_max's default */
    assert_int_equal(
        query(w, "select count(*) from attempt where outcome = 2 and held = 'mail'", 0, 0), 1);
    w->now += 6 * RP_US_DAY;
    assert_int_equal(promote(w), 0);
    assert_int_equal(next_step(w), INT64_MAX);
    assert_int_equal(run(w, 10, &success), 0);
    check(w, "mail", true);
    (void)next_step(w);
    assert_int_equal(run(w, 10, &success), 1);
    j = job(w, id);
    assert_int_equal(j.state, RP_SUCCEEDED);
    assert_int_equal(j.attempts, 1);
    assert_int_equal(j.last_n, 2);
    assert_int_equal(query(w, "select count(*) from hold", 0, 0), 0);
}

/* The first failures of an outage come before the check that sees it. */
static void U11_a_failure_before_the_check_that_sees_the_outage_is_held_too(void **state)
{
    struct world *w = *state;
    begin(w);
    int64_t id = add(w, "report");
    assert_int_equal(run(w, 1, &dependency_down), 1);
    assert_int_equal(job(w, id).state, RP_RETRYING);
    (void)next_step(w);
    assert_int_equal(query(w, "select phase from hold", 0, 0), 0);
    w->now += RP_US_S;
    check(w, "mail", false);
    (void)next_step(w);
    struct rp_job j = job(w, id);
    assert_int_equal(j.state, RP_RETRYING);
    assert_int_equal(j.attempts, 0);
    assert_int_equal(j.due_us, j.held_since_us + 7 * RP_US_DAY);
}

static void U11_a_check_that_finds_the_dependency_up_makes_the_attempt_count(void **state)
{
    struct world *w = *state;
    begin(w);
    int64_t last = add(w, "report"), more = add(w, "invoice");
    assert_int_equal(run(w, 2, &dependency_down), 2);
    w->now += RP_US_S;
    check(w, "mail", true);
    (void)next_step(w);
    assert_int_equal(job(w, last).state, RP_FAILED);
    assert_int_equal(job(w, last).attempts, 1);
    assert_int_equal(job(w, last).ended_us, w->now);
    assert_int_equal(job(w, more).state, RP_RETRYING); /* its other one has not been checked yet */
    assert_int_equal(job(w, more).attempts, 0);
    check(w, "billing-db", true);
    (void)next_step(w);
    assert_int_equal(job(w, more).attempts, 1);
    assert_int_equal(job(w, more).due_us, w->now + 30 * RP_US_S);
    assert_null(job(w, more).held_by.p);
    write_counts(w);
    assert_int_equal(query(w, "select sum(n) from rollup where final = 1", 0, 0), 1);
    assert_int_equal(query(w, "select sum(n) from rollup", 0, 0), 2);
    assert_int_equal(query(w, "select count(*) from attempt where held is not null", 0, 0), 0);
}

/* A dependency that nobody checks any more must not keep a job for ever. */
static void U11_a_doubt_that_no_check_settles_ends_by_itself(void **state)
{
    struct world *w = *state;
    begin(w);
    int64_t id = add(w, "report");
    assert_int_equal(run(w, 1, &dependency_down), 1);
    w->now += 40 * RP_US_S - 1; /* 10 s and twice its time between checks and its time limit */
    assert_int_equal(promote(w), 0);
    w->now += 1;
    assert_int_equal(promote(w), 1);
    assert_int_equal(job(w, id).state, RP_FAILED);
}

/* It takes the checks of all that is needed, and so the time of the one that is checked least
 * often, whichever was checked longest ago. */
static void U11_a_doubt_lasts_until_the_rarest_check_should_have_come(void **state)
{
    struct world *w = *state;
    configure(w, "dependencies:\n"
                 "  often: { tcp: '127.0.0.1:1', every: 10s, timeout: 5s }\n"
                 "  rarely: { tcp: '127.0.0.1:2', every: 10m, timeout: 5s }\n"
                 "jobs:\n  a: { idempotent: true, needs: [rarely, often] }\n"
                 "  b: { idempotent: true, needs: [often, rarely] }\n");
    check(w, "often", true);
    w->now += RP_US_S;
    check(w, "rarely", true);
    w->now += RP_US_S;
    int64_t a = add(w, "a"), b = add(w, "b"), from = w->now;
    assert_int_equal(run(w, 2, &dependency_down), 2);
    w->now += 20 * RP_US_S;
    check(w, "often", true);
    (void)next_step(w);
    w->now = from + 20 * RP_US_MIN + 20 * RP_US_S - 1;
    assert_int_equal(promote(w), 0);
    check(w, "rarely", false); /* it was that one */
    (void)next_step(w);
    assert_int_equal(job(w, a).attempts, 0);
    assert_int_equal(job(w, b).attempts, 0);
    assert_string_equal(rp_cstr(&w->arena, job(w, a).held_by), "rarely");
    check(w, "rarely", true);
    w->now += RP_US_H;
    (void)next_step(w);
    int64_t c = add(w, "a");
    assert_int_equal(run(w, 3, &dependency_down), 3);
    w->now += 20 * RP_US_MIN + 20 * RP_US_S;
    (void)promote(w);
    assert_int_equal(job(w, c).state, RP_FAILED); /* not for ever */
}

static void U11_other_failures_and_types_without_needs_burn_attempts_as_ever(void **state)
{
    struct world *w = *state;
    begin(w);
    struct rp_report code = dependency_down, permanent = dependency_down, timeout = dependency_down;
    code.error_group = RP_STR("code");
    code.pattern_hash = 8;
    permanent.permanent = true;
    timeout.outcome = RP_OUT_TIMEOUT;
    const struct {
        const char *type;
        const struct rp_report *how;
    } burns[] = {{"report", &code},
                 {"report", &permanent},
                 {"report", &timeout},
                 {"free", &dependency_down},
                 {"never", &dependency_down}};
    for (size_t i = 0; i < sizeof burns / sizeof *burns; i++) {
        int64_t id = add(w, burns[i].type);
        assert_int_equal(run(w, 1, burns[i].how), 1);
        assert_int_equal(job(w, id).state, RP_FAILED);
        assert_int_equal(job(w, id).attempts, 1);
    }
}

/* A person's word on the pattern goes before the rule, both ways. */
static void U11_a_class_that_a_person_corrected_decides(void **state)
{
    struct world *w = *state;
    begin(w);
    (void)add(w, "free");
    assert_int_equal(run(w, 1, &dependency_down), 1);
    OK(rp_pattern_edit(w->db, 1, RP_NONE, RP_STR("code_bug"), RP_STR("code"), RP_NONE,
                       RP_STR("ada"), w->now, err));
    int64_t id = add(w, "report");
    assert_int_equal(run(w, 1, &dependency_down), 1);
    assert_int_equal(job(w, id).state, RP_FAILED);
}

static void hold_many(struct world *w, int n)
{
    begin(w);
    for (int i = 0; i < n; i++)
        (void)add(w, "report");
    assert_int_equal(run(w, n, &dependency_down), n);
    w->now += RP_US_S;
    check(w, "mail", false);
    (void)next_step(w);
    assert_int_equal(query(w, "select count(*) from hold where phase = 1", 0, 0), n);
}

static void U11_held_jobs_come_back_in_waves_that_grow_while_they_succeed(void **state)
{
    static const int waves[] = {5, 10, 20, 40, 25};
    struct world *w = *state;
    hold_many(w, 100);
    check(w, "mail", true);
    for (size_t i = 0; i < sizeof waves / sizeof *waves; i++) {
        (void)next_step(w);
        assert_int_equal(queued(w), waves[i]);
        assert_int_equal(run(w, waves[i] - 1, &success), waves[i] - 1);
        (void)next_step(w); /* the next waits for all of it */
        assert_int_equal(queued(w), 1);
        assert_int_equal(run(w, 1, &success), 1);
    }
    (void)next_step(w);
    assert_int_equal(query(w, "select count(*) from job where state <> 5", 0, 0), 0);
    assert_int_equal(query(w, "select count(*) from hold_wave", 0, 0), 0);
}

/* The check passes and the work still fails: held again, no attempt burned, the canary comes again
 * later and later. */
static void U11_a_canary_that_comes_back_is_held_again_and_the_next_waits_longer(void **state)
{
    static const int64_t waits_s[] = {10, 20, 40, 80, 160, 320, 600, 600};
    struct world *w = *state;
    hold_many(w, 30);
    check(w, "mail", true);
    for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
        (void)next_step(w);
        assert_int_equal(queued(w), 5);
        assert_int_equal(run(w, 5, &dependency_down), 5);
        assert_int_equal(next_step(w), w->now + waits_s[i] * RP_US_S);
        assert_int_equal(queued(w), 0);
        w->now += waits_s[i] * RP_US_S;
    }
    assert_int_equal(query(w, "select sum(attempts) from job", 0, 0), 0);
    (void)next_step(w);
    assert_int_equal(run(w, 5, &success), 5);
    (void)next_step(w);
    assert_int_equal(run(w, 10, &success), 10);
    (void)next_step(w);
    assert_int_equal(queued(w), 15);
}

/* Only what was let out tells of the wave; a new failure is doubted by itself. */
static void U11_a_live_job_that_fails_does_not_end_the_wave(void **state)
{
    struct world *w = *state;
    hold_many(w, 30);
    check(w, "mail", true);
    (void)next_step(w);
    assert_int_equal(run(w, 5, &success), 5);
    w->now += RP_US_S;
    int64_t live = add(w, "report");
    assert_int_equal(run(w, 1, &dependency_down), 1);
    assert_int_equal(next_step(w), INT64_MAX);
    assert_int_equal(queued(w), 10);
    assert_int_equal(query(w, "select phase from hold where job_id = ?1", live, 0),
                     RP_HOLD_DOUBTED);
}

/* Down again between the waves: the rest stays, and a canary begins anew. */
static void U11_a_dependency_that_flaps_keeps_the_rest_held(void **state)
{
    struct world *w = *state;
    hold_many(w, 30);
    check(w, "mail", true);
    (void)next_step(w);
    assert_int_equal(run(w, 5, &success), 5);
    check(w, "mail", false);
    (void)next_step(w);
    assert_int_equal(queued(w), 0);
    check(w, "mail", true);
    (void)next_step(w);
    assert_int_equal(queued(w), 5);
}

static void U11_hold_max_ends_it_with_the_reason(void **state)
{
    struct world *w = *state;
    begin(w);
    int64_t id = add(w, "invoice");
    assert_int_equal(run(w, 1, &dependency_down), 1);
    w->now += RP_US_S;
    check(w, "billing-db", false);
    (void)next_step(w);
    w->now += 2 * RP_US_DAY - RP_US_S - 1;
    assert_int_equal(promote(w), 0);
    w->now += 1;
    assert_int_equal(promote(w), 1);
    struct rp_job j = job(w, id);
    assert_int_equal(j.state, RP_FAILED);
    assert_int_equal(j.attempts, 0);
    assert_string_equal(rp_cstr(&w->arena, j.error),
                        "held for 2d, the longest that its type waits, and dependency billing-db is"
                        " still down: connection refused");
    assert_string_equal(rp_cstr(&w->arena, j.error_class), "connection");
    assert_int_equal(query(w, "select count(*) from hold", 0, 0), 0);
    write_counts(w);
    assert_int_equal(query(w, "select sum(n) from rollup where final = 1", 0, 0), 1);
}

/* With everything up the longest wait lets it out: it may be the queue that was paused. Past that,
 * its failures count. */
static void U11_past_hold_max_a_failure_counts(void **state)
{
    struct world *w = *state;
    hold_many(w, 6);
    w->now += 7 * RP_US_DAY - RP_US_S; /* failed, then one second to the check */
    check(w, "mail", true);
    assert_int_equal(promote(w), 6);
    assert_int_equal(run(w, 6, &dependency_down), 6);
    assert_int_equal(query(w, "select count(*) from job where state = 6 and attempts = 1", 0, 0),
                     6);
}

static void U11_a_dependency_that_leaves_the_configuration_frees_its_jobs(void **state)
{
    struct world *w = *state;
    hold_many(w, 6);
    configure(w, "jobs: { report: { idempotent: true } }");
    (void)next_step(w);
    assert_int_equal(queued(w), 5);
}

/* … and a type that leaves it keeps them held; they come back with it. */
static void U11_a_type_that_leaves_the_configuration_keeps_its_jobs_held(void **state)
{
    struct world *w = *state;
    hold_many(w, 6);
    configure(w, "jobs: { free: {} }");
    (void)next_step(w);
    assert_int_equal(queued(w), 0);
    configure(w, config);
    check(w, "mail", true);
    (void)next_step(w);
    assert_int_equal(queued(w), 5);
}

static void U11_a_held_job_can_be_cancelled_and_is_in_no_selection(void **state)
{
    struct world *w = *state;
    hold_many(w, 2);
    struct rp_job_filter f = {0};
    struct rp_candidate *v;
    size_t n;
    OK(rp_replay_candidates(w->db, rp_db_config(w->db), &f, NULL, 0, 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 0);
    struct rp_err refused;
    assert_false(rp_job_retry(w->db, 1, RP_STR("ada"), RP_STR("now"), w->now, &refused));
    assert_int_equal(refused.code, RP_E_BAD_STATE);
    OK(rp_job_cancel(w->db, 1, RP_STR("ada"), RP_STR("gone"), w->now, err));
    assert_int_equal(job(w, 1).state, RP_CANCELLED);
    assert_int_equal(query(w, "select count(*) from hold where job_id = 1", 0, 0), 0);
    check(w, "mail", true);
    (void)next_step(w);
    assert_int_equal(queued(w), 1);
}

/* A replay's item ends with its failure, so that the replay sees it and halts. */
static void U11_an_item_of_a_replay_is_not_held(void **state)
{
    struct world *w = *state;
    begin(w);
    struct rp_report broken = dependency_down;
    broken.permanent = true;
    int64_t id = add(w, "report"), replay, released;
    assert_int_equal(run(w, 1, &broken), 1);
    struct rp_job_filter f = {0};
    struct rp_candidate *v;
    size_t n;
    OK(rp_replay_candidates(w->db, rp_db_config(w->db), &f, NULL, 0, 10, &w->arena, &v, &n, err));
    struct rp_replay in = {
        .actor = RP_STR("ada"), .reason = RP_STR("up"), .canary = 1, .wave_max = 1};
    OK(rp_replay_create(w->db, &in, v, n, w->now, &replay, err));
    OK(rp_replay_set_state(w->db, replay, RP_REPLAY_RUNNING, RP_STR("ada"), RP_STR("go"), w->now,
                           err));
    OK(rp_replay_release(w->db, replay, 1, 1, w->now, &released, err));
    assert_int_equal(released, 1);
    assert_int_equal(run(w, 1, &dependency_down), 1);
    assert_int_equal(job(w, id).state, RP_FAILED);
}

/* Its length of time, not the clock's reading, is what a hold is (schedules, rule 11). */
static void U11_a_set_clock_neither_ends_nor_stretches_a_hold(void **state)
{
    struct world *w = *state;
    hold_many(w, 1);
    w->now += 30 * RP_US_DAY;
    OK(rp_jobs_clock_set(w->db, 30 * RP_US_DAY, err));
    assert_int_equal(promote(w), 0);
    assert_int_equal(job(w, 1).due_us, job(w, 1).held_since_us + 7 * RP_US_DAY);
    assert_int_equal(job(w, 1).held_since_us, w->now - RP_US_S);
}

/* A check from before is not one from after the failure, whatever the clock says. */
static void U11_a_clock_that_is_set_back_settles_no_doubt(void **state)
{
    struct world *w = *state;
    begin(w);
    int64_t id = add(w, "report");
    w->now -= RP_US_H;
    OK(rp_jobs_clock_set(w->db, -RP_US_H, err));
    assert_int_equal(run(w, 1, &dependency_down), 1);
    (void)next_step(w);
    assert_int_equal(job(w, id).state, RP_RETRYING);
    assert_int_equal(query(w, "select phase from hold", 0, 0), RP_HOLD_DOUBTED);
    w->now -= RP_US_H;
    OK(rp_jobs_clock_set(w->db, -RP_US_H, err));
    (void)next_step(w);
    assert_int_equal(job(w, id).attempts, 0);
    check(w, "mail", false);
    (void)next_step(w);
    assert_int_equal(query(w, "select phase from hold", 0, 0), RP_HOLD_HELD);
    assert_int_equal(query(w, "select since from dependency where name = 'billing-db'", 0, 0),
                     w->now - RP_US_S); /* since when it is up is a length of time, too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(U11_a_failure_while_its_dependency_is_down_burns_no_attempt),
        TEST(U11_a_failure_before_the_check_that_sees_the_outage_is_held_too),
        TEST(U11_a_check_that_finds_the_dependency_up_makes_the_attempt_count),
        TEST(U11_a_doubt_that_no_check_settles_ends_by_itself),
        TEST(U11_a_doubt_lasts_until_the_rarest_check_should_have_come),
        TEST(U11_other_failures_and_types_without_needs_burn_attempts_as_ever),
        TEST(U11_a_class_that_a_person_corrected_decides),
        TEST(U11_held_jobs_come_back_in_waves_that_grow_while_they_succeed),
        TEST(U11_a_canary_that_comes_back_is_held_again_and_the_next_waits_longer),
        TEST(U11_a_live_job_that_fails_does_not_end_the_wave),
        TEST(U11_a_dependency_that_flaps_keeps_the_rest_held),
        TEST(U11_hold_max_ends_it_with_the_reason),
        TEST(U11_past_hold_max_a_failure_counts),
        TEST(U11_a_dependency_that_leaves_the_configuration_frees_its_jobs),
        TEST(U11_a_type_that_leaves_the_configuration_keeps_its_jobs_held),
        TEST(U11_a_held_job_can_be_cancelled_and_is_in_no_selection),
        TEST(U11_an_item_of_a_replay_is_not_held),
        TEST(U11_a_set_clock_neither_ends_nor_stretches_a_hold),
        TEST(U11_a_clock_that_is_set_back_settles_no_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
