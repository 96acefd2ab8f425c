#include "core/zone.h"

#include "core/internal.h"

/* More than any offset: instants of a wall time lie within it. */
enum { OFFSET_MOST = 2 * 86400 };

const char *rp_zone_name(const struct rp_zone *z)
{
    return z->name;
}

uint64_t rp_zone_rules(const struct rp_zone *z)
{
    return z->rules;
}

size_t rp_zone_index(const struct rp_zone *z, int64_t utc_s)
{
    size_t lo = 0, hi = z->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->at[mid] <= utc_s)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The type in force before transition i. */
static const struct rp_zone_type *type_before(const struct rp_zone *z, size_t i)
{
    return &z->types[i == 0 ? 0 : z->type[i - 1]];
}

int64_t rp_zone_offset(const struct rp_zone *z, int64_t utc_s, const char **abbreviation)
{
    const struct rp_zone_type *t = type_before(z, rp_zone_index(z, utc_s));
    if (abbreviation != NULL)
        *abbreviation = t->abbreviation;
    return t->offset;
}

struct rp_zone_span rp_zone_span_at(const struct rp_zone *z, int64_t utc_s)
{
    size_t i = rp_zone_index(z, utc_s);
    return (struct rp_zone_span){
        .from_s = i == 0 ? INT64_MIN : z->at[i - 1],
        .to_s = i == z->n ? INT64_MAX : z->at[i],
        .offset = type_before(z, i)->offset,
        .before = type_before(z, i == 0 ? 0 : i - 1)->offset,
    };
}

int rp_zone_instants(const struct rp_zone *z, int64_t wall_s, int64_t utc_s[2])
{
    int n = 0;
    struct rp_zone_span span = rp_zone_span_at(z, wall_s - OFFSET_MOST);
    while (n < 2) {
        int64_t at = wall_s - span.offset;
        if (at >= span.from_s && at < span.to_s)
            utc_s[n++] = at;
        if (span.to_s > wall_s + OFFSET_MOST)
            break;
        span = rp_zone_span_at(z, span.to_s);
    }
    return n;
}

int64_t rp_zone_transition(const struct rp_zone *z, int64_t utc_s, int64_t *before, int64_t *after)
{
    size_t i = utc_s == INT64_MIN ? 0 : rp_zone_index(z, utc_s - 1);
    for (; i < z->n; i++) {
        *before = type_before(z, i)->offset;
        *after = z->types[z->type[i]].offset;
        if (*before != *after)
            return z->at[i];
    }
    *before = *after = type_before(z, z->n)->offset;
    return INT64_MAX;
}
