/* What came of a replay (replay.md 20, 22; U6). The interval itself: tests/unit/core. */
#include "replay_world.h"

static const char conf[] = "replay: { wave_max: 50, halt_alpha: 0.0001% }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 0, idempotent: true }\n"
                           "  b: { run: [\"true\"], retries: 0, idempotent: true }\n";

static const uint64_t gone = 101, back = 102, hidden = 103, untried = 104, fresh = 900;

static int64_t pattern(struct world *w, uint64_t hash)
{
    return query(w, "select id from pattern where hash = ?1", (int64_t)hash, 0);
}

static uint64_t hash_of(struct world *w, int64_t job)
{
    return (uint64_t)query(w,
                           "select p.hash from job j join pattern p on p.id = j.pattern_id"
                           " where j.id = ?1",
                           job, 0);
}

static struct rp_replay_outcome outcome(struct world *w, int64_t id)
{
    struct rp_replay r = replay(w, id);
    struct rp_replay_outcome o;
    commit(w);
    OK(rp_replay_outcome(w->db, &r, &w->arena, &o, err));
    return o;
}

static const struct rp_replay_pattern *of_pattern(const struct rp_replay_outcome *o, int64_t id)
{
    for (size_t i = 0; i < o->n_patterns; i++)
        if (o->patterns[i].pattern_id == id)
            return &o->patterns[i];
    fail_msg("no pattern P%lld", (long long)id);
    return NULL;
}

static void U6_each_fix_is_proven_not_proven_or_not_tested_and_new_failures_are_apart(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    for (int i = 0; i < 4; i++) {
        (void)fail_one(w, &(struct failing){.type = "a", .pattern = gone});
        (void)fail_one(w, &(struct failing){.type = "a", .pattern = back});
        (void)fail_one(w, &(struct failing){.type = "a", .pattern = hidden});
    }
    (void)fail_one(w, &(struct failing){.type = "b", .pattern = untried});
    commit(w);
    int64_t id =
        start(w, &(struct rp_replay_ask){.all = true, .canary = 13, .actor = RP_STR("ada")});
    (void)query(w, "update job set payload = 'other' where id = 13", 0, 0); /* skipped */
    (void)tick(w);
    assert_int_equal(claim(w, 50, &l), 12);
    for (int i = 0, bad = 0; i < 12; i++) {
        uint64_t was = hash_of(w, l[i].job.id);
        if (was == back && bad++ < 1)
            end_job(w, &l[i], &(struct failing){.pattern = back});
        else if (was == hidden)
            end_job(w, &l[i], &(struct failing){.pattern = fresh});
        else
            (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
    }
    (void)tick(w);
    (void)tick(w);
    struct rp_replay_outcome o = outcome(w, id);
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    assert_int_equal(rp_replay_fix(of_pattern(&o, pattern(w, gone))), RP_FIX_PROVEN);
    const struct rp_replay_pattern *p = of_pattern(&o, pattern(w, back));
    assert_int_equal(rp_replay_fix(p), RP_FIX_NOT_PROVEN);
    assert_int_equal(p->same, 1);
    assert_int_equal(p->succeeded, 3);
    p = of_pattern(&o, pattern(w, hidden));
    assert_int_equal(rp_replay_fix(p), RP_FIX_NOT_PROVEN); /* none of them got through */
    assert_int_equal(p->other, 4);
    assert_int_equal(rp_replay_fix(of_pattern(&o, pattern(w, untried))), RP_FIX_NOT_TESTED);
    assert_int_equal(o.n_news, 1);
    assert_int_equal(o.news[0].pattern_id, pattern(w, fresh));
    assert_int_equal(o.news[0].n, 4);
    assert_true(rp_str_eq(
        o.next, rp_str_fmt(&w->arena, "reprise pattern show P%lld", (long long)pattern(w, back))));
}

/* `runs` runs of type a, of which `bad` fail for good. */
static void history(struct world *w, int runs, int bad)
{
    for (int i = 0; i < runs; i++) {
        struct rp_lease *l;
        (void)enqueue(w, "a", NULL);
        assert_int_equal(claim(w, 1, &l), 1);
        if (i < bad)
            end_job(w, &l[0], &(struct failing){0});
        else
            (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    }
    commit(w);
}

/* Before: 40 of 80 fail. In the replay, `bad` of 40; live meanwhile, as before or well. */
static struct rp_replay_outcome replayed(struct world *w, size_t bad)
{
    configure(w, conf);
    history(w, 80, 40);
    struct rp_replay_ask ask = {.all = true, .canary = 40, .actor = RP_STR("ada")};
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(work(w, bad), 40);
    commit(w);
    (void)tick(w);
    (void)tick(w);
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    return outcome(w, id);
}

static void R20_better(void **state)
{
    struct rp_replay_outcome o = replayed(*state, 2);
    assert_int_equal(o.rates.runs_before, 80);
    assert_int_equal(o.rates.failed_before, 40);
    assert_int_equal(o.rates.runs, 40);
    assert_int_equal(o.rates.failed, 2);
    assert_int_equal(o.verdict, RP_REPLAY_BETTER);
    assert_true(o.change.high < -0.25 && o.change.low > -0.65);
}

static void R20_no_change(void **state)
{
    struct rp_replay_outcome o = replayed(*state, 18);
    assert_int_equal(o.verdict, RP_REPLAY_NO_CHANGE);
    assert_true(o.change.low < 0 && o.change.high > 0);
}

static void R20_worse(void **state)
{
    struct rp_replay_outcome o = replayed(*state, 38);
    assert_int_equal(o.verdict, RP_REPLAY_WORSE);
}

static void R20_nothing_is_claimed_where_nothing_ran(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 3);
    w->now += 3 * RP_US_DAY;
    int64_t id = start(w, &(struct rp_replay_ask){.all = true, .actor = RP_STR("ada")});
    struct rp_replay_outcome o = outcome(w, id);
    assert_int_equal(o.verdict, RP_REPLAY_NOT_KNOWN);
    assert_int_equal(o.rates.runs_before + o.rates.runs, 0);
}

static void R22_a_job_knows_its_replays_and_an_item_its_attempts(void **state)
{
    struct world *w = *state;
    struct rp_job_replay *v;
    struct rp_replay_item *items;
    size_t n;
    configure(w, conf);
    fail_many(w, "a", 6);
    int64_t id[2];
    for (int i = 0; i < 2; i++) {
        id[i] =
            start(w, &(struct rp_replay_ask){.all = true,
                                             .reason = i == 0 ? RP_STR("first") : RP_STR("second"),
                                             .actor = RP_STR("ada")});
        for (int k = 0; k < 4; k++) {
            (void)tick(w);
            (void)work(w, i == 0 ? 2 : 0);
        }
        commit(w);
    }
    OK(rp_job_replays(w->db, 1, &w->arena, &v, &n, err));
    assert_int_equal(n, 2);
    assert_int_equal(v[0].replay_id, id[0]);
    assert_int_equal(v[0].fate, RP_FATE_FAILED_SAME);
    assert_int_equal(v[0].repairs, 1);
    assert_int_equal(v[0].attempt, 2);
    assert_true(rp_str_is(v[0].reason, "first"));
    assert_int_equal(v[1].fate, RP_FATE_SUCCEEDED);
    assert_int_equal(v[1].repairs, 2);
    assert_int_equal(v[1].attempt, 3);
    OK(rp_replay_items(w->db, id[1], 0, 0, 10, &w->arena, &items, &n, err));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(query(w, "select replay_id from attempt where job_id = ?1 and n = ?2",
                               items[i].job_id, items[i].attempt),
                         id[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(U6_each_fix_is_proven_not_proven_or_not_tested_and_new_failures_are_apart),
        REPLAY_TEST(R20_better),
        REPLAY_TEST(R20_no_change),
        REPLAY_TEST(R20_worse),
        REPLAY_TEST(R20_nothing_is_claimed_where_nothing_ran),
        REPLAY_TEST(R22_a_job_knows_its_replays_and_an_item_its_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
