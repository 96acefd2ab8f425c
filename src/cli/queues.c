/* queues, queue pause|resume. */
#include "cli/groups.h"
#include "cli/internal.h"

static const char *number(struct cli *cli, struct rp_str row, const char *field)
{
    int64_t n = doc_i64(row, field, 0);
    return n == 0 ? "·" : show_count(cli, n);
}

static void queue_row(struct cli *cli, struct table *t, struct rp_str q)
{
    static const char *const counts[] = {"waiting", "running", "retrying",
                                         "held",    "failed",  "done_5m"};
    int64_t oldest = doc_time(cli, q, "oldest_at");
    table_row(t);
    table_cell(t, doc_show(cli, q, "name"));
    for (size_t i = 0; i < 6; i++) {
        table_cell(t, number(cli, q, counts[i]));
        if (i == 0)
            table_cell(t, oldest != 0 ? show_age(cli, oldest) : "·");
    }
    if (doc_has(q, "paused"))
        table_paint(t, YELLOW, show_fmt(cli, "paused by %s", doc_show(cli, q, "paused.by")));
    else
        table_cell(t, "");
}

/* What stands still first, then what failed. */
static void queues_next(struct cli *cli, struct rp_str list)
{
    struct items i;
    struct rp_str paused = RP_NONE, failing = RP_NONE;
    int64_t most = 0;
    for (items_open(&i, list, "items"); items_next(&i);) {
        int64_t failed = doc_i64(i.value, "failed", 0);
        if (doc_has(i.value, "paused") && doc_i64(i.value, "waiting", 0) > 0)
            paused = doc_str(cli, i.value, "name");
        if (failed > most) {
            most = failed;
            failing = doc_str(cli, i.value, "name");
        }
    }
    items_close(&i);
    if (paused.n > 0)
        say_next(cli, "reprise queue resume %s", show_text(cli, paused));
    else if (failing.n > 0)
        say_next(cli, "reprise jobs --state failed --queue %s", show_text(cli, failing));
}

static int show_queues(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {
        {"QUEUE", COLUMN_NAME},    {"WAITING", COLUMN_RIGHT}, {"OLDEST", COLUMN_RIGHT},
        {"RUNNING", COLUMN_RIGHT}, {"RETRY", COLUMN_RIGHT},   {"HELD", COLUMN_RIGHT},
        {"FAILED", COLUMN_RIGHT},  {"DONE/5m", COLUMN_RIGHT}, {"", COLUMN_WRAP}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, "no queues yet: the first job makes one");
        return 0;
    }
    struct table *t = table_new(cli, columns, 9);
    for (items_open(&i, list, "items"); items_next(&i);)
        queue_row(cli, t, i.value);
    items_close(&i);
    table_print(t);
    queues_next(cli, list);
    return 0;
}

static int run_queues(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/queues", RP_NONE);
    return get_and_show(cli, &q, show_queues);
}

static int change(struct cli *cli, const char *verb)
{
    struct query q = {0};
    struct reply reply;
    struct rp_err err;
    query_path(&q, show_fmt(cli, "/v1/queues/%%s/%s", verb), rp_str_of(cli->args[0]));
    const char *path = rp_cstr(&cli->arena, rp_buf_view(&q.text));
    rp_buf_free(&q.text);
    if (!post_reason(cli, path, &reply, &err))
        return say_err(cli, &err);
    if (cli->json)
        return print_json(reply.body);
    const char *name = show_text(cli, rp_str_of(cli->args[0]));
    if (strcmp(verb, "pause") == 0) {
        say(cli, 0, "queue %s is paused: %s; what runs goes on", name,
            show_plural(cli, doc_i64(reply.body, "waiting", 0), "job waits", "jobs wait"));
        say_next(cli, "reprise queue resume %s", name);
    } else {
        say(cli, 0, "queue %s goes on with %s", name,
            show_plural(cli, doc_i64(reply.body, "waiting", 0), "waiting job", "waiting jobs"));
    }
    return 0;
}

static int run_pause(struct cli *cli)
{
    return change(cli, "pause");
}

static int run_resume(struct cli *cli)
{
    return change(cli, "resume");
}

const struct rp_command queue_rows[QUEUE_ROWS] = {
    {.name = "queues",
     .arguments = "",
     .summary = "backlog, age of the oldest, rates",
     .run = run_queues},
    {.name = "queue pause",
     .arguments = "Q",
     .least = 1,
     .most = 1,
     .options = reason_options,
     .summary = "starts no more jobs of a queue; what runs goes on",
     .safety = RP_REVERSIBLE,
     .run = run_pause},
    {.name = "queue resume",
     .arguments = "Q",
     .least = 1,
     .most = 1,
     .options = reason_options,
     .summary = "starts jobs of a paused queue again",
     .safety = RP_REVERSIBLE,
     .run = run_resume},
};
