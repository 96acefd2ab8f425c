#include "history.h"

#include "config/config.h"

#include <sqlite3.h>

void history_filter(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-')
        cmocka_set_skip_filter(argv[1] + 1);
    else if (argc > 1)
        cmocka_set_test_filter(argv[1]);
}

/* ---- opening, closing ---- */

static const char *const configurations[2] = {
    "queues:\n  mail: { max_running: 9, weight: 2 }\n"
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
    "jobs:\n"
    "  work: { idempotent: true, retries: 3, backoff: { kind: fixed, base: 1s } }\n"
    "  once: { retries: 0, queue: mail }\n"
    "  mend: { idempotent: true, retries: 0, needs: [db] }\n"
    "  tick: { run: [\"true\"], schedule: \"* * * * *\", overlap: allow }\n",
    "queues:\n  mail: { max_running: 8, weight: 3 }\n"
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
    "jobs:\n"
    "  work: { idempotent: true, retries: 3, backoff: { kind: fixed, base: 1s }, queue: new }\n"
    "  once: { retries: 0, queue: mail }\n"
    "  mend: { idempotent: true, retries: 0, needs: [db] }\n"
    "  more: { idempotent: true }\n"
    "  tick: { run: [\"true\"], schedule: \"* * * * *\", overlap: allow }\n"};

static struct rp_config *config_of(const char *yaml)
{
    static struct rp_mistakes m;
    struct rp_config *c = rp_config_parse(rp_str_of(yaml), RP_STR("test.yaml"), NULL, &m);
    if (c == NULL)
        fail_msg("configuration: %s", m.error[0].err.message);
    return c;
}

struct history *history_new(const char *parent)
{
    struct history *h = rp_xcalloc(1, sizeof *h);
    (void)snprintf(h->dir, sizeof h->dir, "%.30s/reprise-faults-XXXXXX", parent);
    if (mkdtemp(h->dir) == NULL)
        fail_msg("no folder in %s", parent);
    (void)snprintf(h->path, sizeof h->path, "%s/s.db", h->dir);
    h->is.now = INT64_C(1767225600) * RP_US_S;
    for (int i = 0; i < 2; i++)
        h->config[i] = config_of(configurations[i]);
    return h;
}

void history_free(struct history *h)
{
    rp_store_close(h->store);
    for (int i = 0; i < 2; i++)
        rp_config_free(h->config[i]);
    rp_arena_free(&h->a);
    help_remove(h->dir);
    free(h->ack);
    free(h->tx);
    free(h);
}

/* The usual log holds 4,000 pages before it is written out, which no script reaches. */
bool history_open(struct history *h, struct rp_err *err)
{
    h->store = NULL;
    h->db = NULL;
    if (!rp_store_open(h->path, &h->store, err))
        return false;
    h->db = rp_store_writer(h->store);
    return rp_script(h->db, "pragma wal_autocheckpoint = 100; pragma journal_size_limit = 100000",
                     err);
}

/* ---- transactions and their ledger ---- */

static size_t now_at(const struct history *h)
{
    return h->mark != NULL ? h->mark() : 0;
}

static void acknowledge(struct history *h, const char *name, size_t begun)
{
    size_t ended = now_at(h);
    for (size_t i = 0; i < h->n_claimed; i++) {
        h->ack = rp_xrealloc(h->ack, (h->n_ack + 1) * sizeof *h->ack);
        h->claimed[i].tx = h->n_tx;
        h->ack[h->n_ack++] = h->claimed[i];
    }
    h->n_claimed = 0;
    h->tx = rp_xrealloc(h->tx, (h->n_tx + 1) * sizeof *h->tx);
    h->tx[h->n_tx++] = (struct committed){name, history_digest(h->db), begun, ended, false};
}

void history_begin(struct history *h)
{
    acknowledge(h, "open", 0);
}

static bool committed(struct history *h, const struct step *s, struct rp_err *err)
{
    if (!rp_tx_begin(h->db, err))
        return false;
    if (!rp_savepoint(h->db, err) || !s->op(h, err) || !rp_savepoint_release(h->db, err)) {
        rp_savepoint_rollback(h->db);
        rp_tx_rollback(h->db);
        return false;
    }
    if (rp_tx_commit(h->db, err))
        return true;
    rp_tx_rollback(h->db);
    return false;
}

bool history_step(struct history *h, const struct step *s, struct rp_err *err)
{
    struct memory before = h->is;
    size_t begun = now_at(h);
    h->n_claimed = 0;
    if (s->raw ? s->op(h, err) : committed(h, s, err)) {
        acknowledge(h, s->name, begun);
        return true;
    }
    h->would_be = h->is;
    h->is = before;
    return false;
}

static const struct step configure;

/* The store opens anew, which is when it is known what of the refused step is there. */
static void go_on(struct history *h, const struct step *s)
{
    char why[HISTORY_WHY];
    h->refused++;
    if (h->store == NULL)
        OK(history_open(h, err));
    OK(rp_tx_begin(h->db, err));
    rp_tx_rollback(h->db);
    if (!history_settle(h, why))
        fail_msg("%s: %s", s->name, why);
    history_play(h, s);
}

static void must(struct history *h, const struct step *s)
{
    struct rp_err err = {0};
    if (history_step(h, s, &err))
        return;
    if (h->goes_on && err.code == RP_E_STORE_IO)
        go_on(h, s);
    else
        fail_msg("%s: %s: %s", s->name, rp_code_slug(err.code), err.message);
}

void history_prepare(struct history *h, const struct step *s)
{
    if (rp_db_config(h->db) == NULL && s != &configure)
        must(h, &configure);
    for (const struct step *const *need = s->needs; need != NULL && *need != NULL; need++)
        history_play(h, *need);
}

void history_play(struct history *h, const struct step *s)
{
    history_prepare(h, s);
    must(h, s);
}

static void say(struct history *h, int64_t job, enum rp_state state, int64_t n,
                enum rp_outcome outcome)
{
    if (h->n_claimed == sizeof h->claimed / sizeof *h->claimed)
        fail_msg("a step that says too much");
    h->claimed[h->n_claimed++] =
        (struct ack){.job = job, .n = n, .state = state, .outcome = outcome};
}

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
    struct rp_enqueue in[8];
    struct rp_enqueued out[8];
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
        say(h, out[i].id, due_us > h->is.now ? RP_SCHEDULED : RP_QUEUED, 0, RP_OUT_NONE);
    h->is.newest = out[n - 1].id;
    return true;
}

static bool op_batch(struct history *h, struct rp_err *err)
{
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
    say(h, out.id, RP_QUEUED, 0, RP_OUT_NONE);
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
        say(h, l[i].job.id, RP_RUNNING, l[i].attempt, RP_OUT_NONE);
    }
    return n > 0 || rp_fail(err, RP_E_INTERNAL, "nothing to claim of %s", type);
}

static bool op_claim(struct history *h, struct rp_err *err)
{
    return take(h, "work", 2, err);
}

static bool op_claim_once(struct history *h, struct rp_err *err)
{
    return take(h, "once", 1, err);
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
    say(h, l.job.id, expected, l.attempt, o);
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

static bool op_fail_again_later(struct history *h, struct rp_err *err)
{
    return report(h, RP_OUT_TIMEOUT, false, RP_RETRYING, err);
}

static bool op_interrupt(struct history *h, struct rp_err *err)
{
    return report(h, RP_OUT_INTERRUPTED, false, RP_QUEUED, err);
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
        say(h, l.job.id, RP_STATE_NONE, l.attempt, RP_OUT_LOST);
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
    say(h, h->is.newest, RP_CANCELLED, 0, RP_OUT_NONE);
    return rp_job_cancel(h->db, h->is.newest, RP_STR("ada"), RP_STR("not needed"), h->is.now, err);
}

static bool op_again(struct history *h, struct rp_err *err)
{
    say(h, h->is.failed, RP_QUEUED, 0, RP_OUT_NONE);
    return rp_job_retry(h->db, h->is.failed, RP_STR("ada"), RP_STR("mended"), h->is.now, err);
}

static bool op_resolve(struct history *h, struct rp_err *err)
{
    say(h, h->is.unknown, RP_SUCCEEDED, 0, RP_OUT_NONE);
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
    say(h, row.last_job, RP_QUEUED, 0, RP_OUT_NONE);
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
    say(h, job, RP_QUEUED, 0, RP_OUT_NONE);
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
    if (!rp_replay_candidates(h->db, NULL, &h->is.failed, 1, 1000, &h->a, &v, &n, err))
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
    say(h, h->is.failed, RP_QUEUED, 0, RP_OUT_NONE);
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
    say(h, h->is.failed, RP_FAILED, 0, RP_OUT_NONE);
    return rp_replay_undo(h->db, h->is.replay, RP_STR("ada"), RP_STR("wrong one"), h->is.now, err);
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
static const struct step reopen = {"reopen", NULL, op_reopen, true};

const struct step *const history_steps[] = {
    &batch, &keyed,  &later,     &succeed, &fail,  &partial, &promote, &extend,
    &group, &settle, &interrupt, &resolve, &fire,  &reopen,  &cancel,  &again,
    &undo,  &people, &by_hand,   &signs,   &keyed, &fire,    &succeed,
};
const size_t history_steps_n = sizeof history_steps / sizeof *history_steps;

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
        return e == RP_EV_FAIL_RETRY || e == RP_EV_FAIL_FINAL;
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
    acknowledge(h, "what was refused", now_at(h));
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
