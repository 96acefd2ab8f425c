/* import log: the runs of a job log, counted, and stored unless --dry-run. */
#include "cli/import.h"

#include "analyze/joblog.h"
#include "core/zone.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { CHAINS = 4096, YEAR_LEAST = 1970, YEAR_MOST = 2200 };

/* Where the first attempt of a job began, for those that follow it. Older ones are forgotten. */
struct chain {
    uint64_t hash, line;
};

struct log_import {
    struct import i;
    struct rp_joblog *log;
    struct first_line first;
    struct chain *chains;
    const struct rp_zone *zone; /* of times that name none; NULL: UTC */
    bool zone_taken;
    bool failed; /* err is set */
    struct rp_err err;
};

/* ---- runs to records ---- */

/* Process ids and numbers of jobs come again and again: only attempts that follow a first one of
 * the same file are of the same job. */
static struct rp_str external_id(struct log_import *l, struct rp_arena *a, const struct rp_run *run)
{
    struct rp_str names[] = {run->type, run->id};
    struct rp_str first = {l->first.text, l->first.n};
    if (run->id.n == 0)
        return RP_NONE;
    uint64_t hash = rp_hash64(digest(a, names, 2));
    struct chain *c = &l->chains[hash % CHAINS];
    if (run->attempt <= 1 || c->hash != hash)
        *c = (struct chain){hash, run->line};
    return rp_str_fmt(a, "%.*s@%.16s:%llu", RP_FMT(run->id), digest(a, &first, 1).p,
                      (unsigned long long)c->line);
}

static struct rp_str spool_id(struct log_import *l, struct rp_arena *a, const struct rp_run *run)
{
    struct rp_str texts[] = {RP_STR("log"),
                             {l->first.text, l->first.n},
                             run->type,
                             run->id,
                             rp_str_fmt(a, "%llu %lld %lld", (unsigned long long)run->line,
                                        (long long)run->start_us, (long long)run->attempt)};
    return digest(a, texts, sizeof texts / sizeof *texts);
}

static struct rp_str labels(struct log_import *l, struct rp_arena *a, const struct rp_run *run)
{
    const char *slash = strrchr(l->i.path, '/');
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "file", slash != NULL ? slash + 1 : l->i.path);
    rp_jw_m_str(&w, "line", rp_str_fmt(a, "%llu", (unsigned long long)run->line));
    rp_jw_m_str(&w, "id", run->id);
    for (size_t i = 0; i < run->n_labels && i < 16; i++) {
        rp_jw_key_str(&w, run->labels[i].name);
        rp_jw_str(&w, run->labels[i].value);
    }
    rp_jw_object_end(&w);
    struct rp_str out = rp_str_dup(a, rp_buf_view(&b));
    rp_buf_free(&b);
    return out;
}

static void take_run(void *ctx, const struct rp_run *run)
{
    struct log_import *l = ctx;
    struct rp_arena a = {0};
    rp_tally_add(l->i.tally, run);
    if (!l->i.store || l->failed || run->outcome == RP_RUN_UNKNOWN)
        return;
    struct record one = {.run = run,
                         .spool_id = spool_id(l, &a, run),
                         .external_id = external_id(l, &a, run),
                         .labels = labels(l, &a, run),
                         .submit_us = RP_NO_TIME};
    l->failed = !records_add(&l->i.records, &one, &l->err);
    rp_arena_free(&a);
}

/* ---- reading ---- */

static int64_t in_zone(void *ctx, int64_t wall_us)
{
    struct log_import *l = ctx;
    int64_t at[2], s = wall_us / RP_US_S;
    l->zone_taken = true;
    if (l->zone == NULL)
        return wall_us;
    if (rp_zone_instants(l->zone, s, at) == 0) /* a clock that was not put forward yet */
        at[0] = s - rp_zone_offset(l->zone, s, NULL);
    return at[0] * RP_US_S + wall_us % RP_US_S;
}

static bool take_bytes(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct log_import *l = ctx;
    first_line_feed(&l->first, bytes);
    rp_joblog_feed(l->log, bytes);
    if (l->failed)
        *err = l->err;
    return !l->failed;
}

/* A log whose times have no year was last written when the file was; a day more, because its clock
 * may be of another zone. */
static int64_t newest_us(struct cli *cli, const char *path)
{
    struct stat st;
    if (strcmp(path, "-") == 0 || stat(path, &st) != 0)
        return cli->now_us;
    int64_t us = (int64_t)st.st_mtime * RP_US_S + RP_US_DAY;
    return us < cli->now_us ? us : cli->now_us;
}

static bool set_up(struct log_import *l, struct rp_err *err)
{
    struct cli *cli = l->i.cli;
    const char *zone = opt_text(cli, "tz");
    int64_t year = 0;
    l->zone = zone != NULL ? rp_zone_load(rp_str_of(zone), err) : NULL;
    if ((zone != NULL && l->zone == NULL) ||
        !opt_i64(cli, "year", YEAR_LEAST, YEAR_MOST, &year, err))
        return false;
    struct rp_joblog_options o = {.format = rp_str_of(opt_text(cli, "format")),
                                  .stamp = {.now_us = newest_us(cli, l->i.path),
                                            .year = (int)year,
                                            .to_utc = in_zone,
                                            .ctx = l},
                                  .sink = {take_run, l}};
    l->log = rp_joblog_new(&o, err);
    return l->log != NULL && (!l->i.store || records_begin(&l->i.records, cli, err));
}

static bool read_log(struct log_import *l, struct rp_joblog_stats *stats, struct rp_err *err)
{
    if (!stream_file(l->i.cli, l->i.path, take_bytes, l, err) ||
        !rp_joblog_finish(l->log, stats, err))
        return false;
    if (l->failed)
        *err = l->err;
    l->i.format = stats->format;
    l->i.lines = stats->lines;
    l->i.unassigned_lines = stats->unassigned_lines;
    return !l->failed && (!l->i.store || records_flush(&l->i.records, err));
}

static void tell_limits(struct log_import *l, const struct rp_joblog_stats *stats)
{
    struct cli *cli = l->i.cli;
    if (l->zone_taken && l->zone == NULL)
        note(cli, "Times that name no zone are read as UTC; --tz sets another.");
    if (stats->cut_lines > 0)
        note(cli, "%s longer than %d bytes: the rest of them was not looked at.",
             show_plural(cli, (int64_t)stats->cut_lines, "line is", "lines are"), RP_LOG_LINE_MAX);
    if (stats->given_up > 0)
        note(cli, "%s left open when more than %d were: counted as without an end.",
             show_plural(cli, (int64_t)stats->given_up, "run was", "runs were"), RP_LOG_OPEN_MAX);
    if (stats->error_cuts > 0)
        note(cli, "Of %s the middle part was left out.",
             show_plural(cli, (int64_t)stats->error_cuts, "long error", "long errors"));
}

int run_import_log(struct cli *cli)
{
    struct log_import *l = rp_xcalloc(1, sizeof *l);
    struct rp_joblog_stats stats;
    struct rp_err err;
    l->i = (struct import){.cli = cli,
                           .path = cli->args[0],
                           .store = !opt_flag(cli, "dry-run"),
                           .tally = rp_tally_new()};
    l->chains = rp_xcalloc(CHAINS, sizeof *l->chains);
    bool ok = set_up(l, &err) && read_log(l, &stats, &err);
    if (ok) {
        import_show(&l->i);
        tell_limits(l, &stats);
    }
    rp_joblog_free(l->log);
    rp_tally_free(l->i.tally);
    records_free(&l->i.records);
    free(l->chains);
    free(l);
    return ok ? 0 : say_err(cli, &err);
}
