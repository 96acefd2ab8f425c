/* Any bytes as a log. The first byte chooses: the format (one of the table, detected, or one of the
 * user's own), the second the size of the pieces. No crash, every line counted once, bounds held,
 * and the pieces change nothing. */
#include "analyze/failures.h"
#include "analyze/joblog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct sum {
    uint64_t hash, runs;
    struct rp_failures *failures;
};

static void take(void *ctx, const struct rp_run *run)
{
    struct sum *s = ctx;
    if (run->outcome >= RP_RUN_OUTCOMES_N || run->error.n > RP_LOG_ERROR_MAX || run->attempt < 0)
        __builtin_trap();
    s->runs++;
    s->hash = s->hash * 31 + rp_hash64(run->type) + rp_hash64(run->id) + rp_hash64(run->error) +
              (uint64_t)run->start_us + run->line + (uint64_t)run->outcome;
    rp_failures_add(s->failures, run);
}

static const struct rp_log_template *own(void)
{
    static struct rp_log_template t;
    size_t at;
    if (t.n_parts == 0 &&
        !rp_template_parse(RP_STR("{time} {level} [{type}] job {id} {event}"), &t, &at, NULL))
        __builtin_trap();
    t.name = RP_STR("own");
    t.cname = "own";
    return &t;
}

static uint64_t read_log(const char *format, struct rp_str text, size_t step)
{
    struct sum s = {.failures = rp_failures_new()};
    struct rp_joblog_options o = {.format = rp_str_of(format),
                                  .templates = own(),
                                  .n_templates = 1,
                                  .stamp = {.year = 2026},
                                  .sink = {take, &s}};
    struct rp_joblog_stats stats;
    struct rp_joblog *l = rp_joblog_new(&o, NULL);
    for (size_t i = 0; i < text.n; i += step)
        rp_joblog_feed(l, (struct rp_str){text.p + i, text.n - i < step ? text.n - i : step});
    (void)rp_joblog_finish(l, &stats, NULL);
    rp_joblog_free(l);
    if (stats.unassigned_lines > stats.lines || s.failures->failures > s.runs)
        __builtin_trap();
    rp_failures_sort(s.failures);
    rp_failures_free(s.failures);
    return s.hash * 31 + stats.lines * 7 + stats.unassigned_lines;
}

static const char *format_of(uint8_t choice)
{
    size_t n = 0;
    while (rp_joblog_format(n) != NULL)
        n++;
    size_t i = choice % (n + 2);
    return i < n ? rp_joblog_format(i) : i == n ? NULL : "own";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    struct rp_str text = {(const char *)data + 2, n - 2};
    const char *format = format_of(data[0]);
    if (read_log(format, text, 1 + data[1] % 64) != read_log(format, text, n))
        __builtin_trap();
    return 0;
}
