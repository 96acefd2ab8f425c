#include "analyze/onset.h"

#include "base/str.h"

#include <math.h>
#include <stdlib.h>

static const double accept_least = 10.83, interval_most = 3.84, ramp_better = 10.83;
enum { RAMP_LEAST = 8, RAMPS = 12 }; /* minutes of the shortest ramp; lengths that are tried */

const char *rp_onset_name(enum rp_onset_kind kind)
{
    static const char *const names[] = {"none", "sudden", "slow"};
    return names[kind];
}

/* Sums of the minutes before each place: part [a, b) is sum[b] − sum[a]. */
struct series {
    const double *failed, *runs;
    size_t n;
    bool counts_only;
};

struct part {
    double failed, runs;
};

static struct part part_of(const struct series *s, size_t from, size_t to)
{
    return (struct part){s->failed[to] - s->failed[from], s->runs[to] - s->runs[from]};
}

static double rate(struct part p)
{
    return p.runs > 0 ? p.failed / p.runs : 0;
}

/* Log-likelihood of failures at a rate, without what does not depend on the rate. */
static double likelihood(const struct series *s, struct part p, double at)
{
    double passed = p.runs - p.failed, v = 0;
    if (p.failed > 0)
        v += p.failed * log(at);
    if (s->counts_only)
        return v - p.runs * at;
    return passed > 0 ? v + passed * log1p(-at) : v;
}

static double own_likelihood(const struct series *s, struct part p)
{
    double r = rate(p);
    return p.runs > 0 && r > 0 && (r < 1 || s->counts_only) ? likelihood(s, p, r) : 0;
}

/* 2·LLR of a rise at minute t; 0 if it is none. */
static double split(const struct series *s, size_t t)
{
    struct part before = part_of(s, 0, t), after = part_of(s, t, s->n), all = part_of(s, 0, s->n);
    if (before.runs <= 0 || after.runs <= 0 || rate(after) <= rate(before))
        return 0;
    return 2 * (own_likelihood(s, before) + own_likelihood(s, after) - own_likelihood(s, all));
}

static void best_split(const struct series *s, struct rp_onset *o)
{
    for (size_t t = 1; t < s->n; t++) {
        double llr2 = split(s, t);
        if (llr2 > o->llr2) {
            o->llr2 = llr2;
            o->at = t;
        }
    }
}

static void interval(const struct series *s, struct rp_onset *o)
{
    o->from = o->to = o->at;
    for (size_t t = 1; t < s->n; t++)
        if (o->llr2 - split(s, t) <= interval_most) {
            o->from = t < o->from ? t : o->from;
            o->to = t > o->to ? t : o->to;
        }
}

/* ---- ramps ---- */

/* Rates within what a logarithm takes: a ramp may begin at zero. */
static double within(const struct series *s, double r)
{
    double least = 1e-9;
    return fmax(least, s->counts_only ? r : fmin(r, 1 - least));
}

/* 2·LLR of a rate that rises in a line from minute `from` to minute `to` and stays. */
static double ramp(const struct series *s, size_t from, size_t to)
{
    struct part head = part_of(s, 0, from), all = part_of(s, 0, s->n);
    struct part tail = part_of(s, to, s->n), rising = part_of(s, from, to);
    double low = rate(head);
    /* A ramp to the end of the series has no tail: its mean is half way. */
    double high = tail.runs > 0 ? rate(tail) : 2 * rate(rising) - low;
    double v = likelihood(s, head, within(s, low)) + likelihood(s, tail, within(s, high));
    for (size_t t = from; t < to; t++) {
        double r = low + (high - low) * ((double)(t - from) + .5) / (double)(to - from);
        v += likelihood(s, part_of(s, t, t + 1), within(s, r));
    }
    return 2 * (v - own_likelihood(s, all));
}

/* The best ramp of a length around the split: it begins a whole, half or quarter length before. */
static void try_length(const struct series *s, size_t around, size_t length, double *best,
                       size_t *begin)
{
    for (size_t quarter = 1; quarter <= 4; quarter++) {
        size_t back = length * quarter / 4;
        if (back > around)
            continue;
        size_t from = around - back, to = from + length < s->n ? from + length : s->n;
        double llr2 = ramp(s, from, to);
        if (llr2 > *best) {
            *best = llr2;
            *begin = from;
        }
    }
}

static void slow_or_sudden(const struct series *s, struct rp_onset *o)
{
    double best = 0, length = RAMP_LEAST;
    size_t begin = o->at;
    for (int i = 0; i < RAMPS && length < 2 * (double)s->n; i++, length *= 1.6)
        try_length(s, o->at, (size_t)length, &best, &begin);
    o->kind = best > o->llr2 + ramp_better ? RP_ONSET_SLOW : RP_ONSET_SUDDEN;
    if (o->kind == RP_ONSET_SUDDEN)
        return;
    o->from = begin < o->from ? begin : o->from;
    o->at = begin;
}

void rp_onset_find(const struct rp_counts *minutes, size_t n, bool counts_only,
                   struct rp_onset *out)
{
    double *sums = rp_xcalloc(2 * (n + 1), sizeof *sums), *runs = sums + n + 1;
    struct series s = {.failed = sums, .runs = runs, .n = n, .counts_only = counts_only};
    *out = (struct rp_onset){0};
    for (size_t i = 0; i < n; i++) {
        sums[i + 1] = sums[i] + (double)minutes[i].failed;
        runs[i + 1] = runs[i] + (counts_only ? 1 : (double)minutes[i].runs);
    }
    best_split(&s, out);
    if (n > 0 && out->llr2 > accept_least + 2 * log((double)n)) {
        out->before = rate(part_of(&s, 0, out->at));
        out->after = rate(part_of(&s, out->at, n));
        interval(&s, out);
        slow_or_sudden(&s, out);
    }
    free(sums);
}
