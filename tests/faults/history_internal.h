/* Private to history.c, history_steps.c and history_holds.c. */
#ifndef TESTS_FAULTS_HISTORY_INTERNAL_H
#define TESTS_FAULTS_HISTORY_INTERNAL_H

#include "history.h"

/* For steps: what the ledger says of a job once the step is committed. */
void history_say(struct history *h, int64_t job, enum rp_state state, int64_t n,
                 enum rp_outcome outcome);
/* Whether what the step `s` needs is there already. */
bool history_at_hand(const struct history *h, const struct step *need, const struct step *s);
extern const struct step *const history_configure;

size_t history_now(const struct history *h);
/* What was said becomes a promise, and the store's content is noted. */
void history_acknowledge(struct history *h, const char *name, size_t begun);

#endif
