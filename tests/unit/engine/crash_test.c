/* A daemon that dies by SIGKILL in the middle of its work, and the next one on its store (G12, G16,
 * G17, G27, U13, U14). The daemon is a child process with an engine of its own. */
#include "world.h"

#include "store/replays.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Each attempt leaves its pid in a file of its own, so that a test can see who lives. */
#define RUNS(name, options)                                                                        \
    "  " name ": { run: [sh, -c, \"echo $$ > $DIR/$REPRISE_JOB_ID.$REPRISE_ATTEMPT; "              \
    "sleep 300 & wait\"], env: { DIR: \"%s\" }, retries: 10, grace: 100ms" options " }\n"

static struct world *prepare(const char *yaml)
{
    char text[2048], dir[] = "/tmp/reprise-crash-XXXXXX";
    if (mkdtemp(dir) == NULL)
        fail_msg("mkdtemp");
    const char *d = dir;
    struct rp_buf all = {0};
    for (const char *p = yaml; *p != '\0'; p++)
        if (p[0] == '%' && p[1] == 's') {
            rp_buf_str(&all, rp_str_of(d));
            p++;
        } else
            rp_buf_c(&all, *p);
    (void)snprintf(text, sizeof text, "%.*s", RP_FMT(rp_buf_view(&all)));
    rp_buf_free(&all);
    struct world *w = world_prepare(text);
    (void)rmdir(w->dir);
    (void)snprintf(w->dir, sizeof w->dir, "%s", d); /* the folder that the commands know */
    (void)snprintf(w->url, sizeof w->url, "sqlite://%s/reprise.db", d);
    return w;
}

static int pid_of(struct world *w, int64_t job, int attempt)
{
    char path[128];
    int pid = 0;
    (void)snprintf(path, sizeof path, "%s/%lld.%d", w->dir, (long long)job, attempt);
    for (int i = 0; i < PATIENCE; i++, pause_ms(10)) {
        FILE *f = fopen(path, "r");
        bool read = f != NULL && fscanf(f, "%d", &pid) == 1;
        if (f != NULL)
            (void)fclose(f);
        if (read)
            return pid;
    }
    fail_msg("attempt %d of job %lld did not start", attempt, (long long)job);
    return 0;
}

static bool alive(int pid)
{
    char path[64], state = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    bool read = fscanf(f, "%*d %*s %c", &state) == 1;
    (void)fclose(f);
    return read && state != 'Z';
}

/* A daemon that runs until it is killed. `act` is called in it once it is up. */
static pid_t daemon_start(struct world *w, void (*act)(struct world *w))
{
    pid_t child = fork();
    if (child != 0)
        return child;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failure here must not go on with the tests */
    world_open(w);
    if (act != NULL)
        act(w);
    for (;;)
        (void)pause();
}

static void daemon_kill(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void enqueue_both(struct world *w)
{
    (void)enqueue(w, "safe", NULL);
    (void)enqueue(w, "once", NULL);
}

static void G12_U13_what_a_killed_daemon_ran_is_lost_once_and_seen_at_once(void **state)
{
    (void)state;
    struct world *w = prepare("lease: 1h\nshutdown_grace: 1s\njobs:\n" RUNS(
        "safe", ", idempotent: true") RUNS("once", ""));
    pid_t daemon = daemon_start(w, enqueue_both);
    int safe = pid_of(w, 1, 1), once = pid_of(w, 2, 1);
    daemon_kill(daemon);
    world_open(w); /* G27: nothing of the old daemon lives when the new one begins to work */
    assert_false(alive(safe) || alive(once));
    struct rp_job j = job(w, 2);
    assert_int_equal(j.state, RP_UNKNOWN);
    assert_int_equal(j.last_n, 1);
    assert_int_equal(attempt(w, 2, 0).outcome, RP_OUT_LOST);
    j = job_in(w, 1, RP_RUNNING); /* a lease lasts an hour */
    assert_int_equal(j.last_n, 2);
    assert_int_equal(attempt(w, 1, 0).outcome, RP_OUT_LOST);
    assert_true(alive(pid_of(w, 1, 2)));
    pause_ms(1500); /* and nothing more comes of it */
    assert_int_equal(job(w, 1).last_n, 2);
    assert_int_equal(job(w, 2).last_n, 1);
    world_free(w);
}

/* The bad one last: it is the one by which the daemon dies. */
static void enqueue_good_and_bad(struct world *w)
{
    (void)enqueue(w, "good", NULL);
    (void)enqueue(w, "safe", NULL);
}

static void U14_a_job_in_whose_hands_daemons_die_is_set_aside_and_its_siblings_go_on(void **state)
{
    (void)state;
    struct world *w = prepare("shutdown_grace: 1s\njobs:\n" RUNS(
        "safe", ", idempotent: true, poison_after: 3") "  good: { run: [sh, -c, \"echo fine\"], "
                                                       "idempotent: true, retries: 10, "
                                                       "poison_after: 100 }\n");
    for (int n = 1; n <= 3; n++) {
        pid_t daemon = daemon_start(w, n == 1 ? enqueue_good_and_bad : NULL);
        (void)pid_of(w, 2, n);
        daemon_kill(daemon);
    }
    world_open(w);
    struct rp_job j = job_in(w, 2, RP_FAILED);
    assert_true(j.poison);
    assert_int_equal(j.last_n, 3);
    (void)job_in(w, 1, RP_SUCCEEDED);
    world_free(w);
}

/* ---- a replay across kills ---- */

enum { ITEMS = 12 };

struct begin_replay {
    struct world *w;
    int64_t id;
};

static bool start_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct begin_replay *b = arg;
    struct rp_replay_ask ask = {.all = true,
                                .include_unsafe = true,
                                .accept_unknown_class = true,
                                .actor = RP_STR("ada"),
                                .reason = RP_STR("checked"),
                                .canary = 2};
    return rp_replay_start(db, b->w->config, &ask, rp_wall(&rp_clock_system), &b->w->arena, &b->id,
                           err);
}

static void touch(struct world *w, const char *name)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    (void)fclose(fopen(path, "w"));
}

static void fail_then_replay(struct world *w)
{
    struct rp_err err;
    struct begin_replay b = {.w = w};
    for (int i = 0; i < ITEMS; i++)
        (void)enqueue(w, i % 4 == 3 ? "once" : "safe", NULL);
    for (int i = 1; i <= ITEMS; i++)
        (void)job_in(w, i, RP_FAILED);
    touch(w, "fixed");
    must(rp_engine_write(w->engine, start_run, &b, &err), &err);
}

static bool lines_of(struct world *w, int64_t job, int *n)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/ran.%lld", w->dir, (long long)job);
    FILE *f = fopen(path, "r");
    *n = 0;
    for (int c; f != NULL && (c = fgetc(f)) != EOF;)
        *n += c == '\n';
    if (f != NULL)
        (void)fclose(f);
    return f != NULL;
}

static struct rp_replay replay(struct world *w)
{
    struct rp_replay r;
    struct rp_err err;
    must(rp_replay_get(w->reader, 1, &w->arena, &r, &err), &err);
    return r;
}

static void G17_a_replay_goes_on_after_kills_and_runs_each_item_once(void **state)
{
    (void)state;
    static const char *const kinds =
        "max_running: 3\nshutdown_grace: 1s\njobs:\n"
        "  safe: { run: [sh, -c, \"[ -e $DIR/fixed ] || exit 1; echo x >> "
        "$DIR/ran.$REPRISE_JOB_ID; [ -e $DIR/killed ] || sleep 60; sleep 0.3\"],"
        " env: { DIR: \"%s\" }, idempotent: true, retries: 0, poison_after: 100 }\n"
        "  once: { run: [sh, -c, \"[ -e $DIR/fixed ] || exit 1; echo x >> "
        "$DIR/ran.$REPRISE_JOB_ID; [ -e $DIR/killed ] || sleep 60; sleep 0.3\"],"
        " env: { DIR: \"%s\" }, retries: 0 }\n";
    struct world *w = prepare(kinds);
    pid_t daemon = daemon_start(w, fail_then_replay);
    unsigned seed = (unsigned)getpid();
    print_message("seed %u\n", seed);
    for (int i = 0, n; i < PATIENCE && !lines_of(w, 1, &n); i++)
        pause_ms(10);
    for (int kills = 0; kills < 4; kills++) { /* the first hits who waits for it */
        pause_ms(150 + rand_r(&seed) % 300);
        daemon_kill(daemon);
        touch(w, "killed");
        daemon = daemon_start(w, NULL);
    }
    pause_ms(200);
    daemon_kill(daemon);
    world_open(w);
    struct rp_replay r;
    for (int i = 0; i < PATIENCE && (r = replay(w)).state == RP_REPLAY_RUNNING; i++)
        pause_ms(10);
    if (r.state == RP_REPLAY_HALTED) /* too many were lost: that is its right */
        print_message("halted: %.*s\n", RP_FMT(r.says));
    else
        assert_int_equal(r.state, RP_REPLAY_DONE);
    int ran, lost = 0;
    for (int i = 1; i <= ITEMS; i++) {
        struct rp_attempt *v;
        struct rp_err err;
        size_t n, in = 0, answered = 0;
        must(rp_job_attempts(w->reader, i, &w->arena, &v, &n, &err), &err);
        for (size_t k = 0; k < n; k++)
            if (v[k].replay_id == 1) {
                in++;
                lost += v[k].outcome == RP_OUT_LOST;
                answered += v[k].outcome != RP_OUT_LOST;
            }
        (void)lines_of(w, i, &ran);
        assert_true(answered <= 1);
        assert_true(ran <= (int)in); /* each run is one of the attempts on record */
        if (i % 4 == 0)
            assert_true(in <= 1); /* what is not idempotent is never run again */
        else if (r.state == RP_REPLAY_DONE)
            assert_int_equal(job(w, i).state, RP_SUCCEEDED);
    }
    print_message("%lld succeeded, %lld unknown, %d attempts lost\n",
                  (long long)r.n[RP_FATE_SUCCEEDED], (long long)r.n[RP_FATE_UNKNOWN], lost);
    assert_true(lost > 0); /* the kills did hit */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G12_U13_what_a_killed_daemon_ran_is_lost_once_and_seen_at_once),
        cmocka_unit_test(U14_a_job_in_whose_hands_daemons_die_is_set_aside_and_its_siblings_go_on),
        cmocka_unit_test(G17_a_replay_goes_on_after_kills_and_runs_each_item_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
