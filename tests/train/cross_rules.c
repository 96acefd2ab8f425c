/* The rules without the phrases that only one list asks for: match.c's own tables, changed. */
#include "cross.h"

#include "analyze/match.c"

static const size_t NOBODY = SIZE_MAX, MANY = SIZE_MAX - 1;

static struct index *const tables[] = {&names, &rules, &exceptions, &shapes, &late, &general};
enum { TABLES = sizeof tables / sizeof *tables };
/* Of each phrase: the only list with a message that it is right for. */
static size_t *askers[TABLES];

static void make_askers(void)
{
    call_once(&made, make_all);
    for (size_t t = 0; t < TABLES && askers[t] == NULL; t++) {
        askers[t] = rp_xcalloc(tables[t]->n, sizeof *askers[t]);
        for (size_t k = 0; k < tables[t]->n; k++)
            askers[t][k] = NOBODY;
    }
}

static void support_at(size_t t, const struct rp_words *w, size_t at, char second,
                       enum rp_class class, size_t list)
{
    const struct index *x = tables[t];
    unsigned begin = pair(w->low[at], second);
    for (size_t k = x->from[begin]; k < x->from[begin + 1]; k++)
        if (x->v[k].class == class && askers[t][k] != list && match_at(w, x->v[k].text, at))
            askers[t][k] = askers[t][k] == NOBODY ? list : MANY;
}

void cross_rules_support(struct rp_str line, enum rp_class class, size_t list)
{
    struct rp_words w;
    make_askers();
    rp_words(&w, line);
    for (size_t t = 0; t < TABLES; t++)
        for (size_t at = 0; at < w.n; at++) {
            char second = w.low[at + 1];
            if (!w.start[at])
                continue;
            support_at(t, &w, at, is_alnum(second) ? second : ' ', class, list);
            if (is_digit(second))
                support_at(t, &w, at, '#', class, list);
        }
}

void cross_rules_without(size_t list)
{
    make_askers();
    for (size_t t = 0; t < TABLES; t++)
        for (size_t k = 0; k < tables[t]->n; k++) {
            struct phrase *p = &tables[t]->v[k];
            set_head(p);
            if (askers[t][k] == list) /* no line begins with such bytes */
                p->head = p->mask = UINT64_MAX;
        }
}
