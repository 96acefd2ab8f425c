/* Looks stretches up in pairs of places, and learns them. What is met is known from the second time
 * on; a pair is two places that one look reads. */
#include "analyze/miner/stretch.h"

#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

/* Goes by the hash before and up to four bytes that are no digits, which would vary. */
static size_t slot_of(const struct rp_at *at, const char *p, uint64_t before)
{
    static const uint32_t masks[] = {0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF};
    size_t i = (size_t)(p - at->begin);
    unsigned n = (unsigned)__builtin_ctzll(at->bits->digit[i / 64] >> i % 64 | 16);
    uint64_t key = (before ^ (rp_load(p, 4) & masks[n])) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(key >> 32) & (RP_STRETCHES - 1);
}

/* Bytes that count, then bytes that do not: from the right place a mask for any number of bytes. */
static const uint8_t counted[2 * RP_STRETCH_BYTES] = {
    [0 ... RP_STRETCH_BYTES - 1] = 0xFF, [RP_STRETCH_BYTES... 2 * RP_STRETCH_BYTES - 1] = 0};

static inline bool holds(const struct rp_stretch *x, uint64_t before, const char *p)
{
    uint64_t mask[RP_STRETCH_BYTES / 8], text[RP_STRETCH_BYTES / 8], differ = x->before ^ before;
    memcpy(mask, counted + RP_STRETCH_BYTES - x->held, sizeof mask);
    memcpy(text, p, sizeof text);
    for (size_t i = 0; i < RP_STRETCH_BYTES / 8; i++)
        differ |= (x->text[i] ^ text[i]) & mask[i];
    return differ == 0 && x->held > 0 && !(x->blank_end && rp_is(p[x->bytes], RP_C_BLANK));
}

const struct rp_stretch *rp_stretch_take(struct rp_scan *s, struct rp_at *at)
{
    const char *p = at->p;
    uint64_t before = s->hash.h + s->hash.blank;
    size_t slot = slot_of(at, p, before);
    const struct rp_stretch *x = &s->stretches.v[slot];
    if (!holds(x, before, p)) {
        x = &s->stretches.v[slot ^ 1];
        if (!holds(x, before, p))
            return NULL;
    }
    struct rp_token *to = s->v + s->n;
    for (size_t i = 0; i < x->tokens; i++)
        to[i] = (struct rp_token){p + x->token[i].from, x->token[i].n, x->token[i].kind};
    s->n += x->tokens;
    s->hash = (struct rp_hasher){x->h, x->blank};
    s->has_size |= x->has_size;
    s->has_place |= x->has_place;
    s->has_code |= x->has_code;
    at->p = p + x->bytes;
    return x;
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
    struct rp_stretch x = {.before = hash.h + hash.blank,
                           .bytes = (uint8_t)bytes,
                           .held = (uint8_t)(bytes + word),
                           .tokens = (uint8_t)n,
                           .blank_end = last->kind == RP_K_BLANK};
    memcpy(x.text, t->p, bytes);
    for (size_t i = 0; i < n; i++) {
        x.token[i].from = (uint8_t)(t[i].p - t->p);
        x.token[i].n = (uint8_t)t[i].n;
        x.token[i].kind = (uint8_t)t[i].kind;
        rp_hasher_add(&hash, t[i].p, t[i].n, t[i].kind);
        rp_scan_note(t[i].p, t[i].n, &x.has_size, &x.has_place, &x.has_code);
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
    if (x->before != before->h + before->blank)
        return false;
    size_t common = in_common(x, t, n);
    if (common > 0 && common < x->tokens)
        *x = stretch_of(t, common, *before);
    return common > 0;
}

static bool is_ascii(const struct rp_token *t, size_t n)
{
    for (const char *p = t[0].p, *end = t[n - 1].p + t[n - 1].n; p < end; p++)
        if (*p == '\0' || rp_is(*p, RP_C_HIGH))
            return false;
    return true;
}

void rp_stretch_learn(struct rp_scan *s, const struct rp_at *at, size_t first, size_t n,
                      const struct rp_hasher *before)
{
    const struct rp_token *t = &s->v[first];
    size_t fit = whole(t, n);
    if (fit == 0 || !is_ascii(t, fit))
        return;
    size_t slot = slot_of(at, t->p, before->h + before->blank);
    struct rp_stretch *x = &s->stretches.v[slot], *other = &s->stretches.v[slot ^ 1];
    if (shorten(x, t, fit, before) || shorten(other, t, fit, before))
        return;
    uint32_t *met = &s->stretches.met[slot],
             now = (uint32_t)(before->h ^ rp_hash_bytes(t->p, t->n));
    if (*met == now) {
        bool here = x->held == 0 || (other->held != 0 && (now & 1) != 0);
        x = here ? x : other;
        *x = stretch_of(t, fit, *before);
        x->then_value = fit == n && !at->plain;
    }
    *met = now;
}
