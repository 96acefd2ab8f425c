/* Next instants per second over a mix of expressions and zones; prints one JSON object. */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "core/cron.h"

enum { ROUNDS = 400000 };

static const struct {
    const char *text, *zone;
} mix[] = {
    {"*/5 * * * *", "UTC"},
    {"30 2 * * *", "Europe/Berlin"},
    {"0 9-17 * * MON-FRI", "America/New_York"},
    {"0 0 L * *", "Asia/Kolkata"},
    {"0 0 29 2 *", "UTC"},
    {"15,45 30 2 * * *", "Europe/London"},
    {"0 8 * * 5#2", "Australia/Lord_Howe"},
    {"*/15 * * * *", "Africa/Casablanca"},
};
enum { MIX = sizeof mix / sizeof *mix };

static struct rp_cron crons[MIX];
static const struct rp_zone *zones[MIX];

static bool prepare(void)
{
    for (size_t i = 0; i < MIX; i++) {
        zones[i] = rp_zone_load(rp_str_of(mix[i].zone), NULL);
        if (zones[i] == NULL || !rp_cron_parse(rp_str_of(mix[i].text), RP_STR(""), &crons[i], NULL))
            return false;
    }
    return true;
}

int main(void)
{
    const int64_t begin = INT64_C(1767225600) * RP_US_S; /* 2026 */
    int64_t at[MIX], sum = 0;
    if (!prepare())
        return 1;
    for (size_t i = 0; i < MIX; i++)
        at[i] = begin;
    int64_t from = rp_mono(&rp_clock_system);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < MIX; i++) {
            int64_t next = rp_cron_next(&crons[i], zones[i], at[i], 0);
            sum += next;
            at[i] = next != INT64_MAX ? next : begin;
        }
    double s = (double)(rp_mono(&rp_clock_system) - from) / (double)RP_US_S;
    /* The sum keeps the compiler from leaving the work out. */
    return printf("{\"name\":\"cron_next\",\"per_s\":%.0f}\n", (double)ROUNDS * MIX / s) < 0 ||
           sum == 0;
}
