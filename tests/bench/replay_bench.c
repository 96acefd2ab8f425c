/* What the store's part of a replay through waves costs: processor time of the writer's thread, us
 * a job, beside the same jobs from enqueue to end. All jobs succeed, claims and reports are as
 * large as a wave lets them be; one commit a wave, as with a worker that waits, who has each
 * straight from the replay. Prints JSON. usage: replay_bench [jobs] [wave] [folder] */
#include "base/time.h"
#include "replay/replay.h"
#include "store/internal.h"
#include "store/registry.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CLAIM = 1000 };
static const char payload[] = "{\"invoice\":123456,\"customer\":\"c-4711\",\"amount\":99.5}";

enum part { ENQUEUE, FAIL, PLAN, FREEZE, CLAIMS, REPORTS, TICKS, COMMITS, PARTS };
static const char *const names[PARTS] = {"enqueue", "fail",    "plan",  "freeze",
                                         "claim",   "reports", "waves", "commits"};
static struct bench {
    struct rp_store *store;
    struct rp_db *db;
    struct rp_config config;
    double us[PARTS];
} b;

static void must(bool ok, const struct rp_err *err)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double since;

static void begin(void)
{
    struct rp_err err;
    must(rp_tx_begin(b.db, &err), &err);
    since = cpu_us();
}

static void done(enum part p)
{
    double now = cpu_us();
    b.us[p] += now - since;
    since = now;
}

static void commit(void)
{
    struct rp_err err;
    must(rp_tx_commit(b.db, &err), &err);
    (void)rp_db_take_changes(b.db);
    done(COMMITS);
}

static size_t claim_more(struct rp_arena *a, struct rp_lease **l)
{
    struct rp_claim c = {
        .node = RP_STR("n1"), .worker = RP_STR("w1"), .max = CLAIM, .lease_us = RP_US_H};
    struct rp_err err;
    size_t n;
    since = cpu_us();
    must(rp_jobs_claim(b.db, &c, rp_wall(&rp_clock_system), a, l, &n, &err), &err);
    done(CLAIMS);
    return n;
}

static size_t claim(struct rp_arena *a, struct rp_lease **l)
{
    begin();
    size_t n = claim_more(a, l);
    commit();
    return n;
}

static struct rp_report report_of(const struct rp_lease *l, enum rp_outcome outcome)
{
    struct rp_report r = {.lease = l->id, .token = l->token, .outcome = outcome, .permanent = true};
    if (outcome != RP_OUT_FAILED)
        return r;
    r.facts.error = RP_STR("connect ECONNREFUSED 10.0.0.7:5432");
    r.facts.error_class = RP_STR("connection");
    r.error_group = RP_STR("transient");
    r.pattern_hash = 7;
    return r;
}

static void report(struct rp_arena *a, const struct rp_lease *l, size_t n, enum rp_outcome outcome,
                   enum part p)
{
    struct rp_err err;
    struct rp_report *r = RP_NEW_N(a, struct rp_report, n);
    struct rp_reported *out = RP_NEW_N(a, struct rp_reported, n);
    for (size_t i = 0; i < n; i++)
        r[i] = report_of(&l[i], outcome);
    begin();
    must(rp_jobs_report(b.db, r, n, rp_wall(&rp_clock_system), a, out, &err), &err);
    done(p);
}

static void enqueue(size_t n)
{
    static struct rp_enqueue in[CLAIM];
    static struct rp_enqueued out[CLAIM];
    struct rp_err err;
    for (size_t i = 0; i < n; i++)
        in[i] = (struct rp_enqueue){
            .type = RP_STR("work"), .payload = rp_str_of(payload), .priority = INT64_MIN};
    begin();
    must(rp_jobs_enqueue(b.db, in, n, rp_wall(&rp_clock_system), out, &err), &err);
    done(ENQUEUE);
    commit();
}

/* Through the queue, each with one attempt of this outcome. */
static void live(int64_t jobs, enum rp_outcome outcome)
{
    for (int64_t at = 0; at < jobs; at += CLAIM) {
        struct rp_arena a = {0};
        struct rp_lease *l;
        enqueue(CLAIM);
        size_t n = claim(&a, &l);
        report(&a, l, n, outcome, outcome == RP_OUT_FAILED ? FAIL : REPORTS);
        commit();
        rp_arena_free(&a);
    }
}

static int64_t make_replay(int64_t wave)
{
    static struct rp_str override[] = {RP_STR("workers"), RP_STR("class")};
    struct rp_arena a = {0};
    struct rp_err err;
    struct rp_replay_making m = {.id = 0};
    struct rp_replay_ask ask = {.filter = {.type = RP_STR("work")},
                                .has_filter = true,
                                .override = {override, 2},
                                .unlimited = true,
                                .reason = RP_STR("bench"),
                                .actor = RP_STR("bench"),
                                .wave_max = wave};
    begin();
    must(rp_replay_plan(b.db, &b.config, &ask, rp_wall(&rp_clock_system), &a, &m.plan, &err), &err);
    done(PLAN);
    commit();
    for (bool again = true; again;) {
        begin();
        must(rp_replay_make(b.db, &b.config, &ask, rp_wall(&rp_clock_system), &a, &m, &again, &err),
             &err);
        done(FREEZE);
        commit();
    }
    rp_arena_free(&a);
    return m.id;
}

static struct rp_replay_desk desk = {.supplies = true};

static void tick(void)
{
    int64_t next = INT64_MAX;
    struct rp_err err;
    must(rp_replay_tick(&desk, b.db, rp_wall(&rp_clock_system), &next, &err), &err);
    done(TICKS);
}

static bool runs(int64_t id)
{
    struct rp_arena a = {0};
    struct rp_replay r;
    struct rp_err err;
    must(rp_replay_get(b.db, id, &a, &r, &err), &err);
    rp_arena_free(&a);
    return r.state == RP_REPLAY_RUNNING;
}

/* What goes out is claimed before the commit. */
static int64_t through_waves(int64_t id)
{
    struct rp_lease *l;
    int64_t jobs = 0;
    rp_jobs_supply(b.db, rp_replay_supply, &desk);
    begin();
    tick();
    commit();
    while (runs(id)) {
        struct rp_arena a = {0};
        for (size_t n = claim(&a, &l); n > 0; n = claim_more(&a, &l), commit()) {
            report(&a, l, n, RP_OUT_SUCCEEDED, REPORTS);
            tick();
            jobs += (int64_t)n;
        }
        rp_arena_free(&a);
    }
    return jobs;
}

static void print(const char *what, int64_t jobs)
{
    double all = 0;
    (void)printf("\"%s\": {\"jobs\": %lld", what, (long long)jobs);
    for (int p = 0; p < PARTS; p++) {
        if (b.us[p] > 0)
            (void)printf(", \"%s\": %.2f", names[p], b.us[p] / (double)jobs);
        all += b.us[p];
        b.us[p] = 0;
    }
    (void)printf(", \"us_a_job\": %.2f}", all / (double)jobs);
}

static void open_store(const char *dir)
{
    char path[300];
    struct rp_err err;
    int64_t held;
    (void)snprintf(path, sizeof path, "%s/s.db", dir);
    must(rp_store_open(path, &b.store, &err), &err);
    b.db = rp_store_writer(b.store);
    begin();
    must(rp_config_apply(b.db, &b.config, rp_wall(&rp_clock_system), &held, &err), &err);
    commit();
}

int main(int argc, char **argv)
{
    int64_t jobs = argc > 1 ? atoll(argv[1]) : 100000, wave = argc > 2 ? atoll(argv[2]) : 200;
    char dir[200], cmd[300];
    (void)snprintf(dir, sizeof dir, "%.150s/replay-bench-XXXXXX", argc > 3 ? argv[3] : "/tmp");
    if (jobs < CLAIM || mkdtemp(dir) == NULL || sodium_init() < 0)
        return 2;
    struct rp_type type = {.name = RP_STR("work"),
                           .source = RP_STR("work"),
                           .queue = RP_STR("default"),
                           .idempotent = true,
                           .retry = {.retries = 3}};
    b.config = (struct rp_config){.types = &(struct rp_type *){&type},
                                  .n_types = 1,
                                  .replay_max_running = 2,
                                  .replay_items_max = jobs + CLAIM,
                                  .wave_max = 200,
                                  .halt_alpha = 0.01};
    open_store(dir);
    live(jobs, RP_OUT_FAILED);
    (void)printf("{\"wave\": %lld, ", (long long)wave);
    print("failed", jobs);
    live(jobs, RP_OUT_SUCCEEDED);
    (void)printf(",\n ");
    print("plain", jobs);
    int64_t id = make_replay(wave);
    (void)printf(",\n ");
    print("planned", jobs);
    int64_t n = through_waves(id);
    (void)printf(",\n ");
    print("replayed", n);
    (void)printf("}\n");
    rp_store_close(b.store);
    (void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    return system(cmd);
}
