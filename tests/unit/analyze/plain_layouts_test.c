/* Runners of people's own, under the loggers of many languages: job nightly-sync with the id 4711
 * starts at 10:00:01 and fails, or ends well, at 10:00:02. */
#include "logs.h"

struct layout {
    const char *start, *failed, *done;
};

static const struct layout layouts[] = {
    {"2026-11-23 10:00:01,000 - app.worker - INFO - Starting job nightly-sync (id 4711)",
     "2026-11-23 10:00:02,000 - app.worker - ERROR - Job nightly-sync (id 4711) failed: no route",
     "2026-11-23 10:00:02,000 - app.worker - INFO - Job nightly-sync (id 4711) completed "
     "successfully in 8 ms"},
    {"time=2026-11-23T10:00:01Z level=info msg=\"job started\" job=nightly-sync id=4711",
     "time=2026-11-23T10:00:02Z level=error msg=\"job failed\" job=nightly-sync id=4711 "
     "error=\"no route\"",
     "time=2026-11-23T10:00:02Z level=info msg=\"job finished\" job=nightly-sync id=4711"},
    {"ts=2026-11-23T10:00:01Z lvl=info event=job.start job=nightly-sync run_id=4711",
     "ts=2026-11-23T10:00:02Z lvl=error event=job.fail job=nightly-sync run_id=4711 err=\"no "
     "route\"",
     "ts=2026-11-23T10:00:02Z lvl=info event=job.done job=nightly-sync run_id=4711"},
    {"[2026-11-23T10:00:01.000000+00:00] jobs.INFO: Job started {\"job\":\"nightly-sync\",\"id\":"
     "4711} []",
     "[2026-11-23T10:00:02.000000+00:00] jobs.ERROR: Job failed {\"job\":\"nightly-sync\",\"id\":"
     "4711,\"exception\":\"no route\"} []",
     "[2026-11-23T10:00:02.000000+00:00] jobs.INFO: Job finished {\"job\":\"nightly-sync\",\"id\":"
     "4711} []"},
    {"2026-11-23T10:00:01.000Z\tINFO\trunner/run.go:42\tjob started\t{\"job\": \"nightly-sync\", "
     "\"id\": 4711}",
     "2026-11-23T10:00:02.000Z\tERROR\trunner/run.go:55\tjob failed\t{\"job\": \"nightly-sync\", "
     "\"id\": 4711, \"error\": \"no route\"}",
     "2026-11-23T10:00:02.000Z\tINFO\trunner/run.go:57\tjob finished\t{\"job\": "
     "\"nightly-sync\", \"id\": 4711}"},
    {"2026-11-23T10:00:01.000000Z  INFO runner::exec: job started job=nightly-sync id=4711",
     "2026-11-23T10:00:02.000000Z ERROR runner::exec: job failed job=nightly-sync id=4711 "
     "err=no route to host code=7",
     "2026-11-23T10:00:02.000000Z  INFO runner::exec: job finished job=nightly-sync id=4711 ms=8"},
    {"I, [2026-11-23T10:00:01.000000 #812]  INFO -- runner: nightly-sync#4711 started",
     "E, [2026-11-23T10:00:02.000000 #812] ERROR -- runner: nightly-sync#4711 failed: no route",
     "I, [2026-11-23T10:00:02.000000 #812]  INFO -- : nightly-sync#4711 finished"},
    {"I1123 10:00:01.000000   812 runner.go:88] Job nightly-sync (run 4711) started",
     "E1123 10:00:02.000000   812 runner.go:95] Job nightly-sync (run 4711) failed: no route",
     "I1123 10:00:02.000000   812 runner.go:99] Job nightly-sync (run 4711) succeeded"},
    {"[2026-11-23T10:00:01.000Z INF] Job nightly-sync with id 4711 started",
     "[2026-11-23T10:00:02.000Z ERR] Job nightly-sync with id 4711 failed: no route",
     "[2026-11-23T10:00:02.000Z INF] Job nightly-sync with id 4711 completed in 8 ms"},
    {"2026-11-23T10:00:01.000Z  INFO 1 --- [   scheduling-1] com.acme.JobRunner          : Job "
     "nightly-sync [4711] started",
     "2026-11-23T10:00:02.000Z ERROR 1 --- [   scheduling-1] com.acme.JobRunner          : Job "
     "nightly-sync [4711] failed: no route",
     "2026-11-23T10:00:02.000Z  INFO 1 --- [   scheduling-1] com.acme.JobRunner          : Job "
     "nightly-sync [4711] finished in 8ms"},
    {"2026-11-23 10:00:01,000 [sched-2] INFO  o.a.Sched - Execution of job \"nightly-sync\" "
     "started, executionId=4711",
     "2026-11-23 10:00:02,000 [sched-2] ERROR o.a.Sched - Execution of job \"nightly-sync\" "
     "failed, executionId=4711: no route",
     "2026-11-23 10:00:02,000 [sched-2] INFO  o.a.Sched - Execution of job \"nightly-sync\" "
     "finished, executionId=4711, took 8 ms"},
    {"2026-11-23T10:00:01Z worker-1 INFO Task nightly-sync[4711] started",
     "2026-11-23T10:00:02Z worker-1 ERROR Task nightly-sync[4711] raised no route",
     "2026-11-23T10:00:02Z worker-1 INFO Task nightly-sync[4711] completed in 0.1s"},
    {"2026-11-23T10:00:01Z \u25b6 nightly-sync [4711] starting",
     "2026-11-23T10:00:02Z \u274c nightly-sync [4711] failed: no route",
     "2026-11-23T10:00:02Z \u2705 nightly-sync [4711] completed in 8ms"},
    {"2026-11-23 10:00:01 --> nightly-sync [4711] BEGIN",
     "2026-11-23 10:00:02 <-- nightly-sync [4711] END error: no route",
     "2026-11-23 10:00:02 <-- nightly-sync [4711] END ok"},
    {"<2026-11-23T10:00:01Z> <nightly-sync> <4711> started",
     "<2026-11-23T10:00:02Z> <nightly-sync> <4711> failed: no route",
     "<2026-11-23T10:00:02Z> <nightly-sync> <4711> finished"},
    {"2026-11-23 10:00:01 nightly-sync[4711]: start",
     "2026-11-23 10:00:02 nightly-sync[4711]: exit 3, no route",
     "2026-11-23 10:00:02 nightly-sync[4711]: exit 0"},
    {"1795428001000 INFO nightly-sync/4711 started",
     "1795428002000 ERROR nightly-sync/4711 failed: no route",
     "1795428002000 INFO nightly-sync/4711 finished"},
    {"Mon, 23 Nov 2026 10:00:01 +0000 nightly-sync[4711] started",
     "Mon, 23 Nov 2026 10:00:02 +0000 nightly-sync[4711] failed: no route",
     "Mon, 23 Nov 2026 10:00:02 +0000 nightly-sync[4711] finished"},
    {"23-Nov-2026 10:00:01 #4711 nightly-sync started",
     "23-Nov-2026 10:00:02 #4711 nightly-sync failed: no route",
     "23-Nov-2026 10:00:02 #4711 nightly-sync finished ok"},
    {"11/23/2026 10:00:01 AM job 4711 (nightly-sync) started",
     "11/23/2026 10:00:02 AM job 4711 (nightly-sync) failed: no route",
     "11/23/2026 10:00:02 AM job 4711 (nightly-sync) succeeded in 8ms"},
};

static void check(size_t i, const char *start, const char *end, const char *outcome)
{
    struct logged s;
    struct rp_buf log = {0};
    rp_buf_fmt(&log, "%s\n%s\n", start, end);
    log_read(&s, rp_buf_view(&log), 11, (struct rp_joblog_options){0});
    if (!s.ok || s.n != 1)
        fail_msg("layout %zu: %zu runs of %s", i, s.n, end);
    struct rp_str got = log_print(&s),
                  want = rp_str_fmt(&s.arena, "nightly-sync 4711 #0 %s 10:00:01.000-10:00:02.000",
                                    outcome);
    assert_string_equal(s.stats.format, "plain");
    if (rp_str_find(got, want) != 0 ||
        (rp_str_find(got, RP_STR("no route")) == SIZE_MAX) != (strcmp(outcome, "failed") != 0))
        fail_msg("layout %zu: %s", i, rp_cstr(&s.arena, got));
    log_forget(&s);
    rp_buf_free(&log);
}

static void loggers_of_many_languages_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        check(i, layouts[i].start, layouts[i].failed, "failed");
        check(i, layouts[i].start, layouts[i].done, "succeeded");
    }
}

static void a_run_that_was_aborted_for_its_time_limit_timed_out(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"plain",
         "2026-11-23 10:00:01 Task sync (#7) has been started\n"
         "2026-11-23 10:00:02 Task sync (#7) was aborted: timeout\n"
         "2026-11-23 10:00:03 Task sync (#8) has been started\n"
         "2026-11-23 10:00:04 Task sync (#8) was aborted: no room\n",
         "sync 7 #0 timeout 10:00:01.000-10:00:02.000 | aborted: timeout\n"
         "sync 8 #0 failed 10:00:03.000-10:00:04.000 | aborted: no room\n",
         0},
    };
    CHECK(samples);
}

/* Fields in a line that tells of no job, or a JSON object in an error's text, change nothing. */
static void fields_that_name_no_job_are_text(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"plain",
         "2026-11-23 10:00:01 INFO [sync] job 7 started user=u1 mode=full dry=no\n"
         "2026-11-23 10:00:02 INFO request done status=200 ms=7 path=/x\n"
         "2026-11-23 10:00:02 WARN [conn:7] - caught end of stream exception\n"
         "2026-11-23 10:00:03 ERROR [sync] job 7 failed: answer was {\"error\":\"gone\"}\n",
         "sync 7 #0 failed 10:00:01.000-10:00:03.000 | failed: answer was {\"error\":\"gone\"}\n",
         2},
    };
    CHECK(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loggers_of_many_languages_are_read),
        cmocka_unit_test(a_run_that_was_aborted_for_its_time_limit_timed_out),
        cmocka_unit_test(fields_that_name_no_job_are_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
