/* The distance against a definition that is slow and short, and what counts as a slip. */
#include "base/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* The recursion of optimal string alignment (Boytsov 2011, 2.2), on lower-case words. */
static size_t slow(const char *a, size_t n, const char *b, size_t m)
{
    if (n == 0 || m == 0)
        return n + m;
    size_t best = slow(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
    size_t out = slow(a, n - 1, b, m) + 1, in = slow(a, n, b, m - 1) + 1;
    best = out < best ? out : best;
    best = in < best ? in : best;
    if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
        size_t swap = slow(a, n - 2, b, m - 2) + 1;
        best = swap < best ? swap : best;
    }
    return best;
}

/* Word number x of those of three letters: all up to length 4. */
static size_t word(unsigned x, char out[5])
{
    size_t n = 0;
    for (; x > 0; x = (x - 1) / 3)
        out[n++] = (char)('a' + (x - 1) % 3);
    out[n] = '\0';
    return n;
}

static void distances_of_all_short_words_are_those_of_the_definition(void **state)
{
    (void)state;
    enum { WORDS = 1 + 3 + 9 + 27 + 81 };
    char a[5], b[5];
    for (unsigned i = 0; i < WORDS; i++)
        for (unsigned j = 0; j < WORDS; j++) {
            size_t n = word(i, a), m = word(j, b);
            size_t came = rp_edit_distance((struct rp_str){a, n}, (struct rp_str){b, m});
            if (came != slow(a, n, b, m))
                fail_msg("%s, %s: %zu, not %zu", a, b, came, slow(a, n, b, m));
        }
}

static void case_does_not_count_and_long_words_are_far_from_all(void **state)
{
    (void)state;
    static const char longest[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    assert_int_equal(rp_edit_distance(RP_STR("Berlin"), RP_STR("bERLNi")), 1);
    assert_int_equal(rp_edit_distance(rp_str_of(longest), RP_STR("")), 64);
    assert_int_equal(rp_edit_distance(rp_str_of("x"), (struct rp_str){longest, 64}), 64);
    assert_true(rp_edit_distance((struct rp_str){longest, 65}, RP_STR("")) == SIZE_MAX);
}

static const char *const names[] = {"status", NULL, "schedules", "schedule", "jobs"};

static const char *name_of(const void *ctx, size_t i)
{
    return ((const char *const *)ctx)[i];
}

static const char *near(const char *s)
{
    return rp_near(rp_str_of(s), name_of, names, sizeof names / sizeof *names);
}

static void a_slip_finds_the_nearest_name_and_another_word_finds_none(void **state)
{
    (void)state;
    assert_string_equal(near("statsu"), "status");
    assert_string_equal(near("shedule"), "schedule");
    assert_string_equal(near("SCHEDULES"), "schedules");
    assert_string_equal(near("job"), "jobs");
    assert_null(near("deploy"));
    assert_null(near(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_of_all_short_words_are_those_of_the_definition),
        cmocka_unit_test(case_does_not_count_and_long_words_are_far_from_all),
        cmocka_unit_test(a_slip_finds_the_nearest_name_and_another_word_finds_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
