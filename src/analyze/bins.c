#include "analyze/bins.h"

#include "base/time.h"

#include <string.h>

static int64_t floor_to(int64_t us, int64_t width)
{
    int64_t rest = us % width;
    return us - (rest < 0 ? rest + width : rest);
}

/* Every bin goes to where its begin lies in bins of twice the width. */
static void widen(struct rp_bins *b)
{
    int64_t width = b->width_us * 2, from = floor_to(b->from_us, width);
    size_t odd = b->from_us != from, n = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct rp_counts c = b->v[i];
        size_t to = (i + odd) / 2;
        if (to >= n) {
            b->v[to] = (struct rp_counts){0};
            n = to + 1;
        }
        b->v[to].failed += c.failed;
        b->v[to].runs += c.runs;
    }
    b->n = n;
    b->from_us = from;
    b->width_us = width;
}

/* How many bins the period takes with this instant in it. */
static int64_t needed(const struct rp_bins *b, int64_t at_us)
{
    int64_t first = floor_to(at_us < b->from_us ? at_us : b->from_us, b->width_us),
            end = b->from_us + (int64_t)b->n * b->width_us,
            last = at_us >= end ? floor_to(at_us, b->width_us) + b->width_us : end;
    return (last - first) / b->width_us;
}

static void extend(struct rp_bins *b, int64_t at_us)
{
    int64_t from = floor_to(at_us, b->width_us);
    size_t n = (size_t)needed(b, at_us), before = b->n;
    if (from < b->from_us) {
        size_t shift = (size_t)((b->from_us - from) / b->width_us);
        memmove(b->v + shift, b->v, before * sizeof *b->v);
        memset(b->v, 0, shift * sizeof *b->v);
        b->from_us = from;
    } else if (n > before) {
        memset(b->v + before, 0, (n - before) * sizeof *b->v);
    }
    b->n = n;
}

void rp_bins_add(struct rp_bins *b, int64_t at_us, struct rp_counts c)
{
    const int64_t most = INT64_MAX / 4; /* far from any overflow below */
    if (at_us < -most || at_us > most)
        return;
    if (b->n == 0) {
        b->width_us = RP_US_MIN;
        b->from_us = floor_to(at_us, b->width_us);
        b->v[0] = (struct rp_counts){0};
        b->n = 1;
    }
    while (needed(b, at_us) > RP_BINS)
        widen(b);
    extend(b, at_us);
    struct rp_counts *to = &b->v[(at_us - b->from_us) / b->width_us];
    to->failed += c.failed;
    to->runs += c.runs;
}
