/* What Node's util.inspect prints of an object, as JSON: winston's prettyPrint() and bunyan's
 * command with -o inspect write their lines so.
 *
 *     {
 *       job: 'sync', runId: 1000,
 *       err: Error: no route
 *           at fetch (/srv/app/jobs.js:12:9) {
 *         code: 'EHOSTUNREACH'
 *       },
 *       level: 'error'
 *     }
 */
#ifndef RP_ANALYZE_INSPECT_H
#define RP_ANALYZE_INSPECT_H

#include "base/json.h"

/* "{ level: 'info', …", or "{" with the first member on the line behind it. */
bool rp_inspect_begins(struct rp_str line, struct rp_str behind);
/* One object; of one that was cut, what stands before the cut. */
void rp_inspect_json(struct rp_jw *w, struct rp_str text);

#endif
