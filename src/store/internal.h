/* Private to store/: a connection's insides, and the helpers that its files share. */
#ifndef RP_STORE_INTERNAL_H
#define RP_STORE_INTERNAL_H

#include "store/driver.h"
#include "store/jobs.h"
#include "store/schedules.h"

#include <pthread.h>

struct sqlite3;
struct rp_names;
struct rp_lanes;

struct rp_lanes_mark {
    uint64_t clock, rules;
};
/* What a savepoint or transaction brings back when it is rolled back. */
struct rp_db_mark {
    const struct rp_config *config;
    unsigned changes;
    unsigned grown; /* times that names or hours were added in memory */
    int64_t paced_us[2];
    struct rp_lanes_mark lanes;
};

enum { RP_SAVEPOINTS = 4 };

struct rp_counts {
    struct rp_count *v;
    size_t n, cap;
};

struct rp_db {
    struct rp_store *store;
    struct sqlite3 *sq;
    pthread_mutex_t handle_lock; /* of sq, for rp_db_interrupt: it may be opened anew meanwhile */
    struct rp_stmt *broken,
        **stmt; /* statements by address of their literal: open addressing, power of two */
    size_t n_stmt, cap_stmt;
    struct rp_err sticky; /* why `broken` is */
    bool writer, tender, in_tx;
    int64_t deadline_us;    /* readers: see rp_db_deadline */
    const atomic_bool *cut; /* … and rp_db_cut; or NULL */
    bool distrusted; /* an I/O error: reopened and checked before the next transaction (G6) */
    const struct rp_config *config;
    unsigned config_age; /* rises whenever another one comes into force */
    unsigned changes, grown;
    struct rp_db_mark at_begin, at_savepoint[RP_SAVEPOINTS];
    size_t savepoints; /* open now, one inside the other */
    struct rp_names *types, *queues;
    int64_t hour;           /* the newest one in job_hour that this connection knows */
    int64_t forms;          /* 1 + rows of pattern_form, 0: not counted. Writer only */
    struct rp_lanes *lanes; /* what claims choose from, NULL: none has been. Writer only */
    rp_supply_fn *supply;   /* claim.c */
    void *supply_ctx;
    int64_t
        paced_us[2]; /* when a rate lets jobs of workers, of commands start again, 0: none waits */
    struct rp_counts
        counts[RP_SAVEPOINTS + 1]; /* of the transaction, of each open savepoint: counts.c */
    uint64_t random[32];
    size_t n_random;
};

/* ---- sqlite.c ---- */

/* TENDER: of the log, see wal.h; runs no statement. */
enum rp_open { RP_OPEN_WRITER, RP_OPEN_READER, RP_OPEN_TENDER };
bool rp_db_open(struct rp_store *s, enum rp_open how, struct rp_db **out, struct rp_err *err);
/* The connection again, on a new handle. The writer's is checked, and the log written out anew,
 * because after a failed fsync nobody knows what is on disk. */
bool rp_db_reopen(struct rp_db *db, struct rp_err *err);
void rp_db_free(struct rp_db *db);
/* SQLite said `rc`, which is an error: false, in our words. */
bool rp_db_failed(struct rp_db *db, int rc, struct rp_err *err);
bool rp_script(struct rp_db *db, const char *sql,
               struct rp_err *err); /* several statements, no parameters, no rows */
void rp_reset(struct rp_stmt *s);   /* done with a row: gives up its snapshot */
void rp_reset_all(struct rp_db *db);
/* quick_check, at most `max_us` long (0: no limit): false with RP_E_STORE_CORRUPT and what is
 * wrong. */
bool rp_quick_check(struct rp_db *db, int64_t max_us, struct rp_err *err);
/* Virtual machine steps of all statements since the last call: the measure of a claim's cost in
 * tests. */
int64_t rp_db_steps(struct rp_db *db);
/* How often a statement had to be compiled anew: each time, if the planner peeks at a parameter. */
int64_t rp_db_recompiled(struct rp_db *db);
/* A column without a copy: valid until the statement's next step or reset. */
struct rp_str rp_col_view(struct rp_stmt *s, int c);

/* Rows are written 16, 4 or 1 a statement: a statement opens every index of its table, which for
 * one row costs more than the row. RP_INSERT picks the text for so many rows. They are `or fail`:
 * what fails is taken back by the op's savepoint, and SQLite need not keep a journal for the
 * statement. */
enum { RP_ROWS = 16 };
static inline size_t rp_rows_some(size_t n)
{
    return n >= 16 ? 16 : n >= 4 ? 4 : 1;
}
#define RP_INSERT(some, insert, row)                                                               \
    ((some) == 1 ? insert row : (some) == 4 ? insert RP_ROWS_4(row) : insert RP_ROWS_OF(row))
#define RP_ROWS_4(row)  row ", " row ", " row ", " row
#define RP_ROWS_OF(row) RP_ROWS_4(row) ", " RP_ROWS_4(row) ", " RP_ROWS_4(row) ", " RP_ROWS_4(row)

/* Parameters 4 to 19: a statement for up to RP_ROWS ids. Those that are not bound are null. */
#define RP_IDS "(?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"
static inline void rp_bind_ids(struct rp_stmt *s, const int64_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rp_bind_i64(s, (int)i + 4, ids[i]);
}

/* Mostly they are a row of neighbours, and a range costs half of a list. The text ends before what
 * is compared with them; parameters 4 to 19 are theirs, rp_bind_some binds them. */
static inline bool rp_ids_adjoin(const int64_t *ids, size_t n)
{
    size_t i = 1;
    while (i < n && ids[i] == ids[i - 1] + 1)
        i++;
    return i >= n && n > 1;
}
#define RP_SQL_SOME(db, text, ids, n)                                                              \
    (rp_ids_adjoin(ids, n) ? rp_sql(db, text " between ?4 and ?5") : rp_sql(db, text " in " RP_IDS))
static inline void rp_bind_some(struct rp_stmt *s, const int64_t *ids, size_t n)
{
    rp_bind_i64(s, 4, ids[0]);
    if (rp_ids_adjoin(ids, n))
        rp_bind_i64(s, 5, ids[n - 1]);
    else
        rp_bind_ids(s, ids, n);
}

/* ---- tx.c ---- */

/* Writer, inside a transaction: `c` is in force from here on, unless the transaction or savepoint
 * is rolled back. */
void rp_db_set_config(struct rp_db *db, const struct rp_config *c);
uint64_t rp_db_random(struct rp_db *db);

/* ---- names.c: types and queues by name and id, kept in memory ---- */

struct rp_name {
    int64_t id;
    struct rp_str name;
    unsigned conf_age;          /* db->config_age when `conf` was looked up */
    const struct rp_type *conf; /* settings in that configuration, NULL: not in it. Types only */
};
void rp_names_forget(struct rp_db *db); /* after a rollback that took names back */
/* *out NULL: no such type (queue). */
bool rp_type_find(struct rp_db *db, struct rp_str name, struct rp_name **out, struct rp_err *err);
bool rp_queue_find(struct rp_db *db, struct rp_str name, struct rp_name **out, struct rp_err *err);
/* The same, RP_E_NOT_FOUND with what is asked for if it is not there; rp_queue_need: jobs.h. */
bool rp_type_need(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err);
bool rp_type_of_id(struct rp_db *db, int64_t id, struct rp_name **out, struct rp_err *err);
bool rp_queue_of_id(struct rp_db *db, int64_t id, struct rp_name **out, struct rp_err *err);
/* [w] Found or made: a type that is only known from outside; a queue with default settings. */
bool rp_type_make(struct rp_db *db, struct rp_str name, int64_t now_us, struct rp_name **out,
                  struct rp_err *err);
bool rp_queue_make(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err);
/* Settings of a type in the configuration in force, NULL: not in it (writer only: readers have no
 * configuration). */
const struct rp_type *rp_type_settings(struct rp_db *db, int64_t type_id);

struct rp_ending;

/* ---- move.c: the only place that changes a job's state ---- */

/* What decides about a job, as stored. */
struct rp_job_row {
    int64_t id, type_id, queue_id;
    enum rp_state state;
    int64_t attempts, max_attempts, last_n, interrupted_n, lost_n;
    int64_t created_us, due_us, started_us, ended_us; /* 0: null */
    int64_t schedule_id, replay_id;
    bool poison, outside;
    int64_t failed_as; /* pattern of the failure that the next try repairs; 0: none is known */
};
/* What the lease knew of the attempt; all zero: it had none (a run recorded after its end). */
struct rp_held {
    struct rp_str node, worker;
    int64_t started_us, output_bytes;
};
/* What comes with a move; only what the transition's effects ask for is read. Zero is the usual. */
struct rp_move {
    int64_t now_us;
    int64_t due_us;       /* RP_FX_SET_DUE, RP_FX_REOPEN (0: now) */
    int64_t ended_us;     /* RP_FX_END_JOB: 0: now */
    int64_t max_attempts; /* 0: unchanged */
    int64_t replay_id;    /* if set_replay; 0: none */
    bool set_replay, poison;
    enum rp_outcome outcome;        /* RP_FX_END_ATTEMPT */
    const struct rp_report *report; /* RP_FX_END_ATTEMPT: what is known, or NULL */
    const struct rp_held *held;     /* RP_FX_END_ATTEMPT: NULL: not read yet */
    const struct rp_hold *hold;     /* RP_EV_HOLD */
};
/* The columns of a struct rp_job_row, first in a select on `job j`, and the row that they make. */
#define RP_JOB_ROW                                                                                 \
    "j.id, j.type_id, j.queue_id, j.state, j.attempts, j.max_attempts, j.last_n, "                 \
    "j.interrupted_n, j.lost_n, j.created_at, "                                                    \
    "j.due_at, j.started_at, j.ended_at, j.schedule_id, j.replay_id, j.poison, j.outside, "        \
    "j.pattern_id"
enum { RP_JOB_ROW_N = 18 };
struct rp_job_row rp_job_row_read(struct rp_stmt *s);
/* RP_E_NOT_FOUND if there is none. */
bool rp_job_load(struct rp_db *db, int64_t id, struct rp_job_row *out, struct rp_err *err);
/* [w] Applies the table's row for (j->state, event) and writes job, attempt, lease, pattern and
 * counts. RP_E_BAD_STATE when the table does not allow it, RP_E_CONFLICT when another live job has
 * the key. On success *j is what is stored now. */
bool rp_job_apply(struct rp_db *db, struct rp_job_row *j, enum rp_event event,
                  const struct rp_move *m, struct rp_err *err);
/* [w] rp_job_load and rp_job_apply. `out` may be NULL. */
bool rp_job_move(struct rp_db *db, int64_t id, enum rp_event event, const struct rp_move *m,
                 struct rp_job_row *out, struct rp_err *err);
/* [w] RP_EV_CLAIM for many, with fewer statements. The rows become what is stored then. */
bool rp_jobs_begin(struct rp_db *db, struct rp_job_row *j, size_t n, const struct rp_move *m,
                   struct rp_err *err);
/* [w] RP_EV_SUCCEED for up to RP_ROWS running jobs that end at the same time and have no output,
 * with fewer statements. rows[i] is before, e[i] tells of its end. first: they show no error of an
 * attempt before. */
bool rp_jobs_succeed(struct rp_db *db, const struct rp_job_row *rows, struct rp_ending *e,
                     const int64_t *leases, size_t n, bool first, struct rp_err *err);
/* [w] RP_EV_REPLAY for up to RP_ROWS jobs of one state, none with a key, each with so many attempts
 * more than it had, with fewer statements. The rows become what is stored then. */
bool rp_jobs_replay(struct rp_db *db, struct rp_job_row *j, size_t n, int64_t replay_id,
                    int64_t tries, int64_t now_us, struct rp_err *err);
/* [w] The same and RP_EV_CLAIM at once: they begin without having waited in between. */
bool rp_jobs_replay_begin(struct rp_db *db, struct rp_job_row *j, size_t n, int64_t replay_id,
                          int64_t tries, int64_t now_us, struct rp_err *err);
/* Says (rp_db_changed) what the coming of a job of that type into `to` means to those who wait. */
void rp_job_changed(struct rp_db *db, int64_t type_id, enum rp_state to, unsigned effects);
/* [w] Asks for the end of a running job's attempt: 1 an operator, 2 overlap: replace. Nothing if it
 * has no lease. */
bool rp_lease_kill(struct rp_db *db, int64_t job_id, int why, struct rp_err *err);

/* ---- replay_items.c: for move.c only ---- */

/* [w] Up to RP_ROWS jobs have ended: what is out of a replay among them waits for its fate. */
bool rp_items_ended(struct rp_db *db, const int64_t *job_ids, size_t n, struct rp_err *err);
/* [w] Up to RP_ROWS jobs have succeeded, and what is out of a replay among them with them: nothing
 * of that has to be found again. */
bool rp_items_worked(struct rp_db *db, const struct rp_job_row *j, size_t n, struct rp_err *err);

/* ---- attempt.c: for move.c only ---- */

/* The error that a job shows is that of its newest attempt that did not work; success clears it. */
struct rp_shown {
    bool set;
    struct rp_str error, class;
    int64_t pattern_id;
};
/* An attempt that ends. `job` is the row after the move; strings are the report's and the lease's.
 */
struct rp_ending {
    const struct rp_job_row *job;
    const struct rp_report *report;
    enum rp_outcome outcome;
    int64_t ended_us;
    struct rp_held held;
    struct rp_shown shown;
};
void rp_ending_of(const struct rp_job_row *j, const struct rp_move *m, struct rp_ending *out);
/* [w] The rows, no more: outputs and counts are the caller's. Several have the same outcome and
 * end.
 */
bool rp_attempts_write(struct rp_db *db, const struct rp_ending *e, size_t n, struct rp_err *err);
void rp_ending_count(struct rp_db *db, const struct rp_ending *e);
/* [w] Writes the record of the newest attempt, which ends, counts it, and says what the job shows
 * from now on. */
bool rp_attempt_finish(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                       struct rp_arena *a, struct rp_shown *shown, struct rp_err *err);

/* ---- insert.c ---- */

/* [w] The row of a new job: RP_EV_ENQUEUE or RP_EV_SCHEDULE by its due time. */
struct rp_job_new {
    int64_t type_id, queue_id, priority, max_attempts, due_us, created_us, schedule_id, instant_us;
    struct rp_str key, payload, labels, external_id;
    bool manual, outside;
};
bool rp_job_insert(struct rp_db *db, const struct rp_job_new *in, int64_t now_us,
                   struct rp_job_row *out, struct rp_err *err);
bool rp_jobs_insert(struct rp_db *db, const struct rp_job_new *in, size_t n, int64_t now_us,
                    struct rp_job_row *out, struct rp_err *err);

/* ---- claim.c ---- */

/* However large the payloads are, a claim stays within bounds (G18, G19). */
enum { RP_CLAIM_BYTES = 16 << 20 };

/* ---- lease.c ---- */

struct rp_grant {
    struct rp_str node, worker;
    bool command; /* a process of the node's own executor */
    int64_t now_us, deadline_us;
};
/* [w] queued → running, each with a lease, in that order. */
bool rp_leases_grant(struct rp_db *db, const int64_t *job_ids, size_t n, const struct rp_grant *g,
                     struct rp_arena *a, struct rp_lease *out, struct rp_err *err);

/* What a worker is told of a job, as columns of `job j`, and what they make; `payload`: its own, or
 * what it gets instead. */
#define RP_LEASED(payload)                                                                         \
    "j.priority, j.key, " payload ", j.labels, j.instant,"                                         \
    " (select name from schedule where id = j.schedule_id)"
enum { RP_LEASED_N = 6 };
void rp_leased_read(struct rp_stmt *s, int at, struct rp_arena *a, struct rp_job *out);
/* [w] The leases of jobs that have just begun, of which rp_leased_read has read. */
bool rp_leases_write(struct rp_db *db, const struct rp_job_row *rows, size_t n,
                     const struct rp_grant *g, struct rp_arena *a, struct rp_lease *out,
                     struct rp_err *err);

/* What the lease of a running job says of its attempt; zero if it has none. */
bool rp_held_read(struct rp_db *db, int64_t job_id, struct rp_arena *a, struct rp_held *out,
                  struct rp_err *err);

/* ---- report.c ---- */

/* [w] Ends the running attempt of a job as reported, or as lost: decides the event. */
/* held: NULL if not read yet. */
bool rp_attempt_end(struct rp_db *db, struct rp_job_row *j, const struct rp_report *r,
                    const struct rp_held *held, bool kill, int64_t now_us, struct rp_err *err);
bool rp_attempt_lost(struct rp_db *db, struct rp_job_row *j, bool kill, int64_t now_us,
                     struct rp_err *err);

/* When a job is tried again that has failed once more. */
int64_t rp_retry_at(struct rp_db *db, const struct rp_job_row *j, int64_t now_us);

/* ---- memory.c: on_oom ---- */

/* The limit of the attempt that begins; 0: the type's. */
bool rp_memory_next(struct rp_db *db, const struct rp_job_row *j, int64_t *bytes,
                    struct rp_err *err);
/* Whether a failure was for want of memory, and the next attempt may have more. */
bool rp_memory_may_grow(struct rp_db *db, const struct rp_job_row *j, const struct rp_report *r);

/* ---- hold.c: see holds.h ---- */

enum rp_hold_phase { RP_HOLD_DOUBTED, RP_HOLD_HELD, RP_HOLD_OUT }; /* stored */
struct rp_hold {
    struct rp_str dependency; /* absent: no hold. The configuration's */
    enum rp_hold_phase phase;
    bool again; /* it had been let out */
    int64_t since_us, until_us;
};
/* What a type needs: the first dependency that is down, that with the oldest check; absent: none.
 */
struct rp_needs {
    struct rp_str down, oldest;
    int64_t checked_us; /* the oldest check, INT64_MAX: nothing is needed */
    int64_t round_us;   /* from one check to the end of the next, of the one checked least often */
};
bool rp_needs_read(struct rp_db *db, const struct rp_type *t, struct rp_needs *out,
                   struct rp_err *err);
/* Whether a failure is, or may be, the fault of a dependency. */
bool rp_hold_judge(struct rp_db *db, const struct rp_job_row *j, const struct rp_report *r,
                   int64_t now_us, struct rp_hold *out, struct rp_err *err);
/* Whether it is out as an item of a replay. */
bool rp_job_in_replay(struct rp_db *db, const struct rp_job_row *j, bool *in, struct rp_err *err);
/* [w] For move.c: what a move means to the job's hold. */
bool rp_hold_follow(struct rp_db *db, const struct rp_job_row *before,
                    const struct rp_job_row *after, enum rp_event event, const struct rp_move *m,
                    struct rp_err *err);
/* [w] Up to RP_ROWS jobs have ended or failed in another way. */
bool rp_holds_drop(struct rp_db *db, const int64_t *job_ids, size_t n, struct rp_err *err);
/* [w] The dependency was up: the attempt counts after all. */
bool rp_hold_count(struct rp_db *db, int64_t job_id, int64_t now_us, struct rp_err *err);
/* [w] For rp_jobs_clock_set: what was seen of dependencies moves with the holds. */
bool rp_holds_clock_set(struct rp_db *db, int64_t by_us, struct rp_err *err);
/* [w] held → queued. */
bool rp_hold_let_out(struct rp_db *db, int64_t job_id, int64_t now_us, struct rp_err *err);
/* [w] The due time of a held job has come: its hold ends. */
bool rp_hold_due(struct rp_db *db, int64_t job_id, int64_t type_id, enum rp_hold_phase phase,
                 int64_t since_us, int64_t now_us, struct rp_err *err);

/* ---- compensation.c ---- */

/* Another job that takes back the same as this one, and did so or may still; 0: none. */
bool rp_compensation_rival(struct rp_db *db, int64_t id, int64_t *rival, struct rp_err *err);

/* ---- pace.c: rates at the claim ---- */

struct rp_paced { /* the rate of a type, or of a dependency (type_id 0), in one claim */
    struct rp_paced *next;
    int64_t type_id;
    struct rp_str dependency;
    const struct rp_pace *pace;
    int64_t at_us, left, taken;
};
struct rp_paces { /* those that a lane's jobs go through */
    struct rp_paced *paced;
    struct rp_paces *next;
};
struct rp_pacing { /* of a claim */
    struct rp_db *db;
    struct rp_arena *arena;
    int64_t now_us;
    struct rp_paced *all;
};
/* *out NULL: the type has none. */
bool rp_paces_of(struct rp_pacing *x, int64_t type_id, struct rp_paces **out, struct rp_err *err);
bool rp_paces_open(const struct rp_paces *list);
void rp_paces_take(const struct rp_paces *list);
/* A lane waits for its rates: says when to look again. After rp_pacing_write. */
void rp_pacing_wait(struct rp_pacing *x, const struct rp_paces *list, bool commands);
/* [w] What the claim took. */
bool rp_pacing_write(struct rp_pacing *x, struct rp_err *err);

/* ---- lanes.c: what the writer's claims choose from, see lanes.h ---- */

/* A job moved; NULL: it was not there before, is not there after. */
void rp_lanes_moved(struct rp_db *db, const struct rp_job_row *before,
                    const struct rp_job_row *after);
/* A type, queue or dependency changed, so that a lane may run that might not, or the other way. */
void rp_lanes_ruled(struct rp_db *db);
/* Rows may have changed in ways that nobody told: all is read again. */
void rp_lanes_forget(struct rp_db *db);
struct rp_lanes_mark rp_lanes_here(const struct rp_db *db);
void rp_lanes_back(struct rp_db *db, struct rp_lanes_mark to);
void rp_lanes_free(struct rp_lanes *m);

/* ---- queues.c ---- */

/* Why a type's jobs wait, beside a pause of their queue: a term about `t`. */
#define RP_TYPE_WAITS                                                                              \
    "(t.configured <> 1 or t.held is not null or exists(select 1 from type_need w"                 \
    " join dependency d on d.name = w.dependency"                                                  \
    " where w.type_id = t.id and d.active = 1 and d.state = 2))"

/* ---- pattern.c ---- */

/* Why the jobs of job_type t are not started, in words, or null. */
#define RP_TYPE_HELD                                                                               \
    "coalesce(t.held, (select 'dependency ' || d.name || ' is down' from type_need w"              \
    " join dependency d on d.name = w.dependency"                                                  \
    " where w.type_id = t.id and d.active = 1 and d.state = 2 order by d.name limit 1))"

/* [w] The pattern of a report, made if new, counted. *id 0: the report has none. Else the one that
 * its form was born with, which stays even when that becomes part of another. *class: a person's
 * correction, else the report's. */
bool rp_pattern_count(struct rp_db *db, const struct rp_report *r, int64_t type_id, int64_t at_us,
                      struct rp_arena *a, int64_t *id, struct rp_str *class, struct rp_err *err);
/* The pattern that one is part of now, as a column; the other columns of a pattern come from that
 * one's row. */
#define RP_PATTERN_NOW(id)                                                                         \
    "(select coalesce(born.joined, born.id) from pattern born where born.id = " id ")"
#define RP_PATTERN_OF_JOB " left join pattern p on p.id = " RP_PATTERN_NOW("j.pattern_id")
/* The message that a pattern is wrapped in, as a column of `of`. */
#define RP_PATTERN_OUTER(of)                                                                       \
    "(select coalesce(wrap.joined, wrap.id) from pattern wrap where wrap.id = " of ".outer_id)"
/* Patterns that a message wraps and that stand for themselves. */
#define RP_PATTERN_WRAPPED(now)                                                                    \
    " from pattern wrap join pattern pair on pair.outer_id = wrap.id and pair.joined is null"      \
    " where wrap.id in (select " now " union all select id from pattern where joined = " now ")"
/* All that are part of a pattern, or of what a message wraps, for `in`. */
#define RP_PATTERN_ALL(now)                                                                        \
    "(select " now " union all select id from pattern where joined = " now                         \
    " union all select pair.id" RP_PATTERN_WRAPPED(                                                \
        now) " union all select part.id from pattern part where part.joined in (select "           \
             "pair.id" RP_PATTERN_WRAPPED(now) "))"
/* The same of a number that a person gave: RP_E_NOT_FOUND if there is none. *several: there are
 * others that count for it. */
bool rp_pattern_need(struct rp_db *db, int64_t id, int64_t *now, bool *several, struct rp_err *err);

/* ---- counts.c ---- */

/* [w] One ended attempt in its minute. final: the job ended with it. */
void rp_rollup_count(struct rp_db *db, int64_t at_us, int64_t type_id, int64_t queue_id,
                     enum rp_outcome outcome, bool final, int64_t pattern_id);

/* [w] An attempt that was counted in its minute as one that another follows ended its job, now. */
void rp_rollup_final(struct rp_db *db, int64_t at_us, int64_t now_us, const struct rp_job_row *j,
                     enum rp_outcome outcome, int64_t pattern_id);

/* [w] A job that was `before` (NULL: new) is `after` (NULL: deleted). */
void rp_tally_move(struct rp_db *db, const struct rp_job_row *before,
                   const struct rp_job_row *after);
/* Jobs that run now, of a type, of a queue (0: of all). */
bool rp_tally_running(struct rp_db *db, int64_t type_id, int64_t queue_id, int64_t *n,
                      struct rp_err *err);
/* [w] Forgets the counts that came down to nothing. */
bool rp_tally_sweep(struct rp_db *db, struct rp_err *err);
/* For tx.c: what the innermost savepoint counted becomes what surrounds it; all is written; what
 * was counted in `level` (0: the transaction) and deeper is forgotten. */
void rp_counts_keep(struct rp_db *db);
bool rp_counts_write(struct rp_db *db, struct rp_err *err);
void rp_counts_drop(struct rp_db *db, size_t level);
void rp_counts_free(struct rp_db *db);

/* ---- audit.c ---- */

/* [w] rp_audit for an intervention on one job: detail {"before": state, "reason": …}. */
bool rp_audit_job(struct rp_db *db, struct rp_str actor, const char *action, int64_t job_id,
                  const char *safety, enum rp_state before, struct rp_str reason, int64_t now_us,
                  struct rp_err *err);

/* ---- analysis.c, tried_again.c ---- */

/* A row of job, type, queue, pattern, schedule, end, node, worker, labels. */
struct rp_ended_rows;
void rp_ended_take(struct rp_stmt *s, bool failed, struct rp_arena *a, struct rp_ended_rows *rows);

#endif
