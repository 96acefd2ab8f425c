/* The reader of backups: the bytes as a file, as what is inside one, and as a single row. What it
 * hands on is in order and counted, whatever comes. */
#include "replay/backup.h"

#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

static int file_of(const void *p, size_t n)
{
    int fd = memfd_create("backup", MFD_CLOEXEC);
    if (fd < 0 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
        abort();
    return fd;
}

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void read_all(const void *p, size_t n)
{
    struct rp_backup_in *in;
    struct rp_backup_item item = {0};
    struct rp_err err;
    enum rp_backup_part part;
    int64_t jobs = 0, rows = 0, before = 0, job;
    int table;
    if (!rp_backup_open(file_of(p, n), "fuzz", &in, &err)) {
        expect(err.code == RP_E_BACKUP);
        return;
    }
    expect(rp_backup_of(in)->purge_id > 0);
    while ((part = rp_backup_next(in, &item, &err)) == RP_BACKUP_ROW || part == RP_BACKUP_JOB) {
        expect(item.job_id > before);
        if (part == RP_BACKUP_ROW) {
            expect(rp_job_row_valid(item.row, &table, &job) && job == item.job_id);
            rows++;
            continue;
        }
        before = item.job_id;
        jobs++;
    }
    expect(part == RP_BACKUP_END ? item.jobs == jobs && item.rows == rows
                                 : err.code == RP_E_BACKUP);
    rp_backup_close(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int table;
    int64_t job;
    expect(sodium_init() >= 0);
    read_all(data, size);
    size_t cap = ZSTD_compressBound(size);
    void *packed = malloc(cap);
    expect(packed != NULL);
    read_all(packed, ZSTD_compress(packed, cap, data, size, 1));
    free(packed);
    (void)rp_job_row_valid((struct rp_str){(const char *)data, size}, &table, &job);
    return 0;
}
