/* Patterns of failures, and the analysis of a window: what failed, by pattern. */
#include "api/handlers.h"

#include "analyze/analyze.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- patterns ---- */

bool r_patterns(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"since", "limit", NULL};
    int64_t since, limit;
    struct rp_pattern *rows;
    size_t n;
    if (!query_known(q, known, err) || !query_time(q, "since", &since, err) ||
        !query_i64(q, "limit", 1, 1000, 100, &limit, err) ||
        !rp_patterns_list(db, since, (int)limit, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_pattern(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

bool r_pattern(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_pattern row;
    if (!no_query(q, err) || !capture_id(q, 0, "P", &id, err) ||
        !rp_pattern_get(db, id, &q->arena, &row, err))
        return false;
    answer_begin(q, 200);
    shape_pattern(&q->w, &row);
    return true;
}

struct edit {
    struct rp_str name, class, group, action;
};

static bool known_class(struct edit *in, struct rp_err *err)
{
    enum rp_class class;
    if (!rp_class_of_name(in->class, &class)) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not a failure class", RP_FMT(in->class));
        return rp_hint(err,
                       "reprise patterns shows the classes there are; docs/openapi.yaml lists all");
    }
    in->group = rp_str_of(rp_classes[class].group);
    in->action = rp_str_of(rp_classes[class].action);
    return true;
}

bool p_pattern_edit(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"name", "class", NULL};
    struct edit *in = RP_NEW(&q->arena, struct edit);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)rp_json_str(r, f == 0 ? &in->name : &in->class);
    if (!rp_json_done(r, err))
        return false;
    if (seen == 0)
        return rp_fail(err, RP_E_BAD_FIELD, "give a name, a class, or both");
    return in->class.p == NULL || known_class(in, err);
}

bool r_pattern_edit(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct edit *in = q->in;
    int64_t id;
    return capture_id(q, 0, "P", &id, err) &&
           rp_pattern_edit(db, id, in->name, in->class, in->group, in->action, q->actor,
                           request_now(q), err) &&
           r_pattern(q, db, err);
}

/* ---- analysis ---- counted by whole minutes, as the rollups are */

enum { ROWS_MAX = 1000, SAMPLES = 3 };

struct analysis {
    int64_t since_us, until_us; /* until: 0 is now */
    struct rp_str type;
};

/* The rows of one pattern, added up. */
struct group {
    struct rp_pattern pattern;
    int64_t n, first_us, last_us;
};

static bool time_field(struct request *q, struct rp_json *r, int64_t *us)
{
    struct rp_str s;
    struct rp_err err;
    if (!rp_json_str(r, &s))
        return false;
    return rp_time_parse_user(s, request_now(q), us, &err) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "%s", err.message);
}

bool p_analysis(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"since", "until", "type", NULL};
    struct analysis *in = RP_NEW(&q->arena, struct analysis);
    uint64_t seen = 0;
    q->in = in;
    in->since_us = request_now(q) - RP_US_DAY;
    if (q->body.n == 0)
        return true;
    struct rp_json *r = body_json(q);
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 0   ? time_field(q, r, &in->since_us)
               : f == 1 ? time_field(q, r, &in->until_us)
                        : rp_json_str(r, &in->type));
    if (!rp_json_done(r, err))
        return false;
    return in->until_us == 0 || in->since_us < in->until_us ||
           rp_fail(err, RP_E_BAD_FIELD, "the window ends before it begins");
}

static bool rate_of(struct rp_db *db, const struct analysis *in, struct rp_rate *rate,
                    struct rp_err *err)
{
    struct rp_rate after = {0};
    int64_t end = (in->until_us + RP_US_MIN - 1) / RP_US_MIN * RP_US_MIN;
    if (!rp_rate_since(db, in->type, in->since_us, rate, err) ||
        (in->until_us != 0 && !rp_rate_since(db, in->type, end, &after, err)))
        return false;
    rate->runs -= after.runs;
    rate->failed -= after.failed;
    return true;
}

static int most_first(const void *a, const void *b)
{
    int64_t x = ((const struct group *)a)->n, y = ((const struct group *)b)->n;
    return (x < y) - (x > y);
}

/* The counts know minutes. Where the pattern began or was last seen within the minute, it knows
 * better. */
static void exact_times(struct group *g)
{
    if (g->pattern.first_us / RP_US_MIN == g->first_us / RP_US_MIN)
        g->first_us = g->pattern.first_us;
    if (g->pattern.last_us / RP_US_MIN == g->last_us / RP_US_MIN)
        g->last_us = g->pattern.last_us;
}

static bool group_rows(struct request *q, struct rp_db *db, const struct rp_pattern_count *rows,
                       size_t n, struct group *groups, size_t *n_groups, struct rp_err *err)
{
    *n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        size_t g = 0;
        while (g < *n_groups && groups[g].pattern.id != rows[i].pattern_id)
            g++;
        struct group *at = &groups[g];
        if (g == *n_groups) {
            if (!rp_pattern_get(db, rows[i].pattern_id, &q->arena, &at->pattern, err))
                return false;
            at->first_us = rows[i].first_us;
            at->last_us = rows[i].last_us;
            ++*n_groups;
        }
        at->n += rows[i].failures;
        at->first_us = rows[i].first_us < at->first_us ? rows[i].first_us : at->first_us;
        at->last_us = rows[i].last_us > at->last_us ? rows[i].last_us : at->last_us;
    }
    for (size_t g = 0; g < *n_groups; g++)
        exact_times(&groups[g]);
    qsort(groups, *n_groups, sizeof *groups, most_first);
    return true;
}

static bool samples(struct request *q, struct rp_db *db, const struct analysis *in, int64_t pattern,
                    struct rp_err *err)
{
    struct rp_job_filter f = {.states = 1u << RP_FAILED | 1u << RP_UNKNOWN,
                              .type = in->type,
                              .pattern_id = pattern,
                              .since_us = in->since_us,
                              .until_us = in->until_us};
    struct rp_job *jobs;
    size_t n;
    bool more;
    char id[24];
    if (!rp_jobs_list(db, &f, 0, SAMPLES, &q->arena, &jobs, &n, &more, err))
        return false;
    rp_jw_key(&q->w, "samples");
    rp_jw_array(&q->w);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(id, sizeof id, "%lld", (long long)jobs[i].id);
        rp_jw_str(&q->w, rp_str_of(id));
    }
    rp_jw_array_end(&q->w);
    return true;
}

static bool answer_group(struct request *q, struct rp_db *db, const struct analysis *in,
                         const struct group *g, const struct rp_pattern_count *rows, size_t n_rows,
                         int64_t failures, struct rp_err *err)
{
    struct rp_jw *w = &q->w;
    rp_jw_object(w);
    shape_prefixed_id(w, "id", "P", g->pattern.id);
    rp_jw_m_str(w, "template", g->pattern.template);
    rp_jw_m_str(w, "name", g->pattern.name);
    rp_jw_m_str(w, "class", g->pattern.class);
    rp_jw_m_str(w, "group", g->pattern.group);
    rp_jw_m_str(w, "action", g->pattern.action);
    rp_jw_m_i64(w, "count", g->n);
    if (failures > 0)
        rp_jw_m_f64(w, "share", (double)g->n / (double)failures);
    rp_jw_m_time(w, "first", g->first_us);
    rp_jw_m_time(w, "last", g->last_us);
    rp_jw_key(w, "types");
    rp_jw_object(w);
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i].pattern_id == g->pattern.id) {
            rp_jw_key_str(w, rows[i].type);
            rp_jw_i64(w, rows[i].failures);
        }
    rp_jw_object_end(w);
    bool ok = samples(q, db, in, g->pattern.id, err);
    rp_jw_object_end(w);
    return ok;
}

static void answer_head(struct request *q, const struct analysis *in, const struct rp_rate *rate,
                        int64_t unexplained)
{
    struct rp_jw *w = &q->w;
    answer_begin(q, 200);
    rp_jw_object(w);
    rp_jw_key(w, "window");
    rp_jw_object(w);
    rp_jw_m_time(w, "since", in->since_us / RP_US_MIN * RP_US_MIN);
    rp_jw_m_time(w, "until", in->until_us != 0 ? in->until_us : request_now(q));
    rp_jw_object_end(w);
    rp_jw_m_i64(w, "runs", rate->runs);
    rp_jw_m_i64(w, "failures", rate->failed);
    rp_jw_m_i64(w, "unexplained", unexplained);
}

bool r_analysis(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct analysis *in = q->in;
    struct rp_rate rate;
    struct rp_pattern_count *rows;
    struct group *groups;
    size_t n, n_groups;
    if (!rate_of(db, in, &rate, err) || !rp_pattern_counts(db, in->since_us, in->until_us, in->type,
                                                           ROWS_MAX, &q->arena, &rows, &n, err))
        return false;
    groups = RP_NEW_N(&q->arena, struct group, n + 1);
    if (!group_rows(q, db, rows, n, groups, &n_groups, err))
        return false;
    int64_t explained = 0;
    for (size_t i = 0; i < n_groups; i++)
        if (!rp_str_is(groups[i].pattern.class, "unknown"))
            explained += groups[i].n;
    answer_head(q, in, &rate, rate.failed > explained ? rate.failed - explained : 0);
    rp_jw_key(&q->w, "patterns");
    rp_jw_array(&q->w);
    for (size_t i = 0; i < n_groups; i++)
        if (!answer_group(q, db, in, &groups[i], rows, n, rate.failed, err))
            return false;
    rp_jw_array_end(&q->w);
    rp_jw_object_end(&q->w);
    return true;
}
