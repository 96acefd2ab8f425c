/* API tokens. The secret leaves once, with the answer of its creation. */
#include "api/handlers.h"

struct token_in {
    struct rp_str name, scope_name;
    enum rp_scope scope;
    double expires_s; /* 0: never */
};

bool p_token(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"name", "scope", "expires_s", NULL};
    struct token_in *in = RP_NEW(&q->arena, struct token_in);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 0   ? rp_json_str(r, &in->name)
               : f == 1 ? rp_json_str(r, &in->scope_name)
                        : rp_json_f64(r, &in->expires_s));
    if (!rp_json_done(r, err))
        return false;
    if (!rp_scope_of_name(in->scope_name, &in->scope)) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not a scope", RP_FMT(in->scope_name));
        return rp_hint(err, "use read, enqueue, work, operate, purge or admin");
    }
    if ((seen & 4) != 0 && (in->expires_s < 1 || in->expires_s > 100 * 366 * 86400.0))
        return rp_fail(err, RP_E_BAD_FIELD, "expires_s must be from 1 second to 100 years");
    return true;
}

bool r_token_create(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct token_in *in = q->in;
    struct rp_token t;
    char secret[64];
    int64_t now = request_now(q);
    int64_t expires = in->expires_s > 0 ? now + (int64_t)(in->expires_s * 1e6) : 0;
    if (q->idempotency_key.n > 0) /* its answer would be kept, and the secret with it */
        return rp_fail(err, RP_E_BAD_FIELD, "a token cannot be made with an Idempotency-Key") ||
               rp_hint(err, "leave the header out; revoke a token that got lost");
    if (!rp_token_create(db, in->name, in->scope, expires, q->actor, now, secret, &t, err))
        return false;
    answer_begin(q, 201);
    rp_jw_object(&q->w);
    rp_jw_m_id(&q->w, "id", t.id);
    rp_jw_m_cstr(&q->w, "token", secret);
    rp_jw_m_cstr(&q->w, "scope", rp_scope_name(t.scope));
    rp_jw_m_str(&q->w, "name", t.name);
    rp_jw_m_time(&q->w, "expires", t.expires_us);
    rp_jw_object_end(&q->w);
    return true;
}

bool r_tokens(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_token *rows;
    size_t n;
    if (!no_query(q, err) || !rp_tokens_list(db, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_token(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

bool r_token_revoke(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_token *rows;
    size_t n, i = 0;
    if (!capture_id(q, 0, "", &id, err) ||
        !rp_token_revoke(db, id, q->actor, request_now(q), err) ||
        !rp_tokens_list(db, &q->arena, &rows, &n, err))
        return false;
    while (i < n && rows[i].id != id)
        i++;
    if (i == n)
        return rp_absent_id(err, "token ", id, "reprise token list");
    answer_begin(q, 200);
    shape_token(&q->w, &rows[i]);
    return true;
}
