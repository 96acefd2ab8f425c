/* The rows of check, of the imports and of export; import crontab. */
#include "cli/import.h"

#include "cli/groups.h"
#include "config/crontab.h"

#include <pwd.h>

/* ---- crontab ---- */

/* crontab(1) keeps users' tables there; any other file may be a system one, as /etc/crontab is. */
static bool users_form(struct cli *cli, const char *path)
{
    return opt_flag(cli, "user") || rp_str_starts(rp_str_of(path), "/var/spool/cron/");
}

/* A user's table read as a system one takes the first word of each command for a user. */
static void doubt_users(struct cli *cli, const struct rp_crontab *c)
{
    for (size_t i = 0; i < c->n_jobs; i++) {
        struct rp_str user = c->jobs[i].user;
        if (user.n == 0 || getpwnam(rp_cstr(&cli->arena, user)) != NULL)
            continue;
        note(cli,
             "line %d: there is no user %s on this machine. If this is the output of `crontab -l`, "
             "add --user.",
             c->jobs[i].line, show_text(cli, user));
        return;
    }
}

static void tell_notes(struct cli *cli, const struct rp_crontab *c, const char *path)
{
    for (size_t i = 0; i < c->n_notes; i++)
        if (c->notes[i].line > 0)
            note(cli, "%s:%d: %s", path, c->notes[i].line, show_text(cli, c->notes[i].text));
        else
            note(cli, "%s: %s", path, show_text(cli, c->notes[i].text));
}

static void tell_differences(struct cli *cli, const struct rp_crontab *c)
{
    struct rp_buf text = {0};
    size_t n = rp_crontab_diff_print(c, cli->now_us, &text);
    if (n > 0) {
        note(cli, "The next %d instants differ from cron's for %s:", RP_CRONTAB_NEXT,
             show_plural(cli, (int64_t)n, "line", "lines"));
        (void)fputs(cli->quiet ? "" : show_lines(cli, rp_buf_view(&text)), stderr);
    } else if (c->n_jobs > 0) {
        note(cli, "The next %d instants of each line are those of cron.", RP_CRONTAB_NEXT);
    }
    rp_buf_free(&text);
}

static int run_crontab(struct cli *cli)
{
    struct rp_crontab c = {0};
    struct rp_str text;
    struct rp_err err;
    const char *path = cli->args[0];
    if (!read_file(cli, path, RP_CRONTAB_BYTES_MAX + 1, &text, &err))
        return say_err(cli, &err);
    struct rp_crontab_options o = {.system_form = !users_form(cli, path),
                                   .name = rp_str_of(path),
                                   .zone = rp_crontab_machine_zone(&cli->arena)};
    bool ok = rp_crontab_import(text, &o, &c, &err);
    if (ok) {
        (void)fwrite(c.yaml.p, 1, c.yaml.n, stdout);
        tell_notes(cli, &c, path);
        doubt_users(cli, &c);
        tell_differences(cli, &c);
        note(cli, "%s read. Keep it as reprise.yaml, then: reprise check --config reprise.yaml",
             show_plural(cli, (int64_t)c.n_jobs, "job", "jobs"));
    }
    rp_crontab_free(&c);
    return ok ? 0 : say_err(cli, &err);
}

/* ---- the rows ---- */

static const struct rp_option check_options[] = {
    {.name = "config",
     .value = "F",
     .help = "default: $REPRISE_CONFIG, ./reprise.yaml, /etc/reprise/reprise.yaml",
     .letter = 'c'},
    {.name = "reference", .help = "prints the reference of all keys", .flags = RP_OPT_HIDDEN},
    {0},
};
static const struct rp_option crontab_options[] = {
    {.name = "user", .help = "a user's crontab (crontab -l): no user column before the command"},
    {0},
};
static const struct rp_option log_options[] = {
    {.name = "format", .value = "NAME", .help = "of the log; default auto: found out and named"},
    {.name = "dry-run", .help = "counts only, stores nothing, needs no daemon"},
    {.name = "year", .value = "Y", .help = "of the first line, where the log's times have none"},
    {.name = "tz", .value = "Z", .help = "zone of times that name none (UTC)"},
    {.name = "config", .value = "F", .help = "configuration with log_formats", .letter = 'c'},
    {0},
};
static const struct rp_option csv_options[] = {
    {.name = "column",
     .value = "NAME=COL,…",
     .help = "what a column is: job type outcome submit start end queue error attempt",
     .flags = RP_OPT_REPEATS},
    {.name = "type", .value = "NAME", .help = "type of all rows, where no column says it"},
    {.name = "dry-run", .help = "counts only, stores nothing, needs no daemon"},
    {0},
};

static const struct rp_option export_options[] = {
    {.name = "since",
     .value = "T",
     .help = "attempts that ended from then on: a time, or how long ago: 24h"},
    {.name = "until", .value = "T", .help = "and before then (now)"},
    {.name = "type", .value = "T", .help = "only this job type"},
    {.name = "output",
     .value = "F",
     .help = "writes a file, under its name when it is whole",
     .letter = 'o'},
    {.name = "log", .value = "F", .help = "of a job log instead; - is standard input; no daemon"},
    {.name = "format", .value = "NAME", .help = "of the log; default auto: found out"},
    {.name = "year", .value = "Y", .help = "of the first line, where the log's times have none"},
    {.name = "tz", .value = "Z", .help = "zone of times in the log that name none (UTC)"},
    {.name = "config", .value = "F", .help = "configuration with log_formats", .letter = 'c'},
    {0},
};

const struct rp_command import_rows[IMPORT_ROWS] = {
    {.name = "check",
     .arguments = "[F]",
     .most = 1,
     .options = check_options,
     .summary = "validates a configuration, shows when each schedule runs next",
     .help =
         "Names each mistake by file:line:column. Warns of instants that a change of clocks moves "
         "within a year. When a daemon answers, jobs that wait and that this configuration could "
         "not run are listed. Ends with 3 for mistakes and for such jobs.",
     .run = run_check},
    {.name = "import crontab",
     .arguments = "F",
     .least = 1,
     .most = 1,
     .options = crontab_options,
     .summary = "turns a crontab into a configuration on standard output",
     .help = "  reprise import crontab /etc/crontab > reprise.yaml\n"
             "  crontab -l | reprise import crontab - --user > reprise.yaml\n"
             "What has no equal is listed with its line, in the output and on standard error; "
             "nothing is dropped. The next 10 instants of each line are compared with cron's.",
     .run = run_crontab},
    {.name = "import log",
     .arguments = "F",
     .least = 1,
     .most = 1,
     .options = log_options,
     .summary = "reads the runs of a job log into the history",
     .help = "Reads logs of any size, also packed by gzip or zstd; - is standard input. What the "
             "format cannot tell, such as the outcome in a plain cron log, is counted and not "
             "stored. Importing again, also after the log has grown, adds only what is new.",
     .safety = RP_REVERSIBLE,
     .run = run_import_log},
    {.name = "import csv",
     .arguments = "F",
     .least = 1,
     .most = 1,
     .options = csv_options,
     .summary = "reads a table of runs into the history",
     .help = "  reprise import csv runs.csv --column job=id,type=name,outcome=state,start=at\n"
             "The first record names the columns; those that are not mapped become labels. One "
             "mistake in a row, and nothing of the file is stored.",
     .safety = RP_REVERSIBLE,
     .run = run_import_csv},
    {.name = "export",
     .arguments = "",
     .options = export_options,
     .summary = "writes attempts as JSON lines, for other programs",
     .help = "  reprise export --since 7d -o attempts.jsonl\n"
             "  reprise export --log sidekiq.log.gz | jq .attempt.outcome\n"
             "One line an attempt that has ended: its job, type, queue, labels, outcome, times, "
             "error and pattern with class and action; the oldest job first. The notebook "
             "notebooks/job-failure-analysis.ipynb reads it.",
     .run = run_export},
};
