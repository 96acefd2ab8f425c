/* Speed and memory of contrast sets: a table of runs as CSV, made here, is read and asked. Prints
 * one JSON object; seconds are processor time of one thread without the making of the table.
 *
 *     contrast_bench [ROWS]      10,000,000 if not given; 12 attributes, nearly all rows different
 */
#include "analyze/contrast.h"
#include "analyze/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { ATTRIBUTES = 12, CHUNK = 1 << 16 };

static uint64_t seed = 88172645463325252u;

static unsigned below(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 32) * n >> 32);
}

/* One run fails in 50; of those of version v7 while the dependency is down half. */
static void row(struct rp_buf *out)
{
    unsigned version = below(12);
    bool down = below(20) == 0, failed = below(50) == 0 || (version == 7 && down && below(2) == 0);
    rp_buf_fmt(out,
               "type-%u,queue-%u,web-%u.example.com,worker-%u,v%u,nightly-%u,%s,%02u,eu-west-%u,"
               "%u,%u,tenant-%u,%s\n",
               below(40), below(8), below(200), below(64), version, below(100),
               down ? "down" : "up", below(24), below(3), 128 + below(16000), below(100000),
               below(5000), failed ? "failed" : "succeeded");
}

struct feed {
    struct rp_contrast *c;
    uint64_t rows;
};

static bool take(void *ctx, const struct rp_str *fields, size_t n, int64_t line, struct rp_err *err)
{
    struct feed *f = ctx;
    (void)line;
    if (n != ATTRIBUTES + 1)
        return rp_fail(err, RP_E_BAD_FIELD, "a row of the benchmark is broken");
    f->rows++;
    rp_contrast_add(f->c, fields, (struct rp_counts){rp_str_is(fields[ATTRIBUTES], "failed"), 1});
    return true;
}

static double seconds(clock_t from, clock_t to)
{
    return (double)(to - from) / (double)CLOCKS_PER_SEC;
}

static bool read_rows(struct feed *f, uint64_t rows, double *read_s)
{
    struct rp_csv csv;
    struct rp_buf text = {0};
    struct rp_err err;
    bool ok = true;
    rp_csv_open(&csv, take, f);
    csv.delimiter = ',';
    for (uint64_t made = 0; ok && made < rows;) {
        for (text.n = 0; text.n < CHUNK && made < rows; made++)
            row(&text);
        clock_t from = clock();
        ok = rp_csv_feed(&csv, rp_buf_view(&text), &err);
        *read_s += seconds(from, clock());
    }
    ok = ok && rp_csv_end(&csv, &err);
    rp_csv_close(&csv);
    rp_buf_free(&text);
    return ok;
}

int main(int argc, char **argv)
{
    static const char *const names[ATTRIBUTES] = {"type",    "queue",      "host",        "worker",
                                                  "version", "schedule",   "dependency",  "hour",
                                                  "region",  "memory_mib", "duration_ms", "tenant"};
    uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    struct rp_str attributes[ATTRIBUTES];
    struct rp_arena a = {0};
    struct rp_contrast_answer answer;
    struct rusage use;
    double read_s = 0;
    for (int i = 0; i < ATTRIBUTES; i++)
        attributes[i] = rp_str_of(names[i]);
    struct feed f = {.c = rp_contrast_new(attributes, ATTRIBUTES)};
    if (!read_rows(&f, rows, &read_s))
        return 1;
    clock_t from = clock();
    rp_contrast_find(f.c, &a, &answer);
    double find_s = seconds(from, clock());
    (void)getrusage(RUSAGE_SELF, &use);
    (void)printf("{\"bench\":\"contrast\",\"rows\":%llu,\"attributes\":%d,\"read_s\":%.2f,"
                 "\"find_s\":%.2f,\"total_s\":%.2f,\"goal_s\":10,\"memory_mib\":%ld,\"goal_mib\":"
                 "1024,\"conditions\":%zu}\n",
                 (unsigned long long)f.rows, ATTRIBUTES, read_s, find_s, read_s + find_s,
                 use.ru_maxrss / 1024, answer.n);
    rp_contrast_free(f.c);
    rp_arena_free(&a);
    return 0;
}
