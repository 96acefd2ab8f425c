/* Counts of runs by type and outcome. */
#include "analyze/run.h"

#include <stdlib.h>

enum { SLOTS = 32768 }; /* power of two, over three times the types */

struct rp_tally_index {
    uint16_t slot[SLOTS]; /* number of the type + 1 */
};

const char *rp_run_outcome_name(enum rp_run_outcome o)
{
    static const char *const names[] = {
#define X(sym, name) [sym] = name,
        RP_RUN_OUTCOMES(X)
#undef X
    };
    return names[o];
}

struct rp_tally *rp_tally_new(void)
{
    struct rp_tally *t = rp_xcalloc(1, sizeof *t);
    t->index = rp_xcalloc(1, sizeof *t->index);
    t->first_start = t->last_end = RP_NO_TIME;
    return t;
}

void rp_tally_free(struct rp_tally *t)
{
    if (t == NULL)
        return;
    rp_arena_free(&t->arena);
    free(t->types);
    free(t->index);
    free(t);
}

static size_t slot_of(const struct rp_tally *t, struct rp_str type)
{
    size_t i = rp_hash64(type) % SLOTS;
    while (t->index->slot[i] != 0 && !rp_str_eq(t->types[t->index->slot[i] - 1].type, type))
        i = (i + 1) % SLOTS;
    return i;
}

const struct rp_tally_type *rp_tally_find(const struct rp_tally *t, struct rp_str type)
{
    uint16_t n = t->index->slot[slot_of(t, type)];
    return n > 0 ? &t->types[n - 1] : NULL;
}

static struct rp_tally_type *type_of(struct rp_tally *t, struct rp_str type)
{
    size_t slot = slot_of(t, type);
    if (t->index->slot[slot] == 0) {
        if (t->n_types == RP_TALLY_TYPES)
            return &t->types[t->n_types - 1];
        if (t->n_types == RP_TALLY_TYPES - 1)
            type = RP_STR("(others)");
        if ((t->n_types & (t->n_types - 1)) == 0) /* doubles at powers of two */
            t->types =
                rp_xrealloc(t->types, (t->n_types > 0 ? t->n_types * 2 : 1) * sizeof *t->types);
        t->types[t->n_types] = (struct rp_tally_type){.type = rp_str_dup(&t->arena, type)};
        t->index->slot[slot_of(t, type)] = (uint16_t)++t->n_types;
        return &t->types[t->n_types - 1];
    }
    return &t->types[t->index->slot[slot] - 1];
}

void rp_tally_add(void *tally, const struct rp_run *run)
{
    struct rp_tally *t = tally;
    struct rp_tally_type *type = type_of(t, run->type.p != NULL ? run->type : RP_STR(""));
    type->runs++;
    type->by[run->outcome]++;
    t->runs++;
    t->by[run->outcome]++;
    int64_t n = run->attempt < 1 ? 1 : run->attempt;
    t->attempts[n > RP_TALLY_ATTEMPTS ? RP_TALLY_ATTEMPTS : n]++;
    t->attempts_said = t->attempts_said || run->attempt > 0;
    if (run->start_us != RP_NO_TIME &&
        (t->first_start == RP_NO_TIME || run->start_us < t->first_start))
        t->first_start = run->start_us;
    if (run->end_us != RP_NO_TIME && run->end_us > t->last_end)
        t->last_end = run->end_us;
    t->backwards +=
        run->end_us != RP_NO_TIME && run->start_us != RP_NO_TIME && run->end_us < run->start_us;
}
