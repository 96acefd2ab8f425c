#include "exec/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 10000, STEP_MS = 5 };

struct sweep {
    char mark[RP_MARK_LEN];
    struct rp_procs ours; /* this process and its ancestors: never killed, even when one of them is
                             a job of this store */
    struct rp_procs found;
};

static int by_pid(const void *a, const void *b)
{
    pid_t x = ((const struct rp_proc *)a)->pid, y = ((const struct rp_proc *)b)->pid;
    return (x > y) - (x < y);
}

static void find_ours(struct sweep *s)
{
    struct rp_proc p;
    for (pid_t pid = getpid(); pid > 0 && rp_proc_read(pid, &p); pid = p.ppid)
        rp_procs_add(&s->ours, &p);
    qsort(s->ours.v, s->ours.n, sizeof *s->ours.v, by_pid);
}

static bool marked(const struct rp_proc *p, const void *ctx)
{
    const struct sweep *s = ctx;
    return !rp_procs_has(&s->ours, p->pid) && rp_proc_marked(p->pid, s->mark);
}

static void found(struct sweep *s, const struct rp_proc *p)
{
    for (size_t i = 0; i < s->found.n; i++)
        if (s->found.v[i].pid == p->pid && s->found.v[i].start == p->start)
            return;
    rp_procs_add(&s->found, p);
}

static void kill_folder(void *ctx, int fd, const char *path)
{
    struct rp_procs members;
    (void)path;
    rp_cgroup_members(fd, &members);
    for (size_t i = 0; i < members.n; i++)
        found(ctx, &members.v[i]);
    rp_procs_free(&members);
    rp_cgroup_kill(fd);
}

static void remove_folder(void *ctx, int fd, const char *path)
{
    (void)ctx, (void)fd;
    (void)rp_cgroup_remove(path);
}

/* Stops, then kills, all that carry the mark and what descends from them; false if there were none.
 */
static bool kill_marked(struct sweep *s)
{
    struct rp_procs procs;
    rp_procs_list(&procs);
    rp_procs_family(&procs, marked, s, getpid());
    for (size_t i = 0; i < procs.n; i++)
        rp_proc_signal(&procs.v[i], SIGSTOP);
    for (size_t i = 0; i < procs.n; i++) {
        found(s, &procs.v[i]);
        rp_proc_signal(&procs.v[i], SIGKILL);
    }
    bool any = procs.n > 0;
    rp_procs_free(&procs);
    return any;
}

static bool all_dead(const struct rp_procs *procs)
{
    struct rp_proc now;
    for (size_t i = 0; i < procs->n; i++)
        if (rp_proc_read(procs->v[i].pid, &now) && now.start == procs->v[i].start &&
            now.state != 'Z')
            return false;
    return true;
}

int rp_exec_sweep(const struct rp_exec_options *o, char *names, size_t names_n)
{
    struct sweep s = {0};
    const struct timespec step = {.tv_nsec = STEP_MS * INT64_C(1000000)};
    if (names_n > 0)
        names[0] = '\0';
    if (o->store_id.p == NULL)
        return 0;
    rp_mark_prefix(s.mark, o->store_id);
    find_ours(&s);
    rp_cgroup_left(o->cgroup, o->store_id, kill_folder, &s);
    /* Twice nobody: one that forks and ends while the list is read is in neither. */
    for (int ms = 0, quiet = 0; ms < WAIT_MS && quiet < 2; ms += STEP_MS) {
        quiet = kill_marked(&s) || !all_dead(&s.found) ? 0 : quiet + 1;
        if (quiet < 2)
            (void)nanosleep(&step, NULL);
    }
    rp_cgroup_left(o->cgroup, o->store_id, remove_folder, &s);
    rp_procs_names(&s.found, names, names_n);
    int n = (int)s.found.n;
    rp_procs_free(&s.found);
    rp_procs_free(&s.ours);
    return n;
}
