/* The rate that a replay has by itself (replay.md 13). */
#include "replay_world.h"

#include <math.h>

static const char conf[] = "jobs:\n"
                           "  plain: { run: [\"true\"], retries: 0, idempotent: true }\n"
                           "  mail: { run: [\"true\"], retries: 0, idempotent: true }\n";

#define ALL ((struct rp_replay_ask){.all = true, .actor = RP_STR("ada")})

/* What the rollup keeps of `ok` successes and `failed` final failures of a type in a minute. */
static void minute(struct world *w, const char *type, int64_t at_us, int64_t ok, int64_t failed)
{
    for (int outcome = 1; outcome <= 2; outcome++) {
        struct rp_stmt *s = rp_sql(
            w->db, "insert into rollup(minute, type_id, queue_id, outcome, final, pattern_id, n)"
                   " values(?1, (select id from job_type where name = ?2), 1, ?3, 1, 0, ?4)");
        rp_bind_i64(s, 1, at_us / RP_US_MIN);
        rp_bind_text(s, 2, rp_str_of(type));
        rp_bind_i64(s, 3, outcome);
        rp_bind_i64(s, 4, outcome == 1 ? ok : failed);
        OK(rp_run(s, err));
    }
}

/* A history like a day's: per minute 1, 2, …, 60 runs within each of so many hours. */
static void hours(struct world *w, const char *type, int64_t from_us, int n, int64_t times,
                  double fails)
{
    for (int h = 0; h < n; h++)
        for (int m = 0; m < 60; m++) {
            int64_t runs = (m + 1) * times, failed = (int64_t)((double)runs * fails);
            minute(w, type, from_us + h * RP_US_H + m * RP_US_MIN, runs - failed, failed);
        }
}

/* The median of 1 … 60 is 30.5 a minute. */
static void R13_a_replay_goes_at_half_of_what_its_type_handled_at_its_median(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    hours(w, "plain", w->now - 24 * RP_US_H, 24, 1, 0);
    fail_many(w, "plain", 10);
    struct rp_plan p = plan_of(w, &ALL);
    assert_true(fabs(p.rate_per_s - 30.5 / 60 / 2) < 1e-12);
    assert_string_equal(rp_cstr(&w->arena, p.rate_basis),
                        "half of what plain handled in the median minute of its last day of "
                        "health, 30.5");
    assert_true(p.estimate_mid_s == -1 || p.estimate_mid_s >= 39); /* 10 at 0.254 a second */
    struct rp_replay r = replay(w, start(w, &ALL));
    assert_true(fabs(r.rate_per_s - 30.5 / 60 / 2) < 1e-12);
}

/* The day of the outage is not one of health: the one before counts. */
static void R13_hours_in_which_too_much_failed_do_not_count(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    hours(w, "plain", w->now - 40 * RP_US_H, 24, 2, .05);
    hours(w, "plain", w->now - 16 * RP_US_H, 16, 50, .5);
    fail_many(w, "plain", 10);
    assert_true(fabs(plan_of(w, &ALL).rate_per_s - 61.0 / 60 / 2) < 1e-12);
}

static void R13_only_the_newest_day_of_health_counts(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    hours(w, "plain", w->now - 80 * RP_US_H, 56, 100, 0);
    hours(w, "plain", w->now - 24 * RP_US_H, 24, 1, 0);
    fail_many(w, "plain", 10);
    assert_true(fabs(plan_of(w, &ALL).rate_per_s - 30.5 / 60 / 2) < 1e-12);
}

/* Items go out mixed, so each type gets its share of the rate, and none more than its own. */
static void R13_of_several_types_none_gets_more_than_its_half(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    hours(w, "plain", w->now - 24 * RP_US_H, 24, 1, 0);
    hours(w, "mail", w->now - 24 * RP_US_H, 24, 10, 0);
    fail_many(w, "plain", 5);
    fail_many(w, "mail", 15);
    struct rp_plan p = plan_of(w, &ALL); /* plain: .254 of a quarter, mail: 2.54 of the rest */
    assert_true(fabs(p.rate_per_s - 4 * 30.5 / 60 / 2) < 1e-12);
    assert_non_null(strstr(rp_cstr(&w->arena, p.rate_basis), "plain"));
}

static void R13_without_enough_history_it_is_not_limited_and_says_so(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    hours(w, "plain", w->now - 24 * RP_US_H, 1, 1, 0);
    w->now -= 23 * RP_US_H + 30 * RP_US_S; /* of that hour the last minute is not over */
    fail_many(w, "plain", 3);
    struct rp_plan p = plan_of(w, &ALL);
    assert_true(p.rate_per_s == 0);
    assert_string_equal(rp_cstr(&w->arena, p.rate_basis),
                        "not limited: no type in it has run in 60 minutes of its last day of "
                        "health");
}

static void R13_a_rate_that_is_asked_for_goes_before(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    hours(w, "plain", w->now - 24 * RP_US_H, 24, 1, 0);
    fail_many(w, "plain", 3);
    struct rp_replay_ask ask = ALL;
    ask.rate_per_s = 20;
    struct rp_plan p = plan_of(w, &ask);
    assert_true(p.rate_per_s == 20);
    assert_string_equal(rp_cstr(&w->arena, p.rate_basis), "as asked for");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R13_a_replay_goes_at_half_of_what_its_type_handled_at_its_median),
        REPLAY_TEST(R13_hours_in_which_too_much_failed_do_not_count),
        REPLAY_TEST(R13_only_the_newest_day_of_health_counts),
        REPLAY_TEST(R13_of_several_types_none_gets_more_than_its_half),
        REPLAY_TEST(R13_without_enough_history_it_is_not_limited_and_says_so),
        REPLAY_TEST(R13_a_rate_that_is_asked_for_goes_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
