/* The JSON shapes of patterns: one level or two, alone and in lists. */
#include "api/shapes.h"

#include <stdio.h>

/* What only a question for one pattern finds. */
static void pattern_parts(struct rp_jw *w, const struct rp_pattern *p)
{
    char id[32];
    if (p->n_parts > 0) {
        rp_jw_key(w, "parts");
        rp_jw_array(w);
        for (size_t i = 0; i < p->n_parts; i++) {
            (void)snprintf(id, sizeof id, "P%lld", (long long)p->parts[i]);
            rp_jw_str(w, rp_str_of(id));
        }
        rp_jw_array_end(w);
    }
    if (p->n_stacks > 0) {
        rp_jw_key(w, "stacks");
        rp_jw_array(w);
        for (size_t i = 0; i < p->n_stacks; i++) {
            rp_jw_object(w);
            rp_jw_m_str(w, "frames", p->stacks[i].frames);
            rp_jw_m_i64(w, "failures", p->stacks[i].failures);
            rp_jw_object_end(w);
        }
        rp_jw_array_end(w);
    }
}

void shape_levels(struct rp_jw *w, const struct rp_pattern *p)
{
    rp_jw_m_str(w, "inner", p->inner);
    if (p->outer.id == 0)
        return;
    rp_jw_key(w, "outer");
    rp_jw_object(w);
    shape_prefixed_id(w, "id", "P", p->outer.id);
    rp_jw_m_str(w, "template", p->outer.template);
    rp_jw_m_str(w, "name", p->outer.name);
    if (p->outer.patterns > 0) {
        rp_jw_m_i64(w, "failures", p->outer.failures);
        rp_jw_m_i64(w, "patterns", p->outer.patterns);
    }
    rp_jw_object_end(w);
}

static void pattern_inners(struct rp_jw *w, const struct rp_pattern *p)
{
    if (p->n_inners == 0)
        return;
    rp_jw_key(w, p->wraps ? "inners" : "siblings");
    rp_jw_array(w);
    for (size_t i = 0; i < p->n_inners; i++) {
        const struct rp_pattern_inner *x = &p->inners[i];
        rp_jw_object(w);
        shape_prefixed_id(w, "id", "P", x->id);
        rp_jw_m_str(w, "template", x->template);
        rp_jw_m_str(w, "inner", x->inner);
        rp_jw_m_str(w, "name", x->name);
        rp_jw_m_str(w, "class", x->class);
        rp_jw_m_str(w, "action", x->action);
        rp_jw_m_i64(w, "failures", x->failures);
        rp_jw_m_time(w, "last", x->last_us);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
}

void shape_pattern(struct rp_jw *w, const struct rp_pattern *p)
{
    rp_jw_object(w);
    shape_prefixed_id(w, "id", "P", p->id);
    rp_jw_m_str(w, "template", p->template);
    shape_levels(w, p);
    rp_jw_m_str(w, "class", p->class);
    rp_jw_m_str(w, "group", p->group);
    rp_jw_m_str(w, "action", p->action);
    rp_jw_m_str(w, "name", p->name);
    rp_jw_m_str(w, "rule", p->rule);
    rp_jw_m_i64(w, "failures", p->failures);
    rp_jw_m_time(w, "first", p->first_us);
    rp_jw_m_time(w, "last", p->last_us);
    shape_tries(w, &p->tries);
    pattern_parts(w, p);
    pattern_inners(w, p);
    rp_jw_object_end(w);
}
