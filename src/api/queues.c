/* Queues and job types. */
#include "api/handlers.h"

#include <stdlib.h>

/* ---- queues ---- */

bool r_queues(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_queue_row *rows;
    size_t n;
    if (!no_query(q, err) || !rp_queues_list(db, request_now(q), &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_queue(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

static bool answer_queue(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_queue_row *rows;
    size_t n, i = 0;
    if (!rp_queues_list(db, request_now(q), &q->arena, &rows, &n, err))
        return false;
    while (i < n && !rp_str_eq(rows[i].name, q->capture[0]))
        i++;
    if (i == n)
        return rp_absent(err, "queue", q->capture[0], "reprise queues");
    answer_begin(q, 200);
    shape_queue(&q->w, &rows[i]);
    return true;
}

static bool set_pause(struct request *q, struct rp_db *db, bool pause, struct rp_err *err)
{
    return rp_queue_pause(db, q->capture[0], pause, q->actor, reason_of(q), request_now(q), err) &&
           answer_queue(q, db, err);
}

bool r_queue_pause(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return set_pause(q, db, true, err);
}

bool r_queue_resume(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return set_pause(q, db, false, err);
}

/* ---- types ---- */

bool r_types(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_type_row *rows;
    size_t n;
    if (!no_query(q, err) || !rp_types_list(db, request_now(q), &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_type(&q->w, &rows[i], NULL);
    shape_list_end(&q->w, 0);
    return true;
}

bool r_type(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_type_row row;
    if (!no_query(q, err) || !rp_type_get(db, q->capture[0], request_now(q), &q->arena, &row, err))
        return false;
    answer_begin(q, 200);
    shape_type(&q->w, &row, rp_config_type(rp_engine_config(q->api->engine), row.name));
    return true;
}

/* ---- jobs that wait for types that are not in a list (U29) ---- */

enum { TYPES_MAX = 100000 };

static int by_name(const void *a, const void *b)
{
    const struct rp_type *const *x = a, *const *y = b;
    return rp_str_cmp((*x)->name, (*y)->name);
}

/* The names become a configuration of nothing but types. */
static struct rp_config *config_of(struct request *q, struct rp_json *r)
{
    struct rp_config *c = RP_NEW(&q->arena, struct rp_config);
    struct rp_type **types = NULL;
    size_t n = 0, cap = 0;
    struct rp_str name;
    r->max_items = TYPES_MAX;
    (void)rp_json_array(r);
    while (rp_json_item(r) && rp_json_str(r, &name)) {
        if (n == cap)
            types = rp_xrealloc(types, (cap = 2 * cap + 64) * sizeof *types);
        types[n] = RP_NEW(&q->arena, struct rp_type);
        types[n++]->name = name;
    }
    c->types = RP_NEW_N(&q->arena, struct rp_type *, n + 1);
    if (n > 0) {
        qsort(types, n, sizeof *types, by_name);
        memcpy(c->types, types, n * sizeof *types);
    }
    c->n_types = n;
    free(types);
    return c;
}

bool p_waiting_check(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"types", NULL};
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    (void)rp_json_object(r);
    while (rp_json_field(r, fields, &seen) >= 0)
        q->in = config_of(q, r);
    if (!rp_json_done(r, err))
        return false;
    return q->in != NULL || rp_fail(err, RP_E_BAD_FIELD,
                                    "types is missing: the names of all types "
                                    "that there will be");
}

bool r_waiting_check(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_unrunnable *rows;
    size_t n;
    if (!rp_config_unrunnable(db, q->in, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++) {
        rp_jw_object(&q->w);
        rp_jw_m_str(&q->w, "type", rows[i].type);
        rp_jw_m_str(&q->w, "why", rows[i].why);
        rp_jw_m_i64(&q->w, "waiting", rows[i].waiting);
        rp_jw_object_end(&q->w);
    }
    shape_list_end(&q->w, 0);
    return true;
}
