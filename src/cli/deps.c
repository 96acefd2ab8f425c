/* deps, deps check. */
#include "cli/groups.h"
#include "cli/internal.h"

static bool wanted(struct cli *cli, struct rp_str name)
{
    return cli->n_args == 0 || rp_str_is(name, cli->args[0]);
}

static void dep_row(struct cli *cli, struct table *t, struct rp_str d)
{
    struct rp_str state = doc_str(cli, d, "state");
    int64_t since = doc_time(cli, d, "since"), latency = doc_i64(d, "latency_us", 0),
            held = doc_i64(d, "held", 0);
    bool down = rp_str_is(state, "down");
    table_row(t);
    table_cell(t, doc_show(cli, d, "name"));
    table_cell(t, doc_show(cli, d, "kind"));
    table_paint(t, state_paint(state),
                down ? show_fmt(cli, "DOWN%s%s", since != 0 ? " " : "",
                                since != 0 ? show_age(cli, since) : "")
                     : show_text(cli, state));
    table_cell(
        t, show_fmt(cli, "%s%s%s%s", doc_show(cli, d, "says"), latency > 0 && !down ? " in " : "",
                    latency > 0 && !down ? show_span(cli, latency) : "",
                    held > 0 ? show_fmt(cli, "; holds %s", show_plural(cli, held, "job", "jobs"))
                             : ""));
    table_cell(t, doc_show(cli, d, "target"));
}

static int show_deps(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"DEPENDENCY", COLUMN_NAME},
                                            {"KIND", 0},
                                            {"STATE", 0},
                                            {"SAYS", COLUMN_WRAP},
                                            {"TARGET", COLUMN_CUT}};
    struct items i;
    int shown = 0;
    struct table *t = table_new(cli, columns, 5);
    for (items_open(&i, list, "items"); items_next(&i);)
        if (wanted(cli, doc_str(cli, i.value, "name"))) {
            dep_row(cli, t, i.value);
            shown++;
        }
    items_close(&i);
    table_print(t);
    struct rp_err err;
    if (shown > 0)
        return 0;
    if (cli->n_args == 0) {
        say(cli, 0, "no dependencies are configured: write them under `dependencies:`");
        return 0;
    }
    (void)rp_fail(&err, RP_E_NOT_FOUND, "there is no dependency %s", cli->args[0]);
    (void)rp_hint(&err, "reprise deps lists what there is");
    return say_err(cli, &err);
}

static int run_deps(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/dependencies", RP_NONE);
    return get_and_show(cli, &q, show_deps);
}

static bool any_down(struct cli *cli, struct rp_str list)
{
    struct items i;
    bool down = false;
    for (items_open(&i, list, "items"); items_next(&i);)
        down |= wanted(cli, doc_str(cli, i.value, "name")) &&
                rp_str_is(doc_str(cli, i.value, "state"), "down");
    items_close(&i);
    return down;
}

static int run_check(struct cli *cli)
{
    struct rp_buf body = {0};
    struct rp_jw w = {.out = &body};
    struct reply reply;
    struct rp_err err;
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "name", cli->n_args > 0 ? cli->args[0] : NULL);
    rp_jw_object_end(&w);
    bool ok = client_call(cli, "POST", "/v1/dependencies/check", &body, &reply, &err);
    rp_buf_free(&body);
    if (!ok)
        return say_err(cli, &err);
    int code = cli->json ? print_json(reply.body) : show_deps(cli, reply.body);
    return code == 0 && any_down(cli, reply.body) ? 3 : code;
}

const struct rp_command dep_rows[DEP_ROWS] = {
    {.name = "deps",
     .arguments = "[NAME]",
     .most = 1,
     .summary = "state of what jobs need: databases, services",
     .run = run_deps},
    {.name = "deps check",
     .arguments = "[NAME]",
     .most = 1,
     .summary = "checks them now; ends with 3 when one is down",
     .run = run_check},
};
