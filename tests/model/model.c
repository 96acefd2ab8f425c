#include "model.h"

#include "base/time.h"
#include "store/schedules.h"

#include <string.h>

const struct m_type m_types[M_TYPES] = {
    {"safe", true, false, 0, 0, 4, 1 * RP_US_S, 0, 3, 1, 90 * RP_US_S},
    {"once", false, false, 1, 0, 3, 5 * RP_US_S, 0, 3, 2, 30 * RP_US_S},
    {"cmd", true, true, 0, 5, 2, 2 * RP_US_S, 2, 2, 3, 10 * RP_US_MIN},
    {"skips", true, false, 0, 0, 1, RP_US_S, 0, 2, 0, 0},
    {"swaps", false, false, 1, 0, 2, RP_US_S, 0, 3, 0, 0},
    {"waits", true, true, 0, 0, 1, RP_US_S, 0, 1, 1, 5 * RP_US_S},
};
const struct m_queue m_queues[M_QUEUES] = {{"default", 0}, {"few", 3}, {"new", 0}, {"other", 0}};
const struct m_schedule m_schedules[M_SCHEDULES] = {
    {3, RP_OVERLAP_SKIP, RP_US_MIN},
    {4, RP_OVERLAP_REPLACE, 2 * RP_US_MIN},
    {5, RP_OVERLAP_QUEUE, RP_US_MIN},
};
const char m_config[] =
    "lease: 30s\n"
    "queues: { few: { max_running: 3, weight: 2 } }\n"
    "dependencies:\n"
    "  db: { tcp: '127.0.0.1:1', every: 1s, timeout: 1s }\n"
    "  net: { tcp: '127.0.0.1:2', every: 1s, timeout: 1s }\n"
    "jobs:\n"
    "  safe: { idempotent: true, retries: 3, backoff: { kind: fixed, base: 1s },"
    " needs: [db], hold_max: 90s }\n"
    "  once: { idempotent: false, retries: 2, backoff: { kind: fixed, base: 5s }, queue: few,"
    " needs: [net], hold_max: 30s }\n"
    "  cmd: { run: ['true'], idempotent: true, retries: 1, backoff: { kind: fixed, base: 2s },"
    " priority: 5, max_running: 2, poison_after: 2, needs: [db, net], hold_max: 10m }\n"
    "  skips: { idempotent: true, retries: 0, schedule: '* * * * *', overlap: skip, missed: skip,"
    " timezone: UTC, backoff: { kind: fixed, base: 1s }, poison_after: 2 }\n"
    "  swaps: { idempotent: false, retries: 1, schedule: '*/2 * * * *', overlap: replace,"
    " missed: skip, timezone: UTC, queue: few, backoff: { kind: fixed, base: 1s } }\n"
    "  waits: { run: ['true'], idempotent: true, retries: 0, schedule: '* * * * *',"
    " overlap: queue, missed: skip, timezone: UTC, backoff: { kind: fixed, base: 1s },"
    " poison_after: 1, needs: [db], hold_max: 5s }\n";

enum { INTERRUPTED_MAX = 5 };

void m_init(struct model *m, int64_t now)
{
    *m = (struct model){.now = now, .up_since = now};
    m->queue[0].exists = m->queue[1].exists = true;
    for (int i = 0; i < M_SCHEDULES; i++)
        m->schedule[i].next =
            (now / m_schedules[i].every_us + 1) * m_schedules[i].every_us; /* the hour is whole */
}

bool m_live(const struct m_job *j)
{
    return j->state == RP_SCHEDULED || j->state == RP_QUEUED || j->state == RP_RUNNING ||
           j->state == RP_RETRYING;
}

int64_t m_live_with_key(const struct model *m, int type, int key, int64_t but)
{
    for (int64_t i = 1; key != 0 && i <= m->n; i++)
        if (i != but && m->job[i].key == key && m->job[i].type == type && m_live(&m->job[i]))
            return i;
    return 0;
}

int64_t m_add(struct model *m, int type, int queue, int key, int64_t priority, int64_t due,
              int64_t max_attempts)
{
    m->queue[queue].exists = true;
    m->job[++m->n] = (struct m_job){.state = due > m->now ? RP_SCHEDULED : RP_QUEUED,
                                    .type = type,
                                    .queue = queue,
                                    .key = key,
                                    .priority = priority,
                                    .due = due != 0 ? due : m->now,
                                    .max_attempts = max_attempts};
    return m->n;
}

/* ---- who runs ---- */

static int64_t running(const struct model *m, int type, int queue)
{
    int64_t n = 0;
    for (int64_t i = 1; i <= m->n; i++)
        n += m->job[i].state == RP_RUNNING && (type < 0 || m->job[i].type == type) &&
             (queue < 0 || m->job[i].queue == queue);
    return n;
}

static bool beside_its_like(const struct model *m, const struct m_job *j)
{
    for (int64_t i = 1; j->alone && i <= m->n; i++)
        if (m->job[i].state == RP_RUNNING && m->job[i].schedule == j->schedule)
            return true;
    return false;
}

bool m_may_run(const struct model *m, int64_t id, bool command)
{
    const struct m_job *j = &m->job[id];
    const struct m_type *t = &m_types[j->type];
    const struct m_queue *q = &m_queues[j->queue];
    return j->state == RP_QUEUED && t->command == command && !m->queue[j->queue].paused &&
           (t->max_running == 0 || running(m, j->type, -1) < t->max_running) &&
           (q->max_running == 0 || running(m, -1, j->queue) < q->max_running) &&
           !m_needs_down(m, j->type) && !beside_its_like(m, j) && !m_taken_back(m, id);
}

static bool older(const struct model *m, int64_t a, int64_t b)
{
    return m->job[a].due < m->job[b].due || (m->job[a].due == m->job[b].due && a < b);
}

/* Priority before all; in one queue and type what has been due longest. Between queues turns
 * decide, which the simulation of fairness checks. */
bool m_is_next(const struct model *m, int64_t id, bool command)
{
    const struct m_job *j = &m->job[id];
    if (!m_may_run(m, id, command))
        return false;
    for (int64_t i = 1; i <= m->n; i++) {
        const struct m_job *o = &m->job[i];
        bool lane = o->queue == j->queue && o->type == j->type;
        if (i != id && m_may_run(m, i, command) &&
            (o->priority > j->priority || (lane && o->priority == j->priority && older(m, i, id))))
            return false;
    }
    return true;
}

void m_begin(struct model *m, int64_t id, const struct m_lease *l)
{
    struct m_job *j = &m->job[id];
    if (j->poison)
        j->poison = false, j->lost = j->interrupted = 0;
    j->state = RP_RUNNING;
    j->kill = false;
    j->lease = *l;
    j->n++;
    j->outcome[j->n] = RP_OUT_NONE;
    j->in_replay[j->n] = j->replay;
    m->last_lease = l->id;
}

/* ---- how attempts end ---- */

static void end(struct model *m, struct m_job *j, enum rp_outcome o, enum rp_state to, bool burn)
{
    m->old[m->n_old++ % M_OLD] = j->lease;
    j->lease = (struct m_lease){0};
    j->outcome[j->n] = o;
    j->interrupted = o == RP_OUT_INTERRUPTED ? j->interrupted + 1 : 0;
    j->lost = o == RP_OUT_LOST ? j->lost + 1 : o == RP_OUT_SUCCEEDED ? 0 : j->lost;
    j->attempts += burn;
    j->state = to;
    j->kill = false;
    if (!m_live(j))
        j->ended = m->now;
    if (!m_live(j) || to == RP_RETRYING)
        j->held = (struct m_held){0};
}

static void hold(struct model *m, struct m_job *j, const struct m_held *h)
{
    end(m, j, RP_OUT_FAILED, RP_RETRYING, false);
    j->held = *h;
    j->was_held[j->n] = true;
    j->due = h->until;
}

enum rp_state m_report(struct model *m, struct m_job *j, enum rp_outcome o, bool permanent,
                       uint64_t pattern)
{
    bool kill = j->kill;
    struct m_held h;
    if (o == RP_OUT_FAILED || o == RP_OUT_TIMEOUT)
        j->pattern = pattern;
    if (o == RP_OUT_SUCCEEDED) {
        j->pattern = 0;
        end(m, j, o, RP_SUCCEEDED, true);
    } else if (kill || o == RP_OUT_CANCELLED || o == RP_OUT_SKIPPED) {
        end(m, j, o == RP_OUT_SKIPPED ? o : RP_OUT_CANCELLED, RP_CANCELLED, true);
    } else if (o == RP_OUT_INTERRUPTED) {
        bool poison = j->interrupted + 1 >= INTERRUPTED_MAX;
        end(m, j, o, poison ? RP_FAILED : RP_QUEUED, poison || m->believes_interruptions_burn);
        j->poison |= poison;
    } else if (o == RP_OUT_FAILED && !permanent && pattern == M_DEPENDENCY && m_hold(m, j, &h)) {
        hold(m, j, &h);
    } else if (!permanent && j->attempts + 1 < j->max_attempts) {
        end(m, j, o, RP_RETRYING, true);
        j->due = m->now + m_types[j->type].backoff_us;
    } else {
        end(m, j, o, RP_FAILED, true);
    }
    return j->state;
}

void m_lost(struct model *m, struct m_job *j)
{
    bool kill = j->kill, poison = !kill && j->lost + 1 >= m_types[j->type].poison_after;
    enum rp_state to = kill                                           ? RP_CANCELLED
                       : !m_types[j->type].idempotent                 ? RP_UNKNOWN
                       : poison || j->attempts + 1 >= j->max_attempts ? RP_FAILED
                                                                      : RP_QUEUED;
    j->pattern = M_LOST;
    end(m, j, RP_OUT_LOST, to, true);
    j->poison |= poison;
}

/* ---- time ---- */

static void sooner(int64_t *next, int64_t t)
{
    if (t < *next)
        *next = t;
}

int64_t m_promote(struct model *m, int64_t *next)
{
    int64_t n = 0;
    *next = INT64_MAX;
    for (int64_t i = 1; i <= m->n; i++) {
        struct m_job *j = &m->job[i];
        if (j->state != RP_SCHEDULED && j->state != RP_RETRYING)
            continue;
        if (j->due > m->now) {
            sooner(next, j->due);
            continue;
        }
        n++;
        if (j->held.is)
            m_held_due(m, j);
        else
            j->state = RP_QUEUED;
        if (j->state == RP_RETRYING) /* its attempt counts after all */
            sooner(next, j->due);
    }
    return n;
}

int64_t m_expire(struct model *m, int64_t *next)
{
    int64_t n = 0;
    *next = INT64_MAX;
    for (int64_t i = 1; i <= m->n; i++) {
        struct m_job *j = &m->job[i];
        if (j->state != RP_RUNNING)
            continue;
        if (j->lease.deadline <= m->now)
            m_lost(m, j), n++;
        else
            sooner(next, j->lease.deadline);
    }
    return n;
}

/* A new daemon: what the one before ran is lost now, workers get time to be heard. */
void m_restart(struct model *m, bool orphans)
{
    m->up_since = m->now;
    for (int64_t i = 1; orphans && i <= m->n; i++) {
        struct m_job *j = &m->job[i];
        if (j->state != RP_RUNNING)
            continue;
        if (j->lease.command)
            m_lost(m, j);
        else if (j->lease.deadline < m->now + M_LEASE)
            j->lease.deadline = m->now + M_LEASE;
    }
}

/* ---- interventions ---- */

bool m_cancel(struct model *m, struct m_job *j)
{
    if (!m_live(j))
        return false;
    m->audits++;
    if (j->state == RP_RUNNING)
        j->kill = true;
    else
        j->state = RP_CANCELLED, j->ended = m->now, j->held = (struct m_held){0};
    return true;
}

bool m_reopen(struct model *m, int64_t id)
{
    struct m_job *j = &m->job[id];
    if (m_live(j) || m_live_with_key(m, j->type, j->key, id) != 0)
        return false;
    j->state = RP_QUEUED;
    j->max_attempts = j->attempts + 1;
    j->ended = 0;
    j->due = m->now;
    return true;
}

bool m_retry(struct model *m, int64_t id)
{
    bool ok = m_reopen(m, id);
    m->audits += ok;
    if (ok)
        m->job[id].replay = 0; /* what runs by hand is no replay's */
    return ok;
}

bool m_resolve(struct model *m, struct m_job *j, bool worked)
{
    if (j->state != RP_UNKNOWN)
        return false;
    m->audits++;
    j->state = worked ? RP_SUCCEEDED : RP_FAILED;
    j->pattern = worked ? 0 : j->pattern;
    return true;
}

/* ---- schedules ---- */

void m_pause_schedule(struct model *m, int schedule, bool pause)
{
    if ((m->schedule[schedule].paused != 0) == pause)
        return;
    m->audits++;
    if (!pause && m->schedule[schedule].next <= m->now &&
        m->schedule[schedule].next >= m->schedule[schedule].paused) {
        m->schedule[schedule].gap = RP_VERDICT_PAUSED;
        m->schedule[schedule].gap_to = m->now;
    }
    m->schedule[schedule].paused = pause ? m->now : 0;
}

static void replace(struct model *m, int schedule)
{
    for (int64_t i = 1; i <= m->n; i++) {
        struct m_job *j = &m->job[i];
        if (j->schedule != schedule + 1 || !m_live(j))
            continue;
        if (j->state == RP_RUNNING)
            j->kill = true;
        else
            j->state = RP_CANCELLED, j->ended = m->now, j->held = (struct m_held){0};
    }
}

static enum rp_verdict on_time(struct model *m, int schedule, int64_t instant)
{
    const struct m_schedule *s = &m_schedules[schedule];
    const struct m_type *t = &m_types[s->type];
    int64_t live = 0, waiting = 0;
    for (int64_t i = 1; i <= m->n; i++)
        if (m->job[i].schedule == schedule + 1 && m_live(&m->job[i]))
            live++, waiting += m->job[i].state != RP_RUNNING;
    if (s->overlap == RP_OVERLAP_SKIP && live > 0)
        return RP_VERDICT_OVERLAP;
    if (s->overlap == RP_OVERLAP_QUEUE && waiting > 0)
        return RP_VERDICT_MERGED;
    if (s->overlap == RP_OVERLAP_REPLACE)
        replace(m, schedule);
    struct m_job *j =
        &m->job[m_add(m, s->type, (int)t->queue, 0, t->priority, instant, t->max_attempts)];
    j->schedule = schedule + 1;
    j->instant = instant;
    j->alone = true;
    return RP_VERDICT_FIRED;
}

static enum rp_verdict verdict(struct model *m, int k, int64_t instant)
{
    if (instant > m->schedule[k].gap_to) {
        bool down = instant < m->up_since;
        m->schedule[k].gap = RP_VERDICT_NONE;
        m->schedule[k].gap_to = 0;
        if (down || m->now - instant > RP_US_MIN) {
            m->schedule[k].gap = RP_VERDICT_MISSED;
            m->schedule[k].gap_to = down ? m->up_since - 1 : m->now;
        }
    }
    bool in_gap = instant <= m->schedule[k].gap_to;
    if (in_gap && m->schedule[k].gap == RP_VERDICT_PAUSED)
        return RP_VERDICT_PAUSED;
    if (m->schedule[k].paused != 0 && m->schedule[k].paused <= instant)
        return RP_VERDICT_PAUSED;
    return in_gap ? RP_VERDICT_MISSED : on_time(m, k, instant);
}

static void fire_one(struct model *m, int k, int64_t *fired, int64_t *missed)
{
    while (m->schedule[k].next <= m->now) {
        enum rp_verdict v = verdict(m, k, m->schedule[k].next);
        m->schedule[k].n[v]++;
        *fired += v == RP_VERDICT_FIRED;
        *missed += v == RP_VERDICT_MISSED;
        m->schedule[k].next += m_schedules[k].every_us;
    }
    if (m->schedule[k].next > m->schedule[k].gap_to)
        m->schedule[k].gap = RP_VERDICT_NONE, m->schedule[k].gap_to = 0;
}

/* Those that are due longest first. */
void m_fire(struct model *m, int64_t *fired, int64_t *missed, int64_t *next)
{
    bool done[M_SCHEDULES] = {false};
    *fired = *missed = 0;
    for (int round = 0; round < M_SCHEDULES; round++) {
        int first = -1;
        for (int k = 0; k < M_SCHEDULES; k++)
            if (!done[k] && (first < 0 || m->schedule[k].next < m->schedule[first].next))
                first = k;
        fire_one(m, first, fired, missed);
        done[first] = true;
    }
    *next = INT64_MAX;
    for (int k = 0; k < M_SCHEDULES; k++)
        sooner(next, m->schedule[k].next);
}
