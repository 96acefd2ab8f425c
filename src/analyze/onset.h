/* When failing began: the change point of a series of minutes (analysis.md 4).
 *
 * Of all splits into before and after, the one with the largest likelihood ratio of two rates
 * against one, of those where the rate rises; binomial where runs are known, else Poisson on the
 * counts of failures. It is accepted when 2·LLR > 10.83 + 2 ln T. The interval holds all splits
 * that are about as likely (2·LLR within 3.84). A rise that a ramp explains much better than a step
 * is slow. Pure; linear in the number of minutes. */
#ifndef RP_ANALYZE_ONSET_H
#define RP_ANALYZE_ONSET_H

#include "analyze/stats.h"

#include <stdbool.h>

enum rp_onset_kind { RP_ONSET_NONE, RP_ONSET_SUDDEN, RP_ONSET_SLOW };

struct rp_onset {
    enum rp_onset_kind kind;
    size_t at;            /* first minute of the new rate; of a slow rise where it begins */
    size_t from, to;      /* the interval: the change lies in one of these minutes */
    double llr2;          /* 2·LLR */
    double before, after; /* rates (counts: failures a minute) */
};

/* What an onset is called: "none", "sudden", "slow". */
const char *rp_onset_name(enum rp_onset_kind kind);
/* `counts_only`: runs are not known. Minutes without runs say nothing (counts: are zeros). */
void rp_onset_find(const struct rp_counts *minutes, size_t n, bool counts_only,
                   struct rp_onset *out);
/* The member "onset" of bins of a width from an instant on. */
struct rp_jw;
void rp_onset_json(struct rp_jw *w, const struct rp_onset *o, int64_t from_us, int64_t width_us);

#endif
