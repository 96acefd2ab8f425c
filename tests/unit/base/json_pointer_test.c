/* JSON pointers: RFC 6901's own examples, and values put in their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/json.h"
#include "base/json_pointer.h"

/* RFC 6901, section 5 */
static const char rfc[] = "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2,"
                          " \"e^f\": 3, \"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7,"
                          " \"m~n\": 8}";

static void is(struct rp_str have, const char *want)
{
    if (!rp_str_is(have, want))
        fail_msg("%.*s instead of %s", RP_FMT(have), want);
}

static void the_examples_of_the_rfc_give_their_values(void **state)
{
    static const char *const examples[][2] = {{"", rfc},
                                              {"/foo", "[\"bar\", \"baz\"]"},
                                              {"/foo/0", "\"bar\""},
                                              {"/", "0"},
                                              {"/a~1b", "1"},
                                              {"/c%d", "2"},
                                              {"/e^f", "3"},
                                              {"/g|h", "4"},
                                              {"/i\\j", "5"},
                                              {"/k\"l", "6"},
                                              {"/ ", "7"},
                                              {"/m~0n", "8"}};
    struct rp_arena a = {0};
    struct rp_str out;
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct rp_str pointer = rp_str_of(examples[i][0]);
        assert_true(rp_pointer_valid(pointer));
        assert_true(rp_pointer_get(&a, rp_str_of(rfc), pointer, &out));
        is(out, examples[i][1]);
    }
    rp_arena_free(&a);
}

static void what_is_no_pointer_or_points_at_nothing_is_told(void **state)
{
    static const char *const bad[] = {"a", "/a~", "/a~2", "~0", "/\x82"}, *const nowhere[] = {
                                                                              "/x",      "/foo/2",
                                                                              "/foo/01", "/foo/-",
                                                                              "/foo/+1", "/foo/0/0",
                                                                              "/a/b"};
    struct rp_arena a = {0};
    struct rp_str out;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rp_pointer_valid(rp_str_of(bad[i])));
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        assert_false(rp_pointer_get(&a, rp_str_of(rfc), rp_str_of(nowhere[i]), &out));
    assert_false(rp_pointer_get(&a, RP_NONE, RP_STR(""), &out));
    rp_arena_free(&a);
}

static void a_value_is_put_in_its_place_and_no_other_byte_moves(void **state)
{
    static const char *const cases[][4] = {
        {"{\"a\": 1,  \"b\": [1, 2]}", "/a", "\"x\"", "{\"a\": \"x\",  \"b\": [1, 2]}"},
        {"{\"a\": 1,  \"b\": [1, 2]}", "/b/1", "{}", "{\"a\": 1,  \"b\": [1, {}]}"},
        {"{\"a\": {\"b\": 1}}", "/a/c", "2", "{\"a\": {\"b\": 1,\"c\":2}}"},
        {"{\"a\": { }}", "/a/c~1d", "2", "{\"a\": { \"c/d\":2}}"},
        {" {} ", "/a", "null", " {\"a\":null} "},
        {"[1, 2]", "/0", "3", "[3, 2]"},
        {"17", "", "{\"a\":1}", "{\"a\":1}"},
    };
    struct rp_arena a = {0};
    struct rp_str out;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(rp_pointer_set(&a, rp_str_of(cases[i][0]), rp_str_of(cases[i][1]),
                                   rp_str_of(cases[i][2]), &out));
        is(out, cases[i][3]);
        assert_true(rp_json_valid(out, NULL));
    }
    assert_true(rp_pointer_set(&a, RP_NONE, RP_STR(""), RP_STR("1"), &out));
    rp_arena_free(&a);
}

static void nothing_is_made_up_on_the_way_to_a_value(void **state)
{
    static const char *const cases[][2] = {{"{\"a\": 1}", "/b/c"},
                                           {"{\"a\": 1}", "/a/b"},
                                           {"[1]", "/1"},
                                           {"[1]", "/-"},
                                           {"\"text\"", "/a"}};
    struct rp_arena a = {0};
    struct rp_str out;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_false(
            rp_pointer_set(&a, rp_str_of(cases[i][0]), rp_str_of(cases[i][1]), RP_STR("1"), &out));
    assert_false(rp_pointer_set(&a, RP_NONE, RP_STR("/a"), RP_STR("1"), &out));
    rp_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_give_their_values),
        cmocka_unit_test(what_is_no_pointer_or_points_at_nothing_is_told),
        cmocka_unit_test(a_value_is_put_in_its_place_and_no_other_byte_moves),
        cmocka_unit_test(nothing_is_made_up_on_the_way_to_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
