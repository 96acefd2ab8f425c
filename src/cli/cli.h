/* The command line: translates commands into requests to the daemon and answers into text for
 * people. Decides nothing itself; what it prints with --json is the daemon's answer, unchanged.
 *
 * A command is one row: name, arguments, options, texts, safety class, function. Help, man page,
 * completion and docs/cli.md are made from the rows, so a new command is a row and its function.
 * One thread; a struct cli (internal.h) lives as long as the command. */
#ifndef RP_CLI_CLI_H
#define RP_CLI_CLI_H

#include "base/err.h"
#include "base/str.h"

struct cli;

/* Safety class of a command (INTERFACES: vocabulary): what it changes can be taken back, or not. */
enum rp_safety { RP_SAFE, RP_REVERSIBLE, RP_IRREVERSIBLE };

enum {
    RP_OPT_REPEATS = 1,   /* may be given several times */
    RP_OPT_MAYBE = 2,     /* a flag, or --name=VALUE */
    RP_OPT_HIDDEN = 4,    /* not in help */
    RP_OPTIONS_MAX = 32,  /* of one command, the common ones included */
    RP_ARGUMENTS_MAX = 64 /* positional arguments and repeated options, each */
};

struct rp_option {
    const char *name;  /* without the dashes; NULL ends a table */
    const char *value; /* what stands for the value in help; NULL: a flag */
    const char *help;
    unsigned flags; /* RP_OPT_* */
    char letter;    /* short form, 0: none */
};

struct rp_command {
    const char *name;                /* "replay", "job show" */
    const char *arguments;           /* as in help: "ID…", "NAME [DAY]"; "" for none */
    int least, most;                 /* number of positional arguments; most -1: any */
    const struct rp_option *options; /* NULL: only the common ones */
    const char *summary;             /* one line, lower case, no full stop */
    const char *help;                /* paragraphs after it; may be NULL */
    enum rp_safety safety;
    bool rest; /* all from the first argument on belongs to another command (exec) */
    int (*run)(struct cli *cli); /* the exit code */
};

struct rp_command_group {
    const char *title;
    const struct rp_command *rows;
    size_t n;
};

/* Runs the command that argv names: one of this folder's, or one of `extra` (the daemon's, from
 * main.c), which is the first group in help. Returns the exit code of INTERFACES.md. */
int rp_cli_main(int argc, char **argv, const struct rp_command_group *extra);

/* What the jobs of `reprise demo` run. */
int rp_demo_job(const char *what, const char *argument);

/* For the extra rows: the value of an option (NULL: not given), and whether a flag was given. */
const char *rp_cli_option(struct cli *cli, const char *name);
bool rp_cli_flag(struct cli *cli, const char *name);

#endif
