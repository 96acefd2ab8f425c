/* The one table of routes: path, scope, handler (S3). A test walks it with each scope. */
#include "api/handlers.h"

enum { SMALL = 64 * 1024, LARGE = 64 * 1024 * 1024 };

const struct route routes[] = {
    /* clang-format off */
    {"GET",  "/healthz",                                 RP_SCOPE_NONE,    ROUTE_NOW,   NULL, r_healthz, NULL, 0},
    {"GET",  "/readyz",                                  RP_SCOPE_NONE,    ROUTE_WRITE, p_readyz, r_readyz, a_readyz, 0},
    {"GET",  "/metrics",                                 RP_SCOPE_READ,    ROUTE_READ,  NULL, r_metrics, NULL, 0},
    {"GET",  "/v1/status",                               RP_SCOPE_READ,    ROUTE_READ,  NULL, r_status, NULL, 0},
    {"GET",  "/v1/events",                               RP_SCOPE_READ,    ROUTE_READ,  NULL, r_events, NULL, 0},
    {"GET",  "/v1/doctor",                               RP_SCOPE_ADMIN,   ROUTE_WHOLE, NULL, r_doctor, NULL, 0},

    {"POST", "/v1/jobs",                                 RP_SCOPE_ENQUEUE, ROUTE_WRITE, p_enqueue, r_enqueue, a_enqueue, 0},
    {"GET",  "/v1/jobs",                                 RP_SCOPE_READ,    ROUTE_READ,  p_jobs, r_jobs, NULL, 0},
    {"GET",  "/v1/jobs/count",                           RP_SCOPE_READ,    ROUTE_SLOW,  NULL, r_jobs_count, NULL, 0},
    {"GET",  "/v1/jobs/failures",                        RP_SCOPE_READ,    ROUTE_SLOW,  NULL, r_jobs_failures, NULL, 0},
    {"GET",  "/v1/jobs/{id}",                            RP_SCOPE_READ,    ROUTE_READ,  NULL, r_job, NULL, 0},
    {"GET",  "/v1/jobs/{id}/attempts",                   RP_SCOPE_READ,    ROUTE_READ,  NULL, r_attempts, NULL, 0},
    {"GET",  "/v1/jobs/{id}/replays",                    RP_SCOPE_READ,    ROUTE_READ,  NULL, r_job_replays, NULL, 0},
    {"GET",  "/v1/jobs/{id}/attempts/{n}/output",        RP_SCOPE_READ,    ROUTE_READ,  NULL, r_output, NULL, 0},
    {"GET",  "/v1/attempts",                             RP_SCOPE_READ,    ROUTE_READ,  NULL, r_attempts_page, NULL, 0},
    {"POST", "/v1/jobs/{id}/cancel",                     RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_cancel, NULL, SMALL},
    {"POST", "/v1/jobs/{id}/retry",                      RP_SCOPE_OPERATE, ROUTE_ASYNC, p_retry, r_retry, NULL, SMALL},
    {"POST", "/v1/jobs/{id}/resolve",                    RP_SCOPE_OPERATE, ROUTE_WRITE, p_resolve, r_resolve, NULL, SMALL},

    {"POST", "/v1/work/fetch",                           RP_SCOPE_WORK,    ROUTE_ASYNC, p_fetch, r_fetch, a_fetch, SMALL},
    {"POST", "/v1/work/report",                          RP_SCOPE_WORK,    ROUTE_WRITE, p_report, r_report, a_report, 0},
    {"POST", "/v1/work/beat",                            RP_SCOPE_WORK,    ROUTE_WRITE, p_beat, r_beat, NULL, 0},
    {"POST", "/v1/runs",                                 RP_SCOPE_WORK,    ROUTE_WRITE, p_run_start, r_run_start, NULL, SMALL},
    {"POST", "/v1/runs/records",                         RP_SCOPE_WORK,    ROUTE_WRITE, p_records, r_records, NULL, LARGE},
    {"POST", "/v1/runs/{lease}/finish",                  RP_SCOPE_WORK,    ROUTE_WRITE, p_run_finish, r_run_finish, NULL, 0},

    {"GET",  "/v1/queues",                               RP_SCOPE_READ,    ROUTE_READ,  NULL, r_queues, NULL, 0},
    {"POST", "/v1/queues/{q}/pause",                     RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_queue_pause, NULL, SMALL},
    {"POST", "/v1/queues/{q}/resume",                    RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_queue_resume, NULL, SMALL},
    {"GET",  "/v1/types",                                RP_SCOPE_READ,    ROUTE_READ,  NULL, r_types, NULL, 0},
    {"GET",  "/v1/types/{t}",                            RP_SCOPE_READ,    ROUTE_READ,  NULL, r_type, NULL, 0},
    {"POST", "/v1/types/{t}/changes",                    RP_SCOPE_OPERATE, ROUTE_WRITE, p_type_set, r_type_set, NULL, SMALL},
    {"GET",  "/v1/changes",                              RP_SCOPE_READ,    ROUTE_READ,  NULL, r_changes, NULL, 0},
    {"POST", "/v1/changes/{c}/revert",                   RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_change_revert, NULL, SMALL},
    {"POST", "/v1/check/waiting",                        RP_SCOPE_READ,    ROUTE_READ,  p_waiting_check, r_waiting_check, NULL, 0},

    {"GET",  "/v1/schedules",                            RP_SCOPE_READ,    ROUTE_READ,  NULL, r_schedules, NULL, 0},
    {"GET",  "/v1/schedules/{s}",                        RP_SCOPE_READ,    ROUTE_READ,  NULL, r_schedule, NULL, 0},
    {"GET",  "/v1/schedules/{s}/next",                   RP_SCOPE_READ,    ROUTE_READ,  NULL, r_schedule_next, NULL, 0},
    {"GET",  "/v1/schedules/{s}/occurrences",            RP_SCOPE_READ,    ROUTE_READ,  NULL, r_occurrences, NULL, 0},
    {"POST", "/v1/schedules/{s}/run",                    RP_SCOPE_OPERATE, ROUTE_WRITE, p_schedule_run, r_schedule_run, NULL, SMALL},
    {"POST", "/v1/schedules/{s}/pause",                  RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_schedule_pause, NULL, SMALL},
    {"POST", "/v1/schedules/{s}/resume",                 RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_schedule_resume, NULL, SMALL},

    {"GET",  "/v1/dependencies",                         RP_SCOPE_READ,    ROUTE_READ,  NULL, r_deps, NULL, 0},
    {"POST", "/v1/dependencies/check",                   RP_SCOPE_OPERATE, ROUTE_ASYNC, p_deps_check, r_deps_check, NULL, SMALL},
    {"GET",  "/v1/patterns",                             RP_SCOPE_READ,    ROUTE_READ,  NULL, r_patterns, NULL, 0},
    {"GET",  "/v1/patterns/{p}",                         RP_SCOPE_READ,    ROUTE_READ,  NULL, r_pattern, NULL, 0},
    {"POST", "/v1/patterns/{p}",                         RP_SCOPE_OPERATE, ROUTE_WRITE, p_pattern_edit, r_pattern_edit, NULL, SMALL},
    {"POST", "/v1/patterns/{p}/merge",                   RP_SCOPE_OPERATE, ROUTE_WRITE, p_pattern_merge, r_pattern_merge, NULL, SMALL},
    {"POST", "/v1/patterns/{p}/split",                   RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_pattern_split, NULL, SMALL},
    {"POST", "/v1/analyses",                             RP_SCOPE_READ,    ROUTE_SLOW,  p_analysis, r_analysis, NULL, SMALL},

    {"POST", "/v1/replays",                              RP_SCOPE_OPERATE, ROUTE_ASYNC, p_replay, r_replay_plan_or_start, NULL, 0},
    {"GET",  "/v1/replays",                              RP_SCOPE_READ,    ROUTE_READ,  NULL, r_replays, NULL, 0},
    {"GET",  "/v1/replays/{r}",                          RP_SCOPE_READ,    ROUTE_READ,  NULL, r_replay, NULL, 0},
    {"GET",  "/v1/replays/{r}/items",                    RP_SCOPE_READ,    ROUTE_READ,  NULL, r_replay_items, NULL, 0},
    {"POST", "/v1/replays/{r}/pause",                    RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_replay_pause, NULL, SMALL},
    {"POST", "/v1/replays/{r}/resume",                   RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_replay_resume, NULL, SMALL},
    {"POST", "/v1/replays/{r}/abort",                    RP_SCOPE_OPERATE, ROUTE_WRITE, p_reason, r_replay_abort, NULL, SMALL},
    {"POST", "/v1/replays/{r}/undo",                     RP_SCOPE_OPERATE, ROUTE_ASYNC, p_undo, r_replay_undo, NULL, SMALL},

    {"POST", "/v1/purges",                               RP_SCOPE_PURGE,   ROUTE_ASYNC, p_purge, r_purge_plan_or_start, NULL, 0},
    {"GET",  "/v1/purges",                               RP_SCOPE_READ,    ROUTE_READ,  NULL, r_purges, NULL, 0},
    {"GET",  "/v1/purges/{id}",                          RP_SCOPE_READ,    ROUTE_READ,  NULL, r_purge, NULL, 0},
    {"POST", "/v1/restores",                             RP_SCOPE_PURGE,   ROUTE_WRITE, p_restore, r_restore_start, NULL, SMALL},
    {"GET",  "/v1/restores",                             RP_SCOPE_READ,    ROUTE_READ,  NULL, r_restores, NULL, 0},
    {"GET",  "/v1/restores/{id}",                        RP_SCOPE_READ,    ROUTE_READ,  NULL, r_restore, NULL, 0},

    {"POST", "/v1/deploys",                              RP_SCOPE_OPERATE, ROUTE_WRITE, p_deploy, r_deploy, NULL, SMALL},
    {"GET",  "/v1/deploys",                              RP_SCOPE_READ,    ROUTE_READ,  NULL, r_deploys, NULL, 0},

    {"POST", "/v1/tokens",                               RP_SCOPE_ADMIN,   ROUTE_WRITE, p_token, r_token_create, NULL, SMALL},
    {"GET",  "/v1/tokens",                               RP_SCOPE_ADMIN,   ROUTE_READ,  NULL, r_tokens, NULL, 0},
    {"POST", "/v1/tokens/{id}/revoke",                   RP_SCOPE_ADMIN,   ROUTE_WRITE, p_reason, r_token_revoke, NULL, SMALL},
    /* clang-format on */
};
const size_t routes_n = sizeof routes / sizeof *routes;
