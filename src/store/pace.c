/* Rates of types and dependencies at the claim: every start goes through one, whether live, retried
 * or replayed, so here they hold for all of them together. The instant that is kept (core/pace.h)
 * is in the row of the type or dependency: it is rolled back with a claim that fails, and outlives
 * a restart. A claim for types without a rate reads none of it. */
#include "store/internal.h"

static bool read_at(struct rp_db *db, struct rp_paced *p, struct rp_err *err)
{
    struct rp_stmt *s = p->type_id != 0
                            ? rp_sql(db, "select paced_at from job_type where id = ?1")
                            : rp_sql(db, "select paced_at from dependency where name = ?1");
    if (p->type_id != 0)
        rp_bind_i64(s, 1, p->type_id);
    else
        rp_bind_text(s, 1, p->dependency);
    return rp_get_i64(s, 0, &p->at_us, err);
}

static bool write_at(struct rp_db *db, const struct rp_paced *p, struct rp_err *err)
{
    struct rp_stmt *s = p->type_id != 0
                            ? rp_sql(db, "update job_type set paced_at = ?2 where id = ?1")
                            : rp_sql(db, "update dependency set paced_at = ?2 where name = ?1");
    if (p->type_id != 0)
        rp_bind_i64(s, 1, p->type_id);
    else
        rp_bind_text(s, 1, p->dependency);
    rp_bind_i64(s, 2, p->at_us);
    return rp_run(s, err);
}

/* The rate of a type (name absent) or a dependency, shared by all lanes of a claim. */
static bool find(struct rp_pacing *x, int64_t type_id, struct rp_str dependency,
                 const struct rp_pace *pace, struct rp_paced **out, struct rp_err *err)
{
    struct rp_paced *p = x->all;
    while (p != NULL && (p->type_id != type_id || !rp_str_eq(p->dependency, dependency)))
        p = p->next;
    *out = p;
    if (p != NULL)
        return true;
    p = *out = RP_NEW(x->arena, struct rp_paced);
    *p = (struct rp_paced){
        .next = x->all, .type_id = type_id, .dependency = dependency, .pace = pace};
    x->all = p;
    if (!read_at(x->db, p, err))
        return false;
    p->left = rp_pace_room(pace, p->at_us, x->now_us);
    return true;
}

static bool add(struct rp_pacing *x, int64_t type_id, struct rp_str dependency,
                const struct rp_pace *pace, struct rp_paces **list, struct rp_err *err)
{
    struct rp_paces *one = RP_NEW(x->arena, struct rp_paces);
    one->next = *list;
    *list = one;
    return find(x, type_id, dependency, pace, &one->paced, err);
}

bool rp_paces_of(struct rp_pacing *x, int64_t type_id, struct rp_paces **out, struct rp_err *err)
{
    const struct rp_type *t = rp_type_settings(x->db, type_id);
    *out = NULL;
    if (t == NULL)
        return true;
    if (t->rate.n > 0 && !add(x, type_id, RP_NONE, &t->rate, out, err))
        return false;
    for (size_t i = 0; i < t->needs.n; i++) {
        const struct rp_dep *d = rp_config_dep(rp_db_config(x->db), t->needs.v[i]);
        if (d != NULL && d->rate.n > 0 && !add(x, 0, d->name, &d->rate, out, err))
            return false;
    }
    return true;
}

bool rp_paces_open(const struct rp_paces *list)
{
    for (; list != NULL; list = list->next)
        if (list->paced->left <= 0)
            return false;
    return true;
}

void rp_paces_take(const struct rp_paces *list)
{
    for (; list != NULL; list = list->next) {
        list->paced->left--;
        list->paced->taken++;
    }
}

bool rp_pacing_write(struct rp_pacing *x, struct rp_err *err)
{
    for (struct rp_paced *p = x->all; p != NULL; p = p->next) {
        if (p->taken == 0)
            continue;
        p->at_us = rp_pace_after(p->pace, p->at_us, x->now_us, p->taken);
        if (!write_at(x->db, p, err))
            return false;
    }
    return true;
}

/* All of its rates must have room: the latest of them. */
static int64_t open_at(const struct rp_pacing *x, const struct rp_paces *list)
{
    int64_t at = x->now_us + 1;
    for (; list != NULL; list = list->next) {
        int64_t next = rp_pace_next_us(list->paced->pace, list->paced->at_us);
        at = next > at ? next : at;
    }
    return at;
}

void rp_pacing_wait(struct rp_pacing *x, const struct rp_paces *list, bool commands)
{
    int64_t at = open_at(x, list), *next = &x->db->paced_us[commands];
    bool past = commands && *next <= x->now_us; /* the engine has just claimed: it is used up */
    if (*next != 0 && *next <= at && !past)
        return;
    *next = at;
    rp_db_changed(x->db, RP_CHANGED_DUE); /* the engine wakes those who wait then */
}

int64_t rp_paced_next(struct rp_db *db, int64_t now_us)
{
    int64_t soonest = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        if (db->paced_us[i] != 0 && db->paced_us[i] <= now_us) {
            db->paced_us[i] = 0;
            if (i == 0)
                rp_db_changed(db, RP_CHANGED_READY);
        } else if (db->paced_us[i] != 0 && db->paced_us[i] < soonest) {
            soonest = db->paced_us[i];
        }
    }
    return soonest;
}
