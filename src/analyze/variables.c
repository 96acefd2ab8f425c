/* A variable of the environment or of the settings, which programs write in capitals with
 * underscores, and what is wrong with it: "SMTP_HOST is required", "missing env var API_KEY". What
 * its name is made of (KEY, TOKEN, CERT, URL) says nothing of the failure. */
#include "analyze/internal.h"

enum { NAME_MIN = 5, NEAR = 24 };

static bool in_name(char c)
{
    return is_upper(c) || is_digit(c) || c == '_';
}

/* The next such name from `at` on; absent: none. */
static struct rp_str next_name(struct rp_str line, size_t at)
{
    for (size_t end; at<line.n; at = end> at ? end : at + 1) {
        bool joins = false;
        end = at;
        if (!is_upper(line.p[at]) ||
            (at > 0 && (is_alnum(line.p[at - 1]) || line.p[at - 1] == '_')))
            continue;
        for (; end < line.n && in_name(line.p[end]); end++)
            joins = joins || line.p[end] == '_';
        bool whole = end == line.n || !is_alpha(line.p[end]);
        if (joins && whole && end - at >= NAME_MIN)
            return (struct rp_str){line.p + at, end - at};
    }
    return RP_NONE;
}

/* Does one of the phrases stand at the beginning of what follows the name? */
static bool follows(struct rp_str rest)
{
    static const char *const after[] = {
        "is required",      "is not set",     "not set",          "must be set",
        "must be either",   "is missing",     "cannot be null",   "cannot be empty",
        "is not defined",   "is undefined",   "is unset",         "is empty",
        "was not provided", "not provided",   "is not provided",  "is not configured",
        "has not been set", "not configured", "must be provided", "must be defined",
        "must be specified"};
    static const char *const kinds[] = {"environment variable ", "env var ", "variable ",
                                        "setting "};
    while (rest.n > 0 && one_of(rest.p[0], "'\"`) "))
        rest = str_from(rest, 1);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (rp_str_starts(rest, kinds[i]))
            rest = str_from(rest, strlen(kinds[i]));
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        if (rp_str_starts(rest, after[i]))
            return true;
    return false;
}

static bool ends_with(struct rp_str s, const char *end)
{
    size_t n = strlen(end);
    for (size_t i = 0; i < n; i++)
        if (s.n < n || to_lower(s.p[s.n - n + i]) != end[i])
            return false;
    return true;
}

/* What stands in front of the name, up to quotes and colons beside it. */
static bool precedes(struct rp_str before)
{
    static const char *const ends[] = {"environment variable",
                                       "environment variables",
                                       "environmental variable",
                                       "env var",
                                       "env vars",
                                       "env variable",
                                       "variables",
                                       "please set",
                                       "missing setting",
                                       "set env var"};
    while (before.n > 0 && one_of(before.p[before.n - 1], "'\"`(: "))
        before.n--;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(before, ends[i]))
            return true;
    return false;
}

/* A column of a table may be written so too. */
static bool is_column(struct rp_str before)
{
    struct rp_str near = before.n > NEAR ? str_from(before, before.n - NEAR) : before;
    return str_has(near, "olumn ") || str_has(near, "ield ");
}

bool rp_line_lacks_variable(struct rp_str line)
{
    for (struct rp_str name = next_name(line, 0); name.p != NULL;) {
        size_t at = (size_t)(name.p - line.p);
        struct rp_str before = str_head(line, at);
        if (!is_column(before) && (follows(str_from(line, at + name.n)) || precedes(before)))
            return true;
        name = next_name(line, at + name.n);
    }
    return false;
}
