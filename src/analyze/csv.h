/* Tables of runs as CSV (RFC 4180 and its neighbours): a streaming reader, and the mapping of
 * columns to runs.
 *
 * The reader is fed bytes in any cut, keeps one record (at most CSV_RECORD_MAX bytes), and calls
 * back for each. Delimiter: comma, semicolon or tab, found in the first record. A byte order mark
 * is skipped; CRLF and LF end records; quoted fields may hold both. Bytes that are not UTF-8 pass
 * through. One struct rp_csv belongs to one thread. */
#ifndef RP_ANALYZE_CSV_H
#define RP_ANALYZE_CSV_H

#include "base/err.h"
#include "base/str.h"
#include "core/states.h"

enum { CSV_FIELDS_MAX = 512, CSV_RECORD_MAX = 1 << 20 };

struct rp_csv {
    char delimiter; /* 0 until the first record */
    bool quoted, after_quote, any;
    struct rp_buf record; /* fields, one after the other */
    size_t end[CSV_FIELDS_MAX];
    size_t n;                  /* fields that are complete */
    int64_t line, record_line; /* from 1 */
    int bom;
    bool (*take)(void *ctx, const struct rp_str *fields, size_t n, int64_t line,
                 struct rp_err *err);
    void *ctx;
};
void rp_csv_open(struct rp_csv *c,
                 bool (*take)(void *, const struct rp_str *, size_t, int64_t, struct rp_err *),
                 void *ctx);
/* False when take said so, or for a record or number of fields over the limits (err names the
 * line). */
bool rp_csv_feed(struct rp_csv *c, struct rp_str bytes, struct rp_err *err);
/* The end of input: an open quote is an error, a last record without a line end is taken. */
bool rp_csv_end(struct rp_csv *c, struct rp_err *err);
void rp_csv_close(struct rp_csv *c);

/* ---- columns to runs ---- */

/* X(symbol, name): what --column can name */
#define RP_CSV_COLUMNS(X)                                                                          \
    X(RP_CSV_JOB, "job")                                                                           \
    X(RP_CSV_TYPE, "type")                                                                         \
    X(RP_CSV_OUTCOME, "outcome")                                                                   \
    X(RP_CSV_SUBMIT, "submit")                                                                     \
    X(RP_CSV_START, "start")                                                                       \
    X(RP_CSV_END, "end")                                                                           \
    X(RP_CSV_QUEUE, "queue")                                                                       \
    X(RP_CSV_ERROR, "error")                                                                       \
    X(RP_CSV_ATTEMPT, "attempt")
enum rp_csv_column {
#define X(sym, name) sym,
    RP_CSV_COLUMNS(X)
#undef X
        RP_CSV_COLUMNS_N
};

struct rp_csv_map {
    struct rp_str column[RP_CSV_COLUMNS_N]; /* header name of each, absent: not mapped; type and
                                               outcome are needed */
    int index[RP_CSV_COLUMNS_N];            /* set by rp_csv_map_header; -1: not mapped */
    struct rp_str *header;                  /* all names, for labels */
    size_t n_header;
    struct rp_str type; /* when no column gives it: one type for all */
};
/* "job=job_id,type=queue,outcome=status,start=start,end=end" into the map; RP_E_USAGE names what is
 * wrong. */
bool rp_csv_map_parse(struct rp_arena *a, struct rp_str text, struct rp_csv_map *map,
                      struct rp_err *err);
/* Finds the columns in the header record; RP_E_BAD_FIELD names one that is not there and those that
 * are. */
bool rp_csv_map_header(struct rp_arena *a, struct rp_csv_map *map, const struct rp_str *fields,
                       size_t n, struct rp_err *err);

struct rp_csv_run {
    struct rp_str job, type, queue, error;
    enum rp_outcome outcome;             /* RP_OUT_NONE: still running, or never started */
    bool unfinished;                     /* started, not ended */
    int64_t submit_us, start_us, end_us; /* INT64_MIN: not known */
    int64_t attempt;
};
/* One data record as a run; strings point into the fields. RP_E_BAD_FIELD names a word that is no
 * outcome or a value that is no time. Times: RFC 3339; a number is seconds (from the epoch, or from
 * the table's own zero), ms or µs since the epoch by its size. */
bool rp_csv_map_run(const struct rp_csv_map *map, const struct rp_str *fields, size_t n,
                    struct rp_csv_run *out, struct rp_err *err);
/* Unmapped columns that have a value, as a JSON object of strings (at most 32, each cut at 200
 * bytes). */
struct rp_str rp_csv_labels(struct rp_arena *a, const struct rp_csv_map *map,
                            const struct rp_str *fields, size_t n);

#endif
