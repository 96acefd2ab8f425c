/* The check of PostgreSQL against a real server that the test makes: up, down, a wrong password, no
 * password in any sentence, a listener that never answers. */
#include "../engine/world.h"

#include "deps/deps.h"

#include "servers.h"

#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

static char bin[128], dir[64];
static int port;

/* What answers is given long, as the machine may be slow; what never does, a second. */
static struct rp_dep_result check_for(const char *target, int64_t timeout_us)
{
    struct rp_dep dep = {.name = RP_STR("pg"),
                         .kind = RP_DEP_POSTGRES,
                         .target = rp_str_of(target),
                         .timeout_us = timeout_us};
    struct rp_dep_result r;
    int64_t from = rp_mono(&rp_clock_system);
    rp_dep_check(&dep, &r);
    assert_true(rp_mono(&rp_clock_system) - from < timeout_us + 30 * RP_US_S);
    assert_null(strstr(r.says, "s3cret"));
    assert_null(strchr(r.says, '\n'));
    return r;
}

static struct rp_dep_result check(const char *target)
{
    return check_for(target, 30 * RP_US_S);
}

static void is_down(struct rp_dep_result r, const char *says)
{
    if (r.up)
        fail_msg("up: %s", r.says);
    has(rp_str_of(r.says), says);
}

static void down(const char *target, const char *says)
{
    is_down(check(target), says);
}

static bool shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool shell(const char *fmt, ...)
{
    char command[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    int rc = system(command);
    return WIFEXITED(rc) && WEXITSTATUS(rc) == 0;
}

/* PostgreSQL refuses to run as root. */
static const char *as_user(void)
{
    if (getuid() != 0)
        return "";
    return getpwnam("postgres") != NULL
               ? "setpriv --reuid postgres --regid postgres --clear-groups --"
               : "setpriv --reuid nobody --regid nogroup --clear-groups --";
}

static bool find_server(void)
{
    glob_t g;
    bool found = glob("/usr/lib/postgresql/*/bin", 0, NULL, &g) == 0 && g.gl_pathc > 0;
    if (found)
        (void)snprintf(bin, sizeof bin, "%s", g.gl_pathv[g.gl_pathc - 1]);
    globfree(&g);
    return found;
}

static bool start_on_free_port(void)
{
    struct server *s = server_listen(1); /* its port is free now */
    port = s->port;
    server_stop(s);
    return shell("cd / && %s %s/pg_ctl -D %s/d -w -t 120 -l %s/d/log -o '-p %d -h 127.0.0.1 -k "
                 "%s/d -c fsync=off' start >/dev/null 2>&1",
                 as_user(), bin, dir, dir, port, dir);
}

static int start_postgres(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/reprise-pg-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    bool made =
        shell("chmod 711 %s && mkdir %s/d && chmod 700 %s/d && { [ $(id -u) != 0 ] || chown "
              "$(id -u postgres 2>/dev/null || id -u nobody) %s/d; }",
              dir, dir, dir, dir) &&
        shell("cd / && echo s3cret >%s/pw && chmod 644 %s/pw && %s %s/initdb -D %s/d -U ada "
              "--pwfile=%s/pw -A scram-sha-256 -N >/dev/null 2>&1",
              dir, dir, as_user(), bin, dir, dir);
    for (int i = 0; made && i < 5; i++) /* another program may take the port first */
        if (start_on_free_port())
            return 0;
    return -1;
}

/* By the pid that it wrote. */
static void stop_server(void)
{
    (void)shell("cd / && %s %s/pg_ctl -D %s/d -w -m immediate stop >/dev/null 2>&1", as_user(), bin,
                dir);
}

static int stop_postgres(void **state)
{
    (void)state;
    stop_server();
    return shell("rm -rf %s", dir) ? 0 : -1;
}

static void G20_a_server_is_up_when_it_answers_and_down_when_it_does_not(void **state)
{
    (void)state;
    char target[256];
    (void)snprintf(target, sizeof target, "postgresql://ada:s3cret@127.0.0.1:%d/postgres", port);
    struct rp_dep_result r = check(target);
    if (!r.up)
        fail_msg("%s", r.says);
    has(rp_str_of(r.says), "answers (PostgreSQL ");
    assert_in_range(r.connections_free, 1, 97); /* of the 100 that a new server has, 3 are kept */
    (void)snprintf(target, sizeof target, "host=127.0.0.1 port=%d user=ada password=wrongs3cret",
                   port);
    down(target, "password authentication failed");
    (void)snprintf(target, sizeof target, "postgresql://ada:s3cret@127.0.0.1:%d/nothing", port);
    down(target, "\"nothing\" does not exist");
    stop_server();
    (void)snprintf(target, sizeof target, "postgresql://ada:s3cret@127.0.0.1:%d/postgres", port);
    down(target, "refused");
}

static void no_part_of_a_password_is_repeated_where_the_target_is_miswritten(void **state)
{
    (void)state;
    down("postgresql://ada:p@s3cret@127.0.0.1:1/x", "connection string");
    down("host=127.0.0.1 password=my s3cret", "connection string");
    down("postgresql://ada:s3cret:1@s3cret:s3cret/x?s3cret", "connection string");
    down("host=127.0.0.1 port=s3cret1 password=x", "connection string");
    down("postgresql://ada:a/s3cret@127.0.0.1/x", "connection string");
}

static void a_listener_that_never_answers_is_down_within_the_time_limit(void **state)
{
    (void)state;
    char target[128];
    struct server *s = server_start(serve_nothing), *full = server_full();
    (void)snprintf(target, sizeof target, "postgresql://ada:s3cret@127.0.0.1:%d/x", s->port);
    is_down(check_for(target, RP_US_S), "no answer within the time limit");
    (void)snprintf(target, sizeof target, "postgresql://ada:s3cret@127.0.0.1:%d/x", full->port);
    is_down(check_for(target, RP_US_S), "no answer within the time limit");
    server_stop(s);
    server_stop(full);
    s = server_start(serve_http);
    (void)snprintf(target, sizeof target, "postgresql://ada:s3cret@127.0.0.1:%d/x", s->port);
    assert_false(check_for(target, RP_US_S).up);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest always[] = {
        cmocka_unit_test(no_part_of_a_password_is_repeated_where_the_target_is_miswritten),
        cmocka_unit_test(a_listener_that_never_answers_is_down_within_the_time_limit),
    };
    const struct CMUnitTest real[] = {
        cmocka_unit_test_setup_teardown(
            G20_a_server_is_up_when_it_answers_and_down_when_it_does_not, start_postgres,
            stop_postgres),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    int failed = cmocka_run_group_tests(always, NULL, NULL);
    if (!find_server()) {
        print_message("skipped: no PostgreSQL server here (apt-get install postgresql)\n");
        return failed;
    }
    return failed + cmocka_run_group_tests(real, NULL, NULL);
}
