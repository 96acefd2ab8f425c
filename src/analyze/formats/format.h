/* What a log format is: one file here, one row in the table of joblog.c. Its functions get line by
 * line what joblog.c cut, and open and close runs (openruns.c). */
#ifndef RP_ANALYZE_FORMATS_FORMAT_H
#define RP_ANALYZE_FORMATS_FORMAT_H

#include "analyze/internal.h"
#include "analyze/joblog.h"
#include "analyze/unwrap.h"

/* ---- bounded text ---- */

/* When full, lines after the first quarter make room for new ones (the last lines of a stack trace
 * name the exception). */
struct rp_tail {
    char *p;
    size_t n;
    uint64_t lines;
    bool cut;
};
void rp_tail_add(struct rp_tail *t, struct rp_str line);  /* one line, cut if it is long */
void rp_tail_text(struct rp_tail *t, struct rp_str text); /* all its lines */
void rp_tail_clear(struct rp_tail *t);

/* ---- runs ---- */

struct rp_open_run {
    uint64_t hash; /* of type and id */
    struct rp_str type, id;
    int64_t start_us, end_us, attempt; /* end_us: of one whose end was told before it goes out */
    uint64_t line;
    uint64_t number;             /* the format's own: a process, a thread, what it saw */
    uint64_t order;              /* the same: celery's count of tasks */
    int64_t bad_us;              /* the same: when it last said something bad */
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
extern const struct rp_log_format rp_format_cron, rp_format_journald, rp_format_pm2,
    rp_format_sidekiq, rp_format_celery, rp_format_pino, rp_format_winston, rp_format_bunyan,
    rp_format_rq, rp_format_apscheduler, rp_format_airflow, rp_format_github, rp_format_plain,
    rp_format_template;

enum { RP_LOG_ENDED = 1024 }; /* ends that are remembered */

struct rp_joblog {
    struct rp_joblog_options o;
    const struct rp_log_format *format;     /* NULL: not yet known */
    const struct rp_log_format *fixed;      /* named by the user, NULL: to be found out */
    const struct rp_log_template *template; /* of rp_format_template */
    struct rp_unwrapper unwrap;             /* what is around the lines */
    struct rp_joblog_stats stats;
    struct rp_buf partial, held; /* a line not yet ended; lines before the format is known */
    struct rp_buf clean;         /* the current line without colours */
    uint64_t held_lines, line;   /* line: number of the current one */
    bool skipping;               /* the rest of a line that was cut */
    unsigned char head[4];       /* the first bytes: another encoding? */
    size_t head_n;
    uint64_t nuls; /* in the first lines */

    struct rp_open_run *open[RP_LOG_OPEN_MAX]; /* oldest first */
    uint64_t open_hash[RP_LOG_OPEN_MAX];
    size_t n_open;

    /* Of the formats: */
    struct rp_open_run *pending; /* failed, its stack trace may follow */
    enum { TRACE_NONE, TRACE_FRAMES, TRACE_NAMED, TRACE_ENDED } trace; /* what of that was seen */
    struct rp_tail loose;         /* lines without prefix that may turn out to be a run's */
    uint64_t ended[RP_LOG_ENDED]; /* hashes of runs or types that had an end, a small cache */
    void *own;                    /* rp_log_own */
    struct rp_log_nth *nth;       /* rp_log_nth */
    struct rp_log_alone *alone;   /* rp_log_end_alone */
    bool trace_to_blank;          /* a stack trace goes up to a blank line, whatever it holds */
    bool trace_tells_limit;       /* a stack trace that names a time limit makes it a timeout */
    bool saw_starts, saw_ends;    /* this log shows starts, ends of runs */
    bool saw_failures;            /* cron: … and which of them failed */
    bool mine;                    /* the last line with a prefix was of a run */
    bool names_jobs;              /* plain: lines name jobs beyond doubt */
    uint64_t ended_from;          /* where the newest run began of those that ended */
};

/* Memory of the format's, zeroed, one piece a log; freed with it. */
void *rp_log_own(struct rp_joblog *l, size_t n);

struct rp_open_run *rp_log_open(struct rp_joblog *l, struct rp_str type, struct rp_str id,
                                int64_t start_us);
/* The newest, the oldest open run of that type and id. */
struct rp_open_run *rp_log_find(struct rp_joblog *l, struct rp_str type, struct rp_str id);
struct rp_open_run *rp_log_find_oldest(struct rp_joblog *l, struct rp_str type, struct rp_str id);
/* Its type and id became known. */
void rp_log_rename(struct rp_joblog *l, struct rp_open_run *r, struct rp_str type,
                   struct rp_str id);
/* Hands the run out and frees it. Error text goes out with failed and timed-out runs only. */
void rp_log_close(struct rp_joblog *l, struct rp_open_run *r, enum rp_run_outcome outcome,
                  int64_t end_us);
/* By the verdict if there was one, else as a run without an end. */
void rp_log_close_open(struct rp_joblog *l, struct rp_open_run *r);
void rp_log_close_all(struct rp_joblog *l);
/* What to call a run that is still open. */
enum rp_run_outcome rp_log_left_open(const struct rp_joblog *l);
void rp_log_drop(struct rp_joblog *l, struct rp_open_run *r);

/* A run that failed waits for its stack trace: the lines after it that rp_log_follow takes. */
void rp_log_settle(struct rp_joblog *l, struct rp_open_run *r, enum rp_run_outcome outcome,
                   int64_t end_us);
void rp_log_settled(struct rp_joblog *l); /* nothing more comes: the run goes out */
bool rp_log_follow(struct rp_joblog *l, struct rp_str line);
/* A line without the format's prefix: part of a stack trace, or of what was logged before. */
void rp_log_unprefixed(struct rp_joblog *l, struct rp_str line);
void rp_log_count(struct rp_joblog *l, bool mine); /* a line with prefix: of a run, or of none */

/* How often this key was asked for, with this time: attempts of one id. A cache: forgets in the
 * end. */
int64_t rp_log_nth(struct rp_joblog *l, uint64_t key);
void rp_log_mark_ended(struct rp_joblog *l, uint64_t key);
bool rp_log_was_ended(const struct rp_joblog *l, uint64_t key);
/* Ends of runs whose start was not seen: a start that comes later in the log but was earlier by the
 * clock is theirs (errors and output may be in two files, one behind the other). A small cache. */
void rp_log_end_alone(struct rp_joblog *l, uint64_t key, int64_t end_us);
bool rp_log_is_late_start(struct rp_joblog *l, uint64_t key, int64_t start_us);
uint64_t rp_log_key(struct rp_str type, struct rp_str id, int64_t attempt);

/* ---- words for what happened (verbs.c) ---- */

enum rp_verb {
    RP_VERB_NONE,
    RP_VERB_START,
    RP_VERB_DONE,
    RP_VERB_FAILED,
    RP_VERB_TIMEOUT,
    RP_VERB_CANCELLED
};
/* Bytes of the verb that s begins with, 0: none. */
size_t rp_verb_at(struct rp_str s, enum rp_verb *verb);
/* Where the first verb near the front begins, SIZE_MAX: nowhere. */
size_t rp_verb_find(struct rp_str s, enum rp_verb *verb);
bool rp_name_byte(char c);
/* Is it the runner's own time limit that ended the run, by the exception's name and message? A
 * connection that timed out is not. */
bool rp_is_run_limit(struct rp_str type, struct rp_str message);

/* ---- plain.c, for what has its time elsewhere ---- */

/* False: the text tells of no job; nothing was done with it. strong: only where it names one beyond
 * doubt, by an id or as "job x". */
bool rp_plain_event(struct rp_joblog *l, int64_t at_us, struct rp_str text, bool strong);
/* Does the text tell of a job beyond doubt? */
bool rp_plain_tells(struct rp_str text);
void rp_plain_finish(struct rp_joblog *l);

/* ---- template.c ---- */

int rp_template_score(const struct rp_log_template *t, struct rp_str line);

/* ---- cutting ---- */

size_t rp_find_byte(struct rp_str s, char c);
bool rp_skip(struct rp_str *s, const char *prefix);
struct rp_str rp_take_word(struct rp_str *s); /* and the blanks behind it */
struct rp_str rp_take_tag(struct rp_str *s);  /* and one blank: what follows may be indented */
struct rp_str rp_take_until(struct rp_str *s, char c); /* and c; all if there is none */
bool rp_take_number(struct rp_str *s, int64_t *n);
/* What stands between two marks, absent if one is missing; the number behind a mark, -1: none. */
struct rp_str rp_between(struct rp_str s, const char *from, const char *to);
int64_t rp_number_after(struct rp_str s, const char *mark);
struct rp_str rp_strip(struct rp_str s, const char *front, const char *back);
/* "tag[pid]:", "tag:" or without the colon; the tag may hold "(…)". pid: empty if there is none. */
void rp_split_tag(struct rp_str word, struct rp_str *tag, struct rp_str *pid);
struct rp_str rp_last_segment(struct rp_str path); /* behind the last slash */
/* What Python's logging puts in front, whatever its layout: a time, or the level ("INFO:logger:" is
 * its own default) and then perhaps a time. us: RP_NO_TIME without. False: it is not there. */
bool rp_take_prefix(struct rp_stamp *st, struct rp_str *s, int64_t *us);
/* The fronts of Ruby's Logger, glog and Serilog. bad: the level is an error's. */
bool rp_take_front(struct rp_stamp *st, struct rp_str *s, int64_t *us, bool *bad);
/* Seconds as a log writes them ("0.051"), in microseconds; -1: none. */
int64_t rp_seconds_us(struct rp_str s);

#endif
