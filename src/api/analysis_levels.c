/* Two levels in the analysis of a window: what one message wraps stands together. */
#include "analyze/pair_sums.h"
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

/* To place i comes what was at v[i].place; in rings, as there may be many and each is large. */
static void move_each(struct pattern_sum *patterns, struct rp_pair_sum *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pattern_sum first = patterns[i];
        size_t at = i;
        for (size_t from; (from = v[at].place) != i && from != at; at = from) {
            patterns[at] = patterns[from];
            v[at].place = at;
        }
        patterns[at] = first;
        v[at].place = at;
    }
}

static void put_in_order(struct sums *s)
{
    struct rp_pair_sum *v = RP_NEW_N(s->a, struct rp_pair_sum, s->n_patterns);
    for (size_t i = 0; i < s->n_patterns; i++)
        v[i] = (struct rp_pair_sum){.place = i,
                                    .id = s->patterns[i].id,
                                    .n = s->patterns[i].n,
                                    .outer = s->patterns[i].outer};
    s->n_listed = rp_pair_sums_order(v, s->n_patterns, RP_INNERS_LISTED);
    move_each(s->patterns, v, s->n_patterns);
    for (size_t i = 0; i < s->n_patterns; i++) {
        s->patterns[i].level_n = v[i].together;
        s->patterns[i].level_patterns = v[i].several;
    }
}

bool sums_order(struct sums *s, struct rp_db *db, struct rp_err *err)
{
    struct merge m = {.s = s};
    if (s->n_patterns == 0)
        return true;
    qsort(s->patterns, s->n_patterns, sizeof *s->patterns, by_id);
    if (!rp_pattern_heads(db, take_head, &m, err))
        return false;
    put_in_order(s);
    return true;
}
