/* How far two failure rates lie apart, with an interval. Pure. */
#ifndef RP_CORE_PROPORTIONS_H
#define RP_CORE_PROPORTIONS_H

#include <stdint.h>

struct rp_proportion {
    int64_t n, failed;
};
struct rp_interval {
    double low, mid, high;
};
/* Wilson's score interval of a proportion, 95 %. n > 0. */
struct rp_interval rp_proportion(struct rp_proportion p);
/* after − before: Newcombe's hybrid score interval (method 10 in Statistics in Medicine 17, 1998),
 * 95 %. Both n > 0. */
struct rp_interval rp_proportion_change(struct rp_proportion before, struct rp_proportion after);

#endif
