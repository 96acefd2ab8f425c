/* How a replay is shown: its plan, its state, its progress. */
#ifndef RP_CLI_REPLAY_H
#define RP_CLI_REPLAY_H

#include "cli/internal.h"

void replay_plan_show(struct cli *cli, struct rp_str plan);
void replay_show(struct cli *cli, struct rp_str replay);
/* Progress until it has ended; Ctrl-C leaves it running. Exit code: 0 all succeeded, 3 not all, 4
 * halted before anything ran. */
int replay_watch(struct cli *cli, const char *id);

#endif
