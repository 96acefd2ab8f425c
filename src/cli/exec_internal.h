/* `reprise exec`: a command of another scheduler, with a lock, a time limit, tries and a record.
 *
 *   exec.c         the order of things: lock, spool, register, run, report, try again
 *   exec_child.c   the command in our place: streams, signals, waiting
 *   exec_daemon.c  the API: register, beats, finish; a run as JSON
 *   exec_spool.c   records that wait for a daemon
 *   exec_state.c   the state folder, and the lock on this machine
 *
 * Nothing that goes wrong around the command stops it, but for a lock that is held and
 * --require-daemon. The main thread waits; the exec thread, one thread for each output stream and
 * one for beats serve it. */
#ifndef RP_CLI_EXEC_INTERNAL_H
#define RP_CLI_EXEC_INTERNAL_H

#include "cli/internal.h"

#include "exec/exec.h"
#include "store/jobs.h"

/* ---- exec_state.c ---- */

/* A folder of ours below the state folder ($REPRISE_STATE; /var/lib/reprise for root; else
 * $XDG_STATE_HOME/reprise or ~/.local/state/reprise), made 0700 when missing. A descriptor, or -1:
 * it cannot be made, or others may write there. */
int state_folder(const char *name, struct rp_err *err);
/* Takes the lock of that name on this machine, or fails at once with RP_E_LOCK_HELD, which says who
 * has it since when. It is held as long as any process has the descriptor open. */
int state_lock(struct rp_str name, int64_t now_us, struct rp_err *err);

/* ---- exec_spool.c ---- */

enum { SPOOL_FILES = 10000, SPOOL_ID_LEN = 52 };
#define SPOOL_BYTES (INT64_C(256) << 20)

/* Unique for ever: the time, then 128 random bits. */
char *spool_id(int64_t now_us, char id[SPOOL_ID_LEN]);
/* Writes one record into the folder: all of it, or nothing, whatever happens. Its place is after
 * all that are there. RP_E_STORE_FULL: the bounds above, or the disk. */
bool spool_put(int folder, const char *id, int64_t now_us, struct rp_str record,
               struct rp_err *err);
bool spool_empty(int folder);

struct delivery {
    /* One request with {"records": [...]}. A false that is the records' own fault (refused by the
     * daemon for what is in them) sets those aside; any other ends the delivery. */
    bool (*send)(void *ctx, const struct rp_buf *body, struct rp_err *err);
    void (*aside)(void *ctx, const char *name, const char *why); /* may be NULL */
    void *ctx;
    int64_t most;     /* records; 0: all */
    int64_t until_us; /* monotonic, when no further request begins; 0: never */
};
/* Oldest first; a record is removed when its request was answered. Crashed in between, it is sent
 * again, and the daemon knows its spool_id (G9). A file that cannot be read, or that the daemon
 * refuses, is moved to the folder `aside`. One process at a time delivers; for the others this is
 * true at once. */
bool spool_deliver(int folder, const struct delivery *d, int64_t *delivered, struct rp_err *err);

/* ---- exec_child.c ---- */

struct child;

/* Takes over the signals of the whole process; standard input, output and error must be open. */
struct child *child_new(struct rp_err *err);
/* One attempt; returns when its tree is gone. TERM, INT, HUP, QUIT, USR1, USR2 go to its process
 * group meanwhile. The output of the result is the caller's. */
void child_run(struct child *c, struct rp_exec_spec *spec, struct rp_exec_result *out);
/* Any thread, while child_run: TERM to the tree, grace, KILL. */
void child_stop(struct child *c, enum rp_ended_by why);
int child_told_to_end(const struct child *c);  /* TERM, INT, HUP or QUIT came: which; 0: none */
void child_sleep(struct child *c, int64_t us); /* shorter when told to end */
/* Waits until the readers of our output have all of it; once we were told to end or `hurry`, at
 * most so long. False: some was left. */
bool child_drain(struct child *c, bool hurry, int64_t most_us);
void child_free(struct child *c);

/* ---- exec_daemon.c ---- */

struct exec { /* the command line */
    struct cli *cli;
    struct rp_str type, key, lock; /* absent: not given */
    int64_t timeout_us, grace_us, retries;
    int lock_exit, lock_fd; /* lock_fd 0: none */
    bool require_daemon;
    bool daemon; /* it answered when it was last asked */
    struct child *child;
    struct rp_str worker;
    char series[SPOOL_ID_LEN]; /* names the tries of one command line, when there may be several */
};

struct exec_lease {
    int64_t id, job, attempt, fence; /* id 0: there is none; fence 0: no lock */
    struct rp_str token, key;
    int64_t period_us; /* of beats */
};

/* Asks for a lease, and the lock. RP_E_LOCK_HELD says who has it. */
bool daemon_register(struct exec *e, struct exec_lease *out, struct rp_err *err);

struct beats;
struct beats *beats_start(struct exec *e, const struct exec_lease *lease);
void beats_stop(struct beats *b); /* NULL: nothing */

/* A try that is over. */
struct exec_ended {
    const struct exec_lease *lease;
    const struct rp_report *report;
    struct rp_str output; /* packed; absent: none */
    bool oom;
    int64_t n; /* the try's number */
};
bool daemon_finish(struct exec *e, const struct exec_ended *r, struct rp_err *err);
/* The same as a record for the spool. */
void record_write(const struct exec *e, const struct exec_ended *r, const char *id,
                  bool with_output, struct rp_buf *out);
/* spool_deliver to the daemon; a request takes at most so long. Sets e->daemon. */
bool daemon_deliver(struct exec *e, int folder, int64_t most, int64_t budget_us, int64_t request_us,
                    int64_t *delivered, struct rp_err *err);

/* ---- exec.c ---- */

int exec_run(struct cli *cli);
/* One line on standard error, unless --quiet. */
void exec_say(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
