/* One job: show with the death certificate of each attempt, retry, cancel, resolve. */
#include "cli/groups.h"
#include "cli/replay.h"

#include "analyze/analyze.h"
#include "exec/exec.h"

enum { LABEL = 11, DEEP = 13, ATTEMPTS_SHOWN = 5, LAST_LINES = 4, ERROR_LINES = 6 };

int run_logs(struct cli *cli);

/* A text of several lines, the first ones. */
static void labelled_lines(struct cli *cli, const char *label, int indent, int most,
                           struct rp_str text)
{
    struct rp_str line;
    for (int i = 0; i < most && rp_str_split(&text, '\n', &line); i++) {
        struct line l;
        if (line.n == 0)
            continue;
        line_begin(&l, cli, i == 0 ? label : "", indent);
        line_part(&l, "%s", show_text(cli, line));
        line_end(&l);
    }
}

static void labelled(struct cli *cli, const char *label, const char *text)
{
    struct line l;
    if (text[0] == '\0')
        return;
    line_begin(&l, cli, label, LABEL);
    line_part(&l, "%s", text);
    line_end(&l);
}

/* ---- the job ---- */

static void job_head(struct cli *cli, struct rp_str j)
{
    struct line l;
    struct rp_str state = doc_str(cli, j, "state");
    line_begin(&l, cli, show_fmt(cli, "job %s", doc_show(cli, j, "id")), LABEL);
    line_part(&l, "%s", doc_show(cli, j, "type"));
    line_part(&l, "%s", painted(cli, state_paint(state), show_text(cli, state)));
    line_part(&l, "%lld of %s used", (long long)doc_i64(j, "attempts", 0),
              show_plural(cli, doc_i64(j, "max_attempts", 1), "attempt", "attempts"));
    line_end(&l);
}

static void job_times(struct cli *cli, struct rp_str j)
{
    static const char *const names[][2] = {{"created_at", "created"},
                                           {"due_at", "due"},
                                           {"started_at", "started"},
                                           {"ended_at", "ended"}};
    struct line l;
    line_begin(&l, cli, "times", LABEL);
    for (size_t i = 0; i < 4; i++) {
        int64_t us = doc_time(cli, j, names[i][0]);
        if (us != 0)
            line_part(&l, "%s %s", names[i][1], show_time(cli, us));
    }
    line_end(&l);
}

static void job_place(struct cli *cli, struct rp_str j)
{
    static const char *const names[][2] = {
        {"key", "key"}, {"schedule", "schedule"}, {"replay", "replay"}};
    struct line l;
    line_begin(&l, cli, "queue", LABEL);
    line_part(&l, "%s", doc_show(cli, j, "queue"));
    if (doc_i64(j, "priority", 0) != 0)
        line_part(&l, "priority %lld", (long long)doc_i64(j, "priority", 0));
    for (size_t i = 0; i < 3; i++)
        if (doc_has(j, names[i][0]))
            line_part(&l, "%s %s", names[i][1], doc_show(cli, j, names[i][0]));
    line_end(&l);
}

static void job_error(struct cli *cli, struct rp_str j)
{
    if (!doc_has(j, "error"))
        return;
    const char *class = doc_show(cli, j, "error.class"),
               *pattern = doc_show(cli, j, "error.pattern");
    struct rp_str message = doc_str(cli, j, "error.message");
    if (message.n > 0)
        labelled(cli, "error", show_text(cli, rp_key_line(&cli->arena, message).line));
    if (class[0] != '\0')
        labelled(cli, "",
                 show_fmt(cli, "class %s%s%s", class, pattern[0] ? ", pattern " : "", pattern));
}

static void job_body(struct cli *cli, struct rp_str j)
{
    struct rp_str labels = doc_get(j, "labels");
    job_head(cli, j);
    job_place(cli, j);
    job_times(cli, j);
    labelled(cli, "held", doc_show(cli, j, "held"));
    if (doc_bool(j, "poison"))
        labelled(cli, "poison", "its workers died with it; it was set aside");
    if (doc_has(j, "compensates"))
        labelled(cli, "takes back",
                 show_fmt(cli, "attempt %lld of job %s, by replay %s",
                          (long long)doc_i64(j, "compensates.attempt", 0),
                          doc_show(cli, j, "compensates.job"),
                          doc_show(cli, j, "compensates.replay")));
    job_error(cli, j);
    labelled(cli, "payload", show_cut(cli, doc_get(j, "payload"), 400));
    if (labels.n > 2)
        labelled(cli, "labels", show_cut(cli, labels, 400));
}

/* ---- the certificate of an attempt (U24) ---- */

static void code_words(struct line *l, struct rp_str exit)
{
    static const struct {
        int64_t code;
        const char *means;
    } known[] = {{65, "bad data: permanent"},    {75, "asks to be tried again"},
                 {126, "cannot be executed"},    {127, "command not found"},
                 {137, "killed: 128 + SIGKILL"}, {139, "crashed: 128 + SIGSEGV"},
                 {143, "ended: 128 + SIGTERM"},  {134, "aborted: 128 + SIGABRT"}};
    int64_t code = doc_i64(exit, "code", -1);
    if (code < 0)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code) {
            line_part(l, "exit code %lld (%s)", (long long)code, known[i].means);
            return;
        }
    line_part(l, "exit code %lld", (long long)code);
}

static void signal_words(struct cli *cli, struct line *l, struct rp_str exit)
{
    int64_t no = doc_i64(exit, "signal", 0);
    if (no > 0)
        line_part(l, "%s", rp_signal_name((int)no));
    else if (doc_has(exit, "signal"))
        line_part(l, "%s", doc_show(cli, exit, "signal"));
}

static void ended_line(struct cli *cli, struct rp_str t)
{
    struct line l;
    struct rp_str exit = doc_get(t, "exit");
    if (!doc_has(t, "outcome"))
        return;
    line_begin(&l, cli, "  ended by", DEEP);
    line_part(&l, "%s", doc_has(t, "ended_by") ? doc_show(cli, t, "ended_by") : "not known");
    code_words(&l, exit);
    signal_words(cli, &l, exit);
    if (doc_i64(exit, "cpu_us", 0) > 0)
        line_part(&l, "CPU %s", show_span(cli, doc_i64(exit, "cpu_us", 0)));
    if (doc_i64(exit, "memory_peak", 0) > 0)
        line_part(&l, "memory peak %s", show_bytes(cli, doc_i64(exit, "memory_peak", 0)));
    if (doc_i64(exit, "memory_limit", 0) > 0)
        line_part(&l, "of %s", show_bytes(cli, doc_i64(exit, "memory_limit", 0)));
    line_end(&l);
}

static void deep(struct cli *cli, const char *label, const char *text)
{
    struct line l;
    if (text[0] == '\0')
        return;
    line_begin(&l, cli, label, DEEP);
    line_part(&l, "%s", text);
    line_end(&l);
}

static void attempt_head(struct cli *cli, struct rp_str t)
{
    struct line l;
    struct rp_str outcome = doc_str(cli, t, "outcome"), worker = doc_str(cli, t, "worker");
    outcome = outcome.n > 0 ? outcome : RP_STR("running");
    line_begin(&l, cli, show_fmt(cli, "attempt %lld", (long long)doc_i64(t, "n", 0)), LABEL);
    line_part(&l, "%s", painted(cli, state_paint(outcome), show_text(cli, outcome)));
    line_part(&l, "%s", show_time(cli, doc_time(cli, t, "started_at")));
    if (doc_has(t, "duration_us"))
        line_part(&l, "took %s", show_span(cli, doc_i64(t, "duration_us", 0)));
    if (doc_has(t, "node"))
        line_part(&l, "on %s", doc_show(cli, t, "node"));
    if (worker.n > 0 && !rp_str_is(worker, "exec"))
        line_part(&l, "worker %s", show_text(cli, worker));
    if (doc_has(t, "replay"))
        line_part(&l, "replay %s", doc_show(cli, t, "replay"));
    if (doc_has(t, "wave"))
        line_part(&l, "wave %lld", (long long)doc_i64(t, "wave", 0));
    if (doc_has(t, "key"))
        line_part(&l, "key %s", doc_show(cli, t, "key"));
    line_end(&l);
}

static struct rp_str last_lines(struct rp_str text, int lines)
{
    while (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    size_t at = text.n;
    while (at > 0 && (text.p[at - 1] != '\n' || --lines > 0))
        at--;
    return (struct rp_str){text.p + at, text.n - at};
}

static void stream_tail(struct cli *cli, const char *job, int64_t n, int stream)
{
    struct reply reply;
    struct rp_err err;
    const char *path =
        show_fmt(cli, "/v1/jobs/%s/attempts/%lld/output?stream=%d", job, (long long)n, stream);
    if (!client_get(cli, path, &reply, &err))
        return;
    struct rp_str rest = last_lines(reply.body, LAST_LINES), line;
    const char *label = stream == 1 ? "  stdout" : "  stderr";
    if (rest.n == 0)
        return;
    while (rp_str_split(&rest, '\n', &line)) {
        (void)printf("%s%*s%s\n", painted(cli, DIM, label), DEEP - (int)strlen(label), "",
                     show_cut(cli, line, cli->width - DEEP));
        label = "";
    }
}

static void attempt(struct cli *cli, const char *job, struct rp_str t)
{
    int64_t n = doc_i64(t, "n", 0);
    struct rp_str error = doc_str(cli, t, "error.message");
    (void)printf("\n");
    attempt_head(cli, t);
    ended_line(cli, t);
    labelled_lines(cli, "  error", DEEP, ERROR_LINES,
                   error.p != NULL ? error : doc_str(cli, t, "error"));
    deep(cli, "  contract", doc_show(cli, t, "contract"));
    if (doc_has(t, "held"))
        deep(cli, "  counts",
             show_fmt(cli, "no: dependency %s was to blame", doc_show(cli, t, "held")));
    if (doc_has(t, "survivors"))
        deep(cli, "  left alive",
             show_fmt(cli, "%s; they were killed", doc_show(cli, t, "survivors")));
    if (doc_has(t, "class"))
        deep(cli, "  class",
             show_fmt(cli, "%s%s%s%s%s", doc_show(cli, t, "class"),
                      doc_has(t, "pattern") ? "   pattern " : "", doc_show(cli, t, "pattern"),
                      doc_has(t, "rule") ? "   by rule " : "", doc_show(cli, t, "rule")));
    if (doc_i64(t, "output_bytes", 0) == 0)
        return;
    stream_tail(cli, job, n, 1);
    stream_tail(cli, job, n, 2);
    if (doc_i64(t, "output_dropped", 0) > 0)
        deep(cli, "  dropped",
             show_fmt(cli, "%s in the middle of the output were not kept",
                      show_bytes(cli, doc_i64(t, "output_dropped", 0))));
}

static void attempts(struct cli *cli, const char *id, struct rp_str list)
{
    struct items i;
    size_t n = items_count(list, "items"), at = 0, skip = 0;
    if (n > ATTEMPTS_SHOWN && !opt_flag(cli, "all"))
        skip = n - ATTEMPTS_SHOWN;
    if (skip > 0)
        note(cli, "\n(%zu earlier attempts: --all)", skip);
    for (items_open(&i, list, "items"); items_next(&i); at++)
        if (at >= skip)
            attempt(cli, id, i.value);
    items_close(&i);
}

/* Lineage: each replay that it was in, what it repaired and with what fate. */
static void replays(struct cli *cli, const char *id)
{
    struct reply reply;
    struct rp_err err;
    struct items i;
    struct line l;
    if (!client_get(cli, show_fmt(cli, "/v1/jobs/%s/replays", id), &reply, &err))
        return;
    for (items_open(&i, reply.body, "items"); items_next(&i);) {
        struct rp_str fate = doc_str(cli, i.value, "fate"), why = doc_str(cli, i.value, "why");
        line_begin(&l, cli, show_fmt(cli, "replay %s", doc_show(cli, i.value, "replay")), LABEL);
        line_part(&l, "%s", painted(cli, state_paint(fate), show_text(cli, fate)));
        line_part(&l, "repairs attempt %lld", (long long)doc_i64(i.value, "repairs", 0));
        if (doc_i64(i.value, "attempt", 0) > 0)
            line_part(&l, "by attempt %lld", (long long)doc_i64(i.value, "attempt", 0));
        line_part(&l, "by %s", doc_show(cli, i.value, "actor"));
        if (doc_has(i.value, "reason"))
            line_part(&l, "%s", doc_show(cli, i.value, "reason"));
        line_part(&l, "plan %s", doc_show(cli, i.value, "plan"));
        if (why.n > 0)
            line_part(&l, "%s", show_cut(cli, why, 60));
        replay_changes(cli, &l, i.value);
        line_end(&l);
    }
    items_close(&i);
}

static const char *next_step(struct cli *cli, struct rp_str j, const char *id)
{
    struct rp_str state = doc_str(cli, j, "state");
    if (rp_str_is(state, "failed"))
        return show_fmt(cli, "reprise job logs %s   then reprise job retry %s", id, id);
    if (rp_str_is(state, "unknown"))
        return show_fmt(
            cli, "find out whether it worked, then: reprise job resolve %s succeeded --reason …",
            id);
    if (rp_str_is(state, "running"))
        return show_fmt(cli, "reprise job logs %s --follow", id);
    if (doc_i64(j, "attempts", 0) > 0 || doc_i64(j, "last_n", 0) > 0)
        return show_fmt(cli, "reprise job logs %s", id);
    return doc_has(j, "held") ? "reprise status" : "";
}

static int run_show(struct cli *cli)
{
    struct rp_str id;
    struct reply job, list;
    struct rp_err err;
    if (!id_given(cli, cli->args[0], "", &id, &err))
        return say_err(cli, &err);
    const char *text = rp_cstr(&cli->arena, id);
    if (!client_get(cli, show_fmt(cli, "/v1/jobs/%s", text), &job, &err))
        return say_err(cli, &err);
    if (cli->json)
        return print_json(job.body);
    if (!client_get(cli, show_fmt(cli, "/v1/jobs/%s/attempts", text), &list, &err))
        return say_err(cli, &err);
    job_body(cli, job.body);
    replays(cli, text);
    attempts(cli, text, list.body);
    const char *next = next_step(cli, job.body, text);
    if (next[0] != '\0' && !cli->quiet)
        (void)printf("\n");
    if (next[0] != '\0')
        say_next(cli, "%s", next);
    return 0;
}

/* ---- interventions ---- */

static int each_job(struct cli *cli, const char *verb)
{
    int code = 0;
    for (int i = 0; i < cli->n_args; i++) {
        struct rp_str id;
        struct reply reply;
        struct rp_err err;
        bool ok = id_given(cli, cli->args[i], "", &id, &err);
        const char *path = ok ? show_fmt(cli, "/v1/jobs/%.*s/%s", RP_FMT(id), verb) : "";
        if (!ok || !post_reason(cli, path, &reply, &err)) {
            int bad = say_err(cli, &err);
            code = code == 0 ? bad : code;
        } else if (cli->json) {
            (void)print_json(reply.body);
        } else {
            say(cli, 0, "job %.*s is %s", RP_FMT(id), doc_show(cli, reply.body, "state"));
        }
    }
    return code;
}

/* The reason, and what it may go past (a replay of one). */
static void retry_body(struct cli *cli, struct rp_buf *body)
{
    struct rp_jw w = {.out = body};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "reason", opt_text(cli, "reason"));
    rp_jw_key(&w, "guard");
    rp_jw_object(&w);
    replay_past_members(cli, &w);
    rp_jw_object_end(&w);
    rp_jw_object_end(&w);
}

static bool retry_one(struct cli *cli, const char *given, struct reply *reply, struct rp_err *err)
{
    struct rp_str id;
    struct rp_buf body = {0};
    retry_body(cli, &body);
    bool ok = id_given(cli, given, "", &id, err) &&
              client_call(cli, "POST", show_fmt(cli, "/v1/jobs/%.*s/retry", RP_FMT(id)), &body,
                          reply, err);
    rp_buf_free(&body);
    return ok;
}

static int retry_all(struct cli *cli)
{
    int code = 0;
    for (int i = 0; i < cli->n_args; i++) {
        struct reply reply = {0};
        struct rp_err err;
        if (!retry_one(cli, cli->args[i], &reply, &err)) {
            int bad = say_err(cli, &err);
            code = code == 0 ? bad : code;
        } else if (cli->json) {
            (void)print_json(reply.body);
        } else {
            say(cli, 0, "job %s is %s again%s", cli->args[i], doc_show(cli, reply.body, "state"),
                doc_has(reply.body, "replay")
                    ? show_fmt(cli, ", by replay %s", doc_show(cli, reply.body, "replay"))
                    : "");
        }
    }
    return code;
}

static int run_retry(struct cli *cli)
{
    struct rp_err err;
    if (opt_flag(cli, "include-unsafe") &&
        !confirm(cli, "running jobs again that may have had their effect already", &err))
        return say_err(cli, &err);
    int code = retry_all(cli);
    if (code == 0 && !cli->json)
        say_next(cli, "reprise job show %s", cli->args[0]);
    return code;
}

static int run_cancel(struct cli *cli)
{
    return each_job(cli, "cancel");
}

static int run_resolve(struct cli *cli)
{
    struct rp_str id;
    struct reply reply;
    struct rp_err err;
    struct rp_buf body = {0};
    const char *outcome = cli->args[1];
    if (!id_given(cli, cli->args[0], "", &id, &err))
        return say_err(cli, &err);
    if (strcmp(outcome, "succeeded") != 0 && strcmp(outcome, "failed") != 0) {
        (void)rp_fail(&err, RP_E_USAGE, "a job is resolved as succeeded or failed, not \"%s\"",
                      outcome);
        return say_err(cli, &err);
    }
    if (opt_text(cli, "reason") == NULL) {
        (void)rp_fail(&err, RP_E_USAGE, "job resolve needs --reason");
        (void)rp_hint(&err, "say how you know: --reason \"invoice 17 is in the ledger\"");
        return say_err(cli, &err);
    }
    struct rp_jw w = {.out = &body};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "outcome", outcome);
    rp_jw_m_cstr(&w, "reason", opt_text(cli, "reason"));
    rp_jw_object_end(&w);
    bool ok = client_call(cli, "POST", show_fmt(cli, "/v1/jobs/%.*s/resolve", RP_FMT(id)), &body,
                          &reply, &err);
    rp_buf_free(&body);
    if (!ok)
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    say(cli, 0, "job %s is %s now", cli->args[0], doc_show(cli, reply.body, "state"));
    return 0;
}

static const struct rp_option show_options[] = {
    {.name = "all", .help = "every attempt, not only the last five"},
    {0},
};
static const struct rp_option retry_options[] = {
    {.name = "include-unsafe", .help = "though it may not be repeated; needs --reason"},
    {.name = "include-unknown", .help = "though nobody knows whether it worked"},
    {.name = "override",
     .value = "CHECK",
     .help = "go past what refuses it; needs --reason",
     .flags = RP_OPT_REPEATS},
    {.name = "reason", .value = "R", .help = "kept in the audit trail"},
    {.name = "yes", .help = "do not ask"},
    {0},
};
static const struct rp_option logs_options[] = {
    {.name = "attempt", .value = "N", .help = "default: the latest"},
    {.name = "stream",
     .value = "out|err",
     .help = "one of the two streams; default: both in order"},
    {.name = "follow", .help = "go on until the attempt ends", .letter = 'f'},
    {.name = "raw", .help = "the bytes as they came, control characters included"},
    {0},
};

const struct rp_command job_rows[JOB_ROWS] = {
    {.name = "job show",
     .arguments = "ID",
     .least = 1,
     .most = 1,
     .options = show_options,
     .summary = "one job, and how each of its attempts ended",
     .run = run_show},
    {.name = "job logs",
     .arguments = "ID",
     .least = 1,
     .most = 1,
     .options = logs_options,
     .summary = "what an attempt printed",
     .help = "Control characters are shown escaped; --raw gives the bytes.",
     .run = run_logs},
    {.name = "job retry",
     .arguments = "ID…",
     .least = 1,
     .most = -1,
     .options = retry_options,
     .summary = "runs a job that failed, was cancelled or is unknown once more",
     .help = "A failed job is retried by a replay of one: what leaves a job out of a replay "
             "refuses it (exit 4) and says what to do. A job that succeeded is run again only with "
             "--reason. For many jobs at once, with a canary: reprise replay.",
     .safety = RP_REVERSIBLE,
     .run = run_retry},
    {.name = "job cancel",
     .arguments = "ID…",
     .least = 1,
     .most = -1,
     .options = reason_options,
     .summary = "cancels a job; a running command is ended",
     .help = "One that still waits comes back by job retry. What a running command had done when "
             "it was ended stays done.",
     .safety = RP_REVERSIBLE,
     .run = run_cancel},
    {.name = "job resolve",
     .arguments = "ID succeeded|failed",
     .least = 2,
     .most = 2,
     .options = reason_options,
     .summary = "settles a job whose outcome is unknown",
     .help = "A job that may not be repeated and was lost (its worker died) waits for a person to "
             "find out whether it had worked.",
     .safety = RP_REVERSIBLE,
     .run = run_resolve},
};
