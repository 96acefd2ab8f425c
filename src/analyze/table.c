/* Rows of a table to runs. */
#include "analyze/csv.h"

#include "analyze/internal.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- words of outcomes ---- */

/* Of schedulers and CI systems as well: Slurm, Kubernetes, Jenkins, GitHub, Airflow, Nomad. Letters
 * only: case, blanks, '_' and '-' do not count. */
static const struct {
    const char *word;
    enum rp_run_outcome outcome;
} outcome_words[] = {
    {"succeeded", RP_RUN_SUCCEEDED},   {"success", RP_RUN_SUCCEEDED},
    {"successful", RP_RUN_SUCCEEDED},  {"succeed", RP_RUN_SUCCEEDED},
    {"ok", RP_RUN_SUCCEEDED},          {"okay", RP_RUN_SUCCEEDED},
    {"completed", RP_RUN_SUCCEEDED},   {"complete", RP_RUN_SUCCEEDED},
    {"passed", RP_RUN_SUCCEEDED},      {"pass", RP_RUN_SUCCEEDED},
    {"done", RP_RUN_SUCCEEDED},        {"finished", RP_RUN_SUCCEEDED},
    {"true", RP_RUN_SUCCEEDED},        {"yes", RP_RUN_SUCCEEDED},
    {"green", RP_RUN_SUCCEEDED},       {"terminated", RP_RUN_CANCELLED},
    {"failed", RP_RUN_FAILED},         {"failure", RP_RUN_FAILED},
    {"fail", RP_RUN_FAILED},           {"error", RP_RUN_FAILED},
    {"errored", RP_RUN_FAILED},        {"crashed", RP_RUN_FAILED},
    {"exception", RP_RUN_FAILED},      {"dead", RP_RUN_FAILED},
    {"false", RP_RUN_FAILED},          {"no", RP_RUN_FAILED},
    {"broken", RP_RUN_FAILED},         {"oom", RP_RUN_FAILED},
    {"oomkilled", RP_RUN_FAILED},      {"outofmemory", RP_RUN_FAILED},
    {"nodefail", RP_RUN_FAILED},       {"bootfail", RP_RUN_FAILED},
    {"killed", RP_RUN_FAILED},         {"lost", RP_RUN_FAILED},
    {"upstreamfailed", RP_RUN_FAILED}, {"startupfailure", RP_RUN_FAILED},
    {"unsuccessful", RP_RUN_FAILED},   {"red", RP_RUN_FAILED},
    {"timeout", RP_RUN_TIMEOUT},       {"timedout", RP_RUN_TIMEOUT},
    {"deadline", RP_RUN_TIMEOUT},      {"deadlineexceeded", RP_RUN_TIMEOUT},
    {"running", RP_RUN_UNFINISHED},    {"pending", RP_RUN_UNFINISHED},
    {"queued", RP_RUN_UNFINISHED},     {"waiting", RP_RUN_UNFINISHED},
    {"inprogress", RP_RUN_UNFINISHED}, {"started", RP_RUN_UNFINISHED},
    {"scheduled", RP_RUN_UNFINISHED},  {"active", RP_RUN_UNFINISHED},
    {"retrying", RP_RUN_UNFINISHED},   {"created", RP_RUN_UNFINISHED},
    {"submitted", RP_RUN_UNFINISHED},  {"suspended", RP_RUN_UNFINISHED},
    {"cancelled", RP_RUN_CANCELLED},   {"canceled", RP_RUN_CANCELLED},
    {"aborted", RP_RUN_CANCELLED},     {"skipped", RP_RUN_CANCELLED},
    {"revoked", RP_RUN_CANCELLED},     {"preempted", RP_RUN_CANCELLED},
    {"stopped", RP_RUN_CANCELLED},
};

static bool outcome_of_code(struct rp_str s, enum rp_run_outcome *out)
{
    int64_t code;
    if (!rp_str_i64(s, &code))
        return false;
    *out = code == 0 ? RP_RUN_SUCCEEDED : code == 124 ? RP_RUN_TIMEOUT : RP_RUN_FAILED;
    return true;
}

bool rp_run_outcome_of_word(struct rp_str s, enum rp_run_outcome *out)
{
    char letters[32];
    size_t n = 0;
    s = rp_str_trim(s);
    if (outcome_of_code(s, out))
        return true;
    for (size_t i = 0; i < s.n; i++) {
        if (is_alpha(s.p[i]) && n < sizeof letters)
            letters[n++] = s.p[i];
        else if (s.p[i] == ' ' && str_has(str_from(s, i), " by ")) /* Slurm: CANCELLED by 1000 */
            break;
        else if (!one_of(s.p[i], " _-+."))
            return false;
    }
    for (size_t i = 0; i < sizeof outcome_words / sizeof *outcome_words; i++)
        if (rp_str_is_word((struct rp_str){letters, n}, outcome_words[i].word)) {
            *out = outcome_words[i].outcome;
            return true;
        }
    return false;
}

/* ---- --column ---- */

enum role { JOB, TYPE, OUTCOME, START, END, QUEUE, ERROR_TEXT, ATTEMPT, ROLES_N, LABEL };

static const char *const role_names[ROLES_N] = {"job", "type",  "outcome", "start",
                                                "end", "queue", "error",   "attempt"};

static void columns_list(struct rp_csv_columns *c, struct rp_str *of[ROLES_N])
{
    struct rp_str *list[ROLES_N] = {&c->job, &c->type,  &c->outcome, &c->start,
                                    &c->end, &c->queue, &c->error,   &c->attempt};
    memcpy(of, list, sizeof list);
}

bool rp_csv_columns_parse(struct rp_str spec, struct rp_csv_columns *out, struct rp_err *err)
{
    struct rp_str *of[ROLES_N], part;
    *out = (struct rp_csv_columns){0};
    columns_list(out, of);
    while (rp_str_split(&spec, ',', &part)) {
        struct rp_str column = part, key;
        size_t i = 0;
        (void)rp_str_split(&column, '=', &key);
        while (i < ROLES_N && !rp_str_is(rp_str_trim(key), role_names[i]))
            i++;
        if (i == ROLES_N || column.n == 0 || of[i]->p != NULL) {
            (void)rp_fail(err, RP_E_USAGE, "\"%.*s\" is no column mapping, or one too many",
                          RP_FMT(part));
            return rp_hint(err, "write KEY=COLUMN, each key once, of: job, type, outcome, start, "
                                "end, queue, error, attempt");
        }
        *of[i] = column;
    }
    return true;
}

/* ---- rows ---- */

struct rp_csv_runs {
    struct rp_csv_columns columns;
    struct rp_stamp stamp;
    struct rp_run_sink sink;
    struct rp_csv_stats stats;
    struct rp_arena arena; /* the header's names, the columns' names */
    struct rp_str *names;  /* NULL: the header was not read yet */
    enum role *roles;
    size_t n;
};

struct rp_csv_runs *rp_csv_runs_new(const struct rp_csv_columns *columns,
                                    const struct rp_stamp *stamp, struct rp_run_sink sink)
{
    struct rp_csv_runs *r = rp_xcalloc(1, sizeof *r);
    struct rp_str *of[ROLES_N];
    r->columns = *columns;
    r->stamp = *stamp;
    r->sink = sink;
    columns_list(&r->columns, of);
    for (size_t i = 0; i < ROLES_N; i++)
        *of[i] = rp_str_dup(&r->arena, *of[i]);
    return r;
}

void rp_csv_runs_free(struct rp_csv_runs *r)
{
    if (r == NULL)
        return;
    rp_arena_free(&r->arena);
    free(r);
}

const struct rp_csv_stats *rp_csv_runs_stats(const struct rp_csv_runs *r)
{
    return &r->stats;
}

static bool no_column(struct rp_csv_runs *r, struct rp_str name, struct rp_err *err)
{
    struct rp_buf list = {.limit = 200};
    for (size_t i = 0; i < r->n; i++)
        rp_buf_fmt(&list, "%s%.*s", i > 0 ? ", " : "", RP_FMT(r->names[i]));
    (void)rp_fail(err, RP_E_BAD_FIELD, "the table has no column \"%.*s\"", RP_FMT(name));
    (void)rp_hint(err, "its columns are: %s", list.n > 0 ? list.p : "none");
    rp_buf_free(&list);
    return false;
}

static bool read_header(struct rp_csv_runs *r, const struct rp_strs *fields, struct rp_err *err)
{
    struct rp_str *of[ROLES_N];
    r->n = fields->n;
    r->names = RP_NEW_N(&r->arena, struct rp_str, r->n);
    r->roles = RP_NEW_N(&r->arena, enum role, r->n);
    for (size_t i = 0; i < r->n; i++) {
        r->names[i] = rp_str_dup(&r->arena, rp_str_trim(fields->v[i]));
        r->roles[i] = LABEL;
    }
    columns_list(&r->columns, of);
    for (size_t k = 0; k < ROLES_N; k++) {
        size_t i = 0;
        while (of[k]->p != NULL && i < r->n && !rp_str_eq(r->names[i], *of[k]))
            i++;
        if (of[k]->p != NULL && i == r->n)
            return no_column(r, *of[k], err);
        if (of[k]->p != NULL)
            r->roles[i] = (enum role)k;
    }
    return true;
}

static void note(char sample[80], struct rp_str s)
{
    if (sample[0] == '\0')
        (void)snprintf(sample, 80, "%.*s", RP_FMT(s));
}

static int64_t read_time(struct rp_csv_runs *r, struct rp_str cell)
{
    int64_t us;
    bool relative;
    if (!rp_stamp_cell(&r->stamp, cell, &us, &relative)) {
        r->stats.bad_times++;
        note(r->stats.bad_time, cell);
        return RP_NO_TIME;
    }
    r->stats.relative_times = r->stats.relative_times || relative;
    return us;
}

static enum rp_run_outcome read_outcome(struct rp_csv_runs *r, struct rp_str cell)
{
    enum rp_run_outcome o = RP_RUN_UNKNOWN;
    if (!rp_run_outcome_of_word(cell, &o)) {
        r->stats.unknown_outcomes++;
        note(r->stats.unknown_outcome, cell);
    }
    return o;
}

static void read_cell(struct rp_csv_runs *r, struct rp_run *run, size_t i, struct rp_str cell)
{
    switch (r->roles[i]) {
    case JOB:
        run->id = cell;
        break;
    case TYPE:
        run->type = cell;
        break;
    case OUTCOME:
        run->outcome = read_outcome(r, cell);
        break;
    case START:
        run->start_us = read_time(r, cell);
        break;
    case END:
        run->end_us = read_time(r, cell);
        break;
    case QUEUE:
        run->queue = cell;
        break;
    case ERROR_TEXT:
        run->error = cell;
        break;
    case ATTEMPT:
        if (!rp_str_i64(cell, &run->attempt) || run->attempt < 0)
            run->attempt = 0;
        break;
    default:
        run->labels[run->n_labels++] = (struct rp_env){r->names[i], cell};
    }
}

bool rp_csv_runs_record(void *runs, const struct rp_strs *fields, uint64_t line, struct rp_err *err)
{
    struct rp_csv_runs *r = runs;
    struct rp_env labels[RP_CSV_FIELDS_MAX];
    struct rp_run run = {
        .start_us = RP_NO_TIME, .end_us = RP_NO_TIME, .line = line, .labels = labels};
    if (r->names == NULL)
        return read_header(r, fields, err);
    for (size_t i = 0; i < fields->n && i < r->n; i++)
        if (fields->v[i].n > 0) /* an empty cell says nothing */
            read_cell(r, &run, i, fields->v[i]);
    r->stats.rows++;
    r->stats.ragged += fields->n != r->n;
    r->sink.take(r->sink.ctx, &run);
    return true;
}
