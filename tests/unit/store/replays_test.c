/* Replays: what is frozen, released, settled and undone (G17; replay.md 1 to 3, 16, 20 to 22; U1,
 * U5). */
#include "world.h"

static const char conf[] =
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
    "jobs:\n"
    "  a: { run: [\"true\"], retries: 0, needs: [db] }\n"
    "  b: { run: [\"true\"], retries: 0 }\n"
    "  safe: { run: [\"true\"], retries: 0, idempotent: true, poison_after: 3 }\n";

static int64_t start_all(struct world *w, const struct rp_job_filter *f)
{
    size_t n;
    struct rp_candidate *v = candidates(w, f, &n);
    int64_t id = create(w, v, n);
    set_state(w, id, RP_REPLAY_RUNNING);
    return id;
}

static struct rp_replay replay(struct world *w, int64_t id)
{
    struct rp_replay r;
    OK(rp_replay_get(w->db, id, &w->arena, &r, err));
    return r;
}

static struct rp_replay_item item(struct world *w, int64_t id, int64_t seq)
{
    struct rp_replay_item *v;
    size_t n;
    OK(rp_replay_items(w->db, id, seq - 1, 0, 1, &w->arena, &v, &n, err));
    assert_int_equal(n, 1);
    assert_int_equal(v[0].seq, seq);
    return v[0];
}

/* ---- selection ---- */

static void U1_candidates_are_the_failed_ones_of_the_selection_and_nothing_else(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    size_t n;
    fail_jobs(w, "a", 3, 7);
    int64_t middle = w->now;
    fail_jobs(w, "a", 2, 8);
    fail_jobs(w, "b", 4, 7);
    (void)run_one(w, "a", RP_OUT_SUCCEEDED, NULL, 0);
    assert_int_equal((candidates(w, NULL, &n), n), 9);
    assert_int_equal((candidates(w, &(struct rp_job_filter){.type = RP_STR("a")}, &n), n), 5);
    int64_t p7 = query(w, "select id from pattern where hash = 7", 0, 0);
    struct rp_job_filter f = {.pattern_id = p7};
    struct rp_candidate *v = candidates(w, &f, &n);
    assert_int_equal(n, 7);
    for (size_t i = 0; i + 1 < n; i++)
        assert_true(v[i].job_id < v[i + 1].job_id);
    f = (struct rp_job_filter){.type = RP_STR("a"), .pattern_id = p7};
    assert_int_equal((candidates(w, &f, &n), n), 3);
    f = (struct rp_job_filter){.type = RP_STR("a"), .since_us = middle};
    assert_int_equal((candidates(w, &f, &n), n), 2);
    f = (struct rp_job_filter){.until_us = middle, .error_class = RP_STR("dependency")};
    assert_int_equal((candidates(w, &f, &n), n), 3);
    f = (struct rp_job_filter){.queue = RP_STR("default")};
    assert_int_equal((candidates(w, &f, &n), n), 9);
    OK(rp_replay_candidates(w->db, NULL, NULL, NULL, 0, 4, &w->arena, &v, &n, err));
    assert_int_equal(n, 4);
    f = (struct rp_job_filter){.type = RP_STR("c")};
    FAILS(RP_E_NOT_FOUND,
          rp_replay_candidates(w->db, NULL, &f, NULL, 0, 9, &w->arena, &v, &n, err));
    f = (struct rp_job_filter){.pattern_id = 99};
    FAILS(RP_E_NOT_FOUND,
          rp_replay_candidates(w->db, NULL, &f, NULL, 0, 9, &w->arena, &v, &n, err));
    int64_t succeeded = query(w, "select id from job where state = 5", 0, 0);
    FAILS(RP_E_BAD_STATE,
          rp_replay_candidates(w->db, NULL, NULL, &succeeded, 1, 9, &w->arena, &v, &n, err));
}

static void candidates_by_label_or_payload(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    struct rp_enqueue in[] = {
        {.type = RP_STR("b"),
         .priority = INT64_MIN,
         .payload = RP_STR("{\"tenant\":\"x\",\"n\":7}")},
        {.type = RP_STR("b"), .priority = INT64_MIN, .labels = RP_STR("{\"tenant\":\"x\"}")},
        {.type = RP_STR("b"),
         .priority = INT64_MIN,
         .payload = RP_STR("[1]"),
         .labels = RP_STR("{\"tenant\":\"y\"}")},
    };
    struct rp_enqueued out[3];
    struct rp_lease *l;
    size_t n;
    OK(rp_jobs_enqueue(w->db, in, 3, w->now, out, err));
    assert_int_equal(claim(w, 3, &l), 3);
    for (int i = 0; i < 3; i++)
        (void)report(w, &l[i], RP_OUT_FAILED, "x", 1);
    struct rp_env where[] = {{RP_STR("tenant"), RP_STR("x")}, {RP_STR("n"), RP_STR("7")}};
    struct rp_job_filter f = {.where = where, .n_where = 1};
    assert_int_equal((candidates(w, &f, &n), n), 2);
    f.n_where = 2;
    struct rp_candidate *v = candidates(w, &f, &n);
    assert_int_equal(n, 1);
    assert_int_equal(v[0].job_id, out[0].id);
}

static void R3_a_candidate_knows_why_it_might_be_left_out(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    struct rp_lease *l;
    size_t n;
    int64_t first = enqueue(w, "b", "K");
    assert_int_equal(claim(w, 1, &l), 1);
    (void)report(w, &l[0], RP_OUT_FAILED, "x", 1);
    struct rp_candidate *v = candidates(w, NULL, &n);
    assert_false(v[0].superseded || v[0].in_replay || v[0].kind->type_gone || v[0].poison);
    assert_int_equal(v[0].attempt, 1);
    (void)enqueue(w, "b", "K");
    assert_int_equal(claim(w, 1, &l), 1);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    v = candidates(w, NULL, &n);
    assert_int_equal(n, 1);
    assert_int_equal(v[0].job_id, first);
    assert_true(v[0].superseded);
    int64_t id = create(w, v, n);
    assert_true(candidates(w, NULL, &n)[0].in_replay);
    set_state(w, id, RP_REPLAY_ABORTED);
    assert_false(candidates(w, NULL, &n)[0].in_replay);
    configure(w, "jobs: { a: { run: [\"true\"] } }");
    assert_true(candidates(w, NULL, &n)[0].kind->type_gone);
}

/* ---- the run ---- */

static void G17_a_release_gives_one_attempt_and_its_end_gives_the_fate(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_jobs(w, "b", 4, 7);
    int64_t id = start_all(w, NULL);
    w->now += RP_US_MIN;
    assert_int_equal(release(w, id, 1, 3), 3);
    struct rp_lease *l;
    assert_int_equal(claim(w, 10, &l), 3);
    assert_int_equal(l[0].job.replay_id, id);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    assert_int_equal(report(w, &l[1], RP_OUT_FAILED, "refused", 7), RP_FAILED);
    (void)report(w, &l[2], RP_OUT_FAILED, "other", 9);
    assert_int_equal(settle(w, id), 3);
    assert_int_equal(settle(w, id), 0);
    assert_int_equal(item(w, id, 1).fate, RP_FATE_SUCCEEDED);
    assert_int_equal(item(w, id, 2).fate, RP_FATE_FAILED_SAME);
    assert_int_equal(item(w, id, 3).fate, RP_FATE_FAILED_NEW);
    assert_int_equal(item(w, id, 3).pattern_after,
                     query(w, "select id from pattern where hash = 9", 0, 0));
    assert_int_equal(item(w, id, 4).fate, RP_FATE_WAITING);
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.n[0], 4);
    assert_int_equal(r.n[RP_FATE_WAITING], 1);
    assert_int_equal(r.wave, 1);
    assert_int_equal(r.started_us > 0 && r.ended_us == 0, 1);
    FAILS(RP_E_BAD_STATE,
          rp_replay_set_state(w->db, id, RP_REPLAY_DONE, RP_STR("engine"), RP_NONE, w->now, err));
    assert_int_equal(release(w, id, 2, 5), 1);
    assert_int_equal(claim(w, 10, &l), 1);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    (void)settle(w, id);
    set_state(w, id, RP_REPLAY_DONE);
    assert_int_equal(replay(w, id).ended_us, w->now);
    assert_int_equal(query(w, "select count(*) from attempt where replay_id = ?1", id, 0), 4);
    struct rp_replay *live;
    size_t n;
    OK(rp_replays_list(w->db, true, 10, &w->arena, &live, &n, err));
    assert_int_equal(n, 0);
    OK(rp_replays_list(w->db, false, 10, &w->arena, &live, &n, err));
    assert_int_equal(n, 1);
    assert_int_equal(query(w, "select count(*) from audit where object = 'replay 1'", 0, 0), 3);
}

static void U5_one_bad_item_never_stops_the_rest(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    struct rp_lease *l;
    for (int i = 0; i < 5; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        (void)enqueue(w, i == 3 ? "a" : "b", key);
        assert_int_equal(claim(w, 1, &l), 1);
        (void)report(w, &l[0], RP_OUT_FAILED, "x", 1);
    }
    int64_t id = start_all(w, NULL), live = 0;
    live = enqueue(w, "b", "k0"); /* item 1: its key runs again */
    OK(rp_job_retry(w->db, 2, RP_STR("bob"), RP_NONE, w->now,
                    err));                                        /* item 2: somebody was faster */
    configure(w, "jobs: { b: { run: [\"true\"], retries: 0 } }"); /* item 4: its type is gone */
    assert_int_equal(release(w, id, 1, 5), 2);
    assert_int_equal(item(w, id, 1).fate, RP_FATE_SKIPPED);
    assert_true(rp_str_find(item(w, id, 1).why, RP_STR("another live job has its key")) !=
                SIZE_MAX);
    assert_true(rp_str_is(item(w, id, 2).why, "the job is queued now"));
    assert_int_equal(item(w, id, 3).fate, RP_FATE_RELEASED);
    assert_true(rp_str_is(item(w, id, 4).why, "its type is no longer in the configuration"));
    assert_int_equal(item(w, id, 5).fate, RP_FATE_RELEASED);
    assert_int_equal(state_of(w, live), RP_QUEUED);
    assert_int_equal(query(w, "select replay_id is null from job where id = 2", 0, 0), 1);
}

static void G17_undo_brings_back_what_was_not_run_exactly(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_jobs(w, "b", 6, 7);
    int64_t first = start_all(w, NULL); /* so that replay_id is set before, for some */
    assert_int_equal(release(w, first, 1, 2), 2);
    struct rp_lease *l;
    assert_int_equal(claim(w, 2, &l), 2);
    for (int i = 0; i < 2; i++)
        (void)report(w, &l[i], RP_OUT_FAILED, "refused", 8);
    (void)settle(w, first);
    set_state(w, first, RP_REPLAY_ABORTED);
    /* One whose outcome is not known. */
    (void)enqueue(w, "b", NULL);
    int64_t expired, next;
    assert_int_equal(claim(w, 1, &l), 1);
    w->now += RP_US_H;
    OK(rp_leases_expire(w->db, w->now, 10, &expired, &next, err));
    assert_int_equal(state_of(w, 7), RP_UNKNOWN);
    struct rp_str before[8];
    for (int64_t j = 1; j <= 7; j++)
        before[j] = job_row(w, j);
    int64_t id =
        start_all(w, &(struct rp_job_filter){.states = 1u << RP_FAILED | 1u << RP_UNKNOWN});
    assert_int_equal(replay(w, id).n[0], 7);
    w->now += RP_US_MIN;
    assert_int_equal(release(w, id, 1, 7), 7);
    assert_int_equal(claim(w, 1, &l), 1); /* one runs */
    w->now += RP_US_MIN;
    OK(rp_replay_undo(w->db, id, RP_STR("ada"), RP_STR("wrong plan"), w->now, err));
    for (int64_t j = 1; j <= 7; j++) {
        struct rp_str after = job_row(w, j);
        if (j != l[0].job.id && !rp_str_eq(before[j], after))
            fail_msg("job %lld was %.*s and is %.*s", (long long)j, RP_FMT(before[j]),
                     RP_FMT(after));
    }
    /* The one that runs is history: it ends, and only then has the replay ended. */
    assert_int_equal(replay(w, id).ended_us, 0);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    assert_int_equal(settle(w, id), 1);
    assert_int_equal(replay(w, id).ended_us, w->now);
    assert_int_equal(replay(w, id).n[RP_FATE_WAITING], 6);
    FAILS(RP_E_BAD_STATE, rp_replay_undo(w->db, id, RP_STR("ada"), RP_NONE, w->now, err));
}

static void R15_a_halt_starts_nothing_more_and_resume_goes_on(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_jobs(w, "b", 5, 7);
    int64_t id = start_all(w, NULL);
    struct rp_lease *l, *none;
    assert_int_equal(release(w, id, 1, 3), 3);
    assert_int_equal(claim(w, 1, &l), 1);
    set_state(w, id, RP_REPLAY_HALTED);
    assert_int_equal(claim(w, 10, &none), 0);
    FAILS(RP_E_BAD_STATE, rp_replay_release(w->db, id, 2, 1, w->now, &(int64_t){0}, err));
    assert_int_equal(replay(w, id).n[RP_FATE_WAITING], 4);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    assert_int_equal(settle(w, id), 1);
    set_state(w, id, RP_REPLAY_RUNNING);
    assert_int_equal(release(w, id, 2, 10), 4);
    assert_int_equal(claim(w, 10, &l), 4);
}

static void R16_a_lost_attempt_of_an_idempotent_job_runs_again_until_it_is_poison(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_jobs(w, "safe", 1, 7);
    int64_t id = start_all(w, NULL), n, next, lost = 0;
    assert_int_equal(release(w, id, 1, 1), 1);
    struct rp_lease *l;
    for (; claim(w, 1, &l) == 1; lost++) {
        w->now += RP_US_H;
        OK(rp_leases_expire(w->db, w->now, 10, &n, &next, err));
        (void)settle(w, id);
    }
    assert_int_equal(lost, 3);
    assert_int_equal(query(w, "select poison from job where id = 1", 0, 0), 1);
    assert_int_equal(query(w, "select count(*) from attempt where replay_id = ?1", id, 0), 3);
    assert_int_not_equal(item(w, id, 1).fate, RP_FATE_RELEASED);
}

static void R16_a_lost_attempt_of_another_job_is_unknown(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_jobs(w, "b", 1, 7);
    int64_t id = start_all(w, NULL), n, next;
    assert_int_equal(release(w, id, 1, 1), 1);
    struct rp_lease *l;
    assert_int_equal(claim(w, 1, &l), 1);
    w->now += RP_US_H;
    OK(rp_leases_expire(w->db, w->now, 10, &n, &next, err));
    assert_int_equal(settle(w, id), 1);
    assert_int_equal(item(w, id, 1).fate, RP_FATE_UNKNOWN);
    assert_int_equal(claim(w, 1, &l), 0);
}

static void a_needed_dependency_that_is_down_is_named(void **state)
{
    struct world *w = *state;
    struct rp_str says;
    configure(w, conf);
    fail_jobs(w, "a", 1, 7);
    fail_jobs(w, "b", 1, 7);
    int64_t both = start_all(w, NULL);
    int64_t only_b = start_all(w, &(struct rp_job_filter){.type = RP_STR("b")});
    OK(rp_replay_dependency_down(w->db, both, -1, &w->arena, &says, err));
    assert_null(says.p);
    OK(rp_dep_checked(w->db, RP_STR("db"), false, RP_STR("connection refused"), 1, w->now, err));
    OK(rp_replay_dependency_down(w->db, both, -1, &w->arena, &says, err));
    assert_true(rp_str_is(says, "dependency db is down: connection refused"));
    OK(rp_replay_dependency_down(w->db, only_b, -1, &w->arena, &says, err));
    assert_null(says.p);
}

static void bad_steps_of_a_replay_are_refused(void **state)
{
    struct world *w = *state;
    static const char *const allowed[] = {"", "26", "3456", "26", "26", "", "", ""};
    configure(w, conf);
    for (int from = RP_REPLAY_PLANNED; from <= RP_REPLAY_UNDONE; from++)
        for (int to = RP_REPLAY_PLANNED; to <= RP_REPLAY_UNDONE; to++) {
            int64_t id = create(w, NULL, 0);
            (void)query(w, "update replay set state = ?2 where id = ?1 returning id", id, from);
            struct rp_err err;
            bool ok = rp_replay_set_state(w->db, id, (enum rp_replay_state)to, RP_STR("ada"),
                                          RP_NONE, w->now, &err);
            if (ok != (strchr(allowed[from], '0' + to) != NULL))
                fail_msg("%s to %s", rp_replay_state_name((enum rp_replay_state)from),
                         rp_replay_state_name((enum rp_replay_state)to));
        }
}

/* How many items of those fates stand behind `after`, and the first of them. */
static size_t of_fates(struct world *w, int64_t id, int64_t after, unsigned fates, int64_t *first)
{
    struct rp_replay_item *v;
    size_t n;
    OK(rp_replay_items(w->db, id, after, fates, 10, &w->arena, &v, &n, err));
    *first = n > 0 ? v[0].seq : 0;
    return n;
}

static void G19_items_of_some_fates_are_looked_for_among_so_many(void **state)
{
    struct world *w = *state;
    const unsigned failed = 1u << RP_FATE_FAILED_SAME | 1u << RP_FATE_FAILED_NEW;
    int64_t first;
    configure(w, conf);
    fail_jobs(w, "a", 4, 7);
    int64_t id = start_all(w, NULL);
    (void)query(w, "update replay_item set fate = 3 + (seq > 2) where seq <> 4 returning 1", 0, 0);
    assert_int_equal(of_fates(w, id, 0, failed, &first), 1);
    assert_int_equal(first, 3);
    assert_int_equal(of_fates(w, id, 0, 1u << RP_FATE_SUCCEEDED, &first), 2);
    assert_int_equal(of_fates(w, id, 3, failed, &first), 0);
    assert_int_equal(of_fates(w, id, 3, 0, &first), 1);
    (void)query(w, "update replay_item set seq = ?1 + 1 where seq = 3 returning 1",
                RP_REPLAY_LOOKED, 0);
    assert_int_equal(of_fates(w, id, 0, failed, &first), 0);
    assert_int_equal(of_fates(w, id, 1, failed, &first), 1);
    assert_int_equal(of_fates(w, id, 0, 0, &first), 4);
    (void)query(w, "update replay_item set fate = 1, seq = min(seq, 3 + (seq = 4)) returning 1", 0,
                0); /* as the store left it, whose counts are checked now */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(U1_candidates_are_the_failed_ones_of_the_selection_and_nothing_else),
        TEST(candidates_by_label_or_payload),
        TEST(R3_a_candidate_knows_why_it_might_be_left_out),
        TEST(G17_a_release_gives_one_attempt_and_its_end_gives_the_fate),
        TEST(U5_one_bad_item_never_stops_the_rest),
        TEST(G17_undo_brings_back_what_was_not_run_exactly),
        TEST(R15_a_halt_starts_nothing_more_and_resume_goes_on),
        TEST(R16_a_lost_attempt_of_an_idempotent_job_runs_again_until_it_is_poison),
        TEST(R16_a_lost_attempt_of_another_job_is_unknown),
        TEST(a_needed_dependency_that_is_down_is_named),
        TEST(bad_steps_of_a_replay_are_refused),
        TEST(G19_items_of_some_fates_are_looked_for_among_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
