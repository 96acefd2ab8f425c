/* Since when runs of a job log fail, of all, of a type and of a pattern; and which single jobs are
 * poison: what analyze --log keeps beside the counts, in bounded memory. */
#ifndef RP_CLI_LOG_WHEN_H
#define RP_CLI_LOG_WHEN_H

#include "cli/internal.h"

#include "analyze/failures.h"
#include "analyze/repeats.h"

enum { LOG_TYPES_MOST = 1000 }; /* types with a series: the first ones */

struct log_when {
    struct rp_series series;
    struct {
        uint32_t runs, failed; /* series */
    } all, types[LOG_TYPES_MOST];
    size_t n_types; /* in the order of the tally */
    struct rp_repeats repeats;
};
void log_when_begin(struct log_when *w);
void log_when_free(struct log_when *w);
/* A run that the tally has just counted, its time (or RP_NO_TIME), and the uid of its failure. */
void log_when_add(struct log_when *w, const struct rp_tally *t, const struct rp_run *run,
                  int64_t at_us, uint32_t failure);

void log_when_end(struct log_when *w, const struct rp_tally *t); /* after the last run */

/* Members of the answer: type_onsets, poison; of a pattern: onset. */
void log_when_json(struct log_when *w, const struct rp_tally *t, const struct rp_failures *f,
                   struct rp_jw *jw);
void log_onset_json(const struct log_when *w, const struct rp_tally *t, const struct rp_failures *f,
                    const struct rp_failure_group *g, struct rp_jw *jw);
/* The same in words. */
void log_when_show(struct log_when *w, struct cli *cli, const struct rp_tally *t,
                   const struct rp_failures *f);
void log_onset_show(const struct log_when *w, struct cli *cli, const struct rp_tally *t,
                    const struct rp_failures *f, const struct rp_failure_group *g, int indent);

#endif
