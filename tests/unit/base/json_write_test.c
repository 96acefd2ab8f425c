/* The writer against the reader (which json_test.c holds against the RFC). */
#include "base/json.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rp_arena arena;

static struct rp_str read_str(struct rp_str text)
{
    struct rp_json r;
    struct rp_str out = RP_NONE;
    rp_json_open(&r, text, &arena);
    return rp_json_str(&r, &out) && rp_json_done(&r, NULL) ? out : RP_NONE;
}

static bool read_f64(struct rp_str text, double *v)
{
    struct rp_json r;
    rp_json_open(&r, text, &arena);
    return rp_json_f64(&r, v) && rp_json_done(&r, NULL);
}

static double random_double(void)
{
    uint64_t bits = (uint64_t)lrand48() << 62 ^ (uint64_t)lrand48() << 31 ^ (uint64_t)lrand48();
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void written_doubles_read_back_bit_for_bit(void **state)
{
    (void)state;
    srand48(8259);
    for (int i = 0; i < 100000; i++) {
        struct rp_buf b = {0};
        struct rp_jw w = {.out = &b};
        double v = i % 2 == 0 ? random_double() : (double)(lrand48() % 100000) / 100, back = 1;
        if (i % 16 == 0)
            v = (double)(lrand48() % 1000) * 5e-324;
        rp_jw_f64(&w, v);
        if (!isfinite(v))
            assert_string_equal(b.p, "null");
        else
            assert_true(read_f64(rp_buf_view(&b), &back) && memcmp(&v, &back, sizeof v) == 0);
        rp_buf_free(&b);
    }
}

static void doubles_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {0.1, "0.1"},       {1, "1"},      {-0.0, "-0"},      {100000, "100000"},
        {5e-324, "5e-324"}, {0.3, "0.3"},  {1e22, "1e+22"},   {0.1 + 0.2, "0.30000000000000004"},
        {12.5, "12.5"},     {NAN, "null"}, {INFINITY, "null"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rp_buf b = {0};
        struct rp_jw w = {.out = &b};
        rp_jw_f64(&w, rows[i].v);
        assert_string_equal(b.p, rows[i].text);
        rp_buf_free(&b);
    }
}

static void numbers_do_not_follow_the_locale(void **state)
{
    (void)state;
    static const char *const comma[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "ru_RU.UTF-8"};
    const char *set = NULL;
    for (size_t i = 0; i < 4 && set == NULL; i++)
        set = setlocale(LC_NUMERIC, comma[i]);
    if (set == NULL) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    double v;
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    bool ok = read_f64(RP_STR("1.5"), &v) && v == 1.5;
    rp_jw_f64(&w, 2.5);
    (void)setlocale(LC_NUMERIC, "C");
    assert_true(ok);
    assert_string_equal(b.p, "2.5");
    rp_buf_free(&b);
}

static void absent_members_are_left_out_and_commas_stand_right(void **state)
{
    (void)state;
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    rp_jw_object(&w);
    rp_jw_m_str(&w, "none", RP_NONE);
    rp_jw_m_cstr(&w, "none", NULL);
    rp_jw_m_time(&w, "none", 0);
    rp_jw_m_id(&w, "none", 0);
    rp_jw_m_raw(&w, "none", RP_NONE);
    rp_jw_m_str(&w, "s", RP_STR(""));
    rp_jw_m_i64(&w, "i", INT64_MIN);
    rp_jw_m_f64(&w, "f", 0.5);
    rp_jw_m_bool(&w, "b", false);
    rp_jw_m_time(&w, "t", 1);
    rp_jw_m_id(&w, "id", INT64_MAX);
    rp_jw_m_raw(&w, "r", RP_STR("[ 1]"));
    rp_jw_key(&w, "a");
    rp_jw_array(&w);
    rp_jw_array(&w);
    rp_jw_array_end(&w);
    rp_jw_object(&w);
    rp_jw_object_end(&w);
    rp_jw_null(&w);
    rp_jw_str(&w, RP_NONE);
    rp_jw_bool(&w, true);
    rp_jw_array_end(&w);
    rp_jw_object_end(&w);
    assert_string_equal(b.p, "{\"s\":\"\",\"i\":-9223372036854775808,\"f\":0.5,\"b\":false,"
                             "\"t\":\"1970-01-01T00:00:00.000001Z\",\"id\":\"9223372036854775807\","
                             "\"r\":[ 1],\"a\":[[],{},null,null,true]}");
    assert_true(rp_json_valid(rp_buf_view(&b), NULL));
    rp_buf_free(&b);
}

static void what_is_not_utf8_is_written_as_replacement_characters(void **state)
{
    (void)state;
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    rp_jw_str(&w, RP_STR("a\xFF\xC3\xA9\xE2\x82\"\\\x01\x1f\x7f\n\0z"));
    assert_string_equal(b.p, "\"a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\\\"\\\\\\u0001\\u001f"
                             "\x7f\\n\\u0000z\"");
    rp_buf_free(&b);
}

static void any_bytes_written_as_a_string_read_back(void **state)
{
    (void)state;
    srand48(2026);
    for (int i = 0; i < 20000; i++) {
        char bytes[24];
        size_t n = (size_t)(lrand48() % (long)sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)(lrand48() % (i % 2 == 0 ? 256 : 128));
        struct rp_str s = {bytes, n};
        struct rp_buf b = {0};
        struct rp_jw w = {.out = &b};
        rp_jw_str(&w, s);
        struct rp_str back = read_str(rp_buf_view(&b));
        assert_non_null(back.p);
        assert_true(rp_utf8_valid(s) ? rp_str_eq(s, back) : !rp_str_eq(s, back));
        rp_buf_free(&b);
        rp_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_doubles_read_back_bit_for_bit),
        cmocka_unit_test(doubles_are_written_in_their_shortest_form),
        cmocka_unit_test(numbers_do_not_follow_the_locale),
        cmocka_unit_test(absent_members_are_left_out_and_commas_stand_right),
        cmocka_unit_test(what_is_not_utf8_is_written_as_replacement_characters),
        cmocka_unit_test(any_bytes_written_as_a_string_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
