#include "analyze/contrast.h"
#include "base/json.h"

static void counts(struct rp_jw *w, const char *key, struct rp_counts n)
{
    rp_jw_key(w, key);
    rp_jw_object(w);
    rp_jw_m_i64(w, "failed", (int64_t)n.failed);
    rp_jw_m_i64(w, "runs", (int64_t)n.runs);
    rp_jw_object_end(w);
}

static void head(struct rp_jw *w, const struct rp_condition *c)
{
    rp_jw_object(w);
    rp_jw_key(w, "where");
    rp_jw_object(w);
    for (size_t i = 0; i < c->n_where; i++) {
        rp_jw_key_str(w, c->where[i].attribute);
        rp_jw_str(w, c->where[i].value);
    }
    rp_jw_object_end(w);
    counts(w, "inside", c->in);
    counts(w, "outside", c->out);
    rp_jw_m_f64(w, "lift", c->lift);
    rp_jw_m_f64(w, "q", c->q);
    rp_jw_m_f64(w, "coverage", c->coverage);
}

void rp_contrast_json(struct rp_jw *w, const struct rp_contrast_answer *answer)
{
    rp_jw_array(w);
    for (size_t i = 0; i < answer->n; i++) {
        const struct rp_condition *c = &answer->condition[i];
        head(w, c);
        rp_jw_key(w, "shadows");
        rp_jw_array(w);
        for (size_t k = 0; k < c->n_shadows; k++) {
            head(w, &c->shadows[k]);
            rp_jw_object_end(w);
        }
        rp_jw_array_end(w);
        if (c->more_shadows > 0)
            rp_jw_m_i64(w, "more_shadows", (int64_t)c->more_shadows);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
}
