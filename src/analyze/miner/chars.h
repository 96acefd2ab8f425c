/* Character classes of the scanner: one table, and the looks around a place that the masks need. */
#ifndef RP_ANALYZE_MINER_CHARS_H
#define RP_ANALYZE_MINER_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RP_C_BLANK = 1,
    RP_C_DIGIT = 2,
    RP_C_UPPER = 4,
    RP_C_LOWER = 8,
    RP_C_UNDER = 16,
    RP_C_HIGH = 32, /* a byte of a UTF-8 sequence */
    RP_C_JOIN = 64, /* . - / @ $ ~ join words */
    RP_C_HEX = 128,
    RP_C_ALPHA = RP_C_UPPER | RP_C_LOWER,
    RP_C_WORD = RP_C_ALPHA | RP_C_DIGIT | RP_C_UNDER | RP_C_HIGH
};
extern const uint8_t rp_chars[256];

static inline uint8_t rp_class(char c)
{
    return rp_chars[(unsigned char)c];
}
static inline bool rp_is(char c, unsigned classes)
{
    return (rp_chars[(unsigned char)c] & classes) != 0;
}

/* For the few characters of a constant set. */
static inline bool rp_among(char c, const char *set)
{
    for (; *set != '\0'; set++)
        if (*set == c)
            return true;
    return false;
}

/* Typographic quotes, dashes, dots (U+2000 to U+203F) are punctuation, not letters. */
static inline bool rp_high_punct(const char *p, const char *end)
{
    return end - p >= 3 && (unsigned char)p[0] == 0xE2 && (unsigned char)p[1] == 0x80;
}
static inline bool rp_word_before(const char *begin, const char *p)
{
    return p > begin && rp_is(p[-1], RP_C_WORD) && !(p - begin >= 3 && rp_high_punct(p - 3, p));
}
static inline size_t rp_run(const char *p, const char *end, unsigned classes)
{
    const char *q = p;
    while (q < end && rp_is(*q, classes))
        q++;
    return (size_t)(q - p);
}

#endif
