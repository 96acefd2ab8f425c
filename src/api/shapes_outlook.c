/* The JSON shapes of what a replay can expect: of one pattern, of a plan. What is not known is left
 * out; the counts are always there. */
#include "api/shapes.h"

enum { PATTERNS_SHOWN = 20 };

static void tried(struct rp_jw *w, const char *key, struct rp_tried t)
{
    rp_jw_key(w, key);
    rp_jw_object(w);
    rp_jw_m_i64(w, "runs", t.n);
    rp_jw_m_i64(w, "succeeded", t.succeeded);
    rp_jw_object_end(w);
}

static void expected(struct rp_jw *w, const struct rp_outlook *o)
{
    if (o->from == RP_OUTLOOK_NOT_KNOWN)
        return;
    rp_jw_key(w, "expected");
    rp_jw_object(w);
    rp_jw_m_cstr(w, "from", rp_outlook_from_name(o->from));
    rp_jw_m_i64(w, "runs", o->of.n);
    rp_jw_m_i64(w, "succeeded", o->of.succeeded);
    rp_jw_m_f64(w, "rate", o->succeed.mid);
    rp_jw_m_f64(w, "low", o->succeed.low);
    rp_jw_m_f64(w, "high", o->succeed.high);
    rp_jw_object_end(w);
}

void shape_tries(struct rp_jw *w, const struct rp_tries *t)
{
    struct rp_outlook o;
    rp_outlook(t, &o);
    rp_jw_key(w, "outlook");
    rp_jw_object(w);
    tried(w, "retries", t->retries);
    tried(w, "replays", t->replays);
    expected(w, &o);
    rp_jw_object_end(w);
}

void shape_plan_outlook(struct rp_jw *w, const struct rp_plan_outlook *o)
{
    rp_jw_key(w, "outlook");
    rp_jw_object(w);
    rp_jw_m_i64(w, "known", o->known);
    rp_jw_m_i64(w, "not_known", o->not_known);
    if (o->known > 0) {
        rp_jw_m_f64(w, "succeed", o->mid);
        rp_jw_m_f64(w, "low", o->low);
        rp_jw_m_f64(w, "high", o->high);
    }
    rp_jw_key(w, "patterns");
    rp_jw_array(w);
    for (size_t i = 0; i < o->n_patterns && i < PATTERNS_SHOWN; i++) {
        rp_jw_object(w);
        shape_prefixed_id(w, "pattern", "P", o->patterns[i].pattern_id);
        rp_jw_m_i64(w, "items", o->patterns[i].items);
        expected(w, &o->patterns[i].outlook);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
    rp_jw_object_end(w);
}
