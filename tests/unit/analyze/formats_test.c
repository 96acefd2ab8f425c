/* Each log format by lines as its program's documentation and source give them, and what a reader
 * of those would say of them: format, runs, times, errors, lines of nobody. */
#include "logs.h"

static void sidekiq_of_all_versions_is_read(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"sidekiq", /* 6, 7: Formatters::Pretty; two threads at once */
         "2026-11-23T10:00:00.000Z pid=7 tid=a1 INFO: Booting Sidekiq 6.5.12\n"
         "2026-11-23T10:00:01.000Z pid=7 tid=a1 class=Mail jid=11 INFO: start\n"
         "2026-11-23T10:00:01.500Z pid=7 tid=b2 class=Pdf jid=22 tags=x,y INFO: start\n"
         "2026-11-23T10:00:02.000Z pid=7 tid=a1 class=Mail jid=11 elapsed=1.0 INFO: fail\n"
         "2026-11-23T10:00:02.001Z pid=7 tid=a1 WARN: {\"context\":\"Job raised exception\","
         "\"job\":{\"retry\":true,\"class\":\"Mail\",\"jid\":\"11\",\"retry_count\":1},\"jobstr\":"
         "\"\"}\n"
         "2026-11-23T10:00:02.002Z pid=7 tid=b2 class=Pdf jid=22 elapsed=0.5 INFO: done\n"
         "2026-11-23T10:00:02.003Z pid=7 tid=a1 WARN: Net::ReadTimeout: two\nlines\n"
         "2026-11-23T10:00:02.004Z pid=7 tid=a1 WARN: /srv/app/mail.rb:5:in `perform'\n"
         "/gems/sidekiq/processor.rb:196:in `execute_job'\n"
         "2026-11-23T10:00:02.005Z pid=7 tid=b2 INFO: Terminating quiet threads\n"
         "2026-11-23T10:00:02.006Z pid=7 tid=a1 WARN: the thread goes on\n"
         "2026-11-23T10:00:03.000Z pid=7 tid=c3 class=Pdf jid=33 INFO: start\n",
         "Mail 11 #3 failed 10:00:01.000-10:00:02.000 | Net::ReadTimeout: two / lines / "
         "/srv/app/mail.rb:5:in `perform' / /gems/sidekiq/processor.rb:196:in `execute_job'\n"
         "Pdf 22 #1 succeeded 10:00:01.500-10:00:02.002\n"
         "Pdf 33 #1 unfinished 10:00:03.000-?\n",
         3},
        {"sidekiq", /* 8: the level first, coloured on a terminal; no time under systemd */
         "\033[1;32mINFO\033[0m  2026-11-23T10:00:00.000Z pid=7 tid=a1 class=Mail jid=11: start\n"
         "\033[1;32mINFO\033[0m  2026-11-23T10:00:00.250Z pid=7 tid=a1 class=Mail jid=11 "
         "elapsed=0.25: done\n",
         "Mail 11 #1 succeeded 10:00:00.000-10:00:00.250\n", 0},
        {"sidekiq",
         "pid=7 tid=a1 class=Mail jid=11 INFO: start\n"
         "pid=7 tid=a1 class=Mail jid=11 elapsed=0.25 INFO: done\n",
         "Mail 11 #1 succeeded ?-?\n", 0},
        {"sidekiq", /* 4, 5 */
         "2018-11-23T10:00:00.000Z 1842 TID-gofd8r Mail JID-aa11 INFO: start\n"
         "2018-11-23T10:00:00.131Z 1842 TID-gofd8r Mail JID-aa11 INFO: fail: 0.131 sec\n"
         "2018-11-23T10:00:00.132Z 1842 TID-gofd8r WARN: RuntimeError: boom\n"
         "2018-11-23T10:00:01.000Z 1842 TID-gofd8r Mail JID-bb22 INFO: start\n",
         "Mail aa11 #1 failed 10:00:00.000-10:00:00.131 | RuntimeError: boom\n"
         "Mail bb22 #1 unfinished 10:00:01.000-?\n",
         0},
        {"sidekiq", /* Formatters::JSON; the start was rotated away */
         "{\"ts\":\"2026-11-23T10:00:02.000Z\",\"pid\":7,\"tid\":\"a1\",\"lvl\":\"INFO\",\"msg\":"
         "\"done\","
         "\"ctx\":{\"class\":\"Mail\",\"jid\":\"11\",\"elapsed\":1.5}}\n"
         "{\"ts\":\"2026-11-23T10:00:03.000Z\",\"pid\":7,\"tid\":\"a1\",\"lvl\":\"INFO\",\"msg\":"
         "\"start\","
         "\"ctx\":{\"class\":\"Mail\",\"jid\":\"12\"}}\n"
         "{\"ts\":\"2026-11-23T10:00:04.000Z\",\"pid\":7,\"tid\":\"a1\",\"lvl\":\"INFO\",\"msg\":"
         "\"fail\","
         "\"ctx\":{\"class\":\"Mail\",\"jid\":\"12\",\"elapsed\":1.0}}\n"
         "{\"ts\":\"2026-11-23T10:00:04.000Z\",\"pid\":7,\"tid\":\"a1\",\"lvl\":\"WARN\",\"msg\":"
         "\"IOError: "
         "\\\"x\\\"\\nmore\"}\n",
         "Mail 11 #0 succeeded 10:00:00.500-10:00:02.000\n"
         "Mail 12 #1 failed 10:00:03.000-10:00:04.000 | IOError: \"x\" / more\n",
         0},
    };
    CHECK(samples);
}

static void celery_is_read_with_its_retries_limits_and_lost_workers(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"celery", /* 5; the retry is received before the line that says so */
         " -------------- celery@web v5.3.6 (emerald-rush)\n"
         "[2026-11-23 10:00:00,000: INFO/MainProcess] celery@web ready.\n"
         "[2026-11-23 10:00:01,000: INFO/MainProcess] Task app.add[aa] received\n"
         "[2026-11-23 10:00:02,000: INFO/MainProcess] Task app.add[aa] received\n"
         "[2026-11-23 10:00:02,001: INFO/ForkPoolWorker-1] Task app.add[aa] retry: Retry in 1s: "
         "ValueError('x')\n"
         "[2026-11-23 10:00:03,500: INFO/ForkPoolWorker-1] Task app.add[aa] succeeded in "
         "0.5s: 'two\nlines'\n",
         "app.add aa #1 failed 10:00:01.000-10:00:02.001 | retry: Retry in 1s: ValueError('x')\n"
         "app.add aa #2 succeeded 10:00:03.000-10:00:03.500\n",
         2},
        {"celery", /* a traceback ends with its exception */
         "[2026-11-23 10:00:01,000: INFO/MainProcess] Task app.f[bb] received\n"
         "[2026-11-23 10:00:02,000: ERROR/ForkPoolWorker-1] Task app.f[bb] raised unexpected: "
         "KeyError('k')\n"
         "Traceback (most recent call last):\n  File \"/srv/app.py\", line 3, in f\n    d['k']\n"
         "KeyError: 'k'\n"
         "a line of the C library\n",
         "app.f bb #1 failed 10:00:01.000-10:00:02.000 | raised unexpected: KeyError('k') / "
         "Traceback (most recent call last): /   File \"/srv/app.py\", line 3, in f /     d['k'] / "
         "KeyError: 'k'\n",
         1},
        {"celery", /* limits */
         "[2026-11-23 10:00:00,000: INFO/MainProcess] Task app.f[cc] received\n"
         "[2026-11-23 10:00:00,000: INFO/MainProcess] Task app.f[dd] received\n"
         "[2026-11-23 10:00:05,000: WARNING/MainProcess] Soft time limit (5s) exceeded for "
         "app.f[cc]\n"
         "[2026-11-23 10:00:05,001: ERROR/ForkPoolWorker-1] Task app.f[cc] raised unexpected: "
         "SoftTimeLimitExceeded()\n"
         "[2026-11-23 10:00:09,000: ERROR/MainProcess] Task handler raised error: "
         "TimeLimitExceeded(9)\n"
         "Traceback (most recent call last):\n"
         "[2026-11-23 10:00:09,001: ERROR/MainProcess] Hard time limit (9s) exceeded for "
         "app.f[dd]\n",
         "app.f cc #1 timeout 10:00:00.000-10:00:05.001 | raised unexpected: "
         "SoftTimeLimitExceeded()\n"
         "app.f dd #1 timeout 10:00:00.000-10:00:09.001 | Hard time limit (9s) exceeded for "
         "app.f[dd] / Task handler raised error: TimeLimitExceeded(9) / Traceback (most recent "
         "call last):\n",
         0},
        {"celery", /* the lost worker is found by the process that had the task in hand */
         "[2026-11-23 10:00:00,000: INFO/MainProcess] Task app.f[ee] received\n"
         "[2026-11-23 10:00:00,100: INFO/MainProcess] Task app.f[ff] received\n"
         "[2026-11-23 10:00:01,000: INFO/ForkPoolWorker-2] app.f[ff]: half way\n"
         "[2026-11-23 10:00:02,000: ERROR/MainProcess] Process 'ForkPoolWorker-2' pid:9 exited "
         "with "
         "'signal 9 (SIGKILL)'\n"
         "[2026-11-23 10:00:02,100: ERROR/MainProcess] Task handler raised error: "
         "WorkerLostError('Worker exited prematurely: signal 9 (SIGKILL) Job: 1.')\n"
         "[2026-11-23 10:00:03,000: INFO/ForkPoolWorker-1] Task app.f[ee] succeeded in 1s: 1\n",
         "app.f ee #1 succeeded 10:00:02.000-10:00:03.000\n"
         "app.f ff #1 failed 10:00:00.100-10:00:02.100 | Task handler raised error: "
         "WorkerLostError('Worker exited prematurely: signal 9 (SIGKILL) Job: 1.')\n",
         1},
        {"celery", /* nothing but the pool's job number tells which task the lost worker had */
         "[2026-11-23 10:00:00,000: INFO/MainProcess] Task app.f[a0] received\n"
         "[2026-11-23 10:00:00,000: INFO/MainProcess] Task app.f[a1] received\n"
         "[2026-11-23 10:00:00,000: INFO/MainProcess] Task app.f[a2] received\n"
         "[2026-11-23 10:00:01,000: INFO/MainProcess] Terminating a0 (15)\n"
         "[2026-11-23 10:00:02,000: ERROR/MainProcess] Task handler raised error: "
         "WorkerLostError('Worker exited prematurely: exitcode 0 Job: 1.')\n",
         "app.f a0 #1 cancelled 10:00:00.000-?\n"
         "app.f a1 #1 failed 10:00:00.000-10:00:02.000 | Task handler raised error: "
         "WorkerLostError('Worker exited prematurely: exitcode 0 Job: 1.')\n"
         "app.f a2 #1 unfinished 10:00:00.000-?\n",
         0},
        {"celery", /* a worker was killed; the next one got its task again */
         "[2026-11-23 10:00:00,000: INFO/MainProcess] Task app.f[gg] received\n"
         "[2026-11-23 10:00:05,000: INFO/MainProcess] celery@web ready.\n"
         "[2026-11-23 10:00:06,000: INFO/MainProcess] Task app.f[gg] received\n"
         "[2026-11-23 10:00:07,000: INFO/ForkPoolWorker-1] Task app.f[gg] succeeded in 0.5s: "
         "None\n",
         "app.f gg #1 unfinished 10:00:00.000-?\n"
         "app.f gg #2 succeeded 10:00:06.500-10:00:07.000\n",
         1},
        {"celery", /* 3, 4; what is revoked never ran */
         "[2019-11-23 10:00:00,000: INFO/MainProcess] Received task: app.f[11]  ETA:[2019-11-23 "
         "10:00:00+00:00]\n"
         "[2019-11-23 10:00:00,000: INFO/MainProcess] Received task: app.f[22]\n"
         "[2019-11-23 10:00:00,000: INFO/MainProcess] Received unregistered task of type 'old'.\n"
         "The message has been ignored and discarded.\n"
         "[2019-11-23 10:00:01,000: INFO/MainProcess] Discarding revoked task: app.f[22]\n"
         "[2019-11-23 10:00:01,000: INFO/Worker-1] Task app.f[11] succeeded in 0.25s: None\n",
         "app.f 11 #1 succeeded 10:00:00.750-10:00:01.000\n"
         "app.f 22 #1 cancelled 10:00:00.000-10:00:01.000\n",
         2},
    };
    CHECK(samples);
}

static void rq_is_read_over_midnight_and_with_its_work_horses(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"rq",
         "23:59:58 *** Listening on default...\n"
         "23:59:59 default: app.add(1, 2) (aaaa-1)\n"
         "00:00:01 default: Job OK (aaaa-1)\n"
         "00:00:01 Result is kept for 500 seconds\n"
         "00:00:02 default: app.slow() (aaaa-2)\n"
         "00:00:04 [Job aaaa-2]: exception raised while executing (app.slow)\n"
         "Traceback (most recent call last):\n"
         "  File \"/srv/app.py\", line 9, in slow\n    time.sleep(9)\n"
         "rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (2 seconds)\n"
         "\n"
         "00:00:05 default: app.slow() (aaaa-2)\n"
         "00:00:06 Moving job to FailedJobRegistry (Work-horse terminated unexpectedly; waitpid "
         "returned 9 (signal 9); )\n",
         "app.add aaaa-1 #1 succeeded 23:59:59.000-00:00:01.000\n"
         "app.slow aaaa-2 #1 timeout 00:00:02.000-00:00:04.000 | [Job aaaa-2]: exception raised "
         "while executing (app.slow) / Traceback (most recent call last): /   File "
         "\"/srv/app.py\", line 9, in slow /     time.sleep(9) / rq.timeouts.JobTimeoutException: "
         "Task exceeded maximum timeout value (2 seconds)\n"
         "app.slow aaaa-2 #2 failed 00:00:05.000-00:00:06.000 | Moving job to FailedJobRegistry "
         "(Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); )\n",
         2},
        {"rq", /* RQ 2, and --date-format */
         "2026-11-23 10:00:00 Worker w1: *** Listening on high...\n"
         "2026-11-23 10:00:01 high: nightly report (bbbb-1)\n"
         "2026-11-23 10:00:02 Worker w1: job bbbb-1: exception raised while executing "
         "(app.report)\n"
         "ValueError: x\n",
         "nightly report bbbb-1 #1 failed 10:00:01.000-10:00:02.000 | job bbbb-1: exception raised "
         "while executing (app.report) / ValueError: x\n",
         1},
    };
    CHECK(samples);
}

static void apscheduler_is_read_under_any_layout_of_logging(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"apscheduler", /* overlapping runs of one job end in order; skipped ones never ran */
         "2026-11-23 10:00:00,000 INFO:apscheduler.executors.default:Running job \"tick (trigger: "
         "interval[0:00:01], next run at: 2026-11-23 10:00:01 UTC)\" (scheduled at 2026-11-23 "
         "10:00:00+00:00)\n"
         "2026-11-23 10:00:01,000 INFO:apscheduler.executors.default:Running job \"tick (trigger: "
         "interval[0:00:01], next run at: 2026-11-23 10:00:02 UTC)\" (scheduled at 2026-11-23 "
         "10:00:01+00:00)\n"
         "2026-11-23 10:00:02,000 WARNING:apscheduler.scheduler:Execution of job \"tick (trigger: "
         "interval[0:00:01], next run at: 2026-11-23 10:00:02 UTC)\" skipped: maximum number of "
         "running instances reached (2)\n"
         "2026-11-23 10:00:03,000 ERROR:apscheduler.executors.default:Job \"tick (trigger: "
         "interval[0:00:01], next run at: 2026-11-23 10:00:03 UTC)\" raised an exception\n"
         "Traceback (most recent call last):\n  File \"/srv/s.py\", line 1, in tick\nOSError: "
         "full\n"
         "printed by another job\n"
         "2026-11-23 10:00:04,000 INFO:apscheduler.executors.default:Job \"tick (trigger: "
         "interval[0:00:01], next run at: 2026-11-23 10:00:04 UTC)\" executed successfully\n"
         "2026-11-23 10:00:05,000 WARNING:apscheduler.executors.default:Run time of job \"tick "
         "(trigger: interval[0:00:01], next run at: 2026-11-23 10:00:06 UTC)\" was missed by "
         "0:00:03\n",
         "tick - #0 failed 10:00:00.000-10:00:03.000 | Job \"tick (trigger: interval[0:00:01], "
         "next "
         "run at: 2026-11-23 10:00:03 UTC)\" raised an exception / Traceback (most recent call "
         "last): /   File \"/srv/s.py\", line 1, in tick / OSError: full\n"
         "tick - #0 succeeded 10:00:01.000-10:00:04.000\n",
         3},
        {"apscheduler", /* logging.basicConfig() without a format: no times */
         "INFO:apscheduler.scheduler:Scheduler started\n"
         "INFO:apscheduler.executors.default:Running job \"f (trigger: cron[minute='*'], next run "
         "at: x)\" (scheduled at y)\n"
         "INFO:apscheduler.executors.default:Job \"f (trigger: cron[minute='*'], next run at: x)\" "
         "executed successfully\n",
         "f - #0 succeeded ?-?\n", 1},
    };
    CHECK(samples);
}

static void airflow_tells_each_attempt_once(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"airflow", /* 2; the failure is named three times; the next one's worker was lost */
         "[2026-11-23T10:00:00.000+0000] {taskinstance.py:1157} INFO - Dependencies all met for "
         "dep_context=non-requeueable deps ti=<TaskInstance: d.load manual__1 [queued]>\n"
         "[2026-11-23T10:00:01.000+0000] {taskinstance.py:1359} INFO - Starting attempt 1 of 2\n"
         "[2026-11-23T10:00:02.000+0000] {logging_mixin.py:151} WARNING - FutureWarning: old\n"
         "[2026-11-23T10:00:03.000+0000] {taskinstance.py:1824} ERROR - Task failed with "
         "exception\n"
         "Traceback (most recent call last):\n  File \"/dags/d.py\", line 4, in load\n"
         "KeyError: 'k'\n"
         "[2026-11-23T10:00:03.100+0000] {taskinstance.py:1398} INFO - Marking task as "
         "UP_FOR_RETRY. "
         "dag_id=d, task_id=load, execution_date=20261122T000000\n"
         "[2026-11-23T10:00:03.200+0000] {standard_task_runner.py:104} ERROR - Failed to execute "
         "job "
         "3 for task load ('k'; 7)\n"
         "[2026-11-23T10:00:03.300+0000] {local_task_job_runner.py:228} INFO - Task exited with "
         "return code 1\n"
         "[2026-11-23T10:05:00.000+0000] {taskinstance.py:1359} INFO - Starting attempt 2 of 2\n"
         "[2026-11-23T10:05:00.100+0000] {task_command.py:415} INFO - Running <TaskInstance: "
         "d.load "
         "manual__1 [running]> on host w\n"
         "[2026-11-23T10:06:00.000+0000] {taskinstance.py:1359} INFO - Starting attempt 1 of 1\n"
         "[2026-11-23T10:06:00.100+0000] {task_command.py:415} INFO - Running <TaskInstance: d.end "
         "manual__1 [running]> on host w\n"
         "[2026-11-23T10:06:01.000+0000] {local_task_job_runner.py:228} INFO - Task exited with "
         "return code Negsignal.SIGKILL\n",
         "d.load manual__1 #1 failed 10:00:01.000-10:00:03.100 | Task failed with exception / "
         "Traceback (most recent call last): /   File \"/dags/d.py\", line 4, in load / KeyError: "
         "'k'\n"
         "d.load manual__1 #2 unfinished 10:05:00.000-?\n"
         "d.end manual__1 #1 failed 10:06:00.000-10:06:01.000 | Task exited with return code "
         "Negsignal.SIGKILL\n",
         0},
        {"airflow", /* the web page's layout; a time limit; a sensor that came back */
         "[2026-11-23, 10:00:00 UTC] {taskinstance.py:1159} INFO - Dependencies all met for "
         "ti=<TaskInstance: d.wait manual__1 [queued]>\n"
         "[2026-11-23, 10:00:00 UTC] {taskinstance.py:1361} INFO - Starting attempt 1 of 1\n"
         "[2026-11-23, 10:00:01 UTC] {taskinstance.py:1784} INFO - Rescheduling task, marking task "
         "as "
         "UP_FOR_RESCHEDULE\n"
         "[2026-11-23, 10:01:00 UTC] {taskinstance.py:1159} INFO - Dependencies all met for "
         "ti=<TaskInstance: d.wait manual__1 [queued]>\n"
         "[2026-11-23, 10:01:00 UTC] {taskinstance.py:1361} INFO - Starting attempt 1 of 1\n"
         "[2026-11-23, 10:01:30 UTC] {timeout.py:68} ERROR - Process timed out, PID: 11\n"
         "[2026-11-23, 10:01:30 UTC] {taskinstance.py:1400} INFO - Marking task as FAILED. "
         "dag_id=d, "
         "task_id=wait, run_id=manual__1, execution_date=x\n",
         "d.wait manual__1 #1 timeout 10:00:00.000-10:01:30.000 | Process timed out, PID: 11\n", 0},
        {"airflow", /* the scheduler's log */
         "[2026-11-23T10:00:09.000+0000] {scheduler_job_runner.py:695} INFO - TaskInstance "
         "Finished: "
         "dag_id=d, task_id=load, run_id=manual__1, map_index=-1, run_start_date=2026-11-23 "
         "10:00:01.500000+00:00, run_end_date=2026-11-23 10:00:03.250000+00:00, run_duration=1.75, "
         "state=success, executor_state=success, try_number=2, max_tries=3, job_id=4\n",
         "d.load manual__1 #2 succeeded 10:00:01.500-10:00:03.250\n", 0},
        {"airflow", /* the same by docker compose; the executor gave up on it */
         "airflow-scheduler-1  | [2026-11-23T10:00:09.000+0000] {scheduler_job_runner.py:733} INFO "
         "- "
         "TaskInstance Finished: dag_id=d, task_id=g.x, run_id=manual__1, map_index=-1, "
         "run_start_date=None, run_end_date=None, run_duration=None, state=queued, "
         "executor_state=failed, try_number=1, max_tries=0, job_id=None\n",
         "d.g.x manual__1 #1 failed ?-10:00:09.000 | TaskInstance Finished: dag_id=d, task_id=g.x, "
         "run_id=manual__1, map_index=-1, run_start_date=None, run_end_date=None, "
         "run_duration=None, state=queued, executor_state=failed, try_number=1, max_tries=0, "
         "job_id=None\n",
         0},
    };
    CHECK(samples);
}

static void github_actions_gives_jobs_with_the_output_of_the_step_that_failed(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"github-actions",
         "\xEF\xBB\xBF"
         "2026-11-23T10:00:00.1234567Z Current runner version: '2.328.0'\n"
         "2026-11-23T10:00:01.0000000Z Complete job name: test (20)\n"
         "2026-11-23T10:00:02.0000000Z ##[group]Run npm ci\n"
         "2026-11-23T10:00:02.0000000Z shell: /usr/bin/bash -e {0}\n"
         "2026-11-23T10:00:02.0000000Z ##[endgroup]\n"
         "2026-11-23T10:00:03.0000000Z npm warn deprecated x\n"
         "2026-11-23T10:00:04.0000000Z ##[group]Run npm test\n"
         "2026-11-23T10:00:04.0000000Z ##[endgroup]\n"
         "2026-11-23T10:00:05.0000000Z AssertionError: 1 != 2\n"
         "2026-11-23T10:00:05.0000000Z ##[warning]coverage is low\n"
         "2026-11-23T10:00:06.0000000Z ##[error]Process completed with exit code 1.\n"
         "2026-11-23T10:00:07.0000000Z Post job cleanup.\n"
         "2026-11-23T10:00:08.0000000Z Cleaning up orphan processes\n"
         "2026-11-23T10:00:08.0000000Z Terminate orphan process: pid (7) (node)\n"
         "\xEF\xBB\xBF"
         "2026-11-23T10:01:00.0000000Z Current runner version: '2.328.0'\n"
         "2026-11-23T10:01:01.0000000Z Complete job name: slow\n"
         "2026-11-23T10:01:02.0000000Z ##[group]Run npm ci\n"
         "2026-11-23T10:01:02.0000000Z ##[endgroup]\n"
         "2026-11-23T10:01:03.0000000Z of the step before\n"
         "2026-11-23T10:01:04.0000000Z ##[group]Run e2e\n"
         "2026-11-23T10:11:00.0000000Z ##[error]The action 'Run e2e' has timed out after 10 "
         "minutes.\n"
         "2026-11-23T10:11:01.0000000Z Cleaning up orphan processes\n"
         "2026-11-23T10:12:00.0000000Z Current runner version: '2.328.0'\n"
         "2026-11-23T10:12:01.0000000Z Complete job name: stopped\n"
         "2026-11-23T10:12:02.0000000Z ##[error]The operation was canceled.\n"
         "2026-11-23T10:12:03.0000000Z Cleaning up orphan processes\n"
         "2026-11-23T10:13:00.0000000Z Current runner version: '2.328.0'\n",
         "test (20) - #0 failed 10:00:00.123-10:00:08.000 | AssertionError: 1 != 2 / "
         "##[error]Process completed with exit code 1.\n"
         "slow - #0 timeout 10:01:00.000-10:11:01.000 | ##[error]The action 'Run e2e' has timed "
         "out "
         "after 10 minutes.\n"
         "stopped - #0 cancelled 10:12:00.000-10:12:03.000\n"
         "job - #0 unfinished 10:13:00.000-?\n",
         0},
        {"github-actions", /* gh run view --log */
         "lint\tSet up job\t\xEF\xBB\xBF"
         "2026-11-23T10:00:00.0000000Z Current runner version: '2.328.0'\n"
         "lint\tRun eslint\t2026-11-23T10:00:01.0000000Z all good\n"
         "lint\tComplete job\t2026-11-23T10:00:02.0000000Z Cleaning up orphan processes\n",
         "lint - #0 succeeded 10:00:00.000-10:00:02.000\n", 0},
    };
    CHECK(samples);
}

static void pm2_tells_processes_and_what_apps_print(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"pm2", /* the daemon; SIGINT stands where there was no signal */
         "2026-11-23T10:00:00: PM2 log: --- New PM2 Daemon started ---\n"
         "2026-11-23T10:00:01: PM2 log: App [api:0] starting in -cluster mode-\n"
         "2026-11-23T10:00:01: PM2 log: App [api:0] online\n"
         "2026-11-23T10:00:02: PM2 log: App [job:1] starting in -fork mode-\n"
         "2026-11-23T10:00:02: PM2 log: App [job:1] online\n"
         "2026-11-23T10:00:03: PM2 log: App [job:1] exited with code [0] via signal [SIGINT]\n"
         "2026-11-23T10:00:04: PM2 log: App [job:1] starting in -fork mode-\n"
         "2026-11-23T10:00:04: PM2 log: App [job:1] online\n"
         "2026-11-23T10:00:05: PM2 log: App [job:1] exited with code [0] via signal [SIGKILL]\n"
         "2026-11-23T10:00:06: PM2 log: App [api:0] starting in -cluster mode-\n"
         "2026-11-23T10:00:06: PM2 log: App [api:0] online\n"
         "2026-11-23T10:00:07: PM2 log: App [api:_old_0] disconnected\n"
         "2026-11-23T10:00:07: PM2 log: App [api:_old_0] exited with code [0] via signal "
         "[SIGINT]\n",
         "api 0 #0 succeeded 10:00:01.000-10:00:07.000\n"
         "job 1 #0 succeeded 10:00:02.000-10:00:03.000\n"
         "job 1 #0 failed 10:00:04.000-10:00:05.000 | exited with code [0] via signal [SIGKILL]\n"
         "api 0 #0 unfinished 10:00:06.000-?\n",
         1},
        {"pm2", /* pm2 logs; PM2 2's words */
         "PM2      | 2026-11-23T10:00:01: PM2 log: App name:x id:0 online\n"
         "PM2      | 2026-11-23T10:00:02: PM2 log: App [x] with id [0] and pid [77], exited with "
         "code "
         "[3] via signal [SIGINT]\n"
         "0|x      | 2026-11-23T10:00:02: hello\n",
         "x 0 #0 failed 10:00:01.000-10:00:02.000 | exited with code [3] via signal [SIGINT]\n", 1},
        {"pm2", /* an app with --time */
         "2026-11-23T10:00:01: job sync#1 started\n"
         "2026-11-23T10:00:02: job sync#1 failed after 1s: TypeError: x\n"
         "2026-11-23T10:00:02:     at f (/srv/a.js:1:2) {\n"
         "2026-11-23T10:00:02:   code: 5\n"
         "2026-11-23T10:00:02: }\n"
         "2026-11-23T10:00:02: lost the connection\n"
         "2026-11-23T10:00:03: job sync#2 started\n"
         "2026-11-23T10:00:04: job sync#2 done in 1s\n",
         "sync 1 #0 failed 10:00:01.000-10:00:02.000 | failed after 1s: TypeError: x /     at f "
         "(/srv/a.js:1:2) { /   code: 5 / }\n"
         "sync 2 #0 succeeded 10:00:03.000-10:00:04.000\n",
         1},
        {"pm2", /* log_type: json */
         "{\"message\":\"job sync#1 "
         "started\\n\",\"timestamp\":\"2026-11-23T10:00:01\",\"type\":\"out\","
         "\"process_id\":0,\"app_name\":\"x\"}\n"
         "{\"message\":\"job sync#1 "
         "done\\n\",\"timestamp\":\"2026-11-23T10:00:02\",\"type\":\"out\","
         "\"process_id\":0,\"app_name\":\"x\"}\n",
         "sync 1 #0 succeeded 10:00:01.000-10:00:02.000\n", 0},
    };
    CHECK(samples);
}

static void the_journal_is_read_in_its_forms(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"journald", /* a oneshot, a service that restarts; timers are no runs */
         "Nov 23 10:00:00 w systemd[1]: Started sync.timer - Sync timer.\n"
         "Nov 23 10:00:01 w systemd[1]: Starting sync.service - Sync...\n"
         "Nov 23 10:00:01 w systemd[1]: Started api@7.service - The API.\n"
         "Nov 23 10:00:02 w sync.sh[70]: cannot reach db\n"
         "Nov 23 10:00:02 w sshd[9]: Accepted publickey for deploy\n"
         "Nov 23 10:00:03 w systemd[1]: sync.service: Main process exited, code=exited, "
         "status=1/FAILURE\n"
         "Nov 23 10:00:03 w systemd[1]: sync.service: Failed with result 'exit-code'.\n"
         "Nov 23 10:00:03 w systemd[1]: Failed to start sync.service - Sync.\n"
         "Nov 23 10:00:03 w systemd[1]: sync.service: Consumed 1.0s CPU time.\n"
         "Nov 23 10:00:04 w systemd[1]: sync.service: Scheduled restart job, restart counter is at "
         "1.\n"
         "Nov 23 10:00:04 w systemd[1]: Stopped sync.service - Sync.\n"
         "Nov 23 10:00:05 w systemd[1]: Starting sync.service - Sync...\n"
         "Nov 23 10:00:09 w systemd[1]: sync.service: start operation timed out. Terminating.\n"
         "Nov 23 10:00:09 w systemd[1]: sync.service: Failed with result 'timeout'.\n"
         "Nov 23 10:00:09 w systemd[1]: api@7.service: Deactivated successfully.\n",
         "sync.service - #1 failed 10:00:01.000-10:00:03.000 | cannot reach db / sync.service: "
         "Main "
         "process exited, code=exited, status=1/FAILURE / sync.service: Failed with result "
         "'exit-code'.\n"
         "api@7.service - #1 succeeded 10:00:01.000-10:00:09.000\n"
         "sync.service - #2 timeout 10:00:05.000-10:00:09.000 | sync.service: start operation "
         "timed "
         "out. Terminating. / sync.service: Failed with result 'timeout'.\n",
         2},
        {"journald", /* short-iso-precise; before systemd 250 lines describe */
         "2026-11-23T10:00:00.500000+0100 w systemd[1]: Starting Daily apt upgrade and clean "
         "activities...\n"
         "2026-11-23T10:00:00.600000+0100 w systemd[1]: Started Some server.\n"
         "2026-11-23T10:00:01.500000+0100 w systemd[1]: apt-daily-upgrade.service: Succeeded.\n"
         "2026-11-23T10:00:01.500000+0100 w systemd[1]: Finished Daily apt upgrade and clean "
         "activities.\n",
         "Daily apt upgrade and clean activities - #1 succeeded 09:00:00.500-09:00:01.500\n", 1},
        {"journald", /* skipped by its condition: never ran */
         "Nov 23 10:00:00 w systemd[1]: Starting a.service - A...\n"
         "Nov 23 10:00:00 w systemd[1]: a.service: Skipped due to 'exec-condition'.\n"
         "Nov 23 10:00:01 w systemd[1]: Starting b.service - B...\n"
         "Nov 23 10:00:02 w systemd[1]: Finished b.service - B.\n",
         "b.service - #1 succeeded 10:00:01.000-10:00:02.000\n", 0},
        {"journald", /* short-full, and an interpreter's lines */
         "Mon 2026-11-23 10:00:00 UTC w systemd[1]: Starting sync.service - Sync...\n"
         "Mon 2026-11-23 10:00:01 UTC w python3[70]:   File \"/srv/a.py\", line 1, in f\n"
         "Mon 2026-11-23 10:00:01 UTC w python3[70]: ValueError: x\n"
         "Mon 2026-11-23 10:00:02 UTC w systemd[1]: sync.service: Failed with result "
         "'exit-code'.\n",
         "sync.service - #1 failed 10:00:00.000-10:00:02.000 |   File \"/srv/a.py\", line 1, in f "
         "/ "
         "ValueError: x / sync.service: Failed with result \'exit-code\'.\n",
         0},
        {"journald", /* json; a message that is no UTF-8 is an array */
         "{\"__REALTIME_TIMESTAMP\":\"1795473440000000\",\"SYSLOG_IDENTIFIER\":\"systemd\",\"_"
         "PID\":\"1\","
         "\"UNIT\":\"s.service\",\"INVOCATION_ID\":\"abc\",\"MESSAGE\":\"Starting s.service - "
         "S...\"}\n"
         "{\"__REALTIME_TIMESTAMP\":\"1795473441000000\",\"SYSLOG_IDENTIFIER\":\"x\",\"_PID\":"
         "\"7\","
         "\"_SYSTEMD_UNIT\":\"s.service\",\"_SYSTEMD_INVOCATION_ID\":\"abc\",\"MESSAGE\":[99,97,"
         "102,233]}\n"
         "{\"__REALTIME_TIMESTAMP\":\"1795473442000000\",\"SYSLOG_IDENTIFIER\":\"systemd\",\"_"
         "PID\":\"1\","
         "\"UNIT\":\"s.service\",\"INVOCATION_ID\":\"abc\",\"MESSAGE\":\"s.service: Failed with "
         "result "
         "'exit-code'.\"}\n",
         "s.service abc #1 failed 22:37:20.000-22:37:22.000 | caf\xe9 / s.service: Failed with "
         "result "
         "'exit-code'.\n",
         0},
    };
    CHECK(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sidekiq_of_all_versions_is_read),
        cmocka_unit_test(celery_is_read_with_its_retries_limits_and_lost_workers),
        cmocka_unit_test(rq_is_read_over_midnight_and_with_its_work_horses),
        cmocka_unit_test(apscheduler_is_read_under_any_layout_of_logging),
        cmocka_unit_test(airflow_tells_each_attempt_once),
        cmocka_unit_test(github_actions_gives_jobs_with_the_output_of_the_step_that_failed),
        cmocka_unit_test(pm2_tells_processes_and_what_apps_print),
        cmocka_unit_test(the_journal_is_read_in_its_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
