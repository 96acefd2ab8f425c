/* types, type show. */
#include "cli/groups.h"
#include "cli/internal.h"

enum { LABEL = 13 };

static const char *number(struct cli *cli, struct rp_str row, const char *field)
{
    int64_t n = doc_i64(row, field, 0);
    return n == 0 ? "·" : show_count(cli, n);
}

static void type_row(struct cli *cli, struct table *t, struct rp_str y)
{
    static const char *const counts[] = {"waiting", "running", "failed", "unknown"};
    int64_t runs = doc_i64(y, "runs_24h", 0);
    table_row(t);
    table_cell(t, doc_show(cli, y, "name"));
    for (size_t i = 0; i < 4; i++)
        table_cell(t, number(cli, y, counts[i]));
    table_cell(t, runs == 0 ? "no runs"
                            : show_fmt(cli, "%s of %s failed",
                                       show_count(cli, doc_i64(y, "failed_24h", 0)),
                                       show_count(cli, runs)));
    if (doc_has(y, "held"))
        table_paint(t, YELLOW, show_fmt(cli, "held: %s", doc_show(cli, y, "held")));
    else if (doc_bool(y, "critical"))
        table_cell(t, "critical");
    else
        table_cell(t, doc_bool(y, "external") && !doc_bool(y, "configured") ? "external" : "");
}

static void types_next(struct cli *cli, struct rp_str list)
{
    struct items i;
    struct rp_str failing = RP_NONE;
    int64_t most = 0;
    for (items_open(&i, list, "items"); items_next(&i);) {
        int64_t failed = doc_i64(i.value, "failed", 0);
        if (failed > most) {
            most = failed;
            failing = doc_str(cli, i.value, "name");
        }
    }
    items_close(&i);
    if (failing.n > 0)
        say_next(cli, "reprise jobs --state failed --type %s", show_text(cli, failing));
}

static int show_types(struct cli *cli, struct rp_str list)
{
    static const struct column columns[] = {{"TYPE", COLUMN_NAME},     {"WAITING", COLUMN_RIGHT},
                                            {"RUNNING", COLUMN_RIGHT}, {"FAILED", COLUMN_RIGHT},
                                            {"UNKNOWN", COLUMN_RIGHT}, {"LAST 24 h", 0},
                                            {"", COLUMN_WRAP}};
    struct items i;
    if (items_count(list, "items") == 0) {
        say(cli, 0, "no job types yet: write them under `jobs:` in reprise.yaml");
        say_next(cli, "reprise check --config reprise.yaml");
        return 0;
    }
    struct table *t = table_new(cli, columns, 7);
    for (items_open(&i, list, "items"); items_next(&i);)
        type_row(cli, t, i.value);
    items_close(&i);
    table_print(t);
    types_next(cli, list);
    return 0;
}

static int run_types(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/types", RP_NONE);
    return get_and_show(cli, &q, show_types);
}

/* Lists read as words: a command with spaces, other lists with commas. */
static const char *setting_text(struct cli *cli, struct rp_str name, struct rp_str value)
{
    struct rp_json r;
    struct rp_str text = RP_NONE;
    struct rp_buf out = {0};
    const char *between = rp_str_is(name, "run") ? " " : ", ";
    rp_json_open(&r, value, &cli->arena);
    if (rp_json_peek(&r) == RP_JSON_STRING && rp_json_str(&r, &text))
        return show_text(cli, text);
    if (rp_json_peek(&r) != RP_JSON_ARRAY || !rp_json_array(&r))
        return show_text(cli, value);
    while (rp_json_item(&r) && rp_json_str(&r, &text))
        rp_buf_fmt(&out, "%s%s", out.n > 0 ? between : "", show_text(cli, text));
    const char *words = r.failed ? show_text(cli, value) : rp_cstr(&cli->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return words;
}

static void setting(struct cli *cli, struct rp_str name, struct rp_str value)
{
    struct line l;
    int64_t seconds;
    if (rp_str_is(value, "null") || rp_str_is(value, "[]") || rp_str_is(value, "{}"))
        return;
    bool span = rp_str_ends(name, "_s") && rp_str_i64(value, &seconds);
    struct rp_str label = span ? (struct rp_str){name.p, name.n - 2} : name;
    line_begin(&l, cli, show_fmt(cli, "  %s", show_text(cli, label)), LABEL + 4);
    line_part(&l, "%s", span ? show_span(cli, seconds * RP_US_S) : setting_text(cli, name, value));
    line_end(&l);
}

static void source_lines(struct cli *cli, struct rp_str source)
{
    struct rp_str line;
    source = rp_str_trim(source);
    if (source.n == 0)
        return;
    (void)printf("%s\n", painted(cli, BOLD, "as configured"));
    while (rp_str_split(&source, '\n', &line))
        (void)printf("  %s\n", show_cut(cli, line, cli->width - 2));
}

static int show_type(struct cli *cli, struct rp_str y)
{
    static const char *const counts[] = {"waiting", "running", "retrying", "failed", "unknown"};
    struct line l;
    struct items i;
    line_begin(&l, cli, "type", LABEL);
    line_part(&l, "%s", doc_show(cli, y, "name"));
    line_part(&l, "%s",
              doc_bool(y, "configured") ? "configured"
              : doc_bool(y, "external") ? "external: runs are reported by exec or workers"
                                        : "not in the configuration any more");
    if (doc_bool(y, "critical"))
        line_part(&l, "%s", painted(cli, RED, "critical"));
    line_end(&l);
    line_begin(&l, cli, "jobs", LABEL);
    for (size_t k = 0; k < 5; k++)
        line_part(&l, "%s %s", show_count(cli, doc_i64(y, counts[k], 0)), counts[k]);
    line_end(&l);
    line_begin(&l, cli, "last 24 h", LABEL);
    line_part(&l, "%s, %s failed", show_plural(cli, doc_i64(y, "runs_24h", 0), "run", "runs"),
              show_count(cli, doc_i64(y, "failed_24h", 0)));
    line_end(&l);
    if (doc_has(y, "held")) {
        line_begin(&l, cli, "held", LABEL);
        line_part(&l, "%s", painted(cli, YELLOW, doc_show(cli, y, "held")));
        line_end(&l);
    }
    if (doc_has(y, "settings"))
        (void)printf("%s\n", painted(cli, BOLD, "settings"));
    for (items_open(&i, y, "settings"); items_member(&i);)
        setting(cli, i.key, i.value);
    items_close(&i);
    source_lines(cli, doc_str(cli, y, "source"));
    return 0;
}

static int run_type_show(struct cli *cli)
{
    struct query q = {0};
    query_path(&q, "/v1/types/%s", rp_str_of(cli->args[0]));
    return get_and_show(cli, &q, show_type);
}

const struct rp_command type_rows[TYPE_ROWS] = {
    {.name = "types",
     .arguments = "",
     .summary = "job types with what waits, runs and fails",
     .run = run_types},
    {.name = "type show",
     .arguments = "T",
     .least = 1,
     .most = 1,
     .summary = "a job type: counts, settings, its part of the configuration",
     .run = run_type_show},
};
