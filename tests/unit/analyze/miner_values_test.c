/* What tells a value from the words of a message where no mask does: evidence of other lines. */
#include "miner_rows.h"

static void names_that_are_exchanged_in_two_messages_are_values(void **state)
{
    static const struct row rows[] = {
        {"rebuilt ordersSync twice", "rebuilt <*> twice"},
        {"rebuilt billingScan twice", "rebuilt <*> twice"},
        {"dropped ordersSync quietly", "dropped <*> quietly"},
        {"dropped billingScan quietly", "dropped <*> quietly"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void names_that_differ_in_one_message_only_are_two_messages(void **state)
{
    static const struct row rows[] = {
        {"rebuilt ordersSync twice", "rebuilt ordersSync twice"},
        {"rebuilt billingScan twice", "rebuilt billingScan twice"},
        {"rebuilt 7 times", "rebuilt <*> times"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void a_printed_collection_is_one_value_whatever_it_holds(void **state)
{
    static const struct row rows[] = {
        {"cannot assign [orders-1, users-2] to the pool", "cannot assign <*> to the pool"},
        {"cannot assign {orders=4} to the pool", "cannot assign <*> to the pool"},
        {"cannot assign [] to the pool", "cannot assign <*> to the pool"},
        {"lost [the left side] of the picture", "lost [the left side] of the picture"},
        {"lost [the right, the upper side] of the picture",
         "lost [the right, the upper side] of the picture"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void quotes_belong_to_a_value_where_only_some_have_them(void **state)
{
    static const struct row rows[] = {
        {"msg=\"request done\" peer=alpha", "msg=\"request done\" peer=<*>"},
        {"msg=\"request done\" peer=\"alpha of 7\"", "msg=\"request done\" peer=<*>"},
        {"msg=\"request begun\" peer=\"alpha of 7\"", "msg=\"request begun\" peer=\"<*>\""},
        {"msg=\"request begun\" peer=\"beta of 8\"", "msg=\"request begun\" peer=\"<*>\""},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void bare_values_of_json_are_values(void **state)
{
    static const struct row rows[] = {
        {"{\"msg\":\"member added\",\"id\":7,\"learner\":true}",
         "{\"msg\":\"member added\",\"id\":<*>,\"learner\":<*>}"},
        {"{\"msg\":\"member added\",\"id\":8,\"learner\":false}",
         "{\"msg\":\"member added\",\"id\":<*>,\"learner\":<*>}"},
        {"{\"msg\":\"member removed\",\"id\":8,\"learner\":false}",
         "{\"msg\":\"member removed\",\"id\":<*>,\"learner\":<*>}"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void the_name_of_a_systems_error_is_one_value(void **state)
{
    static const struct row rows[] = {
        {"write to the socket Broken pipe", "write to the socket <*>"},
        {"write to the socket Connection reset by peer", "write to the socket <*>"},
        {"no route was drawn", "no route was drawn"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void a_list_without_blanks_is_one_value(void **state)
{
    static const struct row rows[] = {
        {"draining nodes left,right,middle at once", "draining nodes <*> at once"},
        {"draining nodes rack[1-4] at once", "draining nodes <*> at once"},
        {"draining nodes rack[1-4],left at once", "draining nodes <*> at once"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void a_rare_line_of_new_values_joins_the_template_that_fits(void **state)
{
    static const struct row rows[] = {
        {"picked /a/b over db7 by weight 5", "picked <*> over <*> by weight <*>"},
        {"picked /a/c over db8 by weight 6", "picked <*> over <*> by weight <*>"},
        {"picked /a/d over db9 by weight 7", "picked <*> over <*> by weight <*>"},
        {"picked spare over gateway by weight 8", "picked <*> over <*> by weight <*>"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void messages_around_a_reason_stay_apart(void **state)
{
    static const struct row rows[] = {
        {"Analytics API: Response error: Connection refused",
         "Analytics API: Response error: Connection refused"},
        {"Analytics API: Request error: Connection refused",
         "Analytics API: Request error: Connection refused"},
        {"Analytics API: Error: Connection refused", "Analytics API: Error: Connection refused"},
        {"Analytics API: Setting missing: 7", "Analytics API: Setting missing: <*>"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void plain_words_of_differing_number_are_messages(void **state)
{
    static const struct row rows[] = {
        {"could not allocate a new user", "could not allocate a new user"},
        {"could not allocate a new fresh user", "could not allocate a new fresh user"},
        {"could not allocate a new task for the rate",
         "could not allocate a new task for the rate"},
        {"could not allocate a new server", "could not allocate a new server"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

/* Expected by the rule that these tests name; the lines are made up. */
static void a_value_of_one_message_is_a_value_in_another(void **state)
{
    static const struct row rows[] = {
        {"moved shard gold aside for good", "moved shard <*> aside for good"},
        {"moved shard canary aside for good", "moved shard <*> aside for good"},
        {"moved shard blue aside for good", "moved shard <*> aside for good"},
        {"gold: could not attach memory region", "<*>: could not attach memory region"},
        {"canary: could not attach memory region", "<*>: could not attach memory region"},
        {"parser: could not attach memory region", "<*>: could not attach memory region"},
    };
    static const struct row quoted[] = {
        {"no profile 'gold' here, nothing was done", "no profile '<*>' here, nothing was done"},
        {"no profile 'canary' here, nothing was done", "no profile '<*>' here, nothing was done"},
        {"gold started execution", "<*> started execution"},
        {"canary started execution", "<*> started execution"},
        {"query finished slowly today", "query finished slowly today"},
        {"index finished slowly today", "index finished slowly today"},
    };
    (void)state;
    assert_templates(rows, 5);
    ASSERT_TEMPLATES(quoted);
}

static void what_is_called_in_two_messages_is_no_value(void **state)
{
    static const struct row rows[] = {
        {"late reply epilogRun(7) logged", "late reply epilogRun(<*>) logged"},
        {"late reply prologRun(7) logged", "late reply prologRun(<*>) logged"},
        {"bad result epilogRun(7) ignored", "bad result epilogRun(<*>) ignored"},
        {"bad result prologRun(7) ignored", "bad result prologRun(<*>) ignored"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void messages_that_begin_alike_are_no_wrapped_errors(void **state)
{
    static const struct row rows[] = {
        {"Protocol error from 10.0.0.1: CONNECT without its flags",
         "Protocol error from <*>: CONNECT without its flags"},
        {"Protocol error from 10.0.0.2: a password but no name",
         "Protocol error from <*>: a password but no name"},
        {"Protocol error from 10.0.0.3: PUBREL with reason 7",
         "Protocol error from <*>: PUBREL with reason <*>"},
        {"Protocol error from 10.0.0.4: shared subscription of its own",
         "Protocol error from <*>: shared subscription of its own"},
        {"Protocol error from 10.0.0.5: topic of length 0",
         "Protocol error from <*>: topic of length <*>"},
    };
    static const struct row wrapped[] = {
        {"Protocol error from 10.0.0.1: connection refused", "Protocol error from <*>: <*>"},
        {"Protocol error from 10.0.0.2: a password but no name", "Protocol error from <*>: <*>"},
        {"Protocol error from 10.0.0.3: PUBREL with reason 7", "Protocol error from <*>: <*>"},
        {"Protocol error from 10.0.0.4: shared subscription of its own",
         "Protocol error from <*>: <*>"},
        {"Protocol error from 10.0.0.5: broken pipe", "Protocol error from <*>: <*>"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
    ASSERT_TEMPLATES(wrapped);
}

static void constants_of_one_kind_are_no_values(void **state)
{
    static const struct row rows[] = {
        {"limit RLIMIT_CORE of this process cannot be lowered by anybody",
         "limit RLIMIT_CORE of this process cannot be lowered by anybody"},
        {"limit RLIMIT_NPROC of this process cannot be lowered by anybody",
         "limit RLIMIT_NPROC of this process cannot be lowered by anybody"},
        {"limit RLIMIT_NOFILE of this process cannot be lowered by anybody",
         "limit RLIMIT_NOFILE of this process cannot be lowered by anybody"},
        {"limit RLIMIT_STACK of this process cannot be lowered by anybody",
         "limit RLIMIT_STACK of this process cannot be lowered by anybody"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void keys_with_a_glued_colon_have_values(void **state)
{
    static const struct row rows[] = {
        {"Created. Volume:sda, Bucket:logs, Key:a1", "Created. Volume:<*>, Bucket:<*>, Key:<*>"},
        {"Created. Volume:sdb, Bucket:mail, Key:c2", "Created. Volume:<*>, Bucket:<*>, Key:<*>"},
        {"Ratio:high is better than low", "Ratio:high is better than low"},
        {"Ratio:mean is better than low", "Ratio:mean is better than low"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void an_exception_with_its_package_is_printed(void **state)
{
    static const struct row rows[] = {
        {"Fetch from broker will be tried again due to java.io.IOException: closed",
         "Fetch from broker will be tried again due to <*>"},
        {"Fetch from broker will be tried again due to java.net.ConnectException: no",
         "Fetch from broker will be tried again due to <*>"},
        {"Fetch from broker will be tried again due to java.lang.NullPointerException",
         "Fetch from broker will be tried again due to <*>"},
        {"Batch was dropped after ValueError", "Batch was dropped after ValueError"},
        {"Batch was dropped after TypeError", "Batch was dropped after TypeError"},
        {"Batch was dropped after KeyError", "Batch was dropped after KeyError"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

static void statuses_tell_patterns_apart(void **state)
{
    static const struct row rows[] = {
        {"HTTP 500 from 10.0.0.1", "HTTP 500 from <*>"},
        {"HTTP 502 from 10.0.0.1", "HTTP 502 from <*>"},
        {"HTTP 503 from 10.0.0.1", "HTTP 503 from <*>"},
        {"HTTP 503 from 10.0.0.2", "HTTP 503 from <*>"},
        {"HTTP 504 from 10.0.0.2", "HTTP 504 from <*>"},
        {"HTTP 429 from 10.0.0.2", "HTTP 429 from <*>"},
        {"commit failed, SQLSTATE 40001", "commit failed, SQLSTATE 40001"},
        {"commit failed, SQLSTATE 40P01", "commit failed, SQLSTATE 40P01"},
    };
    (void)state;
    ASSERT_TEMPLATES(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_exchanged_in_two_messages_are_values),
        cmocka_unit_test(names_that_differ_in_one_message_only_are_two_messages),
        cmocka_unit_test(a_printed_collection_is_one_value_whatever_it_holds),
        cmocka_unit_test(quotes_belong_to_a_value_where_only_some_have_them),
        cmocka_unit_test(bare_values_of_json_are_values),
        cmocka_unit_test(the_name_of_a_systems_error_is_one_value),
        cmocka_unit_test(a_list_without_blanks_is_one_value),
        cmocka_unit_test(a_rare_line_of_new_values_joins_the_template_that_fits),
        cmocka_unit_test(messages_around_a_reason_stay_apart),
        cmocka_unit_test(plain_words_of_differing_number_are_messages),
        cmocka_unit_test(a_value_of_one_message_is_a_value_in_another),
        cmocka_unit_test(what_is_called_in_two_messages_is_no_value),
        cmocka_unit_test(messages_that_begin_alike_are_no_wrapped_errors),
        cmocka_unit_test(constants_of_one_kind_are_no_values),
        cmocka_unit_test(keys_with_a_glued_colon_have_values),
        cmocka_unit_test(an_exception_with_its_package_is_printed),
        cmocka_unit_test(statuses_tell_patterns_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
