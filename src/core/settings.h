/* What the configuration says, as plain structs: job types, schedules, dependencies. config/ fills
 * them; store, engine, exec, deps and faces read them. Everything lives in the arena of the struct
 * rp_config that holds it, and is immutable after loading; a reload makes a new one. */
#ifndef RP_CORE_SETTINGS_H
#define RP_CORE_SETTINGS_H

#include "base/str.h"
#include "core/cron.h"
#include "core/pace.h"
#include "core/retry.h"
#include "core/template.h"

struct rp_strs {
    struct rp_str *v;
    size_t n;
};

struct rp_env {
    struct rp_str name, value;
};

enum { RP_CONTRACT_TERMS_MAX = 8 };
struct rp_contract_term {
    struct rp_str pointer; /* JSON pointer into the result */
    char op[3];
    struct rp_str value;
};

/* Success contract (users.md U21): exit 0 is not enough. Absent parts are not checked. */
struct rp_contract {
    struct rp_str output, not_output; /* bytes that stdout+stderr must, must not hold */
    struct rp_str file;               /* must exist after the run … */
    int64_t newer_than_us;            /* … modified at most so long ago (0: not asked) */
    int64_t min_bytes;                /* … at least this large (-1: not asked) */
    double min_bytes_of_usual; /* … or this share of the median of the last runs (0: not asked) */
    int64_t min_duration_us, max_duration_us; /* 0: not asked */
    const struct rp_contract_term *result;
    size_t n_result; /* up to RP_CONTRACT_TERMS_MAX */
};

struct rp_limits { /* 0: not limited */
    int64_t memory_bytes, cpu_s, open_files, processes, file_bytes, core_bytes;
    double cpus; /* cgroup v2 cpu.max */
};

/* Which REPRISE_KEY a replayed attempt gets (replay specification 18). */
enum rp_replay_key { RP_REPLAY_KEY_OWN, RP_REPLAY_KEY_NEW };

/* What few types give is behind a pointer: there may be 100,000 of them. */
struct rp_type {
    struct rp_str name, description;
    struct rp_strs run;        /* argv; n == 0: workers fetch it */
    struct rp_strs compensate; /* argv of what takes a run back; n == 0: nothing can */
    struct rp_str
        side_effects;          /* what a run does outside, in its owner's words; absent: not said */
    struct rp_str compensates; /* the type whose runs this one takes back, absent: it is not made
                                * by a `compensate:` */
    struct rp_str queue;       /* "default" */
    int64_t priority;          /* higher first, -1000 … 1000, default 0 */
    int64_t timeout_us;        /* 0: none */
    int64_t soft_timeout_us;   /* 0: none; only tells */
    int64_t grace_us;          /* TERM to KILL, default 10 s */
    struct rp_retry retry;
    bool idempotent; /* default false: a lost attempt waits for a person */
    bool critical;
    struct rp_strs needs; /* dependencies */
    int64_t max_running;  /* 0: not limited */
    bool paused;          /* its jobs wait */
    struct rp_pace rate;
    struct rp_env *env;
    size_t n_env;
    struct rp_str cwd, user, stdin_text; /* stdin_text: instead of the payload (crontab's %) */
    int64_t umask;                       /* default 077 */
    struct rp_limits limits;
    double oom_factor;     /* on_oom: memory after an attempt that ran out of it; 0: the same */
    int64_t oom_max_bytes; /* … at most */
    int64_t output_bytes;  /* of head and of tail, default 256 kB each */
    struct rp_contract expect;
    int64_t expect_every_us, expect_within_us; /* schedules 21; 0: not asked */
    int64_t
        hold_max_us; /* how long a failure may be held for a dependency, default 7 d; 0: never */
    int64_t poison_after; /* kills of the worker by one job before it is set aside, default 3 */
    enum rp_replay_key replay_key;
    struct rp_str source; /* the type's part of the configuration as text, for `type show` */
};

enum rp_overlap { RP_OVERLAP_SKIP, RP_OVERLAP_QUEUE, RP_OVERLAP_REPLACE, RP_OVERLAP_ALLOW };
enum rp_missed { RP_MISSED_RUN_ONCE, RP_MISSED_RUN_ALL, RP_MISSED_SKIP };

struct rp_schedule {
    struct rp_str name, type, expr, zone, payload;
    struct rp_cron cron;
    const struct rp_zone *tz;
    enum rp_overlap overlap;
    enum rp_missed missed;
    int64_t missed_max;      /* default 100 */
    int64_t start_within_us; /* 0: not asked */
    int64_t jitter_us;
    int line; /* in the configuration file */
};

enum rp_dep_kind { RP_DEP_POSTGRES, RP_DEP_HTTP, RP_DEP_TCP, RP_DEP_COMMAND };

struct rp_dep {
    struct rp_str name;
    enum rp_dep_kind kind;
    struct rp_str
        target; /* URL, conninfo, host:port; secrets inside: never shown, see rp_dep_public */
    struct rp_strs command; /* kind command */
    int64_t expect;         /* HTTP status, default 200 */
    int64_t timeout_us;     /* default 5 s */
    int64_t every_us;       /* default 10 s */
    struct rp_pace rate;    /* of all jobs that need it, together */
};

struct rp_queue_conf {
    struct rp_str name;
    int64_t max_running; /* 0: not limited */
    int64_t weight;      /* default 1 */
};

enum rp_notify_kind {
    RP_NOTIFY_WEBHOOK,
    RP_NOTIFY_ALERTMANAGER,
    RP_NOTIFY_SLACK,
    RP_NOTIFY_PAGERDUTY,
    RP_NOTIFY_EMAIL,
    RP_NOTIFY_COMMAND,
};

struct rp_notify {
    enum rp_notify_kind kind;
    struct rp_str target;      /* URL or mail address; Slack's URL is a secret by itself */
    struct rp_strs command;    /* kind command */
    struct rp_str secret_file; /* absent: none */
    struct rp_strs jobs;       /* n == 0: incidents of all types */
};

struct rp_escalation {
    int64_t failed_jobs;       /* default 1000 */
    int64_t unresolved_for_us; /* default 1 h */
    bool critical;             /* default true */
};

/* How long records stay that jobs, replays and the audit do not need. */
struct rp_retention {
    int64_t verdicts_us, minutes_us, checks_us, spooled_us;
};

struct rp_config {
    struct rp_arena arena;
    struct rp_str path;           /* "" for the built-in default */
    struct rp_str store;          /* URL */
    struct rp_str listen, socket; /* listen "": none */
    struct rp_str node;           /* default: host name */
    struct rp_strs hosts;         /* accepted Host headers beside loopback names */
    bool insecure;                /* S1 */
    int64_t max_running;          /* command jobs at once on this node, default 2 × cores */
    int64_t shutdown_grace_us;    /* default 30 s */
    int64_t lease_us;             /* default 30 s */
    int64_t body_bytes;           /* default 8 MB */
    struct rp_type **types;       /* what a configuration does not change it shares with another */
    size_t n_types;
    struct rp_schedule *schedules;
    size_t n_schedules;
    struct rp_dep *deps;
    size_t n_deps;
    struct rp_queue_conf *queues;
    size_t n_queues;
    double failure_rate_above;      /* alerts.job_failure_rate, default .10 */
    int64_t failure_rate_window_us; /* default 15 m */
    int64_t failure_rate_min_runs;  /* default 20 */
    int64_t backlog_age_above_us;   /* default 10 m */
    int64_t settle_us;              /* replay.settle, default 60 s */
    int64_t wave_max;               /* replay.wave_max, default 200 */
    int64_t replay_max_running;     /* replay.max_running, default 2 */
    int64_t replay_items_max;       /* replay.items_max, default 2,000,000 */
    double halt_alpha;              /* replay.halt_alpha, default .01 */
    double timeout_rate_above;      /* alerts.job_timeout_rate, default .05 */
    int64_t timeout_rate_window_us; /* default 15 m */
    int64_t timeout_rate_min_runs;  /* default 20 */
    struct rp_escalation escalation;
    struct rp_retention retention;
    struct rp_notify *notify;
    size_t n_notify;
    struct rp_log_template *log_formats;
    size_t n_log_formats;
};

/* By binary search: types, schedules, deps and queues are sorted by name. NULL if there is none. */
const char *rp_dep_kind_name(enum rp_dep_kind kind); /* "postgres" */
/* The target as it may be shown: no passwords, users, query strings, arguments. */
struct rp_str rp_dep_public(struct rp_arena *a, const struct rp_dep *dep);

/* The type that the `compensate:` of a type makes: "invoice.compensate". */
struct rp_str rp_type_compensation(struct rp_arena *a, struct rp_str type);
const struct rp_type *rp_config_type(const struct rp_config *c, struct rp_str name);
const struct rp_schedule *rp_config_schedule(const struct rp_config *c, struct rp_str name);
const struct rp_dep *rp_config_dep(const struct rp_config *c, struct rp_str name);

#endif
