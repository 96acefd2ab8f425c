#include "core/pace.h"

#include "base/time.h"

#include <stdio.h>

enum { BURST_US = 10000 };

static const struct {
    const char *name;
    int64_t us;
} units[] = {
    {"s", RP_US_S}, {"m", RP_US_MIN}, {"min", RP_US_MIN}, {"h", RP_US_H}, {"d", RP_US_DAY}};

static int64_t divided_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static struct rp_pace pace_of(int64_t n, int64_t per_us)
{
    int64_t burst = n * BURST_US / per_us;
    burst = burst > 1 ? burst : 1;
    return (struct rp_pace){n, per_us, burst, divided_up(per_us, n - burst + 1)};
}

bool rp_pace_parse(struct rp_str text, struct rp_pace *out)
{
    struct rp_str number;
    int64_t n;
    *out = (struct rp_pace){0};
    if (rp_str_is(text, "none"))
        return true;
    if (!rp_str_split(&text, '/', &number) || !rp_str_i64(number, &n) || n < 1)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (rp_str_is(text, units[i].name) && n <= units[i].us / RP_US_S * RP_PACE_MAX_PER_S) {
            *out = pace_of(n, units[i].us);
            return true;
        }
    return false;
}

const char *rp_pace_format(const struct rp_pace *p, char buf[RP_PACE_LEN])
{
    (void)snprintf(buf, RP_PACE_LEN, "none");
    for (size_t i = sizeof units / sizeof *units; i-- > 0 && p->n > 0;)
        if (units[i].us == p->per_us)
            (void)snprintf(buf, RP_PACE_LEN, "%lld/%s", (long long)p->n, units[i].name);
    return buf;
}

/* No start can have taken it further ahead than that: what is there was left by a clock that has
 * been set back since. */
static int64_t sane(const struct rp_pace *p, int64_t at_us, int64_t now_us)
{
    int64_t most = now_us + p->burst * p->interval_us;
    return at_us < now_us ? now_us : at_us > most ? most : at_us;
}

int64_t rp_pace_room(const struct rp_pace *p, int64_t at_us, int64_t now_us)
{
    int64_t early = now_us + (p->burst - 1) * p->interval_us - sane(p, at_us, now_us);
    return early < 0 ? 0 : early / p->interval_us + 1;
}

int64_t rp_pace_next_us(const struct rp_pace *p, int64_t at_us)
{
    return at_us - (p->burst - 1) * p->interval_us;
}

int64_t rp_pace_after(const struct rp_pace *p, int64_t at_us, int64_t now_us, int64_t taken)
{
    return sane(p, at_us, now_us) + taken * p->interval_us;
}
