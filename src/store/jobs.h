/* Jobs, attempts, leases, output: the operations of the queue. Functions marked [w] write: writer
 * connection, inside a transaction. `now_us` is the wall clock handed in by the caller. Strings in
 * results live in the arena passed. Lists are limited. */
#ifndef RP_STORE_JOBS_H
#define RP_STORE_JOBS_H

#include "core/states.h"
#include "store/store.h"

/* ---- enqueue ---- */

enum {
    RP_BATCH_MAX = 10000,
    RP_KEY_MAX = 200,
    RP_LABELS_MAX = 32,
    RP_NAME_MAX = 200,
    RP_ATTEMPTS_LISTED = 1000
};

struct rp_enqueue {
    struct rp_str type;    /* must be configured: RP_E_UNKNOWN_TYPE */
    struct rp_str payload; /* JSON bytes, stored as they came; absent: none */
    struct rp_str queue, key,
        labels;           /* absent: the type's queue; no key; labels: a JSON object of strings */
    int64_t priority;     /* INT64_MIN: the type's */
    int64_t due_us;       /* 0: now */
    int64_t max_attempts; /* 0: the type's retries + 1 */
    int64_t schedule_id, instant_us; /* 0 unless a schedule fires */
    bool manual;
};
struct rp_enqueued {
    int64_t id;
    enum rp_state state;
    bool existing; /* a live job of that type has the key: its id and state, nothing added */
};
/* [w] All or nothing (G2): on error nothing of the batch remains (the caller's savepoint), err
 * names the index. */
bool rp_jobs_enqueue(struct rp_db *db, const struct rp_enqueue *in, size_t n, int64_t now_us,
                     struct rp_enqueued *out, struct rp_err *err);

/* RP_E_NOT_FOUND with what is asked for. */
bool rp_queue_need(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err);

/* ---- reading ---- */

/* Of a job that takes back what an attempt of a replay did: that attempt, and the key it had. */
struct rp_compensates {
    int64_t job_id, attempt, replay_id; /* job_id 0: it is no such job */
    struct rp_str key;
};

struct rp_job {
    int64_t id;
    struct rp_str type, queue, key, payload, labels; /* labels: JSON object or absent */
    enum rp_state state;
    int64_t priority, attempts, max_attempts;         /* attempts: burned ones */
    int64_t last_n;                                   /* number of the newest attempt, 0: none */
    int64_t created_us, due_us, started_us, ended_us; /* 0: not yet; started: first attempt */
    struct rp_str error, error_class; /* of the newest attempt that failed; success clears them */
    int64_t pattern_id, replay_id, instant_us;
    struct rp_str schedule;
    struct rp_str held; /* why a waiting job does not run: "dependency billing-db is down", "queue
                           mail is paused", "type gone", … */
    struct rp_str held_by; /* the dependency whose fault its failure was (holds.h), absent: none */
    int64_t held_since_us;
    bool poison;
    struct rp_compensates compensates;
};

struct rp_attempt {
    int64_t job_id, n;
    enum rp_outcome outcome;
    struct rp_str node, worker;
    int64_t started_us, ended_us, duration_us;
    bool has_exit;
    int64_t exit_code, signal; /* exit_code -1: a signal */
    struct rp_str ended_by; /* words of the certificate: "itself", "the time limit", "an operator",
                               … absent: not known */
    int64_t cpu_us, memory_peak, memory_limit; /* limit: that it ran under, 0: none */
    struct rp_str survivors;                   /* what was left running and was killed */
    struct rp_str error, error_class, rule;
    struct rp_str contract; /* the broken part of the success contract: expected and seen */
    int64_t pattern_id, replay_id, wave;
    struct rp_str key; /* of a replay's own for it, absent: the job's */
    int64_t output_bytes, output_dropped;
    int64_t contract_bytes; /* size of the success contract's file after the run, 0: none */
    struct rp_str held; /* the dependency whose fault it was: it does not count; absent: it does */
};

struct rp_job_filter { /* zero: everything */
    unsigned states;   /* bit rp_state; 0: all */
    struct rp_str type, queue, schedule, error_class;
    int64_t pattern_id, replay_id;
    int64_t since_us,
        until_us;         /* by ended_at for terminal states asked for, else created_at; 0: open */
    struct rp_env *where; /* label (or payload top-level member) equals */
    size_t n_where;
    struct rp_str key;
};
/* Newest first. after_id: the cursor (0: from the newest); at most `limit` (≤ 1000). One more page
 * exists if *more. Unknown type, queue, schedule or pattern: RP_E_NOT_FOUND, never an empty answer
 * (U2). */
bool rp_jobs_list(struct rp_db *db, const struct rp_job_filter *f, int64_t after_id, int limit,
                  struct rp_arena *a, struct rp_job **out, size_t *n, bool *more,
                  struct rp_err *err);
bool rp_jobs_count(struct rp_db *db, const struct rp_job_filter *f, int64_t *out,
                   struct rp_err *err);
/* Failed jobs of the filter by type and error: for `jobs --state failed` groups and the runbook's
 * impact. */
struct rp_failure_group {
    struct rp_str type, error_class, sample, template;
    int64_t pattern_id, n, first_us, last_us, sample_job;
    bool critical;
};
bool rp_jobs_failures(struct rp_db *db, const struct rp_job_filter *f, int limit,
                      struct rp_arena *a, struct rp_failure_group **out, size_t *n,
                      struct rp_err *err);
bool rp_job_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_job *out,
                struct rp_err *err);
/* Absent: it has none. */
bool rp_job_payload(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_str *out,
                    struct rp_err *err);
/* The newest RP_ATTEMPTS_LISTED, oldest of them first. */
bool rp_job_attempts(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_attempt **out,
                     size_t *n, struct rp_err *err);
/* Attempts that have ended, of all jobs, with what their jobs and patterns say. */
struct rp_job_attempt {
    struct rp_attempt attempt;
    struct rp_str type, queue, schedule, labels;
    enum rp_state state; /* of the job, now */
    bool newest;         /* of its job */
    struct {
        int64_t id; /* 0: none */
        struct rp_str template, name, class, group, action;
    } pattern;
};
struct rp_attempts_filter {
    struct rp_str type;         /* absent: all */
    int64_t since_us, until_us; /* of their end, where none is known of their start; 0: open */
    int64_t after_job;          /* the cursor; 0: from the first */
    int64_t limit;              /* of a page, but a job's attempts stay together */
};
/* Oldest job first. *next: the cursor of the next page, 0: there is none; a page may be empty. */
bool rp_attempts_page(struct rp_db *db, const struct rp_attempts_filter *f, struct rp_arena *a,
                      struct rp_job_attempt **out, size_t *n, int64_t *next, struct rp_err *err);
/* The packed output (exec.h: rp_output_unpack), absent if none was kept. n = 0: the newest attempt.
 */
bool rp_job_output(struct rp_db *db, int64_t id, int64_t n, struct rp_arena *a,
                   struct rp_str *packed, struct rp_err *err);

/* The lease under which a job runs; RP_E_NOT_FOUND if it does not. */
bool rp_job_lease(struct rp_db *db, int64_t id, int64_t *lease, struct rp_err *err);

/* ---- claim, extend, report ---- */

struct rp_claim {
    struct rp_str node, worker; /* worker: the executor's or worker process's name */
    bool commands; /* claim types with a command (the node's own executor), else those that workers
                      fetch */
    struct rp_strs types, queues; /* n = 0: any. Unknown names are RP_E_NOT_FOUND */
    int64_t max;                  /* ≤ 1000 */
    int64_t lease_us;             /* how long the lease lasts without a beat */
};
struct rp_lease {
    int64_t id;     /* rises with every lease: the fencing number */
    uint64_t token; /* random; a report must carry both */
    int64_t deadline_us, attempt;
    int64_t memory_bytes; /* its limit after attempts that ran out of memory (U15), 0: the type's */
    struct rp_job job;
};
/* [w] Highest priority first, then oldest; queues in turn by weight (G22); skips paused queues,
 * held types and used-up concurrency limits. Cost independent of history and of how many jobs are
 * held. The lease is committed before the worker hears of it. */
bool rp_jobs_claim(struct rp_db *db, const struct rp_claim *c, int64_t now_us, struct rp_arena *a,
                   struct rp_lease **out, size_t *n, struct rp_err *err);
/* [w] Who is asked for more by a claim that finds nothing: it may give leases, or else let jobs out
 * (*more), and the claim looks again. NULL: nobody. */
typedef bool rp_supply_fn(void *ctx, struct rp_db *db, const struct rp_claim *c, int64_t now_us,
                          struct rp_arena *a, struct rp_lease **out, size_t *n, bool *more,
                          struct rp_err *err);
void rp_jobs_supply(struct rp_db *writer, rp_supply_fn *supply, void *ctx);
/* [w] When a rate lets jobs start again that claims have passed over, INT64_MAX: none waits. Says
 * so (RP_CHANGED_READY) to workers whose time has come. */
int64_t rp_paced_next(struct rp_db *db, int64_t now_us);
/* [w] One entry each: ok[i] false when the lease is lost. A deadline never moves back. A lease
 * whose end was asked for (rp_jobs_to_kill) is extended and held like any other, so that its worker
 * can stop and report: what it then reports other than success makes the job cancelled. */
bool rp_leases_extend(struct rp_db *db, const int64_t *leases, const uint64_t *tokens, size_t n,
                      int64_t until_us, bool *ok, struct rp_err *err);

struct rp_report {
    int64_t lease;
    uint64_t token;
    enum rp_outcome outcome; /* succeeded failed timeout cancelled interrupted */
    bool permanent;          /* failed: no retry (exit 65, retryable: false) */
    bool retry_asked;        /* failed: exit 75 */
    struct rp_attempt facts; /* what of it is known: error, exit, certificate, times, …; job_id and
                                n are taken from the lease */
    struct rp_str template, error_group,
        action;            /* with error_class and rule: from the analysis of the failure */
    uint64_t pattern_hash; /* 0: none. Else of the message's form and its class */
    struct rp_str form;    /* for the miner; absent: the hash is all there is */
    int64_t form_rules;    /* under which it was made */
    struct rp_str frames;  /* of its stack trace: the second key; absent: none */
    int64_t pattern_like;  /* a form that is new belongs to this pattern, 0: to a new one … */
    int64_t pattern_outer; /* … which is wrapped in that message, 0: in none … */
    struct rp_str inner;   /* … and says this in it */
    struct rp_str result;  /* JSON, absent: none */
    struct rp_str output;  /* packed */
};
/* [w] Moves the job by the table; RP_E_LEASE_LOST when the lease is not held any more (G10). Retry
 * delay from the type's policy. Five interruptions in a row without another outcome make the job
 * failed as suspected poison (U12). */
bool rp_job_report(struct rp_db *db, const struct rp_report *r, int64_t now_us,
                   enum rp_state *state, struct rp_err *err);

/* [w] The same for many, with fewer statements for plain successes. One that is refused does not
 * fail the others; false only when the store cannot be written, and then nothing of all holds (the
 * caller's savepoint). */
struct rp_reported {
    bool ok;
    enum rp_state state;
    struct rp_err *err; /* unless ok; in the arena */
};
bool rp_jobs_report(struct rp_db *db, const struct rp_report *r, size_t n, int64_t now_us,
                    struct rp_arena *a, struct rp_reported *out, struct rp_err *err);

/* [w] The output so far of a running attempt, packed (G5). Nothing happens when the lease is gone.
 */
bool rp_job_output_partial(struct rp_db *db, int64_t lease, struct rp_str packed,
                           int64_t total_bytes, struct rp_err *err);
/* What a type's last 20 succeeded attempts were like, or some of those before an outage: medians, 0
 * where nothing is known. For contracts and estimates. */
struct rp_usual {
    int64_t n, contract_bytes, duration_us;
};
bool rp_type_usual(struct rp_db *db, struct rp_str type, struct rp_usual *out, struct rp_err *err);

/* [w] Leases past their deadline: each job by G12 (and poison after the type's poison_after kills,
 * U14). At most `max`. *next_us: the earliest deadline that remains, INT64_MAX if none. */
bool rp_leases_expire(struct rp_db *db, int64_t now_us, int64_t max, int64_t *expired,
                      int64_t *next_us, struct rp_err *err);
/* [w] At start: leases of commands that an earlier process of this node ran end now as lost (their
 * processes were ended before). Those of workers and of `exec` go on: they live by themselves. */
bool rp_leases_orphaned(struct rp_db *db, struct rp_str node, int64_t now_us, int64_t *n,
                        struct rp_err *err);
/* [w] Nobody could beat for a while (the daemon was down, the machine slept, the store was stuck):
 * leases of workers and of `exec` hold at least until then. */
bool rp_leases_spare(struct rp_db *db, int64_t until_us, struct rp_err *err);
/* [w] The wall clock was set by so much: the deadlines of leases and the due times of retries,
 * which are lengths of time, move along. */
bool rp_jobs_clock_set(struct rp_db *db, int64_t by_us, struct rp_err *err);
/* [w] scheduled and retrying jobs that are due become queued; at most `max`. *next_us as above. */
bool rp_jobs_promote(struct rp_db *db, int64_t now_us, int64_t max, int64_t *n, int64_t *next_us,
                     struct rp_err *err);

/* ---- interventions (audited) ---- */

/* [w] Any live state. A running command is asked to end: its lease is marked and comes up in
 * rp_jobs_to_kill; a worker hears it at its next beat. Terminal states: RP_E_BAD_STATE. */
bool rp_job_cancel(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str reason,
                   int64_t now_us, struct rp_err *err);
/* Whether it may be run again at all: its type is configured, its command known here; a success
 * needs a reason. */
bool rp_job_may_retry(struct rp_db *db, int64_t id, struct rp_str reason, struct rp_err *err);
/* [w] failed, cancelled, unknown (and succeeded with a reason) → queued, one more attempt allowed.
 * Failed ones are retried by a replay of one, see replay/. */
bool rp_job_retry(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str reason,
                  int64_t now_us, struct rp_err *err);
/* [w] settles `unknown`. */
bool rp_job_resolve(struct rp_db *db, int64_t id, bool succeeded, struct rp_str actor,
                    struct rp_str reason, int64_t now_us, struct rp_err *err);
/* Leases whose command must be killed now: cancelled or replaced. */
bool rp_jobs_to_kill(struct rp_db *db, struct rp_arena *a, int64_t **leases, size_t *n,
                     struct rp_err *err);

/* ---- runs that others start: `exec` ---- */

struct rp_run_start {
    struct rp_str type, key, lock, node,
        worker; /* lock: name; absent: none. Unconfigured types are registered as external */
    int64_t timeout_us, lease_us;
};
/* [w] A job that is running at once, with a lease. RP_E_LOCK_HELD names the holder and since when.
 * *fence rises with each holder. */
bool rp_run_start(struct rp_db *db, const struct rp_run_start *r, int64_t now_us,
                  struct rp_arena *a, struct rp_lease *out, int64_t *fence, struct rp_err *err);
/* A run that is over already: spooled by `exec`, or imported. */
struct rp_run_record {
    struct rp_str spool_id; /* unique; seen before: nothing is added (G9). Absent for imports */
    struct rp_str type, queue, key, labels, external_id;
    int64_t submitted_us;
    int64_t
        attempt; /* ≥ 1; several records with one external_id are attempts of one job, in order */
    bool unfinished; /* started, no end: the attempt is lost, the job unknown */
    /* A run that rp_run_start began (job, attempt, report's lease and token) and whose report did
     * not arrive: it ends as reported. Where its lease has run out since, one more attempt tells
     * what is known by now of the lost one; where the report had arrived after all, nothing is
     * added. 0: it began without us. */
    int64_t job_id;
    /* Outcome, facts, pattern, output; lease only with job_id. A run whose outcome the source
     * cannot tell is not recorded: RP_OUT_NONE is RP_E_BAD_FIELD. */
    struct rp_report report;
};
/* [w] *added counts those that were new. */
bool rp_runs_record(struct rp_db *db, const struct rp_run_record *r, size_t n, struct rp_str source,
                    int64_t now_us, int64_t *added, struct rp_err *err);

#endif
