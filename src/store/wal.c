#include "store/wal.h"

#include "base/log.h"
#include "store/internal.h"
#include "store/opened.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
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
    bool tended = w->tended;
    if (tended && enough(w))
        (void)pthread_cond_signal(&w->more);
    (void)pthread_mutex_unlock(&w->lock);
    if (!tended && pages >= WAL_PASS)
        (void)sqlite3_wal_checkpoint_v2(sq, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

void rp_wal_watch(struct rp_db *writer)
{
    (void)sqlite3_wal_hook(writer->sq, committed, writer->store);
}

/* ---- the file ---- What a pass writes goes to the disk some pages at a time, each lot waited for.
 * A sync that finds all of them unwritten fills the disk's queue, in which the sync of a commit has
 * to wait, and everybody with it (G19). */

enum { LOT = 64 };
struct rp_gentle {
    sqlite3_io_methods methods; /* first: the file's are these, the real ones but for xWrite */
    const sqlite3_io_methods *real;
    int fd, pages; /* pages: of this lot */
    int64_t from, to;
};

/* Only a start: whether it is on the disk, the sync says. */
static void give_lot(struct rp_gentle *g)
{
    (void)sync_file_range(g->fd, g->from, g->to - g->from,
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                              SYNC_FILE_RANGE_WAIT_AFTER);
    g->pages = 0;
}

/* Pages come in rising order. */
static int write_gently(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    struct rp_gentle *g = (struct rp_gentle *)(uintptr_t)file->pMethods;
    int rc = g->real->xWrite(file, p, n, at);
    if (g->pages++ == 0)
        g->from = at;
    g->to = at + n;
    if (g->pages == LOT)
        give_lot(g);
    return rc;
}

/* A file of our own, because SQLite does not say which number its has. */
static void be_gentle(struct rp_db *tender)
{
    struct rp_wal *w = &tender->store->wal;
    sqlite3_file *file = NULL;
    if (w->file < 0)
        w->file = open(tender->store->path, O_RDONLY | O_CLOEXEC);
    if (w->file < 0 ||
        sqlite3_file_control(tender->sq, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK)
        return;
    w->gentle = rp_xcalloc(1, sizeof *w->gentle);
    *w->gentle =
        (struct rp_gentle){.methods = *file->pMethods, .real = file->pMethods, .fd = w->file};
    w->gentle->methods.xWrite = write_gently;
    file->pMethods = &w->gentle->methods;
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

/* Returns how many pages of the log are in the file, -1: not known. before: that many were. */
static int64_t pass(struct rp_db *db, int64_t before)
{
    struct rp_err err;
    int pages = 0, done = 0;
    int rc = sqlite3_wal_checkpoint_v2(db->sq, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
    if (rc == SQLITE_BUSY)
        return -1;
    if (rc == SQLITE_OK ? db->writer || done <= before || sync_file(db, &err)
                        : rp_db_failed(db, rc, &err))
        return done;
    rp_log_err(RP_ERROR, "the log could not be written into the store's file", &err);
    return -1;
}

/* ---- the tender ---- */

bool rp_wal_tended(struct rp_store *s, struct rp_db **tender, struct rp_err *err)
{
    struct rp_wal *w = &s->wal;
    if (!rp_db_open(s, RP_OPEN_TENDER, tender, err))
        return false;
    be_gentle(*tender);
    w->tended = true;
    w->most = WAL_MOST;
    rp_wal_watch(s->writer);
    return true;
}

/* Each commit signals: that is not what it waits for after a pass that got nowhere. */
static bool await(struct rp_wal *w, int64_t *done)
{
    struct timespec until = rp_deadline(again_us);
    int rc = 0;
    (void)pthread_mutex_lock(&w->lock);
    while (w->stuck && !w->leaving && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&w->more, &w->lock, &until);
    while (!w->leaving && (w->held || !enough(w)))
        (void)pthread_cond_wait(&w->more, &w->lock);
    w->busy = !w->leaving;
    *done = w->done;
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
    free(s->wal.gentle);
    s->wal.gentle = NULL;
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
    if (!due && enough(w)) /* the last transaction was a large one */
        (void)pthread_cond_signal(&w->more);
    db->distrusted |= w->doubt;
    w->doubt = false;
    (void)pthread_mutex_unlock(&w->lock);
    return due;
}

void rp_wal_finish(struct rp_db *writer)
{
    struct rp_wal *w = &writer->store->wal;
    if (writer->sq == NULL || !is_due(writer, w))
        return;
    int64_t done = pass(writer, 0);
    (void)pthread_mutex_lock(&w->lock);
    if (done > w->done)
        w->done = done;
    if (w->pages >= w->most) /* while a reader is in the way, not after every transaction */
        w->most = w->pages + WAL_MOST / 4;
    (void)pthread_mutex_unlock(&w->lock);
}
