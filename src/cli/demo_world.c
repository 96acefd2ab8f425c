#include "cli/demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the dependency ---- */

static int loopback_socket(int port, struct sockaddr_in *sa)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *sa = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd;
}

/* Answers each line `charge …` with `ok`: the smallest thing that deserves the name of a server. */
static _Noreturn void db_serve(int fd)
{
    char line[128];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive the demo */
    for (;;) {
        int c = accept(fd, NULL, NULL);
        if (c < 0)
            continue;
        if (read(c, line, sizeof line) > 0)
            (void)!write(c, "ok\n", 3); /* who has gone needs no answer */
        (void)close(c);
    }
}

bool world_db_up(struct world *w, struct rp_err *err)
{
    struct sockaddr_in sa;
    socklen_t n = sizeof sa;
    int fd = loopback_socket(w->db_port, &sa), one = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(fd, 256) != 0 ||
        getsockname(fd, (struct sockaddr *)&sa, &n) != 0) {
        (void)rp_fail(err, RP_E_IO, "the demo's database cannot listen: %s", strerror(errno));
        return rp_hint(err, "run the demo again");
    }
    w->db_port = ntohs(sa.sin_port);
    w->db = fork();
    if (w->db == 0)
        db_serve(fd);
    (void)close(fd);
    return w->db > 0 ||
           rp_fail(err, RP_E_IO, "no process for the demo's database: %s", strerror(errno));
}

static void end_process(pid_t *pid, int sig)
{
    if (*pid <= 0)
        return;
    (void)kill(*pid, sig);
    (void)waitpid(*pid, NULL, 0);
    *pid = 0;
}

void world_db_down(struct world *w)
{
    end_process(&w->db, SIGKILL);
}

/* ---- folder, configuration, daemon ---- */

/* The folder of --keep by its whole name, which must leave room for the names of files in it. */
static bool kept_folder(struct world *w, const char *keep_dir, struct rp_err *err)
{
    char *whole = NULL;
    bool there = mkdir(keep_dir, 0700) == 0 || errno == EEXIST;
    if (!there || (whole = realpath(keep_dir, NULL)) == NULL)
        return rp_fail(err, RP_E_IO, "cannot use the folder %s: %s", keep_dir, strerror(errno));
    bool fits = strlen(whole) < sizeof w->dir - 32;
    if (fits)
        (void)snprintf(w->dir, sizeof w->dir, "%s", whole);
    else
        (void)rp_fail(err, RP_E_IO, "cannot use the folder %s: its name is too long", keep_dir);
    free(whole);
    return fits;
}

bool world_make(struct world *w, const char *keep_dir, struct rp_err *err)
{
    const char *tmp = getenv("TMPDIR");
    ssize_t n = readlink("/proc/self/exe", w->self, sizeof w->self - 1);
    if (n <= 0)
        return rp_fail(err, RP_E_IO, "cannot find the program's own path: %s", strerror(errno));
    w->self[n] = '\0';
    w->keep = keep_dir != NULL;
    if (w->keep)
        return kept_folder(w, keep_dir, err);
    (void)snprintf(w->dir, sizeof w->dir, "%s/reprise-demo-XXXXXX",
                   tmp != NULL && strlen(tmp) < 60 ? tmp : "/tmp");
    if (mkdtemp(w->dir) == NULL) {
        (void)rp_fail(err, RP_E_IO, "cannot make %s: %s", w->dir, strerror(errno));
        return rp_hint(err, "name a folder with --keep DIR, or set TMPDIR");
    }
    return true;
}

/* An outage's failures would be held and come back by themselves (docs/outages.md): here they are
 * to fail, so that there is something to recover. */
#define NEEDS_DB "needs: [billing-db], hold_max: 0"

static void config_jobs(const struct world *w, struct rp_buf *b)
{
    static const struct {
        const char *name, *more;
    } types[] = {
        {"reconciliation", "critical: true, " NEEDS_DB ", schedule: \"*/5 * * * * *\""},
        {"invoice", NEEDS_DB},
        {"thumbnails", ""},
        {"mail", "schedule: \"*/7 * * * * *\""},
        {"report", "schedule: \"@every 9s\""},
    };
    rp_buf_fmt(b, "jobs:\n");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        bool thumbnails = strcmp(types[i].name, "thumbnails") == 0;
        rp_buf_fmt(b,
                   "  %s: { run: [\"%s\", demo-job, %s, \"%d\"], idempotent: true, retries: 0, "
                   "timeout: %s",
                   types[i].name, w->self, types[i].name, w->db_port, thumbnails ? "1s" : "20s");
        rp_buf_fmt(b, "%s%s }\n", types[i].more[0] != '\0' ? ", " : "", types[i].more);
    }
}

static bool write_whole(const char *path, const struct rp_buf *b, struct rp_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, b->p, b->n) == (ssize_t)b->n;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    return ok || rp_fail(err, RP_E_IO, "cannot write %s: %s", path, strerror(errno));
}

bool world_write_config(struct world *w, struct rp_err *err)
{
    struct rp_buf b = {0};
    char path[300];
    (void)snprintf(path, sizeof path, "%s/reprise.yaml", w->dir);
    rp_buf_fmt(&b,
               "# The demo's configuration: five job types, three schedules, one dependency.\n");
    rp_buf_fmt(&b, "store: sqlite://%s/reprise.db\nsocket: %s/reprise.sock\nlisten: 127.0.0.1:%d\n",
               w->dir, w->dir, w->api_port);
    rp_buf_fmt(
        &b,
        "node: demo\nmax_running: 8\nshutdown_grace: 2s\nreplay: { settle: 1s, wave_max: 25 }\n");
    rp_buf_fmt(&b, "alerts:\n  job_failure_rate: { above: 10%%, window: 15m, min_runs: 20 }\n");
    rp_buf_fmt(&b,
               "dependencies:\n  billing-db: { tcp: \"127.0.0.1:%d\", every: 60s, timeout: 1s }\n",
               w->db_port);
    config_jobs(w, &b);
    bool ok = write_whole(path, &b, err);
    rp_buf_free(&b);
    return ok;
}

bool world_start_daemon(struct world *w, struct rp_err *err)
{
    char config[300], log[300];
    (void)snprintf(config, sizeof config, "%s/reprise.yaml", w->dir);
    (void)snprintf(log, sizeof log, "%s/daemon.log", w->dir);
    (void)fflush(NULL);
    w->daemon = fork();
    if (w->daemon < 0)
        return rp_fail(err, RP_E_IO, "no process for the daemon: %s", strerror(errno));
    if (w->daemon > 0)
        return true;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)dup2(fd, STDERR_FILENO);
    (void)setpgid(0, 0); /* Ctrl-C is for the demo, which then stops its daemon properly */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)execl(w->self, "reprise", "serve", "--config", config, (char *)NULL);
    _exit(127);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

bool world_end(struct world *w)
{
    int status = 0;
    bool ok = true;
    if (w->daemon > 0) {
        (void)kill(w->daemon, SIGTERM);
        ok = waitpid(w->daemon, &status, 0) == w->daemon && WIFEXITED(status) &&
             WEXITSTATUS(status) == 0;
        w->daemon = 0;
    }
    world_db_down(w);
    if (!w->keep && w->dir[0] != '\0')
        (void)nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    return ok;
}

/* ---- the program of the jobs ---- */

static void work_ms(int64_t ms)
{
    struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
        continue;
}

/* Charges through the database, in the words that a real client has for its failure. */
static bool charge(int port, char answer[64])
{
    struct sockaddr_in sa;
    int fd = loopback_socket(port, &sa);
    if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0) {
        (void)fprintf(stderr, "connection to server at \"127.0.0.1\", port %d failed: %s\n", port,
                      strerror(errno));
        return false;
    }
    ssize_t n = write(fd, "charge 1\n", 9) == 9 ? read(fd, answer, 63) : -1;
    (void)close(fd);
    if (n <= 0) {
        (void)fprintf(stderr, "server closed the connection unexpectedly\n");
        return false;
    }
    answer[n] = '\0';
    return true;
}

int rp_demo_job(const char *kind, const char *port)
{
    char payload[256] = "", answer[64];
    int64_t ms = 5;
    ssize_t n = read(STDIN_FILENO, payload, sizeof payload - 1);
    struct rp_arena arena = {0};
    struct rp_json r;
    struct rp_str key;
    rp_json_open(&r, (struct rp_str){payload, n > 0 ? (size_t)n : 0}, &arena);
    (void)rp_json_object(&r);
    while (rp_json_member(&r, &key))
        (void)(rp_str_is(key, "ms") ? rp_json_i64(&r, &ms) : rp_json_skip(&r));
    rp_arena_free(&arena);
    work_ms(ms);
    bool billing = strcmp(kind, "reconciliation") == 0 || strcmp(kind, "invoice") == 0;
    if (billing && !charge(atoi(port), answer))
        return 1;
    (void)printf("%s done in %lld ms%s\n", kind, (long long)ms, billing ? ", charged: ok" : "");
    return 0;
}
