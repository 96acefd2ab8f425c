/* Private to replay/. */
#ifndef RP_REPLAY_INTERNAL_H
#define RP_REPLAY_INTERNAL_H

#include "replay/replay.h"

enum { REPLAY_ITEMS_MAX = 100000 };

/* preflight.c: fills plan->preflight and plan->refused for the plan's items. */
bool preflight(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
               int64_t now_us, struct rp_arena *a, struct rp_plan *plan, struct rp_err *err);
extern const char *const preflight_checks[]; /* their names, ended by NULL */
bool overridden(const struct rp_replay_ask *ask, const char *name);
/* The distinct types of the plan's items, in order of first appearance. */
struct rp_str *plan_types(struct rp_arena *a, const struct rp_plan *plan, size_t *n);

/* The rule by which a replay of this version halts: more than a fifth of the settled items failed,
 * and at least three or all. */
bool failures_halt(int64_t settled, int64_t failed);

#endif
