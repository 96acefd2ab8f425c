/* Types, queues, rates, patterns, dependencies, nodes, tokens, kept answers (G13, G19, G30, U27,
 * U29). */
#include "world.h"

#include <sqlite3.h>

static const char conf[] = "queues:\n  mail: { max_running: 3, weight: 2 }\n"
                           "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], needs: [db], critical: true, retries: 0 }\n"
                           "  b: { run: [\"true\"], queue: mail, retries: 0 }\n";

static struct rp_type_row type_row(struct world *w, const char *name)
{
    struct rp_type_row row;
    OK(rp_type_get(w->db, rp_str_of(name), w->now, &w->arena, &row, err));
    return row;
}

static struct rp_queue_row queue_row(struct world *w, const char *name)
{
    struct rp_queue_row *v;
    size_t n;
    OK(rp_queues_list(w->db, w->now, &w->arena, &v, &n, err));
    for (size_t i = 0; i < n; i++)
        if (rp_str_is(v[i].name, name))
            return v[i];
    fail_msg("no queue %s", name);
    return v[0];
}

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

static void queues_show_what_waits_is_held_and_was_done(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)run_one(w, "b", RP_OUT_FAILED, "x", 1);
    (void)run_one(w, "b", RP_OUT_SUCCEEDED, NULL, 0);
    (void)enqueue(w, "a", NULL);
    w->now += RP_US_MIN;
    (void)enqueue(w, "b", NULL);
    OK(rp_dep_checked(w->db, RP_STR("db"), false, RP_STR("connection refused"), 5, w->now, err));
    struct rp_queue_row mail = queue_row(w, "mail"), other = queue_row(w, "default");
    assert_int_equal(mail.done_5m, 2);
    assert_int_equal(mail.failed_5m, 1);
    assert_int_equal(mail.failed, 1);
    assert_int_equal(mail.waiting, 1);
    assert_int_equal(mail.held, 0);
    assert_int_equal(mail.oldest_us, w->now);
    assert_int_equal(mail.max_running, 3);
    assert_int_equal(mail.weight, 2);
    assert_int_equal(other.held, 1);
    assert_int_equal(other.done_5m, 0);
    w->now += 10 * RP_US_MIN;
    assert_int_equal(queue_row(w, "mail").done_5m, 0);
}

static void a_paused_queue_gives_nothing_and_the_trail_says_who(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    (void)enqueue(w, "b", NULL);
    OK(rp_queue_pause(w->db, RP_STR("mail"), true, RP_STR("ada"), RP_STR("bounces"), w->now, err));
    OK(rp_queue_pause(w->db, RP_STR("mail"), true, RP_STR("bob"), RP_NONE, w->now, err));
    assert_true(rp_str_is(queue_row(w, "mail").paused_by, "ada"));
    assert_int_equal(claim(w, 1, &l), 0);
    (void)rp_db_take_changes(w->db);
    OK(rp_queue_pause(w->db, RP_STR("mail"), false, RP_STR("ada"), RP_NONE, w->now, err));
    assert_true((rp_db_take_changes(w->db) & RP_CHANGED_READY) != 0);
    assert_int_equal(claim(w, 1, &l), 1);
    assert_int_equal(query(w, "select count(*) from audit", 0, 0), 2);
    FAILS(RP_E_NOT_FOUND,
          rp_queue_pause(w->db, RP_STR("no"), true, RP_STR("ada"), RP_NONE, w->now, err));
}

static void U29_a_held_type_keeps_its_jobs_until_it_is_free(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    (void)enqueue(w, "b", NULL);
    OK(rp_type_hold(w->db, RP_STR("b"), RP_STR("its command is missing: /x"), w->now, err));
    assert_int_equal(claim(w, 1, &l), 0);
    assert_true(rp_str_is(type_row(w, "b").held, "its command is missing: /x"));
    OK(rp_type_hold(w->db, RP_STR("b"), RP_NONE, w->now, err));
    assert_int_equal(claim(w, 1, &l), 1);
}

/* ---- dependencies ---- */

static void a_dependency_that_comes_up_frees_its_jobs_and_wakes_the_claim(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    struct rp_dep_row *v;
    size_t n;
    configure(w, conf);
    (void)enqueue(w, "a", NULL);
    OK(rp_dep_checked(w->db, RP_STR("db"), false, RP_STR("connection refused"), 9, w->now, err));
    assert_int_equal(claim(w, 1, &l), 0);
    assert_true(rp_str_is(type_row(w, "a").held, "dependency db is down"));
    OK(rp_deps_list(w->db, &w->arena, &v, &n, err));
    assert_int_equal(n, 1);
    assert_int_equal(v[0].state, RP_DEP_DOWN);
    assert_int_equal(v[0].held, 1);
    int64_t since = w->now;
    w->now += RP_US_S;
    OK(rp_dep_checked(w->db, RP_STR("db"), false, RP_STR("connection refused"), 9, w->now, err));
    (void)rp_db_take_changes(w->db);
    OK(rp_deps_list(w->db, &w->arena, &v, &n, err));
    assert_int_equal(v[0].since_us, since);
    assert_int_equal(v[0].checked_us, w->now);
    OK(rp_dep_checked(w->db, RP_STR("db"), true, RP_STR("accepted"), 2, w->now, err));
    assert_true((rp_db_take_changes(w->db) & RP_CHANGED_READY) != 0);
    assert_int_equal(claim(w, 1, &l), 1);
    assert_int_equal(query(w, "select count(*) from dependency_check", 0, 0), 2);
    FAILS(RP_E_NOT_FOUND, rp_dep_checked(w->db, RP_STR("no"), true, RP_NONE, 0, w->now, err));
}

static void secrets_of_a_target_are_not_stored(void **state)
{
    (void)state;
    static const struct {
        enum rp_dep_kind kind;
        const char *target, *shown;
    } cases[] = {
        {RP_DEP_HTTP, "https://u:p@api.example.com/health?token=x#y",
         "https://api.example.com/health"},
        {RP_DEP_POSTGRES, "postgresql://u:p/?a@db:5432/x?sslkey=k", "postgresql://db:5432/x"},
        {RP_DEP_POSTGRES, "host=db port = 5432 password='a \\' host=b' user=u dbname=x",
         "host=db port=5432 dbname=x"},
        {RP_DEP_POSTGRES, "nonsense", ""},
        {RP_DEP_TCP, "127.0.0.1:6379", "127.0.0.1:6379"},
    };
    struct rp_arena a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_dep d = {.kind = cases[i].kind, .target = rp_str_of(cases[i].target)};
        assert_string_equal(rp_cstr(&a, rp_dep_public(&a, &d)), cases[i].shown);
    }
    rp_arena_free(&a);
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
    OK(rp_rate_since(w->db, RP_STR("r"), 0, &rate, err));
    assert_int_equal(rate.runs, 1);
    assert_int_equal(rate.failed, 0);
    assert_int_equal(rate.retried_failures, 1);
    FAILS(RP_E_NOT_FOUND, rp_rate_since(w->db, RP_STR("no"), 0, &rate, err));
}

static void add_minute(struct world *w, int64_t minute, int64_t ok, int64_t failed)
{
    struct rp_err err;
    for (int64_t i = 0; i < ok + failed; i++)
        if (!rp_rollup_count(w->db, minute * RP_US_MIN, 1, 1,
                             i < ok ? RP_OUT_SUCCEEDED : RP_OUT_FAILED, true, 0, &err))
            fail_msg("%s", err.message);
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
        OK(rp_rate_alert_since(w->db, .2, 15 * RP_US_MIN, 10, now, &since, err));
        int64_t hand = since_by_hand(ok, bad, 90, 15, .2, 10);
        assert_int_equal(since, hand < 0 ? 0 : (first + hand) * RP_US_MIN);
    }
}

/* ---- patterns ---- */

static void a_pattern_counts_and_a_person_may_correct_it(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    struct rp_pattern *v, p;
    struct rp_pattern_count *c;
    size_t n;
    for (int i = 0; i < 5; i++)
        (void)run_one(w, i < 3 ? "a" : "b", RP_OUT_FAILED, i < 4 ? "refused" : "timeout",
                      i < 4 ? 7 : 8);
    OK(rp_patterns_list(w->db, 0, 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 2);
    assert_int_equal(v[0].failures, 4);
    assert_int_equal(v[0].hash, 7);
    OK(rp_pattern_edit(w->db, v[0].id, RP_STR("db away"), RP_STR("network"), RP_NONE, RP_NONE,
                       RP_STR("ada"), w->now, err));
    OK(rp_pattern_get(w->db, v[0].id, &w->arena, &p, err));
    assert_true(rp_str_is(p.name, "db away"));
    assert_true(rp_str_is(p.class, "network"));
    assert_true(rp_str_is(p.group, "g"));
    OK(rp_pattern_counts(w->db, 0, 0, RP_NONE, 10, &w->arena, &c, &n, err));
    assert_int_equal(n, 3);
    assert_int_equal(c[0].failures, 3);
    assert_true(rp_str_is(c[0].type, "a"));
    OK(rp_pattern_counts(w->db, 0, w->now - RP_US_MIN, RP_NONE, 10, &w->arena, &c, &n, err));
    assert_int_equal(n, 0);
    FAILS(RP_E_NOT_FOUND, rp_pattern_get(w->db, 99, &w->arena, &p, err));
    assert_int_equal(query(w,
                           "select count(*) from audit where action = 'pattern.edit' and detail"
                           " like '%network%'",
                           0, 0),
                     1);
}

/* ---- nodes ---- */

static void downtime_is_what_lies_between_the_last_sign_and_the_start(void **state)
{
    struct world *w = *state;
    int64_t last, n;
    OK(rp_node_start(w->db, RP_STR("n1"), 10, w->now, &last, err));
    assert_int_equal(last, 0);
    OK(rp_node_seen(w->db, RP_STR("n1"), w->now + 5, err));
    OK(rp_node_start(w->db, RP_STR("n1"), 11, w->now + 100, &last, err));
    assert_int_equal(last, w->now + 5);
    OK(rp_node_stop(w->db, RP_STR("n1"), w->now + 200, err));
    OK(rp_node_start(w->db, RP_STR("n1"), 12, w->now + 300, &last, err));
    assert_int_equal(last, w->now + 200);
    assert_int_equal(query(w, "select count(*) from downtime where why = 'it was stopped'", 0, 0),
                     1);
    assert_int_equal(query(w, "select sum(to_at - from_at) from downtime", 0, 0), 95 + 100);
    FAILS(RP_E_NOT_FOUND, rp_node_seen(w->db, RP_STR("n2"), 1, err));
    struct rp_str v[] = {RP_STR("a"), RP_STR("b")};
    struct rp_strs types = {v, 2};
    OK(rp_worker_seen(w->db, RP_STR("w1"), &types, w->now, err));
    OK(rp_worker_seen(w->db, RP_STR("w2"), &(struct rp_strs){0}, w->now, err));
    OK(rp_workers_of(w->db, RP_STR("a"), w->now, &n, err));
    assert_int_equal(n, 2);
    OK(rp_workers_of(w->db, RP_STR("c"), w->now, &n, err));
    assert_int_equal(n, 1);
    OK(rp_workers_of(w->db, RP_STR("a"), w->now + 1, &n, err));
    assert_int_equal(n, 0);
}

/* ---- tokens, kept answers ---- */

static void S2_a_token_is_shown_once_and_ends_by_time_or_revocation(void **state)
{
    struct world *w = *state;
    char secret[64], other[64];
    struct rp_token t, got, *v;
    size_t n;
    OK(rp_token_create(w->db, RP_STR("ci"), RP_SCOPE_ENQUEUE, w->now + RP_US_DAY, RP_STR("ada"),
                       w->now, secret, &t, err));
    OK(rp_token_create(w->db, RP_STR("op"), RP_SCOPE_OPERATE, 0, RP_STR("ada"), w->now, other, &got,
                       err));
    assert_int_equal(strlen(secret), 3 + 43);
    assert_string_not_equal(secret, other);
    OK(rp_token_check(w->db, rp_str_of(secret), w->now, &w->arena, &got, err));
    assert_int_equal(got.id, t.id);
    assert_int_equal(got.scope, RP_SCOPE_ENQUEUE);
    assert_int_equal(query(w, "select count(*) from token where hash = ?1", 0, 0), 0);
    assert_int_equal(query(w, "select min(length(hash)) from token", 0, 0), 32);
    FAILS(RP_E_UNAUTHORIZED,
          rp_token_check(w->db, rp_str_of(secret), w->now + RP_US_DAY, &w->arena, &got, err));
    secret[10] ^= 1;
    FAILS(RP_E_UNAUTHORIZED,
          rp_token_check(w->db, rp_str_of(secret), w->now, &w->arena, &got, err));
    secret[10] ^= 1;
    OK(rp_token_used(w->db, t.id, w->now + 7, err));
    OK(rp_token_revoke(w->db, t.id, RP_STR("ada"), w->now, err));
    FAILS(RP_E_UNAUTHORIZED,
          rp_token_check(w->db, rp_str_of(secret), w->now, &w->arena, &got, err));
    OK(rp_tokens_list(w->db, &w->arena, &v, &n, err));
    assert_int_equal(n, 2);
    assert_int_equal(v[0].last_used_us, w->now + 7);
    assert_int_equal(v[0].revoked_us, w->now);
    FAILS(RP_E_NOT_FOUND, rp_token_revoke(w->db, 99, RP_STR("ada"), w->now, err));
    assert_int_equal(query(w, "select count(*) from audit", 0, 0), 3);
    assert_int_equal(query(w,
                           "select count(*) from audit where detail like '%rp_%' escape '\\'"
                           " and detail like '%rp\\_%' escape '\\'",
                           0, 0),
                     0);
}

static void S3_scopes_allow_what_they_say(void **state)
{
    (void)state;
    static const char *const table[] = {"none:",
                                        "read:read",
                                        "enqueue:enqueue",
                                        "work:work",
                                        "operate:read enqueue operate",
                                        "admin:read enqueue work operate admin"};
    for (unsigned have = 0; have <= RP_SCOPE_ADMIN; have++)
        for (unsigned need = 1; need <= RP_SCOPE_ADMIN; need++) {
            const char *allowed = strchr(table[have], ':') + 1;
            assert_int_equal(rp_scope_allows((enum rp_scope)have, (enum rp_scope)need),
                             strstr(allowed, rp_scope_name((enum rp_scope)need)) != NULL);
            enum rp_scope back;
            assert_true(rp_scope_of_name(rp_str_of(rp_scope_name((enum rp_scope)need)), &back));
            assert_int_equal(back, need);
        }
}

static void G13_a_kept_answer_is_given_again_and_another_request_is_a_conflict(void **state)
{
    struct world *w = *state;
    bool found;
    int64_t status;
    struct rp_str body;
    OK(rp_idempotency_find(w->db, RP_STR("k"), 5, &w->arena, &found, &status, &body, err));
    assert_false(found);
    OK(rp_idempotency_keep(w->db, RP_STR("k"), 5, 201, RP_STR("{\"id\":\"1\"}"), w->now, err));
    OK(rp_idempotency_find(w->db, RP_STR("k"), 5, &w->arena, &found, &status, &body, err));
    assert_true(found);
    assert_int_equal(status, 201);
    assert_true(rp_str_is(body, "{\"id\":\"1\"}"));
    FAILS(RP_E_CONFLICT,
          rp_idempotency_find(w->db, RP_STR("k"), 6, &w->arena, &found, &status, &body, err));
    FAILS(RP_E_CONFLICT, rp_idempotency_keep(w->db, RP_STR("k"), 5, 201, RP_STR(""), w->now, err));
    OK(rp_idempotency_keep(w->db, RP_STR("l"), 5, 201, RP_STR(""), w->now + RP_US_DAY + 1, err));
    OK(rp_idempotency_find(w->db, RP_STR("k"), 6, &w->arena, &found, &status, &body, err));
    assert_false(found);
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
}

static void G19_no_question_costs_more_with_more_history(void **state)
{
    struct world *w = *state;
    int64_t few[QUESTIONS];
    configure(w, conf);
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

static void G19_no_question_scans_jobs_or_attempts(void **state)
{
    struct world *w = *state;
    configure(w, conf);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(G30_counts_agree_with_the_rows_whatever_happens),
        TEST(queues_show_what_waits_is_held_and_was_done),
        TEST(a_paused_queue_gives_nothing_and_the_trail_says_who),
        TEST(U29_a_held_type_keeps_its_jobs_until_it_is_free),
        TEST(a_dependency_that_comes_up_frees_its_jobs_and_wakes_the_claim),
        TEST(U27_a_retry_that_healed_is_no_failed_run),
        TEST(an_alert_says_since_when_its_rate_holds),
        TEST(a_pattern_counts_and_a_person_may_correct_it),
        TEST(downtime_is_what_lies_between_the_last_sign_and_the_start),
        TEST(S2_a_token_is_shown_once_and_ends_by_time_or_revocation),
        TEST(G13_a_kept_answer_is_given_again_and_another_request_is_a_conflict),
        TEST(G19_no_question_costs_more_with_more_history),
        TEST(G19_no_question_scans_jobs_or_attempts),
        cmocka_unit_test(S3_scopes_allow_what_they_say),
        cmocka_unit_test(secrets_of_a_target_are_not_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
