/* How a process ended, as a line says it: "exited with code 139", "Exited (143) 3 minutes ago",
 * "waitpid returned 9 (signal 9)", "terminated by signal SIGBUS", "exit code 0xC0000005". */
#include "analyze/internal.h"

#include <stdlib.h>

enum {
    NEAR = 3, /* words between "exit" and its number */
    WORD_MAX = 24,
    SIGNALS = 128 /* shells add the signal's number to it */
};

static const struct {
    const char *name;
    int n;
    enum rp_class class;
} signals[] = {
    {"sighup", 1, RP_CLASS_KILLED},   {"sigint", 2, RP_CLASS_KILLED},
    {"sigquit", 3, RP_CLASS_KILLED},  {"sigill", 4, RP_CLASS_CRASH},
    {"sigtrap", 5, RP_CLASS_CRASH},   {"sigabrt", 6, RP_CLASS_CRASH},
    {"sigbus", 7, RP_CLASS_CRASH},    {"sigfpe", 8, RP_CLASS_CRASH},
    {"sigkill", 9, RP_CLASS_KILLED},  {"sigsegv", 11, RP_CLASS_CRASH},
    {"sigterm", 15, RP_CLASS_KILLED}, {"sigxcpu", 24, RP_CLASS_TIMEOUT},
    {"sigsys", 31, RP_CLASS_CRASH},
};

static enum rp_class of_signal(long n)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (signals[i].n == n)
            return signals[i].class;
    return RP_CLASS_UNKNOWN;
}

/* Of shells, timeout(1), systemd and Windows. */
static enum rp_class of_exit(long n)
{
    switch (n) {
    case 124:
        return RP_CLASS_TIMEOUT;
    case 126:
    case 127:
    case 203:
        return RP_CLASS_MISSING_COMMAND;
    case 0xC0000005:
    case 0xC0000409:
    case 0xC00000FD:
    case -1073741819:
    case -1073740791:
    case -1073741571:
        return RP_CLASS_CRASH;
    case 0xC000013A:
    case -1073741510:
        return RP_CLASS_KILLED;
    default:
        return n > SIGNALS ? of_signal(n - SIGNALS) : RP_CLASS_UNKNOWN;
    }
}

/* The next word or number in lower case; false at the end. */
static bool next_word(struct rp_str *rest, char word[WORD_MAX])
{
    size_t from = 0, n = 0;
    while (from < rest->n && !is_alnum(rest->p[from]))
        from++;
    bool minus = from > 0 && rest->p[from - 1] == '-' && (from < 2 || !is_alnum(rest->p[from - 2]));
    if (from < rest->n && minus)
        word[n++] = '-';
    for (; from < rest->n && is_alnum(rest->p[from]); from++)
        if (n + 1 < WORD_MAX)
            word[n++] = to_lower(rest->p[from]);
    word[n] = '\0';
    *rest = str_from(*rest, from);
    return n > 0;
}

static bool number_of(const char *word, long *n)
{
    char *end = NULL;
    *n = strtol(word, &end, strncmp(word, "0x", 2) == 0 ? 16 : 10);
    return end != word && *end == '\0';
}

static enum rp_class of_signal_name(const char *word)
{
    for (size_t i = 0; strncmp(word, "sig", 3) == 0 && i < sizeof signals / sizeof *signals; i++)
        if (strcmp(word, signals[i].name) == 0)
            return signals[i].class;
    return RP_CLASS_UNKNOWN;
}

struct rp_ruling rp_ending_match(struct rp_str line)
{
    static const char *const exits[] = {"exit",       "exited",  "exitcode", "exitstatus",
                                        "returncode", "waitpid", NULL};
    char word[WORD_MAX];
    size_t since_exit = NEAR, since_signal = NEAR;
    while (next_word(&line, word)) {
        bool number = is_digit(word[0]) || word[0] == '-';
        long n = 0;
        enum rp_class c = of_signal_name(word);
        if (number && since_signal == 0 && number_of(word, &n))
            c = of_signal(n);
        else if (number && since_exit < NEAR && number_of(word, &n))
            c = of_exit(n);
        if (c != RP_CLASS_UNKNOWN)
            return (struct rp_ruling){c, "how the process ended", false};
        bool exit = one_of(word[0], "erw") && rp_str_in(rp_str_of(word), exits);
        since_exit = exit ? 0 : since_exit + 1;
        since_signal = strcmp(word, "signal") == 0 ? 0 : since_signal + 1;
    }
    return (struct rp_ruling){RP_CLASS_UNKNOWN, "none", false};
}
