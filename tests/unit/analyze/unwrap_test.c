/* What others put around the lines of a log changes nothing of what is read from it, and a text
 * without a time takes the one that is around it. */
#include "logs.h"

#include "base/json.h"

static const char *const logs[] = {
    "[2026-11-23 10:00:00,100: INFO/MainProcess] Task a.mail[11-aa] received\n"
    "[2026-11-23 10:00:00,200: INFO/MainProcess] Task a.mail[22-bb] received\n"
    "[2026-11-23 10:00:01,300: INFO/ForkPoolWorker-1] Task a.mail[11-aa] succeeded in 0.5s: 'ok\n"
    "two lines'\n"
    "[2026-11-23 10:00:01,400: ERROR/ForkPoolWorker-2] Task a.mail[22-bb] raised unexpected: "
    "KeyError('x')\n"
    "Traceback (most recent call last):\n"
    "  File \"/srv/a.py\", line 9, in mail\n"
    "    d['x']\n"
    "KeyError: 'x'\n",
    "2026-11-23T10:00:01.000Z pid=7 tid=a1 class=Mail jid=11 INFO: start\n"
    "2026-11-23T10:00:02.000Z pid=7 tid=a1 class=Mail jid=11 elapsed=1.0 INFO: fail\n"
    "2026-11-23T10:00:02.001Z pid=7 tid=a1 WARN: IOError: größe \"12\"\n",
    "Nov 23 10:00:01 web-1 CRON[7]: (root) CMD ([8] /srv/a.sh)\n"
    "Nov 23 10:00:02 web-1 CRON[7]: (CRON) error (grandchild #8 failed with exit status 3)\n"
    "Nov 23 10:00:02 web-1 CRON[7]: (root) END ([8] /srv/a.sh)\n",
    "{\"level\":30,\"time\":1795428001000,\"pid\":1,\"hostname\":\"w\",\"job\":\"a\",\"runId\":"
    "\"1\",\"msg\":\"started\"}\n"
    "{\"level\":50,\"time\":1795428002000,\"pid\":1,\"hostname\":\"w\",\"job\":\"a\",\"runId\":"
    "\"1\",\"err\":{\"type\":\"Error\",\"message\":\"no\",\"stack\":\"Error: no\\n    at f "
    "(/a.js:1:2)\"},\"msg\":\"failed\"}\n",
    "2026-11-23 10:00:01 [sync] job 7 started\n"
    "2026-11-23 10:00:02 [sync] job 7 failed after 1s: no route\n"
    "    at f (/a.js:1:2)\n",
    "23:59:59 default: work.f(1) (aa11-b)\n00:00:01 default: Job OK (aa11-b)\n",
};

enum { AROUND = 10, PART = 40 };
static const char *const names[AROUND] = {"docker logs -t",    "CRI",        "CRI in parts",
                                          "compose",           "compose -t", "kubectl --prefix",
                                          "RFC 3164",          "RFC 5424",   "docker's json-file",
                                          "a collector's JSON"};

static void put_json(struct rp_buf *b, const char *key, const char *more, struct rp_str line,
                     const char *end)
{
    struct rp_buf text = {0};
    rp_buf_str(&text, line);
    rp_buf_str(&text, rp_str_of(end));
    struct rp_jw w = {.out = b};
    rp_jw_object(&w);
    rp_jw_m_str(&w, key, rp_buf_view(&text));
    rp_jw_m_cstr(&w, more, "stdout");
    rp_jw_m_cstr(&w, "time", "2026-11-23T22:22:22.123456789Z");
    rp_jw_object_end(&w);
    rp_buf_free(&text);
}

static void put_parts(struct rp_buf *b, struct rp_str line)
{
    for (; line.n > PART; line.p += PART, line.n -= PART)
        rp_buf_fmt(b, "2026-11-23T22:22:22.1+01:00 stderr P %.*s\n", PART, line.p);
    rp_buf_fmt(b, "2026-11-23T22:22:22.1+01:00 stderr F %.*s", RP_FMT(line));
}

static void put_around(struct rp_buf *b, int around, struct rp_str line)
{
    static const char *const fronts[AROUND] = {
        "2026-11-23T22:22:22.123456789Z ",
        "2026-11-23T22:22:22.123456789Z stdout F ",
        "",
        "worker-1  | ",
        "worker-1  | 2026-11-23T22:22:22.123456789Z ",
        "[pod/w-7d9f-x2/app] ",
        "Nov 23 22:22:22 web-1 worker[77]: ",
        "<14>1 2026-11-23T22:22:22.123Z web-1 worker 77 - [x@1 a=\"b\\]\"] ",
        "",
        ""};
    rp_buf_str(b, rp_str_of(fronts[around]));
    if (around == 2)
        put_parts(b, line);
    else if (around >= 8)
        put_json(b, around == 8 ? "log" : "message", around == 8 ? "stream" : "agent", line,
                 around == 8 ? "\n" : "");
    else
        rp_buf_str(b, line);
    rp_buf_c(b, '\n');
}

static void what_is_around_the_lines_changes_nothing_of_the_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        struct logged as_is, wrapped;
        log_read(&as_is, rp_str_of(logs[i]), 4096, (struct rp_joblog_options){0});
        assert_true(as_is.ok && as_is.n > 0);
        for (int around = 0; around < AROUND; around++) {
            struct rp_buf b = {0};
            struct rp_str rest = rp_str_of(logs[i]), line;
            while (rp_str_split(&rest, '\n', &line))
                put_around(&b, around, line);
            log_read(&wrapped, rp_buf_view(&b), 7, (struct rp_joblog_options){0});
            if (!wrapped.ok)
                fail_msg("log %zu within %s: %s", i, names[around], wrapped.err.message);
            assert_string_equal(wrapped.stats.format, as_is.stats.format);
            for (size_t k = 0; around == 2 && k < wrapped.n; k++)
                wrapped.runs[k].line = as_is.runs[k].line; /* one line is several there */
            assert_string_equal(rp_cstr(&wrapped.arena, log_print(&wrapped)),
                                rp_cstr(&as_is.arena, log_print(&as_is)));
            log_forget(&wrapped);
            rp_buf_free(&b);
        }
        log_forget(&as_is);
    }
}

static void a_text_without_a_time_takes_the_one_around_it(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"sidekiq",
         "2026-11-23T10:00:01.5Z stdout F pid=7 tid=a1 class=Mail jid=11 INFO: start\n"
         "2026-11-23T10:00:02.5Z stdout F pid=7 tid=a1 class=Mail jid=11 elapsed=1 INFO: done\n",
         "Mail 11 #1 succeeded 10:00:01.500-10:00:02.500\n", 0},
        {"plain",
         "{\"@timestamp\":\"2026-11-23T10:00:01Z\",\"message\":\"[sync] job 7 started\"}\n"
         "{\"@timestamp\":\"2026-11-23T10:00:02Z\",\"message\":\"[sync] job 7 failed: no "
         "route\"}\n",
         "sync 7 #0 failed 10:00:01.000-10:00:02.000 | failed: no route\n", 0},
        {"apscheduler", /* a formatter of Python's logging that makes JSON; the trace is a field */
         "{\"asctime\": \"2026-11-23 10:00:01,000\", \"levelname\": \"INFO\", \"message\": "
         "\"Running job \\\"poll (trigger: x)\\\" (scheduled at y)\"}\n"
         "{\"asctime\": \"2026-11-23 10:00:02,000\", \"levelname\": \"ERROR\", \"message\": "
         "\"Job \\\"poll (trigger: x)\\\" raised an exception\", \"exc_info\": \"Traceback (most "
         "recent call last):\\n  File \\\"a\\\", line 1\\nKeyError: 'x'\"}\n",
         "poll - #0 failed 10:00:01.000-10:00:02.000 | Job \"poll (trigger: x)\" raised an "
         "exception / Traceback (most recent call last): /   File \"a\", line 1 / KeyError: 'x'\n",
         0},
        {"cron", /* rsyslog's fields as JSON */
         "{\"timestamp\":\"2026-11-23T10:00:01Z\",\"host\":\"w\",\"program\":\"CRON\",\"procid\":"
         "\"7\",\"message\":\" (root) CMD ([8] /srv/a.sh)\"}\n"
         "{\"timestamp\":\"2026-11-23T10:00:02Z\",\"host\":\"w\",\"program\":\"CRON\",\"procid\":"
         "\"7\",\"message\":\" (root) END ([8] /srv/a.sh)\"}\n",
         "/srv/a.sh 8 #0 succeeded 10:00:01.000-10:00:02.000\n", 0},
        {"cron", /* busybox's syslogd names facility and severity */
         "Nov 23 10:00:01 w cron.info crond[29]: USER root pid  34 cmd /srv/a.sh\n",
         "/srv/a.sh 34 #0 outcome_unknown 10:00:01.000-?\n", 0},
        {"cron", "<78>1 2026-11-23T10:00:01Z w CRON 7 - -  (root) CMD (/srv/a.sh)\n",
         "/srv/a.sh 7 #0 outcome_unknown 10:00:01.000-?\n", 0},
    };
    CHECK(samples);
}

static void lines_that_nobody_wrapped_are_read_as_they_are(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"celery",
         "Attaching to worker-1\n"
         "worker-1  | [2026-11-23 10:00:00,100: INFO/MainProcess] Task a.b[11-aa] received\n"
         "worker-1  | [2026-11-23 10:00:00,200: INFO/MainProcess] mingle: all alone\n"
         "worker-1  | [2026-11-23 10:00:00,300: INFO/W-1] Task a.b[11-aa] succeeded in 0.1s: 1\n",
         "a.b 11-aa #1 succeeded 10:00:00.200-10:00:00.300\n", 2},
    };
    CHECK(samples);
}

/* ---- entries over many lines ---- */

static void a_journal_is_read_however_journalctl_prints_it(void **state)
{
    (void)state;
    static const char short_runs[] = "s.service - #1 failed 10:00:01.000-10:00:03.000 | boom / "
                                     "s.service: Failed with result 'exit-code'.\n";
    const struct sample samples[] = {
        {"journald", /* -o with-unit */
         "Mon 2026-11-23 10:00:01 UTC w init.scope[1]: Starting s.service - S...\n"
         "Mon 2026-11-23 10:00:02 UTC w s.service[7]: boom\n"
         "Mon 2026-11-23 10:00:03 UTC w init.scope[1]: s.service: Failed with result "
         "'exit-code'.\n",
         short_runs, 0},
        {"journald", /* --no-hostname */
         "Nov 23 10:00:01 systemd[1]: Starting s.service - S...\n"
         "Nov 23 10:00:02 s[7]: boom\n"
         "Nov 23 10:00:03 systemd[1]: s.service: Failed with result 'exit-code'.\n",
         short_runs, 0},
        {"journald", /* -o short-monotonic, short-delta: since the machine began, no time of day */
         "[   12.119981] w systemd[1]: Starting s.service - S...\n"
         "[   13.119996 <    0.000015 >] w s[7]: boom\n"
         "[   14.119996] w systemd[1]: s.service: Failed with result 'exit-code'.\n",
         "s.service - #1 failed ?-? | boom / s.service: Failed with result 'exit-code'.\n", 0},
        {"journald", /* -o cat */
         "Starting s.service - S...\nboom\nStarted a.timer - A.\n"
         "s.service: Failed with result 'exit-code'.\n"
         "Failed to start s.service - S.\nStarting the engine\n",
         "s.service - #1 failed ?-? | s.service: Failed with result 'exit-code'.\n", 3},
        {"journald", /* -o json-sse */
         "data: {\"__REALTIME_TIMESTAMP\":\"1795428001000000\",\"SYSLOG_IDENTIFIER\":\"systemd\","
         "\"UNIT\":\"s.service\",\"MESSAGE\":\"Starting s.service - S...\"}\n\n"
         "data: {\"__REALTIME_TIMESTAMP\":\"1795428003000000\",\"SYSLOG_IDENTIFIER\":\"systemd\","
         "\"UNIT\":\"s.service\",\"MESSAGE\":\"Finished s.service - S.\"}\n\n",
         "s.service - #1 succeeded 10:00:01.000-10:00:03.000\n", 0},
        {"journald", /* -o json-seq, RFC 7464 */
         "\036{\"__REALTIME_TIMESTAMP\":\"1795428001000000\",\"SYSLOG_IDENTIFIER\":\"systemd\","
         "\"UNIT\":\"s.service\",\"MESSAGE\":\"Starting s.service - S...\"}\n"
         "\036{\"__REALTIME_TIMESTAMP\":\"1795428003000000\",\"SYSLOG_IDENTIFIER\":\"systemd\","
         "\"UNIT\":\"s.service\",\"MESSAGE\":\"Finished s.service - S.\"}\n",
         "s.service - #1 succeeded 10:00:01.000-10:00:03.000\n", 0},
        {"journald", /* -o json-pretty */
         "{\n\t\"__REALTIME_TIMESTAMP\" : \"1795428001000000\",\n\t\"SYSLOG_IDENTIFIER\" : "
         "\"systemd\",\n\t\"UNIT\" : \"s.service\",\n\t\"MESSAGE\" : \"Starting s.service - "
         "S...\"\n}\n"
         "{\n\t\"UNIT\" : \"s.service\",\n\t\"SYSLOG_IDENTIFIER\" : \"systemd\",\n\t\"MESSAGE\" : "
         "\"Finished s.service - S.\",\n\t\"__REALTIME_TIMESTAMP\" : \"1795428003000000\"\n}\n",
         "s.service - #1 succeeded 10:00:01.000-10:00:03.000\n", 0},
        {"journald", /* -o verbose */
         "Mon 2026-11-23 10:00:01.000000 UTC [s=ab;i=1;b=4;m=ad;t=6;x=2]\n"
         "    SYSLOG_IDENTIFIER=systemd\n    UNIT=s.service\n"
         "    MESSAGE=Starting s.service - S...\n"
         "Mon 2026-11-23 10:00:02.000000 UTC [s=ab;i=2;b=4;m=ad;t=6;x=2]\n"
         "    SYSLOG_IDENTIFIER=x\n    _SYSTEMD_UNIT=s.service\n    MESSAGE=boom\n"
         "Mon 2026-11-23 10:00:03.000000 UTC [s=ab;i=3;b=4;m=ad;t=6;x=2]\n"
         "    MESSAGE=s.service: Failed with result 'exit-code'.\n"
         "    SYSLOG_IDENTIFIER=systemd\n    UNIT=s.service\n",
         short_runs, 0},
    };
    CHECK(samples);
}

/* Lines that only describe (before systemd 250, StatusUnitFormat=description): which unit is meant
 * is learnt from what follows its failure. */
static void units_that_are_only_described_end_as_their_failures_say(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"journald",
         "Nov 23 10:00:01 w systemd[1]: Starting Calls partners...\n"
         "Nov 23 10:00:01 w systemd[1]: Started Calls partners.\n"
         "Nov 23 10:00:01 w systemd[1]: Starting Takes too long...\n"
         "Nov 23 10:00:02 w systemd[1]: hooks.service: Failed with result 'exit-code'.\n"
         "Nov 23 10:00:03 w systemd[1]: slow.service: Failed with result 'timeout'.\n"
         "Nov 23 10:00:03 w systemd[1]: Failed to start Takes too long.\n"
         "Nov 23 10:00:04 w systemd[1]: hooks.service: Scheduled restart job, restart counter is "
         "at 1.\n"
         "Nov 23 10:00:04 w systemd[1]: Stopped Calls partners.\n"
         "Nov 23 10:00:05 w systemd[1]: Starting Takes too long...\n"
         "Nov 23 10:00:05 w systemd[1]: Started Calls partners.\n"
         "Nov 23 10:00:06 w systemd[1]: Stopped Calls partners.\n"
         "Nov 23 10:00:07 w systemd[1]: slow.service: Failed with result 'timeout'.\n",
         "Calls partners - #1 failed 10:00:01.000-10:00:02.000 | hooks.service: Scheduled "
         "restart job, restart counter is at 1. / Stopped Calls partners.\n"
         "Takes too long - #1 timeout 10:00:01.000-10:00:03.000 | Failed to start Takes too "
         "long.\n"
         "Takes too long - #1 timeout 10:00:05.000-10:00:07.000 | slow.service: Failed with result "
         "'timeout'.\n"
         "Calls partners - #1 cancelled 10:00:05.000-10:00:06.000\n",
         2},
    };
    CHECK(samples);
}

/* "python3[7]:" names no unit: of two that have just begun, the one that Python ran before, else
 * none. */
static void an_interpreters_lines_are_not_given_to_whoever_began_last(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"journald",
         "Nov 23 10:00:00 w systemd[1]: Starting sync.service - S...\n"
         "Nov 23 10:00:00 w systemd[1]: Starting slow.service - L...\n"
         "Nov 23 10:00:00 w python3[6]: ValueError: whose?\n"
         "Nov 23 10:00:03 w systemd[1]: sync.service: Failed with result 'exit-code'.\n"
         "Nov 23 10:00:10 w systemd[1]: Starting sync.service - S...\n"
         "Nov 23 10:00:11 w python3[7]: ValueError: x\n"
         "Nov 23 10:00:12 w systemd[1]: sync.service: Failed with result 'exit-code'.\n"
         "Nov 23 10:00:20 w systemd[1]: slow.service: Failed with result 'timeout'.\n"
         "Nov 23 10:00:21 w systemd[1]: Starting sync.service - S...\n"
         "Nov 23 10:00:21 w systemd[1]: Starting slow.service - L...\n"
         "Nov 23 10:00:21 w python3[8]: ValueError: y\n"
         "Nov 23 10:00:22 w systemd[1]: sync.service: Failed with result 'exit-code'.\n",
         "sync.service - #1 failed 10:00:00.000-10:00:03.000 | sync.service: Failed with result "
         "'exit-code'.\n"
         "slow.service - #1 timeout 10:00:00.000-10:00:20.000 | slow.service: Failed with result "
         "'timeout'.\n"
         "sync.service - #1 failed 10:00:10.000-10:00:12.000 | ValueError: x / sync.service: "
         "Failed "
         "with result 'exit-code'.\n"
         "sync.service - #1 failed 10:00:21.000-10:00:22.000 | ValueError: y / sync.service: "
         "Failed "
         "with result 'exit-code'.\n"
         "slow.service - #1 unfinished 10:00:21.000-?\n",
         1},
    };
    CHECK(samples);
}

/* What is no text has its size in front, in 8 bytes: of 10 bytes that is a line feed. */
static void an_exported_journal_is_read_with_what_is_no_text(void **state)
{
    (void)state;
    static const char log[] =
        "__CURSOR=s=a;i=1\n__REALTIME_TIMESTAMP=1795428001000000\nSYSLOG_IDENTIFIER=systemd\n"
        "UNIT=s.service\nMESSAGE=Starting s.service - S...\n\n"
        "__CURSOR=s=a;i=2\n__REALTIME_TIMESTAMP=1795428002000000\nMESSAGE\n"
        "\n\0\0\0\0\0\0\0two\n\nlines\n_SYSTEMD_UNIT=s.service\nSYSLOG_IDENTIFIER=x\n\n"
        "__CURSOR=s=a;i=3\n__REALTIME_TIMESTAMP=1795428002500000\nMESSAGE\n"
        "\x09\0\0\0\0\0\0\0\033[1mboom\x01\nSYSLOG_IDENTIFIER=x\n_SYSTEMD_UNIT=s.service\n\n"
        "__CURSOR=s=a;i=4\n__REALTIME_TIMESTAMP=1795428003000000\nSYSLOG_IDENTIFIER=systemd\n"
        "UNIT=s.service\nMESSAGE=s.service: Failed with result 'exit-code'.\n";
    for (size_t step = 1; step <= 4096; step *= 4096) {
        struct logged s;
        log_read(&s, (struct rp_str){log, sizeof log - 1}, step, (struct rp_joblog_options){0});
        assert_true(s.ok);
        assert_string_equal(s.stats.format, "journald");
        assert_string_equal(rp_cstr(&s.arena, log_print(&s)),
                            "s.service - #1 failed 10:00:01.000-10:00:03.000 | two / lines / "
                            "boom\x01 / s.service: Failed with result 'exit-code'.\n");
        log_forget(&s);
    }
}

/* ---- times ---- */

static void times_of_many_lands_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *time; /* time: what it says in UTC */
    } cases[] = {
        {"2026-11-23 10:28:42 PM x", "2026-11-23T22:28:42.000000Z"},
        {"2026-11-23 12:00:05,250 am x", "2026-11-23T00:00:05.250000Z"},
        {"2026-11-23 12:00:05.5 p.m. x", "2026-11-23T12:00:05.500000Z"},
        {"11/23/2026 10:28:42 PM x", "2026-11-23T22:28:42.000000Z"},
        {"11/23/2026, 10:28:42\u202fPM x", "2026-11-23T22:28:42.000000Z"},
        {"9/3/2026, 1:02:03 AM x", "2026-09-03T01:02:03.000000Z"},
        {"23.11.2026, 22:28:42 x", "2026-11-23T22:28:42.000000Z"},
        {"3.9.2026 22:28:42,123 x", "2026-09-03T22:28:42.123000Z"},
        {"23-11-2026 22:28:42+01:00 x", "2026-11-23T21:28:42.000000Z"},
        {"20261123T222842Z x", "2026-11-23T22:28:42.000000Z"},
        {"20261123 22:28:42.5 x", "2026-11-23T22:28:42.500000Z"},
        {"[23/11/2026 22:28:42] x", "2026-11-23T22:28:42.000000Z"},
        {"2026-11-23 22:28:42 amen", "2026-11-23T22:28:42.000000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_stamp st = {.year = 2026};
        struct rp_str s = rp_str_of(cases[i].text);
        int64_t us = 0;
        bool syslog;
        char at[RP_TIME_LEN];
        if (!rp_stamp_take(&st, &s, &us, &syslog))
            fail_msg("%s: no time", cases[i].text);
        assert_string_equal(rp_time_format(us, at), cases[i].time);
    }
    struct rp_stamp st = {.year = 2026}; /* one day above 12 says which way all of them are */
    struct rp_str first = RP_STR("13/02/2026 10:00:00 x"), second = RP_STR("03/02/2026 10:00:00 x");
    int64_t a = 0, b = 0;
    bool syslog;
    assert_true(rp_stamp_take(&st, &first, &a, &syslog) &&
                rp_stamp_take(&st, &second, &b, &syslog));
    assert_int_equal(a - b, 10 * INT64_C(86400000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_around_the_lines_changes_nothing_of_the_runs),
        cmocka_unit_test(a_text_without_a_time_takes_the_one_around_it),
        cmocka_unit_test(lines_that_nobody_wrapped_are_read_as_they_are),
        cmocka_unit_test(a_journal_is_read_however_journalctl_prints_it),
        cmocka_unit_test(units_that_are_only_described_end_as_their_failures_say),
        cmocka_unit_test(an_interpreters_lines_are_not_given_to_whoever_began_last),
        cmocka_unit_test(an_exported_journal_is_read_with_what_is_no_text),
        cmocka_unit_test(times_of_many_lands_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
