/* Zones by name: which names are allowed, which file that is, and the cache. */
#include "core/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_DIR "/usr/share/zoneinfo"

/* Needs no tzdata: the default zone works in the smallest container. */
static struct rp_zone_type utc_type = {0, "UTC"};
static const struct rp_zone utc = {.name = "UTC", .types = &utc_type, .n_types = 1};

/* A file that was replaced has another inode, size or time. */
struct identity {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

/* Old objects stay in the list, behind newer ones of the same name: someone may still use them. */
struct entry {
    struct entry *next;
    struct identity identity;
    struct rp_zone *zone;
};

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *cache;
static uint64_t rules_changed; /* how often a file said something else than before */

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '/';
}

/* No dots: paths cannot climb, and files such as zone1970.tab are not zones. */
static bool name_allowed(struct rp_str name)
{
    if (name.n == 0 || name.n >= RP_ZONE_NAME || name.p[0] == '/' || name.p[name.n - 1] == '/')
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!name_char(name.p[i]) || (name.p[i] == '/' && name.p[i - 1] == '/'))
            return false;
    return !rp_str_starts(name, "posix/") && !rp_str_starts(name, "right/") &&
           !rp_str_is(name, "localtime") && !rp_str_is(name, "posixrules");
}

static int open_in(const char *dir, struct rp_str name, struct stat *st)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%.*s", dir, RP_FMT(name));
    if (n < 0 || (size_t)n >= sizeof path)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static const char *own_dir(void)
{
    const char *dir = getenv("TZDIR");
    return dir != NULL && dir[0] == '/' ? dir : NULL;
}

static int open_zone(struct rp_str name, struct stat *st)
{
    int fd = own_dir() != NULL ? open_in(own_dir(), name, st) : -1;
    return fd >= 0 ? fd : open_in(SYSTEM_DIR, name, st);
}

static bool read_all(int fd, struct rp_buf *b)
{
    char part[8192];
    for (;;) {
        ssize_t n = read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        rp_buf_add(b, part, (size_t)n);
    }
}

static struct rp_zone *parse_file(int fd, struct rp_str name, struct rp_err *err)
{
    struct rp_buf b = {.limit = RP_ZONE_FILE_BYTES};
    struct rp_zone *z = NULL;
    if (!read_all(fd, &b) || b.overflow)
        (void)rp_fail(err, RP_E_IO, "the file of time zone %.*s cannot be read", RP_FMT(name));
    else
        z = rp_zone_from_tzif(name, rp_buf_view(&b), err);
    rp_buf_free(&b);
    return z;
}

static bool same_file(const struct identity *a, const struct stat *st)
{
    return a->dev == st->st_dev && a->ino == st->st_ino && a->size == st->st_size &&
           a->mtime.tv_sec == st->st_mtim.tv_sec && a->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

/* The newest of the name. Here and below, the caller holds cache_lock. */
static struct entry *find(struct rp_str name)
{
    struct entry *e = cache;
    while (e != NULL && !rp_str_is(name, e->zone->name))
        e = e->next;
    return e;
}

/* A file that says the same as the one before (a package that was installed again) gives no new
 * zone. */
static const struct rp_zone *keep(struct entry *before, struct rp_zone *z, const struct stat *st)
{
    struct identity identity = {st->st_dev, st->st_ino, st->st_size, st->st_mtim};
    if (before != NULL && before->zone->rules == z->rules) {
        before->identity = identity;
        rp_zone_free(z);
        return before->zone;
    }
    struct entry *e = rp_xmalloc(sizeof *e);
    *e = (struct entry){cache, identity, z};
    cache = e;
    rules_changed += before != NULL;
    return z;
}

static const struct rp_zone *load_open(int fd, const struct stat *st, struct rp_str name,
                                       struct rp_err *err)
{
    struct entry *before = find(name);
    if (before != NULL && same_file(&before->identity, st))
        return before->zone;
    struct rp_zone *read = parse_file(fd, name, err);
    return read != NULL ? keep(before, read, st) : NULL;
}

static void refuse(struct rp_str name, struct rp_err *err)
{
    enum { SHOWN_BYTES = 2 * RP_ZONE_NAME };
    char close_match[RP_ZONE_NAME];
    if (name.n > SHOWN_BYTES)
        name.n = SHOWN_BYTES;
    (void)rp_fail(err, RP_E_CONFIG, "%.*s is not a time zone of this system", RP_FMT(name));
    if ((own_dir() != NULL && rp_zone_suggest(own_dir(), name, close_match)) ||
        rp_zone_suggest(SYSTEM_DIR, name, close_match))
        (void)rp_hint(err, "did you mean %s?", close_match);
    else
        (void)rp_hint(err, "use an IANA name such as Europe/Berlin or UTC");
}

const struct rp_zone *rp_zone_load(struct rp_str name, struct rp_err *err)
{
    struct stat st;
    if (rp_str_is(name, "UTC"))
        return &utc;
    int fd = name_allowed(name) ? open_zone(name, &st) : -1;
    if (fd < 0) {
        refuse(name, err);
        return NULL;
    }
    (void)pthread_mutex_lock(&cache_lock);
    const struct rp_zone *z = load_open(fd, &st, name, err);
    (void)pthread_mutex_unlock(&cache_lock);
    (void)close(fd);
    return z;
}

uint64_t rp_zones_look(void)
{
    (void)pthread_mutex_lock(&cache_lock);
    for (const struct entry *e = cache; e != NULL; e = e->next) {
        struct rp_str name = rp_str_of(e->zone->name);
        struct stat st;
        int fd = find(name) == e ? open_zone(name, &st) : -1;
        if (fd < 0)
            continue;
        (void)load_open(fd, &st, name, NULL);
        (void)close(fd);
    }
    uint64_t n = rules_changed;
    (void)pthread_mutex_unlock(&cache_lock);
    return n;
}

const struct rp_zone *rp_zone_newest(const struct rp_zone *z)
{
    (void)pthread_mutex_lock(&cache_lock);
    const struct entry *e = find(rp_str_of(z->name));
    (void)pthread_mutex_unlock(&cache_lock);
    return e != NULL ? e->zone : z;
}
