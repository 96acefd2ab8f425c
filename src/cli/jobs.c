/* enqueue and jobs: adding work, listing and counting it, failures by type and error. */
#include "cli/groups.h"
#include "cli/internal.h"

#include "analyze/analyze.h"

enum { PAYLOAD_MAX = 8 << 20, NEWEST = 10 };

/* ---- enqueue ---- */

static bool payload_given(struct cli *cli, struct rp_str *out, struct rp_err *err)
{
    const char *text = opt_text(cli, "payload");
    struct rp_err why;
    *out = RP_NONE;
    if (text == NULL)
        return true;
    *out = rp_str_of(text);
    bool file = text[0] == '@' || strcmp(text, "-") == 0;
    if (file && !read_file(cli, text[0] == '@' ? text + 1 : text, PAYLOAD_MAX, out, err))
        return false;
    *out = rp_str_trim(*out);
    if (rp_json_valid(*out, &why))
        return true;
    (void)rp_fail(err, RP_E_USAGE, "the payload is not JSON: %s", why.message);
    return rp_hint(err, file ? "mend the file" : "quote it for the shell: --payload '{\"id\": 7}'");
}

static bool due_given(struct cli *cli, int64_t *due, struct rp_err *err)
{
    int64_t in = -1;
    *due = 0;
    if (!opt_duration(cli, "in", &in, err) || !opt_time(cli, "at", due, err))
        return false;
    if (in >= 0 && *due != 0)
        return rp_fail(err, RP_E_USAGE, "--in and --at name two times");
    if (in >= 0)
        *due = cli->now_us + in;
    return true;
}

static void labels_member(struct cli *cli, struct rp_jw *w)
{
    const char *all[RP_ARGUMENTS_MAX];
    size_t n = opt_all(cli, "label", all);
    if (n == 0)
        return;
    rp_jw_key(w, "labels");
    rp_jw_object(w);
    for (size_t i = 0; i < n; i++) {
        struct rp_str value = rp_str_of(all[i]), key;
        (void)rp_str_split(&value, '=', &key);
        rp_jw_key_str(w, key);
        rp_jw_str(w, value.p != NULL ? value : RP_STR(""));
    }
    rp_jw_object_end(w);
}

static bool enqueue_body(struct cli *cli, struct rp_buf *body, struct rp_err *err)
{
    struct rp_str payload;
    int64_t due, priority = INT64_MIN, attempts = 0;
    if (!payload_given(cli, &payload, err) || !due_given(cli, &due, err) ||
        !opt_i64(cli, "priority", -1000, 1000, &priority, err) ||
        !opt_i64(cli, "max-attempts", 1, 1001, &attempts, err))
        return false;
    struct rp_jw w = {.out = body};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "type", cli->args[0]);
    if (payload.p != NULL)
        rp_jw_m_raw(&w, "payload", payload);
    rp_jw_m_cstr(&w, "queue", opt_text(cli, "queue"));
    rp_jw_m_cstr(&w, "key", opt_text(cli, "key"));
    if (priority != INT64_MIN)
        rp_jw_m_i64(&w, "priority", priority);
    if (attempts > 0)
        rp_jw_m_i64(&w, "max_attempts", attempts);
    rp_jw_m_time(&w, "due_at", due);
    labels_member(cli, &w);
    rp_jw_object_end(&w);
    return true;
}

static int run_enqueue(struct cli *cli)
{
    struct rp_buf body = {0};
    struct reply reply;
    struct rp_err err;
    bool ok =
        enqueue_body(cli, &body, &err) && client_call(cli, "POST", "/v1/jobs", &body, &reply, &err);
    rp_buf_free(&body);
    if (!ok)
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    const char *id = doc_show(cli, reply.body, "id");
    if (cli->quiet)
        return printf("%s\n", id) < 0;
    if (doc_bool(reply.body, "existing"))
        say(cli, 0, "job %s has this key already and is %s; nothing was added", id,
            doc_show(cli, reply.body, "state"));
    else
        say(cli, 0, "job %s is %s", id, doc_show(cli, reply.body, "state"));
    say_next(cli, "reprise job show %s", id);
    return 0;
}

/* ---- lists ---- */

static const char *when(struct cli *cli, struct rp_str job)
{
    static const char *const fields[] = {"ended_at", "started_at", "due_at", "created_at"};
    for (size_t i = 0; i < 4; i++)
        if (doc_time(cli, job, fields[i]) != 0)
            return show_clock(cli, doc_time(cli, job, fields[i]));
    return "";
}

static const char *why(struct cli *cli, struct rp_str job)
{
    struct rp_str error = doc_str(cli, job, "error.message"), held = doc_str(cli, job, "held");
    if (error.n == 0 && held.n == 0)
        return "";
    if (held.n > 0)
        return show_cut(cli, rp_str_fmt(&cli->arena, "held: %.*s", RP_FMT(held)), 120);
    return show_cut(cli, rp_key_line(&cli->arena, error).line, 120);
}

static void job_table(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"ID", COLUMN_RIGHT}, {"TYPE", COLUMN_NAME},
                                            {"STATE", 0},         {"TRIES", COLUMN_RIGHT},
                                            {"UTC", 0},           {"ERROR", COLUMN_CUT}};
    struct items i;
    struct table *t = table_new(cli, columns, 6);
    for (items_open(&i, list, "items"); items_next(&i);) {
        struct rp_str state = doc_str(cli, i.value, "state");
        table_row(t);
        table_cell(t, doc_show(cli, i.value, "id"));
        table_cell(t, doc_show(cli, i.value, "type"));
        table_paint(t, state_paint(state), show_text(cli, state));
        table_cell(t, show_fmt(cli, "%lld", (long long)doc_i64(i.value, "attempts", 0)));
        table_cell(t, when(cli, i.value));
        table_cell(t, why(cli, i.value));
    }
    items_close(&i);
    table_print(t);
}

static const char *period(struct cli *cli)
{
    const char *since = opt_text(cli, "since"), *until = opt_text(cli, "until");
    struct rp_str s = rp_str_of(since != NULL ? since : "");
    int64_t age;
    if (since == NULL)
        return until != NULL ? " in that period" : "";
    if (rp_str_starts(s, "-"))
        s.p++, s.n--;
    if (until == NULL && rp_duration_parse(s, &age))
        return show_fmt(cli, " in the last %s", show_span(cli, age));
    return until != NULL ? " in that period" : show_fmt(cli, " since %s", show_text(cli, s));
}

static const char *first_id(struct cli *cli, struct rp_str list)
{
    struct items i;
    items_open(&i, list, "items");
    const char *id = items_next(&i) ? doc_show(cli, i.value, "id") : "";
    items_close(&i);
    return id;
}

static int show_jobs(struct cli *cli, struct rp_str list)
{
    const char *state = opt_text(cli, "state");
    if (items_count(list, "items") == 0) {
        say(cli, 0, "no %s%sjobs%s", state != NULL ? state : "", state != NULL ? " " : "",
            period(cli));
        return 0;
    }
    job_table(cli, list);
    struct rp_str cursor = doc_str(cli, list, "next_cursor");
    if (cursor.n > 0)
        say_next(cli, "reprise job show %s; for more the same with --cursor %s",
                 first_id(cli, list), show_text(cli, cursor));
    else
        say_next(cli, "reprise job show %s", first_id(cli, list));
    return 0;
}

/* ---- failures by type and error: the runbook's first list ---- */

static void failure_group(struct cli *cli, struct rp_str g)
{
    struct line l;
    const char *sample = doc_show(cli, g, "sample_job"), *pattern = doc_show(cli, g, "pattern");
    struct rp_str template = doc_str(cli, g, "template");
    int64_t first = doc_time(cli, g, "first"), last = doc_time(cli, g, "last");
    line_begin(&l, cli, show_count(cli, doc_i64(g, "count", 0)), 8);
    line_part(&l, "%s%s", painted(cli, BOLD, doc_show(cli, g, "type")),
              doc_bool(g, "critical") ? painted(cli, RED, " (critical)") : "");
    line_part(&l, "%s%s%s", doc_show(cli, g, "class"), pattern[0] ? " " : "", pattern);
    if (first != 0)
        line_part(&l, "%s UTC", show_period(cli, first, last));
    line_end(&l);
    say(cli, 8, "%s", template.n > 0 ? show_text(cli, template) : "(no message)");
    if (sample[0] != '\0' && !cli->quiet)
        say(cli, 8, "%s", painted(cli, DIM, show_fmt(cli, "reprise job show %s", sample)));
}

static int64_t newest_of(struct cli *cli, struct rp_str groups)
{
    struct items i;
    int64_t newest = 0;
    for (items_open(&i, groups, "items"); items_next(&i);) {
        int64_t last = doc_time(cli, i.value, "last");
        newest = last > newest ? last : newest;
    }
    items_close(&i);
    return newest;
}

static void failure_groups(struct cli *cli, struct rp_str groups)
{
    struct items i;
    int64_t total = doc_i64(groups, "total", 0), newest = newest_of(cli, groups);
    size_t n = items_count(groups, "items");
    say(cli, 0, "%s in %s%s%s%s", show_plural(cli, total, "failed job", "failed jobs"),
        show_plural(cli, (int64_t)n, "group", "groups"), period(cli),
        newest != 0 ? ", the newest at " : "", newest != 0 ? show_time(cli, newest) : "");
    (void)printf("\n");
    for (items_open(&i, groups, "items"); items_next(&i);)
        failure_group(cli, i.value);
    items_close(&i);
}

/* The newest ones one by one, below the groups. */
static int newest_jobs(struct cli *cli, struct rp_err *err)
{
    struct query q = {0};
    struct reply reply;
    query_path(&q, "/v1/jobs", RP_NONE);
    query_add(&q, "limit", show_fmt(cli, "%d", NEWEST));
    if (!filter_query(cli, &q, err) || !client_get_query(cli, &q, &reply, err))
        return say_err(cli, err);
    size_t n = items_count(reply.body, "items");
    (void)printf("\n%s\n",
                 painted(cli, BOLD, n < NEWEST ? "one by one, newest first" : "the newest ten"));
    job_table(cli, reply.body);
    return 0;
}

static int run_failures(struct cli *cli)
{
    struct query q = {0};
    struct reply reply;
    struct rp_err err;
    query_path(&q, "/v1/jobs/failures", RP_NONE);
    if (!filter_query(cli, &q, &err) || !client_get_query(cli, &q, &reply, &err))
        return say_err(cli, &err);
    if (doc_i64(reply.body, "total", 0) == 0) {
        say(cli, 0, "no failed jobs%s", period(cli));
        return 0;
    }
    failure_groups(cli, reply.body);
    int code = newest_jobs(cli, &err);
    const char *since = opt_text(cli, "since"), *type = opt_text(cli, "type");
    say_next(cli, "reprise analyze%s%s%s%s", since != NULL ? " --since " : "",
             since != NULL ? since : "", type != NULL ? " --type " : "", type != NULL ? type : "");
    return code;
}

static int show_total(struct cli *cli, struct rp_str body)
{
    return printf("%s\n", cli->quiet ? show_fmt(cli, "%lld", (long long)doc_i64(body, "count", 0))
                                     : show_count(cli, doc_i64(body, "count", 0))) < 0;
}

static bool wants_groups(struct cli *cli)
{
    const char *state = opt_text(cli, "state");
    return state != NULL && strcmp(state, "failed") == 0 && !cli->json && !opt_flag(cli, "list") &&
           opt_text(cli, "limit") == NULL && opt_text(cli, "cursor") == NULL;
}

static int run_jobs(struct cli *cli)
{
    struct query q = {0};
    struct rp_err err;
    bool count = opt_flag(cli, "count");
    if (!count && wants_groups(cli))
        return run_failures(cli);
    query_path(&q, count ? "/v1/jobs/count" : "/v1/jobs", RP_NONE);
    if (!filter_query(cli, &q, &err))
        return say_err(cli, &err);
    return get_and_show(cli, &q, count ? show_total : show_jobs);
}

static const struct rp_option enqueue_options[] = {
    {.name = "payload",
     .value = "JSON|@F|-",
     .help = "what the job gets; @F reads a file, - standard input"},
    {.name = "queue", .value = "Q", .help = "default: the type's"},
    {.name = "in", .value = "D", .help = "due after this time, for example 10m"},
    {.name = "at", .value = "T", .help = "due at this time"},
    {.name = "priority", .value = "N", .help = "higher first, -1000 to 1000"},
    {.name = "key", .value = "K", .help = "at most one live job of the type has this key"},
    {.name = "label",
     .value = "K=V",
     .help = "a label to find it by (--where)",
     .flags = RP_OPT_REPEATS},
    {.name = "max-attempts", .value = "N", .help = "default: the type's retries and one"},
    {0},
};

static const struct rp_option jobs_options[] = {
    {.name = "state",
     .value = "S",
     .help = "scheduled, queued, running, retrying, succeeded, failed, cancelled, unknown"},
    {.name = "type", .value = "T", .help = "job type"},
    {.name = "queue", .value = "Q", .help = "queue"},
    {.name = "schedule", .value = "NAME", .help = "what a schedule created"},
    {.name = "class", .value = "C", .help = "failure class"},
    {.name = "pattern",
     .value = "P",
     .help = "pattern of the last failure, P7; a message: all it wraps"},
    {.name = "replay", .value = "R", .help = "jobs of a replay, R12"},
    {.name = "since", .value = "T", .help = "a time, or how long ago: 24h"},
    {.name = "until", .value = "T", .help = "a time, or how long ago"},
    {.name = "where", .value = "K=V", .help = "a label", .flags = RP_OPT_REPEATS},
    {.name = "key", .value = "K", .help = "idempotency key"},
    {.name = "count", .help = "only how many"},
    {.name = "list", .help = "failed jobs one by one instead of by type and error"},
    {.name = "limit", .value = "N", .help = "at most so many"},
    {.name = "cursor", .value = "C", .help = "go on where a list ended"},
    {0},
};

const struct rp_command jobs_rows[JOBS_ROWS] = {
    {.name = "enqueue",
     .arguments = "TYPE",
     .least = 1,
     .most = 1,
     .options = enqueue_options,
     .summary = "adds a job",
     .help = "  reprise enqueue invoice --payload '{\"id\": 7}' --key invoice-7\n"
             "With --key a second call adds nothing while the first job lives.",
     .safety = RP_REVERSIBLE,
     .run = run_enqueue},
    {.name = "jobs",
     .arguments = "",
     .options = jobs_options,
     .summary = "lists, filters and counts jobs",
     .help = "  reprise jobs --state failed --since 24h\n"
             "shows failed jobs by type and error with their times, then the newest one by one.",
     .run = run_jobs},
};
