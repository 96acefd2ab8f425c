/* The reader against jansson: both accept or both refuse; what both accept has the same values; and
 * what the writer makes of it reads back the same.
 *
 * A raw NUL byte is never JSON; jansson overlooks one behind a number and is not asked. Known
 * differences, where nothing is compared: numbers that jansson cannot hold, NUL in keys
 * (which it refuses), our limits of depth and items; values of objects with repeated keys. */
#include "base/json.h"

#include <jansson.h>
#include <stdlib.h>

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void compare(struct rp_json *r, json_t *want);

static void compare_object(struct rp_json *r, json_t *want)
{
    struct rp_str key;
    size_t n = 0;
    expect(rp_json_object(r) && json_is_object(want));
    for (; rp_json_member(r, &key); n++) {
        json_t *value = json_object_getn(want, key.p, key.n);
        expect(value != NULL);
        compare(r, value);
    }
    expect(n == json_object_size(want));
}

static void compare_array(struct rp_json *r, json_t *want)
{
    size_t n = 0;
    expect(rp_json_array(r) && json_is_array(want));
    for (; rp_json_item(r); n++)
        compare(r, json_array_get(want, n));
    expect(n == json_array_size(want));
}

static void compare_number(struct rp_json *r, json_t *want)
{
    int64_t i;
    double f, w = json_real_value(want);
    if (json_is_integer(want))
        expect(rp_json_i64(r, &i) && i == json_integer_value(want));
    else
        expect(json_is_real(want) && rp_json_f64(r, &f) && memcmp(&f, &w, sizeof f) == 0);
}

static void compare(struct rp_json *r, json_t *want)
{
    struct rp_str s;
    bool b;
    switch (rp_json_peek(r)) {
    case RP_JSON_OBJECT:
        compare_object(r, want);
        break;
    case RP_JSON_ARRAY:
        compare_array(r, want);
        break;
    case RP_JSON_STRING:
        expect(rp_json_str(r, &s) && json_is_string(want));
        expect(rp_str_eq(s, (struct rp_str){json_string_value(want), json_string_length(want)}));
        break;
    case RP_JSON_NUMBER:
        compare_number(r, want);
        break;
    case RP_JSON_BOOL:
        expect(rp_json_bool(r, &b) && json_is_boolean(want) && b == json_is_true(want));
        break;
    default:
        expect(rp_json_null(r) && json_is_null(want));
    }
}

/* As an integer if it is one: the sign of -0 lives in doubles only. */
static void copy_number(struct rp_json *r, struct rp_jw *w)
{
    struct rp_str raw;
    int64_t i;
    double f;
    expect(rp_json_raw(r, &raw));
    if (rp_str_i64(raw, &i) && !rp_str_is(raw, "-0")) {
        rp_jw_i64(w, i);
        return;
    }
    struct rp_json number;
    rp_json_open(&number, raw, r->arena);
    expect(rp_json_f64(&number, &f));
    rp_jw_f64(w, f);
}

static void copy(struct rp_json *r, struct rp_jw *w)
{
    struct rp_str s;
    bool b;
    switch (rp_json_peek(r)) {
    case RP_JSON_OBJECT:
        rp_jw_object(w);
        for ((void)rp_json_object(r); rp_json_member(r, &s); copy(r, w))
            rp_jw_key_str(w, s);
        rp_jw_object_end(w);
        break;
    case RP_JSON_ARRAY:
        rp_jw_array(w);
        for ((void)rp_json_array(r); rp_json_item(r);)
            copy(r, w);
        rp_jw_array_end(w);
        break;
    case RP_JSON_STRING:
        expect(rp_json_str(r, &s));
        rp_jw_str(w, s);
        break;
    case RP_JSON_NUMBER:
        copy_number(r, w);
        break;
    case RP_JSON_BOOL:
        expect(rp_json_bool(r, &b));
        rp_jw_bool(w, b);
        break;
    default:
        expect(rp_json_null(r));
        rp_jw_null(w);
    }
}

static void same_values(struct rp_str text, json_t *want, struct rp_arena *a)
{
    struct rp_json r;
    rp_json_open(&r, text, a);
    compare(&r, want);
    expect(rp_json_done(&r, NULL));
}

static void round_trip(struct rp_str text, json_t *want, struct rp_arena *a)
{
    struct rp_buf out = {0};
    struct rp_jw w = {.out = &out};
    struct rp_json r;
    rp_json_open(&r, text, a);
    copy(&r, &w);
    expect(rp_json_done(&r, NULL));
    same_values(rp_buf_view(&out), want, a);
    rp_buf_free(&out);
}

static bool incomparable(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_duplicate_key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_str text = {(const char *)data, size};
    struct rp_err err = {0};
    struct rp_arena a = {0};
    json_error_t error = {0};
    bool ours = rp_json_valid(text, &err);
    if (size > 0 && memchr(data, 0, size) != NULL) {
        expect(!ours);
        return 0;
    }
    json_t *theirs = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    bool comparable = theirs != NULL || !incomparable(&error);
    if (comparable && err.code != RP_E_TOO_LARGE)
        expect(ours == (theirs != NULL));
    json_decref(theirs);
    theirs = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES,
                        &error);
    if (ours && theirs != NULL) {
        same_values(text, theirs, &a);
        round_trip(text, theirs, &a);
    }
    json_decref(theirs);
    rp_arena_free(&a);
    return 0;
}
