/* Where failures are: types, queues and nodes with the most of them, and since when a type fails.
 */
#include "api/analysis.h"

#include "core/proportions.h"

#include <stdlib.h>

enum { SUMS_SHOWN = 10, NODES_MOST = 256 };

void analysis_rate(struct rp_jw *w, const char *key, struct rp_counts c)
{
    if (c.runs == 0)
        return;
    struct rp_interval i =
        rp_proportion((struct rp_proportion){(int64_t)c.runs, (int64_t)c.failed});
    rp_jw_key(w, key);
    rp_jw_object(w);
    rp_jw_m_i64(w, "runs", (int64_t)c.runs);
    rp_jw_m_i64(w, "failures", (int64_t)c.failed);
    rp_jw_m_f64(w, "rate", (double)c.failed / (double)c.runs);
    rp_jw_m_f64(w, "low", i.low);
    rp_jw_m_f64(w, "high", i.high);
    rp_jw_object_end(w);
}

static int most_failed_first(const void *a, const void *b)
{
    uint64_t x = ((const struct sum *)a)->in.failed, y = ((const struct sum *)b)->in.failed;
    return (x < y) - (x > y);
}

static void write_sums(struct rp_jw *w, const char *key, const char *name, struct rp_str *names,
                       const struct sum *v, size_t n)
{
    size_t shown = 0;
    rp_jw_key(w, key);
    rp_jw_array(w);
    for (size_t i = 0; i < n && shown < SUMS_SHOWN; i++)
        if (v[i].in.failed > 0) {
            rp_jw_object(w);
            rp_jw_m_str(w, name, names[i]);
            analysis_rate(w, "rate", v[i].in);
            rp_jw_object_end(w);
            shown++;
        }
    rp_jw_array_end(w);
}

/* Of the types that are listed, those of which failing began. */
static void write_onsets(struct rp_jw *w, const struct sums *s, const struct rp_str *names,
                         const struct sum *v)
{
    rp_jw_key(w, "type_onsets");
    rp_jw_array(w);
    for (size_t i = 0; i < s->n_types && i < SUMS_SHOWN && v[i].in.failed > 0; i++) {
        struct rp_onset o = {.kind = RP_ONSET_NONE};
        if (v[i].day != NULL)
            rp_onset_find(v[i].day, ONSET_MINUTES, false, &o);
        if (o.kind == RP_ONSET_NONE)
            continue;
        rp_jw_object(w);
        rp_jw_m_str(w, "type", names[i]);
        rp_onset_json(w, &o, s->day_minute * RP_US_MIN, RP_US_MIN);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
}

/* ---- nodes ---- */

/* Rollups know no nodes: counted over the rows, of which each stands for as many runs as a sample
 * leaves out. */
struct node {
    struct rp_str name;
    uint64_t failed, succeeded;
};

static size_t count_nodes(const struct rows *r, struct node *v)
{
    size_t n = 0;
    for (size_t i = 0, k; i < r->ended.n; i++) {
        const struct rp_ended *e = &r->ended.v[i];
        for (k = 0; k < n && !rp_str_eq(v[k].name, e->node); k++)
            ;
        if (e->node.n == 0 || k == NODES_MOST)
            continue;
        n += k == n;
        v[k].name = e->node;
        v[k].failed += e->failed;
        v[k].succeeded += !e->failed;
    }
    return n;
}

static uint64_t scaled(uint64_t n, uint64_t of, uint64_t all)
{
    return of > 0 ? (uint64_t)((double)n * (double)all / (double)of + .5) : 0;
}

static void write_nodes(struct request *q, const struct sums *s, const struct rows *r)
{
    struct node *v = RP_NEW_N(&q->arena, struct node, NODES_MOST + 1);
    size_t n = count_nodes(r, v);
    struct sum *sums = RP_NEW_N(&q->arena, struct sum, n + 1);
    struct rp_str *names = RP_NEW_N(&q->arena, struct rp_str, n + 1);
    uint64_t failed = (uint64_t)r->sampled_failed, succeeded = r->ended.n - failed;
    for (size_t i = 0; i < n; i++) {
        uint64_t bad = v[i].failed, good = v[i].succeeded;
        if (!r->complete) {
            bad = scaled(bad, failed, s->all.failed);
            good = scaled(good, succeeded, s->all.runs - s->all.failed);
        }
        sums[i] = (struct sum){.id = (int64_t)i, .in = {bad, bad + good}};
    }
    if (n > 0)
        qsort(sums, n, sizeof *sums, most_failed_first);
    for (size_t i = 0; i < n; i++)
        names[i] = v[sums[i].id].name;
    write_sums(&q->w, "nodes", "node", names, sums, n);
}

bool analysis_tops(struct request *q, struct rp_db *db, struct sums *s, const struct rows *r,
                   struct rp_err *err)
{
    struct rp_id_name *types, *queues;
    size_t n_types, n_queues;
    struct sum *by_type = RP_NEW_N(&q->arena, struct sum, s->n_types + 1);
    if (!rp_names(db, RP_NAMED_TYPES, &q->arena, &types, &n_types, err) ||
        !rp_names(db, RP_NAMED_QUEUES, &q->arena, &queues, &n_queues, err))
        return false;
    if (s->n_types > 0) { /* a copy: the patterns count by place */
        memcpy(by_type, s->types, s->n_types * sizeof *by_type);
        qsort(by_type, s->n_types, sizeof *by_type, most_failed_first);
        qsort(s->queues, s->n_queues, sizeof *s->queues, most_failed_first);
    }
    struct rp_str *names = analysis_names(q, by_type, s->n_types, types, n_types);
    write_sums(&q->w, "types", "type", names, by_type, s->n_types);
    write_onsets(&q->w, s, names, by_type);
    write_sums(&q->w, "queues", "queue",
               analysis_names(q, s->queues, s->n_queues, queues, n_queues), s->queues, s->n_queues);
    write_nodes(q, s, r);
    return true;
}
