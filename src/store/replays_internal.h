/* Private to store/: what the files about replays share. */
#ifndef RP_STORE_REPLAYS_INTERNAL_H
#define RP_STORE_REPLAYS_INTERNAL_H

#include "store/internal.h"
#include "store/replays.h"

/* ---- replay_plan.c: what a selection means ---- */

struct rp_filter_ids {
    int64_t type, queue, schedule, job, pattern;
    bool patterns; /* `pattern` has parts */
};
/* RP_E_NOT_FOUND for a name that nothing has. */
bool rp_filter_names(struct rp_db *db, const struct rp_job_filter *f, struct rp_filter_ids *ids,
                     struct rp_err *err);
/* Whether labels or payload hold what `where` asks for. */
bool rp_filter_where(const struct rp_job_filter *f, struct rp_str labels, struct rp_str payload);

/* [w] A replay that has ended (done, aborted, undone) gets its end only once no item runs. */
bool rp_replay_write_state(struct rp_db *db, int64_t id, enum rp_replay_state to,
                           struct rp_str says, int64_t now_us, struct rp_err *err);
bool rp_replay_audit(struct rp_db *db, struct rp_str actor, const char *action, int64_t id,
                     struct rp_str reason, struct rp_str before, struct rp_str after,
                     int64_t now_us, struct rp_err *err);

/* ---- replay_kinds.c ---- */

struct rp_kind_key {
    int64_t type_id, born; /* born: the pattern that it failed with, 0: none */
    struct rp_str class;
};
struct rp_kinds {
    struct rp_kind_entry *last, *bucket[1024];
};
/* Found or read, in the arena; NULL: err. */
const struct rp_candidate_kind *rp_kind_of(struct rp_db *db, const struct rp_config *config,
                                           struct rp_kinds *kinds, struct rp_arena *a,
                                           const struct rp_kind_key *key, struct rp_err *err);

/* ---- replay_items.c ---- */

/* [w] Items of one replay by fate and type: summed up, then written. */
struct rp_fates {
    int64_t replay_id;
    struct rp_fate_count {
        enum rp_fate fate;
        int64_t type_id, n;
    } v[16];
    size_t n;
};
/* An item goes from one to the other. */
bool rp_fates_count(struct rp_db *db, struct rp_fates *f, int64_t type_id, enum rp_fate from,
                    enum rp_fate to, struct rp_err *err);
bool rp_fates_write(struct rp_db *db, struct rp_fates *f, struct rp_err *err);
/* [w] Items after number `after`, as their jobs are now. */
bool rp_replay_freeze(struct rp_db *db, int64_t replay_id, int64_t after,
                      const struct rp_candidate *items, const struct rp_given *given, size_t n,
                      struct rp_err *err);
/* [w] Of up to RP_ROWS items: they are out, they succeeded. Counted by the caller. */
bool rp_items_out(struct rp_db *db, int64_t replay_id, int64_t wave, const int64_t *seq, size_t n,
                  struct rp_err *err);
bool rp_items_succeeded(struct rp_db *db, int64_t replay_id, const int64_t *seq, size_t n,
                        struct rp_err *err);

/* [w] The row alone. */
bool rp_replay_insert(struct rp_db *db, const struct rp_replay *in, int64_t now_us, int64_t *id,
                      struct rp_err *err);

/* ---- replay_halt.c ---- */

/* [w] With the replay's row. */
bool rp_replay_test_begin(struct rp_db *db, int64_t id, const struct rp_halt_rule *rule,
                          struct rp_err *err);
/* [w] A wave begins; nothing if it had begun. */
bool rp_replay_wave_begin(struct rp_db *db, const struct rp_replay *r, int64_t wave, int64_t now_us,
                          struct rp_err *err);
/* [w] An attempt was lost and runs again: a failure for the test. */
bool rp_replay_test_lost(struct rp_db *db, int64_t id, struct rp_err *err);
/* [w] An outcome is unknown because the daemon died: none for the test. */
bool rp_replay_test_spare(struct rp_db *db, int64_t id, struct rp_err *err);

/* ---- replay_run.c ---- */

/* [w] Items go out in this wave. */
bool rp_replay_note_wave(struct rp_db *db, int64_t id, int64_t wave, struct rp_err *err);

/* ---- replay_started.c: items that have started and have no fate yet ---- */

/* [w] So many more. */
bool rp_replay_started_add(struct rp_db *db, int64_t replay_id, int64_t n, struct rp_err *err);
/* [w] A job's row has another replay than before: after its move was written. */
bool rp_replay_started_move(struct rp_db *db, const struct rp_job_row *before,
                            const struct rp_job_row *after, struct rp_err *err);
/* [w] These started for the first time, each an item of the replay of that id; 0: none of them. */
bool rp_replay_started_claim(struct rp_db *db, const int64_t *replay_ids, size_t n,
                             struct rp_err *err);

/* ---- replay_given.c: what the attempts of an item get instead of the job's own ---- */

/* [w] An item that goes out: a fresh key, if its type wants one (rule 18). */
bool rp_replay_give_key(struct rp_db *db, int64_t id, int64_t seq, const struct rp_job_row *j,
                        struct rp_err *err);
/* Key and payload of jobs that are claimed, as the replays that they run in give them. first[i]:
 * that replay, if none of its attempts began before; else 0. */
bool rp_replay_given(struct rp_db *db, const struct rp_job_row *j, size_t n, struct rp_arena *a,
                     struct rp_lease *out, int64_t *first, struct rp_err *err);

/* What those that are compensations take back. */
bool rp_replay_taken_back(struct rp_db *db, const struct rp_job_row *j, size_t n,
                          struct rp_arena *a, struct rp_lease *out, struct rp_err *err);

/* ---- replay_sums.c ---- */

/* [w] Its state has changed: what was summed up of its items is not taken for true any more. */
bool rp_replay_sums_anew(struct rp_db *db, int64_t id, struct rp_err *err);

/* ---- replay_outcome.c ---- */

/* [w] With its first start: how its types fare now. */
bool rp_replay_rates_begin(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err);

#endif
