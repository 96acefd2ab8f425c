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
prepare_fn p_enqueue, p_jobs, p_reason;
run_fn r_enqueue, r_jobs, r_jobs_count, r_jobs_failures, r_job, r_attempts, r_output, r_cancel,
    r_resolve, r_attempts_page;
prepare_fn p_resolve;
render_fn a_enqueue;
/* {reason?, …}: fills q->in with a struct rp_str */
struct rp_str reason_of(struct request *q);

/* work.c: workers; runs.c: runs of others, records */
prepare_fn p_fetch, p_report, p_beat, p_run_start, p_run_finish, p_records;
run_fn r_fetch, r_report, r_beat, r_run_start, r_run_finish, r_records;
render_fn a_fetch, a_report;

/* queues.c: queues, types */
prepare_fn p_waiting_check;
run_fn r_queues, r_queue_pause, r_queue_resume, r_types, r_type, r_waiting_check;

/* schedules.c */
prepare_fn p_schedule_run;
run_fn r_schedules, r_schedule, r_schedule_next, r_occurrences, r_schedule_run, r_schedule_pause,
    r_schedule_resume;

/* deps.c */
prepare_fn p_deps_check;
run_fn r_deps, r_deps_check;

/* patterns.c: patterns; analysis.c: the analysis of a window */
prepare_fn p_pattern_edit, p_pattern_merge, p_analysis;
run_fn r_patterns, r_pattern, r_pattern_edit, r_pattern_merge, r_pattern_split, r_analysis;

/* retry.c */
prepare_fn p_retry;
run_fn r_retry;

/* replays.c */
prepare_fn p_replay;
run_fn r_replay_plan_or_start, r_replays, r_replay, r_replay_items, r_job_replays, r_replay_pause,
    r_replay_resume, r_replay_abort;

/* events.c */
run_fn r_events;

/* undo.c */
prepare_fn p_undo;
run_fn r_replay_undo;

/* purges.c: purges and restores */
prepare_fn p_purge, p_restore;
run_fn r_purge_plan_or_start, r_purges, r_purge, r_restore_start, r_restores, r_restore;

/* changes.c */
prepare_fn p_type_set;
run_fn r_type_set, r_changes, r_change_revert;

/* deploys.c */
prepare_fn p_deploy;
run_fn r_deploy, r_deploys;

/* status.c: how it is, and whether it can write */
prepare_fn p_readyz;
run_fn r_healthz, r_readyz, r_status;
render_fn a_readyz;
void status_write_failure(struct rp_jw *w, const struct rp_engine_state *s);

/* next.c: what to do first, from the facts of a status */
struct facts {
    const struct rp_engine_state *engine;
    const struct rp_config *config;
    const struct rp_queue_row *queues;
    size_t n_queues;
    const struct rp_schedule_row *schedules;
    size_t n_schedules;
    const struct rp_dep_row *deps;
    size_t n_deps;
    const struct rp_impact *impact;
    size_t n_impact;
    const struct rp_replay *replays;
    size_t n_replays;
    int64_t failed, unknown;
};
void next_steps(struct rp_jw *w, const struct facts *f); /* the array */

/* metrics.c, doctor.c, tokens.c */
run_fn r_metrics, r_doctor;
prepare_fn p_token;
run_fn r_tokens, r_token_create, r_token_revoke;

#endif
