/* Schema versions, and the tables that give numbers their names. */
#include "store/migrate.h"
#include "store/internal.h"
#include "store/opened.h"
#include "store/replays.h"

#include <stdio.h>

/* "Rprs": how a file says that it is a store of Reprise (PRAGMA application_id; file(1)). */
#define APPLICATION_ID     INT64_C(1383100019)
#define SET_APPLICATION_ID "pragma application_id = 1383100019"

static bool refuse_foreign(struct rp_db *db, struct rp_err *err)
{
    int64_t id, tables;
    if (!rp_get_i64(rp_sql(db, "pragma application_id"), 0, &id, err) ||
        !rp_get_i64(rp_sql(db, "select count(*) from sqlite_schema"), 0, &tables, err))
        return false;
    if (id == APPLICATION_ID || (id == 0 && tables == 0))
        return true;
    (void)rp_fail(err, RP_E_STORE_CORRUPT, "%s is an SQLite file of another program",
                  db->store->path);
    return rp_hint(err, "name another file with --store");
}

/* 0: empty. */
static bool version_of(struct rp_db *db, int64_t *version, struct rp_err *err)
{
    int64_t has_meta;
    *version = 0;
    if (!rp_get_i64(rp_sql(db, "select count(*) from sqlite_schema where name = 'meta'"), 0,
                    &has_meta, err))
        return false;
    return has_meta == 0 ||
           rp_get_i64(rp_sql(db, "select cast(value as integer) from meta where key = 'schema'"), 0,
                      version, err);
}

static int64_t newest(const struct rp_migration *table)
{
    int64_t v = 0;
    for (; table->sql != NULL; table++)
        v = table->version;
    return v;
}

static bool refuse_newer(struct rp_db *db, int64_t have, int64_t know, struct rp_err *err)
{
    if (have <= know)
        return true;
    (void)rp_fail(err, RP_E_STORE_NEWER, "%s has schema %lld, this version knows %lld",
                  db->store->path, (long long)have, (long long)know);
    return rp_hint(err, "use the newer Reprise again, or restore a backup made before its upgrade");
}

/* ---- names ---- */

struct named {
    int64_t id;
    const char *name;
};

static const struct named states[] = {
#define X(sym, no, name, terminal) {no, name},
    RP_STATES(X)
#undef X
};
#define X(sym, no, name) {no, name},
static const struct named outcomes[] = {RP_OUTCOMES(X)};
static const struct named verdicts[] = {RP_VERDICTS(X)};
static const struct named replay_states[] = {RP_REPLAY_STATES(X)};
static const struct named fates[] = {RP_FATES(X)};
#undef X

static const struct {
    const char *fill, *count;
    const struct named *v;
    size_t n;
} name_tables[] = {
#define ROW(table, names)                                                                          \
    {                                                                                              \
        "insert into " table                                                                       \
        "(id, name) values (?1, ?2) on conflict do update set name = excluded.name "               \
        "where name <> excluded.name",                                                             \
            "select count(*) from " table, names, sizeof names / sizeof *names                     \
    }
    ROW("state_name", states),     ROW("outcome_name", outcomes),
    ROW("verdict_name", verdicts), ROW("replay_state_name", replay_states),
    ROW("fate_name", fates),
#undef ROW
};

static bool fill_names(struct rp_db *db, struct rp_err *err)
{
    for (size_t t = 0; t < sizeof name_tables / sizeof *name_tables; t++) {
        for (size_t i = 0; i < name_tables[t].n; i++) {
            struct rp_stmt *s = rp_sql(db, name_tables[t].fill);
            rp_bind_i64(s, 1, name_tables[t].v[i].id);
            rp_bind_text(s, 2, rp_str_of(name_tables[t].v[i].name));
            if (!rp_run(s, err))
                return false;
        }
    }
    return true;
}

/* Names are only ever appended, so their number tells. */
static bool names_filled(struct rp_db *db, bool *filled, struct rp_err *err)
{
    *filled = true;
    for (size_t t = 0; *filled && t < sizeof name_tables / sizeof *name_tables; t++) {
        int64_t n;
        if (!rp_get_i64(rp_sql(db, name_tables[t].count), 0, &n, err))
            return false;
        *filled = n >= (int64_t)name_tables[t].n;
    }
    return true;
}

/* ---- migration ---- */

static bool make_id(struct rp_db *db, struct rp_err *err)
{
    char id[33];
    (void)snprintf(id, sizeof id, "%016llx%016llx", (unsigned long long)rp_db_random(db),
                   (unsigned long long)rp_db_random(db));
    struct rp_stmt *s =
        rp_sql(db, "insert into meta(key, value) values ('store_id', ?1) on conflict do nothing");
    rp_bind_text(s, 1, rp_str_of(id));
    return rp_run(s, err);
}

static bool set_version(struct rp_db *db, int64_t version, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "insert into meta(key, value) values ('schema', cast(?1 as text)) "
                   "on conflict(key) do update set value = excluded.value");
    rp_bind_i64(s, 1, version);
    return rp_run(s, err);
}

static bool migrate_from(struct rp_db *db, int64_t have, const struct rp_migration *table,
                         struct rp_err *err)
{
    for (; table->sql != NULL; table++)
        if (table->version > have &&
            !(rp_script(db, table->sql, err) && set_version(db, table->version, err)))
            return false;
    return rp_script(db, SET_APPLICATION_ID, err) && make_id(db, err) && fill_names(db, err);
}

/* Writes nothing when nothing is due: a store on a full disk can be opened. */
bool rp_migrate(struct rp_db *db, const struct rp_migration *table, struct rp_err *err)
{
    int64_t have;
    bool filled = false;
    if (!refuse_foreign(db, err) || !version_of(db, &have, err) ||
        !refuse_newer(db, have, newest(table), err))
        return false;
    if (have == newest(table) && !names_filled(db, &filled, err))
        return false;
    if (filled)
        return true;
    if (!rp_tx_begin(db, err))
        return false;
    if (!migrate_from(db, have, table, err)) {
        rp_tx_rollback(db);
        return false;
    }
    return rp_tx_commit(db, err);
}

bool rp_schema_current(struct rp_db *db, struct rp_err *err)
{
    int64_t have, know = newest(rp_migrations);
    if (!refuse_foreign(db, err) || !version_of(db, &have, err) ||
        !refuse_newer(db, have, know, err))
        return false;
    if (have == know)
        return true;
    (void)rp_fail(err, RP_E_STORE_IO, "%s has schema %lld, older than this version's %lld",
                  db->store->path, (long long)have, (long long)know);
    return rp_hint(err, "start the daemon once: it migrates the store");
}
