/* Completion scripts for bash, zsh and fish, from the rows. */
#include "cli/internal.h"

int completion_print(struct cli *cli, const char *shell);

typedef void each_command(struct cli *cli, const struct rp_command *c);

static void walk(struct cli *cli, each_command *f)
{
    for (size_t g = 0; g < cli->n_groups; g++)
        for (size_t i = 0; i < cli->groups[g].n; i++)
            f(cli, &cli->groups[g].rows[i]);
}

static void option_names(const struct rp_option *o)
{
    for (; o != NULL && o->name != NULL; o++)
        if ((o->flags & RP_OPT_HIDDEN) == 0)
            (void)printf(" --%s", o->name);
}

/* ---- bash ---- */

static void bash_case(struct cli *cli, const struct rp_command *c)
{
    (void)cli;
    (void)printf("    \"%s\") words=\"", c->name);
    option_names(c->options);
    (void)printf("\" ;;\n");
}

static void bash_name(struct cli *cli, const struct rp_command *c)
{
    (void)cli;
    (void)printf("%s\n", c->name);
}

static void bash(struct cli *cli)
{
    (void)printf("# bash completion for reprise, made by `reprise completion bash`\n"
                 "_reprise_commands() { cat <<'END'\n");
    walk(cli, bash_name);
    (void)printf("END\n}\n"
                 "_reprise() {\n"
                 "  local cur=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]} "
                 "second=${COMP_WORDS[2]} words common\n"
                 "  common=\"");
    option_names(common_options);
    (void)printf(
        "\"\n"
        "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "    words=$(_reprise_commands | cut -d' ' -f1 | sort -u)\n"
        "  elif [ \"$COMP_CWORD\" -eq 2 ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
        "    words=$(_reprise_commands | sed -n \"s/^$first //p\")\n"
        "  else\n"
        "    _reprise_commands | grep -qx -- \"$first $second\" && first=\"$first $second\"\n"
        "    case $first in\n");
    walk(cli, bash_case);
    (void)printf("    esac\n    words=\"$words $common\"\n  fi\n"
                 "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                 "  [ \"${#COMPREPLY[@]}\" -gt 0 ] || compopt -o default\n"
                 "}\ncomplete -F _reprise reprise\n");
}

/* ---- zsh ---- */

static void quoted(const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            (void)fputs("'\\'", stdout);
        else if (strchr(special, *text) != NULL)
            (void)fputc('\\', stdout);
        (void)fputc(*text, stdout);
    }
}

static void zsh_case(struct cli *cli, const struct rp_command *c)
{
    (void)cli;
    (void)printf("    '%s') options+=(", c->name);
    for (const struct rp_option *o = c->options; o != NULL && o->name != NULL; o++) {
        (void)printf("'--%s:", o->name);
        quoted(o->help, ":");
        (void)printf("' ");
    }
    (void)printf(") ;;\n");
}

static void zsh_command(struct cli *cli, const struct rp_command *c)
{
    (void)cli;
    (void)printf("    '");
    quoted(c->name, "");
    (void)printf(":");
    quoted(c->summary, ":");
    (void)printf("'\n");
}

static void zsh(struct cli *cli)
{
    (void)printf("#compdef reprise\n# made by `reprise completion zsh`\n"
                 "_reprise() {\n  local -a commands options here\n  commands=(\n");
    walk(cli, zsh_command);
    (void)printf("  )\n  options=(");
    for (const struct rp_option *o = common_options; o->name != NULL; o++) {
        (void)printf("'--%s:", o->name);
        quoted(o->help, ":");
        (void)printf("' ");
    }
    (void)printf(")\n  local name=$words[2]\n"
                 "  (( ${commands[(I)$words[2] $words[3]:*]} )) && name=\"$words[2] $words[3]\"\n"
                 "  case $name in\n");
    walk(cli, zsh_case);
    (void)printf("  esac\n"
                 "  if (( CURRENT == 2 )); then\n"
                 "    here=(${(u)${commands%%%%:*}%%%% *})\n"
                 "    compadd -a here\n"
                 "  elif (( CURRENT == 3 )) && [[ $words[3] != -* ]]; then\n"
                 "    here=(${${(M)commands:#$words[2] *}#$words[2] })\n"
                 "    _describe command here || _files\n"
                 "  elif [[ $words[CURRENT] == -* ]]; then\n"
                 "    _describe option options\n"
                 "  else\n    _files\n  fi\n}\n_reprise \"$@\"\n");
}

/* ---- fish ---- */

static void fish_options(const struct rp_option *o, const char *condition)
{
    for (; o != NULL && o->name != NULL; o++) {
        if (o->flags & RP_OPT_HIDDEN)
            continue;
        (void)printf("complete -c reprise%s -l %s%s -d '", condition, o->name,
                     o->value != NULL && (o->flags & RP_OPT_MAYBE) == 0 ? " -r" : "");
        for (const char *p = o->help; *p != '\0'; p++)
            (void)fputs(*p == '\'' ? "\\'" : (char[2]){*p, 0}, stdout);
        (void)printf("'\n");
    }
}

static void fish_command(struct cli *cli, const struct rp_command *c)
{
    const char *space = strchr(c->name, ' ');
    const char *first = show_fmt(cli, "%.*s", (int)strcspn(c->name, " "), c->name);
    if (space == NULL)
        (void)printf("complete -c reprise -n __fish_use_subcommand -a %s -d '%s'\n", c->name,
                     c->summary);
    else
        (void)printf("complete -c reprise -n '__fish_seen_subcommand_from %s' -a %s -d '%s'\n",
                     first, space + 1, c->summary);
    fish_options(c->options, show_fmt(cli, " -n '__fish_seen_subcommand_from %s'",
                                      space != NULL ? space + 1 : c->name));
}

static void fish(struct cli *cli)
{
    (void)printf("# made by `reprise completion fish`\n");
    fish_options(common_options, "");
    walk(cli, fish_command);
}

int completion_print(struct cli *cli, const char *shell)
{
    static const struct {
        const char *name;
        void (*print)(struct cli *cli);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    struct rp_err err;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].print(cli);
            return 0;
        }
    (void)rp_fail(&err, RP_E_USAGE, "there is no completion for %s", shell);
    (void)rp_hint(&err, "use bash, zsh or fish");
    return say_err(cli, &err);
}
