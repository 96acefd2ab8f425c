/* An event of a run needs a job's name or id, and a word for what happened: a status field, or a
 * message that says little else ("job started", "failed", "nightly-report finished in 3 s"). Where
 * a message says more ("upload done"), it only counts if no end of that job is said plainly: such
 * an end is kept in mind and given when nothing better comes. So is an error that is all that a run
 * says in the end (log.error(err)), once others began and ended after it. */
#include "analyze/formats/json_lines.h"

#include <stdlib.h>

enum { ERROR_LEVEL = 50, EXCEPTION = 1 };

struct event {
    int64_t at_us, attempt, took_us; /* took_us: -1 not said */
    struct rp_str type, id, queue, text;
    struct rp_str err_type, err_text, err_stack;
    enum rp_verb verb;
    bool plainly, by_state, bad_level; /* by_state: a field said so, not the message */
};

/* ---- fields ---- */

static const char *const times[] = {"time", "timestamp", "ts", "@timestamp", "datetime", NULL};
static const char *const messages[] = {"msg", "message", "@message", NULL};
static const char *const levels[] = {"level", "lvl", "severity", NULL};
static const char *const types[] = {"job",      "jobName", "job_name", "jobType",
                                    "job_type", "task",    "taskName", "task_name",
                                    "taskType", "cron",    NULL};
static const char *const ids[] = {"runId",   "run_id",     "executionId", "execution_id",
                                  "jobId",   "job_id",     "jid",         "taskId",
                                  "task_id", "job_run_id", "run",         NULL};
static const char *const late_ids[] = {"id", NULL}; /* also a line's own, once it names a job */
static const char *const late_types[] = {"name", "type", "queue", "queueName", NULL};
static const char *const attempts[] = {"attempt", "attemptNumber", "attempt_number", "try", NULL};
static const char *const retries[] = {"retryCount", "retry_count", "retryAttempt", NULL};
static const char *const made[] = {"attemptsMade", "attempts_made", NULL};
static const char *const errors[] = {"err", "error", "exception", "reason", "failedReason", NULL};
static const char *const states[] = {"event", "status", "state", "outcome", "action", NULL};
static const char *const spans_ms[] = {"durationMs", "duration_ms", "ms",      "elapsedMs",
                                       "elapsed_ms", "tookMs",      "took_ms", "responseTime",
                                       "duration",   "took",        "elapsed", NULL};
static const char *const parents[] = {"job",     "task", "run",    "data",    "meta",  "metadata",
                                      "context", "ctx",  "fields", "@fields", "extra", NULL};

static struct rp_str text_of(const struct rp_field *f)
{
    return f != NULL && (f->kind == RP_JSON_STRING || f->kind == RP_JSON_NUMBER) ? f->value
                                                                                 : RP_NONE;
}

/* The first of the names that is a text, in the line itself, then in its objects. */
static struct rp_str pick(const struct rp_fields *f, const char *const *names)
{
    for (const char *const *n = names; *n != NULL; n++) {
        struct rp_str s = rp_field_text(f, *n);
        if (s.n > 0 && rp_find_byte(s, '*') == SIZE_MAX) /* no cron expression */
            return s;
    }
    return RP_NONE;
}

static struct rp_str pick_inside(const struct rp_fields *f, const char *const *names)
{
    for (const char *const *p = parents; *p != NULL; p++)
        for (const char *const *n = names; *n != NULL && rp_field_has(f, *p, RP_JSON_OBJECT); n++) {
            struct rp_str s = rp_field_in(f, *p, *n);
            if (s.n > 0)
                return s;
        }
    return RP_NONE;
}

/* The same in objects of any name (pino's nestedKey), but those that tell of something else. */
static struct rp_str pick_nested(const struct rp_fields *f, const char *const *names)
{
    static const char *const others[] = {"err",     "error",    "exception", "req", "res",
                                         "request", "response", "headers",   "src", NULL};
    for (const char *const *n = names; *n != NULL; n++)
        for (size_t i = 0; i < f->n; i++)
            if (f->v[i].parent.n > 0 && rp_str_is(f->v[i].key, *n) &&
                !rp_str_in(f->v[i].parent, others) && text_of(&f->v[i]).n > 0)
                return f->v[i].value;
    return RP_NONE;
}

static bool is_bad(const struct rp_fields *f)
{
    static const char *const bad[] = {"error", "err",   "fatal",  "crit", "critical",
                                      "emerg", "alert", "severe", NULL};
    const struct rp_field *level = rp_field_of(f, levels);
    int64_t n;
    if (level == NULL)
        return rp_str_in(rp_field_in(f, "@fields", "level"), bad);
    if (level->kind == RP_JSON_NUMBER)
        return rp_field_number(level, &n) && n >= ERROR_LEVEL;
    size_t esc = rp_find_byte(level->value, 'm'); /* winston's colorize: "\33[31merror\33[39m" */
    struct rp_str word = level->value;
    if (word.n > 0 && word.p[0] == '\033' && esc != SIZE_MAX) {
        word = str_from(word, esc + 1);
        word = str_head(word, rp_find_byte(word, '\033'));
    }
    return rp_str_in(word, bad);
}

static int64_t number_of(const struct rp_fields *f, const char *const *names, int64_t otherwise)
{
    int64_t n;
    struct rp_str s = pick(f, names);
    if (s.n == 0)
        s = pick_inside(f, names);
    return s.n > 0 && rp_take_number(&s, &n) ? n : otherwise;
}

/* Counts of attempts that were made go up at the end of one, when exactly differs. */
static int64_t attempt_of(const struct rp_fields *f, enum rp_verb verb)
{
    int64_t n = number_of(f, attempts, 0);
    if (n > 0)
        return n;
    if ((n = number_of(f, retries, -1)) >= 0)
        return n + 1; /* the first retry is the second attempt */
    n = number_of(f, made, -1);
    return verb == RP_VERB_START && n >= 0 ? n + 1 : 0;
}

static void read_error(const struct rp_fields *f, struct event *e)
{
    const struct rp_field *err = rp_field_of(f, errors);
    e->err_type = e->err_text = e->err_stack = RP_NONE;
    if (err == NULL || err->kind == RP_JSON_OBJECT) {
        for (const char *const *name = errors; *name != NULL; name++) {
            if (rp_field_in(f, *name, "message").n == 0 && !rp_field_has(f, *name, RP_JSON_OBJECT))
                continue;
            e->err_type = rp_field_in(f, *name, "type");
            if (e->err_type.n == 0)
                e->err_type = rp_field_in(f, *name, "name");
            e->err_text = rp_field_in(f, *name, "message");
            e->err_stack = rp_field_in(f, *name, "stack");
            return;
        }
    }
    e->err_text = text_of(err);
    e->err_stack = rp_field_text(f, "stack");
    if (e->err_text.n == 0 && e->err_stack.n == 0) { /* winston's logstash() puts all in there */
        e->err_text = rp_field_in(f, "@fields", "error");
        e->err_stack = rp_field_in(f, "@fields", "stack");
    }
}

/* ---- what happened ---- */

/* Words of a message that name nothing else than a run. */
static bool filler(struct rp_str w, const struct event *e)
{
    static const char *const words[] = {
        "job",          "task",  "run",     "cron",    "cronjob", "worker",    "queue",
        "the",          "a",     "has",     "been",    "is",      "was",       "with",
        "in",           "after", "attempt", "of",      "id",      "execution", "now",
        "ms",           "s",     "sec",     "seconds", "for",     "scheduled", "processing",
        "successfully", "error", "at",      "by",      NULL};
    if (w.n == 0 || is_digit(w.p[0]) || w.p[0] == '#' || rp_str_in(w, words))
        return true;
    return rp_str_eq(w, e->type) || rp_str_eq(w, e->id) || rp_str_eq(w, e->queue);
}

static bool verb_word(struct rp_str w, enum rp_verb *verb)
{
    static const char *const starts[] = {"active", "processing", "executing", "picked",
                                         "begins", "starts",     NULL};
    static const char *const fails[] = {"fails", "threw", "raised", "rejected", NULL};
    if (rp_verb_at(w, verb) == w.n && w.n > 0)
        return true;
    *verb = rp_str_in(w, starts)  ? RP_VERB_START
            : rp_str_in(w, fails) ? RP_VERB_FAILED
                                  : RP_VERB_NONE;
    return *verb != RP_VERB_NONE;
}

static enum rp_verb stronger(enum rp_verb a, enum rp_verb b)
{
    if (a == RP_VERB_NONE || b == RP_VERB_TIMEOUT)
        return b;
    return a == RP_VERB_DONE && b == RP_VERB_FAILED ? b : a; /* "completed with error" */
}

/* "Job 7 failed: …": up to what follows a colon. *others: words that say something else. */
static enum rp_verb read_message(struct rp_str text, const struct event *e, int *others)
{
    enum { WORDS_MAX = 16 };
    enum rp_verb verb = RP_VERB_NONE, one;
    struct rp_str rest = rp_strip(str_head(text, 200), " ", "");
    *others = 0;
    for (int i = 0; i < WORDS_MAX && rest.n > 0; i++) {
        size_t phrase = rp_verb_at(rest, &one);
        struct rp_str raw = rp_take_word(&rest), w = rp_strip(raw, "\"'`([<", "\"'`)]>:,.;!…");
        bool stops = verb != RP_VERB_NONE || phrase > 0;
        if (phrase > raw.n) { /* "timed out" */
            (void)rp_take_word(&rest);
            verb = stronger(verb, one);
        } else if (verb_word(w, &one)) {
            verb = stronger(verb, one);
            stops = true;
        } else if (!filler(w, e)) {
            ++*others;
        }
        if (e->bad_level && (verb == RP_VERB_FAILED || verb == RP_VERB_TIMEOUT))
            break; /* what follows is the error's message, which winston puts behind its own */
        if (stops && (one_of(raw.p[raw.n - 1], ":,;") || rp_str_starts(rest, "- ")))
            break;
    }
    return verb;
}

/* "job.completed", "JOB_FAILED", "failed" */
static enum rp_verb read_state(struct rp_str s)
{
    enum rp_verb verb;
    size_t from = s.n;
    while (from > 0 && !one_of(s.p[from - 1], "._:- "))
        from--;
    return verb_word(str_from(s, from), &verb) ? verb : RP_VERB_NONE;
}

static void read_verb(const struct rp_fields *f, struct event *e)
{
    int others = 0;
    e->plainly = true;
    for (const char *const *n = states; *n != NULL; n++) {
        e->verb = read_state(rp_field_text(f, *n));
        e->by_state = e->verb != RP_VERB_NONE;
        if (e->by_state)
            return;
    }
    e->verb = read_message(e->text, e, &others);
    e->plainly = others == 0;
    if (others > 3)
        e->verb = RP_VERB_NONE;
}

/* The logger's own name stands under "name" too, before the job's. */
static struct rp_str name_of(const struct rp_fields *f, struct rp_str queue)
{
    struct rp_str last = RP_NONE;
    int n = 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].parent.p == NULL && rp_str_is(f->v[i].key, "name")) {
            last = text_of(&f->v[i]);
            n++;
        }
    return n > 1 || queue.n == 0 ? last : queue;
}

static bool read_event(struct rp_stamp *st, const struct rp_fields *f, struct event *e)
{
    *e = (struct event){.took_us = -1};
    e->text = text_of(rp_field_of(f, messages));
    e->at_us = rp_field_time(st, rp_field_of(f, times));
    e->id = pick(f, ids);
    e->type = pick(f, types);
    e->queue = pick(f, (const char *const[]){"queue", "queueName", NULL});
    if (e->id.n == 0)
        e->id = pick_inside(f, ids);
    if (e->id.n == 0)
        e->id = pick_inside(f, late_ids);
    if (e->type.n == 0)
        e->type = pick_inside(f, types);
    if (e->type.n == 0)
        e->type = pick_inside(f, late_types);
    if (e->type.n == 0 && e->id.n == 0) {
        e->type = pick_nested(f, types);
        e->id = pick_nested(f, ids);
    }
    if (e->type.n > 0 && e->id.n == 0)
        e->id = pick(f, late_ids);
    if (e->type.n > 0 && e->id.n == 0 && rp_str_i64(e->type, &(int64_t){0})) {
        e->id = e->type; /* "job": 42 */
        e->type = RP_NONE;
    }
    if (e->type.n == 0 && e->id.n > 0) /* only where an id says that the line is of a job */
        e->type = name_of(f, e->queue);
    if (e->type.n == 0 && e->id.n == 0)
        return false;
    int64_t ms = number_of(f, spans_ms, -1);
    e->took_us = ms >= 0 ? ms * 1000 : -1;
    e->bad_level = is_bad(f);
    read_error(f, e);
    read_verb(f, e);
    e->attempt = attempt_of(f, e->verb);
    return e->text.p != NULL || e->verb != RP_VERB_NONE;
}

/* ---- runs ---- */

/* Ids may repeat between queues: the key holds both. */
static struct rp_str key_of(struct rp_arena *a, const struct event *e)
{
    if (e->queue.n == 0 || e->id.n == 0)
        return e->id.n > 0 ? e->id : RP_STR("");
    return rp_str_fmt(a, "%.*s:%.*s", RP_FMT(e->queue), RP_FMT(e->id));
}

/* A line that names the job only is of its run without an id; else of the one that is open, unless
 * it says that a run was skipped: that is not the one which runs. */
static struct rp_open_run *find_by_type(struct rp_joblog *l, const struct event *e)
{
    struct rp_open_run *only = NULL;
    size_t n = 0;
    for (size_t i = l->n_open; i > 0; i--) {
        struct rp_open_run *r = l->open[i - 1];
        if (!rp_str_eq(r->type, e->type))
            continue;
        if (r->id.n == 0)
            return r;
        only = r;
        n++;
    }
    return n == 1 && e->verb != RP_VERB_CANCELLED && e->verb != RP_VERB_START ? only : NULL;
}

/* By type and id; by the id alone where one of the lines names no type. */
static struct rp_open_run *find_run(struct rp_joblog *l, const struct event *e, struct rp_str id)
{
    struct rp_open_run *newest = NULL;
    if (id.n == 0)
        return find_by_type(l, e);
    for (size_t i = l->n_open; i > 0; i--) {
        struct rp_open_run *r = l->open[i - 1];
        if (!rp_str_eq(r->id, id) ||
            (e->type.n > 0 && r->type.n > 0 && !rp_str_eq(r->type, e->type)))
            continue;
        if (e->attempt == 0 || r->attempt == 0 || r->attempt == e->attempt)
            return r;
        newest = newest != NULL ? newest : r;
    }
    return newest;
}

static struct rp_open_run *begin(struct rp_joblog *l, const struct event *e, struct rp_str id,
                                 int64_t at_us)
{
    struct rp_open_run *r = rp_log_open(l, e->type.n > 0 ? e->type : RP_STR("job"), id, at_us);
    int64_t nth = id.n > 0 ? rp_log_nth(l, rp_log_key(r->type, id, 0)) : 1;
    r->attempt = e->attempt > 0 ? e->attempt : nth > 1 ? nth : 0;
    return r;
}

static uint64_t plain_end_of(struct rp_str type)
{
    return rp_hash64(type) + 1;
}

/* A run that nothing more is heard of. again: it began once more. */
static void leave(struct rp_joblog *l, struct rp_open_run *r, bool again)
{
    bool told = rp_log_was_ended(l, plain_end_of(r->type));
    if (told && (r->number == 0 || r->verdict == RP_RUN_SUCCEEDED)) {
        r->verdict = RP_RUN_UNKNOWN;
        r->end_us = RP_NO_TIME;
    }
    bool failed = again || r->number < l->ended_from || (told && r->order == EXCEPTION);
    if (r->verdict == RP_RUN_UNKNOWN && r->number > 0 && failed) {
        r->verdict = RP_RUN_FAILED;
        r->end_us = r->bad_us;
    }
    rp_log_close_open(l, r);
}

/* "picked up", then "started": one start in two lines. */
static bool same_start(const struct rp_open_run *r, const struct event *e)
{
    enum { TOGETHER_US = 2000000 };
    bool same = r->attempt == e->attempt || r->attempt == 0 || e->attempt == 0;
    return same && (e->by_state || (e->at_us != RP_NO_TIME && r->start_us != RP_NO_TIME &&
                                    e->at_us - r->start_us < TOGETHER_US));
}

static bool on_start(struct rp_joblog *l, const struct event *e, struct rp_str id)
{
    struct rp_open_run *r = find_run(l, e, id);
    if (!e->plainly && (r != NULL || l->saw_starts))
        return r != NULL;
    l->saw_starts = l->saw_starts || e->plainly;
    if (r != NULL && r->verdict == RP_RUN_UNKNOWN && same_start(r, e))
        return true;
    if (r != NULL) /* once more, and no end in between: its worker was lost */
        leave(l, r, true);
    (void)begin(l, e, id, e->at_us);
    return true;
}

static void add_error(struct rp_open_run *r, const struct event *e)
{
    struct rp_buf head = {.limit = 4096};
    bool in_stack = e->err_text.n > 0 && rp_str_find(e->err_stack, e->err_text) != SIZE_MAX;
    if (e->err_text.n > 0 && !in_stack) {
        if (e->err_type.n > 0)
            rp_buf_fmt(&head, "%.*s: ", RP_FMT(str_head(e->err_type, 200)));
        rp_buf_str(&head, str_head(e->err_text, 3000));
        rp_tail_text(&r->error, rp_buf_view(&head));
    }
    rp_tail_text(&r->error, e->err_stack);
    if (e->err_text.n == 0 && e->err_stack.n == 0)
        rp_tail_text(&r->error, e->text);
    rp_buf_free(&head);
}

static enum rp_run_outcome outcome_of(const struct event *e)
{
    switch (e->verb) {
    case RP_VERB_DONE:
        return RP_RUN_SUCCEEDED;
    case RP_VERB_CANCELLED:
        return RP_RUN_CANCELLED;
    case RP_VERB_TIMEOUT:
        return RP_RUN_TIMEOUT;
    default:
        return rp_is_run_limit(e->err_type, e->err_text) ? RP_RUN_TIMEOUT : RP_RUN_FAILED;
    }
}

/* The line on which the run last spoke, if that was an error. */
static void note_level(const struct rp_joblog *l, const struct event *e, struct rp_open_run *r)
{
    bool exception = e->text.n > 0 && (rp_str_eq(e->text, e->err_text) ||
                                       rp_str_find(e->err_stack, e->text) != SIZE_MAX);
    r->number = e->bad_level ? l->line : 0;
    r->order = exception ? EXCEPTION : 0;
    r->bad_us = e->at_us;
}

static bool on_end(struct rp_joblog *l, const struct event *e, struct rp_str id)
{
    struct rp_open_run *r = find_run(l, e, id);
    uint64_t key = rp_log_key(RP_STR(""), id, e->attempt);
    if (r == NULL && id.n > 0 && l->saw_starts && rp_log_was_ended(l, key))
        return true; /* the same end in other words */
    if (r == NULL && (!e->plainly || e->verb == RP_VERB_CANCELLED))
        return false; /* what was skipped never ran */
    if (r == NULL)    /* began before the log, or the log shows ends only */
        r = begin(l, e, id,
                  e->took_us >= 0 && e->at_us != RP_NO_TIME ? e->at_us - e->took_us : RP_NO_TIME);
    enum rp_run_outcome outcome = outcome_of(e);
    if (e->plainly && (e->err_text.n > 0 || e->err_stack.n > 0))
        rp_tail_clear(&r->error); /* this is why it failed */
    if (outcome == RP_RUN_FAILED || outcome == RP_RUN_TIMEOUT)
        add_error(r, e);
    l->saw_ends = true;
    note_level(l, e, r);
    if (!e->plainly) {
        r->verdict = outcome;
        r->end_us = e->at_us;
        return true;
    }
    if (r->line < l->line && r->line > l->ended_from)
        l->ended_from = r->line;
    rp_log_mark_ended(l, plain_end_of(r->type));
    rp_log_mark_ended(l, rp_log_key(RP_STR(""), id, e->attempt));
    rp_log_mark_ended(l, rp_log_key(RP_STR(""), id, r->attempt));
    rp_log_close(l, r, outcome, e->at_us);
    return true;
}

static bool on_event(struct rp_joblog *l, const struct event *e, struct rp_str id)
{
    if (e->verb == RP_VERB_START)
        return on_start(l, e, id);
    if (e->verb != RP_VERB_NONE)
        return on_end(l, e, id);
    struct rp_open_run *r = find_run(l, e, id);
    if (r != NULL && e->bad_level)
        add_error(r, e);
    if (r != NULL)
        note_level(l, e, r);
    return r != NULL || rp_log_was_ended(l, rp_log_key(RP_STR(""), id, e->attempt));
}

/* No field names a job: the message may, as in plain logs. */
static bool on_message(struct rp_joblog *l, const struct rp_fields *f)
{
    struct event e = {.at_us = rp_field_time(&l->o.stamp, rp_field_of(f, times)),
                      .text = text_of(rp_field_of(f, messages))};
    if (e.text.n == 0 || !rp_plain_event(l, e.at_us, e.text, true))
        return false;
    read_error(f, &e);
    if (l->pending != NULL && (e.err_text.n > 0 || e.err_stack.n > 0))
        add_error(l->pending, &e);
    return true;
}

void rp_json_lines_fields(struct rp_joblog *l, struct rp_fields *f)
{
    struct event e;
    rp_log_settled(l);
    if (read_event(&l->o.stamp, f, &e))
        rp_log_count(l, on_event(l, &e, key_of(&f->arena, &e)));
    else
        rp_log_count(l, on_message(l, f));
}

bool rp_json_lines_tell(struct rp_stamp *st, const struct rp_fields *f)
{
    struct event e;
    return read_event(st, f, &e) && e.verb != RP_VERB_NONE && e.type.n > 0;
}

void rp_json_lines_line(struct rp_joblog *l, struct rp_str line)
{
    struct rp_fields f;
    if (rp_str_trim(line).n == 0)
        return;
    if (rp_fields_read(&f, line))
        rp_json_lines_fields(l, &f);
    else
        rp_log_count(l, false);
    rp_fields_free(&f);
}

int rp_json_lines_score(struct rp_str line, rp_json_shape *shape)
{
    struct rp_fields f;
    int points = rp_fields_read(&f, line) && shape(&f) ? 5 : 0;
    rp_fields_free(&f);
    return points;
}

void rp_json_lines_finish(struct rp_joblog *l)
{
    rp_log_settled(l);
    while (l->n_open > 0)
        leave(l, l->open[0], false);
}
