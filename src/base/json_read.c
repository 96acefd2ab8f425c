#include "base/json_internal.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const kind_names[] = {
    [RP_JSON_NONE] = "nothing",    [RP_JSON_OBJECT] = "an object", [RP_JSON_ARRAY] = "an array",
    [RP_JSON_STRING] = "a string", [RP_JSON_NUMBER] = "a number",  [RP_JSON_BOOL] = "true or false",
    [RP_JSON_NULL] = "null",
};

void rp_json_open(struct rp_json *r, struct rp_str text, struct rp_arena *arena)
{
    r->start = r->p = r->at = text.p != NULL ? text.p : "";
    r->end = r->start + text.n;
    r->key = RP_NONE;
    r->arena = arena;
    r->depth = 0;
    r->max_depth = RP_JSON_DEPTH;
    r->max_items = RP_JSON_ITEMS;
    r->failed = false;
}

/* ---- errors ---- */

/* The key as messages show it: short, and fit for a terminal. */
static const char *shown(struct rp_str key, char buf[64])
{
    size_t n = key.p != NULL ? rp_utf8_whole(key.p, key.n < 60 ? key.n : 60) : 0;
    for (size_t i = 0; i < n; i++)
        buf[i] = (unsigned char)key.p[i] < 0x20 || key.p[i] == 0x7f ? '?' : key.p[i];
    buf[n] = '\0';
    return buf;
}

static bool fail_text(struct rp_json *r, enum rp_code code, const char *at, const char *text)
{
    if (r->failed)
        return false;
    size_t line = 1, column = 1;
    for (const char *p = r->start; p < at; p++) {
        column += ((unsigned char)*p & 0xC0) != 0x80;
        if (*p == '\n')
            line++, column = 1;
    }
    char key[64];
    bool keyed = r->key.p != NULL;
    r->failed = true;
    return rp_fail(&r->err, code, "%s%s%s%.*s (line %zu, column %zu, byte %zu)", keyed ? "\"" : "",
                   shown(r->key, key), keyed ? "\": " : "",
                   (int)rp_utf8_whole(text, strnlen(text, 240)), text, line, column,
                   (size_t)(at - r->start));
}

bool rp_json_bad(struct rp_json *r, enum rp_code code, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fail_text(r, code, r->at, text);
}

bool rp_json_unknown(struct rp_json *r, struct rp_str key)
{
    r->key = key;
    return rp_json_bad(r, RP_E_UNKNOWN_FIELD, "unknown field");
}

bool rp_json_malformed(struct rp_json *r, const char *text)
{
    return fail_text(r, RP_E_BAD_JSON, r->p, r->p < r->end ? text : "unexpected end of the input");
}

/* ---- tokens ---- */

static void space(struct rp_json *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
        r->p++;
}

static bool take(struct rp_json *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

enum rp_json_kind rp_json_peek(struct rp_json *r)
{
    if (r->failed)
        return RP_JSON_NONE;
    space(r);
    switch (r->p < r->end ? *r->p : '\0') {
    case '{':
        return RP_JSON_OBJECT;
    case '[':
        return RP_JSON_ARRAY;
    case '"':
        return RP_JSON_STRING;
    case 't':
    case 'f':
        return RP_JSON_BOOL;
    case 'n':
        return RP_JSON_NULL;
    case '-':
        return RP_JSON_NUMBER;
    default:
        return r->p < r->end && *r->p >= '0' && *r->p <= '9' ? RP_JSON_NUMBER : RP_JSON_NONE;
    }
}

bool rp_json_begin(struct rp_json *r, enum rp_json_kind want)
{
    enum rp_json_kind kind = rp_json_peek(r);
    r->at = r->p;
    if (kind == want)
        return !r->failed;
    if (kind == RP_JSON_NONE)
        return rp_json_malformed(r, "expected a value");
    return rp_json_bad(r, RP_E_BAD_FIELD, "expected %s, found %s", kind_names[want],
                       kind_names[kind]);
}

/* ---- objects and arrays ---- */

static bool open_level(struct rp_json *r, enum rp_json_kind kind)
{
    if (!rp_json_begin(r, kind))
        return false;
    if (r->depth >= r->max_depth || r->depth >= RP_JSON_DEPTH)
        return rp_json_bad(r, RP_E_TOO_LARGE, "more than %d levels", r->depth);
    r->p++;
    r->items[++r->depth] = 0;
    return true;
}

/* Passes the comma before the next item, or the bracket that closes. */
static bool next(struct rp_json *r, char close)
{
    if (r->failed)
        return false;
    space(r);
    r->at = r->p;
    if (r->depth == 0)
        return rp_json_malformed(r, "no object or array is open");
    if (take(r, close)) {
        r->depth--;
        r->key = RP_NONE;
        return false;
    }
    if (r->items[r->depth] > 0 && !take(r, ','))
        return rp_json_malformed(r, close == '}' ? "expected , or }" : "expected , or ]");
    if (++r->items[r->depth] > r->max_items)
        return rp_json_bad(r, RP_E_TOO_LARGE, "more than %zu items", r->max_items);
    return true;
}

/* Passes `"key":`. */
static bool member(struct rp_json *r, struct rp_str *raw, bool *escapes)
{
    if (!next(r, '}'))
        return false;
    space(r);
    r->at = r->p;
    if (r->p == r->end || *r->p != '"')
        return rp_json_malformed(r, "expected a key in quotes");
    const char *wrong = rp_json_scan_string(&r->p, r->end, raw, escapes);
    if (wrong != NULL)
        return rp_json_malformed(r, wrong);
    space(r);
    return take(r, ':') || rp_json_malformed(r, "expected :");
}

bool rp_json_object(struct rp_json *r)
{
    return open_level(r, RP_JSON_OBJECT);
}

bool rp_json_array(struct rp_json *r)
{
    return open_level(r, RP_JSON_ARRAY);
}

bool rp_json_item(struct rp_json *r)
{
    return next(r, ']');
}

bool rp_json_member(struct rp_json *r, struct rp_str *key)
{
    bool escapes = false;
    if (!member(r, key, &escapes))
        return false;
    if (escapes)
        *key = rp_json_decode(r->arena, *key);
    r->key = *key;
    return true;
}

int rp_json_field(struct rp_json *r, const char *const names[], uint64_t *seen)
{
    struct rp_str key = RP_NONE;
    int i = 0;
    if (!rp_json_member(r, &key))
        return -1;
    while (names[i] != NULL && !rp_str_is(key, names[i]))
        i++;
    if (names[i] == NULL) {
        (void)rp_json_unknown(r, key);
        return -1;
    }
    if ((*seen >> i & 1) != 0) {
        (void)rp_json_bad(r, RP_E_BAD_FIELD, "the field is given twice");
        return -1;
    }
    *seen |= UINT64_C(1) << i;
    return i;
}

/* ---- whole values ---- */

/* Recursion ends at max_depth. */
static bool skip(struct rp_json *r)
{
    struct rp_str raw;
    bool flag;
    switch (rp_json_peek(r)) {
    case RP_JSON_OBJECT:
        for (bool more = rp_json_object(r); more && member(r, &raw, &flag);)
            more = skip(r);
        return !r->failed;
    case RP_JSON_ARRAY:
        for (bool more = rp_json_array(r); more && rp_json_item(r);)
            more = skip(r);
        return !r->failed;
    case RP_JSON_STRING:
        return rp_json_pass_string(r, &raw, &flag);
    case RP_JSON_BOOL:
        return rp_json_bool(r, &flag);
    case RP_JSON_NULL:
        return rp_json_null(r);
    default:
        return rp_json_pass_number(r, &raw, &flag);
    }
}

bool rp_json_raw(struct rp_json *r, struct rp_str *out)
{
    struct rp_str key = r->key;
    (void)rp_json_peek(r);
    const char *from = r->p;
    if (!skip(r))
        return false;
    *out = (struct rp_str){from, (size_t)(r->p - from)};
    r->at = from;
    r->key = key;
    return true;
}

bool rp_json_skip(struct rp_json *r)
{
    struct rp_str ignored;
    return rp_json_raw(r, &ignored);
}

/* ---- the end ---- */

bool rp_json_done(struct rp_json *r, struct rp_err *err)
{
    if (!r->failed) {
        space(r);
        r->key = RP_NONE;
        if (r->p < r->end || r->depth > 0)
            (void)rp_json_malformed(r, "expected the end of the input");
    }
    if (r->failed && err != NULL)
        *err = r->err;
    return !r->failed;
}

bool rp_json_valid(struct rp_str text, struct rp_err *err)
{
    struct rp_json r;
    rp_json_open(&r, text, NULL);
    (void)rp_json_skip(&r);
    return rp_json_done(&r, err);
}
