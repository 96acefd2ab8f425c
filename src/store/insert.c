/* New rows of job. */
#include "base/time.h"
#include "store/internal.h"

/* Ids rise, so the lowest one of each hour makes a window of time a range of ids (jobs_list.c). */
static bool mark_hour(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err)
{
    int64_t hour = now_us / RP_US_H;
    if (hour == db->hour)
        return true;
    struct rp_stmt *s =
        rp_sql(db, "insert into job_hour(hour, first_id) values (?1, ?2) on conflict do nothing");
    rp_bind_i64(s, 1, hour);
    rp_bind_i64(s, 2, id);
    db->hour = hour;
    db->grown++;
    return rp_run(s, err);
}

#define ROW "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define INSERT                                                                                     \
    "insert or fail into job(type_id, queue_id, state, priority, key, payload, labels, "           \
    "max_attempts, "                                                                               \
    "created_at, due_at, schedule_id, "                                                            \
    "instant, manual, external_id, outside) values "
enum { COLUMNS = 15 };

static struct rp_job_row row_of(const struct rp_job_new *in, int64_t now_us)
{
    enum rp_event event = in->due_us > now_us ? RP_EV_SCHEDULE : RP_EV_ENQUEUE;
    return (struct rp_job_row){.type_id = in->type_id,
                               .queue_id = in->queue_id,
                               .state = rp_transition_find(RP_STATE_NONE, event)->to,
                               .max_attempts = in->max_attempts,
                               .created_us = in->created_us,
                               .due_us = in->due_us != 0 ? in->due_us : now_us,
                               .schedule_id = in->schedule_id,
                               .outside = in->outside};
}

static void bind_new(struct rp_stmt *s, int at, const struct rp_job_new *in,
                     const struct rp_job_row *row)
{
    rp_bind_i64(s, at + 1, in->type_id);
    rp_bind_i64(s, at + 2, in->queue_id);
    rp_bind_i64(s, at + 3, row->state);
    rp_bind_i64(s, at + 4, in->priority);
    rp_bind_text(s, at + 5, in->key);
    rp_bind_blob(s, at + 6, in->payload);
    rp_bind_text(s, at + 7, in->labels);
    rp_bind_i64(s, at + 8, in->max_attempts);
    rp_bind_i64(s, at + 9, in->created_us);
    rp_bind_i64(s, at + 10, row->due_us);
    rp_bind_id(s, at + 11, in->schedule_id);
    rp_bind_id(s, at + 12, in->instant_us);
    rp_bind_i64(s, at + 13, in->manual);
    rp_bind_text(s, at + 14, in->external_id);
    rp_bind_i64(s, at + 15, in->outside);
}

/* Rows of one statement get ids in a row, the last of which is the one that the driver tells. */
static bool insert_some(struct rp_db *db, const struct rp_job_new *in, size_t n, int64_t now_us,
                        struct rp_job_row *out, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, RP_INSERT(n, INSERT, ROW));
    for (size_t i = 0; i < n; i++) {
        out[i] = row_of(&in[i], now_us);
        bind_new(s, (int)i * COLUMNS, &in[i], &out[i]);
        rp_job_changed(db, out[i].type_id, out[i].state, 0);
    }
    if (!rp_run(s, err))
        return false;
    for (size_t i = 0; i < n; i++)
        out[i].id = rp_last_id(db) - (int64_t)(n - 1 - i);
    for (size_t i = 0; i < n; i++)
        rp_tally_move(db, NULL, &out[i]);
    return mark_hour(db, out[0].id, now_us, err);
}

bool rp_jobs_insert(struct rp_db *db, const struct rp_job_new *in, size_t n, int64_t now_us,
                    struct rp_job_row *out, struct rp_err *err)
{
    while (n > 0) {
        size_t some = rp_rows_some(n);
        if (!insert_some(db, in, some, now_us, out, err))
            return false;
        in += some;
        out += some;
        n -= some;
    }
    return true;
}

bool rp_job_insert(struct rp_db *db, const struct rp_job_new *in, int64_t now_us,
                   struct rp_job_row *out, struct rp_err *err)
{
    return rp_jobs_insert(db, in, 1, now_us, out, err);
}
