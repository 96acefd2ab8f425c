#include "core/halt.h"

#include <math.h>
#include <stdlib.h>

enum { ALTERNATIVES = 5, STRETCH_RUNS = 50 };

static const double least_p0 = 0.02, most_p0 = 0.5, outage_points = 0.1, outage_rate = 0.5;

/* Of α: what the first outcomes get, the processes get the rest. */
static const double first_share = 0.3;

double rp_halt_p0(double baseline)
{
    double p0 = 2 * baseline;
    return p0 < least_p0 ? least_p0 : p0 > most_p0 ? most_p0 : p0;
}

/* In logarithms: after a thousand outcomes the products are far outside of what a double holds. */
double rp_halt_log_e(double p0, int64_t failed, int64_t succeeded)
{
    const double a[ALTERNATIVES] = {2 * p0, 5 * p0, 0.2, 0.5, 0.9};
    double log_e[ALTERNATIVES], most = -INFINITY, sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < ALTERNATIVES; i++) {
        if (a[i] <= p0 || a[i] >= 1)
            continue;
        log_e[n] = (double)failed * log(a[i] / p0) + (double)succeeded * log((1 - a[i]) / (1 - p0));
        most = fmax(most, log_e[n++]);
    }
    for (size_t i = 0; i < n; i++)
        sum += exp(log_e[i] - most);
    return most + log(sum / (double)n);
}

double rp_halt_log_limit(double alpha, int64_t k)
{
    return log(M_PI * M_PI * (double)k * (double)k / 6 / (alpha * (1 - first_share)));
}

double rp_halt_process_log_e(double p0, const struct rp_halt_process *p, int64_t running)
{
    return p->failed > p->before ? rp_halt_log_e(p0, p->failed - p->before, p->succeeded + running)
                                 : 0;
}

const struct rp_halt_process *rp_halt_says(double p0, double alpha, int64_t failed, int64_t running,
                                           const struct rp_halt_process *v, size_t n)
{
    for (size_t i = 0; failed >= RP_HALT_LEAST && i < n; i++)
        if (rp_halt_process_log_e(p0, &v[i], running) >= rp_halt_log_limit(alpha, v[i].k))
            return &v[i];
    return NULL;
}

/* The binomial distribution, summed from its far end, where it is small. */
int64_t rp_halt_first_limit(double p0, double alpha)
{
    double chance[RP_HALT_FIRST + 1] = {pow(1 - p0, RP_HALT_FIRST)}, tail = 0;
    for (int k = 1; k <= RP_HALT_FIRST; k++)
        chance[k] = chance[k - 1] * (RP_HALT_FIRST - k + 1) / k * p0 / (1 - p0);
    int64_t c = RP_HALT_FIRST + 1;
    while (alpha > 0 && c > RP_HALT_LEAST && tail + chance[c - 1] <= alpha * first_share)
        tail += chance[--c];
    return c;
}

bool rp_halt_first_says(double p0, double alpha, int64_t started, int64_t failed)
{
    int64_t later = started > RP_HALT_FIRST ? started - RP_HALT_FIRST : 0;
    return failed - later >= rp_halt_first_limit(p0, alpha);
}

double rp_halt_decision_rate(double p0)
{
    return fmin(5 * p0, 0.9);
}

int64_t rp_halt_decision_after(double p0, double alpha)
{
    enum { MOST = 10000 };
    double p = rp_halt_decision_rate(p0);
    for (int64_t failed = RP_HALT_LEAST; failed < MOST; failed++) {
        struct rp_halt_process process = {1, failed, (int64_t)((double)failed * (1 - p) / p), 0};
        if (rp_halt_says(p0, alpha, failed, 0, &process, 1) != NULL ||
            rp_halt_first_says(p0, alpha, failed + process.succeeded, failed))
            return failed;
    }
    return 0;
}

/* ---- baseline ---- */

static double rate(const struct rp_halt_hour *h)
{
    return (double)h->failed / (double)h->runs;
}

static int by_rate(const void *x, const void *y)
{
    double a = rate(x), b = rate(y);
    return (a > b) - (a < b);
}

/* The hours taken together; what is left at the end is a stretch of its own if it is all there is.
 */
static size_t stretches(const struct rp_halt_hour *v, size_t n, struct rp_halt_hour *out)
{
    size_t m = 0;
    struct rp_halt_hour sum = {0, 0};
    for (size_t i = 0; i < n; i++) {
        sum.runs += v[i].runs;
        sum.failed += v[i].failed;
        if (sum.runs < STRETCH_RUNS)
            continue;
        out[m++] = sum;
        sum = (struct rp_halt_hour){0, 0};
    }
    if (m == 0 && sum.runs > 0)
        out[m++] = sum;
    return m;
}

double rp_halt_baseline(const struct rp_halt_hour *v, size_t n)
{
    struct rp_halt_hour *s = rp_xcalloc(n + 1, sizeof *s), good = {0, 0};
    size_t m = stretches(v, n, s);
    if (m > 1)
        qsort(s, m, sizeof *s, by_rate);
    double most = m > 0 ? fmin(outage_rate, rate(&s[(m - 1) / 2]) + outage_points) : 0;
    for (size_t i = 0; i < m && rate(&s[i]) <= most; i++) {
        good.runs += s[i].runs;
        good.failed += s[i].failed;
    }
    free(s);
    return good.runs > 0 ? rate(&good) : 0;
}
