/* G1, G3, G6: what was acknowledged survives kill, a full disk and a failed sync, and work goes on
 * when there is room again. */
#include "store/opened.h"
#include "store_help.h"
#include "vfs_layer.h"

#include <errno.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { KILLS = 20, BATCH = 7 };

static struct rp_db *writer(struct fixture *f)
{
    return f->db = rp_store_writer(f->store);
}

static void reopen(struct fixture *f)
{
    rp_store_close(f->store);
    f->store = NULL;
    f->store = help_open(f->path);
    (void)writer(f);
    help_reload(f);
}

/* ---- kill ---- */

/* What the child says once a commit has returned. */
struct said {
    char what; /* 'e': these jobs were enqueued, 's', 'f': this job was reported */
    int64_t id, n;
};

static bool say(int fd, char what, int64_t id, int64_t n)
{
    struct said s = {what, id, n};
    return write(fd, &s, sizeof s) == (ssize_t)sizeof s;
}

static bool child_step(struct fixture *f, int fd)
{
    struct rp_enqueue in[BATCH];
    struct rp_enqueued out[BATCH];
    struct rp_lease *l;
    struct rp_claim c = {
        .node = RP_STR("n"), .worker = RP_STR("w"), .max = 3, .lease_us = HELP_LEASE};
    size_t n;
    for (int i = 0; i < BATCH; i++)
        in[i] = help_job("work");
    if (!rp_tx_begin(f->db, NULL) || !rp_jobs_enqueue(f->db, in, BATCH, f->now, out, NULL) ||
        !rp_tx_commit(f->db, NULL) || !say(fd, 'e', out[0].id, BATCH))
        return false;
    if (!rp_tx_begin(f->db, NULL) || !rp_jobs_claim(f->db, &c, f->now, &f->a, &l, &n, NULL) ||
        !rp_tx_commit(f->db, NULL))
        return false;
    for (size_t i = 0; i < n; i++) {
        enum rp_state s;
        struct rp_report r = help_outcome(&l[i], i == 0 ? RP_OUT_FAILED : RP_OUT_SUCCEEDED);
        r.permanent = true;
        if (!rp_tx_begin(f->db, NULL) || !rp_job_report(f->db, &r, f->now, &s, NULL) ||
            !rp_tx_commit(f->db, NULL) || !say(fd, i == 0 ? 'f' : 's', l[i].job.id, 1))
            return false;
    }
    return true;
}

static pid_t start_child(struct fixture *f, int fd[2])
{
    assert_int_equal(pipe(fd), 0);
    pid_t child = fork();
    if (child != 0) {
        (void)close(fd[1]);
        return child;
    }
    (void)close(fd[0]);
    if (!rp_store_open(f->path, &f->store, NULL))
        _exit(9);
    (void)writer(f);
    help_reload(f);
    while (child_step(f, fd[1]))
        continue;
    _exit(8);
}

static void hold(struct fixture *f, const struct said *s)
{
    for (int64_t i = 0; i < s->n; i++) {
        struct rp_job j = help_get(f, s->id + i);
        if (s->what == 's')
            assert_int_equal(j.state, RP_SUCCEEDED);
        if (s->what == 'f')
            assert_int_equal(j.state, RP_FAILED);
    }
}

static void G1_G3_what_was_acknowledged_survives_kill(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("kill");
    const char *rounds = getenv("RP_KILL_ROUNDS");
    int64_t total = 0, todo = rounds != NULL ? atoll(rounds) : KILLS;
    help_types(f, "work", NULL);
    rp_store_close(f->store);
    f->store = NULL;
    for (int64_t round = 0; round < todo; round++) {
        int fd[2];
        struct said *all = NULL, s;
        size_t n = 0;
        pid_t child = start_child(f, fd);
        int64_t kill_at = rp_mono(&rp_clock_system) + 20000 + help_roll(&d, 60000);
        bool killed = false;
        while (read(fd[0], &s, sizeof s) == (ssize_t)sizeof s) {
            all = rp_xrealloc(all, (n + 1) * sizeof *all);
            all[n++] = s;
            if (!killed && n > 1 && rp_mono(&rp_clock_system) > kill_at) /* however slow the disk */
                killed = kill(child, SIGKILL) == 0;
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        (void)close(fd[0]);
        f->store = help_open(f->path);
        (void)writer(f);
        for (size_t i = 0; i < n; i++)
            hold(f, &all[i]);
        /* A batch is there as a whole or not at all. */
        assert_int_equal(help_int(f, "select count(*) from job") % BATCH, 0);
        help_check(f);
        total += (int64_t)n;
        free(all);
        rp_store_close(f->store);
        f->store = NULL;
    }
    print_message("kill: %lld rounds, %lld acknowledgements held\n", (long long)todo,
                  (long long)total);
    assert_true(total > todo); /* a round says two things at least */
    f->store = help_open(f->path);
}

/* ---- no room ---- */

/* Enqueues until there is no room; *acknowledged counts what was committed. */
static void fill_up(struct fixture *f, int64_t *acknowledged)
{
    static char big[4000];
    struct rp_err why = {0};
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 100000; i++) {
        struct rp_enqueue in[2] = {help_job("work"), help_job("work")};
        struct rp_enqueued out[2];
        in[0].payload = in[1].payload = (struct rp_str){big, sizeof big};
        if (!rp_tx_begin(f->db, &why))
            break;
        /* As the writer thread does it: each op in a savepoint, its failure rolled back, then the
         * commit. */
        OK(rp_savepoint(f->db, err));
        if (!rp_jobs_enqueue(f->db, in, 2, f->now, out, &why))
            rp_savepoint_rollback(f->db);
        else
            (void)rp_savepoint_release(f->db, &why);
        struct rp_err commit = {0};
        bool committed = rp_tx_commit(f->db, &commit);
        if (!committed && why.code == RP_OK)
            why = commit;
        if (why.code != RP_OK)
            break;
        *acknowledged += 2;
    }
    if (why.code != RP_E_STORE_FULL)
        fail_msg("expected store-full, came %s: %s", rp_code_slug(why.code), why.message);
    assert_non_null(strstr(why.hint, "free space"));
}

static void nothing_lost(struct fixture *f, int64_t acknowledged)
{
    assert_int_equal(help_int(f, "select count(*) from job"), acknowledged);
    help_check(f);
}

static void G6_a_quota_of_pages_refuses_work_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t acknowledged = 0;
    help_types(f, "work", NULL);
    help_sql(f, "pragma max_page_count = 200");
    fill_up(f, &acknowledged);
    fill_up(f, &acknowledged);
    nothing_lost(f, acknowledged);
    help_sql(f, "pragma max_page_count = 100000");
    (void)help_enqueue(f, "work");
    nothing_lost(f, acknowledged + 1);
    reopen(f);
    nothing_lost(f, acknowledged + 1);
}

static void G6_a_file_size_limit_refuses_work_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, tight;
    int64_t acknowledged = 0;
    help_types(f, "work", NULL);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    tight = (struct rlimit){1 << 20, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    fill_up(f, &acknowledged);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, before);
    (void)help_enqueue(f, "work");
    nothing_lost(f, acknowledged + 1);
    reopen(f);
    nothing_lost(f, acknowledged + 1);
}

static bool small_disk(const char *dir, unsigned long flags, const char *options)
{
    return mount("tmpfs", dir, "tmpfs", flags, options) == 0;
}

static int teardown_disk(void **state)
{
    struct fixture *f = *state;
    char dir[200];
    rp_store_close(f->store);
    f->store = NULL;
    (void)snprintf(dir, sizeof dir, "%s/small", f->dir);
    (void)umount2(dir, MNT_DETACH);
    return help_teardown(state);
}

static void G6_a_full_disk_refuses_work_keeps_reports_and_goes_on_with_room(void **state)
{
    struct fixture *f = *state;
    char dir[200];
    int64_t acknowledged = 1;
    (void)snprintf(dir, sizeof dir, "%s/small", f->dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    if (!small_disk(dir, 0, "size=2m,mode=0700")) {
        print_message("cannot mount a small tmpfs here (%s): this needs root\n", strerror(errno));
        skip();
    }
    rp_store_close(f->store);
    f->store = NULL;
    (void)snprintf(f->path, sizeof f->path, "%s/small/s.db", f->dir);
    f->store = help_open(f->path);
    (void)writer(f);
    help_types(f, "work", NULL);
    (void)help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    fill_up(f, &acknowledged);
    fill_up(f, &acknowledged);
    nothing_lost(f, acknowledged);
    /* A daemon can even start on the full disk. */
    rp_store_close(f->store);
    f->store = NULL;
    f->store = help_open(f->path);
    nothing_lost((writer(f), f), acknowledged);
    /* Room again: the same store goes on by itself. */
    assert_true(small_disk(dir, MS_REMOUNT, "size=16m"));
    help_reload(f);
    assert_int_equal(help_report(f, &l, RP_OUT_SUCCEEDED), RP_SUCCEEDED);
    nothing_lost(f, acknowledged);
    reopen(f);
    nothing_lost(f, acknowledged);
    assert_int_equal(help_get(f, l.job.id).state, RP_SUCCEEDED);
}

/* After an error that ends the transaction behind the writer's back, the ops of the same batch must
 * not commit one by one. */
static void G6_neighbours_of_a_failed_op_are_not_committed_alone(void **state)
{
    struct fixture *f = *state;
    struct rp_err why;
    struct rp_enqueue in = help_job("work");
    struct rp_enqueued out;
    help_types(f, "work", NULL);
    OK(rp_tx_begin(f->db, err));
    OK(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    (void)sqlite3_exec(f->db->sq, "rollback", NULL, NULL, NULL); /* as a full disk may do */
    assert_false(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, &why));
    assert_false(rp_savepoint(f->db, &why));
    assert_false(rp_tx_commit(f->db, &why));
    assert_int_equal(help_int(f, "select count(*) from job"), 0);
    (void)help_enqueue(f, "work");
    help_check(f);
}

/* ---- a failing sync, by a layer over SQLite's own files ---- */

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods io;
    int64_t fail_after; /* syncs that still work; < 0: all */
    int64_t failed;
} shim;

static int shim_sync(sqlite3_file *file, int flags)
{
    if (shim.fail_after == 0) {
        shim.failed++;
        errno = EIO;
        return SQLITE_IOERR_FSYNC;
    }
    if (shim.fail_after > 0)
        shim.fail_after--;
    return pass_Sync(file, flags);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    return layer_open(shim.real, &shim.io, name, file, flags, out);
}

static void shim_install(void)
{
    shim.real = sqlite3_vfs_find(NULL);
    layer_vfs(&shim.vfs, shim.real, "shim");
    shim.vfs.xOpen = shim_open;
    shim.io = layer_passes;
    shim.io.xSync = shim_sync;
    shim.fail_after = -1;
    assert_int_equal(sqlite3_vfs_register(&shim.vfs, 1), SQLITE_OK);
}

static void G6_after_a_failed_sync_the_store_is_reopened_checked_and_written_anew(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("sync");
    struct rp_err why = {0};
    int64_t acknowledged = 0;
    rp_store_close(f->store);
    shim_install();
    f->store = help_open(f->path);
    (void)writer(f);
    help_types(f, "work", NULL);
    for (int round = 0; round < 30; round++) {
        shim.fail_after = help_roll(&d, 6);
        shim.failed = 0;
        bool fine = true;
        for (int i = 0; i < 8 && fine; i++) {
            struct rp_enqueue in = help_job("work");
            struct rp_enqueued out;
            fine = rp_tx_begin(f->db, &why) && rp_jobs_enqueue(f->db, &in, 1, f->now, &out, &why) &&
                   rp_tx_commit(f->db, &why);
            acknowledged += fine;
        }
        assert_true(shim.failed > 0);
        assert_int_equal(why.code, RP_E_STORE_IO);
        assert_true(f->db->distrusted);
        /* While the disk fails it is trusted only if nothing was left to write out. */
        if (rp_tx_begin(f->db, &why))
            rp_tx_rollback(f->db);
        shim.fail_after = -1;
        help_tx(rp_store_probe(f->db, f->now, err)); /* and by itself again */
        assert_false(f->db->distrusted);
    }
    /* A commit whose sync failed was not acknowledged; it may be there or not, but nothing that was
     * may be missing. */
    assert_true(help_int(f, "select count(*) from job") >= acknowledged);
    help_check(f);
    rp_store_close(f->store);
    assert_int_equal(sqlite3_vfs_unregister(&shim.vfs), SQLITE_OK);
    f->store = help_open(f->path);
    assert_true(help_int((writer(f), f), "select count(*) from job") >= acknowledged);
    help_check(f);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)
    const struct CMUnitTest tests[] = {
        T(G1_G3_what_was_acknowledged_survives_kill),
        T(G6_a_quota_of_pages_refuses_work_and_loses_nothing),
        T(G6_a_file_size_limit_refuses_work_and_loses_nothing),
        cmocka_unit_test_setup_teardown(
            G6_a_full_disk_refuses_work_keeps_reports_and_goes_on_with_room, help_setup,
            teardown_disk),
        T(G6_neighbours_of_a_failed_op_are_not_committed_alone),
        T(G6_after_a_failed_sync_the_store_is_reopened_checked_and_written_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
