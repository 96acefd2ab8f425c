/* The minutes of a window, added up by type, queue and pattern. */
#include "api/analysis.h"

#include <stdlib.h>

static void *grown(struct rp_arena *a, void *v, size_t n, size_t size)
{
    if ((n & (n - 1)) != 0)
        return v;
    void *more = rp_alloc_n(a, n > 0 ? 2 * n : 1, size);
    if (n > 0)
        memcpy(more, v, n * size);
    return more;
}

/* The place of an id in a list of sums; what comes next is mostly what came before. */
static size_t sum_place(struct rp_arena *a, struct sum **v, size_t *n, int64_t id)
{
    for (size_t i = *n; i-- > 0;)
        if ((*v)[i].id == id)
            return i;
    *v = grown(a, *v, *n, sizeof **v);
    (*v)[*n] = (struct sum){.id = id};
    return (*n)++;
}

static struct pattern_sum *pattern_of(struct sums *s, int64_t id)
{
    for (size_t i = s->n_patterns; i-- > 0;)
        if (s->patterns[i].id == id)
            return &s->patterns[i];
    s->patterns = grown(s->a, s->patterns, s->n_patterns, sizeof *s->patterns);
    s->patterns[s->n_patterns] =
        (struct pattern_sum){.id = id, .first_minute = INT64_MAX, .last_minute = INT64_MIN};
    return &s->patterns[s->n_patterns++];
}

static void count(struct rp_counts *c, const struct rp_minute *m)
{
    c->runs += (uint64_t)m->n;
    c->failed += m->failed ? (uint64_t)m->n : 0;
}

static void count_day(struct sums *s, struct rp_counts **day, const struct rp_minute *m)
{
    if (*day == NULL)
        *day = RP_NEW_N(s->a, struct rp_counts, ONSET_MINUTES);
    if (m->minute >= s->day_minute && m->minute < s->until_minute)
        count(&(*day)[m->minute - s->day_minute], m);
}

static void count_pattern(struct sums *s, size_t type, const struct rp_minute *m, bool inside)
{
    struct pattern_sum *p = pattern_of(s, m->pattern_id);
    count_day(s, &p->day, m);
    if (!inside)
        return;
    if (type >= p->n_types) {
        int64_t *more = RP_NEW_N(s->a, int64_t, s->n_types);
        if (p->n_types > 0)
            memcpy(more, p->by_type, p->n_types * sizeof *more);
        p->by_type = more;
        p->n_types = s->n_types;
    }
    p->by_type[type] += m->n;
    p->n += m->n;
    p->first_minute = m->minute < p->first_minute ? m->minute : p->first_minute;
    p->last_minute = m->minute > p->last_minute ? m->minute : p->last_minute;
}

static void take(void *ctx, const struct rp_minute *m)
{
    struct sums *s = ctx;
    bool inside = m->minute >= s->since_minute;
    size_t type = sum_place(s->a, &s->types, &s->n_types, m->type_id);
    count_day(s, &s->types[type].day, m);
    if (inside) {
        size_t queue = sum_place(s->a, &s->queues, &s->n_queues, m->queue_id);
        count(&s->types[type].in, m);
        count(&s->queues[queue].in, m);
        count(&s->all, m);
        count(&s->steps[(m->minute - s->since_minute) / s->step], m);
    }
    if (m->failed && m->pattern_id > 0)
        count_pattern(s, type, m, inside);
}

static int most_first(const void *a, const void *b)
{
    const struct pattern_sum *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : (x->id > y->id) - (x->id < y->id);
}

bool sums_read(struct rp_db *db, const struct analysis *in, struct rp_arena *a, struct sums *s,
               struct rp_err *err)
{
    int64_t until = (in->until_us + RP_US_MIN - 1) / RP_US_MIN, day = until - ONSET_MINUTES,
            since = in->since_us / RP_US_MIN, from = since < day ? since : day;
    *s = (struct sums){
        .a = a, .since_minute = since, .day_minute = day > 0 ? day : 0, .until_minute = until};
    s->step = until > since ? (until - since + ONSET_MINUTES - 1) / ONSET_MINUTES : 1;
    s->steps = RP_NEW_N(a, struct rp_counts, ONSET_MINUTES + 1);
    if (!rp_minutes_each(db, from * RP_US_MIN, in->until_us, in->type_id, take, s, err))
        return false;
    if (s->n_patterns > 0)
        qsort(s->patterns, s->n_patterns, sizeof *s->patterns, most_first);
    while (s->n_patterns > 0 && s->patterns[s->n_patterns - 1].n == 0)
        s->n_patterns--; /* before the window only */
    return true;
}

static void add_day(struct rp_counts *to, const struct rp_counts *day, bool runs, bool failed)
{
    for (size_t t = 0; day != NULL && t < ONSET_MINUTES; t++) {
        to[t].runs += runs ? day[t].runs : 0;
        to[t].failed += failed ? day[t].failed : 0;
    }
}

void sums_onset(const struct sums *s, const struct pattern_sum *p, struct rp_onset *out)
{
    struct rp_counts *minutes = RP_NEW_N(s->a, struct rp_counts, ONSET_MINUTES);
    for (size_t i = 0; i < s->n_types; i++)
        if (p == NULL || (i < p->n_types && p->by_type[i] > 0))
            add_day(minutes, s->types[i].day, true, p == NULL);
    if (p != NULL)
        add_day(minutes, p->day, false, true);
    for (size_t t = 0; t < ONSET_MINUTES; t++) /* of a type that failed before the window only */
        if (minutes[t].runs < minutes[t].failed)
            minutes[t].runs = minutes[t].failed;
    rp_onset_find(minutes, ONSET_MINUTES, false, out);
}
