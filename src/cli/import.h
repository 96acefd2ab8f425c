/* What check, the imports and export share: files read as they are, also packed ones; runs on their
 * way to the daemon; what was found, in words and as JSON. Everything is in constant memory. */
#ifndef RP_CLI_IMPORT_H
#define RP_CLI_IMPORT_H

#include "analyze/joblog.h"
#include "cli/internal.h"
#include "cli/newest_first.h"

int run_check(struct cli *cli);
int run_import_log(struct cli *cli);
int run_import_csv(struct cli *cli);
int run_export(struct cli *cli); /* export.c */

/* ---- stream.c ---- */

/* Hands the bytes of a file ("-": standard input) to `take` in pieces; gzip and zstd are unpacked.
 * Shows a bar on a terminal if the size is known. False, with err naming the file, when it cannot
 * be read to its end or take said so. */
typedef bool stream_take(void *ctx, struct rp_str bytes, struct rp_err *err);
bool stream_file(struct cli *cli, const char *path, stream_take *take, void *ctx,
                 struct rp_err *err);

/* What people call it: "-" is "standard input". */
const char *input_name(const char *path);
/* textfile.c: the same of what must be text. UTF-16 and binary files are refused before `take` sees
 * a byte; a byte order mark is left out. */
bool stream_text(struct cli *cli, const char *path, stream_take *take, void *ctx,
                 struct rp_err *err);

/* ---- logfile.c ---- */

struct logfile {
    struct cli *cli;
    const char *path;
    stream_take *also; /* NULL, or who sees the bytes first; false stops the reading */
    void *also_ctx;
    struct rp_joblog *log;
    const struct rp_zone *zone; /* of times that name none; NULL: UTC */
    bool zone_taken;
    struct rp_config *config; /* of the user's own formats, NULL: none */
    uint64_t bytes;           /* read so far */
    struct reversal reversal;
    bool refused;  /* by `also` */
    bool hopeless; /* not read to its end: it is no text */
    bool torn;     /* the file could not be read to its end: damage says why */
    struct rp_err damage;
    struct rp_joblog_stats stats;
};
/* By the options format, year, tz, config. Zeroed before, but for `also`. */
bool logfile_open(struct logfile *f, struct cli *cli, const char *path, struct rp_run_sink sink,
                  struct rp_err *err);
/* True also for a file that is damaged further on: what came before is read. */
bool logfile_read(struct logfile *f, struct rp_err *err);
/* What the user should know of how it was read; the exit code: 0, or that of the damage. */
int logfile_tell(const struct logfile *f);
void logfile_close(struct logfile *f);

/* ---- records.c ---- */

/* The first line of a file, cut at its length here: what stays the same when the file grows, is
 * renamed or packed. */
enum { FIRST_LINE = 4096 };
struct first_line {
    char text[FIRST_LINE];
    size_t n;
    bool whole;
};
void first_line_feed(struct first_line *f, struct rp_str bytes);

struct record {
    const struct rp_run *run;
    struct rp_str spool_id, external_id;
    struct rp_str labels; /* JSON object; absent: none */
    int64_t submit_us;    /* RP_NO_TIME: not known */
};

struct records {
    struct cli *cli;
    struct rp_buf body; /* a batch that was begun */
    struct rp_jw w;
    size_t n;             /* runs in it */
    int64_t added, known; /* as the daemon said: new, and there before */
};
/* Asks whether a daemon is there, so that nobody waits for a file to be read in vain. */
bool records_begin(struct records *r, struct cli *cli, struct rp_err *err);
/* Sends a batch when it is full. A run whose outcome is not known must not be given. */
bool records_add(struct records *r, const struct record *one, struct rp_err *err);
bool records_flush(struct records *r, struct rp_err *err);
void records_free(struct records *r);

/* 32 hex digits of texts, in order. Into the arena. */
struct rp_str digest(struct rp_arena *a, const struct rp_str *texts, size_t n);
/* A type's name as the store takes it: printable, up to 200 bytes. What had to be changed ends in a
 * digest, so that different names stay different. */
struct rp_str type_name(struct rp_arena *a, struct rp_str name);

/* ---- import_show.c ---- */

struct import {
    struct cli *cli;
    const char *path;
    const char *format; /* "cron", "csv"; NULL: not known */
    bool store;         /* not --dry-run */
    uint64_t lines, unassigned_lines;
    uint64_t never_started, skipped; /* rows of a table that are no runs */
    struct rp_tally *tally;
    struct records records;
};
void import_show(struct import *i);     /* words, or JSON with --json */
void import_headline(struct import *i); /* the file, its format, how much */
void import_types(struct import *i);    /* the table of types */
void import_json_counts(const struct import *i, struct rp_jw *w); /* the members that count */

#endif
