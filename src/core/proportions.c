#include "core/proportions.h"

#include <math.h>

static const double z = 1.959963984540054;

struct rp_interval rp_proportion(struct rp_proportion p)
{
    double n = (double)p.n, rate = (double)p.failed / n, z2 = z * z;
    double mid = (rate + z2 / (2 * n)) / (1 + z2 / n);
    double half = z / (1 + z2 / n) * sqrt(rate * (1 - rate) / n + z2 / (4 * n * n));
    /* at 0 and 1 the bound is the rate itself, but for rounding */
    return (struct rp_interval){fmin(fmax(mid - half, 0), rate), rate,
                                fmax(fmin(mid + half, 1), rate)};
}

struct rp_interval rp_proportion_change(struct rp_proportion before, struct rp_proportion after)
{
    struct rp_interval b = rp_proportion(before), a = rp_proportion(after);
    double d = a.mid - b.mid;
    return (struct rp_interval){d - hypot(a.mid - a.low, b.high - b.mid), d,
                                d + hypot(a.high - a.mid, b.mid - b.low)};
}
