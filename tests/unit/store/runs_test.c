/* Runs that others start: locks, fences, spooled and imported records. */
#include "store_help.h"

static struct rp_run_start start_of(const char *type, const char *lock)
{
    return (struct rp_run_start){.type = rp_str_of(type),
                                 .lock = rp_str_of(lock),
                                 .node = RP_STR("n1"),
                                 .worker = RP_STR("exec 12"),
                                 .lease_us = HELP_LEASE};
}

static void G15_a_lock_has_one_holder_and_the_fence_rises(void **state)
{
    struct fixture *f = *state;
    struct rp_lease a, b;
    int64_t fence_a, fence_b;
    struct rp_run_start r = start_of("backup", "db");
    help_tx(rp_run_start(f->db, &r, f->now, &f->a, &a, &fence_a, err));
    struct rp_err e;
    OK(rp_tx_begin(f->db, err));
    assert_false(rp_run_start(f->db, &r, f->now + 1, &f->a, &b, &fence_b, &e));
    rp_tx_rollback(f->db);
    assert_int_equal(e.code, RP_E_LOCK_HELD);
    assert_non_null(strstr(e.message, "exec 12 on n1 (job 1) since 2026-01-01T00:00:00"));
    struct rp_run_start other = start_of("backup", "files");
    help_tx(rp_run_start(f->db, &other, f->now, &f->a, &b, &fence_b, err));
    assert_int_equal(help_report(f, &a, RP_OUT_SUCCEEDED), RP_SUCCEEDED);
    help_tx(rp_run_start(f->db, &r, f->now, &f->a, &b, &fence_b, err));
    assert_true(fence_b > fence_a && b.id > a.id);
    help_check(f);
}

static void G15_a_holder_that_slept_past_its_lease_is_refused(void **state)
{
    struct fixture *f = *state;
    struct rp_lease a, b;
    int64_t fence_a, fence_b;
    enum rp_state s;
    struct rp_run_start r = start_of("backup", "db");
    help_tx(rp_run_start(f->db, &r, f->now, &f->a, &a, &fence_a, err));
    f->now += HELP_LEASE; /* nobody has noticed yet */
    help_tx(rp_run_start(f->db, &r, f->now, &f->a, &b, &fence_b, err));
    assert_true(fence_b == fence_a + 1);
    struct rp_report late = help_outcome(&a, RP_OUT_SUCCEEDED);
    help_tx_refused(RP_E_LEASE_LOST, rp_job_report(f->db, &late, f->now, &s, err));
    assert_int_equal(help_get(f, a.job.id).state, RP_UNKNOWN);
    help_check(f);
}

static void a_run_from_outside_is_never_queued_here(void **state)
{
    struct fixture *f = *state;
    struct rp_lease l;
    int64_t fence;
    help_types(f, "backup", NULL); /* configured and idempotent: still, its command is not ours */
    struct rp_run_start r = start_of("backup", NULL);
    const enum rp_outcome outcomes[] = {RP_OUT_FAILED, RP_OUT_INTERRUPTED, RP_OUT_TIMEOUT};
    for (size_t i = 0; i < 3; i++) {
        help_tx(rp_run_start(f->db, &r, f->now, &f->a, &l, &fence, err));
        assert_int_equal(help_report(f, &l, outcomes[i]), RP_FAILED);
        help_tx_refused(RP_E_REFUSED,
                        rp_job_retry(f->db, l.job.id, RP_STR("ann"), RP_NONE, f->now, err));
    }
    help_tx(rp_run_start(f->db, &r, f->now, &f->a, &l, &fence, err));
    f->now += HELP_LEASE;
    assert_int_equal(help_expire(f), 1);
    assert_int_equal(help_get(f, l.job.id).state, RP_UNKNOWN);
    assert_int_equal(help_int(f, "select external from job_type where name = 'backup'"), 0);
    help_check(f);
}

static void G13_a_key_holds_for_runs_too(void **state)
{
    struct fixture *f = *state;
    struct rp_lease l, other;
    int64_t fence;
    struct rp_run_start r = start_of("backup", NULL);
    r.key = RP_STR("nightly");
    help_tx(rp_run_start(f->db, &r, f->now, &f->a, &l, &fence, err));
    help_tx_refused(RP_E_CONFLICT, rp_run_start(f->db, &r, f->now, &f->a, &other, &fence, err));
    (void)help_report(f, &l, RP_OUT_SUCCEEDED);
    help_tx(rp_run_start(f->db, &r, f->now, &f->a, &l, &fence, err));
    assert_int_equal(help_int(f, "select external from job_type where name = 'backup'"), 1);
}

static struct rp_run_record record_of(enum rp_outcome o, int64_t started, int64_t ended)
{
    struct rp_lease none = {0};
    struct rp_run_record r = {
        .type = RP_STR("etl"), .attempt = 1, .report = help_outcome(&none, o)};
    r.report.facts.started_us = started;
    r.report.facts.ended_us = ended;
    return r;
}

static void G9_a_spooled_run_arrives_once(void **state)
{
    struct fixture *f = *state;
    int64_t added;
    struct rp_run_record r = record_of(RP_OUT_FAILED, f->now - 100, f->now - 50);
    r.spool_id = RP_STR("node-1/17");
    r.key = RP_STR("k");
    help_tx(rp_runs_record(f->db, &r, 1, RP_STR("spool"), f->now, &added, err));
    assert_int_equal(added, 1);
    help_tx(rp_runs_record(f->db, &r, 1, RP_STR("spool"), f->now, &added, err));
    assert_int_equal(added, 0);
    assert_int_equal(help_int(f, "select count(*) from job where key = 'k'"), 1);
    struct rp_job j = help_get(f, 1);
    assert_true(j.state == RP_FAILED && j.started_us == f->now - 100 && j.ended_us == f->now - 50);
    assert_int_equal(help_int(f, "select sum(n) from rollup"), 1);
    help_check(f);
}

/* `exec` registered, the daemon went away, the end was spooled: one job, whatever happened between.
 */
static struct rp_run_record end_of(struct fixture *f, const struct rp_lease *l, const char *id)
{
    struct rp_run_record r = record_of(RP_OUT_SUCCEEDED, f->now, f->now + 50);
    r.type = RP_STR("backup");
    r.key = l->job.key;
    r.spool_id = rp_str_of(id);
    r.job_id = l->job.id;
    r.attempt = l->attempt;
    r.report.lease = l->id;
    r.report.token = l->token;
    return r;
}

static void G9_the_spooled_end_of_a_run_that_began_here_ends_that_run(void **state)
{
    struct fixture *f = *state;
    struct rp_run_start start = start_of("backup", "db");
    struct rp_lease l;
    int64_t fence, added, expired, next;
    start.key = RP_STR("k");
    for (int lost = 0; lost <= 1; lost++) {
        help_tx(rp_run_start(f->db, &start, f->now, &f->a, &l, &fence, err));
        struct rp_run_record r = end_of(f, &l, lost != 0 ? "b" : "a");
        if (lost != 0) {
            f->now += HELP_LEASE;
            help_tx(rp_leases_expire(f->db, f->now, 10, &expired, &next, err));
            assert_int_equal(help_get(f, l.job.id).state, RP_UNKNOWN);
        }
        help_tx(rp_runs_record(f->db, &r, 1, RP_STR("spool"), f->now, &added, err));
        assert_int_equal(added, 1);
        assert_int_equal(help_get(f, l.job.id).state, RP_SUCCEEDED);
        assert_int_equal(help_get(f, l.job.id).last_n, 1 + lost);
        help_tx(rp_runs_record(f->db, &r, 1, RP_STR("spool"), f->now, &added, err));
        assert_int_equal(added, 0);
    }
    assert_int_equal(help_int(f, "select count(*) from job"), 2);
    assert_int_equal(help_int(f, "select count(*) from job where key = 'k'"), 2);
    help_check(f);
}

static void G9_a_report_that_had_arrived_is_not_added_again_by_the_spool(void **state)
{
    struct fixture *f = *state;
    struct rp_run_start start = start_of("backup", NULL);
    struct rp_lease l;
    int64_t fence, added;
    help_tx(rp_run_start(f->db, &start, f->now, &f->a, &l, &fence, err));
    assert_int_equal(help_report(f, &l, RP_OUT_SUCCEEDED), RP_SUCCEEDED);
    struct rp_run_record r = end_of(f, &l, "a");
    help_tx(rp_runs_record(f->db, &r, 1, RP_STR("spool"), f->now, &added, err));
    assert_int_equal(added, 0);
    assert_int_equal(help_int(f, "select count(*) from attempt"), 1);
    r.spool_id = RP_STR("b"); /* of a store that is no more: here that job is another's, or none */
    r.job_id = 4711;
    help_tx(rp_runs_record(f->db, &r, 1, RP_STR("spool"), f->now, &added, err));
    assert_int_equal(added, 1);
    assert_int_equal(help_int(f, "select count(*) from job"), 2);
    help_check(f);
}

static void the_end_of_a_lost_run_arrives_beside_a_live_job_with_its_key(void **state)
{
    struct fixture *f = *state;
    struct rp_run_start start = start_of("backup", NULL);
    struct rp_lease l, live;
    int64_t fence, added, expired, next;
    start.key = RP_STR("k");
    help_tx(rp_run_start(f->db, &start, f->now, &f->a, &l, &fence, err));
    struct rp_run_record r = end_of(f, &l, "a");
    f->now += HELP_LEASE;
    help_tx(rp_leases_expire(f->db, f->now, 10, &expired, &next, err));
    help_tx(rp_run_start(f->db, &start, f->now, &f->a, &live, &fence, err));
    help_tx(rp_runs_record(f->db, &r, 1, RP_STR("spool"), f->now, &added, err));
    assert_int_equal(help_get(f, l.job.id).state, RP_SUCCEEDED);
    assert_int_equal(help_get(f, live.job.id).state, RP_RUNNING);
    help_check(f);
}

static void a_spooled_run_may_share_its_key_with_a_live_job(void **state)
{
    struct fixture *f = *state;
    int64_t added;
    help_types(f, "etl", NULL);
    struct rp_enqueue in = help_job("etl");
    in.key = RP_STR("k");
    (void)help_add(f, &in);
    struct rp_run_record r = record_of(RP_OUT_SUCCEEDED, f->now - 100, f->now - 50);
    r.key = RP_STR("k");
    help_tx(rp_runs_record(f->db, &r, 1, RP_STR("spool"), f->now, &added, err));
    assert_int_equal(help_int(f, "select count(*) from job where key = 'k'"), 2);
}

static void attempts_of_one_external_job_become_one_job(void **state)
{
    struct fixture *f = *state;
    struct rp_attempt *v;
    size_t n;
    int64_t added, t = f->now - RP_US_DAY;
    struct rp_run_record r[3] = {record_of(RP_OUT_FAILED, t, t + 5),
                                 record_of(RP_OUT_TIMEOUT, t + 10, t + 15),
                                 record_of(RP_OUT_SUCCEEDED, t + 20, t + 25)};
    for (int i = 0; i < 3; i++) {
        r[i].external_id = RP_STR("dag/42");
        r[i].attempt = i + 1;
    }
    help_tx(rp_runs_record(f->db, r, 2, RP_STR("airflow.log"), f->now, &added, err));
    assert_int_equal(help_get(f, 1).state, RP_FAILED);
    help_tx(rp_runs_record(f->db, r, 3, RP_STR("airflow.log"), f->now, &added,
                           err)); /* two are known */
    assert_int_equal(added, 1);
    struct rp_job j = help_get(f, 1);
    assert_true(j.state == RP_SUCCEEDED && j.attempts == 3 && j.created_us == t &&
                j.ended_us == t + 25);
    OK(rp_job_attempts(f->db, 1, &f->a, &v, &n, err));
    assert_true(n == 3 && v[0].outcome == RP_OUT_FAILED && v[1].outcome == RP_OUT_TIMEOUT &&
                v[2].started_us == t + 20);
    assert_true(rp_str_is(v[0].node, "airflow.log"));
    assert_int_equal(help_int(f, "select count(*) from job"), 1);
    help_check(f);
}

static void what_began_and_has_no_end_is_unknown_and_no_outcome_is_refused(void **state)
{
    struct fixture *f = *state;
    int64_t added;
    struct rp_run_record r = record_of(RP_OUT_NONE, f->now - 100, 0);
    help_tx_refused(RP_E_BAD_FIELD, rp_runs_record(f->db, &r, 1, RP_STR("x"), f->now, &added, err));
    r.unfinished = true;
    help_tx(rp_runs_record(f->db, &r, 1, RP_STR("x"), f->now, &added, err));
    assert_int_equal(help_get(f, 1).state, RP_UNKNOWN);
    assert_int_equal(help_int(f, "select outcome from attempt"), RP_OUT_LOST);
    help_check(f);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)
    const struct CMUnitTest tests[] = {
        T(G15_a_lock_has_one_holder_and_the_fence_rises),
        T(G15_a_holder_that_slept_past_its_lease_is_refused),
        T(a_run_from_outside_is_never_queued_here),
        T(G13_a_key_holds_for_runs_too),
        T(G9_a_spooled_run_arrives_once),
        T(G9_the_spooled_end_of_a_run_that_began_here_ends_that_run),
        T(G9_a_report_that_had_arrived_is_not_added_again_by_the_spool),
        T(the_end_of_a_lost_run_arrives_beside_a_live_job_with_its_key),
        T(a_spooled_run_may_share_its_key_with_a_live_job),
        T(attempts_of_one_external_job_become_one_job),
        T(what_began_and_has_no_end_is_unknown_and_no_outcome_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
