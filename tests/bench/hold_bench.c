/* How long single operations hold the writer, and single questions a reader (G19), on a store with
 * many failed jobs. Prints JSON, milliseconds each. usage: hold_bench [failed jobs] [folder] */
#include "base/time.h"
#include "replay/replay.h"
#include "store/internal.h"
#include "store/registry.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 10000, CLAIM = 1000, PATTERNS = 50 };
static const char payload[] = "{\"invoice\":123456,\"customer\":\"c-4711\",\"amount\":99.5}";
static struct rp_enqueue in[BATCH];
static struct rp_enqueued out[BATCH];
static char keys[BATCH][16];

static _Noreturn void die(const struct rp_err *err)
{
    (void)fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void must(bool ok, const struct rp_err *err)
{
    if (!ok)
        die(err);
}

static int64_t since;

static void from_here(void)
{
    since = rp_mono(&rp_clock_system);
}

static void print(const char *what)
{
    (void)printf("{\"%s_ms\": %.1f}\n", what, (double)(rp_mono(&rp_clock_system) - since) / 1000);
    (void)fflush(stdout);
}

static struct rp_db *store_with_a_type(const char *dir, struct rp_store **store,
                                       const struct rp_config *c)
{
    char path[300];
    struct rp_err err;
    int64_t held;
    (void)snprintf(path, sizeof path, "%s/s.db", dir);
    must(rp_store_open(path, store, &err), &err);
    struct rp_db *db = rp_store_writer(*store);
    must(rp_tx_begin(db, &err) && rp_config_apply(db, c, rp_wall(&rp_clock_system), &held, &err) &&
             rp_tx_commit(db, &err),
         &err);
    return db;
}

static void enqueue(struct rp_db *db, size_t n, bool with_keys, const char *what)
{
    static int64_t next;
    struct rp_err err;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%lld", (long long)next++);
        in[i] = (struct rp_enqueue){.type = RP_STR("work"),
                                    .payload = rp_str_of(payload),
                                    .key = with_keys ? rp_str_of(keys[i]) : RP_NONE,
                                    .priority = INT64_MIN};
    }
    from_here();
    must(rp_tx_begin(db, &err) && rp_jobs_enqueue(db, in, n, rp_wall(&rp_clock_system), out, &err),
         &err);
    if (what != NULL)
        print(what);
    must(rp_tx_commit(db, &err), &err);
}

static size_t claim(struct rp_db *db, struct rp_arena *a, struct rp_lease **l, const char *what)
{
    struct rp_claim c = {
        .node = RP_STR("n1"), .worker = RP_STR("w1"), .max = CLAIM, .lease_us = RP_US_H};
    struct rp_err err;
    size_t n;
    from_here();
    must(rp_tx_begin(db, &err) && rp_jobs_claim(db, &c, rp_wall(&rp_clock_system), a, l, &n, &err),
         &err);
    if (what != NULL)
        print(what);
    must(rp_tx_commit(db, &err), &err);
    return n;
}

static void fail_all(struct rp_db *db, const struct rp_lease *l, size_t n, const char *what)
{
    struct rp_err err;
    enum rp_state state;
    from_here();
    must(rp_tx_begin(db, &err), &err);
    for (size_t i = 0; i < n; i++) {
        struct rp_report r = {.lease = l[i].id,
                              .token = l[i].token,
                              .outcome = RP_OUT_FAILED,
                              .permanent = true,
                              .error_group = RP_STR("transient"),
                              .pattern_hash = 1 + i % PATTERNS};
        r.facts.error = RP_STR("connect ECONNREFUSED 10.0.0.7:5432");
        r.facts.error_class = RP_STR("connection");
        must(rp_job_report(db, &r, rp_wall(&rp_clock_system), &state, &err), &err);
    }
    if (what != NULL)
        print(what);
    must(rp_tx_commit(db, &err), &err);
}

static void fill(struct rp_db *db, int64_t failed)
{
    for (int64_t done = 0; done < failed; done += CLAIM) {
        struct rp_arena a = {0};
        struct rp_lease *l;
        enqueue(db, CLAIM, false, NULL);
        fail_all(db, l, claim(db, &a, &l, NULL), NULL);
        rp_arena_free(&a);
    }
}

/* Of 100,000 jobs at most. */
static struct rp_replay_ask ask_for_many(struct rp_db *db, struct rp_arena *a)
{
    static struct rp_str override[] = {RP_STR("workers"), RP_STR("class")};
    struct rp_replay_ask ask = {.filter = {.type = RP_STR("work")},
                                .has_filter = true,
                                .override = {override, 2},
                                .reason = RP_STR("bench"),
                                .actor = RP_STR("bench")};
    struct rp_err err;
    struct rp_job *jobs;
    size_t n;
    bool more;
    must(rp_jobs_list(db, &ask.filter, 100001, 1, a, &jobs, &n, &more, &err), &err);
    ask.filter.until_us = jobs[0].ended_us;
    return ask;
}

static void replay(struct rp_store *store, const struct rp_config *c)
{
    struct rp_arena a = {0};
    struct rp_err err;
    struct rp_replay_making m = {.id = 0};
    struct rp_db *reader = rp_store_reader(store, &err), *db = rp_store_writer(store);
    must(reader != NULL, &err);
    struct rp_replay_ask ask = ask_for_many(reader, &a);
    int64_t now = rp_wall(&rp_clock_system), longest = 0;
    from_here();
    must(rp_replay_plan(reader, c, &ask, now, &a, &m.plan, &err), &err);
    print("replay_plan_on_a_reader");
    for (bool again = true; again;) {
        from_here();
        must(rp_tx_begin(db, &err) && rp_replay_make(db, c, &ask, now, &a, &m, &again, &err) &&
                 rp_tx_commit(db, &err),
             &err);
        int64_t us = rp_mono(&rp_clock_system) - since;
        longest = us > longest ? us : longest;
    }
    (void)printf("{\"replay_items\": %lld, \"longest_part_and_commit_ms\": %.1f}\n",
                 (long long)m.plan.n, (double)longest / 1000);
    rp_db_close(reader);
    rp_arena_free(&a);
}

static void questions(struct rp_store *store)
{
    struct rp_arena a = {0};
    struct rp_err err;
    struct rp_failure_group *groups;
    struct rp_job_filter f = {0};
    struct rp_job_filter where = {.where = &(struct rp_env){RP_STR("customer"), RP_STR("nobody")},
                                  .n_where = 1};
    struct rp_job *jobs;
    size_t n;
    bool more;
    int64_t count;
    struct rp_db *db = rp_store_reader(store, &err);
    must(db != NULL && rp_tx_begin(db, &err), &err);
    from_here();
    must(rp_jobs_failures(db, &f, 100, &a, &groups, &n, &err), &err);
    print("failures");
    from_here();
    must(rp_jobs_list(db, &where, 0, 100, &a, &jobs, &n, &more, &err), &err);
    print("list_where_without_a_match");
    from_here();
    must(rp_jobs_count(db, &f, &count, &err), &err);
    print("count_all");
    rp_tx_rollback(db);
    rp_db_close(db);
    rp_arena_free(&a);
}

int main(int argc, char **argv)
{
    int64_t failed = argc > 1 ? atoll(argv[1]) : 200000;
    char dir[200], cmd[300];
    (void)snprintf(dir, sizeof dir, "%.150s/hold-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (mkdtemp(dir) == NULL || sodium_init() < 0)
        return 2;
    struct rp_type type = {.name = RP_STR("work"),
                           .source = RP_STR("work"),
                           .queue = RP_STR("default"),
                           .idempotent = true,
                           .retry = {.retries = 3}};
    struct rp_config config = {.types = &(struct rp_type *){&type},
                               .n_types = 1,
                               .replay_max_running = 2,
                               .replay_items_max = 1000000,
                               .wave_max = 200};
    struct rp_store *store;
    struct rp_arena a = {0};
    struct rp_lease *l;
    struct rp_db *db = store_with_a_type(dir, &store, &config);
    fill(db, failed);
    enqueue(db, BATCH, false, "enqueue_10000");
    enqueue(db, BATCH, true, "enqueue_10000_keys");
    size_t n = claim(db, &a, &l, "claim_1000");
    fail_all(db, l, n, "report_1000");
    questions(store);
    replay(store, &config);
    rp_arena_free(&a);
    rp_store_close(store);
    (void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    return system(cmd);
}
