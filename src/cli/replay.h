/* How a replay is shown: its plan, its state, its progress. */
#ifndef RP_CLI_REPLAY_H
#define RP_CLI_REPLAY_H

#include "cli/internal.h"

void replay_plan_show(struct cli *cli, struct rp_str plan);
/* Whether the command line selects jobs; the member "select" of a request, nothing if it does not.
 */
bool replay_selects(struct cli *cli);
bool replay_select_member(struct cli *cli, struct rp_jw *w, struct rp_err *err);
bool replay_in_state(struct cli *cli, struct rp_str r, const char *state);
/* Parts that plans and replays have in common. Whether anything was left out. */
bool replay_left_out_lines(struct cli *cli, struct rp_str doc, const char *field);
void replay_forced_line(struct cli *cli, struct rp_str doc);
void replay_show(struct cli *cli, struct rp_str replay);
/* Progress until it has ended; Ctrl-C leaves it running. Exit code: 0 all succeeded, 3 not all, 4
 * halted before anything ran. */
int replay_watch(struct cli *cli, const char *id);

#endif
