/* How fast a replay goes and how long it has left, by windows of 15 s, in the test's own time. */
#include "replay_world.h"

static const char conf[] = "replay: { wave_max: 100, max_running: 100 }\n"
                           "jobs: { a: { run: [\"true\"], retries: 0, idempotent: true } }\n";

static int64_t started(struct world *w, int jobs)
{
    configure(w, conf);
    fail_many(w, "a", jobs);
    int64_t id = start(w, &(struct rp_replay_ask){.all = true, .actor = RP_STR("ada")});
    (void)tick(w);
    return id;
}

static struct rp_replay_speed speed(struct world *w, int64_t id)
{
    struct rp_replay r = replay(w, id);
    return rp_replay_speed(&r, w->now);
}

/* So many runs in so many seconds, with a tick every second. */
static void run(struct world *w, int n, int seconds, enum rp_outcome how)
{
    struct rp_lease *l;
    for (int s = 0; s < seconds; s++) {
        w->now += RP_US_S;
        int part = n * (s + 1) / seconds - n * s / seconds;
        for (int i = 0; i < part; i++) {
            (void)tick(w);
            assert_int_equal(claim(w, 1, &l), 1);
            (void)report(w, l, how, how == RP_OUT_FAILED ? "boom" : NULL, 0);
        }
        (void)tick(w);
    }
}

static void nothing_is_said_before_the_first_has_ended(void **state)
{
    struct world *w = *state;
    int64_t id = started(w, 40);
    w->now += 5 * RP_US_S;
    (void)tick(w);
    struct rp_replay_speed v = speed(w, id);
    assert_true(v.per_s == 0 && v.left_s == -1 && v.ended == 0);
}

static void it_is_what_ended_by_the_time_that_took(void **state)
{
    struct world *w = *state;
    int64_t id = started(w, 40);
    run(w, 10, 10, RP_OUT_SUCCEEDED);
    struct rp_replay_speed v = speed(w, id);
    assert_int_equal(v.ended, 10);
    assert_int_equal(v.failed, 0);
    assert_true(v.per_s == 1);
    assert_int_equal(v.left_s, 30);
}

static void what_was_long_ago_does_not_count(void **state)
{
    struct world *w = *state;
    int64_t id = started(w, 200);
    run(w, 5, 60, RP_OUT_SUCCEEDED);
    run(w, 60, 30, RP_OUT_SUCCEEDED); /* two windows */
    struct rp_replay_speed v = speed(w, id);
    assert_int_equal(v.ended, 65);
    assert_true(v.per_s == 32 / 15.0); /* a look is taken before the two of its second */
    assert_int_equal(v.left_s, (int64_t)(135 / v.per_s + 0.5));
}

static void what_stands_has_none_and_begins_anew(void **state)
{
    struct world *w = *state;
    int64_t id = started(w, 100);
    run(w, 10, 10, RP_OUT_SUCCEEDED);
    OK(rp_replay_set_state(w->db, id, RP_REPLAY_PAUSED, RP_STR("ada"), RP_NONE, w->now, err));
    assert_int_equal(speed(w, id).left_s, -1);
    assert_int_equal(speed(w, id).ended, 10);
    w->now += RP_US_H;
    OK(rp_replay_set_state(w->db, id, RP_REPLAY_RUNNING, RP_STR("ada"), RP_NONE, w->now, err));
    (void)tick(w);
    assert_int_equal(speed(w, id).left_s, -1);
    run(w, 20, 10, RP_OUT_SUCCEEDED);
    assert_true(speed(w, id).per_s == 2);
    assert_int_equal(speed(w, id).left_s, 35);
}

static void a_time_in_which_nobody_looked_is_not_one_of_work(void **state)
{
    struct world *w = *state;
    int64_t id = started(w, 100);
    run(w, 20, 20, RP_OUT_SUCCEEDED);
    w->now += RP_US_H; /* the daemon is down */
    (void)tick(w);
    run(w, 20, 10, RP_OUT_SUCCEEDED);
    assert_true(speed(w, id).per_s == 2);
}

static void a_clock_that_is_set_back_begins_anew(void **state)
{
    struct world *w = *state;
    int64_t id = started(w, 100);
    run(w, 20, 20, RP_OUT_SUCCEEDED);
    w->now -= 10 * RP_US_MIN;
    (void)tick(w);
    run(w, 20, 10, RP_OUT_SUCCEEDED);
    assert_true(speed(w, id).per_s == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_said_before_the_first_has_ended),
        TEST(it_is_what_ended_by_the_time_that_took),
        TEST(what_was_long_ago_does_not_count),
        TEST(what_stands_has_none_and_begins_anew),
        TEST(a_time_in_which_nobody_looked_is_not_one_of_work),
        TEST(a_clock_that_is_set_back_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
