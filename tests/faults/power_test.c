/* G1 to G4 under power loss: a scripted history of a store is recorded (power_disk.h), and at every
 * point of it the power goes. The image is opened as a daemon would open it, with its checks, and
 * is held against the ledger of what was acknowledged by then (history.h).
 *
 *   RP_SEED=n                  the same dice again
 *   RP_POWER_POINT=n           that point only, in all kinds of images
 *   RP_POWER_PART=i            every third point, from the i-th on (so ctest runs the short form)
 *   RP_POWER_ROUNDS=n          so many recordings, their steps shuffled from the second on, with
 *                              every kind of image at every point (the long form) */
#include "history.h"
#include "power_disk.h"

#include <inttypes.h>

enum { PARTS = 3 };

static struct {
    uint64_t seed;
    int64_t only; /* -1: every point */
    int64_t rounds;
    size_t part, parts; /* points of which this run has its share */
    const char *folder; /* for images: in memory, where there is one */
} asked;

static int64_t number(const char *name, int64_t fallback)
{
    const char *s = getenv(name);
    return s != NULL ? strtoll(s, NULL, 10) : fallback;
}

static int ask(void **state)
{
    (void)state;
    struct dice d = help_dice("power");
    asked.seed = (d.x - 1) / 2;
    asked.only = number("RP_POWER_POINT", -1);
    asked.rounds = number("RP_POWER_ROUNDS", 0);
    asked.part = (size_t)number("RP_POWER_PART", 0);
    asked.parts = getenv("RP_POWER_PART") != NULL ? PARTS : 1;
    asked.folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    return 0;
}

/* ---- the recording ---- */

static void shuffle(const struct step **v, size_t n, struct dice *d)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)help_roll(d, (int64_t)i);
        const struct step *s = v[k];
        v[k] = v[i - 1];
        v[i - 1] = s;
    }
}

static struct history *begin(uint64_t seed)
{
    struct history *h = history_new(asked.folder);
    power_on(h->path, seed);
    h->mark = power_now;
    return h;
}

static void finish(struct history *h)
{
    rp_store_close(h->store);
    h->store = NULL;
    power_off();
}

static struct history *record(uint64_t seed, bool shuffled, unsigned swallowed)
{
    const struct step *script[64];
    struct dice d = {seed};
    struct history *h = begin(seed);
    memcpy(script, history_steps, history_steps_n * sizeof *script);
    if (shuffled)
        shuffle(script, history_steps_n, &d);
    power_swallow(swallowed);
    OK(history_open(h, err));
    history_begin(h);
    for (size_t i = 0; i < history_steps_n; i++)
        history_play(h, script[i]);
    finish(h);
    return h;
}

/* ---- the verdict on one image ---- */

struct tried {
    struct history *h;
    struct power_walk *walk;
    char dir[64], path[96];
    uint64_t seed, *seen;
    size_t acked, n_seen, images;
    size_t from, wrong, enough; /* first point; how many wrong ones, and when to end */
    bool losses_only;           /* images without dice */
    bool opened, in_flight;     /* the first opening had returned; a step is under way */
};

/* The same image under the same promises need not be tried twice. */
static bool new_image(struct tried *t, uint64_t hash)
{
    hash = hash * 31 + 2 * t->acked + t->in_flight + 1;
    for (size_t i = t->n_seen; i > 0; i--)
        if (t->seen[i - 1] == hash)
            return false;
    t->seen = rp_xrealloc(t->seen, (t->n_seen + 1) * sizeof *t->seen);
    t->seen[t->n_seen++] = hash;
    return true;
}

static bool nothing_there(struct rp_db *db, char why[HISTORY_WHY])
{
    int64_t n = -1;
    struct rp_job_filter all = {0};
    if (rp_jobs_count(db, &all, &n, NULL) && n == 0)
        return true;
    (void)snprintf(why, HISTORY_WHY, "%lld jobs in a store that was never opened", (long long)n);
    return false;
}

static bool image_holds(struct tried *t, char why[HISTORY_WHY])
{
    struct rp_store *s = NULL;
    struct rp_err err;
    t->images++;
    if (!rp_store_open(t->path, &s, &err)) {
        (void)snprintf(why, HISTORY_WHY, "it does not open: %s: %s", rp_code_slug(err.code),
                       err.message);
        return false;
    }
    struct rp_db *db = rp_store_writer(s);
    bool ok =
        t->opened ? history_holds(t->h, db, t->acked, t->in_flight, why) : nothing_there(db, why);
    rp_store_close(s);
    return ok;
}

/* ---- every point ---- */

static struct tried tried_new(struct history *h, uint64_t seed)
{
    struct tried t = {.h = h, .walk = power_walk_new(), .seed = seed, .enough = SIZE_MAX};
    (void)snprintf(t.dir, sizeof t.dir, "%.30s/reprise-image-XXXXXX", asked.folder);
    if (mkdtemp(t.dir) == NULL)
        fail_msg("no folder for images");
    (void)snprintf(t.path, sizeof t.path, "%s/s.db", t.dir);
    return t;
}

static void tried_free(struct tried *t)
{
    power_walk_free(t->walk);
    help_remove(t->dir);
    free(t->seen);
}

/* Which promises hold at the point: what had been acknowledged, and whether more was under way. */
static void promises(struct tried *t, size_t point)
{
    const struct history *h = t->h;
    t->opened = point >= h->tx[0].ended;
    while (t->acked + 1 < h->n_tx && h->tx[t->acked + 1].ended <= point)
        t->acked++;
    t->in_flight = t->acked + 1 < h->n_tx && h->tx[t->acked + 1].begun < point;
}

static bool wanted(enum power_kind kind, size_t point, bool all)
{
    return all || kind == POWER_LOST || (enum power_kind)(1 + point / asked.parts % 2) == kind;
}

typedef void judge(struct tried *t, enum power_kind kind, const char *why);

static void try_point(struct tried *t, bool all, judge *hears)
{
    for (enum power_kind k = 0; k < POWER_KINDS; k++) {
        char why[HISTORY_WHY] = "";
        if (!wanted(k, power_point(t->walk), all) || (t->losses_only && k != POWER_LOST) ||
            !new_image(t, power_image(t->walk, k, t->seed, t->dir)) || image_holds(t, why))
            continue;
        t->wrong++;
        hears(t, k, why);
    }
}

static void try_all(struct tried *t, bool all, judge *hears)
{
    size_t end = power_now();
    for (size_t point = 0; point <= end && t->wrong < t->enough; point++) {
        power_walk_to(t->walk, point);
        promises(t, point);
        if (asked.only < 0 ? point >= t->from && point % asked.parts == asked.part
                           : point == (size_t)asked.only)
            try_point(t, all || asked.only >= 0, hears);
    }
}

static void fail_at(struct tried *t, enum power_kind kind, const char *why)
{
    fail_msg("power lost (%s) after the %s, acknowledged up to \"%s\"%s: %s\n"
             "run it alone: RP_SEED=%" PRIu64 " RP_POWER_POINT=%zu%s",
             power_kind_name[kind], power_words(t->walk), t->h->tx[t->acked].name,
             t->in_flight ? ", more under way" : "", why, asked.seed, power_point(t->walk),
             asked.rounds > 0 ? " RP_POWER_ROUNDS=…, as it was" : "");
}

static void one_round(int64_t round, bool all)
{
    uint64_t seed = asked.seed + (uint64_t)round;
    struct history *h = record(seed, round > 0, 0);
    struct tried t = tried_new(h, seed);
    try_all(&t, all, fail_at);
    print_message("power: round %lld, %zu transactions, %zu points, %zu images, %zu wrong\n",
                  (long long)round, h->n_tx, power_now() + 1, t.images, t.wrong);
    if (asked.only < 0)
        assert_true(t.images > power_now() / asked.parts / 2);
    tried_free(&t);
    history_free(h);
    power_forget();
}

static void G1_G2_G3_G4_what_was_acknowledged_survives_power_loss_at_every_point(void **state)
{
    (void)state;
    for (int64_t round = 0; round < (asked.rounds > 0 ? asked.rounds : 1); round++)
        one_round(round, asked.rounds > 0);
}

/* ---- syncs that fail ---- */

/* One recording whose n-th sync breaks; images after each acknowledgement that came later, up to
 * some. False: there are fewer syncs than that. */
static bool sync_breaks(size_t nth, bool lies, size_t *wrong, size_t *refused)
{
    enum { LOOKED_AT = 6 };
    struct history *h = begin(asked.seed);
    OK(history_open(h, err));
    history_begin(h);
    h->goes_on = true;
    size_t before = power_syncs(), from = 0;
    power_break_sync(nth, lies);
    for (size_t i = 0; i < history_steps_n && (from == 0 || h->n_tx < from + LOOKED_AT); i++) {
        history_play(h, history_steps[i]);
        if (from == 0 && power_syncs() >= before + nth)
            from = h->n_tx - 1;
    }
    finish(h);
    *refused += h->refused;
    struct tried t = tried_new(h, asked.seed);
    for (size_t i = from; from > 0 && i < h->n_tx; i++) {
        char why[HISTORY_WHY] = "";
        power_walk_to(t.walk, h->tx[i].ended);
        promises(&t, h->tx[i].ended);
        (void)power_image(t.walk, POWER_LOST, 0, t.dir);
        if (image_holds(&t, why))
            continue;
        ++*wrong;
        if (!lies)
            fail_msg("sync %zu failed, and after \"%s\" the power: %s (RP_SEED=%" PRIu64 ")", nth,
                     h->tx[i].name, why, asked.seed);
    }
    tried_free(&t);
    history_free(h);
    power_forget();
    return from > 0;
}

/* In the short form every so many of them, beginning by dice. */
static void syncs_break(bool lies, size_t *wrong, size_t *refused, size_t *syncs)
{
    size_t stride = asked.rounds > 0 ? 1 : 6;
    for (*syncs = 1 + asked.seed % stride; sync_breaks(*syncs, lies, wrong, refused);)
        *syncs += stride;
}

static void G1_G6_after_a_failed_sync_nothing_rests_on_what_the_kernel_has_forgotten(void **state)
{
    size_t wrong = 0, refused = 0, syncs;
    (void)state;
    syncs_break(false, &wrong, &refused, &syncs);
    print_message("power: up to sync %zu, %zu writes refused\n", syncs, refused);
    assert_true(refused > 3);
}

/* ---- that it bites ---- */

static void hear(struct tried *t, enum power_kind kind, const char *why)
{
    if (t->wrong <= 2)
        print_message("found (%s, point %zu): %s\n", power_kind_name[kind], power_point(t->walk),
                      why);
}

/* A store that syncs too little, as it would be with `synchronous = off`, or if a checkpoint did
 * not wait for the database before the log is used anew: losses must be found. */
static void losses_are_found_when_syncs_are_worth_nothing(unsigned names)
{
    enum { ENOUGH = 10 };
    struct history *h = record(asked.seed, false, names);
    struct tried t = tried_new(h, asked.seed);
    t.enough = ENOUGH;
    t.from = h->tx[h->n_tx / 2].ended;
    t.losses_only = true;
    try_all(&t, false, hear);
    print_message("power: %zu images, %zu wrong\n", t.images, t.wrong);
    if (asked.only < 0)
        assert_true(t.wrong >= ENOUGH);
    tried_free(&t);
    history_free(h);
    power_forget();
}

static void losses_are_found_without_any_sync(void **state)
{
    (void)state;
    losses_are_found_when_syncs_are_worth_nothing(1 << POWER_DB | 1 << POWER_WAL |
                                                  1 << POWER_JOURNAL);
}

static void losses_are_found_without_syncs_of_the_log(void **state)
{
    (void)state;
    losses_are_found_when_syncs_are_worth_nothing(1 << POWER_WAL);
}

static void losses_are_found_without_syncs_of_the_database(void **state)
{
    (void)state;
    losses_are_found_when_syncs_are_worth_nothing(1 << POWER_DB);
}

static void losses_are_found_when_one_sync_lies(void **state)
{
    size_t wrong = 0, refused = 0, syncs;
    (void)state;
    syncs_break(true, &wrong, &refused, &syncs);
    print_message("power: up to sync %zu, %zu images wrong\n", syncs, wrong);
    assert_true(wrong > 3 && refused == 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G1_G2_G3_G4_what_was_acknowledged_survives_power_loss_at_every_point),
        cmocka_unit_test(G1_G6_after_a_failed_sync_nothing_rests_on_what_the_kernel_has_forgotten),
        cmocka_unit_test(losses_are_found_without_any_sync),
        cmocka_unit_test(losses_are_found_when_one_sync_lies),
        cmocka_unit_test(losses_are_found_without_syncs_of_the_log),
        cmocka_unit_test(losses_are_found_without_syncs_of_the_database),
    };
    return FAULTS_RUN(tests, argc, argv, ask);
}
