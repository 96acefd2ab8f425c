#include "exec/internal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LINGER_US = 200000, /* for a `| tee log` that outlives its shell by a blink */
    GAP_MIN_US = 1000,
    GAP_MAX_US = 50000,
};

static int64_t mono(const struct rp_run *r)
{
    return rp_mono(r->clock);
}

/* ---- start ---- */

static struct rp_strs copy_strs(struct rp_arena *a, struct rp_strs from)
{
    struct rp_strs to = {RP_NEW_N(a, struct rp_str, from.n), from.n};
    for (size_t i = 0; i < from.n; i++)
        to.v[i] = rp_str_dup(a, from.v[i]);
    return to;
}

static void copy_spec(struct rp_arena *a, const struct rp_exec_spec *from, struct rp_exec_spec *to)
{
    *to = *from;
    to->argv = copy_strs(a, from->argv);
    to->watch = copy_strs(a, from->watch);
    to->cwd = rp_str_dup(a, from->cwd);
    to->user = rp_str_dup(a, from->user);
    to->input = rp_str_dup(a, from->input);
    to->env = RP_NEW_N(a, struct rp_env, from->n_env);
    for (size_t i = 0; i < from->n_env; i++)
        to->env[i] =
            (struct rp_env){rp_str_dup(a, from->env[i].name), rp_str_dup(a, from->env[i].value)};
}

struct rp_run *rp_run_new(uint64_t id, const struct rp_exec_spec *spec,
                          const struct rp_clock *clock)
{
    struct rp_run *r = rp_xcalloc(1, sizeof *r);
    copy_spec(&r->arena, spec, &r->spec);
    rp_capture_init(&r->capture, r->spec.keep_bytes, r->spec.watch);
    r->id = id;
    r->clock = clock;
    r->tree.cgroup = r->child.pidfd = r->child.out[1] = r->child.out[2] = -1;
    for (int i = 0; i < 3; i++)
        r->sources[i] = (struct rp_source){r, i};
    r->result.exit_code = -1;
    return r;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void rp_run_free(struct rp_run *r)
{
    close_fd(&r->child.pidfd);
    close_fd(&r->child.out[1]);
    close_fd(&r->child.out[2]);
    close_fd(&r->tree.cgroup);
    rp_output_free(&r->result.output);
    rp_capture_free(&r->capture);
    rp_arena_free(&r->arena);
    free(r);
}

static void stamp(struct rp_run *r)
{
    r->result.started_us = r->result.ended_us = rp_wall(r->clock);
    r->started_us = mono(r);
    r->timeout_us = INT64_MAX;
    if (r->spec.timeout_us > 0 && r->spec.timeout_us < INT64_MAX - r->started_us)
        r->timeout_us = r->started_us + r->spec.timeout_us;
}

void rp_run_not_started(struct rp_run *r, enum rp_code code, const char *message, const char *hint)
{
    stamp(r);
    r->result.ended_by = RP_END_NOT_STARTED;
    (void)rp_fail(&r->result.err, code, "%s", message);
    (void)rp_hint(&r->result.err, "%s", hint);
}

static bool make_cgroup(struct rp_run *r, const struct rp_cgroup_home *home, uint64_t seq)
{
    char name[24];
    if (home->path[0] == '\0')
        return true;
    (void)snprintf(name, sizeof name, "%" PRIu64, seq);
    (void)snprintf(r->tree.path, sizeof r->tree.path, "%s/%s", home->path, name);
    r->tree.cgroup = rp_cgroup_make(home, name, &r->spec.limits, &r->result.err);
    return r->tree.cgroup >= 0;
}

bool rp_run_begin(struct rp_run *r, const struct rp_cgroup_home *home, const char *mark,
                  uint64_t seq)
{
    stamp(r);
    /* The dot at the end keeps run 1 from being a prefix of run 12. */
    (void)snprintf(r->tree.mark, sizeof r->tree.mark, "%s%" PRIu64 ".", mark, seq);
    if (make_cgroup(r, home, seq) && rp_spawn(&r->spec, &r->tree, home->controls, &r->child,
                                              &r->result.exit_code, &r->result.err)) {
        r->tree.main = r->child.pid;
        return true;
    }
    r->result.ended_by = RP_END_NOT_STARTED;
    if (r->tree.cgroup >= 0)
        (void)rp_cgroup_remove(r->tree.path);
    return false;
}

/* ---- end ---- */

/* Also when epoll has not told us yet. Does not wait for it: its number stays reserved. */
static bool main_is_dead(const struct rp_run *r)
{
    siginfo_t info = {0};
    return r->main_ended ||
           (waitid(P_PID, (id_t)r->child.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0
                ? info.si_pid == r->child.pid
                : true);
}

static void name_survivors(struct rp_run *r)
{
    struct rp_procs members;
    rp_tree_members(&r->tree, &members);
    r->result.survivors_killed = (int)members.n;
    rp_procs_names(&members, r->result.survivor_names, sizeof r->result.survivor_names);
    rp_procs_free(&members);
}

static void kill_now(struct rp_run *r)
{
    if (main_is_dead(r))
        name_survivors(r);
    rp_tree_kill(&r->tree);
    r->phase = RP_PHASE_KILL;
    r->gap_us = GAP_MIN_US;
    r->poll_us = mono(r) + r->gap_us;
}

void rp_run_kill(struct rp_run *r, enum rp_ended_by why, int64_t grace_us)
{
    int64_t grace = grace_us < 0 ? r->spec.grace_us : grace_us;
    if (r->phase == RP_PHASE_TERM && mono(r) + grace < r->deadline_us)
        r->deadline_us = mono(r) + grace;
    if (r->phase != RP_PHASE_LIVE || main_is_dead(r))
        return;
    r->killed = true;
    r->why = why;
    if (grace <= 0) {
        kill_now(r);
        return;
    }
    rp_tree_signal(&r->tree, SIGTERM);
    r->phase = RP_PHASE_TERM;
    r->deadline_us = mono(r) + grace;
}

void rp_run_main_ended(struct rp_run *r)
{
    r->main_ended = true;
    r->gap_us = GAP_MIN_US;
    r->poll_us = mono(r);
    if (r->phase == RP_PHASE_LIVE) {
        r->phase = RP_PHASE_LINGER;
        r->deadline_us = r->poll_us + LINGER_US;
    }
}

/* ---- certificate ---- */

/* The kernel counts RLIMIT_CPU in ticks, which on a busy virtual machine run ahead of the time that
 * it reports: measured up to a fifth. */
static bool used_up_cpu(int64_t own_cpu_us, int64_t cpu_s)
{
    return own_cpu_us >= cpu_s * RP_US_S * 3 / 4;
}

static enum rp_ended_by who_signalled(const struct rp_run *r, int sig, int64_t own_cpu_us)
{
    static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP};
    int64_t cpu_s = r->spec.limits.cpu_s;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        if (sig == crashes[i])
            return RP_END_CRASH;
    if (cpu_s > 0 && (sig == SIGXCPU || (sig == SIGKILL && used_up_cpu(own_cpu_us, cpu_s))))
        return RP_END_CPU;
    return RP_END_SIGNAL;
}

static enum rp_ended_by who_ended(const struct rp_run *r, int status, int64_t own_cpu_us)
{
    if (r->killed)
        return r->why;
    if (r->usage.oom_kills > 0 && status != 0)
        return RP_END_MEMORY;
    if (WIFSIGNALED(status))
        return who_signalled(r, WTERMSIG(status), own_cpu_us);
    return RP_END_ITSELF;
}

static int64_t us_of(struct timeval t)
{
    return (int64_t)t.tv_sec * RP_US_S + t.tv_usec;
}

static void set_usage(struct rp_run *r, const struct rusage *ru)
{
    struct rp_exec_result *res = &r->result;
    int64_t rss = ru->ru_maxrss * 1024;
    res->cpu_us = r->usage.cpu_us > 0 ? r->usage.cpu_us : us_of(ru->ru_utime) + us_of(ru->ru_stime);
    res->memory_peak_bytes = r->usage.memory_peak_bytes;
    if (res->memory_peak_bytes == 0 && rss > r->child.rss_floor_bytes)
        res->memory_peak_bytes = rss;
    res->oom = r->usage.oom_kills > 0;
}

static void certify(struct rp_run *r)
{
    struct rp_exec_result *res = &r->result;
    struct rp_proc self = {0};
    struct rusage ru = {0};
    int status = 0;
    (void)rp_proc_read(r->child.pid,
                       &self); /* the zombie's own CPU time; rusage adds its children's */
    if (wait4(r->child.pid, &status, __WALL, &ru) != r->child.pid) {
        (void)rp_fail(&res->err, RP_E_INTERNAL, "the end of process %d was taken by another wait",
                      r->child.pid);
        status = SIGKILL; /* not known; never a success */
    }
    res->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    res->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    res->ended_by = who_ended(r, status, self.cpu_ticks * RP_US_S / sysconf(_SC_CLK_TCK));
    res->ended_us = rp_wall(r->clock);
    res->duration_us = mono(r) - r->started_us;
    set_usage(r, &ru);
}

/* ---- time ---- */

static void poll_later(struct rp_run *r, int64_t now)
{
    r->poll_us = now + r->gap_us;
    r->gap_us = r->gap_us * 2 < GAP_MAX_US ? r->gap_us * 2 : GAP_MAX_US;
}

bool rp_run_step(struct rp_run *r)
{
    int64_t now = mono(r);
    if (r->phase == RP_PHASE_LIVE && now >= r->timeout_us)
        rp_run_kill(r, RP_END_TIMEOUT, -1);
    if (now < rp_run_next_us(r))
        return false;
    if (r->phase == RP_PHASE_KILL && !r->main_ended && main_is_dead(r))
        rp_run_main_ended(r);
    if (r->main_ended && rp_tree_gone(&r->tree, &r->usage)) {
        certify(r);
        return true;
    }
    if (r->phase == RP_PHASE_KILL)
        rp_tree_kill(&r->tree);
    else if (r->phase != RP_PHASE_LIVE && now >= r->deadline_us)
        kill_now(r);
    poll_later(r, now);
    return false;
}

int64_t rp_run_next_us(const struct rp_run *r)
{
    bool polls = r->main_ended || r->phase == RP_PHASE_KILL;
    int64_t next = polls ? r->poll_us : INT64_MAX;
    if (r->phase == RP_PHASE_LIVE)
        return r->timeout_us < next ? r->timeout_us : next;
    if (r->phase != RP_PHASE_KILL && r->deadline_us < next)
        return r->deadline_us;
    return next;
}
