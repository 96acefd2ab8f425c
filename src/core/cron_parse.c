/* A whole expression: zone prefix, @words, fields, and whether it ever comes. */
#include "base/time.h"
#include "core/internal.h"

#include <strings.h>

enum { TEXT_BYTES = 1024, FIELDS_SEEN = RP_CRON_FIELDS + 1 };

static const struct {
    const char *word, *fields;
} words[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

struct slice {
    size_t at, end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the next part without blanks off text[*at…]; false at the end. */
static bool next_part(struct rp_str text, size_t *at, struct slice *out)
{
    while (*at < text.n && is_blank(text.p[*at]))
        (*at)++;
    out->at = *at;
    while (*at < text.n && !is_blank(text.p[*at]))
        (*at)++;
    out->end = *at;
    return out->end > out->at;
}

static struct rp_str part_text(struct rp_str text, struct slice s)
{
    return (struct rp_str){text.p + s.at, s.end - s.at};
}

static bool same_word(struct rp_str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool read_zone(struct rp_cron_reader *r, size_t *at)
{
    size_t from = *at;
    struct slice s;
    (void)next_part(r->text, at, &s);
    struct rp_str part = part_text(r->text, s), key, zone = part;
    if (!rp_str_starts(part, "CRON_TZ=") && !rp_str_starts(part, "TZ=")) {
        *at = from;
        return true;
    }
    (void)rp_str_split(&zone, '=', &key);
    size_t column = s.end - zone.n;
    if (zone.n == 0)
        return rp_cron_refuse(r, column, "the time zone after %.*s= is missing", RP_FMT(key));
    if (zone.n >= sizeof r->cron->zone)
        return rp_cron_refuse(r, column, "the name of the time zone is too long");
    memcpy(r->cron->zone, zone.p, zone.n);
    return true;
}

/* In a cycle of 28 years every kind of year (weekday of 1 January, leap or not) comes, so a date
 * that it lacks never comes. */
static bool ever_comes(const struct rp_cron *c)
{
    for (int64_t year = 2001; year <= 2028; year++)
        for (int month = 1; month <= 12; month++)
            if ((c->field[CRON_MONTH] >> month & 1) != 0 && rp_cron_month_days(c, year, month) != 0)
                return true;
    return false;
}

static bool wrong_count(struct rp_cron_reader *r, const struct slice *s, int n, size_t from)
{
    if (n == 0)
        (void)rp_cron_refuse(r, from, "the expression is empty");
    else if (n > RP_CRON_FIELDS)
        (void)rp_cron_refuse(r, s[RP_CRON_FIELDS].at, "more than six fields");
    else
        (void)rp_cron_refuse(r, s[0].at, "%d field%s where five or six are needed", n,
                             n > 1 ? "s" : "");
    return rp_hint(r->err, "write: [second] minute hour day-of-month month day-of-week");
}

static bool read_fields(struct rp_cron_reader *r, size_t at)
{
    struct slice s[FIELDS_SEEN];
    size_t from = at;
    int n = 0;
    while (n < FIELDS_SEEN && next_part(r->text, &at, &s[n]))
        n++;
    if (n < RP_CRON_FIELDS - 1 || n > RP_CRON_FIELDS)
        return wrong_count(r, s, n, from);
    r->cron->has_seconds = n == RP_CRON_FIELDS;
    if (!r->cron->has_seconds)
        r->cron->field[CRON_SECOND] = 1;
    for (int i = 0; i < n; i++) {
        r->field = i + RP_CRON_FIELDS - n;
        r->at = s[i].at;
        r->end = s[i].end;
        if (!rp_cron_read_field(r))
            return rp_hint(r->err,
                           "see `reprise cron next --help` and docs/schedules.md for the syntax");
    }
    if (ever_comes(r->cron))
        return true;
    r->field = CRON_DOM;
    (void)rp_cron_refuse(r, s[n - 3].at, "this date does not come within 28 years");
    return rp_hint(r->err, "L in day-of-month is the last day of every month");
}

/* A word stands alone; `at` is behind it. */
static bool nothing_follows(const struct rp_cron_reader *r, size_t at)
{
    struct slice s;
    return !next_part(r->text, &at, &s) || rp_cron_refuse(r, s.at, "nothing may follow the @ word");
}

static bool read_every(struct rp_cron_reader *r, size_t at)
{
    struct slice s;
    if (!next_part(r->text, &at, &s)) {
        (void)rp_cron_refuse(r, s.at, "@every needs a duration");
        return rp_hint(r->err, "write for example @every 90s");
    }
    struct rp_str duration = part_text(r->text, s);
    if (!rp_duration_parse(duration, &r->cron->every_us)) {
        (void)rp_cron_refuse(r, s.at, "@every needs a duration such as 90s, 5m or 1h30m");
        return rp_hint(r->err, "units are d, h, m, s, without spaces or sign");
    }
    if (r->cron->every_us < RP_US_S)
        return rp_cron_refuse(r, s.at, "@every is at least 1s");
    return nothing_follows(r, at);
}

static bool read_word(struct rp_cron_reader *r, size_t at)
{
    struct slice s;
    (void)next_part(r->text, &at, &s);
    struct rp_str word = part_text(r->text, s);
    if (same_word(word, "@every"))
        return read_every(r, at);
    if (same_word(word, "@reboot")) {
        r->cron->reboot = true;
        return nothing_follows(r, at);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (same_word(word, words[i].word)) {
            struct rp_cron_reader inner = *r;
            inner.text = rp_str_of(words[i].fields);
            return nothing_follows(r, at) && read_fields(&inner, 0);
        }
    (void)rp_cron_refuse(r, s.at, "this @ word is not known");
    return rp_hint(r->err,
                   "there are @yearly @annually @monthly @weekly @daily @midnight @hourly @reboot "
                   "and @every DURATION");
}

bool rp_cron_parse(struct rp_str text, struct rp_str name, struct rp_cron *out, struct rp_err *err)
{
    struct slice s;
    size_t at = 0;
    *out = (struct rp_cron){0};
    struct rp_cron_reader r = {text, 0, 0, -1, rp_hash64(name), out, err};
    if (text.n > TEXT_BYTES)
        return rp_cron_refuse(&r, TEXT_BYTES, "the expression is longer than %d bytes", TEXT_BYTES);
    if (!read_zone(&r, &at))
        return false;
    size_t start = at;
    if (next_part(text, &at, &s) && text.p[s.at] == '@')
        return read_word(&r, start);
    return read_fields(&r, start);
}
