#include "core/fisher.h"

#include <math.h>

/* log of n over k */
static double log_choose(double n, double k)
{
    int sign; /* lgamma itself writes to a global */
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

double rp_fisher_more(struct rp_fisher_group a, struct rp_fisher_group b)
{
    int64_t failed = a.failed + b.failed, most = failed < a.n ? failed : a.n;
    double all = log_choose((double)(a.n + b.n), (double)failed), sum = 0;
    if (a.n <= 0 || b.n <= 0 || a.failed < 0 || b.failed < 0)
        return 1;
    for (int64_t k = a.failed; k <= most; k++)
        sum += exp(log_choose((double)a.n, (double)k) +
                   log_choose((double)b.n, (double)(failed - k)) - all);
    return sum < 1 ? sum : 1;
}
