#include "store/purges.h"

#include "base/json.h"
#include "store/internal.h"
#include "store/registry.h"
#include "store/rows.h"

/* ---- audit ---- */

static bool audit(struct rp_db *db, const struct rp_purge *p, const char *purge,
                  const char *restore, struct rp_str says, int64_t now_us, struct rp_err *err)
{
    bool brings = p->kind == RP_PURGE_RESTORE;
    struct rp_arena a = {0};
    struct rp_buf buf = {0};
    struct rp_jw w = {.out = &buf};
    rp_jw_object(&w);
    rp_jw_m_str(&w, "reason", p->reason);
    rp_jw_m_str(&w, "file", p->file);
    rp_jw_m_str(&w, "sha256", p->sha256);
    rp_jw_m_raw(&w, "selection", p->selection);
    rp_jw_m_cstr(&w, "what", p->kind == RP_PURGE_PAYLOADS ? "payloads" : "jobs");
    rp_jw_m_i64(&w, "jobs", p->jobs);
    rp_jw_m_i64(&w, "moved", p->moved);
    rp_jw_m_i64(&w, "kept", p->kept);
    rp_jw_m_str(&w, "says", says);
    rp_jw_object_end(&w);
    bool ok = rp_audit(db, p->actor, brings ? restore : purge,
                       rp_str_fmt(&a, "%s %lld", brings ? "restore" : "purge", (long long)p->id),
                       p->dry   ? "SAFE"
                       : brings ? "REVERSIBLE"
                                : "IRREVERSIBLE",
                       rp_buf_view(&buf), now_us, err);
    rp_buf_free(&buf);
    rp_arena_free(&a);
    return ok;
}

/* ---- writing ---- */

static bool none_open(struct rp_db *db, struct rp_err *err)
{
    int64_t open;
    if (!rp_purge_open(db, &open, err))
        return false;
    if (open == 0)
        return true;
    (void)rp_fail(err, RP_E_BAD_STATE, "purge or restore %lld is under way", (long long)open);
    return rp_hint(err, "wait for its end: reprise purge show %lld", (long long)open);
}

bool rp_purge_begin(struct rp_db *db, const struct rp_purge *in, int64_t now_us, int64_t *id,
                    struct rp_err *err)
{
    if (!none_open(db, err))
        return false;
    struct rp_stmt *s =
        rp_sql(db, "insert into purge(kind, dry, file, selection, plan, actor, reason, jobs, "
                   "created_at) values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    rp_bind_i64(s, 1, in->kind);
    rp_bind_i64(s, 2, in->dry);
    rp_bind_text(s, 3, in->file);
    rp_bind_text(s, 4, in->selection);
    rp_bind_text(s, 5, in->plan);
    rp_bind_text(s, 6, in->actor);
    rp_bind_text(s, 7, in->reason);
    rp_bind_i64(s, 8, in->jobs);
    rp_bind_i64(s, 9, now_us);
    if (!rp_run(s, err))
        return false;
    struct rp_purge p = *in;
    *id = p.id = rp_last_id(db);
    rp_db_changed(db, RP_CHANGED_PURGES);
    return audit(db, &p, "purge.start", "restore.start", RP_NONE, now_us, err);
}

bool rp_purge_prepared(struct rp_db *db, const struct rp_purge *p, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update purge set state = 2, sha256 = ?2, of_purge = ?3, jobs = "
                                   "?4, rows = ?5 where id = ?1 and ended_at is null");
    rp_bind_i64(s, 1, p->id);
    rp_bind_text(s, 2, p->sha256);
    rp_bind_id(s, 3, p->of_purge);
    rp_bind_i64(s, 4, p->jobs);
    rp_bind_i64(s, 5, p->rows);
    return rp_run(s, err);
}

bool rp_purge_moved(struct rp_db *db, int64_t id, int64_t moved, int64_t kept, int64_t at_job,
                    struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update purge set moved = moved + ?2, kept = kept + ?3, at_job "
                                   "= ?4 where id = ?1 and ended_at is null");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, moved);
    rp_bind_i64(s, 3, kept);
    rp_bind_i64(s, 4, at_job);
    return rp_run(s, err);
}

bool rp_purge_end(struct rp_db *db, const struct rp_purge *p, bool ok, struct rp_str says,
                  int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update purge set state = ?2, says = ?3, ended_at = ?4 where id "
                                   "= ?1 and ended_at is null");
    rp_bind_i64(s, 1, p->id);
    rp_bind_i64(s, 2, ok ? RP_PURGE_DONE : RP_PURGE_FAILED);
    rp_bind_text(s, 3, says);
    rp_bind_i64(s, 4, now_us);
    return rp_run(s, err) && audit(db, p, ok ? "purge.done" : "purge.failed",
                                   ok ? "restore.done" : "restore.failed", says, now_us, err);
}

/* ---- reading ---- */

#define COLUMNS                                                                                    \
    "id, kind, dry, state, file, sha256, of_purge, selection, plan, actor, reason, says, jobs, "   \
    "rows, moved, kept, at_job, created_at, ended_at"

static struct rp_purge read_purge(struct rp_stmt *s, struct rp_arena *a)
{
    return (struct rp_purge){
        .id = rp_col_i64(s, 0),
        .kind = (enum rp_purge_kind)rp_col_i64(s, 1),
        .dry = rp_col_i64(s, 2) != 0,
        .state = (enum rp_purge_state)rp_col_i64(s, 3),
        .file = rp_col_str(s, 4, a),
        .sha256 = rp_col_str(s, 5, a),
        .of_purge = rp_col_i64(s, 6),
        .selection = rp_col_str(s, 7, a),
        .plan = rp_col_str(s, 8, a),
        .actor = rp_col_str(s, 9, a),
        .reason = rp_col_str(s, 10, a),
        .says = rp_col_str(s, 11, a),
        .jobs = rp_col_i64(s, 12),
        .rows = rp_col_i64(s, 13),
        .moved = rp_col_i64(s, 14),
        .kept = rp_col_i64(s, 15),
        .at_job = rp_col_i64(s, 16),
        .created_us = rp_col_i64(s, 17),
        .ended_us = rp_col_i64(s, 18),
    };
}

bool rp_purge_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_purge *out,
                  struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " COLUMNS " from purge where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_ROW)
        *out = read_purge(s, a);
    if (step == RP_STEP_DONE)
        return rp_absent_id(err, "purge or restore ", id, "reprise purge list");
    rp_reset(s);
    return step == RP_STEP_ROW;
}

bool rp_purges_list(struct rp_db *db, bool restores, int limit, struct rp_arena *a,
                    struct rp_purge **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " COLUMNS " from purge where (kind = 3) = ?1 order by "
                                   "id desc limit ?2");
    enum rp_step step;
    rp_bind_i64(s, 1, restores);
    rp_bind_i64(s, 2, limit);
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = read_purge(s, a);
    }
    return step == RP_STEP_DONE;
}

bool rp_purge_open(struct rp_db *db, int64_t *id, struct rp_err *err)
{
    return rp_get_i64(rp_sql(db, "select id from purge where ended_at is null order by id limit 1"),
                      0, id, err);
}
