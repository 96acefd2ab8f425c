/* The reader's askers: strings, numbers, ids, times. */
#include "base/json_internal.h"
#include "base/time.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

bool rp_json_pass_string(struct rp_json *r, struct rp_str *raw, bool *escapes)
{
    if (!rp_json_begin(r, RP_JSON_STRING))
        return false;
    const char *wrong = rp_json_scan_string(&r->p, r->end, raw, escapes);
    return wrong == NULL || rp_json_malformed(r, wrong);
}

bool rp_json_pass_number(struct rp_json *r, struct rp_str *raw, bool *integer)
{
    if (!rp_json_begin(r, RP_JSON_NUMBER))
        return false;
    const char *wrong = rp_json_scan_number(&r->p, r->end, raw, integer);
    return wrong == NULL || rp_json_malformed(r, wrong);
}

bool rp_json_str(struct rp_json *r, struct rp_str *out)
{
    struct rp_str raw;
    bool escapes;
    if (!rp_json_pass_string(r, &raw, &escapes))
        return false;
    *out = escapes ? rp_json_decode(r->arena, raw) : raw;
    return true;
}

bool rp_json_i64(struct rp_json *r, int64_t *out)
{
    struct rp_str raw;
    bool integer;
    if (!rp_json_pass_number(r, &raw, &integer))
        return false;
    if (!integer)
        return rp_json_bad(r, RP_E_BAD_FIELD, "expected an integer");
    return rp_str_i64(raw, out) || rp_json_bad(r, RP_E_BAD_FIELD, "the number is out of range");
}

bool rp_json_f64(struct rp_json *r, double *out)
{
    struct rp_str raw;
    bool integer;
    char small[64] = "", *text = small;
    if (!rp_json_pass_number(r, &raw, &integer))
        return false;
    if (raw.n < sizeof small)
        memcpy(small, raw.p, raw.n);
    else
        text = rp_cstr(r->arena, raw);
    /* The C locale, whatever the process has set; glibc hands out a constant for it. */
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
    double v = strtod_l(text, NULL, c);
    freelocale(c);
    if (!isfinite(v))
        return rp_json_bad(r, RP_E_BAD_FIELD, "the number is out of range");
    *out = v;
    return true;
}

static bool literal(struct rp_json *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return rp_json_malformed(r, "expected true, false or null");
    r->p += n;
    return true;
}

bool rp_json_bool(struct rp_json *r, bool *out)
{
    if (!rp_json_begin(r, RP_JSON_BOOL))
        return false;
    bool v = *r->p == 't';
    if (!literal(r, v ? "true" : "false"))
        return false;
    *out = v;
    return true;
}

bool rp_json_null(struct rp_json *r)
{
    return rp_json_begin(r, RP_JSON_NULL) && literal(r, "null");
}

bool rp_json_id(struct rp_json *r, int64_t *out)
{
    struct rp_str s;
    int64_t id;
    if (!rp_json_str(r, &s))
        return false;
    if (!rp_str_i64(s, &id) || id <= 0)
        return rp_json_bad(r, RP_E_BAD_FIELD, "expected an id: a string of decimal digits");
    *out = id;
    return true;
}

bool rp_json_time(struct rp_json *r, int64_t *us)
{
    struct rp_str s;
    if (!rp_json_str(r, &s))
        return false;
    return rp_time_parse(s, us) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "expected a time such as 2026-11-24T02:00:00Z");
}
