/* libmicrohttpd's side: the life of a connection's request, the answer. */
#include "api/internal.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IDLE_S = 75,
    HEADERS_S = 10,
    CONNECTIONS = 2000,
    THREADS = 16,
    EVENTS = 128,
    CONNECTIONS_AN_ADDRESS = 500,
    HEADER_BYTES = 32768
};

/* libmicrohttpd 0.9.75 reads events in blocks of so many (MAX_EVENTS in daemon.c) and, after a full
 * one, waits for more with the whole timeout before it serves any: with exactly a full block ready,
 * all of its connections hang. A thread of the pool must not have as many: its share of
 * connections, its listening socket and its wake-up. */
_Static_assert(CONNECTIONS / THREADS + 2 < EVENTS, "a thread could have a full block of events");

/* ---- routing ---- */

/* The pattern up to its first capture: cheap, and rules most routes out. */
static bool path_begins(const char *pattern, struct rp_str path)
{
    size_t i = 0;
    while (i < path.n && pattern[i] == path.p[i])
        i++;
    return pattern[i] == '{' || (pattern[i] == '\0' && i == path.n);
}

static bool path_matches(struct request *q, const char *pattern, struct rp_str path)
{
    struct rp_str want_rest = rp_str_of(pattern), have_rest = path, want, have;
    int captures = 0;
    for (;;) {
        bool more = rp_str_split(&want_rest, '/', &want);
        if (more != rp_str_split(&have_rest, '/', &have))
            return false;
        if (!more)
            return true;
        if (!rp_str_starts(want, "{")) {
            if (!rp_str_eq(want, have))
                return false;
        } else if (captures == CAPTURES_MAX ||
                   !url_decode(&q->arena, have, &q->capture[captures++])) {
            return false;
        }
    }
}

static const struct route *route_find(struct request *q, const char *method, struct rp_str path,
                                      struct rp_err *err)
{
    const char *other = NULL;
    for (size_t i = 0; i < routes_n; i++) {
        if (!path_begins(routes[i].path, path) || !path_matches(q, routes[i].path, path))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        other = other == NULL ? routes[i].method : "GET, POST";
    }
    if (other != NULL) {
        answer_header(q, "Allow", rp_str_of(other));
        (void)rp_fail(err, RP_E_METHOD, "%.*s does not take %s", RP_FMT(path), method);
    } else
        (void)rp_fail(err, RP_E_NOT_FOUND, "there is no path %.*s", RP_FMT(path));
    (void)rp_hint(err, "docs/openapi.yaml lists the paths");
    return NULL;
}

/* ---- one request ---- */

static bool host_allowed(const struct rp_api *api, struct rp_str host)
{
    static const char *const own[] = {"localhost", "127.0.0.1", "[::1]", "::1"};
    size_t colon = host.n;
    while (colon > 0 && host.p[colon - 1] != ':' && host.p[colon - 1] != ']')
        colon--;
    if (colon > 0 && host.p[colon - 1] == ':')
        host.n = colon - 1;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (rp_str_is(host, own[i]))
            return true;
    for (size_t i = 0; i < api->o.hosts.n; i++)
        if (rp_str_eq(host, api->o.hosts.v[i]))
            return true;
    return false;
}

/* DNS rebinding and cross-site calls from a browser (S4). Only on TCP: a browser does not reach the
 * socket. */
static bool browser_guard(struct request *q, struct rp_err *err)
{
    struct rp_str site = q->heard[HEARD_SITE], host = q->heard[HEARD_HOST];
    if (!host_allowed(q->api, host)) {
        (void)rp_fail(err, RP_E_FORBIDDEN,
                      "the Host header \"%.*s\" is not one of this daemon's names", RP_FMT(host));
        return rp_hint(err, "add the name under `hosts:` in the configuration");
    }
    if (rp_str_is(site, "cross-site"))
        return rp_fail(err, RP_E_FORBIDDEN, "calls from other sites are refused");
    return true;
}

static bool identify(struct request *q, struct rp_err *err)
{
    if (q->local) {
        q->actor = peer_actor(q->peer); /* the request ends before its connection */
        q->scope = RP_SCOPE_ADMIN;
        return true;
    }
    struct rp_str authorization = q->heard[HEARD_AUTHORIZATION];
    if (rp_str_starts(authorization, "Bearer "))
        q->bearer = (struct rp_str){authorization.p + 7, authorization.n - 7};
    return browser_guard(q, err);
}

static size_t body_limit(const struct request *q)
{
    return q->route->body_max > 0 ? q->route->body_max : (size_t)q->api->o.body_bytes;
}

static bool length_fits(struct request *q, struct rp_err *err)
{
    uint64_t n;
    struct rp_str length = q->heard[HEARD_LENGTH];
    if (length.p == NULL || (rp_str_u64(length, &n) && n <= body_limit(q)))
        return true;
    (void)rp_fail(err, RP_E_TOO_LARGE, "the body is larger than %zu bytes", body_limit(q));
    return rp_hint(err, "send less at once, or raise `body_limit:` in the configuration");
}

/* Without any token nothing is read or parsed for a stranger; the words are rp_token_check's. */
static bool may_try(const struct request *q, struct rp_err *err)
{
    if (q->local || q->bearer.n > 0 || q->route->scope == RP_SCOPE_NONE)
        return true;
    (void)rp_fail(err, RP_E_UNAUTHORIZED, "no valid token");
    return rp_hint(err, "send Authorization: Bearer with a token from `reprise token create`");
}

/* A refusal here is answered once the body is read and forgotten, so that the client sees it; a
 * request whose end is in doubt is answered at once and ends its connection. */
static void begin(struct request *q, const char *method, const char *url, const char *version)
{
    struct rp_err err;
    q->close = !wire_sound(q, method, version, &err);
    if (!q->close)
        q->route = route_find(q, method, rp_str_of(url), &err);
    if (q->route == NULL || !identify(q, &err) || !may_try(q, &err) || !length_fits(q, &err)) {
        answer_problem(q, &err);
        return;
    }
    if (strcmp(method, "POST") == 0)
        q->idempotency_key = q->heard[HEARD_IDEMPOTENCY_KEY];
    q->body.limit = body_limit(q);
}

static enum MHD_Result respond(struct request *q)
{
    struct MHD_Response *r = /* the request's until on_completed, which comes after the last byte */
        MHD_create_response_from_buffer(q->out.n, q->out.p, MHD_RESPMEM_PERSISTENT);
    if (r == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(r, "Content-Type",
                                  q->content_type != NULL ? q->content_type : "application/json");
    (void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(r, "Cache-Control", "no-store");
    if (q->close || atomic_load(&q->api->ending)) /* else who asks on and on delays the end */
        (void)MHD_add_response_header(r, "Connection", "close");
    for (int i = 0; i < q->n_headers; i++)
        (void)MHD_add_response_header(r, q->header[i].name, rp_cstr(&q->arena, q->header[i].value));
    enum MHD_Result ok = MHD_queue_response(q->connection, (unsigned)q->status, r);
    MHD_destroy_response(r);
    return ok;
}

static bool prepare(struct request *q)
{
    struct rp_err err;
    if (q->body.overflow) {
        (void)rp_fail(&err, RP_E_TOO_LARGE, "the body is larger than %zu bytes", body_limit(q));
        (void)rp_hint(&err, "send less at once, or raise `body_limit:` in the configuration");
        answer_problem(q, &err);
        return false;
    }
    bool command = strcmp(q->route->method, "POST") == 0; /* its fields are in the body */
    if ((command && !no_query(q, &err)) ||
        (q->route->prepare != NULL && !q->route->prepare(q, &err))) {
        answer_problem(q, &err);
        return false;
    }
    return true;
}

/* Once for each suspension: by its answer, or by its end when the client went away meanwhile. */
static void come_back(struct request *q)
{
    if (!q->away)
        return;
    request_back(q);
    atomic_fetch_sub(&q->api->suspended, 1);
    q->away = false;
}

/* To another thread; not once the API ends, which must find none away (the library aborts). Counted
 * before it looks: the end, which says so before it counts, sees this one or is seen. */
static bool go_away(struct request *q)
{
    struct rp_err err;
    atomic_fetch_add(&q->api->suspended, 1);
    q->away = !atomic_load(&q->api->ending);
    if (q->away)
        return true;
    atomic_fetch_sub(&q->api->suspended, 1);
    (void)rp_fail(&err, RP_E_STOPPING, "the daemon is stopping");
    answer_problem(q, &err);
    return false;
}

static enum MHD_Result whole(struct request *q)
{
    if (atomic_load(&q->finished)) { /* resumed: the answer is there, or is to be rendered */
        come_back(q);
        if (q->status == 0)
            q->route->render(q);
        return respond(q);
    }
    if (q->status != 0 || !body_work(q) || !prepare(q))
        return respond(q);
    if (q->route->kind == ROUTE_NOW) {
        request_dispatch(q);
        return respond(q);
    }
    if (!go_away(q))
        return respond(q);
    (void)MHD_suspend_connection(q->connection);
    request_dispatch(q);
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **context)
{
    struct request *q = *context;
    (void)cls;
    if (!q->seen) {
        q->seen = true;
        q->connection = connection;
        atomic_store(&q->peer->headers_by_mono_us, INT64_MAX);
        begin(q, method, url, version);
        return q->close ? respond(q) : MHD_YES;
    }
    if (*n > 0) { /* refused requests read their body to the limit's end and forget it, so that the
                     client sees the answer */
        if (q->status == 0)
            body_add(q, data, *n);
        *n = 0;
        return MHD_YES;
    }
    return whole(q);
}

/* Called first, with the raw URL: the request is made here. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct rp_api *api = cls;
    struct request *q = rp_xcalloc(1, sizeof *q);
    atomic_fetch_add(&api->under_way, 1);
    q->api = api;
    q->peer = peer_of(connection);
    q->answered = answered_here(api);
    q->local = q->peer->local;
    if (wire_uri_sound(uri)) /* now: the library cuts it into parameters later */
        q->uri = rp_str_of(uri);
    return q;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct rp_api *api = cls;
    struct request *q = *context;
    if (q == NULL)
        return;
    come_back(q);
    atomic_store(&q->peer->headers_by_mono_us,
                 rp_mono(rp_engine_clock(api->engine)) + IDLE_S * RP_US_S);
    body_end(q);
    rp_buf_free(&q->body);
    rp_buf_free(&q->out);
    rp_arena_free(&q->arena);
    free(q);
    *context = NULL;
    atomic_fetch_sub(&api->under_way, 1);
}

/* Escapes stay in the path, so that a name with a slash is one part of it; route_find decodes.
 * query() decodes values. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *s)
{
    (void)cls;
    (void)connection;
    return strlen(s);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    char text[400];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    rp_log(RP_DEBUG, "http", "says=%s", rp_log_q(rp_str_trim(rp_str_of(text))));
}

/* ---- start and stop ---- */

/* The end closes the door so, not by MHD_quiesce_daemon: in 0.9.75 that takes the listening socket
 * out of a thread's epoll set while the thread itself may do the same, and the second one finds
 * nothing there, on which the library ends the process. */
static enum MHD_Result on_connect(void *cls, const struct sockaddr *from, socklen_t n)
{
    const struct rp_api *api = cls;
    (void)from;
    (void)n;
    return atomic_load(&api->ending) ? MHD_NO : MHD_YES;
}

static struct MHD_Daemon *serve(struct rp_api *api, int fd, unsigned per_address,
                                struct rp_err *err)
{
    struct MHD_OptionItem more[] = {
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL}, /* S6; the rest in wire.c */
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)peer_connection, api},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG,
        0, on_connect, api, on_request, api, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)(api->o.threads > 0 ? api->o.threads : THREADS), MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_BYTES, MHD_OPTION_URI_LOG_CALLBACK, on_uri, api, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, api, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    if (d == NULL) {
        (void)close(fd);
        (void)rp_fail(err, RP_E_INTERNAL, "the HTTP server does not start");
    }
    return d;
}

struct rp_api *rp_api_start(const struct rp_api_options *o, struct rp_err *err)
{
    struct rp_api *api = rp_xcalloc(1, sizeof *api);
    api->o = *o;
    api->engine = o->engine;
    api->deps = o->deps;
    api->lenient_library = wire_lenient_library();
    api->purger = o->purger;
    if (api->o.headers_us <= 0)
        api->o.headers_us = HEADERS_S * RP_US_S;
    (void)pthread_mutex_init(&api->peers.lock, NULL);
    (void)pthread_mutex_init(&api->guesses.lock, NULL);
    int local = listen_unix(o->socket_path, err), tcp = -1;
    if (local < 0 || (o->listen.n > 0 && (tcp = listen_tcp(o, err)) < 0)) {
        if (local >= 0) {
            (void)close(local);
            (void)unlink(o->socket_path);
        }
        free(api);
        return NULL;
    }
    (void)snprintf(api->socket_path, sizeof api->socket_path, "%s", o->socket_path);
    api->port = tcp >= 0 ? listen_port(tcp) : 0;
    if (!polls_start(api, err) || (api->local = serve(api, local, 0, err)) == NULL ||
        (tcp >= 0 && (api->tcp = serve(api, tcp, CONNECTIONS_AN_ADDRESS, err)) == NULL))
        return NULL; /* threads cannot be had: a start that fails so ends the process */
    return api;
}

int rp_api_port(const struct rp_api *api)
{
    return api->port;
}

/* A client has 5 s to take its answer. What another thread works on is waited for, and that
 * thread's way out of the library, in this order: a request is resumed before it comes back. */
static bool has_rest(struct rp_api *api, bool patient)
{
    return (patient && atomic_load(&api->under_way) > 0) || atomic_load(&api->suspended) > 0 ||
           atomic_load(&api->resuming) > 0;
}

void rp_api_stop(struct rp_api *api)
{
    const struct timespec pause = {0, 5000000};
    atomic_store(&api->ending, true); /* who is connected may still ask, and is told */
    (void)unlink(api->socket_path);
    polls_stop(api);
    for (int i = 0; has_rest(api, i < 1000); i++)
        (void)nanosleep(&pause, NULL);
    if (api->tcp != NULL)
        MHD_stop_daemon(api->tcp);
    MHD_stop_daemon(api->local);
    (void)pthread_mutex_destroy(&api->lock);
    (void)pthread_cond_destroy(&api->wake);
    (void)pthread_mutex_destroy(&api->peers.lock);
    (void)pthread_mutex_destroy(&api->guesses.lock);
    free(api);
}
