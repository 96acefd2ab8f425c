/* token create|list|revoke. */
#include "cli/groups.h"
#include "cli/internal.h"

#define SCOPES "read, enqueue, work, operate, purge or admin"

/* Which scopes there are, the daemon says. */
static bool create_body(struct cli *cli, struct rp_buf *body, struct rp_err *err)
{
    const char *scope = opt_text(cli, "scope"), *name = opt_text(cli, "name");
    int64_t expires = 0;
    if (!opt_duration(cli, "expires", &expires, err))
        return false;
    if (scope == NULL || name == NULL) {
        (void)rp_fail(err, RP_E_USAGE, "a token needs --name and --scope " SCOPES);
        return rp_hint(err, "reprise token create --name ci --scope enqueue --expires 90d");
    }
    struct rp_jw w = {.out = body};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "name", name);
    rp_jw_m_cstr(&w, "scope", scope);
    if (expires > 0)
        rp_jw_m_i64(&w, "expires_s", expires / RP_US_S);
    rp_jw_object_end(&w);
    return true;
}

static int run_create(struct cli *cli)
{
    struct rp_buf body = {0};
    struct reply reply;
    struct rp_err err;
    bool ok = create_body(cli, &body, &err) &&
              client_call(cli, "POST", "/v1/tokens", &body, &reply, &err);
    rp_buf_free(&body);
    if (!ok)
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    (void)printf("%s\n", doc_show(cli, reply.body, "token"));
    note(cli,
         "token %s, scope %s. It is shown this once: keep it in a file that only its user "
         "reads, and name it by --token-file or $REPRISE_TOKEN_FILE.",
         doc_show(cli, reply.body, "id"), doc_show(cli, reply.body, "scope"));
    return 0;
}

static void token_row(struct cli *cli, struct table *t, struct rp_str k)
{
    int64_t expires = doc_time(cli, k, "expires_at"), used = doc_time(cli, k, "last_used_at");
    expires = expires != 0 ? expires : doc_time(cli, k, "expires");
    table_row(t);
    table_cell(t, doc_show(cli, k, "id"));
    table_cell(t, doc_show(cli, k, "name"));
    table_cell(t, doc_show(cli, k, "scope"));
    table_cell(t, used != 0 ? show_fmt(cli, "%s ago", show_age(cli, used)) : "never");
    if (doc_has(k, "revoked_at"))
        table_paint(t, DIM, "revoked");
    else
        table_cell(t, expires != 0 ? show_time(cli, expires) : "no end");
}

static int show_tokens(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"ID", COLUMN_RIGHT},
                                            {"NAME", COLUMN_NAME},
                                            {"SCOPE", 0},
                                            {"LAST USED", 0},
                                            {"ENDS", COLUMN_CUT}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, "no tokens: only the Unix socket can be used");
        return 0;
    }
    struct table *t = table_new(cli, columns, 5);
    for (items_open(&i, list, "items"); items_next(&i);)
        token_row(cli, t, i.value);
    items_close(&i);
    table_print(t);
    return 0;
}

static int run_list(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/tokens", RP_NONE);
    return get_and_show(cli, &q, show_tokens);
}

static int run_revoke(struct cli *cli)
{
    struct query q = {0};
    struct reply reply;
    struct rp_err err;
    const char *id = show_text(cli, rp_str_of(cli->args[0]));
    query_path(&q, "/v1/tokens/%s/revoke", rp_str_of(cli->args[0]));
    const char *path = rp_cstr(&cli->arena, rp_buf_view(&q.text));
    rp_buf_free(&q.text);
    if (!confirm(cli, show_fmt(cli, "revoking token %s", id), &err) ||
        !client_call(cli, "POST", path, NULL, &reply, &err))
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    say(cli, 0, "token %s is revoked: its next request is refused", id);
    return 0;
}

static const struct rp_option create_options[] = {
    {.name = "name", .value = "N", .help = "who or what will use it"},
    {.name = "scope", .value = "S", .help = SCOPES},
    {.name = "expires", .value = "D", .help = "ends by itself after, for example, 90d"},
    {0},
};
static const struct rp_option revoke_options[] = {
    {.name = "yes", .help = "do not ask"},
    {0},
};

const struct rp_command token_rows[TOKEN_ROWS] = {
    {.name = "token create",
     .arguments = "",
     .options = create_options,
     .summary = "makes an API token; it is shown once",
     .safety = RP_REVERSIBLE,
     .run = run_create},
    {.name = "token list",
     .arguments = "",
     .summary = "tokens, without their secrets",
     .run = run_list},
    {.name = "token revoke",
     .arguments = "ID",
     .least = 1,
     .most = 1,
     .options = revoke_options,
     .summary = "ends a token at once",
     .safety = RP_IRREVERSIBLE,
     .run = run_revoke},
};
