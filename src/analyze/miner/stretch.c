/* Looks stretches up in pairs of places, and learns them. What is met is known from the second time
 * on; a pair is two places that one look reads. */
#include "analyze/miner/stretch.h"

#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

static inline uint64_t before_of(const struct rp_hasher *h)
{
    return (h->h + h->blank) | 1;
}

/* Goes by the hash before and up to four bytes that are no digits, which would vary. */
static inline size_t slot_of(const struct rp_at *at, const char *p, uint64_t before)
{
    static const uint32_t masks[] = {0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF};
    size_t i = (size_t)(p - at->begin);
    unsigned n = (unsigned)__builtin_ctzll(at->bits->digit[i / 64] >> i % 64 | 16);
    uint64_t key = (before ^ (rp_load(p, 4) & masks[n])) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(key >> 32) & (RP_STRETCHES - 1);
}

static inline bool holds(const struct rp_stretch *x, uint64_t before, const char *p)
{
    rp_lanes one, two;
    memcpy(&one, p, sizeof one);
    memcpy(&two, p + sizeof one, sizeof two);
    rp_lanes differ = ((x->text[0] ^ one) & x->mask[0]) | ((x->text[1] ^ two) & x->mask[1]);
    return (differ[0] | differ[1] | (x->before ^ before)) == 0 &&
           !(x->blank_end && rp_is(p[x->bytes], RP_C_BLANK));
}

/* It fits where it was learned, and that is here: as many tokens stand before it. */
const struct rp_stretch *rp_stretch_take(struct rp_scan *s, struct rp_at *at)
{
    const char *p = at->p;
    uint64_t before = before_of(&s->hash);
    const struct rp_stretch *x = &s->stretches.v[slot_of(at, p, before)];
    if (!holds(x, before, p)) {
        x = &s->stretches.v[(size_t)(x - s->stretches.v) ^ 1];
        if (!holds(x, before, p))
            return NULL;
    }
    s->laid[s->laid_n++] = (struct rp_laid){x, p, (uint32_t)s->n};
    s->n += x->tokens;
    s->hash = (struct rp_hasher){x->h, x->blank};
    s->has |= x->has;
    at->p = p + x->bytes;
    return x;
}

void rp_stretch_write(struct rp_scan *s)
{
    for (const struct rp_laid *l = s->laid, *end = l + s->laid_n; l < end; l++) {
        struct rp_token *to = s->v + l->at;
        for (size_t i = 0; i < l->x->tokens; i++)
            to[i] = (struct rp_token){l->p + l->x->token[i].from, l->x->token[i].n,
                                      l->x->token[i].kind};
    }
    s->laid_n = 0;
}

/* ---- learning ---- */

/* Does the token end there whatever comes next? A word does where the line ends. */
static bool ends_there(const struct rp_token *t)
{
    if (t->kind == RP_K_BLANK)
        return true;
    if (t->kind == RP_K_PUNCT)
        return !rp_among(*t->p, ":-+"); /* plain only before a blank */
    return t->p[t->n] == '\0';
}

static struct rp_stretch stretch_of(const struct rp_token *t, size_t n, struct rp_hasher hash)
{
    const struct rp_token *last = &t[n - 1];
    size_t bytes = (size_t)(last->p + last->n - t->p);
    bool word = last->kind != RP_K_BLANK && last->kind != RP_K_PUNCT;
    struct rp_stretch x = {.before = before_of(&hash),
                           .bytes = (uint8_t)bytes,
                           .tokens = (uint8_t)n,
                           .blank_end = last->kind == RP_K_BLANK};
    memcpy(x.text, t->p, bytes);
    memset(x.mask, 0xFF, bytes + word); /* with the zero after a line's last word */
    for (size_t i = 0; i < n; i++) {
        x.token[i].from = (uint8_t)(t[i].p - t->p);
        x.token[i].n = (uint8_t)t[i].n;
        x.token[i].kind = (uint8_t)t[i].kind;
        rp_hasher_add(&hash, t[i].p, t[i].n, t[i].kind);
        x.has |= (uint8_t)rp_scan_note(t[i].p, t[i].n, t[i].kind);
    }
    x.h = hash.h;
    x.blank = hash.blank;
    return x;
}

/* Of n tokens those that fit and end for sure. */
static size_t whole(const struct rp_token *t, size_t n)
{
    while (n > 0 && (t[n - 1].p + t[n - 1].n - t->p >= RP_STRETCH_BYTES || !ends_there(&t[n - 1])))
        n--;
    return n;
}

static size_t in_common(const struct rp_stretch *x, const struct rp_token *t, size_t n)
{
    char text[RP_STRETCH_BYTES];
    size_t k = 0;
    memcpy(text, x->text, sizeof text);
    while (k < n && k < x->tokens && x->token[k].n == t[k].n && x->token[k].kind == t[k].kind &&
           memcmp(text + x->token[k].from, t[k].p, t[k].n) == 0)
        k++;
    return whole(t, k);
}

/* What shares its beginning with a known stretch makes that one end where they part. */
static bool shorten(struct rp_stretch *x, const struct rp_token *t, size_t n,
                    const struct rp_hasher *before)
{
    if (x->before != before_of(before))
        return false;
    size_t common = in_common(x, t, n);
    if (common > 0 && common < x->tokens)
        *x = stretch_of(t, common, *before);
    return common > 0;
}

/* Bytes from 1 to 127 only? Eight at a time; what is past the end counts as 1. */
static bool is_ascii(const struct rp_token *t, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highest = ones << 7;
    const char *p = t[0].p, *end = t[n - 1].p + t[n - 1].n;
    uint64_t odd = 0;
    for (; p < end; p += 8) {
        uint64_t past = end - p < 8 ? UINT64_MAX << 8 * (end - p) : 0;
        uint64_t v = (rp_load(p, 8) & ~past) | (ones & past);
        odd |= v | (v - ones);
    }
    return (odd & highest) == 0;
}

void rp_stretch_learn(struct rp_scan *s, const struct rp_at *at, size_t first, size_t n,
                      const struct rp_hasher *before)
{
    const struct rp_token *t = &s->v[first];
    size_t fit = whole(t, n);
    rp_stretch_write(s); /* what was taken may change now */
    if (fit == 0 || !is_ascii(t, fit))
        return;
    size_t slot = slot_of(at, t->p, before_of(before));
    struct rp_stretch *x = &s->stretches.v[slot], *other = &s->stretches.v[slot ^ 1];
    if (shorten(x, t, fit, before) || shorten(other, t, fit, before))
        return;
    uint32_t *met = &s->stretches.met[slot],
             now = (uint32_t)(before->h ^ rp_hash_bytes(t->p, t->n));
    if (*met == now) {
        bool here = x->before == 0 || (other->before != 0 && (now & 1) != 0);
        x = here ? x : other;
        *x = stretch_of(t, fit, *before);
        x->then_value = fit == n && !at->plain;
    }
    *met = now;
}
