/* Rows for conditions. Counts of minutes know neither node nor label; of a small window every run
 * is read, of a large one a sample, in which failed and succeeded runs keep their proportion. */
#include "api/analysis.h"

enum {
    LABELS_MOST = 16,
    LABEL_KEY_MOST = 60,
    DEPS_MOST = 8,
    VALUE_MOST = 100,
    BURST_LEAST = 30,
    BURST_MOST = 200000
};

/* ---- which rows ---- */

static bool read_failed(struct rp_db *db, const struct analysis *in, int64_t from, int64_t to,
                        int64_t limit, struct rows *r, struct rp_err *err)
{
    return rp_ended_failed(db, from > in->since_us ? from : in->since_us,
                           to < in->until_us ? to : in->until_us, in->type_id, limit, r->a,
                           &r->ended, err);
}

/* Up to `quota` failures from an instant within [from, to) on, and on from its beginning: what runs
 * at the first second of each minute must not stand for all. */
static bool sample_step(struct rp_db *db, const struct analysis *in, int64_t from, int64_t to,
                        int64_t quota, struct rows *r, struct rp_err *err)
{
    uint64_t scattered = (uint64_t)from * 0x9E3779B97F4A7C15u;
    int64_t start = from + (int64_t)((scattered >> 20) % (uint64_t)(to - from));
    size_t before = r->ended.n;
    if (!read_failed(db, in, start, to, quota, r, err))
        return false;
    int64_t left = quota - (int64_t)(r->ended.n - before);
    return left == 0 || read_failed(db, in, from, start, left, r, err);
}

/* Where a burst has many of the failures of the window, those of its first seconds must not stand
 * for it: every so-maniest of all is taken. Of a very large one that would cost more than it says.
 */
static bool sample_any(struct rp_db *db, const struct analysis *in, int64_t from, int64_t to,
                       int64_t quota, uint64_t failed, struct rows *r, struct rp_err *err)
{
    const struct rp_window w = {from > in->since_us ? from : in->since_us,
                                to < in->until_us ? to : in->until_us, in->type_id};
    if (quota < BURST_LEAST || failed > BURST_MOST)
        return sample_step(db, in, from, to, quota, r, err);
    return rp_ended_failed_spread(db, &w, (uint64_t)quota, failed, r->a, &r->ended, err);
}

/* Of each step as many as its share of the failures. */
static bool sample_failed(struct rp_db *db, const struct analysis *in, const struct sums *s,
                          struct rows *r, struct rp_err *err)
{
    uint64_t before = 0, all = s->all.failed;
    for (int64_t i = 0; all > 0 && s->since_minute + i * s->step < s->until_minute; i++) {
        uint64_t after = before + s->steps[i].failed;
        int64_t quota = (int64_t)(after * ROWS_MOST / all - before * ROWS_MOST / all);
        int64_t from = (s->since_minute + i * s->step) * RP_US_MIN;
        before = after;
        if (quota > 0 && !sample_any(db, in, from, from + s->step * RP_US_MIN, quota,
                                     s->steps[i].failed, r, err))
            return false;
    }
    return true;
}

/* Of the rows from `from` on, `keep` at most, evenly spread. */
static void thin(struct rp_ended_rows *rows, size_t from, uint64_t keep)
{
    size_t n = rows->n - from, to = from;
    for (size_t i = 0; keep < n && i < n; i++)
        if ((i + 1) * keep / n > i * keep / n)
            rows->v[to++] = rows->v[from + i];
    rows->n = keep < n ? to : rows->n;
}

/* What failed and still is, then what failed and ran again since; of many, each by its share. */
static bool read_failures(struct rp_db *db, const struct analysis *in, const struct sums *s,
                          bool few, struct rows *r, struct rp_err *err)
{
    const struct rp_window w = {in->since_us, in->until_us, in->type_id};
    uint64_t all = s->all.failed;
    int64_t again;
    if (few ? !read_failed(db, in, in->since_us, in->until_us, ROWS_ALL, r, err)
            : !sample_failed(db, in, s, r, err))
        return false;
    r->again = r->ended.n;
    if (!rp_ended_tried_again(db, &w, few ? ROWS_ALL : ROWS_MOST, r->a, &r->ended, &again, err))
        return false;
    if (few || again == 0)
        return true;
    uint64_t ran = (uint64_t)again < all ? (uint64_t)again : all;
    struct rp_ended_rows still = {r->ended.v, r->again};
    thin(&r->ended, r->again, ran * ROWS_MOST / all);
    size_t n = r->ended.n - r->again;
    thin(&still, 0, (all - ran) * ROWS_MOST / all);
    memmove(r->ended.v + still.n, r->ended.v + r->again, n * sizeof *r->ended.v);
    r->again = still.n;
    r->ended.n = still.n + n;
    return true;
}

static bool read_rows(struct rp_db *db, const struct analysis *in, const struct sums *s,
                      struct rows *r, struct rp_err *err)
{
    bool few = s->all.runs <= ROWS_ALL, all;
    if (!read_failures(db, in, s, few, r, err))
        return false;
    r->sampled_failed = (int64_t)r->ended.n;
    if (!rp_ended_succeeded(db, in->since_us, in->until_us, in->type_id, few ? ROWS_ALL : ROWS_MOST,
                            r->a, &r->ended, &all, err))
        return false;
    r->complete = few && all;
    return true;
}

/* ---- attributes ---- */

enum fixed { TYPE, QUEUE, NODE, WORKER, SCHEDULE, HOUR, WEEKDAY, FIXED };

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
        if (kind != RP_JSON_OBJECT && kind != RP_JSON_ARRAY && value.n <= ROW_VALUE_MOST)
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

/* 1970 began on a Thursday. */
static const char *const days[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                   "Monday",   "Tuesday", "Wednesday"};

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
    v[WEEKDAY] = rp_str_of(days[e->ended_us / RP_US_DAY % 7]);
    for (size_t k = 0; k < m->n_deps; k++)
        v[FIXED + k] = was_down(m, m->deps[k], e->ended_us) ? RP_STR("down") : RP_STR("up");
    for (size_t k = 0; k < m->n_labels; k++)
        v[FIXED + m->n_deps + k] = RP_STR("");
    each_label(e->labels, r->a, fill_label,
               &(struct filling){.m = m, .values = v + FIXED + m->n_deps});
}

static void make_values(struct rows *r, struct makings *m)
{
    static const char *const fixed[FIXED] = {"type",     "queue", "node",   "worker",
                                             "schedule", "hour",  "weekday"};
    struct rp_str hours[24];
    for (size_t i = 0; i < r->ended.n; i++)
        each_label(r->ended.v[i].labels, r->a, note_label, m);
    r->n_names = FIXED + m->n_deps + m->n_labels;
    r->names = RP_NEW_N(r->a, struct rp_str, RP_CONTRAST_ATTRIBUTES);
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
        !rp_dep_history(db, in->until_us, a, &m.changes, &m.n_changes, err))
        return false;
    find_deps(&m, in->since_us);
    make_values(r, &m);
    return rows_needs(db, r, err) && rows_deploys(db, in, r, err) && rows_payloads(db, in, r, err);
}

/* ---- the contrast ---- */

/* Row i of n, of which `of` are to count in all: their share, spread evenly. */
static uint64_t spread(uint64_t of, uint64_t i, uint64_t n)
{
    return (uint64_t)((double)of * (double)(i + 1) / (double)n) -
           (uint64_t)((double)of * (double)i / (double)n);
}

struct scale { /* how many runs the failed and the succeeded rows stand for */
    uint64_t failed_rows, failed, succeeded_rows, succeeded;
};

/* A sample keeps the proportion of failed and succeeded runs: of what was read more of, rows are
 * left out. Where failures are rare that would leave too few of them; they then are up to a third
 * of the succeeded rows, which stand for as many as they should be: that a rate is known from
 * fewer rows than it claims matters little as long as the failures are fewer still. */
static struct scale scale_of(const struct rows *r, uint64_t failed_rows, struct rp_counts all)
{
    uint64_t rows = r->ended.n - (uint64_t)r->sampled_failed;
    struct scale v = {failed_rows, failed_rows, rows, rows};
    if (r->complete || all.failed == 0 || rows == 0)
        return v;
    double ratio = (double)(all.runs - all.failed) / (double)all.failed;
    uint64_t even = ratio > 0 ? (uint64_t)((double)rows / ratio) : failed_rows,
             most = even > rows / 3 ? even : rows / 3;
    v.failed = most < failed_rows ? most : failed_rows;
    v.succeeded = (uint64_t)(ratio * (double)v.failed + .5);
    return v;
}

static bool counts_as_failed(const struct rp_ended *e, const struct pattern_sum *p)
{
    return e->failed && (p == NULL || e->pattern_id == p->id);
}

static uint64_t failed_rows(const struct rows *r, const struct pattern_sum *p)
{
    uint64_t n = 0;
    for (size_t i = 0; i < r->ended.n; i++)
        n += counts_as_failed(&r->ended.v[i], p);
    return n;
}

static void add_rows(struct rp_contrast *c, const struct rows *r, const struct pattern_sum *p,
                     const struct scale *v, bool began)
{
    uint64_t failed = 0, succeeded = 0, n;
    struct rp_str values[RP_CONTRAST_ATTRIBUTES];
    for (size_t i = 0; i < r->ended.n; i++) {
        const struct rp_ended *e = &r->ended.v[i];
        bool in = counts_as_failed(e, p);
        if (in)
            n = spread(v->failed, failed++, v->failed_rows);
        else if (!e->failed)
            n = spread(v->succeeded, succeeded++, v->succeeded_rows);
        else /* another pattern's: neither; they count only where nothing succeeded */
            n = v->succeeded_rows == 0;
        if (n == 0)
            continue;
        memcpy(values, r->values[i], sizeof values);
        if (began)
            values[HOUR] = values[WEEKDAY] = RP_STR("");
        rp_contrast_add(c, values, (struct rp_counts){in ? n : 0, n});
    }
}

void rows_contrast(struct rows *r, const struct sums *s, const struct pattern_sum *p, bool began,
                   struct rp_contrast_answer *out)
{
    struct rp_contrast *c = rp_contrast_new(r->names, r->n_names);
    struct rp_counts all = s->all;
    if (p != NULL) /* the pattern's failures, and what succeeded */
        all = (struct rp_counts){(uint64_t)p->n, all.runs - all.failed + (uint64_t)p->n};
    struct scale v = scale_of(r, failed_rows(r, p), all);
    add_rows(c, r, p, &v, began);
    rp_contrast_find(c, r->a, out);
    rp_contrast_free(c);
}
