/* What ran out of memory runs again with more (users.md U15). Which processes did is the kernel's
 * word, which is injected here: class `oom`, as the analysis gives it for that fact. */
#include "world.h"

static const char config[] =
    "jobs:\n"
    "  big: { run: ['true'], idempotent: true, retries: 0, limits: { memory: 1G },"
    " on_oom: { memory: x2, max: 6G } }\n"
    "  tries: { run: ['true'], idempotent: true, retries: 2, backoff: { kind: fixed, base: 1s },"
    " limits: { memory: 1G }, on_oom: { memory: x1.5, max: 2G } }\n"
    "  plain: { run: ['true'], idempotent: true, limits: { memory: 1G } }\n";

#define GIB INT64_C(1073741824)

static int64_t add(struct world *w, const char *type)
{
    struct rp_enqueue in = {.type = rp_str_of(type), .priority = INT64_MIN};
    struct rp_enqueued out;
    OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    return out.id;
}

/* Lets what is due run once; its limit. `class` absent: it succeeds. */
static int64_t run_once(struct world *w, const char *class, enum rp_state *state)
{
    int64_t n, next, limit;
    OK(rp_jobs_promote(w->db, w->now, 10, &n, &next, err));
    struct rp_claim c = {.node = RP_STR("n"),
                         .worker = RP_STR("exec"),
                         .commands = true,
                         .max = 1,
                         .lease_us = RP_US_H};
    struct rp_lease *l;
    size_t got;
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, &l, &got, err));
    assert_int_equal(got, 1);
    limit = l->memory_bytes != 0 ? l->memory_bytes : GIB; /* the type's */
    struct rp_report r = {.lease = l->id, .token = l->token, .outcome = RP_OUT_SUCCEEDED};
    r.facts.memory_limit = limit;
    if (class != NULL) {
        r.outcome = RP_OUT_FAILED;
        r.facts.error = r.template = RP_STR("it failed");
        r.facts.error_class = rp_str_of(class);
    }
    OK(rp_job_report(w->db, &r, w->now, state, err));
    w->now += RP_US_H;
    return limit;
}

static void U15_out_of_memory_is_retried_with_twice_the_memory_up_to_max(void **state)
{
    struct world *w = *state;
    enum rp_state s;
    configure(w, config);
    (void)add(w, "big");
    assert_int_equal(run_once(w, "oom", &s), GIB);
    assert_int_equal(s, RP_RETRYING); /* though its type has no retries */
    assert_int_equal(run_once(w, "oom", &s), 2 * GIB);
    assert_int_equal(run_once(w, "oom", &s), 4 * GIB);
    assert_int_equal(s, RP_RETRYING);
    assert_int_equal(run_once(w, "oom", &s), 6 * GIB);
    assert_int_equal(s, RP_FAILED); /* max was not enough */
    assert_int_equal(query(w, "select sum(memory_limit) from attempt", 0, 0), 13 * GIB);
}

static void U15_with_enough_memory_it_succeeds(void **state)
{
    struct world *w = *state;
    enum rp_state s;
    configure(w, config);
    (void)add(w, "big");
    (void)run_once(w, "oom", &s);
    assert_int_equal(run_once(w, NULL, &s), 2 * GIB);
    assert_int_equal(s, RP_SUCCEEDED);
}

/* Another failure between does not take the memory away again, and its tries are its own. */
static void U15_other_failures_keep_the_memory_and_use_up_the_tries(void **state)
{
    struct world *w = *state;
    enum rp_state s;
    configure(w, config);
    (void)add(w, "tries");
    assert_int_equal(run_once(w, "oom", &s), GIB);
    assert_int_equal(run_once(w, "code_bug", &s), GIB / 2 * 3);
    assert_int_equal(run_once(w, "oom", &s), GIB / 2 * 3);
    assert_int_equal(s, RP_RETRYING); /* its three tries are used up, its memory is not */
    assert_int_equal(run_once(w, "code_bug", &s), 2 * GIB);
    assert_int_equal(s, RP_FAILED);
}

static void U15_without_on_oom_it_fails_as_ever(void **state)
{
    struct world *w = *state;
    enum rp_state s;
    configure(w, config);
    (void)add(w, "plain");
    assert_int_equal(run_once(w, "oom", &s), GIB);
    assert_int_equal(s, RP_FAILED);
    (void)add(w, "big");
    assert_int_equal(run_once(w, "killed", &s), GIB); /* 137 alone is no proof */
    assert_int_equal(s, RP_FAILED);
}

/* A replay tries once, and begins with more than was too little. */
static void U15_a_replay_begins_with_more_and_tries_once(void **state)
{
    struct world *w = *state;
    enum rp_state s;
    configure(w, config);
    int64_t id = add(w, "big"), replay, out;
    (void)run_once(w, "oom", &s);
    assert_int_equal(run_once(w, "code_bug", &s), 2 * GIB);
    assert_int_equal(s, RP_FAILED);
    OK(rp_job_retry(w->db, id, RP_STR("ada"), RP_STR("now"), w->now, err));
    assert_int_equal(run_once(w, "code_bug", &s), 2 * GIB);
    struct rp_job_filter f = {0};
    struct rp_candidate *v;
    size_t n;
    OK(rp_replay_candidates(w->db, rp_db_config(w->db), &f, NULL, 0, 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 1);
    struct rp_replay in = {
        .actor = RP_STR("ada"), .reason = RP_STR("up"), .canary = 1, .wave_max = 1};
    OK(rp_replay_create(w->db, &in, v, n, w->now, &replay, err));
    OK(rp_replay_set_state(w->db, replay, RP_REPLAY_RUNNING, RP_STR("ada"), RP_STR("go"), w->now,
                           err));
    OK(rp_replay_release(w->db, replay, 1, 1, w->now, &out, err));
    assert_int_equal(out, 1);
    assert_int_equal(run_once(w, "oom", &s), 2 * GIB);
    assert_int_equal(s, RP_FAILED); /* though there were 6 GiB */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(U15_out_of_memory_is_retried_with_twice_the_memory_up_to_max),
        TEST(U15_with_enough_memory_it_succeeds),
        TEST(U15_other_failures_keep_the_memory_and_use_up_the_tries),
        TEST(U15_without_on_oom_it_fails_as_ever),
        TEST(U15_a_replay_begins_with_more_and_tries_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
