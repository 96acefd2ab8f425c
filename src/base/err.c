#include "base/err.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *slug, *title;
    int exit_code, http;
} codes[RP_CODES_N] = {
#define X(sym, slug_, exit_, http_, title_)                                                        \
    [sym] = {.slug = slug_, .title = title_, .exit_code = exit_, .http = http_},
    RP_CODES(X)
#undef X
};

/* vsnprintf cuts at a byte; readers of an error may count on whole characters. */
__attribute__((format(printf, 3, 0))) static void format(char *buf, size_t size, const char *fmt,
                                                         va_list ap)
{
    int n = vsnprintf(buf, size, fmt, ap);
    if (n < 0)
        buf[0] = '\0';
    else if ((size_t)n >= size)
        buf[rp_utf8_whole(buf, size - 1)] = '\0';
}

bool(rp_fail)(struct rp_err *err, enum rp_code code, const char *fmt, ...)
{
    if (err == NULL)
        return false;
    err->code = code;
    err->hint[0] = '\0';
    va_list ap;
    va_start(ap, fmt);
    format(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return false;
}

bool(rp_hint)(struct rp_err *err, const char *fmt, ...)
{
    if (err == NULL)
        return false;
    va_list ap;
    va_start(ap, fmt);
    format(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    return false;
}

bool rp_absent(struct rp_err *err, const char *what, struct rp_str name, const char *lists)
{
    (void)rp_fail(err, RP_E_NOT_FOUND, "there is no %s %.*s", what, RP_FMT(name));
    return rp_hint(err, "%s lists what there is", lists);
}

bool rp_absent_id(struct rp_err *err, const char *what, int64_t id, const char *lists)
{
    (void)rp_fail(err, RP_E_NOT_FOUND, "there is no %s%lld", what, (long long)id);
    return rp_hint(err, "%s lists what there is", lists);
}

const char *rp_code_slug(enum rp_code code)
{
    return codes[code].slug;
}

const char *rp_code_title(enum rp_code code)
{
    return codes[code].title;
}

int rp_code_exit(enum rp_code code)
{
    return codes[code].exit_code;
}

int rp_code_http(enum rp_code code)
{
    return codes[code].http;
}

enum rp_code rp_code_of_slug(const char *slug)
{
    for (int i = 0; i < RP_CODES_N; i++)
        if (strcmp(codes[i].slug, slug) == 0)
            return (enum rp_code)i;
    return RP_E_INTERNAL;
}
