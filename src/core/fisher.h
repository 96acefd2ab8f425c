/* Fisher's exact test, one-sided: how likely it is that so many of the failures fell into the first
 * of two groups by chance alone, if both fail alike. Pure. */
#ifndef RP_CORE_FISHER_H
#define RP_CORE_FISHER_H

#include <stdint.h>

struct rp_fisher_group {
    int64_t n, failed;
};
/* P(at least a.failed failures in a | the sums of both), 1 where a group is empty. */
double rp_fisher_more(struct rp_fisher_group a, struct rp_fisher_group b);

#endif
