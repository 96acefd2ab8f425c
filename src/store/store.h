/* The durable truth: handles, transactions, and what every operation shares.
 *
 * A struct rp_store is one open store (embedded SQLite file, or PostgreSQL). A struct rp_db is one
 * connection of it, confined to one thread: the writer's (one, owned by the engine's writer thread)
 * or a reader's (snapshots). Operations and queries are plain functions on a struct rp_db; those
 * that write say so and may be called between rp_tx_begin and rp_tx_commit on the writer only. They
 * never commit by themselves: the writer thread runs many in one transaction, each inside a
 * savepoint, and commits once (group commit).
 *
 * Nouns: jobs.h (jobs, attempts, leases, output), schedules.h (schedules, occurrences), registry.h
 * (types, queues, dependencies, nodes, tokens, patterns, rollups, audit), replays.h. All SQL lives
 * in this folder; only bound parameters, never built strings. */
#ifndef RP_STORE_STORE_H
#define RP_STORE_STORE_H

#include "base/err.h"
#include "base/str.h"
#include "core/settings.h"

#include <stdatomic.h>

struct rp_store;
struct rp_db;

/* url: sqlite:///absolute/path.db, sqlite:relative.db (or a plain path). Creates file (0600) and
 * folder (0700) where missing, takes the store's lock (RP_E_STORE_IN_USE names the holder's pid),
 * refuses a newer schema (RP_E_STORE_NEWER) or a damaged file (RP_E_STORE_CORRUPT, quick_check),
 * migrates forward inside a transaction. */
bool rp_store_open(const char *url, struct rp_store **out, struct rp_err *err);
void rp_store_close(struct rp_store *s); /* all readers must be closed before */
/* Read only, without the lock: for doctor and tests beside a running daemon. */
bool rp_store_inspect(const char *url, struct rp_store **out, struct rp_err *err);

struct rp_db *rp_store_writer(struct rp_store *s);
struct rp_db *rp_store_reader(struct rp_store *s,
                              struct rp_err *err); /* a new connection; NULL on failure */
void rp_db_close(struct rp_db *db);                /* readers only */
/* Readers: queries that are still at it at that time (monotonic, the system's; 0: never) end with
 * RP_E_TOO_LARGE, so that no question keeps others from theirs (G19, G20). */
void rp_db_deadline(struct rp_db *db, int64_t mono_us);
/* Readers: once *cut is true, queries end with RP_E_STOPPING. It must outlive the connection. */
void rp_db_cut(struct rp_db *db, const atomic_bool *cut);
/* [any thread, while it is open] The query that it is at looks at once whether it is cut: some
 * steps, as of a check of the whole file, are long. */
void rp_db_interrupt(struct rp_db *db);
struct rp_str
rp_store_id(const struct rp_store *s); /* random, made with the store; marks its processes */
const char *rp_store_path(const struct rp_store *s); /* file of the embedded store */

/* The store cannot be written: no fault of who asked, and of no use to try others. */
bool rp_store_broken(const struct rp_err *err);

bool rp_tx_begin(
    struct rp_db *db,
    struct rp_err *err); /* writer: immediate; reader: a snapshot that holds until rollback */
bool rp_tx_commit(struct rp_db *db, struct rp_err *err);
void rp_tx_rollback(struct rp_db *db);
/* A reader that has a snapshot takes a new one: between questions that need not be of one moment,
 * so that the log can go on. Others: nothing. */
bool rp_tx_renew(struct rp_db *db, struct rp_err *err);
/* Savepoints lie in each other, at most four deep; release and rollback end the innermost. */
bool rp_savepoint(struct rp_db *db, struct rp_err *err);
bool rp_savepoint_release(struct rp_db *db, struct rp_err *err);
void rp_savepoint_rollback(struct rp_db *db);

/* What a transaction changed, so that those who wait can be woken after the commit. Operations add
 * bits; the writer takes them. */
enum {
    RP_CHANGED_READY = 1 << 0, /* workers may find something to claim */
    RP_CHANGED_DUE = 1 << 1,   /* a due time appeared or moved: the engine reckons anew */
    RP_CHANGED_JOBS = 1 << 2,  /* any job moved (events) */
    RP_CHANGED_SCHEDULES = 1 << 3,
    RP_CHANGED_KILL =
        1 << 4, /* a running command must be killed (cancel, replace): see rp_jobs_to_kill */
    RP_CHANGED_REPLAYS = 1 << 5,
    RP_CHANGED_CONFIG = 1 << 6,
    RP_CHANGED_COMMANDS = 1 << 7, /* the engine may find a command to start */
    RP_CHANGED_CLAIMS = RP_CHANGED_READY | RP_CHANGED_COMMANDS, /* a hold or a pause ended, … */
    RP_CHANGED_PURGES = 1 << 8,                                 /* one begins */
    RP_CHANGED_ITEMS =
        1 << 9, /* jobs that a replay let out have ended or wait again: it may go on */
    RP_CHANGED_DOUBT = 1 << 10, /* a failure may be a dependency's: fresh checks would tell */
    RP_CHANGED_FORMS = 1 << 11, /* failures of a new form: the miner's work */
};
unsigned rp_db_take_changes(struct rp_db *db);
void rp_db_changed(struct rp_db *db, unsigned bits);

/* The configuration in force for writes: set in the transaction that applies it (rp_config_apply in
 * registry.h). Writer only. */
const struct rp_config *rp_db_config(const struct rp_db *db);

/* Deep check for doctor: integrity_check, foreign keys, each job's state agrees with its lease and
 * attempts (G4), each check on a snapshot of its own. Appends one line a finding; true if there is
 * none. May take long. */
bool rp_store_check(struct rp_db *db, struct rp_buf *findings, struct rp_err *err);
/* An online copy that is consistent (VACUUM INTO), 0600, refused if the file exists. */
bool rp_store_backup(struct rp_db *db, const char *path, struct rp_err *err);
/* Writes and commits one row of its own (readyz, U30). Writer, inside a transaction. */
bool rp_store_probe(struct rp_db *db, int64_t now_us, struct rp_err *err);

#endif
