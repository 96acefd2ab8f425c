/* Whether a store holds what was acknowledged. */
#include "history_internal.h"

#include <sqlite3.h>

/* ---- the digest ---- */

static uint64_t stir(uint64_t digest, const void *p, size_t n)
{
    return rp_hash64((struct rp_str){p, n}) ^ (digest * 0x9e3779b97f4a7c15u + 1);
}

static uint64_t stir_row(uint64_t digest, sqlite3_stmt *st)
{
    for (int c = 0; c < sqlite3_column_count(st); c++) {
        int type = sqlite3_column_type(st, c);
        const void *p = sqlite3_column_blob(st, c);
        size_t n = (size_t)sqlite3_column_bytes(st, c);
        digest = stir(digest, &type, sizeof type);
        digest = n > 0 ? stir(digest, p, n) : digest;
    }
    return digest;
}

static sqlite3_stmt *ask(struct rp_db *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db->sq, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db->sq));
    return st;
}

/* Every row of every table. 0: the file could not be read. */
uint64_t history_digest(struct rp_db *db)
{
    uint64_t digest = 1;
    int rc = SQLITE_DONE;
    sqlite3_stmt *tables =
        ask(db, "select name, 'select * from \"' || name || '\"' from sqlite_master where type = "
                "'table' and name not like 'sqlite_stat%' order by name");
    while (rc == SQLITE_DONE && (rc = sqlite3_step(tables)) == SQLITE_ROW) {
        digest = stir_row(digest, tables);
        sqlite3_stmt *rows = ask(db, (const char *)sqlite3_column_text(tables, 1));
        while ((rc = sqlite3_step(rows)) == SQLITE_ROW)
            digest = stir_row(digest, rows);
        (void)sqlite3_finalize(rows);
    }
    (void)sqlite3_finalize(tables);
    return rc == SQLITE_DONE ? digest : 0;
}

/* ---- whether a store holds what was acknowledged ---- */

static bool wrong(char why[HISTORY_WHY], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static bool wrong(char why[HISTORY_WHY], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, HISTORY_WHY, fmt, ap);
    va_end(ap);
    return false;
}

/* Where the states of `set` may go by themselves, or by a person, between two attempts. */
static unsigned drift(unsigned set)
{
    for (unsigned before = 0; before != set;) {
        before = set;
        for (size_t i = 0; i < rp_transitions_n; i++) {
            const struct rp_transition *t = &rp_transitions[i];
            if (t->from != RP_STATE_NONE && t->from != RP_RUNNING && t->event != RP_EV_CLAIM &&
                (set >> t->from & 1) != 0)
                set |= 1u << t->to;
        }
    }
    return set;
}

static bool may_end_as(enum rp_event e, enum rp_outcome o)
{
    switch (o) {
    case RP_OUT_SUCCEEDED:
        return e == RP_EV_SUCCEED;
    case RP_OUT_FAILED:
    case RP_OUT_TIMEOUT:
        return e == RP_EV_FAIL_RETRY || e == RP_EV_FAIL_FINAL || e == RP_EV_HOLD;
    case RP_OUT_LOST:
        return e == RP_EV_LOST_REPEAT || e == RP_EV_LOST_FINAL || e == RP_EV_LOST_UNKNOWN;
    case RP_OUT_INTERRUPTED:
        return e == RP_EV_INTERRUPT || e == RP_EV_FAIL_FINAL;
    default:
        return e == RP_EV_CANCEL;
    }
}

/* The states that the table leads to from `set` by this attempt. */
static unsigned attempted(unsigned set, enum rp_outcome o)
{
    unsigned to = 0;
    if ((drift(set) >> RP_QUEUED & 1) == 0 || o == RP_OUT_NONE)
        return o == RP_OUT_NONE && (drift(set) >> RP_QUEUED & 1) != 0 ? 1u << RP_RUNNING : 0;
    for (size_t i = 0; i < rp_transitions_n; i++)
        if (rp_transitions[i].from == RP_RUNNING && may_end_as(rp_transitions[i].event, o))
            to |= 1u << rp_transitions[i].to;
    return to;
}

/* G4: a chain of the table leads through the job's attempts to its state. */
static bool chain_holds(struct rp_db *db, const struct rp_job *j, struct rp_arena *a,
                        char why[HISTORY_WHY])
{
    struct rp_attempt *v;
    struct rp_err err;
    size_t n;
    unsigned set = 1u << RP_QUEUED | 1u << RP_SCHEDULED;
    if (!rp_job_attempts(db, j->id, a, &v, &n, &err))
        return wrong(why, "job %lld: %s", (long long)j->id, err.message);
    for (size_t i = 0; i < n; i++)
        set = attempted(set, v[i].outcome);
    if (n == 0 || v[n - 1].outcome != RP_OUT_NONE)
        set = drift(set);
    return (set >> j->state & 1) != 0 ||
           wrong(why, "job %lld: no chain of the table leads through its %zu attempts to %s",
                 (long long)j->id, n, rp_state_name(j->state));
}

static bool all_chains_hold(struct rp_db *db, struct rp_arena *a, char why[HISTORY_WHY])
{
    struct rp_job_filter f = {0};
    struct rp_job *v;
    struct rp_err err;
    size_t n;
    bool more = true;
    for (int64_t after = 0; more; after = n > 0 ? v[n - 1].id : 0) {
        if (!rp_jobs_list(db, &f, after, 1000, a, &v, &n, &more, &err))
            return wrong(why, "jobs cannot be listed: %s", err.message);
        for (size_t i = 0; i < n; i++)
            if (!chain_holds(db, &v[i], a, why))
                return false;
    }
    return true;
}

static bool ended_so(struct rp_db *db, const struct ack *k, struct rp_arena *a)
{
    struct rp_attempt *v;
    struct rp_err err;
    size_t n;
    if (!rp_job_attempts(db, k->job, a, &v, &n, &err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (v[i].n == k->n)
            return k->outcome == RP_OUT_NONE || v[i].outcome == k->outcome;
    return false;
}

static bool is_so(struct rp_db *db, const struct ack *k, struct rp_arena *a, char why[HISTORY_WHY])
{
    struct rp_job j;
    struct rp_err err;
    if (!rp_job_get(db, k->job, a, &j, &err))
        return wrong(why, "job %lld is lost: %s", (long long)k->job, err.message);
    if (k->state != RP_STATE_NONE && j.state != k->state)
        return wrong(why, "job %lld is %s, acknowledged was %s", (long long)k->job,
                     rp_state_name(j.state), rp_state_name(k->state));
    return k->n == 0 || ended_so(db, k, a) ||
           wrong(why, "attempt %lld of job %lld is not %s, as acknowledged", (long long)k->n,
                 (long long)k->job, rp_outcome_name(k->outcome));
}

static bool later_said(const struct history *h, size_t i, size_t acked)
{
    for (size_t k = i + 1; k < h->n_ack && h->ack[k].tx <= acked; k++)
        if (h->ack[k].job == h->ack[i].job)
            return true;
    return false;
}

/* The newest word on each job; and on each attempt that ended, whatever came later (G3). A job that
 * nobody speaks of by name may have been moved by promote. */
static bool ledger_holds(const struct history *h, struct rp_db *db, size_t acked,
                         struct rp_arena *a, char why[HISTORY_WHY])
{
    for (size_t i = 0; i < h->n_ack && h->ack[i].tx <= acked; i++) {
        struct ack k = h->ack[i];
        if (later_said(h, i, acked) || k.state == RP_RETRYING || k.state == RP_SCHEDULED) {
            k.state = RP_STATE_NONE;
            k.n = k.outcome != RP_OUT_NONE ? k.n : 0;
        }
        if (!is_so(db, &k, a, why))
            return false;
    }
    return true;
}

static bool whole(struct rp_db *db, char why[HISTORY_WHY])
{
    struct rp_buf findings = {0};
    struct rp_err err;
    bool ok = rp_store_check(db, &findings, &err);
    if (!ok)
        (void)wrong(why, "%s: %.*s", err.message, (int)(findings.n < 300 ? findings.n : 300),
                    findings.p);
    rp_buf_free(&findings);
    return ok;
}

bool history_settle(struct history *h, char why[HISTORY_WHY])
{
    struct rp_arena a = {0};
    size_t there = 0, claims = h->n_claimed;
    for (size_t i = 0; i < claims; i++)
        there += is_so(h->db, &h->claimed[i], &a, why);
    rp_arena_free(&a);
    if (there == claims && claims > 0)
        h->is = h->would_be;
    else
        h->n_claimed = 0;
    history_acknowledge(h, "what was refused", history_now(h));
    h->is.key++; /* which key or instant was used up is not known */
    h->is.now += RP_US_MIN;
    return there == 0 || there == claims ||
           wrong(why, "%zu of the %zu parts of a refused operation are there", there, claims);
}

bool history_kept(const struct history *h, struct rp_db *db, char why[HISTORY_WHY])
{
    struct rp_arena a = {0};
    bool ok =
        whole(db, why) && ledger_holds(h, db, h->n_tx - 1, &a, why) && all_chains_hold(db, &a, why);
    rp_arena_free(&a);
    return ok;
}

/* What was acknowledged, in words: once for each content that a store can have. */
static bool told(struct history *h, size_t tx, struct rp_db *db, uint64_t digest,
                 char why[HISTORY_WHY])
{
    struct rp_arena a = {0};
    bool known = h->tx[tx].told && h->tx[tx].digest == digest;
    bool ok = known || (ledger_holds(h, db, tx, &a, why) && all_chains_hold(db, &a, why));
    h->tx[tx].told = ok;
    rp_arena_free(&a);
    return ok;
}

bool history_holds(struct history *h, struct rp_db *db, size_t acked, bool in_flight,
                   char why[HISTORY_WHY])
{
    uint64_t digest = history_digest(db);
    size_t next = acked + 1;
    if (in_flight && next < h->n_tx && digest == h->tx[next].digest)
        return whole(db, why) && told(h, next, db, digest, why);
    if (!whole(db, why) || !told(h, acked, db, digest, why))
        return false;
    return digest == h->tx[acked].digest ||
           wrong(why, "neither all nor nothing of what was under way after \"%s\" is there",
                 h->tx[acked].name);
}
