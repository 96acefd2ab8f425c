/* What the forms of `analyze` share. */
#ifndef RP_CLI_ANALYZE_H
#define RP_CLI_ANALYZE_H

#include "analyze/bins.h"
#include "cli/internal.h"

int run_analyze(struct cli *cli);
int classes_file(struct cli *cli, const char *path); /* --classes */
int analyze_csv(struct cli *cli, const char *path);  /* --csv */
int analyze_log(struct cli *cli, const char *path);  /* --log */
/* --templates: line number, pattern id, template of each line. */
int templates_file(struct cli *cli, const char *path);

/* The conditions of an answer, or of one of its patterns, in words. */
void show_conditions(struct cli *cli, struct rp_str answer, int indent);
/* When failing began, and what changed just before; nothing if there is no onset. */
void show_onset(struct cli *cli, struct rp_str answer, int indent);
/* The types, queues and nodes with the most failures, where there are several (tops.c). */
void show_tops(struct cli *cli, struct rp_str answer);
/* Since when each type fails more than before; nothing where none does. */
void show_type_onsets(struct cli *cli, struct rp_str answer, int indent);
/* ---- two levels (levels.c) ---- */

/* Does the pattern stand below a message that wraps others too? */
bool is_inner(struct rp_str pattern);
/* What it says, there or by itself; what it says there. */
const char *pattern_words(struct cli *cli, struct rp_str pattern);
const char *inner_words(struct cli *cli, struct rp_str pattern);
/* A list in which the patterns of one message stand together, so many of them are shown. */
enum { INNERS_SHOWN = 8 };
struct levels {
    struct cli *cli;
    int indent;          /* of messages */
    struct rp_str outer; /* the message that the last pattern is wrapped in; absent: none */
    int64_t left, left_failures;
    int shown;
};
/* Does this pattern open a message? */
bool levels_opens(const struct levels *x, struct rp_str pattern);
/* Ends the message before it, if it is of another. False: it is not shown. */
bool levels_take(struct levels *x, struct rp_str pattern, int64_t failures);
/* The message's line, above all that it wraps. */
void levels_head(struct levels *x, struct rp_str pattern, const char *count);
void levels_end(struct levels *x);

/* What a replay of a pattern can expect, and why that is known or not. */
const char *outlook_words(struct cli *cli, struct rp_str pattern);
/* The parts of one condition. */
const char *condition_where(struct cli *cli, struct rp_str condition);
const char *condition_counts(struct cli *cli, struct rp_str condition, const char *side);
const char *condition_odds(struct cli *cli, struct rp_str condition);
const char *condition_shadows(struct cli *cli, struct rp_str condition);

/* The members timeline and onset, of what was read; nothing where it has no times. */
void timeline_json(struct rp_jw *w, const struct rp_bins *b);

/* The answer as a page in a file ("-": standard output). The exit code. */
int analyze_html(struct cli *cli, struct rp_str answer, const char *path);

#endif
