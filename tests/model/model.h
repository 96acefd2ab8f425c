/* A store of jobs in a few hundred lines of memory: what the guarantees say, written a second time,
 * without SQL, indexes, caches or savepoints. sequence_test.c does the same things to this and to
 * the real store, and compares. A struct model is plain data: a copy of it is a snapshot. */
#ifndef RP_TESTS_MODEL_H
#define RP_TESTS_MODEL_H

#include "core/states.h"
#include "store/internal.h"
#include "store/replays.h"

enum {
    M_JOBS = 160,
    M_ATTEMPTS = 60,
    M_REPLAYS = 8,
    M_ITEMS = 12,
    M_OLD = 64,
    M_TYPES = 6,
    M_QUEUES = 4,
    M_KEYS = 3,
    M_IKEYS = 3,
    M_SCHEDULES = 3,
    M_DEPS = 2,
    M_VERDICTS = 9
};
#define M_LEASE      (INT64_C(30) * 1000000)
#define M_DOUBT      (INT64_C(14) * 1000000) /* dependencies: every 1 s, timeout 1 s; 10 s beyond */
#define M_LOST       UINT64_C(4) /* the pattern of lost attempts; 1 to 3: of reported ones */
#define M_DEPENDENCY UINT64_C(1) /* that of a dependency */

struct m_type {
    const char *name;
    bool idempotent, command;
    int64_t queue, priority, max_attempts, backoff_us, max_running, poison_after;
    unsigned needs; /* bit: dependency */
    int64_t hold_max;
};
extern const struct m_type m_types[M_TYPES];
struct m_queue {
    const char *name;
    int64_t max_running;
};
extern const struct m_queue m_queues[M_QUEUES];
struct m_schedule {
    int type;
    enum rp_overlap overlap;
    int64_t every_us;
};
extern const struct m_schedule m_schedules[M_SCHEDULES];
extern const char m_config[]; /* the same as YAML */

struct m_lease {
    int64_t id, deadline, job;
    uint64_t token;
    bool command;
};
struct m_held {
    bool is;
    enum rp_hold_phase phase;
    int dep;
    int64_t since, failed, until;
};
struct m_wave {
    int64_t size, returned, not_before;
};
struct m_job {
    enum rp_state state;
    int type, queue, key, schedule; /* key, schedule: 0 none */
    int64_t priority, attempts, max_attempts, n, interrupted, lost, due, ended, instant, replay;
    uint64_t pattern;
    bool alone, poison, kill;
    struct m_lease lease;
    enum rp_outcome outcome[M_ATTEMPTS + 1];
    int64_t in_replay[M_ATTEMPTS + 1];
    struct m_held held;
    bool was_held[M_ATTEMPTS + 1], counted[M_ATTEMPTS + 1];
};
struct m_item {
    int64_t job, n, attempts, max_attempts, ended, due, replay, wave;
    enum rp_state state;
    uint64_t pattern;
    enum rp_fate fate;
};
struct m_replay {
    enum rp_replay_state state;
    int64_t wave, n;
    bool ended;
    struct m_item item[M_ITEMS];
};
struct model {
    int64_t now, up_since, n, last_lease, n_replays, n_old, audits;
    struct m_job job[M_JOBS + 1]; /* by id */
    struct m_lease old[M_OLD];    /* over */
    struct {
        bool exists, paused;
    } queue[M_QUEUES];
    struct {
        int64_t next, paused, gap_to, n[M_VERDICTS];
        int gap; /* verdict */
    } schedule[M_SCHEDULES];
    struct {
        bool used;
        int64_t request, job;
    } idempotency[M_IKEYS];
    struct m_replay replay[M_REPLAYS + 1]; /* by id */
    struct {
        int state;
        int64_t checked;
    } dep[M_DEPS];
    struct m_wave wave[M_TYPES];
    bool believes_interruptions_burn; /* a lie, for the test of the shrinker */
};

void m_init(struct model *m, int64_t now);
bool m_live(const struct m_job *j);
int64_t m_live_with_key(const struct model *m, int type, int key, int64_t but);
/* A job that did not exist; its id. */
int64_t m_add(struct model *m, int type, int queue, int key, int64_t priority, int64_t due,
              int64_t max_attempts);

/* Whether the job may be given out now, and whether its turn has come among those that may. */
bool m_may_run(const struct model *m, int64_t id, bool command);
bool m_is_next(const struct model *m, int64_t id, bool command);
/* Out in a replay that stands still or was stopped. */
bool m_taken_back(const struct model *m, int64_t id);
/* An ended job is queued once more, if its state and its key let it. */
bool m_reopen(struct model *m, int64_t id);
void m_begin(struct model *m, int64_t id, const struct m_lease *l);

enum rp_state m_report(struct model *m, struct m_job *j, enum rp_outcome o, bool permanent,
                       uint64_t pattern);
void m_lost(struct model *m, struct m_job *j);
/* What time has brought: due jobs, lapsed leases; how many, and what comes next. */
int64_t m_promote(struct model *m, int64_t *next);
int64_t m_expire(struct model *m, int64_t *next);
void m_restart(struct model *m, bool orphans);
void m_fire(struct model *m, int64_t *fired, int64_t *missed, int64_t *next);

/* holds.c. m_hold: whether the job that has just failed is held, and how. */
bool m_needs_down(const struct model *m, int type);
bool m_hold(struct model *m, struct m_job *j, struct m_held *out);
void m_held_due(struct model *m, struct m_job *j);

/* Interventions: false where they must be refused. */
bool m_cancel(struct model *m, struct m_job *j);
bool m_retry(struct model *m, int64_t id);
bool m_resolve(struct model *m, struct m_job *j, bool worked);
void m_pause_schedule(struct model *m, int schedule, bool pause);

/* replays.c */
void m_replay_add(struct model *m, struct m_replay *r, int64_t job);
bool m_replay_step(struct model *m, int64_t id, enum rp_replay_state to);
bool m_replay_undo(struct model *m, int64_t id);
int64_t m_replay_release(struct model *m, int64_t id, int64_t wave, int64_t max);
int64_t m_replay_settle(struct model *m, int64_t id);

#endif
