#include "store/registry.h"

#include "base/time.h"
#include "store/driver.h"

enum { KEY_MAX = 255, FORGET_A_CALL = 100 };

static bool key_fits(struct rp_str key, struct rp_err *err)
{
    if (key.n > 0 && key.n <= KEY_MAX)
        return true;
    return rp_fail(err, RP_E_BAD_FIELD, "an Idempotency-Key has 1 to %d bytes", KEY_MAX);
}

bool rp_idempotency_find(struct rp_db *db, struct rp_str key, uint64_t request_hash,
                         struct rp_arena *a, bool *found, int64_t *status, struct rp_str *body,
                         struct rp_err *err)
{
    *found = false;
    if (!key_fits(key, err))
        return false;
    struct rp_stmt *s =
        rp_sql(db, "select request_hash, status, body from idempotency where key = ?1");
    rp_bind_text(s, 1, key);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE;
    if ((uint64_t)rp_col_i64(s, 0) != request_hash) {
        (void)rp_fail(err, RP_E_CONFLICT,
                      "the Idempotency-Key was used before with another request");
        return rp_hint(err, "use a new key for a new request");
    }
    *status = rp_col_i64(s, 1);
    *body = rp_col_str(s, 2, a);
    *found = true;
    return true;
}

/* Forgets old keys as it goes: a few a call, so that none pays for many. */
static bool forget(struct rp_db *db, int64_t before_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "delete from idempotency where key in"
                                   " (select key from idempotency where at < ?1 limit ?2)");
    rp_bind_i64(s, 1, before_us);
    rp_bind_i64(s, 2, FORGET_A_CALL);
    return rp_run(s, err);
}

bool rp_idempotency_keep(struct rp_db *db, struct rp_str key, uint64_t request_hash, int64_t status,
                         struct rp_str body, int64_t now_us, struct rp_err *err)
{
    if (!key_fits(key, err) || !forget(db, now_us - RP_US_DAY, err))
        return false;
    struct rp_stmt *s = rp_sql(db, "insert into idempotency(key, request_hash, status, body, at)"
                                   " values(?1, ?2, ?3, ?4, ?5)");
    rp_bind_text(s, 1, key);
    rp_bind_i64(s, 2, (int64_t)request_hash);
    rp_bind_i64(s, 3, status);
    rp_bind_blob(s, 4, body.p != NULL ? body : RP_STR(""));
    rp_bind_i64(s, 5, now_us);
    struct rp_err why;
    if (rp_run(s, &why))
        return true;
    if (rp_constraint_failed(&why))
        return rp_fail(err, RP_E_CONFLICT, "the Idempotency-Key is in use already");
    if (err != NULL)
        *err = why;
    return false;
}
