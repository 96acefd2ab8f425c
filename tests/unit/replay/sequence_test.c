/* Jobs of one sequence replay one after another, in their first order (users.md U8; replay.md 18),
 * and each item carries what its repeat risks (U9). */
#include "replay_world.h"

static const char conf[] = "replay: { wave_max: 50 }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 0, idempotent: true }\n"
                           "  mail: { run: [\"true\"], retries: 0 }\n";

static const struct rp_replay_ask all = {
    .all = true, .include_unsafe = true, .reason = RP_STR("checked"), .actor = RP_STR("ada")};

static int64_t fail_in(struct world *w, const char *sequence, const char *group)
{
    char labels[64];
    struct rp_lease *l;
    struct rp_enqueued out;
    (void)snprintf(labels, sizeof labels, "{\"sequence\":\"%s\"}", sequence);
    struct rp_enqueue in = {
        .type = RP_STR("a"), .labels = rp_str_of(labels), .priority = INT64_MIN};
    OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    assert_int_equal(claim(w, 1, &l), 1);
    end_job(w, &l[0], &(struct failing){.group = group, .pattern = group != NULL ? 50 : 7});
    w->now += RP_US_S;
    return out.id;
}

static int64_t fate(struct world *w, int64_t job)
{
    return query(w, "select fate from replay_item where job_id = ?1", job, 0);
}

static void U8_one_sequence_runs_one_after_another_in_its_first_order(void **state)
{
    struct world *w = *state;
    int64_t last = 0, n_others = 0;
    configure(w, conf);
    for (int i = 0; i < 8; i++) {
        (void)fail_in(w, "tenant-1", NULL);
        (void)fail_one(w, &(struct failing){.type = "a"}); /* in no sequence */
    }
    commit(w);
    int64_t id = start(w, &all);
    for (int i = 0; i < 40 && replay(w, id).state == RP_REPLAY_RUNNING; i++, w->now += RP_US_S) {
        struct rp_lease *l;
        (void)tick(w);
        size_t n = claim(w, 100, &l), of_it = 0;
        for (size_t k = 0; k < n; k++) {
            bool in = l[k].job.labels.p != NULL;
            of_it += in;
            n_others += !in;
            if (in) {
                assert_true(l[k].job.id > last);
                last = l[k].job.id;
            }
            (void)report(w, &l[k], RP_OUT_SUCCEEDED, NULL, 0);
        }
        assert_true(of_it <= 1);
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 16);
    assert_int_equal(n_others, 8);
}

static void U8_when_one_fails_the_rest_of_its_sequence_waits_and_others_go_on(void **state)
{
    struct world *w = *state;
    struct rp_str row[20];
    configure(w, conf);
    int64_t one[4], two[4];
    for (int i = 0; i < 4; i++) {
        one[i] = fail_in(w, "one", NULL);
        two[i] = fail_in(w, "two", NULL);
    }
    commit(w);
    for (int i = 0; i < 4; i++)
        row[i] = job_row(w, one[i]);
    int64_t id = start(w, &all);
    for (int i = 0; i < 20 && replay(w, id).state == RP_REPLAY_RUNNING; i++, w->now += RP_US_S) {
        struct rp_lease *l;
        (void)tick(w);
        size_t n = claim(w, 100, &l);
        for (size_t k = 0; k < n; k++)
            if (l[k].job.id == one[1])
                end_job(w, &l[k], &(struct failing){0});
            else
                (void)report(w, &l[k], RP_OUT_SUCCEEDED, NULL, 0);
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    for (int i = 0; i < 4; i++)
        assert_int_equal(fate(w, two[i]), RP_FATE_SUCCEEDED);
    assert_int_equal(fate(w, one[0]), RP_FATE_SUCCEEDED);
    assert_int_equal(fate(w, one[1]), RP_FATE_FAILED_SAME);
    for (int i = 2; i < 4; i++) { /* a fate with a reason, and exactly as they were */
        assert_int_equal(fate(w, one[i]), RP_FATE_SKIPPED);
        assert_true(rp_str_eq(row[i], job_row(w, one[i])));
    }
    assert_int_equal(query(w,
                           "select count(*) from replay_item where why = 'job ' || ?1 ||"
                           " ' before it in its sequence did not succeed'",
                           one[1], 0),
                     2);
}

static void
U8_nothing_overtakes_what_is_skipped_at_its_release_unless_it_has_succeeded(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int64_t one[3], two[3];
    for (int i = 0; i < 3; i++) {
        one[i] = fail_in(w, "one", NULL);
        two[i] = fail_in(w, "two", NULL);
    }
    commit(w);
    int64_t id = start(w, &all);
    struct rp_lease *l;
    OK(rp_job_retry(w->db, two[0], RP_STR("bob"), RP_STR("by hand"), w->now, err));
    assert_int_equal(work(w, 0), 1); /* its work is done */
    OK(rp_job_retry(w->db, one[0], RP_STR("bob"), RP_STR("by hand"), w->now, err));
    assert_int_equal(claim(w, 1, &l), 1); /* runs still */
    for (int i = 0; i < 20 && replay(w, id).state == RP_REPLAY_RUNNING; i++, w->now += RP_US_S) {
        (void)tick(w);
        (void)work(w, 0);
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fate(w, one[i]), RP_FATE_SKIPPED);
        assert_int_equal(fate(w, two[i]), i == 0 ? RP_FATE_SKIPPED : RP_FATE_SUCCEEDED);
        assert_int_equal(state_of(w, one[i]), i == 0 ? RP_RUNNING : RP_FAILED);
    }
}

static void U8_what_comes_after_a_job_that_is_left_out_is_left_out_too(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)fail_in(w, "one", NULL);
    (void)fail_in(w, "one", "code"); /* must be fixed first */
    (void)fail_in(w, "one", NULL);
    (void)fail_in(w, "two", NULL);
    (void)fail_in(w, "one", NULL);
    struct rp_plan p = plan_of(w, &all);
    assert_int_equal(p.n, 2);
    assert_int_equal(p.n_left_out, 2);
    assert_string_equal(p.left_out[1].reason, "sequence");
    assert_int_equal(p.left_out[1].n, 2);
    struct rp_str names[] = {RP_STR("fix-first")};
    struct rp_replay_ask ask = all;
    ask.override = (struct rp_strs){names, 1};
    assert_int_equal(plan_of(w, &ask).n, 5);
}

static void U9_each_item_keeps_what_its_repeat_risks(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    int64_t safe = fail_one(w, &(struct failing){.type = "a"}),
            unknown = fail_one(w, &(struct failing){.type = "mail"}),
            partial = fail_one(w, &(struct failing){.type = "mail", .output = true});
    commit(w);
    (void)start(w, &all);
    static const char sql[] = "select risk from replay_item where job_id = ?1";
    assert_int_equal(query(w, sql, safe, 0), 1);
    assert_int_equal(query(w, sql, unknown, 0), 2);
    assert_int_equal(query(w, sql, partial, 0), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(U8_one_sequence_runs_one_after_another_in_its_first_order),
        REPLAY_TEST(U8_when_one_fails_the_rest_of_its_sequence_waits_and_others_go_on),
        REPLAY_TEST(U8_nothing_overtakes_what_is_skipped_at_its_release_unless_it_has_succeeded),
        REPLAY_TEST(U8_what_comes_after_a_job_that_is_left_out_is_left_out_too),
        REPLAY_TEST(U9_each_item_keeps_what_its_repeat_risks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
