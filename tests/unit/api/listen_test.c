/* Where the daemon listens, and where it does not: what the system says of a socket is given. */
#include "api_world.h"

#include <dlfcn.h>
#include <netdb.h>
#include <sys/syscall.h>

/* ---- a machine without IPv6, whose names have addresses of both kinds ---- */

static _Thread_local bool no_v6; /* for who starts; dependencies are looked up meanwhile */

static int real_info(const char *host, const char *port, const struct addrinfo *hints,
                     struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(host, port, hints, out);
}

int getaddrinfo(const char *restrict host, const char *restrict port,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    if (!no_v6)
        return real_info(host, port, hints, out);
    int rc = real_info("::1", port, hints, out);
    return rc != 0 ? rc : real_info("127.0.0.1", port, hints, &(*out)->ai_next);
}

int socket(int family, int type, int protocol)
{
    if (no_v6 && family == AF_INET6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return (int)syscall(SYS_socket, family, type, protocol);
}

/* ---- */

static struct rp_api *start(const struct world *w, const char *path, struct rp_str listen,
                            struct rp_err *err)
{
    struct rp_api_options o = {.engine = w->engine,
                               .deps = w->deps,
                               .socket_path = path,
                               .listen = listen,
                               .body_bytes = 1024};
    return rp_api_start(&o, err);
}

static void a_name_whose_first_address_this_machine_has_not_is_listened_on_at_the_next(void **state)
{
    struct world *w = *state;
    struct rp_err err = {0};
    char path[110];
    (void)snprintf(path, sizeof path, "%s/s2", w->dir);
    no_v6 = true;
    struct rp_api *api = start(w, path, RP_STR("localhost:0"), &err);
    no_v6 = false;
    if (api == NULL)
        fail_msg("%s", err.message);
    struct world of_it = *w;
    of_it.port = rp_api_port(api);
    (void)close(raw_connect(&of_it));
    rp_api_stop(api);
}

/* The one that listens has not accepted for a while: its queue has no room for one more. */
static void S1_a_socket_whose_daemon_is_stuck_is_alive(void **state)
{
    enum { QUEUE = 2, MOST = 20 };
    struct world *w = *state;
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int waits[MOST], n = 0;
    struct rp_err err;
    (void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s/s2", w->dir);
    int stuck = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stuck, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(stuck, QUEUE), 0);
    do
        waits[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    while (connect(waits[n++], (struct sockaddr *)&sa, sizeof sa) == 0 && n < MOST);
    assert_int_equal(errno, EAGAIN);
    (void)alarm(DEADLINE_S); /* to wait for it would be for ever */
    assert_null(start(w, sa.sun_path, RP_STR(""), &err));
    (void)alarm(0);
    assert_int_equal(err.code, RP_E_STORE_IN_USE);
    assert_int_equal(access(sa.sun_path, F_OK), 0);
    while (n > 0)
        (void)close(waits[--n]);
    (void)close(stuck);
    (void)unlink(sa.sun_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
        T(a_name_whose_first_address_this_machine_has_not_is_listened_on_at_the_next),
        T(S1_a_socket_whose_daemon_is_stuck_is_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
