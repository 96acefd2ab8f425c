#include "core/states.h"

#define RELEASE (RP_FX_END_ATTEMPT | RP_FX_RELEASE_LEASE)

/* DESIGN: «Life of a job». Sorted by state, then event. */
const struct rp_transition rp_transitions[] = {
    {RP_STATE_NONE, RP_EV_ENQUEUE, RP_QUEUED, 0},
    {RP_STATE_NONE, RP_EV_SCHEDULE, RP_SCHEDULED, 0},
    {RP_SCHEDULED, RP_EV_DUE, RP_QUEUED, 0},
    {RP_SCHEDULED, RP_EV_CANCEL, RP_CANCELLED, RP_FX_END_JOB},
    {RP_QUEUED, RP_EV_CLAIM, RP_RUNNING, RP_FX_NEW_ATTEMPT},
    {RP_QUEUED, RP_EV_CANCEL, RP_CANCELLED, RP_FX_END_JOB},
    {RP_QUEUED, RP_EV_UNDO, RP_FAILED, RP_FX_END_JOB},
    {RP_QUEUED, RP_EV_UNDO_UNKNOWN, RP_UNKNOWN, RP_FX_END_JOB},
    {RP_RUNNING, RP_EV_SUCCEED, RP_SUCCEEDED, RELEASE | RP_FX_BURN | RP_FX_END_JOB},
    {RP_RUNNING, RP_EV_FAIL_RETRY, RP_RETRYING, RELEASE | RP_FX_BURN | RP_FX_SET_DUE},
    {RP_RUNNING, RP_EV_FAIL_FINAL, RP_FAILED, RELEASE | RP_FX_BURN | RP_FX_END_JOB},
    {RP_RUNNING, RP_EV_INTERRUPT, RP_QUEUED, RELEASE},
    {RP_RUNNING, RP_EV_HOLD, RP_RETRYING, RELEASE | RP_FX_SET_DUE},
    {RP_RUNNING, RP_EV_LOST_REPEAT, RP_QUEUED, RELEASE | RP_FX_BURN},
    {RP_RUNNING, RP_EV_LOST_FINAL, RP_FAILED, RELEASE | RP_FX_BURN | RP_FX_END_JOB},
    {RP_RUNNING, RP_EV_LOST_UNKNOWN, RP_UNKNOWN, RELEASE | RP_FX_BURN | RP_FX_END_JOB},
    {RP_RUNNING, RP_EV_CANCEL, RP_CANCELLED, RELEASE | RP_FX_BURN | RP_FX_END_JOB},
    {RP_RETRYING, RP_EV_DUE, RP_QUEUED, 0},
    {RP_RETRYING, RP_EV_CANCEL, RP_CANCELLED, RP_FX_END_JOB},
    {RP_RETRYING, RP_EV_UNDO, RP_FAILED, RP_FX_END_JOB},
    {RP_RETRYING, RP_EV_COUNT_RETRY, RP_RETRYING, RP_FX_BURN | RP_FX_SET_DUE},
    {RP_RETRYING, RP_EV_COUNT_FINAL, RP_FAILED, RP_FX_BURN | RP_FX_END_JOB},
    {RP_RETRYING, RP_EV_HOLD_OVER, RP_FAILED, RP_FX_END_JOB},
    {RP_SUCCEEDED, RP_EV_REPLAY, RP_QUEUED, RP_FX_REOPEN},
    {RP_FAILED, RP_EV_REPLAY, RP_QUEUED, RP_FX_REOPEN},
    {RP_CANCELLED, RP_EV_REPLAY, RP_QUEUED, RP_FX_REOPEN},
    {RP_UNKNOWN, RP_EV_REPLAY, RP_QUEUED, RP_FX_REOPEN},
    {RP_UNKNOWN, RP_EV_RESOLVE_OK, RP_SUCCEEDED, 0},
    {RP_UNKNOWN, RP_EV_RESOLVE_FAILED, RP_FAILED, 0},
};
const size_t rp_transitions_n = sizeof rp_transitions / sizeof *rp_transitions;

static const char *const state_names[RP_STATES_N] = {[RP_STATE_NONE] = "none",
#define X(sym, no, name, terminal) [sym] = name,
                                                     RP_STATES(X)
#undef X
};

static const bool terminal_states[RP_STATES_N] = {
#define X(sym, no, name, terminal) [sym] = terminal,
    RP_STATES(X)
#undef X
};

static const char *const outcome_names[RP_OUTCOMES_N] = {[RP_OUT_NONE] = "running",
#define X(sym, no, name) [sym] = name,
                                                         RP_OUTCOMES(X)
#undef X
};

static const char *const event_names[RP_EVENTS_N] = {
    [RP_EV_ENQUEUE] = "enqueue",
    [RP_EV_SCHEDULE] = "schedule",
    [RP_EV_DUE] = "due",
    [RP_EV_CLAIM] = "claim",
    [RP_EV_SUCCEED] = "succeed",
    [RP_EV_FAIL_RETRY] = "fail-retry",
    [RP_EV_FAIL_FINAL] = "fail-final",
    [RP_EV_INTERRUPT] = "interrupt",
    [RP_EV_LOST_REPEAT] = "lost-repeat",
    [RP_EV_LOST_FINAL] = "lost-final",
    [RP_EV_LOST_UNKNOWN] = "lost-unknown",
    [RP_EV_CANCEL] = "cancel",
    [RP_EV_REPLAY] = "replay",
    [RP_EV_RESOLVE_OK] = "resolve-ok",
    [RP_EV_RESOLVE_FAILED] = "resolve-failed",
    [RP_EV_UNDO] = "undo",
    [RP_EV_UNDO_UNKNOWN] = "undo-unknown",
    [RP_EV_HOLD] = "hold",
    [RP_EV_COUNT_RETRY] = "count-retry",
    [RP_EV_COUNT_FINAL] = "count-final",
    [RP_EV_HOLD_OVER] = "hold-over",
};

const struct rp_transition *rp_transition_find(enum rp_state from, enum rp_event event)
{
    for (size_t i = 0; i < rp_transitions_n; i++)
        if (rp_transitions[i].from == from && rp_transitions[i].event == event)
            return &rp_transitions[i];
    return NULL;
}

const char *rp_state_name(enum rp_state s)
{
    return state_names[s];
}

const char *rp_outcome_name(enum rp_outcome o)
{
    return outcome_names[o];
}

const char *rp_event_name(enum rp_event e)
{
    return event_names[e];
}

static int name_index(const char *const *names, int n, struct rp_str name)
{
    for (int i = 1; i < n; i++)
        if (rp_str_is(name, names[i]))
            return i;
    return 0;
}

bool rp_state_of_name(struct rp_str name, enum rp_state *out)
{
    *out = (enum rp_state)name_index(state_names, RP_STATES_N, name);
    return *out != RP_STATE_NONE;
}

bool rp_outcome_of_name(struct rp_str name, enum rp_outcome *out)
{
    *out = (enum rp_outcome)name_index(outcome_names, RP_OUTCOMES_N, name);
    return *out != RP_OUT_NONE;
}

bool rp_state_terminal(enum rp_state s)
{
    return terminal_states[s];
}
