#include "core/retry.h"

#include "base/time.h"

#define MOST_US (30 * RP_US_DAY)

static int64_t clamp(int64_t v, int64_t most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

/* min(most, base · 2^(n-1)) without overflow. */
static int64_t doubled(int64_t base, int64_t n, int64_t most)
{
    int64_t v = clamp(base, most);
    for (int64_t i = 1; i < n && v > 0 && v < most; i++)
        v = v > most / 2 ? most : v * 2;
    return v;
}

/* 0 … most with equal chances, but for the 2^-64 of scaling by multiplication. */
static int64_t uniform(uint64_t random, int64_t most)
{
    return (int64_t)(((unsigned __int128)random * ((uint64_t)most + 1)) >> 64);
}

static int64_t from_list(const struct rp_retry *p, int64_t n)
{
    if (p->n_delays == 0)
        return 0;
    size_t i = n < (int64_t)p->n_delays ? (size_t)(n - 1) : p->n_delays - 1;
    return clamp(p->delays_us[i], MOST_US);
}

int64_t rp_retry_delay_us(const struct rp_retry *policy, int64_t n, uint64_t random)
{
    if (n < 1)
        n = 1;
    switch (policy->kind) {
    case RP_BACKOFF_FIXED:
        return clamp(policy->base_us, MOST_US);
    case RP_BACKOFF_LIST:
        return from_list(policy, n);
    case RP_BACKOFF_EXPONENTIAL:
        break;
    }
    return uniform(random, doubled(policy->base_us, n, clamp(policy->max_us, MOST_US)));
}
