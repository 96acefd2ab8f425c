#include "base/json_pointer.h"

#include "base/json.h"

bool rp_pointer_valid(struct rp_str s)
{
    if ((s.n > 0 && s.p[0] != '/') || !rp_utf8_valid(s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '~' && (i + 1 == s.n || (s.p[i + 1] != '0' && s.p[i + 1] != '1')))
            return false;
    return true;
}

/* "0", "12": no sign, no leading zero (RFC 6901, 4). */
static bool index_of(struct rp_str token, uint64_t *out)
{
    return rp_str_u64(token, out) && (token.n == 1 || token.p[0] != '0');
}

/* The value at one token inside an object or array. */
static bool step(struct rp_arena *a, struct rp_str value, struct rp_str token, struct rp_str *out)
{
    struct rp_json r;
    struct rp_str key, raw;
    rp_json_open(&r, value, a);
    r.max_items = SIZE_MAX;
    if (rp_json_peek(&r) == RP_JSON_OBJECT) {
        (void)rp_json_object(&r);
        while (rp_json_member(&r, &key) && rp_json_raw(&r, &raw))
            if (rp_str_eq(key, token)) {
                *out = raw;
                return true;
            }
        return false;
    }
    uint64_t want, i = 0;
    if (rp_json_peek(&r) != RP_JSON_ARRAY || !index_of(token, &want) || !rp_json_array(&r))
        return false;
    for (; rp_json_item(&r) && rp_json_raw(&r, &raw); i++)
        if (i == want) {
            *out = raw;
            return true;
        }
    return false;
}

static struct rp_str unescape(struct rp_arena *a, struct rp_str token)
{
    char *p = rp_alloc(a, token.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < token.n; i++) {
        bool escape = token.p[i] == '~' && i + 1 < token.n;
        p[n++] = !escape ? token.p[i] : token.p[++i] == '1' ? '/' : '~';
    }
    return (struct rp_str){p, n};
}

bool rp_pointer_get(struct rp_arena *a, struct rp_str doc, struct rp_str pointer,
                    struct rp_str *out)
{
    struct rp_str rest = pointer, token;
    *out = doc;
    if (pointer.n == 0)
        return doc.p != NULL;
    (void)rp_str_split(&rest, '/', &token); /* the empty part before the first slash */
    while (rp_str_split(&rest, '/', &token))
        if (!step(a, *out, unescape(a, token), out))
            return false;
    return true;
}

/* ---- another value ---- */

/* `part` is a slice of `doc`; what it covers becomes `text`. */
static struct rp_str splice(struct rp_arena *a, struct rp_str doc, struct rp_str part,
                            struct rp_str text)
{
    struct rp_buf b = {0};
    const char *end = part.p + part.n;
    rp_buf_add(&b, doc.p, (size_t)(part.p - doc.p));
    rp_buf_add(&b, text.p, text.n);
    rp_buf_add(&b, end, (size_t)(doc.p + doc.n - end));
    struct rp_str out = rp_str_dup(a, rp_buf_view(&b));
    rp_buf_free(&b);
    return out;
}

/* The name of a new member, and the value that shall get it. */
static bool split_last(struct rp_str pointer, struct rp_str *parent, struct rp_str *name)
{
    size_t at = pointer.n;
    while (at > 0 && pointer.p[at - 1] != '/')
        at--;
    if (at == 0)
        return false;
    *parent = (struct rp_str){pointer.p, at - 1};
    *name = (struct rp_str){pointer.p + at, pointer.n - at};
    return true;
}

static bool is_empty(struct rp_arena *a, struct rp_str object)
{
    struct rp_json r;
    struct rp_str key;
    rp_json_open(&r, object, a);
    return rp_json_object(&r) && !rp_json_member(&r, &key);
}

/* Before the brace that closes the object. */
static struct rp_str add_member(struct rp_arena *a, struct rp_str doc, struct rp_str object,
                                struct rp_str name, struct rp_str value)
{
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b, .comma = !is_empty(a, object)};
    rp_jw_key_str(&w, name);
    rp_jw_raw(&w, value);
    struct rp_str out =
        splice(a, doc, (struct rp_str){object.p + object.n - 1, 0}, rp_buf_view(&b));
    rp_buf_free(&b);
    return out;
}

bool rp_pointer_set(struct rp_arena *a, struct rp_str doc, struct rp_str pointer,
                    struct rp_str value, struct rp_str *out)
{
    struct rp_str part, parent, name;
    if (pointer.n == 0) {
        *out = value;
        return true;
    }
    if (rp_pointer_get(a, doc, pointer, &part)) {
        *out = splice(a, doc, part, value);
        return true;
    }
    if (doc.p == NULL || !split_last(pointer, &parent, &name) ||
        !rp_pointer_get(a, doc, parent, &part))
        return false;
    part = rp_str_trim(part);
    if (part.n == 0 || part.p[0] != '{')
        return false;
    *out = add_member(a, doc, part, unescape(a, name), value);
    return true;
}
