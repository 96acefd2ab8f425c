/* Dependencies: what is known of them, and fresh checks. */
#include "api/handlers.h"

#include "deps/deps.h"

bool r_deps(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct rp_str *only = q->in; /* of a check; absent: all */
    struct rp_dep_row *rows;
    size_t n;
    if (!no_query(q, err) || !rp_deps_list(db, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        if (rows[i].active && (only == NULL || only->p == NULL || rp_str_eq(*only, rows[i].name)))
            shape_dependency(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

/* ---- checks: authenticate on a reader, ask, and answer by a read of its own once they are done
 * ---- */

bool p_deps_check(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"name", NULL};
    struct rp_str *name = RP_NEW(&q->arena, struct rp_str);
    uint64_t seen = 0;
    q->in = name;
    if (q->body.n == 0)
        return true;
    struct rp_json *r = body_json(q);
    (void)rp_json_object(r);
    while (rp_json_field(r, fields, &seen) >= 0)
        (void)rp_json_str(r, name);
    return rp_json_done(r, err);
}

static void answer(struct rp_db *db, void *arg)
{
    struct request *q = arg;
    struct rp_err err;
    if (!r_deps(q, db, &err))
        answer_problem(q, &err);
    request_finish(q);
}

static void checked(void *ctx)
{
    struct request *q = ctx;
    struct rp_err err;
    q->read = (struct rp_read){.run = answer, .arg = q};
    if (!rp_engine_read(q->api->engine, &q->read, &err))
        request_refuse(q, &err);
}

static void ask(struct rp_db *db, void *arg)
{
    struct request *q = arg;
    struct rp_err err;
    if (!request_authenticate(q, db, &err) ||
        !rp_deps_ask(q->api->deps, *(struct rp_str *)q->in, checked, q, &err))
        request_refuse(q, &err);
}

bool r_deps_check(struct request *q, struct rp_db *db, struct rp_err *err)
{
    (void)db;
    q->read = (struct rp_read){.run = ask, .arg = q};
    return rp_engine_read(q->api->engine, &q->read, err);
}
