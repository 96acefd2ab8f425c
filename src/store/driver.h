/* Private to store/: the small driver interface under the one SQL layer. A driver is one file
 * (sqlite.c; PostgreSQL's later).
 *
 * SQL text is portable: `?1`-style parameters (PostgreSQL's driver rewrites them to `$1`), integers
 * for times and enums, text, blobs; upserts with ON CONFLICT, RETURNING. Statements are prepared
 * once a connection and kept, keyed by the address of the SQL literal. */
#ifndef RP_STORE_DRIVER_H
#define RP_STORE_DRIVER_H

#include "store/store.h"

struct rp_stmt;

/* The cached statement for `sql` (a string literal), reset and with parameters cleared. NULL and
 * db's sticky error on failure: the calls below accept NULL and do nothing, so a caller checks
 * once, at rp_step or rp_exec_done. */
struct rp_stmt *rp_sql(struct rp_db *db, const char *sql);
void rp_bind_i64(struct rp_stmt *s, int i, int64_t v);
void rp_bind_f64(struct rp_stmt *s, int i, double v);
void rp_bind_null(struct rp_stmt *s, int i);
void rp_bind_id(struct rp_stmt *s, int i, int64_t v); /* 0 → NULL */
void rp_bind_text(struct rp_stmt *s, int i,
                  struct rp_str v); /* absent → NULL; must live until the step is done */
void rp_bind_blob(struct rp_stmt *s, int i, struct rp_str v);

enum rp_step { RP_STEP_ROW, RP_STEP_DONE, RP_STEP_ERROR };
enum rp_step
rp_step(struct rp_stmt *s,
        struct rp_err *err); /* maps full disk, I/O error, corruption, busy to their codes */
/* For statements without rows: step to the end. False on error. */
bool rp_run(struct rp_stmt *s, struct rp_err *err);
/* For one row with one integer: false on error; *out = fallback when there is no row or NULL. */
bool rp_get_i64(struct rp_stmt *s, int64_t fallback, int64_t *out, struct rp_err *err);
bool rp_constraint_failed(const struct rp_err *err); /* a unique constraint refused the last step */

int64_t rp_col_i64(struct rp_stmt *s, int c); /* from 0; NULL → 0 */
double rp_col_f64(struct rp_stmt *s, int c);
bool rp_col_null(struct rp_stmt *s, int c);
/* As stored, before any conversion. The numbers are part of the format of backups. */
enum rp_kind { RP_KIND_INTEGER = 1, RP_KIND_REAL, RP_KIND_TEXT, RP_KIND_BLOB, RP_KIND_NULL };
enum rp_kind rp_col_kind(struct rp_stmt *s, int c);
struct rp_str rp_col_str(struct rp_stmt *s, int c,
                         struct rp_arena *a); /* copied; NULL → absent; text or blob */
int64_t rp_changes(struct rp_db *db);         /* rows the last statement changed */
int64_t rp_last_id(struct rp_db *db);

/* Every intervention's record, written in its own transaction (G31): see rp_audit in registry.h. */

#endif
