/* Rates: how many jobs may start in a time, spread evenly.
 *
 * The generic cell rate algorithm (GCRA: ITU-T I.371, annex A), the leaky bucket as a meter. All
 * that is kept is one instant, the earliest at which the next start would be on time; a start takes
 * it one interval further, and may come up to burst - 1 intervals early. Of starts that conform,
 * any window of length W holds at most burst + ceil(W / interval) - 1; interval and burst are
 * chosen so that this is never more than `n` for the rate's own window. burst is what falls into 10
 * ms, so that a rate of thousands a second does not need as many claims; below 100 a second it
 * is 1. Pure: the instant and the time come in as arguments. */
#ifndef RP_CORE_PACE_H
#define RP_CORE_PACE_H

#include "base/str.h"

struct rp_pace {
    int64_t n, per_us; /* at most n in any per_us; n = 0: no rate */
    int64_t burst, interval_us;
};

enum { RP_PACE_LEN = 32, RP_PACE_MAX_PER_S = 10000 };

/* "20/s", "100/m", "5000/h", "none". */
bool rp_pace_parse(struct rp_str text, struct rp_pace *out);
const char *rp_pace_format(const struct rp_pace *p, char buf[RP_PACE_LEN]);

/* How many may start at now_us; 0: none before rp_pace_next_us. */
int64_t rp_pace_room(const struct rp_pace *p, int64_t at_us, int64_t now_us);
int64_t rp_pace_next_us(const struct rp_pace *p, int64_t at_us);
/* The instant once `taken` more have started. */
int64_t rp_pace_after(const struct rp_pace *p, int64_t at_us, int64_t now_us, int64_t taken);

#endif
