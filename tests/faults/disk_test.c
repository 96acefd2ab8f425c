/* G6 by injection: each system call that writes a store fails once, or from then on, for all n of
 * each step of a history (history.h), of opening a store and of a backup. What is refused is
 * refused with a clear error; nothing acknowledged is lost; once the disk works, the very next
 * operation does.
 *
 *   RP_SEED=n          which error and how long it lasts, by dice
 *   RP_DISK_ALL=1      all errors, once and lasting, for every n (the long form) */
#include "disk_calls.h"
#include "history.h"

#include <errno.h>
#include <sys/stat.h>

static const int errors[] = {EIO, ENOSPC, EDQUOT, 0};
enum { ERRORS = 4, CASES = 2 * ERRORS };

static struct {
    struct dice dice;
    bool all;
    const char *parent;
    size_t refused, borne; /* faults that an operation refused, and that it could do without */
} disk;

static int ask(void **state)
{
    (void)state;
    disk.dice = help_dice("disk");
    disk.all = getenv("RP_DISK_ALL") != NULL;
    disk.parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    return 0;
}

static struct fault fault_of(int which, int64_t nth)
{
    return (struct fault){.nth = nth, .lasting = which >= ERRORS, .error = errors[which % ERRORS]};
}

static const char *words(const struct fault *f, enum call what)
{
    static char buf[128];
    (void)snprintf(buf, sizeof buf, "call %lld (%s) fails%s: %s", (long long)f->nth,
                   call_name(what), f->lasting ? " and all after it" : "",
                   f->error != 0 ? strerror(f->error) : "a part is written");
    return buf;
}

/* Of an `open` that fails SQLite tries another way and tells the error of that; of a folder's sync,
 * and while it makes a new file, it tells none. */
static bool untold(enum call what, const struct rp_err *err)
{
    return what == CALL_OPEN || strstr(err->message, "no system error") != NULL;
}

/* What a refusal must be: of the right kind, with words and an instruction. */
static void refusal(const struct rp_err *err, const struct fault *f, enum call what,
                    const char *step)
{
    enum rp_code expected = f->error != EIO ? RP_E_STORE_FULL : RP_E_STORE_IO;
    disk.refused++;
    if (err->code != expected && !(untold(what, err) && err->code == RP_E_STORE_IO))
        fail_msg("%s, %s: refused as %s: %s", step, words(f, what), rp_code_slug(err->code),
                 err->message);
    if (err->message[0] == '\0' || err->hint[0] == '\0')
        fail_msg("%s, %s: \"%s\", \"%s\": says too little", step, words(f, what), err->message,
                 err->hint);
}

/* ---- steps of a history ---- */

static bool reopen_if_closed(struct history *h, struct rp_err *err)
{
    return h->store != NULL || history_open(h, err);
}

/* A commit whose sync failed is not trusted until the store was opened anew and checked. */
static void distrust(const struct history *h, const struct fault *f, enum call what)
{
    if (h->store != NULL && what == CALL_SYNC && !h->db->distrusted)
        fail_msg("%s: the store is trusted after a failed sync", words(f, what));
}

/* Whatever is tried while the fault lasts is refused as clearly; a probe that needs no more than
 * what is in the log already may pass. */
static void still_refused(struct history *h, const struct fault *f, const char *step)
{
    struct rp_err err = {0};
    bool ok = reopen_if_closed(h, &err) && rp_tx_begin(h->db, &err);
    if (ok) {
        ok = rp_store_probe(h->db, h->is.now, &err) && rp_tx_commit(h->db, &err);
        if (!ok)
            rp_tx_rollback(h->db);
    }
    if (!ok)
        refusal(&err, f, CALL_WRITE, step);
}

static void recovers(struct history *h, const struct step *s, const struct fault *f, enum call what)
{
    struct rp_err err = {0};
    char why[HISTORY_WHY];
    if (!reopen_if_closed(h, &err) || !rp_tx_begin(h->db, &err))
        fail_msg("%s, %s: does not work afterwards: %s", s->name, words(f, what), err.message);
    rp_tx_rollback(h->db);
    if (h->db->distrusted)
        fail_msg("%s, %s: is still distrusted afterwards", s->name, words(f, what));
    if (!history_settle(h, why))
        fail_msg("%s, %s: %s", s->name, words(f, what), why);
    history_play(h, history_steps[0]);
    if (!history_kept(h, h->db, why))
        fail_msg("%s, %s: %s", s->name, words(f, what), why);
}

/* False when the step makes fewer than n calls. */
static bool step_bears(struct history *h, const struct step *s, const struct fault *f)
{
    struct rp_err err = {0};
    enum call what;
    history_prepare(h, s);
    calls_arm(h->dir, f);
    bool ok = history_step(h, s, &err);
    if (!ok && f->lasting)
        still_refused(h, f, s->name);
    size_t failed = calls_disarm(&what);
    if (failed == 0 && !ok)
        fail_msg("%s: %s", s->name, err.message);
    disk.borne += ok && failed > 0;
    if (!ok) {
        refusal(&err, f, what, s->name);
        if (!f->lasting)
            distrust(h, f, what);
        recovers(h, s, f, what);
    }
    return failed > 0;
}

static int64_t step_bears_all(const struct step *s, int which)
{
    struct history *h = history_new(disk.parent);
    int64_t n = 1;
    OK(history_open(h, err));
    history_begin(h);
    for (;; n++) {
        struct fault f = fault_of(which >= 0 ? which : (int)help_roll(&disk.dice, CASES), n);
        if (!step_bears(h, s, &f))
            break;
    }
    char why[HISTORY_WHY];
    if (!history_kept(h, h->db, why))
        fail_msg("%s: %s", s->name, why);
    history_free(h);
    return n;
}

static bool seen_before(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (history_steps[k] == history_steps[i])
            return true;
    return false;
}

static void G6_each_failing_call_of_each_step_is_refused_clearly_and_loses_nothing(void **state)
{
    int64_t calls = 0;
    (void)state;
    for (size_t i = 0; i < history_steps_n; i++)
        for (int c = disk.all ? 0 : CASES - 1; c < CASES && !seen_before(i); c++)
            calls += step_bears_all(history_steps[i], disk.all ? c : -1);
    print_message("disk: %lld calls, %zu refused, %zu borne\n", (long long)calls, disk.refused,
                  disk.borne);
    assert_true(disk.refused > 100);
}

/* ---- opening a new store ---- */

/* Below a folder that is made, too. */
static struct history *closed_history(void)
{
    struct history *h = history_new(disk.parent);
    (void)snprintf(h->path, sizeof h->path, "%s/new/s.db", h->dir);
    return h;
}

static bool opening_bears(const struct fault *f)
{
    struct history *h = closed_history();
    struct rp_err err = {0};
    enum call what;
    char why[HISTORY_WHY];
    calls_arm(h->dir, f);
    bool ok = history_open(h, &err);
    size_t failed = calls_disarm(&what);
    disk.borne += ok && failed > 0;
    if (!ok) {
        refusal(&err, f, what, "opening");
        if (!history_open(h, &err))
            fail_msg("%s: does not open afterwards: %s", words(f, what), err.message);
    }
    history_begin(h);
    history_play(h, history_steps[0]);
    if (!history_kept(h, h->db, why))
        fail_msg("opening, %s: %s", words(f, what), why);
    history_free(h);
    return failed > 0;
}

static void G6_each_failing_call_of_opening_a_new_store_is_refused_clearly(void **state)
{
    int64_t n = 1;
    (void)state;
    for (int c = disk.all ? 0 : CASES - 1; c < CASES; c++)
        for (n = 1;; n++) {
            struct fault f = fault_of(disk.all ? c : (int)help_roll(&disk.dice, CASES), n);
            if (!opening_bears(&f))
                break;
        }
    print_message("disk: an opening makes %lld calls\n", (long long)n - 1);
    assert_true(n > 100);
}

/* A folder or file that was only made is not there after a power loss: its name is, once the folder
 * around it was synced. */
static void G1_the_names_of_a_new_store_are_synced_before_anything_is_acknowledged(void **state)
{
    (void)state;
    struct history *h = closed_history();
    char folder[128];
    (void)snprintf(folder, sizeof folder, "%s/new", h->dir);
    calls_arm(h->dir, &(struct fault){0});
    OK(history_open(h, err));
    history_begin(h);
    history_play(h, history_steps[0]);
    (void)calls_disarm(NULL);
    assert_true(calls_folder_synced(folder));
    assert_true(calls_folder_synced(h->dir));
    history_free(h);
}

/* ---- beside the writer ---- */

static void G6_a_reader_that_could_not_read_reads_again(void **state)
{
    (void)state;
    struct history *h = history_new(disk.parent);
    struct fault f = {.nth = 1, .lasting = true, .only = 1 << CALL_READ, .error = EIO};
    struct rp_err why;
    int64_t n;
    OK(history_open(h, err));
    history_begin(h);
    history_play(h, history_steps[0]);
    struct rp_db *reader = rp_store_reader(h->store, &why);
    assert_non_null(reader);
    OK(rp_tx_begin(h->db, err)); /* the writer is at work meanwhile */
    calls_arm(h->dir, &f);
    assert_false(rp_tx_begin(reader, &why) &&
                 rp_jobs_count(reader, &(struct rp_job_filter){0}, &n, &why));
    assert_true(calls_disarm(NULL) > 0);
    assert_int_equal(why.code, RP_E_STORE_IO);
    rp_tx_rollback(reader);
    OK(rp_tx_begin(reader, err));
    OK(rp_jobs_count(reader, &(struct rp_job_filter){0}, &n, err));
    assert_int_equal(n, 7);
    rp_tx_rollback(reader);
    rp_tx_rollback(h->db);
    rp_db_close(reader);
    history_free(h);
}

/* ---- backups ---- */

static void copy_is_whole(const char *path)
{
    struct rp_buf findings = {0};
    struct rp_store *s;
    OK(rp_store_open(path, &s, err));
    OK(rp_store_check(rp_store_writer(s), &findings, err));
    rp_store_close(s);
    rp_buf_free(&findings);
}

static bool backup_bears(struct history *h, const struct fault *f)
{
    struct rp_err why_not = {0};
    enum call what;
    char copy[128], why[HISTORY_WHY];
    (void)snprintf(copy, sizeof copy, "%s/copy.db", h->dir);
    calls_arm(h->dir, f);
    bool ok = rp_store_backup(h->db, copy, &why_not);
    size_t failed = calls_disarm(&what);
    if (ok && f->lasting && failed > 0)
        fail_msg("backup, %s: and it says that all went well", words(f, what));
    if (ok)
        copy_is_whole(copy);
    if (!ok && (why_not.message[0] == '\0' || why_not.hint[0] == '\0'))
        fail_msg("backup, %s: %s (%s): says too little", words(f, what), why_not.message,
                 why_not.hint);
    if (!ok && access(copy, F_OK) == 0 && what != CALL_UNLINK && !f->lasting)
        fail_msg("backup, %s: half a copy stays", words(f, what));
    (void)unlink(copy);
    (void)snprintf(copy, sizeof copy, "%s/copy.db-journal", h->dir);
    if (access(copy, F_OK) == 0 && what != CALL_UNLINK && !f->lasting)
        fail_msg("backup, %s: its journal stays", words(f, what));
    OK(rp_tx_begin(h->db, err));
    OK(rp_store_probe(h->db, h->is.now, err));
    OK(rp_tx_commit(h->db, err));
    if (!history_kept(h, h->db, why))
        fail_msg("backup, %s: %s", words(f, what), why);
    return failed > 0;
}

static void G7_each_failing_call_of_a_backup_is_refused_and_leaves_no_half_copy(void **state)
{
    (void)state;
    struct history *h = history_new(disk.parent);
    int64_t n = 1;
    OK(history_open(h, err));
    history_begin(h);
    history_play(h, history_steps[0]);
    for (int c = disk.all ? 0 : CASES - 1; c < CASES; c++)
        for (n = 1;; n++) {
            struct fault f = fault_of(disk.all ? c : (int)help_roll(&disk.dice, CASES), n);
            if (!backup_bears(h, &f))
                break;
        }
    print_message("disk: a backup makes %lld calls\n", (long long)n - 1);
    assert_true(n > 20);
    history_free(h);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G6_each_failing_call_of_each_step_is_refused_clearly_and_loses_nothing),
        cmocka_unit_test(G6_each_failing_call_of_opening_a_new_store_is_refused_clearly),
        cmocka_unit_test(G1_the_names_of_a_new_store_are_synced_before_anything_is_acknowledged),
        cmocka_unit_test(G6_a_reader_that_could_not_read_reads_again),
        cmocka_unit_test(G7_each_failing_call_of_a_backup_is_refused_and_leaves_no_half_copy),
    };
    return FAULTS_RUN(tests, argc, argv, ask);
}
