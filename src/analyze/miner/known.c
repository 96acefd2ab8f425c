/* Words that are known to be values: they were found to be one in another line (in quotes, after a
 * key, where a wildcard is now), or two of them stand for one another in several places. One place
 * where "billing-sync" and "orders-scan" differ may be two messages; in two places they are two
 * names of things of one kind. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { NEED_PLACES = 2, NEED_PLAIN = 3, FEW = 12, VALUE_ITEMS = 3 };

/* CAPITALS name constants of the program, and nouns what is being dealt with. */
static bool is_open_word(const struct rp_symbol *x)
{
    return (x->kind == RP_K_WORD || x->kind == RP_K_IDENT) &&
           !(x->flags & (RP_W_CLOSED | RP_W_NOUN | RP_T_EXCEPTION | RP_T_UPPER));
}

static bool may_be_known(const struct rp_symbol *x)
{
    return is_open_word(x) && x->level >= RP_LEVEL_WORD;
}

/* "billing", "shared": names that read like what is done. */
static bool is_participle(const struct rp_symbol *x)
{
    return is_open_word(x) && x->level == 0;
}

/* "function: " at the beginning is a place in the program. */
static bool is_place(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    return i == 0 && rp_char_at(w, s, 1) == ':';
}

/* A word before "(" is a function's name. */
static bool is_called(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    return rp_char_at(w, s, i + 1) == '(';
}

uint32_t rp_message_of(const struct rp_work *w, struct rp_seq s, uint32_t hole)
{
    uint64_t h = s.n;
    for (uint32_t i = 0; i < s.n; i++)
        if (i != hole && rp_sym(w, s.v[i])->level < RP_LEVEL_NAME)
            h = rp_mix(h + i, rp_sym(w, s.v[i])->text_hash);
    return (uint32_t)h & ~1U;
}

static void places_of(const struct rp_work *w, uint32_t number, struct rp_entries *e)
{
    const struct rp_key_item *k = &w->keys[number];
    for (uint32_t i = 0; i < k->s.n; i++) {
        if (!may_be_known(rp_sym(w, k->s.v[i])) || k->content < 2 || is_called(w, k->s, i))
            continue;
        uint64_t h = rp_mix(rp_key_loose_without(w, k, i), i + 1);
        rp_entries_add(e, (struct rp_entry){.hash = h,
                                            .item = k->s.v[i],
                                            .a = i,
                                            .b = rp_message_of(w, k->s, i) | is_place(w, k->s, i)});
    }
}

/* All pairs of the words of one place. */
static void add_pairs(const struct rp_work *w, const struct rp_entry *e, size_t n,
                      struct rp_entries *pairs)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            const struct rp_symbol *x = rp_sym(w, e[i].item), *y = rp_sym(w, e[j].item);
            if (x == y)
                continue;
            uint64_t low = x->hash < y->hash ? x->hash : y->hash, high = x->hash ^ y->hash ^ low;
            rp_entries_add(pairs, (struct rp_entry){.hash = rp_mix(low, high),
                                                    .item = e[i].item,
                                                    .a = e[j].item,
                                                    .b = e[i].b});
        }
}

/* Different messages among a pair's places, as far as it matters. */
static size_t messages(const struct rp_entry *e, size_t n)
{
    size_t m = 1;
    for (size_t i = 1; i < n && m < 2; i++)
        m += (e[i].b | 1) != (e[0].b | 1);
    return m;
}

static void mark(struct rp_work *w, const struct rp_entries *pairs)
{
    for (size_t from = 0, to; from < pairs->n; from = to) {
        uint32_t a = pairs->v[from].item, b = pairs->v[from].a;
        bool plain = rp_sym(w, a)->level < RP_LEVEL_NAME || rp_sym(w, b)->level < RP_LEVEL_NAME;
        to = rp_entries_run(pairs, from);
        for (size_t i = from; i < to; i++)
            plain |= (pairs->v[i].b & 1) != 0;
        if (messages(pairs->v + from, to - from) < 2)
            continue;
        if (to - from >= (plain ? NEED_PLAIN : NEED_PLACES))
            w->known[a] = w->known[b] = true;
    }
}

/* ---- what was found to be a value ---- */

static void mark_value(struct rp_work *w, uint32_t id)
{
    if (id < w->n_known && may_be_known(rp_sym(w, id)))
        w->known[id] = true;
}

enum { ALONE = 1, HINTED = 2, MANY_NAMES = 6 };

/* What stands before and after item j: two halves of a number. */
static uint32_t neighbours(const struct rp_work *w, struct rp_seq s, uint32_t j)
{
    uint64_t before = j > 0 ? rp_sym(w, s.v[j - 1])->text_hash : 1;
    uint64_t after = j + 1 < s.n ? rp_sym(w, s.v[j + 1])->text_hash : 1;
    return (uint32_t)(before & 0xFFFF) << 16 | (uint32_t)(after & 0xFFFF);
}

/* Words of form f's first key that stand where what became of it has a wildcard. */
static void add_replaced(struct rp_work *w, size_t f, struct rp_entries *e)
{
    struct rp_seq s = w->first[f], now = w->keys[w->cur[f]].s;
    uint32_t i = 0;
    for (uint32_t j = 0; j < now.n && i < s.n; j++) {
        uint32_t from = i++;
        if (now.v[j] != RP_SYM_WILD) {
            if (s.v[from] != now.v[j])
                return;
            continue;
        }
        while (i < s.n && !(j + 1 < now.n && s.v[i] == now.v[j + 1]))
            i++;
        uint32_t how =
            (i - from == 1 ? ALONE : 0) | (rp_hint_at(w, now, j) != RP_HINT_NONE ? HINTED : 0);
        for (uint32_t k = from; k < i && i - from <= VALUE_ITEMS; k++)
            if (!is_called(w, s, k) && s.v[k] < w->n_known)
                rp_entries_add(e, (struct rp_entry){.hash = ((uint64_t)w->cur[f] << 32) + j,
                                                    .item = s.v[k],
                                                    .a = how,
                                                    .b = neighbours(w, now, j)});
    }
}

/* Words that were replaced in one place. A participle among them is a name if most are names. */
static void look_at_place(const struct rp_work *w, const struct rp_entry *e, size_t n,
                          struct rp_entries *words)
{
    size_t names = 0, participles = 0;
    bool mixed = false;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && e[i].item == e[i - 1].item)
            continue;
        mixed |= rp_sym(w, e[i].item)->level >= RP_LEVEL_DIGIT;
        names += (e[i].a & ALONE) && may_be_known(rp_sym(w, e[i].item));
        participles += (e[i].a & ALONE) && is_participle(rp_sym(w, e[i].item));
    }
    for (size_t i = 0; i < n; i++)
        if (may_be_known(rp_sym(w, e[i].item)) ||
            (is_participle(rp_sym(w, e[i].item)) && (e[i].a & ALONE) && names > participles))
            rp_entries_add(
                words, (struct rp_entry){.hash = e[i].item,
                                         .item = e[i].item,
                                         .a = e[i].a | (mixed || names >= MANY_NAMES ? HINTED : 0),
                                         .b = e[i].b});
}

/* A plain word among other plain words may be one of the words of the program: it takes a second
 * place that has nothing in common with the first. */
static bool is_value(const struct rp_work *w, const struct rp_entry *e, size_t n)
{
    uint32_t one = e[0].b;
    if (rp_sym(w, e[0].item)->level >= RP_LEVEL_NAME)
        return true;
    for (size_t i = 1; i < n; i++)
        one = e[i].b < one ? e[i].b : one;
    for (size_t i = 0; i < n; i++) {
        uint32_t differ = e[i].b ^ one;
        bool at_end = (e[i].b & 0xFFFF) == 1;
        if ((e[i].a & HINTED) || (differ >> 16 != 0 && (at_end || (differ & 0xFFFF) != 0)))
            return true;
    }
    return false;
}

static void mark_values(struct rp_work *w)
{
    struct rp_entries e = {0}, words = {0};
    for (uint32_t id = 0; id < w->n_slot_values; id++)
        if (w->slot_value[id])
            mark_value(w, id);
    for (size_t f = 0; f < w->n_forms; f++)
        add_replaced(w, f, &e);
    rp_entries_sort(&e);
    for (size_t from = 0, to; from < e.n; from = to) {
        to = rp_entries_run(&e, from);
        look_at_place(w, e.v + from, to - from, &words);
    }
    rp_entries_sort(&words);
    for (size_t from = 0, to; from < words.n; from = to) {
        to = rp_entries_run(&words, from);
        if (is_value(w, words.v + from, to - from))
            w->known[words.v[from].item] = true;
    }
    rp_entries_free(&words);
    rp_entries_free(&e);
}

void rp_known_find(struct rp_work *w)
{
    struct rp_entries e = {0}, pairs = {0};
    w->n_known = w->sym->n;
    w->known = rp_xrealloc(w->known, (w->n_known + 1) * sizeof *w->known);
    w->introduces = rp_xrealloc(w->introduces, (w->n_known + 1) * sizeof *w->introduces);
    memset(w->known, 0, w->n_known * sizeof *w->known);
    memset(w->introduces, 0, w->n_known * sizeof *w->introduces);
    rp_entries_count(&e, w->n_keys);
    for (uint32_t k = 0; k < w->n_keys; k++)
        places_of(w, k, &e);
    rp_entries_collect(&e);
    for (uint32_t k = 0; k < w->n_keys; k++)
        places_of(w, k, &e);
    rp_entries_sort(&e);
    for (size_t from = 0, to; from < e.n; from = to) {
        to = rp_entries_run(&e, from);
        if (to - from <= FEW)
            add_pairs(w, e.v + from, to - from, &pairs);
    }
    rp_entries_sort(&pairs);
    mark(w, &pairs);
    mark_values(w);
    rp_introducers_find(w);
    rp_entries_free(&pairs);
    rp_entries_free(&e);
}

bool rp_is_known(const struct rp_work *w, uint32_t id)
{
    return id < w->n_known && w->known[id];
}

int rp_level_at(const struct rp_work *w, uint32_t id)
{
    const struct rp_symbol *x = rp_sym(w, id);
    return x->level == 0 && rp_is_known(w, id) ? RP_LEVEL_WORD : x->level;
}
