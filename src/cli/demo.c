/* `reprise demo`: a real incident from end to end, with real processes and a dependency that really
 * goes down. Every number that it prints comes from the store, through the API that everybody has.
 */
#include "cli/demo.h"
#include "cli/groups.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEALTHY = 400, DURING = 320, SLOW = 10, STEP_LIMIT_S = 180 };

struct demo {
    struct cli *cli;
    struct world w;
    int step;
    char pattern[2][32]; /* the connection pattern, the time limit's */
    struct rp_err err;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    interrupted = sig;
}

enum { INDENT = 5, DEEPER = 7 };

static void more(struct demo *d, int indent, const char *text)
{
    say_to(d->cli, stdout, indent, text);
    (void)fflush(stdout);
}

static void step(struct demo *d, const char *text)
{
    struct line l;
    line_begin(&l, d->cli, show_fmt(d->cli, " %2d", ++d->step), INDENT);
    line_part(&l, "%s", text);
    line_end(&l);
    (void)fflush(stdout);
}

static bool get(struct demo *d, const char *path, struct rp_str *body)
{
    struct reply reply;
    if (!client_get(d->cli, path, &reply, &d->err))
        return false;
    *body = reply.body;
    return true;
}

/* Polls `path` until `holds` says so; the limit is a step's, so a demo that hangs says where. */
static bool wait_for(struct demo *d, const char *path,
                     bool (*holds)(struct demo *d, struct rp_str body), struct rp_str *body)
{
    int64_t until = rp_mono(&rp_clock_system) + STEP_LIMIT_S * RP_US_S;
    while (!interrupted && rp_mono(&rp_clock_system) < until) {
        bool answered = get(d, path, body);
        if (answered && holds(d, *body))
            return true;
        if (!answered && d->err.code != RP_E_UNREACHABLE && d->err.code != RP_E_OVERLOAD)
            return false;
        if (waitpid(d->w.daemon, NULL, WNOHANG) == d->w.daemon) {
            d->w.daemon = 0;
            (void)rp_fail(&d->err, RP_E_INTERNAL, "the daemon ended");
            return rp_hint(&d->err, "run again with --keep DIR and read DIR/daemon.log");
        }
        now_sleep_us(100000);
    }
    return interrupted
               ? rp_fail(&d->err, RP_E_STOPPING, "interrupted")
               : rp_fail(&d->err, RP_E_INTERNAL, "step %d did not come to its end within %d s (%s)",
                         d->step + 1, STEP_LIMIT_S, path);
}

static bool answers(struct demo *d, struct rp_str body)
{
    (void)d;
    (void)body;
    return true;
}

static int64_t count(struct demo *d, const char *filter)
{
    struct rp_str body;
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/jobs/count?%s", filter);
    return get(d, path, &body) ? doc_i64(body, "count", -1) : -1;
}

/* ---- 1: healthy work ---- */

static void one_job(struct rp_jw *w, const char *type, int64_t ms)
{
    rp_jw_object(w);
    rp_jw_m_cstr(w, "type", type);
    rp_jw_key(w, "payload");
    rp_jw_object(w);
    rp_jw_m_i64(w, "ms", ms);
    rp_jw_object_end(w);
    rp_jw_object_end(w);
}

static bool enqueue(struct demo *d, int n, int slow)
{
    /* In the outage mostly such that need the database: also a very slow machine, which starts few
     * of them before the next check, has enough failures for an alert. */
    static const char *const types[2][6] = {
        {"invoice", "reconciliation", "thumbnails", "mail", "report", "invoice"},
        {"invoice", "reconciliation", "invoice", "mail", "reconciliation", "invoice"}};
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    struct reply reply;
    rp_jw_array(&w);
    for (int i = 0; i < slow; i++)
        one_job(&w, "thumbnails", 2500);
    for (int i = 0; i < n; i++)
        one_job(&w, types[slow > 0][i % 6], 3 + i % 5);
    rp_jw_array_end(&w);
    bool ok = client_call(d->cli, "POST", "/v1/jobs", &b, &reply, &d->err);
    rp_buf_free(&b);
    return ok;
}

static bool quiet(struct demo *d, struct rp_str body)
{
    struct items i;
    int64_t open = 0;
    (void)d;
    for (items_open(&i, body, "queues"); items_next(&i);)
        open += doc_i64(i.value, "waiting", 0) + doc_i64(i.value, "running", 0);
    items_close(&i);
    return open == 0;
}

static bool healthy(struct demo *d)
{
    struct rp_str body;
    if (!enqueue(d, HEALTHY, 0) || !wait_for(d, "/v1/status", quiet, &body))
        return false;
    int64_t ok = count(d, "state=succeeded"), failed = count(d, "state=failed");
    struct rp_str types, schedules;
    if (!get(d, "/v1/types", &types) || !get(d, "/v1/schedules", &schedules))
        return false;
    step(d, show_fmt(d->cli, "ran %s jobs of %zu types and %zu schedules: %s succeeded, %s failed",
                     show_count(d->cli, ok + failed), items_count(types, "items"),
                     items_count(schedules, "items"), show_count(d->cli, ok),
                     show_count(d->cli, failed)));
    return true;
}

/* ---- 2: the dependency goes away ---- */

static bool check_now(struct demo *d)
{
    struct reply reply;
    struct rp_buf b = {0};
    rp_buf_fmt(&b, "{}");
    bool ok = client_call(d->cli, "POST", "/v1/dependencies/check", &b, &reply, &d->err);
    rp_buf_free(&b);
    return ok;
}

static bool down(struct demo *d, struct rp_str body)
{
    struct items i;
    bool down = false;
    for (items_open(&i, body, "deps"); items_next(&i);)
        down = down || rp_str_is(doc_str(d->cli, i.value, "state"), "down");
    items_close(&i);
    return down;
}

/* What met it has failed, or what did not is held back by a check that came before. */
static bool all_failed(struct demo *d, struct rp_str body)
{
    return (down(d, body) || quiet(d, body)) && doc_bool(body, "failures.alert") &&
           count(d, "state=failed&type=thumbnails") >= SLOW;
}

/* The database goes right after a check of it, so that jobs meet the outage before the next check
 * does, which is asked for when they have. */
static bool outage(struct demo *d)
{
    struct rp_str body = RP_NONE;
    if (!check_now(d))
        return false;
    world_db_down(&d->w);
    if (!enqueue(d, DURING, SLOW) || !wait_for(d, "/v1/status", all_failed, &body) ||
        !check_now(d) || !wait_for(d, "/v1/status", down, &body))
        return false;
    int64_t held = 0;
    struct items i;
    for (items_open(&i, body, "deps"); items_next(&i);)
        held += doc_i64(i.value, "held", 0);
    items_close(&i);
    step(d, show_fmt(d->cli, "billing-db went away: failure rate %s of %s runs, above %s %s ALERT",
                     show_percent(d->cli, doc_f64(body, "failures.rate", 0)),
                     show_count(d->cli, doc_i64(body, "failures.runs", 0)),
                     show_percent(d->cli, doc_f64(body, "failures.above", 0)), "→"));
    if (held > 0)
        more(d, INDENT,
             show_fmt(d->cli, "%s jobs that need it are held back and burn no attempt",
                      show_count(d->cli, held)));
    return true;
}

/* ---- 3: analysis ---- */

static void show_pattern(struct demo *d, struct rp_str p)
{
    struct cli *cli = d->cli;
    struct rp_str id = doc_str(cli, p, "id"), class = doc_str(cli, p, "class");
    int64_t first = doc_time(cli, p, "first");
    if (rp_str_is(class, "connection") && d->pattern[0][0] == '\0')
        (void)snprintf(d->pattern[0], sizeof d->pattern[0], "%.*s", RP_FMT(id));
    if (rp_str_is(class, "timeout") && d->pattern[1][0] == '\0')
        (void)snprintf(d->pattern[1], sizeof d->pattern[1], "%.*s", RP_FMT(id));
    more(d, DEEPER,
         show_fmt(cli, "%-3s %3s jobs  %s", show_text(cli, id),
                  show_count(cli, doc_i64(p, "count", 0)),
                  show_cut(cli, doc_str(cli, p, "template"), 58)));
    more(d, DEEPER + 14,
         show_fmt(cli, "class %s since %s UTC", show_text(cli, class), show_clock(cli, first)));
    more(d, DEEPER + 14, show_fmt(cli, "→ %s", show_text(cli, doc_str(cli, p, "action"))));
}

static bool analysis(struct demo *d)
{
    struct reply reply;
    struct rp_buf b = {0};
    struct items i;
    rp_buf_fmt(&b, "{}");
    bool ok = client_call(d->cli, "POST", "/v1/analyses", &b, &reply, &d->err);
    rp_buf_free(&b);
    if (!ok)
        return false;
    int64_t failures = doc_i64(reply.body, "failures", 0),
            unexplained = doc_i64(reply.body, "unexplained", 0);
    size_t n = items_count(reply.body, "patterns");
    step(d, show_fmt(d->cli, "analysis: %s explain %s of %s failures",
                     show_plural(d->cli, (int64_t)n, "pattern", "patterns"),
                     show_percent(d->cli, failures > 0
                                              ? (double)(failures - unexplained) / (double)failures
                                              : 0),
                     show_count(d->cli, failures)));
    for (items_open(&i, reply.body, "patterns"); items_next(&i);)
        show_pattern(d, i.value);
    items_close(&i);
    if (d->pattern[0][0] != '\0' && d->pattern[1][0] != '\0')
        return true;
    return rp_fail(&d->err, RP_E_INTERNAL,
                   "the analysis named no pattern for the outage or for the time limit");
}

/* ---- 4–7: replays ---- */

static bool post_replay(struct demo *d, const char *pattern, bool dry_run, struct reply *reply)
{
    struct rp_buf b = {0};
    rp_buf_fmt(&b, "{\"select\":{\"pattern\":\"%s\"},\"dry_run\":%s}", pattern,
               dry_run ? "true" : "false");
    bool ok = client_call(d->cli, "POST", "/v1/replays", &b, reply, &d->err);
    rp_buf_free(&b);
    return ok;
}

static bool refused(struct demo *d)
{
    struct reply reply;
    if (post_replay(d, d->pattern[0], false, &reply))
        return rp_fail(&d->err, RP_E_INTERNAL, "a replay started although its dependency is down");
    if (d->err.code != RP_E_REFUSED)
        return false;
    step(d, show_fmt(d->cli, "a replay now is refused (exit %d):", rp_code_exit(d->err.code)));
    more(d, DEEPER, show_text(d->cli, rp_str_of(d->err.message)));
    more(d, DEEPER, show_fmt(d->cli, "→ %s", show_text(d->cli, rp_str_of(d->err.hint))));
    return true;
}

static bool replay_ended(struct demo *d, struct rp_str body)
{
    (void)d;
    struct rp_str state = doc_str(d->cli, body, "state");
    return !rp_str_is(state, "running") && !rp_str_is(state, "planned");
}

/* Those of the first wave, and how many of them succeeded. */
static const char *canary_words(struct demo *d, const char *path)
{
    struct rp_str body;
    struct items i;
    int64_t n = 0, ok = 0;
    if (!get(d, show_fmt(d->cli, "%s/items?limit=100", path), &body))
        return "";
    for (items_open(&i, body, "items"); items_next(&i);) {
        bool canary = doc_i64(i.value, "wave", 0) == 1;
        n += canary;
        ok += canary && rp_str_is(doc_str(d->cli, i.value, "fate"), "succeeded");
    }
    items_close(&i);
    return show_fmt(d->cli, "canary %s %s/%s", ok == n ? "held" : "failed", show_count(d->cli, ok),
                    show_count(d->cli, n));
}

static bool show_replay(struct demo *d, const char *before, struct rp_str id)
{
    struct rp_str body = RP_NONE;
    struct cli *cli = d->cli;
    const char *path = show_fmt(cli, "/v1/replays/%s", show_text(cli, id));
    if (!wait_for(d, path, replay_ended, &body))
        return false;
    int64_t n = doc_i64(body, "to_replay", 0), ok = doc_i64(body, "fates.succeeded", 0);
    int64_t failed = doc_i64(body, "fates.failed_same", 0) + doc_i64(body, "fates.failed_new", 0);
    step(d, show_fmt(cli, "%sreplay %s: %s/%s   %s succeeded   %s failed   %s", before,
                     show_text(cli, id), show_count(cli, ok), show_count(cli, n),
                     show_count(cli, ok), show_count(cli, failed), canary_words(d, path)));
    return ok == n || rp_fail(&d->err, RP_E_INTERNAL, "not every replayed job succeeded");
}

static void show_plan(struct demo *d, const char *what, struct rp_str plan)
{
    struct cli *cli = d->cli;
    int64_t n = doc_i64(plan, "to_replay", 0), out = doc_i64(plan, "matched", 0) - n;
    step(d, show_fmt(cli, "%s → replay plan: %s jobs, canary %s, %s", what, show_count(cli, n),
                     show_count(cli, doc_i64(plan, "canary", 0)),
                     show_plural(cli, (int64_t)items_count(plan, "waves"), "wave", "waves")));
    more(d, DEEPER,
         show_fmt(cli, "its dry run: %s left out, %s", out == 0 ? "none" : show_count(cli, out),
                  doc_has(plan, "refused") ? doc_show(cli, plan, "refused.says")
                                           : "every check holds"));
}

/* what: NULL: the plan is not told. */
static bool replay(struct demo *d, const char *what, const char *before, const char *pattern)
{
    struct reply plan, run;
    if (!post_replay(d, pattern, true, &plan))
        return false;
    if (what != NULL)
        show_plan(d, what, plan.body);
    return post_replay(d, pattern, false, &run) &&
           show_replay(d, before, doc_str(d->cli, run.body, "id"));
}

static bool settled(struct demo *d, struct rp_str body)
{
    struct items i;
    bool up = false;
    for (items_open(&i, body, "deps"); items_next(&i);)
        up = rp_str_is(doc_str(d->cli, i.value, "state"), "up") &&
             rp_wall(&rp_clock_system) - doc_time(d->cli, i.value, "since") > RP_US_S + RP_US_S / 5;
    items_close(&i);
    return up && quiet(d, body);
}

static bool recovery(struct demo *d)
{
    struct rp_str body;
    if (!world_db_up(&d->w, &d->err) || !check_now(d) || !wait_for(d, "/v1/status", settled, &body))
        return false;
    return replay(d, "billing-db is back", "", d->pattern[0]);
}

static bool post_change(struct demo *d, struct reply *reply)
{
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    rp_jw_object(&w);
    rp_jw_key(&w, "set");
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "timeout", "10s");
    rp_jw_object_end(&w);
    rp_jw_m_cstr(&w, "reason", "large pictures take longer than the time limit");
    rp_jw_m_cstr(&w, "revert_after", "24h");
    rp_jw_object_end(&w);
    bool ok = client_call(d->cli, "POST", "/v1/types/thumbnails/changes", &b, reply, &d->err);
    rp_buf_free(&b);
    return ok;
}

/* The setting that was changed, in the words of the answer. */
static const char *change_words(struct demo *d, struct rp_str change)
{
    struct cli *cli = d->cli;
    struct items i;
    const char *words = "";
    int64_t for_us = doc_time(cli, change, "revert_at") - doc_time(cli, change, "at");
    items_open(&i, change, "settings");
    if (items_next(&i))
        words = show_fmt(cli, "%s of %s %s → %s (change %s, reverts by itself in %s), ",
                         doc_show(cli, i.value, "key"), doc_show(cli, change, "type"),
                         doc_show(cli, i.value, "before"), doc_show(cli, i.value, "after"),
                         doc_show(cli, change, "id"), show_span(cli, for_us));
    items_close(&i);
    return words;
}

static bool new_limit(struct demo *d)
{
    struct reply reply;
    return post_change(d, &reply) && replay(d, NULL, change_words(d, reply.body), d->pattern[1]);
}

/* ---- 8: verified ---- */

static bool changes_in_force(struct demo *d)
{
    struct rp_str body;
    struct items i;
    if (!get(d, "/v1/changes", &body))
        return false;
    for (items_open(&i, body, "items"); items_next(&i);)
        if (!doc_has(i.value, "ended_at"))
            more(d, INDENT,
                 show_fmt(d->cli, "change %s of %s is in force until %s UTC",
                          doc_show(d->cli, i.value, "id"), doc_show(d->cli, i.value, "type"),
                          show_clock(d->cli, doc_time(d->cli, i.value, "revert_at"))));
    items_close(&i);
    return true;
}

static bool verify(struct demo *d)
{
    struct rp_str body, occurrences;
    if (!wait_for(d, "/v1/status", quiet, &body) ||
        !get(d, "/v1/schedules/reconciliation/occurrences", &occurrences))
        return false;
    int64_t failed = count(d, "state=failed"), unknown = count(d, "state=unknown"),
            ok = count(d, "state=succeeded");
    step(d,
         show_fmt(d->cli, "verified: %s jobs succeeded, %s failed, %s unknown, queues empty",
                  show_count(d->cli, ok), show_count(d->cli, failed), show_count(d->cli, unknown)));
    more(d, INDENT,
         show_fmt(d->cli, "each instant of the schedule reconciliation has its verdict: %s of them",
                  show_count(d->cli, (int64_t)items_count(occurrences, "items"))));
    if (!changes_in_force(d))
        return false;
    return (failed == 0 && unknown == 0) ||
           rp_fail(&d->err, RP_E_INTERNAL, "jobs remain failed after the replays");
}

/* ---- all together ---- */

/* How this program is to be called from another terminal: `make demo` has installed nothing. */
static const char *program(struct demo *d)
{
    char path[512];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);
    if (n <= 0 || (size_t)n == sizeof path)
        return "reprise";
    struct rp_str s = {path, (size_t)n};
    return rp_str_is(s, "/usr/bin/reprise") ? "reprise" : show_text(d->cli, s);
}

static void look_around(struct demo *d)
{
    static const char *const commands[] = {"status", "jobs", "replay show R1", "changes",
                                           "schedule explain mail"};
    const char *self = program(d);
    (void)printf("\n     look around in another terminal:\n"
                 "       export REPRISE_SOCKET=%s/reprise.sock\n",
                 d->w.dir);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        (void)printf("       %s %s\n", self, commands[i]);
    (void)printf("     Ctrl-C ends the demo%s\n", d->w.keep ? "." : " and removes its folder.");
    (void)fflush(stdout);
    sigset_t none;
    (void)sigemptyset(&none);
    while (!interrupted)
        (void)sigsuspend(&none);
}

static bool begin(struct demo *d)
{
    struct rp_str body;
    char socket_path[300];
    if (!world_make(&d->w, opt_text(d->cli, "keep"), &d->err) || !world_db_up(&d->w, &d->err) ||
        !world_write_config(&d->w, &d->err) || !world_start_daemon(&d->w, &d->err))
        return false;
    (void)snprintf(socket_path, sizeof socket_path, "%s/reprise.sock", d->w.dir);
    (void)setenv("REPRISE_SOCKET", socket_path, 1);
    (void)unsetenv("REPRISE_URL");
    return wait_for(d, "/readyz", answers, &body);
}

static int demo_run(struct cli *cli)
{
    struct demo d = {.cli = cli, .w = {.arena = &cli->arena}};
    int64_t port = 0, began = rp_mono(&rp_clock_system);
    struct sigaction act = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigaction(SIGTERM, &act, NULL);
    if (!opt_i64(cli, "port", 0, 65535, &port, &d.err))
        return say_err(cli, &d.err);
    d.w.api_port = (int)port;
    bool ok = begin(&d) && healthy(&d) && outage(&d) && analysis(&d) && refused(&d) &&
              recovery(&d) && new_limit(&d) && verify(&d);
    if (ok)
        (void)printf("     done in %s; everything above was read from the store%s%s\n",
                     show_span(cli, rp_mono(&rp_clock_system) - began), d.w.keep ? ": " : "",
                     d.w.keep ? d.w.dir : "");
    if (ok && (cli->tty || opt_flag(cli, "wait")))
        look_around(&d);
    bool ended = world_end(&d.w);
    if (!ok && interrupted) {
        note(cli, "\nthe demo was interrupted; its daemon has ended%s",
             d.w.keep ? "" : ", its folder is gone");
        return 128 + interrupted;
    }
    if (!ok)
        return say_err(cli, &d.err);
    return ended ? 0 : 1;
}

static const struct rp_option demo_options[] = {
    {"keep", "DIR", "keep everything in DIR: store, configuration, the daemon's log", 0, 0},
    {"port", "N", "TCP port of the demo's API; default any free one", 0, 0},
    {"wait", NULL, "stay at the end, to look around, until Ctrl-C", 0, 0},
    {0},
};

const struct rp_command demo_rows[DEMO_ROWS] = {
    {"demo", "", 0, 0, demo_options, "a real incident from end to end on a temporary store",
     "Starts a daemon of its own and a small database, runs jobs, takes the database away, "
     "analyses the failures, and replays them "
     "once it is back. Uses loopback only, and ends by itself in less than a minute unless it runs "
     "on a terminal.",
     RP_SAFE, false, demo_run},
};
