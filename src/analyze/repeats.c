#include "analyze/repeats.h"

#include "analyze/poison.h"

#include <stdlib.h>

enum { WAYS = 8 }; /* places that a job may stand at */

void rp_repeats_begin(struct rp_repeats *r)
{
    *r = (struct rp_repeats){.v = rp_xcalloc(RP_REPEATS_MOST, sizeof *r->v)};
}

void rp_repeats_free(struct rp_repeats *r)
{
    free(r->v);
    *r = (struct rp_repeats){0};
}

static uint64_t job_of(const struct rp_run *run)
{
    uint64_t h = rp_hash64(run->id) * 31 + rp_hash64(run->type);
    return h != 0 ? h : 1;
}

/* Where the job stands, or may: at a free place, else at that of the one that failed least. */
static struct rp_repeat *place_of(struct rp_repeats *r, uint64_t job)
{
    struct rp_repeat *set = &r->v[job % (RP_REPEATS_MOST / WAYS) * WAYS], *least = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].job == job)
            return &set[i];
        if (set[i].failures < least->failures)
            least = &set[i];
    }
    return least;
}

static void begin(struct rp_repeat *p, const struct rp_run *run, uint64_t job, uint32_t pattern,
                  struct rp_str type, uint64_t succeeded)
{
    *p = (struct rp_repeat){.job = job,
                            .pattern = pattern,
                            .before = succeeded,
                            .first_us = RP_NO_TIME,
                            .last_us = RP_NO_TIME,
                            .line = run->line,
                            .type = type};
    p->n_id = (uint8_t)(run->id.n < RP_REPEAT_ID ? run->id.n : RP_REPEAT_ID);
    memcpy(p->id, run->id.p, p->n_id);
}

static void count(struct rp_repeat *p, const struct rp_run *run, uint64_t succeeded)
{
    int64_t at = run->end_us != RP_NO_TIME ? run->end_us : run->start_us;
    p->failures++;
    p->successes = succeeded - p->before;
    p->first_us = p->first_us == RP_NO_TIME ? at : p->first_us;
    p->last_us = at != RP_NO_TIME ? at : p->last_us;
}

void rp_repeats_add(struct rp_repeats *r, const struct rp_run *run, uint32_t pattern,
                    struct rp_str type, uint64_t succeeded)
{
    if (run->id.n == 0)
        return;
    uint64_t job = job_of(run);
    struct rp_repeat *p = place_of(r, job);
    if (run->outcome == RP_RUN_SUCCEEDED && p->job == job)
        *p = (struct rp_repeat){0};
    if (run->outcome != RP_RUN_FAILED && run->outcome != RP_RUN_TIMEOUT)
        return;
    if (p->job != job || p->pattern != pattern)
        begin(p, run, job, pattern, type, succeeded);
    count(p, run, succeeded);
}

static bool is_poison(const struct rp_repeat *p)
{
    return p->failures >= RP_POISON_FAILURES && p->successes >= RP_POISON_SUCCESSES;
}

static int most_first(const void *a, const void *b)
{
    const struct rp_repeat *x = a, *y = b;
    if (x->failures != y->failures)
        return x->failures < y->failures ? 1 : -1;
    return (x->line > y->line) - (x->line < y->line);
}

void rp_repeats_find(struct rp_repeats *r,
                     int64_t (*successes)(void *ctx, const struct rp_repeat *p), void *ctx)
{
    r->n = 0;
    for (size_t i = 0; i < RP_REPEATS_MOST; i++) {
        struct rp_repeat *p = &r->v[i];
        int64_t n = p->failures >= RP_POISON_FAILURES ? successes(ctx, p) : -1;
        p->successes = n >= 0 ? (uint64_t)n : p->successes;
        if (is_poison(p))
            r->v[r->n++] = *p;
    }
    qsort(r->v, r->n, sizeof *r->v, most_first);
}
