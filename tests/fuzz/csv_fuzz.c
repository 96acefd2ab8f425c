/* The CSV reader and the mapping to runs: the same records in one piece and in two. */
#include "analyze/csv.h"

#include <stdlib.h>

struct seen {
    struct rp_arena arena;
    struct rp_csv_map map;
    bool header;
    uint64_t hash;
    int64_t n;
};

static bool take(void *ctx, const struct rp_str *fields, size_t n, int64_t line, struct rp_err *err)
{
    struct seen *s = ctx;
    struct rp_csv_run run;
    if (n == 0 || line < 1)
        abort();
    for (size_t i = 0; i < n; i++)
        s->hash = s->hash * 31 + rp_hash64(fields[i]) + fields[i].n;
    s->n++;
    if (!s->header) {
        s->header = true;
        (void)rp_csv_map_parse(&s->arena, RP_STR("type=a,outcome=b,start=c"), &s->map, err);
        return rp_csv_map_header(&s->arena, &s->map, fields, n, err);
    }
    if (rp_csv_map_run(&s->map, fields, n, &run, err) && run.type.n == 0)
        abort();
    (void)rp_csv_labels(&s->arena, &s->map, fields, n);
    return true;
}

static bool read_cut(struct rp_str text, size_t cut, struct seen *s)
{
    struct rp_csv c;
    struct rp_err err;
    rp_csv_open(&c, take, s);
    bool ok = rp_csv_feed(&c, (struct rp_str){text.p, cut}, &err) &&
              rp_csv_feed(&c, (struct rp_str){text.p + cut, text.n - cut}, &err) &&
              rp_csv_end(&c, &err);
    rp_csv_close(&c);
    rp_arena_free(&s->arena);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {0}, cut = {0};
    struct rp_str text = {(const char *)data, size};
    bool one = read_cut(text, size, &whole), two = read_cut(text, size / 2, &cut);
    if (one != two || whole.hash != cut.hash || whole.n != cut.n)
        abort();
    return 0;
}
