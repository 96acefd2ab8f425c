/* The command of `reprise exec`: its output goes on to our own, our signals go to it. */
#include "cli/exec_internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { PENDING_BYTES = 64 << 10 }; /* beyond it, the command waits for the reader of its output */

static const int passed[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/* One stream on its way to our own. A thread writes it: our reader may stop reading (a pager), and
 * the time limit must hold all the same. */
struct pass {
    struct child *child;
    int stream;
    bool started;
    pthread_t thread;
    struct rp_buf pending;
    bool writing, paused; /* writing: taken out of pending, not out of our hands */
    bool gone;            /* nobody reads it any more */
};

struct child {
    struct rp_exec *exec;
    int signals, wake;
    uint64_t ignored;
    int told;

    pthread_mutex_t lock; /* protects all below */
    pthread_cond_t more;
    bool stopping, ended;
    uint64_t id; /* of the attempt */
    struct rp_exec_result result;
    struct pass pass[3];
};

static void wake(struct child *c)
{
    (void)eventfd_write(c->wake, 1);
}

/* ---- output, on the exec thread ---- */

static bool take_output(void *ctx, int stream, const char *p, size_t n)
{
    struct child *c = ctx;
    struct pass *s = &c->pass[stream];
    (void)pthread_mutex_lock(&c->lock);
    if (!s->gone)
        rp_buf_add(&s->pending, p, n);
    s->paused = !s->gone && s->pending.n >= PENDING_BYTES;
    bool enough = s->paused;
    (void)pthread_cond_broadcast(&c->more);
    (void)pthread_mutex_unlock(&c->lock);
    return !enough;
}

static void take_end(void *ctx, uint64_t id, struct rp_exec_result *result)
{
    struct child *c = ctx;
    (void)id;
    (void)pthread_mutex_lock(&c->lock);
    c->result = *result;
    result->output = (struct rp_output){0};
    c->ended = true;
    (void)pthread_mutex_unlock(&c->lock);
    wake(c);
}

/* ---- output, on a thread for each stream ---- */

/* Another program may have made the terminal or pipe non-blocking for all of its users. */
static bool write_all(int fd, struct rp_str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        if (n < 0 && errno == EAGAIN)
            (void)poll(&room, 1, -1);
        else if (n < 0 && errno != EINTR)
            return false;
        s.p += n > 0 ? n : 0;
        s.n -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* With the lock held; let go of while it writes. */
static void write_pending(struct child *c, struct pass *s)
{
    struct rp_buf taken = s->pending;
    bool paused = s->paused;
    uint64_t id = c->id;
    s->pending = (struct rp_buf){0};
    s->paused = false;
    s->writing = true;
    (void)pthread_mutex_unlock(&c->lock);
    bool ok = write_all(s->stream, rp_buf_view(&taken));
    rp_buf_free(&taken);
    (void)pthread_mutex_lock(&c->lock);
    s->writing = false;
    s->gone = !ok;
    if (c->stopping) /* there may be no exec any more */
        return;
    if (!ok)
        rp_exec_hang_up(c->exec, id, s->stream); /* as the command would have met it itself */
    else if (paused)
        rp_exec_go_on(c->exec, id, s->stream);
}

static void *pass_thread(void *arg)
{
    struct pass *s = arg;
    struct child *c = s->child;
    (void)pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        if (s->gone)
            rp_buf_free(&s->pending);
        if (s->pending.n > 0) {
            write_pending(c, s);
            continue;
        }
        wake(c); /* someone may wait until all is written */
        (void)pthread_cond_wait(&c->more, &c->lock);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- waiting, on the main thread ---- */

static bool ends_us(int sig)
{
    return sig != SIGUSR1 && sig != SIGUSR2;
}

/* The signal that came; 0: something else happened, or the time is up. */
static int await(struct child *c, int64_t until_us)
{
    struct pollfd fds[] = {{.fd = c->signals, .events = POLLIN}, {.fd = c->wake, .events = POLLIN}};
    struct signalfd_siginfo info;
    eventfd_t ignored;
    int64_t left = until_us == INT64_MAX ? -1 : until_us - rp_mono(&rp_clock_system);
    int ms = left < 0 ? (until_us == INT64_MAX ? -1 : 0)
                      : (int)((left < 60 * RP_US_S ? left : 60 * RP_US_S) / 1000 + 1);
    if (poll(fds, 2, ms) <= 0)
        return 0;
    if (fds[1].revents != 0)
        (void)eventfd_read(c->wake, &ignored);
    if (fds[0].revents == 0 || read(c->signals, &info, sizeof info) != sizeof info)
        return 0;
    if (ends_us((int)info.ssi_signo))
        c->told = (int)info.ssi_signo;
    return (int)info.ssi_signo;
}

static bool has_ended(struct child *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool ended = c->ended;
    (void)pthread_mutex_unlock(&c->lock);
    return ended;
}

void child_run(struct child *c, struct rp_exec_spec *spec, struct rp_exec_result *out)
{
    spec->attach.output = take_output;
    spec->attach.ctx = c;
    spec->attach.ignored = c->ignored;
    (void)pthread_mutex_lock(&c->lock);
    uint64_t id = ++c->id;
    c->ended = false;
    (void)pthread_mutex_unlock(&c->lock);
    rp_exec_start(c->exec, id, spec);
    while (!has_ended(c)) {
        int sig = await(c, INT64_MAX);
        if (sig != 0)
            rp_exec_signal(c->exec, id, sig);
    }
    *out = c->result;
}

void child_stop(struct child *c, enum rp_ended_by why)
{
    (void)pthread_mutex_lock(&c->lock);
    uint64_t id = c->id;
    (void)pthread_mutex_unlock(&c->lock);
    rp_exec_kill(c->exec, id, why, -1);
}

int child_told_to_end(const struct child *c)
{
    return c->told;
}

void child_sleep(struct child *c, int64_t us)
{
    int64_t until_us = rp_mono(&rp_clock_system) + us;
    while (c->told == 0 && rp_mono(&rp_clock_system) < until_us)
        (void)await(c, until_us);
}

static bool delivered(struct child *c)
{
    bool all = true;
    (void)pthread_mutex_lock(&c->lock);
    for (int i = 1; i <= 2; i++)
        all &= c->pass[i].gone || (c->pass[i].pending.n == 0 && !c->pass[i].writing);
    (void)pthread_mutex_unlock(&c->lock);
    return all;
}

bool child_drain(struct child *c, bool hurry, int64_t most_us)
{
    int64_t until_us = INT64_MAX;
    while (!delivered(c)) {
        int64_t now = rp_mono(&rp_clock_system);
        if (until_us == INT64_MAX && (hurry || c->told != 0))
            until_us = now + most_us;
        if (now >= until_us)
            return false;
        (void)await(c, until_us);
    }
    return true;
}

/* ---- life ---- */

/* What we ignore for ourselves (writing must fail, not kill), the command does not inherit. */
static void take_signals(struct child *c)
{
    sigset_t set;
    struct sigaction now;
    for (int sig = 1; sig <= 64; sig++)
        if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            c->ignored |= UINT64_C(1) << (sig - 1);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        (void)sigaddset(&set, passed[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool start_threads(struct child *c)
{
    for (int i = 1; i <= 2; i++) {
        c->pass[i].child = c;
        c->pass[i].stream = i;
        c->pass[i].started =
            pthread_create(&c->pass[i].thread, NULL, pass_thread, &c->pass[i]) == 0;
    }
    return c->pass[1].started && c->pass[2].started;
}

struct child *child_new(struct rp_err *err)
{
    struct child *c = rp_xcalloc(1, sizeof *c);
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->more, NULL);
    take_signals(c);
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct rp_exec_options o = {.done = take_end, .ctx = c, .no_limits = true};
    c->exec = rp_exec_new(&o, err);
    if (c->exec != NULL && c->signals >= 0 && c->wake >= 0 && start_threads(c))
        return c;
    if (c->exec != NULL)
        (void)rp_fail(err, RP_E_SPAWN, "the machine lacks descriptors or threads");
    child_free(c);
    return NULL;
}

/* A thread that still writes to a reader that does not read cannot be waited for: it ends with the
 * process. */
static bool end_thread(struct pass *s, bool stuck)
{
    if (!s->started)
        return true;
    if (stuck)
        (void)pthread_detach(s->thread);
    else
        (void)pthread_join(s->thread, NULL);
    return !stuck;
}

void child_free(struct child *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->stopping = true;
    bool stuck[3] = {false, c->pass[1].writing, c->pass[2].writing};
    (void)pthread_cond_broadcast(&c->more);
    (void)pthread_mutex_unlock(&c->lock);
    bool out = end_thread(&c->pass[1], stuck[1]), err = end_thread(&c->pass[2], stuck[2]);
    rp_exec_free(c->exec);
    (void)close(c->signals);
    (void)close(c->wake);
    if (!out || !err)
        return; /* its thread has the lock in its hands: what it uses stays */
    rp_buf_free(&c->pass[1].pending);
    rp_buf_free(&c->pass[2].pending);
    (void)pthread_mutex_destroy(&c->lock);
    (void)pthread_cond_destroy(&c->more);
    free(c);
}
