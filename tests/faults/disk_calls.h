/* The system calls through which a store is written, made to fail at the n-th one. The program's
 * own definitions of these functions take the place of the C library's, for SQLite's code as for
 * ours. Only calls on files and folders below one folder count, and only while a fault is armed.
 * One thread. */
#ifndef TESTS_FAULTS_DISK_CALLS_H
#define TESTS_FAULTS_DISK_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(symbol, name) */
#define CALLS(X)                                                                                   \
    X(CALL_READ, "read")                                                                           \
    X(CALL_WRITE, "write")                                                                         \
    X(CALL_SYNC, "fsync")                                                                          \
    X(CALL_RESIZE, "ftruncate")                                                                    \
    X(CALL_OPEN, "open")                                                                           \
    X(CALL_UNLINK, "unlink")                                                                       \
    X(CALL_MKDIR, "mkdir")
enum call {
#define X(sym, name) sym,
    CALLS(X)
#undef X
        CALLS_N
};

struct fault {
    int64_t nth;   /* from 1: this call fails … */
    bool lasting;  /* … and all that come after it */
    unsigned only; /* bits 1 << enum call: which calls count; 0: all but reads */
    int error;     /* errno; for writes 0: a part is written, as where room ends within it */
};
void calls_arm(const char *folder, const struct fault *f);
/* Calls that failed since; *what: the first of them. */
size_t calls_disarm(enum call *what);
const char *call_name(enum call c);
/* Whether the folder was synced after it was last changed (a file or folder made in it) by a call
 * since calls_arm. */
bool calls_folder_synced(const char *folder);

#endif
