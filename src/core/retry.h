/* Retry policy: when a failed attempt is tried again. Pure: randomness and time come in as
 * arguments. */
#ifndef RP_CORE_RETRY_H
#define RP_CORE_RETRY_H

#include "base/str.h"

enum rp_backoff {
    RP_BACKOFF_EXPONENTIAL, /* full jitter: uniform in [0, min(max, base · 2^(n-1))] (Brooker, AWS
                               Architecture Blog, 2015) */
    RP_BACKOFF_FIXED,       /* base each time */
    RP_BACKOFF_LIST,        /* delays[n-1], the last one repeated */
};

enum { RP_RETRY_LIST_MAX = 32 };

struct rp_retry {
    enum rp_backoff kind;
    int64_t retries;          /* tries after the first; 0 … 1000 */
    int64_t base_us, max_us;  /* exponential: default 1 s and 1 h; fixed: base_us */
    const int64_t *delays_us; /* up to RP_RETRY_LIST_MAX; whoever reads the settings owns them */
    size_t n_delays;
};

/* Delay before the try that follows the nth failed one (n ≥ 1). `random` is 64 uniform bits. Never
 * negative, never over the policy's max_us (exponential) and never over 30 days. */
int64_t rp_retry_delay_us(const struct rp_retry *policy, int64_t n, uint64_t random);

#endif
