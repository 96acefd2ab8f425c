/* Libraries that are opened late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/libcurl.h"
#include "base/library.h"

#include <string.h>

static const char *const names[] = {"zlibVersion"};
static void *found[1];

static void a_library_that_is_there_gives_its_functions(void **state)
{
    (void)state;
    struct rp_err err;
    struct rp_library z = {"libz.so.1", "zlib1g", names, found, 1, PTHREAD_MUTEX_INITIALIZER,
                           false};
    assert_true(rp_library_open(&z, &err));
    assert_non_null(found[0]);
    assert_true(rp_library_open(&z, &err));
    assert_non_null(rp_curl(&err));
}

static void one_that_is_not_or_lacks_a_function_names_its_package_and_is_tried_again(void **state)
{
    (void)state;
    static const char *const others[] = {"zlibVersion", "no_such_function"};
    void *out[2];
    struct rp_err err;
    struct rp_library l = {"libnowhere.so.1",         "nowhere1", names, found, 1,
                           PTHREAD_MUTEX_INITIALIZER, false};
    assert_false(rp_library_open(&l, &err));
    assert_non_null(strstr(err.message, "libnowhere.so.1"));
    assert_string_equal(err.hint, "install the package nowhere1");
    l.soname = "libz.so.1"; /* it was installed */
    assert_true(rp_library_open(&l, &err));
    l = (struct rp_library){"libz.so.1", "zlib1g", others, out, 2, PTHREAD_MUTEX_INITIALIZER,
                            false};
    assert_false(rp_library_open(&l, &err));
    assert_non_null(strstr(err.message, "no_such_function"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_library_that_is_there_gives_its_functions),
        cmocka_unit_test(one_that_is_not_or_lacks_a_function_names_its_package_and_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
