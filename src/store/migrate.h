/* Private to store/: schema versions. Migrations are the files of schema/, embedded by the build;
 * each runs once, inside one transaction with the others that are due. */
#ifndef RP_STORE_MIGRATE_H
#define RP_STORE_MIGRATE_H

#include "store/store.h"

struct rp_migration {
    int64_t version;
    const char *sql; /* NULL ends the table */
};
extern const struct rp_migration rp_migrations[];

/* Writer. RP_E_STORE_NEWER if the store's schema is above the table's last; refuses a file that is
 * not a store of ours. */
bool rp_migrate(struct rp_db *db, const struct rp_migration *table, struct rp_err *err);
/* Reader: refuses what rp_migrate would refuse, and an older schema. */
bool rp_schema_current(struct rp_db *db, struct rp_err *err);

#endif
