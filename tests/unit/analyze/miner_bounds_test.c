#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/miner/miner.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t seed = 88172645463325252U;

/* xorshift64, Marsaglia 2003 */
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void put_word(struct rp_buf *b)
{
    for (size_t n = 3 + next_random() % 6; n > 0; n--)
        rp_buf_c(b, (char)('a' + next_random() % 26));
}

static struct rp_str garbage(struct rp_buf *b)
{
    b->n = 0;
    for (size_t n = 4 + next_random() % 6; n > 0; n--) {
        put_word(b);
        rp_buf_c(b, ' ');
    }
    return rp_buf_view(b);
}

static void a_flood_of_garbage_ends_in_one_pattern_with_a_count(void **state)
{
    enum { LINES = 100000 };
    struct rp_buf line = {0};
    (void)state;
    struct rp_miner *m = rp_miner_new();
    uint32_t known = rp_miner_add(m, RP_STR("lease of job 17 lost"));
    for (size_t i = 0; i < LINES; i++)
        (void)rp_miner_add(m, garbage(&line));
    struct rp_miner_stats s = rp_miner_stats(m);
    assert_int_equal(s.lines, LINES + 1);
    assert_true(s.forms <= RP_MINER_FORMS);
    assert_true(s.other >= LINES - RP_MINER_FORMS);
    assert_int_equal(rp_miner_add(m, garbage(&line)), RP_MINER_OTHER);
    assert_int_equal(rp_miner_add(m, RP_STR("lease of job 99 lost")), known);
    rp_buf_free(&line);
    rp_miner_free(m);
}

static void names_without_end_stay_one_pattern(void **state)
{
    enum { LINES = 150000 };
    struct rp_buf line = {0};
    (void)state;
    struct rp_miner *m = rp_miner_new();
    for (size_t i = 0; i < LINES; i++) {
        line.n = 0;
        rp_buf_str(&line, RP_STR("session of account '"));
        put_word(&line);
        rp_buf_fmt(&line, "q' could not be opened by scheduler %zu", i);
        (void)rp_miner_add(m, rp_buf_view(&line));
    }
    rp_miner_refine(m);
    struct rp_miner_stats s = rp_miner_stats(m);
    assert_int_equal(s.other, 0);
    assert_int_equal(s.patterns, 1);
    assert_true(s.forgotten > 0);
    assert_true(rp_str_is(rp_miner_find(m, rp_buf_view(&line)).template,
                          "session of account '<*>' could not be opened by scheduler <*>"));
    rp_buf_free(&line);
    rp_miner_free(m);
}

static void long_lines_and_odd_bytes_are_lines_like_others(void **state)
{
    enum { LONG = 100 << 20 };
    (void)state;
    struct rp_miner *m = rp_miner_new();
    char *text = malloc(LONG);
    assert_non_null(text);
    memset(text, '(', LONG);
    uint32_t first = rp_miner_add(m, (struct rp_str){text, LONG});
    memset(text, 0, LONG);
    uint32_t second = rp_miner_add(m, (struct rp_str){text, LONG});
    memset(text, 0xFF, LONG);
    uint32_t third = rp_miner_add(m, (struct rp_str){text, LONG});
    free(text);
    assert_true(first != second && second != third && first != third);
    assert_int_not_equal(rp_miner_add(m, RP_STR("")), RP_MINER_OTHER);
    assert_int_not_equal(rp_miner_add(m, RP_STR("a\0b \xC3( \xE2\x80")), RP_MINER_OTHER);
    rp_miner_refine(m);
    assert_int_equal(rp_miner_stats(m).forms, 5);
    rp_miner_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_garbage_ends_in_one_pattern_with_a_count),
        cmocka_unit_test(names_without_end_stay_one_pattern),
        cmocka_unit_test(long_lines_and_odd_bytes_are_lines_like_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
