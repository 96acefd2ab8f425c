/* One job at a time on an idle daemon: how long until a worker has it, until its process runs; and
 * what a bare process costs. */
#include "load.h"

#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two samples, so that the daemon sleeps when the next one comes; not the same each time,
 * so that no timer beats along with it. */
enum { GAP_MS = 3, GAP_MORE_MS = 4, STAMP_MS = 30000 };

static void gap(void)
{
    struct timespec t = {.tv_nsec = (GAP_MS + rand() % GAP_MORE_MS) * 1000000L};
    (void)nanosleep(&t, NULL);
}

static void job_request(const struct load *l, struct rp_buf *out)
{
    struct rp_buf body = {0};
    load_jobs_body(l, 1, &body);
    http_request(&l->http, "/v1/jobs", rp_buf_view(&body), out);
    rp_buf_free(&body);
}

/* ---- a worker that waits ---- */

static void nothing(void *ctx, struct http *h, struct http_conn *c)
{
    (void)ctx;
    (void)h;
    (void)c;
}

static struct rp_str value_of(struct rp_str in, struct rp_str name)
{
    size_t at = rp_str_find(in, name);
    if (at == SIZE_MAX)
        bench_die("no %.*s in %.*s", RP_FMT(name), RP_FMT(in));
    const char *p = in.p + at + name.n;
    return (struct rp_str){p, strcspn(p, "\"")};
}

static void report(struct http *h, struct http_conn *c)
{
    struct rp_buf body = {0};
    rp_buf_fmt(&body, "[{\"lease\":\"%.*s\",\"token\":\"%.*s\",\"outcome\":\"succeeded\"}]",
               RP_FMT(value_of(c->body, RP_STR("\"lease\":\""))),
               RP_FMT(value_of(c->body, RP_STR("\"token\":\""))));
    http_request(h, "/v1/work/report", rp_buf_view(&body), &c->mine);
    rp_buf_free(&body);
    http_call(h, c, rp_buf_view(&c->mine));
}

void load_fetch(struct load *l)
{
    struct http *h = &l->http;
    struct http_conn *worker = &h->conn[0], *producer = &h->conn[1];
    struct rp_buf job = {0}, fetch = {0};
    struct times times = {0};
    job_request(l, &job);
    http_request(h, "/v1/work/fetch", RP_STR("{\"worker\":\"bench\",\"wait_ms\":30000}"), &fetch);
    http_open(h, 2);
    for (int64_t i = 0; i < l->n; i++) {
        http_send(h, worker, rp_buf_view(&fetch));
        gap();
        http_send(h, producer, rp_buf_view(&job));
        int64_t began = producer->began_us;
        while (worker->busy || producer->busy)
            http_wait(h, -1, nothing, NULL);
        times_add(&times, worker->began_us + worker->took_us - began);
        report(h, worker);
    }
    (void)printf("{");
    times_print(&times, "");
    (void)printf("}\n");
    times_free(&times);
    rp_buf_free(&job);
    rp_buf_free(&fetch);
    http_close(h);
}

/* ---- processes ---- */

/* Where stamp.c sends the time at which it began: an address without a file. */
static int stamp_socket(const char *name)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct timeval most = {.tv_sec = STAMP_MS / 1000};
    memcpy(sa.sun_path + 1, name, strlen(name));
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) != 0)
        bench_die("no socket for stamps");
    return fd;
}

static int64_t stamp(int fd)
{
    int64_t us;
    if (recv(fd, &us, sizeof us, 0) != (ssize_t)sizeof us)
        bench_die("a process did not say when it began");
    return us;
}

static pid_t spawn(const char *program, const char *arg)
{
    char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)arg, NULL};
    char *env[] = {NULL};
    pid_t pid;
    if (posix_spawn(&pid, program, NULL, NULL, argv, env) != 0)
        bench_die("cannot start %s", program);
    return pid;
}

static void reap(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        bench_die("a process failed");
}

static int64_t bare(const struct load *l, int fd)
{
    int64_t began = bench_now();
    pid_t pid = spawn(l->program, l->stamp);
    int64_t us = stamp(fd) - began;
    reap(pid);
    return us;
}

void load_start(struct load *l)
{
    struct http *h = &l->http;
    struct rp_buf job = {0};
    struct times jobs = {0}, bares = {0}, beyond = {0};
    int fd = stamp_socket(l->stamp);
    job_request(l, &job);
    http_open(h, 1);
    for (int64_t i = 0; i < l->n; i++) {
        gap();
        int64_t base = bare(l, fd);
        gap();
        http_call(h, &h->conn[0], rp_buf_view(&job));
        int64_t us = stamp(fd) - h->conn[0].began_us;
        times_add(&jobs, us);
        times_add(&bares, base);
        times_add(&beyond, us - base);
        for (int settle = 0; settle < 4; settle++) /* the daemon writes down its end */
            gap();
    }
    (void)printf("{");
    times_print(&jobs, "job_");
    (void)printf(",");
    times_print(&bares, "bare_");
    (void)printf(",");
    times_print(&beyond, "beyond_");
    (void)printf("}\n");
    times_free(&jobs);
    times_free(&bares);
    times_free(&beyond);
    rp_buf_free(&job);
    http_close(h);
    (void)close(fd);
}

void load_spawn(struct load *l)
{
    int64_t from = bench_now();
    for (int64_t i = 0; i < l->n; i++)
        reap(spawn(l->program, NULL));
    (void)printf("{\"per_s\":%.0f,\"runs\":%" PRId64 "}\n",
                 (double)l->n * 1e6 / (double)(bench_now() - from), l->n);
}
