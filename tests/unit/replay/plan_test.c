/* Plans and preflight (replay.md 1 to 11; U2, U3, U7, U9, U29). */
#include "replay_world.h"

#include <math.h>
#include <sqlite3.h>

static const char conf[] =
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"
    "  other: { tcp: \"127.0.0.1:5433\" }\n"
    "jobs:\n"
    "  safe: { run: [\"true\"], retries: 0, idempotent: true, needs: [db] }\n"
    "  mail: { run: [\"true\"], retries: 0 }\n"
    "  plain: { run: [\"true\"], retries: 0, idempotent: true }\n"
    "  fetched: { idempotent: true, retries: 0 }\n"
    "  gone: { run: [\"true\"], retries: 0, idempotent: true }\n";
static const char conf_without_gone[] =
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"
    "jobs:\n"
    "  safe: { run: [\"true\"], retries: 0, idempotent: true, needs: [db] }\n"
    "  mail: { run: [\"true\"], retries: 0 }\n"
    "  plain: { run: [\"true\"], retries: 0, idempotent: true }\n";

#define ALL ((struct rp_replay_ask){.all = true, .actor = RP_STR("ada")})
#define OF(t)                                                                                      \
    ((struct rp_replay_ask){                                                                       \
        .filter = {.type = RP_STR(t)}, .has_filter = true, .actor = RP_STR("ada")})

static int64_t left_out(const struct rp_plan *p, const char *reason)
{
    for (size_t i = 0; i < p->n_left_out; i++)
        if (strcmp(p->left_out[i].reason, reason) == 0)
            return p->left_out[i].n;
    return 0;
}

/* ---- selection ---- */

static void R1_nothing_selected_is_an_error_and_all_must_be_said(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "plain", 3);
    plan_fails(w, &(struct rp_replay_ask){0}, RP_E_BAD_FIELD);
    assert_int_equal(plan_of(w, &ALL).n, 3);
}

static void U2_a_selection_never_takes_a_success_and_never_ignores_a_name(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "plain", 2);
    int64_t good = run_one(w, "plain", RP_OUT_SUCCEEDED, NULL, 0),
            waits = enqueue(w, "plain", NULL);
    assert_int_equal(plan_of(w, &OF("plain")).n, 2);
    assert_int_equal(plan_of(w, &OF("plain")).matched, 2);
    struct rp_replay_ask ask = OF("plain");
    ask.filter.states = 1u << RP_SUCCEEDED;
    assert_int_equal(plan_of(w, &ask).n, 2);
    plan_fails(w, &(struct rp_replay_ask){.ids = &good, .n_ids = 1}, RP_E_BAD_STATE);
    plan_fails(w, &(struct rp_replay_ask){.ids = &waits, .n_ids = 1}, RP_E_BAD_STATE);
    plan_fails(w, &OF("nobody"), RP_E_NOT_FOUND);
    ask = OF("plain");
    ask.filter.pattern_id = 99;
    plan_fails(w, &ask, RP_E_NOT_FOUND);
}

static void R1_a_job_named_twice_is_in_the_plan_once(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int64_t a = fail_one(w, &(struct failing){.type = "plain"}),
            b = fail_one(w, &(struct failing){.type = "plain"});
    struct rp_plan p =
        plan_of(w, &(struct rp_replay_ask){.ids = (int64_t[]){b, a, b, b, a}, .n_ids = 5});
    assert_int_equal(p.matched, 2);
    assert_int_equal(p.n, 2);
    assert_int_equal(p.items[0].job_id, a); /* oldest first */
    assert_true(rp_str_eq(p.hash, plan_of(w, &ALL).hash));
}

static void R1_more_than_can_be_replayed_at_once_is_an_error_not_a_part_of_it(void **state)
{
    struct world *w = *state;
    configure(w, "jobs: { plain: { run: [\"true\"], retries: 0, idempotent: true } }\n"
                 "replay: { items_max: 7 }");
    fail_many(w, "plain", 7);
    assert_int_equal(plan_of(w, &ALL).n, 7);
    fail_many(w, "plain", 1);
    plan_fails(w, &ALL, RP_E_TOO_LARGE);
}

/* ---- leaving out ---- */

/* As `exec` runs them: what with, the store does not know. */
static int64_t run_outside(struct world *w, const char *type)
{
    struct rp_run_start r = {.type = rp_str_of(type),
                             .node = RP_STR("n1"),
                             .worker = RP_STR("exec"),
                             .lease_us = RP_US_MIN};
    struct rp_lease l;
    int64_t fence;
    OK(rp_run_start(w->db, &r, w->now, &w->arena, &l, &fence, err));
    end_job(w, &l, &(struct failing){0});
    return l.job.id;
}

static void R3_what_was_run_from_outside_is_never_run_here(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int64_t id = run_outside(w, "plain");
    commit(w);
    struct rp_str names[] = {RP_STR("outside")};
    struct rp_replay_ask ask = {
        .ids = &id, .n_ids = 1, .include_unsafe = true, .reason = RP_STR("x")};
    for (size_t n = 0; n < 2; n++) {
        ask.override = (struct rp_strs){names, n};
        struct rp_plan p = plan_of(w, &ask);
        assert_int_equal(p.n, 0);
        assert_int_equal(left_out(&p, "outside"), 1);
    }
    assert_false(rp_replay_may_override(names[0]));
}

static void R3_each_left_out_job_is_counted_under_its_reason(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int64_t good = fail_one(w, &(struct failing){.type = "plain"});
    int64_t poison = fail_one(w, &(struct failing){.type = "plain"});
    (void)query(w, "update job set poison = 1 where id = ?1", poison, 0);
    static const char *const groups[] = {"code", "data", "config", "deploy"};
    for (size_t i = 0; i < 4; i++)
        (void)fail_one(w,
                       &(struct failing){.type = "plain", .group = groups[i], .pattern = 10 + i});
    (void)fail_one(w, &(struct failing){.type = "plain", .key = "K"});
    (void)enqueue(w, "plain", "K");
    assert_int_equal(work(w, 0), 1);
    (void)fail_one(w, &(struct failing){.type = "mail"});
    (void)fail_one(w, &(struct failing){.type = "gone"});
    int64_t lost = enqueue(w, "mail", NULL), n, next;
    struct rp_lease *l;
    assert_int_equal(claim(w, 1, &l), 1);
    w->now += RP_US_MIN;
    OK(rp_leases_expire(w->db, w->now, 10, &n, &next, err));
    assert_int_equal(state_of(w, lost), RP_UNKNOWN);
    int64_t other = fail_one(w, &(struct failing){.type = "plain"});
    (void)run_outside(w, "plain");
    commit(w);
    (void)start(w, &(struct rp_replay_ask){.ids = &other, .n_ids = 1, .actor = RP_STR("ada")});
    configure(w, conf_without_gone);
    struct rp_plan p = plan_of(w, &ALL);
    assert_int_equal(left_out(&p, "poison"), 1);
    assert_int_equal(left_out(&p, "fix-first"), 4);
    assert_int_equal(left_out(&p, "superseded"), 1); /* U7 */
    assert_int_equal(left_out(&p, "not-idempotent"), 1);
    assert_int_equal(left_out(&p, "type-removed"), 1);
    assert_int_equal(left_out(&p, "in-another-replay"), 1);
    assert_int_equal(left_out(&p, "outside"), 1);
    assert_int_equal(p.matched, 11);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.items[0].job_id, good);
    p = plan_of(w, &(struct rp_replay_ask){.ids = &lost, .n_ids = 1});
    assert_int_equal(left_out(&p, "unknown-outcome"), 1);
    p = plan_of(w, &(struct rp_replay_ask){.all = true,
                                           .include_unknown = true,
                                           .include_unsafe = true,
                                           .reason = RP_STR("checked")});
    assert_int_equal(p.n, 3); /* good, mail, lost */
}

static void R3_a_reason_is_overridden_by_its_name_and_only_with_a_reason(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)fail_one(w, &(struct failing){.type = "plain", .group = "code"});
    struct rp_replay_ask ask = ALL;
    ask.override = (struct rp_strs){(struct rp_str[]){RP_STR("fix-first")}, 1};
    plan_fails(w, &ask, RP_E_BAD_FIELD);
    ask.reason = RP_STR("the fix is out");
    assert_int_equal(plan_of(w, &ask).n, 1);
    ask.override.v[0] = RP_STR("poison");
    assert_int_equal(plan_of(w, &ask).n, 0);
    refused(w, &ask, "nothing to replay");
    ask = (struct rp_replay_ask){.all = true, .include_unsafe = true};
    plan_fails(w, &ask, RP_E_BAD_FIELD);
}

static void U9_a_plan_counts_the_risk_of_a_repeat(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)fail_one(w, &(struct failing){.type = "plain"});
    (void)fail_one(w, &(struct failing){.type = "mail"});
    (void)fail_one(w, &(struct failing){.type = "mail", .output = true});
    int64_t never = fail_one(w, &(struct failing){.type = "mail"});
    (void)query(w, "update job set last_n = 0 where id = ?1", never, 0);
    struct rp_plan p = plan_of(
        w,
        &(struct rp_replay_ask){.all = true, .include_unsafe = true, .reason = RP_STR("checked")});
    for (int i = 0; i < 4; i++) /* none, safe, unknown, partial */
        assert_int_equal(p.risk[i], 1);
    p = plan_of(w, &ALL);
    assert_int_equal(left_out(&p, "not-idempotent"), 2);
    assert_int_equal(p.n, 2);
    (void)query(w, "update job set last_n = 1 where id = ?1", never, 0);
}

/* ---- freeze ---- */

static void U3_a_plan_that_changed_is_refused_by_its_hash(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "plain", 3);
    struct rp_replay_ask ask = ALL;
    ask.plan_hash = plan_of(w, &ask).hash;
    assert_int_equal(ask.plan_hash.n, 16);
    (void)fail_one(w, &(struct failing){.type = "plain"});
    commit(w);
    refused(w, &ask, "4 jobs");
    ask.plan_hash = plan_of(w, &ask).hash;
    struct rp_replay r = replay(w, start(w, &ask));
    assert_int_equal(r.n[0], 4);
    assert_true(rp_str_eq(r.plan_hash, ask.plan_hash));
    (void)fail_one(w, &(struct failing){.type = "plain"}); /* what fails later is not in it */
    for (int i = 0; i < 10; i++, w->now += RP_US_S) {
        (void)tick(w);
        (void)work(w, 0);
    }
    assert_int_equal(replay(w, r.id).n[RP_FATE_SUCCEEDED], 4);
    assert_int_equal(query(w, "select count(*) from job where state = 6", 0, 0), 1);
}

static void R4_a_dry_run_writes_nothing(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "plain", 20);
    int64_t before = sqlite3_total_changes64(w->db->sq);
    (void)plan_of(w, &ALL);
    assert_int_equal(sqlite3_total_changes64(w->db->sq), before);
    struct rp_db *reader = rp_store_reader(w->store, NULL);
    struct rp_plan p;
    commit(w);
    OK(rp_replay_plan(reader, conf_of(w), &ALL, w->now, &w->arena, &p, err));
    assert_int_equal(p.n, 20); /* a connection that cannot write is enough */
    rp_db_close(reader);
}

/* ---- canary and waves ---- */

static void R11_the_canary_and_waves_have_the_sizes_of_the_rule(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int have = 0;
    static const int sizes[] = {1, 4, 5, 6, 99, 700, 1200};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fail_many(w, "plain", sizes[i] - have);
        have = sizes[i];
        struct rp_replay_ask ask = ALL;
        ask.wave_max = 100;
        struct rp_plan p = plan_of(w, &ask);
        int64_t canary = have / 100 > 50 ? 50 : have / 100;
        canary = canary < 5 ? 5 : canary;
        canary = canary < have ? canary : have;
        assert_int_equal(p.canary, canary);
        int64_t left = have, size = canary;
        for (size_t k = 0; k < p.n_waves; k++, size = size * 2 < 100 ? size * 2 : 100) {
            assert_int_equal(p.waves[k], size < left ? size : left);
            left -= p.waves[k];
        }
        assert_int_equal(left, 0);
    }
}

static void R11_the_canary_holds_each_type_and_pattern(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "plain", 50);
    for (uint64_t p = 20; p < 30; p++)
        (void)fail_one(w, &(struct failing){.type = "plain", .pattern = p});
    struct rp_plan p = plan_of(w, &ALL);
    assert_int_equal(p.canary, 11);
    for (int64_t i = 0; i < p.canary; i++)
        for (int64_t k = 0; k < i; k++)
            assert_int_not_equal(p.items[i].kind->pattern_id, p.items[k].kind->pattern_id);
}

static void R13_a_rate_that_cannot_be_kept_is_an_error(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "plain", 3);
    struct rp_replay_ask ask = ALL;
    const double bad[] = {-1, (double)NAN, (double)INFINITY, 1e300, 1e-300};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask.rate_per_s = bad[i];
        plan_fails(w, &ask, RP_E_BAD_FIELD);
    }
}

/* ---- preflight ---- */

static void R5_dependencies_must_be_up_for_long_enough_by_a_fresh_check(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "safe", 2);
    struct rp_replay_ask ask = OF("safe");
    refused(w, &ask, "db has not been checked yet");
    dependency(w, "db", false);
    dependency(w, "other", false); /* nobody needs it */
    w->now += RP_US_MIN / 2;
    refused(w, &ask, "db has been down for 30s (by test)");
    dependency(w, "db", true);
    for (int s = 0; s < 59; s += 10, w->now += 10 * RP_US_S) {
        dependency(w, "db", true);
        refused(w, &ask, "it must hold for 1m");
        assert_int_equal(rp_str_find(plan_of(w, &ask).refused->hint,
                                     RP_STR("the same command again once db has held")),
                         0);
    }
    dependency(w, "db", true);
    assert_null(plan_of(w, &ask).refused);
    w->now += 5 * RP_US_MIN;
    refused(w, &ask, "db has not been checked lately");
    assert_int_equal(rp_str_find(plan_of(w, &ask).refused->hint, RP_STR("reprise deps check db")),
                     0);
    ask.override = (struct rp_strs){(struct rp_str[]){RP_STR("dependencies")}, 1};
    ask.reason = RP_STR("I looked");
    assert_null(plan_of(w, &ask).refused);
}

/* The reason is said once, and what is said to do can be done. */
static void R10_a_dependency_that_is_down_is_gone_past_by_one_override(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "safe", 2);
    dependency(w, "db", false);
    struct rp_replay_ask ask = OF("safe");
    struct rp_plan p = plan_of(w, &ask);
    assert_non_null(p.refused);
    assert_true(rp_str_find(p.refused->hint, RP_STR("wait until it is up")) != SIZE_MAX);
    for (size_t i = 0; i < p.n_preflight; i++)
        assert_true(p.preflight[i].state == RP_CHECK_HOLDS || &p.preflight[i] == p.refused);
    ask.override = (struct rp_strs){(struct rp_str[]){RP_STR("dependencies")}, 1};
    ask.reason = RP_STR("I looked");
    assert_null(plan_of(w, &ask).refused);
}

static void R6_workers_must_be_there_and_commands_be_found(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    struct rp_replay_ask ask = OF("plain");
    fail_many(w, "plain", 1);
    OK(rp_type_hold(w->db, RP_STR("plain"), RP_STR("its command is missing"), w->now, err));
    refused(w, &ask, "its command is missing");
    OK(rp_type_hold(w->db, RP_STR("plain"), RP_NONE, w->now, err));
    assert_null(plan_of(w, &ask).refused);
    struct rp_lease *l;
    struct rp_claim c = {
        .node = RP_STR("n"), .worker = RP_STR("w"), .max = 1, .lease_us = RP_US_MIN};
    size_t n;
    (void)enqueue(w, "fetched", NULL);
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, &l, &n, err));
    end_job(w, &l[0], &(struct failing){0});
    ask = OF("fetched");
    refused(w, &ask, "no worker has asked for fetched");
    OK(rp_worker_seen(w->db, RP_STR("w"), NULL, w->now, err));
    assert_null(plan_of(w, &ask).refused);
    w->now += 3 * RP_US_MIN;
    refused(w, &ask, "no worker has asked for fetched");
}

/* Each command opens its own; workers have theirs, however many jobs they take. */
static void preflight_counts_commands_as_connections_and_workers_not(void **state)
{
    struct world *w = *state;
    configure(w, "max_running: 10\nreplay: { settle: 0s }\n"
                 "dependencies:\n  db: { postgres: \"host=127.0.0.1\", every: 10s }\n"
                 "jobs:\n  command: { run: [\"true\"], idempotent: true, needs: [db] }\n"
                 "  fetched: { idempotent: true, needs: [db] }\n");
    dependency(w, "db", true);
    OK(rp_dep_connections(w->db, RP_STR("db"), 4, err));
    fail_many(w, "command", 5);
    w->workers = true;
    fail_many(w, "fetched", 5);
    OK(rp_worker_seen(w->db, RP_STR("w"), NULL, w->now, err));
    struct rp_replay_ask ask = OF("fetched");
    assert_null(plan_of(w, &ask).refused);
    ask = OF("command");
    refused(w, &ask, "db has 4 connections free, up to 5 jobs would run at once");
}

static void R7_a_failure_of_no_known_class_refuses(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)fail_one(w, &(struct failing){.type = "plain", .class = "unknown"});
    struct rp_replay_ask ask = ALL;
    refused(w, &ask, "no known class");
    ask.accept_unknown_class = true;
    assert_null(plan_of(w, &ask).refused);
}

static void R9_not_more_replays_run_than_configured_and_those_that_stand_do_not_count(void **state)
{
    struct world *w = *state;
    static const char *const types[] = {"plain", "gone", "other", "more"};
    static const char four[] = "jobs:\n"
                               "  plain: { run: [\"true\"], retries: 0, idempotent: true }\n"
                               "  gone: { run: [\"true\"], retries: 0, idempotent: true }\n"
                               "  other: { run: [\"true\"], retries: 0, idempotent: true }\n"
                               "  more: { run: [\"true\"], retries: 0, idempotent: true }\n";
    configure(w, four);
    int64_t job[4], id[2];
    for (int i = 0; i < 4; i++)
        job[i] = fail_one(w, &(struct failing){.type = types[i]});
    commit(w);
    for (int i = 0; i < 2; i++)
        id[i] =
            start(w, &(struct rp_replay_ask){.ids = &job[i], .n_ids = 1, .actor = RP_STR("ada")});
    struct rp_replay_ask ask = {.ids = &job[2], .n_ids = 1, .actor = RP_STR("ada")};
    refused(w, &ask, "2 replays are running already");
    OK(rp_replay_set_state(w->db, id[0], RP_REPLAY_HALTED, RP_STR("engine"), RP_NONE, w->now, err));
    (void)start(w, &ask);
    char one[1000];
    (void)snprintf(one, sizeof one, "replay: { max_running: 1 }\n%s", four);
    configure(w, one);
    ask.ids = &job[3];
    refused(w, &ask, "the limit is 1");
}

static void R8_a_second_replay_of_the_same_type_is_refused_while_the_first_runs(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int64_t job[2];
    for (int i = 0; i < 2; i++)
        job[i] = fail_one(w, &(struct failing){.type = "plain"});
    commit(w);
    struct rp_replay_ask ask = {.ids = &job[0], .n_ids = 1, .actor = RP_STR("ada")};
    int64_t id = start(w, &ask);
    ask.ids = &job[1];
    refused(w, &ask, "replay R1 still runs jobs of type plain");
    ask.ids = &job[0];
    refused(w, &ask, "nothing to replay"); /* a job is in one live replay only */
    for (int i = 0; i < 3; i++, w->now += RP_US_S) {
        (void)tick(w);
        (void)work(w, 0);
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    ask.ids = &job[1];
    (void)start(w, &ask);
}

static void R9_live_work_goes_first(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "plain", 1);
    (void)enqueue(w, "plain", NULL);
    assert_null(plan_of(w, &ALL).refused);
    w->now += 11 * RP_US_MIN;
    commit(w);
    refused(w, &ALL, "has waited for 11m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R1_nothing_selected_is_an_error_and_all_must_be_said),
        REPLAY_TEST(U2_a_selection_never_takes_a_success_and_never_ignores_a_name),
        REPLAY_TEST(R1_a_job_named_twice_is_in_the_plan_once),
        REPLAY_TEST(R1_more_than_can_be_replayed_at_once_is_an_error_not_a_part_of_it),
        REPLAY_TEST(R3_what_was_run_from_outside_is_never_run_here),
        REPLAY_TEST(R3_each_left_out_job_is_counted_under_its_reason),
        REPLAY_TEST(R3_a_reason_is_overridden_by_its_name_and_only_with_a_reason),
        REPLAY_TEST(U9_a_plan_counts_the_risk_of_a_repeat),
        REPLAY_TEST(U3_a_plan_that_changed_is_refused_by_its_hash),
        REPLAY_TEST(R4_a_dry_run_writes_nothing),
        REPLAY_TEST(R11_the_canary_and_waves_have_the_sizes_of_the_rule),
        REPLAY_TEST(R11_the_canary_holds_each_type_and_pattern),
        REPLAY_TEST(R13_a_rate_that_cannot_be_kept_is_an_error),
        REPLAY_TEST(R5_dependencies_must_be_up_for_long_enough_by_a_fresh_check),
        REPLAY_TEST(R10_a_dependency_that_is_down_is_gone_past_by_one_override),
        REPLAY_TEST(R6_workers_must_be_there_and_commands_be_found),
        REPLAY_TEST(preflight_counts_commands_as_connections_and_workers_not),
        REPLAY_TEST(R7_a_failure_of_no_known_class_refuses),
        REPLAY_TEST(R9_not_more_replays_run_than_configured_and_those_that_stand_do_not_count),
        REPLAY_TEST(R8_a_second_replay_of_the_same_type_is_refused_while_the_first_runs),
        REPLAY_TEST(R9_live_work_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
