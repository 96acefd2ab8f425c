/* What happens to a replay while it runs: settings change, what it needs flaps, somebody else
 * starts another of the same jobs (G17, rules 8, 13, 14, 16). */
#include "replay_world.h"

#define CONF(a)                                                                                    \
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"                               \
    "jobs:\n  a: { run: [\"true\"], retries: 0, idempotent: true" a " }\n"                         \
    "replay: { settle: 0s, max_running: 2 }\n"
static const char without_a[] = "jobs:\n  b: { run: [\"true\"] }\n";

static const char two_types[] = "jobs:\n  a: { run: [\"true\"], retries: 0, idempotent: true }\n"
                                "  mail: { run: [\"true\"], retries: 0 }\n"
                                "replay: { settle: 0s, max_running: 2 }\n";

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

/* Claimed, and then its worker is deployed anew: nothing is burnt, so the job would just wait. */
static void interrupt_all(struct world *w, struct rp_lease *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(report(w, &l[i], RP_OUT_INTERRUPTED, NULL, 0), RP_QUEUED);
}

static void
R15_what_a_worker_broke_off_does_not_start_again_in_a_replay_that_stands_still(void **state)
{
    struct world *w = *state;
    static const enum rp_replay_state to[] = {RP_REPLAY_HALTED, RP_REPLAY_PAUSED, RP_REPLAY_ABORTED,
                                              RP_REPLAY_UNDONE};
    configure(w, two_types);
    for (size_t i = 0; i < 2 * (sizeof to / sizeof *to); i++) {
        bool before = i % 2 == 0; /* interrupted before it stood still, or after */
        struct rp_lease *l;
        int64_t since = w->now;
        fail_many(w, "a", 10);
        struct rp_replay_ask ask = {.filter = {.since_us = since},
                                    .has_filter = true,
                                    .include_unsafe = true,
                                    .reason = RP_STR("checked"),
                                    .actor = RP_STR("ada")};
        int64_t id = start(w, &ask);
        (void)tick(w);
        size_t n = claim(w, 100, &l);
        assert_true(n > 0);
        if (before)
            interrupt_all(w, l, n);
        if (to[i / 2] == RP_REPLAY_UNDONE)
            OK(rp_replay_undo(w->db, id, RP_STR("ada"), RP_NONE, w->now, err));
        else
            set_state(w, id, to[i / 2]);
        if (!before) {
            (void)rp_db_take_changes(w->db);
            interrupt_all(w, l, n);
            assert_true(rp_db_take_changes(w->db) &
                        RP_CHANGED_ITEMS); /* the tick follows at once */
        }
        (void)tick(w);
        assert_int_equal(claim(w, 100, &l), 0);
        (void)tick(w);
        struct rp_replay r = replay(w, id);
        assert_int_equal(r.n[RP_FATE_SKIPPED], n);
        assert_int_equal(r.n[RP_FATE_RELEASED], 0);
        assert_int_equal(query(w, "select count(*) from job where state <> 6", 0, 0), 0);
        if (to[i / 2] == RP_REPLAY_HALTED || to[i / 2] == RP_REPLAY_PAUSED)
            set_state(w, id, RP_REPLAY_ABORTED);
        w->now += RP_US_H;
    }
}

static void R15_one_of_unknown_outcome_that_was_broken_off_is_unknown_again(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    int64_t lost, next;
    configure(w, two_types);
    int64_t job = enqueue(w, "mail", NULL);
    assert_int_equal(claim(w, 1, &l), 1);
    w->now += RP_US_H;
    OK(rp_leases_expire(w->db, w->now, 10, &lost, &next, err));
    assert_int_equal(state_of(w, job), RP_UNKNOWN);
    commit(w);
    struct rp_replay_ask ask = {.all = true,
                                .include_unsafe = true,
                                .include_unknown = true,
                                .reason = RP_STR("checked"),
                                .actor = RP_STR("ada")};
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(claim(w, 9, &l), 1);
    interrupt_all(w, l, 1);
    set_state(w, id, RP_REPLAY_ABORTED);
    (void)tick(w);
    assert_int_equal(state_of(w, job), RP_UNKNOWN);
}

/* Of one job each, running, oldest first; returns the first. */
static int64_t start_retries(struct world *w, int n)
{
    int64_t first = 0;
    for (int i = 0; i < n; i++) {
        size_t some;
        (void)fail_one(w, &(struct failing){.type = "a"});
        struct rp_candidate *v = candidates(w, NULL, &some);
        int64_t id = create(w, &v[some - 1], 1);
        set_state(w, id, RP_REPLAY_RUNNING);
        first = first != 0 ? first : id;
    }
    (void)query(w, "update replay set kind = 1", 0, 0);
    return first;
}

static void R16_a_replay_goes_on_behind_many_that_stand_still(void **state)
{
    struct world *w = *state;
    configure(w, two_types);
    (void)start_retries(w, 260);
    (void)query(w, "update replay set state = 3 + id % 2", 0, 0);
    int64_t since = w->now;
    struct rp_replay_ask ask = {
        .filter = {.since_us = since}, .has_filter = true, .actor = {"ada", 3}};
    fail_many(w, "a", 5);
    int64_t id = start(w, &ask);
    (void)fail_one(w, &(struct failing){.type = "a"});
    refused(w, &ask, "still runs jobs of type a");
    (void)tick(w);
    assert_int_equal(fate(w, id, RP_FATE_RELEASED), 5);
}

/* More of them than a tick steps: each has its turn, and then the ticks are no hurry any more. */
static void R16_of_very_many_that_run_each_has_its_turn(void **state)
{
    struct world *w = *state;
    struct desk desk = {.public = {.wanted = want}};
    int64_t next = w->now;
    configure(w, two_types);
    (void)start_retries(w, 450);
    for (int calls = 0; next <= w->now; calls++) {
        assert_in_range(calls, 0, 10);
        next = INT64_MAX;
        OK(rp_replay_tick(&desk, w->db, w->now, &next, err));
        if (calls == 0) /* bounded: the writer has others to serve */
            assert_in_range(queued(w), 1, 449);
    }
    assert_int_equal(queued(w), 450);
    assert_int_equal(work(w, 0), 450);
    for (next = w->now; next <= w->now;) {
        next = INT64_MAX;
        OK(rp_replay_tick(&desk, w->db, w->now, &next, err));
    }
    assert_int_equal(query(w, "select count(*) from replay where state = 5", 0, 0), 450);
}

static void R16_all_that_a_daemon_left_half_made_are_ended_by_the_next(void **state)
{
    struct world *w = *state;
    configure(w, two_types);
    for (int i = 0; i < 1100; i++)
        (void)create(w, NULL, 0);
    OK(rp_replay_begin(NULL, w->db, w->now, err));
    assert_int_equal(query(w, "select count(*) from replay where ended_at is null", 0, 0), 0);
    assert_int_equal(query(w, "select count(*) from replay where state = 6", 0, 0), 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R13_settings_that_change_in_mid_replay_hold_for_what_is_not_out_yet),
        REPLAY_TEST(R14_what_it_needs_flaps_and_nothing_is_lost_or_runs_twice),
        REPLAY_TEST(R15_what_a_worker_broke_off_does_not_start_again_in_a_replay_that_stands_still),
        REPLAY_TEST(R15_one_of_unknown_outcome_that_was_broken_off_is_unknown_again),
        REPLAY_TEST(R16_a_replay_goes_on_behind_many_that_stand_still),
        REPLAY_TEST(R16_of_very_many_that_run_each_has_its_turn),
        REPLAY_TEST(R16_all_that_a_daemon_left_half_made_are_ended_by_the_next),
        REPLAY_TEST(R8_of_two_that_were_planned_at_once_each_job_runs_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
