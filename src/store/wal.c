#include "store/wal.h"

#include "base/log.h"
#include "store/internal.h"
#include "store/opened.h"

#include <errno.h>
#include <sqlite3.h>
#include <time.h>

/* In pages. Worth a pass; little enough for the writer, also after one more commit; too much. */
enum { WAL_PASS = 4000, WAL_REST = 256, TURN_REST = 2 * WAL_REST, WAL_MOST = 16384 };
/* A reader whose snapshot is older than the log's end stands in the way, and ends some time. */
static const int64_t again_us = 100000;

static bool enough(const struct rp_wal *w)
{
    return w->pages >= WAL_PASS && w->pages - w->done > WAL_REST && !w->finish;
}

/* After every commit, on the writer. */
static int committed(void *store, struct sqlite3 *sq, const char *name, int pages)
{
    struct rp_wal *w = &((struct rp_store *)store)->wal;
    (void)name;
    (void)pthread_mutex_lock(&w->lock);
    if (pages < w->pages) { /* it has begun anew */
        w->done = 0;
        w->most = WAL_MOST;
    }
    w->pages = pages;
    bool tended = w->tended; /* then rp_wal_finish follows, which wakes the tender */
    (void)pthread_mutex_unlock(&w->lock);
    if (!tended && pages >= WAL_PASS)
        (void)sqlite3_wal_checkpoint_v2(sq, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

void rp_wal_watch(struct rp_db *writer)
{
    (void)sqlite3_wal_hook(writer->sq, committed, writer->store);
}

/* SQLite syncs the file only in a pass that found no newer commit behind it. What others left
 * unsynced the last one would have to wait for. */
static bool sync_file(struct rp_db *db, struct rp_err *err)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db->sq, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc != SQLITE_OK || file->pMethods == NULL ||
        file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK)
        return rc == SQLITE_OK || rp_db_failed(db, rc, err);
    db->distrusted = true;
    (void)rp_fail(err, RP_E_STORE_IO, "%s cannot be synced: %s", db->store->path, strerror(errno));
    return rp_hint(err, "check the disk");
}

/* Of the log's index, as sqlite.org/walformat.html has it: its first block, the place of the number
 * of frames that are in the file, the lock of who changes that. */
enum { INDEX_BYTES = 32768, INDEX_BACKFILL = 96, INDEX_CHECKPOINTS = 1 };

/* What a pass has written into the file counts as being there, synced or not, and no later one
 * writes it again. After a sync that failed nobody knows: then none of the log counts. */
static void count_none(struct rp_db *db)
{
    sqlite3_file *file = NULL;
    void volatile *index = NULL;
    int rc = sqlite3_file_control(db->sq, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    const sqlite3_io_methods *io = rc == SQLITE_OK ? file->pMethods : NULL;
    if (io == NULL || io->iVersion < 2 ||
        io->xShmLock(file, INDEX_CHECKPOINTS, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE) != 0)
        return;
    if (io->xShmMap(file, 0, INDEX_BYTES, 0, &index) == SQLITE_OK && index != NULL)
        __atomic_store_n((uint32_t volatile *)index + INDEX_BACKFILL / sizeof(uint32_t), 0,
                         __ATOMIC_SEQ_CST);
    (void)io->xShmLock(file, INDEX_CHECKPOINTS, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
}

/* It is tried again and again, and said once. */
static void say(struct rp_wal *w, int done, const struct rp_err *err)
{
    (void)pthread_mutex_lock(&w->lock);
    bool failed = w->failing;
    w->failing = err != NULL;
    (void)pthread_mutex_unlock(&w->lock);
    if (err != NULL && !failed)
        rp_log_err(RP_ERROR, "the log could not be written into the store's file", err);
    if (err == NULL && failed)
        rp_log(RP_INFO, "the log is written into the store's file again", "pages=%d", done);
}

/* Returns how many pages of the log are in the file, -1: not known. `before` were already. */
static int64_t pass(struct rp_db *db, int64_t before)
{
    struct rp_err err;
    int pages = 0, done = 0;
    int rc = sqlite3_wal_checkpoint_v2(db->sq, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
    if (rc == SQLITE_BUSY)
        return -1;
    bool ok = rc != SQLITE_OK ? rp_db_failed(db, rc, &err)
                              : db->writer || done <= before || sync_file(db, &err);
    if (!ok && db->distrusted)
        count_none(db);
    say(&db->store->wal, done, ok ? NULL : &err);
    return ok ? done : -1;
}

/* Of the log: sqlite.org/walformat.html, and a page of the file (never another size: the store
 * makes it). */
enum { FRAME_BYTES = 24 + 4096, HEADER_BYTES = 32 };

struct rp_log rp_wal_log(struct rp_store *s)
{
    struct rp_wal *w = &s->wal;
    (void)pthread_mutex_lock(&w->lock);
    int64_t pages = w->pages, behind = pages - w->done;
    (void)pthread_mutex_unlock(&w->lock);
    return (struct rp_log){pages > 0 ? HEADER_BYTES + pages * FRAME_BYTES : 0,
                           behind > 0 ? behind * FRAME_BYTES : 0};
}

/* ---- the tender ---- */

bool rp_wal_tended(struct rp_store *s, struct rp_db **tender, struct rp_err *err)
{
    struct rp_wal *w = &s->wal;
    if (!rp_db_open(s, RP_OPEN_TENDER, tender, err))
        return false;
    if (!sync_file(*tender, err)) {
        rp_db_free(*tender);
        return false;
    }
    w->tended = true;
    w->most = WAL_MOST;
    rp_wal_watch(s->writer);
    return true;
}

static bool await(struct rp_wal *w, int64_t *before)
{
    (void)pthread_mutex_lock(&w->lock);
    struct timespec until = rp_deadline(w->stuck ? again_us : 0);
    for (int rc = 0; w->stuck && !w->leaving && rc != ETIMEDOUT;) /* commits wake it as well */
        rc = pthread_cond_timedwait(&w->more, &w->lock, &until);
    while (!w->leaving && (w->held || !enough(w)))
        (void)pthread_cond_wait(&w->more, &w->lock);
    w->busy = !w->leaving;
    *before = w->done;
    bool go_on = w->busy;
    (void)pthread_mutex_unlock(&w->lock);
    return go_on;
}

bool rp_wal_tend(struct rp_db *tender)
{
    struct rp_wal *w = &tender->store->wal;
    int64_t before;
    if (!await(w, &before))
        return false;
    int64_t done = pass(tender, before);
    (void)pthread_mutex_lock(&w->lock);
    w->busy = false;
    w->stuck = done <= w->done;
    w->doubt |= tender->distrusted;
    tender->distrusted = false;
    if (!w->stuck)
        w->done = done;
    w->finish = !w->stuck && w->pages > done && w->pages - done <= WAL_REST;
    (void)pthread_cond_signal(&w->idle);
    (void)pthread_mutex_unlock(&w->lock);
    return true;
}

void rp_wal_hold(struct rp_store *s, bool held)
{
    struct rp_wal *w = &s->wal;
    (void)pthread_mutex_lock(&w->lock);
    w->held = held;
    while (held && w->busy)
        (void)pthread_cond_wait(&w->idle, &w->lock);
    (void)pthread_cond_signal(&w->more);
    (void)pthread_mutex_unlock(&w->lock);
}

void rp_wal_leave(struct rp_store *s)
{
    (void)pthread_mutex_lock(&s->wal.lock);
    s->wal.leaving = true;
    (void)pthread_cond_signal(&s->wal.more);
    (void)pthread_mutex_unlock(&s->wal.lock);
}

void rp_wal_untended(struct rp_store *s, struct rp_db *tender)
{
    (void)pthread_mutex_lock(&s->wal.lock);
    s->wal.tended = s->wal.leaving = false;
    (void)pthread_mutex_unlock(&s->wal.lock);
    rp_db_free(tender);
}

/* ---- the writer ---- */

/* Whether the writer is to do it, after a pass that is under way. */
static bool is_due(struct rp_db *db, struct rp_wal *w)
{
    (void)pthread_mutex_lock(&w->lock);
    bool little = w->finish && w->pages - w->done <= TURN_REST;
    bool due = w->tended && (little || w->pages >= w->most);
    while (due && w->busy)
        (void)pthread_cond_wait(&w->idle, &w->lock);
    w->finish = false;
    if (!due && enough(w))
        (void)pthread_cond_signal(&w->more);
    db->distrusted |= w->doubt;
    w->doubt = false;
    (void)pthread_mutex_unlock(&w->lock);
    return due;
}

void rp_wal_finish(struct rp_db *writer)
{
    struct rp_wal *w = &writer->store->wal;
    if (writer->sq == NULL || !is_due(writer, w) || writer->distrusted)
        return;
    int64_t done = pass(writer, 0);
    (void)pthread_mutex_lock(&w->lock);
    if (done > w->done)
        w->done = done;
    if (w->pages >= w->most) /* while a reader is in the way, not after every transaction */
        w->most = w->pages + WAL_MOST / 4;
    (void)pthread_mutex_unlock(&w->lock);
}
