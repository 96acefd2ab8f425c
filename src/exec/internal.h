/* What the files of exec/ share. Top to bottom: captured output, /proc, cgroups, the tree of an
 * attempt, starting a child. */
#ifndef RP_EXEC_INTERNAL_H
#define RP_EXEC_INTERNAL_H

#include "exec/exec.h"

#include <sys/types.h>

/* ---- frames and capture (output.c, capture.c) ---- */

enum { RP_FRAME_HEADER = 13 };

struct rp_frame {
    int stream;
    uint64_t offset;
    struct rp_str bytes;
};

void rp_put_le(void *p, uint64_t v, int bytes);
uint64_t rp_get_le(const void *p, int bytes);
/* Takes one frame off the front of *rest; false at the end and where none begins. */
bool rp_frame_next(struct rp_str *rest, struct rp_frame *f);

/* A sequence of frames that grows at the end and is dropped at the front. */
struct rp_frames {
    struct rp_buf buf;
    size_t at;    /* where the first live frame begins */
    size_t last;  /* where the last one begins */
    size_t data;  /* bytes without headers */
    size_t count; /* frames */
};

struct rp_watch {
    struct rp_strs texts;
    size_t longest;
    struct rp_buf carry[3]; /* the last longest-1 bytes by stream */
    uint64_t hits;
};

/* Not shared between threads without the owner's lock. */
struct rp_capture {
    size_t keep, max_frames;
    bool head_full;
    struct rp_frames head, tail;
    uint64_t total[3], dropped;
    struct rp_watch watch;
};

void rp_capture_init(struct rp_capture *c, int64_t keep_bytes, struct rp_strs watch);
void rp_capture_add(struct rp_capture *c, int stream, const char *p, size_t n);
void rp_capture_copy(const struct rp_capture *c, struct rp_output *out);
void rp_capture_free(struct rp_capture *c);

/* ---- /proc (proc.c) ---- */

struct rp_proc {
    pid_t pid, ppid, sid;
    char state;
    uint64_t start;    /* ticks since boot: with the pid, the identity of a process */
    int64_t cpu_ticks; /* its own, without children */
    char name[32];
};

struct rp_procs {
    struct rp_proc *v;
    size_t n, cap;
};

bool rp_proc_read(pid_t pid, struct rp_proc *out); /* false: no such process */
/* The most memory that this process has had since it began to be this program. (ru_maxrss of
 * getrusage also knows what it was before: a large supervisor that forked.) Up to .1 s old; 0: not
 * known. */
int64_t rp_own_peak_bytes(void);
void rp_procs_list(struct rp_procs *out); /* all, ascending by pid */
void rp_procs_add(struct rp_procs *procs, const struct rp_proc *p);
bool rp_procs_has(const struct rp_procs *procs, pid_t pid); /* of an ascending list */
void rp_procs_free(struct rp_procs *procs);
/* Its environment has REPRISE_ATTEMPT_MARK with a value that starts with `prefix`. */
bool rp_proc_marked(pid_t pid, const char *prefix);
/* Reduces *procs to `seeds` flagged by the caller's function and all their descendants; `never` is
 * not taken. Zombies are left out. */
void rp_procs_family(struct rp_procs *procs, bool (*seed)(const struct rp_proc *, const void *),
                     const void *ctx, pid_t never);
/* Sends sig unless the pid belongs to another process by now. */
void rp_proc_signal(const struct rp_proc *p, int sig);
void rp_procs_names(const struct rp_procs *procs, char *names, size_t n);
/* Waits for the zombies that this process inherited as subreaper or pid 1; how many there were. */
int rp_orphans_reap(void);

/* ---- cgroups (cgroup.c) ---- */

enum { RP_CGROUP_PATH = 512 };

/* The folder of one struct rp_exec; a folder below it for each attempt. path "": no cgroups. */
struct rp_cgroup_home {
    char path[RP_CGROUP_PATH];
    unsigned controls;
};

struct rp_cgroup_usage {
    int64_t cpu_us, memory_peak_bytes; /* 0: not known */
    uint64_t oom_kills;
};

/* False: there is none to be had. `wanted` as in rp_exec_options. */
bool rp_cgroup_home_open(struct rp_cgroup_home *home, const struct rp_exec_options *o,
                         struct rp_err *err);
void rp_cgroup_home_close(struct rp_cgroup_home *home);
/* Makes the folder `name` with the limits; returns its descriptor or -1. */
int rp_cgroup_make(const struct rp_cgroup_home *home, const char *name,
                   const struct rp_limits *limits, struct rp_err *err);
bool rp_cgroup_populated(int fd);
void rp_cgroup_kill(int fd); /* the kernel kills all in it and below at once */
void rp_cgroup_members(int fd, struct rp_procs *out);
void rp_cgroup_read_usage(int fd, struct rp_cgroup_usage *out);
/* Removes the empty folder and empty ones below; false while something lives in it. */
bool rp_cgroup_remove(const char *path);
/* Calls fn with the descriptor and path of each folder that other daemons with this store id have
 * left. */
void rp_cgroup_left(struct rp_str wanted, struct rp_str store_id,
                    void (*fn)(void *, int fd, const char *path), void *ctx);

/* ---- the tree of an attempt (tree.c) ---- */

enum { RP_MARK_LEN = 64 };

struct rp_tree {
    pid_t main; /* not waited for before the tree is gone: its number stays reserved */
    int cgroup; /* descriptor, -1: none */
    char path[RP_CGROUP_PATH + 32];
    char mark[RP_MARK_LEN];
    bool left;  /* the main process had left the cgroup: its family is looked for as without one */
    int doubts; /* how often it seemed to be gone, and might have forked meanwhile */
};

void rp_mark_prefix(char mark[RP_MARK_LEN], struct rp_str store_id);
void rp_tree_members(const struct rp_tree *t,
                     struct rp_procs *out); /* living ones, with the main process */
void rp_tree_signal(const struct rp_tree *t, int sig);
void rp_tree_kill(struct rp_tree *t);
/* Nothing but the main process's zombie is left. With a cgroup: it is removed, its usage having
 * been read. */
bool rp_tree_gone(struct rp_tree *t, struct rp_cgroup_usage *usage);

/* ---- starting a child (spawn.c, child.c, clone.c) ---- */

enum rp_child_step {
    RP_STEP_NONE,
    RP_STEP_SESSION,
    RP_STEP_CGROUP,
    RP_STEP_FILES,
    RP_STEP_LIMITS,
    RP_STEP_USER,
    RP_STEP_CWD,
    RP_STEP_EXEC,
};

struct rp_child_limit {
    int resource;
    uint64_t soft, hard;
};

/* Everything the child needs, made ready by the parent: the child only makes system calls. */
struct rp_child_plan {
    const char **paths; /* candidates for the program, in order, NULL at the end */
    char **argv, **env;
    const char *cwd;  /* NULL: stay */
    int files[3];     /* all > 2 */
    int cgroup_procs; /* to enter the cgroup by itself; -1: it is born there, or there is none */
    mode_t umask;
    struct rp_child_limit limits[8];
    size_t n_limits;
    bool attached; /* see struct rp_exec_attach */
    uint64_t ignored;
    int keep_fd; /* 0: none */
    bool change_user;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t n_groups;
    enum rp_child_step failed; /* written by the child, in shared memory */
    int failed_errno;
};

int rp_child_main(void *plan); /* returns only on failure */

/* Starts fn(arg) as a new process that shares our memory until it execs or exits; the calling
 * thread is suspended until then. cgroup: descriptor of the folder it is born in, -1: ours. Errors
 * as clone3(2): -1 and errno. */
pid_t rp_clone(int (*fn)(void *), void *arg, int cgroup, int *pidfd);
/* The same where clone3 is missing, or forbidden by an old container's filter (ENOSYS, EPERM); it
 * is born in our cgroup. */
pid_t rp_clone_plain(int (*fn)(void *), void *arg, int *pidfd);

struct rp_child {
    pid_t pid;
    int pidfd;
    int out[3];              /* read ends of [1] and [2], non-blocking */
    int64_t rss_floor_bytes; /* a rusage peak not above this is our own, inherited over exec */
};

/* shell_code: what a shell would exit with when it fails (126, 127, -1). */
bool rp_spawn(const struct rp_exec_spec *spec, const struct rp_tree *tree, unsigned controls,
              struct rp_child *out, int *shell_code, struct rp_err *err);

/* ---- one attempt to start (plan.c, spawn.c) ---- */

enum { RP_NO_CODE = -1, RP_NOT_RUNNABLE = 126, RP_NOT_FOUND = 127 };

/* What the parent holds for it is let go when rp_spawn returns. */
struct rp_spawn {
    const struct rp_exec_spec *spec;
    const struct rp_tree *tree;
    unsigned controls;
    struct rp_arena arena;
    struct rp_child_plan plan;
    int fds[6]; /* child's 0, 1, 2; cgroup.procs; our ends of 1, 2 */
    int code;   /* what a shell would exit with */
    struct rp_err *err;
};

/* Everything of the plan but its files. */
bool rp_spawn_plan(struct rp_spawn *s);
bool rp_spawn_refused(struct rp_spawn *s, const char *why, struct rp_str what, const char *hint);

/* ---- a run: from its start to its certificate (run.c) ---- */

enum rp_phase {
    RP_PHASE_LIVE,
    RP_PHASE_TERM,   /* TERM was sent; KILL at the deadline */
    RP_PHASE_LINGER, /* the main process has ended by itself; the rest gets KILL then */
    RP_PHASE_KILL,   /* KILL was sent */
};

struct rp_source { /* what epoll watches; stream 0 is the process */
    struct rp_run *run;
    int stream;
};

/* Of the exec thread; `capture` and `next` also of others, under the lock of struct rp_exec. */
struct rp_run {
    struct rp_run *next;
    uint64_t id;
    struct rp_arena arena;
    struct rp_exec_spec spec;
    const struct rp_clock *clock;
    struct rp_child child;
    struct rp_tree tree;
    struct rp_capture capture;
    struct rp_source sources[3];
    enum rp_phase phase;
    bool main_ended;
    bool paused[3]; /* by stream: out of the epoll set, because its reader has enough */
    bool killed;    /* by us, before it had ended: for `why` */
    enum rp_ended_by why;
    int64_t started_us, timeout_us, deadline_us, poll_us, gap_us; /* monotonic */
    struct rp_cgroup_usage usage;
    struct rp_exec_result result;
};

struct rp_run *rp_run_new(uint64_t id, const struct rp_exec_spec *spec,
                          const struct rp_clock *clock);
/* False: the result says why. */
bool rp_run_begin(struct rp_run *r, const struct rp_cgroup_home *home, const char *mark,
                  uint64_t seq);
void rp_run_not_started(struct rp_run *r, enum rp_code code, const char *message, const char *hint);
void rp_run_kill(struct rp_run *r, enum rp_ended_by why, int64_t grace_us);
void rp_run_main_ended(struct rp_run *r);
/* Does what is due; true when the tree is gone and the result (but for the output) is there. */
bool rp_run_step(struct rp_run *r);
int64_t
rp_run_next_us(const struct rp_run *r); /* when a step is due; INT64_MAX: when something happens */
void rp_run_free(struct rp_run *r);

#endif
