/* The whole tree of an attempt dies, with cgroups and without. */
#include "world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct world *w;
static uint64_t next_id;

static struct rp_exec_result *run(struct rp_exec_spec spec)
{
    return world_run(w, next_id++, spec);
}

static int open_cgroup(void **state)
{
    (void)state;
    w = world_new(RP_NONE, RP_NONE);
    if (rp_exec_covers(w->x) != RP_COVERS_CGROUP)
        print_message("no writable cgroup v2 here: both groups run without\n");
    return 0;
}

static int open_subreaper(void **state)
{
    (void)state;
    w = world_new(RP_STR("none"), RP_NONE);
    assert_int_equal(rp_exec_covers(w->x), RP_COVERS_SUBREAPER);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

/* All the pids that the run printed are dead; their number is right. */
static void assert_tree_dead(const struct rp_exec_result *r, int pids)
{
    struct rp_buf b = {0};
    assert_int_equal(assert_all_dead(text_of(r, 1, &b)), pids);
    rp_buf_free(&b);
}

/* Ignores TERM (which its descendants inherit), leaves a double fork in a session of its own, one
 * with an empty environment. */
#define HOSTILE                                                                                    \
    "trap '' TERM; echo $$; "                                                                      \
    "setsid sh -c '(while :; do sleep 1; done) & echo $!'; "                                       \
    "setsid sh -c 'sh -c \"echo \\$\\$; while :; do sleep 1; done\" &'; "                          \
    "env -i /bin/sh -c 'trap \"\" TERM; echo $$; while :; do /bin/sleep 1; done' & "               \
    "while :; do sleep 1; done"

static void G16_the_time_limit_kills_the_whole_hostile_tree_after_the_grace(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL(HOSTILE);
    spec.timeout_us = 300000;
    spec.grace_us = 200000;
    struct rp_exec_result *r = world_run_to_limit(w, &next_id, spec, 4);
    assert_int_equal(r->ended_by, RP_END_TIMEOUT);
    assert_int_equal(r->signal, SIGKILL);
    assert_true(r->duration_us >= 500000);
    assert_tree_dead(r, 4);
}

static void a_tree_that_heeds_TERM_is_not_killed_and_its_last_words_are_kept(void **state)
{
    (void)state;
    struct rp_exec_spec spec =
        SHELL("trap 'echo tidy; exit 3' TERM; echo ready; while :; do sleep .01; done");
    spec.timeout_us = 100000;
    spec.grace_us = RP_US_H; /* who waited for all of it would not be done in time */
    struct rp_exec_result *r = world_run_to_limit(w, &next_id, spec, 2);
    assert_int_equal(r->ended_by, RP_END_TIMEOUT);
    assert_int_equal(r->exit_code, 3);
    assert_int_equal(r->survivors_killed, 0);
    assert_text(r, 1, "ready\ntidy\n");
}

static void TERM_reaches_a_stopped_tree_and_every_member(void **state)
{
    (void)state;
    struct rp_exec_spec spec =
        SHELL("setsid sh -c 'trap \"echo child; exit\" TERM; echo ready; "
              "while :; do sleep .01; done' & "
              "trap 'wait; echo main; exit' TERM; kill -STOP $$; while :; do sleep .01; done");
    spec.timeout_us = 200000;
    spec.grace_us = RP_US_H;
    assert_text(world_run_to_limit(w, &next_id, spec, 3), 1, "ready\nchild\nmain\n");
}

static void U25_what_outlives_its_parent_is_killed_and_named(void **state)
{
    (void)state;
    struct rp_exec_result *r =
        run(SHELL(ASLEEP "sleep 1000 & echo $!; asleep $!; "
                         "setsid sleep 1001 >/dev/null 2>&1 & echo $!; asleep $!; exit 4"));
    assert_int_equal(r->ended_by, RP_END_ITSELF);
    assert_int_equal(r->exit_code, 4);
    assert_int_equal(r->survivors_killed, 2);
    assert_non_null(strstr(r->survivor_names, "sleep ("));
    assert_non_null(strchr(r->survivor_names, ','));
    assert_true(r->duration_us < 30 * RP_US_S);
    assert_tree_dead(r, 2);
}

static void a_helper_that_outlives_its_shell_by_a_blink_may_finish(void **state)
{
    (void)state;
    struct rp_exec_result *r = NULL;
    for (int i = 0; i < 100; i++) { /* a blink: the machine may be too slow for it */
        r = run(SHELL("(sleep .03; echo late) & echo early"));
        if (r->survivors_killed == 0)
            break;
    }
    assert_int_equal(r->survivors_killed, 0);
    assert_text(r, 1, "early\nlate\n");
}

static void a_tree_of_many_levels_dies(void **state)
{
    (void)state;
    struct rp_exec_spec spec =
        SHELL("f() { sh -c 'echo $$' ; if [ $1 -gt 0 ]; then (f $(($1 - 1))) & fi; sleep 1000; }; "
              "trap '' TERM; f 20");
    spec.timeout_us = 700000;
    spec.grace_us = 0;
    struct rp_exec_result *r = world_run_to_limit(w, &next_id, spec, 21);
    assert_int_equal(r->ended_by, RP_END_TIMEOUT);
    assert_tree_dead(r, 21);
}

static void a_tree_that_forks_without_end_dies(void **state)
{
    (void)state;
    struct rp_exec_spec spec =
        SHELL("f() { while :; do setsid sleep 50 & sleep .01; done; }; trap '' TERM; f & f & f");
    spec.timeout_us = 300000;
    spec.grace_us = 0;
    struct rp_exec_result *r = run(spec);
    assert_int_equal(r->signal, SIGKILL);
    struct rp_procs all;
    rp_procs_list(&all);
    for (size_t i = 0; i < all.n; i++)
        if (all.v[i].state != 'Z' && rp_proc_marked(all.v[i].pid, "") && all.v[i].ppid == getpid())
            fail_msg("%s (%d) has survived", all.v[i].name, all.v[i].pid);
    rp_procs_free(&all);
}

static void an_operator_may_shorten_the_grace_but_the_first_reason_stays(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("trap '' TERM; echo x; while :; do sleep 1; done");
    uint64_t id = next_id++;
    rp_exec_start(w->x, id, &spec);
    await_output(w, id, 2);
    rp_exec_kill(w->x, id, RP_END_OPERATOR, 1000 * RP_US_S);
    rp_exec_kill(w->x, id, RP_END_STOP, 10000);
    struct rp_exec_result *r = world_wait(w, id);
    assert_int_equal(r->ended_by, RP_END_OPERATOR);
    assert_int_equal(r->signal, SIGKILL);
}

static void a_kill_after_the_end_changes_nothing(void **state)
{
    (void)state;
    struct rp_exec_spec spec = SHELL("sleep .1 & echo x; exit 5");
    uint64_t id = next_id++;
    rp_exec_start(w->x, id, &spec);
    await_output(w, id, 2);
    nap();
    rp_exec_kill(w->x, id + 1000, RP_END_OPERATOR, 0);
    struct rp_exec_result *r = world_wait(w, id);
    rp_exec_kill(w->x, id, RP_END_OPERATOR, 0);
    assert_int_equal(r->ended_by, RP_END_ITSELF);
    assert_int_equal(r->exit_code, 5);
}

static int zombies(void)
{
    struct rp_procs all;
    int n = 0;
    rp_procs_list(&all);
    for (size_t i = 0; i < all.n; i++)
        n += all.v[i].ppid == getpid() && all.v[i].state == 'Z';
    rp_procs_free(&all);
    return n;
}

static void G23_orphans_do_not_stay_as_zombies(void **state)
{
    (void)state;
    (void)run(SHELL("for i in 1 2 3 4 5 6 7 8 9; do setsid sh -c 'sleep .01 &'; done"));
    for (int i = 0; i < 5000 && zombies() > 0; i++)
        nap();
    assert_int_equal(zombies(), 0);
}

/* ---- what a dead daemon left ---- */

static _Noreturn void doomed_daemon(struct rp_str cgroup, const char path[32])
{
    static char script[512];
    (void)snprintf(script, sizeof script,
                   "exec >%s.tmp; trap '' TERM; echo $$; setsid sh -c '" ASLEEP
                   "sleep 1000 & echo $!; asleep $!'; mv %s.tmp %s; while :; do sleep 1; done",
                   path, path, path);
    struct world *mine = world_new(cgroup, RP_STR("store-of-the-sweep-test"));
    struct rp_exec_spec spec = SHELL(script);
    rp_exec_start(mine->x, 0, &spec);
    while (access(path, F_OK) != 0)
        nap();
    (void)kill(getpid(), SIGKILL);
    abort();
}

static void sweep_after_a_killed_daemon(struct rp_str cgroup)
{
    char dir[] = "/tmp/rp-sweep-XXXXXX", path[32], names[200], text[64] = "";
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/pids", dir);
    pid_t daemon = fork();
    if (daemon == 0)
        doomed_daemon(cgroup, path);
    int status, fd;
    assert_int_equal(waitpid(daemon, &status, 0), daemon);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    (void)close(fd);
    assert_true(lives((pid_t)strtol(text, NULL, 10)));
    struct rp_exec_options other = {.cgroup = cgroup, .store_id = RP_STR("another store")};
    assert_int_equal(rp_exec_sweep(&other, names, sizeof names), 0);
    assert_true(lives((pid_t)strtol(text, NULL, 10)));
    struct rp_exec_options o = {.cgroup = cgroup, .store_id = RP_STR("store-of-the-sweep-test")};
    assert_in_range(rp_exec_sweep(&o, names, sizeof names), 2, 5);
    assert_non_null(strstr(names, "sleep ("));
    assert_int_equal(assert_all_dead(text), 2);
    assert_int_equal(rp_exec_sweep(&o, names, sizeof names), 0);
    (void)unlink(path);
    (void)rmdir(dir);
}

static void G27_what_a_killed_daemon_left_is_found_and_ended(void **state)
{
    (void)state;
    sweep_after_a_killed_daemon(RP_NONE);
}

static void G27_also_without_cgroups(void **state)
{
    (void)state;
    sweep_after_a_killed_daemon(RP_STR("none"));
}

static void a_folder_that_is_no_cgroup_is_refused_with_its_name(void **state)
{
    (void)state;
    struct rp_err err = {0};
    struct rp_exec_options o = {.cgroup = RP_STR("/tmp"), .done = world_done};
    assert_null(rp_exec_new(&o, &err));
    assert_int_equal(err.code, RP_E_CONFIG);
    assert_non_null(strstr(err.message, "\"/tmp\""));
}

/* The files as the kernel documents them (cgroup-v2.rst), where this machine has no controllers to
 * write them. */
static void usage_is_read_from_the_cgroups_files(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"cpu.stat", "usage_usec 1234567\nuser_usec 1000000\n"},
        {"memory.peak", "104857600\n"},
        {"memory.events", "low 0\nhigh 0\nmax 17\noom 2\noom_kill 1\noom_group_kill 0\n"},
    };
    char dir[] = "/tmp/rp-usage-XXXXXX";
    struct rp_cgroup_usage usage;
    assert_non_null(mkdtemp(dir));
    int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rp_cgroup_read_usage(folder, &usage);
    assert_int_equal(usage.cpu_us + usage.memory_peak_bytes + (int64_t)usage.oom_kills, 0);
    for (size_t i = 0; i < 3; i++) {
        int fd = openat(folder, files[i][0], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(write(fd, files[i][1], strlen(files[i][1])) > 0);
        (void)close(fd);
    }
    rp_cgroup_read_usage(folder, &usage);
    assert_int_equal(usage.cpu_us, 1234567);
    assert_int_equal(usage.memory_peak_bytes, 104857600);
    assert_int_equal(usage.oom_kills, 1);
    for (size_t i = 0; i < 3; i++)
        (void)unlinkat(folder, files[i][0], 0);
    (void)close(folder);
    (void)rmdir(dir);
}

static void only_the_cgroup_catches_who_clears_its_environment_and_leaves(void **state)
{
    (void)state;
    if (rp_exec_covers(w->x) != RP_COVERS_CGROUP)
        skip();
    struct rp_exec_result *r =
        run(SHELL("setsid env -i /bin/sh -c '/bin/sleep 1000 >/dev/null 2>&1 & echo $!'; exit 0"));
    assert_int_equal(r->survivors_killed, 1);
    assert_tree_dead(r, 1);
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(G27_what_a_killed_daemon_left_is_found_and_ended),
        cmocka_unit_test(G27_also_without_cgroups),
        cmocka_unit_test(a_folder_that_is_no_cgroup_is_refused_with_its_name),
        cmocka_unit_test(usage_is_read_from_the_cgroups_files),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G16_the_time_limit_kills_the_whole_hostile_tree_after_the_grace),
        cmocka_unit_test(a_tree_that_heeds_TERM_is_not_killed_and_its_last_words_are_kept),
        cmocka_unit_test(TERM_reaches_a_stopped_tree_and_every_member),
        cmocka_unit_test(U25_what_outlives_its_parent_is_killed_and_named),
        cmocka_unit_test(a_helper_that_outlives_its_shell_by_a_blink_may_finish),
        cmocka_unit_test(a_tree_of_many_levels_dies),
        cmocka_unit_test(a_tree_that_forks_without_end_dies),
        cmocka_unit_test(an_operator_may_shorten_the_grace_but_the_first_reason_stays),
        cmocka_unit_test(a_kill_after_the_end_changes_nothing),
        cmocka_unit_test(G23_orphans_do_not_stay_as_zombies),
        cmocka_unit_test(only_the_cgroup_catches_who_clears_its_environment_and_leaves),
    };
    /* First what forks: a process with threads should not. */
    int failed = cmocka_run_group_tests_name("sweep", alone, NULL, NULL);
    failed += cmocka_run_group_tests_name("tree with cgroup", tests, open_cgroup, close_world);
    failed +=
        cmocka_run_group_tests_name("tree with subreaper", tests, open_subreaper, close_world);
    return failed;
}
