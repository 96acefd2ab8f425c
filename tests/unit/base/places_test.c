#include "base/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void set(const char *home, const char *state, const char *runtime)
{
    static const char *const names[] = {"HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"};
    const char *values[] = {home, state, runtime};
    for (int i = 0; i < 3; i++)
        assert_int_equal(values[i] != NULL ? setenv(names[i], values[i], 1) : unsetenv(names[i]),
                         0);
}

static void a_user_without_a_runtime_folder_has_store_and_socket_side_by_side(void **s)
{
    (void)s;
    struct rp_arena a = {0};
    set("/home/u", NULL, NULL);
    assert_string_equal(rp_place_own_state(&a), "/home/u/.local/state/reprise");
    assert_string_equal(rp_place_own_socket(&a), "/home/u/.local/state/reprise/reprise.sock");
    set("/home/u", "/s", "/run/user/7");
    assert_string_equal(rp_place_own_state(&a), "/s/reprise");
    assert_string_equal(rp_place_own_socket(&a), "/run/user/7/reprise.sock");
    rp_arena_free(&a);
}

static void values_that_are_not_absolute_are_ignored(void **s)
{
    (void)s;
    struct rp_arena a = {0};
    set("home", "state", "");
    assert_null(rp_place_own_state(&a));
    assert_null(rp_place_own_socket(&a));
    rp_arena_free(&a);
}

static void a_folder_is_made_with_those_above_it_for_its_user_alone(void **s)
{
    (void)s;
    struct stat st;
    char base[] = "/tmp/rp-places-XXXXXX", deep[64], file[80];
    assert_non_null(mkdtemp(base));
    (void)snprintf(deep, sizeof deep, "%s/a/b", base);
    assert_true(rp_place_make(deep));
    assert_true(rp_place_make(deep));
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    (void)snprintf(file, sizeof file, "%s/x.db", deep);
    assert_true(rp_place_may_hold(file));
    (void)snprintf(file, sizeof file, "%s/none/x.db", deep);
    assert_false(rp_place_may_hold(file));
    assert_int_equal(rmdir(deep), 0);
    (void)snprintf(deep, sizeof deep, "%s/a", base);
    assert_int_equal(rmdir(deep), 0);
    assert_int_equal(rmdir(base), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_without_a_runtime_folder_has_store_and_socket_side_by_side),
        cmocka_unit_test(values_that_are_not_absolute_are_ignored),
        cmocka_unit_test(a_folder_is_made_with_those_above_it_for_its_user_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
