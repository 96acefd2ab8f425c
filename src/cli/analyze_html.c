/* analyze --html: the answer as one page, with pictures, each beside the table that says the same.
 */
#include "cli/analyze.h"
#include "cli/page.h"

#include <stdlib.h>

enum { POINTS_MOST = 200, BARS_MOST = 12, WIDTH = 800, HEIGHT = 170, MARKS_MOST = 6 };

/* ---- over time ---- */

struct series {
    int64_t v[POINTS_MOST];
    size_t n;
    int64_t most;
};

static void read_series(struct rp_str a, const char *path, struct series *s)
{
    struct items i;
    *s = (struct series){0};
    for (items_open(&i, a, path); items_next(&i) && s->n < POINTS_MOST; s->n++) {
        (void)rp_str_i64(i.value, &s->v[s->n]);
        s->most = s->v[s->n] > s->most ? s->v[s->n] : s->most;
    }
    items_close(&i);
}

struct timeline {
    int64_t from_us, step_us;
    struct series runs, failures;
};

static double x_of(const struct timeline *t, int64_t us)
{
    double span = (double)t->step_us * (double)t->runs.n;
    return (double)(us - t->from_us) / span * WIDTH;
}

static void columns(struct page *p, const struct timeline *t, const struct series *s,
                    const char *class)
{
    double width = (double)WIDTH / (double)t->runs.n;
    for (size_t i = 0; i < s->n && t->runs.most > 0; i++) {
        double height = (double)s->v[i] / (double)t->runs.most * HEIGHT;
        if (s->v[i] > 0)
            page_raw(p, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                     class, (double)i * width, HEIGHT - height, width * .9, height);
    }
}

static void timeline_table(struct page *p, const struct timeline *t)
{
    static const char *const titles[] = {"from (UTC)", "#failed", "#runs", NULL};
    char stamp[RP_TIME_LEN];
    page_raw(p, "<details><summary>The same as a table</summary>");
    page_table(p, "Failures over time", titles);
    for (size_t i = 0; i < t->runs.n; i++) {
        page_row(p);
        page_cell(p, show_fmt(p->cli, "%.16s",
                              rp_time_format(t->from_us + (int64_t)i * t->step_us, stamp)));
        page_number(p, show_count(p->cli, t->failures.v[i]));
        page_number(p, show_count(p->cli, t->runs.v[i]));
        page_raw(p, "</tr>");
    }
    page_table_end(p);
    page_raw(p, "</details>\n");
}

/* With its day: a page is read later. */
static const char *moment(struct cli *cli, int64_t us)
{
    char stamp[RP_TIME_LEN];
    (void)rp_time_format(us, stamp);
    return show_fmt(cli, "%.10s %.8s UTC", stamp, stamp + 11);
}

/* ---- what happened meanwhile: a line in the picture, its words above it ---- */

struct marks {
    double x[MARKS_MOST];
    const char *label[MARKS_MOST];
    size_t n;
};

static void add_mark(struct marks *m, const struct timeline *t, int64_t us, const char *label)
{
    double x = x_of(t, us);
    if (us == 0 || x < 0 || x > WIDTH || m->n == MARKS_MOST)
        return;
    m->x[m->n] = x;
    m->label[m->n++] = label;
}

static void find_marks(struct cli *cli, const struct timeline *t, struct rp_str a, struct marks *m)
{
    struct items i;
    int64_t at = doc_time(cli, a, "onset.at");
    add_mark(m, t, at, show_fmt(cli, "failing began %s", moment(cli, at)));
    for (items_open(&i, a, "suspects"); items_next(&i);) {
        at = doc_time(cli, i.value, "at");
        add_mark(m, t, at,
                 show_fmt(cli, "%s %s %s", doc_show(cli, i.value, "what"),
                          doc_show(cli, i.value, "kind"), moment(cli, at)));
    }
    items_close(&i);
}

static void mark_words(struct page *p, const struct marks *m)
{
    for (size_t i = 0; i < m->n; i++) {
        bool left = m->x[i] < WIDTH * .5; /* of the line, or right of it */
        double percent = (left ? m->x[i] : WIDTH - m->x[i]) / WIDTH * 100;
        page_raw(p, "<div class=\"tip%s\" style=\"padding-%s:%.1f%%\">%s", left ? "" : " end",
                 left ? "left" : "right", percent, left ? "│ " : "");
        page_cstr(p, m->label[i]);
        page_raw(p, "%s</div>\n", left ? "" : " │");
    }
}

static void picture(struct page *p, const struct timeline *t, const struct marks *m)
{
    page_picture(p, WIDTH, HEIGHT);
    columns(p, t, &t->runs, "calm");
    columns(p, t, &t->failures, "bad");
    page_raw(p, "<line class=\"axis\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", WIDTH, HEIGHT,
             HEIGHT);
    for (size_t i = 0; i < m->n; i++)
        page_raw(p, "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\"/>", m->x[i],
                 m->x[i], HEIGHT);
    page_raw(p, "</svg>\n");
}

/* The last column may reach beyond the window, which ended before it was full. */
static int64_t timeline_end(struct cli *cli, const struct timeline *t, struct rp_str a)
{
    int64_t end = t->from_us + (int64_t)t->runs.n * t->step_us,
            until = doc_time(cli, a, "window.until");
    return until > t->from_us && until < end ? until : end;
}

static void over_time(struct page *p, struct rp_str a)
{
    struct cli *cli = p->cli;
    struct timeline t = {.from_us = doc_time(cli, a, "timeline.from"),
                         .step_us = doc_i64(a, "timeline.step_s", 60) * RP_US_S};
    struct marks m = {0};
    read_series(a, "timeline.runs", &t.runs);
    read_series(a, "timeline.failures", &t.failures);
    if (t.runs.n == 0)
        return;
    find_marks(cli, &t, a, &m);
    page_raw(p, "<h2>Over time</h2>\n");
    page_figure(p, "Runs, and in front of them those that failed",
                show_fmt(cli, "One column is %s; the highest stands for %s.",
                         show_span(cli, t.step_us), show_plural(cli, t.runs.most, "run", "runs")));
    mark_words(p, &m);
    picture(p, &t, &m);
    page_raw(p, "<div class=\"ends\"><span>%s</span>", moment(cli, t.from_us));
    page_raw(p, "<span>%s</span></div>", moment(cli, timeline_end(cli, &t, a)));
    page_figure_end(p);
    timeline_table(p, &t);
}

/* ---- conditions ---- */

static double rate_in(struct rp_str c, const char *path)
{
    char failed[40], runs[40];
    (void)snprintf(failed, sizeof failed, "%s.failed", path);
    (void)snprintf(runs, sizeof runs, "%s.runs", path);
    int64_t n = doc_i64(c, runs, 0);
    return n > 0 ? (double)doc_i64(c, failed, 0) / (double)n : 0;
}

static void conditions(struct page *p, struct rp_str a, const char *of)
{
    static const char *const titles[] = {"condition", "#inside",      "#elsewhere", "#lift",
                                         "#q",        "goes with it", NULL};
    struct page_bar bars[2 * 3];
    struct items i;
    size_t n = 0;
    struct cli *cli = p->cli;
    if (items_count(a, "conditions") == 0)
        return;
    for (items_open(&i, a, "conditions"); items_next(&i) && n < 6; n += 2) {
        bars[n] = (struct page_bar){condition_where(cli, i.value),
                                    show_percent(cli, rate_in(i.value, "inside")),
                                    rate_in(i.value, "inside"), false};
        bars[n + 1] = (struct page_bar){"elsewhere", show_percent(cli, rate_in(i.value, "outside")),
                                        rate_in(i.value, "outside"), true};
    }
    items_close(&i);
    page_bars(p, show_fmt(cli, "Failure rate under each condition and elsewhere: %s", of), bars, n);
    page_table(p, show_fmt(cli, "Where runs fail more often: %s", of), titles);
    for (items_open(&i, a, "conditions"); items_next(&i);) {
        page_row(p);
        page_cell(p, condition_where(cli, i.value));
        page_number(p, condition_counts(cli, i.value, "inside"));
        page_number(p, condition_counts(cli, i.value, "outside"));
        page_number(p, show_fmt(cli, "%.3g", doc_f64(i.value, "lift", 0)));
        page_number(p, condition_odds(cli, i.value));
        page_cell(p, condition_shadows(cli, i.value));
        page_raw(p, "</tr>");
    }
    items_close(&i);
    page_table_end(p);
}

/* ---- patterns ---- */

/* Do several patterns of one message stand here, of which this is the first? */
static bool opens_message(struct rp_str v, struct rp_str before)
{
    return doc_i64(v, "outer.patterns", 1) > 1 && !rp_str_eq(doc_get(v, "outer.id"), before);
}

static const char *of_all(struct cli *cli, int64_t n, int64_t failures, double *share)
{
    *share = failures > 0 ? (double)n / (double)failures : 0;
    return show_fmt(cli, "%s (%s)", show_percent(cli, *share), show_count(cli, n));
}

/* A message is one bar; the lighter ones below it are its parts. */
static void share_bars(struct page *p, struct rp_str a)
{
    struct page_bar bars[BARS_MOST];
    struct items i;
    struct cli *cli = p->cli;
    struct rp_str before = RP_NONE;
    int64_t failures = doc_i64(a, "failures", 0);
    size_t n = 0;
    double share;
    for (items_open(&i, a, "patterns"); items_next(&i) && n + 1 < BARS_MOST; n++) {
        bool inner = is_inner(i.value);
        if (opens_message(i.value, before)) {
            const char *count =
                of_all(cli, doc_i64(i.value, "outer.failures", 0), failures, &share);
            bars[n++] = (struct page_bar){
                show_fmt(cli, "%s  %s", doc_show(cli, i.value, "outer.id"),
                         show_cut(cli, doc_str(cli, i.value, "outer.template"), 90)),
                count, share, false};
        }
        before = doc_get(i.value, "outer.id");
        const char *count = of_all(cli, doc_i64(i.value, "count", 0), failures, &share);
        bars[n] = (struct page_bar){
            show_fmt(cli, "%s%s  %s", inner ? "↳ " : "", doc_show(cli, i.value, "id"),
                     show_cut(cli, rp_str_of(pattern_words(cli, i.value)), 90)),
            count, share, inner};
    }
    items_close(&i);
    page_bars(p, "Patterns by their share of the failures", bars, n);
}

/* A sentence; `else_words` where there is no onset. */
static const char *onset_words(struct cli *cli, struct rp_str p, const char *else_words)
{
    int64_t at = doc_time(cli, p, "onset.at");
    if (at == 0)
        return else_words;
    return show_fmt(
        cli, "Failing %s %s (95 %% interval from %s to %s): %s → %s of the runs.",
        rp_str_is(doc_str(cli, p, "onset.kind"), "slow") ? "has risen slowly since" : "began at",
        moment(cli, at), moment(cli, doc_time(cli, p, "onset.from")),
        moment(cli, doc_time(cli, p, "onset.to")), show_percent(cli, doc_f64(p, "onset.before", 0)),
        show_percent(cli, doc_f64(p, "onset.after", 0)));
}

static void paragraph(struct page *p, const char *text)
{
    page_raw(p, "<p>");
    page_cstr(p, text);
    page_raw(p, "</p>\n");
}

/* Whom it hits, since when, what to look at: what of it is known. */
static const char *circumstances(struct cli *cli, struct rp_str v)
{
    struct rp_buf out = {0};
    struct items i;
    int64_t first = doc_time(cli, v, "first"), last = doc_time(cli, v, "last"), n;
    for (items_open(&i, v, "types"); items_member(&i);)
        if (rp_str_i64(i.value, &n))
            rp_buf_fmt(&out, "%s%s %s", out.n > 0 ? ", " : "Types: ", show_text(cli, i.key),
                       show_count(cli, n));
    items_close(&i);
    rp_buf_fmt(&out, "%s", out.n > 0 ? ". " : "");
    if (first != 0)
        rp_buf_fmt(&out, "First %s, last %s. ", moment(cli, first), moment(cli, last));
    const char *joint = doc_has(v, "sample_lines") ? "For example " : "For example jobs ";
    for (items_open(&i, v, "samples"); items_next(&i); joint = ", ")
        rp_buf_fmt(&out, "%s%s", joint, show_text(cli, items_str(cli, &i)));
    items_close(&i);
    const char *text = rp_cstr(&cli->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return text;
}

static void heading(struct page *p, const char *level, const char *id, const char *words)
{
    page_raw(p, "<%s>", level);
    page_cstr(p, id);
    page_raw(p, " <code>");
    page_cstr(p, words);
    page_raw(p, "</code></%s>\n", level);
}

/* What it wraps, in a table: each of them follows. */
static void message(struct page *p, struct rp_str a, struct rp_str v)
{
    static const char *const titles[] = {"pattern", "what it wraps", "#failures",
                                         "class",   "to do",         NULL};
    struct items i;
    struct cli *cli = p->cli;
    struct rp_str id = doc_get(v, "outer.id");
    int64_t n = doc_i64(v, "outer.failures", 0);
    heading(p, "h3", doc_show(cli, v, "outer.id"), doc_show(cli, v, "outer.template"));
    paragraph(p,
              show_fmt(cli, "%s in %s.", show_plural(cli, n, "failure", "failures"),
                       show_plural(cli, doc_i64(v, "outer.patterns", 0), "pattern", "patterns")));
    page_table(p, show_fmt(cli, "What %s wraps", doc_show(cli, v, "outer.id")), titles);
    for (items_open(&i, a, "patterns"); items_next(&i);) {
        if (!rp_str_eq(doc_get(i.value, "outer.id"), id))
            continue;
        page_row(p);
        page_cell(p, doc_show(cli, i.value, "id"));
        page_cell(p, pattern_words(cli, i.value));
        page_number(p, show_count(cli, doc_i64(i.value, "count", 0)));
        page_cell(p, doc_show(cli, i.value, "class"));
        page_cell(p, doc_show(cli, i.value, "action"));
        page_raw(p, "</tr>");
    }
    items_close(&i);
    page_table_end(p);
}

static void pattern(struct page *p, struct rp_str v)
{
    struct cli *cli = p->cli;
    heading(p, is_inner(v) ? "h4" : "h3", doc_show(cli, v, "id"), pattern_words(cli, v));
    paragraph(p, show_fmt(cli, "%s, %s of them all. Class %s: %s. %s",
                          show_plural(cli, doc_i64(v, "count", 0), "failure", "failures"),
                          show_percent(cli, doc_f64(v, "share", 0)), doc_show(cli, v, "class"),
                          doc_show(cli, v, "action"), onset_words(cli, v, "")));
    paragraph(p, circumstances(cli, v));
    if (doc_has(v, "outlook"))
        paragraph(p, show_fmt(cli, "A replay: %s. %s.", outlook_words(cli, v),
                              doc_bool(v, "new") ? "New in this window" : "Recurring"));
    if (doc_has(v, "still_failed") && !doc_bool(v, "still_failed"))
        paragraph(p, "None of its jobs is failed any more: they ran again or were settled.");
    conditions(p, v, doc_show(cli, v, "id"));
}

/* The types of which failing began at one time. */
static void type_onsets(struct page *p, struct rp_str a)
{
    static const char *const titles[] = {"type", "began", "#before", "#after", NULL};
    struct items i;
    struct cli *cli = p->cli;
    if (items_count(a, "type_onsets") == 0)
        return;
    page_table(p, "Since when each type fails more than before", titles);
    for (items_open(&i, a, "type_onsets"); items_next(&i);) {
        page_row(p);
        page_cell(p, doc_show(cli, i.value, "type"));
        page_cell(p, onset_words(cli, i.value, ""));
        page_number(p, show_percent(cli, doc_f64(i.value, "onset.before", 0)));
        page_number(p, show_percent(cli, doc_f64(i.value, "onset.after", 0)));
        page_raw(p, "</tr>");
    }
    items_close(&i);
    page_table_end(p);
}

static void patterns(struct page *p, struct rp_str a)
{
    struct items i;
    struct rp_str before = RP_NONE;
    if (items_count(a, "patterns") == 0)
        return;
    page_raw(p, "<h2>Patterns</h2>\n");
    share_bars(p, a);
    for (items_open(&i, a, "patterns"); items_next(&i);) {
        if (opens_message(i.value, before))
            message(p, a, i.value);
        before = doc_get(i.value, "outer.id");
        page_raw(p, "%s", is_inner(i.value) ? "<div class=\"part\">" : "");
        pattern(p, i.value);
        page_raw(p, "%s", is_inner(i.value) ? "</div>\n" : "");
    }
    items_close(&i);
    int64_t more = doc_i64(a, "more_patterns.patterns", 0);
    if (more > 0)
        page_raw(
            p, "<p>… and %s of %s: <code>reprise patterns</code></p>\n",
            show_plural(p->cli, more, "smaller pattern", "smaller patterns"),
            show_plural(p->cli, doc_i64(a, "more_patterns.failures", 0), "failure", "failures"));
}

/* ---- the rest ---- */

static void poison_table(struct page *p, struct rp_str a, const char *path, const char *caption)
{
    static const char *const titles[] = {
        "job", "type", "pattern", "#failures", "#nodes", "#others succeeded", NULL};
    struct items i;
    struct cli *cli = p->cli;
    if (items_count(a, path) == 0)
        return;
    page_table(p, caption, titles);
    for (items_open(&i, a, path); items_next(&i);) {
        page_row(p);
        page_cell(p, doc_show(cli, i.value, "job"));
        page_cell(p, doc_show(cli, i.value, "type"));
        page_cell(p, doc_show(cli, i.value, "pattern"));
        page_number(p, show_count(cli, doc_i64(i.value, "failures", 0)));
        page_number(p, doc_has(i.value, "nodes") ? show_count(cli, doc_i64(i.value, "nodes", 0))
                                                 : "not told");
        page_number(p, show_count(cli, doc_i64(i.value, "successes_of_others", 0)));
        page_raw(p, "</tr>");
    }
    items_close(&i);
    page_table_end(p);
}

static void poison(struct page *p, struct rp_str a)
{
    if (items_count(a, "poison") + items_count(a, "poison_suspected") == 0)
        return;
    page_raw(p, "<h2>Poison</h2>\n");
    poison_table(p, a, "poison", "Jobs that fail on every node while others of their type go well");
    poison_table(p, a, "poison_suspected",
                 "Suspected, not proven: jobs that fail again and again while others of their type "
                 "go well; on how many nodes is not told");
}

static void rate_row(struct page *p, struct rp_str a, const char *label, const char *path)
{
    struct cli *cli = p->cli;
    struct rp_str r = doc_get(a, path);
    if (r.n == 0)
        return;
    page_row(p);
    page_cell(p, label);
    page_number(p, show_count(cli, doc_i64(r, "failures", 0)));
    page_number(p, show_count(cli, doc_i64(r, "runs", 0)));
    page_number(p, show_percent(cli, doc_f64(r, "rate", 0)));
    page_number(p, show_fmt(cli, "%s – %s", show_percent(cli, doc_f64(r, "low", 0)),
                            show_percent(cli, doc_f64(r, "high", 1))));
    page_raw(p, "</tr>");
}

/* "type invoice"; a single one says what the whole window says. */
static void top_rows(struct page *p, struct rp_str a, const char *key, const char *name)
{
    struct items i;
    if (items_count(a, key) < 2)
        return;
    for (items_open(&i, a, key); items_next(&i);)
        rate_row(p, i.value, show_fmt(p->cli, "%s %s", name, doc_show(p->cli, i.value, name)),
                 "rate");
    items_close(&i);
}

/* How often, how often at this hour of other days, and where most. */
static void hours(struct page *p, struct rp_str a)
{
    static const char *const titles[] = {"when or where", "#failed",        "#runs",
                                         "#rate",         "#95 % interval", NULL};
    if (!doc_has(a, "rate"))
        return;
    page_table(p, "How often runs fail", titles);
    rate_row(p, a, "the whole window", "rate");
    rate_row(p, a, "the last hour", "last_hour");
    rate_row(p, a, "the same hour of the 7 days before", "same_hour_before");
    top_rows(p, a, "types", "type");
    top_rows(p, a, "queues", "queue");
    top_rows(p, a, "nodes", "node");
    page_table_end(p);
}

static void gone(struct page *p, struct rp_str a)
{
    struct items i;
    if (items_count(a, "gone") == 0)
        return;
    page_raw(p, "<h2>Gone since the week before</h2>\n<ul>\n");
    for (items_open(&i, a, "gone"); items_next(&i);) {
        page_raw(p, "<li>");
        page_cstr(p, show_fmt(p->cli, "%s %s", doc_show(p->cli, i.value, "id"),
                              doc_show(p->cli, i.value, "template")));
        page_raw(p, "</li>\n");
    }
    items_close(&i);
    page_raw(p, "</ul>\n");
}

/* What is no failure and no success must not look like one (a plain cron log tells no outcome). */
static const char *not_told(struct cli *cli, struct rp_str a)
{
    int64_t unknown = doc_i64(a, "outcome_unknown", 0), open = doc_i64(a, "unfinished", 0);
    const char *first =
        unknown > 0
            ? show_fmt(cli, "%s told by this log. ",
                       show_plural(cli, unknown, "run's outcome is not", "runs' outcomes are not"))
            : "";
    return open > 0 ? show_fmt(cli, "%s%s no end in it. ", first,
                               show_plural(cli, open, "run has", "runs have"))
                    : first;
}

static const char *source(struct cli *cli, struct rp_str a)
{
    if (doc_has(a, "format"))
        return show_fmt(cli, "Read from a job log (%s).", doc_show(cli, a, "format"));
    return doc_has(a, "attributes") ? "Read from a table." : "";
}

static void summary(struct page *p, struct rp_str a)
{
    struct cli *cli = p->cli;
    int64_t runs = doc_i64(a, "runs", 0), failures = doc_i64(a, "failures", 0);
    const char *none = doc_has(a, "onset") && failures > 0
                           ? "No moment from which on runs surely fail more often."
                           : "";
    if (runs > 0 && runs == doc_i64(a, "outcome_unknown", 0)) {
        paragraph(p, show_fmt(cli, "%s%s", not_told(cli, a), source(cli, a)));
        return;
    }
    paragraph(p, show_fmt(cli, "%s of %s (%s). %s%s %s",
                          show_plural(cli, failures, "failure", "failures"),
                          show_plural(cli, runs, "run", "runs"),
                          show_percent(cli, runs > 0 ? (double)failures / (double)runs : 0),
                          not_told(cli, a), onset_words(cli, a, none), source(cli, a)));
    if (failures == 0)
        return;
    hours(p, a);
    page_raw(p, "<h2>Where</h2>\n");
    if (items_count(a, "conditions") == 0)
        paragraph(p, "No attribute explains all failures together.");
    conditions(p, a, "all failures");
}

/* No age: a page is read later. */
static const char *title(struct cli *cli, struct rp_str a)
{
    int64_t since = doc_time(cli, a, "window.since"), until = doc_time(cli, a, "window.until");
    char from[RP_TIME_LEN], to[RP_TIME_LEN];
    if (since == 0)
        return "Failures";
    (void)rp_time_format(since, from);
    if (until == 0)
        return show_fmt(cli, "Failures from %.10s %.5s UTC on", from, from + 11);
    (void)rp_time_format(until, to);
    return show_fmt(cli, "Failures from %.10s %.5s to %.10s %.5s UTC", from, from + 11, to,
                    to + 11);
}

int analyze_html(struct cli *cli, struct rp_str answer, const char *path)
{
    struct page p = {.cli = cli};
    struct rp_err err;
    page_head(&p, title(cli, answer));
    summary(&p, answer);
    over_time(&p, answer);
    type_onsets(&p, answer);
    patterns(&p, answer);
    poison(&p, answer);
    gone(&p, answer);
    page_end(&p);
    bool ok = page_save(&p, path, &err);
    rp_buf_free(&p.out);
    if (!ok)
        return say_err(cli, &err);
    if (strcmp(path, "-") != 0)
        note(cli, "The page is %s", path);
    return 0;
}
