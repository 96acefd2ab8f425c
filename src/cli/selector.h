/* Which rows of a table are meant: COLUMN=VALUE|VALUE, or COLUMN~REGEX. */
#ifndef RP_CLI_SELECTOR_H
#define RP_CLI_SELECTOR_H

#include "base/err.h"
#include "base/str.h"

#include <regex.h>

struct known;

struct selector {
    const char *option;           /* of the command line, for messages */
    struct rp_str column, values; /* values: V|V, or the pattern */
    bool by_pattern;
    regex_t pattern;
    struct known *known;
    size_t index; /* of the column; the caller's */
};

bool selector_parse(struct selector *s, const char *option, const char *text, struct rp_err *err);
bool selects(struct selector *s, struct rp_str v);
void selector_free(struct selector *s);

#endif
