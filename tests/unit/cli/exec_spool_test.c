/* Records that wait for a daemon: whole, in order, once (G9), whatever is killed or full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/exec_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DAY_ONE = 1000000000 };

static char state[] = "/tmp/reprise-spool-XXXXXX";

static int fresh(void **folder)
{
    struct rp_err err;
    char remove[64];
    (void)snprintf(remove, sizeof remove, "rm -rf %s", state);
    assert_int_equal(system(remove), 0);
    *folder = rp_xmalloc(sizeof(int));
    *(int *)*folder = state_folder("spool", &err);
    return *(int *)*folder >= 0 ? 0 : -1;
}

static int done(void **folder)
{
    (void)close(*(int *)*folder);
    free(*folder);
    return 0;
}

/* ---- a daemon that is only a memory ---- */

enum { SEEN_MAX = 20000 };

struct memory {
    int n, requests, stop_after; /* records seen, in order; 0: never stops */
    int value[SEEN_MAX];
    int refuse; /* this value is refused; 0: none */
    int aside;
    int file; /* each value is also appended here; 0: none */
    bool die; /* after the first answer */
};

/* `"n":` of every record of a request. */
static int values_of(const struct rp_buf *body, int out[SEEN_MAX])
{
    int n = 0;
    char *text = strndup(body->p, body->n);
    for (char *p = strstr(text, "\"n\":"); p != NULL; p = strstr(p + 1, "\"n\":"))
        out[n++] = (int)strtol(p + 4, NULL, 10);
    free(text);
    return n;
}

static bool remember(void *ctx, const struct rp_buf *body, struct rp_err *err)
{
    static int got[SEEN_MAX];
    struct memory *m = ctx;
    int n = values_of(body, got);
    if (!rp_json_valid(rp_buf_view(body), err))
        fail_msg("no JSON: %s", err->message);
    if (m->stop_after > 0 && m->requests++ >= m->stop_after)
        return rp_fail(err, RP_E_UNREACHABLE, "gone");
    for (int i = 0; i < n; i++)
        if (m->refuse != 0 && got[i] == m->refuse)
            return rp_fail(err, RP_E_BAD_FIELD, "outcome: what is that?");
    for (int i = 0; i < n; i++)
        m->value[m->n++] = got[i];
    if (m->file != 0 && write(m->file, got, sizeof *got * (size_t)n) < 0)
        return rp_fail(err, RP_E_IO, "the test's disk");
    if (m->die)
        (void)kill(getpid(), SIGKILL);
    return true;
}

static void count_aside(void *ctx, const char *name, const char *why)
{
    struct memory *m = ctx;
    assert_true(rp_str_starts(rp_str_of(name), "aside/"));
    assert_true(strlen(why) > 0);
    m->aside++;
}

static int64_t deliver(int folder, struct memory *m, int64_t most)
{
    struct delivery d = {.send = remember, .aside = count_aside, .ctx = m, .most = most};
    struct rp_err err;
    int64_t delivered;
    (void)spool_deliver(folder, &d, &delivered, &err);
    return delivered;
}

static bool put(int folder, int n, int64_t at_us, struct rp_err *err)
{
    char id[SPOOL_ID_LEN], text[64];
    int len = snprintf(text, sizeof text, "{\"n\":%d}", n);
    return spool_put(folder, spool_id(at_us, id), at_us, (struct rp_str){text, (size_t)len}, err);
}

static void put_many(int folder, int from, int to)
{
    struct rp_err err;
    for (int n = from; n <= to; n++)
        if (!put(folder, n, DAY_ONE + n, &err))
            fail_msg("%s", err.message);
}

static void assert_ascending(const struct memory *m, int from, int to)
{
    assert_int_equal(m->n, to - from + 1);
    for (int i = 0; i < m->n; i++)
        assert_int_equal(m->value[i], from + i);
}

/* ---- order, once ---- */

static void G9_records_leave_once_in_the_order_in_which_they_came(void **arg)
{
    int folder = *(int *)*arg;
    struct memory *m = rp_xcalloc(1, sizeof *m);
    put_many(folder, 1, 250);
    assert_int_equal(deliver(folder, m, 100), 100);
    assert_int_equal(deliver(folder, m, 0), 150);
    assert_int_equal(deliver(folder, m, 0), 0);
    assert_ascending(m, 1, 250);
    assert_true(spool_empty(folder));
    free(m);
}

static void G9_a_clock_that_is_put_back_does_not_change_the_order(void **arg)
{
    int folder = *(int *)*arg;
    struct memory *m = rp_xcalloc(1, sizeof *m);
    struct rp_err err;
    assert_true(put(folder, 1, 2 * (int64_t)DAY_ONE, &err));
    assert_true(put(folder, 2, DAY_ONE, &err));
    assert_true(put(folder, 3, DAY_ONE, &err));
    (void)deliver(folder, m, 0);
    assert_ascending(m, 1, 3);
    free(m);
}

static void G9_what_was_not_answered_stays(void **arg)
{
    int folder = *(int *)*arg;
    struct memory *m = rp_xcalloc(1, sizeof *m);
    put_many(folder, 1, 250);
    m->stop_after = 1;
    assert_int_equal(deliver(folder, m, 0), 100);
    m->stop_after = 0;
    assert_int_equal(deliver(folder, m, 0), 150);
    assert_ascending(m, 1, 250);
    free(m);
}

/* The daemon knows a record by its spool_id: what it needs is that the same bytes come again. */
static void G9_killed_between_answer_and_removal_the_same_records_come_again(void **arg)
{
    int folder = *(int *)*arg, status, values[400];
    char path[64];
    (void)snprintf(path, sizeof path, "%s/seen", state);
    int file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    put_many(folder, 1, 150);
    for (int round = 0; round < 2; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct memory *m = rp_xcalloc(1, sizeof *m);
            m->file = file;
            m->die = round == 0;
            (void)deliver(folder, m, 0);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WIFSIGNALED(status), round == 0);
    }
    ssize_t n = pread(file, values, sizeof values, 0) / (ssize_t)sizeof *values;
    assert_int_equal(n, 250); /* 1 … 100, killed, 1 … 150 */
    for (int i = 0; i < 250; i++)
        assert_int_equal(values[i], i < 100 ? i + 1 : i - 99);
    assert_true(spool_empty(folder));
    (void)close(file);
}

/* ---- whole or not there ---- */

/* Large, so that many are killed in the middle of a write. */
static void writer(int folder, int progress, int from)
{
    enum { LARGE = 1 << 20 };
    char id[SPOOL_ID_LEN], *text = rp_xmalloc(LARGE);
    (void)memset(text, ' ', LARGE);
    text[LARGE - 1] = '}';
    for (int n = from;; n++) {
        text[snprintf(text, LARGE, "{\"n\":%d", n)] = ' ';
        if (!spool_put(folder, spool_id(n, id), DAY_ONE + n, (struct rp_str){text, LARGE}, NULL))
            _exit(1);
        (void)!write(progress, &n, sizeof n);
    }
}

static void G9_a_killed_writer_leaves_whole_records_only(void **arg)
{
    int folder = *(int *)*arg, ends[2], n, last = 0;
    struct memory *m = rp_xcalloc(1, sizeof *m);
    uint64_t seed = 42;
    for (int round = 0; round < 40; round++) {
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0)
            writer(folder, ends[1], last + 1);
        (void)close(ends[1]);
        seed = seed * UINT64_C(6364136223846793005) + 1;
        /* Every other one has said that it wrote, however slow the machine is. */
        if (round % 2 == 1 && read(ends[0], &n, sizeof n) == sizeof n)
            last = n;
        struct timespec some = {.tv_nsec = (long)(seed >> 33) % 8000000};
        (void)nanosleep(&some, NULL);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        while (read(ends[0], &n, sizeof n) == sizeof n)
            last = n;
        (void)close(ends[0]);
        /* What it wrote and could not say any more, is there too or not. */
        (void)deliver(folder, m, 0);
        assert_true(m->n == last || m->n == last + 1);
        last = m->n;
    }
    assert_true(last > 0);
    assert_ascending(m, 1, last);
    assert_int_equal(m->aside, 0);
    free(m);
}

/* A file system that is full, as far as one process can be told so. */
static void a_full_disk_refuses_the_record_and_harms_no_other(void **arg)
{
    int folder = *(int *)*arg;
    struct memory *m = rp_xcalloc(1, sizeof *m);
    struct rlimit old, small;
    struct rp_err err;
    char id[SPOOL_ID_LEN], big[9000];
    (void)memset(big, ' ', sizeof big);
    put_many(folder, 1, 3);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){4096, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool ok = spool_put(folder, spool_id(DAY_ONE + 4, id), DAY_ONE + 4,
                        (struct rp_str){big, sizeof big}, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(ok);
    assert_int_equal(err.code, RP_E_STORE_FULL);
    put_many(folder, 4, 5);
    (void)deliver(folder, m, 0);
    assert_ascending(m, 1, 5);
    assert_int_equal(m->aside, 0);
    free(m);
}

/* ---- bounds ---- */

static void a_full_spool_refuses_in_words_and_keeps_what_it_has(void **arg)
{
    int folder = *(int *)*arg;
    struct rp_err err;
    char name[64];
    for (int i = 0; i < SPOOL_FILES; i++) {
        (void)snprintf(name, sizeof name, "%020d-x.json", i);
        int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0 && close(fd) == 0);
    }
    assert_false(put(folder, 1, DAY_ONE, &err));
    assert_int_equal(err.code, RP_E_STORE_FULL);
    assert_non_null(strstr(err.message, "10000 records"));
    assert_non_null(strstr(err.hint, "--flush"));
    assert_int_equal(unlinkat(folder, name, 0), 0);
    assert_true(put(folder, 1, DAY_ONE, &err));
}

static void the_spool_takes_256_MB_and_no_more(void **arg)
{
    int folder = *(int *)*arg;
    struct rp_err err;
    int fd = openat(folder, "00000000000000000001-x.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, SPOOL_BYTES - 7), 0); /* one record is 7 bytes long */
    assert_true(put(folder, 1, DAY_ONE, &err));
    assert_false(put(folder, 2, DAY_ONE, &err));
    assert_int_equal(err.code, RP_E_STORE_FULL);
    (void)close(fd);
}

/* ---- poison ---- */

static void add_raw(int folder, const char *name, const char *text)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void a_file_that_is_no_record_is_set_aside_and_blocks_none(void **arg)
{
    int folder = *(int *)*arg;
    struct memory *m = rp_xcalloc(1, sizeof *m);
    add_raw(folder, "00000000000000000001-half.json", "{\"n\":1,");
    add_raw(folder, "00000000000000000002-empty.json", "");
    add_raw(folder, "00000000000000000003-list.json", "[1]");
    add_raw(folder, "00000000000000000004-two.json", "{\"n\":1}{\"n\":2}");
    assert_int_equal(mkdirat(folder, "00000000000000000005-folder.json", 0700), 0);
    assert_int_equal(symlinkat("/etc/passwd", folder, "00000000000000000006-link.json"), 0);
    put_many(folder, 1, 3);
    assert_int_equal(deliver(folder, m, 0), 3);
    assert_ascending(m, 1, 3);
    assert_int_equal(m->aside, 6);
    assert_true(spool_empty(folder));
    free(m);
}

static void a_record_that_the_daemon_refuses_is_set_aside_and_blocks_none(void **arg)
{
    int folder = *(int *)*arg;
    struct memory *m = rp_xcalloc(1, sizeof *m);
    m->refuse = 57;
    put_many(folder, 1, 120);
    assert_int_equal(deliver(folder, m, 0), 119);
    assert_int_equal(m->aside, 1);
    for (int i = 0; i < 119; i++)
        assert_int_equal(m->value[i], i < 56 ? i + 1 : i + 2);
    free(m);
}

/* ---- one at a time; whose folder ---- */

static bool deliver_inside(void *ctx, const struct rp_buf *body, struct rp_err *err)
{
    struct memory inner = {0};
    (void)err;
    assert_true(body->n > 0);
    assert_int_equal(deliver(*(int *)ctx, &inner, 0), 0);
    return true;
}

static void two_processes_do_not_deliver_at_once(void **arg)
{
    int folder = *(int *)*arg;
    struct delivery d = {.send = deliver_inside, .ctx = &folder};
    struct rp_err err;
    int64_t delivered;
    put_many(folder, 1, 3);
    assert_true(spool_deliver(folder, &d, &delivered, &err));
    assert_int_equal(delivered, 3);
}

static void a_folder_that_others_may_write_is_refused(void **arg)
{
    int folder = *(int *)*arg;
    struct rp_err err;
    struct stat st;
    assert_int_equal(fstat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(fchmod(folder, 0777), 0);
    assert_int_equal(state_folder("spool", &err), -1);
    assert_non_null(strstr(err.hint, "REPRISE_STATE"));
}

static void G15_the_lock_of_this_machine_is_held_by_one_and_says_by_whom(void **arg)
{
    (void)arg;
    struct rp_err err = {0};
    char pid[32];
    struct rp_str name = RP_STR("nightly ../../x");
    int fd = state_lock(name, DAY_ONE, &err);
    assert_true(fd >= 0);
    assert_int_equal(state_lock(name, DAY_ONE, &err), -1);
    assert_int_equal(err.code, RP_E_LOCK_HELD);
    (void)snprintf(pid, sizeof pid, "process %d", getpid());
    assert_non_null(strstr(err.message, pid));
    assert_non_null(strstr(err.message, "since 1970-01-01T00:16:40"));
    int other = state_lock(RP_STR("nightly"), DAY_ONE, &err);
    assert_true(other >= 0);
    (void)close(other);
    (void)close(fd);
    fd = state_lock(name, DAY_ONE, &err);
    assert_true(fd >= 0);
    (void)close(fd);
}

int main(void)
{
    if (mkdtemp(state) == NULL || setenv("REPRISE_STATE", state, 1) != 0)
        return 1;
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, done)
    const struct CMUnitTest tests[] = {
        T(G9_records_leave_once_in_the_order_in_which_they_came),
        T(G9_a_clock_that_is_put_back_does_not_change_the_order),
        T(G9_what_was_not_answered_stays),
        T(G9_killed_between_answer_and_removal_the_same_records_come_again),
        T(G9_a_killed_writer_leaves_whole_records_only),
        T(a_full_disk_refuses_the_record_and_harms_no_other),
        T(a_full_spool_refuses_in_words_and_keeps_what_it_has),
        T(the_spool_takes_256_MB_and_no_more),
        T(a_file_that_is_no_record_is_set_aside_and_blocks_none),
        T(a_record_that_the_daemon_refuses_is_set_aside_and_blocks_none),
        T(two_processes_do_not_deliver_at_once),
        T(a_folder_that_others_may_write_is_refused),
        T(G15_the_lock_of_this_machine_is_held_by_one_and_says_by_whom),
    };
#undef T
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char remove[64];
    (void)snprintf(remove, sizeof remove, "rm -rf %s", state);
    return system(remove) == 0 ? failed : 1;
}
