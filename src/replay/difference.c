/* A plan that was shown, and the one that there is now (replay specification 2, U3). The record of
 * a dry run holds the ids of its items as ranges, so that a refusal can say what changed. */
#include "replay/internal.h"

#include "base/json.h"

#include <stdlib.h>

enum { IDS_BYTES_MAX = 4096, NAMED = 5 };

static int by_number(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* The ids of a plan in rising order. But for the few items that the canary tries first they lie so:
 * those are sorted, and the rest, which may be millions, is read as it is. */
struct in_order {
    const struct rp_plan *plan;
    int64_t *first, n_first, at_first, at;
};

static struct in_order in_order(const struct rp_plan *plan, struct rp_arena *a)
{
    int64_t n = plan->n > 0 ? plan->n - 1 : 0;
    while (n > 0 && plan->items[n - 1].job_id < plan->items[n].job_id)
        n--;
    int64_t *first = RP_NEW_N(a, int64_t, (size_t)n + 1);
    for (int64_t i = 0; i < n; i++)
        first[i] = plan->items[i].job_id;
    qsort(first, (size_t)n, sizeof *first, by_number);
    return (struct in_order){.plan = plan, .first = first, .n_first = n, .at = n};
}

/* 0: there are no more. */
static int64_t peek(const struct in_order *o)
{
    int64_t id = o->at < o->plan->n ? o->plan->items[o->at].job_id : 0;
    bool first = o->at_first < o->n_first && (id == 0 || o->first[o->at_first] < id);
    return first ? o->first[o->at_first] : id;
}

static int64_t take(struct in_order *o)
{
    int64_t id = peek(o);
    if (o->at_first < o->n_first && o->first[o->at_first] == id)
        o->at_first++;
    else
        o->at++;
    return id;
}

struct rp_str rp_replay_plan_ids(const struct rp_plan *plan, struct rp_arena *a)
{
    struct rp_buf out = {.limit = IDS_BYTES_MAX};
    struct in_order ids = in_order(plan, a);
    while (peek(&ids) != 0 && !out.overflow) {
        int64_t from = take(&ids), to = from;
        while (peek(&ids) == to + 1)
            to = take(&ids);
        rp_buf_fmt(&out, "%s%lld", out.n > 0 ? "," : "", (long long)from);
        if (to > from)
            rp_buf_fmt(&out, "-%lld", (long long)to);
    }
    struct rp_str all = out.overflow ? RP_NONE : rp_str_dup(a, rp_buf_view(&out));
    rp_buf_free(&out);
    return all;
}

struct range {
    int64_t from, to;
};

static bool next_range(struct rp_str *rest, struct range *out)
{
    struct rp_str part, from;
    if (!rp_str_split(rest, ',', &part) || part.n == 0)
        return false;
    (void)rp_str_split(&part, '-', &from);
    return rp_str_i64(from, &out->from) &&
           (part.p == NULL ? (out->to = out->from, true) : rp_str_i64(part, &out->to));
}

/* Ids of one side that are not on the other: how many, and the first of them by name. */
struct unlike {
    int64_t n;
    struct rp_buf names;
};

static void add(struct unlike *u, int64_t id)
{
    if (u->n++ < NAMED)
        rp_buf_fmt(&u->names, "%s%lld", u->n > 1 ? ", " : "", (long long)id);
}

static void say(const struct unlike *u, const char *what, struct rp_buf *out)
{
    if (u->n > 0)
        rp_buf_fmt(out, "; %s: %lld (%.*s%s)", what, (long long)u->n,
                   RP_FMT(rp_buf_view(&u->names)), u->n > NAMED ? ", …" : "");
}

/* Both in rising order. */
static void compare(const struct rp_plan *plan, struct rp_str before, struct rp_arena *a,
                    struct rp_buf *out)
{
    struct unlike more = {.n = 0}, gone = {.n = 0};
    struct in_order ids = in_order(plan, a);
    struct range r;
    while (next_range(&before, &r))
        for (int64_t id = r.from; id <= r.to; id++) {
            while (peek(&ids) != 0 && peek(&ids) < id)
                add(&more, take(&ids));
            if (peek(&ids) == id)
                (void)take(&ids);
            else
                add(&gone, id);
        }
    while (peek(&ids) != 0)
        add(&more, take(&ids));
    say(&more, "new", out);
    say(&gone, "no longer in it", out);
    if (more.n + gone.n == 0)
        rp_buf_fmt(out, "; the same jobs, but they ran again or their settings changed");
    rp_buf_free(&more.names);
    rp_buf_free(&gone.names);
}

static struct rp_str ids_of(struct rp_str detail, struct rp_arena *a)
{
    struct rp_json r;
    struct rp_str key, ids = RP_NONE;
    rp_json_open(&r, detail, a);
    (void)rp_json_object(&r);
    while (rp_json_member(&r, &key))
        if (rp_str_is(key, "ids"))
            (void)rp_json_str(&r, &ids);
        else
            (void)rp_json_skip(&r);
    return ids;
}

bool plan_holds(struct rp_db *db, const struct rp_plan *plan, const struct rp_replay_ask *ask,
                int64_t now_us, struct rp_arena *a, struct rp_err *err)
{
    struct rp_str detail, ids;
    if (ask->plan_hash.n == 0 || rp_str_eq(ask->plan_hash, plan->hash))
        return true;
    if (!rp_replay_plan_find(db, ask->plan_hash, now_us, a, &detail, err))
        return false;
    struct rp_buf what = {0};
    ids = detail.p != NULL ? ids_of(detail, a) : RP_NONE;
    if (detail.p == NULL)
        rp_buf_fmt(&what, "; nobody made plan %.*s in the last hour", RP_FMT(ask->plan_hash));
    else if (ids.p != NULL)
        compare(plan, ids, a, &what);
    (void)rp_fail(err, RP_E_REFUSED, "the plan changed: now it is %.*s with %lld jobs%.*s",
                  RP_FMT(plan->hash), (long long)plan->n, RP_FMT(rp_buf_view(&what)));
    rp_buf_free(&what);
    return rp_hint(err, "look at it with --dry-run, then run that plan");
}
