/* What jobs hang on: types, queues, dependencies, nodes, tokens, patterns, counts, audit. [w]:
 * writes. */
#ifndef RP_STORE_REGISTRY_H
#define RP_STORE_REGISTRY_H

#include "core/outlook.h"
#include "core/states.h"
#include "store/store.h"

/* ---- configuration ---- */

/* [w] Makes `c` the configuration in force: upserts types, queues, schedules (rule 16: unchanged
 * expression and zone keep the next instant), dependencies; what is gone is marked inactive, its
 * waiting jobs are held and counted in *held_jobs. `c` must live as long as the store is open. */
bool rp_config_apply(struct rp_db *db, const struct rp_config *c, int64_t now_us,
                     int64_t *held_jobs, struct rp_err *err);
/* Waiting jobs that `c` could not run (type not in it), by type: for `check` (U29). */
struct rp_unrunnable {
    struct rp_str type, why;
    int64_t waiting;
};
bool rp_config_unrunnable(struct rp_db *db, const struct rp_config *c, struct rp_arena *a,
                          struct rp_unrunnable **out, size_t *n, struct rp_err *err);

/* ---- types, queues ---- */

struct rp_type_row {
    int64_t id;
    struct rp_str name;
    bool configured, external, critical;
    struct rp_str held; /* why its jobs wait, absent: they do not */
    int64_t waiting, running, retrying, failed, unknown; /* live counts; failed: unresolved */
    int64_t runs_24h, failed_24h;                        /* final outcomes in the last 24 h */
};
bool rp_types_list(struct rp_db *db, int64_t now_us, struct rp_arena *a, struct rp_type_row **out,
                   size_t *n, struct rp_err *err);
bool rp_type_get(struct rp_db *db, struct rp_str name, int64_t now_us, struct rp_arena *a,
                 struct rp_type_row *out, struct rp_err *err);
/* … by its setting; rp_type_hold leaves that as it is. */
#define RP_HELD_PAUSED "the type is paused"
/* [w] Set or clear (absent) the reason why a type's jobs are held: missing command. Dependencies
 * hold by themselves. */
bool rp_type_hold(struct rp_db *db, struct rp_str name, struct rp_str why, int64_t now_us,
                  struct rp_err *err);

struct rp_queue_row {
    int64_t id;
    struct rp_str name, paused_by;
    int64_t paused_us, max_running, weight;
    int64_t scheduled, waiting, running, retrying, held, failed;
    int64_t oldest_us;          /* created or due time of the oldest waiting job, 0: none */
    int64_t done_5m, failed_5m; /* ended in the last 5 minutes */
};
bool rp_queues_list(struct rp_db *db, int64_t now_us, struct rp_arena *a, struct rp_queue_row **out,
                    size_t *n, struct rp_err *err);
/* Since when the queue's oldest queued job has been due, 0: none waits. */
bool rp_queue_oldest(struct rp_db *db, int64_t queue_id, int64_t *due_us, struct rp_err *err);
/* The same without jobs that their type holds, and the queue's name, which the connection keeps. */
bool rp_queue_waits(struct rp_db *db, int64_t queue_id, struct rp_str *name, int64_t *due_us,
                    struct rp_err *err);
/* [w, audited] */
bool rp_queue_pause(struct rp_db *db, struct rp_str name, bool pause, struct rp_str actor,
                    struct rp_str reason, int64_t now_us, struct rp_err *err);

/* ---- rates ---- */

struct rp_rate {
    int64_t runs, failed, timeouts, retried_failures;
}; /* final outcomes; retried attempts apart (U27) */
bool rp_rate_since(struct rp_db *db, struct rp_str type, int64_t since_us, struct rp_rate *out,
                   struct rp_err *err); /* type absent: all */
struct rp_impact {
    struct rp_str type;
    int64_t failed, unknown;
    bool critical;
    int64_t since_us;
};
bool rp_impact(struct rp_db *db, int64_t since_us, struct rp_arena *a, struct rp_impact **out,
               size_t *n, struct rp_err *err);
/* First minute of the newest unbroken stretch in which the failure rate over `window` was above
 * `above` (0: it is not now). */
bool rp_rate_alert_since(struct rp_db *db, double above, int64_t window_us, int64_t min_runs,
                         int64_t now_us, int64_t *since_us, struct rp_err *err);

/* ---- patterns ---- */

/* Failures of a pattern by their second key. */
struct rp_pattern_stack {
    struct rp_str frames; /* "file:function < …", the nearest to the throw first */
    int64_t failures;
};
enum { RP_STACKS_SHOWN = 5, RP_INNERS_LISTED = 20 };
/* One of the patterns that a message wraps. */
struct rp_pattern_inner {
    int64_t id, failures, last_us;
    struct rp_str inner, template, class, action, name;
};
/* A message and what it wraps are two levels (mined.h): a pattern is the pair of both. */
struct rp_pattern {
    int64_t id;
    struct rp_tries tries; /* after such a failure, in the 30 days up to the last one */
    uint64_t hash;
    struct rp_str template, class, group, action, name, rule;
    int64_t first_us, last_us, failures; /* of all its parts */
    int64_t *parts;                      /* rp_pattern_get: patterns that became part of it */
    size_t n_parts;
    struct rp_pattern_stack stacks[RP_STACKS_SHOWN]; /* rp_pattern_get: most failures first */
    size_t n_stacks;
    bool wraps;          /* no pattern, but the message around `inners`; it has no class */
    struct rp_str inner; /* what is wrapped, of the template; absent: it stands alone */
    struct {
        int64_t id; /* 0: none */
        struct rp_str template, name;
        int64_t failures, patterns;  /* rp_patterns_list: of its patterns in the window; */
    } outer;                         /* rp_pattern_inners: of all */
    struct rp_pattern_inner *inners; /* rp_pattern_inners */
    size_t n_inners;
};
/* Patterns that failed since then, most failures first; those that one message wraps stand
 * together, at its place, the RP_INNERS_LISTED largest. */
bool rp_patterns_list(struct rp_db *db, int64_t since_us, int limit, struct rp_arena *a,
                      struct rp_pattern **out, size_t *n, struct rp_err *err);
/* Of all patterns that stand for themselves, by id, what orders them and tells what kind they are.
 */
struct rp_pattern_head {
    int64_t id, outer;   /* the message that wraps it, 0: none */
    struct rp_str class; /* valid during the call */
};
bool rp_pattern_heads(struct rp_db *db, void (*each)(void *ctx, const struct rp_pattern_head *head),
                      void *ctx, struct rp_err *err);
/* The one that it is part of now: out->id may be another number. */
bool rp_pattern_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_pattern *out,
                    struct rp_err *err);
/* Adds what it wraps, or the others that its outer wraps, most failures first. */
bool rp_pattern_inners(struct rp_db *db, struct rp_arena *a, struct rp_pattern *p,
                       struct rp_err *err);
/* [w, audited] name and class corrected by a person; absent: unchanged. RP_E_BAD_STATE: the class
 * of a message that wraps patterns, which have theirs. */
bool rp_pattern_edit(struct rp_db *db, int64_t id, struct rp_str name, struct rp_str class,
                     struct rp_str group, struct rp_str action, struct rp_str actor, int64_t now_us,
                     struct rp_err *err);
/* Failures of a window by pattern, with counts by type: for `analyze`. */
struct rp_pattern_count {
    int64_t pattern_id, type_id;
    struct rp_str type;
    int64_t failures, first_us, last_us;
};
bool rp_pattern_counts(struct rp_db *db, int64_t since_us, int64_t until_us, struct rp_str type,
                       int limit, struct rp_arena *a, struct rp_pattern_count **out, size_t *n,
                       struct rp_err *err);

/* ---- dependencies ---- */

enum rp_dep_state { RP_DEP_UNKNOWN, RP_DEP_UP, RP_DEP_DOWN };
struct rp_dep_row {
    struct rp_str name, kind, target, says; /* target without secrets */
    enum rp_dep_state state;
    int64_t since_us, checked_us, latency_us;
    int64_t connections_free; /* how many more it takes, by its newest check; 0: not known */
    int64_t held; /* jobs that it holds back: queued ones while it is down, failed ones (holds.h) */
    bool active;
};
bool rp_deps_list(struct rp_db *db, struct rp_arena *a, struct rp_dep_row **out, size_t *n,
                  struct rp_err *err);
/* [w] Records a check; a change of state holds or frees the types that need it. */
bool rp_dep_checked(struct rp_db *db, struct rp_str name, bool up, struct rp_str says,
                    int64_t latency_us, int64_t now_us, struct rp_err *err);
/* [w] Its connections_free; writes only what changed. */
bool rp_dep_connections(struct rp_db *db, struct rp_str name, int64_t n, struct rp_err *err);

/* How often it went up or down in the time before now that RP_DEP_LATELY_US is long. */
#define RP_DEP_LATELY_US (10 * RP_US_MIN)
bool rp_dep_changes(struct rp_db *db, struct rp_str name, int64_t now_us, int64_t *n,
                    struct rp_err *err);

/* ---- deploys: what is out there since when ---- */

struct rp_deploy {
    int64_t id, at_us;
    struct rp_str type, version, actor, reason;
};
/* [w, audited] A deploy of these types is out: what failed before because of code, data or
 * configuration may be replayed. Unknown types: RP_E_NOT_FOUND, and nothing is marked. */
bool rp_deploy_mark(struct rp_db *db, const struct rp_strs *types, struct rp_str version,
                    struct rp_str actor, struct rp_str reason, int64_t now_us, struct rp_err *err);
/* Newest first. type absent: of all. */
bool rp_deploys_list(struct rp_db *db, struct rp_str type, int limit, struct rp_arena *a,
                     struct rp_deploy **out, size_t *n, struct rp_err *err);

/* ---- room ---- */

/* Bytes that the store's file system has left for it. */
bool rp_store_room(struct rp_db *db, int64_t *bytes, struct rp_err *err);

/* ---- nodes, downtime ---- */

/* [w] The node's sign of life. *last_seen_us: the store's newest sign of life before (0: new
 * store), so that downtime is known. */
bool rp_node_start(struct rp_db *db, struct rp_str node, int64_t pid, int64_t now_us,
                   int64_t *last_seen_us, struct rp_err *err);
bool rp_node_seen(struct rp_db *db, struct rp_str node, int64_t now_us, struct rp_err *err);
bool rp_node_stop(struct rp_db *db, struct rp_str node, int64_t now_us, struct rp_err *err);

/* ---- workers: processes that fetch jobs ---- */

/* [w] A worker asked for work of these types (none: any). Cheap to call at every fetch: it writes
 * at most every 10 s a worker. */
bool rp_worker_seen(struct rp_db *db, struct rp_str worker, const struct rp_strs *types,
                    int64_t now_us, struct rp_err *err);
/* How many workers asked for jobs of the type since then. */
bool rp_workers_of(struct rp_db *db, struct rp_str type, int64_t since_us, int64_t *n,
                   struct rp_err *err);

/* ---- tokens ---- */

enum rp_scope {
    RP_SCOPE_NONE,
    RP_SCOPE_READ,
    RP_SCOPE_ENQUEUE,
    RP_SCOPE_WORK,
    RP_SCOPE_OPERATE,
    RP_SCOPE_ADMIN,
    RP_SCOPE_PURGE /* deletes, and brings back; what operate may not */
};
const char *rp_scope_name(enum rp_scope s);
bool rp_scope_of_name(struct rp_str name, enum rp_scope *out);
/* Whether a token of scope `have` may do what needs `need`: admin all; operate: read, enqueue,
 * operate; work: read of its own, work; purge: read, purge; … */
bool rp_scope_allows(enum rp_scope have, enum rp_scope need);
struct rp_token {
    int64_t id;
    struct rp_str name;
    enum rp_scope scope;
    int64_t created_us, expires_us, last_used_us, revoked_us;
};
/* [w, audited] `secret` (out): rp_ + 43 base64url characters (256 bits), shown once; only its
 * SHA-256 is stored. */
bool rp_token_create(struct rp_db *db, struct rp_str name, enum rp_scope scope, int64_t expires_us,
                     struct rp_str actor, int64_t now_us, char secret[64], struct rp_token *out,
                     struct rp_err *err);
bool rp_token_revoke(struct rp_db *db, int64_t id, struct rp_str actor, int64_t now_us,
                     struct rp_err *err);
bool rp_tokens_list(struct rp_db *db, struct rp_arena *a, struct rp_token **out, size_t *n,
                    struct rp_err *err);
/* RP_E_UNAUTHORIZED for unknown, expired, revoked: the same words for all. */
bool rp_token_check(struct rp_db *db, struct rp_str secret, int64_t now_us, struct rp_arena *a,
                    struct rp_token *out, struct rp_err *err);

/* [w] Notes the last use; a face calls it at most once a minute for one token. */
bool rp_token_used(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err);

/* ---- Idempotency-Key ---- */

/* The stored answer of an earlier POST with the key: *found. Same key with another request hash:
 * RP_E_CONFLICT. */
bool rp_idempotency_find(struct rp_db *db, struct rp_str key, uint64_t request_hash,
                         struct rp_arena *a, bool *found, int64_t *status, struct rp_str *body,
                         struct rp_err *err);
/* [w] in the transaction of the effect; kept 24 h. */
bool rp_idempotency_keep(struct rp_db *db, struct rp_str key, uint64_t request_hash, int64_t status,
                         struct rp_str body, int64_t now_us, struct rp_err *err);

/* ---- audit ---- */

/* [w] One record in the same transaction as the intervention (G31). safety: SAFE, REVERSIBLE,
 * IRREVERSIBLE. detail: JSON or absent. */
bool rp_audit(struct rp_db *db, struct rp_str actor, const char *action, struct rp_str object,
              const char *safety, struct rp_str detail, int64_t now_us, struct rp_err *err);

#endif
