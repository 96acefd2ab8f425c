/* Old records go (`retention:`): a round every hour, one short step a second as long as there is
 * more. A clock that is wrong by years must not take them with it: rounds begin only when it has
 * gone on for a while. */
#include "engine/internal.h"

static const int64_t first_us = 10 * RP_US_MIN, every_us = RP_US_H, step_us = RP_US_S;
static const int64_t slice_us = 5000; /* so long may bulk work take in one transaction (G19) */

void retention_wait(struct rp_engine *e, int64_t mono_us)
{
    e->next_retention_us = mono_us + first_us;
    e->retention = (struct rp_retention_round){0};
}

bool retention_due(const struct tick *t)
{
    return t->mono >= t->e->next_retention_us;
}

bool tick_retention(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    struct rp_engine *e = t->e;
    const struct rp_retention *keep = &rp_db_config(db)->retention;
    int64_t until = rp_mono(e->clock) + slice_us;
    bool again = true;
    if (t->correction_us != 0) /* in this very tick */
        return true;
    e->next_retention_us = t->mono + every_us; /* also if it fails */
    while (again && rp_mono(e->clock) < until)
        if (!rp_retention_step(db, keep, &e->retention, t->now, &again, err))
            return false;
    if (again)
        e->next_retention_us = t->mono + step_us;
    return true;
}
