/* Long polls: fetches that wait for work. */
#include "api_world.h"

#include <pthread.h>
#include <sodium.h>

struct poll_thread {
    struct world *w;
    const char *body;
    pthread_t thread;
    struct answer answer;
    int64_t took_us;
};

static void *poll_run(void *arg)
{
    struct poll_thread *p = arg;
    int64_t from = now_us();
    p->answer = post(p->w, "/v1/work/fetch", p->body);
    p->took_us = now_us() - from;
    return NULL;
}

static void poll_begin(struct poll_thread *p, struct world *w, const char *body)
{
    *p = (struct poll_thread){.w = w, .body = body};
    assert_int_equal(pthread_create(&p->thread, NULL, poll_run, p), 0);
}

static void poll_end(struct poll_thread *p, long status, const char *text)
{
    (void)pthread_join(p->thread, NULL);
    want_status(&p->answer, status);
    want_text(&p->answer, text);
    answer_free(&p->answer);
}

static size_t waiting(struct world *w)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&w->api->lock);
    for (struct request *q = w->api->waiting; q != NULL; q = q->next)
        n++;
    (void)pthread_mutex_unlock(&w->api->lock);
    return n;
}

static void wait_waiting(struct world *w, size_t n)
{
    for (int i = 0; waiting(w) != n; i++) {
        if (i == DEADLINE_S * 200)
            fail_msg("%zu polls wait, expected %zu", waiting(w), n);
        (void)nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
}

static void a_fetch_that_waits_gets_the_job_that_comes(void **state)
{
    struct poll_thread p;
    poll_begin(&p, *state, "{\"worker\":\"w\",\"types\":[\"mail\"],\"wait_ms\":25000}");
    wait_waiting(*state, 1);
    want(*state, "POST", "/v1/jobs", "{\"type\":\"mail\",\"payload\":{\"to\":\"x\"}}", 201, NULL);
    poll_end(&p, 200, "\"payload\":{\"to\":\"x\"}");
    assert_true(p.took_us < 20 * RP_US_S); /* not by its deadline */
}

/* Keeps the writer busy until `open`, so that what comes meanwhile shares one transaction. */
struct gate {
    struct rp_op op;
    atomic_bool inside, open;
};

static bool gate_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct gate *g = arg;
    (void)db;
    (void)err;
    atomic_store(&g->inside, true);
    while (!atomic_load(&g->open))
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    return true;
}

static void gate_done(struct rp_op *op)
{
    (void)op;
}

static void wait_suspended(struct world *w, size_t n)
{
    for (int i = 0; atomic_load(&w->api->suspended) != n; i++) {
        if (i == DEADLINE_S * 1000)
            fail_msg("%zu requests are with other threads, expected %zu",
                     atomic_load(&w->api->suspended), n);
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

static void *enqueue_run(void *arg)
{
    want(arg, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, "queued");
    return NULL;
}

static void a_fetch_gets_the_job_that_came_behind_it_in_one_transaction(void **state)
{
    struct world *w = *state;
    struct gate g = {.op = {.run = gate_run, .done = gate_done}};
    struct poll_thread p;
    pthread_t enqueues;
    struct rp_err err;
    g.op.arg = &g;
    assert_true(rp_engine_submit(w->engine, &g.op, &err));
    while (!atomic_load(&g.inside))
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    poll_begin(&p, w, "{\"worker\":\"w\",\"wait_ms\":25000}");
    wait_suspended(w, 1);
    assert_int_equal(pthread_create(&enqueues, NULL, enqueue_run, w), 0);
    wait_suspended(w, 2);
    atomic_store(&g.open, true);
    (void)pthread_join(enqueues, NULL);
    poll_end(&p, 200, "\"type\":\"mail\"");
    assert_true(p.took_us < 20 * RP_US_S); /* not by its deadline */
}

static void a_fetch_gets_a_job_that_becomes_due_while_it_waits(void **state)
{
    struct poll_thread p;
    want(*state, "POST", "/v1/jobs", "{\"type\":\"mail\",\"delay_s\":1}", 201, "scheduled");
    poll_begin(&p, *state, "{\"worker\":\"w\",\"wait_ms\":25000}");
    poll_end(&p, 200, "\"type\":\"mail\"");
}

static void a_fetch_is_answered_empty_at_its_deadline(void **state)
{
    struct poll_thread p;
    poll_begin(&p, *state, "{\"worker\":\"w\",\"wait_ms\":300}");
    poll_end(&p, 200, "{\"leases\":[]}");
    assert_true(p.took_us >= 300000);
}

static void a_fetch_without_waiting_is_answered_at_once(void **state)
{
    want(*state, "POST", "/v1/work/fetch", "{\"worker\":\"w\"}", 200, "{\"leases\":[]}");
}

static void a_hundred_fetches_that_wait_each_get_one_job(void **state)
{
    enum { N = 100 };
    struct world *w = *state;
    static struct poll_thread p[N];
    char lease[N][128];
    for (int i = 0; i < N; i++)
        poll_begin(&p[i], w, "{\"worker\":\"w\",\"wait_ms\":28000}");
    wait_waiting(w, N);
    for (int i = 0; i < N / 10; i++)
        want(w, "POST", "/v1/jobs",
             "[{\"type\":\"mail\"},{\"type\":\"mail\"},{\"type\":\"mail\"},{\"type\":\"mail\"},"
             "{\"type\":\"mail\"},{\"type\":\"mail\"},{\"type\":\"mail\"},{\"type\":\"mail\"},"
             "{\"type\":\"mail\"},{\"type\":\"mail\"}]",
             201, NULL);
    for (int i = 0; i < N; i++) {
        (void)pthread_join(p[i].thread, NULL);
        want_status(&p[i].answer, 200);
        (void)value_of(&p[i].answer, "lease", lease[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(lease[k], lease[i]);
        answer_free(&p[i].answer);
    }
    want(w, "GET", "/v1/jobs/count?state=running", NULL, 200, "{\"count\":100}");
}

static void a_job_reaches_its_fetch_behind_a_crowd_that_wants_others(void **state)
{
    enum { N = 100 };
    (void)state;
    struct world *w = world_new(world_yaml, 0);
    static struct poll_thread crowd[N];
    struct poll_thread p;
    for (int i = 0; i < N; i++)
        poll_begin(&crowd[i], w, "{\"worker\":\"c\",\"types\":[\"bill\"],\"wait_ms\":28000}");
    wait_waiting(w, N);
    poll_begin(&p, w, "{\"worker\":\"w\",\"types\":[\"mail\"],\"wait_ms\":25000}");
    wait_waiting(w, N + 1);
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, "queued");
    poll_end(&p, 200, "\"type\":\"mail\"");
    assert_true(p.took_us < 20 * RP_US_S); /* not by its deadline, nor the crowd's */
    world_free(w);                         /* which answers the crowd */
    for (int i = 0; i < N; i++)
        poll_end(&crowd[i], 200, "{\"leases\":[]}");
}

static int local_connect(const struct world *w)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", w->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    return fd;
}

static void G26_clients_that_left_while_they_waited_do_not_keep_it_from_stopping(void **state)
{
    enum { N = 40 };
    static const char text[] = "POST /v1/work/fetch HTTP/1.1\r\nHost: localhost\r\n"
                               "Content-Length: 31\r\n\r\n"
                               "{\"worker\":\"w\",\"wait_ms\":20000} ";
    (void)state;
    struct world *w = world_new(world_yaml, 0);
    int fd[N];
    for (int i = 0; i < N; i++) {
        fd[i] = local_connect(w);
        raw_send(fd[i], text, sizeof text - 1);
    }
    wait_waiting(w, N);
    for (int i = 0; i < N; i++)
        (void)(i % 2 ? close(fd[i]) : shutdown(fd[i], SHUT_WR));
    int64_t from = now_us();
    world_free(w);
    assert_true(now_us() - from < 15 * RP_US_S); /* not by their deadlines */
    for (int i = 0; i < N; i += 2)
        (void)close(fd[i]);
}

static void a_stop_answers_fetches_that_wait(void **state)
{
    enum { N = 20 };
    (void)state;
    struct world *w = world_new(world_yaml, 0);
    struct poll_thread p[N];
    for (int i = 0; i < N; i++)
        poll_begin(&p[i], w, "{\"worker\":\"w\",\"wait_ms\":28000}");
    wait_waiting(w, N);
    int64_t from = now_us();
    world_free(w);
    assert_true(now_us() - from < 15 * RP_US_S); /* not by their deadlines */
    for (int i = 0; i < N; i++)
        poll_end(&p[i], 200, "{\"leases\":[]}");
}

static void a_worker_that_went_away_while_it_waited_takes_no_job(void **state)
{
    struct world *w = *state;
    char token[128], text[512];
    (void)make_token(w, "work", token);
    int fd = raw_connect(w);
    (void)snprintf(text, sizeof text,
                   "POST /v1/work/fetch HTTP/1.1\r\nHost: localhost\r\n"
                   "Authorization: Bearer %s\r\nContent-Length: 30\r\n\r\n"
                   "{\"worker\":\"w\",\"wait_ms\":20000}",
                   token);
    raw_send(fd, text, strlen(text));
    wait_waiting(w, 1);
    (void)close(fd);
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, "queued");
    wait_waiting(w, 0);
    want(w, "GET", "/v1/jobs/count?state=queued", NULL, 200, "{\"count\":1}");
}

static void fetches_without_the_scope_are_refused_at_once(void **state)
{
    char token[128];
    struct answer a = ask(*state, &(struct ask){.method = "POST",
                                                .path = "/v1/work/fetch",
                                                .body = "{\"worker\":\"w\",\"wait_ms\":20000}",
                                                .token = make_token(*state, "operate", token)});
    want_problem(&a, 403, "forbidden");
    answer_free(&a);
}

static void one_bad_report_of_a_batch_does_not_fail_the_others(void **state)
{
    struct world *w = *state;
    char body[600], lease[128], token[128];
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, NULL);
    struct answer a = post(w, "/v1/work/fetch", "{\"worker\":\"w\",\"wait_ms\":10000}");
    (void)value_of(&a, "lease", lease);
    (void)value_of(&a, "token", token);
    answer_free(&a);
    (void)snprintf(body, sizeof body,
                   "[{\"lease\":\"999\",\"token\":\"0000000000000000\",\"outcome\":\"succeeded\"},"
                   "{\"lease\":\"%s\",\"token\":\"%s\",\"outcome\":\"succeeded\"}]",
                   lease, token);
    a = post(w, "/v1/work/report", body);
    want_status(&a, 200);
    want_text(&a, "[{\"lease\":\"999\",\"problem\":{\"type\":\"urn:reprise:problem:lease-lost\"");
    want_text(&a, "\"state\":\"succeeded\"}]");
    answer_free(&a);
    want(w, "GET", "/v1/jobs/count?state=succeeded", NULL, 200, "{\"count\":1}");
}

/* The base64 of a packed output of zeros: some hundred bytes for megabytes. */
static char *bomb(size_t bytes)
{
    struct rp_output o = {.total = {bytes, bytes, 0}};
    struct rp_buf packed = {0};
    struct rp_err err;
    size_t room = 8 << 10;
    char head[13] = {1}, *text = rp_xmalloc(room);
    memcpy(head + 9, &(uint32_t){(uint32_t)bytes},
           4); /* little-endian, as the machines we run on */
    rp_buf_add(&o.head, head, sizeof head);
    char *zeros = rp_xcalloc(1, bytes);
    rp_buf_add(&o.head, zeros, bytes);
    free(zeros);
    assert_true(rp_output_pack(&o, &packed, &err));
    assert_true(sodium_base64_encoded_len(packed.n, sodium_base64_VARIANT_ORIGINAL) <= room);
    (void)sodium_bin2base64(text, room, (unsigned char *)packed.p, packed.n,
                            sodium_base64_VARIANT_ORIGINAL);
    rp_buf_free(&packed);
    rp_output_free(&o);
    return text;
}

static void report_with_bombs(struct world *w, const char *output, int n, const char *text)
{
    struct rp_buf body = {0};
    for (int i = 0; i < n; i++)
        rp_buf_fmt(&body,
                   "%c{\"lease\":\"999\",\"token\":\"0000000000000000\",\"outcome\":\"failed\","
                   "\"output\":\"%s\"}",
                   i == 0 ? '[' : ',', output);
    rp_buf_c(&body, ']');
    rp_buf_c(&body, '\0');
    struct answer a = post(w, "/v1/work/report", body.p);
    want_text(&a, text);
    answer_free(&a);
    rp_buf_free(&body);
}

static void G18_G20_outputs_that_unpack_to_much_are_limited_for_the_whole_request(void **state)
{
    struct world *w = *state;
    char *small = bomb(8 << 20), *large = bomb(16 << 20);
    report_with_bombs(w, small, 7,
                      "urn:reprise:problem:lease-lost"); /* 56 MB: they were looked at */
    report_with_bombs(w, small, 9, "urn:reprise:problem:too-large");
    report_with_bombs(w, large, 300, "outputs of more than 64 MB in one request");
    free(small);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
        T(a_fetch_that_waits_gets_the_job_that_comes),
        T(a_fetch_gets_the_job_that_came_behind_it_in_one_transaction),
        T(a_fetch_gets_a_job_that_becomes_due_while_it_waits),
        T(a_fetch_is_answered_empty_at_its_deadline),
        T(a_fetch_without_waiting_is_answered_at_once),
        T(a_hundred_fetches_that_wait_each_get_one_job),
        cmocka_unit_test(a_job_reaches_its_fetch_behind_a_crowd_that_wants_others),
        cmocka_unit_test(a_stop_answers_fetches_that_wait),
        cmocka_unit_test(G26_clients_that_left_while_they_waited_do_not_keep_it_from_stopping),
        T(a_worker_that_went_away_while_it_waited_takes_no_job),
        T(fetches_without_the_scope_are_refused_at_once),
        T(one_bad_report_of_a_batch_does_not_fail_the_others),
        T(G18_G20_outputs_that_unpack_to_much_are_limited_for_the_whole_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
