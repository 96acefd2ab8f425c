/* One job or all: a job that failed again and again, in the same way and on more than one node,
 * while others of its type went well, is poison (analysis.md 5). So are jobs that carry the same
 * payload, taken together, if no job with that payload went well meanwhile. */
#ifndef RP_ANALYZE_POISON_H
#define RP_ANALYZE_POISON_H

#include "base/err.h"
#include "base/str.h"

enum { RP_POISON_FAILURES = 3, RP_POISON_NODES = 2, RP_POISON_SUCCESSES = 5 };

struct rp_failed_try {
    int64_t job_id, pattern_id, ended_us;
    struct rp_str node;
    uint64_t what; /* of the payload: tries of one count together; 0: those of the job do */
};

struct rp_suspect { /* poison if RP_POISON_SUCCESSES others of its type succeeded in between */
    size_t first;   /* one of its tries, by index */
    int64_t job_id, pattern_id, from_us, to_us;
    size_t failures, nodes, jobs;
};

/* Pure. Tries of one payload, and of one job, stand together. The suspects live in the arena. */
void rp_poison_suspects(const struct rp_failed_try *tries, size_t n, struct rp_arena *a,
                        struct rp_suspect **out, size_t *n_out);

struct rp_poison {
    int64_t job_id, type_id, pattern_id, from_us, to_us, failures, nodes, successes;
    struct rp_str type;
    const int64_t *jobs; /* of the same payload; job_id is the first one's */
    size_t n_jobs;       /* 1: the job by itself */
};
/* Failed jobs that ended in the window, of a type (0: any), that are poison: the 5,000
 * newest are looked at. */
struct rp_db;
bool rp_poison_find(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                    struct rp_arena *a, struct rp_poison **out, size_t *n, struct rp_err *err);

#endif
