/* One attribute of a contrast table: its values as small numbers. Inside analyze/ only. */
#ifndef RP_ANALYZE_COLUMN_H
#define RP_ANALYZE_COLUMN_H

#include "base/str.h"

/* Of a text up to 16 bytes all of them, of a longer one 8 and the hash of the others. */
struct column_words {
    uint64_t first, more;
};

struct column_slot {
    struct column_words words;
    uint32_t n, id; /* id + 1; 0: free */
};

struct column_value {
    struct rp_str text; /* of a bin: absent */
    int bin;            /* exponent of two; BIN_NONE: text */
};

/* BIN_ZERO: zero and below. */
enum { BIN_NONE = INT32_MIN, BIN_ZERO = -1100, BINS = 2200 };

struct column {
    struct rp_str name;
    struct column_value *values;
    size_t n_values;
    struct column_slot *slots;
    size_t n_slots;
    size_t numbers, texts; /* distinct ones */
    bool binned, dropped, negative, fraction;
    uint32_t *bin_id; /* BINS of them, id + 1, when binned */
    struct rp_arena text;
};

void column_open(struct column *c, struct rp_str name);
void column_close(struct column *c);
/* The id of a value. *stale: the column has turned to bins or was dropped: ids given before are to
 * be mapped by `map` (freed by the caller). */
uint32_t column_id(struct column *c, struct rp_str value, uint32_t **map);
/* Numbers of a column that has many become bins; NULL: nothing changed, else the map of ids. */
uint32_t *column_finish(struct column *c);
/* How a value is shown. */
struct rp_str column_label(const struct column *c, uint32_t id, struct rp_arena *a);

#endif
