/* The threads that watch. */
#include "deps/internal.h"

#include "base/log.h"
#include "engine/engine.h"
#include "store/registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { DEPS_MAX = 64, ASKS_MAX = 1000 };

/* ---- one thread a dependency ---- */

struct ask { /* who waits for a fresh check of some watchers */
    size_t open;
    void (*done)(void *ctx);
    void *ctx;
    struct ask *next;
};

struct watcher {
    struct rp_deps *owner;
    struct rp_dep dep; /* its strings live as long as the configuration they came from */
    pthread_t thread;
    struct dep_job
        *hanging;        /* the thread's: a check that was left behind and may still be going on */
    atomic_bool quit;    /* set under the owner's lock, which protects what follows */
    bool asked, doubted; /* doubted: a job's failure may be its fault */
    struct ask **asks;
    size_t n_asks;
    struct watcher *next;
};

struct rp_deps {
    struct rp_engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* CLOCK_MONOTONIC */
    struct watcher *watchers;
    bool stopped;
    struct rp_listener listener;
};

struct checked {
    struct rp_str name, says;
    struct rp_dep_result result;
    int64_t now_us;
};

static bool checked_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct checked *c = arg;
    return rp_dep_checked(db, c->name, c->result.up, c->says, c->result.latency_us, c->now_us,
                          err) &&
           rp_dep_connections(db, c->name, c->result.connections_free, err);
}

/* At most one check of a dependency at a time, also where one hangs longer than its limit. False if
 * the watcher is to end. */
static bool check(struct watcher *w, struct rp_dep_result *out)
{
    struct dep_job *j = w->hanging != NULL ? w->hanging : dep_job_start(&w->dep);
    w->hanging = NULL;
    bool ended = dep_job_wait(j, w->dep.timeout_us + DEP_LATE_US, &w->quit);
    dep_job_result(j, ended, out);
    if (ended || atomic_load(&w->quit))
        dep_job_leave(j);
    else
        w->hanging = j;
    return ended || !atomic_load(&w->quit);
}

static void check_and_write(struct watcher *w)
{
    struct rp_err err;
    struct checked c = {.name = w->dep.name, .now_us = rp_wall(rp_engine_clock(w->owner->engine))};
    if (!check(w, &c.result))
        return;
    c.says = rp_str_of(c.result.says);
    if (!rp_engine_write(w->owner->engine, checked_run, &c, &err) && err.code != RP_E_STOPPING)
        rp_log_err(RP_WARN, "a dependency check could not be written", &err);
}

/* Takes the first n asks off; those that nobody else has to answer are returned, to be told without
 * the lock. */
static struct ask *answered(struct watcher *w, size_t n)
{
    struct ask *told = NULL;
    for (size_t i = 0; i < n; i++) {
        struct ask *a = w->asks[i];
        if (--a->open > 0)
            continue;
        a->next = told;
        told = a;
    }
    w->n_asks -= n;
    if (w->n_asks > 0)
        memmove(w->asks, w->asks + n, w->n_asks * sizeof(struct ask *));
    return told;
}

static void tell(struct ask *told)
{
    while (told != NULL) {
        struct ask *a = told;
        told = a->next;
        a->done(a->ctx);
        free(a);
    }
}

/* A doubt brings the next check forward, within bounds: many failures make few checks. */
static void sleep_until_next(struct watcher *w)
{
    int64_t every = w->dep.every_us, early = every / 10 > RP_US_S ? every / 10 : RP_US_S;
    struct timespec until = rp_deadline(every), soon = rp_deadline(early < every ? early : every);
    while (!atomic_load(&w->quit) && !w->asked &&
           pthread_cond_timedwait(&w->owner->wake, &w->owner->lock, w->doubted ? &soon : &until) ==
               0)
        continue;
}

/* On the writer, after a commit. */
static void doubted(void *ctx, unsigned bits)
{
    struct rp_deps *d = ctx;
    if ((bits & RP_CHANGED_DOUBT) == 0)
        return;
    (void)pthread_mutex_lock(&d->lock);
    for (struct watcher *w = d->watchers; w != NULL; w = w->next)
        w->doubted = true;
    (void)pthread_cond_broadcast(&d->wake);
    (void)pthread_mutex_unlock(&d->lock);
}

static void *watch(void *arg)
{
    struct watcher *w = arg;
    struct rp_deps *d = w->owner;
    (void)pthread_mutex_lock(&d->lock);
    while (!atomic_load(&w->quit)) {
        size_t waiting = w->n_asks; /* those who asked before this check began */
        w->asked = w->doubted = false;
        (void)pthread_mutex_unlock(&d->lock);
        check_and_write(w);
        (void)pthread_mutex_lock(&d->lock);
        struct ask *told = answered(w, waiting);
        (void)pthread_mutex_unlock(&d->lock);
        tell(told);
        (void)pthread_mutex_lock(&d->lock);
        if (!w->asked)
            sleep_until_next(w);
    }
    struct ask *told = answered(w, w->n_asks);
    (void)pthread_mutex_unlock(&d->lock);
    tell(told);
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

/* Takes it off the list and tells it to end; under the lock. */
static struct watcher *take_off(struct rp_deps *d, struct watcher **at)
{
    struct watcher *w = *at;
    *at = w->next;
    atomic_store(&w->quit, true);
    (void)pthread_cond_broadcast(&d->wake);
    return w;
}

/* Waits for the end of those taken off; the lock is not held. */
static void join(struct watcher *ending)
{
    while (ending != NULL) {
        struct watcher *w = ending;
        ending = w->next;
        (void)pthread_join(w->thread, NULL);
        if (w->hanging != NULL)
            dep_job_leave(w->hanging);
        free(w->asks);
        free(w);
    }
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
    bool ok = true;
    struct watcher *ending = NULL;
    (void)pthread_mutex_lock(&d->lock);
    for (struct watcher **at = &d->watchers; *at != NULL;) {
        const struct rp_dep *now = rp_config_dep(config, (*at)->dep.name);
        if (now != NULL && same(now, &(*at)->dep)) {
            at = &(*at)->next;
            continue;
        }
        struct watcher *w = take_off(d, at);
        w->next = ending;
        ending = w;
    }
    (void)pthread_mutex_unlock(&d->lock);
    join(ending);
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
    d->engine = e;
    (void)pthread_mutex_init(&d->lock, NULL);
    rp_cond_init(&d->wake);
    d->listener = (struct rp_listener){.changed = doubted, .ctx = d};
    rp_engine_listen(e, &d->listener);
    if (rp_deps_reload(d, config, err))
        return d;
    rp_deps_stop(d);
    rp_deps_free(d);
    return NULL;
}

static void ask_one(struct watcher *w, struct ask *a)
{
    w->asks = rp_xrealloc(w->asks, (w->n_asks + 1) * sizeof(struct ask *));
    w->asks[w->n_asks++] = a;
    w->asked = true;
    a->open++;
}

static bool too_many(struct rp_deps *d, struct rp_err *err)
{
    for (struct watcher *w = d->watchers; w != NULL; w = w->next)
        if (w->n_asks >= ASKS_MAX) {
            (void)rp_fail(err, RP_E_OVERLOAD, "%d checks of dependency %.*s are waited for already",
                          ASKS_MAX, RP_FMT(w->dep.name));
            return !rp_hint(err, "try again in a second");
        }
    return false;
}

static bool not_there(struct rp_str name, struct rp_err *err)
{
    return rp_absent(err, "dependency", name, "reprise deps");
}

/* Under the lock. */
static bool ask_all(struct rp_deps *d, struct rp_str name, struct ask *a, struct rp_err *err)
{
    if (d->stopped)
        return rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
    struct watcher *one = name.p != NULL ? find(d, name) : NULL;
    if (d->stopped)
        return rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
    if (name.p != NULL && one == NULL)
        return not_there(name, err);
    if (too_many(d, err))
        return false;
    for (struct watcher *w = one != NULL ? one : d->watchers; w != NULL;
         w = one != NULL ? NULL : w->next)
        ask_one(w, a);
    (void)pthread_cond_broadcast(&d->wake);
    return true;
}

bool rp_deps_ask(struct rp_deps *d, struct rp_str name, void (*done)(void *ctx), void *ctx,
                 struct rp_err *err)
{
    struct ask *a = rp_xcalloc(1, sizeof *a);
    *a = (struct ask){.done = done, .ctx = ctx};
    (void)pthread_mutex_lock(&d->lock);
    bool ok = ask_all(d, name, a, err), none = a->open == 0;
    (void)pthread_mutex_unlock(&d->lock);
    if (none)
        free(a);
    if (ok && none)
        done(ctx);
    return ok;
}

void rp_deps_stop(struct rp_deps *d)
{
    struct watcher *ending = NULL;
    rp_engine_unlisten(d->engine, &d->listener);
    (void)pthread_mutex_lock(&d->lock);
    d->stopped = true;
    while (d->watchers != NULL) {
        struct watcher *w = take_off(d, &d->watchers);
        w->next = ending;
        ending = w;
    }
    (void)pthread_mutex_unlock(&d->lock);
    join(ending);
}

void rp_deps_free(struct rp_deps *d)
{
    (void)pthread_mutex_destroy(&d->lock);
    (void)pthread_cond_destroy(&d->wake);
    free(d);
}
