/* Counts agree with the rows, and no question costs more with more history (G19, G30, U27). */
#include "world.h"

#include "store/mined.h"

#include <sqlite3.h>

/* ---- counts ---- */

static int64_t count_of(struct world *w, const char *type, enum rp_state state)
{
    int64_t id = type_row(w, type).id;
    return query(w, "select count(*) from job where type_id = ?1 and state = ?2", id, state);
}

static void check_counts(struct world *w, const char *type)
{
    struct rp_type_row t = type_row(w, type);
    assert_int_equal(t.waiting, count_of(w, type, RP_QUEUED));
    assert_int_equal(t.running, count_of(w, type, RP_RUNNING));
    assert_int_equal(t.retrying, count_of(w, type, RP_RETRYING));
    assert_int_equal(t.failed, count_of(w, type, RP_FAILED));
    assert_int_equal(t.unknown, count_of(w, type, RP_UNKNOWN));
}

static int64_t rows_since(struct world *w, int64_t since)
{
    return query(w, "select count(*) from job where state in (6, 8) and ended_at >= ?1", since, 0);
}

static int64_t impact_since(struct world *w, int64_t since)
{
    struct rp_impact *v;
    size_t n;
    int64_t sum = 0;
    OK(rp_impact(w->db, since, &w->arena, &v, &n, err));
    for (size_t i = 0; i < n; i++)
        sum += v[i].failed + v[i].unknown;
    return sum;
}

static void move_something(struct world *w, uint64_t random)
{
    static const char *const types[] = {"a", "b"};
    static const enum rp_outcome outcomes[] = {RP_OUT_SUCCEEDED, RP_OUT_FAILED, RP_OUT_TIMEOUT};
    struct rp_lease *l;
    int64_t any = query(w,
                        "select id from job where state in (5, 6, 7, 8) order by (id * ?1) % 97"
                        " limit 1",
                        (int64_t)(random % 89) + 1, 0),
            n, next;
    w->now += (int64_t)(random % (20 * RP_US_MIN));
    switch (random % 7) {
    case 0:
    case 1:
        (void)enqueue(w, types[random / 7 % 2], NULL);
        break;
    case 2:
    case 3:
        if (claim(w, 1, &l) == 1)
            (void)report(w, &l[0], outcomes[random / 7 % 3], "it broke", random / 7 % 3 + 1);
        break;
    case 4:
        (void)claim(w, 1, &l);
        break;
    case 5:
        OK(rp_leases_expire(w->db, w->now, 10, &n, &next, err));
        OK(rp_jobs_promote(w->db, w->now, 10, &n, &next, err));
        break;
    default:
        if (any != INT64_MIN)
            OK(rp_job_retry(w->db, any, RP_STR("ada"), RP_STR("again"), w->now, err));
    }
}

static void G30_counts_agree_with_the_rows_whatever_happens(void **state)
{
    struct world *w = *state;
    configure(w, "queues: { mail: { weight: 2 } }\n"
                 "jobs:\n"
                 "  a: { run: [\"true\"], retries: 3, idempotent: true }\n"
                 "  b: { run: [\"true\"], queue: mail, retries: 1 }\n");
    w->retry = true;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 3000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        move_something(w, random);
        if (i % 50 != 0)
            continue;
        check_counts(w, "a");
        check_counts(w, "b");
        int64_t since = w->now - (int64_t)(random % RP_US_DAY);
        assert_int_equal(impact_since(w, since), rows_since(w, since));
        assert_int_equal(impact_since(w, 0), rows_since(w, 0));
        struct rp_rate r;
        OK(rp_rate_since(w->db, RP_NONE, 0, &r, err));
        assert_int_equal(r.runs + r.retried_failures,
                         query(w,
                               "select count(*) from attempt a join job j on j.id ="
                               " a.job_id where a.outcome in (1, 2, 3, 4)",
                               0, 0));
        struct rp_queue_row q = queue_row(w, "mail");
        int64_t oldest =
            query(w, "select min(due_at) from job where queue_id = ?1 and state = 2", q.id, 0);
        assert_int_equal(q.oldest_us, oldest == INT64_MIN ? 0 : oldest);
    }
    assert_int_equal(query(w, "select count(*) from tally where n < 0", 0, 0), 0);
}

static void G30_what_is_rolled_back_counts_nothing_though_a_part_of_it_was_done(void **state)
{
    struct world *w = *state;
    configure(w, TWO_TYPES);
    (void)enqueue(w, "a", NULL);
    OK(rp_savepoint(w->db, err));
    (void)enqueue(w, "a", NULL);
    OK(rp_savepoint(w->db, err));
    (void)enqueue(w, "b", NULL);
    OK(rp_savepoint_release(w->db, err));
    OK(rp_savepoint(w->db, err));
    (void)enqueue(w, "b", NULL);
    rp_savepoint_rollback(w->db);
    rp_savepoint_rollback(w->db);
    check_counts(w, "a");
    check_counts(w, "b");
    assert_int_equal(type_row(w, "a").waiting, 1);
}

/* ---- rates ---- */

static void U27_a_retry_that_healed_is_no_failed_run(void **state)
{
    struct world *w = *state;
    configure(w,
              "jobs: { r: { run: [\"true\"], retries: 2, backoff: { kind: fixed, base: 1s } } }");
    struct rp_lease *l;
    int64_t n, next;
    (void)enqueue(w, "r", NULL);
    assert_int_equal(claim(w, 1, &l), 1);
    struct rp_report r = {.lease = l[0].id, .token = l[0].token, .outcome = RP_OUT_FAILED};
    enum rp_state after;
    OK(rp_job_report(w->db, &r, w->now, &after, err));
    assert_int_equal(after, RP_RETRYING);
    w->now += 2 * RP_US_H;
    OK(rp_jobs_promote(w->db, w->now, 10, &n, &next, err));
    assert_int_equal(claim(w, 1, &l), 1);
    assert_int_equal(report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0), RP_SUCCEEDED);
    struct rp_rate rate;
    write_counts(w);
    OK(rp_rate_since(w->db, RP_STR("r"), 0, &rate, err));
    assert_int_equal(rate.runs, 1);
    assert_int_equal(rate.failed, 0);
    assert_int_equal(rate.retried_failures, 1);
    FAILS(RP_E_NOT_FOUND, rp_rate_since(w->db, RP_STR("no"), 0, &rate, err));
}

static void add_minute(struct world *w, int64_t minute, int64_t ok, int64_t failed)
{
    for (int64_t i = 0; i < ok + failed; i++)
        rp_rollup_count(w->db, minute * RP_US_MIN, 1, 1, i < ok ? RP_OUT_SUCCEEDED : RP_OUT_FAILED,
                        true, 0);
}

/* By hand: every minute, the window that ends with it. */
static int64_t since_by_hand(const int *ok, const int *bad, int n, int window, double above,
                             int min)
{
    int since = -1;
    for (int end = n - 1; end >= 0; end--) {
        int o = 0, b = 0;
        for (int i = end; i > end - window && i >= 0; i--)
            o += ok[i], b += bad[i];
        if (o + b < min || (double)b <= above * (double)(o + b))
            break;
        since = end;
    }
    return since;
}

static void an_alert_says_since_when_its_rate_holds(void **state)
{
    struct world *w = *state;
    uint64_t x = 12345;
    for (int round = 0; round < 60; round++) {
        int ok[90] = {0}, bad[90] = {0};
        int64_t first = 30000000 + round * 1000, since;
        int turn = 30 + round % 60;
        for (int i = 0; i < 90; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            ok[i] = (int)(x % 4);
            bad[i] = i >= turn ? (int)(x / 4 % 4) : (int)(x / 16 % 20 == 0);
            add_minute(w, first + i, ok[i], bad[i]);
        }
        int64_t now = (first + 89) * RP_US_MIN + 30 * RP_US_S;
        write_counts(w);
        OK(rp_rate_alert_since(w->db, .2, 15 * RP_US_MIN, 10, now, &since, err));
        int64_t hand = since_by_hand(ok, bad, 90, 15, .2, 10);
        assert_int_equal(since, hand < 0 ? 0 : (first + hand) * RP_US_MIN);
    }
}

/* ---- bounds ---- */

struct question {
    const char *name;
    void (*ask)(struct world *w, struct rp_db *db);
};

#define ASK(fn, call)                                                                              \
    static void fn(struct world *w, struct rp_db *db)                                              \
    {                                                                                              \
        size_t n = 0;                                                                              \
        (void)n, (void)w;                                                                          \
        OK(call);                                                                                  \
    }
ASK(ask_types, rp_types_list(db, w->now, &w->arena, &(struct rp_type_row *){0}, &n, err))
ASK(ask_type, rp_type_get(db, RP_STR("a"), w->now, &w->arena, &(struct rp_type_row){0}, err))
ASK(ask_queues, rp_queues_list(db, w->now, &w->arena, &(struct rp_queue_row *){0}, &n, err))
ASK(ask_rate, rp_rate_since(db, RP_NONE, 0, &(struct rp_rate){0}, err))
ASK(ask_impact, rp_impact(db, 0, &w->arena, &(struct rp_impact *){0}, &n, err))
ASK(ask_alert, rp_rate_alert_since(db, .1, 900 * RP_US_S, 1, w->now, &(int64_t){0}, err))
ASK(ask_deps, rp_deps_list(db, &w->arena, &(struct rp_dep_row *){0}, &n, err))
ASK(ask_patterns, rp_patterns_list(db, 0, 10, &w->arena, &(struct rp_pattern *){0}, &n, err))
ASK(ask_pattern_counts,
    rp_pattern_counts(db, 0, 0, RP_NONE, 10, &w->arena, &(struct rp_pattern_count *){0}, &n, err))
ASK(ask_schedules,
    rp_schedules_list(db, w->now, &w->arena, &(struct rp_schedule_row *){0}, &n, err))
ASK(ask_unrunnable,
    rp_config_unrunnable(db, w->config[0], &w->arena, &(struct rp_unrunnable *){0}, &n, err))
ASK(ask_replays, rp_replays_list(db, true, 10, &w->arena, &(struct rp_replay *){0}, &n, err))

static const struct question questions[] = {
    {"types", ask_types},
    {"type", ask_type},
    {"queues", ask_queues},
    {"rate", ask_rate},
    {"impact", ask_impact},
    {"alert", ask_alert},
    {"deps", ask_deps},
    {"patterns", ask_patterns},
    {"counts", ask_pattern_counts},
    {"schedules", ask_schedules},
    {"unrunnable", ask_unrunnable},
    {"replays", ask_replays},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

static void add_history(struct world *w, int n)
{
    for (int i = 0; i < n; i++)
        (void)run_one(w, i % 2 ? "a" : "b", i % 3 ? RP_OUT_SUCCEEDED : RP_OUT_FAILED,
                      i % 3 ? NULL : "broken", i % 3 ? 0 : 3);
    for (int i = 0; i < n; i++)
        (void)enqueue(w, "a", NULL);
    OK(rp_dep_checked(w->db, RP_STR("db"), false, RP_NONE, 1, w->now, err));
    write_counts(w);
}

static void G19_no_question_costs_more_with_more_history(void **state)
{
    struct world *w = *state;
    int64_t few[QUESTIONS];
    configure(w, TWO_TYPES);
    add_history(w, 30);
    (void)rp_db_steps(w->db);
    for (int i = 0; i < QUESTIONS; i++) {
        questions[i].ask(w, w->db);
        few[i] = rp_db_steps(w->db);
    }
    OK(rp_dep_checked(w->db, RP_STR("db"), true, RP_NONE, 1, w->now, err));
    struct rp_lease *l; /* what waits is taken, so that the history can grow by run_one */
    for (size_t n; (n = claim(w, 100, &l)) > 0;)
        for (size_t i = 0; i < n; i++)
            (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
    add_history(w, 3000);
    (void)rp_db_steps(w->db);
    for (int i = 0; i < QUESTIONS; i++) {
        questions[i].ask(w, w->db);
        int64_t many = rp_db_steps(w->db);
        if (many > few[i] + few[i] / 2 + 100)
            fail_msg("%s: %lld steps with 30 jobs, %lld with 3000", questions[i].name,
                     (long long)few[i], (long long)many);
    }
}

static void check_plan(sqlite3 *sq, const char *sql)
{
    char explain[8192];
    sqlite3_stmt *st = NULL;
    (void)snprintf(explain, sizeof explain, "explain query plan %s", sql);
    assert_int_equal(sqlite3_prepare_v2(sq, explain, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(st, 3);
        static const char *const tables[] = {"SCAN job ", "SCAN j ", "SCAN attempt ", "SCAN a "};
        char padded[512];
        (void)snprintf(padded, sizeof padded, "%s ", detail);
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
            if (strncmp(padded, tables[i], strlen(tables[i])) == 0)
                fail_msg("%s\nin: %s", detail, sql);
    }
    (void)sqlite3_finalize(st);
}

/* Selections of a replay cost what they select; each has an index that leads. */
static void select_each_way(struct world *w)
{
    const struct rp_job_filter ways[] = {{.type = RP_STR("a")},
                                         {.pattern_id = 1},
                                         {.replay_id = 1},
                                         {.since_us = 1},
                                         {.queue = RP_STR("default")}};
    struct rp_candidate *v;
    size_t n;
    int64_t id = run_one(w, "b", RP_OUT_FAILED, "broken", 3), replay;
    struct rp_replay r = {.actor = RP_STR("ada"), .canary = 5};
    OK(rp_replay_create(w->db, &r, NULL, 0, w->now, &replay, err));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        OK(rp_replay_candidates(w->db, NULL, &ways[i], NULL, 0, 9, &w->arena, &v, &n, err));
    OK(rp_replay_candidates(w->db, NULL, NULL, &id, 1, 9, &w->arena, &v, &n, err));
    bool joined;
    (void)run_one(w, "b", RP_OUT_FAILED, "broken again", 4);
    OK(rp_patterns_found_one(w->db, 1, 2, &joined, err));
    OK(rp_replay_candidates(w->db, NULL, &ways[1], NULL, 0, 9, &w->arena, &v, &n, err));
    assert_int_equal(n, 2);
}

static void G19_each_selection_of_a_replay_is_led_by_an_index(void **state)
{
    struct world *w = *state;
    configure(w, TWO_TYPES);
    select_each_way(w);
    int found = 0;
    for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(w->db->sq, st)) != NULL;)
        if (strncmp(sqlite3_sql(st), "select id from job where ", 25) == 0 ||
            strstr(sqlite3_sql(st), "cross join job j on j.id =") != NULL) {
            check_plan(w->db->sq, sqlite3_sql(st));
            found++;
        }
    assert_int_equal(found, 7);
}

static void G19_no_question_scans_jobs_or_attempts(void **state)
{
    struct world *w = *state;
    configure(w, TWO_TYPES);
    struct rp_err err;
    struct rp_db *reader = rp_store_reader(w->store, &err);
    assert_non_null(reader);
    for (int i = 0; i < QUESTIONS; i++)
        if (questions[i].ask != ask_type) /* the transaction of this test is not to be seen there */
            questions[i].ask(w, reader);
    int n = 0;
    const char *sql[100];
    for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(reader->sq, st)) != NULL && n < 100;)
        sql[n++] = sqlite3_sql(st);
    assert_true(n >= QUESTIONS - 1);
    for (int i = 0; i < n; i++)
        check_plan(reader->sq, sql[i]);
    rp_db_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(G30_counts_agree_with_the_rows_whatever_happens),
        TEST(G30_what_is_rolled_back_counts_nothing_though_a_part_of_it_was_done),
        TEST(U27_a_retry_that_healed_is_no_failed_run),
        TEST(an_alert_says_since_when_its_rate_holds),
        TEST(G19_no_question_costs_more_with_more_history),
        TEST(G19_each_selection_of_a_replay_is_led_by_an_index),
        TEST(G19_no_question_scans_jobs_or_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
