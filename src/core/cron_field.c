/* The grammar of one field: items separated by commas (rules 1, 4, 6). */
#include "core/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

struct field {
    const char *name;
    int low, high; /* as written; Sunday is 0 or 7 */
    int count;     /* distinct values */
    int hashed;    /* values that H chooses from: days 29-31 would leave months out */
    bool wraps;
    const char *names; /* three letters each, the first stands for `low` */
};

static const struct field fields[RP_CRON_FIELDS] = {
    [CRON_SECOND] = {"second", 0, 59, 60, 60, false, ""},
    [CRON_MINUTE] = {"minute", 0, 59, 60, 60, false, ""},
    [CRON_HOUR] = {"hour", 0, 23, 24, 24, false, ""},
    [CRON_DOM] = {"day-of-month", 1, 31, 31, 28, false, ""},
    [CRON_MONTH] = {"month", 1, 12, 12, 12, true, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    [CRON_DOW] = {"day-of-week", 0, 7, 7, 7, true, "SUNMONTUEWEDTHUFRISAT"},
};

/* `n` values from `first` on, each `step`th of them. */
struct range {
    int first, n, step;
};

bool(rp_cron_refuse)(const struct rp_cron_reader *r, size_t at, const char *fmt, ...)
{
    char said[200];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(said, sizeof said, fmt, ap);
    va_end(ap);
    if (r->field < 0)
        return rp_fail(r->err, RP_E_CRON, "%s (column %zu)", said, at + 1);
    return rp_fail(r->err, RP_E_CRON, "%s: %s (column %zu)", fields[r->field].name, said, at + 1);
}

static char peek(const struct rp_cron_reader *r)
{
    return r->at < r->end ? (char)toupper((unsigned char)r->text.p[r->at]) : '\0';
}

static bool take(struct rp_cron_reader *r, char c)
{
    if (r->at == r->end || peek(r) != c)
        return false;
    r->at++;
    return true;
}

static bool unexpected(const struct rp_cron_reader *r)
{
    if (r->at == r->end)
        return rp_cron_refuse(r, r->at, "it ends where more should follow");
    unsigned char c = (unsigned char)r->text.p[r->at];
    if (c > 0x20 && c < 0x7F)
        return rp_cron_refuse(r, r->at, "'%c' is not expected here", c);
    return rp_cron_refuse(r, r->at, "byte 0x%02X is not expected here", c);
}

static bool expect(struct rp_cron_reader *r, char c)
{
    return take(r, c) || unexpected(r);
}

static bool read_number(struct rp_cron_reader *r, int *out)
{
    size_t from = r->at;
    *out = 0;
    for (; isdigit((unsigned char)peek(r)); r->at++)
        if (*out < 100000)
            *out = *out * 10 + (peek(r) - '0');
    return r->at > from || unexpected(r);
}

static size_t letters(const struct rp_cron_reader *r)
{
    size_t n = 0;
    while (r->at + n < r->end && isalpha((unsigned char)r->text.p[r->at + n]))
        n++;
    return n;
}

static int find_name(const struct rp_cron_reader *r, const struct field *f)
{
    for (int i = 0; f->names[(size_t)i * 3] != '\0'; i++) {
        int k = 0;
        while (k < 3 && toupper((unsigned char)r->text.p[r->at + (size_t)k]) == f->names[i * 3 + k])
            k++;
        if (k == 3)
            return f->low + i;
    }
    return -1;
}

static bool read_name(struct rp_cron_reader *r, int *out)
{
    size_t n = letters(r), at = r->at;
    bool last = n == 4 && toupper((unsigned char)r->text.p[at + 3]) == 'L';
    *out = n == 3 || last ? find_name(r, &fields[r->field]) : -1;
    if (*out < 0)
        return rp_cron_refuse(r, at, "\"%.*s\" is not a name of this field", n < 20 ? (int)n : 20,
                              r->text.p + at);
    r->at += 3;
    return true;
}

static bool read_value(struct rp_cron_reader *r, int *out)
{
    const struct field *f = &fields[r->field];
    size_t at = r->at;
    if (isalpha((unsigned char)peek(r)))
        return read_name(r, out);
    if (!read_number(r, out))
        return false;
    if (*out < f->low || *out > f->high)
        return rp_cron_refuse(r, at, "%.*s is out of range %d-%d",
                              r->at - at < 12 ? (int)(r->at - at) : 12, r->text.p + at, f->low,
                              f->high);
    return true;
}

static void set_range(struct rp_cron_reader *r, struct range range, int from)
{
    const struct field *f = &fields[r->field];
    for (int i = from; i < range.n; i += range.step)
        r->cron->field[r->field] |= UINT64_C(1) << (f->low + (range.first + i - f->low) % f->count);
}

static bool read_step(struct rp_cron_reader *r, struct range *range)
{
    const struct field *f = &fields[r->field];
    range->step = 1;
    if (!take(r, '/'))
        return true;
    size_t at = r->at;
    if (!read_number(r, &range->step))
        return false;
    if (range->step == 0)
        return rp_cron_refuse(r, at, "a step of 0 never moves");
    if (range->step > f->count)
        return rp_cron_refuse(r, at, "step %.*s is larger than the field, which has %d values",
                              r->at - at < 12 ? (int)(r->at - at) : 12, r->text.p + at, f->count);
    return true;
}

/* Ranges go round in fields that wrap: FRI-MON, NOV-FEB, 6-2. */
static bool make_range(struct rp_cron_reader *r, size_t at, int first, int last, struct range *out)
{
    const struct field *f = &fields[r->field];
    if (first > last && !f->wraps)
        return rp_cron_refuse(r, at, "the range runs backwards from %d to %d", first, last);
    if (first > last && first == f->low + f->count)
        first = f->low; /* Sunday as 7 */
    *out = (struct range){first, last - first + 1 + (first > last ? f->count : 0), 1};
    return true;
}

static bool read_range_to(struct rp_cron_reader *r, size_t at, int first, struct range *out)
{
    int last;
    return read_value(r, &last) && make_range(r, at, first, last, out);
}

static bool read_star(struct rp_cron_reader *r, bool first_item)
{
    struct range range = {fields[r->field].low, fields[r->field].count, 1};
    r->at++;
    if (first_item)
        r->cron->star[r->field] = true;
    if (r->field == CRON_MINUTE || r->field == CRON_HOUR)
        r->cron->elapsed = true;
    if (!read_step(r, &range))
        return false;
    set_range(r, range, 0);
    return true;
}

static bool read_any(struct rp_cron_reader *r, bool first_item)
{
    if (r->field != CRON_DOM && r->field != CRON_DOW)
        return rp_cron_refuse(r, r->at, "? is only for day-of-month and day-of-week");
    if (!first_item || r->end - r->at > 1)
        return rp_cron_refuse(r, r->at, "? stands alone");
    return read_star(r, true);
}

/* Neighbouring seeds and fields must not hash alike (finaliser of SplitMix64). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* H is one value of the range; with a step, the phase is hashed. */
static bool read_hash(struct rp_cron_reader *r)
{
    struct range range = {fields[r->field].low, fields[r->field].hashed, 1};
    int first;
    r->at++;
    if (take(r, '(')) {
        size_t at = r->at;
        if (!read_value(r, &first) || !expect(r, '-') || !read_range_to(r, at, first, &range) ||
            !expect(r, ')'))
            return false;
    }
    bool stepped = peek(r) == '/';
    if (!read_step(r, &range))
        return false;
    if (!stepped)
        range.step = range.n;
    uint64_t choices = (uint64_t)(range.step < range.n ? range.step : range.n);
    uint64_t hash = mix(r->seed + (uint64_t)r->field * UINT64_C(0x9e3779b97f4a7c15));
    set_range(r, range, (int)(hash % choices));
    return true;
}

static bool read_last(struct rp_cron_reader *r)
{
    size_t at = r->at++;
    if (letters(r) > 0 && (peek(r) != 'W' || letters(r) > 1)) {
        r->at = at;
        int ignored;
        return read_name(r, &ignored);
    }
    if (r->field == CRON_DOW)
        return rp_cron_refuse(r, at, "L needs a weekday before it, such as 5L for the last Friday");
    if (r->field != CRON_DOM)
        return rp_cron_refuse(r, at, "L is only for day-of-month and day-of-week");
    if (take(r, 'W'))
        r->cron->last_weekday = true;
    else
        r->cron->last_day = true;
    return true;
}

static bool read_nth(struct rp_cron_reader *r, int weekday)
{
    int n;
    size_t at = r->at;
    if (r->field != CRON_DOW)
        return rp_cron_refuse(r, at - 1, "# is only for day-of-week");
    if (!read_number(r, &n))
        return false;
    if (n < 1 || n > 5)
        return rp_cron_refuse(r, at, "a month has its weekdays 1 to 5 times");
    r->cron->nth_dow |= UINT64_C(1) << (weekday % 7 * 5 + n - 1);
    return true;
}

static bool read_nearest(struct rp_cron_reader *r, int day)
{
    if (r->field != CRON_DOM)
        return rp_cron_refuse(r, r->at - 1, "W is only for day-of-month");
    r->cron->nearest |= UINT32_C(1) << day;
    return true;
}

static bool read_last_weekday(struct rp_cron_reader *r, int weekday)
{
    if (r->field != CRON_DOW)
        return rp_cron_refuse(r, r->at - 1, "L after a value is only for day-of-week");
    r->cron->last_dow |= UINT32_C(1) << weekday % 7;
    return true;
}

static bool read_value_item(struct rp_cron_reader *r)
{
    int first;
    size_t at = r->at;
    if (!read_value(r, &first))
        return false;
    if (take(r, 'L'))
        return read_last_weekday(r, first);
    if (take(r, 'W'))
        return read_nearest(r, first);
    if (take(r, '#'))
        return read_nth(r, first);
    if (peek(r) == '/')
        return rp_cron_refuse(r, r->at, "a step needs a range or *, such as %d-%d/2", first,
                              fields[r->field].high);
    struct range range = {first, 1, 1};
    if (take(r, '-') && (!read_range_to(r, at, first, &range) || !read_step(r, &range)))
        return false;
    set_range(r, range, 0);
    return true;
}

static bool read_item(struct rp_cron_reader *r, bool first_item)
{
    switch (peek(r)) {
    case '*':
        return read_star(r, first_item);
    case '?':
        return read_any(r, first_item);
    case 'H':
        return letters(r) > 1 ? read_value_item(r) : read_hash(r);
    case 'L':
        return read_last(r);
    case ',':
    case '\0':
        return rp_cron_refuse(r, r->at, "the list has an empty item");
    default:
        return read_value_item(r);
    }
}

bool rp_cron_read_field(struct rp_cron_reader *r)
{
    bool first_item = true;
    do {
        if (!read_item(r, first_item))
            return false;
        first_item = false;
    } while (take(r, ','));
    return r->at == r->end || unexpected(r);
}
