/* Classes of 64 bytes at a time: with SSE2, which every x86-64 has, or by the table. */
#include "analyze/miner/bits.h"

#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Of up to 64 bytes; `high` and `query`: whether there is one. */
struct block {
    uint64_t word, digit, colon, high, query;
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

static uint64_t bits_of(__m128i x)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(x);
}

/* Of the n bytes and a zero. */
static inline struct block block_of(const char *p, size_t n)
{
    struct block b = {0};
    __m128i high = _mm_setzero_si128(), query = high;
#pragma GCC unroll 4
    for (unsigned i = 0; i < 64; i += 16) {
        if (i > n)
            break;
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i digit = among(x, '0', '9');
        __m128i letter = among(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 'z');
        __m128i plain = _mm_or_si128(_mm_or_si128(digit, letter), is(x, '_'));
        b.word |= bits_of(_mm_or_si128(plain, x)) << i; /* x: only its highest bits count */
        b.digit |= bits_of(digit) << i;
        b.colon |= bits_of(is(x, ':')) << i;
        high = _mm_or_si128(high, x);
        query = _mm_or_si128(query, is(x, '?'));
    }
    b.high = bits_of(high);
    b.query = bits_of(query);
    return b;
}

#else

static struct block block_of(const char *p, size_t n)
{
    struct block b = {0};
    for (size_t i = 0; i <= n && i < 64; i++) {
        unsigned c = rp_class(p[i]);
        b.word |= (uint64_t)((c & RP_C_WORD) != 0) << i;
        b.digit |= (uint64_t)((c & RP_C_DIGIT) != 0) << i;
        b.colon |= (uint64_t)(p[i] == ':') << i;
        b.high |= c & RP_C_HIGH;
        b.query |= p[i] == '?';
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

static uint32_t seen_after(const char *p, uint64_t colons)
{
    uint32_t seen = 0;
    for (; colons != 0; colons &= colons - 1) {
        const char *after = p + __builtin_ctzll(colons) + 1;
        seen |= rp_is(*after, RP_C_DIGIT) ? RP_SEEN_PORT : RP_SEEN_COLON;
        seen |= after[0] == '/' && after[1] == '/' ? RP_SEEN_URL : RP_SEEN_COLON;
    }
    return seen;
}

uint32_t rp_bits_fill(struct rp_bits *b, const char *line, size_t n)
{
    uint64_t high = 0;
    uint32_t seen = 0;
    for (size_t i = 0; i <= n / 64; i++) {
        struct block x = block_of(line + 64 * i, n - 64 * i);
        b->word[i] = x.word;
        b->digit[i] = x.digit;
        high |= x.high;
        seen |= seen_after(line + 64 * i, x.colon) | (x.query != 0 ? RP_SEEN_QUERY : 0);
    }
    if (high != 0)
        take_out_punctuation(b, line, n);
    return seen;
}
