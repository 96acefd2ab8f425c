/* Schedules: every expected instant has one verdict and at most one job (rules 11 to 17, G14, U16,
 * U17, U20). */
#include "world.h"

static int64_t schedule_id(struct world *w, const char *name)
{
    struct rp_schedule_row row;
    OK(rp_schedule_get(w->db, rp_str_of(name), w->now, &w->arena, &row, err));
    return row.id;
}

static struct rp_fire tick(struct world *w)
{
    return tick_since(w, 0, 1);
}

static struct rp_occurrence *ledger(struct world *w, const char *name, const char *from,
                                    const char *to, size_t *n)
{
    struct rp_occurrence *v;
    OK(rp_occurrences(w->db, schedule_id(w, name), at(from), at(to), 10000, &w->arena, &v, n, err));
    return v;
}

static int64_t count_verdicts(struct world *w, enum rp_verdict v)
{
    return query(w, "select count(*) from occurrence where verdict = ?1", v, 0);
}

/* ---- firing ---- */

static void G14_an_instant_creates_one_job_in_the_move_of_the_next_instant(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 2 * * *\"\n");
    w->now = at("2026-03-02T02:00:00.250Z");
    assert_int_equal(tick(w).fired, 1);
    assert_int_equal(tick(w).fired, 0);
    size_t n;
    struct rp_occurrence *v =
        ledger(w, "nightly", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", &n);
    assert_int_equal(n, 1);
    assert_int_equal(v[0].verdict, RP_VERDICT_FIRED);
    assert_int_equal(v[0].instant_us, at("2026-03-02T02:00:00Z"));
    assert_int_equal(v[0].job_state, RP_QUEUED);
    assert_int_equal(query(w, "select instant from job where id = ?1", v[0].job_id, 0),
                     v[0].instant_us);
    assert_int_equal(tick(w).next_us, at("2026-03-03T02:00:00Z"));
}

static void G14_a_clock_set_back_fires_nothing_again(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"*/10 * * * *\"\n    overlap: allow\n");
    for (w->now = at("2026-03-02T00:00:00Z"); w->now <= at("2026-03-02T02:00:00Z");
         w->now += RP_US_MIN)
        (void)tick(w);
    int64_t jobs = query(w, "select count(*) from job", 0, 0);
    assert_int_equal(jobs, 12);
    w->now = at("2026-03-01T23:30:00Z");
    for (; w->now <= at("2026-03-02T02:00:00Z"); w->now += RP_US_MIN)
        assert_int_equal(tick(w).fired, 0);
    /* A correction by more than 3 h starts anew, and still fires nothing again. */
    int64_t from = w->now;
    w->now = at("2026-03-01T20:00:00Z");
    OK(rp_schedules_clock_set(w->db, from, w->now, err));
    int64_t fired = 0;
    for (; w->now < at("2026-03-02T00:05:00Z"); w->now += RP_US_MIN)
        fired += tick(w).fired;
    assert_int_equal(fired, 24); /* 20:10 … 00:00 */
    for (; w->now <= at("2026-03-02T02:00:00Z"); w->now += RP_US_MIN)
        assert_int_equal(tick(w).fired, 0);
}

static void R11_a_clock_set_forward_by_years_skips_with_verdict_clock_and_a_bound(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"* * * * *\"\n");
    int64_t from = w->now;
    w->now = at("2031-01-01T00:00:30Z");
    OK(rp_schedules_clock_set(w->db, from, w->now, err));
    assert_int_equal(tick(w).fired, 0);
    assert_int_equal(count_verdicts(w, RP_VERDICT_CLOCK), 10000);
    w->now += RP_US_MIN;
    assert_int_equal(tick(w).fired, 1);
    /* Put right again: what the wrong clock skipped may fire now. */
    OK(rp_schedules_clock_set(w->db, w->now, from, err));
    w->now = from + RP_US_MIN;
    finish_all(w);
    assert_int_equal(tick(w).fired, 1);
}

static void R13_jitter_is_within_bounds_and_stable_for_an_instant(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"*/10 * * * *\"\n    overlap: allow\n    jitter: 30s\n");
    for (; w->now <= at("2026-03-09T00:00:00Z"); w->now += 10 * RP_US_MIN)
        (void)tick(w);
    assert_int_equal(query(w,
                           "select count(*) from job where due_at < instant or due_at >"
                           " instant + 30000000",
                           0, 0),
                     0);
    int64_t n = query(w, "select count(*) from job", 0, 0);
    int64_t mean = query(w, "select sum(due_at - instant) / count(*) from job", 0, 0);
    assert_int_equal(n, 7 * 144);
    /* Uniform on [0, 30 s]: its mean over 1008 lies within 4 standard errors. */
    assert_in_range(mean, 15000000 - 1100000, 15000000 + 1100000);
    const struct rp_schedule *conf = rp_config_schedule(rp_db_config(w->db), RP_STR("nightly"));
    assert_non_null(conf);
    int64_t first = query(w, "select due_at - instant from job order by id limit 1", 0, 0);
    assert_int_equal(first, query(w, "select due_at - instant from job where instant = ?1",
                                  query(w, "select min(instant) from job", 0, 0), 0));
}

/* ---- missed ---- */

static void U17_run_once_makes_one_job_for_all_that_were_missed(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n");
    int64_t down = at("2026-03-02T00:30:00Z");
    w->now = at("2026-03-02T08:45:00Z");
    struct rp_fire f = tick_since(w, down, w->now);
    assert_int_equal(f.fired, 1);
    size_t n;
    struct rp_occurrence *v =
        ledger(w, "nightly", "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z", &n);
    assert_int_equal(n, 8);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(v[i].verdict, RP_VERDICT_MERGED);
        assert_int_equal(v[i].job_id, v[7].job_id);
        assert_non_null(strstr(rp_cstr(&w->arena, v[i].why),
                               "down from 2026-03-02T00:30:00Z to 2026-03-02T08:45:00Z"));
    }
    assert_int_equal(v[7].verdict, RP_VERDICT_FIRED);
    assert_non_null(strstr(rp_cstr(&w->arena, v[7].why), "stands for 8 missed"));
    assert_int_equal(query(w,
                           "select count(*) from job where labels ="
                           " '{\"reprise.missed\":\"8\"}'",
                           0, 0),
                     1);
    finish_all(w);
    w->now = at("2026-03-02T09:00:00Z");
    assert_int_equal(tick_since(w, down, at("2026-03-02T08:45:00Z")).fired, 1);
}

static void R14_run_all_runs_the_oldest_first_up_to_missed_max(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n    missed: run-all\n    missed_max: 3\n");
    w->now = at("2026-03-02T08:45:00Z");
    assert_int_equal(tick_since(w, 1, w->now).fired, 3);
    assert_int_equal(count_verdicts(w, RP_VERDICT_FIRED), 3);
    assert_int_equal(count_verdicts(w, RP_VERDICT_LIMIT), 5);
    assert_int_equal(query(w, "select max(instant) from occurrence where verdict = 1", 0, 0),
                     at("2026-03-02T03:00:00Z"));
    /* They run one after another, oldest first (overlap), not all at once (U17). */
    w->now += RP_US_MIN;
    int64_t n, next;
    OK(rp_jobs_promote(w->db, w->now, 100, &n, &next, err));
    struct rp_lease *l;
    for (int64_t hour = 1; hour <= 3; hour++) {
        assert_int_equal(claim(w, 10, &l), 1);
        assert_int_equal(l[0].job.instant_us, at("2026-03-02T00:00:00Z") + hour * RP_US_H);
        (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    }
}

static void R14_skip_and_start_within_leave_a_verdict_for_each_instant(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n    missed: skip\n"
                     "  other:\n    run: [\"true\"]\n    schedule: \"0 * * * *\"\n"
                     "    start_within: 2h\n");
    w->now = at("2026-03-02T08:45:00Z");
    struct rp_fire f = tick_since(w, at("2026-03-02T00:10:00Z"), w->now);
    assert_int_equal(f.fired, 1);
    assert_int_equal(f.missed, 8 + 6);
    assert_int_equal(count_verdicts(w, RP_VERDICT_MISSED), 8);
    assert_int_equal(count_verdicts(w, RP_VERDICT_LATE), 6);
    assert_int_equal(count_verdicts(w, RP_VERDICT_MERGED), 1);
    assert_int_equal(count_verdicts(w, RP_VERDICT_FIRED), 1);
    struct rp_schedule_row row;
    OK(rp_schedule_get(w->db, RP_STR("nightly"), w->now, &w->arena, &row, err));
    assert_int_equal(row.missed_24h, 8);
}

static void R14_a_slow_tick_is_not_a_gap(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 2 * * *\"\n    missed: skip\n");
    w->now = at("2026-03-02T02:00:20Z");
    assert_int_equal(tick_since(w, 0, at("2026-03-02T01:00:00Z")).fired, 1);
}

static void R11_a_jump_to_an_instant_makes_up_with_that_instant(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n");
    w->now = at("2026-03-02T03:00:00Z");
    assert_int_equal(tick(w).fired, 1);
    assert_int_equal(query(w, "select instant from job", 0, 0), w->now);
    assert_int_equal(count_verdicts(w, RP_VERDICT_MERGED), 2);
}

static void R14_a_gap_goes_on_over_several_calls_with_one_job(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"* * * * *\"\n");
    w->now = at("2026-03-09T00:00:30Z");
    int64_t fired = 0, calls = 0;
    for (struct rp_fire f = {.next_us = 0}; f.next_us <= w->now; calls++) {
        /* A daemon that starts again in the middle of it changes nothing. */
        int64_t up = calls < 5 ? w->now : w->now - RP_US_S;
        f = (struct rp_fire){.now_us = w->now, .down_from_us = 1, .up_since_us = up, .max = 200};
        OK(rp_schedules_fire(w->db, &f, err));
        fired += f.fired;
        w->now += calls < 5 ? 1000 : 0;
    }
    assert_int_equal(fired, 1);
    assert_in_range(calls, 50, 60);
    assert_int_equal(count_verdicts(w, RP_VERDICT_MERGED), 7 * 1440 - 1);
    assert_int_equal(query(w, "select instant from job", 0, 0), at("2026-03-09T00:00:00Z"));
}

static void U17_runs_of_several_schedules_are_staggered(void **state)
{
    struct world *w = *state;
    configure(w, "jobs:\n"
                 "  a: { run: [\"true\"], schedule: \"0 1 * * *\" }\n"
                 "  b: { run: [\"true\"], schedule: \"0 2 * * *\" }\n"
                 "  c: { run: [\"true\"], schedule: \"0 3 * * *\" }\n");
    w->now = at("2026-03-02T08:00:00Z");
    assert_int_equal(tick_since(w, 1, w->now).fired, 3);
    assert_int_equal(query(w, "select count(distinct due_at) from job", 0, 0), 3);
    assert_int_equal(query(w, "select max(due_at) - min(due_at) from job", 0, 0), 2 * RP_US_S);
}

/* ---- pause ---- */

static void U16_a_paused_instant_says_by_whom(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n");
    w->now += RP_US_MIN;
    OK(rp_schedule_pause(w->db, RP_STR("nightly"), true, RP_STR("ada"),
                         RP_STR("move of the database"), w->now, err));
    w->now = at("2026-03-02T03:00:00Z");
    assert_int_equal(tick(w).fired, 0);
    /* Resumed before the tick of 04:00: that instant was paused too. */
    w->now = at("2026-03-02T04:00:00.5Z");
    OK(rp_schedule_pause(w->db, RP_STR("nightly"), false, RP_STR("ada"), RP_NONE, w->now, err));
    w->now += RP_US_S;
    assert_int_equal(tick(w).fired, 0);
    assert_int_equal(count_verdicts(w, RP_VERDICT_PAUSED), 4);
    size_t n;
    struct rp_occurrence *v =
        ledger(w, "nightly", "2026-03-02T03:00:00Z", "2026-03-02T04:00:00Z", &n);
    assert_int_equal(n, 1);
    assert_non_null(
        strstr(rp_cstr(&w->arena, v[0].why), "paused by ada since 2026-03-02T00:01:00Z"));
    w->now = at("2026-03-02T05:00:00Z");
    assert_int_equal(tick(w).fired, 1);
    assert_int_equal(query(w,
                           "select count(*) from audit where action in ('schedule.pause',"
                           " 'schedule.resume')",
                           0, 0),
                     2);
}

static void U16_an_instant_before_the_pause_still_fires(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n");
    w->now = at("2026-03-02T01:00:01Z"); /* 01:00 has come, no tick yet */
    OK(rp_schedule_pause(w->db, RP_STR("nightly"), true, RP_STR("ada"), RP_NONE, w->now, err));
    w->now += RP_US_S;
    assert_int_equal(tick(w).fired, 1);
}

/* ---- overlap ---- */

static void R15_skip_records_the_job_in_the_way(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n");
    w->now = at("2026-03-02T01:00:00Z");
    (void)tick(w);
    struct rp_lease *l;
    assert_int_equal(claim(w, 1, &l), 1);
    w->now = at("2026-03-02T02:00:00Z");
    assert_int_equal(tick(w).fired, 0);
    assert_int_equal(query(w, "select job_id from occurrence where verdict = 2", 0, 0),
                     l[0].job.id);
    FAILS(RP_E_REFUSED, rp_schedule_run(w->db, RP_STR("nightly"), RP_STR("ada"), false, w->now,
                                        &(int64_t){0}, err));
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    w->now = at("2026-03-02T03:00:00Z");
    assert_int_equal(tick(w).fired, 1);
}

static void R15_queue_lets_one_wait_and_merges_the_others(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n    overlap: queue\n");
    struct rp_lease *l, *l2;
    for (int hour = 1; hour <= 4; hour++) {
        w->now = at("2026-03-02T00:00:00Z") + hour * RP_US_H;
        (void)tick(w);
        if (hour == 1)
            assert_int_equal(claim(w, 1, &l), 1);
        else
            assert_int_equal(claim(w, 1, &l2), 0); /* waits while the first runs */
    }
    assert_int_equal(count_verdicts(w, RP_VERDICT_FIRED), 2);
    assert_int_equal(count_verdicts(w, RP_VERDICT_MERGED), 2);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    assert_int_equal(claim(w, 1, &l2), 1);
    assert_int_equal(l2[0].job.instant_us, at("2026-03-02T02:00:00Z"));
}

static void R15_replace_asks_for_the_end_of_the_running_one(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n    overlap: replace\n");
    struct rp_lease *l, *l2;
    w->now = at("2026-03-02T01:00:00Z");
    (void)tick(w);
    assert_int_equal(claim(w, 1, &l), 1);
    (void)rp_db_take_changes(w->db);
    for (int hour = 2; hour <= 3; hour++) {
        w->now = at("2026-03-02T00:00:00Z") + hour * RP_US_H;
        assert_int_equal(tick(w).fired, 1);
    }
    assert_true((rp_db_take_changes(w->db) & RP_CHANGED_KILL) != 0);
    assert_int_equal(query(w, "select kill from lease where id = ?1", l[0].id, 0), 2);
    /* The one of 02:00 had not started: the newest replaces it. It waits until the old one is gone.
     */
    assert_int_equal(
        query(w, "select state from job where instant = ?1", at("2026-03-02T02:00:00Z"), 0),
        RP_CANCELLED);
    assert_int_equal(claim(w, 1, &l2), 0);
    assert_int_equal(report(w, &l[0], RP_OUT_CANCELLED, NULL, 0), RP_CANCELLED);
    assert_int_equal(claim(w, 1, &l2), 1);
    assert_int_equal(l2[0].job.instant_us, at("2026-03-02T03:00:00Z"));
}

static void R15_allow_starts_beside_the_running_one(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 * * * *\"\n    overlap: allow\n");
    struct rp_lease *l;
    for (int hour = 1; hour <= 3; hour++) {
        w->now = at("2026-03-02T00:00:00Z") + hour * RP_US_H;
        (void)tick(w);
        assert_int_equal(claim(w, 1, &l), 1);
    }
}

/* ---- configuration, by hand, reboot ---- */

static void R16_an_edit_keeps_the_next_instant_only_if_the_expression_is_the_same(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 2 * * *\"\n");
    w->now = at("2026-03-02T03:00:00Z"); /* 02:00 has come, no tick yet */
    configure(w, JOB "\"0 2 * * *\"\n    overlap: allow\n");
    assert_int_equal(query(w, "select next_at from schedule", 0, 0), at("2026-03-02T02:00:00Z"));
    configure(w, JOB "\"0 2 * * *\"\n    timezone: Europe/Berlin\n");
    assert_int_equal(query(w, "select next_at from schedule", 0, 0), at("2026-03-03T01:00:00Z"));
    enqueue(w, "nightly", NULL);
    int64_t held;
    static struct rp_mistakes mistakes;
    struct rp_config *c = w->config[w->n_config++] = rp_config_parse(
        RP_STR("jobs: { other: { run: [\"true\"] } }"), RP_STR("t"), NULL, &mistakes);
    struct rp_unrunnable *u;
    size_t n;
    write_counts(w);
    OK(rp_config_unrunnable(w->db, c, &w->arena, &u, &n, err));
    assert_int_equal(n, 1);
    assert_int_equal(u[0].waiting, 1);
    OK(rp_config_apply(w->db, c, w->now, &held, err));
    assert_int_equal(held, 1);
    assert_int_equal(query(w, "select active from schedule", 0, 0), 0);
    struct rp_lease *l;
    assert_int_equal(claim(w, 10, &l), 0); /* held, not dropped (U29) */
    w->now = at("2026-03-05T00:00:00Z");
    assert_int_equal(tick(w).fired, 0);
    configure(w, JOB "\"0 2 * * *\"\n    timezone: Europe/Berlin\n");
    assert_int_equal(query(w, "select next_at from schedule", 0, 0), at("2026-03-05T01:00:00Z"));
    assert_int_equal(claim(w, 10, &l), 1);
}

static void R17_a_run_by_hand_is_marked_and_moves_nothing(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"0 2 * * *\"\n");
    int64_t next = query(w, "select next_at from schedule", 0, 0), job, beside;
    w->now += 5 * RP_US_MIN;
    OK(rp_schedule_run(w->db, RP_STR("nightly"), RP_STR("ada"), false, w->now, &job, err));
    OK(rp_schedule_run(w->db, RP_STR("nightly"), RP_STR("ada"), true, w->now + 1, &beside, err));
    assert_int_equal(query(w, "select next_at from schedule", 0, 0), next);
    size_t n;
    struct rp_occurrence *v =
        ledger(w, "nightly", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", &n);
    assert_int_equal(n, 3); /* two by hand, and what is expected */
    assert_true(v[0].manual && v[1].manual);
    assert_int_equal(v[0].job_id, job);
    assert_int_equal(v[2].verdict, RP_VERDICT_NONE);
    assert_int_equal(v[2].instant_us, next);
    struct rp_lease *l;
    assert_int_equal(claim(w, 10, &l), 2);
    assert_int_equal(query(w, "select count(*) from audit where action = 'schedule.run'", 0, 0), 2);
    FAILS(RP_E_NOT_FOUND,
          rp_schedule_run(w->db, RP_STR("none"), RP_STR("ada"), false, w->now, &job, err));
}

static void R3_reboot_fires_once_a_start(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"@reboot\"\n");
    OK(rp_schedules_reboot(w->db, w->now, err));
    OK(rp_schedules_reboot(w->db, w->now, err));
    assert_int_equal(query(w, "select count(*) from job", 0, 0), 1);
    assert_int_equal(tick(w).next_us, INT64_MAX);
}

static void R3_every_goes_by_planned_instants(void **state)
{
    struct world *w = *state;
    configure(w, JOB "\"@every 90s\"\n    overlap: allow\n");
    int64_t start = w->now;
    for (; w->now < start + 870 * RP_US_S; w->now += 7 * RP_US_S)
        (void)tick(w);
    assert_int_equal(
        query(w, "select count(*) from job where (instant - ?1) % 90000000 = 0", start, 0), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(G14_an_instant_creates_one_job_in_the_move_of_the_next_instant),
        TEST(G14_a_clock_set_back_fires_nothing_again),
        TEST(R11_a_clock_set_forward_by_years_skips_with_verdict_clock_and_a_bound),
        TEST(R13_jitter_is_within_bounds_and_stable_for_an_instant),
        TEST(U17_run_once_makes_one_job_for_all_that_were_missed),
        TEST(R14_run_all_runs_the_oldest_first_up_to_missed_max),
        TEST(R14_skip_and_start_within_leave_a_verdict_for_each_instant),
        TEST(R14_a_slow_tick_is_not_a_gap),
        TEST(R11_a_jump_to_an_instant_makes_up_with_that_instant),
        TEST(R14_a_gap_goes_on_over_several_calls_with_one_job),
        TEST(U17_runs_of_several_schedules_are_staggered),
        TEST(U16_a_paused_instant_says_by_whom),
        TEST(U16_an_instant_before_the_pause_still_fires),
        TEST(R15_skip_records_the_job_in_the_way),
        TEST(R15_queue_lets_one_wait_and_merges_the_others),
        TEST(R15_replace_asks_for_the_end_of_the_running_one),
        TEST(R15_allow_starts_beside_the_running_one),
        TEST(R16_an_edit_keeps_the_next_instant_only_if_the_expression_is_the_same),
        TEST(R17_a_run_by_hand_is_marked_and_moves_nothing),
        TEST(R3_reboot_fires_once_a_start),
        TEST(R3_every_goes_by_planned_instants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
