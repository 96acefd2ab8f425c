/* A restore: the whole file and the store are checked first, then the rows come. */
#include "replay/purger.h"

#include "base/time.h"

#include <stdlib.h>

enum { CHUNK_JOBS = 512, CHUNK_BYTES = 4 << 20, CONFLICTS_SHOWN = 10 };

/* ---- checking ---- */

struct check {
    struct work *w;
    bool payloads;
    int64_t come, there, conflicts;
    struct rp_buf which; /* the first conflicts */
};

static void conflict(struct check *c, int64_t job_id)
{
    if (c->conflicts++ < CONFLICTS_SHOWN)
        rp_buf_fmt(&c->which, "%s%lld", c->which.n > 0 ? ", " : "", (long long)job_id);
}

/* Of payloads the job itself has stayed, and may have moved on: only what was taken comes back. */
static bool check_payload(struct check *c, int64_t job_id, enum likeness like, struct rp_err *err)
{
    int64_t taken_by = 0;
    if (like == LIKE_ABSENT) {
        conflict(c, job_id);
        return true;
    }
    if (!rp_job_payload_purged(c->w->db, job_id, &taken_by, err))
        return false;
    c->come += taken_by == c->w->p.of_purge;
    c->there += taken_by != c->w->p.of_purge;
    return true;
}

static bool check_job(void *ctx, int64_t job_id, enum likeness like, struct rp_err *err)
{
    struct check *c = ctx;
    if (c->payloads)
        return check_payload(c, job_id, like, err);
    c->come += like == LIKE_ABSENT;
    c->there += like == LIKE_SAME;
    if (like == LIKE_DIFFERS)
        conflict(c, job_id);
    return true;
}

/* The purge that wrote the file knows its checksum: whoever made another file, also a sound one, is
 * found out. */
static bool check_origin(struct work *w, const struct rp_backup_item *end, struct rp_err *err)
{
    struct rp_purge purge;
    if (!rp_purge_get(w->db, w->p.of_purge, &w->arena, &purge, err) ||
        purge.kind == RP_PURGE_RESTORE)
        return rp_fail(err, RP_E_BACKUP, "this store knows no purge %lld, of which %.*s says it is",
                       (long long)w->p.of_purge, RP_FMT(w->p.file));
    if (rp_str_is(purge.sha256, end->sha256))
        return true;
    return rp_fail(err, RP_E_BACKUP, "%.*s is not the file that purge %lld wrote",
                   RP_FMT(w->p.file), (long long)w->p.of_purge) ||
           rp_hint(err, "reprise purge show %lld has its checksum", (long long)w->p.of_purge);
}

static bool no_conflicts(const struct check *c, struct rp_err *err)
{
    if (c->conflicts == 0)
        return true;
    bool more = c->conflicts > CONFLICTS_SHOWN;
    (void)rp_fail(err, RP_E_CONFLICT, "%lld jobs in the store are not as in the backup: %.*s%s",
                  (long long)c->conflicts, RP_FMT(rp_buf_view(&c->which)), more ? ", …" : "");
    return rp_hint(err, c->payloads ? "they are gone: restore the backup that has them first"
                                    : "nothing was brought back: what is there is not overwritten");
}

static enum outcome check_file(struct check *c, struct rp_err *err)
{
    struct work *w = c->w;
    struct rp_backup_in *in;
    struct rp_backup_item end;
    if (!work_open(w, &in, err))
        return WORK_FAILED;
    w->p.of_purge = rp_backup_of(in)->purge_id;
    c->payloads = rp_str_is(rp_backup_of(in)->what, "payloads");
    enum outcome how = work_compare(w, in, check_job, c, &end, err);
    rp_backup_close(in);
    if (how != WORK_DONE)
        return how;
    w->p.jobs = end.jobs;
    w->p.rows = end.rows;
    w->p.sha256 = rp_str_dup(&w->arena, rp_str_of(end.sha256));
    return check_origin(w, &end, err) && no_conflicts(c, err) ? WORK_DONE : WORK_FAILED;
}

/* ---- bringing back ---- */

struct chunk {
    const struct rp_purge *p;
    bool payloads;
    struct job {
        int64_t id;
        struct rp_job_digest digest;
        size_t to; /* its rows end here; they begin where those of the job before end */
    } job[CHUNK_JOBS];
    struct rp_buf rows; /* each with its length after it */
    size_t n, done, at;
};

typedef bool row_fn(struct rp_db *db, struct rp_str row, int64_t purge_id, struct rp_err *err);

/* Backwards, the newest attempt first and the job last: a trigger that counts an attempt by the one
 * before it has counted these already. */
static bool each_row(struct rp_db *db, const struct chunk *c, size_t i, row_fn *run,
                     struct rp_err *err)
{
    size_t from = i > 0 ? c->job[i - 1].to : 0, n;
    for (size_t at = c->job[i].to; at > from; at -= n) {
        at -= sizeof n;
        memcpy(&n, c->rows.p + at, sizeof n);
        if (!run(db, (struct rp_str){c->rows.p + at - n, n}, c->p->of_purge, err))
            return false;
    }
    return true;
}

static bool insert_row(struct rp_db *db, struct rp_str row, int64_t purge_id, struct rp_err *err)
{
    (void)purge_id;
    return rp_job_row_insert(db, row, err);
}

static bool digest_is(struct rp_db *db, const struct job *j, bool *absent, bool *same,
                      struct rp_err *err)
{
    struct rp_job_digest now;
    if (!rp_job_rows_each(db, j->id, NULL, NULL, &now, err))
        return false;
    *absent = now.rows == 0;
    *same =
        now.rows == j->digest.rows && memcmp(now.sha256, j->digest.sha256, sizeof now.sha256) == 0;
    return true;
}

static bool differs(int64_t job_id, struct rp_err *err)
{
    return rp_fail(err, RP_E_CONFLICT, "job %lld in the store is not as in the backup",
                   (long long)job_id) ||
           rp_hint(err, "what is there is not overwritten");
}

static bool key_taken(int64_t job_id, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_CONFLICT, "job %lld cannot come back: another one has its key",
                  (long long)job_id);
    return rp_hint(err, "wait for that job or cancel it, then restore again");
}

static bool bring_job(struct rp_db *db, const struct chunk *c, size_t i, bool *came,
                      struct rp_err *err)
{
    const struct job *j = &c->job[i];
    bool same;
    if (!digest_is(db, j, came, &same, err))
        return false;
    if (!*came)
        return same || differs(j->id, err);
    if (!each_row(db, c, i, insert_row, err))
        return err->code == RP_E_CONFLICT && key_taken(j->id, err);
    bool absent;
    return digest_is(db, j, &absent, &same, err) &&
           (same ||
            rp_fail(err, RP_E_INTERNAL, "job %lld did not come back as it was", (long long)j->id));
}

static bool bring_payload(struct rp_db *db, const struct chunk *c, size_t i, bool *came,
                          struct rp_err *err)
{
    int64_t taken_by;
    if (!rp_job_payload_purged(db, c->job[i].id, &taken_by, err))
        return false;
    *came = taken_by == c->p->of_purge;
    return !*came || each_row(db, c, i, rp_job_payload_return, err);
}

static bool bring_some(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct chunk *c = arg;
    int64_t until = rp_mono(&rp_clock_system) + WORK_SLICE_US, moved = 0, kept = 0;
    c->at = c->done;
    do {
        bool came;
        if (!(c->payloads ? bring_payload(db, c, c->at, &came, err)
                          : bring_job(db, c, c->at, &came, err)))
            return false;
        moved += came;
        kept += !came;
    } while (++c->at < c->n && rp_mono(&rp_clock_system) < until);
    return rp_purge_moved(db, c->p->id, moved, kept, c->job[c->at - 1].id, err);
}

static enum outcome bring_chunk(struct work *w, struct chunk *c, struct rp_err *err)
{
    for (c->done = 0; c->done < c->n; c->done = c->at) {
        enum outcome how = work_write(w, bring_some, c, err);
        if (how != WORK_DONE)
            return how;
    }
    c->n = c->rows.n = 0;
    return WORK_DONE;
}

static enum outcome bring_jobs(struct work *w, struct rp_backup_in *in, struct chunk *c,
                               struct rp_err *err)
{
    struct rp_backup_item item;
    enum rp_backup_part part;
    enum outcome how;
    while ((how = work_next(w, in, &item, &part, err)) == WORK_DONE && part != RP_BACKUP_END) {
        if (item.job_id <= w->p.at_job)
            continue;
        if (part == RP_BACKUP_ROW) {
            rp_buf_str(&c->rows, item.row);
            rp_buf_add(&c->rows, &item.row.n, sizeof item.row.n);
            continue;
        }
        c->job[c->n++] = (struct job){item.job_id, item.digest, c->rows.n};
        bool full = c->n == CHUNK_JOBS || c->rows.n >= CHUNK_BYTES;
        how = full ? bring_chunk(w, c, err) : WORK_DONE;
        if (how != WORK_DONE)
            return how;
    }
    return how == WORK_DONE ? bring_chunk(w, c, err) : how;
}

static enum outcome bring_all(struct work *w, bool payloads, struct rp_err *err)
{
    struct rp_backup_in *in;
    struct chunk *c = rp_xcalloc(1, sizeof *c);
    enum outcome how = WORK_FAILED;
    c->p = &w->p;
    c->payloads = payloads;
    rp_tx_rollback(w->db);
    if (work_open(w, &in, err)) {
        how = bring_jobs(w, in, c, err);
        rp_backup_close(in);
    }
    rp_buf_free(&c->rows);
    free(c);
    return how;
}

/* A killed daemon's restore begins anew with its checks: what has come already is there as it was.
 */
enum outcome restore_work(struct work *w, struct rp_err *err)
{
    struct check c = {.w = w};
    enum outcome how = check_file(&c, err);
    rp_buf_free(&c.which);
    if (how != WORK_DONE)
        return how;
    if (w->p.state == RP_PURGE_PREPARES)
        how = work_prepared(w, err);
    if (how == WORK_DONE && w->p.dry)
        w->p.says = rp_str_fmt(&w->arena, "would bring back %lld jobs; %lld are there",
                               (long long)c.come, (long long)c.there);
    if (how != WORK_DONE || w->p.dry)
        return how;
    return bring_all(w, c.payloads, err);
}
