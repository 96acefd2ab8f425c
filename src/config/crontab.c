/* Reading a crontab line by line: jobs, variables, comments, notes. */
#include "config/crontab_internal.h"

#include "base/log.h"
#include "base/time.h"
#include "config/config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { ENV_MAX = 100, DESCRIPTION_MAX = 300 };

struct taken {
    struct rp_str name;
    int next; /* the number to try when it is asked for again */
};

struct reader {
    struct rp_crontab *c;
    struct rp_arena *a;
    const struct rp_crontab_options *o;
    struct rp_env *env; /* replaced, never changed, by the next assignment: jobs share it */
    size_t n_env;
    struct rp_str shell, mailto, zone;
    int64_t jitter_us;
    int line, line_left_out; /* the last one that became no job */
    struct taken *names;     /* a hash table of the names given; */
    size_t n_names;          /* a power of two, at least twice the lines */
    size_t jobs_cap, notes_cap, comments_cap;
};

/* Lists in the arena grow by doubling; what they leave behind goes with it. */
static void *grow(struct reader *r, void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return v;
    *cap = *cap > 0 ? 2 * *cap : 16;
    void *more = rp_alloc_n(r->a, *cap, size);
    if (n > 0)
        memcpy(more, v, n * size);
    return more;
}

__attribute__((format(printf, 2, 3))) static void note(struct reader *r, const char *fmt, ...)
{
    struct rp_crontab *c = r->c;
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->notes = grow(r, c->notes, c->n_notes, &r->notes_cap, sizeof *c->notes);
    c->notes[c->n_notes++] = (struct rp_crontab_note){r->line, rp_str_dup(r->a, rp_str_of(text))};
}

static void comment_add(struct reader *r, struct rp_str text)
{
    struct rp_crontab *c = r->c;
    c->comments = grow(r, c->comments, c->n_comments, &r->comments_cap, sizeof *c->comments);
    c->comments[c->n_comments++] = (struct rp_crontab_note){r->line, text};
}

static const char *shown(struct rp_str s)
{
    enum { SHOWN = 120 };
    return rp_log_q((struct rp_str){s.p, s.n < SHOWN ? s.n : SHOWN});
}

/* ---- variables ---- */

static void env_set(struct reader *r, struct rp_str name, struct rp_str value)
{
    size_t i = 0;
    while (i < r->n_env && !rp_str_eq(r->env[i].name, name))
        i++;
    if (i == ENV_MAX) {
        note(r, "more than %d variables: %s is left out", ENV_MAX, shown(name));
        return;
    }
    struct rp_env *env = RP_NEW_N(r->a, struct rp_env, r->n_env + 1);
    if (r->n_env > 0)
        memcpy(env, r->env, r->n_env * sizeof *env);
    env[i] = (struct rp_env){name, value};
    r->env = env;
    r->n_env += i == r->n_env;
}

static bool variable_name(struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalpha((unsigned char)s.p[i]) && s.p[i] != '_' &&
            (i == 0 || !isdigit((unsigned char)s.p[i])))
            return false;
    return s.n > 0;
}

static void set_mailto(struct reader *r, struct rp_str value)
{
    bool plain = value.n <= 200 && (value.n == 0 || value.p[0] != '-');
    for (size_t i = 0; i < value.n; i++)
        plain = plain && value.p[i] > ' ' && value.p[i] != 0x7F;
    r->mailto = plain ? value : RP_STR("");
    if (!plain)
        note(r, "MAILTO %s is not an address; add it to notify by hand", shown(value));
    else if (value.n > 0)
        note(r,
             "MAILTO: cron mails all output; Reprise keeps the output (job logs) and mails %s of "
             "incidents",
             shown(value));
}

static void set_zone(struct reader *r, struct rp_str value)
{
    struct rp_err err = {0};
    if (rp_zone_load(value, &err) != NULL)
        r->zone = value;
    else
        note(r, "CRON_TZ: %s; the lines below keep the zone before", err.message);
}

static void set_delay(struct reader *r, struct rp_str value)
{
    int64_t minutes;
    if (!rp_str_i64(value, &minutes) || minutes < 0 || minutes > 1440) {
        note(r, "RANDOM_DELAY=%s is not a number of minutes", shown(value));
        return;
    }
    r->jitter_us = minutes * RP_US_MIN;
    if (minutes > 0)
        note(r, "RANDOM_DELAY: becomes jitter, whose delay is the same each time an instant is "
                "planned");
}

static void set_shell(struct reader *r, struct rp_str value)
{
    if (value.n > 0 && value.p[0] == '/')
        r->shell = value;
    else
        note(r, "SHELL=%s is not an absolute path; /bin/sh is used", shown(value));
}

static void assignment(struct reader *r, struct rp_str name, struct rp_str value)
{
    static const char *const of_mail[] = {"MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"};
    for (size_t i = 0; i < sizeof of_mail / sizeof *of_mail; i++)
        if (rp_str_is(name, of_mail[i])) {
            note(r, "%s=%s has no equal: output is not mailed", of_mail[i], shown(value));
            return;
        }
    if (rp_str_is(name, "MAILTO"))
        set_mailto(r, value);
    else if (rp_str_is(name, "CRON_TZ"))
        set_zone(r, value);
    else if (rp_str_is(name, "RANDOM_DELAY"))
        set_delay(r, value);
    else if (rp_str_is(name, "SHELL"))
        set_shell(r, value);
    else if (!variable_name(name) || rp_str_starts(name, "REPRISE_"))
        note(r, "%s cannot be the name of a variable here", shown(name));
    else
        env_set(r, name, value);
    if (rp_str_is(name, "TZ"))
        note(
            r,
            "TZ is set for the commands, as cron does; the times stay those of the machine's zone");
    if (rp_str_find(value, RP_STR(" #")) != SIZE_MAX)
        note(r, "cron takes the comment behind a variable as part of its value, and so it is kept");
}

/* ---- jobs ---- */

static struct rp_str take_field(struct rp_str *s)
{
    size_t n = 0;
    *s = rp_str_trim(*s);
    while (n < s->n && s->p[n] != ' ' && s->p[n] != '\t')
        n++;
    struct rp_str field = {s->p, n};
    *s = rp_str_trim((struct rp_str){s->p + n, s->n - n});
    return field;
}

/* The time columns of a line off *rest: an @word or five fields joined by one space. */
static struct rp_str take_time(struct reader *r, struct rp_str *rest)
{
    struct rp_buf b = {0};
    int fields = rest->n > 0 && rest->p[0] == '@' ? 1 : 5;
    for (int i = 0; i < fields; i++) {
        if (i > 0)
            rp_buf_c(&b, ' ');
        rp_buf_str(&b, take_field(rest));
    }
    struct rp_str s = rp_str_dup(r->a, rp_buf_view(&b));
    rp_buf_free(&b);
    return s;
}

/* cronie's `~` is a time by chance within a range, chosen at each start; H is one chosen by the
 * name. */
static void random_field(struct rp_str field, int low, int high, struct rp_buf *out)
{
    struct rp_str rest = field, from, to;
    if (rp_str_find(field, RP_STR("~")) == SIZE_MAX) {
        rp_buf_str(out, field);
        return;
    }
    (void)rp_str_split(&rest, '~', &from);
    to = rest.p != NULL ? rest : RP_STR("");
    rp_buf_fmt(out, "H(%.*s", RP_FMT(from));
    if (from.n == 0)
        rp_buf_fmt(out, "%d", low);
    rp_buf_fmt(out, "-%.*s", RP_FMT(to));
    if (to.n == 0)
        rp_buf_fmt(out, "%d", high);
    rp_buf_c(out, ')');
}

static struct rp_str without_random(struct reader *r, struct rp_str fields)
{
    static const int range[5][2] = {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}};
    struct rp_buf b = {0};
    struct rp_str rest = fields, field;
    for (int i = 0; i < 5 && rp_str_split(&rest, ' ', &field); i++) {
        if (i > 0)
            rp_buf_c(&b, ' ');
        random_field(field, range[i][0], range[i][1], &b);
    }
    struct rp_str s = rp_str_dup(r->a, rp_buf_view(&b));
    rp_buf_free(&b);
    note(r, "~: cron chooses a time anew at each start; H keeps one for the job's name");
    return s;
}

/* @words that only some crons have. */
static struct rp_str other_words(struct reader *r, struct rp_str s)
{
    int64_t seconds;
    if (rp_str_is(s, "@every_minute"))
        return RP_STR("* * * * *");
    if (rp_str_is(s, "@every_second"))
        return RP_STR("@every 1s");
    if (!rp_str_i64((struct rp_str){s.p + 1, s.n - 1}, &seconds) || seconds < 1)
        return s;
    note(r, "%s: FreeBSD counts from the end of the run, Reprise from its planned start", shown(s));
    return rp_str_fmt(r->a, "@every %llds", (long long)seconds);
}

static struct rp_str our_schedule(struct reader *r, struct rp_str fields)
{
    struct rp_vixie v;
    if (fields.n > 0 && fields.p[0] == '@')
        return other_words(r, fields);
    if (rp_str_find(fields, RP_STR("~")) != SIZE_MAX)
        return without_random(r, fields);
    if (!rp_vixie_parse(fields, &v))
        note(r, "Vixie cron would not accept the time %s", shown(fields));
    return fields;
}

static struct taken *slot(struct reader *r, struct rp_str name)
{
    size_t i = rp_hash64(name) & (r->n_names - 1);
    while (r->names[i].name.p != NULL && !rp_str_eq(r->names[i].name, name))
        i = (i + 1) & (r->n_names - 1);
    return &r->names[i];
}

/* base, base-2, base-3 …: the first that is free. */
static struct rp_str unique_name(struct reader *r, struct rp_str base)
{
    struct taken *of_base = slot(r, base), *free_slot = of_base;
    struct rp_str name = base;
    while (free_slot->name.p != NULL) {
        of_base->next += of_base->next == 0 ? 2 : 1;
        name = rp_str_fmt(r->a, "%.*s-%d", RP_FMT(base), of_base->next);
        free_slot = slot(r, name);
    }
    free_slot->name = name;
    return name;
}

static struct rp_crontab_job *job_new(struct reader *r)
{
    struct rp_crontab *c = r->c;
    c->jobs = grow(r, c->jobs, c->n_jobs, &r->jobs_cap, sizeof *c->jobs);
    return &c->jobs[c->n_jobs];
}

/* Help texts that stand in crontabs above the first entry, not about it. */
static bool help_text(struct rp_str s)
{
    static const char *const marks[] = {"dow", "day of week", "day-of-week", ".---", "|  |"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (rp_str_find(s, rp_str_of(marks[i])) != SIZE_MAX)
            return true;
    return false;
}

/* The comments directly above a job become its description, and leave the list of the others. */
static struct rp_str take_description(struct reader *r)
{
    struct rp_crontab *c = r->c;
    struct rp_buf b = {0};
    size_t first = c->n_comments;
    for (int line = r->line - 1; line > r->line_left_out; line--)
        if (first > 0 && c->comments[first - 1].line == line)
            first--;
        else
            break;
    for (size_t i = first; i < c->n_comments; i++)
        rp_buf_fmt(&b, "%s%.*s", i > first ? " " : "", RP_FMT(c->comments[i].text));
    struct rp_str s = rp_str_trim(rp_buf_view(&b));
    bool fits = s.n > 0 && s.n <= DESCRIPTION_MAX && !help_text(s);
    s = fits ? rp_str_dup(r->a, s) : RP_NONE;
    if (fits)
        c->n_comments = first;
    rp_buf_free(&b);
    return s;
}

/* Marks before the time or command that only some crons have. */
static void take_marks(struct reader *r, struct rp_str *rest, struct rp_str line)
{
    while (rest->n > 2 && rest->p[0] == '-' && isalpha((unsigned char)rest->p[1]) &&
           (rest->p[2] == ' ' || rest->p[2] == '\t')) {
        struct rp_str flag = take_field(rest);
        note(r, "%s before the command (FreeBSD, OpenBSD) has no equal and is left out: %s",
             shown(flag), shown(line));
    }
}

/* A line that cannot become a job stays as a comment, with its reason in a note. */
static void left_out(struct reader *r, struct rp_str line, const char *why)
{
    r->line_left_out = r->line;
    note(r, "not imported, %s: %s", why, shown(line));
    comment_add(r, rp_str_fmt(r->a, "not imported: %.*s", RP_FMT(line)));
}

static bool fill_job(struct reader *r, struct rp_crontab_job *job, struct rp_str rest,
                     struct rp_str line)
{
    struct rp_err err = {0};
    struct rp_cron cron;
    job->fields = take_time(r, &rest);
    if (r->o->system_form)
        job->user = take_field(&rest);
    take_marks(r, &rest, line);
    rp_crontab_percent(r->a, rest, &job->command, &job->stdin_text);
    if (rp_str_trim(job->command).n == 0) {
        left_out(r, line, "there is no command");
        return false;
    }
    job->name = rp_crontab_name(r->a, job->command);
    job->schedule = our_schedule(r, job->fields);
    if (rp_cron_parse(job->schedule, job->name, &cron, &err))
        return true;
    left_out(r, line, err.message);
    return false;
}

static void entry(struct reader *r, struct rp_str line)
{
    struct rp_str rest = line;
    if (rest.p[0] == '-') { /* cronie, SUSE: not in the system's log */
        rest.p++, rest.n--;
        note(r, "the hyphen before the time (no entry in the log) has no equal");
    }
    struct rp_crontab_job *job = job_new(r);
    *job = (struct rp_crontab_job){.line = r->line,
                                   .shell = r->shell,
                                   .mailto = r->mailto,
                                   .zone = r->zone,
                                   .env = r->env,
                                   .n_env = r->n_env,
                                   .jitter_us = r->jitter_us};
    if (!fill_job(r, job, rest, line))
        return;
    job->name = unique_name(r, job->name);
    job->description = take_description(r);
    r->c->n_jobs++;
}

/* ---- lines ---- */

static void comment(struct reader *r, struct rp_str text)
{
    while (text.n > 0 && text.p[0] == '#')
        text.p++, text.n--;
    comment_add(r, rp_str_trim(text));
}

static void one_line(struct reader *r, struct rp_str line)
{
    struct rp_str name, value;
    if (rp_str_ends(line, "\r")) {
        line.n--;
        note(r, "cron takes the carriage return at the end as part of the line; it is left out");
    }
    line = rp_str_trim(line);
    if (line.n == 0)
        return;
    if (line.p[0] == '#')
        comment(r, line);
    else if (rp_crontab_env(line, &name, &value))
        assignment(r, name, value);
    else
        entry(r, line);
}

/* A copy in which every byte can stand in YAML: what is not UTF-8, and NUL, become U+FFFD. */
static struct rp_str clean_text(struct reader *r, struct rp_str text)
{
    struct rp_buf b = {0};
    size_t bad = 0;
    int line = 1;
    for (size_t i = 0; i < text.n;) {
        size_t n = 1;
        while (n <= 4 && n <= text.n - i && !rp_utf8_valid((struct rp_str){text.p + i, n}))
            n++;
        bool ok = n <= 4 && n <= text.n - i && text.p[i] != '\0';
        if (ok)
            rp_buf_add(&b, text.p + i, n);
        else
            rp_buf_str(&b, RP_STR("\xEF\xBF\xBD"));
        line += text.p[i] == '\n';
        if (!ok && bad++ == 0)
            r->line = line;
        i += ok ? n : 1;
    }
    if (bad > 0)
        note(r, "%zu bytes, the first in this line, are not UTF-8 and were replaced", bad);
    r->line = 0;
    struct rp_str s = rp_str_dup(r->a, rp_buf_view(&b));
    rp_buf_free(&b);
    return s;
}

static bool read_lines(struct reader *r, struct rp_str text, struct rp_err *err)
{
    struct rp_str rest = clean_text(r, text), line;
    while (rp_str_split(&rest, '\n', &line)) {
        r->line++;
        if (rest.p == NULL && line.n > 0)
            note(r, "cron ignores a last line without a line feed; here it counts");
        one_line(r, line);
        if (r->c->n_jobs >= RP_CRONTAB_JOBS_MAX)
            return rp_fail(err, RP_E_TOO_LARGE, "%.*s has more than %d jobs", RP_FMT(r->c->name),
                           RP_CRONTAB_JOBS_MAX);
    }
    return true;
}

static size_t table_size(struct rp_str text)
{
    size_t lines = 1, size = 16;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    while (size < 2 * lines && size < (size_t)4 * RP_CRONTAB_JOBS_MAX)
        size *= 2;
    return size;
}

bool rp_crontab_import(struct rp_str text, const struct rp_crontab_options *o,
                       struct rp_crontab *out, struct rp_err *err)
{
    struct reader r = {.c = out, .a = &out->arena, .o = o, .shell = RP_STR("/bin/sh")};
    struct rp_buf yaml = {.limit = RP_CONFIG_BYTES_MAX};
    *out = (struct rp_crontab){.zone = RP_STR("UTC"), .name = RP_STR("crontab")};
    if (o->name.n > 0 && rp_utf8_valid(o->name))
        out->name = rp_str_dup(r.a, o->name);
    if (o->zone.n > 0 && rp_zone_load(o->zone, NULL) != NULL)
        out->zone = rp_str_dup(r.a, o->zone);
    else if (o->zone.n > 0)
        note(&r, "%s is no known zone; UTC is used", shown(o->zone));
    if (text.n > RP_CRONTAB_BYTES_MAX)
        return rp_fail(err, RP_E_TOO_LARGE, "%.*s is larger than 1 MB", RP_FMT(out->name));
    r.n_names = table_size(text);
    r.names = rp_xcalloc(r.n_names, sizeof *r.names);
    bool ok = read_lines(&r, text, err);
    if (ok) {
        rp_crontab_yaml(out, &yaml);
        out->yaml = rp_str_dup(r.a, rp_buf_view(&yaml));
        if (yaml.overflow)
            ok = rp_fail(err, RP_E_TOO_LARGE, "%.*s becomes more than 4 MB", RP_FMT(out->name));
    }
    rp_buf_free(&yaml);
    free(r.names);
    return ok;
}

void rp_crontab_free(struct rp_crontab *c)
{
    rp_arena_free(&c->arena);
}
