/* Names where the same key has a wildcard already, and two words that vary at once. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { TWO_KEYS = 5, TWO_LENGTH = 40, NEED_HINTED = 3, NEED_WORD = 4 };

static bool is_word(const struct rp_symbol *x)
{
    return x->kind == RP_K_WORD || x->kind == RP_K_IDENT;
}

/* ---- absorb ---- */

static bool may_be_name(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    const struct rp_symbol *x = rp_sym(w, s.v[i]);
    bool kind = is_word(x) || x->kind == RP_K_QUOTED || x->kind == RP_K_VALUE;
    enum rp_hint h = rp_hint_at(w, s, i);
    if (!kind || (x->flags & (RP_W_CLOSED | RP_T_EXCEPTION)) ||
        (rp_level_at(w, s.v[i]) < RP_LEVEL_WORD && h < RP_HINT_NOUN))
        return false;
    return x->level >= RP_LEVEL_DIGIT || h != RP_HINT_NONE;
}

/* With the item as a wildcard, which joins a list and so makes the key shorter. */
static bool absorb_at(struct rp_work *w, uint32_t k, uint32_t i)
{
    struct rp_seq s = w->keys[k].s;
    bool near = (i > 0 && s.v[i - 1] == RP_SYM_WILD) ||
                (i + 1 < s.n && s.v[i + 1] == RP_SYM_WILD) ||
                (rp_flags_at(w, s, i - 1) & RP_T_CUT) || (rp_flags_at(w, s, i + 1) & RP_T_CUT);
    if (!near)
        return false;
    rp_key_replace(w, k, i, i + 1);
    struct rp_seq d = w->becomes[k];
    if (d.n != s.n && rp_key_known(w, rp_key_hash(w, d)) && rp_seq_content(w, d) > 0)
        return true;
    w->becomes[k] = (struct rp_seq){NULL, 0};
    return false;
}

void rp_pass_absorb(struct rp_work *w)
{
    for (uint32_t k = 0; k < w->n_keys; k++)
        for (uint32_t i = 1; i < w->keys[k].s.n; i++)
            if (may_be_name(w, w->keys[k].s, i) && absorb_at(w, k, i))
                break;
}

/* ---- names that are known ---- */

/* A noun, and a name that stood after it where a wildcard stands now. */
static uint64_t named_hash(const struct rp_work *w, uint32_t noun, uint32_t name)
{
    return rp_mix(rp_sym(w, noun)->lower_hash, rp_sym(w, name)->text_hash);
}

static bool names_follow(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    return i + 1 < s.n && rp_kind_at(w, s, i) == RP_K_WORD && (rp_flags_at(w, s, i) & RP_W_NOUN);
}

/* Does a wildcard stand after this noun in s? */
static bool wild_after(const struct rp_work *w, struct rp_seq s, uint32_t noun)
{
    for (uint32_t i = 0; i + 1 < s.n; i++)
        if (s.v[i] == noun)
            return s.v[i + 1] == RP_SYM_WILD && names_follow(w, s, i);
    return false;
}

static struct rp_entries known_names(const struct rp_work *w)
{
    struct rp_entries e = {0};
    for (size_t f = 0; f < w->n_forms; f++) {
        struct rp_seq s = w->first[f], now = w->keys[w->cur[f]].s;
        for (uint32_t i = 0; i + 1 < s.n; i++)
            if (names_follow(w, s, i) && may_be_name(w, s, i + 1) && wild_after(w, now, s.v[i]))
                rp_entries_add(&e, (struct rp_entry){.hash = named_hash(w, s.v[i], s.v[i + 1])});
    }
    rp_entries_sort(&e);
    return e;
}

/* "queue orders" is a name everywhere once it was one of the values of "queue <*>" somewhere. */
void rp_pass_named(struct rp_work *w)
{
    struct rp_entries e = known_names(w);
    for (uint32_t k = 0; k < w->n_keys && e.n > 0; k++) {
        struct rp_seq s = w->keys[k].s;
        for (uint32_t i = 0; i + 1 < s.n; i++)
            if (names_follow(w, s, i) && may_be_name(w, s, i + 1) &&
                rp_entries_has(&e, named_hash(w, s.v[i], s.v[i + 1]))) {
                rp_key_replace(w, k, i + 1, i + 2);
                break;
            }
    }
    rp_entries_free(&e);
}

/* ---- two holes ---- */

static bool may_be_hole(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    const struct rp_symbol *x = rp_sym(w, s.v[i]);
    bool participle = x->level == 0 && !(x->flags & RP_W_CLOSED);
    return (rp_level_at(w, s.v[i]) >= RP_LEVEL_WORD ||
            (participle && rp_hint_at(w, s, i) >= RP_HINT_NOUN)) &&
           (is_word(x) || x->kind == RP_K_QUOTED || x->kind == RP_K_WILD) &&
           !rp_is_verb_at(w, s, i);
}

static bool may_be_pair(const struct rp_work *w, const struct rp_key_item *k, uint32_t i,
                        uint32_t j)
{
    const struct rp_symbol *x = rp_sym(w, k->s.v[i]), *y = rp_sym(w, k->s.v[j]);
    bool hx = rp_hint_at(w, k->s, i) != RP_HINT_NONE, hy = rp_hint_at(w, k->s, j) != RP_HINT_NONE;
    if ((!hx && !hy) || (x->kind == RP_K_WILD && y->kind == RP_K_WILD))
        return false;
    uint32_t own = (uint32_t)is_word(x) + (uint32_t)is_word(y);
    return k->content >= own + (hx && hy ? 1 : 2);
}

static void pairs_of(const struct rp_work *w, uint32_t number, struct rp_entries *e)
{
    const struct rp_key_item *k = &w->keys[number];
    if (k->s.n > TWO_LENGTH)
        return;
    for (uint32_t j = 2; j < k->s.n; j++) {
        if (!may_be_hole(w, k->s, j))
            continue;
        for (uint32_t i = 1; i < j; i++) {
            if (!may_be_hole(w, k->s, i) || !may_be_pair(w, k, i, j))
                continue;
            struct rp_key_item once = {.s = k->s, .hash = rp_key_hash_with(w, k, i, RP_SYM_HOLE)};
            uint64_t h = rp_mix(rp_key_hash_with(w, &once, j, RP_SYM_HOLE), i * 256 + j);
            rp_entries_add(e, (struct rp_entry){.hash = h, .item = number, .a = i, .b = j});
        }
    }
}

/* Two columns of a bucket. */
struct pair {
    const struct rp_work *w;
    const struct rp_entry *e;
    size_t n;
};

static const struct rp_symbol *item(const struct pair *p, size_t k, bool second)
{
    const struct rp_entry *e = &p->e[k];
    return rp_sym(p->w, p->w->keys[e->item].s.v[second ? e->b : e->a]);
}

/* Does the value of row k stand beside more than one value of the other column? */
static bool is_free(const struct pair *p, size_t k, bool second)
{
    const struct rp_symbol *mine = item(p, k, second), *other = item(p, k, !second);
    for (size_t i = 0; i < p->n; i++)
        if (item(p, i, second) == mine &&
            (item(p, i, !second) != other || item(p, i, !second)->kind == RP_K_WILD))
            return true;
    return false;
}

static bool first_of_its_value(const struct pair *p, size_t k, bool second)
{
    for (size_t i = 0; i < k; i++)
        if (item(p, i, second) == item(p, k, second))
            return false;
    return true;
}

struct pair_sum {
    size_t values, closed, free;
    bool wild, exception, capital, small;
};

static struct pair_sum sum_up(const struct pair *p, bool second)
{
    struct pair_sum s = {0};
    for (size_t k = 0; k < p->n; k++) {
        const struct rp_symbol *x = item(p, k, second);
        s.wild |= x->kind == RP_K_WILD;
        if (x->kind == RP_K_WILD || !first_of_its_value(p, k, second))
            continue;
        s.values++;
        s.closed += (x->flags & RP_W_CLOSED) != 0;
        s.exception |= (x->flags & RP_T_EXCEPTION) != 0;
        *(x->flags & RP_T_CAPITAL ? &s.capital : &s.small) = true;
        s.free += s.free < 2 && is_free(p, k, second);
    }
    return s;
}

static bool varies_freely(const struct pair *p, bool second)
{
    struct rp_seq first = p->w->keys[p->e[0].item].s;
    bool hinted = rp_hint_at(p->w, first, second ? p->e[0].b : p->e[0].a) != RP_HINT_NONE;
    struct pair_sum s = sum_up(p, second);
    size_t need = s.wild ? 1 : hinted ? NEED_HINTED : NEED_WORD;
    if (s.exception || s.values < need || (s.values > 0 && 2 * s.closed >= s.values))
        return false;
    return (hinted || !s.capital || !s.small) && (need == 1 || s.free >= 2);
}

static void merge_pair(struct rp_work *w, const struct rp_entry *e, size_t n)
{
    struct rp_entry *still = rp_xmalloc((n + 1) * sizeof *still);
    size_t m = 0;
    for (size_t k = 0; k < n; k++)
        if (w->becomes[e[k].item].v == NULL)
            still[m++] = e[k];
    struct pair p = {w, still, m};
    if (m >= TWO_KEYS && varies_freely(&p, false) && varies_freely(&p, true))
        for (size_t k = 0; k < m; k++) {
            struct rp_seq s = rp_seq_keep(w, w->keys[still[k].item].s);
            ((uint32_t *)(uintptr_t)s.v)[still[k].a] = RP_SYM_WILD;
            ((uint32_t *)(uintptr_t)s.v)[still[k].b] = RP_SYM_WILD;
            w->becomes[still[k].item] = rp_key_again(w, s);
        }
    free(still);
}

void rp_pass_two_holes(struct rp_work *w)
{
    struct rp_entries e = {0};
    size_t n;
    rp_entries_count(&e, w->n_keys);
    for (uint32_t k = 0; k < w->n_keys; k++)
        pairs_of(w, k, &e);
    rp_entries_collect(&e);
    for (uint32_t k = 0; k < w->n_keys; k++)
        pairs_of(w, k, &e);
    rp_entries_sort(&e);
    struct rp_bucket *b = rp_entries_buckets(&e, TWO_KEYS, &n);
    for (size_t i = 0; i < n; i++)
        merge_pair(w, e.v + b[i].from, b[i].to - b[i].from);
    free(b);
    rp_entries_free(&e);
}
