/* Symbols: one number for each text and kind, with everything that the rules ask of it; sequences
 * of them, and the sorted entries that buckets are made of. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

/* ---- what an item is like ---- */

static bool ends_in(struct rp_str s, const char *const *ends)
{
    for (; *ends != NULL; ends++)
        if (rp_str_ends(s, *ends))
            return true;
    return false;
}

static bool caps_tail(struct rp_str s)
{
    size_t i = s.n;
    while (i > 0 && (is_upper(s.p[i - 1]) || (s.p[i - 1] == '_' && i < s.n)))
        i--;
    return i > 0 && i < s.n && s.p[i - 1] == '.' && is_upper(s.p[i]) && is_upper(s.p[s.n - 1]);
}

/* A::RecordNotFound, net.ReadTimeout: a qualified type whose last word tells what went wrong. */
static bool is_fault_name(struct rp_str s)
{
    size_t from = s.n, hump = s.n;
    while (from > 0 && (is_alnum(s.p[from - 1]) || s.p[from - 1] == '_'))
        from--;
    if (from == 0 || from == s.n || !one_of(s.p[from - 1], ".:") || !is_upper(s.p[from]))
        return false;
    while (hump > from && !is_upper(s.p[hump - 1]))
        hump--;
    struct rp_str last = str_from(s, hump - 1);
    return (rp_words_classes(last) & (RP_W_FAULT | RP_W_FAIL)) ||
           (last.n > 4 && rp_str_ends(last, "ed"));
}

static uint32_t letters(struct rp_str s)
{
    bool upper = false, lower = false, alpha = false;
    for (size_t i = 0; i < s.n; i++) {
        if (rp_str_starts(str_from(s, i), "<*>")) {
            i += 2;
            continue;
        }
        upper |= is_upper(s.p[i]);
        lower |= is_lower(s.p[i]);
        alpha |= is_alpha(s.p[i]) || (signed char)s.p[i] < 0;
    }
    return (upper && !lower ? RP_T_UPPER : 0) | (alpha ? RP_T_ALPHA : 0);
}

static uint32_t unit_flags(struct rp_str s)
{
    static const char *const sizes[] = {"B",   "KB",  "MB",  "GB",  "TB", "PB",
                                        "KiB", "MiB", "GiB", "TiB", "kB", NULL};
    for (const char *const *z = sizes; *z != NULL; z++)
        if (rp_str_is(s, *z))
            return RP_T_SIZE | RP_T_TIME;
    for (size_t i = 0; i < s.n; i++)
        if (!is_lower(s.p[i]))
            return 0;
    return s.n > 1 || rp_str_is(s, "s") ? RP_T_TIME : 0;
}

/* client_user is a user. */
static uint32_t noun_at_end(struct rp_str s)
{
    size_t i = s.n;
    while (i > 0 && s.p[i - 1] != '_')
        i--;
    return i > 0 ? rp_words_classes(str_from(s, i)) & (RP_W_NOUN | RP_W_SLOT) : 0;
}

uint32_t rp_flags_of(struct rp_str s, enum rp_kind kind)
{
    static const char *const exceptions[] = {"Exception", "Error", "Fault", "Throwable", NULL};
    uint32_t f = rp_words_classes(s) | letters(s) | noun_at_end(s);
    if (kind == RP_K_BLANK)
        return rp_str_is(s, " ") ? RP_T_CUT : 0;
    if (f & RP_W_UNIT)
        f |= unit_flags(s);
    if (s.n > 0 && is_upper(s.p[0]))
        f |= RP_T_CAPITAL;
    if (ends_in(s, exceptions) || is_fault_name(s))
        f |= RP_T_EXCEPTION;
    if (caps_tail(s))
        f |= RP_T_CAPS_TAIL;
    if (str_has(s, "<*>"))
        f |= RP_T_WILD;
    if (kind == RP_K_PUNCT && s.n == 1 && one_of(s.p[0], ",.:;-+/|#&_@*<>~"))
        f |= RP_T_CUT;
    return f;
}

static bool has_any(struct rp_str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (one_of(s.p[i], set))
            return true;
    return false;
}

static size_t count(struct rp_str s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

/* camelCase, UPPER, a_b, a-b */
static bool is_name(struct rp_str s)
{
    bool all_upper = s.n >= 2;
    for (size_t i = 0; i < s.n; i++) {
        if (i > 0 && is_upper(s.p[i]) && is_lower(s.p[i - 1]))
            return true;
        all_upper &= is_upper(s.p[i]);
    }
    return all_upper || has_any(s, "_") || count(s, '-') >= 1;
}

/* Class::method: a place in the code, which is what the line is about. */
static bool is_method_name(struct rp_str s)
{
    size_t at = 0;
    for (size_t i = 0; i + 2 < s.n; i++)
        if (s.p[i] == ':' && s.p[i + 1] == ':')
            at = i + 2;
    return at > 0 && is_lower(s.p[at]) && memchr(s.p + at, '#', s.n - at) == NULL;
}

static bool is_participle(struct rp_str s)
{
    return s.n > 4 && (rp_str_is_word(str_from(s, s.n - 2), "ed") ||
                       rp_str_is_word(str_from(s, s.n - 3), "ing"));
}

/* A number that is a word was kept for what it says: an HTTP status (codes.c). */
static bool is_code(struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

/* images28: a name with a number of its own. Abbreviations (SHA256) and short ones (x86) name what
 * the number belongs to. */
static bool is_numbered(struct rp_str s)
{
    enum { LETTERS = 4, DIGITS = 2 };
    size_t n = 0;
    while (n < s.n && is_lower(s.p[n]))
        n++;
    size_t digits = s.n - n;
    for (size_t i = n; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return n >= LETTERS && digits >= DIGITS;
}

int rp_level_of(struct rp_str s, enum rp_kind kind, uint32_t flags)
{
    if (kind == RP_K_PUNCT || kind == RP_K_TEXT || kind == RP_K_BLANK)
        return -2;
    if (kind == RP_K_WILD || kind == RP_K_HOLE)
        return RP_LEVEL_WILD;
    if (kind == RP_K_PHRASE)
        return RP_LEVEL_ID;
    if (s.n == 1 && is_upper(s.p[0]) && s.p[0] != 'I')
        return RP_LEVEL_DIGIT;
    if ((flags & RP_W_CLOSED) || (kind == RP_K_WORD && is_code(s)))
        return 0;
    if (kind == RP_K_QUOTED || kind == RP_K_VALUE) {
        if (has_any(s, " "))
            return rp_words_phrase(s) ? RP_LEVEL_ID : RP_LEVEL_WORD;
        return (flags & RP_T_WILD) || has_any(s, "./@_(,0123456789") ? RP_LEVEL_ID : RP_LEVEL_NAME;
    }
    if ((flags & RP_T_EXCEPTION) || is_method_name(s))
        return RP_LEVEL_WORD;
    if (flags & RP_T_CAPS_TAIL)
        return RP_LEVEL_NAME;
    if ((flags & RP_T_WILD) || has_any(s, "./@$:#"))
        return RP_LEVEL_ID;
    if (is_numbered(s))
        return RP_LEVEL_ID;
    if (has_any(s, "0123456789") || s.n == 1)
        return RP_LEVEL_DIGIT;
    if (is_participle(s))
        return 0;
    return is_name(s) ? RP_LEVEL_NAME : RP_LEVEL_WORD;
}

/* ---- the table ---- */

static uint64_t lower_hash(struct rp_str s)
{
    uint64_t h = s.n;
    for (size_t i = 0; i < s.n; i++)
        h = rp_mix(h, (unsigned char)to_lower(s.p[i]));
    return h;
}

static uint64_t digit_hash(struct rp_str s)
{
    uint64_t h = 1;
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]) || i == 0 || !is_digit(s.p[i - 1]))
            h = rp_mix(h, is_digit(s.p[i]) ? '#' : (unsigned char)s.p[i]);
    return h;
}

static uint16_t content_of(const struct rp_symbol *s, struct rp_str text)
{
    if (s->kind == RP_K_TEXT)
        return (uint16_t)(count(text, ' ') + 1);
    return (s->kind == RP_K_WORD || s->kind == RP_K_IDENT) && !(s->flags & RP_W_STOP);
}

static struct rp_symbol describe(struct rp_str text, enum rp_kind kind, uint64_t text_hash)
{
    struct rp_symbol s = {.p = text.p, .n = (uint32_t)text.n, .kind = (uint8_t)kind};
    s.hash = rp_mix(text_hash, kind + 1);
    /* A wildcard compares as one, with a unit or without. */
    s.text_hash = kind == RP_K_WILD ? rp_hash_bytes("<*>", 3) : text_hash;
    s.lower_hash = lower_hash(text);
    s.digit_hash = digit_hash(text);
    s.flags = rp_flags_of(text, kind);
    s.level = (int8_t)rp_level_of(text, kind, s.flags);
    s.content = content_of(&s, text);
    s.c = kind == RP_K_PUNCT && text.n == 1 ? text.p[0] : '\0';
    return s;
}

static void chain(struct rp_symbols *t, uint32_t id)
{
    uint32_t *head = &t->heads[t->v[id].hash & (t->heads_n - 1)];
    t->v[id].next = *head;
    *head = id;
}

static void grow(struct rp_symbols *t)
{
    if (t->n < t->cap)
        return;
    t->cap = t->cap > 0 ? 2 * t->cap : 1024;
    t->v = rp_xrealloc(t->v, t->cap * sizeof *t->v);
    t->heads_n = 2 * t->cap;
    t->heads = rp_xrealloc(t->heads, t->heads_n * sizeof *t->heads);
    memset(t->heads, 0xFF, t->heads_n * sizeof *t->heads);
    for (uint32_t i = 0; i < t->n; i++)
        chain(t, i);
}

uint32_t rp_symbol_of(struct rp_symbols *t, struct rp_str text, enum rp_kind kind)
{
    uint64_t text_hash = rp_hash_bytes(text.p, text.n), hash = rp_mix(text_hash, kind + 1);
    if (t->heads_n > 0)
        for (uint32_t i = t->heads[hash & (t->heads_n - 1)]; i != UINT32_MAX; i = t->v[i].next)
            if (t->v[i].hash == hash)
                return i;
    grow(t);
    t->v[t->n] = describe(rp_str_dup(t->texts, text), kind, text_hash);
    chain(t, t->n);
    return t->n++;
}

/* Newest first: each is the head of its chain then. */
void rp_symbols_cut(struct rp_symbols *t, uint32_t n)
{
    while (t->n > n) {
        const struct rp_symbol *s = &t->v[--t->n];
        t->heads[s->hash & (t->heads_n - 1)] = s->next;
    }
}

void rp_symbols_open(struct rp_symbols *t)
{
    *t = (struct rp_symbols){0};
    t->texts = &t->own;
    (void)rp_symbol_of(t, RP_STR("<*>"), RP_K_WILD);
    (void)rp_symbol_of(t, RP_STR(" "), RP_K_BLANK);
    (void)rp_symbol_of(t, (struct rp_str){"\0", 1}, RP_K_HOLE);
    (void)rp_symbol_of(t, RP_STR(" ("), RP_K_PUNCT);
}

void rp_symbols_close(struct rp_symbols *t)
{
    free(t->v);
    free(t->heads);
    rp_arena_free(&t->own);
    *t = (struct rp_symbols){0};
}

/* ---- sequences ---- */

void rp_vec_add(struct rp_vec *v, uint32_t x)
{
    if (v->n == v->cap) {
        v->cap = v->cap > 0 ? 2 * v->cap : 64;
        v->v = rp_xrealloc(v->v, v->cap * sizeof *v->v);
    }
    v->v[v->n++] = x;
}

void rp_vec_seq(struct rp_vec *v, struct rp_seq s)
{
    for (uint32_t i = 0; i < s.n; i++)
        rp_vec_add(v, s.v[i]);
}

struct rp_seq rp_seq_keep(struct rp_work *w, struct rp_seq s)
{
    uint32_t *v = RP_NEW_N(&w->arena, uint32_t, s.n + 1);
    if (s.n > 0)
        memcpy(v, s.v, s.n * sizeof *v);
    return (struct rp_seq){v, s.n};
}

uint64_t rp_seq_hash(const struct rp_work *w, struct rp_seq s)
{
    uint64_t h = 1;
    for (uint32_t i = 0; i < s.n; i++)
        h = rp_mix(h, rp_sym(w, s.v[i])->hash);
    return h;
}

uint64_t rp_seq_text_hash(const struct rp_work *w, struct rp_seq s)
{
    uint64_t h = 1;
    for (uint32_t i = 0; i < s.n; i++)
        h = rp_mix(h, rp_sym(w, s.v[i])->text_hash);
    return h;
}

uint32_t rp_seq_content(const struct rp_work *w, struct rp_seq s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n; i++)
        n += rp_sym(w, s.v[i])->content;
    return n;
}

struct rp_str rp_seq_text(const struct rp_work *w, struct rp_arena *a, struct rp_seq s)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s.n; i++)
        n += rp_sym(w, s.v[i])->n;
    char *p = rp_alloc(a, n + 1), *to = p;
    for (uint32_t i = 0; i < s.n; i++) {
        memcpy(to, rp_sym(w, s.v[i])->p, rp_sym(w, s.v[i])->n);
        to += rp_sym(w, s.v[i])->n;
    }
    return (struct rp_str){p, n};
}

uint32_t rp_seq_join(struct rp_work *w, struct rp_seq s, enum rp_kind kind)
{
    struct rp_arena a = {0};
    uint32_t id = rp_symbol_of(w->sym, rp_seq_text(w, &a, s), kind);
    rp_arena_free(&a);
    return id;
}
