/* Private to engine/: its parts and who owns what. */
#ifndef RP_ENGINE_INTERNAL_H
#define RP_ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "store/holds.h"
#include "store/registry.h"
#include "store/retention.h"
#include "store/schedules.h"

#include <pthread.h>
#include <stdatomic.h>

/* Beyond this a set clock counts as the correction of a wrong one (schedules, rule 11). */
#define CLOCK_CORRECTION_US (3 * RP_US_H)

/* Notes it for those who ask (rp_engine_state), and logs it. */
void engine_clock_corrected(struct rp_engine *e, int64_t now_us, int64_t by_us);

/* ---- writer.c ---- */

struct lane {
    struct rp_op *head, **tail;
};

struct rp_writer {
    pthread_t thread;
    pthread_mutex_t lock; /* protects what follows, up to the next blank line */
    pthread_cond_t more;
    struct lane light, heavy;
    bool heavy_next; /* whose turn it is, where both wait */
    size_t waiting, max;
    size_t wanted; /* as many wake the writer */
    bool closing;
    int64_t commits, ops;
    struct rp_turns turns;
    int64_t fails_since_us; /* 0: the last commit went through */
    struct rp_err fails_with;

    pthread_mutex_t listeners_lock;
    struct rp_listener *listeners;

    size_t crowd;    /* the writer thread's own: light ops of the last batch … */
    int64_t took_us; /* … and how long its transaction took */
    struct rp_store *store;
    const struct rp_clock *clock;
    struct rp_engine_hooks hooks;
    const atomic_bool *cut; /* then nothing that has more parts goes on */
};
bool writer_start(struct rp_writer *w, struct rp_store *store, const struct rp_clock *clock,
                  const struct rp_engine_hooks *hooks, size_t max, const atomic_bool *cut,
                  struct rp_err *err);
bool writer_submit(struct rp_writer *w, struct rp_op *op, struct rp_err *err);
bool writer_call(struct rp_writer *w, bool (*run)(struct rp_db *, void *, struct rp_err *),
                 void *arg, struct rp_err *err);
bool writer_call_heavy(struct rp_writer *w, bool (*run)(struct rp_db *, void *, struct rp_err *),
                       void *arg, struct rp_err *err);
/* turns.c; the writer thread only. */
struct turn {
    int64_t from_us, cpu_from_us;
};
struct turn turn_begin(struct rp_writer *w);
void turn_end(struct rp_writer *w, const struct turn *t);
void writer_stop(
    struct rp_writer *w); /* what waits is still written; then nothing is taken any more */

/* ---- tender.c ---- */

struct tender {
    pthread_t thread;
    struct rp_store *store;
    struct rp_db *db;
};
bool tender_start(struct tender *t, struct rp_store *store,
                  struct rp_err *err); /* before the writer */
void tender_stop(struct tender *t);    /* after it */

/* ---- readers.c ---- */

enum { READERS_MAX = 16, READS_WAITING_MAX = 4096 };
struct rp_readers {
    pthread_t threads[READERS_MAX];
    struct rp_db *dbs[READERS_MAX];
    int n;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct rp_read *head, **tail;
    size_t waiting;
    bool closing;
    int64_t most_us; /* what one question may take */
};
bool readers_start(struct rp_readers *r, struct rp_store *store, int n, int64_t most_us,
                   const atomic_bool *cut, struct rp_err *err);
bool readers_submit(struct rp_readers *r, struct rp_read *read, struct rp_err *err);
void readers_interrupt(struct rp_readers *r); /* once it is cut, before readers_stop */
void readers_stop(struct rp_readers *r);

/* ---- runs.c: command attempts of this node ---- */

/* One running or ended command. Made by the engine thread; `result` is filled by the exec thread
 * before it moves to the ended list. */
struct run {
    struct run *next;
    struct rp_arena arena;
    struct rp_lease lease;        /* strings in the arena */
    const struct rp_type *type;   /* of the configuration under which it was claimed */
    struct rp_exec_result result; /* valid once ended */
    struct rp_report report;      /* made once, kept until it is written */
    bool reported, kill_sent;
    int64_t not_before_us; /* monotonic: its report could not be written */
    int64_t memory_bytes;  /* its limit, 0: none */
    bool command_missing;
    uint64_t stored_bytes; /* of output, at the last partial write */
    uint64_t round;        /* of partial writes, in which it had its turn; the engine thread's */
};
struct runs {
    pthread_mutex_t lock;
    struct run *running, *ended;
    size_t n; /* of both lists: slots in use */
};
struct run *run_new(struct rp_engine *e, const struct rp_lease *lease, const struct rp_type *type);
void run_free(struct run *r);
void runs_free(struct runs *runs); /* those that ended and could not be reported */
void run_start(struct rp_engine *e, struct run *r);
void run_judge(struct rp_engine *e, struct run *r); /* result → report */
bool command_found(const struct rp_type *t);
void runs_done(void *ctx, uint64_t id, struct rp_exec_result *result);

/* ---- tick.c: what the engine thread decides, as one op ---- */

enum { REPORTS_A_TICK = 256 };

struct ended {
    struct run *run;
    bool written; /* in this tick, once that is committed */
};

struct tick {
    struct rp_engine *e;
    struct rp_arena arena;
    int64_t now, mono;
    bool stopping, beat, probe, partial, holds;
    struct ended ended[REPORTS_A_TICK];
    size_t n_ended;
    size_t n_left;                  /* that ended and stay: their reports cannot be written */
    const struct rp_config *config; /* that the claims were made under */
    struct rp_lease *leases;        /* out */
    size_t n_leases;
    int64_t *kill;
    size_t n_kill;
    int64_t next_us; /* wall clock of the next thing that is due */
    int64_t fired, promoted, expired, let_out;
    bool timed;            /* what the clock did since the last tick is in the store */
    int64_t correction_us; /* 0: the clock was not corrected */
    uint64_t zones_seen,
        zones_followed; /* of rp_zones_look: now, and as schedules are planned by */

    /* upkeep.c */
    int64_t *beat_ids;
    bool *beat_ok;
    size_t n_beats;
    struct partial *partials;
    size_t n_partials;
    bool partials_written;
    const struct rp_config *hold_config;
    struct rp_str *hold_why; /* one a type of hold_config */
};

void *engine_thread(void *engine);

/* ---- reports.c: of commands that ended ---- */

void reports_gather(struct tick *t);
bool tick_reports(struct tick *t, struct rp_db *db, struct rp_err *err);
size_t reports_written(const struct tick *t);
void reports_forget(struct tick *t); /* those that are written */

/* ---- upkeep.c: the care for running commands, in three steps: gathered on the engine thread,
 * written in the tick's transaction, acted upon once that is committed ---- */

void upkeep_gather(struct tick *t);
bool tick_beat(struct tick *t, struct rp_db *db, struct rp_err *err);
bool tick_partial(struct tick *t, struct rp_db *db, struct rp_err *err);
bool tick_holds(struct tick *t, struct rp_db *db, struct rp_err *err);
void upkeep_written(struct tick *t);
void upkeep_forget(struct tick *t);

/* ---- retention.c ---- */

void retention_wait(struct rp_engine *e, int64_t mono_us); /* the clock was set, or begins */
bool retention_due(const struct tick *t);
bool tick_retention(struct tick *t, struct rp_db *db, struct rp_err *err);

/* ---- settings.c: what changed since the configuration was read ---- */

/* [w] Makes `base` with them the configuration in force. */
bool settings_apply(struct rp_engine *e, struct rp_db *db, const struct rp_config *base,
                    int64_t now_us, int64_t *held, struct rp_err *err);
bool tick_changes(struct tick *t, struct rp_db *db, struct rp_err *err);
bool tick_zones(struct tick *t, struct rp_db *db, struct rp_err *err);
void settings_free(struct rp_engine *e);

struct rp_engine {
    struct rp_store *store;
    const struct rp_clock *clock;
    struct rp_engine_hooks hooks;
    int64_t open_files; /* soft limit of jobs that have none of their own */
    char node[128];
    struct tender tender;
    struct rp_writer writer;
    struct rp_readers readers, slow_reader, whole_reader, long_reader;
    struct rp_exec *exec;
    struct runs runs;
    _Atomic(const struct rp_config *) config;
    struct made *made; /* configurations made of the file's; the writer thread's own */
    char sweep[200];
    int64_t started_us;
    atomic_bool cut; /* see rp_engine_cut */

    pthread_t thread;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;  /* CLOCK_MONOTONIC */
    bool woken, stopping, stop_now;
    int64_t last_tick_us;
    struct rp_clock_correction correction;

    /* the engine thread's own */
    struct rp_db *reader;
    int64_t last_wall_us, last_mono_us, up_since_us, down_from_us, next_beat_us, next_probe_us,
        next_hold_us, next_partial_us, next_retention_us;
    struct rp_retention_round retention; /* the writer thread's, in the tick */
    bool more_at_once;                   /* the last tick could not do all that was due */
    uint64_t zones_followed;
    uint64_t partial_round; /* from 1; ends when all that run have had their turn */
    struct rp_listener listener;
};

#endif
