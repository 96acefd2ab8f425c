/* Cron's own reading of a line, as an oracle for ours: the five fields as Vixie's entry.c takes
 * them, and its main loop's rules for clock changes, walked minute by minute. Shares nothing with
 * core/cron.c on purpose. */
#include "config/crontab_internal.h"

#include "base/time.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                     "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

struct field {
    int low, high;
    const char *const *names;
};

static const struct field fields_of[] = {
    {0, 59, NULL}, {0, 23, NULL}, {1, 31, NULL}, {1, 12, months}, {0, 7, days}};

static const char *read_value(const char *p, const struct field *f, int *out)
{
    char *end;
    if (*p >= '0' && *p <= '9') {
        long n = strtol(p, &end, 10);
        *out = (int)n;
        return n >= f->low && n <= f->high && end - p <= 3 ? end : NULL;
    }
    for (int i = 0; f->names != NULL && f->names[i] != NULL; i++)
        if (strncasecmp(p, f->names[i], 3) == 0) {
            *out = f->low + i;
            return p + 3;
        }
    return NULL;
}

/* One range of a list: *, a, a-b, each of the ranges with /step. */
static const char *read_range(const char *p, const struct field *f, uint64_t *bits)
{
    int from = f->low, to = f->high, step = 1;
    bool range = true;
    if (*p == '*') {
        p++;
    } else {
        if ((p = read_value(p, f, &from)) == NULL)
            return NULL;
        range = *p == '-';
        to = from;
        if (range && ((p = read_value(p + 1, f, &to)) == NULL || to < from))
            return NULL;
    }
    if (*p == '/') {
        char *end;
        long n = strtol(p + 1, &end, 10);
        if (!range || p[1] < '0' || p[1] > '9' || n < 1 || n > 100000)
            return NULL;
        step = (int)n;
        p = end;
    }
    for (int i = from; i <= to; i += step)
        *bits |= UINT64_C(1) << i;
    return p;
}

static bool read_field(const char *p, const struct field *f, uint64_t *bits)
{
    for (;;) {
        if ((p = read_range(p, f, bits)) == NULL)
            return false;
        if (*p == '\0')
            return true;
        if (*p++ != ',')
            return false;
    }
}

static const struct {
    const char *word, *fields;
} words[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

bool rp_vixie_parse(struct rp_str text, struct rp_vixie *v)
{
    char copy[600], *save = NULL;
    uint64_t *bits[] = {&v->minute, &v->hour, &v->dom, &v->month, &v->dow};
    bool star[5];
    size_t n = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (rp_str_is(text, words[i].word))
            text = rp_str_of(words[i].fields);
    *v = (struct rp_vixie){0};
    if (text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    for (char *p = strtok_r(copy, " \t", &save); p != NULL; p = strtok_r(NULL, " \t", &save)) {
        if (n == 5 || !read_field(p, &fields_of[n], bits[n]))
            return false;
        star[n++] = *p == '*';
    }
    if (n != 5)
        return false;
    v->dow |= v->dow >> 7 & 1; /* Sunday is 0 and 7 */
    v->wild = star[0] || star[1];
    v->dom_star = star[2];
    v->dow_star = star[4];
    return true;
}

/* Whether the wall minute (minutes since 1970 as if it were UTC) is one of the entry's. */
static bool matches(const struct rp_vixie *v, int64_t wall)
{
    int64_t day = wall / 1440, year;
    int month, dom, dow = (int)((day + 4) % 7);
    if ((v->minute >> (wall % 60) & 1) == 0 || (v->hour >> (wall / 60 % 24) & 1) == 0)
        return false;
    rp_civil_from_days(day, &year, &month, &dom);
    bool by_dom = (v->dom >> dom & 1) != 0, by_dow = (v->dow >> dow & 1) != 0;
    bool day_fits = v->dom_star || v->dow_star ? by_dom && by_dow : by_dom || by_dow;
    return (v->month >> month & 1) != 0 && day_fits;
}

/* Cron's clock: `seen` is the latest wall minute it has worked off. */
static bool due(const struct rp_vixie *v, int64_t wall, int64_t *seen)
{
    enum { JUMP = 180 };
    int64_t passed = wall - *seen;
    if (passed > JUMP || passed < -JUMP || passed == 1) { /* usual, or a clock that was set */
        *seen = wall;
        return matches(v, wall);
    }
    if (passed <= 0) /* clock went back: entries with * go on, others wait until it has caught up */
        return v->wild && matches(v, wall);
    bool hit = v->wild && matches(v, wall);
    for (; *seen < wall; (*seen)++) /* clock went forward: others are made up for at once */
        hit = (!v->wild && matches(v, *seen + 1)) || hit;
    return hit;
}

size_t rp_vixie_next(const struct rp_vixie *v, const struct rp_zone *z, int64_t after_us,
                     int64_t *out, size_t n)
{
    enum { FOLD_MINUTES = 24 * 60, YEARS = 5 };
    int64_t first = after_us / RP_US_MIN + 1, before, after;
    int64_t utc = first - FOLD_MINUTES; /* so that a change shortly before is known */
    int64_t end = first + (int64_t)YEARS * 366 * 1440, change = INT64_MIN, offset = 0;
    int64_t seen = utc - 1 + rp_zone_offset(z, (utc - 1) * 60, NULL) / 60;
    size_t found = 0;
    for (; utc < end && found < n; utc++) {
        if (utc * 60 >= change) {
            offset = rp_zone_offset(z, utc * 60, NULL) / 60;
            change = rp_zone_transition(z, utc * 60 + 1, &before, &after);
        }
        if (due(v, utc + offset, &seen) && utc >= first)
            out[found++] = utc * RP_US_MIN;
    }
    return found;
}

bool rp_crontab_differs(const struct rp_crontab_job *job, struct rp_str machine_zone,
                        int64_t from_us, struct rp_crontab_diff *out)
{
    struct rp_vixie v;
    struct rp_cron c;
    *out = (struct rp_crontab_diff){0};
    const struct rp_zone *z = rp_zone_load(job->zone.p != NULL ? job->zone : machine_zone, NULL);
    if (z == NULL || !rp_vixie_parse(job->fields, &v) ||
        !rp_cron_parse(job->schedule, job->name, &c, NULL))
        return false; /* said in a note */
    out->n_crons = rp_vixie_next(&v, z, from_us, out->crons, RP_CRONTAB_NEXT);
    int64_t at = from_us;
    while (out->n_ours < out->n_crons && (at = rp_cron_next(&c, z, at, 0)) != INT64_MAX)
        out->ours[out->n_ours++] = at;
    return out->n_ours != out->n_crons ||
           memcmp(out->ours, out->crons, out->n_ours * sizeof *out->ours) != 0;
}

static void print_diff(const struct rp_crontab_diff *d, struct rp_buf *out)
{
    char ours[RP_TIME_LEN] = "-", crons[RP_TIME_LEN] = "-";
    for (size_t i = 0; i < d->n_ours || i < d->n_crons; i++) {
        if (i < d->n_ours)
            (void)rp_time_format(d->ours[i], ours);
        if (i < d->n_crons)
            (void)rp_time_format(d->crons[i], crons);
        if (i < d->n_ours && i < d->n_crons && d->ours[i] == d->crons[i])
            continue;
        rp_buf_fmt(out, "    Reprise %.16sZ   cron %.16sZ\n", i < d->n_ours ? ours : "-",
                   i < d->n_crons ? crons : "-");
    }
}

size_t rp_crontab_diff_print(const struct rp_crontab *c, int64_t from_us, struct rp_buf *out)
{
    struct rp_crontab_diff d;
    size_t n = 0;
    for (size_t i = 0; i < c->n_jobs; i++) {
        if (!rp_crontab_differs(&c->jobs[i], c->zone, from_us, &d))
            continue;
        rp_buf_fmt(out, "line %d, %.*s: %.*s\n", c->jobs[i].line, RP_FMT(c->jobs[i].name),
                   RP_FMT(c->jobs[i].fields));
        print_diff(&d, out);
        n++;
    }
    return n;
}

static struct rp_str zone_of_path(struct rp_arena *a, const char *path)
{
    const char *hit = strstr(path, "/zoneinfo/");
    return hit != NULL ? rp_str_dup(a, rp_str_of(hit + strlen("/zoneinfo/"))) : RP_NONE;
}

struct rp_str rp_crontab_machine_zone(struct rp_arena *a)
{
    char link[300] = "";
    const char *tz = getenv("TZ");
    struct rp_str zone = tz != NULL ? rp_str_dup(a, rp_str_of(tz)) : RP_NONE;
    if (zone.n > 1 && zone.p[0] == ':')
        zone.p++, zone.n--;
    if (zone.n > 0 && rp_zone_load(zone, NULL) != NULL)
        return zone;
    if (readlink("/etc/localtime", link, sizeof link - 1) > 0)
        zone = zone_of_path(a, link);
    return zone.n > 0 && rp_zone_load(zone, NULL) != NULL ? zone : RP_STR("UTC");
}
