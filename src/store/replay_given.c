/* What a replay gives the attempts of its items instead of the job's own: a fresh key, a changed
 * payload (rules 18, 19). The job's row keeps both as they are, so there is nothing to undo. What a
 * compensation takes back is told to each of its attempts, also to that of a plain retry. */
#include "store/replays_internal.h"

#include <stdio.h>

/* One for all tries of the item, so that the second of them is known as the same work. */
bool rp_replay_give_key(struct rp_db *db, int64_t id, int64_t seq, const struct rp_job_row *j,
                        struct rp_err *err)
{
    const struct rp_type *type = rp_type_settings(db, j->type_id);
    if (type == NULL || type->replay_key != RP_REPLAY_KEY_NEW)
        return true;
    char key[64];
    (void)snprintf(key, sizeof key, "R%lld-%lld-%016llx", (long long)id, (long long)j->id,
                   (unsigned long long)rp_db_random(db));
    struct rp_stmt *s = rp_sql(
        db, "update replay_item set key = coalesce(key, ?3) where replay_id = ?1 and seq = ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, seq);
    rp_bind_text(s, 3, rp_str_of(key));
    return rp_run(s, err);
}

/* Mostly none of them takes anything back, and that is known at once. */
bool rp_replay_taken_back(struct rp_db *db, const struct rp_job_row *j, size_t n,
                          struct rp_arena *a, struct rp_lease *out, struct rp_err *err)
{
    int64_t low = j->id, high = low, any;
    for (size_t i = 1; i < n; i++) {
        low = j[i].id < low ? j[i].id : low;
        high = j[i].id > high ? j[i].id : high;
    }
    struct rp_stmt *s =
        rp_sql(db, "select 1 from compensation where job_id between ?1 and ?2 limit 1");
    rp_bind_i64(s, 1, low);
    rp_bind_i64(s, 2, high);
    if (!rp_get_i64(s, 0, &any, err))
        return false;
    for (size_t i = 0; any != 0 && i < n; i++)
        if (!rp_job_compensates(db, j[i].id, a, &out[i].job.compensates, err))
            return false;
    return true;
}

#define GIVEN                                                                                      \
    "select job_id, replay_id, fate = 2, n_before, key, payload from replay_item indexed by"       \
    " replay_item_job where job_id"

static void read_given(struct rp_stmt *s, const struct rp_job_row *j, size_t n, struct rp_arena *a,
                       struct rp_lease *out, int64_t *first)
{
    int64_t id = rp_col_i64(s, 0), replay_id = rp_col_i64(s, 1);
    for (size_t i = 0; i < n; i++) {
        if (j[i].id != id || j[i].replay_id != replay_id)
            continue;
        bool begins = rp_col_i64(s, 2) != 0 && rp_col_i64(s, 3) == j[i].last_n;
        first[i] = begins ? replay_id : 0;
        if (!rp_col_null(s, 4))
            out[i].job.key = rp_col_str(s, 4, a);
        if (!rp_col_null(s, 5))
            out[i].job.payload = rp_col_str(s, 5, a);
        return;
    }
}

/* Of up to RP_ROWS jobs that are in replays. */
static bool given_some(struct rp_db *db, const struct rp_job_row *j, size_t n, struct rp_arena *a,
                       struct rp_lease *out, int64_t *first, struct rp_err *err)
{
    int64_t ids[RP_ROWS];
    for (size_t i = 0; i < n; i++)
        ids[i] = j[i].id;
    struct rp_stmt *s = RP_SQL_SOME(db, GIVEN, ids, n);
    rp_bind_some(s, ids, n);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        read_given(s, j, n, a, out, first);
    return step == RP_STEP_DONE;
}

bool rp_replay_given(struct rp_db *db, const struct rp_job_row *j, size_t n, struct rp_arena *a,
                     struct rp_lease *out, int64_t *first, struct rp_err *err)
{
    if (n == 0 || !rp_replay_taken_back(db, j, n, a, out, err))
        return n == 0;
    for (size_t i = 0, to; i < n; i = to) {
        for (to = i; to < n && to - i < RP_ROWS && j[to].replay_id != 0;)
            first[to++] = 0;
        if (to > i && !given_some(db, &j[i], to - i, a, &out[i], &first[i], err))
            return false;
        if (to == i)
            first[to++] = 0;
    }
    return true;
}
