/* Counts that follow from what jobs do: how many wait or are unresolved (tally), and what ended in
 * which minute (rollup).
 *
 * They are summed up in memory and written once, just before the commit, in the same transaction: a
 * thousand reports touch a few counts, and a count must cost the same with any history (G19) and
 * agree with the rows (G30). What a savepoint added is kept apart until it is released, so that
 * its rollback takes it back, with all that was released inside. */
#include "base/time.h"
#include "store/internal.h"

#include <stdlib.h>

enum { KEYS = 6 };

struct rp_count {
    bool rollup;
    int64_t key[KEYS], n;
};

/* From the newest: what comes next is mostly like what came just before. */
static struct rp_count *find(struct rp_counts *c, const struct rp_count *x)
{
    for (size_t i = c->n; i-- > 0;)
        if (c->v[i].rollup == x->rollup && memcmp(c->v[i].key, x->key, sizeof x->key) == 0)
            return &c->v[i];
    return NULL;
}

static void add(struct rp_counts *c, const struct rp_count *x)
{
    struct rp_count *there = find(c, x);
    if (there != NULL) {
        there->n += x->n;
        return;
    }
    if (c->n == c->cap) {
        c->cap = c->cap > 0 ? c->cap * 2 : 64;
        c->v = rp_xrealloc(c->v, c->cap * sizeof *c->v);
    }
    c->v[c->n++] = *x;
}

/* ---- adding ---- */

static bool counted(enum rp_state s)
{
    return s == RP_SCHEDULED || s == RP_QUEUED || s == RP_RUNNING || s == RP_RETRYING ||
           s == RP_FAILED || s == RP_UNKNOWN;
}

/* Unresolved jobs are counted by the hour in which they ended. */
static int64_t hour_of(const struct rp_job_row *j)
{
    return j->state == RP_FAILED || j->state == RP_UNKNOWN ? j->ended_us / RP_US_H : 0;
}

static void tally(struct rp_db *db, const struct rp_job_row *j, int64_t n)
{
    if (j != NULL && counted(j->state))
        add(&db->counts[db->savepoints],
            &(struct rp_count){.key = {j->state, j->type_id, j->queue_id, hour_of(j)}, .n = n});
}

void rp_tally_move(struct rp_db *db, const struct rp_job_row *before,
                   const struct rp_job_row *after)
{
    tally(db, before, -1);
    tally(db, after, 1);
    rp_lanes_moved(db, before, after);
}

/* What is written, and what this transaction has added so far. */
bool rp_tally_running(struct rp_db *db, int64_t type_id, int64_t queue_id, int64_t *n,
                      struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select sum(n) from tally where state = 3 and (?1 is null or "
                                   "type_id = ?1) and (?2 is null or queue_id = ?2)");
    rp_bind_id(s, 1, type_id);
    rp_bind_id(s, 2, queue_id);
    if (!rp_get_i64(s, 0, n, err))
        return false;
    for (size_t level = 0; level <= db->savepoints; level++)
        for (size_t i = 0; i < db->counts[level].n; i++) {
            const struct rp_count *c = &db->counts[level].v[i];
            if (!c->rollup && c->key[0] == RP_RUNNING && (type_id == 0 || c->key[1] == type_id) &&
                (queue_id == 0 || c->key[2] == queue_id))
                *n += c->n;
        }
    return true;
}

static void rollup(struct rp_db *db, int64_t at_us, int64_t type_id, int64_t queue_id,
                   enum rp_outcome outcome, bool final, int64_t pattern_id, int64_t n)
{
    add(&db->counts[db->savepoints],
        &(struct rp_count){
            .rollup = true,
            .key = {at_us / RP_US_MIN, type_id, queue_id, outcome, final, pattern_id},
            .n = n});
}

void rp_rollup_count(struct rp_db *db, int64_t at_us, int64_t type_id, int64_t queue_id,
                     enum rp_outcome outcome, bool final, int64_t pattern_id)
{
    rollup(db, at_us, type_id, queue_id, outcome, final, pattern_id, 1);
}

void rp_rollup_final(struct rp_db *db, int64_t at_us, int64_t now_us, const struct rp_job_row *j,
                     enum rp_outcome outcome, int64_t pattern_id)
{
    rollup(db, at_us, j->type_id, j->queue_id, outcome, false, pattern_id, -1);
    rollup(db, now_us, j->type_id, j->queue_id, outcome, true, pattern_id, 1);
}

/* ---- writing ---- */

void rp_counts_keep(struct rp_db *db)
{
    struct rp_counts *from = &db->counts[db->savepoints];
    for (size_t i = 0; i < from->n; i++)
        add(from - 1, &from->v[i]);
    from->n = 0;
}

static bool write_count(struct rp_db *db, const struct rp_count *c, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        c->rollup
            ? "insert into rollup(minute, type_id, queue_id, outcome, final, pattern_id, n) "
              "values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict do update set n = n + excluded.n"
            : "insert into tally(state, type_id, queue_id, hour, n) values (?1, ?2, ?3, ?4, ?7) "
              "on conflict do update set n = n + excluded.n");
    for (int i = 0; i < (c->rollup ? KEYS : 4); i++)
        rp_bind_i64(s, i + 1, c->key[i]);
    rp_bind_i64(s, 7, c->n);
    return rp_run(s, err);
}

bool rp_counts_write(struct rp_db *db, struct rp_err *err)
{
    for (size_t level = 0; level <= db->savepoints; level++) {
        struct rp_counts *c = &db->counts[level];
        for (size_t i = 0; i < c->n; i++)
            if (c->v[i].n != 0 && !write_count(db, &c->v[i], err))
                return false;
        c->n = 0;
    }
    return true;
}

void rp_counts_drop(struct rp_db *db, size_t level)
{
    for (; level <= RP_SAVEPOINTS; level++)
        db->counts[level].n = 0;
}

void rp_counts_free(struct rp_db *db)
{
    for (size_t level = 0; level <= RP_SAVEPOINTS; level++)
        free(db->counts[level].v);
}

bool rp_tally_sweep(struct rp_db *db, struct rp_err *err)
{
    return rp_run(rp_sql(db, "delete from tally where n = 0"), err);
}
