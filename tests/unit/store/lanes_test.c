/* Who runs next, beside a plain model of it: whatever happens to jobs, types, queues and
 * dependencies between two claims, and however much of it is rolled back, what the writer keeps of
 * its lanes (store/lanes.h) gives the jobs that a look at all rows would. */
#include "store_help.h"

#include "store/registry.h"

enum { TYPES = 8, QUEUES = 5, STEPS = 1500, JOBS_MOST = 4000, CLAIM_MOST = 12, LEASES = 64 };
static const char *const type_names[TYPES] = {"a", "b", "c", "d", "e", "f", "g", "h"};
static const char *const queue_names[QUEUES] = {"default", "q1", "q2", "q3", "q4"};
static const int64_t weights[QUEUES] = {1, 3, 1, 2, 1};

struct world {
    struct fixture *f;
    struct dice d;
    double pass[QUEUES + 1]; /* by queue id */
    struct rp_lease lease[LEASES];
    size_t n_leases;
};

/* ---- the plain model: all ready rows, and who of them is next, again and again ---- */

struct row {
    int64_t id, queue_id, type_id, priority, due_us;
    double stride;
    bool taken;
};
static struct row rows[JOBS_MOST];

static size_t may_run(struct fixture *f, const struct rp_claim *c)
{
    size_t n = 0;
    struct rp_stmt *s = rp_sql(
        f->db,
        "select j.id, j.queue_id, j.type_id, j.priority, j.due_at, q.weight, t.name, q.name from"
        " job j join queue q on q.id = j.queue_id join job_type t on t.id = j.type_id where"
        " +j.state = 2 and q.paused_at is null and t.configured = 1 and t.held is null and"
        " t.command = ?1 and not exists (select 1 from type_need w join dependency d on d.name ="
        " w.dependency where w.type_id = t.id and d.active = 1 and d.state = 2)");
    rp_bind_i64(s, 1, c->commands);
    while (rp_step(s, NULL) == RP_STEP_ROW) {
        struct rp_str type = rp_col_str(s, 6, &f->a), queue = rp_col_str(s, 7, &f->a);
        if ((c->types.n > 0 && !rp_str_eq(c->types.v[0], type)) ||
            (c->queues.n > 0 && !rp_str_eq(c->queues.v[0], queue)))
            continue;
        assert_true(n < JOBS_MOST);
        rows[n++] = (struct row){rp_col_i64(s, 0),
                                 rp_col_i64(s, 1),
                                 rp_col_i64(s, 2),
                                 rp_col_i64(s, 3),
                                 rp_col_i64(s, 4),
                                 1.0 / (double)rp_col_i64(s, 5),
                                 false};
    }
    return n;
}

static int64_t left(struct fixture *f, const char *limit, const char *running, int64_t id)
{
    int64_t max, now;
    struct rp_stmt *s = rp_sql(f->db, limit);
    rp_bind_i64(s, 1, id);
    OK(rp_get_i64(s, 0, &max, err));
    s = rp_sql(f->db, running);
    rp_bind_i64(s, 1, id);
    OK(rp_get_i64(s, 0, &now, err));
    return max > 0 ? max - now : INT64_MAX;
}

static void bound_lag(struct world *w, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = w->pass[rows[i].queue_id] > most ? w->pass[rows[i].queue_id] : most;
    for (size_t i = 0; i < n; i++)
        if (w->pass[rows[i].queue_id] < most - 8)
            w->pass[rows[i].queue_id] = most - 8;
}

static bool before(const struct world *w, const struct row *a, const struct row *b)
{
    double pa = w->pass[a->queue_id], pb = w->pass[b->queue_id];
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (pa != pb)
        return pa < pb;
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->id < b->id;
}

static size_t expected(struct world *w, const struct rp_claim *c, int64_t *ids)
{
    int64_t of_type[TYPES + 1], of_queue[QUEUES + 1];
    struct fixture *f = w->f;
    size_t n = may_run(f, c), taken = 0;
    for (int i = 1; i <= TYPES; i++)
        of_type[i] = left(f, "select max_running from job_type where id = ?1",
                          "select count(*) from job where type_id = ?1 and +state = 3", i);
    for (int i = 1; i <= QUEUES; i++)
        of_queue[i] = left(f, "select max_running from queue where id = ?1",
                           "select count(*) from job where queue_id = ?1 and +state = 3", i);
    bound_lag(w, n);
    while (taken < (size_t)c->max) {
        struct row *best = NULL;
        for (size_t i = 0; i < n; i++)
            if (!rows[i].taken && of_type[rows[i].type_id] > 0 && of_queue[rows[i].queue_id] > 0 &&
                (best == NULL || before(w, &rows[i], best)))
                best = &rows[i];
        if (best == NULL)
            break;
        best->taken = true;
        ids[taken++] = best->id;
        of_type[best->type_id]--;
        of_queue[best->queue_id]--;
        w->pass[best->queue_id] += best->stride;
    }
    return taken;
}

/* ---- a claim ---- */

static void claim(struct world *w)
{
    struct fixture *f = w->f;
    struct rp_str type = rp_str_of(type_names[help_roll(&w->d, TYPES)]),
                  queue = rp_str_of(queue_names[help_roll(&w->d, QUEUES)]);
    struct rp_claim c = {.node = RP_STR("n"),
                         .worker = RP_STR("w"),
                         .lease_us = HELP_LEASE,
                         .max = 1 + help_roll(&w->d, CLAIM_MOST),
                         .commands = help_roll(&w->d, 4) == 0};
    if (help_roll(&w->d, 4) == 0)
        c.types = (struct rp_strs){&type, 1};
    if (help_roll(&w->d, 4) == 0)
        c.queues = (struct rp_strs){&queue, 1};
    int64_t ids[CLAIM_MOST];
    struct rp_lease *l;
    size_t n, want = expected(w, &c, ids);
    OK(rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, err));
    assert_int_equal(n, want);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(l[i].job.id, ids[i]);
        if (w->n_leases < LEASES)
            w->lease[w->n_leases++] = l[i];
    }
}

/* ---- what happens between claims ---- */

static void enqueue(struct world *w)
{
    for (int64_t n = 1 + help_roll(&w->d, 6); n > 0; n--) {
        struct rp_enqueue in = help_job(type_names[help_roll(&w->d, TYPES)]);
        struct rp_enqueued out;
        in.queue = rp_str_of(queue_names[help_roll(&w->d, QUEUES)]);
        in.priority = help_roll(&w->d, 3);
        in.due_us = help_roll(&w->d, 3) == 0 ? w->f->now + help_roll(&w->d, 3) * RP_US_S : 0;
        OK(rp_jobs_enqueue(w->f->db, &in, 1, w->f->now, &out, err));
    }
}

static void report(struct world *w)
{
    static const enum rp_outcome outcomes[] = {RP_OUT_SUCCEEDED, RP_OUT_FAILED};
    if (w->n_leases == 0)
        return;
    size_t i = (size_t)help_roll(&w->d, (int64_t)w->n_leases);
    struct rp_report r = help_outcome(&w->lease[i], outcomes[help_roll(&w->d, 2)]);
    enum rp_state state;
    struct rp_err err;
    (void)rp_job_report(w->f->db, &r, w->f->now, &state, &err); /* it may have been rolled back */
    w->lease[i] = w->lease[--w->n_leases];
}

static void cancel(struct world *w)
{
    int64_t id;
    struct rp_stmt *s = rp_sql(w->f->db, "select id from job where +state = 2 order by id limit 1"
                                         " offset ?1");
    rp_bind_i64(s, 1, help_roll(&w->d, 20));
    OK(rp_get_i64(s, 0, &id, err));
    if (id > 0)
        OK(rp_job_cancel(w->f->db, id, RP_STR("me"), RP_STR("x"), w->f->now, err));
}

static void rule(struct world *w)
{
    struct fixture *f = w->f;
    struct rp_str queue = rp_str_of(queue_names[help_roll(&w->d, QUEUES)]),
                  type = rp_str_of(type_names[help_roll(&w->d, TYPES)]);
    bool yes = help_roll(&w->d, 3) == 0;
    switch (help_roll(&w->d, 4)) {
    case 0:
        OK(rp_queue_pause(f->db, queue, yes, RP_STR("me"), RP_STR("x"), f->now, err));
        break;
    case 1:
        OK(rp_type_hold(f->db, type, yes ? RP_STR("no command") : RP_NONE, f->now, err));
        break;
    case 2:
        OK(rp_dep_checked(f->db, RP_STR("db"), !yes, RP_STR("says"), 1, f->now, err));
        break;
    default:
        f->type[help_roll(&w->d, TYPES)].max_running = help_roll(&w->d, 2) * help_roll(&w->d, 5);
        OK(help_apply(f->db, &f->config, err));
    }
}

static void pass_time(struct world *w)
{
    int64_t n, next;
    w->f->now += RP_US_S / 2;
    OK(rp_jobs_promote(w->f->db, w->f->now, 1000, &n, &next, err));
}

static void step(struct world *w)
{
    static void (*const steps[])(struct world *) = {
        claim, claim, claim, enqueue, enqueue, report, report, report, rule, pass_time, cancel};
    steps[help_roll(&w->d, sizeof steps / sizeof *steps)](w);
}

/* What the model remembers goes back too, but whose turn it is: that is not of the store. */
static void some_steps(struct world *w, bool inside)
{
    for (int64_t n = 1 + help_roll(&w->d, 4); n > 0; n--) {
        bool savepoint = !inside && help_roll(&w->d, 3) == 0, back = help_roll(&w->d, 2) == 0;
        if (!savepoint) {
            step(w);
            continue;
        }
        OK(rp_savepoint(w->f->db, err));
        some_steps(w, true);
        if (back)
            rp_savepoint_rollback(w->f->db);
        else
            OK(rp_savepoint_release(w->f->db, err));
    }
}

static void one_transaction(struct world *w)
{
    OK(rp_tx_begin(w->f->db, err));
    some_steps(w, false);
    if (help_roll(&w->d, 6) == 0)
        rp_tx_rollback(w->f->db);
    else
        OK(rp_tx_commit(w->f->db, err));
}

static void begin(struct world *w, struct fixture *f)
{
    static struct rp_str argv = {"true", 4};
    *w = (struct world){.f = f, .d = help_dice("lanes")};
    help_types(f, "a", "b", "c", "d", "e", "f", "g", "h", NULL);
    f->type[2].max_running = 2;
    f->type[3].run = (struct rp_strs){&argv, 1};
    f->type[4].run = (struct rp_strs){&argv, 1};
    help_reload(f);
    for (int i = 0; i < QUEUES; i++) {
        struct rp_enqueue in = help_job("a");
        in.queue = rp_str_of(queue_names[i]);
        (void)help_add(f, &in);
        struct rp_stmt *s = rp_sql(f->db, "update queue set weight = ?2 where id = ?1");
        rp_bind_i64(s, 1, i + 1);
        rp_bind_i64(s, 2, weights[i]);
        OK(rp_run(s, err));
    }
    help_sql(f, "update queue set max_running = 6 where name = 'q2';"
                "insert into dependency(name, kind, target, state) values ('db', 'tcp', 'x', 1);"
                "insert into type_need select id, 'db' from job_type where name in ('f', 'g')");
}

static void a_claim_takes_what_a_look_at_all_rows_would(void **state)
{
    struct world w;
    begin(&w, *state);
    for (int i = 0; i < STEPS; i++) {
        one_transaction(&w);
        if (w.n_leases == LEASES)
            w.n_leases = 0; /* those go on running */
        if (i % 100 == 99)
            rp_arena_free(&w.f->a);
    }
    help_check(w.f);
}

static int64_t claimed(struct fixture *f)
{
    struct rp_claim c = {
        .node = RP_STR("n1"), .worker = RP_STR("w1"), .max = 5, .lease_us = RP_US_H};
    struct rp_lease *l;
    size_t n;
    OK(rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, err));
    return n > 0 ? l[0].job.id : 0;
}

/* Its jobs may run again. */
static void a_queue_that_a_rollback_took_may_come_again(void **state)
{
    struct fixture *f = *state;
    struct rp_enqueue in = help_job("a");
    struct rp_enqueued out;
    help_types(f, "a", NULL);
    help_reload(f);
    in.queue = RP_STR("later");
    OK(rp_tx_begin(f->db, err));
    assert_int_equal(claimed(f), 0);
    OK(rp_savepoint(f->db, err));
    OK(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    rp_savepoint_rollback(f->db);
    assert_int_equal(claimed(f), 0);
    OK(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    assert_int_equal(claimed(f), out.id);
    OK(rp_tx_commit(f->db, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_claim_takes_what_a_look_at_all_rows_would, help_setup,
                                        help_teardown),
        cmocka_unit_test_setup_teardown(a_queue_that_a_rollback_took_may_come_again, help_setup,
                                        help_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
