/* Private to replay/. */
#ifndef RP_REPLAY_INTERNAL_H
#define RP_REPLAY_INTERNAL_H

#include "replay/replay.h"

/* So long may bulk work take in one transaction (G19). */
#define WORK_SLICE_US INT64_C(5000)

static inline int64_t at_most(int64_t v, int64_t most)
{
    return v < most ? v : most;
}

enum { FORCED_MAX = 2 * LEFT_OUT_MAX + 1 };
enum { LIVE_A_PAGE = 200 }; /* replays, wherever all that are live are looked at */
enum risk { RISK_NONE, RISK_SAFE, RISK_UNKNOWN, RISK_PARTIAL };

/* select.c: fills items, left_out, forced, risk from the candidates, whose array becomes that of
 * the items. */
void select_items(const struct rp_config *config, const struct rp_replay_ask *ask,
                  struct rp_candidate *found, size_t n, struct rp_arena *a, struct rp_plan *plan);
/* What to do about the reason for which all of what matched was left out. */
bool left_out_hint(const struct rp_plan *plan, struct rp_err *err);
/* What of reasons and checks it was taken past. */
size_t plan_forced(const struct rp_plan *plan, struct rp_replay_count out[FORCED_MAX]);

/* kinds.c: the plan's kind of such a candidate, made if it is the first; until the next call. */
struct rp_plan_kind *plan_kind(struct rp_arena *a, struct rp_plan *plan,
                               const struct rp_candidate_kind *of);
void plan_kinds_done(struct rp_plan *plan); /* orders them; none is asked for any more */

/* compensate.c: fills plan->can, plan->cannot and plan->effects. */
void plan_undo(const struct rp_config *config, struct rp_arena *a, struct rp_plan *plan);

/* payload.c: fills plan->changed; RP_E_BAD_FIELD if a payload has no place for a value. */
bool plan_payloads(struct rp_db *db, const struct rp_replay_ask *ask, struct rp_arena *a,
                   struct rp_plan *plan, struct rp_err *err);
/* … and of so many items the payloads themselves; *out NULL: each has its job's own. */
bool give_payloads(struct rp_db *db, const struct rp_replay_ask *ask, struct rp_arena *a,
                   const struct rp_candidate *items, int64_t n, struct rp_given **out,
                   struct rp_err *err);

/* difference.c: whether it is the plan that was asked for by its hash; RP_E_REFUSED with what
 * changed since. */
bool plan_holds(struct rp_db *db, const struct rp_plan *plan, const struct rp_replay_ask *ask,
                int64_t now_us, struct rp_arena *a, struct rp_err *err);

/* preflight.c: fills plan->preflight and plan->refused for the plan's items. */
bool preflight(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
               int64_t now_us, struct rp_arena *a, struct rp_plan *plan, struct rp_err *err);
extern const char *const preflight_checks[]; /* their names, ended by NULL */
/* Whether so many bytes are enough for so many items. */
enum rp_check_state room_enough(int64_t bytes, int64_t items);
bool overridden(const struct rp_replay_ask *ask, const char *name);
/* The distinct types of the plan's items, in order of first appearance. */
struct plan_type {
    int64_t id, items;
    struct rp_str name;
};
struct plan_type *plan_types(struct rp_arena *a, const struct rp_plan *plan, size_t *n);

/* rate.c: plan->rate_per_s where none was asked for, and its basis in words. */
bool plan_rate(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
               int64_t now_us, struct rp_arena *a, struct rp_plan *plan, struct rp_err *err);

/* plan.c: something was selected, or all; else the hint says how to. */
bool ask_selects(const struct rp_replay_ask *ask, const char *hint, struct rp_err *err);
/* plan.c: whether its reason and rate will do. */
bool ask_usable(const struct rp_replay_ask *ask, struct rp_err *err);
/* All of a plan once its items are known, in the order in which they shall run. */
bool plan_rest(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
               int64_t now_us, struct rp_arena *a, struct rp_plan *out, struct rp_err *err);
/* The row of a plan's replay, and what it left out and was forced past. */
struct rp_replay replay_of(const struct rp_config *config, const struct rp_replay_ask *ask,
                           const struct rp_plan *plan);
bool record_counts(struct rp_db *db, int64_t id, const struct rp_replay *r,
                   const struct rp_plan *plan, int64_t now_us, struct rp_err *err);

/* [w] What rp_replay_make begins with: the checks once more, and the replay without items. */
bool make_replay(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
                 int64_t now_us, struct rp_arena *a, struct rp_replay_making *m,
                 struct rp_err *err);
/* The next items of a plan with what their attempts get, not more than one transaction should hold;
 * *again: there are more. */
bool add_part(struct rp_db *db, const struct rp_replay_ask *ask, int64_t id,
              const struct rp_plan *plan, int64_t part, int64_t *made, bool *again,
              struct rp_err *err);
/* [w] The checks of a plan that was made before, as they are now. */
bool preflight_again(struct rp_db *db, const struct rp_replay_ask *ask, int64_t now_us,
                     struct rp_arena *a, struct rp_plan *plan, struct rp_err *err);

/* run.c, guard.c, park.c: one replay, one tick. */
struct step {
    struct rp_replay_desk *desk;
    struct rp_db *db;
    struct rp_replay r;
    int64_t now_us;
    int64_t *next_us;
    struct rp_arena *arena;
    struct asker *asker;        /* supply.c; NULL: the tick */
    struct rp_replay_test test; /* how its items went so far, once must_halt has looked */
};

/* supply.c: a claim that asks for more, and what it gets. */
struct asker {
    const struct rp_claim *claim;
    struct rp_arena *arena; /* of the leases */
    struct rp_lease *lease;
    size_t n;
    bool more; /* jobs were let out instead */
};
/* Whether what may go out now is left to claims. */
bool left_to_claims(struct step *s, bool *left, struct rp_err *err);
/* Nothing of this replay is. */
void withdraw(struct step *s);
/* What the asker can have of so many items. */
bool take_for_asker(struct step *s, int64_t wave, int64_t room, int64_t *taken, struct rp_err *err);
/* speed.c: keeps how far it is now, if it is time to. */
bool look(struct step *s, struct rp_err *err);
/* run.c: the tick's step of one replay, for an asker or (NULL) the tick itself. */
bool step_one(struct rp_replay_desk *desk, struct rp_db *db, int64_t id, struct asker *asker,
              int64_t now_us, int64_t *next_us, struct rp_err *err);

/* park.c: whether what it waits for holds; then its plan is asked for. */
bool park_step(struct step *s, struct rp_err *err);
/* guard.c: why it must halt, in words; absent: it need not. */
bool must_halt(struct step *s, struct rp_str *why, struct rp_err *err);
/* … and how many items may go out now beside live work (rule 13); *says: why none may. */
bool room_beside_live(struct step *s, int64_t *room, struct rp_str *says, struct rp_err *err);
/* … and why what is out has not started, in words; absent: it has, or nothing keeps it from that.
 */
bool nobody_starts(struct step *s, struct rp_str *says, struct rp_err *err);
/* Whether nobody fetches jobs of a type that workers run (rule 6). */
bool no_worker(struct rp_db *db, const struct rp_type *type, int64_t now_us, bool *none,
               struct rp_err *err);

/* ---- poison.c ---- jobs that fail wherever they run while others of their type do not (analysis
 * specification 5): who asks for a job by its id is meant. */
bool mark_poison(struct rp_db *db, const struct rp_replay_ask *ask, struct rp_arena *a,
                 struct rp_candidate *found, size_t n, struct rp_err *err);

#endif
