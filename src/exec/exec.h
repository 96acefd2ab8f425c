/* Processes: starts commands, captures their output, limits and kills them, and says how they
 * ended.
 *
 * One thread (the exec thread) owns all children of one struct rp_exec: posix_spawn, pidfd and
 * epoll; each attempt is its own session and, where a writable cgroup v2 exists, its own cgroup, so
 * that the whole tree dies (double forks and setsid included). Without cgroup v2 the daemon is a
 * child subreaper (PR_SET_CHILD_SUBREAPER) and hunts down the attempt's descendants by the
 * environment mark REPRISE_ATTEMPT_MARK=<unique> in /proc/PID/environ and the parent links;
 * rp_exec_covers() says which is in force (G16).
 *
 * Nothing here knows jobs, stores or leases. Callbacks run on the exec thread and must not block.
 */
#ifndef RP_EXEC_EXEC_H
#define RP_EXEC_EXEC_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "core/settings.h"

enum rp_covers { RP_COVERS_GROUP, RP_COVERS_SUBREAPER, RP_COVERS_CGROUP };

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
    RP_END_NOT_STARTED,
};
const char *rp_ended_by_words(enum rp_ended_by e); /* "the time limit", "an operator", … */

/* What to run. Copied by rp_exec_start; the caller keeps ownership of everything it points to. */
struct rp_exec_spec {
    struct rp_strs argv;
    struct rp_env *env; /* the whole environment: nothing is inherited */
    size_t n_env;
    struct rp_str cwd, user; /* absent: the daemon's */
    struct rp_str input; /* standard input, then end of file; absent: /dev/null. A child that does
                            not read it is fine. */
    int64_t timeout_us, grace_us;
    int64_t umask;
    struct rp_limits limits;
    int64_t keep_bytes;   /* of head and tail each */
    struct rp_strs watch; /* texts to look for in the whole output, also the part that is dropped:
                             at most 8 (success contract) */
};

/* The kept output: frames in order of arrival. Head, then (if dropped > 0) the tail. Owned by the
 * result. */
struct rp_output {
    struct rp_buf head, tail; /* sequences of frames: 1 byte stream (1 or 2), 8 bytes offset LE
                                 (over both streams), 4 bytes length LE, bytes */
    uint64_t total[3];        /* bytes by stream [1], [2]; [0] their sum */
    uint64_t dropped;         /* bytes between head and tail */
};

/* The death certificate. */
struct rp_exec_result {
    enum rp_ended_by ended_by;
    int exit_code;                     /* -1: ended by a signal or not started */
    int signal;                        /* 0: none */
    int64_t started_us, ended_us;      /* wall clock */
    int64_t duration_us;               /* monotonic */
    int64_t cpu_us, memory_peak_bytes; /* of the tree where cgroup tells, else of the waited-for
                                          processes (rusage) */
    bool oom;
    int survivors_killed; /* descendants that were alive after the main process ended and had to be
                             killed */
    char survivor_names[200]; /* their names with pid, cut to fit */
    struct rp_output output;
    uint64_t watch_hits; /* bit i: watch.v[i] was seen */
    struct rp_err
        err; /* RP_END_NOT_STARTED: why (also maps to exit_code 126, 127 as a shell would) */
};

/* Called once for each started process, also for one that could not be started, when the whole tree
 * is gone. The result is valid during the call; a callee that wants to keep output takes the
 * buffers and zeroes them in the result. */
typedef void rp_exec_done(void *ctx, uint64_t id, struct rp_exec_result *result);

struct rp_exec;

struct rp_exec_options {
    const struct rp_clock *clock;
    struct rp_str cgroup; /* a writable cgroup v2 folder to make children in; absent: find one, or
                             do without */
    rp_exec_done *done;
    void *ctx;
};

struct rp_exec *rp_exec_new(const struct rp_exec_options *o,
                            struct rp_err *err); /* starts the thread */
enum rp_covers rp_exec_covers(const struct rp_exec *x);
/* Any thread; never blocks. Always ends in one call of done (also when the command is missing). */
void rp_exec_start(struct rp_exec *x, uint64_t id, const struct rp_exec_spec *spec);
/* TERM to the whole tree, grace, KILL; `why` goes into the certificate. grace_us < 0: the spec's
 * own. Unknown ids are ignored. */
void rp_exec_kill(struct rp_exec *x, uint64_t id, enum rp_ended_by why, int64_t grace_us);
/* Bytes kept so far of a running process, for `job logs` and G5: copies of head and tail; false if
 * the id is not running. */
bool rp_exec_peek(struct rp_exec *x, uint64_t id, struct rp_output *copy);
size_t rp_exec_running(struct rp_exec *x);
/* All remaining trees get KILL, their done calls happen, the thread ends. */
void rp_exec_free(struct rp_exec *x);

/* Finds and kills what an earlier daemon on this store left behind (G27): processes whose
 * environment has REPRISE_STORE_ID=store_id (and cgroups below ours). Returns how many; names into
 * the buffer. Call before the first start. */
int rp_exec_sweep(struct rp_str store_id, char *names, size_t names_n);

/* Text of the output for people and for the store: frames to plain bytes of stream 0 (both), 1 or
 * 2; the gap is said in a line. */
void rp_output_text(const struct rp_output *o, int stream, struct rp_buf *out);
void rp_output_free(struct rp_output *o);
/* One zstd-compressed block of the frames (head, gap, tail) for the store, and back. */
bool rp_output_pack(const struct rp_output *o, struct rp_buf *out, struct rp_err *err);
bool rp_output_unpack(struct rp_str packed, struct rp_output *out, struct rp_err *err);

/* "SIGKILL", "SIGSEGV"; "signal 65" if it has no name. */
const char *rp_signal_name(int sig);

#endif
