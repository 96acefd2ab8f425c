/* Private to store/: what the files about schedules share. */
#ifndef RP_STORE_SCHEDULES_INTERNAL_H
#define RP_STORE_SCHEDULES_INTERNAL_H

#include "store/internal.h"
#include "store/schedules.h"

/* Instants that nobody was there to fire, or that all get one verdict, while they are worked off:
 * kept with the schedule, because it may take several calls. */
struct gap {
    int64_t to_us, at_us;    /* last microsecond in it (0: no gap); when it was found */
    enum rp_verdict verdict; /* MISSED: by the schedule's policy; else what each instant gets */
    int64_t job, n; /* the job that stands for all; how many got a job (or, set clock, a row) */
    struct rp_str why;
};

/* One schedule while it is being worked on. */
struct due {
    struct rp_db *db;
    struct rp_arena *arena;
    const struct rp_schedule *conf;
    int64_t id, next_us, anchor_us, last_us, paused_us;
    struct rp_str name, paused_by, paused_why;
    struct gap gap;
    int64_t now_us;
    int64_t fired, missed, catch_ups; /* counts of this call */
};

/* What becomes of one instant. */
struct decision {
    enum rp_verdict verdict;
    int64_t job;
    struct rp_str why;
};

/* ---- schedule_row.c ---- */

/* Active schedules whose next instant is not after `until_us`, at most `max`, longest due first. */
bool rp_due_list(struct rp_db *db, int64_t until_us, int64_t max, struct rp_arena *a,
                 struct due **out, size_t *n, struct rp_err *err);
/* One by name, RP_E_NOT_FOUND if it is not in the configuration in force. */
bool rp_due_get(struct rp_db *db, struct rp_str name, struct rp_arena *a, struct due *out,
                struct rp_err *err);
/* The one of `conf`, whose configuration is about to come into force. */
bool rp_due_of(struct rp_db *db, const struct rp_schedule *conf, struct rp_arena *a,
               struct due *out, struct rp_err *err);
/* [w] next, last, anchor and gap as they are now. */
bool rp_due_write(const struct due *d, struct rp_err *err);
bool rp_verdict_exists(const struct due *d, int64_t instant_us, bool *out, struct rp_err *err);
/* [w] A verdict is final: a second one of the same instant is an error of ours. */
bool rp_verdict_write(const struct due *d, int64_t instant_us, const struct decision *v,
                      struct rp_err *err);

/* ---- rezone.c ---- */

/* [w] The rules of its zone are others than those that its next instant was computed by. */
bool rp_due_rezone(struct due *d, struct rp_err *err);

/* ---- overlap.c ---- */

/* [w] What happens when the schedule wants to start a job now, by its overlap policy (rule 15):
 * FIRED (go on and make it; those in the way were told to end), OVERLAP or MERGED with the job in
 * the way. */
bool rp_overlap_settle(const struct due *d, struct decision *out, struct rp_err *err);
/* How a job of the schedule is made. */
struct firing {
    int64_t instant_us, due_us;
    int64_t stands_for;  /* missed instants, 0: none */
    bool counted_all;    /* stands_for is all of them, not a lower bound */
    bool manual, beside; /* beside: may run beside another one */
};
/* [w] The job of one instant. */
bool rp_schedule_make_job(struct due *d, const struct firing *f, int64_t *job, struct rp_err *err);
/* Offset of a job's due time from its instant: uniform, always the same for the same instant. */
int64_t rp_schedule_jitter(const struct rp_schedule *conf, int64_t instant_us);

#endif
