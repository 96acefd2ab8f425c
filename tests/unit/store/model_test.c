/* G4, G10, G11, G13 by property: random sequences of operations on the store and on a model of a
 * few lines that knows nothing of SQL. After each sequence every job of the store is as the model
 * says, and rp_store_check finds nothing. */
#include "store_help.h"

enum { JOBS = 400, STEPS = 600, ROUNDS = 12, KEYS = 5 };

struct model_job {
    enum rp_state state;
    int64_t attempts, max_attempts, n, due, interrupted, lost, deadline;
    int key; /* -1: none */
    bool idempotent, kill, poison;
    struct rp_lease lease;
};
struct model {
    struct fixture *f;
    struct dice d;
    struct model_job job[JOBS + 1]; /* by id */
    int64_t n;
    struct rp_lease old[64]; /* leases that are over */
    int64_t n_old;
};

static bool live(const struct model_job *j)
{
    return !rp_state_terminal(j->state);
}

static int64_t live_with_key(const struct model *m, int key, bool idempotent)
{
    for (int64_t i = 1; i <= m->n; i++)
        if (m->job[i].key == key && live(&m->job[i]) && m->job[i].idempotent == idempotent)
            return i;
    return 0;
}

static void end(struct model *m, struct model_job *j, enum rp_state to)
{
    m->old[m->n_old++ % 64] = j->lease;
    j->state = to;
}

/* ---- operations: on both ---- */

static void op_enqueue(struct model *m)
{
    static const char *const keys[KEYS] = {"a", "b", "c", "d", "e"};
    bool idempotent = help_roll(&m->d, 2) == 0;
    int key = (int)help_roll(&m->d, 2 * KEYS) - KEYS;
    struct rp_enqueue in = help_job(idempotent ? "safe" : "unsafe");
    struct rp_enqueued out;
    struct fixture *f = m->f;
    if (m->n >= JOBS)
        return;
    in.due_us = help_roll(&m->d, 3) == 0 ? f->now + help_roll(&m->d, 20) * RP_US_S : 0;
    in.key = key >= 0 ? rp_str_of(keys[key]) : RP_NONE;
    help_tx(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    int64_t expected = key >= 0 ? live_with_key(m, key, idempotent) : 0;
    assert_int_equal(out.existing, expected != 0);
    if (expected != 0) {
        assert_int_equal(out.id, expected);
        return;
    }
    assert_int_equal(out.id, ++m->n);
    m->job[m->n] = (struct model_job){.state = in.due_us > f->now ? RP_SCHEDULED : RP_QUEUED,
                                      .max_attempts = 4,
                                      .due = in.due_us,
                                      .key = key >= 0 ? key : -1,
                                      .idempotent = idempotent};
}

/* Of those that were ready, none has been due for longer; of equals the first made comes first. */
static void longest_due(const struct model *m, const struct rp_job *taken)
{
    for (int64_t k = 1; k <= m->n; k++) {
        int64_t due = help_get(m->f, k).due_us;
        if (m->job[k].state == RP_QUEUED && k != taken->id)
            assert_true(due > taken->due_us || (due == taken->due_us && k > taken->id));
    }
}

static void op_claim(struct model *m)
{
    struct fixture *f = m->f;
    struct rp_lease *l;
    int64_t max = 1 + help_roll(&m->d, 4), expected = 0;
    for (int64_t i = 1; i <= m->n; i++)
        expected += m->job[i].state == RP_QUEUED;
    size_t n = help_claim(f, max, &l);
    assert_int_equal(n, expected < max ? expected : max);
    for (size_t i = 0; i < n; i++) {
        struct model_job *j = &m->job[l[i].job.id];
        assert_int_equal(j->state, RP_QUEUED);
        longest_due(m, &l[i].job);
        if (j->poison)
            j->poison = false, j->lost = j->interrupted = 0;
        j->state = RP_RUNNING;
        j->lease = l[i];
        j->deadline = f->now + HELP_LEASE;
        j->kill = false;
        assert_int_equal(l[i].attempt, ++j->n);
    }
}

static int64_t pick(struct model *m, enum rp_state s)
{
    int64_t from = 1 + help_roll(&m->d, m->n > 0 ? m->n : 1);
    for (int64_t k = 0; k < m->n; k++) {
        int64_t i = (from + k - 1) % m->n + 1;
        if (m->job[i].state == s)
            return i;
    }
    return 0;
}

static void op_report(struct model *m)
{
    static const enum rp_outcome outcomes[] = {
        RP_OUT_SUCCEEDED,   RP_OUT_FAILED,      RP_OUT_FAILED,   RP_OUT_TIMEOUT,
        RP_OUT_INTERRUPTED, RP_OUT_INTERRUPTED, RP_OUT_CANCELLED};
    enum rp_outcome o = outcomes[help_roll(&m->d, 7)];
    struct fixture *f = m->f;
    int64_t id = pick(m, RP_RUNNING);
    if (id == 0)
        return;
    struct model_job *j = &m->job[id];
    enum rp_state state, to;
    bool permanent = help_roll(&m->d, 6) == 0;
    struct rp_report r = help_outcome(&j->lease, o);
    r.permanent = permanent;
    help_tx(rp_job_report(f->db, &r, f->now, &state, err));
    int64_t interrupted = o == RP_OUT_INTERRUPTED && !j->kill ? j->interrupted + 1 : 0;
    if (o == RP_OUT_SUCCEEDED)
        to = RP_SUCCEEDED, j->lost = 0;
    else if (j->kill || o == RP_OUT_CANCELLED)
        to = RP_CANCELLED;
    else if (o == RP_OUT_INTERRUPTED)
        to = interrupted >= 5 ? RP_FAILED : RP_QUEUED, j->poison = interrupted >= 5;
    else
        to = !permanent && j->attempts + 1 < j->max_attempts ? RP_RETRYING : RP_FAILED;
    j->interrupted = interrupted;
    j->attempts += to != RP_QUEUED;
    j->due = to == RP_RETRYING ? f->now + RP_US_S : j->due;
    assert_int_equal(state, to);
    end(m, j, to);
}

static void op_old_report(struct model *m)
{
    struct fixture *f = m->f;
    enum rp_state state;
    if (m->n_old == 0)
        return;
    struct rp_report r =
        help_outcome(&m->old[help_roll(&m->d, m->n_old < 64 ? m->n_old : 64)], RP_OUT_SUCCEEDED);
    help_tx_refused(RP_E_LEASE_LOST, rp_job_report(f->db, &r, f->now, &state, err));
}

static void op_time(struct model *m)
{
    struct fixture *f = m->f;
    f->now += help_roll(&m->d, 15) * RP_US_S;
    (void)help_promote(f);
    (void)help_expire(f);
    for (int64_t i = 1; i <= m->n; i++) {
        struct model_job *j = &m->job[i];
        if ((j->state == RP_SCHEDULED || j->state == RP_RETRYING) && j->due <= f->now)
            j->state = RP_QUEUED;
        if (j->state != RP_RUNNING || j->deadline > f->now)
            continue;
        j->attempts++;
        j->lost++;
        j->interrupted = 0;
        j->poison |= !j->kill && j->lost >= 3;
        end(m, j,
            j->kill                                       ? RP_CANCELLED
            : !j->idempotent                              ? RP_UNKNOWN
            : j->poison || j->attempts >= j->max_attempts ? RP_FAILED
                                                          : RP_QUEUED);
    }
}

static void op_cancel(struct model *m)
{
    struct fixture *f = m->f;
    if (m->n == 0)
        return;
    int64_t id = 1 + help_roll(&m->d, m->n);
    struct model_job *j = &m->job[id];
    if (!live(j)) {
        help_tx_refused(RP_E_BAD_STATE,
                        rp_job_cancel(f->db, id, RP_STR("x"), RP_NONE, f->now, err));
        return;
    }
    help_tx(rp_job_cancel(f->db, id, RP_STR("x"), RP_NONE, f->now, err));
    if (j->state == RP_RUNNING)
        j->kill = true;
    else
        j->state = RP_CANCELLED;
}

static void op_retry(struct model *m)
{
    struct fixture *f = m->f;
    if (m->n == 0)
        return;
    int64_t id = 1 + help_roll(&m->d, m->n);
    struct model_job *j = &m->job[id];
    struct rp_str why = RP_STR("because");
    if (live(j)) {
        help_tx_refused(RP_E_BAD_STATE, rp_job_retry(f->db, id, RP_STR("x"), why, f->now, err));
    } else if (j->key >= 0 && live_with_key(m, j->key, j->idempotent) != 0) {
        help_tx_refused(RP_E_CONFLICT, rp_job_retry(f->db, id, RP_STR("x"), why, f->now, err));
    } else {
        help_tx(rp_job_retry(f->db, id, RP_STR("x"), why, f->now, err));
        j->state = RP_QUEUED;
        j->max_attempts = j->attempts + 1;
    }
}

static void op_resolve(struct model *m)
{
    struct fixture *f = m->f;
    int64_t id = pick(m, RP_UNKNOWN);
    if (id == 0)
        return;
    bool worked = help_roll(&m->d, 2) == 0;
    help_tx(rp_job_resolve(f->db, id, worked, RP_STR("x"), RP_NONE, f->now, err));
    m->job[id].state = worked ? RP_SUCCEEDED : RP_FAILED;
}

static void op_beat(struct model *m)
{
    struct fixture *f = m->f;
    bool held;
    int64_t id = pick(m, RP_RUNNING);
    if (id == 0)
        return;
    struct model_job *j = &m->job[id];
    help_tx(
        rp_leases_extend(f->db, &j->lease.id, &j->lease.token, 1, f->now + HELP_LEASE, &held, err));
    assert_true(held);
    j->deadline = f->now + HELP_LEASE;
}

static void op_reopen(struct model *m)
{
    struct fixture *f = m->f;
    if (help_roll(&m->d, 20) != 0)
        return;
    rp_store_close(f->store);
    f->store = help_open(f->path);
    f->db = rp_store_writer(f->store);
    help_reload(f);
}

static void agree(struct model *m)
{
    struct fixture *f = m->f;
    for (int64_t i = 1; i <= m->n; i++) {
        struct rp_job j = help_get(f, i);
        const struct model_job *w = &m->job[i];
        if (j.state != w->state || j.attempts != w->attempts || j.max_attempts != w->max_attempts ||
            j.last_n != w->n || j.poison != w->poison)
            fail_msg("job %lld is %s, %lld of %lld, attempt %lld, poison %d; the model says %s, "
                     "%lld of %lld, %lld, %d",
                     (long long)i, rp_state_name(j.state), (long long)j.attempts,
                     (long long)j.max_attempts, (long long)j.last_n, j.poison,
                     rp_state_name(w->state), (long long)w->attempts, (long long)w->max_attempts,
                     (long long)w->n, w->poison);
    }
    assert_int_equal(help_int(f, "select count(*) from job"), m->n);
    help_check(f);
    assert_int_equal(help_int(f, "select coalesce(sum(n), 0) from rollup"),
                     help_int(f, "select count(*) from attempt"));
}

static void G4_every_job_is_where_the_model_says(void **state)
{
    static void (*const ops[])(struct model *) = {op_enqueue,    op_enqueue, op_enqueue, op_claim,
                                                  op_claim,      op_report,  op_report,  op_report,
                                                  op_old_report, op_time,    op_cancel,  op_retry,
                                                  op_resolve,    op_beat,    op_reopen};
    (void)state;
    struct dice d = help_dice("model");
    for (int round = 0; round < ROUNDS; round++) {
        void *own = NULL;
        assert_int_equal(help_setup(&own), 0);
        struct model *m = rp_xcalloc(1, sizeof *m);
        m->f = own;
        m->d = d;
        help_types(m->f, "safe", "unsafe", NULL);
        m->f->type[1].idempotent = false;
        OK(rp_script(m->f->db, "pragma synchronous = off", err));
        for (int i = 0; i < STEPS; i++)
            ops[help_roll(&m->d, (int64_t)(sizeof ops / sizeof *ops))](m);
        /* Seldom, for a new page of statistics or schema; not with each parameter (`x = ?` beside a
         * partial index on x). */
        assert_in_range(rp_db_recompiled(m->f->db), 0, 20);
        agree(m);
        d = m->d;
        free(m);
        assert_int_equal(help_teardown(&own), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(G4_every_job_is_where_the_model_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
