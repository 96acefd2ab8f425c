/* One round of mining: the store's forms, read in one snapshot, become a miner for each class that
 * has new ones; what the miners find is written in slices that hold up nobody. */
#include "analyze/mining_internal.h"

#include "base/log.h"

#include <stdlib.h>

/* LEAVE: a table this full is thinned; FORMS_OF_ONE: of a pattern whose template knows the rest. */
enum { SLICE = 200, LEAVE = RP_FORMS_MAX / 4 * 3, FORMS_OF_ONE = 16 };
static const int64_t lately_us = RP_US_H; /* what failed since then does not leave */

/* ---- reading ---- */

/* A pattern as its miner numbers it. */
struct numbered {
    int64_t id;
    uint64_t template; /* hash of what the store has */
    bool same_class;   /* false: a person merged it into one of another class */
};

/* What is mined together: a class; or one pattern that was split off, for its template only. */
struct part {
    struct rp_miner *miner;
    struct numbered *v;
    uint32_t n, cap;
    enum rp_class class;
};

struct round {
    struct part *parts;
    size_t n, cap;
    size_t class_part, apart_part; /* where rows go now; SIZE_MAX: nowhere */
    int64_t apart_id;
    uint64_t print[RP_CLASSES_N]; /* of the forms of a class */
    size_t forms;
};

static size_t new_part(struct round *r, enum rp_class class)
{
    if (r->n == r->cap) {
        r->cap = r->cap > 0 ? 2 * r->cap : 16;
        r->parts = rp_xrealloc(r->parts, r->cap * sizeof *r->parts);
    }
    r->parts[r->n] = (struct part){.miner = rp_miner_new(), .class = class};
    return r->n++;
}

static struct part *part_of(struct round *r, const struct rp_form_row *f, enum rp_class class)
{
    if (f->apart) {
        if (r->apart_part == SIZE_MAX || r->apart_id != f->now ||
            r->parts[r->apart_part].class != class)
            r->apart_part = new_part(r, class);
        r->apart_id = f->now;
        return &r->parts[r->apart_part];
    }
    if (r->class_part == SIZE_MAX || r->parts[r->class_part].class != class)
        r->class_part = new_part(r, class);
    return &r->parts[r->class_part];
}

/* Rows come by pattern, oldest first: so an older one has the lower number, and lives. */
static uint32_t number_of(struct part *p, const struct rp_form_row *f)
{
    if (p->n > 0 && p->v[p->n - 1].id == f->now)
        return p->n - 1;
    uint32_t number = rp_kept_pattern(p->miner, RP_NONE);
    if (number >= p->cap) {
        p->cap = 2 * number + 16;
        p->v = rp_xrealloc(p->v, p->cap * sizeof *p->v);
    }
    p->v[RP_MINER_OTHER] = (struct numbered){0};
    p->v[number] = (struct numbered){f->now, rp_hash64(f->template), f->same_class};
    p->n = number + 1;
    return number;
}

static void take_row(void *ctx, const struct rp_form_row *f)
{
    struct round *r = ctx;
    enum rp_class class;
    r->forms++;
    if (!rp_class_of_name(f->class, &class))
        return;
    struct part *p = part_of(r, f, class);
    (void)rp_kept_form(p->miner, f->form, number_of(p, f));
    r->print[class] += rp_mining_hash(f->hash + (f->apart ? 1 : 0), f->class);
}

static bool read_forms(struct rp_mining *m, struct round *r, struct rp_err *err)
{
    return rp_forms_each(m->db, take_row, r, err);
}

static void free_round(struct round *r)
{
    for (size_t i = 0; i < r->n; i++) {
        rp_miner_free(r->parts[i].miner);
        free(r->parts[i].v);
    }
    free(r->parts);
}

/* ---- writing ---- */

struct finding {
    int64_t id, other;      /* both are one, or (0) … */
    struct rp_str template; /* … this is said by all of id */
};

struct findings {
    struct finding *v;
    size_t n, cap, done, joined;
};

static void add_finding(struct findings *l, struct finding x)
{
    if (l->n == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 64;
        l->v = rp_xrealloc(l->v, l->cap * sizeof *l->v);
    }
    l->v[l->n++] = x;
}

static bool write_one(struct rp_db *db, struct findings *l, const struct finding *f,
                      struct rp_err *err)
{
    bool joined = false;
    if (f->other == 0)
        return rp_pattern_reworded(db, f->id, f->template, err);
    if (!rp_patterns_found_one(db, f->id, f->other, &joined, err))
        return false;
    l->joined += joined;
    return true;
}

static bool write_slice(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct findings *l = arg;
    for (size_t i = l->done; i < l->n && i < l->done + SLICE; i++)
        if (!write_one(db, l, &l->v[i], err))
            return false;
    return true;
}

/* What is not written now is found again. */
static bool goes_on(const struct rp_mining *m, struct rp_err *err)
{
    return !atomic_load(rp_engine_cut(m->engine)) ||
           rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
}

static bool write_findings(struct rp_mining *m, struct findings *l, struct rp_err *err)
{
    for (l->done = 0; l->done < l->n; l->done += SLICE)
        if (!goes_on(m, err) || !rp_engine_write(m->engine, write_slice, l, err))
            return false;
    return true;
}

/* ---- mining ---- */

static void find(const struct part *p, struct findings *l)
{
    for (uint32_t i = 1; i < p->n; i++) {
        uint32_t now = rp_miner_resolve(p->miner, i);
        if (now != i)
            add_finding(l, (struct finding){.id = p->v[now].id, .other = p->v[i].id});
    }
    for (uint32_t i = 1; i < p->n; i++) {
        struct rp_str t = rp_miner_template(p->miner, i);
        if (rp_miner_resolve(p->miner, i) == i && p->v[i].same_class && t.p != NULL &&
            rp_hash64(t) != p->v[i].template)
            add_finding(l, (struct finding){.id = p->v[i].id, .template = t});
    }
}

static bool mine_part(struct rp_mining *m, const struct part *p, size_t *joined, struct rp_err *err)
{
    struct findings l = {0};
    rp_miner_refine(p->miner);
    find(p, &l);
    bool ok = write_findings(m, &l, err);
    *joined += l.joined;
    free(l.v);
    return ok;
}

static bool mine(struct rp_mining *m, const struct round *r, size_t *joined, struct rp_err *err)
{
    for (size_t i = 0; i < r->n; i++)
        if (m->mined[r->parts[i].class] != r->print[r->parts[i].class] &&
            (!goes_on(m, err) || !mine_part(m, &r->parts[i], joined, err)))
            return false;
    memcpy(m->mined, r->print, sizeof m->mined);
    return true;
}

/* ---- thinning ---- */

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
static bool thin(struct rp_mining *m, struct rp_err *err)
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
        ok = goes_on(m, err) && rp_engine_write(m->engine, forget_slice, &t, err);
    if (ok && t.n - t.leave >= RP_FORMS_MAX)
        rp_log(RP_WARN, "too many different failures: new messages count as others of their type",
               "forms=%zu", t.n);
    rp_scan_free(t.scan);
    free(t.v);
    return ok;
}

bool rp_mining_round(struct rp_mining *m, struct rp_err *err)
{
    struct round r = {.class_part = SIZE_MAX, .apart_part = SIZE_MAX};
    size_t joined = 0;
    bool ok = read_forms(m, &r, err) && mine(m, &r, &joined, err) && rp_mining_reload(m, err) &&
              (r.forms <= LEAVE || thin(m, err));
    if (joined > 0)
        rp_log(RP_INFO, "failure patterns were found to be one", "joined=%zu", joined);
    free_round(&r);
    return ok;
}
