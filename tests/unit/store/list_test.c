/* Lists and counts against the plainest query there is, over random filters; and that they read
 * little. */
#include "store_help.h"

enum { ROWS = 600, FILTERS = 250 };

/* Jobs of all states, by the roads that lead there. */
static void populate(struct fixture *f, struct dice *d)
{
    static const char *const types[] = {"a", "b", "c"}, *const queues[] = {"default", "mail"};
    help_types(f, "a", "b", "c", NULL);
    OK(rp_script(
        f->db,
        "pragma synchronous = off; insert into schedule(id, name, type_id, expr, zone, next_at) "
        "values (1, 'nightly', 1, '@daily', 'UTC', 0)",
        err));
    for (int i = 0; i < ROWS; i++) {
        struct rp_enqueue in = help_job(types[help_roll(d, 3)]);
        in.queue = rp_str_of(queues[help_roll(d, 2)]);
        in.labels = help_roll(d, 2)   ? RP_STR("{\"tenant\":\"7\",\"vip\":\"yes\"}")
                    : help_roll(d, 2) ? RP_STR("{\"tenant\":\"8\"}")
                                      : RP_NONE;
        in.payload = help_roll(d, 2)   ? RP_STR("{\"tenant\":8,\"dry\":true}")
                     : help_roll(d, 2) ? RP_STR("[1]")
                                       : RP_NONE;
        in.due_us = help_roll(d, 5) == 0 ? f->now + RP_US_DAY : 0;
        in.schedule_id = help_roll(d, 4) == 0;
        in.key =
            help_roll(d, 5) == 0 ? rp_str_fmt(&f->a, "k%lld", (long long)help_roll(d, 9)) : RP_NONE;
        (void)help_add(f, &in);
        f->now += help_roll(d, 600) * RP_US_S;
        struct rp_lease *l;
        if (help_roll(d, 3) != 0 && help_claim(f, 1, &l) == 1 && help_roll(d, 10) != 0) {
            struct rp_report r =
                help_outcome(l, help_roll(d, 3) ? RP_OUT_FAILED : RP_OUT_SUCCEEDED);
            enum rp_state s;
            r.permanent = help_roll(d, 3) != 0;
            r.pattern_hash = r.outcome == RP_OUT_FAILED ? (uint64_t)(1 + help_roll(d, 3)) : 0;
            help_tx(rp_job_report(f->db, &r, f->now, &s, err));
        } else if (help_roll(d, 6) == 0) {
            FAILS(RP_E_NOT_FOUND, rp_job_cancel(f->db, 99999, RP_STR("x"), RP_NONE, f->now, err));
            int64_t id = help_int(f, "select coalesce(max(id), 0) from job where state = 2");
            if (id > 0)
                help_tx(rp_job_cancel(f->db, id, RP_STR("x"), RP_NONE, f->now, err));
        }
    }
    help_sql(f, "update job set replay_id = 3 where id % 7 = 0");
}

static struct rp_job_filter random_filter(struct fixture *f, struct dice *d, struct rp_env *where)
{
    static const char *const types[] = {"a", "b", "c"};
    struct rp_job_filter q = {0};
    int64_t span = f->now - INT64_C(1767225600) * RP_US_S;
    if (help_roll(d, 2))
        q.states = (unsigned)help_roll(d, 512) & 0x1feu;
    if (help_roll(d, 3) == 0)
        q.type = rp_str_of(types[help_roll(d, 3)]);
    if (help_roll(d, 4) == 0)
        q.queue = RP_STR("mail");
    if (help_roll(d, 6) == 0)
        q.schedule = RP_STR("nightly");
    if (help_roll(d, 6) == 0)
        q.error_class = RP_STR("connection");
    if (help_roll(d, 6) == 0)
        q.pattern_id = 1 + help_roll(d, 3);
    if (help_roll(d, 8) == 0)
        q.replay_id = 3;
    if (help_roll(d, 8) == 0)
        q.key = RP_STR("k3");
    if (help_roll(d, 3) == 0)
        q.since_us = f->now - help_roll(d, span);
    if (help_roll(d, 3) == 0)
        q.until_us = f->now - help_roll(d, span / 2);
    if (help_roll(d, 4) == 0) {
        where[0] = (struct rp_env){RP_STR("tenant"), help_roll(d, 2) ? RP_STR("8") : RP_STR("7")};
        where[1] = (struct rp_env){RP_STR("dry"), RP_STR("true")};
        q.where = where;
        q.n_where = (size_t)help_roll(d, 3);
    }
    return q;
}

static bool has(struct rp_str json, const char *text)
{
    return json.p != NULL && rp_str_find(json, rp_str_of(text)) != SIZE_MAX;
}

static bool where_holds(const struct rp_job *j, const struct rp_env *w)
{
    if (rp_str_is(w->name, "dry"))
        return has(j->payload, "\"dry\":true");
    return rp_str_is(w->value, "8")
               ? has(j->payload, "\"tenant\":8") || has(j->labels, "\"tenant\":\"8\"")
               : has(j->labels, "\"tenant\":\"7\"");
}

/* The contract of struct rp_job_filter, word by word. */
static bool matches(const struct rp_job *j, const struct rp_job_filter *q)
{
    unsigned terminal =
        1u << RP_SUCCEEDED | 1u << RP_FAILED | 1u << RP_CANCELLED | 1u << RP_UNKNOWN;
    int64_t at = q->states != 0 && (q->states & ~terminal) == 0 ? j->ended_us : j->created_us;
    bool yes = (q->states == 0 || (q->states >> j->state & 1)) &&
               (q->type.p == NULL || rp_str_eq(q->type, j->type)) &&
               (q->queue.p == NULL || rp_str_eq(q->queue, j->queue)) &&
               (q->schedule.p == NULL || rp_str_eq(q->schedule, j->schedule)) &&
               (q->error_class.p == NULL ||
                (j->error_class.p != NULL && rp_str_eq(q->error_class, j->error_class))) &&
               (q->pattern_id == 0 || q->pattern_id == j->pattern_id) &&
               (q->replay_id == 0 || q->replay_id == j->replay_id) &&
               (q->key.p == NULL || (j->key.p != NULL && rp_str_eq(q->key, j->key))) &&
               (q->since_us == 0 || at >= q->since_us) && (q->until_us == 0 || at < q->until_us);
    for (size_t i = 0; i < q->n_where; i++)
        yes = yes && where_holds(j, &q->where[i]);
    return yes;
}

/* All pages of one filter, against all jobs one by one. */
static void compare_list(struct fixture *f, struct dice *d, const struct rp_job *all, int64_t n,
                         const struct rp_job_filter *q)
{
    int64_t expected = 0, id = n + 1;
    bool more = true;
    for (int64_t k = 1; k <= n; k++)
        expected += matches(&all[k], q);
    for (int64_t cursor = 0; more;) {
        struct rp_job *page;
        size_t got;
        OK(rp_jobs_list(f->db, q, cursor, 1 + (int)help_roll(d, 80), &f->a, &page, &got, &more,
                        err));
        assert_true(!more || got > 0);
        for (size_t k = 0; k < got; k++, expected--) {
            do
                assert_true(--id > 0);
            while (!matches(&all[id], q));
            assert_int_equal(page[k].id, id);
            cursor = id;
        }
    }
    assert_int_equal(expected, 0);
}

static void compare_count(struct fixture *f, const struct rp_job *all, int64_t n,
                          const struct rp_job_filter *q)
{
    int64_t count, expected = 0;
    for (int64_t k = 1; k <= n; k++)
        expected += matches(&all[k], q);
    OK(rp_jobs_count(f->db, q, &count, err));
    assert_int_equal(count, expected);
}

/* Once more, as where many jobs failed: the lists go by what the store has counted. */
static void lists_and_counts_give_exactly_what_matches(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("lists");
    populate(f, &d);
    int64_t n = help_int(f, "select max(id) from job");
    struct rp_job *all = RP_NEW_N(&f->a, struct rp_job, (size_t)n + 1);
    for (int64_t i = 1; i <= n; i++)
        all[i] = help_get(f, i);
    for (int i = 0; i < 2 * FILTERS; i++) {
        struct rp_env where[2];
        struct rp_job_filter q = random_filter(f, &d, where);
        if (i == FILTERS)
            help_sql(f, "update tally set n = n + 100000 where state in (6, 8)");
        if (i < FILTERS)
            compare_count(f, all, n, &q);
        compare_list(f, &d, all, n, &q);
    }
}

static void groups_of_failures_add_up(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("groups");
    populate(f, &d);
    struct rp_failure_group *g;
    struct rp_job_filter q = {.type = RP_STR("a")};
    size_t n;
    int64_t sum = 0;
    OK(rp_jobs_failures(f->db, &q, 100, &f->a, &g, &n, err));
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || g[i - 1].n >= g[i].n);
        assert_true(rp_str_is(g[i].type, "a") && g[i].sample.p != NULL && g[i].template.p != NULL &&
                    g[i].first_us <= g[i].last_us);
        sum += g[i].n;
    }
    assert_int_equal(n, 3);
    assert_int_equal(sum,
                     help_int(f, "select count(*) from job where state in (6, 8) and type_id = 1"));
    q.states = 1u << RP_QUEUED;
    FAILS(RP_E_BAD_FIELD, rp_jobs_failures(f->db, &q, 100, &f->a, &g, &n, err));
}

static void U2_a_name_that_is_not_known_is_an_error_never_everything(void **state)
{
    struct fixture *f = *state;
    help_types(f, "a", NULL);
    (void)help_enqueue(f, "a");
    const struct rp_job_filter bad[] = {{.type = RP_STR("x")},
                                        {.queue = RP_STR("x")},
                                        {.schedule = RP_STR("x")},
                                        {.pattern_id = 9}};
    for (size_t i = 0; i < 4; i++) {
        int64_t count;
        struct rp_job *v;
        size_t n;
        bool more;
        FAILS(RP_E_NOT_FOUND, rp_jobs_count(f->db, &bad[i], &count, err));
        FAILS(RP_E_NOT_FOUND, rp_jobs_list(f->db, &bad[i], 0, 10, &f->a, &v, &n, &more, err));
    }
    struct rp_env five[5] = {{RP_STR("a"), RP_STR("b")}};
    struct rp_job_filter many = {.where = five, .n_where = 5};
    int64_t count;
    FAILS(RP_E_BAD_FIELD, rp_jobs_count(f->db, &many, &count, err));
}

static int64_t steps_of_a_list(struct fixture *f, struct rp_job_filter q)
{
    struct rp_job *v;
    size_t n;
    bool more;
    OK(rp_jobs_list(f->db, &q, 0, 50, &f->a, &v, &n, &more, err));
    (void)rp_db_steps(f->db);
    OK(rp_jobs_list(f->db, &q, 0, 50, &f->a, &v, &n, &more, err));
    return rp_db_steps(f->db);
}

static void G19_lists_do_not_read_the_history(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("steps");
    populate(f, &d);
    const struct rp_job_filter q[] = {
        {.states = 1u << RP_FAILED},
        {.states = 1u << RP_RUNNING, .type = RP_STR("a")},
        {.states = 1u << RP_QUEUED | 1u << RP_RETRYING},
        {.states = 1u << RP_CANCELLED},
        {.pattern_id = 1},
        {.schedule = RP_STR("nightly")},
        {.key = RP_STR("k3")},
        {.replay_id = 3},
        {.type = RP_STR("b"), .states = 1u << RP_FAILED, .since_us = 1},
        {0}};
    enum { N = sizeof q / sizeof *q };
    int64_t before[N];
    for (size_t i = 0; i < N; i++)
        before[i] = steps_of_a_list(f, q[i]);
    help_sql(f, "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) "
                "insert into job(type_id, queue_id, state, max_attempts, attempts, created_at, "
                "due_at, ended_at) "
                "select 1 + i % 3, 1, 5, 4, 1, 0, 0, 1 from n");
    for (size_t i = 0; i + 1 < N; i++)
        assert_in_range(steps_of_a_list(f, q[i]), 0, before[i] + 100);
    assert_in_range(steps_of_a_list(f, q[N - 1]), 0,
                    before[N - 1] + 3000); /* a page of other rows */
    /* A window of time is a range of ids. */
    f->now += RP_US_DAY;
    (void)help_enqueue(f, "a");
    assert_in_range(steps_of_a_list(f, (struct rp_job_filter){.since_us = f->now - RP_US_H}), 0,
                    5000);
}

/* So many failed that reading and sorting them all would be seen. */
static void U31_a_page_of_failures_costs_the_same_however_many_failed(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("many");
    populate(f, &d);
    help_sql(f, "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) "
                "insert into job(type_id, queue_id, state, max_attempts, attempts, created_at, "
                "due_at, ended_at) select 1 + i % 3, 1, 6 + i % 10 / 9 * 2, 4, 1, i, i, 3600000000 "
                "* (i / 1000) + 1 from n");
    help_sql(f, "insert into tally select state, type_id, queue_id, ended_at / 3600000000, "
                "count(*) from job where created_at <= 200000 and state in (6, 8) group by 1, 2, 3, 4 on "
                "conflict do update set n = n + excluded.n");
    const unsigned failed = 1u << RP_FAILED, unknown = 1u << RP_UNKNOWN;
    const struct rp_job_filter q[] = {
        {.states = failed},
        {.states = unknown},
        {.states = failed | unknown},
        {.states = failed | 1u << RP_QUEUED},
        {.states = failed, .type = RP_STR("b")},
        {.states = failed, .type = RP_STR("b"), .since_us = 1},
        {.states = failed, .until_us = INT64_C(3600000000) * 195},
        {.states = failed, .until_us = INT64_C(3600000000) * 2},
        {.states = unknown, .since_us = INT64_C(3600000000) * 198},
    };
    for (size_t i = 0; i < sizeof q / sizeof *q; i++)
        assert_in_range(steps_of_a_list(f, q[i]), 1, 150000);
    help_sql(f, "delete from job where state = 8; delete from tally where state = 8");
    assert_in_range(steps_of_a_list(f, q[1]), 1, 150000); /* none among very many that failed */
    int64_t n;
    (void)rp_db_steps(f->db);
    OK(rp_jobs_count(f->db, &q[0], &n, err));
    assert_in_range(rp_db_steps(f->db), 1, 50000);
    assert_int_equal(n, help_int(f, "select count(*) from job where state = 6"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)
    const struct CMUnitTest tests[] = {
        T(lists_and_counts_give_exactly_what_matches),
        T(groups_of_failures_add_up),
        T(U2_a_name_that_is_not_known_is_an_error_never_everything),
        T(G19_lists_do_not_read_the_history),
        T(U31_a_page_of_failures_costs_the_same_however_many_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
