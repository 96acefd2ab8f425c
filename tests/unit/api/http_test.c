/* What the HTTP side promises whatever is asked: problems by their names, who may ask, requests
 * that programs on the way could read differently, one effect a key, nobody delayed by others. */
#include "api_world.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- problems ---- */

static void want_refusal(const struct world *w, const struct ask *q, long status, const char *slug)
{
    struct answer a = ask(w, q);
    want_problem(&a, status, slug);
    answer_free(&a);
}

static void G33_the_same_mistake_always_has_the_same_problem(void **state)
{
    static const struct {
        const char *method, *path, *body;
        long status;
        const char *slug;
    } cases[] = {
        {"POST", "/v1/jobs", "{\"type\":\"nosuch\"}", 422, "unknown-type"},
        {"POST", "/v1/jobs", "{\"type\":\"mail\",}", 400, "malformed-json"},
        {"POST", "/v1/jobs", "", 400, "malformed-json"},
        {"POST", "/v1/jobs", "{\"type\":\"mail\",\"colour\":1}", 400, "unknown-field"},
        {"POST", "/v1/jobs", "{\"type\":\"mail\",\"type\":\"mail\"}", 400, "bad-field"},
        {"POST", "/v1/jobs", "{\"type\":\"mail\",\"priority\":1e99}", 400, "bad-field"},
        {"POST", "/v1/jobs", "{\"type\":7}", 400, "bad-field"},
        {"POST", "/v1/jobs", "[]", 400, "bad-field"},
        {"POST", "/v1/jobs?type=mail", "{\"type\":\"mail\"}", 400, "unknown-field"},
        {"GET", "/v1/jobs?colour=1", NULL, 400, "unknown-field"},
        {"GET", "/v1/jobs?state=failed&state=unknown", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs?state=lost", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs?type=", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs?type", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs?type=%zz", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs?type=%00", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs?type=%ff", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs?type=nosuch", NULL, 404, "not-found"},
        {"GET", "/v1/jobs?limit=0", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs?class=bad+luck", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs/count?limit=5", NULL, 400, "unknown-field"},
        {"GET", "/v1/jobs/failures?cursor=5", NULL, 400, "unknown-field"},
        {"POST", "/v1/replays", "{\"select\":{\"class\":\"bad luck\"}}", 400, "bad-field"},
        {"GET", "/v1/jobs?where=nothing", NULL, 400, "bad-field"},
        {"GET", "/v1/jobs/7", NULL, 404, "not-found"},
        {"GET", "/v1/jobs/x", NULL, 404, "not-found"},
        {"GET", "/v1/nosuch", NULL, 404, "not-found"},
        {"DELETE", "/v1/jobs", NULL, 405, "method-not-allowed"},
        {"GET", "/v1/work/fetch", NULL, 405, "method-not-allowed"},
        {"POST", "/v1/queues/nosuch/pause", NULL, 404, "not-found"},
        {"POST", "/v1/tokens", "{\"name\":\"t\",\"scope\":\"root\"}", 400, "bad-field"},
        {"POST", "/v1/replays", "{\"dry_run\":true}", 400, "bad-field"},
        {"POST", "/v1/replays", "{\"select\":{},\"dry_run\":true}", 400, "bad-field"},
        {"POST", "/v1/replays", "{\"select\":{\"state\":\"succeeded\"}}", 400, "bad-field"},
        {"POST", "/v1/replays", "{\"select\":{\"all\":true},\"guard\":{\"override\":[\"luck\"]}}",
         400, "bad-field"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        want_refusal(
            *state,
            &(struct ask){.method = cases[i].method, .path = cases[i].path, .body = cases[i].body},
            cases[i].status, cases[i].slug);
}

static void S6_a_body_over_the_limit_is_refused(void **state)
{
    size_t n = (1 << 20) + 1;
    char *body = rp_xmalloc(n);
    memset(body, ' ', n);
    want_refusal(*state,
                 &(struct ask){.method = "POST", .path = "/v1/jobs", .body = body, .body_n = n},
                 413, "too-large");
    want_refusal(*state,
                 &(struct ask){
                     .method = "POST", .path = "/v1/tokens", .body = body, .body_n = 64 * 1024 + 1},
                 413, "too-large");
    free(body);
}

static void S7_json_deeper_than_64_levels_and_longer_than_10000_items_is_refused(void **state)
{
    struct rp_buf b = {0};
    rp_buf_fmt(&b, "{\"type\":\"mail\",\"payload\":");
    for (int i = 0; i < 64; i++)
        rp_buf_c(&b, '[');
    for (int i = 0; i < 64; i++)
        rp_buf_c(&b, ']');
    rp_buf_c(&b, '}');
    want_refusal(*state,
                 &(struct ask){.method = "POST", .path = "/v1/jobs", .body = b.p, .body_n = b.n},
                 413, "too-large");
    b.n = 0;
    for (int i = 0; i <= 10000; i++)
        rp_buf_fmt(&b, "%c{\"type\":\"mail\"}", i == 0 ? '[' : ',');
    rp_buf_c(&b, ']');
    want_refusal(*state,
                 &(struct ask){.method = "POST", .path = "/v1/jobs", .body = b.p, .body_n = b.n},
                 413, "too-large");
    rp_buf_free(&b);
    want(*state, "GET", "/v1/jobs/count", NULL, 200, "{\"count\":0}");
}

static void a_wrong_method_is_told_the_right_one(void **state)
{
    struct answer a = ask(*state, &(struct ask){.method = "PUT", .path = "/v1/jobs/7/cancel"});
    want_problem(&a, 405, "method-not-allowed");
    want_header(&a, "Allow: POST");
    answer_free(&a);
}

/* ---- who asks ---- */

static void S2_a_token_that_is_wrong_expired_or_revoked_gets_the_same_answer(void **state)
{
    struct world *w = *state;
    char token[128], id[128], path[160];
    static const char *const wrong[] = {"", "rp_", "nonsense",
                                        "rp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct answer first = ask(w, &(struct ask){.method = "GET", .path = "/v1/jobs", .token = ""});
    want_problem(&first, 401, "unauthorized");
    want_header(&first, "WWW-Authenticate: Bearer");
    struct answer made = post(w, "/v1/tokens", "{\"name\":\"r\",\"scope\":\"read\"}");
    (void)value_of(&made, "token", token);
    (void)snprintf(path, sizeof path, "/v1/tokens/%s/revoke", value_of(&made, "id", id));
    answer_free(&made);
    struct answer a = ask(w, &(struct ask){.method = "GET", .path = "/v1/jobs", .token = token});
    want_status(&a, 200);
    answer_free(&a);
    want(w, "POST", path, NULL, 200, "\"revoked_at\"");
    for (size_t i = 0; i < 5; i++) {
        a = ask(w, &(struct ask){
                       .method = "GET", .path = "/v1/jobs", .token = i < 4 ? wrong[i] : token});
        assert_int_equal(a.status, 401);
        assert_string_equal(a.body.p, first.body.p);
        answer_free(&a);
    }
    answer_free(&first);
}

static void S2_guesses_are_answered_slower_and_right_tokens_are_not(void **state)
{
    struct world *w = *state;
    char token[128];
    (void)make_token(w, "read", token);
    int64_t from = now_us();
    for (int i = 0; i < 7; i++)
        want_refusal(w, &(struct ask){.method = "GET", .path = "/v1/jobs", .token = "guess"}, 401,
                     "unauthorized");
    assert_true(now_us() - from >= 740000); /* the sixth waits 250 ms, the seventh 500 */
    int64_t least = RP_US_H;                /* of some: the machine may be slow */
    for (int i = 0; i < 20 && least >= 700000; i++) {
        from = now_us();
        struct answer a =
            ask(w, &(struct ask){.method = "GET", .path = "/v1/jobs", .token = token});
        int64_t took = now_us() - from;
        want_status(&a, 200);
        answer_free(&a);
        least = took < least ? took : least;
    }
    assert_true(least < 700000);
}

static void S2_a_tokens_last_use_is_written_down(void **state)
{
    struct world *w = *state;
    char token[128];
    (void)make_token(w, "read", token);
    struct answer a = ask(w, &(struct ask){.method = "GET", .path = "/v1/jobs", .token = token});
    want_status(&a, 200);
    answer_free(&a);
    wait_text(w, "/v1/tokens", "\"last_used_at\"");
}

static void S4_other_host_names_and_other_sites_are_refused_on_tcp(void **state)
{
    struct world *w = *state;
    char token[128];
    (void)make_token(w, "read", token);
    static const struct {
        const char *header;
        long status;
    } cases[] = {{"Host: evil.example", 403},
                 {"Host: 127.0.0.1.evil.example:80", 403},
                 {"Host: localhost", 200},
                 {"Host: localhost:7420", 200},
                 {"Host: [::1]:7420", 200},
                 {"Sec-Fetch-Site: cross-site", 403},
                 {"Sec-Fetch-Site: same-origin", 200}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a = ask(w, &(struct ask){.method = "GET",
                                               .path = "/v1/jobs",
                                               .token = token,
                                               .header = {cases[i].header}});
        want_status(&a, cases[i].status);
        assert_null(strcasestr(a.headers.p, "Access-Control-"));
        answer_free(&a);
    }
}

static void S5_answers_are_not_sniffed_or_kept(void **state)
{
    struct answer a = get(*state, "/v1/status");
    want_header(&a, "X-Content-Type-Options: nosniff");
    want_header(&a, "Cache-Control: no-store");
    answer_free(&a);
}

/* ---- the wire ---- */

#define HEAD "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
#define BODY "Content-Length: 15\r\n\r\n{\"type\":\"mail\"}"
#define BYTES(s)                                                                                   \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

static void
S6_requests_that_may_be_read_in_two_ways_are_refused_and_end_the_connection(void **state)
{
    static const struct {
        const char *p;
        size_t n;
    } cases[] = {
        BYTES(HEAD "Transfer-Encoding: chunked\r\n" BODY),
        BYTES(HEAD "Content-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n{\"type\":\"mail\"}"),
        BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BYTES(HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        BYTES(HEAD "Transfer-Encoding: identity\r\n" BODY),
        BYTES(HEAD "Content-Length: 14\r\n" BODY),
        BYTES(HEAD "Content-Length: 15\r\n" BODY),
        BYTES(HEAD "Content-Length: 15, 15\r\n\r\n{\"type\":\"mail\"}"),
        BYTES(HEAD "Content-Length: +15\r\n\r\n{\"type\":\"mail\"}"),
        BYTES(HEAD "Content-Length: 0xf\r\n\r\n{\"type\":\"mail\"}"),
        BYTES(HEAD "Content-Length : 15\r\n\r\n{\"type\":\"mail\"}"),
        BYTES(HEAD "X: a\n" BODY),
        BYTES("POST /v1/jobs HTTP/1.1\nHost: localhost\r\n" BODY),
        BYTES(HEAD "Content-Length: 15\r\nX: a\n\r\n{\"type\":\"mail\"}"),
        BYTES(HEAD "Content-Length: 15\r\nX: a\r\n\n{\"type\":\"mail\"}"),
        BYTES("POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Length: 15\n\n{\"type\":\"mail\"}"),
        BYTES(HEAD "X: a\0b\r\n" BODY),
        BYTES(HEAD "X\0: a\r\n" BODY),
        BYTES("POST /v1/jo\0bs HTTP/1.1\r\nHost: localhost\r\n" BODY),
        BYTES(HEAD "X: a\r\n b\r\n" BODY),
        BYTES(HEAD "X: a\r\n\tb\r\n" BODY),
        BYTES(HEAD "X: a\rContent-Length: 7\r\n" BODY),
        BYTES(HEAD "X: a\x01\r\n" BODY),
        BYTES(HEAD "X y: a\r\n" BODY),
        BYTES(HEAD "Host: localhost\r\n" BODY),
        BYTES("POST /v1/jobs HTTP/1.1\r\n" BODY),
        BYTES("POST  /v1/jobs HTTP/1.1\r\nHost: localhost\r\n" BODY),
    };
    struct world *w = *state;
    char answer[4096];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = raw_connect(w);
        raw_send(fd, cases[i].p, cases[i].n);
        bool closed = raw_read(fd, answer, sizeof answer);
        (void)close(fd);
        if (!closed || strncmp(answer, "HTTP/1.1 400 ", 13) != 0 ||
            strstr(answer + 1, "HTTP/1.1 2") != NULL)
            fail_msg("case %zu (%s): %s, answer %s", i, cases[i].p, closed ? "closed" : "open",
                     answer);
    }
    want(w, "GET", "/v1/jobs/count", NULL, 200, "{\"count\":0}");
}

static void S6_plain_requests_pass_the_same_reading(void **state)
{
    static const char *const cases[] = {
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost:localhost\r\nX:\r\nY: a \t b\r\nConnection:close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: \t localhost\r\nX: \xc3\xa4\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz? HTTP/1.0\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: a=b; c\r\nConnection: close\r\n\r\n",
        /* two requests in one write, the second after a body */
        ("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhiGET /healthz "
         "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    };
    char answer[4096];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = raw_connect(*state);
        raw_send(fd, cases[i], strlen(cases[i]));
        bool closed = raw_read(fd, answer, sizeof answer);
        (void)close(fd);
        const char *body = strstr(answer, "HTTP/1.1 200") != NULL ? strstr(answer, "ok") : NULL;
        if (!closed || (body == NULL && i != 4))
            fail_msg("case %zu: %s", i, answer);
    }
}

static void S6_headers_one_byte_at_a_time_are_read_alike(void **state)
{
    static const char good[] =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static const char bad[] = "GET /healthz HTTP/1.1\r\nHost: localhost\nConnection: close\r\n\r\n";
    const char *const both[] = {good, bad};
    char answer[4096];
    for (int k = 0; k < 2; k++) {
        int fd = raw_connect(*state), one = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        for (size_t i = 0; both[k][i] != '\0'; i++)
            raw_send(fd, both[k] + i, 1);
        assert_true(raw_read(fd, answer, sizeof answer));
        (void)close(fd);
        assert_non_null(strstr(answer, k == 0 ? "HTTP/1.1 200 " : "HTTP/1.1 400 "));
    }
}

static void S6_headers_that_do_not_come_in_time_end_the_connection(void **state)
{
    (void)state;
    struct world *w = world_new(world_yaml, 300000);
    char answer[256];
    int silent = raw_connect(w), slow = raw_connect(w);
    raw_send(slow, "GET /healthz HTTP/1.1\r\nHost:", 28);
    assert_true(raw_read(silent, answer, sizeof answer));
    assert_true(raw_read(slow, answer, sizeof answer));
    assert_string_equal(answer, "");
    (void)close(silent);
    (void)close(slow);
    world_free(w);
}

static void S6_headers_over_32_kB_are_refused(void **state)
{
    struct rp_buf b = {0};
    char answer[4096];
    rp_buf_fmt(&b, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ");
    for (int i = 0; i < 40000; i++)
        rp_buf_c(&b, 'x');
    rp_buf_fmt(&b, "\r\n\r\n");
    int fd = raw_connect(*state);
    raw_send(fd, b.p, b.n);
    assert_true(raw_read(fd, answer, sizeof answer));
    assert_null(strstr(answer, "HTTP/1.1 200"));
    (void)close(fd);
    rp_buf_free(&b);
}

/* ---- effects and delays ---- */

static void G13_the_same_key_has_one_effect_and_one_answer(void **state)
{
    struct world *w = *state;
    struct ask q = {.method = "POST",
                    .path = "/v1/jobs",
                    .body = "[{\"type\":\"mail\"},{\"type\":\"mail\"}]",
                    .header = {"Idempotency-Key: k1"}};
    struct answer first = ask(w, &q), again = ask(w, &q);
    want_status(&first, 201);
    want_status(&again, 201);
    assert_string_equal(first.body.p, again.body.p);
    want_header(&again, "Idempotency-Replayed: true");
    want(w, "GET", "/v1/jobs/count", NULL, 200, "{\"count\":2}");
    q.body = "[{\"type\":\"mail\"}]";
    want_refusal(w, &q, 409, "conflict");
    want(w, "GET", "/v1/jobs/count", NULL, 200, "{\"count\":2}");
    q.header[0] = "Idempotency-Key: k2";
    q.body = "[{\"type\":\"mail\"},{\"type\":\"nosuch\"}]";
    want_refusal(w, &q, 422, "unknown-type");
    want(w, "GET", "/v1/jobs/count", NULL, 200, "{\"count\":2}"); /* all or nothing */
    answer_free(&first);
    answer_free(&again);
}

static void G20_slow_clients_do_not_delay_others(void **state)
{
    enum { SLOW = 40 };
    struct world *w = *state;
    int fd[SLOW];
    for (int i = 0; i < SLOW; i++) {
        fd[i] = raw_connect(w);
        if (i % 2 == 0)
            raw_send(fd[i], HEAD "Content-Length: 1000\r\n\r\n{", sizeof(HEAD) + 24);
        else
            raw_send(fd[i], HEAD, 20);
    }
    int delayed = 0;
    for (int i = 0; i < 50; i++) {
        int64_t from = now_us();
        want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, NULL);
        delayed += now_us() - from > 2 * RP_US_S;
    }
    assert_true(delayed < 25); /* one now and then by the machine itself */
    for (int i = 0; i < SLOW; i++)
        (void)close(fd[i]);
}

static void S1_a_port_beyond_loopback_needs_a_word_and_a_token(void **state)
{
    struct world *w = *state;
    char path[110], token[128];
    struct rp_err err;
    (void)snprintf(path, sizeof path, "%s/s2", w->dir);
    struct rp_api_options o = {.engine = w->engine,
                               .deps = w->deps,
                               .socket_path = path,
                               .listen = RP_STR("0.0.0.0:0"),
                               .body_bytes = 1024};
    assert_null(rp_api_start(&o, &err));
    assert_int_equal(err.code, RP_E_REFUSED);
    o.insecure = true;
    assert_null(rp_api_start(&o, &err));
    assert_int_equal(err.code, RP_E_REFUSED);
    assert_non_null(strstr(err.message, "no token"));
    (void)make_token(w, "read", token);
    struct rp_api *api = rp_api_start(&o, &err);
    assert_non_null(api);
    rp_api_stop(api);
}

static void S1_a_second_daemon_does_not_take_a_live_socket(void **state)
{
    struct world *w = *state;
    struct rp_err err;
    struct rp_api_options o = {
        .engine = w->engine, .deps = w->deps, .socket_path = w->socket, .body_bytes = 1024};
    assert_null(rp_api_start(&o, &err));
    assert_int_equal(err.code, RP_E_STORE_IN_USE);
    want(w, "GET", "/healthz", NULL, 200, "ok");
}

enum { ASKERS = 8, STOPS = 10 };

/* Asks as fast as it is answered, until nobody listens. What an answer is made of does not matter,
 * only that there is one, or the end of the connection. */
static void *ask_until_the_end(void *socket_path)
{
    static const char text[] = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", (const char *)socket_path);
    char answer[8192];
    for (bool listens = true; listens;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        listens = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
        while (listens && send(fd, text, sizeof text - 1, MSG_NOSIGNAL) > 0 &&
               recv(fd, answer, sizeof answer, 0) > 0)
            ;
        (void)close(fd);
    }
    return NULL;
}

/* The library ends the process when it is stopped while another thread has a request. */
static void G26_requests_that_come_during_the_stop_do_not_hinder_it(void **state)
{
    struct world *w = *state;
    char path[110];
    (void)snprintf(path, sizeof path, "%s/s2", w->dir);
    for (int i = 0; i < STOPS; i++) {
        struct rp_err err;
        struct rp_api_options o = {
            .engine = w->engine, .deps = w->deps, .socket_path = path, .body_bytes = 1024};
        struct rp_api *api = rp_api_start(&o, &err);
        assert_non_null(api);
        pthread_t asker[ASKERS];
        for (int k = 0; k < ASKERS; k++)
            assert_int_equal(pthread_create(&asker[k], NULL, ask_until_the_end, path), 0);
        struct timespec some = {0, 1000000 * (i + 1)};
        (void)nanosleep(&some, NULL);
        rp_api_stop(api);
        for (int k = 0; k < ASKERS; k++)
            (void)pthread_join(asker[k], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
        T(G33_the_same_mistake_always_has_the_same_problem),
        T(S6_a_body_over_the_limit_is_refused),
        T(S7_json_deeper_than_64_levels_and_longer_than_10000_items_is_refused),
        T(a_wrong_method_is_told_the_right_one),
        T(S2_a_token_that_is_wrong_expired_or_revoked_gets_the_same_answer),
        T(S2_guesses_are_answered_slower_and_right_tokens_are_not),
        T(S2_a_tokens_last_use_is_written_down),
        T(S4_other_host_names_and_other_sites_are_refused_on_tcp),
        T(S5_answers_are_not_sniffed_or_kept),
        T(S6_requests_that_may_be_read_in_two_ways_are_refused_and_end_the_connection),
        T(S6_plain_requests_pass_the_same_reading),
        T(S6_headers_one_byte_at_a_time_are_read_alike),
        cmocka_unit_test(S6_headers_that_do_not_come_in_time_end_the_connection),
        T(S6_headers_over_32_kB_are_refused),
        T(G13_the_same_key_has_one_effect_and_one_answer),
        T(G20_slow_clients_do_not_delay_others),
        T(S1_a_port_beyond_loopback_needs_a_word_and_a_token),
        T(S1_a_second_daemon_does_not_take_a_live_socket),
        T(G26_requests_that_come_during_the_stop_do_not_hinder_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
