/* Compensations are a replay of their own: planned, ordered and guarded like any (replay.md 21). */
#include "replay_world.h"

#include "store/job_rows.h"

static const char conf[] =
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
    "replay: { wave_max: 20, max_running: 5, settle: 0s }\n"
    "jobs:\n"
    "  pay: { run: [\"true\"], idempotent: true, compensate: [\"false\"], priority: 7,\n"
    "         queue: money, max_running: 3 }\n"
    "  safe: { run: [\"true\"], idempotent: true, compensate: [\"false\"], needs: [db] }\n"
    "  mail: { run: [\"true\"], idempotent: true }\n";

static int64_t fail_with(struct world *w, const char *type, const char *key, const char *labels)
{
    struct rp_enqueue in = {.type = rp_str_of(type),
                            .key = rp_str_of(key),
                            .payload = RP_STR("{\"amount\": 2}"),
                            .labels = rp_str_of(labels),
                            .priority = INT64_MIN};
    struct rp_enqueued out;
    struct rp_lease *l;
    OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    assert_int_equal(claim(w, 1, &l), 1);
    end_job(w, &l[0], &(struct failing){0});
    w->now += RP_US_S;
    return out.id;
}

/* All failed jobs are replayed and succeed. */
static int64_t replayed(struct world *w)
{
    struct rp_replay_ask ask = {.all = true, .actor = RP_STR("ada")};
    int64_t id = start(w, &ask);
    for (int i = 0; i < 50 && replay(w, id).state == RP_REPLAY_RUNNING; i++) {
        (void)tick(w);
        (void)work(w, 0);
    }
    assert_int_equal(replay(w, id).state, RP_REPLAY_DONE);
    commit(w);
    return id;
}

static struct rp_replay_ask of(int64_t id)
{
    return (struct rp_replay_ask){
        .kind = RP_REPLAY_COMPENSATION, .compensates = id, .actor = RP_STR("ada")};
}

static void planned(struct world *w, const struct rp_replay_ask *ask, struct rp_replay_making *m)
{
    OK(rp_replay_compensation(w->db, conf_of(w), ask, w->now, &w->arena, &m->plan, err));
}

static bool make_part(struct world *w, const struct rp_replay_ask *ask, struct rp_replay_making *m,
                      bool *again, struct rp_err *err)
{
    return rp_replay_compensate(w->db, conf_of(w), ask, w->now, &w->arena, m, again, err);
}

static bool compensated(struct world *w, const struct rp_replay_ask *ask, int64_t *id,
                        struct rp_err *why)
{
    struct rp_replay_making m = {.id = 0};
    bool again = true;
    planned(w, ask, &m);
    while (again)
        if (!make_part(w, ask, &m, &again, why))
            return false;
    *id = m.id;
    return true;
}

static int64_t compensate(struct world *w, int64_t of_id)
{
    struct rp_replay_ask ask = of(of_id);
    int64_t id;
    OK(compensated(w, &ask, &id, err));
    return id;
}

static void R21_a_compensation_has_the_payload_and_names_the_attempt_it_takes_back(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    int64_t job = fail_with(w, "pay", "k1", "{\"tenant\":\"acme\"}"), id = replayed(w);
    int64_t c = compensate(w, id);
    assert_int_equal(replay(w, c).kind, RP_REPLAY_COMPENSATION);
    assert_int_equal(replay(w, c).compensates, id);
    assert_int_equal(replay(w, id).compensated_by, c);
    (void)tick(w);
    assert_int_equal(claim(w, 9, &l), 1);
    assert_true(rp_str_is(l[0].job.type, "pay.compensate"));
    assert_true(rp_str_is(l[0].job.queue, "money"));
    assert_true(rp_str_is(l[0].job.payload, "{\"amount\": 2}"));
    assert_true(rp_str_is(l[0].job.labels, "{\"tenant\":\"acme\"}"));
    assert_int_equal(l[0].job.compensates.job_id, job);
    assert_int_equal(l[0].job.compensates.attempt, 2);
    assert_int_equal(l[0].job.compensates.replay_id, id);
    assert_true(rp_str_is(l[0].job.compensates.key, "k1"));
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
}

static void R21_what_was_done_last_in_a_sequence_is_taken_back_first(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    int64_t jobs[3];
    for (int i = 0; i < 3; i++)
        jobs[i] = fail_with(w, "pay", i == 0 ? "a" : i == 1 ? "b" : "c", "{\"sequence\":\"acme\"}");
    (void)compensate(w, replayed(w));
    for (int i = 2; i >= 0; i--) {
        (void)tick(w);
        assert_int_equal(claim(w, 9, &l), 1);
        assert_int_equal(l[0].job.compensates.job_id, jobs[i]);
        (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    }
}

static void R21_each_attempt_is_compensated_once_and_not_if_the_job_ran_since(void **state)
{
    struct world *w = *state;
    struct rp_plan p;
    configure(w, conf);
    (void)fail_with(w, "pay", "a", "{}");
    int64_t again = fail_with(w, "pay", "b", "{}");
    (void)fail_with(w, "mail", "c", "{}");
    int64_t id = replayed(w);
    OK(rp_job_retry(w->db, again, RP_STR("ada"), RP_STR("lost"), w->now, err));
    assert_int_equal(work(w, 0), 1);
    struct rp_replay_ask ask = of(id);
    OK(rp_replay_compensation(w->db, conf_of(w), &ask, w->now, &w->arena, &p, err));
    assert_int_equal(p.matched, 3);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.n_left_out, 2);
    (void)compensate(w, id);
    OK(rp_replay_compensation(w->db, conf_of(w), &ask, w->now, &w->arena, &p, err));
    assert_int_equal(p.n, 0);
    struct rp_undo u;
    OK(rp_replay_undo_look(w->db, conf_of(w), id, false, &w->arena, &u, err));
    assert_int_equal(u.n_can, 0);
    assert_int_equal(u.ran, 3);
    OK(rp_replay_undo(w->db, id, RP_STR("ada"), RP_NONE, w->now, err));
    OK(rp_replay_undo_look(w->db, conf_of(w), id, false, &w->arena, &u, err));
    FAILS(RP_E_BAD_STATE, rp_replay_undo_look(w->db, conf_of(w), id, true, &w->arena, &u, err));
}

/* Out is not yet run: what waits for a worker goes back as it was, like what is not out. */
static void R21_the_look_before_an_undo_counts_what_has_begun(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    struct rp_undo u;
    struct rp_plan p;
    configure(w, conf);
    for (int i = 0; i < 9; i++)
        (void)fail_with(w, "mail", NULL, "{}");
    struct rp_replay_ask all = {.all = true, .actor = RP_STR("ada")};
    int64_t id = start(w, &all);
    (void)tick(w);
    assert_int_equal(queued(w), 5); /* the canary */
    assert_int_equal(claim(w, 2, &l), 2);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    (void)tick(w);
    OK(rp_replay_undo_look(w->db, conf_of(w), id, false, &w->arena, &u, err));
    assert_int_equal(u.ran, 2); /* one has ended, one runs */
    assert_int_equal(u.not_run, 7);
    assert_int_equal(u.cannot[0].n, 2);
    struct rp_replay_ask ask = of(id);
    OK(rp_replay_compensation(w->db, conf_of(w), &ask, w->now, &w->arena, &p, err));
    assert_int_equal(p.matched, 2);
    OK(rp_replay_undo(w->db, id, RP_STR("ada"), RP_NONE, w->now, err));
    assert_int_equal(replay(w, id).n[RP_FATE_WAITING], u.not_run); /* as it was said */
}

/* As preflight for every replay: nothing of it is there. */
static void R21_a_check_that_fails_refuses_compensations(void **state)
{
    struct world *w = *state;
    struct rp_err why = {0};
    configure(w, conf);
    dependency(w, "db", true);
    (void)fail_with(w, "safe", "a", "{}");
    int64_t id = replayed(w), c;
    dependency(w, "db", false);
    struct rp_replay_ask ask = of(id);
    assert_false(compensated(w, &ask, &c, &why));
    assert_int_equal(why.code, RP_E_REFUSED);
    assert_int_equal(query(w, "select count(*) from compensation", 0, 0), 0);
    assert_int_equal(query(w, "select count(*) from replay", 0, 0), 1);
}

static void R21_compensations_that_have_not_run_go_back_and_never_run_by_themselves(void **state)
{
    struct world *w = *state;
    int64_t n, next;
    configure(w, conf);
    for (int i = 0; i < 8; i++)
        (void)fail_with(w, "pay", (char[]){(char)('a' + i), 0}, "{}");
    int64_t c = compensate(w, replayed(w));
    assert_int_equal(query(w, "select count(*) from job where state = 7", 0, 0), 8);
    (void)tick(w);
    assert_true(queued(w) > 0);
    OK(rp_replay_undo(w->db, c, RP_STR("ada"), RP_STR("not now"), w->now, err));
    assert_int_equal(query(w, "select count(*) from job where state = 7 and last_n = 0", 0, 0), 8);
    w->now += RP_US_DAY;
    OK(rp_jobs_promote(w->db, w->now, 100, &n, &next, err));
    assert_int_equal(queued(w), 0);
}

static int64_t can_be_taken_back(struct world *w, int64_t id)
{
    struct rp_replay_ask ask = of(id);
    struct rp_plan p;
    OK(rp_replay_compensation(w->db, conf_of(w), &ask, w->now, &w->arena, &p, err));
    return p.n;
}

static int64_t made(struct world *w)
{
    return query(w, "select count(*) from compensation", 0, 0);
}

/* Many are made in parts, because a transaction of all would hold the writer (G19): in the order of
 * sequences all the same, and none goes out before it is whole. */
static void G19_compensations_are_made_in_parts(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    (void)fail_with(w, "safe", "x", "{}");
    for (int i = 0; i < 8; i++)
        (void)fail_with(w, i % 2 ? "pay" : "safe", (char[]){(char)('a' + i), 0},
                        "{\"sequence\":\"acme\"}");
    dependency(w, "db", true);
    int64_t id = replayed(w), before = 0, calls = 0;
    struct rp_replay_ask ask = of(id);
    struct rp_replay_making m = {.part = 2};
    planned(w, &ask, &m);
    assert_int_equal(m.plan.n, 9);
    for (bool again = true; again; calls++) {
        OK(make_part(w, &ask, &m, &again, err));
        assert_in_range(made(w) - before, 0, 2);
        before = made(w);
        if (!again)
            break;
        (void)tick(w);
        assert_int_equal(queued(w), 0);
        assert_int_equal(can_be_taken_back(w, id), 9 - before); /* nobody else makes them */
    }
    assert_int_equal(calls + 1, 5 + 5 - 1); /* of jobs, of items; one is both */
    int64_t after = INT64_MAX;
    for (int i = 0; i < 40 && replay(w, m.id).state == RP_REPLAY_RUNNING; i++, w->now += RP_US_S) {
        (void)tick(w);
        size_t n = claim(w, 9, &l);
        for (size_t k = 0; k < n; k++) {
            if (rp_str_is(l[k].job.labels, "{\"sequence\":\"acme\"}")) {
                assert_true(l[k].job.compensates.job_id < after); /* the last that was done first */
                after = l[k].job.compensates.job_id;
            }
            (void)report(w, &l[k], RP_OUT_SUCCEEDED, NULL, 0);
        }
    }
    assert_int_equal(replay(w, m.id).state, RP_REPLAY_DONE);
    assert_int_equal(replay(w, m.id).n[RP_FATE_SUCCEEDED], 9);
}

/* What happened since it was planned leaves out its item, and is said so. */
static void R21_what_ran_or_was_taken_back_since_the_plan_is_left_out(void **state)
{
    struct world *w = *state;
    struct rp_job_digest digest;
    bool again = true, gone;
    configure(w, conf);
    int64_t job[4];
    for (int i = 0; i < 4; i++)
        job[i] = fail_with(w, "pay", (char[]){(char)('a' + i), 0}, "{}");
    int64_t id = replayed(w), c = compensate(w, id);
    OK(rp_replay_undo(w->db, c, RP_STR("ada"), RP_STR("not now"), w->now, err));
    struct rp_replay_ask ask = of(id);
    struct rp_replay_making m = {.id = 0};
    planned(w, &ask, &m);
    assert_int_equal(m.plan.n, 4);
    int64_t by_hand = query(w, "select job_id from compensation where of_job = ?1", job[0], 0);
    OK(rp_job_retry(w->db, by_hand, RP_STR("ada"), RP_STR("now"), w->now, err));
    OK(rp_job_retry(w->db, job[1], RP_STR("ada"), RP_STR("lost"), w->now, err));
    assert_int_equal(work(w, 0), 2);
    OK(rp_job_rows_each(w->db, job[2], NULL, NULL, &digest, err));
    OK(rp_job_rows_delete(w->db, job[2], &digest, &gone, err));
    assert_true(gone);
    while (again)
        OK(make_part(w, &ask, &m, &again, err));
    struct rp_replay r = replay(w, m.id);
    assert_int_equal(r.n[0], 1);
    assert_int_equal(r.matched, 4);
    assert_int_equal(r.left_out, 3);
    assert_string_equal(rp_cstr(&w->arena, r.left_out_by),
                        "{\"compensated\":1,\"payload-purged\":1,\"ran-again\":1}");
    (void)tick(w);
    assert_int_equal(work(w, 0), 1);
    assert_int_equal(query(w,
                           "select count(*) from compensation c join job j on j.id = c.job_id"
                           " where c.of_job = ?1 and j.last_n > 0",
                           job[0], 0),
                     1);
}

/* A kill in between: what was made never runs, and is made again. */
static void R16_compensations_of_which_some_were_made_are_made_again_after_a_kill(void **state)
{
    struct world *w = *state;
    bool again;
    configure(w, conf);
    for (int i = 0; i < 5; i++)
        (void)fail_with(w, "pay", (char[]){(char)('a' + i), 0}, "{}");
    int64_t id = replayed(w);
    struct rp_replay_ask ask = of(id);
    struct rp_replay_making m = {.part = 2};
    planned(w, &ask, &m);
    while (made(w) < 4)
        OK(make_part(w, &ask, &m, &again, err));
    OK(rp_replay_begin(NULL, w->db, w->now, err));
    assert_int_equal(can_be_taken_back(w, id), 5);
    int64_t c = compensate(w, id);
    for (int i = 0; i < 9; i++, w->now += RP_US_S) {
        (void)tick(w);
        (void)work(w, 0);
    }
    assert_int_equal(replay(w, c).n[RP_FATE_SUCCEEDED], 5);
    assert_int_equal(query(w, "select count(*) from attempt where replay_id <> ?1", id, 0), 5);
}

/* Three, of which one has run when it is aborted: two are still to be taken back, once. */
static void R21_what_an_aborted_compensation_did_not_run_can_be_compensated_again(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    for (int i = 0; i < 3; i++)
        (void)fail_with(w, "pay", (char[]){(char)('a' + i), 0}, "{\"sequence\":\"acme\"}");
    int64_t id = replayed(w), c = compensate(w, id);
    assert_int_equal(can_be_taken_back(w, id), 0); /* all are still to run */
    (void)tick(w);
    assert_int_equal(claim(w, 9, &l), 1);
    (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
    OK(rp_replay_set_state(w->db, c, RP_REPLAY_PAUSED, RP_STR("ada"), RP_STR("look"), w->now, err));
    assert_int_equal(can_be_taken_back(w, id), 0);
    OK(rp_replay_set_state(w->db, c, RP_REPLAY_ABORTED, RP_STR("ada"), RP_STR("not now"), w->now,
                           err));
    for (int i = 0; i < 9; i++)
        (void)tick(w);
    assert_int_equal(can_be_taken_back(w, id), 2);
    int64_t by_hand = query(w, "select max(job_id) from compensation", 0, 0);
    OK(rp_job_retry(w->db, by_hand, RP_STR("ada"), RP_STR("this one"), w->now, err));
    assert_int_equal(can_be_taken_back(w, id), 1);
    (void)compensate(w, id);
    assert_int_equal(can_be_taken_back(w, id), 0);
}

/* Without what it takes back, its command would give back anything, or twice. */
static void R21_a_plain_retry_of_a_compensation_knows_what_it_takes_back(void **state)
{
    struct world *w = *state;
    struct rp_lease *l;
    configure(w, conf);
    int64_t job = fail_with(w, "pay", "k1", "{}"), id = replayed(w), c = compensate(w, id);
    OK(rp_replay_undo(w->db, c, RP_STR("ada"), RP_STR("not now"), w->now, err));
    int64_t by_hand = query(w, "select job_id from compensation", 0, 0);
    OK(rp_job_retry(w->db, by_hand, RP_STR("ada"), RP_STR("now"), w->now, err));
    assert_int_equal(claim(w, 9, &l), 1);
    assert_int_equal(l[0].job.id, by_hand);
    assert_int_equal(l[0].job.replay_id, 0);
    assert_int_equal(l[0].job.compensates.job_id, job);
    assert_int_equal(l[0].job.compensates.attempt, 2);
    assert_int_equal(l[0].job.compensates.replay_id, id);
    assert_true(rp_str_is(l[0].job.compensates.key, "k1"));
}

static void refuses_retry(struct world *w, int64_t job, int64_t because_of)
{
    struct rp_err why = {0};
    char says[40];
    (void)snprintf(says, sizeof says, "job %lld", (long long)because_of);
    assert_false(rp_job_retry(w->db, job, RP_STR("ada"), RP_STR("now"), w->now, &why));
    assert_int_equal(why.code, RP_E_REFUSED);
    if (strstr(why.message, says) == NULL)
        fail_msg("\"%s\" does not name %s", why.message, says);
}

/* Another was made in its place: that one, or it, not both. */
static void
R21_a_cancelled_compensation_is_not_retried_beside_the_one_that_took_its_place(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    (void)fail_with(w, "pay", "k1", "{}");
    int64_t id = replayed(w), c = compensate(w, id);
    OK(rp_replay_undo(w->db, c, RP_STR("ada"), RP_STR("not now"), w->now, err));
    int64_t first = query(w, "select max(job_id) from compensation", 0, 0);
    int64_t d = compensate(w, id);
    int64_t second = query(w, "select max(job_id) from compensation", 0, 0);
    refuses_retry(w, first, second); /* it waits in its replay */
    OK(rp_replay_undo(w->db, d, RP_STR("ada"), RP_STR("not now"), w->now, err));
    OK(rp_job_retry(w->db, first, RP_STR("ada"), RP_STR("now"), w->now, err));
    refuses_retry(w, second, first); /* it is queued */
    assert_int_equal(work(w, 1), 1);
    refuses_retry(w, second, first); /* it failed: it may have done something */
    OK(rp_job_retry(w->db, first, RP_STR("ada"), RP_STR("now"), w->now, err));
    assert_int_equal(work(w, 0), 1);
    refuses_retry(w, second, first);
}

static bool keep_first(void *ctx, struct rp_str row, struct rp_err *err)
{
    struct rp_buf *kept = ctx;
    (void)err;
    if (kept->n == 0)
        rp_buf_str(kept, row);
    return true;
}

static int64_t to_take_back(struct world *w, int64_t id)
{
    struct rp_replay_ask ask = of(id);
    struct rp_plan p;
    OK(rp_replay_compensation(w->db, conf_of(w), &ask, w->now, &w->arena, &p, err));
    assert_int_equal(p.matched, 1);
    if (p.n_left_out == 1)
        assert_string_equal(p.left_out[0].reason, "payload-purged");
    return p.n;
}

/* Takes the payload as a purge does; then the backup comes back. */
static void purge_payload(struct world *w, int64_t job, struct rp_buf *row)
{
    struct rp_job_digest digest;
    bool freed;
    OK(rp_job_rows_each(w->db, job, keep_first, row, &digest, err));
    OK(rp_job_payload_free(w->db, job, &digest, 7, &freed, err));
    assert_true(freed);
}

static void R21_what_a_purge_took_the_payload_of_is_not_compensated_without_it(void **state)
{
    struct world *w = *state;
    struct rp_buf row = {0};
    configure(w, conf);
    int64_t job = fail_with(w, "pay", "a", "{}"), id = replayed(w);
    assert_int_equal(to_take_back(w, id), 1);
    purge_payload(w, job, &row);
    assert_int_equal(to_take_back(w, id), 0);
    OK(rp_job_payload_return(w->db, rp_buf_view(&row), 7, err));
    assert_int_equal(to_take_back(w, id), 1);
    rp_buf_free(&row);
}

/* The copy goes with it and is in no backup: the job's own payload is not what its attempt got. */
static void R21_a_changed_payload_that_a_purge_took_stays_gone(void **state)
{
    struct world *w = *state;
    struct rp_buf row = {0};
    struct rp_env amount = {{"/amount", 7}, {"3", 1}};
    configure(w, conf);
    int64_t job = fail_with(w, "pay", "a", "{}");
    struct rp_replay_ask ask = {.all = true,
                                .actor = RP_STR("ada"),
                                .set = &amount,
                                .n_set = 1,
                                .set_json = RP_STR("{\"/amount\":3}")};
    int64_t id = start(w, &ask);
    (void)tick(w);
    assert_int_equal(work(w, 0), 1);
    (void)tick(w);
    assert_int_equal(to_take_back(w, id), 1);
    purge_payload(w, job, &row);
    assert_int_equal(query(w,
                           "select count(*) from replay_item where payload is not null or"
                           " changed is not null",
                           0, 0),
                     0);
    assert_int_equal(to_take_back(w, id), 0);
    OK(rp_job_payload_return(w->db, rp_buf_view(&row), 7, err));
    assert_int_equal(to_take_back(w, id), 0);
    rp_buf_free(&row);
}

/* What was taken back is not taken back again, also if the job that did it is gone. */
static void R21_a_purge_of_a_compensation_leaves_what_it_took_back_as_taken_back(void **state)
{
    struct world *w = *state;
    struct rp_job_digest digest;
    struct rp_plan p;
    bool gone;
    configure(w, conf);
    (void)fail_with(w, "pay", "a", "{}");
    int64_t id = replayed(w), c = compensate(w, id);
    for (int i = 0; i < 50 && replay(w, c).state == RP_REPLAY_RUNNING; i++) {
        (void)tick(w);
        (void)work(w, 0);
    }
    int64_t job = query(w, "select job_id from compensation", 0, 0);
    OK(rp_job_rows_each(w->db, job, NULL, NULL, &digest, err));
    OK(rp_job_rows_delete(w->db, job, &digest, &gone, err));
    assert_true(gone);
    struct rp_replay_ask ask = of(id);
    OK(rp_replay_compensation(w->db, conf_of(w), &ask, w->now, &w->arena, &p, err));
    assert_int_equal(p.n, 0);
    assert_string_equal(p.left_out[0].reason, "compensated");
}

/* A plan that is older than a purge. */
static void R21_what_a_purge_took_cannot_be_taken_back_and_is_named(void **state)
{
    struct world *w = *state;
    struct rp_err why = {0};
    struct rp_compensates gone = {.job_id = 77, .attempt = 1, .replay_id = 1};
    int64_t id;
    configure(w, conf);
    OK(rp_savepoint(w->db, err));
    assert_false(rp_compensation_make(w->db, rp_config_type(conf_of(w), RP_STR("pay.compensate")),
                                      &gone, 1, w->now, &id, &why));
    rp_savepoint_rollback(w->db);
    assert_int_equal(why.code, RP_E_NOT_FOUND);
    assert_string_equal(why.message, "there is no job 77");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(R21_a_compensation_has_the_payload_and_names_the_attempt_it_takes_back),
        REPLAY_TEST(R21_what_was_done_last_in_a_sequence_is_taken_back_first),
        REPLAY_TEST(R21_each_attempt_is_compensated_once_and_not_if_the_job_ran_since),
        REPLAY_TEST(R21_the_look_before_an_undo_counts_what_has_begun),
        REPLAY_TEST(R21_a_check_that_fails_refuses_compensations),
        REPLAY_TEST(R21_compensations_that_have_not_run_go_back_and_never_run_by_themselves),
        REPLAY_TEST(G19_compensations_are_made_in_parts),
        REPLAY_TEST(R21_what_ran_or_was_taken_back_since_the_plan_is_left_out),
        REPLAY_TEST(R16_compensations_of_which_some_were_made_are_made_again_after_a_kill),
        REPLAY_TEST(R21_what_an_aborted_compensation_did_not_run_can_be_compensated_again),
        REPLAY_TEST(R21_a_plain_retry_of_a_compensation_knows_what_it_takes_back),
        REPLAY_TEST(R21_a_cancelled_compensation_is_not_retried_beside_the_one_that_took_its_place),
        REPLAY_TEST(R21_what_a_purge_took_the_payload_of_is_not_compensated_without_it),
        REPLAY_TEST(R21_a_changed_payload_that_a_purge_took_stays_gone),
        REPLAY_TEST(R21_a_purge_of_a_compensation_leaves_what_it_took_back_as_taken_back),
        REPLAY_TEST(R21_what_a_purge_took_cannot_be_taken_back_and_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
