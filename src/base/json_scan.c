#include "base/json_internal.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of `\uXXXX` at p, -1 if there is none. */
static int code_unit(const char *p, const char *end)
{
    int unit = 0;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The code point of the one or two `\u` escapes at *p, which it passes; -1 if there is none. */
static int code_point(const char **p, const char *end)
{
    int hi = code_unit(*p, end);
    if (hi < 0xD800 || hi > 0xDFFF) {
        *p += hi < 0 ? 0 : 6;
        return hi;
    }
    int lo = hi < 0xDC00 ? code_unit(*p + 6, end) : -1;
    if (lo < 0xDC00 || lo > 0xDFFF)
        return -1;
    *p += 12;
    return 0x10000 + ((hi - 0xD800) << 10) + (lo - 0xDC00);
}

/* The character that a backslash and c stand for, NUL if there is none. */
static char short_escape(char c)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *hit = memchr(names, c, sizeof names - 1);
    return hit != NULL ? values[hit - names] : '\0';
}

static const char *scan_escape(const char **p, const char *end)
{
    if (end - *p >= 2 && (*p)[1] == 'u')
        return code_point(p, end) >= 0 ? NULL
                                       : "expected four hexadecimal digits, surrogates in pairs";
    if (end - *p < 2 || short_escape((*p)[1]) == '\0')
        return "there is no such escape";
    *p += 2;
    return NULL;
}

/* Whether all of eight bytes are plain ASCII of a string: in each byte of `odd`, the high bit says
 * no. Zero bytes are found by (x - 01…01) & ~x & 80…80; without the ~x a byte may be called odd
 * that is not, which is only slower (Warren, Hacker's Delight, 6-1). */
static bool plain_eight(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x, odd;
    memcpy(&x, p, sizeof x);
    odd = x | (x - ones * 0x20) | ((x ^ ones * '"') - ones) | ((x ^ ones * '\\') - ones);
    return (odd & ones * 0x80) == 0;
}

/* The first byte from p on that is not plain ASCII of a string. */
static const char *plain_end(const char *p, const char *end)
{
    while (end - p >= 8 && plain_eight(p))
        p += 8;
    while (p < end && (unsigned char)(*p - 0x20) < 0x60 && *p != '"' && *p != '\\')
        p++;
    return p;
}

const char *rp_json_scan_string(const char **p, const char *end, struct rp_str *raw, bool *escapes)
{
    const char *from = ++*p, *wrong;
    *escapes = false;
    while ((*p = plain_end(*p, end)) < end && **p != '"') {
        if (**p == '\\') {
            *escapes = true;
            if ((wrong = scan_escape(p, end)) != NULL)
                return wrong;
            continue;
        }
        size_t len = rp_utf8_len(*p, (size_t)(end - *p));
        if (len <= 1)
            return len == 0 ? "the text is not UTF-8" : "a control character must be escaped";
        *p += len;
    }
    if (*p == end)
        return "the string does not end";
    *raw = (struct rp_str){from, (size_t)(*p - from)};
    ++*p;
    return NULL;
}

static size_t utf8_put(char *to, int c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (n == 1) {
        to[0] = (char)c;
        return 1;
    }
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(0xF0 << (4 - n) | c);
    return n;
}

struct rp_str rp_json_decode(struct rp_arena *a, struct rp_str raw)
{
    /* An escape is never shorter than what it stands for. */
    char *to = rp_alloc(a, raw.n + 1);
    size_t n = 0;
    for (const char *p = raw.p, *end = raw.p + raw.n; p < end;) {
        if (*p != '\\') {
            to[n++] = *p++;
        } else if (p[1] == 'u') {
            n += utf8_put(to + n, code_point(&p, end));
        } else {
            to[n++] = short_escape(p[1]);
            p += 2;
        }
    }
    return (struct rp_str){to, n};
}

static bool take(const char **p, const char *end, char a, char b)
{
    if (*p == end || (**p != a && **p != b))
        return false;
    ++*p;
    return true;
}

static bool digits(const char **p, const char *end)
{
    const char *from = *p;
    while (*p < end && **p >= '0' && **p <= '9')
        ++*p;
    return *p > from;
}

const char *rp_json_scan_number(const char **p, const char *end, struct rp_str *raw, bool *integer)
{
    static const char *const wrong = "expected a digit";
    const char *from = *p;
    (void)take(p, end, '-', '-');
    if (!take(p, end, '0', '0') && !digits(p, end))
        return wrong;
    const char *whole = *p;
    if (take(p, end, '.', '.') && !digits(p, end))
        return wrong;
    if (take(p, end, 'e', 'E')) {
        (void)take(p, end, '+', '-');
        if (!digits(p, end))
            return wrong;
    }
    *integer = *p == whole;
    *raw = (struct rp_str){from, (size_t)(*p - from)};
    return NULL;
}
