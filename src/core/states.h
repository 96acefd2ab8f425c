/* Job states, attempt outcomes and the one table of transitions. Nobody else decides which state
 * comes next.
 *
 * The numbers are stored; never renumber, only append. Names are what API, CLI and the store's
 * views show. */
#ifndef RP_CORE_STATES_H
#define RP_CORE_STATES_H

#include "base/str.h"

/* X(symbol, number, name, terminal) */
#define RP_STATES(X)                                                                               \
    X(RP_SCHEDULED, 1, "scheduled", 0)                                                             \
    X(RP_QUEUED, 2, "queued", 0)                                                                   \
    X(RP_RUNNING, 3, "running", 0)                                                                 \
    X(RP_RETRYING, 4, "retrying", 0)                                                               \
    X(RP_SUCCEEDED, 5, "succeeded", 1)                                                             \
    X(RP_FAILED, 6, "failed", 1)                                                                   \
    X(RP_CANCELLED, 7, "cancelled", 1)                                                             \
    X(RP_UNKNOWN, 8, "unknown", 1)

/* X(symbol, number, name). `lost`: the lease ran out without a word. `interrupted`: ended by a stop
 * of the daemon or worker. */
#define RP_OUTCOMES(X)                                                                             \
    X(RP_OUT_SUCCEEDED, 1, "succeeded")                                                            \
    X(RP_OUT_FAILED, 2, "failed")                                                                  \
    X(RP_OUT_TIMEOUT, 3, "timeout")                                                                \
    X(RP_OUT_LOST, 4, "lost")                                                                      \
    X(RP_OUT_CANCELLED, 5, "cancelled")                                                            \
    X(RP_OUT_SKIPPED, 6, "skipped")                                                                \
    X(RP_OUT_INTERRUPTED, 7, "interrupted")

enum rp_state {
    RP_STATE_NONE = 0, /* the job does not exist yet */
#define X(sym, no, name, terminal) sym = no,
    RP_STATES(X)
#undef X
        RP_STATES_N
};

enum rp_outcome {
    RP_OUT_NONE = 0, /* still running */
#define X(sym, no, name) sym = no,
    RP_OUTCOMES(X)
#undef X
        RP_OUTCOMES_N
};

enum rp_event {
    RP_EV_ENQUEUE,        /* new job, due now */
    RP_EV_SCHEDULE,       /* new job, due later */
    RP_EV_DUE,            /* the due time of a scheduled or retrying job has come */
    RP_EV_CLAIM,          /* a lease was granted */
    RP_EV_SUCCEED,        /* reported: it worked */
    RP_EV_FAIL_RETRY,     /* reported failed or timed out, tries left */
    RP_EV_FAIL_FINAL,     /* reported failed or timed out, none left or permanent */
    RP_EV_INTERRUPT,      /* handed back by a stop; burns no attempt */
    RP_EV_LOST_REPEAT,    /* lease ran out, idempotent, tries left */
    RP_EV_LOST_FINAL,     /* lease ran out, idempotent, none left, or poison */
    RP_EV_LOST_UNKNOWN,   /* lease ran out, not idempotent: a person decides */
    RP_EV_CANCEL,         /* operator or overlap: replace */
    RP_EV_REPLAY,         /* recorded replay or retry of a terminal job */
    RP_EV_RESOLVE_OK,     /* a person settles `unknown`: it had worked */
    RP_EV_RESOLVE_FAILED, /* … it had not */
    RP_EV_UNDO, /* a replay's item that was not run, or not again, goes back to failed … */
    RP_EV_UNDO_UNKNOWN, /* … or to unknown, where it was before */
    RP_EV_HOLD,         /* failed, and a dependency may be why: burns no attempt (U11) */
    RP_EV_COUNT_RETRY,  /* held, but the dependency was up: its attempt counts, tries left … */
    RP_EV_COUNT_FINAL,  /* … none left */
    RP_EV_HOLD_OVER,    /* the dependency was down for longer than the type waits */
    RP_EVENTS_N
};

/* What else a transition does; the store applies these in the same transaction. */
enum {
    RP_FX_NEW_ATTEMPT = 1 << 0,   /* an attempt row begins */
    RP_FX_END_ATTEMPT = 1 << 1,   /* the running attempt gets outcome and end */
    RP_FX_BURN = 1 << 2,          /* counts against max_attempts */
    RP_FX_SET_DUE = 1 << 3,       /* due_at is set by the caller (retry delay) */
    RP_FX_END_JOB = 1 << 4,       /* ended_at is set */
    RP_FX_REOPEN = 1 << 5,        /* ended_at is cleared */
    RP_FX_RELEASE_LEASE = 1 << 6, /* the lease row goes */
};

struct rp_transition {
    enum rp_state from;
    enum rp_event event;
    enum rp_state to;
    unsigned effects; /* RP_FX_* */
};

/* All rows, for the model checker, the property tests and docs. */
extern const struct rp_transition rp_transitions[];
extern const size_t rp_transitions_n;

/* The row, or NULL: not allowed from that state. */
const struct rp_transition *rp_transition_find(enum rp_state from, enum rp_event event);

const char *rp_state_name(enum rp_state s);     /* "none" for RP_STATE_NONE */
const char *rp_outcome_name(enum rp_outcome o); /* "running" for RP_OUT_NONE */
const char *rp_event_name(enum rp_event e);
bool rp_state_of_name(struct rp_str name, enum rp_state *out);
bool rp_outcome_of_name(struct rp_str name, enum rp_outcome *out);
bool rp_state_terminal(enum rp_state s);

#endif
