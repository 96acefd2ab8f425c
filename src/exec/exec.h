/* Processes: starts commands, captures their output, limits and kills them, and says how they
 * ended.
 *
 * One thread (the exec thread) owns all children of one struct rp_exec: clone3, pidfd and epoll;
 * each attempt is its own session and, where a writable cgroup v2 exists, its own cgroup, so that
 * the whole tree dies (double forks and setsid included). Without cgroup v2 the daemon becomes a
 * child subreaper (PR_SET_CHILD_SUBREAPER) and hunts down the attempt's descendants by parent
 * links, session, and the environment mark REPRISE_ATTEMPT_MARK, which exec adds to every
 * environment. What can then escape is a process that clears its environment, leaves its session
 * and outlives its parent; rp_exec_covers() says which way is in force (G16).
 *
 * Several struct rp_exec may live in one process. The rest of the program must neither wait for any
 * child (waitpid(-1)) nor ignore SIGCHLD; zombies that the subreaper inherits are waited for here:
 * they are told from children that the program starts itself by their session, so a program that
 * starts setsid children of its own from its main thread must do so through this header.
 *
 * Nothing here knows jobs, stores or leases. Callbacks run on the exec thread and must not block.
 */
#ifndef RP_EXEC_EXEC_H
#define RP_EXEC_EXEC_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "core/settings.h"

enum rp_covers { RP_COVERS_SUBREAPER, RP_COVERS_CGROUP };

/* Who ended it (U24). The kernel's facts beat the message. */
enum rp_ended_by {
    RP_END_ITSELF,   /* exit, any code */
    RP_END_CRASH,    /* a signal of its own making: SEGV, ABRT, BUS, FPE, ILL, SYS, TRAP */
    RP_END_SIGNAL,   /* a signal that Reprise did not send */
    RP_END_TIMEOUT,  /* the type's time limit */
    RP_END_MEMORY,   /* the cgroup's memory limit (oom_kill counter) */
    RP_END_CPU,      /* RLIMIT_CPU (SIGXCPU, or SIGKILL at the hard limit) */
    RP_END_OPERATOR, /* cancel, overlap: replace */
    RP_END_STOP,     /* graceful or forced stop of the daemon */
    RP_END_LOCK,     /* another holds its lock: the lease ran out (G15) */
    RP_END_NOT_STARTED,
};
const char *rp_ended_by_words(enum rp_ended_by e); /* "the time limit", "an operator", … */

enum { RP_WATCH_MAX = 8, RP_KEEP_MAX_BYTES = 8 << 20 };

/* Output as it comes, on the exec thread, in order for each stream. The callee takes all of it and
 * must not block: it answers false when it has enough for now, and nothing is read from this stream
 * until rp_exec_go_on (what is left when the tree has ended, up to 1 MB, comes all the same). */
typedef bool rp_exec_output(void *ctx, int stream, const char *p, size_t n);

/* A command that stands in the place of this program (`reprise exec`): it reads our standard input,
 * may gain privileges (sudo, ping), and ignores what we were told to ignore (nohup). */
struct rp_exec_attach {
    rp_exec_output *output; /* NULL: not attached */
    void *ctx;
    uint64_t ignored; /* bit n-1: signal n */
    int keep_fd;      /* stays open in the command, so that a lock on it lives as long; 0: none */
};

/* What to run. Copied by rp_exec_start; the caller keeps ownership of everything it points to. */
struct rp_exec_spec {
    struct rp_strs argv; /* a program without '/' is looked for on the PATH of env */
    /* The whole environment: nothing is inherited. Exec adds REPRISE_ATTEMPT_MARK. */
    struct rp_env *env;
    size_t n_env;
    struct rp_str cwd, user; /* absent: the daemon's */
    struct rp_str input;     /* standard input, a sealed file in memory; absent: /dev/null */
    int64_t timeout_us;      /* 0: none */
    int64_t grace_us;        /* TERM to KILL */
    int64_t umask;           /* < 0: 077 */
    /* Without a memory controller, memory is limited for each process by itself (RLIMIT_DATA). */
    struct rp_limits limits;
    int64_t open_files_soft; /* where limits say nothing: our own may have been raised; 0: ours */
    int64_t keep_bytes;      /* of head and tail each, at most RP_KEEP_MAX_BYTES */
    /* Success contract: texts to look for in either stream, also in the part that is dropped; the
     * first RP_WATCH_MAX. */
    struct rp_strs watch;
    struct rp_exec_attach attach; /* not copied: what it points to must live until done */
};

/* The kept output: frames in the order in which they were read, head, then (if dropped > 0, after a
 * gap) the tail. What two streams got between two reads cannot be put in order. Owned by the
 * result. */
struct rp_output {
    /* Frames: 1 byte stream (1, 2), 8 bytes offset LE (over both), 4 bytes length LE, bytes. */
    struct rp_buf head, tail;
    uint64_t total[3]; /* bytes by stream [1], [2]; [0] their sum */
    uint64_t dropped;  /* bytes between head and tail */
};

/* The death certificate. */
struct rp_exec_result {
    enum rp_ended_by ended_by;
    int exit_code;                /* -1: ended by a signal or not started */
    int signal;                   /* 0: none */
    int64_t started_us, ended_us; /* wall clock */
    int64_t duration_us;          /* monotonic */
    /* Of the tree where cgroup tells, else of the waited-for processes (rusage). A peak below the
     * daemon's own is not known then, because it is inherited over exec: 0. */
    int64_t cpu_us, memory_peak_bytes;
    bool oom; /* the cgroup's memory limit killed something */
    /* Descendants that outlived the main process (200 ms, or the grace) and had to be killed. */
    int survivors_killed;
    char survivor_names[200]; /* "sleep (4711), node (4712)", cut to fit */
    struct rp_output output;
    uint64_t watch_hits; /* bit i: watch.v[i] was seen */
    /* RP_END_NOT_STARTED: why. The exit code is then 127 (no such command), 126 (it cannot be run
     * so), or -1 (the machine lacks something: another time it may work). */
    struct rp_err err;
};

/* Called once for each started process, also for one that could not be started, when the whole tree
 * is gone. The result is valid during the call; a callee that wants to keep output takes the
 * buffers and zeroes them in the result. */
typedef void rp_exec_done(void *ctx, uint64_t id, struct rp_exec_result *result);

struct rp_exec;

struct rp_exec_options {
    const struct rp_clock *clock; /* NULL: the system's */
    struct rp_str cgroup;   /* a cgroup v2 folder to make others in, or "none"; absent: find one */
    struct rp_str store_id; /* marks what is started for rp_exec_sweep; absent: nothing to sweep */
    bool no_limits; /* no spec has any: a cgroup is a folder only, nobody's controllers change */
    rp_exec_done *done;
    void *ctx;
};

/* Starts the thread. Fails where the cgroup was named and cannot be used. */
struct rp_exec *rp_exec_new(const struct rp_exec_options *o, struct rp_err *err);
enum rp_covers rp_exec_covers(const struct rp_exec *x);
/* Which limits the cgroup enforces for whole trees. Without pids, `processes` is RLIMIT_NPROC,
 * which counts all of a user's, and is set only for a job with a user; without cpu, `cpus` is not
 * enforced. */
enum { RP_CONTROL_MEMORY = 1, RP_CONTROL_PIDS = 2, RP_CONTROL_CPU = 4 };
unsigned rp_exec_controls(const struct rp_exec *x);
/* Any thread; never blocks. Always ends in one call of done (also when the command is missing). The
 * id is the caller's, unique among what runs. */
void rp_exec_start(struct rp_exec *x, uint64_t id, const struct rp_exec_spec *spec);
/* TERM to the whole tree, grace, KILL (grace 0: KILL at once); the first `why` goes into the
 * certificate, a shorter grace counts. grace_us < 0: the spec's own. Unknown ids and processes that
 * have ended are ignored. */
void rp_exec_kill(struct rp_exec *x, uint64_t id, enum rp_ended_by why, int64_t grace_us);
/* Of an attached run: a signal to the process group of the command; reading a stream again; no more
 * reading, so that the next write to it gets SIGPIPE. As rp_exec_kill: any thread, unknown ids are
 * ignored. */
void rp_exec_signal(struct rp_exec *x, uint64_t id, int sig);
void rp_exec_go_on(struct rp_exec *x, uint64_t id, int stream);
void rp_exec_hang_up(struct rp_exec *x, uint64_t id, int stream);
/* Bytes kept so far of a running process, for `job logs` and G5: copies of head and tail; false if
 * the id is not running. */
bool rp_exec_peek(struct rp_exec *x, uint64_t id, struct rp_output *copy);
/* How much it has written so far: whether a copy is worth its while. 0 if it is not running. */
uint64_t rp_exec_written(struct rp_exec *x, uint64_t id);
size_t rp_exec_running(struct rp_exec *x); /* started and not done yet */
/* All remaining trees get KILL, their done calls happen (RP_END_STOP), the thread ends. Not from a
 * callback. */
void rp_exec_free(struct rp_exec *x);

/* Finds and kills what an earlier daemon on this store left behind (G27): cgroups and environment
 * marks made with the same options' store_id, and their descendants. Waits (at most 10 s) until
 * they are gone. Returns how many; names into the buffer. Call before rp_exec_new. */
int rp_exec_sweep(const struct rp_exec_options *o, char *names, size_t names_n);

/* Text of the output for people and for the store: frames to plain bytes of stream 0 (both), 1 or
 * 2; the gap is said in a line. */
void rp_output_text(const struct rp_output *o, int stream, struct rp_buf *out);
void rp_output_free(struct rp_output *o);
/* One zstd-compressed block of the frames (head, gap, tail) for the store, and back. Unpacking
 * trusts nothing: RP_E_STORE_CORRUPT. */
bool rp_output_pack(const struct rp_output *o, struct rp_buf *out, struct rp_err *err);
bool rp_output_unpack(struct rp_str packed, struct rp_output *out, struct rp_err *err);
/* How many bytes it says that it unpacks to; 0: none that rp_output_unpack would take. */
size_t rp_output_size(struct rp_str packed);

/* "SIGKILL", "SIGSEGV"; "signal 65" if it has no name (until the thread asks for another such). */
const char *rp_signal_name(int sig);

#endif
