/* import crontab, and the rows of check and imports. */
#include "cli/groups.h"
#include "cli/internal.h"

#include "config/crontab.h"

#include <pwd.h>

int run_check(struct cli *cli);

/* ---- crontab ---- */

/* A crontab of a user read with a user column takes the command's first word for a user. */
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
    if (rp_crontab_diff_print(c, cli->now_us, &text) > 0 && !cli->quiet)
        (void)fwrite(text.p, 1, text.n, stderr);
    rp_buf_free(&text);
}

static int run_crontab(struct cli *cli)
{
    struct rp_crontab c;
    struct rp_str text;
    struct rp_err err;
    const char *path = cli->args[0];
    if (!read_file(cli, path, RP_CRONTAB_BYTES_MAX + 1, &text, &err))
        return say_err(cli, &err);
    struct rp_crontab_options o = {.system_form = !opt_flag(cli, "user"),
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

static const struct rp_option check_options[] = {
    {.name = "config",
     .value = "F",
     .help = "default: $REPRISE_CONFIG, ./reprise.yaml, /etc/reprise/reprise.yaml",
     .letter = 'c'},
    {0},
};
static const struct rp_option crontab_options[] = {
    {.name = "user", .help = "a user's crontab (crontab -l): no user column before the command"},
    {0},
};

const struct rp_command import_rows[IMPORT_ROWS] = {
    {.name = "check",
     .arguments = "[F]",
     .most = 1,
     .options = check_options,
     .summary = "validates a configuration, shows when each schedule runs next",
     .help = "Names each mistake by file:line:column and ends with 3 if there is one. Warns of "
             "instants "
             "that a change of clocks moves, and, when a daemon answers, of waiting jobs that this "
             "configuration could not run.",
     .run = run_check},
    {.name = "import crontab",
     .arguments = "F",
     .least = 1,
     .most = 1,
     .options = crontab_options,
     .summary = "turns a crontab into a configuration on standard output",
     .help = "  crontab -l | reprise import crontab - --user > reprise.yaml\n"
             "What has no equal is listed with its line on standard error; nothing is dropped.",
     .run = run_crontab},
};
