/* import log: the runs of a job log, counted, and stored unless --dry-run. */
#include "cli/import.h"

#include <stdlib.h>

enum { CHAINS = 4096 };

/* Where the first attempt of a job began, for those that follow it. Older ones are forgotten. */
struct chain {
    uint64_t hash, line;
};

struct log_import {
    struct import i;
    struct logfile file;
    struct first_line first;
    struct chain *chains;
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

static bool take_bytes(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct log_import *l = ctx;
    first_line_feed(&l->first, bytes);
    if (l->failed)
        *err = l->err;
    return !l->failed;
}

static bool set_up(struct log_import *l, struct rp_err *err)
{
    struct cli *cli = l->i.cli;
    l->file.also = take_bytes;
    l->file.also_ctx = l;
    return logfile_open(&l->file, cli, l->i.path, (struct rp_run_sink){take_run, l}, err) &&
           (!l->i.store || records_begin(&l->i.records, cli, err));
}

static bool read_log(struct log_import *l, struct rp_err *err)
{
    if (!logfile_read(&l->file, err))
        return false;
    if (l->failed)
        *err = l->err;
    l->i.format = l->file.stats.format;
    l->i.lines = l->file.stats.lines;
    l->i.unassigned_lines = l->file.stats.unassigned_lines;
    return !l->failed && (!l->i.store || records_flush(&l->i.records, err));
}

int run_import_log(struct cli *cli)
{
    struct log_import *l = rp_xcalloc(1, sizeof *l);
    struct rp_err err;
    l->i = (struct import){.cli = cli,
                           .path = cli->args[0],
                           .store = !opt_flag(cli, "dry-run"),
                           .tally = rp_tally_new()};
    l->chains = rp_xcalloc(CHAINS, sizeof *l->chains);
    int code = -1;
    if (set_up(l, &err) && read_log(l, &err)) {
        import_show(&l->i);
        code = logfile_tell(&l->file);
    }
    logfile_close(&l->file);
    rp_tally_free(l->i.tally);
    records_free(&l->i.records);
    free(l->chains);
    free(l);
    return code >= 0 ? code : say_err(cli, &err);
}
