/* Poison of a store, and what a replay does about it (analysis specification 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replay_world.h"

#include "analyze/poison.h"

static const char conf[] = "jobs:\n  plain: { run: [a], idempotent: true }\n";

/* The job's other attempts: on that node, so many minutes after its first. */
static void failed_before(struct world *w, int64_t job, int n, const char *node, int minutes)
{
    struct rp_stmt *s = rp_sql(w->db, "insert or replace into attempt(job_id, n, outcome, node, "
                                      "started_at, ended_at, pattern_id)"
                                      " select id, ?2, 2, ?3, ended_at, ended_at + ?4, pattern_id"
                                      " from job where id = ?1");
    rp_bind_i64(s, 1, job);
    rp_bind_i64(s, 2, n);
    rp_bind_text(s, 3, rp_str_of(node));
    rp_bind_i64(s, 4, minutes * RP_US_MIN);
    OK(rp_run(s, err));
    (void)query(w, "update job set last_n = 3, attempts = 3 where id = ?1", job, 0);
}

/* A job that failed three times within ten minutes, `successes` others went well meanwhile. */
static int64_t history(struct world *w, const char *second_node, int successes)
{
    configure(w, conf);
    int64_t job = fail_one(w, &(struct failing){.type = "plain"});
    failed_before(w, job, 2, second_node, 5);
    failed_before(w, job, 3, "n1", 10);
    w->now += 2 * RP_US_MIN;
    for (int i = 0; i < successes; i++)
        (void)run_one(w, "plain", RP_OUT_SUCCEEDED, NULL, 0);
    commit(w);
    return job;
}

static size_t found(struct world *w, struct rp_poison *first)
{
    struct rp_poison *v;
    size_t n;
    OK(rp_poison_find(w->db, w->now - RP_US_DAY, w->now + RP_US_DAY, 0, &w->arena, &v, &n, err));
    if (n > 0)
        *first = v[0];
    return n;
}

static void a_job_that_fails_everywhere_while_others_succeed_is_poison(void **state)
{
    struct world *w = *state;
    struct rp_poison p = {0};
    int64_t job = history(w, "n2", 5);
    assert_int_equal(found(w, &p), 1);
    assert_int_equal(p.job_id, job);
    assert_int_equal(p.failures, 3);
    assert_int_equal(p.nodes, 2);
    assert_int_equal(p.successes, 5);
    assert_true(rp_str_is(p.type, "plain"));
    assert_int_equal(p.to_us - p.from_us, 10 * RP_US_MIN);
}

static void on_one_node_or_with_few_successes_between_it_is_not(void **state)
{
    struct world *w = *state;
    struct rp_poison p;
    (void)history(w, "n1", 5);
    assert_int_equal(found(w, &p), 0);
    (void)query(w, "update attempt set node = 'n2' where n = 2", 0, 0);
    assert_int_equal(found(w, &p), 1);
    (void)query(w, "update rollup set n = 4 where outcome = 1", 0, 0);
    assert_int_equal(found(w, &p), 0);
}

/* Three jobs with one payload failed, each once and on a node of its own; others went well. */
static int64_t payloads(struct world *w, int64_t jobs[3])
{
    configure(w, conf);
    for (int i = 0; i < 3; i++) {
        jobs[i] = fail_one(w, &(struct failing){.type = "plain"});
        (void)query(w, "update job set payload = x'7b7d' where id = ?1", jobs[i], 0);
        (void)query(w, "update attempt set node = 'n' || job_id where job_id = ?1", jobs[i], 0);
        for (int k = 0; k < 2; k++)
            (void)run_one(w, "plain", RP_OUT_SUCCEEDED, NULL, 0);
    }
    commit(w);
    return jobs[0];
}

static void jobs_that_bring_the_same_payload_are_poison_together(void **state)
{
    struct world *w = *state;
    struct rp_poison p = {0};
    int64_t jobs[3], first = payloads(w, jobs);
    assert_int_equal(found(w, &p), 1);
    assert_int_equal(p.job_id, first);
    assert_int_equal(p.n_jobs, 3);
    assert_memory_equal(p.jobs, jobs, sizeof jobs);
    assert_int_equal(p.failures, 3);
    assert_int_equal(p.nodes, 3);
    struct rp_plan plan = plan_of(w, &(struct rp_replay_ask){.all = true});
    assert_int_equal(plan.n, 0);
    assert_int_equal(plan.left_out[0].n, 3);
}

static void a_payload_that_went_well_meanwhile_is_not(void **state)
{
    struct world *w = *state;
    struct rp_poison p;
    int64_t jobs[3];
    (void)payloads(w, jobs);
    (void)query(w, "update job set payload = x'7b20' where id = ?1", jobs[1], 0);
    assert_int_equal(found(w, &p), 0); /* one of them has another payload */
    (void)query(w, "update job set payload = x'7b7d' where id = ?1", jobs[1], 0);
    assert_int_equal(found(w, &p), 1);
    (void)query(w, "update job set payload = x'7b7d' where id = ?1", jobs[1] + 1, 0);
    assert_int_equal(found(w, &p), 0); /* a success with it in between */
}

static void a_replay_leaves_poison_out_unless_it_is_asked_for_by_id(void **state)
{
    struct world *w = *state;
    int64_t job = history(w, "n2", 5);
    int64_t other = fail_one(w, &(struct failing){.type = "plain"});
    commit(w);
    struct rp_plan p = plan_of(w, &(struct rp_replay_ask){.all = true});
    assert_int_equal(p.n, 1);
    assert_int_equal(p.items[0].job_id, other);
    assert_int_equal(p.n_left_out, 1);
    assert_string_equal(p.left_out[0].reason, "poison");
    p = plan_of(w, &(struct rp_replay_ask){.ids = &job, .n_ids = 1});
    assert_int_equal(p.n, 1);
    assert_int_equal(p.items[0].job_id, job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(a_job_that_fails_everywhere_while_others_succeed_is_poison),
        REPLAY_TEST(on_one_node_or_with_few_successes_between_it_is_not),
        REPLAY_TEST(jobs_that_bring_the_same_payload_are_poison_together),
        REPLAY_TEST(a_payload_that_went_well_meanwhile_is_not),
        REPLAY_TEST(a_replay_leaves_poison_out_unless_it_is_asked_for_by_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
