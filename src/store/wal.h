/* The log (SQLite's write-ahead log), and how it gets into the store's file.
 *
 * A commit appends to the log and syncs that: one place on the disk. From time to time what is in
 * the log goes into the file, whose pages lie anywhere, and once all of it is there the log begins
 * anew. To sync that takes tenths of a second where it is much, and on the writer everybody would
 * wait for it (G19). So a tender does it, on a thread and a connection of its own, while the writer
 * goes on: pass after pass, each for what came while the one before ran, until so little is left
 * that the writer does the rest between two transactions. A log that grows in spite of that is too
 * much for the disk: then the writer waits for it, as it would without a tender.
 *
 * Nothing of this is needed for a commit to last. A store without a tender (tests, commands) is
 * served by SQLite's own way, on the writer. */
#ifndef RP_STORE_WAL_H
#define RP_STORE_WAL_H

#include "store/store.h"

/* Before the writer's thread starts: from now on the log is left to `*tender`, whose thread calls
 * rp_wal_tend. One a store. What the file holds is synced first: one that was copied to its place
 * may be in memory only, and nothing is to be promised on top of that; the first pass would sync it
 * as well, and the log's syncs beside it would wait for all of it. */
bool rp_wal_tended(struct rp_store *s, struct rp_db **tender, struct rp_err *err);
/* Waits until there is something to do, and does it; false: rp_wal_leave was called. An error is
 * logged, and tried again: the log keeps what the file did not take. */
bool rp_wal_tend(struct rp_db *tender);
/* Any thread: rp_wal_tend returns false. */
void rp_wal_leave(struct rp_store *s);
/* After rp_wal_tend has: the writer serves itself again. */
void rp_wal_untended(struct rp_store *s, struct rp_db *tender);

/* Any thread: what the log of a tended store holds, as of the last commit, and what of that is not
 * in the file yet. A reader whose snapshot is older than it, and only that, lets it grow without
 * bound: beyond RP_LOG_LARGE people should know. */
#define RP_LOG_LARGE (INT64_C(256) << 20)
struct rp_log {
    int64_t bytes, behind_bytes;
};
struct rp_log rp_wal_log(struct rp_store *s);

/* Writer, between two transactions: does what is left, if that is little or has become too much. */
void rp_wal_finish(struct rp_db *writer);

#endif
