/* What came of a replay's items: by the pattern that they repair, and by the new one of those that
 * failed in another way.
 *
 * To answer that a million items would be read each time somebody looks. Those of a replay that has
 * ended do not change, so they are summed up behind its end (replay_sum), some at a time, and what
 * is not summed up yet is read beside the sums. Sums are by the patterns that the items were
 * written with: patterns that are joined later are put together when they are read. */
#include "store/replays_internal.h"

#include <stdlib.h>

/* Fewer items are read as fast as their sums. */
enum { WORTH_IT = 1000, FIRST_ROOM = 1024 };

/* ---- sums in memory ---- */

struct sum {
    int64_t before, fate, after, n;
};
struct sums {
    struct sum *v;
    size_t n, cap;
};

static int by_key(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    if (x->before != y->before)
        return x->before < y->before ? -1 : 1;
    if (x->fate != y->fate)
        return x->fate < y->fate ? -1 : 1;
    return (x->after > y->after) - (x->after < y->after);
}

/* One of each. */
static void put_together(struct sums *x)
{
    size_t n = 0;
    if (x->n > 1)
        qsort(x->v, x->n, sizeof *x->v, by_key);
    for (size_t i = 0; i < x->n; i++)
        if (n > 0 && by_key(&x->v[n - 1], &x->v[i]) == 0)
            x->v[n - 1].n += x->v[i].n;
        else
            x->v[n++] = x->v[i];
    x->n = n;
}

/* Mostly it is like the one before. */
static void add(struct sums *x, const struct sum *s)
{
    if (x->n > 0 && by_key(&x->v[x->n - 1], s) == 0) {
        x->v[x->n - 1].n += s->n;
        return;
    }
    if (x->n == x->cap) {
        put_together(x);
        if (x->n * 2 >= x->cap) {
            x->cap = x->cap > 0 ? x->cap * 2 : FIRST_ROOM;
            x->v = rp_xrealloc(x->v, x->cap * sizeof *x->v);
        }
    }
    x->v[x->n++] = *s;
}

/* ---- reading ---- */

/* Rows of (before, fate, after, n). */
static bool add_rows(struct rp_stmt *s, struct sums *x, struct rp_err *err)
{
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        add(x,
            &(struct sum){rp_col_i64(s, 0), rp_col_i64(s, 1), rp_col_i64(s, 2), rp_col_i64(s, 3)});
    put_together(x);
    return step == RP_STEP_DONE;
}

static bool add_items(struct rp_db *db, int64_t id, int64_t after, int64_t until, struct sums *x,
                      struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select pattern_before, fate, pattern_after, 1 from replay_item"
                                   " where replay_id = ?1 and seq > ?2 and seq <= ?3");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, after);
    rp_bind_i64(s, 3, until);
    return add_rows(s, x, err);
}

static bool collect(struct rp_db *db, int64_t id, struct sums *x, struct rp_err *err)
{
    int64_t summed_to;
    struct rp_stmt *s = rp_sql(db, "select summed_to from replay where id = ?1");
    rp_bind_i64(s, 1, id);
    if (!rp_get_i64(s, 0, &summed_to, err))
        return false;
    s = rp_sql(db, "select pattern_before, fate, pattern_after, n from replay_sum"
                   " where replay_id = ?1");
    rp_bind_i64(s, 1, id);
    return add_rows(s, x, err) && add_items(db, id, summed_to, INT64_MAX, x, err);
}

static bool pattern_now(struct rp_db *db, int64_t *id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " RP_PATTERN_NOW("?1"));
    rp_bind_i64(s, 1, *id);
    return rp_get_i64(s, 0, id, err);
}

/* Each by the pattern that it is part of now, in `before`. */
static bool by_pattern_now(struct rp_db *db, struct sums *x, struct rp_err *err)
{
    for (size_t i = 0; i < x->n; i++)
        if (!pattern_now(db, &x->v[i].before, err))
            return false;
    put_together(x);
    return true;
}

static void count(struct rp_replay_pattern *p, const struct sum *s)
{
    int64_t *const of[] = {[RP_FATE_WAITING] = &p->open,        [RP_FATE_RELEASED] = &p->open,
                           [RP_FATE_SUCCEEDED] = &p->succeeded, [RP_FATE_FAILED_SAME] = &p->same,
                           [RP_FATE_FAILED_NEW] = &p->other,    [RP_FATE_SKIPPED] = &p->open,
                           [RP_FATE_UNKNOWN] = &p->unknown};
    p->items += s->n;
    *of[s->fate] += s->n;
}

static int most_items_first(const void *a, const void *b)
{
    const struct rp_replay_pattern *x = a, *y = b;
    if (x->items != y->items)
        return x->items > y->items ? -1 : 1;
    return (x->pattern_id > y->pattern_id) - (x->pattern_id < y->pattern_id);
}

enum { LISTED_MOST = 1000 };

bool rp_replay_patterns(struct rp_db *db, int64_t id, struct rp_arena *a,
                        struct rp_replay_pattern **out, size_t *n, struct rp_err *err)
{
    struct sums x = {.n = 0};
    bool ok = collect(db, id, &x, err) && by_pattern_now(db, &x, err);
    *out = RP_NEW_N(a, struct rp_replay_pattern, x.n > 0 ? x.n : 1);
    *n = 0;
    for (size_t i = 0; ok && i < x.n; i++) {
        if (*n == 0 || (*out)[*n - 1].pattern_id != x.v[i].before)
            (*out)[(*n)++] = (struct rp_replay_pattern){.pattern_id = x.v[i].before};
        count(&(*out)[*n - 1], &x.v[i]);
    }
    qsort(*out, *n, sizeof **out, most_items_first);
    *n = *n < LISTED_MOST ? *n : LISTED_MOST;
    free(x.v);
    return ok;
}

/* ---- new failures ---- */

static int most_first(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return (x->before > y->before) - (x->before < y->before);
}

/* Those that failed in a new way, by that pattern, in `before`. */
static void keep_new(struct sums *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++)
        if (x->v[i].fate == RP_FATE_FAILED_NEW)
            x->v[n++] = (struct sum){x->v[i].after, 0, 0, x->v[i].n};
    x->n = n;
    put_together(x);
}

static bool template_of(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_str *out,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select template from pattern where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    *out = step == RP_STEP_ROW ? rp_col_str(s, 0, a) : RP_NONE;
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

bool rp_replay_news(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_replay_new **out,
                    size_t *n, struct rp_err *err)
{
    struct sums x = {.n = 0};
    bool ok = collect(db, id, &x, err);
    keep_new(&x);
    ok = ok && by_pattern_now(db, &x, err);
    if (x.n > 1)
        qsort(x.v, x.n, sizeof *x.v, most_first);
    *n = x.n < LISTED_MOST ? x.n : LISTED_MOST;
    *out = RP_NEW_N(a, struct rp_replay_new, *n > 0 ? *n : 1);
    for (size_t i = 0; ok && i < *n; i++) {
        (*out)[i] = (struct rp_replay_new){.pattern_id = x.v[i].before, .n = x.v[i].n};
        ok = template_of(db, x.v[i].before, a, &(*out)[i].template, err);
    }
    free(x.v);
    return ok;
}

/* ---- summing up ---- */

bool rp_replay_sums_anew(struct rp_db *db, int64_t id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "delete from replay_sum where replay_id = ?1");
    rp_bind_i64(s, 1, id);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "update replay set summed_to = 0, to_sum = ended_at is not null and"
                   " (select coalesce(sum(n), 0) from replay_tally where replay_id = ?1) > ?2"
                   " where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, WORTH_IT);
    return rp_run(s, err);
}

static bool write_sums(struct rp_db *db, int64_t id, const struct sums *x, struct rp_err *err)
{
    for (size_t i = 0; i < x->n; i++) {
        struct rp_stmt *s =
            rp_sql(db, "insert into replay_sum(replay_id, pattern_before, fate, pattern_after, n)"
                       " values(?1, ?2, ?3, ?4, ?5) on conflict do update set n = n + excluded.n");
        rp_bind_i64(s, 1, id);
        rp_bind_i64(s, 2, x->v[i].before);
        rp_bind_i64(s, 3, x->v[i].fate);
        rp_bind_i64(s, 4, x->v[i].after);
        rp_bind_i64(s, 5, x->v[i].n);
        if (!rp_run(s, err))
            return false;
    }
    return true;
}

static bool note_summed(struct rp_db *db, int64_t id, int64_t until, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update replay set summed_to = ?2, to_sum = exists(select 1 from replay_item"
                   " where replay_id = ?1 and seq > ?2) where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, until);
    return rp_run(s, err);
}

bool rp_replay_sums_step(struct rp_db *db, int64_t max, bool *again, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id, summed_to from replay indexed by replay_to_sum"
                                   " where to_sum = 1 limit 1");
    enum rp_step step = rp_step(s, err);
    *again = step == RP_STEP_ROW;
    if (!*again)
        return step == RP_STEP_DONE;
    int64_t id = rp_col_i64(s, 0), after = rp_col_i64(s, 1);
    struct sums x = {.n = 0};
    rp_reset(s);
    bool ok = add_items(db, id, after, after + max, &x, err) && write_sums(db, id, &x, err) &&
              note_summed(db, id, after + max, err);
    free(x.v);
    return ok;
}
