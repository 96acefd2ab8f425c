/* Cron expressions: parse, explain, next instant. Rules 1–10 of the schedules specification
 * (docs/schedules.md).
 *
 * Preview (`cron next`, `check`) and the scheduler use the same rp_cron_next. Instants are computed
 * by fields, never by stepping through seconds. All functions are pure; struct rp_cron is plain
 * memory, may be copied. */
#ifndef RP_CORE_CRON_H
#define RP_CORE_CRON_H

#include "base/err.h"
#include "core/zone.h"

enum { RP_CRON_FIELDS = 6 }; /* second minute hour day-of-month month day-of-week */

struct rp_cron {
    uint64_t field[RP_CRON_FIELDS]; /* bit i: value i matches */
    bool star[RP_CRON_FIELDS];      /* the field's text starts with `*` (or is `?`), rule 2 */
    bool elapsed;                /* a `*` somewhere in minute or hour: rule 9 holds, else rule 8 */
    uint32_t last_dow;           /* bit d: the last weekday d of the month (`5L`) */
    uint64_t nth_dow;            /* bit d*5+(n-1): the nth weekday d (`5#2`) */
    uint32_t nearest;            /* bit d: nearest weekday to day d (`15W`) */
    bool last_day, last_weekday; /* `L`, `LW` in day-of-month */
    bool has_seconds;            /* six fields */
    bool reboot;                 /* @reboot: no instants of its own */
    int64_t every_us;            /* @every: > 0; field[] unused */
    char zone[64];               /* from CRON_TZ= / TZ= in the text; "" if none */
};

/* Parses `text`. `name` seeds H (rule 4). On refusal err says position (column from 1) and reason,
 * e.g. `minute: 60 is out of range 0-59 (column 1)`. A date that never comes within 28 years is
 * refused (rule 6). */
bool rp_cron_parse(struct rp_str text, struct rp_str name, struct rp_cron *out, struct rp_err *err);

/* First instant strictly after `after_us`, in microseconds; INT64_MAX if none before the year 2201
 * (or @reboot). For @every: the smallest anchor_us + k · every > after_us (anchor: the last planned
 * instant, 0 for the epoch). */
int64_t rp_cron_next(const struct rp_cron *c, const struct rp_zone *z, int64_t after_us,
                     int64_t anchor_us);

/* In words: "at 02:30 every day", "every 15 minutes from 09:00 through 17:45 on Monday to Friday".
 * Into the arena. */
struct rp_str rp_cron_words(struct rp_arena *a, const struct rp_cron *c);

/* The first nominal wall time of the schedule that falls into a gap or fold of the zone, with
 * *at_us in (from, to]; for `check` (U19). Gap: *at_us is the first instant after it, where a fixed
 * schedule runs (unless the gap is longer than 3 h) and one with `*` in minute or hour skips. Fold:
 * *at_us is the first of the two instants; the fixed one runs only then, the other twice.
 * RP_SHIFT_NONE for schedules that a shift cannot touch: @every, @reboot, and `*` over all hours.
 */
enum rp_cron_shift { RP_SHIFT_NONE, RP_SHIFT_GAP, RP_SHIFT_FOLD };
enum rp_cron_shift rp_cron_shift_within(const struct rp_cron *c, const struct rp_zone *z,
                                        int64_t from_us, int64_t to_us, int64_t *at_us);

#endif
