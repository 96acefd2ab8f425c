/* Reading a request's parts, writing its answer. */
#include "api/internal.h"

#include <stdio.h>

static bool hex_digit(char c, unsigned *v)
{
    if (c >= '0' && c <= '9')
        *v = (unsigned)(c - '0');
    else if ((c | 32) >= 'a' && (c | 32) <= 'f')
        *v = (unsigned)((c | 32) - 'a' + 10);
    else
        return false;
    return true;
}

bool url_decode(struct rp_arena *a, struct rp_str s, struct rp_str *out)
{
    char *p = rp_alloc(a, s.n + 1);
    size_t n = 0;
    unsigned hi, lo;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            p[n++] = s.p[i];
            continue;
        }
        if (i + 2 >= s.n || !hex_digit(s.p[i + 1], &hi) || !hex_digit(s.p[i + 2], &lo) ||
            (hi == 0 && lo == 0))
            return false;
        p[n++] = (char)(hi << 4 | lo);
        i += 2;
    }
    *out = (struct rp_str){p, n};
    return n > 0;
}

/* ---- answers ---- */

void answer_begin(struct request *q, int status)
{
    q->status = status;
    q->out.n = 0;
    q->content_type = "application/json";
    q->w = (struct rp_jw){.out = &q->out};
}

void answer_header(struct request *q, const char *name, struct rp_str value)
{
    if (q->n_headers < (int)(sizeof q->header / sizeof *q->header)) {
        q->header[q->n_headers].name = name;
        q->header[q->n_headers++].value = rp_str_dup(&q->arena, value);
    }
}

void answer_text(struct request *q, int status, struct rp_str text)
{
    answer_begin(q, status);
    q->content_type = "text/plain; charset=utf-8";
    rp_buf_str(&q->out, text);
}

static void problem_members(struct request *q, const struct rp_err *err, int status)
{
    struct rp_str type = rp_str_fmt(&q->arena, "urn:reprise:problem:%s", rp_code_slug(err->code));
    rp_jw_object(&q->w);
    rp_jw_m_str(&q->w, "type", type);
    rp_jw_m_cstr(&q->w, "title", rp_code_title(err->code));
    rp_jw_m_i64(&q->w, "status", status);
    rp_jw_m_cstr(&q->w, "detail", err->message);
    if (err->hint[0] != '\0')
        rp_jw_m_cstr(&q->w, "hint", err->hint);
}

void problem_object(struct request *q, const struct rp_err *err)
{
    problem_members(q, err, rp_code_http(err->code));
    rp_jw_object_end(&q->w);
}

void problem_begin(struct request *q, const struct rp_err *err, int status)
{
    if (status == 0)
        status = rp_code_http(err->code);
    answer_begin(q, status);
    q->content_type = "application/problem+json";
    problem_members(q, err, status);
    if (status == 503)
        answer_header(q, "Retry-After", RP_STR("1"));
    if (status == 401)
        answer_header(q, "WWW-Authenticate", RP_STR("Bearer"));
}

void answer_problem(struct request *q, const struct rp_err *err)
{
    problem_begin(q, err, 0);
    rp_jw_object_end(&q->w);
}

/* ---- query parameters ---- */

struct rp_str query(struct request *q, const char *name)
{
    const char *raw = MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, name);
    struct rp_str out = RP_NONE;
    if (raw == NULL)
        return RP_NONE;
    return url_decode(&q->arena, rp_str_of(raw), &out) ? out : RP_STR("");
}

bool query_i64(struct request *q, const char *name, int64_t lo, int64_t hi, int64_t fallback,
               int64_t *out, struct rp_err *err)
{
    struct rp_str s = query(q, name);
    *out = fallback;
    if (s.p == NULL)
        return true;
    if (rp_str_i64(s, out) && *out >= lo && *out <= hi)
        return true;
    (void)rp_fail(err, RP_E_BAD_FIELD, "%s=%.*s is not a number from %lld to %lld", name, RP_FMT(s),
                  (long long)lo, (long long)hi);
    return rp_hint(err, "leave %s out for %lld", name, (long long)fallback);
}

bool query_time(struct request *q, const char *name, int64_t *us, struct rp_err *err)
{
    struct rp_str s = query(q, name);
    *us = 0;
    return s.p == NULL || rp_time_parse_user(s, request_now(q), us, err);
}

bool query_bool(struct request *q, const char *name, bool *out, struct rp_err *err)
{
    struct rp_str s = query(q, name);
    *out = rp_str_is(s, "true") || rp_str_is(s, "1");
    if (s.p == NULL || *out || rp_str_is(s, "false") || rp_str_is(s, "0"))
        return true;
    return rp_fail(err, RP_E_BAD_FIELD, "%s=%.*s is neither true nor false", name, RP_FMT(s));
}

struct known {
    struct request *q;
    const char *const *names;
    uint64_t seen;
    struct rp_err *err;
    bool bad;
};

static bool not_known(struct known *k, const char *key)
{
    (void)rp_fail(k->err, RP_E_UNKNOWN_FIELD, "the parameter \"%s\" is not known here", key);
    struct rp_buf list = {.limit = 200};
    for (const char *const *n = k->names; *n != NULL; n++)
        rp_buf_fmt(&list, "%s%s", n == k->names ? "" : " ", *n);
    if (list.n > 0)
        (void)rp_hint(k->err, "use one of: %.*s", RP_FMT(rp_buf_view(&list)));
    else
        (void)rp_hint(k->err, "this path takes none");
    rp_buf_free(&list);
    return false;
}

static bool parameter(struct known *k, const char *key, const char *value)
{
    struct rp_str decoded;
    size_t i = 0;
    while (k->names[i] != NULL && strcmp(k->names[i], key) != 0)
        i++;
    if (k->names[i] == NULL)
        return not_known(k, key);
    bool again = (k->seen & UINT64_C(1) << i) != 0 && strcmp(key, "where") != 0;
    k->seen |= UINT64_C(1) << i;
    if (again)
        return rp_fail(k->err, RP_E_BAD_FIELD, "the parameter \"%s\" is there twice", key);
    if (value == NULL || !url_decode(&k->q->arena, rp_str_of(value), &decoded) ||
        !rp_utf8_valid(decoded)) {
        (void)rp_fail(k->err, RP_E_BAD_FIELD, "the parameter \"%s\" has no value that can be read",
                      key);
        return rp_hint(k->err, "leave it out, or write %s=… percent-encoded in UTF-8", key);
    }
    return true;
}

static enum MHD_Result check_known(void *cls, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    (void)kind;
    struct known *k = cls;
    k->bad = !parameter(k, key, value);
    return k->bad ? MHD_NO : MHD_YES;
}

bool query_known(struct request *q, const char *const *names, struct rp_err *err)
{
    struct known k = {.q = q, .names = names, .err = err};
    (void)MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, check_known, &k);
    return !k.bad;
}

bool no_query(struct request *q, struct rp_err *err)
{
    static const char *const none[] = {NULL};
    return query_known(q, none, err);
}

struct each {
    struct request *q;
    const char *name;
    void (*take)(void *ctx, struct rp_str value);
    void *ctx;
};

static enum MHD_Result each_value(void *cls, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    (void)kind;
    struct each *e = cls;
    struct rp_str out;
    if (strcmp(key, e->name) == 0 && value != NULL &&
        url_decode(&e->q->arena, rp_str_of(value), &out))
        e->take(e->ctx, out);
    return MHD_YES;
}

void query_each(struct request *q, const char *name, void (*take)(void *ctx, struct rp_str value),
                void *ctx)
{
    struct each e = {q, name, take, ctx};
    (void)MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, each_value, &e);
}

bool capture_id(struct request *q, int i, const char *prefix, int64_t *id, struct rp_err *err)
{
    struct rp_str s = q->capture[i];
    if (rp_str_starts(s, prefix)) {
        struct rp_str digits = {s.p + strlen(prefix), s.n - strlen(prefix)};
        if (rp_str_i64(digits, id) && *id > 0)
            return true;
    }
    (void)rp_fail(err, RP_E_NOT_FOUND, "\"%.*s\" is not an id of this kind", RP_FMT(s));
    return rp_hint(err, "an id looks like %s12", prefix);
}

struct rp_json *body_json(struct request *q)
{
    struct rp_json *r = RP_NEW(&q->arena, struct rp_json);
    rp_json_open(r, rp_buf_view(&q->body), &q->arena);
    return r;
}

int64_t request_now(struct request *q)
{
    return rp_wall(rp_engine_clock(q->api->engine));
}
