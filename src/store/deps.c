#include "store/registry.h"

#include "base/time.h"
#include "store/internal.h"
#include "store/rows.h"

enum { SAYS_MAX = 240 };

/* ---- reading ---- */

bool rp_deps_list(struct rp_db *db, struct rp_arena *a, struct rp_dep_row **out, size_t *n,
                  struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "select d.name, d.kind, d.target, d.says, d.state, d.since, d.checked_at, d.latency_us,"
        " d.active, case when d.active = 1 and d.state = 2 then"
        "  (select sum(y.n) from type_need w join tally y on y.state = 2 and y.type_id = w.type_id"
        "   where w.dependency = d.name) end,"
        " (select count(*) from hold h where h.phase in (0, 1) and h.dependency = d.name),"
        " d.connections_free"
        " from dependency d order by d.name limit 10000");
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_dep_row){
            .name = rp_col_str(s, 0, a),
            .kind = rp_col_str(s, 1, a),
            .target = rp_col_str(s, 2, a),
            .says = rp_col_str(s, 3, a),
            .state = (enum rp_dep_state)rp_col_i64(s, 4),
            .since_us = rp_col_i64(s, 5),
            .checked_us = rp_col_i64(s, 6),
            .latency_us = rp_col_i64(s, 7),
            .active = rp_col_i64(s, 8) != 0,
            .held = rp_col_i64(s, 9) + rp_col_i64(s, 10),
            .connections_free = rp_col_i64(s, 11),
        };
    }
    return step == RP_STEP_DONE;
}

/* ---- a check's result ---- */

struct check {
    struct rp_str name, says;
    enum rp_dep_state state;
    int64_t latency_us, now_us;
};

/* A sentence within the limit, not cut inside a character. */
static struct rp_str cut(struct rp_str says)
{
    if (says.n > SAYS_MAX)
        for (says.n = SAYS_MAX; says.n > 0 && ((unsigned char)says.p[says.n] & 0xc0) == 0x80;)
            says.n--;
    return says;
}

static bool write_check(struct rp_db *db, const struct check *c, bool changed, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update dependency set state = ?2, checked_at = ?3, latency_us = ?4, says = ?5,"
                   " since = case when ?6 then ?3 else since end where name = ?1");
    rp_bind_text(s, 1, c->name);
    rp_bind_i64(s, 2, c->state);
    rp_bind_i64(s, 3, c->now_us);
    rp_bind_i64(s, 4, c->latency_us);
    rp_bind_text(s, 5, c->says);
    rp_bind_i64(s, 6, changed);
    if (changed)
        rp_lanes_ruled(db);
    return rp_run(s, err);
}

static bool write_change(struct rp_db *db, const struct check *c, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "insert into dependency_check(dependency, at, state, says) values(?1, ?2, ?3, ?4)");
    rp_bind_text(s, 1, c->name);
    rp_bind_i64(s, 2, c->now_us);
    rp_bind_i64(s, 3, c->state);
    rp_bind_text(s, 4, c->says);
    return rp_run(s, err);
}

/* Claims look at the dependency's state themselves: a change only has to wake those who wait. A
 * dependency that goes down halts replays. */
static void wake(struct rp_db *db, enum rp_dep_state state)
{
    rp_db_changed(db, RP_CHANGED_JOBS | RP_CHANGED_REPLAYS);
    if (state == RP_DEP_UP)
        rp_db_changed(db, RP_CHANGED_CLAIMS);
}

bool rp_dep_checked(struct rp_db *db, struct rp_str name, bool up, struct rp_str says,
                    int64_t latency_us, int64_t now_us, struct rp_err *err)
{
    struct check c = {.name = name,
                      .says = cut(says),
                      .state = up ? RP_DEP_UP : RP_DEP_DOWN,
                      .latency_us = latency_us,
                      .now_us = now_us};
    struct rp_stmt *s = rp_sql(db, "select state from dependency where name = ?1");
    rp_bind_text(s, 1, name);
    int64_t before;
    if (!rp_get_i64(s, -1, &before, err))
        return false;
    if (before < 0)
        return rp_absent(err, "dependency", name, "reprise deps");
    bool changed = before != (int64_t)c.state;
    int64_t doubts;
    if (!rp_get_i64(rp_sql(db, "select exists(select 1 from hold where phase = 0)"), 0, &doubts,
                    err))
        return false;
    if (doubts != 0) /* this may settle them */
        rp_db_changed(db, RP_CHANGED_DUE);
    if (!write_check(db, &c, changed, err) || (changed && !write_change(db, &c, err)))
        return false;
    if (changed)
        wake(db, c.state);
    return true;
}

bool rp_dep_connections(struct rp_db *db, struct rp_str name, int64_t n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update dependency set connections_free = ?2 where name = ?1"
                                   " and connections_free <> ?2");
    rp_bind_text(s, 1, name);
    rp_bind_i64(s, 2, n);
    return rp_run(s, err);
}

/* Not what a clock that has been set back since has left in the future. */
bool rp_dep_changes(struct rp_db *db, struct rp_str name, int64_t now_us, int64_t *n,
                    struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select count(*) from dependency_check where dependency = ?1"
                                   " and at >= ?2 and at <= ?3");
    rp_bind_text(s, 1, name);
    rp_bind_i64(s, 2, now_us - RP_DEP_LATELY_US);
    rp_bind_i64(s, 3, now_us);
    return rp_get_i64(s, 0, n, err);
}
