/* A configuration whose schedules follow the zones as they were read last. */
#include "config/config.h"

#include <string.h>

static bool is_stale(const struct rp_schedule *s)
{
    return rp_zone_newest(s->tz) != s->tz;
}

struct rp_config *rp_config_rezoned(const struct rp_config *base)
{
    size_t stale = 0, n = base->n_schedules;
    for (size_t i = 0; i < n; i++)
        stale += is_stale(&base->schedules[i]);
    if (stale == 0)
        return NULL;
    struct rp_config *c = rp_xcalloc(1, sizeof *c);
    *c = *base;
    c->arena = (struct rp_arena){0};
    c->schedules = RP_NEW_N(&c->arena, struct rp_schedule, n);
    memcpy(c->schedules, base->schedules, n * sizeof *c->schedules);
    for (size_t i = 0; i < n; i++)
        c->schedules[i].tz = rp_zone_newest(base->schedules[i].tz);
    return c;
}
