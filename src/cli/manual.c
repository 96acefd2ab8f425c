/* The manual page reprise(1) and the reference docs/cli.md, from the rows. */
#include "cli/internal.h"

/* ---- roff ---- */

static void roff(const char *text)
{
    bool start = true;
    for (; *text != '\0'; text++) {
        if (start && (*text == '.' || *text == '\''))
            (void)fputs("\\&", stdout);
        if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else
            (void)fputc(*text, stdout);
        start = *text == '\n';
    }
}

static void roff_paragraphs(const char *text)
{
    struct rp_str rest = rp_str_of(text), line;
    struct rp_arena a = {0};
    while (rp_str_split(&rest, '\n', &line)) {
        bool example = rp_str_starts(line, " ");
        (void)printf(example ? ".EX\n" : ".PP\n");
        roff(rp_cstr(&a, line));
        (void)printf(example ? "\n.EE\n" : "\n");
    }
    rp_arena_free(&a);
}

static void roff_options(struct cli *cli, const struct rp_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        if (o->flags & RP_OPT_HIDDEN)
            continue;
        (void)printf(".TP\n.B ");
        roff(option_usage(&cli->arena, o));
        (void)printf("\n");
        roff(o->help);
        (void)printf("\n");
    }
}

static void roff_command(struct cli *cli, const struct rp_command *c)
{
    (void)printf(".SS ");
    roff(show_fmt(cli, "reprise %s%s%s", c->name, c->arguments[0] ? " " : "", c->arguments));
    (void)printf("\n");
    roff(show_fmt(cli, "%s. Safety class %s.", c->summary, safety_name(c->safety)));
    (void)printf("\n");
    if (c->help != NULL)
        roff_paragraphs(c->help);
    roff_options(cli, c->options);
}

static const struct {
    const char *code, *means;
} exits[] = {
    {"0", "done, or it holds"},
    {"1", "failed"},
    {"2", "the command line is not understood"},
    {"3",
     "answered, and the answer is bad: unhealthy, failed again, mistakes in the configuration"},
    {"4", "refused by a guard; the message says what to do first"},
    {"5", "the daemon cannot be reached"},
    {"75", "exec: the lock is held elsewhere (--lock-exit sets another code)"},
    {"124", "exec: the time limit; otherwise exec ends with the command's own code"},
};

static const struct {
    const char *name, *means;
} variables[] = {
    {"REPRISE_SOCKET", "Unix socket of the daemon"},
    {"REPRISE_URL", "URL of the daemon, instead of a socket"},
    {"REPRISE_TOKEN_FILE", "file that holds the token for the URL"},
    {"REPRISE_CONFIG", "configuration file for check and serve"},
    {"XDG_STATE_HOME", "where exec keeps locks and its spool (root: /var/lib/reprise)"},
    {"NO_COLOR", "no colour, whatever the terminal"},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

int manual_roff(struct cli *cli)
{
    (void)printf(".TH REPRISE 1 \"\" \"reprise " RP_VERSION "\" \"User Commands\"\n"
                 ".SH NAME\nreprise \\- runs jobs safely, finds out why they fail, replays them\n"
                 ".SH SYNOPSIS\n.B reprise\n.I COMMAND\n[options]\n.SH OPTIONS OF EVERY COMMAND\n");
    roff_options(cli, common_options);
    for (size_t g = 0; g < cli->n_groups; g++) {
        (void)printf(".SH ");
        for (const char *p = cli->groups[g].title; *p != '\0'; p++)
            (void)fputc(*p >= 'a' && *p <= 'z' ? *p - 32 : *p, stdout);
        (void)printf("\n");
        for (size_t i = 0; i < cli->groups[g].n; i++)
            roff_command(cli, &cli->groups[g].rows[i]);
    }
    (void)printf(
        ".SH DURATIONS AND TIMES\nDurations: 90s, 5m, 2h, 1d, 1h30m. Times: RFC 3339, now, "
        "\\-24h, +10m, or wall time with a zone: \"2026\\-11\\-24 02:00 Europe/Berlin\".\n"
        ".SH EXIT STATUS\n");
    for (size_t i = 0; i < COUNT(exits); i++)
        (void)printf(".TP\n.B %s\n", exits[i].code), roff(exits[i].means), (void)printf("\n");
    (void)printf(".SH ENVIRONMENT\n");
    for (size_t i = 0; i < COUNT(variables); i++)
        (void)printf(".TP\n.B %s\n", variables[i].name), roff(variables[i].means),
            (void)printf("\n");
    return 0;
}

/* ---- markdown ---- */

/* `|` would end a cell of a table, `<` begin a tag. */
static void cell(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '|')
            (void)fputs("\\|", stdout);
        else if (*text == '<')
            (void)fputs("&lt;", stdout);
        else
            (void)fputc(*text, stdout);
}

static void markdown_options(struct cli *cli, const struct rp_option *o)
{
    if (o == NULL || o->name == NULL)
        return;
    (void)printf("\n| option | meaning |\n| --- | --- |\n");
    for (; o->name != NULL; o++)
        if ((o->flags & RP_OPT_HIDDEN) == 0) {
            (void)printf("| `");
            const char *usage = option_usage(&cli->arena, o);
            for (; *usage != '\0'; usage++)
                (void)fputs(*usage == '|' ? "\\|" : (char[2]){*usage, 0}, stdout);
            (void)printf("` | ");
            cell(o->help);
            (void)printf(" |\n");
        }
}

static void markdown_help(const char *text)
{
    struct rp_str rest = rp_str_of(text), line;
    bool code = false;
    while (rp_str_split(&rest, '\n', &line)) {
        bool example = rp_str_starts(line, " ");
        if (code && !example)
            (void)printf("```\n");
        if (!code || !example)
            (void)printf(example ? "\n```\n" : "\n");
        code = example;
        line = example ? (struct rp_str){line.p + 2, line.n - 2} : line;
        (void)printf("%.*s\n", RP_FMT(line));
    }
    if (code)
        (void)printf("```\n");
}

static void markdown_command(struct cli *cli, const struct rp_command *c)
{
    (void)printf("\n### `reprise %s%s%s`\n\n", c->name, c->arguments[0] ? " " : "", c->arguments);
    cell(c->summary);
    (void)printf(". %s.\n", safety_name(c->safety));
    if (c->help != NULL)
        markdown_help(c->help);
    markdown_options(cli, c->options);
}

int manual_markdown(struct cli *cli)
{
    (void)printf("# The command line\n\nMade by `reprise help --markdown`; do not edit.\n\n"
                 "`reprise COMMAND [options]` — options of every command:\n");
    markdown_options(cli, common_options);
    (void)printf(
        "\nDurations: `90s 5m 2h 1d 1h30m`. Times: RFC 3339, `now`, `-24h`, `+10m`, or wall "
        "time with a zone: `\"2026-11-24 02:00 Europe/Berlin\"`.\n\n"
        "| exit code | meaning |\n| --- | --- |\n");
    for (size_t i = 0; i < COUNT(exits); i++)
        (void)printf("| %s | %s |\n", exits[i].code, exits[i].means);
    (void)printf("\n| variable | meaning |\n| --- | --- |\n");
    for (size_t i = 0; i < COUNT(variables); i++)
        (void)printf("| `%s` | %s |\n", variables[i].name, variables[i].means);
    for (size_t g = 0; g < cli->n_groups; g++) {
        (void)printf("\n## %s\n", cli->groups[g].title);
        for (size_t i = 0; i < cli->groups[g].n; i++)
            markdown_command(cli, &cli->groups[g].rows[i]);
    }
    return 0;
}
