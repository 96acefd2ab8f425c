/* Any YAML value as JSON: the core schema's null, true, false and those numbers that JSON has too;
 * all else is text. */
#include "config/internal.h"

#include "base/json.h"

static size_t digits(struct rp_str s, size_t i)
{
    size_t from = i;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    return i - from;
}

static bool json_number(struct rp_str s)
{
    size_t i = s.n > 0 && s.p[0] == '-', n = digits(s, i);
    if (n == 0 || (n > 1 && s.p[i] == '0'))
        return false;
    i += n;
    if (i < s.n && s.p[i] == '.') {
        if ((n = digits(s, i + 1)) == 0)
            return false;
        i += 1 + n;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
        if ((n = digits(s, i)) == 0)
            return false;
        i += n;
    }
    return i == s.n;
}

/* What YAML reads as a number and JSON cannot write as it stands: +1, 007, 0x1f, 0o7, .5, 1., .inf,
 * .nan. */
static bool only_yaml_number(struct rp_str s)
{
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'), n = digits(s, i);
    struct rp_str rest = {s.p + i, s.n - i};
    if (rp_str_is(rest, ".inf") || rp_str_is(rest, ".nan"))
        return true;
    if (rest.n > 2 && (rp_str_starts(rest, "0x") || rp_str_starts(rest, "0o")))
        return strspn(rest.p + 2, "0123456789abcdefABCDEF") >= rest.n - 2;
    size_t fraction = i + n < s.n && s.p[i + n] == '.' ? 1 + digits(s, i + n + 1) : 0;
    return n + fraction > (fraction > 0) && i + n + fraction == s.n;
}

static bool one_of(struct rp_str s, const char *a, const char *b, const char *c)
{
    return rp_str_is(s, a) || rp_str_is(s, b) || rp_str_is(s, c);
}

static bool write_scalar(struct load *l, struct rp_jw *w, const struct node *v)
{
    if (rp_node_is_null(v))
        rp_jw_null(w);
    else if (v->plain && one_of(v->text, "true", "True", "TRUE"))
        rp_jw_bool(w, true);
    else if (v->plain && one_of(v->text, "false", "False", "FALSE"))
        rp_jw_bool(w, false);
    else if (v->plain && json_number(v->text))
        rp_jw_raw(w, v->text);
    else if (v->plain && only_yaml_number(v->text)) {
        (void)rp_mistake(l, v->from, "payload: JSON has no number like %s", rp_shown(v));
        return rp_mistake_hint(l, "quote it, or write it as JSON does");
    } else
        rp_jw_str(w, v->text);
    return true;
}

static bool write_value(struct load *l, struct rp_jw *w, const struct node *v)
{
    bool ok = true;
    if (v->kind == NODE_SCALAR)
        return write_scalar(l, w, v);
    if (v->kind == NODE_MAP)
        rp_jw_object(w);
    else
        rp_jw_array(w);
    for (const struct child *c = v->first; c != NULL; c = c->next) {
        if (c->key != NULL)
            rp_jw_key_str(w, c->key->text);
        ok = write_value(l, w, c->value) && ok;
    }
    if (v->kind == NODE_MAP)
        rp_jw_object_end(w);
    else
        rp_jw_array_end(w);
    return ok;
}

struct rp_str rp_payload_json(struct load *l, const struct node *v)
{
    struct rp_buf out = {.limit = RP_CONFIG_BYTES_MAX};
    struct rp_jw w = {.out = &out};
    bool ok = write_value(l, &w, v);
    if (ok && out.overflow)
        ok = rp_mistake(l, v->from, "payload: larger than %d MB", RP_CONFIG_BYTES_MAX >> 20);
    struct rp_str json = ok ? rp_str_dup(l->keep, rp_buf_view(&out)) : RP_NONE;
    rp_buf_free(&out);
    return json;
}
