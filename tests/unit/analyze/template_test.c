/* Formats of the user's own: how a line is taken apart, and which runs come of it. */
#include "logs.h"

static struct rp_str words[16];
static size_t n_words;

static struct rp_log_words list(const char *a, const char *b)
{
    struct rp_log_words w = {&words[n_words], 1};
    words[n_words++] = rp_str_of(a);
    if (b != NULL)
        words[n_words++] = rp_str_of(b);
    w.n += b != NULL;
    return w;
}

static struct rp_log_template parse(const char *line)
{
    struct rp_log_template t = {.name = RP_STR("own"), .cname = "own"};
    struct rp_err err;
    size_t at;
    n_words = 0;
    if (!rp_template_parse(rp_str_of(line), &t, &at, &err))
        fail_msg("%s: %s", line, err.message);
    return t;
}

static void check(const struct rp_log_template *t, const char *log, const char *runs,
                  uint64_t nobody)
{
    for (size_t step = 1; step <= 4096; step *= 4096) {
        struct logged s;
        log_read(&s, rp_str_of(log), step,
                 (struct rp_joblog_options){.templates = t, .n_templates = 1});
        if (!s.ok)
            fail_msg("%s", s.err.message);
        assert_string_equal(s.stats.format, "own");
        assert_string_equal(rp_cstr(&s.arena, log_print(&s)), runs);
        assert_int_equal(s.stats.unassigned_lines, nobody);
        log_forget(&s);
    }
}

static void a_line_is_taken_apart_by_its_template_and_the_common_words(void **state)
{
    (void)state;
    struct rp_log_template t = parse("{time} {level} [{type}] job {id} {event}");
    check(&t,
          "2026-11-23 10:00:00 INFO   [big sync] job 7 started\n"
          "2026-11-23 10:00:01 INFO   [big sync] job 8 started\n"
          "2026-11-23 10:00:02 ERROR  [big sync] job 7 failed after 2 s: no route\n"
          "Traceback (most recent call last):\n"
          "  File \"/srv/a.py\", line 1, in f\n"
          "OSError: no route\n"
          "printed by nobody in particular\n"
          "2026-11-23 10:00:03 INFO   [big sync] reloading\n"
          "2026-11-23 10:00:04 INFO   [big sync] job 8 done\n"
          "2026-11-23 10:00:05 INFO   [big sync] job 9 started\n",
          "big sync 7 #0 failed 10:00:00.000-10:00:02.000 | failed after 2 s: no route / Traceback "
          "(most recent call last): /   File \"/srv/a.py\", line 1, in f / OSError: no route\n"
          "big sync 8 #0 succeeded 10:00:01.000-10:00:04.000\n"
          "big sync 9 #0 unfinished 10:00:05.000-?\n",
          2);
}

static void words_of_its_own_count_alone_and_the_longest_wins(void **state)
{
    (void)state;
    struct rp_log_template t = parse("{type};{attempt};{event};{error};{*}");
    t.start = list("beginnt", NULL);
    t.succeeded = list("fertig", NULL);
    t.failed = list("ab", "abbruch");
    t.timeout = list("abbruch nach Zeit", NULL);
    check(&t,
          "etl;1;beginnt;;x\n"
          "etl;1;started;;x\n" /* not one of its words: a line of the run */
          "etl;1;ABBRUCH nach Zeit;zu spaet;x\n"
          "etl;2;beginnt;;\n"
          "etl;2;abbruch;kaputt;y\n"
          "etl;3;beginnt;;\n"
          "etl;3;fertig;;\n",
          "etl - #1 timeout ?-? | ABBRUCH nach Zeit / zu spaet\n"
          "etl - #2 failed ?-? | abbruch / kaputt\n"
          "etl - #3 succeeded ?-?\n",
          0);
}

static void it_is_told_apart_from_what_is_known_and_can_be_named(void **state)
{
    (void)state;
    struct rp_log_template t = parse("{time} ({type}) {event}");
    const char *log = "2026-11-23 10:00:00 (sync) started\n2026-11-23 10:00:01 (sync) done\n";
    check(&t, log, "sync - #0 succeeded 10:00:00.000-10:00:01.000\n", 0);
    struct logged s;
    struct rp_joblog_options o = {.templates = &t, .n_templates = 1, .format = RP_STR("own")};
    log_read(&s, RP_STR("nothing of it\n"), 99, o);
    assert_true(s.ok); /* named: not asked again */
    assert_int_equal(s.stats.unassigned_lines, 1);
    log_forget(&s);
    o.format = RP_STR("other");
    assert_null(rp_joblog_new(&o, &s.err));
    assert_non_null(strstr(s.err.hint, ", own"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_taken_apart_by_its_template_and_the_common_words),
        cmocka_unit_test(words_of_its_own_count_alone_and_the_longest_wins),
        cmocka_unit_test(it_is_told_apart_from_what_is_known_and_can_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
