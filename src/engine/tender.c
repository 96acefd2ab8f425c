/* The thread that writes the store's log into its file, see store/wal.h. */
#include "engine/internal.h"

#include "store/wal.h"

static void *tender_thread(void *arg)
{
    struct tender *t = arg;
    while (rp_wal_tend(t->db))
        continue;
    return NULL;
}

bool tender_start(struct tender *t, struct rp_store *store, struct rp_err *err)
{
    t->store = store;
    if (!rp_wal_tended(store, &t->db, err))
        return false;
    if (pthread_create(&t->thread, NULL, tender_thread, t) == 0)
        return true;
    rp_wal_untended(store, t->db);
    t->db = NULL;
    return rp_fail(err, RP_E_INTERNAL, "no thread for the log of the store");
}

void tender_stop(struct tender *t)
{
    rp_wal_leave(t->store);
    (void)pthread_join(t->thread, NULL);
    rp_wal_untended(t->store, t->db);
}
