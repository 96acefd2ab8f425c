#include "daemon/serve.h"

#include "analyze/explain.h"
#include "analyze/mining.h"
#include "api/api.h"
#include "base/log.h"
#include "base/places.h"
#include "config/config.h"
#include "deps/deps.h"
#include "engine/engine.h"
#include "replay/purge.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Configurations stay in memory once loaded (some 100 kB each); after so many reloads a restart is
 * asked for. */
enum { RELOADS_MAX = 1000 };

struct daemon {
    const struct rp_serve_options *o;
    char config_path[512]; /* "" for the built-in default */
    int64_t open_files;    /* the soft limit that we were started with, 0: not known */
    struct rp_config *config;
    struct rp_config
        *before[RELOADS_MAX]; /* what reloads replaced: running jobs still point into it */
    size_t reloads;
    struct rp_arena arena; /* what overrides need */
    struct rp_store *store;
    struct rp_engine *engine;
    struct rp_replay_desk *desk;
    struct rp_deps *deps;
    struct rp_purger *purger;
    struct rp_mining *mining;
    struct rp_api *api;
    atomic_bool stopped;
};

/* ---- configuration ---- */

static bool roots_alone(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && s.st_uid == 0 &&
           ((s.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
            (S_ISDIR(s.st_mode) && (s.st_mode & S_ISVTX) != 0));
}

/* What stands there runs as root: it must be root's, and stay so. */
static bool may_take(const char *here)
{
    if (access(here, R_OK) != 0)
        return false;
    if (geteuid() != 0 || (roots_alone(here) && roots_alone(".")))
        return true;
    rp_log(RP_WARN, "not taken, because others than root may change it: name it by --config",
           "file=%s", rp_log_q(rp_str_of(here)));
    return false;
}

static void find_config(struct daemon *d)
{
    static const char here[] = "reprise.yaml", system[] = "/etc/reprise/reprise.yaml";
    const char *path = d->o->config != NULL ? d->o->config : getenv("REPRISE_CONFIG");
    if (path == NULL && may_take(here))
        path = here;
    if (path == NULL && access(system, R_OK) == 0)
        path = system;
    (void)snprintf(d->config_path, sizeof d->config_path, "%s", path != NULL ? path : "");
}

/* What the configuration does not place goes to the user's own folders where the system's are not
 * for this user: the first `reprise serve` of a user works as it is. */
static void user_folders(struct daemon *d, struct rp_config *c)
{
    const char *state = rp_place_own_state(&d->arena), *own = rp_place_own_socket(&d->arena);
    if (getuid() == 0 || state == NULL)
        return;
    bool store = rp_str_is(c->store, RP_SYSTEM_STORE) && !rp_place_may_hold(RP_SYSTEM_STATE "/");
    bool sock = rp_str_is(c->socket, RP_SYSTEM_SOCKET) && !rp_place_may_hold(RP_SYSTEM_SOCKET);
    if ((store || sock) && !rp_place_make(state))
        return; /* opening the system's store then says what is wrong */
    if (store)
        c->store = rp_str_fmt(&d->arena, "sqlite://%s/reprise.db", state);
    if (sock)
        c->socket = rp_str_of(own);
}

static void override_with(struct rp_str *setting, const char *value)
{
    if (value != NULL)
        *setting = rp_str_of(value);
}

static struct rp_config *load(struct daemon *d)
{
    struct rp_mistakes *m = rp_xcalloc(1, sizeof *m);
    struct rp_config_world world = {.now_us = rp_wall(&rp_clock_system)};
    bool file = d->config_path[0] != '\0';
    struct rp_config *c = file ? rp_config_load(d->config_path, &world, m)
                               : rp_config_parse(RP_STR(""), RP_STR(""), &world, m);
    if (c == NULL || m->warnings > 0) {
        struct rp_buf text = {0};
        rp_mistakes_print(m, rp_str_of(d->config_path), &text);
        (void)fwrite(text.p, 1, text.n, stderr);
        rp_buf_free(&text);
    }
    free(m);
    (void)malloc_trim(0); /* what reading the file took, in small pieces, is of no use any more */
    if (c == NULL)
        return NULL;
    user_folders(d, c);
    override_with(&c->store, d->o->store);
    override_with(&c->listen, d->o->listen);
    override_with(&c->socket, d->o->socket);
    override_with(&c->node, d->o->node);
    return c;
}

/* All or nothing (G28). What the engine has had in force is kept, also if it is taken back. */
static bool apply(struct daemon *d, struct rp_config *c, int64_t *held, struct rp_err *err)
{
    struct rp_err ignored;
    if (!rp_engine_reload(d->engine, c, held, err)) {
        rp_config_free(c);
        return false;
    }
    bool ok = rp_deps_reload(d->deps, c, err);
    d->before[d->reloads++] = ok ? d->config : c;
    if (ok)
        d->config = c;
    else if (!rp_engine_reload(d->engine, d->config, held, &ignored) ||
             !rp_deps_reload(d->deps, d->config, &ignored))
        rp_log_err(RP_ERROR, "the configuration before could not be put back", &ignored);
    return ok;
}

static void reload(struct daemon *d)
{
    struct rp_err err;
    int64_t held = 0;
    struct rp_config *c = d->reloads < RELOADS_MAX ? load(d) : NULL;
    if (d->reloads == RELOADS_MAX)
        (void)rp_fail(&err, RP_E_REFUSED, "%d reloads since the start: restart the daemon",
                      RELOADS_MAX);
    else if (c == NULL)
        (void)rp_fail(&err, RP_E_CONFIG, "%s has mistakes, listed above", d->config_path);
    if (c == NULL || !apply(d, c, &held, &err)) {
        rp_log_err(RP_ERROR, "reload refused: the configuration before stays in force", &err);
        return;
    }
    c = d->config;
    rp_log(RP_INFO, "configuration reloaded", "file=%s types=%zu schedules=%zu held_jobs=%lld",
           rp_log_q(rp_str_of(d->config_path)), c->n_types, c->n_schedules, (long long)held);
}

/* ---- parts ---- */

static void explain(void *ctx, struct rp_arena *a, const struct rp_exec_result *x,
                    struct rp_report *r)
{
    struct rp_failure_facts facts = {
        .message = r->facts.error,
        .exit_code = (int)r->facts.exit_code,
        .signal = (int)r->facts.signal,
        .oom = x->oom,
        .timed_out = r->outcome == RP_OUT_TIMEOUT,
        .contract = r->facts.contract,
    };
    rp_explain_failure(ctx, a, &facts, r);
}

static bool start(struct daemon *d, struct rp_err *err)
{
    const struct rp_config *c = d->config;
    if (!rp_store_open(rp_cstr(&d->arena, c->store), &d->store, err))
        return false;
    d->desk = rp_replay_desk_new();
    d->desk->supplies = true;
    rp_jobs_supply(rp_store_writer(d->store), rp_replay_supply, d->desk);
    d->mining = rp_mining_new(d->store, err);
    if (d->mining == NULL)
        return false;
    struct rp_engine_options eo = {
        .store = d->store,
        .config = c,
        .clock = &rp_clock_system,
        .hooks = {.explain = explain,
                  .explain_ctx = d->mining,
                  .begin = rp_replay_begin,
                  .tick = rp_replay_tick,
                  .ctx = d->desk},
        .open_files = d->open_files,
    };
    d->engine = rp_engine_start(&eo, err);
    if (d->engine == NULL || !rp_mining_start(d->mining, d->engine, err))
        return false;
    rp_replay_desk_attach(d->desk, d->engine);
    d->deps = rp_deps_start(d->engine, c, err);
    d->purger = d->deps != NULL ? rp_purger_start(d->engine, err) : NULL;
    if (d->purger == NULL)
        return false;
    struct rp_api_options ao = {
        .engine = d->engine,
        .deps = d->deps,
        .purger = d->purger,
        .mining = d->mining,
        .socket_path = rp_cstr(&d->arena, c->socket),
        .listen = c->listen,
        .insecure = c->insecure,
        .hosts = c->hosts,
        .body_bytes = c->body_bytes,
    };
    d->api = rp_api_start(&ao, err);
    return d->api != NULL;
}

static void *stop_thread(void *arg)
{
    struct daemon *d = arg;
    rp_engine_stop(d->engine);
    atomic_store(&d->stopped, true);
    (void)kill(getpid(), SIGUSR1); /* ends the wait of the main thread */
    return NULL;
}

/* Lives until a stop has gone through. */
static void live(struct daemon *d, const sigset_t *signals)
{
    pthread_t stopper = 0;
    bool stopping = false;
    while (!atomic_load(&d->stopped)) {
        int sig = 0;
        (void)sigwait(signals, &sig);
        if (sig == SIGHUP && !stopping) {
            reload(d);
        } else if (sig == SIGTERM || sig == SIGINT) {
            rp_log(RP_INFO,
                   stopping ? "second signal: stopping at once"
                            : "stopping; running jobs get their grace",
                   "signal=%d", sig);
            if (stopping)
                rp_engine_stop_now(d->engine);
            else
                stopping = pthread_create(&stopper, NULL, stop_thread, d) == 0;
        }
    }
    if (stopping)
        (void)pthread_join(stopper, NULL);
}

static void end_parts(struct daemon *d)
{
    if (d->deps != NULL)
        rp_deps_stop(d->deps); /* requests that wait for a check would hold up the API's end */
    if (d->api != NULL)
        rp_api_stop(d->api);
    if (d->deps != NULL)
        rp_deps_free(d->deps);
    if (d->purger != NULL)
        rp_purger_stop(d->purger);
    if (d->mining != NULL)
        rp_mining_stop(d->mining);
    if (d->engine != NULL)
        rp_engine_free(d->engine);
    rp_replay_desk_free(d->desk);
    rp_mining_free(d->mining);
    if (d->store != NULL)
        rp_store_close(d->store);
}

static void forget(struct daemon *d)
{
    for (size_t i = 0; i < d->reloads; i++)
        rp_config_free(d->before[i]);
    if (d->config != NULL)
        rp_config_free(d->config);
    rp_arena_free(&d->arena);
    free(d);
}

/* For our connections; jobs get what we had, because select(2) of old programs ends at 1024. */
static void raise_limits(struct daemon *d)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    d->open_files = files.rlim_cur < INT64_MAX ? (int64_t)files.rlim_cur : 0;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

static int fail(const struct rp_err *err)
{
    (void)fprintf(stderr, "reprise: %s\n", err->message);
    if (err->hint[0] != '\0')
        (void)fprintf(stderr, "  → %s\n", err->hint);
    return rp_code_exit(err->code);
}

/* Jobs that have begun already are ended and handed back: nobody would hear of them. */
static int give_up(struct daemon *d, const struct rp_err *err)
{
    int code = fail(err);
    if (d->store != NULL &&
        d->engine == NULL) /* half an engine: its threads end with the process */
        return code;
    if (d->engine != NULL) {
        rp_engine_stop_now(d->engine);
        rp_engine_stop(d->engine);
    }
    end_parts(d);
    forget(d);
    return code;
}

/* What is larger goes back to the system when it is freed. By default the C library keeps up to 64
 * MB for each thread once it has seen a piece of that size, such as the plan of a million jobs. */
enum { KEPT_BYTES = 4 << 20 };

static void bound_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

int rp_serve(const struct rp_serve_options *o)
{
    struct daemon *d = rp_xcalloc(1, sizeof *d);
    struct rp_err err;
    sigset_t signals;
    (void)sigemptyset(&signals);
    for (size_t i = 0; i < 4; i++)
        (void)sigaddset(&signals, ((const int[]){SIGTERM, SIGINT, SIGHUP, SIGUSR1})[i]);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_limits(d);
    bound_memory();
    d->o = o;
    find_config(d);
    if (sodium_init() < 0) {
        (void)rp_fail(&err, RP_E_INTERNAL, "the cryptographic library does not start");
        return give_up(d, &err);
    }
    d->config = load(d);
    if (d->config == NULL) {
        forget(d);
        return rp_code_exit(RP_E_CONFIG);
    }
    if (!start(d, &err))
        return give_up(d, &err);
    rp_log(RP_INFO, "ready", "version=" RP_VERSION " node=%s store=%s socket=%s port=%d config=%s",
           rp_engine_node(d->engine), rp_log_q(rp_str_of(rp_store_path(d->store))),
           rp_log_q(d->config->socket), rp_api_port(d->api), rp_log_q(rp_str_of(d->config_path)));
    live(d, &signals);
    end_parts(d);
    rp_log(RP_INFO, "stopped", "pid=%d", (int)getpid());
    forget(d);
    return 0;
}
