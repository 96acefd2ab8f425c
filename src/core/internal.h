/* What the files of core share and nobody else sees (tests and fuzz targets excepted). */
#ifndef RP_CORE_INTERNAL_H
#define RP_CORE_INTERNAL_H

#include "core/cron.h"
#include "core/zone.h"

/* ---- zones ---- */

enum {
    RP_ZONE_NAME = 64,              /* with the NUL */
    RP_ZONE_ABBREVIATION = 16,      /* with the NUL */
    RP_ZONE_FILE_BYTES = 256 * 1024 /* the largest of tzdata is under 4 kB */
};

struct rp_zone_type {
    int64_t offset; /* seconds east of UTC */
    char abbreviation[RP_ZONE_ABBREVIATION];
};

/* All offsets of a zone as one ascending list: the file's transitions, then those that the footer's
 * rule gives up to 2202. */
struct rp_zone {
    char name[RP_ZONE_NAME];
    struct rp_arena arena;
    struct rp_zone_type *types;
    size_t n_types;
    int64_t *at;   /* transition i happens at at[i] … */
    uint8_t *type; /* … and begins types[type[i]]; types[0] is in force before the first */
    size_t n;
    uint64_t rules; /* see rp_zone_rules */
};

/* A stretch of time with one offset, [from_s, to_s). `before` is the offset that ended at from_s.
 */
struct rp_zone_span {
    int64_t from_s, to_s, offset, before;
};

/* The zone of TZif bytes; NULL with err if they are not a TZif file of version 2 or later. Owner
 * frees. */
struct rp_zone *rp_zone_from_tzif(struct rp_str name, struct rp_str bytes, struct rp_err *err);
void rp_zone_free(struct rp_zone *z);
struct rp_zone_span rp_zone_span_at(const struct rp_zone *z, int64_t utc_s);
/* Index of the first transition after utc_s. */
size_t rp_zone_index(const struct rp_zone *z, int64_t utc_s);

/* A POSIX TZ string as TZif footers hold it (RFC 9636, 3.3.2: hours from -167 through 167). */
struct rp_posix_date {
    char kind; /* 'J' day 1-365 without 29 February, 'N' day 0-365, 'M' month, week, weekday */
    int month, week, day;
    int64_t time_s;
};

struct rp_posix_tz {
    struct rp_zone_type standard, daylight;
    bool has_daylight;
    struct rp_posix_date start, end; /* of daylight time */
};

bool rp_posix_tz_parse(struct rp_str text, struct rp_posix_tz *out);
/* Wall time (as if UTC) in seconds at which a rule's date comes in a year. */
int64_t rp_posix_date_wall(const struct rp_posix_date *d, int64_t year);

/* The name under `dir` that comes closest to what was asked; false if none is close. */
bool rp_zone_suggest(const char *dir, struct rp_str asked, char out[RP_ZONE_NAME]);

/* ---- cron ---- */

enum { CRON_SECOND, CRON_MINUTE, CRON_HOUR, CRON_DOM, CRON_MONTH, CRON_DOW };

enum { RP_CRON_YEAR_END = 2201 }; /* instants come before this year */

struct rp_cron_reader {
    struct rp_str text;
    size_t at, end; /* what is left of the field */
    int field;
    uint64_t seed; /* of H */
    struct rp_cron *cron;
    struct rp_err *err;
};

/* Reads text[at, end) as field number `field` into *cron. */
bool rp_cron_read_field(struct rp_cron_reader *r);
/* Fills err with the field, what is said and the column of text offset `at`; returns false. */
bool rp_cron_refuse(const struct rp_cron_reader *r, size_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define rp_cron_refuse(...) ((void)(rp_cron_refuse)(__VA_ARGS__), false) /* as rp_fail */

/* Days of a month on which the schedule runs: bit d for day d. */
uint32_t rp_cron_month_days(const struct rp_cron *c, int64_t year, int month);
/* The first matching wall time (seconds since 1970 as if UTC) from wall_s on; INT64_MAX if none
 * before 2202. */
int64_t rp_cron_wall_next(const struct rp_cron *c, int64_t wall_s);

static inline int64_t rp_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

#endif
