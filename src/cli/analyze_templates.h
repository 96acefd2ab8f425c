/* analyze --templates FILE: line number, pattern id, template of each line; no daemon. */
#ifndef RP_CLI_ANALYZE_TEMPLATES_H
#define RP_CLI_ANALYZE_TEMPLATES_H

#include "cli/internal.h"

int templates_file(struct cli *cli, const char *path);

#endif
