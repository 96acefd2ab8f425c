/* Fisher's exact test on two groups of runs, some of which failed. Pure. */
#ifndef RP_CORE_FISHER_H
#define RP_CORE_FISHER_H

#include <stdint.h>

struct rp_counts {
    uint64_t failed, runs;
};

/* One-sided: P(at least a.failed failures in a | the sums of both), 1 where a group is empty. */
double rp_fisher_more(struct rp_counts a, struct rp_counts b);
/* Two-sided, all tables of the same margins that are no likelier than this one; the natural
 * logarithm, since those of large tables are below what a double holds. Cost of both: the smallest
 * margin. */
double rp_fisher_log_p(struct rp_counts in, struct rp_counts out);

#endif
