#include "analyze/stats.h"

#include <math.h>

static const double expected_least = 5;

static double least_margin(struct rp_counts in, struct rp_counts out)
{
    double failed = (double)in.failed + (double)out.failed, a = (double)in.runs,
           b = (double)out.runs, passed = a + b - failed;
    return fmin(a, b) * fmin(failed, passed);
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
