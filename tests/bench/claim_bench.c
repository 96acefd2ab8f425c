/* What a claim costs by the number of lanes (queues and types with ready jobs): milliseconds of the
 * writer's thread without the commit, the median of many, and the first after the start, which
 * looks for them all. Prints JSON. usage: claim_bench [folder] */
#include "base/time.h"
#include "store/internal.h"
#include "store/registry.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUEUES = 100, TYPES_MOST = 180, JOBS_A_LANE = 3, ROUNDS = 100 };
static struct rp_type type[TYPES_MOST], *types[TYPES_MOST];
static struct rp_config config = {.types = types};
static char type_name[TYPES_MOST][16], queue_name[QUEUES][16];

static void must(bool ok, const struct rp_err *err)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void configure(struct rp_db *db, size_t n_types)
{
    struct rp_err err;
    int64_t held;
    config.n_types = n_types;
    for (size_t i = 0; i < n_types; i++) {
        (void)snprintf(type_name[i], sizeof type_name[i], "t%03zu", i);
        type[i] = (struct rp_type){.name = rp_str_of(type_name[i]),
                                   .source = RP_STR("t"),
                                   .queue = RP_STR("default"),
                                   .idempotent = true,
                                   .max_running = i % 10 == 0 ? 100000 : 0};
        types[i] = &type[i];
    }
    must(rp_tx_begin(db, &err) && rp_config_apply(db, &config, 1, &held, &err) &&
             rp_tx_commit(db, &err),
         &err);
}

static void enqueue(struct rp_db *db, size_t type_no, size_t n_queues)
{
    static struct rp_enqueue in[QUEUES * JOBS_A_LANE];
    static struct rp_enqueued out[QUEUES * JOBS_A_LANE];
    size_t n = n_queues * JOBS_A_LANE;
    struct rp_err err;
    for (size_t i = 0; i < n; i++) {
        size_t q = i % n_queues;
        (void)snprintf(queue_name[q], sizeof queue_name[q], "q%zu", q);
        in[i] = (struct rp_enqueue){.type = rp_str_of(type_name[type_no]),
                                    .queue = rp_str_of(queue_name[q]),
                                    .priority = (int64_t)(i % 3)};
    }
    must(rp_tx_begin(db, &err) &&
             rp_jobs_enqueue(db, in, n, rp_wall(&rp_clock_system), out, &err) &&
             rp_tx_commit(db, &err),
         &err);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As a worker does: it takes, and what it takes succeeds before the next. */
static double claim(struct rp_db *db, int64_t max)
{
    struct rp_arena a = {0};
    struct rp_claim c = {
        .node = RP_STR("n1"), .worker = RP_STR("w1"), .max = max, .lease_us = RP_US_H};
    struct rp_err err;
    struct rp_lease *l;
    size_t n;
    must(rp_tx_begin(db, &err), &err);
    int64_t from = rp_thread_cpu();
    must(rp_jobs_claim(db, &c, rp_wall(&rp_clock_system), &a, &l, &n, &err), &err);
    double us = (double)(rp_thread_cpu() - from);
    struct rp_report *r = RP_NEW_N(&a, struct rp_report, n);
    struct rp_reported *out = RP_NEW_N(&a, struct rp_reported, n);
    for (size_t i = 0; i < n; i++)
        r[i] =
            (struct rp_report){.lease = l[i].id, .token = l[i].token, .outcome = RP_OUT_SUCCEEDED};
    must(rp_jobs_report(db, r, n, rp_wall(&rp_clock_system), &a, out, &err) &&
             rp_tx_commit(db, &err),
         &err);
    rp_arena_free(&a);
    return us;
}

static void measure(const char *dir, size_t n_types, size_t n_queues, int64_t max)
{
    char path[300];
    struct rp_store *store;
    struct rp_err err;
    double us[ROUNDS];
    (void)snprintf(path, sizeof path, "%s/s%zu-%zu-%lld.db", dir, n_types, n_queues,
                   (long long)max);
    must(rp_store_open(path, &store, &err), &err);
    struct rp_db *db = rp_store_writer(store);
    configure(db, n_types);
    for (size_t i = 0; i < n_types; i++)
        enqueue(db, i, n_queues);
    double first = claim(db, max);
    for (int i = 0; i < ROUNDS; i++) {
        enqueue(db, (size_t)i % n_types, n_queues);
        us[i] = claim(db, max);
    }
    qsort(us, ROUNDS, sizeof *us, by_size);
    (void)printf("{\"claim_of_%lld_at_%zu_ms\": %.3f, \"first_of_%lld_at_%zu_ms\": %.3f}\n",
                 (long long)max, n_types * n_queues, us[ROUNDS / 2] / 1e3, (long long)max,
                 n_types * n_queues, first / 1e3);
    (void)fflush(stdout);
    rp_store_close(store);
}

int main(int argc, char **argv)
{
    static const size_t types_of[] = {1, 1, 10, 18, 180}, queues_of[] = {1, 10, 10, 100, 100};
    char dir[200], cmd[300];
    (void)snprintf(dir, sizeof dir, "%.150s/claim-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (mkdtemp(dir) == NULL || sodium_init() < 0)
        return 2;
    for (size_t i = 0; i < sizeof types_of / sizeof *types_of; i++) {
        measure(dir, types_of[i], queues_of[i], 1);
        measure(dir, types_of[i], queues_of[i], 100);
    }
    (void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    return system(cmd);
}
