/* What the bare programs of the benchmarks write: the columns of Reprise's job, with SQLite alone.
 * One thread. */
#ifndef RP_BENCH_ROWS_H
#define RP_BENCH_ROWS_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct rows {
    sqlite3 *db;
    sqlite3_stmt *insert;
};

/* A new file with the store's pragmas. Ends the program if it cannot. */
void rows_open(struct rows *r, const char *path);
void rows_sql(struct rows *r, const char *sql);
sqlite3_stmt *rows_prepare(struct rows *r, const char *sql);
/* Runs it to its end. */
void rows_step(struct rows *r, sqlite3_stmt *s);
int64_t rows_insert(struct rows *r, const char *payload, size_t n, int64_t now_us);
void rows_close(struct rows *r);

#endif
