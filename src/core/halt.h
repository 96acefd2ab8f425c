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
 * k-th has the limit 1/α_k with α_k = .7·α·6/(π²k²), whose sum over all k is .7·α. A process is
 * told by its outcomes since its wave began, in whatever order: two counts. So its state is what
 * the store holds anyway, and survives a kill.
 *
 * The other .3·α go to the first 200 outcomes, because there the processes alone miss 4 % of those
 * that fail at 5·p0 = 10 %, and 1 % is asked for. It halts once c of them failed, c the least
 * number with P(Binomial(200, p0) ≥ c) ≤ .3·α. Failures only add up, so that they ever reach c is
 * the same as that they reach it by the 200th: the bound holds whenever one looks. (It is Ville's
 * as well: P(c by the 200th | outcomes so far) / P(c by the 200th) is a martingale under p0 that
 * begins at 1, and is at its greatest when c have failed.) A lower failure probability, or one
 * that drifts below p0, makes fewer of them. Both parts together: at most α, by the union bound.
 * With p0 = 2 % c is 11: .25 % false halts, .81 % missed ones at 10 %.
 *
 * Outcomes are taken in the order in which their items start: in that of their ends, quick failures
 * would come before the slow successes that began with them, and of 2,000 items of which 2 % fail,
 * 100 times as quickly, 100 at once, most would be halted. What runs counts as a success until it
 * has ended, and what ran when a wave began as a failure that is not its own: that makes e, and the
 * failures that are certain among the first, only less than they are, so both bounds hold whatever
 * the durations are.
 *
 * Pure: no I/O, no clock. */
#ifndef RP_CORE_HALT_H
#define RP_CORE_HALT_H

#include "base/str.h"

enum {
    RP_HALT_LEAST = 3,      /* failures before any halt */
    RP_HALT_PROCESSES = 16, /* the newest ones; older ones hear nothing new quickly */
    RP_HALT_FIRST = 200     /* items that are counted apart */
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
    int64_t before; /* of the items that started before it, so many had no outcome then */
};
/* … of one of them at least, with items that have started and have no outcome yet. */
double rp_halt_process_log_e(double p0, const struct rp_halt_process *p, int64_t running);
/* Which of the processes says that it must halt, NULL: none. `failed`: of all outcomes since the
 * test began; `running`: items that have started and have no outcome yet. */
const struct rp_halt_process *rp_halt_says(double p0, double alpha, int64_t failed, int64_t running,
                                           const struct rp_halt_process *v, size_t n);

/* How many failures are too many among the first RP_HALT_FIRST; more than that: no number is. */
int64_t rp_halt_first_limit(double p0, double alpha);
/* Whether that many are certain to be among them, after so many starts since the test began. */
bool rp_halt_first_says(double p0, double alpha, int64_t started, int64_t failed);

/* What is clearly not acceptable: five times p0, at most 90 %. */
double rp_halt_decision_rate(double p0);
/* After how many failures it halts if items fail at that rate from the start, as evenly as can be.
 */
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
