/* analyze --log from end to end on one thread: a file that is made here is read, unpacked where it
 * is packed, its format found out, runs and patterns counted by the program itself. Prints one JSON
 * object a format; rates are of processor time, the machine may be busy.
 *
 *     joblog_bench [MB]      size of the file, 100 */
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* One run: start, lines of its own, an end; every eighth fails with a stack trace. %T: the time. */
struct shape {
    const char *name;
    const char *start, *done, *failed;
};
static const struct shape shapes[] = {
    {"sidekiq", "%TZ pid=7 tid=t%W class=Mail%K jid=%I INFO: start\n",
     "%TZ pid=7 tid=t%W class=Mail%K jid=%I elapsed=0.1 INFO: done\n",
     "%TZ pid=7 tid=t%W class=Mail%K jid=%I elapsed=0.1 INFO: fail\n"
     "%TZ pid=7 tid=t%W WARN: Errno::ECONNREFUSED: Connection refused - connect(2) for "
     "10.0.0.%K:25\n"
     "%TZ pid=7 tid=t%W WARN: /srv/app/mail.rb:9:in `perform'\n"
     "/gems/sidekiq/processor.rb:196:in `execute_job'\n"},
    {"celery", "[%T: INFO/MainProcess] Task app.mail%K[%I] received\n",
     "[%T: INFO/ForkPoolWorker-%W] Task app.mail%K[%I] succeeded in 0.1s: None\n",
     "[%T: ERROR/ForkPoolWorker-%W] Task app.mail%K[%I] raised unexpected: KeyError('%K')\n"
     "Traceback (most recent call last):\n  File \"/srv/app.py\", line 9, in mail\n    d['%K']\n"
     "KeyError: '%K'\n"},
    {"pino",
     "{\"level\":30,\"time\":%E,\"pid\":7,\"hostname\":\"w\",\"queue\":\"q\",\"jobId\":\"%I\","
     "\"job\":\"mail%K\","
     "\"attempt\":1,\"msg\":\"job active\"}\n",
     "{\"level\":30,\"time\":%E,\"pid\":7,\"hostname\":\"w\",\"queue\":\"q\",\"jobId\":\"%I\","
     "\"job\":\"mail%K\","
     "\"durationMs\":41,\"returnvalue\":{\"sent\":true},\"msg\":\"job completed\"}\n",
     "{\"level\":50,\"time\":%E,\"pid\":7,\"hostname\":\"w\",\"queue\":\"q\",\"jobId\":\"%I\","
     "\"job\":\"mail%K\","
     "\"attempt\":1,\"err\":{\"type\":\"Error\",\"message\":\"connect ECONNREFUSED "
     "10.0.0.%K:25\",\"stack\":"
     "\"Error: connect ECONNREFUSED 10.0.0.%K:25\\n    at smtp (/srv/w.js:9:54)\"},\"msg\":\"job "
     "failed\"}\n"},
    {"journald", "%T+0000 w systemd[1]: Starting mail%K.service - Mail...\n",
     "%T+0000 w mail%K.sh[%W]: sent\n%T+0000 w systemd[1]: Finished mail%K.service - Mail.\n",
     "%T+0000 w mail%K.sh[%W]: ValueError: account %K of %I\n"
     "%T+0000 w systemd[1]: mail%K.service: Failed with result 'exit-code'.\n"},
    {"plain", "%TZ [mail%K] job %I started\n", "%TZ [mail%K] job %I finished in 0.1s\n",
     "%TZ [mail%K] job %I failed after 0.1s: no route to 10.0.0.%K\n    at f (/srv/w.js:1:2)\n"},
};

static void put(struct rp_buf *b, const char *text, unsigned run)
{
    unsigned s = run / 20;
    for (; *text != '\0'; text++) {
        if (*text != '%') {
            rp_buf_c(b, *text);
            continue;
        }
        switch (*++text) {
        case 'T':
            rp_buf_fmt(b, "2026-%02u-%02uT%02u:%02u:%02u.%03u", 1 + s / 2419200 % 12,
                       1 + s / 86400 % 28, s / 3600 % 24, s / 60 % 60, s % 60, run % 20 * 50);
            break;
        case 'E':
            rp_buf_fmt(b, "%llu", 1767225600000ULL + (unsigned long long)run * 50);
            break;
        case 'I':
            rp_buf_fmt(b, "%012x", run);
            break;
        case 'W':
            rp_buf_fmt(b, "%u", run % 16);
            break;
        default: /* K */
            rp_buf_fmt(b, "%u", run % 200);
        }
    }
}

/* Eight runs at a time are open, as workers are. */
static unsigned make_log(const struct shape *s, int fd, size_t bytes)
{
    struct rp_buf b = {0};
    size_t written = 0;
    unsigned run = 0;
    while (written < bytes) {
        b.n = 0;
        for (unsigned i = 0; i < 8; i++)
            put(&b, s->start, run + i);
        for (unsigned i = 0; i < 8; i++)
            put(&b, (run + i) % 8 == 3 ? s->failed : s->done, run + i);
        run += 8;
        if (write(fd, b.p, b.n) != (ssize_t)b.n) {
            (void)fprintf(stderr, "cannot write: %s\n", strerror(errno));
            exit(1);
        }
        written += b.n;
    }
    rp_buf_free(&b);
    return run;
}

/* Runs the program on the file; its answer into `out`, what it used into `use`. */
static bool analyze(const char *path, struct rp_buf *out, struct rusage *use)
{
    const char *bin = getenv("REPRISE_BIN");
    int pipe_fd[2], status;
    if (pipe(pipe_fd) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(pipe_fd[1], STDOUT_FILENO);
        (void)close(pipe_fd[0]);
        (void)execl(bin != NULL ? bin : "build/reprise", "reprise", "analyze", "--log", path,
                    "--json", (char *)NULL);
        _exit(127);
    }
    (void)close(pipe_fd[1]);
    char piece[65536];
    for (ssize_t n; (n = read(pipe_fd[0], piece, sizeof piece)) > 0;)
        rp_buf_add(out, piece, (size_t)n);
    (void)close(pipe_fd[0]);
    return wait4(pid, &status, 0, use) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static bool measure(const struct shape *s, const char *folder, size_t mb)
{
    char path[4200], want[64];
    struct rp_buf out = {0};
    struct rusage use;
    (void)snprintf(path, sizeof path, "%s/%s.log", folder, s->name);
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    if (fd < 0)
        return false;
    unsigned runs = make_log(s, fd, mb * 1000000);
    off_t size = lseek(fd, 0, SEEK_CUR);
    (void)close(fd);
    bool ok = analyze(path, &out, &use);
    (void)unlink(path);
    (void)snprintf(want, sizeof want, "\"runs\":%u,", runs);
    bool right = rp_str_find(rp_buf_view(&out), rp_str_of(want)) != SIZE_MAX &&
                 rp_str_find(rp_buf_view(&out), rp_str_of(s->name)) != SIZE_MAX;
    if (!ok || !right)
        (void)fprintf(stderr, "%s: the answer is wrong: %.200s\n", s->name,
                      out.p != NULL ? out.p : "");
    double cpu = seconds(use.ru_utime) + seconds(use.ru_stime);
    (void)printf(
        "{\"bench\":\"analyze_log\",\"format\":\"%s\",\"mb\":%.0f,\"runs\":%u,\"cpu_s\":%.2f,"
        "\"mb_per_min\":%.0f,\"goal_mb_per_min\":300,\"peak_mb\":%.0f}\n",
        s->name, (double)size / 1e6, runs, cpu, (double)size / 1e6 / cpu * 60,
        (double)use.ru_maxrss / 1000);
    rp_buf_free(&out);
    return ok && right;
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    char folder[4096];
    size_t mb = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
    bool ok = mb > 0;
    (void)snprintf(folder, sizeof folder, "%s/joblog_bench.XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (!ok || mkdtemp(folder) == NULL)
        return 2;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        ok = measure(&shapes[i], folder, mb) && ok;
    (void)rmdir(folder);
    return ok ? 0 : 1;
}
