/* schedules, schedule next|explain|run|pause|resume, and cron next, which needs no daemon. */
#include "cli/groups.h"
#include "cli/internal.h"

#include "core/cron.h"

enum { NEXT_MOST = 1000, NEXT_USUAL = 5 };

static const char *path_of(struct cli *cli, const char *format, const char *name)
{
    struct query q = {0};
    query_path(&q, format, rp_str_of(name));
    const char *path = rp_cstr(&cli->arena, rp_buf_view(&q.text));
    rp_buf_free(&q.text);
    return path;
}

/* ---- list ---- */

static void schedule_row(struct cli *cli, struct table *t, struct rp_str s)
{
    int64_t next = doc_time(cli, s, "next_at"), last = doc_time(cli, s, "last_at"),
            missed = doc_i64(s, "missed_24h", 0);
    struct rp_str state = doc_str(cli, s, "last_state"), zone = doc_str(cli, s, "zone");
    table_row(t);
    table_cell(t, doc_show(cli, s, "name"));
    table_cell(t, doc_show(cli, s, "expr"));
    table_cell(t, show_text(cli, zone.n > 0 ? zone : RP_STR("UTC")));
    if (doc_has(s, "paused"))
        table_paint(t, YELLOW, show_fmt(cli, "paused by %s", doc_show(cli, s, "paused.by")));
    else
        table_cell(t, next != 0 ? show_clock(cli, next) : "never");
    if (missed > 0)
        table_paint(t, RED, show_fmt(cli, "%lld missed", (long long)missed));
    else
        table_paint(t, state_paint(state),
                    last != 0
                        ? show_fmt(cli, "%s %s ago", show_text(cli, state), show_age(cli, last))
                        : "not yet");
}

static int show_schedules(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"SCHEDULE", COLUMN_NAME},
                                            {"EXPRESSION", COLUMN_NAME},
                                            {"ZONE", COLUMN_NAME},
                                            {"NEXT (UTC)", 0},
                                            {"LAST", 0}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, "no schedules: a job type with `schedule:` in the configuration makes one");
        return 0;
    }
    struct table *t = table_new(cli, columns, 5);
    for (items_open(&i, list, "items"); items_next(&i);)
        schedule_row(cli, t, i.value);
    items_close(&i);
    table_print(t);
    return 0;
}

static int run_schedules(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/schedules", RP_NONE);
    return get_and_show(cli, &q, show_schedules);
}

/* ---- instants ---- */

/* One instant in its zone, and in UTC if that is another. */
static void instant_line(struct cli *cli, int64_t us, const struct rp_zone *z)
{
    char local[RP_TIME_LEN], utc[RP_TIME_LEN];
    const char *abbreviation = "UTC";
    int64_t offset = z != NULL ? rp_zone_offset(z, us / RP_US_S, &abbreviation) : 0;
    (void)rp_time_format(us + offset * RP_US_S, local);
    (void)rp_time_format(us, utc);
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    int64_t day = (us + offset * RP_US_S) / RP_US_DAY;
    struct line l;
    line_begin(&l, cli, "", 2);
    line_part(&l, "%s %.10s %.8s %s", days[(day % 7 + 7) % 7], local, local + 11, abbreviation);
    if (offset != 0)
        line_part(&l, "%.16sZ", utc);
    line_part(&l, "in %s", show_span(cli, us - cli->now_us));
    line_end(&l);
}

static int show_next(struct cli *cli, struct rp_str body)
{
    struct items i;
    struct rp_err err;
    struct rp_str zone = doc_str(cli, body, "timezone");
    const struct rp_zone *z = zone.n > 0 ? rp_zone_load(zone, &err) : NULL;
    say(cli, 0, "%s (%s): %s", doc_show(cli, body, "expression"), show_text(cli, zone),
        doc_show(cli, body, "words"));
    for (items_open(&i, body, "next"); items_next(&i);) {
        int64_t us;
        if (rp_time_parse(items_str(cli, &i), &us))
            instant_line(cli, us, z);
    }
    items_close(&i);
    if (items_count(body, "next") == 0)
        say(cli, 2, "never by itself");
    return 0;
}

static int run_next(struct cli *cli)
{
    struct query q = {0};
    struct rp_err err;
    int64_t n = NEXT_USUAL, from = 0;
    if (!opt_i64(cli, "count", 1, NEXT_MOST, &n, &err) || !opt_time(cli, "from", &from, &err))
        return say_err(cli, &err);
    query_path(&q, "/v1/schedules/%s/next", rp_str_of(cli->args[0]));
    query_add(&q, "n", show_fmt(cli, "%lld", (long long)n));
    query_add_time(&q, "from", from);
    return get_and_show(cli, &q, show_next);
}

/* ---- the ledger of one day (U16) ---- */

static void occurrence_row(struct cli *cli, struct table *t, struct rp_str o)
{
    struct rp_str verdict = doc_str(cli, o, "verdict"), state = doc_str(cli, o, "job_state");
    int64_t late = doc_i64(o, "lateness_us", 0);
    table_row(t);
    table_cell(t, show_clock(cli, doc_time(cli, o, "instant")));
    table_paint(t, state_paint(verdict), show_text(cli, verdict));
    table_cell(t, doc_show(cli, o, "job"));
    table_paint(t, state_paint(state), show_text(cli, state));
    table_cell(t, late >= RP_US_S ? show_span(cli, late) : "");
    table_cell(
        t, show_fmt(cli, "%s%s", doc_bool(o, "manual") ? "manual " : "", doc_show(cli, o, "why")));
}

enum { LEDGER_ROWS = 10000, AHEAD_SHOWN = 5 };

static int show_ledger(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"INSTANT (UTC)", 0},   {"VERDICT", 0},
                                            {"JOB", COLUMN_RIGHT},  {"OUTCOME", 0},
                                            {"LATE", COLUMN_RIGHT}, {"WHY", COLUMN_WRAP}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, "no instant of %s on that day", show_text(cli, rp_str_of(cli->args[0])));
        say_next(cli, "reprise schedule next %s", show_text(cli, rp_str_of(cli->args[0])));
        return 0;
    }
    struct table *t = table_new(cli, columns, 6);
    int64_t rows = 0, ahead = 0;
    for (items_open(&i, list, "items"); items_next(&i); rows++) {
        /* What is still to come is a plan, not a ledger: a few rows of it are enough. */
        if (!rp_str_is(doc_str(cli, i.value, "verdict"), "expected") || ++ahead <= AHEAD_SHOWN)
            occurrence_row(cli, t, i.value);
    }
    items_close(&i);
    table_print(t);
    if (ahead > AHEAD_SHOWN)
        say(cli, 0, "… and %s more expected", show_count(cli, ahead - AHEAD_SHOWN));
    if (rows == LEDGER_ROWS)
        say(cli, 0, "cut after %s instants; the rest of the day: --json and the API's from=",
            show_count(cli, rows));
    return 0;
}

static int run_explain(struct cli *cli)
{
    struct query q = {0};
    struct reply schedule;
    struct rp_err err;
    int64_t from, to;
    struct rp_str day = cli->n_args > 1 ? rp_str_of(cli->args[1]) : RP_STR("today");
    if (!client_get(cli, path_of(cli, "/v1/schedules/%s", cli->args[0]), &schedule, &err) ||
        !day_given(cli, day, doc_str(cli, schedule.body, "zone"), &from, &to, &err))
        return say_err(cli, &err);
    query_path(&q, "/v1/schedules/%s/occurrences", rp_str_of(cli->args[0]));
    query_add_time(&q, "from", from);
    query_add_time(&q, "to", to);
    query_add(&q, "limit", "10000");
    return get_and_show(cli, &q, show_ledger);
}

/* ---- changes ---- */

static int run_run(struct cli *cli)
{
    struct rp_buf body = {0};
    struct rp_jw w = {.out = &body};
    struct reply reply;
    struct rp_err err;
    rp_jw_object(&w);
    if (opt_flag(cli, "overlap"))
        rp_jw_m_bool(&w, "overlap", true);
    rp_jw_object_end(&w);
    bool ok = client_call(cli, "POST", path_of(cli, "/v1/schedules/%s/run", cli->args[0]), &body,
                          &reply, &err);
    rp_buf_free(&body);
    if (!ok)
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    const char *id = doc_show(cli, reply.body, "id");
    say(cli, 0, "job %s is %s; the next planned instant stays as it is", id,
        doc_show(cli, reply.body, "state"));
    say_next(cli, "reprise job logs %s --follow", id);
    return 0;
}

static int change(struct cli *cli, const char *format, const char *said)
{
    struct reply reply;
    struct rp_err err;
    if (!post_reason(cli, path_of(cli, format, cli->args[0]), &reply, &err))
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    int64_t next = doc_time(cli, reply.body, "next_at");
    say(cli, 0, "schedule %s %s%s%s", show_text(cli, rp_str_of(cli->args[0])), said,
        next != 0 ? ", next at " : "", next != 0 ? show_time(cli, next) : "");
    return 0;
}

static int run_pause(struct cli *cli)
{
    int code = change(cli, "/v1/schedules/%s/pause", "is paused");
    if (code == 0 && !cli->json)
        say_next(cli, "reprise schedule resume %s", show_text(cli, rp_str_of(cli->args[0])));
    return code;
}

static int run_resume(struct cli *cli)
{
    return change(cli, "/v1/schedules/%s/resume", "goes on");
}

/* ---- cron next ---- */

static bool cron_answer(struct cli *cli, struct rp_buf *out, struct rp_err *err)
{
    struct rp_cron c;
    int64_t n = NEXT_USUAL, from = cli->now_us;
    struct rp_str text = rp_str_of(cli->args[0]);
    const char *name = opt_text(cli, "name"), *tz = opt_text(cli, "tz");
    if (!opt_i64(cli, "count", 1, NEXT_MOST, &n, err) || !opt_time(cli, "from", &from, err) ||
        !rp_cron_parse(text, rp_str_of(name != NULL ? name : ""), &c, err))
        return false;
    struct rp_str zone = rp_str_of(tz != NULL ? tz : (c.zone[0] != '\0' ? c.zone : "UTC"));
    const struct rp_zone *z = rp_zone_load(zone, err);
    if (z == NULL)
        return false;
    struct rp_jw w = {.out = out};
    char at[RP_TIME_LEN];
    rp_jw_object(&w);
    rp_jw_m_str(&w, "expression", text);
    rp_jw_m_str(&w, "timezone", zone);
    rp_jw_m_str(&w, "words", rp_cron_words(&cli->arena, &c));
    rp_jw_key(&w, "next");
    rp_jw_array(&w);
    for (int64_t us = from; n > 0 && (us = rp_cron_next(&c, z, us, 0)) != INT64_MAX; n--)
        rp_jw_str(&w, rp_str_of(rp_time_format(us, at)));
    rp_jw_array_end(&w);
    rp_jw_object_end(&w);
    return true;
}

static int run_cron_next(struct cli *cli)
{
    struct rp_buf out = {0};
    struct rp_err err;
    int code;
    if (!cron_answer(cli, &out, &err)) {
        err.code = err.code == RP_E_CRON || err.code == RP_E_BAD_FIELD ? RP_E_USAGE : err.code;
        code = say_err(cli, &err);
    } else {
        code = cli->json ? print_json(rp_buf_view(&out)) : show_next(cli, rp_buf_view(&out));
    }
    rp_buf_free(&out);
    return code;
}

static const struct rp_option next_options[] = {
    {.name = "count", .value = "N", .help = "how many instants (5)", .letter = 'n'},
    {.name = "from", .value = "T", .help = "instants after this time (now)"},
    {0},
};
static const struct rp_option cron_options[] = {
    {.name = "tz", .value = "Z", .help = "time zone, for example Europe/Berlin (UTC)"},
    {.name = "from", .value = "T", .help = "instants after this time (now)"},
    {.name = "count", .value = "N", .help = "how many instants (5)", .letter = 'n'},
    {.name = "name", .value = "NAME", .help = "the schedule's name, which H is made from"},
    {0},
};
static const struct rp_option run_options[] = {
    {.name = "overlap", .help = "also while the last run is not over"},
    {0},
};

const struct rp_command schedule_rows[SCHEDULE_ROWS] = {
    {.name = "schedules",
     .arguments = "",
     .summary = "when each schedule runs next, and how it went",
     .run = run_schedules},
    {.name = "schedule next",
     .arguments = "NAME",
     .least = 1,
     .most = 1,
     .options = next_options,
     .summary = "the next instants of a schedule",
     .run = run_next},
    {.name = "schedule explain",
     .arguments = "NAME [DAY]",
     .least = 1,
     .most = 2,
     .summary = "what became of each planned instant of a day",
     .help = "DAY is today, yesterday or a date, in the schedule's zone. Each instant has one "
             "verdict: it ran, was skipped, missed, merged or moved, and why.",
     .run = run_explain},
    {.name = "schedule run",
     .arguments = "NAME",
     .least = 1,
     .most = 1,
     .options = run_options,
     .summary = "runs it now, marked as manual; the next instant stays",
     .safety = RP_REVERSIBLE,
     .run = run_run},
    {.name = "schedule pause",
     .arguments = "NAME",
     .least = 1,
     .most = 1,
     .options = reason_options,
     .summary = "plans nothing until it is resumed",
     .safety = RP_REVERSIBLE,
     .run = run_pause},
    {.name = "schedule resume",
     .arguments = "NAME",
     .least = 1,
     .most = 1,
     .options = reason_options,
     .summary = "goes on with a paused schedule",
     .safety = RP_REVERSIBLE,
     .run = run_resume},
    {.name = "cron next",
     .arguments = "EXPR",
     .least = 1,
     .most = 1,
     .options = cron_options,
     .summary = "reads a cron expression: in words, and its next instants",
     .help = "  reprise cron next '30 2 * * MON-FRI' --tz Europe/Berlin -n 10\n"
             "Needs no daemon; the scheduler uses the same reading.",
     .run = run_cron_next},
};
