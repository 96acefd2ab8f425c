/* What a running replay is held to (replay.md 13, 14, 16): the halt test over the store, live work
 * first. The test's own numbers are in tests/unit/core/halt_test.c. */
#include "replay_world.h"

static const char conf[] =
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
    "replay: { wave_max: 20, max_running: 5 }\n"
    "jobs:\n"
    "  needing: { run: [\"true\"], retries: 0, idempotent: true, needs: [db] }\n"
    "  a: { run: [\"true\"], retries: 0, idempotent: true }\n"
    "  mail: { run: [\"true\"], retries: 0 }\n"
    "  fetched: { retries: 0, idempotent: true }\n"
    "  few: { run: [\"true\"], retries: 0, idempotent: true, max_running: 5, queue: slow }\n";

static struct rp_replay_ask of(const char *type)
{
    return (struct rp_replay_ask){.filter = {.type = rp_str_of(type)},
                                  .has_filter = true,
                                  .include_unsafe = true,
                                  .reason = RP_STR("checked"),
                                  .actor = RP_STR("ada")};
}

/* `runs` live runs over the given hour before now, the first `bad` of them fail and stay so. */
static void history(struct world *w, const char *type, int runs, int bad)
{
    for (int i = 0; i < runs; i++) {
        struct rp_lease *l;
        (void)enqueue(w, type, NULL);
        assert_int_equal(claim(w, 1, &l), 1);
        if (i < bad)
            end_job(w, &l[0], &(struct failing){0});
        else
            (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    }
    commit(w);
}

static bool says(struct world *w, int64_t id, const char *words)
{
    struct rp_replay r = replay(w, id);
    return r.says.p != NULL && rp_str_find(r.says, rp_str_of(words)) != SIZE_MAX;
}

/* ---- the halt test ---- */

static void R14_a_plan_says_the_baseline_and_when_it_will_be_decided(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    history(w, "a", 100, 5);
    w->now += 2 * RP_US_H;
    fail_many(w, "a", 100); /* an outage is no baseline */
    struct rp_replay_ask ask = of("a");
    struct rp_plan p = plan_of(w, &ask);
    assert_true(p.halt.baseline > 0.049 && p.halt.baseline < 0.051);
    assert_true(p.halt.p0 > 0.099 && p.halt.p0 < 0.101);
    assert_true(p.halt.alpha == 0.01);
    struct rp_replay r = replay(w, start(w, &ask));
    assert_memory_equal(&r.rule, &p.halt, sizeof r.rule); /* what was planned is what runs */
}

static void R14_three_of_five_halt_where_two_percent_are_usual(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    for (int bad = 0; bad <= 5; bad++) {
        fail_many(w, "a", 50);
        struct rp_replay_ask ask = of("a");
        int64_t id = start(w, &ask);
        (void)tick(w);
        assert_int_equal(work(w, (size_t)bad), 5);
        (void)tick(w);
        assert_int_equal(replay(w, id).state, bad < 3 ? RP_REPLAY_RUNNING : RP_REPLAY_HALTED);
        assert_true(bad < 3 || says(w, id, "than 2 % are not acceptable"));
        OK(rp_replay_set_state(w->db, id, RP_REPLAY_ABORTED, RP_STR("ada"), RP_NONE, w->now, err));
        (void)work(w, 0);
    }
}

/* All at once: none waits any more, but what has not started can be called back. */
static void R14_it_halts_while_what_is_out_has_not_started(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "a", 60);
    struct rp_replay_ask ask = of("a");
    ask.at_once = true;
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(queued(w), 60);
    assert_int_equal(claim(w, 5, &l), 5);
    for (int i = 0; i < 5; i++)
        end_job(w, &l[i], &(struct failing){0});
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
    assert_int_equal(queued(w), 0);
    assert_int_equal(replay(w, id).n[RP_FATE_WAITING], 55);
}

/* Failures that are quicker than successes come first, however few they are. */
static void R14_what_runs_counts_until_it_has_ended(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "a", 90);
    struct rp_replay_ask ask = of("a");
    ask.canary = ask.wave_max = 20;
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(claim(w, 100, &l), 20);
    for (int i = 0; i < 3; i++)
        end_job(w, &l[i], &(struct failing){0});
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING); /* 3 of 20, not 3 of 3 */
    for (int i = 3; i < 20; i++)
        (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
    (void)tick(w);
    assert_int_equal(claim(w, 100, &l), 20);
    for (int i = 0; i < 18; i++)
        (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
    (void)tick(w); /* the third wave begins while two of the second run: they are not of it */
    assert_int_equal(
        query(w, "select running from replay_wave where replay_id = ?1 and wave = 3", id, 0), 2);
    struct rp_replay r = replay(w, id);
    struct rp_replay_test t;
    OK(rp_replay_test(w->db, &r, &t, err));
    assert_int_equal(t.process[2].before, 2);
    (void)work(w, 8);
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
}

static void runs_in(struct world *w, int64_t id, int64_t n)
{
    assert_int_equal(query(w, "select running from replay_test where replay_id = ?1", id, 0), n);
}

/* It is kept, not counted: whoever takes a job out of the replay takes it off the number. */
static void R14_how_many_run_is_known_whoever_takes_a_job_away(void **state)
{
    static struct rp_str past[] = {RP_STR("in-another-replay"), RP_STR("replays")};
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "a", 20);
    struct rp_replay_ask ask = of("a");
    int64_t first = start(w, &ask);
    (void)tick(w);
    assert_int_equal(claim(w, 3, &l), 3);
    runs_in(w, first, 3);
    for (int i = 0; i < 2; i++)
        end_job(w, &l[i], &(struct failing){0});
    OK(rp_job_retry(w->db, l[0].job.id, RP_STR("bob"), RP_STR("so"), w->now, err));
    runs_in(w, first, 2);
    ask.override = (struct rp_strs){past, 2};
    ask.ids = &l[1].job.id;
    ask.n_ids = 1;
    ask.filter = (struct rp_job_filter){0};
    int64_t second = start(w, &ask), released;
    OK(rp_replay_release(w->db, second, 1, 1, w->now, &released, err));
    assert_int_equal(released, 1);
    runs_in(w, first, 1);
    runs_in(w, second, 0);
    (void)report(w, &l[2], RP_OUT_SUCCEEDED, NULL, 0);
    (void)work(w, 0);
    (void)tick(w);
    runs_in(w, first, 0);
    commit(w); /* the store's check counts them, too */
}

/* One of fifteen, evenly: no process is ever sure of that, the first 200 outcomes are. */
static void R14_a_few_too_many_halt_within_the_first_two_hundred(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 250);
    struct rp_replay_ask ask = of("a");
    ask.canary = ask.wave_max = 15;
    int64_t id = start(w, &ask);
    for (int wave = 1; wave <= 11; wave++) {
        assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
        (void)tick(w);
        assert_int_equal(work(w, 1), 15);
        (void)tick(w);
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
    assert_true(says(w, id, "11 of 165 replayed jobs failed again"));
    assert_true(says(w, id, "limit 11 of the first 200"));
}

static void R14_what_is_usual_does_not_halt(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    history(w, "a", 400, 80); /* 20 %: 40 % are acceptable */
    w->now += RP_US_H;
    fail_many(w, "a", 1);
    struct rp_replay_ask ask = of("a");
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(work(w, 3), 5);
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
}

static void R14_lost_and_timed_out_attempts_are_failures(void **state)
{
    struct world *w = *state;
    static const char *const types[] = {"a", "mail"}; /* repeated within the item; unknown */
    configure(w, conf);
    for (size_t i = 0; i < 2; i++) {
        struct rp_lease *l;
        int64_t lost, next;
        fail_many(w, types[i], 30);
        struct rp_replay_ask ask = of(types[i]);
        int64_t id = start(w, &ask);
        (void)tick(w);
        assert_int_equal(claim(w, 9, &l), 5);
        (void)report(w, &l[0], RP_OUT_TIMEOUT, "too slow", 5);
        for (int k = 1; k < 3; k++)
            (void)report(w, &l[k], RP_OUT_SUCCEEDED, NULL, 0);
        w->now += RP_US_MIN;
        OK(rp_leases_expire(w->db, w->now, 10, &lost, &next, err));
        assert_int_equal(lost, 2);
        (void)tick(w);
        assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
        assert_true(says(w, id, "3 of 5"));
        OK(rp_replay_set_state(w->db, id, RP_REPLAY_ABORTED, RP_STR("ada"), RP_NONE, w->now, err));
        (void)work(w, 0);
    }
}

static void R16_what_the_daemons_own_death_lost_is_no_failure_of_the_jobs(void **state)
{
    struct world *w = *state;
    static const char *const types[] = {"a", "mail"};
    configure(w, conf);
    for (size_t i = 0; i < 2; i++) {
        struct rp_lease *l;
        int64_t lost, seen;
        fail_many(w, types[i], 30);
        struct rp_replay_ask ask = of(types[i]);
        int64_t id = start(w, &ask);
        (void)tick(w);
        assert_int_equal(claim(w, 9, &l), 5);
        w->now += RP_US_S;
        OK(rp_node_start(w->db, RP_STR("n1"), 77, w->now, &seen, err));
        OK(rp_leases_orphaned(w->db, RP_STR("n1"), w->now, &lost, err));
        assert_int_equal(lost, 5);
        for (int k = 0; k < 3; k++)
            (void)tick(w);
        assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
        OK(rp_replay_set_state(w->db, id, RP_REPLAY_ABORTED, RP_STR("ada"), RP_NONE, w->now, err));
        (void)work(w, 0);
    }
}

static void R14_a_late_turn_halts_though_most_went_well(void **state)
{
    struct world *w = *state;
    int64_t id, failed = 0;
    configure(w, conf);
    fail_many(w, "a", 400);
    struct rp_replay_ask ask = of("a");
    ask.wave_max = 4; /* so that the number of failures is that of the test, not of a wave */
    id = start(w, &ask);
    for (int i = 0; i < 200 && replay(w, id).state == RP_REPLAY_RUNNING; i++, w->now += RP_US_S) {
        struct rp_lease *l;
        (void)tick(w);
        size_t n = claim(w, 100, &l);
        bool turned = replay(w, id).n[RP_FATE_SUCCEEDED] >= 200;
        for (size_t k = 0; k < n; k++)
            if (turned && k % 2 == 0) {
                end_job(w, &l[k], &(struct failing){0});
                failed++;
            } else {
                (void)report(w, &l[k], RP_OUT_SUCCEEDED, NULL, 0);
            }
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
    assert_in_range(failed, 3, 10); /* the process of the first wave alone needs 20 */
}

/* ---- live work first ---- */

static void R14_live_jobs_that_fail_more_often_halt_it(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    history(w, "a", 100, 2);
    w->now += 2 * RP_US_MIN;
    fail_many(w, "a", 40);
    w->now += 2 * RP_US_H;
    history(w, "a", 60, 1);
    w->now += 2 * RP_US_MIN;
    struct rp_replay_ask ask = of("a");
    ask.canary = 1;
    ask.wave_max = 1; /* goes on slowly */
    int64_t id = start(w, &ask);
    for (int i = 0; i < 12; i++, w->now += 10 * RP_US_S) {
        (void)tick(w);
        (void)work(w, 0);
        commit(w);
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
    history(w, "a", 40, 4); /* 10 %: worse by less than 10 points */
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
    w->now += 10 * RP_US_S;
    (void)work(w, 0);
    history(w, "a", 20, 12);
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
    assert_true(says(w, id, "live jobs of a fail more often since it runs: 16 of"));
}

static void R14_tries_of_its_own_are_no_live_failures(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    int64_t n, next;
    configure(w, conf);
    fail_many(w, "a", 20);
    w->now += 2 * RP_US_H;
    history(w, "a", 60, 1);
    w->now += 2 * RP_US_MIN;
    struct rp_replay_ask ask = of("a");
    ask.canary = 20;
    ask.retries = 8;
    w->retry = true;
    int64_t id = start(w, &ask);
    (void)tick(w);
    for (int i = 0; i < 4; i++) {
        w->now += 2 * RP_US_H;
        OK(rp_jobs_promote(w->db, w->now, 1000, &n, &next, err));
        size_t k = claim(w, 100, &l);
        assert_int_equal(k, 20);
        while (k > 0)
            assert_int_equal(report(w, &l[--k], RP_OUT_FAILED, "again", 7), RP_RETRYING);
        commit(w);
        (void)tick(w);
        assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
    }
    w->now += 10 * RP_US_S; /* live ones, beside those that wait for another try */
    history(w, "a", 40, 20);
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
    assert_true(says(w, id, "live jobs of a fail more often since it runs: 20 of 40"));
}

static void R13_it_waits_while_live_jobs_wait_too_long(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 20);
    struct rp_replay_ask ask = of("a");
    int64_t id = start(w, &ask), live = enqueue(w, "a", NULL);
    w->now += 11 * RP_US_MIN;
    (void)tick(w);
    assert_int_equal(queued(w), 1);
    assert_true(says(w, id, "live jobs of queue default have waited for 11m"));
    assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
    assert_int_equal(work(w, 0), 1);
    assert_int_equal(state_of(w, live), RP_SUCCEEDED);
    (void)tick(w);
    assert_int_equal(queued(w), 5);
    assert_null(replay(w, id).says.p);
    w->now += RP_US_H; /* its own items that wait are not live work */
    (void)tick(w);
    assert_null(replay(w, id).says.p);
}

static void R13_no_more_than_half_of_what_a_type_may_run_is_the_replays(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "few", 20);
    fail_many(w, "a", 4);
    struct rp_replay_ask ask = {.all = true, .actor = RP_STR("ada")};
    int64_t id = start(w, &ask), most = 0;
    for (int i = 0; i < 200 && replay(w, id).state == RP_REPLAY_RUNNING; i++, w->now += RP_US_S) {
        (void)tick(w);
        int64_t out = query(w,
                            "select count(*) from job where state in (2, 3) and type_id ="
                            " (select id from job_type where name = 'few')",
                            0, 0);
        most = out > most ? out : most;
        size_t n = claim(w, 1, &l);
        for (size_t k = 0; k < n; k++)
            (void)report(w, &l[k], RP_OUT_SUCCEEDED, NULL, 0);
    }
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 24);
    assert_int_equal(most, 2);
}

/* ---- what is out and does not start ---- */

static void R13_that_no_worker_fetches_is_said_until_one_does(void **state)
{
    struct world *w = *state;
    static struct rp_str past[] = {RP_STR("workers")};
    struct rp_lease *l;
    w->workers = true;
    configure(w, conf);
    fail_many(w, "fetched", 6);
    w->now += 3 * RP_US_MIN;
    struct rp_replay_ask ask = of("fetched");
    ask.override = (struct rp_strs){past, 1};
    int64_t id = start(w, &ask);
    for (int i = 0; i < 2; i++)
        (void)tick(w);
    assert_true(says(w, id, "waits: no worker has asked for fetched in the last 2 minutes"));
    assert_int_equal(claim(w, 5, &l), 5);
    (void)tick(w);
    assert_null(replay(w, id).says.p);
    w->now += 10 * RP_US_MIN; /* they run for long: nothing waits for a worker */
    (void)tick(w);
    assert_null(replay(w, id).says.p);
}

static void R13_that_its_queue_is_paused_is_said_until_it_goes_on(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "few", 3);
    struct rp_replay_ask ask = of("few");
    int64_t id = start(w, &ask);
    OK(rp_queue_pause(w->db, RP_STR("slow"), true, RP_STR("ada"), RP_STR("so"), w->now, err));
    for (int i = 0; i < 2; i++)
        (void)tick(w);
    assert_int_equal(claim(w, 5, &l), 0);
    assert_true(says(w, id, "waits: queue slow is paused"));
    OK(rp_queue_pause(w->db, RP_STR("slow"), false, RP_STR("ada"), RP_STR("so"), w->now, err));
    (void)tick(w);
    assert_false(says(w, id, "paused"));
}

/* R10: who went past that check knew that it was down; its jobs are held (U11), and run once it is
 * up. That it goes down again nobody knew. */
static void
R10_what_went_past_a_dependency_that_is_down_waits_for_it_and_is_not_halted(void **state)
{
    struct world *w = *state;
    static struct rp_str past[] = {RP_STR("dependencies")};
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "needing", 30);
    dependency(w, "db", false);
    struct rp_replay_ask ask = of("needing");
    ask.override = (struct rp_strs){past, 1};
    w->now += RP_US_S;
    int64_t id = start(w, &ask);
    for (int i = 0; i < 3; i++, w->now += RP_US_MIN)
        (void)tick(w);
    assert_int_equal(claim(w, 5, &l), 0);
    assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
    assert_true(says(w, id, "waits: needing: dependency db is down"));
    dependency(w, "db", true);
    (void)tick(w);
    assert_false(says(w, id, "waits"));
    assert_int_equal(work(w, 0), 5);
    w->now += RP_US_MIN;
    dependency(w, "db", false);
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R10_what_went_past_a_dependency_that_is_down_waits_for_it_and_is_not_halted),
        REPLAY_TEST(R13_that_no_worker_fetches_is_said_until_one_does),
        REPLAY_TEST(R13_that_its_queue_is_paused_is_said_until_it_goes_on),
        REPLAY_TEST(R14_a_plan_says_the_baseline_and_when_it_will_be_decided),
        REPLAY_TEST(R14_three_of_five_halt_where_two_percent_are_usual),
        REPLAY_TEST(R14_it_halts_while_what_is_out_has_not_started),
        REPLAY_TEST(R14_what_runs_counts_until_it_has_ended),
        REPLAY_TEST(R14_how_many_run_is_known_whoever_takes_a_job_away),
        REPLAY_TEST(R14_a_few_too_many_halt_within_the_first_two_hundred),
        REPLAY_TEST(R14_what_is_usual_does_not_halt),
        REPLAY_TEST(R14_lost_and_timed_out_attempts_are_failures),
        REPLAY_TEST(R16_what_the_daemons_own_death_lost_is_no_failure_of_the_jobs),
        REPLAY_TEST(R14_a_late_turn_halts_though_most_went_well),
        REPLAY_TEST(R14_live_jobs_that_fail_more_often_halt_it),
        REPLAY_TEST(R14_tries_of_its_own_are_no_live_failures),
        REPLAY_TEST(R13_it_waits_while_live_jobs_wait_too_long),
        REPLAY_TEST(R13_no_more_than_half_of_what_a_type_may_run_is_the_replays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
