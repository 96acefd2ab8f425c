/* What the forms of `analyze` share. */
#ifndef RP_CLI_ANALYZE_H
#define RP_CLI_ANALYZE_H

#include "cli/internal.h"

int classes_file(struct cli *cli, const char *path); /* --classes */
int analyze_csv(struct cli *cli, const char *path);  /* --csv */
int analyze_log(struct cli *cli, const char *path);  /* --log */
/* --templates: line number, pattern id, template of each line. */
int templates_file(struct cli *cli, const char *path);

/* The conditions of an answer, or of one of its patterns, in words. */
void show_conditions(struct cli *cli, struct rp_str answer, int indent);

#endif
