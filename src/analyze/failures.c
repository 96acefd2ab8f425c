#include "analyze/failures.h"

#include "analyze/miner/kept.h"
#include "analyze/pairs.h"
#include "core/wrap.h"

#include <stdlib.h>

enum { SLOTS = 32768, SEEN = 4096 }; /* SLOTS: a power of two, over three times the groups */

/* Most failures say what another said before, to the byte: those need no second look. */
struct seen {
    uint64_t text;
    uint32_t group; /* + 1 */
};
struct rp_failure_index {
    uint16_t slot[SLOTS]; /* number of the group + 1 */
    struct seen seen[SEEN];
};

struct rp_failures *rp_failures_new(void)
{
    struct rp_failures *f = rp_xcalloc(1, sizeof *f);
    f->index = rp_xcalloc(1, sizeof *f->index);
    return f;
}

void rp_failures_free(struct rp_failures *f)
{
    if (f == NULL)
        return;
    rp_arena_free(&f->arena);
    free(f->groups);
    free(f->index);
    free(f->became);
    free(f);
}

static struct rp_failure_group *new_group(struct rp_failures *f, const struct rp_fingerprint *p,
                                          bool limit)
{
    if ((f->n & (f->n - 1)) == 0) /* doubles at powers of two */
        f->groups = rp_xrealloc(f->groups, (f->n > 0 ? f->n * 2 : 1) * sizeof *f->groups);
    struct rp_failure_group *g = &f->groups[f->n++];
    *g = (struct rp_failure_group){.template = rp_str_dup(&f->arena, p->template),
                                   .example = rp_str_dup(&f->arena, p->key.line),
                                   .hash = p->hash,
                                   .limit = limit,
                                   .class_name = p->class_name,
                                   .group = p->group,
                                   .action = p->action,
                                   .uid = f->n_uids++,
                                   .first_us = RP_NO_TIME,
                                   .last_us = RP_NO_TIME};
    return g;
}

/* By template and class. NULL: no room. */
static struct rp_failure_group *group_of(struct rp_failures *f, const struct rp_fingerprint *p,
                                         bool limit)
{
    size_t i = (p->hash ^ p->class ^ (limit ? 4096u : 0)) % SLOTS;
    for (; f->index->slot[i] != 0; i = (i + 1) % SLOTS) {
        struct rp_failure_group *g = &f->groups[f->index->slot[i] - 1];
        if (g->hash == p->hash && g->class_name == p->class_name && g->limit == limit &&
            rp_str_eq(g->template, p->template))
            return g;
    }
    if (f->n == RP_GROUPS_MAX)
        return NULL;
    f->index->slot[i] = (uint16_t)(f->n + 1);
    return new_group(f, p, limit);
}

static struct rp_failure_group *explain(struct rp_failures *f, const struct rp_run *run)
{
    struct rp_arena a = {0};
    struct rp_fingerprint print;
    struct rp_failure_facts facts = {.message = run->error,
                                     .timed_out = run->outcome == RP_RUN_TIMEOUT};
    rp_fingerprint(&a, &facts, &print);
    struct rp_failure_group *g = group_of(f, &print, facts.timed_out);
    rp_arena_free(&a);
    return g;
}

static void add_type(struct rp_failure_group *g, struct rp_str type, uint64_t n,
                     struct rp_arena *copy)
{
    for (size_t i = 0; i < g->n_types && i < RP_GROUP_TYPES; i++)
        if (rp_str_eq(g->types[i].type, type)) {
            g->types[i].n += n;
            return;
        }
    if (g->n_types < RP_GROUP_TYPES) {
        g->types[g->n_types].type = copy != NULL ? rp_str_dup(copy, type) : type;
        g->types[g->n_types++].n = n;
    }
}

static void add_time(struct rp_failure_group *g, int64_t at)
{
    if (at != RP_NO_TIME && (g->first_us == RP_NO_TIME || at < g->first_us))
        g->first_us = at;
    if (at != RP_NO_TIME && (g->last_us == RP_NO_TIME || at > g->last_us))
        g->last_us = at;
}

/* The times that were kept go to a series; without room for one they stay the first ones. */
static void open_series(struct rp_series *s, struct rp_failure_group *g)
{
    uint32_t id;
    if (g->series != 0 || !rp_series_new(s, &id))
        return;
    g->series = id + 1;
    for (uint32_t i = 0; i < g->n_early; i++)
        rp_series_add(s, id, g->early[i], 1);
    g->n_early = 0;
}

static void over_time(struct rp_series *s, struct rp_failure_group *g, int64_t at)
{
    if (s == NULL || at == RP_NO_TIME)
        return;
    if (g->series == 0 && g->n_early == RP_GROUP_EARLY)
        open_series(s, g);
    if (g->series != 0)
        rp_series_add(s, g->series - 1, at, 1);
    else if (g->n_early < RP_GROUP_EARLY)
        g->early[g->n_early++] = at;
}

static void add_run(struct rp_failures *f, struct rp_failure_group *g, const struct rp_run *run)
{
    int64_t at = run->end_us != RP_NO_TIME ? run->end_us : run->start_us;
    g->n++;
    add_time(g, at);
    over_time(f->series, g, at);
    add_type(g, run->type, 1, &f->arena);
    if (g->n_samples < RP_GROUP_SAMPLES) {
        g->samples[g->n_samples].id = run->id.p != NULL ? rp_str_dup(&f->arena, run->id) : RP_NONE;
        g->samples[g->n_samples++].line = run->line;
    }
}

uint32_t rp_failures_add(struct rp_failures *f, const struct rp_run *run)
{
    if (run->outcome != RP_RUN_FAILED && run->outcome != RP_RUN_TIMEOUT)
        return UINT32_MAX;
    f->failures++;
    uint64_t text = rp_hash64(run->error) * 31 + (uint64_t)run->outcome;
    struct seen *seen = &f->index->seen[text % SEEN];
    struct rp_failure_group *g =
        seen->group > 0 && seen->text == text ? &f->groups[seen->group - 1] : explain(f, run);
    if (g == NULL) {
        f->unexplained++;
        return UINT32_MAX;
    }
    *seen = (struct seen){text, (uint32_t)(g - f->groups) + 1};
    add_run(f, g, run);
    return g->uid;
}

/* ---- patterns ---- */

static int largest_first(const struct rp_failure_group *x, const struct rp_failure_group *y)
{
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return (x->samples[0].line > y->samples[0].line) - (x->samples[0].line < y->samples[0].line);
}

static int by_template(const void *a, const void *b)
{
    const struct rp_failure_group *x = a, *y = b;
    int c = rp_str_cmp(x->template, y->template);
    c = c != 0 ? c : x->limit - y->limit;
    return c != 0 ? c : largest_first(x, y);
}

static int by_pattern(const void *a, const void *b)
{
    const struct rp_failure_group *x = a, *y = b;
    if (x->pattern != y->pattern)
        return x->pattern < y->pattern ? -1 : 1;
    if (x->wrapped != y->wrapped)
        return x->wrapped < y->wrapped ? -1 : 1;
    int c = x->limit - y->limit;
    c = c != 0 ? c : strcmp(x->class_name, y->class_name);
    return c != 0 ? c : largest_first(x, y);
}

/* A number in a message may look like a status of another class: of one template most decide. */
static bool same_template(const struct rp_failure_group *a, const struct rp_failure_group *b)
{
    return rp_str_eq(a->template, b->template) && a->limit == b->limit;
}

/* A run that its runner's own limit ended is not one that a service kept waiting; exit status 127
 * is not 1. */
static bool same_pattern(const struct rp_failure_group *a, const struct rp_failure_group *b)
{
    return a->pattern == b->pattern && a->wrapped == b->wrapped && a->limit == b->limit &&
           a->class_name == b->class_name;
}

/* The first lines of the log among the samples of both. */
static void join_samples(struct rp_failure_group *into, const struct rp_failure_group *g)
{
    for (size_t i = 0; i < g->n_samples; i++) {
        size_t at = into->n_samples;
        while (at > 0 && into->samples[at - 1].line > g->samples[i].line)
            at--;
        if (at == RP_GROUP_SAMPLES)
            continue;
        size_t after = into->n_samples - at;
        if (into->n_samples == RP_GROUP_SAMPLES)
            after--;
        else
            into->n_samples++;
        memmove(&into->samples[at + 1], &into->samples[at], after * sizeof *into->samples);
        into->samples[at] = g->samples[i];
    }
}

static void join_series(struct rp_series *s, struct rp_failure_group *into,
                        struct rp_failure_group *g)
{
    if (s == NULL)
        return;
    if (g->series != 0)
        open_series(s, into);
    if (g->series != 0 && into->series != 0)
        rp_series_join(s, into->series - 1, g->series - 1);
    for (uint32_t i = 0; i < g->n_early; i++)
        over_time(s, into, g->early[i]);
}

static void join(struct rp_failures *f, struct rp_failure_group *into, struct rp_failure_group *g)
{
    f->became[g->uid] = into->uid;
    join_series(f->series, into, g);
    into->mixed = into->mixed || g->mixed || !rp_str_eq(into->template, g->template);
    into->n += g->n;
    add_time(into, g->first_us);
    add_time(into, g->last_us);
    for (size_t i = 0; i < g->n_types; i++)
        add_type(into, g->types[i].type, g->types[i].n, NULL);
    join_samples(into, g);
}

/* In words, as the miner sees it: where in its message does the error stand? */
static struct rp_str whole(struct rp_failures *f, struct rp_scan *scan,
                           const struct rp_failure_group *g, struct rp_str outer,
                           struct rp_str inner)
{
    struct rp_arena a = {0};
    (void)rp_kept_scan(scan, g->example);
    int hole = rp_wrap_hole(outer, inner, rp_kept_text(scan, &a));
    rp_arena_free(&a);
    return rp_wrap_whole(&f->arena, outer, hole, inner);
}

static void take_hit(struct rp_failures *f, struct rp_scan *scan, struct rp_failure_group *g,
                     const struct rp_miner_hit *hit, const struct rp_pair *pair)
{
    g->mined = rp_str_dup(&f->arena, hit->template);
    g->wraps = pair->wraps;
    g->wrapped = pair->wraps ? pair->inner : 0;
    if (!pair->wraps)
        return;
    struct rp_str inner = pair->inner != 0 ? rp_str_dup(&f->arena, hit->inner) : RP_STR("<*>");
    if (pair->several)
        g->outer.template = g->mined;
    g->inner = pair->several ? inner : RP_NONE;
    if (pair->inner != 0)
        g->mined = whole(f, scan, g, g->mined, inner);
}

static uint32_t class_of(const struct rp_failure_group *g)
{
    enum rp_class class = RP_CLASS_UNKNOWN;
    (void)rp_class_of_name(rp_str_of(g->class_name), &class);
    return (uint32_t) class * 2 + g->limit;
}

/* What the miner calls each group. It knows sets of lines: one of each group is enough. */
static void mine(struct rp_failures *f)
{
    struct rp_miner *m = rp_miner_new();
    struct rp_scan *scan = rp_scan_new();
    struct rp_pair *pairs = rp_xcalloc(f->n + 1, sizeof *pairs);
    for (size_t i = 0; i < f->n; i++)
        (void)rp_miner_add(m, f->groups[i].example);
    rp_miner_refine(m);
    for (size_t i = 0; i < f->n; i++) {
        struct rp_failure_group *g = &f->groups[i];
        struct rp_miner_hit hit = rp_miner_find(m, g->example);
        g->pattern = hit.pattern != RP_MINER_OTHER ? hit.pattern : UINT32_MAX - (uint32_t)i;
        pairs[i] = (struct rp_pair){
            .outer = g->pattern, .inner = hit.wrapped, .class = class_of(g), .text = hit.inner};
    }
    rp_pairs_settle(pairs, f->n);
    for (size_t i = 0; i < f->n; i++) {
        struct rp_miner_hit hit = rp_miner_find(m, f->groups[i].example);
        if (hit.pattern != RP_MINER_OTHER)
            take_hit(f, scan, &f->groups[i], &hit, &pairs[i]);
    }
    free(pairs);
    rp_scan_free(scan);
    rp_miner_free(m);
}

static void join_all(struct rp_failures *f, int (*order)(const void *, const void *),
                     bool (*same)(const struct rp_failure_group *, const struct rp_failure_group *))
{
    size_t n = 0;
    qsort(f->groups, f->n, sizeof *f->groups, order);
    for (size_t i = 0; i < f->n; i++)
        if (n > 0 && same(&f->groups[n - 1], &f->groups[i]))
            join(f, &f->groups[n - 1], &f->groups[i]);
        else
            f->groups[n++] = f->groups[i];
    f->n = n;
}

static bool same_words(const struct rp_failure_group *a, const struct rp_failure_group *b)
{
    return a->pattern == b->pattern && a->wrapped == b->wrapped;
}

/* The miner's template, but where that would be the name of two groups. */
static void name_all(struct rp_failures *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct rp_failure_group *g = &f->groups[i];
        bool shared = (i > 0 && same_words(&g[-1], g)) || (i + 1 < f->n && same_words(g, &g[1]));
        if ((!shared || g->mixed || g->wraps) && g->mined.p != NULL)
            g->template = g->mined;
        g->hash = rp_hash64(g->template);
    }
}

/* ---- order ---- */

static bool together(const struct rp_failure_group *a, const struct rp_failure_group *b)
{
    return a->outer.template.p != NULL && a->pattern == b->pattern;
}

/* Groups of one message stand side by side. */
static void sum_outers(struct rp_failures *f)
{
    for (size_t from = 0, to; from < f->n; from = to) {
        uint64_t n = 0;
        for (to = from; to < f->n && (to == from || together(&f->groups[from], &f->groups[to]));)
            n += f->groups[to++].n;
        for (size_t i = from; i < to; i++) {
            f->groups[i].outer.n = n;
            f->groups[i].outer.patterns = to - from;
        }
    }
}

static int most_first(const void *a, const void *b)
{
    const struct rp_failure_group *x = a, *y = b;
    if (x->outer.n != y->outer.n)
        return x->outer.n < y->outer.n ? 1 : -1;
    struct rp_str p = x->outer.template.p != NULL ? x->outer.template : x->template;
    struct rp_str q = y->outer.template.p != NULL ? y->outer.template : y->template;
    int c = rp_str_cmp(p, q);
    if (c != 0 || x->n != y->n)
        return c != 0 ? c : x->n < y->n ? 1 : -1;
    return rp_str_cmp(x->template, y->template);
}

void rp_failures_sort(struct rp_failures *f)
{
    if (f->n == 0)
        return;
    f->became = rp_xcalloc(f->n_uids, sizeof *f->became);
    for (uint32_t i = 0; i < f->n_uids; i++)
        f->became[i] = i;
    join_all(f, by_template, same_template);
    mine(f);
    join_all(f, by_pattern, same_pattern);
    name_all(f);
    sum_outers(f);
    qsort(f->groups, f->n, sizeof *f->groups, most_first);
    for (size_t i = 0; i < f->n; i++) {
        struct rp_failure_group *g = &f->groups[i];
        for (size_t k = 1; k < g->n_types; k++) /* a few: by insertion */
            for (size_t j = k; j > 0 && g->types[j].n > g->types[j - 1].n; j--) {
                __typeof__(g->types[0]) other = g->types[j];
                g->types[j] = g->types[j - 1];
                g->types[j - 1] = other;
            }
    }
}

const struct rp_failure_group *rp_failures_of(const struct rp_failures *f, uint32_t uid)
{
    if (uid >= f->n_uids || f->became == NULL)
        return NULL;
    while (f->became[uid] != uid)
        uid = f->became[uid];
    for (size_t i = 0; i < f->n; i++)
        if (f->groups[i].uid == uid)
            return &f->groups[i];
    return NULL;
}

bool rp_failures_over_time(const struct rp_failures *f, const struct rp_failure_group *g,
                           struct rp_counts *to)
{
    if (f->series != NULL && g->series != 0)
        rp_series_sum(f->series, g->series - 1, true, to);
    return f->series != NULL && g->series != 0;
}
