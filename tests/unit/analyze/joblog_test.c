/* Job logs: lines of crons and of people's own runners, and input that is no log. */
#include "analyze/joblog.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct seen {
    struct rp_tally *tally;
    struct rp_buf errors; /* of failed and timed-out runs */
    struct rp_run last;
    struct rp_arena arena;
    struct rp_joblog_stats stats;
};

static void take(void *ctx, const struct rp_run *run)
{
    struct seen *s = ctx;
    rp_tally_add(s->tally, run);
    rp_buf_str(&s->errors, run->error);
    rp_buf_c(&s->errors, '\n');
    s->last = *run;
    s->last.type = rp_str_dup(&s->arena, run->type);
    s->last.id = rp_str_dup(&s->arena, run->id);
    s->last.error = rp_str_dup(&s->arena, run->error);
}

/* Fed in pieces of `step` bytes. */
static bool read_log(struct rp_str text, const char *format, size_t step, struct seen *s)
{
    *s = (struct seen){.tally = rp_tally_new()};
    struct rp_joblog_options o = {
        .format = rp_str_of(format), .stamp = {.year = 2026}, .sink = {take, s}};
    struct rp_joblog *l = rp_joblog_new(&o, NULL);
    for (size_t i = 0; i < text.n; i += step)
        rp_joblog_feed(l, (struct rp_str){text.p + i, text.n - i < step ? text.n - i : step});
    bool ok = rp_joblog_finish(l, &s->stats, NULL);
    rp_joblog_free(l);
    return ok;
}

static void forget(struct seen *s)
{
    rp_tally_free(s->tally);
    rp_buf_free(&s->errors);
    rp_arena_free(&s->arena);
}

/* One run and its facts. */
static void one_run(const char *format, const char *log, const char *type, const char *id,
                    enum rp_run_outcome outcome)
{
    struct seen s;
    assert_true(read_log(rp_str_of(log), format, 1000, &s));
    if (s.tally->runs != 1)
        print_error("%llu runs in: %s\n", (unsigned long long)s.tally->runs, log);
    assert_int_equal(s.tally->runs, 1);
    assert_string_equal(rp_cstr(&s.arena, s.last.type), type);
    if (id != NULL)
        assert_string_equal(rp_cstr(&s.arena, s.last.id), id);
    assert_string_equal(rp_run_outcome_name(s.last.outcome), rp_run_outcome_name(outcome));
    forget(&s);
}

static void plain_logs_of_many_hands_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *log, *type, *id;
        enum rp_run_outcome outcome;
    } cases[] = {
        {"2026-11-23 22:00:00 [sync] starting\n2026-11-23 22:00:05 [sync] ok in 5s\n", "sync", NULL,
         RP_RUN_SUCCEEDED},
        {"[2026-11-23 22:00:00] INFO: Job nightly-backup (id=7) started\n"
         "[2026-11-23 22:00:09] INFO: Job nightly-backup (id=7) completed successfully\n",
         "nightly-backup", "7", RP_RUN_SUCCEEDED},
        {"2026/11/23 22:00:00 sync#88 begin\n2026/11/23 22:00:09 sync#88 exceeded time limit\n",
         "sync", "88", RP_RUN_TIMEOUT},
        {"2026-11-23T22:00:00+0100 [job-a][12] start\n2026-11-23T22:00:01+0100 [job-a][12] "
         "failure: boom\n",
         "job-a", "12", RP_RUN_FAILED},
        {"Nov 23 22:00:00 web-1 runner[1]: Starting job mail#4\n"
         "Nov 23 22:00:02 web-1 runner[1]: Finished job mail#4 in 2s\n",
         "mail", "4", RP_RUN_SUCCEEDED},
        {"2026-11-23 22:00:00,123 - app.worker - INFO - job export started\n"
         "2026-11-23 22:00:04,123 - app.worker - ERROR - job export failed: disk full\n",
         "export", NULL, RP_RUN_FAILED},
        {"INFO 2026-11-23 22:00:00 export[9] started\nINFO 2026-11-23 22:00:03 export[9] finished "
         "with exit code 3\n",
         "export", "9", RP_RUN_FAILED},
        {"1764000000 task 77 started\n1764000003 task 77 done\n", "job", "77", RP_RUN_SUCCEEDED},
        {"2026-11-23T22:00:00Z job=report id=5 started\n2026-11-23T22:00:00Z job=report id=5 "
         "error: no data\n",
         "report", "5", RP_RUN_FAILED},
        {"Mon Nov 23 22:00:00 UTC 2026 backup started\nMon Nov 23 22:05:00 UTC 2026 backup "
         "finished\n",
         "backup", NULL, RP_RUN_SUCCEEDED},
        {"2026-11-23T22:00:00Z [etl] job 3 started\n2026-11-23T22:00:00Z [etl] job 3 cancelled\n",
         "etl", "3", RP_RUN_CANCELLED},
        {"2026-11-23T22:00:00Z [etl] job 3 failed with exit code 124 after 9s\n", "etl", "3",
         RP_RUN_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        one_run("plain", cases[i].log, cases[i].type, cases[i].id, cases[i].outcome);
}

static void what_was_skipped_never_ran(void **state)
{
    (void)state;
    one_run("plain",
            "2026-11-23 22:00:00 [sync] started\n"
            "2026-11-23 22:00:01 [sync] skipped: still running\n"
            "2026-11-23 22:00:02 [sync] done\n"
            "2026-11-23 22:00:03 [prune] skipped\n",
            "sync", NULL, RP_RUN_SUCCEEDED);
}

static void prose_is_no_run(void **state)
{
    (void)state;
    struct seen s;
    (void)read_log(RP_STR("2026-11-23 22:00:00 [runner] starting, pid 77\n"
                          "2026-11-23 22:00:00 INFO root starting three workers\n"
                          "2026-11-23 22:00:00 WARN could not connect, connection failed\n"
                          "2026-11-23 22:00:00 the migration of all tables has finished\n"
                          "nothing with a time\n"),
                   "plain", 1000, &s);
    assert_int_equal(s.tally->runs, 0);
    assert_int_equal(s.stats.unassigned_lines, 5);
    forget(&s);
}

static void a_stack_trace_goes_to_the_run_that_failed_before_it(void **state)
{
    (void)state;
    struct seen s;
    assert_true(
        read_log(RP_STR("2026-11-23 22:00:00 a[1] started\n2026-11-23 22:00:00 b[2] started\n"
                        "2026-11-23 22:00:01 ERROR a[1] failed: 'x'\n"
                        "Traceback (most recent call last):\n"
                        "  File \"/srv/a.py\", line 1, in f\nKeyError: 'x'\n"
                        "2026-11-23 22:00:02 b[2] succeeded\n"),
                 "plain", 3, &s));
    assert_true(rp_str_find(rp_buf_view(&s.errors), RP_STR("KeyError: 'x'")) != SIZE_MAX);
    assert_int_equal(s.tally->by[RP_RUN_SUCCEEDED], 1);
    assert_int_equal(s.stats.unassigned_lines, 0);
    forget(&s);
}

static void other_crons_are_read(void **state)
{
    (void)state;
    const char *rhel =
        "Nov 23 01:01:01 db1 CROND[412]: (root) CMD (run-parts /etc/cron.hourly)\n"
        "Nov 23 01:01:01 db1 run-parts[415]: (/etc/cron.hourly) starting 0anacron\n"
        "Nov 23 01:01:02 db1 run-parts[421]: (/etc/cron.hourly) finished 0anacron\n"
        "Nov 23 01:01:02 db1 CROND[411]: (root) CMDEND (run-parts /etc/cron.hourly)\n";
    one_run(NULL, rhel, "run-parts /etc/cron.hourly", "412", RP_RUN_UNKNOWN);
    one_run(NULL, "Nov 23 01:00:01 h /USR/SBIN/CRON[9]: (www) CMD (/srv/x (a) b)\n", "/srv/x (a) b",
            "9", RP_RUN_UNKNOWN);
    one_run(NULL,
            "Nov 23 01:00:00 alpine crond[1]: USER root pid  34 cmd run-parts /etc/periodic\n",
            "run-parts /etc/periodic", "34", RP_RUN_UNKNOWN);
    one_run(NULL, "crond: USER root pid   7 cmd echo hi\n", "echo hi", "7", RP_RUN_UNKNOWN);
    one_run(NULL,
            "Nov 23 03:31:01 db1 anacron[77]: Job `cron.daily' started\n"
            "Nov 23 03:31:05 db1 anacron[77]: Job `cron.daily' terminated (exit status: 1) "
            "(mailing output)\n",
            "cron.daily", "77", RP_RUN_FAILED);
    one_run(NULL,
            "Nov 23 03:31:01 db1 anacron[77]: Job `cron.daily' started\n"
            "Nov 23 03:31:05 db1 anacron[77]: Job `cron.daily' terminated due to signal 9\n",
            "cron.daily", "77", RP_RUN_FAILED);
    one_run(NULL, "Job `cron.daily' started\nanacron: Job `cron.daily' terminated\n", "cron.daily",
            NULL, RP_RUN_SUCCEEDED); /* anacron -d */
    /* Debian, levels 1, 2, 4 without pids: the grandchild's pid is that of the CMD line */
    one_run(NULL,
            "Nov 23 01:00:01 h CRON[31]: (root) CMD (/srv/x)\n"
            "Nov 23 01:00:02 h CRON[30]: (CRON) error (grandchild #31 failed with exit status 3)\n"
            "Nov 23 01:00:02 h CRON[30]: (root) END (/srv/x)\n",
            "/srv/x", "31", RP_RUN_FAILED);
    one_run(NULL, "2026-11-23T01:00:01+01:00 h CRON[31]: (root) CMD ([32] /srv/x)\n", "/srv/x",
            "32", RP_RUN_UNKNOWN);
}

static void times_without_a_year_are_not_in_the_future(void **state)
{
    (void)state;
    struct rp_stamp st = {0};
    int64_t us, want;
    bool syslog;
    assert_true(rp_time_parse(RP_STR("2026-01-02T00:00:00Z"), &st.now_us));
    struct rp_str s = RP_STR("Dec 31 23:59:59 h x: y"), t = RP_STR("Jan  1 00:00:01 h x: y");
    assert_true(rp_stamp_take(&st, &s, &us, &syslog) && syslog);
    (void)rp_time_parse(RP_STR("2025-12-31T23:59:59Z"), &want);
    assert_true(us == want);
    assert_true(rp_stamp_take(&st, &t, &us, &syslog));
    (void)rp_time_parse(RP_STR("2026-01-01T00:00:01Z"), &want);
    assert_true(us == want);
}

static void hostile_lines_are_harmless(void **state)
{
    (void)state;
    struct rp_buf b = {0};
    rp_buf_str(&b, RP_STR("Nov 23 01:00:01 h CRON[1]: (root) CMD (a\0b)\n\xff\xfe\n"));
    for (int i = 0; i < 200000; i++)
        rp_buf_c(&b, 'x');
    rp_buf_c(&b, '\n');
    for (int i = 0; i < RP_LOG_OPEN_MAX + 10; i++)
        rp_buf_fmt(&b, "Nov 23 01:00:01 h CRON[%d]: (root) CMD (job %d)\n", i + 2, i);
    struct seen s;
    assert_true(read_log(rp_buf_view(&b), NULL, 4096, &s));
    assert_int_equal(s.stats.cut_lines, 1);
    assert_int_equal(s.tally->runs, RP_LOG_OPEN_MAX + 11);
    assert_int_equal(s.stats.given_up, 11);
    assert_int_equal(s.stats.lines, RP_LOG_OPEN_MAX + 13);
    forget(&s);
    rp_buf_free(&b);
}

static void an_unknown_format_is_said(void **state)
{
    (void)state;
    struct seen s;
    assert_false(read_log(RP_STR("hello\nworld\n"), NULL, 100, &s));
    assert_null(s.stats.format);
    assert_int_equal(s.stats.unassigned_lines, 2);
    forget(&s);
    struct rp_err err;
    struct rp_joblog_options o = {.format = RP_STR("nope")};
    assert_null(rp_joblog_new(&o, &err));
    assert_non_null(strstr(err.hint, "cron, journald"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_logs_of_many_hands_are_read),
        cmocka_unit_test(what_was_skipped_never_ran),
        cmocka_unit_test(prose_is_no_run),
        cmocka_unit_test(a_stack_trace_goes_to_the_run_that_failed_before_it),
        cmocka_unit_test(other_crons_are_read),
        cmocka_unit_test(times_without_a_year_are_not_in_the_future),
        cmocka_unit_test(hostile_lines_are_harmless),
        cmocka_unit_test(an_unknown_format_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
