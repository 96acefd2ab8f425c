/* What tells a value from the words of a message by where it stands and how it is written. */
#include "miner_rows.h"

static void printed_tuples_and_sets_are_values(void **state)
{
    static const struct row rows[] = {
        {"released key ('sum-1', 3) early", "released key <*> early"},
        {"released key load-7 early", "released key <*> early"},
        {"assigned set() to the pool", "assigned <*> to the pool"},
        {"assigned [a, b] to the pool", "assigned <*> to the pool"},
        {"stopped it (late, 3)", "stopped it (late, <*>)"},
        {"stopped it (soon, 4)", "stopped it (soon, <*>)"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void the_last_cause_has_the_rest_of_the_line(void **state)
{
    static const struct row rows[] = {
        {"no clock on card 3 err=Permission denied", "no clock on card <*> err=<*>"},
        {"no clock on card 4 err=unexpected end of file", "no clock on card <*> err=<*>"},
        {"no clock on card 3 err=bus 7: lost its way home", "no clock on card <*> err=<*>"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void capitals_vary_by_their_number_however_long_the_line(void **state)
{
    static const struct row rows[] = {
        {"checked PUBREC before session of client is active",
         "checked PUBREC before session of client is active"},
        {"checked PUBREL before session of client is active",
         "checked PUBREL before session of client is active"},
        {"checked UNSUB before session of client is active",
         "checked UNSUB before session of client is active"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void what_all_begin_with_is_no_part_of_a_value(void **state)
{
    static const struct row rows[] = {
        {"file holds option 'a'", "file holds option 'a'"},
        {"file holds reset option 'a'", "file holds reset option 'a'"},
        {"file holds negate option 'a'", "file holds negate option 'a'"},
        {"file holds late only option 'a'", "file holds late only option 'a'"},
        {"file holds last odd option 'a'", "file holds last odd option 'a'"},
        {"file holds very new here option 'a'", "file holds very new here option 'a'"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void a_plain_word_before_another_tells_which(void **state)
{
    static const struct row rows[] = {
        {"found 7 entries: pages left, primary index missing in store",
         "found <*> entries: pages left, primary index missing in store"},
        {"found 7 entries: pages left, secondary index missing in store",
         "found <*> entries: pages left, secondary index missing in store"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void what_cannot_be_done_is_no_value(void **state)
{
    static const struct row rows[] = {
        {"cannot create pipe of daemon in run folder",
         "cannot create pipe of daemon in run folder"},
        {"cannot fdopen pipe of daemon in run folder",
         "cannot fdopen pipe of daemon in run folder"},
        {"cannot make pipe of daemon in run folder", "cannot make pipe of daemon in run folder"},
        {"cannot dup pipe of daemon in run folder", "cannot dup pipe of daemon in run folder"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void a_name_with_a_number_is_an_identifier(void **state)
{
    static const struct row rows[] = {
        {"old images28 of store", "old <*> of store"},
        {"old orders11 of store", "old <*> of store"},
        {"lost md5 of store, too", "lost md5 of store, too"},
        {"lost sha1 of store, too", "lost sha1 of store, too"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void a_name_after_the_word_for_what_it_names_is_a_value(void **state)
{
    static const struct row rows[] = {
        {"lost track of it on bridge br-orders", "lost track of it on bridge <*>"},
        {"lost track of it on bridge br-users", "lost track of it on bridge <*>"},
        {"picked local-index first", "picked local-index first"},
        {"picked remote-copy first", "picked remote-copy first"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void a_statement_ends_a_message_wherever_it_begins(void **state)
{
    static const struct row rows[] = {
        {"slow statement now runs SELECT id FROM a WHERE id = 1", "slow statement now runs <*>"},
        {"slow statement now runs UPDATE b SET x = 2", "slow statement now runs <*>"},
        {"slow statement now runs out", "slow statement now runs out"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void no_error_is_a_value_beside_errors(void **state)
{
    static const struct row rows[] = {
        {"pipe of child read Success", "pipe of child read <*>"},
        {"pipe of child read Broken pipe", "pipe of child read <*>"},
        {"pipe of child read everything", "pipe of child read everything"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_tuples_and_sets_are_values),
        cmocka_unit_test(the_last_cause_has_the_rest_of_the_line),
        cmocka_unit_test(capitals_vary_by_their_number_however_long_the_line),
        cmocka_unit_test(what_all_begin_with_is_no_part_of_a_value),
        cmocka_unit_test(a_plain_word_before_another_tells_which),
        cmocka_unit_test(what_cannot_be_done_is_no_value),
        cmocka_unit_test(a_name_with_a_number_is_an_identifier),
        cmocka_unit_test(a_name_after_the_word_for_what_it_names_is_a_value),
        cmocka_unit_test(a_statement_ends_a_message_wherever_it_begins),
        cmocka_unit_test(no_error_is_a_value_beside_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
