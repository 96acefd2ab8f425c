/* analyze --csv: in what the failed rows of any table of runs differ from its others. One pass, no
 * daemon. */
#include "cli/analyze.h"

#include "analyze/contrast.h"
#include "analyze/csv.h"
#include "cli/import.h"
#include "cli/selector.h"

#include <stdlib.h>

enum { SELECTORS_MAX = 16 };

/* ---- which columns ---- */

enum source { AS_IT_IS, HOUR, WEEKDAY };

struct attribute {
    struct rp_str name;
    size_t index;
    enum source source;
};

struct table {
    struct cli *cli;
    const char *path;
    struct rp_arena arena;
    struct rp_csv csv;
    struct selector failed, runs[SELECTORS_MAX];
    size_t n_runs;
    struct rp_str *header;
    size_t n_header;
    struct attribute attributes[RP_CONTRAST_ATTRIBUTES];
    size_t n_attributes;
    bool chosen; /* the attributes are known */
    size_t time; /* SIZE_MAX: none */
    int64_t first_us, last_us;
    struct rp_bins *bins; /* runs over time */
    struct rp_contrast *contrast;
    bool torn; /* it could not be read to its end: damage says why */
    struct rp_err damage;
};

static bool no_column(const struct table *t, struct rp_str name, struct rp_err *err)
{
    struct rp_buf have = {.limit = 180};
    for (size_t i = 0; i < t->n_header; i++)
        rp_buf_fmt(&have, "%s%.*s", i > 0 ? " " : "", RP_FMT(t->header[i]));
    (void)rp_fail(err, RP_E_BAD_FIELD, "%s has no column \"%.*s\"", input_name(t->path),
                  RP_FMT(name));
    (void)rp_hint(err, "its columns: %.*s", RP_FMT(rp_buf_view(&have)));
    rp_buf_free(&have);
    return false;
}

static bool column_index(const struct table *t, struct rp_str name, size_t *index,
                         struct rp_err *err)
{
    for (size_t i = 0; i < t->n_header; i++)
        if (rp_str_eq(t->header[i], name)) {
            *index = i;
            return true;
        }
    return no_column(t, name, err);
}

static bool attribute_add(struct table *t, struct rp_str name, size_t index, enum source source,
                          struct rp_err *err)
{
    if (t->n_attributes == RP_CONTRAST_ATTRIBUTES) {
        (void)rp_fail(err, RP_E_TOO_LARGE, "more than %d attributes", RP_CONTRAST_ATTRIBUTES);
        return rp_hint(err, "choose some with --attributes A,B,C");
    }
    t->attributes[t->n_attributes++] = (struct attribute){name, index, source};
    return true;
}

/* A time is an hour and a weekday. */
static bool time_add(struct table *t, size_t index, struct rp_err *err)
{
    struct rp_str name = t->header[index];
    return attribute_add(t, rp_str_fmt(&t->arena, "hour of %.*s", RP_FMT(name)), index, HOUR,
                         err) &&
           attribute_add(t, rp_str_fmt(&t->arena, "weekday of %.*s", RP_FMT(name)), index, WEEKDAY,
                         err);
}

/* "2026-11-23", also with a time behind it that names no zone: UTC. */
static bool dated(struct rp_str s, int64_t *us)
{
    char whole[40];
    bool day = s.n == 10;
    if (s.n < 10 || s.n > 26 || s.p[4] != '-' || s.p[7] != '-')
        return false;
    (void)snprintf(whole, sizeof whole, "%.10s%c%.*s%s", s.p, 'T', day ? 0 : (int)s.n - 11,
                   day ? "" : s.p + 11,
                   day         ? "00:00:00Z"
                   : s.n == 16 ? ":00Z"
                               : "Z");
    return rp_time_parse(rp_str_of(whole), us);
}

/* RFC 3339, a date, or a number of seconds, ms or µs since 1970 by its size. */
static bool time_of(struct rp_str s, int64_t *us)
{
    int64_t n;
    struct rp_str rest = rp_str_trim(s), whole;
    if (rp_time_parse(rest, us) || dated(rest, us))
        return true;
    if (!rp_str_split(&rest, '.', &whole) || !rp_str_i64(whole, &n))
        return false;
    int64_t unit = n > 100000000000000 ? 1 : n > 100000000000 ? 1000 : RP_US_S;
    return !__builtin_mul_overflow(n, unit, us);
}

static bool column_add(struct table *t, size_t index, struct rp_str value, struct rp_err *err)
{
    int64_t us;
    if (rp_time_parse(rp_str_trim(value), &us))
        return time_add(t, index, err);
    return attribute_add(t, t->header[index], index, AS_IT_IS, err);
}

static bool named_attributes(struct table *t, const char *names, const struct rp_str *fields,
                             size_t n, struct rp_err *err)
{
    struct rp_str rest = rp_str_of(names), name;
    size_t index = 0;
    while (rp_str_split(&rest, ',', &name)) {
        if (!column_index(t, rp_str_trim(name), &index, err) ||
            !column_add(t, index, index < n ? fields[index] : RP_STR(""), err))
            return false;
    }
    return true;
}

/* Names things, by its own name: "id", "job_id", "runId", "uuid". */
static bool is_id(struct rp_str name)
{
    return rp_str_is(name, "id") || rp_str_is(name, "ID") || rp_str_ends(name, "_id") ||
           rp_str_ends(name, "Id") || rp_str_ends(name, "uuid") || rp_str_ends(name, "UUID");
}

static bool selected_by(const struct table *t, size_t index)
{
    bool used = index == t->failed.index || index == t->time;
    for (size_t i = 0; i < t->n_runs; i++)
        used |= index == t->runs[i].index;
    return used;
}

static bool all_attributes(struct table *t, const struct rp_str *fields, size_t n,
                           struct rp_err *err)
{
    for (size_t i = 0; i < t->n_header; i++)
        if (!selected_by(t, i) && !is_id(t->header[i]) && t->header[i].n > 0 &&
            !column_add(t, i, i < n ? fields[i] : RP_STR(""), err))
            return false;
    return t->time == SIZE_MAX || time_add(t, t->time, err);
}

/* By the first row: which columns are times shows in it. */
static bool choose(struct table *t, const struct rp_str *fields, size_t n, struct rp_err *err)
{
    struct rp_str names[RP_CONTRAST_ATTRIBUTES];
    const char *given = opt_text(t->cli, "attributes");
    t->chosen = true;
    if (given != NULL ? !named_attributes(t, given, fields, n, err)
                      : !all_attributes(t, fields, n, err))
        return false;
    for (size_t i = 0; i < t->n_attributes; i++)
        names[i] = t->attributes[i].name;
    t->contrast = rp_contrast_new(names, t->n_attributes);
    return true;
}

/* ---- rows ---- */

static struct rp_str clock_part(struct rp_str value, enum source source)
{
    static const char *const days[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                       "Monday",   "Tuesday", "Wednesday"};
    /* With minutes, so that it is no number that falls into a power of two. */
    static const char hours[24][6] = {"00:00", "01:00", "02:00", "03:00", "04:00", "05:00",
                                      "06:00", "07:00", "08:00", "09:00", "10:00", "11:00",
                                      "12:00", "13:00", "14:00", "15:00", "16:00", "17:00",
                                      "18:00", "19:00", "20:00", "21:00", "22:00", "23:00"};
    int64_t us;
    if (!time_of(value, &us))
        return RP_STR("");
    int64_t hour = us / RP_US_H - (us % RP_US_H < 0), day = hour / 24 - (hour % 24 < 0);
    return rp_str_of(source == HOUR ? hours[hour - day * 24] : days[(day % 7 + 7) % 7]);
}

static void note_time(struct table *t, struct rp_str value, bool failed)
{
    int64_t us;
    if (!time_of(value, &us))
        return;
    t->first_us = us < t->first_us ? us : t->first_us;
    t->last_us = us > t->last_us ? us : t->last_us;
    rp_bins_add(t->bins, us, (struct rp_counts){failed, 1});
}

static bool take_row(struct table *t, const struct rp_str *fields, size_t n, struct rp_err *err)
{
    struct rp_str values[RP_CONTRAST_ATTRIBUTES];
    if (!t->chosen && !choose(t, fields, n, err))
        return false;
    for (size_t i = 0; i < t->n_runs; i++)
        if (t->runs[i].index >= n || !selects(&t->runs[i], fields[t->runs[i].index]))
            return true;
    for (size_t i = 0; i < t->n_attributes; i++) {
        const struct attribute *a = &t->attributes[i];
        struct rp_str v = a->index < n ? fields[a->index] : RP_STR("");
        values[i] = a->source == AS_IT_IS ? v : clock_part(v, a->source);
    }
    bool failed = t->failed.index < n && selects(&t->failed, fields[t->failed.index]);
    rp_contrast_add(t->contrast, values, (struct rp_counts){failed, 1});
    if (t->time < n)
        note_time(t, fields[t->time], failed);
    return true;
}

static bool take_header(struct table *t, const struct rp_str *fields, size_t n, struct rp_err *err)
{
    const char *time = opt_text(t->cli, "time");
    t->header = RP_NEW_N(&t->arena, struct rp_str, n + 1);
    t->n_header = n;
    for (size_t i = 0; i < n; i++)
        t->header[i] = rp_str_dup(&t->arena, rp_str_trim(fields[i]));
    if (time != NULL && !column_index(t, rp_str_of(time), &t->time, err))
        return false;
    for (size_t i = 0; i < t->n_runs; i++)
        if (!column_index(t, t->runs[i].column, &t->runs[i].index, err))
            return false;
    return column_index(t, t->failed.column, &t->failed.index, err);
}

static bool take_record(void *ctx, const struct rp_str *fields, size_t n, int64_t line,
                        struct rp_err *err)
{
    struct table *t = ctx;
    (void)line;
    return t->header == NULL ? take_header(t, fields, n, err) : take_row(t, fields, n, err);
}

static bool take_bytes(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct table *t = ctx;
    return rp_csv_feed(&t->csv, bytes, err);
}

/* True also for a table that is damaged further on: what came before is read. */
static bool read_table(struct table *t, struct rp_err *err)
{
    rp_csv_open(&t->csv, take_record, t);
    bool ok = stream_text(t->cli, t->path, take_bytes, t, err) && rp_csv_end(&t->csv, err);
    rp_csv_close(&t->csv);
    if (ok && t->header == NULL)
        return rp_fail(err, RP_E_BAD_FIELD, "%s is empty: not even a header", input_name(t->path));
    t->torn = !ok && t->contrast != NULL;
    t->damage = *err;
    if (ok && t->contrast == NULL)
        t->contrast = rp_contrast_new(NULL, 0);
    return ok || t->torn;
}

/* ---- the answer ---- */

static void write_names(struct rp_jw *w, const char *key, const struct rp_str *v, size_t n)
{
    rp_jw_key(w, key);
    rp_jw_array(w);
    for (size_t i = 0; i < n; i++)
        rp_jw_str(w, v[i]);
    rp_jw_array_end(w);
}

static void write_answer(const struct table *t, const struct rp_contrast_answer *r,
                         struct rp_buf *out)
{
    struct rp_jw w = {.out = out};
    struct rp_str names[RP_CONTRAST_ATTRIBUTES];
    for (size_t i = 0; i < t->n_attributes; i++)
        names[i] = t->attributes[i].name;
    rp_jw_object(&w);
    if (t->last_us >= t->first_us) {
        rp_jw_key(&w, "window");
        rp_jw_object(&w);
        rp_jw_m_time(&w, "since", t->first_us);
        rp_jw_m_time(&w, "until", t->last_us);
        rp_jw_object_end(&w);
    }
    rp_jw_m_i64(&w, "runs", (int64_t)r->all.runs);
    rp_jw_m_i64(&w, "failures", (int64_t)r->all.failed);
    rp_jw_m_i64(&w, "unexplained", (int64_t)r->unexplained);
    timeline_json(&w, t->bins);
    write_names(&w, "attributes", names, t->n_attributes);
    write_names(&w, "left_out", r->left_out, r->n_left_out);
    rp_jw_m_i64(&w, "tests", (int64_t)r->tests);
    rp_jw_key(&w, "patterns"); /* a table has no messages that are known as such */
    rp_jw_array(&w);
    rp_jw_array_end(&w);
    rp_jw_key(&w, "conditions");
    rp_contrast_json(&w, r);
    rp_jw_key(&w, "poison");
    rp_jw_array(&w);
    rp_jw_array_end(&w);
    rp_jw_object_end(&w);
}

static void show_left_out(struct cli *cli, const struct rp_contrast_answer *r)
{
    for (size_t i = 0; i < r->n_left_out; i++)
        note(cli, "%s names too many things to be an attribute and was left out.",
             show_text(cli, r->left_out[i]));
}

static void show_answer(struct cli *cli, const struct rp_contrast_answer *r, struct rp_str json)
{
    struct line l;
    double rate = r->all.runs > 0 ? (double)r->all.failed / (double)r->all.runs : 0;
    line_begin(&l, cli, "", 0);
    line_part(&l, "%s of %s failed (%s)", show_count(cli, (int64_t)r->all.failed),
              show_plural(cli, (int64_t)r->all.runs, "run", "runs"), show_percent(cli, rate));
    line_part(&l, "%s, %s",
              show_plural(cli, (int64_t)items_count(json, "attributes"), "attribute", "attributes"),
              show_plural(cli, (int64_t)r->tests, "test", "tests"));
    line_end(&l);
    show_onset(cli, json, 0);
    if (opt_text(cli, "time") != NULL && !doc_has(json, "window"))
        note(cli,
             "No value of %s is a time: 2026-11-23T02:14:07Z, 2026-11-23 02:14, a date, or seconds "
             "since 1970.",
             opt_text(cli, "time"));
    show_left_out(cli, r);
    (void)printf("\n");
    if (r->all.failed == 0 || r->all.failed == r->all.runs) {
        say(cli, 0, "%s",
            r->all.runs == 0 ? "no row counts as a run: does --runs name values of that column?"
            : r->all.failed == 0
                ? "no row failed by --failed: does it name values of that column?"
                : "every row failed: there is nothing to compare with. Of a table "
                  "that lists failures only, --failed 'message~REGEX' contrasts one "
                  "kind with the others");
        return;
    }
    if (r->n == 0) {
        say(cli, 0,
            "no attribute explains this: of no value and no pair of values is it sure (q "
            "at most .01) that its runs fail 1.5 times as often as all and 10 points more");
        return;
    }
    show_conditions(cli, json, 0);
    if (r->unexplained > 0)
        say(cli, 0, "%s in none of these",
            show_plural(cli, (int64_t)r->unexplained, "failure", "failures"));
}

static int answer(struct table *t)
{
    struct rp_contrast_answer r;
    struct rp_buf json = {0};
    rp_contrast_find(t->contrast, &t->arena, &r);
    write_answer(t, &r, &json);
    int code = 0;
    if (opt_text(t->cli, "html") != NULL)
        code = analyze_html(t->cli, rp_buf_view(&json), opt_text(t->cli, "html"));
    else if (t->cli->json)
        code = print_json(rp_buf_view(&json));
    else
        show_answer(t->cli, &r, rp_buf_view(&json));
    rp_buf_free(&json);
    return code;
}

static bool selectors(struct table *t, struct rp_err *err)
{
    const char *failed = opt_text(t->cli, "failed"), *given[RP_ARGUMENTS_MAX];
    size_t n = opt_all(t->cli, "runs", given);
    if (failed == NULL) {
        (void)rp_fail(err, RP_E_USAGE, "--failed is missing: which rows are failures?");
        return rp_hint(err, "--failed 'status=failed|timeout', or --failed 'message~REGEX'");
    }
    if (n > SELECTORS_MAX)
        return rp_fail(err, RP_E_USAGE, "--runs: at most %d times", SELECTORS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (!selector_parse(&t->runs[i], "runs", given[i], err))
            return false;
        t->n_runs++;
    }
    return selector_parse(&t->failed, "failed", failed, err);
}

int analyze_csv(struct cli *cli, const char *path)
{
    struct table t = {
        .cli = cli, .path = path, .time = SIZE_MAX, .first_us = INT64_MAX, .last_us = INT64_MIN};
    t.bins = rp_xcalloc(1, sizeof *t.bins);
    struct rp_err err = {0};
    int code = selectors(&t, &err) && read_table(&t, &err) ? answer(&t) : say_err(cli, &err);
    if (t.torn)
        code = say_err(cli, &t.damage);
    for (size_t i = 0; i < t.n_runs; i++)
        selector_free(&t.runs[i]);
    selector_free(&t.failed);
    rp_contrast_free(t.contrast);
    free(t.bins);
    rp_arena_free(&t.arena);
    return code;
}
