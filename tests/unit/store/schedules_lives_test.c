/* Random lives of a schedule: downtimes, pauses, clock jumps, slow jobs. However it goes, each
 * expected instant has one verdict and at most one job (G14). RP_LIVES sets how many. */
#include "world.h"

static int64_t up_to(uint64_t *x, int64_t n)
{
    return (int64_t)(next_random(x) % (uint64_t)n);
}

static const char *const exprs[] = {"*/7 * * * *",      "30 2 * * *", "0 */3 * * *",
                                    "15,45 8-18 * * *", "@every 11m", "*/20 * * * * *"};
static const char *const overlaps[] = {"skip", "queue", "replace", "allow"};
static const char *const policies[] = {"run-once", "run-all", "skip"};

struct life {
    struct world *w;
    uint64_t random;
    int64_t up_since, down_from, gap_jobs, gaps;
    bool paused, run_once, skip_overlap;
};

static void go_down(struct life *l)
{
    struct world *w = l->w;
    finish_all(w); /* so that nothing is in the way of the run that makes up */
    l->down_from = w->now;
    int64_t first = query(w, "select next_at from schedule", 0, 0);
    w->now += RP_US_MIN + up_to(&l->random, 2 * RP_US_DAY);
    l->up_since = w->now;
    bool missed = first < l->up_since;
    int64_t before = query(w, "select count(*) from job", 0, 0);
    (void)tick_since(w, l->down_from, l->up_since);
    int64_t made = query(w, "select count(*) from job where instant < ?1", l->up_since, 0) - before;
    if (l->run_once && missed && !l->paused)
        assert_int_equal(made, 1);
    if (l->paused)
        assert_int_equal(made, 0);
}

static void live_on(struct life *l)
{
    struct world *w = l->w;
    w->now += up_to(&l->random, 40 * RP_US_S);
    (void)tick_since(w, l->down_from, l->up_since);
    if (up_to(&l->random, 3) == 0)
        finish_all(w);
}

static void set_back(struct life *l)
{
    struct world *w = l->w;
    int64_t jump = up_to(&l->random, 2 * RP_US_H), n = query(w, "select count(*) from job", 0, 0);
    w->now -= jump;
    (void)tick_since(w, l->down_from, l->up_since);
    assert_int_equal(query(w, "select count(*) from job", 0, 0), n);
    w->now += jump;
}

static void jump_forward(struct life *l)
{
    l->w->now += up_to(&l->random, 3 * RP_US_H);
    (void)tick_since(l->w, l->down_from, l->up_since);
}

static void pause_or_resume(struct life *l)
{
    l->paused = !l->paused;
    OK(rp_schedule_pause(l->w->db, RP_STR("nightly"), l->paused, RP_STR("ada"), RP_NONE, l->w->now,
                         err));
}

/* Every instant that rp_cron_next names has one verdict, nothing else has, and jobs are one each.
 */
static void check_ledger(struct life *l, int64_t from, uint64_t seed)
{
    struct world *w = l->w;
    const struct rp_schedule *c = rp_config_schedule(rp_db_config(w->db), RP_STR("nightly"));
    int64_t expected = 0, anchor = from, id = query(w, "select id from schedule", 0, 0);
    for (int64_t i = from; (i = rp_cron_next(&c->cron, c->tz, i, anchor)) <= w->now;) {
        expected++;
        if (query(w, "select count(*) from occurrence where schedule_id = ?1 and instant = ?2", id,
                  i) != 1)
            fail_msg("seed %llu: instant %lld has no verdict", (unsigned long long)seed,
                     (long long)i);
    }
    assert_int_equal(query(w, "select count(*) from occurrence", 0, 0), expected);
    assert_int_equal(query(w, "select count(*) from job", 0, 0),
                     query(w, "select count(distinct instant) from job", 0, 0));
    assert_int_equal(query(w, "select count(*) from occurrence where verdict = 1", 0, 0),
                     query(w, "select count(*) from job", 0, 0));
    assert_int_equal(query(w,
                           "select count(*) from occurrence o left join job j on j.id = o.job_id"
                           " where o.verdict in (1, 2, 5) and j.id is null",
                           0, 0),
                     0);
}

static void one_life(struct world *w, uint64_t seed)
{
    struct life l = {.w = w, .random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
    char yaml[512];
    int64_t policy = up_to(&l.random, 3), overlap = up_to(&l.random, 4);
    l.run_once = policy == 0;
    (void)snprintf(yaml, sizeof yaml,
                   JOB "\"%s\"\n    timezone: Europe/Berlin\n    overlap: %s\n"
                       "    missed: %s\n    missed_max: 5\n%s",
                   exprs[up_to(&l.random, 6)], overlaps[overlap], policies[policy],
                   policy != 0 && up_to(&l.random, 2) ? "    start_within: 3h\n" : "");
    w->now = at("2026-03-27T00:00:00Z") + up_to(&l.random, RP_US_DAY); /* the 29th loses an hour */
    int64_t from = l.up_since = w->now;
    configure(w, yaml);
    for (int step = 0; step < 60; step++) {
        int64_t what = up_to(&l.random, 20);
        if (what == 0)
            go_down(&l);
        else if (what == 1)
            set_back(&l);
        else if (what == 2)
            pause_or_resume(&l);
        else if (what == 3)
            jump_forward(&l);
        else
            live_on(&l);
    }
    (void)tick_since(w, l.down_from, l.up_since);
    check_ledger(&l, from, seed);
}

static void G14_every_expected_instant_has_one_verdict_and_at_most_one_job(void **state)
{
    struct world *w = *state;
    const char *lives = getenv("RP_LIVES");
    uint64_t n = lives != NULL ? strtoull(lives, NULL, 10) : 120;
    for (uint64_t seed = 1; seed <= n; seed++) {
        OK(rp_savepoint(w->db, err));
        one_life(w, seed);
        rp_savepoint_rollback(w->db);
        rp_config_free(w->config[--w->n_config]);
    }
    print_message("schedules: %llu lives\n", (unsigned long long)n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(G14_every_expected_instant_has_one_verdict_and_at_most_one_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
