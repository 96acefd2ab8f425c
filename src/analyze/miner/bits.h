/* A line's bytes as sets of bits: where a run of words, digits or blanks ends is one count of
 * zeros, not a look at each byte. The sets end in a zero bit past the line. */
#ifndef RP_ANALYZE_MINER_BITS_H
#define RP_ANALYZE_MINER_BITS_H

#include "analyze/miner/miner.h"

enum { RP_BITS_N = RP_MINER_LINE_MAX / 64 + 1 };

struct rp_bits {
    uint64_t word[RP_BITS_N]; /* RP_C_WORD, but for the first byte of typographic punctuation */
    uint64_t digit[RP_BITS_N], blank[RP_BITS_N];
};

/* `line` can be read, and is zero, up to 64 bytes past n. Answers the RP_SEEN_ bits of it. */
uint32_t rp_bits_fill(struct rp_bits *b, const char *line, size_t n);

static inline bool rp_bits_at(const uint64_t *set, size_t i)
{
    return (set[i / 64] >> i % 64 & 1) != 0;
}

/* How many are set from i on. */
static inline size_t rp_bits_run(const uint64_t *set, size_t i)
{
    uint64_t gaps = ~set[i / 64] >> i % 64;
    if (__builtin_expect(gaps != 0, 1))
        return (size_t)__builtin_ctzll(gaps);
    size_t n = 64 - i % 64;
    for (i = i / 64 + 1; set[i] == UINT64_MAX; i++)
        n += 64;
    return n + (size_t)__builtin_ctzll(~set[i]);
}

/* Is one of n > 0 set from i on? */
static inline bool rp_bits_any(const uint64_t *set, size_t i, size_t n)
{
    if (__builtin_expect(i % 64 + n <= 64, 1))
        return (set[i / 64] >> i % 64 & UINT64_MAX >> (64 - n)) != 0;
    for (size_t end = i + n; i < end; i++)
        if (rp_bits_at(set, i))
            return true;
    return false;
}

#endif
