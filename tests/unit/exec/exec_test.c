/* Many runs at once, much output, races, leaks; with cgroups and without. */
#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct world *w;
static uint64_t next_id;

static int open_cgroup(void **state)
{
    (void)state;
    next_id = 0;
    w = world_new(RP_NONE, RP_NONE);
    return 0;
}

static int open_subreaper(void **state)
{
    (void)state;
    next_id = 0;
    w = world_new(RP_STR("none"), RP_NONE);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

static struct rp_exec_result *run(struct rp_exec_spec spec)
{
    return world_run(w, next_id++, spec);
}

/* ---- input and output ---- */

static struct rp_str large_input(void)
{
    size_t n = 3 << 20;
    char *p = malloc(n);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)('a' + i % 23);
    return (struct rp_str){p, n};
}

static void input_larger_than_a_pipe_reaches_a_child_whole_or_is_ignored_by_it(void **state)
{
    (void)state;
    struct rp_str input = large_input();
    struct rp_exec_spec spec = SHELL("exec cat"), deaf = SHELL("echo deaf");
    spec.input = deaf.input = input;
    spec.keep_bytes = 4 << 20;
    struct rp_exec_result *r = run(spec);
    struct rp_buf b = {0};
    rp_output_text(&r->output, 1, &b);
    assert_true(rp_str_eq(rp_buf_view(&b), input));
    assert_text(run(deaf), 1, "deaf\n");
    rp_buf_free(&b);
    free((char *)(uintptr_t)input.p);
}

static void without_input_a_child_reads_end_of_file(void **state)
{
    (void)state;
    assert_text(run(SHELL("cat; readlink /proc/self/fd/0")), 1, "/dev/null\n");
}

static void a_child_may_close_its_output_and_go_on(void **state)
{
    (void)state;
    struct rp_exec_result *r = run(SHELL("echo a; exec >&- 2>&-; sleep .05; exit 7"));
    assert_int_equal(r->exit_code, 7);
    assert_text(r, 1, "a\n");
    assert_true(r->duration_us >= 50000);
}

static int64_t resident_peak_bytes(void)
{
    long kb = 0;
    char line[128];
    FILE *f = fopen("/proc/self/status", "re");
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    (void)fclose(f);
    return kb * 1024;
}

static void G18_300_MB_of_output_take_bounded_memory_and_keep_both_ends(void **state)
{
    (void)state;
    enum { KEEP = 256 << 10, ZEROS = MUCH(300000000) };
    char script[100];
    (void)snprintf(script, sizeof script,
                   "printf 'start \\377\\376'; head -c %d /dev/zero; printf '\\300 needle end'",
                   ZEROS);
    struct rp_exec_spec spec = SHELL(script);
    int64_t before = resident_peak_bytes();
    spec.watch = STRS(RP_STR("needle"), RP_STR("absent"));
    struct rp_exec_result *r = run(spec);
    assert_true(resident_peak_bytes() - before < 16 << 20);
    assert_int_equal(r->output.total[1], 8 + ZEROS + 12);
    assert_int_equal(r->output.dropped, 8 + ZEROS + 12 - 2 * KEEP);
    assert_int_equal(r->output.head.n, KEEP + RP_FRAME_HEADER);
    assert_int_equal(r->output.tail.n, KEEP + RP_FRAME_HEADER);
    assert_memory_equal(r->output.head.p + RP_FRAME_HEADER, "start \xff\xfe\0\0\0", 11);
    assert_memory_equal(r->output.tail.p + r->output.tail.n - 14, "\0\0\xc0 needle end", 14);
    assert_int_equal(r->watch_hits, 1);
}

/* The child takes a step for each line in the FIFO, which is written when its last words have
 * arrived. */
static void U23_both_streams_are_kept_in_order_of_arrival_with_offsets(void **state)
{
    (void)state;
    char dir[] = "/tmp/rp-order-XXXXXX", fifo[64], script[256];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    (void)snprintf(script, sizeof script,
                   "exec 3<%s; echo out1; read x <&3; echo err2 >&2; read x <&3; echo err3 >&2; "
                   "read x <&3; echo out4; kill -KILL $$",
                   fifo);
    struct rp_exec_spec spec = SHELL(script);
    uint64_t id = next_id++;
    rp_exec_start(w->x, id, &spec);
    int fd = open(fifo, O_WRONLY | O_CLOEXEC);
    for (uint64_t bytes = 5; bytes <= 15; bytes += 5) {
        await_output(w, id, bytes);
        assert_int_equal(write(fd, "\n", 1), 1);
    }
    struct rp_exec_result *r = world_wait(w, id);
    (void)close(fd);
    assert_text(r, 0, "out1\nerr2\nerr3\nout4\n");
    assert_text(r, 1, "out1\nout4\n");
    assert_text(r, 2, "err2\nerr3\n");
    struct rp_str rest = rp_buf_view(&r->output.head);
    struct rp_frame f;
    for (uint64_t at = 0; rp_frame_next(&rest, &f); at += f.bytes.n)
        assert_int_equal(f.offset, at);
    assert_int_equal(r->output.total[1], 10);
    assert_int_equal(r->output.total[2], 10);
    (void)unlink(fifo);
    (void)rmdir(dir);
}

static void G5_output_of_a_running_process_can_be_read(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("echo so far; sleep 1000");
    struct rp_output o;
    uint64_t id = next_id++;
    rp_exec_start(w->x, id, &spec);
    await_output(w, id, 7);
    assert_int_equal(rp_exec_running(w->x), 1);
    rp_exec_kill(w->x, id, RP_END_OPERATOR, 0);
    struct rp_exec_result *r = world_wait(w, id);
    assert_text(r, 1, "so far\n");
    assert_int_equal(r->ended_by, RP_END_OPERATOR);
    assert_false(rp_exec_peek(w->x, id, &o));
}

/* A process outside of the tree that holds the pipe must not make the run wait for its end of file.
 */
static void a_holder_of_the_pipe_outside_of_the_tree_does_not_delay_the_end(void **state)
{
    (void)state;
    char path[64];
    struct rp_exec_spec spec = SHELL("echo $$; sleep 1000");
    struct rp_output o;
    struct rp_buf b = {0};
    uint64_t id = next_id++;
    rp_exec_start(w->x, id, &spec);
    await_output(w, id, 2);
    assert_true(rp_exec_peek(w->x, id, &o));
    rp_output_text(&o, 1, &b);
    (void)snprintf(path, sizeof path, "/proc/%ld/fd/1", strtol(b.p, NULL, 10));
    int held = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(held >= 0);
    rp_exec_kill(w->x, id, RP_END_OPERATOR, 0);
    assert_int_equal(world_wait(w, id)->signal, SIGKILL);
    (void)close(held);
    rp_output_free(&o);
    rp_buf_free(&b);
}

/* ---- many ---- */

static void two_hundred_at_once_each_get_their_own_output(void **state)
{
    (void)state;
    enum { N = 200 };
    static char scripts[N][64];
    for (int i = 0; i < N; i++) {
        (void)snprintf(scripts[i], sizeof scripts[i], "echo %d; echo e%d >&2; exit %d", i, i,
                       i % 100);
        struct rp_exec_spec spec = SHELL(scripts[i]);
        rp_exec_start(w->x, next_id + (uint64_t)i, &spec);
    }
    for (int i = 0; i < N; i++) {
        struct rp_exec_result *r = world_wait(w, next_id + (uint64_t)i);
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%d\n", i);
        assert_text(r, 1, expected);
        (void)snprintf(expected, sizeof expected, "e%d\n", i);
        assert_text(r, 2, expected);
        assert_int_equal(r->exit_code, i % 100);
    }
    next_id += N;
}

static void kills_at_any_moment_end_in_one_certificate(void **state)
{
    (void)state;
    enum { N = 300 };
    unsigned seed = 3;
    for (int i = 0; i < N; i++) {
        struct rp_exec_spec spec = i % 3 == 0   ? SHELL("sleep 1000")
                                   : i % 3 == 1 ? SHELL("exit 9")
                                                : SHELL("sleep 1000 & exit 9");
        uint64_t id = next_id++;
        rp_exec_start(w->x, id, &spec);
        if (i % 2 == 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = rand_r(&seed) % 3000000}, NULL);
        rp_exec_kill(w->x, id, RP_END_OPERATOR, i % 5 == 0 ? 1000 : 0);
        rp_exec_kill(w->x, id, RP_END_STOP, 0);
        struct rp_exec_result *r = world_wait(w, id);
        if (r->ended_by == RP_END_ITSELF)
            assert_int_equal(r->exit_code, 9);
        else
            assert_int_equal(r->ended_by, RP_END_OPERATOR);
    }
}

static int descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL)
        n++;
    (void)closedir(dir);
    return n;
}

static int children(void)
{
    struct rp_procs all;
    int n = 0;
    rp_procs_list(&all);
    for (size_t i = 0; i < all.n; i++)
        n += all.v[i].ppid == getpid();
    rp_procs_free(&all);
    return n;
}

/* Until nothing runs and what was inherited has been waited for. */
static void settle(void)
{
    for (int i = 0; i < 5000 && (rp_exec_running(w->x) > 0 || children() > 0); i++)
        nap();
}

static void await_idle(int fds, int kids)
{
    settle();
    assert_int_equal(descriptors(), fds);
    assert_int_equal(children(), kids);
}

static void G23_failed_starts_leave_neither_descriptors_nor_zombies(void **state)
{
    (void)state;
    size_t n = getenv("RP_TEST_LONG") != NULL ? 10000 : 2000;
    struct rp_exec_spec missing = spec_of(STRS(RP_STR("no-such-command-at-all")));
    struct rp_exec_spec nowhere = SHELL("true");
    nowhere.cwd = RP_STR("/no/such/dir");
    settle();
    int fds = descriptors(), kids = children();
    for (size_t i = 0; i < n; i++)
        rp_exec_start(w->x, next_id + i, i % 2 == 0 ? &missing : &nowhere);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(world_wait(w, next_id + i)->ended_by, RP_END_NOT_STARTED);
    next_id += n;
    await_idle(fds, kids);
}

static void G23_runs_leave_neither_descriptors_nor_zombies(void **state)
{
    (void)state;
    settle();
    int fds = descriptors(), kids = children();
    for (int i = 0; i < 100; i++)
        (void)run(SHELL("setsid sleep 0 & exec true"));
    await_idle(fds, kids);
}

static void without_descriptors_the_start_fails_clearly_and_later_ones_work(void **state)
{
    (void)state;
    int taken[1024], n = 0;
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = 300;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (n < 1024 && (taken[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;
    struct rp_exec_result *r = run(SHELL("true"));
    while (n > 0)
        (void)close(taken[--n]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(r->ended_by, RP_END_NOT_STARTED);
    assert_int_equal(r->exit_code, -1);
    assert_non_null(strstr(r->err.message, "Too many open files"));
    assert_int_equal(run(SHELL("exit 2"))->exit_code, 2);
}

/* ---- neighbours in the process ---- */

static void two_instances_and_the_programs_own_children_do_not_steal_from_each_other(void **state)
{
    (void)state;
    enum { N = 100 };
    struct world *other = world_new(RP_STR("none"), RP_NONE);
    struct rp_exec_spec spec = SHELL("setsid sh -c 'sleep .01 &'; exit 11");
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"exit 22"}, NULL};
    for (uint64_t i = 0; i < N; i++) {
        pid_t pid;
        int status = 0;
        rp_exec_start(w->x, next_id + i, &spec);
        rp_exec_start(other->x, i, &spec);
        assert_int_equal(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, NULL), 0);
        if (i % 10 == 0)
            nap();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), 22);
    }
    for (uint64_t i = 0; i < N; i++) {
        assert_int_equal(world_wait(w, next_id + i)->exit_code, 11);
        assert_int_equal(world_wait(other, i)->exit_code, 11);
    }
    next_id += N;
    world_free(other);
}

static void G26_free_ends_all_that_runs_and_certifies_it(void **state)
{
    (void)state;
    enum { N = 20 };
    struct world *mine = world_new(
        w->x != NULL && rp_exec_covers(w->x) == RP_COVERS_CGROUP ? RP_NONE : RP_STR("none"),
        RP_NONE);
    struct rp_exec_spec spec = SHELL("trap '' TERM; setsid sleep 1000 & echo $!; sleep 1000");
    for (uint64_t i = 0; i < N; i++)
        rp_exec_start(mine->x, i, &spec);
    await_output(mine, 0, 2);
    rp_exec_free(mine->x);
    mine->x = NULL;
    assert_int_equal(mine->n_done, N);
    for (uint64_t i = 0; i < N; i++) {
        struct rp_buf b = {0};
        struct rp_exec_result *r = &mine->of[i].result;
        assert_true(r->ended_by == RP_END_STOP ||
                    (r->ended_by == RP_END_NOT_STARTED && r->err.code == RP_E_STOPPING));
        (void)assert_all_dead(text_of(r, 1, &b));
        rp_buf_free(&b);
    }
    world_free(mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_larger_than_a_pipe_reaches_a_child_whole_or_is_ignored_by_it),
        cmocka_unit_test(without_input_a_child_reads_end_of_file),
        cmocka_unit_test(a_child_may_close_its_output_and_go_on),
        cmocka_unit_test(G18_300_MB_of_output_take_bounded_memory_and_keep_both_ends),
        cmocka_unit_test(U23_both_streams_are_kept_in_order_of_arrival_with_offsets),
        cmocka_unit_test(G5_output_of_a_running_process_can_be_read),
        cmocka_unit_test(a_holder_of_the_pipe_outside_of_the_tree_does_not_delay_the_end),
        cmocka_unit_test(two_hundred_at_once_each_get_their_own_output),
        cmocka_unit_test(kills_at_any_moment_end_in_one_certificate),
        cmocka_unit_test(G23_failed_starts_leave_neither_descriptors_nor_zombies),
        cmocka_unit_test(G23_runs_leave_neither_descriptors_nor_zombies),
        cmocka_unit_test(without_descriptors_the_start_fails_clearly_and_later_ones_work),
        cmocka_unit_test(two_instances_and_the_programs_own_children_do_not_steal_from_each_other),
        cmocka_unit_test(G26_free_ends_all_that_runs_and_certifies_it),
    };
    int failed = cmocka_run_group_tests_name("exec with cgroup", tests, open_cgroup, close_world);
    return failed +
           cmocka_run_group_tests_name("exec with subreaper", tests, open_subreaper, close_world);
}
