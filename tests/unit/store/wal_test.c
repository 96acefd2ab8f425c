/* G19: what the store's log holds goes into its file without the writer, who has but a rest to do;
 * a reader in the way, or a file that cannot be synced, costs no commit and no thread (G6). The
 * system's calls are watched: the program's own definitions take the place of the C library's. */
#include "store/wal.h"

#include "store/opened.h"
#include "store_help.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

enum { PAGE = 4096, PAGES_A_COMMIT = 100, REST = 256, PASS = 4000, LOT = 64 };
static const double patience_s = 60;

/* ---- the calls ---- */

static _Thread_local bool is_writer;
static atomic_llong written_by_writer; /* bytes into the file itself */
static atomic_int syncs_by_tender;
static atomic_int kept_back, most_kept_back; /* pages of the tender's that the disk has not got */
static atomic_bool sync_fails;

static bool is_the_file(int fd)
{
    char link[64], path[256];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    return n > 3 && memcmp(path + n - 3, ".db", 3) == 0;
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at);
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    if (is_writer && is_the_file(fd))
        atomic_fetch_add(&written_by_writer, (long long)n);
    if (!is_writer && is_the_file(fd) && atomic_fetch_add(&kept_back, 1) >= most_kept_back)
        atomic_store(&most_kept_back, kept_back);
    return syscall(SYS_pwrite64, fd, p, n, at);
}

int sync_file_range(int fd, off64_t from, off64_t n, unsigned how)
{
    if (!is_writer && is_the_file(fd) && (how & SYNC_FILE_RANGE_WAIT_AFTER) != 0)
        atomic_store(&kept_back, 0);
    return (int)syscall(SYS_sync_file_range, fd, from, n, how);
}

int fdatasync(int fd)
{
    if (!is_writer && is_the_file(fd)) {
        atomic_store(&kept_back, 0);
        atomic_fetch_add(&syncs_by_tender, 1);
        if (atomic_exchange(&sync_fails, false)) {
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- a store with a tender ---- */

struct tended {
    struct fixture *f;
    struct rp_db *tender;
    pthread_t thread;
};

static void *tend(void *arg)
{
    while (rp_wal_tend(arg))
        continue;
    return NULL;
}

static void begin(struct tended *t, struct fixture *f)
{
    *t = (struct tended){.f = f};
    is_writer = true;
    OK(rp_wal_tended(f->store, &t->tender, err));
    f->db = rp_store_writer(f->store);
    assert_int_equal(pthread_create(&t->thread, NULL, tend, t->tender), 0);
}

static void end(struct tended *t)
{
    rp_wal_leave(t->f->store);
    assert_int_equal(pthread_join(t->thread, NULL), 0);
    rp_wal_untended(t->f->store, t->tender);
}

/* One commit, then what the writer does for the log; returns the bytes it wrote into the file. */
static int64_t commit(struct fixture *f, int64_t id, int pages)
{
    OK(rp_tx_begin(f->db, err));
    struct rp_stmt *s = rp_sql(f->db, "insert into output(job_id, n, packed) values(?1, 1,"
                                      " zeroblob(?2))");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, (int64_t)pages * PAGE);
    OK(rp_run(s, err));
    OK(rp_tx_commit(f->db, err));
    int64_t before = atomic_load(&written_by_writer);
    rp_wal_finish(f->db);
    return atomic_load(&written_by_writer) - before;
}

static int64_t log_pages(struct fixture *f)
{
    (void)pthread_mutex_lock(&f->store->wal.lock);
    int64_t pages = f->store->wal.pages;
    (void)pthread_mutex_unlock(&f->store->wal.lock);
    return pages;
}

/* Small commits until the log has begun anew: it is shorter than what is in it already. */
static void until_anew(struct fixture *f, int64_t *id)
{
    const struct timespec moment = {.tv_nsec = 2000000};
    int64_t until = rp_mono(&rp_clock_system) + (int64_t)(patience_s * 1e6), before;
    do {
        before = log_pages(f);
        (void)commit(f, ++*id, 1);
        (void)nanosleep(&moment, NULL);
    } while (log_pages(f) >= before && rp_mono(&rp_clock_system) < until);
    assert_true(log_pages(f) < before);
}

static int64_t rows(struct rp_db *db)
{
    int64_t n;
    OK(rp_get_i64(rp_sql(db, "select count(*) from output"), 0, &n, err));
    return n;
}

/* ---- */

/* The last commits of all are in the log, those before it began anew are in the file. */
static void G19_the_writer_writes_but_a_rest_of_the_log_into_the_file(void **state)
{
    struct tended t;
    int64_t id = 0, most = 0;
    begin(&t, *state);
    while (id < 3 * PASS / PAGES_A_COMMIT) {
        int64_t wrote = commit(t.f, ++id, PAGES_A_COMMIT);
        most = wrote > most ? wrote : most;
    }
    until_anew(t.f, &id);
    assert_true(most <= (2 * REST + 2 * PAGES_A_COMMIT) * PAGE);
    assert_true(atomic_load(&syncs_by_tender) > 0);
    assert_int_equal(rows(t.f->db), id);
    end(&t);
}

/* Else the sync of a commit waits behind all of them. */
static void G19_the_disk_gets_what_a_pass_writes_in_small_lots(void **state)
{
    struct tended t;
    int64_t id = 0;
    begin(&t, *state);
    atomic_store(&most_kept_back, 0);
    while (id < 2 * PASS / PAGES_A_COMMIT)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    until_anew(t.f, &id);
    end(&t);
    assert_in_range(atomic_load(&most_kept_back), 1, LOT);
}

static void G20_a_reader_in_the_way_holds_up_the_log_and_no_commit(void **state)
{
    struct tended t;
    int64_t id = 0, long_log = 2 * PASS;
    begin(&t, *state);
    (void)commit(t.f, ++id, PAGES_A_COMMIT); /* so that a pass has something that it may do */
    int syncs = atomic_load(&syncs_by_tender);
    struct rp_db *reader = rp_store_reader(t.f->store, NULL);
    assert_non_null(reader);
    OK(rp_tx_begin(reader, err));
    while (log_pages(t.f) < long_log)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    assert_int_equal(rows(reader), 1);
    syncs = atomic_load(&syncs_by_tender) - syncs;
    rp_tx_rollback(reader);
    until_anew(t.f, &id);
    assert_int_equal(rows(t.f->db), id);
    rp_db_close(reader);
    end(&t);
    assert_true(syncs <= 1); /* for the first commit */
}

/* A new handle has not made the changes of the one before. */
static bool opened_anew(struct fixture *f, int64_t commits)
{
    return sqlite3_total_changes64(f->db->sq) < commits;
}

/* What a failed sync leaves on the disk nobody knows: the writer opens the file anew, checks it,
 * and writes the log out again. */
static void G6_a_failed_sync_of_the_tender_makes_the_writer_distrust_the_file(void **state)
{
    struct tended t;
    int64_t id = 0;
    begin(&t, *state);
    int64_t until = rp_mono(&rp_clock_system) + (int64_t)(patience_s * 1e6);
    atomic_store(&sync_fails, true);
    while (!opened_anew(t.f, id) && rp_mono(&rp_clock_system) < until)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    assert_false(atomic_load(&sync_fails));
    assert_true(opened_anew(t.f, id));
    assert_int_equal(rows(t.f->db), id);
    while (log_pages(t.f) < PASS)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    until_anew(t.f, &id);
    end(&t);
}

static void a_store_without_a_tender_serves_itself(void **state)
{
    struct tended t;
    int64_t id = 0;
    begin(&t, *state);
    end(&t);
    while (log_pages(t.f) < PASS)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    until_anew(t.f, &id);
    assert_int_equal(rows(t.f->db), id);
}

#define T(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(G19_the_writer_writes_but_a_rest_of_the_log_into_the_file),
        T(G19_the_disk_gets_what_a_pass_writes_in_small_lots),
        T(G20_a_reader_in_the_way_holds_up_the_log_and_no_commit),
        T(G6_a_failed_sync_of_the_tender_makes_the_writer_distrust_the_file),
        T(a_store_without_a_tender_serves_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
