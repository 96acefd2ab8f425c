/* The main table, and the way from argv to an exit code. */
#include "cli/groups.h"
#include "cli/internal.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { GROUPS_MAX = 24, WIDTH_LEAST = 80, WIDTH_MOST = 160 };

const struct rp_command_group command_groups[] = {
    {"What is wrong", status_rows, STATUS_ROWS},
    {"Jobs", jobs_rows, JOBS_ROWS},
    {"One job", job_rows, JOB_ROWS},
    {"Running under another scheduler", exec_rows, EXEC_ROWS},
    {"Queues", queue_rows, QUEUE_ROWS},
    {"Schedules", schedule_rows, SCHEDULE_ROWS},
    {"Job types", type_rows, TYPE_ROWS},
    {"Why it failed", pattern_rows, PATTERN_ROWS},
    {"Dependencies", dep_rows, DEP_ROWS},
    {"Recovery", replay_rows, REPLAY_ROWS},
    {"Deletion", purge_rows, PURGE_ROWS},
    {"Settings at run time", change_rows, CHANGE_ROWS},
    {"Deploys", deploy_rows, DEPLOY_ROWS},
    {"Configuration and data from elsewhere", import_rows, IMPORT_ROWS},
    {"Access", token_rows, TOKEN_ROWS},
    {"Trying it out", demo_rows, DEMO_ROWS},
    {"About", help_rows, HELP_ROWS},
};
const size_t command_groups_n = sizeof command_groups / sizeof *command_groups;

const struct rp_command *command_find(const struct cli *cli, char **words, int n, int *used)
{
    const struct rp_command *one = NULL;
    for (size_t g = 0; g < cli->n_groups; g++)
        for (size_t i = 0; i < cli->groups[g].n; i++) {
            const struct rp_command *c = &cli->groups[g].rows[i];
            size_t len = strlen(words[0]);
            if (strncmp(c->name, words[0], len) != 0)
                continue;
            if (c->name[len] == '\0')
                one = c;
            else if (n > 1 && c->name[len] == ' ' && strcmp(c->name + len + 1, words[1]) == 0) {
                *used = 2;
                return c;
            }
        }
    *used = 1;
    return one;
}

static void set_width(struct cli *cli)
{
    struct winsize w;
    cli->tty = isatty(STDOUT_FILENO) == 1;
    cli->width = WIDTH_LEAST;
    if (cli->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > WIDTH_LEAST)
        cli->width = w.ws_col < WIDTH_MOST ? w.ws_col : WIDTH_MOST;
}

static bool set_colour(struct cli *cli, struct rp_err *err)
{
    const char *when = opt_text(cli, "color"), *no = getenv("NO_COLOR"), *term = getenv("TERM");
    bool dumb = term != NULL && strcmp(term, "dumb") == 0;
    if (when == NULL || strcmp(when, "auto") == 0)
        cli->color = cli->tty && (no == NULL || no[0] == '\0') && !dumb;
    else if (strcmp(when, "always") == 0)
        cli->color = true;
    else if (strcmp(when, "never") != 0) {
        (void)rp_fail(err, RP_E_USAGE, "--color: \"%s\" is not auto, always or never", when);
        return false;
    }
    return true;
}

/* Widths and wide characters need a UTF-8 locale, whatever the caller's is. */
static void set_locale(void)
{
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* An answer that could not be written must not look like one that was. */
static int flushed(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    return code == 0 ? 1 : code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct rp_err err;
    if (!options_parse(cli, argc, argv, &err) || !set_colour(cli, &err))
        return say_err(cli, &err);
    cli->json = opt_flag(cli, "json");
    cli->quiet = opt_flag(cli, "quiet");
    if (cli->command == NULL) {
        return opt_flag(cli, "help") ? help_overview(cli, stdout) : help_first_words(cli);
    }
    if (opt_flag(cli, "help")) {
        command_usage(cli, cli->command, stdout);
        return 0;
    }
    return cli->command->run(cli);
}

int rp_cli_main(int argc, char **argv, const struct rp_command_group *extra)
{
    struct rp_command_group all[GROUPS_MAX];
    struct cli cli = {.groups = all, .now_us = rp_wall(&rp_clock_system)};
    if (extra != NULL)
        all[cli.n_groups++] = *extra;
    for (size_t i = 0; i < command_groups_n; i++)
        all[cli.n_groups++] = command_groups[i];
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        argv[1] = "version";
    set_locale();
    set_width(&cli);
    int code = flushed(run(&cli, argc, argv));
    client_free(cli.client);
    rp_buf_free(&cli.problem);
    rp_arena_free(&cli.arena);
    return code;
}
