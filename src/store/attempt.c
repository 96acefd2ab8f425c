/* The record of attempts that have ended. One that runs is its lease, and what was known of it then
 * comes from there: an attempt is written once. */
#include "base/time.h"
#include "store/internal.h"

enum { ERROR_MAX = 16384 };

/* ---- the row ---- */

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

#define FEW   "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define ROW   "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define BEGIN "job_id, n, outcome, node, worker, started_at, ended_at, duration_us, replay_id"
#define REST                                                                                       \
    ", exit_code, signal, ended_by, cpu_us, memory_peak, survivors, error, error_class, rule, "    \
    "contract, pattern_id, output_bytes, output_dropped, result, contract_bytes, memory_limit"
#define INSERT(names) "insert or fail into attempt(" names ") values "
enum { FEW_COLUMNS = 9, COLUMNS = 25 };

static int64_t either(int64_t a, int64_t b)
{
    return a != 0 ? a : b;
}

static void bind_times(struct rp_stmt *s, int at, const struct rp_ending *e)
{
    const struct rp_attempt *f = &e->report->facts;
    int64_t started = either(either(f->started_us, e->held.started_us), e->ended_us);
    int64_t took = either(f->duration_us, e->ended_us - started);
    rp_bind_i64(s, at + 6, started);
    rp_bind_i64(s, at + 7, e->ended_us);
    rp_bind_i64(s, at + 8, took > 0 ? took : 0);
}

static void bind_begin(struct rp_stmt *s, int at, const struct rp_ending *e)
{
    const struct rp_attempt *f = &e->report->facts;
    const struct rp_held *h = &e->held;
    rp_bind_i64(s, at + 1, e->job->id);
    rp_bind_i64(s, at + 2, e->job->last_n);
    rp_bind_i64(s, at + 3, e->outcome);
    rp_bind_text(s, at + 4, h->node.n > 0 ? h->node : f->node);
    rp_bind_text(s, at + 5, h->worker.n > 0 ? h->worker : f->worker);
    bind_times(s, at, e);
    rp_bind_id(s, at + 9, e->job->replay_id);
}

static void bind_rest(struct rp_stmt *s, int at, const struct rp_ending *e)
{
    const struct rp_attempt *f = &e->report->facts;
    const struct rp_held *h = &e->held;
    bind_known(s, at + 10, f->has_exit, f->exit_code);
    bind_known(s, at + 11, f->has_exit && f->signal != 0, f->signal);
    rp_bind_text(s, at + 12, f->ended_by);
    rp_bind_id(s, at + 13, f->cpu_us);
    rp_bind_id(s, at + 14, f->memory_peak);
    rp_bind_text(s, at + 15, f->survivors);
    rp_bind_text(s, at + 16, e->shown.error);
    rp_bind_text(s, at + 17, e->shown.class);
    rp_bind_text(s, at + 18, f->rule);
    rp_bind_text(s, at + 19, f->contract);
    rp_bind_id(s, at + 20, e->shown.pattern_id);
    rp_bind_i64(s, at + 21, f->output_bytes > h->output_bytes ? f->output_bytes : h->output_bytes);
    rp_bind_i64(s, at + 22, f->output_dropped);
    rp_bind_text(s, at + 23, e->report->result);
    rp_bind_id(s, at + 24, f->contract_bytes);
    rp_bind_id(s, at + 25, f->memory_limit);
}

/* Nothing is known of it but that it was and how it ended, as workers mostly report: the columns
 * that would be empty cost as much as the others. */
static bool bare(const struct rp_ending *e)
{
    const struct rp_attempt *f = &e->report->facts;
    return e->outcome == RP_OUT_SUCCEEDED && !f->has_exit && f->ended_by.p == NULL &&
           f->cpu_us == 0 && f->memory_peak == 0 && f->survivors.p == NULL && f->error.p == NULL &&
           f->error_class.p == NULL && f->rule.p == NULL && f->contract.p == NULL &&
           f->output_bytes == 0 && f->output_dropped == 0 && f->contract_bytes == 0 &&
           f->memory_limit == 0 && e->held.output_bytes == 0 && e->report->result.p == NULL;
}

static bool all_bare(const struct rp_ending *e, size_t n)
{
    size_t i = 0;
    while (i < n && bare(&e[i]))
        i++;
    return i == n;
}

/* Tries of one pattern, by replays or by retries. */
struct tries {
    int64_t pattern_id, n;
    bool replayed;
};

static void add_try(struct tries *t, size_t *n, const struct rp_job_row *j)
{
    size_t i = 0;
    while (i < *n && (t[i].pattern_id != j->failed_as || t[i].replayed != (j->replay_id != 0)))
        i++;
    if (i == *n)
        t[(*n)++] = (struct tries){.pattern_id = j->failed_as, .replayed = j->replay_id != 0};
    t[i].n++;
}

static bool write_tries(struct rp_db *db, const struct tries *t, const struct rp_ending *e,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "insert into pattern_tried(pattern_id, replayed, succeeded, day, n) values(?1, ?2, ?3,"
            " ?4, ?5) on conflict do update set n = n + excluded.n");
    rp_bind_i64(s, 1, t->pattern_id);
    rp_bind_i64(s, 2, t->replayed);
    rp_bind_i64(s, 3, e->outcome == RP_OUT_SUCCEEDED);
    rp_bind_i64(s, 4, e->ended_us / RP_US_DAY);
    rp_bind_i64(s, 5, t->n);
    return rp_run(s, err);
}

/* How the next try went of jobs that had failed: what a replay of that pattern can expect. Here,
 * where tries end, and not by a trigger: rows of a restored backup were counted before. All have
 * one outcome, and ended at one time. */
static bool count_tried(struct rp_db *db, const struct rp_ending *e, size_t n, struct rp_err *err)
{
    struct tries t[RP_ROWS];
    size_t different = 0;
    if (e->outcome < RP_OUT_SUCCEEDED || e->outcome > RP_OUT_LOST)
        return true;
    for (size_t i = 0; i < n; i++)
        if (e[i].job->failed_as != 0)
            add_try(t, &different, e[i].job);
    for (size_t i = 0; i < different; i++)
        if (!write_tries(db, &t[i], e, err))
            return false;
    return true;
}

bool rp_attempts_write(struct rp_db *db, const struct rp_ending *e, size_t n, struct rp_err *err)
{
    while (n > 0) {
        size_t some = rp_rows_some(n);
        bool few = all_bare(e, some);
        struct rp_stmt *s = few ? rp_sql(db, RP_INSERT(some, INSERT(BEGIN), FEW))
                                : rp_sql(db, RP_INSERT(some, INSERT(BEGIN REST), ROW));
        for (size_t i = 0; i < some; i++) {
            bind_begin(s, (int)i * (few ? FEW_COLUMNS : COLUMNS), &e[i]);
            if (!few)
                bind_rest(s, (int)i * COLUMNS, &e[i]);
        }
        if (!rp_run(s, err) || !count_tried(db, e, some, err))
            return false;
        e += some;
        n -= some;
    }
    return true;
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

/* ---- its end ---- */

/* A person may have corrected the class of the pattern: that holds for what comes after. */
static bool explain(struct rp_db *db, struct rp_ending *e, struct rp_arena *a, struct rp_err *err)
{
    const struct rp_attempt *f = &e->report->facts;
    struct rp_shown *shown = &e->shown;
    *shown = (struct rp_shown){.error = cut(f->error), .class = f->error_class};
    if (e->outcome != RP_OUT_SUCCEEDED &&
        !rp_pattern_count(db, e->report, e->job->type_id, e->ended_us, a, &shown->pattern_id,
                          &shown->class, err))
        return false;
    shown->set = e->outcome == RP_OUT_FAILED || e->outcome == RP_OUT_TIMEOUT ||
                 e->outcome == RP_OUT_LOST ||
                 (shown->error.p != NULL && e->outcome != RP_OUT_SUCCEEDED);
    return true;
}

void rp_ending_count(struct rp_db *db, const struct rp_ending *e)
{
    rp_rollup_count(db, e->ended_us, e->job->type_id, e->job->queue_id, e->outcome,
                    rp_state_terminal(e->job->state), e->shown.pattern_id);
}

void rp_ending_of(const struct rp_job_row *j, const struct rp_move *m, struct rp_ending *out)
{
    static const struct rp_report nothing_known;
    const struct rp_report *r = m->report != NULL ? m->report : &nothing_known;
    *out = (struct rp_ending){.job = j,
                              .report = r,
                              .outcome = m->outcome,
                              .ended_us = either(r->facts.ended_us, m->now_us)};
    if (m->held != NULL)
        out->held = *m->held;
}

bool rp_attempt_finish(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                       struct rp_arena *a, struct rp_shown *shown, struct rp_err *err)
{
    struct rp_ending e;
    rp_ending_of(j, m, &e);
    if ((m->held == NULL && !rp_held_read(db, j->id, a, &e.held, err)) ||
        !explain(db, &e, a, err) || !rp_attempts_write(db, &e, 1, err) ||
        !write_output(db, j, e.report->output, err))
        return false;
    rp_ending_count(db, &e);
    *shown = e.shown;
    return true;
}
