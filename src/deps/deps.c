/* The table of kinds, and the threads that check. */
#include "deps/internal.h"

#include "base/log.h"
#include "engine/engine.h"
#include "store/registry.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DEPS_MAX = 64 };

static dep_check *const kinds[] = {
    [RP_DEP_POSTGRES] = check_postgres,
    [RP_DEP_HTTP] = check_http,
    [RP_DEP_TCP] = check_tcp,
    [RP_DEP_COMMAND] = check_command,
};

void dep_down(struct rp_dep_result *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out->up = false;
    (void)vsnprintf(out->says, sizeof out->says, fmt, ap);
    va_end(ap);
}

void rp_dep_check(const struct rp_dep *dep, struct rp_dep_result *out)
{
    int64_t from = rp_mono(&rp_clock_system);
    *out = (struct rp_dep_result){0};
    kinds[dep->kind](dep, dep->timeout_us, out);
    out->latency_us = rp_mono(&rp_clock_system) - from;
    size_t n = strlen(out->says);
    if (out->up && dep->kind != RP_DEP_COMMAND)
        (void)snprintf(out->says + n, sizeof out->says - n, " in %lld ms",
                       (long long)((out->latency_us + 500) / 1000));
}

/* ---- one thread a dependency ---- */

struct ask { /* who waits for a fresh check of some watchers */
    size_t open;
    void (*done)(void *ctx);
    void *ctx;
};

struct watcher {
    struct rp_deps *owner;
    struct rp_dep dep; /* its strings live as long as the configuration they came from */
    pthread_t thread;
    bool quit, asked; /* under the owner's lock, like the list */
    struct ask **asks;
    size_t n_asks;
    struct watcher *next;
};

struct rp_deps {
    struct rp_engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* CLOCK_MONOTONIC */
    struct watcher *watchers;
};

struct checked {
    struct rp_str name, says;
    struct rp_dep_result result;
    int64_t now_us;
};

static bool checked_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct checked *c = arg;
    return rp_dep_checked(db, c->name, c->result.up, c->says, c->result.latency_us, c->now_us, err);
}

static void check_and_write(struct watcher *w)
{
    struct rp_err err;
    struct checked c = {.name = w->dep.name, .now_us = rp_wall(rp_engine_clock(w->owner->engine))};
    rp_dep_check(&w->dep, &c.result);
    c.says = rp_str_of(c.result.says);
    if (!rp_engine_write(w->owner->engine, checked_run, &c, &err) && err.code != RP_E_STOPPING)
        rp_log_err(RP_WARN, "a dependency check could not be written", &err);
}

/* Tells those who asked before this round's check began; under the lock. */
static void tell(struct watcher *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ask *a = w->asks[i];
        if (--a->open > 0)
            continue;
        a->done(a->ctx);
        free(a);
    }
    w->n_asks -= n;
    if (w->n_asks > 0)
        memmove(w->asks, w->asks + n, w->n_asks * sizeof *w->asks);
}

static void sleep_until_next(struct watcher *w)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += w->dep.every_us / RP_US_S;
    until.tv_nsec += w->dep.every_us % RP_US_S * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!w->quit && !w->asked &&
           pthread_cond_timedwait(&w->owner->wake, &w->owner->lock, &until) == 0)
        continue;
}

static void *watch(void *arg)
{
    struct watcher *w = arg;
    struct rp_deps *d = w->owner;
    (void)pthread_mutex_lock(&d->lock);
    while (!w->quit) {
        size_t waiting = w->n_asks;
        w->asked = false;
        (void)pthread_mutex_unlock(&d->lock);
        check_and_write(w);
        (void)pthread_mutex_lock(&d->lock);
        tell(w, waiting);
        if (!w->asked)
            sleep_until_next(w);
    }
    tell(w, w->n_asks);
    (void)pthread_mutex_unlock(&d->lock);
    return NULL;
}

static bool watch_start(struct rp_deps *d, const struct rp_dep *dep, struct rp_err *err)
{
    struct watcher *w = rp_xcalloc(1, sizeof *w);
    w->owner = d;
    w->dep = *dep;
    if (pthread_create(&w->thread, NULL, watch, w) != 0) {
        free(w);
        return rp_fail(err, RP_E_INTERNAL, "no thread for dependency %.*s", RP_FMT(dep->name));
    }
    w->next = d->watchers;
    d->watchers = w;
    return true;
}

/* Takes it off the list and waits for its thread; the lock is not held. */
static void watch_stop(struct rp_deps *d, struct watcher *w)
{
    (void)pthread_mutex_lock(&d->lock);
    struct watcher **at = &d->watchers;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    w->quit = true;
    (void)pthread_cond_broadcast(&d->wake);
    (void)pthread_mutex_unlock(&d->lock);
    (void)pthread_join(w->thread, NULL);
    free(w->asks);
    free(w);
}

/* ---- the set of them ---- */

static bool same_command(const struct rp_strs *a, const struct rp_strs *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = rp_str_eq(a->v[i], b->v[i]);
    return same;
}

static bool same(const struct rp_dep *a, const struct rp_dep *b)
{
    return a->kind == b->kind && rp_str_eq(a->name, b->name) && rp_str_eq(a->target, b->target) &&
           a->expect == b->expect && a->timeout_us == b->timeout_us && a->every_us == b->every_us &&
           same_command(&a->command, &b->command);
}

static struct watcher *find(struct rp_deps *d, struct rp_str name)
{
    struct watcher *w = d->watchers;
    while (w != NULL && !rp_str_eq(w->dep.name, name))
        w = w->next;
    return w;
}

bool rp_deps_reload(struct rp_deps *d, const struct rp_config *config, struct rp_err *err)
{
    if (config->n_deps > DEPS_MAX) {
        (void)rp_fail(err, RP_E_CONFIG, "%zu dependencies, the limit is %d", config->n_deps,
                      DEPS_MAX);
        return rp_hint(err, "check several things with one command");
    }
    for (struct watcher *w = d->watchers, *next; w != NULL; w = next) {
        next = w->next;
        const struct rp_dep *now = rp_config_dep(config, w->dep.name);
        if (now == NULL || !same(now, &w->dep))
            watch_stop(d, w);
    }
    bool ok = true;
    (void)pthread_mutex_lock(&d->lock);
    for (size_t i = 0; ok && i < config->n_deps; i++)
        if (find(d, config->deps[i].name) == NULL)
            ok = watch_start(d, &config->deps[i], err);
    (void)pthread_mutex_unlock(&d->lock);
    return ok;
}

struct rp_deps *rp_deps_start(struct rp_engine *e, const struct rp_config *config,
                              struct rp_err *err)
{
    struct rp_deps *d = rp_xcalloc(1, sizeof *d);
    pthread_condattr_t attr;
    d->engine = e;
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&d->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (rp_deps_reload(d, config, err))
        return d;
    rp_deps_stop(d);
    return NULL;
}

static void ask_one(struct watcher *w, struct ask *a)
{
    w->asks = rp_xrealloc(w->asks, (w->n_asks + 1) * sizeof(struct ask *));
    w->asks[w->n_asks++] = a;
    w->asked = true;
    a->open++;
}

bool rp_deps_ask(struct rp_deps *d, struct rp_str name, void (*done)(void *ctx), void *ctx,
                 struct rp_err *err)
{
    struct ask *a = rp_xcalloc(1, sizeof *a);
    *a = (struct ask){.done = done, .ctx = ctx};
    (void)pthread_mutex_lock(&d->lock);
    struct watcher *one = name.p != NULL ? find(d, name) : NULL;
    bool known = name.p == NULL || one != NULL;
    if (one != NULL)
        ask_one(one, a);
    else if (known)
        for (struct watcher *w = d->watchers; w != NULL; w = w->next)
            ask_one(w, a);
    bool none = a->open == 0;
    (void)pthread_cond_broadcast(&d->wake);
    (void)pthread_mutex_unlock(&d->lock);
    if (none)
        free(a);
    if (!known) {
        (void)rp_fail(err, RP_E_NOT_FOUND, "there is no dependency \"%.*s\"", RP_FMT(name));
        return rp_hint(err, "reprise deps lists them");
    }
    if (none)
        done(ctx);
    return true;
}

void rp_deps_stop(struct rp_deps *d)
{
    while (d->watchers != NULL)
        watch_stop(d, d->watchers);
    (void)pthread_mutex_destroy(&d->lock);
    (void)pthread_cond_destroy(&d->wake);
    free(d);
}
