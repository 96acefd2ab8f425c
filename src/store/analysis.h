/* What an analysis of failures reads: counts from the minute rollups, whatever the number of jobs;
 * and rows, of which there are never more than asked for. */
#ifndef RP_STORE_ANALYSIS_H
#define RP_STORE_ANALYSIS_H

#include "core/states.h"
#include "store/store.h"

/* Final outcomes of one minute: succeeded, failed, timed out, lost. */
struct rp_minute {
    int64_t minute, type_id, queue_id, pattern_id, n; /* pattern_id 0: none */
    bool failed;
};
/* From the minute of since_us to before that of until_us, in order of time. type_id 0: all. */
bool rp_minutes_each(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                     void (*each)(void *ctx, const struct rp_minute *m), void *ctx,
                     struct rp_err *err);

/* A job that has ended, with where and when it ran; of one that failed and ran again: how it had
 * failed. */
struct rp_ended {
    int64_t job_id, type_id, queue_id, pattern_id, schedule_id, ended_us;
    struct rp_str node, worker, labels; /* labels: a JSON object; absent: none */
    bool failed;
};
struct rp_ended_rows {
    struct rp_ended *v;
    size_t n;
};
struct rp_window {
    int64_t since_us, until_us, type_id; /* type_id 0: all */
};
/* Adds failed (or unknown) jobs that ended in [since_us, until_us), oldest first, at most limit. */
bool rp_ended_failed(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                     int64_t limit, struct rp_arena *a, struct rp_ended_rows *rows,
                     struct rp_err *err);
/* Adds `take` of every `of` of them, evenly spread; it passes over the others by their ids only. */
bool rp_ended_failed_spread(struct rp_db *db, const struct rp_window *in, uint64_t take,
                            uint64_t of, struct rp_arena *a, struct rp_ended_rows *rows,
                            struct rp_err *err);
/* Adds failures of the window whose jobs a replay has run again since: all if such replays have no
 * more than `limit` items; else those of `limit` items, evenly spread. *of: how many there are. */
bool rp_ended_tried_again(struct rp_db *db, const struct rp_window *in, int64_t limit,
                          struct rp_arena *a, struct rp_ended_rows *rows, int64_t *of,
                          struct rp_err *err);
/* Adds succeeded ones: all if no more than `limit` ids were given since since_us; else those of
 * `limit` ids, evenly spread. *all: which. */
bool rp_ended_succeeded(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                        int64_t limit, struct rp_arena *a, struct rp_ended_rows *rows, bool *all,
                        struct rp_err *err);

/* An attempt that failed, of a job that is failed (or unknown) now. */
struct rp_failing {
    int64_t job_id, type_id, pattern_id, ended_us;
    uint64_t what; /* of its type and payload; 0: it has no payload, or a long one */
    struct rp_str node;
    struct rp_str type;
};
/* Of the `limit` newest that ended in the window those with at least three attempts, alone or with
 * the others of the same payload; the tries of one payload, and in them of a job, stand together.
 */
bool rp_failing_again(struct rp_db *db, const struct rp_window *in, int64_t limit,
                      struct rp_arena *a, struct rp_failing **out, size_t *n, struct rp_err *err);
/* Whether a job of the type with that payload succeeded in the time; of very many that did the
 * first 10,000 are looked at. */
bool rp_payload_succeeded(struct rp_db *db, int64_t type_id, uint64_t what, int64_t from_us,
                          int64_t to_us, bool *did, struct rp_err *err);
/* Final successes of a type in the minutes from and to, and between. */
bool rp_successes_between(struct rp_db *db, int64_t type_id, int64_t from_us, int64_t to_us,
                          int64_t *n, struct rp_err *err);

/* First failure that is still there in [from_us, to_us), of a pattern or (0) any; 0: none. */
bool rp_first_failure(struct rp_db *db, int64_t pattern_id, int64_t from_us, int64_t to_us,
                      int64_t *us, struct rp_err *err);

/* What types need, by the configuration that is in force; in order of the dependency. */
struct rp_type_need_row {
    int64_t type_id;
    struct rp_str dependency;
};
bool rp_needs_list(struct rp_db *db, struct rp_arena *a, struct rp_type_need_row **out, size_t *n,
                   struct rp_err *err);

/* A job's payload; absent: it has none, or a purge took it. */
bool rp_payload_of(struct rp_db *db, int64_t job_id, struct rp_arena *a, struct rp_str *out,
                   struct rp_err *err);

struct rp_id_name {
    int64_t id;
    struct rp_str name;
};
enum rp_named { RP_NAMED_TYPES, RP_NAMED_QUEUES, RP_NAMED_SCHEDULES };
bool rp_names(struct rp_db *db, enum rp_named what, struct rp_arena *a, struct rp_id_name **out,
              size_t *n, struct rp_err *err);

/* Changes of the dependencies' states before until_us, oldest first. */
struct rp_dep_change {
    struct rp_str dependency, says;
    int64_t at_us;
    bool down;
};
bool rp_dep_history(struct rp_db *db, int64_t until_us, struct rp_arena *a,
                    struct rp_dep_change **out, size_t *n, struct rp_err *err);

/* What the audit knows of changes to how jobs run in [from_us, to_us]: of the newest 1,000 records.
 */
struct rp_audit_event {
    int64_t at_us;
    struct rp_str actor, action, object;
};
bool rp_events_between(struct rp_db *db, int64_t from_us, int64_t to_us, struct rp_arena *a,
                       struct rp_audit_event **out, size_t *n, struct rp_err *err);

/* Ids of patterns that failed last in [from_us, to_us), those with the most failures first. */
bool rp_patterns_gone(struct rp_db *db, int64_t from_us, int64_t to_us, int64_t limit,
                      struct rp_arena *a, int64_t **out, size_t *n, struct rp_err *err);

/* 0 if it is absent; RP_E_NOT_FOUND if there is no such type. */
bool rp_type_id(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err);

#endif
