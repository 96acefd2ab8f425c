/* The run of a replay, tick by tick, in the test's own time (replay.md 11 to 17, 20, 21; U4, U5,
 * G17). */
#include "replay_world.h"

static const char conf[] = "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
                           "replay: { wave_max: 20, max_running: 5 }\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 3, idempotent: true }\n"
                           "  b: { run: [\"true\"], retries: 0, idempotent: true, needs: [db] }\n"
                           "  mail: { run: [\"true\"], retries: 0 }\n";

static struct rp_replay_ask of(const char *type)
{
    return (struct rp_replay_ask){
        .filter = {.type = rp_str_of(type)}, .has_filter = true, .actor = RP_STR("ada")};
}

static struct rp_replay_item item(struct world *w, int64_t id, int64_t seq)
{
    struct rp_replay_item *v;
    size_t n;
    OK(rp_replay_items(w->db, id, seq - 1, 0, 1, &w->arena, &v, &n, err));
    assert_int_equal(n, 1);
    return v[0];
}

static void in_state(struct world *w, int64_t id, enum rp_replay_state want)
{
    struct rp_replay r = replay(w, id);
    if (r.state != want)
        fail_msg("replay is %s, wanted %s: %.*s", rp_replay_state_name(r.state),
                 rp_replay_state_name(want), RP_FMT(r.says));
}

static void move(struct world *w, int64_t id, enum rp_replay_state to)
{
    OK(rp_replay_set_state(w->db, id, to, RP_STR("ada"), RP_STR("because"), w->now, err));
}

/* ---- waves ---- */

static void R11_the_canary_goes_first_and_the_next_wave_waits_for_all_of_it(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "a", 30);
    int64_t id = start(w, &(struct rp_replay_ask){.all = true, .actor = RP_STR("ada")});
    (void)tick(w);
    assert_int_equal(queued(w), 5);
    assert_int_equal(claim(w, 5, &l), 5);
    for (int i = 0; i < 4; i++)
        (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
    for (int i = 0; i < 10; i++, w->now += RP_US_MIN) {
        (void)tick(w);
        assert_int_equal(queued(w), 0);
    }
    (void)report(w, &l[4], RP_OUT_SUCCEEDED, NULL, 0);
    (void)tick(w);
    assert_int_equal(queued(w), 10);
    assert_int_equal(item(w, id, 5).wave, 1);
    assert_int_equal(item(w, id, 6).wave, 2);
}

static void R12_waves_are_those_of_the_plan_and_the_next_starts_at_nine_tenths(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "a", 100);
    struct rp_replay_ask ask = of("a");
    struct rp_plan p = plan_of(w, &ask);
    int64_t id = start(w, &ask);
    for (size_t wave = 0; wave < p.n_waves; wave++) {
        (void)tick(w);
        size_t n = (size_t)p.waves[wave];
        assert_int_equal(queued(w), n);
        assert_int_equal(claim(w, 100, &l), n);
        size_t needed = wave == 0 ? n : n - n / 10;
        for (size_t i = 0; i < n; i++) {
            if (i == needed - 1) {
                (void)tick(w);
                assert_int_equal(queued(w), 0); /* one less than enough */
            }
            (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
        }
    }
    (void)tick(w);
    in_state(w, id, RP_REPLAY_DONE);
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.n[RP_FATE_SUCCEEDED], 100);
    assert_int_equal(r.wave, p.n_waves);
    assert_true(r.ended_us > 0);
}

static void R12_a_canary_larger_than_a_wave_does_not_make_larger_waves(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 60);
    struct rp_replay_ask ask = of("a");
    ask.canary = 30;
    struct rp_plan p = plan_of(w, &ask);
    (void)start(w, &ask);
    for (size_t wave = 0; wave < p.n_waves; wave++) {
        (void)tick(w);
        assert_int_equal(work(w, 0), p.waves[wave]);
    }
    assert_int_equal(p.waves[1], 20);
}

/* ---- rate ---- */

enum { OUT_MAX = 4000 };
struct outs {
    int64_t at[OUT_MAX];
    size_t n;
};

static void note_out(struct world *w, struct outs *o)
{
    for (size_t n = work(w, 0); n > 0 && o->n < OUT_MAX; n--)
        o->at[o->n++] = w->now;
}

/* In no stretch of time more than the rate allows, one, and what 20 ms of it make (in the monotonic
 * time of the test). */
static void rate_held(const struct outs *o, double rate)
{
    for (size_t i = 0; i < o->n; i++)
        for (size_t k = i; k < o->n; k++) {
            double s = (double)(o->at[k] - o->at[i]) / 1e6;
            if ((double)(k - i + 1) > s * rate + 1.001 + 0.02 * rate)
                fail_msg("%zu went out within %.3f s at a rate of %g", k - i + 1, s, rate);
        }
}

static void run_until(struct world *w, struct outs *o, int64_t until)
{
    while (w->now < until) {
        int64_t next = tick(w);
        note_out(w, o);
        int64_t sooner = next < w->now + RP_US_S ? next : w->now + RP_US_S;
        w->now = sooner > w->now ? sooner : w->now + 1000;
    }
}

static void U4_the_rate_holds_and_is_used(void **state)
{
    struct world *w = *state;
    static const double rates[] = {0.5, 4, 33, 700};
    configure(w, "replay: { wave_max: 500, max_running: 5 }\njobs:\n"
                 "  a: { run: [\"true\"], retries: 0, idempotent: true }\n");
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct outs o = {.n = 0};
        int n = (int)(rates[i] * 3) + 8;
        fail_many(w, "a", n);
        struct rp_replay_ask ask = of("a");
        ask.rate_per_s = rates[i];
        int64_t id = start(w, &ask), from = w->now;
        for (int k = 0; k < 100000 && replay(w, id).state == RP_REPLAY_RUNNING; k++)
            run_until(w, &o, w->now + 1);
        assert_int_equal(o.n, n);
        rate_held(&o, rates[i]);
        double took = (double)(w->now - from) / 1e6, least = (double)(n - 1) / rates[i];
        print_message("rate %g/s: %d jobs in %.2f s, at least %.2f\n", rates[i], n, took, least);
        assert_true(took < least * 1.2 + 2);
    }
}

static void U4_no_burst_follows_a_slow_canary_or_a_pause(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    struct outs o = {.n = 0};
    configure(w, conf);
    fail_many(w, "a", 100);
    struct rp_replay_ask ask = of("a");
    ask.rate_per_s = 2;
    ask.canary = 1;
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(claim(w, 9, &l), 1);
    for (int i = 0; i < 60; i++, w->now += RP_US_MIN)
        (void)tick(w);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    run_until(w, &o, w->now + 10 * RP_US_S);
    assert_true(o.n > 15);
    move(w, id, RP_REPLAY_PAUSED);
    w->now += RP_US_H;
    move(w, id, RP_REPLAY_RUNNING);
    run_until(w, &o, w->now + 10 * RP_US_S);
    assert_true(o.n > 30);
    rate_held(&o, 2);
}

static void U4_a_set_clock_gives_no_burst_and_no_standstill(void **state)
{
    struct world *w = *state;
    struct outs before = {.n = 0}, after = {.n = 0}, back = {.n = 0};
    configure(w, conf);
    fail_many(w, "a", 100);
    struct rp_replay_ask ask = of("a");
    ask.rate_per_s = 2;
    (void)start(w, &ask);
    run_until(w, &before, w->now + 10 * RP_US_S);
    w->now += RP_US_H;
    run_until(w, &after, w->now + 10 * RP_US_S);
    rate_held(&after, 2);
    w->now -= RP_US_H;
    run_until(w, &back, w->now + 10 * RP_US_S);
    rate_held(&back, 2);
    assert_true(before.n > 15 && after.n > 15 && back.n > 15);
}

/* ---- halts ---- */

/* Without canary and waves: all at once, and that is on record. */
static void R10_R11_without_a_canary_all_go_at_once_and_it_needs_a_reason(void **state)
{
    struct world *w = *state;
    struct rp_replay_ask ask = {.all = true, .at_once = true, .actor = RP_STR("ada")};
    configure(w, conf);
    fail_many(w, "a", 30);
    plan_fails(w, &ask, RP_E_BAD_FIELD);
    ask.reason = RP_STR("the disk is back");
    struct rp_plan p = plan_of(w, &ask);
    assert_int_equal(p.canary, 0);
    assert_int_equal(p.n_waves, 1);
    assert_int_equal(p.waves[0], 30);
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(queued(w), 30);
    assert_true(rp_str_is(replay(w, id).forced, "{\"canary\":0}"));
    assert_int_equal(query(w, "select count(*) from audit where action = 'replay.override'", 0, 0),
                     1);
    /* Stopped, all that did not start comes back, in parts that a tick each takes. */
    OK(rp_replay_undo(w->db, id, RP_STR("ada"), RP_NONE, w->now, err));
    assert_int_equal(queued(w), 0);
    assert_int_equal(replay(w, id).n[RP_FATE_WAITING], 30);
}

static void R14_a_canary_that_fails_halts_and_nothing_more_starts(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 50);
    struct rp_replay_ask ask = of("a");
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(work(w, 5), 5);
    (void)tick(w);
    in_state(w, id, RP_REPLAY_HALTED);
    assert_non_null(strstr(rp_cstr(&w->arena, replay(w, id).says), "5 of 5"));
    for (int i = 0; i < 5; i++, w->now += RP_US_MIN) {
        (void)tick(w);
        assert_int_equal(queued(w), 0);
    }
    assert_int_equal(replay(w, id).n[RP_FATE_WAITING], 45);
}

static void R15_resumed_it_goes_on_with_a_new_canary(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 60);
    struct rp_replay_ask ask = of("a");
    int64_t id = start(w, &ask);
    (void)tick(w);
    (void)work(w, 5);
    (void)tick(w);
    in_state(w, id, RP_REPLAY_HALTED);
    move(w, id, RP_REPLAY_RUNNING);
    (void)tick(w);
    in_state(w, id, RP_REPLAY_RUNNING); /* what failed before is not counted again */
    assert_int_equal(queued(w), 5);
    (void)tick(w);
    assert_int_equal(queued(w), 5);
    (void)work(w, 0);
    (void)tick(w);
    assert_int_equal(work(w, 0), 10);
    (void)tick(w);
    assert_int_equal(work(w, 20), 20); /* and a turn for the worse halts again */
    (void)tick(w);
    in_state(w, id, RP_REPLAY_HALTED);
    move(w, id, RP_REPLAY_RUNNING);
    for (int i = 0; i < 9; i++) {
        (void)tick(w);
        (void)work(w, 0);
    }
    in_state(w, id, RP_REPLAY_DONE);
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.n[RP_FATE_SUCCEEDED], 35);
    assert_int_equal(r.n[RP_FATE_FAILED_SAME], 25);
}

static void R14_a_needed_dependency_that_goes_down_halts_at_once(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    fail_many(w, "b", 30);
    dependency(w, "db", true);
    w->now += 2 * RP_US_MIN;
    dependency(w, "db", true);
    struct rp_str row[30];
    for (int i = 0; i < 30; i++)
        row[i] = job_row(w, i + 1);
    struct rp_replay_ask ask = of("b");
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(claim(w, 2, &l), 2);
    dependency(w, "db", false);
    (void)tick(w);
    in_state(w, id, RP_REPLAY_HALTED);
    assert_non_null(
        strstr(rp_cstr(&w->arena, replay(w, id).says), "dependency db is down: by test"));
    for (int i = 0; i < 30; i++) /* running items finish, the others are as they were */
        if (state_of(w, i + 1) != RP_RUNNING)
            assert_true(rp_str_eq(row[i], job_row(w, i + 1)));
    assert_int_equal(query(w, "select count(*) from job where state = 3", 0, 0), 2);
    move(w, id, RP_REPLAY_RUNNING);
    (void)tick(w);
    in_state(w, id, RP_REPLAY_HALTED); /* it is still down */
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    (void)report(w, &l[1], RP_OUT_SUCCEEDED, NULL, 0);
    dependency(w, "db", true);
    move(w, id, RP_REPLAY_RUNNING);
    for (int i = 0; i < 9; i++) {
        (void)tick(w);
        (void)work(w, 0);
    }
    in_state(w, id, RP_REPLAY_DONE);
    assert_int_equal(replay(w, id).n[RP_FATE_SUCCEEDED], 30);
}

/* ---- what a person does ---- */

static void R21_undo_and_abort_leave_what_did_not_run_exactly_as_it_was(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    for (int round = 0; round < 2; round++) {
        fail_many(w, "a", 20 - (int)query(w, "select count(*) from job where state = 6", 0, 0));
        struct rp_str row[60];
        int64_t jobs = query(w, "select max(id) from job", 0, 0);
        for (int64_t i = 1; i <= jobs; i++)
            row[i] = job_row(w, i);
        struct rp_replay_ask ask = of("a");
        int64_t id = start(w, &ask);
        (void)tick(w);
        assert_int_equal(claim(w, 2, &l), 2);
        w->now += RP_US_H;
        if (round == 0)
            OK(rp_replay_undo(w->db, id, RP_STR("ada"), RP_STR("wrong"), w->now, err));
        else
            move(w, id, RP_REPLAY_ABORTED);
        for (int64_t i = 1; i <= jobs; i++)
            if (state_of(w, i) != RP_RUNNING && !rp_str_eq(row[i], job_row(w, i)))
                fail_msg("job %lld was\n%.*s\nand is\n%.*s", (long long)i, RP_FMT(row[i]),
                         RP_FMT(job_row(w, i)));
        assert_int_equal(replay(w, id).ended_us, 0);
        (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
        (void)report(w, &l[1], RP_OUT_SUCCEEDED, NULL, 0);
        (void)tick(w);
        in_state(w, id, round == 0 ? RP_REPLAY_UNDONE : RP_REPLAY_ABORTED);
        assert_true(replay(w, id).ended_us > 0);
        assert_int_equal(queued(w), 0);
    }
    FAILS(RP_E_BAD_STATE, rp_replay_undo(w->db, 1, RP_STR("ada"), RP_STR("again"), w->now, err));
    FAILS(RP_E_BAD_STATE,
          rp_replay_set_state(w->db, 2, RP_REPLAY_RUNNING, RP_STR("ada"), RP_NONE, w->now, err));
}

static void a_paused_one_goes_on_where_it_was(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 40);
    struct rp_replay_ask ask = of("a");
    int64_t id = start(w, &ask);
    (void)tick(w);
    (void)work(w, 0);
    (void)tick(w);
    assert_int_equal(queued(w), 10);
    move(w, id, RP_REPLAY_PAUSED);
    assert_int_equal(queued(w), 0);
    (void)tick(w);
    assert_int_equal(queued(w), 0);
    move(w, id, RP_REPLAY_RUNNING);
    (void)tick(w);
    assert_int_equal(queued(w), 10);
    for (int i = 0; i < 5; i++) {
        (void)work(w, 0);
        (void)tick(w);
    }
    in_state(w, id, RP_REPLAY_DONE);
}

/* ---- items ---- */

static void U5_a_bad_item_stops_nothing_and_each_has_a_fate_and_a_reason(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 20);
    (void)fail_one(w, &(struct failing){.type = "a", .key = "K"}); /* job 21 */
    commit(w);
    struct rp_replay_ask ask = of("a");
    int64_t id = start(w, &ask);
    OK(rp_job_retry(w->db, 1, RP_STR("ada"), RP_STR("by hand"), w->now, err));
    (void)work(w, 0);
    (void)query(w, "update job set payload = 'other' where id = 2", 0, 0);
    (void)enqueue(w, "a", "K"); /* takes the key */
    for (int i = 0; i < 9; i++) {
        (void)tick(w);
        if (i == 0)
            OK(rp_job_cancel(w->db, 3, RP_STR("ada"), RP_STR("no"), w->now, err));
        struct rp_lease *l;
        size_t n = claim(w, 100, &l);
        for (size_t k = 0; k < n; k++)
            if (l[k].job.id != 22) /* runs on and holds the key */
                (void)report(w, &l[k], RP_OUT_SUCCEEDED, NULL, 0);
    }
    in_state(w, id, RP_REPLAY_DONE);
    struct rp_replay r = replay(w, id);
    assert_int_equal(r.n[RP_FATE_SUCCEEDED], 17);
    assert_int_equal(r.n[RP_FATE_SKIPPED], 4);
    static const struct {
        int64_t seq;
        const char *why;
    } bad[] = {{1, "succeeded now"}, {2, "payload"}, {3, "cancelled"}, {21, "key"}};
    for (size_t i = 0; i < 4; i++) {
        struct rp_replay_item it = item(w, id, bad[i].seq);
        assert_int_equal(it.fate, RP_FATE_SKIPPED);
        assert_non_null(strstr(rp_cstr(&w->arena, it.why), bad[i].why));
    }
}

static void U5_skipped_items_do_not_use_up_the_canary(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 30);
    struct rp_replay_ask ask = of("a");
    int64_t id = start(w, &ask);
    (void)query(w, "update job set payload = 'other' where id <= 5", 0, 0);
    (void)tick(w);
    assert_int_equal(queued(w), 5);
    assert_int_equal(item(w, id, 10).wave, 1);
}

static void R17_an_item_has_one_attempt_and_is_not_retried(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    w->retry = true; /* as far as the worker is concerned */
    fail_many(w, "a", 5);
    struct rp_replay_ask ask = of("a");
    int64_t id = start(w, &ask);
    struct rp_lease *l;
    (void)tick(w);
    assert_int_equal(claim(w, 9, &l), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(report(w, &l[i], RP_OUT_FAILED, "again", 99), RP_FAILED);
    (void)tick(w);
    in_state(w, id, RP_REPLAY_DONE);
    assert_int_equal(replay(w, id).n[RP_FATE_FAILED_NEW], 5);
    assert_int_equal(query(w, "select count(*) from attempt where replay_id = ?1", id, 0), 5);
}

/* Workers die, jobs fail, persons pause and resume, time passes; still nothing runs twice, nothing
 * outside of the plan, and all is over in the end. */
static void G17_whatever_happens_an_item_has_one_attempt_that_is_not_lost(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    uint64_t x = 88172645463325252ULL;
    fail_many(w, "a", 60);
    for (int i = 0; i < 30; i++)
        (void)fail_one(w, &(struct failing){.type = "mail"});
    commit(w);
    struct rp_replay_ask ask = {
        .all = true, .include_unsafe = true, .reason = RP_STR("checked"), .actor = RP_STR("ada")};
    int64_t id = start(w, &ask), outside = fail_one(w, &(struct failing){.type = "a"});
    struct rp_str untouched = job_row(w, outside);
    for (int i = 0; i < 4000 && replay(w, id).ended_us == 0; i++, w->now += RP_US_S / 2) {
        struct rp_lease *l;
        int64_t n_lost, next;
        (void)tick(w);
        size_t n = claim(w, 1 + (int64_t)(next_random(&x) % 5), &l);
        for (size_t k = 0; k < n; k++)
            switch (next_random(&x) % 8) {
            case 0: /* dies */
                break;
            case 1:
                end_job(w, &l[k], &(struct failing){0});
                break;
            default:
                (void)report(w, &l[k], RP_OUT_SUCCEEDED, NULL, 0);
            }
        OK(rp_leases_expire(w->db, w->now, 100, &n_lost, &next, err));
        enum rp_replay_state now = replay(w, id).state;
        if (now == RP_REPLAY_HALTED || (now == RP_REPLAY_PAUSED && next_random(&x) % 4 == 0))
            move(w, id, RP_REPLAY_RUNNING);
        else if (now == RP_REPLAY_RUNNING && next_random(&x) % 20 == 0)
            move(w, id, RP_REPLAY_PAUSED);
    }
    struct rp_replay r = replay(w, id);
    in_state(w, id, RP_REPLAY_DONE);
    assert_int_equal(r.n[RP_FATE_WAITING] + r.n[RP_FATE_RELEASED], 0);
    assert_int_equal(query(w,
                           "select max(n) from (select sum(outcome <> 4) n from attempt where "
                           "replay_id = ?1 group by job_id)",
                           id, 0),
                     1);
    assert_int_equal(
        query(w,
              "select max(n) from (select count(*) n from attempt a join job j on j.id = a.job_id"
              " join job_type t on t.id = j.type_id where a.replay_id = ?1 and t.name = 'mail' "
              "group by a.job_id)",
              id, 0),
        1);
    assert_int_equal(
        query(w,
              "select count(*) from attempt a where replay_id = ?1 and not exists(select 1 from"
              " replay_item i where i.replay_id = ?1 and i.job_id = a.job_id)",
              id, 0),
        0);
    assert_true(rp_str_eq(untouched, job_row(w, outside)));
    print_message("%lld succeeded, %lld failed again, %lld unknown, %lld skipped\n",
                  (long long)r.n[RP_FATE_SUCCEEDED],
                  (long long)(r.n[RP_FATE_FAILED_SAME] + r.n[RP_FATE_FAILED_NEW]),
                  (long long)r.n[RP_FATE_UNKNOWN], (long long)r.n[RP_FATE_SKIPPED]);
}

static void a_replay_that_cannot_go_on_stops_no_other(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_many(w, "a", 5);
    fail_many(w, "mail", 5);
    struct rp_replay_ask ask = of("a");
    int64_t broken = start(w, &ask);
    ask = of("mail");
    ask.include_unsafe = true;
    ask.reason = RP_STR("checked");
    int64_t good = start(w, &ask);
    (void)query(
        w,
        "create temp trigger broken before update on replay_item when old.replay_id = 1 begin"
        " select raise(abort, 'broken'); end",
        0, 0);
    assert_int_equal(broken, 1);
    for (int i = 0; i < 3; i++) {
        (void)tick(w);
        (void)work(w, 0);
    }
    in_state(w, good, RP_REPLAY_DONE);
    in_state(w, broken, RP_REPLAY_RUNNING);
    (void)query(w, "drop trigger temp.broken", 0, 0);
    for (int i = 0; i < 3; i++) {
        (void)tick(w);
        (void)work(w, 0);
    }
    in_state(w, broken, RP_REPLAY_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R11_the_canary_goes_first_and_the_next_wave_waits_for_all_of_it),
        REPLAY_TEST(R12_waves_are_those_of_the_plan_and_the_next_starts_at_nine_tenths),
        REPLAY_TEST(R12_a_canary_larger_than_a_wave_does_not_make_larger_waves),
        REPLAY_TEST(U4_the_rate_holds_and_is_used),
        REPLAY_TEST(U4_no_burst_follows_a_slow_canary_or_a_pause),
        REPLAY_TEST(U4_a_set_clock_gives_no_burst_and_no_standstill),
        REPLAY_TEST(R10_R11_without_a_canary_all_go_at_once_and_it_needs_a_reason),
        REPLAY_TEST(R14_a_canary_that_fails_halts_and_nothing_more_starts),
        REPLAY_TEST(R15_resumed_it_goes_on_with_a_new_canary),
        REPLAY_TEST(R14_a_needed_dependency_that_goes_down_halts_at_once),
        REPLAY_TEST(R21_undo_and_abort_leave_what_did_not_run_exactly_as_it_was),
        REPLAY_TEST(a_paused_one_goes_on_where_it_was),
        REPLAY_TEST(U5_a_bad_item_stops_nothing_and_each_has_a_fate_and_a_reason),
        REPLAY_TEST(U5_skipped_items_do_not_use_up_the_canary),
        REPLAY_TEST(R17_an_item_has_one_attempt_and_is_not_retried),
        REPLAY_TEST(G17_whatever_happens_an_item_has_one_attempt_that_is_not_lost),
        REPLAY_TEST(a_replay_that_cannot_go_on_stops_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
