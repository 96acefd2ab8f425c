/* Typed masks: URLs, paths, addresses, dates, durations, numbers. Each answers the length of the
 * value that begins where it is asked, or 0. The order of asking is the rule (miner.md, section
 * 1): the first one that takes something wins. */
#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

static char peek(const struct rp_at *at, const char *p)
{
    return p >= at->begin && p < at->end ? *p : '\0';
}

static char prev(const struct rp_at *at)
{
    return at->p > at->begin ? at->p[-1] : '\0';
}

static bool after_word(const struct rp_at *at)
{
    return rp_word_before(at->begin, at->p);
}

static size_t left(const struct rp_at *at, const char *p)
{
    return (size_t)(at->end - p);
}

/* Up to the first character of `stop` or blank, without trailing characters of `trim`. */
static const char *until(const struct rp_at *at, const char *p, const char *stop, const char *trim)
{
    const char *from = p;
    while (p < at->end && !rp_is(*p, RP_C_BLANK) && !one_of(*p, stop))
        p++;
    while (p > from && one_of(p[-1], trim))
        p--;
    return p;
}

/* ---- URLs and paths ---- */

static size_t url(const struct rp_at *at)
{
    const char *p = at->p;
    while (p < at->end && (rp_is(*p, RP_C_ALPHA | RP_C_DIGIT) || one_of(*p, "+.-")))
        p++;
    if (left(at, p) < 4 || memcmp(p, "://", 3) != 0)
        return 0;
    const char *end = until(at, p + 3, "\"'<>]})\\", "]}),.;:\\");
    return end > p + 3 ? (size_t)(end - at->p) : 0;
}

static size_t windows_path(const struct rp_at *at)
{
    const char *p = at->p;
    if (after_word(at) || left(at, p) < 3)
        return 0;
    if (rp_is(*p, RP_C_ALPHA) && p[1] == ':' && p[2] == '\\') {
        p += 3;
    } else if (p[0] == '\\' && p[1] == '\\') {
        p += 2;
        while (p < at->end && (rp_is(*p, RP_C_WORD) || one_of(*p, ".$-")))
            p++;
        if (p == at->p + 2 || peek(at, p) != '\\')
            return 0;
        p++;
    } else {
        return 0;
    }
    return (size_t)(until(at, p, "\"'<>|,;()[]", ".:") - at->p);
}

static bool after_opening(const struct rp_at *at)
{
    char c = prev(at);
    return at->p == at->begin || rp_is(c, RP_C_BLANK) || one_of(c, "\"'=(");
}

static size_t path_with_query(const struct rp_at *at)
{
    const char *p = at->p + 1;
    if (!(at->seen & RP_SEEN_QUERY) || !after_opening(at))
        return 0;
    while (p < at->end && (rp_is(*p, RP_C_WORD) || one_of(*p, ".-/~%")))
        p++;
    if (peek(at, p) != '?')
        return 0;
    const char *end = until(at, p + 1, "\"'<>", "),.;:");
    return end > p + 1 ? (size_t)(end - at->p) : 0;
}

static size_t path_of_one(const struct rp_at *at)
{
    const char *p = at->p + 1;
    if (!after_opening(at) || p >= at->end || !(rp_is(*p, RP_C_ALPHA | RP_C_UNDER) || *p == '.'))
        return 0;
    while (p < at->end && (rp_is(*p, RP_C_WORD) || one_of(*p, ".-")))
        p++;
    if (peek(at, p) == '/')
        p++;
    bool ends = p == at->end || rp_is(*p, RP_C_BLANK) || one_of(*p, "\"'),;:");
    return ends ? (size_t)(p - at->p) : 0;
}

static size_t path_of_more(const struct rp_at *at)
{
    const char *p = at->p;
    if (after_word(at) || one_of(prev(at), "/."))
        return 0;
    if (*p == '~')
        p++;
    if (peek(at, p) != '/' || peek(at, p + 1) == '/')
        return 0;
    for (p++; p < at->end && (rp_is(*p, RP_C_WORD) || one_of(*p, ".-+@%$=~*,"));)
        p++;
    if (peek(at, p) != '/' || !(rp_is(p[-1], RP_C_WORD) || p[-1] == '$'))
        return 0;
    const char *first = ++p;
    while (p < at->end && (rp_is(*p, RP_C_WORD) || one_of(*p, ".-+@%$=~*/")))
        p++;
    while (p > first && !(rp_is(p[-1], RP_C_WORD) || one_of(p[-1], "/$")))
        p--;
    return (size_t)(p - at->p);
}

/* What stands between an HTTP method and " HTTP/". */
static size_t request_target(const struct rp_at *at)
{
    const char *p = at->p;
    if (!at->after_method)
        return 0;
    while (p < at->end && !rp_is(*p, RP_C_BLANK))
        p++;
    if (left(at, p) >= 6 && memcmp(p, " HTTP/", 6) == 0)
        return (size_t)(p - at->p);
    bool root = *at->p == '/' && p == at->p + 1;
    return root ? 1 : 0;
}

/* A pattern of names that begins with an asterisk: "*.log", "*" "/" "*". */
static size_t glob(const struct rp_at *at)
{
    const char *p = at->p + 1;
    if (!after_opening(at) || (peek(at, p) != '.' && peek(at, p) != '/'))
        return 0;
    while (p < at->end && (rp_is(*p, RP_C_WORD) || one_of(*p, "*.-/")))
        p++;
    bool ends = p == at->end || rp_is(*p, RP_C_BLANK) || one_of(*p, "\"'),;:");
    return ends && p > at->p + 2 ? (size_t)(p - at->p) : 0;
}

static size_t path(const struct rp_at *at)
{
    size_t n = path_with_query(at);
    if (n == 0)
        n = path_of_one(at);
    return n > 0 ? n : path_of_more(at);
}

/* ---- addresses and ids ---- */

static size_t uuid(const struct rp_at *at)
{
    static const uint8_t parts[] = {8, 4, 4, 4, 12};
    const char *p = at->p;
    if (left(at, p) < 36 || p[8] != '-' || after_word(at))
        return 0;
    for (size_t i = 0; i < 5; i++) {
        if (rp_run(p, at->end, RP_C_HEX) != parts[i] || (i < 4 && p[parts[i]] != '-'))
            return 0;
        p += parts[i] + 1;
    }
    return rp_word_at(p - 1, at->end) ? 0 : 36;
}

/* Is what follows a dotted address the rest of a longer word? */
static bool goes_on(const struct rp_at *at, const char *p)
{
    while (peek(at, p) == '.')
        p++;
    return rp_word_at(p, at->end);
}

static const char *dotted_four(const struct rp_at *at, const char *p)
{
    for (size_t i = 0; i < 4; i++) {
        size_t n = rp_run(p, at->end, RP_C_DIGIT);
        if (n == 0 || n > 3 || (i < 3 && peek(at, p + n) != '.'))
            return NULL;
        p += n + (i < 3);
    }
    return goes_on(at, p) ? NULL : p;
}

static size_t ip4(const struct rp_at *at)
{
    if (after_word(at) || prev(at) == '.')
        return 0;
    const char *p = dotted_four(at, at->p);
    return p != NULL ? (size_t)(p - at->p) : 0;
}

static size_t mapped_ip4(const struct rp_at *at)
{
    const char *p = at->p + 2;
    if (left(at, at->p) < 9 || memcmp(at->p, "::", 2) != 0)
        return 0;
    if (memcmp(p, "ffff:", 5) == 0)
        p += 5;
    p = dotted_four(at, p);
    return p != NULL ? (size_t)(p - at->p) : 0;
}

/* IPv6 and hardware addresses: 3 to 7 groups with a colon, one without. */
static size_t ip6(const struct rp_at *at)
{
    const char *p = at->p;
    size_t groups = 0;
    if (!(at->seen & RP_SEEN_COLON) || after_word(at) || prev(at) == ':' || prev(at) == '.')
        return 0;
    size_t n = mapped_ip4(at);
    if (n > 0)
        return n;
    while (groups < 7 && (n = rp_run(p, at->end, RP_C_HEX)) <= 4 && peek(at, p + n) == ':')
        p += n + 1, groups++;
    n = rp_run(p, at->end, RP_C_HEX);
    if (n == 0 && groups > 3 && p[-1] == ':') { /* "a:b:c:d: text" */
        p--, groups--;
        while (p > at->p && rp_is(p[-1], RP_C_HEX))
            p--, n++;
    }
    if (groups < 3 || n == 0 || n > 4 || rp_word_at(p + n, at->end) || peek(at, p + n) == ':')
        return 0;
    return (size_t)(p + n - at->p);
}

static size_t bracketed_ip6(const struct rp_at *at)
{
    const char *p = at->p + 1;
    bool colon = false;
    if (after_word(at) || prev(at) == ':')
        return 0;
    for (; p < at->end && (rp_is(*p, RP_C_HEX) || one_of(*p, ".:")); p++)
        colon |= *p == ':';
    bool port = peek(at, p) == ']' && peek(at, p + 1) == ':' && rp_is(peek(at, p + 2), RP_C_DIGIT);
    return colon && port ? (size_t)(p + 1 - at->p) : 0;
}

static size_t unix_address(const struct rp_at *at)
{
    const char *p = at->p + 5;
    if (left(at, at->p) < 7 || memcmp(at->p, "unix:/", 6) != 0 || after_word(at))
        return 0;
    while (p < at->end && (rp_is(*p, RP_C_WORD) || one_of(*p, ".-/")))
        p++;
    while (!rp_is(p[-1], RP_C_WORD))
        p--;
    return p > at->p + 6 ? (size_t)(p - at->p) : 0;
}

/* A dotted host in one case before :port. */
static size_t host(const struct rp_at *at)
{
    const char *p = at->p;
    if (!(at->seen & RP_SEEN_COLON) || after_word(at) || prev(at) == '.' || prev(at) == '-')
        return 0;
    unsigned first = rp_is(*p, RP_C_UPPER) ? RP_C_UPPER : RP_C_LOWER;
    size_t dots = 0;
    while (p < at->end && (rp_is(*p, first | RP_C_DIGIT) || *p == '-'))
        p++;
    while (peek(at, p) == '.') {
        const char *q = p + 1;
        while (q < at->end && (rp_is(*q, RP_C_LOWER | RP_C_DIGIT) || *q == '-'))
            q++;
        if (q == p + 1)
            break;
        p = q;
        dots++;
    }
    if (dots == 0 || peek(at, p) != ':')
        return 0;
    size_t port = rp_run(p + 1, at->end, RP_C_DIGIT);
    return port > 0 && !rp_word_at(p + 1 + port, at->end) ? (size_t)(p - at->p) : 0;
}

/* ---- dates ---- */

static bool digits_at(const struct rp_at *at, const char *p, size_t n)
{
    return left(at, p) >= n && rp_run(p, p + n, RP_C_DIGIT) == n;
}

/* RFC 3339 with a "T": one value, whatever its precision and zone. */
static size_t iso_time(const struct rp_at *at)
{
    const char *p = at->p;
    if (left(at, p) < 16 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' ||
        !digits_at(at, p, 4) || !digits_at(at, p + 5, 2) || !digits_at(at, p + 8, 2) ||
        !digits_at(at, p + 11, 2) || !digits_at(at, p + 14, 2) || after_word(at))
        return 0;
    p += 16;
    if (peek(at, p) == ':' && digits_at(at, p + 1, 2))
        p += 3;
    if ((peek(at, p) == '.' || peek(at, p) == ',') && rp_is(peek(at, p + 1), RP_C_DIGIT))
        p += 1 + rp_run(p + 1, at->end, RP_C_DIGIT);
    if (peek(at, p) == 'Z')
        p++;
    else if ((peek(at, p) == '+' || peek(at, p) == '-') && digits_at(at, p + 1, 2))
        p += 3 + (peek(at, p + 3) == ':' && digits_at(at, p + 4, 2) ? 3
                  : digits_at(at, p + 3, 2)                         ? 2
                                                                    : 0);
    return rp_word_at(p, at->end) ? 0 : (size_t)(p - at->p);
}

static const char *skip_blank(const struct rp_at *at, const char *p)
{
    const char *q = p + rp_run(p, at->end, RP_C_BLANK);
    return q > p ? q : NULL;
}

static const char *named(const struct rp_at *at, const char *p, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (peek(at, p) != **names)
            continue;
        size_t n = strlen(*names);
        if (left(at, p) >= n && memcmp(p, *names, n) == 0)
            return p + n;
    }
    return NULL;
}

static const char *clock_part(const struct rp_at *at, const char *p)
{
    const char *q = skip_blank(at, peek(at, p) == ',' ? p + 1 : p);
    if (q == NULL || left(at, q) < 8 || q[2] != ':' || q[5] != ':')
        return p;
    for (size_t i = 0; i < 8; i++)
        if (i % 3 != 2 && !rp_is(q[i], RP_C_DIGIT))
            return p;
    return q + 8;
}

static const char *zone_part(const struct rp_at *at, const char *p)
{
    const char *q = skip_blank(at, p);
    size_t n = q != NULL ? rp_run(q, at->end, RP_C_UPPER) : 0;
    return (n == 3 || n == 4) && rp_is(peek(at, q + n), RP_C_BLANK) ? q + n : p;
}

static const char *year_part(const struct rp_at *at, const char *p)
{
    const char *q = skip_blank(at, peek(at, p) == ',' ? p + 1 : p);
    bool year = q != NULL && rp_run(q, at->end, RP_C_DIGIT) == 4 && !rp_word_at(q + 4, at->end);
    return year ? q + 4 : p;
}

static size_t date(const struct rp_at *at)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", NULL};
    static const char *const months[] = {
        "January", "Jan", "February", "Feb", "March",    "Mar", "April",     "Apr",  "May",
        "June",    "Jun", "July",     "Jul", "August",   "Aug", "September", "Sept", "Sep",
        "October", "Oct", "November", "Nov", "December", "Dec", NULL};
    const char *p = at->p, *q;
    if (left(at, p) < 5 || !rp_is(p[2], RP_C_LOWER) || !one_of(*p, "JFMASONDTW") || after_word(at))
        return 0;
    if ((q = named(at, p, days)) != NULL) {
        q += rp_run(q, at->end, RP_C_LOWER);
        q = skip_blank(at, peek(at, q) == ',' ? q + 1 : q);
        if (q == NULL)
            return 0;
        p = q;
    }
    if ((p = named(at, p, months)) == NULL || (p = skip_blank(at, p)) == NULL)
        return 0;
    size_t n = rp_run(p, at->end, RP_C_DIGIT);
    if (n == 0 || n > 2 || rp_word_at(p + n, at->end) || peek(at, p + n) == '.')
        return 0;
    p = year_part(at, zone_part(at, clock_part(at, p + n)));
    return (size_t)(p - at->p);
}

/* ---- numbers ---- */

static const char *decimal(const struct rp_at *at, const char *p)
{
    const char *q = p + rp_run(p, at->end, RP_C_DIGIT);
    if (q > p && peek(at, q) == '.' && rp_is(peek(at, q + 1), RP_C_DIGIT))
        q += 1 + rp_run(q + 1, at->end, RP_C_DIGIT);
    return q;
}

static size_t micro(const struct rp_at *at, const char *p)
{
    static const char *const units[] = {"\xC2\xB5s", "\xCE\xBCs", "ns", NULL};
    const char *q = named(at, p, units);
    return q != NULL && !rp_word_at(q, at->end) ? (size_t)(q - p) : 0;
}

static size_t float_unit(const struct rp_at *at, const char *p)
{
    static const char *const units[] = {"ms", "us", "s", "m", "h", NULL};
    const char *q = named(at, p, units);
    if (q == NULL || rp_word_at(q, at->end)) {
        q = p;
        if (!one_of(peek(at, q), "kKmMgGtT"))
            return 0;
        q += 1 + (peek(at, q + 1) == 'i');
        if (!one_of(peek(at, q), "bB"))
            return 0;
        q++;
    }
    return rp_word_at(q, at->end) ? 0 : (size_t)(q - p);
}

/* 1h30m, 2d3h4m5.5s: a part is digits and d, h or m; the last may be a decimal with s, ms or m. */
static size_t compound(const struct rp_at *at, const char *p)
{
    const char *from = p;
    size_t parts = 0;
    for (;;) {
        const char *q = p + rp_run(p, at->end, RP_C_DIGIT);
        if (q == p)
            return 0;
        bool more = rp_is(peek(at, q + 1), RP_C_DIGIT) && one_of(peek(at, q), "dhm");
        if (!more)
            break;
        p = q + 1;
        parts++;
    }
    static const char *const units[] = {"ms", "s", "m", NULL};
    const char *q = named(at, decimal(at, p), units);
    return q != NULL && parts > 0 && !rp_word_at(q, at->end) ? (size_t)(q - from) : 0;
}

static size_t duration(const struct rp_at *at, const char *p)
{
    const char *q = decimal(at, p);
    bool dotted = memchr(p, '.', (size_t)(q - p)) != NULL;
    size_t n = micro(at, q);
    if (n == 0 && dotted)
        n = float_unit(at, q);
    if (n > 0)
        return (size_t)(q - at->p) + n;
    n = compound(at, p);
    return n > 0 ? (size_t)(p - at->p) + n : 0;
}

static size_t rate(const struct rp_at *at)
{
    static const char *const units[] = {"ms",   "sec", "s",   "min", "m",
                                        "hour", "h",   "day", "d",   NULL};
    const char *p = decimal(at, at->p);
    const char *q = peek(at, p) == '/' ? named(at, p + 1, units) : NULL;
    if (q == NULL)
        return 0;
    const char *after = q;
    while (after < at->end && one_of(*after, "/.-"))
        after++;
    return rp_word_at(after, at->end) ? 0 : (size_t)(q - at->p);
}

static size_t glued_unit(const struct rp_at *at, const char *p)
{
    const char *q = decimal(at, p);
    size_t n = rp_run(q, at->end, RP_C_ALPHA), low = rp_run(q, at->end, RP_C_LOWER);
    bool unit = n > 0 && (n <= 2 || (low == n && n >= 3 && n <= 5));
    return unit && !rp_word_at(q + n, at->end) ? (size_t)(q + n - at->p) : 0;
}

static size_t hex_number(const struct rp_at *at)
{
    const char *p = at->p;
    if (left(at, p) < 3 || p[0] != '0' || (p[1] != 'x' && p[1] != 'X') || after_word(at))
        return 0;
    size_t n = rp_run(p + 2, at->end, RP_C_HEX);
    return n > 0 && !rp_word_at(p + 2 + n, at->end) ? n + 2 : 0;
}

/* "stage 29.0 in": a decimal after a word and before a blank is one value; elsewhere its dot stays,
 * because dotted numbers may be anything. */
static bool stands_free(const struct rp_at *at, const char *end)
{
    if (at->p - at->begin < 2 || !rp_is(at->p[-1], RP_C_BLANK) || !rp_is(at->p[-2], RP_C_ALPHA))
        return false;
    return end == at->end || rp_is(*end, RP_C_BLANK) || one_of(*end, ",)");
}

/* Digits, perhaps after a sign; p is at the first digit. */
static size_t number(const struct rp_at *at, const char *p)
{
    bool value = !after_word(at), bare = prev(at) != '.';
    size_t n = 0;
    if (value && bare)
        n = duration(at, p);
    if (n == 0 && value && bare && p == at->p)
        n = rate(at);
    if (n > 0)
        return n;
    const char *q = p + rp_run(p, at->end, RP_C_DIGIT);
    if (value && bare && peek(at, q) == '.' && stands_free(at, decimal(at, p)))
        return (size_t)(decimal(at, p) - at->p);
    if (value && !rp_word_at(q, at->end))
        return (size_t)(q - at->p);
    return value && bare ? glued_unit(at, p) : 0;
}

/* ---- in order ---- */

size_t rp_typed_letter(const struct rp_at *at)
{
    bool slash = (at->seen & RP_SEEN_SLASH) != 0, colon = (at->seen & RP_SEEN_COLON) != 0;
    size_t n = slash && colon ? url(at) : 0;
    if (n == 0 && (at->seen & RP_SEEN_BACKSLASH))
        n = windows_path(at);
    if (n == 0 && rp_is(*at->p, RP_C_HEX))
        n = uuid(at);
    if (n == 0 && slash && colon && *at->p == 'u')
        n = unix_address(at);
    if (n == 0 && colon && rp_is(*at->p, RP_C_HEX))
        n = ip6(at);
    if (n == 0 && rp_is(*at->p, RP_C_UPPER))
        n = date(at);
    if (n == 0 && colon)
        n = host(at);
    return n > 0 ? n : request_target(at);
}

size_t rp_typed_digit(const struct rp_at *at)
{
    size_t run = rp_run(at->p, at->end, RP_C_DIGIT);
    char next = peek(at, at->p + run);
    if (!at->after_method && !rp_is(next, RP_C_WORD) && next != '.' && next != ':' && next != '-' &&
        next != '/' && !after_word(at))
        return run;
    size_t n = uuid(at);
    if (n == 0)
        n = iso_time(at);
    if (n == 0)
        n = ip6(at);
    if (n == 0)
        n = ip4(at);
    if (n == 0)
        n = host(at);
    if (n == 0)
        n = request_target(at);
    if (n == 0)
        n = hex_number(at);
    return n > 0 ? n : number(at, at->p);
}

size_t rp_typed_punct(const struct rp_at *at)
{
    size_t n = 0;
    switch (*at->p) {
    case '\\':
        n = windows_path(at);
        break;
    case '[':
        n = at->seen & RP_SEEN_COLON ? bracketed_ip6(at) : 0;
        break;
    case ':':
        n = ip6(at);
        break;
    case '*':
        n = glob(at);
        break;
    default:
        break;
    }
    if (n == 0)
        n = request_target(at);
    if (n == 0 && (*at->p == '/' || *at->p == '~'))
        n = *at->p == '/' ? path(at) : path_of_more(at);
    if (n == 0 && (*at->p == '+' || *at->p == '-') && rp_is(peek(at, at->p + 1), RP_C_DIGIT))
        n = number(at, at->p + 1);
    return n;
}
