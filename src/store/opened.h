/* Private to store/: what an open store is. */
#ifndef RP_STORE_OPENED_H
#define RP_STORE_OPENED_H

#include "base/time.h"
#include "store/store.h"

struct rp_store {
    char *path;  /* absolute */
    char id[33]; /* hexadecimal */
    int lock_fd; /* -1: opened for inspection */
    struct rp_db *writer;
};

/* The folder that a path names something in. */
const char *rp_folder_of(struct rp_arena *a, const char *path);

#endif
