/* Looks around a place of a line, which the typed masks share. */
#ifndef RP_ANALYZE_MINER_TYPED_H
#define RP_ANALYZE_MINER_TYPED_H

#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

/* Before and after a line stand zeros: neither needs a look where it ends. */
static inline char rp_prev(const struct rp_at *at)
{
    return at->p[-1];
}
static inline size_t rp_span(const char *p, unsigned classes)
{
    const char *q = p;
    while (rp_is(*q, classes))
        q++;
    return (size_t)(q - p);
}
/* Is there a word character at p? */
static inline bool rp_word_here(const struct rp_at *at, const char *p)
{
    return rp_bits_at(at->bits->word, (size_t)(p - at->begin));
}
static inline size_t rp_digits(const struct rp_at *at, const char *p)
{
    return rp_bits_run(at->bits->digit, (size_t)(p - at->begin));
}

static inline bool rp_after_word(const struct rp_at *at)
{
    return rp_word_before(at->begin, at->p);
}

static inline size_t rp_left(const struct rp_at *at, const char *p)
{
    return (size_t)(at->end - p);
}

/* After the first of the names that stands at p, NULL if none does. */
const char *rp_named_at(const struct rp_at *at, const char *p, const char *const *names);
/* Digits at p, perhaps after a sign: with their unit, rate, fraction where these belong to them. */
size_t rp_typed_number(const struct rp_at *at, const char *p);
size_t rp_typed_hex(const struct rp_at *at); /* 0x… */

#endif
