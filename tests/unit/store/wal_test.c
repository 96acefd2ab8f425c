/* G19: what the store's log holds goes into its file without the writer, who has but a rest to do;
 * a reader in the way, or a file that cannot be synced, costs no commit and no thread (G6). The
 * system's calls are watched: the program's own definitions take the place of the C library's. */
#include "store/wal.h"

#include "store/opened.h"
#include "store_help.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

enum {
    PAGE = 4096,
    PAGES_A_COMMIT = 100,
    REST = 256,
    PASS = 4000,
    MOST = 16384,
    PAGES_MOST = 40000
};
static const double patience_s = 60;

/* ---- the calls ---- */

static _Thread_local bool is_writer;
static atomic_llong written_by_writer; /* bytes into the file itself */
static atomic_int syncs_of_file, syncs_by_tender,
    full;                                      /* full: so many more of its writes find no room */
static atomic_bool sync_fails, waits, waiting; /* the tender, before it writes */
/* Pages of the file: written since the last sync that failed; before that one. */
static atomic_bool written[PAGES_MOST], lost[PAGES_MOST];

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
    if (is_the_file(fd)) {
        while (!is_writer && atomic_load(&waits)) {
            atomic_store(&waiting, true);
            (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        if (is_writer)
            atomic_fetch_add(&written_by_writer, (long long)n);
        else if (atomic_load(&full) > 0 && atomic_fetch_sub(&full, 1) > 0) {
            errno = ENOSPC;
            return -1;
        }
        if (at / PAGE < PAGES_MOST)
            atomic_store(&written[at / PAGE], true);
    }
    return syscall(SYS_pwrite64, fd, p, n, at);
}

int fdatasync(int fd)
{
    bool file = is_the_file(fd);
    if (file)
        atomic_fetch_add(&syncs_of_file, 1);
    if (!is_writer && file) {
        atomic_fetch_add(&syncs_by_tender, 1);
        if (atomic_load(&sync_fails)) {
            for (int i = 0; i < PAGES_MOST; i++)
                atomic_store(&lost[i], atomic_exchange(&written[i], false));
            atomic_store(&sync_fails, false);
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static atomic_int passes_by_writer, passes_by_tender;

int sqlite3_wal_checkpoint_v2(sqlite3 *sq, const char *db, int mode, int *pages, int *done)
{
    int (*real)(sqlite3 *, const char *, int, int *, int *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_wal_checkpoint_v2");
    atomic_fetch_add(is_writer ? &passes_by_writer : &passes_by_tender, 1);
    return real(sq, db, mode, pages, done);
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

static struct tended *under_way;

static void begin(struct tended *t, struct fixture *f)
{
    *t = (struct tended){.f = f};
    under_way = t;
    is_writer = true;
    OK(rp_wal_tended(f->store, &t->tender, err));
    f->db = rp_store_writer(f->store);
    assert_int_equal(pthread_create(&t->thread, NULL, tend, t->tender), 0);
}

static void end(struct tended *t)
{
    under_way = NULL;
    rp_wal_leave(t->f->store);
    assert_int_equal(pthread_join(t->thread, NULL), 0);
    rp_wal_untended(t->f->store, t->tender);
}

/* Of a test that failed: its thread would keep the program. */
static int teardown(void **state)
{
    atomic_store(&waits, false);
    if (under_way != NULL)
        end(under_way);
    return help_teardown(state);
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

static int64_t log_file_bytes(struct fixture *f)
{
    char path[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s-wal", rp_store_path(f->store));
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static int64_t rows(struct rp_db *db)
{
    int64_t n;
    OK(rp_get_i64(rp_sql(db, "select count(*) from output"), 0, &n, err));
    return n;
}

/* ---- */

static void G2_nothing_is_promised_on_top_of_a_file_that_is_in_memory_only(void **state)
{
    static struct tended t; /* teardown may end it */
    struct fixture *f = *state;
    struct rp_db *tender;
    int before;
    is_writer = false;
    atomic_store(&sync_fails, true);
    FAILS(RP_E_STORE_IO, rp_wal_tended(f->store, &tender, err));
    before = atomic_load(&syncs_of_file);
    begin(&t, f);
    assert_true(atomic_load(&syncs_of_file) > before);
    end(&t);
}

/* The last commits of all are in the log, those before it began anew are in the file. */
static void G19_the_writer_writes_but_a_rest_of_the_log_into_the_file(void **state)
{
    static struct tended t; /* teardown may end it */
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

static void G20_a_reader_in_the_way_holds_up_the_log_and_no_commit(void **state)
{
    static struct tended t; /* teardown may end it */
    int64_t id = 0, long_log = 2 * PASS;
    begin(&t, *state);
    struct rp_db *reader = rp_store_reader(t.f->store, NULL);
    assert_non_null(reader);
    OK(rp_tx_begin(reader, err));
    while (log_pages(t.f) < long_log)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    assert_int_equal(rows(reader), 0);
    struct rp_log log = rp_wal_log(t.f->store);
    assert_int_equal(log.bytes, log_file_bytes(t.f)); /* it has only grown */
    assert_true(log.behind_bytes > (long_log - PASS) * PAGE);
    rp_tx_rollback(reader);
    until_anew(t.f, &id);
    assert_true(rp_wal_log(t.f->store).bytes < log.bytes);
    assert_true(rp_wal_log(t.f->store).behind_bytes < log.behind_bytes);
    assert_int_equal(rows(t.f->db), id);
    int passes = atomic_load(&passes_by_tender); /* the new one counts for itself */
    while (log_pages(t.f) < PASS + 2 * PAGES_A_COMMIT)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    for (int i = 0; atomic_load(&passes_by_tender) == passes; i++) {
        assert_true(i < patience_s * 1000);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    rp_db_close(reader);
    end(&t);
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
    static struct tended t; /* teardown may end it */
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

static void until_moved(struct fixture *f, int64_t *id, bool (*moved)(void))
{
    int64_t until = rp_mono(&rp_clock_system) + (int64_t)(patience_s * 1e6);
    while (!moved() && rp_mono(&rp_clock_system) < until)
        (void)commit(f, ++*id, PAGES_A_COMMIT);
    assert_true(moved());
}

static bool sync_has_failed(void)
{
    return !atomic_load(&sync_fails);
}

/* Pages of a pass whose sync failed count as written to SQLite, and may be on no disk: the log is
 * the only place that has them for certain. */
static void G6_after_a_failed_sync_all_of_the_log_goes_into_the_file_again(void **state)
{
    static struct tended t; /* teardown may end it */
    int64_t id = 0, pages = 0;
    begin(&t, *state);
    for (int i = 0; i < PAGES_MOST; i++)
        atomic_store(&written[i], false);
    while (log_pages(t.f) < PASS / 2)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    struct rp_db *reader = rp_store_reader(t.f->store, NULL); /* a pass ends where it reads */
    assert_non_null(reader);
    OK(rp_tx_begin(reader, err));
    atomic_store(&sync_fails, true);
    until_moved(t.f, &id, sync_has_failed);
    rp_tx_rollback(reader);
    rp_db_close(reader);
    int64_t until = rp_mono(&rp_clock_system) + (int64_t)(patience_s * 1e6);
    while (!opened_anew(t.f, id) && rp_mono(&rp_clock_system) < until)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    assert_true(opened_anew(t.f, id));
    for (int i = 0; i < PAGES_MOST; i++) {
        pages += atomic_load(&lost[i]);
        if (atomic_load(&lost[i]) && !atomic_load(&written[i]))
            fail_msg("page %d is in the file by the pass that failed only", i);
    }
    assert_true(pages > REST);
    assert_int_equal(rows(t.f->db), id);
    end(&t);
}

/* ---- what the log of the daemon says ---- */

struct heard {
    FILE *file;
    int stderr_before;
};

static void hear(struct heard *h)
{
    h->file = tmpfile();
    assert_non_null(h->file);
    (void)fflush(stderr);
    h->stderr_before = dup(STDERR_FILENO);
    (void)dup2(fileno(h->file), STDERR_FILENO);
}

static int heard(struct heard *h, const char *text)
{
    char line[1000];
    int n = 0;
    (void)fflush(stderr);
    (void)dup2(h->stderr_before, STDERR_FILENO);
    (void)close(h->stderr_before);
    rewind(h->file);
    while (fgets(line, sizeof line, h->file) != NULL)
        n += strstr(line, text) != NULL;
    return n;
}

static bool has_room(void)
{
    return atomic_load(&full) <= 0;
}

static void G6_a_full_disk_costs_no_commit_and_is_said_once(void **state)
{
    static struct tended t; /* teardown may end it */
    struct heard h;
    int64_t id = 0;
    begin(&t, *state);
    hear(&h);
    atomic_store(&full, 4);
    while (log_pages(t.f) < PASS + REST) /* no more: a log that is too long the writer writes */
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    int64_t until = rp_mono(&rp_clock_system) + (int64_t)(patience_s * 1e6);
    while (!has_room() && rp_mono(&rp_clock_system) < until) /* it tries again by itself */
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_true(has_room());
    until_anew(t.f, &id);
    end(&t);
    assert_int_equal(rows(t.f->db), id);
    int said = heard(&h, "could not be written");
    rewind(h.file);
    (void)fclose(h.file);
    assert_int_equal(said, 1);
}

struct watch {
    struct fixture *f;
    int64_t pages; /* in the log when the tender was let go on */
};

/* A writer that goes on makes more of the log in this time. */
static void *let_go_on(void *arg)
{
    struct watch *w = arg;
    const struct timespec moment = {.tv_nsec = 1000000}, some = {.tv_nsec = 300000000};
    while (log_pages(w->f) < MOST)
        (void)nanosleep(&moment, NULL);
    (void)nanosleep(&some, NULL);
    w->pages = log_pages(w->f);
    atomic_store(&waits, false);
    return NULL;
}

static void G19_a_log_that_has_become_too_long_is_waited_for(void **state)
{
    static struct tended t; /* teardown may end it */
    struct watch w = {.f = *state};
    pthread_t watch;
    int64_t id = 0;
    begin(&t, *state);
    atomic_store(&waits, true);
    assert_int_equal(pthread_create(&watch, NULL, let_go_on, &w), 0);
    while (atomic_load(&waits))
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    assert_int_equal(pthread_join(watch, NULL), 0);
    assert_in_range(w.pages, MOST, MOST + 2 * PAGES_A_COMMIT);
    until_anew(t.f, &id);
    assert_int_equal(rows(t.f->db), id);
    end(&t);
}

static bool little_is_left(struct fixture *f)
{
    (void)pthread_mutex_lock(&f->store->wal.lock);
    bool is = f->store->wal.finish;
    (void)pthread_mutex_unlock(&f->store->wal.lock);
    return is;
}

/* It would be the writer's turn, and then much has come. */
static void G19_what_a_large_transaction_wrote_is_left_to_the_tender(void **state)
{
    static struct tended t; /* teardown may end it */
    const struct timespec moment = {.tv_nsec = 1000000};
    int64_t id = 0;
    begin(&t, *state);
    atomic_store(&waiting, false);
    atomic_store(&waits, true);
    while (log_pages(t.f) < PASS)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    for (int i = 0; !atomic_load(&waiting); i++) {
        assert_true(i < patience_s * 1000);
        (void)nanosleep(&moment, NULL);
    }
    (void)commit(t.f, ++id, 1);
    atomic_store(&waits, false);
    for (int i = 0; !little_is_left(t.f); i++) {
        assert_true(i < patience_s * 1000);
        (void)nanosleep(&moment, NULL);
    }
    assert_int_equal(commit(t.f, ++id, 8 * REST), 0);
    until_anew(t.f, &id);
    assert_int_equal(rows(t.f->db), id);
    end(&t);
}

/* What a pass has not written need not be synced, and it is not tried on and on. */
static void G20_a_reader_in_the_way_costs_no_sync_and_few_passes(void **state)
{
    static struct tended t; /* teardown may end it */
    int64_t id = 0;
    begin(&t, *state);
    (void)commit(t.f, ++id, PAGES_A_COMMIT);
    struct rp_db *reader = rp_store_reader(t.f->store, NULL);
    assert_non_null(reader);
    OK(rp_tx_begin(reader, err));
    int syncs = atomic_load(&syncs_by_tender), passes = atomic_load(&passes_by_tender);
    int by_writer = atomic_load(&passes_by_writer);
    int64_t began = rp_mono(&rp_clock_system);
    while (log_pages(t.f) < MOST + 10 * PAGES_A_COMMIT)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    (void)nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    passes = atomic_load(&passes_by_tender) - passes;
    int64_t tenths = (rp_mono(&rp_clock_system) - began) / 100000;
    assert_in_range(passes, 1, tenths + 2);
    assert_in_range(atomic_load(&syncs_by_tender) - syncs, 0, 1);
    assert_in_range(atomic_load(&passes_by_writer) - by_writer, 1, 2);
    rp_tx_rollback(reader);
    rp_db_close(reader);
    end(&t);
}

static void a_store_without_a_tender_serves_itself(void **state)
{
    static struct tended t; /* teardown may end it */
    int64_t id = 0;
    begin(&t, *state);
    end(&t);
    while (log_pages(t.f) < PASS)
        (void)commit(t.f, ++id, PAGES_A_COMMIT);
    until_anew(t.f, &id);
    assert_int_equal(rows(t.f->db), id);
}

#define T(name) cmocka_unit_test_setup_teardown(name, help_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(G2_nothing_is_promised_on_top_of_a_file_that_is_in_memory_only),
        T(G19_the_writer_writes_but_a_rest_of_the_log_into_the_file),
        T(G20_a_reader_in_the_way_holds_up_the_log_and_no_commit),
        T(G6_a_failed_sync_of_the_tender_makes_the_writer_distrust_the_file),
        T(G6_after_a_failed_sync_all_of_the_log_goes_into_the_file_again),
        T(G6_a_full_disk_costs_no_commit_and_is_said_once),
        T(G20_a_reader_in_the_way_costs_no_sync_and_few_passes),
        T(G19_what_a_large_transaction_wrote_is_left_to_the_tender),
        T(G19_a_log_that_has_become_too_long_is_waited_for),
        T(a_store_without_a_tender_serves_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
