/* Whether every row of the store is as the model says. */
#include "steps_internal.h"

#include <stdio.h>

static bool next_row(struct run *r, struct rp_stmt *s)
{
    struct rp_err err = {0};
    enum rp_step step = rp_step(s, &err);
    if (step == RP_STEP_ERROR)
        run_wrong(r, "%s", err.message);
    return step == RP_STEP_ROW;
}

static void same(struct run *r, struct rp_stmt *s, int column, const char *what, int64_t id,
                 int64_t expected)
{
    int64_t got = rp_col_i64(s, column);
    if (got != expected)
        run_wrong(r, "%s of %lld is %lld, the model says %lld", what, (LL)id, (LL)got,
                  (LL)expected);
}

/* ---- jobs ---- */

static void same_state(struct run *r, int64_t id, enum rp_state got, enum rp_state expected)
{
    if (got != expected)
        run_wrong(r, "G4: job %lld is %s, the model says %s", (LL)id, rp_state_name(got),
                  rp_state_name(expected));
}

static void jobs(struct run *r)
{
    struct rp_stmt *s = rp_sql(
        r->db,
        "select j.id, j.state, j.attempts, j.max_attempts, j.last_n, j.interrupted_n, j.lost_n,"
        " j.poison, j.due_at, coalesce(j.ended_at, 0), coalesce(j.replay_id, 0), j.priority,"
        " coalesce(p.hash, 0), j.alone, coalesce(j.instant, 0), t.name, q.name from job j"
        " join job_type t on t.id = j.type_id join queue q on q.id = j.queue_id"
        " left join pattern p on p.id = j.pattern_id order by j.id");
    int64_t id = 0;
    while (next_row(r, s)) {
        const struct m_job *j = &r->m.job[++id];
        int64_t hash = rp_col_i64(s, 12);
        same(r, s, 0, "G1: the id", id, id);
        same_state(r, id, (enum rp_state)rp_col_i64(s, 1), j->state);
        same(r, s, 2, "the burned attempts", id, j->attempts);
        same(r, s, 3, "the attempts allowed", id, j->max_attempts);
        same(r, s, 4, "the newest attempt", id, j->n);
        same(r, s, 5, "the interruptions", id, j->interrupted);
        same(r, s, 6, "the losses", id, j->lost);
        same(r, s, 7, "poison", id, j->poison);
        same(r, s, 8, "the due time", id, j->due);
        same(r, s, 9, "the end", id, j->ended);
        same(r, s, 10, "the replay", id, j->replay);
        same(r, s, 11, "the priority", id, j->priority);
        same(r, s, 13, "alone", id, j->alone);
        same(r, s, 14, "the instant", id, j->instant);
        if (hash < 0 || hash > 3) /* of the words for lost attempts */
            hash = M_LOST;
        if ((uint64_t)hash != j->pattern)
            run_wrong(r, "the pattern of job %lld is %lld, the model says %lld", (LL)id, (LL)hash,
                      (LL)j->pattern);
        if (!rp_str_is(rp_col_view(s, 15), m_types[j->type].name) ||
            !rp_str_is(rp_col_view(s, 16), m_queues[j->queue].name))
            run_wrong(r, "job %lld has another type or queue than it was given", (LL)id);
    }
    if (id != r->m.n)
        run_wrong(r, "G1: there are %lld jobs, the model says %lld", (LL)id, (LL)r->m.n);
}

static void attempts(struct run *r)
{
    struct rp_stmt *s =
        rp_sql(r->db, "select job_id, n, outcome, coalesce(replay_id, 0) from attempt union all"
                      " select l.job_id, l.n, 0, coalesce(j.replay_id, 0) from lease l"
                      " join job j on j.id = l.job_id order by 1, 2");
    int64_t id = 1, n = 0;
    while (next_row(r, s)) {
        while (id <= r->m.n && n == r->m.job[id].n)
            id++, n = 0;
        n++;
        same(r, s, 0, "G11: an attempt's job", id, id);
        same(r, s, 1, "G12: the number of an attempt of job", id, n);
        same(r, s, 2, "G3: the outcome of an attempt of job", id, r->m.job[id].outcome[n]);
        same(r, s, 3, "G17: the replay of an attempt of job", id, r->m.job[id].in_replay[n]);
    }
    while (id <= r->m.n && n == r->m.job[id].n)
        id++, n = 0;
    if (id <= r->m.n)
        run_wrong(r, "G12: attempt %lld of job %lld is not on record", (LL)n + 1, (LL)id);
}

static void leases(struct run *r)
{
    struct rp_stmt *s = rp_sql(r->db, "select id, job_id, n, deadline, kill > 0, command"
                                      " from lease order by job_id");
    int64_t running = 0, held = 0;
    for (int64_t i = 1; i <= r->m.n; i++)
        running += r->m.job[i].state == RP_RUNNING;
    for (; next_row(r, s); held++) {
        int64_t id = rp_col_i64(s, 1);
        const struct m_job *j = &r->m.job[id];
        if (j->state != RP_RUNNING)
            run_wrong(r, "G10: job %lld has a lease and is %s", (LL)id, rp_state_name(j->state));
        same(r, s, 0, "G10: the lease of job", id, j->lease.id);
        same(r, s, 2, "the attempt of the lease of job", id, j->n);
        same(r, s, 3, "the deadline of the lease of job", id, j->lease.deadline);
        same(r, s, 4, "the wish for an end of job", id, j->kill);
        same(r, s, 5, "whether a command runs job", id, j->lease.command);
    }
    if (held != running)
        run_wrong(r, "G10: there are %lld leases and %lld running jobs", (LL)held, (LL)running);
}

/* ---- schedules, replays, the trail ---- */

static void schedules(struct run *r)
{
    struct rp_stmt *s = rp_sql(r->db, "select next_at, coalesce(paused_at, 0) from schedule"
                                      " order by id");
    for (int k = 0; next_row(r, s); k++) {
        same(r, s, 0, "the next instant of schedule", k, r->m.schedule[k].next);
        same(r, s, 1, "the pause of schedule", k, r->m.schedule[k].paused);
    }
    s = rp_sql(r->db, "select schedule_id, verdict, count(*) from occurrence group by 1, 2");
    int64_t seen = 0, expected = 0;
    while (next_row(r, s)) {
        int k = (int)rp_col_i64(s, 0) - 1, v = (int)rp_col_i64(s, 1);
        same(r, s, 2, "G14: the instants with a verdict of schedule", k, r->m.schedule[k].n[v]);
        seen += rp_col_i64(s, 2);
    }
    for (int k = 0; k < M_SCHEDULES; k++)
        for (int v = 0; v < M_VERDICTS; v++)
            expected += r->m.schedule[k].n[v];
    if (seen != expected)
        run_wrong(r, "G14: %lld instants have a verdict, the model says %lld", (LL)seen,
                  (LL)expected);
}

static void replays(struct run *r)
{
    struct rp_stmt *s =
        rp_sql(r->db, "select id, state, wave, ended_at is not null from replay order by id");
    int64_t id = 0, n = 0, expected = 0;
    while (next_row(r, s)) {
        const struct m_replay *p = &r->m.replay[++id];
        same(r, s, 1, "the state of replay", id, p->state);
        same(r, s, 2, "the wave of replay", id, p->wave);
        same(r, s, 3, "the end of replay", id, p->ended);
        expected += p->n;
    }
    s = rp_sql(r->db, "select replay_id, seq, job_id, fate, coalesce(wave, 0) from replay_item"
                      " order by 1, 2");
    for (; next_row(r, s); n++) {
        const struct m_replay *p = &r->m.replay[rp_col_i64(s, 0)];
        const struct m_item *it = &p->item[rp_col_i64(s, 1) - 1];
        same(r, s, 2, "an item's job in replay", rp_col_i64(s, 0), it->job);
        same(r, s, 3, "G17: the fate of the item of job", it->job, it->fate);
        same(r, s, 4, "the wave of the item of job", it->job, it->wave);
    }
    if (id != r->m.n_replays || n != expected)
        run_wrong(r, "there are %lld replays with %lld items, the model says %lld with %lld",
                  (LL)id, (LL)n, (LL)r->m.n_replays, (LL)expected);
}

static void expect(struct run *r, const char *what, const char *sql, int64_t expected)
{
    int64_t got;
    MUST(r, rp_get_i64(rp_sql(r->db, sql), -1, &got, err));
    if (got != expected)
        run_wrong(r, "%s: %lld, expected %lld", what, (LL)got, (LL)expected);
}

void run_agree(struct run *r)
{
    jobs(r);
    attempts(r);
    leases(r);
    schedules(r);
    replays(r);
    run_agree_holds(r);
    expect(r, "G31: records of interventions", "select count(*) from audit", r->m.audits);
}

enum { RECOMPILED_MAX = 20 };

void run_check(struct run *r)
{
    struct rp_buf findings = {0};
    struct rp_err err = {0};
    bool ok = rp_store_check(r->db, &findings, &err);
    if (!ok)
        (void)snprintf(err.message, sizeof err.message, "%.*s", RP_FMT(rp_buf_view(&findings)));
    rp_buf_free(&findings);
    if (!ok)
        run_wrong(r, "G4: the store's own check finds: %s", err.message);
    expect(r, "G14: instants with two jobs",
           "select count(*) from (select 1 from job where schedule_id is not null"
           " group by schedule_id, instant having count(*) > 1)",
           0);
    expect(r, "G13: keys with two live jobs",
           "select count(*) from (select 1 from job where key is not null and state in (1, 2, 3, 4)"
           " group by type_id, key having count(*) > 1)",
           0);
    expect(r, "attempts that ended and are in no minute's count",
           "select (select count(*) from attempt where outcome <> 0) -"
           " (select coalesce(sum(n), 0) from rollup)",
           0);
    /* Seldom, for a new page of statistics or schema; not with each parameter (`x = ?` beside a
     * partial index on x). */
    if (rp_db_recompiled(r->db) > RECOMPILED_MAX)
        run_wrong(r, "%lld statements were compiled anew", (LL)rp_db_recompiled(r->db));
}
