/* The steps of a history, and what precedes what. */
#include "history_internal.h"

/* ---- steps: enqueue ---- */

/* As the engine begins. */
static bool op_configure(struct history *h, struct rp_err *err)
{
    int64_t held, seen;
    h->is.config = !h->is.config;
    return rp_config_apply(h->db, h->config[h->is.config], h->is.now, &held, err) &&
           rp_node_start(h->db, RP_STR("n1"), 1, h->is.now, &seen, err);
}

static bool enqueue(struct history *h, const char *type, size_t n, int64_t due_us,
                    struct rp_err *err)
{
    static char page[6000]; /* more than a page of the file holds */
    struct rp_enqueue in[8] = {0};
    struct rp_enqueued out[8] = {0};
    memset(page, 'p', sizeof page);
    for (size_t i = 0; i < n; i++) {
        in[i] = help_job(i % 4 == 3 ? "once" : type);
        in[i].payload = i == 2 ? (struct rp_str){page, sizeof page} : RP_STR("{\"to\":\"ada\"}");
        in[i].labels = RP_STR("{\"team\":\"mail\"}");
        in[i].due_us = due_us;
    }
    if (!rp_jobs_enqueue(h->db, in, n, h->is.now, out, err))
        return false;
    for (size_t i = 0; i < n; i++)
        history_say(h, out[i].id, due_us > h->is.now ? RP_SCHEDULED : RP_QUEUED, 0, RP_OUT_NONE);
    h->is.newest = out[n - 1].id;
    return true;
}

static bool op_batch(struct history *h, struct rp_err *err)
{
    h->is.stock += 6;
    return enqueue(h, "work", 7, 0, err);
}

static bool op_later(struct history *h, struct rp_err *err)
{
    return enqueue(h, "work", 2, h->is.now + RP_US_DAY, err);
}

static struct rp_str key_of(const struct history *h, char buf[32])
{
    (void)snprintf(buf, 32, "key-%d", h->is.key);
    return rp_str_of(buf);
}

/* As the API does it: the effect and the answer of the key in one transaction (G13). */
static bool op_keyed(struct history *h, struct rp_err *err)
{
    char key[32], body[32];
    struct rp_enqueue in = help_job("work");
    struct rp_enqueued out;
    h->is.key++;
    in.key = key_of(h, key);
    if (!rp_jobs_enqueue(h->db, &in, 1, h->is.now, &out, err))
        return false;
    (void)snprintf(body, sizeof body, "%lld", (long long)out.id);
    h->is.keyed = out.id;
    history_say(h, out.id, RP_QUEUED, 0, RP_OUT_NONE);
    return rp_idempotency_keep(h->db, in.key, 7, 201, rp_str_of(body), h->is.now, err);
}

/* Ops of one commit: the one in the middle is refused, and leaves its neighbours alone. */
static bool op_group(struct history *h, struct rp_err *err)
{
    struct rp_enqueue two[2] = {help_job("work"), help_job("nobody-knows-it")};
    struct rp_enqueued out[2];
    if (!rp_savepoint(h->db, err) || !enqueue(h, "work", 1, 0, err) ||
        !rp_savepoint_release(h->db, err) || !rp_savepoint(h->db, err))
        return false;
    if (rp_jobs_enqueue(h->db, two, 2, h->is.now, out, err) || err->code != RP_E_UNKNOWN_TYPE)
        return false;
    rp_savepoint_rollback(h->db);
    return rp_savepoint(h->db, err) && enqueue(h, "work", 1, 0, err) &&
           rp_savepoint_release(h->db, err);
}

/* ---- steps: claim and report ---- */

static bool take(struct history *h, const char *type, int64_t max, struct rp_err *err)
{
    struct rp_str name = rp_str_of(type);
    struct rp_claim c = {.node = RP_STR("n1"),
                         .worker = RP_STR("w1"),
                         .max = max,
                         .types = {&name, 1},
                         .lease_us = HELP_LEASE};
    struct rp_lease *l;
    size_t n;
    if (!rp_jobs_claim(h->db, &c, h->is.now, &h->a, &l, &n, err))
        return false;
    for (size_t i = 0; i < n && h->is.n_leases < 64; i++) {
        h->is.lease[h->is.n_leases++] = l[i];
        history_say(h, l[i].job.id, RP_RUNNING, l[i].attempt, RP_OUT_NONE);
    }
    return n > 0 || rp_fail(err, RP_E_INTERNAL, "nothing to claim of %s", type);
}

static bool op_claim(struct history *h, struct rp_err *err)
{
    h->is.stock -= 2;
    return take(h, "work", 2, err);
}

static bool op_claim_once(struct history *h, struct rp_err *err)
{
    return take(h, "once", 1, err);
}

static bool op_claim_needy(struct history *h, struct rp_err *err)
{
    return take(h, "needy", 1, err);
}

static bool op_claim_mend(struct history *h, struct rp_err *err)
{
    return take(h, "mend", 1, err);
}

static bool report(struct history *h, enum rp_outcome o, bool permanent, enum rp_state expected,
                   struct rp_err *err)
{
    struct rp_lease l = h->is.lease[--h->is.n_leases];
    struct rp_report r = help_outcome(&l, o);
    enum rp_state state;
    r.permanent = permanent;
    r.output = RP_STR("what it said");
    if (!rp_job_report(h->db, &r, h->is.now, &state, err))
        return false;
    history_say(h, l.job.id, expected, l.attempt, o);
    if (state == RP_FAILED)
        h->is.failed = l.job.id;
    return state == expected || rp_fail(err, RP_E_INTERNAL, "the job is %s", rp_state_name(state));
}

static bool op_succeed(struct history *h, struct rp_err *err)
{
    return report(h, RP_OUT_SUCCEEDED, false, RP_SUCCEEDED, err);
}

static bool op_fail(struct history *h, struct rp_err *err)
{
    return report(h, RP_OUT_FAILED, true, RP_FAILED, err);
}

/* One that a person sent again has no try left. */
static bool op_fail_again_later(struct history *h, struct rp_err *err)
{
    const struct rp_job *j = &h->is.lease[h->is.n_leases - 1].job;
    bool last = j->attempts + 1 >= j->max_attempts;
    return report(h, RP_OUT_TIMEOUT, false, last ? RP_FAILED : RP_RETRYING, err);
}

/* The fifth time in a row it is the job's fault (U12). */
static bool op_interrupt(struct history *h, struct rp_err *err)
{
    enum { INTERRUPTED_MAX = 5 };
    int64_t before;
    struct rp_stmt *s = rp_sql(h->db, "select interrupted_n from job where id = ?1");
    rp_bind_i64(s, 1, h->is.lease[h->is.n_leases - 1].job.id);
    return rp_get_i64(s, 0, &before, err) &&
           report(h, RP_OUT_INTERRUPTED, false,
                  before + 1 < INTERRUPTED_MAX ? RP_QUEUED : RP_FAILED, err);
}

static bool op_partial(struct history *h, struct rp_err *err)
{
    struct rp_lease l = h->is.lease[h->is.n_leases - 1];
    return rp_job_output_partial(h->db, l.id, RP_STR("so far"), 6, err);
}

static bool op_extend(struct history *h, struct rp_err *err)
{
    struct rp_lease l = h->is.lease[h->is.n_leases - 1];
    bool ok;
    return rp_leases_extend(h->db, &l.id, &l.token, 1, h->is.now + 2 * HELP_LEASE, &ok, err);
}

/* Leases that ran out: how the attempts ended is said; where the jobs went is the table's. */
static bool op_lose(struct history *h, struct rp_err *err)
{
    int64_t n, next;
    h->is.now += 3 * HELP_LEASE;
    if (!rp_leases_expire(h->db, h->is.now, 1000, &n, &next, err))
        return false;
    for (; h->is.n_leases > 0; h->is.n_leases--) {
        struct rp_lease l = h->is.lease[h->is.n_leases - 1];
        history_say(h, l.job.id, RP_STATE_NONE, l.attempt, RP_OUT_LOST);
        if (rp_str_is(l.job.type, "once"))
            h->is.unknown = l.job.id;
    }
    return true;
}

static bool op_promote(struct history *h, struct rp_err *err)
{
    int64_t n, next;
    h->is.now += 2 * RP_US_S;
    return rp_jobs_promote(h->db, h->is.now, 1000, &n, &next, err);
}

/* ---- steps: interventions ---- */

static bool op_cancel(struct history *h, struct rp_err *err)
{
    h->is.stock--;
    history_say(h, h->is.newest, RP_CANCELLED, 0, RP_OUT_NONE);
    return rp_job_cancel(h->db, h->is.newest, RP_STR("ada"), RP_STR("not needed"), h->is.now, err);
}

static bool op_again(struct history *h, struct rp_err *err)
{
    history_say(h, h->is.failed, RP_QUEUED, 0, RP_OUT_NONE);
    return rp_job_retry(h->db, h->is.failed, RP_STR("ada"), RP_STR("mended"), h->is.now, err);
}

static bool op_resolve(struct history *h, struct rp_err *err)
{
    history_say(h, h->is.unknown, RP_SUCCEEDED, 0, RP_OUT_NONE);
    return rp_job_resolve(h->db, h->is.unknown, true, RP_STR("ada"), RP_STR("seen"), h->is.now,
                          err);
}

static bool op_people(struct history *h, struct rp_err *err)
{
    char secret[64];
    struct rp_token t;
    return rp_queue_pause(h->db, RP_STR("mail"), true, RP_STR("ada"), RP_STR("why"), h->is.now,
                          err) &&
           rp_queue_pause(h->db, RP_STR("mail"), false, RP_STR("ada"), RP_STR("why"), h->is.now,
                          err) &&
           rp_token_create(h->db, RP_STR("ci"), RP_SCOPE_READ, 0, RP_STR("ada"), h->is.now, secret,
                           &t, err) &&
           rp_token_revoke(h->db, t.id, RP_STR("ada"), h->is.now, err);
}

static bool op_signs(struct history *h, struct rp_err *err)
{
    struct rp_strs types = {0};
    return rp_node_seen(h->db, RP_STR("n1"), h->is.now, err) &&
           rp_worker_seen(h->db, RP_STR("w1"), &types, h->is.now, err) &&
           rp_dep_checked(h->db, RP_STR("db"), true, RP_STR("answers"), 900, h->is.now, err) &&
           rp_store_probe(h->db, h->is.now, err);
}

/* ---- steps: schedules ---- */

static bool say_fired(struct history *h, struct rp_err *err)
{
    struct rp_schedule_row row;
    if (!rp_schedule_get(h->db, RP_STR("tick"), h->is.now, &h->a, &row, err))
        return false;
    history_say(h, row.last_job, RP_QUEUED, 0, RP_OUT_NONE);
    return true;
}

static bool op_fire(struct history *h, struct rp_err *err)
{
    struct rp_fire f = {.up_since_us = 0, .max = 200};
    h->is.now += RP_US_MIN;
    f.now_us = h->is.now;
    if (!rp_schedules_fire(h->db, &f, err))
        return false;
    if (f.fired == 0)
        return rp_fail(err, RP_E_INTERNAL, "nothing fired");
    return say_fired(h, err);
}

static bool op_by_hand(struct history *h, struct rp_err *err)
{
    int64_t job;
    if (!rp_schedule_run(h->db, RP_STR("tick"), RP_STR("ada"), true, h->is.now, &job, err))
        return false;
    history_say(h, job, RP_QUEUED, 0, RP_OUT_NONE);
    return true;
}

/* ---- steps: a replay ---- */

static bool op_mend(struct history *h, struct rp_err *err)
{
    return enqueue(h, "mend", 1, 0, err);
}

static bool op_plan(struct history *h, struct rp_err *err)
{
    struct rp_replay r = {.selection = RP_STR("{\"type\":\"mend\"}"),
                          .actor = RP_STR("ada"),
                          .reason = RP_STR("db is back"),
                          .plan_hash = RP_STR("0123456789abcdef"),
                          .canary = 5,
                          .wave_max = 200};
    struct rp_candidate *v;
    size_t n;
    if (!rp_replay_candidates(h->db, NULL, NULL, &h->is.failed, 1, 1000, &h->a, &v, &n, err))
        return false;
    r.matched = (int64_t)n;
    return rp_replay_create(h->db, &r, v, n, h->is.now, &h->is.replay, err);
}

static bool replay_to(struct history *h, enum rp_replay_state to, struct rp_err *err)
{
    return rp_replay_set_state(h->db, h->is.replay, to, RP_STR("ada"), RP_STR("because"), h->is.now,
                               err);
}

static bool op_start(struct history *h, struct rp_err *err)
{
    return replay_to(h, RP_REPLAY_RUNNING, err);
}

static bool op_release(struct history *h, struct rp_err *err)
{
    int64_t n;
    history_say(h, h->is.failed, RP_QUEUED, 0, RP_OUT_NONE);
    return rp_replay_release(h->db, h->is.replay, 1, 100, h->is.now, &n, err);
}

static bool op_settle(struct history *h, struct rp_err *err)
{
    int64_t n;
    return rp_replay_settle(h->db, h->is.replay, h->is.now, &n, err) &&
           replay_to(h, RP_REPLAY_DONE, err);
}

static bool op_undo(struct history *h, struct rp_err *err)
{
    history_say(h, h->is.failed, RP_FAILED, 0, RP_OUT_NONE);
    return rp_replay_undo(h->db, h->is.replay, RP_STR("ada"), RP_STR("wrong one"), h->is.now, err);
}

/* ---- steps: a dependency goes and comes back (U11) ---- */

static bool outside_is(struct history *h, bool up, struct rp_err *err)
{
    return rp_dep_checked(h->db, RP_STR("outside"), up, RP_STR("said"), 1, h->is.now, err);
}

static bool op_needy(struct history *h, struct rp_err *err)
{
    struct rp_enqueue in = help_job("needy");
    struct rp_enqueued out;
    return outside_is(h, true, err) && rp_jobs_enqueue(h->db, &in, 1, h->is.now, &out, err) &&
           take(h, "needy", 1, err);
}

/* Its job is held though it has no retries. */
static bool op_outage(struct history *h, struct rp_err *err)
{
    if (!outside_is(h, false, err))
        return false;
    struct rp_lease l = h->is.lease[--h->is.n_leases];
    struct rp_report r = help_outcome(&l, RP_OUT_FAILED);
    enum rp_state state;
    r.error_group = RP_STR("dependency");
    if (!rp_job_report(h->db, &r, h->is.now, &state, err))
        return false;
    history_say(h, l.job.id, RP_RETRYING, l.attempt, RP_OUT_FAILED);
    h->is.held[h->is.n_held++] = l.job.id;
    return state == RP_RETRYING || rp_fail(err, RP_E_INTERNAL, "the job is not held");
}

/* Jobs of an earlier wave, which the next one waits for. */
static bool wave_is_out(struct history *h, int64_t *n, struct rp_err *err)
{
    return rp_get_i64(rp_sql(h->db, "select count(*) from hold where phase = 2"), 0, n, err);
}

/* Those that are back are queued; the others stay held. */
static bool say_back(struct history *h, struct rp_err *err)
{
    int64_t left = 0;
    for (int64_t i = 0; i < h->is.n_held; i++) {
        struct rp_job_row j;
        if (!rp_job_load(h->db, h->is.held[i], &j, err))
            return false;
        if (j.state == RP_QUEUED)
            history_say(h, j.id, RP_QUEUED, 0, RP_OUT_NONE);
        else
            h->is.held[left++] = j.id;
    }
    h->is.n_held = left;
    return true;
}

static bool op_come_back(struct history *h, struct rp_err *err)
{
    int64_t moved, next, out, expected = h->is.n_held;
    return wave_is_out(h, &out, err) && outside_is(h, true, err) &&
           rp_holds_step(h->db, h->is.now, 1000, &moved, &next, err) && say_back(h, err) &&
           (moved == expected || out > 0 ||
            rp_fail(err, RP_E_INTERNAL, "%lld jobs came back", (long long)moved));
}

/* ---- steps: the end of a daemon and the start of the next ---- */

static bool op_reopen(struct history *h, struct rp_err *err)
{
    rp_store_close(h->store);
    return history_open(h, err);
}

/* ---- what precedes what ---- */

#define NEEDS(...)      ((const struct step *const[]){__VA_ARGS__, NULL})
#define STEP(name, ...) static const struct step name = {#name, __VA_ARGS__, op_##name, false}

STEP(configure, NULL);
STEP(batch, NULL);
STEP(later, NULL);
STEP(keyed, NULL);
STEP(group, NULL);
STEP(claim, NEEDS(&batch));
STEP(claim_once, NEEDS(&batch));
STEP(succeed, NEEDS(&claim));
STEP(fail, NEEDS(&claim));
STEP(fail_again_later, NEEDS(&claim));
STEP(promote, NEEDS(&fail_again_later));
STEP(interrupt, NEEDS(&claim));
STEP(partial, NEEDS(&claim));
STEP(extend, NEEDS(&claim));
STEP(lose, NEEDS(&claim_once));
STEP(cancel, NEEDS(&batch));
STEP(again, NEEDS(&fail));
STEP(resolve, NEEDS(&lose));
STEP(people, NULL);
STEP(signs, NULL);
STEP(fire, NULL);
STEP(by_hand, NULL);
STEP(mend, NULL);
STEP(claim_mend, NEEDS(&mend));
static const struct step fail_mend = {"fail_mend", NEEDS(&claim_mend), op_fail, false};
STEP(plan, NEEDS(&fail_mend));
STEP(start, NEEDS(&plan));
STEP(release, NEEDS(&start));
static const struct step claim_released = {"claim_released", NEEDS(&release), op_claim_mend, false};
static const struct step succeed_released = {"succeed_released", NEEDS(&claim_released), op_succeed,
                                             false};
STEP(settle, NEEDS(&succeed_released));
STEP(undo, NEEDS(&release));
STEP(needy, NULL);
STEP(outage, NEEDS(&needy));
STEP(come_back, NEEDS(&outage));
static const struct step claim_needy = {"claim_needy", NEEDS(&come_back), op_claim_needy, false};
static const struct step succeed_needy = {"succeed_needy", NEEDS(&claim_needy), op_succeed, false};
static const struct step reopen = {"reopen", NULL, op_reopen, true};

const struct step *const history_steps[] = {
    &batch,   &keyed,     &later,   &succeed, &fail,    &partial, &promote,       &extend, &group,
    &settle,  &interrupt, &resolve, &fire,    &reopen,  &cancel,  &again,         &undo,   &people,
    &by_hand, &signs,     &keyed,   &fire,    &succeed, &outage,  &succeed_needy,
};
const size_t history_steps_n = sizeof history_steps / sizeof *history_steps;

const struct step *const history_configure = &configure;

/* What the history has at hand need not be made. */
bool history_at_hand(const struct history *h, const struct step *need, const struct step *s)
{
    const struct rp_lease *l = &h->is.lease[h->is.n_leases > 0 ? h->is.n_leases - 1 : 0];
    if (need == &claim)
        return h->is.n_leases > 0 && rp_str_is(l->job.type, "work");
    if (need == &claim_needy || need == &needy) /* the next wave waits for this one */
        return h->is.n_leases > 0 && rp_str_is(l->job.type, "needy");
    return need == &batch && s == &claim && h->is.stock >= 2;
}
