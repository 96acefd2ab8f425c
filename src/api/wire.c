/* The form of a request on the wire (S6): what programs on its way may read differently is refused.
 *
 * libmicrohttpd before 0.9.77 takes requests that RFC 9112 tells a server to reject: a bare LF as
 * the end of a line, folded lines, a NUL inside a value, both Content-Length and Transfer-Encoding,
 * two lengths, a space before the colon. Names and values are checked here. What ended each line is
 * read off their places: the library cuts the header block up where it lies, so that between the
 * end of a value and the next name there are exactly the two bytes that were CR LF, both zeroed. */
#include "api/internal.h"

#include <stdio.h>
#include <strings.h>

struct wire {
    struct request *q;
    int times[HEARD_N];
    const char *end; /* just behind the last value, NULL: not looked at */
    bool bad;
};

static const struct rp_str heard_names[HEARD_N] = {
    [HEARD_LENGTH] = RP_STR("Content-Length"),
    [HEARD_ENCODING] = RP_STR("Transfer-Encoding"),
    [HEARD_HOST] = RP_STR("Host"),
    [HEARD_SITE] = RP_STR("Sec-Fetch-Site"),
    [HEARD_AUTHORIZATION] = RP_STR("Authorization"),
    [HEARD_IDEMPOTENCY_KEY] = RP_STR("Idempotency-Key"),
};

static bool is_token(struct rp_str s)
{
    static const bool token[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,
        ['#'] = true,         ['$'] = true,         ['%'] = true,         ['&'] = true,
        ['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true,
        ['.'] = true,         ['^'] = true,         ['_'] = true,         ['`'] = true,
        ['|'] = true,         ['~'] = true,
    };
    for (size_t i = 0; i < s.n; i++)
        if (!token[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

static bool is_field_value(struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return true;
}

/* Two zeroed bytes from the end of the line before, then blanks only from colon to value. */
static bool line_sound(struct wire *w, struct rp_str name, struct rp_str value)
{
    if (w->end == NULL)
        return true;
    if (name.p - w->end != 2 || w->end[0] != '\0' || w->end[1] != '\0')
        return false;
    const char *p = name.p + name.n + 1;
    if (value.p < p)
        return false;
    for (; p < value.p; p++)
        if (*p != ' ' && *p != '\t')
            return false;
    w->end = value.p + value.n;
    return true;
}

static void hear(struct wire *w, struct rp_str name, struct rp_str value)
{
    for (size_t i = 0; i < HEARD_N; i++) {
        if (name.n != heard_names[i].n || strncasecmp(name.p, heard_names[i].p, name.n) != 0)
            continue;
        if (w->times[i]++ == 0)
            w->q->heard[i] = value;
    }
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_n,
                                 const char *value, size_t value_n)
{
    (void)kind;
    struct wire *w = cls;
    struct rp_str name = {key, key_n}, v = {value, value_n};
    hear(w, name, v);
    w->bad = value == NULL || !is_token(name) || !is_field_value(v) || !line_sound(w, name, v);
    return w->bad ? MHD_NO : MHD_YES;
}

bool wire_lenient_library(void)
{
    int major = 0, minor = 0, patch = 0;
    return sscanf(MHD_get_version(), "%d.%d.%d", &major, &minor, &patch) == 3 && major == 0 &&
           minor == 9 && patch < 77;
}

bool wire_uri_sound(const char *uri)
{
    for (const unsigned char *p = (const unsigned char *)uri; *p != '\0'; p++)
        if (*p <= 0x20 || *p == 0x7f)
            return false;
    return *uri != '\0';
}

static bool request_line_sound(const struct request *q, const char *method, const char *version)
{
    return is_token(rp_str_of(method)) && method + strlen(method) + 1 == q->uri.p &&
           q->uri.p + q->uri.n + 1 == version;
}

/* The block ends with CR LF CR LF: its size says whether one of these was left out. */
static bool end_sound(struct request *q, const char *method, const char *end)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info != NULL && info->header_size == (size_t)(end - method) + 4;
}

bool wire_sound(struct request *q, const char *method, const char *version, struct rp_err *err)
{
    struct wire w = {.q = q};
    bool look = q->api->lenient_library;
    if (look && request_line_sound(q, method, version))
        w.end = version + strlen(version);
    else
        w.bad = look;
    if (!w.bad)
        (void)MHD_get_connection_values_n(q->connection, MHD_HEADER_KIND, on_header, &w);
    if (w.bad || (look && !end_sound(q, method, w.end)))
        return rp_fail(err, RP_E_BAD_REQUEST, "the request line or a header is malformed");
    if (w.times[HEARD_LENGTH] > 1 || w.times[HEARD_HOST] > 1)
        return rp_fail(err, RP_E_BAD_REQUEST, "%s is there twice",
                       w.times[HEARD_HOST] > 1 ? "Host" : "Content-Length");
    if (w.times[HEARD_ENCODING] == 0)
        return true;
    (void)rp_fail(err, RP_E_BAD_REQUEST, "Transfer-Encoding is not taken");
    return rp_hint(err, "send the body with a Content-Length");
}
