/* What pino-pretty and bunyan's own command make of JSON lines for people, read back:
 *
 *     [22:59:40.834] INFO (jobs/3808 on web-1): job active      pino-pretty
 *         jobId: "1"
 *     [2026-11-23T22:59:40.834Z] ERROR: jobs/3808 on web-1: failed (job=poll, runId=7)
 *         Error: no route                                       bunyan, -o long
 *     22:59:40.834Z ERROR jobs: failed (job=poll, runId=7)      bunyan -o short
 */
#ifndef RP_ANALYZE_PRETTY_H
#define RP_ANALYZE_PRETTY_H

#include "base/json.h"

/* Is the line the first of an entry? */
bool rp_pretty_begins(struct rp_str line);
/* Writes the members of the first line; of a line behind it, false: it is text, of a stack trace.
 */
void rp_pretty_first(struct rp_jw *w, struct rp_str line);
bool rp_pretty_member(struct rp_jw *w, struct rp_str line);
/* The text behind an entry: the error. */
void rp_pretty_error(struct rp_jw *w, struct rp_str text);
/* "Error: what", its stack: as an object. */
void rp_pretty_error_value(struct rp_jw *w, struct rp_str text);

#endif
