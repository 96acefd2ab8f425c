/* Two levels (miner.md 12): a failure's pattern is the pair of the message and the error that this
 * wraps. A miner says of each line which message it is and which error stands in it; here it is
 * settled what of that is an error and what a mere value ("job failed: order-17"), and which
 * messages wrap several errors, so that they are shown with these below. Pure: no order, no counts
 * of lines. */
#ifndef RP_ANALYZE_PAIRS_H
#define RP_ANALYZE_PAIRS_H

#include "base/str.h"

struct rp_pair {
    uint32_t outer;     /* the miner's pattern */
    uint32_t inner;     /* its number of what that wraps; 0: nothing, or a value */
    uint32_t class;     /* two failures of different classes are never one pattern */
    struct rp_str text; /* template of the inner one */
    /* Answers. Of the message: does it wrap errors at all; are they several? */
    bool wraps, several;
};
/* Two are one pattern if outer, inner and class are equal then. */
void rp_pairs_settle(struct rp_pair *v, size_t n);

#endif
