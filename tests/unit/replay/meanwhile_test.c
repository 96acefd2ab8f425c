/* What happens to a replay while it runs: settings change, what it needs flaps, somebody else
 * starts another of the same jobs (G17, rules 8, 13, 14, 16). */
#include "replay_world.h"

#define CONF(a)                                                                                    \
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"                               \
    "jobs:\n  a: { run: [\"true\"], retries: 0, idempotent: true" a " }\n"                         \
    "replay: { settle: 0s, max_running: 2 }\n"
static const char without_a[] = "jobs:\n  b: { run: [\"true\"] }\n";

static const struct rp_replay_ask all = {.all = true, .actor = {"ada", 3}};

static int64_t fate(struct world *w, int64_t id, enum rp_fate f)
{
    return replay(w, id).n[f];
}

static void R13_settings_that_change_in_mid_replay_hold_for_what_is_not_out_yet(void **state)
{
    struct world *w = *state;
    configure(w, CONF(""));
    fail_many(w, "a", 40);
    int64_t id = start(w, &all);
    (void)tick(w);
    assert_int_equal(work(w, 0), 5); /* the canary */
    configure(w, CONF(", max_running: 6"));
    (void)tick(w);
    assert_int_equal(queued(w), 3); /* half of what the type may run now, not a wave of 10 */
    configure(w, without_a);
    (void)tick(w);
    assert_int_equal(queued(w), 3); /* what is out stays out, and held */
    configure(w, CONF(""));
    (void)work(w, 0);
    configure(w, without_a);
    for (int i = 0; i < 60; i++, w->now += RP_US_S)
        (void)tick(w);
    assert_int_equal(fate(w, id, RP_FATE_SUCCEEDED), 8);
    assert_int_equal(fate(w, id, RP_FATE_SKIPPED), 32);
    assert_int_equal(query(w,
                           "select count(*) from replay_item where fate = 6 and why ="
                           " 'its type is no longer in the configuration'",
                           0, 0),
                     32);
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
}

static void R14_what_it_needs_flaps_and_nothing_is_lost_or_runs_twice(void **state)
{
    struct world *w = *state;
    configure(w, CONF(", needs: [db]"));
    dependency(w, "db", true);
    fail_many(w, "a", 60);
    dependency(w, "db", true);
    int64_t id = start(w, &all);
    for (int i = 0; i < 40 && replay(w, id).ended_us == 0; i++) {
        (void)tick(w);
        dependency(w, "db", false);
        (void)tick(w);
        assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
        assert_int_equal(queued(w), 0);
        OK(rp_replay_set_state(w->db, id, RP_REPLAY_RUNNING, RP_STR("ada"), RP_STR("again"), w->now,
                               err));
        (void)tick(w);
        assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED); /* still down */
        dependency(w, "db", true);
        OK(rp_replay_set_state(w->db, id, RP_REPLAY_RUNNING, RP_STR("ada"), RP_STR("up"), w->now,
                               err));
        (void)tick(w);
        assert_in_range(work(w, 0), 1, 5); /* each time a new canary */
        w->now += RP_US_S;
        (void)tick(w);
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    assert_int_equal(fate(w, id, RP_FATE_SUCCEEDED), 60);
    assert_int_equal(query(w, "select count(*) from attempt where replay_id = ?1", id, 0), 60);
}

static void R8_of_two_that_were_planned_at_once_each_job_runs_in_one(void **state)
{
    struct world *w = *state;
    static struct rp_str past[] = {RP_STR("replays")};
    struct rp_replay_ask forced = {.all = true,
                                   .at_once = true,
                                   .actor = RP_STR("bob"),
                                   .reason = RP_STR("so"),
                                   .override = {past, 1}};
    struct rp_replay_making first = {.id = 0}, second = {.id = 0}, third = {.id = 0};
    bool again;
    configure(w, CONF(""));
    fail_many(w, "a", 12);
    first.plan = plan_of(w, &all);
    second.plan = plan_of(w, &all);
    third.plan = plan_of(w, &forced);
    OK(rp_replay_make(w->db, conf_of(w), &all, w->now, &w->arena, &first, &again, err));
    FAILS(RP_E_REFUSED,
          rp_replay_make(w->db, conf_of(w), &all, w->now, &w->arena, &second, &again, err));
    OK(rp_replay_make(w->db, conf_of(w), &forced, w->now, &w->arena, &third, &again, err));
    for (int i = 0; i < 20; i++, w->now += RP_US_S) {
        (void)tick(w);
        (void)work(w, 0);
    }
    assert_int_equal(replay(w, first.id).state, RP_REPLAY_DONE);
    assert_int_equal(replay(w, third.id).state, RP_REPLAY_DONE);
    assert_int_equal(fate(w, first.id, RP_FATE_SUCCEEDED) + fate(w, third.id, RP_FATE_SUCCEEDED),
                     12);
    assert_int_equal(fate(w, first.id, RP_FATE_SKIPPED) + fate(w, third.id, RP_FATE_SKIPPED), 12);
    assert_int_equal(query(w, "select count(*) from attempt where n > 1", 0, 0), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R13_settings_that_change_in_mid_replay_hold_for_what_is_not_out_yet),
        REPLAY_TEST(R14_what_it_needs_flaps_and_nothing_is_lost_or_runs_twice),
        REPLAY_TEST(R8_of_two_that_were_planned_at_once_each_job_runs_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
