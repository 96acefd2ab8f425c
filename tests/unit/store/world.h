/* A store in a temporary folder with a configuration in force, for tests of what the store does
 * with time: `now` is the test's own. */
#ifndef RP_TESTS_WORLD_H
#define RP_TESTS_WORLD_H

#include "store_help.h"

#include "config/config.h"
#include "store/registry.h"
#include "store/replays.h"

struct world {
    char dir[64], path[96];
    struct rp_store *store;
    struct rp_db *db;
    struct rp_config *config[16];
    size_t n_config;
    struct rp_arena arena;
    int64_t now;
    bool retry;   /* failures are not permanent */
    bool workers; /* types without a command: claims are those of workers */
};

static inline int64_t at(const char *time)
{
    int64_t us;
    if (!rp_time_parse(rp_str_of(time), &us))
        fail_msg("not a time: %s", time);
    return us;
}

static inline int64_t query(struct world *w, const char *sql, int64_t a, int64_t b)
{
    struct rp_stmt *s = rp_sql(w->db, sql);
    rp_bind_i64(s, 1, a);
    rp_bind_i64(s, 2, b);
    int64_t out = 0;
    OK(rp_get_i64(s, INT64_MIN, &out, err));
    return out;
}

/* Counts are written with the commit; a test that never commits asks for it before it reads them.
 */
static inline void write_counts(struct world *w)
{
    OK(rp_counts_write(w->db, err));
}

/* Each test is one transaction, rolled back at its end; nothing of it is ever synced. */
static inline void configure(struct world *w, const char *yaml)
{
    static struct rp_mistakes mistakes;
    struct rp_config *c = rp_config_parse(rp_str_of(yaml), RP_STR("test.yaml"), NULL, &mistakes);
    if (c == NULL)
        fail_msg("configuration: %d:%d %s", mistakes.error[0].line, mistakes.error[0].column,
                 mistakes.error[0].err.message);
    assert_true(w->n_config < sizeof w->config / sizeof *w->config);
    w->config[w->n_config++] = c;
    int64_t held;
    OK(rp_config_apply(w->db, c, w->now, &held, err));
}

static inline int world_open(void **state)
{
    struct world *w = rp_xcalloc(1, sizeof *w);
    w->store = help_new(w->dir, w->path);
    if (w->store == NULL)
        return -1;
    w->db = rp_store_writer(w->store);
    w->now = at("2026-03-02T00:00:00Z");
    OK(rp_tx_begin(w->db, err));
    *state = w;
    return 0;
}

static inline int world_close(void **state)
{
    struct world *w = *state;
    struct rp_buf findings = {0};
    bool whole = rp_counts_write(w->db, NULL) && rp_store_check(w->db, &findings, NULL);
    if (!whole)
        print_error("store check: %.*s\n", RP_FMT(rp_buf_view(&findings)));
    rp_buf_free(&findings);
    rp_tx_rollback(w->db);
    rp_store_close(w->store);
    for (size_t i = 0; i < w->n_config; i++)
        rp_config_free(w->config[i]);
    rp_arena_free(&w->arena);
    help_remove(w->dir);
    free(w);
    return whole ? 0 : -1;
}

/* ---- jobs ---- */

static inline int64_t enqueue(struct world *w, const char *type, const char *key)
{
    struct rp_enqueue in = {.type = rp_str_of(type), .key = rp_str_of(key), .priority = INT64_MIN};
    struct rp_enqueued out;
    OK(rp_jobs_enqueue(w->db, &in, 1, w->now, &out, err));
    return out.id;
}

/* What is due becomes queued; how many. */
static inline int64_t promote(struct world *w)
{
    int64_t n, next;
    OK(rp_jobs_promote(w->db, w->now, 1000, &n, &next, err));
    return n;
}

/* Claims up to `max` jobs; returns how many. */
static inline size_t claim(struct world *w, int64_t max, struct rp_lease **leases)
{
    struct rp_claim c = {.node = RP_STR("n1"),
                         .worker = RP_STR("w1"),
                         .commands = !w->workers,
                         .max = max,
                         .lease_us = 30 * RP_US_S};
    size_t n;
    OK(rp_jobs_claim(w->db, &c, w->now, &w->arena, leases, &n, err));
    return n;
}

static inline enum rp_state report(struct world *w, const struct rp_lease *l,
                                   enum rp_outcome outcome, const char *error, uint64_t pattern)
{
    struct rp_report r = {.lease = l->id,
                          .token = l->token,
                          .outcome = outcome,
                          .permanent = !w->retry,
                          .facts = {.error = rp_str_of(error),
                                    .error_class = error != NULL ? RP_STR("dependency") : RP_NONE},
                          .template = rp_str_of(error),
                          .error_group = RP_STR("g"),
                          .action = RP_STR("replay"),
                          .pattern_hash = pattern};
    enum rp_state state;
    OK(rp_job_report(w->db, &r, w->now, &state, err));
    return state;
}

/* Enqueues and runs one job to its end; its id. */
static inline int64_t run_one(struct world *w, const char *type, enum rp_outcome outcome,
                              const char *error, uint64_t pattern)
{
    struct rp_lease *l;
    int64_t id = enqueue(w, type, NULL);
    if (claim(w, 1, &l) != 1 || l[0].job.id != id)
        fail_msg("job %lld was not claimed", (long long)id);
    (void)report(w, &l[0], outcome, error, pattern);
    return id;
}

static inline enum rp_state state_of(struct world *w, int64_t job)
{
    return (enum rp_state)query(w, "select state from job where id = ?1", job, 0);
}

static inline uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* ---- types and queues ---- */

#define TWO_TYPES                                                                                  \
    "queues:\n  mail: { max_running: 3, weight: 2 }\n"                                             \
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"                                           \
    "jobs:\n"                                                                                      \
    "  a: { run: [\"true\"], needs: [db], critical: true, retries: 0 }\n"                          \
    "  b: { run: [\"true\"], queue: mail, retries: 0 }\n"

static inline struct rp_type_row type_row(struct world *w, const char *name)
{
    struct rp_type_row row;
    write_counts(w);
    OK(rp_type_get(w->db, rp_str_of(name), w->now, &w->arena, &row, err));
    return row;
}

static inline struct rp_queue_row queue_row(struct world *w, const char *name)
{
    struct rp_queue_row *v;
    size_t n;
    write_counts(w);
    OK(rp_queues_list(w->db, w->now, &w->arena, &v, &n, err));
    for (size_t i = 0; i < n; i++)
        if (rp_str_is(v[i].name, name))
            return v[i];
    fail_msg("no queue %s", name);
    return v[0];
}

/* ---- schedules ---- */

#define JOB "jobs:\n  nightly:\n    run: [\"true\"]\n    schedule: "

/* One tick: the daemon is up since `up`, and was seen before until `down` (0: there was no gap). */
static inline struct rp_fire tick_since(struct world *w, int64_t down, int64_t up)
{
    struct rp_fire f = {.now_us = w->now, .down_from_us = down, .up_since_us = up, .max = 200};
    struct rp_fire sum = f;
    do {
        OK(rp_schedules_fire(w->db, &f, err));
        sum.fired += f.fired;
        sum.missed += f.missed;
        sum.next_us = f.next_us;
    } while (f.next_us <= w->now);
    return sum;
}

static inline void finish_all(struct world *w)
{
    struct rp_lease *l;
    (void)promote(w);
    for (size_t got; (got = claim(w, 100, &l)) > 0;)
        for (size_t i = 0; i < got; i++)
            (void)report(w, &l[i], RP_OUT_SUCCEEDED, NULL, 0);
}

/* ---- replays ---- */

/* Every column of a job, as text. */
static inline struct rp_str job_row(struct world *w, int64_t id)
{
    struct rp_stmt *s = rp_sql(
        w->db,
        "select json_array(type_id, queue_id, state, priority, key, hex(payload), labels,"
        " attempts, max_attempts, last_n, interrupted_n, lost_n, poison, created_at, due_at,"
        " started_at, ended_at, error, error_class, pattern_id, schedule_id, instant, manual,"
        " alone, replay_id, external_id, outside) from job where id = ?1");
    rp_bind_i64(s, 1, id);
    struct rp_err err;
    assert_int_equal(rp_step(s, &err), RP_STEP_ROW);
    struct rp_str row = rp_col_str(s, 0, &w->arena);
    rp_reset(s);
    return row;
}

static inline struct rp_candidate *candidates(struct world *w, const struct rp_job_filter *f,
                                              size_t *n)
{
    struct rp_candidate *v;
    OK(rp_replay_candidates(w->db, NULL, f, NULL, 0, 100000, &w->arena, &v, n, err));
    return v;
}

static inline int64_t create(struct world *w, const struct rp_candidate *v, size_t n)
{
    struct rp_replay r = {.selection = RP_STR("{\"type\":\"a\"}"),
                          .actor = RP_STR("ada"),
                          .reason = RP_STR("db is back"),
                          .plan_hash = RP_STR("0123456789abcdef"),
                          .canary = 5,
                          .wave_max = 200,
                          .matched = (int64_t)n + 2,
                          .left_out = 2};
    int64_t id;
    OK(rp_replay_create(w->db, &r, v, n, w->now, &id, err));
    return id;
}

static inline void set_state(struct world *w, int64_t id, enum rp_replay_state to)
{
    OK(rp_replay_set_state(w->db, id, to, RP_STR("ada"), RP_STR("because"), w->now, err));
}

static inline int64_t release(struct world *w, int64_t id, int64_t wave, int64_t max)
{
    int64_t n;
    OK(rp_replay_release(w->db, id, wave, max, w->now, &n, err));
    return n;
}

static inline int64_t settle(struct world *w, int64_t id)
{
    int64_t n;
    OK(rp_replay_settle(w->db, id, w->now, &n, err));
    return n;
}

static inline void fail_jobs(struct world *w, const char *type, int n, uint64_t pattern)
{
    for (int i = 0; i < n; i++, w->now += RP_US_S)
        (void)run_one(w, type, RP_OUT_FAILED, "refused", pattern);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

#endif
