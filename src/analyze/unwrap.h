/* What others put around a program's own lines: the runtime of containers, syslog, collectors that
 * make a JSON object of each line. Formats know none
 * of this: they get the line as its program wrote it, or with the time in front that the wrapper
 * had, whichever a format knows more of (joblog.c tries them all on the first lines). */
#ifndef RP_ANALYZE_UNWRAP_H
#define RP_ANALYZE_UNWRAP_H

#include "analyze/records.h"
#include "analyze/stamp.h"

enum rp_wrap_source {
    RP_SOURCE_NONE,
    RP_SOURCE_COMPOSE, /* docker compose logs: "worker-1  | …" */
    RP_SOURCE_POD,     /* kubectl logs --prefix: "[pod/worker-7d/app] …" */
    RP_SOURCES_N
};
enum rp_wrap_shell {
    RP_SHELL_NONE,
    RP_SHELL_TIME,   /* docker logs -t, kubectl logs --timestamps: "2026-11-23T22:28:42.1Z …" */
    RP_SHELL_CRI,    /* files of containerd and CRI-O: "2026-11-23T22:28:42.1Z stdout F …" */
    RP_SHELL_SYSLOG, /* RFC 3164, RFC 5424, with or without <PRI>, facility.severity, host */
    RP_SHELL_JSON, /* {"log":"…\n","stream":"stdout","time":"…"}, {"message":…,"@timestamp":…} */
    RP_SHELLS_N
};
enum rp_wrap_keep {
    RP_KEEP_TEXT,
    RP_KEEP_TIME, /* "TIME text" */
    RP_KEEP_HEAD, /* "TIME host program[pid]: text" */
    RP_KEEPS_N
};

struct rp_wrap {
    enum rp_record_kind records;
    enum rp_wrap_source source;
    enum rp_wrap_shell shell;
    enum rp_wrap_keep keep;
};

/* One log's; zero is a log as it is. Bounded by the longest line that is kept. */
struct rp_unwrapper {
    struct rp_wrap how;
    struct rp_records records;
    struct rp_buf part, out;
};

/* Takes one line, without its line feed. False: it is held, more of it comes. Else *out: what the
 * program wrote, which may be several lines; lives until the next call. */
bool rp_unwrap(struct rp_unwrapper *u, struct rp_str line, struct rp_str *out);
/* What is still held at the end of the log; false: nothing. */
bool rp_unwrap_rest(struct rp_unwrapper *u, struct rp_str *out);
void rp_unwrapper_free(struct rp_unwrapper *u);

/* Do most of the lines have this around them? *timed: what is in it has times of its own. */
bool rp_wrap_fits(struct rp_wrap how, struct rp_str lines, bool *timed);

/* Nothing is around the lines. */
static inline bool rp_wrap_is_none(struct rp_wrap how)
{
    return how.records == RP_RECORD_NONE && how.source == RP_SOURCE_NONE &&
           how.shell == RP_SHELL_NONE;
}

#endif
