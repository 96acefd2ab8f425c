/* Private to json_*.c: tokens as pure functions over text, and what the reader's files share. */
#ifndef RP_BASE_JSON_INTERNAL_H
#define RP_BASE_JSON_INTERNAL_H

#include "base/json.h"

/* A scan starts at the token's first byte and moves *p behind it; it returns NULL, or what is wrong
 * at *p. Strings: checks escapes, surrogates, UTF-8; *raw is what stands between the quotes.
 * Numbers: *integer means neither fraction nor exponent. */
const char *rp_json_scan_string(const char **p, const char *end, struct rp_str *raw, bool *escapes);
const char *rp_json_scan_number(const char **p, const char *end, struct rp_str *raw, bool *integer);
/* The text of a string that was scanned. */
struct rp_str rp_json_decode(struct rp_arena *a, struct rp_str raw);

/* Goes to the start of a value, which must be of the kind. */
bool rp_json_begin(struct rp_json *r, enum rp_json_kind want);
/* RP_E_BAD_JSON at the reader's place; returns false. */
bool rp_json_malformed(struct rp_json *r, const char *text);
/* Passes a value of the kind without decoding it. */
bool rp_json_pass_string(struct rp_json *r, struct rp_str *raw, bool *escapes);
bool rp_json_pass_number(struct rp_json *r, struct rp_str *raw, bool *integer);

#endif
