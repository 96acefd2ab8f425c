/* Inner parts: the wrapped error after ": ", in brackets, before the next sentence. A context is
 * what stands around one, with slots, brackets and identifiers blanked. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum {
    ROUNDS = 4,
    CONTEXTS_MAX = 32, /* that are looked at for one text */
    NEED_CONTENT = 2,
    NEED_SHARED = 2,
    NEED_REASONS = 3,
    MANY = 6,
    NEAR_MANY = 6,
    MANY_UNKNOWN = 5
};

/* ---- contexts ---- */

static bool is_value(const struct rp_symbol *x)
{
    bool word = x->kind == RP_K_WORD || x->kind == RP_K_IDENT;
    return x->kind == RP_K_WILD || (word && x->level >= RP_LEVEL_NAME) ||
           (x->kind == RP_K_WORD && (x->flags & RP_W_METHOD) && (x->flags & RP_T_UPPER));
}

/* Plain names (camelCase, UPPER) are blanked, but still count as what the line says. */
static bool is_plain_name(const struct rp_symbol *x)
{
    return x->kind == RP_K_WORD && x->content > 0 && x->level < RP_LEVEL_ID;
}

static void blank_brackets(const struct rp_work *w, struct rp_seq s, struct rp_vec *o,
                           uint32_t *names)
{
    for (size_t i = 0; i < s.n; i++) {
        const struct rp_symbol *x = rp_sym(w, s.v[i]);
        size_t close = x->c == '(' ? rp_close_bracket(w, s, i) : 0;
        if (x->kind == RP_K_BLANK)
            continue;
        if (close > 0) {
            rp_vec_add(o, s.v[i]);
            rp_vec_add(o, RP_SYM_HOLE);
            rp_vec_add(o, s.v[close]);
            i = close;
        } else {
            *names += is_value(x) && is_plain_name(x);
            rp_vec_add(o, is_value(x) ? RP_SYM_HOLE : s.v[i]);
        }
    }
}

static struct rp_seq blanked(struct rp_work *w, struct rp_seq part, uint32_t *names)
{
    struct rp_slot slots[RP_SLOTS_MAX];
    size_t n = rp_slots_find(w, part, slots, RP_SLOTS_MAX);
    struct rp_vec s = {0}, o = {0};
    uint32_t p = 0;
    for (size_t i = 0; i < n; i++) {
        if (slots[i].kind == 'K' && (slots[i].key_flags & RP_W_MSG))
            continue;
        rp_vec_seq(&s, rp_seq_part(part, p, slots[i].from));
        rp_vec_add(&s, RP_SYM_HOLE);
        p = slots[i].to;
    }
    rp_vec_seq(&s, rp_seq_part(part, p, part.n));
    *names = 0;
    blank_brackets(w, rp_vec_view(&s), &o, names);
    struct rp_seq out = rp_seq_keep(w, rp_vec_view(&o));
    free(s.v);
    free(o.v);
    return out;
}

/* A suffix "): inner text" compares as "):". */
static struct rp_seq blanked_tail(struct rp_work *w, struct rp_seq part, uint32_t *names)
{
    struct rp_seq s = blanked(w, part, names);
    if (s.n <= 2 || rp_char_at(w, s, 0) != ')' || rp_char_at(w, s, 1) != ':')
        return s;
    ((uint32_t *)(uintptr_t)s.v)[2] = RP_SYM_HOLE;
    return rp_seq_part(s, 0, 3);
}

struct context {
    struct rp_seq before, after;
    uint32_t names_before, names_after; /* plain names that were blanked */
    uint64_t hash;
    uint64_t *words; /* lower-case hashes of content words, sorted, distinct */
    size_t n_words;
    bool column;     /* many others differ in one word of two: "<*> filter: " */
    size_t from, to; /* its candidates, after sorting */
};

/* One inner text of one form. */
struct candidate {
    uint64_t context, text; /* hashes */
    uint32_t form, at;      /* at: number of the context */
    struct rp_cut cut;
};

struct inners {
    struct rp_work *w;
    struct rp_seq *forms;
    struct candidate *v;
    size_t n, cap;
    struct context *contexts;
    size_t n_contexts, cap_contexts;
    struct rp_entries texts; /* text → context number */
    bool *changed;           /* forms */
};

static int by_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static size_t add_words(const struct rp_work *w, struct rp_seq s, uint64_t *v)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s.n; i++)
        if (rp_sym(w, s.v[i])->content > 0)
            v[n++] = rp_sym(w, s.v[i])->lower_hash;
    return n;
}

static void find_words(struct rp_work *w, struct context *c)
{
    size_t n = 0;
    c->words = RP_NEW_N(&w->arena, uint64_t, c->before.n + c->after.n + 1);
    size_t all = add_words(w, c->before, c->words);
    all += add_words(w, c->after, c->words + all);
    qsort(c->words, all, sizeof *c->words, by_u64);
    for (size_t i = 0; i < all; i++)
        if (n == 0 || c->words[n - 1] != c->words[i])
            c->words[n++] = c->words[i];
    c->n_words = n;
}

enum distance { ALIKE, NEAR, APART };

/* Are two contexts different messages, or one message with another value? "mail filter:" and "spam
 * filter:" may be either. */
static enum distance distance(const struct context *a, const struct context *b)
{
    size_t both = 0, most = a->n_words > b->n_words ? a->n_words : b->n_words;
    for (size_t i = 0, j = 0; i < a->n_words && j < b->n_words;) {
        both += a->words[i] == b->words[j];
        if (a->words[i] < b->words[j])
            i++;
        else
            j += 1, i += a->words[i] == b->words[j - 1];
    }
    return 2 * both > most ? ALIKE : both > 0 && most - both == 1 ? NEAR : APART;
}

static void add_candidate(struct inners *x, struct candidate c)
{
    if (x->n == x->cap) {
        x->cap = x->cap > 0 ? 2 * x->cap : 256;
        x->v = rp_xrealloc(x->v, x->cap * sizeof *x->v);
    }
    x->v[x->n++] = c;
}

static uint32_t add_context(struct inners *x, struct context c)
{
    if (x->n_contexts == x->cap_contexts) {
        x->cap_contexts = x->cap_contexts > 0 ? 2 * x->cap_contexts : 256;
        x->contexts = rp_xrealloc(x->contexts, x->cap_contexts * sizeof *x->contexts);
    }
    x->contexts[x->n_contexts] = c;
    return (uint32_t)x->n_contexts++;
}

static void look_at_form(struct inners *x, uint32_t form)
{
    struct rp_cut cuts[RP_CUTS_MAX];
    struct rp_seq f = x->forms[form];
    size_t n = rp_cuts_find(x->w, f, cuts);
    for (size_t i = 0; i < n; i++) {
        struct context c = {0};
        c.before = blanked(x->w, rp_seq_part(f, 0, cuts[i].from), &c.names_before);
        c.after = blanked_tail(x->w, rp_seq_part(f, cuts[i].to, f.n), &c.names_after);
        c.hash = rp_mix(rp_seq_hash(x->w, c.before), rp_seq_hash(x->w, c.after));
        struct rp_seq text = rp_seq_part(f, cuts[i].from, cuts[i].to);
        add_candidate(x, (struct candidate){.context = c.hash,
                                            .text = rp_seq_text_hash(x->w, text),
                                            .form = form,
                                            .at = add_context(x, c),
                                            .cut = cuts[i]});
    }
}

static int by_context(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->context != y->context)
        return x->context < y->context ? -1 : 1;
    if (x->text != y->text)
        return x->text < y->text ? -1 : 1;
    return x->form < y->form ? -1 : x->form > y->form;
}

static int outermost_first(const void *a, const void *b)
{
    const struct context *x = a, *y = b;
    if (x->before.n != y->before.n)
        return x->before.n < y->before.n ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* What contexts of two words have in common that differ in one of them. */
static void add_columns(const struct inners *x, uint32_t c, struct rp_entries *e)
{
    const struct context *k = &x->contexts[c];
    uint64_t shape = rp_mix(k->before.n, k->after.n);
    for (size_t i = 0; i < 2 && k->n_words == 2; i++)
        rp_entries_add(e, (struct rp_entry){.hash = rp_mix(shape, k->words[i]), .item = c});
}

static void find_columns(struct inners *x)
{
    struct rp_entries e = {0};
    for (uint32_t c = 0; c < x->n_contexts; c++)
        add_columns(x, c, &e);
    rp_entries_sort(&e);
    for (size_t from = 0, to; from < e.n; from = to) {
        to = rp_entries_run(&e, from);
        for (size_t i = from; i < to && to - from >= NEAR_MANY; i++)
            x->contexts[e.v[i].item].column = true;
    }
    rp_entries_free(&e);
}

/* Candidates sorted by context; one context each, outermost first. */
static void gather(struct inners *x)
{
    size_t n = 0;
    if (x->n > 1)
        qsort(x->v, x->n, sizeof *x->v, by_context);
    struct context *distinct = rp_xmalloc((x->n + 1) * sizeof *distinct);
    for (size_t from = 0, to; from < x->n; from = to) {
        for (to = from + 1; to < x->n && x->v[to].context == x->v[from].context;)
            to++;
        distinct[n] = x->contexts[x->v[from].at];
        distinct[n].from = from;
        distinct[n].to = to;
        find_words(x->w, &distinct[n++]);
    }
    if (n > 1)
        qsort(distinct, n, sizeof *distinct, outermost_first);
    free(x->contexts);
    x->contexts = distinct;
    x->n_contexts = n;
    for (uint32_t c = 0; c < n; c++)
        for (size_t i = distinct[c].from; i < distinct[c].to; i++)
            if (i == distinct[c].from || x->v[i].text != x->v[i - 1].text)
                rp_entries_add(&x->texts, (struct rp_entry){.hash = x->v[i].text, .item = c});
    rp_entries_sort(&x->texts);
    find_columns(x);
}

/* ---- what makes an inner part variable ---- */

/* Without severity ("ERROR:", "[error]") and identifiers: what says that something failed. */
static bool is_severity(const struct rp_work *w, struct rp_seq p, size_t i)
{
    uint32_t flags = rp_flags_at(w, p, i);
    if (!(flags & RP_W_SEVERITY))
        return false;
    if ((flags & RP_T_UPPER) || (i == 0 && p.n == 1))
        return true;
    return one_of(rp_char_at(w, p, i + 1), ":]|") &&
           (i == 0 || rp_kind_at(w, p, i - 1) == RP_K_PUNCT);
}

static struct rp_seq sentence(struct rp_work *w, struct rp_seq p)
{
    uint32_t *v = RP_NEW_N(&w->arena, uint32_t, p.n + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < p.n; i++) {
        const struct rp_symbol *x = rp_sym(w, p.v[i]);
        bool name = x->kind == RP_K_IDENT && x->level >= RP_LEVEL_NAME;
        if (!name && !is_severity(w, p, i))
            v[n++] = p.v[i];
    }
    return (struct rp_seq){v, n};
}

/* "could not": two function words that say as much as "failed". */
static bool says_cannot(const struct rp_work *w, struct rp_seq p)
{
    static const char *const modals[] = {"can", "could", "couldn", "did", "didn", NULL};
    static const char *const nots[] = {"not", "'", "n't", NULL};
    for (uint32_t i = 0; i < p.n; i++) {
        const struct rp_symbol *x = rp_sym(w, p.v[i]);
        if (i + 1 < p.n && rp_str_in((struct rp_str){x->p, x->n}, modals)) {
            const struct rp_symbol *next = rp_sym(w, p.v[i + 1]);
            if (rp_str_in((struct rp_str){next->p, next->n}, nots))
                return true;
        }
    }
    return false;
}

static bool says_failure(const struct rp_work *w, struct rp_seq p)
{
    for (uint32_t i = 0; i < p.n; i++)
        if (rp_sym(w, p.v[i])->flags & (RP_W_FAIL | RP_T_EXCEPTION))
            return true;
    return says_cannot(w, p);
}

/* A printed value: number, null, bool, quoted, bracketed. */
static bool is_literal(const struct rp_work *w, struct rp_seq v)
{
    bool marks = true;
    uint32_t items = 0;
    for (uint32_t i = 0; i < v.n; i++) {
        int k = rp_kind_at(w, v, i);
        marks &= k == RP_K_WILD || k == RP_K_PUNCT || k == RP_K_BLANK;
        items += k != RP_K_BLANK;
    }
    if (items == 0)
        return false;
    if (one_of(rp_char_at(w, v, 0), "'\"[{(") && one_of(rp_char_at(w, v, v.n - 1), "'\"]})"))
        return true;
    return marks || (items == 1 && (rp_flags_at(w, v, 0) & (RP_W_NULL | RP_W_BOOL)));
}

static bool is_identifier(const struct rp_work *w, struct rp_seq v)
{
    const struct rp_symbol *x = v.n == 1 ? rp_sym(w, v.v[0]) : NULL;
    return x != NULL && (x->kind == RP_K_WORD || x->kind == RP_K_IDENT || x->kind == RP_K_WILD) &&
           x->level >= RP_LEVEL_NAME && !(x->flags & RP_T_EXCEPTION);
}

struct texts {
    size_t n, shared, reasons;
    bool literal, identifier, all_bool, caps, enumerators;
    uint32_t names[2]; /* the first two, if identifiers */
    uint64_t said;     /* the words of the first */
    bool diverse;      /* others have other words */
};

static bool is_shared(const struct inners *x, const struct context *c, uint64_t text)
{
    size_t lo = rp_entries_find(&x->texts, text);
    for (size_t i = lo; i < x->texts.n && i < lo + CONTEXTS_MAX && x->texts.v[i].hash == text;
         i++) {
        enum distance d = distance(c, &x->contexts[x->texts.v[i].item]);
        if (d == APART || (d == NEAR && !c->column))
            return true;
    }
    return false;
}

static uint64_t words_hash(const struct rp_work *w, struct rp_seq v)
{
    uint64_t h = 1;
    for (uint32_t i = 0; i < v.n; i++)
        if (rp_kind_at(w, v, i) != RP_K_BLANK && !is_value(rp_sym(w, v.v[i])))
            h = rp_mix(h, rp_sym(w, v.v[i])->text_hash);
    return h;
}

/* "Request error: refused": a message of its own around a reason, not a reason. */
static bool wraps(const struct rp_work *w, struct rp_seq v)
{
    for (uint32_t i = 0; i < v.n; i++) {
        const struct rp_symbol *x = rp_sym(w, v.v[i]);
        if (x->c == ':' || (x->flags & RP_T_EXCEPTION))
            return false;
        if ((x->flags & RP_W_FAIL) && rp_char_at(w, v, i + 1) == ':')
            return true;
    }
    return false;
}

static void add_text(const struct inners *x, const struct context *c, const struct candidate *k,
                     struct texts *t)
{
    struct rp_seq v = rp_seq_part(x->forms[k->form], k->cut.from, k->cut.to);
    struct rp_arena a = {0};
    struct rp_str text = rp_seq_text(x->w, &a, v);
    uint32_t flags = rp_flags_of(text, RP_K_VALUE);
    if (t->n < 2 && v.n == 1)
        t->names[t->n] = v.v[0];
    uint64_t said = words_hash(x->w, v);
    t->diverse |= t->n > 0 && said != t->said;
    t->said = t->n == 0 ? said : t->said;
    t->n++;
    t->literal &= is_literal(x->w, v) || rp_words_statement(text);
    t->identifier &= is_identifier(x->w, v);
    t->enumerators &= v.n == 1 && rp_are_enumerators(x->w, (uint32_t[]){t->names[0], v.v[0]}, 2);
    t->all_bool &= (flags & RP_W_BOOL) != 0;
    t->caps |= (flags & (RP_T_UPPER | RP_T_CAPS_TAIL)) != 0;
    t->reasons += rp_words_reason(text) && !wraps(x->w, v);
    t->shared += (flags & RP_T_ALPHA) && is_shared(x, c, k->text);
    rp_arena_free(&a);
}

/* "(" or "(13:" stands before the text. */
static bool in_brackets(const struct rp_work *w, struct rp_seq before)
{
    size_t n = before.n;
    return (n > 0 && rp_char_at(w, before, n - 1) == '(') ||
           (n > 2 && rp_char_at(w, before, n - 1) == ':' && before.v[n - 2] == RP_SYM_HOLE &&
            rp_char_at(w, before, n - 3) == '(');
}

/* Many texts of which none is a known reason, stands elsewhere, or is a bare value: messages that
 * begin alike ("protocol error from <*>: …"), not one message around errors. */
static bool begin_alike(const struct texts *t)
{
    return t->n >= MANY_UNKNOWN && t->reasons == 0 && t->shared == 0 && !t->literal &&
           !t->identifier;
}

static bool is_variable(const struct inners *x, const struct context *c, const struct texts *t)
{
    bool bracket = in_brackets(x->w, c->before);
    struct rp_seq said = sentence(x->w, c->before);
    uint32_t said_words = rp_seq_content(x->w, said), after = rp_seq_content(x->w, c->after);
    uint32_t content = rp_seq_content(x->w, c->before) + after;
    uint32_t words = said_words + says_cannot(x->w, said) + c->names_before;
    uint32_t around = words + (bracket ? after + c->names_after : 0);
    if (said_words > 0 && around >= NEED_CONTENT && says_failure(x->w, said) && !begin_alike(t) &&
        (t->n >= NEED_REASONS || bracket || words >= 3 || t->reasons > 0))
        return true;
    size_t n = c->before.n;
    bool cause = n > 1 && one_of(rp_char_at(x->w, c->before, n - 1), ":=") &&
                 (rp_flags_at(x->w, c->before, n - 2) & RP_W_CAUSE); /* "…, reason: …" */
    if (cause && t->diverse && content > NEED_CONTENT)
        return true;
    bool subject = c->before.n <= 2; /* "daemon: …" */
    if (content > 0 && !subject && t->n >= NEED_REASONS && 3 * t->reasons >= 2 * t->n)
        return true;
    if (content >= NEED_CONTENT && t->shared >= NEED_SHARED &&
        (2 * t->shared >= t->n || t->n >= MANY))
        return true;
    if (content >= NEED_CONTENT && t->literal && !t->all_bool)
        return true;
    if (!t->identifier || t->enumerators || content < (bracket ? 1 : NEED_CONTENT))
        return false;
    return t->n > 2 || (!t->caps && !rp_values_deny(x->w, t->names, 2));
}

/* ---- change ---- */

void rp_inners_add(struct rp_inners *l, struct rp_inner x)
{
    if (l->n == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 64;
        l->v = rp_xrealloc(l->v, l->cap * sizeof *l->v);
    }
    l->v[l->n++] = x;
}

static void blank_inner(struct inners *x, const struct candidate *k, struct rp_inners *inner)
{
    struct rp_seq *f = &x->forms[k->form], v = rp_seq_part(*f, k->cut.from, k->cut.to);
    struct rp_vec o = {0};
    bool words = false;
    for (uint32_t i = 0; i < v.n; i++)
        words |= rp_kind_at(x->w, v, i) == RP_K_WORD || rp_kind_at(x->w, v, i) == RP_K_IDENT;
    if (words)
        rp_inners_add(inner, (struct rp_inner){k->form, v});
    rp_vec_seq(&o, rp_seq_part(*f, 0, k->cut.from));
    rp_vec_add(&o, RP_SYM_WILD);
    rp_vec_seq(&o, rp_seq_part(*f, k->cut.to, f->n));
    *f = rp_seq_keep(x->w, rp_vec_view(&o));
    x->changed[k->form] = true;
    free(o.v);
}

static bool judge_context(struct inners *x, const struct context *c, struct rp_inners *inner)
{
    struct texts t = {.literal = true, .identifier = true, .all_bool = true, .enumerators = true};
    uint64_t last = 0;
    for (size_t i = c->from; i < c->to; i++) {
        if (x->changed[x->v[i].form] || (t.n > 0 && x->v[i].text == last))
            continue;
        add_text(x, c, &x->v[i], &t);
        last = x->v[i].text;
    }
    if (t.n < 2 || !is_variable(x, c, &t))
        return false;
    for (size_t i = c->from; i < c->to; i++)
        if (!x->changed[x->v[i].form])
            blank_inner(x, &x->v[i], inner);
    return true;
}

bool rp_inner_pass(struct rp_work *w, struct rp_seq *forms, size_t n, struct rp_inners *inner)
{
    struct inners x = {.w = w, .forms = forms};
    bool any = false;
    x.changed = rp_xcalloc(n + 1, sizeof *x.changed);
    for (size_t i = 0; i < n; i++)
        look_at_form(&x, (uint32_t)i);
    gather(&x);
    for (size_t i = 0; i < x.n_contexts; i++)
        any |= judge_context(&x, &x.contexts[i], inner);
    rp_entries_free(&x.texts);
    free(x.contexts);
    free(x.changed);
    free(x.v);
    return any;
}

void rp_fill_slots(struct rp_work *w, struct rp_seq *forms, size_t n, struct rp_inners *inner)
{
    for (int round = 0; round < ROUNDS; round++) {
        bool changed = rp_lists_pass(w, forms, n);
        changed |= rp_slots_pass(w, forms, n, inner);
        changed |= rp_inner_pass(w, forms, n, inner);
        if (!changed)
            return;
    }
}
