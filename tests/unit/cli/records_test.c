/* Names of what is imported: types as the store takes them, digests, the first line of a file. */
#include "cli/import.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rp_arena arena;

static int set_up(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    rp_arena_free(&arena);
    return 0;
}

static void a_name_that_the_store_takes_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "cd /srv/app && bin/x >/dev/null 2>&1", "Bücher",
                                        "(cd /srv; x)"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(rp_str_is(type_name(&arena, rp_str_of(names[i])), names[i]));
    char longest[200];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(type_name(&arena, (struct rp_str){longest, 200}).n, 200);
}

static void any_other_name_becomes_one_that_it_takes_and_stays_different(void **state)
{
    (void)state;
    char bytes[400];
    struct rp_str seen[600];
    srand48(3);
    for (size_t i = 0; i < 600; i++) {
        size_t n = i < 200 ? (size_t)(lrand48() % 12) : 150 + (size_t)(lrand48() % 250);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)(lrand48() & 0xff);
        bytes[n > 0 ? n - 1 : 0] = '\n'; /* never usable as it is */
        seen[i] = type_name(&arena, rp_str_dup(&arena, (struct rp_str){bytes, n}));
        assert_true(seen[i].n > 0 && seen[i].n <= 200 && rp_utf8_valid(seen[i]));
        for (size_t k = 0; k < seen[i].n; k++)
            assert_true((unsigned char)seen[i].p[k] >= ' ' && seen[i].p[k] != 0x7f);
        for (size_t k = 0; k < i && n > 3; k++)
            assert_false(rp_str_eq(seen[k], seen[i]));
    }
}

static void names_that_differ_only_behind_the_cut_stay_different(void **state)
{
    (void)state;
    char a[300], b[300];
    memset(a, 'x', sizeof a);
    memcpy(b, a, sizeof a);
    b[299] = 'y';
    struct rp_str one = type_name(&arena, (struct rp_str){a, 300});
    assert_false(rp_str_eq(one, type_name(&arena, (struct rp_str){b, 300})));
    assert_true(rp_str_eq(one, type_name(&arena, (struct rp_str){a, 300})));
}

static void a_digest_tells_texts_apart_by_where_they_end_and_absent_from_empty(void **state)
{
    (void)state;
    struct rp_str ab_c[] = {RP_STR("ab"), RP_STR("c")}, a_bc[] = {RP_STR("a"), RP_STR("bc")};
    struct rp_str empty[] = {RP_STR("ab"), RP_STR("")}, absent[] = {RP_STR("ab"), RP_NONE};
    struct rp_str first = digest(&arena, ab_c, 2);
    assert_int_equal(first.n, 32);
    assert_false(rp_str_eq(first, digest(&arena, a_bc, 2)));
    assert_false(rp_str_eq(digest(&arena, empty, 2), digest(&arena, absent, 2)));
    assert_true(rp_str_eq(first, digest(&arena, ab_c, 2)));
}

static void the_first_line_is_the_same_however_the_bytes_come_and_the_file_grows(void **state)
{
    (void)state;
    static const char text[] = "2026-11-23 start\nsecond\n";
    for (size_t step = 1; step < sizeof text; step++) {
        struct first_line f = {.n = 0};
        for (size_t i = 0; i < sizeof text - 1; i += step)
            first_line_feed(
                &f,
                (struct rp_str){text + i, step < sizeof text - 1 - i ? step : sizeof text - 1 - i});
        assert_true(f.whole && rp_str_is((struct rp_str){f.text, f.n}, "2026-11-23 start"));
    }
    struct first_line f = {.n = 0};
    for (int i = 0; i < 5000; i++)
        first_line_feed(&f, RP_STR("x"));
    assert_int_equal(f.n, FIRST_LINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_the_store_takes_stays_as_it_is),
        cmocka_unit_test(any_other_name_becomes_one_that_it_takes_and_stays_different),
        cmocka_unit_test(names_that_differ_only_behind_the_cut_stay_different),
        cmocka_unit_test(a_digest_tells_texts_apart_by_where_they_end_and_absent_from_empty),
        cmocka_unit_test(the_first_line_is_the_same_however_the_bytes_come_and_the_file_grows),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
