/* Patterns: ids that only ever merge, templates by which a line is known without its form, and
 * what goes when the tables are full. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { KEPT_FORMS = 16, CANDIDATES = 8, WORD_MIN = 3, OLD_LINES = 4 * RP_MINER_FORMS };

/* ---- ids ---- */

uint32_t rp_pattern_new(struct rp_miner *m)
{
    if (m->n_patterns == m->cap_patterns) {
        m->cap_patterns = m->cap_patterns > 0 ? 2 * m->cap_patterns : 256;
        m->patterns = rp_xrealloc(m->patterns, m->cap_patterns * sizeof *m->patterns);
    }
    m->patterns[m->n_patterns] = (struct rp_pattern){.parent = m->n_patterns};
    return m->n_patterns++;
}

uint32_t rp_miner_resolve(const struct rp_miner *m, uint32_t pattern)
{
    if (pattern >= m->n_patterns)
        return RP_MINER_OTHER;
    while (m->patterns[pattern].parent != pattern)
        pattern = m->patterns[pattern].parent;
    return pattern;
}

static void shorten(struct rp_miner *m, uint32_t from, uint32_t root)
{
    while (m->patterns[from].parent != root && from != root) {
        uint32_t next = m->patterns[from].parent;
        m->patterns[from].parent = root;
        from = next;
    }
}

void rp_pattern_union(struct rp_miner *m, uint32_t a, uint32_t b)
{
    uint32_t x = rp_miner_resolve(m, a), y = rp_miner_resolve(m, b), root = x < y ? x : y;
    m->patterns[x].parent = root;
    m->patterns[y].parent = root;
    shorten(m, a, root);
    shorten(m, b, root);
}

struct rp_str rp_miner_template(const struct rp_miner *m, uint32_t pattern)
{
    return m->patterns[rp_miner_resolve(m, pattern)].template;
}

/* ---- lines without a known form ---- */

/* The longest word of a template that stands free: what a line must have to be a candidate. */
static struct rp_str longest_word(struct rp_str t)
{
    struct rp_str best = RP_NONE;
    for (size_t i = 0; i < t.n;) {
        size_t n = 0;
        while (i + n < t.n && is_alpha(t.p[i + n]))
            n++;
        bool free_before = i == 0 || t.p[i - 1] == ' ';
        bool free_after = i + n == t.n || t.p[i + n] == ' ';
        if (n > best.n && free_before && free_after)
            best = (struct rp_str){t.p + i, n};
        i += n + 1;
    }
    return best;
}

void rp_pattern_index(struct rp_miner *m)
{
    m->index.n = 0;
    for (uint32_t i = 1; i < m->n_patterns; i++) {
        struct rp_str t = m->patterns[i].template, word = longest_word(t);
        if (m->patterns[i].parent == i && word.n >= WORD_MIN && str_has(t, "<*>"))
            rp_entries_add(&m->index,
                           (struct rp_entry){.hash = rp_hash_bytes(word.p, word.n), .item = i});
    }
    rp_entries_sort(&m->index);
}

/* May a wildcard of a template stand for this text? Words of state and exceptions tell patterns
 * apart, so they never do. */
static bool may_stand(struct rp_str value)
{
    if (value.n == 0)
        return false;
    for (size_t i = 0; i < value.n; i++)
        if (is_blank(value.p[i]))
            return false;
    return !(rp_flags_of(value, RP_K_WORD) & (RP_W_CLOSED | RP_T_EXCEPTION));
}

/* Each wildcard of t up to the next constant that fits. */
static bool fits(struct rp_str t, struct rp_str line)
{
    while (t.n > 0) {
        size_t wild = rp_str_find(t, RP_STR("<*>"));
        struct rp_str constant = str_head(t, wild);
        if (line.n < constant.n || memcmp(line.p, constant.p, constant.n) != 0)
            return false;
        line = str_from(line, constant.n);
        if (wild == SIZE_MAX)
            return line.n == 0;
        t = str_from(t, wild + 3);
        size_t next = rp_str_find(t, RP_STR("<*>"));
        struct rp_str until = str_head(t, next);
        size_t end = until.n > 0 ? rp_str_find(line, until) : line.n;
        if (next == SIZE_MAX && until.n > 0 && line.n >= until.n)
            end = memcmp(line.p + line.n - until.n, until.p, until.n) == 0 ? line.n - until.n
                                                                           : SIZE_MAX;
        if (end == SIZE_MAX || !may_stand(str_head(line, end)))
            return false;
        line = str_from(line, end);
    }
    return line.n == 0;
}

static uint32_t match_word(const struct rp_miner *m, uint64_t hash, struct rp_str line)
{
    size_t lo = 0, hi = m->index.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->index.v[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (size_t i = lo; i < m->index.n && i < lo + CANDIDATES && m->index.v[i].hash == hash; i++)
        if (fits(m->patterns[m->index.v[i].item].template, line))
            return m->index.v[i].item;
    return RP_MINER_OTHER;
}

uint32_t rp_pattern_match(const struct rp_miner *m, const struct rp_scan *s)
{
    struct rp_buf line = {0};
    uint32_t id = RP_MINER_OTHER;
    if (m->index.n == 0)
        return id;
    for (size_t i = 0; i < s->n; i++)
        rp_buf_add(&line, s->v[i].p, s->v[i].n);
    for (size_t i = 0; i < s->n && id == RP_MINER_OTHER; i++)
        if (s->v[i].kind == RP_K_WORD && s->v[i].n >= WORD_MIN)
            id = match_word(m, rp_hash_bytes(s->v[i].p, s->v[i].n), rp_buf_view(&line));
    rp_buf_free(&line);
    return rp_miner_resolve(m, id);
}

/* ---- full tables ---- */

struct rank {
    uint32_t pattern, form;
    uint64_t count, hash;
};

static int most_frequent_first(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->pattern != y->pattern)
        return x->pattern < y->pattern ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Of each pattern a few forms, and of these only what was seen lately. */
static void choose(const struct rp_miner *m, bool *keep)
{
    struct rank *v = rp_xmalloc((m->n_forms + 1) * sizeof *v);
    for (uint32_t i = 0; i < m->n_forms; i++)
        v[i] = (struct rank){rp_miner_resolve(m, m->forms[i].id), i, m->forms[i].count,
                             m->forms[i].hash};
    qsort(v, m->n_forms, sizeof *v, most_frequent_first);
    for (uint32_t i = 0, nth = 0; i < m->n_forms; i++) {
        nth = i > 0 && v[i].pattern == v[i - 1].pattern ? nth + 1 : 0;
        const struct rp_form *f = &m->forms[v[i].form];
        keep[v[i].form] = nth < KEPT_FORMS && m->lines - f->last < OLD_LINES;
    }
    free(v);
}

/* Symbols and items of the forms that stay, in new tables. */
static void rebuild(struct rp_miner *m, const bool *keep)
{
    struct rp_symbols old = m->sym;
    struct rp_vec items = {0};
    uint32_t n = 0;
    rp_symbols_open(&m->sym);
    for (uint32_t i = 0; i < m->n_forms; i++) {
        struct rp_form f = m->forms[i];
        if (!keep[i])
            continue;
        struct rp_seq s = rp_form_items(m, &f);
        f.from = (uint32_t)items.n;
        for (uint32_t k = 0; k < s.n; k++) {
            const struct rp_symbol *x = &old.v[s.v[k]];
            rp_vec_add(&items, rp_symbol_of(&m->sym, (struct rp_str){x->p, x->n}, x->kind));
        }
        m->forms[n++] = f;
    }
    m->forgotten += m->n_forms - n;
    m->n_forms = m->refined = n;
    free(m->items.v);
    m->items = items;
    rp_symbols_close(&old);
    rp_forms_rehash(m);
}

/* Templates of patterns that have no form left, beyond the bound: the store knows them. */
static void forget_patterns(struct rp_miner *m)
{
    bool *live = rp_xcalloc(m->n_patterns, sizeof *live);
    for (uint32_t i = 0; i < m->n_forms; i++)
        live[rp_miner_resolve(m, m->forms[i].id)] = true;
    for (uint32_t i = 1; i < m->n_patterns; i++)
        if (!live[i] && !str_has(m->patterns[i].template, "<*>"))
            m->patterns[i].template = RP_NONE;
    free(live);
}

void rp_miner_thin(struct rp_miner *m)
{
    bool *keep = rp_xcalloc(m->n_forms + 1, sizeof *keep);
    rp_miner_refine(m);
    choose(m, keep);
    rebuild(m, keep);
    forget_patterns(m);
    rp_pattern_index(m);
    free(keep);
}
