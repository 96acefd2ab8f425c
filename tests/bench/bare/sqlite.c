/* SQLite alone as the limit of the store: rows a second with 1,000 rows a commit, synced, inserted;
 * and inserted, claimed with a lease and finished with an attempt. One JSON object.
 *
 *     bench_bare_sqlite FOLDER [ROWS [PAYLOAD BYTES]] */
#include "rows.h"

#include "base/str.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 1000 };

static double rate(int64_t rows, int64_t from_us)
{
    return (double)rows * 1e6 / (double)(rp_mono(&rp_clock_system) - from_us);
}

static void insert_batch(struct rows *r, const struct rp_buf *payload)
{
    rows_sql(r, "begin immediate");
    for (int i = 0; i < BATCH; i++)
        (void)rows_insert(r, payload->p, payload->n, rp_wall(&rp_clock_system));
    rows_sql(r, "commit");
}

static double insert(struct rows *r, const struct rp_buf *payload, int64_t rows)
{
    int64_t from = rp_mono(&rp_clock_system);
    for (int64_t n = 0; n < rows; n += BATCH)
        insert_batch(r, payload);
    return rate(rows, from);
}

struct moves {
    sqlite3_stmt *find, *take, *lease, *finish, *attempt, *unlease;
    int64_t job[BATCH], lease_id[BATCH];
};

static void prepare_moves(struct rows *r, struct moves *m)
{
    m->find = rows_prepare(r, "select id, payload from job where queue_id = 1 and type_id = 1 "
                              "and state = 2 order by priority desc, id limit ?1");
    m->take = rows_prepare(r, "update job set state = 3, started_at = ?2 where id = ?1");
    m->lease = rows_prepare(
        r, "insert into lease(job_id, token, worker, deadline) values (?1, ?2, 'w', ?2)");
    m->finish = rows_prepare(r, "update job set state = 5, ended_at = ?2 where id = ?1");
    m->attempt = rows_prepare(r, "insert into attempt values (?1, 1, 1, 'w', ?2, ?2)");
    m->unlease = rows_prepare(r, "delete from lease where id = ?1");
}

static void with(struct rows *r, sqlite3_stmt *s, int64_t a, int64_t b)
{
    (void)sqlite3_bind_int64(s, 1, a);
    if (sqlite3_bind_parameter_count(s) > 1)
        (void)sqlite3_bind_int64(s, 2, b);
    rows_step(r, s);
}

static int claim(struct rows *r, struct moves *m)
{
    int n = 0;
    int64_t now = rp_wall(&rp_clock_system);
    rows_sql(r, "begin immediate");
    (void)sqlite3_bind_int64(m->find, 1, BATCH);
    while (n < BATCH && sqlite3_step(m->find) == SQLITE_ROW)
        m->job[n++] = sqlite3_column_int64(m->find, 0);
    (void)sqlite3_reset(m->find);
    for (int i = 0; i < n; i++) {
        with(r, m->take, m->job[i], now);
        with(r, m->lease, m->job[i], now);
        m->lease_id[i] = sqlite3_last_insert_rowid(r->db);
    }
    rows_sql(r, "commit");
    return n;
}

static void finish(struct rows *r, struct moves *m, int n)
{
    int64_t now = rp_wall(&rp_clock_system);
    rows_sql(r, "begin immediate");
    for (int i = 0; i < n; i++) {
        with(r, m->finish, m->job[i], now);
        with(r, m->attempt, m->job[i], now);
        with(r, m->unlease, m->lease_id[i], 0);
    }
    rows_sql(r, "commit");
}

static void free_moves(struct moves *m)
{
    sqlite3_stmt *all[] = {m->find, m->take, m->lease, m->finish, m->attempt, m->unlease};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        (void)sqlite3_finalize(all[i]);
}

static double whole_way(struct rows *r, const struct rp_buf *payload, int64_t rows)
{
    static struct moves m;
    prepare_moves(r, &m);
    int64_t from = rp_mono(&rp_clock_system);
    for (int64_t n = 0; n < rows; n += BATCH) {
        insert_batch(r, payload);
        finish(r, &m, claim(r, &m));
    }
    double per_s = rate(rows, from);
    free_moves(&m);
    return per_s;
}

int main(int argc, char **argv)
{
    char path[400];
    struct rows r;
    struct rp_buf payload = {0};
    int64_t rows = argc > 2 ? atoll(argv[2]) : 200000, bytes = argc > 3 ? atoll(argv[3]) : 200;
    if (argc < 2)
        return 2;
    while ((int64_t)payload.n < bytes)
        rp_buf_c(&payload, 'x');
    (void)snprintf(path, sizeof path, "%s/whole-way.db", argv[1]);
    rows_open(&r, path);
    double moved = whole_way(&r, &payload, rows / 2);
    rows_close(&r);
    (void)snprintf(path, sizeof path, "%s/insert.db", argv[1]);
    rows_open(&r, path);
    double inserted = insert(&r, &payload, rows);
    rows_close(&r);
    rp_buf_free(&payload);
    return printf("{\"insert_per_s\":%.0f,\"work_per_s\":%.0f}\n", inserted, moved) < 0;
}
