#include "http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 64 << 10 };

void bench_die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    exit(1);
}

/* ---- connections ---- */

static int connect_unix(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0)
        bench_die("cannot connect to %s: %s", path, strerror(errno));
    return fd;
}

static int connect_tcp(int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        bench_die("cannot connect to port %d: %s", port, strerror(errno));
    return fd;
}

static void watch(const struct http *h, struct http_conn *c, int op)
{
    struct epoll_event ev = {.events = EPOLLIN | (c->unsent ? EPOLLOUT : 0u), .data.ptr = c};
    if (epoll_ctl(h->epoll, op, c->fd, &ev) != 0)
        bench_die("epoll: %s", strerror(errno));
}

void http_open(struct http *h, int connections)
{
    if (connections < 1 || connections > HTTP_CONNECTIONS_MAX)
        bench_die("1 to %d connections", HTTP_CONNECTIONS_MAX);
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (h->n = 0; h->n < connections; h->n++) {
        struct http_conn *c = &h->conn[h->n];
        *c = (struct http_conn){.fd = h->socket_path != NULL ? connect_unix(h->socket_path)
                                                             : connect_tcp(h->port)};
        watch(h, c, EPOLL_CTL_ADD);
    }
}

void http_close(struct http *h)
{
    for (int i = 0; i < h->n; i++) {
        (void)close(h->conn[i].fd);
        rp_buf_free(&h->conn[i].in);
        rp_buf_free(&h->conn[i].mine);
    }
    (void)close(h->epoll);
    h->n = 0;
}

/* ---- requests ---- */

void http_request(const struct http *h, const char *path, struct rp_str body, struct rp_buf *out)
{
    out->n = 0;
    rp_buf_fmt(out, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n",
               path);
    if (h->token != NULL)
        rp_buf_fmt(out, "Authorization: Bearer %s\r\n", h->token);
    rp_buf_fmt(out, "Content-Length: %zu\r\n\r\n", body.n);
    rp_buf_str(out, body);
}

static void send_more(struct http *h, struct http_conn *c)
{
    while (c->sent < c->request.n) {
        ssize_t n = send(c->fd, c->request.p + c->sent, c->request.n - c->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            bench_die("send: %s", strerror(errno));
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    bool unsent = c->sent < c->request.n;
    if (unsent != c->unsent) {
        c->unsent = unsent;
        watch(h, c, EPOLL_CTL_MOD);
    }
}

void http_send(struct http *h, struct http_conn *c, struct rp_str request)
{
    c->request = request;
    c->sent = 0;
    c->in.n = 0;
    c->busy = true;
    c->began_us = bench_now();
    send_more(h, c);
}

/* ---- answers ---- */

static void read_more(struct http_conn *c)
{
    static char bytes[READ_BYTES];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        bench_die("the server closed a connection%s%s", n < 0 ? ": " : "",
                  n < 0 ? strerror(errno) : "");
    if (n > 0)
        rp_buf_add(&c->in, bytes, (size_t)n);
}

static size_t length_of(struct rp_str head)
{
    static const char name[] = "\r\nContent-Length: ";
    size_t at = rp_str_find(head, RP_STR("\r\nContent-Length: "));
    if (at == SIZE_MAX)
        bench_die("an answer without a length: %.*s", RP_FMT(head));
    return strtoul(head.p + at + sizeof name - 1, NULL, 10);
}

/* Sets status and body once the whole answer is there. */
static bool whole(struct http_conn *c)
{
    struct rp_str in = rp_buf_view(&c->in);
    size_t head = rp_str_find(in, RP_STR("\r\n\r\n"));
    if (head == SIZE_MAX)
        return false;
    size_t body = length_of((struct rp_str){in.p, head + 2});
    if (in.n < head + 4 + body)
        return false;
    c->status = atoi(in.p + sizeof "HTTP/1.1");
    c->body = (struct rp_str){in.p + head + 4, body};
    c->took_us = bench_now() - c->began_us;
    return true;
}

static void count(struct http *h, const struct http_conn *c)
{
    h->answers++;
    if (c->status < 400)
        return;
    if (h->errors++ == 0)
        (void)fprintf(stderr, "status %d: %.*s\n", c->status, RP_FMT(c->body));
}

void http_wait(struct http *h, int timeout_ms, http_done *done, void *ctx)
{
    struct epoll_event ev[256];
    int n = epoll_wait(h->epoll, ev, 256, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct http_conn *c = ev[i].data.ptr;
        if ((ev[i].events & EPOLLOUT) != 0)
            send_more(h, c);
        if ((ev[i].events & ~(uint32_t)EPOLLOUT) == 0)
            continue;
        read_more(c);
        if (!c->busy || !whole(c))
            continue;
        c->busy = false;
        count(h, c);
        done(ctx, h, c);
    }
}

static void nothing(void *ctx, struct http *h, struct http_conn *c)
{
    (void)ctx;
    (void)h;
    (void)c;
}

void http_call(struct http *h, struct http_conn *c, struct rp_str request)
{
    http_send(h, c, request);
    while (c->busy)
        http_wait(h, -1, nothing, NULL);
    if (c->status >= 400)
        bench_die("status %d: %.*s", c->status, RP_FMT(c->body));
}
