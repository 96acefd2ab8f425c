/* Opening a store: where it is, who may, who does. */
#include "store/internal.h"
#include "store/migrate.h"
#include "store/opened.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHECK_US = 1000000 }; /* of a large file; `doctor` checks it whole */
enum { REMNANT_MS = 10000, STEP_MS = 5 };

static bool fail_errno(const char *path, const char *what, struct rp_err *err)
{
    int e = errno;
    (void)rp_fail(err, e == ENOSPC || e == EDQUOT ? RP_E_STORE_FULL : RP_E_STORE_IO, "%s: %s: %s",
                  path, what, strerror(e));
    return rp_hint(err, e == ENOENT ? "name a file whose folder's parent exists"
                                    : "check the folder and who owns it");
}

/* ---- paths ---- */

static const char *path_of_url(const char *url, struct rp_err *err)
{
    struct rp_str s = rp_str_of(url);
    const char *path = rp_str_starts(s, "sqlite://") ? url + 9
                       : rp_str_starts(s, "sqlite:") ? url + 7
                                                     : url;
    if (strstr(path, "://") == NULL && *path != '\0' && (path != url + 9 || *path == '/'))
        return path;
    (void)rp_fail(err, RP_E_CONFIG, "the store %s cannot be used", url);
    (void)rp_hint(err, "write sqlite:///absolute/path.db");
    return NULL;
}

const char *rp_folder_of(struct rp_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return rp_cstr(a, RP_STR("."));
    return rp_cstr(a, (struct rp_str){path, slash == path ? 1 : (size_t)(slash - path)});
}

static bool refuse_wide(const char *path, mode_t mode, const char *mend, struct rp_err *err)
{
    if ((mode & 077) == 0)
        return true;
    (void)rp_fail(err, RP_E_CONFIG, "%s may be used by others (mode %03o)", path,
                  (unsigned)(mode & 0777));
    return rp_hint(err, "chmod %s %s", mend, path);
}

/* SQLite syncs the folder of its files, which makes their names last; the name of a folder that was
 * made is written in the one around it. */
static bool folder_made(struct rp_arena *a, const char *folder, struct rp_err *err)
{
    if (mkdir(folder, 0700) != 0)
        return errno == EEXIST || fail_errno(folder, "cannot be made", err);
    const char *around = rp_folder_of(a, folder);
    int fd = open(around, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = (fd >= 0 && fsync(fd) == 0) || fail_errno(around, "cannot be synced", err);
    if (fd >= 0)
        (void)close(fd);
    if (!ok)
        (void)rmdir(folder); /* the next try must not take it for one that lasts */
    return ok;
}

static bool folder_ready(const char *folder, struct rp_err *err)
{
    struct stat st;
    if (stat(folder, &st) != 0)
        return fail_errno(folder, "cannot be used", err);
    return refuse_wide(folder, st.st_mode, "700", err);
}

static bool file_ready(const char *path, bool make, struct rp_err *err)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
    if (fd < 0)
        return fail_errno(path, "cannot be opened", err);
    bool ok = fstat(fd, &st) == 0 ? refuse_wide(path, st.st_mode, "600", err)
                                  : fail_errno(path, "cannot be read", err);
    (void)close(fd);
    if (ok && !S_ISREG(st.st_mode))
        return rp_fail(err, RP_E_CONFIG, "%s is not a file", path);
    return ok;
}

/* ---- the lock ---- */

static void read_holder(int fd, char pid[32])
{
    ssize_t n = pread(fd, pid, 31, 0);
    pid[n > 0 ? n : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
}

/* A daemon that is killed while it starts a command leaves a child that has its files open until it
 * has become that command: a moment later the lock is free. */
static bool holder_is_dead(int fd)
{
    char text[32];
    int64_t pid;
    read_holder(fd, text);
    return rp_str_i64(rp_str_of(text), &pid) && pid > 0 && pid <= INT_MAX &&
           kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static bool lock_now(int fd)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; ms += STEP_MS) {
        int e = errno;
        if (e != EWOULDBLOCK || ms >= REMNANT_MS || !holder_is_dead(fd)) {
            errno = e;
            return false;
        }
        (void)nanosleep(&step, NULL);
    }
    return true;
}

static bool in_use(const char *path, int fd, struct rp_err *err)
{
    char pid[32];
    read_holder(fd, pid);
    (void)rp_fail(err, RP_E_STORE_IN_USE, "%s is used by process %s", path,
                  *pid != '\0' ? pid : "that just started");
    return rp_hint(err, "stop that daemon first, or name another store");
}

/* flock: bound to this opening, so that a second one in the same process is refused too; gone with
 * the process. The file stays. */
static bool take_lock(struct rp_arena *a, const char *path, int *out, struct rp_err *err)
{
    const char *lock = rp_str_fmt(a, "%s.lock", path).p;
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(lock, "cannot be opened", err);
    if (!lock_now(fd)) {
        (void)(errno == EWOULDBLOCK ? in_use(path, fd, err)
                                    : fail_errno(lock, "cannot be locked", err));
        (void)close(fd);
        return false;
    }
    /* The number is for people; a full disk must not keep the daemon from starting. */
    if (ftruncate(fd, 0) == 0)
        (void)dprintf(fd, "%ld\n", (long)getpid());
    *out = fd;
    return true;
}

/* ---- opening ---- */

/* SQLite's statistics of memory take a lock around every allocation, and nobody asks for them. Has
 * no effect, and does no harm, if another part of the process uses SQLite already. */
static void configure_sqlite(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static struct rp_store *store_new(const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure_sqlite);
    struct rp_store *s = rp_xcalloc(1, sizeof *s);
    char *full = realpath(path, NULL);
    s->path = full != NULL ? full : rp_xstrdup(path);
    s->lock_fd = -1;
    (void)pthread_mutex_init(&s->wal.lock, NULL);
    (void)pthread_cond_init(&s->wal.idle, NULL);
    rp_cond_init(&s->wal.more);
    return s;
}

static bool read_id(struct rp_store *s, struct rp_db *db, struct rp_err *err)
{
    struct rp_stmt *q = rp_sql(db, "select value from meta where key = 'store_id'");
    enum rp_step step = rp_step(q, err);
    if (step == RP_STEP_ROW)
        (void)snprintf(s->id, sizeof s->id, "%.*s", RP_FMT(rp_col_view(q, 0)));
    rp_reset_all(db);
    return step == RP_STEP_ROW ||
           (step == RP_STEP_DONE && rp_fail(err, RP_E_STORE_CORRUPT, "%s has no id", s->path));
}

static bool open_writer(struct rp_store *s, struct rp_arena *a, struct rp_err *err)
{
    return take_lock(a, s->path, &s->lock_fd, err) &&
           rp_db_open(s, RP_OPEN_WRITER, &s->writer, err) &&
           rp_quick_check(s->writer, CHECK_US, err) && rp_migrate(s->writer, rp_migrations, err) &&
           read_id(s, s->writer, err);
}

bool rp_store_open(const char *url, struct rp_store **out, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_store *s = NULL;
    const char *path = path_of_url(url, err);
    const char *folder = path != NULL ? rp_folder_of(&a, path) : NULL;
    bool ok = folder != NULL && folder_made(&a, folder, err) && folder_ready(folder, err) &&
              file_ready(path, true, err);
    if (ok) {
        s = store_new(path);
        ok = open_writer(s, &a, err);
    }
    rp_arena_free(&a);
    if (!ok) {
        rp_store_close(s);
        return false;
    }
    *out = s;
    return true;
}

bool rp_store_inspect(const char *url, struct rp_store **out, struct rp_err *err)
{
    const char *path = path_of_url(url, err);
    if (path == NULL || !file_ready(path, false, err))
        return false;
    struct rp_store *s = store_new(path);
    struct rp_db *db = NULL;
    bool ok = rp_db_open(s, RP_OPEN_READER, &db, err) && rp_schema_current(db, err) &&
              read_id(s, db, err);
    rp_db_free(db);
    if (!ok) {
        rp_store_close(s);
        return false;
    }
    *out = s;
    return true;
}

void rp_store_close(struct rp_store *s)
{
    if (s == NULL)
        return;
    rp_db_free(s->writer);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    (void)pthread_mutex_destroy(&s->wal.lock);
    (void)pthread_cond_destroy(&s->wal.idle);
    (void)pthread_cond_destroy(&s->wal.more);
    free(s->path);
    free(s);
}

struct rp_db *rp_store_writer(struct rp_store *s)
{
    return s->writer;
}

struct rp_db *rp_store_reader(struct rp_store *s, struct rp_err *err)
{
    struct rp_db *db = NULL;
    return rp_db_open(s, RP_OPEN_READER, &db, err) ? db : NULL;
}

void rp_db_close(struct rp_db *db)
{
    rp_db_free(db);
}

struct rp_str rp_store_id(const struct rp_store *s)
{
    return rp_str_of(s->id);
}

const char *rp_store_path(const struct rp_store *s)
{
    return s->path;
}
