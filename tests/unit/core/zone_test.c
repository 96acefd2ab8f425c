/* Zones against the system's localtime_r for every name of tzdata, and the rules of names and
 * refusal. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../tzif.h"
#include "base/time.h"
#include "core/internal.h"
#include "zones.h"

#define NAMES "/usr/share/zoneinfo/tzdata.zi"

enum { INSTANTS = 150 };

static uint64_t seed = 42;

static int64_t pick(int64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((seed >> 20) % (uint64_t)n);
}

static int64_t at(const char *time)
{
    int64_t us;
    assert_true(rp_time_parse(rp_str_of(time), &us));
    return us / RP_US_S;
}

/* ---- the system as oracle ---- */

static void compare(const struct rp_zone *z, int64_t s)
{
    const char *abbreviation;
    int64_t offset = rp_zone_offset(z, s, &abbreviation);
    struct tm tm;
    time_t t = s;
    assert_non_null(localtime_r(&t, &tm));
    if (offset != tm.tm_gmtoff || strcmp(abbreviation, tm.tm_zone) != 0)
        fail_msg("%s at %lld: expected %ld %s, came %lld %s", rp_zone_name(z), (long long)s,
                 tm.tm_gmtoff, tm.tm_zone, (long long)offset, abbreviation);
}

/* Every wall time's instants, found by trying all offsets that localtime_r shows in the days around
 * it. */
static int slow_instants(int64_t wall, int64_t out[16])
{
    int n = 0;
    for (int64_t probe = wall - 2 * 86400; probe <= wall + 2 * 86400; probe += 1800) {
        struct tm tm;
        time_t t = probe;
        localtime_r(&t, &tm);
        int64_t u = wall - tm.tm_gmtoff;
        t = u;
        localtime_r(&t, &tm);
        bool known = false;
        for (int i = 0; i < n; i++)
            known |= out[i] == u;
        if (!known && u + tm.tm_gmtoff == wall && n < 16)
            out[n++] = u;
    }
    return n;
}

static void compare_instants(const struct rp_zone *z, int64_t wall)
{
    int64_t slow[16], fast[2] = {0, 0};
    int n = rp_zone_instants(z, wall, fast), m = slow_instants(wall, slow);
    if (n != m)
        fail_msg("%s: wall %lld has %d instants, came %d", rp_zone_name(z), (long long)wall, m, n);
    for (int i = 0; i < n; i++)
        assert_true(slow[0] == fast[i] || slow[1] == fast[i]);
    if (n == 2)
        assert_true(fast[0] < fast[1]);
}

static void around_changes(const struct rp_zone *z)
{
    int64_t from = pick(at("2199-01-01T00:00:00Z")), before, after;
    int64_t t = rp_zone_transition(z, from, &before, &after);
    if (t == INT64_MAX)
        return;
    compare(z, t - 1);
    compare(z, t);
    assert_int_equal(rp_zone_offset(z, t - 1, NULL), before);
    assert_int_equal(rp_zone_offset(z, t, NULL), after);
    const int64_t walls[] = {t + before - 1, t + before,     t + after - 1,
                             t + after,      t + before + 1, t + (before + after) / 2};
    for (size_t i = 0; i < sizeof walls / sizeof *walls; i++)
        compare_instants(z, walls[i]);
}

static void check_zone(const char *name)
{
    const struct rp_zone *z = zone(name);
    int64_t end = at("2200-01-01T00:00:00Z");
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
    for (int i = 0; i < INSTANTS; i++)
        compare(z, pick(i % 2 == 0 ? end : end / 3));
    for (int i = 0; i < 3; i++)
        around_changes(z);
}

/* tzdata.zi: `Z Name …` begins a zone, `L Target Name` is a link. */
static bool zone_of_line(char *line, char **name)
{
    if (line[0] != 'Z' && line[0] != 'L')
        return false;
    char *save;
    (void)strtok_r(line, " \n", &save);
    *name = strtok_r(NULL, " \n", &save);
    if (line[0] == 'L')
        *name = strtok_r(NULL, " \n", &save);
    return *name != NULL;
}

static void every_zone_has_the_offsets_of_the_system_from_1970_through_2199(void **state)
{
    (void)state;
    FILE *f = fopen(NAMES, "r");
    char line[512], *name;
    int n = 0;
    if (f == NULL) {
        print_message("skipped: %s is not there\n", NAMES);
        skip();
    }
    while (fgets(line, sizeof line, f) != NULL)
        if (zone_of_line(line, &name)) {
            check_zone(name);
            n++;
        }
    (void)fclose(f);
    print_message("%d zones, %d instants each and around 3 changes\n", n, INSTANTS);
    assert_true(n > 400);
}

/* ---- gaps, folds, far years ---- */

static void a_gap_has_no_instant_and_a_fold_has_two(void **state)
{
    (void)state;
    const struct rp_zone *z = zone("Europe/Berlin");
    int64_t u[2];
    assert_int_equal(rp_zone_instants(z, at("2026-03-29T02:30:00Z"), u), 0);
    assert_int_equal(rp_zone_instants(z, at("2026-03-29T03:00:00Z"), u), 1);
    assert_int_equal(u[0], at("2026-03-29T01:00:00Z"));
    assert_int_equal(rp_zone_instants(z, at("2026-10-25T02:30:00Z"), u), 2);
    assert_int_equal(u[0], at("2026-10-25T00:30:00Z"));
    assert_int_equal(u[1], at("2026-10-25T01:30:00Z"));
}

static void the_footers_rule_holds_to_2200(void **state)
{
    (void)state;
    int64_t before, after;
    int64_t t =
        rp_zone_transition(zone("Europe/Berlin"), at("2199-06-01T00:00:00Z"), &before, &after);
    assert_int_equal(t, at("2199-10-27T01:00:00Z"));
    assert_int_equal(before, 7200);
    assert_int_equal(after, 3600);
    assert_int_equal(rp_zone_transition(zone("UTC"), INT64_MIN, &before, &after), INT64_MAX);
    assert_int_equal(
        rp_zone_transition(zone("Asia/Tokyo"), at("2000-01-01T00:00:00Z"), &before, &after),
        INT64_MAX);
    assert_int_equal(after, 9 * 3600);
}

static void posix_rules_count_days_in_all_three_ways(void **state)
{
    (void)state;
    struct rp_posix_tz tz;
    assert_true(rp_posix_tz_parse(RP_STR("AAA3:30BBB,J60/-1:30,59/167"), &tz));
    assert_int_equal(tz.standard.offset, -12600);
    assert_int_equal(tz.daylight.offset, -9000);
    assert_int_equal(rp_posix_date_wall(&tz.start, 2024), at("2024-03-01T00:00:00Z") - 5400);
    assert_int_equal(rp_posix_date_wall(&tz.start, 2023), at("2023-03-01T00:00:00Z") - 5400);
    assert_int_equal(rp_posix_date_wall(&tz.end, 2024), at("2024-02-29T00:00:00Z") + 167 * 3600);
    assert_int_equal(rp_posix_date_wall(&tz.end, 2023), at("2023-03-01T00:00:00Z") + 167 * 3600);
    assert_true(rp_posix_tz_parse(RP_STR("<-02>2<-01>,M3.5.0/-1,M10.1.6/0"), &tz));
    assert_string_equal(tz.daylight.abbreviation, "-01");
    assert_int_equal(rp_posix_date_wall(&tz.start, 2026), at("2026-03-28T23:00:00Z"));
    assert_int_equal(rp_posix_date_wall(&tz.end, 2026), at("2026-10-03T00:00:00Z"));
    static const char *const bad[] = {"",
                                      "CET",
                                      "CE-1",
                                      "CET-25",
                                      "CET-1C",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "<CET-1",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-1CEST,J0,J5",
                                      "CET-1CEST,366,5",
                                      "CET-1CEST,M3.5.0,M10.5.0x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rp_posix_tz_parse(rp_str_of(bad[i]), &tz))
            fail_msg("\"%s\" was accepted", bad[i]);
}

/* ---- names ---- */

static void refused(const char *name, const char *hint)
{
    struct rp_err err = {0};
    assert_null(rp_zone_load(rp_str_of(name), &err));
    assert_int_equal(err.code, RP_E_CONFIG);
    assert_string_equal(err.hint, hint);
}

static void names_that_are_no_zones_are_refused_with_the_closest_one(void **state)
{
    (void)state;
    refused("europe/berlin", "did you mean Europe/Berlin?");
    refused("Berlin", "did you mean Europe/Berlin?");
    refused("Europe/Berln", "did you mean Europe/Berlin?");
    refused("America/Buenos_Aire", "did you mean America/Buenos_Aires?");
    static const char *const paths[] = {"",
                                        "/etc/passwd",
                                        "../../../etc/localtime",
                                        "Europe/../UTC",
                                        "Europe//Berlin",
                                        "posix/Europe/Berlin",
                                        "right/Europe/Berlin",
                                        "zone1970.tab",
                                        "localtime",
                                        "posixrules",
                                        "Europe",
                                        "Europe/",
                                        "leapseconds",
                                        "Middle/Earth/Hobbiton"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (rp_zone_load(rp_str_of(paths[i]), NULL) != NULL)
            fail_msg("\"%s\" was loaded", paths[i]);
}

static void the_same_file_gives_the_same_zone(void **state)
{
    (void)state;
    assert_ptr_equal(zone("Europe/Berlin"), zone("Europe/Berlin"));
    assert_string_equal(rp_zone_name(zone("Europe/Berlin")), "Europe/Berlin");
}

static void *load_all(void *arg)
{
    static const char *const names[] = {"Europe/Paris", "Asia/Dubai", "Africa/Lagos", "UTC"};
    const struct rp_zone **loaded = arg;
    for (int round = 0; round < 200; round++)
        for (int i = 0; i < 4; i++)
            loaded[i] = rp_zone_load(rp_str_of(names[i]), NULL);
    return NULL;
}

static void threads_that_load_at_once_get_the_same_zones(void **state)
{
    (void)state;
    const struct rp_zone *loaded[4][4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_all, loaded[i]), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 4; i++) {
        assert_non_null(loaded[0][i]);
        assert_memory_equal(loaded[i], loaded[0], sizeof loaded[0]);
    }
}

/* ---- files ---- */

static void damaged(struct rp_str bytes, const char *why)
{
    struct rp_err err = {0};
    assert_null(rp_zone_from_tzif(RP_STR("Test"), bytes, &err));
    if (strstr(err.message, why) == NULL)
        fail_msg("expected \"%s\", came \"%s\"", why, err.message);
}

static void damaged_files_are_refused_at_every_length(void **state)
{
    (void)state;
    struct rp_buf good = tzif_made('2', 60, "CET-1CEST,M3.5.0,M10.5.0/3"),
                  v1 = tzif_made('\0', 60, "");
    struct rp_zone *z = rp_zone_from_tzif(RP_STR("Test"), rp_buf_view(&good), NULL);
    assert_non_null(z);
    assert_int_equal(rp_zone_offset(z, at("2026-07-01T00:00:00Z"), NULL), 7200);
    rp_zone_free(z);
    damaged(RP_STR(""), "not a TZif file");
    damaged(rp_buf_view(&v1), "version 1");
    for (size_t n = 0; n < good.n; n++)
        damaged((struct rp_str){good.p, n}, "cannot be used");
    rp_buf_free(&good);
    rp_buf_free(&v1);
}

static void daylight_time_all_year_never_ends(void **state)
{
    (void)state;
    struct rp_buf b = tzif_made('3', -300, "EST5EDT,0/0,J365/25");
    struct rp_zone *z = rp_zone_from_tzif(RP_STR("Test"), rp_buf_view(&b), NULL);
    assert_non_null(z);
    for (int64_t t = 0; t < at("2199-01-01T00:00:00Z"); t += 86400 * 10)
        assert_int_equal(rp_zone_offset(z, t, NULL), -4 * 3600);
    assert_int_equal(rp_zone_offset(z, at("2026-01-01T04:30:00Z"), NULL), -4 * 3600);
    rp_zone_free(z);
    rp_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_zone_has_the_offsets_of_the_system_from_1970_through_2199),
        cmocka_unit_test(a_gap_has_no_instant_and_a_fold_has_two),
        cmocka_unit_test(the_footers_rule_holds_to_2200),
        cmocka_unit_test(posix_rules_count_days_in_all_three_ways),
        cmocka_unit_test(names_that_are_no_zones_are_refused_with_the_closest_one),
        cmocka_unit_test(the_same_file_gives_the_same_zone),
        cmocka_unit_test(threads_that_load_at_once_get_the_same_zones),
        cmocka_unit_test(damaged_files_are_refused_at_every_length),
        cmocka_unit_test(daylight_time_all_year_never_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
