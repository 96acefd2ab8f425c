/* Records of runs that wait for a daemon: one file each, whose name's order is that of the ends. A
 * file appears whole (written aside, synced, renamed, its folder synced) and goes only once the
 * daemon has answered for it. */
#include "cli/exec_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BATCH_FILES = 100,
    BATCH_BYTES = 4 << 20, /* half of what a daemon takes by default */
    RECORD_BYTES = 6 << 20,
    NAME_LEN = 128,
    TIME_DIGITS = 20,
    WAIT_MS = 2000, /* for the lock of a writer that may be stopped */
};

#define TEMPORARY ".writing-"

char *spool_id(int64_t now_us, char id[SPOOL_ID_LEN])
{
    uint64_t random[2];
    arc4random_buf(random, sizeof random);
    (void)snprintf(id, SPOOL_ID_LEN, "%016llx-%016llx%016llx", (unsigned long long)now_us,
                   (unsigned long long)random[0], (unsigned long long)random[1]);
    return id;
}

/* ---- the folder ---- */

struct names {
    char (*v)[NAME_LEN];
    size_t n, cap;
};

static bool is_record(const char *name)
{
    return strlen(name) < NAME_LEN && strspn(name, "0123456789") == TIME_DIGITS &&
           rp_str_ends(rp_str_of(name), ".json");
}

static DIR *open_listing(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL && fd >= 0)
        (void)close(fd);
    return dir;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void names_list(int folder, struct names *out)
{
    DIR *dir = open_listing(folder);
    struct dirent *e;
    *out = (struct names){0};
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (!is_record(e->d_name))
            continue;
        if (out->n == out->cap) {
            out->cap = out->cap > 0 ? out->cap * 2 : 64;
            out->v = rp_xrealloc(out->v, out->cap * sizeof *out->v);
        }
        memcpy(out->v[out->n++], e->d_name, strlen(e->d_name) + 1);
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (out->n > 1)
        qsort(out->v, out->n, sizeof *out->v, by_name);
}

bool spool_empty(int folder)
{
    DIR *dir = open_listing(folder);
    struct dirent *e;
    bool found = false;
    while (!found && dir != NULL && (e = readdir(dir)) != NULL)
        found = is_record(e->d_name);
    if (dir != NULL)
        (void)closedir(dir);
    return !found;
}

/* ---- adding ---- */

/* Without the lock (its holder is stopped, or the disk is full) a record still gets its place, only
 * not surely after one that is being written now. */
static int lock_file(int folder, const char *name, int wait_ms)
{
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    for (int ms = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; ms += 5) {
        if (ms >= wait_ms || errno != EWOULDBLOCK) {
            (void)close(fd);
            return -1;
        }
        (void)usleep(5000);
    }
    return fd;
}

struct survey {
    int64_t files, bytes, newest_us;
};

static void survey_folder(int folder, bool locked, struct survey *s)
{
    DIR *dir = open_listing(folder);
    struct dirent *e;
    struct stat st;
    int64_t at;
    *s = (struct survey){0};
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (locked && rp_str_starts(rp_str_of(e->d_name), TEMPORARY))
            (void)unlinkat(folder, e->d_name, 0); /* of one that died while it wrote */
        if (!is_record(e->d_name))
            continue;
        s->files++;
        if (fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            s->bytes += st.st_size;
        if (rp_str_i64((struct rp_str){e->d_name, TIME_DIGITS}, &at) && at > s->newest_us)
            s->newest_us = at;
    }
    if (dir != NULL)
        (void)closedir(dir);
}

static bool fail_full(const struct survey *s, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_STORE_FULL,
                  "this run is not recorded: %lld records (%lld MB) wait for the daemon already",
                  (long long)s->files, (long long)(s->bytes >> 20));
    return rp_hint(err, "start the daemon, then: reprise exec --flush");
}

static bool fail_write(const char *doing, struct rp_err *err)
{
    int error = errno;
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    (void)rp_fail(err, full ? RP_E_STORE_FULL : RP_E_IO,
                  "this run is not recorded: %s the record: %s", doing, strerror(error));
    return rp_hint(err,
                   full ? "make room on its disk" : "name another folder: REPRISE_STATE=/path");
}

static bool write_all(int fd, struct rp_str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return false;
        s.p += n > 0 ? n : 0;
        s.n -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_synced(int folder, const char *name, struct rp_str text, struct rp_err *err)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_write("cannot make", err);
    bool ok = write_all(fd, text) && fsync(fd) == 0;
    if (!ok)
        (void)fail_write("cannot write", err);
    if (close(fd) != 0 && ok)
        ok = fail_write("cannot write", err);
    return ok;
}

static bool add_file(int folder, const char *id, int64_t at_us, struct rp_str record,
                     struct rp_err *err)
{
    char temporary[NAME_LEN], name[NAME_LEN];
    (void)snprintf(temporary, sizeof temporary, TEMPORARY "%s", id);
    (void)snprintf(name, sizeof name, "%020lld-%s.json", (long long)at_us, id);
    if (!write_synced(folder, temporary, record, err)) {
        (void)unlinkat(folder, temporary, 0);
        return false;
    }
    if (renameat(folder, temporary, folder, name) != 0) {
        (void)fail_write("cannot name", err);
        (void)unlinkat(folder, temporary, 0);
        return false;
    }
    return fsync(folder) == 0 || fail_write("cannot keep", err);
}

bool spool_put(int folder, const char *id, int64_t now_us, struct rp_str record, struct rp_err *err)
{
    struct survey s;
    int lock = lock_file(folder, ".lock", WAIT_MS);
    survey_folder(folder, lock >= 0, &s);
    /* A clock that was put back does not change the order. */
    int64_t at_us = now_us > s.newest_us ? now_us : s.newest_us + 1;
    bool ok = s.files < SPOOL_FILES && s.bytes + (int64_t)record.n <= SPOOL_BYTES
                  ? add_file(folder, id, at_us, record, err)
                  : fail_full(&s, err);
    if (lock >= 0)
        (void)close(lock);
    return ok;
}

/* ---- delivering ---- */

/* False: why says what is wrong with the file. */
static bool read_record(int folder, const char *name, struct rp_buf *out, struct rp_err *why)
{
    struct stat st;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = -1;
    out->n = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= RECORD_BYTES) {
        char *p = rp_xmalloc((size_t)st.st_size + 1);
        n = read(fd, p, (size_t)st.st_size);
        if (n > 0)
            rp_buf_add(out, p, (size_t)n);
        free(p);
    }
    int error = errno;
    if (fd >= 0)
        (void)close(fd);
    if (n < 0)
        return rp_fail(why, RP_E_IO, "it cannot be read: %s",
                       fd < 0 ? strerror(error) : "no file of ours");
    if (out->n == 0 || out->p[0] != '{')
        return rp_fail(why, RP_E_BAD_JSON, "it is no record");
    return rp_json_valid(rp_buf_view(out), why);
}

static void set_aside(int folder, const struct delivery *d, const char *name, const char *why)
{
    char to[NAME_LEN + 8];
    (void)snprintf(to, sizeof to, "aside/%s", name);
    (void)mkdirat(folder, "aside", 0700);
    if (renameat(folder, name, folder, to) == 0 && d->aside != NULL)
        d->aside(d->ctx, to, why);
}

struct batch {
    const char *names[BATCH_FILES];
    int n;
    struct rp_buf body;
};

static void batch_begin(struct batch *b)
{
    b->n = 0;
    b->body.n = 0;
    rp_buf_str(&b->body, RP_STR("{\"records\":["));
}

static void batch_add(struct batch *b, const char *name, struct rp_str record)
{
    if (b->n > 0)
        rp_buf_c(&b->body, ',');
    rp_buf_str(&b->body, record);
    b->names[b->n++] = name;
}

static bool batch_send(int folder, struct batch *b, const struct delivery *d, int64_t *delivered,
                       struct rp_err *err)
{
    if (b->n == 0)
        return true;
    rp_buf_str(&b->body, RP_STR("]}"));
    if (!d->send(d->ctx, &b->body, err))
        return false;
    for (int i = 0; i < b->n; i++)
        (void)unlinkat(folder, b->names[i], 0);
    *delivered += b->n;
    return true;
}

/* The daemon will say the same of it tomorrow. */
static bool their_own_fault(enum rp_code code)
{
    return code == RP_E_BAD_JSON || code == RP_E_BAD_FIELD || code == RP_E_UNKNOWN_FIELD ||
           code == RP_E_TOO_LARGE || code == RP_E_CONFLICT || code == RP_E_BAD_STATE ||
           code == RP_E_LEASE_LOST;
}

struct walk {
    int folder;
    const struct delivery *d;
    struct batch batch;
    struct rp_buf record;
    int64_t *delivered;
};

/* Fills the batch from names[*at] on. */
static void walk_fill(struct walk *w, const struct names *names, size_t *at, int most)
{
    struct rp_err why;
    batch_begin(&w->batch);
    while (*at < names->n && w->batch.n < most && w->batch.body.n < BATCH_BYTES) {
        const char *name = names->v[(*at)++];
        if (read_record(w->folder, name, &w->record, &why))
            batch_add(&w->batch, name, rp_buf_view(&w->record));
        else
            set_aside(w->folder, w->d, name, why.message);
    }
}

/* A batch was refused: which of them? In order, each by itself. */
static bool walk_singly(struct walk *w, const struct names *names, size_t from, size_t to,
                        struct rp_err *err)
{
    struct names part = {names->v, to, 0};
    while (from < to) {
        walk_fill(w, &part, &from, 1);
        if (batch_send(w->folder, &w->batch, w->d, w->delivered, err))
            continue;
        if (!their_own_fault(err->code))
            return false;
        set_aside(w->folder, w->d, w->batch.names[0], err->message);
    }
    return true;
}

static bool walk_all(struct walk *w, const struct names *names, struct rp_err *err)
{
    const struct delivery *d = w->d;
    size_t all = d->most > 0 && (size_t)d->most < names->n ? (size_t)d->most : names->n, at = 0;
    struct names some = {names->v, all, 0};
    while (at < all && (d->until_us == 0 || rp_mono(&rp_clock_system) < d->until_us)) {
        size_t from = at;
        walk_fill(w, &some, &at, BATCH_FILES);
        if (batch_send(w->folder, &w->batch, d, w->delivered, err))
            continue;
        if (!their_own_fault(err->code) || !walk_singly(w, &some, from, at, err))
            return false;
    }
    return true;
}

bool spool_deliver(int folder, const struct delivery *d, int64_t *delivered, struct rp_err *err)
{
    struct walk w = {.folder = folder, .d = d, .delivered = delivered};
    struct names names;
    *delivered = 0;
    int lock = lock_file(folder, ".delivering", 0);
    if (lock < 0)
        return true;
    names_list(folder, &names);
    bool ok = walk_all(&w, &names, err);
    if (*delivered > 0)
        (void)fsync(folder);
    (void)close(lock);
    free(names.v);
    rp_buf_free(&w.batch.body);
    rp_buf_free(&w.record);
    return ok;
}
