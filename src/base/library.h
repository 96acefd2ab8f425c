/* Shared libraries that few commands need are opened when one of their functions is needed first:
 * at the start of every command the loader would take milliseconds for them and for all that they
 * need in turn. They stay open. Any thread. */
#ifndef RP_BASE_LIBRARY_H
#define RP_BASE_LIBRARY_H

#include "base/err.h"

#include <pthread.h>
#include <stddef.h>

struct rp_library {
    const char *soname, *package; /* the Debian package that brings it */
    const char *const *names;     /* of the functions that are called … */
    void **functions;             /* … and where they go, in this order */
    size_t n;
    pthread_mutex_t lock; /* PTHREAD_MUTEX_INITIALIZER */
    bool open;
};

/* The static variables of a file that opens one: `functions`, where those of `list` go, which names
 * them with a comma after each, in the order of the struct; and `library`. */
#define RP_LIBRARY(type, list, soname_, package_)                                                  \
    static const char *const names[] = {list};                                                     \
    static union {                                                                                 \
        type named;                                                                                \
        void *all[sizeof names / sizeof *names];                                                   \
    } functions;                                                                                   \
    _Static_assert(sizeof functions.named == sizeof functions.all, "pointers only");               \
    static struct rp_library library = {.soname = soname_,                                         \
                                        .package = package_,                                       \
                                        .names = names,                                            \
                                        .functions = functions.all,                                \
                                        .n = sizeof names / sizeof *names,                         \
                                        .lock = PTHREAD_MUTEX_INITIALIZER}

/* False, with the package in the hint, if it cannot be used; the next call tries again. */
bool rp_library_open(struct rp_library *l, struct rp_err *err);

#endif
