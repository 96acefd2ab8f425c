/* Interventions on one job: each with its audit record, in the same transaction. */
#include "store/internal.h"
#include "store/job_rows.h"
#include "store/registry.h"

bool rp_job_cancel(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str reason,
                   int64_t now_us, struct rp_err *err)
{
    struct rp_job_row j;
    struct rp_move m = {.now_us = now_us};
    if (!rp_job_load(db, id, &j, err))
        return false;
    enum rp_state before = j.state;
    /* A running one is asked to end: it is cancelled when its attempt has ended. */
    if (!(before == RP_RUNNING ? rp_lease_kill(db, id, 1, err)
                               : rp_job_apply(db, &j, RP_EV_CANCEL, &m, err)))
        return false;
    /* A retry brings back one that waited; what a run had done when it was ended, nothing does. */
    return rp_audit_job(db, actor, "job.cancel", id,
                        before == RP_RUNNING ? "IRREVERSIBLE" : "REVERSIBLE", before, reason,
                        now_us, err);
}

/* Without it the command or worker would get nothing, and do who knows what. */
static bool has_payload(struct rp_db *db, int64_t id, struct rp_err *err)
{
    int64_t purge;
    if (!rp_job_payload_purged(db, id, &purge, err))
        return false;
    if (purge == 0)
        return true;
    (void)rp_fail(err, RP_E_REFUSED, "purge %lld took the payload of job %lld", (long long)purge,
                  (long long)id);
    return rp_hint(err, "bring it back: reprise purge show %lld names the backup to restore",
                   (long long)purge);
}

/* What was taken back by another job is not taken back twice. */
static bool has_no_rival(struct rp_db *db, int64_t id, struct rp_err *err)
{
    int64_t rival;
    if (!rp_compensation_rival(db, id, &rival, err))
        return false;
    if (rival == 0)
        return true;
    (void)rp_fail(err, RP_E_REFUSED, "job %lld took back what job %lld is for, or may still",
                  (long long)rival, (long long)id);
    return rp_hint(err, "look at it: reprise job show %lld", (long long)rival);
}

static bool may_retry(struct rp_db *db, const struct rp_job_row *j, struct rp_str reason,
                      struct rp_err *err)
{
    if (j->outside) {
        (void)rp_fail(err, RP_E_REFUSED,
                      "job %lld was run from outside: its command is not known here",
                      (long long)j->id);
        return rp_hint(err, "run it again where it came from");
    }
    if (j->state == RP_SUCCEEDED && reason.n == 0) {
        (void)rp_fail(err, RP_E_REFUSED, "job %lld succeeded: running it again needs a reason",
                      (long long)j->id);
        return rp_hint(err, "give --reason");
    }
    if (rp_type_settings(db, j->type_id) == NULL) {
        (void)rp_fail(err, RP_E_UNKNOWN_TYPE, "the type of job %lld is not configured",
                      (long long)j->id);
        return rp_hint(err, "add it to the configuration and reload");
    }
    return has_payload(db, j->id, err) && has_no_rival(db, j->id, err);
}

bool rp_job_may_retry(struct rp_db *db, int64_t id, struct rp_str reason, struct rp_err *err)
{
    struct rp_job_row j;
    return rp_job_load(db, id, &j, err) && may_retry(db, &j, reason, err);
}

bool rp_job_retry(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str reason,
                  int64_t now_us, struct rp_err *err)
{
    struct rp_job_row j;
    if (!rp_job_load(db, id, &j, err) || !may_retry(db, &j, reason, err))
        return false;
    enum rp_state before = j.state;
    bool harmless = rp_type_settings(db, j.type_id)->idempotent; /* as for replays, rule 24 */
    /* Its next attempt is not one of the replay that it may have been in before (rule 16). */
    struct rp_move m = {.now_us = now_us, .max_attempts = j.attempts + 1, .set_replay = true};
    return rp_job_apply(db, &j, RP_EV_REPLAY, &m, err) &&
           rp_audit_job(db, actor, "job.retry", id, harmless ? "REVERSIBLE" : "IRREVERSIBLE",
                        before, reason, now_us, err);
}

bool rp_job_resolve(struct rp_db *db, int64_t id, bool succeeded, struct rp_str actor,
                    struct rp_str reason, int64_t now_us, struct rp_err *err)
{
    struct rp_move m = {.now_us = now_us};
    return rp_job_move(db, id, succeeded ? RP_EV_RESOLVE_OK : RP_EV_RESOLVE_FAILED, &m, NULL,
                       err) &&
           rp_audit_job(db, actor, succeeded ? "job.resolve-succeeded" : "job.resolve-failed", id,
                        "REVERSIBLE", RP_UNKNOWN, reason, now_us, err);
}
