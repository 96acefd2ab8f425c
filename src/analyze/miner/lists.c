/* Printed collections: "[a, b]", "{x=1, y=2}", "[]" that stand free. How many items they hold and
 * which, is their value, so the whole of it is one: no two of them need have one shape. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum what { PROSE, ONE, COLLECTION };

/* A bracketed text in a form. */
struct group {
    struct rp_found at;
    uint64_t beside; /* what stands before and after it */
    uint32_t from, to;
    enum what what;
    bool varies;
};

struct groups {
    struct rp_work *w;
    const struct rp_seq *forms;
    struct group *v;
    size_t n, cap;
};

static void add(struct groups *g, struct group x)
{
    if (g->n == g->cap) {
        g->cap = g->cap > 0 ? 2 * g->cap : 256;
        g->v = rp_xrealloc(g->v, g->cap * sizeof *g->v);
    }
    g->v[g->n++] = x;
}

/* The place after the bracket that closes what opens at i; 0: none does, or others cross it. */
static size_t group_end(const struct rp_work *w, struct rp_seq f, size_t i)
{
    char open[16];
    size_t depth = 0;
    for (; i < f.n; i++) {
        char c = rp_char_at(w, f, i);
        if (one_of(c, "([{")) {
            if (depth == sizeof open)
                return 0;
            open[depth++] = c;
        } else if (one_of(c, ")]}")) {
            if (depth == 0)
                return 0;
            char o = open[--depth];
            if ((o == '(') != (c == ')') || (o == '[') != (c == ']'))
                return 0;
            if (depth == 0)
                return i + 1;
        }
    }
    return 0;
}

static bool stands_free(const struct rp_work *w, struct rp_seq f, size_t from, size_t to)
{
    bool before = from == 0 || rp_kind_at(w, f, from - 1) == RP_K_BLANK ||
                  one_of(rp_char_at(w, f, from - 1), "=:('\"`");
    int after = rp_kind_at(w, f, to);
    return before && (from > 0 || to < f.n) &&
           (to == f.n || after == RP_K_BLANK ||
            (after == RP_K_PUNCT && !one_of(rp_char_at(w, f, to), "[{=")));
}

/* Empty, a list with commas, a map; one item alone may be anything. Words with nothing but a blank
 * between them are prose, or the fields of one thing. */
static enum what what_is(const struct rp_work *w, struct rp_seq f, size_t from, size_t to)
{
    bool map = rp_char_at(w, f, from) == '{', collection = to == from + 2;
    if (rp_is_word_at(w, f, from))
        return COLLECTION;
    for (size_t i = from + 1; i + 1 < to; i++) {
        char c = rp_char_at(w, f, i);
        if (rp_kind_at(w, f, i) == RP_K_BLANK && !one_of(rp_char_at(w, f, i - 1), ",:={["))
            return PROSE;
        collection |= c == ',' || (map && (c == '=' || c == ':'));
    }
    return collection ? COLLECTION : ONE;
}

size_t rp_collection_end(const struct rp_work *w, struct rp_seq f, size_t open)
{
    size_t to = one_of(rp_char_at(w, f, open), "[{") ? group_end(w, f, open) : 0;
    return to > 0 && what_is(w, f, open, to) != PROSE ? to : 0;
}

/* node[1-4,7] */
static bool is_range(const struct rp_work *w, struct rp_seq f, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (rp_char_at(w, f, i) == '-')
            return true;
    return false;
}

/* The place after "a,b,c" that stands without blanks at i; 0 if there is no such list. */
size_t rp_comma_list_end(const struct rp_work *w, struct rp_seq f, size_t i)
{
    size_t items = 0;
    bool ranges = false;
    for (;; i++) {
        int k = rp_kind_at(w, f, i);
        if (k != RP_K_WORD && k != RP_K_IDENT && k != RP_K_WILD)
            return 0;
        size_t range = rp_collection_end(w, f, i + 1);
        ranges |= range > 0 && is_range(w, f, i + 1, range);
        i = range > 0 ? range : i + 1;
        items++;
        if (rp_char_at(w, f, i) != ',' || i + 1 >= f.n || rp_kind_at(w, f, i + 1) == RP_K_BLANK)
            break;
    }
    bool ends =
        i >= f.n || rp_kind_at(w, f, i) == RP_K_BLANK || one_of(rp_char_at(w, f, i), ":;,.)");
    return (items > 1 || ranges) && ends ? i : 0;
}

/* Where the value that begins at i ends, if what stands there says nothing about the groups: the
 * inside of quotes. */
static size_t skip_value(const struct rp_work *w, struct rp_seq f, size_t i)
{
    char c = rp_char_at(w, f, i);
    if (c != '"' && c != '\'')
        return i;
    size_t close = rp_close_quote(w, f, i);
    return close > i ? close : i;
}

/* "('a', 3)": a printed tuple, not a remark. */
static bool is_tuple(const struct rp_work *w, struct rp_seq f, size_t i, size_t to)
{
    char quote = rp_char_at(w, f, i + 1);
    if ((quote != '\'' && quote != '"') || rp_is_word_at(w, f, i - 1))
        return false;
    size_t close = rp_close_quote(w, f, i + 1);
    return close > 0 && close + 2 < to && rp_char_at(w, f, close + 1) == ',';
}

/* "set()", "deque([1, 2])": printed with what it is. */
static bool is_container(const struct rp_work *w, struct rp_seq f, size_t i)
{
    static const char *const names[] = {"set",   "frozenset",   "dict",        "list", "tuple",
                                        "deque", "OrderedDict", "defaultdict", NULL};
    const struct rp_symbol *x = rp_sym(w, f.v[i]);
    return x->kind == RP_K_WORD && rp_char_at(w, f, i + 1) == '(' &&
           rp_str_in((struct rp_str){x->p, x->n}, names);
}

/* The place after the collection that begins at i; 0: none does. */
static size_t group_at(const struct rp_work *w, struct rp_seq f, size_t i)
{
    char c = rp_char_at(w, f, i);
    if (is_container(w, f, i))
        return group_end(w, f, i + 1);
    size_t to = one_of(c, "[{(") ? group_end(w, f, i) : 0;
    return c == '(' && to > 0 && !is_tuple(w, f, i, to) ? 0 : to;
}

/* No program writes such a thing itself. */
static bool is_printed(const struct rp_work *w, struct rp_seq f, size_t i)
{
    return (is_container(w, f, i) && rp_char_at(w, f, i + 2) == ')') ||
           (rp_char_at(w, f, i) == '(' && rp_char_at(w, f, i + 1) == '\'');
}

/* Two items before a group and the one after it. */
static uint64_t beside(const struct rp_work *w, struct rp_seq f, size_t from, size_t to)
{
    uint64_t h = 1;
    size_t n = 0;
    for (size_t i = from; i > 0 && n < 2; i--)
        if (rp_kind_at(w, f, i - 1) != RP_K_BLANK) {
            h = rp_mix(h, rp_sym(w, f.v[i - 1])->text_hash);
            n++;
        }
    to += rp_kind_at(w, f, to) == RP_K_BLANK;
    return rp_mix(h + n, to < f.n ? rp_sym(w, f.v[to])->text_hash : 0);
}

static void find_groups(struct groups *g, uint32_t form)
{
    struct rp_seq f = g->forms[form];
    size_t first = g->n;
    struct rp_skeleton k = {.hash = 1};
    for (size_t i = 0; i < f.n; i++) {
        size_t to = group_at(g->w, f, i);
        if (to > 0 && stands_free(g->w, f, i, to)) {
            struct rp_seq s = rp_seq_part(f, (uint32_t)i, (uint32_t)to);
            add(g, (struct group){
                       .at = {.value = rp_seq_text_hash(g->w, s), .form = form, .place = k.place},
                       .beside = beside(g->w, f, i, to),
                       .from = (uint32_t)i,
                       .to = (uint32_t)to,
                       .what = what_is(g->w, f, i, to),
                       .varies = is_printed(g->w, f, i)});
            rp_skeleton_add(g->w, &k, RP_SYM_WILD);
            i = to - 1;
            continue;
        }
        rp_skeleton_add(g->w, &k, f.v[i]);
        i = skip_value(g->w, f, i);
    }
    for (size_t i = first; i < g->n; i++)
        g->v[i].at.skeleton = k.hash;
}

static int last_first(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->at.form != y->at.form)
        return x->at.form < y->at.form ? -1 : 1;
    return x->from > y->from ? -1 : x->from < y->from;
}

static void blank(struct groups *g, struct rp_seq *f, const struct group *x)
{
    struct rp_vec o = {0};
    rp_vec_seq(&o, rp_seq_part(*f, 0, x->from));
    rp_vec_add(&o, RP_SYM_WILD);
    rp_vec_seq(&o, rp_seq_part(*f, x->to, f->n));
    *f = rp_seq_keep(g->w, rp_vec_view(&o));
    free(o.v);
}

static int by_beside(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->beside != y->beside)
        return x->beside < y->beside ? -1 : 1;
    if (x->at.value != y->at.value)
        return x->at.value < y->at.value ? -1 : 1;
    return x->at.form < y->at.form ? -1 : x->at.form > y->at.form;
}

/* Groups of places that hold different ones, of which one is a collection. */
static void decide_places(struct groups *g)
{
    for (size_t from = 0, to; from < g->n; from = to) {
        bool collection = false, prose = false, differ = false;
        for (to = from; to < g->n && g->v[to].at.skeleton == g->v[from].at.skeleton &&
                        g->v[to].at.place == g->v[from].at.place;
             to++) {
            collection |= g->v[to].what == COLLECTION;
            prose |= g->v[to].what == PROSE;
            differ |= g->v[to].at.value != g->v[from].at.value;
        }
        for (size_t i = from; i < to && collection && differ && !prose; i++)
            g->v[i].varies = true;
    }
}

/* Different collections between the same words, whatever else the lines say. */
static void decide_beside(struct groups *g)
{
    for (size_t from = 0, to; from < g->n; from = to) {
        bool collection = false, prose = false, differ = false;
        for (to = from; to < g->n && g->v[to].beside == g->v[from].beside; to++) {
            collection |= g->v[to].what == COLLECTION;
            prose |= g->v[to].what == PROSE;
            differ |= g->v[to].at.value != g->v[from].at.value;
        }
        for (size_t i = from; i < to && collection && differ && !prose; i++)
            g->v[i].varies = true;
    }
}

static void keep_varying(struct groups *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].varies)
            g->v[n++] = g->v[i];
    g->n = n;
}

bool rp_lists_pass(struct rp_work *w, struct rp_seq *forms, size_t n)
{
    struct groups g = {.w = w, .forms = forms};
    for (size_t i = 0; i < n; i++)
        find_groups(&g, (uint32_t)i);
    if (g.n > 1)
        qsort(g.v, g.n, sizeof *g.v, rp_found_by_place);
    decide_places(&g);
    if (g.n > 1)
        qsort(g.v, g.n, sizeof *g.v, by_beside);
    decide_beside(&g);
    keep_varying(&g);
    if (g.n > 1)
        qsort(g.v, g.n, sizeof *g.v, last_first);
    for (size_t i = 0; i < g.n; i++)
        blank(&g, &forms[g.v[i].at.form], &g.v[i]);
    free(g.v);
    return g.n > 0;
}
