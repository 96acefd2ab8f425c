/* Words with digits: what of them is a value. */
#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

static const char wild_text[16] = "<*>";

/* At least 6 hex digits with a decimal one. */
static bool hex_word(const char *p, size_t n)
{
    bool digit = false;
    if (n < 6)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!rp_is(p[i], RP_C_HEX))
            return false;
        digit |= rp_is(p[i], RP_C_DIGIT);
    }
    return digit;
}

/* Eight or more letters and digits: two runs of digits, or 40 % digits. */
static bool id_word(const char *p, size_t n)
{
    size_t digits = 0, runs = 0;
    if (n < 8)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!rp_is(p[i], RP_C_ALPHA | RP_C_DIGIT | RP_C_HIGH))
            return false;
        bool d = rp_is(p[i], RP_C_DIGIT);
        digits += d;
        runs += d && (i == 0 || !rp_is(p[i - 1], RP_C_DIGIT));
    }
    return runs >= 2 || 10 * digits >= 4 * n;
}

/* What joins the pieces of a word. */
static const bool separator[256] = {
    ['_'] = true, [':'] = true, ['#'] = true, ['.'] = true, ['-'] = true,
    ['/'] = true, ['@'] = true, ['$'] = true, ['~'] = true};

/* The piece that begins at p; `value`: digits, or hex with a digit. */
static size_t piece_at(const char *p, const char *end, bool *value)
{
    enum { HEX_MIN = 6 };
    unsigned all = RP_C_DIGIT | RP_C_HEX, any = 0;
    const char *q = p;
    for (; q < end && !separator[(unsigned char)*q]; q++) {
        unsigned c = rp_class(*q);
        all &= c;
        any |= c;
    }
    size_t n = (size_t)(q - p);
    *value =
        n > 0 && ((all & RP_C_DIGIT) || (n >= HEX_MIN && (all & RP_C_HEX) && (any & RP_C_DIGIT)));
    return n;
}

static size_t uuid_piece(const char *from, const char *p, const char *end)
{
    static const uint8_t parts[] = {8, 4, 4, 4, 12};
    const char *q = p;
    if (end - p < 36 || (p > from && rp_is(p[-1], RP_C_WORD)))
        return 0;
    for (size_t i = 0; i < 5; i++) {
        if (rp_run(q, end, RP_C_HEX) != parts[i] || (i < 4 && q[parts[i]] != '-'))
            return 0;
        q += parts[i] + 1;
    }
    return q - 1 < end && rp_is(q[-1], RP_C_WORD) ? 0 : 36;
}

struct out {
    char *p;
    size_t n, room;
};

static bool ends_wild(const struct out *o, size_t before)
{
    return o->n >= before + 3 && memcmp(o->p + o->n - before - 3, wild_text, 3) == 0;
}

/* What stands between the last wildcard and the one to come when both are one value: "_", "-",
 * "_m_". SIZE_MAX: they are not. */
static size_t joint(const struct out *o)
{
    if (o->n < 1 || !rp_among(o->p[o->n - 1], "_-"))
        return SIZE_MAX;
    if (ends_wild(o, 1))
        return 1;
    if (o->n >= 3 && is_lower(o->p[o->n - 2]) && rp_among(o->p[o->n - 3], "_-") && ends_wild(o, 3))
        return 3;
    return SIZE_MAX;
}

/* Short ones as a few bytes too many: what comes after them writes over that, and a line's copy can
 * be read past its end. */
static inline void put(struct out *o, const char *p, size_t n)
{
    enum { SHORT = 16 };
    size_t room = o->room - o->n;
    char *to = o->p + o->n;
    if (n <= SHORT && room >= SHORT) {
        memcpy(to, p, SHORT);
    } else {
        n = n < room ? n : room;
        memcpy(to, p, n);
    }
    o->n += n;
}

static void put_wild(struct out *o)
{
    if (o->n >= 2 && o->p[o->n - 1] == '-' && o->p[o->n - 2] == '_')
        o->n--; /* the sign of "_-5" */
    size_t gap = joint(o);
    if (gap != SIZE_MAX)
        o->n -= gap;
    else
        put(o, wild_text, 3);
}

static void put_pieces(struct out *o, const char *from, const char *end)
{
    for (const char *p = from; p < end;) {
        if (separator[(unsigned char)*p]) {
            put(o, p++, 1);
            continue;
        }
        bool value;
        size_t uuid = rp_is(*p, RP_C_HEX) ? uuid_piece(from, p, end) : 0;
        size_t n = piece_at(p, end, &value);
        if (uuid > 0 || value)
            put_wild(o);
        else
            put(o, p, n);
        p += uuid > 0 ? uuid : n;
    }
}

void rp_atom_mask(struct rp_scan *s, struct rp_token *t)
{
    struct out o = {s->side + s->side_n, 0, RP_SIDE_MAX - s->side_n};
    bool joined = t->kind == RP_K_IDENT;
    if (!joined && (hex_word(t->p, t->n) || id_word(t->p, t->n))) {
        *t = (struct rp_token){.p = wild_text, .n = 3, .kind = RP_K_WILD};
        return;
    }
    put_pieces(&o, t->p, t->p + t->n);
    s->side_n += o.n;
    bool whole = o.n == 3 && memcmp(o.p, wild_text, 3) == 0;
    t->p = o.p;
    t->n = (uint32_t)o.n;
    t->kind = whole ? RP_K_WILD : RP_K_IDENT;
}
