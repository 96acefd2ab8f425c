/* Private to api/: the JSON shape of each noun, in one place (INTERFACES.md «Shapes»). Absent means
 * not known. */
#ifndef RP_API_SHAPES_H
#define RP_API_SHAPES_H

#include "base/json.h"
#include "exec/exec.h"
#include "replay/replay.h"
#include "store/schedules.h"

void shape_job(struct rp_jw *w, const struct rp_job *j);
void shape_attempt(struct rp_jw *w, const struct rp_attempt *t);
void shape_job_attempt(struct rp_jw *w, const struct rp_job_attempt *t);
void shape_lease(struct rp_jw *w, const struct rp_lease *l);
void shape_queue(struct rp_jw *w, const struct rp_queue_row *q);
void shape_schedule(struct rp_jw *w, const struct rp_schedule_row *s);
void shape_occurrence(struct rp_jw *w, const struct rp_occurrence *o);
void shape_type(struct rp_jw *w, const struct rp_type_row *t, const struct rp_type *settings);
void shape_pattern(struct rp_jw *w, const struct rp_pattern *p);
/* The members of a pattern that is wrapped in a message; nothing of one that is not. */
void shape_levels(struct rp_jw *w, const struct rp_pattern *p);
/* The member "outlook". */
void shape_tries(struct rp_jw *w, const struct rp_tries *t);
void shape_plan_outlook(struct rp_jw *w, const struct rp_plan_outlook *o);
void shape_dependency(struct rp_jw *w, const struct rp_dep_row *d);
void shape_plan(struct rp_jw *w, const struct rp_plan *p);
/* outcome NULL: not asked for. */
void shape_undo(struct rp_jw *w, struct rp_str replay, const struct rp_undo *u,
                const struct rp_plan *compensation);
void shape_replay(struct rp_jw *w, const struct rp_replay *r, int64_t now_us,
                  const struct rp_replay_outcome *outcome);
/* Members, if they are known. */
void shape_speed(struct rp_jw *w, const struct rp_replay_speed *v);
void shape_job_replay(struct rp_jw *w, const struct rp_job_replay *r);
void shape_replay_item(struct rp_jw *w, const struct rp_replay_item *i);
void shape_deploy(struct rp_jw *w, const struct rp_deploy *d);
void shape_token(struct rp_jw *w, const struct rp_token *t);

/* {items: [ … ]} around a list. */
void shape_list_begin(struct rp_jw *w);
void shape_list_end(struct rp_jw *w, int64_t next_cursor); /* 0: no further page */
void shape_prefixed_id(struct rp_jw *w, const char *key, const char *prefix,
                       int64_t id); /* "R12"; 0: nothing */

#endif
