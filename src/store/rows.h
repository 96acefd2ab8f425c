/* Private to store/: answers of many rows. */
#ifndef RP_STORE_ROWS_H
#define RP_STORE_ROWS_H

#include "store/driver.h"

/* The array with room for one element more than its n: doubles in the arena when n is a power of
 * two. Elements are zeroed. */
void *rp_rows_grow(struct rp_arena *a, void *rows, size_t n, size_t size);
/* A time as the ledger's sentences show it: to the second, UTC. */
enum { RP_STAMP_LEN = 32 };
const char *rp_stamp(int64_t us, char buf[RP_STAMP_LEN]);
/* {"reason": …, "before": …, "after": …} for the audit, absent members left out. */
struct rp_str rp_detail(struct rp_arena *a, struct rp_str reason, struct rp_str before,
                        struct rp_str after);

#endif
