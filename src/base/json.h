/* JSON by RFC 8259: a strict pull reader over a slice and a writer into a buffer. No allocation by
 * the reader but for strings with escapes, which are decoded into the caller's arena.
 *
 * Reader: every call returns false at an error or at the end of an object or array; errors stick,
 * so a caller reads on and asks once, with rp_json_done(). UTF-8 is checked. Limits: depth (default
 * 64), items of one array or object (default 10,000; arrays of a batch may ask for more). Duplicate
 * keys of one object are an error when the caller uses rp_json_member() with `seen` bits (see
 * there); numbers out of range are an error of the asker, never clamped.
 *
 *     struct rp_json r;
 *     rp_json_open(&r, text, &arena);
 *     rp_json_object(&r);
 *     while (rp_json_member(&r, &key)) {
 *         if (rp_str_is(key, "type")) rp_json_str(&r, &type);
 *         else if (rp_str_is(key, "payload")) rp_json_raw(&r, &payload);      // validated, byte
 * range as it came else rp_json_unknown(&r, key);
 *     }
 *     if (!rp_json_done(&r, err)) return false;
 */
#ifndef RP_BASE_JSON_H
#define RP_BASE_JSON_H

#include "base/err.h"
#include "base/str.h"

enum rp_json_kind {
    RP_JSON_NONE, /* end of input or error */
    RP_JSON_OBJECT,
    RP_JSON_ARRAY,
    RP_JSON_STRING,
    RP_JSON_NUMBER,
    RP_JSON_BOOL,
    RP_JSON_NULL,
};

enum { RP_JSON_DEPTH = 64, RP_JSON_ITEMS = 10000 };

struct rp_json {
    const char *start, *p, *end;
    struct rp_arena *arena;
    int depth, max_depth;
    size_t max_items;
    struct {
        bool array, first;
        size_t items;
    } level[RP_JSON_DEPTH + 1];
    bool failed;
    struct rp_err err; /* filled when failed: what, and the byte offset, line and column */
};

/* Sets the defaults of the limits; the caller may lower or raise max_items (and lower max_depth)
 * before reading. */
void rp_json_open(struct rp_json *r, struct rp_str text, struct rp_arena *arena);
enum rp_json_kind rp_json_peek(struct rp_json *r); /* what comes next, without taking it */

bool rp_json_object(struct rp_json *r);                     /* takes '{' */
bool rp_json_member(struct rp_json *r, struct rp_str *key); /* false at '}' (taken). Key decoded. */
bool rp_json_array(struct rp_json *r);                      /* takes '[' */
bool rp_json_item(struct rp_json *r); /* true: an item follows; false at ']' (taken) */

bool rp_json_str(struct rp_json *r, struct rp_str *out); /* decoded; may hold NUL from \u0000 */
bool rp_json_i64(struct rp_json *r, int64_t *out); /* an integer in range; 1.0 and 1e3 are errors */
bool rp_json_f64(struct rp_json *r, double *out);  /* any number that is finite as a double */
bool rp_json_bool(struct rp_json *r, bool *out);
bool rp_json_null(struct rp_json *r);
bool rp_json_raw(struct rp_json *r, struct rp_str *out); /* any value, validated; its bytes */
bool rp_json_skip(struct rp_json *r);
/* An id as the API gives it: a string of decimal digits, > 0. */
bool rp_json_id(struct rp_json *r, int64_t *out);
/* An RFC 3339 string. */
bool rp_json_time(struct rp_json *r, int64_t *us);

/* Errors of the caller's own, with position: a field it does not know; a value it cannot use.
 * Return false. */
bool rp_json_unknown(struct rp_json *r, struct rp_str key);
bool rp_json_bad(struct rp_json *r, enum rp_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* True if everything was read, nothing but white space follows and nothing failed; else fills err.
 */
bool rp_json_done(struct rp_json *r, struct rp_err *err);
/* One whole value: is it valid JSON? */
bool rp_json_valid(struct rp_str text, struct rp_err *err);

/* ---- writer ---- commas and colons by itself; invalid UTF-8 in strings is written as U+FFFD,
 * control characters escaped. */

struct rp_jw {
    struct rp_buf *out;
    bool comma, after_key;
};

void rp_jw_object(struct rp_jw *w);
void rp_jw_object_end(struct rp_jw *w);
void rp_jw_array(struct rp_jw *w);
void rp_jw_array_end(struct rp_jw *w);
void rp_jw_key(struct rp_jw *w, const char *key);
void rp_jw_key_str(struct rp_jw *w, struct rp_str key);
void rp_jw_str(struct rp_jw *w, struct rp_str s);
void rp_jw_i64(struct rp_jw *w, int64_t v);
void rp_jw_f64(struct rp_jw *w,
               double v); /* shortest form that reads back; NaN and infinities become null */
void rp_jw_bool(struct rp_jw *w, bool v);
void rp_jw_null(struct rp_jw *w);
void rp_jw_raw(struct rp_jw *w, struct rp_str json); /* a value that is JSON already */

/* Members. Absent means not known: a slice without pointer, a time or id of 0 write nothing. */
void rp_jw_m_str(struct rp_jw *w, const char *key, struct rp_str s);
void rp_jw_m_cstr(struct rp_jw *w, const char *key, const char *s);
void rp_jw_m_i64(struct rp_jw *w, const char *key, int64_t v);
void rp_jw_m_f64(struct rp_jw *w, const char *key, double v);
void rp_jw_m_bool(struct rp_jw *w, const char *key, bool v);
void rp_jw_m_time(struct rp_jw *w, const char *key, int64_t us);
void rp_jw_m_id(struct rp_jw *w, const char *key, int64_t id); /* as a string */
void rp_jw_m_raw(struct rp_jw *w, const char *key, struct rp_str json);

#endif
