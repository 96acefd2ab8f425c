/* A real engine on a temporary store, for the tests of engine/: a configuration as text, jobs in,
 * rows out. */
#ifndef RP_TESTS_ENGINE_WORLD_H
#define RP_TESTS_ENGINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/explain.h"
#include "config/config.h"
#include "engine/engine.h"
#include "replay/replay.h"
#include "store/registry.h"
#include "store/schedules.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct world {
    char dir[64], url[128];
    struct rp_config *config;
    const struct rp_clock *clock;
    struct rp_store *store;
    struct rp_engine *engine;
    struct rp_db *reader;
    struct rp_replay_desk desk;
    struct rp_arena arena;
};

static inline void must(bool ok, const struct rp_err *err)
{
    if (!ok)
        fail_msg("%s: %s (%s)", rp_code_slug(err->code), err->message, err->hint);
}

static inline struct rp_config *config_of(const char *yaml)
{
    struct rp_mistakes *m = rp_xcalloc(1, sizeof *m);
    struct rp_err err;
    struct rp_config *c = rp_config_parse(rp_str_of(yaml), RP_STR("test.yaml"), NULL, m);
    if (c == NULL && !rp_mistakes_err(m, RP_STR("test.yaml"), &err))
        fail_msg("%s", err.message);
    free(m);
    return c;
}

/* As the daemon does it. */
static inline void world_explain(void *ctx, struct rp_arena *a, const struct rp_exec_result *x,
                                 struct rp_report *r)
{
    (void)ctx;
    struct rp_failure_facts facts = {.message = r->facts.error,
                                     .exit_code = (int)r->facts.exit_code,
                                     .signal = (int)r->facts.signal,
                                     .oom = x->oom,
                                     .timed_out = r->outcome == RP_OUT_TIMEOUT,
                                     .contract = r->facts.contract};
    rp_explain_failure(NULL, a, &facts, r);
}

static inline void world_open(struct world *w)
{
    struct rp_err err;
    struct rp_engine_options o = {
        .config = w->config,
        .clock = w->clock,
        .hooks = {.explain = world_explain, .tick = rp_replay_tick, .ctx = &w->desk}};
    must(rp_store_open(w->url, &w->store, &err), &err);
    o.store = w->store;
    w->engine = rp_engine_start(&o, &err);
    must(w->engine != NULL, &err);
    w->reader = rp_store_reader(w->store, &err);
    must(w->reader != NULL, &err);
}

static inline void world_close(struct world *w)
{
    rp_engine_stop(w->engine);
    rp_db_close(w->reader);
    rp_engine_free(w->engine);
    rp_store_close(w->store);
}

/* A folder and a configuration; nothing runs yet. */
static inline struct world *world_prepare(const char *yaml)
{
    struct world *w = rp_xcalloc(1, sizeof *w);
    w->clock = &rp_clock_system;
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/reprise-engine-XXXXXX");
    if (mkdtemp(w->dir) == NULL)
        fail_msg("mkdtemp");
    (void)snprintf(w->url, sizeof w->url, "sqlite://%s/reprise.db", w->dir);
    w->config = config_of(yaml);
    return w;
}

static inline struct world *world_new(const char *yaml)
{
    struct world *w = world_prepare(yaml);
    world_open(w);
    return w;
}

static inline int world_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

/* After world_close, or before world_open. */
static inline void world_drop(struct world *w)
{
    rp_config_free(w->config);
    rp_arena_free(&w->arena);
    (void)nftw(w->dir, world_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
}

static inline void world_free(struct world *w)
{
    world_close(w);
    world_drop(w);
}

struct world_enqueue {
    const struct rp_clock *clock;
    struct rp_enqueue in;
    struct rp_enqueued out;
};

static inline bool world_enqueue_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct world_enqueue *e = arg;
    return rp_jobs_enqueue(db, &e->in, 1, rp_wall(e->clock), &e->out, err);
}

static inline int64_t enqueue(struct world *w, const char *type, const char *payload)
{
    struct rp_err err;
    struct world_enqueue e = {
        .clock = w->clock,
        .in = {.type = rp_str_of(type), .payload = rp_str_of(payload), .priority = INT64_MIN}};
    must(rp_engine_write(w->engine, world_enqueue_run, &e, &err), &err);
    return e.out.id;
}

static inline struct rp_job job(struct world *w, int64_t id)
{
    struct rp_job j;
    struct rp_err err;
    must(rp_job_get(w->reader, id, &w->arena, &j, &err), &err);
    return j;
}

static inline void pause_ms(int64_t ms)
{
    struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&ts, NULL);
}

/* Times of pause_ms(10) until a test gives up: whatever a slow machine does, it comes before. */
enum { PATIENCE = 9000 };

/* Waits for a state with a deadline; a job that ends in another one says so at once. */
static inline struct rp_job job_in(struct world *w, int64_t id, enum rp_state want)
{
    for (int i = 0; i < PATIENCE; i++) {
        struct rp_job j = job(w, id);
        if (j.state == want)
            return j;
        if (rp_state_terminal(j.state))
            fail_msg("job %lld is %s, wanted %s: %.*s", (long long)id, rp_state_name(j.state),
                     rp_state_name(want), RP_FMT(j.error));
        pause_ms(10);
    }
    fail_msg("job %lld is still %s, wanted %s", (long long)id, rp_state_name(job(w, id).state),
             rp_state_name(want));
    return (struct rp_job){0};
}

static inline struct rp_attempt attempt(struct world *w, int64_t id, size_t no)
{
    struct rp_attempt *v;
    struct rp_err err;
    size_t n;
    must(rp_job_attempts(w->reader, id, &w->arena, &v, &n, &err), &err);
    assert_true(no < n);
    return v[no];
}

static inline struct rp_str output(struct world *w, int64_t id, int stream)
{
    struct rp_str packed;
    struct rp_err err;
    struct rp_output o = {0};
    struct rp_buf text = {0};
    must(rp_job_output(w->reader, id, 0, &w->arena, &packed, &err), &err);
    if (packed.p == NULL)
        return RP_NONE;
    must(rp_output_unpack(packed, &o, &err), &err);
    rp_output_text(&o, stream, &text);
    struct rp_str s = rp_str_dup(&w->arena, rp_buf_view(&text));
    rp_buf_free(&text);
    rp_output_free(&o);
    return s;
}

static inline void has(struct rp_str text, const char *part)
{
    if (rp_str_find(text, rp_str_of(part)) == SIZE_MAX)
        fail_msg("\"%s\" is not in \"%.*s\"", part, RP_FMT(text));
}

#endif
