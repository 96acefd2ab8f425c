/* The backup's format: what was written is read, and nothing else is. */
#include "replay_world.h"

#include "replay/backup.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

static const char *file(struct world *w, const char *name)
{
    return rp_cstr(&w->arena, rp_str_fmt(&w->arena, "%s/%s", w->dir, name));
}

static const struct rp_backup_about about = {
    .purge_id = 3, .store = {"store-1", 7}, .what = {"jobs", 4}, .created_us = 1767225600000000};

static bool add_row(void *ctx, struct rp_str row, struct rp_err *err)
{
    return rp_backup_row(ctx, row, err);
}

static void add_job(struct world *w, struct rp_backup_out *out, int64_t id)
{
    struct rp_job_digest digest;
    OK(rp_job_rows_each(w->db, id, add_row, out, &digest, err));
    OK(rp_backup_job(out, id, &digest, err));
}

/* Three failed jobs with an attempt each, of which one has an output. */
static void some_jobs(struct world *w)
{
    configure(w, "jobs: { t: { run: [true], idempotent: true, retries: 0 } }");
    fail_many(w, "t", 3);
    (void)query(w, "insert into output(job_id, n, packed) values(2, 1, x'00ff00')", 0, 0);
}

static void write_backup(struct world *w, const char *path, char sha256[RP_SHA256_HEX])
{
    struct rp_backup_out *out;
    OK(rp_backup_create(path, &about, &out, err));
    for (int64_t id = 1; id <= 3; id++)
        add_job(w, out, id);
    OK(rp_backup_finish(out, sha256, err));
}

/* Reads to the end; the number of rows, or the code that refused as a negative number. */
static int64_t read_all(int fd, struct rp_backup_item *item)
{
    struct rp_backup_in *in;
    struct rp_err err = {0};
    enum rp_backup_part part;
    int64_t rows = 0;
    if (!rp_backup_open(fd, "b", &in, &err))
        return -(int64_t)err.code;
    while ((part = rp_backup_next(in, item, &err)) != RP_BACKUP_END && part != RP_BACKUP_ERROR)
        rows += part == RP_BACKUP_ROW;
    rp_backup_close(in);
    return part == RP_BACKUP_END ? rows : -(int64_t)err.code;
}

static int64_t read_file_of(const char *path)
{
    struct rp_backup_item item;
    struct rp_err err;
    int fd = rp_backup_file(path, &err);
    return fd < 0 ? -(int64_t)err.code : read_all(fd, &item);
}

static int64_t read_bytes(const char *p, size_t n)
{
    struct rp_backup_item item;
    int fd = memfd_create("backup", MFD_CLOEXEC);
    assert_true(fd >= 0 && write(fd, p, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
    return read_all(fd, &item);
}

static struct rp_str bytes_of(struct world *w, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    char *p = rp_alloc(&w->arena, (size_t)st.st_size + 1);
    assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
    (void)close(fd);
    return (struct rp_str){p, (size_t)st.st_size};
}

static void what_was_written_is_read_row_by_row_with_its_digests(void **state)
{
    struct world *w = *state;
    char sha256[RP_SHA256_HEX];
    struct rp_backup_in *in;
    struct rp_backup_item item;
    struct rp_err why;
    struct stat st;
    const char *path = file(w, "b");
    some_jobs(w);
    write_backup(w, path, sha256);
    assert_true(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    int fd = rp_backup_file(path, &why);
    OK(rp_backup_open(fd, path, &in, err));
    assert_int_equal(rp_backup_of(in)->purge_id, 3);
    assert_true(rp_str_is(rp_backup_of(in)->store, "store-1"));
    for (int64_t id = 1; id <= 3; id++) {
        struct rp_job_digest digest;
        OK(rp_job_rows_each(w->db, id, NULL, NULL, &digest, err));
        assert_int_equal(digest.rows, id == 2 ? 3 : 2);
        for (int64_t i = 0; i < digest.rows; i++) {
            assert_int_equal(rp_backup_next(in, &item, &why), RP_BACKUP_ROW);
            assert_int_equal(item.job_id, id);
        }
        assert_int_equal(rp_backup_next(in, &item, &why), RP_BACKUP_JOB);
        assert_memory_equal(item.digest.sha256, digest.sha256, sizeof digest.sha256);
    }
    assert_int_equal(rp_backup_next(in, &item, &why), RP_BACKUP_END);
    assert_int_equal(item.jobs, 3);
    assert_int_equal(item.rows, 7);
    assert_string_equal(item.sha256, sha256);
    rp_backup_close(in);
}

static void a_file_that_is_cut_anywhere_is_refused(void **state)
{
    struct world *w = *state;
    char sha256[RP_SHA256_HEX];
    some_jobs(w);
    write_backup(w, file(w, "b"), sha256);
    struct rp_str all = bytes_of(w, file(w, "b"));
    assert_int_equal(read_bytes(all.p, all.n), 7);
    for (size_t n = 0; n < all.n; n++)
        assert_int_equal(read_bytes(all.p, n), -RP_E_BACKUP);
    char *more = rp_alloc(&w->arena, 2 * all.n);
    memcpy(more, all.p, all.n);
    memcpy(more + all.n, all.p, all.n);
    assert_int_equal(read_bytes(more, all.n + 1), -RP_E_BACKUP);
    assert_int_equal(read_bytes(more, 2 * all.n), -RP_E_BACKUP);
}

/* What is inside, without its wrapping: each byte is vouched for by a digest of its own. */
static void a_file_of_which_any_inner_byte_differs_is_refused(void **state)
{
    struct world *w = *state;
    char sha256[RP_SHA256_HEX];
    some_jobs(w);
    write_backup(w, file(w, "b"), sha256);
    struct rp_str all = bytes_of(w, file(w, "b"));
    size_t cap = 1 << 16, n;
    char *inner = rp_alloc(&w->arena, cap), *packed = rp_alloc(&w->arena, cap);
    ZSTD_DCtx *d = ZSTD_createDCtx();
    ZSTD_inBuffer in = {all.p, all.n, 0};
    ZSTD_outBuffer out = {inner, cap, 0};
    assert_int_equal(ZSTD_decompressStream(d, &out, &in), 0);
    (void)ZSTD_freeDCtx(d);
    for (size_t i = 0; i < out.pos; i++) {
        inner[i] = (char)(inner[i] ^ 1 << (i % 8));
        n = ZSTD_compress(packed, cap, inner, out.pos, 1);
        int64_t rows = read_bytes(packed, n);
        if (rows != -RP_E_BACKUP)
            fail_msg("byte %zu of %zu: %lld", i, out.pos, (long long)rows);
        inner[i] = (char)(inner[i] ^ 1 << (i % 8));
    }
    n = ZSTD_compress(packed, cap, inner, out.pos, 1);
    assert_int_equal(read_bytes(packed, n), 7);
}

/* Files whose own checksum holds, because this writer was told nonsense. */

struct collected {
    struct rp_arena *a;
    struct rp_str row[8];
    size_t n;
};

static bool collect(void *ctx, struct rp_str row, struct rp_err *err)
{
    struct collected *c = ctx;
    (void)err;
    c->row[c->n++] = rp_str_dup(c->a, row);
    return true;
}

/* Rows of one job by their places in what the store has, under its digest or another. */
static int64_t told(struct world *w, int64_t id, const char *places, bool right_digest)
{
    static int n;
    struct collected c = {.a = &w->arena};
    struct rp_backup_out *out;
    struct rp_job_digest digest;
    char sha256[RP_SHA256_HEX];
    const char *path = file(w, rp_str_fmt(&w->arena, "told%d", n++).p);
    OK(rp_job_rows_each(w->db, id, collect, &c, &digest, err));
    OK(rp_job_rows_each(w->db, id == 1 ? 3 : 1, collect, &c, NULL, err));
    OK(rp_backup_create(path, &about, &out, err));
    struct rp_digesting d;
    rp_digest_begin(&d);
    for (const char *p = places; *p != '\0'; p++) {
        rp_digest_row(&d, c.row[*p - '0']);
        OK(rp_backup_row(out, c.row[*p - '0'], err));
    }
    rp_digest_end(&d);
    d.digest.sha256[5] ^= (unsigned char)!right_digest;
    OK(rp_backup_job(out, id, &d.digest, err));
    OK(rp_backup_finish(out, sha256, err));
    return read_file_of(path);
}

static void a_file_that_contradicts_itself_is_refused_though_its_checksum_holds(void **state)
{
    struct world *w = *state;
    struct rp_backup_out *out;
    char sha256[RP_SHA256_HEX];
    some_jobs(w);
    assert_int_equal(told(w, 2, "012", true), 3); /* job, attempt, output */
    assert_int_equal(told(w, 2, "012", false), -RP_E_BACKUP);
    assert_int_equal(told(w, 2, "102", true), -RP_E_BACKUP);
    assert_int_equal(told(w, 2, "021", true), -RP_E_BACKUP);
    assert_int_equal(told(w, 2, "0012", true), -RP_E_BACKUP);
    assert_int_equal(told(w, 2, "014", true), -RP_E_BACKUP); /* another job's attempt */
    OK(rp_backup_create(file(w, "falling"), &about, &out, err));
    add_job(w, out, 2);
    add_job(w, out, 1);
    OK(rp_backup_finish(out, sha256, err));
    assert_int_equal(read_file_of(file(w, "falling")), -RP_E_BACKUP);
    OK(rp_backup_create(file(w, "open"), &about, &out, err));
    OK(rp_job_rows_each(w->db, 1, add_row, out, NULL, err));
    OK(rp_backup_finish(out, sha256, err));
    assert_int_equal(read_file_of(file(w, "open")), -RP_E_BACKUP);
    OK(rp_backup_create(file(w, "no-row"), &about, &out, err));
    OK(rp_backup_row(out, RP_STR("\x01\x02nonsense"), err));
    OK(rp_backup_finish(out, sha256, err));
    assert_int_equal(read_file_of(file(w, "no-row")), -RP_E_BACKUP);
}

static void a_backup_is_never_overwritten_and_leaves_nothing_when_it_fails(void **state)
{
    struct world *w = *state;
    char sha256[RP_SHA256_HEX];
    struct rp_backup_out *out;
    const char *path = file(w, "b"), *part = file(w, "b.part3");
    some_jobs(w);
    write_backup(w, path, sha256);
    struct rp_str before = bytes_of(w, path);
    FAILS(RP_E_CONFLICT, rp_backup_create(path, &about, &out, err));
    OK(rp_backup_create(file(w, "c"), &about, &out, err));
    add_job(w, out, 1);
    assert_int_equal(access(file(w, "c.part3"), F_OK), 0);
    rp_backup_drop(out);
    assert_int_not_equal(access(file(w, "c.part3"), F_OK), 0);
    assert_int_not_equal(access(file(w, "c"), F_OK), 0);
    /* somebody else made the file meanwhile */
    OK(rp_backup_create(file(w, "d"), &about, &out, err));
    assert_true(close(open(file(w, "d"), O_CREAT | O_WRONLY, 0600)) == 0);
    FAILS(RP_E_IO, rp_backup_finish(out, sha256, err));
    assert_int_equal(bytes_of(w, file(w, "d")).n, 0);
    assert_int_not_equal(access(part, F_OK), 0);
    assert_true(rp_str_eq(bytes_of(w, path), before));
    assert_int_equal(read_file_of(file(w, "none")), -RP_E_NOT_FOUND);
    assert_int_equal(read_file_of(w->dir), -RP_E_BACKUP);
    assert_true(symlink(path, file(w, "link")) == 0);
    assert_int_equal(read_file_of(file(w, "link")), -RP_E_IO);
}

/* Bytes that do not compress, so that the limit is met. */
static bool write_noise(struct rp_backup_out *out, struct rp_err *err)
{
    char noise[1 << 16];
    struct dice dice = {7};
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)help_roll(&dice, 256);
    for (int i = 0; i < 64; i++)
        if (!rp_backup_row(out, (struct rp_str){noise + i, sizeof noise - 64}, err))
            return false;
    return true;
}

static void a_disk_without_room_is_an_error_with_a_hint(void **state)
{
    struct world *w = *state;
    struct rp_backup_out *out;
    struct rp_err why = {0};
    struct rlimit before, small;
    (void)signal(SIGXFSZ, SIG_IGN);
    OK(rp_backup_create(file(w, "b"), &about, &out, err));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1 << 16;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool ok = write_noise(out, &why);
    rp_backup_drop(out);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    assert_int_equal(why.code, RP_E_IO);
    assert_non_null(strstr(why.hint, "free space"));
    assert_int_not_equal(access(file(w, "b"), F_OK), 0);
    assert_int_not_equal(access(file(w, "b.part3"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(what_was_written_is_read_row_by_row_with_its_digests),
        REPLAY_TEST(a_file_that_is_cut_anywhere_is_refused),
        REPLAY_TEST(a_file_of_which_any_inner_byte_differs_is_refused),
        REPLAY_TEST(a_file_that_contradicts_itself_is_refused_though_its_checksum_holds),
        REPLAY_TEST(a_backup_is_never_overwritten_and_leaves_nothing_when_it_fails),
        REPLAY_TEST(a_disk_without_room_is_an_error_with_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
