/* A connection that answers `select 1` is up. Non-blocking calls of libpq, so that the time limit
 * holds at every step. */
#include "deps/internal.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>

/* Waits for the connection's socket; false when the time is up. */
static bool wait_socket(PGconn *pg, short events, int64_t until_us)
{
    struct pollfd p = {.fd = PQsocket(pg), .events = events};
    int64_t left = until_us - rp_mono(&rp_clock_system);
    return p.fd >= 0 && left > 0 && poll(&p, 1, (int)(left / 1000) + 1) > 0;
}

static bool connected(PGconn *pg, int64_t until_us)
{
    for (PostgresPollingStatusType step = PGRES_POLLING_WRITING;;) {
        if (step == PGRES_POLLING_OK)
            return true;
        if (step == PGRES_POLLING_FAILED ||
            !wait_socket(pg, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_us))
            return false;
        step = PQconnectPoll(pg);
    }
}

static bool answers(PGconn *pg, int64_t until_us)
{
    bool ok = false;
    if (PQsendQuery(pg, "select 1") == 0)
        return false;
    for (;;) {
        while (PQisBusy(pg))
            if (!wait_socket(pg, POLLIN, until_us) || PQconsumeInput(pg) == 0)
                return false;
        PGresult *r = PQgetResult(pg);
        if (r == NULL)
            return ok;
        ok = PQresultStatus(r) == PGRES_TUPLES_OK;
        PQclear(r);
    }
}

/* libpq's message without its line ends. Of a connection string that libpq understood it names host
 * and port, never the password. */
static void says_why(PGconn *pg, int64_t until_us, struct rp_dep_result *out)
{
    struct rp_str text = rp_str_trim(rp_str_of(PQerrorMessage(pg)));
    size_t line = rp_str_find(text, RP_STR("\n"));
    if (line != SIZE_MAX)
        text.n = line;
    if (rp_mono(&rp_clock_system) >= until_us || text.n == 0)
        dep_down(out, "no answer within the time limit");
    else
        dep_down(out, "%.*s", RP_FMT(text));
}

/* libpq quotes what it does not understand, which may be a part of the password; and an @ that was
 * not escaped makes the end of a password a part of the host. Then nothing of it is repeated. */
static bool understood(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    bool ok = options != NULL;
    for (PQconninfoOption *o = options; ok && o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        if (strcmp(o->keyword, "port") == 0)
            ok = strspn(o->val, "0123456789,") == strlen(o->val);
        else if (strncmp(o->keyword, "host", 4) == 0)
            ok = strpbrk(o->val, "@ ") == NULL;
    }
    PQconninfoFree(options);
    return ok;
}

static void ignore_notice(void *ctx, const PGresult *notice)
{
    (void)ctx, (void)notice;
}

void check_postgres(const struct rp_dep *dep, int64_t timeout_us, const atomic_bool *quit,
                    struct rp_dep_result *out)
{
    struct rp_arena a = {0};
    (void)quit;
    if (!understood(rp_cstr(&a, dep->target))) {
        dep_down(out, "its connection string cannot be used; escape special characters as %%40");
        rp_arena_free(&a);
        return;
    }
    int64_t until = rp_mono(&rp_clock_system) + timeout_us;
    PGconn *pg = PQconnectStart(rp_cstr(&a, dep->target));
    if (pg != NULL)
        (void)PQsetNoticeReceiver(pg, ignore_notice, NULL);
    if (pg == NULL || PQstatus(pg) == CONNECTION_BAD || !connected(pg, until) ||
        !answers(pg, until)) {
        if (pg != NULL)
            says_why(pg, until, out);
        else
            dep_down(out, "not checked: out of memory");
    } else {
        out->up = true;
        (void)snprintf(out->says, sizeof out->says, "answers (PostgreSQL %d.%d)",
                       PQserverVersion(pg) / 10000, PQserverVersion(pg) % 10000);
    }
    PQfinish(pg);
    rp_arena_free(&a);
}
