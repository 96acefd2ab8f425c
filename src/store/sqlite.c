/* The driver for SQLite: a connection, its statements, errors in our words. */
#include "store/internal.h"
#include "store/opened.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

struct rp_stmt {
    struct rp_db *db;
    sqlite3_stmt *st; /* NULL: could not be prepared, see db->sticky */
    const char *sql;
};

/* ---- errors ---- */

/* The system's error behind SQLite's. sqlite3_system_errno is not set by a failing commit, so the
 * files are asked. */
static int errno_behind(struct rp_db *db)
{
    sqlite3_file *log = NULL;
    int e = 0;
    if (sqlite3_file_control(db->sq, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
        log != NULL && log->pMethods != NULL)
        (void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &e);
    if (e == 0)
        (void)sqlite3_file_control(db->sq, "main", SQLITE_FCNTL_LAST_ERRNO, &e);
    return e != 0 ? e : sqlite3_system_errno(db->sq);
}

/* No room is not always SQLITE_FULL: a quota and a file size limit are I/O errors to it, and a log
 * that finds no room for its first byte cannot be opened. */
static bool no_room(int rc, int e)
{
    int kind = rc & 0xff;
    return rc == SQLITE_FULL || ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) &&
                                 (e == ENOSPC || e == EDQUOT || e == EFBIG));
}

/* A write without room failed as a whole, and SQLite knows it. A sync that fails, for whatever
 * reason, leaves nobody knowing what is on disk. */
static bool doubtful(int rc, int e)
{
    int kind = rc & 0xff;
    return kind == SQLITE_CORRUPT ||
           (kind == SQLITE_IOERR &&
            (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC || !no_room(rc, e)));
}

static bool fail_io(struct rp_db *db, int rc, struct rp_err *err)
{
    int e = errno_behind(db);
    if (doubtful(rc, e))
        db->distrusted = true;
    if (no_room(rc, e)) {
        (void)rp_fail(err, RP_E_STORE_FULL, "there is no room left for %s", db->store->path);
        return rp_hint(err,
                       "free space on its disk or raise the quota; work goes on by itself then");
    }
    (void)rp_fail(err, RP_E_STORE_IO, "%s: %s (%s)", db->store->path, sqlite3_errmsg(db->sq),
                  e != 0 ? strerror(e) : "no system error");
    return rp_hint(err, "check the disk, and who else uses the file");
}

static bool is_cut(const struct rp_db *db)
{
    return db->cut != NULL && atomic_load(db->cut);
}

static bool fail_rc(struct rp_db *db, int rc, struct rp_err *err)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        if (errno_behind(db) == EIO) /* a disk that does not read is damage to SQLite */
            return fail_io(db, rc, err);
        (void)rp_fail(err, RP_E_STORE_CORRUPT, "%s is damaged: %s", db->store->path,
                      sqlite3_errmsg(db->sq));
        return rp_hint(err, "stop the daemon, keep the file, and restore a backup");
    case SQLITE_CONSTRAINT:
        if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
            return rp_fail(err, RP_E_CONFLICT, "it exists already (%s)", sqlite3_errmsg(db->sq));
        return rp_fail(err, RP_E_INTERNAL, "store: %s", sqlite3_errmsg(db->sq));
    case SQLITE_TOOBIG:
        return rp_fail(err, RP_E_TOO_LARGE, "a value is too large for the store");
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return fail_io(db, rc, err);
    case SQLITE_INTERRUPT:
        if (is_cut(db))
            return rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
        (void)rp_fail(err, RP_E_TOO_LARGE, "the answer takes too long to find");
        return rp_hint(err, "ask for less: a type, a state, a shorter time");
    default:
        return rp_fail(err, RP_E_INTERNAL, "store: %s", sqlite3_errmsg(db->sq));
    }
}

bool rp_db_failed(struct rp_db *db, int rc, struct rp_err *err)
{
    return fail_rc(db, rc, err);
}

bool rp_constraint_failed(const struct rp_err *err)
{
    return err->code == RP_E_CONFLICT;
}

/* ---- the connection ---- */

/* Foreign keys are declared and checked (doctor, every test of the store), but not at each row: one
 * writer writes them all, from ids that it has just read, and the look-ups cost a twentieth of its
 * time. The cache holds what is live, not what is history: 56 MB. */
static const char pragmas_writer[] =
    "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = off; pragma "
    "trusted_schema = off;"
    "pragma cell_size_check = on; pragma secure_delete = off; pragma temp_store = memory; pragma "
    "cache_size = -57344;"
    "pragma wal_autocheckpoint = 4000; pragma journal_size_limit = 67108864;";
static const char pragmas_reader[] = "pragma query_only = on; pragma trusted_schema = off; pragma "
                                     "cell_size_check = on; pragma temp_store = memory;"
                                     "pragma cache_size = -4096;";

static const char pragmas_tender[] = "pragma wal_autocheckpoint = 0; pragma synchronous = full; "
                                     "pragma trusted_schema = off; pragma cell_size_check = on; "
                                     "pragma cache_size = -64;";

enum { BUSY_MS = 5000, STMT_CAP = 256, STEPS_BETWEEN_LOOKS = 10000 };

bool rp_script(struct rp_db *db, const char *sql, struct rp_err *err)
{
    rp_lanes_forget(db);
    int rc = sqlite3_exec(db->sq, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? true : fail_rc(db, rc, err);
}

static int past_reader_deadline(void *arg)
{
    const struct rp_db *db = arg;
    return is_cut(db) || (db->deadline_us != 0 && rp_mono(&rp_clock_system) > db->deadline_us);
}

void rp_db_deadline(struct rp_db *db, int64_t mono_us)
{
    db->deadline_us = mono_us;
}

void rp_db_cut(struct rp_db *db, const atomic_bool *cut)
{
    db->cut = cut;
}

void rp_db_interrupt(struct rp_db *db)
{
    (void)pthread_mutex_lock(&db->handle_lock);
    if (db->sq != NULL)
        sqlite3_interrupt(db->sq);
    (void)pthread_mutex_unlock(&db->handle_lock);
}

/* A file, or its log, that could not be opened for writing is open for reading now, as SQLite does
 * it, and would refuse every write from here on. */
static bool writable(struct rp_db *db, struct rp_err *err)
{
    if (sqlite3_db_readonly(db->sq, "main") == 0)
        return rp_script(db, "begin immediate; rollback", err);
    (void)rp_fail(err, RP_E_STORE_IO, "%s cannot be opened for writing", db->store->path);
    return rp_hint(err, "check the disk, and who may write the file");
}

/* payload_hash(x): 0 for none, so that what is frozen of an item and what its job has now can be
 * compared where the rows are. */
static void payload_hash(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    const void *p = sqlite3_value_blob(v[0]);
    struct rp_str bytes = {p, (size_t)sqlite3_value_bytes(v[0])};
    sqlite3_result_int64(c,
                         sqlite3_value_type(v[0]) == SQLITE_NULL ? 0 : (int64_t)rp_hash64(bytes));
}

static const char *pragmas_of(const struct rp_db *db)
{
    return db->writer ? pragmas_writer : db->tender ? pragmas_tender : pragmas_reader;
}

static void set_handle(struct rp_db *db, sqlite3 *sq)
{
    (void)pthread_mutex_lock(&db->handle_lock);
    db->sq = sq;
    (void)pthread_mutex_unlock(&db->handle_lock);
}

static bool handle_open(struct rp_db *db, struct rp_err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
                (db->writer || db->tender ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    sqlite3 *sq = NULL;
    int rc = sqlite3_open_v2(db->store->path, &sq, flags, NULL);
    set_handle(db, sq);
    if (rc != SQLITE_OK)
        return fail_rc(db, rc, err);
    (void)sqlite3_busy_timeout(db->sq, BUSY_MS);
    if (!db->writer)
        sqlite3_progress_handler(db->sq, STEPS_BETWEEN_LOOKS, past_reader_deadline, db);
    (void)sqlite3_db_config(db->sq, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    rc = sqlite3_create_function_v2(db->sq, "payload_hash", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                    NULL, payload_hash, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return fail_rc(db, rc, err);
    if (!rp_script(db, pragmas_of(db), err) || (db->writer && !writable(db, err)))
        return false;
    if (db->writer && db->store->wal.tended)
        rp_wal_watch(db);
    return true;
}

static void handle_close(struct rp_db *db)
{
    for (size_t i = 0; i < db->cap_stmt; i++) {
        if (db->stmt[i] == NULL)
            continue;
        (void)sqlite3_finalize(db->stmt[i]->st);
        free(db->stmt[i]);
        db->stmt[i] = NULL;
    }
    db->n_stmt = 0;
    sqlite3 *sq = db->sq;
    set_handle(db, NULL);
    (void)sqlite3_close(sq);
}

bool rp_db_open(struct rp_store *s, enum rp_open how, struct rp_db **out, struct rp_err *err)
{
    struct rp_db *db = rp_xcalloc(1, sizeof *db);
    (void)pthread_mutex_init(&db->handle_lock, NULL);
    db->store = s;
    db->writer = how == RP_OPEN_WRITER;
    db->tender = how == RP_OPEN_TENDER;
    db->hour = INT64_MIN;
    db->cap_stmt = STMT_CAP;
    db->stmt = rp_xcalloc(db->cap_stmt, sizeof *db->stmt);
    db->broken = rp_xcalloc(1, sizeof *db->broken);
    db->broken->db = db;
    if (!handle_open(db, err)) {
        rp_db_free(db);
        return false;
    }
    *out = db;
    return true;
}

void rp_db_free(struct rp_db *db)
{
    if (db == NULL)
        return;
    rp_names_forget(db);
    handle_close(db);
    (void)pthread_mutex_destroy(&db->handle_lock);
    rp_counts_free(db);
    rp_lanes_free(db->lanes);
    free(db->broken);
    free(db->stmt);
    free(db);
}

/* A log that cannot be written out whole because a reader stands in the way stays distrusted. */
static bool write_out(struct rp_db *db, struct rp_err *err)
{
    int rc = sqlite3_wal_checkpoint_v2(db->sq, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? true : fail_rc(db, rc, err);
}

static bool reopen(struct rp_db *db, struct rp_err *err)
{
    handle_close(db);
    rp_names_forget(db);
    return handle_open(db, err) &&
           (!db->writer || (rp_quick_check(db, 0, err) && write_out(db, err)));
}

bool rp_db_reopen(struct rp_db *db, struct rp_err *err)
{
    if (db->writer)
        rp_wal_hold(db->store, true);
    bool ok = reopen(db, err);
    if (db->writer)
        rp_wal_hold(db->store, false);
    if (ok)
        db->distrusted = false;
    return ok;
}

struct deadline {
    int64_t until_us;
};

static int past_deadline(void *arg)
{
    const struct deadline *d = arg;
    return rp_mono(&rp_clock_system) > d->until_us;
}

bool rp_quick_check(struct rp_db *db, int64_t max_us, struct rp_err *err)
{
    struct deadline d = {rp_mono(&rp_clock_system) + max_us};
    if (max_us > 0)
        sqlite3_progress_handler(db->sq, STEPS_BETWEEN_LOOKS, past_deadline, &d);
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db->sq, "pragma quick_check(1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    bool ok = rc == SQLITE_INTERRUPT;
    if (rc == SQLITE_ROW) {
        const char *says = (const char *)sqlite3_column_text(st, 0);
        ok = says != NULL && strcmp(says, "ok") == 0;
        if (!ok)
            (void)rp_fail(err, RP_E_STORE_CORRUPT, "%s is damaged: %s", db->store->path,
                          says != NULL ? says : "?");
    } else if (!ok) {
        (void)fail_rc(db, rc, err);
    }
    if (!ok && err != NULL && err->code == RP_E_STORE_CORRUPT)
        (void)rp_hint(err, "keep the file, and restore a backup");
    (void)sqlite3_finalize(st);
    sqlite3_progress_handler(db->sq, 0, NULL, NULL);
    return ok;
}

/* ---- statements ---- */

static size_t slot_of(const struct rp_db *db, const char *sql)
{
    size_t mask = db->cap_stmt - 1;
    size_t i = (size_t)(((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 40) & mask;
    while (db->stmt[i] != NULL && db->stmt[i]->sql != sql)
        i = (i + 1) & mask;
    return i;
}

static void grow(struct rp_db *db)
{
    struct rp_stmt **old = db->stmt;
    size_t n = db->cap_stmt;
    db->cap_stmt = n * 2;
    db->stmt = rp_xcalloc(db->cap_stmt, sizeof *db->stmt);
    for (size_t i = 0; i < n; i++)
        if (old[i] != NULL)
            db->stmt[slot_of(db, old[i]->sql)] = old[i];
    free(old);
}

static struct rp_stmt *prepare(struct rp_db *db, const char *sql, size_t slot)
{
    sqlite3_stmt *st = NULL;
    /* A handle that could not be opened again refuses everything with the reason. */
    if (db->sq == NULL) {
        (void)rp_fail(&db->sticky, RP_E_STORE_IO, "%s is not open", db->store->path);
        return db->broken;
    }
    int rc = sqlite3_prepare_v3(db->sq, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK) {
        (void)fail_rc(db, rc, &db->sticky);
        return db->broken;
    }
    struct rp_stmt *s = rp_xcalloc(1, sizeof *s);
    *s = (struct rp_stmt){db, st, sql};
    db->stmt[slot] = s;
    if (++db->n_stmt * 2 > db->cap_stmt)
        grow(db);
    return s;
}

struct rp_stmt *rp_sql(struct rp_db *db, const char *sql)
{
    size_t slot = slot_of(db, sql);
    struct rp_stmt *s = db->stmt[slot];
    if (s == NULL)
        return prepare(db, sql, slot);
    (void)sqlite3_reset(s->st);
    (void)sqlite3_clear_bindings(s->st);
    return s;
}

void rp_reset(struct rp_stmt *s)
{
    (void)sqlite3_reset(s->st);
}

void rp_reset_all(struct rp_db *db)
{
    for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(db->sq, st)) != NULL;)
        if (sqlite3_stmt_busy(st))
            (void)sqlite3_reset(st);
}

static int64_t sum_of(struct rp_db *db, int what)
{
    int64_t n = 0;
    for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(db->sq, st)) != NULL;)
        n += sqlite3_stmt_status(st, what, 1);
    return n;
}

int64_t rp_db_steps(struct rp_db *db)
{
    return sum_of(db, SQLITE_STMTSTATUS_VM_STEP);
}

int64_t rp_db_recompiled(struct rp_db *db)
{
    return sum_of(db, SQLITE_STMTSTATUS_REPREPARE);
}

void rp_bind_i64(struct rp_stmt *s, int i, int64_t v)
{
    if (s->st != NULL)
        (void)sqlite3_bind_int64(s->st, i, v);
}

void rp_bind_f64(struct rp_stmt *s, int i, double v)
{
    if (s->st != NULL)
        (void)sqlite3_bind_double(s->st, i, v);
}

void rp_bind_null(struct rp_stmt *s, int i)
{
    if (s->st != NULL)
        (void)sqlite3_bind_null(s->st, i);
}

void rp_bind_id(struct rp_stmt *s, int i, int64_t v)
{
    if (v == 0)
        rp_bind_null(s, i);
    else
        rp_bind_i64(s, i, v);
}

void rp_bind_text(struct rp_stmt *s, int i, struct rp_str v)
{
    if (s->st != NULL)
        (void)sqlite3_bind_text64(s->st, i, v.p, v.n, SQLITE_STATIC, SQLITE_UTF8);
}

void rp_bind_blob(struct rp_stmt *s, int i, struct rp_str v)
{
    if (s->st != NULL)
        (void)sqlite3_bind_blob64(s->st, i, v.p, v.n, SQLITE_STATIC);
}

/* A full disk or an I/O error may end the whole transaction behind our back. What comes after it
 * must not run: outside of a transaction each statement would commit by itself. */
static bool tx_gone(struct rp_db *db)
{
    return db->in_tx && sqlite3_get_autocommit(db->sq) != 0;
}

enum rp_step rp_step(struct rp_stmt *s, struct rp_err *err)
{
    struct rp_db *db = s->db;
    if (s->st == NULL || tx_gone(db)) {
        if (err != NULL)
            *err = db->sticky;
        return RP_STEP_ERROR;
    }
    int rc = sqlite3_step(s->st);
    if (rc == SQLITE_ROW)
        return RP_STEP_ROW;
    if (rc != SQLITE_DONE) {
        (void)fail_rc(db, rc, &db->sticky);
        if (err != NULL)
            *err = db->sticky;
    }
    (void)sqlite3_reset(s->st);
    return rc == SQLITE_DONE ? RP_STEP_DONE : RP_STEP_ERROR;
}

bool rp_run(struct rp_stmt *s, struct rp_err *err)
{
    enum rp_step step;
    do
        step = rp_step(s, err);
    while (step == RP_STEP_ROW);
    return step == RP_STEP_DONE;
}

bool rp_get_i64(struct rp_stmt *s, int64_t fallback, int64_t *out, struct rp_err *err)
{
    *out = fallback;
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE;
    if (!rp_col_null(s, 0))
        *out = rp_col_i64(s, 0);
    rp_reset(s);
    return true;
}

int64_t rp_col_i64(struct rp_stmt *s, int c)
{
    return sqlite3_column_int64(s->st, c);
}

double rp_col_f64(struct rp_stmt *s, int c)
{
    return sqlite3_column_double(s->st, c);
}

bool rp_col_null(struct rp_stmt *s, int c)
{
    return sqlite3_column_type(s->st, c) == SQLITE_NULL;
}

_Static_assert(SQLITE_INTEGER == (int)RP_KIND_INTEGER && SQLITE_FLOAT == (int)RP_KIND_REAL &&
                   SQLITE_TEXT == (int)RP_KIND_TEXT && SQLITE_BLOB == (int)RP_KIND_BLOB &&
                   SQLITE_NULL == (int)RP_KIND_NULL,
               "SQLite's numbers are ours");

enum rp_kind rp_col_kind(struct rp_stmt *s, int c)
{
    return (enum rp_kind)sqlite3_column_type(s->st, c);
}

struct rp_str rp_col_view(struct rp_stmt *s, int c)
{
    if (rp_col_null(s, c))
        return RP_NONE;
    const char *p = sqlite3_column_blob(s->st, c);
    return (struct rp_str){p != NULL ? p : "", (size_t)sqlite3_column_bytes(s->st, c)};
}

struct rp_str rp_col_str(struct rp_stmt *s, int c, struct rp_arena *a)
{
    return rp_str_dup(a, rp_col_view(s, c));
}

int64_t rp_changes(struct rp_db *db)
{
    return sqlite3_changes64(db->sq);
}

int64_t rp_last_id(struct rp_db *db)
{
    return sqlite3_last_insert_rowid(db->sq);
}
