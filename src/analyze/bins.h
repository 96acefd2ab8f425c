/* Counts over time without knowing the period beforehand: bins of a minute that double their width
 * when the period no longer fits. The end state does not depend on the order of the runs. */
#ifndef RP_ANALYZE_BINS_H
#define RP_ANALYZE_BINS_H

#include "analyze/stats.h"

enum { RP_BINS = 2880 };

struct rp_bins { /* zero-initialise to begin */
    int64_t from_us, width_us;
    size_t n; /* bins in use */
    struct rp_counts v[RP_BINS];
};
void rp_bins_add(struct rp_bins *b, int64_t at_us, struct rp_counts c);

#endif
