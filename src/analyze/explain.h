/* A failure's report gets its pattern and class the moment it is made: for the engine's commands,
 * workers, imports alike. */
#ifndef RP_ANALYZE_EXPLAIN_H
#define RP_ANALYZE_EXPLAIN_H

#include "analyze/analyze.h"
#include "store/jobs.h"

struct rp_mining;

/* Fills form, template, hash, frames, class, group, action and rule of a report that is no success,
 * from `facts`. Strings into the arena. `m` may be NULL: then a new form is never like a pattern
 * that there is. Any thread. */
void rp_explain_failure(struct rp_mining *m, struct rp_arena *a,
                        const struct rp_failure_facts *facts, struct rp_report *r);

#endif
