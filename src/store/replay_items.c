/* Items of replays as rows, many a statement: frozen, given their fates, noted when their jobs end.
 *
 * How many there are of each fate (replay_tally) is summed up here and written once a call, not by
 * triggers: those would cost two statements an item. */
#include "store/replays_internal.h"

/* ---- how many ---- */

static bool write_tally(struct rp_db *db, int64_t replay_id, enum rp_fate fate, int64_t type_id,
                        int64_t n, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "insert into replay_tally(replay_id, fate, type_id, n) values(?1, ?2, ?3, ?4)"
                   " on conflict do update set n = n + excluded.n");
    rp_bind_i64(s, 1, replay_id);
    rp_bind_i64(s, 2, fate);
    rp_bind_i64(s, 3, type_id);
    rp_bind_i64(s, 4, n);
    return rp_run(s, err);
}

bool rp_fates_write(struct rp_db *db, struct rp_fates *f, struct rp_err *err)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].n != 0 &&
            !write_tally(db, f->replay_id, f->v[i].fate, f->v[i].type_id, f->v[i].n, err))
            return false;
    f->n = 0;
    return true;
}

static bool count(struct rp_db *db, struct rp_fates *f, enum rp_fate fate, int64_t type_id,
                  int64_t n, struct rp_err *err)
{
    size_t i = f->n;
    while (i > 0 && (f->v[i - 1].fate != fate || f->v[i - 1].type_id != type_id))
        i--;
    if (i > 0) {
        f->v[i - 1].n += n;
        return true;
    }
    if (f->n == sizeof f->v / sizeof *f->v && !rp_fates_write(db, f, err))
        return false;
    f->v[f->n++] = (struct rp_fate_count){fate, type_id, n};
    return true;
}

bool rp_fates_count(struct rp_db *db, struct rp_fates *f, int64_t type_id, enum rp_fate from,
                    enum rp_fate to, struct rp_err *err)
{
    return count(db, f, from, type_id, -1, err) && count(db, f, to, type_id, 1, err);
}

/* ---- freezing ---- */

static int64_t settings_hash(struct rp_db *db, int64_t type_id)
{
    const struct rp_type *t = rp_type_settings(db, type_id);
    return t != NULL && t->source.p != NULL ? (int64_t)rp_hash64(t->source) : 0;
}

/* Frozen as the jobs are now, with what the plan saw of them: one that is no longer so is skipped
 * at its release, because its state or its number of attempts differs. The join keeps the order of
 * the values. */
#define FREEZE                                                                                     \
    "insert into replay_item(replay_id, seq, job_id, type_id, state_before, n_before,"             \
    " attempts_before, max_attempts_before, ended_before, due_before, pattern_before,"             \
    " class_before, replay_before, payload_hash, settings_hash, fate, risk, sequence, payload,"    \
    " changed) select ?1, p.column1, j.id, j.type_id, p.column7, p.column3, j.attempts,"           \
    " j.max_attempts, j.ended_at, j.due_at, j.pattern_id, j.error_class, j.replay_id,"             \
    " payload_hash(j.payload), p.column4, 1, p.column5, p.column6, p.column8, p.column9"           \
    " from (values "
#define FROZEN    ") p cross join job j on j.id = p.column2"
#define ROW       "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define ROWS(...) FREEZE __VA_ARGS__ FROZEN
enum { ROW_COLUMNS = 9 };

static bool freeze_some(struct rp_db *db, int64_t replay_id, int64_t after,
                        const struct rp_candidate *c, const struct rp_given *given, size_t some,
                        struct rp_err *err)
{
    struct rp_stmt *s = some == 16  ? rp_sql(db, ROWS(RP_ROWS_OF(ROW)))
                        : some == 4 ? rp_sql(db, ROWS(RP_ROWS_4(ROW)))
                                    : rp_sql(db, ROWS(ROW));
    rp_bind_i64(s, 1, replay_id);
    for (size_t i = 0; i < some; i++) {
        int at = 1 + (int)i * ROW_COLUMNS;
        rp_bind_i64(s, at + 1, after + (int64_t)i + 1);
        rp_bind_i64(s, at + 2, c[i].job_id);
        rp_bind_i64(s, at + 3, c[i].attempt);
        rp_bind_i64(s, at + 4, settings_hash(db, c[i].kind->type_id));
        rp_bind_i64(s, at + 5, c[i].risk);
        rp_bind_text(s, at + 6, c[i].sequence != NULL ? *c[i].sequence : RP_NONE);
        rp_bind_i64(s, at + 7, c[i].state);
        if (given != NULL) {
            rp_bind_blob(s, at + 8, given[i].payload);
            rp_bind_text(s, at + 9, given[i].changed);
        }
    }
    return rp_run(s, err) && (rp_changes(db) == (int64_t)some ||
                              rp_absent_id(err, "job ", c[0].job_id, "reprise jobs"));
}

/* The queues of items: those that live work waits in beside them. */
static bool note_queues(struct rp_db *db, int64_t replay_id, const struct rp_candidate *items,
                        size_t n, struct rp_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && items[i].queue_id == items[i - 1].queue_id)
            continue;
        struct rp_stmt *s =
            rp_sql(db, "insert or ignore into replay_queue(replay_id, queue_id) values(?1, ?2)");
        rp_bind_i64(s, 1, replay_id);
        rp_bind_i64(s, 2, items[i].queue_id);
        if (!rp_run(s, err))
            return false;
    }
    return true;
}

bool rp_replay_freeze(struct rp_db *db, int64_t replay_id, int64_t after,
                      const struct rp_candidate *items, const struct rp_given *given, size_t n,
                      struct rp_err *err)
{
    struct rp_fates fates = {.replay_id = replay_id};
    for (size_t i = 0; i < n; i++)
        if (!count(db, &fates, RP_FATE_WAITING, items[i].kind->type_id, 1, err))
            return false;
    for (size_t done = 0; done < n;) {
        size_t some = rp_rows_some(n - done);
        if (!freeze_some(db, replay_id, after + (int64_t)done, items + done,
                         given != NULL ? given + done : NULL, some, err))
            return false;
        done += some;
    }
    return note_queues(db, replay_id, items, n, err) && rp_fates_write(db, &fates, err);
}

/* ---- fates ---- */

#define OUT                                                                                        \
    "update or fail replay_item set fate = 2, wave = ?2, why = null where replay_id = ?1 and seq"

bool rp_items_out(struct rp_db *db, int64_t replay_id, int64_t wave, const int64_t *seq, size_t n,
                  struct rp_err *err)
{
    struct rp_stmt *s = RP_SQL_SOME(db, OUT, seq, n);
    rp_bind_i64(s, 1, replay_id);
    rp_bind_i64(s, 2, wave);
    rp_bind_some(s, seq, n);
    return rp_run(s, err);
}

#define WORKED                                                                                     \
    "update or fail replay_item set fate = 3, pattern_after = null, why = null where"              \
    " replay_id = ?1 and seq"

bool rp_items_succeeded(struct rp_db *db, int64_t replay_id, const int64_t *seq, size_t n,
                        struct rp_err *err)
{
    struct rp_stmt *s = RP_SQL_SOME(db, WORKED, seq, n);
    rp_bind_i64(s, 1, replay_id);
    rp_bind_some(s, seq, n);
    return rp_run(s, err);
}

/* ---- jobs that ended ---- */

bool rp_items_ended(struct rp_db *db, const int64_t *job_ids, size_t n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert or ignore into replay_ended(replay_id, seq)"
                                   " select replay_id, seq from replay_item indexed by"
                                   "  replay_item_job where fate = 2 and job_id in " RP_IDS);
    rp_bind_ids(s, job_ids, n);
    if (!rp_run(s, err))
        return false;
    if (rp_changes(db) > 0)
        rp_db_changed(db, RP_CHANGED_ITEMS);
    return true;
}

#define WORKED_BY_JOB                                                                              \
    "update or fail replay_item indexed by replay_item_job set fate = 3, pattern_after = null,"    \
    " why = null where replay_id = ?1 and fate = 2 and job_id"

/* Rows of one replay and type. */
static bool worked_alike(struct rp_db *db, const struct rp_job_row *j, size_t n, struct rp_err *err)
{
    struct rp_fates fates = {.replay_id = j->replay_id};
    int64_t ids[RP_ROWS];
    for (size_t i = 0; i < n; i++)
        ids[i] = j[i].id;
    struct rp_stmt *s = RP_SQL_SOME(db, WORKED_BY_JOB, ids, n);
    rp_bind_i64(s, 1, j->replay_id);
    rp_bind_some(s, ids, n);
    if (!rp_run(s, err))
        return false;
    int64_t out = rp_changes(db);
    if (out == 0)
        return true;
    rp_db_changed(db, RP_CHANGED_ITEMS);
    return rp_replay_started_add(db, j->replay_id, -out, err) &&
           count(db, &fates, RP_FATE_RELEASED, j->type_id, -out, err) &&
           count(db, &fates, RP_FATE_SUCCEEDED, j->type_id, out, err) &&
           rp_fates_write(db, &fates, err);
}

bool rp_items_worked(struct rp_db *db, const struct rp_job_row *j, size_t n, struct rp_err *err)
{
    for (size_t i = 0, to; i < n; i = to) {
        for (to = i + 1;
             to < n && j[to].replay_id == j[i].replay_id && j[to].type_id == j[i].type_id;)
            to++;
        if (j[i].replay_id != 0 && !worked_alike(db, &j[i], to - i, err))
            return false;
    }
    return true;
}
