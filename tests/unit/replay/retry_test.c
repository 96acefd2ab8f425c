/* `job retry` is a replay of one, with the same reasons to leave out (replay.md 23). */
#include "replay_world.h"

static const char conf[] = "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
                           "replay: { max_running: 1, settle: 0s }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 3, idempotent: true }\n"
                           "  b: { run: [\"true\"], idempotent: true, needs: [db] }\n"
                           "  mail: { run: [\"true\"] }\n";

static struct rp_replay_ask of(struct world *w, int64_t job)
{
    struct rp_replay_ask ask = {.actor = RP_STR("ada")};
    char id[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)job);
    assert_true(rp_replay_retry_ask(rp_str_dup(&w->arena, rp_str_of(id)), &w->arena, &ask));
    return ask;
}

static bool retried(struct world *w, const struct rp_replay_ask *ask, int64_t *id,
                    struct rp_err *why)
{
    struct rp_replay_making m = {.id = 0};
    OK(rp_replay_plan(w->db, conf_of(w), ask, w->now, &w->arena, &m.plan, err));
    bool ok = rp_replay_retry(w->db, conf_of(w), ask, w->now, &w->arena, &m, why);
    *id = m.id;
    return ok;
}

static int64_t retry(struct world *w, const struct rp_replay_ask *ask)
{
    int64_t id;
    OK(retried(w, ask, &id, err));
    return id;
}

/* With these words in sentence or hint; nothing of it stays. */
static void is_refused(struct world *w, const struct rp_replay_ask *ask, const char *says,
                       const char *hint)
{
    struct rp_err why = {0};
    int64_t id;
    OK(rp_savepoint(w->db, err));
    if (retried(w, ask, &id, &why))
        fail_msg("it was retried");
    rp_savepoint_rollback(w->db);
    assert_int_equal(why.code, RP_E_REFUSED);
    if (strstr(why.message, says) == NULL || strstr(why.hint, hint) == NULL)
        fail_msg("\"%s\" (%s): wanted \"%s\" (%s)", why.message, why.hint, says, hint);
}

static void R23_a_failed_job_is_queued_at_once_under_a_replay_of_its_own(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int64_t job = fail_one(w, &(struct failing){.type = "a"});
    struct rp_replay_ask ask = of(w, job);
    int64_t id = retry(w, &ask);
    assert_int_equal(queued(w), 1);
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.kind, RP_REPLAY_RETRY);
    assert_int_equal(r.n[0], 1);
    assert_int_equal(work(w, 0), 1);
    (void)tick(w);
    (void)tick(w);
    r = replay(w, id);
    assert_int_equal(r.state, RP_REPLAY_DONE);
    assert_int_equal(r.n[RP_FATE_SUCCEEDED], 1);
    struct rp_job_replay *in;
    struct rp_attempt *tries;
    size_t n;
    OK(rp_job_replays(w->db, job, &w->arena, &in, &n, err));
    assert_int_equal(n, 1);
    assert_int_equal(in[0].repairs, 1);
    assert_int_equal(in[0].attempt, 2);
    OK(rp_job_attempts(w->db, job, &w->arena, &tries, &n, err));
    assert_int_equal(tries[1].replay_id, id);
}

static void R23_what_leaves_a_job_out_refuses_it_and_says_what_to_do(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int64_t mail = fail_one(w, &(struct failing){.type = "mail"}),
            code = fail_one(w, &(struct failing){.type = "a", .group = "code", .pattern = 9}),
            old = fail_one(w, &(struct failing){.type = "a", .key = "k"});
    (void)enqueue(w, "a", "k");
    (void)work(w, 0);
    struct rp_replay_ask ask = of(w, mail);
    is_refused(w, &ask, "may not be repeated", "--include-unsafe");
    ask.include_unsafe = true;
    ask.reason = RP_STR("it was never sent");
    (void)retry(w, &ask);
    assert_int_equal(work(w, 0), 1);
    int64_t taken = fail_one(w, &(struct failing){.type = "a"});
    struct rp_replay_ask other = {.ids = &taken, .n_ids = 1, .actor = RP_STR("bob")};
    (void)start(w, &other); /* nothing of it has gone out yet */
    ask = of(w, taken);
    is_refused(w, &ask, "another replay has it", "wait for the end");
    ask = of(w, code);
    is_refused(w, &ask, "until it is mended", "reprise deploy mark");
    ask = of(w, old);
    is_refused(w, &ask, "its work is done", "--override superseded");
    assert_int_equal(queued(w), 0);
}

static void R23_a_dependency_that_is_down_refuses_it(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    dependency(w, "db", true);
    int64_t job = fail_one(w, &(struct failing){.type = "b"});
    dependency(w, "db", false);
    struct rp_replay_ask ask = of(w, job);
    is_refused(w, &ask, "db has just gone down", "wait until it is up");
    dependency(w, "db", true);
    (void)retry(w, &ask);
}

/* One job that a person names is no flood, and its class need not be known. */
static void R23_other_replays_and_an_unknown_class_do_not_stand_in_its_way(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    int64_t first =
        fail_one(w, &(struct failing){.type = "a", .class = "unknown", .group = "unknown"});
    fail_many(w, "a", 3);
    struct rp_replay_ask all = {.filter = {.type = RP_STR("a"), .since_us = w->now - 3 * RP_US_S},
                                .has_filter = true,
                                .actor = RP_STR("ada")};
    (void)start(w, &all);
    struct rp_replay_ask ask = of(w, first);
    int64_t id = retry(w, &ask);
    assert_int_equal(replay(w, id).state, RP_REPLAY_RUNNING);
    /* … and a retry takes no replay's place */
    (void)tick(w);
    (void)work(w, 0);
    (void)tick(w);
    (void)tick(w);
    int64_t again = fail_one(w, &(struct failing){.type = "a"});
    ask = of(w, again);
    (void)retry(w, &ask);
    assert_int_equal(claim(w, 1, &l), 1); /* it runs */
    int64_t other = fail_one(w, &(struct failing){.type = "a"});
    struct rp_replay_ask two = {.ids = &other, .n_ids = 1, .actor = RP_STR("ada")};
    (void)start(w, &two);
}

static void R23_a_job_whose_key_is_taken_is_no_replay(void **state)
{
    struct world *w = *state;
    struct rp_err why = {0};
    int64_t id;
    configure(w, conf);
    int64_t job = fail_one(w, &(struct failing){.type = "a", .key = "k"});
    (void)enqueue(w, "a", "k"); /* live */
    struct rp_replay_ask ask = of(w, job);
    OK(rp_savepoint(w->db, err));
    assert_false(retried(w, &ask, &id, &why));
    rp_savepoint_rollback(w->db);
    assert_int_equal(why.code, RP_E_CONFLICT);
    assert_non_null(strstr(why.message, "another live job has its key"));
    assert_string_equal(why.hint, "reprise job show 1 says how it is now");
    assert_int_equal(query(w, "select count(*) from replay", 0, 0), 0);
}

/* It was running when it was looked at; its worker was lost before it was written. */
static void R23_what_fails_meanwhile_is_no_plain_second_run(void **state)
{
    struct world *w = *state;
    struct rp_err why = {0};
    struct rp_lease *l;
    int64_t n, next;
    configure(w, conf);
    int64_t lost = enqueue(w, "mail", NULL);
    assert_int_equal(claim(w, 1, &l), 1);
    w->now += RP_US_H;
    OK(rp_leases_expire(w->db, w->now, 10, &n, &next, err));
    assert_int_equal(query(w, "select state from job where id = 1", 0, 0), RP_UNKNOWN);
    int64_t failed = fail_one(w, &(struct failing){.type = "mail"});
    assert_false(rp_replay_again(w->db, lost, RP_STR("ada"), RP_STR("so"), w->now, &why));
    assert_int_equal(why.code, RP_E_CONFLICT);
    assert_false(rp_replay_again(w->db, failed, RP_STR("ada"), RP_STR("so"), w->now, &why));
    assert_int_equal(why.code, RP_E_CONFLICT);
    assert_int_equal(queued(w), 0);
    OK(rp_job_resolve(w->db, lost, true, RP_STR("ada"), RP_STR("seen"), w->now, err));
    OK(rp_replay_again(w->db, lost, RP_STR("ada"), RP_STR("so"), w->now, err));
    assert_int_equal(queued(w), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R23_a_failed_job_is_queued_at_once_under_a_replay_of_its_own),
        REPLAY_TEST(R23_what_leaves_a_job_out_refuses_it_and_says_what_to_do),
        REPLAY_TEST(R23_a_dependency_that_is_down_refuses_it),
        REPLAY_TEST(R23_other_replays_and_an_unknown_class_do_not_stand_in_its_way),
        REPLAY_TEST(R23_a_job_whose_key_is_taken_is_no_replay),
        REPLAY_TEST(R23_what_fails_meanwhile_is_no_plain_second_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
