/* Configuration: a YAML text becomes a struct rp_config (core/settings.h), or a list of all its
 * mistakes.
 *
 * One table (schema.c) says for each key its type, unit, default, range, meaning and the field it
 * fills; the reference docs/configuration.md is printed from the same table. Loading is all or
 * nothing: it builds a new struct and touches nothing else, so a reload swaps pointers or changes
 * nothing.
 *
 * Types, schedules, dependencies and queues are sorted by name, which rp_config_type and its
 * sisters rely on. A loaded struct is immutable and may be shared by threads; whoever loaded it
 * frees it with rp_config_free. Nothing here keeps state. */
#ifndef RP_CONFIG_CONFIG_H
#define RP_CONFIG_CONFIG_H

#include "base/err.h"
#include "base/str.h"
#include "core/settings.h"

enum { RP_MISTAKES_MAX = 50, RP_CONFIG_BYTES_MAX = 4 << 20 };

struct rp_mistake {
    int line, column; /* from 1, columns in characters; 0: the file as a whole */
    struct rp_err err;
};

/* Plain memory of the caller's (about 70 kB). Each list is in order of position. */
struct rp_mistakes {
    struct rp_mistake error[RP_MISTAKES_MAX], warning[RP_MISTAKES_MAX];
    size_t errors, warnings; /* kept */
    size_t errors_more;      /* found after the list was full */
};

/* What loading takes from outside. Zeroed: getenv(3), and no warnings about clock changes. */
struct rp_config_world {
    const char *(*variable)(void *ctx, const char *name); /* for ${NAME}; NULL if it is not set */
    void *ctx;
    int64_t now_us; /* warn of instants in a gap or fold within a year from then (U19); 0: do not */
};

/* NULL when there is a mistake. `mistakes` is filled anew in any case; world may be NULL. */
struct rp_config *rp_config_load(const char *path, const struct rp_config_world *world,
                                 struct rp_mistakes *mistakes);
/* The same of a text; "" gives the built-in default. `path` names it in rp_config.path. */
struct rp_config *rp_config_parse(struct rp_str text, struct rp_str path,
                                  const struct rp_config_world *world,
                                  struct rp_mistakes *mistakes);
void rp_config_free(struct rp_config *c);

/* ---- zones that changed ---- */

/* A configuration like `base` whose schedules have the newest zones that were loaded; NULL if they
 * have already. It shares what `base` holds, which must live as long. */
struct rp_config *rp_config_rezoned(const struct rp_config *base);

/* ---- settings of types that are changed at run time ---- */

struct rp_setting {
    struct rp_str type, key, value; /* value as it would stand in the file */
};
/* A configuration like `base`, but for these settings; later ones of a key win. Keys, units and
 * ranges are those of the table; keys that would need another process, schedule or queue cannot be
 * set. It shares what `base` holds, which must live as long. NULL: the first mistake. */
struct rp_config *rp_config_with(const struct rp_config *base, const struct rp_setting *v, size_t n,
                                 struct rp_err *err);
/* The value of such a key as it would stand in the file. */
bool rp_config_setting(const struct rp_type *t, struct rp_str key, struct rp_arena *a,
                       struct rp_str *value, struct rp_err *err);

/* A line a mistake, `reprise.yaml:14:12: …`, its hint after it; errors first, then warnings. */
void rp_mistakes_print(const struct rp_mistakes *m, struct rp_str path, struct rp_buf *out);
/* The first mistake as an error, with the number of the others. False. */
bool rp_mistakes_err(const struct rp_mistakes *m, struct rp_str path, struct rp_err *err);

/* The text of docs/configuration.md. */
void rp_config_reference(struct rp_buf *out);

/* Job types, queues and dependencies: a letter or digit, then up to 119 of letters, digits and . _
 * : / - */
bool rp_config_name_valid(struct rp_str name);

#endif
