/* JSON by RFC 8259: a strict pull reader over a slice and a writer into a buffer.
 *
 * Reader: every call returns false at an error or at the end of an object or array; errors stick,
 * so a caller reads on and asks once, with rp_json_done(). What comes out are slices of the input;
 * only strings with escapes are decoded into the caller's arena (and numbers of more than 63
 * characters copied for rp_json_f64). UTF-8 is checked, lone surrogates are refused. Limits: depth
 * (default 64), items of one array or object (default 10,000; a batch may ask for more); what is
 * over them is RP_E_TOO_LARGE. Numbers out of range are an error of the asker, never clamped.
 * Messages name the last key and the place: `"priority": expected a number, found a string (line 1,
 * column 31, byte 30)`; lines and columns from 1, columns in characters, bytes from 0.
 *
 * A command names its fields once; unknown and repeated ones are refused (S7):
 *
 *     static const char *const fields[] = {"type", "payload", NULL};
 *     uint64_t seen = 0;
 *     rp_json_open(&r, text, &arena);
 *     rp_json_object(&r);
 *     for (int f; (f = rp_json_field(&r, fields, &seen)) >= 0;)
 *         if (f == 0)
 *             rp_json_str(&r, &type);
 *         else
 *             rp_json_raw(&r, &payload); // validated, its bytes as they came
 *     if (!rp_json_done(&r, err))
 *         return false;
 *
 * Objects with keys of the user's own (labels, payloads) are walked with rp_json_member(), which
 * does not look for repeated keys: who needs them unique bounds their number and compares. */
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
    const char *at;    /* where the last key or value began: the place of rp_json_bad() */
    struct rp_str key; /* the last key read, for messages */
    struct rp_arena *arena;
    int depth, max_depth;
    size_t max_items, items[RP_JSON_DEPTH + 1]; /* items so far of the open array or object */
    bool failed;
    struct rp_err err; /* filled when failed */
};

/* Sets the defaults of the limits; the caller may change max_items and lower max_depth before
 * reading. arena may be NULL if only rp_json_raw() and rp_json_skip() follow. */
void rp_json_open(struct rp_json *r, struct rp_str text, struct rp_arena *arena);
enum rp_json_kind rp_json_peek(struct rp_json *r); /* what comes next, without taking it */

bool rp_json_object(struct rp_json *r);                     /* takes '{' */
bool rp_json_member(struct rp_json *r, struct rp_str *key); /* false at '}' (taken). Key decoded. */
/* As rp_json_member, for an object whose fields are all known: the index in `names` (≤ 64, ended by
 * NULL), -1 at '}' (taken). A key that is not among them or comes twice is an error. Begin with
 * *seen = 0; bit i of it then tells whether names[i] was there. */
int rp_json_field(struct rp_json *r, const char *const names[], uint64_t *seen);
bool rp_json_array(struct rp_json *r); /* takes '[' */
bool rp_json_item(struct rp_json *r);  /* true: an item follows; false at ']' (taken) */

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

/* Errors of the caller's own, with key and place of what was read last: a field it does not know; a
 * value it cannot use. Return false. */
bool rp_json_unknown(struct rp_json *r, struct rp_str key);
bool rp_json_bad(struct rp_json *r, enum rp_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* True if everything was read, nothing but white space follows and nothing failed; else fills err.
 */
bool rp_json_done(struct rp_json *r, struct rp_err *err);
/* One whole value: is it valid JSON? */
bool rp_json_valid(struct rp_str text, struct rp_err *err);

/* ---- writer ---- commas and colons by itself; each byte that is not part of valid UTF-8 is
 * written as U+FFFD, control characters escaped. */

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
void rp_jw_str(struct rp_jw *w, struct rp_str s); /* null if absent */
void rp_jw_i64(struct rp_jw *w, int64_t v);
void rp_jw_f64(struct rp_jw *w,
               double v); /* shortest form that reads back; NaN and infinities become null */
void rp_jw_bool(struct rp_jw *w, bool v);
void rp_jw_null(struct rp_jw *w);
void rp_jw_raw(struct rp_jw *w, struct rp_str json); /* JSON already; null if absent */

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
