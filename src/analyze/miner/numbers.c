/* Typed masks of numbers: durations, rates, decimals, glued units, 0x. */
#include "analyze/miner/typed.h"

const char *rp_named_at(const struct rp_at *at, const char *p, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (*p != **names)
            continue;
        size_t n = strlen(*names);
        if (rp_left(at, p) >= n && memcmp(p, *names, n) == 0)
            return p + n;
    }
    return NULL;
}

static const char *decimal(const struct rp_at *at, const char *p)
{
    const char *q = p + rp_digits(at, p);
    if (q > p && *q == '.' && rp_is(q[1], RP_C_DIGIT))
        q += 1 + rp_digits(at, q + 1);
    return q;
}

static inline size_t micro(const struct rp_at *at, const char *p)
{
    static const char *const units[] = {"\xC2\xB5s", "\xCE\xBCs", "ns", NULL};
    if (*p != 'n' && !rp_is(*p, RP_C_HIGH))
        return 0;
    const char *q = rp_named_at(at, p, units);
    return q != NULL && !rp_word_here(at, q) ? (size_t)(q - p) : 0;
}

static size_t float_unit(const struct rp_at *at, const char *p)
{
    static const char *const units[] = {"ms", "us", "s", "m", "h", NULL};
    const char *q = rp_named_at(at, p, units);
    if (q == NULL || rp_word_here(at, q)) {
        q = p;
        if (!rp_among(*q, "kKmMgGtT"))
            return 0;
        q += 1 + (q[1] == 'i');
        if (!rp_among(*q, "bB"))
            return 0;
        q++;
    }
    return rp_word_here(at, q) ? 0 : (size_t)(q - p);
}

/* 1h30m, 2d3h4m5.5s: a part is digits and d, h or m; the last may be a decimal with s, ms or m. */
static size_t compound(const struct rp_at *at, const char *p)
{
    const char *from = p;
    size_t parts = 0;
    for (;;) {
        const char *q = p + rp_digits(at, p);
        if (q == p)
            return 0;
        bool more = rp_is(q[1], RP_C_DIGIT) && rp_among(*q, "dhm");
        if (!more)
            break;
        p = q + 1;
        parts++;
    }
    static const char *const units[] = {"ms", "s", "m", NULL};
    const char *q = parts > 0 ? rp_named_at(at, decimal(at, p), units) : NULL;
    return q != NULL && !rp_word_here(at, q) ? (size_t)(q - from) : 0;
}

/* `whole`: past the digits before a dot. */
static size_t duration(const struct rp_at *at, const char *p, const char *whole)
{
    const char *q = *whole == '.' ? decimal(at, p) : whole;
    size_t n = micro(at, q);
    if (n == 0 && q > whole)
        n = float_unit(at, q);
    if (n > 0)
        return (size_t)(q - at->p) + n;
    n = rp_among(*whole, "dhm") ? compound(at, p) : 0;
    return n > 0 ? (size_t)(p - at->p) + n : 0;
}

static size_t rate(const struct rp_at *at)
{
    static const char *const units[] = {"ms",   "sec", "s",   "min", "m",
                                        "hour", "h",   "day", "d",   NULL};
    const char *p = decimal(at, at->p);
    const char *q = *p == '/' ? rp_named_at(at, p + 1, units) : NULL;
    if (q == NULL)
        return 0;
    const char *after = q;
    while (rp_among(*after, "/.-"))
        after++;
    return rp_word_here(at, after) ? 0 : (size_t)(q - at->p);
}

static size_t glued_unit(const struct rp_at *at, const char *p)
{
    const char *q = decimal(at, p);
    size_t n = rp_span(q, RP_C_ALPHA), low = rp_span(q, RP_C_LOWER);
    bool unit = n > 0 && (n <= 2 || (low == n && n >= 3 && n <= 5));
    return unit && !rp_word_here(at, q + n) ? (size_t)(q + n - at->p) : 0;
}

/* "(1.25g)": no name of a file or host, which would go on after a dot. */
static size_t decimal_with_unit(const struct rp_at *at, const char *p, const char *whole)
{
    const char *q = decimal(at, p);
    if (q == whole || !rp_is(*q, RP_C_ALPHA))
        return 0;
    size_t n = glued_unit(at, p);
    const char *end = at->p + n;
    return n > 0 && !(rp_among(*end, ".-/@") && rp_word_here(at, end + 1)) ? n : 0;
}

size_t rp_typed_hex(const struct rp_at *at)
{
    const char *p = at->p;
    if (rp_left(at, p) < 3 || p[0] != '0' || (p[1] != 'x' && p[1] != 'X') || rp_after_word(at))
        return 0;
    size_t n = rp_span(p + 2, RP_C_HEX);
    return n > 0 && !rp_word_here(at, p + 2 + n) ? n + 2 : 0;
}

/* "stage 29.0 in": a decimal after a word and before a blank is one value; elsewhere its dot stays,
 * because dotted numbers may be anything. */
static bool stands_free(const struct rp_at *at, const char *end)
{
    if (at->p - at->begin < 2 || !rp_is(at->p[-1], RP_C_BLANK) || !rp_is(at->p[-2], RP_C_ALPHA))
        return false;
    return end == at->end || rp_is(*end, RP_C_BLANK) || rp_among(*end, ",)");
}

/* Digits, perhaps after a sign; p is at the first digit. */
size_t rp_typed_number(const struct rp_at *at, const char *p)
{
    const char *q = p + rp_digits(at, p);
    bool bare = rp_prev(at) != '.';
    size_t n = 0;
    if (rp_after_word(at))
        return 0;
    if (bare && (*q == '.' || rp_is(*q, RP_C_WORD)))
        n = duration(at, p, q);
    if (n == 0 && bare && p == at->p && (*q == '.' || *q == '/'))
        n = rate(at);
    if (n > 0)
        return n;
    if (bare && *q == '.' && stands_free(at, decimal(at, p)))
        return (size_t)(decimal(at, p) - at->p);
    if (bare && *q == '.' && (n = decimal_with_unit(at, p, q)) > 0)
        return n;
    if (!rp_word_here(at, q))
        return (size_t)(q - at->p);
    return bare ? glued_unit(at, p) : 0;
}
