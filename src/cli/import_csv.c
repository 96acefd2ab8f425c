/* import csv: the rows of a table as runs, counted, and stored unless --dry-run. A file is read
 * twice, first to see that all of it can be used: one mistake, and nothing is stored. */
#include "cli/import.h"

#include "analyze/csv.h"

/* Times before 1973 are those of a table that counts from a zero of its own. */
#define RELATIVE_US (INT64_C(100000000) * RP_US_S)

struct csv_import {
    struct import i;
    struct rp_csv csv;
    struct rp_csv_map map;
    bool header;      /* was read */
    bool count, send; /* what this reading is for */
    bool relative;
};

/* ---- rows to records ---- */

static int64_t begun(const struct rp_csv_run *r)
{
    return r->start_us != INT64_MIN ? r->start_us : r->submit_us;
}

/* A row is known again by what it says, so that a later export of the same table adds only what is
 * new; where it names neither job nor time, by its place. */
static struct rp_str spool_id(struct rp_arena *a, const struct rp_csv_run *r, int64_t line)
{
    bool named = r->job.n > 0 && begun(r) != INT64_MIN;
    struct rp_str texts[] = {RP_STR("csv"), r->type, r->job, r->error,
                             rp_str_fmt(a, "%lld %lld %lld %lld %d %lld", (long long)r->attempt,
                                        (long long)r->submit_us, (long long)r->start_us,
                                        (long long)r->end_us, (int)r->outcome,
                                        named ? 0 : (long long)line)};
    return digest(a, texts, sizeof texts / sizeof *texts);
}

/* Without a column of attempts rows of one job are jobs of their own: nothing says their order. */
static struct rp_str external_id(const struct csv_import *c, struct rp_arena *a,
                                 const struct rp_csv_run *r, int64_t line)
{
    if (r->job.n == 0 || c->map.column[RP_CSV_ATTEMPT].p != NULL)
        return r->job;
    int64_t place = begun(r) != INT64_MIN ? begun(r) : line;
    return rp_str_fmt(a, "%.*s@%lld", RP_FMT(r->job), (long long)place);
}

static enum rp_run_outcome outcome_of(const struct rp_csv_run *r)
{
    switch (r->outcome) {
    case RP_OUT_SUCCEEDED:
        return RP_RUN_SUCCEEDED;
    case RP_OUT_TIMEOUT:
        return RP_RUN_TIMEOUT;
    case RP_OUT_CANCELLED:
        return RP_RUN_CANCELLED;
    case RP_OUT_NONE:
        return RP_RUN_UNFINISHED;
    default:
        return RP_RUN_FAILED;
    }
}

static struct rp_run run_of(const struct csv_import *c, const struct rp_csv_run *r, int64_t line)
{
    return (struct rp_run){.type = r->type,
                           .id = r->job,
                           .queue = r->queue,
                           .error = r->error,
                           .start_us = r->start_us,
                           .end_us = r->unfinished ? RP_NO_TIME : r->end_us,
                           .attempt = c->map.column[RP_CSV_ATTEMPT].p != NULL ? r->attempt : 0,
                           .outcome = outcome_of(r),
                           .line = (uint64_t)line};
}

static bool is_run(struct csv_import *c, const struct rp_csv_run *r)
{
    bool waits = r->outcome == RP_OUT_NONE && !r->unfinished;
    if (c->count) {
        c->i.never_started += waits;
        c->i.skipped += r->outcome == RP_OUT_SKIPPED;
    }
    return !waits && r->outcome != RP_OUT_SKIPPED;
}

static bool send_row(struct csv_import *c, const struct rp_csv_run *r, const struct rp_run *run,
                     const struct rp_str *fields, size_t n, struct rp_err *err)
{
    struct rp_arena a = {0};
    int64_t line = (int64_t)run->line;
    struct record one = {.run = run,
                         .spool_id = spool_id(&a, r, line),
                         .external_id = external_id(c, &a, r, line),
                         .labels = rp_csv_labels(&a, &c->map, fields, n),
                         .submit_us = r->submit_us};
    bool ok = records_add(&c->i.records, &one, err);
    rp_arena_free(&a);
    return ok;
}

static bool wrong_row(const struct csv_import *c, int64_t line, struct rp_err *err)
{
    struct rp_err why = *err;
    (void)rp_fail(err, why.code, "%s:%lld: %s", c->i.path, (long long)line, why.message);
    return rp_hint(err, "%s", why.hint);
}

static bool take_row(struct csv_import *c, const struct rp_str *fields, size_t n, int64_t line,
                     struct rp_err *err)
{
    struct rp_csv_run r;
    if (!rp_csv_map_run(&c->map, fields, n, &r, err))
        return wrong_row(c, line, err);
    struct rp_run run = run_of(c, &r, line);
    c->i.lines += c->count;
    c->relative |= begun(&r) != INT64_MIN && begun(&r) < RELATIVE_US;
    if (!is_run(c, &r))
        return true;
    if (c->count)
        rp_tally_add(c->i.tally, &run);
    return !c->send || send_row(c, &r, &run, fields, n, err);
}

static bool take_record(void *ctx, const struct rp_str *fields, size_t n, int64_t line,
                        struct rp_err *err)
{
    struct csv_import *c = ctx;
    if (c->header)
        return take_row(c, fields, n, line, err);
    c->header = true;
    return rp_csv_map_header(&c->i.cli->arena, &c->map, fields, n, err) || wrong_row(c, line, err);
}

/* ---- reading ---- */

static bool take_bytes(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct csv_import *c = ctx;
    return rp_csv_feed(&c->csv, bytes, err);
}

static bool read_table(struct csv_import *c, bool count, bool send, struct rp_err *err)
{
    c->header = false;
    c->count = count;
    c->send = send;
    rp_csv_open(&c->csv, take_record, c);
    bool ok = stream_text(c->i.cli, c->i.path, take_bytes, c, err) && rp_csv_end(&c->csv, err);
    rp_csv_close(&c->csv);
    if (ok && !c->header)
        return rp_fail(err, RP_E_BAD_FIELD, "%s is empty: not even a header", c->i.path);
    return ok && (!send || records_flush(&c->i.records, err));
}

static bool columns(struct csv_import *c, struct rp_err *err)
{
    const char *given[RP_ARGUMENTS_MAX], *type = opt_text(c->i.cli, "type");
    size_t n = opt_all(c->i.cli, "column", given);
    struct rp_buf all = {0};
    for (size_t i = 0; i < n; i++)
        rp_buf_fmt(&all, "%s%s", i > 0 ? "," : "", given[i]);
    c->map.type = rp_str_of(type);
    bool ok = n > 0 ? rp_csv_map_parse(&c->i.cli->arena, rp_buf_view(&all), &c->map, err)
                    : rp_fail(err, RP_E_USAGE, "--column is missing: which column is what?") ||
                          rp_hint(err, "--column type=name,outcome=status,start=began,end=ended");
    rp_buf_free(&all);
    return ok;
}

static bool read_all(struct csv_import *c, struct rp_err *err)
{
    if (!columns(c, err) || (c->i.store && !records_begin(&c->i.records, c->i.cli, err)))
        return false;
    if (strcmp(c->i.path, "-") == 0)
        return read_table(c, true, c->i.store, err);
    return read_table(c, true, false, err) && (!c->i.store || read_table(c, false, true, err));
}

int run_import_csv(struct cli *cli)
{
    struct csv_import c = {.i = {.cli = cli,
                                 .path = cli->args[0],
                                 .format = "csv",
                                 .store = !opt_flag(cli, "dry-run"),
                                 .tally = rp_tally_new()}};
    struct rp_err err;
    bool ok = read_all(&c, &err);
    if (ok) {
        import_show(&c.i);
        if (c.relative)
            note(cli,
                 "The table counts its times from a zero of its own: they are taken as counted "
                 "from 1970-01-01 00:00 UTC.");
    }
    rp_tally_free(c.i.tally);
    records_free(&c.i.records);
    return ok ? 0 : say_err(cli, &err);
}
