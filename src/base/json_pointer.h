/* JSON pointers (RFC 6901) into JSON text: a value, and the same text with another value there. */
#ifndef RP_BASE_JSON_POINTER_H
#define RP_BASE_JSON_POINTER_H

#include "base/str.h"

/* "" or "/a/0/b" in UTF-8; ~ only as ~0 and ~1. */
bool rp_pointer_valid(struct rp_str pointer);
/* *out: the value's bytes, a slice of `doc`. */
bool rp_pointer_get(struct rp_arena *a, struct rp_str doc, struct rp_str pointer,
                    struct rp_str *out);
/* *out: `doc` with `value` (JSON) at the pointer; all other bytes as they are. What it points at is
 * there, or is a new member of an object that is there; else false. An empty pointer is the whole,
 * also of a document that is absent. */
bool rp_pointer_set(struct rp_arena *a, struct rp_str doc, struct rp_str pointer,
                    struct rp_str value, struct rp_str *out);

#endif
