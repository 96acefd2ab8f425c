/* G14 and G24 where hours are missing or come twice: a running engine in zones whose daylight
 * saving begins and ends (schedules, rules 8 to 10). The wall clock is set across the shifts. What
 * an expression means to a zone, without a clock, is in tests/unit/core/cron_test.c. */
#include "unit/engine/clocks.h"

static int64_t at(const char *time)
{
    int64_t us;
    if (!rp_time_parse(rp_str_of(time), &us))
        fail_msg("not a time: %s", time);
    return us;
}

/* The only instant of [from, to) that fired. */
static void fired_once_at(struct world *w, int64_t from_us, int64_t to_us, int64_t instant_us)
{
    size_t n;
    char buf[2][RP_TIME_LEN];
    assert_int_equal(come(w, "s", from_us, to_us, RP_VERDICT_FIRED, 1), 1);
    struct rp_occurrence *v = ledger_of(w, "s", from_us, to_us, &n);
    for (size_t i = 0; i < n; i++)
        if (v[i].verdict == RP_VERDICT_FIRED && v[i].instant_us != instant_us)
            fail_msg("fired for %s, expected %s", rp_time_format(v[i].instant_us, buf[0]),
                     rp_time_format(instant_us, buf[1]));
}

/* ---- rules 8 to 10: the hours that are missing or come twice ---- */

static struct world *world_of(const char *expr, const char *zone, int64_t start_us)
{
    char yaml[256];
    (void)snprintf(yaml, sizeof yaml,
                   "jobs:\n  s: { run: [\"true\"], schedule: \"%s\", timezone: %s, "
                   "overlap: allow }\n",
                   expr, zone);
    return world_at(yaml, start_us);
}

/* Expected instants: the first one after the gap, from the zones' rules: Europe/Berlin leaves 02:00
 * to 03:00 of 29 March 2026 out at 01:00 UTC, Lord Howe 02:00 to 02:30 of 4 October at 15:30 UTC of
 * the day before. */
static void R8_R10_a_fixed_time_in_a_gap_fires_once_at_the_first_instant_after_it(void **state)
{
    (void)state;
    static const struct {
        const char *expr, *zone, *after_gap;
    } v[] = {{"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z"},
             {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T15:30:00Z"}};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        int64_t instant = at(v[i].after_gap);
        struct world *w = world_of(v[i].expr, v[i].zone, instant - 10 * RP_US_MIN);
        assert_int_equal(schedule(w).next_us, instant);
        set_clock(w, 11 * RP_US_MIN);
        fired_once_at(w, instant - RP_US_H, instant + RP_US_H, instant);
        set_clock(w, RP_US_H); /* nothing of that night comes again */
        fired_once_at(w, instant - RP_US_H, instant + 3 * RP_US_H, instant);
        assert_true(schedule(w).next_us > instant + 20 * RP_US_H);
        world_free(w);
    }
}

/* 02:30 comes at 00:30 and at 01:30 UTC of 25 October 2026. */
static void R8_a_fixed_time_in_a_fold_fires_at_its_first_occurrence_only(void **state)
{
    (void)state;
    int64_t first = at("2026-10-25T00:30:00Z"), from = first - RP_US_H, to = first + 9 * RP_US_H;
    struct world *w = world_of("30 2 * * *", "Europe/Berlin", first - 10 * RP_US_MIN);
    set_clock(w, 11 * RP_US_MIN);
    fired_once_at(w, from, to, first);
    set_clock(w, RP_US_H); /* across the second one */
    fired_once_at(w, from, to, first);
    set_clock(w, -RP_US_H - 10 * RP_US_MIN); /* an hour that somebody sets back, across both … */
    set_clock(w, 2 * RP_US_H);               /* … and forward */
    fired_once_at(w, from, to, first);
    assert_true(schedule(w).next_us > first + 20 * RP_US_H);
    world_free(w);
}

/* One run stands for what a jump missed; eight quarters of an hour read 02:xx in that night. */
static void R9_a_step_fires_through_a_fold(void **state)
{
    (void)state;
    int64_t fold = at("2026-10-25T00:00:00Z"), from = fold - RP_US_H, to = fold + 4 * RP_US_H;
    struct world *w = world_of("*/15 2 * * *", "Europe/Berlin", fold - RP_US_MIN);
    set_clock(w, 130 * RP_US_MIN);
    assert_int_equal(come(w, "s", from, to, RP_VERDICT_MERGED, 7), 7);
    fired_once_at(w, from, to, fold + 105 * RP_US_MIN);
    assert_true(schedule(w).next_us > fold + 20 * RP_US_H);
    world_free(w);
}

static void R9_a_step_adds_nothing_after_a_gap(void **state)
{
    (void)state;
    int64_t gap = at("2026-03-29T01:00:00Z");
    struct world *w = world_of("*/15 * * * *", "Europe/Berlin", gap - 5 * RP_US_MIN);
    set_clock(w, 6 * RP_US_MIN);
    fired_once_at(w, gap - 10 * RP_US_MIN, gap + 14 * RP_US_MIN, gap);
    assert_int_equal(schedule(w).next_us, gap + 15 * RP_US_MIN);
    world_free(w);
    w = world_of("*/15 2 * * *", "Europe/Berlin", gap - 5 * RP_US_MIN);
    set_clock(w, 2 * RP_US_H); /* 02:xx does not exist */
    assert_int_equal(verdicts(w, gap - RP_US_H, gap + 3 * RP_US_H, RP_VERDICT_FIRED), 0);
    assert_true(schedule(w).next_us > gap + 20 * RP_US_H);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(R8_R10_a_fixed_time_in_a_gap_fires_once_at_the_first_instant_after_it),
        cmocka_unit_test(R8_a_fixed_time_in_a_fold_fires_at_its_first_occurrence_only),
        cmocka_unit_test(R9_a_step_fires_through_a_fold),
        cmocka_unit_test(R9_a_step_adds_nothing_after_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
