/* One check, on a thread of its own: name resolution, and what libraries do at their end, cannot be
 * interrupted; so whoever asks waits no longer than the time limit and leaves the rest behind. */
#include "deps/internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static dep_check *const kinds[] = {
    [RP_DEP_POSTGRES] = check_postgres,
    [RP_DEP_HTTP] = check_http,
    [RP_DEP_TCP] = check_tcp,
    [RP_DEP_COMMAND] = check_command,
};

struct dep_job {
    pthread_mutex_t lock; /* protects refs, ended */
    pthread_cond_t cond;  /* CLOCK_MONOTONIC */
    int refs;             /* the thread's, the asker's */
    bool ended;
    atomic_bool quit;
    struct rp_arena arena;
    struct rp_dep dep; /* a copy: a thread left behind may outlive the configuration */
    struct rp_dep_result result;
};

void dep_down(struct rp_dep_result *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out->up = false;
    (void)vsnprintf(out->says, sizeof out->says, fmt, ap);
    va_end(ap);
}

/* What a peer said ends on a terminal and in JSON: one line of valid text. */
static void clean(char *says)
{
    size_t n = strlen(says), to = 0;
    for (size_t i = 0, len; i < n; i += len) {
        len = rp_utf8_len(says + i, n - i);
        if (len == 0 || (len == 1 && ((unsigned char)says[i] < ' ' || says[i] == 0x7f))) {
            says[to++] = len == 0 ? '?' : ' ';
            len = 1;
        } else {
            memmove(says + to, says + i, len);
            to += len;
        }
    }
    says[to] = '\0';
}

static void drop(struct dep_job *j)
{
    (void)pthread_mutex_lock(&j->lock);
    bool last = --j->refs == 0;
    (void)pthread_mutex_unlock(&j->lock);
    if (!last)
        return;
    (void)pthread_mutex_destroy(&j->lock);
    (void)pthread_cond_destroy(&j->cond);
    rp_arena_free(&j->arena);
    free(j);
}

static void *run(void *arg)
{
    struct dep_job *j = arg;
    struct rp_dep_result *r = &j->result;
    int64_t from = rp_mono(&rp_clock_system);
    kinds[j->dep.kind](&j->dep, j->dep.timeout_us, &j->quit, r);
    r->latency_us = rp_mono(&rp_clock_system) - from;
    clean(r->says);
    size_t n = strlen(r->says);
    if (r->up && j->dep.kind != RP_DEP_COMMAND)
        (void)snprintf(r->says + n, sizeof r->says - n, " in %lld ms",
                       (long long)((r->latency_us + 500) / 1000));
    (void)pthread_mutex_lock(&j->lock);
    j->ended = true;
    (void)pthread_cond_signal(&j->cond);
    (void)pthread_mutex_unlock(&j->lock);
    drop(j);
    return NULL;
}

static void copy_dep(struct rp_arena *a, struct rp_dep *to, const struct rp_dep *from)
{
    *to = *from;
    to->name = rp_str_dup(a, from->name);
    to->target = rp_str_dup(a, from->target);
    to->command.v = RP_NEW_N(a, struct rp_str, from->command.n);
    for (size_t i = 0; i < from->command.n; i++)
        to->command.v[i] = rp_str_dup(a, from->command.v[i]);
}

struct dep_job *dep_job_start(const struct rp_dep *dep)
{
    struct dep_job *j = rp_xcalloc(1, sizeof *j);
    pthread_attr_t detached;
    pthread_t thread;
    copy_dep(&j->arena, &j->dep, dep);
    j->refs = 2;
    (void)pthread_mutex_init(&j->lock, NULL);
    rp_cond_init(&j->cond);
    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, run, j) != 0) {
        dep_down(&j->result, "not checked: no thread for it");
        j->ended = true;
        j->refs = 1;
    }
    (void)pthread_attr_destroy(&detached);
    return j;
}

bool dep_job_wait(struct dep_job *j, int64_t wait_us, const atomic_bool *quit)
{
    int64_t until_us = rp_mono(&rp_clock_system) + wait_us;
    (void)pthread_mutex_lock(&j->lock);
    while (!j->ended && rp_mono(&rp_clock_system) < until_us &&
           (quit == NULL || !atomic_load(quit))) {
        struct timespec slice = rp_deadline(DEP_SLICE_US);
        (void)pthread_cond_timedwait(&j->cond, &j->lock, &slice);
    }
    bool ended = j->ended;
    (void)pthread_mutex_unlock(&j->lock);
    return ended;
}

void dep_job_result(struct dep_job *j, bool ended, struct rp_dep_result *out)
{
    if (ended) {
        *out = j->result;
        return;
    }
    *out = (struct rp_dep_result){.latency_us = j->dep.timeout_us};
    dep_down(out, "no answer within the time limit");
}

void dep_job_leave(struct dep_job *j)
{
    atomic_store(&j->quit, true);
    drop(j);
}

void rp_dep_check(const struct rp_dep *dep, struct rp_dep_result *out)
{
    struct dep_job *j = dep_job_start(dep);
    dep_job_result(j, dep_job_wait(j, dep->timeout_us + DEP_LATE_US, NULL), out);
    dep_job_leave(j);
}
