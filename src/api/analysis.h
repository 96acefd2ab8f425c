/* Private to the analysis of a window: what is added up from the minutes (analysis_sums.c), rows
 * for conditions (analysis_rows.c), where most fails (analysis_tops.c), the answer (analysis.c). */
#ifndef RP_API_ANALYSIS_H
#define RP_API_ANALYSIS_H

#include "analyze/contrast.h"
#include "analyze/onset.h"
#include "api/handlers.h"
#include "store/analysis.h"

enum {
    ONSET_MINUTES = 24 * 60,
    ROWS_ALL = 12000, /* of a window with so many runs all are read */
    ROWS_MOST = 3000, /* else so many failed and as many others */
    ROW_TYPE = 0,     /* the first attribute of a row */
    ROW_VALUE_MOST = 100,
    PAYLOAD_KEYS = 8,
    NEEDS_MOST = 8 /* dependencies */
};

struct analysis { /* the question */
    int64_t since_us, until_us, type_id;
    struct rp_str type;
    struct rp_str payload[PAYLOAD_KEYS]; /* JSON pointers: what stands there is an attribute */
    size_t n_payload;
};

/* What ended of one type or queue. */
struct sum {
    int64_t id;
    struct rp_counts in;   /* the window */
    struct rp_counts *day; /* types: the ONSET_MINUTES before the window's end */
};

struct pattern_sum {
    int64_t id, n, first_minute, last_minute;
    int64_t *by_type; /* failures in the window, by place of the type */
    size_t n_types;
    struct rp_counts *day;           /* failed only */
    int64_t outer;                   /* the message that wraps it, 0: none */
    int64_t level_n, level_patterns; /* of all that this wraps, in the window; else its own */
    bool unknown;                    /* its class says nothing */
    struct rp_pattern row;           /* of those that are shown */
};

struct sums {
    struct rp_arena *a;
    int64_t since_minute, day_minute, until_minute;
    struct sum *types, *queues;
    struct pattern_sum *patterns;
    size_t n_types, n_queues, n_patterns, n_listed; /* n_listed: the first ones */
    struct rp_counts all;
    /* The window in steps of so many minutes, at most ONSET_MINUTES steps. */
    int64_t step;
    struct rp_counts *steps;
};
/* One pass over the minutes; patterns most first. */
bool sums_read(struct rp_db *db, const struct analysis *in, struct rp_arena *a, struct sums *s,
               struct rp_err *err);
/* Patterns that one message wraps stand together, at the place of their sum; the RP_INNERS_LISTED
 * largest of each. */
bool sums_order(struct sums *s, struct rp_db *db, struct rp_err *err);
/* When failing began: of a pattern, or (NULL) of all. */
void sums_onset(const struct sums *s, const struct pattern_sum *p, struct rp_onset *out);

/* Rows that ended in the window, as attributes and counts. */
struct rows {
    struct rp_arena *a;
    struct rp_ended_rows ended;
    bool complete;          /* every run of the window is there */
    int64_t sampled_failed; /* how many of them failed: the first ones */
    size_t again;           /* from there on those of them whose jobs ran again since */
    struct rp_str *names, (*values)[RP_CONTRAST_ATTRIBUTES];
    size_t n_names;
};
bool rows_read(struct rp_db *db, const struct analysis *in, const struct sums *s,
               struct rp_arena *a, struct rows *r, struct rp_err *err);
/* More of their attributes (analysis_columns.c). */
bool rows_needs(struct rp_db *db, struct rows *r, struct rp_err *err);
bool rows_deploys(struct rp_db *db, const struct analysis *in, struct rows *r, struct rp_err *err);
bool rows_payloads(struct rp_db *db, const struct analysis *in, struct rows *r, struct rp_err *err);
/* In what failures differ from what succeeded: of a pattern, or (NULL) all. began: an onset was
 * found; the hours after it would only say so again, three times. */
void rows_contrast(struct rows *r, const struct sums *s, const struct pattern_sum *p, bool began,
                   struct rp_contrast_answer *out);

/* Where most fails (analysis_tops.c): members types, type_onsets, queues, nodes. */
bool analysis_tops(struct request *q, struct rp_db *db, struct sums *s, const struct rows *r,
                   struct rp_err *err);
/* A rate with its counts and Wilson's interval; nothing of no runs. */
void analysis_rate(struct rp_jw *w, const char *key, struct rp_counts c);
/* The names of what the sums are of. */
struct rp_str *analysis_names(struct request *q, const struct sum *v, size_t n,
                              const struct rp_id_name *names, size_t n_names);

#endif
