#include "exec/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 64 << 10,
    DRAIN_BYTES = 1 << 20, /* the most that a pipe holds by default rights */
    EVENTS = 64,
    REAP_EVERY_US = 1000000,
    REAP_AFTER_US = 50000,
};

enum mail_kind { MAIL_START, MAIL_KILL, MAIL_SIGNAL, MAIL_GO_ON, MAIL_HANG_UP };

struct mail {
    struct mail *next;
    enum mail_kind kind;
    struct rp_run *run; /* start; of the others the id */
    uint64_t id;
    enum rp_ended_by why; /* kill */
    int64_t grace_us;
    int number; /* signal; stream */
};

struct rp_exec {
    struct rp_clock clock;
    rp_exec_done *done;
    void *ctx;
    struct rp_cgroup_home home;
    char mark[RP_MARK_LEN]; /* of this instance: store, a random number */
    int epoll, wake;
    pthread_t thread;

    pthread_mutex_t lock; /* protects all below; held for copies only, never over a call of done or
                             a system call that waits */
    struct mail *mail, **mail_end;
    struct rp_run
        *runs; /* changed by the exec thread only, which therefore reads it without the lock */
    size_t running;
    bool stopping;

    uint64_t seq; /* from here on: the exec thread's own */
    int64_t reap_us;
    char chunk[CHUNK_BYTES];
};

/* ---- mailbox ---- */

static void post(struct rp_exec *x, struct mail m)
{
    struct mail *copy = rp_xmalloc(sizeof *copy);
    *copy = m;
    copy->next = NULL;
    (void)pthread_mutex_lock(&x->lock);
    *x->mail_end = copy;
    x->mail_end = &copy->next;
    x->running += m.run != NULL;
    (void)pthread_mutex_unlock(&x->lock);
    (void)eventfd_write(x->wake, 1);
}

static struct mail *take_mail(struct rp_exec *x, bool *stopping)
{
    (void)pthread_mutex_lock(&x->lock);
    struct mail *all = x->mail;
    x->mail = NULL;
    x->mail_end = &x->mail;
    *stopping = x->stopping;
    (void)pthread_mutex_unlock(&x->lock);
    return all;
}

void rp_exec_start(struct rp_exec *x, uint64_t id, const struct rp_exec_spec *spec)
{
    post(x, (struct mail){.kind = MAIL_START, .run = rp_run_new(id, spec, &x->clock)});
}

void rp_exec_kill(struct rp_exec *x, uint64_t id, enum rp_ended_by why, int64_t grace_us)
{
    post(x, (struct mail){.kind = MAIL_KILL, .id = id, .why = why, .grace_us = grace_us});
}

void rp_exec_signal(struct rp_exec *x, uint64_t id, int sig)
{
    post(x, (struct mail){.kind = MAIL_SIGNAL, .id = id, .number = sig});
}

void rp_exec_go_on(struct rp_exec *x, uint64_t id, int stream)
{
    post(x, (struct mail){.kind = MAIL_GO_ON, .id = id, .number = stream});
}

void rp_exec_hang_up(struct rp_exec *x, uint64_t id, int stream)
{
    post(x, (struct mail){.kind = MAIL_HANG_UP, .id = id, .number = stream});
}

static struct rp_run *find_run(const struct rp_exec *x, uint64_t id)
{
    struct rp_run *r = x->runs;
    while (r != NULL && r->id != id)
        r = r->next;
    return r;
}

bool rp_exec_peek(struct rp_exec *x, uint64_t id, struct rp_output *copy)
{
    *copy = (struct rp_output){0};
    (void)pthread_mutex_lock(&x->lock);
    struct rp_run *r = find_run(x, id);
    if (r != NULL)
        rp_capture_copy(&r->capture, copy);
    (void)pthread_mutex_unlock(&x->lock);
    return r != NULL;
}

uint64_t rp_exec_written(struct rp_exec *x, uint64_t id)
{
    (void)pthread_mutex_lock(&x->lock);
    const struct rp_run *r = find_run(x, id);
    uint64_t n = r != NULL ? r->capture.total[0] : 0;
    (void)pthread_mutex_unlock(&x->lock);
    return n;
}

size_t rp_exec_running(struct rp_exec *x)
{
    (void)pthread_mutex_lock(&x->lock);
    size_t n = x->running;
    (void)pthread_mutex_unlock(&x->lock);
    return n;
}

/* ---- output ---- */

/* Taken out of the epoll set by name: a child that another thread is just starting may still hold a
 * copy of the descriptor, and closing ours would leave it in the set. */
static void unwatch(struct rp_exec *x, int *fd)
{
    if (*fd < 0)
        return;
    (void)epoll_ctl(x->epoll, EPOLL_CTL_DEL, *fd, NULL);
    (void)close(*fd);
    *fd = -1;
}

/* Out of the epoll set and not only without EPOLLIN: the end of the writers would wake us for ever.
 */
static void pass_on(struct rp_exec *x, struct rp_run *r, int stream, size_t n)
{
    const struct rp_exec_attach *to = &r->spec.attach;
    if (to->output == NULL || to->output(to->ctx, stream, x->chunk, n) || r->paused[stream])
        return;
    r->paused[stream] = true;
    (void)epoll_ctl(x->epoll, EPOLL_CTL_DEL, r->child.out[stream], NULL);
}

/* Reads once; false when nothing more can come now. */
static bool read_stream(struct rp_exec *x, struct rp_run *r, int stream, size_t *got)
{
    int *fd = &r->child.out[stream];
    ssize_t n = *fd >= 0 ? read(*fd, x->chunk, sizeof x->chunk) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        unwatch(x, fd);
        return false;
    }
    (void)pthread_mutex_lock(&x->lock);
    rp_capture_add(&r->capture, stream, x->chunk, (size_t)n);
    (void)pthread_mutex_unlock(&x->lock);
    pass_on(x, r, stream, (size_t)n);
    *got += (size_t)n;
    return true;
}

/* What was written before the tree ended. Bounded: a process outside of the tree may hold the pipe
 * and go on writing. */
static void drain(struct rp_exec *x, struct rp_run *r)
{
    for (int stream = 1; stream <= 2; stream++) {
        size_t got = 0;
        while (got < DRAIN_BYTES && read_stream(x, r, stream, &got))
            ;
    }
}

static void unwatch_run(struct rp_exec *x, struct rp_run *r)
{
    unwatch(x, &r->child.pidfd);
    unwatch(x, &r->child.out[1]);
    unwatch(x, &r->child.out[2]);
}

/* ---- runs ---- */

static void finish(struct rp_exec *x, struct rp_run *r)
{
    rp_capture_copy(&r->capture, &r->result.output);
    r->result.watch_hits = r->capture.watch.hits;
    x->done(x->ctx, r->id, &r->result);
    rp_run_free(r);
    (void)pthread_mutex_lock(&x->lock);
    x->running--;
    (void)pthread_mutex_unlock(&x->lock);
}

static bool watch_fd(struct rp_exec *x, struct rp_run *r, int stream, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &r->sources[stream]};
    return epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static void watch_run(struct rp_exec *x, struct rp_run *r)
{
    if (watch_fd(x, r, 0, r->child.pidfd) && watch_fd(x, r, 1, r->child.out[1]) &&
        watch_fd(x, r, 2, r->child.out[2]))
        return;
    (void)rp_fail(&r->result.err, RP_E_SPAWN, "cannot watch the process: %s", strerror(errno));
    (void)rp_hint(&r->result.err, "raise fs.epoll.max_user_watches, or lower max_running");
    rp_run_kill(r, RP_END_NOT_STARTED, 0);
}

static void start_run(struct rp_exec *x, struct rp_run *r, bool stopping)
{
    if (stopping)
        rp_run_not_started(r, RP_E_STOPPING, "not started: the daemon is stopping", "run it again");
    if (stopping || !rp_run_begin(r, &x->home, x->mark, x->seq++)) {
        finish(x, r);
        return;
    }
    (void)pthread_mutex_lock(&x->lock);
    r->next = x->runs;
    x->runs = r;
    (void)pthread_mutex_unlock(&x->lock);
    watch_run(x, r);
}

static void go_on(struct rp_exec *x, struct rp_run *r, int stream)
{
    if (r->paused[stream] && r->child.out[stream] >= 0)
        (void)watch_fd(x, r, stream, r->child.out[stream]);
    r->paused[stream] = false;
}

static void read_mail(struct rp_exec *x, const struct mail *m, struct rp_run *r, bool stopping)
{
    switch (m->kind) {
    case MAIL_START:
        start_run(x, r, stopping);
        break;
    case MAIL_KILL:
        rp_run_kill(r, m->why, m->grace_us);
        break;
    case MAIL_SIGNAL: /* its zombie keeps the number of the group from being used again */
        (void)kill(-r->child.pid, m->number);
        break;
    case MAIL_GO_ON:
        go_on(x, r, m->number);
        break;
    case MAIL_HANG_UP:
        unwatch(x, &r->child.out[m->number]);
        break;
    }
}

static bool handle_mail(struct rp_exec *x)
{
    bool stopping;
    struct mail *next;
    for (struct mail *m = take_mail(x, &stopping); m != NULL; m = next) {
        struct rp_run *r = m->kind == MAIL_START ? m->run : find_run(x, m->id);
        if (r != NULL)
            read_mail(x, m, r, stopping);
        next = m->next;
        free(m);
    }
    return stopping;
}

static void handle_event(struct rp_exec *x, struct rp_source *s)
{
    eventfd_t ignored;
    size_t got = 0;
    if (s == NULL) {
        (void)eventfd_read(x->wake, &ignored);
    } else if (s->stream > 0) {
        (void)read_stream(x, s->run, s->stream, &got);
    } else {
        unwatch(x, &s->run->child.pidfd);
        if (!s->run->main_ended)
            rp_run_main_ended(s->run);
    }
}

static void unlink_run(struct rp_exec *x, struct rp_run **at)
{
    (void)pthread_mutex_lock(&x->lock);
    *at = (*at)->next;
    (void)pthread_mutex_unlock(&x->lock);
}

/* Steps all runs; returns when the next step is due. */
static int64_t step_runs(struct rp_exec *x)
{
    int64_t next = INT64_MAX;
    for (struct rp_run **at = &x->runs; *at != NULL;) {
        struct rp_run *r = *at;
        if (rp_run_step(r)) {
            drain(x, r);
            unwatch_run(x, r);
            unlink_run(x, at);
            finish(x, r);
            x->reap_us = rp_mono(&x->clock) + REAP_AFTER_US;
            continue;
        }
        if (rp_run_next_us(r) < next)
            next = rp_run_next_us(r);
        at = &r->next;
    }
    return next;
}

/* ---- thread ---- */

static void reap(struct rp_exec *x)
{
    if (rp_mono(&x->clock) >= x->reap_us) {
        (void)rp_orphans_reap();
        x->reap_us = INT64_MAX;
    }
    if (x->runs != NULL && x->reap_us == INT64_MAX)
        x->reap_us = rp_mono(&x->clock) + REAP_EVERY_US;
}

static void stop_runs(struct rp_exec *x)
{
    for (struct rp_run *r = x->runs; r != NULL; r = r->next)
        rp_run_kill(r, RP_END_STOP, 0);
}

static int wait_ms(const struct rp_exec *x, int64_t next_us)
{
    if (x->reap_us < next_us)
        next_us = x->reap_us;
    if (next_us == INT64_MAX)
        return -1;
    int64_t left = next_us - rp_mono(&x->clock);
    if (left <= 0)
        return 0;
    return left >= 60 * RP_US_S ? 60000 : (int)((left + 999) / 1000);
}

static void *exec_thread(void *arg)
{
    struct rp_exec *x = arg;
    struct epoll_event events[EVENTS];
    for (;;) {
        bool stopping = handle_mail(x);
        if (stopping)
            stop_runs(x);
        int64_t next = step_runs(x);
        reap(x);
        if (stopping && rp_exec_running(x) == 0)
            break;
        int n = epoll_wait(x->epoll, events, EVENTS, wait_ms(x, next));
        for (int i = 0; i < n; i++)
            handle_event(x, events[i].data.ptr);
    }
    (void)rp_orphans_reap();
    return NULL;
}

/* ---- life ---- */

static bool open_home(struct rp_exec *x, const struct rp_exec_options *o, struct rp_err *err)
{
    bool asked = o->cgroup.p != NULL && !rp_str_is(o->cgroup, "none");
    if (rp_cgroup_home_open(&x->home, o, err))
        return true;
    if (asked)
        return false;
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ||
           rp_fail(err, RP_E_INTERNAL, "cannot become a subreaper: %s", strerror(errno));
}

static void set_mark(struct rp_exec *x, struct rp_str store_id)
{
    uint64_t nonce;
    arc4random_buf(&nonce, sizeof nonce);
    rp_mark_prefix(x->mark, store_id);
    size_t n = strlen(x->mark);
    (void)snprintf(x->mark + n, sizeof x->mark - n, "%016" PRIx64 ".", nonce);
}

static bool open_loop(struct rp_exec *x, struct rp_err *err)
{
    struct epoll_event e = {.events = EPOLLIN};
    x->epoll = epoll_create1(EPOLL_CLOEXEC);
    x->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (x->epoll >= 0 && x->wake >= 0 && epoll_ctl(x->epoll, EPOLL_CTL_ADD, x->wake, &e) == 0)
        return true;
    return rp_fail(err, RP_E_IO, "cannot watch processes: %s", strerror(errno));
}

/* All signals are blocked in the thread: the daemon's handlers run elsewhere, never in a child that
 * still shares our memory. */
static bool start_thread(struct rp_exec *x, struct rp_err *err)
{
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&x->thread, NULL, exec_thread, x);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error == 0)
        (void)pthread_setname_np(x->thread, "reprise-exec");
    return error == 0 || rp_fail(err, RP_E_IO, "cannot start the exec thread: %s", strerror(error));
}

static void release(struct rp_exec *x)
{
    rp_cgroup_home_close(&x->home);
    if (x->epoll >= 0)
        (void)close(x->epoll);
    if (x->wake >= 0)
        (void)close(x->wake);
    (void)pthread_mutex_destroy(&x->lock);
    free(x);
}

struct rp_exec *rp_exec_new(const struct rp_exec_options *o, struct rp_err *err)
{
    struct rp_exec *x = rp_xcalloc(1, sizeof *x);
    x->clock = o->clock != NULL ? *o->clock : rp_clock_system;
    x->done = o->done;
    x->ctx = o->ctx;
    x->epoll = x->wake = -1;
    x->mail_end = &x->mail;
    x->reap_us = INT64_MAX;
    (void)pthread_mutex_init(&x->lock, NULL);
    set_mark(x, o->store_id);
    if (open_home(x, o, err) && open_loop(x, err) && start_thread(x, err))
        return x;
    release(x);
    return NULL;
}

enum rp_covers rp_exec_covers(const struct rp_exec *x)
{
    return x->home.path[0] != '\0' ? RP_COVERS_CGROUP : RP_COVERS_SUBREAPER;
}

unsigned rp_exec_controls(const struct rp_exec *x)
{
    return x->home.controls;
}

void rp_exec_free(struct rp_exec *x)
{
    if (x == NULL)
        return;
    (void)pthread_mutex_lock(&x->lock);
    x->stopping = true;
    (void)pthread_mutex_unlock(&x->lock);
    (void)eventfd_write(x->wake, 1);
    (void)pthread_join(x->thread, NULL);
    release(x);
}
