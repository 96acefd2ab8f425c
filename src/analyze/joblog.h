/* Job logs to runs: feed the bytes of a log as they come, get its runs as they end.
 *
 * The format is told or found out from the first lines. Memory is bounded whatever the log: lines
 * are cut at RP_LOG_LINE_MAX, at most RP_LOG_OPEN_MAX runs are open at a time (the oldest is then
 * given up as unfinished), a run keeps at most RP_LOG_ERROR_MAX bytes of error text. Lines that
 * belong to no run are counted. Decompression is the caller's. One reader is used by one thread. */
#ifndef RP_ANALYZE_JOBLOG_H
#define RP_ANALYZE_JOBLOG_H

#include "analyze/run.h"
#include "analyze/stamp.h"
#include "base/err.h"
#include "core/template.h"

enum { RP_LOG_LINE_MAX = 65536, RP_LOG_OPEN_MAX = 4096, RP_LOG_ERROR_MAX = 8192 };

struct rp_joblog_options {
    struct rp_str format; /* absent or "auto": found out */
    const struct rp_log_template
        *templates; /* formats of the user's own; they outlive the reader */
    size_t n_templates;
    struct rp_stamp stamp;
    struct rp_run_sink sink;
};

struct rp_joblog_stats {
    const char *format; /* NULL: not recognised (yet) */
    uint64_t lines;     /* line feeds, and a last line without one */
    uint64_t unassigned_lines;
    uint64_t cut_lines;  /* longer than RP_LOG_LINE_MAX: the rest was not looked at */
    uint64_t given_up;   /* runs that were open when there were too many */
    uint64_t error_cuts; /* runs of whose error text a middle part was left out */
};

/* NULL with err if the format's name is not known; the hint lists those that are. */
struct rp_joblog *rp_joblog_new(const struct rp_joblog_options *o, struct rp_err *err);
void rp_joblog_feed(struct rp_joblog *l, struct rp_str bytes);
/* No format is known after so many bytes, and they are no text: there is no need to read on, which
 * may never end (/dev/zero). */
bool rp_joblog_hopeless(const struct rp_joblog *l, uint64_t bytes);
/* The end of the log: hands out what is still open. False if no line was of a known format. */
bool rp_joblog_finish(struct rp_joblog *l, struct rp_joblog_stats *out, struct rp_err *err);
void rp_joblog_free(struct rp_joblog *l);

/* Do the times of these first bytes of a log go back, so that ends come before their starts? */
bool rp_joblog_newest_first(struct rp_str head);

/* The names of the formats, in order; NULL past the last. */
const char *rp_joblog_format(size_t i);

#endif
