/* Replays and their items: what was selected, frozen, released, and each item's fate. [w]: writes.
 * The plan is made in replay/. */
#ifndef RP_STORE_REPLAYS_H
#define RP_STORE_REPLAYS_H

#include "core/halt.h"
#include "core/states.h"
#include "store/jobs.h"

/* X(symbol, number, name) — replay.md 20 */
#define RP_REPLAY_STATES(X)                                                                        \
    X(RP_REPLAY_PLANNED, 1, "planned")                                                             \
    X(RP_REPLAY_RUNNING, 2, "running")                                                             \
    X(RP_REPLAY_PAUSED, 3, "paused")                                                               \
    X(RP_REPLAY_HALTED, 4, "halted")                                                               \
    X(RP_REPLAY_DONE, 5, "done")                                                                   \
    X(RP_REPLAY_ABORTED, 6, "aborted")                                                             \
    X(RP_REPLAY_UNDONE, 7, "undone")
#define RP_FATES(X)                                                                                \
    X(RP_FATE_WAITING, 1, "not-run")                                                               \
    X(RP_FATE_RELEASED, 2, "running")                                                              \
    X(RP_FATE_SUCCEEDED, 3, "succeeded")                                                           \
    X(RP_FATE_FAILED_SAME, 4, "failed-same")                                                       \
    X(RP_FATE_FAILED_NEW, 5, "failed-new")                                                         \
    X(RP_FATE_SKIPPED, 6, "skipped")                                                               \
    X(RP_FATE_UNKNOWN, 7, "unknown")
enum rp_replay_state {
#define X(sym, no, name) sym = no,
    RP_REPLAY_STATES(X)
#undef X
};
enum rp_fate {
#define X(sym, no, name) sym = no,
    RP_FATES(X)
#undef X
};
const char *rp_replay_state_name(enum rp_replay_state s);
const char *rp_fate_name(enum rp_fate f);
bool rp_fate_of_name(struct rp_str name, enum rp_fate *out);

/* What a replay waits for before it is planned and started by itself (U10). All that is given must
 * hold. */
enum rp_park_kind { RP_PARK_NONE, RP_PARK_DEPENDENCY, RP_PARK_DEPLOY };
struct rp_replay_park {
    enum rp_park_kind kind;
    struct rp_str name;        /* of the dependency or type */
    int64_t at_us, expires_us; /* 0: not said */
};

/* X(symbol, number, name) */
#define RP_REPLAY_KINDS(X)                                                                         \
    X(RP_REPLAY_OF_MANY, 0, "replay")                                                              \
    X(RP_REPLAY_RETRY, 1, "retry")               /* of one job, asked for by its id */             \
    X(RP_REPLAY_COMPENSATION, 2, "compensation") /* takes back what another did */
enum rp_replay_kind {
#define X(sym, no, name) sym = no,
    RP_REPLAY_KINDS(X)
#undef X
};
const char *rp_replay_kind_name(enum rp_replay_kind k);
/* Done, aborted or undone: nothing of it starts any more. */
bool rp_replay_over(enum rp_replay_state s);

struct rp_replay {
    int64_t id;
    enum rp_replay_state state;
    enum rp_replay_kind kind;
    int64_t compensates, compensated_by; /* replays; 0: none */
    struct rp_str selection;             /* JSON as it was asked for */
    struct rp_str actor, reason, says;   /* says: why it is halted or how it ended */
    struct rp_str plan_hash;
    int64_t canary, wave_max;
    double rate_per_s;         /* 0: not limited */
    int64_t retries;           /* tries of an item after its first */
    struct rp_str payload_set; /* JSON: values by pointer that its attempts get; absent: none */
    int64_t created_us, started_us, ended_us; /* ended: nothing of it runs any more */
    int64_t matched, left_out, wave;          /* wave: number of the newest released one, 0: none */
    int64_t n[8];                             /* items by rp_fate; [0]: all */
    int64_t free_us;                          /* by the rate nothing goes out before */
    struct rp_halt_rule rule;
    bool parked;
    struct rp_replay_park park;        /* if parked */
    bool irreversible;                 /* in: some of it may have had its effect already */
    struct rp_str left_out_by, forced; /* out: JSON objects of counts by name, forced: or absent */
    /* As it was when last resumed after a halt: a new canary and new waves begin there. */
    struct rp_replay_from {
        int64_t wave, out, ended, failed;
    } from;
    /* Looks back from which its speed is reckoned (rp_replay_speed); kept_us 0: none since it last
     * began to run. */
    struct rp_replay_looks {
        int64_t from_us, from, kept_us, kept; /* items that had ended at a time */
    } looks;
};
/* [w] Writes r->looks. */
bool rp_replay_looks_write(struct rp_db *db, const struct rp_replay *r, struct rp_err *err);
/* How far it is: the newest wave; items that went out, ended with an answer, failed or are unknown.
 * Skipped ones are none of these. */
struct rp_replay_from rp_replay_progress(const struct rp_replay *r);

/* What failed jobs have in common: kept once, however many they are. */
struct rp_candidate_kind {
    int64_t type_id, pattern_id, outer_id; /* outer_id: the message that wraps it, 0: none */
    struct rp_str type, error_class, group;
    bool type_gone, idempotent;
    int64_t deployed_us; /* the newest deploy mark of the type, 0: none */
};
/* A failed job as the planner sees it: 48 bytes. */
struct rp_candidate {
    const struct rp_candidate_kind *kind;
    int64_t job_id, ended_us;
    const struct rp_str *sequence; /* its label of that name: one after another, by id (U8) */
    int32_t attempt, queue_id;
    uint8_t state; /* enum rp_state */
    uint8_t risk;  /* of a repeat, see struct rp_plan: set by the planner, frozen with the item */
    bool poison, superseded, in_replay;
    bool payload_purged; /* it is in a backup only */
    bool outside;        /* run by exec or imported: what it ran with is not known here */
    bool has_output;     /* not known of idempotent types */
};
/* With payload_set, by the planner: what an item's attempts get instead of the job's payload, and
 * how that differs: [{path, before, after}]. */
struct rp_given {
    struct rp_str payload, changed;
};
/* Failed (and, if asked, unknown) jobs of a filter or by id, oldest first, ≤ limit: the raw
 * material of a plan. Successes never. `ids` are in rising order. `config` says what is idempotent,
 * NULL: nothing. */
bool rp_replay_candidates(struct rp_db *db, const struct rp_config *config,
                          const struct rp_job_filter *f, const int64_t *ids, size_t n_ids,
                          int64_t limit, struct rp_arena *a, struct rp_candidate **out, size_t *n,
                          struct rp_err *err);

/* What was left out, or taken along all the same, by the name of its reason. */
struct rp_replay_count {
    struct rp_str name;
    int64_t n;
};
/* [w, forced ones audited] Part of the record of a replay that was just created. */
bool rp_replay_record(struct rp_db *db, int64_t id, const struct rp_replay *in,
                      const struct rp_replay_count *left_out, size_t n_left_out,
                      const struct rp_replay_count *forced, size_t n_forced, int64_t now_us,
                      struct rp_err *err);
/* [w] One more that was left out, while its items are made. */
bool rp_replay_leave_out(struct rp_db *db, int64_t id, struct rp_str reason, struct rp_err *err);
/* The newest record of a plan that a dry run printed in the last hour, absent: there is none. */
bool rp_replay_plan_find(struct rp_db *db, struct rp_str hash, int64_t now_us, struct rp_arena *a,
                         struct rp_str *detail, struct rp_err *err);

/* [w, audited] Creates a replay with its first frozen items in state planned. */
bool rp_replay_create(struct rp_db *db, const struct rp_replay *in,
                      const struct rp_candidate *items, size_t n, int64_t now_us, int64_t *id,
                      struct rp_err *err);
/* [w, audited] A replay without items, in state planned, that waits. */
bool rp_replay_park_create(struct rp_db *db, const struct rp_replay *in,
                           const struct rp_replay_park *park, struct rp_str request, int64_t now_us,
                           int64_t *id, struct rp_err *err);
/* Whether what a parked replay waits for holds; *says: what does not. */
bool rp_replay_park_met(struct rp_db *db, const struct rp_replay *r, int64_t now_us,
                        struct rp_arena *a, bool *met, struct rp_str *says, struct rp_err *err);
/* [w] Whether it is to be tried now: at most every 10 s. */
bool rp_replay_park_try(struct rp_db *db, int64_t id, int64_t now_us, bool *due,
                        struct rp_err *err);
/* [w, audited] It is parked no more, and what it was planned as; items are added next. */
bool rp_replay_unpark(struct rp_db *db, int64_t id, const struct rp_replay *in, int64_t now_us,
                      struct rp_err *err);
/* [w] Takes items away that a daemon left which was killed while it planned a parked replay, some
 * at a time. *again: there are more. */
bool rp_replay_park_clear(struct rp_db *db, int64_t id, bool *again, struct rp_err *err);
/* The request of a parked replay. */
bool rp_replay_park_request(struct rp_db *db, int64_t id, struct rp_arena *a,
                            struct rp_str *request, struct rp_err *err);
/* [w] More of its items, while it is planned: many are added in several transactions. given: of
 * each, or NULL. */
bool rp_replay_add(struct rp_db *db, int64_t id, const struct rp_candidate *items,
                   const struct rp_given *given, size_t n, struct rp_err *err);
/* [w, audited] planned → running, running ↔ paused, halted → running, any of these → aborted,
 * running → halted, done (nothing open). Bad steps: RP_E_BAD_STATE. halted → running sets `from`.
 * Paused, halted, aborted: released items whose jobs have not started go back, exactly, and wait:
 * so many of them as rp_replay_recall takes, which the tick goes on with. */
bool rp_replay_set_state(struct rp_db *db, int64_t id, enum rp_replay_state to, struct rp_str actor,
                         struct rp_str reason, int64_t now_us, struct rp_err *err);
/* [w] Releases up to `max` waiting items of the replay as wave `wave`: each job goes failed →
 * queued by RP_EV_REPLAY with one attempt allowed and the replay's id. An item whose job is no
 * longer as frozen is skipped with the reason, never an error (U5). */
bool rp_replay_release(struct rp_db *db, int64_t id, int64_t wave, int64_t max, int64_t now_us,
                       int64_t *released, struct rp_err *err);
/* Whether workers may have its items at once (rp_replay_take): all are of one type and queue, which
 * nothing keeps from starting and no limit or rate counts. */
bool rp_replay_takable(struct rp_db *db, int64_t id, int64_t now_us, bool *is, struct rp_err *err);
/* [w] Releases items straight to a worker: each job goes failed → running, with its lease in *out.
 * Up to `max` of the next ones, as long as they are as frozen and nothing has to be minded beside
 * them (a key, a sequence, a schedule's overlap). None, if the replay is not takable or the claim
 * asks for others. What is not taken is for rp_replay_release. r: as it is now. */
bool rp_replay_take(struct rp_db *db, const struct rp_replay *r, int64_t wave, int64_t max,
                    const struct rp_claim *c, int64_t now_us, struct rp_arena *a,
                    struct rp_lease **out, size_t *n, struct rp_err *err);
/* [w] Sets free_us. */
bool rp_replay_pace(struct rp_db *db, int64_t id, int64_t free_us, struct rp_err *err);
/* [w] Fates of released items whose jobs ended since; a lost attempt of an idempotent job goes out
 * again (rule 16). Ends an aborted or undone replay with its last running item. */
bool rp_replay_settle(struct rp_db *db, int64_t id, int64_t now_us, int64_t *settled,
                      struct rp_err *err);
/* [w] Released items whose jobs have not started go back, exactly, to the state before and wait
 * again: up to 1,000 of them (G19). After the last of them, those that failed in it have no other
 * try. */
bool rp_replay_recall(struct rp_db *db, int64_t id, int64_t now_us, int64_t *recalled,
                      struct rp_err *err);
/* Whether there is anything for it: an item that is out would start, for the first time or again.
 */
bool rp_replay_may_recall(struct rp_db *db, int64_t id, bool *any, struct rp_err *err);
/* RP_E_BAD_STATE: it is undone already. */
bool rp_replay_not_undone(const struct rp_replay *r, struct rp_err *err);
/* [w, audited] Items not run go back exactly to the state before, as rp_replay_recall does it; the
 * replay becomes undone. */
bool rp_replay_undo(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str reason,
                    int64_t now_us, struct rp_err *err);

/* ---- compensation.c ---- */

/* An item that ran, or has begun: by its newest attempt. */
struct rp_ran {
    int64_t job_id, attempt;
    struct rp_str type, sequence;
    enum rp_fate fate;
    bool again;          /* the job ran once more since */
    bool compensated;    /* a job that takes it back ran, or may still run */
    bool payload_purged; /* what the attempt got is not there any more */
};
/* Newest first. */
bool rp_replay_ran(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_ran **out, size_t *n,
                   struct rp_err *err);
/* The same of one job; *there: false if it is no such item or a purge took it. */
bool rp_replay_ran_job(struct rp_db *db, int64_t id, int64_t job_id, struct rp_arena *a,
                       struct rp_ran *out, bool *there, struct rp_err *err);
/* [w] A job of `type` that takes that attempt back, with its payload: cancelled, so that it runs by
 * its replay only, which is made_for. of->key is read. */
bool rp_compensation_make(struct rp_db *db, const struct rp_type *type,
                          const struct rp_compensates *of, int64_t made_for, int64_t now_us,
                          int64_t *id, struct rp_err *err);
/* What a job takes back; zero: nothing. */
bool rp_job_compensates(struct rp_db *db, int64_t id, struct rp_arena *a,
                        struct rp_compensates *out, struct rp_err *err);

/* What the halt test knows of a replay since it last began (its start or resume). All from the
 * store, so it is the same after a kill (rule 16). */
struct rp_replay_test {
    int64_t ended, failed; /* lost attempts count; what our own death made unknown does not */
    int64_t running;       /* items that started and have no fate yet, also between two tries */
    int64_t before;        /* as of the process of the first wave */
    struct rp_halt_process process[RP_HALT_PROCESSES];
    size_t n;
};
bool rp_replay_test(struct rp_db *db, const struct rp_replay *r, struct rp_replay_test *out,
                    struct rp_err *err);
/* Runs and failures of a type by hours since then, attempts that were retried among them: what its
 * baseline is made of. */
struct rp_type_hours {
    int64_t type_id;
    struct rp_halt_hour *v;
    size_t n;
};
bool rp_types_hours(struct rp_db *db, int64_t since_us, struct rp_arena *a,
                    struct rp_type_hours **out, size_t *n, struct rp_err *err);

/* Types of a replay with items that are not settled; what else is known of the replay's items of
 * the type. */
struct rp_replay_type {
    int64_t type_id;
    struct rp_str type;
    int64_t waiting, released, ended, failed;
};
bool rp_replay_open_types(struct rp_db *db, int64_t id, struct rp_arena *a,
                          struct rp_replay_type **out, size_t *n, struct rp_err *err);
/* What keeps its jobs from starting though they are out, in words: a type of theirs that is held, a
 * queue that is paused; absent: neither. */
bool rp_replay_kept_back(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_str *says,
                         struct rp_err *err);
/* oldest.c: since when the oldest waiting job of a queue that has items of the replay has been due,
 * if since before then, and that queue; 0: none. Without what replays released or types hold. */
bool rp_replay_live_waits(struct rp_db *db, int64_t replay_id, int64_t before_us,
                          struct rp_str *queue, int64_t *due_us, struct rp_err *err);
/* Live attempts of one of its types, lost ones left out: in the hour before it started, and in the
 * whole minutes since the first look after its start or resume, without its own items. */
struct rp_replay_live {
    int64_t runs_before, failed_before, runs, failed;
};
bool rp_replay_live(struct rp_db *db, const struct rp_replay *r, const struct rp_replay_type *t,
                    int64_t now_us, struct rp_replay_live *out, struct rp_err *err); /* [w] */
/* The same runs and failures, where an item may have several tries: all of them are taken off. It
 * looks at each item, so to be asked only where it matters. */
bool rp_replay_live_tries(struct rp_db *db, const struct rp_replay *r,
                          const struct rp_replay_type *t, struct rp_replay_live *out,
                          struct rp_err *err);
/* [w] Whether live jobs are to be compared now: at most every 5 s. */
bool rp_replay_live_due(struct rp_db *db, int64_t id, int64_t now_us, bool *due,
                        struct rp_err *err);
/* How many items of a type may be out at once: half of what it may run, INT64_MAX: no limit. */
int64_t rp_replay_half(const struct rp_type *type);
/* [w] What a running replay waits for; absent: nothing. Writes only when it changes. */
bool rp_replay_say(struct rp_db *db, const struct rp_replay *r, struct rp_str says,
                   struct rp_err *err);

/* ---- its outcome ---- */

/* Attempts of its types: in the hour before its start (in the day, if that had none), and since,
 * its own among them, until its end or now. */
/* What a type handles when it is well: attempts that ended in a minute, the median over the minutes
 * in which any did, of its newest 24 hours that were healthy (at most so large a share of its final
 * outcomes failed) within a week. type_id is given. minutes 0: nothing is known. */
struct rp_handled {
    int64_t type_id, minutes;
    double median;
};
bool rp_types_handled(struct rp_db *db, int64_t now_us, double unhealthy_above,
                      struct rp_handled *v, size_t n, struct rp_arena *a, struct rp_err *err);

struct rp_replay_rates {
    int64_t runs_before, failed_before, runs, failed;
};
bool rp_replay_rates(struct rp_db *db, const struct rp_replay *r, struct rp_replay_rates *out,
                     struct rp_err *err);
/* Items by the pattern under repair, 0: none. */
struct rp_replay_pattern {
    int64_t pattern_id, items, succeeded, same, other, unknown, open; /* open: not run, skipped */
};
bool rp_replay_patterns(struct rp_db *db, int64_t id, struct rp_arena *a,
                        struct rp_replay_pattern **out, size_t *n, struct rp_err *err);
/* [w] Sums up some more items of a replay that has ended, so that it need not read them all to tell
 * its patterns. *again: there may be more. */
bool rp_replay_sums_step(struct rp_db *db, int64_t max, bool *again, struct rp_err *err);
/* New failures by their pattern, most first. */
struct rp_replay_new {
    int64_t pattern_id, n;
    struct rp_str template;
};
bool rp_replay_news(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_replay_new **out,
                    size_t *n, struct rp_err *err);
/* Which replays a job was in, oldest first: lineage the other way. */
struct rp_job_replay {
    int64_t replay_id, wave, attempt, repairs; /* attempt: the newest it made, 0: none yet */
    enum rp_replay_state state;
    enum rp_fate fate;
    struct rp_str actor, reason, why, plan_hash;
    struct rp_str key, changed; /* as of an item */
    int64_t created_us;
};
bool rp_job_replays(struct rp_db *db, int64_t job_id, struct rp_arena *a,
                    struct rp_job_replay **out, size_t *n, struct rp_err *err);

/* *says: which dependency of the types of the replay's open items went down after that time and is
 * down, absent if none is. */
bool rp_replay_dependency_down(struct rp_db *db, int64_t id, int64_t after_us, struct rp_arena *a,
                               struct rp_str *says, struct rp_err *err);

bool rp_replay_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_replay *out,
                   struct rp_err *err);
/* Those that ran the plan of this hash, newest first. */
bool rp_replays_of_plan(struct rp_db *db, struct rp_str hash, int limit, struct rp_arena *a,
                        struct rp_replay **out, size_t *n, struct rp_err *err);
/* Ids of live ones after that one, rising, up to `max`, without those that stand still while
 * nothing of theirs is out. */
bool rp_replays_moving(struct rp_db *db, int64_t after, int64_t *ids, size_t max, size_t *n,
                       struct rp_err *err);
/* … of those that take one of the places for replays that run at once: not single jobs, not what is
 * parked or stands still. */
bool rp_replays_placed(struct rp_db *db, int64_t after, int64_t *ids, size_t max, size_t *n,
                       struct rp_err *err);
bool rp_replays_list(struct rp_db *db, bool live_only, int limit, struct rp_arena *a,
                     struct rp_replay **out, size_t *n, struct rp_err *err);
struct rp_replay_item {
    int64_t seq, job_id, wave;
    int risk;
    int64_t repairs, attempt; /* the attempt that failed, and the newest of the replay, 0: none */
    enum rp_fate fate;
    struct rp_str type, why;
    struct rp_str key, changed; /* what its attempts get instead of the job's own, if they do */
    int64_t pattern_before, pattern_after;
};
/* Those after that one, ≤ limit, in order. fates: bits of enum rp_fate, 0: all; then no more than
 * RP_REPLAY_LOOKED are looked at (G19). */
enum { RP_REPLAY_LOOKED = 20000 };
bool rp_replay_items(struct rp_db *db, int64_t id, int64_t after_seq, unsigned fates, int limit,
                     struct rp_arena *a, struct rp_replay_item **out, size_t *n,
                     struct rp_err *err);

#endif
