/* What may be asked of a replay beside its guards: tries within it, a fresh key, another payload
 * (replay.md 17, 18, 19). */
#include "replay_world.h"

static const char conf[] = "replay: { wave_max: 20, max_running: 5 }\n"
                           "defaults: { backoff: { kind: fixed, base: 10s } }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 3, idempotent: true }\n"
                           "  fresh: { run: [\"true\"], idempotent: true, replay_key: new }\n";

static struct rp_replay_ask of(const char *type)
{
    return (struct rp_replay_ask){
        .filter = {.type = rp_str_of(type)}, .has_filter = true, .actor = RP_STR("ada")};
}

static void fail_all(struct world *w)
{
    struct rp_lease *l;
    enum rp_state state;
    size_t n = claim(w, 100, &l);
    for (size_t i = 0; i < n; i++) {
        struct rp_report r = {.lease = l[i].id,
                              .token = l[i].token,
                              .outcome = RP_OUT_FAILED,
                              .facts = {.error = RP_STR("refused")}};
        OK(rp_job_report(w->db, &r, w->now, &state, err));
    }
}

static int64_t jobs_in(struct world *w, const char *sql)
{
    return query(w, sql, 0, 0);
}

/* A plan of one job each: what fails once is not enough for a halt. */
static int64_t start_one(struct world *w, int64_t retries)
{
    configure(w, conf);
    fail_many(w, "a", 1);
    struct rp_replay_ask ask = of("a");
    ask.retries = retries;
    return start(w, &ask);
}

/* ---- 17: tries ---- */

static void R17_a_replay_tries_once_unless_it_is_told_otherwise(void **state)
{
    struct world *w = *state;
    int64_t id = start_one(w, 0);
    (void)tick(w);
    fail_all(w);
    (void)tick(w);
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.n[RP_FATE_FAILED_NEW] + r.n[RP_FATE_FAILED_SAME], 1);
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
}

static void R17_retries_are_tries_within_the_item_with_the_types_backoff(void **state)
{
    struct world *w = *state;
    int64_t id = start_one(w, 2);
    assert_int_equal(replay(w, id).retries, 2);
    (void)tick(w);
    for (int try = 1; try <= 3; try++) {
        assert_int_equal(queued(w), 1);
        fail_all(w);
        (void)tick(w);
        if (try == 3)
            break;
        assert_int_equal(replay(w, id).n[RP_FATE_RELEASED], 1); /* no answer yet */
        assert_int_equal(jobs_in(w, "select count(*) from job where state = 4"), 1);
        w->now += 10 * RP_US_S;
        (void)promote(w);
    }
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.n[RP_FATE_FAILED_NEW] + r.n[RP_FATE_FAILED_SAME], 1);
    assert_int_equal(jobs_in(w, "select count(*) from attempt where replay_id = 1"), 3);
    assert_int_equal(jobs_in(w, "select state from job where id = 1"), RP_FAILED);
}

static void R17_a_success_at_a_later_try_is_the_items_fate(void **state)
{
    struct world *w = *state;
    int64_t id = start_one(w, 1);
    (void)tick(w);
    fail_all(w);
    (void)tick(w);
    w->now += 10 * RP_US_S;
    (void)promote(w);
    assert_int_equal(work(w, 0), 1);
    (void)tick(w);
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 1);
}

/* Rule 15: nothing more starts, whether it waits for its next try or runs its last. */
static void R17_what_waits_for_another_try_stays_failed_when_the_replay_stops(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "a", 2);
    struct rp_replay_ask ask = of("a");
    ask.retries = 5;
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(claim(w, 2, &l), 2);
    struct rp_report r = {.lease = l[0].id, .token = l[0].token, .outcome = RP_OUT_FAILED};
    enum rp_state after;
    OK(rp_job_report(w->db, &r, w->now, &after, err));
    assert_int_equal(after, RP_RETRYING);
    OK(rp_replay_set_state(w->db, id, RP_REPLAY_PAUSED, RP_STR("ada"), RP_NONE, w->now, err));
    assert_int_equal(jobs_in(w, "select state from job where id = 1"), RP_FAILED);
    r = (struct rp_report){.lease = l[1].id, .token = l[1].token, .outcome = RP_OUT_FAILED};
    OK(rp_job_report(w->db, &r, w->now, &after, err));
    assert_int_equal(after, RP_FAILED);
    (void)tick(w);
    struct rp_replay p = replay(w, id);
    assert_int_equal(p.n[RP_FATE_FAILED_NEW] + p.n[RP_FATE_FAILED_SAME], 2);
    w->now += RP_US_H;
    (void)promote(w);
    assert_int_equal(queued(w), 0);
}

/* ---- 18: keys ---- */

/* The key of the only job that is queued, which succeeds. */
static struct rp_str key_of_next(struct world *w)
{
    struct rp_lease *l;
    assert_int_equal(claim(w, 1, &l), 1);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    return l[0].job.key;
}

static int64_t replay_one(struct world *w, const char *type, const char *key)
{
    configure(w, conf);
    (void)fail_one(w, &(struct failing){.type = type, .key = key});
    struct rp_replay_ask ask = of(type);
    int64_t id = start(w, &ask);
    (void)tick(w);
    return id;
}

static struct rp_attempt newest_attempt(struct world *w, int64_t job)
{
    struct rp_attempt *v;
    size_t n;
    OK(rp_job_attempts(w->db, job, &w->arena, &v, &n, err));
    assert_true(n > 0);
    return v[n - 1];
}

static void R18_a_replayed_attempt_has_the_jobs_own_key(void **state)
{
    struct world *w = *state;
    (void)replay_one(w, "a", "invoice-17");
    assert_true(rp_str_is(key_of_next(w), "invoice-17"));
    assert_null(newest_attempt(w, 1).key.p);
    assert_int_equal(newest_attempt(w, 1).wave, 1);
}

static void R18_a_type_may_ask_for_a_fresh_key_in_each_replay(void **state)
{
    struct world *w = *state;
    int64_t id = replay_one(w, "fresh", "invoice-17");
    struct rp_str key = key_of_next(w);
    assert_true(key.n > 0 && !rp_str_is(key, "invoice-17"));
    assert_true(rp_str_eq(newest_attempt(w, 1).key, key));
    struct rp_replay_item *items;
    struct rp_job_replay *in;
    struct rp_job job;
    size_t n;
    OK(rp_replay_items(w->db, id, 0, 0, 10, &w->arena, &items, &n, err));
    assert_true(rp_str_eq(items[0].key, key));
    OK(rp_job_replays(w->db, 1, &w->arena, &in, &n, err));
    assert_true(rp_str_eq(in[0].key, key));
    OK(rp_job_get(w->db, 1, &w->arena, &job, err));
    assert_true(rp_str_is(job.key, "invoice-17")); /* the job keeps its own */
}

static void
R18_all_tries_of_an_item_have_the_same_fresh_key_another_replay_has_another(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    enum rp_state after;
    configure(w, conf);
    (void)fail_one(w, &(struct failing){.type = "fresh"});
    struct rp_replay_ask ask = of("fresh");
    ask.retries = 1;
    struct rp_str keys[3];
    for (int i = 0; i < 3; i++) {
        if (i != 1) /* the second try is the first replay's */
            (void)start(w, &ask);
        (void)tick(w);
        assert_int_equal(claim(w, 1, &l), 1);
        keys[i] = l[0].job.key;
        struct rp_report r = {
            .lease = l[0].id,
            .token = l[0].token,
            .outcome = RP_OUT_FAILED,
            .permanent = i == 1,
            .facts = {.error = RP_STR("refused"), .error_class = RP_STR("dependency")}};
        OK(rp_job_report(w->db, &r, w->now, &after, err));
        w->now += 10 * RP_US_S;
        (void)promote(w);
        (void)tick(w);
        (void)tick(w);
    }
    assert_true(rp_str_eq(keys[0], keys[1]));
    assert_false(rp_str_eq(keys[0], keys[2]));
}

/* ---- 19: payloads ---- */

static int64_t fail_with(struct world *w, const char *payload)
{
    struct rp_enqueue in = {
        .type = RP_STR("a"), .payload = rp_str_of(payload), .priority = INT64_MIN};
    struct rp_enqueued out;
    struct rp_lease *l;
    OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    assert_int_equal(claim(w, 1, &l), 1);
    end_job(w, &l[0], &(struct failing){0});
    w->now += RP_US_S;
    return out.id;
}

static struct rp_env amount = {{"/amount", 7}, {"3", 1}};

static struct rp_replay_ask with_amount(void)
{
    struct rp_replay_ask ask = of("a");
    ask.set = &amount;
    ask.n_set = 1;
    ask.set_json = RP_STR("{\"/amount\":3}");
    return ask;
}

static struct rp_str stored_payload(struct world *w, int64_t id)
{
    struct rp_str out;
    OK(rp_job_payload(w->db, id, &w->arena, &out, err));
    return out;
}

static void R19_attempts_of_the_replay_get_the_changed_copy_and_the_job_keeps_its_own(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    int64_t job = fail_with(w, "{\"amount\": 2}");
    struct rp_replay_ask ask = with_amount();
    struct rp_plan p = plan_of(w, &ask);
    assert_int_equal(p.n_changed, 1);
    assert_true(
        rp_str_is(p.changed[0].changed, "[{\"path\":\"/amount\",\"before\":2,\"after\":3}]"));
    int64_t id = start(w, &ask);
    assert_true(rp_str_eq(replay(w, id).payload_set, ask.set_json));
    (void)tick(w);
    assert_int_equal(claim(w, 1, &l), 1);
    assert_true(rp_str_is(l[0].job.payload, "{\"amount\": 3}"));
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    assert_true(rp_str_is(stored_payload(w, job), "{\"amount\": 2}"));
    struct rp_job_replay *in;
    size_t n;
    OK(rp_job_replays(w->db, job, &w->arena, &in, &n, err));
    assert_true(rp_str_eq(in[0].changed, p.changed[0].changed));
}

static void R19_undo_brings_back_the_former_payload(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    int64_t job = fail_with(w, "{\"amount\": 2}");
    struct rp_replay_ask ask = with_amount();
    int64_t id = start(w, &ask);
    (void)tick(w);
    OK(rp_replay_undo(w->db, id, RP_STR("ada"), RP_STR("wrong"), w->now, err));
    assert_true(rp_str_is(stored_payload(w, job), "{\"amount\": 2}"));
    struct rp_replay_ask plain = of("a");
    (void)start(w, &plain);
    (void)tick(w);
    assert_int_equal(claim(w, 1, &l), 1);
    assert_true(rp_str_is(l[0].job.payload, "{\"amount\": 2}"));
}

static void R19_a_payload_without_a_place_for_the_value_refuses_the_whole(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)fail_with(w, "{\"amount\": 2}");
    struct rp_replay_ask ask = with_amount();
    (void)plan_of(w, &ask);
    (void)fail_with(w, "17");
    plan_fails(w, &ask, RP_E_BAD_FIELD);
    (void)fail_one(w, &(struct failing){.type = "a"}); /* without a payload */
    ask.filter.since_us = w->now - RP_US_S;
    plan_fails(w, &ask, RP_E_BAD_FIELD);
}

/* U3: what a dry run showed is what runs. */
static void R19_another_value_is_another_plan(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)fail_with(w, "{\"amount\": 2}");
    struct rp_replay_ask ask = with_amount(), plain = of("a"), other = with_amount();
    struct rp_env four = {{"/amount", 7}, {"4", 1}};
    other.set = &four;
    struct rp_plan p = plan_of(w, &ask), q = plan_of(w, &plain), r = plan_of(w, &other);
    assert_false(rp_str_eq(p.hash, q.hash));
    assert_false(rp_str_eq(p.hash, r.hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R17_a_replay_tries_once_unless_it_is_told_otherwise),
        REPLAY_TEST(R17_retries_are_tries_within_the_item_with_the_types_backoff),
        REPLAY_TEST(R17_a_success_at_a_later_try_is_the_items_fate),
        REPLAY_TEST(R17_what_waits_for_another_try_stays_failed_when_the_replay_stops),
        REPLAY_TEST(R18_a_replayed_attempt_has_the_jobs_own_key),
        REPLAY_TEST(R18_a_type_may_ask_for_a_fresh_key_in_each_replay),
        REPLAY_TEST(R18_all_tries_of_an_item_have_the_same_fresh_key_another_replay_has_another),
        REPLAY_TEST(R19_attempts_of_the_replay_get_the_changed_copy_and_the_job_keeps_its_own),
        REPLAY_TEST(R19_undo_brings_back_the_former_payload),
        REPLAY_TEST(R19_a_payload_without_a_place_for_the_value_refuses_the_whole),
        REPLAY_TEST(R19_another_value_is_another_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
