/* Private to deps/: a row of the table of kinds. */
#ifndef RP_DEPS_INTERNAL_H
#define RP_DEPS_INTERNAL_H

#include "base/time.h"
#include "deps/deps.h"

/* One check, at most timeout_us long. Fills up and says (no secrets); the latency is measured
 * around it. */
typedef void dep_check(const struct rp_dep *dep, int64_t timeout_us, struct rp_dep_result *out);

dep_check check_postgres, check_http, check_tcp, check_command;

/* Down, with what was seen. */
void dep_down(struct rp_dep_result *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* host and port of "host:port", "[v6]:port"; false if it is not one. */
bool dep_host_port(struct rp_str s, char host[256], char port[16]);

#endif
