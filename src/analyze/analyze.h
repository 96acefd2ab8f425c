/* Failure analysis of one message: what it says (key line), which others it is like (template,
 * hash), what kind it is and what to do first (class, group, action).
 *
 *     text ── rp_key_line ──▶ one line ── rp_mask ──▶ template ── hash ──▶ pattern
 *      └──────── facts ──────────┴────── rp_classify ──▶ class, group, action, rule
 *
 * Pure text: no store, no clock, no state. Everything takes any bytes, is linear in its input, and
 * may be called from any thread; results live in the arena that is handed in. */
#ifndef RP_ANALYZE_ANALYZE_H
#define RP_ANALYZE_ANALYZE_H

#include "base/str.h"

enum {
    RP_TEXT_MAX = 65536,   /* of a longer text the first quarter and the end are looked at */
    RP_KEY_LINE_MAX = 1000 /* a key line is cut there, between characters */
};

/* ---- classes ---- */

/* X(symbol, name, group, action): what users see; names and groups are stored and stay. */
#define RP_CLASSES(X)                                                                              \
    X(RP_CLASS_CERT, "cert", "config", "renew the certificate or the clock, then replay")          \
    X(RP_CLASS_DISK_FULL, "disk_full", "resource", "free space, then replay")                      \
    X(RP_CLASS_RATE_LIMIT, "rate_limit", "transient", "replay slower, after the reset time")       \
    X(RP_CLASS_UNIQUE, "unique_violation", "data",                                                 \
      "most likely done before: check, mark done, do not replay")                                  \
    X(RP_CLASS_DB_CONFLICT, "db_conflict", "transient", "replay now")                              \
    X(RP_CLASS_SATURATED, "dep_saturated", "dependency", "fewer workers, then replay")             \
    X(RP_CLASS_OOM, "oom", "resource", "raise memory or lower concurrency, then replay")           \
    X(RP_CLASS_WORKER_LOST, "worker_lost", "transient", "replay once; twice on one job: poison")   \
    X(RP_CLASS_DNS, "dns", "dependency", "check the dependency, then replay")                      \
    X(RP_CLASS_AUTH, "auth", "config", "renew the secret, then replay")                            \
    X(RP_CLASS_TIMEOUT, "timeout", "timeout", "raise the limit or split, then replay")             \
    X(RP_CLASS_HTTP_5XX, "http_5xx", "dependency", "wait, then replay with a canary")              \
    X(RP_CLASS_NET_TIMEOUT, "net_timeout", "transient",                                            \
      "retry with backoff; many at once: check the dependency")                                    \
    X(RP_CLASS_CONNECTION, "connection", "dependency", "check the dependency, then replay")        \
    X(RP_CLASS_CRASH, "crash", "code", "fix the code; do not replay")                              \
    X(RP_CLASS_KILLED, "killed", "resource", "look for memory or a deploy at that time")           \
    X(RP_CLASS_BAD_PAYLOAD, "bad_payload", "data", "set aside, fix the data")                      \
    X(RP_CLASS_MISSING_MODULE, "missing_module", "deploy", "fix the deploy, then replay")          \
    X(RP_CLASS_MISSING_COMMAND, "missing_command", "deploy", "fix the deploy, then replay")        \
    X(RP_CLASS_PERMISSION, "permission", "config", "fix rights, then replay")                      \
    X(RP_CLASS_BUSY, "busy", "transient", "retry with backoff")                                    \
    X(RP_CLASS_CODE_BUG, "code_bug", "code", "fix the code, then replay")                          \
    X(RP_CLASS_MISSING_FILE, "missing_file", "data", "restore the input, then replay")             \
    X(RP_CLASS_CONFIG, "config", "config", "fix the setting, then replay")                         \
    X(RP_CLASS_CONTRACT, "contract", "code",                                                       \
      "compare what was expected with what came, fix, then replay")                                \
    X(RP_CLASS_UNKNOWN, "unknown", "-", "a person looks")

enum rp_class {
#define X(sym, name, group, action) sym,
    RP_CLASSES(X)
#undef X
        RP_CLASSES_N
};

struct rp_class_info {
    const char *name, *group, *action;
};
extern const struct rp_class_info rp_classes[RP_CLASSES_N];
bool rp_class_of_name(struct rp_str name, enum rp_class *out);
/* Is its action to replay as it is? */
bool rp_class_is_transient(enum rp_class class);
/* Must something be mended first, lest a replay does harm or fails for sure? */
bool rp_class_needs_fix(enum rp_class class);

/* ---- one failure ---- */

/* What is known of it. Zero means not known. */
struct rp_failure_facts {
    struct rp_str message;  /* raw: one line, or the tail of an output with stack traces */
    struct rp_str sqlstate; /* five characters */
    struct rp_str contract; /* the broken part of a success contract (users.md U21) */
    int exit_code;          /* > 0 only; 128 + n is read as signal n */
    int signal;
    int http_status;
    bool oom;       /* the cgroup's counter says so */
    bool timed_out; /* the runner's own timer fired */
    bool worker_lost;
};

/* From {"message", "exit_code"?, "signal"?, "oom"?, "timed_out"?, "http_status"?, "sqlstate"?}. */
struct rp_err;
bool rp_failure_facts_read(struct rp_str json, struct rp_arena *a, struct rp_failure_facts *f,
                           struct rp_err *err);

struct rp_key {
    struct rp_str line;   /* valid UTF-8, one line, never empty: "no message" */
    struct rp_str frames; /* up to three own frames nearest to the throw, "file:function" joined by
                             " < "; absent without a stack trace */
};
/* The line that stands for the text. With a stack trace (Python, Java, Node, Ruby, Go, .NET) the
 * exception's type and message, of a chain the one printed last: Python prints the final error
 * there, the others the root cause. Without: the first line that states an error; if none does,
 * the last line. */
struct rp_key rp_key_line(struct rp_arena *a, struct rp_str text);

/* The line with what varies replaced by <*>: numbers, hex, UUIDs, addresses, times, durations,
 * e-mail addresses, quoted values, ids in paths and URLs. What carries meaning stays: HTTP
 * statuses, exit codes, signals, error numbers, SQLSTATEs, errno names. Masking a template again
 * changes nothing. */
struct rp_str rp_mask(struct rp_arena *a, struct rp_str line);

struct rp_ruling {
    enum rp_class class;
    const char *rule; /* which fact or phrase decided: "exit code 127", "text: no space left" */
    bool weak;        /* it says what was cut short; whatever else is said tells why */
};
/* Facts beat text; then the first rule that matches the key line, else the text's other lines. */
struct rp_ruling rp_classify(struct rp_arena *a, const struct rp_failure_facts *f,
                             struct rp_str key_line);

struct rp_fingerprint {
    struct rp_key key;
    struct rp_str template;
    uint64_t hash;        /* of the template: stable over versions and machines */
    uint64_t frames_hash; /* 0: no stack trace */
    enum rp_class class;
    const char *class_name, *group, *action, *rule;
};
void rp_fingerprint(struct rp_arena *a, const struct rp_failure_facts *f,
                    struct rp_fingerprint *out);

#endif
