/* Runs and failures over time, and when failing began, as members of an answer: for what is read
 * without a daemon. */
#include "cli/analyze.h"

#include "analyze/onset.h"

static void series(struct rp_jw *w, const char *key, const struct rp_bins *b, size_t each,
                   bool failed)
{
    rp_jw_key(w, key);
    rp_jw_array(w);
    for (size_t i = 0; i < b->n; i += each) {
        uint64_t n = 0;
        for (size_t k = i; k < b->n && k < i + each; k++)
            n += failed ? b->v[k].failed : b->v[k].runs;
        rp_jw_i64(w, (int64_t)n);
    }
    rp_jw_array_end(w);
}

static void timeline(struct rp_jw *w, const struct rp_bins *b)
{
    enum { POINTS = 96 };
    size_t each = (b->n + POINTS - 1) / POINTS;
    rp_jw_key(w, "timeline");
    rp_jw_object(w);
    rp_jw_m_time(w, "from", b->from_us);
    rp_jw_m_i64(w, "step_s", b->width_us / RP_US_S * (int64_t)each);
    series(w, "runs", b, each, false);
    series(w, "failures", b, each, true);
    rp_jw_object_end(w);
}

/* When failing began, of the whole period. */
static void onset(struct rp_jw *w, const struct rp_bins *b)
{
    struct rp_onset o;
    rp_onset_find(b->v, b->n, false, &o);
    rp_onset_json(w, &o, b->from_us, b->width_us);
}

void timeline_json(struct rp_jw *w, const struct rp_bins *b)
{
    if (b->n == 0)
        return;
    timeline(w, b);
    onset(w, b);
}
