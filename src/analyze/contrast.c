#include "analyze/contrast_table.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 1 << 10, ROWS_MAX = INT32_MAX };

struct rp_contrast *rp_contrast_new(const struct rp_str *attributes, size_t n)
{
    struct rp_contrast *c = rp_xcalloc(1, sizeof *c);
    c->n_columns = n < RP_CONTRAST_ATTRIBUTES ? n : RP_CONTRAST_ATTRIBUTES;
    for (size_t i = 0; i < c->n_columns; i++)
        column_open(&c->columns[i], attributes[i]);
    c->n_slots = SLOTS_FIRST;
    c->slots = rp_xcalloc(c->n_slots, sizeof *c->slots);
    return c;
}

void rp_contrast_free(struct rp_contrast *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_columns; i++)
        column_close(&c->columns[i]);
    free(c->cells);
    free(c->counts);
    free(c->slots);
    free(c);
}

/* ---- rows ---- */

static uint64_t hash_row(const uint32_t *cells, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++)
        h = (h ^ cells[i]) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static void slot_put(struct rp_contrast *c, size_t row)
{
    uint64_t hash = hash_row(row_cells(c, row), c->n_columns);
    size_t at = hash & (c->n_slots - 1);
    while (c->slots[at].row != 0)
        at = (at + 1) & (c->n_slots - 1);
    c->slots[at] = (struct row_slot){(uint32_t)(hash >> 32), (uint32_t)row + 1};
}

static void slots_fill(struct rp_contrast *c, size_t n_slots)
{
    free(c->slots);
    c->n_slots = n_slots;
    c->slots = rp_xcalloc(n_slots, sizeof *c->slots);
    for (size_t row = 0; row < c->n; row++)
        slot_put(c, row);
}

static void rows_grow(struct rp_contrast *c)
{
    c->cap = c->cap > 0 ? c->cap + c->cap / 2 : SLOTS_FIRST;
    c->cells =
        rp_xrealloc(c->cells, c->cap * (c->n_columns > 0 ? c->n_columns : 1) * sizeof *c->cells);
    c->counts = rp_xrealloc(c->counts, c->cap * sizeof *c->counts);
}

static bool counts_fit(const struct row_counts *have, struct rp_counts more)
{
    return more.runs <= UINT32_MAX - have->runs; /* failed is at most runs */
}

static bool slot_takes(const struct rp_contrast *c, const struct row_slot *slot, uint32_t tag,
                       const uint32_t *cells, struct rp_counts counts)
{
    return slot->tag == tag &&
           memcmp(row_cells(c, slot->row - 1), cells, c->n_columns * sizeof *cells) == 0 &&
           counts_fit(&c->counts[slot->row - 1], counts);
}

static void row_new(struct rp_contrast *c, const uint32_t *cells)
{
    if (c->n == c->cap)
        rows_grow(c);
    if (c->n_columns > 0)
        memcpy(c->cells + c->n * c->n_columns, cells, c->n_columns * sizeof *cells);
    c->counts[c->n++] = (struct row_counts){0};
}

static void row_put(struct rp_contrast *c, const struct waiting *w)
{
    uint32_t tag = (uint32_t)(w->hash >> 32);
    size_t at = w->hash & (c->n_slots - 1);
    while (c->slots[at].row != 0 && !slot_takes(c, &c->slots[at], tag, w->cells, w->counts))
        at = (at + 1) & (c->n_slots - 1);
    if (c->slots[at].row == 0) {
        row_new(c, w->cells);
        c->slots[at] = (struct row_slot){tag, (uint32_t)c->n};
    }
    struct row_counts *have = &c->counts[c->slots[at].row - 1];
    have->failed += (uint32_t)w->counts.failed;
    have->runs += (uint32_t)w->counts.runs;
    if (c->n * 5 > c->n_slots * 3)
        slots_fill(c, c->n_slots * 2);
}

void rp_contrast_settle(struct rp_contrast *c)
{
    for (size_t i = 0; i < c->n_waiting; i++)
        row_put(c, &c->waiting[i]);
    c->n_waiting = 0;
}

static void row_add(struct rp_contrast *c, const uint32_t *cells, struct rp_counts counts)
{
    struct waiting *w = &c->waiting[c->n_waiting++];
    w->hash = hash_row(cells, c->n_columns);
    w->counts = counts;
    memcpy(w->cells, cells, c->n_columns * sizeof *cells);
    __builtin_prefetch(&c->slots[w->hash & (c->n_slots - 1)], 1);
    if (c->n_waiting == WAITING)
        rp_contrast_settle(c);
}

/* ---- a column changed ---- */

/* Rows that are alike after a column's ids have changed become one. */
static void rows_merge(struct rp_contrast *c, size_t column, const uint32_t *map)
{
    rp_contrast_settle(c);
    size_t n = c->n;
    c->n = 0;
    memset(c->slots, 0, c->n_slots * sizeof *c->slots);
    for (size_t row = 0; row < n; row++) { /* into rows at or before this one */
        uint32_t *cells = c->cells + row * c->n_columns, copy[RP_CONTRAST_ATTRIBUTES];
        struct row_counts counts = c->counts[row];
        cells[column] = map[cells[column]];
        memcpy(copy, cells, c->n_columns * sizeof *cells);
        row_add(c, copy, (struct rp_counts){counts.failed, counts.runs});
    }
    rp_contrast_settle(c);
}

void rp_contrast_add(struct rp_contrast *c, const struct rp_str *values, struct rp_counts counts)
{
    uint32_t cells[RP_CONTRAST_ATTRIBUTES], *map;
    for (size_t i = 0; i < c->n_columns; i++) {
        cells[i] = column_id(&c->columns[i], values[i], &map);
        if (map != NULL)
            rows_merge(c, i, map);
        free(map);
    }
    for (uint64_t part; counts.runs > 0; counts.runs -= part) { /* by what a row can count */
        part = counts.runs < UINT32_MAX ? counts.runs : UINT32_MAX;
        uint64_t failed = counts.failed < part ? counts.failed : part;
        if (c->n < ROWS_MAX - WAITING)
            row_add(c, cells, (struct rp_counts){failed, part});
        counts.failed -= failed;
    }
}
