/* One round of mining: the store's forms say together which messages wrap others (mining_levels.c);
 * those that are no pair become a miner for each class that has new ones. What is found is written
 * in slices that hold up nobody. */
#include "analyze/mining_internal.h"

#include "base/log.h"

#include <stdlib.h>

enum { LEAVE = RP_FORMS_MAX / 4 * 3 }; /* a table this full is thinned */

/* ---- reading ---- */

/* A pattern as its miner numbers it. */
struct numbered {
    int64_t id;
    uint64_t template; /* hash of what the store has */
    bool speaks;       /* false: it has its words from elsewhere, from another class or a pair */
};

/* What is mined together: a class; or one pattern that was split off, for its template only. */
struct part {
    struct rp_miner *miner;
    struct numbered *v;
    uint32_t n, cap;
    enum rp_class class;
};

struct round {
    const atomic_bool *cut;
    struct part *parts;
    size_t n, cap;
    size_t class_part, apart_part; /* where rows go now; SIZE_MAX: nowhere */
    int64_t apart_id;
    uint64_t print[RP_CLASSES_N]; /* of the forms of a class */
    size_t forms;
    struct levels levels;
};

static size_t new_part(struct round *r, enum rp_class class)
{
    if (r->n == r->cap) {
        r->cap = r->cap > 0 ? 2 * r->cap : 16;
        r->parts = rp_xrealloc(r->parts, r->cap * sizeof *r->parts);
    }
    r->parts[r->n] = (struct part){.miner = rp_miner_new(), .class = class};
    rp_miner_cut(r->parts[r->n].miner, r->cut);
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
static uint32_t number_of(struct part *p, const struct rp_form_row *f, bool speaks)
{
    if (p->n > 0 && p->v[p->n - 1].id == f->now)
        return p->n - 1;
    uint32_t number = rp_kept_pattern(p->miner, RP_NONE);
    if (number >= p->cap) {
        p->cap = 2 * number + 16;
        p->v = rp_xrealloc(p->v, p->cap * sizeof *p->v);
    }
    p->v[RP_MINER_OTHER] = (struct numbered){0};
    p->v[number] = (struct numbered){f->now, rp_hash64(f->template), speaks};
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
    struct level_row *row = rp_levels_row(&r->levels, f->hash);
    if (row == NULL) /* of the next round */
        return;
    if (row->wrapped) {
        rp_levels_show(&r->levels, row, f->form);
        return;
    }
    struct part *p = part_of(r, f, class);
    (void)rp_kept_form(p->miner, f->form, number_of(p, f, f->same_class && !row->by_pair));
    r->print[class] += rp_mining_hash(f->hash + (f->apart ? 1 : 0), f->class);
}

static bool read_forms(struct rp_mining *m, struct round *r, struct rp_err *err)
{
    return rp_levels_read(m, &r->levels, err) && rp_mining_goes_on(m, err) &&
           rp_forms_each(m->db, take_row, r, err);
}

static void free_round(struct round *r)
{
    for (size_t i = 0; i < r->n; i++) {
        rp_miner_free(r->parts[i].miner);
        free(r->parts[i].v);
    }
    free(r->parts);
    rp_levels_free(&r->levels);
}

/* ---- mining ---- */

static void find(const struct part *p, struct findings *l)
{
    for (uint32_t i = 1; i < p->n; i++) {
        uint32_t now = rp_miner_resolve(p->miner, i);
        if (now != i)
            rp_finding_add(
                l, (struct finding){.found = FOUND_ONE, .id = p->v[now].id, .other = p->v[i].id});
    }
    for (uint32_t i = 1; i < p->n; i++) {
        struct rp_str t = rp_miner_template(p->miner, i);
        if (rp_miner_resolve(p->miner, i) == i && p->v[i].speaks && t.p != NULL &&
            rp_hash64(t) != p->v[i].template)
            rp_finding_add(l,
                           (struct finding){.found = FOUND_WORDS, .id = p->v[i].id, .template = t});
    }
}

static bool mine_part(struct rp_mining *m, const struct part *p, size_t *joined, struct rp_err *err)
{
    struct findings l = {0};
    rp_miner_refine(p->miner);
    find(p, &l);
    bool ok = rp_findings_write(m, &l, err);
    *joined += l.joined;
    free(l.v);
    return ok;
}

static bool mine_levels(struct rp_mining *m, struct round *r, size_t *joined, struct rp_err *err)
{
    struct findings l = {0};
    rp_levels_find(&r->levels, &l);
    bool ok = rp_findings_write(m, &l, err);
    *joined += l.joined;
    free(l.v);
    return ok;
}

static bool mine(struct rp_mining *m, struct round *r, size_t *joined, struct rp_err *err)
{
    if (!mine_levels(m, r, joined, err))
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (m->mined[r->parts[i].class] != r->print[r->parts[i].class] &&
            (!rp_mining_goes_on(m, err) || !mine_part(m, &r->parts[i], joined, err)))
            return false;
    memcpy(m->mined, r->print, sizeof m->mined);
    return true;
}

bool rp_mining_round(struct rp_mining *m, struct rp_err *err)
{
    struct round r = {
        .cut = rp_engine_cut(m->engine), .class_part = SIZE_MAX, .apart_part = SIZE_MAX};
    size_t joined = 0;
    bool ok = read_forms(m, &r, err) && mine(m, &r, &joined, err) && rp_mining_reload(m, err) &&
              (r.forms <= LEAVE || rp_mining_thin(m, err));
    if (joined > 0)
        rp_log(RP_INFO, "failure patterns were found to be one", "joined=%zu", joined);
    free_round(&r);
    return ok;
}
