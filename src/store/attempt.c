/* The record of attempts: begun with the claim, completed with what is known of the end. */
#include "store/internal.h"

enum { ERROR_MAX = 16384 };

/* ---- begun ---- */

#define ROW    "(?, ?, ?, ?, ?, ?)"
#define INSERT "insert into attempt(job_id, n, node, worker, started_at, replay_id) values "
enum { COLUMNS = 6 };

static void bind_begun(struct rp_stmt *s, int at, const struct rp_job_row *j,
                       const struct rp_move *m)
{
    rp_bind_i64(s, at + 1, j->id);
    rp_bind_i64(s, at + 2, j->last_n);
    rp_bind_text(s, at + 3, m->node);
    rp_bind_text(s, at + 4, m->worker);
    rp_bind_i64(s, at + 5, m->now_us);
    rp_bind_id(s, at + 6, j->replay_id);
}

bool rp_attempts_begin(struct rp_db *db, const struct rp_job_row *j, size_t n,
                       const struct rp_move *m, struct rp_err *err)
{
    while (n > 0) {
        size_t some = n >= RP_ROWS ? RP_ROWS : 1;
        struct rp_stmt *s = rp_sql(db, some == 1 ? INSERT ROW : INSERT RP_ROWS_OF(ROW));
        for (size_t i = 0; i < some; i++)
            bind_begun(s, (int)i * COLUMNS, &j[i], m);
        if (!rp_run(s, err))
            return false;
        j += some;
        n -= some;
    }
    return true;
}

/* ---- ended ---- */

static struct rp_str cut(struct rp_str s)
{
    if (s.n <= ERROR_MAX)
        return s;
    s.n = ERROR_MAX;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
        s.n--;
    return s;
}

static void bind_known(struct rp_stmt *s, int i, bool known, int64_t v)
{
    if (known)
        rp_bind_i64(s, i, v);
    else
        rp_bind_null(s, i);
}

static bool write_attempt(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                          const struct rp_report *r, const struct rp_shown *e, struct rp_err *err)
{
    const struct rp_attempt *f = &r->facts;
    struct rp_stmt *s = rp_sql(
        db,
        "update attempt set outcome = ?3, started_at = coalesce(?4, started_at), ended_at = ?5, "
        "duration_us = coalesce(?6, max(?5 - coalesce(?4, started_at), 0)), exit_code = ?7, signal "
        "= ?8, ended_by = ?9, "
        "cpu_us = ?10, memory_peak = ?11, survivors = ?12, error = ?13, error_class = ?14, rule = "
        "?15, contract = ?16, "
        "pattern_id = ?17, output_bytes = max(output_bytes, ?18), output_dropped = ?19, result = "
        "?20, "
        "contract_bytes = ?21 where job_id = ?1 and n = ?2");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->last_n);
    rp_bind_i64(s, 3, m->outcome);
    rp_bind_id(s, 4, f->started_us);
    rp_bind_i64(s, 5, f->ended_us != 0 ? f->ended_us : m->now_us);
    rp_bind_id(s, 6, f->duration_us);
    bind_known(s, 7, f->has_exit, f->exit_code);
    bind_known(s, 8, f->has_exit && f->signal != 0, f->signal);
    rp_bind_text(s, 9, f->ended_by);
    rp_bind_id(s, 10, f->cpu_us);
    rp_bind_id(s, 11, f->memory_peak);
    rp_bind_text(s, 12, f->survivors);
    rp_bind_text(s, 13, e->error);
    rp_bind_text(s, 14, e->class);
    rp_bind_text(s, 15, f->rule);
    rp_bind_text(s, 16, f->contract);
    rp_bind_id(s, 17, e->pattern_id);
    rp_bind_i64(s, 18, f->output_bytes);
    rp_bind_i64(s, 19, f->output_dropped);
    rp_bind_text(s, 20, r->result);
    rp_bind_id(s, 21, f->contract_bytes);
    return rp_run(s, err);
}

static bool write_output(struct rp_db *db, const struct rp_job_row *j, struct rp_str packed,
                         struct rp_err *err)
{
    if (packed.p == NULL)
        return true;
    struct rp_stmt *s = rp_sql(
        db, "insert into output(job_id, n, packed) values (?1, ?2, ?3) on conflict(job_id, n) "
            "do update set packed = excluded.packed");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->last_n);
    rp_bind_blob(s, 3, packed);
    return rp_run(s, err);
}

/* A person may have corrected the class of the pattern: that holds for what comes after. */
static bool explain(struct rp_db *db, const struct rp_move *m, const struct rp_report *r,
                    int64_t at_us, struct rp_arena *a, struct rp_shown *e, struct rp_err *err)
{
    *e = (struct rp_shown){.error = cut(r->facts.error), .class = r->facts.error_class};
    if (m->outcome != RP_OUT_SUCCEEDED &&
        !rp_pattern_count(db, r, at_us, a, &e->pattern_id, &e->class, err))
        return false;
    e->set = m->outcome == RP_OUT_FAILED || m->outcome == RP_OUT_TIMEOUT ||
             m->outcome == RP_OUT_LOST || (e->error.p != NULL && m->outcome != RP_OUT_SUCCEEDED);
    return true;
}

bool rp_attempt_finish(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                       struct rp_arena *a, struct rp_shown *e, struct rp_err *err)
{
    static const struct rp_report nothing_known;
    const struct rp_report *r = m->report != NULL ? m->report : &nothing_known;
    int64_t at_us = r->facts.ended_us != 0 ? r->facts.ended_us : m->now_us;
    if (!explain(db, m, r, at_us, a, e, err) || !write_attempt(db, j, m, r, e, err) ||
        !write_output(db, j, r->output, err))
        return false;
    rp_rollup_count(db, at_us, j->type_id, j->queue_id, m->outcome, rp_state_terminal(j->state),
                    e->pattern_id);
    return true;
}
