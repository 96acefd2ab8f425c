/* Each operation on the store and on the model, and whether they answer the same. */
#include "steps_internal.h"

#include "base/time.h"

#include <stdlib.h>

/* The call succeeds if the model allows it, and is refused with the code if it does not. */
static bool answered(struct run *r, const char *what, bool ok, const struct rp_err *err,
                     bool allowed, enum rp_code code)
{
    if (ok && !allowed)
        run_wrong(r, "%s was done, and had to be refused (%s)", what, rp_code_slug(code));
    if (!ok && (allowed || err->code != code))
        run_wrong(r, "%s was refused (%s: %s), expected: %s", what, rp_code_slug(err->code),
                  err->message, allowed ? "done" : rp_code_slug(code));
    if (!ok)
        run_say(r, "refused: %s", err->message);
    return ok;
}

void run_same(struct run *r, const char *what, int64_t got, int64_t expected)
{
    if (got != expected)
        run_wrong(r, "%s: %lld, the model says %lld", what, (LL)got, (LL)expected);
}

static int64_t pick(struct run *r, uint32_t from, enum rp_state s)
{
    for (int64_t k = 0; k < r->m.n; k++) {
        int64_t i = ((int64_t)from + k) % r->m.n + 1;
        if (r->m.job[i].state == s)
            return i;
    }
    return 0;
}

static int64_t any(const struct run *r, uint32_t from)
{
    return r->m.n > 0 ? (int64_t)(from % (uint64_t)r->m.n) + 1 : 0;
}

/* ---- enqueue ---- */

static const char *const keys[M_KEYS + 1] = {NULL, "a", "b", "c"};

struct wish {
    int type, queue, key;
    struct rp_enqueue in;
};

static struct wish wish(struct run *r, uint32_t a, uint32_t b)
{
    static const int64_t priorities[] = {INT64_MIN, INT64_MIN, 5, 7};
    int type = (int)(a % 8 < 3 ? 0 : a % 8 < 5 ? 1 : a % 8 < 7 ? 2 : a / 8 % M_TYPES);
    struct wish w = {.type = type, .queue = (int)m_types[type].queue, .key = (int)(b % 7)};
    w.key = w.key > M_KEYS ? 0 : w.key;
    w.in = (struct rp_enqueue){.type = rp_str_of(m_types[type].name),
                               .key = rp_str_of(keys[w.key]),
                               .priority = priorities[b / 7 % 4],
                               .max_attempts = b / 28 % 8 < 3 ? b / 28 % 8 : 0,
                               .due_us =
                                   b / 224 % 4 == 0 ? r->m.now + (b / 896 % 20 - 4) * RP_US_S : 0};
    if (b / 20000 % 5 == 0) {
        w.queue = (int)(b / 100000 % M_QUEUES);
        w.in.queue = rp_str_of(m_queues[w.queue].name);
    }
    return w;
}

static void add(struct run *r, const struct wish *w, const struct rp_enqueued *got)
{
    const struct m_type *t = &m_types[w->type];
    int64_t live = m_live_with_key(&r->m, w->type, w->key, 0);
    run_same(r, "an enqueue found a live job with its key", got->existing, live != 0);
    int64_t id = live;
    if (live == 0)
        id = m_add(&r->m, w->type, w->queue, w->key,
                   w->in.priority != INT64_MIN ? w->in.priority : t->priority, w->in.due_us,
                   w->in.max_attempts != 0 ? w->in.max_attempts : t->max_attempts);
    run_same(r, "the id of an enqueued job", got->id, id);
    run_same(r, "the state of an enqueued job", got->state, r->m.job[id].state);
    run_say(r, "%s%s%s → job %lld, %s%s; ", t->name, w->key != 0 ? " key " : "",
            w->key != 0 ? keys[w->key] : "", (LL)id, rp_state_name(got->state),
            got->existing ? " (it was there)" : "");
}

bool do_enqueue(struct run *r, const struct step *s)
{
    struct wish w = wish(r, s->a, s->b);
    struct rp_enqueued out;
    if (r->m.n >= M_JOBS)
        return true;
    MUST(r, rp_jobs_enqueue(r->db, &w.in, 1, r->m.now, &out, err));
    add(r, &w, &out);
    return true;
}

enum { BATCH_MAX = 7 };

/* The finisher of MurmurHash3 (Appleby). */
static uint32_t mixed(uint32_t x, size_t i)
{
    x += (uint32_t)i * 0x9e3779b9u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* One in four has a job of no known type: nothing of it may remain. */
bool do_batch(struct run *r, const struct step *s)
{
    struct wish w[BATCH_MAX];
    struct rp_enqueue in[BATCH_MAX];
    struct rp_enqueued out[BATCH_MAX];
    size_t n = s->c % BATCH_MAX + 1, bad = s->c / BATCH_MAX % 4 == 0 ? s->c / 28 % n : n;
    if (r->m.n + BATCH_MAX > M_JOBS)
        return true;
    for (size_t i = 0; i < n; i++) {
        w[i] = wish(r, i == 0 ? s->a : mixed(s->a, i), i == 0 ? s->b : mixed(s->b, i));
        in[i] = w[i].in;
    }
    if (bad < n)
        in[bad].type = RP_STR("nobody");
    struct rp_err err = {0};
    bool ok = rp_jobs_enqueue(r->db, in, n, r->m.now, out, &err);
    if (!answered(r, "a batch", ok, &err, bad == n, RP_E_UNKNOWN_TYPE))
        return false;
    for (size_t i = 0; i < n; i++)
        add(r, &w[i], &out[i]);
    return true;
}

static const char *const ikeys[M_IKEYS] = {"i1", "i2", "i3"};

/* As the API does it: the effect and its answer in one savepoint, under the key of the asker. */
bool do_idempotent(struct run *r, const struct step *s)
{
    int k = (int)(s->c % M_IKEYS);
    int64_t request = 1 + s->c / M_IKEYS % 2, status = 0;
    bool known = r->m.idempotency[k].used, found = false;
    struct rp_str key = rp_str_of(ikeys[k]), body = {0};
    struct rp_err refused = {0};
    if (r->m.n >= M_JOBS)
        return true;
    bool ok =
        rp_idempotency_find(r->db, key, (uint64_t)request, &r->a, &found, &status, &body, &refused);
    if (!answered(r, "an Idempotency-Key", ok, &refused,
                  !known || r->m.idempotency[k].request == request, RP_E_CONFLICT))
        return false;
    run_same(r, "G13: the Idempotency-Key is known", found, known);
    if (found) {
        run_same(r, "G13: the job of an earlier answer", strtoll(rp_cstr(&r->a, body), NULL, 10),
                 r->m.idempotency[k].job);
        return true;
    }
    struct wish w = wish(r, s->a, s->b);
    struct rp_enqueued out;
    MUST(r, rp_jobs_enqueue(r->db, &w.in, 1, r->m.now, &out, err));
    add(r, &w, &out);
    body = rp_str_fmt(&r->a, "%lld", (LL)out.id);
    MUST(r, rp_idempotency_keep(r->db, key, (uint64_t)request, 201, body, r->m.now, err));
    r->m.idempotency[k].used = true;
    r->m.idempotency[k].request = request;
    r->m.idempotency[k].job = out.id;
    return true;
}

/* ---- claim, report ---- */

static bool asked(const struct run *r, int64_t id, const struct step *s)
{
    return s->b % 4 != 0 || r->m.job[id].type == (int)(s->b / 4 % M_TYPES);
}

static void granted(struct run *r, const struct rp_lease *l, bool command, const struct step *s)
{
    int64_t id = l->job.id;
    if (id < 1 || id > r->m.n)
        run_wrong(r, "a lease was given for job %lld, which is not there", (LL)id);
    struct m_job *j = &r->m.job[id];
    run_say(r, "job %lld (%s) as attempt %lld, ", (LL)id, m_types[j->type].name, (LL)l->attempt);
    if (!m_may_run(&r->m, id, command) || !asked(r, id, s))
        run_wrong(r, "job %lld was given out: it is %s, and may not run now", (LL)id,
                  rp_state_name(j->state));
    if (s->b % 4 != 0 && !m_is_next(&r->m, id, command))
        run_wrong(r, "job %lld was given out, and others came before it", (LL)id);
    if (l->id <= r->m.last_lease)
        run_wrong(r, "lease %lld was given after lease %lld", (LL)l->id, (LL)r->m.last_lease);
    struct m_lease lease = {l->id, r->m.now + M_LEASE, id, l->token, command};
    run_same(r, "the deadline of a lease", l->deadline_us, lease.deadline);
    m_begin(&r->m, id, &lease);
    run_same(r, "the number of an attempt", l->attempt, j->n);
}

bool do_claim(struct run *r, const struct step *s)
{
    bool command = s->a % 3 == 0;
    struct rp_str type = rp_str_of(m_types[s->b / 4 % M_TYPES].name);
    struct rp_claim c = {.node = NODE,
                         .worker = RP_STR("w1"),
                         .commands = command,
                         .types = {&type, s->b % 4 == 0},
                         .max = 1 + s->c % 5,
                         .lease_us = M_LEASE};
    struct rp_lease *l;
    size_t n;
    for (int64_t i = 1; i <= r->m.n; i++)
        if (r->m.job[i].n >= M_ATTEMPTS)
            return true;
    MUST(r, rp_jobs_claim(r->db, &c, r->m.now, &r->a, &l, &n, err));
    for (size_t i = 0; i < n; i++)
        granted(r, &l[i], command, s);
    for (int64_t i = 1; (int64_t)n < c.max && i <= r->m.n; i++)
        if (m_may_run(&r->m, i, command) && asked(r, i, s))
            run_wrong(r, "job %lld might run, and a claim for %lld got %zu", (LL)i, (LL)c.max, n);
    if ((int64_t)n > c.max)
        run_wrong(r, "a claim for %lld got %zu", (LL)c.max, n);
    return n > 0 || do_enqueue(r, s);
}

static struct rp_report outcome(struct run *r, const struct m_lease *l, enum rp_outcome o,
                                uint64_t pattern)
{
    struct rp_report p = {.lease = l->id, .token = l->token, .outcome = o};
    if (o == RP_OUT_FAILED || o == RP_OUT_TIMEOUT) {
        p.template = rp_str_fmt(&r->a, "trouble %d", (int)pattern);
        p.facts.error = p.template;
        p.facts.error_class = RP_STR("connection");
        p.pattern_hash = pattern;
        p.error_group = pattern == M_DEPENDENCY ? RP_STR("dependency") : RP_STR("code");
    }
    return p;
}

bool do_report(struct run *r, const struct step *s)
{
    static const enum rp_outcome outcomes[] = {
        RP_OUT_SUCCEEDED, RP_OUT_SUCCEEDED,   RP_OUT_FAILED,      RP_OUT_FAILED,
        RP_OUT_FAILED,    RP_OUT_TIMEOUT,     RP_OUT_INTERRUPTED, RP_OUT_INTERRUPTED,
        RP_OUT_CANCELLED, RP_OUT_INTERRUPTED, RP_OUT_SKIPPED,     RP_OUT_LOST};
    static const uint64_t patterns[] = {M_DEPENDENCY, 1, 2, 3};
    enum rp_outcome o = outcomes[s->b % 12];
    int64_t id = pick(r, s->a, RP_RUNNING);
    if (id == 0)
        return do_claim(r, s);
    struct m_job *j = &r->m.job[id];
    enum rp_state state;
    struct rp_err err = {0};
    struct rp_report p = outcome(r, &j->lease, o, patterns[s->c / 4 % 4]);
    p.permanent = s->c % 4 == 0;
    run_say(r, "job %lld: %s%s", (LL)id, rp_outcome_name(o), p.permanent ? ", permanent" : "");
    bool ok = rp_job_report(r->db, &p, r->m.now, &state, &err);
    if (!answered(r, "a report", ok, &err, o != RP_OUT_LOST, RP_E_BAD_FIELD))
        return false;
    run_say(r, " → %s", rp_state_name(state));
    enum rp_state to = m_report(&r->m, j, o, p.permanent, p.pattern_hash);
    if (state != to)
        run_wrong(r, "job %lld is %s after its report of %s, the model says %s", (LL)id,
                  rp_state_name(state), rp_outcome_name(o), rp_state_name(to));
    return true;
}

/* With a lease that is over, or the token of another. */
bool do_old_report(struct run *r, const struct step *s)
{
    int64_t n = r->m.n_old < M_OLD ? r->m.n_old : M_OLD, id = pick(r, s->a, RP_RUNNING);
    struct m_lease l;
    if (s->b % 2 == 0 && n > 0)
        l = r->m.old[s->a % (uint64_t)n];
    else if (id != 0)
        l = r->m.job[id].lease, l.token ^= 1 + s->b / 2;
    else
        return true;
    struct rp_report p = outcome(r, &l, RP_OUT_SUCCEEDED, 0);
    enum rp_state state;
    struct rp_err err = {0};
    bool ok = rp_job_report(r->db, &p, r->m.now, &state, &err);
    return answered(r, "G10: a report without the lease", ok, &err, false, RP_E_LEASE_LOST);
}

/* A lease that is held, and one that is over or has another's token, in one call. */
bool do_beat(struct run *r, const struct step *s)
{
    int64_t n = r->m.n_old < M_OLD ? r->m.n_old : M_OLD, id = pick(r, s->a, RP_RUNNING);
    if (id == 0)
        return true;
    struct m_lease *l = &r->m.job[id].lease, *old = &r->m.old[n > 0 ? s->b % (uint64_t)n : 0];
    int64_t until = r->m.now + (s->c % 2 == 0 ? M_LEASE : M_LEASE / 3);
    bool forged = s->c / 2 % 2 == 0, held[2] = {false, false};
    int64_t ids[2] = {l->id, forged ? l->id : old->id};
    uint64_t tokens[2] = {l->token, forged ? l->token + 1 : old->token};
    MUST(r, rp_leases_extend(r->db, ids, tokens, forged || n > 0 ? 2 : 1, until, held, err));
    if (!held[0] || held[1])
        run_wrong(r, "G10: the lease of job %lld is%s held, one that is over is%s", (LL)id,
                  held[0] ? "" : " not", held[1] ? "" : " not");
    l->deadline = until > l->deadline ? until : l->deadline;
    run_say(r, "job %lld", (LL)id);
    return true;
}

/* ---- time ---- */

bool do_time(struct run *r, const struct step *s)
{
    r->m.now += (1 + s->a % (s->b % 4 == 0 ? 90 : 15)) * RP_US_S;
    run_say(r, "%lld s after the start", (LL)((r->m.now - r->at_begin.up_since) / RP_US_S));
    return true;
}

bool do_expire(struct run *r, const struct step *s)
{
    int64_t n, next, expected;
    (void)s;
    MUST(r, rp_leases_expire(r->db, r->m.now, 1000, &n, &next, err));
    run_same(r, "leases that ran out", n, m_expire(&r->m, &expected));
    run_same(r, "the next deadline", next, expected);
    run_say(r, "%lld lost", (LL)n);
    return true;
}

bool do_promote(struct run *r, const struct step *s)
{
    int64_t n, next, expected;
    (void)s;
    MUST(r, rp_jobs_promote(r->db, r->m.now, 1000, &n, &next, err));
    run_same(r, "jobs that became due", n, m_promote(&r->m, &expected));
    run_same(r, "the next due time", next, expected);
    run_say(r, "%lld due", (LL)n);
    return true;
}

bool do_fire(struct run *r, const struct step *s)
{
    struct rp_fire f = {.now_us = r->m.now, .up_since_us = r->m.up_since, .max = 1000};
    int64_t fired, missed, next;
    (void)s;
    if (r->m.n + M_SCHEDULES > M_JOBS)
        return true;
    MUST(r, rp_schedules_fire(r->db, &f, err));
    m_fire(&r->m, &fired, &missed, &next);
    run_same(r, "G14: instants that fired", f.fired, fired);
    run_same(r, "instants that were missed", f.missed, missed);
    run_same(r, "the next instant", f.next_us, next);
    run_say(r, "%lld fired, %lld missed", (LL)fired, (LL)missed);
    return true;
}

/* ---- interventions ---- */

bool do_cancel(struct run *r, const struct step *s)
{
    int64_t id = any(r, s->a);
    struct rp_err err = {0};
    if (id == 0)
        return true;
    run_say(r, "job %lld, which is %s ", (LL)id, rp_state_name(r->m.job[id].state));
    bool ok = rp_job_cancel(r->db, id, WHO, WHY, r->m.now, &err);
    return answered(r, "a cancel", ok, &err, m_cancel(&r->m, &r->m.job[id]), RP_E_BAD_STATE);
}

/* One of a schedule that has ended, so that two of them wait. */
static int64_t scheduled(const struct run *r, uint32_t from)
{
    for (int64_t k = 0; k < r->m.n; k++) {
        int64_t i = ((int64_t)from + k) % r->m.n + 1;
        if (r->m.job[i].schedule != 0 && !m_live(&r->m.job[i]))
            return i;
    }
    return any(r, from);
}

bool do_retry(struct run *r, const struct step *s)
{
    int64_t id = s->b % 2 == 0 ? any(r, s->a) : scheduled(r, s->a);
    struct rp_err err = {0};
    if (id == 0)
        return true;
    bool live = m_live(&r->m.job[id]);
    run_say(r, "job %lld, which is %s ", (LL)id, rp_state_name(r->m.job[id].state));
    bool ok = rp_job_retry(r->db, id, WHO, WHY, r->m.now, &err);
    return answered(r, "G11: a retry", ok, &err, m_retry(&r->m, id),
                    live ? RP_E_BAD_STATE : RP_E_CONFLICT);
}

bool do_resolve(struct run *r, const struct step *s)
{
    int64_t id = pick(r, s->a, RP_UNKNOWN);
    id = id != 0 && s->c % 4 != 0 ? id : any(r, s->a);
    struct rp_err err = {0};
    if (id == 0)
        return true;
    bool worked = s->b % 2 == 0;
    run_say(r, "job %lld, which is %s: %s", (LL)id, rp_state_name(r->m.job[id].state),
            worked ? "it had worked" : "it had not worked");
    bool ok = rp_job_resolve(r->db, id, worked, WHO, WHY, r->m.now, &err);
    return answered(r, "G12: a resolve", ok, &err, m_resolve(&r->m, &r->m.job[id], worked),
                    RP_E_BAD_STATE);
}

bool do_queue_pause(struct run *r, const struct step *s)
{
    int q = (int)(s->a % M_QUEUES);
    bool pause = s->b % 3 == 0;
    struct rp_err err = {0};
    run_say(r, "%s %s ", m_queues[q].name, pause ? "paused" : "resumed");
    bool ok = rp_queue_pause(r->db, rp_str_of(m_queues[q].name), pause, WHO, WHY, r->m.now, &err);
    if (!answered(r, "a pause", ok, &err, r->m.queue[q].exists, RP_E_NOT_FOUND))
        return false;
    r->m.audits += r->m.queue[q].paused != pause;
    r->m.queue[q].paused = pause;
    return true;
}

bool do_schedule_pause(struct run *r, const struct step *s)
{
    int k = (int)(s->a % M_SCHEDULES);
    bool pause = s->b % 2 == 0;
    struct rp_str name = rp_str_of(m_types[m_schedules[k].type].name);
    MUST(r, rp_schedule_pause(r->db, name, pause, WHO, WHY, r->m.now, err));
    m_pause_schedule(&r->m, k, pause);
    run_say(r, "%.*s %s", RP_FMT(name), pause ? "paused" : "resumed");
    return true;
}

/* ---- replays ---- */

/* Mostly as the planner would: without jobs that another replay holds. */
bool do_replay_create(struct run *r, const struct step *s)
{
    struct rp_job_filter f = {.states = s->a % 3 == 0 ? 0 : 1u << RP_UNKNOWN | 1u << RP_FAILED};
    struct rp_candidate *v;
    size_t found, n = 0;
    int64_t id;
    const struct m_replay *newest = &r->m.replay[r->m.n_replays];
    bool another = r->m.n_replays == 0 || newest->ended || s->b / 4 % 8 == 0;
    if (r->m.n_replays >= M_REPLAYS || !another)
        return true;
    MUST(r, rp_replay_candidates(r->db, NULL, &f, NULL, 0, 1000, &r->a, &v, &found, err));
    struct m_replay *p = &r->m.replay[r->m.n_replays + 1];
    *p = (struct m_replay){.state = RP_REPLAY_PLANNED};
    for (size_t i = 0; i < found && n < M_ITEMS; i++) {
        enum rp_state state = r->m.job[v[i].job_id].state;
        if (state != RP_FAILED && (state != RP_UNKNOWN || f.states == 0))
            run_wrong(r, "job %lld is %s and was selected", (LL)v[i].job_id, rp_state_name(state));
        if ((v[i].in_replay && s->b % 4 != 0) || (s->c >> (i % 16) & 7) == 7)
            continue;
        v[n++] = v[i];
        m_replay_add(&r->m, p, v[n - 1].job_id);
        run_say(r, "job %lld, ", (LL)v[n - 1].job_id);
    }
    if (n == 0 && s->b / 32 % 8 != 0)
        return do_report(r, s);
    struct rp_replay in = {.actor = WHO, .reason = WHY, .canary = 2, .wave_max = 4};
    MUST(r, rp_replay_create(r->db, &in, v, n, r->m.now, &id, err));
    run_same(r, "the id of a replay", id, ++r->m.n_replays);
    r->m.audits++;
    return true;
}

/* Mostly the newest. */
static int64_t any_replay(const struct run *r, uint32_t from)
{
    if (from % 3 != 0 || r->m.n_replays == 0)
        return r->m.n_replays;
    return (int64_t)(from / 3 % (uint64_t)r->m.n_replays) + 1;
}

bool do_replay_step(struct run *r, const struct step *s)
{
    static const enum rp_replay_state to[] = {
        RP_REPLAY_RUNNING, RP_REPLAY_RUNNING, RP_REPLAY_RUNNING, RP_REPLAY_PAUSED,
        RP_REPLAY_HALTED,  RP_REPLAY_DONE,    RP_REPLAY_ABORTED, RP_REPLAY_UNDONE};
    int64_t id = any_replay(r, s->a);
    bool planned = r->m.replay[id].state == RP_REPLAY_PLANNED && s->b / 8 % 4 != 0;
    enum rp_replay_state next = planned ? RP_REPLAY_RUNNING : to[s->b % 8];
    struct rp_err err = {0};
    if (id == 0)
        return true;
    run_say(r, "R%lld from %s to %s ", (LL)id, rp_replay_state_name(r->m.replay[id].state),
            rp_replay_state_name(next));
    bool ok = rp_replay_set_state(r->db, id, next, WHO, WHY, r->m.now, &err);
    return answered(r, "a step of a replay", ok, &err, m_replay_step(&r->m, id, next),
                    RP_E_BAD_STATE);
}

/* What leads to a replay that runs, most of the time that there is none. */
static bool towards_running(struct run *r, const struct step *s, int64_t id, bool *done)
{
    enum rp_replay_state state = r->m.replay[id].state;
    *done = state != RP_REPLAY_RUNNING && s->b / 4 % 4 != 0;
    if (!*done)
        return true;
    if (id == 0 || r->m.replay[id].ended || state >= RP_REPLAY_DONE)
        return do_replay_create(r, s);
    struct step run = {STEP_replay_step, .a = (uint32_t)(id - 1) * 3, .b = 0};
    return do_replay_step(r, &run);
}

bool do_replay_release(struct run *r, const struct step *s)
{
    int64_t id = any_replay(r, s->a), wave = 1 + s->b % 4, max = 1 + s->c % 4, released = 0;
    struct rp_err err = {0};
    bool done, ok = towards_running(r, s, id, &done);
    if (done || id == 0)
        return ok;
    run_say(r, "R%lld ", (LL)id);
    ok = rp_replay_release(r->db, id, wave, max, r->m.now, &released, &err);
    if (!answered(r, "a release", ok, &err, r->m.replay[id].state == RP_REPLAY_RUNNING,
                  RP_E_BAD_STATE))
        return false;
    run_same(r, "G17: released items", released, m_replay_release(&r->m, id, wave, max));
    run_say(r, "%lld out", (LL)released);
    return true;
}

bool do_replay_settle(struct run *r, const struct step *s)
{
    int64_t id = any_replay(r, s->a), settled, out = 0;
    for (int64_t i = 0; i < r->m.replay[id].n; i++)
        out += r->m.replay[id].item[i].fate == RP_FATE_RELEASED;
    if (id == 0 || (out == 0 && s->b / 16 % 4 != 0))
        return do_replay_release(r, s);
    MUST(r, rp_replay_settle(r->db, id, r->m.now, &settled, err));
    run_same(r, "settled items", settled, m_replay_settle(&r->m, id));
    run_say(r, "R%lld %lld", (LL)id, (LL)settled);
    return true;
}

bool do_replay_undo(struct run *r, const struct step *s)
{
    int64_t id = any_replay(r, s->a);
    struct rp_err err = {0};
    if (id == 0)
        return true;
    run_say(r, "R%lld ", (LL)id);
    bool ok = rp_replay_undo(r->db, id, WHO, WHY, r->m.now, &err);
    return answered(r, "an undo", ok, &err, m_replay_undo(&r->m, id), RP_E_BAD_STATE);
}
