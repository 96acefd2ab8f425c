/* Rows for conditions. Counts of minutes know neither node nor label; of a small window every run
 * is read, of a large one a sample, in which failed and succeeded runs keep their proportion. */
#include "api/analysis.h"

enum { LABELS_MOST = 16, LABEL_KEY_MOST = 60, DEPS_MOST = 8, VALUE_MOST = 100 };

/* ---- which rows ---- */

/* Of each step as many as its share of the failures, the first ones. */
static bool sample_failed(struct rp_db *db, const struct analysis *in, const struct sums *s,
                          struct rows *r, struct rp_err *err)
{
    uint64_t before = 0, all = s->all.failed;
    for (int64_t i = 0; s->since_minute + i * s->step < s->until_minute; i++) {
        uint64_t after = before + s->failed_of_step[i];
        int64_t quota = (int64_t)(after * ROWS_MOST / all - before * ROWS_MOST / all);
        int64_t from = (s->since_minute + i * s->step) * RP_US_MIN, to = from + s->step * RP_US_MIN;
        before = after;
        if (quota > 0 && !rp_ended_failed(db, from > in->since_us ? from : in->since_us,
                                          to < in->until_us ? to : in->until_us, in->type_id, quota,
                                          r->a, &r->ended, err))
            return false;
    }
    return true;
}

/* Succeeded rows of a sample stand for as many as keep the proportion. */
static void weigh(const struct sums *s, struct rows *r)
{
    uint64_t failed = (uint64_t)r->sampled_failed, rows = r->ended.n - failed,
             succeeded = s->all.runs - s->all.failed;
    uint64_t total =
        s->all.failed > 0
            ? (uint64_t)((double)succeeded * (double)failed / (double)s->all.failed + .5)
            : rows;
    r->weight = RP_NEW_N(r->a, uint64_t, r->ended.n + 1);
    for (uint64_t i = 0; i < r->ended.n; i++) {
        uint64_t k = i - failed;
        r->weight[i] = i < failed || r->complete
                           ? 1
                           : (uint64_t)((double)total * (double)(k + 1) / (double)rows) -
                                 (uint64_t)((double)total * (double)k / (double)rows);
    }
}

static bool read_rows(struct rp_db *db, const struct analysis *in, const struct sums *s,
                      struct rows *r, struct rp_err *err)
{
    bool few = s->all.failed <= ROWS_MOST, all;
    if (few ? !rp_ended_failed(db, in->since_us, in->until_us, in->type_id, ROWS_MOST, r->a,
                               &r->ended, err)
            : !sample_failed(db, in, s, r, err))
        return false;
    r->sampled_failed = (int64_t)r->ended.n;
    if (!rp_ended_succeeded(db, in->since_us, in->until_us, in->type_id, ROWS_MOST, r->a, &r->ended,
                            &all, err))
        return false;
    r->complete = few && all;
    weigh(s, r);
    return true;
}

/* ---- attributes ---- */

enum fixed { TYPE, QUEUE, NODE, WORKER, SCHEDULE, HOUR, FIXED };

struct names {
    struct rp_id_name *v;
    size_t n;
};

struct makings {
    struct names types, queues, schedules;
    struct rp_dep_change *changes;
    size_t n_changes;
    struct rp_str deps[DEPS_MOST], labels[LABELS_MOST];
    size_t n_deps, n_labels;
};

static struct rp_str name_of(const struct names *names, int64_t id)
{
    for (size_t lo = 0, hi = names->n; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        if (names->v[mid].id == id)
            return names->v[mid].name;
        if (names->v[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return RP_STR("");
}

static bool listed(const struct rp_str *v, size_t n, struct rp_str s)
{
    for (size_t i = 0; i < n; i++)
        if (rp_str_eq(v[i], s))
            return true;
    return false;
}

/* Dependencies that were down within reach of the window. */
static void find_deps(struct makings *m, int64_t since_us)
{
    for (size_t i = m->n_changes; i-- > 0 && m->n_deps < DEPS_MOST;) {
        const struct rp_dep_change *c = &m->changes[i];
        if ((c->down || c->at_us >= since_us) && !listed(m->deps, m->n_deps, c->dependency))
            m->deps[m->n_deps++] = c->dependency;
    }
}

static bool was_down(const struct makings *m, struct rp_str dep, int64_t at_us)
{
    bool down = false;
    for (size_t i = 0; i < m->n_changes && m->changes[i].at_us <= at_us; i++)
        if (rp_str_eq(m->changes[i].dependency, dep))
            down = m->changes[i].down;
    return down;
}

/* Calls for each label that is a string, number or truth. */
static void each_label(struct rp_str labels, struct rp_arena *a,
                       void (*take)(void *ctx, struct rp_str key, struct rp_str value), void *ctx)
{
    struct rp_json r;
    struct rp_str key, value;
    rp_json_open(&r, labels, a);
    if (labels.p == NULL || rp_json_peek(&r) != RP_JSON_OBJECT || !rp_json_object(&r))
        return;
    while (rp_json_member(&r, &key)) {
        enum rp_json_kind kind = rp_json_peek(&r);
        if (!(kind == RP_JSON_STRING ? rp_json_str(&r, &value) : rp_json_raw(&r, &value)))
            return;
        if (kind != RP_JSON_OBJECT && kind != RP_JSON_ARRAY && value.n <= VALUE_MOST)
            take(ctx, key, value);
    }
}

static void note_label(void *ctx, struct rp_str key, struct rp_str value)
{
    struct makings *m = ctx;
    (void)value;
    if (m->n_labels < LABELS_MOST && key.n <= LABEL_KEY_MOST &&
        !listed(m->labels, m->n_labels, key))
        m->labels[m->n_labels++] = key;
}

struct filling {
    const struct makings *m;
    struct rp_str *values; /* of the labels */
};

static void fill_label(void *ctx, struct rp_str key, struct rp_str value)
{
    struct filling *f = ctx;
    for (size_t i = 0; i < f->m->n_labels; i++)
        if (rp_str_eq(f->m->labels[i], key))
            f->values[i] = value;
}

static struct rp_str known(struct rp_str s)
{
    return s.p != NULL ? s : RP_STR("");
}

/* With minutes, so that it is no number that falls into a power of two. */
static struct rp_str hour_of(struct rp_arena *a, int64_t us)
{
    return rp_str_fmt(a, "%02d:00 UTC", (int)(us / RP_US_H % 24));
}

static void fill(struct rows *r, const struct makings *m, const struct rp_str hours[24], size_t i)
{
    const struct rp_ended *e = &r->ended.v[i];
    struct rp_str *v = r->values[i];
    v[TYPE] = name_of(&m->types, e->type_id);
    v[QUEUE] = name_of(&m->queues, e->queue_id);
    v[NODE] = known(e->node);
    v[WORKER] = known(e->worker);
    v[SCHEDULE] = name_of(&m->schedules, e->schedule_id);
    v[HOUR] = hours[e->ended_us / RP_US_H % 24];
    for (size_t k = 0; k < m->n_deps; k++)
        v[FIXED + k] = was_down(m, m->deps[k], e->ended_us) ? RP_STR("down") : RP_STR("up");
    for (size_t k = 0; k < m->n_labels; k++)
        v[FIXED + m->n_deps + k] = RP_STR("");
    each_label(e->labels, r->a, fill_label,
               &(struct filling){.m = m, .values = v + FIXED + m->n_deps});
}

static void make_values(struct rows *r, struct makings *m)
{
    static const char *const fixed[FIXED] = {"type", "queue", "node", "worker", "schedule", "hour"};
    struct rp_str hours[24];
    for (size_t i = 0; i < r->ended.n; i++)
        each_label(r->ended.v[i].labels, r->a, note_label, m);
    r->n_names = FIXED + m->n_deps + m->n_labels;
    r->names = RP_NEW_N(r->a, struct rp_str, r->n_names);
    for (size_t i = 0; i < FIXED; i++)
        r->names[i] = rp_str_of(fixed[i]);
    for (size_t i = 0; i < m->n_deps; i++)
        r->names[FIXED + i] = rp_str_fmt(r->a, "dependency %.*s", RP_FMT(m->deps[i]));
    for (size_t i = 0; i < m->n_labels; i++)
        r->names[FIXED + m->n_deps + i] = rp_str_fmt(r->a, "label %.*s", RP_FMT(m->labels[i]));
    for (int h = 0; h < 24; h++)
        hours[h] = hour_of(r->a, h * RP_US_H);
    r->values = rp_alloc_n(r->a, r->ended.n + 1, sizeof *r->values);
    for (size_t i = 0; i < r->ended.n; i++)
        fill(r, m, hours, i);
}

bool rows_read(struct rp_db *db, const struct analysis *in, const struct sums *s,
               struct rp_arena *a, struct rows *r, struct rp_err *err)
{
    struct makings m = {0};
    *r = (struct rows){.a = a};
    if (!read_rows(db, in, s, r, err) ||
        !rp_names(db, RP_NAMED_TYPES, a, &m.types.v, &m.types.n, err) ||
        !rp_names(db, RP_NAMED_QUEUES, a, &m.queues.v, &m.queues.n, err) ||
        !rp_names(db, RP_NAMED_SCHEDULES, a, &m.schedules.v, &m.schedules.n, err) ||
        !rp_dep_changes(db, in->until_us, a, &m.changes, &m.n_changes, err))
        return false;
    find_deps(&m, in->since_us);
    make_values(r, &m);
    return true;
}

/* ---- the contrast ---- */

void rows_contrast(struct rows *r, int64_t pattern_id, struct rp_contrast_answer *out)
{
    struct rp_contrast *c = rp_contrast_new(r->names, r->n_names);
    bool only_failed = r->ended.n == (size_t)r->sampled_failed;
    for (size_t i = 0; i < r->ended.n; i++) {
        const struct rp_ended *e = &r->ended.v[i];
        bool in = e->failed && (pattern_id == 0 || e->pattern_id == pattern_id);
        /* Another pattern's failures are neither: they count only where nothing succeeded. */
        if (r->weight[i] > 0 && (in || !e->failed || only_failed))
            rp_contrast_add(c, r->values[i],
                            (struct rp_counts){in ? r->weight[i] : 0, r->weight[i]});
    }
    rp_contrast_find(c, r->a, out);
    rp_contrast_free(c);
}
