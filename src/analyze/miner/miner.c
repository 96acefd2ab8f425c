/* The miner's tables: forms by hash, patterns by id, and one refinement over all of them. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { PLACES_MIN = 1024, REFINE_STEP = 64 };

struct rp_miner *rp_miner_new(void)
{
    struct rp_miner *m = rp_xcalloc(1, sizeof *m);
    rp_symbols_open(&m->sym);
    (void)rp_pattern_new(m); /* RP_MINER_OTHER */
    return m;
}

void rp_miner_free(struct rp_miner *m)
{
    if (m == NULL)
        return;
    rp_symbols_close(&m->sym);
    free(m->forms);
    free(m->items.v);
    free(m->places);
    free(m->patterns);
    free(m->inner);
    rp_entries_free(&m->index);
    rp_arena_free(&m->texts);
    free(m);
}

/* ---- forms ---- */

static uint32_t place_of(const struct rp_miner *m, uint64_t hash)
{
    uint32_t i = (uint32_t)(hash >> 32) & (m->n_places - 1);
    while (m->places[i].form != 0 && m->places[i].hash != hash)
        i = (i + 1) & (m->n_places - 1);
    return i;
}

struct rp_form *rp_form_find(const struct rp_miner *m, uint64_t hash)
{
    if (m->n_places == 0)
        return NULL;
    uint32_t form = m->places[place_of(m, hash)].form;
    return form != 0 ? &m->forms[form - 1] : NULL;
}

/* Anew after forms were added beyond half of the places, or went. */
void rp_forms_rehash(struct rp_miner *m)
{
    if (m->n_places == 0)
        m->n_places = PLACES_MIN;
    while (m->n_places < 2 * m->n_forms)
        m->n_places *= 2;
    free(m->places);
    m->places = rp_xcalloc(m->n_places, sizeof *m->places);
    for (uint32_t i = 0; i < m->n_forms; i++)
        m->places[place_of(m, m->forms[i].hash)] = (struct rp_place){m->forms[i].hash, i + 1};
}

struct rp_form *rp_form_add(struct rp_miner *m, uint64_t hash, struct rp_seq items, uint32_t id)
{
    if (m->n_forms == m->cap_forms) {
        m->cap_forms = m->cap_forms > 0 ? 2 * m->cap_forms : 256;
        m->forms = rp_xrealloc(m->forms, m->cap_forms * sizeof *m->forms);
    }
    m->forms[m->n_forms] =
        (struct rp_form){.hash = hash, .from = (uint32_t)m->items.n, .n = items.n, .id = id};
    rp_vec_seq(&m->items, items);
    m->n_forms++;
    if (m->n_places < 2 * m->n_forms)
        rp_forms_rehash(m);
    else
        m->places[place_of(m, hash)] = (struct rp_place){hash, m->n_forms};
    return &m->forms[m->n_forms - 1];
}

struct rp_seq rp_form_items(const struct rp_miner *m, const struct rp_form *f)
{
    return (struct rp_seq){m->items.v != NULL ? m->items.v + f->from : NULL, f->n};
}

static struct rp_seq intern(struct rp_miner *m, struct rp_vec *v)
{
    for (size_t i = 0; i < m->scan.n; i++) {
        const struct rp_token *t = &m->scan.v[i];
        rp_vec_add(v, rp_symbol_of(&m->sym, (struct rp_str){t->p, t->n}, t->kind));
    }
    return rp_vec_view(v);
}

bool rp_miner_has_room(const struct rp_miner *m)
{
    return m->n_forms < RP_MINER_FORMS && m->items.n < RP_MINER_TEXT_MAX / 4 &&
           m->sym.own.used < RP_MINER_TEXT_MAX && m->sym.n < 4 * RP_MINER_FORMS;
}

/* Forms of a full table make room once; a flood has to wait. */
static bool make_room(struct rp_miner *m)
{
    if (rp_miner_has_room(m))
        return true;
    if (m->full && m->lines < m->retry)
        return false;
    rp_miner_thin(m);
    m->full = !rp_miner_has_room(m) || m->n_forms > RP_MINER_FORMS / 4 * 3;
    m->retry = m->lines + 16 * (uint64_t)RP_MINER_FORMS;
    return !m->full;
}

static uint32_t add_new(struct rp_miner *m, uint64_t hash)
{
    struct rp_vec v = {0};
    rp_stretch_write(&m->scan);
    uint32_t id = rp_pattern_match(m, &m->scan);
    if (!make_room(m)) {
        m->other += id == RP_MINER_OTHER;
        return id;
    }
    id = id != RP_MINER_OTHER ? id : rp_pattern_new(m);
    struct rp_form *f = rp_form_add(m, hash, intern(m, &v), id);
    f->count = 1;
    f->last = m->lines;
    free(v.v);
    return id;
}

/* 16 bytes a round, of which the last may have been there already. */
static uint64_t line_hash(struct rp_str line)
{
    if (line.n < 16)
        return rp_hash_bytes(line.p, line.n);
    const char *p = line.p, *last = p + line.n - 16;
    uint64_t h = line.n * UINT64_C(0xA0761D6478BD642F);
    for (; p < last; p += 16)
        h = rp_mix(h ^ rp_load(p, 8), rp_load(p + 8, 8));
    return rp_mix(h ^ rp_load(last, 8), rp_load(last + 8, 8));
}

uint32_t rp_miner_add(struct rp_miner *m, struct rp_str line)
{
    uint64_t whole = line_hash(line);
    struct rp_line_met *met = &m->met[whole % RP_LINES_MET];
    struct rp_form *f = met->line == whole ? rp_form_find(m, met->form) : NULL;
    uint64_t hash = met->form;
    if (f == NULL) {
        hash = rp_scan_line(&m->scan, line);
        *met = (struct rp_line_met){whole, hash};
        f = rp_form_find(m, hash);
    }
    m->lines++;
    if (f == NULL)
        return add_new(m, hash);
    f->count++;
    f->last = m->lines;
    return rp_miner_resolve(m, f->id);
}

struct rp_miner_hit rp_form_hit(const struct rp_miner *m, const struct rp_form *f, uint32_t id)
{
    struct rp_miner_hit hit = {.template = RP_STR("<*>"), .pattern = rp_miner_resolve(m, id)};
    if (m->patterns[hit.pattern].template.p != NULL)
        hit.template = m->patterns[hit.pattern].template;
    if (f != NULL && f->inner > 0) {
        hit.inner = m->inner[f->inner - 1];
        hit.wrapped = f->inner;
    }
    return hit;
}

struct rp_miner_hit rp_miner_find(struct rp_miner *m, struct rp_str line)
{
    const struct rp_form *f = rp_form_find(m, rp_scan_line(&m->scan, line));
    if (f != NULL)
        return rp_form_hit(m, f, f->id);
    rp_stretch_write(&m->scan);
    return rp_form_hit(m, f, rp_pattern_match(m, &m->scan));
}

struct rp_miner_stats rp_miner_stats(const struct rp_miner *m)
{
    struct rp_miner_stats s = {
        .lines = m->lines, .other = m->other, .forgotten = m->forgotten, .forms = m->n_forms};
    for (uint32_t i = 1; i < m->n_patterns; i++)
        s.patterns += m->patterns[i].parent == i;
    return s;
}

/* ---- refinement ---- */

bool rp_miner_wants_refine(const struct rp_miner *m)
{
    uint32_t fresh = m->n_forms - m->refined;
    return fresh >= REFINE_STEP && fresh >= m->refined / 4;
}

static void union_groups(struct rp_miner *m, const uint32_t *group, size_t groups)
{
    uint32_t *first = rp_xcalloc(groups + 1, sizeof *first);
    for (uint32_t i = 0; i < m->n_forms; i++) {
        if (first[group[i]] == 0)
            first[group[i]] = m->forms[i].id;
        else
            rp_pattern_union(m, first[group[i]], m->forms[i].id);
    }
    free(first);
}

/* Things of one group, the most frequent first. */
struct member {
    uint32_t group, index;
    uint64_t count, hash;
};

static int by_group(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static struct rp_str template_of(struct rp_miner *m, struct rp_work *w, const struct member *v,
                                 size_t n, const struct rp_seq *texts)
{
    struct rp_seq *distinct = rp_xmalloc(n * sizeof *distinct);
    uint64_t *seen = rp_xmalloc(n * sizeof *seen);
    size_t k = 0;
    enum { FORMS_MAX = 4096 }; /* of one template */
    for (size_t i = 0; i < n && i < FORMS_MAX; i++) {
        struct rp_seq s = texts[v[i].index];
        uint64_t hash = rp_seq_hash(w, s);
        if (k > 0 && seen[k - 1] == hash)
            continue;
        seen[k] = hash;
        distinct[k++] = s;
    }
    struct rp_str t = rp_template_of(w, &m->texts, distinct, k);
    free(seen);
    free(distinct);
    return t;
}

static void make_templates(struct rp_miner *m, struct rp_work *w, const struct rp_seq *filled)
{
    struct member *v = rp_xmalloc((m->n_forms + 1) * sizeof *v);
    for (uint32_t i = 0; i < m->n_forms; i++)
        v[i] = (struct member){rp_miner_resolve(m, m->forms[i].id), i, m->forms[i].count,
                               m->forms[i].hash};
    if (m->n_forms > 1)
        qsort(v, m->n_forms, sizeof *v, by_group);
    for (size_t from = 0, to; from < m->n_forms; from = to) {
        for (to = from + 1; to < m->n_forms && v[to].group == v[from].group;)
            to++;
        m->patterns[v[from].group].template = template_of(m, w, v + from, to - from, filled);
    }
    free(v);
}

/* The inner errors, mined on their own: forms get the number of their first one. */
static void refine_inner(struct rp_miner *m, struct rp_work *w, const struct rp_inners *inner)
{
    size_t n = inner->n;
    struct rp_seq *texts = rp_xmalloc((n + 1) * sizeof *texts);
    struct member *v = rp_xmalloc((n + 1) * sizeof *v);
    uint32_t *group = rp_xmalloc((n + 1) * sizeof *group);
    for (size_t i = 0; i < n; i++)
        texts[i] = inner->v[i].text;
    m->n_inner = (uint32_t)rp_refine(w, texts, n, group);
    m->inner = rp_xrealloc(m->inner, (m->n_inner + 1) * sizeof *m->inner);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct member){group[i], (uint32_t)i, m->forms[inner->v[i].form].count,
                               rp_seq_hash(w, texts[i])};
    if (n > 1)
        qsort(v, n, sizeof *v, by_group);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && v[to].group == v[from].group;)
            to++;
        m->inner[v[from].group] = template_of(m, w, v + from, to - from, texts);
    }
    for (size_t i = n; i > 0; i--)
        m->forms[inner->v[i - 1].form].inner = group[i - 1] + 1;
    free(group);
    free(v);
    free(texts);
}

/* Patterns without forms of their own keep their text. */
static void keep_texts(struct rp_miner *m, struct rp_arena *old)
{
    for (uint32_t i = 1; i < m->n_patterns; i++) {
        struct rp_str *t = &m->patterns[i].template;
        if (t->p != NULL && m->patterns[i].parent == i)
            *t = rp_str_dup(&m->texts, *t);
        else
            *t = RP_NONE;
    }
    rp_arena_free(old);
}

void rp_miner_cut(struct rp_miner *m, const atomic_bool *cut)
{
    m->cut = cut;
}

void rp_miner_refine(struct rp_miner *m)
{
    struct rp_work w = {.sym = &m->sym, .n_slot_values = m->sym.n, .cut = m->cut};
    struct rp_inners inner = {0};
    uint32_t symbols = m->sym.n, n = m->n_forms;
    struct rp_seq *filled = rp_xmalloc((n + 1) * sizeof *filled);
    uint32_t *group = rp_xmalloc((n + 1) * sizeof *group);
    struct rp_arena old = m->texts;
    m->texts = (struct rp_arena){0};
    m->sym.texts = &w.arena;
    keep_texts(m, &old);
    for (uint32_t i = 0; i < n; i++) {
        filled[i] = rp_form_items(m, &m->forms[i]);
        m->forms[i].inner = 0;
    }
    w.slot_value = rp_xcalloc(symbols + 1, sizeof *w.slot_value);
    rp_fill_slots(&w, filled, n, &inner);
    rp_phrases_join(&w, filled, n, &inner);
    union_groups(m, group, rp_refine(&w, filled, n, group));
    make_templates(m, &w, filled);
    refine_inner(m, &w, &inner);
    m->sym.texts = &m->sym.own;
    rp_symbols_cut(&m->sym, symbols);
    rp_arena_free(&w.arena);
    rp_pattern_index(m);
    m->refined = n;
    free(w.slot_value);
    free(inner.v);
    free(group);
    free(filled);
}
