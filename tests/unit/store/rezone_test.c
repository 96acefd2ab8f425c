/* The rules of a schedule's zone change (rule 10): where its next instant goes, and what is said of
 * it. Testland is one hour east of UTC at first; the test's day is 2026-03-02. */
#include "world.h"

#include "../tzif.h"

static struct testland land;

static int land_open(void **state)
{
    testland_new(&land, 60);
    return world_open(state);
}

static int land_close(void **state)
{
    testland_free(&land);
    return world_close(state);
}

#define IN_TESTLAND(expr) JOB "\"" expr "\"\n    timezone: Testland\n"

/* What the engine does when it has looked at the files. */
static void rules_change(struct world *w, int minutes)
{
    testland_put(&land, minutes);
    (void)rp_zones_look();
    struct rp_config *c = rp_config_rezoned(rp_db_config(w->db));
    assert_non_null(c);
    assert_null(rp_config_rezoned(c));
    w->config[w->n_config++] = c;
    int64_t held;
    OK(rp_config_apply(w->db, c, w->now, &held, err));
}

static int64_t next_of(struct world *w)
{
    return query(w, "select next_at from schedule", 0, 0);
}

static int64_t moves(struct world *w)
{
    return query(w, "select count(*) from occurrence where verdict = 9", 0, 0);
}

static int64_t audits(struct world *w)
{
    return query(w, "select count(*) from audit where action = 'schedule.rezone'", 0, 0);
}

static struct rp_occurrence only(struct world *w, int64_t instant)
{
    struct rp_occurrence *v;
    size_t n;
    int64_t id = query(w, "select id from schedule", 0, 0);
    OK(rp_occurrences(w->db, id, instant, instant + 1, 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 1);
    return v[0];
}

static void
R10_the_next_instant_follows_the_new_rules_and_the_ledger_says_where_it_went(void **state)
{
    struct world *w = *state;
    configure(w, IN_TESTLAND("0 9 * * *"));
    assert_int_equal(next_of(w), at("2026-03-02T08:00:00Z"));
    rules_change(w, 120);
    assert_int_equal(next_of(w), at("2026-03-02T07:00:00Z"));
    struct rp_occurrence o = only(w, at("2026-03-02T08:00:00Z"));
    assert_int_equal(o.verdict, RP_VERDICT_MOVED);
    assert_non_null(strstr(rp_cstr(&w->arena, o.why),
                           "the rules of Testland have changed: it comes at 2026-03-02"));
    assert_int_equal(audits(w), 1);
    assert_int_equal(query(w,
                           "select detail ->> 'to' = '2026-03-02T07:00:00.000000Z' from audit"
                           " where action = 'schedule.rezone'",
                           0, 0),
                     1);
    w->now = at("2026-03-02T08:30:00Z");
    assert_int_equal(tick_since(w, 0, 1).next_us, at("2026-03-03T07:00:00Z"));
}

static void R10_rules_that_change_back_take_the_move_back_and_the_instant_fires(void **state)
{
    struct world *w = *state;
    configure(w, IN_TESTLAND("0 9 * * *"));
    rules_change(w, 120);
    rules_change(w, 60);
    assert_int_equal(next_of(w), at("2026-03-02T08:00:00Z"));
    w->now = at("2026-03-02T08:00:00Z");
    assert_int_equal(tick_since(w, 0, 1).fired, 1);
    assert_int_equal(only(w, w->now).verdict, RP_VERDICT_FIRED);
    assert_int_equal(audits(w), 2);
}

static void R10_an_instant_that_new_rules_put_before_now_was_missed_for_that_reason(void **state)
{
    struct world *w = *state;
    configure(w, IN_TESTLAND("0 9 * * *"));
    w->now = at("2026-03-02T07:30:00Z");
    rules_change(w, 120);
    assert_int_equal(tick_since(w, 0, 1).fired, 1);
    struct rp_occurrence o = only(w, at("2026-03-02T07:00:00Z"));
    assert_int_equal(o.verdict, RP_VERDICT_FIRED); /* missed: run-once */
    assert_non_null(strstr(rp_cstr(&w->arena, o.why), "stands for 1 missed: by rules of Testland"));
    assert_int_equal(next_of(w), at("2026-03-03T07:00:00Z"));
    w->now = at("2026-03-02T08:30:00Z");
    assert_int_equal(tick_since(w, 0, 1).fired, 0); /* where it was before */
}

static void R10_an_instant_that_was_decided_is_not_computed_again(void **state)
{
    struct world *w = *state;
    configure(w, IN_TESTLAND("0 9 * * *"));
    w->now = at("2026-03-02T08:00:00Z");
    assert_int_equal(tick_since(w, 0, 1).fired, 1);
    rules_change(w, 120);
    assert_int_equal(next_of(w), at("2026-03-03T07:00:00Z"));
    assert_int_equal(tick_since(w, 0, 1).fired, 0);
}

static void R10_an_instant_of_both_rules_is_not_moved(void **state)
{
    struct world *w = *state;
    configure(w, IN_TESTLAND("0 8,9 * * *"));
    assert_int_equal(next_of(w), at("2026-03-02T07:00:00Z"));
    rules_change(w, 120);
    assert_int_equal(next_of(w), at("2026-03-02T06:00:00Z"));
    assert_int_equal(moves(w), 0);
    for (int hour = 6; hour <= 7; hour++) {
        w->now = at("2026-03-02T00:00:00Z") + hour * RP_US_H;
        assert_int_equal(tick_since(w, 0, 1).fired, 1);
        finish_all(w);
    }
}

static void R10_a_rhythm_that_the_rules_do_not_touch_goes_on_without_a_word(void **state)
{
    struct world *w = *state;
    configure(w, IN_TESTLAND("*/15 * * * *"));
    w->now = at("2026-03-02T00:20:00Z");
    (void)tick_since(w, 0, 1);
    int64_t before = next_of(w);
    rules_change(w, 120);
    assert_int_equal(next_of(w), before);
    assert_int_equal(moves(w) + audits(w), 0);
}

static void R10_what_is_being_made_up_for_goes_on_and_the_new_rules_come_after_it(void **state)
{
    struct world *w = *state;
    configure(w, IN_TESTLAND("0 9 * * *") "    missed: skip\n");
    w->now = at("2026-03-05T12:00:00Z");
    struct rp_fire f = {.now_us = w->now, .up_since_us = 1, .max = 2};
    OK(rp_schedules_fire(w->db, &f, err));
    assert_int_equal(f.missed, 2);
    rules_change(w, 120);
    assert_int_equal(next_of(w), at("2026-03-04T08:00:00Z"));
    (void)tick_since(w, 0, 1);
    assert_int_equal(only(w, at("2026-03-04T08:00:00Z")).verdict, RP_VERDICT_MISSED);
    assert_int_equal(next_of(w), at("2026-03-06T07:00:00Z"));
}

static void R10_a_file_that_is_read_again_after_an_update_while_the_daemon_was_down(void **state)
{
    struct world *w = *state;
    configure(w, IN_TESTLAND("0 9 * * *"));
    testland_put(&land, 120);
    configure(w, IN_TESTLAND("0 9 * * *"));
    assert_int_equal(next_of(w), at("2026-03-02T07:00:00Z"));
    assert_int_equal(moves(w), 1);
    configure(w, IN_TESTLAND("0 9 * * *"));
    assert_int_equal(audits(w), 1);
}

#define LAND(f) cmocka_unit_test_setup_teardown(f, land_open, land_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAND(R10_the_next_instant_follows_the_new_rules_and_the_ledger_says_where_it_went),
        LAND(R10_rules_that_change_back_take_the_move_back_and_the_instant_fires),
        LAND(R10_an_instant_that_new_rules_put_before_now_was_missed_for_that_reason),
        LAND(R10_an_instant_that_was_decided_is_not_computed_again),
        LAND(R10_an_instant_of_both_rules_is_not_moved),
        LAND(R10_a_rhythm_that_the_rules_do_not_touch_goes_on_without_a_word),
        LAND(R10_what_is_being_made_up_for_goes_on_and_the_new_rules_come_after_it),
        LAND(R10_a_file_that_is_read_again_after_an_update_while_the_daemon_was_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
