/* One job once more: a replay of one (replay specification 23). What leaves a job out of a replay
 * refuses it here, with what to do. There is no canary, since there is no second item; its class
 * need not be known and other replays may run, since one job that a person names is no flood. */
#include "replay/internal.h"

/* By the names of select.c; "%s" is the job's type. */
static const struct {
    const char *reason, *says, *hint;
} words[] = {
    {"outside", "it was run from outside: its command is not known here",
     "run it again where it came from"},
    {"type-removed", "its type is not configured any more",
     "add the type to the configuration and reload"},
    {"payload-purged", "a purge took its payload", "restore its backup: reprise purge list"},
    {"in-another-replay", "another replay has it",
     "wait for the end of that replay or abort it; reprise job show names it"},
    {"poison", "it ended its worker again and again",
     "find out why; then --override poison --reason \"what was mended\""},
    {"superseded", "a later job with its key has succeeded: its work is done",
     "if it shall run all the same: --override superseded --reason …"},
    {"unknown-outcome", "nobody knows whether it worked",
     "find out and reprise job resolve it; --include-unknown runs it again"},
    {"fix-first", "it fails the same way until it is mended",
     "mend it, then reprise deploy mark; or --override fix-first --reason …"},
    {"not-idempotent", "it may have had its effect already, and may not be repeated",
     "find out; then --include-unsafe --reason \"why a repeat does no harm\""},
    {"sequence", "an earlier job of its sequence stays behind", "retry that one first"},
    {"no-compensation", "its type has no command that takes it back",
     "give the type compensate: in the configuration, reload, then the same command again"},
    {"still-running", "it still runs", "the same command again once it has ended"},
    {"compensated", "it has been taken back", "nothing is left to do"},
    {"ran-again", "it ran once more since", "reprise job show says what it did then"},
};

const char *rp_replay_left_out_words(const char *reason, const char **hint)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(reason, words[i].reason) == 0) {
            *hint = words[i].hint;
            return words[i].says;
        }
    *hint = "reprise replay --dry-run says more";
    return reason;
}

bool rp_replay_retry_ask(struct rp_str id, struct rp_arena *a, struct rp_replay_ask *ask)
{
    int64_t *ids = RP_NEW(a, int64_t);
    if (!rp_str_i64(id, ids))
        return false;
    ask->ids = ids;
    ask->n_ids = 1;
    ask->canary = 1;
    ask->kind = RP_REPLAY_RETRY;
    ask->accept_unknown_class = true;
    ask->selection_json = rp_str_fmt(a, "{\"jobs\":[\"%.*s\"]}", RP_FMT(id));
    return true;
}

/* With nothing to replay, what matched lies where the items would. */
bool left_out_hint(const struct rp_plan *plan, struct rp_err *err)
{
    const char *hint;
    (void)rp_replay_left_out_words(plan->left_out[0].reason, &hint);
    if (strcmp(plan->left_out[0].reason, "fix-first") != 0)
        return rp_hint(err, "%s", hint);
    return rp_hint(err,
                   "mend it, then reprise deploy mark %.*s; or --override fix-first --reason …",
                   RP_FMT(plan->items[0].kind->type));
}

static bool left_out(const struct rp_plan *plan, int64_t job_id, struct rp_err *err)
{
    const char *hint;
    if (plan->n > 0 || plan->n_left_out == 0)
        return true;
    const char *says = rp_replay_left_out_words(plan->left_out[0].reason, &hint);
    (void)rp_fail(err, RP_E_REFUSED, "job %lld: %s", (long long)job_id, says);
    return left_out_hint(plan, err);
}

/* Out at once, so that who asked sees it queued. What cannot go out is no replay. */
static bool release(struct rp_db *db, int64_t id, int64_t now_us, struct rp_arena *a,
                    struct rp_err *err)
{
    int64_t released;
    struct rp_replay_item *item;
    size_t n;
    if (!rp_replay_release(db, id, 1, 1, now_us, &released, err))
        return false;
    if (released > 0)
        return true;
    if (!rp_replay_items(db, id, 0, 0, 1, a, &item, &n, err))
        return false;
    (void)rp_fail(err, RP_E_CONFLICT, "job %lld cannot run: %.*s", (long long)item[0].job_id,
                  RP_FMT(item[0].why));
    return rp_hint(err, "reprise job show %lld says how it is now", (long long)item[0].job_id);
}

bool rp_replay_retry(struct rp_db *db, const struct rp_config *config,
                     const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                     struct rp_replay_making *m, struct rp_err *err)
{
    bool again;
    return rp_job_may_retry(db, ask->ids[0], ask->reason, err) &&
           left_out(&m->plan, ask->ids[0], err) &&
           rp_replay_make(db, config, ask, now_us, a, m, &again, err) &&
           release(db, m->id, now_us, a, err);
}

bool rp_replay_again(struct rp_db *db, int64_t job_id, struct rp_str actor, struct rp_str reason,
                     int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_job job;
    bool ok = rp_job_get(db, job_id, &a, &job, err);
    rp_arena_free(&a);
    if (ok && (job.state == RP_FAILED || job.state == RP_UNKNOWN)) {
        (void)rp_fail(err, RP_E_CONFLICT, "job %lld is %s now", (long long)job_id,
                      rp_state_name(job.state));
        return rp_hint(err, "ask again: then it is checked whether it may run once more");
    }
    return ok && rp_job_retry(db, job_id, actor, reason, now_us, err);
}
