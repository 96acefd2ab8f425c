#include "world.h"

#include <pthread.h>
#include <signal.h>

#define TYPE(name, script, more) "  " name ": { shell: '" script "', idempotent: true" more " }\n"

static void a_command_job_gets_its_payload_and_environment_and_succeeds(void **state)
{
    (void)state;
    struct world *w = world_new("jobs:\n" TYPE(
        "a", "cat; echo \" $REPRISE_JOB_TYPE $REPRISE_ATTEMPT $REPRISE_KEY $TZ\"; env | wc -l",
        ""));
    int64_t id = enqueue(w, "a", "{\"x\":  1}");
    struct rp_job j = job_in(w, id, RP_SUCCEEDED);
    assert_int_equal(j.attempts, 1);
    struct rp_str out = output(w, id, 1);
    has(out, "{\"x\":  1} a 1 ");
    has(out, " UTC\n");
    char key[64];
    (void)snprintf(key, sizeof key, "-%lld UTC", (long long)id);
    has(out, key); /* a job without a key has one of its own that names it */
    world_free(w);
}

static void exit_65_is_final_75_and_others_are_retried(void **state)
{
    (void)state;
    struct world *w =
        world_new("defaults: { retries: 2, backoff: { kind: fixed, base: 20ms } }\njobs:\n" TYPE(
            "data", "exit 65", "") TYPE("temp", "exit 75", "")
                      TYPE("third", "[ $REPRISE_ATTEMPT = 3 ]", ""));
    int64_t data = enqueue(w, "data", NULL), temp = enqueue(w, "temp", NULL),
            third = enqueue(w, "third", NULL);
    assert_int_equal(job_in(w, data, RP_FAILED).attempts, 1);
    assert_int_equal(job_in(w, temp, RP_FAILED).attempts, 3);
    assert_int_equal(job_in(w, third, RP_SUCCEEDED).attempts, 3);
    assert_int_equal(attempt(w, third, 1).outcome, RP_OUT_FAILED);
    world_free(w);
}

static void U23_output_of_both_streams_is_kept_for_every_attempt_also_when_killed(void **state)
{
    (void)state;
    struct world *w = world_new("jobs:\n" TYPE("slow", "echo out; echo err >&2; sleep 60",
                                               ", timeout: 3s, grace: 100ms, retries: 0"));
    int64_t id = enqueue(w, "slow", NULL);
    (void)job_in(w, id, RP_FAILED);
    has(output(w, id, 1), "out\n");
    has(output(w, id, 2), "err\n");
    assert_int_equal(attempt(w, id, 0).outcome, RP_OUT_TIMEOUT);
    world_free(w);
}

static void U24_the_death_certificate_tells_who_ended_it(void **state)
{
    (void)state;
    struct world *w =
        world_new("defaults: { retries: 0 }\njobs:\n" TYPE("limit", "sleep 60",
                                                           ", timeout: 200ms, grace: 50ms")
                      TYPE("self", "echo why >&2; exit 3", "") TYPE("crash", "kill -SEGV $$", "")
                          TYPE("shot", "kill -KILL $$", ""));
    struct {
        const char *type, *by;
        int64_t code;
        int sig;
        int64_t id;
    } t[] = {{"limit", "the time limit", -1, SIGTERM, 0},
             {"self", "itself", 3, 0, 0},
             {"crash", "a crash", -1, SIGSEGV, 0},
             {"shot", "a signal from outside", -1, SIGKILL, 0}};
    for (size_t i = 0; i < 4; i++)
        t[i].id = enqueue(w, t[i].type, NULL);
    for (size_t i = 0; i < 4; i++) {
        (void)job_in(w, t[i].id, RP_FAILED);
        struct rp_attempt a = attempt(w, t[i].id, 0);
        print_message("%s: ended by %.*s, code %lld signal %lld: %.*s\n", t[i].type,
                      RP_FMT(a.ended_by), (long long)a.exit_code, (long long)a.signal,
                      RP_FMT(a.error));
        assert_int_equal(a.exit_code, t[i].code);
        assert_int_equal(a.signal, t[i].sig);
        assert_true(a.ended_by.n > 0);
        if (i < 2)
            assert_true(rp_str_is(a.ended_by, t[i].by));
    }
    has(attempt(w, t[1].id, 0).error, "why");
    world_free(w);
}

static void U25_survivors_of_a_run_are_ended_and_named(void **state)
{
    (void)state;
    struct world *w = world_new(
        "jobs:\n" TYPE("litter",
                       "setsid sleep 61 & while read -r c </proc/$!/comm && [ $c != sleep ]; do :; "
                       "done; echo done",
                       ""));
    int64_t id = enqueue(w, "litter", NULL);
    (void)job_in(w, id, RP_SUCCEEDED);
    has(attempt(w, id, 0).survivors, "sleep");
    world_free(w);
}

static void U21_a_broken_success_contract_is_a_failure_with_expected_and_seen(void **state)
{
    (void)state;
    struct world *w = world_new(
        "defaults: { retries: 0 }\njobs:\n" TYPE("empty", "true",
                                                 ", expect: { output: \"rows imported: \" }")
            TYPE("warns", "echo WARN: stale", ", expect: { not_output: WARN }") TYPE(
                "fast", "true", ", expect: { min_duration: 10s }")
                TYPE("nofile", "true", ", expect: { file: /nonexistent/db.zst }") TYPE(
                    "zero", "echo \"{\\\"rows\\\": 0}\"", ", expect: { result: { /rows: \">0\" } }")
                    TYPE("good", "echo rows imported: 7; echo \"{\\\"rows\\\": 7}\"",
                         ", expect: { output: \"rows imported: \", result: { /rows: \">0\" } }"));
    static const char *const bad[][2] = {{"empty", "rows imported: "},
                                         {"warns", "WARN"},
                                         {"fast", "10s"},
                                         {"nofile", "/nonexistent/db.zst"},
                                         {"zero", "/rows"}};
    int64_t id[5], good = enqueue(w, "good", NULL);
    for (size_t i = 0; i < 5; i++)
        id[i] = enqueue(w, bad[i][0], NULL);
    for (size_t i = 0; i < 5; i++) {
        (void)job_in(w, id[i], RP_FAILED);
        struct rp_attempt a = attempt(w, id[i], 0);
        has(a.contract, "expected");
        has(a.contract, bad[i][1]);
        assert_int_equal(a.exit_code, 0);
    }
    (void)job_in(w, good, RP_SUCCEEDED);
    world_free(w);
}

static void U29_a_job_whose_command_is_missing_is_held_not_retried(void **state)
{
    (void)state;
    struct world *w = world_new("jobs:\n  gone: { run: [/nonexistent/program], retries: 3 }\n");
    int64_t id = enqueue(w, "gone", NULL);
    for (int i = 0; i < PATIENCE && job(w, id).held.n == 0; i++)
        pause_ms(10);
    struct rp_job j = job(w, id);
    assert_int_equal(j.state, RP_QUEUED);
    assert_int_equal(j.attempts, 0); /* nothing was burned */
    has(j.held, "/nonexistent/program");
    world_free(w);
}

static void needs_holds_jobs_back_while_a_dependency_is_down(void **state);

struct dep {
    bool up;
};

static bool dep_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    return rp_dep_checked(db, RP_STR("db"), ((struct dep *)arg)->up, RP_STR("test"), 1000,
                          rp_wall(&rp_clock_system), err);
}

static void needs_holds_jobs_back_while_a_dependency_is_down(void **state)
{
    (void)state;
    struct rp_err err;
    struct dep dep = {false};
    struct world *w = world_new("dependencies: { db: { tcp: \"127.0.0.1:1\" } }\njobs:\n" TYPE(
        "a", "true", ", needs: [db]") TYPE("b", "true", ""));
    must(rp_engine_write(w->engine, dep_run, &dep, &err), &err);
    int64_t a = enqueue(w, "a", NULL), b = enqueue(w, "b", NULL);
    (void)job_in(w, b, RP_SUCCEEDED); /* b came after a and is through: a was passed over */
    assert_int_equal(job(w, a).state, RP_QUEUED);
    has(job(w, a).held, "db");
    dep.up = true;
    must(rp_engine_write(w->engine, dep_run, &dep, &err), &err);
    (void)job_in(w, a, RP_SUCCEEDED);
    world_free(w);
}

static void U12_a_stop_hands_running_jobs_back_and_burns_no_attempt(void **state)
{
    (void)state;
    struct world *w = world_new("shutdown_grace: 1s\njobs:\n" TYPE("long", "echo begun; sleep 60",
                                                                   ", retries: 0, grace: 200ms"));
    int64_t id = enqueue(w, "long", NULL);
    (void)job_in(w, id, RP_RUNNING);
    world_close(w);
    struct rp_err err;
    must(rp_store_open(w->url, &w->store, &err), &err);
    w->reader = rp_store_reader(w->store, &err);
    struct rp_job j = job(w, id);
    assert_int_equal(j.state, RP_QUEUED);
    assert_int_equal(j.attempts, 0);
    assert_int_equal(attempt(w, id, 0).outcome, RP_OUT_INTERRUPTED);
    rp_db_close(w->reader);
    rp_store_close(w->store);
    world_open(w); /* and the next daemon takes it up again */
    (void)job_in(w, id, RP_RUNNING);
    assert_int_equal(job(w, id).last_n, 2);
    world_free(w);
}

static void *stop_soon(void *arg)
{
    pause_ms(150); /* mostly the stop has begun then */
    rp_engine_stop_now(arg);
    return NULL;
}

static void a_second_signal_stops_at_once(void **state)
{
    (void)state;
    pthread_t t;
    /* Who waited for either grace would wait longer than a test may take. */
    struct world *w = world_new("shutdown_grace: 1h\njobs:\n" TYPE(
        "deaf", "trap \"\" TERM; while :; do sleep 1; done", ", grace: 1h"));
    int64_t id = enqueue(w, "deaf", NULL);
    (void)job_in(w, id, RP_RUNNING);
    assert_int_equal(pthread_create(&t, NULL, stop_soon, w->engine), 0);
    rp_engine_stop(w->engine);
    (void)pthread_join(t, NULL);
    assert_int_equal(job(w, id).state, RP_QUEUED);
    rp_db_close(w->reader);
    rp_engine_free(w->engine);
    rp_store_close(w->store);
    world_drop(w);
}

static void G5_output_of_a_running_job_is_in_the_store_within_seconds(void **state)
{
    (void)state;
    struct world *w = world_new(
        "shutdown_grace: 1s\njobs:\n" TYPE("talks", "echo so far; sleep 60", ", grace: 100ms"));
    int64_t id = enqueue(w, "talks", NULL);
    struct rp_str out = RP_NONE;
    for (int i = 0; i < PATIENCE && out.n == 0; i++) {
        out = output(w, id, 1);
        pause_ms(10);
    }
    has(out, "so far");
    assert_int_equal(job(w, id).state, RP_RUNNING);
    world_free(w);
}

static void overlap_replace_kills_the_running_command_which_is_cancelled(void **state);

static bool run_now(struct rp_db *db, void *arg, struct rp_err *err)
{
    return rp_schedule_run(db, RP_STR("sync"), RP_STR("test"), false, rp_wall(&rp_clock_system),
                           arg, err);
}

static void overlap_replace_kills_the_running_command_which_is_cancelled(void **state)
{
    (void)state;
    struct rp_err err;
    int64_t first, second;
    struct world *w = world_new("shutdown_grace: 1s\njobs:\n" TYPE(
        "sync", "sleep 60", ", grace: 200ms, schedule: \"0 0 1 1 *\", overlap: replace"));
    must(rp_engine_write(w->engine, run_now, &first, &err), &err);
    (void)job_in(w, first, RP_RUNNING);
    must(rp_engine_write(w->engine, run_now, &second, &err), &err);
    (void)job_in(w, first, RP_CANCELLED);
    (void)job_in(w, second, RP_RUNNING);
    world_free(w);
}

static void a_lowered_max_running_holds_while_commands_end(void **state)
{
    (void)state;
    struct rp_err err;
    int64_t held, id[8];
    /* They run until the limit has been lowered, however long that takes. */
    static const char yaml[] =
        "max_running: %d\njobs:\n" TYPE("a", "until [ -e %s/go ]; do sleep 0.02; done", "");
    char text[400], dir[] = "/tmp/reprise-go-XXXXXX", go[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(go, sizeof go, "%s/go", dir);
    (void)snprintf(text, sizeof text, yaml, 4, dir);
    struct world *w = world_new(text);
    (void)snprintf(text, sizeof text, yaml, 1, dir);
    struct rp_config *next = config_of(text);
    for (int i = 0; i < 8; i++)
        id[i] = enqueue(w, "a", NULL);
    (void)job_in(w, id[3], RP_RUNNING);
    must(rp_engine_reload(w->engine, next, &held, &err), &err);
    FILE *f = fopen(go, "w");
    assert_non_null(f);
    (void)fclose(f);
    for (int i = 0; i < 4; i++)
        (void)job_in(w, id[i], RP_SUCCEEDED);
    while (job(w, id[7]).state != RP_SUCCEEDED) {
        struct rp_engine_state s;
        rp_engine_state(w->engine, &s);
        assert_true(s.running <= 1);
        (void)nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    (void)unlink(go);
    (void)rmdir(dir);
    world_free(w);
    rp_config_free(next);
}

static void a_reload_changes_what_later_attempts_run(void **state)
{
    (void)state;
    struct rp_err err;
    int64_t held;
    struct world *w = world_new("jobs:\n" TYPE("a", "echo one", ""));
    (void)job_in(w, enqueue(w, "a", NULL), RP_SUCCEEDED);
    struct rp_config *next = config_of("jobs:\n" TYPE("a", "echo two", ""));
    must(rp_engine_reload(w->engine, next, &held, &err), &err);
    int64_t id = enqueue(w, "a", NULL);
    (void)job_in(w, id, RP_SUCCEEDED);
    has(output(w, id, 1), "two");
    world_free(w);
    rp_config_free(next);
}

/* A claim and a reload meet: what was claimed is run, under the one configuration or the other. */
static void G28_no_claim_is_dropped_when_the_configuration_changes(void **state)
{
    (void)state;
    enum { JOBS = 60, RELOADS = 120 };
    struct rp_err err;
    int64_t held, id[JOBS];
    struct world *w = world_new("lease: 1h\njobs:\n" TYPE("a", "true", ", retries: 0"));
    struct rp_config *without = config_of("jobs:\n" TYPE("b", "true", ""));
    for (int i = 0; i < RELOADS; i++) {
        if (i % 2 == 0)
            id[i / 2] = enqueue(w, "a", NULL);
        must(rp_engine_reload(w->engine, i % 2 == 0 ? without : w->config, &held, &err), &err);
    }
    for (int i = 0; i < JOBS; i++) /* none waits for a lease to end */
        assert_int_equal(job_in(w, id[i], RP_SUCCEEDED).last_n, 1);
    world_free(w);
    rp_config_free(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_job_gets_its_payload_and_environment_and_succeeds),
        cmocka_unit_test(exit_65_is_final_75_and_others_are_retried),
        cmocka_unit_test(U23_output_of_both_streams_is_kept_for_every_attempt_also_when_killed),
        cmocka_unit_test(U24_the_death_certificate_tells_who_ended_it),
        cmocka_unit_test(U25_survivors_of_a_run_are_ended_and_named),
        cmocka_unit_test(U21_a_broken_success_contract_is_a_failure_with_expected_and_seen),
        cmocka_unit_test(U29_a_job_whose_command_is_missing_is_held_not_retried),
        cmocka_unit_test(needs_holds_jobs_back_while_a_dependency_is_down),
        cmocka_unit_test(U12_a_stop_hands_running_jobs_back_and_burns_no_attempt),
        cmocka_unit_test(a_second_signal_stops_at_once),
        cmocka_unit_test(G5_output_of_a_running_job_is_in_the_store_within_seconds),
        cmocka_unit_test(overlap_replace_kills_the_running_command_which_is_cancelled),
        cmocka_unit_test(a_reload_changes_what_later_attempts_run),
        cmocka_unit_test(G28_no_claim_is_dropped_when_the_configuration_changes),
        cmocka_unit_test(a_lowered_max_running_holds_while_commands_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
