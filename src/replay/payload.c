/* Payloads with other values in them, for a replay's attempts only (replay specification 19). */
#include "replay/internal.h"

#include "base/json.h"
#include "base/json_pointer.h"

static bool no_place(const struct rp_env *set, int64_t job_id, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_BAD_FIELD, "the payload of job %lld has no place for %.*s",
                  (long long)job_id, RP_FMT(set->name));
    return rp_hint(err, "a value that is there, or a new member of an object that is; choose the "
                        "jobs that have it with --where, --type or --job");
}

static void record(struct rp_jw *w, const struct rp_env *set, struct rp_str before)
{
    rp_jw_object(w);
    rp_jw_m_str(w, "path", set->name);
    rp_jw_m_raw(w, "before", before);
    rp_jw_m_raw(w, "after", set->value);
    rp_jw_object_end(w);
}

/* One value after the other, so that a later one may be inside an earlier one. */
static bool change(const struct rp_replay_ask *ask, struct rp_arena *a, int64_t job_id,
                   struct rp_str *payload, struct rp_jw *w, struct rp_err *err)
{
    for (size_t i = 0; i < ask->n_set; i++) {
        const struct rp_env *set = &ask->set[i];
        struct rp_str before;
        bool there = rp_pointer_get(a, *payload, set->name, &before);
        record(w, set, there ? before : RP_NONE);
        if (!rp_pointer_set(a, *payload, set->name, set->value, payload))
            return no_place(set, job_id, err);
    }
    return true;
}

static bool give_payload(struct rp_db *db, const struct rp_replay_ask *ask, struct rp_arena *a,
                         int64_t job_id, struct rp_given *given, struct rp_err *err)
{
    struct rp_buf changed = {0};
    struct rp_jw w = {.out = &changed};
    if (!rp_job_payload(db, job_id, a, &given->payload, err))
        return false;
    rp_jw_array(&w);
    bool ok = change(ask, a, job_id, &given->payload, &w, err);
    rp_jw_array_end(&w);
    given->changed = rp_str_dup(a, rp_buf_view(&changed));
    rp_buf_free(&changed);
    return ok;
}

bool give_payloads(struct rp_db *db, const struct rp_replay_ask *ask, struct rp_arena *a,
                   const struct rp_candidate *items, int64_t n, struct rp_given **out,
                   struct rp_err *err)
{
    *out = ask->n_set > 0 ? RP_NEW_N(a, struct rp_given, (size_t)n + 1) : NULL;
    for (int64_t i = 0; *out != NULL && i < n; i++)
        if (!give_payload(db, ask, a, items[i].job_id, &(*out)[i], err))
            return false;
    return true;
}

/* Each is tried, so that what has no place for a value is told before anything is made. */
bool plan_payloads(struct rp_db *db, const struct rp_replay_ask *ask, struct rp_arena *a,
                   struct rp_plan *plan, struct rp_err *err)
{
    bool ok = true;
    for (int64_t i = 0; ok && ask->n_set > 0 && i < plan->n; i++) {
        struct rp_arena own = {0};
        struct rp_given given;
        int64_t job_id = plan->items[i].job_id;
        ok = give_payload(db, ask, &own, job_id, &given, err);
        if (ok && plan->n_changed < SAMPLES_MAX)
            plan->changed[plan->n_changed++] =
                (struct rp_plan_change){job_id, rp_str_dup(a, given.changed)};
        rp_arena_free(&own);
    }
    return ok;
}
