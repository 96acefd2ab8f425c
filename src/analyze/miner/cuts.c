/* Where in a form an inner text may stand: after ": ", in brackets, an exception that was printed.
 */
#include "analyze/miner/internal.h"

size_t rp_close_bracket(const struct rp_work *w, struct rp_seq f, size_t open)
{
    size_t depth = 0;
    for (size_t j = open; j < f.n; j++) {
        char c = rp_char_at(w, f, j);
        depth += c == '(';
        depth -= c == ')';
        if (depth == 0)
            return j;
    }
    return 0;
}

/* The bracket that closes around the text, else the end of the line. */
static size_t enclosing_end(const struct rp_work *w, struct rp_seq f, size_t from)
{
    size_t depth = 0, inside = 0;
    for (size_t i = 0; i < from; i++) {
        depth += rp_char_at(w, f, i) == '(';
        depth -= depth > 0 && rp_char_at(w, f, i) == ')';
    }
    for (size_t i = from; i < f.n && depth > 0; i++) {
        if (rp_char_at(w, f, i) == ')' && inside == 0)
            return i;
        inside += rp_char_at(w, f, i) == '(';
        inside -= rp_char_at(w, f, i) == ')';
    }
    return f.n;
}

/* Closing brackets that were opened before the text, and a stop, do not belong to it. */
static size_t trim_end(const struct rp_work *w, struct rp_seq f, size_t from)
{
    size_t e = f.n, opened = 0, closed = 0;
    for (size_t i = from; i < e; i++) {
        opened += rp_char_at(w, f, i) == '(';
        closed += rp_char_at(w, f, i) == ')';
    }
    while (e > from && one_of(rp_char_at(w, f, e - 1), ".)") && opened < closed)
        closed -= rp_char_at(w, f, --e) == ')';
    return e;
}

static void add_cut(struct rp_cut *v, size_t *n, size_t from, size_t to)
{
    if (*n < RP_CUTS_MAX && to > from)
        v[(*n)++] = (struct rp_cut){(uint32_t)from, (uint32_t)to};
}

static bool new_sentence(const struct rp_work *w, struct rp_seq f, size_t j)
{
    return rp_char_at(w, f, j) == '.' && rp_is_blank_at(w, f, j + 1) && j + 2 < f.n &&
           (rp_flags_at(w, f, j + 2) & RP_T_CAPITAL);
}

static bool details(const struct rp_work *w, struct rp_seq f, size_t j)
{
    return rp_is_blank_at(w, f, j) && rp_char_at(w, f, j + 1) == '(' &&
           rp_char_at(w, f, j + 3) == '=';
}

static void cuts_after_colon(const struct rp_work *w, struct rp_seq f, size_t from,
                             struct rp_cut *v, size_t *n)
{
    size_t limit = enclosing_end(w, f, from), e = limit < f.n ? limit : trim_end(w, f, from);
    add_cut(v, n, from, e);
    for (size_t j = from + 1; j + 2 < f.n && j < e; j++)
        if (new_sentence(w, f, j)) {
            add_cut(v, n, from, j);
            break;
        }
    for (size_t j = from + 1; j + 2 < f.n && j < e; j++)
        if (details(w, f, j)) {
            add_cut(v, n, from, j);
            break;
        }
}

/* "due to java.io.IOException: closed": an exception with its package is printed, not written. */
static bool printed_exception(const struct rp_work *w, struct rp_seq f, size_t i)
{
    const struct rp_symbol *x = rp_sym(w, f.v[i]);
    size_t dots = 0;
    if (x->kind != RP_K_IDENT || !(x->flags & RP_T_EXCEPTION) || !rp_is_blank_at(w, f, i - 1) ||
        rp_char_at(w, f, i - 2) == ':')
        return false;
    for (uint32_t k = 0; k < x->n; k++)
        dots += x->p[k] == '.';
    return dots >= 2;
}

/* "err=unexpected end of file": the last key, when its value is a cause, has the rest of the line.
 */
static bool last_cause(const struct rp_work *w, struct rp_seq f, size_t i)
{
    if (rp_char_at(w, f, i) != '=' || !(rp_flags_at(w, f, i - 1) & RP_W_CAUSE) || i + 1 >= f.n ||
        rp_is_blank_at(w, f, i + 1) || one_of(rp_char_at(w, f, i + 1), "\"'"))
        return false;
    for (size_t k = i + 1; k < f.n; k++)
        if (rp_char_at(w, f, k) == '=')
            return false;
    return true;
}

/* A statement of SQL to the end of the line. */
static bool is_statement(const struct rp_work *w, struct rp_seq f, size_t i)
{
    const struct rp_symbol *x = rp_sym(w, f.v[i]);
    if (x->kind != RP_K_WORD || !(x->flags & RP_T_UPPER) || x->n < 4 ||
        !rp_is_blank_at(w, f, i - 1))
        return false;
    struct rp_arena a = {0};
    bool is = rp_words_statement(rp_seq_text(w, &a, rp_seq_part(f, (uint32_t)i, f.n)));
    rp_arena_free(&a);
    return is;
}

size_t rp_cuts_find(const struct rp_work *w, struct rp_seq f, struct rp_cut *v)
{
    size_t n = 0;
    for (size_t i = 1; i < f.n; i++) {
        char c = rp_char_at(w, f, i);
        if (printed_exception(w, f, i) || is_statement(w, f, i))
            add_cut(v, &n, i, f.n);
        if (last_cause(w, f, i))
            add_cut(v, &n, i + 1, f.n);
        if (c == ':' && rp_is_blank_at(w, f, i + 1) && i + 2 < f.n) {
            cuts_after_colon(w, f, i + 2, v, &n);
        } else if (c == '(') {
            size_t close = rp_close_bracket(w, f, i);
            bool code =
                rp_kind_at(w, f, i + 1) == RP_K_WILD && rp_char_at(w, f, i + 2) == ':' &&
                rp_is_blank_at(w, f, i + 3); /* "(13: Permission denied)": only what follows */
            if (close > 0 && !code)
                add_cut(v, &n, i + 1, close);
        }
    }
    return n;
}
