/* Loggers that write a JSON object a line: whatever people call the fields. */
#include "logs.h"

static void json_loggers_are_read_whatever_the_fields_are_called(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"pino", /* BullMQ: ids repeat between queues, completed names no attempt */
         "{\"level\":30,\"time\":1795474179000,\"pid\":1,\"hostname\":\"w\",\"queue\":\"a\","
         "\"jobId\":\"1\","
         "\"job\":\"mail\",\"attempt\":1,\"msg\":\"job active\"}\n"
         "{\"level\":30,\"time\":1795474179500,\"pid\":1,\"hostname\":\"w\",\"queue\":\"b\","
         "\"jobId\":\"1\","
         "\"job\":\"pdf\",\"attempt\":1,\"msg\":\"job active\"}\n"
         "{\"level\":50,\"time\":1795474180000,\"pid\":1,\"hostname\":\"w\",\"queue\":\"a\","
         "\"jobId\":\"1\","
         "\"job\":\"mail\",\"attempt\":1,\"err\":{\"type\":\"Error\",\"message\":\"no "
         "route\",\"stack\":\"Error: "
         "no route\\n    at f (/srv/a.js:1:2)\"},\"msg\":\"job failed\"}\n"
         "{\"level\":40,\"time\":1795474180001,\"pid\":1,\"hostname\":\"w\",\"msg\":\"memory close "
         "to the "
         "limit\"}\n"
         "{\"level\":30,\"time\":1795474181000,\"pid\":1,\"hostname\":\"w\",\"queue\":\"b\","
         "\"jobId\":\"1\","
         "\"job\":\"pdf\",\"msg\":\"job completed\"}\n"
         "(node:1) Warning: something\n",
         "mail a:1 #1 failed 22:49:39.000-22:49:40.000 | Error: no route /     at f "
         "(/srv/a.js:1:2)\n"
         "pdf b:1 #1 succeeded 22:49:39.500-22:49:41.000\n",
         2},
        {"pino", /* level names, ISO time, a job object, attemptsMade counts from 0 at the start */
         "{\"level\":\"info\",\"time\":\"2026-11-23T10:00:00.000Z\",\"job\":{\"id\":\"7\",\"name\":"
         "\"sync\","
         "\"attemptsMade\":0},\"msg\":\"Processing job 7\"}\n"
         "{\"level\":\"error\",\"time\":\"2026-11-23T10:00:01.000Z\",\"job\":{\"id\":\"7\","
         "\"name\":\"sync\","
         "\"attemptsMade\":1},\"err\":{\"type\":\"JobTimeoutError\",\"message\":\"too "
         "long\"},\"msg\":\"Job 7 "
         "failed: too long\"}\n"
         "{\"level\":\"info\",\"time\":\"2026-11-23T10:00:02.000Z\",\"job\":{\"id\":\"7\",\"name\":"
         "\"sync\","
         "\"attemptsMade\":1},\"msg\":\"Processing job 7\"}\n"
         "{\"level\":\"info\",\"time\":\"2026-11-23T10:00:03.000Z\",\"job\":{\"id\":\"7\",\"name\":"
         "\"sync\","
         "\"attemptsMade\":2},\"msg\":\"Job 7 completed in 980 ms\"}\n",
         "sync 7 #1 timeout 10:00:00.000-10:00:01.000 | JobTimeoutError: too long\n"
         "sync 7 #2 succeeded 10:00:02.000-10:00:03.000\n",
         0},
        {"winston", /* a message that says more is no end, if the log says it plainly elsewhere */
         "{\"level\":\"info\",\"message\":\"job "
         "started\",\"job\":\"etl\",\"runId\":\"r1\",\"timestamp\":"
         "\"2026-11-23T10:00:00.000Z\"}\n"
         "{\"level\":\"info\",\"message\":\"upload "
         "done\",\"job\":\"etl\",\"runId\":\"r1\",\"timestamp\":"
         "\"2026-11-23T10:00:01.000Z\"}\n"
         "{\"level\":\"error\",\"message\":\"job "
         "failed\",\"job\":\"etl\",\"runId\":\"r1\",\"error\":{\"name\":"
         "\"TimeoutError\",\"message\":\"timed out after 900 "
         "ms\"},\"timestamp\":\"2026-11-23T10:00:02.000Z\"}\n"
         "{\"level\":\"error\",\"message\":\"unhandled socket error: read "
         "ECONNRESET\",\"timestamp\":"
         "\"2026-11-23T10:00:02.500Z\"}\n",
         "etl r1 #0 timeout 10:00:00.000-10:00:02.000 | TimeoutError: timed out after 900 ms\n", 1},
        {"winston", /* a status field; the end alone, with how long it took */
         "{\"level\":\"info\",\"message\":\"cron\",\"task\":\"prune\",\"status\":\"completed\","
         "\"durationMs\":"
         "1500,\"timestamp\":\"2026-11-23 10:00:02\"}\n",
         "prune - #0 succeeded 10:00:00.500-10:00:02.000\n", 0},
        {"winston", /* format.simple(); a chattering end and no plain one */
         "info: Starting job {\"job\":\"etl\",\"timestamp\":\"2026-11-23T10:00:00.000Z\"}\n"
         "info: upload of rows done {\"job\":\"etl\",\"timestamp\":\"2026-11-23T10:00:01.000Z\"}\n",
         "etl - #0 succeeded 10:00:00.000-10:00:01.000\n", 0},
        {"winston", /* skipped because it still runs: neither a run nor the end of that one */
         "{\"level\":\"info\",\"message\":\"job "
         "started\",\"job\":\"etl\",\"runId\":\"r1\",\"timestamp\":"
         "\"2026-11-23T10:00:00.000Z\"}\n"
         "{\"level\":\"warn\",\"message\":\"job skipped, still "
         "running\",\"job\":\"etl\",\"timestamp\":"
         "\"2026-11-23T10:00:01.000Z\"}\n"
         "{\"level\":\"info\",\"message\":\"job finished\",\"job\":\"etl\",\"timestamp\":"
         "\"2026-11-23T10:00:02.000Z\"}\n",
         "etl r1 #0 succeeded 10:00:00.000-10:00:02.000\n", 1},
        {"winston", /* an Error as the second argument: winston joins the messages */
         "{\"level\":\"info\",\"message\":\"job started\",\"job\":\"etl\",\"timestamp\":"
         "\"2026-11-23T10:00:00.000Z\"}\n"
         "{\"level\":\"error\",\"message\":\"cannot reach cache\",\"job\":\"etl\",\"timestamp\":"
         "\"2026-11-23T10:00:01.000Z\"}\n"
         "{\"level\":\"error\",\"message\":\"job failed connect ECONNREFUSED 10.0.0.1:5432 in "
         "pool\","
         "\"job\":\"etl\",\"stack\":\"Error: connect ECONNREFUSED 10.0.0.1:5432 in pool\\n    at f "
         "(/srv/a.js:1:2)\",\"timestamp\":\"2026-11-23T10:00:02.000Z\"}\n",
         "etl - #0 failed 10:00:00.000-10:00:02.000 | Error: connect ECONNREFUSED 10.0.0.1:5432 in "
         "pool /     at f (/srv/a.js:1:2)\n",
         0},
        {"winston", /* the job stands in the message only; a server that starts is none */
         "{\"level\":\"info\",\"message\":\"server "
         "started\",\"timestamp\":\"2026-11-23T10:00:00.000Z\"}\n"
         "{\"level\":\"info\",\"message\":\"[etl] job 7 started\",\"timestamp\":"
         "\"2026-11-23T10:00:01.000Z\"}\n"
         "{\"level\":\"error\",\"message\":\"[etl] job 7 "
         "failed\",\"error\":{\"name\":\"TypeError\","
         "\"message\":\"x\"},\"timestamp\":\"2026-11-23T10:00:02.000Z\"}\n",
         "etl 7 #0 failed 10:00:01.000-10:00:02.000 | failed / TypeError: x\n", 1},
        {"bunyan", /* the fatal line names no run and ends none */
         "{\"name\":\"jobs\",\"hostname\":\"w\",\"pid\":1,\"job\":\"poll\",\"run_id\":\"a1\","
         "\"level\":30,\"msg\":"
         "\"start\",\"time\":\"2026-11-23T10:00:00.000Z\",\"v\":0}\n"
         "{\"name\":\"jobs\",\"hostname\":\"w\",\"pid\":1,\"level\":60,\"err\":{\"message\":"
         "\"EPIPE\"},\"msg\":"
         "\"metrics lost\",\"time\":\"2026-11-23T10:00:01.000Z\",\"v\":0}\n"
         "{\"name\":\"jobs\",\"hostname\":\"w\",\"pid\":1,\"job\":\"poll\",\"run_id\":\"a1\","
         "\"level\":50,\"err\":{"
         "\"message\":\"connect "
         "ETIMEDOUT\",\"name\":\"Error\",\"code\":\"ETIMEDOUT\"},\"msg\":\"failed\","
         "\"time\":\"2026-11-23T10:00:02.000Z\",\"v\":0}\n",
         "poll a1 #0 failed 10:00:00.000-10:00:02.000 | Error: connect ETIMEDOUT\n", 1},
    };
    CHECK(samples);
}

static void a_json_line_that_was_cut_or_is_no_UTF_8_still_tells_what_it_can(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"pino",
         "{\"level\":30,\"time\":1795474179000,\"jobId\":\"1\",\"job\":\"caf\xe9\",\"msg\":\"job "
         "active\"}\n"
         "{\"level\":30,\"time\":1795474180000,\"jobId\":\"1\",\"job\":\"caf\xe9\",\"msg\":\"job "
         "completed\",\"data\":{\"rows\":[1,2",
         "caf\xEF\xBF\xBD 1 #0 succeeded 22:49:39.000-22:49:40.000\n", 0},
    };
    CHECK(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_loggers_are_read_whatever_the_fields_are_called),
        cmocka_unit_test(a_json_line_that_was_cut_or_is_no_UTF_8_still_tells_what_it_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
