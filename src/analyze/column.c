#include "analyze/column.h"

#include "analyze/contrast.h"
#include "analyze/internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    FEW_NUMBERS = 12,     /* so many are shown as they are */
    NUMBERS_MAX = 1 << 12 /* distinct ones that are kept until all are known */
};

void column_open(struct column *c, struct rp_str name)
{
    *c = (struct column){.n_slots = 64};
    c->name = rp_str_dup(&c->text, name);
    c->slots = rp_xcalloc(c->n_slots, sizeof *c->slots);
}

void column_close(struct column *c)
{
    free(c->slots);
    free(c->values);
    free(c->bin_id);
    rp_arena_free(&c->text);
}

/* ---- numbers ---- */

static size_t digits(struct rp_str s, size_t i)
{
    while (i < s.n && is_digit(s.p[i]))
        i++;
    return i;
}

/* Decimal, with fraction and exponent; blanks around it. */
static bool is_number(struct rp_str s)
{
    size_t i = s.n > 0 && one_of(s.p[0], "+-"), whole = digits(s, i), fraction = whole;
    if (whole < s.n && s.p[whole] == '.')
        fraction = digits(s, whole + 1);
    if (whole == i && fraction <= whole + 1)
        return false;
    if (fraction == s.n)
        return true;
    if (s.p[fraction] != 'e' && s.p[fraction] != 'E')
        return false;
    i = fraction + 1;
    i += i < s.n && one_of(s.p[i], "+-");
    return i < s.n && digits(s, i) == s.n;
}

/* Most numbers are a few digits: no need of strtod. */
static bool small_number(struct rp_str s, double *out)
{
    uint64_t v = 0;
    if (s.n == 0 || s.n > 15)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    *out = (double)v;
    return true;
}

static bool number_of(struct rp_str s, double *out)
{
    char text[64];
    if (small_number(s, out))
        return true;
    s = rp_str_trim(s);
    if (s.n == 0 || s.n >= sizeof text || !is_number(s))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = strtod(text, NULL);
    return isfinite(*out);
}

static int bin_of(double x)
{
    int exponent;
    (void)frexp(x, &exponent);
    return x <= 0 ? BIN_ZERO : exponent - 1;
}

/* ---- values ---- */

static uint64_t load(const char *p, size_t bytes)
{
    uint64_t v8;
    uint32_t v4;
    if (bytes == 4) {
        memcpy(&v4, p, 4);
        return v4;
    }
    memcpy(&v8, p, 8);
    return v8;
}

/* Up to 8 bytes as a number: two loads that may overlap cost less than a copy of unknown length. */
static uint64_t part(const char *p, size_t n)
{
    if (n >= 8)
        return load(p, 8);
    if (n >= 4)
        return load(p, 4) | load(p + n - 4, 4) << 32;
    return n == 0 ? 0
                  : (uint64_t)(uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 |
                        (uint64_t)(uint8_t)p[n - 1] << 16;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product =
        (unsigned __int128)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

enum { WORD = 8, TWO_WORDS = 16 };

static struct column_words words_of(struct rp_str s)
{
    if (s.n <= WORD)
        return (struct column_words){part(s.p, s.n), 0};
    uint64_t first = load(s.p, WORD), more = 0;
    for (s = str_from(s, WORD); s.n > WORD; s = str_from(s, WORD))
        more = mix(more, load(s.p, WORD));
    return (struct column_words){first, more == 0 ? part(s.p, s.n) : mix(more, part(s.p, s.n))};
}

static size_t place_of(const struct column *c, struct column_words w, size_t n)
{
    return (size_t)mix(w.first ^ n, w.more) & (c->n_slots - 1);
}

static uint32_t value_add(struct column *c, struct column_value v)
{
    if ((c->n_values & (c->n_values - 1)) == 0)
        c->values = rp_xrealloc(c->values, (c->n_values > 0 ? c->n_values * 2 : 1) * sizeof v);
    c->values[c->n_values] = v;
    return (uint32_t)c->n_values++;
}

static void slots_grow(struct column *c)
{
    struct column_slot *old = c->slots;
    size_t n_old = c->n_slots;
    c->n_slots *= 2;
    c->slots = rp_xcalloc(c->n_slots, sizeof *c->slots);
    for (size_t i = 0; i < n_old; i++) {
        size_t at = place_of(c, old[i].words, old[i].n);
        while (old[i].id != 0 && c->slots[at].id != 0)
            at = (at + 1) & (c->n_slots - 1);
        if (old[i].id != 0)
            c->slots[at] = old[i];
    }
    free(old);
}

static bool slot_is(const struct column *c, const struct column_slot *slot, struct rp_str s,
                    struct column_words w)
{
    return slot->words.first == w.first && slot->words.more == w.more && slot->n == s.n &&
           (s.n <= TWO_WORDS ||
            memcmp(c->values[slot->id - 1].text.p + WORD, s.p + WORD, s.n - WORD) == 0);
}

static uint32_t text_id(struct column *c, struct rp_str s, bool *new)
{
    struct column_words words = words_of(s);
    size_t at = place_of(c, words, s.n);
    while (c->slots[at].id != 0 && !slot_is(c, &c->slots[at], s, words))
        at = (at + 1) & (c->n_slots - 1);
    *new = c->slots[at].id == 0;
    if (!*new)
        return c->slots[at].id - 1;
    uint32_t id = value_add(c, (struct column_value){rp_str_dup(&c->text, s), BIN_NONE});
    c->slots[at] = (struct column_slot){words, (uint32_t)s.n, id + 1};
    if (c->n_values * 2 > c->n_slots)
        slots_grow(c);
    return id;
}

static uint32_t bin_id(struct column *c, double x)
{
    int bin = bin_of(x);
    uint32_t *id = &c->bin_id[bin - BIN_ZERO];
    c->negative |= x < 0;
    c->fraction |= x != floor(x);
    if (*id == 0)
        *id = value_add(c, (struct column_value){.bin = bin}) + 1;
    return *id - 1;
}

/* ---- what happens to a column with many values ---- */

static void forget(struct column *c)
{
    memset(c->slots, 0, c->n_slots * sizeof *c->slots);
    free(c->values);
    c->values = NULL;
    c->n_values = 0;
}

/* Texts keep their memory: their values move to a new list, numbers to their bins. */
static uint32_t *to_bins(struct column *c)
{
    struct column_value *old = c->values;
    size_t n = c->n_values;
    uint32_t *map = rp_xcalloc(n + 1, sizeof *map);
    bool new;
    double x;
    c->binned = true;
    c->bin_id = rp_xcalloc(BINS, sizeof *c->bin_id);
    c->values = NULL;
    forget(c);
    for (size_t i = 0; i < n; i++)
        map[i] = number_of(old[i].text, &x) ? bin_id(c, x) : text_id(c, old[i].text, &new);
    free(old);
    return map;
}

static uint32_t *drop(struct column *c)
{
    uint32_t *map = rp_xcalloc(c->n_values + 1, sizeof *map);
    c->dropped = true;
    forget(c);
    (void)value_add(c, (struct column_value){RP_STR(""), BIN_NONE});
    return map;
}

static uint32_t id_added(struct column *c, uint32_t id, bool number, uint32_t **map)
{
    c->numbers += number;
    c->texts += !number;
    if (c->texts > RP_CONTRAST_VALUES)
        *map = drop(c);
    else if (!c->binned && c->numbers > NUMBERS_MAX)
        *map = to_bins(c);
    return *map != NULL ? (*map)[id] : id;
}

uint32_t column_id(struct column *c, struct rp_str value, uint32_t **map)
{
    bool new;
    double x;
    *map = NULL;
    if (c->dropped)
        return 0;
    if (c->binned && number_of(value, &x))
        return bin_id(c, x);
    uint32_t id = text_id(c, value, &new);
    return new ? id_added(c, id, !c->binned && number_of(value, &x), map) : id;
}

uint32_t *column_finish(struct column *c)
{
    bool bins = !c->dropped && !c->binned && c->texts == 0 && c->numbers > FEW_NUMBERS;
    return bins ? to_bins(c) : NULL;
}

struct rp_str column_label(const struct column *c, uint32_t id, struct rp_arena *a)
{
    const struct column_value *v = &c->values[id];
    if (v->bin == BIN_NONE)
        return rp_str_dup(a, v->text);
    if (v->bin == BIN_ZERO)
        return rp_str_dup(a, c->negative ? RP_STR("0 or less") : RP_STR("0"));
    double from = ldexp(1, v->bin), to = ldexp(1, v->bin + 1);
    if (c->fraction || v->bin < 0)
        return rp_str_fmt(a, "%g..%g", from, to);
    return v->bin == 0 ? rp_str_fmt(a, "1") : rp_str_fmt(a, "%.0f..%.0f", from, to - 1);
}
