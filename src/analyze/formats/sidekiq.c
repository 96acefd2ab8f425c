/* Sidekiq 4 to 8: text with and without time, and JSON (Sidekiq::Logger::Formatters).
 *
 *     2026-11-23T22:41:38.343Z pid=1842 tid=gm class=Mailer jid=d87f… INFO: start
 *     2026-11-23T22:41:38.394Z pid=1842 tid=gm class=Mailer jid=d87f… elapsed=0.051 INFO: done
 *     2026-11-23T22:41:38.790Z pid=1842 tid=gm WARN: NoMethodError: undefined method …
 *     INFO  2026-11-23T22:41:38.343Z pid=1842 tid=gm class=Mailer jid=d87f…: start      (8)
 *     2018-11-23T22:41:38.343Z 1842 TID-gofd8r Mailer JID-d87f… INFO: fail: 0.131 sec   (4, 5)
 *     {"ts":…,"pid":1842,"tid":"gm","lvl":"INFO","msg":"done","ctx":{"class":…,"jid":…}}
 *
 * "fail" says that, the lines of the same thread behind it say why: the job's hash, class and
 * message of the exception, its backtrace. A retry is the same jid; the hash counts them. */
#include "analyze/formats/fields.h"

#define WAIT_US INT64_C(60000000) /* for the exception of a thread that says no more */

struct own {
    uint64_t last;     /* thread of the last line with a prefix, if that was about a failure */
    uint64_t complete; /* thread whose backtrace was seen */
};

struct entry {
    int64_t at_us;
    struct rp_str pid, tid, class, jid, elapsed, level, text;
};

static const char *const levels[] = {"debug", "info", "warn", "error", "fatal", NULL};

/* ---- text ---- */

static void pair(struct entry *e, struct rp_str key, struct rp_str value)
{
    if (rp_str_is(key, "class"))
        e->class = value;
    else if (rp_str_is(key, "jid"))
        e->jid = value;
    else if (rp_str_is(key, "elapsed"))
        e->elapsed = value;
}

/* "class=X jid=Y INFO: text", "class=X jid=Y: text" */
static bool read_context(struct rp_str s, struct entry *e)
{
    enum { WORDS_MAX = 200 };
    for (int i = 0; i < WORDS_MAX && s.n > 0; i++) {
        struct rp_str rest = s, word = rp_take_word(&rest),
                      key = str_head(word, rp_find_byte(word, '='));
        bool ends = rp_str_ends(word, ":");
        word.n -= ends;
        if (ends && rp_str_in(word, levels)) {
            e->level = word;
            e->text = rest;
            return true;
        }
        if (key.n < word.n)
            pair(e, key, str_from(word, key.n + 1));
        if (ends && (key.n < word.n || i == 0) && e->level.n > 0) { /* the level came first */
            e->text = rest;
            return true;
        }
        s = rest;
    }
    return false;
}

/* "1842 TID-gofd8r Mailer JID-d87f… INFO: text" */
static bool read_old(struct rp_str s, struct entry *e)
{
    e->pid = rp_take_word(&s);
    e->tid = rp_take_word(&s);
    uint64_t n;
    if (!rp_str_u64(e->pid, &n) || !rp_skip(&e->tid, "TID-"))
        return false;
    for (int i = 0; i < 8 && s.n > 0; i++) {
        struct rp_str word = rp_take_word(&s);
        if (rp_str_ends(word, ":") && rp_str_in(str_head(word, word.n - 1), levels)) {
            e->level = str_head(word, word.n - 1);
            e->text = s;
            return true;
        }
        if (rp_skip(&word, "JID-"))
            e->jid = word;
        else if (e->class.n == 0 && !rp_str_starts(word, "BID-"))
            e->class = word;
    }
    return false;
}

static bool read_text(struct rp_stamp *st, struct rp_str s, struct entry *e)
{
    bool syslog;
    struct rp_str rest = s, word = rp_take_word(&rest);
    if (rp_str_in(word, levels)) {
        e->level = word;
        s = rest;
    }
    bool timed = rp_stamp_take(st, &s, &e->at_us, &syslog);
    s = rp_strip(s, " ", "");
    if (!rp_str_starts(s, "pid="))
        return timed && read_old(s, e);
    e->pid = rp_take_word(&s);
    if (!rp_skip(&s, "tid="))
        return false;
    size_t n = 0;
    while (n < s.n && !is_blank(s.p[n]) && s.p[n] != ':')
        n++;
    e->tid = str_head(s, n);
    s = str_from(s, n);
    if (e->level.n > 0 && rp_skip(&s, ": ")) {
        e->text = s;
        return true;
    }
    return read_context(rp_strip(s, " ", ""), e);
}

/* ---- JSON ---- */

static bool read_json(struct rp_stamp *st, const struct rp_fields *f, struct entry *e)
{
    static const char *const times[] = {"ts", NULL};
    e->pid = rp_field_text(f, "pid");
    e->tid = rp_field_text(f, "tid");
    e->level = rp_field_text(f, "lvl");
    e->text = rp_field_text(f, "msg");
    e->class = rp_field_in(f, "ctx", "class");
    e->jid = rp_field_in(f, "ctx", "jid");
    e->elapsed = rp_field_in(f, "ctx", "elapsed");
    e->at_us = rp_field_time(st, rp_field_of(f, times));
    return e->tid.n > 0 && e->level.n > 0 && e->text.p != NULL;
}

/* ---- runs ---- */

static uint64_t thread_of(const struct entry *e)
{
    return (rp_hash64(e->pid) * 31 + rp_hash64(e->tid)) | 1;
}

/* The failed run of a thread whose exception is still to come. */
static struct rp_open_run *waiting(struct rp_joblog *l, uint64_t thread)
{
    for (size_t i = l->n_open; thread != 0 && i > 0; i--)
        if (l->open[i - 1]->number == thread && l->open[i - 1]->verdict != RP_RUN_UNKNOWN)
            return l->open[i - 1];
    return NULL;
}

static void close_waiting(struct rp_joblog *l, uint64_t thread)
{
    struct rp_open_run *r = waiting(l, thread);
    if (r != NULL)
        rp_log_close_open(l, r);
}

static void close_stale(struct rp_joblog *l, int64_t now_us)
{
    for (size_t i = l->n_open; now_us != RP_NO_TIME && i > 0; i--) {
        struct rp_open_run *r = l->open[i - 1];
        if (r->verdict != RP_RUN_UNKNOWN && r->end_us != RP_NO_TIME && now_us - WAIT_US > r->end_us)
            rp_log_close_open(l, r);
    }
}

static struct rp_open_run *running(struct rp_joblog *l, const struct entry *e)
{
    struct rp_open_run *r = rp_log_find(l, e->class, e->jid);
    return r != NULL && r->verdict == RP_RUN_UNKNOWN ? r : NULL;
}

static void on_start(struct rp_joblog *l, const struct entry *e)
{
    struct rp_open_run *same = running(l, e);
    close_waiting(l, thread_of(e));
    if (same != NULL) /* taken up again: the process that had it was lost */
        rp_log_close_open(l, same);
    struct rp_open_run *r = rp_log_open(l, e->class, e->jid, e->at_us);
    r->number = thread_of(e);
    r->attempt = rp_log_nth(l, rp_hash64(e->jid));
}

static void on_end(struct rp_joblog *l, const struct entry *e, bool done, struct rp_str elapsed)
{
    struct rp_open_run *r = running(l, e);
    int64_t took = rp_seconds_us(elapsed);
    l->saw_ends = true;
    if (r == NULL) /* began before the log */
        r = rp_log_open(l, e->class, e->jid,
                        took >= 0 && e->at_us != RP_NO_TIME ? e->at_us - took : RP_NO_TIME);
    if (done) {
        rp_log_close(l, r, RP_RUN_SUCCEEDED, e->at_us);
        return;
    }
    r->number = thread_of(e);
    r->verdict = RP_RUN_FAILED;
    r->end_us = e->at_us;
    close_stale(l, e->at_us);
}

/* "start", "done", "fail", with ": 0.131 sec" behind the last two in old versions */
static bool on_event(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str s = e->text;
    if (e->jid.n == 0)
        return false;
    if (rp_str_is(s, "start")) {
        on_start(l, e);
        return true;
    }
    bool done = rp_skip(&s, "done"), fail = !done && rp_skip(&s, "fail");
    if ((!done && !fail) || (s.n > 0 && !rp_skip(&s, ": ")))
        return false;
    on_end(l, e, done, s.n > 0 ? s : e->elapsed);
    return true;
}

static bool is_hash(struct rp_str text)
{
    return rp_str_starts(text, "{\"") && str_has(text, "\"jid\":");
}

static void on_reason(struct own *o, struct rp_open_run *r, struct rp_str text)
{
    int64_t count = rp_number_after(text, "\"retry_count\":");
    if (is_hash(text)) {
        if (count >= 0)
            r->attempt = count + 2; /* as the run found it: the first retry finds 0 */
        return;
    }
    for (struct rp_str line; rp_str_split(&text, '\n', &line);)
        if (rp_str_trim(line).n > 0) {
            rp_tail_add(&r->error, line);
            if (rp_line_is_frame(line))
                o->complete = r->number;
        }
}

/* At level WARN neither start nor fail is logged: the hash is the first that is heard of the run.
 */
static struct rp_open_run *open_failed(struct rp_joblog *l, const struct entry *e,
                                       struct rp_open_run *before)
{
    struct rp_fields f;
    struct rp_open_run *r = before;
    if (!str_has(e->text, "\"context\":\"Job raised exception\""))
        return before;
    if (rp_fields_read(&f, e->text)) {
        struct rp_str class = rp_field_in(&f, "job", "display_class"),
                      jid = rp_field_in(&f, "job", "jid");
        class = class.n > 0 ? class : rp_field_in(&f, "job", "wrapped");
        class = class.n > 0 ? class : rp_field_in(&f, "job", "class");
        if (class.n > 0 && jid.n > 0 && rp_log_find(l, class, jid) == NULL) {
            close_waiting(l, thread_of(e));
            r = rp_log_open(l, class, jid, RP_NO_TIME);
            r->number = thread_of(e);
            r->verdict = RP_RUN_FAILED;
            r->end_us = e->at_us;
            l->saw_ends = true;
        }
    }
    rp_fields_free(&f);
    return r;
}

static bool on_entry(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    static const char *const bad[] = {"error", "fatal", NULL};
    uint64_t thread = thread_of(e);
    o->last = 0;
    if (o->complete != 0) { /* any line with a prefix ends a backtrace */
        close_waiting(l, o->complete);
        o->complete = 0;
    }
    if (on_event(l, e))
        return true;
    struct rp_open_run *r = waiting(l, thread);
    if (is_hash(e->text) && (r == NULL || rp_str_find(e->text, r->id) == SIZE_MAX))
        r = open_failed(l, e, r);
    if (r != NULL && (e->jid.n == 0 || rp_str_eq(e->jid, r->id))) {
        o->last = thread;
        on_reason(o, r, e->text);
        return true;
    }
    r = e->jid.n > 0 ? running(l, e) : NULL;
    if (r != NULL && rp_str_in(e->level, bad))
        rp_tail_text(&r->error, e->text);
    return r != NULL;
}

static void sidekiq_line(struct rp_joblog *l, struct rp_str line)
{
    struct own *o = rp_log_own(l, sizeof *o);
    struct entry e = {.at_us = RP_NO_TIME};
    struct rp_fields f;
    bool json = rp_fields_read(&f, line) && read_json(&l->o.stamp, &f, &e);
    if (json || (f.n == 0 && read_text(&l->o.stamp, line, &e))) {
        rp_log_count(l, on_entry(l, o, &e));
        o->last = json ? 0 : o->last; /* JSON has its lines in itself */
    } else {
        struct rp_open_run *r = waiting(l, o->last);
        if (r != NULL && o->complete == o->last && !rp_line_is_frame(line)) {
            o->last = 0; /* the backtrace is over: a library's own word on standard error */
            r = NULL;
        }
        if (r != NULL)
            on_reason(o, r, line);
        else if (rp_str_trim(line).n > 0)
            l->stats.unassigned_lines++;
    }
    rp_fields_free(&f);
}

static int sidekiq_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct entry e = {.at_us = RP_NO_TIME};
    struct rp_fields f;
    bool hit = rp_fields_read(&f, line) && read_json(&st, &f, &e);
    hit = hit || (f.n == 0 && read_text(&st, line, &e));
    int points = !hit ? 0 : e.jid.n > 0 && e.class.n > 0 ? 10 : 4;
    rp_fields_free(&f);
    return points;
}

const struct rp_log_format rp_format_sidekiq = {"sidekiq", sidekiq_score, sidekiq_line,
                                                rp_log_close_all, RP_RUN_UNFINISHED};
