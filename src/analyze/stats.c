#include "analyze/stats.h"

#include <math.h>
#include <stdbool.h>

/* Tables whose probability differs by rounding only are equally likely. */
static const double equal_log = 1e-9;
static const double expected_least = 5;

static double least_margin(struct rp_counts in, struct rp_counts out)
{
    double failed = (double)in.failed + (double)out.failed, a = (double)in.runs,
           b = (double)out.runs, passed = a + b - failed;
    return fmin(a, b) * fmin(failed, passed);
}

/* ---- Fisher ---- */

/* Sums over the tables on one side of the given one, relative to its probability. `most` is the
 * largest exponent so far, by which all is scaled. */
struct tails {
    double all, rare, most;
};

static void tail_add(struct tails *t, double log_weight)
{
    if (log_weight > t->most) {
        t->all *= exp(t->most - log_weight);
        t->most = log_weight;
    }
    t->all += exp(log_weight - t->most);
    if (log_weight <= equal_log)
        t->rare += exp(log_weight);
}

/* What comes after it changes neither sum: the weights fall from here on. */
static bool negligible(const struct tails *t, double log_weight)
{
    return log_weight < fmin(0, t->most) - 45;
}

double rp_fisher_log_p(struct rp_counts in, struct rp_counts out)
{
    uint64_t all = in.failed + out.failed, low = all > out.runs ? all - out.runs : 0,
             high = in.runs < all ? in.runs : all;
    double runs = (double)in.runs, failed = (double)all, rest = (double)out.runs - failed,
           log_weight = 0;
    struct tails t = {.all = 1, .rare = 1, .most = 0};
    for (uint64_t i = in.failed; i < high && !negligible(&t, log_weight); i++) {
        double x = (double)i;
        log_weight += log((runs - x) * (failed - x)) - log((x + 1) * (rest + x + 1));
        tail_add(&t, log_weight);
    }
    log_weight = 0;
    for (uint64_t i = in.failed; i > low && !negligible(&t, log_weight); i--) {
        double x = (double)i;
        log_weight += log(x * (rest + x)) - log((runs - x + 1) * (failed - x + 1));
        tail_add(&t, log_weight);
    }
    return fmin(0, log(t.rare) - log(t.all) - t.most);
}

/* ---- chi-square ---- */

/* log(erfc(z)) for z ≥ 0; beyond what erfc can say, its asymptotic series. */
static double log_erfc(double z)
{
    if (z < 20)
        return log(erfc(z));
    double s = 1 / (2 * z * z);
    return -z * z - log(z * sqrt(M_PI)) + log1p(-s + 3 * s * s);
}

double rp_chi2_log_p(struct rp_counts in, struct rp_counts out)
{
    double a = (double)in.failed, b = (double)in.runs - a, c = (double)out.failed,
           d = (double)out.runs - c, n = a + b + c + d;
    double margins = (a + b) * (c + d) * (a + c) * (b + d), z = fabs(a * d - b * c) - n / 2;
    return margins > 0 && z > 0 ? log_erfc(sqrt(n * (z * z / margins) / 2)) : 0;
}

double rp_counts_log_p(struct rp_counts in, struct rp_counts out)
{
    double n = (double)in.runs + (double)out.runs;
    return least_margin(in, out) < expected_least * n ? rp_fisher_log_p(in, out)
                                                      : rp_chi2_log_p(in, out);
}

/* ---- many tests ---- */

void rp_bh_log_q(double *log_p, size_t n, size_t tests)
{
    double least = 0;
    for (size_t i = n; i-- > 0;) {
        least = fmin(least, log_p[i] + log((double)tests) - log((double)i + 1));
        log_p[i] = least;
    }
}
