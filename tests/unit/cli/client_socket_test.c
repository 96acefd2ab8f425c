/* What answers at a Unix socket may be no daemon, slow, or cut off: each has its own end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/client_ways.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Answers one connection: takes at least `takes` bytes, sends `says`, and then closes, or holds on
 * until the client has gone. */
struct peer {
    char dir[64], path[96];
    struct rp_str says;
    size_t takes;
    bool holds;
    int listener;
    pthread_t thread;
    struct rp_buf got;
};

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    char piece[4096];
    ssize_t n;
    int fd = accept(p->listener, NULL, NULL);
    while (p->got.n < p->takes && (n = recv(fd, piece, sizeof piece, 0)) > 0)
        rp_buf_add(&p->got, piece, (size_t)n);
    for (size_t at = 0; at < p->says.n; at += (size_t)n)
        if ((n = send(fd, p->says.p + at, p->says.n - at, MSG_NOSIGNAL)) < 0)
            break;
    while (p->holds && recv(fd, piece, sizeof piece, 0) > 0)
        continue;
    (void)close(fd);
    return NULL;
}

static void peer_start(struct peer *p)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/client_socket_XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof p->path, "%s/s", p->dir);
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", p->path);
    p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p->listener, 1), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

static void peer_end(struct peer *p)
{
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    (void)close(p->listener);
    (void)unlink(p->path);
    (void)rmdir(p->dir);
    rp_buf_free(&p->got);
}

struct asked {
    enum http_end end;
    struct reply reply;
    struct rp_buf body;
    const char *why;
};

static struct asked ask(struct peer *p, struct rp_str body, size_t limit, int64_t timeout_us)
{
    struct asked a = {.body = {.limit = limit}};
    struct http_request q = {.method = body.p != NULL ? "POST" : "GET",
                             .path = "/v1/x?y=%20",
                             .body = body,
                             .headers = {"Accept: application/json"},
                             .timeout_us = timeout_us};
    peer_start(p);
    a.end = http_socket(p->path, &q, &a.reply, &a.body, &a.why);
    return a;
}

static struct asked hear(const char *says)
{
    struct peer p = {.says = rp_str_of(says), .takes = 1};
    struct asked a = ask(&p, RP_NONE, 1 << 20, 20 * RP_US_S);
    peer_end(&p);
    return a;
}

static void a_request_and_its_answer_go_over_whole(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 201 Created\r\nReprise-Output-Live: 1\r\n"
                                 "reprise-output-dropped: 77\r\ncontent-length: 4\r\n\r\n{}\r\n",
                      request[] = "POST /v1/x?y=%20 HTTP/1.0\r\nHost: localhost\r\nUser-Agent: "
                                  "reprise/" RP_VERSION "\r\nAccept: application/json\r\n"
                                  "Content-Length: 3\r\n\r\n{1}";
    struct peer p = {.says = rp_str_of(answer), .takes = sizeof request - 1};
    struct asked a = ask(&p, RP_STR("{1}"), 100, 20 * RP_US_S);
    assert_int_equal(a.end, HTTP_ANSWERED);
    assert_int_equal(a.reply.status, 201);
    assert_true(a.reply.live);
    assert_int_equal(a.reply.dropped_bytes, 77);
    assert_true(rp_str_is(rp_buf_view(&a.body), "{}\r\n"));
    assert_true(rp_str_is(rp_buf_view(&p.got), request));
    rp_buf_free(&a.body);
    peer_end(&p);
}

static void an_answer_that_is_cut_off_or_none_is_no_answer(void **state)
{
    (void)state;
    static const char *const says[] = {
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        "HTTP/1.1 \r\n\r\n",
        "220 mail.example.com ESMTP\r\n\r\n",
        "\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        struct asked a = hear(says[i]);
        if (a.end != HTTP_CUT_OFF)
            fail_msg("\"%s\" was taken for an answer", says[i]);
        assert_non_null(strstr(a.why, i == 0 ? "closed without an answer" : "cut off"));
        rp_buf_free(&a.body);
    }
    struct asked a = hear("HTTP/1.1 204 No Content\r\n\r\n");
    assert_int_equal(a.end, HTTP_ANSWERED);
    assert_int_equal(a.body.n, 0);
    rp_buf_free(&a.body);
}

static void an_answer_beyond_the_limit_is_too_large(void **state)
{
    (void)state;
    static char says[1 << 18];
    memset(says, ' ', sizeof says - 1);
    memcpy(says, "HTTP/1.1 200 OK\r\n\r\n", 19);
    struct peer p = {.says = rp_str_of(says), .takes = 1};
    struct asked a = ask(&p, RP_NONE, 1000, 20 * RP_US_S);
    assert_int_equal(a.end, HTTP_TOO_LARGE);
    rp_buf_free(&a.body);
    peer_end(&p);
}

static void who_does_not_answer_in_time_is_late(void **state)
{
    (void)state;
    static const char *const says[] = {"", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"};
    for (size_t i = 0; i < 2; i++) {
        struct peer p = {.says = rp_str_of(says[i]), .takes = 1, .holds = true};
        struct asked a = ask(&p, RP_NONE, 1000, RP_US_S / 5);
        assert_int_equal(a.end, HTTP_LATE);
        rp_buf_free(&a.body);
        peer_end(&p);
    }
}

/* More than the socket's buffers hold, so that the client still sends when it is answered. */
static void who_is_refused_while_it_sends_hears_why(void **state)
{
    (void)state;
    static char much[8 << 20];
    memset(much, 'x', sizeof much);
    struct peer p = {.says = RP_STR("HTTP/1.1 413 Content Too Large\r\n\r\n{}"), .takes = 100};
    struct asked a = ask(&p, (struct rp_str){much, sizeof much}, 1000, 20 * RP_US_S);
    assert_int_equal(a.end, HTTP_ANSWERED);
    assert_int_equal(a.reply.status, 413);
    rp_buf_free(&a.body);
    peer_end(&p);
}

static void where_nobody_listens_nobody_is_reached(void **state)
{
    (void)state;
    struct reply r = {0};
    struct rp_buf body = {.limit = 100};
    char longer[300];
    struct http_request q = {.method = "GET", .path = "/", .timeout_us = RP_US_S};
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const char *why = "";
    assert_int_equal(http_socket("/tmp/nobody-listens-here", &q, &r, &body, &why),
                     HTTP_UNREACHABLE);
    assert_string_equal(why, strerror(ENOENT));
    assert_int_equal(http_socket(longer, &q, &r, &body, &why), HTTP_UNREACHABLE);
    assert_string_equal(why, strerror(ENAMETOOLONG));
}

/* It has taken nobody for a while: its queue has no room for one more. */
static void a_daemon_that_takes_no_connection_is_late_and_not_absent(void **state)
{
    (void)state;
    enum { MOST = 20 };
    char dir[] = "/tmp/client_socket_XXXXXX";
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct http_request q = {.method = "GET", .path = "/", .timeout_us = 20 * RP_US_S};
    struct reply r = {0};
    struct rp_buf body = {.limit = 100};
    const char *why = "";
    int waits[MOST], n = 0;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/s", dir);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    do
        waits[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    while (connect(waits[n++], (struct sockaddr *)&at, sizeof at) == 0 && n < MOST);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(http_socket(at.sun_path, &q, &r, &body, &why), HTTP_LATE);
    (void)close(listener);
    assert_int_equal(http_socket(at.sun_path, &q, &r, &body, &why), HTTP_UNREACHABLE);
    while (n > 0)
        (void)close(waits[--n]);
    (void)unlink(at.sun_path);
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_daemon_that_takes_no_connection_is_late_and_not_absent),
        cmocka_unit_test(a_request_and_its_answer_go_over_whole),
        cmocka_unit_test(an_answer_that_is_cut_off_or_none_is_no_answer),
        cmocka_unit_test(an_answer_beyond_the_limit_is_too_large),
        cmocka_unit_test(who_does_not_answer_in_time_is_late),
        cmocka_unit_test(who_is_refused_while_it_sends_hears_why),
        cmocka_unit_test(where_nobody_listens_nobody_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
