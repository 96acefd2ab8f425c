/* Writing a backup. */
#include "replay/backup.h"

#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

enum { LEVEL = 3, OUT_BYTES = 1 << 17 };

struct rp_backup_out {
    struct rp_arena arena;
    const char *path, *part; /* part: its name until it is whole */
    int fd;
    ZSTD_CCtx *zstd;
    crypto_hash_sha256_state inside, file;
    int64_t jobs, rows;
    char out[OUT_BYTES];
};

static bool fail_file(const char *path, int e, struct rp_err *err)
{
    bool room = e == ENOSPC || e == EDQUOT || e == EFBIG;
    (void)rp_fail(err, RP_E_IO, "the backup %s cannot be written: %s", path, strerror(e));
    return rp_hint(err, room ? "free space, or name a file on another disk"
                             : "check the folder and who may write it, or name another file");
}

static bool write_all(struct rp_backup_out *b, const char *p, size_t n, struct rp_err *err)
{
    (void)crypto_hash_sha256_update(&b->file, (const unsigned char *)p, n);
    while (n > 0) {
        ssize_t w = write(b->fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return fail_file(b->path, w < 0 ? errno : ENOSPC, err);
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static bool pack(struct rp_backup_out *b, const void *p, size_t n, ZSTD_EndDirective how,
                 struct rp_err *err)
{
    ZSTD_inBuffer in = {p, n, 0};
    for (;;) {
        ZSTD_outBuffer out = {b->out, sizeof b->out, 0};
        size_t left = ZSTD_compressStream2(b->zstd, &out, &in, how);
        if (ZSTD_isError(left))
            return rp_fail(err, RP_E_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
        if (!write_all(b, b->out, out.pos, err))
            return false;
        if (how == ZSTD_e_continue ? in.pos == in.size : left == 0)
            return true;
    }
}

static bool put(struct rp_backup_out *b, const void *p, size_t n, struct rp_err *err)
{
    (void)crypto_hash_sha256_update(&b->inside, p, n);
    return pack(b, p, n, ZSTD_e_continue, err);
}

static void put_number(unsigned char *to, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(v >> (8 * i));
}

static bool record(struct rp_backup_out *b, char kind, struct rp_str what, struct rp_err *err)
{
    unsigned char head[5] = {(unsigned char)kind};
    put_number(head + 1, what.n, 4);
    return put(b, head, sizeof head, err) && put(b, what.p, what.n, err);
}

static bool header(struct rp_backup_out *b, const struct rp_backup_about *about, struct rp_err *err)
{
    struct rp_buf buf = {0};
    struct rp_jw w = {.out = &buf};
    rp_jw_object(&w);
    rp_jw_m_i64(&w, "format", RP_BACKUP_FORMAT);
    rp_jw_m_str(&w, "store", about->store);
    rp_jw_m_i64(&w, "purge", about->purge_id);
    rp_jw_m_str(&w, "what", about->what);
    rp_jw_m_time(&w, "created_at", about->created_us);
    rp_jw_m_cstr(&w, "made_by", "reprise " RP_VERSION);
    rp_jw_key(&w, "tables");
    rp_jw_object(&w);
    for (int t = 0; t < RP_ROWS_TABLES; t++)
        rp_jw_m_cstr(&w, rp_rows_tables[t].name, rp_rows_tables[t].columns);
    rp_jw_object_end(&w);
    rp_jw_object_end(&w);
    bool ok = put(b, RP_BACKUP_MAGIC, sizeof RP_BACKUP_MAGIC - 1, err) &&
              record(b, 'H', rp_buf_view(&buf), err);
    rp_buf_free(&buf);
    return ok;
}

static const char *part_name(struct rp_arena *a, const char *path, int64_t purge_id)
{
    return rp_cstr(a, rp_str_fmt(a, "%s.part%lld", path, (long long)purge_id));
}

static bool open_part(struct rp_backup_out *b, struct rp_err *err)
{
    if (access(b->path, F_OK) == 0) {
        (void)rp_fail(err, RP_E_CONFLICT, "the backup %s exists", b->path);
        return rp_hint(err, "name a new file: backups are never overwritten");
    }
    b->fd = open(b->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return b->fd >= 0 || fail_file(b->path, errno, err);
}

bool rp_backup_create(const char *path, const struct rp_backup_about *about,
                      struct rp_backup_out **out, struct rp_err *err)
{
    struct rp_backup_out *b = rp_xcalloc(1, sizeof *b);
    b->path = rp_cstr(&b->arena, rp_str_of(path));
    b->part = part_name(&b->arena, path, about->purge_id);
    b->fd = -1;
    b->zstd = ZSTD_createCCtx();
    (void)crypto_hash_sha256_init(&b->inside);
    (void)crypto_hash_sha256_init(&b->file);
    bool ok = b->zstd != NULL || rp_fail(err, RP_E_INTERNAL, "no memory for zstd");
    if (ok) {
        (void)ZSTD_CCtx_setParameter(b->zstd, ZSTD_c_compressionLevel, LEVEL);
        (void)ZSTD_CCtx_setParameter(b->zstd, ZSTD_c_checksumFlag, 1);
    }
    if (ok && open_part(b, err) && header(b, about, err)) {
        *out = b;
        return true;
    }
    rp_backup_drop(b);
    return false;
}

bool rp_backup_row(struct rp_backup_out *b, struct rp_str row, struct rp_err *err)
{
    b->rows++;
    return record(b, 'R', row, err);
}

bool rp_backup_job(struct rp_backup_out *b, int64_t job_id, const struct rp_job_digest *digest,
                   struct rp_err *err)
{
    unsigned char end[16 + RP_DIGEST_BYTES];
    put_number(end, (uint64_t)job_id, 8);
    put_number(end + 8, (uint64_t)digest->rows, 8);
    memcpy(end + 16, digest->sha256, RP_DIGEST_BYTES);
    b->jobs++;
    return record(b, 'J', (struct rp_str){(const char *)end, sizeof end}, err);
}

static bool end_record(struct rp_backup_out *b, struct rp_err *err)
{
    unsigned char end[16 + RP_DIGEST_BYTES];
    put_number(end, (uint64_t)b->jobs, 8);
    put_number(end + 8, (uint64_t)b->rows, 8);
    (void)crypto_hash_sha256_final(&b->inside, end + 16);
    return record(b, 'E', (struct rp_str){(const char *)end, sizeof end}, err) &&
           pack(b, NULL, 0, ZSTD_e_end, err);
}

/* The name in its folder survives a power loss too. */
static bool sync_folder(struct rp_backup_out *b, struct rp_err *err)
{
    const char *slash = strrchr(b->path, '/');
    const char *folder =
        slash == NULL
            ? "."
            : rp_cstr(&b->arena,
                      (struct rp_str){b->path, slash == b->path ? 1 : (size_t)(slash - b->path)});
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int e = errno;
    if (fd >= 0)
        (void)close(fd);
    return ok || fail_file(b->path, e, err);
}

/* The pages leave the cache, so that what is read back comes from the disk. */
static bool name_it(struct rp_backup_out *b, struct rp_err *err)
{
    if (fsync(b->fd) != 0)
        return fail_file(b->path, errno, err);
    (void)posix_fadvise(b->fd, 0, 0, POSIX_FADV_DONTNEED);
    if (renameat2(AT_FDCWD, b->part, AT_FDCWD, b->path, RENAME_NOREPLACE) != 0)
        return fail_file(b->path, errno, err);
    return sync_folder(b, err);
}

bool rp_backup_finish(struct rp_backup_out *b, char sha256[RP_SHA256_HEX], struct rp_err *err)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    bool ok = end_record(b, err) && name_it(b, err);
    (void)crypto_hash_sha256_final(&b->file, digest);
    (void)sodium_bin2hex(sha256, RP_SHA256_HEX, digest, sizeof digest);
    rp_backup_drop(b);
    return ok;
}

void rp_backup_drop(struct rp_backup_out *b)
{
    if (b == NULL)
        return;
    if (b->fd >= 0) {
        (void)close(b->fd);
        (void)unlink(b->part); /* gone already if it got its name */
    }
    (void)ZSTD_freeCCtx(b->zstd);
    rp_arena_free(&b->arena);
    free(b);
}

void rp_backup_sweep(const char *path, int64_t purge_id)
{
    struct rp_arena a = {0};
    (void)unlink(part_name(&a, path, purge_id));
    rp_arena_free(&a);
}
