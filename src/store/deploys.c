/* Deploy marks: a person or a pipeline says that something new is out. */
#include "store/internal.h"
#include "store/registry.h"
#include "store/rows.h"

#include <errno.h>
#include <sys/statvfs.h>

static bool mark_one(struct rp_db *db, struct rp_str type, const struct rp_deploy *d,
                     struct rp_err *err)
{
    struct rp_arena a = {0};
    int64_t id;
    if (!rp_type_need(db, type, &id, err))
        return false;
    struct rp_stmt *s = rp_sql(db, "insert into deploy(type_id, at, version, actor, reason)"
                                   " values(?1, ?2, ?3, ?4, ?5)");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, d->at_us);
    rp_bind_text(s, 3, d->version);
    rp_bind_text(s, 4, d->actor.p != NULL ? d->actor : RP_STR("unknown"));
    rp_bind_text(s, 5, d->reason);
    bool ok = rp_run(s, err) &&
              rp_audit(db, d->actor, "deploy.mark", rp_str_fmt(&a, "type %.*s", RP_FMT(type)),
                       "SAFE", rp_detail(&a, d->reason, RP_NONE, d->version), d->at_us, err);
    rp_arena_free(&a);
    return ok;
}

bool rp_deploy_mark(struct rp_db *db, const struct rp_strs *types, struct rp_str version,
                    struct rp_str actor, struct rp_str reason, int64_t now_us, struct rp_err *err)
{
    struct rp_deploy d = {.at_us = now_us, .version = version, .actor = actor, .reason = reason};
    for (size_t i = 0; i < types->n; i++)
        if (!mark_one(db, types->v[i], &d, err))
            return false;
    rp_db_changed(db, RP_CHANGED_REPLAYS);
    return true;
}

bool rp_deploys_list(struct rp_db *db, struct rp_str type, int limit, struct rp_arena *a,
                     struct rp_deploy **out, size_t *n, struct rp_err *err)
{
    int64_t type_id = 0;
    if (type.p != NULL && !rp_type_need(db, type, &type_id, err))
        return false;
    struct rp_stmt *s = rp_sql(
        db, "select d.id, d.at, t.name, d.version, d.actor, d.reason from deploy d join job_type t"
            " on t.id = d.type_id where ?1 is null or d.type_id = ?1 order by d.id desc limit ?2");
    rp_bind_id(s, 1, type_id);
    rp_bind_i64(s, 2, limit > 0 && limit < 1000 ? limit : 1000);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_deploy){
            .id = rp_col_i64(s, 0),
            .at_us = rp_col_i64(s, 1),
            .type = rp_col_str(s, 2, a),
            .version = rp_col_str(s, 3, a),
            .actor = rp_col_str(s, 4, a),
            .reason = rp_col_str(s, 5, a),
        };
    }
    return step == RP_STEP_DONE;
}

bool rp_store_room(struct rp_db *db, int64_t *bytes, struct rp_err *err)
{
    struct statvfs v;
    const char *path = rp_store_path(db->store);
    if (statvfs(path, &v) != 0)
        return rp_fail(err, RP_E_STORE_IO, "%s: %s", path, strerror(errno));
    *bytes = (int64_t)(v.f_bavail * v.f_frsize);
    return true;
}
