/* Time zones for the tests of core/. */
#ifndef RP_TESTS_CORE_ZONES_H
#define RP_TESTS_CORE_ZONES_H

#include "core/zone.h"

static inline const struct rp_zone *zone(const char *name)
{
    struct rp_err err = {0};
    const struct rp_zone *z = rp_zone_load(rp_str_of(name), &err);
    if (z == NULL)
        fail_msg("%s: %s", name, err.message);
    return z;
}

#endif
