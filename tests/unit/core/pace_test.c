/* Rates (users.md U4): whatever asks, and whenever, no window of a rate's length holds more than
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "core/pace.h"

enum { STARTS = 40000 };

static const char *const rates[] = {
    "1/s",    "2/s",     "3/s", "7/s",   "20/s", "99/s",   "100/s",    "150/s", "999/s", "1000/s",
    "7321/s", "10000/s", "1/m", "100/m", "61/m", "5000/h", "100000/h", "1/h",   "3/d"};
enum { RATES = sizeof rates / sizeof *rates };

static struct rp_pace pace(const char *text)
{
    struct rp_pace p;
    if (!rp_pace_parse(rp_str_of(text), &p))
        fail_msg("%s was refused", text);
    return p;
}

/* The k-th start must be at least a window after the one n before it. */
static void within(const char *rate, const struct rp_pace *p, const int64_t *at, size_t n)
{
    for (size_t k = (size_t)p->n; k < n; k++)
        if (at[k] - at[k - (size_t)p->n] < p->per_us)
            fail_msg("%s: %lld starts in %lld us, the last is number %zu", rate,
                     (long long)p->n + 1, (long long)(at[k] - at[k - (size_t)p->n]), k);
}

static uint64_t roll(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* Asks after random times, from far too often to far too seldom, and takes what it gets or less. */
static size_t take(const struct rp_pace *p, uint64_t *seed, int64_t *at)
{
    int64_t now = INT64_C(1767225600) * RP_US_S, state = 0;
    size_t n = 0;
    while (n < STARTS) {
        int64_t gap = p->interval_us * (int64_t)(roll(seed) % 5 == 0 ? roll(seed) % 300 : 1);
        now += (int64_t)(roll(seed) % (uint64_t)(gap + 1));
        int64_t room = rp_pace_room(p, state, now);
        assert_true(room <= p->burst);
        assert_int_equal(room > 0, rp_pace_next_us(p, state) <= now);
        int64_t taken =
            room > 0 && roll(seed) % 4 == 0 ? (int64_t)(roll(seed) % (uint64_t)room) : room;
        state = rp_pace_after(p, state, now, taken);
        for (int64_t i = 0; i < taken && n < STARTS; i++)
            at[n++] = now;
    }
    return n;
}

static void U4_no_window_holds_more_than_the_rate(void **state)
{
    (void)state;
    int64_t *at = calloc(STARTS, sizeof *at);
    uint64_t seed = 88172645463325252u;
    for (size_t r = 0; r < RATES; r++) {
        struct rp_pace p = pace(rates[r]);
        within(rates[r], &p, at, take(&p, &seed, at));
    }
    free(at);
}

/* … and who always asks gets nearly all of it. */
static void U4_a_rate_is_used_up_to_two_per_cent(void **state)
{
    (void)state;
    for (size_t r = 0; r < RATES; r++) {
        struct rp_pace p = pace(rates[r]);
        int64_t begin = INT64_C(1767225600) * RP_US_S, now = begin, at = 0, n = 0;
        while (now < begin + 10 * p.per_us) {
            int64_t room = rp_pace_room(&p, at, now);
            n += room;
            at = rp_pace_after(&p, at, now, room);
            now = rp_pace_next_us(&p, at);
        }
        if ((double)n < .98 * 10 * (double)p.n)
            fail_msg("%s: %lld starts in ten windows", rates[r], (long long)n);
    }
}

static void an_idle_time_saves_up_no_more_than_a_burst(void **state)
{
    (void)state;
    struct rp_pace slow = pace("20/s"), fast = pace("1000/s");
    assert_int_equal(rp_pace_room(&slow, 0, RP_US_DAY), 1);
    assert_int_equal(rp_pace_room(&fast, 0, RP_US_DAY), 10);
}

static void a_clock_that_is_set_back_stops_nobody(void **state)
{
    (void)state;
    struct rp_pace p = pace("20/s");
    int64_t at = rp_pace_after(&p, 0, 10 * RP_US_DAY, 1), now = RP_US_DAY;
    assert_int_equal(rp_pace_room(&p, at, now), 0);
    at = rp_pace_after(&p, at, now, 0);
    assert_int_equal(rp_pace_room(&p, at, now + 50000), 1);
}

static void only_a_number_and_a_unit_is_a_rate(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",        "20",          "/s",    "20/",   "20/x",
                                        "0/s",     "-1/s",        "1.5/s", "20 /s", "20/s ",
                                        "10001/s", "864000001/d", "a/s",   "1/s/s"};
    struct rp_pace p;
    char text[RP_PACE_LEN];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (rp_pace_parse(rp_str_of(wrong[i]), &p))
            fail_msg("\"%s\" was taken", wrong[i]);
    for (size_t r = 0; r < RATES; r++) {
        p = pace(rates[r]);
        assert_string_equal(rp_pace_format(&p, text), rates[r]);
    }
    p = pace("90/min"); /* as `replay --rate` has it */
    assert_string_equal(rp_pace_format(&p, text), "90/m");
    p = pace("none");
    assert_int_equal(p.n, 0);
    assert_string_equal(rp_pace_format(&p, text), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(U4_no_window_holds_more_than_the_rate),
        cmocka_unit_test(U4_a_rate_is_used_up_to_two_per_cent),
        cmocka_unit_test(an_idle_time_saves_up_no_more_than_a_burst),
        cmocka_unit_test(a_clock_that_is_set_back_stops_nobody),
        cmocka_unit_test(only_a_number_and_a_unit_is_a_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
