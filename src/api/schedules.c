/* Schedules: lists, instants to come, the ledger of those that were, interventions. */
#include "api/handlers.h"

enum { NEXT_MAX = 1000, LEDGER_MAX = 10000 };

/* ---- lists ---- */

bool r_schedules(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_schedule_row *rows;
    size_t n;
    if (!no_query(q, err) || !rp_schedules_list(db, request_now(q), &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_schedule(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

static bool get(struct request *q, struct rp_db *db, struct rp_schedule_row *out,
                struct rp_err *err)
{
    return rp_schedule_get(db, q->capture[0], request_now(q), &q->arena, out, err);
}

bool r_schedule(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_schedule_row row;
    if (!no_query(q, err) || !get(q, db, &row, err))
        return false;
    answer_begin(q, 200);
    shape_schedule(&q->w, &row);
    return true;
}

/* ---- instants ---- */

struct instants {
    struct rp_cron cron;
    const struct rp_zone *zone;
    int64_t from_us, n, anchor_us;
};

static void answer_next(struct request *q, const struct rp_schedule_row *row,
                        const struct instants *in)
{
    char text[RP_TIME_LEN];
    struct rp_jw *w = &q->w;
    answer_begin(q, 200);
    rp_jw_object(w);
    rp_jw_m_str(w, "expression", row->expr);
    rp_jw_m_str(w, "timezone", row->zone);
    rp_jw_m_str(w, "words", rp_cron_words(&q->arena, &in->cron));
    rp_jw_key(w, "next");
    rp_jw_array(w);
    int64_t at = in->from_us;
    for (int64_t i = 0; i < in->n; i++) {
        at = rp_cron_next(&in->cron, in->zone, at, in->anchor_us);
        if (at == INT64_MAX)
            break;
        rp_jw_str(w, rp_str_of(rp_time_format(at, text)));
    }
    rp_jw_array_end(w);
    rp_jw_object_end(w);
}

bool r_schedule_next(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"n", "from", NULL};
    struct rp_schedule_row row;
    struct instants in = {0};
    if (!query_known(q, known, err) || !query_i64(q, "n", 1, NEXT_MAX, 10, &in.n, err) ||
        !query_time(q, "from", &in.from_us, err) || !get(q, db, &row, err) ||
        !rp_cron_parse(row.expr, row.name, &in.cron, err) ||
        (in.zone = rp_zone_load(row.zone, err)) == NULL)
        return false;
    if (in.from_us == 0)
        in.from_us = request_now(q);
    if (row.next_us != INT64_MAX)
        in.anchor_us = row.next_us;
    answer_next(q, &row, &in);
    return true;
}

bool r_occurrences(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"from", "to", "limit", NULL};
    int64_t from, to, limit;
    struct rp_schedule_row row;
    struct rp_occurrence *rows;
    size_t n;
    if (!query_known(q, known, err) || !query_time(q, "from", &from, err) ||
        !query_time(q, "to", &to, err) || !query_i64(q, "limit", 1, LEDGER_MAX, 100, &limit, err) ||
        !get(q, db, &row, err))
        return false;
    from = from != 0 ? from : request_now(q) - RP_US_DAY;
    to = to != 0 ? to : request_now(q);
    if (!rp_occurrences(db, row.id, from, to, (int)limit, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_occurrence(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

/* ---- interventions ---- */

bool p_schedule_run(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"overlap", NULL};
    bool *overlap = RP_NEW(&q->arena, bool);
    uint64_t seen = 0;
    q->in = overlap;
    if (q->body.n == 0)
        return true;
    struct rp_json *r = body_json(q);
    (void)rp_json_object(r);
    while (rp_json_field(r, fields, &seen) >= 0)
        (void)rp_json_bool(r, overlap);
    return rp_json_done(r, err);
}

bool r_schedule_run(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_job job;
    if (!rp_schedule_run(db, q->capture[0], q->actor, *(bool *)q->in, request_now(q), &id, err) ||
        !rp_job_get(db, id, &q->arena, &job, err))
        return false;
    answer_begin(q, 201);
    shape_job(&q->w, &job);
    return true;
}

static bool set_pause(struct request *q, struct rp_db *db, bool pause, struct rp_err *err)
{
    return rp_schedule_pause(db, q->capture[0], pause, q->actor, reason_of(q), request_now(q),
                             err) &&
           r_schedule(q, db, err);
}

bool r_schedule_pause(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return set_pause(q, db, true, err);
}

bool r_schedule_resume(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return set_pause(q, db, false, err);
}
