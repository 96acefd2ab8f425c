/* patterns, pattern show|name|class|merge|split; the row of analyze. */
#include "cli/analyze.h"
#include "cli/groups.h"

enum { LABEL = 8 };

/* ---- patterns ---- */

/* What a pattern says; `inner`: below the message that it is wrapped in. */
static void pattern_head(struct cli *cli, struct rp_str p, bool inner)
{
    struct line l;
    const char *name = doc_show(cli, p, "name"), *id = doc_show(cli, p, "id"),
               *count = show_fmt(cli, "%s×", show_count(cli, doc_i64(p, "failures", 0)));
    int indent = inner ? LABEL + 2 : LABEL;
    line_begin(&l, cli, inner ? show_fmt(cli, "  %s", id) : id, indent);
    line_part(&l, "%s", painted(cli, BOLD, count));
    line_part(&l, "%s", pattern_words(cli, p));
    line_end(&l);
    line_begin(&l, cli, "", indent);
    if (name[0] != '\0')
        line_part(&l, "\"%s\"", name);
    line_part(&l, "class %s → %s", doc_show(cli, p, "class"), doc_show(cli, p, "action"));
    int64_t last = doc_time(cli, p, "last");
    if (last != 0)
        line_part(&l, "last %s", show_time(cli, last));
    line_end(&l);
    if (doc_has(p, "outlook.expected"))
        say(cli, indent, "replay: %s", outlook_words(cli, p));
}

static void list_pattern(struct levels *x, struct rp_str p)
{
    bool opens = levels_opens(x, p), shown = levels_take(x, p, doc_i64(p, "failures", 0));
    if (opens)
        levels_head(x, p,
                    show_fmt(x->cli, "%s×", show_count(x->cli, doc_i64(p, "outer.failures", 0))));
    if (shown)
        pattern_head(x->cli, p, is_inner(p));
}

enum { PATTERNS_MOST = 1000 }; /* of one answer */

static int show_patterns(struct cli *cli, struct rp_str list)
{
    struct items i;
    struct levels x = {.cli = cli, .indent = LABEL};
    size_t n = items_count(list, "items");
    if (n == 0) {
        say(cli, 0, "no patterns: nothing has failed%s",
            opt_text(cli, "since") != NULL ? " since then" : " yet");
        return 0;
    }
    for (items_open(&i, list, "items"); items_next(&i);)
        list_pattern(&x, i.value);
    items_close(&i);
    levels_end(&x);
    if (n == PATTERNS_MOST)
        say(cli, 0, "these are the %d with most failures; those of a shorter time: --since T",
            PATTERNS_MOST);
    say_next(cli, "reprise jobs --state failed --pattern P…");
    return 0;
}

static int run_patterns(struct cli *cli)
{
    struct query q = {0};
    struct rp_err err;
    int64_t since = 0;
    if (!opt_time(cli, "since", &since, &err))
        return say_err(cli, &err);
    query_path(&q, "/v1/patterns", RP_NONE);
    query_add_time(&q, "since", since);
    query_add(&q, "limit", show_fmt(cli, "%d", PATTERNS_MOST));
    return get_and_show(cli, &q, show_patterns);
}

static void field(struct cli *cli, const char *label, const char *text)
{
    struct line l;
    if (text[0] == '\0')
        return;
    line_begin(&l, cli, label, 11);
    line_part(&l, "%s", text);
    line_end(&l);
}

static void show_parts(struct cli *cli, struct rp_str p)
{
    enum { SHOWN = 12 };
    struct items i;
    struct rp_buf b = {0};
    size_t n = items_count(p, "parts"), k = 0;
    for (items_open(&i, p, "parts"); k < SHOWN && items_next(&i); k++)
        rp_buf_fmt(&b, "%s%.*s", k > 0 ? ", " : "", RP_FMT(items_str(cli, &i)));
    items_close(&i);
    if (n > k)
        rp_buf_fmt(&b, " and %zu more", n - k);
    field(cli, "also", show_fmt(cli, "%.*s", RP_FMT(rp_buf_view(&b))));
    rp_buf_free(&b);
}

static void show_stacks(struct cli *cli, struct rp_str p)
{
    struct items i;
    const char *label = "thrown in";
    for (items_open(&i, p, "stacks"); items_next(&i); label = " ")
        field(cli, label,
              show_fmt(cli, "%s   %s×", doc_show(cli, i.value, "frames"),
                       show_count(cli, doc_i64(i.value, "failures", 0))));
    items_close(&i);
}

/* What a message wraps, or what else is wrapped in that of a pattern. */
static void show_inners(struct cli *cli, struct rp_str p, const char *path, const char *label)
{
    enum { SHOWN = 20 };
    struct items i;
    struct line l;
    int64_t n = (int64_t)items_count(p, path);
    int shown = 0;
    for (items_open(&i, p, path); shown < SHOWN && items_next(&i); shown++) {
        line_begin(&l, cli, shown == 0 ? label : " ", 11);
        line_part(&l, "%s %s×  %s", doc_show(cli, i.value, "id"),
                  show_count(cli, doc_i64(i.value, "failures", 0)), inner_words(cli, i.value));
        line_part(&l, "class %s → %s", doc_show(cli, i.value, "class"),
                  doc_show(cli, i.value, "action"));
        line_end(&l);
    }
    items_close(&i);
    if (n > shown)
        say(cli, 11, "… and %s more: --json lists them", show_count(cli, n - shown));
}

static const char *outer_words(struct cli *cli, struct rp_str p)
{
    if (!doc_has(p, "outer"))
        return "";
    return show_fmt(cli, "%s %s   (%s in %s)", doc_show(cli, p, "outer.id"),
                    doc_show(cli, p, "outer.template"),
                    show_plural(cli, doc_i64(p, "outer.failures", 0), "failure", "failures"),
                    show_plural(cli, doc_i64(p, "outer.patterns", 0), "pattern", "patterns"));
}

static int show_pattern(struct cli *cli, struct rp_str p)
{
    int64_t first = doc_time(cli, p, "first"), last = doc_time(cli, p, "last");
    const char *id = doc_show(cli, p, "id");
    bool wraps = !doc_has(p, "class");
    field(cli, wraps ? "message" : "pattern", id);
    field(cli, "name", doc_show(cli, p, "name"));
    field(cli, wraps ? "says" : "message", doc_show(cli, p, "template"));
    field(cli, "wrapped in", outer_words(cli, p));
    if (!wraps) {
        field(
            cli, "class",
            show_fmt(cli, "%s   (rule: %s)", doc_show(cli, p, "class"), doc_show(cli, p, "rule")));
        field(cli, "to do", doc_show(cli, p, "action"));
    }
    field(cli, "failures", show_count(cli, doc_i64(p, "failures", 0)));
    field(cli, "first", first != 0 ? show_time(cli, first) : "");
    field(cli, "a replay", outlook_words(cli, p));
    field(cli, "last", last != 0 ? show_time(cli, last) : "");
    show_inners(cli, p, "inners", "wraps");
    show_stacks(cli, p);
    show_parts(cli, p);
    show_inners(cli, p, "siblings", "beside it");
    say_next(cli, "reprise jobs --state failed --pattern %s%s", id,
             wraps ? "   (of all that it wraps)" : "");
    return 0;
}

static bool pattern_path(struct cli *cli, const char **path, struct rp_err *err)
{
    struct rp_str id;
    if (!id_given(cli, cli->args[0], "P", &id, err))
        return false;
    *path = show_fmt(cli, "/v1/patterns/%.*s", RP_FMT(id));
    return true;
}

static int run_show(struct cli *cli)
{
    struct query q = {0};
    struct rp_err err;
    const char *path;
    if (!pattern_path(cli, &path, &err))
        return say_err(cli, &err);
    query_path(&q, path, RP_NONE);
    return get_and_show(cli, &q, show_pattern);
}

struct member {
    const char *name, *value; /* value NULL: absent */
};

/* Posts the members to the pattern or to what can be done with it. */
static int post(struct cli *cli, const char *what, const struct member *m, size_t n)
{
    struct rp_buf body = {0};
    struct rp_jw w = {.out = &body};
    struct reply reply;
    struct rp_err err;
    const char *path = "";
    rp_jw_object(&w);
    for (size_t i = 0; i < n; i++)
        if (m[i].value != NULL)
            rp_jw_m_cstr(&w, m[i].name, m[i].value);
    rp_jw_object_end(&w);
    bool ok = pattern_path(cli, &path, &err) &&
              client_call(cli, "POST", show_fmt(cli, "%s%s", path, what), &body, &reply, &err);
    rp_buf_free(&body);
    if (!ok)
        return say_err(cli, &err);
    return cli->json ? print_json(reply.body) : show_pattern(cli, reply.body);
}

static int edit(struct cli *cli, const char *member, const char *value)
{
    return post(cli, "", &(struct member){member, value}, 1);
}

static int run_merge(struct cli *cli)
{
    struct rp_str other;
    struct rp_err err;
    if (!id_given(cli, cli->args[1], "P", &other, &err))
        return say_err(cli, &err);
    const struct member m[] = {{"with", show_fmt(cli, "%.*s", RP_FMT(other))},
                               {"reason", opt_text(cli, "reason")}};
    return post(cli, "/merge", m, 2);
}

static int run_split(struct cli *cli)
{
    return post(cli, "/split", &(struct member){"reason", opt_text(cli, "reason")}, 1);
}

static int run_name(struct cli *cli)
{
    return edit(cli, "name", cli->args[1]);
}

static int run_class(struct cli *cli)
{
    return edit(cli, "class", cli->args[1]);
}

static const struct rp_option since_options[] = {
    {.name = "since", .value = "T", .help = "a time, or how long ago: 24h"},
    {0},
};
static const struct rp_option why_options[] = {
    {.name = "reason", .value = "R", .help = "for the audit trail"},
    {0},
};
static const struct rp_option analyze_options[] = {
    {.name = "since", .value = "T", .help = "a time, or how long ago: 24h"},
    {.name = "until", .value = "T", .help = "a time, or how long ago"},
    {.name = "type", .value = "T", .help = "only this job type"},
    {.name = "payload",
     .value = "/KEY",
     .help = "also looks at what stands there in payloads: /customer/region",
     .flags = RP_OPT_REPEATS},
    {.name = "html", .value = "F", .help = "writes the answer as a page with pictures"},
    {.name = "csv", .value = "F", .help = "instead: a table of runs (no daemon)"},
    {.name = "failed",
     .value = "COL=V|V",
     .help = "of a table: the rows that failed; COL~REGEX for those that match"},
    {.name = "runs",
     .value = "COL=V|V",
     .help = "of a table: the rows that count; all without it",
     .flags = RP_OPT_REPEATS},
    {.name = "attributes",
     .value = "A,B",
     .help = "of a table: the columns to look at; without it all but ids"},
    {.name = "time", .value = "COL", .help = "of a table: when a run was"},
    {.name = "classes",
     .value = "F",
     .help = "class of each message of a file (JSON lines in and out; no daemon)"},
    {.name = "log", .value = "F", .help = "of a job log instead; - is standard input; no daemon"},
    {.name = "format", .value = "NAME", .help = "of the log; default auto: found out and named"},
    {.name = "year", .value = "Y", .help = "of the first line, where the log's times have none"},
    {.name = "tz", .value = "Z", .help = "zone of times in the log that name none (UTC)"},
    {.name = "config", .value = "F", .help = "configuration with log_formats", .letter = 'c'},
    {.name = "templates",
     .value = "F",
     .help = "pattern of each line of a file (line number, pattern, template; no daemon)"},
    {0},
};

const struct rp_command pattern_rows[PATTERN_ROWS] = {
    {.name = "analyze",
     .arguments = "",
     .options = analyze_options,
     .summary = "failures by pattern: what, since when, what to do first",
     .help =
         "  reprise analyze --since 24h\n"
         "  reprise analyze --payload /customer\n"
         "  reprise analyze --csv runs.csv --failed 'status=failed|timeout'\n"
         "  reprise analyze --log /var/log/sidekiq.log.1.gz\n"
         "With --csv, tells in what the failed rows of a table differ from the others: any table "
         "with a header and a row a run.\n"
         "With --classes, reads lines such as {\"message\": \"…\", \"exit_code\": 1} and writes "
         "{\"class\", \"group\", \"action\", \"rule\"} for each.",
     .run = run_analyze},
    {.name = "patterns",
     .arguments = "",
     .options = since_options,
     .summary = "the patterns of failures known so far",
     .run = run_patterns},
    {.name = "pattern show",
     .arguments = "P",
     .least = 1,
     .most = 1,
     .summary = "one pattern",
     .run = run_show},
    {.name = "pattern name",
     .arguments = "P NAME",
     .least = 2,
     .most = 2,
     .summary = "gives a pattern a name that people use",
     .safety = RP_REVERSIBLE,
     .run = run_name},
    {.name = "pattern class",
     .arguments = "P CLASS",
     .least = 2,
     .most = 2,
     .summary = "corrects a pattern's failure class",
     .safety = RP_REVERSIBLE,
     .run = run_class},
    {.name = "pattern merge",
     .arguments = "P Q",
     .options = why_options,
     .least = 2,
     .most = 2,
     .summary = "says that two patterns are one; the older number lives, the other still names it",
     .safety = RP_REVERSIBLE,
     .run = run_merge},
    {.name = "pattern split",
     .arguments = "P",
     .options = why_options,
     .least = 1,
     .most = 1,
     .summary = "makes what became part of a pattern stand by itself again, for good",
     .safety = RP_REVERSIBLE,
     .run = run_split},
};
