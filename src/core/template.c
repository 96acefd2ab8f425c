#include "core/template.h"

static bool field_of(struct rp_str name, enum rp_log_field *out)
{
    static const char *const names[] = {
#define X(sym, name) name,
        RP_LOG_FIELDS(X)
#undef X
    };
    for (int i = 0; i < RP_FIELDS_N; i++)
        if (rp_str_is(name, names[i])) {
            *out = (enum rp_log_field)i;
            return true;
        }
    return false;
}

static bool has(const struct rp_log_template *t, enum rp_log_field field)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].field == field)
            return true;
    return false;
}

static struct rp_str part(struct rp_str s, size_t from, size_t to)
{
    return (struct rp_str){s.p + from, to - from};
}

/* One "{name}" whose brace opens at `open`, with the literal in front of it. */
static bool add_field(struct rp_str text, size_t from, size_t open, size_t close,
                      struct rp_log_template *t, struct rp_err *err)
{
    struct rp_str name = part(text, open + 1, close);
    enum rp_log_field field;
    if (!field_of(name, &field)) {
        (void)rp_fail(err, RP_E_CONFIG, "there is no field {%.*s}", RP_FMT(name));
        return rp_hint(err, "fields: {time} {level} {type} {id} {event} {attempt} {error} {*}");
    }
    if (field != RP_FIELD_ANY && has(t, field))
        return rp_fail(err, RP_E_CONFIG, "{%.*s} comes twice", RP_FMT(name));
    if (t->n_parts > 0 && open == from) {
        (void)rp_fail(err, RP_E_CONFIG, "{%.*s} follows a field at once", RP_FMT(name));
        return rp_hint(err, "put the text between them that ends the first");
    }
    if (t->n_parts == RP_TEMPLATE_PARTS)
        return rp_fail(err, RP_E_CONFIG, "more than %d fields", RP_TEMPLATE_PARTS);
    t->parts[t->n_parts].before = part(text, from, open);
    t->parts[t->n_parts++].field = field;
    return true;
}

static bool enough(const struct rp_log_template *t, struct rp_err *err)
{
    if (!has(t, RP_FIELD_EVENT)) {
        (void)rp_fail(err, RP_E_CONFIG, "no {event}: nothing tells what happened");
        return rp_hint(err, "put {event} where words such as started and failed stand");
    }
    if (!has(t, RP_FIELD_TYPE) && !has(t, RP_FIELD_ID)) {
        (void)rp_fail(err, RP_E_CONFIG, "neither {type} nor {id}: nothing tells whose line it is");
        return rp_hint(err, "put {type} where the job's name stands");
    }
    return true;
}

bool rp_template_parse(struct rp_str text, struct rp_log_template *t, size_t *at,
                       struct rp_err *err)
{
    size_t from = 0;
    t->n_parts = 0;
    for (size_t i = 0; i < text.n; i++) {
        *at = i;
        if (text.p[i] == '}')
            return rp_fail(err, RP_E_CONFIG, "} without {");
        if (text.p[i] != '{')
            continue;
        size_t close = i + 1;
        while (close < text.n && text.p[close] != '}' && text.p[close] != '{')
            close++;
        if (close == text.n || text.p[close] != '}')
            return rp_fail(err, RP_E_CONFIG, "{ without }");
        if (!add_field(text, from, i, close, t, err))
            return false;
        from = close + 1;
        i = close;
    }
    *at = 0;
    t->rest = part(text, from, text.n);
    return enough(t, err);
}
