/* purge and restore: what goes and what must stay, the question, progress, the end. */
#include "cli/groups.h"
#include "cli/replay.h"

#include <stdlib.h>
#include <unistd.h>

enum { LABEL = 13, POLL_US = 200000 };

/* ---- the request ---- */

/* A name alone is the daemon's to place; a path is meant from where the caller stands. */
static const char *file_given(struct cli *cli, const char *file)
{
    char *here;
    if (file == NULL || file[0] == '/' || strchr(file, '/') == NULL)
        return file;
    here = getcwd(NULL, 0);
    const char *below = strncmp(file, "./", 2) == 0 ? file + 2 : file;
    const char *path = here != NULL ? show_fmt(cli, "%s/%s", here, below) : file;
    free(here);
    return path;
}

static bool purge_body(struct cli *cli, struct rp_buf *body, bool dry, const char *plan,
                       struct rp_err *err)
{
    static const char *const flags[][2] = {{"payloads", "payloads"},
                                           {"include-unresolved", "include_unresolved"},
                                           {"include-waiting", "include_waiting"}};
    struct rp_jw w = {.out = body};
    rp_jw_object(&w);
    if (!replay_select_member(cli, &w, err))
        return false;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (opt_flag(cli, flags[i][0]))
            rp_jw_m_bool(&w, flags[i][1], true);
    if (!dry)
        rp_jw_m_cstr(&w, "backup", file_given(cli, opt_text(cli, "backup")));
    rp_jw_m_cstr(&w, "reason", opt_text(cli, "reason"));
    rp_jw_m_cstr(&w, "plan", plan);
    rp_jw_m_bool(&w, "dry_run", dry);
    rp_jw_object_end(&w);
    return true;
}

static bool post(struct cli *cli, const char *path, struct rp_buf *body, struct reply *reply,
                 struct rp_err *err)
{
    bool ok = client_call(cli, "POST", path, body, reply, err);
    rp_buf_free(body);
    return ok;
}

/* ---- what is shown ---- */

static void states_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    struct items i;
    int64_t n;
    line_begin(&l, cli, "goes", LABEL);
    for (items_open(&i, plan, "by_state"); items_member(&i);)
        if (rp_str_i64(i.value, &n))
            line_part(&l, "%s %s", show_count(cli, n), show_text(cli, i.key));
    items_close(&i);
    line_part(&l, "%s", show_plural(cli, doc_i64(plan, "attempts", 0), "attempt", "attempts"));
    line_part(&l, "%s", show_plural(cli, doc_i64(plan, "outputs", 0), "output", "outputs"));
    line_end(&l);
    line_begin(&l, cli, "ended", LABEL);
    line_part(&l, "%s",
              show_period(cli, doc_time(cli, plan, "oldest"), doc_time(cli, plan, "newest")));
    line_end(&l);
}

static bool of_payloads(struct cli *cli, struct rp_str doc)
{
    return rp_str_is(doc_str(cli, doc, "what"), "payloads");
}

static void plan_show(struct cli *cli, struct rp_str plan)
{
    struct line l;
    int64_t n = doc_i64(plan, "to_purge", 0), matched = doc_i64(plan, "matched", 0);
    say(cli, 0, "would delete %s%s of %s",
        of_payloads(cli, plan) ? "the payloads and outputs of " : "",
        painted(cli, BOLD, show_count(cli, n)),
        show_plural(cli, matched, "matching job", "matching jobs"));
    if (n > 0)
        states_line(cli, plan);
    (void)replay_left_out_lines(cli, plan, "left_out");
    if (n == 0)
        return;
    line_begin(&l, cli, "safety", LABEL);
    line_part(&l, "%s: a backup is written, read back and compared first; restore brings it back",
              doc_show(cli, plan, "safety"));
    line_end(&l);
    line_begin(&l, cli, "plan hash", LABEL);
    line_part(&l, "%s", doc_show(cli, plan, "plan"));
    line_end(&l);
}

static void counts_line(struct cli *cli, struct rp_str r, bool restore)
{
    struct line l;
    const char *moved = restore ? "restored" : "purged", *kept = restore ? "there" : "changed";
    line_begin(&l, cli, moved, LABEL);
    line_part(&l, "%s of %s", show_count(cli, doc_i64(r, moved, 0)),
              show_plural(cli, doc_i64(r, "jobs", 0), "job", "jobs"));
    if (doc_i64(r, kept, 0) > 0)
        line_part(&l, "%s %s", show_count(cli, doc_i64(r, kept, 0)),
                  restore ? "there already" : "changed meanwhile and stay");
    line_part(&l, "%s in the file", show_plural(cli, doc_i64(r, "rows", 0), "row", "rows"));
    line_end(&l);
}

static int record_show(struct cli *cli, struct rp_str r)
{
    struct line l;
    bool restore = doc_has(r, "file");
    struct rp_str state = doc_str(cli, r, "state");
    line_begin(&l, cli,
               show_fmt(cli, "%s %s", restore ? "restore" : "purge", doc_show(cli, r, "id")),
               LABEL);
    line_part(&l, "%s", painted(cli, state_paint(state), show_text(cli, state)));
    line_part(&l, "%s", show_time(cli, doc_time(cli, r, "created_at")));
    line_part(&l, "by %s", doc_show(cli, r, "actor"));
    if (doc_has(r, "reason"))
        line_part(&l, "%s", doc_show(cli, r, "reason"));
    line_end(&l);
    if (doc_has(r, "says")) {
        line_begin(&l, cli, "says", LABEL);
        line_part(&l, "%s", doc_show(cli, r, "says"));
        line_end(&l);
    }
    counts_line(cli, r, restore);
    line_begin(&l, cli, restore ? "file" : "backup", LABEL);
    l.whole_words = true;
    line_part(&l, "%s", doc_show(cli, r, restore ? "file" : "backup"));
    if (doc_has(r, "sha256"))
        line_part(&l, "sha256 %s", doc_show(cli, r, "sha256"));
    line_end(&l);
    if (!restore && rp_str_is(state, "done"))
        say_next(cli, "reprise restore %s brings them back", doc_show(cli, r, "backup"));
    return 0;
}

/* ---- watching ---- */

static bool over(struct cli *cli, struct rp_str r)
{
    return replay_in_state(cli, r, "done") || replay_in_state(cli, r, "failed");
}

static void progress(struct cli *cli, struct bar *b, struct rp_str r)
{
    int64_t done = doc_i64(r, "purged", 0) + doc_i64(r, "restored", 0) + doc_i64(r, "changed", 0) +
                   doc_i64(r, "there", 0);
    bar_draw(b, done, doc_i64(r, "jobs", 0), doc_show(cli, r, "state"));
}

/* Until its end; it does not need us. */
static int watch(struct cli *cli, const char *path)
{
    struct reply reply = {0};
    struct rp_err err;
    struct bar b;
    bar_begin(&b, cli);
    for (;;) {
        struct rp_arena kept = scratch_begin(cli);
        bool ok = client_get(cli, path, &reply, &err), end = ok && over(cli, reply.body);
        if (ok)
            progress(cli, &b, reply.body);
        if (end)
            reply.body = rp_str_dup(&kept, reply.body);
        scratch_end(cli, kept);
        if (!ok || end)
            break;
        now_sleep_us(POLL_US);
    }
    bar_end(&b);
    if (reply.status != 200)
        return say_err(cli, &err);
    cli->now_us = rp_wall(&rp_clock_system);
    (void)(cli->json ? print_json(reply.body) : record_show(cli, reply.body));
    return replay_in_state(cli, reply.body, "done") ? 0 : 1;
}

static int started(struct cli *cli, struct rp_str r, const char *what)
{
    const char *id = doc_show(cli, r, "id");
    if (!opt_flag(cli, "detach"))
        return watch(cli, show_fmt(cli, "/v1/%ss/%s", what, id));
    if (cli->json)
        return print_json(r);
    say(cli, 0, "%s %s is under way", what, id);
    say_next(cli, "reprise %s show %s", what, id);
    return 0;
}

/* ---- purge ---- */

static bool check_asked(struct cli *cli, struct rp_err *err)
{
    if (!replay_selects(cli)) {
        (void)rp_fail(err, RP_E_REFUSED, "nothing selects the jobs to purge");
        return rp_hint(err, "name a --type and --older-than, a --pattern or ids, or say --all");
    }
    if (opt_text(cli, "backup") == NULL && !opt_flag(cli, "dry-run")) {
        (void)rp_fail(err, RP_E_USAGE, "nothing is deleted without --backup FILE");
        return rp_hint(err, "--dry-run shows what would go");
    }
    return true;
}

static bool dry_run(struct cli *cli, struct reply *reply, struct rp_err *err)
{
    struct rp_buf body = {0};
    if (!purge_body(cli, &body, true, NULL, err)) {
        rp_buf_free(&body);
        return false;
    }
    return post(cli, "/v1/purges", &body, reply, err);
}

static bool any_left(struct rp_str plan, struct rp_err *err)
{
    if (doc_i64(plan, "to_purge", 0) > 0)
        return true;
    (void)rp_fail(err, RP_E_REFUSED, "nothing is left to purge");
    return rp_hint(err, "--dry-run says what was left out and why");
}

/* What was shown is what goes, unless another plan was named. */
static int purge(struct cli *cli, struct rp_str plan)
{
    struct reply reply = {0};
    struct rp_buf body = {0};
    struct rp_err err;
    const char *hash = opt_text(cli, "plan");
    if (!cli->json && !cli->quiet)
        plan_show(cli, plan);
    bool ok =
        any_left(plan, &err) &&
        confirm(cli,
                show_fmt(cli, "deleting %s of %s", of_payloads(cli, plan) ? "payloads" : "all rows",
                         show_plural(cli, doc_i64(plan, "to_purge", 0), "job", "jobs")),
                &err) &&
        purge_body(cli, &body, false, hash != NULL ? hash : doc_show(cli, plan, "plan"), &err) &&
        post(cli, "/v1/purges", &body, &reply, &err);
    rp_buf_free(&body);
    return ok ? started(cli, reply.body, "purge") : say_err(cli, &err);
}

static int run_purge(struct cli *cli)
{
    struct reply reply = {0};
    struct rp_err err;
    if (!check_asked(cli, &err) || !dry_run(cli, &reply, &err))
        return say_err(cli, &err);
    if (!opt_flag(cli, "dry-run"))
        return purge(cli, reply.body);
    if (cli->json)
        return print_json(reply.body);
    plan_show(cli, reply.body);
    return 0;
}

/* ---- restore ---- */

static int run_restore(struct cli *cli)
{
    struct reply reply = {0};
    struct rp_buf body = {0};
    struct rp_jw w = {.out = &body};
    struct rp_err err;
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "file", file_given(cli, cli->args[0]));
    rp_jw_m_cstr(&w, "reason", opt_text(cli, "reason"));
    rp_jw_m_bool(&w, "dry_run", opt_flag(cli, "dry-run"));
    rp_jw_object_end(&w);
    return post(cli, "/v1/restores", &body, &reply, &err) ? started(cli, reply.body, "restore")
                                                          : say_err(cli, &err);
}

/* ---- those that there were ---- */

static int show_list(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"ID", 0},  {"STATE", 0}, {"JOBS", COLUMN_RIGHT},
                                            {"UTC", 0}, {"BY", 0},    {"FILE", COLUMN_CUT}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, "none yet");
        return 0;
    }
    struct table *t = table_new(cli, columns, 6);
    for (items_open(&i, list, "items"); items_next(&i);) {
        struct rp_str state = doc_str(cli, i.value, "state");
        table_row(t);
        table_cell(t, doc_show(cli, i.value, "id"));
        table_paint(t, state_paint(state), show_text(cli, state));
        table_cell(
            t, show_count(cli, doc_i64(i.value, "purged", 0) + doc_i64(i.value, "restored", 0)));
        table_cell(t, show_clock(cli, doc_time(cli, i.value, "created_at")));
        table_cell(t, doc_show(cli, i.value, "actor"));
        table_cell(t, doc_show(cli, i.value, doc_has(i.value, "file") ? "file" : "backup"));
    }
    items_close(&i);
    table_print(t);
    return 0;
}

static int get(struct cli *cli, const char *path, int (*show)(struct cli *, struct rp_str))
{
    struct query q = {0};
    query_path(&q, path, RP_NONE);
    return get_and_show(cli, &q, show);
}

static int run_purges(struct cli *cli)
{
    return get(cli, "/v1/purges", show_list);
}

static int run_restores(struct cli *cli)
{
    return get(cli, "/v1/restores", show_list);
}

static int run_one(struct cli *cli, const char *what)
{
    struct query q = {0};
    struct rp_str id;
    struct rp_err err;
    if (!id_given(cli, cli->args[0], "", &id, &err))
        return say_err(cli, &err);
    query_path(&q, show_fmt(cli, "/v1/%ss/%%s", what), id);
    return get_and_show(cli, &q, record_show);
}

static int run_purge_show(struct cli *cli)
{
    return run_one(cli, "purge");
}

static int run_restore_show(struct cli *cli)
{
    return run_one(cli, "restore");
}

static const struct rp_option purge_options[] = {
    {.name = "state", .value = "S", .help = "in these states: succeeded,cancelled"},
    {.name = "older-than", .value = "D", .help = "that ended so long ago: 30d"},
    {.name = "type", .value = "T", .help = "of this type"},
    {.name = "since", .value = "T", .help = "that ended since: a time, or how long ago"},
    {.name = "until", .value = "T", .help = "that ended before"},
    {.name = "pattern",
     .value = "P",
     .help = "whose failure has this pattern; a message: all it wraps"},
    {.name = "class", .value = "C", .help = "whose failure has this class"},
    {.name = "queue", .value = "Q", .help = "of this queue"},
    {.name = "replay", .value = "R", .help = "that this replay ran last"},
    {.name = "where", .value = "K=V", .help = "with this label", .flags = RP_OPT_REPEATS},
    {.name = "job", .value = "ID", .help = "these jobs", .flags = RP_OPT_REPEATS},
    {.name = "all", .help = "every job"},
    {.name = "backup",
     .value = "FILE",
     .help = "gets the rows before they go; a new file, a name alone is put beside the store"},
    {.name = "payloads", .help = "payloads and outputs only; jobs and attempts stay"},
    {.name = "include-unresolved", .help = "also failed jobs and unknown outcomes; needs --reason"},
    {.name = "include-waiting", .help = "also jobs that wait to run; needs --reason"},
    {.name = "plan", .value = "HASH", .help = "exactly the jobs of a dry run, or nothing"},
    {.name = "dry-run", .help = "shows what would go and what stays, deletes nothing"},
    {.name = "reason", .value = "R", .help = "kept in the audit trail"},
    {.name = "detach", .help = "start it and come back at once"},
    {.name = "yes", .help = "do not ask"},
    {0},
};

static const struct rp_option restore_options[] = {
    {.name = "dry-run", .help = "checks the file and what is there, brings nothing back"},
    {.name = "reason", .value = "R", .help = "kept in the audit trail"},
    {.name = "detach", .help = "start it and come back at once"},
    {0},
};

const struct rp_command purge_rows[PURGE_ROWS] = {
    {.name = "purge",
     .arguments = "[ID…]",
     .most = -1,
     .options = purge_options,
     .summary = "deletes jobs after a backup that was read back and compared",
     .help =
         "  reprise purge --state succeeded --older-than 90d --backup old.rpb --dry-run\n"
         "shows what would go and what is pinned. The same without --dry-run writes the backup, "
         "reads it back, compares each row with the store, and only then deletes. Failed jobs "
         "that nobody has resolved, jobs that wait and jobs of a running replay stay.\n"
         "Ends with 0 when done, 1 when it failed, 4 when a guard refused.",
     .safety = RP_IRREVERSIBLE,
     .run = run_purge},
    {.name = "purge list", .arguments = "", .summary = "purges, newest first", .run = run_purges},
    {.name = "purge show",
     .arguments = "ID",
     .least = 1,
     .most = 1,
     .summary = "one purge: how far it is, its backup and checksum",
     .run = run_purge_show},
    {.name = "restore",
     .arguments = "FILE",
     .least = 1,
     .most = 1,
     .options = restore_options,
     .summary = "brings back exactly the rows that a purge took",
     .help = "Checks the whole file first, and that nothing in the store differs from it; then the "
             "rows come back as they were. A second time changes nothing.",
     .safety = RP_REVERSIBLE,
     .run = run_restore},
    {.name = "restore list",
     .arguments = "",
     .summary = "restores, newest first",
     .run = run_restores},
    {.name = "restore show",
     .arguments = "ID",
     .least = 1,
     .most = 1,
     .summary = "one restore: how far it is",
     .run = run_restore_show},
};
