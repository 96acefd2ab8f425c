/* Records that grow with time and belong to no job: the ledger of schedules, counts by minute,
 * changes of dependencies, arrivals of spooled records. What is older than the settings'
 * `retention:` goes, a few rows a call. Jobs and what is theirs go by purges only; replays and the
 * audit stay. */
#ifndef RP_STORE_RETENTION_H
#define RP_STORE_RETENTION_H

#include "store/store.h"

/* How far a round is; zero: it begins. It need not outlive the process. */
struct rp_retention_round {
    int table;                       /* from 0; the order is retention.c's */
    int64_t schedule_id, instant_us; /* of the ledger: up to here all was looked at */
};
/* [w] One step: looks at 100 rows at most. *again: the round is not over. Verdicts of jobs that are
 * not resolved stay (U26). */
bool rp_retention_step(struct rp_db *db, const struct rp_retention *keep,
                       struct rp_retention_round *at, int64_t now_us, bool *again,
                       struct rp_err *err);

#endif
