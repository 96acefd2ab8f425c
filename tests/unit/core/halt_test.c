/* The halt test of replays (replay.md 14) and its proof (25): a seeded simulation against the
 * specification's numbers. RP_HALT_ROUNDS replays a setting; `scripts/test-long` runs 10,000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#include "core/halt.h"

static const double alpha = 0.01;

/* ---- the formula ---- */

static void R14_p0_is_twice_the_baseline_and_at_least_two_percent(void **state)
{
    (void)state;
    assert_true(rp_halt_p0(0) == 0.02);
    assert_true(rp_halt_p0(0.01) == 0.02);
    assert_true(rp_halt_p0(0.018) == 0.036);
    assert_true(rp_halt_p0(0.05) == 0.1);
    assert_true(rp_halt_p0(0.9) == 0.5);
}

/* The mean of products, multiplied out. */
static double e_by_hand(double p0, int failed, int succeeded)
{
    const double a[] = {2 * p0, 5 * p0, 0.2, 0.5, 0.9};
    double sum = 0;
    int n = 0;
    for (int i = 0; i < 5; i++) {
        double e = 1;
        if (a[i] <= p0 || a[i] >= 1)
            continue;
        for (int k = 0; k < failed; k++)
            e *= a[i] / p0;
        for (int k = 0; k < succeeded; k++)
            e *= (1 - a[i]) / (1 - p0);
        sum += e;
        n++;
    }
    return sum / n;
}

static void R14_e_is_the_mean_over_alternatives_of_the_products(void **state)
{
    static const double p0s[] = {0.02, 0.036, 0.1, 0.2, 0.3, 0.5};
    (void)state;
    for (size_t i = 0; i < sizeof p0s / sizeof *p0s; i++)
        for (int failed = 0; failed < 20; failed += 3)
            for (int succeeded = 0; succeeded < 60; succeeded += 7) {
                double want = log(e_by_hand(p0s[i], failed, succeeded)),
                       is = rp_halt_log_e(p0s[i], failed, succeeded);
                if (fabs(want - is) > 1e-9)
                    fail_msg("p0 %g, %d failed, %d succeeded: %g instead of %g", p0s[i], failed,
                             succeeded, is, want);
            }
    assert_true(isfinite(rp_halt_log_e(0.02, 1000000, 0)));
    assert_true(isfinite(rp_halt_log_e(0.02, 0, 1000000)));
}

/* Under p0 the expectation of e is 1 after any number of outcomes: what makes it a test at all. */
static void R14_e_has_the_expectation_one_under_p0(void **state)
{
    static const double p0s[] = {0.02, 0.04, 0.1, 0.35, 0.5};
    (void)state;
    for (size_t i = 0; i < sizeof p0s / sizeof *p0s; i++) {
        double p = p0s[i], mean = 0, choose = 1;
        enum { N = 30 };
        for (int failed = 0; failed <= N; failed++) {
            mean += choose * pow(p, failed) * pow(1 - p, N - failed) *
                    exp(rp_halt_log_e(p, failed, N - failed));
            choose = choose * (N - failed) / (failed + 1);
        }
        assert_true(fabs(mean - 1) < 1e-9);
    }
}

static void R14_the_limits_of_all_waves_and_of_the_first_outcomes_sum_to_alpha(void **state)
{
    (void)state;
    double sum = 0;
    for (int64_t k = 1; k <= 100000; k++)
        sum += exp(-rp_halt_log_limit(alpha, k));
    assert_true(sum < alpha * 0.7 && sum > alpha * 0.7 * 0.9999);
}

/* By exact rational arithmetic (Python's fractions): the least c with P(Binomial(200, p0) ≥ c) of
 * at most .3 %, that probability, and the chance of fewer than c failures at 5·p0. */
static const struct {
    double p0;
    int64_t c;
    double said, missed;
} firsts[] = {
    {0.02, 11, 0.00253059943535, 0.0080712499551},
    {0.025, 13, 0.00172990426868, 0.00191412590479},
    {0.03, 15, 0.0011470953067, 0.000430254692388},
    {0.04, 18, 0.00123726094224, 6.87871412533e-06},
    {0.06, 23, 0.00221038196873, 1.31467108663e-10},
    {0.1, 33, 0.00291594147606, 9.09040019086e-24},
    {0.18, 53, 0.00183891983866, 1.66108765849e-102},
};

/* The chance of at least c of n, term by term. */
static double binomial_tail(int n, double p, int64_t c)
{
    double sum = 0;
    for (int64_t k = c; k <= n; k++) {
        double term = 0;
        for (int64_t i = 1; i <= n; i++) /* n! / k! / (n − k)! · p^k · (1 − p)^(n − k) */
            term += (i > k ? log((double)i) - log((double)(i - k)) + log1p(-p) : log(p));
        sum += exp(term);
    }
    return sum;
}

static void R14_the_limit_of_the_first_outcomes_is_the_binomial_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        assert_int_equal(rp_halt_first_limit(firsts[i].p0, alpha), firsts[i].c);
        assert_true(fabs(binomial_tail(200, firsts[i].p0, firsts[i].c) - firsts[i].said) < 1e-9);
        double missed = 1 - binomial_tail(200, 5 * firsts[i].p0, firsts[i].c);
        assert_true(fabs(missed - firsts[i].missed) < 1e-9);
        assert_true(missed <= 0.01); /* rule 25, whatever the processes say */
    }
    assert_int_equal(rp_halt_first_limit(0.02, 0), RP_HALT_FIRST + 1); /* never */
}

static void R14_only_what_is_certainly_among_the_first_outcomes_counts(void **state)
{
    (void)state;
    assert_false(rp_halt_first_says(0.02, alpha, 200, 10));
    assert_true(rp_halt_first_says(0.02, alpha, 11, 11));
    assert_true(rp_halt_first_says(0.02, alpha, 200, 11));
    assert_false(rp_halt_first_says(0.02, alpha, 201, 11)); /* the last one may have failed */
    assert_true(rp_halt_first_says(0.02, alpha, 205, 16));
    assert_false(rp_halt_first_says(0.02, alpha, 100000, 2000));
}

static void R14_no_halt_before_three_failures_whatever_e_says(void **state)
{
    (void)state;
    struct rp_halt_process p = {1, 2, 0, 0};
    assert_true(rp_halt_log_e(0.02, 2, 0) > rp_halt_log_limit(alpha, 1));
    assert_null(rp_halt_says(0.02, alpha, 2, 0, &p, 1));
    p.failed = 3;
    assert_ptr_equal(rp_halt_says(0.02, alpha, 3, 0, &p, 1), &p);
    assert_null(rp_halt_says(0.02, 0, 3, 0, &p, 1)); /* alpha 0: never */
}

static void R14_the_number_that_a_plan_promises_is_kept(void **state)
{
    (void)state;
    for (double p0 = 0.02; p0 <= 0.5; p0 += 0.01) {
        int64_t n = rp_halt_decision_after(p0, alpha);
        assert_in_range(n, 3, 30);
        double p = fmin(5 * p0, 0.9);
        for (int64_t f = 3; f <= n; f++) {
            double e = e_by_hand(p0, (int)f, (int)((double)f * (1 - p) / p));
            assert_int_equal(log(e) >= rp_halt_log_limit(alpha, 1) ||
                                 f >= rp_halt_first_limit(p0, alpha),
                             f == n);
        }
    }
}

/* ---- baseline ---- */

static void the_baseline_leaves_outages_out_and_nothing_else(void **state)
{
    (void)state;
    struct rp_halt_hour v[168] = {{0, 0}};
    assert_true(rp_halt_baseline(v, 168) == 0);
    for (int i = 0; i < 168; i++)
        v[i] = (struct rp_halt_hour){100, 3 + i % 3};
    assert_true(fabs(rp_halt_baseline(v, 168) - 0.04) < 1e-12);
    for (int i = 100; i < 124; i++)
        v[i] = (struct rp_halt_hour){100, 90}; /* a day of outage */
    assert_true(fabs(rp_halt_baseline(v, 168) - 0.04) < 0.0005);
    for (int i = 0; i < 168; i++)
        v[i] = (struct rp_halt_hour){1, i % 20 == 0}; /* one run an hour, 5 % of them fail */
    assert_true(fabs(rp_halt_baseline(v, 168) - 0.05) < 0.01);
    struct rp_halt_hour outage[] = {{104, 104}};
    assert_true(rp_halt_baseline(outage, 1) == 0); /* nothing else is known of the type */
    struct rp_halt_hour then[] = {{60, 0}, {60, 60}};
    assert_true(rp_halt_baseline(then, 2) == 0);
    struct rp_halt_hour few[] = {{10, 1}};
    assert_true(fabs(rp_halt_baseline(few, 1) - 0.1) < 1e-12);
}

/* ---- the simulation ---- */

/* splitmix64 (Steele, Lea, Flood, 2014) */
static double uniform(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Failure probability: `from` for the first `turn` items, then `to`; or moving evenly from one to
 * the other over all items (turn < 0). */
struct setting {
    const char *what;
    double baseline, from, to;
    int64_t items, turn;
};

struct run {
    bool halted;
    int64_t items, failed;
};

static double chance(const struct setting *s, int64_t i)
{
    if (s->turn < 0)
        return s->from + (s->to - s->from) * (double)i / (double)s->items;
    return i < s->turn ? s->from : s->to;
}

/* Each item is looked at; waves as a plan makes them. */
static struct run simulate(const struct setting *s, uint64_t *x)
{
    struct rp_halt_process v[RP_HALT_PROCESSES];
    size_t n = 0;
    int64_t failed = 0, k = 0, left = 0, one = s->items / 100;
    int64_t size = one < 5 ? 5 : one > 50 ? 50 : one;
    double p0 = rp_halt_p0(s->baseline);
    for (int64_t i = 0; i < s->items; i++) {
        if (left == 0) {
            if (n == RP_HALT_PROCESSES)
                memmove(v, v + 1, --n * sizeof *v);
            v[n++] = (struct rp_halt_process){++k, 0, 0, 0};
            left = size;
            size = size * 2 < 200 ? size * 2 : 200;
        }
        left--;
        bool bad = uniform(x) < chance(s, i);
        failed += bad;
        for (size_t q = 0; q < n; q++)
            v[q].failed += bad, v[q].succeeded += !bad;
        if (bad && (rp_halt_says(p0, alpha, failed, 0, v, n) != NULL ||
                    rp_halt_first_says(p0, alpha, i + 1, failed)))
            return (struct run){true, i + 1, failed};
    }
    return (struct run){false, s->items, failed};
}

static int by_number(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

struct result {
    double halted;
    int64_t items, failed; /* medians of the halted ones */
};

static struct result rounds(const struct setting *s, uint64_t seed, int64_t n)
{
    int64_t *items = rp_xcalloc((size_t)n, sizeof *items),
            *failed = rp_xcalloc((size_t)n, sizeof *failed), halted = 0;
    uint64_t x = seed;
    for (int64_t i = 0; i < n; i++) {
        struct run r = simulate(s, &x);
        if (r.halted)
            items[halted] = r.items, failed[halted++] = r.failed;
    }
    qsort(items, (size_t)halted, sizeof *items, by_number);
    qsort(failed, (size_t)halted, sizeof *failed, by_number);
    struct result out = {(double)halted / (double)n, halted > 0 ? items[halted / 2] : 0,
                         halted > 0 ? failed[halted / 2] : 0};
    print_message("%-26s baseline %2.0f %%  %5lld items  halted %7.3f %%  after %4lld items, %2lld "
                  "failures\n",
                  s->what, s->baseline * 100, (long long)s->items, out.halted * 100,
                  (long long)out.items, (long long)out.failed);
    free(items);
    free(failed);
    return out;
}

static int64_t number(const char *name, int64_t fallback)
{
    const char *s = getenv(name);
    return s != NULL && *s != '\0' ? strtoll(s, NULL, 10) : fallback;
}

/* A rate that is at most 1 % is seen above that by chance: five standard deviations of n rounds. */
static double allowed(double rate, int64_t n)
{
    return rate + 5 * sqrt(rate * (1 - rate) / (double)n);
}

static void R25_false_halts_missed_halts_and_failures_before_a_halt(void **state)
{
    static const double baselines[] = {0.01, 0.02, 0.05},
                        ps[] = {0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};
    (void)state;
    int64_t n = number("RP_HALT_ROUNDS", 500);
    uint64_t seed = (uint64_t)number("RP_SEED", 20260302);
    print_message("%lld replays a setting, RP_SEED=%llu\n", (long long)n, (unsigned long long)seed);
    for (size_t b = 0; b < sizeof baselines / sizeof *baselines; b++)
        for (size_t p = 0; p < sizeof ps / sizeof *ps; p++) {
            double p0 = rp_halt_p0(baselines[b]);
            char what[64];
            (void)snprintf(what, sizeof what, "%3.0f %% fail", ps[p] * 100);
            struct setting s = {what, baselines[b], ps[p], ps[p], ps[p] > p0 ? 200 : 2000, 0};
            double halted = rounds(&s, seed + 100 * b + p, n).halted;
            if (ps[p] >= 5 * p0 && 1 - halted > allowed(0.01, n))
                fail_msg("missed halts: %g", 1 - halted);
            if (ps[p] <= p0 && halted > allowed(0.01, n))
                fail_msg("false halts: %g", halted);
        }
}

static void R25_the_numbers_of_the_specification(void **state)
{
    static const struct {
        struct setting s;
        int64_t failed, items; /* at most, medians; 0: not said */
    } said[] = {
        {{"10 % fail", 0.01, 0.1, 0.1, 2000, 0}, 8, 0},
        {{"20 % fail", 0.01, 0.2, 0.2, 2000, 0}, 5, 0},
        {{"50 % fail", 0.01, 0.5, 0.5, 2000, 0}, 4, 7},
        {{"50 % fail", 0.05, 0.5, 0.5, 2000, 0}, 7, 0},
        {{"a turn from 1 % to 50 %", 0.01, 0.01, 0.5, 2000, 1000}, 0, 1025},
    };
    (void)state;
    int64_t n = number("RP_HALT_ROUNDS", 500);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct result r = rounds(&said[i].s, 7 + i, n);
        assert_true(r.halted == 1);
        if (said[i].failed > 0)
            assert_in_range(r.failed, 3, said[i].failed);
        if (said[i].items > 0)
            assert_in_range(r.items, said[i].s.turn, said[i].items);
    }
}

static void R25_a_slow_rise_is_caught_and_a_slow_recovery_within_bounds_is_let_go(void **state)
{
    (void)state;
    int64_t n = number("RP_HALT_ROUNDS", 500);
    struct setting worse = {"from 0 % slowly to 30 %", 0.01, 0, 0.3, 2000, -1},
                   better = {"from 2 % slowly to 0 %", 0.01, 0.02, 0, 2000, -1};
    assert_true(rounds(&worse, 3, n).halted == 1);
    assert_true(rounds(&better, 4, n).halted <= allowed(0.01, n));
}

/* ---- many at once ---- */

enum { AT_ONCE = 100, ITEMS = 2000 };

/* Items that run at the same time; the next starts where one has ended. */
struct parallel {
    double p, end[AT_ONCE]; /* 0: free */
    bool bad[AT_ONCE];
    double now, failure_s, success_s;
    uint64_t *x;
    int64_t started, ended, failed;
    struct rp_halt_process wave[64]; /* what had ended when it began: its k, failed, ended */
    int64_t n_waves, planned, size;
};

static void begin_wave(struct parallel *q, int64_t running)
{
    q->size = q->n_waves == 0 ? 20 : q->size * 2 < 200 ? q->size * 2 : 200;
    q->planned += q->size;
    q->wave[q->n_waves] = (struct rp_halt_process){q->n_waves + 1, q->failed, q->ended, running};
    q->n_waves++;
}

static void start_some(struct parallel *q)
{
    int64_t running = q->started - q->ended;
    if (q->started == q->planned && running * 10 <= (q->n_waves == 1 ? 0 : q->size))
        begin_wave(q, running);
    for (int i = 0; i < AT_ONCE && q->started < q->planned && q->started < ITEMS; i++) {
        if (q->end[i] > 0)
            continue;
        q->bad[i] = uniform(q->x) < q->p;
        q->end[i] = q->now + (q->bad[i] ? q->failure_s : q->success_s) * (0.9 + uniform(q->x) / 5);
        q->started++;
    }
}

static void end_next(struct parallel *q)
{
    int next = -1;
    for (int i = 0; i < AT_ONCE; i++)
        if (q->end[i] > 0 && (next < 0 || q->end[i] < q->end[next]))
            next = i;
    q->now = q->end[next];
    q->end[next] = 0;
    q->ended++;
    q->failed += q->bad[next];
}

static bool stops(const struct parallel *q, bool by_start)
{
    int64_t running = by_start ? q->started - q->ended : 0;
    struct rp_halt_process v[RP_HALT_PROCESSES];
    size_t n = 0;
    for (int64_t i = q->n_waves; i > 0 && n < RP_HALT_PROCESSES; i--) {
        const struct rp_halt_process *w = &q->wave[i - 1];
        int64_t failed = q->failed - w->failed;
        v[n++] = (struct rp_halt_process){w->k, failed, q->ended - w->succeeded - failed,
                                          by_start ? w->before : 0};
    }
    return rp_halt_says(0.02, alpha, q->failed, running, v, n) != NULL ||
           rp_halt_first_says(0.02, alpha, q->ended + running, q->failed);
}

/* Halted: the failures until then; else 0. As in a replay that is asked after every end. */
static int64_t run_parallel(double p, double failure_s, double success_s, bool by_start,
                            uint64_t *x)
{
    struct parallel q = {.p = p, .failure_s = failure_s, .success_s = success_s, .x = x};
    while (q.ended < ITEMS) {
        start_some(&q);
        end_next(&q);
        if (q.failed >= RP_HALT_LEAST && stops(&q, by_start))
            return q.failed;
    }
    return 0;
}

static double halted_share(double p, double failure_s, double success_s, bool by_start, int64_t n,
                           int64_t *median)
{
    uint64_t x = 20260303;
    int64_t *failed = rp_xcalloc((size_t)n, sizeof *failed), halted = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t f = run_parallel(p, failure_s, success_s, by_start, &x);
        if (f > 0)
            failed[halted++] = f;
    }
    qsort(failed, (size_t)halted, sizeof *failed, by_number);
    *median = halted > 0 ? failed[halted / 2] : 0;
    free(failed);
    double share = (double)halted / (double)n;
    print_message("%d at once, %3.0f %% fail, after %4.1f s, successes %4.1f s: halted %7.3f %% "
                  "after %lld failures%s\n",
                  AT_ONCE, p * 100, failure_s, success_s, share * 100, (long long)*median,
                  by_start ? "" : ", by their ends");
    return share;
}

static void R25_durations_that_tell_the_outcome_make_no_false_halts(void **state)
{
    static const double seconds[][2] = {{0.1, 10}, {1, 10}, {10, 10}, {10, 0.1}, {10, 1}};
    static const struct {
        double p;
        int64_t failed; /* at most, the median: of 20 that start at once, how many it takes */
    } seen[] = {{0.1, 14}, {0.2, 8}, {0.5, 7}, {1, 6}};
    (void)state;
    int64_t n = number("RP_HALT_ROUNDS", 500) / 4, median;
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        double share = halted_share(0.02, seconds[i][0], seconds[i][1], true, n, &median);
        if (share > allowed(0.01, n))
            fail_msg("false halts: %g", share);
    }
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        assert_true(halted_share(seen[i].p, 0.1, 10, true, n, &median) >= 1 - allowed(0.01, n));
        assert_in_range(median, RP_HALT_LEAST, seen[i].failed);
    }
    /* What that is for. */
    assert_true(halted_share(0.02, 0.1, 10, false, n, &median) > 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(R14_p0_is_twice_the_baseline_and_at_least_two_percent),
        cmocka_unit_test(R14_e_is_the_mean_over_alternatives_of_the_products),
        cmocka_unit_test(R14_e_has_the_expectation_one_under_p0),
        cmocka_unit_test(R14_the_limits_of_all_waves_and_of_the_first_outcomes_sum_to_alpha),
        cmocka_unit_test(R14_the_limit_of_the_first_outcomes_is_the_binomial_one),
        cmocka_unit_test(R14_only_what_is_certainly_among_the_first_outcomes_counts),
        cmocka_unit_test(R14_no_halt_before_three_failures_whatever_e_says),
        cmocka_unit_test(R14_the_number_that_a_plan_promises_is_kept),
        cmocka_unit_test(the_baseline_leaves_outages_out_and_nothing_else),
        cmocka_unit_test(R25_false_halts_missed_halts_and_failures_before_a_halt),
        cmocka_unit_test(R25_the_numbers_of_the_specification),
        cmocka_unit_test(R25_durations_that_tell_the_outcome_make_no_false_halts),
        cmocka_unit_test(R25_a_slow_rise_is_caught_and_a_slow_recovery_within_bounds_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
