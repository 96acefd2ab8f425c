/* Many reports at once: the same as one after another. */
#include "store_help.h"

enum { JOBS = 60, ROUNDS = 20 };

/* Everything that reports write. */
static const char *const tables[] = {
    ("select json_array(id, state, attempts, last_n, interrupted_n, lost_n, poison, started_at, "
     "ended_at, error, error_class, "
     "pattern_id) from job order by id"),
    ("select json_array(job_id, n, outcome, node, worker, started_at, ended_at, duration_us, "
     "error, "
     "error_class, pattern_id, "
     "output_bytes) from attempt order by job_id, n"),
    "select json_array(job_id, n, hex(packed)) from output order by job_id, n",
    ("select json_array(minute, type_id, queue_id, outcome, final, pattern_id, n) from rollup "
     "order "
     "by 1"),
    "select json_array(state, type_id, queue_id, hour, n) from tally where n <> 0 order by 1",
    "select json_array(job_id) from lease order by 1",
};

static void dump(struct fixture *f, struct rp_buf *out)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct rp_stmt *s = rp_sql(f->db, tables[i]);
        while (rp_step(s, NULL) == RP_STEP_ROW) {
            rp_buf_str(out, rp_col_view(s, 0));
            rp_buf_c(out, '\n');
        }
    }
}

static struct rp_report some_report(struct fixture *f, struct dice *d, const struct rp_lease *l)
{
    static const enum rp_outcome outcomes[] = {RP_OUT_SUCCEEDED, RP_OUT_SUCCEEDED,
                                               RP_OUT_SUCCEEDED, RP_OUT_FAILED,
                                               RP_OUT_TIMEOUT,   RP_OUT_INTERRUPTED};
    struct rp_report r = help_outcome(l, outcomes[help_roll(d, 6)]);
    r.permanent = true; /* no random delay, which would differ */
    r.facts.ended_us = help_roll(d, 4) == 0 ? f->now + help_roll(d, 3) : 0;
    if (help_roll(d, 10) == 0)
        r.token++; /* not held */
    if (help_roll(d, 10) == 0)
        r.output = RP_STR("packed");
    return r;
}

/* The same reports, at once or one by one; what each was answered goes into `answers`. */
static void report_all(struct fixture *f, const struct rp_report *r, size_t n, bool at_once,
                       struct rp_buf *answers)
{
    struct rp_reported *out = RP_NEW_N(&f->a, struct rp_reported, n);
    OK(rp_tx_begin(f->db, err));
    if (at_once)
        OK(rp_jobs_report(f->db, r, n, f->now, &f->a, out, err));
    for (size_t i = 0; !at_once && i < n; i++) {
        out[i].err = RP_NEW(&f->a, struct rp_err);
        out[i].ok = rp_job_report(f->db, &r[i], f->now, &out[i].state, out[i].err);
    }
    OK(rp_tx_commit(f->db, err));
    for (size_t i = 0; i < n; i++)
        rp_buf_fmt(answers, "%zu %s\n", i,
                   out[i].ok ? rp_state_name(out[i].state) : rp_code_slug(out[i].err->code));
}

static void round_of(uint64_t seed, bool at_once, struct rp_buf *out)
{
    void *own = NULL;
    assert_int_equal(help_setup(&own), 0);
    struct fixture *f = own;
    struct dice d = {seed};
    struct rp_lease *l;
    OK(rp_script(f->db, "pragma synchronous = off", err));
    help_types(f, "a", "b", NULL);
    for (int i = 0; i < JOBS; i++)
        (void)help_enqueue(f, help_roll(&d, 2) == 0 ? "a" : "b");
    size_t n = help_claim(f, JOBS, &l);
    struct rp_report *r = RP_NEW_N(&f->a, struct rp_report, n * 2);
    f->now += RP_US_S;
    for (size_t i = 0; i < n * 2; i++) /* some leases twice, some never */
        r[i] = some_report(f, &d, &l[help_roll(&d, (int64_t)n)]);
    report_all(f, r, n * 2, at_once, out);
    dump(f, out);
    help_check(f);
    assert_int_equal(help_teardown(&own), 0);
}

static void G3_reports_at_once_do_what_they_do_one_by_one(void **state)
{
    (void)state;
    struct dice d = help_dice("reports");
    for (int i = 0; i < ROUNDS; i++) {
        struct rp_buf at_once = {0}, one_by_one = {0};
        uint64_t seed = d.x + (uint64_t)i;
        /* Tokens are random: equal seeds make equal reports, but for what they carry. */
        round_of(seed, true, &at_once);
        round_of(seed, false, &one_by_one);
        assert_true(rp_str_eq(rp_buf_view(&at_once), rp_buf_view(&one_by_one)));
        rp_buf_free(&at_once);
        rp_buf_free(&one_by_one);
    }
}

static void one_that_is_refused_does_not_fail_the_others(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *l;
    struct rp_reported out[3];
    help_types(f, "a", NULL);
    for (int i = 0; i < 3; i++)
        (void)help_enqueue(f, "a");
    assert_int_equal(help_claim(f, 3, &l), 3);
    struct rp_report r[3];
    for (int i = 0; i < 3; i++)
        r[i] = help_outcome(&l[i], RP_OUT_SUCCEEDED);
    r[1].lease += 1000;
    help_tx(rp_jobs_report(f->db, r, 3, f->now, &f->a, out, err));
    assert_true(out[0].ok && !out[1].ok && out[2].ok);
    assert_int_equal(out[1].err->code, RP_E_LEASE_LOST);
    assert_int_equal(help_get(f, l[0].job.id).state, RP_SUCCEEDED);
    assert_int_equal(help_get(f, l[1].job.id).state, RP_RUNNING);
    assert_int_equal(help_get(f, l[2].job.id).state, RP_SUCCEEDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G3_reports_at_once_do_what_they_do_one_by_one),
        cmocka_unit_test_setup_teardown(one_that_is_refused_does_not_fail_the_others, help_setup,
                                        help_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
