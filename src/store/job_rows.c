#include "store/job_rows.h"

#include "store/internal.h"

#include <sodium.h>

/* ---- tables ---- */

#define JOB_COLUMNS                                                                                \
    "id, type_id, queue_id, state, priority, key, payload, labels, attempts, max_attempts, "       \
    "last_n, interrupted_n, lost_n, poison, created_at, due_at, started_at, ended_at, error, "     \
    "error_class, pattern_id, schedule_id, instant, manual, alone, replay_id, external_id, "       \
    "outside, purged"
#define ATTEMPT_COLUMNS                                                                            \
    "job_id, n, outcome, node, worker, started_at, ended_at, duration_us, exit_code, signal, "     \
    "ended_by, cpu_us, memory_peak, survivors, error, error_class, rule, contract, pattern_id, "   \
    "replay_id, output_bytes, output_dropped, contract_bytes, result, held, memory_limit"
#define OUTPUT_COLUMNS "job_id, n, packed"

enum { T_JOB, T_ATTEMPT, T_OUTPUT };
enum { JOB_PAYLOAD = 6, JOB_PURGED = 28, COLUMNS_MAX = 64 };

const struct rp_rows_table rp_rows_tables[RP_ROWS_TABLES] = {
    {"job", JOB_COLUMNS}, {"attempt", ATTEMPT_COLUMNS}, {"output", OUTPUT_COLUMNS}};

static const struct {
    const char *columns, *select, *insert;
    int n;
} tables[RP_ROWS_TABLES] = {
    {"select group_concat(name, ', ') from pragma_table_info('job')",
     "select " JOB_COLUMNS " from job where id = ?1",
     "insert into job(" JOB_COLUMNS ") values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
     "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)",
     29},
    {"select group_concat(name, ', ') from pragma_table_info('attempt')",
     "select " ATTEMPT_COLUMNS " from attempt where job_id = ?1 order by n",
     "insert into attempt(" ATTEMPT_COLUMNS ") values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
     "?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)",
     26},
    {"select group_concat(name, ', ') from pragma_table_info('output')",
     "select " OUTPUT_COLUMNS " from output where job_id = ?1 order by n",
     "insert into output(" OUTPUT_COLUMNS ") values(?1, ?2, ?3)", 3},
};

bool rp_job_rows_known(struct rp_db *db, struct rp_err *err)
{
    for (int t = 0; t < RP_ROWS_TABLES; t++) {
        struct rp_stmt *s = rp_sql(db, tables[t].columns);
        enum rp_step step = rp_step(s, err);
        bool same = step == RP_STEP_ROW && rp_str_is(rp_col_view(s, 0), rp_rows_tables[t].columns);
        rp_reset(s);
        if (step == RP_STEP_ERROR)
            return false;
        if (!same)
            return rp_fail(err, RP_E_INTERNAL, "table %s has columns that backups do not know",
                           rp_rows_tables[t].name);
    }
    return true;
}

/* ---- a row as bytes: table, number of columns, then each: its kind, its value ---- */

static void put_u64(struct rp_buf *b, uint64_t v)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(v >> (8 * i));
    rp_buf_add(b, bytes, sizeof bytes);
}

static uint64_t get_u64(const char *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

static void put_column(struct rp_buf *b, struct rp_stmt *s, int c)
{
    enum rp_kind kind = rp_col_kind(s, c);
    rp_buf_c(b, (char)kind);
    if (kind == RP_KIND_INTEGER) {
        put_u64(b, (uint64_t)rp_col_i64(s, c));
    } else if (kind == RP_KIND_REAL) {
        double f = rp_col_f64(s, c);
        uint64_t bits;
        memcpy(&bits, &f, sizeof bits);
        put_u64(b, bits);
    } else if (kind != RP_KIND_NULL) {
        struct rp_str v = rp_col_view(s, c);
        put_u64(b, v.n);
        rp_buf_str(b, v);
    }
}

static void put_row(struct rp_buf *b, int table, struct rp_stmt *s)
{
    b->n = 0;
    rp_buf_c(b, (char)table);
    rp_buf_c(b, (char)tables[table].n);
    for (int c = 0; c < tables[table].n; c++)
        put_column(b, s, c);
}

struct value {
    enum rp_kind kind;
    int64_t integer;
    double real;
    struct rp_str bytes;
};

static bool take(struct rp_str *rest, size_t n, struct rp_str *out)
{
    if (rest->n < n)
        return false;
    *out = (struct rp_str){rest->p, n};
    *rest = (struct rp_str){rest->p + n, rest->n - n};
    return true;
}

static bool get_column(struct rp_str *rest, struct value *v)
{
    struct rp_str part;
    if (!take(rest, 1, &part))
        return false;
    *v = (struct value){.kind = (enum rp_kind)(unsigned char)part.p[0]};
    if (v->kind == RP_KIND_NULL)
        return true;
    if (v->kind < RP_KIND_INTEGER || v->kind > RP_KIND_NULL || !take(rest, 8, &part))
        return false;
    uint64_t bits = get_u64(part.p);
    if (v->kind == RP_KIND_INTEGER)
        v->integer = (int64_t)bits;
    else if (v->kind == RP_KIND_REAL)
        memcpy(&v->real, &bits, sizeof bits);
    else
        return bits <= RP_ROW_MAX && take(rest, (size_t)bits, &v->bytes);
    return true;
}

static bool get_row(struct rp_str row, int *table, struct value v[COLUMNS_MAX])
{
    struct rp_str head;
    if (!take(&row, 2, &head) || (unsigned char)head.p[0] >= RP_ROWS_TABLES)
        return false;
    *table = (unsigned char)head.p[0];
    v[0] = (struct value){0};
    if ((unsigned char)head.p[1] != tables[*table].n)
        return false;
    for (int c = 0; c < tables[*table].n; c++)
        if (!get_column(&row, &v[c]))
            return false;
    return row.n == 0 && v[0].kind == RP_KIND_INTEGER;
}

bool rp_job_row_valid(struct rp_str row, int *table, int64_t *job_id)
{
    struct value v[COLUMNS_MAX];
    if (!get_row(row, table, v))
        return false;
    *job_id = v[0].integer;
    return true;
}

/* ---- digest ---- */

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof((struct rp_digesting *)0)->state,
               "the state of SHA-256 needs the room");

void rp_digest_begin(struct rp_digesting *d)
{
    d->digest = (struct rp_job_digest){0};
    (void)crypto_hash_sha256_init((crypto_hash_sha256_state *)d->state);
}

void rp_digest_row(struct rp_digesting *d, struct rp_str row)
{
    crypto_hash_sha256_state *state = (crypto_hash_sha256_state *)d->state;
    unsigned char n[4];
    for (int i = 0; i < 4; i++)
        n[i] = (unsigned char)(row.n >> (8 * i));
    (void)crypto_hash_sha256_update(state, n, sizeof n);
    (void)crypto_hash_sha256_update(state, (const unsigned char *)row.p, row.n);
    d->digest.rows++;
}

void rp_digest_end(struct rp_digesting *d)
{
    (void)crypto_hash_sha256_final((crypto_hash_sha256_state *)d->state, d->digest.sha256);
}

/* ---- reading ---- */

typedef bool take_fn(void *ctx, struct rp_str row, struct rp_err *err);

static bool each_of_table(struct rp_db *db, int table, int64_t job_id, struct rp_buf *row,
                          take_fn *take_row, void *ctx, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, tables[table].select);
    enum rp_step step;
    rp_bind_i64(s, 1, job_id);
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        put_row(row, table, s);
        bool ok = row->n <= RP_ROW_MAX ||
                  rp_fail(err, RP_E_TOO_LARGE, "a row of job %lld is too large for a backup",
                          (long long)job_id);
        if (!ok || !take_row(ctx, rp_buf_view(row), err)) {
            rp_reset(s);
            return false;
        }
    }
    return step == RP_STEP_DONE;
}

struct each {
    take_fn *take;
    void *ctx;
    struct rp_digesting d;
};

static bool take_digested(void *ctx, struct rp_str row, struct rp_err *err)
{
    struct each *e = ctx;
    rp_digest_row(&e->d, row);
    return e->take == NULL || e->take(e->ctx, row, err);
}

bool rp_job_rows_each(struct rp_db *db, int64_t job_id, take_fn *take_row, void *ctx,
                      struct rp_job_digest *digest, struct rp_err *err)
{
    struct each e = {.take = take_row, .ctx = ctx};
    struct rp_buf row = {0};
    bool ok = true;
    rp_digest_begin(&e.d);
    for (int t = 0; ok && t < RP_ROWS_TABLES; t++)
        ok = each_of_table(db, t, job_id, &row, take_digested, &e, err);
    rp_buf_free(&row);
    rp_digest_end(&e.d);
    if (digest != NULL)
        *digest = e.d.digest;
    return ok;
}

/* Rows of other tables that go on with the job: it runs, waits for a dependency, or is an item of a
 * replay that has not ended. None of that changes the job's own rows. */
static bool in_use(struct rp_db *db, int64_t job_id, bool *used, struct rp_err *err)
{
    int64_t n;
    struct rp_stmt *s =
        rp_sql(db, "select exists(select 1 from job where id = ?1 and state = 3)"
                   " or exists(select 1 from lease where job_id = ?1)"
                   " or exists(select 1 from hold where job_id = ?1)"
                   " or exists(select 1 from replay_item i join replay r on r.id = i.replay_id"
                   "  where i.job_id = ?1 and r.ended_at is null)");
    rp_bind_i64(s, 1, job_id);
    if (!rp_get_i64(s, 0, &n, err))
        return false;
    *used = n != 0;
    return true;
}

static bool may_go(struct rp_db *db, int64_t job_id, const struct rp_job_digest *is, bool *same,
                   struct rp_err *err)
{
    struct rp_job_digest now;
    bool used;
    *same = false;
    if (!in_use(db, job_id, &used, err) || !rp_job_rows_each(db, job_id, NULL, NULL, &now, err))
        return false;
    *same = !used && now.rows == is->rows && now.rows > 0 &&
            memcmp(now.sha256, is->sha256, sizeof now.sha256) == 0;
    return true;
}

/* ---- deleting ---- */

static bool run_for(struct rp_db *db, const char *sql, int64_t job_id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, sql);
    rp_bind_i64(s, 1, job_id);
    return rp_run(s, err);
}

/* Replays that have ended need their own copies of its payload no more. Not in the backup: they do
 * not come back. */
static bool free_copies(struct rp_db *db, int64_t job_id, struct rp_err *err)
{
    return run_for(db,
                   "update replay_item set payload = null, changed = null where job_id = ?1 and"
                   " payload is not null",
                   job_id, err);
}

bool rp_job_rows_delete(struct rp_db *db, int64_t job_id, const struct rp_job_digest *is,
                        bool *deleted, struct rp_err *err)
{
    struct rp_job_row j;
    if (!may_go(db, job_id, is, deleted, err))
        return false;
    if (!*deleted)
        return true;
    if (!rp_job_load(db, job_id, &j, err) || !free_copies(db, job_id, err) ||
        !run_for(db, "delete from output where job_id = ?1", job_id, err) ||
        !run_for(db, "delete from attempt where job_id = ?1", job_id, err) ||
        !run_for(db, "delete from job where id = ?1", job_id, err))
        return false;
    rp_tally_move(db, &j, NULL);
    rp_db_changed(db, RP_CHANGED_JOBS);
    return true;
}

bool rp_job_payload_free(struct rp_db *db, int64_t job_id, const struct rp_job_digest *is,
                         int64_t purge_id, bool *freed, struct rp_err *err)
{
    if (!may_go(db, job_id, is, freed, err))
        return false;
    if (!*freed)
        return true;
    struct rp_stmt *s = rp_sql(db, "update job set payload = null, purged = ?2 where id = ?1");
    rp_bind_i64(s, 1, job_id);
    rp_bind_i64(s, 2, purge_id);
    return rp_run(s, err) && free_copies(db, job_id, err) &&
           run_for(db, "delete from output where job_id = ?1", job_id, err);
}

/* ---- bringing back ---- */

static void bind_value(struct rp_stmt *s, int i, const struct value *v)
{
    switch (v->kind) {
    case RP_KIND_INTEGER:
        rp_bind_i64(s, i, v->integer);
        break;
    case RP_KIND_REAL:
        rp_bind_f64(s, i, v->real);
        break;
    case RP_KIND_TEXT:
        rp_bind_text(s, i, v->bytes);
        break;
    case RP_KIND_BLOB:
        rp_bind_blob(s, i, v->bytes);
        break;
    case RP_KIND_NULL:
        rp_bind_null(s, i);
        break;
    }
}

static bool not_a_row(struct rp_err *err)
{
    return rp_fail(err, RP_E_BACKUP, "what should be a row of a job is none");
}

static bool insert(struct rp_db *db, int table, const struct value *v, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, tables[table].insert);
    for (int c = 0; c < tables[table].n; c++)
        bind_value(s, c + 1, &v[c]);
    return rp_run(s, err);
}

bool rp_job_row_insert(struct rp_db *db, struct rp_str row, struct rp_err *err)
{
    struct value v[COLUMNS_MAX];
    struct rp_job_row j;
    int table;
    if (!get_row(row, &table, v))
        return not_a_row(err);
    if (!insert(db, table, v, err))
        return false;
    if (table != T_JOB)
        return true;
    if (!rp_job_load(db, v[0].integer, &j, err))
        return false;
    rp_tally_move(db, NULL, &j);
    rp_db_changed(db, RP_CHANGED_JOBS | RP_CHANGED_CLAIMS | RP_CHANGED_DUE);
    return true;
}

bool rp_job_payload_return(struct rp_db *db, struct rp_str row, int64_t purge_id,
                           struct rp_err *err)
{
    struct value v[COLUMNS_MAX];
    int table;
    if (!get_row(row, &table, v))
        return not_a_row(err);
    if (table == T_OUTPUT)
        return insert(db, table, v, err);
    if (table != T_JOB)
        return true;
    struct rp_stmt *s =
        rp_sql(db, "update job set payload = ?2, purged = ?3 where id = ?1 and purged = ?4");
    rp_bind_i64(s, 1, v[0].integer);
    bind_value(s, 2, &v[JOB_PAYLOAD]);
    bind_value(s, 3, &v[JOB_PURGED]);
    rp_bind_i64(s, 4, purge_id);
    return rp_run(s, err);
}

bool rp_job_payload_purged(struct rp_db *db, int64_t job_id, int64_t *purge_id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select purged from job where id = ?1");
    rp_bind_i64(s, 1, job_id);
    return rp_get_i64(s, -1, purge_id, err) &&
           (*purge_id >= 0 || rp_absent_id(err, "job ", job_id, "reprise jobs"));
}
