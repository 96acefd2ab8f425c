#include "analyze/explain.h"

void rp_explain_failure(struct rp_arena *a, const struct rp_failure_facts *facts,
                        struct rp_report *r)
{
    struct rp_fingerprint f;
    rp_fingerprint(a, facts, &f);
    r->template = f.template;
    r->pattern_hash = f.hash;
    r->error_group = rp_str_of(f.group);
    r->action = rp_str_of(f.action);
    r->facts.error_class = rp_str_of(f.class_name);
    r->facts.rule = rp_str_of(f.rule);
}
