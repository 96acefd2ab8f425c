/* Deploy marks. */
#include "api/handlers.h"

enum { TYPES_MAX = 100, VERSION_MAX = 200 };

struct deploy_in {
    struct rp_strs types;
    struct rp_str version, reason;
};

static bool types_field(struct rp_json *r, struct rp_strs *out)
{
    out->v = RP_NEW_N(r->arena, struct rp_str, TYPES_MAX);
    r->max_items = TYPES_MAX;
    (void)rp_json_array(r);
    while (rp_json_item(r) && rp_json_str(r, &out->v[out->n]))
        out->n++;
    return !r->failed;
}

static bool version_field(struct rp_json *r, struct rp_str *out)
{
    return rp_json_str(r, out) &&
           ((out->n > 0 && out->n <= VERSION_MAX) ||
            rp_json_bad(r, RP_E_BAD_FIELD, "a version has 1 to %d bytes", VERSION_MAX));
}

bool p_deploy(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"types", "version", "reason", NULL};
    struct deploy_in *in = RP_NEW(&q->arena, struct deploy_in);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 0   ? types_field(r, &in->types)
               : f == 1 ? version_field(r, &in->version)
                        : rp_json_str(r, &in->reason));
    if (!rp_json_done(r, err))
        return false;
    return in->types.n > 0 ||
           rp_fail(err, RP_E_BAD_FIELD, "types is missing: the job types that were deployed");
}

static bool answer_deploys(struct request *q, struct rp_db *db, struct rp_str type, int limit,
                           int status, struct rp_err *err)
{
    struct rp_deploy *rows;
    size_t n;
    if (!rp_deploys_list(db, type, limit, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, status);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_deploy(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

bool r_deploy(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct deploy_in *in = q->in;
    return rp_deploy_mark(db, &in->types, in->version, q->actor, in->reason, request_now(q), err) &&
           answer_deploys(q, db, RP_NONE, (int)in->types.n, 201, err);
}

bool r_deploys(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"type", "limit", NULL};
    int64_t limit;
    return query_known(q, known, err) && query_i64(q, "limit", 1, 1000, 50, &limit, err) &&
           answer_deploys(q, db, query(q, "type"), (int)limit, 200, err);
}
