/* Time zones from the system's tzdata (TZif files, RFC 9636, versions 2 and later; the footer's
 * POSIX TZ string after the last transition, up to the year 2200).
 *
 * Loading reads a file and is the one thing in core that does; conversion is pure. A struct rp_zone
 * is immutable once loaded and may be shared by threads; rp_zone_load caches by name for the life
 * of the process and, at every call, looks whether the file is another one (tzdata was updated):
 * then it is read anew, and if it says something else there is a new object; old ones stay valid.
 * Any thread. Right from 1900 to 2201. */
#ifndef RP_CORE_ZONE_H
#define RP_CORE_ZONE_H

#include "base/err.h"
#include "base/str.h"

struct rp_zone;

/* IANA names only ("Europe/Berlin", "UTC"); refuses paths, "..", "posix/…", "right/…" and what is
 * not there, with a hint that names a close match if there is one. $TZDIR (an absolute path),
 * then /usr/share/zoneinfo; UTC is built in. */
const struct rp_zone *rp_zone_load(struct rp_str name, struct rp_err *err);
const char *rp_zone_name(const struct rp_zone *z);
/* A number of what it says: zones with the same offsets, changes and abbreviations have the same.
 * UTC: 0. */
uint64_t rp_zone_rules(const struct rp_zone *z);
/* Looks whether the files of the zones that were loaded have changed, and reads those anew. Returns
 * how often, since the process began, one of them said something else than before, whoever read it.
 * One that cannot be read stays as it was. */
uint64_t rp_zones_look(void);
/* The newest that was loaded by the name of `z`; reads no file. */
const struct rp_zone *rp_zone_newest(const struct rp_zone *z);
/* Offset from UTC in seconds and the abbreviation (lives as long as the zone; may be NULL to skip)
 * at an instant. */
int64_t rp_zone_offset(const struct rp_zone *z, int64_t utc_s, const char **abbreviation);
/* The instants that a wall time (seconds since 1970 as if it were UTC) stands for: 0 in a gap, 1,
 * or 2 in a fold (ascending). */
int rp_zone_instants(const struct rp_zone *z, int64_t wall_s, int64_t utc_s[2]);
/* First change of the offset at or after utc_s, or INT64_MAX; offsets before and after. */
int64_t rp_zone_transition(const struct rp_zone *z, int64_t utc_s, int64_t *before, int64_t *after);

#endif
