/* A connection that answers `select 1` is up. Non-blocking calls of libpq, so that the time limit
 * holds at every step. */
#include "deps/internal.h"
#include "deps/libpq.h"

#include <poll.h>
#include <stdio.h>

struct session {
    const struct rp_pq *pq;
    PGconn *pg;
    int64_t until_us;
};

/* Waits for the connection's socket; false when the time is up. */
static bool wait_socket(const struct session *s, short events)
{
    struct pollfd p = {.fd = s->pq->socket(s->pg), .events = events};
    int64_t left = s->until_us - rp_mono(&rp_clock_system);
    return p.fd >= 0 && left > 0 && poll(&p, 1, (int)(left / 1000) + 1) > 0;
}

static bool connected(const struct session *s)
{
    for (PostgresPollingStatusType step = PGRES_POLLING_WRITING;;) {
        if (step == PGRES_POLLING_OK)
            return true;
        if (step == PGRES_POLLING_FAILED ||
            !wait_socket(s, step == PGRES_POLLING_READING ? POLLIN : POLLOUT))
            return false;
        step = s->pq->connectPoll(s->pg);
    }
}

static int64_t number_in(const struct session *s, const PGresult *r)
{
    int64_t n;
    return s->pq->ntuples(r) == 1 && rp_str_i64(rp_str_of(s->pq->getvalue(r, 0, 0)), &n) ? n : 0;
}

/* *n: the number that it answers with, 0 if that is none. */
static bool answers(const struct session *s, const char *question, int64_t *n)
{
    bool ok = false;
    if (s->pq->sendQuery(s->pg, question) == 0)
        return false;
    for (;;) {
        while (s->pq->isBusy(s->pg))
            if (!wait_socket(s, POLLIN) || s->pq->consumeInput(s->pg) == 0)
                return false;
        PGresult *r = s->pq->getResult(s->pg);
        if (r == NULL)
            return ok;
        ok = s->pq->resultStatus(r) == PGRES_TUPLES_OK;
        *n = ok ? number_in(s, r) : 0;
        s->pq->clear(r);
    }
}

/* Of sessions of others a plain role sees no kind, but whose they are and in which database; a
 * server's own workers have only one of both. With the check's own connection, which ends with it.
 * What is no server itself (a pooler) may not know: then neither do we. */
static int64_t connections_free(const struct session *s)
{
    int64_t n = 0;
    return answers(s,
                   "select current_setting('max_connections')::int"
                   " - current_setting('superuser_reserved_connections')::int + 1 - count(*)"
                   " from pg_stat_activity where coalesce(backend_type = 'client backend',"
                   " usesysid is not null and datid is not null)",
                   &n)
               ? n
               : 0;
}

/* libpq's message without its line ends. Of a connection string that libpq understood it names host
 * and port, never the password. */
static void says_why(const struct session *s, struct rp_dep_result *out)
{
    struct rp_str text = rp_str_trim(rp_str_of(s->pq->errorMessage(s->pg)));
    size_t line = rp_str_find(text, RP_STR("\n"));
    if (line != SIZE_MAX)
        text.n = line;
    if (rp_mono(&rp_clock_system) >= s->until_us || text.n == 0)
        dep_down(out, "no answer within the time limit");
    else
        dep_down(out, "%.*s", RP_FMT(text));
}

/* libpq quotes what it does not understand, which may be a part of the password; and an @ that was
 * not escaped makes the end of a password a part of the host. Then nothing of it is repeated. */
static bool understood(const struct rp_pq *pq, const char *conninfo)
{
    PQconninfoOption *options = pq->conninfoParse(conninfo, NULL);
    bool ok = options != NULL;
    for (PQconninfoOption *o = options; ok && o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        if (strcmp(o->keyword, "port") == 0)
            ok = strspn(o->val, "0123456789,") == strlen(o->val);
        else if (strncmp(o->keyword, "host", 4) == 0)
            ok = strpbrk(o->val, "@ ") == NULL;
    }
    pq->conninfoFree(options);
    return ok;
}

static void ignore_notice(void *ctx, const PGresult *notice)
{
    (void)ctx, (void)notice;
}

/* Connects and asks; false: says_why. */
static bool ask(struct session *s, const char *conninfo)
{
    int64_t one;
    s->pg = s->pq->connectStart(conninfo);
    if (s->pg != NULL)
        (void)s->pq->setNoticeReceiver(s->pg, ignore_notice, NULL);
    return s->pg != NULL && s->pq->status(s->pg) != CONNECTION_BAD && connected(s) &&
           answers(s, "select 1", &one);
}

static void check(struct session *s, const char *conninfo, struct rp_dep_result *out)
{
    if (!understood(s->pq, conninfo)) {
        dep_down(out, "its connection string cannot be used; escape special characters as %%40");
        return;
    }
    if (ask(s, conninfo)) {
        int version = s->pq->serverVersion(s->pg);
        out->up = true;
        out->connections_free = connections_free(s);
        (void)snprintf(out->says, sizeof out->says, "answers (PostgreSQL %d.%d)", version / 10000,
                       version % 10000);
    } else if (s->pg != NULL) {
        says_why(s, out);
    } else {
        dep_down(out, "not checked: out of memory");
    }
    s->pq->finish(s->pg);
}

void check_postgres(const struct rp_dep *dep, int64_t timeout_us, const atomic_bool *quit,
                    struct rp_dep_result *out)
{
    (void)quit;
    struct rp_arena a = {0};
    struct rp_err err = {0};
    struct session s = {.pq = rp_pq(&err), .until_us = rp_mono(&rp_clock_system) + timeout_us};
    if (s.pq != NULL)
        check(&s, rp_cstr(&a, dep->target), out);
    else
        dep_down(out, "not checked: %s (%s)", err.hint, err.message);
    rp_arena_free(&a);
}
