/* Typed masks: URLs, paths, addresses, dates, durations, numbers. Each answers the length of the
 * value that begins where it is asked, or 0. The order of asking is the rule (miner.md, section
 * 1): the first one that takes something wins. */
#include "analyze/miner/typed.h"

/* What may stand in a value of each kind, as one table: a look a byte. */
enum {
    IN_QUERY = 1,   /* before "?" */
    IN_ONE = 2,     /* a path of one segment */
    IN_SEGMENT = 4, /* the first segment of more */
    IN_MORE = 8,    /* what follows it */
    IN_HOST = 16,
    IN_SCHEME = 32,
    IN_GLOB = 64,
    IN_WORD = IN_QUERY | IN_ONE | IN_SEGMENT | IN_MORE | IN_GLOB,
    IN_LOWER = IN_WORD | IN_HOST | IN_SCHEME
};
static const uint8_t kinds[256] = {['a' ... 'z'] = IN_LOWER,
                                   ['0' ... '9'] = IN_LOWER,
                                   ['A' ... 'Z'] = IN_WORD | IN_SCHEME,
                                   ['_'] = IN_WORD,
                                   [128 ... 255] = IN_WORD,
                                   ['.'] = IN_WORD | IN_SCHEME,
                                   ['-'] = IN_LOWER,
                                   ['/'] = IN_QUERY | IN_MORE | IN_GLOB,
                                   ['~'] = IN_QUERY | IN_SEGMENT | IN_MORE,
                                   ['%'] = IN_QUERY | IN_SEGMENT | IN_MORE,
                                   ['+'] = IN_SEGMENT | IN_MORE | IN_SCHEME,
                                   ['@'] = IN_SEGMENT | IN_MORE,
                                   ['$'] = IN_SEGMENT | IN_MORE,
                                   ['='] = IN_SEGMENT | IN_MORE,
                                   ['*'] = IN_SEGMENT | IN_MORE | IN_GLOB,
                                   [','] = IN_SEGMENT};

static inline const char *past(const char *p, unsigned kind)
{
    while (kinds[(unsigned char)*p] & kind)
        p++;
    return p;
}

/* Up to the first character of `stop` or blank, without trailing characters of `trim`. */
static const char *until(const struct rp_at *at, const char *p, const char *stop, const char *trim)
{
    const char *from = p;
    while (p < at->end && !rp_is(*p, RP_C_BLANK) && !rp_among(*p, stop))
        p++;
    while (p > from && rp_among(p[-1], trim))
        p--;
    return p;
}

/* ---- URLs and paths ---- */

static size_t url(const struct rp_at *at)
{
    const char *p = past(at->p, IN_SCHEME);
    if (rp_left(at, p) < 4 || memcmp(p, "://", 3) != 0)
        return 0;
    const char *end = until(at, p + 3, "\"'<>]})\\", "]}),.;:\\");
    return end > p + 3 ? (size_t)(end - at->p) : 0;
}

static size_t windows_path(const struct rp_at *at)
{
    const char *p = at->p;
    if (rp_after_word(at) || rp_left(at, p) < 3)
        return 0;
    if (rp_is(*p, RP_C_ALPHA) && p[1] == ':' && p[2] == '\\') {
        p += 3;
    } else if (p[0] == '\\' && p[1] == '\\') {
        p += 2;
        while (rp_is(*p, RP_C_WORD) || rp_among(*p, ".$-"))
            p++;
        if (p == at->p + 2 || *p != '\\')
            return 0;
        p++;
    } else {
        return 0;
    }
    return (size_t)(until(at, p, "\"'<>|,;()[]", ".:") - at->p);
}

static bool after_opening(const struct rp_at *at)
{
    char c = rp_prev(at);
    return at->p == at->begin || rp_is(c, RP_C_BLANK) || rp_among(c, "\"'=(");
}

static size_t path_with_query(const struct rp_at *at)
{
    const char *p = at->p + 1;
    if (!(at->seen & RP_SEEN_QUERY) || !after_opening(at))
        return 0;
    p = past(p, IN_QUERY);
    if (*p != '?')
        return 0;
    const char *end = until(at, p + 1, "\"'<>", "),.;:");
    return end > p + 1 ? (size_t)(end - at->p) : 0;
}

static size_t path_of_one(const struct rp_at *at)
{
    const char *p = at->p + 1;
    if (!after_opening(at) || p >= at->end || !(rp_is(*p, RP_C_ALPHA | RP_C_UNDER) || *p == '.'))
        return 0;
    p = past(p, IN_ONE);
    if (*p == '/')
        p++;
    bool ends = p == at->end || rp_is(*p, RP_C_BLANK) || rp_among(*p, "\"'),;:");
    return ends ? (size_t)(p - at->p) : 0;
}

static size_t path_of_more(const struct rp_at *at)
{
    const char *p = at->p;
    if (rp_after_word(at) || rp_among(rp_prev(at), "/."))
        return 0;
    if (*p == '~')
        p++;
    if (*p != '/' || p[1] == '/')
        return 0;
    p = past(p + 1, IN_SEGMENT);
    if (*p != '/' || !(rp_is(p[-1], RP_C_WORD) || p[-1] == '$'))
        return 0;
    const char *first = ++p;
    p = past(p, IN_MORE);
    while (p > first && !(rp_is(p[-1], RP_C_WORD) || rp_among(p[-1], "/$")))
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
    if (rp_left(at, p) >= 6 && memcmp(p, " HTTP/", 6) == 0)
        return (size_t)(p - at->p);
    bool root = *at->p == '/' && p == at->p + 1;
    return root ? 1 : 0;
}

/* A pattern of names that begins with an asterisk: "*.log", "*" "/" "*". */
static size_t glob(const struct rp_at *at)
{
    const char *p = at->p + 1;
    if (!after_opening(at) || (*p != '.' && *p != '/'))
        return 0;
    p = past(p, IN_GLOB);
    bool ends = p == at->end || rp_is(*p, RP_C_BLANK) || rp_among(*p, "\"'),;:");
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
    if (rp_left(at, p) < 36 || p[8] != '-' || rp_after_word(at))
        return 0;
    for (size_t i = 0; i < 5; i++) {
        if (rp_span(p, RP_C_HEX) != parts[i] || (i < 4 && p[parts[i]] != '-'))
            return 0;
        p += parts[i] + 1;
    }
    return rp_word_here(at, p - 1) ? 0 : 36;
}

/* Is what follows a dotted address the rest of a longer word? */
static bool goes_on(const struct rp_at *at, const char *p)
{
    while (*p == '.')
        p++;
    return rp_word_here(at, p);
}

static const char *dotted_four(const struct rp_at *at, const char *p)
{
    for (size_t i = 0; i < 4; i++) {
        size_t n = rp_digits(at, p);
        if (n == 0 || n > 3 || (i < 3 && p[n] != '.'))
            return NULL;
        p += n + (i < 3);
    }
    return goes_on(at, p) ? NULL : p;
}

static size_t ip4(const struct rp_at *at)
{
    if (rp_after_word(at) || rp_prev(at) == '.')
        return 0;
    const char *p = dotted_four(at, at->p);
    return p != NULL ? (size_t)(p - at->p) : 0;
}

static size_t mapped_ip4(const struct rp_at *at)
{
    const char *p = at->p + 2;
    if (rp_left(at, at->p) < 9 || memcmp(at->p, "::", 2) != 0)
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
    if (!(at->seen & RP_SEEN_COLON) || rp_after_word(at) || rp_prev(at) == ':' ||
        rp_prev(at) == '.')
        return 0;
    size_t n = mapped_ip4(at);
    if (n > 0)
        return n;
    while (groups < 7 && (n = rp_span(p, RP_C_HEX)) <= 4 && p[n] == ':')
        p += n + 1, groups++;
    n = rp_span(p, RP_C_HEX);
    if (n == 0 && groups > 3 && p[-1] == ':') { /* "a:b:c:d: text" */
        p--, groups--;
        while (p > at->p && rp_is(p[-1], RP_C_HEX))
            p--, n++;
    }
    if (groups < 3 || n == 0 || n > 4 || rp_word_here(at, p + n) || p[n] == ':')
        return 0;
    return (size_t)(p + n - at->p);
}

static size_t bracketed_ip6(const struct rp_at *at)
{
    const char *p = at->p + 1;
    bool colon = false;
    if (rp_after_word(at) || rp_prev(at) == ':')
        return 0;
    for (; p < at->end && (rp_is(*p, RP_C_HEX) || rp_among(*p, ".:")); p++)
        colon |= *p == ':';
    bool port = *p == ']' && p[1] == ':' && rp_is(p[2], RP_C_DIGIT);
    return colon && port ? (size_t)(p + 1 - at->p) : 0;
}

static size_t unix_address(const struct rp_at *at)
{
    const char *p = at->p + 5;
    if (rp_left(at, at->p) < 7 || memcmp(at->p, "unix:/", 6) != 0 || rp_after_word(at))
        return 0;
    while (rp_is(*p, RP_C_WORD) || rp_among(*p, ".-/"))
        p++;
    while (!rp_is(p[-1], RP_C_WORD))
        p--;
    return p > at->p + 6 ? (size_t)(p - at->p) : 0;
}

/* A dotted host in one case before :port. */
static size_t host(const struct rp_at *at)
{
    const char *p = at->p;
    if (!(at->seen & RP_SEEN_COLON) || rp_after_word(at) || rp_prev(at) == '.' ||
        rp_prev(at) == '-')
        return 0;
    size_t dots = 0;
    if (rp_is(*p, RP_C_UPPER))
        while (rp_is(*p, RP_C_UPPER | RP_C_DIGIT) || *p == '-')
            p++;
    else
        p = past(p, IN_HOST);
    while (*p == '.') {
        const char *q = past(p + 1, IN_HOST);
        if (q == p + 1)
            break;
        p = q;
        dots++;
    }
    if (dots == 0 || *p != ':')
        return 0;
    size_t port = rp_digits(at, p + 1);
    return port > 0 && !rp_word_here(at, p + 1 + port) ? (size_t)(p - at->p) : 0;
}

/* ---- dates ---- */

static bool digits_at(const struct rp_at *at, const char *p, size_t n)
{
    return rp_left(at, p) >= n && rp_run(p, p + n, RP_C_DIGIT) == n;
}

/* RFC 3339 with a "T": one value, whatever its precision and zone. */
static size_t iso_time(const struct rp_at *at)
{
    const char *p = at->p;
    if (rp_left(at, p) < 16 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' ||
        !digits_at(at, p, 4) || !digits_at(at, p + 5, 2) || !digits_at(at, p + 8, 2) ||
        !digits_at(at, p + 11, 2) || !digits_at(at, p + 14, 2) || rp_after_word(at))
        return 0;
    p += 16;
    if (*p == ':' && digits_at(at, p + 1, 2))
        p += 3;
    if ((*p == '.' || *p == ',') && rp_is(p[1], RP_C_DIGIT))
        p += 1 + rp_digits(at, p + 1);
    if (*p == 'Z')
        p++;
    else if ((*p == '+' || *p == '-') && digits_at(at, p + 1, 2))
        p += 3 + (p[3] == ':' && digits_at(at, p + 4, 2) ? 3 : digits_at(at, p + 3, 2) ? 2 : 0);
    return rp_word_here(at, p) ? 0 : (size_t)(p - at->p);
}

static const char *skip_blank(const char *p)
{
    const char *q = p + rp_span(p, RP_C_BLANK);
    return q > p ? q : NULL;
}

static const char *clock_part(const struct rp_at *at, const char *p)
{
    const char *q = skip_blank(*p == ',' ? p + 1 : p);
    if (q == NULL || rp_left(at, q) < 8 || q[2] != ':' || q[5] != ':')
        return p;
    for (size_t i = 0; i < 8; i++)
        if (i % 3 != 2 && !rp_is(q[i], RP_C_DIGIT))
            return p;
    return q + 8;
}

static const char *zone_part(const char *p)
{
    const char *q = skip_blank(p);
    size_t n = q != NULL ? rp_span(q, RP_C_UPPER) : 0;
    return (n == 3 || n == 4) && rp_is(q[n], RP_C_BLANK) ? q + n : p;
}

static const char *year_part(const struct rp_at *at, const char *p)
{
    const char *q = skip_blank(*p == ',' ? p + 1 : p);
    bool year = q != NULL && rp_digits(at, q) == 4 && !rp_word_here(at, q + 4);
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
    if (rp_left(at, p) < 5 || !rp_is(p[2], RP_C_LOWER) || !rp_among(*p, "JFMASONDTW") ||
        rp_after_word(at))
        return 0;
    if ((q = rp_named_at(at, p, days)) != NULL) {
        q += rp_span(q, RP_C_LOWER);
        q = skip_blank(*q == ',' ? q + 1 : q);
        if (q == NULL)
            return 0;
        p = q;
    }
    if ((p = rp_named_at(at, p, months)) == NULL || (p = skip_blank(p)) == NULL)
        return 0;
    size_t n = rp_digits(at, p);
    if (n == 0 || n > 2 || rp_word_here(at, p + n) || p[n] == '.')
        return 0;
    p = year_part(at, zone_part(clock_part(at, p + n)));
    return (size_t)(p - at->p);
}

/* ---- in order ---- */

/* `run` is where the first run of word characters ends: what stands there tells which values are
 * possible at all. */
size_t rp_typed_letter(const struct rp_at *at, const char *run)
{
    size_t n = 0, letters = (size_t)(run - at->p);
    switch (*run) {
    case ':':
        n = at->seen & RP_SEEN_URL ? url(at) : 0;
        if (n == 0 && run[1] == '\\')
            n = windows_path(at);
        if (n == 0 && run[1] == '/')
            n = unix_address(at);
        if (n == 0 && letters <= 4)
            n = ip6(at);
        break;
    case '-':
        n = letters == 8 ? uuid(at) : 0;
        __attribute__((fallthrough));
    case '.':
    case '+':
        if (n == 0 && (at->seen & RP_SEEN_URL))
            n = url(at);
        if (n == 0 && (at->seen & RP_SEEN_PORT))
            n = host(at);
        break;
    default:
        n = date(at);
        break;
    }
    return n > 0 ? n : request_target(at);
}

/* IPv4 and IPv6 addresses, hosts, ids: what begins with a digit and goes on after it. */
static size_t longer_digit(const struct rp_at *at, char next, size_t run)
{
    size_t n = 0;
    if (next == '-' && run == 4)
        n = iso_time(at);
    if (n == 0 && (next == '-' || rp_is(next, RP_C_HEX)))
        n = uuid(at);
    if (n == 0 && (next == ':' || rp_is(next, RP_C_HEX)))
        n = ip6(at);
    if (n == 0 && next == '.' && run <= 3)
        n = ip4(at);
    if (n == 0 && (at->seen & RP_SEEN_PORT))
        n = host(at);
    if (n == 0)
        n = request_target(at);
    return n > 0 || run != 1 ? n : rp_typed_hex(at);
}

size_t rp_typed_digit(const struct rp_at *at)
{
    static const bool more[256] = {['.'] = true, [':'] = true, ['-'] = true, ['/'] = true};
    size_t run = rp_digits(at, at->p);
    char next = at->p[run];
    bool alone = !rp_is(next, RP_C_WORD) && !more[(unsigned char)next];
    if (alone && !at->after_method && !rp_after_word(at))
        return run;
    size_t n = longer_digit(at, next, run);
    return n > 0 ? n : rp_typed_number(at, at->p);
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
    if (n == 0 && (*at->p == '+' || *at->p == '-') && rp_is(at->p[1], RP_C_DIGIT))
        n = rp_typed_number(at, at->p + 1);
    return n;
}
