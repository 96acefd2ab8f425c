/* The table of forms is bounded: what goes when it is full. */
#include "analyze/mining_internal.h"

#include "base/log.h"

#include <stdlib.h>

/* LEAVE: a table this full is thinned; FORMS_OF_ONE: of a pattern whose template knows the rest. */
enum { SLICE = 200, LEAVE = RP_FORMS_MAX / 4 * 3, FORMS_OF_ONE = 16 };
static const int64_t lately_us = RP_US_H; /* what failed since then does not leave */

struct leaver {
    uint64_t hash;
    int64_t last_us;
};

struct thinning {
    const struct matchers *matchers;
    struct rp_scan *scan;
    struct leaver *v;
    size_t n, cap, nth, done, leave;
    int64_t now; /* pattern of the row before */
};

static bool known_without(const struct thinning *t, const struct rp_form_row *f)
{
    return rp_kept_unpack(t->scan, f->form) &&
           rp_matcher_find(t->matchers, f->class, t->scan) == f->now;
}

/* What a template knows anyway leaves first. */
static void judge_row(void *ctx, const struct rp_form_row *f)
{
    struct thinning *t = ctx;
    t->nth = f->now == t->now ? t->nth + 1 : 0;
    t->now = f->now;
    if (t->n == t->cap) {
        t->cap = t->cap > 0 ? 2 * t->cap : 1024;
        t->v = rp_xrealloc(t->v, t->cap * sizeof *t->v);
    }
    bool spare = t->nth >= FORMS_OF_ONE && known_without(t, f);
    t->v[t->n++] = (struct leaver){f->hash, spare ? INT64_MIN : f->last_us};
}

static int longest_ago_first(const void *a, const void *b)
{
    int64_t x = ((const struct leaver *)a)->last_us, y = ((const struct leaver *)b)->last_us;
    return (x > y) - (x < y);
}

static bool forget_slice(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct thinning *t = arg;
    for (size_t i = t->done; i < t->leave && i < t->done + SLICE; i++)
        if (!rp_form_forget(db, t->v[i].hash, err))
            return false;
    return true;
}

/* The table is bounded: what has not failed for long leaves it, and comes back under its number
 * when it fails again, by the form it was born with or by its template. */
bool rp_mining_thin(struct rp_mining *m, struct rp_err *err)
{
    struct thinning t = {.matchers = &m->matchers, .scan = rp_scan_new()};
    bool ok = rp_forms_each(m->db, judge_row, &t, err);
    int64_t since = rp_wall(rp_engine_clock(m->engine)) - lately_us;
    if (t.n > 1)
        qsort(t.v, t.n, sizeof *t.v, longest_ago_first);
    while (t.leave < t.n && t.v[t.leave].last_us < since &&
           (t.n - t.leave > LEAVE || t.v[t.leave].last_us == INT64_MIN))
        t.leave++;
    for (; ok && t.done < t.leave; t.done += SLICE)
        ok = rp_mining_goes_on(m, err) && rp_engine_write(m->engine, forget_slice, &t, err);
    if (ok && t.n - t.leave >= RP_FORMS_MAX)
        rp_log(RP_WARN, "too many different failures: new messages count as others of their type",
               "forms=%zu", t.n);
    rp_scan_free(t.scan);
    free(t.v);
    return ok;
}
