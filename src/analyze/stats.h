/* The few statistics that the analysis rests on. Pure; p values as natural logarithms, since those
 * of large tables are below what a double holds. */
#ifndef RP_ANALYZE_STATS_H
#define RP_ANALYZE_STATS_H

#include "core/fisher.h"

#include <stddef.h>

/* Of two rows of counts, inside a condition and outside it (Fisher's test: core/fisher.h):
 * chi-square with one degree of freedom and Yates' correction. */
double rp_chi2_log_p(struct rp_counts in, struct rp_counts out);
/* Fisher where an expected count is below 5, else chi-square. */
double rp_counts_log_p(struct rp_counts in, struct rp_counts out);

/* Benjamini-Hochberg: log_p[i], ascending, becomes the logarithm of its q value, of `tests` tests
 * (at least n). */
void rp_bh_log_q(double *log_p, size_t n, size_t tests);

#endif
