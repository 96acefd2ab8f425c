/* A job's life: what enqueue, report, expiry and interventions promise. */
#include "store/registry.h"
#include "store_help.h"

static void G2_a_batch_is_all_or_nothing_and_names_the_bad_one(void **state)
{
    struct fixture *f = *state;
    struct rp_enqueue in[3] = {help_job("work"), help_job("nothing"), help_job("work")};
    struct rp_enqueued out[3];
    struct rp_err e = {0};
    help_types(f, "work", NULL);
    OK(rp_tx_begin(f->db, err));
    OK(rp_savepoint(f->db, err));
    assert_false(rp_jobs_enqueue(f->db, in, 3, f->now, out, &e));
    rp_savepoint_rollback(f->db);
    OK(rp_tx_commit(f->db, err));
    assert_int_equal(e.code, RP_E_UNKNOWN_TYPE);
    assert_non_null(strstr(e.message, "job 1 of the batch"));
    assert_int_equal(help_int(f, "select count(*) from job"), 0);
    assert_int_equal(rp_db_take_changes(f->db) & RP_CHANGED_READY, 0);
    in[1] = help_job("work");
    help_tx(rp_jobs_enqueue(f->db, in, 3, f->now, out, err));
    assert_true(out[0].id < out[1].id && out[1].id < out[2].id);
    assert_true(rp_db_take_changes(f->db) & RP_CHANGED_READY);
}

static unsigned claims_woken(struct fixture *f)
{
    return rp_db_take_changes(f->db) & RP_CHANGED_CLAIMS;
}

static void only_those_who_may_claim_are_woken(void **state)
{
    struct fixture *f = *state;
    struct rp_str argv[] = {RP_STR("/bin/true")};
    struct rp_queue_conf limited = {.name = RP_STR("default"), .max_running = 9};
    help_types(f, "command", "work", NULL);
    f->type[0].run = (struct rp_strs){argv, 1};
    help_reload(f);
    (void)claims_woken(f);
    (void)help_enqueue(f, "work");
    assert_int_equal(claims_woken(f), RP_CHANGED_READY);
    (void)help_enqueue(f, "command");
    assert_int_equal(claims_woken(f), RP_CHANGED_COMMANDS);
    struct rp_lease l = help_claim_one(f);
    (void)claims_woken(f);
    (void)help_report(f, &l, RP_OUT_SUCCEEDED);
    assert_int_equal(claims_woken(f), RP_CHANGED_READY);
    (void)help_enqueue(f, "work");
    l = help_claim_one(f);
    (void)claims_woken(f);
    f->config.queues = &limited; /* the place that becomes free may be a command's */
    f->config.n_queues = 1;
    (void)help_report(f, &l, RP_OUT_SUCCEEDED);
    f->config.n_queues = 0;
    assert_int_equal(claims_woken(f), RP_CHANGED_CLAIMS);
}

static void what_went_in_comes_out(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    struct rp_enqueue in = help_job("work");
    in.payload = RP_STR("{ \"a\" :\t1.0e2, \"ü\":\"\\u0000\" }");
    in.labels = RP_STR("{\"tenant\":\"7\"}");
    in.queue = RP_STR("mail");
    in.key = RP_STR("k");
    in.priority = 5;
    in.max_attempts = 9;
    struct rp_job j = help_get(f, help_add(f, &in));
    assert_true(rp_str_eq(j.payload, in.payload) && rp_str_eq(j.labels, in.labels) &&
                rp_str_eq(j.key, in.key));
    assert_true(rp_str_eq(j.queue, in.queue) && rp_str_eq(j.type, in.type));
    assert_int_equal(j.priority, 5);
    assert_int_equal(j.max_attempts, 9);
    assert_int_equal(j.created_us, f->now);
    struct rp_lease l = help_claim_one(f);
    assert_true(rp_str_eq(l.job.payload, in.payload) && rp_str_eq(l.job.queue, in.queue) &&
                rp_str_eq(l.job.key, in.key));
    assert_int_equal(l.deadline_us, f->now + HELP_LEASE);
    assert_int_equal(l.attempt, 1);
}

static void values_that_cannot_be_used_are_refused(void **state)
{
    struct fixture *f = *state;
    struct rp_enqueued out;
    char long_key[RP_KEY_MAX + 2];
    memset(long_key, 'k', sizeof long_key);
    help_types(f, "work", NULL);
    struct rp_enqueue bad[6];
    for (size_t i = 0; i < 6; i++)
        bad[i] = help_job("work");
    bad[0].key = RP_STR("");
    bad[1].key = (struct rp_str){long_key, RP_KEY_MAX + 1};
    bad[2].priority = 1001;
    bad[3].max_attempts = -1;
    bad[4].due_us = -1;
    bad[5].queue = RP_STR("a\nb");
    for (size_t i = 0; i < 6; i++)
        help_tx_refused(RP_E_BAD_FIELD, rp_jobs_enqueue(f->db, &bad[i], 1, f->now, &out, err));
    help_tx_refused(RP_E_TOO_LARGE,
                    rp_jobs_enqueue(f->db, bad, RP_BATCH_MAX + 1, f->now, &out, err));
}

static void G13_a_key_makes_at_most_one_live_job(void **state)
{
    struct fixture *f = *state;
    struct rp_enqueued first, out;
    help_types(f, "other", "work", NULL);
    struct rp_enqueue in = help_job("work");
    in.key = RP_STR("once");
    help_tx(rp_jobs_enqueue(f->db, &in, 1, f->now, &first, err));
    assert_false(first.existing);
    help_tx(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    assert_true(out.existing && out.id == first.id && out.state == RP_QUEUED);
    struct rp_lease l = help_claim_one(f);
    help_tx(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    assert_true(out.existing && out.state == RP_RUNNING);
    struct rp_enqueue other = in;
    other.type = RP_STR("other");
    help_tx(rp_jobs_enqueue(f->db, &other, 1, f->now, &out, err));
    assert_false(out.existing);
    assert_int_equal(help_report(f, &l, RP_OUT_SUCCEEDED), RP_SUCCEEDED);
    help_tx(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    assert_true(!out.existing && out.id != first.id);
    /* Twice in one batch, too. */
    struct rp_enqueue two[2] = {in, in};
    struct rp_enqueued both[2];
    two[0].key = two[1].key = RP_STR("pair");
    help_tx(rp_jobs_enqueue(f->db, two, 2, f->now, both, err));
    assert_true(both[1].existing && both[0].id == both[1].id);
}

static void G13_a_retry_cannot_make_a_second_live_job_of_a_key(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    struct rp_enqueue in = help_job("work");
    in.key = RP_STR("once");
    int64_t old = help_add(f, &in);
    help_tx(rp_job_cancel(f->db, old, RP_STR("ann"), RP_NONE, f->now, err));
    (void)help_add(f, &in);
    help_tx_refused(RP_E_CONFLICT, rp_job_retry(f->db, old, RP_STR("ann"), RP_NONE, f->now, err));
    assert_int_equal(help_get(f, old).state, RP_CANCELLED);
    help_check(f);
}

static void a_job_due_later_waits_and_then_runs(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *none;
    int64_t n, next;
    help_types(f, "work", NULL);
    struct rp_enqueue in = help_job("work");
    in.due_us = f->now + 10 * RP_US_S;
    int64_t id = help_add(f, &in);
    assert_int_equal(help_get(f, id).state, RP_SCHEDULED);
    assert_int_equal(help_claim(f, 1, &none), 0);
    help_tx(rp_jobs_promote(f->db, f->now, 10, &n, &next, err));
    assert_int_equal(n, 0);
    assert_int_equal(next, in.due_us);
    f->now = in.due_us;
    help_tx(rp_jobs_promote(f->db, f->now, 10, &n, &next, err));
    assert_int_equal(n, 1);
    assert_int_equal(next, INT64_MAX);
    assert_int_equal(help_claim_one(f).job.id, id);
}

static void a_failure_is_retried_by_the_policy_and_then_final(void **state)
{
    struct fixture *f = *state;
    struct rp_attempt *v;
    size_t n;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    for (int i = 1; i <= 4; i++) {
        struct rp_lease l = help_claim_one(f);
        assert_int_equal(l.attempt, i);
        assert_int_equal(help_report(f, &l, i == 2 ? RP_OUT_TIMEOUT : RP_OUT_FAILED),
                         i < 4 ? RP_RETRYING : RP_FAILED);
        assert_int_equal(help_get(f, id).due_us, i < 4 ? f->now + RP_US_S : help_get(f, id).due_us);
        f->now += RP_US_S;
        assert_int_equal(help_promote(f), i < 4);
    }
    struct rp_job j = help_get(f, id);
    assert_int_equal(j.attempts, 4);
    assert_true(rp_str_is(j.error_class, "connection") && j.pattern_id != 0);
    OK(rp_job_attempts(f->db, id, &f->a, &v, &n, err));
    assert_int_equal(n, 4);
    assert_int_equal(v[1].outcome, RP_OUT_TIMEOUT);
    assert_true(rp_str_is(v[3].error, "connect ECONNREFUSED 10.0.0.7:5432"));
    assert_int_equal(help_int(f, "select failures from pattern where hash = 77"), 4);
    assert_int_equal(help_int(f, "select sum(n) from rollup where outcome in (2, 3) and final = 0"),
                     3);
    assert_int_equal(help_int(f, "select sum(n) from rollup where outcome = 2 and final = 1"), 1);
    help_check(f);
}

static void a_permanent_failure_is_not_retried(void **state)
{
    struct fixture *f = *state;
    enum rp_state s;
    help_types(f, "work", NULL);
    (void)help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    struct rp_report r = help_outcome(&l, RP_OUT_FAILED);
    r.permanent = true;
    help_tx(rp_job_report(f->db, &r, f->now, &s, err));
    assert_int_equal(s, RP_FAILED);
}

static void success_clears_the_shown_error_but_not_the_record(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    (void)help_report(f, &l, RP_OUT_FAILED);
    assert_non_null(help_get(f, id).error.p);
    f->now += RP_US_S;
    (void)help_promote(f);
    l = help_claim_one(f);
    (void)help_report(f, &l, RP_OUT_SUCCEEDED);
    struct rp_job j = help_get(f, id);
    assert_null(j.error.p);
    assert_int_equal(j.pattern_id, 0);
    assert_int_equal(help_int(f, "select count(*) from attempt where error is not null"), 1);
}

static void facts_and_output_are_kept_per_attempt(void **state)
{
    struct fixture *f = *state;
    struct rp_attempt *v;
    size_t n;
    enum rp_state s;
    struct rp_str packed;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    struct rp_report r = help_outcome(&l, RP_OUT_FAILED);
    r.facts.has_exit = true;
    r.facts.exit_code = -1;
    r.facts.signal = 9;
    r.facts.ended_by = RP_STR("the memory limit");
    r.facts.cpu_us = 5;
    r.facts.memory_peak = 6;
    r.facts.survivors = RP_STR("sleep(12)");
    r.facts.contract = RP_STR("c");
    r.facts.output_bytes = 3;
    r.facts.started_us = f->now + 1;
    r.facts.ended_us = f->now + 11;
    r.output = (struct rp_str){"\0ab", 3};
    help_tx(rp_job_output_partial(f->db, l.id, RP_STR("part"), 4, err));
    OK(rp_job_output(f->db, id, 0, &f->a, &packed, err));
    assert_true(rp_str_is(packed, "part"));
    help_tx(rp_job_report(f->db, &r, f->now, &s, err));
    OK(rp_job_attempts(f->db, id, &f->a, &v, &n, err));
    assert_true(v[0].has_exit && v[0].exit_code == -1 && v[0].signal == 9 && v[0].cpu_us == 5 &&
                v[0].memory_peak == 6);
    assert_true(rp_str_is(v[0].ended_by, "the memory limit") &&
                rp_str_is(v[0].survivors, "sleep(12)"));
    assert_int_equal(v[0].duration_us, 10);
    OK(rp_job_output(f->db, id, 1, &f->a, &packed, err));
    assert_true(rp_str_eq(packed, r.output));
    FAILS(RP_E_NOT_FOUND, rp_job_output(f->db, id, 2, &f->a, &packed, err));
    FAILS(RP_E_NOT_FOUND, rp_job_attempts(f->db, 999, &f->a, &v, &n, err));
}

static void G10_a_report_with_an_old_lease_is_refused_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    enum rp_state s;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    struct rp_lease old = help_claim_one(f);
    f->now += HELP_LEASE;
    assert_int_equal(help_expire(f), 1);
    struct rp_lease new = help_claim_one(f);
    assert_true(new.id > old.id &&new.job.id == id);
    struct rp_report r = help_outcome(&old, RP_OUT_SUCCEEDED);
    help_tx_refused(RP_E_LEASE_LOST, rp_job_report(f->db, &r, f->now, &s, err));
    r = help_outcome(&new, RP_OUT_SUCCEEDED);
    r.token ^= 1;
    help_tx_refused(RP_E_LEASE_LOST, rp_job_report(f->db, &r, f->now, &s, err));
    assert_int_equal(help_get(f, id).state, RP_RUNNING);
    assert_int_equal(help_report(f, &new, RP_OUT_SUCCEEDED), RP_SUCCEEDED);
    r = help_outcome(&new, RP_OUT_FAILED);
    help_tx_refused(RP_E_LEASE_LOST, rp_job_report(f->db, &r, f->now, &s, err));
}

static void G10_a_beat_extends_only_what_is_held(void **state)
{
    struct fixture *f = *state;
    bool held[2];
    help_types(f, "work", NULL);
    (void)help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    int64_t ids[2] = {l.id, l.id};
    uint64_t tokens[2] = {l.token, l.token + 1};
    help_tx(rp_leases_extend(f->db, ids, tokens, 2, f->now + 2 * HELP_LEASE, held, err));
    assert_true(held[0] && !held[1]);
    f->now += HELP_LEASE;
    assert_int_equal(help_expire(f), 0);
    f->now += HELP_LEASE;
    assert_int_equal(help_expire(f), 1);
}

static void G12_an_idempotent_job_that_is_lost_runs_again_and_the_attempt_is_recorded(void **state)
{
    struct fixture *f = *state;
    struct rp_attempt *v;
    size_t n;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    (void)help_claim_one(f);
    f->now += HELP_LEASE;
    assert_int_equal(help_expire(f), 1);
    assert_int_equal(help_get(f, id).state, RP_QUEUED);
    assert_int_equal(help_get(f, id).attempts, 1);
    OK(rp_job_attempts(f->db, id, &f->a, &v, &n, err));
    assert_true(n == 1 && v[0].outcome == RP_OUT_LOST &&
                rp_str_is(v[0].error_class, "worker_lost"));
    help_check(f);
}

static void G12_a_job_that_must_not_be_repeated_becomes_unknown_and_a_person_decides(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    f->type[0].idempotent = false;
    int64_t a = help_enqueue(f, "work"), b = help_enqueue(f, "work"), c = help_enqueue(f, "work");
    struct rp_lease *l;
    assert_int_equal(help_claim(f, 3, &l), 3);
    f->now += HELP_LEASE;
    assert_int_equal(help_expire(f), 3);
    assert_int_equal(help_get(f, a).state, RP_UNKNOWN);
    assert_int_equal(help_claim(f, 3, &l), 0);
    help_tx(rp_job_resolve(f->db, a, true, RP_STR("ann"), RP_STR("seen in the bank"), f->now, err));
    help_tx(rp_job_resolve(f->db, b, false, RP_STR("ann"), RP_NONE, f->now, err));
    help_tx(rp_job_retry(f->db, c, RP_STR("ann"), RP_NONE, f->now, err));
    assert_int_equal(help_get(f, a).state, RP_SUCCEEDED);
    assert_null(help_get(f, a).error.p);
    assert_int_equal(help_get(f, b).state, RP_FAILED);
    assert_int_equal(help_get(f, c).state, RP_QUEUED);
    help_tx_refused(RP_E_BAD_STATE,
                    rp_job_resolve(f->db, a, true, RP_STR("ann"), RP_NONE, f->now, err));
    assert_int_equal(help_int(f, "select count(*) from audit where action = "
                                 "'job.resolve-succeeded' and actor = 'ann' and "
                                 "json_extract(detail, '$.reason') = 'seen in the bank' and "
                                 "json_extract(detail, '$.before') = 'unknown'"),
                     1);
    help_check(f);
}

static void U12_an_interruption_burns_no_attempt_but_five_in_a_row_are_poison(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    for (int i = 1; i <= 5; i++) {
        struct rp_lease l = help_claim_one(f);
        assert_int_equal(help_report(f, &l, RP_OUT_INTERRUPTED), i < 5 ? RP_QUEUED : RP_FAILED);
        assert_int_equal(help_get(f, id).attempts, i < 5 ? 0 : 1);
    }
    assert_true(help_get(f, id).poison);
    /* A person lets it run again: it begins anew. */
    help_tx(rp_job_retry(f->db, id, RP_STR("ann"), RP_NONE, f->now, err));
    struct rp_lease l = help_claim_one(f);
    assert_false(help_get(f, id).poison);
    assert_int_equal(help_report(f, &l, RP_OUT_INTERRUPTED), RP_QUEUED);
    help_check(f);
}

static void U12_interruptions_count_in_a_row_only(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    f->type[0].retry.retries = 100;
    int64_t id = help_enqueue(f, "work");
    for (int i = 1; i <= 20; i++) {
        struct rp_lease l = help_claim_one(f);
        enum rp_state s = help_report(f, &l, i % 5 == 0 ? RP_OUT_FAILED : RP_OUT_INTERRUPTED);
        assert_int_equal(s, i % 5 == 0 ? RP_RETRYING : RP_QUEUED);
        f->now += RP_US_S;
        (void)help_promote(f);
    }
    assert_false(help_get(f, id).poison);
}

static void U14_a_job_that_kills_its_workers_is_set_aside_and_its_siblings_go_on(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    f->type[0].retry.retries = 100;
    int64_t id = help_enqueue(f, "work");
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(help_claim_one(f).job.id, id);
        f->now += HELP_LEASE;
        assert_int_equal(help_expire(f), 1);
        assert_int_equal(help_get(f, id).state, i < 3 ? RP_QUEUED : RP_FAILED);
    }
    assert_true(help_get(f, id).poison);
    int64_t sibling = help_enqueue(f, "work");
    assert_int_equal(help_claim_one(f).job.id, sibling);
}

static void G11_a_terminal_job_runs_again_only_by_a_recorded_retry(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *none;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    (void)help_report(f, &l, RP_OUT_SUCCEEDED);
    assert_int_equal(help_claim(f, 10, &none), 0);
    FAILS(RP_E_BAD_STATE,
          rp_job_move(f->db, id, RP_EV_CLAIM, &(struct rp_move){.now_us = f->now}, NULL, err));
    help_tx_refused(RP_E_REFUSED, rp_job_retry(f->db, id, RP_STR("ann"), RP_NONE, f->now, err));
    assert_int_equal(help_int(f, "select count(*) from audit"), 0);
    help_tx(rp_job_retry(f->db, id, RP_STR("ann"), RP_STR("the mail was lost"), f->now, err));
    assert_int_equal(
        help_int(f, "select count(*) from audit where action = 'job.retry' and object = 'job 1'"),
        1);
    struct rp_job j = help_get(f, id);
    assert_true(j.state == RP_QUEUED && j.max_attempts == 2 && j.ended_us == 0);
    l = help_claim_one(f);
    assert_int_equal(l.attempt, 2);
    assert_int_equal(help_report(f, &l, RP_OUT_FAILED),
                     RP_FAILED); /* one more attempt, not all of them again */
}

static void cancel_ends_what_waits_and_asks_what_runs(void **state)
{
    struct fixture *f = *state;
    int64_t *kill;
    size_t n;
    bool held;
    help_types(f, "work", NULL);
    int64_t runs = help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    int64_t waits = help_enqueue(f, "work");
    help_tx(rp_job_cancel(f->db, waits, RP_STR("ann"), RP_NONE, f->now, err));
    assert_int_equal(help_get(f, waits).state, RP_CANCELLED);
    help_tx_refused(RP_E_BAD_STATE,
                    rp_job_cancel(f->db, waits, RP_STR("ann"), RP_NONE, f->now, err));
    (void)rp_db_take_changes(f->db);
    help_tx(rp_job_cancel(f->db, runs, RP_STR("ann"), RP_NONE, f->now, err));
    assert_true(rp_db_take_changes(f->db) & RP_CHANGED_KILL);
    assert_int_equal(help_get(f, runs).state, RP_RUNNING);
    OK(rp_jobs_to_kill(f->db, &f->a, &kill, &n, err));
    assert_true(n == 1 && kill[0] == l.id);
    help_tx(rp_leases_extend(f->db, &l.id, &l.token, 1, f->now + HELP_LEASE, &held, err));
    assert_true(held);
    assert_int_equal(help_report(f, &l, RP_OUT_FAILED), RP_CANCELLED);
    OK(rp_jobs_to_kill(f->db, &f->a, &kill, &n, err));
    assert_int_equal(n, 0);
    help_tx_refused(RP_E_NOT_FOUND, rp_job_cancel(f->db, 999, RP_STR("ann"), RP_NONE, f->now, err));
    help_check(f);
}

static void a_success_that_was_faster_than_the_cancel_stays_a_success(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    help_tx(rp_job_cancel(f->db, id, RP_STR("ann"), RP_NONE, f->now, err));
    assert_int_equal(help_report(f, &l, RP_OUT_SUCCEEDED), RP_SUCCEEDED);
}

static void a_cancelled_job_whose_worker_vanished_is_cancelled(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    int64_t id = help_enqueue(f, "work");
    (void)help_claim_one(f);
    help_tx(rp_job_cancel(f->db, id, RP_STR("ann"), RP_NONE, f->now, err));
    f->now += HELP_LEASE;
    assert_int_equal(help_expire(f), 1);
    assert_int_equal(help_get(f, id).state, RP_CANCELLED);
    help_check(f);
}

static void only_commands_of_the_dead_process_are_orphans(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *l;
    size_t got;
    int64_t n;
    struct rp_str argv = RP_STR("true");
    help_types(f, "command", "work", NULL);
    f->type[0].run = (struct rp_strs){&argv, 1};
    help_reload(f);
    int64_t command = help_enqueue(f, "command"), work = help_enqueue(f, "work");
    struct rp_claim c = {.node = RP_STR("n1"),
                         .worker = RP_STR("executor"),
                         .commands = true,
                         .max = 5,
                         .lease_us = HELP_LEASE};
    help_tx(rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &got, err));
    assert_int_equal(got, 1);
    (void)help_claim_one(f);
    help_tx(rp_leases_orphaned(f->db, RP_STR("n2"), f->now, &n, err));
    assert_int_equal(n, 0);
    help_tx(rp_leases_orphaned(f->db, RP_STR("n1"), f->now, &n, err));
    assert_int_equal(n, 1);
    assert_int_equal(help_get(f, command).state, RP_QUEUED);
    assert_int_equal(help_get(f, work).state, RP_RUNNING);
    help_check(f);
}

static void U29_a_job_whose_type_is_gone_waits_and_says_why(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *l;
    struct rp_enqueued out;
    help_types(f, "other", "work", NULL);
    int64_t id = help_enqueue(f, "other");
    help_types(f, "work", NULL);
    assert_int_equal(help_claim(f, 5, &l), 0);
    assert_true(rp_str_is(help_get(f, id).held, "type other is not configured"));
    struct rp_enqueue in = help_job("other");
    help_tx_refused(RP_E_UNKNOWN_TYPE, rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    help_types(f, "other", "work", NULL);
    assert_null(help_get(f, id).held.p);
    assert_int_equal(help_claim_one(f).job.id, id);
}

static void a_corrected_class_holds_for_later_failures_of_the_pattern(void **state)
{
    struct fixture *f = *state;
    help_types(f, "work", NULL);
    (void)help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    (void)help_report(f, &l, RP_OUT_FAILED);
    help_sql(f, "update pattern set class_by_person = 'configuration'");
    int64_t id = help_enqueue(f, "work");
    l = help_claim_one(f);
    (void)help_report(f, &l, RP_OUT_FAILED);
    assert_true(rp_str_is(help_get(f, id).error_class, "configuration"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)
    const struct CMUnitTest tests[] = {
        T(G2_a_batch_is_all_or_nothing_and_names_the_bad_one),
        T(only_those_who_may_claim_are_woken),
        T(what_went_in_comes_out),
        T(values_that_cannot_be_used_are_refused),
        T(G13_a_key_makes_at_most_one_live_job),
        T(G13_a_retry_cannot_make_a_second_live_job_of_a_key),
        T(a_job_due_later_waits_and_then_runs),
        T(a_failure_is_retried_by_the_policy_and_then_final),
        T(a_permanent_failure_is_not_retried),
        T(success_clears_the_shown_error_but_not_the_record),
        T(facts_and_output_are_kept_per_attempt),
        T(G10_a_report_with_an_old_lease_is_refused_and_changes_nothing),
        T(G10_a_beat_extends_only_what_is_held),
        T(G12_an_idempotent_job_that_is_lost_runs_again_and_the_attempt_is_recorded),
        T(G12_a_job_that_must_not_be_repeated_becomes_unknown_and_a_person_decides),
        T(U12_an_interruption_burns_no_attempt_but_five_in_a_row_are_poison),
        T(U12_interruptions_count_in_a_row_only),
        T(U14_a_job_that_kills_its_workers_is_set_aside_and_its_siblings_go_on),
        T(G11_a_terminal_job_runs_again_only_by_a_recorded_retry),
        T(cancel_ends_what_waits_and_asks_what_runs),
        T(a_success_that_was_faster_than_the_cancel_stays_a_success),
        T(a_cancelled_job_whose_worker_vanished_is_cancelled),
        T(only_commands_of_the_dead_process_are_orphans),
        T(U29_a_job_whose_type_is_gone_waits_and_says_why),
        T(a_corrected_class_holds_for_later_failures_of_the_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
