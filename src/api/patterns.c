/* Patterns of failures. */
#include "api/handlers.h"

#include "analyze/analyze.h"
#include "store/mined.h"

/* ---- patterns ---- */

bool r_patterns(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"since", "limit", NULL};
    int64_t since, limit;
    struct rp_pattern *rows;
    size_t n;
    if (!query_known(q, known, err) || !query_time(q, "since", &since, err) ||
        !query_i64(q, "limit", 1, 1000, 100, &limit, err) ||
        !rp_patterns_list(db, since, (int)limit, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_pattern(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

bool r_pattern(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_pattern row;
    if (!no_query(q, err) || !capture_id(q, 0, "P", &id, err) ||
        !rp_pattern_get(db, id, &q->arena, &row, err) ||
        !rp_pattern_inners(db, &q->arena, &row, err))
        return false;
    answer_begin(q, 200);
    shape_pattern(&q->w, &row);
    return true;
}

struct edit {
    struct rp_str name, class, group, action;
};

static bool known_class(struct edit *in, struct rp_err *err)
{
    enum rp_class class;
    if (!rp_class_of_name(in->class, &class)) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not a failure class", RP_FMT(in->class));
        return rp_hint(err,
                       "reprise patterns shows the classes there are; docs/openapi.yaml lists all");
    }
    in->group = rp_str_of(rp_classes[class].group);
    in->action = rp_str_of(rp_classes[class].action);
    return true;
}

bool p_pattern_edit(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"name", "class", NULL};
    struct edit *in = RP_NEW(&q->arena, struct edit);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)rp_json_str(r, f == 0 ? &in->name : &in->class);
    if (!rp_json_done(r, err))
        return false;
    if (seen == 0)
        return rp_fail(err, RP_E_BAD_FIELD, "give a name, a class, or both");
    return in->class.p == NULL || known_class(in, err);
}

bool r_pattern_edit(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct edit *in = q->in;
    int64_t id;
    return capture_id(q, 0, "P", &id, err) &&
           rp_pattern_edit(db, id, in->name, in->class, in->group, in->action, q->actor,
                           request_now(q), err) &&
           r_pattern(q, db, err);
}

/* ---- one or several: a person knows better ---- */

struct merge {
    struct rp_str with, reason;
    int64_t other;
};

bool p_pattern_merge(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"with", "reason", NULL};
    struct rp_json *r = body_json(q);
    struct merge *in = RP_NEW(&q->arena, struct merge);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)rp_json_str(r, f == 0 ? &in->with : &in->reason);
    if (!rp_json_done(r, err))
        return false;
    return (rp_str_starts(in->with, "P") &&
            rp_str_i64((struct rp_str){in->with.p + 1, in->with.n - 1}, &in->other) &&
            in->other > 0) ||
           rp_fail(err, RP_E_BAD_FIELD, "with: a pattern such as P7 is wanted");
}

bool r_pattern_merge(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct merge *in = q->in;
    int64_t id;
    return capture_id(q, 0, "P", &id, err) &&
           rp_patterns_merge(db, id, in->other, q->actor, in->reason, request_now(q), err) &&
           r_pattern(q, db, err);
}

bool r_pattern_split(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    return capture_id(q, 0, "P", &id, err) &&
           rp_pattern_split(db, id, q->actor, reason_of(q), request_now(q), err) &&
           r_pattern(q, db, err);
}
