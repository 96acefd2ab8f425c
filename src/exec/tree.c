#include "exec/internal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* A tree that forks while it is being stopped gets so many rounds; after each, what was found can
 * no longer fork. */
enum { STOP_ROUNDS = 20, DOUBTS_MAX = 50 };

void rp_mark_prefix(char mark[RP_MARK_LEN], struct rp_str store_id)
{
    (void)snprintf(mark, RP_MARK_LEN, "%016" PRIx64 ".", rp_hash64(store_id));
}

/* Orphans of the tree come to us, the subreaper: of our children, those with its mark or session
 * are its own. Everything else of the tree hangs below one of its processes. */
static bool belongs(const struct rp_proc *p, const void *ctx)
{
    const struct rp_tree *t = ctx;
    if (p->pid == t->main || p->sid == t->main)
        return true;
    return p->ppid == getpid() && p->state != 'Z' && rp_proc_marked(p->pid, t->mark);
}

static void family(const struct rp_tree *t, struct rp_procs *out)
{
    rp_procs_list(out);
    rp_procs_family(out, belongs, t, getpid());
}

void rp_tree_members(const struct rp_tree *t, struct rp_procs *out)
{
    if (t->cgroup >= 0)
        rp_cgroup_members(t->cgroup, out);
    else
        family(t, out);
}

static void signal_all(const struct rp_procs *procs, int sig)
{
    for (size_t i = 0; i < procs->n; i++)
        rp_proc_signal(&procs->v[i], sig);
}

/* What runs as root may have moved itself to another cgroup. */
static bool main_has_left(const struct rp_tree *t, const struct rp_procs *members)
{
    struct rp_proc p;
    for (size_t i = 0; i < members->n; i++)
        if (members->v[i].pid == t->main)
            return false;
    return t->cgroup >= 0 && rp_proc_read(t->main, &p) && p.state != 'Z';
}

void rp_tree_signal(const struct rp_tree *t, int sig)
{
    struct rp_procs members;
    rp_tree_members(t, &members);
    if (main_has_left(t, &members)) {
        signal_all(&members, sig);
        signal_all(&members, SIGCONT);
        rp_procs_free(&members);
        family(t, &members);
    }
    signal_all(&members, sig);
    signal_all(&members, SIGCONT); /* a stopped process would not see it */
    rp_procs_free(&members);
}

/* Stopped first, so that parent links hold until all are known, and nobody forks past us. */
static void hunt(const struct rp_tree *t)
{
    struct rp_procs members, more;
    family(t, &members);
    for (int round = 0; round < STOP_ROUNDS && members.n > 0; round++) {
        signal_all(&members, SIGSTOP);
        family(t, &more);
        bool grown = false;
        for (size_t i = 0; i < more.n; i++)
            grown |= !rp_procs_has(&members, more.v[i].pid);
        rp_procs_free(&members);
        members = more;
        if (!grown)
            break;
    }
    signal_all(&members, SIGKILL);
    rp_procs_free(&members);
}

void rp_tree_kill(struct rp_tree *t)
{
    struct rp_procs members;
    if (t->cgroup < 0) {
        hunt(t);
        return;
    }
    rp_tree_members(t, &members);
    t->left = t->left || main_has_left(t, &members);
    rp_procs_free(&members);
    rp_cgroup_kill(t->cgroup);
    if (t->left)
        hunt(t);
}

static bool cgroup_gone(struct rp_tree *t, struct rp_cgroup_usage *usage)
{
    if (rp_cgroup_populated(t->cgroup))
        return false;
    rp_cgroup_read_usage(t->cgroup, usage);
    return rp_cgroup_remove(t->path);
}

/* The list of /proc is made at once, and read one by one: what forked and died in between was the
 * parent of somebody who is not in the list. It is a dead orphan of ours then. */
static bool in_doubt(struct rp_tree *t)
{
    return t->doubts < DOUBTS_MAX && rp_orphans_reap() > 0 && t->doubts++ >= 0;
}

static bool family_gone(struct rp_tree *t)
{
    struct rp_procs members;
    family(t, &members);
    bool gone = members.n == 0;
    rp_procs_free(&members);
    return gone && !in_doubt(t);
}

bool rp_tree_gone(struct rp_tree *t, struct rp_cgroup_usage *usage)
{
    *usage = (struct rp_cgroup_usage){0};
    if ((t->cgroup < 0 || t->left) && !family_gone(t))
        return false;
    return t->cgroup < 0 || cgroup_gone(t, usage);
}
