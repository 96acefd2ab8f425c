/* An imported crontab as a configuration. */
#include "config/crontab_internal.h"

#include "base/time.h"

/* Code point at i and its length; a noncharacter for a byte of no sequence, as where a note was
 * cut. */
static uint32_t code_point(struct rp_str s, size_t i, size_t *len)
{
    unsigned char c = (unsigned char)s.p[i];
    *len = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (*len > s.n - i || !rp_utf8_valid((struct rp_str){s.p + i, *len})) {
        *len = 1;
        return 0xFFFF;
    }
    uint32_t v = *len == 1 ? c : c & (0x7Fu >> *len);
    for (size_t k = 1; k < *len; k++)
        v = v << 6 | ((unsigned char)s.p[i + k] & 0x3F);
    return v;
}

/* What a YAML text cannot or should not hold as it is: controls, other line breaks, byte order
 * marks, noncharacters. */
static bool printable(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7F && c < 0xA0) && c != 0x2028 && c != 0x2029 && c != 0xFEFF &&
           (c & 0xFFFE) != 0xFFFE;
}

/* In double quotes; ${ is escaped so that it stays what it is. */
static void quoted(struct rp_buf *out, struct rp_str s)
{
    size_t len;
    rp_buf_c(out, '"');
    for (size_t i = 0; i < s.n; i += len) {
        uint32_t c = code_point(s, i, &len);
        if (c == '\n')
            rp_buf_str(out, RP_STR("\\n"));
        else if (c == '\t')
            rp_buf_str(out, RP_STR("\\t"));
        else if (c == '"' || c == '\\')
            rp_buf_fmt(out, "\\%c", (char)c);
        else if (c == '$' && i + 1 < s.n && s.p[i + 1] == '{')
            rp_buf_str(out, RP_STR("$$"));
        else if (!printable(c))
            rp_buf_fmt(out, "\\U%08x", (unsigned)c);
        else
            rp_buf_add(out, s.p + i, len);
    }
    rp_buf_c(out, '"');
}

static void comment_line(struct rp_buf *out, const char *before, struct rp_str s)
{
    size_t len;
    rp_buf_fmt(out, "%s#%s", before, s.n > 0 ? " " : "");
    for (size_t i = 0; i < s.n; i += len) {
        uint32_t c = code_point(s, i, &len);
        if (printable(c) || c == '\t')
            rp_buf_add(out, s.p + i, len);
        else
            rp_buf_c(out, '?');
    }
    rp_buf_c(out, '\n');
}

static void pair(struct rp_buf *out, const char *key, struct rp_str value)
{
    rp_buf_fmt(out, "    %s: ", key);
    quoted(out, value);
    rp_buf_c(out, '\n');
}

static bool same_zone(struct rp_str a, struct rp_str b)
{
    return a.p == b.p || rp_str_eq(a, b);
}

/* Variables of `env` that `base` has not, or with another value. */
static size_t env_print(struct rp_buf *out, const char *before, const struct rp_env *env, size_t n,
                        const struct rp_env *base, size_t n_base)
{
    size_t printed = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n_base && !rp_str_eq(base[k].name, env[i].name))
            k++;
        if (base != NULL && k < n_base && rp_str_eq(base[k].value, env[i].value))
            continue;
        if (printed++ == 0)
            rp_buf_fmt(out, "%senv:\n", before);
        rp_buf_fmt(out, "%s  %.*s: ", before, RP_FMT(env[i].name));
        quoted(out, env[i].value);
        rp_buf_c(out, '\n');
    }
    return printed;
}

/* Cron starts a command in $HOME. */
static void folder(const struct rp_crontab_job *j, struct rp_buf *out)
{
    for (size_t i = 0; i < j->n_env; i++)
        if (rp_str_is(j->env[i].name, "HOME") && rp_str_starts(j->env[i].value, "/"))
            pair(out, "cwd", j->env[i].value);
}

static void command(const struct rp_crontab_job *j, struct rp_buf *out)
{
    folder(j, out);
    if (rp_str_is(j->shell, "/bin/sh")) {
        pair(out, "shell", j->command);
    } else {
        rp_buf_str(out, RP_STR("    run: ["));
        quoted(out, j->shell);
        rp_buf_str(out, RP_STR(", \"-c\", "));
        quoted(out, j->command);
        rp_buf_str(out, RP_STR("]\n"));
    }
    if (j->stdin_text.p != NULL)
        pair(out, "stdin", j->stdin_text);
}

static void one_job(const struct rp_crontab_job *j, const struct rp_crontab_job *first,
                    struct rp_buf *out)
{
    char delay[RP_DURATION_LEN];
    rp_buf_fmt(out, "  %.*s: # line %d\n", RP_FMT(j->name), j->line);
    if (j->description.n > 0)
        pair(out, "description", j->description);
    pair(out, "schedule", j->schedule);
    if (!same_zone(j->zone, first->zone))
        pair(out, "timezone", j->zone);
    if (j->jitter_us > 0)
        rp_buf_fmt(out, "    jitter: %s\n", rp_duration_format(j->jitter_us, delay));
    if (j->user.n > 0)
        pair(out, "user", j->user);
    command(j, out);
    (void)env_print(out, "    ", j->env, j->n_env, first->env, first->n_env);
}

/* What cron does with every line and Reprise would not by itself. */
static void defaults(const struct rp_crontab *c, struct rp_buf *out)
{
    struct rp_str zone = c->zone;
    if (c->n_jobs > 0 && c->jobs[0].zone.p != NULL)
        zone = c->jobs[0].zone;
    rp_buf_str(out, RP_STR("defaults: # as cron does\n  timezone: "));
    quoted(out, zone);
    rp_buf_str(out, RP_STR("\n  overlap: allow # skip is safer, if a run may take longer than the "
                           "time to the next\n"
                           "  missed: skip # run-once makes up for a time when the machine was "
                           "down, as anacron does\n"
                           "  umask: 022\n"));
    rp_buf_str(out, RP_STR("  # cron starts commands in the home folder of their user: give cwd to "
                           "those that rely on it\n"));
    if (c->n_jobs > 0)
        (void)env_print(out, "  ", c->jobs[0].env, c->jobs[0].n_env, NULL, 0);
}

/* Prints the comments that stand before a line; returns the first that does not. */
static size_t comments_before(const struct rp_crontab *c, size_t from, int line, struct rp_buf *out)
{
    for (; from < c->n_comments && c->comments[from].line < line; from++)
        comment_line(out, "  ", c->comments[from].text);
    return from;
}

static void jobs(const struct rp_crontab *c, struct rp_buf *out)
{
    size_t next = 0;
    rp_buf_fmt(out, "jobs:%s\n", c->n_jobs == 0 ? " {}" : "");
    for (size_t i = 0; i < c->n_jobs; i++) {
        next = comments_before(c, next, c->jobs[i].line, out);
        one_job(&c->jobs[i], &c->jobs[0], out);
    }
    (void)comments_before(c, next, INT32_MAX, out);
}

static bool told_before(const struct rp_crontab *c, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (rp_str_eq(c->jobs[k].mailto, c->jobs[i].mailto))
            return true;
    return false;
}

static void one_address(const struct rp_crontab *c, size_t first, struct rp_buf *out)
{
    struct rp_str to = c->jobs[first].mailto;
    size_t n = 0;
    for (size_t i = first; i < c->n_jobs; i++)
        n += rp_str_eq(c->jobs[i].mailto, to);
    rp_buf_str(out, RP_STR("  - email: "));
    quoted(out, to);
    if (n < c->n_jobs) {
        rp_buf_str(out, RP_STR("\n    jobs: ["));
        for (size_t i = first, k = 0; i < c->n_jobs; i++)
            if (rp_str_eq(c->jobs[i].mailto, to)) {
                rp_buf_str(out, k++ > 0 ? RP_STR(", ") : RP_STR(""));
                quoted(out, c->jobs[i].name);
            }
        rp_buf_c(out, ']');
    }
    rp_buf_c(out, '\n');
}

static void notify(const struct rp_crontab *c, struct rp_buf *out)
{
    bool any = false;
    for (size_t i = 0; i < c->n_jobs; i++) {
        if (c->jobs[i].mailto.n == 0 || told_before(c, i))
            continue;
        if (!any)
            rp_buf_str(out, RP_STR("notify: # MAILTO\n"));
        any = true;
        one_address(c, i, out);
    }
}

void rp_crontab_yaml(struct rp_crontab *c, struct rp_buf *out)
{
    comment_line(out, "", rp_str_fmt(&c->arena, "Imported from %.*s", RP_FMT(c->name)));
    for (size_t i = 0; i < c->n_notes; i++)
        comment_line(
            out, "",
            rp_str_fmt(&c->arena, "line %d: %.*s", c->notes[i].line, RP_FMT(c->notes[i].text)));
    defaults(c, out);
    jobs(c, out);
    notify(c, out);
}
