#undef _FORTIFY_SOURCE /* its versions of these functions are inline */
#include "disk_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    char folder[128];
    struct fault fault;
    bool armed;
    int64_t seen;
    size_t failed;
    enum call first;
    char changed[16][PATH_MAX]; /* folders with a new name in them that was not synced */
    size_t n_changed;
} calls;

void calls_arm(const char *folder, const struct fault *f)
{
    memset(&calls, 0, sizeof calls);
    (void)snprintf(calls.folder, sizeof calls.folder, "%s", folder);
    calls.fault = *f;
    calls.armed = true;
}

size_t calls_disarm(enum call *what)
{
    calls.armed = false;
    if (what != NULL)
        *what = calls.first;
    return calls.failed;
}

const char *call_name(enum call c)
{
    static const char *const names[] = {
#define X(sym, name) name,
        CALLS(X)
#undef X
    };
    return names[c];
}

/* ---- which calls count ---- */

static bool below(const char *path)
{
    size_t n = strlen(calls.folder);
    return strncmp(path, calls.folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static const char *path_of(int fd, char buf[PATH_MAX])
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buf, PATH_MAX - 1);
    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

static bool fails(enum call c, const char *path)
{
    unsigned count = calls.fault.only != 0 ? calls.fault.only : ~(1u << CALL_READ);
    if (!calls.armed || (count >> c & 1) == 0 || !below(path))
        return false;
    calls.seen++;
    if (calls.fault.lasting ? calls.seen < calls.fault.nth : calls.seen != calls.fault.nth)
        return false;
    if (calls.failed++ == 0)
        calls.first = c;
    errno = calls.fault.error != 0 ? calls.fault.error : ENOSPC;
    return true;
}

static bool fails_fd(enum call c, int fd)
{
    char buf[PATH_MAX];
    return calls.armed && fails(c, path_of(fd, buf));
}

/* ---- folders ---- */

static void parent_changed(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (calls.armed && slash != NULL && below(path) && calls.n_changed < 16)
        (void)snprintf(calls.changed[calls.n_changed++], PATH_MAX, "%.*s", (int)(slash - path),
                       path);
}

static void folder_synced(const char *path)
{
    for (size_t i = 0; i < calls.n_changed; i++)
        if (strcmp(calls.changed[i], path) == 0)
            calls.changed[i][0] = '\0';
}

bool calls_folder_synced(const char *folder)
{
    for (size_t i = 0; i < calls.n_changed; i++)
        if (strcmp(calls.changed[i], folder) == 0)
            return false;
    return true;
}

/* ---- the calls ---- */

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    return fails_fd(CALL_READ, fd) ? -1 : syscall(SYS_pread64, fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
    return pread(fd, p, n, at);
}

static ssize_t write_some(int fd, const void *p, size_t n, int64_t at)
{
    return at < 0 ? syscall(SYS_write, fd, p, n) : syscall(SYS_pwrite64, fd, p, n, at);
}

static ssize_t write_at(int fd, const void *p, size_t n, int64_t at)
{
    if (!fails_fd(CALL_WRITE, fd))
        return write_some(fd, p, n, at);
    if (calls.fault.error != 0)
        return -1;
    return n > 1 ? write_some(fd, p, n / 2, at) : 0;
}

ssize_t write(int fd, const void *p, size_t n)
{
    return write_at(fd, p, n, -1);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return write_at(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    return write_at(fd, p, n, at);
}

int fsync(int fd)
{
    char buf[PATH_MAX];
    if (fails_fd(CALL_SYNC, fd))
        return -1;
    if (calls.armed)
        folder_synced(path_of(fd, buf));
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fsync(fd);
}

int ftruncate(int fd, off_t n)
{
    return fails_fd(CALL_RESIZE, fd) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int ftruncate64(int fd, off64_t n)
{
    return ftruncate(fd, n);
}

static int open_it(const char *path, int flags, unsigned mode)
{
    if (fails(CALL_OPEN, path))
        return -1;
    bool is_new = (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
    if (fd >= 0 && is_new)
        parent_changed(path);
    return fd;
}

static unsigned mode_of(int flags, va_list ap)
{
    return (flags & O_CREAT) != 0 ? va_arg(ap, unsigned) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    unsigned mode = mode_of(flags, ap);
    va_end(ap);
    return open_it(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    unsigned mode = mode_of(flags, ap);
    va_end(ap);
    return open_it(path, flags, mode);
}

int unlink(const char *path)
{
    return fails(CALL_UNLINK, path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode)
{
    if (fails(CALL_MKDIR, path))
        return -1;
    int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (rc == 0)
        parent_changed(path);
    return rc;
}
