#include "analyze/pairs.h"

#include "analyze/miner/internal.h"

#include <stdlib.h>

/* So many different ones of a message and class are names of things, not of errors. */
enum { CODES_MAX = 4, WORDS_MAX = 8 };

/* ---- what stands in a message ---- */

enum says {
    SAYS_VALUE, /* a number, a quoted or masked name */
    SAYS_CODE,  /* one word with digits: an error's code, or a name */
    SAYS_WORD,  /* one word: an error's name, or a thing's */
    SAYS_ERROR
};

static bool has_digit(struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_digit(s.p[i]))
            return true;
    return false;
}

/* Is there a letter beside the wildcards? They have none. */
static bool has_words(struct rp_str s, bool *several)
{
    bool words = false;
    *several = false;
    for (size_t i = 0; i < s.n; i++) {
        words |= is_alpha(s.p[i]) || (s.p[i] & 0x80);
        *several |= is_blank(s.p[i]);
    }
    return words;
}

static enum says what_says(struct rp_str text)
{
    uint32_t error = RP_W_STATE | RP_W_FAIL | RP_W_FAULT | RP_T_EXCEPTION, flags;
    bool several;
    if (!has_words(text, &several))
        return SAYS_VALUE;
    flags = rp_flags_of(text, RP_K_WORD);
    if (several || (flags & error) || rp_words_reason(text))
        return SAYS_ERROR;
    if (str_has(text, "<*>") || one_of(text.p[0], "'\"`"))
        return SAYS_VALUE;
    return has_digit(text) ? SAYS_CODE : SAYS_WORD;
}

/* ---- settling ---- */

static int by_outer(const void *a, const void *b)
{
    const struct rp_pair *x = *(struct rp_pair *const *)a, *y = *(struct rp_pair *const *)b;
    if (x->outer != y->outer)
        return x->outer < y->outer ? -1 : 1;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return (x->inner > y->inner) - (x->inner < y->inner);
}

/* Of one message and class: single words beyond a number become values. How many are left? */
static size_t settle_class(struct rp_pair **v, size_t n)
{
    size_t count[SAYS_ERROR + 1] = {0}, left = 0;
    uint32_t last = 0;
    bool values = false;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || v[i]->inner != v[i - 1]->inner)
            count[what_says(v[i]->text)]++;
    for (size_t i = 0; i < n; i++) {
        enum says says = what_says(v[i]->text);
        if (says == SAYS_VALUE || (says == SAYS_CODE && count[says] > CODES_MAX) ||
            (says == SAYS_WORD && count[says] > WORDS_MAX))
            v[i]->inner = 0;
        left += v[i]->inner != 0 && v[i]->inner != last;
        last = v[i]->inner != 0 ? v[i]->inner : last;
        values |= v[i]->inner == 0;
    }
    return left + values;
}

static void settle_outer(struct rp_pair **v, size_t n)
{
    bool wraps = false;
    size_t different = 0;
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && v[to]->class == v[from]->class;)
            to++;
        different += settle_class(v + from, to - from);
    }
    for (size_t i = 0; i < n; i++)
        wraps |= v[i]->inner != 0;
    for (size_t i = 0; i < n; i++) {
        v[i]->wraps = wraps;
        v[i]->several = wraps && different > 1;
    }
}

void rp_pairs_settle(struct rp_pair *v, size_t n)
{
    struct rp_pair **order = rp_xmalloc((n + 1) * sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = &v[i];
    if (n > 1)
        qsort(order, n, sizeof(struct rp_pair *), by_outer);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && order[to]->outer == order[from]->outer;)
            to++;
        settle_outer(order + from, to - from);
    }
    free(order);
}
