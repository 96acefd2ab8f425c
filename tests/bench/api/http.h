/* A small HTTP/1.1 client for the benchmarks: many kept-alive connections on one epoll, one request
 * at a time on each, requests given as whole buffers so that making them costs nothing while it is
 * measured. What it does not expect ends the program with a message. One thread. */
#ifndef RP_BENCH_HTTP_H
#define RP_BENCH_HTTP_H

#include "base/str.h"
#include "base/time.h"

enum { HTTP_CONNECTIONS_MAX = 512 };

struct http_conn {
    int fd;
    bool busy;
    bool unsent;           /* waits for room in the socket */
    struct rp_str request; /* the caller's, until the answer is there */
    size_t sent;
    struct rp_buf in;
    int64_t began_us;
    /* Once the answer is there: */
    int64_t took_us;
    int status;
    struct rp_str body;
    int role; /* the caller's, like `mine` */
    struct rp_buf mine;
};

struct http {
    int epoll;
    const char *socket_path; /* either this … */
    int port;                /* … or this on 127.0.0.1, */
    const char *token;       /* with this token, NULL: none */
    struct http_conn conn[HTTP_CONNECTIONS_MAX];
    int n;
    int64_t answers, errors; /* errors: status of 400 and more, the first of which is shown */
};

_Noreturn void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline int64_t bench_now(void)
{
    return rp_mono(&rp_clock_system);
}

void http_open(struct http *h, int connections);
void http_close(struct http *h);
/* A whole request with its head, into `out` (which is emptied before). */
void http_request(const struct http *h, const char *path, struct rp_str body, struct rp_buf *out);
void http_send(struct http *h, struct http_conn *c, struct rp_str request);
/* Waits for at most timeout_ms, then calls `done` for each answer that is there; `done` may send
 * again. */
typedef void http_done(void *ctx, struct http *h, struct http_conn *c);
void http_wait(struct http *h, int timeout_ms, http_done *done, void *ctx);
/* Sends one request on one connection and waits for its answer, which must be below 400. */
void http_call(struct http *h, struct http_conn *c, struct rp_str request);

#endif
