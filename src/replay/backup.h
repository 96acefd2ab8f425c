/* The file that a purge writes before it deletes, and that restore reads (docs/deletion.md has the
 * format). One zstd stream; inside: RP_BACKUP_MAGIC, then records: a letter, the length of what
 * follows in four bytes (little endian), that. H: a JSON object: what this is a backup of. R: a row
 * of a job (store/job_rows.h). J: end of a job: its id, number of rows, their SHA-256. E: end:
 * number of jobs, of rows, SHA-256 of all that stands before this record.
 *
 * A file comes to be under another name, is synced, and gets its own only when it is whole; none is
 * ever overwritten. A reader believes nothing: every digest, count and order is checked on the way,
 * and it has been read whole only when RP_BACKUP_END was reached. One thread each. */
#ifndef RP_REPLAY_BACKUP_H
#define RP_REPLAY_BACKUP_H

#include "store/job_rows.h"

#define RP_BACKUP_MAGIC "RPBACKUP"
enum { RP_BACKUP_FORMAT = 1, RP_SHA256_HEX = 65 };

struct rp_backup_about {
    int64_t format, purge_id;
    struct rp_str store, what; /* the store's id; "jobs" or "payloads" */
    int64_t created_us;
};

struct rp_backup_out;
/* Mode 0600. RP_E_CONFLICT if the file exists. */
bool rp_backup_create(const char *path, const struct rp_backup_about *about,
                      struct rp_backup_out **out, struct rp_err *err);
bool rp_backup_row(struct rp_backup_out *b, struct rp_str row, struct rp_err *err);
bool rp_backup_job(struct rp_backup_out *b, int64_t job_id, const struct rp_job_digest *digest,
                   struct rp_err *err);
/* Ends the stream, syncs, names. sha256: of the file's bytes. Frees b, as rp_backup_drop does. */
bool rp_backup_finish(struct rp_backup_out *b, char sha256[RP_SHA256_HEX], struct rp_err *err);
void rp_backup_drop(struct rp_backup_out *b); /* nothing is left of it; NULL: nothing to do */
/* What a daemon that was killed left of the backup of that purge. */
void rp_backup_sweep(const char *path, int64_t purge_id);

struct rp_backup_in;
enum rp_backup_part { RP_BACKUP_ERROR, RP_BACKUP_ROW, RP_BACKUP_JOB, RP_BACKUP_END };
struct rp_backup_item {
    struct rp_str row;           /* ROW: until the next call */
    int64_t job_id;              /* ROW, JOB */
    struct rp_job_digest digest; /* JOB */
    int64_t jobs, rows;          /* END */
    char sha256[RP_SHA256_HEX];  /* END: of the file's bytes */
};
/* RP_E_BACKUP for what is no such file or another version's; RP_E_IO if it cannot be read. Takes
 * the descriptor, also when it fails. */
bool rp_backup_open(int fd, const char *name, struct rp_backup_in **in, struct rp_err *err);
const struct rp_backup_about *rp_backup_of(const struct rp_backup_in *b);
enum rp_backup_part rp_backup_next(struct rp_backup_in *b, struct rp_backup_item *item,
                                   struct rp_err *err);
void rp_backup_close(struct rp_backup_in *b); /* NULL: nothing to do */
/* A plain file of that name, for rp_backup_open; -1 and err if there is none. */
int rp_backup_file(const char *path, struct rp_err *err);

#endif
