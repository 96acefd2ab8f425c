/* Errors: one list of codes, each with its slug, exit code and HTTP status.
 *
 * A function that can fail returns bool (or a pointer) and fills a struct rp_err: what happened
 * (lower case, no full stop), and a hint that is an instruction. The slug is the stable name that
 * users see: problem type, `code=` in logs, docs/errors.md. A struct rp_err is plain memory of the
 * caller's; nothing to free. NULL may be passed where the caller does not care. */
#ifndef RP_BASE_ERR_H
#define RP_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

struct rp_str;

/* X(symbol, slug, exit code, HTTP status, title) */
#define RP_CODES(X)                                                                                \
    X(RP_OK, "ok", 0, 200, "no error")                                                             \
    X(RP_E_USAGE, "usage", 2, 400, "the command line is not understood")                           \
    X(RP_E_BAD_REQUEST, "bad-request", 1, 400, "the HTTP request is malformed")                    \
    X(RP_E_BAD_JSON, "malformed-json", 1, 400, "the body is not valid JSON")                       \
    X(RP_E_BAD_FIELD, "bad-field", 2, 400, "a field or parameter cannot be used")                  \
    X(RP_E_UNKNOWN_FIELD, "unknown-field", 2, 400, "a field or parameter is not known")            \
    X(RP_E_TOO_LARGE, "too-large", 1, 413, "the input is larger than the limit")                   \
    X(RP_E_NOT_FOUND, "not-found", 1, 404, "there is no such thing")                               \
    X(RP_E_METHOD, "method-not-allowed", 1, 405, "this path does not take that method")            \
    X(RP_E_UNKNOWN_TYPE, "unknown-type", 1, 422, "the job type is not configured")                 \
    X(RP_E_BAD_STATE, "bad-state", 1, 409, "the state does not allow this")                        \
    X(RP_E_CONFLICT, "conflict", 1, 409, "it exists already with other content")                   \
    X(RP_E_LEASE_LOST, "lease-lost", 1, 409, "the lease is no longer held")                        \
    X(RP_E_LOCK_HELD, "lock-held", 75, 409, "the lock is held elsewhere")                          \
    X(RP_E_REFUSED, "refused", 4, 409, "a guard refused")                                          \
    X(RP_E_UNAUTHORIZED, "unauthorized", 1, 401, "no valid token")                                 \
    X(RP_E_FORBIDDEN, "forbidden", 1, 403, "the token does not allow this")                        \
    X(RP_E_OVERLOAD, "overload", 1, 503, "too much is waiting; try again")                         \
    X(RP_E_STOPPING, "stopping", 1, 503, "the daemon is stopping")                                 \
    X(RP_E_STORE_FULL, "store-full", 1, 507, "the disk of the store is full")                      \
    X(RP_E_STORE_IO, "store-io", 1, 503, "the store cannot be read or written")                    \
    X(RP_E_STORE_CORRUPT, "store-corrupt", 1, 500, "the store is damaged")                         \
    X(RP_E_STORE_NEWER, "store-newer", 1, 500, "the store was written by a newer version")         \
    X(RP_E_STORE_IN_USE, "store-in-use", 1, 409, "another daemon uses this store")                 \
    X(RP_E_CONFIG, "bad-configuration", 3, 400, "the configuration has mistakes")                  \
    X(RP_E_CRON, "bad-schedule", 2, 400, "the schedule expression cannot be used")                 \
    X(RP_E_UNREACHABLE, "daemon-unreachable", 5, 503, "the daemon cannot be reached")              \
    X(RP_E_SPAWN, "cannot-start", 1, 500, "the command cannot be started")                         \
    X(RP_E_IO, "io", 1, 500, "reading or writing failed")                                          \
    X(RP_E_BACKUP, "bad-backup", 1, 422, "the backup cannot be used")                              \
    X(RP_E_INTERNAL, "internal", 1, 500, "a defect in Reprise")

enum rp_code {
#define X(sym, slug, exit_code, http, title) sym,
    RP_CODES(X)
#undef X
        RP_CODES_N
};

struct rp_err {
    enum rp_code code;
    char message[400]; /* what happened, to what; cut to fit, always valid UTF-8 if its inputs were
                        */
    char hint[240];    /* what to do; empty if nothing can be said */
};

/* Fill err and return false, so that callers write `return rp_fail(err, …)`. Truncates silently.
 * err may be NULL. */
bool rp_fail(struct rp_err *err, enum rp_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Sets the hint of an error already filled; returns false. */
bool rp_hint(struct rp_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Callers see that the answer is false: compilers and analyzers then know which variables a caller
 * that goes on has been given. */
#define rp_fail(...) ((void)(rp_fail)(__VA_ARGS__), false)
#define rp_hint(...) ((void)(rp_hint)(__VA_ARGS__), false)
/* "there is no job type x", with the command that lists what there is; both return false.
 * `what` stands before the id as it is: "job ", "replay R". */
bool rp_absent(struct rp_err *err, const char *what, struct rp_str name, const char *lists);
bool rp_absent_id(struct rp_err *err, const char *what, int64_t id, const char *lists);

const char *rp_code_slug(enum rp_code code);
const char *rp_code_title(enum rp_code code);
int rp_code_exit(enum rp_code code);
int rp_code_http(enum rp_code code);
/* The code of a slug; RP_E_INTERNAL if it is not one of the list (an answer of a newer daemon). */
enum rp_code rp_code_of_slug(const char *slug);

#endif
