/* GET /metrics: Prometheus text, version 0.0.4. All counts come from one snapshot of the store, so
 * that they agree with its rows and with each other (G30). */
#include "api/handlers.h"

struct page {
    struct rp_buf *out;
    struct rp_db *db;
    struct request *q;
    int64_t now;
    struct rp_queue_row *queues;
    struct rp_type_row *types;
    size_t n_queues, n_types;
};

static void family(struct page *p, const char *name, const char *type, const char *help)
{
    rp_buf_fmt(p->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void label(struct page *p, char before, const char *name, struct rp_str value)
{
    rp_buf_fmt(p->out, "%c%s=\"", before, name);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\n')
            rp_buf_str(p->out, RP_STR("\\n"));
        else if (c == '"' || c == '\\')
            rp_buf_fmt(p->out, "\\%c", c);
        else
            rp_buf_c(p->out, c);
    }
    rp_buf_c(p->out, '"');
}

static void plain(struct page *p, const char *name, const char *type, const char *help, int64_t v)
{
    family(p, name, type, help);
    rp_buf_fmt(p->out, "%s %lld\n", name, (long long)v);
}

static void labelled(struct page *p, const char *name, const char *label_name, struct rp_str value,
                     int64_t v)
{
    rp_buf_fmt(p->out, "%s", name);
    label(p, '{', label_name, value);
    rp_buf_fmt(p->out, "} %lld\n", (long long)v);
}

/* ---- jobs and queues ---- */

static void sample2(struct page *p, const char *name, struct rp_str queue, const char *state,
                    int64_t v)
{
    rp_buf_fmt(p->out, "%s", name);
    label(p, '{', "queue", queue);
    label(p, ',', "state", rp_str_of(state));
    rp_buf_fmt(p->out, "} %lld\n", (long long)v);
}

static void jobs(struct page *p)
{
    int64_t unknown = 0, n[4] = {0}, running = 0;
    for (size_t i = 0; i < p->n_types; i++)
        unknown += p->types[i].unknown;
    for (size_t i = 0; i < p->n_queues; i++) {
        const struct rp_queue_row *q = &p->queues[i];
        n[0] += q->scheduled;
        n[1] += q->waiting;
        n[2] += q->retrying;
        n[3] += q->failed;
        running += q->running;
    }
    family(p, "reprise_jobs", "gauge", "Jobs by state: those that live or are not resolved.");
    labelled(p, "reprise_jobs", "state", RP_STR("scheduled"), n[0]);
    labelled(p, "reprise_jobs", "state", RP_STR("queued"), n[1]);
    labelled(p, "reprise_jobs", "state", RP_STR("running"), running);
    labelled(p, "reprise_jobs", "state", RP_STR("retrying"), n[2]);
    labelled(p, "reprise_jobs", "state", RP_STR("failed"), n[3]);
    labelled(p, "reprise_jobs", "state", RP_STR("unknown"), unknown);
}

static void queues(struct page *p)
{
    family(p, "reprise_queue_jobs", "gauge", "Jobs of a queue by state.");
    for (size_t i = 0; i < p->n_queues; i++) {
        const struct rp_queue_row *q = &p->queues[i];
        sample2(p, "reprise_queue_jobs", q->name, "scheduled", q->scheduled);
        sample2(p, "reprise_queue_jobs", q->name, "queued", q->waiting);
        sample2(p, "reprise_queue_jobs", q->name, "running", q->running);
        sample2(p, "reprise_queue_jobs", q->name, "retrying", q->retrying);
        sample2(p, "reprise_queue_jobs", q->name, "failed", q->failed);
    }
    family(p, "reprise_queue_held_jobs", "gauge",
           "Queued jobs that wait for a dependency, a command or their type.");
    for (size_t i = 0; i < p->n_queues; i++)
        labelled(p, "reprise_queue_held_jobs", "queue", p->queues[i].name, p->queues[i].held);
    family(p, "reprise_queue_oldest_age_seconds", "gauge",
           "How long the oldest queued job has been due, 0 if there is none.");
    for (size_t i = 0; i < p->n_queues; i++) {
        int64_t age = p->queues[i].oldest_us != 0 ? p->now - p->queues[i].oldest_us : 0;
        labelled(p, "reprise_queue_oldest_age_seconds", "queue", p->queues[i].name,
                 age > 0 ? age / RP_US_S : 0);
    }
    family(p, "reprise_queue_paused", "gauge", "1 while a person paused the queue.");
    for (size_t i = 0; i < p->n_queues; i++)
        labelled(p, "reprise_queue_paused", "queue", p->queues[i].name,
                 p->queues[i].paused_us != 0);
}

/* ---- what ended ---- */

static bool outcomes(struct page *p, struct rp_err *err)
{
    struct rp_rate all;
    if (!rp_rate_since(p->db, RP_NONE, 0, &all, err))
        return false;
    family(p, "reprise_runs_total", "counter",
           "Runs that ended for good, by outcome; failed includes lost ones.");
    labelled(p, "reprise_runs_total", "outcome", RP_STR("succeeded"), all.runs - all.failed);
    labelled(p, "reprise_runs_total", "outcome", RP_STR("failed"), all.failed - all.timeouts);
    labelled(p, "reprise_runs_total", "outcome", RP_STR("timeout"), all.timeouts);
    plain(p, "reprise_retried_failures_total", "counter",
          "Attempts that failed and were followed by another one.", all.retried_failures);
    return true;
}

/* ---- the rest ---- */

static bool dependencies(struct page *p, struct rp_err *err)
{
    struct rp_dep_row *rows;
    size_t n;
    if (!rp_deps_list(p->db, &p->q->arena, &rows, &n, err))
        return false;
    family(p, "reprise_dependency_up", "gauge",
           "1 up, 0 down; absent until it was checked for the first time.");
    for (size_t i = 0; i < n; i++)
        if (rows[i].active && rows[i].state != RP_DEP_UNKNOWN)
            labelled(p, "reprise_dependency_up", "dependency", rows[i].name,
                     rows[i].state == RP_DEP_UP);
    family(p, "reprise_dependency_held_jobs", "gauge",
           "Jobs that a dependency holds back: queued while it is down, or failed by its fault.");
    for (size_t i = 0; i < n; i++)
        if (rows[i].active)
            labelled(p, "reprise_dependency_held_jobs", "dependency", rows[i].name, rows[i].held);
    return true;
}

static bool schedules(struct page *p, struct rp_err *err)
{
    struct rp_schedule_row *rows;
    size_t n;
    int64_t missed = 0;
    if (!rp_schedules_list(p->db, p->now, &p->q->arena, &rows, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        missed += rows[i].missed_24h;
    plain(p, "reprise_schedule_missed_24h", "gauge", "Instants missed in the last 24 hours.",
          missed);
    return true;
}

static void turns(struct page *p, const struct rp_turns *t)
{
    int64_t n = 0;
    family(p, "reprise_writer_turn_seconds", "histogram",
           "How long the writer was taken at a time: a transaction with its commit.");
    for (int i = 0; i < RP_TURN_STEPS; i++)
        rp_buf_fmt(p->out, "reprise_writer_turn_seconds_bucket{le=\"%g\"} %lld\n",
                   (double)rp_turn_steps_us[i] / 1e6, (long long)(n += t->n[i]));
    n += t->n[RP_TURN_STEPS];
    rp_buf_fmt(p->out,
               "reprise_writer_turn_seconds_bucket{le=\"+Inf\"} %lld\n"
               "reprise_writer_turn_seconds_sum %.6f\nreprise_writer_turn_seconds_count %lld\n",
               (long long)n, (double)t->sum_us / 1e6, (long long)n);
    family(p, "reprise_writer_turn_longest_seconds", "gauge",
           "The longest of these since start, by the clock and of processor time.");
    rp_buf_fmt(p->out,
               "reprise_writer_turn_longest_seconds{by=\"clock\"} %.6f\n"
               "reprise_writer_turn_longest_seconds{by=\"cpu\"} %.6f\n",
               (double)t->longest_us / 1e6, (double)t->longest_cpu_us / 1e6);
}

static void engine(struct page *p)
{
    struct rp_engine_state s;
    rp_engine_state(p->q->api->engine, &s);
    family(p, "reprise_info", "gauge", "Always 1.");
    rp_buf_fmt(p->out, "reprise_info");
    label(p, '{', "version", RP_STR(RP_VERSION));
    label(p, ',', "node", rp_str_of(rp_engine_node(p->q->api->engine)));
    rp_buf_fmt(p->out, "} 1\n");
    family(p, "reprise_start_time_seconds", "gauge", "When the daemon started, Unix time.");
    rp_buf_fmt(p->out, "reprise_start_time_seconds %.3f\n", (double)s.started_us / 1e6);
    plain(p, "reprise_writable", "gauge", "1 if the last commit went through.", !s.write_fails);
    plain(p, "reprise_clock_corrections_total", "counter",
          "Times that the wall clock was set by more than 3 h.", s.correction.n);
    plain(p, "reprise_commits_total", "counter", "Transactions of the writer.", s.commits);
    plain(p, "reprise_ops_total", "counter", "Operations in these transactions.", s.ops);
    plain(p, "reprise_ops_waiting", "gauge", "Operations that wait for the writer.", s.ops_waiting);
    plain(p, "reprise_store_log_bytes", "gauge",
          "What the store's log holds; it begins anew once all of it is in the store's file.",
          s.log.bytes);
    plain(p, "reprise_store_log_behind_bytes", "gauge",
          "Of these, what is not in the store's file yet.", s.log.behind_bytes);
    turns(p, &s.turns);
    plain(p, "reprise_commands_running", "gauge", "Command processes on this node.", s.running);
    plain(p, "reprise_http_requests_open", "gauge", "Requests that are not answered yet.",
          (int64_t)atomic_load(&p->q->api->under_way));
}

bool r_metrics(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct page p = {.out = &q->out, .db = db, .q = q, .now = request_now(q)};
    if (!no_query(q, err) || !rp_queues_list(db, p.now, &q->arena, &p.queues, &p.n_queues, err) ||
        !rp_types_list(db, p.now, &q->arena, &p.types, &p.n_types, err))
        return false;
    answer_begin(q, 200);
    q->content_type = "text/plain; version=0.0.4; charset=utf-8";
    jobs(&p);
    queues(&p);
    if (!outcomes(&p, err) || !dependencies(&p, err) || !schedules(&p, err))
        return false;
    engine(&p);
    return true;
}
