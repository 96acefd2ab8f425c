/* Any bytes as a TZif file. What is accepted answers every question, and offsets, changes and
 * instants agree with each other. */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "core/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void check_instants(const struct rp_zone *z, int64_t wall_s)
{
    int64_t u[2];
    int n = rp_zone_instants(z, wall_s, u);
    for (int i = 0; i < n; i++)
        require(u[i] + rp_zone_offset(z, u[i], NULL) == wall_s, "an instant shows its wall time");
    require(n < 2 || u[0] < u[1], "instants ascend");
}

static void check_change(const struct rp_zone *z, int64_t from_s)
{
    int64_t before, after, at = rp_zone_transition(z, from_s, &before, &after);
    if (at == INT64_MAX)
        return;
    require(at >= from_s && before != after, "a change changes");
    require(rp_zone_offset(z, at - 1, NULL) == before && rp_zone_offset(z, at, NULL) == after,
            "offsets change at the change");
    check_instants(z, at + before);
    check_instants(z, at + after);
}

static void check_schedule(const struct rp_zone *z, const char *text)
{
    struct rp_cron c;
    int64_t at = 0;
    require(rp_cron_parse(rp_str_of(text), RP_STR(""), &c, NULL), "the expression is good");
    for (int i = 0; i < 10 && at != INT64_MAX; i++) {
        int64_t next = rp_cron_next(&c, z, at, 0);
        require(next > at, "instants increase in any zone");
        at = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_err err = {0};
    const char *abbreviation;
    struct rp_zone *z =
        rp_zone_from_tzif(RP_STR("Fuzz"), (struct rp_str){(const char *)data, size}, &err);
    if (z == NULL) {
        require(err.message[0] != '\0', "refusals say why");
        return 0;
    }
    for (int64_t s = -4000000000; s < 8000000000; s += 777777777) {
        (void)rp_zone_offset(z, s, &abbreviation);
        require(strlen(abbreviation) < RP_ZONE_ABBREVIATION, "abbreviations are short");
        check_instants(z, s);
        check_change(z, s);
    }
    check_schedule(z, "30 2 * * *");
    check_schedule(z, "*/20 2 * * *");
    rp_zone_free(z);
    return 0;
}
