/* export: attempts as JSON lines, of the daemon's history or of a job log. Page by page and run by
 * run, so that memory does not depend on how many there are. */
#include "cli/import.h"

#include "analyze/analyze.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAGE = 1000 };

struct export
{
    struct cli *cli;
    const char *path; /* NULL: standard output */
    char *part;       /* the file's name until it is whole */
    FILE *out;
    int64_t lines, since_us, until_us;
    bool failed; /* err is set */
    struct rp_err err;
};

/* ---- where it goes ---- */

static bool out_open(struct export *e, struct rp_err *err)
{
    e->path = opt_text(e->cli, "output");
    e->out = stdout;
    if (e->path == NULL || strcmp(e->path, "-") == 0) {
        e->path = NULL;
        return true;
    }
    if (asprintf(&e->part, "%s.part", e->path) < 0)
        abort();
    e->out = fopen(e->part, "we");
    return e->out != NULL || rp_fail(err, RP_E_IO, "cannot write %s: %s", e->part, strerror(errno));
}

static bool out_line(struct export *e, struct rp_str line)
{
    if (!e->failed && (fwrite(line.p, 1, line.n, e->out) != line.n || fputc('\n', e->out) == EOF))
        e->failed = !rp_fail(&e->err, RP_E_IO, "cannot write %s: %s",
                             e->path != NULL ? e->path : "the export", strerror(errno));
    e->lines += !e->failed;
    return !e->failed;
}

/* Under its own name only when it is whole; nothing remains of one that is not. */
static bool out_close(struct export *e, bool whole, struct rp_err *err)
{
    bool ok = true;
    if (e->out == NULL)
        return true;
    if (e->path == NULL)
        return fflush(stdout) == 0 || rp_fail(err, RP_E_IO, "cannot write: %s", strerror(errno));
    ok = fclose(e->out) == 0 && (!whole || rename(e->part, e->path) == 0);
    if (!ok)
        (void)rp_fail(err, RP_E_IO, "cannot write %s: %s", e->path, strerror(errno));
    if (!ok || !whole)
        (void)unlink(e->part);
    return ok;
}

static int finish(struct export *e, bool ok, struct rp_err *err)
{
    bool broke_off = !ok && e->path == NULL && e->lines > 0;
    ok = out_close(e, ok, ok ? err : &(struct rp_err){0}) && ok;
    if (e->path != NULL && ok && !e->cli->quiet)
        note(e->cli, "%s in %s", show_plural(e->cli, e->lines, "attempt", "attempts"), e->path);
    if (broke_off)
        note(e->cli, "The export ends after %s: it is not whole.",
             show_plural(e->cli, e->lines, "line", "lines"));
    free(e->part);
    return ok ? 0 : say_err(e->cli, err);
}

/* ---- of the history ---- */

static bool page(struct export *e, struct rp_str *cursor, struct rp_err *err)
{
    struct cli *cli = e->cli;
    struct query q = {0};
    struct reply reply;
    struct items i;
    query_path(&q, "/v1/attempts", RP_NONE);
    query_add(&q, "type", opt_text(cli, "type"));
    query_add_time(&q, "since", e->since_us);
    query_add_time(&q, "until", e->until_us);
    query_add(&q, "limit", show_fmt(cli, "%d", PAGE));
    if (cursor->n > 0)
        query_add(&q, "cursor", rp_cstr(&cli->arena, *cursor));
    if (!client_get_query(cli, &q, &reply, err))
        return false;
    for (items_open(&i, reply.body, "items"); items_next(&i) && !e->failed;)
        (void)out_line(e, i.value);
    items_close(&i);
    *cursor = doc_str(cli, reply.body, "next_cursor");
    if (e->failed)
        *err = e->err;
    return !e->failed;
}

/* What ends while it is written is of the next export: the end of the window is fixed. */
static bool export_history(struct export *e, struct rp_err *err)
{
    char kept[40] = "";
    bool ok = true;
    e->until_us = e->until_us != 0 ? e->until_us : e->cli->now_us;
    do {
        struct rp_arena before = scratch_begin(e->cli);
        struct rp_str cursor = rp_str_of(kept);
        ok = page(e, &cursor, err);
        (void)snprintf(kept, sizeof kept, "%.*s", RP_FMT(cursor));
        scratch_end(e->cli, before);
    } while (ok && kept[0] != '\0');
    return ok;
}

/* ---- of a job log ---- */

static void member_time(struct rp_jw *w, const char *key, int64_t us)
{
    char at[RP_TIME_LEN];
    if (us != RP_NO_TIME)
        rp_jw_m_cstr(w, key, rp_time_format(us, at));
}

static bool is_failure(const struct rp_run *run)
{
    return run->outcome == RP_RUN_FAILED || run->outcome == RP_RUN_TIMEOUT;
}

static void write_attempt(struct rp_jw *w, const struct rp_run *run,
                          const struct rp_fingerprint *print)
{
    bool both = run->start_us != RP_NO_TIME && run->end_us != RP_NO_TIME;
    rp_jw_key(w, "attempt");
    rp_jw_object(w);
    rp_jw_m_i64(w, "n", run->attempt > 0 ? run->attempt : 1);
    rp_jw_m_cstr(w, "outcome", rp_run_outcome_name(run->outcome));
    member_time(w, "started_at", run->start_us);
    member_time(w, "ended_at", run->end_us);
    if (both && run->end_us >= run->start_us)
        rp_jw_m_i64(w, "duration_us", run->end_us - run->start_us);
    if (is_failure(run)) {
        rp_jw_key(w, "error");
        rp_jw_object(w);
        rp_jw_m_str(w, "message", run->error);
        rp_jw_m_cstr(w, "class", print->class_name);
        rp_jw_object_end(w);
    }
    rp_jw_object_end(w);
}

/* Without an id: which of these are one pattern shows only at the end of the log. */
static void write_pattern(struct rp_jw *w, const struct rp_fingerprint *print)
{
    rp_jw_key(w, "pattern");
    rp_jw_object(w);
    rp_jw_m_str(w, "template", print->template);
    rp_jw_m_cstr(w, "class", print->class_name);
    rp_jw_m_cstr(w, "group", print->group);
    rp_jw_m_cstr(w, "action", print->action);
    rp_jw_object_end(w);
}

static void write_run(struct rp_buf *out, struct rp_arena *a, const struct rp_run *run)
{
    struct rp_jw w = {.out = out};
    struct rp_failure_facts facts = {.message = run->error,
                                     .timed_out = run->outcome == RP_RUN_TIMEOUT};
    struct rp_fingerprint print = {0};
    if (is_failure(run))
        rp_fingerprint(a, &facts, &print);
    rp_jw_object(&w);
    rp_jw_m_str(&w, "job", run->id);
    rp_jw_m_str(&w, "type", run->type);
    rp_jw_m_str(&w, "queue", run->queue);
    rp_jw_m_i64(&w, "line", (int64_t)run->line);
    write_attempt(&w, run, &print);
    if (is_failure(run))
        write_pattern(&w, &print);
    rp_jw_object_end(&w);
}

static bool wanted(const struct export *e, const struct rp_run *run)
{
    const char *type = opt_text(e->cli, "type");
    int64_t at = run->end_us != RP_NO_TIME ? run->end_us : run->start_us;
    return (type == NULL || rp_str_is(run->type, type)) &&
           (e->since_us == 0 || (at != RP_NO_TIME && at >= e->since_us)) &&
           (e->until_us == 0 || (at != RP_NO_TIME && at < e->until_us));
}

static void take_run(void *ctx, const struct rp_run *run)
{
    struct export *e = ctx;
    struct rp_arena a = {0};
    struct rp_buf line = {0};
    if (e->failed || !wanted(e, run))
        return;
    write_run(&line, &a, run);
    (void)out_line(e, rp_buf_view(&line));
    rp_buf_free(&line);
    rp_arena_free(&a);
}

static bool stop_on_failure(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct export *e = ctx;
    (void)bytes;
    if (e->failed)
        *err = e->err;
    return !e->failed;
}

static bool export_log(struct export *e, const char *path, struct rp_err *err)
{
    struct logfile f = {.also = stop_on_failure, .also_ctx = e};
    bool ok = logfile_open(&f, e->cli, path, (struct rp_run_sink){take_run, e}, err) &&
              logfile_read(&f, err);
    if (ok && e->failed)
        *err = e->err;
    ok = ok && !e->failed;
    if (ok && f.torn) { /* what came before the damage is kept, and the damage said */
        *err = f.damage;
        f.torn = false;
        (void)out_close(e, true, &(struct rp_err){0});
        e->out = NULL;
        ok = false;
    }
    if (ok)
        (void)logfile_tell(&f);
    logfile_close(&f);
    return ok;
}

int run_export(struct cli *cli)
{
    struct export e = {.cli = cli};
    struct rp_err err = {0};
    const char *log = opt_text(cli, "log");
    bool ok = opt_time(cli, "since", &e.since_us, &err) &&
              opt_time(cli, "until", &e.until_us, &err) && out_open(&e, &err);
    ok = ok && (log != NULL ? export_log(&e, log, &err) : export_history(&e, &err));
    return finish(&e, ok, &err);
}
