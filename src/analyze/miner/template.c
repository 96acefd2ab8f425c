/* The text of a pattern: column by column over the forms of its group; forms of another shape are
 * aligned with the first, and what has no counterpart becomes <*>. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { SHAPES_MAX = 12, ALIGN_MAX = 512 };

struct columns {
    struct rp_work *w;
    uint32_t *v; /* symbol, RP_SYM_WILD where the forms differ */
    bool *gap;   /* has no counterpart in some form */
    size_t n;
};

/* Punctuation and places of blanks. */
static uint64_t shape(const struct rp_work *w, struct rp_seq f)
{
    uint64_t h = 1;
    for (uint32_t i = 0; i < f.n; i++) {
        const struct rp_symbol *x = rp_sym(w, f.v[i]);
        h = rp_mix(h, x->kind == RP_K_PUNCT ? x->text_hash : x->kind == RP_K_BLANK ? 1 : 2);
    }
    return h;
}

static void add_same_shape(struct columns *t, struct rp_seq f)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i] != f.v[i] && rp_sym(t->w, t->v[i])->kind != RP_K_BLANK &&
            (rp_sym(t->w, t->v[i])->kind == RP_K_WILD ||
             rp_sym(t->w, t->v[i])->text_hash != rp_sym(t->w, f.v[i])->text_hash))
            t->v[i] = RP_SYM_WILD;
}

/* ---- alignment: longest common block, then left and right of it ---- */

struct block {
    size_t a, b, n;
};

static bool same(const struct columns *t, size_t i, struct rp_seq f, size_t j)
{
    return rp_sym(t->w, t->v[i])->text_hash == rp_sym(t->w, f.v[j])->text_hash;
}

static struct block longest(const struct columns *t, size_t a0, size_t a1, struct rp_seq f,
                            size_t b0, size_t b1)
{
    struct block best = {a0, b0, 0};
    uint16_t run[2][ALIGN_MAX + 1] = {0};
    for (size_t i = a0; i < a1; i++) {
        uint16_t *now = run[i & 1], *old = run[(i & 1) ^ 1];
        for (size_t j = b0; j < b1; j++) {
            size_t n = same(t, i, f, j) ? (j > b0 && i > a0 ? old[j - 1] : 0) + (size_t)1 : 0;
            now[j] = (uint16_t)n;
            if (n > best.n)
                best = (struct block){i + 1 - n, j + 1 - n, n};
        }
    }
    return best;
}

/* Columns a0..a1 have f's items b0..b1 in their place: a gap, unless all of it is blank. */
static void mark_gap(struct columns *t, size_t a0, size_t a1, struct rp_seq f, size_t b0, size_t b1)
{
    bool text = false;
    for (size_t i = a0; i < a1; i++)
        text |= rp_sym(t->w, t->v[i])->kind != RP_K_BLANK;
    for (size_t j = b0; j < b1; j++)
        text |= rp_sym(t->w, f.v[j])->kind != RP_K_BLANK;
    if (!text)
        return;
    for (size_t i = a0; i < a1; i++)
        t->gap[i] = true;
    if (a1 == a0) {
        if (a0 > 0)
            t->gap[a0 - 1] = true;
        if (a0 < t->n)
            t->gap[a0] = true;
    }
}

static void align(struct columns *t, size_t a0, size_t a1, struct rp_seq f, size_t b0, size_t b1)
{
    if (a0 == a1 && b0 == b1)
        return;
    struct block m = longest(t, a0, a1, f, b0, b1);
    if (m.n == 0) {
        mark_gap(t, a0, a1, f, b0, b1);
        return;
    }
    align(t, a0, m.a, f, b0, m.b);
    align(t, m.a + m.n, a1, f, m.b + m.n, b1);
}

static void add_forms(struct columns *t, const struct rp_seq *forms, size_t n)
{
    uint64_t shapes[SHAPES_MAX], first = shape(t->w, forms[0]);
    size_t n_shapes = 0;
    shapes[n_shapes++] = first;
    for (size_t k = 1; k < n; k++) {
        uint64_t s = shape(t->w, forms[k]);
        size_t seen = 0;
        if (s == first) {
            add_same_shape(t, forms[k]);
            continue;
        }
        while (seen < n_shapes && shapes[seen] != s)
            seen++;
        if (seen == SHAPES_MAX || forms[k].n > ALIGN_MAX || t->n > ALIGN_MAX)
            continue;
        if (seen == n_shapes)
            shapes[n_shapes++] = s;
        align(t, 0, t->n, forms[k], 0, forms[k].n);
    }
}

/* ---- text ---- */

static bool is_wild(const struct columns *t, size_t i)
{
    return i < t->n && rp_sym(t->w, t->v[i])->text_hash == rp_sym(t->w, RP_SYM_WILD)->text_hash;
}

static bool is_cut(const struct columns *t, size_t i)
{
    return i < t->n && (rp_sym(t->w, t->v[i])->flags & RP_T_CUT);
}

static bool gap_near(const struct columns *t, size_t i)
{
    for (size_t k = i; k < i + 3 && k < t->n; k++)
        if (t->gap[k])
            return true;
    return false;
}

static bool joins_gap(const struct columns *t, size_t i)
{
    const struct rp_symbol *x = rp_sym(t->w, t->v[i]);
    bool loose = x->kind == RP_K_BLANK || x->kind == RP_K_PUNCT || x->kind == RP_K_WILD;
    return t->gap[i] || (loose && !one_of(x->c, "()[]{}\"'=") && gap_near(t, i));
}

/* One wildcard for the gap at i and what belongs to it; answers the place after it. Text that was
 * written and is part of the same list goes. */
static size_t write_gap(const struct columns *t, size_t i, struct rp_vec *o)
{
    size_t j = i;
    while (j < t->n && joins_gap(t, j))
        j++;
    bool lead = rp_sym(t->w, t->v[i])->kind == RP_K_BLANK;
    bool trail = rp_sym(t->w, t->v[j - 1])->kind == RP_K_BLANK;
    while (is_wild(t, j) || (is_cut(t, j) && is_wild(t, j + 1)))
        j++;
    while (o->n > 0 && (o->v[o->n - 1] == RP_SYM_WILD ||
                        (o->n > 1 && (rp_sym(t->w, o->v[o->n - 1])->flags & RP_T_CUT) &&
                         o->v[o->n - 2] == RP_SYM_WILD)))
        o->n--;
    if (lead)
        rp_vec_add(o, RP_SYM_BLANK);
    rp_vec_add(o, RP_SYM_WILD);
    if (trail)
        rp_vec_add(o, RP_SYM_BLANK);
    return j;
}

static struct rp_str write(const struct columns *t, struct rp_arena *a)
{
    struct rp_vec o = {0};
    for (size_t i = 0; i < t->n;) {
        if (t->gap[i]) {
            i = write_gap(t, i, &o);
        } else {
            rp_vec_add(&o, t->v[i]);
            i++;
        }
    }
    struct rp_str text = rp_seq_text(t->w, a, rp_vec_view(&o));
    free(o.v);
    return text;
}

static bool one_shape(const struct rp_work *w, const struct rp_seq *forms, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (shape(w, forms[i]) != shape(w, forms[0]))
            return false;
    return true;
}

struct rp_str rp_template_of(struct rp_work *w, struct rp_arena *a, const struct rp_seq *forms,
                             size_t n)
{
    struct rp_seq *v = rp_xmalloc((n + 1) * sizeof *v);
    bool collapse = !one_shape(w, forms, n);
    for (size_t i = 0; i < n; i++)
        v[i] = collapse ? rp_key_collapse(w, forms[i], false) : forms[i];
    struct columns t = {.w = w, .n = v[0].n};
    t.v = rp_xmalloc((t.n + 1) * sizeof *t.v);
    t.gap = rp_xcalloc(t.n + 1, sizeof *t.gap);
    if (t.n > 0)
        memcpy(t.v, v[0].v, t.n * sizeof *t.v);
    add_forms(&t, v, n);
    struct rp_str text = write(&t, a);
    free(t.gap);
    free(t.v);
    free(v);
    return text;
}
