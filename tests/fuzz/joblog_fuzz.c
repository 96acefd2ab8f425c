/* Any bytes as a log, in every format and detected, in pieces of a size that the input chooses: no
 * crash, every line counted once, and the pieces change nothing. */
#include "analyze/joblog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void take(void *ctx, const struct rp_run *run)
{
    uint64_t *sum = ctx;
    if (run->outcome >= RP_RUN_OUTCOMES_N || run->error.n > RP_LOG_ERROR_MAX)
        __builtin_trap();
    *sum = *sum * 31 + rp_hash64(run->type) + rp_hash64(run->id) + rp_hash64(run->error) +
           (uint64_t)run->start_us + run->line + (uint64_t)run->outcome;
}

static uint64_t read_log(const char *format, struct rp_str text, size_t step)
{
    uint64_t sum = 0;
    struct rp_joblog_options o = {
        .format = rp_str_of(format), .stamp = {.year = 2026}, .sink = {take, &sum}};
    struct rp_joblog_stats stats;
    struct rp_joblog *l = rp_joblog_new(&o, NULL);
    for (size_t i = 0; i < text.n; i += step)
        rp_joblog_feed(l, (struct rp_str){text.p + i, text.n - i < step ? text.n - i : step});
    (void)rp_joblog_finish(l, &stats, NULL);
    rp_joblog_free(l);
    if (stats.unassigned_lines > stats.lines)
        __builtin_trap();
    return sum * 31 + stats.lines * 7 + stats.unassigned_lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    size_t step = n > 0 ? 1 + data[0] % 64 : 1;
    struct rp_str text = {(const char *)data, n};
    const char *format = NULL;
    size_t i = 0;
    do {
        if (read_log(format, text, step) != read_log(format, text, n > 0 ? n : 1))
            __builtin_trap();
        format = rp_joblog_format(i++);
    } while (format != NULL);
    return 0;
}
