#include "cli/log_when.h"

#include "analyze/onset.h"
#include "cli/analyze.h"

#include <stdlib.h>

enum { POISON_SHOWN = 5, LABEL = 5 };

void log_when_begin(struct log_when *w)
{
    (void)rp_series_new(&w->series, &w->all.runs);
    (void)rp_series_new(&w->series, &w->all.failed);
    rp_repeats_begin(&w->repeats);
}

void log_when_free(struct log_when *w)
{
    rp_series_free(&w->series);
    rp_repeats_free(&w->repeats);
}

/* A series for each type, as the tally meets them. */
static void open_types(struct log_when *w, const struct rp_tally *t)
{
    while (w->n_types < t->n_types && w->n_types < LOG_TYPES_MOST &&
           rp_series_new(&w->series, &w->types[w->n_types].runs) &&
           rp_series_new(&w->series, &w->types[w->n_types].failed))
        w->n_types++;
}

void log_when_add(struct log_when *w, const struct rp_tally *t, const struct rp_run *run,
                  int64_t at_us, uint32_t failure)
{
    bool failed = run->outcome == RP_RUN_FAILED || run->outcome == RP_RUN_TIMEOUT;
    const struct rp_tally_type *type = rp_tally_find(t, run->type);
    if (!failed && run->outcome != RP_RUN_SUCCEEDED)
        return;
    if (type != NULL)
        rp_repeats_add(&w->repeats, run, failure, type->type, type->by[RP_RUN_SUCCEEDED]);
    if (at_us == RP_NO_TIME)
        return;
    open_types(w, t);
    size_t place = type != NULL ? (size_t)(type - t->types) : SIZE_MAX;
    rp_series_add(&w->series, w->all.runs, at_us, 1);
    rp_series_add(&w->series, w->all.failed, at_us, failed);
    if (place < w->n_types) {
        rp_series_add(&w->series, w->types[place].runs, at_us, 1);
        rp_series_add(&w->series, w->types[place].failed, at_us, failed);
    }
}

struct ended {
    const struct log_when *w;
    const struct rp_tally *t;
};

/* In the bins from the first failure to the last, as for a store. */
static int64_t successes(void *ctx, const struct rp_repeat *p)
{
    const struct ended *e = ctx;
    const struct rp_series *s = &e->w->series;
    const struct rp_tally_type *type = rp_tally_find(e->t, p->type);
    size_t place = type != NULL ? (size_t)(type - e->t->types) : SIZE_MAX;
    if (place >= e->w->n_types || p->first_us == RP_NO_TIME || p->last_us == RP_NO_TIME)
        return -1;
    return (int64_t)rp_series_between(s, e->w->types[place].runs, p->first_us, p->last_us) -
           (int64_t)rp_series_between(s, e->w->types[place].failed, p->first_us, p->last_us);
}

void log_when_end(struct log_when *w, const struct rp_tally *t)
{
    rp_repeats_find(&w->repeats, successes, &(struct ended){w, t});
}

/* ---- since when ---- */

/* The runs of the types that a pattern fails; of all where these are not all known. */
static void runs_of(const struct log_when *w, const struct rp_tally *t,
                    const struct rp_failure_group *g, struct rp_counts *to)
{
    const struct rp_tally_type *types[RP_GROUP_TYPES] = {0};
    bool known = g->n_types <= RP_GROUP_TYPES;
    for (size_t i = 0; known && i < g->n_types; i++) {
        types[i] = rp_tally_find(t, g->types[i].type);
        known = types[i] != NULL && (size_t)(types[i] - t->types) < w->n_types;
    }
    if (!known)
        rp_series_sum(&w->series, w->all.runs, false, to);
    for (size_t i = 0; known && i < g->n_types; i++)
        rp_series_sum(&w->series, w->types[types[i] - t->types].runs, false, to);
}

/* Of bins that hold more failures than runs, the runs were not all seen: they count as failed. */
static void find(const struct log_when *w, struct rp_counts *bins, struct rp_onset *o)
{
    for (size_t i = 0; i < rp_series_length(&w->series); i++)
        bins[i].runs = bins[i].runs < bins[i].failed ? bins[i].failed : bins[i].runs;
    rp_onset_find(bins, rp_series_length(&w->series), false, o);
}

static void onset_of_series(const struct log_when *w, uint32_t runs, uint32_t failed,
                            struct rp_onset *o)
{
    struct rp_counts *bins = rp_xcalloc(RP_SERIES_BINS, sizeof *bins);
    rp_series_sum(&w->series, runs, false, bins);
    rp_series_sum(&w->series, failed, true, bins);
    find(w, bins, o);
    free(bins);
}

static void write(const struct log_when *w, const struct rp_onset *o, struct rp_jw *jw)
{
    rp_onset_json(jw, o, w->series.first * w->series.width_us, w->series.width_us);
}

void log_onset_json(const struct log_when *w, const struct rp_tally *t, const struct rp_failures *f,
                    const struct rp_failure_group *g, struct rp_jw *jw)
{
    struct rp_counts *bins = rp_xcalloc(RP_SERIES_BINS, sizeof *bins);
    struct rp_onset o = {.kind = RP_ONSET_NONE};
    if (rp_failures_over_time(f, g, bins)) {
        runs_of(w, t, g, bins);
        find(w, bins, &o);
    }
    free(bins);
    write(w, &o, jw);
}

static void write_types(const struct log_when *w, const struct rp_tally *t, struct rp_jw *jw)
{
    rp_jw_key(jw, "type_onsets");
    rp_jw_array(jw);
    for (size_t i = 0; i < w->n_types; i++) {
        struct rp_onset o;
        onset_of_series(w, w->types[i].runs, w->types[i].failed, &o);
        if (o.kind == RP_ONSET_NONE)
            continue;
        rp_jw_object(jw);
        rp_jw_m_str(jw, "type", t->types[i].type);
        write(w, &o, jw);
        rp_jw_object_end(jw);
    }
    rp_jw_array_end(jw);
}

/* ---- poison ---- */

static void write_poison(struct log_when *w, const struct rp_failures *f, struct rp_jw *jw)
{
    rp_jw_key(jw, "poison"); /* takes two nodes, and a log names none */
    rp_jw_array(jw);
    rp_jw_array_end(jw);
    rp_jw_key(jw, "poison_suspected");
    rp_jw_array(jw);
    for (size_t i = 0; i < w->repeats.n; i++) {
        const struct rp_repeat *p = &w->repeats.v[i];
        const struct rp_failure_group *g = rp_failures_of(f, p->pattern);
        char id[17] = "";
        if (g != NULL)
            (void)snprintf(id, sizeof id, "%016llx", (unsigned long long)g->hash);
        rp_jw_object(jw);
        rp_jw_m_str(jw, "job", (struct rp_str){p->id, p->n_id});
        rp_jw_m_str(jw, "type", p->type);
        if (g != NULL)
            rp_jw_m_cstr(jw, "pattern", id);
        rp_jw_m_i64(jw, "failures", p->failures);
        rp_jw_m_i64(jw, "successes_of_others", (int64_t)p->successes);
        if (p->first_us != RP_NO_TIME)
            rp_jw_m_time(jw, "first", p->first_us);
        if (p->last_us != RP_NO_TIME)
            rp_jw_m_time(jw, "last", p->last_us);
        rp_jw_m_i64(jw, "line", (int64_t)p->line);
        rp_jw_object_end(jw);
    }
    rp_jw_array_end(jw);
}

void log_when_json(struct log_when *w, const struct rp_tally *t, const struct rp_failures *f,
                   struct rp_jw *jw)
{
    write_types(w, t, jw);
    write_poison(w, f, jw);
}

/* ---- words ---- */

static void show_poison(struct cli *cli, const struct log_when *w)
{
    if (w->repeats.n == 0)
        return;
    say(cli, 0,
        "suspected of poison, not proven: %s that failed in the same way again and again while "
        "others of the type went well; proof is a second node, and the log names none",
        show_plural(cli, (int64_t)w->repeats.n, "job", "jobs"));
    for (size_t i = 0; i < w->repeats.n && i < POISON_SHOWN; i++) {
        const struct rp_repeat *p = &w->repeats.v[i];
        say(cli, LABEL, "job %s (%s)   %s, %s of others succeeded in between   line %s",
            show_cut(cli, (struct rp_str){p->id, p->n_id}, 40), show_cut(cli, p->type, 30),
            show_plural(cli, p->failures, "failure", "failures"),
            show_count(cli, (int64_t)p->successes), show_count(cli, (int64_t)p->line));
    }
    (void)printf("\n");
}

void log_when_show(struct log_when *w, struct cli *cli, const struct rp_tally *t,
                   const struct rp_failures *f)
{
    struct rp_buf out = {0};
    struct rp_jw jw = {.out = &out};
    rp_jw_object(&jw);
    log_when_json(w, t, f, &jw);
    rp_jw_object_end(&jw);
    show_type_onsets(cli, rp_buf_view(&out), LABEL);
    show_poison(cli, w);
    rp_buf_free(&out);
}

void log_onset_show(const struct log_when *w, struct cli *cli, const struct rp_tally *t,
                    const struct rp_failures *f, const struct rp_failure_group *g, int indent)
{
    struct rp_buf out = {0};
    struct rp_jw jw = {.out = &out};
    rp_jw_object(&jw);
    log_onset_json(w, t, f, g, &jw);
    rp_jw_object_end(&jw);
    show_onset(cli, rp_buf_view(&out), indent);
    rp_buf_free(&out);
}
