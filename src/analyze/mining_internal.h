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
/* A message that wraps others, by the word that a line of it must have. */
struct outer {
    uint64_t word;
    int64_t id;
    struct rp_str template;
    int hole;
};
struct matchers {
    struct matcher of[RP_CLASSES_N];
    struct outer *outers; /* by word, then by id */
    size_t n_outers, cap_outers;
    struct rp_arena arena;
};
bool rp_matchers_read(struct rp_db *db, struct matchers *out, struct rp_err *err);
void rp_matchers_free(struct matchers *x);
/* The pattern that the scanned line is like, 0: none. */
int64_t rp_matcher_find(const struct matchers *x, struct rp_str class, const struct rp_scan *s);
/* The message that wraps what the form says, 0: none; *inner: what it wraps, of `text`. */
int64_t rp_matcher_outer(const struct matchers *x, struct rp_str text, struct rp_str *inner);

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
        int64_t like, outer;
        uint32_t inner_at, inner_n; /* of its text */
    } known[KNOWN];
    struct rp_scan *idle[SCANS_IDLE];
    size_t n_idle;

    uint64_t mined[RP_CLASSES_N]; /* the thread's own: what was known when it mined a class last */
};

/* ---- what a round found (mining_findings.c) ---- */

/* A message that wraps others; id 0: it is new, until it is written. */
struct message {
    int64_t id;
    struct rp_str template;
    int hole;     /* -1: not known yet */
    bool several; /* it wraps more than one error */
    size_t rank;  /* in the order of the forms */
};

enum found {
    FOUND_ONE,     /* id and other are one */
    FOUND_WORDS,   /* template (and inner, of message) is what all of id say */
    FOUND_MESSAGE, /* message is new, or says something else */
    FOUND_WRAPPED  /* id is wrapped in message */
};
struct finding {
    enum found found;
    int64_t id, other;
    struct rp_str template, inner;
    struct message *message;
};
struct findings {
    struct finding *v;
    size_t n, cap, done, joined;
};
/* Not while the daemon stops: what is not written now is found again. */
bool rp_mining_goes_on(const struct rp_mining *m, struct rp_err *err);
void rp_finding_add(struct findings *l, struct finding x);
/* In order, in slices that hold up nobody. */
bool rp_findings_write(struct rp_mining *m, struct findings *l, struct rp_err *err);

/* ---- two levels (mining_levels.c) ---- */

/* A form of the store, and what all forms together say of it. */
struct level_row {
    uint64_t hash, form; /* hash: with the class */
    uint64_t said;       /* of what its pattern says in the store */
    int64_t born, now, outer;
    uint32_t inner;
    enum rp_class class;
    bool apart, same_class;
    bool speaks;  /* first form of its pattern: what it says is what the pattern says */
    bool wrapped; /* it is a pair: `message` and what stands in it */
    bool by_pair; /* its pattern speaks by a pair */
    struct message *message;
    struct rp_str text; /* what stands in it; of one that is apart its own words */
};
struct levels {
    struct rp_arena arena;
    struct rp_scan *scan;
    struct level_row *v;
    size_t n, cap;
    struct level_row **by_hash, **pairs; /* pairs: by message, class, inner, pattern */
    size_t n_pairs;
    struct stored { /* messages that the store knows, by id */
        int64_t id;
        uint64_t said;
    } * stored;
    size_t n_stored, cap_stored;
};
/* All forms of all classes, mined together: which messages wrap which errors. */
bool rp_levels_read(struct rp_mining *m, struct levels *x, struct rp_err *err);
/* NULL: it came since. */
struct level_row *rp_levels_row(const struct levels *x, uint64_t hash);
/* A form that is part of a pair is shown once more: where in its message the error stands. */
void rp_levels_show(struct levels *x, struct level_row *row, struct rp_str form);
void rp_levels_find(struct levels *x, struct findings *l);
void rp_levels_free(struct levels *x);

/* Makes room in a full table of forms (mining_thin.c). */
bool rp_mining_thin(struct rp_mining *m, struct rp_err *err);

/* One round of the mining thread (mining_round.c). */
bool rp_mining_round(struct rp_mining *m, struct rp_err *err);
/* Scans forms of older rules anew (mining_rules.c). */
bool rp_mining_rules(struct rp_mining *m, struct rp_err *err);
/* The templates that there are now take the place of those before. */
bool rp_mining_reload(struct rp_mining *m, struct rp_err *err);

#endif
