#include "power_disk.h"

#include "unit/store/vfs_layer.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { SECTOR = 512, NAMES = POWER_NAMES, SHM_BYTES = 32768 };

const char *const power_kind_name[POWER_KINDS] = {"lost", "some", "torn"};
static const char *const suffix[NAMES] = {"", "-wal", "-journal"};

/* ---- the record ---- */

enum what { CREATED, DELETED, WRITTEN, RESIZED, SYNCED, FOLDER_SYNCED };
static const char *const what_name[] = {"creation", "deletion", "write",
                                        "resize",   "sync",     "sync of the folder"};

struct entry {
    enum what what;
    int name;
    size_t inode; /* of CREATED, WRITTEN, RESIZED, SYNCED */
    int64_t at;
    size_t n;
    unsigned char *data;
    bool believed, broken;
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods io;
    char path[96];
    struct entry *v;
    size_t n, cap, inodes;
    size_t inode[NAMES]; /* of each name now, 0: there is none */
    unsigned swallow;
    bool on, folder_synced, lies;
    size_t syncs, broken_sync; /* number of the one that breaks, 0: none */
    struct dice dice;
} disk;

static struct entry *put(enum what what, int name)
{
    if (disk.n == disk.cap) {
        disk.cap = disk.cap == 0 ? 4096 : 2 * disk.cap;
        disk.v = rp_xrealloc(disk.v, disk.cap * sizeof *disk.v);
    }
    disk.v[disk.n] = (struct entry){.what = what, .name = name, .inode = disk.inode[name]};
    return &disk.v[disk.n++];
}

static void put_folder_sync(void)
{
    if (disk.folder_synced)
        (void)put(FOLDER_SYNCED, POWER_DB);
    disk.folder_synced = false;
}

static int name_of(const char *path)
{
    char own[128];
    for (int i = 0; path != NULL && i < NAMES; i++) {
        (void)snprintf(own, sizeof own, "%s%s", disk.path, suffix[i]);
        if (strcmp(path, own) == 0)
            return i;
    }
    return -1;
}

/* ---- what SQLite and the store call: their randomness is ours while we record, and we see which
 * syncs are of a folder. Real syncs would only cost time: no real power is lost here. ---- */

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)p)[i] = (unsigned char)help_roll(&disk.dice, 256);
    return (ssize_t)n;
}

int fdatasync(int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        disk.folder_synced = true;
    return 0;
}

int fsync(int fd)
{
    return fdatasync(fd);
}

static int shim_random(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    return (int)getrandom(out, (size_t)n, 0);
}

/* ---- the layer ---- */

static bool recorded(sqlite3_file *file)
{
    return disk.on && layer_of(file)->name >= 0;
}

static int shim_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    int rc = pass_Write(file, p, n, at);
    if (rc == SQLITE_OK && recorded(file)) {
        struct entry *e = put(WRITTEN, layer_of(file)->name);
        e->at = at;
        e->n = (size_t)n;
        e->data = rp_xcalloc(1, e->n);
        memcpy(e->data, p, e->n);
    }
    return rc;
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 n)
{
    int rc = pass_Truncate(file, n);
    if (rc == SQLITE_OK && recorded(file))
        put(RESIZED, layer_of(file)->name)->at = n;
    return rc;
}

static bool breaks(sqlite3_file *file)
{
    if (!recorded(file) || ++disk.syncs != disk.broken_sync)
        return false;
    put(SYNCED, layer_of(file)->name)->broken = true;
    errno = EIO;
    return true;
}

static int shim_sync(sqlite3_file *file, int flags)
{
    if (breaks(file))
        return disk.lies ? SQLITE_OK : SQLITE_IOERR_FSYNC;
    int rc = pass_Sync(file, flags);
    if (rc == SQLITE_OK && recorded(file)) {
        int name = layer_of(file)->name;
        put(SYNCED, name)->believed = (disk.swallow >> name & 1) == 0;
        put_folder_sync();
    }
    return rc;
}

static void found(int name, bool is_there)
{
    if (name < 0 || !disk.on || !is_there || disk.inode[name] != 0)
        return;
    disk.inode[name] = ++disk.inodes;
    (void)put(CREATED, name);
}

static int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    int name = layer_of(file)->name = name_of(path);
    (void)vfs;
    int rc = layer_open(disk.real, &disk.io, path, file, flags, out);
    found(name, rc == SQLITE_OK);
    return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    (void)vfs;
    int rc = disk.real->xDelete(disk.real, path, sync_folder), name = name_of(path);
    if (rc == SQLITE_OK && name >= 0 && disk.on && disk.inode[name] != 0) {
        (void)put(DELETED, name);
        disk.inode[name] = 0;
        put_folder_sync();
    }
    return rc;
}

void power_on(const char *path, uint64_t seed)
{
    disk.real = sqlite3_vfs_find("unix");
    layer_vfs(&disk.vfs, disk.real, "power");
    disk.io = layer_passes;
    disk.io.xWrite = shim_write;
    disk.io.xTruncate = shim_truncate;
    disk.io.xSync = shim_sync;
    disk.vfs.xOpen = shim_open;
    disk.vfs.xDelete = shim_delete;
    disk.vfs.xRandomness = shim_random;
    disk.dice = (struct dice){2 * seed + 1};
    (void)snprintf(disk.path, sizeof disk.path, "%s", path);
    disk.on = true;
    assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

void power_off(void)
{
    disk.on = false;
    assert_int_equal(sqlite3_vfs_unregister(&disk.vfs), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(disk.real, 1), SQLITE_OK);
}

void power_forget(void)
{
    for (size_t i = 0; i < disk.n; i++)
        free(disk.v[i].data);
    free(disk.v);
    memset(&disk, 0, sizeof disk);
}

size_t power_now(void)
{
    return disk.n;
}

void power_swallow(unsigned names)
{
    disk.swallow = names;
}

void power_break_sync(size_t nth, bool lies)
{
    disk.broken_sync = disk.syncs + nth;
    disk.lies = lies;
}

size_t power_syncs(void)
{
    return disk.syncs;
}

/* ---- the disk after some of the record ---- */

struct bytes {
    unsigned char *p;
    size_t n, cap;
};

static void resize(struct bytes *b, size_t n)
{
    if (n > b->cap) {
        b->cap = 2 * n;
        b->p = rp_xrealloc(b->p, b->cap);
    }
    if (n > b->n)
        memset(b->p + b->n, 0, n - b->n);
    b->n = n;
}

static void overwrite(struct bytes *b, size_t at, const unsigned char *p, size_t n)
{
    if (n == 0)
        return;
    if (at + n > b->n)
        resize(b, at + n);
    memcpy(b->p + at, p, n);
}

static void apply(struct bytes *b, const struct entry *e)
{
    if (e->what == WRITTEN)
        overwrite(b, (size_t)e->at, e->data, e->n);
    else
        resize(b, (size_t)e->at);
}

/* Numbers of entries that no sync has covered yet. */
struct pending {
    size_t *v;
    size_t n, cap;
};

static void remember(struct pending *p, size_t entry)
{
    if (p->n == p->cap) {
        p->cap = p->cap == 0 ? 64 : 2 * p->cap;
        p->v = rp_xrealloc(p->v, p->cap * sizeof *p->v);
    }
    p->v[p->n++] = entry;
}

struct inode {
    struct bytes synced;
    struct pending pending;
};
struct power_walk {
    size_t point;
    struct inode *inode;   /* from 1 */
    size_t named[NAMES];   /* inode of each name after the folder's last sync, 0: none */
    struct pending folder; /* creations and deletions since */
    struct bytes image;
};

struct power_walk *power_walk_new(void)
{
    struct power_walk *w = rp_xcalloc(1, sizeof *w);
    w->inode = rp_xcalloc(disk.inodes + 1, sizeof *w->inode);
    return w;
}

void power_walk_free(struct power_walk *w)
{
    for (size_t i = 0; i <= disk.inodes; i++) {
        free(w->inode[i].synced.p);
        free(w->inode[i].pending.v);
    }
    free(w->inode);
    free(w->folder.v);
    free(w->image.p);
    free(w);
}

static void folder_settles(struct power_walk *w)
{
    for (size_t i = 0; i < w->folder.n; i++) {
        const struct entry *e = &disk.v[w->folder.v[i]];
        w->named[e->name] = e->what == CREATED ? e->inode : 0;
    }
    w->folder.n = 0;
}

static void file_settles(struct inode *f)
{
    for (size_t i = 0; i < f->pending.n; i++)
        apply(&f->synced, &disk.v[f->pending.v[i]]);
    f->pending.n = 0;
}

static void walk_one(struct power_walk *w)
{
    const struct entry *e = &disk.v[w->point];
    if (e->what == CREATED || e->what == DELETED)
        remember(&w->folder, w->point);
    else if (e->what == FOLDER_SYNCED)
        folder_settles(w);
    else if (e->what != SYNCED)
        remember(&w->inode[e->inode].pending, w->point);
    else if (e->broken)
        w->inode[e->inode].pending.n = 0;
    else if (e->believed)
        file_settles(&w->inode[e->inode]);
    w->point++;
}

void power_walk_to(struct power_walk *w, size_t point)
{
    while (w->point < point && w->point < disk.n)
        walk_one(w);
}

size_t power_point(const struct power_walk *w)
{
    return w->point;
}

const char *power_words(const struct power_walk *w)
{
    static char buf[96];
    const struct entry *e = w->point > 0 ? &disk.v[w->point - 1] : NULL;
    if (e == NULL)
        return "nothing";
    (void)snprintf(buf, sizeof buf, "%s of s.db%s at %lld, %zu bytes", what_name[e->what],
                   suffix[e->name], (long long)e->at, e->n);
    return buf;
}

/* ---- images ---- */

/* The inode that bears the name; of unsynced creations and deletions the first few happened. */
static size_t named(const struct power_walk *w, int name, enum power_kind kind, struct dice *d)
{
    size_t inode = w->named[name];
    for (size_t i = 0; kind != POWER_LOST && i < w->folder.n; i++) {
        const struct entry *e = &disk.v[w->folder.v[i]];
        if (e->name != name)
            continue;
        if (help_roll(d, 3) == 0)
            break;
        inode = e->what == CREATED ? e->inode : 0;
    }
    return inode;
}

static void rubbish(unsigned char *p, size_t n, struct dice *d)
{
    for (size_t i = 0; i < n; i++) {
        if (i % 8 == 0)
            d->x = d->x * 6364136223846793005u + 1442695040888963407u;
        p[i] = (unsigned char)(d->x >> i % 8 * 7);
    }
}

static void tear(struct bytes *b, const struct entry *e, struct dice *d)
{
    size_t from = (size_t)e->at, end = from + e->n;
    if (help_roll(d, 4) == 0) { /* stops at some byte */
        overwrite(b, from, e->data, (size_t)help_roll(d, (int64_t)e->n + 1));
        return;
    }
    while (from < end) {
        size_t border = (from / SECTOR + 1) * SECTOR, to = border < end ? border : end;
        int64_t fate = help_roll(d, 8);
        if (fate < 4)
            overwrite(b, from, e->data + (from - (size_t)e->at), to - from);
        else if (fate == 4) {
            if (to > b->n)
                resize(b, to);
            rubbish(b->p + from, to - from, d);
        }
        from = to;
    }
}

static void content(struct bytes *b, const struct inode *f, enum power_kind kind, struct dice *d)
{
    static const int64_t kept_of_10[] = {0, 1, 5, 9, 10, 10};
    int64_t odds = kept_of_10[help_roll(d, 6)];
    resize(b, 0);
    overwrite(b, 0, f->synced.p, f->synced.n);
    for (size_t i = 0; kind != POWER_LOST && i < f->pending.n; i++) {
        const struct entry *e = &disk.v[f->pending.v[i]];
        if (help_roll(d, 10) < odds)
            apply(b, e);
        else if (kind == POWER_TORN && e->what == WRITTEN)
            tear(b, e, d);
    }
    if (kind != POWER_LOST && b->n > f->synced.n && help_roll(d, 6) == 0)
        resize(b, f->synced.n); /* the growth is lost */
}

static void put_file(const char *dir, const char *ending, const struct bytes *b)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/s.db%s", dir, ending);
    if (b == NULL) {
        (void)unlink(path);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || (b->n > 0 && write(fd, b->p, b->n) != (ssize_t)b->n) || close(fd) != 0)
        fail_msg("the image cannot be written to %s", path);
}

/* Not of the store's kind: words at a time, for files of some hundred pages. */
static uint64_t hash_of(const struct bytes *b)
{
    uint64_t h = b->n, word;
    for (size_t i = 0; i + sizeof word <= b->n; i += sizeof word) {
        memcpy(&word, b->p + i, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

uint64_t power_image(struct power_walk *w, enum power_kind kind, uint64_t seed, const char *dir)
{
    struct dice d = {(seed * 31 + w->point) * 31 + (uint64_t)kind};
    uint64_t hash = 1;
    for (int name = 0; name < NAMES; name++) {
        size_t inode = named(w, name, kind, &d);
        hash = hash * 31 + (inode != 0);
        if (inode != 0) {
            content(&w->image, &w->inode[inode], kind, &d);
            hash = hash * 31 + hash_of(&w->image);
        }
        put_file(dir, suffix[name], inode != 0 ? &w->image : NULL);
    }
    resize(&w->image, 0);
    resize(&w->image, SHM_BYTES);
    if (kind != POWER_LOST)
        rubbish(w->image.p, SHM_BYTES, &d);
    put_file(dir, "-shm", kind != POWER_LOST && help_roll(&d, 2) == 0 ? &w->image : NULL);
    return hash;
}
