/* One request over the daemon's Unix socket. Asked in HTTP/1.0, the daemon ends its answer by
 * closing the connection, so only the head has to be taken apart: no library is loaded for it. */
#include "cli/client_ways.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE = 1 << 16, HEAD_MAX = 1 << 16, CONNECT_S = 3 };

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval most = {.tv_sec = CONNECT_S}; /* of connect(2): the daemon's queue is full */
    size_t n = strlen(path);
    errno = ENAMETOOLONG;
    int fd = n < sizeof to.sun_path ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return -1;
    memcpy(to.sun_path, path, n);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static bool ready(int fd, short events, int64_t until_us)
{
    for (;;) {
        int64_t left = until_us - rp_mono(&rp_clock_system);
        struct pollfd p = {.fd = fd, .events = events};
        int n = left > 0 ? poll(&p, 1, (int)(left / 1000) + 1) : 0;
        if (n >= 0 || errno != EINTR)
            return n > 0;
    }
}

/* Who is answered before it has sent all, that it sent too much for example, reads the answer. */
static enum http_end send_all(int fd, struct rp_str s, int64_t until_us)
{
    while (s.n > 0) {
        if (!ready(fd, POLLOUT, until_us))
            return HTTP_LATE;
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return HTTP_ANSWERED;
        s = n > 0 ? (struct rp_str){s.p + n, s.n - (size_t)n} : s;
    }
    return HTTP_ANSWERED;
}

static enum http_end receive_all(int fd, struct rp_buf *in, int64_t until_us, const char **why)
{
    char piece[PIECE];
    for (;;) {
        if (!ready(fd, POLLIN, until_us))
            return HTTP_LATE;
        ssize_t n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
        if (n == 0)
            return HTTP_ANSWERED;
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            *why = strerror(errno);
            return in->n > 0 ? HTTP_ANSWERED : HTTP_CUT_OFF;
        }
        rp_buf_add(in, piece, n > 0 ? (size_t)n : 0);
        if (in->overflow)
            return HTTP_TOO_LARGE;
    }
}

static void write_request(const struct http_request *q, struct rp_buf *out)
{
    rp_buf_fmt(out, "%s %s HTTP/1.0\r\nHost: localhost\r\nUser-Agent: reprise/" RP_VERSION "\r\n",
               q->method, q->path);
    for (size_t i = 0; i < CLIENT_HEADERS && q->headers[i] != NULL; i++)
        rp_buf_fmt(out, "%s\r\n", q->headers[i]);
    if (q->body.p != NULL)
        rp_buf_fmt(out, "Content-Length: %zu\r\n", q->body.n);
    rp_buf_str(out, RP_STR("\r\n"));
    rp_buf_str(out, q->body);
}

/* HTTP/1.1 200 OK */
static bool read_status(struct rp_str line, struct reply *r)
{
    struct rp_str version;
    int64_t status;
    if (!rp_str_starts(line, "HTTP/1.") || !rp_str_split(&line, ' ', &version) || line.n < 3 ||
        !rp_str_i64((struct rp_str){line.p, 3}, &status))
        return false;
    r->status = (long)status;
    return true;
}

/* An answer that is shorter than it says was cut off. */
static bool take_apart(struct rp_str all, struct reply *r, struct rp_buf *body)
{
    static const char length[] = "Content-Length:";
    size_t end = rp_str_find(all, RP_STR("\r\n\r\n"));
    int64_t said = -1;
    struct rp_str head = {all.p, end}, line;
    if (end == SIZE_MAX || !rp_str_split(&head, '\n', &line) || !read_status(line, r))
        return false;
    while (rp_str_split(&head, '\n', &line)) {
        line = rp_str_trim(line);
        reply_header(r, line);
        if (line.n > sizeof length && strncasecmp(line.p, length, sizeof length - 1) == 0)
            (void)rp_str_i64(rp_str_trim((struct rp_str){line.p + sizeof length - 1,
                                                         line.n - (sizeof length - 1)}),
                             &said);
    }
    all = (struct rp_str){all.p + end + 4, all.n - end - 4};
    rp_buf_str(body, all);
    return said < 0 || (size_t)said == all.n;
}

enum http_end http_socket(const char *socket, const struct http_request *q, struct reply *r,
                          struct rp_buf *body, const char **why)
{
    int64_t until = rp_mono(&rp_clock_system) + q->timeout_us;
    struct rp_buf out = {0}, in = {.limit = body->limit + HEAD_MAX};
    int fd = connect_to(socket);
    if (fd < 0) {
        *why = strerror(errno);
        return errno == EAGAIN ? HTTP_LATE : HTTP_UNREACHABLE; /* it is there, and takes nobody */
    }
    write_request(q, &out);
    enum http_end end = send_all(fd, rp_buf_view(&out), until);
    if (end == HTTP_ANSWERED)
        end = receive_all(fd, &in, until, why);
    if (end == HTTP_ANSWERED && !take_apart(rp_buf_view(&in), r, body)) {
        *why = in.n == 0 ? "the connection was closed without an answer"
                         : "what answers is cut off, or no HTTP";
        end = HTTP_CUT_OFF;
    }
    if (end == HTTP_ANSWERED && body->overflow)
        end = HTTP_TOO_LARGE;
    (void)close(fd);
    rp_buf_free(&out);
    rp_buf_free(&in);
    return end;
}
