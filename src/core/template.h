/* How a log line of the user's own looks: literal text with {fields}, and the words that tell what
 * happened. "{time} {level} [{type}] job {id} {event}". Pure; matching is the log reader's. */
#ifndef RP_CORE_TEMPLATE_H
#define RP_CORE_TEMPLATE_H

#include "base/err.h"
#include "base/str.h"

/* X(symbol, name) */
#define RP_LOG_FIELDS(X)                                                                           \
    X(RP_FIELD_ANY, "*") /* whatever stands there */                                               \
    X(RP_FIELD_TIME, "time")                                                                       \
    X(RP_FIELD_LEVEL, "level")                                                                     \
    X(RP_FIELD_TYPE, "type")                                                                       \
    X(RP_FIELD_ID, "id")                                                                           \
    X(RP_FIELD_EVENT, "event") /* begins with one of the words; its text is the error's */         \
    X(RP_FIELD_ATTEMPT, "attempt")                                                                 \
    X(RP_FIELD_ERROR, "error")

enum rp_log_field {
#define X(sym, name) sym,
    RP_LOG_FIELDS(X)
#undef X
        RP_FIELDS_N
};

enum { RP_TEMPLATE_PARTS = 24 };

struct rp_log_words {
    struct rp_str *v;
    size_t n;
};

struct rp_log_template {
    struct rp_str name;
    const char *cname; /* the same, NUL-terminated */
    struct {
        struct rp_str before; /* literal in front of the field; a blank stands for any number */
        enum rp_log_field field;
    } parts[RP_TEMPLATE_PARTS];
    size_t n_parts;
    struct rp_str rest; /* literal behind the last field */
    /* No words at all: the words that plain logs are read by. */
    struct rp_log_words start, succeeded, failed, timeout, cancelled;
};

/* Splits the text, whose strings the template keeps. False with err, and *at where in the text. */
bool rp_template_parse(struct rp_str text, struct rp_log_template *t, size_t *at,
                       struct rp_err *err);

#endif
