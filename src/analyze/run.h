/* Runs read from outside: what job logs and tables say about one execution of one job, and their
 * counts. Pure: readers hand runs to a sink as they become known, in constant memory. */
#ifndef RP_ANALYZE_RUN_H
#define RP_ANALYZE_RUN_H

#include "base/str.h"
#include "core/settings.h"

#define RP_NO_TIME INT64_MIN

/* X(symbol, name) */
#define RP_RUN_OUTCOMES(X)                                                                         \
    X(RP_RUN_UNKNOWN, "outcome_unknown") /* the source cannot tell; never a guess */               \
    X(RP_RUN_SUCCEEDED, "succeeded")                                                               \
    X(RP_RUN_FAILED, "failed")                                                                     \
    X(RP_RUN_TIMEOUT, "timeout")                                                                   \
    X(RP_RUN_UNFINISHED, "unfinished") /* started, no end in the source */                         \
    X(RP_RUN_CANCELLED, "cancelled")

enum rp_run_outcome {
#define X(sym, name) sym,
    RP_RUN_OUTCOMES(X)
#undef X
        RP_RUN_OUTCOMES_N
};
const char *rp_run_outcome_name(enum rp_run_outcome o);

/* One attempt. Any bytes in the strings; absent where the source says nothing. */
struct rp_run {
    struct rp_str type, id, queue, error;
    int64_t start_us, end_us; /* RP_NO_TIME: not known */
    int64_t attempt;          /* 0: not said */
    enum rp_run_outcome outcome;
    uint64_t line; /* of the source, from 1, where the run begins */
    struct rp_env *labels;
    size_t n_labels;
};

/* Called for each run; the run and its strings live until it returns. */
struct rp_run_sink {
    void (*take)(void *ctx, const struct rp_run *run);
    void *ctx;
};

/* ---- counts ---- */

enum { RP_TALLY_TYPES = 10000, RP_TALLY_ATTEMPTS = 64 };

struct rp_tally_type {
    struct rp_str type;
    uint64_t runs, by[RP_RUN_OUTCOMES_N];
};
struct rp_tally {
    uint64_t runs, by[RP_RUN_OUTCOMES_N];
    uint64_t attempts[RP_TALLY_ATTEMPTS + 1]; /* [n]: runs that were attempt n, the last: or more */
    bool attempts_said;                       /* false: the source counts none, all are [1] */
    int64_t first_start, last_end;            /* RP_NO_TIME: none known */
    uint64_t backwards;          /* runs that end before they began: the clock was set */
    struct rp_tally_type *types; /* in order of first sight; beyond the limit all
                                    further types count as the last one, "(others)" */
    size_t n_types;
    struct rp_tally_index *index;
    struct rp_arena arena;
};
struct rp_tally *rp_tally_new(void);
void rp_tally_add(void *tally, const struct rp_run *run); /* a sink's `take` */
const struct rp_tally_type *rp_tally_find(const struct rp_tally *t, struct rp_str type);
void rp_tally_free(struct rp_tally *t);

#endif
