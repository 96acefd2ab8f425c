/* Replays: plan, preflight, run. Pure planning over candidates; storage in store/replays.h; the run
 * is moved by the engine's tick. Implements rules 1–7, 11–17 and 20–23 of
 * the replay specification. The halt test itself is in core/halt.h. */
#ifndef RP_REPLAY_REPLAY_H
#define RP_REPLAY_REPLAY_H

#include "base/json.h"
#include "core/proportions.h"
#include "store/registry.h"
#include "store/replays.h"

struct rp_replay_ask {
    enum rp_replay_kind kind;
    int64_t compensates; /* of kind RP_REPLAY_COMPENSATION: the replay */
    struct rp_replay_park park;
    struct rp_job_filter filter; /* states ignored: failed, and unknown with include_unknown */
    bool has_filter;             /* something was selected; else refused without `all` */
    bool any_state;              /* set by who reads the selection of a purge */
    const int64_t *ids;
    size_t n_ids;
    bool unknown_only; /* selects those of unknown outcome: left out without include_unknown */
    bool all, include_unsafe, include_unknown, accept_unknown_class;
    struct rp_str reason, actor, selection_json,
        plan_hash;            /* plan_hash: run exactly that plan or refuse */
    int64_t canary, wave_max; /* 0: default */
    int64_t retries;          /* of an item, after its first try (rule 17) */
    bool at_once;             /* no canary and no waves: a guard is gone past */
    bool unlimited;           /* the rate, and that was said */
    double rate_per_s;        /* 0: not limited */
    struct rp_env *set;       /* values by JSON pointer that its attempts' payloads get (rule 19) */
    size_t n_set;
    struct rp_str set_json;  /* … as they came */
    struct rp_strs override; /* names of preflight checks to override, each recorded */
};

struct rp_left_out {
    const char *reason;
    int64_t n;
};
enum { LEFT_OUT_MAX = 16, SAMPLES_MAX = 3, UNDO_TYPES_MAX = 64 };
struct rp_plan_effect { /* of a type, in its owner's words */
    struct rp_str type, words;
};
enum rp_check_state { RP_CHECK_HOLDS, RP_CHECK_FAILS, RP_CHECK_UNKNOWN };
struct rp_preflight {
    struct rp_str check, says, hint; /* hint: what to do, unless it holds */
    enum rp_check_state state;
    bool overridden;
};

/* How the payload of an item is changed: [{path, before, after}]. */
struct rp_plan_change {
    int64_t job_id;
    struct rp_str changed;
};
/* The jobs of one type that failed with one pattern (0: none). */
struct rp_plan_kind {
    struct rp_str type, error_class; /* error_class: absent if it has none */
    int64_t type_id, pattern_id, matched, to_replay;
};
/* What the items of one pattern (0: none) can expect. */
struct rp_plan_pattern {
    int64_t pattern_id, items;
    struct rp_outlook outlook;
};
struct rp_plan_outlook {
    struct rp_plan_pattern *patterns; /* most items first */
    size_t n_patterns;
    int64_t known, not_known; /* items */
    double low, mid, high;    /* of the known: how many would succeed */
};

struct rp_plan {
    int64_t matched, n;         /* n: to replay */
    struct rp_candidate *items; /* n of them, oldest first */
    struct rp_left_out left_out[LEFT_OUT_MAX], forced[LEFT_OUT_MAX];
    size_t n_left_out, n_forced; /* forced: taken along though the reason holds */
    struct rp_plan_kind *kinds;  /* most matched first; none of compensations */
    size_t n_kinds;
    struct rp_preflight *preflight;
    size_t n_preflight;
    int64_t canary, *waves; /* sizes, canary first */
    size_t n_waves;
    int64_t retries;
    struct rp_str set_json;                     /* values that all payloads get, absent: none */
    struct rp_plan_change changed[SAMPLES_MAX]; /* of the first items */
    size_t n_changed;
    int64_t risk[4]; /* items by repeat risk: none, safe, unknown, partial (U9) */
    double rate_per_s;
    struct rp_str rate_basis; /* in words: where it comes from, or why there is none */
    int64_t estimate_low_s, estimate_mid_s, estimate_high_s; /* -1: not known */
    struct rp_str estimate_basis;                            /* in words, or why it is not known */
    struct rp_halt_rule halt;
    /* Its types by whether undo can have their runs taken back (the first so many). */
    struct rp_replay_count can[UNDO_TYPES_MAX], cannot[UNDO_TYPES_MAX];
    size_t n_can, n_cannot;
    struct rp_plan_effect effects[UNDO_TYPES_MAX]; /* of those that declare any */
    size_t n_effects;
    struct rp_str hash;                    /* 16 hex digits over the frozen items */
    const struct rp_plan_outlook *outlook; /* NULL: not asked for */
    const struct rp_preflight *refused;    /* the first check that refuses, NULL: may start */
};

enum { RP_REPLAY_JOBS_MAX = 10000 };
/* Reads the two objects of a request, as docs/openapi.yaml says; false with r's error. */
bool rp_replay_ask_select(struct rp_json *r, int64_t now_us, struct rp_replay_ask *ask);
bool rp_replay_ask_guard(struct rp_json *r, int64_t now_us, struct rp_replay_ask *ask);

/* Whether `name` is a reason to leave out, or a preflight check, that an ask may override. */
bool rp_replay_may_override(struct rp_str name);
/* The ids of a plan's items for its record, "1-50,52"; absent if there are too many for it. */
struct rp_str rp_replay_plan_ids(const struct rp_plan *plan, struct rp_arena *a);
/* Reads only. `config` gives what types need and whether they are idempotent. */
bool rp_replay_plan(struct rp_db *db, const struct rp_config *config,
                    const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                    struct rp_plan *out, struct rp_err *err);
/* Reads only. */
bool rp_replay_outlook(struct rp_db *db, const struct rp_plan *plan, struct rp_arena *a,
                       struct rp_plan_outlook *out, struct rp_err *err);
/* A plan on its way to a run, in several transactions: so many items would hold the writer too long
 * (G19). It need not have been made in the same transaction: an item whose job is no longer as it
 * was planned is skipped at its release. One that is left half made (a kill) is aborted by the
 * start after that. */
struct rp_replay_making {
    struct rp_plan plan;        /* made by rp_replay_plan, on any connection */
    int64_t id, made;           /* 0 at first */
    int64_t part;               /* items a transaction; 0: as many as it should hold */
    struct rp_candidate **jobs; /* compensations: in the order in which their jobs are made, … */
    int64_t n_jobs, jobs_made;  /* … how many, and how many are */
};
/* [w] The next part: at first the checks once more (RP_E_REFUSED names the check and the next
 * step) and the replay, then items, with the last of them its run. *again: there is more. */
bool rp_replay_make(struct rp_db *db, const struct rp_config *config,
                    const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                    struct rp_replay_making *m, bool *again, struct rp_err *err);
/* Whether what it waits for is there, and can come before it expires. */
bool rp_replay_park_usable(const struct rp_config *config, const struct rp_replay_park *park,
                           struct rp_err *err);
/* [w] For an ask with `park`: a replay that is planned and started once that holds, by `request`
 * (JSON of both objects as they came). What it waits for must be configured. */
bool rp_replay_park(struct rp_db *db, const struct rp_config *config,
                    const struct rp_replay_ask *ask, struct rp_str request, int64_t now_us,
                    int64_t *id, struct rp_err *err);
/* Who is asked to make the plan of a parked replay whose time has come: wanted is called by the
 * tick, on the writer, and must not block. Then, outside of the tick: rp_replay_park_clear [w]
 * until there is nothing more to clear, rp_replay_parked_plan on a snapshot after that, and
 * rp_replay_parked_make [w] until there is nothing more to make. A kill in between leaves it
 * parked: it is planned again. */
enum { RP_REPLAY_OFFERS = 4 };
struct rp_replay_desk {
    void (*wanted)(struct rp_replay_desk *desk, int64_t id); /* NULL: none is planned */
    bool supplies;                                           /* claims ask rp_replay_supply */
    int64_t stepped; /* the tick's own: after which it goes on; 0: with the first */
    struct {
        int64_t id, since_us;  /* id 0: free */
    } offer[RP_REPLAY_OFFERS]; /* the tick's own too: replays that leave what may go out to claims
                                */
};
struct rp_replay_parked {
    int64_t id;
    struct rp_replay_ask ask;
    struct rp_plan plan;
    struct rp_str ends; /* why it can never run; absent: it may */
    int64_t made, part; /* as in struct rp_replay_making */
};
bool rp_replay_parked_plan(struct rp_db *db, const struct rp_config *config, int64_t now_us,
                           struct rp_arena *a, struct rp_replay_parked *p, struct rp_err *err);
bool rp_replay_parked_make(struct rp_db *db, int64_t now_us, struct rp_arena *a,
                           struct rp_replay_parked *p, bool *again, struct rp_err *err);
/* A desk with the engine's reader for long questions. Attached once the engine runs; what is wanted
 * before is wanted again 10 s later. Freed after the engine. */
struct rp_engine;
struct rp_replay_desk *rp_replay_desk_new(void);
void rp_replay_desk_attach(struct rp_replay_desk *desk, struct rp_engine *e);
void rp_replay_desk_free(struct rp_replay_desk *desk);

/* [w] Plans and starts in one transaction. */
bool rp_replay_start(struct rp_db *db, const struct rp_config *config,
                     const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                     int64_t *id, struct rp_err *err);
/* ---- how fast it goes ---- */

struct rp_replay_speed {
    int64_t ended, failed; /* items: settled in whatever way; of these failed again */
    double per_s;          /* over the last 15 to 30 s, less if it runs for less; 0: not known, or
                            * it does not run */
    int64_t left_s;        /* at that speed; -1: not known */
};
struct rp_replay_speed rp_replay_speed(const struct rp_replay *r, int64_t now_us);

/* ---- the retry of one job (rule 23) ---- */

/* Fills in what such an ask selects and is spared; false if `id` is not a number. */
bool rp_replay_retry_ask(struct rp_str id, struct rp_arena *a, struct rp_replay_ask *ask);
/* [w] Starts what was planned for it, and queues the job. RP_E_REFUSED with what to do. */
bool rp_replay_retry(struct rp_db *db, const struct rp_config *config,
                     const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                     struct rp_replay_making *m, struct rp_err *err);
/* [w, audited] Of one that did not fail, a plain second run. RP_E_CONFLICT if it has failed since
 * it was looked at: that is a replay's, with its guards. */
bool rp_replay_again(struct rp_db *db, int64_t job_id, struct rp_str actor, struct rp_str reason,
                     int64_t now_us, struct rp_err *err);
/* A reason to leave out, in words, and what to do about it. */
const char *rp_replay_left_out_words(const char *reason, const char **hint);

/* ---- taking back what it did (rule 21) ---- */

/* What undo can and cannot do now, by the types of what ran. */
struct rp_undo {
    enum rp_replay_state state;
    int64_t not_run, ran; /* goes back exactly; stays, unless it is compensated */
    struct rp_replay_count can[UNDO_TYPES_MAX], cannot[UNDO_TYPES_MAX];
    size_t n_can, n_cannot;
};
/* `alone`: nothing is to be compensated, so one that is undone already is refused. */
bool rp_replay_undo_look(struct rp_db *db, const struct rp_config *config, int64_t id, bool alone,
                         struct rp_arena *a, struct rp_undo *out, struct rp_err *err);
/* The plan of the compensations of ask->compensates. Its items are still the jobs that ran. */
bool rp_replay_compensation(struct rp_db *db, const struct rp_config *config,
                            const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                            struct rp_plan *out, struct rp_err *err);
/* [w] As rp_replay_make; after the checks come their jobs. What was taken back or ran once more
 * since it was planned is left out. Jobs of one that is left half made never run, and are made
 * anew. */
bool rp_replay_compensate(struct rp_db *db, const struct rp_config *config,
                          const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                          struct rp_replay_making *m, bool *again, struct rp_err *err);

/* ---- what came of it (rule 20) ---- */

enum rp_verdict_of { RP_REPLAY_NOT_KNOWN, RP_REPLAY_BETTER, RP_REPLAY_NO_CHANGE, RP_REPLAY_WORSE };
const char *rp_replay_verdict_name(enum rp_verdict_of v); /* "better" */
/* Of the pattern under repair: tested and gone, tested and not gone, no item told anything. */
enum rp_fix { RP_FIX_NOT_TESTED, RP_FIX_PROVEN, RP_FIX_NOT_PROVEN };
const char *rp_fix_name(enum rp_fix f); /* "not proven" */
enum rp_fix rp_replay_fix(const struct rp_replay_pattern *p);

struct rp_replay_outcome {
    struct rp_replay_rates rates;
    struct rp_interval change; /* of the failure rate; only if the verdict is known */
    enum rp_verdict_of verdict;
    struct rp_replay_pattern *patterns;
    size_t n_patterns;
    struct rp_replay_new *news;
    size_t n_news;
    struct rp_str next; /* a command, or absent: nothing is left to do */
};
/* Reads only; any time. */
bool rp_replay_outcome(struct rp_db *db, const struct rp_replay *r, struct rp_arena *a,
                       struct rp_replay_outcome *out, struct rp_err *err);

/* [w] The engine's begin hook: replays that the daemon before left half made are aborted. */
bool rp_replay_begin(void *ctx, struct rp_db *db, int64_t now_us, struct rp_err *err);
/* [w] The engine's tick hook; ctx: the desk. Of each that is live: settles fates, releases the
 * next wave (canary first: the next waits for all of it; later waves start when 90 % of the last
 * have ended), keeps the rate, halts when a needed dependency goes down, ends. Of so many a call
 * that the writer is not held by them (G19); *next_us is now_us while others wait for their turn.
 */
bool rp_replay_tick(void *ctx, struct rp_db *db, int64_t now_us, int64_t *next_us,
                    struct rp_err *err);
/* [w] rp_supply_fn; ctx: the desk. What the tick would let out and has left for half a second to
 * workers that wait goes to the claim, under the same guards; the tick lets out what none asked
 * for. */
bool rp_replay_supply(void *ctx, struct rp_db *db, const struct rp_claim *c, int64_t now_us,
                      struct rp_arena *a, struct rp_lease **out, size_t *n, bool *more,
                      struct rp_err *err);

#endif
