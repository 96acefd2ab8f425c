/* Replays over a store without an engine: time is the test's own, and so are the workers. */
#ifndef RP_TESTS_REPLAY_WORLD_H
#define RP_TESTS_REPLAY_WORLD_H

#include "../store/world.h"

#include "replay/replay.h"

#include <sodium.h>

/* Counts are written with the commit. */
static inline void commit(struct world *w)
{
    OK(rp_tx_commit(w->db, err));
    OK(rp_tx_begin(w->db, err));
}

static inline int replay_open(void **state)
{
    return sodium_init() < 0 ? -1 : world_open(state);
}

static inline int replay_close(void **state)
{
    struct world *w = *state;
    commit(w);
    return world_close(state);
}

#define REPLAY_TEST(f) cmocka_unit_test_setup_teardown(f, replay_open, replay_close)

static inline const struct rp_config *conf_of(struct world *w)
{
    return w->config[w->n_config - 1];
}

/* How a test's job fails. */
struct failing {
    const char *type, *key, *group, *class;
    uint64_t pattern;
    bool output;
};

static inline void end_job(struct world *w, const struct rp_lease *l, const struct failing *f)
{
    struct rp_report r = {
        .lease = l->id,
        .token = l->token,
        .outcome = RP_OUT_FAILED,
        .permanent = true,
        .facts = {.error = RP_STR("refused"),
                  .error_class = rp_str_of(f->class != NULL ? f->class : "dependency"),
                  .output_bytes = f->output ? 7 : 0},
        .template = RP_STR("refused"),
        .error_group = rp_str_of(f->group != NULL ? f->group : "transient"),
        .action = RP_STR("replay"),
        .pattern_hash = f->pattern != 0 ? f->pattern : 7};
    enum rp_state state;
    OK(rp_job_report(w->db, &r, w->now, &state, err));
}

static inline int64_t fail_one(struct world *w, const struct failing *f)
{
    struct rp_lease *l;
    int64_t id = enqueue(w, f->type, f->key);
    assert_int_equal(claim(w, 1, &l), 1);
    assert_int_equal(l[0].job.id, id);
    end_job(w, &l[0], f);
    w->now += RP_US_S;
    return id;
}

static inline void fail_many(struct world *w, const char *type, int n)
{
    for (int i = 0; i < n; i++)
        (void)fail_one(w, &(struct failing){.type = type});
    commit(w);
}

static inline struct rp_plan plan_of(struct world *w, const struct rp_replay_ask *ask)
{
    struct rp_plan p;
    OK(rp_replay_plan(w->db, conf_of(w), ask, w->now, &w->arena, &p, err));
    return p;
}

static inline void plan_fails(struct world *w, const struct rp_replay_ask *ask, enum rp_code code)
{
    struct rp_plan p;
    FAILS(code, rp_replay_plan(w->db, conf_of(w), ask, w->now, &w->arena, &p, err));
}

static inline int64_t start(struct world *w, const struct rp_replay_ask *ask)
{
    int64_t id;
    OK(rp_replay_start(w->db, conf_of(w), ask, w->now, &w->arena, &id, err));
    return id;
}

/* Refused, with these words in the sentence. */
static inline void refused(struct world *w, const struct rp_replay_ask *ask, const char *words)
{
    struct rp_err err = {0};
    int64_t id;
    if (rp_replay_start(w->db, conf_of(w), ask, w->now, &w->arena, &id, &err))
        fail_msg("it started");
    assert_int_equal(err.code, RP_E_REFUSED);
    if (strstr(err.message, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
}

static inline struct rp_replay replay(struct world *w, int64_t id)
{
    struct rp_replay r;
    OK(rp_replay_get(w->db, id, &w->arena, &r, err));
    return r;
}

/* The desk of a test notes whose plan is wanted. */
struct desk {
    struct rp_replay_desk public;
    int64_t id[8];
    size_t n;
};

static inline void want(struct rp_replay_desk *public, int64_t id)
{
    struct desk *d = (struct desk *)public;
    assert_true(d->n < sizeof d->id / sizeof *d->id);
    d->id[d->n++] = id;
}

static inline void make_parked(struct world *w, int64_t id)
{
    struct rp_replay_parked p = {.id = id};
    bool again = true;
    while (again)
        OK(rp_replay_park_clear(w->db, id, &again, err));
    OK(rp_replay_parked_plan(w->db, conf_of(w), w->now, &w->arena, &p, err));
    for (again = true; again;)
        OK(rp_replay_parked_make(w->db, w->now, &w->arena, &p, &again, err));
}

/* One tick, and what it wants to be planned; when it wants to be called again. */
static inline int64_t tick(struct world *w)
{
    int64_t next = INT64_MAX;
    struct desk desk = {.public = {.wanted = want}};
    OK(rp_replay_tick(&desk, w->db, w->now, &next, err));
    for (size_t i = 0; i < desk.n; i++)
        make_parked(w, desk.id[i]);
    return next;
}

/* Runs what is queued: the first `bad` of them fail, the others succeed. Returns how many. */
static inline size_t work(struct world *w, size_t bad)
{
    struct rp_lease *l;
    size_t n, all = 0;
    while ((n = claim(w, 100, &l)) > 0)
        for (size_t i = 0; i < n; i++, all++)
            if (all < bad)
                end_job(w, &l[i], &(struct failing){0});
            else
                (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
    return all;
}

static inline int64_t queued(struct world *w)
{
    return query(w, "select count(*) from job where state = 2", 0, 0);
}

static inline void dependency(struct world *w, const char *name, bool up)
{
    OK(rp_dep_checked(w->db, rp_str_of(name), up, RP_STR("by test"), 1000, w->now, err));
}

#endif
