/* tzdata is updated while zones are in use (schedules, rule 10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../tzif.h"
#include "core/internal.h"
#include "zones.h"

#define NAMES "/usr/share/zoneinfo/tzdata.zi"

static void a_replaced_file_is_read_anew_and_the_old_zone_stays_valid(void **state)
{
    (void)state;
    struct testland t;
    testland_new(&t, 60);
    const struct rp_zone *old = zone("Testland");
    assert_ptr_equal(zone("Testland"), old);
    testland_put(&t, 90);
    const struct rp_zone *new = zone("Testland");
    assert_int_equal(rp_zone_offset(old, 0, NULL), 3600);
    assert_int_equal(rp_zone_offset(new, 0, NULL), 5400);
    assert_ptr_equal(rp_zone_newest(old), new);
    assert_non_null(zone("Asia/Tokyo")); /* not in $TZDIR: the system's */
    testland_free(&t);
}

static void a_look_counts_each_change_once_whoever_read_it(void **state)
{
    (void)state;
    struct testland t;
    testland_new(&t, 60);
    const struct rp_zone *old = zone("Testland");
    uint64_t before = rp_zones_look();
    assert_int_equal(rp_zones_look(), before);
    testland_put(&t, 90);
    assert_int_equal(rp_zones_look(), before + 1);
    assert_int_equal(rp_zone_offset(rp_zone_newest(old), 0, NULL), 5400);
    testland_put(&t, 120);
    (void)zone("Testland"); /* by a request, say */
    assert_int_equal(rp_zones_look(), before + 2);
    testland_free(&t);
}

static void a_file_that_says_the_same_gives_the_same_zone(void **state)
{
    (void)state;
    struct testland t;
    testland_new(&t, 60);
    const struct rp_zone *old = zone("Testland");
    uint64_t before = rp_zones_look();
    testland_put(&t, 60);
    assert_int_equal(rp_zones_look(), before);
    assert_ptr_equal(zone("Testland"), old);
    testland_free(&t);
}

static void a_zone_whose_file_goes_or_breaks_stays_as_it_was(void **state)
{
    (void)state;
    struct testland t;
    testland_new(&t, 60);
    const struct rp_zone *old = zone("Testland");
    uint64_t before = rp_zones_look();
    tzif_put(t.path, RP_STR("TZif2, cut sh"));
    assert_int_equal(rp_zones_look(), before);
    assert_int_equal(unlink(t.path), 0);
    assert_int_equal(rp_zones_look(), before);
    assert_ptr_equal(rp_zone_newest(old), old);
    testland_put(&t, 90); /* the update is through */
    assert_int_equal(rp_zones_look(), before + 1);
    assert_int_equal(rp_zone_offset(rp_zone_newest(old), 0, NULL), 5400);
    testland_free(&t);
}

/* ---- the two ways in which zic writes the same rules ---- */

static struct rp_zone *read_zone(const char *dir, const char *style, const char *name)
{
    static char bytes[RP_ZONE_FILE_BYTES];
    char path[256];
    struct rp_err err = {0};
    (void)snprintf(path, sizeof path, "%s/%s/%s", dir, style, name);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return NULL;
    size_t n = fread(bytes, 1, sizeof bytes, f);
    assert_int_equal(fclose(f), 0);
    struct rp_zone *z = rp_zone_from_tzif(rp_str_of(name), (struct rp_str){bytes, n}, &err);
    if (z == NULL)
        fail_msg("%s: %s", path, err.message);
    return z;
}

/* Asked at every change of x. */
static bool agree(const struct rp_zone *x, const struct rp_zone *y)
{
    const char *a, *b;
    for (size_t i = 0; i < x->n; i++)
        if (rp_zone_offset(x, x->at[i], &a) != rp_zone_offset(y, x->at[i], &b) || strcmp(a, b) != 0)
            return false;
    return rp_zone_offset(x, INT64_MIN, &a) == rp_zone_offset(y, INT64_MIN, &b);
}

/* 1: the same, -1: other things (zic cuts the short form of Gaza in 2072), 0: no such zone. */
static int compare(const char *dir, const char *name)
{
    struct rp_zone *fat = read_zone(dir, "fat", name), *slim = read_zone(dir, "slim", name);
    assert_true((fat == NULL) == (slim == NULL));
    bool same = fat != NULL && agree(fat, slim) && agree(slim, fat);
    int result = fat == NULL ? 0 : same ? 1 : -1;
    if (fat != NULL && same != (rp_zone_rules(fat) == rp_zone_rules(slim)))
        fail_msg("%s: its long and its short form say %s", name,
                 same ? "the same" : "other things");
    rp_zone_free(fat);
    rp_zone_free(slim);
    return result;
}

static bool shell_in(const char *dir, const char *command)
{
    char line[512];
    (void)snprintf(line, sizeof line, "cd %s && %s", dir, command);
    return system(line) == 0;
}

static void rules_are_equal_where_the_answers_are_whatever_the_bytes(void **state)
{
    (void)state;
    char dir[] = "/tmp/zone_reread_XXXXXX", line[512], kind, name[128];
    assert_non_null(mkdtemp(dir));
    FILE *names = fopen(NAMES, "r");
    if (names == NULL ||
        !shell_in(dir, "zic -b fat -d fat " NAMES " && zic -b slim -d slim " NAMES)) {
        print_message("no zic and tzdata.zi here: skipped\n");
        skip();
    }
    int same = 0;
    while (fgets(line, sizeof line, names) != NULL)
        if (sscanf(line, "%c %127s", &kind, name) == 2 && kind == 'Z')
            same += compare(dir, name) > 0;
    assert_true(same > 300);
    assert_int_equal(fclose(names), 0);
    assert_true(shell_in(dir, "rm -r fat slim && rmdir \"$PWD\""));
    assert_int_not_equal(rp_zone_rules(zone("Europe/Berlin")), rp_zone_rules(zone("Europe/Rome")));
    assert_int_equal(rp_zone_rules(zone("UTC")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replaced_file_is_read_anew_and_the_old_zone_stays_valid),
        cmocka_unit_test(a_look_counts_each_change_once_whoever_read_it),
        cmocka_unit_test(a_file_that_says_the_same_gives_the_same_zone),
        cmocka_unit_test(a_zone_whose_file_goes_or_breaks_stays_as_it_was),
        cmocka_unit_test(rules_are_equal_where_the_answers_are_whatever_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
