/* G4, G10–G13 over the table of transitions, exhaustively: every state with every event, every way
 * from state to state, and every history of a job of up to DEPTH events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/states.h"

enum { DEPTH = 15, DEPTH_MAX = 24 };

#define LIVE           (1u << RP_SCHEDULED | 1u << RP_QUEUED | 1u << RP_RUNNING | 1u << RP_RETRYING)
#define TERMINAL       (1u << RP_SUCCEEDED | 1u << RP_FAILED | 1u << RP_CANCELLED | 1u << RP_UNKNOWN)
#define IN(set, state) (((set) >> (state)&1u) != 0)

static bool has(const struct rp_transition *t, unsigned effect)
{
    return (t->effects & effect) != 0;
}

static void G4_each_state_and_event_lead_to_one_state_or_to_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < rp_transitions_n; i++) {
        const struct rp_transition *t = &rp_transitions[i];
        assert_in_range(t->to, RP_SCHEDULED, RP_UNKNOWN);
        for (size_t k = 0; k < i; k++)
            if (rp_transitions[k].from == t->from && rp_transitions[k].event == t->event)
                fail_msg("%s on %s is there twice", rp_state_name(t->from),
                         rp_event_name(t->event));
    }
    for (int s = 0; s < RP_STATES_N; s++)
        assert_int_equal(rp_state_terminal((enum rp_state)s), IN(TERMINAL, s));
}

/* The unique indexes of the store say `state < 5` and mean live: a key is free with the end. */
static void G13_live_states_are_those_with_a_number_below_5(void **state)
{
    (void)state;
    for (int s = 1; s < RP_STATES_N; s++)
        assert_int_equal(IN(LIVE, s), s < 5);
    for (size_t i = 0; i < rp_transitions_n; i++) {
        const struct rp_transition *t = &rp_transitions[i];
        assert_int_equal(has(t, RP_FX_END_JOB), IN(LIVE, t->from) && IN(TERMINAL, t->to));
        assert_int_equal(has(t, RP_FX_REOPEN), IN(TERMINAL, t->from) && IN(LIVE, t->to));
    }
}

/* ---- ways from state to state ---- */

static unsigned reachable(unsigned from, unsigned without_events)
{
    unsigned before;
    do {
        before = from;
        for (size_t i = 0; i < rp_transitions_n; i++)
            if (IN(from, rp_transitions[i].from) && !IN(without_events, rp_transitions[i].event))
                from |= 1u << rp_transitions[i].to;
    } while (from != before);
    return from;
}

static void G11_no_way_leads_from_an_end_to_a_run_but_by_a_replay_or_retry(void **state)
{
    (void)state;
    assert_int_equal(reachable(TERMINAL, 1u << RP_EV_REPLAY) & LIVE, 0);
    for (int s = RP_SUCCEEDED; s <= RP_UNKNOWN; s++) /* … and by one it always does */
        assert_true(IN(reachable(1u << s, 0), RP_RUNNING));
}

static void G12_an_attempt_that_was_lost_ends_on_record_and_unknown_waits_for_a_person(void **state)
{
    (void)state;
    unsigned by_a_person = 1u << RP_EV_REPLAY | 1u << RP_EV_RESOLVE_OK | 1u << RP_EV_RESOLVE_FAILED;
    assert_int_equal(reachable(1u << RP_UNKNOWN, by_a_person), 1u << RP_UNKNOWN);
    for (size_t i = 0; i < rp_transitions_n; i++) {
        const struct rp_transition *t = &rp_transitions[i];
        bool lost = t->event == RP_EV_LOST_REPEAT || t->event == RP_EV_LOST_FINAL ||
                    t->event == RP_EV_LOST_UNKNOWN;
        if (lost)
            assert_true(t->from == RP_RUNNING && has(t, RP_FX_END_ATTEMPT) && has(t, RP_FX_BURN));
        if (t->event == RP_EV_LOST_REPEAT)
            assert_int_equal(t->to, RP_QUEUED);
        if (t->event == RP_EV_LOST_UNKNOWN)
            assert_int_equal(t->to, RP_UNKNOWN);
    }
}

static void a_person_can_end_whatever_is_live(void **state)
{
    (void)state;
    for (int s = RP_SCHEDULED; s <= RP_RETRYING; s++) {
        const struct rp_transition *t = rp_transition_find((enum rp_state)s, RP_EV_CANCEL);
        assert_non_null(t);
        assert_int_equal(t->to, RP_CANCELLED);
    }
}

/* ---- every history ---- */

struct history {
    enum rp_event event[DEPTH_MAX];
    int n;
    enum rp_state state;
    int leases, open, closed, burned, interrupted, uncounted;
    bool ended, held;
};

static void show(const struct history *h)
{
    for (int i = 0; i < h->n; i++)
        print_error("  %s\n", rp_event_name(h->event[i]));
}

#define HOLDS(h, condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            show(h);                                                                               \
            fail_msg("%s, in state %s", #condition, rp_state_name((h)->state));                    \
        }                                                                                          \
    } while (0)

static bool counts(const struct rp_transition *t)
{
    return t->event == RP_EV_COUNT_RETRY || t->event == RP_EV_COUNT_FINAL;
}

static void happen(struct history *h, const struct rp_transition *t)
{
    h->event[h->n++] = t->event;
    h->state = t->to;
    h->open += has(t, RP_FX_NEW_ATTEMPT) - has(t, RP_FX_END_ATTEMPT);
    h->leases += has(t, RP_FX_NEW_ATTEMPT) - has(t, RP_FX_RELEASE_LEASE);
    h->closed += has(t, RP_FX_END_ATTEMPT);
    h->burned += has(t, RP_FX_BURN);
    h->interrupted += t->event == RP_EV_INTERRUPT;
    h->uncounted += (t->event == RP_EV_HOLD) - counts(t);
    h->held = t->event == RP_EV_HOLD;
    h->ended = has(t, RP_FX_END_JOB) || (h->ended && !has(t, RP_FX_REOPEN));
}

static void holds(const struct history *h)
{
    HOLDS(h, h->leases == (h->state == RP_RUNNING)); /* G10: 0 or 1, never more */
    HOLDS(h, h->open == (h->state == RP_RUNNING));
    HOLDS(h, h->ended == IN(TERMINAL, h->state));
    HOLDS(h,
          h->closed == h->burned + h->interrupted + h->uncounted); /* G12: each end is on record */
}

static int64_t explore(const struct history *h, int depth)
{
    int64_t n = 1;
    for (size_t i = 0; h->n < depth && i < rp_transitions_n; i++) {
        bool of_a_hold = counts(&rp_transitions[i]) || rp_transitions[i].event == RP_EV_HOLD_OVER;
        if (rp_transitions[i].from != h->state || (of_a_hold && !h->held))
            continue;
        struct history next = *h;
        happen(&next, &rp_transitions[i]);
        holds(&next);
        n += explore(&next, depth);
    }
    return n;
}

static void G4_G10_G12_hold_after_every_history(void **state)
{
    (void)state;
    const char *asked = getenv("RP_MODEL_DEPTH");
    int depth = asked != NULL ? atoi(asked) : DEPTH;
    assert_in_range(depth, 1, DEPTH_MAX);
    print_message("%lld histories of up to %d events\n",
                  (long long)explore(&(struct history){0}, depth), depth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G4_each_state_and_event_lead_to_one_state_or_to_none),
        cmocka_unit_test(G13_live_states_are_those_with_a_number_below_5),
        cmocka_unit_test(G11_no_way_leads_from_an_end_to_a_run_but_by_a_replay_or_retry),
        cmocka_unit_test(
            G12_an_attempt_that_was_lost_ends_on_record_and_unknown_waits_for_a_person),
        cmocka_unit_test(a_person_can_end_whatever_is_live),
        cmocka_unit_test(G4_G10_G12_hold_after_every_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
