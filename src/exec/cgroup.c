#include "exec/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* cgroup v2 wants processes in leaves only. Where limits need controllers below our own cgroup, the
 * daemon moves into this one. */
#define LEAF "reprise-daemon"

enum { PERIOD_US = 100000, DEPTH_MAX = 16 };

static const struct {
    const char *name, *enable;
    unsigned flag;
} controllers[] = {
    {"memory", "+memory", RP_CONTROL_MEMORY},
    {"pids", "+pids", RP_CONTROL_PIDS},
    {"cpu", "+cpu", RP_CONTROL_CPU},
};

/* ---- files of a cgroup ---- */

/* The text of a file below dir, "" if it cannot be read. Files of cgroups are small, but for
 * cgroup.procs. */
static struct rp_str read_at(int dir, const char *name, struct rp_buf *b)
{
    char chunk[4096];
    ssize_t n;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    b->n = 0;
    while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
        rp_buf_add(b, chunk, (size_t)n);
    if (fd >= 0)
        (void)close(fd);
    return rp_buf_view(b);
}

static bool write_at(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write(fd, text, strlen(text)) >= 0;
    int error = errno;
    (void)close(fd);
    errno = error;
    return ok;
}

/* The number after `key ` in a flat keyed file; 0 if there is none. */
static uint64_t keyed(struct rp_str text, const char *key)
{
    struct rp_str line, name;
    uint64_t v = 0;
    while (rp_str_split(&text, '\n', &line))
        if (rp_str_split(&line, ' ', &name) && rp_str_is(name, key) && rp_str_u64(line, &v))
            return v;
    return 0;
}

static int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- where ---- */

/* The text of the file at path, of the line where `fn` says yes. */
static bool line_of(const char *path, bool (*fn)(struct rp_str line, char *out), char *out)
{
    struct rp_buf b = {0};
    struct rp_str text = read_at(AT_FDCWD, path, &b), line;
    bool found = false;
    while (!found && rp_str_split(&text, '\n', &line))
        found = fn(line, out);
    rp_buf_free(&b);
    return found;
}

/* proc_pid_mountinfo(5): `36 35 98:0 /root /mount/point options - cgroup2 …` */
static bool cgroup2_mount(struct rp_str line, char *out)
{
    struct rp_str part;
    size_t type = rp_str_find(line, RP_STR(" - cgroup2 "));
    for (int field = 0; type != SIZE_MAX && field < 5; field++)
        if (!rp_str_split(&line, ' ', &part))
            return false;
    if (type == SIZE_MAX)
        return false;
    return snprintf(out, RP_CGROUP_PATH, "%.*s", RP_FMT(part)) < RP_CGROUP_PATH;
}

static bool own_path(struct rp_str line, char *out)
{
    if (!rp_str_starts(line, "0::/"))
        return false;
    struct rp_str path = {line.p + 3, line.n - 3};
    if (rp_str_ends(path, "/" LEAF))
        path.n -= sizeof LEAF;
    if (rp_str_is(path, "/"))
        path.n = 0;
    return snprintf(out, RP_CGROUP_PATH, "%.*s", RP_FMT(path)) < RP_CGROUP_PATH;
}

/* The cgroup whose children we may make: the one given, or our own. */
static bool base_path(struct rp_str wanted, char base[RP_CGROUP_PATH])
{
    char mount[RP_CGROUP_PATH], own[RP_CGROUP_PATH];
    if (rp_str_is(wanted, "none"))
        return false;
    if (wanted.p != NULL)
        return snprintf(base, RP_CGROUP_PATH, "%.*s", RP_FMT(wanted)) < RP_CGROUP_PATH;
    return line_of("/proc/self/mountinfo", cgroup2_mount, mount) &&
           line_of("/proc/self/cgroup", own_path, own) &&
           snprintf(base, RP_CGROUP_PATH, "%s%s", mount, own) < RP_CGROUP_PATH;
}

static void folder_prefix(char prefix[64], struct rp_str store_id)
{
    (void)snprintf(prefix, 64, "reprise-%016" PRIx64 "-", rp_hash64(store_id));
}

/* ---- controllers ---- */

static bool alone_in(int base)
{
    struct rp_buf b = {0};
    char own[16];
    (void)snprintf(own, sizeof own, "%d\n", getpid());
    bool alone = rp_str_is(read_at(base, "cgroup.procs", &b), own);
    rp_buf_free(&b);
    return alone;
}

static bool move_to_leaf(int base)
{
    return alone_in(base) && (mkdirat(base, LEAF, 0755) == 0 || errno == EEXIST) &&
           write_at(base, LEAF "/cgroup.procs", "0");
}

/* Passes the controllers that the folder has on to its children; returns those that its children
 * have now. */
static unsigned enable_controllers(int folder)
{
    struct rp_buf b = {0};
    unsigned on = 0;
    for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
        bool ok = write_at(folder, "cgroup.subtree_control", controllers[i].enable);
        if (!ok && errno == EBUSY && move_to_leaf(folder))
            (void)write_at(folder, "cgroup.subtree_control", controllers[i].enable);
    }
    struct rp_str text = rp_str_trim(read_at(folder, "cgroup.subtree_control", &b)), name;
    while (rp_str_split(&text, ' ', &name))
        for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
            if (rp_str_is(name, controllers[i].name))
                on |= controllers[i].flag;
    rp_buf_free(&b);
    return on;
}

/* ---- home ---- */

static bool home_make(struct rp_cgroup_home *home, const char *base, struct rp_str store_id)
{
    char prefix[64];
    int made = -1;
    folder_prefix(prefix, store_id);
    for (int i = 0; i < 1000 && made != 0; i++) {
        int n = snprintf(home->path, sizeof home->path, "%s/%s%d-%d", base, prefix, getpid(), i);
        if (n >= (int)sizeof home->path)
            return false;
        made = mkdir(home->path, 0755);
        if (made != 0 && errno != EEXIST)
            return false;
    }
    return made == 0;
}

/* Only a cgroup v2 folder has the file that kills or can be killed through. */
static bool is_cgroup(int fd)
{
    return faccessat(fd, "cgroup.procs", W_OK, 0) == 0 &&
           faccessat(fd, "cgroup.events", R_OK, 0) == 0;
}

/* …-PID-N, where PID was killed before it could take its empty folder away. */
static void remove_abandoned(void *ctx, int fd, const char *path)
{
    int64_t pid = 0;
    struct rp_str rest = rp_str_of(path), part, before = RP_NONE, last = RP_NONE;
    (void)ctx;
    (void)fd;
    while (rp_str_split(&rest, '-', &part)) {
        before = last;
        last = part;
    }
    if (rp_str_i64(before, &pid) && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        (void)rp_cgroup_remove(path);
}

static void home_controllers(struct rp_cgroup_home *home, const char *base, int fd)
{
    int above = open_folder(base);
    (void)enable_controllers(above);
    home->controls = enable_controllers(fd);
    (void)close(above);
}

bool rp_cgroup_home_open(struct rp_cgroup_home *home, const struct rp_exec_options *o,
                         struct rp_err *err)
{
    char base[RP_CGROUP_PATH] = "";
    *home = (struct rp_cgroup_home){0};
    bool made = base_path(o->cgroup, base) && home_make(home, base, o->store_id);
    int error = errno, fd = made ? open_folder(home->path) : -1;
    bool ok = fd >= 0 && is_cgroup(fd);
    if (ok && !o->no_limits)
        home_controllers(home, base, fd);
    else if (ok) /* nobody sweeps for those who come and go */
        rp_cgroup_left(o->cgroup, o->store_id, remove_abandoned, NULL);
    if (!ok) {
        if (made)
            (void)rmdir(home->path);
        home->path[0] = '\0';
        (void)rp_fail(err, RP_E_CONFIG, "\"%s\" is no cgroup v2 folder to make others in: %s", base,
                      made ? "no cgroup2 file system" : strerror(error));
        (void)rp_hint(err, "delegate a cgroup to the daemon, or leave it to be found");
    }
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

void rp_cgroup_home_close(struct rp_cgroup_home *home)
{
    if (home->path[0] != '\0')
        (void)rp_cgroup_remove(home->path);
}

/* ---- an attempt's folder ---- */

static bool set_limit(int fd, const char *file, int64_t value, const char *format)
{
    char text[64];
    if (value <= 0)
        return true;
    (void)snprintf(text, sizeof text, "%" PRId64 "%s", value, format);
    return write_at(fd, file, text);
}

/* With oom.group the kernel ends the whole tree, not its largest process: half a job is not a
 * result. */
static bool set_limits(int fd, unsigned controls, const struct rp_limits *l)
{
    bool memory = (controls & RP_CONTROL_MEMORY) != 0, pids = (controls & RP_CONTROL_PIDS) != 0;
    bool cpu = (controls & RP_CONTROL_CPU) != 0 && l->cpus > 0;
    return (!memory || (set_limit(fd, "memory.max", l->memory_bytes, "") &&
                        set_limit(fd, "memory.oom.group", l->memory_bytes > 0, ""))) &&
           (!pids || set_limit(fd, "pids.max", l->processes, "")) &&
           (!cpu || set_limit(fd, "cpu.max", (int64_t)(l->cpus * PERIOD_US), " 100000"));
}

int rp_cgroup_make(const struct rp_cgroup_home *home, const char *name,
                   const struct rp_limits *limits, struct rp_err *err)
{
    char path[RP_CGROUP_PATH + 32];
    (void)snprintf(path, sizeof path, "%s/%s", home->path, name);
    bool made = mkdir(path, 0755) == 0;
    int fd = made ? open_folder(path) : -1;
    if (fd >= 0 && set_limits(fd, home->controls, limits))
        return fd;
    (void)rp_fail(err, RP_E_SPAWN, "cannot make the cgroup %s: %s", path, strerror(errno));
    (void)rp_hint(err, "check that the daemon may write there, and cgroup.max.descendants");
    if (fd >= 0)
        (void)close(fd);
    if (made)
        (void)rmdir(path);
    return -1;
}

bool rp_cgroup_populated(int fd)
{
    struct rp_buf b = {0};
    bool populated = keyed(read_at(fd, "cgroup.events", &b), "populated") != 0;
    rp_buf_free(&b);
    return populated;
}

/* ---- what is below ---- */

/* Calls fn for the folder and each below it, children first. */
static void walk(int fd, int depth, void (*fn)(int fd, void *ctx), void *ctx)
{
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    struct dirent *e;
    while (dir != NULL && depth < DEPTH_MAX && (e = readdir(dir)) != NULL) {
        if (e->d_type != DT_DIR || e->d_name[0] == '.')
            continue;
        int below = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (below < 0)
            continue;
        walk(below, depth + 1, fn, ctx);
        (void)close(below);
    }
    fn(fd, ctx);
    if (dir != NULL)
        (void)closedir(dir);
}

static void add_members(int fd, void *ctx)
{
    struct rp_buf b = {0};
    struct rp_str text = read_at(fd, "cgroup.procs", &b), line;
    struct rp_proc p;
    int64_t pid;
    while (rp_str_split(&text, '\n', &line))
        if (rp_str_i64(line, &pid) && rp_proc_read((pid_t)pid, &p) && p.state != 'Z')
            rp_procs_add(ctx, &p);
    rp_buf_free(&b);
}

void rp_cgroup_members(int fd, struct rp_procs *out)
{
    *out = (struct rp_procs){0};
    walk(fd, 0, add_members, out);
}

void rp_cgroup_kill(int fd)
{
    struct rp_procs members;
    if (write_at(fd, "cgroup.kill", "1"))
        return;
    rp_cgroup_members(fd, &members); /* before Linux 5.14; the caller repeats until it is empty */
    for (size_t i = 0; i < members.n; i++)
        rp_proc_signal(&members.v[i], SIGKILL);
    rp_procs_free(&members);
}

void rp_cgroup_read_usage(int fd, struct rp_cgroup_usage *out)
{
    struct rp_buf b = {0};
    uint64_t peak = 0;
    *out = (struct rp_cgroup_usage){0};
    out->cpu_us = (int64_t)keyed(read_at(fd, "cpu.stat", &b), "usage_usec");
    if (rp_str_u64(rp_str_trim(read_at(fd, "memory.peak", &b)), &peak))
        out->memory_peak_bytes = (int64_t)peak;
    out->oom_kills = keyed(read_at(fd, "memory.events", &b), "oom_kill");
    rp_buf_free(&b);
}

static void remove_children(int fd, void *ctx)
{
    (void)ctx;
    DIR *dir = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct dirent *e;
    while (dir != NULL && (e = readdir(dir)) != NULL)
        if (e->d_type == DT_DIR && e->d_name[0] != '.')
            (void)unlinkat(fd, e->d_name, AT_REMOVEDIR);
    if (dir != NULL)
        (void)closedir(dir);
}

bool rp_cgroup_remove(const char *path)
{
    if (rmdir(path) == 0 || errno == ENOENT)
        return true;
    int fd = open_folder(path);
    if (fd < 0)
        return false;
    walk(fd, 0, remove_children, NULL);
    (void)close(fd);
    return rmdir(path) == 0;
}

/* ---- what others left ---- */

void rp_cgroup_left(struct rp_str wanted, struct rp_str store_id,
                    void (*fn)(void *, int fd, const char *path), void *ctx)
{
    char base[RP_CGROUP_PATH], prefix[64], path[RP_CGROUP_PATH + NAME_MAX + 2];
    DIR *dir = base_path(wanted, base) ? opendir(base) : NULL;
    struct dirent *e;
    folder_prefix(prefix, store_id);
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (!rp_str_starts(rp_str_of(e->d_name), prefix))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", base, e->d_name);
        int fd = open_folder(path);
        if (fd >= 0)
            fn(ctx, fd, path);
        if (fd >= 0)
            (void)close(fd);
    }
    if (dir != NULL)
        (void)closedir(dir);
}
