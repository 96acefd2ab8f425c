/* Buckets by sorting hashes. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { SEEN_MIN = 1 << 10, SEEN_MAX = 1 << 20 }; /* hashes that are told apart while counting */

static bool met_before(struct rp_entries *e, uint64_t hash)
{
    uint64_t at = (hash >> 20 & (e->seen_n - 1)) * 2, *word = &e->seen[at / 64];
    uint64_t once = UINT64_C(1) << (at % 64), twice = once << 1;
    if (e->counting)
        *word |= *word & once ? twice : once;
    return (*word & twice) != 0;
}

void rp_entries_add(struct rp_entries *e, struct rp_entry x)
{
    if (e->seen != NULL && (!met_before(e, x.hash) || e->counting))
        return;
    if (e->n == e->cap) {
        e->cap = e->cap > 0 ? 2 * e->cap : 256;
        e->v = rp_xrealloc(e->v, e->cap * sizeof *e->v);
    }
    e->v[e->n++] = x;
}

void rp_entries_count(struct rp_entries *e, size_t items)
{
    e->seen_n = SEEN_MIN;
    while (e->seen_n < SEEN_MAX && e->seen_n < 128 * items)
        e->seen_n *= 2;
    e->seen = rp_xcalloc(e->seen_n / 32, sizeof *e->seen);
    e->counting = true;
}

void rp_entries_collect(struct rp_entries *e)
{
    e->counting = false;
}

void rp_entries_free(struct rp_entries *e)
{
    free(e->v);
    free(e->seen);
    *e = (struct rp_entries){0};
}

static int by_hash(const void *x, const void *y)
{
    const struct rp_entry *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->item != b->item)
        return a->item < b->item ? -1 : 1;
    return a->a < b->a ? -1 : a->a > b->a;
}

void rp_entries_sort(struct rp_entries *e)
{
    if (e->n > 1)
        qsort(e->v, e->n, sizeof *e->v, by_hash);
}

size_t rp_entries_find(const struct rp_entries *e, uint64_t hash)
{
    size_t lo = 0, hi = e->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (e->v[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

bool rp_entries_has(const struct rp_entries *e, uint64_t hash)
{
    size_t i = rp_entries_find(e, hash);
    return i < e->n && e->v[i].hash == hash;
}

size_t rp_entries_run(const struct rp_entries *e, size_t from)
{
    size_t to = from + 1;
    while (to < e->n && e->v[to].hash == e->v[from].hash)
        to++;
    return to;
}

static int by_size(const void *x, const void *y, void *ctx)
{
    const struct rp_bucket *a = x, *b = y;
    const struct rp_entry *v = ctx;
    size_t na = a->to - a->from, nb = b->to - b->from;
    if (na != nb)
        return na > nb ? -1 : 1;
    if (v[a->from].a != v[b->from].a)
        return v[a->from].a < v[b->from].a ? -1 : 1;
    return v[a->from].hash < v[b->from].hash ? -1 : v[a->from].hash > v[b->from].hash;
}

struct rp_bucket *rp_entries_buckets(const struct rp_entries *e, size_t least, size_t *n)
{
    struct rp_bucket *b = NULL;
    size_t cap = 0;
    *n = 0;
    for (size_t from = 0, to; from < e->n; from = to) {
        to = rp_entries_run(e, from);
        if (to - from < least)
            continue;
        if (*n == cap) {
            cap = cap > 0 ? 2 * cap : 64;
            b = rp_xrealloc(b, cap * sizeof *b);
        }
        b[(*n)++] = (struct rp_bucket){from, to};
    }
    if (*n > 1)
        qsort_r(b, *n, sizeof *b, by_size, e->v);
    return b;
}
