/* Jobs that are held for a dependency (users.md U11).
 *
 * A failure of group `dependency` of a type that needs one burns no attempt while that dependency
 * is down: the job waits as `retrying`, held, and its attempt stays on record without counting. If
 * the newest check is older than the failure, it is doubted first: held too, until a check that
 * began after it says which. Once nothing that the type needs is down, its held jobs are let out in
 * waves: a canary of RP_HOLD_CANARY, then twice as many each time the wave before has ended. A job
 * that comes back with such a failure is held again and ends the wave; the next canary waits,
 * longer each time. `hold_max` ends it: with the dependency still down the job fails, else it is
 * let out.
 *
 * Rows: hold (one a job, from its first such failure until it ends or fails otherwise), hold_wave
 * (one a type). Who holds and who lets out is decided here, on the writer; that a held job does not
 * run follows from its state. */
#ifndef RP_STORE_HOLDS_H
#define RP_STORE_HOLDS_H

#include "store/store.h"

enum { RP_HOLD_CANARY = 5, RP_HOLD_WAVE_MAX = 1000 };

/* [w] What checks and ended waves have brought: doubts are settled, the next waves go out. About
 * `max` jobs are moved. *next_us: when to look again, INT64_MAX: when something changes. */
bool rp_holds_step(struct rp_db *db, int64_t now_us, int64_t max, int64_t *moved, int64_t *next_us,
                   struct rp_err *err);

#endif
