/* What `retention:` takes, and what it leaves (users.md U26, G19). */
#include "world.h"

#include "store/retention.h"

static const char conf[] =
    "jobs:\n"
    "  a: { idempotent: true, retries: 0, schedule: \"0 3 * * *\" }\n"
    "  b: { idempotent: true, retries: 0, schedule: \"0 4 * * *\" }\n"
    "retention: { verdicts: 10d, minutes: 40d, checks: 20d, spooled: 50d }\n";

/* So many rows at `days` before now, one a microsecond. */
static void rows(struct world *w, const char *sql, int64_t days, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        (void)query(w, sql, w->now - days * RP_US_DAY + i, i);
}

static const char verdict_of_a[] =
    "insert into occurrence(schedule_id, instant, verdict, decided_at) select id, ?1, 1, ?1 from"
    " schedule where name = 'a'";
static const char verdict_of_b[] =
    "insert into occurrence(schedule_id, instant, verdict, decided_at) select id, ?1, 1, ?1 from"
    " schedule where name = 'b'";
static const char minute[] = "insert into rollup(minute, type_id, outcome, final, pattern_id, n)"
                             " values(?1 / 60000000, 1, 1, 1, ?2, 1)";
static const char check[] =
    "insert into dependency_check(dependency, at, state) values('db', ?1, 1 + ?2 % 2)";
static const char spooled[] = "insert into spool(id, at) values('s' || ?1, ?1)";

/* A round to its end; no step takes more than 100 rows. */
static int64_t forget(struct world *w)
{
    struct rp_retention_round at = {0};
    int64_t taken = 0;
    bool again = true;
    for (int steps = 0; again; steps++) {
        int64_t before = query(w, "select total_changes()", 0, 0);
        OK(rp_retention_step(w->db, &rp_db_config(w->db)->retention, &at, w->now, &again, err));
        int64_t rows_taken = query(w, "select total_changes()", 0, 0) - before;
        assert_in_range(rows_taken, 0, 100);
        taken += rows_taken;
        assert_true(steps < 1000);
    }
    return taken;
}

static void G19_what_is_older_than_asked_for_goes_in_short_steps_and_nothing_else(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    rows(w, verdict_of_a, 11, 250);
    rows(w, verdict_of_b, 30, 130);
    rows(w, verdict_of_a, 9, 20);
    rows(w, minute, 41, 350);
    rows(w, minute, 39, 7);
    rows(w, check, 21, 220);
    rows(w, check, 19, 9);
    rows(w, spooled, 51, 120);
    rows(w, spooled, 49, 5);
    assert_int_equal(forget(w), 250 + 130 + 350 + 220 + 120);
    assert_int_equal(query(w, "select count(*) from occurrence", 0, 0), 20);
    assert_int_equal(query(w, "select count(*) from rollup", 0, 0), 7);
    assert_int_equal(query(w, "select count(*) from dependency_check", 0, 0), 9);
    assert_int_equal(query(w, "select count(*) from spool", 0, 0), 5);
    assert_int_equal(forget(w), 0);
    w->now += 2 * RP_US_DAY;
    assert_int_equal(forget(w), 20 + 7 + 9 + 5);
}

static enum rp_state run_one_that_waits(struct world *w)
{
    struct rp_claim c = {
        .node = RP_STR("n"), .worker = RP_STR("w"), .max = 1, .lease_us = 30 * RP_US_S};
    struct rp_lease *l;
    size_t n;
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, &l, &n, err));
    assert_int_equal(n, 1);
    return report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
}

/* The schedule a's instant of so many days ago, with its job in a state. */
static int64_t instant(struct world *w, int64_t days, enum rp_outcome outcome)
{
    struct rp_lease *l;
    int64_t id = enqueue(w, "a", NULL);
    (void)query(w,
                "insert into occurrence(schedule_id, instant, verdict, decided_at, job_id) select"
                " id, ?1, 1, ?1, ?2 from schedule where name = 'a'",
                w->now - days * RP_US_DAY, id);
    if (outcome == RP_OUT_NONE)
        return id;
    struct rp_claim c = {
        .node = RP_STR("n"), .worker = RP_STR("w"), .max = 1, .lease_us = 30 * RP_US_S};
    size_t n;
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, &l, &n, err));
    assert_int_equal(n, 1);
    (void)report(w, &l[0], outcome, outcome == RP_OUT_SUCCEEDED ? NULL : "refused", 7);
    return id;
}

static void U26_the_verdict_of_a_job_that_is_not_resolved_stays_until_it_is(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    rows(w, verdict_of_a, 300, 150);
    int64_t failed = instant(w, 200, RP_OUT_FAILED);
    (void)instant(w, 199, RP_OUT_SUCCEEDED);
    int64_t waits = instant(w, 198, RP_OUT_NONE);
    rows(w, verdict_of_a, 100, 150);
    assert_int_equal(forget(w), 301);
    assert_int_equal(
        query(w, "select count(*) from occurrence where job_id in (?1, ?2)", failed, waits), 2);
    OK(rp_job_cancel(w->db, waits, RP_STR("ada"), RP_STR("old"), w->now, err));
    assert_int_equal(forget(w), 1);
    OK(rp_job_retry(w->db, failed, RP_STR("ada"), RP_STR("again"), w->now, err));
    assert_int_equal(forget(w), 0);
    assert_int_equal(run_one_that_waits(w), RP_SUCCEEDED);
    assert_int_equal(forget(w), 1);
    assert_int_equal(query(w, "select count(*) from occurrence", 0, 0), 0);
}

static void U26_audit_jobs_and_attempts_stay_however_old_they_are(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)instant(w, 1, RP_OUT_SUCCEEDED);
    OK(rp_audit(w->db, RP_STR("ada"), "test", RP_STR("x"), "SAFE", RP_NONE, w->now, err));
    w->now += 20 * 365 * RP_US_DAY;
    assert_true(forget(w) > 0);
    assert_int_equal(query(w, "select count(*) from job", 0, 0), 1);
    assert_int_equal(query(w, "select count(*) from attempt", 0, 0), 1);
    assert_true(query(w, "select count(*) from audit", 0, 0) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(G19_what_is_older_than_asked_for_goes_in_short_steps_and_nothing_else),
        TEST(U26_the_verdict_of_a_job_that_is_not_resolved_stays_until_it_is),
        TEST(U26_audit_jobs_and_attempts_stay_however_old_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
