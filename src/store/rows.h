/* Private to store/: answers of many rows. */
#ifndef RP_STORE_ROWS_H
#define RP_STORE_ROWS_H

#include "store/driver.h"
#include "store/jobs.h"

/* The array with room for one element more than its n: doubles in the arena when n is a power of
 * two. Elements are zeroed. */
void *rp_rows_grow(struct rp_arena *a, void *rows, size_t n, size_t size);
/* A time as the ledger's sentences show it: to the second, UTC. */
enum { RP_STAMP_LEN = 32 };
const char *rp_stamp(int64_t us, char buf[RP_STAMP_LEN]);
/* {"reason": …, "before": …, "after": …} for the audit, absent members left out. */
struct rp_str rp_detail(struct rp_arena *a, struct rp_str reason, struct rp_str before,
                        struct rp_str after);

/* The columns of an attempt, and the attempt that they begin a row with. */
#define RP_ATTEMPT_COLUMNS(of)                                                                     \
    of "n, " of "outcome, " of "node, " of "worker, " of "started_at, " of "ended_at, " of         \
       "duration_us, " of "exit_code, " of "signal, " of "ended_by, " of "cpu_us, " of             \
       "memory_peak, " of "survivors, " of "error, " of "error_class, " of "rule, " of             \
       "contract, " RP_PATTERN_NOW(of "pattern_id") ", " of "replay_id, " of "output_bytes, " of   \
                                                    "output_dropped, " of "contract_bytes, " of    \
                                                    "held, " of "memory_limit"
enum { RP_ATTEMPT_COLUMNS_N = 24 };
struct rp_attempt rp_attempt_row(struct rp_stmt *s, int64_t id, struct rp_arena *a);

#endif
