/* GitHub Actions: the raw log of jobs, "2026-11-23T02:00:14.3287620Z text", also with the job's and
 * the step's name in front as `gh run view --log` prints it.
 *
 * A run is a job, from "Current runner version" to "Cleaning up orphan processes". It failed if a
 * line is an ##[error]; its error is what the step printed up to there. A step that may fail
 * (continue-on-error) looks the same in the log. */
#include "analyze/formats/format.h"

enum { ERRORS = 1, CANCELLED = 2, LIMIT = 4, COMMAND = 8 }; /* bits of a run's number */

struct entry {
    int64_t at_us;
    struct rp_str job, text; /* job: of gh's first column, absent without */
};

/* "2026-11-23T02:00:14.3287620Z " */
static bool take_time(struct rp_stamp *st, struct rp_str *s, int64_t *us)
{
    bool syslog;
    size_t z = rp_find_byte(str_head(*s, 40), 'Z');
    return z != SIZE_MAX && z >= 19 && s->p[10] == 'T' && rp_stamp_take(st, s, us, &syslog) &&
           (s->n == 0 || rp_skip(s, " "));
}

static bool read_entry(struct rp_stamp *st, struct rp_str line, struct entry *e)
{
    struct rp_str s = line;
    e->job = RP_NONE;
    if (s.n > 20 && !is_digit(s.p[0])) {
        e->job = rp_take_until(&s, '\t');
        (void)rp_take_until(&s, '\t');
    }
    (void)rp_skip(&s, "\xEF\xBB\xBF");
    if (!take_time(st, &s, &e->at_us))
        return false;
    e->text = s;
    return true;
}

static struct rp_open_run *current(struct rp_joblog *l)
{
    return l->n_open > 0 ? l->open[0] : NULL;
}

static bool begins(struct rp_str text)
{
    return rp_str_starts(text, "Current runner version:");
}

/* The log of a job that ends without its clean-up. */
static void close_left(struct rp_joblog *l)
{
    struct rp_open_run *r = current(l);
    if (r != NULL && r->type.n == 0)
        rp_log_rename(l, r, RP_STR("job"), r->id);
    rp_log_close_all(l);
}

static void on_start(struct rp_joblog *l, const struct entry *e)
{
    close_left(l);
    (void)rp_log_open(l, e->job.n > 0 ? e->job : RP_STR(""), RP_STR(""), e->at_us);
}

/* What the runner says before and after a job. */
static bool around(struct rp_str text)
{
    static const char *const fronts[] = {"Terminate orphan process",
                                         "Requested labels: ",
                                         "Job defined at: ",
                                         "Waiting for a runner",
                                         "Job is about to start",
                                         "##[",
                                         NULL};
    for (const char *const *f = fronts; *f != NULL; f++)
        if (rp_str_starts(text, *f))
            return true;
    return false;
}

static void on_error(struct rp_open_run *r, struct rp_str text)
{
    struct rp_str says = str_from(text, strlen("##[error]"));
    r->number |= ERRORS;
    if (str_has(says, "exceeded the maximum execution time") ||
        (rp_str_starts(says, "The action '") && str_has(says, "has timed out after")))
        r->number |= LIMIT;
    if (rp_str_starts(says, "The operation was canceled"))
        r->number |= CANCELLED;
    else
        r->number |= r->number & CANCELLED ? 0 : ERRORS << 8; /* an error of its own */
    rp_tail_add(&r->error, text);
}

static enum rp_run_outcome outcome_of(uint64_t saw)
{
    if (saw & LIMIT)
        return RP_RUN_TIMEOUT;
    if ((saw & CANCELLED) && !(saw & (ERRORS << 8)))
        return RP_RUN_CANCELLED;
    return saw & ERRORS ? RP_RUN_FAILED : RP_RUN_SUCCEEDED;
}

/* Output of a step; only that of the step which fails is kept. */
static void on_output(struct rp_open_run *r, struct rp_str text)
{
    if (r->number & ERRORS)
        return;
    if (rp_str_starts(text, "##[group]Run ")) {
        rp_tail_clear(&r->error);
        r->number |= COMMAND; /* its command and environment come first */
    } else if (rp_str_starts(text, "##[endgroup]")) {
        if (r->number & COMMAND)
            rp_tail_clear(&r->error);
        r->number &= ~(uint64_t)COMMAND;
    } else if (!rp_str_starts(text, "##[") && rp_str_trim(text).n > 0) {
        rp_tail_add(&r->error, text);
    }
}

static void on_text(struct rp_joblog *l, struct rp_open_run *r, const struct entry *e)
{
    struct rp_str s = e->text;
    if (rp_skip(&s, "Complete job name: ")) {
        rp_log_rename(l, r, rp_str_trim(s), r->id);
    } else if (rp_str_starts(s, "##[error]")) {
        on_error(r, s);
    } else if (rp_str_starts(s, "Cleaning up orphan processes")) {
        l->saw_ends = true;
        if (r->type.n == 0)
            rp_log_rename(l, r, RP_STR("job"), r->id);
        rp_log_close(l, r, outcome_of(r->number), e->at_us);
    } else {
        on_output(r, s);
    }
}

static void github_line(struct rp_joblog *l, struct rp_str line)
{
    struct entry e;
    struct rp_open_run *r = current(l);
    if (!read_entry(&l->o.stamp, line, &e)) {
        if (r != NULL)
            on_output(r, line);
        else
            l->stats.unassigned_lines += rp_str_trim(line).n > 0;
        return;
    }
    if (begins(e.text))
        on_start(l, &e);
    else if (r != NULL)
        on_text(l, r, &e);
    else
        rp_log_count(l, around(e.text));
}

static int github_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct entry e;
    if (!read_entry(&st, line, &e))
        return 0;
    if (begins(e.text)) /* whatever the steps print, the runner's own word decides */
        return 1000;
    return rp_str_starts(e.text, "Complete job name: ") ? 20 : rp_str_starts(e.text, "##[") ? 5 : 0;
}

const struct rp_log_format rp_format_github = {"github-actions", github_score, github_line,
                                               close_left, RP_RUN_UNFINISHED};
