/* Slices, numbers, UTF-8, arenas, buffers. Oracles: strtoll, the table 3-7 of Unicode as ranges,
 * published FNV-1a values. */
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void slices_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(rp_str_eq(RP_NONE, RP_STR("")));
    assert_true(rp_str_eq(RP_STR("a\0b"), RP_STR("a\0b")));
    assert_false(rp_str_eq(RP_STR("a\0b"), RP_STR("a\0c")));
    assert_true(rp_str_cmp(RP_STR("a"), RP_STR("ab")) < 0);
    assert_true(rp_str_cmp(RP_STR("b"), RP_STR("ab")) > 0);
    assert_true(rp_str_cmp(RP_STR("\xff"), RP_STR("a")) > 0);
    assert_int_equal(rp_str_cmp(RP_NONE, RP_STR("")), 0);
    assert_false(rp_str_is(RP_NONE, ""));
    assert_true(rp_str_is(RP_STR(""), ""));
    assert_false(rp_str_is(RP_STR("ab"), "a"));
    assert_null(rp_str_of(NULL).p);
}

static void starts_ends_and_find_see_the_edges(void **state)
{
    (void)state;
    assert_true(rp_str_starts(RP_STR("abc"), "abc") && rp_str_starts(RP_NONE, ""));
    assert_false(rp_str_starts(RP_STR("ab"), "abc"));
    assert_true(rp_str_ends(RP_STR("abc"), "bc") && rp_str_ends(RP_STR(""), ""));
    assert_false(rp_str_ends(RP_STR("c"), "bc"));
    assert_int_equal(rp_str_find(RP_STR("abcabc"), RP_STR("ca")), 2);
    assert_int_equal(rp_str_find(RP_STR("abc"), RP_STR("abc")), 0);
    assert_int_equal(rp_str_find(RP_STR("abc"), RP_STR("")), 0);
    assert_true(rp_str_find(RP_STR("abc"), RP_STR("abcd")) == SIZE_MAX);
    assert_true(rp_str_find(RP_STR("abc"), RP_STR("x")) == SIZE_MAX);
    assert_true(rp_str_eq(rp_str_trim(RP_STR(" \t\r\n a b \v\f")), RP_STR("a b")));
    assert_int_equal(rp_str_trim(RP_STR("  ")).n, 0);
}

static void split_returns_empty_parts_and_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text, *joined;
        int parts;
    } rows[] = {{"a,b", "a|b|", 2}, {"", "|", 1}, {",", "||", 2}, {",a,,", "|a|||", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rp_str rest = rp_str_of(rows[i].text), part;
        struct rp_buf b = {0};
        int n = 0;
        for (; rp_str_split(&rest, ',', &part); n++) {
            rp_buf_str(&b, part);
            rp_buf_c(&b, '|');
        }
        assert_int_equal(n, rows[i].parts);
        assert_string_equal(b.p, rows[i].joined);
        rp_buf_free(&b);
    }
    struct rp_str none = RP_NONE, part;
    assert_false(rp_str_split(&none, ',', &part));
}

static void numbers_at_their_limits_are_exact_and_past_them_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "--1", "1-"};
    int64_t i;
    uint64_t u;
    assert_true(rp_str_i64(RP_STR("9223372036854775807"), &i) && i == INT64_MAX);
    assert_true(rp_str_i64(RP_STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(rp_str_u64(RP_STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(rp_str_i64(RP_STR("9223372036854775808"), &i));
    assert_false(rp_str_i64(RP_STR("-9223372036854775809"), &i));
    assert_false(rp_str_u64(RP_STR("18446744073709551616"), &u));
    assert_false(rp_str_u64(RP_STR("99999999999999999999"), &u));
    assert_false(rp_str_u64(RP_STR("-1"), &u));
    assert_true(rp_str_u64(RP_STR("00000000000000000000000000001"), &u) && u == 1);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        assert_false(rp_str_i64(rp_str_of(bad[k]), &i));
}

static void random_numbers_are_what_strtoll_says(void **state)
{
    (void)state;
    srand48(64);
    for (int k = 0; k < 20000; k++) {
        char text[32] = "";
        size_t n = (size_t)(lrand48() % 22), at = 0;
        if (n > 0 && lrand48() % 2 == 0)
            text[at++] = '-';
        while (at < n)
            text[at++] = (char)('0' + lrand48() % 10);
        char *end;
        errno = 0;
        int64_t want = strtoll(text, &end, 10), got;
        bool ok = errno == 0 && end != text && *end == '\0';
        assert_int_equal(rp_str_i64(rp_str_of(text), &got), ok);
        if (ok)
            assert_int_equal(got, want);
    }
}

/* ---- UTF-8 ---- */

/* Table 3-7 of the Unicode standard, row by row. */
static const unsigned char table[][8] = {
    {0x00, 0x7F},
    {0xC2, 0xDF, 0x80, 0xBF},
    {0xE0, 0xE0, 0xA0, 0xBF, 0x80, 0xBF},
    {0xE1, 0xEC, 0x80, 0xBF, 0x80, 0xBF},
    {0xED, 0xED, 0x80, 0x9F, 0x80, 0xBF},
    {0xEE, 0xEF, 0x80, 0xBF, 0x80, 0xBF},
    {0xF0, 0xF0, 0x90, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
    {0xF1, 0xF3, 0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
    {0xF4, 0xF4, 0x80, 0x8F, 0x80, 0xBF, 0x80, 0xBF},
};

static size_t table_len(const unsigned char *p, size_t n)
{
    for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
        size_t len = row == 0 ? 1 : row == 1 ? 2 : row < 6 ? 3 : 4, i = 0;
        while (i < len && i < n && p[i] >= table[row][2 * i] && p[i] <= table[row][2 * i + 1])
            i++;
        if (i == len)
            return len;
    }
    return 0;
}

/* Bytes next to the edges of every range of the table. */
static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                      0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
                                      0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};

static void utf8_is_the_table_of_the_standard(void **state)
{
    (void)state;
    enum { N = sizeof edges };
    for (int c = 0; c < 256; c++)
        for (int i = 0; i < N * N * N; i++) {
            unsigned char s[4] = {(unsigned char)c, edges[i / N / N], edges[i / N % N],
                                  edges[i % N]};
            for (size_t n = 1; n <= 4; n++)
                if (rp_utf8_len((const char *)s, n) != table_len(s, n))
                    fail_msg("%02x %02x %02x %02x, %zu bytes", s[0], s[1], s[2], s[3], n);
        }
    assert_true(rp_utf8_valid(RP_NONE));
    assert_true(rp_utf8_valid(RP_STR("a\0\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E")));
    assert_false(rp_utf8_valid(RP_STR("a\xE2\x82")));
    assert_false(rp_utf8_valid(RP_STR("\x80")));
}

static void a_cut_text_ends_with_a_whole_character(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E";
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t n = 0; n <= 10; n++)
        assert_int_equal(rp_utf8_whole(text, n), whole[n]);
}

static void the_hash_is_fnv_1a(void **state)
{
    (void)state;
    assert_true(rp_hash64(RP_STR("")) == 0xcbf29ce484222325u);
    assert_true(rp_hash64(RP_STR("a")) == 0xaf63dc4c8601ec8cu);
    assert_true(rp_hash64(RP_STR("foobar")) == 0x85944171f73967e8u);
}

/* ---- memory ---- */

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    enum { N = 2000 };
    struct rp_arena a = {0};
    unsigned char *p[N];
    size_t n[N];
    srand48(16);
    for (int i = 0; i < N; i++) {
        n[i] = (size_t)(lrand48() % (i % 100 == 0 ? 20000 : 100));
        p[i] = rp_alloc(&a, n[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        for (size_t k = 0; k < n[i]; k++)
            assert_int_equal(p[i][k], 0);
        memset(p[i], i & 0xFF, n[i]);
    }
    for (int i = 0; i < N; i++)
        for (size_t k = 0; k < n[i]; k++)
            assert_int_equal(p[i][k], i & 0xFF);
    assert_true(a.used > 0);
    rp_arena_free(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(RP_NEW_N(&a, int64_t, 10));
    rp_arena_free(&a);
}

static void copies_end_with_nul_and_formats_of_any_length_are_whole(void **state)
{
    (void)state;
    struct rp_arena a = {0};
    assert_string_equal(rp_cstr(&a, (struct rp_str){"abc", 2}), "ab");
    assert_string_equal(rp_cstr(&a, RP_NONE), "");
    assert_null(rp_str_dup(&a, RP_NONE).p);
    assert_non_null(rp_str_dup(&a, RP_STR("")).p);
    for (int n = 250; n < 260; n++) {
        struct rp_str s = rp_str_fmt(&a, "%*d", n, 7);
        assert_int_equal(s.n, n);
        assert_int_equal(s.p[n - 1], '7');
        assert_int_equal(s.p[n], '\0');
    }
    rp_arena_free(&a);
}

static void a_buffer_keeps_what_was_added_in_any_pieces(void **state)
{
    (void)state;
    struct rp_buf b = {0};
    for (int i = 0; i < 1000; i++)
        rp_buf_fmt(&b, "%0*d", i % 300 + 1, 1);
    size_t at = 0;
    for (int i = 0; i < 1000; i++) {
        at += (size_t)(i % 300);
        assert_int_equal(b.p[at++], '1');
    }
    assert_int_equal(b.n, at);
    assert_int_equal(b.p[b.n], '\0');
    rp_buf_free(&b);
    assert_non_null(rp_buf_view(&b).p);
    assert_int_equal(rp_buf_view(&b).n, 0);
}

static void a_buffer_never_grows_past_its_limit(void **state)
{
    (void)state;
    struct rp_buf b = {.limit = 5};
    rp_buf_str(&b, RP_STR("abc"));
    rp_buf_str(&b, RP_STR("de"));
    assert_false(b.overflow);
    rp_buf_c(&b, 'f');
    assert_true(b.overflow);
    rp_buf_free(&b);
    assert_false(b.overflow);
    rp_buf_str(&b, RP_STR("abc"));
    rp_buf_str(&b, RP_STR("def"));
    rp_buf_c(&b, 'g');
    assert_string_equal(b.p, "abc");
    rp_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_by_bytes),
        cmocka_unit_test(starts_ends_and_find_see_the_edges),
        cmocka_unit_test(split_returns_empty_parts_and_ends),
        cmocka_unit_test(numbers_at_their_limits_are_exact_and_past_them_refused),
        cmocka_unit_test(random_numbers_are_what_strtoll_says),
        cmocka_unit_test(utf8_is_the_table_of_the_standard),
        cmocka_unit_test(a_cut_text_ends_with_a_whole_character),
        cmocka_unit_test(the_hash_is_fnv_1a),
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(copies_end_with_nul_and_formats_of_any_length_are_whole),
        cmocka_unit_test(a_buffer_keeps_what_was_added_in_any_pieces),
        cmocka_unit_test(a_buffer_never_grows_past_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
