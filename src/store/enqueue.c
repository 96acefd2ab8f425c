/* New jobs. */
#include "store/internal.h"

enum { PRIORITY_MAX = 1000, ATTEMPTS_MAX = 1001 };

static bool fail_at(struct rp_err *err, size_t i, size_t n)
{
    if (err != NULL && n > 1) {
        struct rp_err e = *err;
        (void)rp_fail(err, e.code, "job %zu of the batch: %s", i, e.message);
        if (e.hint[0] != '\0')
            (void)rp_hint(err, "%s", e.hint);
    }
    return false;
}

static bool usable(const struct rp_enqueue *in, struct rp_err *err)
{
    if (in->key.p != NULL && (in->key.n == 0 || in->key.n > RP_KEY_MAX))
        return rp_fail(err, RP_E_BAD_FIELD, "key: 1 to %d bytes are wanted", RP_KEY_MAX);
    if (in->priority != INT64_MIN && (in->priority < -PRIORITY_MAX || in->priority > PRIORITY_MAX))
        return rp_fail(err, RP_E_BAD_FIELD, "priority: %d to %d is wanted", -PRIORITY_MAX,
                       PRIORITY_MAX);
    if (in->max_attempts < 0 || in->max_attempts > ATTEMPTS_MAX)
        return rp_fail(err, RP_E_BAD_FIELD, "max_attempts: 1 to %d is wanted", ATTEMPTS_MAX);
    if (in->due_us < 0)
        return rp_fail(err, RP_E_BAD_FIELD, "due_at: a time after 1970 is wanted");
    return true;
}

static bool type_for(struct rp_db *db, struct rp_str name, struct rp_name **type,
                     const struct rp_type **conf, struct rp_err *err)
{
    if (!rp_type_find(db, name, type, err))
        return false;
    *conf = *type != NULL ? rp_type_settings(db, (*type)->id) : NULL;
    if (*conf != NULL)
        return true;
    (void)rp_fail(err, RP_E_UNKNOWN_TYPE, "the job type %.*s is not configured", RP_FMT(name));
    return rp_hint(
        err,
        "add it under jobs: in the configuration and reload; `reprise types` lists what there is");
}

static bool live_with_key(struct rp_db *db, int64_t type_id, struct rp_str key,
                          struct rp_enqueued *out, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id, state from job where type_id = ?1 and key = ?2 and "
                                   "key is not null and state < 5");
    rp_bind_i64(s, 1, type_id);
    rp_bind_text(s, 2, key);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_ROW) {
        *out = (struct rp_enqueued){rp_col_i64(s, 0), (enum rp_state)rp_col_i64(s, 1), true};
        rp_reset(s);
    }
    return step != RP_STEP_ERROR;
}

/* Jobs that are checked and wait to be written together. */
struct pending {
    struct rp_job_new job[RP_ROWS];
    struct rp_enqueued *out[RP_ROWS];
    size_t n;
};

static bool flush(struct rp_db *db, struct pending *p, int64_t now_us, struct rp_err *err)
{
    struct rp_job_row row[RP_ROWS];
    if (!rp_jobs_insert(db, p->job, p->n, now_us, row, err))
        return false;
    for (size_t i = 0; i < p->n; i++)
        *p->out[i] = (struct rp_enqueued){row[i].id, row[i].state, false};
    p->n = 0;
    return true;
}

/* One with its key may be waiting to be written. */
static bool key_pending(const struct pending *p, int64_t type_id, struct rp_str key)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->job[i].type_id == type_id && rp_str_eq(p->job[i].key, key))
            return true;
    return false;
}

static bool fill_in(struct rp_db *db, const struct rp_enqueue *in, int64_t now_us,
                    const struct rp_name *type, const struct rp_type *conf, struct rp_job_new *job,
                    struct rp_err *err)
{
    struct rp_str queue = in->queue.p != NULL     ? in->queue
                          : conf->queue.p != NULL ? conf->queue
                                                  : RP_STR("default");
    *job = (struct rp_job_new){
        .type_id = type->id,
        .priority = in->priority != INT64_MIN ? in->priority : conf->priority,
        .max_attempts = in->max_attempts != 0 ? in->max_attempts : conf->retry.retries + 1,
        .due_us = in->due_us,
        .created_us = now_us,
        .schedule_id = in->schedule_id,
        .instant_us = in->instant_us,
        .key = in->key,
        .payload = in->payload,
        .labels = in->labels,
        .manual = in->manual,
    };
    return rp_queue_make(db, queue, &job->queue_id, err);
}

static bool enqueue_one(struct rp_db *db, const struct rp_enqueue *in, int64_t now_us,
                        struct pending *p, struct rp_enqueued *out, struct rp_err *err)
{
    struct rp_name *type;
    const struct rp_type *conf;
    *out = (struct rp_enqueued){0};
    if (!usable(in, err) || !type_for(db, in->type, &type, &conf, err))
        return false;
    if (in->key.p != NULL && key_pending(p, type->id, in->key) && !flush(db, p, now_us, err))
        return false;
    if (in->key.p != NULL && (!live_with_key(db, type->id, in->key, out, err) || out->existing))
        return out->existing;
    if (!fill_in(db, in, now_us, type, conf, &p->job[p->n], err))
        return false;
    p->out[p->n++] = out;
    return p->n < RP_ROWS || flush(db, p, now_us, err);
}

bool rp_jobs_enqueue(struct rp_db *db, const struct rp_enqueue *in, size_t n, int64_t now_us,
                     struct rp_enqueued *out, struct rp_err *err)
{
    struct pending p = {.n = 0};
    if (n > RP_BATCH_MAX)
        return rp_fail(err, RP_E_TOO_LARGE, "a batch of %zu jobs: at most %d are taken at once", n,
                       RP_BATCH_MAX);
    for (size_t i = 0; i < n; i++)
        if (!enqueue_one(db, &in[i], now_us, &p, &out[i], err))
            return fail_at(err, i, n);
    return flush(db, &p, now_us, err);
}
