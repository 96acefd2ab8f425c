/* Private to the crontab importer. */
#ifndef RP_CONFIG_CRONTAB_INTERNAL_H
#define RP_CONFIG_CRONTAB_INTERNAL_H

#include "config/crontab.h"

/* ---- crontab_name.c ---- what a command is about: "certbot", "cron.daily"; a valid job name
 * without number */
struct rp_str rp_crontab_name(struct rp_arena *a, struct rp_str command);

/* ---- crontab_env.c ---- */

/* NAME = value as Vixie's load_env reads it; false if the line is none. */
bool rp_crontab_env(struct rp_str line, struct rp_str *name, struct rp_str *value);
/* Splits a command at its first bare `%`, `\%` becoming `%`; input is absent without one. */
void rp_crontab_percent(struct rp_arena *a, struct rp_str text, struct rp_str *command,
                        struct rp_str *input);

/* ---- crontab_yaml.c ---- */
void rp_crontab_yaml(struct rp_crontab *c, struct rp_buf *out);

/* ---- crontab_next.c ---- five fields as Vixie's entry.c reads them */
struct rp_vixie {
    uint64_t minute, hour, dom, month, dow; /* bit i: value i */
    bool dom_star, dow_star, wild;          /* wild: minute or hour begins with `*` */
};
bool rp_vixie_parse(struct rp_str fields, struct rp_vixie *out);
size_t rp_vixie_next(const struct rp_vixie *v, const struct rp_zone *z, int64_t after_us,
                     int64_t *out, size_t n);

#endif
