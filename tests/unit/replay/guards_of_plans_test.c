/* What a plan may be forced past, and that it is recorded; deploy marks; what changed since a dry
 * run (replay.md 2, 3, 5, 9, 10; U3). */
#include "replay_world.h"

#include "replay/internal.h"

static const char conf[] = "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 0, idempotent: true }\n"
                           "  b: { run: [\"true\"], retries: 0, idempotent: true, needs: [db] }\n"
                           "  mail: { run: [\"true\"], retries: 0 }\n";

static struct rp_replay_ask of(const char *type)
{
    return (struct rp_replay_ask){
        .filter = {.type = rp_str_of(type)}, .has_filter = true, .actor = RP_STR("ada")};
}

static int64_t left_out(const struct rp_plan *p, const char *reason)
{
    for (size_t i = 0; i < p->n_left_out; i++)
        if (strcmp(p->left_out[i].reason, reason) == 0)
            return p->left_out[i].n;
    return 0;
}

static void mark(struct world *w, const char *type)
{
    struct rp_str name = rp_str_of(type);
    OK(rp_deploy_mark(w->db, &(struct rp_strs){&name, 1}, RP_STR("v2"), RP_STR("ci"), RP_NONE,
                      w->now, err));
}

/* ---- deploys ---- */

static void R3_what_must_be_fixed_first_is_replayable_after_a_deploy_mark_of_its_type(void **state)
{
    struct world *w = *state;
    static const char *const groups[] = {"code", "data", "config", "deploy"};
    struct rp_replay_ask ask = {.all = true};
    configure(w, conf);
    for (size_t i = 0; i < 4; i++)
        (void)fail_one(w, &(struct failing){.type = "a", .group = groups[i], .pattern = 10 + i});
    (void)fail_one(w, &(struct failing){.type = "mail", .group = "code", .pattern = 20});
    struct rp_plan p = plan_of(w, &ask);
    assert_int_equal(left_out(&p, "fix-first"), 5);
    mark(w, "a");
    w->now += RP_US_S;
    (void)fail_one(w,
                   &(struct failing){.type = "a", .group = "code", .pattern = 10}); /* after it */
    p = plan_of(w, &ask);
    assert_int_equal(p.n, 4);
    assert_int_equal(left_out(&p, "fix-first"), 2);
    struct rp_deploy *v;
    size_t n;
    OK(rp_deploys_list(w->db, RP_STR("a"), 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 1);
    assert_true(rp_str_is(v[0].version, "v2") && rp_str_is(v[0].actor, "ci"));
    assert_int_equal(query(w, "select count(*) from audit where action = 'deploy.mark'", 0, 0), 1);
}

static void a_deploy_of_an_unknown_type_marks_nothing(void **state)
{
    struct world *w = *state;
    struct rp_str types[] = {RP_STR("a"), RP_STR("nobody")};
    configure(w, conf);
    OK(rp_savepoint(w->db, err));
    FAILS(RP_E_NOT_FOUND, rp_deploy_mark(w->db, &(struct rp_strs){types, 2}, RP_NONE, RP_STR("ci"),
                                         RP_NONE, w->now, err));
    rp_savepoint_rollback(w->db);
    assert_int_equal(query(w, "select count(*) from deploy", 0, 0), 0);
}

/* ---- forced ---- */

static void R3_R10_what_is_forced_is_counted_and_recorded_with_who_and_why(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)fail_one(
        w, &(struct failing){.type = "a", .group = "code", .class = "unknown", .pattern = 50});
    int64_t poison = fail_one(w, &(struct failing){.type = "a", .group = "code", .pattern = 50});
    (void)query(w, "update job set poison = 1 where id = ?1", poison, 0);
    fail_many(w, "mail", 3);
    struct rp_str names[] = {RP_STR("fix-first"), RP_STR("poison")};
    struct rp_replay_ask ask = {.all = true,
                                .include_unsafe = true,
                                .accept_unknown_class = true,
                                .override = {names, 2},
                                .reason = RP_STR("the fix is out"),
                                .actor = RP_STR("ada")};
    struct rp_plan p = plan_of(w, &ask);
    assert_int_equal(p.n, 5);
    assert_int_equal(p.n_forced, 3);
    struct rp_replay r = replay(w, start(w, &ask));
    assert_non_null(r.forced.p);
    struct rp_str forced = rp_str_dup(&w->arena, r.forced);
    const char *const want[] = {"\"fix-first\":2", "\"poison\":1", "\"not-idempotent\":3",
                                "\"class\":0"};
    for (size_t i = 0; i < 4; i++)
        if (rp_str_find(forced, rp_str_of(want[i])) == SIZE_MAX)
            fail_msg("%s is not in %.*s", want[i], RP_FMT(forced));
    assert_int_equal(query(w,
                           "select count(*) from audit where action = 'replay.override' and actor"
                           " = 'ada' and detail like '%the fix is out%'",
                           0, 0),
                     4);
    /* Mails may have been sent: nothing takes that back (rule 24). */
    assert_int_equal(query(w,
                           "select count(*) from audit where action = 'replay.start' and safety ="
                           " 'IRREVERSIBLE'",
                           0, 0),
                     1);
}

static void R24_a_replay_of_idempotent_jobs_is_reversible_and_forces_nothing(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 2);
    (void)fail_one(w, &(struct failing){.type = "mail"});
    commit(w);
    struct rp_replay r = replay(w, start(w, &(struct rp_replay_ask){.all = true}));
    assert_null(r.forced.p);
    assert_true(rp_str_is(r.left_out_by, "{\"not-idempotent\":1}"));
    assert_int_equal(query(w,
                           "select count(*) from audit where action = 'replay.start' and safety ="
                           " 'REVERSIBLE'",
                           0, 0),
                     1);
}

/* ---- checks ---- */

static void R5_a_dependency_that_flaps_refuses_though_it_is_up(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "b", 1);
    struct rp_replay_ask ask = of("b");
    dependency(w, "db", true);
    for (int i = 0; i < 2; i++) {
        w->now += RP_US_MIN;
        dependency(w, "db", false);
        w->now += RP_US_MIN;
        dependency(w, "db", true);
    }
    w->now += 2 * RP_US_MIN;
    dependency(w, "db", true);
    refused(w, &ask, "db changed between up and down 5 times");
    w->now += 9 * RP_US_MIN;
    dependency(w, "db", true);
    assert_null(plan_of(w, &ask).refused);
}

static void R9_a_store_without_room_refuses(void **state)
{
    struct world *w = *state;
    int64_t mb = 1 << 20, room;
    configure(w, conf);
    fail_many(w, "a", 1);
    assert_int_equal(room_enough(64 * mb - 1, 0), RP_CHECK_FAILS);
    assert_int_equal(room_enough(64 * mb, 0), RP_CHECK_HOLDS);
    assert_int_equal(room_enough(100 * mb, 100000), RP_CHECK_FAILS);
    assert_int_equal(room_enough(500 * mb, 100000), RP_CHECK_HOLDS);
    OK(rp_store_room(w->db, &room, err));
    struct rp_plan p = plan_of(w, &(struct rp_replay_ask){.all = true});
    for (size_t i = 0; i < p.n_preflight; i++)
        if (rp_str_is(p.preflight[i].check, "store"))
            assert_int_equal(p.preflight[i].state, room_enough(room, 1));
    assert_true(rp_replay_may_override(RP_STR("store")));
}

/* ---- what changed ---- */

static void record(struct world *w, const struct rp_plan *p)
{
    OK(rp_audit(
        w->db, RP_STR("ada"), "replay.plan", rp_str_fmt(&w->arena, "plan %.*s", RP_FMT(p->hash)),
        "SAFE",
        rp_str_fmt(&w->arena, "{\"ids\":\"%.*s\"}", RP_FMT(rp_replay_plan_ids(p, &w->arena))),
        w->now, err));
}

static void U3_a_refusal_says_which_jobs_came_and_went(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 12);
    (void)run_one(w, "a", RP_OUT_SUCCEEDED, NULL, 0);
    (void)fail_one(w, &(struct failing){.type = "a"});
    commit(w);
    struct rp_replay_ask ask = of("a");
    struct rp_plan p = plan_of(w, &ask);
    assert_true(rp_str_is(rp_replay_plan_ids(&p, &w->arena), "1-12,14"));
    record(w, &p);
    ask.plan_hash = p.hash;
    assert_null(plan_of(w, &ask).refused);
    (void)fail_one(w, &(struct failing){.type = "a"});
    OK(rp_job_retry(w->db, 2, RP_STR("ada"), RP_STR("by hand"), w->now, err));
    commit(w);
    refused(w, &ask, "with 13 jobs; new: 1 (15); no longer in it: 1 (2)");
    w->now += 2 * RP_US_H;
    refused(w, &ask, "in the last hour");
}

static void U3_other_settings_are_another_plan(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 3);
    struct rp_replay_ask ask = of("a");
    struct rp_plan p = plan_of(w, &ask);
    record(w, &p);
    ask.plan_hash = p.hash;
    configure(w, "jobs:\n  a: { run: [\"false\"], retries: 0, idempotent: true }\n");
    refused(w, &ask, "the same jobs, but they ran again or their settings changed");
    configure(w, conf);
    assert_true(start(w, &ask) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R3_what_must_be_fixed_first_is_replayable_after_a_deploy_mark_of_its_type),
        REPLAY_TEST(a_deploy_of_an_unknown_type_marks_nothing),
        REPLAY_TEST(R3_R10_what_is_forced_is_counted_and_recorded_with_who_and_why),
        REPLAY_TEST(R24_a_replay_of_idempotent_jobs_is_reversible_and_forces_nothing),
        REPLAY_TEST(R5_a_dependency_that_flaps_refuses_though_it_is_up),
        REPLAY_TEST(R9_a_store_without_room_refuses),
        REPLAY_TEST(U3_a_refusal_says_which_jobs_came_and_went),
        REPLAY_TEST(U3_other_settings_are_another_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
