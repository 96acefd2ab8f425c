#include "store/changes.h"

#include "base/json.h"
#include "store/internal.h"
#include "store/registry.h"
#include "store/rows.h"

/* ---- writing ---- */

static struct rp_str settings_json(const struct rp_change *c, struct rp_arena *a, bool after)
{
    struct rp_buf buf = {0};
    struct rp_jw w = {.out = &buf};
    rp_jw_object(&w);
    for (size_t i = 0; i < c->n; i++) {
        rp_jw_key_str(&w, c->setting[i].key);
        rp_jw_str(&w, after ? c->setting[i].after : c->setting[i].before);
    }
    rp_jw_object_end(&w);
    struct rp_str out = rp_str_dup(a, rp_buf_view(&buf));
    rp_buf_free(&buf);
    return out;
}

static bool audit(struct rp_db *db, const struct rp_change *c, const char *action,
                  struct rp_str actor, struct rp_str why, bool back, int64_t now_us,
                  struct rp_err *err)
{
    struct rp_arena a = {0};
    bool ok = rp_audit(
        db, actor, action,
        rp_str_fmt(&a, "change C%lld of type %.*s", (long long)c->id, RP_FMT(c->type)),
        "REVERSIBLE", rp_detail(&a, why, settings_json(c, &a, back), settings_json(c, &a, !back)),
        now_us, err);
    rp_arena_free(&a);
    return ok;
}

static bool add_setting(struct rp_db *db, int64_t id, const struct rp_change_setting *set,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert into change_setting(change_id, key, before, after)"
                                   " values(?1, ?2, ?3, ?4)");
    rp_bind_i64(s, 1, id);
    rp_bind_text(s, 2, set->key);
    rp_bind_text(s, 3, set->before);
    rp_bind_text(s, 4, set->after);
    return rp_run(s, err);
}

bool rp_change_add(struct rp_db *db, const struct rp_change *in, int64_t *id, struct rp_err *err)
{
    struct rp_change c = *in;
    struct rp_stmt *s = rp_sql(db, "insert into change(type, at, actor, reason, revert_at)"
                                   " values(?1, ?2, ?3, ?4, ?5)");
    rp_bind_text(s, 1, in->type);
    rp_bind_i64(s, 2, in->at_us);
    rp_bind_text(s, 3, in->actor.p != NULL ? in->actor : RP_STR("unknown"));
    rp_bind_text(s, 4, in->reason);
    rp_bind_id(s, 5, in->revert_us);
    if (!rp_run(s, err))
        return false;
    c.id = *id = rp_last_id(db);
    for (size_t i = 0; i < in->n; i++)
        if (!add_setting(db, *id, &in->setting[i], err))
            return false;
    rp_db_changed(db, RP_CHANGED_DUE);
    return audit(db, &c, "change.set", in->actor, in->reason, false, in->at_us, err);
}

bool rp_change_end(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str why,
                   int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_change c = {0};
    bool ok = rp_change_get(db, id, &a, &c, err);
    if (ok && c.ended_us != 0)
        ok = rp_fail(err, RP_E_BAD_STATE, "change C%lld was taken back already", (long long)id);
    if (ok) {
        struct rp_stmt *s = rp_sql(
            db, "update change set ended_at = ?2, ended_by = ?3, ended_why = ?4 where id = ?1");
        rp_bind_i64(s, 1, id);
        rp_bind_i64(s, 2, now_us);
        rp_bind_text(s, 3, actor);
        rp_bind_text(s, 4, why);
        ok = rp_run(s, err) && audit(db, &c, "change.revert", actor, why, true, now_us, err);
    }
    rp_arena_free(&a);
    return ok;
}

/* ---- reading ---- */

#define COLUMNS "id, type, at, actor, reason, revert_at, ended_at, ended_by, ended_why"

static struct rp_change read_change(struct rp_stmt *s, struct rp_arena *a)
{
    return (struct rp_change){
        .id = rp_col_i64(s, 0),
        .type = rp_col_str(s, 1, a),
        .at_us = rp_col_i64(s, 2),
        .actor = rp_col_str(s, 3, a),
        .reason = rp_col_str(s, 4, a),
        .revert_us = rp_col_i64(s, 5),
        .ended_us = rp_col_i64(s, 6),
        .ended_by = rp_col_str(s, 7, a),
        .ended_why = rp_col_str(s, 8, a),
    };
}

static bool read_settings(struct rp_db *db, struct rp_change *c, struct rp_arena *a,
                          struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select key, before, after from change_setting where change_id = ?1 order by key");
    rp_bind_i64(s, 1, c->id);
    enum rp_step step = RP_STEP_DONE;
    while (c->n < RP_CHANGE_SETTINGS_MAX && (step = rp_step(s, err)) == RP_STEP_ROW)
        c->setting[c->n++] = (struct rp_change_setting){rp_col_str(s, 0, a), rp_col_str(s, 1, a),
                                                        rp_col_str(s, 2, a)};
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

bool rp_change_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_change *out,
                   struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " COLUMNS " from change where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent_id(err, "change C", id, "reprise changes");
    *out = read_change(s, a);
    rp_reset(s);
    return read_settings(db, out, a, err);
}

static const char select_in_force[] = "select " COLUMNS " from change where ended_at is null"
                                      " and (?1 is null or type = ?1) order by id limit ?2";
static const char select_all[] = "select " COLUMNS " from change where ?1 is null or type = ?1"
                                 " order by id desc limit ?2";

bool rp_changes_list(struct rp_db *db, bool in_force, struct rp_str type, int limit,
                     struct rp_arena *a, struct rp_change **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, in_force ? select_in_force : select_all);
    rp_bind_text(s, 1, type);
    rp_bind_i64(s, 2, limit > 0 && limit < 10000 ? limit : 10000);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = read_change(s, a);
    }
    for (size_t i = 0; step == RP_STEP_DONE && i < *n; i++)
        if (!read_settings(db, &(*out)[i], a, err))
            return false;
    return step == RP_STEP_DONE;
}

bool rp_change_due(struct rp_db *db, int64_t now_us, int64_t *id, int64_t *next_us,
                   struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id, revert_at from change where ended_at is null and"
                                   " revert_at is not null order by revert_at limit 1");
    enum rp_step step = rp_step(s, err);
    *next_us = step == RP_STEP_ROW ? rp_col_i64(s, 1) : INT64_MAX;
    *id = step == RP_STEP_ROW && *next_us <= now_us ? rp_col_i64(s, 0) : 0;
    rp_reset(s);
    return step != RP_STEP_ERROR;
}
