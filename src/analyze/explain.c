#include "analyze/explain.h"

#include "analyze/internal.h"
#include "analyze/mining.h"

/* Is it the rest of a line that consists of that? */
static bool only(struct rp_str s, bool (*is)(char))
{
    for (size_t i = 0; i < s.n; i++)
        if (!is(s.p[i]))
            return false;
    return s.n > 0;
}

static bool starts(struct rp_str *s, const char *with)
{
    size_t n = strlen(with);
    if (s->n < n || memcmp(s->p, with, n) != 0)
        return false;
    *s = str_from(*s, n);
    return true;
}

/* What stands there where a job said nothing: no template has a part in it, and the number of an
 * exit code is all that there is to tell. */
static bool says_nothing(struct rp_str line)
{
    struct rp_str code = line, signal = line;
    return rp_str_is(line, "no message") || (starts(&code, "exit code ") && only(code, is_digit)) ||
           (starts(&signal, "ended by SIG") && only(signal, is_upper));
}

void rp_explain_failure(struct rp_mining *m, struct rp_arena *a,
                        const struct rp_failure_facts *facts, struct rp_report *r)
{
    struct rp_key key = rp_key_line(a, facts->message);
    struct rp_ruling v = rp_classify(a, facts, key.line);
    const struct rp_class_info *info = &rp_classes[v.class];
    r->error_group = rp_str_of(info->group);
    r->action = rp_str_of(info->action);
    r->facts.error_class = rp_str_of(info->name);
    r->facts.rule = rp_str_of(v.rule);
    r->frames = key.frames;
    r->template = key.line;
    r->form = RP_STR("");
    r->form_rules = RP_MINER_RULES;
    if (says_nothing(key.line))
        r->pattern_hash = rp_mining_hash(rp_hash64(key.line), r->facts.error_class);
    else
        rp_mining_form(m, a, key.line, r);
}
