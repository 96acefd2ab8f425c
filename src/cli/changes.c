/* type set, changes, change revert. */
#include "cli/groups.h"
#include "cli/internal.h"

static bool set_body(struct cli *cli, struct rp_buf *body, struct rp_err *err)
{
    struct rp_jw w = {.out = body};
    rp_jw_object(&w);
    rp_jw_key(&w, "set");
    rp_jw_object(&w);
    for (int i = 1; i < cli->n_args; i++) {
        struct rp_str value = rp_str_of(cli->args[i]), key;
        (void)rp_str_split(&value, '=', &key);
        if (value.p == NULL || key.n == 0)
            return rp_fail(err, RP_E_USAGE, "\"%s\" is not KEY=VALUE", cli->args[i]);
        rp_jw_key_str(&w, key);
        rp_jw_str(&w, value);
    }
    rp_jw_object_end(&w);
    rp_jw_m_cstr(&w, "reason", opt_text(cli, "reason"));
    rp_jw_m_cstr(&w, "revert_after", opt_text(cli, "revert-after"));
    rp_jw_object_end(&w);
    return true;
}

static const char *settings_text(struct cli *cli, struct rp_str change)
{
    struct items i;
    struct rp_buf out = {0};
    for (items_open(&i, change, "settings"); items_next(&i);)
        rp_buf_fmt(&out, "%s%s %s → %s", out.n > 0 ? ", " : "", doc_show(cli, i.value, "key"),
                   doc_show(cli, i.value, "before"), doc_show(cli, i.value, "after"));
    items_close(&i);
    const char *text = rp_cstr(&cli->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return text;
}

static void show_change(struct cli *cli, struct rp_str c)
{
    struct items i;
    const char *id = doc_show(cli, c, "id");
    bool ended = doc_has(c, "ended_at");
    say(cli, 0, "change %s of %s %s %s", id, doc_show(cli, c, "type"),
        ended ? "was taken back; it had set" : "is in force:", settings_text(cli, c));
    for (items_open(&i, c, "effect"); !ended && items_next(&i);)
        say(cli, 2, "%s", show_text(cli, items_str(cli, &i)));
    if (!ended)
        items_close(&i);
    if (ended)
        return;
    if (doc_has(c, "revert_at"))
        say(cli, 2, "taken back by itself at %s UTC",
            show_clock(cli, doc_time(cli, c, "revert_at")));
    say_next(cli, "reprise change revert %s", id);
}

static int answer(struct cli *cli, const struct reply *reply)
{
    if (cli->json)
        return print_json(reply->body);
    show_change(cli, reply->body);
    return 0;
}

static int run_set(struct cli *cli)
{
    struct rp_buf body = {0};
    struct query q = {0};
    struct reply reply;
    struct rp_err err;
    if (opt_text(cli, "reason") == NULL) {
        (void)rp_fail(&err, RP_E_USAGE, "a change of settings needs --reason");
        (void)rp_hint(&err, "say why: --reason \"the export is larger this month\"");
        return say_err(cli, &err);
    }
    query_path(&q, "/v1/types/%s/changes", rp_str_of(cli->args[0]));
    const char *path = rp_cstr(&cli->arena, rp_buf_view(&q.text));
    rp_buf_free(&q.text);
    bool ok = set_body(cli, &body, &err) && client_call(cli, "POST", path, &body, &reply, &err);
    rp_buf_free(&body);
    return ok ? answer(cli, &reply) : say_err(cli, &err);
}

static int run_revert(struct cli *cli)
{
    struct rp_str id;
    struct reply reply;
    struct rp_err err;
    if (!id_given(cli, cli->args[0], "C", &id, &err) ||
        !post_reason(cli, show_fmt(cli, "/v1/changes/%.*s/revert", RP_FMT(id)), &reply, &err))
        return say_err(cli, &err);
    return answer(cli, &reply);
}

static int show_changes(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {
        {"CHANGE", 0}, {"UTC", 0},         {"TYPE", COLUMN_NAME},  {"SETTINGS", COLUMN_WRAP},
        {"STATE", 0},  {"BY", COLUMN_CUT}, {"REASON", COLUMN_WRAP}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, "no settings were changed");
        say_next(cli, "reprise type set TYPE timeout=10m --revert-after 24h --reason WHY");
        return 0;
    }
    struct table *t = table_new(cli, columns, 7);
    for (items_open(&i, list, "items"); items_next(&i);) {
        bool ended = doc_has(i.value, "ended_at");
        table_row(t);
        table_cell(t, doc_show(cli, i.value, "id"));
        table_cell(t, show_clock(cli, doc_time(cli, i.value, "at")));
        table_cell(t, doc_show(cli, i.value, "type"));
        table_cell(t, settings_text(cli, i.value));
        table_paint(t, ended ? PLAIN : YELLOW, doc_show(cli, i.value, "state"));
        table_cell(t, doc_show(cli, i.value, "actor"));
        table_cell(t, doc_show(cli, i.value, "reason"));
    }
    items_close(&i);
    table_print(t);
    return 0;
}

static int run_changes(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/changes", RP_NONE);
    query_add(&q, "type", opt_text(cli, "type"));
    return get_and_show(cli, &q, show_changes);
}

static const struct rp_option set_options[] = {
    {.name = "revert-after", .value = "D", .help = "taken back by itself after so long: 24h"},
    {.name = "reason", .value = "R", .help = "kept in the audit trail"},
    {0},
};
static const struct rp_option list_options[] = {
    {.name = "type", .value = "T", .help = "changes of this type"},
    {0},
};

const struct rp_command change_rows[CHANGE_ROWS] = {
    {.name = "type set",
     .arguments = "T KEY=VALUE…",
     .least = 2,
     .most = -1,
     .options = set_options,
     .summary = "sets time limit, tries, concurrency of a type while all runs",
     .help = "  reprise type set export timeout=10m --revert-after 24h --reason \"month's end\"\n"
             "The same keys, units and ranges as in the configuration file. Says what it means for "
             "what runs now. Holds through restarts and reloads until it is taken back.",
     .safety = RP_REVERSIBLE,
     .run = run_set},
    {.name = "changes",
     .arguments = "",
     .options = list_options,
     .summary = "settings that were changed, newest first",
     .run = run_changes},
    {.name = "change revert",
     .arguments = "C",
     .least = 1,
     .most = 1,
     .options = reason_options,
     .summary = "takes a change of settings back",
     .safety = RP_REVERSIBLE,
     .run = run_revert},
};
