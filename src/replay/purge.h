/* Purge and restore: rows go only after a backup of them that was read back from the disk and
 * compared with them, and come back exactly (G8, U26, U28).
 *
 * A purge plans (any reader), writes its file (backup.h), reads it back and compares each row, and
 * only then deletes, in transactions so short that nobody waits for them (G19); in each of these
 * the rows are compared once more, so that a job that changed meanwhile stays. A restore checks the
 * whole file and the store for conflicts before the first row comes. One struct rp_purger has the
 * thread that does it; what is under way is a row (store/purges.h), so that a daemon that was
 * killed goes on with it: a purge that had not begun to delete fails and leaves all rows, one that
 * had goes on with its file, after checking it anew. */
#ifndef RP_REPLAY_PURGE_H
#define RP_REPLAY_PURGE_H

#include "replay/replay.h"
#include "store/purges.h"

struct rp_engine;

struct rp_purge_ask {
    struct rp_replay_ask select; /* filter, ids, all; any_state is set */
    bool payloads;               /* payloads and outputs alone; the jobs stay */
    bool include_unresolved;     /* failed ones and unknown outcomes, which are pinned (U26) */
    bool include_waiting;        /* scheduled, queued, retrying */
    struct rp_str backup, reason, plan_hash;
};
enum { RP_PURGE_STATES = 16 };
struct rp_purge_pick { /* a job that goes, if it is still as the plan saw it */
    int64_t job_id, last_n;
    enum rp_state state;
};
struct rp_purge_plan {
    int64_t matched, n, attempts, outputs; /* n: jobs that go, with so many attempts and outputs */
    int64_t first_us, last_us;             /* ends of the oldest and newest of them */
    int64_t of_state[RP_PURGE_STATES];     /* of those that go, by enum rp_state */
    struct rp_left_out left_out[LEFT_OUT_MAX];
    size_t n_left_out;
    struct rp_str hash;          /* 16 hex digits over the jobs and how they are */
    struct rp_purge_pick *picks; /* n of them, by rising id */
};
/* Reads only. RP_E_BAD_FIELD if nothing selects and `all` was not said, or if what is pinned was
 * asked for without a reason. */
bool rp_purge_plan(struct rp_db *db, const struct rp_purge_ask *ask, struct rp_arena *a,
                   struct rp_purge_plan *out, struct rp_err *err);
/* [w] The record of a purge of that plan; RP_E_REFUSED if it is not the one of ask->plan_hash, or
 * takes nothing. */
struct rp_purger;
bool rp_purge_start(struct rp_purger *p, struct rp_db *db, const struct rp_purge_ask *ask,
                    const struct rp_purge_plan *plan, struct rp_str file, int64_t now_us,
                    int64_t *id, struct rp_err *err);
/* [w] The record of a restore; the thread does it. */
bool rp_restore_start(struct rp_db *db, struct rp_str file, bool dry, struct rp_str actor,
                      struct rp_str reason, int64_t now_us, int64_t *id, struct rp_err *err);
/* Where a backup of that name is. A plain name: in the folder `backups` beside the store, which is
 * made. A path is for who may use this machine's files (`local`); it must be absolute. */
bool rp_purge_file(const char *store_path, struct rp_str name, bool local, struct rp_arena *a,
                   struct rp_str *file, struct rp_err *err);

/* The thread. It goes on with what an earlier daemon left. */
struct rp_purger *rp_purger_start(struct rp_engine *e, struct rp_err *err);
void rp_purger_stop(struct rp_purger *p); /* soon; what is not done goes on at the next start */

#endif
