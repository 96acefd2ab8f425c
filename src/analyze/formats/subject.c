#include "analyze/formats/subject.h"

enum { TOKENS_MAX = 8 };

static const char *const levels[] = {"trace",    "debug",  "info",  "notice", "warn",
                                     "warning",  "error",  "err",   "fatal",  "crit",
                                     "critical", "severe", "emerg", "alert",  NULL};

bool rp_is_level(struct rp_str word)
{
    return rp_str_in(word, levels);
}

struct rp_str rp_token(struct rp_str *rest)
{
    *rest = rp_strip(*rest, " \t", "");
    size_t n = 0;
    while (n < rest->n && !is_blank(rest->p[n]))
        n++;
    struct rp_str t = str_head(*rest, n);
    *rest = str_from(*rest, n);
    return t;
}

/* Numbers, hex, UUIDs, and words with digits in them where an id may stand. */
static bool id_like(struct rp_str s)
{
    size_t digits = 0, hex = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum(s.p[i]) && !one_of(s.p[i], "-_:."))
            return false;
        digits += is_digit(s.p[i]);
        hex += is_hex(s.p[i]) || s.p[i] == '-';
    }
    return digits > 0 && (is_digit(s.p[0]) || digits * 3 >= s.n || (s.n >= 8 && hex == s.n));
}

static bool take_name(struct rp_subject *s, struct rp_str name, int rank)
{
    name = rp_strip(name, "\"'`", "\"'`");
    if (name.n == 0 || (rank == 1 && s->rank == 1 && !s->logger))
        return false; /* two plain words side by side are prose */
    if (rank >= s->rank) {
        s->name = name;
        s->rank = rank;
    }
    return true;
}

static bool all_digits(struct rp_str s)
{
    size_t n = 0;
    while (n < s.n && is_digit(s.p[n]))
        n++;
    return n > 0 && n == s.n;
}

/* name[id], name#id, name(id), name/7 */
static bool take_pair(struct rp_subject *s, struct rp_str t)
{
    for (size_t i = 1; i + 1 < t.n; i++) {
        bool closed =
            (t.p[i] == '[' && rp_str_ends(t, "]")) || (t.p[i] == '(' && rp_str_ends(t, ")"));
        bool path = t.p[i] == '/' && all_digits(str_from(t, i + 1)) &&
                    rp_find_byte(str_head(t, i), '/') == SIZE_MAX;
        if (!closed && t.p[i] != '#' && !path)
            continue;
        static const char *const job[] = {"job", "task", "run", NULL};
        struct rp_str name = str_head(t, i);
        s->id = rp_strip((struct rp_str){t.p + i + 1, t.n - i - 1 - (closed ? 1u : 0u)}, "#", "");
        return s->id.n > 0 && (rp_str_in(name, job) || take_name(s, name, 3));
    }
    return false;
}

static bool take_key_value(struct rp_subject *s, struct rp_str t)
{
    static const char *const names[] = {"job", "task", "name", "type", "job_name", "jobname", NULL};
    static const char *const ids[] = {"id",           "job_id",      "jobid", "run",
                                      "run_id",       "task_id",     "jid",   "pid",
                                      "execution_id", "executionid", "runid", NULL};
    struct rp_str key, value = t;
    if (!rp_str_split(&value, '=', &key) || value.n == 0)
        return false;
    if (rp_str_in(key, ids))
        s->id = rp_strip(value, "\"'#", "\"'");
    else if (rp_str_in(key, names))
        return take_name(s, value, 3);
    return true;
}

static bool take_brackets(struct rp_subject *s, struct rp_str t)
{
    size_t seam = rp_str_find(t, RP_STR("]["));
    if (seam != SIZE_MAX) /* [name][id] */
        return take_brackets(s, str_head(t, seam + 1)) && take_brackets(s, str_from(t, seam + 1));
    struct rp_str in = {t.p + 1, t.n - 2};
    if (rp_is_level(in))
        return true;
    if (take_key_value(s, in) || (str_has(in, "#") && take_pair(s, in)))
        return true;
    if (id_like(rp_strip(in, "#", ""))) {
        s->id = rp_strip(in, "#", "");
        return true;
    }
    if (t.p[0] != '(')
        return take_name(s, in, 2);
    if (s->rank == 0 && s->id.n > 0 && is_alpha(in.p[0])) /* "job 7f3a… (nightly-backup)" */
        return take_name(s, in, 3);
    return true;
}

static bool take_word(struct rp_subject *s, struct rp_str t)
{
    static const char *const job[] = {"job", "task", "jobs", "run", "cron", "cronjob", NULL};
    static const char *const fill[] = {
        "has",  "is",    "was", "with", "id", "execution", "of",   "the",       "status", "state",
        "name", "named", "-",   "|",    "->", "=>",        "been", "scheduled", NULL};
    bool colon = rp_str_ends(t, ":"), after_job = s->after_job;
    t = rp_strip(t, "\"'`", ":,;\"'`");
    s->after_job = false;
    if (t.n == 0 || rp_str_in(t, fill)) {
        s->logger = s->logger || (s->rank == 1 && rp_str_is(t, "-"));
        s->after_job = after_job;
        return true;
    }
    if (rp_str_in(t, job)) {
        s->after_job = true;
        return true;
    }
    if (t.p[0] == '#' || (id_like(t) && (s->rank > 0 || after_job))) {
        s->id = rp_strip(t, "#", "");
        return true;
    }
    if (!take_name(s, t, after_job ? 3 : 1))
        return false;
    s->logger = colon && !after_job;
    return true;
}

/* "(id" and "7)" of "(id 7)" */
static struct rp_str balanced(struct rp_str t)
{
    size_t open = 0, close = 0;
    for (size_t i = 0; i < t.n; i++) {
        open += t.p[i] == '(' || t.p[i] == '[';
        close += t.p[i] == ')' || t.p[i] == ']';
    }
    return open > close ? rp_strip(t, "([", "") : close > open ? rp_strip(t, "", ")]:,;") : t;
}

bool rp_subject_read(struct rp_str text, struct rp_subject *s)
{
    *s = (struct rp_subject){.name = RP_STR(""), .id = RP_STR("")};
    for (int i = 0; i < TOKENS_MAX; i++) {
        struct rp_str t = balanced(rp_token(&text));
        if (t.n == 0 && text.n == 0)
            return s->rank > 0 || s->id.n > 0;
        if (t.n == 0)
            continue;
        struct rp_str core = rp_strip(t, "", ":,;");
        if (core.n > 2 && ((core.p[0] == '[' && rp_str_ends(core, "]")) ||
                           (core.p[0] == '(' && rp_str_ends(core, ")")) ||
                           (core.p[0] == '<' && rp_str_ends(core, ">")))) {
            if (!take_brackets(s, core))
                return false;
        } else if (!take_pair(s, core) && !take_key_value(s, core) && !take_word(s, t)) {
            return false;
        }
    }
    return false;
}

/* "Execution of job x started, executionId=7" */
void rp_subject_find_id(struct rp_str after, struct rp_subject *s)
{
    struct rp_subject behind = {.name = RP_STR(""), .id = RP_STR("")};
    for (int i = 0; i < TOKENS_MAX && after.n > 0; i++) {
        struct rp_str t = rp_strip(rp_token(&after), "", ",;:");
        if (rp_find_byte(t, '=') != SIZE_MAX)
            (void)take_key_value(&behind, t);
    }
    s->id = behind.id;
}
