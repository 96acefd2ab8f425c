#include "rows.h"

#include <stdio.h>
#include <stdlib.h>

static _Noreturn void die(struct rows *r)
{
    (void)fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(r->db));
    exit(1);
}

void rows_sql(struct rows *r, const char *sql)
{
    if (sqlite3_exec(r->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(r);
}

sqlite3_stmt *rows_prepare(struct rows *r, const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(r->db, sql, -1, &s, NULL) != SQLITE_OK)
        die(r);
    return s;
}

void rows_step(struct rows *r, sqlite3_stmt *s)
{
    int rc;
    do
        rc = sqlite3_step(s);
    while (rc == SQLITE_ROW);
    if (rc != SQLITE_DONE)
        die(r);
    (void)sqlite3_reset(s);
}

/* The pragmas of src/store/sqlite.c. */
static const char setup[] =
    "pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = off;"
    "pragma temp_store = memory; pragma cache_size = -131072; pragma wal_autocheckpoint = 4000;"
    "create table job(id integer primary key autoincrement, type_id integer, queue_id integer,"
    " state integer, priority integer, key text, payload blob, labels text, attempts integer,"
    " max_attempts integer, created_at integer, due_at integer, started_at integer,"
    " ended_at integer);"
    "create index job_ready on job(queue_id, type_id, priority desc, id) where state = 2;"
    "create table attempt(job_id integer, n integer, outcome integer, worker text,"
    " started_at integer, ended_at integer, primary key(job_id, n)) without rowid;"
    "create table lease(id integer primary key autoincrement, job_id integer, token integer,"
    " worker text, deadline integer);";

void rows_open(struct rows *r, const char *path)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_open_v2(path, &r->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        die(r);
    rows_sql(r, setup);
    r->insert = rows_prepare(r, "insert into job(type_id, queue_id, state, priority, payload, "
                                "attempts, max_attempts, created_at, due_at) "
                                "values (1, 1, 2, 0, ?1, 0, 4, ?2, ?2)");
}

int64_t rows_insert(struct rows *r, const char *payload, size_t n, int64_t now_us)
{
    (void)sqlite3_bind_blob64(r->insert, 1, payload, n, SQLITE_STATIC);
    (void)sqlite3_bind_int64(r->insert, 2, now_us);
    rows_step(r, r->insert);
    return sqlite3_last_insert_rowid(r->db);
}

void rows_close(struct rows *r)
{
    (void)sqlite3_finalize(r->insert);
    (void)sqlite3_close(r->db);
}
