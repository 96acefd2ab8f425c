/* Values of several words: equal prefix and suffix, between them a differing number of items. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { SPAN_MAX = 4, BRACKETED_MAX = 8, NEED_SPANS = 3, LONG = 4 };

static bool opens(const struct rp_work *w, uint32_t id)
{
    return id == RP_SYM_BRACKET || one_of(rp_sym(w, id)->c, "([{");
}

/* Stands the span between brackets or quotes of its own? */
static bool is_enclosed(const struct rp_work *w, struct rp_seq s, uint32_t from, uint32_t to)
{
    char b = rp_char_at(w, s, to);
    if (to >= s.n)
        return false;
    if (s.v[from - 1] == RP_SYM_BRACKET)
        return b == ')';
    switch (rp_char_at(w, s, from - 1)) {
    case '(':
        return b == ')';
    case '[':
        return b == ']';
    case '{':
        return b == '}';
    case '"':
        return b == '"';
    case '\'':
        return b == '\'';
    default:
        return false;
    }
}

/* Hashes of what is before and after each place. */
struct ends {
    uint64_t before[130], after[130];
    uint32_t content[130];
};

static void ends_of(const struct rp_work *w, struct rp_seq s, struct ends *x)
{
    x->before[0] = 1;
    x->after[s.n] = 1;
    x->content[0] = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        x->before[i + 1] = rp_mix(x->before[i], rp_sym(w, s.v[i])->hash);
        x->content[i + 1] = x->content[i] + rp_sym(w, s.v[i])->content;
    }
    for (uint32_t i = s.n; i > 0; i--)
        x->after[i - 1] = rp_mix(x->after[i], rp_sym(w, s.v[i - 1])->hash);
}

/* Field a holds 255 minus the length of the surroundings: longer ones come first. */
static void add_span(struct rp_entries *e, const struct rp_key_item *k, uint32_t number,
                     const struct ends *x, uint32_t from, uint32_t to, bool enclosed)
{
    uint64_t h = rp_mix(rp_mix(x->before[from], x->after[to]), enclosed + 1);
    rp_entries_add(
        e, (struct rp_entry){
               .hash = h, .item = number, .a = 255 - (k->s.n - (to - from)), .b = from * 256 + to});
}

static void spans_of(const struct rp_work *w, uint32_t number, struct rp_entries *e)
{
    const struct rp_key_item *k = &w->keys[number];
    struct rp_seq s = k->s;
    struct ends x;
    if (k->content < 2)
        return;
    ends_of(w, s, &x);
    for (uint32_t i = 1; i < s.n; i++) {
        int depth = 0;
        for (uint32_t j = i + 1; j <= s.n && j <= i + BRACKETED_MAX; j++) {
            depth += opens(w, s.v[j - 1]) - one_of(rp_sym(w, s.v[j - 1])->c, ")]}");
            if (depth < 0)
                break;
            bool enclosed = is_enclosed(w, s, i, j);
            uint32_t rest = x.content[i] + x.content[s.n] - x.content[j];
            if (depth == 0 && (enclosed || j - i <= SPAN_MAX) && rest >= (enclosed ? 1 : 2))
                add_span(e, k, number, &x, i, j, enclosed);
        }
    }
}

/* A bucket of spans and what is asked of them. */
struct spans {
    struct rp_work *w;
    const struct rp_entry *e;
    size_t n;
    bool enclosed, known; /* known: one of them is a wildcard already */
};

static struct rp_seq span(const struct spans *b, size_t k)
{
    return rp_seq_part(b->w->keys[b->e[k].item].s, b->e[k].b >> 8, b->e[k].b & 255);
}

static bool differ_in_length(const struct spans *b)
{
    for (size_t k = 1; k < b->n; k++)
        if (span(b, k).n != span(b, 0).n)
            return true;
    return false;
}

static bool has_char(const struct rp_work *w, struct rp_seq s, const char *set)
{
    for (uint32_t i = 0; i < s.n; i++)
        if (one_of(rp_sym(w, s.v[i])->c, set))
            return true;
    return false;
}

/* Can this span be a value at all? */
static bool may_be_value(const struct spans *b, struct rp_seq s, bool after_equals)
{
    bool punct = true, text = false, wild = false;
    for (uint32_t i = 0; i < s.n; i++) {
        const struct rp_symbol *x = rp_sym(b->w, s.v[i]);
        punct &= x->kind == RP_K_PUNCT;
        text |= x->kind == RP_K_TEXT;
        wild |= (x->flags & RP_T_WILD) != 0;
    }
    if (punct || text || has_char(b->w, s, "="))
        return false;
    if (b->enclosed)
        return true;
    return !(s.n > 1 && wild && !(b->known && after_equals)) && !has_char(b->w, s, ",;:|\"'");
}

/* Of one item; several are as plain as the plainest of them. */
static int level_of(const struct rp_work *w, struct rp_seq s)
{
    int level = RP_LEVEL_WILD;
    for (uint32_t i = 0; i < s.n; i++)
        if (rp_kind_at(w, s, i) != RP_K_PUNCT && rp_level_at(w, s.v[i]) < level)
            level = rp_level_at(w, s.v[i]);
    return level;
}

static bool has_closed(const struct rp_work *w, struct rp_seq s)
{
    for (uint32_t i = 0; i < s.n; i++)
        if (rp_level_at(w, s.v[i]) == 0)
            return true;
    return false;
}

/* "service NAME OF MORE WORDS": only names and words of state, after a noun, to the end. */
static bool names_after_noun(const struct spans *b, enum rp_hint h)
{
    struct rp_seq c = b->w->keys[b->e[0].item].s;
    uint32_t from = b->e[0].b >> 8, to = b->e[0].b & 255;
    if (!b->known || h < RP_HINT_NOUN || (to < c.n && rp_kind_at(b->w, c, to) != RP_K_PUNCT) ||
        rp_seq_content(b->w, rp_seq_part(c, 0, from)) < 2)
        return false;
    for (size_t k = 0; k < b->n; k++) {
        struct rp_seq s = span(b, k);
        for (uint32_t i = 0; i < s.n; i++) {
            const struct rp_symbol *x = rp_sym(b->w, s.v[i]);
            if ((x->flags & RP_W_STOP) || (x->level == 0 && !(x->flags & RP_W_STATE)))
                return false;
        }
    }
    return true;
}

/* The hint that the place itself gives, whatever stands there. */
static enum rp_hint hint_of_place(const struct spans *b)
{
    struct rp_seq c = b->w->keys[b->e[0].item].s;
    uint32_t from = b->e[0].b >> 8;
    uint32_t id = rp_symbol_of(b->w->sym, RP_STR("x"), RP_K_WORD);
    struct rp_vec v = {0};
    rp_vec_seq(&v, rp_seq_part(c, 0, from));
    rp_vec_add(&v, id);
    rp_vec_add(&v, id); /* whatever follows: not the end */
    enum rp_hint h = rp_hint_at(b->w, rp_vec_view(&v), from);
    free(v.v);
    return h;
}

/* What all of them begin or end with is no part of the value. */
static bool share_an_end(const struct spans *b)
{
    struct rp_seq a = span(b, 0);
    bool first = true, last = true;
    for (size_t k = 1; k < b->n; k++) {
        struct rp_seq s = span(b, k);
        first &= s.v[0] == a.v[0];
        last &= s.v[s.n - 1] == a.v[a.n - 1];
    }
    return first || last;
}

static bool is_variable(const struct spans *b)
{
    struct rp_seq c = b->w->keys[b->e[0].item].s;
    uint32_t from = b->e[0].b >> 8, to = b->e[0].b & 255;
    bool after_equals = rp_char_at(b->w, c, from - 1) == '=';
    size_t closed = 0;
    int low = 99;
    bool quoted = one_of(rp_char_at(b->w, c, from - 1), "\"'");
    if (!b->known && !quoted && (share_an_end(b) || rp_is_verb_at(b->w, c, from)))
        return false;
    for (size_t k = 0; k < b->n; k++) {
        struct rp_seq s = span(b, k);
        if (!may_be_value(b, s, after_equals))
            return false;
        int level = level_of(b->w, s);
        low = level < low ? level : low;
        closed += has_closed(b->w, s);
    }
    enum rp_hint h = hint_of_place(b);
    if (names_after_noun(b, h))
        return true;
    if (2 * closed >= b->n)
        return false;
    bool easy = b->enclosed || h != RP_HINT_NONE || low >= RP_LEVEL_NAME;
    uint32_t rest = rp_seq_content(b->w, rp_seq_part(c, 0, from)) +
                    rp_seq_content(b->w, rp_seq_part(c, to, c.n));
    return (b->known && (low >= RP_LEVEL_NAME || rest >= LONG)) ||
           b->n >= (easy ? NEED_SPANS : NEED_SPANS + 3);
}

static void merge_spans(struct rp_work *w, const struct rp_entry *e, size_t n)
{
    struct rp_entry *still = rp_xmalloc((n + 1) * sizeof *still);
    struct spans b = {.w = w, .e = still};
    for (size_t k = 0; k < n; k++)
        if (w->becomes[e[k].item].v == NULL)
            still[b.n++] = e[k];
    if (b.n >= 2 && differ_in_length(&b)) {
        struct rp_seq c = w->keys[still[0].item].s;
        b.enclosed = is_enclosed(w, c, still[0].b >> 8, still[0].b & 255);
        for (size_t k = 0; k < b.n; k++)
            b.known |= span(&b, k).n == 1 && span(&b, k).v[0] == RP_SYM_WILD;
        if (is_variable(&b))
            for (size_t k = 0; k < b.n; k++)
                rp_key_replace(w, still[k].item, still[k].b >> 8, still[k].b & 255);
    }
    free(still);
}

void rp_pass_spans(struct rp_work *w)
{
    struct rp_entries e = {0};
    size_t n;
    rp_entries_count(&e, w->n_keys);
    for (uint32_t k = 0; k < w->n_keys; k++)
        spans_of(w, k, &e);
    rp_entries_collect(&e);
    for (uint32_t k = 0; k < w->n_keys; k++)
        spans_of(w, k, &e);
    rp_entries_sort(&e);
    struct rp_bucket *b = rp_entries_buckets(&e, 2, &n);
    for (size_t i = 0; i < n; i++)
        merge_spans(w, e.v + b[i].from, b[i].to - b[i].from);
    free(b);
    rp_entries_free(&e);
}
