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
 * itself.
 *
 * Airflow 3 writes by structlog, as text or as JSON lines with the same members:
 *
 *     … [info     ] [ed8d…] Executing workload in Celery: … ti=TaskInstance(id=UUID('019e…'), …
 *     … [info     ] Task finished   [supervisor] exit_code=0 final_state=success task_instance_id=…
 *
 * Those are the worker's. The task's own file names neither task nor success: a run is what stands
 * from "DAG bundles loaded" on, it failed or its outcome is unknown. */
#include "analyze/formats/fields.h"
#include "analyze/formats/subject.h"

enum { NAME_BYTES = 512, GOES_ON = 1, OWN_FILE = 2 }; /* others: the hash of the instance's id */

struct own {
    char name[NAME_BYTES], id[NAME_BYTES]; /* of the task instance that was last named */
    size_t name_n, id_n;
    bool limit; /* the current run's time limit was named */
};

struct entry {
    int64_t at_us;
    struct rp_str level, text;
    struct rp_str state, code, instance; /* Airflow 3's, where the line tells of an end */
    struct rp_str dag, task, detail;
};

/* "[info     ] event   [logger] key=value …" behind the time. */
static bool read_structlog(struct rp_stamp *st, struct rp_str s, struct entry *e)
{
    bool syslog;
    if (s.n == 0 || !is_digit(s.p[0]) || !rp_stamp_take(st, &s, &e->at_us, &syslog) ||
        !rp_skip(&s, " ["))
        return false;
    e->level = rp_strip(rp_take_until(&s, ']'), "", " [");
    e->text = rp_strip(s, " ", "");
    e->state = rp_between(s, " final_state=", " ");
    e->code = rp_between(s, " exit_code=", " ");
    size_t at = rp_str_find(s, RP_STR(" task_instance_id="));
    struct rp_str id = at != SIZE_MAX ? str_from(s, at + strlen(" task_instance_id=")) : RP_STR("");
    e->instance = rp_take_word(&id);
    return rp_is_level(e->level);
}

static bool read_json(struct rp_stamp *st, struct rp_fields *f, struct rp_str s, struct entry *e)
{
    static const char *const times[] = {"timestamp", NULL}, *const details[] = {"error_detail",
                                                                                NULL};
    if (!rp_fields_read(f, s))
        return false;
    const struct rp_field *detail = rp_field_of(f, details);
    e->at_us = rp_field_time(st, rp_field_of(f, times));
    e->level = rp_field_text(f, "level");
    e->text = rp_field_text(f, "event");
    e->state = rp_field_text(f, "final_state");
    e->code = rp_field_text(f, "exit_code");
    e->instance = rp_field_text(f, "task_instance_id");
    e->dag = rp_field_text(f, "dag_id");
    e->task = rp_field_text(f, "task_id");
    e->detail = detail != NULL && detail->kind == RP_JSON_ARRAY ? detail->value : RP_STR("");
    return e->text.p != NULL && e->at_us != RP_NO_TIME && e->level.n > 0;
}

static bool read_classic(struct rp_stamp *st, struct rp_str s, struct entry *e)
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

static bool read_entry(struct rp_stamp *st, struct rp_fields *f, struct rp_str s, struct entry *e)
{
    *e = (struct entry){.at_us = RP_NO_TIME, .text = RP_STR("")};
    if (rp_str_starts(s, "{"))
        return read_json(st, f, s, e);
    return read_classic(st, s, e) || read_structlog(st, s, e);
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

/* ---- Airflow 3 ---- */

static uint64_t instance_number(struct rp_str id)
{
    return rp_hash64(id) | 4;
}

/* "… ti=TaskInstance(id=UUID('019e…'), …, task_id='x', dag_id='y', run_id='z', try_number=1, …" */
static bool on_workload(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str behind = e->text;
    if (rp_skip(&behind, "[")) { /* the executor's own id */
        (void)rp_take_until(&behind, ']');
        behind = rp_strip(behind, " ", "");
    }
    if (!rp_str_starts(behind, "Executing "))
        return false;
    size_t at = rp_str_find(e->text, RP_STR("TaskInstance(id=UUID('"));
    if (at == SIZE_MAX)
        return false;
    struct rp_str s = str_from(e->text, at), dag = rp_between(s, " dag_id='", "'"),
                  task = rp_between(s, " task_id='", "'");
    l->clean.n = 0;
    rp_buf_fmt(&l->clean, "%.*s.%.*s", RP_FMT(dag), RP_FMT(task));
    struct rp_open_run *r =
        rp_log_open(l, rp_buf_view(&l->clean), rp_between(s, " run_id='", "'"), e->at_us);
    int64_t attempt = rp_number_after(s, " try_number=");
    r->attempt = attempt > 0 ? attempt : 0;
    r->number = instance_number(rp_between(s, "UUID('", "'"));
    return true;
}

/* Before 3.1.1 the line names no instance: it is of the only one there is. */
static bool on_task_finished(struct rp_joblog *l, const struct entry *e)
{
    struct rp_open_run *r = e->instance.n == 0 && l->n_open == 1 ? l->open[0] : NULL;
    if (!rp_str_starts(e->text, "Task finished") || e->state.n == 0)
        return false;
    for (size_t i = 0; i < l->n_open && e->instance.n > 0; i++)
        if (l->open[i]->number == instance_number(e->instance))
            r = l->open[i];
    if (r == NULL)
        r = rp_log_open(l, RP_STR("task"), e->instance, RP_NO_TIME);
    struct rp_buf why = {0};
    rp_buf_fmt(&why, "Task finished: final_state=%.*s exit_code=%.*s", RP_FMT(e->state),
               RP_FMT(e->code));
    if (r->error.n == 0)
        rp_tail_add(&r->error, rp_buf_view(&why));
    rp_buf_free(&why);
    l->saw_ends = true;
    rp_log_close(l, r, outcome_of(e->state, false), e->at_us);
    return true;
}

static void leave_own_file(struct rp_joblog *l)
{
    struct rp_open_run *r = current(l);
    if (r != NULL && r->number == OWN_FILE)
        rp_log_close(l, r, RP_RUN_UNKNOWN, RP_NO_TIME);
}

static bool on_own_file(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    struct rp_open_run *r = current(l);
    struct rp_buf name = {0};
    if (rp_str_starts(e->text, "DAG bundles loaded")) {
        leave_own_file(l);
        if (e->dag.n > 0 && e->task.n > 0)
            rp_buf_fmt(&name, "%.*s.%.*s", RP_FMT(e->dag), RP_FMT(e->task));
        r = rp_log_open(l, name.n > 0 ? rp_buf_view(&name) : RP_STR("task"), RP_STR(""), e->at_us);
        r->number = OWN_FILE;
        o->limit = false;
        rp_buf_free(&name);
        return true;
    }
    if (r == NULL || r->number != OWN_FILE || !rp_str_starts(e->text, "Task failed with exception"))
        return false;
    struct rp_str type = rp_between(e->detail, "\"exc_type\":\"", "\""),
                  what = rp_between(e->detail, "\"exc_value\":\"", "\"");
    rp_tail_add(&r->error, e->text);
    if (type.n > 0) {
        rp_buf_fmt(&name, "%.*s: %.*s", RP_FMT(type), RP_FMT(what));
        rp_tail_add(&r->error, rp_buf_view(&name));
        rp_buf_free(&name);
    }
    rp_log_close(l, r, str_has(type, "TaskTimeout") ? RP_RUN_TIMEOUT : RP_RUN_FAILED, e->at_us);
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

static void on_entry(struct rp_joblog *l, struct own *o, const struct entry *e)
{
    int64_t attempt = rp_number_after(e->text, "Starting attempt ");
    l->pending = NULL;
    if (attempt > 0 && rp_str_starts(e->text, "Starting attempt "))
        on_start(l, o, e, attempt);
    else if (rp_str_starts(e->text, "TaskInstance Finished: "))
        on_finished(l, e);
    else if (!on_workload(l, e) && !on_task_finished(l, e) && !on_own_file(l, o, e) &&
             !on_marking(l, o, e) && !on_exit_code(l, o, e))
        on_text(l, o, e);
}

static void airflow_line(struct rp_joblog *l, struct rp_str line)
{
    struct own *o = rp_log_own(l, sizeof *o);
    struct rp_fields f = {0};
    struct entry e;
    if (!read_entry(&l->o.stamp, &f, line, &e)) {
        o->limit = o->limit || (l->pending != NULL && names_limit(line));
        if (!rp_log_follow(l, line) && rp_str_trim(line).n > 0) {
            l->pending = NULL;
            l->stats.unassigned_lines++;
        }
    } else {
        on_entry(l, o, &e);
    }
    rp_fields_free(&f);
}

/* structlog is not Airflow's alone: only what Airflow says counts there. */
static int points_of(struct rp_str line, const struct entry *e)
{
    bool classic = rp_str_starts(line, "[") || str_has(str_head(line, 80), "| [");
    bool own = rp_str_starts(e->text, "DAG bundles loaded") ||
               (rp_str_starts(e->text, "Task finished") && e->state.n > 0) ||
               str_has(e->text, "ti=TaskInstance(id=UUID('");
    bool marks = rp_str_starts(e->text, "Starting attempt ") ||
                 rp_str_starts(e->text, "Marking task as ") ||
                 rp_str_starts(e->text, "TaskInstance Finished: ");
    return own || marks ? 10 : classic ? 4 : 0;
}

static int airflow_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct rp_fields f = {0};
    struct entry e;
    bool known = read_entry(&st, &f, line, &e);
    int points = known ? points_of(line, &e) : 0;
    rp_fields_free(&f);
    return points;
}

static void airflow_finish(struct rp_joblog *l)
{
    l->pending = NULL;
    leave_own_file(l);
    rp_log_close_all(l);
}

const struct rp_log_format rp_format_airflow = {"airflow", airflow_score, airflow_line,
                                                airflow_finish, RP_RUN_UNFINISHED};
