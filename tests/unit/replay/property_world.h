/* A case of property_test.c: what it knows, and its dice. */
#ifndef RP_TESTS_PROPERTY_WORLD_H
#define RP_TESTS_PROPERTY_WORLD_H

#include "replay_world.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { STEPS = 64, PENDING = 3, REPLAYS = 40, ITEMS = 200, JOBS = 400, LEASES = 100 };

static const char *const confs[] = {
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"
    "jobs:\n"
    "  a: { run: [\"true\"], retries: 0, idempotent: true, max_running: 6 }\n"
    "  b: { run: [\"true\"], retries: 0, needs: [db] }\n"
    "  c: { run: [\"true\"], retries: 1, idempotent: true }\n"
    "replay: { settle: 0s, max_running: 5, wave_max: 8 }\n",
    /* … and as it is after somebody changed it: others are idempotent, one is gone */
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"
    "jobs:\n"
    "  a: { run: [\"true\"], retries: 0, max_running: 2, timeout: 9m }\n"
    "  b: { run: [\"true\"], retries: 2, idempotent: true }\n"
    "replay: { settle: 0s, max_running: 5, wave_max: 3 }\n",
};

/* The same for workers: without commands. In place. */
static void without_commands(char *conf)
{
    static const char run[] = "run: [\"true\"], ";
    for (char *at = strstr(conf, run); at != NULL; at = strstr(at, run))
        memmove(at, at + strlen(run), strlen(at + strlen(run)) + 1);
}

/* What was promised of a replay when it was planned. */
struct promise {
    int64_t id;
    size_t n;
    int64_t job[ITEMS];
    struct rp_str row[ITEMS];
};

struct pending { /* a plan on its way */
    bool used, parked, planned;
    struct rp_replay_ask ask;
    struct rp_replay_making m;
    struct rp_replay_parked p;
};

struct prop {
    struct world *w;
    struct desk desk;
    uint64_t seed, x;
    size_t conf;
    struct rp_lease lease[LEASES];
    size_t n_leases;
    struct pending pending[PENDING];
    struct promise promise[REPLAYS];
    size_t n_promises;
    struct rp_str succeeded[JOBS + 1]; /* as they were when they had */
    bool up, loud;
};

#define SAY(p, ...)                                                                                \
    do {                                                                                           \
        if ((p)->loud)                                                                             \
            print_message(__VA_ARGS__);                                                            \
    } while (0)

static uint64_t dice(struct prop *p, uint64_t sides)
{
    return next_random(&p->x) % sides;
}

#endif
