/* The rows of one job as bytes, and back: what a backup holds, and what is compared before anything
 * is deleted. A job's rows are its own, its attempts', its outputs', in this order; a row is its
 * table and every column as it is stored, so that equal bytes are equal rows. What a job left in
 * records of other things stays with those: audit, items of replays, occurrences, counts by minute.
 * [w]: writes. */
#ifndef RP_STORE_JOB_ROWS_H
#define RP_STORE_JOB_ROWS_H

#include "store/store.h"

enum { RP_ROWS_TABLES = 3, RP_ROW_MAX = 1 << 28, RP_DIGEST_BYTES = 32 };
/* Name and columns ("id, type_id, …") of each; part of the format of backups. */
struct rp_rows_table {
    const char *name, *columns;
};
extern const struct rp_rows_table rp_rows_tables[RP_ROWS_TABLES];
/* Whether the store has these columns and no others: else its rows would not be whole. */
bool rp_job_rows_known(struct rp_db *db, struct rp_err *err);

/* SHA-256 over the rows, each with its length before it. */
struct rp_job_digest {
    int64_t rows; /* 0: there is no such job */
    unsigned char sha256[RP_DIGEST_BYTES];
};
/* Calls take for each row; false from it ends with its error. `row` is valid during the call.
 * digest may be NULL. */
bool rp_job_rows_each(struct rp_db *db, int64_t job_id,
                      bool (*take)(void *ctx, struct rp_str row, struct rp_err *err), void *ctx,
                      struct rp_job_digest *digest, struct rp_err *err);

struct rp_digesting { /* the same digest over rows that come from elsewhere */
    struct rp_job_digest digest;
    unsigned char state[512] __attribute__((aligned(16)));
};
void rp_digest_begin(struct rp_digesting *d);
void rp_digest_row(struct rp_digesting *d, struct rp_str row);
void rp_digest_end(struct rp_digesting *d);

/* Whether it is one whole row of a known table. *table: its index; *job_id: whose. */
bool rp_job_row_valid(struct rp_str row, int *table, int64_t *job_id);

/* [w] All rows of the job, if they are those of the digest; *deleted false: they have changed, and
 * nothing was done. */
bool rp_job_rows_delete(struct rp_db *db, int64_t job_id, const struct rp_job_digest *is,
                        bool *deleted, struct rp_err *err);
/* [w] The same, for payload and outputs alone; job.purged says which purge took them. */
bool rp_job_payload_free(struct rp_db *db, int64_t job_id, const struct rp_job_digest *is,
                         int64_t purge_id, bool *freed, struct rp_err *err);
/* [w] A row as it was; RP_E_CONFLICT if one is there already or a live job has the key. */
bool rp_job_row_insert(struct rp_db *db, struct rp_str row, struct rp_err *err);
/* [w] What rp_job_payload_free took, from a row of the job or of an output. Other rows: nothing. */
bool rp_job_payload_return(struct rp_db *db, struct rp_str row, int64_t purge_id,
                           struct rp_err *err);
/* The purge that took its payload; 0: none. RP_E_NOT_FOUND without the job. */
bool rp_job_payload_purged(struct rp_db *db, int64_t job_id, int64_t *purge_id, struct rp_err *err);

#endif
