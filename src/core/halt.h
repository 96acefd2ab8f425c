/* When a replay has failed too often to go on: a test that may be asked after every item.
 *
 * H0: an item fails with a probability of at most p0 = max(2 × the baseline, 2 %). For alternatives
 * a > p0 the product over outcomes of a/p0 (failure) or (1−a)/(1−p0) (success) has an expectation
 * of at most 1 under H0, however large the number of outcomes, and so has the mean over several
 * alternatives: an e-process. By Ville's inequality it ever reaches 1/α with a probability of at
 * most α (Ramdas, Grünwald, Vovk, Shafer: "Game-theoretic statistics and safe anytime-valid
 * inference", Statistical Science 38, 2023).
 *
 * One process begins with each wave, so that a late turn is not drowned in earlier successes; the
 * k-th has the limit 1/α_k with α_k = α·6/(π²k²), whose sum over all k is α. A process is told by
 * its outcomes since its wave began, in whatever order: two counts. So its state is what the store
 * holds anyway, and survives a kill.
 *
 * Pure: no I/O, no clock. */
#ifndef RP_CORE_HALT_H
#define RP_CORE_HALT_H

#include "base/str.h"

enum {
    RP_HALT_LEAST = 3,     /* failures before any halt */
    RP_HALT_PROCESSES = 16 /* the newest ones; older ones hear nothing new quickly */
};

/* What is acceptable for a type that fails with this rate in health. At most 1/2: what fails more
 * often than that is not worth being replayed unwatched. */
double rp_halt_p0(double baseline);

/* What a replay is held to: frozen when it is made. */
struct rp_halt_rule {
    double baseline, p0, alpha;
};

/* Natural logarithm of e after so many outcomes. */
double rp_halt_log_e(double p0, int64_t failed, int64_t succeeded);
/* … and of the limit of the k-th process, from 1. */
double rp_halt_log_limit(double alpha, int64_t k);

/* The outcomes since the k-th wave began. */
struct rp_halt_process {
    int64_t k, failed, succeeded;
};
/* Which of the processes says that it must halt, NULL: none. `failed`: of all outcomes since the
 * test began. */
const struct rp_halt_process *rp_halt_says(double p0, double alpha, int64_t failed,
                                           const struct rp_halt_process *v, size_t n);

/* After how many failures it halts if items fail at five times p0 (at most 90 %) from the start, as
 * evenly as can be. */
int64_t rp_halt_decision_after(double p0, double alpha);

/* Runs and failures of one hour of a type. */
struct rp_halt_hour {
    int64_t runs, failed;
};
/* The failure rate of a type in health. Hours are taken together until they hold 50 runs; of these
 * stretches those count in which at most half failed, and at most 10 points more than in their
 * median one: an outage is no measure of health. 0 if none is left. */
double rp_halt_baseline(const struct rp_halt_hour *v, size_t n);

#endif
