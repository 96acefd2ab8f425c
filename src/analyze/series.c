#include "analyze/series.h"

#include "base/str.h"
#include "base/time.h"

#include <stdlib.h>

void rp_series_free(struct rp_series *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        free(s->v[i]);
    free(s->v);
    *s = (struct rp_series){0};
}

bool rp_series_new(struct rp_series *s, uint32_t *id)
{
    if (s->n == RP_SERIES_MOST)
        return false;
    if ((s->n & (s->n - 1)) == 0) /* doubles at powers of two */
        s->v = rp_xrealloc(s->v, (s->n > 0 ? s->n * 2 : 1) * sizeof *s->v);
    s->v[s->n] = rp_xcalloc(RP_SERIES_BINS, sizeof **s->v);
    *id = s->n++;
    return true;
}

static int64_t bin_of(const struct rp_series *s, int64_t at_us)
{
    int64_t rest = at_us % s->width_us;
    return at_us / s->width_us - (rest < 0);
}

static size_t place(int64_t bin)
{
    return (size_t)((bin % RP_SERIES_BINS + RP_SERIES_BINS) % RP_SERIES_BINS);
}

/* Half of a bin, towards the past: where it lies in bins of twice the width. */
static int64_t halved(int64_t bin)
{
    return bin / 2 - (bin % 2 < 0);
}

/* Every bin goes to where it lies in bins of twice the width. */
static void widen(struct rp_series *s)
{
    uint32_t *wide = rp_xcalloc(RP_SERIES_BINS, sizeof *wide);
    for (uint32_t i = 0; i < s->n; i++) {
        memset(wide, 0, RP_SERIES_BINS * sizeof *wide);
        for (int64_t b = s->first; b <= s->last; b++)
            wide[place(halved(b))] += s->v[i][place(b)];
        memcpy(s->v[i], wide, RP_SERIES_BINS * sizeof *wide);
    }
    free(wide);
    s->first = halved(s->first);
    s->last = halved(s->last);
    s->width_us *= 2;
}

/* The bin of an instant, which is then in use. */
static int64_t extend(struct rp_series *s, int64_t at_us)
{
    if (s->width_us == 0) {
        s->width_us = RP_US_MIN;
        s->first = s->last = bin_of(s, at_us);
    }
    for (;;) {
        int64_t bin = bin_of(s, at_us), first = bin < s->first ? bin : s->first,
                last = bin > s->last ? bin : s->last;
        if (last - first < RP_SERIES_BINS) {
            s->first = first;
            s->last = last;
            return bin;
        }
        widen(s);
    }
}

void rp_series_add(struct rp_series *s, uint32_t id, int64_t at_us, uint32_t n)
{
    const int64_t most = INT64_MAX / 4; /* far from any overflow above */
    if (at_us < -most || at_us > most)
        return;
    int64_t bin = extend(s, at_us);
    s->v[id][place(bin)] += n;
}

void rp_series_join(struct rp_series *s, uint32_t into, uint32_t from)
{
    for (size_t i = 0; i < RP_SERIES_BINS; i++)
        s->v[into][i] += s->v[from][i];
}

size_t rp_series_length(const struct rp_series *s)
{
    return s->width_us > 0 ? (size_t)(s->last - s->first + 1) : 0;
}

void rp_series_sum(const struct rp_series *s, uint32_t id, bool failed, struct rp_counts *to)
{
    for (size_t i = 0; i < rp_series_length(s); i++)
        *(failed ? &to[i].failed : &to[i].runs) += s->v[id][place(s->first + (int64_t)i)];
}

uint64_t rp_series_between(const struct rp_series *s, uint32_t id, int64_t from_us, int64_t to_us)
{
    uint64_t n = 0;
    if (s->width_us == 0)
        return 0;
    int64_t from = bin_of(s, from_us), to = bin_of(s, to_us);
    from = from > s->first ? from : s->first;
    to = to < s->last ? to : s->last;
    for (int64_t b = from; b <= to; b++)
        n += s->v[id][place(b)];
    return n;
}
