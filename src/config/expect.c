/* Kinds of the success contract. */
#include "config/internal.h"

#include "base/json_pointer.h"

static bool read_min_bytes(struct load *l, const struct row *row, const struct node *v,
                           const struct owners *o)
{
    struct rp_contract *e = &((struct rp_type *)o->of[OF_TYPE])->expect;
    static const struct rp_str tail = {"% of usual", 10};
    static const char want[] = "a size, or a share such as 50% of usual";
    double share;
    if (!rp_scalar_want(l, row, v, want))
        return false;
    if (rp_bytes_parse(v->text, &e->min_bytes))
        return true;
    struct rp_str number = {v->text.p, v->text.n > tail.n ? v->text.n - tail.n : 0};
    if (rp_str_ends(v->text, tail.p) && rp_number_parse(number, &share) && share > 0 &&
        share <= 1000) {
        e->min_bytes_of_usual = share / 100;
        return true;
    }
    return rp_mistake(l, v->from, "min_bytes: found %s, expected %s", rp_shown(v), want);
}
const struct kind rp_kind_min_bytes = {"size or share of usual", read_min_bytes};

/* The operator at the front of a condition; none means `=`. */
static const char *take_op(struct rp_str *s)
{
    static const char *const ops[] = {">=", "<=", "!=", "==", ">", "<", "="};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (!rp_str_starts(*s, ops[i]))
            continue;
        s->p += strlen(ops[i]);
        s->n -= strlen(ops[i]);
        *s = rp_str_trim(*s);
        return strcmp(ops[i], "==") == 0 ? "=" : ops[i];
    }
    return "=";
}

static bool one_result(struct load *l, const struct row *row, const struct child *c,
                       struct rp_contract_term *out)
{
    struct rp_str value = rp_str_trim(c->value->text);
    double number;
    if (!rp_scalar_want(l, row, c->value, "a condition such as \">0\""))
        return false;
    if (!rp_pointer_valid(c->key->text))
        return rp_mistake(l, c->key->from, "result: %s is not a JSON pointer such as /rows",
                          rp_shown(c->key));
    const char *op = take_op(&value);
    if ((op[0] == '<' || op[0] == '>') && !rp_number_parse(value, &number))
        return rp_mistake(l, c->value->from, "result: found %s, expected a number after %s",
                          rp_shown(c->value), op);
    out->pointer = rp_str_dup(l->keep, c->key->text);
    (void)memcpy(out->op, op, strlen(op) + 1);
    out->value = rp_str_dup(l->keep, value);
    return true;
}

static bool read_result(struct load *l, const struct row *row, const struct node *v,
                        const struct owners *o)
{
    struct rp_contract *e = &((struct rp_type *)o->of[OF_TYPE])->expect;
    bool ok = rp_map_want(l, row->key, v);
    if (ok && v->n > RP_CONTRACT_TERMS_MAX)
        return rp_mistake(l, v->from, "result: %zu conditions, at most %d", v->n,
                          RP_CONTRACT_TERMS_MAX);
    struct rp_contract_term *all = RP_NEW_N(l->keep, struct rp_contract_term, v->n + 1);
    size_t n = 0;
    for (const struct child *c = v->first; ok && c != NULL; c = c->next)
        ok = one_result(l, row, c, &all[n++]);
    e->result = all;
    e->n_result = ok ? n : 0;
    return ok;
}
const struct kind rp_kind_result = {"map of conditions", read_result};
