/* A key that is an instance of another: the same items but for words of its own where the other has
 * wildcards. A single hole at a time (passes.c) does not see it when all values of a rare line are
 * new at once. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { NEED_CONTENT = 2, GENERAL_MAX = 64 /* of one frame */ };

/* A participle after a noun that names follow, or before the first colon, may be a name. */
static int level_at(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    int level = rp_level_at(w, s.v[i]);
    bool subject = i == 0 && rp_char_at(w, s, 1) == ':';
    bool name = level == 0 && !(rp_sym(w, s.v[i])->flags & RP_W_CLOSED) &&
                (subject || rp_hint_at(w, s, i) >= RP_HINT_NOUN);
    return name ? RP_LEVEL_WORD : level;
}

/* Everything that a value cannot be, by place: what two such keys have in common. */
static uint64_t frame(const struct rp_work *w, struct rp_seq s)
{
    uint64_t h = s.n;
    for (uint32_t i = 0; i < s.n; i++) {
        const struct rp_symbol *x = rp_sym(w, s.v[i]);
        if (level_at(w, s, i) <= 0)
            h = rp_mix(h + i, x->hash);
    }
    return h;
}

static uint32_t wildcards(struct rp_seq s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n; i++)
        n += s.v[i] == RP_SYM_WILD;
    return n;
}

static bool may_stand(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    return level_at(w, s, i) >= RP_LEVEL_WORD &&
           !(rp_sym(w, s.v[i])->flags & (RP_W_CLOSED | RP_T_EXCEPTION));
}

/* Is b an instance of the more general a, of the same length? `same`: or equal to it. */
static bool is_instance(const struct rp_work *w, struct rp_seq a, struct rp_seq b, bool same)
{
    uint32_t own = same, content = 0;
    uint32_t need = !same && a.v[0] == b.v[0] ? 1 : NEED_CONTENT;
    for (uint32_t i = 0; i < a.n; i++) {
        const struct rp_symbol *x = rp_sym(w, b.v[i]);
        if (a.v[i] == b.v[i])
            content += x->content;
        else if (a.v[i] != RP_SYM_WILD || !may_stand(w, b, i))
            return false;
        else
            own++;
    }
    return own > 0 && content >= need;
}

/* Fewest wildcards first. */
static int most_special(const void *a, const void *b, void *ctx)
{
    const struct rp_work *w = ctx;
    const struct rp_key_item *x = &w->keys[*(const uint32_t *)a],
                             *y = &w->keys[*(const uint32_t *)b];
    uint32_t m = wildcards(x->s), n = wildcards(y->s);
    if (m != n)
        return m < n ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void look_in_frame(struct rp_work *w, const struct rp_entry *e, size_t n)
{
    uint32_t *general = rp_xmalloc(n * sizeof *general);
    size_t m = 0;
    for (size_t k = 0; k < n; k++)
        if (wildcards(w->keys[e[k].item].s) > 0)
            general[m++] = e[k].item;
    if (m > 1)
        qsort_r(general, m, sizeof *general, most_special, w);
    for (size_t k = 0; k < n && m <= GENERAL_MAX; k++)
        for (size_t g = 0; g < m; g++)
            if (general[g] != e[k].item &&
                is_instance(w, w->keys[general[g]].s, w->keys[e[k].item].s, false)) {
                w->becomes[e[k].item] = w->keys[general[g]].s;
                break;
            }
    free(general);
}

/* ---- tails: "…: <*>" takes whatever stands after the colon ---- */

enum { TAIL = 1 };

static bool has_tail(const struct rp_work *w, struct rp_seq s)
{
    return s.n > 2 && s.v[s.n - 1] == RP_SYM_WILD && rp_char_at(w, s, s.n - 2) == ':';
}

static void add_heads(const struct rp_work *w, uint32_t k, struct rp_entries *e)
{
    struct rp_seq s = w->keys[k].s;
    for (uint32_t i = 1; i + 1 < s.n; i++)
        if (rp_char_at(w, s, i) == ':')
            rp_entries_add(e, (struct rp_entry){.hash = frame(w, rp_seq_part(s, 0, i + 1)),
                                                .item = k,
                                                .a = i + 1,
                                                .b = i + 2 == s.n && has_tail(w, s) ? TAIL : 0});
}

static void look_at_heads(struct rp_work *w, const struct rp_entry *e, size_t n)
{
    size_t general = 0;
    for (size_t g = 0; g < n && general < GENERAL_MAX; g++) {
        struct rp_seq a = w->keys[e[g].item].s;
        if (e[g].b != TAIL)
            continue;
        general++;
        for (size_t k = 0; k < n; k++)
            if (e[k].item != e[g].item && w->becomes[e[k].item].v == NULL && e[k].b != TAIL &&
                is_instance(w, rp_seq_part(a, 0, e[g].a),
                            rp_seq_part(w->keys[e[k].item].s, 0, e[k].a), true))
                w->becomes[e[k].item] = a;
    }
}

void rp_pass_tails(struct rp_work *w)
{
    struct rp_entries e = {0};
    rp_entries_count(&e, w->n_keys);
    for (uint32_t k = 0; k < w->n_keys; k++)
        add_heads(w, k, &e);
    rp_entries_collect(&e);
    for (uint32_t k = 0; k < w->n_keys; k++)
        add_heads(w, k, &e);
    rp_entries_sort(&e);
    for (size_t from = 0, to; from < e.n; from = to) {
        to = rp_entries_run(&e, from);
        if (to - from > 1)
            look_at_heads(w, e.v + from, to - from);
    }
    rp_entries_free(&e);
}

void rp_pass_instances(struct rp_work *w)
{
    struct rp_entries e = {0};
    for (uint32_t k = 0; k < w->n_keys; k++)
        rp_entries_add(&e, (struct rp_entry){.hash = frame(w, w->keys[k].s), .item = k});
    rp_entries_sort(&e);
    for (size_t from = 0, to; from < e.n; from = to) {
        to = rp_entries_run(&e, from);
        if (to - from > 1)
            look_in_frame(w, e.v + from, to - from);
    }
    rp_entries_free(&e);
}
