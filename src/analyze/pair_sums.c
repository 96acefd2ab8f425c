#include "analyze/pair_sums.h"

#include <stdlib.h>

static int64_t level_of(const struct rp_pair_sum *p)
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
    const struct rp_pair_sum *x = a, *y = b;
    if (x->together != y->together)
        return x->together < y->together ? 1 : -1;
    int level = by_level(x, y);
    if (level != 0)
        return level;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : (x->id > y->id) - (x->id < y->id);
}

static void add_up(struct rp_pair_sum *v, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i].n;
    for (size_t i = 0; i < n; i++) {
        v[i].together = sum;
        v[i].several = (int64_t)n;
    }
}

static int listed_first(const void *a, const void *b)
{
    const struct rp_pair_sum *x = a, *y = b;
    return x->small != y->small ? x->small - y->small : most_together_first(a, b);
}

size_t rp_pair_sums_order(struct rp_pair_sum *v, size_t n, size_t most)
{
    size_t rank = 0, listed = 0;
    if (n == 0)
        return 0;
    qsort(v, n, sizeof *v, by_level);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && by_level(&v[from], &v[to]) == 0;)
            to++;
        add_up(v + from, to - from);
    }
    qsort(v, n, sizeof *v, most_together_first);
    for (size_t i = 0; i < n; i++) {
        rank = i > 0 && by_level(&v[i - 1], &v[i]) == 0 ? rank + 1 : 0;
        v[i].small = rank >= most;
        listed += !v[i].small;
    }
    qsort(v, n, sizeof *v, listed_first);
    return listed;
}
