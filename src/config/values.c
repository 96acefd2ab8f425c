/* Kinds of plain values. A reader writes the row's field or reports what it found and what it
 * expected. */
#include "config/internal.h"

#include "base/time.h"

#include <math.h>
#include <stdlib.h>

enum { ENTRIES_MAX = 100000 };

/* The scalar that every single value must be. */
bool rp_scalar_want(struct load *l, const struct row *row, const struct node *v, const char *what)
{
    if (v->kind != NODE_SCALAR)
        return rp_mistake(l, v->from, "%s: found %s, expected %s", row->key, rp_shown(v), what);
    if (rp_node_is_null(v))
        return rp_mistake(l, v->from, "%s: has no value, expected %s", row->key, what);
    return true;
}

bool rp_map_want(struct load *l, const char *key, const struct node *v)
{
    if (v->n > ENTRIES_MAX)
        return rp_mistake(l, v->from, "%s: more than %d entries", key, ENTRIES_MAX);
    if (v->kind == NODE_MAP || rp_node_is_null(v))
        return true;
    return rp_mistake(l, v->from, "%s: found %s, expected a map of keys", key, rp_shown(v));
}

static bool wrong(struct load *l, const struct row *row, const struct node *v, const char *what)
{
    return rp_mistake(l, v->from, "%s: found %s, expected %s", row->key, rp_shown(v), what);
}

static bool within(struct load *l, const struct row *row, const struct node *v, int64_t n)
{
    if (row->min == row->max || (n >= row->min && n <= row->max))
        return true;
    if (row->max == INT64_MAX)
        return rp_mistake(l, v->from, "%s: %s is less than %lld", row->key, rp_shown(v),
                          (long long)row->min);
    return rp_mistake(l, v->from, "%s: %s is not within %lld and %lld", row->key, rp_shown(v),
                      (long long)row->min, (long long)row->max);
}

static bool read_string(struct load *l, const struct row *row, const struct node *v,
                        const struct owners *o)
{
    if (!rp_scalar_want(l, row, v, "a text"))
        return false;
    *(struct rp_str *)rp_row_field(row, o) = rp_str_dup(l->keep, v->text);
    return true;
}
const struct kind rp_kind_string = {"text", read_string};

static bool read_path(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    if (!rp_scalar_want(l, row, v, "an absolute path"))
        return false;
    if (!rp_str_starts(v->text, "/"))
        return wrong(l, row, v, "an absolute path");
    return read_string(l, row, v, o);
}
const struct kind rp_kind_path = {"absolute path", read_path};

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool rp_config_name_valid(struct rp_str s)
{
    if (s.n < 1 || s.n > 120 || !name_char(s.p[0]))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!name_char(s.p[i]) && memchr("._:/-", s.p[i], 5) == NULL)
            return false;
    return true;
}

bool rp_name_want(struct load *l, const struct node *v, const char *what)
{
    if (v->kind == NODE_SCALAR && rp_config_name_valid(v->text))
        return true;
    (void)rp_mistake(l, v->from, "%s cannot be the name of a %s", rp_shown(v), what);
    return rp_mistake_hint(l, "a letter or digit, then up to 119 of letters, digits and . _ : / -");
}

static bool read_name(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    return rp_scalar_want(l, row, v, "a name") && rp_name_want(l, v, row->key) &&
           read_string(l, row, v, o);
}
const struct kind rp_kind_name = {"name", read_name};

static bool duration(struct load *l, const struct row *row, const struct node *v, int64_t *us)
{
    static const char want[] = "a duration such as 90s, 5m, 1h30m or 2d";
    char low[RP_DURATION_LEN], high[RP_DURATION_LEN];
    if (!rp_scalar_want(l, row, v, want))
        return false;
    if (!rp_duration_parse(v->text, us)) {
        (void)wrong(l, row, v, want);
        int64_t bare;
        if (rp_str_i64(v->text, &bare) && bare > 0)
            (void)rp_mistake_hint(l, "a number needs its unit: %llds for seconds", (long long)bare);
        return false;
    }
    if (*us >= row->min && *us <= row->max)
        return true;
    return rp_mistake(l, v->from, "%s: %s is not within %s and %s", row->key, rp_shown(v),
                      rp_duration_format(row->min, low), rp_duration_format(row->max, high));
}

static bool read_duration(struct load *l, const struct row *row, const struct node *v,
                          const struct owners *o)
{
    return duration(l, row, v, rp_row_field(row, o));
}
const struct kind rp_kind_duration = {"duration", read_duration};

static bool read_seconds(struct load *l, const struct row *row, const struct node *v,
                         const struct owners *o)
{
    int64_t us;
    if (!duration(l, row, v, &us))
        return false;
    if (us % RP_US_S != 0)
        return wrong(l, row, v, "whole seconds");
    *(int64_t *)rp_row_field(row, o) = us / RP_US_S;
    return true;
}
const struct kind rp_kind_seconds = {"duration", read_seconds};

static bool read_number(struct load *l, const struct row *row, const struct node *v,
                        const struct owners *o)
{
    int64_t n;
    if (!rp_scalar_want(l, row, v, "a whole number"))
        return false;
    if (!rp_str_i64(v->text, &n))
        return wrong(l, row, v, "a whole number");
    if (!within(l, row, v, n))
        return false;
    *(int64_t *)rp_row_field(row, o) = n;
    return true;
}
const struct kind rp_kind_number = {"number", read_number};

/* Digits with at most one point among them: what strtod takes beyond that (hex, inf, nan,
 * exponents) is not for people. */
bool rp_number_parse(struct rp_str s, double *out)
{
    char text[32];
    size_t digits = 0, points = 0, from = s.n > 0 && s.p[0] == '-';
    if (s.n >= sizeof text)
        return false;
    for (size_t i = from; i < s.n; i++) {
        digits += s.p[i] >= '0' && s.p[i] <= '9';
        points += s.p[i] == '.';
    }
    if (digits == 0 || points > 1 || from + digits + points != s.n)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = strtod(text, NULL);
    return isfinite(*out);
}

static bool read_factor(struct load *l, const struct row *row, const struct node *v,
                        const struct owners *o)
{
    static const char want[] = "a factor above 1 such as x2 or x1.5";
    double *out = rp_row_field(row, o);
    if (!rp_scalar_want(l, row, v, want))
        return false;
    if (rp_str_starts(v->text, "x") &&
        rp_number_parse((struct rp_str){v->text.p + 1, v->text.n - 1}, out) && *out > 1 &&
        *out <= (double)row->max)
        return true;
    *out = 0;
    return wrong(l, row, v, want);
}
const struct kind rp_kind_factor = {"factor", read_factor};

static bool read_rate(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    if (!rp_scalar_want(l, row, v, "a rate such as 20/s"))
        return false;
    if (rp_pace_parse(v->text, rp_row_field(row, o)))
        return true;
    (void)wrong(l, row, v, "a rate such as 20/s, 100/m or 5000/h");
    return rp_mistake_hint(l, "a whole number, at most %d a second; none: not limited",
                           RP_PACE_MAX_PER_S);
}
const struct kind rp_kind_rate = {"rate", read_rate};

static bool read_decimal(struct load *l, const struct row *row, const struct node *v,
                         const struct owners *o)
{
    double d;
    if (!rp_scalar_want(l, row, v, "a number such as 2 or 1.5"))
        return false;
    if (!rp_number_parse(v->text, &d))
        return wrong(l, row, v, "a number such as 2 or 1.5");
    if (d < (double)row->min || d > (double)row->max)
        return within(l, row, v, d < (double)row->min ? row->min - 1 : row->max + 1);
    *(double *)rp_row_field(row, o) = d;
    return true;
}
const struct kind rp_kind_decimal = {"decimal", read_decimal};

static bool read_share(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o)
{
    double d;
    struct rp_str s = v->text;
    if (!rp_scalar_want(l, row, v, "a share such as 10%"))
        return false;
    if (!rp_str_ends(s, "%") || !rp_number_parse((struct rp_str){s.p, s.n - 1}, &d))
        return wrong(l, row, v, "a share such as 10%");
    if (d <= (double)row->min || d > (double)row->max)
        return rp_mistake(l, v->from, "%s: %s is not above %lld%% and at most %lld%%", row->key,
                          rp_shown(v), (long long)row->min, (long long)row->max);
    *(double *)rp_row_field(row, o) = d / 100;
    return true;
}
const struct kind rp_kind_share = {"share", read_share};

static const struct {
    const char *name;
    int64_t bytes;
} units[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"K", 1 << 10},
    {"KiB", 1 << 10},
    {"M", 1 << 20},
    {"MiB", 1 << 20},
    {"G", 1 << 30},
    {"GiB", 1 << 30},
    {"T", (int64_t)1 << 40},
    {"TiB", (int64_t)1 << 40},
};

bool rp_bytes_parse(struct rp_str s, int64_t *out)
{
    size_t n = 0;
    double d;
    while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
        n++;
    struct rp_str unit = rp_str_trim((struct rp_str){s.p + n, s.n - n});
    if (n == 0 || !rp_number_parse((struct rp_str){s.p, n}, &d))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!rp_str_is(unit, units[i].name) || d > (double)(INT64_MAX / 2 / units[i].bytes))
            continue;
        *out = (int64_t)(d * (double)units[i].bytes);
        return d == 0 || *out > 0;
    }
    return false;
}

static bool read_bytes(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o)
{
    static const char want[] = "a size such as 512M, 8MB or 1.5GiB";
    int64_t n;
    if (!rp_scalar_want(l, row, v, want))
        return false;
    if (!rp_bytes_parse(v->text, &n))
        return wrong(l, row, v, want);
    if (!within(l, row, v, n))
        return false;
    *(int64_t *)rp_row_field(row, o) = n;
    return true;
}
const struct kind rp_kind_bytes = {"size", read_bytes};

static bool read_bool(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    if (!rp_scalar_want(l, row, v, "true or false"))
        return false;
    bool yes = rp_str_is(v->text, "true");
    if (!yes && !rp_str_is(v->text, "false"))
        return wrong(l, row, v, "true or false");
    *(bool *)rp_row_field(row, o) = yes;
    return true;
}
const struct kind rp_kind_bool = {"true or false", read_bool};

static bool read_choice(struct load *l, const struct row *row, const struct node *v,
                        const struct owners *o)
{
    struct rp_str rest = rp_str_of(row->choices), part;
    if (!rp_scalar_want(l, row, v, row->choices))
        return false;
    for (int i = 0; rp_str_split(&rest, '|', &part); i++)
        if (rp_str_eq(part, v->text)) {
            *(int *)rp_row_field(row, o) = i;
            return true;
        }
    return wrong(l, row, v, row->choices);
}
const struct kind rp_kind_choice = {"one of", read_choice};

bool rp_list_want(struct load *l, const struct row *row, const struct node *v, struct rp_strs *out)
{
    if (v->kind != NODE_LIST)
        return rp_mistake(l, v->from, "%s: found %s, expected a list [a, b, …]", row->key,
                          rp_shown(v));
    if (v->n > ENTRIES_MAX)
        return rp_mistake(l, v->from, "%s: more than %d entries", row->key, ENTRIES_MAX);
    *out = (struct rp_strs){RP_NEW_N(l->keep, struct rp_str, v->n), 0};
    for (const struct child *c = v->first; c != NULL; c = c->next) {
        if (!rp_scalar_want(l, row, c->value, "a text in the list"))
            return false;
        out->v[out->n++] = rp_str_dup(l->keep, c->value->text);
    }
    return true;
}

static bool read_list(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    return rp_list_want(l, row, v, rp_row_field(row, o));
}
const struct kind rp_kind_list = {"list", read_list};

static bool read_section(struct load *l, const struct row *row, const struct node *v,
                         const struct owners *o)
{
    return rp_map_want(l, row->key, v) && rp_section_read(l, row->below, v, o, false);
}
const struct kind rp_kind_section = {"map", read_section};
