/* TZif bytes to a zone (RFC 9636). Only the 64-bit block is read; the footer's rule is unrolled
 * into transitions at once, so that every later question is one search in one list. */
#include "base/time.h"
#include "core/internal.h"

#include <stdlib.h>

enum { HEADER = 44, YEAR_FIRST = 1900, YEAR_LAST = 2202 };

/* Far outside of every date, near enough that adding offsets never overflows (zic writes -2^59 for
 * "always"). */
#define FARTHEST ((int64_t)1 << 60)

struct counts {
    size_t is_ut, is_std, leap, time, type, chars;
};

struct bytes {
    const unsigned char *p;
    size_t n;
};

static bool skip(struct bytes *b, size_t n)
{
    if (n > b->n)
        return false;
    b->p += n;
    b->n -= n;
    return true;
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool read_header(struct bytes *b, struct counts *c, char *version)
{
    const unsigned char *p = b->p;
    if (!skip(b, HEADER) || memcmp(p, "TZif", 4) != 0)
        return false;
    *version = (char)p[4];
    *c = (struct counts){be32(p + 20), be32(p + 24), be32(p + 28),
                         be32(p + 32), be32(p + 36), be32(p + 40)};
    return c->type >= 1 && c->type <= 254 && c->chars >= 1;
}

static size_t block_size(const struct counts *c, size_t time_size)
{
    return c->time * (time_size + 1) + c->type * 6 + c->chars + c->leap * (time_size + 4) +
           c->is_std + c->is_ut;
}

static bool read_type(const unsigned char *p, const unsigned char *chars, size_t n_chars,
                      struct rp_zone_type *out)
{
    out->offset = (int32_t)be32(p);
    size_t from = p[5];
    if (out->offset < -89999 || out->offset > 93599 || from >= n_chars)
        return false;
    size_t n = strnlen((const char *)chars + from, n_chars - from);
    if (n == n_chars - from || n >= sizeof out->abbreviation)
        return false;
    memcpy(out->abbreviation, chars + from, n + 1);
    return true;
}

static bool read_transitions(struct rp_zone *z, const unsigned char *p, const struct counts *c)
{
    const unsigned char *types = p + c->time * 8;
    for (size_t i = 0; i < c->time; i++) {
        int64_t at = be64(p + i * 8);
        if (at < -FARTHEST || at > FARTHEST || types[i] >= c->type || (i > 0 && at <= z->at[i - 1]))
            return false;
        z->at[i] = at;
        z->type[i] = types[i];
    }
    z->n = c->time;
    return true;
}

static bool read_block(struct rp_zone *z, const unsigned char *p, const struct counts *c)
{
    const unsigned char *types = p + c->time * 9, *chars = types + c->type * 6;
    size_t room = c->time + (size_t)(YEAR_LAST - YEAR_FIRST + 1) * 2;
    z->at = RP_NEW_N(&z->arena, int64_t, room);
    z->type = RP_NEW_N(&z->arena, uint8_t, room);
    z->types = RP_NEW_N(&z->arena, struct rp_zone_type, c->type + 2);
    z->n_types = c->type;
    for (size_t i = 0; i < c->type; i++)
        if (!read_type(types + i * 6, chars, c->chars, &z->types[i]))
            return false;
    return read_transitions(z, p, c);
}

/* A rule for daylight time all year ends and begins it at the same instant: the later word counts.
 */
static void add_transition(struct rp_zone *z, size_t from_file, int64_t at, size_t type)
{
    if (z->n > 0 && at < z->at[z->n - 1])
        return;
    if (z->n > 0 && at == z->at[z->n - 1]) {
        if (z->n > from_file)
            z->type[z->n - 1] = (uint8_t)type;
        return;
    }
    z->at[z->n] = at;
    z->type[z->n++] = (uint8_t)type;
}

static int64_t first_rule_year(const struct rp_zone *z)
{
    int64_t year = YEAR_FIRST;
    int month, day;
    if (z->n > 0)
        rp_civil_from_days(rp_floor_div(z->at[z->n - 1], 86400), &year, &month, &day);
    return year < YEAR_FIRST ? YEAR_FIRST : year;
}

static void unroll_rule(struct rp_zone *z, const struct rp_posix_tz *tz)
{
    size_t standard = z->n_types, summer = z->n_types + 1, from_file = z->n;
    z->types[standard] = tz->standard;
    z->types[summer] = tz->daylight;
    z->n_types += 2;
    for (int64_t y = first_rule_year(z); y <= YEAR_LAST; y++) {
        int64_t start = rp_posix_date_wall(&tz->start, y) - tz->standard.offset;
        int64_t end = rp_posix_date_wall(&tz->end, y) - tz->daylight.offset;
        if (start < end)
            add_transition(z, from_file, start, summer);
        add_transition(z, from_file, end, standard);
        if (start >= end)
            add_transition(z, from_file, start, summer);
    }
}

static bool read_footer(struct rp_zone *z, struct bytes b)
{
    const unsigned char *end = b.n > 0 ? memchr(b.p + 1, '\n', b.n - 1) : NULL;
    struct rp_posix_tz tz;
    if (end == NULL || b.p[0] != '\n')
        return false;
    struct rp_str text = {(const char *)b.p + 1, (size_t)(end - b.p) - 1};
    if (text.n == 0)
        return true;
    if (!rp_posix_tz_parse(text, &tz))
        return false;
    if (tz.has_daylight)
        unroll_rule(z, &tz);
    return true;
}

static bool read_file(struct rp_zone *z, struct bytes b, const char **why)
{
    struct counts c;
    char version;
    *why = "it is not a TZif file";
    if (!read_header(&b, &c, &version))
        return false;
    *why = "it is a TZif file of version 1; version 2 or later is needed";
    if (version < '2')
        return false;
    *why = "it is cut short or damaged";
    if (!skip(&b, block_size(&c, 4)) || !read_header(&b, &c, &version) || block_size(&c, 8) > b.n)
        return false;
    *why = "it counts leap seconds";
    if (c.leap != 0)
        return false;
    *why = "its transitions, types or footer are damaged";
    const unsigned char *block = b.p;
    return read_block(z, block, &c) && skip(&b, block_size(&c, 8)) && read_footer(z, b);
}

/* Files may say the same in other bytes: with more transitions and a shorter rule, or with some
 * that change nothing. */
static uint64_t rules_of(const struct rp_zone *z)
{
    const struct rp_zone_type *before = &z->types[0];
    struct rp_buf b = {0};
    rp_buf_fmt(&b, "%lld %s", (long long)before->offset, before->abbreviation);
    for (size_t i = 0; i < z->n; i++) {
        const struct rp_zone_type *t = &z->types[z->type[i]];
        if (t->offset == before->offset && strcmp(t->abbreviation, before->abbreviation) == 0)
            continue;
        rp_buf_fmt(&b, "\n%lld %lld %s", (long long)z->at[i], (long long)t->offset,
                   t->abbreviation);
        before = t;
    }
    uint64_t hash = rp_hash64(rp_buf_view(&b));
    rp_buf_free(&b);
    return hash;
}

struct rp_zone *rp_zone_from_tzif(struct rp_str name, struct rp_str bytes, struct rp_err *err)
{
    struct rp_zone *z = rp_xcalloc(1, sizeof *z);
    const char *why = "it is too large for a time zone";
    size_t n = name.n < sizeof z->name ? name.n : sizeof z->name - 1;
    if (n > 0)
        memcpy(z->name, name.p, n);
    if (bytes.n <= RP_ZONE_FILE_BYTES &&
        read_file(z, (struct bytes){(const unsigned char *)bytes.p, bytes.n}, &why)) {
        z->rules = rules_of(z);
        return z;
    }
    (void)rp_fail(err, RP_E_CONFIG, "the file of time zone %s cannot be used: %s", z->name, why);
    (void)rp_hint(err, "reinstall the system's tzdata package");
    rp_zone_free(z);
    return NULL;
}

void rp_zone_free(struct rp_zone *z)
{
    if (z == NULL)
        return;
    rp_arena_free(&z->arena);
    free(z);
}
