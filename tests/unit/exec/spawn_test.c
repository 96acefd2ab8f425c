#include "world.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct world *w;
static uint64_t next_id;

static struct rp_exec_result *run(struct rp_exec_spec spec)
{
    return world_run(w, next_id++, spec);
}

static int open_world(void **state)
{
    (void)state;
    w = world_new(RP_NONE, RP_NONE);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

static void assert_not_started(const struct rp_exec_result *r, int code, const char *says)
{
    assert_int_equal(r->ended_by, RP_END_NOT_STARTED);
    assert_int_equal(r->exit_code, code);
    assert_int_equal(r->err.code, RP_E_SPAWN);
    if (strstr(r->err.message, says) == NULL)
        fail_msg("expected \"%s\" in: %s", says, r->err.message);
    assert_true(r->err.hint[0] != '\0');
}

static void the_exit_code_is_the_commands_own(void **state)
{
    (void)state;
    assert_int_equal(run(SHELL("exit 0"))->exit_code, 0);
    struct rp_exec_result *r = run(SHELL("exit 75"));
    assert_int_equal(r->exit_code, 75);
    assert_int_equal(r->signal, 0);
    assert_int_equal(r->ended_by, RP_END_ITSELF);
}

static void U24_a_crash_and_a_signal_from_outside_are_told_apart(void **state)
{
    (void)state;
    struct rp_exec_result *r = run(SHELL("kill -SEGV $$"));
    assert_int_equal(r->signal, SIGSEGV);
    assert_int_equal(r->exit_code, -1);
    assert_int_equal(r->ended_by, RP_END_CRASH);
    r = run(SHELL("kill -KILL $$"));
    assert_int_equal(r->signal, SIGKILL);
    assert_int_equal(r->ended_by, RP_END_SIGNAL);
    assert_false(r->oom);
}

static void a_missing_command_is_127(void **state)
{
    (void)state;
    assert_not_started(run(spec_of(STRS(RP_STR("no-such-command-at-all")))), 127,
                       "no such command");
    assert_not_started(run(spec_of(STRS(RP_STR("/no/such/file")))), 127, "no such command");
    assert_not_started(run(spec_of((struct rp_strs){0})), 127, "empty");
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void what_cannot_be_executed_is_126(void **state)
{
    (void)state;
    char dir[] = "/tmp/rp-spawn-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/job", dir);
    write_file(path, "#!/bin/sh\n", 0600);
    assert_not_started(run(spec_of(STRS(rp_str_of(path)))), 126, "may not be executed");
    write_file(path, "#!/no/such/interpreter\n", 0700);
    assert_not_started(run(spec_of(STRS(rp_str_of(path)))), 126, "interpreter is missing");
    write_file(path, "echo no first line\n", 0700);
    assert_not_started(run(spec_of(STRS(rp_str_of(path)))), 126, "neither a program");
    assert_not_started(run(spec_of(STRS(rp_str_of(dir)))), 126, "may not be executed");
    assert_not_started(run(spec_of(STRS(RP_STR("/bin/true"), ((struct rp_str){"a\0b", 3})))), 126,
                       "zero byte");
    (void)unlink(path);
    (void)rmdir(dir);
}

static void commands_are_found_on_the_jobs_own_PATH(void **state)
{
    (void)state;
    char dir[] = "/tmp/rp-path-XXXXXX", path[64], value[96];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/rp-own-command", dir);
    (void)snprintf(value, sizeof value, "/nowhere:%s:/bin", dir);
    write_file(path, "#!/bin/sh\necho own $1\n", 0755);
    struct rp_exec_spec spec = spec_of(STRS(RP_STR("rp-own-command"), RP_STR("arg")));
    spec.env = &(struct rp_env){RP_STR("PATH"), rp_str_of(value)};
    assert_text(run(spec), 1, "own arg\n");
    (void)unlink(path);
    (void)rmdir(dir);
}

static void a_missing_working_directory_is_said(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("pwd");
    spec.cwd = RP_STR("/no/such/dir");
    assert_not_started(run(spec), 126, "working directory \"/no/such/dir\": No such file");
    spec.cwd = RP_STR("/usr");
    assert_text(run(spec), 1, "/usr\n");
}

static void the_environment_is_what_was_given_and_the_mark(void **state)
{
    (void)state;
    struct rp_exec_spec spec = spec_of(STRS(RP_STR("/usr/bin/env")));
    struct rp_env env[] = {{RP_STR("A"), RP_STR("1 = 2")},
                           {RP_STR("REPRISE_ATTEMPT_MARK"), RP_STR("of another")},
                           {RP_STR("EMPTY"), RP_STR("")}};
    struct rp_buf b = {0};
    spec.env = env;
    spec.n_env = 3;
    const char *mark = strstr(text_of(run(spec), 1, &b), "REPRISE_ATTEMPT_MARK=");
    assert_true(strncmp(b.p, "A=1 = 2\nEMPTY=\n", 15) == 0);
    assert_ptr_equal(mark, b.p + 15);
    assert_null(strstr(b.p, "of another"));
    assert_ptr_equal(strchr(mark, '\n'), b.p + b.n - 2);
    rp_buf_free(&b);
}

static void a_start_that_fails_leaves_no_descriptor_to_close(void **state)
{
    (void)state;
    struct rp_exec_spec specs[] = {SHELL("exit 0"), SHELL("exit 0"), spec_of(STRS(RP_STR("/")))};
    specs[0].cwd = RP_STR("/nonexistent/folder");
    specs[1].user = RP_STR("no-such-user-here");
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct rp_tree tree = {.cgroup = -1};
        struct rp_child child = {.pidfd = -1, .out = {-1, -1, -1}};
        struct rp_err err;
        int code;
        assert_false(rp_spawn(&specs[i], &tree, 0, &child, &code, &err));
        assert_int_equal(child.pidfd, -1);
        assert_int_equal(child.out[1], -1);
        assert_int_equal(child.out[2], -1);
    }
}

static void no_descriptor_is_inherited(void **state)
{
    (void)state;
    int leaks[20];
    for (int i = 0; i < 20; i++)
        leaks[i] = dup(STDERR_FILENO); /* without O_CLOEXEC */
    /* 3 is ls's own, on the directory that it lists. */
    assert_text(run(spec_of(STRS(RP_STR("/bin/ls"), RP_STR("/proc/self/fd")))), 1, "0\n1\n2\n3\n");
    for (int i = 0; i < 20; i++)
        (void)close(leaks[i]);
}

static void signals_are_as_a_program_expects_them(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_text(run(SHELL("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'")), 1,
                "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
    (void)signal(SIGPIPE, SIG_DFL);
}

static void each_run_leads_its_own_session(void **state)
{
    (void)state;
    struct rp_buf b = {0};
    int pid, pgrp, sid;
    const char *text = text_of(run(SHELL("exec cut -d' ' -f1,5,6 /proc/self/stat")), 1, &b);
    assert_int_equal(sscanf(text, "%d %d %d", &pid, &pgrp, &sid), 3);
    assert_int_equal(pid, pgrp);
    assert_int_equal(pid, sid);
    assert_int_not_equal(sid, getsid(0));
    rp_buf_free(&b);
}

static void umask_is_077_unless_set(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("umask");
    assert_text(run(spec), 1, "0077\n");
    spec.umask = 022;
    assert_text(run(spec), 1, "0022\n");
}

static void no_new_privileges_can_be_won(void **state)
{
    (void)state;
    assert_text(run(SHELL("grep NoNewPrivs /proc/self/status | tr -d '\\t'")), 1, "NoNewPrivs:1\n");
}

static void S12_a_job_runs_as_its_user_with_its_groups_and_no_others(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("id -u; id -g; id -G; grep '^Uid' /proc/self/status");
    gid_t groups[100];
    struct rp_buf expected = {0}, b = {0};
    int n = 100;
    if (geteuid() != 0) {
        print_message("skipped: needs root to run a job as another user\n");
        skip();
    }
    spec.user = RP_STR("nobody");
    assert_true(getgrouplist("nobody", 65534, groups, &n) > 0);
    rp_buf_fmt(&expected, "65534\n65534\n");
    for (int i = 0; i < n; i++)
        rp_buf_fmt(&expected, "%s%u", i > 0 ? " " : "", groups[i]);
    rp_buf_fmt(&expected, "\nUid:\t65534\t65534\t65534\t65534\n");
    assert_string_equal(text_of(run(spec), 1, &b), expected.p);
    spec.user = RP_STR("no-such-user-at-all");
    assert_not_started(run(spec), 126, "no user \"no-such-user-at-all\"");
    rp_buf_free(&expected);
    rp_buf_free(&b);
}

static void a_job_of_another_user_can_reopen_its_input(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("cat /dev/stdin");
    if (geteuid() != 0)
        skip();
    spec.user = RP_STR("nobody");
    spec.input = RP_STR("payload");
    assert_text(run(spec), 1, "payload");
}

static void limits_reach_the_job(void **state)
{
    (void)state;
    struct rp_exec_spec spec =
        SHELL("ulimit -n; ulimit -c; ulimit -Hn; exec head -c 100000 /dev/zero > $F");
    char path[] = "/tmp/rp-fsize-XXXXXX";
    struct stat st;
    int fd = mkstemp(path);
    spec.limits = (struct rp_limits){.open_files = 64, .core_bytes = 512, .file_bytes = 2000};
    spec.env = &(struct rp_env){RP_STR("F"), rp_str_of(path)};
    struct rp_exec_result *r = run(spec);
    assert_text(r, 1, "64\n1\n64\n");
    assert_int_equal(r->signal, SIGXFSZ);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 2000);
    (void)close(fd);
    (void)unlink(path);
}

static void U24_the_CPU_limit_is_named(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("while :; do :; done");
    spec.limits.cpu_s = 1;
    struct rp_exec_result *r = run(spec);
    assert_int_equal(r->ended_by, RP_END_CPU);
    assert_int_equal(r->signal, SIGXCPU);
    assert_in_range(r->cpu_us, 500000, 1900000); /* ticks against time: see run.c */
    spec = SHELL("trap '' XCPU; while :; do :; done");
    spec.limits.cpu_s = 1;
    r = run(spec);
    assert_int_equal(r->ended_by, RP_END_CPU);
    assert_int_equal(r->signal, SIGKILL);
}

static void U24_the_memory_limit_is_named(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo no");
    spec.limits.memory_bytes = 32 << 20;
    if ((rp_exec_controls(w->x) & RP_CONTROL_MEMORY) == 0) {
        print_message("skipped: this machine has no memory controller in cgroup v2\n");
        skip();
    }
    struct rp_exec_result *r = run(spec);
    assert_int_equal(r->ended_by, RP_END_MEMORY);
    assert_true(r->oom);
}

static void without_a_memory_controller_each_process_is_limited(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("ulimit -d");
    spec.limits.memory_bytes = 32 << 20;
    if ((rp_exec_controls(w->x) & RP_CONTROL_MEMORY) != 0)
        skip();
    assert_text(run(spec), 1, "32768\n");
}

static void the_certificate_tells_times_and_memory(void **state)
{
    (void)state;
    struct rp_exec_result *r =
        run(SHELL("exec python3 -c \"x = bytearray(300 << 20); import time; time.sleep(.05)\""));
    int64_t now = rp_wall(&rp_clock_system);
    if (r->exit_code != 0)
        skip();
    assert_in_range(r->duration_us, 50000, DEADLINE_S * RP_US_S);
    assert_in_range(now - r->ended_us, 0, 10 * RP_US_S);
    assert_in_range(r->ended_us - r->started_us, 50000, DEADLINE_S * RP_US_S);
    assert_true(r->cpu_us > 0);
    assert_in_range(r->memory_peak_bytes, 300 << 20, 600 << 20);
}

/* ---- what wait(2) says of the memory of a child is also what its parent had ---- */

static char *touch(size_t bytes)
{
    char *p = rp_xmalloc(bytes);
    for (size_t i = 0; i < bytes; i += 4096)
        *(volatile char *)(p + i) = 1;
    return p;
}

static void a_small_commands_memory_is_not_ours(void **state)
{
    enum { OURS = 100 << 20 };
    (void)state;
    char *p = touch(OURS);
    assert_true(rp_own_peak_bytes() >= OURS);
    assert_true(run(SHELL("exit 0"))->memory_peak_bytes < OURS);
    free(p);
}

/* As if a large supervisor had started us: the kernel goes on counting what we were before. */
static void grow_and_begin_anew(char **argv)
{
    enum { LARGE = 400 << 20 };
    if (getenv("RP_WAS_LARGE") != NULL)
        return;
    (void)setenv("RP_WAS_LARGE", "1", 1);
    free(touch(LARGE));
    (void)execv("/proc/self/exe", argv);
}

static void what_we_were_before_hides_no_commands_memory(void **state)
{
    (void)state;
    struct rusage self;
    assert_int_equal(getrusage(RUSAGE_SELF, &self), 0);
    assert_true(self.ru_maxrss >= 400 << 10);
    assert_true(rp_own_peak_bytes() < 300 << 20);
    the_certificate_tells_times_and_memory(state);
}

int main(int argc, char **argv)
{
    (void)argc;
    grow_and_begin_anew(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_code_is_the_commands_own),
        cmocka_unit_test(U24_a_crash_and_a_signal_from_outside_are_told_apart),
        cmocka_unit_test(a_missing_command_is_127),
        cmocka_unit_test(what_cannot_be_executed_is_126),
        cmocka_unit_test(commands_are_found_on_the_jobs_own_PATH),
        cmocka_unit_test(a_missing_working_directory_is_said),
        cmocka_unit_test(the_environment_is_what_was_given_and_the_mark),
        cmocka_unit_test(a_start_that_fails_leaves_no_descriptor_to_close),
        cmocka_unit_test(no_descriptor_is_inherited),
        cmocka_unit_test(signals_are_as_a_program_expects_them),
        cmocka_unit_test(each_run_leads_its_own_session),
        cmocka_unit_test(umask_is_077_unless_set),
        cmocka_unit_test(no_new_privileges_can_be_won),
        cmocka_unit_test(S12_a_job_runs_as_its_user_with_its_groups_and_no_others),
        cmocka_unit_test(a_job_of_another_user_can_reopen_its_input),
        cmocka_unit_test(limits_reach_the_job),
        cmocka_unit_test(U24_the_CPU_limit_is_named),
        cmocka_unit_test(U24_the_memory_limit_is_named),
        cmocka_unit_test(without_a_memory_controller_each_process_is_limited),
        cmocka_unit_test(the_certificate_tells_times_and_memory),
        cmocka_unit_test(a_small_commands_memory_is_not_ours),
        cmocka_unit_test(what_we_were_before_hides_no_commands_memory),
    };
    return cmocka_run_group_tests_name("spawn", tests, open_world, close_world);
}
