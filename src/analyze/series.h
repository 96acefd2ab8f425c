/* Counts over time of many things at once, in bins that all of them share: bins of a minute that
 * double their width when the period no longer fits. Bounded: at most RP_SERIES_MOST series, of
 * RP_SERIES_BINS bins each. The end state does not depend on the order of what is added, but for
 * which things got a series when there were too many. One table is used by one thread. */
#ifndef RP_ANALYZE_SERIES_H
#define RP_ANALYZE_SERIES_H

#include "analyze/stats.h"

#include <stdbool.h>

enum { RP_SERIES_BINS = 1500, RP_SERIES_MOST = 4096 }; /* a day of minutes; 24 MiB in all */

struct rp_series {
    int64_t width_us;    /* of a bin; 0: nothing was added yet */
    int64_t first, last; /* bins in use, counted from 1970 */
    uint32_t **v;        /* each a ring: bin b stands at b mod RP_SERIES_BINS */
    uint32_t n;
};
void rp_series_free(struct rp_series *s); /* what it holds */
/* A series of zeros; false: no more room. */
bool rp_series_new(struct rp_series *s, uint32_t *id);
void rp_series_add(struct rp_series *s, uint32_t id, int64_t at_us, uint32_t n);
void rp_series_join(struct rp_series *s, uint32_t into, uint32_t from);
/* Adds a series to one member of the counts (RP_SERIES_BINS of them, from `first` on). */
void rp_series_sum(const struct rp_series *s, uint32_t id, bool failed, struct rp_counts *to);
/* In the bins of two instants and between. */
uint64_t rp_series_between(const struct rp_series *s, uint32_t id, int64_t from_us, int64_t to_us);
size_t rp_series_length(const struct rp_series *s); /* bins in use */

#endif
