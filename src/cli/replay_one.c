/* One replay as people read it: how far it is, what came of it, what to do next. */
#include "cli/replay.h"

enum { LABEL = 13, ITEMS_SHOWN = 20 };

static void fates_line(struct cli *cli, struct rp_str r)
{
    static const struct {
        const char *field, *words;
        enum paint paint;
    } fates[] = {{"succeeded", "succeeded", GREEN},
                 {"failed_same", "failed the same way", RED},
                 {"failed_new", "failed in a new way", RED},
                 {"unknown", "of unknown outcome", YELLOW},
                 {"skipped", "skipped", PLAIN},
                 {"running", "running", CYAN},
                 {"not_run", "not run", PLAIN}};
    struct line l;
    line_begin(&l, cli, "jobs", LABEL);
    line_part(&l, "%s in all", show_count(cli, doc_i64(r, "to_replay", 0)));
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        int64_t n = doc_i64(doc_get(r, "fates"), fates[i].field, 0);
        if (n > 0)
            line_part(&l, "%s",
                      painted(cli, fates[i].paint,
                              show_fmt(cli, "%s %s", show_count(cli, n), fates[i].words)));
    }
    line_end(&l);
}

/* Without a word of the daemon's, the pattern of the new failure. */
static const char *item_why(struct cli *cli, struct rp_str item)
{
    struct rp_str why = doc_str(cli, item, "why");
    return why.n > 0 ? show_cut(cli, why, 100) : doc_show(cli, item, "pattern_after");
}

static void item_row(struct cli *cli, struct table *t, struct rp_str item)
{
    struct rp_str fate = doc_str(cli, item, "fate");
    table_row(t);
    table_cell(t, doc_show(cli, item, "job"));
    table_cell(t, doc_show(cli, item, "type"));
    table_cell(t, show_fmt(cli, "%lld", (long long)doc_i64(item, "wave", 0)));
    table_paint(t, rp_str_starts(fate, "failed") ? RED : state_paint(fate), show_text(cli, fate));
    table_cell(t, item_why(cli, item));
}

/* Of a page; *cursor: where the next one begins, "" if there is none. */
static bool items_page(struct cli *cli, const char *id, struct table *t, int *shown,
                       const char **cursor)
{
    struct query q = {0};
    struct reply reply;
    struct rp_err err;
    struct items i;
    query_path(&q, "/v1/replays/%s/items", rp_str_of(id));
    query_add(&q, "fate", "running,failed-same,failed-new,skipped,unknown");
    query_add(&q, "limit", show_fmt(cli, "%d", ITEMS_SHOWN - *shown));
    query_add(&q, "cursor", *cursor);
    if (!client_get_query(cli, &q, &reply, &err)) {
        (void)say_err(cli, &err);
        return false;
    }
    for (items_open(&i, reply.body, "items"); items_next(&i); ++*shown)
        item_row(cli, t, i.value);
    items_close(&i);
    *cursor = doc_show(cli, reply.body, "next_cursor");
    return true;
}

/* Items that did not succeed, with their reason. */
static void items_show(struct cli *cli, struct rp_str r)
{
    static const struct column columns[] = {{"JOB", COLUMN_RIGHT},
                                            {"TYPE", COLUMN_NAME},
                                            {"WAVE", COLUMN_RIGHT},
                                            {"FATE", 0},
                                            {"WHY", COLUMN_CUT}};
    static const char *const fields[] = {"running", "failed_same", "failed_new", "skipped",
                                         "unknown"};
    const char *id = doc_show(cli, r, "id"), *cursor = NULL;
    int shown = 0;
    int64_t all = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        all += doc_i64(doc_get(r, "fates"), fields[i], 0);
    struct table *t = table_new(cli, columns, 5);
    while (shown < ITEMS_SHOWN && shown < all && items_page(cli, id, t, &shown, &cursor) &&
           cursor[0] != '\0')
        continue;
    table_print(t);
    if (shown == ITEMS_SHOWN && all > shown)
        say(cli, 0, "and %s more: reprise jobs --state failed,unknown --replay %s",
            show_count(cli, all - shown), id);
}

/* ---- what came of it ---- */

static const char *points(struct cli *cli, struct rp_str r, const char *field)
{
    return show_fmt(cli, "%+.0f", doc_f64(doc_get(r, "outcome.change"), field, 0) * 100);
}

/* A rate with its interval. */
static const char *rate_words(struct cli *cli, struct rp_str rate)
{
    if (rate.n == 0)
        return "";
    return show_fmt(cli, ", %s (%s to %s)", show_percent(cli, doc_f64(rate, "mid", 0)),
                    show_percent(cli, doc_f64(rate, "low", 0)),
                    show_percent(cli, doc_f64(rate, "high", 0)));
}

/* What it ran, and by which plan: the way back from it (rule 22). */
static void plan_line(struct cli *cli, struct rp_str r)
{
    struct line l;
    if (!doc_has(r, "plan") || doc_show(cli, r, "plan")[0] == '\0')
        return;
    line_begin(&l, cli, "plan", LABEL);
    line_part(&l, "%s", doc_show(cli, r, "plan"));
    line_part(&l, "of %s", show_cut(cli, doc_get(r, "selection"), 200));
    if (doc_has(r, "reason"))
        line_part(&l, "%s", doc_show(cli, r, "reason"));
    line_end(&l);
}

static void compensation_line(struct cli *cli, struct rp_str r)
{
    struct line l;
    if (!doc_has(r, "compensates") && !doc_has(r, "compensated_by"))
        return;
    line_begin(&l, cli, "takes back", LABEL);
    if (doc_has(r, "compensates"))
        line_part(&l, "what replay %s did", doc_show(cli, r, "compensates"));
    if (doc_has(r, "compensated_by"))
        line_part(&l, "replay %s takes back what it did", doc_show(cli, r, "compensated_by"));
    line_end(&l);
}

static void verdict_line(struct cli *cli, struct rp_str r)
{
    struct line l;
    struct rp_str verdict = doc_str(cli, r, "outcome.verdict"), o = doc_get(r, "outcome");
    int64_t before = doc_i64(o, "before.runs", 0), after = doc_i64(o, "after.runs", 0);
    if (verdict.n == 0 || rp_str_is(verdict, "not known"))
        return;
    enum paint p = rp_str_is(verdict, "better")  ? GREEN
                   : rp_str_is(verdict, "worse") ? RED
                                                 : YELLOW;
    line_begin(&l, cli, "verdict", LABEL);
    line_part(&l, "%s", painted(cli, p, show_text(cli, verdict)));
    line_part(&l, "before %s of %s runs failed%s", show_count(cli, doc_i64(o, "before.failed", 0)),
              show_count(cli, before), rate_words(cli, doc_get(o, "before.rate")));
    line_part(&l, "since %s of %s%s", show_count(cli, doc_i64(o, "after.failed", 0)),
              show_count(cli, after), rate_words(cli, doc_get(o, "after.rate")));
    line_part(&l, "%s points (%s to %s)", points(cli, r, "mid"), points(cli, r, "low"),
              points(cli, r, "high"));
    line_end(&l);
}

/* Each pattern under repair: fix proven, not proven, not tested (U6). */
static void fix_lines(struct cli *cli, struct rp_str r)
{
    struct line l;
    struct items i;
    bool first = true;
    for (items_open(&i, r, "outcome.patterns"); items_next(&i); first = false) {
        struct rp_str fix = doc_str(cli, i.value, "fix");
        const char *pattern = doc_has(i.value, "pattern") ? doc_show(cli, i.value, "pattern")
                                                          : "failures without a pattern";
        enum paint p = rp_str_is(fix, "proven")       ? GREEN
                       : rp_str_is(fix, "not tested") ? PLAIN
                                                      : RED;
        int64_t tested = doc_i64(i.value, "tested", 0), back = doc_i64(i.value, "came_back", 0);
        line_begin(&l, cli, first ? "fixes" : "", LABEL);
        line_part(&l, "%s %s", pattern, painted(cli, p, show_text(cli, fix)));
        if (back > 0)
            line_part(&l, "came back in %s of %s", show_count(cli, back), show_count(cli, tested));
        else if (tested > 0)
            line_part(&l, "%s of %s succeeded", show_count(cli, doc_i64(i.value, "succeeded", 0)),
                      show_count(cli, tested));
        line_end(&l);
    }
    items_close(&i);
}

static void news_lines(struct cli *cli, struct rp_str r)
{
    struct line l;
    struct items i;
    bool first = true;
    for (items_open(&i, r, "outcome.new_patterns"); items_next(&i); first = false) {
        line_begin(&l, cli, first ? "new failures" : "", LABEL);
        line_part(&l, "%s %s", show_count(cli, doc_i64(i.value, "n", 0)),
                  doc_show(cli, i.value, "pattern"));
        line_part(&l, "%s", show_cut(cli, doc_str(cli, i.value, "template"), 60));
        line_end(&l);
    }
    items_close(&i);
}

static void what_next(struct cli *cli, struct rp_str r)
{
    const char *id = doc_show(cli, r, "id"), *first = doc_show(cli, r, "outcome.next");
    bool stands = replay_in_state(cli, r, "paused") || replay_in_state(cli, r, "halted");
    if (stands) {
        const char *on = show_fmt(cli, "reprise replay resume %s --reason …", id);
        bool look = first[0] != '\0' && strcmp(first, on) != 0;
        say_next(cli, "%s%s%s   or reprise replay undo %s", look ? first : "",
                 look ? "   then " : "", on, id);
        return;
    }
    if (first[0] != '\0') {
        say_next(cli, "%s", first);
        return;
    }
    int64_t again = doc_i64(r, "fates.failed_same", 0) + doc_i64(r, "fates.failed_new", 0);
    if (replay_in_state(cli, r, "running"))
        say_next(cli, "reprise replay show %s --follow", id);
    else if (replay_in_state(cli, r, "aborted") && doc_i64(r, "to_replay", 0) > 0)
        say_next(cli, "reprise replay undo %s puts what was not run back", id);
    else if (again > 0)
        say_next(cli, "reprise jobs --state failed --replay %s", id);
    else if (replay_in_state(cli, r, "done"))
        say_next(cli, "reprise status");
}

void replay_show(struct cli *cli, struct rp_str r)
{
    struct line l;
    struct rp_str state = doc_str(cli, r, "state");
    int64_t created = doc_time(cli, r, "created_at"), ended = doc_time(cli, r, "ended_at"),
            started = doc_time(cli, r, "started_at");
    line_begin(&l, cli, show_fmt(cli, "replay %s", doc_show(cli, r, "id")), LABEL);
    line_part(&l, "%s", painted(cli, state_paint(state), show_text(cli, state)));
    if (created != 0)
        line_part(&l, "%s", show_time(cli, created));
    if (doc_has(r, "actor"))
        line_part(&l, "by %s", doc_show(cli, r, "actor"));
    if (started != 0 && ended != 0)
        line_part(&l, "took %s", show_span(cli, ended - started));
    line_end(&l);
    if (doc_has(r, "parked")) {
        line_begin(&l, cli, "parked", LABEL);
        if (doc_has(r, "parked.when"))
            line_part(&l, "until %s", doc_show(cli, r, "parked.when"));
        if (doc_has(r, "parked.at"))
            line_part(&l, "not before %s UTC", show_clock(cli, doc_time(cli, r, "parked.at")));
        line_part(&l, "expires %s UTC", show_clock(cli, doc_time(cli, r, "parked.expires")));
        line_end(&l);
    }
    if (doc_has(r, "says")) {
        line_begin(&l, cli, "says", LABEL);
        line_part(&l, "%s", doc_show(cli, r, "says"));
        line_end(&l);
    }
    plan_line(cli, r);
    compensation_line(cli, r);
    replay_set_lines(cli, r, LABEL);
    fates_line(cli, r);
    if (!rp_str_is(doc_str(cli, r, "kind"), "compensation")) { /* it mends nothing */
        verdict_line(cli, r);
        fix_lines(cli, r);
    }
    news_lines(cli, r);
    (void)replay_left_out_lines(cli, r, "left_out_by");
    replay_forced_line(cli, r);
    if (doc_i64(r, "fates.succeeded", 0) < doc_i64(r, "to_replay", 0))
        items_show(cli, r);
    what_next(cli, r);
}
