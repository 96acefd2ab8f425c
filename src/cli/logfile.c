/* A job log on its way through the reader: the options that say how to read it, the formats of the
 * user's own, and what the user should know of how it was read. */
#include "cli/import.h"

#include "config/config.h"
#include "core/zone.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { YEAR_LEAST = 1970, YEAR_MOST = 2200, HOPELESS_BYTES = 1 << 20 };

static int64_t in_zone(void *ctx, int64_t wall_us)
{
    struct logfile *f = ctx;
    int64_t at[2], s = wall_us / RP_US_S;
    f->zone_taken = true;
    if (f->zone == NULL)
        return wall_us;
    if (rp_zone_instants(f->zone, s, at) == 0) /* a clock that was not put forward yet */
        at[0] = s - rp_zone_offset(f->zone, s, NULL);
    return at[0] * RP_US_S + wall_us % RP_US_S;
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

/* ---- formats of the user's own ---- */

static const char *config_path(struct cli *cli)
{
    const char *given = opt_text(cli, "config"), *env = getenv("REPRISE_CONFIG");
    if (given != NULL)
        return given;
    if (env != NULL && env[0] != '\0')
        return env;
    static const char *const usual[] = {"reprise.yaml", "/etc/reprise/reprise.yaml"};
    for (size_t i = 0; i < 2; i++)
        if (access(usual[i], R_OK) == 0)
            return usual[i];
    return NULL;
}

/* Only where it may be needed, and only a file that has such formats: a configuration that is wrong
 * elsewhere is no reason not to read a log. */
static bool load_formats(struct logfile *f, struct rp_err *err)
{
    const char *path = config_path(f->cli);
    struct rp_str text, format = rp_str_of(opt_text(f->cli, "format"));
    const char *name;
    for (size_t i = 0; (name = rp_joblog_format(i)) != NULL; i++)
        if (rp_str_is(format, name))
            return true;
    if (path == NULL)
        return true;
    if (!read_file(f->cli, path, RP_CONFIG_BYTES_MAX, &text, err))
        return opt_text(f->cli, "config") == NULL;
    if (rp_str_find(text, RP_STR("log_formats")) == SIZE_MAX)
        return true;
    struct rp_mistakes *m = rp_xcalloc(1, sizeof *m);
    f->config = rp_config_parse(text, rp_str_of(path), NULL, m);
    bool ok = f->config != NULL || rp_mistakes_err(m, rp_str_of(path), err);
    free(m);
    if (ok || opt_text(f->cli, "config") != NULL)
        return ok;
    note(f->cli, "The log_formats of %s are not used, because it has mistakes: reprise check",
         path);
    return true;
}

/* ---- life ---- */

bool logfile_open(struct logfile *f, struct cli *cli, const char *path, struct rp_run_sink sink,
                  struct rp_err *err)
{
    const char *zone = opt_text(cli, "tz");
    int64_t year = 0;
    f->cli = cli;
    f->path = path;
    f->zone = zone != NULL ? rp_zone_load(rp_str_of(zone), err) : NULL;
    if ((zone != NULL && f->zone == NULL) ||
        !opt_i64(cli, "year", YEAR_LEAST, YEAR_MOST, &year, err) || !load_formats(f, err))
        return false;
    struct rp_joblog_options o = {
        .format = rp_str_of(opt_text(cli, "format")),
        .templates = f->config != NULL ? f->config->log_formats : NULL,
        .n_templates = f->config != NULL ? f->config->n_log_formats : 0,
        .stamp = {.now_us = newest_us(cli, path), .year = (int)year, .to_utc = in_zone, .ctx = f},
        .sink = sink};
    f->log = rp_joblog_new(&o, err);
    return f->log != NULL;
}

static bool take_bytes(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct logfile *f = ctx;
    f->bytes += bytes.n;
    f->refused = f->also != NULL && !f->also(f->also_ctx, bytes, err);
    if (f->refused || !reversal_take(&f->reversal, f->log, bytes, err))
        return false;
    f->hopeless = f->reversal.kept == NULL && f->bytes >= HOPELESS_BYTES &&
                  rp_joblog_hopeless(f->log, f->bytes);
    return !f->hopeless;
}

bool logfile_read(struct logfile *f, struct rp_err *err)
{
    f->torn = !stream_file(f->cli, f->path, take_bytes, f, &f->damage) && !f->hopeless;
    if (f->torn && (f->refused || f->bytes == 0)) {
        *err = f->damage;
        return false;
    }
    if (!reversal_end(&f->reversal, f->log, err))
        return false;
    if (rp_joblog_finish(f->log, &f->stats, err))
        return true;
    if (f->torn)
        *err = f->damage;
    return false;
}

int logfile_tell(const struct logfile *f)
{
    struct cli *cli = f->cli;
    const struct rp_joblog_stats *s = &f->stats;
    if (f->zone_taken && f->zone == NULL)
        note(cli, "Times that name no zone are read as UTC; --tz sets another.");
    if (f->reversal.kept != NULL)
        note(cli, "The log goes from its newest line to its oldest: it was read from the end, and "
                  "line numbers count from there.");
    if (s->cut_lines > 0)
        note(cli, "%s longer than %d bytes: the rest of them was not looked at.",
             show_plural(cli, (int64_t)s->cut_lines, "line is", "lines are"), RP_LOG_LINE_MAX);
    if (s->given_up > 0)
        note(cli, "%s left open when more than %d were: counted as without an end.",
             show_plural(cli, (int64_t)s->given_up, "run was", "runs were"), RP_LOG_OPEN_MAX);
    if (s->error_cuts > 0)
        note(cli, "Of %s the middle part was left out.",
             show_plural(cli, (int64_t)s->error_cuts, "long error", "long errors"));
    return f->torn ? say_err(cli, &f->damage) : 0;
}

void logfile_close(struct logfile *f)
{
    reversal_free(&f->reversal);
    rp_joblog_free(f->log);
    rp_config_free(f->config);
}
