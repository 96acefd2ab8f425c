/* deploy mark, deploys. */
#include "cli/groups.h"
#include "cli/internal.h"

static bool mark_body(struct cli *cli, struct rp_buf *body)
{
    struct rp_jw w = {.out = body};
    rp_jw_object(&w);
    rp_jw_key(&w, "types");
    rp_jw_array(&w);
    for (int i = 0; i < cli->n_args; i++)
        rp_jw_str(&w, rp_str_of(cli->args[i]));
    rp_jw_array_end(&w);
    rp_jw_m_cstr(&w, "version", opt_text(cli, "version"));
    rp_jw_m_cstr(&w, "reason", opt_text(cli, "reason"));
    rp_jw_object_end(&w);
    return true;
}

static int run_mark(struct cli *cli)
{
    struct rp_buf body = {0};
    struct reply reply;
    struct rp_err err;
    bool ok = mark_body(cli, &body) && client_call(cli, "POST", "/v1/deploys", &body, &reply, &err);
    rp_buf_free(&body);
    if (!ok)
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    say(cli, 0, "what failed before now and had to be fixed first may be replayed: %s",
        show_plural(cli, cli->n_args, "type", "types"));
    say_next(cli, "reprise replay --type %s --since 24h --dry-run",
             show_text(cli, rp_str_of(cli->args[0])));
    return 0;
}

static int show_deploys(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"UTC", 0},
                                            {"TYPE", COLUMN_NAME},
                                            {"VERSION", COLUMN_CUT},
                                            {"BY", COLUMN_CUT},
                                            {"REASON", COLUMN_WRAP}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, "no deploy was marked yet");
        say_next(cli, "reprise deploy mark TYPE --version V, at the end of a deploy");
        return 0;
    }
    struct table *t = table_new(cli, columns, 5);
    for (items_open(&i, list, "items"); items_next(&i);) {
        table_row(t);
        table_cell(t, show_clock(cli, doc_time(cli, i.value, "at")));
        table_cell(t, doc_show(cli, i.value, "type"));
        table_cell(t, doc_show(cli, i.value, "version"));
        table_cell(t, doc_show(cli, i.value, "actor"));
        table_cell(t, doc_show(cli, i.value, "reason"));
    }
    items_close(&i);
    table_print(t);
    return 0;
}

static int run_deploys(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/deploys", RP_NONE);
    query_add(&q, "type", opt_text(cli, "type"));
    return get_and_show(cli, &q, show_deploys);
}

static const struct rp_option mark_options[] = {
    {.name = "version", .value = "V", .help = "what is out now"},
    {.name = "reason", .value = "R", .help = "kept in the audit trail"},
    {0},
};
static const struct rp_option list_options[] = {
    {.name = "type", .value = "T", .help = "deploys of this type"},
    {0},
};

const struct rp_command deploy_rows[DEPLOY_ROWS] = {
    {.name = "deploy mark",
     .arguments = "T…",
     .least = 1,
     .most = -1,
     .options = mark_options,
     .summary = "says that a fix of these types is out",
     .help =
         "What failed before because of code, data or configuration is left out of replays until "
         "then.",
     .run = run_mark},
    {.name = "deploys",
     .arguments = "",
     .options = list_options,
     .summary = "deploys that were marked, newest first",
     .run = run_deploys},
};
