/* Is a position variable? By the set of its distinct values, what stands before it, and how much
 * else the line says. No counts, no order. */
#include "analyze/miner/internal.h"

enum {
    NEED_ID = 2,
    NEED_DIGIT = 3,
    NEED_NAME = 4,
    NEED_WORD = 4,
    NEED_ENUM = 4, /* closed-class words beside a wildcard; HTTP methods */
    LONG = 4,      /* other content words */
    VERY_LONG = 6
};

static bool in_message(const struct rp_work *w, struct rp_seq c, size_t i)
{
    char p = rp_char_at(w, c, i - 1);
    if (p == '"')
        return rp_opens_message(w, c, i - 1);
    return p == '=' && i > 1 && rp_opens_message(w, c, i);
}

static bool is_quoted_value(const struct rp_work *w, struct rp_seq c, size_t i)
{
    char p = rp_char_at(w, c, i - 1);
    return one_of(p, "\"'`") && rp_char_at(w, c, i + 1) == p &&
           !one_of(rp_char_at(w, c, i + 2), ":=");
}

/* "maxSize: …" reads like a key. */
static bool after_named_colon(const struct rp_work *w, struct rp_seq c, size_t i)
{
    return i > 2 && rp_char_at(w, c, i - 1) == ':' && rp_kind_at(w, c, i - 2) == RP_K_WORD &&
           rp_sym(w, c.v[i - 2])->level == RP_LEVEL_NAME;
}

/* "connected to store: orders": one word to the end, after what says enough. */
static bool ends_after_colon(const struct rp_work *w, struct rp_seq c, size_t i)
{
    enum { SAID = 2 };
    return i + 1 == c.n && i > 2 && rp_char_at(w, c, i - 1) == ':' &&
           rp_seq_content(w, rp_seq_part(c, 0, (uint32_t)i)) >= SAID;
}

static bool alone_in_brackets(const struct rp_work *w, struct rp_seq c, size_t i)
{
    bool opens = rp_char_at(w, c, i - 1) == '(' || c.v[i - 1] == RP_SYM_BRACKET;
    return opens && rp_char_at(w, c, i + 1) == ')';
}

/* "bridge br-int failed": a lower-case name right after a word, and no word after it. */
static bool is_named_thing(const struct rp_work *w, struct rp_seq c, size_t i)
{
    if (i < 2 || i >= c.n || (i + 1 < c.n && rp_sym(w, c.v[i + 1])->level >= RP_LEVEL_WORD))
        return false;
    const struct rp_symbol *p = rp_sym(w, c.v[i - 1]), *x = rp_sym(w, c.v[i]);
    return p->level == RP_LEVEL_WORD && p->content > 0 && x->kind == RP_K_WORD &&
           x->level == RP_LEVEL_NAME && !(x->flags & (RP_T_UPPER | RP_T_CAPITAL));
}

enum rp_hint rp_hint_at(const struct rp_work *w, struct rp_seq c, size_t i)
{
    enum rp_hint base = RP_HINT_NONE;
    if (i == 0 || in_message(w, c, i))
        return RP_HINT_NONE;
    if (is_quoted_value(w, c, i))
        return RP_HINT_SLOT;
    const struct rp_symbol *p = rp_sym(w, c.v[i - 1]);
    bool word = p->kind == RP_K_WORD;
    if (p->c == '=' && i > 1 &&
        (rp_kind_at(w, c, i - 2) == RP_K_WORD || rp_kind_at(w, c, i - 2) == RP_K_IDENT)) {
        p = rp_sym(w, c.v[i - 2]);
        word = true;
        base = RP_HINT_PREP;
    } else if (after_named_colon(w, c, i) || alone_in_brackets(w, c, i) ||
               (p->flags & (RP_W_PREP | RP_W_ROLE))) {
        base = RP_HINT_PREP;
    }
    if (base != RP_HINT_NONE && (p->flags & RP_W_PREP) && (rp_flags_at(w, c, i + 1) & RP_W_PREP))
        return RP_HINT_SLOT;
    if (word && (p->flags & RP_W_NOUN))
        return p->flags & RP_W_SLOT ? RP_HINT_SLOT : RP_HINT_NOUN;
    if (word && rp_introduces(w, c.v[i - 1]))
        return RP_HINT_NOUN;
    if (base == RP_HINT_NONE && is_named_thing(w, c, i))
        return RP_HINT_PREP;
    return base == RP_HINT_NONE && ends_after_colon(w, c, i) ? RP_HINT_END : base;
}

static bool is_text_at(const struct rp_work *w, struct rp_seq s, size_t i, const char *text)
{
    const struct rp_symbol *x = i < s.n ? rp_sym(w, s.v[i]) : NULL;
    return x != NULL && rp_str_is_word((struct rp_str){x->p, x->n}, text);
}

/* "failed to …", "cannot …", "did not …": what follows is what is done. */
bool rp_is_verb_at(const struct rp_work *w, struct rp_seq s, size_t i)
{
    if (i > 0 && (rp_flags_at(w, s, i - 1) & RP_W_MODAL))
        return true;
    if (i > 1 && is_text_at(w, s, i - 1, "not"))
        return (rp_flags_at(w, s, i - 2) & (RP_W_MODAL | RP_W_DO)) != 0;
    return i > 1 && is_text_at(w, s, i - 1, "to") &&
           (rp_flags_at(w, s, i - 2) & (RP_W_FAIL | RP_W_TRY)) != 0;
}

/* What is asked of a set of values. */
struct sum {
    size_t n, closed, zero, known;
    int low, high, median;
    bool punct, exception, methods, same_digits, null, capital, upper;
};

static bool has_capital(const struct rp_symbol *x)
{
    for (uint32_t i = 0; i < x->n; i++)
        if (is_upper(x->p[i]))
            return true;
    return false;
}

static struct sum look_at(const struct rp_work *w, const uint32_t *v, size_t n, bool nulls)
{
    struct sum s = {.low = 99, .high = -99, .methods = true, .same_digits = true, .upper = true};
    size_t by_level[RP_LEVEL_WILD + 3] = {0};
    uint64_t digits = 0;
    for (size_t i = 0; i < n; i++) {
        const struct rp_symbol *x = rp_sym(w, v[i]);
        int level = rp_level_at(w, v[i]);
        s.null |= (x->flags & RP_W_NULL) != 0;
        if ((x->flags & RP_W_NULL) && !nulls)
            continue;
        s.punct |= x->kind == RP_K_PUNCT || x->kind == RP_K_TEXT;
        s.exception |=
            (x->kind == RP_K_WORD || x->kind == RP_K_IDENT) && (x->flags & RP_T_EXCEPTION);
        s.methods &= (x->flags & RP_W_METHOD) && (x->flags & RP_T_UPPER);
        s.upper &= (x->flags & RP_T_UPPER) && level == RP_LEVEL_NAME;
        s.same_digits &= s.n == 0 || x->digit_hash == digits;
        digits = x->digit_hash;
        s.capital |= has_capital(x);
        s.zero += level == 0;
        s.known += rp_is_known(w, v[i]) || x->level >= RP_LEVEL_ID;
        s.closed += (x->flags & RP_W_CLOSED) != 0;
        s.low = level < s.low ? level : s.low;
        s.high = level > s.high ? level : s.high;
        by_level[level + 2]++;
        s.n++;
    }
    size_t seen = 0;
    for (int l = -2; l <= RP_LEVEL_WILD && s.n > 0; l++)
        if ((seen += by_level[l + 2]) > (s.n - 1) / 2) {
            s.median = l == 0 ? RP_LEVEL_WORD : l;
            break;
        }
    return s;
}

/* The place in a where "not" stands out, so that the rest is b: NodeReady and NodeNotReady. */
static bool is_denial(const struct rp_symbol *a, const struct rp_symbol *b)
{
    static const char *const marks[] = {"not", "non", "un", "in", "dis", "im", NULL};
    for (const char *const *m = marks; *m != NULL; m++) {
        size_t n = strlen(*m);
        if (a->n != b->n + n)
            continue;
        for (size_t at = 0; at + n <= a->n; at++)
            if (strncasecmp(a->p + at, *m, n) == 0 && strncasecmp(a->p, b->p, at) == 0 &&
                strncasecmp(a->p + at + n, b->p + at, b->n - at) == 0)
                return true;
    }
    return false;
}

/* A word and its denial never share a pattern. */
bool rp_values_deny(const struct rp_work *w, const uint32_t *v, size_t n)
{
    enum { FEW = 4 };
    for (size_t i = 0; n <= FEW && i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (is_denial(rp_sym(w, v[i]), rp_sym(w, v[j])))
                return true;
    return false;
}

/* A wildcard among them: yes, unless a closed-class word is there too. */
static bool beside_wildcard(const struct sum *s, enum rp_hint h, uint32_t context)
{
    if (s->n >= NEED_ENUM || s->zero == 0)
        return true;
    return (context >= LONG || h >= RP_HINT_NOUN) && s->closed == 0;
}

static size_t needed(const struct sum *s, enum rp_hint h, uint32_t context)
{
    static const size_t slot_needs[] = {0, 3, 3, 3, 2};
    size_t need = s->median >= RP_LEVEL_WILD    ? 2
                  : s->median >= RP_LEVEL_ID    ? NEED_ID
                  : s->median >= RP_LEVEL_DIGIT ? NEED_DIGIT
                  : s->median >= RP_LEVEL_NAME  ? NEED_NAME
                                                : NEED_WORD;
    if (h != RP_HINT_NONE && s->low >= (s->capital ? RP_LEVEL_DIGIT : RP_LEVEL_NAME))
        need = 2;
    if (s->same_digits || s->known == s->n)
        need = 2;
    if (h != RP_HINT_NONE && slot_needs[h] < need)
        need = slot_needs[h];
    if (s->upper && h == RP_HINT_NONE)
        return need;
    if (context >= VERY_LONG && need > 2)
        need = 2;
    else if (context >= LONG && need > 3)
        need = 3;
    return need;
}

/* Bytes up to the last underscore of what a and b have in common at the beginning, or many. */
static size_t common_prefix(const struct rp_symbol *a, const struct rp_symbol *b)
{
    enum { MANY_LETTERS = 6 };
    size_t n = 0, end = 0;
    for (; n < a->n && n < b->n && a->p[n] == b->p[n]; n++)
        end = a->p[n] == '_' || n >= MANY_LETTERS ? n : end;
    return end;
}

/* RLIMIT_CORE, RLIMIT_NPROC, SIOCGIFADDR, SIOCGIFMTU: constants of one kind, each written for what
 * it means. */
bool rp_are_enumerators(const struct rp_work *w, const uint32_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct rp_symbol *x = rp_sym(w, v[i]);
        if (!(x->flags & RP_T_UPPER) || common_prefix(x, rp_sym(w, v[0])) == 0)
            return false;
    }
    return true;
}

bool rp_values_vary(const struct rp_work *w, const uint32_t *v, size_t n, enum rp_hint h,
                    uint32_t context)
{
    struct sum s = look_at(w, v, n, true);
    if (s.punct)
        return false;
    if (s.null) {
        s = look_at(w, v, n, false);
        if (s.n > 0 && s.low >= RP_LEVEL_NAME)
            return true;
        if (s.n < 2)
            return false;
    }
    if (s.high == RP_LEVEL_WILD)
        return beside_wildcard(&s, h, context);
    if (s.methods && s.n >= NEED_ENUM)
        return true;
    if (2 * s.zero >= s.n || s.exception || rp_values_deny(w, v, n) || rp_are_enumerators(w, v, n))
        return false;
    return s.n >= needed(&s, h, context);
}
