/* What is stored and shown of a dependency's target. */
#include "core/settings.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void no_secret_of_a_target_is_stored_or_shown(void **state)
{
    (void)state;
    static const struct {
        enum rp_dep_kind kind;
        const char *target, *shown;
    } cases[] = {
        {RP_DEP_HTTP, "https://u:p@api.example.com/health?token=x#y",
         "https://api.example.com/health"},
        {RP_DEP_HTTP, "https://h/health#at", "https://h/health"},
        {RP_DEP_POSTGRES, "postgresql://u:p/?a@db:5432/x?sslkey=k", "postgresql://db:5432/x"},
        {RP_DEP_POSTGRES, "postgresql://app:p@w/p?w@db/x", "postgresql://db/x"},
        {RP_DEP_POSTGRES, "host=db port = 5432 password='a \\' host=b' user=u dbname=x",
         "host=db port=5432 dbname=x"},
        {RP_DEP_POSTGRES, "host = db  passfile=/x dbname='a b'", "host=db dbname='a b'"},
        {RP_DEP_POSTGRES, "nonsense", ""},
        {RP_DEP_TCP, "127.0.0.1:6379", "127.0.0.1:6379"},
    };
    struct rp_arena a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_dep d = {.kind = cases[i].kind, .target = rp_str_of(cases[i].target)};
        assert_string_equal(rp_cstr(&a, rp_dep_public(&a, &d)), cases[i].shown);
    }
    rp_arena_free(&a);
}

static void of_a_command_only_the_program_is_shown(void **state)
{
    (void)state;
    struct rp_arena a = {0};
    struct rp_str argv[] = {RP_STR("check"), RP_STR("--password=x")};
    struct rp_dep d = {.kind = RP_DEP_COMMAND, .command = {argv, 2}};
    assert_string_equal(rp_cstr(&a, rp_dep_public(&a, &d)), "check");
    rp_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_secret_of_a_target_is_stored_or_shown),
        cmocka_unit_test(of_a_command_only_the_program_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
