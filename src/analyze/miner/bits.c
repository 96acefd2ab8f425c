/* Classes of 64 bytes at a time: with SSE2, which every x86-64 has, or by the table. */
#include "analyze/miner/bits.h"

#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Of 64 bytes. */
struct block {
    uint64_t word, digit, blank, high, colon, slash, query;
};

#ifdef __SSE2__

static __m128i among(__m128i x, char from, char to)
{
    __m128i off = _mm_sub_epi8(x, _mm_set1_epi8(from));
    return _mm_cmpeq_epi8(_mm_min_epu8(off, _mm_set1_epi8((char)(to - from))), off);
}

static __m128i is(__m128i x, char c)
{
    return _mm_cmpeq_epi8(x, _mm_set1_epi8(c));
}

static uint64_t bits_of(__m128i x, size_t i)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(x) << i;
}

static struct block block_of(const char *p)
{
    struct block b = {0};
    for (size_t i = 0; i < 64; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i digit = among(x, '0', '9');
        __m128i letter = among(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 'z');
        __m128i plain = _mm_or_si128(_mm_or_si128(digit, letter), is(x, '_'));
        b.word |= bits_of(_mm_or_si128(plain, x), i); /* x: only its highest bits count */
        b.digit |= bits_of(digit, i);
        b.blank |= bits_of(_mm_or_si128(among(x, '\t', '\r'), is(x, ' ')), i);
        b.high |= bits_of(x, i);
        b.colon |= bits_of(is(x, ':'), i);
        b.slash |= bits_of(is(x, '/'), i);
        b.query |= bits_of(is(x, '?'), i);
    }
    return b;
}

#else

static struct block block_of(const char *p)
{
    struct block b = {0};
    for (size_t i = 0; i < 64; i++) {
        unsigned c = rp_class(p[i]);
        b.word |= (uint64_t)((c & RP_C_WORD) != 0) << i;
        b.digit |= (uint64_t)((c & RP_C_DIGIT) != 0) << i;
        b.blank |= (uint64_t)((c & RP_C_BLANK) != 0) << i;
        b.high |= (uint64_t)((c & RP_C_HIGH) != 0) << i;
        b.colon |= (uint64_t)(p[i] == ':') << i;
        b.slash |= (uint64_t)(p[i] == '/') << i;
        b.query |= (uint64_t)(p[i] == '?') << i;
    }
    return b;
}

#endif

static void take_out_punctuation(struct rp_bits *b, const char *line, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++)
        if (rp_high_punct(line + i, line + n))
            b->word[i / 64] &= ~(UINT64_C(1) << i % 64);
}

/* What stands before this block: the last bits of the one before, moved to the lowest place. */
struct carry {
    uint64_t colon, second; /* a colon; a colon before a slash */
};

static uint32_t seen_in(const struct block *x, struct carry *before)
{
    uint64_t after = x->colon << 1 | before->colon;
    uint64_t second = after & x->slash;
    uint64_t third = (second << 1 | before->second) & x->slash;
    *before = (struct carry){x->colon >> 63, second >> 63};
    return (x->colon != 0 ? RP_SEEN_COLON : 0) | (third != 0 ? RP_SEEN_URL : 0) |
           ((after & x->digit) != 0 ? RP_SEEN_PORT : 0) | (x->query != 0 ? RP_SEEN_QUERY : 0);
}

uint32_t rp_bits_fill(struct rp_bits *b, const char *line, size_t n)
{
    struct carry before = {0};
    uint64_t high = 0;
    uint32_t seen = 0;
    for (size_t i = 0; i <= n / 64; i++) {
        struct block x = block_of(line + 64 * i);
        b->word[i] = x.word;
        b->digit[i] = x.digit;
        b->blank[i] = x.blank;
        high |= x.high;
        seen |= seen_in(&x, &before);
    }
    if (high != 0)
        take_out_punctuation(b, line, n);
    return seen;
}
