/* What opening a store promises: one owner, private files, no newer schema, no damaged file. */
#include "store/internal.h"
#include "store/migrate.h"
#include "store_help.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void G29_a_second_opener_is_refused_and_told_who_holds_it(void **state)
{
    struct fixture *f = *state;
    struct rp_store *second;
    struct rp_err err;
    char pid[32];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    assert_false(rp_store_open(f->path, &second, &err));
    assert_int_equal(err.code, RP_E_STORE_IN_USE);
    assert_non_null(strstr(err.message, pid));
}

static void G29_the_lock_goes_with_a_killed_process(void **state)
{
    struct fixture *f = *state;
    rp_store_close(f->store);
    pid_t child = fork();
    if (child == 0) {
        struct rp_store *s;
        struct rp_err err;
        if (!rp_store_open(f->path, &s, &err))
            _exit(1);
        (void)kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    f->store = help_open(f->path);
}

/* Between its making and its exec a command has the daemon's files open, the lock among them. */
static void G27_a_remnant_of_a_killed_process_delays_the_next_a_moment_only(void **state)
{
    struct fixture *f = *state;
    rp_store_close(f->store);
    pid_t child = fork();
    if (child == 0) {
        struct rp_store *s;
        struct rp_err err;
        const struct timespec moment = {.tv_nsec = 300000000};
        if (!rp_store_open(f->path, &s, &err))
            _exit(1);
        if (fork() == 0) {
            (void)nanosleep(&moment, NULL);
            _exit(0);
        }
        (void)kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    f->store = help_open(f->path);
}

static void S19_files_are_private_and_wider_ones_are_refused(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    rp_store_close(f->store);
    f->store = NULL;
    assert_int_equal(chmod(f->path, 0640), 0);
    assert_false(rp_store_open(f->path, &f->store, &err));
    assert_non_null(strstr(err.hint, "chmod 600"));
    assert_int_equal(chmod(f->path, 0600), 0);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_false(rp_store_open(f->path, &f->store, &err));
    assert_non_null(strstr(err.hint, "chmod 700"));
    assert_int_equal(chmod(f->dir, 0700), 0);
    f->store = help_open(f->path);
}

static void a_missing_folder_is_made_private(void **state)
{
    struct fixture *f = *state;
    char path[300];
    struct stat st;
    (void)snprintf(path, sizeof path, "sqlite://%s/sub/a.db", f->dir);
    rp_store_close(help_open(path));
    (void)snprintf(path, sizeof path, "%s/sub", f->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void urls_that_are_not_files_are_refused(void **state)
{
    (void)state;
    const char *bad[] = {"", "postgresql://x/y", "sqlite://relative.db", "http://x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rp_store *s;
        struct rp_err err;
        assert_false(rp_store_open(bad[i], &s, &err));
        assert_int_equal(err.code, RP_E_CONFIG);
    }
}

static void G28_a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    help_sql(f, "update meta set value = '99' where key = 'schema'");
    rp_store_close(f->store);
    f->store = NULL;
    assert_false(rp_store_open(f->path, &f->store, &err));
    assert_int_equal(err.code, RP_E_STORE_NEWER);
    assert_non_null(strstr(err.message, "99"));
    assert_false(rp_store_inspect(f->path, &f->store, &err));
    assert_int_equal(err.code, RP_E_STORE_NEWER);
}

static void G28_a_migration_that_fails_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    const struct rp_migration bad[] = {
        {2, "create table extra(a integer);"}, {3, "create table extra(a integer);"}, {0, NULL}};
    assert_false(rp_migrate(f->db, bad, &err));
    assert_int_equal(help_int(f, "select count(*) from sqlite_schema where name = 'extra'"), 0);
    assert_int_equal(help_int(f, "select value from meta where key = 'schema'"), 1);
    const struct rp_migration good[] = {{2, "create table extra(a integer);"}, {0, NULL}};
    assert_true(rp_migrate(f->db, good, &err));
    assert_true(rp_migrate(f->db, good, &err)); /* once */
    assert_int_equal(help_int(f, "select value from meta where key = 'schema'"), 2);
}

static void the_id_stays_and_names_are_readable(void **state)
{
    struct fixture *f = *state;
    char id[40];
    (void)snprintf(id, sizeof id, "%.*s", RP_FMT(rp_store_id(f->store)));
    assert_int_equal(strlen(id), 32);
    rp_store_close(f->store);
    f->store = help_open(f->path);
    f->db = rp_store_writer(f->store);
    assert_true(rp_str_is(rp_store_id(f->store), id));
    assert_int_equal(help_int(f, "select count(*) from state_name"), RP_STATES_N - 1);
    assert_int_equal(help_int(f, "select id from outcome_name where name = 'lost'"), RP_OUT_LOST);
}

static void a_file_of_another_program_is_refused(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    help_sql(f, "pragma application_id = 77");
    rp_store_close(f->store);
    f->store = NULL;
    assert_false(rp_store_open(f->path, &f->store, &err));
    assert_non_null(strstr(err.message, "another program"));
}

static void flip(const char *path, off_t at)
{
    unsigned char c;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 0x55;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

static void G7_a_damaged_header_is_named(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    rp_store_close(f->store);
    f->store = NULL;
    flip(f->path, 3);
    assert_false(rp_store_open(f->path, &f->store, &err));
    assert_int_equal(err.code, RP_E_STORE_CORRUPT);
    assert_non_null(strstr(err.hint, "backup"));
}

/* The structure of every page is checked: header, cell pointers. Each page's type byte is flipped
 * in turn. */
static void G7_a_damaged_page_in_the_middle_is_named(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    struct stat st;
    help_types(f, "work", NULL);
    for (int i = 0; i < 2000; i++)
        (void)help_enqueue(f, "work");
    rp_store_close(f->store);
    f->store = NULL;
    assert_int_equal(stat(f->path, &st), 0);
    int64_t size = 4096;
    int64_t pages = st.st_size / size;
    assert_true(pages > 40);
    for (int64_t page = 1; page < pages; page += 7) {
        flip(f->path, page * size);
        assert_false(rp_store_open(f->path, &f->store, &err));
        assert_int_equal(err.code, RP_E_STORE_CORRUPT);
        flip(f->path, page * size);
    }
    f->store = help_open(f->path);
}

static void inspection_needs_no_lock_and_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct rp_store *s;
    struct rp_err err;
    assert_true(rp_store_inspect(f->path, &s, &err));
    struct rp_db *db = rp_store_reader(s, &err);
    assert_non_null(db);
    assert_false(rp_script(db, "delete from meta", &err));
    rp_db_close(db);
    rp_store_close(s);
}

static void a_reader_keeps_its_snapshot(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    int64_t n;
    help_types(f, "work", NULL);
    struct rp_db *db = rp_store_reader(f->store, &err);
    assert_non_null(db);
    assert_true(rp_tx_begin(db, &err));
    (void)help_enqueue(f, "work");
    assert_true(rp_get_i64(rp_sql(db, "select count(*) from job"), -1, &n, &err));
    assert_int_equal(n, 0);
    rp_tx_rollback(db);
    assert_true(rp_get_i64(rp_sql(db, "select count(*) from job"), -1, &n, &err));
    assert_int_equal(n, 1);
    rp_db_close(db);
}

static void a_backup_is_private_whole_and_never_overwrites(void **state)
{
    struct fixture *f = *state;
    struct rp_err err;
    struct stat st;
    char path[300];
    help_types(f, "work", NULL);
    (void)help_enqueue(f, "work");
    (void)snprintf(path, sizeof path, "%s/backup.db", f->dir);
    assert_true(rp_store_backup(f->db, path, &err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(rp_store_backup(f->db, path, &err));
    assert_int_equal(err.code, RP_E_CONFLICT);
    struct rp_store *s = help_open(path);
    int64_t n;
    assert_true(rp_get_i64(rp_sql(rp_store_writer(s), "select count(*) from job"), -1, &n, &err));
    assert_int_equal(n, 1);
    rp_store_close(s);
}

static bool sees_it(struct rp_db *reader)
{
    int64_t n;
    OK(rp_get_i64(rp_sql(reader, "select count(*) from meta where key = 'news'"), 0, &n, err));
    return n > 0;
}

/* The log must not wait for the end of a check that takes minutes (G20). */
static void each_check_of_the_whole_store_has_a_snapshot_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct rp_buf findings = {0};
    struct rp_db *reader = rp_store_reader(f->store, NULL);
    assert_non_null(reader);
    OK(rp_tx_begin(reader, err));
    help_tx(rp_run(rp_sql(f->db, "insert into meta(key, value) values('news', 'x')"), err));
    assert_false(sees_it(reader));
    OK(rp_store_check(reader, &findings, err));
    assert_true(sees_it(reader));
    rp_tx_rollback(reader);
    rp_db_close(reader);
    OK(rp_tx_begin(f->db, err));
    OK(rp_run(rp_sql(f->db, "delete from meta where key = 'news'"), err));
    OK(rp_tx_renew(f->db, err)); /* the writer's is not a snapshot: nothing of it is lost */
    OK(rp_tx_commit(f->db, err));
    assert_false(sees_it(f->db));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)
    const struct CMUnitTest tests[] = {
        T(G29_a_second_opener_is_refused_and_told_who_holds_it),
        T(G29_the_lock_goes_with_a_killed_process),
        T(G27_a_remnant_of_a_killed_process_delays_the_next_a_moment_only),
        T(S19_files_are_private_and_wider_ones_are_refused),
        T(a_missing_folder_is_made_private),
        T(urls_that_are_not_files_are_refused),
        T(G28_a_newer_schema_is_refused_and_left_alone),
        T(G28_a_migration_that_fails_changes_nothing),
        T(the_id_stays_and_names_are_readable),
        T(a_file_of_another_program_is_refused),
        T(G7_a_damaged_header_is_named),
        T(G7_a_damaged_page_in_the_middle_is_named),
        T(inspection_needs_no_lock_and_cannot_write),
        T(a_reader_keeps_its_snapshot),
        T(each_check_of_the_whole_store_has_a_snapshot_of_its_own),
        T(a_backup_is_private_whole_and_never_overwrites)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
