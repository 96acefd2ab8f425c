/* How held jobs come back: doubts are settled, waves go out. See holds.h. */
#include "store/holds.h"

#include "base/time.h"
#include "store/internal.h"
#include "store/registry.h"

struct step {
    struct rp_db *db;
    int64_t now_us, left, next_us;
    struct rp_arena arena;
};

/* ---- lanes: the jobs of a type in a phase ---- */

static bool next_type(struct step *x, enum rp_hold_phase phase, int64_t *type_id,
                      struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(x->db, "select type_id from hold where phase = ?1 and type_id > ?2"
                                      " order by type_id limit 1");
    rp_bind_i64(s, 1, phase);
    rp_bind_i64(s, 2, *type_id);
    return rp_get_i64(s, 0, type_id, err);
}

/* Jobs of a lane that failed no later than `until`, the oldest first, at most `max`. */
static bool jobs_of(struct step *x, enum rp_hold_phase phase, int64_t type_id, int64_t until_us,
                    int64_t max, int64_t **ids, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(x->db, "select job_id from hold where phase = ?1 and type_id = ?2"
                                      " and failed_at <= ?3 order by job_id limit ?4");
    rp_bind_i64(s, 1, phase);
    rp_bind_i64(s, 2, type_id);
    rp_bind_i64(s, 3, until_us);
    rp_bind_i64(s, 4, max);
    enum rp_step step;
    *ids = RP_NEW_N(&x->arena, int64_t, (size_t)max);
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n)
        (*ids)[*n] = rp_col_i64(s, 0);
    return step == RP_STEP_DONE;
}

/* ---- doubts ---- */

/* It was down: held as long as the type waits. */
static bool prove(struct step *x, int64_t job_id, int64_t hold_max_us, struct rp_str down,
                  struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(x->db, "update hold set phase = 1, dependency = ?2 where job_id = ?1");
    rp_bind_i64(s, 1, job_id);
    rp_bind_text(s, 2, down);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(x->db, "update job set due_at = (select since from hold where job_id = ?1) + ?2"
                      " where id = ?1");
    rp_bind_i64(s, 1, job_id);
    rp_bind_i64(s, 2, hold_max_us);
    rp_db_changed(x->db, RP_CHANGED_JOBS | RP_CHANGED_DUE);
    return rp_run(s, err);
}

static bool settle_type(struct step *x, int64_t type_id, struct rp_err *err)
{
    const struct rp_type *t = rp_type_settings(x->db, type_id);
    struct rp_needs needs;
    int64_t *ids;
    size_t n;
    if (!rp_needs_read(x->db, t, &needs, err))
        return false;
    bool down = needs.down.p != NULL;
    if (!jobs_of(x, RP_HOLD_DOUBTED, type_id, down ? INT64_MAX : needs.checked_us, x->left, &ids,
                 &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (down ? !prove(x, ids[i], t->hold_max_us, needs.down, err)
                 : !rp_hold_count(x->db, ids[i], x->now_us, err))
            return false;
    x->left -= (int64_t)n;
    return true;
}

/* ---- waves ---- */

struct wave {
    int64_t size, returned, not_before_us, out;
};

static bool read_wave(struct step *x, int64_t type_id, struct wave *w, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(x->db, "select size, returned, not_before from hold_wave where type_id = ?1");
    rp_bind_i64(s, 1, type_id);
    enum rp_step step = rp_step(s, err);
    *w = (struct wave){0};
    if (step == RP_STEP_ROW)
        *w = (struct wave){rp_col_i64(s, 0), rp_col_i64(s, 1), rp_col_i64(s, 2), 0};
    rp_reset(s);
    if (step == RP_STEP_ERROR)
        return false;
    s = rp_sql(x->db, "select count(*) from hold where phase = 2 and type_id = ?1");
    rp_bind_i64(s, 1, type_id);
    return rp_get_i64(s, 0, &w->out, err);
}

static bool write_wave(struct step *x, int64_t type_id, const struct wave *w, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        x->db, "insert into hold_wave(type_id, size, returned, not_before) values(?1, ?2, ?3, ?4)"
               " on conflict(type_id) do update set size = excluded.size,"
               " returned = excluded.returned, not_before = excluded.not_before");
    rp_bind_i64(s, 1, type_id);
    rp_bind_i64(s, 2, w->size);
    rp_bind_i64(s, 3, w->returned);
    rp_bind_i64(s, 4, w->not_before_us);
    return rp_run(s, err);
}

/* A wave whose jobs have all ended without coming back is followed by one twice as large. */
static bool next_wave(struct step *x, int64_t type_id, struct wave *w, struct rp_err *err)
{
    int64_t *ids;
    size_t n;
    if (w->size > 0)
        w->returned = 0;
    w->size = w->size > 0 ? w->size * 2 : RP_HOLD_CANARY;
    if (w->size > RP_HOLD_WAVE_MAX)
        w->size = RP_HOLD_WAVE_MAX;
    if (!jobs_of(x, RP_HOLD_HELD, type_id, INT64_MAX, w->size, &ids, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!rp_hold_let_out(x->db, ids[i], x->now_us, err))
            return false;
    x->left -= (int64_t)n;
    return write_wave(x, type_id, w, err);
}

static bool wave_of_type(struct step *x, int64_t type_id, struct rp_err *err)
{
    const struct rp_type *t = rp_type_settings(x->db, type_id);
    struct rp_needs needs;
    struct wave w;
    if (!rp_needs_read(x->db, t, &needs, err) || !read_wave(x, type_id, &w, err))
        return false;
    if (t == NULL) /* nothing could run it */
        return true;
    if (needs.down.p != NULL) { /* the next time begins with a canary again */
        bool first = w.size == 0 && w.not_before_us == 0;
        w = (struct wave){0};
        return first || write_wave(x, type_id, &w, err);
    }
    if (w.out > 0)
        return true;
    if (w.not_before_us > x->now_us) {
        if (w.not_before_us < x->next_us)
            x->next_us = w.not_before_us;
        return true;
    }
    return next_wave(x, type_id, &w, err);
}

/* ---- the step ---- */

static bool each_type(struct step *x, enum rp_hold_phase phase,
                      bool (*run)(struct step *, int64_t, struct rp_err *), struct rp_err *err)
{
    for (int64_t type_id = 0; x->left > 0;) {
        if (!next_type(x, phase, &type_id, err))
            return false;
        if (type_id == 0)
            return true;
        if (!run(x, type_id, err))
            return false;
    }
    return true;
}

static bool nothing_held(struct rp_db *db, bool *nothing, struct rp_err *err)
{
    int64_t some;
    if (!rp_get_i64(rp_sql(db, "select exists(select 1 from hold) or"
                               " exists(select 1 from hold_wave)"),
                    0, &some, err))
        return false;
    *nothing = some == 0;
    return true;
}

bool rp_holds_step(struct rp_db *db, int64_t now_us, int64_t max, int64_t *moved, int64_t *next_us,
                   struct rp_err *err)
{
    struct step x = {.db = db, .now_us = now_us, .left = max, .next_us = INT64_MAX};
    bool nothing;
    bool ok = nothing_held(db, &nothing, err);
    if (ok && !nothing)
        ok = each_type(&x, RP_HOLD_DOUBTED, settle_type, err) &&
             each_type(&x, RP_HOLD_HELD, wave_of_type, err) &&
             rp_run(rp_sql(db, "delete from hold_wave where not exists(select 1 from hold h where"
                               " h.phase in (0, 1, 2) and h.type_id = hold_wave.type_id)"),
                    err);
    *moved = max - x.left;
    *next_us = x.next_us;
    rp_arena_free(&x.arena);
    return ok;
}

bool rp_holds_clock_set(struct rp_db *db, int64_t by_us, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update hold set since = since + ?1, failed_at = failed_at + ?1");
    rp_bind_i64(s, 1, by_us);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "update hold_wave set not_before = not_before + ?1");
    rp_bind_i64(s, 1, by_us);
    if (!rp_run(s, err))
        return false;
    /* Of its changes those that are still asked for: older ones are history, by the clock of then.
     */
    s = rp_sql(db,
               "update dependency_check set at = at + ?1 where id in (select c.id from dependency"
               " d cross join dependency_check c where c.dependency = d.name"
               " and c.at > d.checked_at - ?2)");
    rp_bind_i64(s, 1, by_us);
    rp_bind_i64(s, 2, RP_DEP_LATELY_US);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "update dependency set checked_at = checked_at + ?1, since = since + ?1");
    rp_bind_i64(s, 1, by_us);
    return rp_run(s, err);
}
