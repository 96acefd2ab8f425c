/* The members of a log line that is a JSON object, flat: those of the line and of the objects in
 * it, two levels deep, each under the name of the object that it stands in. What a reader does not
 * look for costs nothing but its place. */
#ifndef RP_ANALYZE_FORMATS_FIELDS_H
#define RP_ANALYZE_FORMATS_FIELDS_H

#include "analyze/formats/format.h"
#include "base/json.h"

enum { RP_FIELDS_MAX = 96 };

struct rp_field {
    struct rp_str parent, key; /* parent: absent for members of the line itself */
    struct rp_str value;       /* strings decoded; all else as it stands */
    enum rp_json_kind kind;
};
struct rp_fields {
    struct rp_field v[RP_FIELDS_MAX];
    size_t n;
    struct rp_arena arena;
};

/* False if the line is no object at all. A line that was cut, or that is not valid somewhere, gives
 * what stands before that place; bytes that are not UTF-8 become U+FFFD. */
bool rp_fields_read(struct rp_fields *f, struct rp_str line);
void rp_fields_add(struct rp_fields *f, const char *key, struct rp_str text);
/* The fields of a line of text: logfmt, or a JSON object behind the message (text_fields.c). */
bool rp_text_fields(struct rp_stamp *st, struct rp_fields *f, struct rp_str line);
void rp_fields_free(struct rp_fields *f);

/* The first member of one of the names, NULL-terminated, in the order of the names. */
const struct rp_field *rp_field_of(const struct rp_fields *f, const char *const *names);
/* A member's text or number, absent if it is not there or is neither. */
struct rp_str rp_field_text(const struct rp_fields *f, const char *key);
struct rp_str rp_field_in(const struct rp_fields *f, const char *parent, const char *key);
bool rp_field_has(const struct rp_fields *f, const char *key, enum rp_json_kind kind);
bool rp_field_number(const struct rp_field *f, int64_t *out); /* its whole part */
/* A time: milliseconds, seconds, microseconds since 1970, RFC 3339 or another form of a log. */
int64_t rp_field_time(struct rp_stamp *st, const struct rp_field *f);

#endif
