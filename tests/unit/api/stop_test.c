/* G26: the end of the HTTP side, in orders of events that a loaded machine brings about seldom. The
 * library's and the system's calls are watched: the program's own definitions take the place of
 * theirs, and hold up those who are in them. */
#include "api_world.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

/* ---- the calls ---- */

static struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;   /* whoever gives a connection back waits, once that is done */
    int inside;    /* threads in MHD_resume_connection */
    bool too_soon; /* the library was ended although there were some */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static _Thread_local bool is_stopper;
static atomic_bool slow_to_remove, impatient;
static atomic_size_t pauses; /* of the thread that stops */

static void *library(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    assert_non_null(f);
    return f;
}

void MHD_resume_connection(struct MHD_Connection *c)
{
    void (*real)(struct MHD_Connection *) = NULL;
    *(void **)&real = library("MHD_resume_connection");
    (void)pthread_mutex_lock(&gate.lock);
    gate.inside++;
    (void)pthread_mutex_unlock(&gate.lock);
    real(c);
    (void)pthread_mutex_lock(&gate.lock);
    while (gate.closed)
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    gate.inside--;
    (void)pthread_mutex_unlock(&gate.lock);
}

void MHD_stop_daemon(struct MHD_Daemon *d)
{
    void (*real)(struct MHD_Daemon *) = NULL;
    *(void **)&real = library("MHD_stop_daemon");
    (void)pthread_mutex_lock(&gate.lock);
    gate.too_soon |= gate.inside > 0;
    (void)pthread_mutex_unlock(&gate.lock);
    real(d);
}

static bool listens(int fd)
{
    int is = 0;
    socklen_t n = sizeof is;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &n) == 0 && is != 0;
}

/* Between the decision of the thread that stops and the call another one has time to do the same.
 */
int epoll_ctl(int ep, int op, int fd, struct epoll_event *e)
{
    if (op == EPOLL_CTL_DEL && is_stopper && atomic_load(&slow_to_remove) && listens(fd))
        (void)nanosleep(&(struct timespec){0, 50000000}, NULL);
    return (int)syscall(SYS_epoll_ctl, ep, op, fd, e);
}

/* The time that clients have is over at once. */
int nanosleep(const struct timespec *t, struct timespec *rest)
{
    if (!is_stopper || !atomic_load(&impatient))
        return (int)syscall(SYS_nanosleep, t, rest);
    atomic_fetch_add(&pauses, 1);
    return 0;
}

static void gate_set(bool closed)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.closed = closed;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
}

static bool gate_pass(struct rp_db *db, void *arg, struct rp_err *err)
{
    (void)db;
    (void)arg;
    (void)err;
    (void)pthread_mutex_lock(&gate.lock);
    while (gate.closed)
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    (void)pthread_mutex_unlock(&gate.lock);
    return true;
}

static void nothing(struct rp_op *op)
{
    (void)op;
}

/* ---- an API to be stopped, beside the world's ---- */

static struct stop {
    struct world *w;
    struct rp_api *api;
    char path[110];
    pthread_t thread;
    bool begun;
} s;

static int setup(void **state)
{
    (void)world_setup(state);
    struct rp_err err;
    s = (struct stop){.w = *state};
    (void)snprintf(s.path, sizeof s.path, "%s/s2", s.w->dir);
    struct rp_api_options o = {.engine = s.w->engine,
                               .deps = s.w->deps,
                               .purger = s.w->purger,
                               .socket_path = s.path,
                               .listen = RP_STR("127.0.0.1:0"),
                               .body_bytes = 1024};
    s.api = rp_api_start(&o, &err);
    assert_non_null(s.api);
    return 0;
}

static void *stop_thread(void *api)
{
    is_stopper = true;
    rp_api_stop(api);
    return NULL;
}

/* Returns once nobody new can come. */
static void stop_begins(void)
{
    assert_int_equal(pthread_create(&s.thread, NULL, stop_thread, s.api), 0);
    s.begun = true;
    for (int i = 0; access(s.path, F_OK) == 0; i++) {
        assert_true(i < DEADLINE_S * 1000);
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

static void stop_ends(void)
{
    gate_set(false);
    if (s.begun)
        (void)pthread_join(s.thread, NULL);
    s.begun = false;
}

static int teardown(void **state)
{
    stop_ends(); /* of a test that failed */
    return world_teardown(state);
}

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = DEADLINE_S};
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void request(int fd, const char *path)
{
    char text[200];
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    raw_send(fd, text, (size_t)n);
}

/* One answer of a connection that stays open. */
static void want_kept(int fd, const char *path)
{
    char answer[8192];
    request(fd, path);
    ssize_t n = recv(fd, answer, sizeof answer - 1, 0);
    assert_true(n > 0);
    answer[n] = '\0';
    assert_non_null(strstr(answer, " 200 "));
    assert_null(strcasestr(answer, "connection: close"));
}

static void want_last(int fd, const char *path, const char *text)
{
    char answer[8192];
    request(fd, path);
    assert_true(raw_read(fd, answer, sizeof answer));
    if (strstr(answer, text) == NULL || strcasestr(answer, "connection: close") == NULL)
        fail_msg("%s was answered: %s", path, answer);
    (void)close(fd);
}

/* ---- */

static void G26_who_asks_during_the_stop_is_told_and_nobody_is_cut_off(void **state)
{
    (void)state;
    char answer[8192];
    struct world by_tcp = {.port = rp_api_port(s.api)};
    int held = connect_to(s.path), now = connect_to(s.path), later = connect_to(s.path);
    want_kept(now, "/healthz");
    want_kept(later, "/v1/status");
    gate_set(true);
    request(held, "/v1/status");
    assert_true(recv(held, answer, sizeof answer, 0) > 0); /* its thread is in the library yet */
    stop_begins();
    want_last(now, "/healthz", " 200 ");
    want_last(later, "/v1/status", "urn:reprise:problem:stopping");
    int late = raw_connect(&by_tcp);
    request(late, "/healthz");
    assert_true(raw_read(late, answer, sizeof answer));
    assert_string_equal(answer, "");
    stop_ends();
    (void)close(held);
    (void)close(late);
    assert_false(gate.too_soon);
}

static void until_at_least(size_t n, const atomic_size_t *what)
{
    for (int i = 0; atomic_load(what) < n; i++) {
        assert_true(i < DEADLINE_S * 1000);
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

/* Also when the time is over that clients have to take their answers. */
static void G26_what_another_thread_works_on_is_waited_for_and_answered(void **state)
{
    (void)state;
    char answer[8192];
    struct rp_err err;
    struct rp_op op = {.run = gate_pass, .done = nothing};
    static const char text[] = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
                               "Content-Length: 15\r\n\r\n{\"type\":\"mail\"}";
    gate_set(true);
    assert_true(rp_engine_submit(s.w->engine, &op, &err));
    int fd = connect_to(s.path);
    raw_send(fd, text, sizeof text - 1);
    until_at_least(1, &s.api->suspended);
    atomic_store(&pauses, 0);
    atomic_store(&impatient, true);
    stop_begins();
    until_at_least(5000, &pauses);
    gate_set(false);
    assert_true(raw_read(fd, answer, sizeof answer));
    assert_non_null(strstr(answer, " 201 "));
    (void)close(fd);
    stop_ends();
    atomic_store(&impatient, false);
}

static atomic_bool enough;

static void *connect_on_and_on(void *path)
{
    while (!atomic_load(&enough)) {
        int fd = connect_to(path);
        if (fd >= 0)
            (void)close(fd);
    }
    return NULL;
}

/* The library ends the process where two threads take the socket out of an epoll set. */
static void G26_connections_that_come_during_the_stop_do_not_hinder_it(void **state)
{
    (void)state;
    pthread_t comes;
    atomic_store(&enough, false);
    atomic_store(&slow_to_remove, true);
    assert_int_equal(pthread_create(&comes, NULL, connect_on_and_on, s.path), 0);
    stop_begins();
    stop_ends();
    atomic_store(&enough, true);
    (void)pthread_join(comes, NULL);
    atomic_store(&slow_to_remove, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(G26_who_asks_during_the_stop_is_told_and_nobody_is_cut_off),
        T(G26_what_another_thread_works_on_is_waited_for_and_answered),
        T(G26_connections_that_come_during_the_stop_do_not_hinder_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
