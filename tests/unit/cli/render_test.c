/* Values for people: numbers, durations, ages, sizes, foreign text, widths, tables. Expected texts
 * by hand. */
#include "cli/internal.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW INT64_C(1795485600000000) /* 2026-11-24T02:00:00Z */

static struct cli cli = {.width = 80, .now_us = NOW};

static void numbers_have_thousands_separators(void **state)
{
    (void)state;
    assert_string_equal(show_count(&cli, 0), "0");
    assert_string_equal(show_count(&cli, 999), "999");
    assert_string_equal(show_count(&cli, 1204), "1,204");
    assert_string_equal(show_count(&cli, -1234567), "-1,234,567");
    assert_string_equal(show_count(&cli, INT64_MAX), "9,223,372,036,854,775,807");
    assert_string_equal(show_plural(&cli, 1, "job", "jobs"), "1 job");
    assert_string_equal(show_plural(&cli, 0, "job", "jobs"), "0 jobs");
}

static void durations_have_the_unit_that_reads_best(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {{-5, "0 s"},
                 {0, "0 s"},
                 {999, "999 µs"},
                 {84000, "84 ms"},
                 {999499, "999 ms"},
                 {999500, "1.0 s"},
                 {3100000, "3.1 s"},
                 {9949999, "9.9 s"},
                 {9950000, "10 s"},
                 {59499999, "59 s"},
                 {59500000, "1 min"},
                 {60 * RP_US_S, "1 min"},
                 {370 * RP_US_S, "6 min 10 s"},
                 {RP_US_H, "1 h"},
                 {26 * RP_US_H + 30 * RP_US_MIN, "26 h 30 min"},
                 {48 * RP_US_H, "2 d"},
                 {3 * RP_US_DAY + 5 * RP_US_H, "3 d 5 h"},
                 {400 * RP_US_DAY, "400 d"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(show_span(&cli, cases[i].us), cases[i].text);
}

static void times_carry_zone_and_age(void **state)
{
    (void)state;
    assert_string_equal(show_time(&cli, NOW - 7 * RP_US_MIN), "01:53 UTC, 7 min ago");
    assert_string_equal(show_time(&cli, NOW - 3 * RP_US_H), "2026-11-23 23:00 UTC, 3 h ago");
    assert_string_equal(show_time(&cli, NOW - 89 * RP_US_S), "01:58 UTC, 89 s ago");
    assert_string_equal(show_time(&cli, NOW + 5 * RP_US_MIN), "02:05 UTC, in 5 min");
    assert_string_equal(show_time(&cli, NOW), "02:00 UTC, 0.0 s ago");
    assert_string_equal(show_age(&cli, NOW + RP_US_S), "0.0 s"); /* clocks differ a little */
}

static void sizes_and_shares_are_short(void **state)
{
    (void)state;
    assert_string_equal(show_bytes(&cli, 999), "999 B");
    assert_string_equal(show_bytes(&cli, 1500), "1.5 kB");
    assert_string_equal(show_bytes(&cli, 84000000), "84 MB");
    assert_string_equal(show_bytes(&cli, INT64_MAX), "9223 PB");
    assert_string_equal(show_percent(&cli, 0.231), "23.1 %");
    assert_string_equal(show_percent(&cli, 0.1), "10 %");
    assert_string_equal(show_percent(&cli, 0.0004), "< 0.1 %");
    assert_string_equal(show_percent(&cli, 0), "0 %");
}

static void S15_foreign_text_is_escaped(void **state)
{
    (void)state;
    assert_string_equal(show_text(&cli, RP_STR("a\x1b[31mb\n\t\x7f")), "a\\x1b[31mb\\n\\t\\x7f");
    assert_string_equal(show_text(&cli, RP_STR("\u202ex\u2066y\u200f\ufeff")),
                        "\\u{202e}x\\u{2066}y\\u{200f}\\u{feff}");
    assert_string_equal(show_text(&cli, RP_STR("\xff\xc3(\xc2\x9b")), "\\xff\\xc3(\\x9b");
    assert_string_equal(show_text(&cli, (struct rp_str){"a\0b", 3}), "a\\x00b");
    assert_string_equal(show_text(&cli, RP_STR("Grüße, 世界 ✓")), "Grüße, 世界 ✓");
    assert_string_equal(show_text(&cli, RP_NONE), "");
    assert_string_equal(show_lines(&cli, RP_STR("a\n\tb\r")), "a\n\tb\\r");
}

static void a_cut_text_keeps_whole_characters_and_its_width(void **state)
{
    (void)state;
    assert_string_equal(show_cut(&cli, RP_STR("abcdef"), 6), "abcdef");
    assert_string_equal(show_cut(&cli, RP_STR("abcdefg"), 6), "abcde…");
    assert_string_equal(show_cut(&cli, RP_STR("世界世界"), 6), "世界…");
    assert_int_equal(text_width("\033[31m世x\033[0m"), 3);
}

static void a_near_word_is_found_and_a_far_one_is_not(void **state)
{
    static const char *const names[] = {"status", "jobs", "job show", "replay", "deps"};
    (void)state;
    assert_string_equal(close_match(RP_STR("stauts"), names, 5), "status");
    assert_string_equal(close_match(RP_STR("jbos"), names, 5), "jobs");
    assert_string_equal(close_match(RP_STR("rep"), names, 5), "replay");
    assert_string_equal(close_match(RP_STR("job shwo"), names, 5), "job show");
    assert_null(close_match(RP_STR("banana"), names, 5));
    assert_null(close_match(RP_STR(""), names, 5));
    assert_null(close_match(RP_STR("a-word-longer-than-anything-in-the-table"), names, 5));
}

static void an_answer_is_read_by_paths(void **state)
{
    struct rp_str doc =
        RP_STR("{\"a\":{\"b\":[1,2,{\"c\":\"x\\n\"}],\"t\":\"2026-11-24T02:00:00Z\"},"
               "\"n\":null,\"f\":0.25,\"y\":true,\"i\":-7,\"a.b\":1}");
    (void)state;
    assert_int_equal(items_count(doc, "a.b"), 3);
    assert_true(doc_time(&cli, doc, "a.t") == NOW);
    assert_false(doc_has(doc, "n"));
    assert_false(doc_has(doc, "a.x.y"));
    assert_true(doc_f64(doc, "f", 1) == 0.25 && doc_f64(doc, "i", 1) == -7);
    assert_true(doc_bool(doc, "y") && !doc_bool(doc, "i"));
    assert_int_equal(doc_i64(doc, "i", 1), -7);
    assert_int_equal(doc_i64(doc, "f", 1), 1);
    assert_false(doc_has(RP_STR("not json"), "a"));
    assert_int_equal(items_count(RP_STR("[1"), "a"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_thousands_separators),
        cmocka_unit_test(durations_have_the_unit_that_reads_best),
        cmocka_unit_test(times_carry_zone_and_age),
        cmocka_unit_test(sizes_and_shares_are_short),
        cmocka_unit_test(S15_foreign_text_is_escaped),
        cmocka_unit_test(a_cut_text_keeps_whole_characters_and_its_width),
        cmocka_unit_test(a_near_word_is_found_and_a_far_one_is_not),
        cmocka_unit_test(an_answer_is_read_by_paths),
    };
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rp_arena_free(&cli.arena);
    return failed;
}
