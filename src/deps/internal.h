/* Private to deps/: a row of the table of kinds, and a check under way. */
#ifndef RP_DEPS_INTERNAL_H
#define RP_DEPS_INTERNAL_H

#include "base/time.h"
#include "deps/deps.h"

#include <stdarg.h>
#include <stdatomic.h>

/* One check, meant to take at most timeout_us. Fills up and says (no secrets); the latency is
 * measured around it. `quit`: nobody waits any more; looked at by those that leave something
 * behind. */
typedef void dep_check(const struct rp_dep *dep, int64_t timeout_us, const atomic_bool *quit,
                       struct rp_dep_result *out);

dep_check check_postgres, check_http, check_tcp, check_command;

/* Down, with what was seen. */
void dep_down(struct rp_dep_result *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* host and port of "host:port", "[v6]:port"; false if it is not one. */
bool dep_host_port(struct rp_str s, char host[256], char port[16]);
/* How long a wait may last before it looks at `quit`. */
#define DEP_SLICE_US (RP_US_S / 10)

/* ---- check.c ---- */

/* What a check may take beyond its time limit until it counts as not answered. */
#define DEP_LATE_US (RP_US_S / 4)

struct dep_job;
struct dep_job *dep_job_start(const struct rp_dep *dep);
/* True once it has ended; false after wait_us, or soon after *quit (may be NULL) is set. */
bool dep_job_wait(struct dep_job *j, int64_t wait_us, const atomic_bool *quit);
void dep_job_result(struct dep_job *j, bool ended, struct rp_dep_result *out);
/* Whatever is left of it goes on by itself and ends when it can. */
void dep_job_leave(struct dep_job *j);

#endif
