/* Airflow 1.10 and 2: the log of task attempts, "[TIME] {file.py:LINE} LEVEL - message".
 *
 *     … INFO - Starting attempt 1 of 2
 *     … INFO - Executing <Task(PythonOperator): extract> on 2026-11-22 00:00:00+00:00
 *     … ERROR - Task failed with exception
 *     Traceback (most recent call last): …
 *     … INFO - Marking task as UP_FOR_RETRY. dag_id=sales, task_id=extract, …
 *
 * One attempt after the other; one without "Marking task" lost its worker. A rescheduled or
 * deferred attempt goes on under its number. The scheduler's "TaskInstance Finished" is a run by
 * itself. */
#include "analyze/formats/format.h"

enum { NAME_BYTES = 512, GOES_ON = 1 };

struct own {
    char name[NAME_BYTES], id[NAME_BYTES]; /* of the task instance that was last named */
    size_t name_n, id_n;
    bool limit; /* the current run's time limit was named */
};

struct entry {
    int64_t at_us;
    struct rp_str level, text;
};

static bool read_entry(struct rp_stamp *st, struct rp_str s, struct entry *e)
{
    bool syslog;
    size_t bar = !rp_str_starts(s, "[") ? rp_str_find(str_head(s, 80), RP_STR("| [")) : SIZE_MAX;
    if (bar != SIZE_MAX) /* docker compose logs: "airflow-worker-1  | [" */
        s = str_from(s, bar + 2);
    if (!rp_str_starts(s, "[") || !rp_stamp_take(st, &s, &e->at_us, &syslog) || !rp_skip(&s, " {"))
        return false;
    struct rp_str file = rp_take_until(&s, '}');
    size_t colon = rp_find_byte(file, ':');
    if (colon == SIZE_MAX || !rp_skip(&s, " "))
        return false;
    e->level = rp_take_word(&s);
    if (!rp_skip(&s, "- "))
        return rp_str_is(s, "-"); /* an empty message */
    e->text = s;
    return true;
}

static void put(char *to, size_t *n, struct rp_str s)
{
    s = str_head(s, NAME_BYTES);
    *n = s.n > 0 ? rp_utf8_whole(s.p, s.n) : 0;
    if (*n > 0)
        memcpy(to, s.p, *n);
}

static struct rp_str name_of(const struct own *o)
{
    return (struct rp_str){o->name, o->name_n};
}

static struct rp_open_run *current(struct rp_joblog *l)
{
    return l->n_open > 0 ? l->open[l->n_open - 1] : NULL;
}

/* "<TaskInstance: dag.task run_id [state]>" */
static bool instance(struct rp_str text, struct rp_str *name, struct rp_str *id)
{
    struct rp_str s = rp_between(text, "<TaskInstance: ", " [");
    *name = rp_take_word(&s);
    *id = s;
    return name->n > 0;
}

/* "Running: ['airflow', 'tasks', 'run', 'dag', 'task', 'run_id', …", and "dag_id=…, task_id=…," */
static bool joined(struct rp_joblog *l, struct rp_str text, struct rp_str *name, struct rp_str *id)
{
    struct rp_str dag, task;
    *id = RP_STR("");
    if (rp_str_starts(text, "Running: [")) {
        dag = rp_between(text, "'run', '", "'");
        if (dag.n == 0)
            return false;
        struct rp_str rest = {dag.p + dag.n, (size_t)(text.p + text.n - (dag.p + dag.n))};
        task = rp_between(rest, "', '", "'");
        if (task.n > 0) {
            rest = (struct rp_str){task.p + task.n, (size_t)(text.p + text.n - (task.p + task.n))};
            *id = rp_between(rest, "', '", "'");
        }
    } else {
        dag = rp_between(text, "dag_id=", ",");
        task = rp_between(text, "task_id=", ",");
        *id = rp_between(text, " run_id=", ",");
    }
    if (dag.n == 0 || task.n == 0)
        return false;
    l->clean.n = 0;
    rp_buf_fmt(&l->clean, "%.*s.%.*s", RP_FMT(dag), RP_FMT(task));
    *name = rp_buf_view(&l->clean);
    return true;
}

/* "load" of "sales.load": "Executing <Task(…): load>" does not say more. */
static bool is_task_of(struct rp_str task, struct rp_str name)
{
    size_t at = name.n - task.n;
    return task.n < name.n && name.p[at - 1] == '.' && rp_str_eq(str_from(name, at), task);
}

/* A line that names the task instance: the current run's, or that of the one that begins next. */
static bool learn(struct rp_joblog *l, struct own *o, struct rp_str text)
{
    struct rp_str name, id;
    struct rp_open_run *r = current(l);
    if (!instance(text, &name, &id) && !joined(l, text, &name, &id))
        return false;
    bool takes = r != NULL && r->number != GOES_ON &&
                 (r->type.n == 0 || rp_str_eq(r->type, name) || is_task_of(r->type, name));
    if (takes && (r->type.n < name.n || r->id.n == 0))
        rp_log_rename(l, r, name, id.n > 0 ? id : r->id);
    if (takes)
        return true;
    put(o->name, &o->name_n, name);
    put(o->id, &o->id_n, id);
    return true;
}

static void close_left(struct rp_joblog *l)
{
    for (size_t i = l->n_open; i > 0; i--)
        if (l->open[i - 1]->number != GOES_ON)
            rp_log_close_open(l, l->open[i - 1]);
}

static void on_start(struct rp_joblog *l, struct own *o, const struct entry *e, int64_t attempt)
{
    struct rp_str id = {o->id, o->id_n};
    close_left(l); /* its worker was lost */
    struct rp_open_run *r = o->name_n > 0 ? rp_log_find(l, name_of(o), id) : NULL;
    if (r != NULL && r->attempt == attempt) {
        r->number = 0; /* a sensor that was rescheduled */
        return;
    }
    r = rp_log_open(l, name_of(o), id, e->at_us);
    r->attempt = attempt;
    o->limit = false;
    o->name_n = o->id_n = 0;
}

static enum rp_run_outcome outcome_of(struct rp_str state, bool limit)
{
    static const char *const good[] = {"success", NULL};
    static const char *const bad[] = {"failed", "up_for_retry", "upstream_failed", NULL};
    if (rp_str_in(state, good))
        return RP_RUN_SUCCEEDED;
    if (rp_str_in(state, bad))
        return limit ? RP_RUN_TIMEOUT : RP_RUN_FAILED;
    return RP_RUN_CANCELLED; /* skipped, removed */
}

static void end(struct rp_joblog *l, struct own *o, const struct entry *e,
                enum rp_run_outcome outcome)
{
    struct rp_open_run *r = current(l);
    if (r == NULL) { /* began before the log */
        r = rp_log_open(l, name_of(o), (struct rp_str){o->id, o->id_n}, RP_NO_TIME);
        o->name_n = o->id_n = 0;
    }
    l->saw_ends = true;
    if (r->error.n == 0)
        rp_tail_add(&r->error, e->text);
    rp_log_close(l, r, outcome, e->at_us);
}

static int64_t stamp_behind(struct rp_joblog *l, struct rp_str text, const char *mark)
{
    struct rp_str s = rp_between(text, mark, ",");
    int64_t us;
    bool syslog;
    return s.n > 0 && rp_stamp_take(&l->o.stamp, &s, &us, &syslog) ? us : RP_NO_TIME;
}

/* The scheduler's: "TaskInstance Finished: dag_id=…, …, state=failed, …, try_number=1, …" */
static void on_finished(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str name, id;
    if (!joined(l, e->text, &name, &id))
        return;
    struct rp_open_run *r = rp_log_open(l, name, id, stamp_behind(l, e->text, "run_start_date="));
    int64_t attempt = rp_number_after(e->text, " try_number="),
            end_us = stamp_behind(l, e->text, "run_end_date=");
    r->attempt = attempt > 0 ? attempt : 0;
    l->saw_ends = true;
    rp_tail_add(&r->error, e->text);
    static const char *const not_final[] = {"queued", "running", "scheduled", NULL};
    struct rp_str state = rp_between(e->text, " state=", ",");
    if (rp_str_in(state, not_final)) /* "although the task says it's queued" */
        state = rp_between(e->text, " executor_state=", ",");
    rp_log_close(l, r, outcome_of(state, false), end_us != RP_NO_TIME ? end_us : e->at_us);
}

static bool on_exit_code(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    struct rp_str s = e->text;
    if (!rp_skip(&s, "Task exited with return code "))
        return false;
    if (current(l) != NULL && current(l)->number != GOES_ON) /* it could not say so itself */
        end(l, o, e, rp_str_is(rp_str_trim(s), "0") ? RP_RUN_SUCCEEDED : RP_RUN_FAILED);
    return true;
}

static bool on_marking(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    struct rp_str s = e->text;
    if (rp_str_starts(s, "Rescheduling task") || rp_str_starts(s, "Pausing task as DEFERRED")) {
        if (current(l) != NULL)
            current(l)->number = GOES_ON;
        return true;
    }
    if (!rp_skip(&s, "Marking task as "))
        return false;
    (void)learn(l, o, e->text);
    end(l, o, e, outcome_of(rp_strip(rp_take_word(&s), "", ".,"), o->limit));
    return true;
}

static bool names_limit(struct rp_str s)
{
    return str_has(s, "AirflowTaskTimeout") || str_has(s, "AirflowSensorTimeout") ||
           rp_str_starts(s, "Process timed out, PID");
}

static void on_text(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    static const char *const bad[] = {"error", "critical", NULL};
    struct rp_open_run *r = current(l);
    struct rp_str task = rp_between(e->text, "Executing <Task(", "> on ");
    if (!learn(l, o, e->text) && task.n > 0 && r != NULL && r->type.n == 0) {
        size_t at = rp_str_find(task, RP_STR("): "));
        if (at != SIZE_MAX)
            rp_log_rename(l, r, str_from(task, at + 3), r->id);
    }
    if (r == NULL || !rp_str_in(e->level, bad))
        return;
    o->limit = o->limit || names_limit(e->text);
    rp_tail_add(&r->error, e->text);
    l->pending = r; /* its stack trace follows */
    l->trace = TRACE_NONE;
}

static void airflow_line(struct rp_joblog *l, struct rp_str line)
{
    struct own *o = rp_log_own(l, sizeof *o);
    struct entry e = {.text = RP_STR("")};
    if (!read_entry(&l->o.stamp, line, &e)) {
        o->limit = o->limit || (l->pending != NULL && names_limit(line));
        if (!rp_log_follow(l, line) && rp_str_trim(line).n > 0) {
            l->pending = NULL;
            l->stats.unassigned_lines++;
        }
        return;
    }
    l->pending = NULL;
    int64_t attempt = rp_number_after(e.text, "Starting attempt ");
    if (attempt > 0 && rp_str_starts(e.text, "Starting attempt "))
        on_start(l, o, &e, attempt);
    else if (rp_str_starts(e.text, "TaskInstance Finished: "))
        on_finished(l, &e);
    else if (!on_marking(l, o, &e) && !on_exit_code(l, o, &e))
        on_text(l, o, &e);
}

static int airflow_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct entry e = {.text = RP_STR("")};
    if (!read_entry(&st, line, &e))
        return 0;
    return rp_str_starts(e.text, "Starting attempt ") ||
                   rp_str_starts(e.text, "Marking task as ") ||
                   rp_str_starts(e.text, "TaskInstance Finished: ")
               ? 10
               : 4;
}

static void airflow_finish(struct rp_joblog *l)
{
    l->pending = NULL;
    rp_log_close_all(l);
}

const struct rp_log_format rp_format_airflow = {"airflow", airflow_score, airflow_line,
                                                airflow_finish, RP_RUN_UNFINISHED};
