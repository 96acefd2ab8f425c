/* Slips of the finger: which known name somebody may have meant. Pure; letters count without regard
 * to case. */
#ifndef RP_BASE_NEAR_H
#define RP_BASE_NEAR_H

#include "base/str.h"

/* Letters to put in, leave out, change or swap with their neighbour (optimal string alignment);
 * SIZE_MAX if a word has more than 64 bytes. */
size_t rp_edit_distance(struct rp_str a, struct rp_str b);
/* The nearest of n names to `s` if it is near enough to be a slip, else NULL; name() may answer
 * NULL for a name that does not take part. */
const char *rp_near(struct rp_str s, const char *(*name)(const void *ctx, size_t i),
                    const void *ctx, size_t n);

#endif
