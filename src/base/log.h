/* Structured log: one logfmt record a line on standard error, whatever the content (control
 * characters are escaped).
 *
 *   rp_log(RP_WARN, "lease lost", "job=%lld worker=%s", …)   →   ts=… level=warn msg="lease lost"
 * job=… worker=…
 *
 * Values that may hold spaces or come from outside go through rp_log_q(). Any thread. */
#ifndef RP_BASE_LOG_H
#define RP_BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

enum rp_level { RP_DEBUG, RP_INFO, RP_WARN, RP_ERROR };

void rp_log_level(enum rp_level least);
void rp_log(enum rp_level level, const char *msg, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* code=, error= and hint= of err as a record. */
void rp_log_err(enum rp_level level, const char *msg, const struct rp_err *err);
/* Quoted and escaped form of s in a static buffer of the calling thread (4 rotate), cut at 300
 * bytes. */
const char *rp_log_q(struct rp_str s);

#endif
