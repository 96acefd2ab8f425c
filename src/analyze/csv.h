/* Tables of runs: a streaming reader for RFC 4180 and its relatives, and the mapping of columns to
 * runs. Memory is bounded: one record at a time, of at most RP_CSV_RECORD_MAX bytes. */
#ifndef RP_ANALYZE_CSV_H
#define RP_ANALYZE_CSV_H

#include "analyze/run.h"
#include "analyze/stamp.h"
#include "base/err.h"

enum { RP_CSV_FIELDS_MAX = 1024, RP_CSV_RECORD_MAX = 1 << 20 };

/* ---- records ---- */

struct rp_csv_options {
    char separator; /* 0: the one of , ; and tab that the first record holds most of */
    /* Called for every record, also the first (the header). Fields live until it returns. False
     * ends the reading with the error that it filled. */
    bool (*record)(void *ctx, const struct rp_strs *fields, uint64_t line, struct rp_err *err);
    void *ctx;
};
/* Reads LF, CRLF and CR as ends of records, a byte order mark, quoted fields with separators, line
 * ends and doubled quotes; white space is kept, empty lines are left out. Text behind a closing
 * quote and quotes inside an unquoted field are kept as they are (Excel does the same). */
struct rp_csv *rp_csv_new(const struct rp_csv_options *o);
bool rp_csv_feed(struct rp_csv *c, struct rp_str bytes, struct rp_err *err);
/* The last record; an open quote is an error that names the line where it was opened. */
bool rp_csv_finish(struct rp_csv *c, struct rp_err *err);
void rp_csv_free(struct rp_csv *c);

/* ---- records to runs ---- */

/* Which column is what; absent: none. */
struct rp_csv_columns {
    struct rp_str job, type, outcome, start, end, queue, error, attempt;
};
/* "job=COL,type=COL,…" as --column gives it. Unknown keys and doubled ones are errors. */
bool rp_csv_columns_parse(struct rp_str spec, struct rp_csv_columns *out, struct rp_err *err);

struct rp_csv_stats {
    uint64_t rows;
    uint64_t ragged;           /* rows with more or fewer fields than the header */
    uint64_t unknown_outcomes; /* words that no list knows: outcome unknown */
    char unknown_outcome[80];  /* the first of them */
    uint64_t bad_times;        /* cells of start and end that are no time */
    char bad_time[80];
    bool relative_times; /* times count seconds from some start, not from 1970 */
};

/* A record consumer (its `record` is for rp_csv_options): the first record names the columns, all
 * others become runs; columns that are not mapped become labels. */
struct rp_csv_runs *rp_csv_runs_new(const struct rp_csv_columns *columns,
                                    const struct rp_stamp *stamp, struct rp_run_sink sink);
bool rp_csv_runs_record(void *runs, const struct rp_strs *fields, uint64_t line,
                        struct rp_err *err);
const struct rp_csv_stats *rp_csv_runs_stats(const struct rp_csv_runs *r);
void rp_csv_runs_free(struct rp_csv_runs *r);

/* The outcome that a word, a state of a scheduler or an exit code stands for; false if none. */
bool rp_run_outcome_of_word(struct rp_str word, enum rp_run_outcome *out);

#endif
