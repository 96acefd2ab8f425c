/* Deletions and restores: what one may take, and the record of each, which a killed daemon goes on
 * from. How they are done is replay/purge.h's. [w]: writes. */
#ifndef RP_STORE_PURGES_H
#define RP_STORE_PURGES_H

#include "store/jobs.h"

/* ---- what may be taken ---- */

struct rp_purge_candidate {
    int64_t job_id, last_n, attempts, outputs;
    int64_t ended_us; /* of one that lives: when it was created */
    enum rp_state state;
    bool in_replay; /* of a replay that has not ended */
    bool held;      /* for a dependency */
    bool freed;     /* a purge took its payload already */
};
/* Jobs of a filter (states 0: of any) or by id, by rising id. The window of time is that of
 * ended_us. take: false ends it with its error. */
bool rp_purge_each(struct rp_db *db, const struct rp_job_filter *f, const int64_t *ids,
                   size_t n_ids,
                   bool (*take)(void *ctx, const struct rp_purge_candidate *c, struct rp_err *err),
                   void *ctx, struct rp_err *err);

/* Whether a job is there and as it was seen. */
bool rp_purge_still(struct rp_db *db, int64_t job_id, enum rp_state state, int64_t last_n,
                    bool *still, struct rp_err *err);

/* ---- records ---- */

enum rp_purge_kind { RP_PURGE_JOBS = 1, RP_PURGE_PAYLOADS, RP_PURGE_RESTORE };
enum rp_purge_state { RP_PURGE_PREPARES = 1, RP_PURGE_MOVES, RP_PURGE_DONE, RP_PURGE_FAILED };
struct rp_purge {
    int64_t id;
    enum rp_purge_kind kind;
    bool dry; /* a restore that only looks */
    enum rp_purge_state state;
    struct rp_str file,
        sha256;       /* in hexadecimal, once the file is whole; of a restore: the file's */
    int64_t of_purge; /* a restore's */
    struct rp_str selection, plan, actor, reason, says; /* selection: JSON */
    int64_t jobs, rows;                                 /* in the file */
    int64_t moved, kept; /* jobs that went or came; that stayed: changed, or there already */
    int64_t at_job;      /* the last one that was looked at */
    int64_t created_us, ended_us;
};
/* [w, audited] RP_E_BAD_STATE while another one is under way. */
bool rp_purge_begin(struct rp_db *db, const struct rp_purge *in, int64_t now_us, int64_t *id,
                    struct rp_err *err);
/* [w] The file is whole and was compared: from here on rows move. */
bool rp_purge_prepared(struct rp_db *db, const struct rp_purge *p, struct rp_err *err);
/* [w] In the transaction of what it counts. */
bool rp_purge_moved(struct rp_db *db, int64_t id, int64_t moved, int64_t kept, int64_t at_job,
                    struct rp_err *err);
/* [w, audited] done, or failed and why. */
bool rp_purge_end(struct rp_db *db, const struct rp_purge *p, bool ok, struct rp_str says,
                  int64_t now_us, struct rp_err *err);
bool rp_purge_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_purge *out,
                  struct rp_err *err);
/* Newest first: of restores, or of the others. */
bool rp_purges_list(struct rp_db *db, bool restores, int limit, struct rp_arena *a,
                    struct rp_purge **out, size_t *n, struct rp_err *err);
/* The one that is under way, 0: none. */
bool rp_purge_open(struct rp_db *db, int64_t *id, struct rp_err *err);

#endif
