/* Times as logs write them. Times without a year take it from a hint, times without a
 * zone go through the caller's rule (UTC without one). */
#ifndef RP_ANALYZE_STAMP_H
#define RP_ANALYZE_STAMP_H

#include "base/str.h"

struct rp_stamp {
    int64_t now_us; /* for times without a year: the newest year that is not in the future */
    int year;       /* hint for the first of them, 0: from now_us; goes on by itself at New Year */
    int64_t (*to_utc)(void *ctx, int64_t wall_us); /* NULL: wall time is UTC */
    void *ctx;
    int last_month;           /* the reader's own; 0 to begin */
    bool day_first;           /* the same: 23/11/2026 was seen */
    int64_t day_us, clock_us; /* the same, of times that are a clock only */
};

/* Takes a time off the front of *s, with the brackets around it. Knows ISO 8601 and RFC 3339 with
 * any of "T", blank, "_" between and "." or "," before the fraction, syslog's "Nov 23 22:28:42",
 * ctime's and date's "Mon Nov 23 22:28:42 UTC 2026", "23/Nov/2026:22:28:42 +0000", the year last
 * ("11/23/2026", "23.11.2026", "23 Nov 2026"), ISO's basic form, clocks of 12 hours, and seconds or
 * milliseconds since 1970 of 10 or 13 digits. *syslog: it was of the traditional syslog form. */
bool rp_stamp_take(struct rp_stamp *st, struct rp_str *s, int64_t *us, bool *syslog);

/* A clock time without a date, "22:28:42": the first is taken to be of the day of now_us, and the
 * day goes on at midnight. */
bool rp_stamp_take_clock(struct rp_stamp *st, struct rp_str *s, int64_t *us);

#endif
