/* The trail: one record an intervention, in its transaction (G31). */
#include "store/internal.h"
#include "store/registry.h"

bool rp_audit(struct rp_db *db, struct rp_str actor, const char *action, struct rp_str object,
              const char *safety, struct rp_str detail, int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert into audit(at, actor, action, object, safety, detail) "
                                   "values (?1, ?2, ?3, ?4, ?5, ?6)");
    rp_bind_i64(s, 1, now_us);
    rp_bind_text(s, 2, actor.p != NULL ? actor : RP_STR("unknown"));
    rp_bind_text(s, 3, rp_str_of(action));
    rp_bind_text(s, 4, object);
    rp_bind_text(s, 5, rp_str_of(safety));
    rp_bind_text(s, 6, detail);
    return rp_run(s, err);
}

bool rp_audit_job(struct rp_db *db, struct rp_str actor, const char *action, int64_t job_id,
                  const char *safety, enum rp_state before, struct rp_str reason, int64_t now_us,
                  struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_stmt *s =
        rp_sql(db, "select json_patch(json_object('before', ?1), json_object('reason', ?2))");
    rp_bind_text(s, 1, rp_str_of(rp_state_name(before)));
    rp_bind_text(s, 2, reason);
    bool ok = rp_step(s, err) == RP_STEP_ROW;
    if (ok) {
        struct rp_str detail = rp_col_str(s, 0, &a);
        rp_reset(s);
        ok = rp_audit(db, actor, action, rp_str_fmt(&a, "job %lld", (long long)job_id), safety,
                      detail, now_us, err);
    }
    rp_arena_free(&a);
    return ok;
}
