/* A whole daemon without commands' processes: real store, engine, dependency checks and HTTP server
 * in a temporary folder; and clients for it, libcurl for well-made requests, sockets for others. */
#ifndef RP_TESTS_API_WORLD_H
#define RP_TESTS_API_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/internal.h"
#include "config/config.h"
#include "deps/deps.h"
#include "replay/purge.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_S = 90 };

struct world {
    char dir[64], socket[100], store_path[100];
    struct rp_config *config;
    struct rp_store *store;
    struct rp_engine *engine;
    struct rp_deps *deps;
    struct rp_purger *purger;
    struct rp_replay_desk desk;
    struct rp_api *api;
    int port;
};

static const char world_yaml[] = "jobs:\n"
                                 "  mail: { retries: 0, idempotent: true }\n"
                                 "  bill: { retries: 1, needs: [gone] }\n"
                                 "  nightly: { run: [/bin/true], schedule: \"0 2 * * *\", "
                                 "timezone: Europe/Berlin }\n"
                                 "dependencies:\n"
                                 "  gone: { tcp: \"127.0.0.1:1\", every: 1h }\n"
                                 "replay: { settle: 0s }\n";

/* ---- the daemon ---- */

static inline struct world *world_new(const char *yaml, int64_t headers_us)
{
    struct world *w = rp_xcalloc(1, sizeof *w);
    struct rp_mistakes *m = rp_xcalloc(1, sizeof *m);
    struct rp_err err = {0};
    char url[128];
    assert_true(sodium_init() >= 0);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/reprise-api-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    (void)snprintf(w->socket, sizeof w->socket, "%s/s", w->dir);
    (void)snprintf(w->store_path, sizeof w->store_path, "%s/t.db", w->dir);
    (void)snprintf(url, sizeof url, "sqlite://%s", w->store_path);
    w->config = rp_config_parse(rp_str_of(yaml), RP_STR(""), NULL, m);
    if (w->config == NULL)
        fail_msg("configuration: %s", m->error[0].err.message);
    free(m);
    if (!rp_store_open(url, &w->store, &err))
        fail_msg("store: %s", err.message);
    struct rp_engine_options eo = {.store = w->store,
                                   .config = w->config,
                                   .clock = &rp_clock_system,
                                   .hooks = {.tick = rp_replay_tick, .ctx = &w->desk}};
    w->engine = rp_engine_start(&eo, &err);
    assert_non_null(w->engine);
    w->deps = rp_deps_start(w->engine, w->config, &err);
    assert_non_null(w->deps);
    w->purger = rp_purger_start(w->engine, &err);
    assert_non_null(w->purger);
    struct rp_api_options ao = {.engine = w->engine,
                                .deps = w->deps,
                                .purger = w->purger,
                                .socket_path = w->socket,
                                .listen = RP_STR("127.0.0.1:0"),
                                .body_bytes = 1 << 20,
                                .headers_us = headers_us};
    w->api = rp_api_start(&ao, &err);
    if (w->api == NULL)
        fail_msg("api: %s", err.message);
    w->port = rp_api_port(w->api);
    return w;
}

static inline void world_free(struct world *w)
{
    char path[128];
    rp_engine_stop(w->engine);
    rp_deps_stop(w->deps);
    rp_api_stop(w->api);
    rp_deps_free(w->deps);
    rp_purger_stop(w->purger);
    rp_engine_free(w->engine);
    rp_store_close(w->store);
    rp_config_free(w->config);
    static const char *const files[] = {"t.db", "t.db-wal", "t.db-shm", "t.db.lock", "s"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", w->dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(w->dir);
    free(w);
}

static inline int world_setup(void **state)
{
    *state = world_new(world_yaml, 0);
    return 0;
}

static inline int world_teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* ---- well-made requests ---- */

struct answer {
    long status;
    struct rp_buf body, headers;
};

static inline void answer_free(struct answer *a)
{
    rp_buf_free(&a->body);
    rp_buf_free(&a->headers);
    *a = (struct answer){0};
}

static inline size_t take(char *p, size_t size, size_t n, void *ctx)
{
    rp_buf_add(ctx, p, size * n);
    return size * n;
}

struct ask {
    const char *method, *path, *body; /* body NULL: none */
    size_t body_n;                    /* 0: strlen */
    const char *token;                /* NULL: over the Unix socket; "": TCP without a token */
    const char *header[4];
};

static inline CURL *ask_handle(const struct world *w, const struct ask *q, struct answer *out,
                               struct curl_slist **headers)
{
    char text[512];
    CURL *c = curl_easy_init();
    assert_non_null(c);
    if (q->token == NULL)
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, w->socket);
    (void)snprintf(text, sizeof text, "http://127.0.0.1:%d%s", w->port, q->path);
    curl_easy_setopt(c, CURLOPT_URL, text);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)DEADLINE_S);
    if (q->body != NULL) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(q->body_n > 0 ? q->body_n : strlen(q->body)));
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
    } else if (strcmp(q->method, "POST") == 0) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    if (q->token != NULL && q->token[0] != '\0') {
        (void)snprintf(text, sizeof text, "Authorization: Bearer %s", q->token);
        *headers = curl_slist_append(*headers, text);
    }
    *headers = curl_slist_append(*headers, "Expect:");
    for (size_t i = 0; i < 4 && q->header[i] != NULL; i++)
        *headers = curl_slist_append(*headers, q->header[i]);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, *headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &out->body);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &out->headers);
    return c;
}

static inline struct answer ask(const struct world *w, const struct ask *q)
{
    struct answer a = {0};
    struct curl_slist *headers = NULL;
    CURL *c = ask_handle(w, q, &a, &headers);
    CURLcode rc = curl_easy_perform(c);
    if (rc != CURLE_OK)
        fail_msg("%s %s: %s", q->method, q->path, curl_easy_strerror(rc));
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a.status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    rp_buf_c(&a.body, '\0'); /* for strstr; not counted */
    a.body.n--;
    rp_buf_c(&a.headers, '\0');
    a.headers.n--;
    return a;
}

static inline struct answer get(const struct world *w, const char *path)
{
    return ask(w, &(struct ask){.method = "GET", .path = path});
}

static inline struct answer post(const struct world *w, const char *path, const char *body)
{
    return ask(w, &(struct ask){.method = "POST", .path = path, .body = body});
}

static inline void want_status(const struct answer *a, long status)
{
    if (a->status != status)
        fail_msg("status %ld, expected %ld: %s", a->status, status, a->body.p);
}

static inline void want_text(const struct answer *a, const char *text)
{
    if (strstr(a->body.p, text) == NULL)
        fail_msg("\"%s\" is not in: %s", text, a->body.p);
}

static inline void want_header(const struct answer *a, const char *text)
{
    if (strcasestr(a->headers.p, text) == NULL)
        fail_msg("\"%s\" is not in the headers: %s", text, a->headers.p);
}

/* An error as RFC 9457 has it, with our type. */
static inline void want_problem(const struct answer *a, long status, const char *slug)
{
    char type[100];
    (void)snprintf(type, sizeof type, "\"type\":\"urn:reprise:problem:%s\"", slug);
    want_status(a, status);
    want_header(a, "Content-Type: application/problem+json");
    want_text(a, type);
    want_text(a, "\"detail\":");
    assert_true(rp_json_valid(rp_buf_view(&a->body), NULL));
}

/* Asks, holds the answer to status and text (NULL: none), drops it. */
static inline void want(const struct world *w, const char *method, const char *path,
                        const char *body, long status, const char *text)
{
    struct answer a = ask(w, &(struct ask){.method = method, .path = path, .body = body});
    want_status(&a, status);
    if (text != NULL)
        want_text(&a, text);
    if (a.body.n > 0 && strcasestr(a.headers.p, "json") != NULL)
        assert_true(rp_json_valid(rp_buf_view(&a.body), NULL));
    answer_free(&a);
}

/* Asks until the answer holds the text: for what another thread brings about. */
static inline void wait_text(const struct world *w, const char *path, const char *text)
{
    for (int i = 0;; i++) {
        struct answer a = get(w, path);
        bool found = strstr(a.body.p, text) != NULL;
        if (!found && i == DEADLINE_S * 50)
            fail_msg("\"%s\" did not come: %s", text, a.body.p);
        answer_free(&a);
        if (found)
            return;
        (void)nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
}

/* The first value of a key in an answer, as text without quotes. */
static inline char *value_of(const struct answer *a, const char *key, char buf[128])
{
    char text[64];
    (void)snprintf(text, sizeof text, "\"%s\":", key);
    const char *p = strstr(a->body.p, text);
    if (p == NULL)
        fail_msg("no \"%s\" in: %s", key, a->body.p);
    p += strlen(text);
    p += *p == '"';
    size_t n = strcspn(p, "\",}]");
    (void)snprintf(buf, 128, "%.*s", (int)n, p);
    return buf;
}

static inline char *make_token(const struct world *w, const char *scope, char buf[128])
{
    char body[100];
    (void)snprintf(body, sizeof body, "{\"name\":\"of %s\",\"scope\":\"%s\"}", scope, scope);
    struct answer a = post(w, "/v1/tokens", body);
    want_status(&a, 201);
    (void)value_of(&a, "token", buf);
    answer_free(&a);
    return buf;
}

/* Takes a job of the type and reports that; `fields` go behind its lease and token. */
static inline struct answer report_one(const struct world *w, const char *type, const char *fields)
{
    char body[800], lease[128], token[128];
    (void)snprintf(body, sizeof body, "{\"worker\":\"w\",\"types\":[\"%s\"],\"wait_ms\":10000}",
                   type);
    struct answer a = post(w, "/v1/work/fetch", body);
    want_status(&a, 200);
    (void)snprintf(body, sizeof body, "[{\"lease\":\"%s\",\"token\":\"%s\",%s}]",
                   value_of(&a, "lease", lease), value_of(&a, "token", token), fields);
    answer_free(&a);
    return post(w, "/v1/work/report", body);
}

static inline void fail_one(const struct world *w, const char *type, const char *message)
{
    char fields[400];
    (void)snprintf(fields, sizeof fields,
                   "\"outcome\":\"failed\",\"error\":{\"message\":\"%s\",\"retryable\":false}",
                   message);
    struct answer a = report_one(w, type, fields);
    want_status(&a, 200);
    want_text(&a, "\"state\":\"failed\"");
    answer_free(&a);
}

/* ---- requests of any form ---- */

static inline int raw_connect(const struct world *w)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)w->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = DEADLINE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static inline void raw_send(int fd, const char *bytes, size_t n)
{
    (void)send(fd, bytes, n, MSG_NOSIGNAL); /* the other side may have closed: that is an answer */
}

/* All until the connection is closed; false if it stays open to the deadline. */
static inline bool raw_read(int fd, char *buf, size_t cap)
{
    size_t n = 0;
    ssize_t got;
    while ((got = recv(fd, buf + n, cap - 1 - n, 0)) > 0 && n + (size_t)got < cap - 1)
        n += (size_t)got;
    buf[n] = '\0';
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static inline int64_t now_us(void)
{
    return rp_mono(&rp_clock_system);
}

#endif
