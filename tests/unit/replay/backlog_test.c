/* Live work goes first in the queues that a replay's items wait in, which need not be those of
 * their types' settings (replay.md 9, 13); what a type holds is not live work. */
#include "replay_world.h"

#define TYPES                                                                                      \
    "  a: { run: [\"true\"], retries: 0, idempotent: true }\n"                                     \
    "  pay: { run: [\"true\"], idempotent: true, compensate: [\"false\"], queue: money }\n"        \
    "  needy: { run: [\"true\"], retries: 0, idempotent: true, needs: [db] }\n"                    \
    "  other: { run: [\"true\"], retries: 0, idempotent: true, queue: slow }\n"

static const char all_types[] =
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
    "jobs:\n" TYPES "  old: { run: [\"true\"], retries: 0, idempotent: true }\n";
static const char without_old[] = "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
                                  "jobs:\n" TYPES;

static const int64_t long_us = 11 * RP_US_MIN; /* the alert is at 10 */

static struct rp_replay_ask of(const char *type)
{
    return (struct rp_replay_ask){
        .filter = {.type = rp_str_of(type)}, .has_filter = true, .actor = RP_STR("ada")};
}

static int64_t enqueue_in(struct world *w, const char *type, const char *queue)
{
    struct rp_enqueue in = {
        .type = rp_str_of(type), .queue = rp_str_of(queue), .priority = INT64_MIN};
    struct rp_enqueued out;
    OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    return out.id;
}

static void fail_in(struct world *w, const char *type, const char *queue, int n)
{
    for (int i = 0; i < n; i++) {
        struct rp_lease *l;
        (void)enqueue_in(w, type, queue);
        assert_int_equal(claim(w, 1, &l), 1);
        end_job(w, &l[0], &(struct failing){0});
    }
    commit(w);
}

static struct rp_preflight backlog(struct world *w, const struct rp_replay_ask *ask)
{
    struct rp_plan p = plan_of(w, ask);
    for (size_t i = 0; i < p.n_preflight; i++)
        if (rp_str_is(p.preflight[i].check, "backlog"))
            return p.preflight[i];
    fail_msg("the backlog was not looked at");
    return (struct rp_preflight){0};
}

static bool waits(struct world *w, int64_t id)
{
    struct rp_replay r = replay(w, id);
    return r.says.p != NULL && rp_str_find(r.says, RP_STR("waits: live jobs")) != SIZE_MAX;
}

/* ---- preflight ---- */

static void R9_what_its_type_holds_refuses_no_replay(void **state)
{
    struct world *w = *state;
    struct rp_replay_ask ask = of("a");
    configure(w, all_types);
    dependency(w, "db", true);
    fail_many(w, "a", 1);
    int64_t held = enqueue(w, "old", NULL);
    configure(w, without_old);
    w->now += long_us;
    assert_int_equal(state_of(w, held), RP_QUEUED);
    assert_int_equal(backlog(w, &ask).state, RP_CHECK_HOLDS);
    (void)enqueue(w, "needy", NULL);
    dependency(w, "db", false);
    w->now += long_us;
    assert_int_equal(backlog(w, &ask).state, RP_CHECK_HOLDS);
    dependency(w, "db", true); /* now it is live work that waits */
    assert_int_equal(backlog(w, &ask).state, RP_CHECK_FAILS);
    dependency(w, "db", false);
    assert_true(start(w, &ask) > 0);
}

static void R9_the_queues_that_count_are_those_of_the_items(void **state)
{
    struct world *w = *state;
    struct rp_replay_ask ask = of("a");
    configure(w, all_types);
    fail_in(w, "a", "side", 2);
    (void)enqueue(w, "a", NULL); /* in the queue of the type's settings, where no item is */
    w->now += long_us;
    assert_int_equal(backlog(w, &ask).state, RP_CHECK_HOLDS);
    (void)enqueue_in(w, "other", "side");
    assert_int_equal(backlog(w, &ask).state, RP_CHECK_HOLDS); /* it waits since now */
    w->now += long_us;
    struct rp_preflight says = backlog(w, &ask);
    assert_int_equal(says.state, RP_CHECK_FAILS);
    assert_true(rp_str_find(says.says, RP_STR("queue side has waited for 11m")) != SIZE_MAX);
    refused(w, &ask, "backlog");
}

static void R9_every_queue_of_a_plan_is_looked_at(void **state)
{
    struct world *w = *state;
    struct rp_replay_ask ask = of("a");
    configure(w, all_types);
    for (int i = 0; i < 3; i++) {
        fail_in(w, "a", "one", 1);
        fail_in(w, "a", "two", 1);
    }
    (void)enqueue_in(w, "other", "two");
    w->now += long_us;
    refused(w, &ask, "queue two has waited");
}

static void R9_compensations_wait_in_the_queue_of_their_own_type(void **state)
{
    struct world *w = *state;
    struct rp_replay_ask ask = of("pay");
    struct rp_plan p;
    configure(w, all_types);
    fail_in(w, "pay", "side", 1);
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(work(w, 0), 1);
    (void)tick(w);
    (void)enqueue_in(w, "other", "money");
    w->now += long_us;
    ask = (struct rp_replay_ask){.kind = RP_REPLAY_COMPENSATION, .compensates = id};
    OK(rp_replay_compensation(w->db, conf_of(w), &ask, w->now, &w->arena, &p, err));
    assert_int_equal(p.n, 1);
    assert_non_null(p.refused);
    assert_true(rp_str_find(p.refused->says, RP_STR("queue money")) != SIZE_MAX);
}

/* ---- run ---- */

static void R13_it_waits_for_live_jobs_in_the_queues_of_its_items_only(void **state)
{
    struct world *w = *state;
    struct rp_replay_ask ask = of("a");
    configure(w, all_types);
    fail_in(w, "a", "side", 20);
    int64_t id = start(w, &ask);
    int64_t elsewhere = enqueue(w, "a", NULL);
    w->now += long_us;
    (void)tick(w);
    assert_false(waits(w, id));
    assert_int_equal(queued(w), 1 + 5);
    assert_int_equal(work(w, 0), 6);
    assert_int_equal(state_of(w, elsewhere), RP_SUCCEEDED);
    int64_t live = enqueue_in(w, "other", "side");
    w->now += long_us;
    (void)tick(w);
    assert_true(waits(w, id));
    assert_int_equal(queued(w), 1);
    assert_int_equal(work(w, 0), 1);
    assert_int_equal(state_of(w, live), RP_SUCCEEDED);
    (void)tick(w);
    assert_false(waits(w, id));
    assert_true(queued(w) > 0);
}

static void R13_it_does_not_wait_for_what_its_type_holds(void **state)
{
    struct world *w = *state;
    struct rp_replay_ask ask = of("a");
    configure(w, all_types);
    fail_many(w, "a", 20);
    int64_t id = start(w, &ask);
    (void)enqueue(w, "old", NULL);
    configure(w, without_old);
    w->now += long_us;
    (void)tick(w);
    assert_false(waits(w, id));
    assert_int_equal(queued(w), 1 + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R9_what_its_type_holds_refuses_no_replay),
        REPLAY_TEST(R9_the_queues_that_count_are_those_of_the_items),
        REPLAY_TEST(R9_every_queue_of_a_plan_is_looked_at),
        REPLAY_TEST(R9_compensations_wait_in_the_queue_of_their_own_type),
        REPLAY_TEST(R13_it_waits_for_live_jobs_in_the_queues_of_its_items_only),
        REPLAY_TEST(R13_it_does_not_wait_for_what_its_type_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
