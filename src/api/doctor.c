/* GET /v1/doctor: what is wrong with this installation. One function a check, one row in the table;
 * a finding holds, fails, or is not known, and says what to do. */
#include "api/handlers.h"

#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

enum { FILES_NEEDED = 4096, TICK_LATE_S = 60, WORKER_SEEN_MIN = 2 };
static const uint64_t free_bytes_least = UINT64_C(512) << 20;

struct exam {
    struct request *q;
    struct rp_db *db;
    int64_t now;
    struct rp_engine_state engine;
    const struct rp_config *config;
};

static void finding(struct exam *x, const char *check, const char *state, struct rp_str says,
                    const char *hint)
{
    struct rp_jw *w = &x->q->w;
    rp_jw_object(w);
    rp_jw_m_cstr(w, "check", check);
    rp_jw_m_cstr(w, "state", state);
    rp_jw_m_str(w, "says", says);
    if (hint != NULL)
        rp_jw_m_cstr(w, "hint", hint);
    rp_jw_object_end(w);
}

static void holds(struct exam *x, const char *check, struct rp_str says)
{
    finding(x, check, "holds", says, NULL);
}

static void fails(struct exam *x, const char *check, struct rp_str says, const char *hint)
{
    finding(x, check, "fails", says, hint);
}

static void not_known(struct exam *x, const char *check, struct rp_str says, const char *hint)
{
    finding(x, check, "unknown", says, hint);
}

/* ---- the store ---- */

static void store_content(struct exam *x, const char *check)
{
    struct rp_buf lines = {.limit = 4096};
    struct rp_err err;
    rp_db_deadline(x->db, 0); /* it reads every page, and only an admin asks */
    if (rp_store_check(x->db, &lines, &err)) {
        holds(x, check, RP_STR("every page and every job's state are consistent"));
    } else if (err.code == RP_E_STOPPING) {
        not_known(x, check, RP_STR("not read to its end: the daemon is stopping"),
                  "ask again when it runs");
    } else {
        struct rp_str found = rp_str_trim(rp_buf_view(&lines));
        struct rp_arena *a = &x->q->arena;
        fails(x, check, found.n > 0 ? rp_str_dup(a, found) : rp_str_dup(a, rp_str_of(err.message)),
              err.hint[0] != '\0' ? err.hint : "keep a copy of the file, then restore a backup");
    }
    rp_buf_free(&lines);
}

static void store_writes(struct exam *x, const char *check)
{
    char since[RP_TIME_LEN];
    if (!x->engine.write_fails) {
        holds(x, check, RP_STR("the last commit went through"));
        return;
    }
    (void)rp_time_format(x->engine.write_fails_since_us, since);
    fails(x, check, rp_str_fmt(&x->q->arena, "%s (since %s)", x->engine.write_err.message, since),
          x->engine.write_err.hint[0] != '\0' ? x->engine.write_err.hint
                                              : "look at the disk of the store");
}

static void store_log(struct exam *x, const char *check)
{
    const struct rp_log *log = &x->engine.log;
    struct rp_str says =
        rp_str_fmt(&x->q->arena,
                   "the log holds %lld MB, %lld MB of it not in the"
                   " store's file yet",
                   (long long)(log->bytes >> 20), (long long)(log->behind_bytes >> 20));
    if (log->bytes > RP_LOG_LARGE)
        fails(x, check, says,
              "it grows while somebody reads the store: end what has had it open for long"
              " (sqlite3, a copy, another doctor), and see that its disk keeps up");
    else
        holds(x, check, says);
}

/* The store's folder, as text that ends with NUL. */
static char *folder_of(struct exam *x, const char *path)
{
    char *dir = rp_cstr(&x->q->arena, rp_str_of(path)), *slash = strrchr(dir, '/');
    if (slash == NULL)
        return rp_cstr(&x->q->arena, RP_STR("."));
    slash[slash == dir] = '\0';
    return dir;
}

static bool others_may(const char *path, mode_t bits)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & bits) != 0;
}

static void store_files(struct exam *x, const char *check)
{
    const char *path = rp_store_path(rp_engine_store(x->q->api->engine));
    char *dir = folder_of(x, path);
    struct rp_arena *a = &x->q->arena;
    static const char *const parts[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        struct rp_str file = rp_str_fmt(a, "%s%s", path, parts[i]);
        if (others_may(rp_cstr(a, file), 077)) {
            fails(x, check, rp_str_fmt(a, "others may read %.*s", RP_FMT(file)),
                  rp_cstr(a, rp_str_fmt(a, "chmod 600 %.*s", RP_FMT(file))));
            return;
        }
    }
    if (others_may(dir, 022))
        fails(x, check, rp_str_fmt(a, "others may replace files in %s", dir),
              rp_cstr(a, rp_str_fmt(a, "chmod go-w %s", dir)));
    else
        holds(x, check, RP_STR("only the daemon's user can read the store"));
}

static void disk(struct exam *x, const char *check)
{
    struct statvfs fs;
    const char *dir = folder_of(x, rp_store_path(rp_engine_store(x->q->api->engine)));
    if (statvfs(dir, &fs) != 0) {
        not_known(x, check, rp_str_fmt(&x->q->arena, "%s: %s", dir, strerror(errno)), NULL);
        return;
    }
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize, all = (uint64_t)fs.f_blocks * fs.f_frsize;
    struct rp_str says =
        rp_str_fmt(&x->q->arena, "%llu MB of %llu MB are free at %s",
                   (unsigned long long)(left >> 20), (unsigned long long)(all >> 20), dir);
    if (left < free_bytes_least)
        fails(x, check, says, "free space, or move the store to a larger disk");
    else
        holds(x, check, says);
}

/* ---- the machine ---- */

static void clock_state(struct exam *x, const char *check)
{
    struct timex t = {0};
    if (ntp_adjtime(&t) == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
        not_known(
            x, check, RP_STR("the kernel does not know of a time source that keeps its clock"),
            "run chrony or systemd-timesyncd (timedatectl set-ntp true), here or on the host");
    else
        holds(x, check, RP_STR("the clock is kept by a time source"));
}

static void processes(struct exam *x, const char *check)
{
    if (x->engine.covers == RP_COVERS_CGROUP)
        holds(x, check, RP_STR("every attempt has a cgroup: its whole tree ends with it"));
    else
        not_known(x, check,
                  RP_STR("no writable cgroup: descendants are found by parent and by a mark in "
                         "their environment; one that sheds both is missed, and memory, CPU and "
                         "process limits hold for single processes only"),
                  "run it under systemd with Delegate=yes");
}

static void left_over(struct exam *x, const char *check)
{
    if (x->engine.sweep[0] == '\0')
        holds(x, check, RP_STR("nothing was left of the daemon before"));
    else
        holds(x, check, rp_str_fmt(&x->q->arena, "ended at start: %s", x->engine.sweep));
}

static void limits(struct exam *x, const char *check)
{
    struct rlimit files;
    struct rp_arena *a = &x->q->arena;
    uint64_t want = FILES_NEEDED + 8 * (uint64_t)x->config->max_running;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        not_known(x, check, rp_str_of(strerror(errno)), NULL);
    else if (files.rlim_cur < want)
        fails(x, check,
              rp_str_fmt(a, "%llu open files are allowed, %llu may be needed",
                         (unsigned long long)files.rlim_cur, (unsigned long long)want),
              "raise LimitNOFILE= of the unit, or ulimit -n");
    else
        holds(x, check, rp_str_fmt(a, "%llu open files", (unsigned long long)files.rlim_cur));
}

static void engine_alive(struct exam *x, const char *check)
{
    int64_t ago = (x->now - x->engine.last_tick_us) / RP_US_S;
    struct rp_str says =
        rp_str_fmt(&x->q->arena, "it looked at what is due %lld s ago", (long long)ago);
    if (ago > TICK_LATE_S)
        fails(x, check, says, "look at the log, then restart the daemon");
    else
        holds(x, check, says);
}

/* ---- who may get in ---- */

static void socket_mode(struct exam *x, const char *check)
{
    const char *path = x->q->api->socket_path;
    struct stat st;
    struct rp_arena *a = &x->q->arena;
    if (stat(path, &st) != 0)
        fails(x, check, rp_str_fmt(a, "%s: %s", path, strerror(errno)),
              "somebody removed it: restart the daemon");
    else if ((st.st_mode & 07) != 0)
        fails(x, check, rp_str_fmt(a, "everybody may use %s", path),
              rp_cstr(a, rp_str_fmt(a, "chmod 660 %s", path)));
    else
        holds(x, check, rp_str_fmt(a, "%s is for its user and group", path));
}

/* As a reload would read it now; what is in force may be older (G28). */
static bool config_sound(struct exam *x, struct rp_err *err)
{
    struct rp_mistakes *m = rp_xcalloc(1, sizeof *m);
    struct rp_config_world world = {.now_us = x->now};
    struct rp_config *c = rp_config_load(rp_cstr(&x->q->arena, x->config->path), &world, m);
    bool ok = c != NULL || rp_mistakes_err(m, x->config->path, err);
    rp_config_free(c);
    free(m);
    return ok;
}

static void configuration(struct exam *x, const char *check)
{
    struct rp_arena *a = &x->q->arena;
    struct rp_str path = x->config->path;
    struct rp_err err;
    if (path.n == 0)
        holds(x, check, RP_STR("there is none: the built-in default"));
    else if (!config_sound(x, &err))
        fails(x, check, rp_str_fmt(a, "%s; a reload is refused, and so is a restart", err.message),
              rp_cstr(a, rp_str_fmt(a, "reprise check --config %.*s", RP_FMT(path))));
    else if (others_may(rp_cstr(a, path), 022))
        fails(
            x, check,
            rp_str_fmt(a, "others may change %.*s, and with it what the daemon runs", RP_FMT(path)),
            rp_cstr(a, rp_str_fmt(a, "chmod go-w %.*s", RP_FMT(path))));
    else
        holds(x, check, path);
}

static void network(struct exam *x, const char *check)
{
    if (x->q->api->port == 0)
        holds(x, check, RP_STR("no TCP port: the socket only"));
    else if (x->config->insecure)
        fails(x, check,
              rp_str_fmt(&x->q->arena,
                         "`insecure: true`: %.*s speaks no TLS, tokens can be read "
                         "on the way",
                         RP_FMT(x->config->listen)),
              "listen on 127.0.0.1 and put a TLS proxy in front");
    else
        holds(x, check, rp_str_fmt(&x->q->arena, "port %d on loopback", x->q->api->port));
}

/* ---- what jobs need ---- */

static void dependencies(struct exam *x, const char *check)
{
    struct rp_dep_row *rows;
    struct rp_err err;
    size_t n, down = 0;
    if (!rp_deps_list(x->db, &x->q->arena, &rows, &n, &err)) {
        not_known(x, check, rp_str_dup(&x->q->arena, rp_str_of(err.message)), NULL);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (rows[i].active && rows[i].state == RP_DEP_DOWN) {
            down++;
            fails(x, check,
                  rp_str_fmt(&x->q->arena, "%.*s is down: %.*s", RP_FMT(rows[i].name),
                             RP_FMT(rows[i].says)),
                  "reprise deps");
        }
    if (down == 0)
        holds(x, check, RP_STR("none is known to be down"));
}

static bool has_worker(struct exam *x, const struct rp_type_row *t)
{
    const struct rp_type *set = rp_config_type(x->config, t->name);
    int64_t n = 0;
    if (set == NULL || set->run.n > 0 || t->waiting == 0)
        return true;
    return !rp_workers_of(x->db, t->name, x->now - WORKER_SEEN_MIN * RP_US_MIN, &n, NULL) || n > 0;
}

/* Missing commands, types that are gone, types that nobody works for. */
static void types(struct exam *x, const char *check)
{
    struct rp_type_row *rows;
    struct rp_err err;
    size_t n, bad = 0;
    struct rp_arena *a = &x->q->arena;
    if (!rp_types_list(x->db, x->now, a, &rows, &n, &err)) {
        not_known(x, check, rp_str_dup(a, rp_str_of(err.message)), NULL);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct rp_type_row *t = &rows[i];
        if (t->held.p != NULL && (t->configured || t->waiting + t->retrying > 0)) {
            bad++;
            fails(x, check,
                  rp_str_fmt(a, "%.*s is held: %.*s (%lld job%s)", RP_FMT(t->name), RP_FMT(t->held),
                             (long long)t->waiting + t->retrying,
                             t->waiting + t->retrying == 1 ? " waits" : "s wait"),
                  "put right what it says; its jobs then run by themselves");
        } else if (!has_worker(x, t)) {
            bad++;
            fails(x, check,
                  rp_str_fmt(a, "no worker has asked for %.*s in the last %d minutes, %lld job%s",
                             RP_FMT(t->name), WORKER_SEEN_MIN, (long long)t->waiting,
                             t->waiting == 1 ? " waits" : "s wait"),
                  "start its workers");
        }
    }
    if (bad == 0)
        holds(x, check, RP_STR("every type that has jobs can run them"));
}

static const struct {
    const char *name;
    void (*run)(struct exam *x, const char *check);
} checks[] = {
    {"store", store_content},
    {"store-writes", store_writes},
    {"store-log", store_log},
    {"store-files", store_files},
    {"disk", disk},
    {"engine", engine_alive},
    {"clock", clock_state},
    {"processes", processes},
    {"left-overs", left_over},
    {"open-files", limits},
    {"socket", socket_mode},
    {"configuration", configuration},
    {"network", network},
    {"dependencies", dependencies},
    {"types", types},
};

bool r_doctor(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct exam x = {
        .q = q, .db = db, .now = request_now(q), .config = rp_engine_config(q->api->engine)};
    rp_engine_state(q->api->engine, &x.engine);
    if (!no_query(q, err))
        return false;
    answer_begin(q, 200);
    rp_jw_object(&q->w);
    rp_jw_key(&q->w, "findings");
    rp_jw_array(&q->w);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i].run(&x, checks[i].name);
    rp_jw_array_end(&q->w);
    rp_jw_object_end(&q->w);
    return true;
}
