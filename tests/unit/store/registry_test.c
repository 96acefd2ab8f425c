/* Types, queues, rates, patterns, dependencies, nodes, tokens, kept answers (G13, G19, G30, U27,
 * U29). */
#include "world.h"

static void queues_show_what_waits_is_held_and_was_done(void **state)
{
    struct world *w = *state;
    configure(w, TWO_TYPES);
    (void)run_one(w, "b", RP_OUT_FAILED, "x", 1);
    (void)run_one(w, "b", RP_OUT_SUCCEEDED, NULL, 0);
    (void)enqueue(w, "a", NULL);
    w->now += RP_US_MIN;
    (void)enqueue(w, "b", NULL);
    OK(rp_dep_checked(w->db, RP_STR("db"), false, RP_STR("connection refused"), 5, w->now, err));
    struct rp_queue_row mail = queue_row(w, "mail"), other = queue_row(w, "default");
    assert_int_equal(mail.done_5m, 2);
    assert_int_equal(mail.failed_5m, 1);
    assert_int_equal(mail.failed, 1);
    assert_int_equal(mail.waiting, 1);
    assert_int_equal(mail.held, 0);
    assert_int_equal(mail.oldest_us, w->now);
    assert_int_equal(mail.max_running, 3);
    assert_int_equal(mail.weight, 2);
    assert_int_equal(other.held, 1);
    assert_int_equal(other.done_5m, 0);
    w->now += 10 * RP_US_MIN;
    assert_int_equal(queue_row(w, "mail").done_5m, 0);
}

static void a_paused_queue_gives_nothing_and_the_trail_says_who(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, TWO_TYPES);
    (void)enqueue(w, "b", NULL);
    OK(rp_queue_pause(w->db, RP_STR("mail"), true, RP_STR("ada"), RP_STR("bounces"), w->now, err));
    OK(rp_queue_pause(w->db, RP_STR("mail"), true, RP_STR("bob"), RP_NONE, w->now, err));
    assert_true(rp_str_is(queue_row(w, "mail").paused_by, "ada"));
    assert_int_equal(claim(w, 1, &l), 0);
    (void)rp_db_take_changes(w->db);
    OK(rp_queue_pause(w->db, RP_STR("mail"), false, RP_STR("ada"), RP_NONE, w->now, err));
    assert_true((rp_db_take_changes(w->db) & RP_CHANGED_READY) != 0);
    assert_int_equal(claim(w, 1, &l), 1);
    assert_int_equal(query(w, "select count(*) from audit", 0, 0), 2);
    FAILS(RP_E_NOT_FOUND,
          rp_queue_pause(w->db, RP_STR("no"), true, RP_STR("ada"), RP_NONE, w->now, err));
}

static void U29_a_held_type_keeps_its_jobs_until_it_is_free(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, TWO_TYPES);
    (void)enqueue(w, "b", NULL);
    OK(rp_type_hold(w->db, RP_STR("b"), RP_STR("its command is missing: /x"), w->now, err));
    assert_int_equal(claim(w, 1, &l), 0);
    assert_true(rp_str_is(type_row(w, "b").held, "its command is missing: /x"));
    OK(rp_type_hold(w->db, RP_STR("b"), RP_NONE, w->now, err));
    assert_int_equal(claim(w, 1, &l), 1);
}

/* ---- dependencies ---- */

static void a_dependency_that_comes_up_frees_its_jobs_and_wakes_the_claim(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    struct rp_dep_row *v;
    size_t n;
    configure(w, TWO_TYPES);
    (void)enqueue(w, "a", NULL);
    OK(rp_dep_checked(w->db, RP_STR("db"), false, RP_STR("connection refused"), 9, w->now, err));
    assert_int_equal(claim(w, 1, &l), 0);
    assert_true(rp_str_is(type_row(w, "a").held, "dependency db is down"));
    write_counts(w);
    OK(rp_deps_list(w->db, &w->arena, &v, &n, err));
    assert_int_equal(n, 1);
    assert_int_equal(v[0].state, RP_DEP_DOWN);
    assert_int_equal(v[0].held, 1);
    int64_t since = w->now;
    w->now += RP_US_S;
    OK(rp_dep_checked(w->db, RP_STR("db"), false, RP_STR("connection refused"), 9, w->now, err));
    (void)rp_db_take_changes(w->db);
    OK(rp_deps_list(w->db, &w->arena, &v, &n, err));
    assert_int_equal(v[0].since_us, since);
    assert_int_equal(v[0].checked_us, w->now);
    OK(rp_dep_checked(w->db, RP_STR("db"), true, RP_STR("accepted"), 2, w->now, err));
    assert_true((rp_db_take_changes(w->db) & RP_CHANGED_READY) != 0);
    assert_int_equal(claim(w, 1, &l), 1);
    assert_int_equal(query(w, "select count(*) from dependency_check", 0, 0), 2);
    FAILS(RP_E_NOT_FOUND, rp_dep_checked(w->db, RP_STR("no"), true, RP_NONE, 0, w->now, err));
}

static int64_t changes_lately(struct world *w)
{
    int64_t n;
    OK(rp_dep_changes(w->db, RP_STR("db"), w->now, &n, err));
    return n;
}

static void db_is(struct world *w, bool up)
{
    OK(rp_dep_checked(w->db, RP_STR("db"), up, RP_STR("by test"), 9, w->now, err));
    w->now += RP_US_MIN;
}

/* Ten minutes are ten minutes, and what is older is history, by the clock of then. */
static void
R5_a_dependency_has_flapped_for_as_long_as_before_when_the_clock_is_set_back(void **state)
{
    struct world *w = *state;
    configure(w, TWO_TYPES);
    db_is(w, true);
    int64_t first = query(w, "select min(at) from dependency_check", 0, 0);
    w->now += RP_US_H;
    for (int i = 0; i < 3; i++)
        db_is(w, i % 2 != 0);
    assert_int_equal(changes_lately(w), 3);
    w->now -= 2 * RP_US_H;
    OK(rp_jobs_clock_set(w->db, -2 * RP_US_H, err));
    assert_int_equal(changes_lately(w), 3);
    assert_int_equal(query(w, "select at from dependency_check order by id limit 1", 0, 0), first);
    w->now += 7 * RP_US_MIN;
    assert_int_equal(changes_lately(w), 3);
    w->now += 2 * RP_US_MIN;
    assert_int_equal(changes_lately(w), 1);
    w->now += 2 * RP_US_MIN;
    assert_int_equal(changes_lately(w), 0); /* and not for two hours */
}

/* ---- patterns ---- */

static void a_pattern_counts_and_a_person_may_correct_it(void **state)
{
    struct world *w = *state;
    configure(w, TWO_TYPES);
    struct rp_pattern *v, p;
    struct rp_pattern_count *c;
    size_t n;
    for (int i = 0; i < 5; i++)
        (void)run_one(w, i < 3 ? "a" : "b", RP_OUT_FAILED, i < 4 ? "refused" : "timeout",
                      i < 4 ? 7 : 8);
    OK(rp_patterns_list(w->db, 0, 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 2);
    assert_int_equal(v[0].failures, 4);
    assert_int_equal(v[0].hash, 7);
    OK(rp_pattern_edit(w->db, v[0].id, RP_STR("db away"), RP_STR("network"), RP_NONE, RP_NONE,
                       RP_STR("ada"), w->now, err));
    OK(rp_pattern_get(w->db, v[0].id, &w->arena, &p, err));
    assert_true(rp_str_is(p.name, "db away"));
    assert_true(rp_str_is(p.class, "network"));
    assert_true(rp_str_is(p.group, "g"));
    write_counts(w);
    OK(rp_pattern_counts(w->db, 0, 0, RP_NONE, 10, &w->arena, &c, &n, err));
    assert_int_equal(n, 3);
    assert_int_equal(c[0].failures, 3);
    assert_true(rp_str_is(c[0].type, "a"));
    OK(rp_pattern_counts(w->db, 0, w->now - RP_US_MIN, RP_NONE, 10, &w->arena, &c, &n, err));
    assert_int_equal(n, 0);
    FAILS(RP_E_NOT_FOUND, rp_pattern_get(w->db, 99, &w->arena, &p, err));
    assert_int_equal(query(w,
                           "select count(*) from audit where action = 'pattern.edit' and detail"
                           " like '%network%'",
                           0, 0),
                     1);
}

/* ---- nodes ---- */

static void downtime_is_what_lies_between_the_last_sign_and_the_start(void **state)
{
    struct world *w = *state;
    int64_t last, n;
    OK(rp_node_start(w->db, RP_STR("n1"), 10, w->now, &last, err));
    assert_int_equal(last, 0);
    OK(rp_node_seen(w->db, RP_STR("n1"), w->now + 5, err));
    OK(rp_node_start(w->db, RP_STR("n1"), 11, w->now + 100, &last, err));
    assert_int_equal(last, w->now + 5);
    OK(rp_node_stop(w->db, RP_STR("n1"), w->now + 200, err));
    OK(rp_node_start(w->db, RP_STR("n1"), 12, w->now + 300, &last, err));
    assert_int_equal(last, w->now + 200);
    assert_int_equal(query(w, "select count(*) from downtime where why = 'it was stopped'", 0, 0),
                     1);
    assert_int_equal(query(w, "select sum(to_at - from_at) from downtime", 0, 0), 95 + 100);
    FAILS(RP_E_NOT_FOUND, rp_node_seen(w->db, RP_STR("n2"), 1, err));
    struct rp_str v[] = {RP_STR("a"), RP_STR("b")};
    struct rp_strs types = {v, 2};
    OK(rp_worker_seen(w->db, RP_STR("w1"), &types, w->now, err));
    OK(rp_worker_seen(w->db, RP_STR("w2"), &(struct rp_strs){0}, w->now, err));
    OK(rp_workers_of(w->db, RP_STR("a"), w->now, &n, err));
    assert_int_equal(n, 2);
    OK(rp_workers_of(w->db, RP_STR("c"), w->now, &n, err));
    assert_int_equal(n, 1);
    OK(rp_workers_of(w->db, RP_STR("a"), w->now + 1, &n, err));
    assert_int_equal(n, 0);
}

static int64_t audited(struct world *w, const char *action, const char *safety)
{
    return query(w,
                 rp_cstr(&w->arena, rp_str_fmt(&w->arena,
                                               "select count(*) from audit where action = '%s' and "
                                               "safety = '%s'",
                                               action, safety)),
                 0, 0);
}

/* What waited comes back, what a run had done does not (rule 24 of replays: by idempotency). */
static void the_trail_says_what_can_be_taken_back(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    struct rp_str ada = RP_STR("ada"), why = RP_STR("why");
    configure(w, "jobs:\n  once: { run: [a] }\n  safe: { run: [a], idempotent: true }\n");
    int64_t once = enqueue(w, "once", NULL), safe = enqueue(w, "safe", NULL);
    OK(rp_job_cancel(w->db, once, ada, why, w->now, err));
    OK(rp_job_cancel(w->db, safe, ada, why, w->now, err));
    assert_int_equal(audited(w, "job.cancel", "REVERSIBLE"), 2);
    OK(rp_job_retry(w->db, safe, ada, why, w->now, err));
    assert_int_equal(audited(w, "job.retry", "REVERSIBLE"), 1);
    OK(rp_job_retry(w->db, once, ada, why, w->now, err));
    assert_int_equal(audited(w, "job.retry", "IRREVERSIBLE"), 1);
    assert_int_equal(claim(w, 1, &l), 1);
    OK(rp_job_cancel(w->db, l[0].job.id, ada, why, w->now, err));
    assert_int_equal(audited(w, "job.cancel", "IRREVERSIBLE"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queues_show_what_waits_is_held_and_was_done),
        TEST(a_paused_queue_gives_nothing_and_the_trail_says_who),
        TEST(U29_a_held_type_keeps_its_jobs_until_it_is_free),
        TEST(a_dependency_that_comes_up_frees_its_jobs_and_wakes_the_claim),
        TEST(R5_a_dependency_has_flapped_for_as_long_as_before_when_the_clock_is_set_back),
        TEST(a_pattern_counts_and_a_person_may_correct_it),
        TEST(the_trail_says_what_can_be_taken_back),
        TEST(downtime_is_what_lies_between_the_last_sign_and_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
