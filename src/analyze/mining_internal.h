/* Inside the mining of failures: its lock and what it protects, and what the thread does. */
#ifndef RP_ANALYZE_MINING_INTERNAL_H
#define RP_ANALYZE_MINING_INTERNAL_H

#include "analyze/analyze.h"
#include "analyze/miner/kept.h"
#include "analyze/mining.h"
#include "store/mined.h"

#include <pthread.h>

/* Templates of a class, and the patterns that they are of. */
struct matcher {
    struct rp_miner *miner; /* NULL: none */
    int64_t *ids;           /* by its number there */
    size_t n, cap;
};
struct matchers {
    struct matcher of[RP_CLASSES_N];
};
bool rp_matchers_read(struct rp_db *db, struct matchers *out, struct rp_err *err);
void rp_matchers_free(struct matchers *x);
/* The pattern that the scanned line is like, 0: none. */
int64_t rp_matcher_find(const struct matchers *x, struct rp_str class, const struct rp_scan *s);

enum { SCANS_IDLE = 32, KNOWN = 8192 };

struct rp_mining {
    struct rp_engine *engine;
    struct rp_db *db; /* the mining thread's own, and rp_mining_new's */
    pthread_t thread;
    bool started;
    struct rp_listener listener;

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;  /* CLOCK_MONOTONIC */
    bool fresh, stopping;
    struct matchers matchers;
    struct known {
        uint64_t hash; /* of a form that was looked for in the templates lately */
        int64_t like;
    } known[KNOWN];
    struct rp_scan *idle[SCANS_IDLE];
    size_t n_idle;

    uint64_t mined[RP_CLASSES_N]; /* the thread's own: what was known when it mined a class last */
};

/* One round of the mining thread (mining_round.c). */
bool rp_mining_round(struct rp_mining *m, struct rp_err *err);
/* Scans forms of older rules anew (mining_rules.c). */
bool rp_mining_rules(struct rp_mining *m, struct rp_err *err);
/* The templates that there are now take the place of those before. */
bool rp_mining_reload(struct rp_mining *m, struct rp_err *err);

#endif
