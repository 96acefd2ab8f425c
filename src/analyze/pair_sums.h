/* Two levels in a list of patterns with counts: what one message wraps stands together, at the
 * place of its sum, and of what is small only the sum is shown. Pure. */
#ifndef RP_ANALYZE_PAIR_SUMS_H
#define RP_ANALYZE_PAIR_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rp_pair_sum {
    size_t place;     /* in the caller's own list */
    int64_t id, n;    /* the pattern, its failures */
    int64_t outer;    /* the message that wraps it, 0: none */
    int64_t together; /* found: failures of all that this wraps; else its own */
    int64_t several;  /* found: how many that are */
    bool small;       /* found: one of the rest */
};
/* Puts them in order: the `most` largest of each message (and what none wraps), together, most
 * failures first; then the rest. Returns how many come before the rest. */
size_t rp_pair_sums_order(struct rp_pair_sum *v, size_t n, size_t most);

#endif
