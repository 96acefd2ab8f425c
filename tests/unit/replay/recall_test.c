/* What is out and has not started when a replay stops: it comes back in parts, and none of it
 * starts meanwhile (rules 15, 21; G17, G19). */
#include "replay_world.h"

static const char two_types[] = "jobs:\n  a: { run: [\"true\"], retries: 0, idempotent: true }\n"
                                "  b: { run: [\"true\"], retries: 0, idempotent: true }\n"
                                "replay: { settle: 0s }\n";

/* More than one call takes back. */
enum { OUT = 1300 };

/* How many jobs a tick moves depends on how fast it is (G19), but it moves one at least. */
static void ticks_until(struct world *w, int64_t n)
{
    for (int i = 0; i < OUT && queued(w) != n; i++)
        (void)tick(w);
    assert_int_equal(queued(w), n);
}

/* All of it is out; the rate is no matter here. */
static int64_t all_out(struct world *w)
{
    struct rp_replay_ask ask = {.filter = {.since_us = w->now},
                                .has_filter = true,
                                .at_once = true,
                                .actor = RP_STR("ada"),
                                .reason = RP_STR("it is mended")};
    fail_many(w, "a", OUT);
    int64_t id = start(w, &ask);
    (void)query(w, "update replay set rate = 0", 0, 0);
    ticks_until(w, OUT);
    return id;
}

static void stop(struct world *w, int64_t id, enum rp_replay_state how)
{
    if (how == RP_REPLAY_UNDONE)
        OK(rp_replay_undo(w->db, id, RP_STR("ada"), RP_NONE, w->now, err));
    else
        set_state(w, id, how);
    assert_in_range(queued(w), 1, OUT - 1); /* in parts: the writer has others to serve */
}

static void R15_nothing_of_it_starts_from_the_moment_at_which_it_stops(void **state)
{
    struct world *w = *state;
    static const enum rp_replay_state how[] = {RP_REPLAY_PAUSED, RP_REPLAY_HALTED,
                                               RP_REPLAY_ABORTED, RP_REPLAY_UNDONE};
    struct rp_lease *l;
    configure(w, two_types);
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        int64_t id = all_out(w);
        stop(w, id, how[i]);
        int64_t beside = enqueue(w, "b", NULL), behind = enqueue(w, "a", NULL);
        assert_int_equal(claim(w, 100, &l), 2);
        assert_int_equal(l[0].job.id + l[1].job.id, beside + behind); /* no other waits for it */
        assert_int_equal(claim(w, 100, &l), 0);
        (void)rp_db_take_changes(w->db);
        ticks_until(w, 0);
        assert_int_equal(rp_db_take_changes(w->db) & RP_CHANGED_CLAIMS, RP_CHANGED_CLAIMS);
        assert_int_equal(query(w, "select count(*) from attempt where replay_id = ?1", id, 0), 0);
        if (how[i] == RP_REPLAY_PAUSED || how[i] == RP_REPLAY_HALTED)
            set_state(w, id, RP_REPLAY_ABORTED);
        (void)tick(w);
        assert_true(replay(w, id).ended_us != 0); /* with the last of it */
        w->now += RP_US_H;
    }
}

static void R15_what_was_not_taken_back_yet_starts_when_it_goes_on(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, two_types);
    int64_t id = all_out(w);
    set_state(w, id, RP_REPLAY_PAUSED);
    assert_int_equal(claim(w, 10, &l), 0);
    set_state(w, id, RP_REPLAY_RUNNING);
    assert_int_equal(claim(w, 10, &l), 10);
}

/* Counted in SQLite's own steps, which do not depend on how busy the machine is. */
static void G19_a_stop_does_not_look_at_what_has_not_gone_out(void **state)
{
    struct world *w = *state;
    static const enum rp_replay_state how[] = {RP_REPLAY_PAUSED, RP_REPLAY_ABORTED};
    configure(w, two_types);
    fail_many(w, "a", OUT);
    int64_t id =
        start(w, &(struct rp_replay_ask){.all = true, .canary = 1, .actor = RP_STR("ada")});
    (void)tick(w);
    assert_int_equal(queued(w), 1);
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        (void)rp_db_steps(w->db);
        set_state(w, id, how[i]);
        assert_in_range(rp_db_steps(w->db), 1, OUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R15_nothing_of_it_starts_from_the_moment_at_which_it_stops),
        REPLAY_TEST(R15_what_was_not_taken_back_yet_starts_when_it_goes_on),
        REPLAY_TEST(G19_a_stop_does_not_look_at_what_has_not_gone_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
