/* libpq, opened when first used (base/library.h). */
#ifndef RP_DEPS_LIBPQ_H
#define RP_DEPS_LIBPQ_H

#include "base/err.h"

#include <libpq-fe.h>

#define RP_PQ_FUNCTIONS(X)                                                                         \
    X(clear)                                                                                       \
    X(connectPoll)                                                                                 \
    X(connectStart)                                                                                \
    X(conninfoFree)                                                                                \
    X(conninfoParse)                                                                               \
    X(consumeInput)                                                                                \
    X(errorMessage)                                                                                \
    X(finish)                                                                                      \
    X(getResult)                                                                                   \
    X(getvalue)                                                                                    \
    X(isBusy)                                                                                      \
    X(ntuples)                                                                                     \
    X(resultStatus)                                                                                \
    X(sendQuery)                                                                                   \
    X(serverVersion)                                                                               \
    X(setNoticeReceiver)                                                                           \
    X(socket)                                                                                      \
    X(status)

/* PQclear is rp_pq(…)->clear, and so on. */
struct rp_pq {
#define X(name) __typeof__(PQ##name) *name;
    RP_PQ_FUNCTIONS(X)
#undef X
};

/* NULL, with the reason in err, if it cannot be used. */
const struct rp_pq *rp_pq(struct rp_err *err);

#endif
