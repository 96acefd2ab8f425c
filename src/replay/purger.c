/* The thread of purges and restores: finds the one that is under way, does it, writes down how it
 * ended. */
#include "replay/purger.h"

#include "base/log.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_US = 1000000 };

/* ---- what its parts share ---- */

bool work_stops(const struct work *w)
{
    return atomic_load(&w->purger->stopping);
}

static void nap(struct rp_purger *p, int64_t us)
{
    struct timespec until = rp_deadline(us);
    (void)pthread_mutex_lock(&p->lock);
    while (!atomic_load(&p->stopping) && pthread_cond_timedwait(&p->wake, &p->lock, &until) == 0)
        continue;
    (void)pthread_mutex_unlock(&p->lock);
}

/* No fault of what is written: it can be tried again. */
static bool passes(const struct rp_err *err)
{
    return err->code == RP_E_STORE_FULL || err->code == RP_E_STORE_IO ||
           err->code == RP_E_STORE_CORRUPT || err->code == RP_E_OVERLOAD;
}

enum outcome work_write(struct work *w, bool (*run)(struct rp_db *, void *, struct rp_err *),
                        void *arg, struct rp_err *err)
{
    while (!work_stops(w)) {
        if (rp_engine_write_heavy(w->purger->engine, run, arg, err))
            return WORK_DONE;
        if (err->code == RP_E_STOPPING)
            return WORK_LEFT;
        if (!passes(err))
            return WORK_FAILED;
        nap(w->purger, AGAIN_US);
    }
    return WORK_LEFT;
}

bool work_snapshot(struct work *w, struct rp_err *err)
{
    rp_tx_rollback(w->db);
    return rp_tx_begin(w->db, err);
}

bool work_open(struct work *w, struct rp_backup_in **in, struct rp_err *err)
{
    const char *path = rp_cstr(&w->arena, w->p.file);
    int fd = rp_backup_file(path, err);
    if (fd < 0 || !rp_backup_open(fd, path, in, err))
        return false;
    if (rp_str_eq(rp_backup_of(*in)->store, rp_store_id(rp_engine_store(w->purger->engine))))
        return true;
    rp_backup_close(*in);
    return rp_fail(err, RP_E_BACKUP, "the backup %s is of another store", path) ||
           rp_hint(err,
                   "its numbers mean other types and queues there; restore it where it is from");
}

struct prepared {
    const struct rp_purge *p;
};

static bool write_prepared(struct rp_db *db, void *arg, struct rp_err *err)
{
    const struct prepared *a = arg;
    return rp_purge_prepared(db, a->p, err);
}

enum outcome work_prepared(struct work *w, struct rp_err *err)
{
    return work_write(w, write_prepared, &(struct prepared){&w->p}, err);
}

struct comparing {
    struct rp_backup_in *in;
    struct rp_backup_item *item;
    enum rp_backup_part part; /* what the file has next */
    bool any, differs;
    struct rp_err *err;
};

static bool compare_row(void *ctx, struct rp_str row, struct rp_err *err)
{
    struct comparing *c = ctx;
    (void)err;
    c->any = true;
    if (c->part != RP_BACKUP_ROW || !rp_str_eq(c->item->row, row)) {
        c->differs = true;
        return true;
    }
    c->part = rp_backup_next(c->in, c->item, c->err);
    return true;
}

/* From its first row (item) to its end (item is then JOB); false with err if the file is bad. */
static bool compare_job(struct work *w, struct rp_backup_in *in, struct rp_backup_item *item,
                        enum likeness *out, struct rp_err *err)
{
    struct comparing c = {.in = in, .item = item, .part = RP_BACKUP_ROW, .err = err};
    struct rp_err store_err;
    if (!rp_job_rows_each(w->db, item->job_id, compare_row, &c, NULL, &store_err)) {
        *err = store_err;
        return false;
    }
    while (c.part == RP_BACKUP_ROW) {
        c.differs = true;
        c.part = rp_backup_next(in, item, err);
    }
    *out = !c.any ? LIKE_ABSENT : c.differs ? LIKE_DIFFERS : LIKE_SAME;
    return c.part == RP_BACKUP_JOB;
}

enum outcome work_next(struct work *w, struct rp_backup_in *in, struct rp_backup_item *item,
                       enum rp_backup_part *part, struct rp_err *err)
{
    if (work_stops(w))
        return WORK_LEFT;
    *part = rp_backup_next(in, item, err);
    return *part != RP_BACKUP_ERROR ? WORK_DONE : WORK_FAILED;
}

enum outcome work_compare(struct work *w, struct rp_backup_in *in, liken_fn *each, void *ctx,
                          struct rp_backup_item *end, struct rp_err *err)
{
    enum rp_backup_part part;
    enum likeness like;
    enum outcome how;
    for (int64_t n = 0; (how = work_next(w, in, end, &part, err)) == WORK_DONE; n++) {
        if (part == RP_BACKUP_END)
            return WORK_DONE;
        if (part != RP_BACKUP_ROW || (n % WORK_SNAPSHOT_JOBS == 0 && !work_snapshot(w, err)) ||
            !compare_job(w, in, end, &like, err) ||
            (each != NULL && !each(ctx, end->job_id, like, err)))
            return WORK_FAILED;
    }
    return how;
}

/* ---- the end of one ---- */

struct ending {
    const struct work *w;
    bool ok;
    struct rp_str says;
    int64_t now_us;
};

static bool write_end(struct rp_db *db, void *arg, struct rp_err *err)
{
    const struct ending *e = arg;
    struct rp_arena a = {0};
    struct rp_purge p;
    bool ok = rp_purge_get(db, e->w->p.id, &a, &p, err) &&
              rp_purge_end(db, &p, e->ok, e->says, e->now_us, err);
    rp_arena_free(&a);
    return ok;
}

static void end_work(struct work *w, enum outcome how, const struct rp_err *why)
{
    struct rp_err err = {0};
    struct ending e = {w, how == WORK_DONE, w->p.says, rp_wall(rp_engine_clock(w->purger->engine))};
    if (how == WORK_FAILED) {
        e.says = why->hint[0] != '\0' ? rp_str_fmt(&w->arena, "%s (%s)", why->message, why->hint)
                                      : rp_str_of(why->message);
        rp_log_err(RP_WARN, "a purge or restore failed", why);
    }
    if (work_write(w, write_end, &e, &err) == WORK_FAILED)
        rp_log_err(RP_ERROR, "the end of a purge or restore cannot be written", &err);
}

/* ---- the thread ---- */

static void take_picks(struct work *w)
{
    struct rp_purger *p = w->purger;
    (void)pthread_mutex_lock(&p->lock);
    if (p->picks_of == w->p.id) {
        w->picks = p->picks;
        w->n_picks = p->n_picks;
        p->picks = NULL;
        p->picks_of = 0;
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* False: none is under way. */
static bool find_open(struct work *w, struct rp_err *err)
{
    int64_t id = 0;
    bool ok = rp_tx_begin(w->db, err) && rp_purge_open(w->db, &id, err) &&
              (id == 0 || rp_purge_get(w->db, id, &w->arena, &w->p, err));
    rp_tx_rollback(w->db);
    return ok && id > 0;
}

/* Whether to look again at once: there was one, and it has ended; or nobody knows. */
static bool work_one(struct rp_purger *p, struct rp_db *db)
{
    struct work w = {.purger = p, .db = db};
    struct rp_err err = {0};
    bool found = find_open(&w, &err);
    enum outcome how = WORK_LEFT;
    if (!found && err.code != RP_OK) {
        nap(p, AGAIN_US);
        how = WORK_FAILED;
    } else if (found) {
        take_picks(&w);
        how = w.p.kind == RP_PURGE_RESTORE ? restore_work(&w, &err) : purge_work(&w, &err);
        rp_tx_rollback(db);
        if (how != WORK_LEFT)
            end_work(&w, how, &err);
    }
    free(w.picks);
    rp_arena_free(&w.arena);
    return how != WORK_LEFT;
}

static void wait_for_more(struct rp_purger *p)
{
    (void)pthread_mutex_lock(&p->lock);
    while (!p->woken && !atomic_load(&p->stopping))
        (void)pthread_cond_wait(&p->wake, &p->lock);
    p->woken = false;
    (void)pthread_mutex_unlock(&p->lock);
}

static void *purger_thread(void *arg)
{
    struct rp_purger *p = arg;
    struct rp_err err = {0};
    struct rp_db *db = rp_store_reader(rp_engine_store(p->engine), &err);
    if (db == NULL) {
        rp_log_err(RP_ERROR, "purges cannot be done", &err);
        return NULL;
    }
    while (!atomic_load(&p->stopping))
        if (!work_one(p, db))
            wait_for_more(p);
    rp_db_close(db);
    return NULL;
}

static void wake(struct rp_purger *p, bool stop)
{
    (void)pthread_mutex_lock(&p->lock);
    p->woken = true;
    if (stop)
        atomic_store(&p->stopping, true);
    (void)pthread_cond_broadcast(&p->wake);
    (void)pthread_mutex_unlock(&p->lock);
}

static void on_changed(void *ctx, unsigned bits)
{
    if ((bits & RP_CHANGED_PURGES) != 0)
        wake(ctx, false);
}

struct rp_purger *rp_purger_start(struct rp_engine *e, struct rp_err *err)
{
    struct rp_purger *p = rp_xcalloc(1, sizeof *p);
    pthread_condattr_t attr;
    p->engine = e;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&p->lock, NULL);
    p->listener = (struct rp_listener){.changed = on_changed, .ctx = p};
    if (pthread_create(&p->thread, NULL, purger_thread, p) != 0) {
        free(p);
        (void)rp_fail(err, RP_E_INTERNAL, "no thread for purges");
        return NULL;
    }
    rp_engine_listen(e, &p->listener);
    return p;
}

void rp_purger_stop(struct rp_purger *p)
{
    rp_engine_unlisten(p->engine, &p->listener);
    wake(p, true);
    (void)pthread_join(p->thread, NULL);
    (void)pthread_mutex_destroy(&p->lock);
    (void)pthread_cond_destroy(&p->wake);
    free(p->picks);
    free(p);
}

/* ---- starting one: on the writer ---- */

static bool may_start(const struct rp_purge_ask *ask, const struct rp_purge_plan *plan,
                      struct rp_str file, struct rp_err *err)
{
    if (ask->plan_hash.n > 0 && !rp_str_eq(ask->plan_hash, plan->hash)) {
        (void)rp_fail(err, RP_E_REFUSED, "the jobs are not those of plan %.*s any more: it is %.*s",
                      RP_FMT(ask->plan_hash), RP_FMT(plan->hash));
        return rp_hint(err, "look again with --dry-run");
    }
    if (plan->n == 0) {
        (void)rp_fail(err, RP_E_REFUSED, "nothing is left to purge");
        return rp_hint(err, "--dry-run says what was left out and why");
    }
    if (access(file.p, F_OK) == 0) {
        (void)rp_fail(err, RP_E_CONFLICT, "the backup %s exists", file.p);
        return rp_hint(err, "name a new file: backups are never overwritten");
    }
    return true;
}

static void hand_picks(struct rp_purger *p, int64_t id, const struct rp_purge_plan *plan)
{
    size_t bytes = (size_t)plan->n * sizeof *plan->picks;
    struct rp_purge_pick *picks = memcpy(rp_xmalloc(bytes), plan->picks, bytes);
    (void)pthread_mutex_lock(&p->lock);
    free(p->picks);
    p->picks_of = id;
    p->picks = picks;
    p->n_picks = (size_t)plan->n;
    (void)pthread_mutex_unlock(&p->lock);
}

bool rp_purge_start(struct rp_purger *p, struct rp_db *db, const struct rp_purge_ask *ask,
                    const struct rp_purge_plan *plan, struct rp_str file, int64_t now_us,
                    int64_t *id, struct rp_err *err)
{
    struct rp_purge row = {.kind = ask->payloads ? RP_PURGE_PAYLOADS : RP_PURGE_JOBS,
                           .file = file,
                           .selection = ask->select.selection_json,
                           .plan = plan->hash,
                           .actor = ask->select.actor,
                           .reason = ask->reason,
                           .jobs = plan->n};
    if (!may_start(ask, plan, file, err) || !rp_job_rows_known(db, err) ||
        !rp_purge_begin(db, &row, now_us, id, err))
        return false;
    hand_picks(p, *id, plan);
    return true;
}

bool rp_restore_start(struct rp_db *db, struct rp_str file, bool dry, struct rp_str actor,
                      struct rp_str reason, int64_t now_us, int64_t *id, struct rp_err *err)
{
    int fd = rp_backup_file(file.p, err);
    if (fd < 0)
        return false;
    (void)close(fd);
    struct rp_purge row = {
        .kind = RP_PURGE_RESTORE, .dry = dry, .file = file, .actor = actor, .reason = reason};
    return rp_job_rows_known(db, err) && rp_purge_begin(db, &row, now_us, id, err);
}
