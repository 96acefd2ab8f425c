/* Jobs in a stream of runs that failed again and again in the same way while others of their type
 * went well: suspected of poison (analysis specification 5); proof is a second node. A job is who
 * its runs say it is (their id); runs without one are let pass. A success of the job clears it.
 * Logs do not name nodes: that there were two of them is not known. In bounded memory: of more than
 * RP_REPEATS_MOST failing jobs at once those that failed least are forgotten. One table is used by
 * one thread. */
#ifndef RP_ANALYZE_REPEATS_H
#define RP_ANALYZE_REPEATS_H

#include "analyze/run.h"

enum { RP_REPEATS_MOST = 32768, RP_REPEAT_ID = 64 };

struct rp_repeat {
    uint64_t job;          /* hash of type and id; 0: free */
    char id[RP_REPEAT_ID]; /* its beginning */
    uint8_t n_id;
    uint32_t pattern; /* of the failures; another one begins anew */
    uint32_t failures;
    uint64_t before, successes; /* others of the type before the first, in between */
    int64_t first_us, last_us;  /* RP_NO_TIME: not known */
    uint64_t line;              /* of the first */
    struct rp_str type;
};
struct rp_repeats {
    struct rp_repeat *v;
    size_t n; /* after rp_repeats_find: the suspected ones, most failures first */
};
void rp_repeats_begin(struct rp_repeats *r);
void rp_repeats_free(struct rp_repeats *r);
/* succeeded: how many runs of its type have, before this one. `type` lives as long as the table. */
void rp_repeats_add(struct rp_repeats *r, const struct rp_run *run, uint32_t pattern,
                    struct rp_str type, uint64_t succeeded);
/* `successes` knows better how many of a type went well between the first failure and the last, or
 * says -1: readers hand on a run when they know all of it, which may be after later ones. */
void rp_repeats_find(struct rp_repeats *r,
                     int64_t (*successes)(void *ctx, const struct rp_repeat *p), void *ctx);

#endif
