/* Parked replays (users.md U10; replay.md 18): they wait for a dependency, a deploy or a time, are
 * then planned, checked and run by themselves, canary first, or expire. */
#include "replay_world.h"

static const char conf[] = "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 0, idempotent: true }\n"
                           "  b: { run: [\"true\"], retries: 0, idempotent: true, needs: [db] }\n";

static int64_t park(struct world *w, struct rp_replay_park p, const char *request)
{
    struct rp_replay_ask ask = {.all = true, .park = p, .actor = RP_STR("ada")};
    int64_t id;
    OK(rp_replay_park(w->db, conf_of(w), &ask, rp_str_of(request), w->now, &id, err));
    return id;
}

static bool says(struct world *w, int64_t id, const char *words)
{
    struct rp_str s = replay(w, id).says;
    if (s.p != NULL && rp_str_find(s, rp_str_of(words)) != SIZE_MAX)
        return true;
    print_message("it says: %.*s\n", RP_FMT(s));
    return false;
}

static void run_to_end(struct world *w, int64_t id)
{
    for (int i = 0; i < 20 && replay(w, id).state == RP_REPLAY_RUNNING; i++, w->now += RP_US_S) {
        (void)tick(w);
        (void)work(w, 0);
    }
}

static void U10_it_starts_by_itself_once_the_dependency_is_up_and_has_settled(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "b", 8);
    dependency(w, "db", false);
    int64_t id = park(w, (struct rp_replay_park){RP_PARK_DEPENDENCY, RP_STR("db"), 0, 0},
                      "{\"select\":{\"type\":\"b\"},\"guard\":{\"when\":\"dependency:db\"}}");
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_PLANNED);
    assert_true(says(w, id, "waits for dependency db to be up"));
    w->now += 20 * RP_US_MIN; /* longer than a half made one is given */
    fail_many(w, "a", 1);
    dependency(w, "db", false);
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_PLANNED);
    dependency(w, "db", true);
    (void)tick(w);
    assert_true(says(w, id, "waits: dependencies: db has been up for 0s only"));
    for (int i = 0; i < 6; i++) {
        w->now += 10 * RP_US_S;
        dependency(w, "db", true);
        (void)tick(w);
    }
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.state, RP_REPLAY_RUNNING);
    assert_false(r.parked);
    assert_int_equal(r.n[0], 8); /* of its selection only */
    (void)tick(w);
    assert_int_equal(queued(w), 5); /* canary first */
    run_to_end(w, id);
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 8);
    assert_int_equal(query(w,
                           "select count(*) from audit where action in ('replay.park',"
                           " 'replay.start') and actor = 'ada'",
                           0, 0),
                     2);
}

static void U10_what_fails_while_it_waits_is_in_its_plan(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 2);
    int64_t id = park(w, (struct rp_replay_park){RP_PARK_NONE, RP_NONE, w->now + RP_US_H, 0},
                      "{\"select\":{\"type\":\"a\"}}");
    fail_many(w, "a", 3);
    (void)tick(w);
    assert_true(says(w, id, "waits until 2026-03-02"));
    w->now += RP_US_H;
    (void)tick(w);
    assert_int_equal(replay(w, id).n[0], 5);
    run_to_end(w, id);
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 5);
}

static void U10_it_waits_for_a_deploy_mark_that_comes_later(void **state)
{
    struct world *w = *state;
    struct rp_str a = RP_STR("a");
    configure(w, conf);
    (void)fail_one(w, &(struct failing){.type = "a", .group = "code"});
    OK(rp_deploy_mark(w->db, &(struct rp_strs){&a, 1}, RP_NONE, RP_STR("ci"), RP_NONE,
                      w->now - RP_US_H, err));
    commit(w);
    int64_t id = park(w, (struct rp_replay_park){RP_PARK_DEPLOY, RP_STR("a"), 0, 0},
                      "{\"select\":{\"type\":\"a\"},\"guard\":{\"when\":\"deploy:a\"}}");
    (void)tick(w);
    assert_true(says(w, id, "waits for a deploy of a"));
    w->now += RP_US_MIN;
    OK(rp_deploy_mark(w->db, &(struct rp_strs){&a, 1}, RP_NONE, RP_STR("ci"), RP_NONE, w->now,
                      err));
    (void)tick(w);
    assert_int_equal(replay(w, id).n[0], 1);
    run_to_end(w, id);
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 1);
}

static void U10_it_expires_can_be_aborted_and_ends_when_nothing_is_left(void **state)
{
    struct world *w = *state;
    struct rp_replay_park db = {RP_PARK_DEPENDENCY, RP_STR("db"), 0, w->now + 2 * RP_US_H};
    static const char request[] = "{\"select\":{\"type\":\"a\"}}";
    configure(w, conf);
    fail_many(w, "a", 2);
    int64_t expires = park(w, db, request), aborted = park(w, db, request);
    (void)tick(w);
    OK(rp_replay_set_state(w->db, aborted, RP_REPLAY_ABORTED, RP_STR("ada"), RP_NONE, w->now, err));
    w->now += 2 * RP_US_H;
    dependency(w, "db", true);
    (void)tick(w);
    assert_int_equal(replay(w, expires).state, RP_REPLAY_ABORTED);
    assert_true(says(w, expires, "expired"));
    int64_t nothing = park(w, (struct rp_replay_park){RP_PARK_NONE, RP_NONE, w->now + 1, 0},
                           "{\"select\":{\"type\":\"b\"}}");
    w->now += RP_US_S;
    (void)tick(w);
    assert_int_equal(replay(w, nothing).state, RP_REPLAY_ABORTED);
    assert_true(says(w, nothing, "nothing was left to replay"));
    for (int i = 0; i < 3; i++, w->now += RP_US_MIN) {
        (void)tick(w);
        assert_int_equal(queued(w), 0);
    }
    struct rp_replay *live;
    size_t n;
    OK(rp_replays_list(w->db, true, 10, &w->arena, &live, &n, err));
    assert_int_equal(n, 0);
}

static void U10_a_parked_one_takes_no_place_and_waits_for_what_there_is(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 2);
    for (int i = 0; i < 3; i++)
        (void)park(w, (struct rp_replay_park){RP_PARK_DEPENDENCY, RP_STR("db"), 0, 0},
                   "{\"select\":{\"type\":\"a\"}}");
    assert_int_equal(replay(w, start(w, &(struct rp_replay_ask){.all = true})).n[0], 2);
    struct rp_replay_ask ask = {.all = true, .park = {RP_PARK_DEPENDENCY, RP_STR("dbb"), 0, 0}};
    int64_t id;
    FAILS(RP_E_NOT_FOUND, rp_replay_park(w->db, conf_of(w), &ask, RP_STR("{}"), w->now, &id, err));
    ask.park = (struct rp_replay_park){RP_PARK_DEPLOY, RP_STR("c"), 0, 0};
    FAILS(RP_E_NOT_FOUND, rp_replay_park(w->db, conf_of(w), &ask, RP_STR("{}"), w->now, &id, err));
    ask.park = (struct rp_replay_park){RP_PARK_NONE, RP_NONE, w->now + 9, w->now + 5};
    FAILS(RP_E_BAD_FIELD, rp_replay_park(w->db, conf_of(w), &ask, RP_STR("{}"), w->now, &id, err));
}

/* A plan that a stop cuts says nothing of the replay: it is planned again. */
static void U10_a_plan_that_is_cut_off_does_not_end_it(void **state)
{
    struct world *w = *state;
    static const atomic_bool cut = true;
    configure(w, conf);
    fail_many(w, "a", 600);
    int64_t id = park(w, (struct rp_replay_park){.at_us = w->now + 1},
                      "{\"select\":{\"type\":\"a\"},\"guard\":{}}");
    commit(w);
    struct rp_err why = {0};
    struct rp_replay_parked p = {.id = id};
    struct rp_db *reader = rp_store_reader(w->store, &why);
    assert_non_null(reader);
    rp_db_cut(reader, &cut);
    assert_false(rp_replay_parked_plan(reader, conf_of(w), w->now, &w->arena, &p, &why));
    assert_int_equal(why.code, RP_E_STOPPING);
    assert_null(p.ends.p);
    rp_db_close(reader);
    w->now += 20 * RP_US_S;
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
    assert_int_equal(replay(w, id).n[0], 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(U10_it_starts_by_itself_once_the_dependency_is_up_and_has_settled),
        REPLAY_TEST(U10_what_fails_while_it_waits_is_in_its_plan),
        REPLAY_TEST(U10_it_waits_for_a_deploy_mark_that_comes_later),
        REPLAY_TEST(U10_it_expires_can_be_aborted_and_ends_when_nothing_is_left),
        REPLAY_TEST(U10_a_plan_that_is_cut_off_does_not_end_it),
        REPLAY_TEST(U10_a_parked_one_takes_no_place_and_waits_for_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
