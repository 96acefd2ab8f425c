/* Layouts that these programs have when they are told so: what they wrote, shortened. */
#include "logs.h"

static void what_node_prints_of_an_object_is_read_as_the_object(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"winston", /* format.prettyPrint() */
         "{\n"
         "  job: 'sync-orders',\n"
         "  runId: 1000,\n"
         "  attempt: 1,\n"
         "  level: 'info',\n"
         "  message: 'job started',\n"
         "  timestamp: '2026-11-27T03:05:54.100Z'\n"
         "}\n"
         "{\n"
         "  job: 'sync-orders',\n"
         "  runId: 1000,\n"
         "  err: Error: template failed\n"
         "    at line 3: {{ user.nmae }}\n"
         "      at render (/srv/app/jobs.js:16:24)\n"
         "      at async main (/srv/app/jobs.js:69:56) {\n"
         "    code: 'ETPL',\n"
         "    status: 503\n"
         "  },\n"
         "  level: 'error',\n"
         "  message: 'job failed',\n"
         "  timestamp: '2026-11-27T03:05:54.364Z'\n"
         "}\n"
         "{ level: 'info', message: 'listening', port: 8080, timestamp: '2026-11-27T03:05:54.400Z' "
         "}\n"
         "{\n"
         "  job: 'reindex',\n"
         "  runId: 1001,\n"
         "  level: 'info',\n"
         "  message: 'job started',\n"
         "  timestamp: '2026-11-27T03:05:54.401Z'\n"
         "}\n"
         "{\n"
         "  job: 'reindex',\n"
         "  runId: 1001,\n"
         "  durationMs: 76,\n"
         "  note: \"it's\\n\" +\n"
         "    'done: [1]',\n"
         "  hosts: [ 'a', 'b' ],\n"
         "  at: 2026-11-27T03:05:54.480Z,\n"
         "  level: 'info',\n"
         "  message: 'job completed',\n"
         "  timestamp: '2026-11-27T03:05:54.480Z'\n"
         "}\n",
         "sync-orders 1000 #1 failed 03:05:54.100-03:05:54.364 | Error: template failed /     at "
         "line 3: {{ user.nmae }} /       at render (/srv/app/jobs.js:16:24) /       at async main "
         "(/srv/app/jobs.js:69:56) { /     code: 'ETPL', /     status: 503 /   }\n"
         "reindex 1001 #0 succeeded 03:05:54.401-03:05:54.480\n",
         1},
        {"bunyan", /* bunyan -o inspect */
         "{\n"
         "  name: 'jobs',\n"
         "  pid: 24870,\n"
         "  level: 30,\n"
         "  job: 'send-mail',\n"
         "  runId: 7,\n"
         "  msg: 'started',\n"
         "  time: '2026-11-27T03:06:58.100Z',\n"
         "  v: 0\n"
         "}\n"
         "{\n"
         "  name: 'jobs',\n"
         "  pid: 24870,\n"
         "  level: 50,\n"
         "  job: 'send-mail',\n"
         "  runId: 7,\n"
         "  err: {\n"
         "    message: 'no route',\n"
         "    name: 'Error',\n"
         "    stack: 'Error: no route\\n' +\n"
         "      '    at send (/srv/app/mail.js:17:22)'\n"
         "  },\n"
         "  msg: 'failed',\n"
         "  time: '2026-11-27T03:06:58.213Z',\n"
         "  v: 0\n"
         "}\n",
         "send-mail 7 #0 failed 03:06:58.100-03:06:58.213 | Error: no route /     at send "
         "(/srv/app/mail.js:17:22)\n",
         0},
    };
    CHECK(samples);
}

static void what_pino_pretty_makes_is_read_with_the_level_first_and_on_one_line(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"pino", /* -l */
         "INFO [2026-11-27 03:05:31.943 +0000] (17005): job started\n"
         "    job: \"sync-orders\"\n"
         "    runId: 1000\n"
         "ERROR [2026-11-27 03:05:32.054 +0000] (17005): job failed\n"
         "    job: \"sync-orders\"\n"
         "    runId: 1000\n"
         "    err: {\n"
         "      \"type\": \"Error\",\n"
         "      \"message\": \"no route\",\n"
         "      \"stack\":\n"
         "          Error: no route\n"
         "              at f (/srv/a.js:1:2)\n"
         "    }\n",
         "sync-orders 1000 #0 failed 03:05:31.943-03:05:32.054 | Error: no route / at f "
         "(/srv/a.js:1:2)\n",
         0},
        {"pino", /* -S */
         "[2026-11-27 03:05:31.943 +0000] INFO: job started "
         "{\"region\":\"eu-1\",\"job\":\"sync-orders\",\"runId\":1000}\n"
         "[2026-11-27 03:05:32.143 +0000] INFO: job completed "
         "{\"region\":\"eu-1\",\"job\":\"sync-orders\",\"runId\":1000,\"ms\":200}\n",
         "sync-orders 1000 #0 succeeded 03:05:31.943-03:05:32.143\n", 0},
    };
    CHECK(samples);
}

static void an_error_that_is_all_a_run_says_in_the_end_is_its_failure(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"pino", /* a thrown string, in a child logger; others began and ended behind it */
         "{\"level\":30,\"time\":1795474179000,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":1,\"msg\":\"started\"}\n"
         "{\"level\":50,\"time\":1795474179500,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":1,\"msg\":\"quota exceeded for tenant 42\"}\n"
         "{\"level\":30,\"time\":1795474179600,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":2,\"msg\":\"started\"}\n"
         "{\"level\":30,\"time\":1795474179700,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":2,\"msg\":\"done in 100 ms\"}\n",
         "mail 1 #0 failed 22:49:39.000-22:49:39.500 | quota exceeded for tenant 42\n"
         "mail 2 #0 succeeded 22:49:39.600-22:49:39.700\n",
         0},
        {"pino", /* it went on */
         "{\"level\":30,\"time\":1795474179000,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":1,\"msg\":\"started\"}\n"
         "{\"level\":50,\"time\":1795474179500,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":1,\"msg\":\"slow upstream\"}\n"
         "{\"level\":30,\"time\":1795474179550,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":1,\"msg\":\"third try\"}\n"
         "{\"level\":30,\"time\":1795474179600,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":2,\"msg\":\"started\"}\n"
         "{\"level\":30,\"time\":1795474179700,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":2,\"msg\":\"done in 100 ms\"}\n",
         "mail 1 #0 unfinished 22:49:39.000-?\n"
         "mail 2 #0 succeeded 22:49:39.600-22:49:39.700\n",
         0},
        {"pino", /* ends of this job are said plainly; this is none */
         "{\"level\":30,\"time\":1795474179600,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":2,\"msg\":\"started\"}\n"
         "{\"level\":30,\"time\":1795474179700,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":2,\"msg\":\"done in 100 ms\"}\n"
         "{\"level\":30,\"time\":1795474179800,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":1,\"msg\":\"started\"}\n"
         "{\"level\":30,\"time\":1795474179850,\"pid\":1,\"hostname\":\"w\",\"job\":\"mail\","
         "\"jobId\":1,\"msg\":\"upload done\"}\n",
         "mail 2 #0 succeeded 22:49:39.600-22:49:39.700\n"
         "mail 1 #0 unfinished 22:49:39.800-?\n",
         0},
    };
    CHECK(samples);
}

static void loggers_are_known_by_what_is_left_of_their_fields(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"pino", /* timestamp: false, nestedKey */
         "{\"level\":30,\"pid\":7,\"hostname\":\"w\",\"payload\":{\"job\":\"mail\",\"runId\":1},"
         "\"msg\":\"job started\"}\n"
         "{\"level\":50,\"pid\":7,\"hostname\":\"w\",\"payload\":{\"job\":\"mail\",\"runId\":1,"
         "\"err\":{\"type\":\"Error\",\"message\":\"no route\"}},\"msg\":\"job failed\"}\n",
         "mail 1 #0 failed ?-? | Error: no route\n", 0},
        {"pino", /* formatters.level, messageKey */
         "{\"level\":\"info\",\"time\":\"2026-11-27T03:05:08.834Z\",\"pid\":7,\"hostname\":\"w\","
         "\"jobName\":\"mail\",\"jobId\":1,\"message\":\"Starting job\"}\n"
         "{\"level\":\"info\",\"time\":\"2026-11-27T03:05:08.934Z\",\"pid\":7,\"hostname\":\"w\","
         "\"jobName\":\"mail\",\"jobId\":1,\"message\":\"Job done\"}\n",
         "mail 1 #0 succeeded 03:05:08.834-03:05:08.934\n", 0},
    };
    CHECK(samples);
}

static void winston_without_fields_tells_jobs_in_its_messages(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"winston", /* cli */
         "info:    Job sync-orders (1000) started\n"
         "info:    retrying connection\n"
         "error:   Job sync-orders (1000) failed: no such table\n"
         "    at run (/srv/a.js:1:2)\n",
         "sync-orders 1000 #0 failed ?-? | failed: no such table /     at run (/srv/a.js:1:2)\n",
         1},
        {"plain", /* printf with a label */
         "2026-11-27T03:06:16.383Z [right meow!] info: Job sync-orders (1000) started\n"
         "2026-11-27T03:06:16.452Z [right meow!] info: upload done\n"
         "2026-11-27T03:06:16.525Z [right meow!] info: Job sync-orders (1000) finished in 125ms\n",
         "sync-orders 1000 #0 succeeded 03:06:16.383-03:06:16.525\n", 1},
    };
    CHECK(samples);
}

static void workers_are_read_where_they_say_less_or_more_than_usual(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"rq", /* --disable-job-desc-logging */
         "03:15:18 high: 2dc08bdd-6cef-4058-aa9f-46b555f67494\n"
         "03:15:19 high: Job OK (2dc08bdd-6cef-4058-aa9f-46b555f67494)\n"
         "03:15:19 high: 596f1270-349c-4e99-8ef8-08e063c4175b\n"
         "03:15:20 [Job 596f1270-349c-4e99-8ef8-08e063c4175b]: exception raised while executing "
         "(jobs.mail)\n"
         "Traceback (most recent call last):\n"
         "  File \"jobs.py\", line 18, in mail\n"
         "KeyError: 'sku'\n"
         "\n",
         "job 2dc08bdd-6cef-4058-aa9f-46b555f67494 #1 succeeded 03:15:18.000-03:15:19.000\n"
         "jobs.mail 596f1270-349c-4e99-8ef8-08e063c4175b #1 failed 03:15:19.000-03:15:20.000 | "
         "[Job 596f1270-349c-4e99-8ef8-08e063c4175b]: exception raised while executing (jobs.mail) "
         "/ Traceback (most recent call last): /   File \"jobs.py\", line 18, in mail / KeyError: "
         "'sku'\n",
         0},
        {"rq", /* a layout without blanks */
         "03:14:42:INFO:rq.worker:high: jobs.mail('x') (2dc08bdd-6cef-4058-aa9f-46b555f67494)\n"
         "03:14:43:ERROR:rq.worker:[Job 2dc08bdd-6cef-4058-aa9f-46b555f67494]: exception raised "
         "while executing (jobs.mail)\n",
         "jobs.mail 2dc08bdd-6cef-4058-aa9f-46b555f67494 #1 failed 03:14:42.000-03:14:43.000 | "
         "[Job 2dc08bdd-6cef-4058-aa9f-46b555f67494]: exception raised while executing "
         "(jobs.mail)\n",
         0},
        {"rq", /* level WARNING: no starts */
         "03:16:07 Moving job to FailedJobRegistry (Work-horse terminated unexpectedly; waitpid "
         "returned 9 (signal 9); )\n",
         "job - #0 failed ?-03:16:07.000 | Moving job to FailedJobRegistry (Work-horse terminated "
         "unexpectedly; waitpid returned 9 (signal 9); )\n",
         0},
        {"celery", /* a layout for the worker's lines only; the limit struck when it was done */
         "INFO 2026-11-27 03:27:07,096 MainProcess Task "
         "shop.pay[2dc08bdd-6cef-4058-aa9f-46b555f67494] received\n"
         "[2026-11-27 03:27:07,400: INFO/ForkPoolWorker-2] "
         "shop.pay[2dc08bdd-6cef-4058-aa9f-46b555f67494]: fetched 37 rows\n"
         "INFO 2026-11-27 03:27:09,504 ForkPoolWorker-2 Task "
         "shop.pay[2dc08bdd-6cef-4058-aa9f-46b555f67494] succeeded in 2.1s: 17\n"
         "ERROR 2026-11-27 03:27:09,600 MainProcess Hard time limit (1.6s) exceeded for "
         "shop.pay[2dc08bdd-6cef-4058-aa9f-46b555f67494]\n",
         "shop.pay 2dc08bdd-6cef-4058-aa9f-46b555f67494 #1 succeeded 03:27:07.404-03:27:09.504\n",
         0},
    };
    CHECK(samples);
}

static void airflow_3_tells_the_end_of_what_a_worker_took_on(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"airflow", /* text */
         "2026-05-14T12:21:08.507917Z [info     ] [ed8da700-f2f2-48aa-b3b3-8faf4ffa3f49] Executing "
         "workload in Celery: token='eyJ***' "
         "ti=TaskInstance(id=UUID('019e266e-b5e5-7e40-b3ec-a6eba4da280e'), task_id='upload', "
         "dag_id='sales', run_id='manual__1', try_number=2, map_index=-1) "
         "[airflow.providers.celery.executors.celery_executor_utils] "
         "loc=celery_executor_utils.py:193\n"
         "2026-05-14T12:21:08.507917Z [info     ] [ed8da700-f2f2-48aa-b3b3-8faf4ffa3f49] Executing "
         "workload in Celery: token='eyJ***' "
         "ti=TaskInstance(id=UUID('019e266e-b5e5-7e40-b3ec-a6eba4da280f'), task_id='load', "
         "dag_id='sales', run_id='manual__1', try_number=1, map_index=-1) "
         "[airflow.providers.celery.executors.celery_executor_utils] "
         "loc=celery_executor_utils.py:193\n"
         "2026-05-14T12:21:10.407917Z [info     ] Task finished                  [supervisor] "
         "duration=1.8 exit_code=-9 final_state=failed loc=supervisor.py:1891 "
         "task_instance_id=019e266e-b5e5-7e40-b3ec-a6eba4da280e\n"
         "2026-05-14T12:21:11.407917Z [info     ] Task finished                  [supervisor] "
         "duration=2.9 exit_code=0 final_state=success loc=supervisor.py:1891 "
         "task_instance_id=019e266e-b5e5-7e40-b3ec-a6eba4da280f\n",
         "sales.upload manual__1 #2 failed 12:21:08.507-12:21:10.407 | Task finished: "
         "final_state=failed exit_code=-9\n"
         "sales.load manual__1 #1 succeeded 12:21:08.507-12:21:11.407\n",
         0},
        {"airflow", /* the files of two tasks, one behind the other: success is not said */
         "{\"timestamp\":\"2026-01-09T07:17:10.1Z\",\"level\":\"info\",\"event\":\"DAG bundles "
         "loaded: dags-folder\",\"logger\":\"task\"}\n"
         "{\"timestamp\":\"2026-01-09T07:17:10.2Z\",\"level\":\"info\",\"event\":\"fetched 3 "
         "rows\",\"logger\":\"task\"}\n"
         "{\"timestamp\":\"2026-01-09T07:17:10.3Z\",\"level\":\"error\",\"event\":\"Task failed "
         "with "
         "exception\",\"logger\":\"task\",\"error_detail\":[{\"exc_type\":\"ValueError\",\"exc_"
         "value\":\"no rows\",\"exc_notes\":[],\"frames\":[]}]}\n"
         "{\"timestamp\":\"2026-01-09T07:17:11.1Z\",\"level\":\"info\",\"event\":\"DAG bundles "
         "loaded: dags-folder\",\"logger\":\"task\"}\n"
         "{\"timestamp\":\"2026-01-09T07:17:11.2Z\",\"level\":\"info\",\"event\":\"Done. Returned "
         "value was: None\",\"logger\":\"task\"}\n",
         "task - #0 failed 07:17:10.100-07:17:10.300 | Task failed with exception / ValueError: no "
         "rows\n"
         "task - #0 outcome_unknown 07:17:11.100-?\n",
         0},
    };
    CHECK(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_node_prints_of_an_object_is_read_as_the_object),
        cmocka_unit_test(what_pino_pretty_makes_is_read_with_the_level_first_and_on_one_line),
        cmocka_unit_test(an_error_that_is_all_a_run_says_in_the_end_is_its_failure),
        cmocka_unit_test(loggers_are_known_by_what_is_left_of_their_fields),
        cmocka_unit_test(winston_without_fields_tells_jobs_in_its_messages),
        cmocka_unit_test(workers_are_read_where_they_say_less_or_more_than_usual),
        cmocka_unit_test(airflow_3_tells_the_end_of_what_a_worker_took_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
