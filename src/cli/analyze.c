/* analyze of the store: the daemon's answer in words, 80 columns. */
#include "cli/analyze.h"

#include <math.h>

/* FULL_PERCENT: what is that much of all failures is shown with all that is known of it, as is the
 * largest of a message; else with a line or two. */
enum { LABEL = 8, PATTERNS_SHOWN = 6, FULL_PERCENT = 10, POISON_SHOWN = 5 };
enum { EXPLAINED_LEAST = 20 }; /* of fewer failures conditions cannot be known */

/* ---- when ---- */

/* Those before an instant, or after it; "" if there are none. */
static const char *suspects(struct cli *cli, struct rp_str p, int64_t began_us, bool after)
{
    struct items i;
    struct rp_buf out = {0};
    for (items_open(&i, p, "suspects"); items_next(&i);) {
        const char *what = doc_show(cli, i.value, "what"), *kind = doc_show(cli, i.value, "kind");
        bool action = strchr(kind, '.') != NULL; /* "deploy.mark type mail" */
        int64_t at = doc_time(cli, i.value, "at");
        if ((at > began_us) == after)
            rp_buf_fmt(&out, "%s%s %s %s", out.n > 0 ? ", " : "", show_clock(cli, at),
                       action ? kind : what, action ? what : kind);
    }
    items_close(&i);
    const char *text = rp_cstr(&cli->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return text;
}

/* What is found by checks may be seen a little after it has happened. */
static void show_suspects(struct cli *cli, struct rp_str p, int64_t began_us, int indent)
{
    const char *before = suspects(cli, p, began_us, false),
               *after = suspects(cli, p, began_us, true);
    if (before[0] != '\0')
        say(cli, indent, "in the 15 minutes before: %s (coincidence in time, not proof)", before);
    if (after[0] != '\0')
        say(cli, indent, "in the minute after: %s (coincidence in time, not proof)", after);
}

void show_onset(struct cli *cli, struct rp_str p, int indent)
{
    struct line l;
    struct rp_str kind = doc_str(cli, p, "onset.kind");
    int64_t at = doc_time(cli, p, "onset.at"), from = doc_time(cli, p, "onset.from"),
            to = doc_time(cli, p, "onset.to");
    if (at == 0)
        return;
    line_begin(&l, cli, "", indent);
    line_part(&l, "%s %s UTC (95 %% interval %s)",
              rp_str_is(kind, "slow") ? "a slow rise since" : "began suddenly", show_clock(cli, at),
              show_period(cli, from, to));
    line_part(&l, "%s → %s of the runs", show_percent(cli, doc_f64(p, "onset.before", 0)),
              show_percent(cli, doc_f64(p, "onset.after", 0)));
    line_end(&l);
    show_suspects(cli, p, at, indent);
}

/* ---- how often ---- */

static const char *rate(struct cli *cli, struct rp_str a, const char *path)
{
    return show_fmt(cli, "%s (95 %% interval %s – %s)",
                    show_percent(cli, doc_f64(a, show_fmt(cli, "%s.rate", path), 0)),
                    show_percent(cli, doc_f64(a, show_fmt(cli, "%s.low", path), 0)),
                    show_percent(cli, doc_f64(a, show_fmt(cli, "%s.high", path), 1)));
}

static const char *hour(struct cli *cli, struct rp_str a, const char *path)
{
    return show_fmt(
        cli, "%s of %s, %s", show_count(cli, doc_i64(a, show_fmt(cli, "%s.failures", path), 0)),
        show_count(cli, doc_i64(a, show_fmt(cli, "%s.runs", path), 0)), rate(cli, a, path));
}

static void show_rates(struct cli *cli, struct rp_str a)
{
    struct line l;
    if (!doc_has(a, "rate"))
        return;
    line_begin(&l, cli, "", 0);
    line_part(&l, "%s failed", rate(cli, a, "rate"));
    if (doc_has(a, "last_hour"))
        line_part(&l, "last hour %s", hour(cli, a, "last_hour"));
    if (doc_has(a, "same_hour_before"))
        line_part(&l, "same hour of the 7 days before %s", hour(cli, a, "same_hour_before"));
    line_end(&l);
}

/* ---- single jobs, patterns that stayed away ---- */

/* "job 12", "job 12 and 3 with the same payload" */
static const char *poison_job(struct cli *cli, struct rp_str p)
{
    int64_t n = doc_i64(p, "same_payload", 1);
    if (n < 2)
        return show_fmt(cli, "job %s", doc_show(cli, p, "job"));
    return show_fmt(cli, "job %s and %s with the same payload", doc_show(cli, p, "job"),
                    show_count(cli, n - 1));
}

static void show_poison(struct cli *cli, struct rp_str a)
{
    struct items i;
    int64_t n = (int64_t)items_count(a, "poison");
    int shown = 0;
    if (n == 0)
        return;
    (void)printf("\n");
    say(cli, 0,
        "poison: %s that failed in the same way on more than one node while others went "
        "well; replays leave them out",
        show_plural(cli, n, "job", "jobs"));
    for (items_open(&i, a, "poison"); items_next(&i) && shown < POISON_SHOWN; shown++)
        say(cli, LABEL, "%s (%s)   %s × %s on %s nodes, %s of others succeeded in between",
            poison_job(cli, i.value), doc_show(cli, i.value, "type"),
            show_count(cli, doc_i64(i.value, "failures", 0)), doc_show(cli, i.value, "pattern"),
            show_count(cli, doc_i64(i.value, "nodes", 0)),
            show_count(cli, doc_i64(i.value, "successes_of_others", 0)));
    items_close(&i);
    if (n > POISON_SHOWN)
        say(cli, LABEL, "and %s more", show_count(cli, n - POISON_SHOWN));
}

static void show_gone(struct cli *cli, struct rp_str a)
{
    struct items i;
    struct rp_buf out = {0};
    for (items_open(&i, a, "gone"); items_next(&i);)
        rp_buf_fmt(&out, "%s%s", out.n > 0 ? ", " : "", doc_show(cli, i.value, "id"));
    items_close(&i);
    if (out.n > 0)
        say(cli, 0, "not seen again since the week before: %.*s", RP_FMT(rp_buf_view(&out)));
    rp_buf_free(&out);
}

/* New patterns, those that were there before, and those that are gone. */
static void show_comings(struct cli *cli, struct rp_str a)
{
    struct items i;
    int64_t new = 0, known = 0;
    for (items_open(&i, a, "patterns"); items_next(&i);) {
        new += doc_bool(i.value, "new");
        known += !doc_bool(i.value, "new");
    }
    items_close(&i);
    say(cli, 0, "patterns: %s new, %s recurring, %s gone since the week before",
        show_count(cli, new), show_count(cli, known),
        show_count(cli, (int64_t)items_count(a, "gone")));
}

/* Conditions of all failures, where no single pattern stands for them. */
static void show_overall(struct cli *cli, struct rp_str a, size_t patterns)
{
    if (doc_has(a, "sampled"))
        say(cli, 0, "conditions are counted over a sample: %s failed and %s succeeded runs",
            show_count(cli, doc_i64(a, "sampled.failures", 0)),
            show_count(cli, doc_i64(a, "sampled.successes", 0)));
    if (patterns < 2 || items_count(a, "conditions") == 0)
        return;
    say(cli, 0, "all failures together, where they differ from the runs that succeeded:");
    show_conditions(cli, a, 4);
}

/* ---- patterns ---- */

static const char *share_of_types(struct cli *cli, struct rp_str p)
{
    struct items i;
    struct rp_buf out = {0};
    int64_t count = doc_i64(p, "count", 1), n;
    for (items_open(&i, p, "types"); items_member(&i);)
        if (rp_str_i64(i.value, &n))
            rp_buf_fmt(&out, "%s%s %s", out.n > 0 ? "   " : "", show_text(cli, i.key),
                       n == count ? "100 %"
                                  : show_percent(cli, (double)n / (double)(count > 0 ? count : 1)));
    items_close(&i);
    const char *text = rp_cstr(&cli->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return text;
}

/* Nothing is left of it to be replayed. */
static bool is_settled(struct rp_str p)
{
    return doc_has(p, "still_failed") && !doc_bool(p, "still_failed");
}

static void samples(struct cli *cli, struct rp_str p, int indent)
{
    struct items i;
    int n = 0;
    struct line l;
    if (items_count(p, "samples") == 0)
        return;
    struct rp_buf jobs = {0};
    for (items_open(&i, p, "samples"); items_next(&i) && n < 3; n++)
        rp_buf_fmt(&jobs, "%s%s", n > 0 ? ", " : "", show_text(cli, items_str(cli, &i)));
    items_close(&i);
    line_begin(&l, cli, "", indent);
    line_part(&l, "for example %s %.*s", n == 1 ? "job" : "jobs", RP_FMT(rp_buf_view(&jobs)));
    line_end(&l);
    rp_buf_free(&jobs);
}

static const char *share_of_all(struct cli *cli, int64_t n, int64_t failures)
{
    if (failures <= 0)
        return "";
    return show_fmt(cli, "%s of all   ", show_percent(cli, (double)n / (double)failures));
}

static void analyzed_head(struct cli *cli, struct rp_str p, int64_t failures, bool inner)
{
    struct line l;
    const char *id = doc_show(cli, p, "id");
    int64_t n = doc_i64(p, "count", 0);
    int indent = inner ? LABEL + 2 : LABEL;
    line_begin(&l, cli, inner ? show_fmt(cli, "  %s", id) : id, indent);
    line_part(&l, "%s   %s%s", painted(cli, BOLD, show_count(cli, n)),
              share_of_all(cli, n, failures), pattern_words(cli, p));
    line_end(&l);
    line_begin(&l, cli, "", indent);
    line_part(&l, "class %s → %s", painted(cli, YELLOW, doc_show(cli, p, "class")),
              doc_show(cli, p, "action"));
    if (doc_bool(p, "new"))
        line_part(&l, "new");
    else if (doc_has(p, "known_since"))
        line_part(&l, "recurring, known since %s", show_time(cli, doc_time(cli, p, "known_since")));
    line_end(&l);
}

static void analyzed(struct cli *cli, struct rp_str p, int64_t failures, bool inner)
{
    struct line l;
    int indent = inner ? LABEL + 2 : LABEL;
    int64_t first = doc_time(cli, p, "first"), last = doc_time(cli, p, "last");
    analyzed_head(cli, p, failures, inner);
    line_begin(&l, cli, "", indent);
    line_part(&l, "%s", share_of_types(cli, p));
    if (first != 0)
        line_part(&l, "%s UTC", show_period(cli, first, last));
    line_end(&l);
    show_onset(cli, p, indent);
    if (items_count(p, "conditions") > 0) {
        say(cli, indent, "where it differs from the runs that succeeded:");
        show_conditions(cli, p, indent);
    } else if (doc_has(p, "conditions") && doc_i64(p, "count", 0) >= EXPLAINED_LEAST) {
        say(cli, indent, "no attribute explains where it happens");
    }
    if (doc_has(p, "outlook"))
        say(cli, indent, "a replay: %s", outlook_words(cli, p));
    if (is_settled(p))
        say(cli, indent, "none of its jobs is failed any more: they ran again or were settled");
    samples(cli, p, indent);
}

/* Patterns in order; what one message wraps stands below it. */
struct showing {
    struct levels levels;
    int64_t failures;
    size_t tops; /* shown: patterns and messages */
    int64_t left, left_failures;
};

static void show_message(struct showing *x, struct rp_str p)
{
    struct cli *cli = x->levels.cli;
    int64_t n = doc_i64(p, "outer.failures", 0);
    levels_head(&x->levels, p,
                show_fmt(cli, "%s   %s%s", show_count(cli, n), share_of_all(cli, n, x->failures),
                         show_plural(cli, doc_i64(p, "outer.patterns", 0), "pattern", "patterns")));
}

static void show_one(struct showing *x, struct rp_str p)
{
    struct cli *cli = x->levels.cli;
    int64_t count = doc_i64(p, "count", 0);
    bool opens = levels_opens(&x->levels, p), top = opens || !is_inner(p);
    if (top && x->tops == PATTERNS_SHOWN) {
        x->left++;
        x->left_failures += count;
        return;
    }
    bool shown = levels_take(&x->levels, p, count);
    x->tops += top;
    if (top)
        (void)printf("\n");
    if (opens)
        show_message(x, p);
    if (shown && (top || count * 100 >= x->failures * FULL_PERCENT))
        analyzed(cli, p, x->failures, !top || opens);
    else if (shown)
        analyzed_head(cli, p, x->failures, true);
}

/* All of them stand in the list of patterns. */
static void show_left(struct cli *cli, const struct showing *x)
{
    const char *since = opt_text(cli, "since");
    if (x->left > 0)
        say(cli, 0, "… and %s of %s: reprise patterns%s%s",
            show_plural(cli, x->left, "smaller pattern", "smaller patterns"),
            show_plural(cli, x->left_failures, "failure", "failures"),
            since != NULL ? " --since " : "", since != NULL ? since : "");
}

/* Groups whose action ends with a replay now; the others want a mend first (analysis 2). */
static bool replay_first(struct rp_str group)
{
    return rp_str_is(group, "transient") || rp_str_is(group, "dependency");
}

/* How many failures have a pattern; those whose class is not known among them. */
static int64_t covered(struct rp_str a)
{
    struct items i;
    int64_t n = doc_i64(a, "more_patterns.failures", 0);
    for (items_open(&i, a, "patterns"); items_next(&i);)
        n += doc_i64(i.value, "count", 0);
    items_close(&i);
    return n;
}

static int show_analysis(struct cli *cli, struct rp_str a)
{
    struct items i;
    int64_t runs = doc_i64(a, "runs", 0), failures = doc_i64(a, "failures", 0),
            left = doc_i64(a, "unexplained", 0), since = doc_time(cli, a, "window.since");
    const char *first = "", *any = "",
               *head = since != 0 ? show_fmt(cli, " since %s", show_time(cli, since)) : "";
    if (failures == 0) {
        say(cli, 0, "no failures%s, in %s", head, show_plural(cli, runs, "run", "runs"));
        return 0;
    }
    int64_t more = doc_i64(a, "more_patterns.patterns", 0);
    size_t n = items_count(a, "patterns") + (size_t)more;
    say(cli, 0, "%s of %s%s   %s cover%s %s", show_plural(cli, failures, "failure", "failures"),
        show_plural(cli, runs, "run", "runs"), head,
        show_plural(cli, (int64_t)n, "pattern", "patterns"), n == 1 ? "s" : "",
        show_percent(cli, fmin(1, (double)covered(a) / (double)failures)));
    if (left > 0)
        say(cli, 0, "%s of them of no known class", show_count(cli, left));
    show_rates(cli, a);
    show_comings(cli, a);
    show_onset(cli, a, 0);
    show_tops(cli, a);
    struct showing x = {.levels = {.cli = cli, .indent = LABEL},
                        .failures = failures,
                        .left = more,
                        .left_failures = doc_i64(a, "more_patterns.failures", 0)};
    for (items_open(&i, a, "patterns"); items_next(&i);) {
        show_one(&x, i.value);
        if (is_settled(i.value))
            continue;
        if (any[0] == '\0')
            any = doc_show(cli, i.value, "id");
        if (first[0] == '\0' && replay_first(doc_str(cli, i.value, "group")))
            first = doc_show(cli, i.value, "id");
    }
    items_close(&i);
    levels_end(&x.levels);
    (void)printf("\n");
    show_left(cli, &x);
    show_overall(cli, a, n);
    show_poison(cli, a);
    show_gone(cli, a);
    if (first[0] != '\0')
        say_next(cli, "reprise deps   then reprise replay --pattern %s --dry-run", first);
    else if (any[0] == '\0')
        say_next(cli, "reprise status   (no job of these patterns is failed any more)");
    else
        say_next(cli, "reprise pattern show %s   (nothing here mends itself by a replay)", any);
    return 0;
}

/* "customer" is meant as "/customer". */
static void payload_keys(struct cli *cli, struct rp_jw *w)
{
    const char *given[RP_ARGUMENTS_MAX];
    size_t n = opt_all(cli, "payload", given);
    if (n == 0)
        return;
    rp_jw_key(w, "payload");
    rp_jw_array(w);
    for (size_t i = 0; i < n; i++)
        rp_jw_str(w, rp_str_of(given[i][0] == '/' ? given[i] : show_fmt(cli, "/%s", given[i])));
    rp_jw_array_end(w);
}

static bool analysis_body(struct cli *cli, struct rp_buf *body, struct rp_err *err)
{
    int64_t since = 0, until = 0;
    if (!opt_time(cli, "since", &since, err) || !opt_time(cli, "until", &until, err))
        return false;
    struct rp_jw w = {.out = body};
    rp_jw_object(&w);
    rp_jw_m_time(&w, "since", since);
    rp_jw_m_time(&w, "until", until);
    rp_jw_m_cstr(&w, "type", opt_text(cli, "type"));
    payload_keys(cli, &w);
    rp_jw_object_end(&w);
    return true;
}

/* The forms that read a file and need no daemon. */
static const struct {
    const char *option;
    int (*run)(struct cli *cli, const char *path);
} alone[] = {{"classes", classes_file},
             {"csv", analyze_csv},
             {"log", analyze_log},
             {"templates", templates_file}};

int run_analyze(struct cli *cli)
{
    struct rp_buf body = {0};
    struct reply reply;
    struct rp_err err;
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        if (opt_text(cli, alone[i].option) != NULL)
            return alone[i].run(cli, opt_text(cli, alone[i].option));
    bool ok = analysis_body(cli, &body, &err) &&
              client_call(cli, "POST", "/v1/analyses", &body, &reply, &err);
    rp_buf_free(&body);
    if (!ok)
        return say_err(cli, &err);
    if (opt_text(cli, "html") != NULL)
        return analyze_html(cli, reply.body, opt_text(cli, "html"));
    return cli->json ? print_json(reply.body) : show_analysis(cli, reply.body);
}
