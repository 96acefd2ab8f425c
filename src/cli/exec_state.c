/* The state folder of `reprise exec`, and the locks on this machine. */
#include "cli/exec_internal.h"

#include "base/places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LEN = 256, HOLDER_LEN = 200 };

/* ---- folder ---- */

static bool state_path(char out[PATH_MAX])
{
    struct rp_arena a = {0};
    const char *own = getenv("REPRISE_STATE");
    if (own == NULL || own[0] == '\0')
        own = geteuid() == 0 ? RP_SYSTEM_STATE : rp_place_own_state(&a);
    int n = own != NULL ? snprintf(out, PATH_MAX, "%s", own) : -1;
    rp_arena_free(&a);
    return n > 0 && n < PATH_MAX;
}

/* What others may write could be links to anywhere, or records of runs that never were. */
static bool ours_alone(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

int state_folder(const char *name, struct rp_err *err)
{
    char path[PATH_MAX] = "";
    bool made = state_path(path) && rp_place_make(path);
    int above = made ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (above >= 0)
        made = mkdirat(above, name, 0700) == 0 || errno == EEXIST;
    int fd = above >= 0 && made
                 ? openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
                 : -1;
    int error = errno;
    if (above >= 0)
        (void)close(above);
    if (fd >= 0 && ours_alone(fd))
        return fd;
    if (fd >= 0) {
        (void)close(fd);
        (void)rp_fail(err, RP_E_IO, "the folder %s/%s belongs to others, or they may write there",
                      path, name);
    } else {
        (void)rp_fail(err, RP_E_IO, "cannot make the folder %s/%s: %s", path, name,
                      strerror(error));
    }
    (void)rp_hint(err, "name one of your own: REPRISE_STATE=/path");
    return -1;
}

/* ---- lock ---- */

/* Any name as a file's: what is not plain is percent-encoded; of a long one a hash is the end. */
static void lock_file_name(struct rp_str name, char out[NAME_LEN])
{
    enum { PLAIN_MOST = 200 };
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n = 0;
    for (size_t i = 0; i < name.n && n < PLAIN_MOST; i++)
        if (name.p[i] != '\0' && strchr(plain, name.p[i]) != NULL)
            out[n++] = name.p[i];
        else
            n += (size_t)snprintf(out + n, 4, "%%%02X", (unsigned char)name.p[i]);
    if (n >= PLAIN_MOST)
        n += (size_t)snprintf(out + n, 20, "~%016llx", (unsigned long long)rp_hash64(name));
    (void)snprintf(out + n, NAME_LEN - n, ".lock");
}

static int fail_held(int fd, struct rp_str name, struct rp_err *err)
{
    char text[HOLDER_LEN];
    ssize_t n = pread(fd, text, sizeof text, 0);
    struct rp_str holder = rp_str_trim((struct rp_str){text, n > 0 ? (size_t)n : 0});
    (void)close(fd);
    (void)rp_fail(err, RP_E_LOCK_HELD, "the lock %.*s is held by %.*s", RP_FMT(name),
                  holder.n > 0 ? (int)holder.n : 11, holder.n > 0 ? holder.p : "another run");
    (void)rp_hint(err, "wait for its end");
    return -1;
}

static void write_holder(int fd, int64_t now_us)
{
    char text[HOLDER_LEN], since[RP_TIME_LEN];
    int n = snprintf(text, sizeof text, "process %d since %s\n", getpid(),
                     rp_time_format(now_us, since));
    if (ftruncate(fd, 0) == 0) /* only for the message of others */
        (void)!pwrite(fd, text, (size_t)n, 0);
}

int state_lock(struct rp_str name, int64_t now_us, struct rp_err *err)
{
    char file[NAME_LEN];
    int folder = state_folder("locks", err);
    if (folder < 0)
        return -1;
    lock_file_name(name, file);
    int fd = openat(folder, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = errno;
    (void)close(folder);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        write_holder(fd, now_us);
        return fd;
    }
    if (fd >= 0 && errno == EWOULDBLOCK)
        return fail_held(fd, name, err);
    error = fd >= 0 ? errno : error;
    if (fd >= 0)
        (void)close(fd);
    (void)rp_fail(err, RP_E_IO, "cannot take the lock %.*s: %s", RP_FMT(name), strerror(error));
    (void)rp_hint(err, "name another state folder: REPRISE_STATE=/path");
    return -1;
}
