/* Where each mistake of a configuration is said to be. In the texts "@@" stands before the
 * character whose line and column must be named; it is taken out before loading. */
#include "analyze/joblog.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rp_mistakes mistakes;

static const char *no_variable(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static struct rp_config *parse(const char *text)
{
    static const struct rp_config_world world = {.variable = no_variable};
    return rp_config_parse(rp_str_of(text), RP_STR("t.yaml"), &world, &mistakes);
}

static const struct {
    const char *text, *says;
} bad[] = {
    {"@@sotre: x\n", "unknown key \"sotre\""},
    {"jobs:\n  a:\n    @@timeuot: 5m\n", "unknown key \"timeuot\""},
    {"jobs:\n  a:\n    timeout: @@5 minutes\n",
     "timeout: found \"5 minutes\", expected a duration"},
    {"jobs:\n  a:\n    timeout: @@300\n", "expected a duration"},
    {"jobs:\n  a: { run: [x], retries: @@-1 }\n", "retries: \"-1\" is not within 0 and 1000"},
    {"jobs:\n  a:\n    grace: @@2h\n", "is not within 0s and 1h"},
    {"jobs:\n  größe: { grace: 1s, retries: 1, @@groß: x }\n", "unknown key"},
    {"jobs:\n  @@größe: { retries: 1 }\n", "cannot be the name of a job"},
    {"jobs:\n  a:\n    idempotent: @@yes\n", "expected true or false"},
    {"jobs:\n  a:\n    overlap: \"@@never\"\n", "expected skip|queue|replace|allow"},
    {"jobs:\n  a:\n    run: @@node x.js\n", "expected a list"},
    {"jobs:\n  a:\n    run: @@[]\n", "does not begin with a program"},
    {"jobs:\n  a:\n    run: [x]\n    @@shell: x\n", "run and shell exclude each other"},
    {"jobs:\n  a:\n    run:\n    - a\n    - @@{b: c}\n", "found a map, expected a text"},
    {"dependencies: { db: { tcp: 'x:1' } }\njobs:\n  a:\n    needs: [db, @@bd]\n",
     "no dependency \"bd\""},
    {"dependencies: { db: { tcp: 'x:1' } }\njobs:\n  a:\n    needs: [db, @@db]\n", "given twice"},
    {"dependencies:\n  @@db: { every: 1m }\n", "found 0 of postgres"},
    {"dependencies:\n  @@db: { tcp: 'x:1', http: 'http://x/' }\n", "found 2 of postgres"},
    {"dependencies:\n  db: { tcp: 'x:1', @@expect: 200 }\n", "no meaning without http"},
    {"dependencies:\n  db: { tcp: '@@localhost' }\n", "expected host:port"},
    {"dependencies:\n  db: { http: '@@ftp://x' }\n", "begins with http://"},
    {"jobs:\n  a:\n    schedule: \"0 @@25 * * *\"\n", "hour"},
    {"jobs:\n  a:\n    schedule: @@60 * * * *\n", "minute: 60 is out of range"},
    {"jobs:\n  a:\n    schedule: 0 0 31 2 *\n    timezone: @@Mars/Olympus\n", "timezone"},
    {"jobs:\n  a:\n    schedule: CRON_TZ=Europe/Berlin 0 3 * * *\n    timezone: @@Asia/Tokyo\n",
     "contradicts"},
    {"log_formats:\n  x:\n    line: \"{time} @@{kind} {event}\"\n", "there is no field {kind}"},
    {"log_formats:\n  x:\n    line: '{time} {type}@@{event}'\n", "{event} follows a field at once"},
    {"log_formats:\n  x:\n    line: '{type} {event} @@{type}'\n", "{type} comes twice"},
    {"log_formats:\n  x:\n    line: '{type} @@{event'\n", "{ without }"},
    {"log_formats:\n  x:\n    line: '{type} event@@}'\n", "} without {"},
    {"log_formats:\n  x:\n    line: '@@{time} {type}'\n", "no {event}"},
    {"log_formats:\n  x:\n    line: '@@{time} {event}'\n", "neither {type} nor {id}"},
    {"log_formats:\n  @@x: { failed: [bad] }\n", "line is missing"},
    {"log_formats:\n  @@cron: { line: '{type} {event}' }\n", "the name is taken"},
    {"log_formats:\n  @@x: { line: '{type} {event}', start: [go] }\n",
     "no word says how a run ended"},
    {"log_formats:\n  x: { line: '{type} {event}', succeeded: [ok, bad], failed: @@[bad] }\n",
     "failed: \"bad\" is listed twice"},
    {"log_formats:\n  x: { line: '{type} {event}', @@faild: [bad] }\n", "unknown key \"faild\""},
    {"jobs:\n  a: 1\n@@jobs:\n  b: {}\n", "key \"jobs\" is given twice"},
    {"jobs:\n  a: {}\n  b: {}\n  \"@@a\": {}\n", "key \"a\" is given twice"},
    {"jobs:\n  a:\n    env: { @@1X: y }\n", "not the name of a variable"},
    {"jobs:\n  a:\n    env: { @@REPRISE_X: y }\n", "set by Reprise"},
    {"jobs:\n  a:\n    umask: @@0999\n", "octal"},
    {"jobs:\n  a:\n    cwd: @@srv\n", "absolute path"},
    {"jobs:\n  a:\n    limits: { memory: @@lots }\n", "expected a size"},
    {"jobs:\n  a:\n    backoff: [1s, @@x]\n", "backoff: found \"x\""},
    {"jobs:\n  a:\n    backoff: @@linear\n", "expected exponential|fixed"},
    {"jobs:\n  a:\n    expect: { @@newer_than: 1h }\n", "no meaning without file"},
    {"jobs:\n  a:\n    expect: { result: { /a: '@@>x' } }\n", "expected a number after >"},
    {"jobs:\n  a:\n    expect: { result: { @@a: 1 } }\n", "not a JSON pointer"},
    {"jobs:\n  a:\n    @@expect_within: 1h\n", "no meaning without expect_every"},
    {"jobs:\n  a:\n    on_oom: @@retry\n", "expected a map of keys"},
    {"jobs:\n  a:\n    run: [x]\n    limits: { memory: 1G }\n    on_oom: { memory: '@@2', max: 8G "
     "}\n",
     "expected a factor above 1"},
    {"jobs:\n  a:\n    run: [x]\n    limits: { memory: 1G }\n    on_oom: { memory: '@@x1', max: 8G "
     "}\n",
     "expected a factor above 1"},
    {"jobs:\n  a:\n    run: [x]\n    limits: { memory: 1G }\n    @@on_oom: { memory: x2 }\n",
     "memory and max are both needed"},
    {"jobs:\n  a:\n    run: [x]\n    @@on_oom: { memory: x2, max: 8G }\n", "needs limits: memory"},
    {"jobs:\n  a:\n    limits: { memory: 1G }\n    @@on_oom: { memory: x2, max: 8G }\n",
     "needs run or shell"},
    {"jobs:\n  a:\n    run: [x]\n    limits: { memory: 9G }\n    @@on_oom: { memory: x2, max: 8G "
     "}\n",
     "max is not above limits: memory"},
    {"jobs:\n  a:\n    rate: @@20\n", "expected a rate such as 20/s"},
    {"jobs:\n  a:\n    rate: @@20000/s\n", "expected a rate such as 20/s"},
    {"dependencies:\n  db: { tcp: 'x:1', rate: @@0/s }\n", "expected a rate such as 20/s"},
    {"jobs:\n  a:\n    hold_max: @@-1h\n", "hold_max: found \"-1h\", expected a duration"},
    {"jobs:\n  a:\n    schedule: '@@'\n", "schedule"},
    {"jobs:\n  a:\n    payload: { n: @@0x1f }\n    schedule: '@daily'\n", "JSON has no number"},
    {"defaults: { @@run: [x] }\n", "cannot have a default"},
    {"alerts: { job_failure_rate: { above: @@10 } }\n", "a share such as 10%"},
    {"alerts: { job_failure_rate: { above: @@150% } }\n", "at most 100%"},
    {"alerts: { schedule_missed: { @@x: 1 } }\n", "unknown key"},
    {"notify:\n  - @@webhook: https://x/\n", "needs secret_file"},
    {"notify: @@{ email: x }\n", "expected a list"},
    {"notify:\n  - { email: x, jobs: [@@nope] }\n", "no job \"nope\""},
    {"listen: @@localhost\n", "such as 127.0.0.1:7420"},
    {"store: @@mysql://u:pw@h/d\n", "expected sqlite:///path"},
    {"jobs:\n  a:\n    shell: echo @@${NOPE} x\n", "variable NOPE is not set"},
    {"jobs:\n  a:\n    shell: \"echo @@${HOME\"\n", "does not end with"},
    {"jobs:\n  a: @@[1]\n", "expected a map of keys"},
    {"@@- a\n", "expected a map of keys"},
    {"a: 1\n@@---\nb: 2\n", "a second document"},
    {"jobs: @@!!map {}\n", "tags"},
    {"jobs: &x\n  a: *@@x\n", "holds itself"},
    {"jobs: *@@nope\n", "no anchor"},
    {"? @@[a]\n: b\n", "a key must be a plain text"},
    {"jobs:\n  a:\n    description: \"x\" @@y\n", "not valid YAML"},
    {"jobs:\n  a: x@@\x01\n", "control character 0x01"},
    {"jobs:\n  ä: x@@\xff\n", "byte 0xff is not UTF-8"},
};

/* Takes "@@" out of the text; its line and column. */
static char *take_mark(const char *text, int *line, int *column)
{
    char *copy = rp_xstrdup(text), *mark = strstr(copy, "@@");
    *line = *column = 1;
    for (char *p = copy; p < mark; p++) {
        *column += ((unsigned char)*p & 0xC0) != 0x80;
        if (*p == '\n') {
            (*line)++;
            *column = 1;
        }
    }
    memmove(mark, mark + 2, strlen(mark + 2) + 1);
    return copy;
}

static bool is_said(int line, int column, const char *says)
{
    for (size_t i = 0; i < mistakes.errors; i++)
        if (mistakes.error[i].line == line && mistakes.error[i].column == column &&
            strstr(mistakes.error[i].err.message, says) != NULL)
            return true;
    return false;
}

static void each_mistake_names_its_line_and_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int line, column;
        char *text = take_mark(bad[i].text, &line, &column);
        if (bad[i].says != NULL) {
            struct rp_config *c = parse(text);
            struct rp_buf out = {0};
            rp_mistakes_print(&mistakes, RP_STR("t.yaml"), &out);
            if (c != NULL || !is_said(line, column, bad[i].says))
                fail_msg("%s\nexpected t.yaml:%d:%d: … %s, said:\n%s", text, line, column,
                         bad[i].says, out.n > 0 ? out.p : "nothing");
            rp_buf_free(&out);
        }
        free(text);
    }
}

static void a_slip_of_the_finger_is_answered_with_the_key_that_was_meant(void **state)
{
    (void)state;
    assert_null(parse("jobs: { a: { timeuot: 5m } }\n"));
    assert_string_equal(mistakes.error[0].err.hint, "did you mean timeout?");
    assert_null(parse("dependencies: { billing-db: { tcp: 'h:1' } }\n"
                      "jobs: { a: { needs: [billing_db] } }\n"));
    assert_string_equal(mistakes.error[0].err.hint, "did you mean billing-db?");
    assert_null(parse("jobs: { a: { zzzzzzz: 5m } }\n"));
    assert_string_equal(mistakes.error[0].err.hint, "docs/configuration.md lists the keys");
    assert_null(parse("dependencies: { d: { tcp: 'h:1', interval: 5s } }\n"));
    assert_string_equal(mistakes.error[0].err.hint,
                        "keys here: postgres http tcp command expect timeout every rate");
}

static void what_a_missing_variable_would_be_is_not_a_mistake_of_its_own(void **state)
{
    (void)state;
    assert_null(parse("dependencies: { d: { postgres: \"${NOPE}\" }, e: { tcp: 'x${NOPE}' } }\n"
                      "jobs: { a: { timeout: '${NOPE}', run: ['true'], needs: [d, e] } }\n"));
    assert_int_equal(mistakes.errors, 3);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(strstr(mistakes.error[i].err.message, "variable NOPE is not set"));
}

static void all_mistakes_are_reported_in_order_not_only_the_first(void **state)
{
    (void)state;
    assert_null(parse("jobs:\n  a: { retries: x }\n  b: { timeout: y }\nfoo: 1\nlisten: z\n"));
    assert_int_equal(mistakes.errors, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(mistakes.error[i].line, i + 2);
}

static void after_fifty_mistakes_the_rest_is_counted(void **state)
{
    (void)state;
    struct rp_buf text = {0};
    for (int i = 0; i < 70; i++)
        rp_buf_fmt(&text, "key%d: 1\n", i);
    assert_null(parse(text.p));
    assert_int_equal(mistakes.errors, 50);
    assert_int_equal(mistakes.errors_more, 20);
    rp_buf_free(&text);
}

static void a_log_format_cannot_take_the_name_of_one_that_is_known(void **state)
{
    (void)state;
    size_t n = 0;
    for (const char *name; (name = rp_joblog_format(n)) != NULL; n++) {
        char text[200];
        (void)snprintf(text, sizeof text, "log_formats:\n  %s: { line: '{type} {event}' }\n", name);
        struct rp_config *c = parse(text);
        if (c != NULL)
            fail_msg("%s can be taken: add it to src/config/logformats.c", name);
        assert_non_null(strstr(mistakes.error[0].err.message, "the name is taken"));
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_format_cannot_take_the_name_of_one_that_is_known),
        cmocka_unit_test(each_mistake_names_its_line_and_column),
        cmocka_unit_test(a_slip_of_the_finger_is_answered_with_the_key_that_was_meant),
        cmocka_unit_test(what_a_missing_variable_would_be_is_not_a_mistake_of_its_own),
        cmocka_unit_test(all_mistakes_are_reported_in_order_not_only_the_first),
        cmocka_unit_test(after_fifty_mistakes_the_rest_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
