/* What changed since the configuration was read: settings of types, at run time, and the rules of
 * time zones. The configuration in force is the file's with them on top. All of it happens on the
 * writer, in the transaction of what caused it. */
#include "engine/internal.h"

#include "base/log.h"
#include "config/config.h"

#include <stdlib.h>

/* A configuration that was made, and of which; kept as long as the engine, because readers may hold
 * it. */
struct made {
    struct made *next;
    struct rp_config *config;
    const struct rp_config *with_changes_to; /* NULL: it is without any */
};

static void keep(struct rp_engine *e, struct rp_config *c, const struct rp_config *with_changes_to)
{
    struct made *m = rp_xcalloc(1, sizeof *m);
    *m = (struct made){e->made, c, with_changes_to};
    e->made = m;
}

/* The file's that is in force, without changes. Nobody remembers it apart: what a transaction that
 * fails would have put in force may be freed by now, and the store's is the one before again. */
static const struct rp_config *base_of(struct rp_engine *e, struct rp_db *db)
{
    const struct rp_config *c = rp_db_config(db);
    for (const struct made *m = e->made; m != NULL; m = m->next)
        if (m->config == c && m->with_changes_to != NULL)
            return m->with_changes_to;
    return c;
}

void settings_free(struct rp_engine *e)
{
    while (e->made != NULL) {
        struct made *m = e->made;
        e->made = m->next;
        rp_config_free(m->config);
        free(m);
    }
}

static size_t settings_of(const struct rp_change *c, struct rp_setting out[RP_CHANGE_SETTINGS_MAX])
{
    for (size_t i = 0; i < c->n; i++)
        out[i] = (struct rp_setting){c->type, c->setting[i].key, c->setting[i].after};
    return c->n;
}

/* A change that a new file leaves no meaning ends: it must not keep the daemon from its start. */
static bool still_holds(struct rp_db *db, const struct rp_config *base, const struct rp_change *c,
                        int64_t now_us, bool *holds, struct rp_err *err)
{
    struct rp_setting v[RP_CHANGE_SETTINGS_MAX];
    struct rp_err why;
    struct rp_config *tried = rp_config_with(base, v, settings_of(c, v), &why);
    *holds = tried != NULL;
    if (tried != NULL) {
        rp_config_free(tried);
        return true;
    }
    rp_log(RP_WARN, "a change of settings was dropped", "change=C%lld type=%s why=%s",
           (long long)c->id, rp_log_q(c->type), rp_log_q(rp_str_of(why.message)));
    return rp_change_end(db, c->id, RP_STR("engine"), rp_str_of(why.message), now_us, err);
}

/* `base` with all changes in force, oldest first. */
static const struct rp_config *with_changes(struct rp_engine *e, struct rp_db *db,
                                            const struct rp_config *base, int64_t now_us,
                                            struct rp_arena *a, struct rp_err *err)
{
    struct rp_change *v;
    size_t n, n_settings = 0;
    if (!rp_changes_list(db, true, RP_NONE, 0, a, &v, &n, err))
        return NULL;
    struct rp_setting *all = RP_NEW_N(a, struct rp_setting, n * RP_CHANGE_SETTINGS_MAX + 1);
    for (size_t i = 0; i < n; i++) {
        bool holds;
        if (!still_holds(db, base, &v[i], now_us, &holds, err))
            return NULL;
        if (holds)
            n_settings += settings_of(&v[i], all + n_settings);
    }
    if (n_settings == 0)
        return base;
    struct rp_config *c = rp_config_with(base, all, n_settings, err);
    if (c != NULL)
        keep(e, c, base);
    return c;
}

/* `base`, following tzdata as it was read last. */
static const struct rp_config *with_zones(struct rp_engine *e, const struct rp_config *base)
{
    struct rp_config *c = rp_config_rezoned(base);
    const struct rp_zone *said = NULL;
    for (size_t i = 0; c != NULL && i < c->n_schedules; i++)
        if (c->schedules[i].tz != base->schedules[i].tz && c->schedules[i].tz != said) {
            said = c->schedules[i].tz;
            rp_log(RP_WARN, "the rules of a time zone have changed", "zone=%s", rp_zone_name(said));
        }
    if (c != NULL)
        keep(e, c, NULL);
    return c != NULL ? c : base;
}

bool settings_apply(struct rp_engine *e, struct rp_db *db, const struct rp_config *base,
                    int64_t now_us, int64_t *held, struct rp_err *err)
{
    struct rp_arena a = {0};
    base = with_zones(e, base);
    const struct rp_config *c = with_changes(e, db, base, now_us, &a, err);
    bool ok = c != NULL && rp_config_apply(db, c, now_us, held, err);
    rp_arena_free(&a);
    return ok;
}

/* ---- set and taken back ---- */

/* What holds now, for the record. */
static bool fill_before(struct rp_db *db, struct rp_change *c, struct rp_arena *a,
                        struct rp_err *err)
{
    const struct rp_type *t = rp_config_type(rp_db_config(db), c->type);
    if (t == NULL) {
        (void)rp_fail(err, RP_E_NOT_FOUND, "there is no job type %.*s", RP_FMT(c->type));
        return rp_hint(err, "reprise types lists them");
    }
    for (size_t i = 0; i < c->n; i++)
        if (!rp_config_setting(t, c->setting[i].key, a, &c->setting[i].before, err))
            return false;
    return true;
}

bool rp_engine_type_set(struct rp_engine *e, struct rp_db *db, const struct rp_change *ask,
                        int64_t now_us, int64_t *id, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_change c = *ask;
    struct rp_setting v[RP_CHANGE_SETTINGS_MAX];
    int64_t held;
    c.at_us = now_us;
    bool ok = fill_before(db, &c, &a, err);
    struct rp_config *tried =
        ok ? rp_config_with(base_of(e, db), v, settings_of(&c, v), err) : NULL;
    ok = tried != NULL && rp_change_add(db, &c, id, err) &&
         settings_apply(e, db, base_of(e, db), now_us, &held, err);
    rp_config_free(tried);
    rp_arena_free(&a);
    return ok;
}

bool rp_engine_change_revert(struct rp_engine *e, struct rp_db *db, int64_t id, struct rp_str actor,
                             struct rp_str why, int64_t now_us, struct rp_err *err)
{
    int64_t held;
    return rp_change_end(db, id, actor, why, now_us, err) &&
           settings_apply(e, db, base_of(e, db), now_us, &held, err);
}

/* ---- the tick's parts ---- */

bool tick_zones(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    int64_t held;
    if (!settings_apply(t->e, db, base_of(t->e, db), t->now, &held, err))
        return false;
    t->zones_followed = t->zones_seen;
    return true;
}

bool tick_changes(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    int64_t id, next;
    for (;;) {
        if (!rp_change_due(db, t->now, &id, &next, err))
            return false;
        if (id == 0)
            break;
        if (!rp_engine_change_revert(t->e, db, id, RP_STR("engine"), RP_STR("its time was over"),
                                     t->now, err))
            return false;
    }
    if (next < t->next_us)
        t->next_us = next;
    return true;
}
