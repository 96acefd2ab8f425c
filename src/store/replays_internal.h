/* Private to store/: what the files about replays share. */
#ifndef RP_STORE_REPLAYS_INTERNAL_H
#define RP_STORE_REPLAYS_INTERNAL_H

#include "store/internal.h"
#include "store/replays.h"

/* ---- replay_plan.c: what a selection means ---- */

struct rp_filter_ids {
    int64_t type, queue, schedule, job;
};
/* RP_E_NOT_FOUND for a name that nothing has. */
bool rp_filter_names(struct rp_db *db, const struct rp_job_filter *f, struct rp_filter_ids *ids,
                     struct rp_err *err);
/* Whether labels or payload hold what `where` asks for. */
bool rp_filter_where(const struct rp_job_filter *f, struct rp_str labels, struct rp_str payload);

/* 0: none. */
bool rp_payload_hash(struct rp_db *db, int64_t job_id, int64_t *out, struct rp_err *err);
/* [w] A replay that has ended (done, aborted, undone) gets its end only once no item runs. */
bool rp_replay_write_state(struct rp_db *db, int64_t id, enum rp_replay_state to,
                           struct rp_str says, int64_t now_us, struct rp_err *err);
bool rp_replay_audit(struct rp_db *db, struct rp_str actor, const char *action, int64_t id,
                     struct rp_str reason, struct rp_str before, struct rp_str after,
                     int64_t now_us, struct rp_err *err);
/* [w] Released items whose jobs have not started go back, exactly, to the state before; they wait
 * again. */
bool rp_replay_recall(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err);

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

/* ---- replay_outcome.c ---- */

/* [w] With its first start: how its types fare now. */
bool rp_replay_rates_begin(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err);

#endif
