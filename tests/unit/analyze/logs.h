/* Reads a log in pieces and keeps what came out, for the tests of formats. */
#ifndef RP_TESTS_LOGS_H
#define RP_TESTS_LOGS_H

#include "analyze/joblog.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct logged {
    struct rp_run *runs; /* in the order of the lines they begin on; its strings in the arena */
    size_t n;
    struct rp_tally *tally;
    struct rp_arena arena;
    struct rp_joblog_stats stats;
    struct rp_err err;
    bool ok;
};

static void keep_run(void *ctx, const struct rp_run *run)
{
    struct logged *s = ctx;
    rp_tally_add(s->tally, run);
    if ((s->n & (s->n - 1)) == 0)
        s->runs = rp_xrealloc(s->runs, (s->n > 0 ? s->n * 2 : 1) * sizeof *s->runs);
    s->runs[s->n] = *run;
    s->runs[s->n].type = rp_str_dup(&s->arena, run->type);
    s->runs[s->n].id = rp_str_dup(&s->arena, run->id);
    s->runs[s->n].error = run->error.p != NULL ? rp_str_dup(&s->arena, run->error) : RP_NONE;
    s->n++;
}

static int by_line(const void *a, const void *b)
{
    const struct rp_run *x = a, *y = b;
    return (x->line > y->line) - (x->line < y->line);
}

static void log_read(struct logged *s, struct rp_str text, size_t step, struct rp_joblog_options o)
{
    *s = (struct logged){.tally = rp_tally_new()};
    o.sink = (struct rp_run_sink){keep_run, s};
    if (o.stamp.year == 0)
        o.stamp.year = 2026;
    struct rp_joblog *l = rp_joblog_new(&o, &s->err);
    assert_non_null(l);
    for (size_t i = 0; i < text.n; i += step)
        rp_joblog_feed(l, (struct rp_str){text.p + i, text.n - i < step ? text.n - i : step});
    s->ok = rp_joblog_finish(l, &s->stats, &s->err);
    rp_joblog_free(l);
    if (s->n > 0)
        qsort(s->runs, s->n, sizeof *s->runs, by_line);
}

static void log_forget(struct logged *s)
{
    rp_tally_free(s->tally);
    rp_arena_free(&s->arena);
    free(s->runs);
}

static void print_clock(struct rp_buf *b, int64_t us)
{
    char at[RP_TIME_LEN];
    if (us == RP_NO_TIME)
        rp_buf_c(b, '?');
    else
        rp_buf_fmt(b, "%.12s", rp_time_format(us, at) + 11);
}

/* A run a line: "type id #attempt outcome start-end | error / its second line". */
static inline struct rp_str log_print(struct logged *s)
{
    struct rp_buf b = {0};
    for (size_t i = 0; i < s->n; i++) {
        const struct rp_run *r = &s->runs[i];
        rp_buf_fmt(&b, "%.*s %s #%lld %s ", RP_FMT(r->type),
                   r->id.n > 0 ? rp_cstr(&s->arena, r->id) : "-", (long long)r->attempt,
                   rp_run_outcome_name(r->outcome));
        print_clock(&b, r->start_us);
        rp_buf_c(&b, '-');
        print_clock(&b, r->end_us);
        if (r->error.p != NULL)
            rp_buf_str(&b, RP_STR(" | "));
        for (size_t k = 0; k < r->error.n; k++)
            if (r->error.p[k] == '\n')
                rp_buf_str(&b, RP_STR(" / "));
            else
                rp_buf_c(&b, r->error.p[k]);
        rp_buf_c(&b, '\n');
    }
    struct rp_str out = rp_str_dup(&s->arena, rp_buf_view(&b));
    rp_buf_free(&b);
    return out;
}

struct sample {
    const char *format, *log, *runs;
    uint64_t nobody; /* lines that belong to no run */
};

/* Detected, and named; whole and byte by byte. */
static inline void check_samples(const struct sample *samples, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t step = 1; step <= 4096; step *= 4096) {
            struct logged s;
            log_read(&s, rp_str_of(samples[i].log), step, (struct rp_joblog_options){0});
            if (!s.ok)
                fail_msg("sample %zu of %s: %s", i, samples[i].format, s.err.message);
            assert_string_equal(s.stats.format, samples[i].format);
            assert_string_equal(rp_cstr(&s.arena, log_print(&s)), samples[i].runs);
            if (s.stats.unassigned_lines != samples[i].nobody)
                fail_msg("sample %zu of %s: %llu lines of nobody, not %llu", i, samples[i].format,
                         (unsigned long long)s.stats.unassigned_lines,
                         (unsigned long long)samples[i].nobody);
            log_forget(&s);
        }
}
#define CHECK(samples) check_samples(samples, sizeof samples / sizeof *samples)

#endif
