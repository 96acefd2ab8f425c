/* Dependency checks: PostgreSQL, HTTP, TCP, command, each with a time limit, none able to delay
 * another (G20). One file a kind; a row in the table of kinds. A struct rp_deps runs one thread a
 * dependency (≤ 64), which checks at start, every `every`, and when asked, and writes the result
 * through the engine (rp_dep_checked). Each check has a thread of its own, which is left behind
 * when it does not answer in time; until it is gone, the dependency is down and no other one
 * starts. */
#ifndef RP_DEPS_DEPS_H
#define RP_DEPS_DEPS_H

#include "base/err.h"
#include "core/settings.h"

struct rp_engine;

struct rp_dep_result {
    bool up;
    int64_t latency_us;
    int64_t connections_free; /* PostgreSQL: how many more it takes; 0: not known */
    char says[240]; /* "200 in 84 ms", "connection refused (127.0.0.1:5432)": no secrets */
};
/* One check now; waits at most the dependency's time limit (plus a little). */
void rp_dep_check(const struct rp_dep *dep, struct rp_dep_result *out);

struct rp_deps;
struct rp_deps *rp_deps_start(struct rp_engine *e, const struct rp_config *config,
                              struct rp_err *err);
/* Other dependencies from now on; unchanged ones go on undisturbed. The thread of start and stop.
 */
bool rp_deps_reload(struct rp_deps *d, const struct rp_config *config, struct rp_err *err);
/* Asks for a check of `name` (absent: all) soon; done(ctx) is called when each has been checked and
 * written, or after their time limits, or at the stop. Any thread, does not block. */
bool rp_deps_ask(struct rp_deps *d, struct rp_str name, void (*done)(void *ctx), void *ctx,
                 struct rp_err *err);
/* Ends the checks, without waiting for those that hang (commands are killed), and tells all who
 * wait; who asks from then on gets RP_E_STOPPING. So faces stop between this and rp_deps_free: what
 * they wait for is over, and what they hold is still there. */
void rp_deps_stop(struct rp_deps *d);
void rp_deps_free(struct rp_deps *d); /* after rp_deps_stop, when nobody can ask any more */

#endif
