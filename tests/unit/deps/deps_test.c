/* Dependency checks against real servers on loopback: what they say, that time limits hold, that
 * none delays another (G20), that no secret is repeated. PostgreSQL: postgres_test.c. */
#include "../engine/world.h"

#include "deps/deps.h"

#include "servers.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

static struct rp_dep dep_of(enum rp_dep_kind kind, const char *target, int64_t timeout_us)
{
    return (struct rp_dep){.name = RP_STR("d"),
                           .kind = kind,
                           .target = rp_str_of(target),
                           .expect = 200,
                           .timeout_us = timeout_us,
                           .every_us = RP_US_S};
}

static struct rp_dep_result check(const struct rp_dep *dep)
{
    struct rp_dep_result r;
    int64_t from = rp_mono(&rp_clock_system);
    rp_dep_check(dep, &r);
    int64_t took = rp_mono(&rp_clock_system) - from;
    if (took > dep->timeout_us + 30 * RP_US_S) /* what it waits for would never come */
        fail_msg("the check took %lld ms of %lld: %s", (long long)(took / 1000),
                 (long long)(dep->timeout_us / 1000), r.says);
    return r;
}

static void is(const struct rp_dep *dep, bool up, const char *says)
{
    struct rp_dep_result r = check(dep);
    if (r.up != up)
        fail_msg("%s: %s", r.up ? "up" : "down", r.says);
    has(rp_str_of(r.says), says);
}

/* What answers is given long, as the machine may be slow; what never does, a moment. */
static const int64_t long_us = 30 * RP_US_S, moment_us = RP_US_S / 2;

/* ---- TCP ---- */

static void tcp_is_up_while_something_listens(void **state)
{
    (void)state;
    struct server *s = server_start(serve_nothing);
    char target[64];
    struct rp_dep d = dep_of(RP_DEP_TCP, server_at(s, target, "127.0.0.1"), long_us);
    is(&d, true, "connected in ");
    (void)snprintf(target, sizeof target, "localhost:%d", s->port);
    d.target = rp_str_of(target);
    is(&d, true, "connected"); /* also where localhost is ::1 first, where nothing listens */
    server_stop(s);
    is(&d, false, "refused");
    d = dep_of(RP_DEP_TCP, "127.0.0.1", long_us);
    is(&d, false, "is not host:port");
    d = dep_of(RP_DEP_TCP, "no-such-host.invalid:80", 2 * RP_US_S);
    assert_false(check(&d).up);
}

static void tcp_that_never_answers_is_down_within_the_time_limit(void **state)
{
    (void)state;
    struct server *s = server_full();
    char target[64];
    struct rp_dep d = dep_of(RP_DEP_TCP, server_at(s, target, "127.0.0.1"), moment_us);
    is(&d, false, "timed out");
    server_stop(s);
}

/* ---- HTTP ---- */

static void http_case(serve_fn *serve, const char *path, int64_t expect, bool up, const char *says)
{
    bool answers = serve == serve_http;
    struct server *s = server_start(serve);
    char url[96];
    (void)snprintf(url, sizeof url, "http://ada:s3cret@127.0.0.1:%d%s", s->port, path);
    struct rp_dep d = dep_of(RP_DEP_HTTP, url, answers ? long_us : moment_us);
    d.expect = expect;
    is(&d, up, says);
    assert_null(strstr(check(&d).says, "s3cret"));
    server_stop(s);
}

static void http_is_judged_by_its_status(void **state)
{
    (void)state;
    http_case(serve_http, "/200", 200, true, "200 in ");
    http_case(serve_http, "/500", 200, false, "answered 500, expected 200");
    http_case(serve_http, "/204", 204, true, "204");
    http_case(serve_http, "/302", 200, false, "answered 302");
    http_case(serve_http, "/302", 302, true, "302"); /* what it points to is not asked */
    assert_int_equal(atomic_load(&redirects_followed), 0);
}

static void http_that_is_slow_or_endless_ends_at_its_limits(void **state)
{
    (void)state;
    http_case(serve_nothing, "/", 200, false, "imeout");
    http_case(serve_http, "/endless", 200, true, "200"); /* its body is cut off */
    http_case(serve_http, "/headers", 200, false, "");
    http_case(serve_http, "/garbage", 200, false, "");
    struct rp_dep d = dep_of(RP_DEP_HTTP, "http://127.0.0.1:1/", long_us);
    is(&d, false, "connect");
    d = dep_of(RP_DEP_HTTP, "file:///etc/passwd", RP_US_S);
    assert_false(check(&d).up);
}

/* ---- commands ---- */

static struct rp_dep command(const char *script, struct rp_str argv[3], int64_t timeout_us)
{
    struct rp_dep d = dep_of(RP_DEP_COMMAND, NULL, timeout_us);
    argv[0] = RP_STR("sh");
    argv[1] = RP_STR("-c");
    argv[2] = rp_str_of(script);
    d.command = (struct rp_strs){argv, 3};
    return d;
}

static void a_command_is_up_by_exit_0_and_says_its_first_line(void **state)
{
    (void)state;
    struct rp_str argv[3];
    struct rp_dep d = command("echo fine; echo more", argv, long_us);
    is(&d, true, "exit 0: fine");
    d = command("echo out; echo 'why not' >&2; exit 3", argv, long_us);
    is(&d, false, "exit 3: why not");
    d = command("kill -9 $$", argv, long_us);
    is(&d, false, "SIGKILL");
    d.command = (struct rp_strs){(struct rp_str[]){RP_STR("/nonexistent/program")}, 1};
    is(&d, false, "/nonexistent/program");
    d = command("printf 'a\\033[31mb\\377c\\001'; exit 1", argv, long_us);
    is(&d, false, "exit 1: a [31mb?c");
}

static void gone(int pid)
{
    for (int i = 0; i < PATIENCE; i++, pause_ms(10))
        if (kill(pid, 0) != 0)
            return;
    fail_msg("process %d is still there", pid);
}

/* How many processes the file names. */
static int all_gone(const char *path)
{
    FILE *f = fopen(path, "r");
    int pid, n = 0;
    for (assert_non_null(f); fscanf(f, "%d", &pid) == 1; n++)
        gone(pid);
    (void)fclose(f);
    return n;
}

static void G20_a_command_that_hangs_is_ended_with_its_children(void **state)
{
    (void)state;
    struct rp_str argv[3];
    char script[256], path[64] = "/tmp/reprise-dep-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)snprintf(script, sizeof script,
                   "trap '' TERM; sleep 300 & echo $! >%s; setsid sleep 300 & echo $! >>%s; wait",
                   path, path);
    struct rp_dep d = command(script, argv, moment_us);
    int n = 0;
    for (; n < 2 && d.timeout_us < long_us; d.timeout_us *= 2) { /* until it came to hang */
        is(&d, false, "no answer within the time limit");
        n = all_gone(path);
    }
    assert_int_equal(n, 2);
    (void)close(fd);
    (void)unlink(path);
}

/* ---- the watchers ---- */

static struct rp_dep_row row_of(struct world *w, const char *name)
{
    struct rp_dep_row *v;
    struct rp_err err;
    size_t n;
    must(rp_deps_list(w->reader, &w->arena, &v, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        if (rp_str_is(v[i].name, name))
            return v[i];
    fail_msg("no dependency %s", name);
    return v[0];
}

static void is_in(struct world *w, const char *name, enum rp_dep_state want)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (row_of(w, name).state == want)
            return;
        pause_ms(10);
    }
    struct rp_dep_row r = row_of(w, name);
    fail_msg("%s is %d, wanted %d: %.*s", name, (int)r.state, (int)want, RP_FMT(r.says));
}

static void G20_one_that_never_answers_delays_no_other_and_no_stop(void **state)
{
    (void)state;
    struct rp_err err;
    char yaml[512];
    struct server *good = server_start(serve_http), *hole = server_start(serve_nothing);
    (void)snprintf(
        yaml, sizeof yaml,
        "dependencies:\n"
        "  good: { http: \"http://127.0.0.1:%d/200\", every: 1s }\n"
        "  hole: { http: \"http://127.0.0.1:%d/\", timeout: 1h, every: 1s }\n"
        "  pg: { postgres: \"host=127.0.0.1 port=%d user=u password=s3cret\", timeout: 1h }\n"
        "  stuck: { command: [sh, -c, \"sleep 300\"], timeout: 1h }\n",
        good->port, hole->port, hole->port);
    struct world *w = world_new(yaml);
    struct rp_deps *d = rp_deps_start(w->engine, w->config, &err);
    must(d != NULL, &err);
    is_in(w, "good", RP_DEP_UP);
    int64_t before = row_of(w, "good").checked_us;
    for (int i = 0; i < PATIENCE && row_of(w, "good").checked_us < before + 2 * RP_US_S; i++)
        pause_ms(10);
    assert_true(row_of(w, "good").checked_us >= before + 2 * RP_US_S);
    assert_int_equal(row_of(w, "hole").state, RP_DEP_UNKNOWN);
    int64_t from = rp_mono(&rp_clock_system);
    rp_deps_stop(d);
    int64_t took = rp_mono(&rp_clock_system) - from;
    if (took > 60 * RP_US_S) /* of an hour */
        fail_msg("the stop took %lld ms", (long long)(took / 1000));
    rp_deps_free(d);
    world_free(w);
    server_stop(good);
    server_stop(hole);
}

struct told {
    atomic_int n;
    struct rp_deps *deps;
};

static void told(void *ctx)
{
    struct told *t = ctx;
    atomic_fetch_add(&t->n, 1);
}

/* One who is told may ask again at once. */
static void told_and_ask(void *ctx)
{
    struct told *t = ctx;
    struct rp_err err;
    if (atomic_fetch_add(&t->n, 1) == 0)
        must(rp_deps_ask(t->deps, RP_STR("good"), told, t, &err), &err);
}

static void those_who_ask_are_told_once_after_a_fresh_check(void **state)
{
    (void)state;
    struct rp_err err;
    char yaml[256];
    struct server *good = server_start(serve_http);
    (void)snprintf(yaml, sizeof yaml,
                   "dependencies:\n  good: { http: \"http://127.0.0.1:%d/200\", every: 1d }\n"
                   "  gone: { tcp: \"127.0.0.1:1\", every: 1d }\n",
                   good->port);
    struct world *w = world_new(yaml);
    struct rp_deps *d = rp_deps_start(w->engine, w->config, &err);
    must(d != NULL, &err);
    is_in(w, "good", RP_DEP_UP);
    is_in(w, "gone", RP_DEP_DOWN);
    struct told t = {.deps = d}, all = {.deps = d};
    int64_t asked = rp_wall(&rp_clock_system);
    must(rp_deps_ask(d, RP_STR("good"), told_and_ask, &t, &err), &err);
    must(rp_deps_ask(d, RP_NONE, told, &all, &err), &err);
    for (int i = 0; i < PATIENCE && (atomic_load(&t.n) < 2 || atomic_load(&all.n) < 1); i++)
        pause_ms(10);
    assert_int_equal(atomic_load(&t.n), 2);
    assert_int_equal(atomic_load(&all.n), 1);
    assert_true(row_of(w, "good").checked_us >= asked);
    assert_true(row_of(w, "gone").checked_us >= asked);
    assert_false(rp_deps_ask(d, RP_STR("nobody"), told, &t, &err));
    assert_int_equal(err.code, RP_E_NOT_FOUND);
    rp_deps_stop(d);
    rp_deps_free(d);
    world_free(w);
    server_stop(good);
}

static void those_who_still_wait_at_a_stop_or_removal_are_told(void **state)
{
    (void)state;
    struct rp_err err;
    char yaml[256];
    struct server *hole = server_start(serve_nothing);
    (void)snprintf(yaml, sizeof yaml,
                   "dependencies:\n  hole: { http: \"http://127.0.0.1:%d/\", timeout: 1h }\n",
                   hole->port);
    struct world *w = world_new(yaml);
    struct rp_deps *d = rp_deps_start(w->engine, w->config, &err);
    struct rp_config *without = config_of("dependencies: {}\n");
    struct told t = {0};
    must(rp_deps_ask(d, RP_NONE, told, &t, &err), &err);
    must(rp_deps_reload(d, without, &err), &err);
    assert_int_equal(atomic_load(&t.n), 1);
    must(rp_deps_ask(d, RP_NONE, told, &t, &err), &err); /* there is nothing to wait for */
    assert_int_equal(atomic_load(&t.n), 2);
    must(rp_deps_reload(d, w->config, &err), &err);
    int asked = 0;
    while (asked < 5000 && rp_deps_ask(d, RP_STR("hole"), told, &t, &err))
        asked++;
    assert_int_equal(err.code, RP_E_OVERLOAD); /* G18 */
    rp_deps_stop(d);
    assert_int_equal(atomic_load(&t.n), 2 + asked);
    assert_false(rp_deps_ask(d, RP_NONE, told, &t, &err));
    assert_int_equal(err.code, RP_E_STOPPING);
    rp_deps_free(d);
    world_free(w);
    rp_config_free(without);
    server_stop(hole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_is_up_while_something_listens),
        cmocka_unit_test(tcp_that_never_answers_is_down_within_the_time_limit),
        cmocka_unit_test(http_is_judged_by_its_status),
        cmocka_unit_test(http_that_is_slow_or_endless_ends_at_its_limits),
        cmocka_unit_test(a_command_is_up_by_exit_0_and_says_its_first_line),
        cmocka_unit_test(G20_a_command_that_hangs_is_ended_with_its_children),
        cmocka_unit_test(G20_one_that_never_answers_delays_no_other_and_no_stop),
        cmocka_unit_test(those_who_ask_are_told_once_after_a_fresh_check),
        cmocka_unit_test(those_who_still_wait_at_a_stop_or_removal_are_told),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
