/* A run of a sequence on the real store and on the model: each step does the same to both and
 * compares the answers; agree() compares everything else. The first difference ends the run by
 * run_wrong. */
#ifndef RP_TESTS_MODEL_STEPS_H
#define RP_TESTS_MODEL_STEPS_H

#include "config/config.h"
#include "model.h"
#include "store/holds.h"
#include "store/internal.h"
#include "store/registry.h"
#include "store/schedules.h"

#include <setjmp.h>

/* X(name, how often) */
#define STEPS(X)                                                                                   \
    X(enqueue, 14)                                                                                 \
    X(batch, 4)                                                                                    \
    X(idempotent, 4)                                                                               \
    X(claim, 16)                                                                                   \
    X(report, 26)                                                                                  \
    X(old_report, 3)                                                                               \
    X(beat, 5)                                                                                     \
    X(time, 6)                                                                                     \
    X(expire, 6)                                                                                   \
    X(promote, 6)                                                                                  \
    X(cancel, 5)                                                                                   \
    X(retry, 5)                                                                                    \
    X(resolve, 4)                                                                                  \
    X(queue_pause, 3)                                                                              \
    X(schedule_pause, 2)                                                                           \
    X(fire, 9)                                                                                     \
    X(replay_create, 5)                                                                            \
    X(replay_step, 9)                                                                              \
    X(replay_release, 7)                                                                           \
    X(replay_settle, 7)                                                                            \
    X(replay_undo, 1)                                                                              \
    X(dep_check, 6)                                                                                \
    X(holds, 8)                                                                                    \
    X(commit, 22)                                                                                  \
    X(rollback, 2)                                                                                 \
    X(crash, 1)                                                                                    \
    X(restart, 2)

enum step_kind {
#define X(name, often) STEP_##name,
    STEPS(X)
#undef X
        STEP_KINDS
};

/* Numbers that the step makes its choices from (a step that can do nothing does what leads there: a
 * report with nothing running claims, a claim of nothing enqueues); `fails`: after its work, so
 * that only its own savepoint is rolled back. */
struct step {
    enum step_kind kind;
    uint32_t a, b, c;
    bool fails;
};

struct run {
    struct model m, at_begin, before; /* now, at the beginning of the transaction, of the step */
    struct rp_store *store;
    struct rp_db *db;
    struct rp_config *config;
    struct rp_arena a;
    char dir[64], path[96], why[900];
    bool in_tx, trace;
    jmp_buf wrong;
};

_Noreturn void run_wrong(struct run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A new store in a folder of its own, and the model of it. `r->wrong` must be set. */
void run_open(struct run *r);
void run_close(struct run *r);
void run_step(struct run *r, const struct step *s);
/* Commits what is open, and looks at everything that can be known. */
void run_end(struct run *r);
/* Every row that the model knows; the store's own deep check, and what holds over all rows. */
void run_agree(struct run *r);
void run_check(struct run *r);
const char *step_name(enum step_kind k);

#endif
