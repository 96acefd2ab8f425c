/* Jobs that are held for a dependency (users.md U11), in the model, and the steps that lead there:
 * a check of a dependency comes in, the engine's step lets jobs out. */
#include "steps_internal.h"

#include "base/time.h"

static const char *const deps[M_DEPS] = {"db", "net"};

enum { DOWN = RP_DEP_DOWN };

/* ---- the model ---- */

bool m_needs_down(const struct model *m, int type)
{
    for (int d = 0; d < M_DEPS; d++)
        if ((m_types[type].needs >> d & 1) != 0 && m->dep[d].state == DOWN)
            return true;
    return false;
}

/* The first one by name that is down; that whose check is oldest. */
static void needs(const struct model *m, int type, int *down, int *oldest)
{
    *down = *oldest = -1;
    for (int d = 0; d < M_DEPS; d++) {
        if ((m_types[type].needs >> d & 1) == 0)
            continue;
        if (m->dep[d].state == DOWN && *down < 0)
            *down = d;
        if (*oldest < 0 || m->dep[d].checked < m->dep[*oldest].checked)
            *oldest = d;
    }
}

static bool in_replay(const struct model *m, int64_t id)
{
    const struct m_replay *r = &m->replay[m->job[id].replay];
    for (int64_t i = 0; m->job[id].replay != 0 && i < r->n; i++)
        if (r->item[i].job == id && r->item[i].fate == RP_FATE_RELEASED)
            return true;
    return false;
}

bool m_hold(struct model *m, struct m_job *j, struct m_held *out)
{
    const struct m_type *t = &m_types[j->type];
    int down, oldest;
    needs(m, j->type, &down, &oldest);
    *out = j->held;
    if (oldest < 0 || in_replay(m, j - m->job))
        return false;
    if (!out->is)
        out->since = m->now;
    if (m->now >= out->since + t->hold_max)
        return false;
    bool known = down >= 0 || j->held.is;
    if (!known && m->dep[oldest].checked >= m->now)
        return false;
    out->phase = known ? RP_HOLD_HELD : RP_HOLD_DOUBTED;
    out->dep = down >= 0 ? down : oldest;
    out->failed = m->now;
    out->until = out->since + t->hold_max;
    if (!known && m->now + M_DOUBT < out->until)
        out->until = m->now + M_DOUBT;
    if (j->held.is && m->wave[j->type].size > 0) { /* one came back */
        struct m_wave *w = &m->wave[j->type];
        int64_t wait = 10 * RP_US_S << (w->returned < 6 ? w->returned : 6);
        w->not_before = m->now + (wait < 10 * RP_US_MIN ? wait : 10 * RP_US_MIN);
        w->returned++;
        w->size = 0;
    }
    out->is = true;
    return true;
}

static void count(struct model *m, struct m_job *j)
{
    j->counted[j->n] = true;
    j->held = (struct m_held){0};
    if (++j->attempts < j->max_attempts) {
        j->due = m->now + m_types[j->type].backoff_us;
    } else {
        j->state = RP_FAILED;
        j->ended = m->now;
    }
}

/* The longest wait is over. */
void m_held_due(struct model *m, struct m_job *j)
{
    if (j->held.phase == RP_HOLD_DOUBTED) {
        count(m, j);
    } else if (m_needs_down(m, j->type)) {
        j->held = (struct m_held){0};
        j->state = RP_FAILED;
        j->ended = m->now;
    } else {
        j->held.phase = RP_HOLD_OUT;
        j->state = RP_QUEUED;
    }
}

static void settle(struct model *m, struct m_job *j)
{
    int down, oldest;
    needs(m, j->type, &down, &oldest);
    if (down >= 0) {
        j->held.phase = RP_HOLD_HELD;
        j->held.dep = down;
        j->due = j->held.since + m_types[j->type].hold_max;
    } else if (m->dep[oldest].checked >= j->held.failed) {
        count(m, j);
    }
}

static int64_t in_phase(const struct model *m, int type, enum rp_hold_phase p)
{
    int64_t n = 0;
    for (int64_t i = 1; i <= m->n; i++)
        n += m->job[i].held.is && m->job[i].held.phase == p && m->job[i].type == type;
    return n;
}

static void let_out(struct model *m, int type, int64_t *next)
{
    struct m_wave *w = &m->wave[type];
    if (in_phase(m, type, RP_HOLD_HELD) == 0)
        return;
    if (m_needs_down(m, type)) {
        *w = (struct m_wave){0};
        return;
    }
    if (in_phase(m, type, RP_HOLD_OUT) > 0)
        return;
    if (w->not_before > m->now) {
        *next = w->not_before < *next ? w->not_before : *next;
        return;
    }
    w->returned = w->size > 0 ? 0 : w->returned;
    w->size = w->size > 0 ? 2 * w->size : 5;
    int64_t left = w->size;
    for (int64_t i = 1; i <= m->n && left > 0; i++) {
        struct m_job *j = &m->job[i];
        if (!j->held.is || j->held.phase != RP_HOLD_HELD || j->type != type)
            continue;
        j->held.phase = RP_HOLD_OUT;
        j->state = RP_QUEUED;
        left--;
    }
}

static void holds(struct model *m, int64_t *next)
{
    *next = INT64_MAX;
    for (int64_t i = 1; i <= m->n; i++)
        if (m->job[i].held.is && m->job[i].held.phase == RP_HOLD_DOUBTED)
            settle(m, &m->job[i]);
    for (int t = 0; t < M_TYPES; t++) {
        let_out(m, t, next);
        if (in_phase(m, t, RP_HOLD_DOUBTED) + in_phase(m, t, RP_HOLD_HELD) +
                in_phase(m, t, RP_HOLD_OUT) ==
            0)
            m->wave[t] = (struct m_wave){0};
    }
}

/* ---- steps ---- */

bool do_dep_check(struct run *r, const struct step *s)
{
    int d = (int)(s->a % M_DEPS);
    bool up = s->b % 2 == 0;
    MUST(r, rp_dep_checked(r->db, rp_str_of(deps[d]), up, RP_STR("said"), 1, r->m.now, err));
    r->m.dep[d].state = up ? RP_DEP_UP : DOWN;
    r->m.dep[d].checked = r->m.now;
    run_say(r, "%s is %s", deps[d], up ? "up" : "down");
    return true;
}

bool do_holds(struct run *r, const struct step *s)
{
    int64_t moved, next, expected, held = 0;
    for (int t = 0; t < M_TYPES; t++)
        held += in_phase(&r->m, t, RP_HOLD_DOUBTED) + in_phase(&r->m, t, RP_HOLD_HELD);
    if (held == 0 || s->b % 3 == 0) { /* one that fails by the fault of a dependency */
        struct step fails = {STEP_report, .a = s->a, .b = 2, .c = 1};
        for (uint32_t more = s->c % 8; more > 0; more--)
            if (!do_report(r, &fails))
                return false;
        return do_report(r, &fails);
    }
    MUST(r, rp_holds_step(r->db, r->m.now, 1000, &moved, &next, err));
    holds(&r->m, &expected);
    run_same(r, "U11: when held jobs may come out next", next, expected);
    run_say(r, "%lld moved", (LL)moved);
    return true;
}

/* ---- agreement ---- */

static void agree_hold(struct run *r, struct rp_stmt *s)
{
    int64_t id = rp_col_i64(s, 0);
    const struct m_job *j = &r->m.job[id];
    if (!j->held.is)
        run_wrong(r, "U11: job %lld is held, the model says it is not", (LL)id);
    run_same(r, "U11: since when a job is held", rp_col_i64(s, 1), j->held.since);
    run_same(r, "U11: when a held job failed", rp_col_i64(s, 2), j->held.failed);
    run_same(r, "U11: the phase of a hold", rp_col_i64(s, 3), j->held.phase);
    if (!rp_str_is(rp_col_view(s, 4), deps[j->held.dep]))
        run_wrong(r, "U11: job %lld is held by another than %s", (LL)id, deps[j->held.dep]);
}

static int64_t uncounted(const struct model *m)
{
    int64_t n = 0;
    for (int64_t i = 1; i <= m->n; i++)
        for (int64_t k = 1; k <= m->job[i].n; k++)
            n += m->job[i].was_held[k] && !m->job[i].counted[k];
    return n;
}

void run_agree_holds(struct run *r)
{
    struct rp_stmt *s = rp_sql(r->db, "select job_id, since, failed_at, phase, dependency from hold"
                                      " order by job_id");
    int64_t n = 0, expected = 0, got;
    enum rp_step step;
    for (; (step = rp_step(s, NULL)) == RP_STEP_ROW; n++)
        agree_hold(r, s);
    for (int64_t i = 1; i <= r->m.n; i++)
        expected += r->m.job[i].held.is;
    run_same(r, "U11: jobs that are held or were", n, expected);
    MUST(r, rp_get_i64(rp_sql(r->db, "select count(*) from attempt where held is not null"), 0,
                       &got, err));
    run_same(r, "U11: attempts that do not count", got, uncounted(&r->m));
}
