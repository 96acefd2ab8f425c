/* The pattern of a failure: made when it is new, and counted. */
#include "store/internal.h"

static struct rp_str known(struct rp_str s)
{
    return s.p != NULL ? s : RP_STR("");
}

bool rp_pattern_count(struct rp_db *db, const struct rp_report *r, int64_t at_us,
                      struct rp_arena *a, int64_t *id, struct rp_str *class, struct rp_err *err)
{
    *id = 0;
    if (r->pattern_hash == 0)
        return true;
    struct rp_stmt *s = rp_sql(
        db, "insert into pattern(hash, template, class, grp, action, rule, first_at, last_at, "
            "failures) "
            "values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1) on conflict(hash) do update set failures = "
            "failures + 1, "
            "first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at) "
            "returning id, class_by_person");
    rp_bind_i64(s, 1, (int64_t)r->pattern_hash);
    rp_bind_text(s, 2, known(r->template));
    rp_bind_text(s, 3, known(r->facts.error_class));
    rp_bind_text(s, 4, known(r->error_group));
    rp_bind_text(s, 5, known(r->action));
    rp_bind_text(s, 6, known(r->facts.rule));
    rp_bind_i64(s, 7, at_us);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    *id = rp_col_i64(s, 0);
    if (!rp_col_null(s, 1))
        *class = rp_col_str(s, 1, a);
    rp_reset(s);
    return true;
}
