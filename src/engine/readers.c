#include "engine/internal.h"

#include <stdlib.h>

struct reader_arg {
    struct rp_readers *pool;
    struct rp_db *db;
};

static struct rp_read *take(struct rp_readers *r)
{
    (void)pthread_mutex_lock(&r->lock);
    while (r->head == NULL && !r->closing)
        (void)pthread_cond_wait(&r->more, &r->lock);
    struct rp_read *read = r->head;
    if (read != NULL) {
        r->head = read->next;
        if (r->head == NULL)
            r->tail = &r->head;
        r->waiting--;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return read;
}

static void *reader_thread(void *arg)
{
    struct reader_arg *own = arg;
    struct rp_read *read;
    struct rp_err err;
    while ((read = take(own->pool)) != NULL) {
        /* A snapshot that cannot begin leaves each query to see the newest state by itself: the
         * query's own error tells. */
        bool snapshot = rp_tx_begin(own->db, &err);
        rp_db_deadline(own->db, rp_mono(&rp_clock_system) + own->pool->most_us);
        read->run(own->db, read->arg);
        rp_db_deadline(own->db, 0);
        if (snapshot)
            rp_tx_rollback(own->db);
    }
    rp_db_close(own->db);
    free(own);
    return NULL;
}

bool readers_start(struct rp_readers *r, struct rp_store *store, int n, int64_t most_us,
                   const atomic_bool *cut, struct rp_err *err)
{
    r->most_us = most_us;
    r->tail = &r->head;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->more, NULL);
    for (int i = 0; i < n && i < READERS_MAX; i++) {
        struct rp_db *db = rp_store_reader(store, err);
        if (db == NULL)
            return false;
        rp_db_cut(db, cut);
        r->dbs[i] = db;
        struct reader_arg *arg = rp_xcalloc(1, sizeof *arg);
        *arg = (struct reader_arg){r, db};
        if (pthread_create(&r->threads[i], NULL, reader_thread, arg) != 0) {
            rp_db_close(db);
            free(arg);
            return rp_fail(err, RP_E_INTERNAL, "no thread for a reader");
        }
        r->n = i + 1;
    }
    return true;
}

bool readers_submit(struct rp_readers *r, struct rp_read *read, struct rp_err *err)
{
    read->next = NULL;
    (void)pthread_mutex_lock(&r->lock);
    bool closing = r->closing, full = r->waiting >= READS_WAITING_MAX;
    if (!closing && !full) {
        *r->tail = read;
        r->tail = &read->next;
        r->waiting++;
        (void)pthread_cond_signal(&r->more);
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (closing)
        return rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
    if (full) {
        (void)rp_fail(err, RP_E_OVERLOAD, "%d reads are waiting already", READS_WAITING_MAX);
        return rp_hint(err, "try again in a second");
    }
    return true;
}

void readers_interrupt(struct rp_readers *r)
{
    for (int i = 0; i < r->n; i++)
        rp_db_interrupt(r->dbs[i]);
}

void readers_stop(struct rp_readers *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->closing = true;
    (void)pthread_cond_broadcast(&r->more);
    (void)pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->n; i++)
        (void)pthread_join(r->threads[i], NULL);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->more);
}
