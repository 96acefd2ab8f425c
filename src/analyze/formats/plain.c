/* Logs that people's own runners write: a time, a job, a word for what happened.
 *
 *     2026-11-23T22:59:10Z [invoice-pdf] job 1202 finished in 0.3s
 *     2026-11-23 22:59:10,616 ERROR reconciliation[3001] failed after 0.3s: [Errno 111] …
 *     [2026/11/23 22:59:10] INFO: Job nightly-backup (id=7) completed successfully
 *     Nov 23 22:59:10 web-1 runner[12]: Starting job sync#88
 *
 * Lines without a time are output of jobs. A stack trace right after a failure belongs to it; other
 * output belongs to the run that ends next, if that fails. A name without id that only ever starts
 * is a program, not a job. */
#include "analyze/formats/json_lines.h"
#include "analyze/formats/subject.h"

enum { SUBJECT_MAX = 200 };

static const char *const bad_levels[] = {"error",    "err",    "fatal", "crit",
                                         "critical", "severe", NULL};

struct event {
    int64_t at_us;
    enum rp_verb verb;
    struct rp_str name, id, text; /* text: from the verb on */
    int64_t attempt;
    bool strong;    /* the name stands where only a job's name stands: name[id], "job name" */
    bool bad_level; /* the line is of level error or worse */
};

/* ---- the line ---- */

/* Arrows, ticks, crosses, clocks and the like: words of characters from U+2000 on. */
static struct rp_str skip_symbols(struct rp_str s)
{
    enum { LONGEST = 8 };
    struct rp_str rest = s, word = rp_token(&rest);
    bool symbols = word.n > 0 && word.n <= LONGEST && one_of(word.p[0], "\xE2\xE3\xEF\xF0");
    for (size_t i = 0; i < word.n && symbols; i++)
        symbols = (word.p[i] & 0x80) != 0;
    return symbols ? rp_strip(rest, " \t", "") : s;
}

/* Takes levels and separators off the front. */
static struct rp_str skip_levels(struct rp_str s, bool *bad)
{
    for (;;) {
        s = skip_symbols(rp_strip(s, " \t-|:>*=", ""));
        if (rp_str_starts(s, "<-"))
            s = rp_strip(s, "<- ", "");
        struct rp_str rest = s, word = rp_strip(rp_token(&rest), "[<(", "]>):,");
        if (!rp_is_level(word))
            return s;
        *bad = *bad || rp_str_in(word, bad_levels);
        s = rest;
    }
}

static bool separator(struct rp_str *rest)
{
    struct rp_str after = *rest, t = rp_token(&after);
    if (!rp_str_is(t, "-") && !rp_str_is(t, "|"))
        return false;
    *rest = after;
    return true;
}

/* "[right meow!] info: …": a label of several words is no job's name. */
static struct rp_str skip_label(struct rp_str s)
{
    struct rp_str rest = s, label = rp_take_until(&rest, ']'), level = rest;
    bool words = rp_str_starts(s, "[") && label.n < 80 && rp_find_byte(label, ' ') != SIZE_MAX;
    level = rp_token(&level);
    return words && rp_str_ends(level, ":") && rp_is_level(rp_strip(level, "", ":")) ? rest : s;
}

/* "app.worker - ERROR - ", "app.worker: ERROR: " in front of the message. */
static struct rp_str skip_logger(struct rp_str s, bool *bad)
{
    size_t spring = rp_str_find(str_head(s, 160), RP_STR(" : "));
    if (spring != SIZE_MAX && str_has(str_head(s, 24), "--- ["))
        return str_from(s, spring + 3); /* Spring Boot: "7 --- [thread] c.a.Runner   : " */
    struct rp_str unlabelled = skip_label(s);
    if (unlabelled.n < s.n)
        return skip_levels(unlabelled, bad);
    struct rp_str rest = s, name = rp_token(&rest), behind = rest, next = rp_token(&behind);
    if (rp_is_level(next) && is_upper(next.p[0]) && is_upper(next.p[next.n - 1])) {
        *bad = *bad || rp_str_in(next, bad_levels); /* "worker-1 INFO …" */
        return rp_strip(behind, " \t-|:", "");
    }
    if (!rp_str_ends(name, ":") && !separator(&rest))
        return s;
    struct rp_str level = rp_token(&rest), word = rp_strip(level, "[<(", "]>):,");
    if (!rp_is_level(word) || (!one_of(level.p[level.n - 1], ":]") && !separator(&rest)))
        return s;
    *bad = *bad || rp_str_in(word, bad_levels);
    return rp_strip(rest, " \t", "");
}

/* After a leading verb ("Starting job x (id 7) now"): up to what is no longer the subject. */
static struct rp_str subject_behind(struct rp_str s)
{
    static const char *const stops[] = {" in ", " after ",   " with ", " at ", ": ",
                                        ", ",   " because ", "...",    NULL};
    s = str_head(s, SUBJECT_MAX);
    for (const char *const *p = stops; *p != NULL; p++) {
        size_t at = rp_str_find(s, rp_str_of(*p));
        if (at != SIZE_MAX)
            s.n = at;
    }
    return rp_strip(s, " \t:", " \t.");
}

/* What may follow the verb where only a plain word names the job; else it is prose. */
static bool plain_tail(struct rp_str after)
{
    static const char *const words[] = {"in",      "after",        "with",    "at",
                                        "attempt", "successfully", "because", "due",
                                        "run",     "job",          NULL};
    struct rp_str rest = rp_strip(after, " \t", "");
    if (rest.n == 0 || one_of(rest.p[0], "(:.!-"))
        return true;
    return rp_str_in(rp_strip(rp_token(&rest), "", ",.:;"), words);
}

static size_t verb_len(struct rp_str s)
{
    enum rp_verb verb;
    return rp_verb_at(s, &verb);
}

/* The number behind a word such as "attempt" or "exit code", -1: none. */
static int64_t number_behind(struct rp_str s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n < s.n && i < 512; i++) {
        if (!rp_str_is_word((struct rp_str){s.p + i, n}, word))
            continue;
        struct rp_str rest = rp_strip(str_from(s, i + n), " =:#", "");
        size_t len = 0;
        int64_t v;
        while (len < rest.n && is_digit(rest.p[len]))
            len++;
        if (rp_str_i64(str_head(rest, len), &v))
            return v;
    }
    return -1;
}

static int64_t read_attempt(struct rp_str s)
{
    int64_t n = number_behind(s, "attempt");
    if (n < 0)
        n = number_behind(s, "try ");
    if (n < 0 && (n = number_behind(s, "retry")) >= 0)
        n++; /* the first retry is the second attempt */
    return n > 0 ? n : 0;
}

static int64_t exit_code(struct rp_str s)
{
    static const char *const words[] = {"exit code", "exit status", "exit_code", "exitcode",
                                        "with code", "with status", "returned",  "rc",
                                        "status",    "code",        "exit",      NULL};
    for (const char *const *w = words; *w != NULL; w++) {
        int64_t n = number_behind(s, *w);
        if (n >= 0)
            return n;
    }
    return -1;
}

/* "finished with exit code 1", "completed: failed", "failed with exit code 124" */
static enum rp_verb refine(enum rp_verb verb, struct rp_str text)
{
    int64_t code = exit_code(text);
    if (verb == RP_VERB_DONE && code < 0) {
        enum rp_verb second;
        size_t len = verb_len(text), at = rp_verb_find(str_head(str_from(text, len), 40), &second);
        return at != SIZE_MAX && second != RP_VERB_START ? second : RP_VERB_DONE;
    }
    if (verb == RP_VERB_DONE && code > 0)
        return code == 124 ? RP_VERB_TIMEOUT : RP_VERB_FAILED;
    if (verb == RP_VERB_FAILED && rp_str_is_word(str_head(text, 7), "aborted")) {
        enum rp_verb why; /* "aborted: timeout" */
        return rp_verb_find(str_head(str_from(text, 7), 12), &why) != SIZE_MAX &&
                       why == RP_VERB_TIMEOUT
                   ? RP_VERB_TIMEOUT
                   : verb;
    }
    return verb == RP_VERB_FAILED && code == 124 ? RP_VERB_TIMEOUT : verb;
}

static bool read_body(struct rp_str body, struct event *e)
{
    struct rp_subject s;
    size_t at = rp_verb_find(body, &e->verb);
    e->name = e->id = e->text = RP_STR("");
    if (at == SIZE_MAX) { /* no event, but perhaps about a job */
        e->verb = RP_VERB_NONE;
        struct rp_str rest = body, first = rp_token(&rest);
        e->text = body;
        if (!rp_subject_read(rp_strip(first, "", ":"), &s) || s.rank < 3 || s.id.n == 0)
            return false;
    } else {
        size_t len = verb_len(str_from(body, at));
        struct rp_str before = str_head(body, at), after = str_from(body, at + len);
        bool leads = rp_str_trim(before).n == 0;
        e->text = str_from(body, at);
        if (!rp_subject_read(leads ? subject_behind(after) : before, &s))
            return false;
        if (s.id.n == 0 && s.rank < 3 && (leads || (s.rank == 1 && !plain_tail(after))))
            return false;
        if (s.id.n == 0)
            rp_subject_find_id(after, &s);
        e->verb = refine(e->verb, e->text);
        e->attempt = read_attempt(body);
    }
    e->name = s.name;
    e->id = s.id;
    e->strong = s.rank >= 3 || s.id.n > 0;
    return true;
}

/* False: the line has no time, it is output. *known: it tells of a job. */
static bool read_line(struct rp_stamp *st, struct rp_str line, struct event *e, bool *known)
{
    bool syslog;
    *e = (struct event){0};
    struct rp_str s = skip_levels(line, &e->bad_level);
    s = s.n == line.n || s.n == 0 || is_digit(s.p[0]) || s.p[0] == '[' ? s : line;
    *known = false;
    if (rp_take_front(st, &s, &e->at_us, &e->bad_level)) {
        *known = read_body(s, e);
        return true;
    }
    if (!rp_stamp_take(st, &s, &e->at_us, &syslog))
        return false;
    if (syslog) { /* host and "program[pid]:" */
        struct rp_str host = rp_token(&s), rest = s, tag = rp_token(&rest);
        if (rp_str_ends(host, ":") || !rp_str_ends(tag, ":"))
            return true;
        s = rest;
    }
    *known = read_body(skip_logger(skip_levels(s, &e->bad_level), &e->bad_level), e);
    return true;
}

/* ---- runs ---- */

static void forget_loose(struct rp_joblog *l)
{
    l->stats.unassigned_lines += l->loose.lines;
    rp_tail_clear(&l->loose);
}

/* A started name without id: a job only if some run of that name ended. */
static void close_unfinished(struct rp_joblog *l, struct rp_open_run *r)
{
    if (r->id.n == 0 && !rp_log_was_ended(l, rp_hash64(r->type))) {
        l->stats.unassigned_lines++;
        rp_log_drop(l, r);
        return;
    }
    rp_log_close(l, r, RP_RUN_UNFINISHED, RP_NO_TIME);
}

static struct rp_open_run *find_run(struct rp_joblog *l, const struct event *e)
{
    if (e->name.n > 0 && e->id.n > 0)
        return rp_log_find(l, e->name, e->id);
    for (size_t i = l->n_open; i > 0; i--) { /* one of the two is all that the line says */
        struct rp_open_run *r = l->open[i - 1];
        if (r != l->pending &&
            rp_str_eq(e->id.n > 0 ? r->id : r->type, e->id.n > 0 ? e->id : e->name))
            return r;
    }
    return NULL;
}

static struct rp_open_run *begin(struct rp_joblog *l, const struct event *e, int64_t at_us)
{
    struct rp_open_run *r = rp_log_open(l, e->name.n > 0 ? e->name : RP_STR("job"), e->id, at_us);
    r->attempt = e->attempt;
    return r;
}

static void on_failed(struct rp_joblog *l, const struct event *e, struct rp_open_run *r,
                      enum rp_run_outcome outcome)
{
    bool printed = l->loose.lines > 0;
    if (printed)
        rp_tail_text(&r->error, (struct rp_str){l->loose.p, l->loose.n});
    rp_tail_add(&r->error, e->text);
    rp_tail_clear(&l->loose);
    rp_log_settle(l, r, outcome, e->at_us);
    if (printed)
        rp_log_settled(l); /* it has said why; what follows is output of others */
}

/* "sync skipped: still running" is not the end of the run that is. */
static bool never_ran(const struct event *e, const struct rp_open_run *r)
{
    return rp_str_is_word(str_head(e->text, 7), "skipped") && (r == NULL || e->id.n == 0);
}

static void on_end(struct rp_joblog *l, const struct event *e)
{
    struct rp_open_run *r = find_run(l, e);
    bool prose = r == NULL && !e->strong && l->names_jobs; /* "upload done", by a job */
    if (never_ran(e, r) || prose) {
        l->stats.unassigned_lines++;
        return;
    }
    if (r == NULL && e->id.n > 0)
        rp_log_end_alone(l, rp_log_key(e->name, e->id, 0), e->at_us);
    if (r == NULL)
        r = begin(l, e, RP_NO_TIME); /* began before the log */
    if (r->attempt == 0)
        r->attempt = e->attempt;
    rp_log_mark_ended(l, rp_hash64(r->type));
    if (e->verb == RP_VERB_FAILED || e->verb == RP_VERB_TIMEOUT) {
        on_failed(l, e, r, e->verb == RP_VERB_FAILED ? RP_RUN_FAILED : RP_RUN_TIMEOUT);
        return;
    }
    forget_loose(l);
    rp_log_close(l, r, e->verb == RP_VERB_DONE ? RP_RUN_SUCCEEDED : RP_RUN_CANCELLED, e->at_us);
}

static void on_event(struct rp_joblog *l, const struct event *e)
{
    struct rp_open_run *r;
    l->names_jobs = l->names_jobs || (e->strong && e->verb != RP_VERB_NONE);
    switch (e->verb) {
    case RP_VERB_NONE:
        r = find_run(l, e);
        if (r != NULL && e->bad_level)
            rp_tail_add(&r->error, e->text);
        break;
    case RP_VERB_START:
        if (e->id.n > 0 && rp_log_is_late_start(l, rp_log_key(e->name, e->id, 0), e->at_us))
            break;
        r = find_run(l, e);
        if (r != NULL && (e->name.n > 0 || e->id.n > 0))
            close_unfinished(l, r);
        (void)begin(l, e, e->at_us);
        break;
    default:
        on_end(l, e);
    }
}

static void on_output(struct rp_joblog *l, struct rp_str line)
{
    if (rp_log_follow(l, line) || rp_str_trim(line).n == 0)
        return;
    rp_log_settled(l);
    if (l->n_open > 0 && !str_has(line, "kernel: "))
        rp_tail_add(&l->loose, line);
    else
        l->stats.unassigned_lines++;
}

static void on_body(struct rp_joblog *l, const struct event *e, bool known)
{
    rp_log_settled(l);
    if (known)
        on_event(l, e);
    else
        l->stats.unassigned_lines++;
}

/* Fields of the line tell of a job: it is read as the JSON loggers' are. */
static bool on_fields(struct rp_joblog *l, struct rp_str line)
{
    struct rp_fields f;
    bool hit = rp_text_fields(&l->o.stamp, &f, line) && rp_json_lines_tell(&l->o.stamp, &f);
    if (hit)
        rp_json_lines_fields(l, &f);
    rp_fields_free(&f);
    return hit;
}

static void plain_line(struct rp_joblog *l, struct rp_str line)
{
    struct event e;
    bool known;
    if (on_fields(l, line))
        return;
    if (read_line(&l->o.stamp, line, &e, &known))
        on_body(l, &e, known);
    else
        on_output(l, line);
}

bool rp_plain_event(struct rp_joblog *l, int64_t at_us, struct rp_str text, bool strong)
{
    struct event e = {.at_us = at_us};
    text = skip_logger(skip_levels(text, &e.bad_level), &e.bad_level);
    if (!read_body(text, &e) || (strong && !e.strong) ||
        (e.verb == RP_VERB_NONE && find_run(l, &e) == NULL))
        return false;
    on_body(l, &e, true);
    return true;
}

bool rp_plain_tells(struct rp_str text)
{
    struct event e = {0};
    text = skip_logger(skip_levels(text, &e.bad_level), &e.bad_level);
    return read_body(text, &e) && e.strong && e.verb != RP_VERB_NONE;
}

static int plain_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct event e;
    struct rp_fields f;
    bool known, fields = rp_text_fields(&st, &f, line) && rp_json_lines_tell(&st, &f);
    rp_fields_free(&f);
    if (fields)
        return 3;
    return read_line(&st, line, &e, &known) && known && e.verb != RP_VERB_NONE ? (e.strong ? 3 : 1)
                                                                               : 0;
}

void rp_plain_finish(struct rp_joblog *l)
{
    rp_log_settled(l);
    forget_loose(l);
    while (l->n_open > 0)
        close_unfinished(l, l->open[0]);
}

const struct rp_log_format rp_format_plain = {"plain", plain_score, plain_line, rp_plain_finish,
                                              RP_RUN_UNFINISHED};
