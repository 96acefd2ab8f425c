/* Replays in the model: items, fates, what a stop takes back. */
#include "model.h"

/* Out in a replay that stands still or was stopped: nothing of it starts (replay, rule 15). */
bool m_taken_back(const struct model *m, int64_t id)
{
    const struct m_replay *r = &m->replay[m->job[id].replay];
    if (m->job[id].replay == 0 || r->state == RP_REPLAY_PLANNED || r->state == RP_REPLAY_RUNNING ||
        r->state == RP_REPLAY_DONE)
        return false;
    for (int64_t i = 0; i < r->n; i++)
        if (r->item[i].job == id && r->item[i].fate == RP_FATE_RELEASED)
            return true;
    return false;
}

void m_replay_add(struct model *m, struct m_replay *r, int64_t job)
{
    const struct m_job *j = &m->job[job];
    r->item[r->n++] = (struct m_item){.job = job,
                                      .n = j->n,
                                      .attempts = j->attempts,
                                      .max_attempts = j->max_attempts,
                                      .ended = j->ended,
                                      .due = j->due,
                                      .replay = j->replay,
                                      .state = j->state,
                                      .pattern = j->pattern,
                                      .fate = RP_FATE_WAITING};
}

static int64_t with_fate(const struct m_replay *r, enum rp_fate f)
{
    int64_t n = 0;
    for (int64_t i = 0; i < r->n; i++)
        n += r->item[i].fate == f;
    return n;
}

static void set_replay(struct m_replay *r, enum rp_replay_state to)
{
    bool over = to == RP_REPLAY_DONE || to == RP_REPLAY_ABORTED || to == RP_REPLAY_UNDONE;
    r->state = to;
    r->ended = over && with_fate(r, RP_FATE_RELEASED) == 0;
}

/* Rule 15: what failed or was lost in it has no other try, and what was only broken off becomes
 * what it was. */
static void give_up(struct model *m, const struct m_item *it, int64_t id)
{
    struct m_job *j = &m->job[it->job];
    bool waits = j->state == RP_QUEUED || j->state == RP_RETRYING;
    if (it->fate != RP_FATE_RELEASED || j->replay != id)
        return;
    if (waits && j->attempts > it->attempts)
        j->state = RP_FAILED, j->ended = m->now;
    else if (j->state == RP_QUEUED && j->n > it->n)
        j->state = it->state, j->ended = m->now;
    if (j->state == RP_RUNNING && j->max_attempts > j->attempts + 1)
        j->max_attempts = j->attempts + 1;
}

/* What has not started is as it was before. */
static void recall(struct model *m, int64_t id)
{
    struct m_replay *r = &m->replay[id];
    for (int64_t i = 0; i < r->n; i++) {
        struct m_item *it = &r->item[i];
        struct m_job *j = &m->job[it->job];
        if (it->fate != RP_FATE_RELEASED || j->state != RP_QUEUED || j->n != it->n ||
            j->replay != id)
            continue;
        j->state = it->state == RP_UNKNOWN ? RP_UNKNOWN : RP_FAILED;
        j->max_attempts = it->max_attempts;
        j->ended = it->ended;
        j->due = it->due;
        j->replay = it->replay;
        it->fate = RP_FATE_WAITING;
        it->wave = 0;
    }
    for (int64_t i = 0; i < r->n; i++)
        give_up(m, &r->item[i], id);
}

static bool step_allowed(const struct m_replay *r, enum rp_replay_state to)
{
    enum rp_replay_state s = r->state;
    switch (to) {
    case RP_REPLAY_RUNNING:
        return s == RP_REPLAY_PLANNED || s == RP_REPLAY_PAUSED || s == RP_REPLAY_HALTED;
    case RP_REPLAY_PAUSED:
    case RP_REPLAY_HALTED:
        return s == RP_REPLAY_RUNNING;
    case RP_REPLAY_DONE:
        return s == RP_REPLAY_RUNNING &&
               with_fate(r, RP_FATE_WAITING) + with_fate(r, RP_FATE_RELEASED) == 0;
    case RP_REPLAY_ABORTED:
        return s != RP_REPLAY_DONE && s != RP_REPLAY_ABORTED && s != RP_REPLAY_UNDONE;
    default:
        return false;
    }
}

bool m_replay_step(struct model *m, int64_t id, enum rp_replay_state to)
{
    struct m_replay *r = &m->replay[id];
    if (!step_allowed(r, to))
        return false;
    if (to != RP_REPLAY_RUNNING && to != RP_REPLAY_DONE)
        recall(m, id);
    set_replay(r, to);
    m->audits++;
    return true;
}

bool m_replay_undo(struct model *m, int64_t id)
{
    if (m->replay[id].state == RP_REPLAY_UNDONE)
        return false;
    recall(m, id);
    set_replay(&m->replay[id], RP_REPLAY_UNDONE);
    m->audits++;
    return true;
}

/* Replay rule 13: of a type's limit, half (at least one) is the replay's; what is out counts until
 * it is settled. */
static bool has_room(const struct model *m, const struct m_replay *r, int type)
{
    int64_t out = 0, limit = m_types[type].max_running;
    for (int64_t i = 0; i < r->n; i++)
        out += r->item[i].fate == RP_FATE_RELEASED && m->job[r->item[i].job].type == type;
    return limit == 0 || out < (limit > 1 ? limit / 2 : 1);
}

int64_t m_replay_release(struct model *m, int64_t id, int64_t wave, int64_t max)
{
    struct m_replay *r = &m->replay[id];
    int64_t out = 0;
    for (int64_t i = 0; i < r->n && out < max; i++) {
        struct m_item *it = &r->item[i];
        struct m_job *j = &m->job[it->job];
        if (it->fate != RP_FATE_WAITING || !has_room(m, r, j->type))
            continue;
        bool as_planned = j->state == it->state && j->n == it->n;
        it->wave = wave;
        it->fate = as_planned && m_reopen(m, it->job) ? RP_FATE_RELEASED : RP_FATE_SKIPPED;
        if (it->fate == RP_FATE_RELEASED)
            j->replay = id, out++;
    }
    r->wave = wave > r->wave ? wave : r->wave;
    return out;
}

static enum rp_fate fate(const struct m_job *j, const struct m_item *it)
{
    if (j->outcome[j->n] == RP_OUT_INTERRUPTED && !j->poison)
        return RP_FATE_SKIPPED;
    return j->state == RP_SUCCEEDED    ? RP_FATE_SUCCEEDED
           : j->state == RP_UNKNOWN    ? RP_FATE_UNKNOWN
           : j->state != RP_FAILED     ? RP_FATE_SKIPPED
           : j->pattern == it->pattern ? RP_FATE_FAILED_SAME
                                       : RP_FATE_FAILED_NEW;
}

/* A lost attempt is no answer: the item goes out again. */
int64_t m_replay_settle(struct model *m, int64_t id)
{
    struct m_replay *r = &m->replay[id];
    int64_t settled = 0;
    for (int64_t i = 0; i < r->n; i++) {
        struct m_item *it = &r->item[i];
        struct m_job *j = &m->job[it->job];
        if (it->fate != RP_FATE_RELEASED || m_live(j))
            continue;
        bool again = j->outcome[j->n] == RP_OUT_LOST && !j->poison && j->state == RP_FAILED &&
                     r->state == RP_REPLAY_RUNNING && m_types[j->type].idempotent;
        if (again && m_reopen(m, it->job)) {
            j->replay = id;
            continue;
        }
        it->fate = fate(j, it);
        settled++;
    }
    if (!r->ended)
        set_replay(r, r->state);
    return settled;
}
