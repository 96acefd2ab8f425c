/* What a log format is: one file here, one row in the table of joblog.c. Its functions get line by
 * line what joblog.c cut, and open and close runs. */
#ifndef RP_ANALYZE_FORMATS_FORMAT_H
#define RP_ANALYZE_FORMATS_FORMAT_H

#include "analyze/internal.h"
#include "analyze/joblog.h"

/* Text of bounded size: when full, lines after the first quarter make room for new ones (the last
 * lines of a stack trace name the exception). */
struct rp_tail {
    char *p;
    size_t n;
    uint64_t lines;
    bool cut;
};
void rp_tail_add(struct rp_tail *t, struct rp_str line);
void rp_tail_clear(struct rp_tail *t);

struct rp_open_run {
    uint64_t hash; /* of type and id */
    struct rp_str type, id;
    int64_t start_us, end_us, attempt; /* end_us: of one that waits for its stack trace */
    uint64_t line;
    uint64_t number;             /* cron: the process that reported its failure */
    enum rp_run_outcome verdict; /* what the end will say, if it was told before */
    struct rp_tail error;
};

struct rp_log_format {
    const char *name;
    int (*score)(struct rp_str line); /* points of one line for this format, 0: none */
    void (*line)(struct rp_joblog *l, struct rp_str line);
    void (*finish)(struct rp_joblog *l); /* ends with no run open */
    enum rp_run_outcome left_open;       /* of a run without an end, while no run had one */
};
extern const struct rp_log_format rp_format_cron, rp_format_plain;

struct rp_joblog {
    struct rp_joblog_options o;
    const struct rp_log_format *format;
    struct rp_joblog_stats stats;
    struct rp_buf partial, held; /* a line not yet ended; lines before the format is known */
    uint64_t held_lines, line;   /* line: number of the current one */
    bool skipping;               /* the rest of a line that was cut */

    struct rp_open_run *open[RP_LOG_OPEN_MAX]; /* oldest first */
    size_t n_open;

    /* Of the formats: */
    struct rp_open_run *pending; /* plain: failed, its stack trace may follow */
    bool pending_trace;
    struct rp_tail loose; /* plain: lines without prefix since the last end of a run */
    uint64_t ended[256];  /* plain: hashes of types that had an end, a small cache */
    bool saw_ends;        /* this log shows ends of runs */
    bool saw_failures;    /* cron: … and which of them failed */
};

struct rp_open_run *rp_log_open(struct rp_joblog *l, struct rp_str type, struct rp_str id,
                                int64_t start_us);
/* The newest open run of that type and id. */
struct rp_open_run *rp_log_find(struct rp_joblog *l, struct rp_str type, struct rp_str id);
/* Hands the run out and frees it. Error text goes out with failed and timed-out runs only. */
void rp_log_close(struct rp_joblog *l, struct rp_open_run *r, enum rp_run_outcome outcome,
                  int64_t end_us);
/* What to call a run that is still open. */
enum rp_run_outcome rp_log_left_open(const struct rp_joblog *l);
void rp_log_drop(struct rp_joblog *l, struct rp_open_run *r);

#endif
