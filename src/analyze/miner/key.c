/* From form to grouping key: what is one item, and which runs of wildcards are one value. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { KEY_MAX = 128, QUOTED_WORDS = 2 };

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

static bool kind_in(const struct rp_work *w, struct rp_seq f, size_t i, unsigned kinds)
{
    return i < f.n && (kinds >> rp_sym(w, f.v[i])->kind & 1);
}

#define KIND(k)  (1U << (k))
#define BLANK_P  (KIND(RP_K_BLANK) | KIND(RP_K_PUNCT))
#define WORD_I   (KIND(RP_K_WORD) | KIND(RP_K_IDENT))
#define WILD_P_B (KIND(RP_K_WILD) | BLANK_P)

static bool all_in(const struct rp_work *w, struct rp_seq f, unsigned kinds)
{
    for (uint32_t i = 0; i < f.n; i++)
        if (!kind_in(w, f, i, kinds))
            return false;
    return true;
}

/* The quote opens the message itself: first in the line, after msg= or after "msg": */
bool rp_opens_message(const struct rp_work *w, struct rp_seq f, size_t i)
{
    if (i == 0)
        return true;
    if (i > 1 && rp_char_at(w, f, i - 1) == '=')
        return (rp_flags_at(w, f, i - 2) & RP_W_MSG) != 0;
    return i > 3 && rp_char_at(w, f, i - 1) == ':' && rp_char_at(w, f, i - 2) == '"' &&
           (rp_flags_at(w, f, i - 3) & RP_W_MSG);
}

static void structure(struct rp_work *w, struct rp_seq f, struct rp_vec *o);

static bool only_plain_words(const struct rp_work *w, struct rp_seq q)
{
    for (uint32_t i = 0; i < q.n; i++)
        if (rp_kind_at(w, q, i) == RP_K_WORD && rp_sym(w, q.v[i])->level >= RP_LEVEL_NAME)
            return false;
    return all_in(w, q, KIND(RP_K_WORD) | BLANK_P);
}

/* Is it text rather than one item? */
static bool is_quoted_text(const struct rp_work *w, struct rp_seq f, size_t open, struct rp_seq q)
{
    size_t blanks = 0;
    bool inside = false;
    for (uint32_t i = 0; i < q.n; i++) {
        blanks += rp_kind_at(w, q, i) == RP_K_BLANK;
        inside |= rp_kind_at(w, q, i) == RP_K_WILD || is_quote(rp_char_at(w, q, i));
    }
    return blanks > 0 && (blanks >= QUOTED_WORDS || inside || rp_opens_message(w, f, open));
}

/* A quoted string that ends before a blank or a mark; answers the place after it, 0 if none. */
static size_t quoted(struct rp_work *w, struct rp_seq f, size_t i, struct rp_vec *o)
{
    char c = rp_char_at(w, f, i);
    size_t j = i + 1;
    if (i > 0 && !kind_in(w, f, i - 1, BLANK_P))
        return 0;
    while (j < f.n && rp_char_at(w, f, j) != c)
        j++;
    if (j <= i + 1 || j >= f.n || (j + 1 < f.n && !kind_in(w, f, j + 1, BLANK_P)))
        return 0;
    struct rp_seq q = rp_seq_part(f, (uint32_t)i + 1, (uint32_t)j);
    rp_vec_add(o, f.v[i]);
    if (rp_opens_message(w, f, i) && only_plain_words(w, q))
        rp_vec_add(o, rp_seq_join(w, q, RP_K_TEXT));
    else if (all_in(w, q, WILD_P_B))
        rp_vec_add(o, RP_SYM_WILD);
    else if (q.n == 1)
        rp_vec_add(o, q.v[0]);
    else if (is_quoted_text(w, f, i, q))
        structure(w, q, o);
    else
        rp_vec_add(o, rp_seq_join(w, q, RP_K_QUOTED));
    rp_vec_add(o, f.v[j]);
    return j + 1;
}

static uint32_t value_item(struct rp_work *w, struct rp_seq v)
{
    if (v.n == 1)
        return all_in(w, v, KIND(RP_K_WILD)) ? RP_SYM_WILD : v.v[0];
    bool wild = false;
    for (uint32_t i = 0; i < v.n; i++)
        wild |= rp_kind_at(w, v, i) == RP_K_WILD;
    if (wild && all_in(w, v, KIND(RP_K_WILD) | KIND(RP_K_PUNCT)))
        return RP_SYM_WILD;
    return rp_seq_join(w, v, RP_K_VALUE);
}

/* "=" and what is after it; answers the place after what was taken. */
static size_t key_value(struct rp_work *w, struct rp_seq f, size_t i, struct rp_vec *o)
{
    size_t j = i + 1, open = 0;
    rp_vec_add(o, f.v[i]);
    if (rp_kind_at(w, f, j) == RP_K_BLANK) {
        if (kind_in(w, f, j + 1, WORD_I) && rp_char_at(w, f, j + 2) == '=')
            return j; /* nothing: "a= b=1" */
        rp_vec_add(o, RP_SYM_BLANK);
        j++;
    }
    if (is_quote(rp_char_at(w, f, j)))
        return j;
    size_t from = j, list = rp_comma_list_end(w, f, j);
    j = list > 0 ? list : rp_value_end(w, f, j, ",;", &open);
    while (j > from && (one_of(rp_char_at(w, f, j - 1), ".:") || is_quote(rp_char_at(w, f, j - 1))))
        j--;
    if (open > 0 || j == from)
        return from;
    rp_vec_add(o, value_item(w, rp_seq_part(f, (uint32_t)from, (uint32_t)j)));
    return j;
}

/* "from Pool(main)": after a preposition, a name with something in brackets is one item. Answers
 * the place after it, 0 if there is none. */
static size_t printed_object(struct rp_work *w, struct rp_seq f, size_t i, struct rp_vec *o)
{
    size_t depth = 0, j = i + 1;
    if (i < 2 || rp_char_at(w, f, i + 1) != '(' || rp_char_at(w, f, i + 2) == ')' ||
        rp_kind_at(w, f, i - 1) != RP_K_BLANK || !(rp_flags_at(w, f, i - 2) & RP_W_PREP))
        return 0;
    for (; j < f.n && rp_kind_at(w, f, j) != RP_K_BLANK; j++) {
        depth += rp_char_at(w, f, j) == '(';
        depth -= rp_char_at(w, f, j) == ')';
        if (depth == 0)
            break;
    }
    if (j >= f.n || rp_char_at(w, f, j) != ')' || (j + 1 < f.n && !kind_in(w, f, j + 1, BLANK_P)))
        return 0;
    rp_vec_add(o, rp_seq_join(w, rp_seq_part(f, (uint32_t)i, (uint32_t)j + 1), RP_K_VALUE));
    return j + 1;
}

/* Such a list after a blank or a colon is one item. */
static size_t comma_list(struct rp_work *w, struct rp_seq f, size_t i, struct rp_vec *o)
{
    if (i == 0 || !(rp_kind_at(w, f, i - 1) == RP_K_BLANK || rp_char_at(w, f, i - 1) == ':'))
        return 0;
    size_t j = rp_comma_list_end(w, f, i);
    if (j > 0)
        rp_vec_add(o, rp_seq_join(w, rp_seq_part(f, (uint32_t)i, (uint32_t)j), RP_K_VALUE));
    return j;
}

/* The place after the words of a phrase, if they stand at i; else 0. */
static size_t phrase_end(const struct rp_work *w, struct rp_seq f, size_t i, const char *phrase)
{
    for (;; i += 2) {
        size_t n = strcspn(phrase, " ");
        const struct rp_symbol *x = i < f.n ? rp_sym(w, f.v[i]) : NULL;
        if (x == NULL || x->n != n || strncasecmp(x->p, phrase, n) != 0)
            return 0;
        phrase += n;
        if (*phrase++ == '\0')
            return i + 1;
        if (i + 1 >= f.n || f.v[i + 1] != RP_SYM_BLANK)
            return 0;
    }
}

/* "…: Success" */
static bool is_no_error(const struct rp_work *w, struct rp_seq f, size_t i)
{
    const struct rp_symbol *x = rp_sym(w, f.v[i]);
    bool ends = i + 1 == f.n || (i + 2 == f.n && rp_char_at(w, f, i + 1) == '.');
    return ends && rp_words_no_error((struct rp_str){x->p, x->n});
}

/* "Permission denied" is one item where more than it is said. */
static size_t error_name(struct rp_work *w, struct rp_seq f, size_t i, struct rp_vec *o)
{
    if (i == 0 ||
        !(rp_kind_at(w, f, i - 1) == RP_K_BLANK || one_of(rp_char_at(w, f, i - 1), ":=(")))
        return 0;
    if (is_no_error(w, f, i)) {
        rp_vec_add(o, rp_seq_join(w, rp_seq_part(f, (uint32_t)i, (uint32_t)i + 1), RP_K_PHRASE));
        return i + 1;
    }
    for (const char *const *p = rp_words_phrases(); *p != NULL; p++) {
        size_t end = to_lower(rp_sym(w, f.v[i])->p[0]) == **p ? phrase_end(w, f, i, *p) : 0;
        if (end > 0) {
            rp_vec_add(o, rp_seq_join(w, rp_seq_part(f, (uint32_t)i, (uint32_t)end), RP_K_VALUE));
            return end;
        }
    }
    return 0;
}

static void structure(struct rp_work *w, struct rp_seq f, struct rp_vec *o)
{
    size_t begin = o->n;
    for (size_t i = 0; i < f.n;) {
        char c = rp_char_at(w, f, i);
        size_t after = is_quote(c) ? quoted(w, f, i, o) : 0;
        if (after == 0 && c == '=' && o->n > begin &&
            kind_in(w, rp_vec_view(o), o->n - 1, WORD_I | KIND(RP_K_BLANK)))
            after = key_value(w, f, i, o);
        if (after == 0 && kind_in(w, f, i, WORD_I))
            after = printed_object(w, f, i, o);
        if (after == 0 && kind_in(w, f, i, WORD_I))
            after = error_name(w, f, i, o);
        if (after == 0 && kind_in(w, f, i, WORD_I | KIND(RP_K_WILD)))
            after = comma_list(w, f, i, o);
        if (after == 0) {
            rp_vec_add(o, rp_kind_at(w, f, i) == RP_K_BLANK ? RP_SYM_BLANK : f.v[i]);
            after = i + 1;
        }
        i = after;
    }
}

/* ---- runs of wildcards ---- */

static size_t skip_cuts(const struct rp_work *w, struct rp_seq s, size_t q)
{
    while (kind_in(w, s, q, BLANK_P) && (rp_flags_at(w, s, q) & RP_T_CUT))
        q++;
    return q;
}

/* After the wildcard at i - 1: where its list, with units, ends. */
static size_t list_end(const struct rp_work *w, struct rp_seq s, size_t i, bool units)
{
    const struct rp_symbol *t = rp_sym(w, s.v[i - 1]);
    for (;;) {
        if (units && t->kind == RP_K_WILD && rp_kind_at(w, s, i) == RP_K_BLANK && i + 1 < s.n &&
            (rp_flags_at(w, s, i + 1) & RP_T_TIME))
            i += 2;
        size_t q = skip_cuts(w, s, i);
        if (q >= s.n || rp_sym(w, s.v[q])->text_hash != t->text_hash)
            return i;
        i = q + 1;
    }
}

static void collapse(const struct rp_work *w, struct rp_seq s, bool units, struct rp_vec *o)
{
    for (size_t i = 0; i < s.n;) {
        bool less = rp_char_at(w, s, i) == '<' && rp_kind_at(w, s, i + 1) == RP_K_WILD &&
                    rp_char_at(w, s, i + 2) != '>';
        if (less) { /* "<1 sec" */
            i++;
            continue;
        }
        const struct rp_symbol *t = rp_sym(w, s.v[i]);
        rp_vec_add(o, s.v[i++]);
        if ((t->flags & RP_T_WILD) && t->kind != RP_K_QUOTED)
            i = list_end(w, s, i, units);
    }
}

struct rp_seq rp_key_collapse(struct rp_work *w, struct rp_seq s, bool units)
{
    struct rp_vec o = {0};
    collapse(w, s, units, &o);
    struct rp_seq out = rp_seq_keep(w, rp_vec_view(&o));
    free(o.v);
    return out;
}

struct rp_seq rp_key_of(struct rp_work *w, struct rp_seq form)
{
    struct rp_vec s = {0}, c = {0};
    structure(w, form, &s);
    collapse(w, rp_vec_view(&s), true, &c);
    size_t n = 0;
    for (size_t i = 0; i < c.n && n < KEY_MAX; i++) {
        bool bracket = w->sym->v[c.v[i]].c == '(' && i > 0 && c.v[i - 1] == RP_SYM_BLANK;
        if (w->sym->v[c.v[i]].kind != RP_K_BLANK)
            s.v[n++] = bracket                               ? RP_SYM_BRACKET
                       : w->sym->v[c.v[i]].kind == RP_K_WILD ? RP_SYM_WILD
                                                             : c.v[i];
    }
    struct rp_seq out = rp_seq_keep(w, (struct rp_seq){s.v, (uint32_t)n});
    free(s.v);
    free(c.v);
    return out;
}

struct rp_seq rp_key_again(struct rp_work *w, struct rp_seq s)
{
    uint32_t *v = RP_NEW_N(&w->arena, uint32_t, s.n + 1);
    uint32_t n = 0;
    for (size_t i = 0; i < s.n;) {
        v[n++] = s.v[i++];
        while (v[n - 1] == RP_SYM_WILD) {
            size_t q = skip_cuts(w, s, i);
            if (q >= s.n || s.v[q] != RP_SYM_WILD)
                break;
            i = q + 1;
        }
    }
    return (struct rp_seq){v, n};
}

void rp_key_replace(struct rp_work *w, uint32_t i, uint32_t from, uint32_t to)
{
    struct rp_seq s = w->keys[i].s;
    uint32_t *v = RP_NEW_N(&w->arena, uint32_t, s.n + 1);
    memcpy(v, s.v, from * sizeof *v);
    v[from] = RP_SYM_WILD;
    memcpy(v + from + 1, s.v + to, (s.n - to) * sizeof *v);
    w->becomes[i] = rp_key_again(w, (struct rp_seq){v, s.n - (to - from) + 1});
}
