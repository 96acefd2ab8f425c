#include "history_internal.h"

#include "config/config.h"

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
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n  outside: { tcp: \"127.0.0.1:1\" }\n"
    "jobs:\n"
    "  work: { idempotent: true, retries: 3, backoff: { kind: fixed, base: 1s } }\n"
    "  once: { retries: 0, queue: mail }\n"
    "  mend: { idempotent: true, retries: 0, needs: [db] }\n"
    "  needy: { idempotent: true, retries: 0, needs: [outside] }\n"
    "  tick: { run: [\"true\"], schedule: \"* * * * *\", overlap: allow }\n",
    "queues:\n  mail: { max_running: 8, weight: 3 }\n"
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n  outside: { tcp: \"127.0.0.1:1\" }\n"
    "jobs:\n"
    "  work: { idempotent: true, retries: 3, backoff: { kind: fixed, base: 1s }, queue: new }\n"
    "  once: { retries: 0, queue: mail }\n"
    "  mend: { idempotent: true, retries: 0, needs: [db] }\n"
    "  needy: { idempotent: true, retries: 0, needs: [outside] }\n"
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

size_t history_now(const struct history *h)
{
    return h->mark != NULL ? h->mark() : 0;
}

void history_acknowledge(struct history *h, const char *name, size_t begun)
{
    size_t ended = history_now(h);
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
    history_acknowledge(h, "open", 0);
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
    size_t begun = history_now(h);
    h->n_claimed = 0;
    if (s->raw ? s->op(h, err) : committed(h, s, err)) {
        history_acknowledge(h, s->name, begun);
        return true;
    }
    h->would_be = h->is;
    h->is = before;
    return false;
}

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
    if (rp_db_config(h->db) == NULL && s != history_configure)
        must(h, history_configure);
    for (const struct step *const *need = s->needs; need != NULL && *need != NULL; need++)
        if (!history_at_hand(h, *need, s))
            history_play(h, *need);
}

void history_play(struct history *h, const struct step *s)
{
    history_prepare(h, s);
    must(h, s);
}

void history_say(struct history *h, int64_t job, enum rp_state state, int64_t n,
                 enum rp_outcome outcome)
{
    if (h->n_claimed == sizeof h->claimed / sizeof *h->claimed)
        fail_msg("a step that says too much");
    h->claimed[h->n_claimed++] =
        (struct ack){.job = job, .n = n, .state = state, .outcome = outcome};
}
