/* Transactions and savepoints, and what they bring back in memory when they fail. */
#include "store/internal.h"

#include <stdlib.h>
#include <sys/random.h>

static struct rp_db_mark mark(const struct rp_db *db)
{
    return (struct rp_db_mark){
        db->config, db->changes, db->grown, {db->paced_us[0], db->paced_us[1]}, rp_lanes_here(db)};
}

static void bring_back(struct rp_db *db, const struct rp_db_mark *m)
{
    if (db->config != m->config)
        db->config_age++;
    db->config = m->config;
    db->changes = m->changes;
    rp_lanes_back(db, m->lanes);
    if (db->grown != m->grown) { /* an id may come again for another name */
        rp_names_forget(db);
        rp_lanes_ruled(db);
    }
    db->grown = m->grown;
    memcpy(db->paced_us, m->paced_us, sizeof db->paced_us);
    db->forms = 0;
}

static bool run(struct rp_db *db, const char *sql, struct rp_err *err)
{
    return rp_run(rp_sql(db, sql), err);
}

bool rp_tx_begin(struct rp_db *db, struct rp_err *err)
{
    if (db->distrusted && !rp_db_reopen(db, err))
        return false;
    if (!run(db, db->writer ? "begin immediate" : "begin", err))
        return false;
    int64_t any;
    /* A reader's snapshot begins with its first read, not with `begin`. */
    if (!db->writer && !rp_get_i64(rp_sql(db, "select count(*) from meta"), 0, &any, err)) {
        rp_tx_rollback(db);
        return false;
    }
    db->in_tx = true;
    db->at_begin = mark(db);
    db->savepoints = 0;
    return true;
}

bool rp_tx_commit(struct rp_db *db, struct rp_err *err)
{
    rp_reset_all(db);
    if (rp_counts_write(db, err) && run(db, "commit", err)) {
        db->in_tx = false;
        return true;
    }
    rp_tx_rollback(db);
    return false;
}

void rp_tx_rollback(struct rp_db *db)
{
    if (db->in_tx)
        bring_back(db, &db->at_begin);
    rp_counts_drop(db, 0);
    db->savepoints = 0;
    db->in_tx = false; /* before: the transaction may be gone already, which rp_step would refuse */
    if (db->sq == NULL)
        return;
    rp_reset_all(db);
    (void)run(db, "rollback", NULL);
}

bool rp_tx_renew(struct rp_db *db, struct rp_err *err)
{
    if (db->writer || !db->in_tx)
        return true;
    rp_tx_rollback(db);
    return rp_tx_begin(db, err);
}

bool rp_store_broken(const struct rp_err *err)
{
    return err->code == RP_E_STORE_IO || err->code == RP_E_STORE_FULL ||
           err->code == RP_E_STORE_CORRUPT;
}

bool rp_savepoint(struct rp_db *db, struct rp_err *err)
{
    if (db->savepoints == RP_SAVEPOINTS)
        return rp_fail(err, RP_E_INTERNAL, "more than %d savepoints", RP_SAVEPOINTS);
    if (!run(db, "savepoint op", err))
        return false;
    db->at_savepoint[db->savepoints++] = mark(db);
    return true;
}

bool rp_savepoint_release(struct rp_db *db, struct rp_err *err)
{
    if (!run(db, "release op", err))
        return false;
    rp_counts_keep(db);
    db->savepoints--;
    return true;
}

void rp_savepoint_rollback(struct rp_db *db)
{
    if (db->savepoints == 0) /* the whole transaction is gone already */
        return;
    rp_reset_all(db);
    rp_counts_drop(db, db->savepoints);
    bring_back(db, &db->at_savepoint[--db->savepoints]);
    (void)(run(db, "rollback to op", NULL) && run(db, "release op", NULL));
}

unsigned rp_db_take_changes(struct rp_db *db)
{
    unsigned bits = db->changes;
    db->changes = 0;
    return bits;
}

void rp_db_changed(struct rp_db *db, unsigned bits)
{
    db->changes |= bits;
}

const struct rp_config *rp_db_config(const struct rp_db *db)
{
    return db->config;
}

void rp_db_set_config(struct rp_db *db, const struct rp_config *c)
{
    db->config = c;
    db->config_age++;
    rp_lanes_ruled(db);
    rp_db_changed(db, RP_CHANGED_CONFIG);
}

uint64_t rp_db_random(struct rp_db *db)
{
    if (db->n_random == 0) {
        /* At most 256 bytes: cannot be interrupted (getrandom(2)). */
        if (getrandom(db->random, sizeof db->random, 0) != (ssize_t)sizeof db->random)
            abort();
        db->n_random = sizeof db->random / sizeof *db->random;
    }
    return db->random[--db->n_random];
}
