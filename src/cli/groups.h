/* The rows of each group of commands, beside the functions that they name. */
#ifndef RP_CLI_GROUPS_H
#define RP_CLI_GROUPS_H

#include "cli/cli.h"

enum {
    STATUS_ROWS = 2,
    JOBS_ROWS = 2,
    JOB_ROWS = 5,
    EXEC_ROWS = 1,
    QUEUE_ROWS = 3,
    SCHEDULE_ROWS = 7,
    TYPE_ROWS = 2,
    PATTERN_ROWS = 7,
    DEP_ROWS = 2,
    REPLAY_ROWS = 7,
    PURGE_ROWS = 6,
    DEPLOY_ROWS = 2,
    CHANGE_ROWS = 3,
    IMPORT_ROWS = 5,
    TOKEN_ROWS = 3,
    HELP_ROWS = 3,
    DEMO_ROWS = 1,
};

extern const struct rp_command status_rows[STATUS_ROWS], jobs_rows[JOBS_ROWS], job_rows[JOB_ROWS],
    exec_rows[EXEC_ROWS], queue_rows[QUEUE_ROWS], schedule_rows[SCHEDULE_ROWS],
    type_rows[TYPE_ROWS], pattern_rows[PATTERN_ROWS], dep_rows[DEP_ROWS], replay_rows[REPLAY_ROWS],
    purge_rows[PURGE_ROWS], deploy_rows[DEPLOY_ROWS], change_rows[CHANGE_ROWS],
    import_rows[IMPORT_ROWS], token_rows[TOKEN_ROWS], help_rows[HELP_ROWS], demo_rows[DEMO_ROWS];

#endif
