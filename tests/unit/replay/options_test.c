/* What may be asked of a replay beside its guards: tries within it, a fresh key, another payload
 * (replay.md 17, 18, 19). */
#include "replay_world.h"

static const char conf[] = "replay: { wave_max: 20, max_running: 5 }\n"
                           "defaults: { backoff: { kind: fixed, base: 10s } }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 3, idempotent: true }\n";

static struct rp_replay_ask of(const char *type)
{
    return (struct rp_replay_ask){
        .filter = {.type = rp_str_of(type)}, .has_filter = true, .actor = RP_STR("ada")};
}

static void promote(struct world *w)
{
    int64_t n, next;
    OK(rp_jobs_promote(w->db, w->now, 100, &n, &next, err));
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
        promote(w);
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
    promote(w);
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
    promote(w);
    assert_int_equal(queued(w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R17_a_replay_tries_once_unless_it_is_told_otherwise),
        REPLAY_TEST(R17_retries_are_tries_within_the_item_with_the_types_backoff),
        REPLAY_TEST(R17_a_success_at_a_later_try_is_the_items_fate),
        REPLAY_TEST(R17_what_waits_for_another_try_stays_failed_when_the_replay_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
