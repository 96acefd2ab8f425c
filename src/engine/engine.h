/* The engine: one writer thread with group commit, one engine thread that fires schedules, promotes
 * due jobs, ends lost leases, claims command jobs and hands them to exec, and a pool of reader
 * threads with snapshots.
 *
 * Threads (DESIGN: «Threads and flow»):
 *   writer   takes all ops that wait (bounded), runs each in a savepoint, commits once, then calls
 * each op's done. The only one that writes. engine   sleeps until something is due or changed;
 * everything it decides it writes through one op, the tick. readers  run queries on their own
 * snapshot connection; faces hand them work and are called back. exec     exec/exec.h; its results
 * become report ops.
 *
 * Locks: the writer's queue and the running commands are leaf locks, never held while calling out.
 * Listeners are called under their own lock, which is what makes unlisten final: they may not
 * listen or unlisten, and may take locks of their own. */
#ifndef RP_ENGINE_ENGINE_H
#define RP_ENGINE_ENGINE_H

#include "base/time.h"
#include "exec/exec.h"
#include "store/changes.h"
#include "store/jobs.h"
#include "store/store.h"
#include "store/wal.h"

struct rp_engine;

/* ---- ops: how anything is written ---- */

/* The caller owns the op and what arg points to until done is called; done runs on the writer
 * thread after the commit (or its failure) and must not block; it may free the op. ok and err say
 * how it went: run's own error (its savepoint was rolled back, its neighbours are untouched), or
 * the commit's. */
struct rp_op {
    bool (*run)(struct rp_db *db, void *arg, struct rp_err *err);
    /* NULL, or does the same for ops that wait one after another and all have this: with fewer
     * statements and one savepoint. When it fails, what it did is rolled back and each op is run by
     * itself: it may be called for the same op again. */
    bool (*run_all)(struct rp_db *db, struct rp_op *const *ops, size_t n, struct rp_err *err);
    void *arg;
    void (*done)(struct rp_op *op);
    /* Set by run: there is more to write than one transaction should hold (G19). Once this one is
     * committed, run is called again in a later one; done is called after the last. */
    bool again;
    bool heavy; /* set by the caller: takes long, so those that do not go first */
    bool ok;
    struct rp_err err;
    struct rp_op *next; /* the writer's */
};
/* Any thread. False (err: RP_E_OVERLOAD, RP_E_STOPPING) when the queue is full or closing: done is
 * not called then. */
bool rp_engine_submit(struct rp_engine *e, struct rp_op *op, struct rp_err *err);
/* The same, waiting for the commit: for threads that may wait (never API threads, never the
 * writer). */
bool rp_engine_write(struct rp_engine *e, bool (*run)(struct rp_db *, void *, struct rp_err *),
                     void *arg, struct rp_err *err);
/* The same for what takes long: those that do not go first. */
bool rp_engine_write_heavy(struct rp_engine *e,
                           bool (*run)(struct rp_db *, void *, struct rp_err *), void *arg,
                           struct rp_err *err);

/* ---- reads ---- */

struct rp_read {
    void (*run)(
        struct rp_db *db,
        void *arg); /* on a reader thread, inside a snapshot; ends by telling its asker itself */
    void *arg;
    struct rp_read *next;
};
bool rp_engine_read(struct rp_engine *e, struct rp_read *r, struct rp_err *err);
/* For what may take seconds on a large store, such as counts over its history: one after another,
 * on a thread of their own, so that lists do not wait for them (G20). */
bool rp_engine_read_slow(struct rp_engine *e, struct rp_read *r, struct rp_err *err);
/* For what reads the whole store: the same, with a thread of its own and no limit of time. */
bool rp_engine_read_whole(struct rp_engine *e, struct rp_read *r, struct rp_err *err);
/* For what may take minutes, such as the plan of a million jobs: one after another, on a thread of
 * their own, which may also wait for the writer. */
bool rp_engine_read_long(struct rp_engine *e, struct rp_read *r, struct rp_err *err);

/* ---- listeners: who wants to hear what commits changed (RP_CHANGED_* bits), called on the writer
 * thread, must not block ---- */

struct rp_listener {
    void (*changed)(void *ctx, unsigned bits);
    /* NULL, or: before the commit of a transaction in which a replay went on. An op that waits for
     * what changed and is now run in it, so that it needs no commit of its own; NULL: none. */
    struct rp_op *(*joins)(void *ctx, unsigned bits);
    void *ctx;
    struct rp_listener *next; /* the engine's */
};
void rp_engine_listen(struct rp_engine *e, struct rp_listener *l);
void rp_engine_unlisten(struct rp_engine *e,
                        struct rp_listener *l); /* not called any more once this returns */

/* ---- what the parts above lend to the engine ---- */

struct rp_engine_hooks {
    /* Fills template, hash, class, group, action, rule of a failed report from its facts
     * (analyze/). Strings into the arena. */
    void (*explain)(void *ctx, struct rp_arena *a, const struct rp_exec_result *x,
                    struct rp_report *r);
    /* Once, in the transaction of the start, or NULL. */
    bool (*begin)(void *ctx, struct rp_db *db, int64_t now_us, struct rp_err *err);
    /* Runs inside every tick's transaction, and in each in which jobs of a replay ended (replay/
     * moves its waves here). Lowers *next_us to when it wants to run again. */
    bool (*tick)(void *ctx, struct rp_db *db, int64_t now_us, int64_t *next_us, struct rp_err *err);
    void *ctx, *explain_ctx;
};

struct rp_engine_options {
    struct rp_store *store;
    const struct rp_config *config; /* applied at start */
    const struct rp_clock *clock;
    struct rp_engine_hooks hooks;
    int readers;          /* default 2 */
    size_t queue_max;     /* ops waiting, default 20,000 */
    struct rp_str cgroup; /* for exec, see exec.h */
    int64_t open_files;   /* soft limit of jobs that have none of their own; 0: the daemon's */
};

/* Ends left-overs of an earlier process of this node (rp_exec_sweep), applies the configuration,
 * records the downtime, starts the threads. */
struct rp_engine *rp_engine_start(const struct rp_engine_options *o, struct rp_err *err);
/* A new configuration, all or nothing; `config` must live until rp_engine_free. */
bool rp_engine_reload(struct rp_engine *e, const struct rp_config *config, int64_t *held_jobs,
                      struct rp_err *err);
const struct rp_config *rp_engine_config(struct rp_engine *e); /* the newest; any thread */
/* [w] Inside an op, on the writer: settings of a type (`ask`: type, actor, reason, revert_us, keys
 * and values after) hold from its commit on, until they are taken back; the configuration, the
 * record and its audit are one transaction. RP_E_BAD_FIELD as for the file. */
bool rp_engine_type_set(struct rp_engine *e, struct rp_db *db, const struct rp_change *ask,
                        int64_t now_us, int64_t *id, struct rp_err *err);
bool rp_engine_change_revert(struct rp_engine *e, struct rp_db *db, int64_t id, struct rp_str actor,
                             struct rp_str why, int64_t now_us, struct rp_err *err);
/* No new claims from now on; running commands get TERM and min(their grace, shutdown_grace), then
 * KILL, and are handed back as interrupted. Returns when all of that is written; a store that takes
 * no writes is waited for no longer than shutdown_grace and 4 s: what it does not know is lost, and
 * said so by the next start. rp_engine_stop_now makes a stop under way immediate (any thread). */
void rp_engine_stop(struct rp_engine *e);
void rp_engine_stop_now(struct rp_engine *e);
/* True from the end of a stop on: what takes long and has had the stop's time is not finished.
 * Questions end with RP_E_STOPPING, and so do ops that have more parts and what asks for it. */
const atomic_bool *rp_engine_cut(const struct rp_engine *e);
void rp_engine_free(struct rp_engine *e);

/* ---- how it is ---- */

/* How long the writer was taken at a time: by a transaction with its commit, and by what it did for
 * the log after it (G19). Since start; the first turn, which starts the engine, is not in it. */
enum { RP_TURN_STEPS = 9 };
extern const int64_t rp_turn_steps_us[RP_TURN_STEPS]; /* how long at most, rising */
struct rp_turns {
    int64_t n[RP_TURN_STEPS + 1]; /* by the first step that is long enough; the last: longer */
    int64_t sum_us;
    int64_t longest_us, longest_cpu_us; /* by the clock, of processor time: not of the same turn */
};

struct rp_engine_state {
    int64_t started_us, last_tick_us;  /* wall clock */
    int64_t ops_waiting, commits, ops; /* since start */
    struct rp_turns turns;
    int64_t running; /* command processes */
    bool stopping;
    bool write_fails; /* the last commit or probe failed … */
    int64_t write_fails_since_us;
    struct rp_err write_err; /* … with this */
    struct rp_clock_correction {
        int64_t n, at_us, by_us; /* since start; the newest: when by the new time, and how far */
    } correction;                /* of a clock that was wrong by hours (schedules, rule 11) */
    struct rp_log log;           /* of the store */
    enum rp_covers covers;
    char sweep[200]; /* what start found left over */
};
void rp_engine_state(struct rp_engine *e, struct rp_engine_state *out);
/* The output so far of a running command's attempt on this node: false if it does not run here. */
bool rp_engine_peek(struct rp_engine *e, int64_t lease, struct rp_output *copy);
const struct rp_clock *rp_engine_clock(struct rp_engine *e);
const char *rp_engine_node(struct rp_engine *e);
struct rp_store *rp_engine_store(struct rp_engine *e);

/* The environment contract of a command job (INTERFACES.md), shared with `reprise exec`. Into the
 * arena; n_out entries. */
struct rp_job_env {
    int64_t job_id, attempt, deadline_us, replay_id; /* deadline 0: none */
    int64_t memory_bytes;                            /* its limit, 0: none */
    struct rp_str type, key, zone, store_id;
    struct rp_compensates compensates;
    const struct rp_type *settings; /* may be NULL */
};
struct rp_env *rp_job_environment(struct rp_arena *a, const struct rp_job_env *in, size_t *n_out);
/* What an ended process means for its job: outcome, exit 65/75, contract, certificate → report
 * facts (users.md U21, U24). Pure but for the contract's file check. `result` is filled from the
 * last line of standard output when it is a JSON object. */
void rp_judge(struct rp_arena *a, const struct rp_type *t, const struct rp_exec_result *x,
              int64_t usual_bytes, struct rp_report *out);

#endif
