#include "analyze/csv.h"

#include "base/json.h"
#include "base/time.h"

#include <strings.h>

/* ---- reader ---- */

void rp_csv_open(struct rp_csv *c,
                 bool (*take)(void *, const struct rp_str *, size_t, int64_t, struct rp_err *),
                 void *ctx)
{
    *c = (struct rp_csv){.line = 1, .record_line = 1, .take = take, .ctx = ctx};
    c->record.limit = CSV_RECORD_MAX;
}

void rp_csv_close(struct rp_csv *c)
{
    rp_buf_free(&c->record);
}

static bool too_large(struct rp_csv *c, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_TOO_LARGE, "line %lld: a record of more than %d fields or %d bytes",
                  (long long)c->record_line, CSV_FIELDS_MAX, CSV_RECORD_MAX);
    return rp_hint(err, "an unclosed quote swallows what follows: look at that line");
}

static bool end_field(struct rp_csv *c, struct rp_err *err)
{
    if (c->n == CSV_FIELDS_MAX || c->record.overflow)
        return too_large(c, err);
    c->end[c->n++] = c->record.n;
    c->after_quote = false;
    return true;
}

static bool end_record(struct rp_csv *c, struct rp_err *err)
{
    struct rp_str fields[CSV_FIELDS_MAX];
    bool blank = c->n == 0 && c->record.n == 0 && !c->any; /* an empty line is no record */
    if (!blank && !end_field(c, err))
        return false;
    for (size_t i = 0, from = 0; i < c->n; from = c->end[i++])
        fields[i] =
            (struct rp_str){c->record.p != NULL ? c->record.p + from : "", c->end[i] - from};
    bool ok = blank || c->take(c->ctx, fields, c->n, c->record_line, err);
    c->record.n = c->n = 0;
    c->any = false;
    c->record_line = c->line;
    return ok;
}

/* Which of the three is used is decided by the first one that occurs outside quotes. */
static bool is_delimiter(struct rp_csv *c, char b)
{
    if (c->delimiter == 0 && (b == ',' || b == ';' || b == '\t'))
        c->delimiter = b;
    return b == c->delimiter && b != 0;
}

static bool feed_byte(struct rp_csv *c, char b, struct rp_err *err)
{
    if (b == '\n')
        c->line++;
    if (c->quoted) {
        if (b == '"')
            c->quoted = false, c->after_quote = true;
        else
            rp_buf_c(&c->record, b);
        return !c->record.overflow || too_large(c, err);
    }
    size_t from = c->n > 0 ? c->end[c->n - 1] : 0;
    if (b == '"' && c->after_quote) { /* a doubled quote inside a quoted field */
        c->quoted = true;
        c->after_quote = false;
        rp_buf_c(&c->record, '"');
    } else if (b == '"' && c->record.n == from) {
        c->quoted = c->any = true;
    } else if (is_delimiter(c, b)) {
        c->any = true;
        return end_field(c, err);
    } else if (b == '\n') {
        if (c->record.n > from && c->record.p[c->record.n - 1] == '\r' && !c->after_quote)
            c->record.n--;
        return end_record(c, err);
    } else if (b != '\r' || !c->after_quote) {
        rp_buf_c(&c->record, b);
    }
    return !c->record.overflow || too_large(c, err);
}

static bool between_records(const struct rp_csv *c)
{
    return c->bom < 0 && c->delimiter != 0 && c->n == 0 && c->record.n == 0 && !c->any &&
           !c->quoted;
}

/* The fields of a record without quotes that is there as a whole, as slices of the bytes: most
 * records are. Returns its length, 0 if it is to be read byte by byte. */
static size_t plain_record(const struct rp_csv *c, struct rp_str bytes, struct rp_str *fields,
                           size_t *n)
{
    size_t from = 0, most = bytes.n < CSV_RECORD_MAX ? bytes.n : CSV_RECORD_MAX;
    *n = 0;
    for (size_t i = 0; i < most; i++) {
        char b = bytes.p[i];
        if (b > ',' && b != c->delimiter) /* most bytes; what is looked for is not above a comma */
            continue;
        if (b == '"')
            return 0;
        if (b != c->delimiter && b != '\n')
            continue;
        if (*n == CSV_FIELDS_MAX)
            return 0;
        size_t end = i > from && b == '\n' && bytes.p[i - 1] == '\r' ? i - 1 : i;
        fields[(*n)++] = (struct rp_str){bytes.p + from, end - from};
        from = i + 1;
        if (b == '\n')
            return from;
    }
    return 0;
}

/* Takes as many plain records as there are; false when take said so. */
static bool plain_records(struct rp_csv *c, struct rp_str bytes, size_t *used, struct rp_err *err)
{
    struct rp_str fields[CSV_FIELDS_MAX];
    size_t n, length;
    *used = 0;
    while ((length = plain_record(c, (struct rp_str){bytes.p + *used, bytes.n - *used}, fields,
                                  &n)) > 0) {
        bool blank = n == 1 && fields[0].n == 0;
        *used += length;
        c->line++;
        if (!blank && !c->take(c->ctx, fields, n, c->record_line, err))
            return false;
        c->record_line = c->line;
    }
    return true;
}

bool rp_csv_feed(struct rp_csv *c, struct rp_str bytes, struct rp_err *err)
{
    static const char mark[] = "\xEF\xBB\xBF";
    for (size_t i = 0, used; i < bytes.n; i++) {
        if (between_records(c)) {
            if (!plain_records(c, (struct rp_str){bytes.p + i, bytes.n - i}, &used, err))
                return false;
            i += used;
            if (i == bytes.n)
                break;
        }
        if (c->bom >= 0 && c->bom < 3 && bytes.p[i] == mark[c->bom]) {
            c->bom++;
            continue;
        }
        if (c->bom > 0 && c->bom < 3) /* it was no mark: its bytes are text */
            rp_buf_add(&c->record, mark, (size_t)c->bom);
        c->bom = -1;
        if (!feed_byte(c, bytes.p[i], err))
            return false;
    }
    return true;
}

bool rp_csv_end(struct rp_csv *c, struct rp_err *err)
{
    if (c->quoted) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "line %lld: a quoted field is not closed",
                      (long long)c->record_line);
        return rp_hint(err, "close the quote, or double quotes that are text");
    }
    return (c->record.n == 0 && c->n == 0 && !c->any) || end_record(c, err);
}

/* ---- columns ---- */

static const char *const column_names[RP_CSV_COLUMNS_N] = {
#define X(sym, name) [sym] = name,
    RP_CSV_COLUMNS(X)
#undef X
};

static int column_of(struct rp_str name)
{
    for (int i = 0; i < RP_CSV_COLUMNS_N; i++)
        if (rp_str_is(name, column_names[i]))
            return i;
    return -1;
}

bool rp_csv_map_parse(struct rp_arena *a, struct rp_str text, struct rp_csv_map *map,
                      struct rp_err *err)
{
    struct rp_str rest = text, part, name;
    while (rp_str_split(&rest, ',', &part)) {
        struct rp_str value = rp_str_trim(part);
        (void)rp_str_split(&value, '=', &name);
        int i = column_of(rp_str_trim(name));
        if (i < 0 || value.n == 0) {
            (void)rp_fail(err, RP_E_USAGE, "--column: \"%.*s\" is not NAME=COLUMN", RP_FMT(part));
            return rp_hint(err, "names: job type outcome submit start end queue error attempt");
        }
        map->column[i] = rp_str_dup(a, rp_str_trim(value));
    }
    if (map->column[RP_CSV_OUTCOME].p != NULL &&
        (map->column[RP_CSV_TYPE].p != NULL || map->type.n > 0))
        return true;
    (void)rp_fail(err, RP_E_USAGE, "--column must say at least type and outcome");
    return rp_hint(err,
                   "for instance --column type=job_name,outcome=status,start=started,end=ended");
}

bool rp_csv_map_header(struct rp_arena *a, struct rp_csv_map *map, const struct rp_str *fields,
                       size_t n, struct rp_err *err)
{
    map->header = RP_NEW_N(a, struct rp_str, n + 1);
    map->n_header = n;
    for (size_t i = 0; i < n; i++)
        map->header[i] = rp_str_dup(a, rp_str_trim(fields[i]));
    for (int c = 0; c < RP_CSV_COLUMNS_N; c++) {
        map->index[c] = -1;
        for (size_t i = 0; i < n && map->column[c].p != NULL && map->index[c] < 0; i++)
            if (rp_str_eq(map->header[i], map->column[c]))
                map->index[c] = (int)i;
        if (map->column[c].p == NULL || map->index[c] >= 0)
            continue;
        struct rp_buf have = {.limit = 180};
        for (size_t i = 0; i < n; i++)
            rp_buf_fmt(&have, "%s%.*s", i > 0 ? " " : "", RP_FMT(map->header[i]));
        (void)rp_fail(err, RP_E_BAD_FIELD, "the table has no column \"%.*s\"",
                      RP_FMT(map->column[c]));
        (void)rp_hint(err, "its columns: %.*s", RP_FMT(rp_buf_view(&have)));
        rp_buf_free(&have);
        return false;
    }
    return true;
}

/* ---- values ---- */

static const struct {
    const char *word;
    enum rp_outcome outcome;
    bool unfinished;
} words[] = {
    {"succeeded", RP_OUT_SUCCEEDED, false},  {"success", RP_OUT_SUCCEEDED, false},
    {"successful", RP_OUT_SUCCEEDED, false}, {"ok", RP_OUT_SUCCEEDED, false},
    {"0", RP_OUT_SUCCEEDED, false},          {"completed", RP_OUT_SUCCEEDED, false},
    {"complete", RP_OUT_SUCCEEDED, false},   {"passed", RP_OUT_SUCCEEDED, false},
    {"pass", RP_OUT_SUCCEEDED, false},       {"done", RP_OUT_SUCCEEDED, false},
    {"finished", RP_OUT_SUCCEEDED, false},   {"true", RP_OUT_SUCCEEDED, false},
    {"failed", RP_OUT_FAILED, false},        {"failure", RP_OUT_FAILED, false},
    {"fail", RP_OUT_FAILED, false},          {"error", RP_OUT_FAILED, false},
    {"errored", RP_OUT_FAILED, false},       {"dead", RP_OUT_FAILED, false},
    {"false", RP_OUT_FAILED, false},         {"unstable", RP_OUT_FAILED, false},
    {"node_fail", RP_OUT_FAILED, false},     {"out_of_memory", RP_OUT_FAILED, false},
    {"timeout", RP_OUT_TIMEOUT, false},      {"timed_out", RP_OUT_TIMEOUT, false},
    {"timed out", RP_OUT_TIMEOUT, false},    {"cancelled", RP_OUT_CANCELLED, false},
    {"canceled", RP_OUT_CANCELLED, false},   {"aborted", RP_OUT_CANCELLED, false},
    {"skipped", RP_OUT_SKIPPED, false},      {"running", RP_OUT_NONE, true},
    {"started", RP_OUT_NONE, true},          {"active", RP_OUT_NONE, true},
    {"pending", RP_OUT_NONE, false},         {"queued", RP_OUT_NONE, false},
    {"waiting", RP_OUT_NONE, false},         {"scheduled", RP_OUT_NONE, false},
};

static bool outcome_of(struct rp_str word, struct rp_csv_run *out, struct rp_err *err)
{
    int64_t code;
    word = rp_str_trim(word);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == word.n && strncasecmp(words[i].word, word.p, word.n) == 0) {
            out->outcome = words[i].outcome;
            out->unfinished = words[i].unfinished;
            return true;
        }
    if (rp_str_i64(word, &code)) { /* an exit code */
        out->outcome = code == 124 ? RP_OUT_TIMEOUT : RP_OUT_FAILED;
        return true;
    }
    (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not an outcome that is known here",
                  (int)(word.n < 60 ? word.n : 60), word.p);
    return rp_hint(err, "known: succeeded failed timeout cancelled skipped running pending, their "
                        "usual synonyms, exit codes");
}

static bool time_of(struct rp_str s, int64_t *us, struct rp_err *err)
{
    int64_t whole;
    struct rp_str rest = rp_str_trim(s), number, fraction;
    *us = INT64_MIN;
    if (rest.n == 0)
        return true;
    if (rp_time_parse(rest, us))
        return true;
    (void)rp_str_split(&rest, '.', &number);
    fraction = rest;
    if (!rp_str_i64(number, &whole)) {
        *us = INT64_MIN;
        (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not a time", (int)(s.n < 60 ? s.n : 60),
                      s.p);
        return rp_hint(err, "use RFC 3339 with a zone, or a number of seconds, ms or us");
    }
    /* By size: µs since 1970 from about 1973 on, ms likewise, else seconds. */
    int64_t unit = whole > 100000000000000 ? 1 : whole > 100000000000 ? 1000 : RP_US_S;
    if (__builtin_mul_overflow(whole, unit, us))
        return rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is out of range for a time", RP_FMT(number));
    for (size_t i = 0, digit = (size_t)unit / 10; i < fraction.n && digit > 0; i++, digit /= 10)
        if (fraction.p[i] >= '0' && fraction.p[i] <= '9')
            *us += (int64_t)digit * (fraction.p[i] - '0');
    return true;
}

static struct rp_str value(const struct rp_csv_map *map, enum rp_csv_column c,
                           const struct rp_str *fields, size_t n)
{
    int i = map->index[c];
    return i >= 0 && (size_t)i < n && fields[i].n > 0 ? fields[i] : RP_NONE;
}

bool rp_csv_map_run(const struct rp_csv_map *map, const struct rp_str *fields, size_t n,
                    struct rp_csv_run *out, struct rp_err *err)
{
    *out = (struct rp_csv_run){.attempt = 1};
    out->job = value(map, RP_CSV_JOB, fields, n);
    out->type = map->index[RP_CSV_TYPE] >= 0 ? value(map, RP_CSV_TYPE, fields, n) : map->type;
    out->queue = value(map, RP_CSV_QUEUE, fields, n);
    out->error = value(map, RP_CSV_ERROR, fields, n);
    struct rp_str attempt = value(map, RP_CSV_ATTEMPT, fields, n);
    if (out->type.n == 0)
        out->type = RP_STR("none"); /* an empty cell is a group of its own */
    if (attempt.n > 0 && (!rp_str_i64(attempt, &out->attempt) || out->attempt < 1))
        return rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not an attempt number", RP_FMT(attempt));
    return outcome_of(value(map, RP_CSV_OUTCOME, fields, n), out, err) &&
           time_of(value(map, RP_CSV_SUBMIT, fields, n), &out->submit_us, err) &&
           time_of(value(map, RP_CSV_START, fields, n), &out->start_us, err) &&
           time_of(value(map, RP_CSV_END, fields, n), &out->end_us, err);
}

static bool mapped(const struct rp_csv_map *map, size_t i)
{
    for (int c = 0; c < RP_CSV_COLUMNS_N; c++)
        if (map->index[c] == (int)i)
            return true;
    return false;
}

struct rp_str rp_csv_labels(struct rp_arena *a, const struct rp_csv_map *map,
                            const struct rp_str *fields, size_t n)
{
    enum { LABELS = 32, LABEL_BYTES = 200 };
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    int labels = 0;
    rp_jw_object(&w);
    for (size_t i = 0; i < n && i < map->n_header && labels < LABELS; i++) {
        if (mapped(map, i) || fields[i].n == 0 || map->header[i].n == 0)
            continue;
        rp_jw_key_str(&w, map->header[i]);
        rp_jw_str(&w, (struct rp_str){fields[i].p,
                                      fields[i].n < LABEL_BYTES ? fields[i].n : LABEL_BYTES});
        labels++;
    }
    rp_jw_object_end(&w);
    struct rp_str s = labels > 0 ? rp_str_dup(a, rp_buf_view(&b)) : RP_NONE;
    rp_buf_free(&b);
    return s;
}
