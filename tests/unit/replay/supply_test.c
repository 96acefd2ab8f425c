/* What may go out is left for a moment to workers that wait, who have it at once (replay.md 11 to
 * 16, G17): the same items, waves and guards as by way of the queue. */
#include "replay_world.h"

static const char conf[] = "replay: { wave_max: 20, max_running: 5 }\n"
                           "jobs:\n"
                           "  a: { retries: 3, idempotent: true }\n"
                           "  few: { retries: 3, idempotent: true, max_running: 8 }\n"
                           "  fresh: { retries: 3, idempotent: true, replay_key: new }\n"
                           "  other: { retries: 3, idempotent: true }\n";

enum { MANY = 100 };

static struct desk desk;

static void begin(struct world *w, const char *type, int n)
{
    w->workers = true;
    desk = (struct desk){.public = {.wanted = want, .supplies = true}};
    configure(w, conf);
    fail_many(w, type, n);
    rp_jobs_supply(w->db, rp_replay_supply, &desk);
}

static int64_t start_of(struct world *w, const char *type)
{
    static struct rp_str past[] = {RP_STR("workers")};
    return start(w, &(struct rp_replay_ask){.filter = {.type = rp_str_of(type)},
                                            .has_filter = true,
                                            .override = {past, 1},
                                            .reason = RP_STR("checked"),
                                            .unlimited = true,
                                            .actor = RP_STR("ada")});
}

static void tick_supplied(struct world *w)
{
    int64_t next = INT64_MAX;
    OK(rp_replay_tick(&desk, w->db, w->now, &next, err));
}

static int64_t running(struct world *w)
{
    return query(w, "select count(*) from job where state = 3", 0, 0);
}

static void succeed(struct world *w, const struct rp_lease *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
}

static void R12_a_worker_has_each_wave_at_once_and_no_job_is_queued(void **state)
{
    struct world *w = *state;
    static const size_t waves[] = {5, 10, 20, 20, 5};
    begin(w, "a", 60);
    int64_t id = start_of(w, "a");
    for (size_t i = 0; i < sizeof waves / sizeof *waves; i++) {
        struct rp_lease *l, *more;
        tick_supplied(w);
        assert_int_equal(queued(w), 0);
        assert_int_equal(claim(w, MANY, &l), waves[i]);
        assert_int_equal(running(w), waves[i]);
        assert_int_equal(replay(w, id).n[RP_FATE_RELEASED], waves[i]);
        assert_int_equal(claim(w, MANY, &more), 0); /* not more than the wave */
        assert_int_equal(
            query(w, "select count(*) from replay_item where wave = ?1", (int64_t)i + 1, 0),
            waves[i]);
        succeed(w, l, waves[i]);
    }
    tick_supplied(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 60);
}

/* All columns but those by which two jobs differ anyway. */
static const char alike[] =
    "select count(*) from job x, job y where x.id = ?1 and y.id = ?2 and x.state = y.state and"
    " x.attempts = y.attempts and x.max_attempts = y.max_attempts and x.last_n = y.last_n and"
    " x.interrupted_n = y.interrupted_n and x.lost_n = y.lost_n and x.poison = y.poison and"
    " x.due_at + 1000000 = y.due_at and x.ended_at is y.ended_at and x.error is y.error and"
    " x.error_class is y.error_class and x.pattern_id is y.pattern_id";

static void R16_it_is_the_attempt_that_a_queued_item_would_have(void **state)
{
    struct world *w = *state;
    struct rp_lease *one, *other;
    begin(w, "a", 1);
    fail_many(w, "other", 1);
    int64_t id = start_of(w, "a"), long_way = start_of(w, "other");
    tick_supplied(w);
    assert_int_equal(queued(w), 0);
    assert_int_equal(claim(w, MANY, &one), 1);
    w->now += RP_US_S;
    tick_supplied(w);
    assert_int_equal(queued(w), 1);
    w->now -= RP_US_S;
    assert_int_equal(claim(w, MANY, &other), 1);
    assert_int_equal(one->attempt, other->attempt);
    assert_int_equal(one->deadline_us, other->deadline_us);
    assert_int_equal(one->job.state, other->job.state);
    assert_int_equal(one->job.max_attempts, other->job.max_attempts);
    assert_int_equal(one->job.replay_id, id);
    assert_int_equal(other->job.replay_id, long_way);
    assert_int_equal(query(w, alike, one->job.id, other->job.id), 1);
    assert_int_equal(query(w, "select min(running) + max(running) from replay_test", 0, 0), 2);
    assert_int_equal(query(w, "select count(*) from replay_item where fate = 2 and wave = 1", 0, 0),
                     2);
}

static void R12_what_nobody_asks_for_is_queued(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "a", 30);
    (void)start_of(w, "a");
    tick_supplied(w);
    assert_int_equal(queued(w), 0);
    w->now += RP_US_S / 2;
    tick_supplied(w);
    assert_int_equal(queued(w), 5);
    assert_int_equal(claim(w, MANY, &l), 5);
}

static void R12_a_worker_that_wants_few_has_them_from_the_queue(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "a", 30);
    (void)start_of(w, "a");
    tick_supplied(w);
    assert_int_equal(claim(w, 2, &l), 2);
    assert_int_equal(queued(w), 3);
}

static void R13_live_jobs_go_first(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "a", 30);
    (void)start_of(w, "a");
    tick_supplied(w);
    int64_t live = enqueue(w, "a", NULL);
    assert_int_equal(claim(w, MANY, &l), 1);
    assert_int_equal(l[0].job.id, live);
    assert_int_equal(claim(w, MANY, &l), 5);
}

static void R14_a_halt_leaves_nothing_to_take(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "a", 60);
    int64_t id = start_of(w, "a");
    tick_supplied(w);
    assert_int_equal(claim(w, MANY, &l), 5);
    for (int i = 0; i < 5; i++)
        end_job(w, &l[i], &(struct failing){0});
    assert_int_equal(claim(w, MANY, &l), 0); /* by the claim itself, before any tick */
    tick_supplied(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_HALTED);
    assert_int_equal(claim(w, MANY, &l), 0);
    assert_int_equal(queued(w), 0);
    assert_int_equal(replay(w, id).n[RP_FATE_WAITING], 55);
}

/* U5: a bad one does not stop the rest. */
static void R16_one_that_changed_since_is_skipped_and_the_rest_runs(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "a", 5);
    int64_t third = query(w, "select id from job order by id limit 1 offset 2", 0, 0);
    int64_t id = start_of(w, "a");
    OK(rp_job_retry(w->db, third, RP_STR("bob"), RP_STR("so"), w->now, err));
    assert_int_equal(claim(w, MANY, &l), 1); /* by hand */
    succeed(w, l, 1);
    tick_supplied(w);
    assert_int_equal(claim(w, MANY, &l), 2); /* up to it */
    succeed(w, l, 2);
    tick_supplied(w);
    assert_int_equal(claim(w, MANY, &l), 2);
    succeed(w, l, 2);
    tick_supplied(w);
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.state, RP_REPLAY_DONE);
    assert_int_equal(r.n[RP_FATE_SUCCEEDED], 4);
    assert_int_equal(r.n[RP_FATE_SKIPPED], 1);
}

static void R16_one_that_ran_and_failed_again_since_is_skipped(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "a", 3);
    int64_t second = query(w, "select id from job order by id limit 1 offset 1", 0, 0);
    int64_t id = start_of(w, "a");
    OK(rp_job_retry(w->db, second, RP_STR("bob"), RP_STR("so"), w->now, err));
    assert_int_equal(claim(w, MANY, &l), 1);
    end_job(w, l, &(struct failing){0});
    for (int i = 0; i < 3; i++) {
        tick_supplied(w);
        size_t n = claim(w, MANY, &l);
        succeed(w, l, n);
    }
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 2);
    assert_int_equal(replay(w, id).n[RP_FATE_SKIPPED], 1);
}

static int64_t enqueue_with(struct world *w, struct rp_str payload, const char *labels)
{
    struct rp_enqueue in = {.type = RP_STR("a"),
                            .payload = payload,
                            .labels = rp_str_of(labels),
                            .priority = INT64_MIN};
    struct rp_enqueued out;
    OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    return out.id;
}

static void fail_all(struct world *w)
{
    struct rp_lease *l;
    for (size_t n; (n = claim(w, MANY, &l)) > 0;)
        for (size_t i = 0; i < n; i++)
            end_job(w, &l[i], &(struct failing){0});
}

static void U8_of_a_sequence_one_runs_after_the_other(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "other", 0);
    for (int i = 0; i < 4; i++)
        (void)enqueue_with(w, RP_STR("{}"), "{\"sequence\":\"s\"}");
    fail_all(w);
    (void)start_of(w, "a");
    for (int i = 0; i < 4; i++) {
        tick_supplied(w);
        assert_int_equal(claim(w, MANY, &l), 1);
        succeed(w, l, 1);
    }
}

/* Another live job has its key now. */
static void R16_one_whose_key_is_taken_is_skipped(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "a", 1);
    (void)fail_one(w, &(struct failing){.type = "a", .key = "K"});
    int64_t id = start_of(w, "a"), rival = enqueue(w, "a", "K");
    assert_int_equal(claim(w, MANY, &l), 1);
    assert_int_equal(l[0].job.id, rival);
    for (int i = 0; i < 2; i++) {
        struct rp_lease *own;
        tick_supplied(w);
        size_t n = claim(w, MANY, &own);
        succeed(w, own, n);
    }
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 1);
    assert_int_equal(replay(w, id).n[RP_FATE_SKIPPED], 1);
}

/* A person let it run: what it did before is forgotten, as by way of the queue. */
static void R16_what_was_poison_begins_anew(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    begin(w, "a", 2);
    (void)start_of(w, "a");
    OK(rp_run(rp_sql(w->db, "update job set poison = 1, lost_n = 3"), err));
    tick_supplied(w);
    assert_int_equal(claim(w, MANY, &l), 2);
    assert_int_equal(query(w, "select count(*) from job where poison = 0 and lost_n = 0", 0, 0), 2);
}

/* However large payloads are (G18). */
static void G18_a_claim_has_no_more_than_its_bytes(void **state)
{
    struct world *w = *state;
    enum { LARGE = 1000000 };
    char *large = rp_xcalloc(1, LARGE);
    struct rp_lease *l;
    memset(large, '1', LARGE);
    begin(w, "other", 0);
    for (int i = 0; i < 20; i++)
        (void)enqueue_with(w, (struct rp_str){large, LARGE}, NULL);
    free(large);
    fail_all(w);
    static struct rp_str past[] = {RP_STR("workers")};
    (void)start(w, &(struct rp_replay_ask){.filter = {.type = RP_STR("a")},
                                           .has_filter = true,
                                           .override = {past, 1},
                                           .reason = RP_STR("checked"),
                                           .unlimited = true,
                                           .canary = 20,
                                           .actor = RP_STR("ada")});
    tick_supplied(w);
    size_t n = claim(w, MANY, &l);
    assert_int_equal(n, RP_CLAIM_BYTES / LARGE + 1);
    assert_int_equal(claim(w, MANY, &l), 20 - n);
}

static void taken_by_the_queue(struct world *w, const char *type, size_t n)
{
    struct rp_lease *l;
    begin(w, type, 30);
    (void)start_of(w, type);
    tick_supplied(w);
    assert_int_equal(queued(w), n);
    assert_int_equal(claim(w, MANY, &l), n);
}

static void R13_a_limit_of_the_type_is_kept_by_way_of_the_queue(void **state)
{
    taken_by_the_queue(*state, "few", 4);
}

static void R18_a_fresh_key_is_given_by_way_of_the_queue(void **state)
{
    taken_by_the_queue(*state, "fresh", 5);
}

static void R12_a_worker_of_other_types_gets_none(void **state)
{
    struct world *w = *state;
    struct rp_str other[] = {RP_STR("other")};
    struct rp_claim c = {
        .worker = RP_STR("w2"), .types = {other, 1}, .max = MANY, .lease_us = RP_US_S};
    struct rp_lease *l;
    size_t n;
    begin(w, "a", 30);
    (void)start_of(w, "a");
    tick_supplied(w);
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, &l, &n, err));
    assert_int_equal(n, 0);
    assert_int_equal(claim(w, MANY, &l), 5);
}

static void R13_a_rate_is_kept(void **state)
{
    struct world *w = *state;
    static struct rp_str past[] = {RP_STR("workers")};
    struct rp_lease *l;
    begin(w, "a", 30);
    (void)start(w, &(struct rp_replay_ask){.filter = {.type = RP_STR("a")},
                                           .has_filter = true,
                                           .override = {past, 1},
                                           .reason = RP_STR("checked"),
                                           .rate_per_s = 10,
                                           .actor = RP_STR("ada")});
    tick_supplied(w);
    assert_int_equal(queued(w), 1); /* now, not when somebody asks */
    assert_int_equal(claim(w, MANY, &l), 1);
    assert_int_equal(claim(w, MANY, &l), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R12_a_worker_has_each_wave_at_once_and_no_job_is_queued),
        REPLAY_TEST(R16_it_is_the_attempt_that_a_queued_item_would_have),
        REPLAY_TEST(R12_what_nobody_asks_for_is_queued),
        REPLAY_TEST(R12_a_worker_that_wants_few_has_them_from_the_queue),
        REPLAY_TEST(R13_live_jobs_go_first),
        REPLAY_TEST(R14_a_halt_leaves_nothing_to_take),
        REPLAY_TEST(R16_one_that_changed_since_is_skipped_and_the_rest_runs),
        REPLAY_TEST(R16_one_that_ran_and_failed_again_since_is_skipped),
        REPLAY_TEST(U8_of_a_sequence_one_runs_after_the_other),
        REPLAY_TEST(R16_one_whose_key_is_taken_is_skipped),
        REPLAY_TEST(R16_what_was_poison_begins_anew),
        REPLAY_TEST(G18_a_claim_has_no_more_than_its_bytes),
        REPLAY_TEST(R13_a_limit_of_the_type_is_kept_by_way_of_the_queue),
        REPLAY_TEST(R18_a_fresh_key_is_given_by_way_of_the_queue),
        REPLAY_TEST(R12_a_worker_of_other_types_gets_none),
        REPLAY_TEST(R13_a_rate_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
