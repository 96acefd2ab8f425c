/* The answer of a contrast table: levels are counted, tested, ranked, and what the best condition
 * accounts for is folded under it. */
#include "analyze/contrast_table.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { SUPPORT_LEAST = 20, PAIR_LEVELS = 64, NO_PAIR = 255, TESTS_PAIRS = 64 * 63 / 2 };
static const double support_share = .01, log_q_most = -4.605170185988091 /* log .01 */,
                    lift_least = 1.5, points_least = .10, log_p_pair = -6.907755278982137;

/* One value of one attribute. */
struct level {
    size_t column;
    uint32_t id;
};

struct test {
    uint32_t level[2];
    bool pair;
    struct rp_counts in;
    double log_p, log_q;
    bool dead; /* no candidate any more */
};

struct find {
    struct rp_contrast *c;
    struct rp_arena *a;
    struct level *levels;
    size_t n_levels;
    uint8_t *pair_of;              /* of a level: its place among those that pair, or NO_PAIR */
    uint32_t pairing[PAIR_LEVELS]; /* ascending, so that columns are too */
    size_t n_pairing;
    /* of the rows that are left: */
    const struct test *removed[RP_CONTRAST_CONDITIONS];
    size_t n_removed;
    struct rp_counts all;
    struct rp_counts *single;                         /* of each level */
    struct rp_counts pairs[PAIR_LEVELS][PAIR_LEVELS]; /* lower place first */
    struct test *tests;
    size_t n_tests;
};

/* ---- levels ---- */

/* Cells become levels, numbered through all columns. */
static void levels_open(struct find *f)
{
    struct rp_contrast *c = f->c;
    uint32_t *maps[RP_CONTRAST_ATTRIBUTES] = {0}, first[RP_CONTRAST_ATTRIBUTES] = {0};
    for (size_t i = 0; i < c->n_columns; i++) {
        maps[i] = column_finish(&c->columns[i]);
        first[i] = (uint32_t)f->n_levels;
        f->n_levels += c->columns[i].n_values;
    }
    f->levels = rp_xcalloc(f->n_levels + 1, sizeof *f->levels);
    for (size_t i = 0; i < c->n_columns; i++)
        for (uint32_t id = 0; id < c->columns[i].n_values; id++)
            f->levels[first[i] + id] = (struct level){i, id};
    for (size_t row = 0; row < c->n; row++)
        for (size_t i = 0; i < c->n_columns; i++) {
            uint32_t *cell = &c->cells[row * c->n_columns + i];
            *cell = first[i] + (maps[i] != NULL ? maps[i][*cell] : *cell);
        }
    for (size_t i = 0; i < c->n_columns; i++)
        free(maps[i]);
}

static struct rp_str label(const struct find *f, uint32_t level, struct rp_arena *a)
{
    const struct level *l = &f->levels[level];
    return column_label(&f->c->columns[l->column], l->id, a);
}

/* By name: the answer must not depend on the order of rows. */
static int level_order(const struct find *f, uint32_t x, uint32_t y)
{
    const struct column *a = &f->c->columns[f->levels[x].column],
                        *b = &f->c->columns[f->levels[y].column];
    int by_name = rp_str_cmp(a->name, b->name);
    if (by_name != 0 || x == y)
        return by_name;
    struct rp_arena scratch = {0};
    int by_value = rp_str_cmp(label(f, x, &scratch), label(f, y, &scratch));
    rp_arena_free(&scratch);
    return by_value;
}

/* ---- counting ---- */

static bool holds(const struct test *t, const uint32_t *cells, const struct find *f)
{
    return cells[f->levels[t->level[0]].column] == t->level[0] &&
           (!t->pair || cells[f->levels[t->level[1]].column] == t->level[1]);
}

static bool is_removed(const struct find *f, const uint32_t *cells)
{
    for (size_t i = 0; i < f->n_removed; i++)
        if (holds(f->removed[i], cells, f))
            return true;
    return false;
}

static void count_into(struct rp_counts *at, struct row_counts n)
{
    at->failed += n.failed;
    at->runs += n.runs;
}

static void count_singles(struct find *f)
{
    const struct rp_contrast *c = f->c;
    memset(f->single, 0, (f->n_levels + 1) * sizeof *f->single);
    f->all = (struct rp_counts){0};
    for (size_t row = 0; row < c->n; row++) {
        const uint32_t *cells = row_cells(c, row);
        if (f->n_removed > 0 && is_removed(f, cells))
            continue;
        count_into(&f->all, c->counts[row]);
        for (size_t i = 0; i < c->n_columns; i++)
            count_into(&f->single[cells[i]], c->counts[row]);
    }
}

static void count_pairs(struct find *f)
{
    const struct rp_contrast *c = f->c;
    memset(f->pairs, 0, sizeof f->pairs);
    for (size_t row = 0; row < c->n; row++) {
        const uint32_t *cells = row_cells(c, row);
        uint8_t in[RP_CONTRAST_ATTRIBUTES], place;
        size_t n = 0;
        if (f->n_removed > 0 && is_removed(f, cells))
            continue;
        for (size_t i = 0; i < c->n_columns; i++)
            if ((place = f->pair_of[cells[i]]) != NO_PAIR)
                in[n++] = place;
        for (size_t i = 0; i < n; i++)
            for (size_t k = i + 1; k < n; k++)
                count_into(&f->pairs[in[i]][in[k]], c->counts[row]);
    }
}

/* ---- which levels are tested ---- */

static uint64_t support(const struct find *f)
{
    uint64_t share = (uint64_t)ceil(support_share * (double)f->all.failed);
    return share > SUPPORT_LEAST ? share : SUPPORT_LEAST;
}

static bool kept(const struct find *f, struct rp_counts n)
{
    return n.runs >= support(f) && n.runs < f->all.runs;
}

static int failures_first(const void *a, const void *b, void *find)
{
    const struct find *f = find;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    struct rp_counts m = f->single[x], n = f->single[y];
    if (m.failed != n.failed)
        return m.failed < n.failed ? 1 : -1;
    return m.runs != n.runs ? (m.runs > n.runs ? 1 : -1) : level_order(f, x, y);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* No pair of a level has a better score than its failures allow: those with the most are the ones
 * that can matter. Those without any are tested as well where there is room: left out because of
 * their failures, the other tests would look surer than they are. */
static void choose_pairing(struct find *f)
{
    uint32_t *all = rp_xcalloc(f->n_levels + 1, sizeof *all);
    size_t n = 0;
    memset(f->pair_of, NO_PAIR, f->n_levels + 1);
    for (uint32_t l = 0; l < f->n_levels; l++)
        if (kept(f, f->single[l]))
            all[n++] = l;
    qsort_r(all, n, sizeof *all, failures_first, f);
    f->n_pairing = n < PAIR_LEVELS ? n : PAIR_LEVELS;
    qsort(all, f->n_pairing, sizeof *all, ascending);
    for (size_t i = 0; i < f->n_pairing; i++) {
        f->pairing[i] = all[i];
        f->pair_of[all[i]] = (uint8_t)i;
    }
    free(all);
}

/* ---- tests ---- */

static struct rp_counts rest(struct rp_counts all, struct rp_counts in)
{
    return (struct rp_counts){all.failed - in.failed, all.runs - in.runs};
}

static double rate(struct rp_counts n)
{
    return n.runs > 0 ? (double)n.failed / (double)n.runs : 0;
}

static double share(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)part / (double)all : 0;
}

static double lift_of(const struct find *f, struct rp_counts in)
{
    return f->all.failed > 0 ? rate(in) / rate(f->all) : 0;
}

/* coverage × (1 − 1 / lift), which is the share of the failures less the share of the runs. */
static double score(const struct find *f, const struct test *t)
{
    return share(t->in.failed, f->all.failed) - share(t->in.runs, f->all.runs);
}

static void test_add(struct find *f, uint32_t x, uint32_t y, bool pair, struct rp_counts in)
{
    f->tests[f->n_tests++] = (struct test){
        .level = {x, y},
        .pair = pair,
        .in = in,
        .log_p = rp_counts_log_p(in, rest(f->all, in)),
    };
}

static int test_order(const struct find *f, const struct test *x, const struct test *y)
{
    int first = level_order(f, x->level[0], y->level[0]);
    if (first != 0 || x->pair != y->pair)
        return first != 0 ? first : x->pair ? 1 : -1;
    return x->pair ? level_order(f, x->level[1], y->level[1]) : 0;
}

static int likeliest_last(const void *a, const void *b)
{
    double x = ((const struct test *)a)->log_p, y = ((const struct test *)b)->log_p;
    return (x > y) - (x < y);
}

static void ordered_pair(struct find *f, uint32_t x, uint32_t y, struct rp_counts in)
{
    bool swap = level_order(f, x, y) > 0;
    test_add(f, swap ? y : x, swap ? x : y, true, in);
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void test_pairs(struct find *f)
{
    for (size_t i = 0; i < f->n_pairing; i++)
        for (size_t k = i + 1; k < f->n_pairing; k++) {
            struct rp_counts in = f->pairs[i][k];
            uint32_t x = f->pairing[i], y = f->pairing[k];
            /* A pair with as many runs as one of its values is that value. */
            if (kept(f, in) && in.runs < lesser(f->single[x].runs, f->single[y].runs))
                ordered_pair(f, x, y, in);
        }
}

static void adjust(struct find *f)
{
    double *log_q = rp_xcalloc(f->n_tests + 1, sizeof *log_q);
    qsort(f->tests, f->n_tests, sizeof *f->tests, likeliest_last);
    for (size_t i = 0; i < f->n_tests; i++)
        log_q[i] = f->tests[i].log_p;
    rp_bh_log_q(log_q, f->n_tests, f->n_tests);
    for (size_t i = 0; i < f->n_tests; i++)
        f->tests[i].log_q = log_q[i];
    free(log_q);
}

/* All that is there is counted and tested anew. */
static void test_all(struct find *f, bool first)
{
    count_singles(f);
    if (first)
        choose_pairing(f);
    count_pairs(f);
    free(f->tests);
    f->tests = rp_xcalloc(f->n_levels + TESTS_PAIRS + 1, sizeof *f->tests);
    f->n_tests = 0;
    for (uint32_t l = 0; l < f->n_levels; l++)
        if (kept(f, f->single[l]))
            test_add(f, l, l, false, f->single[l]);
    test_pairs(f);
    adjust(f);
}

/* ---- gates ---- */

static bool points_apart(const struct find *f, struct rp_counts in)
{
    struct rp_counts out = rest(f->all, in);
    uint64_t passed = f->all.runs - f->all.failed;
    return rate(in) - rate(out) >= points_least ||
           share(in.failed, f->all.failed) - share(in.runs - in.failed, passed) >= points_least;
}

static bool beats(struct rp_counts in, struct rp_counts single)
{
    return rp_chi2_log_p(in, rest(single, in)) < log_p_pair &&
           (rate(in) >= rate(single) + points_least || rate(in) >= 1.5 * rate(single));
}

static bool passes(const struct find *f, const struct test *t)
{
    return t->log_q <= log_q_most && lift_of(f, t->in) >= lift_least && points_apart(f, t->in) &&
           (!t->pair ||
            (beats(t->in, f->single[t->level[0]]) && beats(t->in, f->single[t->level[1]])));
}

static int best_first(const void *a, const void *b, void *find)
{
    const struct test *x = a, *y = b;
    double p = score(find, x), q = score(find, y);
    if (p != q)
        return p < q ? 1 : -1;
    return x->log_p != y->log_p ? (x->log_p > y->log_p ? 1 : -1) : test_order(find, x, y);
}

static bool same(const struct test *x, const struct test *y)
{
    return x->pair == y->pair && x->level[0] == y->level[0] && x->level[1] == y->level[1];
}

/* The tests of this round that pass, the best first. */
static struct test *passing(struct find *f, size_t *n)
{
    struct test *v = rp_xcalloc(f->n_tests + 1, sizeof *v);
    *n = 0;
    for (size_t i = 0; i < f->n_tests; i++)
        if (passes(f, &f->tests[i]))
            v[(*n)++] = f->tests[i];
    qsort_r(v, *n, sizeof *v, best_first, f);
    return v;
}

/* ---- the answer ---- */

static struct rp_condition condition(const struct find *f, struct rp_counts all,
                                     const struct test *t)
{
    struct rp_counts out = rest(all, t->in);
    struct rp_condition r = {.n_where = t->pair ? 2 : 1,
                             .in = t->in,
                             .out = out,
                             .lift = rate(t->in) / rate(all),
                             .q = fmax(exp(t->log_q), DBL_MIN),
                             .coverage = share(t->in.failed, all.failed)};
    for (size_t i = 0; i < r.n_where; i++) {
        size_t column = f->levels[t->level[i]].column;
        r.where[i] = (struct rp_where){rp_str_dup(f->a, f->c->columns[column].name),
                                       label(f, t->level[i], f->a)};
    }
    return r;
}

static bool among(const struct test *t, const struct test *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (same(t, &v[i]))
            return true;
    return false;
}

/* Candidates that do not pass once the last condition's rows are gone are its shadows. */
static void fold(struct find *f, struct rp_counts all, struct test *candidates, size_t n,
                 const struct test *pass, size_t n_pass, struct rp_condition *top)
{
    top->shadows = RP_NEW_N(f->a, struct rp_condition, RP_CONTRAST_SHADOWS);
    for (size_t i = 0; i < n; i++) {
        struct test *t = &candidates[i];
        if (t->dead || among(t, pass, n_pass))
            continue;
        t->dead = true;
        if (top->n_shadows < RP_CONTRAST_SHADOWS)
            top->shadows[top->n_shadows++] = condition(f, all, t);
        else
            top->more_shadows++;
    }
}

/* The best of this round that was a candidate from the beginning, NULL if none is left. */
static struct test *next_top(struct test *candidates, size_t n, const struct test *pass,
                             size_t n_pass)
{
    for (size_t i = 0; i < n_pass; i++)
        for (size_t k = 0; k < n; k++)
            if (!candidates[k].dead && same(&candidates[k], &pass[i]))
                return &candidates[k];
    return NULL;
}

static void rounds(struct find *f, struct rp_contrast_answer *out)
{
    size_t n, n_pass;
    test_all(f, true);
    out->all = f->all;
    out->tests = f->n_tests;
    struct test *candidates = passing(f, &n), *top = n > 0 ? &candidates[0] : NULL;
    while (top != NULL && out->n < RP_CONTRAST_CONDITIONS) {
        struct rp_condition *c = &out->condition[out->n++];
        *c = condition(f, out->all, top);
        top->dead = true;
        f->removed[f->n_removed++] = top;
        test_all(f, false);
        struct test *pass = passing(f, &n_pass);
        fold(f, out->all, candidates, n, pass, n_pass, c);
        top = next_top(candidates, n, pass, n_pass);
        free(pass);
    }
    out->unexplained = f->all.failed;
    free(candidates);
}

void rp_contrast_find(struct rp_contrast *c, struct rp_arena *a, struct rp_contrast_answer *out)
{
    struct find *f = rp_xcalloc(1, sizeof *f);
    *out = (struct rp_contrast_answer){0};
    f->c = c;
    f->a = a;
    rp_contrast_settle(c);
    levels_open(f);
    f->single = rp_xcalloc(f->n_levels + 1, sizeof *f->single);
    f->pair_of = rp_xcalloc(f->n_levels + 1, 1);
    rounds(f, out);
    out->left_out = RP_NEW_N(a, struct rp_str, c->n_columns + 1);
    for (size_t i = 0; i < c->n_columns; i++)
        if (c->columns[i].dropped)
            out->left_out[out->n_left_out++] = rp_str_dup(a, c->columns[i].name);
    free(f->levels);
    free(f->single);
    free(f->pair_of);
    free(f->tests);
    free(f);
}
