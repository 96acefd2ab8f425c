/* A scripted history of a store, told by who made it: each step is one transaction as the writer
 * thread makes it, and what its commit acknowledged goes into a ledger. What a store says later, in
 * an image of a power loss or after a refused write, is held against that ledger (G1 to G4).
 *
 * The history knows the store by its public functions only. After each commit it also keeps a
 * digest of every row of every table: between two acknowledgements a store can have one of two
 * digests, so that half an operation, however small, is found. */
#ifndef TESTS_FAULTS_HISTORY_H
#define TESTS_FAULTS_HISTORY_H

#include "store/holds.h"
#include "store/registry.h"
#include "store/replays.h"
#include "unit/store/store_help.h"

/* What was acknowledged about a job: it is there; its state (none: not said); how its attempt n
 * ended (n = 0: nothing said). */
struct ack {
    int64_t job, n;
    enum rp_state state;
    enum rp_outcome outcome;
    size_t tx;
};
/* One committed transaction, and where its writes lie between `begun` and `ended` of h->mark. */
struct committed {
    const char *name;
    uint64_t digest;
    size_t begun, ended;
    bool told; /* a store with this content was held against the ledger */
};
/* What steps hand to later ones. Plain data: a refused step takes it back. */
struct memory {
    struct rp_lease lease[64];
    size_t n_leases, stock; /* stock: jobs of type work that are queued, at least */
    int64_t newest, failed, unknown, replay, keyed, held[20], n_held, now, fired_until;
    int config, key;
};
struct history {
    char dir[64], path[96];
    struct rp_store *store;
    struct rp_db *db;
    struct rp_config *config[2];
    struct rp_arena a;
    struct memory is, would_be;   /* would_be: had the refused step been committed */
    struct ack *ack, claimed[64]; /* claimed: by the step under way, or by the one refused last */
    size_t n_ack, n_claimed;
    struct committed *tx; /* [0]: the store was opened */
    size_t n_tx;
    size_t (*mark)(void); /* NULL: nobody records */
    size_t refused;       /* writes that a history went on after, if it may */
    bool goes_on;
};

/* One step, which others must precede. `raw` is no transaction: it closes and opens the store. */
struct step {
    const char *name;
    const struct step *const *needs;
    bool (*op)(struct history *h, struct rp_err *err);
    bool raw;
};
extern const struct step *const history_steps[];
extern const size_t history_steps_n;

/* A new store in `dir` (removed by history_free), small enough in its log that checkpoints and
 * fresh logs come often. */
struct history *history_new(const char *parent);
bool history_open(struct history *h, struct rp_err *err);
void history_free(struct history *h);
/* The store of a history that was opened: digest and configuration. */
void history_begin(struct history *h);
/* False: refused, and err says why; nothing was acknowledged. */
bool history_step(struct history *h, const struct step *s, struct rp_err *err);
/* What the step needs, then the step; all of it must succeed. */
void history_prepare(struct history *h, const struct step *s);
void history_play(struct history *h, const struct step *s);

/* Whether the store is as it was acknowledged after h->tx[acked]; `in_flight`: h->tx[acked + 1] may
 * be there too, but as a whole. `why` says what is wrong. */
enum { HISTORY_WHY = 1000 };
bool history_holds(struct history *h, struct rp_db *db, size_t acked, bool in_flight,
                   char why[HISTORY_WHY]);
/* After a step that was refused: all of it is there after all (its commit may have reached the
 * disk) and counts as acknowledged from now on, or nothing is. */
bool history_settle(struct history *h, char why[HISTORY_WHY]);
/* As history_holds, of everything acknowledged so far, without the digest. */
bool history_kept(const struct history *h, struct rp_db *db, char why[HISTORY_WHY]);
uint64_t history_digest(struct rp_db *db);

/* Runs the tests whose names match the first argument (with * and ?), or with a minus before it,
 * those that do not: so that ctest can run the parts of a long program side by side. */
#define FAULTS_RUN(tests, argc, argv, setup)                                                       \
    (history_filter(argc, argv), cmocka_run_group_tests(tests, setup, NULL))
void history_filter(int argc, char **argv);

#endif
