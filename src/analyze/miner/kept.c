/* Forms that are kept elsewhere, in a store: as bytes, and from there into a miner again. */
#include "analyze/miner/kept.h"

#include "analyze/miner/internal.h"

#include <stdlib.h>

/* A token is its kind, two bytes of length and its text; a bare wildcard is one byte. */
enum { LENGTH_BYTES = 2, BARE = 0x80 | RP_K_WILD };

struct rp_scan *rp_scan_new(void)
{
    return rp_xcalloc(1, sizeof(struct rp_scan));
}

void rp_scan_free(struct rp_scan *s)
{
    free(s);
}

uint64_t rp_kept_scan(struct rp_scan *s, struct rp_str line)
{
    uint64_t hash = rp_scan_line(s, line);
    rp_stretch_write(s);
    return hash;
}

/* One with a unit ("<*>ms") is not bare. */
static bool bare(const struct rp_token *t)
{
    return t->kind == RP_K_WILD && t->n == 3;
}

struct rp_str rp_kept_text(const struct rp_scan *s, struct rp_arena *a)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->v[i].n;
    char *p = rp_alloc(a, n + 1), *to = p;
    for (size_t i = 0; i < s->n; to += s->v[i++].n)
        memcpy(to, s->v[i].p, s->v[i].n);
    return (struct rp_str){p, n};
}

struct rp_str rp_kept_pack(const struct rp_scan *s, struct rp_arena *a)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += 1 + (bare(&s->v[i]) ? 0 : LENGTH_BYTES + s->v[i].n);
    char *p = rp_alloc(a, n + 1), *to = p;
    for (size_t i = 0; i < s->n; i++) {
        const struct rp_token *t = &s->v[i];
        *to++ = (char)(bare(t) ? BARE : t->kind);
        if (bare(t))
            continue;
        *to++ = (char)(t->n & 0xFF);
        *to++ = (char)(t->n >> 8);
        memcpy(to, t->p, t->n);
        to += t->n;
    }
    return (struct rp_str){p, n};
}

static bool take(struct rp_str *packed, struct rp_token *t)
{
    uint8_t kind = (uint8_t)packed->p[0];
    *packed = str_from(*packed, 1);
    *t = (struct rp_token){.p = "<*>", .n = 3, .kind = RP_K_WILD};
    if (kind == BARE)
        return true;
    if (kind > RP_K_WILD || packed->n < LENGTH_BYTES)
        return false;
    t->kind = kind;
    t->n = (uint32_t)(unsigned char)packed->p[0] | (uint32_t)(unsigned char)packed->p[1] << 8;
    t->p = packed->p + LENGTH_BYTES;
    if (t->n == 0 || packed->n - LENGTH_BYTES < t->n)
        return false;
    *packed = str_from(*packed, LENGTH_BYTES + t->n);
    return true;
}

bool rp_kept_unpack(struct rp_scan *s, struct rp_str packed)
{
    s->n = 0;
    while (packed.n > 0)
        if (s->n == RP_TOKENS_MAX || !take(&packed, &s->v[s->n++]))
            return false;
    return true;
}

uint64_t rp_kept_hash(const struct rp_scan *s)
{
    return rp_scan_hash(s);
}

struct rp_miner_hit rp_kept_find(const struct rp_miner *m, uint64_t hash)
{
    const struct rp_form *f = rp_form_find(m, hash);
    return rp_form_hit(m, f, f != NULL ? f->id : RP_MINER_OTHER);
}

/* ---- into a miner ---- */

bool rp_kept_form(struct rp_miner *m, struct rp_str packed, uint32_t pattern)
{
    struct rp_vec v = {0};
    if (!rp_kept_unpack(&m->scan, packed) || !rp_miner_has_room(m))
        return false;
    uint64_t hash = rp_scan_hash(&m->scan);
    const struct rp_form *known = rp_form_find(m, hash);
    if (known != NULL) {
        rp_pattern_union(m, known->id, pattern);
        return true;
    }
    for (size_t i = 0; i < m->scan.n; i++) {
        const struct rp_token *t = &m->scan.v[i];
        rp_vec_add(&v, rp_symbol_of(&m->sym, (struct rp_str){t->p, t->n}, t->kind));
    }
    rp_form_add(m, hash, rp_vec_view(&v), pattern)->count = 1;
    free(v.v);
    return true;
}

uint32_t rp_kept_pattern(struct rp_miner *m, struct rp_str template)
{
    uint32_t id = rp_pattern_new(m);
    m->patterns[id].template = rp_str_dup(&m->texts, template);
    return id;
}

void rp_kept_templates_end(struct rp_miner *m)
{
    rp_pattern_index(m);
}

uint32_t rp_kept_match(const struct rp_miner *m, const struct rp_scan *s)
{
    return rp_pattern_match(m, s);
}
