/* The rows of a contrast table. Inside analyze/ only: contrast.c fills it, contrast_find.c asks. */
#ifndef RP_ANALYZE_CONTRAST_TABLE_H
#define RP_ANALYZE_CONTRAST_TABLE_H

#include "analyze/column.h"
#include "analyze/contrast.h"

struct row_counts {
    uint32_t failed, runs;
};

struct row_slot {
    uint32_t tag, row; /* upper half of the hash, so that other rows are not looked at; row + 1 */
};

/* Rows wait for a moment so that the memory that they go to is near when they are put down. */
enum { WAITING = 32 };
struct waiting {
    uint64_t hash;
    struct rp_counts counts;
    uint32_t cells[RP_CONTRAST_ATTRIBUTES];
};

/* Rows are unique but where a count would overflow. */
struct rp_contrast {
    struct column columns[RP_CONTRAST_ATTRIBUTES];
    size_t n_columns;
    uint32_t *cells; /* n_columns a row: ids of the columns */
    struct row_counts *counts;
    size_t n, cap;
    struct row_slot *slots;
    size_t n_slots;
    struct waiting waiting[WAITING];
    size_t n_waiting;
};

static inline const uint32_t *row_cells(const struct rp_contrast *c, size_t row)
{
    return c->cells + row * c->n_columns;
}

/* Puts down the rows that wait. */
void rp_contrast_settle(struct rp_contrast *c);

#endif
