/* replay: what is asked for, dry run, start, watch; list, show, pause, resume, abort, undo. */
#include "cli/replay.h"
#include "cli/groups.h"

#include "core/pace.h"

#include <unistd.h>

static bool any_of(struct cli *cli, const char *const names[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (opt_flag(cli, names[i]))
            return true;
    return false;
}

/* ---- the request ---- */

static const char *const selecting[] = {"type",  "since", "until", "pattern", "job", "where",
                                        "class", "queue", "state", "replay",  "all", "older-than"};

static bool jobs_member(struct cli *cli, struct rp_jw *w, struct rp_err *err)
{
    const char *all[RP_ARGUMENTS_MAX];
    size_t n = opt_all(cli, "job", all);
    struct rp_str id;
    if (n + (size_t)cli->n_args == 0)
        return true;
    rp_jw_key(w, "jobs");
    rp_jw_array(w);
    for (size_t i = 0; i < n + (size_t)cli->n_args; i++) {
        if (!id_given(cli, i < n ? all[i] : cli->args[i - n], "", &id, err))
            return false;
        rp_jw_str(w, id);
    }
    rp_jw_array_end(w);
    return true;
}

static bool where_member(struct cli *cli, struct rp_jw *w, struct rp_err *err)
{
    const char *all[RP_ARGUMENTS_MAX];
    size_t n = opt_all(cli, "where", all);
    if (n == 0)
        return true;
    rp_jw_key(w, "where");
    rp_jw_object(w);
    for (size_t i = 0; i < n; i++) {
        struct rp_str value = rp_str_of(all[i]), key;
        (void)rp_str_split(&value, '=', &key);
        if (value.p == NULL || key.n == 0)
            return rp_fail(err, RP_E_USAGE, "--where: \"%s\" is not KEY=VALUE", all[i]);
        rp_jw_key_str(w, key);
        rp_jw_str(w, value);
    }
    rp_jw_object_end(w);
    return true;
}

bool replay_selects(struct cli *cli)
{
    return any_of(cli, selecting, sizeof selecting / sizeof *selecting) || cli->n_args > 0;
}

/* --older-than D: until then. */
static bool older_than(struct cli *cli, int64_t *until, struct rp_err *err)
{
    int64_t age = -1;
    if (!opt_duration(cli, "older-than", &age, err))
        return false;
    if (age >= 0 && *until != 0)
        return rp_fail(err, RP_E_USAGE, "--older-than and --until say the same");
    *until = age >= 0 ? cli->now_us - age : *until;
    return true;
}

bool replay_select_member(struct cli *cli, struct rp_jw *w, struct rp_err *err)
{
    static const char *const same[] = {"type", "state", "class", "queue"};
    int64_t since = 0, until = 0;
    struct rp_str pattern = RP_NONE, replay = RP_NONE;
    const char *p = opt_text(cli, "pattern"), *of = opt_text(cli, "replay");
    if (!opt_time(cli, "since", &since, err) || !opt_time(cli, "until", &until, err) ||
        !older_than(cli, &until, err) || (p != NULL && !id_given(cli, p, "P", &pattern, err)) ||
        (of != NULL && !id_given(cli, of, "R", &replay, err)))
        return false;
    if (!replay_selects(cli))
        return true; /* the plan alone: what it selected */
    rp_jw_key(w, "select");
    rp_jw_object(w);
    for (size_t i = 0; i < 4; i++)
        rp_jw_m_cstr(w, same[i], opt_text(cli, same[i]));
    rp_jw_m_time(w, "since", since);
    rp_jw_m_time(w, "until", until);
    rp_jw_m_str(w, "pattern", pattern);
    rp_jw_m_str(w, "replay", replay);
    if (opt_flag(cli, "all"))
        rp_jw_m_bool(w, "all", true);
    if (!jobs_member(cli, w, err) || !where_member(cli, w, err))
        return false;
    rp_jw_object_end(w);
    return true;
}

/* As the rate of a type, or a plain number a second; 0: not limited. */
static bool rate_given(struct cli *cli, double *per_s, struct rp_err *err)
{
    const char *text = opt_text(cli, "rate");
    struct rp_pace p;
    *per_s = 0;
    if (text == NULL || strcmp(text, "unlimited") == 0)
        return true;
    const char *whole =
        strspn(text, "0123456789") == strlen(text) ? show_fmt(cli, "%s/s", text) : text;
    if (!rp_pace_parse(rp_str_of(whole), &p)) {
        (void)rp_fail(err, RP_E_USAGE, "--rate: \"%s\" is not a rate", text);
        return rp_hint(err, "write 20/s, 100/m, 5000/h or unlimited; at most %d a second",
                       RP_PACE_MAX_PER_S);
    }
    if (p.n > 0)
        *per_s = (double)p.n * RP_US_S / (double)p.per_us;
    return true;
}

void replay_past_members(struct cli *cli, struct rp_jw *w)
{
    const char *override[RP_ARGUMENTS_MAX];
    size_t n = opt_all(cli, "override", override);
    static const char *const flags[][2] = {{"include-unsafe", "include_unsafe"},
                                           {"include-unknown", "include_unknown"},
                                           {"accept-unknown", "accept_unknown"}};
    for (size_t i = 0; i < 3; i++)
        if (opt_flag(cli, flags[i][0]))
            rp_jw_m_bool(w, flags[i][1], true);
    if (n > 0) {
        rp_jw_key(w, "override");
        rp_jw_array(w);
        for (size_t i = 0; i < n; i++)
            rp_jw_str(w, rp_str_of(override[i]));
        rp_jw_array_end(w);
    }
}

bool replay_guard_member(struct cli *cli, struct rp_jw *w, struct rp_err *err)
{
    int64_t canary = 0, wave = 0, retries = 0, at = 0, expires = 0;
    double rate = 0;
    if (!opt_i64(cli, "canary", 0, 1000000, &canary, err) ||
        !opt_i64(cli, "wave", 1, 1000000, &wave, err) ||
        !opt_i64(cli, "retries", 0, 100, &retries, err) || !rate_given(cli, &rate, err) ||
        !opt_time(cli, "at", &at, err) || !opt_time(cli, "expires", &expires, err))
        return false;
    rp_jw_key(w, "guard");
    rp_jw_object(w);
    if (opt_text(cli, "canary") != NULL)
        rp_jw_m_i64(w, "canary", canary);
    if (wave > 0)
        rp_jw_m_i64(w, "wave", wave);
    if (rate > 0)
        rp_jw_m_f64(w, "rate", rate);
    else if (opt_text(cli, "rate") != NULL)
        rp_jw_m_cstr(w, "rate", "unlimited");
    if (opt_text(cli, "retries") != NULL)
        rp_jw_m_i64(w, "retries", retries);
    replay_past_members(cli, w);
    rp_jw_m_cstr(w, "reason", opt_text(cli, "reason"));
    rp_jw_m_cstr(w, "plan", opt_text(cli, "plan"));
    rp_jw_m_cstr(w, "when", opt_text(cli, "when"));
    rp_jw_m_time(w, "at", at);
    rp_jw_m_time(w, "expires", expires);
    if (!replay_set_member(cli, w, err))
        return false;
    rp_jw_object_end(w);
    return true;
}

static bool replay_body(struct cli *cli, struct rp_buf *body, bool dry, struct rp_err *err)
{
    struct rp_jw w = {.out = body};
    rp_jw_object(&w);
    if (!replay_select_member(cli, &w, err) || !replay_guard_member(cli, &w, err))
        return false;
    rp_jw_m_bool(&w, "dry_run", dry);
    rp_jw_object_end(&w);
    return true;
}

/* What a guard would refuse anyway is told before anything is asked. */
static bool check_asked(struct cli *cli, struct rp_err *err)
{
    if (!replay_selects(cli) && opt_text(cli, "plan") == NULL) {
        (void)rp_fail(err, RP_E_REFUSED, "nothing selects the jobs to replay");
        return rp_hint(err, "name a --type, --pattern, --job or --since, or say --all");
    }
    static const char *const reasons[] = {"include-unsafe", "override"};
    if (any_of(cli, reasons, 2) && opt_text(cli, "reason") == NULL) {
        (void)rp_fail(err, RP_E_USAGE, "what goes past a guard needs --reason");
        return rp_hint(err, "say why it is right: --reason \"the mails were never sent\"");
    }
    return true;
}

/* ---- starting ---- */

static bool post(struct cli *cli, bool dry, struct reply *reply, struct rp_err *err)
{
    struct rp_buf body = {0};
    bool ok = replay_body(cli, &body, dry, err) &&
              client_call(cli, "POST", "/v1/replays", &body, reply, err);
    rp_buf_free(&body);
    return ok;
}

static int dry_run(struct cli *cli)
{
    struct reply reply = {0};
    struct rp_err err;
    if (!post(cli, true, &reply, &err))
        return say_err(cli, &err);
    if (cli->json)
        (void)print_json(reply.body);
    else
        replay_plan_show(cli, reply.body);
    return doc_has(reply.body, "refused") && !replay_parks(cli) ? rp_code_exit(RP_E_REFUSED) : 0;
}

bool replay_parks(struct cli *cli)
{
    static const char *const waits[] = {"when", "at", "expires"};
    return any_of(cli, waits, 3);
}

static int parked(struct cli *cli, struct rp_str r, const char *id)
{
    if (cli->json)
        return print_json(r);
    say(cli, 0, "replay %s is parked; it is planned, checked and started by itself, until %s UTC",
        id, show_clock(cli, doc_time(cli, r, "parked.expires")));
    say_next(cli, "reprise replay show %s   or reprise replay abort %s", id, id);
    return 0;
}

/* What the plan of a dry run takes along only the daemon knows: it is looked at where somebody is
 * there to be asked. */
static bool plan_unsafe(struct cli *cli, bool *unsafe, struct reply *reply, struct rp_err *err)
{
    *unsafe = false;
    if (replay_selects(cli) || opt_flag(cli, "yes") || isatty(STDIN_FILENO) != 1)
        return true;
    if (!post(cli, true, reply, err))
        return false;
    *unsafe = doc_i64(reply->body, "forced.not-idempotent", 0) > 0;
    return true;
}

static bool confirmed(struct cli *cli, struct reply *reply, struct rp_err *err)
{
    bool unsafe = opt_flag(cli, "include-unsafe");
    if (!unsafe && !plan_unsafe(cli, &unsafe, reply, err))
        return false;
    return !unsafe ||
           confirm(cli, "running jobs again that may have had their effect already", err);
}

static int start(struct cli *cli)
{
    struct reply reply = {0};
    struct rp_err err;
    if (!confirmed(cli, &reply, &err) || !post(cli, false, &reply, &err))
        return say_err(cli, &err);
    const char *id = doc_show(cli, reply.body, "id");
    if (doc_has(reply.body, "parked"))
        return parked(cli, reply.body, id);
    if (opt_flag(cli, "detach")) {
        if (cli->json)
            return print_json(reply.body);
        say(cli, 0, "replay %s runs with %s", id,
            show_plural(cli, doc_i64(reply.body, "to_replay", 0), "job", "jobs"));
        say_next(cli, "reprise replay show %s", id);
        return 0;
    }
    return replay_watch(cli, id);
}

static int run_replay(struct cli *cli)
{
    struct rp_err err;
    if (!check_asked(cli, &err))
        return say_err(cli, &err);
    return opt_flag(cli, "dry-run") ? dry_run(cli) : start(cli);
}

/* ---- existing replays ---- */

static void replay_row(struct cli *cli, struct table *t, struct rp_str r)
{
    struct rp_str state = doc_str(cli, r, "state");
    int64_t again = doc_i64(r, "fates.failed_same", 0) + doc_i64(r, "fates.failed_new", 0);
    table_row(t);
    table_cell(t, rp_str_is(doc_str(cli, r, "kind"), "replay")
                      ? doc_show(cli, r, "id")
                      : show_fmt(cli, "%s %s", doc_show(cli, r, "id"), doc_show(cli, r, "kind")));
    table_paint(t, state_paint(state), show_text(cli, state));
    table_cell(t, show_count(cli, doc_i64(r, "to_replay", 0)));
    table_cell(t, show_count(cli, doc_i64(r, "fates.succeeded", 0)));
    table_paint(t, again > 0 ? RED : PLAIN, show_count(cli, again));
    table_cell(t, show_clock(cli, doc_time(cli, r, "created_at")));
    table_cell(t, doc_show(cli, r, "actor"));
}

static int show_list(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"REPLAY", 0},
                                            {"STATE", 0},
                                            {"JOBS", COLUMN_RIGHT},
                                            {"SUCCEEDED", COLUMN_RIGHT},
                                            {"FAILED", COLUMN_RIGHT},
                                            {"UTC", 0},
                                            {"BY", COLUMN_CUT}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, opt_text(cli, "plan") != NULL ? "no replay ran that plan" : "no replays yet");
        say_next(cli, "reprise replay --type T --since 24h --dry-run shows what one would do");
        return 0;
    }
    struct table *t = table_new(cli, columns, 7);
    for (items_open(&i, list, "items"); items_next(&i);)
        replay_row(cli, t, i.value);
    items_close(&i);
    table_print(t);
    return 0;
}

static int run_list(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/replays", RP_NONE);
    query_add(&q, "plan", opt_text(cli, "plan"));
    return get_and_show(cli, &q, show_list);
}

static bool replay_id(struct cli *cli, const char **id, struct rp_err *err)
{
    struct rp_str given;
    if (!id_given(cli, cli->args[0], "R", &given, err))
        return false;
    *id = rp_cstr(&cli->arena, given);
    return true;
}

static int run_show(struct cli *cli)
{
    const char *id;
    struct reply reply;
    struct rp_err err;
    if (!replay_id(cli, &id, &err) ||
        !client_get(cli, show_fmt(cli, "/v1/replays/%s", id), &reply, &err))
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    if (opt_flag(cli, "follow"))
        return replay_watch(cli, id);
    replay_show(cli, reply.body);
    return 0;
}

static int change(struct cli *cli, const char *verb, const char *format)
{
    const char *id = "";
    struct reply reply = {0};
    struct rp_err err;
    if (!replay_id(cli, &id, &err) ||
        !post_reason(cli, show_fmt(cli, "/v1/replays/%s/%s", id, verb), &reply, &err))
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    say(cli, 0, "replay %s is %s", id, doc_show(cli, reply.body, "state"));
    if (format != NULL)
        say_next(cli, "reprise replay %s %s", format, id);
    return 0;
}

static int run_pause(struct cli *cli)
{
    return change(cli, "pause", "resume");
}

static int run_resume(struct cli *cli)
{
    return change(cli, "resume", "show");
}

static int run_abort(struct cli *cli)
{
    return change(cli, "abort", "undo");
}

static int run_undo(struct cli *cli)
{
    const char *id;
    struct rp_err err;
    return replay_id(cli, &id, &err) ? replay_undo(cli, id) : say_err(cli, &err);
}

static const struct rp_option replay_options[] = {
    {.name = "type", .value = "T", .help = "failed jobs of this type"},
    {.name = "since", .value = "T", .help = "that failed since: a time, or how long ago (24h)"},
    {.name = "until", .value = "T", .help = "that failed until"},
    {.name = "pattern",
     .value = "P",
     .help = "whose failure has this pattern; a message: all it wraps"},
    {.name = "class", .value = "C", .help = "whose failure has this class"},
    {.name = "queue", .value = "Q", .help = "of this queue"},
    {.name = "state",
     .value = "S",
     .help = "failed (the default), or unknown: with --include-unknown"},
    {.name = "replay", .value = "R", .help = "that failed again in this replay"},
    {.name = "where", .value = "K=V", .help = "with this label", .flags = RP_OPT_REPEATS},
    {.name = "job", .value = "ID", .help = "these jobs", .flags = RP_OPT_REPEATS},
    {.name = "all", .help = "every failed job"},
    {.name = "dry-run", .help = "shows the plan and the checks, runs nothing"},
    {.name = "plan", .value = "HASH", .help = "exactly the jobs of a dry run, or nothing"},
    {.name = "when",
     .value = "WHAT",
     .help = "waits: dependency:NAME until it is up, deploy:TYPE for a deploy mark"},
    {.name = "at", .value = "T", .help = "waits until then: a time, or +10m"},
    {.name = "expires", .value = "T", .help = "how long it waits at most; 7 days"},
    {.name = "rate", .value = "N/s", .help = "at most so many a second; unlimited"},
    {.name = "canary",
     .value = "N",
     .help = "size of the first wave; 0: none and no waves, all at once; needs --reason"},
    {.name = "wave", .value = "N", .help = "largest wave"},
    {.name = "retries", .value = "N", .help = "tries of a job after its first in it; 0"},
    {.name = "set",
     .value = "PATH=VALUE",
     .help = "this value (JSON) at this JSON pointer of the payloads, in copies for this replay",
     .flags = RP_OPT_REPEATS},
    {.name = "include-unsafe", .help = "also jobs that may not be repeated; needs --reason"},
    {.name = "include-unknown", .help = "also jobs whose outcome is unknown"},
    {.name = "accept-unknown", .help = "also failures that no class explains"},
    {.name = "override",
     .value = "CHECK",
     .help = "go past a check, or take along what it names; needs --reason",
     .flags = RP_OPT_REPEATS},
    {.name = "reason", .value = "R", .help = "kept in the audit trail"},
    {.name = "detach", .help = "start it and come back at once"},
    {.name = "yes", .help = "do not ask"},
    {0},
};
static const struct rp_option undo_options[] = {
    {.name = "compensate", .help = "also runs what takes back the effects of jobs that ran"},
    {.name = "dry-run", .help = "says what can and cannot be undone, changes nothing"},
    {.name = "rate", .value = "N/s", .help = "compensations: at most so many a second"},
    {.name = "canary", .value = "N", .help = "compensations: size of the first wave"},
    {.name = "wave", .value = "N", .help = "compensations: largest wave"},
    {.name = "retries", .value = "N", .help = "compensations: tries after the first; 0"},
    {.name = "override",
     .value = "CHECK",
     .help = "compensations: go past a check; needs --reason",
     .flags = RP_OPT_REPEATS},
    {.name = "reason", .value = "R", .help = "kept in the audit trail"},
    {.name = "detach", .help = "start the compensations and come back at once"},
    {.name = "yes", .help = "do not ask"},
    {0},
};
static const struct rp_option list_options[] = {
    {.name = "plan", .value = "HASH", .help = "those that ran this plan"},
    {0},
};
static const struct rp_option show_options[] = {
    {.name = "follow", .help = "watch it until its end", .letter = 'f'},
    {0},
};

const struct rp_command replay_rows[REPLAY_ROWS] = {
    {.name = "replay",
     .arguments = "[ID…]",
     .most = -1,
     .options = replay_options,
     .summary = "runs failed jobs again, guarded: plan, checks, canary, waves",
     .help = "  reprise replay --type reconciliation --since 24h --dry-run\n"
             "shows what would run and whether a check refuses. The same without --dry-run runs it "
             "and shows progress until the end; Ctrl-C leaves it running.\n"
             "Ends with 0 when all succeeded, 3 when some failed again, 4 when a guard refused.",
     .safety = RP_REVERSIBLE,
     .run = run_replay},
    {.name = "replay list",
     .arguments = "",
     .options = list_options,
     .summary = "replays, newest first",
     .run = run_list},
    {.name = "replay show",
     .arguments = "R",
     .least = 1,
     .most = 1,
     .options = show_options,
     .summary = "one replay: how far it is, what failed again and why",
     .run = run_show},
    {.name = "replay pause",
     .arguments = "R",
     .least = 1,
     .most = 1,
     .options = reason_options,
     .summary = "starts no more of its jobs until it is resumed",
     .safety = RP_REVERSIBLE,
     .run = run_pause},
    {.name = "replay resume",
     .arguments = "R",
     .least = 1,
     .most = 1,
     .options = reason_options,
     .summary = "goes on with a paused or halted replay",
     .safety = RP_REVERSIBLE,
     .run = run_resume},
    {.name = "replay abort",
     .arguments = "R",
     .least = 1,
     .most = 1,
     .options = reason_options,
     .summary = "ends a replay; what runs is finished",
     .safety = RP_REVERSIBLE,
     .run = run_abort},
    {.name = "replay undo",
     .arguments = "R",
     .least = 1,
     .most = 1,
     .options = undo_options,
     .summary = "puts jobs that it has not run back as they were",
     .help = "What can and cannot be undone is said before. With --compensate the jobs that ran "
             "are taken back, where their type has `compensate:`, by a replay of its own with "
             "canary, waves and halt. Ends as replay does.",
     .safety = RP_REVERSIBLE,
     .run = run_undo},
};
