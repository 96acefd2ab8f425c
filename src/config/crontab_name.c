/* A readable name for a command: that of the program which does the work, behind tests, waits and
 * wrappers. */
#include "config/crontab_internal.h"

#include <ctype.h>

enum { WORD_MAX = 64, NAME_KEPT = 100 };

static bool among(struct rp_str s, const char *words)
{
    struct rp_str rest = rp_str_of(words), word;
    while (rp_str_split(&rest, ' ', &word))
        if (rp_str_eq(word, s))
            return true;
    return false;
}

/* Programs that are not what a line is for. */
static const char idle[] =
    "test [ [[ cd sleep true : export source . umask ulimit echo command set "
    "which type mkdir exit fi done esac } { ( ) date";
/* Shell words before a command, and programs that run the command after their options. */
static const char wrappers[] = "if then else elif do while until ! { ( exec nice ionice nohup sudo "
                               "env time timeout flock chronic cronic setsid chrt doas systemd-cat "
                               "systemd-run stdbuf unbuffer eatmydata caffeinate";
static const char interpreters[] = "sh bash dash ksh zsh python python2 python3 perl ruby php node "
                                   "nodejs java Rscript lua tclsh";

static struct rp_str base_name(struct rp_str path)
{
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    const char *slash = path.n > 1 ? memrchr(path.p, '/', path.n) : NULL;
    if (slash == NULL)
        return path;
    return (struct rp_str){slash + 1, path.n - (size_t)(slash + 1 - path.p)};
}

static struct rp_str without_suffix(struct rp_str s)
{
    const char *dot = s.n > 1 ? memrchr(s.p + 1, '.', s.n - 1) : NULL;
    if (dot != NULL && s.n - (size_t)(dot - s.p) <= 5)
        s.n = (size_t)(dot - s.p);
    return s;
}

/* The end of the simple command that begins at `from`: at ; & | or a line feed outside quotes. */
static size_t segment_end(struct rp_str s, size_t from)
{
    char quote = '\0';
    size_t i = from;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\\' && quote != '\'')
            i++;
        else if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (memchr(";&|\n", c, 4) != NULL)
            break;
    }
    return i < s.n ? i : s.n;
}

static size_t split_words(struct rp_str s, struct rp_str word[WORD_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < WORD_MAX;) {
        while (i < s.n && (isspace((unsigned char)s.p[i]) || s.p[i] == '"' || s.p[i] == '\''))
            i++;
        size_t from = i;
        while (i < s.n && !isspace((unsigned char)s.p[i]) && s.p[i] != '"' && s.p[i] != '\'')
            i++;
        if (i > from)
            word[n++] = (struct rp_str){s.p + from, i - from};
    }
    return n;
}

static bool assignment(struct rp_str s)
{
    size_t eq = rp_str_find(s, RP_STR("="));
    if (eq == SIZE_MAX || eq == 0)
        return false;
    for (size_t i = 0; i < eq; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
            return false;
    return true;
}

/* An option, or a value that belongs to a wrapper: a number, a duration, a lock file. */
static bool argument_of_wrapper(struct rp_str s)
{
    return s.p[0] == '-' || isdigit((unsigned char)s.p[0]) || rp_str_ends(s, ".lock") ||
           rp_str_ends(s, ".lck") || rp_str_starts(s, "/run/") || rp_str_starts(s, "/var/lock/") ||
           rp_str_starts(s, "/var/run/") || rp_str_starts(s, "/tmp/");
}

/* The script that an interpreter runs; the interpreter itself if the program is on the command line
 * (-c, -e). */
static struct rp_str script(struct rp_str program, const struct rp_str *word, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (rp_str_is(word[i], "-c") || rp_str_is(word[i], "-e") || rp_str_is(word[i], "-r"))
            return among(program, "perl python python3") ? RP_NONE : program;
        if (rp_str_is(word[i], "-m") || rp_str_is(word[i], "-jar"))
            continue;
        if (word[i].p[0] != '-')
            return without_suffix(base_name(word[i]));
    }
    return program;
}

/* Where the command of `sh -c command` or `su user -c command` begins among the words; n if it is
 * none. */
static size_t inner_command(const struct rp_str *word, size_t i, size_t n)
{
    if (!among(base_name(word[i]), "sh bash dash ksh zsh su runuser"))
        return n;
    while (++i < n)
        if (word[i].p[0] == '-' && word[i].n < 4 && rp_str_ends(word[i], "c"))
            return i + 1;
    return n;
}

/* The first word that is neither a wrapper nor belongs to one. */
static size_t program_at(const struct rp_str *word, size_t n)
{
    bool wrapped = false;
    size_t i = 0;
    for (; i < n; i++) {
        size_t inner = inner_command(word, i, n);
        if (inner < n)
            i = inner;
        if (among(base_name(word[i]), wrappers))
            wrapped = true;
        else if (wrapped && (rp_str_is(word[i], "-u") || rp_str_is(word[i], "-g")))
            i++; /* its user or group */
        else if (!assignment(word[i]) && !(wrapped && argument_of_wrapper(word[i])))
            break;
    }
    return i;
}

/* What one simple command is about; absent if it only tests, waits or prepares. */
static struct rp_str subject(struct rp_str segment)
{
    struct rp_str word[WORD_MAX];
    size_t n = split_words(segment, word), i = program_at(word, n);
    if (i >= n)
        return RP_NONE;
    struct rp_str program = base_name(word[i]);
    if (among(program, idle))
        return RP_NONE;
    if (among(program, interpreters))
        return script(program, word + i + 1, n - i - 1);
    if (rp_str_is(program, "run-parts"))
        for (size_t k = i + 1; k < n; k++)
            if (word[k].p[0] == '/')
                return base_name(word[k]);
    return without_suffix(program);
}

static struct rp_str clean(struct rp_arena *a, struct rp_str s)
{
    char *p = rp_alloc(a, NAME_KEPT + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < NAME_KEPT; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool mark = n > 0 && (c == '.' || c == '_' || c == '-');
        if (letter || mark)
            p[n++] = c;
        else if (n > 0 && p[n - 1] != '-')
            p[n++] = '-';
    }
    while (n > 0 && (p[n - 1] == '-' || p[n - 1] == '.'))
        n--;
    return n > 0 ? (struct rp_str){p, n} : RP_STR("job");
}

struct rp_str rp_crontab_name(struct rp_arena *a, struct rp_str command)
{
    for (size_t at = 0; at < command.n;) {
        size_t end = segment_end(command, at);
        struct rp_str s = subject((struct rp_str){command.p + at, end - at});
        if (s.p != NULL && s.n > 0)
            return clean(a, s);
        at = end + 1;
    }
    struct rp_str word[WORD_MAX]; /* nothing but tests: then they are what the line is for */
    return split_words(command, word) > 0 ? clean(a, base_name(word[0])) : RP_STR("job");
}
