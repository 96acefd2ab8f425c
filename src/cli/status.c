/* status and doctor: the runbook's first two minutes, and what is wrong with this installation. */
#include "cli/groups.h"
#include "cli/internal.h"

enum { LABEL = 11 };

static void missed_part(struct cli *cli, struct line *l, struct rp_str status)
{
    struct items i;
    size_t n = items_count(status, "schedules.missed");
    if (n == 0)
        return;
    const char *first = "";
    items_open(&i, status, "schedules.missed");
    if (items_next(&i))
        first = show_fmt(cli, "%s, %.5s UTC", doc_show(cli, i.value, "name"),
                         show_clock(cli, doc_time(cli, i.value, "instant")));
    items_close(&i);
    line_part(l, "%s",
              painted(cli, RED, show_fmt(cli, "%zu missed (%s%s)", n, first, n > 1 ? ", …" : "")));
}

static void scheduler_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    int64_t tick = doc_time(cli, s, "last_tick_at"), paused = doc_i64(s, "schedules.paused", 0);
    line_begin(&l, cli, "scheduler", LABEL);
    line_part(&l, "%s on %s",
              doc_bool(s, "stopping") ? painted(cli, YELLOW, "stopping") : "running",
              doc_show(cli, s, "node"));
    if (tick != 0)
        line_part(&l, "last tick %s ago", show_age(cli, tick));
    line_part(&l, "%s",
              show_plural(cli, doc_i64(s, "schedules.active", 0), "schedule", "schedules"));
    if (paused > 0)
        line_part(&l, "%s paused", show_count(cli, paused));
    missed_part(cli, &l, s);
    line_end(&l);
}

/* U30: health does not stay green while the store is stuck. */
static bool store_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    if (!doc_has(s, "write_fails"))
        return true;
    line_begin(&l, cli, "store", LABEL);
    line_part(&l, "%s", painted(cli, RED, "WRITING FAILS"));
    int64_t since = doc_time(cli, s, "write_fails.since");
    if (since != 0)
        line_part(&l, "since %s", show_time(cli, since));
    line_part(&l, "%s", doc_show(cli, s, "write_fails.problem.detail"));
    line_part(&l, "%s", doc_show(cli, s, "write_fails.problem.hint"));
    line_end(&l);
    return false;
}

/* It has no bound while a reader stands in its way. */
static void log_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    int64_t bytes = doc_i64(s, "store_log.bytes", 0);
    if (bytes == 0)
        return;
    line_begin(&l, cli, "store", LABEL);
    line_part(
        &l, "%s",
        painted(cli, YELLOW, show_fmt(cli, "its log has grown to %s", show_bytes(cli, bytes))));
    line_part(&l, "%s of it not in its file yet",
              show_bytes(cli, doc_i64(s, "store_log.behind_bytes", 0)));
    line_part(&l, "somebody reads the store for long: reprise doctor");
    line_end(&l);
}

/* Schedules, rule 11. */
static void clock_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    int64_t by = doc_i64(s, "clock_set.by_s", 0);
    if (by == 0)
        return;
    line_begin(&l, cli, "clock", LABEL);
    line_part(
        &l, "%s",
        painted(cli, RED,
                show_fmt(cli, "ALERT the wall clock was set %s by %s", by > 0 ? "forward" : "back",
                         show_span(cli, (by > 0 ? by : -by) * RP_US_S))));
    line_part(&l, "at %s", show_time(cli, doc_time(cli, s, "clock_set.at")));
    line_part(&l, "schedules started from the new time");
    line_end(&l);
}

static bool failures_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    int64_t runs = doc_i64(s, "failures.runs", 0), since = doc_time(cli, s, "failures.since");
    const char *window = show_span(cli, doc_i64(s, "failures.window_s", 900) * RP_US_S);
    bool alert = doc_bool(s, "failures.alert");
    line_begin(&l, cli, "failures", LABEL);
    if (runs == 0)
        line_part(&l, "no runs in the last %s", window);
    else
        line_part(&l, "%s of %s in the last %s", show_percent(cli, doc_f64(s, "failures.rate", 0)),
                  show_plural(cli, runs, "run", "runs"), window);
    if (alert) {
        line_part(&l, "%s",
                  painted(cli, RED,
                          show_fmt(cli, "ALERT job_failure_rate > %s",
                                   show_percent(cli, doc_f64(s, "failures.above", 0)))));
        if (since != 0)
            line_part(&l, "since %s", show_time(cli, since));
    }
    int64_t retried = doc_i64(s, "retried_failures", 0);
    if (retried > 0)
        line_part(&l, "%s",
                  show_plural(cli, retried, "failed attempt was retried",
                              "failed attempts were retried"));
    line_end(&l);
    return !alert;
}

static void queue_part(struct cli *cli, struct line *l, struct rp_str q)
{
    int64_t waiting = doc_i64(q, "waiting", 0), held = doc_i64(q, "held", 0),
            oldest = doc_time(cli, q, "oldest_at");
    const char *name = doc_show(cli, q, "name");
    const char *paused = doc_has(q, "paused") ? painted(cli, YELLOW, " (paused)") : "";
    const char *h = held > 0 ? show_fmt(cli, ", %s held", show_count(cli, held)) : "";
    if (waiting == 0)
        line_part(l, "%s 0%s%s", name, paused, h);
    else
        line_part(l, "%s %s waiting%s%s%s", name, show_count(cli, waiting),
                  oldest != 0 ? ", oldest " : "", oldest != 0 ? show_age(cli, oldest) : "",
                  show_fmt(cli, "%s%s", h, paused));
}

static void backlog_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    struct items i;
    int64_t running = doc_i64(s, "running", 0);
    line_begin(&l, cli, "backlog", LABEL);
    if (items_count(s, "queues") == 0)
        line_part(&l, "nothing waits");
    for (items_open(&i, s, "queues"); items_next(&i);)
        queue_part(cli, &l, i.value);
    items_close(&i);
    if (running > 0)
        line_part(&l, "%s running", show_count(cli, running));
    line_end(&l);
}

static void impact_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    struct items i;
    int64_t failed = doc_i64(s, "failed_total", 0), unknown = doc_i64(s, "unknown_total", 0);
    line_begin(&l, cli, "impact", LABEL);
    if (failed + unknown == 0)
        line_part(&l, "no failed jobs");
    else
        line_part(&l, "%s%s", show_plural(cli, failed, "failed job", "failed jobs"),
                  unknown > 0 ? show_fmt(cli, ", %s of unknown outcome", show_count(cli, unknown))
                              : "");
    for (items_open(&i, s, "impact"); items_next(&i);)
        line_part(&l, "%s %s%s", doc_show(cli, i.value, "type"),
                  show_count(cli, doc_i64(i.value, "failed", 0) + doc_i64(i.value, "unknown", 0)),
                  doc_bool(i.value, "critical") ? painted(cli, RED, " (critical)") : "");
    items_close(&i);
    line_end(&l);
}

static void deps_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    struct items i;
    int64_t up = 0;
    if (items_count(s, "deps") == 0)
        return;
    line_begin(&l, cli, "needs", LABEL);
    for (items_open(&i, s, "deps"); items_next(&i);) {
        struct rp_str state = doc_str(cli, i.value, "state");
        int64_t since = doc_time(cli, i.value, "since");
        if (rp_str_is(state, "up"))
            up++;
        else
            line_part(&l, "%s %s%s%s", doc_show(cli, i.value, "name"),
                      rp_str_is(state, "down") ? painted(cli, RED, "DOWN") : "not checked yet",
                      since != 0 && rp_str_is(state, "down") ? " " : "",
                      since != 0 && rp_str_is(state, "down") ? show_age(cli, since) : "");
    }
    items_close(&i);
    if (up > 0)
        line_part(&l, "%s up", show_count(cli, up));
    line_end(&l);
}

static void replays_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    struct items i;
    if (items_count(s, "replays") == 0)
        return;
    line_begin(&l, cli, "replays", LABEL);
    for (items_open(&i, s, "replays"); items_next(&i);)
        line_part(&l, "%s %s, %s of %s succeeded", doc_show(cli, i.value, "id"),
                  doc_show(cli, i.value, "state"),
                  show_count(cli, doc_i64(i.value, "fates.succeeded", 0)),
                  show_count(cli, doc_i64(i.value, "to_replay", 0)));
    items_close(&i);
    line_end(&l);
}

static void next_line(struct cli *cli, struct rp_str s)
{
    struct line l;
    struct items i;
    if (cli->quiet || items_count(s, "next") == 0)
        return;
    line_begin(&l, cli, "next", LABEL);
    for (items_open(&i, s, "next"); items_next(&i);)
        line_part(&l, "%s", painted(cli, CYAN, show_text(cli, items_str(cli, &i))));
    items_close(&i);
    line_end(&l);
}

static bool healthy(struct rp_str s)
{
    return !doc_has(s, "write_fails") && !doc_bool(s, "failures.alert") &&
           !rp_str_is(doc_get(s, "ready"), "false");
}

static int show_status(struct cli *cli, struct rp_str s)
{
    scheduler_line(cli, s);
    bool well = store_line(cli, s);
    log_line(cli, s);
    clock_line(cli, s);
    well &= failures_line(cli, s);
    backlog_line(cli, s);
    impact_line(cli, s);
    deps_line(cli, s);
    replays_line(cli, s);
    next_line(cli, s);
    return well && healthy(s) ? 0 : 3;
}

static int run_status(struct cli *cli)
{
    struct reply reply;
    struct rp_err err;
    if (!client_get(cli, "/v1/status", &reply, &err))
        return say_err(cli, &err);
    if (!cli->json)
        return show_status(cli, reply.body);
    (void)print_json(reply.body);
    return healthy(reply.body) ? 0 : 3;
}

/* ---- doctor ---- */

static int doctor_code(struct cli *cli, struct rp_str body)
{
    struct items i;
    int code = 0;
    for (items_open(&i, body, "findings"); items_next(&i);)
        if (rp_str_is(doc_str(cli, i.value, "state"), "fails"))
            code = 3;
    items_close(&i);
    return code;
}

static void finding(struct cli *cli, struct rp_str f)
{
    struct line l;
    struct rp_str state = doc_str(cli, f, "state"), hint = doc_str(cli, f, "hint");
    const char *mark = rp_str_is(state, "holds") ? "✓" : (rp_str_is(state, "fails") ? "✗" : "?");
    (void)printf("%s ", painted(cli, state_paint(state), mark));
    line_begin(&l, cli, doc_show(cli, f, "check"), 20);
    l.indent = 22;
    l.column = 22;
    line_part(&l, "%s", doc_show(cli, f, "says"));
    line_end(&l);
    if (hint.n > 0 && !rp_str_is(state, "holds"))
        say(cli, 22, "→ %s", show_text(cli, hint));
}

static int run_doctor(struct cli *cli)
{
    struct reply reply;
    struct rp_err err;
    struct items i;
    if (!client_get(cli, "/v1/doctor", &reply, &err))
        return say_err(cli, &err);
    int code = doctor_code(cli, reply.body);
    if (cli->json) {
        (void)print_json(reply.body);
        return code;
    }
    for (items_open(&i, reply.body, "findings"); items_next(&i);)
        finding(cli, i.value);
    items_close(&i);
    if (code == 0)
        note(cli, "nothing is wrong with this installation");
    return code;
}

const struct rp_command status_rows[STATUS_ROWS] = {
    {.name = "status",
     .arguments = "",
     .summary = "how it goes: scheduler, failures, backlog, impact, what to do next",
     .help = "Ends with 3 when the daemon cannot write, or the failure rate is above its alert.",
     .run = run_status},
    {.name = "doctor",
     .arguments = "",
     .summary = "what is wrong with this installation, and how to mend it",
     .help = "Ends with 3 when a check fails.",
     .run = run_doctor},
};
