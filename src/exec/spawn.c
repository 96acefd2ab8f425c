#include "exec/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CGROUP_PROCS = 3, OUR_OUT = 4, OUR_ERR = 5 }; /* in rp_spawn.fds */
enum { RSS_SLACK_BYTES = 1 << 20 };                  /* the kernel counts pages in lots */

static bool lacking(struct rp_spawn *s, const char *what)
{
    int error = errno;
    s->code = RP_NO_CODE;
    (void)rp_fail(s->err, RP_E_SPAWN, "cannot start \"%.*s\": no %s: %s",
                  RP_FMT(s->spec->argv.v[0]), what, strerror(error));
    return rp_hint(s->err, "the machine is short of it now: see ulimit, memory and max_running");
}

/* ---- descriptors ---- */

/* The child's three take the places 0 to 2, which the daemon may have closed: ours must not be
 * there. */
static int above_stderr(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    (void)close(fd);
    return high;
}

static bool write_all(int fd, struct rp_str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        s.p += n;
        s.n -= (size_t)n;
    }
    return true;
}

/* A file in memory and not a pipe: nothing to feed, no SIGPIPE, no full pipe before a child that
 * does not read, and a job of another user may reopen /dev/stdin. */
static int input_file(struct rp_str input)
{
    if (input.n == 0)
        return above_stderr(open("/dev/null", O_RDONLY | O_CLOEXEC));
    int fd = above_stderr(memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (fd >= 0 && (!write_all(fd, input) || lseek(fd, 0, SEEK_SET) != 0 ||
                    fcntl(fd, F_ADD_SEALS, seals) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool output_pipe(int *ours, int *theirs)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *ours = above_stderr(ends[0]);
    *theirs = above_stderr(ends[1]);
    return *ours >= 0 && *theirs >= 0 && fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

static bool plan_files(struct rp_spawn *s)
{
    bool attached = s->spec->attach.output != NULL;
    s->fds[0] = attached ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : input_file(s->spec->input);
    if (s->fds[0] < 0)
        return lacking(s, "descriptor or memory for standard input");
    if (!output_pipe(&s->fds[OUR_OUT], &s->fds[1]) || !output_pipe(&s->fds[OUR_ERR], &s->fds[2]))
        return lacking(s, "pipe");
    memcpy(s->plan.files, s->fds, sizeof s->plan.files);
    return true;
}

/* ---- start ---- */

static bool step_failed(struct rp_spawn *s)
{
    static const char *const doing[] = {
        [RP_STEP_SESSION] = "making a session",  [RP_STEP_CGROUP] = "entering the cgroup",
        [RP_STEP_FILES] = "setting descriptors", [RP_STEP_LIMITS] = "setting the limits",
        [RP_STEP_USER] = "becoming the user",    [RP_STEP_CWD] = "entering the working directory",
        [RP_STEP_EXEC] = "running it",
    };
    static const char *const hints[] = {
        [RP_STEP_SESSION] = "see the kernel's log",
        [RP_STEP_CGROUP] = "give the daemon a delegated cgroup (Delegate=yes)",
        [RP_STEP_FILES] = "Linux 5.11 or newer is needed",
        [RP_STEP_LIMITS] = "lower limits: to what the daemon itself may have (ulimit -Ha)",
        [RP_STEP_USER] = "only a daemon that runs as root may run jobs as another user",
        [RP_STEP_CWD] = "make the directory, and let the job's user enter it",
        [RP_STEP_EXEC] = "see execve(2)",
    };
    enum rp_child_step step = s->plan.failed;
    s->code = RP_NOT_RUNNABLE;
    (void)rp_fail(s->err, RP_E_SPAWN, "cannot start \"%.*s\": %s%s%.*s%s: %s",
                  RP_FMT(s->spec->argv.v[0]), doing[step], step == RP_STEP_CWD ? " \"" : "",
                  step == RP_STEP_CWD ? (int)s->spec->cwd.n : 0,
                  step == RP_STEP_CWD ? s->spec->cwd.p : "", step == RP_STEP_CWD ? "\"" : "",
                  strerror(s->plan.failed_errno));
    return rp_hint(s->err, "%s", hints[step]);
}

static const struct {
    int error, code;
    const char *says, *hint;
} exec_errors[] = {
    {ENOENT, RP_NOT_FOUND, "there is no such command",
     "install it, correct the name, or set PATH in env:"},
    {EACCES, RP_NOT_RUNNABLE, "it may not be executed",
     "make it executable (chmod +x) for the job's user"},
    {ELIBBAD, RP_NOT_RUNNABLE, "its interpreter is missing",
     "install the program of its first line (#!)"},
    {ENOEXEC, RP_NOT_RUNNABLE, "it is neither a program nor a script with #!",
     "begin it with a #! line"},
    {E2BIG, RP_NOT_RUNNABLE, "its arguments and environment are too long",
     "pass the data on standard input"},
    {EISDIR, RP_NOT_RUNNABLE, "it is a directory", "name a program"},
    {ENOMEM, RP_NO_CODE, "there is not enough memory", "lower max_running, or add memory"},
    {EAGAIN, RP_NO_CODE, "the user has too many processes", "raise processes: or the user's limit"},
};

static bool exec_failed(struct rp_spawn *s)
{
    for (size_t i = 0; i < sizeof exec_errors / sizeof *exec_errors; i++) {
        if (s->plan.failed_errno != exec_errors[i].error)
            continue;
        s->code = exec_errors[i].code;
        (void)rp_fail(s->err, RP_E_SPAWN, "cannot start \"%.*s\": %s", RP_FMT(s->spec->argv.v[0]),
                      exec_errors[i].says);
        return rp_hint(s->err, "%s", exec_errors[i].hint);
    }
    return step_failed(s);
}

static pid_t clone_child(struct rp_spawn *s, int *pidfd)
{
    pid_t pid = rp_clone(rp_child_main, &s->plan, s->tree->cgroup, pidfd);
    if (pid >= 0 || (errno != ENOSYS && errno != EPERM))
        return pid;
    if (s->tree->cgroup >= 0) {
        s->plan.cgroup_procs = s->fds[CGROUP_PROCS] =
            above_stderr(openat(s->tree->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC));
        if (s->plan.cgroup_procs < 0)
            return -1;
    }
    return rp_clone_plain(rp_child_main, &s->plan, pidfd);
}

static bool start(struct rp_spawn *s, struct rp_child *out)
{
    out->pid = clone_child(s, &out->pidfd);
    if (out->pid < 0)
        return lacking(s, "process");
    if (s->plan.failed != RP_STEP_NONE) {
        (void)waitpid(out->pid, NULL, __WALL);
        (void)close(out->pidfd);
        out->pidfd = -1; /* closed twice, it would be another thread's by then */
        return s->plan.failed == RP_STEP_EXEC ? exec_failed(s) : step_failed(s);
    }
    int64_t own = rp_own_peak_bytes();
    out->rss_floor_bytes = own > 0 ? own + RSS_SLACK_BYTES : INT64_MAX;
    out->out[1] = s->fds[OUR_OUT];
    out->out[2] = s->fds[OUR_ERR];
    s->fds[OUR_OUT] = s->fds[OUR_ERR] = -1;
    return true;
}

static void spawn_end(struct rp_spawn *s)
{
    for (size_t i = 0; i < sizeof s->fds / sizeof *s->fds; i++)
        if (s->fds[i] >= 0)
            (void)close(s->fds[i]);
    rp_arena_free(&s->arena);
}

bool rp_spawn(const struct rp_exec_spec *spec, const struct rp_tree *tree, unsigned controls,
              struct rp_child *out, int *shell_code, struct rp_err *err)
{
    struct rp_spawn s = {.spec = spec, .tree = tree, .controls = controls, .err = err};
    memset(s.fds, -1, sizeof s.fds);
    bool ok = rp_spawn_plan(&s) && plan_files(&s) && start(&s, out);
    *shell_code = s.code;
    spawn_end(&s);
    return ok;
}
