/* What a round of mining found, written in slices. */
#include "analyze/mining_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SLICE = 200 };

void rp_finding_add(struct findings *l, struct finding x)
{
    if (l->n == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 64;
        l->v = rp_xrealloc(l->v, l->cap * sizeof *l->v);
    }
    l->v[l->n++] = x;
}

static bool write_message(struct rp_db *db, struct message *m, struct rp_err *err)
{
    return m->id != 0 ? rp_outer_reworded(db, m->id, m->template, m->hole, err)
                      : rp_outer_found(db, m->template, m->hole, &m->id, err);
}

static bool write_one(struct rp_db *db, struct findings *l, const struct finding *f,
                      struct rp_err *err)
{
    bool joined = false, ok = true;
    struct message none = {0}, *m = f->message != NULL ? f->message : &none;
    switch (f->found) {
    case FOUND_ONE:
        ok = rp_patterns_found_one(db, f->id, f->other, &joined, err);
        break;
    case FOUND_WORDS:
        ok = rp_pattern_reworded(db, f->id, f->template, f->inner, m->id, err);
        break;
    case FOUND_MESSAGE:
        ok = write_message(db, m, err);
        break;
    case FOUND_WRAPPED:
        ok = rp_pattern_wrapped(db, f->id, m->id, err);
        break;
    }
    l->joined += joined;
    return ok;
}

static bool write_slice(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct findings *l = arg;
    for (size_t i = l->done; i < l->n && i < l->done + SLICE; i++)
        if (!write_one(db, l, &l->v[i], err))
            return false;
    return true;
}

bool rp_mining_goes_on(const struct rp_mining *m, struct rp_err *err)
{
    return !atomic_load(rp_engine_cut(m->engine)) ||
           rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
}

bool rp_findings_write(struct rp_mining *m, struct findings *l, struct rp_err *err)
{
    for (l->done = 0; l->done < l->n; l->done += SLICE)
        if (!rp_mining_goes_on(m, err) || !rp_engine_write(m->engine, write_slice, l, err))
            return false;
    return true;
}
