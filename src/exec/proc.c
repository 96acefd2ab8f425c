#include "exec/internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK_NAME "REPRISE_ATTEMPT_MARK="

/* More than Linux lets argv and environment have together by default. */
enum { ENVIRON_MAX = 4 << 20 };

/* Whole file, at most max bytes; empty when it cannot be read. */
static void read_file(const char *path, size_t max, struct rp_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[4096];
    ssize_t n;
    if (fd < 0)
        return;
    while (out->n < max && (n = read(fd, chunk, sizeof chunk)) > 0)
        rp_buf_add(out, chunk, (size_t)n);
    (void)close(fd);
}

/* proc(5): `pid (name) state ppid pgrp session … utime(14) stime(15) … starttime(22)`; a name may
 * hold anything, ')' too. */
static bool parse_stat(struct rp_str stat, struct rp_proc *out)
{
    const char *open = memchr(stat.p, '(', stat.n), *shut = memrchr(stat.p, ')', stat.n);
    if (open == NULL || shut == NULL || shut < open || shut + 2 >= stat.p + stat.n)
        return false;
    (void)snprintf(out->name, sizeof out->name, "%.*s", (int)(shut - open - 1), open + 1);
    out->state = shut[2];
    struct rp_str rest = {shut + 2, (size_t)(stat.p + stat.n - shut - 2)}, part;
    int64_t v[23] = {0};
    for (int field = 3; field <= 22 && rp_str_split(&rest, ' ', &part); field++)
        (void)rp_str_i64(part, &v[field]);
    out->ppid = (pid_t)v[4];
    out->sid = (pid_t)v[6];
    out->cpu_ticks = v[14] + v[15];
    out->start = (uint64_t)v[22];
    return true;
}

bool rp_proc_read(pid_t pid, struct rp_proc *out)
{
    char path[32];
    struct rp_buf stat = {0};
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    read_file(path, 4096, &stat);
    bool ok = stat.n > 0 && parse_stat(rp_buf_view(&stat), out);
    out->pid = pid;
    rp_buf_free(&stat);
    return ok;
}

static int64_t read_own_peak(void)
{
    struct rp_buf status = {0};
    struct rp_str rest, line, name;
    int64_t kb = 0;
    read_file("/proc/self/status", 16384, &status);
    for (rest = rp_buf_view(&status); rp_str_split(&rest, '\n', &line);)
        if (rp_str_split(&line, ':', &name) && rp_str_is(name, "VmHWM")) {
            line = rp_str_trim(line);
            if (rp_str_split(&line, ' ', &name))
                (void)rp_str_i64(name, &kb);
        }
    rp_buf_free(&status);
    return kb * 1024;
}

/* To read it takes a third of what a whole run of a small command does, so not for each of many. */
int64_t rp_own_peak_bytes(void)
{
    static _Thread_local int64_t peak, seen_kb, until_us;
    struct rusage self;
    (void)getrusage(RUSAGE_SELF, &self);
    int64_t now = rp_mono(&rp_clock_system);
    if (self.ru_maxrss != seen_kb || now >= until_us) {
        peak = read_own_peak();
        seen_kb = self.ru_maxrss;
        until_us = now + RP_US_S / 10;
    }
    return peak;
}

void rp_procs_add(struct rp_procs *procs, const struct rp_proc *p)
{
    if (procs->n == procs->cap) {
        procs->cap = procs->cap > 0 ? procs->cap * 2 : 64;
        procs->v = rp_xrealloc(procs->v, procs->cap * sizeof *procs->v);
    }
    procs->v[procs->n++] = *p;
}

void rp_procs_list(struct rp_procs *out)
{
    *out = (struct rp_procs){0};
    DIR *dir = opendir("/proc");
    struct dirent *e;
    int64_t pid;
    struct rp_proc p;
    while (dir != NULL && (e = readdir(dir)) != NULL)
        if (rp_str_i64(rp_str_of(e->d_name), &pid) && rp_proc_read((pid_t)pid, &p))
            rp_procs_add(out, &p);
    if (dir != NULL)
        (void)closedir(dir);
}

static int by_pid(const void *a, const void *b)
{
    pid_t x = ((const struct rp_proc *)a)->pid, y = ((const struct rp_proc *)b)->pid;
    return (x > y) - (x < y);
}

static size_t find(const struct rp_procs *procs, pid_t pid)
{
    struct rp_proc key = {.pid = pid};
    if (procs->n == 0)
        return SIZE_MAX;
    const struct rp_proc *hit = bsearch(&key, procs->v, procs->n, sizeof key, by_pid);
    return hit != NULL ? (size_t)(hit - procs->v) : SIZE_MAX;
}

bool rp_procs_has(const struct rp_procs *procs, pid_t pid)
{
    return find(procs, pid) != SIZE_MAX;
}

void rp_procs_free(struct rp_procs *procs)
{
    free(procs->v);
    *procs = (struct rp_procs){0};
}

bool rp_proc_marked(pid_t pid, const char *prefix)
{
    char path[32], wanted[RP_MARK_LEN + sizeof MARK_NAME];
    struct rp_buf env = {0};
    struct rp_str rest, one;
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%d/environ", pid);
    (void)snprintf(wanted, sizeof wanted, MARK_NAME "%s", prefix);
    read_file(path, ENVIRON_MAX, &env);
    rest = rp_buf_view(&env);
    while (!found && rp_str_split(&rest, '\0', &one))
        found = rp_str_starts(one, wanted);
    rp_buf_free(&env);
    return found;
}

/* One more generation; false when there was none. Children mostly have higher pids than their
 * parents, so few rounds do. */
static bool add_children(const struct rp_procs *procs, bool *in, pid_t never)
{
    bool added = false;
    for (size_t i = 0; i < procs->n; i++) {
        size_t parent =
            in[i] || procs->v[i].pid == never ? SIZE_MAX : find(procs, procs->v[i].ppid);
        if (parent != SIZE_MAX && in[parent])
            in[i] = added = true;
    }
    return added;
}

void rp_procs_family(struct rp_procs *procs, bool (*seed)(const struct rp_proc *, const void *),
                     const void *ctx, pid_t never)
{
    bool *in = rp_xcalloc(procs->n, sizeof *in);
    size_t n = 0;
    for (size_t i = 0; i < procs->n; i++)
        in[i] = procs->v[i].pid != never && seed(&procs->v[i], ctx);
    while (add_children(procs, in, never))
        ;
    for (size_t i = 0; i < procs->n; i++)
        if (in[i] && procs->v[i].state != 'Z' && procs->v[i].state != 'X')
            procs->v[n++] = procs->v[i];
    procs->n = n;
    free(in);
}

void rp_proc_signal(const struct rp_proc *p, int sig)
{
    struct rp_proc now;
    int fd = pidfd_open(p->pid, 0);
    if (fd < 0)
        return;
    if (rp_proc_read(p->pid, &now) && now.start == p->start)
        (void)pidfd_send_signal(fd, sig, NULL, 0);
    (void)close(fd);
}

void rp_procs_names(const struct rp_procs *procs, char *names, size_t n)
{
    size_t used = strnlen(names, n);
    for (size_t i = 0; i < procs->n && used + 1 < n; i++) {
        int len = snprintf(names + used, n - used, "%s%s (%d)", used > 0 ? ", " : "",
                           procs->v[i].name, procs->v[i].pid);
        used += (size_t)len;
    }
}

static bool inherits_orphans(void)
{
    int on = 0;
    return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &on) == 0 && on != 0);
}

/* The kernel gives orphans to the subreaper's first thread, whereas a child belongs to the thread
 * that started it: what the exec threads own is not in this list. What the main thread started
 * itself has our session. */
int rp_orphans_reap(void)
{
    char path[64];
    struct rp_buf list = {0};
    struct rp_str rest, part;
    int64_t pid;
    struct rp_proc p;
    int n = 0;
    if (!inherits_orphans())
        return 0;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    read_file(path, SIZE_MAX, &list);
    rest = rp_buf_view(&list);
    while (rp_str_split(&rest, ' ', &part))
        if (rp_str_i64(part, &pid) && rp_proc_read((pid_t)pid, &p) && p.state == 'Z' &&
            p.sid != getsid(0))
            n += waitpid(p.pid, NULL, WNOHANG) == p.pid;
    rp_buf_free(&list);
    return n;
}
