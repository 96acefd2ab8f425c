/* RQ's worker: a clock without a date (or what --date-format and --log-format say), and
 *
 *     23:02:03 default: work.send_mail(0) (af8fdae3-…)
 *     23:02:03 default: Job OK (af8fdae3-…)
 *     23:02:04 [Job 543f…]: exception raised while executing (work.send_mail)
 *     Traceback (most recent call last): …
 *     23:02:08 Moving job to FailedJobRegistry (Work-horse terminated unexpectedly; …)
 *
 * The last names no job; a worker has one at a time. RQ 2 puts "Worker NAME: " in front. The type
 * is the function; its arguments are part of the description. */
#include "analyze/formats/format.h"

enum message { OTHER, STARTED, OK, RAISED, MOVED };

struct entry {
    int64_t at_us;
    enum message kind;
    struct rp_str id, type, text;
    bool call; /* what was started is described as RQ does it by itself: "work.f(1)" */
};

static bool take_time(struct rp_stamp *st, struct rp_str *s, int64_t *us)
{
    if (!rp_stamp_take_clock(st, s, us) && !rp_take_prefix(st, s, us))
        return false;
    *s = rp_strip(*s, " ", "");
    return true;
}

static bool id_word(struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && !one_of(s.p[i], "-_:."))
            return false;
    return s.n >= 4;
}

/* "work.resize" of "work.resize('/srv/1.png', 2)"; a description of the job's own is taken whole.
 */
static struct rp_str function_of(struct rp_str about)
{
    size_t open = rp_find_byte(about, '(');
    if (open == SIZE_MAX || !rp_str_ends(about, ")"))
        return about;
    for (size_t i = 0; i < open; i++)
        if (!rp_name_byte(about.p[i]))
            return about;
    return open > 0 ? str_head(about, open) : about;
}

static bool is_uuid(struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-' : !is_hex(s.p[i]))
            return false;
    return s.n == 36;
}

/* "queue: description (id)" */
static bool read_start(struct rp_str s, struct entry *e)
{
    size_t colon = rp_str_find(s, RP_STR(": ")), open = s.n;
    if (colon != SIZE_MAX && is_uuid(str_from(s, colon + 2)) &&
        rp_find_byte(str_head(s, colon), ' ') == SIZE_MAX) { /* --disable-job-desc-logging */
        e->kind = STARTED;
        e->id = str_from(s, colon + 2);
        return true;
    }
    if (colon == SIZE_MAX || rp_find_byte(str_head(s, colon), ' ') != SIZE_MAX ||
        !rp_str_ends(s, ")"))
        return false;
    while (open > colon + 2 && s.p[open - 1] != '(')
        open--;
    if (open <= colon + 3 || s.p[open - 2] != ' ')
        return false;
    struct rp_str about = {s.p + colon + 2, open - 2 - (colon + 2)};
    e->id = (struct rp_str){s.p + open, s.n - 1 - open};
    if (!id_word(e->id) || about.n == 0)
        return false;
    e->kind = rp_str_is(about, "Job OK") ? OK : STARTED;
    e->type = e->kind == OK ? RP_STR("") : function_of(about);
    e->call = e->type.n < about.n;
    return true;
}

static bool read_raised(struct rp_str s, struct entry *e)
{
    size_t at = rp_str_find(s, RP_STR(": exception raised while executing ("));
    if (at == SIZE_MAX)
        return false;
    struct rp_str job = rp_strip(str_head(s, at), "[", "]");
    if (!rp_skip(&job, "Job ") && !rp_skip(&job, "job "))
        return false;
    e->kind = RAISED;
    e->id = job;
    e->type = rp_strip(rp_between(str_from(s, at), "(", ")"), "", " ");
    return e->id.n > 0;
}

static void read_text(struct rp_str s, struct entry *e)
{
    size_t worker = rp_str_starts(s, "Worker ") ? rp_str_find(s, RP_STR(": ")) : SIZE_MAX;
    struct rp_str rest = worker != SIZE_MAX ? str_from(s, worker + 2) : s;
    e->kind = OTHER;
    e->call = false;
    e->text = rest;
    e->id = e->type = RP_STR("");
    if (read_raised(rest, e) || read_start(rest, e))
        return;
    if ((rp_str_starts(rest, "Moving job to ") && str_has(rest, "Registry")) ||
        rp_str_starts(rest, "Job stopped by user, moving job to "))
        e->kind = MOVED;
}

/* "INFO:rq.worker:high: …": a layout without blanks. */
static struct rp_str behind_logger(struct rp_str s)
{
    size_t at = rp_str_find(str_head(s, 60), RP_STR(":rq."));
    size_t end = at != SIZE_MAX ? rp_find_byte(str_from(s, at + 1), ':') : SIZE_MAX;
    return end != SIZE_MAX ? str_from(s, at + 1 + end + 1) : s;
}

/* Level and logger ("ERROR rq.worker", "- rq.worker - ERROR -") may stand before the message, where
 * only what RQ alone writes is taken for one. */
static void read_message(struct rp_str s, struct entry *e)
{
    enum { WORDS = 6 };
    struct rp_str rest = s;
    bool logger = false;
    read_text(behind_logger(s), e);
    for (int i = 0; i < WORDS && rest.n > 0 && e->kind == OTHER; i++) {
        logger = rp_str_starts(rp_strip(rp_take_word(&rest), "[(", ""), "rq.") || logger;
        struct entry later = {.at_us = e->at_us};
        read_text(rest, &later);
        if (later.kind > STARTED || (later.kind == STARTED && (logger || is_uuid(later.id))))
            *e = later;
    }
}

static struct rp_open_run *by_id(struct rp_joblog *l, struct rp_str id)
{
    for (size_t i = l->n_open; i > 0; i--)
        if (rp_str_eq(l->open[i - 1]->id, id))
            return l->open[i - 1];
    return NULL;
}

static void on_start(struct rp_joblog *l, const struct entry *e)
{
    struct rp_open_run *same = by_id(l, e->id);
    if (same != NULL) /* taken up again, with no end in between: its worker is gone */
        rp_log_close_open(l, same);
    struct rp_open_run *r =
        rp_log_open(l, e->type.n > 0 ? e->type : RP_STR("job"), e->id, e->at_us);
    l->saw_starts = true;
    r->attempt = rp_log_nth(l, rp_hash64(e->id));
}

static bool on_end(struct rp_joblog *l, const struct entry *e)
{
    struct rp_open_run *r = e->id.n > 0     ? by_id(l, e->id)
                            : l->n_open > 0 ? l->open[l->n_open - 1]
                                            : NULL;
    if (r == NULL && e->id.n == 0 && l->saw_starts)
        return false;
    if (r == NULL)
        r = rp_log_open(l, e->type.n > 0 ? e->type : RP_STR("job"), e->id, RP_NO_TIME);
    else if (e->type.n > 0 && rp_str_is(r->type, "job"))
        rp_log_rename(l, r, e->type, r->id);
    l->saw_ends = true;
    if (e->kind == OK) {
        rp_log_close(l, r, RP_RUN_SUCCEEDED, e->at_us);
        return true;
    }
    rp_tail_add(&r->error, e->text);
    if (e->kind == RAISED)
        rp_log_settle(l, r, RP_RUN_FAILED, e->at_us);
    else
        rp_log_close(l, r, RP_RUN_FAILED, e->at_us);
    return true;
}

static void rq_line(struct rp_joblog *l, struct rp_str line)
{
    struct entry e;
    struct rp_str s = line;
    l->trace_tells_limit = l->trace_to_blank = true;
    if (!take_time(&l->o.stamp, &s, &e.at_us)) {
        rp_log_unprefixed(l, line);
        return;
    }
    rp_log_settled(l);
    read_message(s, &e);
    if (e.kind == STARTED)
        on_start(l, &e);
    rp_log_count(l, e.kind == STARTED || (e.kind != OTHER && on_end(l, &e)));
}

static int rq_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct entry e;
    if (!take_time(&st, &line, &e.at_us))
        return 0;
    read_message(line, &e);
    if (e.kind == STARTED && !is_uuid(e.id) && !e.call) /* "sync: copied all (again)" */
        return 0;
    return e.kind == STARTED                        ? 5
           : e.kind != OTHER                        ? 10
           : rp_str_starts(e.text, "*** Listening") ? 5
                                                    : 0;
}

static void rq_finish(struct rp_joblog *l)
{
    rp_log_settled(l);
    rp_log_close_all(l);
}

const struct rp_log_format rp_format_rq = {"rq", rq_score, rq_line, rq_finish, RP_RUN_UNFINISHED};
