/* Servers on loopback for the tests of deps/: one thread, one connection at a time. */
#ifndef RP_TESTS_DEPS_SERVERS_H
#define RP_TESTS_DEPS_SERVERS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/str.h"

struct server;
typedef void serve_fn(struct server *s, int fd);

struct server {
    int fd, port;
    serve_fn *serve;
    pthread_t thread;
    bool threaded;
    atomic_bool stop;
    int held[8]; /* connections that fill the backlog */
};

static atomic_int redirects_followed;

static inline void *server_thread(void *arg)
{
    struct server *s = arg;
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (poll(&p, 1, 50) <= 0)
            continue;
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            continue;
        s->serve(s, fd);
        (void)close(fd);
    }
    return NULL;
}

static inline struct server *server_listen(int backlog)
{
    struct server *s = rp_xcalloc(1, sizeof *s);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof in;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < sizeof s->held / sizeof *s->held; i++)
        s->held[i] = -1;
    if (bind(s->fd, (struct sockaddr *)&in, sizeof in) != 0 || listen(s->fd, backlog) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&in, &n) != 0)
        fail_msg("no server");
    s->port = ntohs(in.sin_port);
    return s;
}

static inline struct server *server_start(serve_fn *serve)
{
    struct server *s = server_listen(64);
    s->serve = serve;
    s->threaded = true;
    if (pthread_create(&s->thread, NULL, server_thread, s) != 0)
        fail_msg("no thread");
    return s;
}

/* Its backlog is full: the kernel lets further connections wait. */
static inline struct server *server_full(void)
{
    struct server *s = server_listen(0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    in.sin_port = htons((in_port_t)s->port);
    for (size_t i = 0; i < sizeof s->held / sizeof *s->held; i++) {
        s->held[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(s->held[i], (struct sockaddr *)&in, sizeof in);
    }
    return s;
}

static inline void server_stop(struct server *s)
{
    atomic_store(&s->stop, true);
    if (s->threaded)
        (void)pthread_join(s->thread, NULL);
    for (size_t i = 0; i < sizeof s->held / sizeof *s->held; i++)
        if (s->held[i] >= 0)
            (void)close(s->held[i]);
    (void)close(s->fd);
    free(s);
}

static inline const char *server_at(const struct server *s, char out[64], const char *host)
{
    (void)snprintf(out, 64, "%s:%d", host, s->port);
    return out;
}

/* Takes the connection and says nothing until the peer leaves. */
static inline void serve_nothing(struct server *s, int fd)
{
    char dump[512];
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 20) > 0 && read(fd, dump, sizeof dump) == 0)
            return;
    }
}

static inline bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* The path says what it does. */
static inline void serve_http(struct server *s, int fd)
{
    char request[2048] = "";
    ssize_t n = read(fd, request, sizeof request - 1);
    request[n > 0 ? n : 0] = '\0';
    int status = 0;
    if (sscanf(request, "GET /%d", &status) == 1) {
        char head[256];
        (void)snprintf(head, sizeof head,
                       "HTTP/1.1 %d X\r\nContent-Length: 0\r\nLocation: /followed\r\n\r\n", status);
        (void)say(fd, head);
    } else if (strncmp(request, "GET /followed", 13) == 0) {
        atomic_fetch_add(&redirects_followed, 1);
    } else if (strncmp(request, "GET /endless", 12) == 0) {
        if (say(fd, "HTTP/1.1 200 OK\r\n\r\n"))
            while (!atomic_load(&s->stop) &&
                   say(fd, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))
                continue;
    } else if (strncmp(request, "GET /headers", 12) == 0) {
        if (say(fd, "HTTP/1.1 200 OK\r\n"))
            while (!atomic_load(&s->stop) &&
                   say(fd, "X-More: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"))
                continue;
    } else {
        (void)say(fd, "\x01\x02 not HTTP at all\r\n\r\n");
    }
}

#endif
