/* Private to api/: the handlers that the route table names, by file. `p_` prepares (API thread),
 * `r_` runs (reader or writer thread), `a_` renders after the commit (API thread). */
#ifndef RP_API_HANDLERS_H
#define RP_API_HANDLERS_H

#include "api/internal.h"
#include "api/shapes.h"

typedef bool prepare_fn(struct request *q, struct rp_err *err);
typedef bool run_fn(struct request *q, struct rp_db *db, struct rp_err *err);
typedef void render_fn(struct request *q);

/* jobs.c */
prepare_fn p_enqueue, p_reason;
run_fn r_enqueue, r_jobs, r_jobs_count, r_jobs_failures, r_job, r_attempts, r_output, r_cancel,
    r_retry, r_resolve;
prepare_fn p_resolve;
render_fn a_enqueue;
bool job_filter(struct request *q, struct rp_job_filter *f, struct rp_err *err); /* of the query */
/* {reason?, …}: fills q->in with a struct rp_str */
struct rp_str reason_of(struct request *q);

/* work.c: workers and runs of others */
prepare_fn p_fetch, p_report, p_beat, p_run_start, p_run_finish, p_records;
run_fn r_fetch, r_report, r_beat, r_run_start, r_run_finish, r_records;
render_fn a_fetch, a_report;

/* queues.c: queues, schedules, types, dependencies, patterns */
run_fn r_queues, r_queue_pause, r_queue_resume, r_types, r_type, r_waiting_check;
prepare_fn p_waiting_check;
run_fn r_schedules, r_schedule, r_schedule_next, r_occurrences, r_schedule_run, r_schedule_pause,
    r_schedule_resume;
prepare_fn p_schedule_run;
run_fn r_deps, r_deps_check, r_patterns, r_pattern, r_pattern_edit, r_analysis;
prepare_fn p_deps_check, p_pattern_edit, p_analysis;

/* replays.c */
prepare_fn p_replay;
run_fn r_replay_plan_or_start, r_replays, r_replay, r_replay_items, r_replay_pause, r_replay_resume,
    r_replay_abort, r_replay_undo;

/* status.c: status, health, doctor, metrics, tokens */
run_fn r_healthz, r_readyz, r_status, r_doctor, r_metrics, r_tokens, r_token_create, r_token_revoke;
prepare_fn p_token;
void status_write_failure(struct rp_jw *w, const struct rp_engine_state *s);

#endif
