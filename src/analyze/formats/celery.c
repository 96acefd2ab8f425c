/* Celery's worker, versions 3 to 5: "[TIME: LEVEL/PROCESS] message" (worker_log_format).
 *
 *     [2026-11-23 22:46:38,228: INFO/MainProcess] Task shop.send[51f9…] received
 *     [2026-11-23 22:46:38,312: INFO/ForkPoolWorker-3] Task shop.send[51f9…] succeeded in 0.081s:
 * None
 *
 * A run is one "received" and its end; a retry is received again under the same id, sometimes
 * before the line that says so, so ends go to the oldest run of an id. Nothing marks the start: it
 * is taken from the seconds of "succeeded in". A lost worker names no task: its run is the one that
 * the same process had in hand; else, of those left over at the end, the one that fits the pool's
 * job number ("Job: 13"), which counts tasks as they are received, and retries when they are due.
 * Layouts of one's own (worker_log_format) are read by their messages.
 */
#include "analyze/formats/format.h"

enum { LOST_MAX = 64, LOST_TEXT = 300, DUE_MAX = 64, SOFT_SEEN = 1 << 20, HARD_SEEN, DONE_SEEN };
#define NOT_DUE UINT64_MAX               /* order of a retry that waits for its time */
enum { SOFT_LIMIT = 1, TERMINATED = 3 }; /* of a run's number; a process is even, and above */

struct own {
    bool usual;      /* the log is of the usual layout */
    uint64_t joined; /* tasks that came to the pool of the current worker */
    uint64_t ready; /* the line on which the last worker said so: what was open before is not its */
    uint64_t dead;  /* the process that was last said to have exited */
    bool handler;   /* "Task handler raised error": its traceback is gathered */
    bool lost;      /* … and it was a lost worker */
    size_t n_due;   /* retries and when they come to the pool */
    struct {
        uint64_t key;
        int64_t at_us;
    } due[DUE_MAX];
    size_t n_lost;
    struct {
        int64_t at_us;
        char text[LOST_TEXT];
        size_t n;
    } losses[LOST_MAX];
};

struct entry {
    int64_t at_us;
    struct rp_str level, process, text;
};

static bool read_usual(struct rp_stamp *st, struct rp_str s, struct entry *e)
{
    bool syslog;
    if (!rp_skip(&s, "[") || !rp_stamp_take(st, &s, &e->at_us, &syslog) || !rp_skip(&s, ": "))
        return false;
    size_t slash = rp_find_byte(s, '/'), close = rp_find_byte(s, ']');
    if (slash == SIZE_MAX || close == SIZE_MAX || slash > close)
        return false;
    e->level = str_head(s, slash);
    e->process = (struct rp_str){s.p + slash + 1, close - slash - 1};
    e->text = rp_strip(str_from(s, close + 1), " ", "");
    return true;
}

/* "name[id]" off the front. */
static bool take_task(struct rp_str *s, struct rp_str *name, struct rp_str *id)
{
    size_t open = rp_find_byte(*s, '['), close = rp_find_byte(*s, ']');
    if (open == SIZE_MAX || close == SIZE_MAX || open == 0 || close < open + 2 ||
        rp_find_byte(str_head(*s, close), ' ') != SIZE_MAX)
        return false;
    *name = str_head(*s, open);
    *id = (struct rp_str){s->p + open + 1, close - open - 1};
    *s = str_from(*s, close + 1);
    return true;
}

/* What the worker says of tasks and of its pool, where layouts of one's own are read. */
static bool is_message(struct rp_str s)
{
    static const char *const does[] = {
        " received",          " succeeded in ", " retry: ",  " raised unexpected: ",
        " raised expected: ", " ignored",       " rejected", NULL};
    static const char *const fronts[] = {"Received task: ",
                                         "Hard time limit (",
                                         "Soft time limit (",
                                         "Task handler raised error: ",
                                         "Terminating ",
                                         "Discarding revoked task: ",
                                         NULL};
    struct rp_str name, id;
    for (const char *const *f = fronts; *f != NULL; f++)
        if (rp_str_starts(s, *f))
            return true;
    if (rp_str_starts(s, "Process '"))
        return str_has(s, " exited with ");
    if (!rp_skip(&s, "Task ") || !take_task(&s, &name, &id))
        return false;
    for (const char *const *d = does; *d != NULL; d++)
        if (rp_str_starts(s, *d))
            return true;
    return false;
}

/* A word of what stands before the message: the level, the process. */
static void read_front(struct rp_str word, struct entry *e)
{
    static const char *const levels[] = {"debug", "info", "warning", "error", "critical", NULL};
    word = rp_strip(word, "[(<", "])>:,|");
    if (rp_str_in(word, levels))
        e->level = word;
    else if (str_has(word, "PoolWorker-") || rp_str_is(word, "MainProcess"))
        e->process = word;
}

/* worker_log_format of one's own: the messages are what counts. */
static bool read_layout(struct rp_stamp *st, struct rp_str s, struct entry *e)
{
    enum { WORDS = 12 };
    struct rp_str rest = s;
    if (!rp_take_prefix(st, &rest, &e->at_us))
        return false;
    e->level = e->process = RP_STR("");
    e->text = rest;
    for (int i = 0; i < WORDS && rest.n > 0 && !is_message(rest); i++) {
        size_t n = 0;
        while (n < rest.n && !one_of(rest.p[n], " :|"))
            n++;
        read_front(str_head(rest, n), e);
        rest = rp_strip(str_from(rest, n), " :|", "");
    }
    if (is_message(rest))
        e->text = rest;
    return true;
}

/* In the usual layout a line that only looks like another's is a stack trace's, or a result's. */
static bool read_entry(struct rp_joblog *l, struct own *o, struct rp_str s, struct entry *e)
{
    bool usual = read_usual(&l->o.stamp, s, e);
    o->usual = o->usual || (usual && is_message(e->text)); /* a task's own lines keep theirs */
    return usual || (!o->usual && read_layout(&l->o.stamp, s, e));
}

/* ---- the pool's order ---- */

static void due_drop(struct own *o, size_t i)
{
    o->due[i] = o->due[--o->n_due];
}

static bool due_has(const struct own *o, uint64_t key)
{
    for (size_t i = 0; i < o->n_due; i++)
        if (o->due[i].key == key)
            return true;
    return false;
}

/* "retry: Retry in 5s: …": received at once, it comes to the pool then. */
static void due_add(struct own *o, uint64_t key, const struct entry *e, struct rp_str text)
{
    int64_t seconds = rp_number_after(str_head(text, 40), "Retry in ");
    if (seconds < 0 || seconds > 1000000 || e->at_us == RP_NO_TIME || o->n_due == DUE_MAX)
        return;
    o->due[o->n_due].key = key;
    o->due[o->n_due++].at_us = e->at_us + seconds * 1000000;
}

/* Retries whose time has come join the pool, the earliest first. */
static void due_join(struct rp_joblog *l, struct own *o, int64_t now_us)
{
    while (o->n_due > 0 && now_us != RP_NO_TIME) {
        size_t first = 0;
        for (size_t i = 1; i < o->n_due; i++)
            if (o->due[i].at_us < o->due[first].at_us)
                first = i;
        if (o->due[first].at_us > now_us)
            return;
        for (size_t i = 0; i < l->n_open; i++)
            if (l->open[i]->order == NOT_DUE && l->open[i]->hash == o->due[first].key) {
                l->open[i]->order = o->joined++;
                break;
            }
        due_drop(o, first);
    }
}

static void on_received(struct rp_joblog *l, const struct entry *e, struct rp_str name,
                        struct rp_str id)
{
    struct own *o = l->own;
    struct rp_open_run *r = rp_log_open(l, name, id, e->at_us);
    r->attempt = rp_log_nth(l, rp_log_key(name, id, 0));
    /* it may be received before the line that says for when */
    bool later = r->attempt > 1 && (due_has(o, r->hash) || rp_log_find_oldest(l, name, id) != r);
    r->order = later ? NOT_DUE : o->joined++;
}

/* The run that an end is of; one that began before the log is opened for it. */
static struct rp_open_run *run_of(struct rp_joblog *l, struct rp_str name, struct rp_str id)
{
    struct rp_open_run *r = rp_log_find_oldest(l, name, id), *newest = rp_log_find(l, name, id);
    const struct own *o = l->own;
    l->saw_ends = true;
    if (r == NULL)
        return rp_log_open(l, name, id, RP_NO_TIME);
    return r->line < o->ready && newest->line > o->ready ? newest : r;
}

/* A pool that is late says of one task that it succeeded and that its limit struck, in either
 * order: what came first is its end. */
static bool is_second_end(struct rp_joblog *l, struct rp_str name, struct rp_str id, int64_t first,
                          int64_t this)
{
    if (rp_log_find(l, name, id) == NULL && rp_log_was_ended(l, rp_log_key(name, id, first)))
        return true;
    rp_log_mark_ended(l, rp_log_key(name, id, this));
    return false;
}

static void on_succeeded(struct rp_joblog *l, const struct entry *e, struct rp_open_run *r,
                         struct rp_str seconds)
{
    int64_t took = rp_seconds_us(seconds), start = e->at_us - (took > 0 ? took : 0);
    if (took >= 0 && (r->start_us == RP_NO_TIME || start > r->start_us))
        r->start_us = start;
    rp_log_close(l, r, RP_RUN_SUCCEEDED, e->at_us);
}

static void on_raised(struct rp_joblog *l, const struct entry *e, struct rp_open_run *r,
                      struct rp_str text)
{
    bool limit = r->number == SOFT_LIMIT || str_has(text, "TimeLimitExceeded") ||
                 rp_log_was_ended(l, rp_log_key(r->type, r->id, SOFT_SEEN));
    rp_tail_add(&r->error, text);
    if (rp_str_starts(text, "retry: "))
        due_add(l->own, r->hash, e, text);
    rp_log_settle(l, r, limit ? RP_RUN_TIMEOUT : RP_RUN_FAILED, e->at_us);
}

/* "Task name[id] …" */
static bool on_task(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str s = e->text, name, id;
    if (!rp_skip(&s, "Task ") || !take_task(&s, &name, &id) || !rp_skip(&s, " "))
        return false;
    bool done = rp_skip(&s, "succeeded in ");
    if (done && is_second_end(l, name, id, HARD_SEEN, DONE_SEEN))
        return true;
    if (done)
        on_succeeded(l, e, run_of(l, name, id), s);
    else if (rp_str_starts(s, "retry: ") || rp_str_starts(s, "raised ") ||
             rp_str_starts(s, "INTERNAL ERROR"))
        on_raised(l, e, run_of(l, name, id), s);
    else if (rp_str_starts(s, "received"))
        on_received(l, e, name, id);
    else if (rp_str_starts(s, "ignored") || rp_str_starts(s, "rejected"))
        rp_log_close(l, run_of(l, name, id), RP_RUN_CANCELLED, e->at_us);
    else
        return rp_log_find(l, name, id) != NULL;
    return true;
}

/* What stood behind "Task handler raised error" goes to the run that it turned out to be of. */
static void take_loose(struct rp_joblog *l, struct rp_open_run *r)
{
    rp_tail_text(&r->error, (struct rp_str){l->loose.p, l->loose.n});
    rp_tail_clear(&l->loose);
}

static bool on_limit(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str s = e->text, name, id;
    bool soft = rp_skip(&s, "Soft time limit (");
    if (!soft && !rp_skip(&s, "Hard time limit ("))
        return false;
    (void)rp_take_until(&s, ')');
    if (!rp_skip(&s, " exceeded for ") || !take_task(&s, &name, &id))
        return false;
    if (soft) { /* what it raises next is that */
        struct rp_open_run *running = rp_log_find_oldest(l, name, id);
        if (running != NULL)
            running->number = SOFT_LIMIT;
        else
            rp_log_mark_ended(l, rp_log_key(name, id, SOFT_SEEN));
        return running != NULL;
    }
    if (is_second_end(l, name, id, DONE_SEEN, HARD_SEEN))
        return true;
    struct rp_open_run *r = run_of(l, name, id);
    rp_tail_add(&r->error, e->text);
    take_loose(l, r);
    rp_log_close(l, r, RP_RUN_TIMEOUT, e->at_us);
    return true;
}

static bool on_revoked(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str s = e->text, name, id;
    if (!rp_skip(&s, "Discarding revoked task: ") || !take_task(&s, &name, &id))
        return false;
    struct rp_open_run *r = rp_log_find_oldest(l, name, id);
    struct own *o = l->own;
    if (r == NULL)
        return false;
    o->joined -= o->joined > 0 && r->order == o->joined - 1; /* it never came to the pool */
    rp_log_close(l, r, RP_RUN_CANCELLED, e->at_us);
    return true;
}

/* "Terminating ID (15)": revoked while it ran; no other line may say how it ended. */
static bool on_terminating(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str s = e->text;
    if (!rp_skip(&s, "Terminating "))
        return false;
    struct rp_str id = rp_take_word(&s);
    for (size_t i = l->n_open; i > 0; i--)
        if (rp_str_eq(l->open[i - 1]->id, id)) {
            l->open[i - 1]->number = TERMINATED;
            return true;
        }
    return false;
}

static bool on_received_old(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str s = e->text, name, id;
    if (!rp_skip(&s, "Received task: ") || !take_task(&s, &name, &id))
        return false;
    on_received(l, e, name, id);
    return true;
}

static uint64_t process_of(struct rp_str name)
{
    return rp_hash64(name) | UINT64_C(1) << 63 | 4;
}

/* The task's own logger: "name[id]: …"; tells which process has it in hand, and that it began. */
static bool on_own_line(struct rp_joblog *l, const struct entry *e)
{
    static const char *const bad[] = {"error", "critical", NULL};
    struct rp_str s = e->text, name, id;
    if (!take_task(&s, &name, &id) || !rp_skip(&s, ":"))
        return false;
    struct rp_open_run *r = rp_log_find_oldest(l, name, id);
    if (r == NULL)
        return false;
    if (r->number == 0) {
        r->number = process_of(e->process);
        if (r->attempt > 1) /* a retry is received long before it is due */
            r->start_us = e->at_us;
    }
    if (rp_str_in(e->level, bad))
        rp_tail_add(&r->error, rp_str_trim(s));
    return true;
}

/* ---- lost workers ---- */

static void fail_lost(struct rp_joblog *l, struct rp_open_run *r, struct rp_str text, int64_t at_us)
{
    rp_tail_add(&r->error, text);
    rp_log_close(l, r, RP_RUN_FAILED, at_us);
}

static void on_lost(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    for (size_t i = 0; i < l->n_open && o->dead != 0; i++)
        if (l->open[i]->number == o->dead) {
            l->saw_ends = true;
            fail_lost(l, l->open[i], e->text, e->at_us);
            o->dead = 0;
            return;
        }
    if (o->n_lost == LOST_MAX)
        return;
    struct rp_str text = str_head(e->text, LOST_TEXT);
    o->losses[o->n_lost].at_us = e->at_us;
    o->losses[o->n_lost].n = text.n;
    if (text.n > 0)
        memcpy(o->losses[o->n_lost].text, text.p, text.n);
    o->n_lost++;
}

static bool on_pool(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    if (rp_str_starts(e->text, "Process '")) {
        struct rp_str process = rp_between(e->text, "Process '", "'");
        o->dead = process.n > 0 ? process_of(process) : 0;
        return false; /* of the pool, not of a run */
    }
    if (!rp_str_starts(e->text, "Task handler raised error: "))
        return false;
    o->handler = true;
    o->lost = str_has(e->text, "WorkerLostError");
    if (o->lost)
        on_lost(l, o, e);
    else
        rp_tail_add(&l->loose, e->text);
    return true;
}

/* "celery@web ready." */
static void on_ready(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    if (rp_str_ends(e->text, " ready.") && str_has(e->text, "@"))
        o->ready = l->line;
    if (o->ready == l->line)
        o->joined = o->n_due = 0;
}

static void celery_line(struct rp_joblog *l, struct rp_str line)
{
    struct own *o = rp_log_own(l, sizeof *o);
    struct entry e;
    if (!read_entry(l, o, line, &e)) {
        if (o->handler && !o->lost && rp_str_trim(line).n > 0)
            rp_tail_add(&l->loose, line);
        else if (!o->handler)
            rp_log_unprefixed(l, line);
        return;
    }
    rp_log_settled(l);
    due_join(l, o, e.at_us);
    o->handler = false;
    on_ready(l, o, &e);
    bool mine = on_task(l, &e) || on_limit(l, &e) || on_received_old(l, &e) || on_revoked(l, &e) ||
                on_terminating(l, &e) || on_own_line(l, &e) || on_pool(l, o, &e);
    rp_log_count(l, mine);
    if (!o->handler) { /* nobody came for it */
        l->stats.unassigned_lines += l->loose.lines;
        rp_tail_clear(&l->loose);
    }
}

static int celery_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct entry e;
    struct rp_str name, id;
    if (!read_usual(&st, line, &e))
        return read_layout(&st, line, &e) && is_message(e.text) ? 10 : 0;
    if (rp_skip(&e.text, "Task ") || rp_skip(&e.text, "Received task: "))
        return take_task(&e.text, &name, &id) ? 10 : 3;
    return 3;
}

/* Of what was in hand when a worker was lost, and never ended: the one with the pool's number,
 * else, as where two workers write one log, the last that came before it. */
static struct rp_open_run *left_over(struct rp_joblog *l, int64_t at_us, int64_t job)
{
    struct rp_open_run *best = NULL, *oldest = NULL;
    for (size_t i = 0; i < l->n_open; i++) {
        struct rp_open_run *r = l->open[i];
        if (r->start_us > at_us || r->number == TERMINATED)
            continue;
        oldest = oldest != NULL ? oldest : r;
        if (job >= 0 && r->order == (uint64_t)job)
            return r;
        if (job >= 0 && r->order <= (uint64_t)job && (best == NULL || r->order >= best->order))
            best = r;
    }
    return best != NULL ? best : oldest;
}

static void celery_finish(struct rp_joblog *l)
{
    struct own *o = rp_log_own(l, sizeof *o);
    rp_log_settled(l);
    l->stats.unassigned_lines += l->loose.lines;
    for (size_t i = 0; i < o->n_lost; i++) {
        struct rp_str text = {o->losses[i].text, o->losses[i].n};
        struct rp_open_run *r = left_over(l, o->losses[i].at_us, rp_number_after(text, " Job: "));
        if (r != NULL)
            fail_lost(l, r, text, o->losses[i].at_us);
    }
    for (size_t i = l->n_open; i > 0; i--)
        if (l->open[i - 1]->number == TERMINATED)
            rp_log_close(l, l->open[i - 1], RP_RUN_CANCELLED, RP_NO_TIME);
    rp_log_close_all(l);
}

const struct rp_log_format rp_format_celery = {"celery", celery_score, celery_line, celery_finish,
                                               RP_RUN_UNFINISHED};
