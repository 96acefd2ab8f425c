/* Two levels in the analysis of a window: what one message wraps stands together. */
#include "api/analysis.h"

#include <stdlib.h>

static int by_id(const void *a, const void *b)
{
    const struct pattern_sum *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

struct merge {
    struct sums *s;
    size_t at;
};

/* Both lists are in order of ids. */
static void take_head(void *ctx, const struct rp_pattern_head *head)
{
    struct merge *m = ctx;
    struct sums *s = m->s;
    while (m->at < s->n_patterns && s->patterns[m->at].id < head->id)
        m->at++;
    if (m->at == s->n_patterns || s->patterns[m->at].id != head->id)
        return;
    s->patterns[m->at].outer = head->outer;
    s->patterns[m->at].unknown = rp_str_is(head->class, "unknown");
}

static int64_t level_of(const struct pattern_sum *p)
{
    return p->outer != 0 ? p->outer : p->id;
}

static int by_level(const void *a, const void *b)
{
    int64_t p = level_of(a), q = level_of(b);
    return (p > q) - (p < q);
}

static int most_together_first(const void *a, const void *b)
{
    const struct pattern_sum *x = a, *y = b;
    if (x->level_n != y->level_n)
        return x->level_n < y->level_n ? 1 : -1;
    if (level_of(x) != level_of(y))
        return level_of(x) < level_of(y) ? -1 : 1;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : by_id(x, y);
}

static void add_up(struct pattern_sum *v, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i].n;
    for (size_t i = 0; i < n; i++) {
        v[i].level_n = sum;
        v[i].level_patterns = (int64_t)n;
    }
}

static int listed_first(const void *a, const void *b)
{
    const struct pattern_sum *x = a, *y = b;
    return x->small != y->small ? x->small - y->small : most_together_first(a, b);
}

/* The small ones of a message come last, and are not listed: they are in its sums. */
static void put_small_ones_last(struct sums *s)
{
    int64_t rank = 0;
    for (size_t i = 0; i < s->n_patterns; i++) {
        rank = i > 0 && by_level(&s->patterns[i - 1], &s->patterns[i]) == 0 ? rank + 1 : 0;
        s->patterns[i].small = rank >= RP_INNERS_LISTED;
        s->n_listed += !s->patterns[i].small;
    }
    qsort(s->patterns, s->n_patterns, sizeof *s->patterns, listed_first);
}

bool sums_order(struct sums *s, struct rp_db *db, struct rp_err *err)
{
    struct merge m = {.s = s};
    if (s->n_patterns == 0)
        return true;
    qsort(s->patterns, s->n_patterns, sizeof *s->patterns, by_id);
    if (!rp_pattern_heads(db, take_head, &m, err))
        return false;
    qsort(s->patterns, s->n_patterns, sizeof *s->patterns, by_level);
    for (size_t from = 0, to; from < s->n_patterns; from = to) {
        for (to = from + 1;
             to < s->n_patterns && by_level(&s->patterns[from], &s->patterns[to]) == 0;)
            to++;
        add_up(s->patterns + from, to - from);
    }
    qsort(s->patterns, s->n_patterns, sizeof *s->patterns, most_together_first);
    put_small_ones_last(s);
    return true;
}
