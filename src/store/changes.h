/* Changes of settings at run time: what was set, why, until when, and what it was before. [w]:
 * writes. What they mean for the configuration in force is the engine's. */
#ifndef RP_STORE_CHANGES_H
#define RP_STORE_CHANGES_H

#include "store/store.h"

enum { RP_CHANGE_SETTINGS_MAX = 16 };
struct rp_change_setting {
    struct rp_str key, before, after; /* as a person writes them: "10m" */
};
struct rp_change {
    int64_t id, at_us, revert_us, ended_us; /* revert: 0: by hand only; ended: 0: in force */
    struct rp_str type, actor, reason, ended_by, ended_why;
    struct rp_change_setting setting[RP_CHANGE_SETTINGS_MAX];
    size_t n;
};
/* [w, audited] */
bool rp_change_add(struct rp_db *db, const struct rp_change *in, int64_t *id, struct rp_err *err);
/* [w, audited] RP_E_BAD_STATE if it has ended. */
bool rp_change_end(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str why,
                   int64_t now_us, struct rp_err *err);
bool rp_change_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_change *out,
                   struct rp_err *err);
/* In force: oldest first, so that the newest of a key is the last. Else newest first. type absent:
 * of all. */
bool rp_changes_list(struct rp_db *db, bool in_force, struct rp_str type, int limit,
                     struct rp_arena *a, struct rp_change **out, size_t *n, struct rp_err *err);
/* The next of those whose time is over, 0: none; *next_us: when one will be, INT64_MAX: never. */
bool rp_change_due(struct rp_db *db, int64_t now_us, int64_t *id, int64_t *next_us,
                   struct rp_err *err);

#endif
