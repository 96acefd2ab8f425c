/* Reading a backup. What it says of itself is checked before it is handed on. */
#include "replay/backup.h"

#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { CHUNK = 1 << 17, HEADER_MAX = 1 << 16, END_BYTES = 16 + RP_DIGEST_BYTES };

struct rp_backup_in {
    struct rp_arena arena;
    struct rp_backup_about about;
    const char *name;
    int fd;
    ZSTD_DCtx *zstd;
    ZSTD_inBuffer in;
    bool frame_ended, file_ended;
    size_t at, n; /* of `out`: what is unpacked and not taken yet */
    crypto_hash_sha256_state inside, file;
    struct rp_buf record;
    struct rp_digesting rows; /* of the job that is being read */
    int64_t job_id, before;   /* that job; the one before it */
    int table;                /* of its newest row */
    int64_t jobs_n, rows_n;
    char packed[CHUNK], out[CHUNK];
};

/* ---- bytes ---- */

static bool damaged(struct rp_backup_in *b, const char *what, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_BACKUP, "the backup %s is damaged: %s", b->name, what);
    return rp_hint(err, "use another copy of the file");
}

static bool read_packed(struct rp_backup_in *b, struct rp_err *err)
{
    ssize_t n;
    do
        n = read(b->fd, b->packed, sizeof b->packed);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return rp_fail(err, RP_E_IO, "the backup %s cannot be read: %s", b->name, strerror(errno));
    (void)crypto_hash_sha256_update(&b->file, (const unsigned char *)b->packed, (size_t)n);
    b->in = (ZSTD_inBuffer){b->packed, (size_t)n, 0};
    b->file_ended = n == 0;
    return true;
}

/* Unpacks some more; at the end nothing comes. */
static bool unpack(struct rp_backup_in *b, struct rp_err *err)
{
    ZSTD_outBuffer out = {b->out, sizeof b->out, 0};
    b->at = b->n = 0;
    while (out.pos == 0 && !b->frame_ended) {
        if (b->in.pos == b->in.size && !b->file_ended && !read_packed(b, err))
            return false;
        size_t before = b->in.pos, left = ZSTD_decompressStream(b->zstd, &out, &b->in);
        if (ZSTD_isError(left))
            return damaged(b, ZSTD_getErrorName(left), err);
        b->frame_ended = left == 0;
        if (b->file_ended && out.pos == 0 && b->in.pos == before && !b->frame_ended)
            return damaged(b, "it is cut off", err);
    }
    b->n = out.pos;
    return true;
}

/* Exactly n bytes into the record's buffer, which grows only as bytes come. */
static bool take(struct rp_backup_in *b, size_t n, struct rp_err *err)
{
    b->record.n = 0;
    while (b->record.n < n) {
        if (b->at == b->n && !unpack(b, err))
            return false;
        if (b->at == b->n)
            return damaged(b, "it is cut off", err);
        size_t some = b->n - b->at, want = n - b->record.n;
        rp_buf_add(&b->record, b->out + b->at, some < want ? some : want);
        b->at += some < want ? some : want;
    }
    return true;
}

static void count_in(struct rp_backup_in *b)
{
    (void)crypto_hash_sha256_update(&b->inside, (const unsigned char *)b->record.p, b->record.n);
}

static uint64_t number(const char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

/* The next record is in b->record. The end's is no part of what it vouches for. */
static bool read_record(struct rp_backup_in *b, char *kind, struct rp_err *err)
{
    char head[5];
    if (!take(b, sizeof head, err))
        return false;
    memcpy(head, b->record.p, sizeof head);
    uint64_t n = number(head + 1, 4);
    uint64_t most = head[0] == 'R' ? (uint64_t)RP_ROW_MAX : HEADER_MAX;
    *kind = head[0];
    if (n > most)
        return damaged(b, "a record is too long", err);
    if (*kind != 'E')
        count_in(b);
    if (!take(b, (size_t)n, err))
        return false;
    if (*kind != 'E')
        count_in(b);
    return true;
}

/* ---- header ---- */

static bool about_field(struct rp_backup_in *b, struct rp_json *r, int field, bool *tables)
{
    struct rp_str key, columns;
    switch (field) {
    case 0:
        return rp_json_i64(r, &b->about.format);
    case 1:
        return rp_json_str(r, &b->about.store);
    case 2:
        return rp_json_i64(r, &b->about.purge_id);
    case 3:
        return rp_json_str(r, &b->about.what);
    case 4:
        return rp_json_time(r, &b->about.created_us);
    case 5:
        return rp_json_skip(r);
    default:
        break;
    }
    int n = 0;
    (void)rp_json_object(r);
    for (*tables = true; rp_json_member(r, &key) && rp_json_str(r, &columns); n++)
        *tables = *tables && n < RP_ROWS_TABLES && rp_str_is(key, rp_rows_tables[n].name) &&
                  rp_str_is(columns, rp_rows_tables[n].columns);
    *tables = *tables && n == RP_ROWS_TABLES;
    return !r->failed;
}

static bool read_header(struct rp_backup_in *b, struct rp_err *err)
{
    static const char *const fields[] = {"format",     "store",   "purge",  "what",
                                         "created_at", "made_by", "tables", NULL};
    struct rp_json r;
    struct rp_err why;
    uint64_t seen = 0;
    bool tables = false;
    char kind;
    if (!take(b, sizeof RP_BACKUP_MAGIC - 1, err) ||
        memcmp(b->record.p, RP_BACKUP_MAGIC, b->record.n) != 0)
        return rp_fail(err, RP_E_BACKUP, "%s is not a backup of a purge", b->name);
    count_in(b);
    if (!read_record(b, &kind, err))
        return false;
    rp_json_open(&r, rp_str_dup(&b->arena, rp_buf_view(&b->record)), &b->arena);
    (void)rp_json_object(&r);
    for (int f; (f = rp_json_field(&r, fields, &seen)) >= 0;)
        if (!about_field(b, &r, f, &tables))
            break;
    if (kind != 'H' || !rp_json_done(&r, &why) || b->about.purge_id <= 0)
        return damaged(b, "its header cannot be read", err);
    if (b->about.format == RP_BACKUP_FORMAT && tables)
        return true;
    (void)rp_fail(err, RP_E_BACKUP, "the backup %s was written by another version", b->name);
    return rp_hint(err, "restore it with the version that wrote it: zstd -dc FILE | head -c 400");
}

bool rp_backup_open(int fd, const char *name, struct rp_backup_in **in, struct rp_err *err)
{
    struct rp_backup_in *b = rp_xcalloc(1, sizeof *b);
    b->name = rp_cstr(&b->arena, rp_str_of(name));
    b->fd = fd;
    b->in = (ZSTD_inBuffer){b->packed, 0, 0};
    b->zstd = ZSTD_createDCtx();
    (void)crypto_hash_sha256_init(&b->inside);
    (void)crypto_hash_sha256_init(&b->file);
    if ((b->zstd != NULL || rp_fail(err, RP_E_INTERNAL, "no memory for zstd")) &&
        read_header(b, err)) {
        *in = b;
        return true;
    }
    rp_backup_close(b);
    return false;
}

const struct rp_backup_about *rp_backup_of(const struct rp_backup_in *b)
{
    return &b->about;
}

void rp_backup_close(struct rp_backup_in *b)
{
    if (b == NULL)
        return;
    (void)close(b->fd);
    (void)ZSTD_freeDCtx(b->zstd);
    rp_buf_free(&b->record);
    rp_arena_free(&b->arena);
    free(b);
}

/* ---- records ---- */

/* Jobs rise by id; a job's own row is its first, its attempts come before its outputs. */
static enum rp_backup_part row(struct rp_backup_in *b, struct rp_backup_item *item,
                               struct rp_err *err)
{
    int table;
    int64_t job;
    bool ok = rp_job_row_valid(rp_buf_view(&b->record), &table, &job);
    if (ok && b->job_id == 0) {
        ok = table == 0 && job > b->before;
        b->job_id = job;
        rp_digest_begin(&b->rows);
    } else {
        ok = ok && table > 0 && table >= b->table && job == b->job_id;
    }
    if (!ok) {
        (void)damaged(b, "a row is not where it should be", err);
        return RP_BACKUP_ERROR;
    }
    b->table = table;
    b->rows_n++;
    rp_digest_row(&b->rows, rp_buf_view(&b->record));
    item->row = rp_buf_view(&b->record);
    item->job_id = b->job_id;
    return RP_BACKUP_ROW;
}

static enum rp_backup_part job(struct rp_backup_in *b, struct rp_backup_item *item,
                               struct rp_err *err)
{
    const char *p = b->record.p;
    bool ok = b->record.n == END_BYTES && b->job_id > 0;
    if (ok) {
        rp_digest_end(&b->rows);
        ok = (int64_t)number(p, 8) == b->job_id &&
             (int64_t)number(p + 8, 8) == b->rows.digest.rows &&
             memcmp(p + 16, b->rows.digest.sha256, RP_DIGEST_BYTES) == 0;
    }
    if (!ok) {
        (void)damaged(b, "the rows of a job are not those that were written", err);
        return RP_BACKUP_ERROR;
    }
    item->job_id = b->before = b->job_id;
    item->digest = b->rows.digest;
    b->job_id = 0;
    b->jobs_n++;
    return RP_BACKUP_JOB;
}

/* Nothing may follow: a second stream would be something that nobody vouches for. */
static bool at_end(struct rp_backup_in *b, struct rp_err *err)
{
    if (b->at == b->n && !b->frame_ended && !unpack(b, err))
        return false;
    if (b->at != b->n)
        return false;
    if (b->in.pos == b->in.size && !b->file_ended && !read_packed(b, err))
        return false;
    return b->frame_ended && b->in.pos == b->in.size && b->file_ended;
}

static enum rp_backup_part end(struct rp_backup_in *b, struct rp_backup_item *item,
                               struct rp_err *err)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    const char *p = b->record.p;
    (void)crypto_hash_sha256_final(&b->inside, digest);
    if (b->record.n != END_BYTES || b->job_id != 0 || (int64_t)number(p, 8) != b->jobs_n ||
        (int64_t)number(p + 8, 8) != b->rows_n || memcmp(p + 16, digest, sizeof digest) != 0 ||
        !at_end(b, err)) {
        (void)damaged(b, "its checksum does not hold", err);
        return RP_BACKUP_ERROR;
    }
    item->jobs = b->jobs_n;
    item->rows = b->rows_n;
    (void)crypto_hash_sha256_final(&b->file, digest);
    (void)sodium_bin2hex(item->sha256, sizeof item->sha256, digest, sizeof digest);
    return RP_BACKUP_END;
}

enum rp_backup_part rp_backup_next(struct rp_backup_in *b, struct rp_backup_item *item,
                                   struct rp_err *err)
{
    char kind;
    if (!read_record(b, &kind, err))
        return RP_BACKUP_ERROR;
    switch (kind) {
    case 'R':
        return row(b, item, err);
    case 'J':
        return job(b, item, err);
    case 'E':
        return end(b, item, err);
    default:
        (void)damaged(b, "it has a record of an unknown kind", err);
        return RP_BACKUP_ERROR;
    }
}

int rp_backup_file(const char *path, struct rp_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        bool none = errno == ENOENT;
        (void)rp_fail(err, none ? RP_E_NOT_FOUND : RP_E_IO, "the backup %s cannot be read: %s",
                      path, strerror(errno));
        if (none)
            (void)rp_hint(err, "reprise purge list shows the backups that were made");
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    (void)close(fd);
    (void)rp_fail(err, RP_E_BACKUP, "%s is not a plain file", path);
    return -1;
}
