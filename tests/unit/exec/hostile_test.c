/* Processes that do what no process should (issue «faults» 5), each with cgroups and without. After
 * each run nothing lives that carries the mark of this test's store. */
#include "world.h"

#include <sys/resource.h>

static struct world *w;
static uint64_t next_id;
static char store_id[64];

static int open_with(struct rp_str cgroup)
{
    (void)snprintf(store_id, sizeof store_id, "hostile-%d-%lld", (int)getpid(),
                   (long long)rp_mono(&rp_clock_system));
    w = world_new(cgroup, rp_str_of(store_id));
    next_id = 0;
    return 0;
}

static int open_cgroup(void **state)
{
    (void)state;
    (void)open_with(RP_NONE);
    if (rp_exec_covers(w->x) != RP_COVERS_CGROUP)
        print_message("no writable cgroup v2 here: both groups run without\n");
    return 0;
}

static int open_subreaper(void **state)
{
    (void)state;
    return open_with(RP_STR("none"));
}

static int close_world(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

static int nothing_lives(void **state)
{
    char mark[RP_MARK_LEN];
    struct rp_procs all;
    int n = 0;
    (void)state;
    rp_mark_prefix(mark, rp_str_of(store_id));
    rp_procs_list(&all);
    for (size_t i = 0; i < all.n; i++)
        if (all.v[i].state != 'Z' && rp_proc_marked(all.v[i].pid, mark)) {
            print_error("%s (%d) lives\n", all.v[i].name, all.v[i].pid);
            n++;
        }
    rp_procs_free(&all);
    return n == 0 ? 0 : -1;
}

static struct rp_exec_result *run(struct rp_exec_spec spec)
{
    return world_run(w, next_id++, spec);
}

static struct rp_exec_spec limited(const char *script, int64_t timeout_us)
{
    static struct rp_str argv[3];
    argv[0] = RP_STR("/bin/sh");
    argv[1] = RP_STR("-c");
    argv[2] = rp_str_of(script);
    struct rp_exec_spec spec = spec_of((struct rp_strs){argv, 3});
    spec.timeout_us = timeout_us;
    spec.grace_us = 100000;
    return spec;
}

static struct rp_exec_result *run_to_limit(const char *script, int64_t timeout_us, size_t lines)
{
    return world_run_to_limit(w, &next_id, limited(script, timeout_us), lines);
}

/* The number of processes is limited by the cgroup where it can, else by the user's own limit,
 * which root does not have. */
static void G16_a_fork_bomb_stays_within_its_limit_and_dies_whole(void **state)
{
    (void)state;
    struct rp_exec_spec spec = limited("b() { b | b & }; trap '' TERM; b; wait; sleep 100", 700000);
    spec.limits.processes = 60;
    if ((rp_exec_controls(w->x) & RP_CONTROL_PIDS) == 0) {
        if (geteuid() != 0) {
            print_message("neither a pids controller nor another user: skipped\n");
            skip();
        }
        spec.user = RP_STR("nobody");
    }
    struct rp_exec_result *r = run(spec);
    assert_true(r->ended_by == RP_END_TIMEOUT || r->ended_by == RP_END_ITSELF);
}

static void G16_a_double_fork_does_not_get_away(void **state)
{
    (void)state;
    struct rp_exec_result *r = run(limited("(sh -c 'sleep 1000 & echo $!' &); exit 3", 0));
    struct rp_buf b = {0};
    assert_int_equal(r->exit_code, 3);
    assert_int_equal(r->survivors_killed, 1);
    assert_int_equal(assert_all_dead(text_of(r, 1, &b)), 1);
    rp_buf_free(&b);
}

static void G16_a_session_of_its_own_does_not_get_away(void **state)
{
    (void)state;
    struct rp_exec_result *r =
        run(limited("trap 'exit 4' USR1; setsid sh -c 'echo $$; setsid sleep 1000 & echo $!; "
                    "kill -USR1 $PPID; wait' & while :; do sleep .01; done",
                    0));
    struct rp_buf b = {0};
    assert_int_equal(r->exit_code, 4);
    assert_int_equal(assert_all_dead(text_of(r, 1, &b)), 2);
    rp_buf_free(&b);
}

static void G16_ignoring_every_signal_does_not_help(void **state)
{
    (void)state;
    struct rp_exec_result *r =
        run_to_limit("trap '' TERM INT HUP QUIT USR1 USR2 ALRM CONT TSTP; echo ready; "
                     "while :; do sleep 1; done",
                     300000, 1);
    assert_int_equal(r->ended_by, RP_END_TIMEOUT);
    assert_int_equal(r->signal, SIGKILL);
    assert_text(r, 1, "ready\n");
}

static void closing_all_pipes_is_no_end_and_hides_no_exit_code(void **state)
{
    (void)state;
    struct rp_exec_result *r =
        run(limited("echo first; exec <&- >&- 2>&-; sleep .2; exit 7", 60 * RP_US_S));
    assert_int_equal(r->ended_by, RP_END_ITSELF);
    assert_int_equal(r->exit_code, 7);
    assert_text(r, 1, "first\n");
}

static void output_after_the_exit_neither_holds_up_the_end_nor_goes_on(void **state)
{
    (void)state;
    struct rp_exec_result *r = run(
        limited("(while :; do echo late; sleep .01; done) & echo $! >&2; echo early; exit 0", 0));
    struct rp_buf b = {0};
    assert_int_equal(r->exit_code, 0);
    assert_true(r->survivors_killed >= 1);
    assert_true(r->duration_us < 30 * RP_US_S);
    assert_non_null(strstr(text_of(r, 1, &b), "early\n"));
    assert_int_equal(assert_all_dead(text_of(r, 2, &b)), 1);
    rp_buf_free(&b);
}

static void a_gigabyte_of_output_is_counted_and_both_ends_are_kept(void **state)
{
    (void)state;
    enum { ZEROS = MUCH(1000000000) };
    struct rusage before, after;
    char script[80];
    (void)getrusage(RUSAGE_SELF, &before);
    (void)snprintf(script, sizeof script, "echo begin; head -c %d /dev/zero; echo end", ZEROS);
    struct rp_exec_result *r = run(limited(script, DEADLINE_S * RP_US_S));
    (void)getrusage(RUSAGE_SELF, &after);
    assert_int_equal(r->exit_code, 0);
    assert_int_equal(r->output.total[1], ZEROS + 10);
    assert_true(r->output.dropped >= ZEROS - (2 * 256 << 10));
    assert_memory_equal(r->output.head.p + RP_FRAME_HEADER, "begin\n", 6);
    assert_memory_equal(r->output.tail.p + r->output.tail.n - 4, "end\n", 4);
    assert_true(after.ru_maxrss - before.ru_maxrss < 32 << 10); /* kB */
}

static void input_that_is_never_read_is_in_nobodys_way(void **state)
{
    (void)state;
    static char payload[8 << 20];
    memset(payload, 'x', sizeof payload);
    struct rp_exec_spec spec = limited("exit 3", 60 * RP_US_S);
    spec.input = (struct rp_str){payload, sizeof payload};
    assert_int_equal(run(spec)->exit_code, 3);
}

static void G16_stopping_itself_is_ended_by_the_time_limit(void **state)
{
    (void)state;
    struct rp_exec_result *r = run(limited("kill -STOP $$; echo never", 300000));
    assert_int_equal(r->ended_by, RP_END_TIMEOUT);
    r = run_to_limit("trap '' TERM CONT; echo deaf; sh -c 'kill -STOP $PPID $$' ; sleep 100",
                     300000, 1);
    assert_int_equal(r->ended_by, RP_END_TIMEOUT);
    assert_int_equal(r->signal, SIGKILL);
}

static void G16_clearing_the_environment_does_not_hide_a_tree(void **state)
{
    (void)state;
    struct rp_exec_result *r = run_to_limit(
        "exec env -i /bin/sh -c 'echo $$; (trap \"\" TERM; echo after; while :; do /bin/sleep 1;"
        " done) & echo $!; wait'",
        400000, 3);
    struct rp_buf b = {0};
    assert_int_equal(r->ended_by, RP_END_TIMEOUT);
    const char *text = text_of(r, 1, &b);
    assert_non_null(strstr(text, "after"));
    char pids[64] = "";
    for (const char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1)
        if (*p >= '0' && *p <= '9')
            (void)snprintf(pids + strlen(pids), sizeof pids - strlen(pids), "%.*s ",
                           (int)strcspn(p, "\n"), p);
    assert_int_equal(assert_all_dead(pids), 2);
    rp_buf_free(&b);
}

/* Root may write there: the time limit holds all the same. */
static void G16_leaving_the_cgroup_does_not_help(void **state)
{
    (void)state;
    if (rp_exec_covers(w->x) != RP_COVERS_CGROUP)
        skip();
    struct rp_exec_result *r =
        run_to_limit("trap '' TERM; root=$(sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \\([^ ]*\\) .* - "
                     "cgroup2 .*/\\1/p' /proc/self/mountinfo | head -n 1); "
                     "echo $$ >$root/cgroup.procs || { echo no; echo no; exit 9; }; echo $$; "
                     "sleep 1000 & echo $!; wait",
                     500000, 2);
    struct rp_buf b = {0};
    if (r->exit_code == 9)
        skip();
    assert_int_equal(r->ended_by, RP_END_TIMEOUT);
    assert_int_equal(assert_all_dead(text_of(r, 1, &b)), 2);
    rp_buf_free(&b);
}

/* More than it may open, and more zombies than anybody waits for. */
static void G23_descriptors_and_zombies_of_a_job_are_its_own(void **state)
{
    (void)state;
    struct rp_exec_spec spec =
        limited("i=3; while eval \"exec $i</dev/null\"; do i=$((i + 1)); done", 60 * RP_US_S);
    spec.limits.open_files = 9; /* one digit each */
    assert_int_not_equal(run(spec)->exit_code, 0);
    spec = limited("for i in $(seq 300); do sh -c : & done; exec sleep .2", 60 * RP_US_S);
    assert_int_equal(run(spec)->exit_code, 0);
}

#define HOSTILE(f) cmocka_unit_test_teardown(f, nothing_lives)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE(G16_a_fork_bomb_stays_within_its_limit_and_dies_whole),
        HOSTILE(G16_a_double_fork_does_not_get_away),
        HOSTILE(G16_a_session_of_its_own_does_not_get_away),
        HOSTILE(G16_ignoring_every_signal_does_not_help),
        HOSTILE(closing_all_pipes_is_no_end_and_hides_no_exit_code),
        HOSTILE(output_after_the_exit_neither_holds_up_the_end_nor_goes_on),
        HOSTILE(a_gigabyte_of_output_is_counted_and_both_ends_are_kept),
        HOSTILE(input_that_is_never_read_is_in_nobodys_way),
        HOSTILE(G16_stopping_itself_is_ended_by_the_time_limit),
        HOSTILE(G16_clearing_the_environment_does_not_hide_a_tree),
        HOSTILE(G16_leaving_the_cgroup_does_not_help),
        HOSTILE(G23_descriptors_and_zombies_of_a_job_are_its_own),
    };
    int failed =
        cmocka_run_group_tests_name("hostile with cgroup", tests, open_cgroup, close_world);
    return failed + cmocka_run_group_tests_name("hostile with subreaper", tests, open_subreaper,
                                                close_world);
}
