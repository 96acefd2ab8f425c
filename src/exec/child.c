/* The child between clone and execve. It runs in our memory while the exec thread sleeps, so it
 * makes only raw system calls: glibc's setuid would change every thread of the daemon, and a
 * sanitizer's interceptors would take its closes for ours. Nothing here allocates, locks, or
 * returns into the parent's frames. */
#include "exec/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RAW __attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined")))

enum { SIGNALS = 64, KERNEL_SIGSET_BYTES = SIGNALS / 8 };

RAW static bool did(long result)
{
    return result >= 0;
}

/* Ignored signals stay ignored over execve, and the daemon ignores some. */
RAW static void set_signals(uint64_t ignored)
{
    /* The kernel's struct sigaction begins with the handler; the rest is zero. */
    static const uint64_t dflt[8] = {0 /* SIG_DFL */}, ignore[8] = {1 /* SIG_IGN */};
    for (int sig = 1; sig <= SIGNALS; sig++) {
        bool ignores = (ignored >> (sig - 1) & 1) != 0;
        (void)syscall(SYS_rt_sigaction, sig, ignores ? ignore : dflt, NULL, KERNEL_SIGSET_BYTES);
    }
}

RAW static bool new_session(const struct rp_child_plan *plan)
{
    set_signals(plan->ignored);
    return did(syscall(SYS_setsid));
}

RAW static bool enter_cgroup(const struct rp_child_plan *plan)
{
    return plan->cgroup_procs < 0 || did(syscall(SYS_write, plan->cgroup_procs, "0", 1));
}

RAW static bool set_files(const struct rp_child_plan *plan)
{
    for (int fd = 0; fd < 3; fd++)
        if (!did(syscall(SYS_dup3, plan->files[fd], fd, 0)))
            return false;
    (void)syscall(SYS_umask, plan->umask);
    return did(syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC)) &&
           (plan->keep_fd == 0 || did(syscall(SYS_fcntl, plan->keep_fd, F_SETFD, 0)));
}

RAW static bool set_limits(const struct rp_child_plan *plan)
{
    for (size_t i = 0; i < plan->n_limits; i++) {
        struct {
            uint64_t soft, hard;
        } limit = {plan->limits[i].soft, plan->limits[i].hard};
        if (!did(syscall(SYS_prlimit64, 0, plan->limits[i].resource, &limit, NULL)))
            return false;
    }
    return true;
}

RAW static bool become_user(const struct rp_child_plan *plan)
{
    uid_t r, e, s;
    if (plan->change_user) {
        if (!did(syscall(SYS_setgroups, plan->n_groups, plan->groups)) ||
            !did(syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid)) ||
            !did(syscall(SYS_setresuid, plan->uid, plan->uid, plan->uid)) ||
            !did(syscall(SYS_getresuid, &r, &e, &s)))
            return false;
        if (r != plan->uid || e != plan->uid || s != plan->uid) {
            errno = EPERM;
            return false;
        }
    }
    return plan->attached || did(syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

RAW static bool enter_cwd(const struct rp_child_plan *plan)
{
    return plan->cwd == NULL || did(syscall(SYS_chdir, plan->cwd));
}

RAW static bool run_program(const struct rp_child_plan *plan)
{
    static const uint64_t none;
    int error = ENOENT;
    (void)syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, NULL, KERNEL_SIGSET_BYTES);
    for (const char **path = plan->paths; *path != NULL; path++) {
        (void)syscall(SYS_execve, *path, plan->argv, plan->env);
        if (errno == EACCES)
            error = EACCES; /* as execvp: go on looking, but say this if nothing is found */
        else if (errno != ENOENT && errno != ENOTDIR)
            return false;
        else if (errno == ENOENT && did(syscall(SYS_faccessat, AT_FDCWD, *path, F_OK))) {
            errno = ELIBBAD; /* it is there, its interpreter is not */
            return false;
        }
    }
    errno = error;
    return false;
}

static bool (*const steps[])(const struct rp_child_plan *) = {
    [RP_STEP_SESSION] = new_session, [RP_STEP_CGROUP] = enter_cgroup, [RP_STEP_FILES] = set_files,
    [RP_STEP_LIMITS] = set_limits,   [RP_STEP_USER] = become_user,    [RP_STEP_CWD] = enter_cwd,
    [RP_STEP_EXEC] = run_program,
};

RAW int rp_child_main(void *arg)
{
    struct rp_child_plan *plan = arg;
    for (enum rp_child_step step = RP_STEP_SESSION; step <= RP_STEP_EXEC; step++) {
        if (steps[step](plan))
            continue;
        plan->failed = step;
        plan->failed_errno = errno;
        break;
    }
    return 127;
}
