/* How a replay is shown: its plan, its state, its progress. */
#ifndef RP_CLI_REPLAY_H
#define RP_CLI_REPLAY_H

#include "cli/internal.h"

void replay_plan_show(struct cli *cli, struct rp_str plan);
/* Its lines without what it is and what comes next. Whether anything is left out. */
bool replay_plan_parts(struct cli *cli, struct rp_str plan);
/* Whether the command line selects jobs; the member "select" of a request, nothing if it does not.
 */
bool replay_selects(struct cli *cli);
/* Whether it says what is to be waited for. */
bool replay_parks(struct cli *cli);
bool replay_select_member(struct cli *cli, struct rp_jw *w, struct rp_err *err);
bool replay_in_state(struct cli *cli, struct rp_str r, const char *state);
/* Parts that plans and replays have in common. Whether anything was left out. */
bool replay_left_out_lines(struct cli *cli, struct rp_str doc, const char *field);
void replay_forced_line(struct cli *cli, struct rp_str doc);
/* The guard of a request, with what it goes past. */
bool replay_guard_member(struct cli *cli, struct rp_jw *w, struct rp_err *err);
/* Members of a guard: what it goes past. */
void replay_past_members(struct cli *cli, struct rp_jw *w);
/* replay_set.c: values for payloads: the member of a request; lines of a plan or replay; the parts
 * of an item's line. */
bool replay_set_member(struct cli *cli, struct rp_jw *w, struct rp_err *err);
void replay_set_lines(struct cli *cli, struct rp_str doc, int label);
void replay_changes(struct cli *cli, struct line *l, struct rp_str item);
/* replay_undo.c */
int replay_undo(struct cli *cli, const char *id);
void replay_undo_types(struct cli *cli, struct line *l, struct rp_str undo);
void replay_show(struct cli *cli, struct rp_str replay);
void plan_outlook_line(struct cli *cli, struct rp_str plan, int label); /* outlook.c */
/* replay_watch.c: progress until it has ended; Ctrl-C leaves it running. Exit code: 0 all
 * succeeded, 3 not all, 4 halted before anything ran. */
int replay_watch(struct cli *cli, const char *id);

#endif
