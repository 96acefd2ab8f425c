/* Private to store/: what an open store is. */
#ifndef RP_STORE_OPENED_H
#define RP_STORE_OPENED_H

#include "base/time.h"
#include "store/store.h"

#include <pthread.h>

/* See wal.h. Pages: in the log at the last commit; of these, in the file. */
struct rp_wal {
    pthread_mutex_t lock; /* a leaf; protects what follows */
    pthread_cond_t more, idle;
    int64_t pages, done, most;
    bool tended, leaving;
    bool busy;    /* a pass is under way */
    bool held;    /* none is to begin: the writer opens the file anew */
    bool stuck;   /* the last pass got nowhere */
    bool finish;  /* little is left: the writer's turn */
    bool doubt;   /* the file could not be synced: the writer opens it anew (G6) */
    bool failing; /* the last pass failed, which has been logged */
};

struct rp_store {
    char *path;  /* absolute */
    char id[33]; /* hexadecimal */
    int lock_fd; /* -1: opened for inspection */
    struct rp_db *writer;
    struct rp_wal wal;
};

/* The writer's log is watched from here on, again after its handle was opened anew. */
void rp_wal_watch(struct rp_db *writer);
/* Waits for a pass that is under way; none begins until `held` is taken back. */
void rp_wal_hold(struct rp_store *s, bool held);

/* The folder that a path names something in. */
const char *rp_folder_of(struct rp_arena *a, const char *path);

#endif
