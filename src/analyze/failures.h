/* The failures among runs read from outside, by pattern: how many, of which types, since when, what
 * kind, what to do. In bounded memory, whatever the runs: failures are gathered by what is left of
 * them when all that varies by itself is masked (rp_fingerprint), and at the end the miner says
 * which of these are one pattern. One table is used by one thread. */
#ifndef RP_ANALYZE_FAILURES_H
#define RP_ANALYZE_FAILURES_H

#include "analyze/analyze.h"
#include "analyze/run.h"
#include "analyze/series.h"

enum { RP_GROUPS_MAX = 10000, RP_GROUP_TYPES = 8, RP_GROUP_SAMPLES = 3, RP_GROUP_EARLY = 8 };

struct rp_failure_group {
    struct rp_str template, example; /* example: the first key line */
    /* Where its message wraps several errors (pairs.h): template of this one, and the message. */
    struct rp_str inner; /* absent: it does not */
    struct rp_failure_outer {
        struct rp_str template;
        uint64_t n; /* failures of all that it wraps; of a group that stands alone its own */
        size_t patterns;
    } outer;
    struct rp_str mined;       /* the miner's template, its pattern, what it wraps, when sorting */
    uint32_t pattern, wrapped; /* wrapped: 0: nothing */
    bool wraps;
    uint64_t hash; /* of the template: the same in every log */
    const char *class_name, *group, *action;
    bool limit; /* the runner's own time limit */
    bool mixed; /* of several templates that the miner found to be one */
    uint64_t n;
    int64_t first_us, last_us; /* RP_NO_TIME: the log has no times */
    uint32_t uid;              /* the order of first sight */
    /* Its failures over time: of a few the times, of more a series (0: none, else its id + 1). */
    int64_t early[RP_GROUP_EARLY];
    uint32_t n_early, series;
    struct {
        struct rp_str type;
        uint64_t n;
    } types[RP_GROUP_TYPES]; /* most first after rp_failures_sort; of further ones only n_types */
    size_t n_types;
    struct {
        struct rp_str id;
        uint64_t line;
    } samples[RP_GROUP_SAMPLES];
    size_t n_samples;
};

struct rp_failures {
    uint64_t failures, unexplained; /* unexplained: of patterns beyond RP_GROUPS_MAX */
    struct rp_failure_group *groups;
    size_t n;
    struct rp_failure_index *index;
    struct rp_series *series; /* the caller's; NULL: none is kept */
    uint32_t *became;         /* by uid: the uid of the group that it is part of, when sorted */
    uint32_t n_uids;
    struct rp_arena arena;
};
struct rp_failures *rp_failures_new(void);
/* Takes failed and timed-out runs, lets others pass. The uid of its group; UINT32_MAX: none. */
uint32_t rp_failures_add(struct rp_failures *f, const struct rp_run *run);
/* The patterns, most first, those that one message wraps together, at the place of their sum;
 * nothing may be added after it. */
void rp_failures_sort(struct rp_failures *f);
/* After it: the pattern of a group that was once told; NULL: none. */
const struct rp_failure_group *rp_failures_of(const struct rp_failures *f, uint32_t uid);
/* A pattern's failures over time, as rp_series_sum. False: there is no series. */
bool rp_failures_over_time(const struct rp_failures *f, const struct rp_failure_group *g,
                           struct rp_counts *to);
void rp_failures_free(struct rp_failures *f);

#endif
