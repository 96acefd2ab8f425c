/* One struct rp_exec with a table of results, for the tests of exec/. A test runs a command and
 * waits for its certificate. */
#ifndef RP_TESTS_EXEC_WORLD_H
#define RP_TESTS_EXEC_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exec/internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WORLD_IDS = 20000, DEADLINE_S = 240 };

struct world {
    struct rp_exec *x;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    size_t n_done;
    struct {
        bool done;
        struct rp_exec_result result;
    } of[WORLD_IDS];
};

static inline void world_done(void *ctx, uint64_t id, struct rp_exec_result *result)
{
    struct world *w = ctx;
    pthread_mutex_lock(&w->lock);
    if (w->of[id].done)
        abort(); /* one certificate a run */
    w->of[id].done = true;
    w->of[id].result = *result;
    result->output = (struct rp_output){0};
    w->n_done++;
    pthread_cond_broadcast(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

static inline struct world *world_new(struct rp_str cgroup, struct rp_str store_id)
{
    struct world *w = rp_xcalloc(1, sizeof *w);
    struct rp_err err = {0};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->cond, NULL);
    w->x = rp_exec_new(
        &(struct rp_exec_options){
            .cgroup = cgroup, .store_id = store_id, .done = world_done, .ctx = w},
        &err);
    if (w->x == NULL)
        fail_msg("rp_exec_new: %s", err.message);
    return w;
}

static inline void world_free(struct world *w)
{
    rp_exec_free(w->x);
    for (size_t i = 0; i < WORLD_IDS; i++)
        rp_output_free(&w->of[i].result.output);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->cond);
    free(w);
}

static inline struct timespec world_deadline(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += DEADLINE_S;
    return t;
}

static inline struct rp_exec_result *world_wait(struct world *w, uint64_t id)
{
    struct timespec until = world_deadline();
    int timed_out = 0;
    pthread_mutex_lock(&w->lock);
    while (!w->of[id].done && timed_out == 0)
        timed_out = pthread_cond_timedwait(&w->cond, &w->lock, &until);
    pthread_mutex_unlock(&w->lock);
    if (timed_out != 0)
        fail_msg("run %d was not done within %d s", (int)id, DEADLINE_S);
    return &w->of[id].result;
}

static inline void world_wait_all(struct world *w, size_t n)
{
    for (uint64_t id = 0; id < n; id++)
        (void)world_wait(w, id);
}

#define STRS(...)                                                                                  \
    ((struct rp_strs){(struct rp_str[]){__VA_ARGS__},                                              \
                      sizeof((struct rp_str[]){__VA_ARGS__}) / sizeof(struct rp_str)})

static struct rp_env world_env[] = {{{"PATH", 4}, {"/usr/local/bin:/usr/bin:/bin", 28}}};

static inline struct rp_exec_spec spec_of(struct rp_strs argv)
{
    return (struct rp_exec_spec){
        .argv = argv,
        .env = world_env,
        .n_env = 1,
        .timeout_us = DEADLINE_S * RP_US_S,
        .grace_us = RP_US_S,
        .umask = -1,
        .keep_bytes = 256 << 10,
    };
}

#define SHELL(script) spec_of(STRS(RP_STR("/bin/sh"), RP_STR("-c"), rp_str_of(script)))

static inline struct rp_exec_result *world_run(struct world *w, uint64_t id,
                                               struct rp_exec_spec spec)
{
    rp_exec_start(w->x, id, &spec);
    return world_wait(w, id);
}

/* The text of a stream, in a buffer of the caller's. */
static inline const char *text_of(const struct rp_exec_result *r, int stream, struct rp_buf *b)
{
    b->n = 0;
    rp_output_text(&r->output, stream, b);
    rp_buf_c(b, '\0');
    return b->p;
}

static inline void assert_text(const struct rp_exec_result *r, int stream, const char *expected)
{
    struct rp_buf b = {0};
    assert_string_equal(text_of(r, stream, &b), expected);
    rp_buf_free(&b);
}

/* Bytes of much output: a sanitizer's program takes ten times as long for each. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MUCH(bytes) ((bytes) / 10)
#else
#define MUCH(bytes) (bytes)
#endif

static inline size_t lines_said(const struct rp_exec_result *r)
{
    struct rp_buf b = {0};
    size_t n = 0;
    rp_output_text(&r->output, 0, &b);
    for (size_t i = 0; i < b.n; i++)
        n += b.p[i] == '\n';
    rp_buf_free(&b);
    return n;
}

/* A run that its time limit ends, but not before it could say so many lines: where the machine is
 * so slow that the limit came too early, again with twice of it. */
static inline struct rp_exec_result *world_run_to_limit(struct world *w, uint64_t *id,
                                                        struct rp_exec_spec spec, size_t lines)
{
    for (;; spec.timeout_us *= 2) {
        struct rp_exec_result *r = world_run(w, (*id)++, spec);
        if (lines_said(r) >= lines || spec.timeout_us > DEADLINE_S * RP_US_S / 4)
            return r;
    }
}

/* For scripts: waits until the process has become a `sleep`, whatever shell it was forked by. */
#define ASLEEP "asleep() { while read -r c </proc/$1/comm && [ \"$c\" != sleep ]; do :; done; }; "

/* A process that can still do something. */
static inline bool lives(pid_t pid)
{
    struct rp_proc p;
    return rp_proc_read(pid, &p) && p.state != 'Z';
}

/* Every number in the text is the pid of a process that is gone. Returns how many. */
static inline int assert_all_dead(const char *text)
{
    int n = 0;
    for (char *end; *text != '\0'; text = end) {
        long pid = strtol(text, &end, 10);
        if (end == text)
            break;
        if (lives((pid_t)pid))
            fail_msg("process %ld still lives", pid);
        n++;
    }
    return n;
}

static inline void nap(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* Waits until the run's output holds n bytes. */
static inline void await_output(struct world *w, uint64_t id, uint64_t n)
{
    struct rp_output o;
    for (int i = 0; i < DEADLINE_S * 500; i++, nap()) {
        bool enough = rp_exec_peek(w->x, id, &o) && o.total[0] >= n;
        rp_output_free(&o);
        if (enough)
            return;
    }
    fail_msg("run %d did not write %d bytes", (int)id, (int)n);
}

#endif
