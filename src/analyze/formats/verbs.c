/* The words by which people's runners and loggers say what happened to a run. */
#include "analyze/formats/format.h"

enum { NEAR_FRONT = 200 };

static const struct {
    const char *words;
    enum rp_verb verb;
} verbs[] = {
    {"timed out", RP_VERB_TIMEOUT},
    {"timedout", RP_VERB_TIMEOUT},
    {"timeout", RP_VERB_TIMEOUT},
    {"exceeded time limit", RP_VERB_TIMEOUT},
    {"exceeded its time limit", RP_VERB_TIMEOUT},
    {"exceeded the time limit", RP_VERB_TIMEOUT},
    {"time limit exceeded", RP_VERB_TIMEOUT},
    {"started", RP_VERB_START},
    {"starting", RP_VERB_START},
    {"start", RP_VERB_START},
    {"begin", RP_VERB_START},
    {"began", RP_VERB_START},
    {"begun", RP_VERB_START},
    {"running", RP_VERB_START},
    {"launched", RP_VERB_START},
    {"finished", RP_VERB_DONE},
    {"done", RP_VERB_DONE},
    {"completed", RP_VERB_DONE},
    {"complete", RP_VERB_DONE},
    {"succeeded", RP_VERB_DONE},
    {"success", RP_VERB_DONE},
    {"successful", RP_VERB_DONE},
    {"successfully", RP_VERB_DONE},
    {"ok", RP_VERB_DONE},
    {"ended", RP_VERB_DONE},
    {"passed", RP_VERB_DONE},
    {"exited", RP_VERB_DONE},
    {"exit", RP_VERB_DONE},
    {"end", RP_VERB_DONE},
    {"failed", RP_VERB_FAILED},
    {"failure", RP_VERB_FAILED},
    {"fail", RP_VERB_FAILED},
    {"failing", RP_VERB_FAILED},
    {"error", RP_VERB_FAILED},
    {"errored", RP_VERB_FAILED},
    {"crashed", RP_VERB_FAILED},
    {"aborted", RP_VERB_FAILED},
    {"died", RP_VERB_FAILED},
    {"raised", RP_VERB_FAILED},
    {"cancelled", RP_VERB_CANCELLED},
    {"canceled", RP_VERB_CANCELLED},
    {"skipped", RP_VERB_CANCELLED},
};

bool rp_name_byte(char c)
{
    return is_alnum(c) || one_of(c, "-_./") || (c & 0x80) != 0;
}

static bool same_words(struct rp_str s, const char *words)
{
    size_t n = strlen(words);
    return s.n >= n && rp_str_is_word(str_head(s, n), words) &&
           (s.n == n || !rp_name_byte(s.p[n]) ||
            (one_of(s.p[n], "./") && (s.n == n + 1 || is_blank(s.p[n + 1]))));
}

/* "END ok", "exit 3", "end rc=0"; not "end of stream". */
static bool says_how(struct rp_str behind)
{
    static const char *const words[] = {"code", "status", NULL};
    enum rp_verb verb;
    struct rp_str rest = str_head(rp_strip(behind, " \t", ""), 24);
    if (rest.n == 0 || is_digit(rest.p[0]) || one_of(rest.p[0], ":(-.,!"))
        return true;
    if (rp_verb_at(rest, &verb) > 0)
        return true;
    struct rp_str word = rp_take_word(&rest);
    return rp_find_byte(word, '=') != SIZE_MAX || rp_str_in(word, words);
}

static bool is_weak(const char *words)
{
    return strcmp(words, "end") == 0 || strcmp(words, "exit") == 0;
}

size_t rp_verb_at(struct rp_str s, enum rp_verb *verb)
{
    *verb = RP_VERB_NONE;
    char first = s.n > 0 ? to_lower(s.p[0]) : '\0';
    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++)
        if (verbs[v].words[0] == first && same_words(s, verbs[v].words)) {
            if (is_weak(verbs[v].words) && !says_how(str_from(s, strlen(verbs[v].words))))
                return 0;
            *verb = verbs[v].verb;
            return strlen(verbs[v].words);
        }
    return 0;
}

size_t rp_verb_find(struct rp_str s, enum rp_verb *verb)
{
    *verb = RP_VERB_NONE;
    for (size_t i = 0; i < s.n && i < NEAR_FRONT; i++)
        if (is_alpha(s.p[i]) && (i == 0 || !rp_name_byte(s.p[i - 1])) &&
            rp_verb_at(str_from(s, i), verb) > 0)
            return i;
    return SIZE_MAX;
}

/* "JobTimeoutError", "rq.timeouts.JobTimeoutException", "SoftTimeLimitExceeded" */
static bool limit_type(struct rp_str type)
{
    static const char *const names[] = {"JobTimeout",
                                        "TaskTimeout",
                                        "RunTimeout",
                                        "WorkerTimeout",
                                        "StepTimeout",
                                        "TimeLimitExceeded",
                                        "AirflowTaskTimeout",
                                        "AirflowSensorTimeout",
                                        "JobTimedOut",
                                        "TaskTimedOut",
                                        NULL};
    for (const char *const *n = names; *n != NULL; n++)
        if (str_has(type, *n))
            return true;
    return false;
}

bool rp_is_run_limit(struct rp_str type, struct rp_str message)
{
    static const char *const fronts[] = {"timed out after ", "timeout after ", "job timed out",
                                         "task timed out",   "run timed out",  NULL};
    static const char *const inside[] = {"exceeded its limit",
                                         "exceeded its time limit",
                                         "exceeded the time limit",
                                         "exceeded time limit",
                                         "time limit exceeded",
                                         "exceeded maximum timeout",
                                         "exceeded its timeout",
                                         "exceeded the maximum execution",
                                         NULL};
    if (limit_type(type))
        return true;
    message = str_head(message, 500);
    for (const char *const *f = fronts; *f != NULL; f++)
        if (message.n >= strlen(*f) && rp_str_is_word(str_head(message, strlen(*f)), *f))
            return true;
    for (const char *const *f = inside; *f != NULL; f++)
        if (str_has(message, *f))
            return true;
    return false;
}
