/* The analysis of a window: what failed and how often, since when, in what it differs from what
 * went well, which single jobs are poison. Counted by whole minutes, as the rollups are. */
#include "api/analysis.h"

#include "analyze/poison.h"
#include "base/json_pointer.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PATTERNS_SHOWN = 50,
    PATTERNS_DEEP = 6, /* with conditions */
    SAMPLES = 3,
    POISON_JOBS = 20,
    GONE = 5,
    SUSPECT_MIN = 15,
    DAYS_BEFORE = 7,
    POINTS = 96
};

/* ---- the question ---- */

static bool time_field(struct request *q, struct rp_json *r, int64_t *us)
{
    struct rp_str s;
    struct rp_err err;
    if (!rp_json_str(r, &s))
        return false;
    return rp_time_parse_user(s, request_now(q), us, &err) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "%s", err.message);
}

static bool payload_field(struct rp_json *r, struct analysis *in)
{
    struct rp_str s;
    for (rp_json_array(r); rp_json_item(r);) {
        if (!rp_json_str(r, &s))
            return false;
        if (in->n_payload == PAYLOAD_KEYS)
            return rp_json_bad(r, RP_E_TOO_LARGE, "at most %d places of the payload", PAYLOAD_KEYS);
        if (s.n == 0 || !rp_pointer_valid(s))
            return rp_json_bad(r, RP_E_BAD_FIELD, "\"%.*s\" is no JSON pointer: /customer/region",
                               RP_FMT(s));
        in->payload[in->n_payload++] = s;
    }
    return true;
}

bool p_analysis(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"since", "until", "type", "payload", NULL};
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
               : f == 2 ? rp_json_str(r, &in->type)
                        : payload_field(r, in));
    if (!rp_json_done(r, err))
        return false;
    return in->until_us == 0 || in->since_us < in->until_us ||
           rp_fail(err, RP_E_BAD_FIELD, "the window ends before it begins");
}

/* ---- rates ---- */

static void add_minute(void *ctx, const struct rp_minute *m)
{
    struct rp_counts *c = ctx;
    c->runs += (uint64_t)m->n;
    c->failed += m->failed ? (uint64_t)m->n : 0;
}

/* The newest hour, and the same hour of the days before. */
static bool write_hours(struct request *q, struct rp_db *db, const struct analysis *in,
                        struct rp_err *err)
{
    struct rp_counts now = {0}, before = {0};
    int64_t from = in->until_us - RP_US_H;
    if (!rp_minutes_each(db, from, in->until_us, in->type_id, add_minute, &now, err))
        return false;
    for (int64_t d = 1; d <= DAYS_BEFORE; d++)
        if (!rp_minutes_each(db, from - d * RP_US_DAY, in->until_us - d * RP_US_DAY, in->type_id,
                             add_minute, &before, err))
            return false;
    analysis_rate(&q->w, "last_hour", now);
    analysis_rate(&q->w, "same_hour_before", before);
    return true;
}

struct rp_str *analysis_names(struct request *q, const struct sum *v, size_t n,
                              const struct rp_id_name *names, size_t n_names)
{
    struct rp_str *out = RP_NEW_N(&q->arena, struct rp_str, n + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_names; k++)
            if (names[k].id == v[i].id)
                out[i] = names[k].name;
    return out;
}

/* ---- since when ---- */

static void write_suspect(struct rp_jw *w, int64_t at_us, struct rp_str kind, struct rp_str what,
                          struct rp_str by)
{
    rp_jw_object(w);
    rp_jw_m_time(w, "at", at_us);
    rp_jw_m_str(w, "kind", kind);
    rp_jw_m_str(w, "what", what);
    rp_jw_m_str(w, "by", by);
    rp_jw_object_end(w);
}

/* What changed in the quarter of an hour before: coincidence in time, not proof. */
static bool write_suspects(struct request *q, struct rp_db *db, int64_t at_us, struct rp_err *err)
{
    struct rp_dep_change *deps;
    struct rp_audit_event *events;
    size_t n_deps, n_events;
    int64_t from = at_us - SUSPECT_MIN * RP_US_MIN;
    if (!rp_dep_history(db, at_us + RP_US_MIN, &q->arena, &deps, &n_deps, err) ||
        !rp_events_between(db, from, at_us + RP_US_MIN, &q->arena, &events, &n_events, err))
        return false;
    rp_jw_key(&q->w, "suspects");
    rp_jw_array(&q->w);
    for (size_t i = 0; i < n_deps; i++)
        if (deps[i].down && deps[i].at_us >= from)
            write_suspect(&q->w, deps[i].at_us, RP_STR("dependency down"), deps[i].dependency,
                          RP_NONE);
    for (size_t i = 0; i < n_events; i++)
        write_suspect(&q->w, events[i].at_us, events[i].action, events[i].object, events[i].actor);
    rp_jw_array_end(&q->w);
    return true;
}

static bool of_pattern(const struct rp_ended *e, const struct pattern_sum *p)
{
    return p == NULL || e->pattern_id == p->id;
}

/* The first failure in [from, to): of jobs that are failed still, or of the rows that ran again. */
static bool first_failure(struct rp_db *db, const struct rows *r, const struct pattern_sum *p,
                          int64_t from, int64_t to, int64_t *us, struct rp_err *err)
{
    if (!rp_first_failure(db, p != NULL ? p->id : 0, from, to, us, err))
        return false;
    for (size_t i = r->again; i < (size_t)r->sampled_failed; i++) {
        const struct rp_ended *e = &r->ended.v[i];
        if (of_pattern(e, p) && e->ended_us >= from && e->ended_us < to &&
            (*us == 0 || e->ended_us < *us))
            *us = e->ended_us;
    }
    return true;
}

static bool write_onset(struct request *q, struct rp_db *db, const struct sums *s,
                        const struct rows *r, const struct pattern_sum *p, bool *began,
                        struct rp_err *err)
{
    struct rp_onset o;
    struct rp_jw *w = &q->w;
    sums_onset(s, p, &o);
    int64_t begin = (s->day_minute + (int64_t)o.at) * RP_US_MIN, first = 0,
            from = (s->day_minute + (int64_t)o.from) * RP_US_MIN,
            to = (s->day_minute + (int64_t)o.to + 1) * RP_US_MIN;
    bool found = *began = o.kind != RP_ONSET_NONE;
    if (found && !first_failure(db, r, p, begin, to, &first, err))
        return false;
    rp_jw_key(w, "onset");
    rp_jw_object(w);
    rp_jw_m_cstr(w, "kind", rp_onset_name(o.kind));
    if (found) {
        rp_jw_m_time(w, "at", first != 0 ? first : begin);
        rp_jw_m_time(w, "from", from);
        rp_jw_m_time(w, "to", to);
        rp_jw_m_f64(w, "before", o.before);
        rp_jw_m_f64(w, "after", o.after);
    }
    rp_jw_object_end(w);
    return !found || write_suspects(q, db, first != 0 ? first : begin, err);
}

/* ---- patterns ---- */

/* The counts know minutes. Where the pattern began or was last seen within the minute, it knows
 * better. */
static int64_t exact(int64_t minute, int64_t known_us)
{
    return known_us / RP_US_MIN == minute ? known_us : minute * RP_US_MIN;
}

/* Examples: jobs that are failed still; where there are too few, such as ran again since. */
static void add_again(const struct rows *r, const struct pattern_sum *p, int64_t *ids, size_t *n)
{
    for (size_t i = r->again; i < (size_t)r->sampled_failed && *n < SAMPLES; i++) {
        const struct rp_ended *e = &r->ended.v[i];
        bool listed = false;
        for (size_t k = 0; k < *n; k++)
            listed |= ids[k] == e->job_id;
        if (!listed && of_pattern(e, p))
            ids[(*n)++] = e->job_id;
    }
}

static bool write_samples(struct request *q, struct rp_db *db, const struct analysis *in,
                          const struct rows *r, const struct pattern_sum *p, struct rp_err *err)
{
    struct rp_job_filter f = {.states = 1u << RP_FAILED | 1u << RP_UNKNOWN,
                              .type = in->type,
                              .pattern_id = p->id,
                              .since_us = in->since_us,
                              .until_us = in->until_us};
    struct rp_job *jobs;
    int64_t ids[SAMPLES];
    size_t n;
    bool more;
    char id[24];
    if (!rp_jobs_list(db, &f, 0, SAMPLES, &q->arena, &jobs, &n, &more, err))
        return false;
    for (size_t i = 0; i < n; i++)
        ids[i] = jobs[i].id;
    rp_jw_m_bool(&q->w, "still_failed", n > 0);
    add_again(r, p, ids, &n);
    rp_jw_key(&q->w, "samples");
    rp_jw_array(&q->w);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(id, sizeof id, "%lld", (long long)ids[i]);
        rp_jw_str(&q->w, rp_str_of(id));
    }
    rp_jw_array_end(&q->w);
    return true;
}

static void write_head(struct request *q, const struct sums *s, const struct pattern_sum *p,
                       const struct rp_str *types)
{
    struct rp_jw *w = &q->w;
    shape_prefixed_id(w, "id", "P", p->id);
    rp_jw_m_str(w, "template", p->row.template);
    shape_levels(w, &p->row);
    rp_jw_m_str(w, "name", p->row.name);
    rp_jw_m_str(w, "class", p->row.class);
    rp_jw_m_str(w, "group", p->row.group);
    rp_jw_m_str(w, "action", p->row.action);
    rp_jw_m_i64(w, "count", p->n);
    if (s->all.failed > 0)
        rp_jw_m_f64(w, "share", (double)p->n / (double)s->all.failed);
    shape_tries(w, &p->row.tries);
    rp_jw_m_bool(w, "new", p->row.first_us >= s->since_minute * RP_US_MIN);
    rp_jw_m_time(w, "known_since", p->row.first_us);
    rp_jw_m_time(w, "first", exact(p->first_minute, p->row.first_us));
    rp_jw_m_time(w, "last", exact(p->last_minute, p->row.last_us));
    rp_jw_key(w, "types");
    rp_jw_object(w);
    for (size_t i = 0; i < p->n_types; i++)
        if (p->by_type[i] > 0) {
            rp_jw_key_str(w, types[i]);
            rp_jw_i64(w, p->by_type[i]);
        }
    rp_jw_object_end(w);
}

static void write_conditions(struct request *q, struct rows *r, const struct sums *s,
                             const struct pattern_sum *p, bool began)
{
    struct rp_contrast_answer answer;
    rows_contrast(r, s, p, began, &answer);
    rp_jw_key(&q->w, "conditions");
    rp_contrast_json(&q->w, &answer);
}

static bool write_patterns(struct request *q, struct rp_db *db, const struct analysis *in,
                           const struct sums *s, struct rows *r, const struct rp_str *types,
                           struct rp_err *err)
{
    bool ok = true, began;
    rp_jw_key(&q->w, "patterns");
    rp_jw_array(&q->w);
    for (size_t i = 0; ok && i < s->n_listed && i < PATTERNS_SHOWN; i++) {
        const struct pattern_sum *p = &s->patterns[i];
        rp_jw_object(&q->w);
        write_head(q, s, p, types);
        ok = write_onset(q, db, s, r, p, &began, err);
        if (i < PATTERNS_DEEP)
            write_conditions(q, r, s, p, began);
        ok = ok && write_samples(q, db, in, r, p, err);
        rp_jw_object_end(&q->w);
    }
    rp_jw_array_end(&q->w);
    return ok;
}

/* Those that have no place in the answer; absent: all have one. */
static void write_more_patterns(struct rp_jw *w, const struct sums *s)
{
    int64_t failures = 0;
    if (s->n_listed <= PATTERNS_SHOWN)
        return;
    for (size_t i = PATTERNS_SHOWN; i < s->n_listed; i++)
        failures += s->patterns[i].n;
    rp_jw_key(w, "more_patterns");
    rp_jw_object(w);
    rp_jw_m_i64(w, "patterns", (int64_t)s->n_listed - PATTERNS_SHOWN);
    rp_jw_m_i64(w, "failures", failures);
    rp_jw_object_end(w);
}

/* Patterns of the week before that did not come again. */
static bool write_gone(struct request *q, struct rp_db *db, const struct analysis *in,
                       struct rp_err *err)
{
    int64_t *ids;
    size_t n;
    bool ok = rp_patterns_gone(db, in->since_us - DAYS_BEFORE * RP_US_DAY, in->since_us, GONE,
                               &q->arena, &ids, &n, err);
    rp_jw_key(&q->w, "gone");
    rp_jw_array(&q->w);
    for (size_t i = 0; ok && i < n; i++) {
        struct rp_pattern p;
        if ((ok = rp_pattern_get(db, ids[i], &q->arena, &p, err)))
            shape_pattern(&q->w, &p);
    }
    rp_jw_array_end(&q->w);
    return ok;
}

/* ---- poison ---- */

static void write_same_payload(struct rp_jw *w, const struct rp_poison *p)
{
    rp_jw_m_i64(w, "same_payload", (int64_t)p->n_jobs);
    rp_jw_key(w, "jobs");
    rp_jw_array(w);
    for (size_t i = 0; i < p->n_jobs && i < POISON_JOBS; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "%lld", (long long)p->jobs[i]);
        rp_jw_str(w, rp_str_of(id));
    }
    rp_jw_array_end(w);
}

static bool write_poison(struct request *q, struct rp_db *db, const struct analysis *in,
                         struct rp_err *err)
{
    struct rp_poison *v;
    size_t n;
    struct rp_jw *w = &q->w;
    if (!rp_poison_find(db, in->since_us, in->until_us, in->type_id, &q->arena, &v, &n, err))
        return false;
    rp_jw_key(w, "poison");
    rp_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        rp_jw_object(w);
        rp_jw_m_id(w, "job", v[i].job_id);
        rp_jw_m_str(w, "type", v[i].type);
        shape_prefixed_id(w, "pattern", "P", v[i].pattern_id);
        rp_jw_m_i64(w, "failures", v[i].failures);
        rp_jw_m_i64(w, "nodes", v[i].nodes);
        rp_jw_m_i64(w, "successes_of_others", v[i].successes);
        if (v[i].n_jobs > 1)
            write_same_payload(w, &v[i]);
        rp_jw_m_time(w, "first", v[i].from_us);
        rp_jw_m_time(w, "last", v[i].to_us);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
    return true;
}

/* ---- the answer ---- */

static bool load_patterns(struct request *q, struct rp_db *db, struct sums *s, struct rp_err *err)
{
    if (!sums_order(s, db, err))
        return false;
    for (size_t i = 0; i < s->n_listed && i < PATTERNS_SHOWN; i++) {
        struct pattern_sum *p = &s->patterns[i];
        if (!rp_pattern_get(db, p->id, &q->arena, &p->row, err))
            return false;
        p->row.outer.failures = p->level_n;
        p->row.outer.patterns = p->level_patterns;
    }
    return true;
}

static int64_t unexplained(const struct sums *s)
{
    int64_t explained = 0, failed = (int64_t)s->all.failed;
    for (size_t i = 0; i < s->n_patterns; i++)
        explained += s->patterns[i].unknown ? 0 : s->patterns[i].n;
    return failed > explained ? failed - explained : 0;
}

static void write_window(struct request *q, const struct analysis *in, const struct sums *s)
{
    struct rp_jw *w = &q->w;
    rp_jw_key(w, "window");
    rp_jw_object(w);
    rp_jw_m_time(w, "since", s->since_minute * RP_US_MIN);
    rp_jw_m_time(w, "until", in->until_us);
    rp_jw_object_end(w);
    rp_jw_m_i64(w, "runs", (int64_t)s->all.runs);
    rp_jw_m_i64(w, "failures", (int64_t)s->all.failed);
    rp_jw_m_i64(w, "unexplained", unexplained(s));
    analysis_rate(w, "rate", s->all);
}

static void write_series(struct rp_jw *w, const char *key, const struct rp_counts *v, size_t n,
                         bool failed)
{
    rp_jw_key(w, key);
    rp_jw_array(w);
    for (size_t i = 0; i < n; i++)
        rp_jw_i64(w, (int64_t)(failed ? v[i].failed : v[i].runs));
    rp_jw_array_end(w);
}

/* Runs and failures over the window, for a picture. */
static void write_timeline(struct request *q, const struct sums *s)
{
    struct rp_counts points[POINTS] = {0};
    int64_t minutes = s->until_minute - s->since_minute, steps = (minutes + s->step - 1) / s->step,
            each = (steps + POINTS - 1) / POINTS;
    for (int64_t i = 0; i < steps; i++) {
        points[i / each].failed += s->steps[i].failed;
        points[i / each].runs += s->steps[i].runs;
    }
    size_t n = steps > 0 ? (size_t)((steps + each - 1) / each) : 0;
    rp_jw_key(&q->w, "timeline");
    rp_jw_object(&q->w);
    rp_jw_m_time(&q->w, "from", s->since_minute * RP_US_MIN);
    rp_jw_m_i64(&q->w, "step_s", n > 0 ? each * s->step * 60 : 60);
    write_series(&q->w, "runs", points, n, false);
    write_series(&q->w, "failures", points, n, true);
    rp_jw_object_end(&q->w);
}

static void write_sampled(struct request *q, const struct rows *r)
{
    if (r->complete)
        return;
    rp_jw_key(&q->w, "sampled"); /* the conditions count a sample */
    rp_jw_object(&q->w);
    rp_jw_m_i64(&q->w, "failures", r->sampled_failed);
    rp_jw_m_i64(&q->w, "successes", (int64_t)r->ended.n - r->sampled_failed);
    rp_jw_object_end(&q->w);
}

bool r_analysis(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct analysis *in = q->in;
    struct sums s;
    struct rows r;
    struct rp_id_name *types;
    size_t n_types;
    in->until_us = in->until_us != 0 ? in->until_us : request_now(q);
    if (!rp_type_id(db, in->type, &in->type_id, err) || !sums_read(db, in, &q->arena, &s, err) ||
        !load_patterns(q, db, &s, err) || !rows_read(db, in, &s, &q->arena, &r, err) ||
        !rp_names(db, RP_NAMED_TYPES, &q->arena, &types, &n_types, err))
        return false;
    answer_begin(q, 200);
    rp_jw_object(&q->w);
    write_window(q, in, &s);
    write_timeline(q, &s);
    bool began = false,
         ok = write_hours(q, db, in, err) && write_onset(q, db, &s, &r, NULL, &began, err) &&
              write_patterns(q, db, in, &s, &r,
                             analysis_names(q, s.types, s.n_types, types, n_types), err);
    write_more_patterns(&q->w, &s);
    write_conditions(q, &r, &s, NULL, began);
    write_sampled(q, &r);
    ok = ok && write_poison(q, db, in, err) && write_gone(q, db, in, err) &&
         analysis_tops(q, db, &s, &r, err);
    rp_jw_object_end(&q->w);
    return ok;
}
