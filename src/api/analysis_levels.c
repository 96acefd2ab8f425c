/* Two levels in the analysis of a window: what one message wraps stands together. */
#include "api/analysis.h"

#include <stdlib.h>

static int64_t level_of(const struct pattern_sum *p)
{
    return p->row.outer.id != 0 ? p->row.outer.id : p->id;
}

static int by_level(const void *a, const void *b)
{
    const struct pattern_sum *x = a, *y = b;
    int64_t p = level_of(x), q = level_of(y);
    return (p > q) - (p < q);
}

static int most_together_first(const void *a, const void *b)
{
    const struct pattern_sum *x = a, *y = b;
    if (x->row.outer.failures != y->row.outer.failures)
        return x->row.outer.failures < y->row.outer.failures ? 1 : -1;
    if (level_of(x) != level_of(y))
        return level_of(x) < level_of(y) ? -1 : 1;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : (x->id > y->id) - (x->id < y->id);
}

void sums_order(struct sums *s)
{
    if (s->n_patterns == 0)
        return;
    qsort(s->patterns, s->n_patterns, sizeof *s->patterns, by_level);
    for (size_t from = 0, to; from < s->n_patterns; from = to) {
        int64_t n = 0;
        for (to = from;
             to < s->n_patterns && level_of(&s->patterns[to]) == level_of(&s->patterns[from]);)
            n += s->patterns[to++].n;
        for (size_t i = from; i < to; i++) {
            s->patterns[i].row.outer.failures = n;
            s->patterns[i].row.outer.patterns = (int64_t)(to - from);
        }
    }
    qsort(s->patterns, s->n_patterns, sizeof *s->patterns, most_together_first);
}
