/* Contrast sets: in what the runs that failed differ from those that did not (analysis.md 3).
 *
 * A table takes runs as vectors of attribute values and keeps one row with counts for each vector
 * that occurs. rp_contrast_find tests each value and each pair of values, and answers with at most
 * three conditions that go with failures; what a condition accounts for as well (its shadows) is
 * folded under it. No condition is an honest answer.
 *
 *     values:      numbers with many values are taken as powers of two ("4096..8191"); values
 *                  are compared byte by byte; an empty value is a value
 *     kept:        a value in at least max(20, 1 % of the failures) runs, not in all of them
 *     pairs:       of the 64 kept values with the most failures
 *     test:        Fisher or chi-square with Yates (stats.h), Benjamini-Hochberg q ≤ .01 over all
 *     gates:       lift ≥ 1.5; and 10 points more in the rate of failure, or in the share that
 *                  the condition has of the failures over its share of the other runs: where
 *                  failures are rare no rate is 10 points above another
 *     a pair       must beat both its values: p < .001, and 10 points or 1.5 times their rate
 *     order:       coverage × (1 − 1 / lift)
 *
 * The answer depends on the counts only, not on the order of the rows. One thread; a table may be
 * large: 4 bytes a cell and 12 a row. */
#ifndef RP_ANALYZE_CONTRAST_H
#define RP_ANALYZE_CONTRAST_H

#include "analyze/stats.h"
#include "base/str.h"

enum {
    RP_CONTRAST_ATTRIBUTES = 64,
    RP_CONTRAST_CONDITIONS = 3,
    RP_CONTRAST_SHADOWS = 8, /* shown of one condition, the best first */
    /* An attribute with more values (numbers aside) names things and is left out. */
    RP_CONTRAST_VALUES = 1 << 17
};

struct rp_where {
    struct rp_str attribute, value;
};

struct rp_condition {
    struct rp_where where[2];
    size_t n_where;
    struct rp_counts in, out; /* of all runs of the table */
    double lift;              /* rate inside over the rate of all */
    double q;                 /* never 0: at least the smallest double */
    double coverage;          /* share of the failures */
    struct rp_condition *shadows;
    size_t n_shadows, more_shadows; /* more: not listed */
};

struct rp_contrast_answer {
    struct rp_counts all;
    size_t tests;
    struct rp_condition condition[RP_CONTRAST_CONDITIONS];
    size_t n;
    uint64_t unexplained;    /* failures that no condition holds */
    struct rp_str *left_out; /* attributes with too many values */
    size_t n_left_out;
};

struct rp_contrast;
/* The names are copied; n is at most RP_CONTRAST_ATTRIBUTES. */
struct rp_contrast *rp_contrast_new(const struct rp_str *attributes, size_t n);
/* As many runs with these values, one a attribute; they need to live during the call only. */
void rp_contrast_add(struct rp_contrast *c, const struct rp_str *values, struct rp_counts counts);
/* Once, after the last row. The answer lives in the arena. */
void rp_contrast_find(struct rp_contrast *c, struct rp_arena *a, struct rp_contrast_answer *out);
void rp_contrast_free(struct rp_contrast *c);

/* Its conditions as an array of {where, inside, outside, lift, q, coverage, shadows}. */
struct rp_jw;
void rp_contrast_json(struct rp_jw *w, const struct rp_contrast_answer *answer);

#endif
