/* APScheduler 3 through Python's logging, whatever its layout: the messages are what counts.
 *
 *     … Running job "poll (trigger: interval[0:00:02], next run at: …)" (scheduled at …)
 *     … Job "poll (trigger: …)" executed successfully
 *     … Job "poll (trigger: …)" raised an exception
 *     Traceback (most recent call last): …
 *
 * A run has no id: of one job that overlaps itself, ends are given to the runs in order. Runs that
 * were missed or skipped never ran. */
#include "analyze/formats/format.h"

enum message { OTHER, STARTED, OK, RAISED };

struct entry {
    int64_t at_us;
    enum message kind;
    struct rp_str name, text;
};

/* The name in quotes, up to what the trigger adds. */
static bool quoted(struct rp_str s, const char *front, const char *back, struct entry *e)
{
    size_t at = rp_str_find(s, rp_str_of(front));
    if (at == SIZE_MAX || (at > 0 && is_alnum(s.p[at - 1])))
        return false;
    s = str_from(s, at);
    e->text = s;
    s = str_from(s, strlen(front));
    size_t end = rp_str_find(s, rp_str_of(back));
    if (end == SIZE_MAX)
        return false;
    s = str_head(s, end);
    e->name = str_head(s, rp_str_find(s, RP_STR(" (trigger: ")));
    return e->name.n > 0;
}

static void read_message(struct rp_str line, struct entry *e)
{
    line = str_head(line, 4096);
    e->kind = quoted(line, "Running job \"", "\" (scheduled at ", e)  ? STARTED
              : quoted(line, "Job \"", "\" executed successfully", e) ? OK
              : quoted(line, "Job \"", "\" raised an exception", e)   ? RAISED
                                                                      : OTHER;
}

static void on_end(struct rp_joblog *l, const struct entry *e)
{
    struct rp_open_run *r = rp_log_find_oldest(l, e->name, RP_STR(""));
    if (r == NULL) /* began before the log */
        r = rp_log_open(l, e->name, RP_STR(""), RP_NO_TIME);
    l->saw_ends = true;
    if (e->kind == OK) {
        rp_log_close(l, r, RP_RUN_SUCCEEDED, e->at_us);
        return;
    }
    rp_tail_add(&r->error, e->text);
    rp_log_settle(l, r, RP_RUN_FAILED, e->at_us);
}

static void apscheduler_line(struct rp_joblog *l, struct rp_str line)
{
    struct entry e;
    struct rp_str rest = line;
    read_message(line, &e);
    if (!rp_take_prefix(&l->o.stamp, &rest, &e.at_us) && e.kind == OTHER) {
        rp_log_unprefixed(l, line);
        return;
    }
    rp_log_settled(l);
    if (e.kind == STARTED)
        (void)rp_log_open(l, e.name, RP_STR(""), e.at_us);
    else if (e.kind != OTHER)
        on_end(l, &e);
    rp_log_count(l, e.kind != OTHER);
}

static int apscheduler_score(struct rp_str line)
{
    struct entry e;
    read_message(line, &e);
    return e.kind != OTHER ? 10 : str_has(str_head(line, 200), "apscheduler.") ? 2 : 0;
}

static void apscheduler_finish(struct rp_joblog *l)
{
    rp_log_settled(l);
    rp_log_close_all(l);
}

const struct rp_log_format rp_format_apscheduler = {
    "apscheduler", apscheduler_score, apscheduler_line, apscheduler_finish, RP_RUN_UNFINISHED};
