/* One parser for all commands, by their tables: --name VALUE, --name=VALUE, -n VALUE, flags,
 * repeated options, `--`. Options and arguments may be mixed, except where the rest belongs to
 * another command. */
#include "cli/internal.h"

#include "base/near.h"
#include "core/zone.h"

#include <stdlib.h>

const struct rp_option common_options[] = {
    {.name = "url",
     .value = "URL",
     .help = "daemon at http://… or https://… (default: $REPRISE_URL)"},
    {.name = "socket",
     .value = "PATH",
     .help = "daemon at a Unix socket (default: $REPRISE_SOCKET, /run/reprise/reprise.sock, "
             "$XDG_RUNTIME_DIR/reprise.sock, ~/.local/state/reprise/reprise.sock)"},
    {.name = "token-file",
     .value = "F",
     .help = "file that holds the token for --url (default: $REPRISE_TOKEN_FILE)"},
    {.name = "json", .help = "the daemon's answer as it came"},
    {.name = "quiet", .help = "only what was asked for: no hints, no progress", .letter = 'q'},
    {.name = "color", .value = "WHEN", .help = "auto, always or never (NO_COLOR is honoured)"},
    {.name = "help", .help = "how this command is used", .letter = 'h'},
    {0},
};

const struct rp_option reason_options[] = {
    {.name = "reason", .value = "R", .help = "kept in the audit trail"},
    {0},
};

/* ---- close matches ---- */

static const char *name_at(const void *names, size_t i)
{
    return ((const char *const *)names)[i];
}

const char *close_match(struct rp_str word, const char *const names[], size_t n)
{
    const char *near = rp_near(word, name_at, names, n);
    for (size_t i = 0; i < n && near == NULL && word.n >= 2; i++)
        if (strncmp(word.p, names[i], word.n) == 0)
            near = names[i];
    return near;
}

/* ---- finding options ---- */

static const struct rp_option *find_in(const struct rp_option *t, const char *name, size_t n)
{
    for (; t != NULL && t->name != NULL; t++)
        if (strlen(t->name) == n && memcmp(t->name, name, n) == 0)
            return t;
    return NULL;
}

static const struct rp_option *find_letter(const struct rp_option *t, char letter)
{
    for (; t != NULL && t->name != NULL; t++)
        if (t->letter == letter)
            return t;
    return NULL;
}

static const struct rp_option *option_of(const struct cli *cli, const char *arg, const char **value)
{
    const struct rp_option *own = cli->command != NULL ? cli->command->options : NULL, *o;
    *value = NULL;
    if (arg[1] != '-') {
        o = find_letter(own, arg[1]);
        o = o != NULL ? o : find_letter(common_options, arg[1]);
        *value = arg[2] != '\0' ? arg + 2 : NULL;
        return o;
    }
    const char *name = arg + 2, *equals = strchr(name, '=');
    size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
    *value = equals != NULL ? equals + 1 : NULL;
    o = find_in(own, name, n);
    return o != NULL ? o : find_in(common_options, name, n);
}

static size_t names_of(const struct rp_option *t, const char **names, size_t n)
{
    for (; t != NULL && t->name != NULL && n < RP_OPTIONS_MAX; t++)
        if ((t->flags & RP_OPT_HIDDEN) == 0)
            names[n++] = t->name;
    return n;
}

static bool unknown_option(const struct cli *cli, const char *arg, struct rp_err *err)
{
    const char *names[RP_OPTIONS_MAX], *command = cli->command != NULL ? cli->command->name : "";
    size_t n = names_of(cli->command != NULL ? cli->command->options : NULL, names, 0);
    n = names_of(common_options, names, n);
    struct rp_str word = {arg + 2, strcspn(arg + 2, "=")};
    const char *near = arg[1] == '-' ? close_match(word, names, n) : NULL;
    (void)rp_fail(err, RP_E_USAGE, "unknown option %.*s", (int)strcspn(arg, "="), arg);
    if (near != NULL)
        return rp_hint(err, "did you mean --%s?", near);
    return rp_hint(err, "reprise %s%s--help lists the options", command, *command ? " " : "");
}

/* ---- the walk over argv ---- */

static bool keep(struct cli *cli, const struct rp_option *o, const char *value, struct rp_err *err)
{
    if (cli->n_given == RP_ARGUMENTS_MAX)
        return rp_fail(err, RP_E_USAGE, "more than %d options", RP_ARGUMENTS_MAX);
    for (size_t i = 0; (o->flags & RP_OPT_REPEATS) == 0 && o->value != NULL && i < cli->n_given;
         i++)
        if (cli->given[i].option == o) {
            (void)rp_fail(err, RP_E_USAGE, "--%s was given twice", o->name);
            return rp_hint(err, "give it once");
        }
    cli->given[cli->n_given++] = (struct given){o, value};
    return true;
}

static bool take_option(struct cli *cli, char **argv, int argc, int *i, struct rp_err *err)
{
    const char *value;
    const struct rp_option *o = option_of(cli, argv[*i], &value);
    if (o == NULL)
        return unknown_option(cli, argv[*i], err);
    if (o->value == NULL && value != NULL)
        return rp_fail(err, RP_E_USAGE, "--%s takes no value", o->name);
    if (o->value != NULL && value == NULL && (o->flags & RP_OPT_MAYBE) == 0) {
        if (*i + 1 >= argc) {
            (void)rp_fail(err, RP_E_USAGE, "--%s needs a value", o->name);
            return rp_hint(err, "--%s %s", o->name, o->value);
        }
        value = argv[++*i];
    }
    return keep(cli, o, value, err);
}

static bool unknown_command(const struct cli *cli, char **words, int n, struct rp_err *err)
{
    const char *names[128] = {0};
    size_t count = 0;
    for (size_t g = 0; g < cli->n_groups; g++)
        for (size_t i = 0; i < cli->groups[g].n && count < 128; i++)
            names[count++] = cli->groups[g].rows[i].name;
    struct rp_arena a = {0};
    bool group = false;
    for (size_t i = 0; i < count; i++)
        group |=
            strncmp(names[i], words[0], strlen(words[0])) == 0 && names[i][strlen(words[0])] == ' ';
    const char *said =
        group && n > 1 ? rp_cstr(&a, rp_str_fmt(&a, "%.40s %.40s", words[0], words[1])) : words[0];
    const char *near = close_match(rp_str_of(said), names, count);
    (void)rp_fail(err, RP_E_USAGE,
                  group && n == 1 ? "%s needs a further word" : "unknown command %s",
                  said != NULL ? said : "");
    rp_arena_free(&a);
    if (group && n > 1 && words[1][strspn(words[1], "0123456789PR")] == '\0')
        return rp_hint(err, "did you mean reprise %s show %s?", words[0], words[1]);
    if (group && (n == 1 || near == NULL))
        return rp_hint(err, "reprise help %s lists what there is", words[0]);
    return near != NULL ? rp_hint(err, "did you mean reprise %s?", near)
                        : rp_hint(err, "reprise help lists the commands");
}

/* Takes the one or two words of the command off the arguments as soon as they are there. */
static bool find_command(struct cli *cli, char **argv, int argc, int *i, struct rp_err *err)
{
    int used = 0;
    char *words[2] = {argv[*i], *i + 1 < argc ? argv[*i + 1] : NULL};
    int n = words[1] != NULL && words[1][0] != '-' ? 2 : 1;
    cli->command = command_find(cli, words, n, &used);
    if (cli->command == NULL)
        return unknown_command(cli, words, n, err);
    *i += used - 1;
    return true;
}

static bool check_arguments(const struct cli *cli, struct rp_err *err)
{
    const struct rp_command *c = cli->command;
    if (c == NULL || opt_flag((struct cli *)cli, "help"))
        return true;
    if (cli->n_args < c->least)
        (void)rp_fail(err, RP_E_USAGE, "%s needs %s", c->name, c->arguments);
    else if (c->most >= 0 && cli->n_args > c->most)
        (void)rp_fail(err, RP_E_USAGE, "%s does not take \"%s\"", c->name, cli->args[c->most]);
    else
        return true;
    return rp_hint(err, "reprise %s --help", c->name);
}

bool options_parse(struct cli *cli, int argc, char **argv, struct rp_err *err)
{
    cli->args = rp_alloc_n(&cli->arena, (size_t)argc + 1, sizeof *cli->args);
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (!only_arguments && strcmp(arg, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && arg[0] == '-' && arg[1] != '\0') {
            if (!take_option(cli, argv, argc, &i, err))
                return false;
        } else if (cli->command == NULL) {
            if (!find_command(cli, argv, argc, &i, err))
                return false;
        } else {
            cli->args[cli->n_args++] = argv[i];
            only_arguments |= cli->command->rest;
        }
    }
    return check_arguments(cli, err);
}

/* ---- values ---- */

const char *opt_text(struct cli *cli, const char *name)
{
    for (size_t i = cli->n_given; i-- > 0;)
        if (strcmp(cli->given[i].option->name, name) == 0)
            return cli->given[i].value;
    return NULL;
}

bool opt_flag(struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->n_given; i++)
        if (strcmp(cli->given[i].option->name, name) == 0)
            return true;
    return false;
}

size_t opt_all(struct cli *cli, const char *name, const char *out[RP_ARGUMENTS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < cli->n_given; i++)
        if (strcmp(cli->given[i].option->name, name) == 0)
            out[n++] = cli->given[i].value;
    return n;
}

bool opt_i64(struct cli *cli, const char *name, int64_t least, int64_t most, int64_t *out,
             struct rp_err *err)
{
    const char *text = opt_text(cli, name);
    int64_t v;
    if (text == NULL)
        return true;
    if (rp_str_i64(rp_str_of(text), &v) && v >= least && v <= most) {
        *out = v;
        return true;
    }
    (void)rp_fail(err, RP_E_USAGE, "--%s: \"%s\" is not a whole number from %lld to %lld", name,
                  text, (long long)least, (long long)most);
    return false;
}

bool opt_duration(struct cli *cli, const char *name, int64_t *us, struct rp_err *err)
{
    const char *text = opt_text(cli, name);
    if (text == NULL || rp_duration_parse(rp_str_of(text), us))
        return true;
    (void)rp_fail(err, RP_E_USAGE, "--%s: \"%s\" is not a duration", name, text);
    return rp_hint(err, "durations are written 90s, 5m, 2h, 1d or 1h30m");
}

/* "2026-11-24 02:00 Europe/Berlin", also with T and seconds. A time that does not exist (the clock
 * was put forward) is refused; of one that comes twice the first is meant. */
static bool wall_time(struct rp_str text, int64_t *us, struct rp_err *err)
{
    size_t space = text.n;
    while (space > 0 && text.p[space - 1] != ' ')
        space--;
    struct rp_str zone = {text.p + space, text.n - space};
    struct rp_str wall = rp_str_trim((struct rp_str){text.p, space});
    if (space == 0 || wall.n < 10 || zone.n == 0 || wall.n > 19)
        return false;
    char buf[32];
    (void)snprintf(buf, sizeof buf, "%.*s%s", RP_FMT(wall),
                   wall.n == 10 ? "T00:00:00Z" : (wall.n == 16 ? ":00Z" : "Z"));
    buf[10] = 'T';
    int64_t as_utc, instants[2];
    if (!rp_time_parse(rp_str_of(buf), &as_utc))
        return false;
    const struct rp_zone *z = rp_zone_load(zone, err);
    if (z == NULL)
        return false;
    if (rp_zone_instants(z, as_utc / RP_US_S, instants) == 0)
        return rp_fail(err, RP_E_BAD_FIELD, "%.*s does not exist in %.*s: the clock is put forward",
                       RP_FMT(wall), RP_FMT(zone));
    *us = instants[0] * RP_US_S;
    return true;
}

bool time_given(struct cli *cli, struct rp_str text, int64_t *us, struct rp_err *err)
{
    int64_t ahead;
    if (rp_str_starts(text, "+") &&
        rp_duration_parse((struct rp_str){text.p + 1, text.n - 1}, &ahead)) {
        *us = cli->now_us + ahead;
        return true;
    }
    err->code = RP_OK;
    if (rp_time_parse_user(text, cli->now_us, us, NULL) || wall_time(text, us, err))
        return true;
    if (err->code != RP_OK)
        return false;
    (void)rp_fail(err, RP_E_USAGE, "\"%.*s\" is not a time", RP_FMT(text));
    return rp_hint(err, "2026-11-24T02:00:00Z, now, -24h, or \"2026-11-24 02:00 Europe/Berlin\"");
}

bool opt_time(struct cli *cli, const char *name, int64_t *us, struct rp_err *err)
{
    const char *text = opt_text(cli, name);
    struct rp_err why;
    if (text == NULL || time_given(cli, rp_str_of(text), us, &why))
        return true;
    (void)rp_fail(err, RP_E_USAGE, "--%s: %s", name, why.message);
    return why.hint[0] != '\0' ? rp_hint(err, "%s", why.hint) : false;
}

const char *rp_cli_option(struct cli *cli, const char *name)
{
    return opt_text(cli, name);
}

bool rp_cli_flag(struct cli *cli, const char *name)
{
    return opt_flag(cli, name);
}
