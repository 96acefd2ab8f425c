/* Refinement: forms to keys, keys merged by the passes until nothing changes. What it finds
 * depends on the set of forms alone. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { ROUNDS = 6, WIDE_KEYS = 16384 };

static const uint64_t place_base = UINT64_C(0x9FB21C651E98DF25);

uint64_t rp_key_hash(const struct rp_work *w, struct rp_seq s)
{
    uint64_t h = s.n, place = 1;
    for (uint32_t i = 0; i < s.n; i++, place *= place_base)
        h += rp_sym(w, s.v[i])->hash * place;
    return h;
}

/* What a rest of a key compares as: which identifier stands there says nothing about the others. */
static uint64_t loose_hash(const struct rp_symbol *x, const struct rp_work *w)
{
    return rp_is_identifier(x) ? rp_sym(w, RP_SYM_WILD)->hash : x->hash;
}

static uint64_t key_loose(const struct rp_work *w, struct rp_seq s)
{
    uint64_t h = s.n, place = 1;
    for (uint32_t i = 0; i < s.n; i++, place *= place_base)
        h += loose_hash(rp_sym(w, s.v[i]), w) * place;
    return h;
}

static uint64_t place_of(uint32_t i)
{
    uint64_t place = 1, base = place_base;
    for (; i > 0; i >>= 1, base *= base)
        if (i & 1)
            place *= base;
    return place;
}

uint64_t rp_key_loose_without(const struct rp_work *w, const struct rp_key_item *k, uint32_t i)
{
    uint64_t mine = loose_hash(rp_sym(w, k->s.v[i]), w);
    return k->loose + (rp_sym(w, RP_SYM_HOLE)->hash - mine) * place_of(i);
}

uint64_t rp_key_hash_with(const struct rp_work *w, const struct rp_key_item *k, uint32_t i,
                          uint32_t id)
{
    return k->hash + (rp_sym(w, id)->hash - rp_sym(w, k->s.v[i])->hash) * place_of(i);
}

/* Keys are kept sorted by hash. */
static size_t find_key(const struct rp_work *w, uint64_t hash)
{
    size_t lo = 0, hi = w->n_keys;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (w->keys[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

bool rp_key_known(const struct rp_work *w, uint64_t hash)
{
    size_t i = find_key(w, hash);
    return i < w->n_keys && w->keys[i].hash == hash;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct rp_key_item *)a)->hash, y = ((const struct rp_key_item *)b)->hash;
    return x < y ? -1 : x > y;
}

/* all[0..n): a key for each of n things; makes the sorted distinct list, and of[i] the number of
 * thing i's key in it. */
static void make_distinct(struct rp_work *w, const struct rp_key_item *all, size_t n, uint32_t *of)
{
    memcpy(w->keys, all, n * sizeof *all);
    if (n > 1)
        qsort(w->keys, n, sizeof *w->keys, by_hash);
    w->n_keys = 0;
    for (size_t i = 0; i < n; i++)
        if (w->n_keys == 0 || w->keys[w->n_keys - 1].hash != w->keys[i].hash)
            w->keys[w->n_keys++] = w->keys[i];
    for (size_t i = 0; i < n; i++)
        of[i] = (uint32_t)find_key(w, all[i].hash);
    w->wide = w->n_keys > WIDE_KEYS;
}

static struct rp_key_item item_of(const struct rp_work *w, struct rp_seq s)
{
    return (struct rp_key_item){s, rp_key_hash(w, s), key_loose(w, s), rp_seq_content(w, s)};
}

static void apply(struct rp_work *w)
{
    size_t n = w->n_keys;
    struct rp_key_item *all = rp_xmalloc((n + 1) * sizeof *all);
    uint32_t *of = rp_xmalloc((n + 1) * sizeof *of);
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        bool becomes = w->becomes[i].v != NULL;
        all[i] = becomes ? item_of(w, w->becomes[i]) : w->keys[i];
        any |= all[i].hash != w->keys[i].hash;
    }
    if (any) {
        w->changed = true;
        make_distinct(w, all, n, of);
        for (size_t i = 0; i < w->n_forms; i++)
            w->cur[i] = of[w->cur[i]];
    }
    free(of);
    free(all);
}

static const struct {
    void (*run)(struct rp_work *w);
    bool costly;
} passes[] = {
    {rp_pass_names, false},     {rp_pass_slots, false},   {rp_pass_names_and_slots, false},
    {rp_pass_one_hole, false},  {rp_pass_absorb, false},  {rp_pass_two_holes, true},
    {rp_pass_named, false},     {rp_pass_remarks, false}, {rp_pass_spans, true},
    {rp_pass_instances, false}, {rp_pass_tails, false}};

static bool is_cut(const struct rp_work *w)
{
    return w->cut != NULL && atomic_load(w->cut);
}

static void run_passes(struct rp_work *w)
{
    for (int round = 0; round < ROUNDS; round++) {
        w->changed = false;
        rp_known_find(w);
        for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
            if (is_cut(w))
                return;
            if (passes[i].costly && w->wide)
                continue;
            memset(w->becomes, 0, (w->n_keys + 1) * sizeof *w->becomes);
            passes[i].run(w);
            apply(w);
        }
        if (!w->changed)
            return;
    }
}

size_t rp_refine(struct rp_work *w, const struct rp_seq *forms, size_t n, uint32_t *group)
{
    struct rp_key_item *all = rp_xmalloc((n + 1) * sizeof *all);
    w->keys = rp_xmalloc((n + 1) * sizeof *w->keys);
    w->becomes = rp_xmalloc((n + 1) * sizeof *w->becomes);
    w->cur = group;
    w->n_forms = n;
    w->first = RP_NEW_N(&w->arena, struct rp_seq, n + 1);
    for (size_t i = 0; i < n; i++) {
        w->first[i] = rp_key_of(w, forms[i]);
        all[i] = item_of(w, w->first[i]);
    }
    make_distinct(w, all, n, group);
    free(all);
    run_passes(w);
    free(w->keys);
    free(w->becomes);
    free(w->known);
    free(w->introduces);
    w->known = w->introduces = NULL;
    w->n_known = 0;
    w->keys = NULL;
    w->becomes = NULL;
    return w->n_keys;
}
