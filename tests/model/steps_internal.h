/* Private to tests/model: what the files of steps share. */
#ifndef RP_TESTS_MODEL_STEPS_INTERNAL_H
#define RP_TESTS_MODEL_STEPS_INTERNAL_H

#include "steps.h"

#define NODE RP_STR("n1")
#define WHO  RP_STR("ada")
#define WHY  RP_STR("because")
#define LL   long long

/* What the store's own trouble would be: nothing of it is expected here. */
#define MUST(r, call)                                                                              \
    do {                                                                                           \
        struct rp_err err_ = {0}, *err = &err_;                                                    \
        if (!(call))                                                                               \
            run_wrong(r, "%s: %s", #call, err_.message);                                           \
    } while (0)

/* In words, for people who read a sequence that went wrong. */
void run_say(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

void run_agree_holds(struct run *r);
void run_same(struct run *r, const char *what, int64_t got, int64_t expected);

/* One step each; false: refused, so that its savepoint is rolled back. */
#define X(name, often) bool do_##name(struct run *r, const struct step *s);
STEPS(X)
#undef X

#endif
