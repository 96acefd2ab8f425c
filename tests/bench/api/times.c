#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void times_add(struct times *t, int64_t us)
{
    if (t->n == t->cap) {
        t->cap = t->cap > 0 ? t->cap * 2 : 1024;
        t->v = rp_xrealloc(t->v, t->cap * sizeof *t->v);
    }
    t->v[t->n++] = us;
}

static int order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t times_at(struct times *t, double share)
{
    if (t->n == 0)
        return 0;
    qsort(t->v, t->n, sizeof *t->v, order);
    size_t at = (size_t)(share * (double)t->n);
    return t->v[at < t->n ? at : t->n - 1];
}

void times_print(struct times *t, const char *prefix)
{
    (void)printf("\"%sp50_us\":%" PRId64 ",\"%sp99_us\":%" PRId64 ",\"%ssamples\":%zu", prefix,
                 times_at(t, .50), prefix, times_at(t, .99), prefix, t->n);
}

void times_free(struct times *t)
{
    free(t->v);
    *t = (struct times){0};
}
