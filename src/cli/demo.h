/* Private to cli/: the demo's world — a folder, a daemon, a dependency that can go down, and the
 * program that its jobs run. */
#ifndef RP_CLI_DEMO_H
#define RP_CLI_DEMO_H

#include "cli/internal.h"

#include <sys/types.h>

struct world {
    struct rp_arena *arena;
    char dir[256];
    char self[512]; /* the program's own path: the demo's jobs are its hidden command `demo-job` */
    bool keep;
    int api_port;     /* 0: any free one */
    int db_port;      /* where the dependency listens */
    pid_t daemon, db; /* 0: not running */
};

bool world_make(struct world *w, const char *keep_dir, struct rp_err *err);
bool world_write_config(struct world *w, struct rp_err *err);
bool world_start_daemon(struct world *w, struct rp_err *err);
/* The dependency: a TCP server in a process of its own. Down means that nothing listens. */
bool world_db_up(struct world *w, struct rp_err *err);
void world_db_down(struct world *w);
/* Ends what runs and removes the folder unless it is kept. Returns false if the daemon did not end
 * well. */
bool world_end(struct world *w);

#endif
