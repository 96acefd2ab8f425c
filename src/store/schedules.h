/* Schedules and the occurrence ledger: every expected instant has a verdict (U16). [w]: writes. */
#ifndef RP_STORE_SCHEDULES_H
#define RP_STORE_SCHEDULES_H

#include "core/states.h"
#include "store/store.h"

/* X(symbol, number, name) */
#define RP_VERDICTS(X)                                                                             \
    X(RP_VERDICT_FIRED, 1, "fired")             /* a job was made: job_id */                       \
    X(RP_VERDICT_OVERLAP, 2, "skipped-overlap") /* the run before was still going: job_id */       \
    X(RP_VERDICT_PAUSED, 3, "skipped-paused")   /* by whom, since when */                          \
    X(RP_VERDICT_MISSED, 4, "missed")           /* daemon down from … to … */                  \
    X(RP_VERDICT_MERGED, 5, "merged")           /* into job_id */                                  \
    X(RP_VERDICT_LATE, 6, "skipped-late")       /* later than start_within */                      \
    X(RP_VERDICT_LIMIT, 7, "skipped-limit")     /* over missed_max */                              \
    X(RP_VERDICT_CLOCK, 8, "skipped-clock")     /* the clock was set */                            \
    X(RP_VERDICT_MOVED, 9, "moved")             /* the zone's rules changed: to when */

enum rp_verdict {
    RP_VERDICT_NONE = 0, /* expected, no verdict yet: in the future */
#define X(sym, no, name) sym = no,
    RP_VERDICTS(X)
#undef X
};
const char *rp_verdict_name(enum rp_verdict v);

struct rp_schedule_row {
    int64_t id, type_id;
    struct rp_str name, type, expr, zone, paused_by;
    bool active;       /* in the configuration */
    int64_t next_us;   /* next instant, INT64_MAX: none */
    int64_t last_us;   /* newest instant with a verdict, 0: none */
    int64_t paused_us; /* 0: not paused */
    int64_t last_job;
    enum rp_state last_state;
    int64_t missed_24h;
};
bool rp_schedules_list(struct rp_db *db, int64_t now_us, struct rp_arena *a,
                       struct rp_schedule_row **out, size_t *n, struct rp_err *err);
bool rp_schedule_get(struct rp_db *db, struct rp_str name, int64_t now_us, struct rp_arena *a,
                     struct rp_schedule_row *out, struct rp_err *err);

struct rp_occurrence {
    int64_t instant_us;
    enum rp_verdict verdict;
    int64_t job_id; /* fired: its job; merged: the job that stands for it; overlap: the job in the
                       way */
    int64_t decided_us; /* when the verdict was made; lateness of fired = job's start - instant */
    struct rp_str why;  /* "the daemon was down from … to …", "paused by … since …" */
    enum rp_state job_state; /* of job_id */
    int64_t job_started_us, job_ended_us;
    bool manual;
};
/* Ascending, in [from, to); ≤ limit (≤ 10,000): verdicts, runs by hand between them, and what is
 * still expected (verdict none). */
bool rp_occurrences(struct rp_db *db, int64_t schedule_id, int64_t from_us, int64_t to_us,
                    int limit, struct rp_arena *a, struct rp_occurrence **out, size_t *n,
                    struct rp_err *err);

/* [w] Fires what is due of every active schedule by rules 12–15 of the schedules specification, in
 * one transaction: verdicts, jobs, next instants. An instant before `up_since_us` (by the wall
 * clock as it is now), or more than a minute late, was missed; `down_from_us`: the last sign of
 * life before that (0: not known), for the words of the verdict. What was missed together is one
 * gap, kept with the schedule until it is worked off: one job for all of it with run-once, whatever
 * happens meanwhile. Returns how many jobs were made, how many instants got none, and the earliest
 * next instant. At most `max` instants a call, shared by the schedules that are due (a remainder is
 * due at once again). */
struct rp_fire {
    int64_t now_us, down_from_us, up_since_us;
    bool clock_set; /* from and since are not a downtime: the wall clock was set forward */
    int64_t max;
    int64_t fired, missed, next_us; /* out */
};
bool rp_schedules_fire(struct rp_db *db, struct rp_fire *f, struct rp_err *err);
/* [w] The wall clock was set by more than 3 h (rule 11): instants in between get verdict clock
 * (at most 10,000 of a schedule, in the calls of rp_schedules_fire that follow), next instants
 * start from now. Set back: what fired already stays fired, clock verdicts of the future are taken
 * back. */
bool rp_schedules_clock_set(struct rp_db *db, int64_t from_us, int64_t now_us, struct rp_err *err);
/* [w] @reboot schedules: once per daemon start. */
bool rp_schedules_reboot(struct rp_db *db, int64_t now_us, struct rp_err *err);

/* [w, audited] */
bool rp_schedule_run(struct rp_db *db, struct rp_str name, struct rp_str actor, bool overlap_anyway,
                     int64_t now_us, int64_t *job, struct rp_err *err);
bool rp_schedule_pause(struct rp_db *db, struct rp_str name, bool pause, struct rp_str actor,
                       struct rp_str reason, int64_t now_us, struct rp_err *err);

#endif
