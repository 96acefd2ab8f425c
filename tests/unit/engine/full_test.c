/* No room on the disk while the engine works (G6, G26, U30): a small file system in memory, made by
 * the test; without the right to mount one it is skipped. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

static void ballast_path(struct world *w, char path[128])
{
    (void)snprintf(path, 128, "%s/ballast", w->dir);
}

/* Takes all the room that is left. */
static void fill(struct world *w)
{
    char path[128];
    static char block[4096];
    ballast_path(w, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    memset(block, 'x', sizeof block);
    while (write(fd, block, sizeof block) > 0)
        continue;
    (void)close(fd);
}

static void make_room(struct world *w)
{
    char path[128];
    ballast_path(w, path);
    assert_int_equal(unlink(path), 0);
}

/* The log of the store may have room of its own left: enqueues until it is refused. */
static int64_t fill_up(struct world *w)
{
    static char payload[40002];
    struct rp_err err = {0};
    struct world_enqueue e = {.clock = w->clock};
    int64_t taken = 0;
    memset(payload, 'x', sizeof payload);
    payload[0] = payload[sizeof payload - 1] = '"';
    e.in = (struct rp_enqueue){
        .type = RP_STR("fetched"), .priority = INT64_MIN, .payload = {payload, sizeof payload}};
    for (fill(w); rp_engine_write(w->engine, world_enqueue_run, &e, &err); taken++)
        if (taken > 1000)
            fail_msg("it does not become full");
    assert_int_equal(err.code, RP_E_STORE_FULL);
    assert_true(strlen(err.hint) > 0);
    return taken;
}

static struct rp_engine_state state_of(struct world *w)
{
    struct rp_engine_state s;
    rp_engine_state(w->engine, &s);
    return s;
}

/* A command that runs until the file exists which its payload names. */
static const char conf[] = "lease: 2s\nshutdown_grace: 1s\n"
                           "jobs:\n"
                           "  waits: { run: [sh, -c, 'f=\"$(cat)\"; while [ ! -e \"$f\" ]; do "
                           "sleep 0.05; done; echo done'],"
                           " idempotent: true, retries: 3, grace: 100ms }\n"
                           "  fetched: { idempotent: true }\n";

static char elsewhere[] = "/tmp/reprise-full-go-XXXXXX"; /* where there is room */

static const char *file_of(const char *name)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "%s/%s", elsewhere, name);
    return path;
}

static int64_t enqueue_until(struct world *w, const char *name)
{
    int64_t id = enqueue(w, "waits", file_of(name));
    (void)job_in(w, id, RP_RUNNING);
    return id;
}

static void go(const char *name)
{
    FILE *f = fopen(file_of(name), "w");
    assert_non_null(f);
    (void)fclose(f);
}

/* Or NULL. */
static struct world *world_on_small_disk(void)
{
    struct world *w = world_prepare(conf);
    if (mount("none", w->dir, "tmpfs", 0, "size=6m,mode=0700") == 0) {
        world_open(w);
        return w;
    }
    print_message("skipped: no file system can be mounted here: %s\n", strerror(errno));
    world_drop(w);
    return NULL;
}

static void world_end(struct world *w)
{
    world_close(w);
    (void)umount(w->dir);
    world_drop(w);
}

static void G6_U30_no_room_refuses_new_work_keeps_what_runs_and_ends_by_itself(void **state)
{
    (void)state;
    struct world *w = world_on_small_disk();
    if (w == NULL)
        return;
    int64_t a = enqueue_until(w, "full"), b = enqueue_until(w, "room");
    int64_t taken = fill_up(w), from = rp_mono(&rp_clock_system), since = 0;
    go("full");
    while (rp_mono(&rp_clock_system) < from + 3500000) { /* longer than a lease */
        struct rp_engine_state s = state_of(w);
        if (since == 0)
            since = s.write_fails_since_us;
        assert_true(s.write_fails); /* no transaction without changes says that all is well */
        assert_int_equal(s.write_fails_since_us, since);
        assert_int_equal(s.write_err.code, RP_E_STORE_FULL);
        pause_ms(5);
    }
    assert_int_equal(job(w, a).state, RP_RUNNING); /* it has ended; nobody could write so */
    make_room(w);
    assert_int_equal(job_in(w, a, RP_SUCCEEDED).last_n, 1);
    go("room");
    assert_int_equal(job_in(w, b, RP_SUCCEEDED).last_n, 1);
    has(output(w, a, 1), "done");
    assert_false(state_of(w).write_fails);
    int64_t n;
    struct rp_err err;
    must(rp_jobs_count(w->reader, &(struct rp_job_filter){.type = RP_STR("fetched")}, &n, &err),
         &err);
    assert_int_equal(n, taken); /* what was answered is there, what was refused is not */
    (void)enqueue(w, "fetched", NULL);
    world_end(w);
}

static void G26_a_stop_does_not_wait_for_room_for_ever(void **state)
{
    (void)state;
    struct world *w = world_on_small_disk();
    if (w == NULL)
        return;
    int64_t a = enqueue_until(w, "never");
    (void)fill_up(w);
    int64_t from = rp_mono(&rp_clock_system);
    world_close(w);
    int64_t took = rp_mono(&rp_clock_system) - from;
    if (took > 60 * RP_US_S) /* shutdown_grace and 5 s, and much for a slow machine */
        fail_msg("the stop took %lld ms", (long long)(took / 1000));
    make_room(w);
    world_open(w);
    struct rp_job j = job_in(w, a, RP_RUNNING);
    assert_int_equal(j.last_n, 2);
    assert_int_equal(attempt(w, a, 0).outcome, RP_OUT_LOST);
    world_end(w);
}

struct set {
    struct world *w;
    struct rp_change ask;
    int64_t id;
};

static bool set_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct set *s = arg;
    return rp_engine_type_set(s->w->engine, db, &s->ask, rp_wall(s->w->clock), &s->id, err);
}

/* Sets a setting of `fetched`; false while the store does not write. */
static bool set_retries(struct world *w, const char *value)
{
    struct rp_err err;
    struct set s = {.w = w,
                    .ask = {.type = RP_STR("fetched"),
                            .actor = RP_STR("uid:test"),
                            .reason = RP_STR("a test"),
                            .n = 1,
                            .setting = {{.key = RP_STR("retries"), .after = rp_str_of(value)}}}};
    bool ok = rp_engine_write(w->engine, set_run, &s, &err);
    if (!ok && err.code != RP_E_STORE_FULL)
        fail_msg("%s", err.message);
    return ok;
}

static void G28_a_reload_that_could_not_be_written_leaves_nothing_behind(void **state)
{
    (void)state;
    struct world *w = world_on_small_disk();
    if (w == NULL)
        return;
    struct rp_config *refused = config_of("jobs: { other: {} }\n");
    struct rp_err err;
    int64_t held;
    (void)fill_up(w);
    assert_false(rp_engine_reload(w->engine, refused, &held, &err));
    assert_int_equal(err.code, RP_E_STORE_FULL);
    rp_config_free(refused); /* as the daemon does */
    make_room(w);
    for (int i = 0; i < PATIENCE && !set_retries(w, "7"); i++)
        pause_ms(10);
    const struct rp_type *t = rp_config_type(rp_engine_config(w->engine), RP_STR("fetched"));
    assert_non_null(t);
    assert_int_equal(t->retry.retries, 7);
    assert_null(rp_config_type(rp_engine_config(w->engine), RP_STR("other")));
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G6_U30_no_room_refuses_new_work_keeps_what_runs_and_ends_by_itself),
        cmocka_unit_test(G26_a_stop_does_not_wait_for_room_for_ever),
        cmocka_unit_test(G28_a_reload_that_could_not_be_written_leaves_nothing_behind),
    };
    /* Mounts of its own, which end with the process. */
    if (unshare(CLONE_NEWNS) == 0)
        (void)mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (mkdtemp(elsewhere) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(file_of("full"));
    (void)unlink(file_of("room"));
    (void)rmdir(elsewhere);
    return failed;
}
