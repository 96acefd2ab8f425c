/* The table of transitions against DESIGN's picture of a job's life, written a second time here as
 * sets, and against the invariants that the store relies on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/states.h"

enum { STEPS = 1000000 };

/* The picture: what may happen in a state, and where it leads. */
static const struct {
    enum rp_state from;
    struct {
        enum rp_event event;
        enum rp_state to;
    } moves[10];
} picture[] = {
    {RP_STATE_NONE, {{RP_EV_ENQUEUE, RP_QUEUED}, {RP_EV_SCHEDULE, RP_SCHEDULED}}},
    {RP_SCHEDULED, {{RP_EV_DUE, RP_QUEUED}, {RP_EV_CANCEL, RP_CANCELLED}}},
    {RP_QUEUED,
     {{RP_EV_CLAIM, RP_RUNNING},
      {RP_EV_CANCEL, RP_CANCELLED},
      {RP_EV_UNDO, RP_FAILED},
      {RP_EV_UNDO_UNKNOWN, RP_UNKNOWN}}},
    {RP_RUNNING,
     {{RP_EV_SUCCEED, RP_SUCCEEDED},
      {RP_EV_FAIL_RETRY, RP_RETRYING},
      {RP_EV_FAIL_FINAL, RP_FAILED},
      {RP_EV_INTERRUPT, RP_QUEUED},
      {RP_EV_HOLD, RP_RETRYING},
      {RP_EV_LOST_REPEAT, RP_QUEUED},
      {RP_EV_LOST_FINAL, RP_FAILED},
      {RP_EV_LOST_UNKNOWN, RP_UNKNOWN},
      {RP_EV_CANCEL, RP_CANCELLED}}},
    {RP_RETRYING,
     {{RP_EV_DUE, RP_QUEUED},
      {RP_EV_CANCEL, RP_CANCELLED},
      {RP_EV_UNDO, RP_FAILED},
      {RP_EV_COUNT_RETRY, RP_RETRYING},
      {RP_EV_COUNT_FINAL, RP_FAILED},
      {RP_EV_HOLD_OVER, RP_FAILED}}},
    {RP_SUCCEEDED, {{RP_EV_REPLAY, RP_QUEUED}}},
    {RP_FAILED, {{RP_EV_REPLAY, RP_QUEUED}}},
    {RP_CANCELLED, {{RP_EV_REPLAY, RP_QUEUED}}},
    {RP_UNKNOWN,
     {{RP_EV_REPLAY, RP_QUEUED},
      {RP_EV_RESOLVE_OK, RP_SUCCEEDED},
      {RP_EV_RESOLVE_FAILED, RP_FAILED}}},
};

static enum rp_state in_picture(enum rp_state from, enum rp_event event)
{
    for (size_t i = 0; i < sizeof picture / sizeof *picture; i++)
        for (size_t k = 0; picture[i].from == from && picture[i].moves[k].to != RP_STATE_NONE; k++)
            if (picture[i].moves[k].event == event)
                return picture[i].moves[k].to;
    return RP_STATE_NONE;
}

static void every_state_and_event_is_a_row_of_the_picture_or_refused(void **state)
{
    (void)state;
    size_t rows = 0;
    for (int s = 0; s < RP_STATES_N; s++)
        for (int e = 0; e < RP_EVENTS_N; e++) {
            const struct rp_transition *t = rp_transition_find((enum rp_state)s, (enum rp_event)e);
            enum rp_state to = in_picture((enum rp_state)s, (enum rp_event)e);
            rows += t != NULL;
            if ((t != NULL ? t->to : RP_STATE_NONE) != to)
                fail_msg("%s on %s: expected %s, came %s", rp_state_name((enum rp_state)s),
                         rp_event_name((enum rp_event)e), rp_state_name(to),
                         t != NULL ? rp_state_name(t->to) : "a refusal");
        }
    assert_int_equal(rows, rp_transitions_n); /* no row is hidden behind another */
}

static void G11_terminal_states_are_left_only_by_replay_or_resolve(void **state)
{
    (void)state;
    for (size_t i = 0; i < rp_transitions_n; i++) {
        const struct rp_transition *t = &rp_transitions[i];
        if (!rp_state_terminal(t->from))
            continue;
        assert_true(t->event == RP_EV_REPLAY || t->event == RP_EV_RESOLVE_OK ||
                    t->event == RP_EV_RESOLVE_FAILED);
        assert_true(t->event == RP_EV_REPLAY || t->from == RP_UNKNOWN);
    }
}

static bool has(const struct rp_transition *t, unsigned effect)
{
    return (t->effects & effect) != 0;
}

static void effects_follow_from_the_states_they_join(void **state)
{
    (void)state;
    for (size_t i = 0; i < rp_transitions_n; i++) {
        const struct rp_transition *t = &rp_transitions[i];
        bool from_end = rp_state_terminal(t->from), to_end = rp_state_terminal(t->to);
        assert_int_equal(has(t, RP_FX_NEW_ATTEMPT), t->to == RP_RUNNING);
        assert_int_equal(has(t, RP_FX_END_ATTEMPT), t->from == RP_RUNNING);
        assert_int_equal(has(t, RP_FX_RELEASE_LEASE), t->from == RP_RUNNING);
        bool counts = t->event == RP_EV_COUNT_RETRY || t->event == RP_EV_COUNT_FINAL;
        assert_int_equal(has(t, RP_FX_BURN),
                         counts || (t->from == RP_RUNNING && t->event != RP_EV_INTERRUPT &&
                                    t->event != RP_EV_HOLD));
        assert_int_equal(has(t, RP_FX_END_JOB), !from_end && to_end);
        assert_int_equal(has(t, RP_FX_REOPEN), from_end && !to_end);
        assert_int_equal(has(t, RP_FX_SET_DUE), t->to == RP_RETRYING);
    }
}

static void only_a_claim_leads_to_running(void **state)
{
    (void)state;
    for (size_t i = 0; i < rp_transitions_n; i++)
        assert_int_equal(rp_transitions[i].to == RP_RUNNING,
                         rp_transitions[i].event == RP_EV_CLAIM);
}

static unsigned reachable_from(enum rp_state start)
{
    unsigned seen = 1U << start, before = 0;
    while (seen != before) {
        before = seen;
        for (size_t i = 0; i < rp_transitions_n; i++)
            if ((seen >> rp_transitions[i].from & 1) != 0)
                seen |= 1U << rp_transitions[i].to;
    }
    return seen;
}

static void every_state_can_be_reached_and_ended(void **state)
{
    (void)state;
    assert_int_equal(reachable_from(RP_STATE_NONE), (1U << RP_STATES_N) - 1);
    for (int s = 1; s < RP_STATES_N; s++)
        assert_true((reachable_from((enum rp_state)s) >> RP_SUCCEEDED & 1) != 0);
}

static void every_event_is_used(void **state)
{
    (void)state;
    for (int e = 0; e < RP_EVENTS_N; e++) {
        bool used = false;
        for (size_t i = 0; i < rp_transitions_n; i++)
            used |= rp_transitions[i].event == (enum rp_event)e;
        if (!used)
            fail_msg("no state knows %s", rp_event_name((enum rp_event)e));
    }
}

/* ---- random walk ---- */

struct job {
    enum rp_state state;
    bool attempt_open, lease, ended;
    long attempts, closed, burned, interrupted, uncounted;
};

static bool counts_after_all(const struct rp_transition *t)
{
    return t->event == RP_EV_COUNT_RETRY || t->event == RP_EV_COUNT_FINAL;
}

/* Applies the effects as the store does, and fails where one has nothing to act on. */
static void apply(struct job *j, const struct rp_transition *t)
{
    if (has(t, RP_FX_END_ATTEMPT)) {
        assert_true(j->attempt_open);
        j->attempt_open = false;
        j->closed++;
    }
    if (has(t, RP_FX_RELEASE_LEASE)) {
        assert_true(j->lease);
        j->lease = false;
    }
    if (has(t, RP_FX_NEW_ATTEMPT)) {
        assert_false(j->attempt_open || j->lease);
        j->attempt_open = j->lease = true;
        j->attempts++;
    }
    if (has(t, RP_FX_END_JOB)) {
        assert_false(j->ended);
        j->ended = true;
    }
    if (has(t, RP_FX_REOPEN)) {
        assert_true(j->ended);
        j->ended = false;
    }
    j->burned += has(t, RP_FX_BURN);
    j->interrupted += t->event == RP_EV_INTERRUPT;
    j->uncounted += (t->event == RP_EV_HOLD) - counts_after_all(t);
    j->state = t->to;
}

static void hold_invariants(const struct job *j)
{
    assert_int_equal(j->attempt_open, j->state == RP_RUNNING);
    assert_int_equal(j->lease, j->state == RP_RUNNING);
    assert_int_equal(j->ended, rp_state_terminal(j->state));
    assert_int_equal(j->attempts, j->closed + j->attempt_open);
    assert_int_equal(j->closed, j->burned + j->interrupted + j->uncounted);
}

static void a_random_walk_of_a_million_steps_keeps_the_invariants(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    struct job j = {0};
    long visits[RP_STATES_N] = {0};
    for (long step = 0; step < STEPS;) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        const struct rp_transition *t =
            rp_transition_find(j.state, (enum rp_event)(seed % RP_EVENTS_N));
        if (t == NULL)
            continue;
        apply(&j, t);
        hold_invariants(&j);
        visits[j.state]++;
        step++;
        if (seed >> 40 == 0)
            j = (struct job){0};
    }
    for (int s = 1; s < RP_STATES_N; s++)
        if (s != RP_SCHEDULED) /* only new jobs come there */
            assert_true(visits[s] > STEPS / 1000);
}

/* ---- names ---- */

static void names_and_numbers_go_both_ways(void **state)
{
    (void)state;
    enum rp_state s;
    enum rp_outcome o;
    for (int i = 1; i < RP_STATES_N; i++) {
        assert_true(rp_state_of_name(rp_str_of(rp_state_name((enum rp_state)i)), &s));
        assert_int_equal(s, i);
    }
    for (int i = 1; i < RP_OUTCOMES_N; i++) {
        assert_true(rp_outcome_of_name(rp_str_of(rp_outcome_name((enum rp_outcome)i)), &o));
        assert_int_equal(o, i);
    }
    assert_false(rp_state_of_name(RP_STR("none"), &s));
    assert_false(rp_state_of_name(RP_STR("Queued"), &s));
    assert_false(rp_outcome_of_name(RP_STR("running"), &o));
    assert_false(rp_state_of_name(RP_NONE, &s));
    assert_string_equal(rp_state_name(RP_STATE_NONE), "none");
    assert_string_equal(rp_outcome_name(RP_OUT_NONE), "running");
}

static void event_names_are_there_and_differ(void **state)
{
    (void)state;
    for (int a = 0; a < RP_EVENTS_N; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(rp_event_name((enum rp_event)a),
                                    rp_event_name((enum rp_event)b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_and_event_is_a_row_of_the_picture_or_refused),
        cmocka_unit_test(G11_terminal_states_are_left_only_by_replay_or_resolve),
        cmocka_unit_test(effects_follow_from_the_states_they_join),
        cmocka_unit_test(only_a_claim_leads_to_running),
        cmocka_unit_test(every_state_can_be_reached_and_ended),
        cmocka_unit_test(every_event_is_used),
        cmocka_unit_test(a_random_walk_of_a_million_steps_keeps_the_invariants),
        cmocka_unit_test(names_and_numbers_go_both_ways),
        cmocka_unit_test(event_names_are_there_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
