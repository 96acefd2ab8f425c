/* A purge: its file, the comparison, the deletion. */
#include "replay/purger.h"

#include "base/time.h"

#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_JOBS = 512 };

/* ---- the file ---- */

static bool write_row(void *ctx, struct rp_str row, struct rp_err *err)
{
    return rp_backup_row(ctx, row, err);
}

static enum outcome write_jobs(struct work *w, struct rp_backup_out *out, struct rp_err *err)
{
    for (size_t i = 0; i < w->n_picks; i++) {
        const struct rp_purge_pick *pick = &w->picks[i];
        struct rp_job_digest digest;
        bool as_planned; /* else it may be one that would be left out now: it stays */
        if (i % WORK_SNAPSHOT_JOBS == 0 && work_stops(w))
            return WORK_LEFT;
        if ((i % WORK_SNAPSHOT_JOBS == 0 && !work_snapshot(w, err)) ||
            !rp_purge_still(w->db, pick->job_id, pick->state, pick->last_n, &as_planned, err))
            return WORK_FAILED;
        if (!as_planned)
            continue;
        if (!rp_job_rows_each(w->db, pick->job_id, write_row, out, &digest, err) ||
            !rp_backup_job(out, pick->job_id, &digest, err))
            return WORK_FAILED;
        w->p.jobs++;
        w->p.rows += digest.rows;
    }
    return WORK_DONE;
}

static enum outcome write_file(struct work *w, char sha256[RP_SHA256_HEX], struct rp_err *err)
{
    struct rp_backup_out *out;
    struct rp_backup_about about = {
        .purge_id = w->p.id,
        .store = rp_store_id(rp_engine_store(w->purger->engine)),
        .what = w->p.kind == RP_PURGE_PAYLOADS ? RP_STR("payloads") : RP_STR("jobs"),
        .created_us = w->p.created_us,
    };
    w->p.jobs = w->p.rows = 0;
    if (!rp_backup_create(rp_cstr(&w->arena, w->p.file), &about, &out, err))
        return WORK_FAILED;
    enum outcome how = write_jobs(w, out, err);
    if (how == WORK_DONE)
        return rp_backup_finish(out, sha256, err) ? WORK_DONE : WORK_FAILED;
    rp_backup_drop(out);
    return how;
}

/* ---- reading it back ---- */

static bool end_holds(const struct work *w, const struct rp_backup_item *end, const char *sha256,
                      struct rp_err *err)
{
    if (strcmp(end->sha256, sha256) == 0 && end->jobs == w->p.jobs && end->rows == w->p.rows)
        return true;
    return rp_fail(err, RP_E_BACKUP, "the backup %.*s is not the file that was written",
                   RP_FMT(w->p.file));
}

/* What the disk gives back, row by row beside what the store has. A job that is no longer as in the
 * file has changed since, for the file is the one that was written: it stays (delete_some). */
static enum outcome compare_file(struct work *w, const char *sha256, struct rp_err *err)
{
    struct rp_backup_in *in;
    struct rp_backup_item end;
    if (!work_open(w, &in, err))
        return WORK_FAILED;
    enum outcome how = work_compare(w, in, NULL, NULL, &end, err);
    rp_backup_close(in);
    return how != WORK_DONE || end_holds(w, &end, sha256, err) ? how : WORK_FAILED;
}

/* ---- deleting ---- */

struct chunk {
    const struct rp_purge *p;
    int64_t ids[CHUNK_JOBS];
    struct rp_job_digest digest[CHUNK_JOBS];
    size_t n, done, at; /* at: done in the transaction that runs */
};

static bool take_one(struct rp_db *db, const struct chunk *c, size_t i, bool *gone,
                     struct rp_err *err)
{
    return c->p->kind == RP_PURGE_PAYLOADS
               ? rp_job_payload_free(db, c->ids[i], &c->digest[i], c->p->id, gone, err)
               : rp_job_rows_delete(db, c->ids[i], &c->digest[i], gone, err);
}

static bool delete_some(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct chunk *c = arg;
    int64_t until = rp_mono(&rp_clock_system) + WORK_SLICE_US, moved = 0, kept = 0;
    c->at = c->done;
    do {
        bool gone;
        if (!take_one(db, c, c->at, &gone, err))
            return false;
        moved += gone;
        kept += !gone;
    } while (++c->at < c->n && rp_mono(&rp_clock_system) < until);
    return rp_purge_moved(db, c->p->id, moved, kept, c->ids[c->at - 1], err);
}

static enum outcome delete_chunk(struct work *w, struct chunk *c, struct rp_err *err)
{
    for (c->done = 0; c->done < c->n; c->done = c->at) {
        enum outcome how = work_write(w, delete_some, c, err);
        if (how != WORK_DONE)
            return how;
    }
    c->n = 0;
    return WORK_DONE;
}

static enum outcome delete_jobs(struct work *w, struct rp_backup_in *in, struct chunk *c,
                                struct rp_err *err)
{
    struct rp_backup_item item;
    enum rp_backup_part part;
    enum outcome how;
    while ((how = work_next(w, in, &item, &part, err)) == WORK_DONE && part != RP_BACKUP_END) {
        if (part != RP_BACKUP_JOB || item.job_id <= w->p.at_job)
            continue;
        c->ids[c->n] = item.job_id;
        c->digest[c->n++] = item.digest;
        how = c->n == CHUNK_JOBS ? delete_chunk(w, c, err) : WORK_DONE;
        if (how != WORK_DONE)
            return how;
    }
    return how == WORK_DONE ? delete_chunk(w, c, err) : how;
}

static enum outcome delete_all(struct work *w, struct rp_err *err)
{
    struct rp_backup_in *in;
    struct chunk *c = rp_xcalloc(1, sizeof *c);
    enum outcome how = WORK_FAILED;
    c->p = &w->p;
    rp_tx_rollback(w->db); /* no snapshot holds up the log while rows go */
    if (work_open(w, &in, err)) {
        how = delete_jobs(w, in, c, err);
        rp_backup_close(in);
    }
    free(c);
    return how;
}

/* ---- from the beginning, or from where a daemon was killed ---- */

/* It had not begun to delete. A file that it had named already would stand in the way of the next
 * purge. */
static enum outcome begun_before(struct work *w, struct rp_err *err)
{
    struct rp_backup_in *in;
    struct rp_err ignored;
    const char *path = rp_cstr(&w->arena, w->p.file);
    rp_backup_sweep(path, w->p.id);
    if (work_open(w, &in, &ignored)) {
        if (rp_backup_of(in)->purge_id == w->p.id)
            (void)unlink(path);
        rp_backup_close(in);
    }
    (void)rp_fail(err, RP_E_STOPPING, "the daemon ended before the backup was whole");
    (void)rp_hint(err, "nothing was deleted; purge again");
    return WORK_FAILED;
}

static enum outcome prepare(struct work *w, struct rp_err *err)
{
    char sha256[RP_SHA256_HEX];
    enum outcome how = write_file(w, sha256, err);
    if (how == WORK_DONE) {
        how = compare_file(w, sha256, err);
        if (how == WORK_FAILED) /* ours, and of no use */
            (void)unlink(rp_cstr(&w->arena, w->p.file));
    }
    if (how != WORK_DONE)
        return how;
    w->p.sha256 = rp_str_dup(&w->arena, rp_str_of(sha256));
    return work_prepared(w, err);
}

/* The file may have changed since: all of it is read before anything more goes. */
static enum outcome check_again(struct work *w, struct rp_err *err)
{
    return compare_file(w, rp_cstr(&w->arena, w->p.sha256), err);
}

enum outcome purge_work(struct work *w, struct rp_err *err)
{
    enum outcome how;
    if (w->p.state == RP_PURGE_MOVES)
        how = check_again(w, err);
    else
        how = w->picks == NULL ? begun_before(w, err) : prepare(w, err);
    if (how != WORK_DONE)
        return how;
    return delete_all(w, err);
}
