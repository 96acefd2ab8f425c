/* What other lines tell of a word: that it is a value, or that values follow it. */
#include "miner_rows.h"

static void names_that_vary_at_once_are_known_from_other_lines(void **state)
{
    static const struct row rows[] = {
        {"opened queue 'orders' at once", "opened queue '<*>' at once"},
        {"opened queue 'users' at once", "opened queue '<*>' at once"},
        {"opened queue 'emails' at once", "opened queue '<*>' at once"},
        {"leases of orders until users came", "leases of <*> until <*> came"},
        {"leases of emails until orders came", "leases of <*> until <*> came"},
        {"leases of ghosts after midnight rest", "leases of ghosts after midnight rest"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void a_participle_among_names_is_one(void **state)
{
    static const struct row rows[] = {
        {"opened queue orders at once", "opened queue <*> at once"},
        {"opened queue users at once", "opened queue <*> at once"},
        {"opened queue emails at once", "opened queue <*> at once"},
        {"opened queue billing at once", "opened queue <*> at once"},
        {"orders: no segments in store", "<*>: no segments in store"},
        {"users: no segments in store", "<*>: no segments in store"},
        {"emails: no segments in store", "<*>: no segments in store"},
        {"billing: no segments in store", "<*>: no segments in store"},
        {"service started late", "service started late"},
        {"service stopped late", "service stopped late"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void plain_words_of_one_place_are_the_programs(void **state)
{
    static const struct row rows[] = {
        {"set core limits of the daemon now", "set <*> limits of the daemon now"},
        {"set memory limits of the daemon now", "set <*> limits of the daemon now"},
        {"set file limits of the daemon now", "set <*> limits of the daemon now"},
        {"set stack limits of the daemon now", "set <*> limits of the daemon now"},
        {"found core limits wrong", "found core limits wrong"},
        {"found memory limits wrong", "found memory limits wrong"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void an_inner_error_is_one_value_where_it_stands_elsewhere(void **state)
{
    static const struct row rows[] = {
        {"request failed: lease is over", "request failed: <*>"},
        {"request failed: tenant went away from us", "request failed: <*>"},
        {"request failed: no leader yet", "request failed: <*>"},
        {"lease is over so nothing is sent", "<*> so nothing is sent"},
        {"tenant went away from us so nothing is sent", "<*> so nothing is sent"},
        {"all is well so nothing is sent", "all is well so nothing is sent"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void after_what_introduces_values_three_words_are_enough(void **state)
{
    static const struct row rows[] = {
        {"opened basket 7", "opened basket <*>"},
        {"closed basket 8 again", "closed basket <*> again"},
        {"saw basket small today", "saw basket <*> today"},
        {"saw basket large today", "saw basket <*> today"},
        {"saw basket tiny today", "saw basket <*> today"},
        {"saw planet red today", "saw planet red today"},
        {"saw planet blue today", "saw planet blue today"},
        {"saw planet dull today", "saw planet dull today"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_vary_at_once_are_known_from_other_lines),
        cmocka_unit_test(a_participle_among_names_is_one),
        cmocka_unit_test(plain_words_of_one_place_are_the_programs),
        cmocka_unit_test(an_inner_error_is_one_value_where_it_stands_elsewhere),
        cmocka_unit_test(after_what_introduces_values_three_words_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
