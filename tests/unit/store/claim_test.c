/* Who runs next: order, fairness, limits, holds, and that the cost does not depend on what does not
 * run. */
#include "store_help.h"

static void oldest_first_within_a_priority(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *l;
    int64_t id[6];
    const int64_t priority[6] = {0, 5, 0, -1, 5, 7}, order[6] = {5, 1, 4, 0, 2, 3};
    help_types(f, "a", "b", NULL);
    for (int i = 0; i < 6; i++) {
        struct rp_enqueue in = help_job(i % 2 ? "a" : "b");
        in.priority = priority[i];
        id[i] = help_add(f, &in);
    }
    assert_int_equal(help_claim(f, 100, &l), 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(l[i].job.id, id[order[i]]);
    help_check(f);
}

static void fill(struct fixture *f, const char *type, const char *queue, int64_t n)
{
    struct rp_enqueue *in = rp_xcalloc((size_t)n, sizeof *in);
    struct rp_enqueued *out = rp_xcalloc((size_t)n, sizeof *out);
    for (int64_t i = 0; i < n; i++) {
        in[i] = help_job(type);
        in[i].queue = rp_str_of(queue);
    }
    help_tx(rp_jobs_enqueue(f->db, in, (size_t)n, f->now, out, err));
    free(in);
    free(out);
}

static int64_t claimed_of(struct fixture *f, int64_t rounds, int64_t max, const char *queue)
{
    int64_t hits = 0;
    for (int64_t i = 0; i < rounds; i++) {
        struct rp_lease *l;
        size_t n = help_claim(f, max, &l);
        for (size_t k = 0; k < n; k++)
            hits += rp_str_is(l[k].job.queue, queue);
    }
    return hits;
}

static void G22_queues_are_served_by_weight_however_long_they_are(void **state)
{
    struct fixture *f = *state;
    help_types(f, "a", NULL);
    fill(f, "a", "long", 9000);
    fill(f, "a", "short", 300);
    fill(f, "a", "heavy", 600);
    help_sql(f, "update queue set weight = 3 where name = 'heavy'");
    /* Of 500 single claims: 100, 100, 300; whichever way they are asked for. */
    assert_in_range(claimed_of(f, 250, 1, "heavy"), 148, 152);
    assert_in_range(claimed_of(f, 25, 10, "short"), 48, 52);
    assert_int_equal(help_int(f, "select count(*) from job j join queue q on q.id = j.queue_id "
                                 "where q.name = 'long' and j.state = 3"),
                     500 - help_int(f, "select count(*) from job j join queue q on q.id = "
                                       "j.queue_id where q.name <> 'long' and j.state = 3"));
    assert_in_range(help_int(f, "select count(*) from job where queue_id = 1 and state = 3"), 97,
                    103);
}

static void G22_a_queue_that_was_idle_does_not_take_over(void **state)
{
    struct fixture *f = *state;
    help_types(f, "a", NULL);
    fill(f, "a", "busy", 2000);
    fill(f, "a", "idle", 1);
    (void)claimed_of(f, 1000, 1, "busy");
    fill(f, "a", "idle", 500);
    /* Its own half, and a head start of at most eight. */
    assert_in_range(claimed_of(f, 200, 1, "idle"), 100, 108);
}

static void paused_queues_held_types_and_missing_dependencies_wait(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *l;
    help_types(f, "a", "b", "c", NULL);
    fill(f, "a", "q", 1);
    fill(f, "b", "default", 1);
    fill(f, "c", "default", 1);
    help_sql(f, "update queue set paused_at = 1 where name = 'q'; update job_type set held = 'no "
                "command' where name = 'b';"
                "insert into dependency(name, kind, target, state) values ('db', 'tcp', 'x', 2);"
                "insert into type_need select id, 'db' from job_type where name = 'c'");
    assert_int_equal(help_claim(f, 10, &l), 0);
    assert_true(rp_str_is(help_get(f, 1).held, "queue q is paused"));
    assert_true(rp_str_is(help_get(f, 2).held, "no command"));
    assert_true(rp_str_is(help_get(f, 3).held, "dependency db is down"));
    help_sql(f, "update dependency set state = 0");
    assert_int_equal(help_claim_one(f).job.id, 3);
    help_sql(f, "update job_type set held = null; update queue set paused_at = null");
    assert_int_equal(help_claim(f, 10, &l), 2);
}

static void limits_of_type_and_queue_hold_over_claims(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *l;
    help_types(f, "a", "b", NULL);
    f->type[0].max_running = 3;
    help_reload(f);
    fill(f, "a", "default", 10);
    struct rp_lease *more;
    assert_int_equal(help_claim(f, 2, &l), 2);
    assert_int_equal(help_claim(f, 10, &more), 1);
    assert_int_equal(help_claim(f, 10, &more), 0);
    fill(f, "b", "default", 10);
    help_sql(f, "update queue set max_running = 5");
    assert_int_equal(help_claim(f, 10, &more), 2);
    (void)help_report(f, &l[0], RP_OUT_SUCCEEDED);
    assert_int_equal(help_claim(f, 10, &more), 1);
}

static void workers_get_what_they_ask_for_and_learn_of_wrong_names(void **state)
{
    struct fixture *f = *state;
    struct rp_lease *l;
    size_t n;
    struct rp_str type = RP_STR("b"), queue = RP_STR("mail"), wrong = RP_STR("x");
    help_types(f, "a", "b", NULL);
    fill(f, "a", "mail", 2);
    fill(f, "b", "default", 2);
    struct rp_claim c = {.node = RP_STR("n"),
                         .worker = RP_STR("w"),
                         .max = 10,
                         .lease_us = HELP_LEASE,
                         .types = {&wrong, 1}};
    help_tx_refused(RP_E_NOT_FOUND, rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, err));
    c.types = (struct rp_strs){0};
    c.queues = (struct rp_strs){&wrong, 1};
    help_tx_refused(RP_E_NOT_FOUND, rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, err));
    c.max = 0;
    help_tx_refused(RP_E_BAD_FIELD, rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, err));
    c.max = 10;
    c.types = (struct rp_strs){&type, 1};
    c.queues = (struct rp_strs){&queue, 1};
    help_tx(rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, err));
    assert_int_equal(n, 0);
    c.types = (struct rp_strs){0};
    help_tx(rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, err));
    assert_int_equal(n, 2);
    c.queues = (struct rp_strs){0};
    c.commands = true;
    help_tx(rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, err));
    assert_int_equal(n, 0);
}

/* The exact merge against the obvious one: sort what may run. One queue, so that fairness has no
 * say. */
static void the_merge_of_lanes_is_a_sort(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("merge");
    help_types(f, "a", "b", "c", "d", "e", NULL);
    for (int i = 0; i < 400; i++) {
        struct rp_enqueue in =
            help_job((const char *[]){"a", "b", "c", "d", "e"}[help_roll(&d, 5)]);
        in.priority = help_roll(&d, 4);
        (void)help_add(f, &in);
    }
    while (help_int(f, "select count(*) from job where state = 2") > 0) {
        struct rp_lease *l;
        int64_t ids[100], n = 0, max = 1 + help_roll(&d, 60);
        struct rp_stmt *s =
            rp_sql(f->db, "select id from job where state = 2 order by priority desc, id limit ?1");
        rp_bind_i64(s, 1, max);
        while (rp_step(s, NULL) == RP_STEP_ROW)
            ids[n++] = rp_col_i64(s, 0);
        assert_int_equal(help_claim(f, max, &l), n);
        for (int64_t i = 0; i < n; i++)
            assert_int_equal(l[i].job.id, ids[i]);
    }
}

static int64_t steps_of_a_claim(struct fixture *f, int64_t max)
{
    struct rp_lease *l;
    (void)rp_db_steps(f->db);
    assert_int_equal(help_claim(f, max, &l), max);
    return rp_db_steps(f->db);
}

/* Counted in SQLite's own virtual machine steps, which do not depend on how busy the machine is. */
static void G19_the_cost_of_a_claim_does_not_grow_with_history_or_held_jobs(void **state)
{
    struct fixture *f = *state;
    help_types(f, "a", "held", NULL);
    fill(f, "a", "default", 500);
    fill(f, "held", "default", 1);
    help_sql(f, "update job_type set held = 'no command' where name = 'held'");
    int64_t one = steps_of_a_claim(f, 1);
    one = steps_of_a_claim(f, 1); /* statements prepared, hour marked */
    int64_t hundred = steps_of_a_claim(f, 100);
    help_sql(f, "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) "
                "insert into job(type_id, queue_id, state, max_attempts, attempts, created_at, "
                "due_at, ended_at) "
                "select 1, 1, case i % 10 when 0 then 6 else 5 end, 4, 4, 0, 0, 1 from n;"
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) "
                "insert into job(type_id, queue_id, state, max_attempts, created_at, due_at) "
                "select 2, 1, 2, 4, 0, 0 from n;"
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000) "
                "insert into job(type_id, queue_id, state, max_attempts, created_at, due_at) "
                "select 1, 1, 2, 4, 0, 0 from n");
    (void)steps_of_a_claim(f,
                           1); /* rows were written that no claim was told of: all is read again */
    int64_t one_after = steps_of_a_claim(f, 1), hundred_after = steps_of_a_claim(f, 100);
    print_message("steps of a claim: of 1 %lld, with 350,000 other jobs %lld; of 100 %lld, %lld\n",
                  (long long)one, (long long)one_after, (long long)hundred,
                  (long long)hundred_after);
    assert_in_range(one_after, one / 2, one + 20);
    assert_in_range(hundred_after, hundred / 2, hundred + 200);
}

static void G18_claims_and_pages_of_lists_are_bounded_in_bytes(void **state)
{
    enum { N = 10, BYTES = 3 << 20 };
    struct fixture *f = *state;
    struct rp_lease *l;
    struct rp_job *jobs;
    size_t n;
    bool more;
    char *big = rp_xmalloc(BYTES);
    help_types(f, "a", NULL);
    memset(big, '1', BYTES);
    for (int i = 0; i < N; i++) {
        struct rp_enqueue in = help_job("a");
        in.payload = (struct rp_str){big, BYTES};
        (void)help_add(f, &in);
    }
    help_tx(rp_jobs_list(f->db, &(struct rp_job_filter){0}, 0, 1000, &f->a, &jobs, &n, &more, err));
    assert_in_range(n, 5, 7);
    assert_true(more);
    n = help_claim(f, 1000, &l);
    assert_in_range(n, 5, 7);
    assert_int_equal(n + help_claim(f, 1000, &l), N);
    free(big);
}

static void G20_a_question_that_takes_too_long_ends(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    int64_t n;
    help_types(f, "a", NULL);
    fill(f, "a", "long", 9000);
    struct rp_db *reader = rp_store_reader(f->store, &err);
    assert_non_null(reader);
    rp_db_deadline(reader, 1);
    assert_false(rp_jobs_count(reader, &(struct rp_job_filter){0}, &n, &err));
    assert_int_equal(err.code, RP_E_TOO_LARGE);
    rp_db_deadline(reader, 0);
    assert_true(rp_jobs_count(reader, &(struct rp_job_filter){0}, &n, &err));
    rp_db_close(reader);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)
    const struct CMUnitTest tests[] = {
        T(oldest_first_within_a_priority),
        T(G22_queues_are_served_by_weight_however_long_they_are),
        T(G22_a_queue_that_was_idle_does_not_take_over),
        T(paused_queues_held_types_and_missing_dependencies_wait),
        T(limits_of_type_and_queue_hold_over_claims),
        T(workers_get_what_they_ask_for_and_learn_of_wrong_names),
        T(the_merge_of_lanes_is_a_sort),
        T(G19_the_cost_of_a_claim_does_not_grow_with_history_or_held_jobs),
        T(G18_claims_and_pages_of_lists_are_bounded_in_bytes),
        T(G20_a_question_that_takes_too_long_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
