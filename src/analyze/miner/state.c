/* The state as bytes: little-endian numbers, texts with their length, a check sum at the end. And
 * two states as one. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

static const char magic[8] = "RPMINER";
enum { FORMAT = 1 };

/* ---- writing ---- */

static void put32(struct rp_buf *b, uint32_t v)
{
    char p[4];
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (8 * i));
    rp_buf_add(b, p, sizeof p);
}

static void put64(struct rp_buf *b, uint64_t v)
{
    put32(b, (uint32_t)v);
    put32(b, (uint32_t)(v >> 32));
}

/* Absent texts have length -1. */
static void put_text(struct rp_buf *b, struct rp_str s)
{
    put32(b, s.p != NULL ? (uint32_t)s.n : UINT32_MAX);
    if (s.p != NULL && s.n > 0)
        rp_buf_str(b, s);
}

static void put_forms(const struct rp_miner *m, struct rp_buf *out)
{
    put32(out, m->n_forms);
    for (uint32_t i = 0; i < m->n_forms; i++) {
        const struct rp_form *f = &m->forms[i];
        struct rp_seq s = rp_form_items(m, f);
        put64(out, f->count);
        put64(out, f->last);
        put32(out, f->id);
        put32(out, f->inner);
        put32(out, f->n);
        for (uint32_t k = 0; k < s.n; k++)
            put32(out, s.v[k]);
    }
}

void rp_miner_save(const struct rp_miner *m, struct rp_buf *out)
{
    size_t begin = out->n;
    rp_buf_add(out, magic, sizeof magic);
    put32(out, FORMAT);
    put32(out, RP_MINER_RULES);
    put64(out, m->lines);
    put64(out, m->other);
    put64(out, m->forgotten);
    put32(out, m->refined);
    put32(out, m->sym.n - RP_SYM_FIXED);
    for (uint32_t i = RP_SYM_FIXED; i < m->sym.n; i++) {
        rp_buf_c(out, (char)m->sym.v[i].kind);
        put_text(out, (struct rp_str){m->sym.v[i].p, m->sym.v[i].n});
    }
    put32(out, m->n_patterns);
    for (uint32_t i = 0; i < m->n_patterns; i++) {
        put32(out, m->patterns[i].parent);
        put_text(out, m->patterns[i].template);
    }
    put32(out, m->n_inner);
    for (uint32_t i = 0; i < m->n_inner; i++)
        put_text(out, m->inner[i]);
    put_forms(m, out);
    put64(out, rp_hash_bytes(out->p + begin, out->n - begin));
}

/* ---- reading ---- */

struct reader {
    struct rp_str rest;
    bool bad;
};

static const char *take(struct reader *r, size_t n)
{
    const char *p = r->rest.p;
    if (r->bad || r->rest.n < n) {
        r->bad = true;
        return NULL;
    }
    r->rest = str_from(r->rest, n);
    return p;
}

static uint32_t get32(struct reader *r)
{
    const char *p = take(r, 4);
    return p != NULL ? (uint32_t)rp_load(p, 4) : 0;
}

static uint64_t get64(struct reader *r)
{
    uint64_t low = get32(r);
    return low | (uint64_t)get32(r) << 32;
}

static struct rp_str get_text(struct reader *r)
{
    uint32_t n = get32(r);
    if (r->bad || n == UINT32_MAX)
        return RP_NONE;
    return (struct rp_str){take(r, n), r->bad ? 0 : n};
}

/* A number of things of at least `least` bytes each: no more than can be there. */
static uint32_t get_count(struct reader *r, size_t least)
{
    uint32_t n = get32(r);
    r->bad = r->bad || n > r->rest.n / least;
    return r->bad ? 0 : n;
}

/* Numbers that the saved symbols have here. */
static uint32_t *get_symbols(struct rp_miner *m, struct reader *r, uint32_t *n)
{
    uint32_t count = get_count(r, 5);
    uint32_t *map = rp_xmalloc(((size_t)count + RP_SYM_FIXED) * sizeof *map);
    *n = count + RP_SYM_FIXED;
    for (uint32_t i = 0; i < RP_SYM_FIXED; i++)
        map[i] = i;
    for (uint32_t i = 0; i < count; i++) {
        const char *kind = take(r, 1);
        struct rp_str text = get_text(r);
        r->bad = r->bad || text.p == NULL || (unsigned char)*kind > RP_K_WILD;
        map[RP_SYM_FIXED + i] = r->bad ? 0 : rp_symbol_of(&m->sym, text, (enum rp_kind) * kind);
    }
    return map;
}

static void get_patterns(struct rp_miner *m, struct reader *r)
{
    uint32_t n = get_count(r, 8);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t parent = get32(r), id = i == 0 ? 0 : rp_pattern_new(m);
        struct rp_str t = get_text(r);
        r->bad = r->bad || parent > i || (i > 0 && parent == 0);
        if (!r->bad) {
            m->patterns[id].parent = parent;
            m->patterns[id].template = t.p != NULL ? rp_str_dup(&m->texts, t) : RP_NONE;
        }
    }
}

static void get_inner(struct rp_miner *m, struct reader *r)
{
    uint32_t n = get_count(r, 4);
    m->inner = rp_xcalloc((size_t)n + 1, sizeof *m->inner);
    for (uint32_t i = 0; i < n; i++) {
        struct rp_str t = get_text(r);
        m->inner[i] = t.p != NULL ? rp_str_dup(&m->texts, t) : RP_NONE;
    }
    m->n_inner = n;
}

uint64_t rp_form_hash(const struct rp_miner *m, struct rp_seq s)
{
    struct rp_hasher h = {1, 0};
    for (uint32_t i = 0; i < s.n; i++) {
        const struct rp_symbol *x = &m->sym.v[s.v[i]];
        rp_hasher_add(&h, x->p, x->n, x->kind);
    }
    return rp_hasher_end(&h);
}

static void get_form(struct rp_miner *m, struct reader *r, const uint32_t *map, uint32_t n_map)
{
    struct rp_form f = {.count = get64(r), .last = get64(r)};
    f.id = get32(r);
    f.inner = get32(r);
    f.n = get_count(r, 4);
    r->bad =
        r->bad || f.n > RP_TOKENS_MAX || f.id == 0 || f.id >= m->n_patterns || f.inner > m->n_inner;
    struct rp_vec v = {0};
    for (uint32_t k = 0; k < f.n && !r->bad; k++) {
        uint32_t s = get32(r);
        r->bad = r->bad || s >= n_map;
        rp_vec_add(&v, r->bad ? 0 : map[s]);
    }
    uint64_t hash = rp_form_hash(m, rp_vec_view(&v));
    if (!r->bad && rp_form_find(m, hash) == NULL) {
        struct rp_form *to = rp_form_add(m, hash, rp_vec_view(&v), f.id);
        to->count = f.count;
        to->last = f.last;
        to->inner = f.inner;
    }
    free(v.v);
}

static bool get_state(struct rp_miner *m, struct reader *r)
{
    uint32_t n_map;
    m->lines = get64(r);
    m->other = get64(r);
    m->forgotten = get64(r);
    m->refined = get32(r);
    uint32_t *map = get_symbols(m, r, &n_map);
    get_patterns(m, r);
    get_inner(m, r);
    uint32_t n = get_count(r, 28);
    r->bad = r->bad || n > RP_MINER_FORMS;
    for (uint32_t i = 0; i < n && !r->bad; i++)
        get_form(m, r, map, n_map);
    free(map);
    m->refined = m->refined < m->n_forms ? m->refined : m->n_forms;
    return !r->bad && r->rest.n == 0;
}

static bool damaged(struct rp_err *err, const char *what)
{
    (void)rp_fail(err, RP_E_STORE_CORRUPT, "the saved patterns cannot be read: %s", what);
    return rp_hint(err, "mine the lines anew");
}

static bool check_frame(struct rp_str *state, struct rp_err *err)
{
    if (state->n < sizeof magic + 16 || memcmp(state->p, magic, sizeof magic) != 0)
        return damaged(err, "this is no state of the miner");
    struct rp_str sum = str_from(*state, state->n - 8);
    state->n -= 8;
    struct reader r = {sum, false};
    if (get64(&r) != rp_hash_bytes(state->p, state->n))
        return damaged(err, "its check sum is wrong");
    r = (struct reader){str_from(*state, sizeof magic), false};
    uint32_t format = get32(&r), rules = get32(&r);
    if (format > FORMAT || rules > RP_MINER_RULES)
        return rp_fail(err, RP_E_STORE_NEWER, "the saved patterns are of a newer version");
    *state = r.rest;
    return true;
}

struct rp_miner *rp_miner_load(struct rp_str state, struct rp_err *err)
{
    if (!check_frame(&state, err))
        return NULL;
    struct rp_miner *m = rp_miner_new();
    struct reader r = {state, false};
    if (!get_state(m, &r)) {
        (void)damaged(err, "it contradicts itself");
        rp_miner_free(m);
        return NULL;
    }
    rp_pattern_index(m);
    return m;
}

/* ---- two as one ---- */

static struct rp_form *copy_form(struct rp_miner *m, const struct rp_miner *from,
                                 const struct rp_form *f, uint32_t id)
{
    struct rp_seq s = rp_form_items(from, f);
    struct rp_vec v = {0};
    for (uint32_t k = 0; k < s.n; k++) {
        const struct rp_symbol *x = &from->sym.v[s.v[k]];
        rp_vec_add(&v, rp_symbol_of(&m->sym, (struct rp_str){x->p, x->n}, x->kind));
    }
    struct rp_form *mine = rp_form_add(m, f->hash, rp_vec_view(&v), id);
    free(v.v);
    return mine;
}

/* ids: of each of their patterns, one that it has here; 0: none yet. */
static void merge_form(struct rp_miner *m, const struct rp_miner *from, const struct rp_form *f,
                       uint32_t *ids)
{
    uint32_t *id = &ids[rp_miner_resolve(from, f->id)];
    struct rp_form *known = rp_form_find(m, f->hash);
    if (known != NULL && *id != 0)
        rp_pattern_union(m, *id, known->id);
    else if (*id == 0)
        *id = known != NULL ? known->id : rp_pattern_new(m);
    struct rp_form *mine = known != NULL ? known : copy_form(m, from, f, *id);
    mine->count += f->count;
    mine->last = m->lines;
}

void rp_miner_merge(struct rp_miner *m, const struct rp_miner *from)
{
    uint32_t *ids = rp_xcalloc(from->n_patterns, sizeof *ids);
    m->lines += from->lines;
    m->other += from->other;
    m->forgotten += from->forgotten;
    for (uint32_t i = 0; i < from->n_forms; i++)
        if (rp_miner_has_room(m) || rp_form_find(m, from->forms[i].hash) != NULL)
            merge_form(m, from, &from->forms[i], ids);
    for (uint32_t i = 1; i < from->n_patterns; i++) {
        const struct rp_pattern *p = &from->patterns[i];
        if (p->parent != i || ids[i] != 0 || p->template.p == NULL)
            continue;
        m->patterns[rp_pattern_new(m)].template = rp_str_dup(&m->texts, p->template);
    }
    free(ids);
    rp_pattern_index(m);
}
