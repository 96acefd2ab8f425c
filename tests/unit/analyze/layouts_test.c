/* The same programs under other settings: layouts of logging of one's own, other levels, messages
 * of several lines. */
#include "logs.h"

static void celery_is_read_in_layouts_of_ones_own(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"celery", /* worker_log_format "%(asctime)s %(levelname)s %(processName)s %(name)s: …" */
         "2026-11-23 10:00:00,100 INFO MainProcess celery.worker.strategy: Task a.f[11-aa] "
         "received\n"
         "2026-11-23 10:00:00,200 INFO MainProcess celery.worker.strategy: Task a.f[22-bb] "
         "received\n"
         "2026-11-23 10:00:01,000 ERROR ForkPoolWorker-1 celery.app.trace: Task a.f[11-aa] raised "
         "unexpected: KeyError('x')\n"
         "Traceback (most recent call last):\n  File \"/srv/a.py\", line 1, in f\n"
         "KeyError: 'x'\n"
         "2026-11-23 10:00:01,500 INFO ForkPoolWorker-2 celery.app.trace: Task a.f[22-bb] "
         "succeeded in 1.0s: None\n",
         "a.f 11-aa #1 failed 10:00:00.100-10:00:01.000 | raised unexpected: KeyError('x') / "
         "Traceback (most recent call last): /   File \"/srv/a.py\", line 1, in f / KeyError: "
         "'x'\n"
         "a.f 22-bb #1 succeeded 10:00:00.500-10:00:01.500\n",
         0},
        {"celery", /* logging's own default: no times */
         "INFO:celery.worker.strategy:Task a.f[11-aa] received\n"
         "ERROR:celery.worker.request:Hard time limit (2s) exceeded for a.f[11-aa]\n",
         "a.f 11-aa #1 timeout ?-? | Hard time limit (2s) exceeded for a.f[11-aa]\n", 0},
        {"celery", /* in the usual layout a line that looks like another's is a result's */
         "[2026-11-23 10:00:00,100: INFO/MainProcess] Task a.f[11-aa] received\n"
         "[2026-11-23 10:00:01,000: INFO/W-1] Task a.f[11-aa] succeeded in 0.5s: 'one\n"
         "INFO: Task a.f[22-bb] received'\n",
         "a.f 11-aa #1 succeeded 10:00:00.500-10:00:01.000\n", 0},
        {"celery", /* -l WARNING: what was received is not known */
         "[2026-11-23 10:00:01,000: WARNING/MainProcess] Soft time limit (1s) exceeded for "
         "a.f[11-aa]\n"
         "[2026-11-23 10:00:01,001: WARNING/MainProcess] Soft time limit (1s) exceeded for "
         "a.f[22-bb]\n"
         "[2026-11-23 10:00:01,002: ERROR/ForkPoolWorker-1] Task a.f[11-aa] raised unexpected: "
         "ExceptionWithTraceback()\n",
         "a.f 11-aa #0 timeout ?-10:00:01.002 | raised unexpected: ExceptionWithTraceback()\n", 2},
    };
    CHECK(samples);
}

/* Received: a, its retry (due in 2 s), b, c, d, the revoked e, f. The pool counts 0 to 5 as a, b,
 * c, d, a's retry, f; workers are lost with 4 and 2 in hand. */
static void a_lost_worker_is_found_by_the_number_that_the_pool_gave_its_task(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"celery",
         "[2026-11-23 10:00:00,000: INFO/MainProcess] w@h ready.\n"
         "[2026-11-23 10:00:00,100: INFO/MainProcess] Task t.a[aa-1] received\n"
         "[2026-11-23 10:00:00,200: INFO/MainProcess] Task t.a[aa-1] received\n"
         "[2026-11-23 10:00:00,210: INFO/ForkPoolWorker-1] Task t.a[aa-1] retry: Retry in 2s: "
         "OSError()\n"
         "[2026-11-23 10:00:00,300: INFO/MainProcess] Task t.b[bb-1] received\n"
         "[2026-11-23 10:00:00,400: INFO/MainProcess] Task t.c[cc-1] received\n"
         "[2026-11-23 10:00:00,500: INFO/MainProcess] Task t.d[dd-1] received\n"
         "[2026-11-23 10:00:00,600: INFO/MainProcess] Task t.e[ee-1] received\n"
         "[2026-11-23 10:00:00,610: INFO/MainProcess] Discarding revoked task: t.e[ee-1]\n"
         "[2026-11-23 10:00:03,000: INFO/MainProcess] Task t.f[ff-1] received\n"
         "[2026-11-23 10:00:04,000: ERROR/MainProcess] Task handler raised error: "
         "WorkerLostError('signal 9 (SIGKILL) Job: 4.')\n"
         "[2026-11-23 10:00:05,000: ERROR/MainProcess] Task handler raised error: "
         "WorkerLostError('signal 9 (SIGKILL) Job: 2.')\n",
         "t.a aa-1 #1 failed 10:00:00.100-10:00:00.210 | retry: Retry in 2s: OSError()\n"
         "t.a aa-1 #2 failed 10:00:00.200-10:00:04.000 | Task handler raised error: "
         "WorkerLostError('signal 9 (SIGKILL) Job: 4.')\n"
         "t.b bb-1 #1 unfinished 10:00:00.300-?\n"
         "t.c cc-1 #1 failed 10:00:00.400-10:00:05.000 | Task handler raised error: "
         "WorkerLostError('signal 9 (SIGKILL) Job: 2.')\n"
         "t.d dd-1 #1 unfinished 10:00:00.500-?\n"
         "t.e ee-1 #1 cancelled 10:00:00.600-10:00:00.610\n"
         "t.f ff-1 #1 unfinished 10:00:03.000-?\n",
         1},
    };
    CHECK(samples);
}

static void rq_is_read_in_layouts_of_ones_own(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"rq", /* --log-format "%(asctime)s %(levelname)s %(name)s %(message)s", hours with AM, PM
                */
         "2026-11-23 11:59:58 AM INFO rq.worker *** Listening on default...\n"
         "2026-11-23 11:59:59 AM INFO rq.worker default: app.add(1) (my-job-1)\n"
         "2026-11-23 12:00:01 PM INFO rq.worker default: Job OK (my-job-1)\n"
         "2026-11-23 12:00:02 PM INFO rq.worker default: app.f() "
         "(5bc38cae-4e85-4eec-a1a2-68054576d26e)\n"
         "2026-11-23 12:00:03 PM WARNING rq.worker Moving job to FailedJobRegistry (Work-horse "
         "terminated unexpectedly; waitpid returned 9 (signal 9); )\n",
         "app.add my-job-1 #1 succeeded 11:59:59.000-12:00:01.000\n"
         "app.f 5bc38cae-4e85-4eec-a1a2-68054576d26e #1 failed 12:00:02.000-12:00:03.000 | Moving "
         "job to FailedJobRegistry (Work-horse terminated unexpectedly; waitpid returned 9 (signal "
         "9); )\n",
         1},
    };
    CHECK(samples);
}

static void prose_with_something_in_brackets_is_not_taken_for_rq(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"plain",
         "2026-11-23 10:00:00 [sync] job 7 started\n"
         "2026-11-23 10:00:01 failed: no such mailbox (Failure)\n"
         "2026-11-23 10:00:01 warning: asked twice (again)\n"
         "2026-11-23 10:00:02 [sync] job 7 done\n",
         "sync 7 #0 succeeded 10:00:00.000-10:00:02.000\n", 2},
    };
    CHECK(samples);
}

static void sidekiq_at_level_warn_tells_the_failures(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"sidekiq",
         "2026-11-23T10:00:00.000Z pid=7 tid=a1 WARN: {\"context\":\"Job raised exception\","
         "\"job\":{\"retry\":2,\"class\":\"Mail\",\"jid\":\"11\",\"retry_count\":0}}\n"
         "2026-11-23T10:00:00.001Z pid=7 tid=a1 WARN: IOError: closed\n"
         "2026-11-23T10:00:01.000Z pid=7 tid=a1 WARN: {\"context\":\"Job raised exception\","
         "\"job\":{\"class\":\"Wrapper\",\"wrapped\":\"Pdf\",\"jid\":\"22\"}}\n"
         "2026-11-23T10:00:01.001Z pid=7 tid=a1 WARN: KeyError: x\n"
         "2026-11-23T10:00:01.002Z pid=7 tid=a1 WARN: /srv/pdf.rb:1:in `perform'\n"
         "2026-11-23T10:00:02.000Z pid=7 tid=b2 WARN: {\"context\":\"Error fetching job\"}\n",
         "Mail 11 #2 failed ?-10:00:00.000 | IOError: closed\n"
         "Pdf 22 #0 failed ?-10:00:01.000 | KeyError: x / /srv/pdf.rb:1:in `perform'\n",
         1},
    };
    CHECK(samples);
}

/* Standard error and the log are one file: a library's warnings stand between the lines. */
static void what_a_library_prints_behind_a_backtrace_is_not_sidekiqs_error(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"sidekiq",
         "2026-11-23T10:00:00.000Z pid=7 tid=a1 class=Mail jid=11 INFO: start\n"
         "2026-11-23T10:00:01.000Z pid=7 tid=a1 class=Mail jid=11 elapsed=1 INFO: fail\n"
         "2026-11-23T10:00:01.001Z pid=7 tid=a1 WARN: ArgumentError: bad\nsecond line\n"
         "2026-11-23T10:00:01.002Z pid=7 tid=a1 WARN: /srv/w.rb:29:in `perform'\n"
         "/gems/sidekiq/processor.rb:196:in `execute_job'\n"
         "Passing the timeout as a positional argument is deprecated:\n"
         "  redis.brpop(\"queue:default\")(called from: /gems/fetch.rb:47:in `x')\n",
         "Mail 11 #1 failed 10:00:00.000-10:00:01.000 | ArgumentError: bad / second line / "
         "/srv/w.rb:29:in `perform' / /gems/sidekiq/processor.rb:196:in `execute_job'\n",
         2},
        {"sidekiq",
         "{\"ts\":\"2026-11-23T10:00:00.000Z\",\"pid\":7,\"tid\":\"a1\",\"lvl\":\"INFO\",\"msg\":"
         "\"fail\",\"ctx\":{\"class\":\"Mail\",\"jid\":\"12\",\"elapsed\":1.0}}\n"
         "{\"ts\":\"2026-11-23T10:00:00.001Z\",\"pid\":7,\"tid\":\"a1\",\"lvl\":\"WARN\",\"msg\":"
         "\"IOError: x\"}\n"
         "Redis#sadd will always return an Integer in Redis 5.0.0.\n",
         "Mail 12 #0 failed 09:59:59.000-10:00:00.000 | IOError: x\n", 1},
    };
    CHECK(samples);
}

static void winston_is_read_with_messages_of_several_lines_and_as_logstash_has_it(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"winston", /* format.simple() */
         "info: started {\"job\":\"feed\",\"runId\":\"1\",\"timestamp\":\"2026-11-23T10:00:00Z\"}\n"
         "warn: no fields\n"
         "error: failed: line one\n"
         "line two {\"job\":\"feed\",\"runId\":\"1\",\"error\":\"line one\\nline "
         "two\",\"timestamp\":\"2026-11-23T10:00:01Z\"}\n",
         "feed 1 #0 failed 10:00:00.000-10:00:01.000 | line one / line two\n", 1},
        {"winston", /* format.logstash() */
         "{\"@fields\":{\"job\":\"feed\",\"level\":\"info\",\"runId\":\"1\"},\"@message\":"
         "\"started\",\"@timestamp\":\"2026-11-23T10:00:00Z\"}\n"
         "{\"@fields\":{\"job\":\"feed\",\"level\":\"error\",\"runId\":\"1\",\"error\":\"no "
         "route\"},\"@message\":\"failed\",\"@timestamp\":\"2026-11-23T10:00:01Z\"}\n",
         "feed 1 #0 failed 10:00:00.000-10:00:01.000 | no route\n", 0},
        {"pino", /* nestedKey: "data" */
         "{\"level\":30,\"time\":1795428000000,\"jobId\":\"1\",\"job\":\"a\",\"data\":{},\"msg\":"
         "\"started\"}\n"
         "{\"level\":50,\"time\":1795428001000,\"jobId\":\"1\",\"job\":\"a\",\"data\":{\"err\":{"
         "\"type\":\"JobTimeoutError\",\"message\":\"job exceeded its limit of 7 "
         "ms\"}},\"msg\":\"failed\"}\n",
         "a 1 #0 timeout 10:00:00.000-10:00:01.000 | JobTimeoutError: job exceeded its limit of 7 "
         "ms\n",
         0},
    };
    CHECK(samples);
}

/* pino-pretty, and bunyan's own command in its long and its short form */
static void json_lines_that_were_made_readable_are_read_back(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"pino",
         "[10:00:00.000] INFO (jobs/7 on w): worker listening\n    queues: 2\n"
         "[10:00:01.000] INFO (jobs/7 on w): job started\n"
         "    jobId: \"1\"\n    queue: \"q\"\n    job: \"mail\"\n    attempt: 2\n"
         "[10:00:02.000] ERROR (jobs/7 on w): job failed\n"
         "    jobId: \"1\"\n    queue: \"q\"\n    job: \"mail\"\n    attempt: 2\n"
         "    err: {\n      \"type\": \"JobTimeoutError\",\n      \"message\": \"job exceeded its "
         "limit of 7 ms\",\n      \"stack\":\n          JobTimeoutError: job exceeded its limit of "
         "7 ms\n              at f (/a.js:1:2)\n    }\n"
         "a line of node itself\n",
         "mail q:1 #2 timeout 10:00:01.000-10:00:02.000 | JobTimeoutError: job exceeded its limit "
         "of 7 ms / at f (/a.js:1:2)\n",
         2},
        {"bunyan",
         "[2026-11-23T10:00:01.000Z]  INFO: jobs/7 on w: started (job=poll, runId=ab)\n"
         "[2026-11-23T10:00:01.500Z]  WARN: jobs/7 on w: heap (above 75%)\n"
         "[2026-11-23T10:00:02.000Z] ERROR: jobs/7 on w: failed (job=poll, runId=ab)\n"
         "    Error: Invalid credentials (Failure)\n        at f (/a.js:1:2)\n",
         "poll ab #0 failed 10:00:01.000-10:00:02.000 | Error: Invalid credentials (Failure) / at "
         "f (/a.js:1:2)\n",
         1},
        {"bunyan",
         "10:00:01.000Z  INFO jobs: started (job=poll, runId=ab)\n"
         "10:00:02.000Z  INFO jobs: finished (job=poll, runId=ab, rows=3)\n",
         "poll ab #0 succeeded 10:00:01.000-10:00:02.000\n", 0},
    };
    CHECK(samples);
}

static void airflows_task_is_named_in_full_by_whichever_line_does(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"airflow",
         "[2026-11-23T10:00:00.000+0000] {taskinstance.py:2867} INFO - Starting attempt 2 of 2\n"
         "[2026-11-23T10:00:01.000+0000] {taskinstance.py:2890} INFO - Executing "
         "<Task(PythonOperator): load> on 2026-11-22 02:00:00+00:00\n"
         "[2026-11-23T10:00:02.000+0000] {standard_task_runner.py:104} INFO - Running: ['airflow', "
         "'tasks', 'run', 'shop.sales', 'load', 'manual__1', '--job-id', '7']\n"
         "[2026-11-23T10:00:03.000+0000] {local_task_job_runner.py:243} INFO - Task exited with "
         "return code -9\n"
         "[2026-11-23T10:00:04.000+0000] {taskinstance.py:2867} INFO - Starting attempt 1 of 2\n",
         "shop.sales.load manual__1 #2 failed 10:00:00.000-10:00:03.000 | Task exited with return "
         "code -9\n"
         " - #1 unfinished 10:00:04.000-?\n",
         0},
    };
    CHECK(samples);
}

/* `pm2 logs` prints the file of errors, then that of output. */
static void starts_that_stand_behind_their_ends_are_no_runs_of_their_own(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"pm2",
         "0|mailer   | 2026-11-23T10:00:02: job thumb#3 failed after 12ms: TypeError: x\n"
         "0|mailer   | 2026-11-23T10:00:01: job digest#1 started\n"
         "0|mailer   | 2026-11-23T10:00:01: job thumb#3 started\n"
         "0|mailer   | 2026-11-23T10:00:02: job digest#1 done in 12ms\n"
         "0|mailer   | 2026-11-23T10:00:03: job thumb#3 started\n",
         "thumb 3 #0 failed ?-10:00:02.000 | failed after 12ms: TypeError: x\n"
         "digest 1 #0 succeeded 10:00:01.000-10:00:02.000\n"
         "thumb 3 #0 unfinished 10:00:03.000-?\n",
         0},
    };
    CHECK(samples);
}

static void ids_of_hex_digits_are_ids_in_plain_logs(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"plain",
         "2026-11-23T10:00:00Z info: [poll] run df9ab2cc started\n"
         "2026-11-23T10:00:01Z error: [poll] run df9ab2cc failed: no route\n",
         "poll df9ab2cc #0 failed 10:00:00.000-10:00:01.000 | failed: no route\n", 0},
    };
    CHECK(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(celery_is_read_in_layouts_of_ones_own),
        cmocka_unit_test(a_lost_worker_is_found_by_the_number_that_the_pool_gave_its_task),
        cmocka_unit_test(rq_is_read_in_layouts_of_ones_own),
        cmocka_unit_test(prose_with_something_in_brackets_is_not_taken_for_rq),
        cmocka_unit_test(sidekiq_at_level_warn_tells_the_failures),
        cmocka_unit_test(what_a_library_prints_behind_a_backtrace_is_not_sidekiqs_error),
        cmocka_unit_test(winston_is_read_with_messages_of_several_lines_and_as_logstash_has_it),
        cmocka_unit_test(json_lines_that_were_made_readable_are_read_back),
        cmocka_unit_test(airflows_task_is_named_in_full_by_whichever_line_does),
        cmocka_unit_test(starts_that_stand_behind_their_ends_are_no_runs_of_their_own),
        cmocka_unit_test(ids_of_hex_digits_are_ids_in_plain_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
