/* analyze --log: what failed in a job log, by pattern. No daemon, nothing is stored. */
#include "cli/analyze.h"
#include "cli/import.h"
#include "cli/log_when.h"

#include "analyze/contrast.h"
#include "analyze/failures.h"

#include <stdlib.h>

enum { LABEL = 5, PATTERNS_SHOWN = 20 };

struct log_analysis {
    struct import i;
    struct logfile file;
    struct rp_failures *failures;
    struct rp_contrast *contrast; /* of the runs whose outcome is known */
    struct rp_contrast_answer answer;
    struct rp_bins bins; /* of the same runs, where they have times */
    struct log_when when;
    struct rp_str type; /* of --type, absent: all */
    int64_t since_us, until_us;
};

/* ---- in what they differ ---- */

static const struct rp_str attributes[] = {
    {"type", 4}, {"queue", 5}, {"attempt", 7}, {"hour", 4}, {"weekday", 7}};
enum { ATTRIBUTES = sizeof attributes / sizeof *attributes };

/* By the clock in UTC; absent times are a value of their own. */
static void clock_values(int64_t at_us, char hour[8], const char **weekday)
{
    static const char *const days[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                       "Monday",   "Tuesday", "Wednesday"};
    int64_t hours = at_us / RP_US_H - (at_us % RP_US_H < 0), day = hours / 24 - (hours % 24 < 0);
    *weekday = at_us == RP_NO_TIME ? "" : days[(day % 7 + 7) % 7]; /* 1970 began on a Thursday */
    hour[0] = '\0';
    if (at_us != RP_NO_TIME)
        (void)snprintf(hour, 8, "%02d:00", (int)(hours - day * 24));
}

/* Types beyond what the table counts are one value, so that memory stays bounded. */
static void contrast_run(struct log_analysis *a, const struct rp_run *run, int64_t at_us)
{
    char hour[8], attempt[24];
    const char *weekday;
    bool failed = run->outcome == RP_RUN_FAILED || run->outcome == RP_RUN_TIMEOUT;
    if (!failed && run->outcome != RP_RUN_SUCCEEDED)
        return;
    clock_values(at_us, hour, &weekday);
    (void)snprintf(attempt, sizeof attempt, "%lld",
                   (long long)(run->attempt > 0 ? run->attempt : 1));
    bool counted = rp_tally_find(a->i.tally, run->type) != NULL;
    struct rp_str values[ATTRIBUTES] = {counted ? run->type : RP_STR("(others)"),
                                        run->queue.p != NULL ? run->queue : RP_STR(""),
                                        rp_str_of(attempt), rp_str_of(hour), rp_str_of(weekday)};
    struct rp_counts one = {.runs = 1, .failed = failed};
    rp_contrast_add(a->contrast, values, one);
    if (at_us != RP_NO_TIME)
        rp_bins_add(&a->bins, at_us, one);
}

static void take_run(void *ctx, const struct rp_run *run)
{
    struct log_analysis *a = ctx;
    int64_t at = run->end_us != RP_NO_TIME ? run->end_us : run->start_us;
    if ((a->type.p != NULL && !rp_str_eq(run->type, a->type)) ||
        (a->since_us != 0 && (at == RP_NO_TIME || at < a->since_us)) ||
        (a->until_us != 0 && (at == RP_NO_TIME || at >= a->until_us)))
        return;
    rp_tally_add(a->i.tally, run);
    log_when_add(&a->when, a->i.tally, run, at, rp_failures_add(a->failures, run));
    contrast_run(a, run, at);
}

/* ---- JSON (INTERFACES: analyze, with the counts of import log) ---- */

static void json_time(struct rp_jw *w, const char *key, int64_t us)
{
    char at[RP_TIME_LEN];
    if (us != RP_NO_TIME)
        rp_jw_m_cstr(w, key, rp_time_format(us, at));
}

static void json_samples(struct cli *cli, struct rp_jw *w, const struct rp_failure_group *g)
{
    rp_jw_key(w, "samples");
    rp_jw_array(w);
    for (size_t i = 0; i < g->n_samples; i++)
        rp_jw_str(
            w, g->samples[i].id.p != NULL
                   ? g->samples[i].id
                   : rp_str_fmt(&cli->arena, "line %llu", (unsigned long long)g->samples[i].line));
    rp_jw_array_end(w);
    rp_jw_key(w, "sample_lines");
    rp_jw_array(w);
    for (size_t i = 0; i < g->n_samples; i++)
        rp_jw_i64(w, (int64_t)g->samples[i].line);
    rp_jw_array_end(w);
}

static struct rp_str id_of(struct cli *cli, uint64_t hash)
{
    return rp_str_fmt(&cli->arena, "%016llx", (unsigned long long)hash);
}

static void json_levels(struct cli *cli, struct rp_jw *w, const struct rp_failure_group *g)
{
    rp_jw_m_str(w, "inner", g->inner);
    if (g->inner.p == NULL)
        return;
    rp_jw_key(w, "outer");
    rp_jw_object(w);
    rp_jw_m_str(w, "id", id_of(cli, rp_hash64(g->outer.template)));
    rp_jw_m_str(w, "template", g->outer.template);
    rp_jw_m_i64(w, "failures", (int64_t)g->outer.n);
    rp_jw_m_i64(w, "patterns", (int64_t)g->outer.patterns);
    rp_jw_object_end(w);
}

static void json_pattern(const struct log_analysis *a, struct rp_jw *w,
                         const struct rp_failure_group *g)
{
    struct cli *cli = a->i.cli;
    rp_jw_object(w);
    rp_jw_m_str(w, "id", id_of(cli, g->hash));
    rp_jw_m_str(w, "template", g->template);
    json_levels(cli, w, g);
    rp_jw_m_str(w, "example", g->example);
    rp_jw_m_cstr(w, "class", g->class_name);
    rp_jw_m_cstr(w, "group", g->group);
    rp_jw_m_cstr(w, "action", g->action);
    rp_jw_m_i64(w, "count", (int64_t)g->n);
    rp_jw_m_f64(w, "share", (double)g->n / (double)a->failures->failures);
    json_time(w, "first", g->first_us);
    json_time(w, "last", g->last_us);
    rp_jw_key(w, "types");
    rp_jw_object(w);
    for (size_t i = 0; i < g->n_types; i++) {
        rp_jw_key_str(w, g->types[i].type);
        rp_jw_i64(w, (int64_t)g->types[i].n);
    }
    rp_jw_object_end(w);
    log_onset_json(&a->when, a->i.tally, a->failures, g, w);
    json_samples(cli, w, g);
    rp_jw_object_end(w);
}

/* As JSON on standard output, or as a page. The exit code. */
static int answer_document(struct log_analysis *a)
{
    struct cli *cli = a->i.cli;
    const char *html = opt_text(cli, "html");
    struct rp_buf out = {0};
    struct rp_jw w = {.out = &out};
    int code = 0;
    rp_jw_object(&w);
    rp_jw_key(&w, "window");
    rp_jw_object(&w);
    json_time(&w, "since", a->i.tally->first_start);
    json_time(&w, "until", a->i.tally->last_end);
    rp_jw_object_end(&w);
    import_json_counts(&a->i, &w);
    rp_jw_m_i64(&w, "failures", (int64_t)a->failures->failures);
    rp_jw_m_i64(&w, "unexplained", (int64_t)a->failures->unexplained);
    timeline_json(&w, &a->bins);
    rp_jw_key(&w, "patterns");
    rp_jw_array(&w);
    for (size_t i = 0; i < a->failures->n; i++)
        json_pattern(a, &w, &a->failures->groups[i]);
    rp_jw_array_end(&w);
    rp_jw_key(&w, "conditions");
    rp_contrast_json(&w, &a->answer);
    log_when_json(&a->when, a->i.tally, a->failures, &w);
    rp_jw_object_end(&w);
    if (html != NULL)
        code = analyze_html(cli, rp_buf_view(&out), html);
    else
        code = print_json(rp_buf_view(&out));
    rp_buf_free(&out);
    return code;
}

/* ---- words ---- */

static void show_where(struct cli *cli, const struct rp_failure_group *g, int indent)
{
    struct line l;
    line_begin(&l, cli, "", indent);
    for (size_t i = 0; i < g->n_types && i < 3; i++)
        line_part(&l, "%s %s", show_text(cli, g->types[i].type),
                  show_percent(cli, (double)g->types[i].n / (double)g->n));
    if (g->n_types > 3)
        line_part(&l, "…");
    if (g->first_us != RP_NO_TIME)
        line_part(&l, "%s UTC", show_period(cli, g->first_us, g->last_us));
    line_end(&l);
    line_begin(&l, cli, "", indent);
    for (size_t i = 0; i < g->n_samples; i++) {
        const char *id = g->samples[i].id.p != NULL
                             ? show_fmt(cli, " (%s)", show_cut(cli, g->samples[i].id, 40))
                             : "";
        line_part(&l, "%sline %s%s", i == 0 ? "for example " : "",
                  show_count(cli, (int64_t)g->samples[i].line), id);
    }
    line_end(&l);
}

static void show_head(struct cli *cli, const char *label, uint64_t n, struct rp_str words,
                      int indent)
{
    struct line l;
    line_begin(&l, cli, label, indent);
    line_part(&l, "%s   %s", painted(cli, BOLD, show_count(cli, (int64_t)n)),
              rp_str_is(words, "<*>") ? "<*> (a value)" : show_text(cli, words));
    line_end(&l);
}

/* rank, part: of the message, if it wraps several; of the pattern in it, 0: it stands alone. */
static void show_pattern(const struct log_analysis *a, size_t rank, size_t part,
                         const struct rp_failure_group *g)
{
    struct cli *cli = a->i.cli;
    struct line l;
    int indent = part > 0 ? LABEL + 4 : LABEL;
    const char *top = show_fmt(cli, "#%zu", rank);
    if (part <= 1)
        (void)printf("\n");
    if (part == 1)
        show_head(cli, top, g->outer.n, g->outer.template, LABEL);
    show_head(cli, part > 0 ? show_fmt(cli, "  %s.%zu", top, part) : top, g->n,
              part > 0 ? g->inner : g->template, indent);
    line_begin(&l, cli, "", indent);
    line_part(&l, "class %s → %s", painted(cli, YELLOW, g->class_name), g->action);
    line_end(&l);
    show_where(cli, g, indent);
    log_onset_show(&a->when, cli, a->i.tally, a->failures, g, indent);
}

static void show_beginning(const struct log_analysis *a)
{
    struct rp_buf json = {0};
    struct rp_jw w = {.out = &json};
    rp_jw_object(&w);
    timeline_json(&w, &a->bins);
    rp_jw_object_end(&w);
    show_onset(a->i.cli, rp_buf_view(&json), 0);
    rp_buf_free(&json);
}

static void show_failures(struct log_analysis *a)
{
    struct cli *cli = a->i.cli;
    struct rp_failures *f = a->failures;
    uint64_t more = 0;
    if (f->failures == 0) {
        say(cli, 0, "no failures in %s",
            show_plural(cli, (int64_t)a->i.tally->runs, "run", "runs"));
        return;
    }
    say(cli, 0, "%s of %s   %s cover%s %s",
        show_plural(cli, (int64_t)f->failures, "failure", "failures"),
        show_plural(cli, (int64_t)a->i.tally->runs, "run", "runs"),
        show_plural(cli, (int64_t)f->n, "pattern", "patterns"), f->n == 1 ? "s" : "",
        show_percent(cli, (double)(f->failures - f->unexplained) / (double)f->failures));
    show_beginning(a);
    for (size_t i = 0, rank = 0, part = 0; i < f->n; i++) {
        const struct rp_failure_group *g = &f->groups[i];
        bool inner = g->outer.patterns > 1;
        part = !inner ? 0 : part > 0 && part < g->outer.patterns ? part + 1 : 1;
        rank += part <= 1;
        if (i < PATTERNS_SHOWN)
            show_pattern(a, rank, part, g);
        else
            more += g->n;
    }
    (void)printf("\n");
    if (more > 0)
        say(cli, 0, "… and %s of %s; --json lists all",
            show_plural(cli, (int64_t)f->n - PATTERNS_SHOWN, "smaller pattern", "smaller patterns"),
            show_plural(cli, (int64_t)more, "failure", "failures"));
}

static void show_contrast(struct log_analysis *a)
{
    struct rp_buf json = {0};
    struct rp_jw w = {.out = &json};
    if (a->answer.n == 0)
        return;
    rp_jw_object(&w);
    rp_jw_key(&w, "conditions");
    rp_contrast_json(&w, &a->answer);
    rp_jw_object_end(&w);
    say(a->i.cli, 0, "where they differ from the runs that succeeded:");
    show_conditions(a->i.cli, rp_buf_view(&json), 2);
    (void)printf("\n");
    rp_buf_free(&json);
}

static void show_words(struct log_analysis *a)
{
    struct cli *cli = a->i.cli;
    int64_t unknown = (int64_t)a->i.tally->by[RP_RUN_UNKNOWN];
    import_headline(&a->i);
    if (a->i.tally->runs > 0) {
        (void)printf("\n");
        import_types(&a->i);
    }
    (void)printf("\n");
    if (unknown > 0)
        say(cli, 0, "%s not told by this log%s",
            show_plural(cli, unknown, "outcome is", "outcomes are"),
            rp_str_is(rp_str_of(a->i.format), "cron")
                ? ": by default cron notes starts only; cron -L 15 (in Debian EXTRA_OPTS of "
                  "/etc/default/cron) notes ends and failures too"
                : "");
    if (unknown < (int64_t)a->i.tally->runs || unknown == 0)
        show_failures(a);
    show_contrast(a);
    log_when_show(&a->when, cli, a->i.tally, a->failures);
    if (a->failures->failures > 0 && strcmp(a->i.path, "-") != 0)
        say_next(cli, "reprise import log %s   (keeps these runs in the history)",
                 show_text(cli, rp_str_of(a->i.path)));
}

static bool read_all(struct log_analysis *a, struct rp_err *err)
{
    struct cli *cli = a->i.cli;
    a->type = rp_str_of(opt_text(cli, "type"));
    if (!opt_time(cli, "since", &a->since_us, err) || !opt_time(cli, "until", &a->until_us, err) ||
        !logfile_open(&a->file, cli, a->i.path, (struct rp_run_sink){take_run, a}, err) ||
        !logfile_read(&a->file, err))
        return false;
    a->i.format = a->file.stats.format;
    a->i.lines = a->file.stats.lines;
    a->i.unassigned_lines = a->file.stats.unassigned_lines;
    rp_failures_sort(a->failures);
    log_when_end(&a->when, a->i.tally);
    rp_contrast_find(a->contrast, &cli->arena, &a->answer);
    return true;
}

int analyze_log(struct cli *cli, const char *path)
{
    struct log_analysis *a = rp_xcalloc(1, sizeof *a);
    struct rp_err err;
    int code;
    a->i = (struct import){.cli = cli, .path = path, .tally = rp_tally_new()};
    a->failures = rp_failures_new();
    log_when_begin(&a->when);
    a->failures->series = &a->when.series;
    a->contrast = rp_contrast_new(attributes, ATTRIBUTES);
    if (read_all(a, &err)) {
        int shown = 0;
        if (cli->json || opt_text(cli, "html") != NULL)
            shown = answer_document(a);
        else
            show_words(a);
        code = logfile_tell(&a->file);
        code = code != 0 ? code : shown;
    } else {
        code = say_err(cli, &err);
    }
    logfile_close(&a->file);
    rp_failures_free(a->failures);
    log_when_free(&a->when);
    rp_contrast_free(a->contrast);
    rp_tally_free(a->i.tally);
    free(a);
    return code;
}
