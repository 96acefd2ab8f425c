/* What must hold after each step of a case (G17): what was planned is what runs, once, and what did
 * not run is as it was. Noted down by property_plans.h. */
#ifndef RP_TESTS_PROPERTY_PROMISES_H
#define RP_TESTS_PROPERTY_PROMISES_H

#include "property_world.h"

static struct promise *promise_of(struct prop *p, int64_t id)
{
    for (size_t i = 0; i < p->n_promises; i++)
        if (p->promise[i].id == id)
            return &p->promise[i];
    return NULL;
}

static bool promised(const struct promise *of, int64_t job)
{
    for (size_t i = 0; i < of->n; i++)
        if (of->job[i] == job)
            return true;
    return false;
}

static void successes_stay(struct prop *p)
{
    int64_t last = query(p->w, "select max(id) from job", 0, 0);
    assert_true(last <= JOBS);
    for (int64_t j = 1; j <= last; j++) {
        bool ok = state_of(p->w, j) == RP_SUCCEEDED;
        if (p->succeeded[j].p == NULL && !ok)
            continue;
        struct rp_str row = job_row(p->w, j);
        if (p->succeeded[j].p == NULL)
            p->succeeded[j] = row;
        else if (!rp_str_eq(row, p->succeeded[j]))
            fail_msg("job %" PRId64 " had succeeded as %.*s and is %.*s", j,
                     RP_FMT(p->succeeded[j]), RP_FMT(row));
    }
}

/* Lost attempts of what may be repeated run again within the item; all others count. */
static void items_run_once(struct prop *p)
{
    static const char most[] =
        "select max(n) from (select count(*) n from (select job_id, replay_id from attempt where"
        " replay_id is not null and outcome <> 4 union all select l.job_id, j.replay_id from lease"
        " l join job j on j.id = l.job_id where j.replay_id is not null) group by job_id,"
        " replay_id)";
    if (query(p->w, most, 0, 0) > 1)
        fail_msg("an item ran twice in its replay");
}

static void within_plan(struct prop *p, const struct promise *of)
{
    struct rp_replay r = replay(p->w, of->id);
    struct rp_replay_item *v;
    size_t n;
    OK(rp_replay_items(p->w->db, of->id, 0, 0, 1000, &p->w->arena, &v, &n, err));
    for (size_t i = 0; i < n; i++)
        if (!promised(of, v[i].job_id))
            fail_msg("replay %" PRId64 " has job %" PRId64 ", which is not in its plan", of->id,
                     v[i].job_id);
    if (r.started_us != 0 && n != of->n)
        fail_msg("replay %" PRId64 " runs %zu of %zu", of->id, n, of->n);
    int64_t outside = query(p->w,
                            "select count(*) from attempt a where replay_id = ?1 and not exists("
                            "select 1 from replay_item i where i.replay_id = ?1 and i.job_id ="
                            " a.job_id)",
                            of->id, 0);
    if (outside > 0)
        fail_msg("%" PRId64 " attempts of replay %" PRId64 " are outside of its plan", outside,
                 of->id);
}

/* What waits in it and was touched by nobody is as it was when it was planned. */
static void as_it_was(struct prop *p, const struct promise *of)
{
    for (size_t i = 0; i < of->n; i++) {
        int64_t untouched = query(
            p->w,
            "select count(*) from replay_item i join job j on j.id = i.job_id where"
            " i.replay_id = ?1 and i.job_id = ?2 and i.fate = 1 and j.state in (6, 8) and j.state ="
            " i.state_before and j.last_n = i.n_before",
            of->id, of->job[i]);
        if (untouched > 0 && of->row[i].p != NULL &&
            !rp_str_eq(of->row[i], job_row(p->w, of->job[i])))
            fail_msg("job %" PRId64 " did not run in replay %" PRId64 "; it was %.*s and is %.*s",
                     of->job[i], of->id, RP_FMT(of->row[i]), RP_FMT(job_row(p->w, of->job[i])));
    }
}

/* An item repairs the attempt that was planned: its own attempts come right after that one. */
static void repairs_what_was_planned(struct prop *p)
{
    int64_t others = query(p->w,
                           "select count(*) from (select i.n_before, min(a.n) first from"
                           " replay_item i join attempt a on a.job_id = i.job_id and a.replay_id ="
                           " i.replay_id and a.n > i.n_before group by i.replay_id, i.seq) where"
                           " first <> n_before + 1",
                           0, 0);
    if (others > 0)
        fail_msg("%" PRId64 " items ran after other attempts than planned", others);
}

static void counted(struct prop *p)
{
    int64_t off = query(p->w,
                        "select count(*) from (select replay_id, fate, type_id, sum(n) n from"
                        " (select replay_id, fate, type_id, n from replay_tally union all select"
                        " replay_id, fate, type_id, -1 from replay_item) group by 1, 2, 3 having"
                        " sum(n) <> 0)",
                        0, 0);
    if (off != 0)
        fail_msg("%" PRId64 " counts of items are wrong", off);
    off = query(p->w,
                "select count(*) from replay_test t where running <> (select count(*) from"
                " replay_item i join job j on j.id = i.job_id where i.replay_id = t.replay_id and"
                " i.fate = 2 and j.last_n > i.n_before and j.replay_id = i.replay_id)",
                0, 0);
    if (off != 0)
        fail_msg("of %" PRId64 " replays it is not known how many items run", off);
}

static void must_hold(struct prop *p)
{
    successes_stay(p);
    items_run_once(p);
    repairs_what_was_planned(p);
    counted(p);
    for (size_t i = 0; i < p->n_promises; i++) {
        within_plan(p, &p->promise[i]);
        as_it_was(p, &p->promise[i]);
    }
}

#endif
