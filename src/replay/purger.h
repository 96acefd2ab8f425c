/* Private to replay/: the parts of purge and restore, all on the purger's own thread. */
#ifndef RP_REPLAY_PURGER_H
#define RP_REPLAY_PURGER_H

#include "engine/engine.h"
#include "replay/backup.h"
#include "replay/internal.h"
#include "replay/purge.h"

#include <pthread.h>
#include <stdatomic.h>

struct rp_purger {
    struct rp_engine *engine;
    struct rp_listener listener;
    pthread_t thread;
    pthread_mutex_t lock; /* protects what follows; a leaf */
    pthread_cond_t wake;
    bool woken;
    int64_t picks_of; /* jobs of a purge that begins, 0: none */
    struct rp_purge_pick *picks;
    size_t n_picks;
    atomic_bool stopping;
};

/* One purge or restore on its way. */
struct work {
    struct rp_purger *purger;
    struct rp_db *db; /* a reader of its own */
    struct rp_purge p;
    struct rp_arena arena;
    struct rp_purge_pick *picks;
    size_t n_picks;
};

/* How a part ended: done, failed with err, or the daemon stops and the next one goes on. */
enum outcome { WORK_DONE, WORK_FAILED, WORK_LEFT };

/* purger.c: one short transaction, again and again while the store cannot be written. */
enum outcome work_write(struct work *w, bool (*run)(struct rp_db *, void *, struct rp_err *),
                        void *arg, struct rp_err *err);
bool work_stops(const struct work *w);
/* A new snapshot, so that none lasts long. */
bool work_snapshot(struct work *w, struct rp_err *err);
/* Opens the file, which must be one of this store. */
bool work_open(struct work *w, struct rp_backup_in **in, struct rp_err *err);
/* [w] state 2, from w->p. */
enum outcome work_prepared(struct work *w, struct rp_err *err);

/* How a job of a backup and the store's compare. */
enum likeness { LIKE_SAME, LIKE_ABSENT, LIKE_DIFFERS };
typedef bool liken_fn(void *ctx, int64_t job_id, enum likeness like, struct rp_err *err);
/* All jobs of the file, row by row beside what the store has; `each` may be NULL. *end: that of the
 * file. */
enum outcome work_compare(struct work *w, struct rp_backup_in *in, liken_fn *each, void *ctx,
                          struct rp_backup_item *end, struct rp_err *err);
/* What the file has next, unless the daemon stops; never RP_BACKUP_ERROR with WORK_DONE. */
enum outcome work_next(struct work *w, struct rp_backup_in *in, struct rp_backup_item *item,
                       enum rp_backup_part *part, struct rp_err *err);

enum outcome purge_work(struct work *w, struct rp_err *err);   /* purge_run.c */
enum outcome restore_work(struct work *w, struct rp_err *err); /* restore.c */

enum { WORK_SNAPSHOT_JOBS = 256 };

#endif
