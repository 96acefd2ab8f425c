/* help, completion, version, and the texts of help. All of it is made from the rows. */
#include "cli/groups.h"
#include "cli/internal.h"

#include <stdlib.h>
#include <unistd.h>

int completion_print(struct cli *cli, const char *shell);

const char *safety_name(enum rp_safety s)
{
    static const char *const names[] = {"SAFE", "REVERSIBLE", "IRREVERSIBLE"};
    return names[s];
}

const char *option_usage(struct rp_arena *a, const struct rp_option *o)
{
    const char *letter = o->letter != 0 ? rp_cstr(a, rp_str_fmt(a, "-%c, ", o->letter)) : "";
    if (o->flags & RP_OPT_MAYBE)
        return rp_cstr(a, rp_str_fmt(a, "%s--%s[=%s]", letter, o->name, o->value));
    return rp_cstr(a, rp_str_fmt(a, "%s--%s%s%s%s", letter, o->name, o->value ? " " : "",
                                 o->value ? o->value : "", o->flags & RP_OPT_REPEATS ? " …" : ""));
}

/* `left` in a column of its own, `text` wrapped beside it. */
static void two_columns(struct cli *cli, FILE *to, int at, const char *left, const char *text)
{
    struct line l;
    struct cli plain = *cli;
    plain.color = false;
    line_begin(&l, &plain, show_fmt(cli, "  %s", left), at);
    l.to = to;
    line_part(&l, "%s", text);
    line_end(&l);
}

static void options_list(struct cli *cli, FILE *to, const struct rp_option *o)
{
    for (; o != NULL && o->name != NULL; o++)
        if ((o->flags & RP_OPT_HIDDEN) == 0)
            two_columns(cli, to, 28, option_usage(&cli->arena, o), o->help);
}

static void wrapped(struct cli *cli, FILE *to, const char *text)
{
    struct rp_str rest = rp_str_of(text), paragraph;
    while (rp_str_split(&rest, '\n', &paragraph))
        if (rp_str_starts(paragraph, " ")) /* an example: as it is */
            (void)fprintf(to, "%.*s\n", RP_FMT(paragraph));
        else
            say_to(cli, to, 0, rp_cstr(&cli->arena, paragraph));
}

void command_usage(struct cli *cli, const struct rp_command *c, FILE *to)
{
    bool own = c->options != NULL && c->options->name != NULL;
    (void)fprintf(to, "usage: reprise %s%s%s%s\n\n", c->name, own ? " [options]" : "",
                  c->arguments[0] != '\0' ? " " : "", c->arguments);
    wrapped(cli, to, show_fmt(cli, "%s. Safety class: %s.", c->summary, safety_name(c->safety)));
    if (c->help != NULL) {
        (void)fprintf(to, "\n");
        wrapped(cli, to, c->help);
    }
    if (own) {
        (void)fprintf(to, "\noptions\n");
        options_list(cli, to, c->options);
    }
    (void)fprintf(to, "\noptions of every command\n");
    options_list(cli, to, common_options);
}

int help_overview(struct cli *cli, FILE *to)
{
    (void)fprintf(to, "reprise — runs jobs safely, finds out why they fail, replays them\n\n"
                      "usage: reprise COMMAND [options]\n");
    for (size_t g = 0; g < cli->n_groups; g++) {
        (void)fprintf(to, "\n%s\n", cli->groups[g].title);
        for (size_t i = 0; i < cli->groups[g].n; i++)
            two_columns(cli, to, 20, cli->groups[g].rows[i].name, cli->groups[g].rows[i].summary);
    }
    (void)fprintf(to, "\n");
    say_to(
        cli, to, 0,
        "reprise COMMAND --help says more. Exit codes: 0 done, 1 failed, 2 usage, 3 the answer is "
        "bad, 4 refused by a guard, 5 daemon not reachable.");
    return 0;
}

int help_first_words(struct cli *cli)
{
    static const char *const words[][2] = {
        {"demo", "a real incident from end to end"},
        {"check", "is reprise.yaml right, and when does each job run"},
        {"serve", "the daemon: runs the jobs of reprise.yaml"},
        {"enqueue TYPE", "adds a job"},
        {"status", "what is wrong, and what to do next"},
        {"jobs --state failed", "which jobs failed, why, since when"},
        {"analyze", "what is behind it"},
        {"replay --type T --dry-run", "what running them again would do"},
    };
    (void)fprintf(stderr, "reprise — runs jobs safely, finds out why they fail, replays them\n\n"
                          "usage: reprise COMMAND [options]; to begin with:\n");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        two_columns(cli, stderr, 28, words[i][0], words[i][1]);
    (void)fprintf(stderr, "\nreprise help lists all commands, reprise COMMAND --help says more of "
                          "one.\n");
    return 2;
}

/* `help job`: what begins with that word. */
static int help_about(struct cli *cli)
{
    int used = 0, found = 0;
    const struct rp_command *c = command_find(cli, cli->args, cli->n_args, &used);
    if (c != NULL && used == cli->n_args) {
        command_usage(cli, c, stdout);
        return 0;
    }
    size_t len = strlen(cli->args[0]);
    for (size_t g = 0; g < cli->n_groups; g++)
        for (size_t i = 0; i < cli->groups[g].n; i++) {
            const struct rp_command *row = &cli->groups[g].rows[i];
            if (strncmp(row->name, cli->args[0], len) == 0 && row->name[len] == ' ') {
                two_columns(cli, stdout, 20, row->name, row->summary);
                found++;
            }
        }
    struct rp_err err;
    if (found > 0)
        return 0;
    (void)rp_fail(&err, RP_E_USAGE, "there is no command %s", cli->args[0]);
    (void)rp_hint(&err, "reprise help lists the commands");
    return say_err(cli, &err);
}

static int run_help(struct cli *cli)
{
    if (opt_flag(cli, "man"))
        return manual_roff(cli);
    if (opt_flag(cli, "markdown"))
        return manual_markdown(cli);
    return cli->n_args > 0 ? help_about(cli) : help_overview(cli, stdout);
}

static int run_completion(struct cli *cli)
{
    return completion_print(cli, cli->args[0]);
}

static int run_version(struct cli *cli)
{
    (void)printf(cli->json ? "{\"version\":\"%s\"}\n" : "reprise %s\n", RP_VERSION);
    return 0;
}

static const struct rp_option help_options[] = {
    {.name = "man", .help = "the manual page reprise(1), roff"},
    {.name = "markdown", .help = "the reference docs/cli.md"},
    {0},
};

const struct rp_command help_rows[HELP_ROWS] = {
    {.name = "help",
     .arguments = "[COMMAND]",
     .most = 2,
     .options = help_options,
     .summary = "the commands, or how one of them is used",
     .run = run_help},
    {.name = "completion",
     .arguments = "bash|zsh|fish",
     .least = 1,
     .most = 1,
     .summary = "completion for a shell",
     .help = "Prints a script:\n  reprise completion bash > /etc/bash_completion.d/reprise\n"
             "  reprise completion zsh > \"${fpath[1]}/_reprise\"\n"
             "  reprise completion fish > ~/.config/fish/completions/reprise.fish",
     .run = run_completion},
    {.name = "version",
     .arguments = "",
     .summary = "the version of this program",
     .run = run_version},
};
