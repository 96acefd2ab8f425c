/* Forms that were made under older rules: each becomes what the rules in force make of one of its
 * lines, and keeps its pattern. */
#include "analyze/mining_internal.h"

#include "base/log.h"

#include <stdlib.h>

enum { SLICE = 200 };

struct move {
    uint64_t from, to;
    struct rp_str form;
};

struct moves {
    struct rp_arena arena;
    struct rp_scan *scan;
    struct move *v;
    size_t n, cap, done;
};

/* A line that has the form: a number stands wherever any value may. */
static struct rp_str line_of(struct rp_arena *a, struct rp_str text)
{
    struct rp_buf b = {0};
    for (;;) {
        size_t wild = rp_str_find(text, RP_STR("<*>"));
        size_t n = wild == SIZE_MAX ? text.n : wild;
        rp_buf_add(&b, text.p, n);
        if (wild == SIZE_MAX)
            break;
        rp_buf_c(&b, '0');
        text = (struct rp_str){text.p + n + 3, text.n - n - 3};
    }
    struct rp_str line = rp_str_dup(a, rp_buf_view(&b));
    rp_buf_free(&b);
    return line;
}

static void take_row(void *ctx, const struct rp_form_row *f)
{
    struct moves *l = ctx;
    if (f->rules == RP_MINER_RULES || !rp_kept_unpack(l->scan, f->form))
        return;
    if (l->n == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 256;
        l->v = rp_xrealloc(l->v, l->cap * sizeof *l->v);
    }
    struct rp_str line = line_of(&l->arena, rp_kept_text(l->scan, &l->arena));
    uint64_t hash = rp_mining_hash(rp_kept_scan(l->scan, line), f->class);
    l->v[l->n++] = (struct move){f->hash, hash, rp_kept_pack(l->scan, &l->arena)};
}

static bool move_slice(struct rp_db *db, void *arg, struct rp_err *err)
{
    const struct moves *l = arg;
    for (size_t i = l->done; i < l->n && i < l->done + SLICE; i++)
        if (!rp_form_move(db, l->v[i].from, l->v[i].to, l->v[i].form, RP_MINER_RULES, err))
            return false;
    return true;
}

bool rp_mining_rules(struct rp_mining *m, struct rp_err *err)
{
    struct moves l = {.scan = rp_scan_new()};
    bool ok = rp_forms_each(m->db, take_row, &l, err);
    for (; ok && l.done < l.n; l.done += SLICE)
        ok = rp_engine_write(m->engine, move_slice, &l, err);
    if (ok && l.n > 0)
        rp_log(RP_INFO, "failure patterns go by newer rules", "forms=%zu rules=%d", l.n,
               (int)RP_MINER_RULES);
    rp_scan_free(l.scan);
    rp_arena_free(&l.arena);
    free(l.v);
    return ok;
}
