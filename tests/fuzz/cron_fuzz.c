/* Any bytes as a schedule. What is accepted has words, and instants that strictly increase and
 * match the fields (or repair a gap). Input: one byte chooses the zone, four the instant, the rest
 * is the expression. */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "core/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const zones[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"};

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    abort();
}

static bool bit(uint64_t mask, int64_t i)
{
    return (mask >> i & 1) != 0;
}

static bool matches(const struct rp_cron *c, int64_t wall_s)
{
    int64_t day = rp_floor_div(wall_s, 86400), clock = wall_s - day * 86400, year;
    int month, mday;
    rp_civil_from_days(day, &year, &month, &mday);
    return bit(c->field[CRON_HOUR], clock / 3600) && bit(c->field[CRON_MINUTE], clock / 60 % 60) &&
           bit(c->field[CRON_SECOND], clock % 60) && bit(c->field[CRON_MONTH], month) &&
           bit(rp_cron_month_days(c, year, month), mday);
}

/* Rule 8: a fixed wall time that the change of offset at `s` left out. */
static bool repairs_gap(const struct rp_cron *c, const struct rp_zone *z, int64_t s)
{
    int64_t before, after;
    if (c->elapsed || rp_zone_transition(z, s, &before, &after) != s)
        return false;
    for (int64_t wall = s + before; wall < s + after; wall++)
        if (matches(c, wall))
            return true;
    return false;
}

static void check_instants(const struct rp_cron *c, const struct rp_zone *z, int64_t at)
{
    for (int i = 0; i < 20; i++) {
        int64_t next = rp_cron_next(c, z, at, 0);
        require(next > at, "instants increase");
        if (next == INT64_MAX)
            return;
        at = next;
        if (c->every_us > 0)
            continue;
        require(next % RP_US_S == 0, "instants are whole seconds");
        int64_t s = next / RP_US_S;
        require(matches(c, s + rp_zone_offset(z, s, NULL)) || repairs_gap(c, z, s),
                "the instant matches the fields");
    }
}

static void check_schedule(const struct rp_cron *c, const struct rp_zone *z, int64_t from)
{
    struct rp_arena arena = {0};
    int64_t touched = 0, to = from + 400 * RP_US_DAY;
    struct rp_str words = rp_cron_words(&arena, c);
    require(words.n > 0, "every schedule has words");
    check_instants(c, z, from);
    if (rp_cron_shift_within(c, z, from, to, &touched) != RP_SHIFT_NONE)
        require(touched > from && touched <= to, "shifts are within what was asked");
    rp_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_cron c;
    struct rp_err err = {0};
    if (size < 5)
        return 0;
    const struct rp_zone *z = rp_zone_load(rp_str_of(zones[data[0] % 4]), NULL);
    require(z != NULL, "tzdata is there");
    uint32_t when;
    memcpy(&when, data + 1, sizeof when);
    struct rp_str text = {(const char *)data + 5, size - 5};
    if (rp_cron_parse(text, RP_STR("fuzz"), &c, &err))
        check_schedule(&c, z, ((int64_t)when * 2 - 2000000000) * RP_US_S + when % 3);
    else
        require(err.code == RP_E_CRON && strstr(err.message, "(column ") != NULL,
                "refusals say where");
    return 0;
}
