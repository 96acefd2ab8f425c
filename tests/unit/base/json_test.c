/* Oracles: the grammar of RFC 8259 as a table and as loops over every byte and every \u escape,
 * strtod for numbers. */
#include "base/json.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rp_arena arena;

static int arena_clean(void **state)
{
    (void)state;
    rp_arena_free(&arena);
    return 0;
}

/* ---- what is JSON ---- */

/* A copy of exactly its length, so that the address sanitizer sees a read behind the end. */
static bool valid(struct rp_str text)
{
    char *exact = rp_xmalloc(text.n);
    memcpy(exact, text.p, text.n);
    bool ok = rp_json_valid((struct rp_str){exact, text.n}, NULL);
    free(exact);
    return ok;
}

static const char *const accepted[] = {
    "null",
    "true",
    "false",
    "0",
    "\"\"",
    " \t\r\n1 \t\r\n",
    "-0",
    "-1",
    "10",
    "0.0",
    "0e0",
    "1E+2",
    "1e-2",
    "1.25e05",
    "123456789012345678901234567890",
    "1e999999",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0000\\uABCD\\uabcd\"",
    "\"\\uD834\\uDD1E\"",
    "\"\x7f\"",
    "\"\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E\"",
    "[]",
    "[ ]",
    "[1]",
    "[1 , 2]",
    "[[],{}]",
    "{}",
    "{ }",
    "{\"a\":1}",
    "{ \"a\" : 1 , \"b\" : 2 }",
    "{\"\":0}",
    "{\"a\":1,\"a\":2}", /* "SHOULD be unique": refused where a command is read */
};

static const char *const refused[] = {
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "truefalse",
    "1 2",
    "1,",
    "NaN",
    "Infinity",
    "undefined",
    "'a'",
    "\f1",
    "\v1",
    "\xC2\xA0[]",
    "\xEF\xBB\xBF[]",
    "/**/1",
    "1//",
    "#",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    ".5",
    "5.",
    "5.e1",
    "1e",
    "1e+",
    "1e1.5",
    "1.2.3",
    "--1",
    "0x10",
    "1_000",
    "1a",
    "-a",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\a\"",
    "\"\\'\"",
    "\"\\x41\"",
    "\"\\U0041\"",
    "\"\\u004\"",
    "\"\\u004g\"",
    "\"\\u\"",
    "\"\\uD834\"",
    "\"\\uD834x\"",
    "\"\\uD834\\n\"",
    "\"\\uD834\\uD834\"",
    "\"\\uDD1E\\uD834\"",
    "\"\\uD834\\u\"",
    "\"\xED\xA0\x80\"",
    "\"\xC0\xAF\"",
    "\"\xF4\x90\x80\x80\"",
    "\"\xE2\x82\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1,,2]",
    "[1}",
    "[1]]",
    "[1:2]",
    "{",
    "}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{\"a\",1}",
    "{\"a\"::1}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1 \"b\":2}",
    "{a:1}",
    "{1:1}",
    "{null:1}",
    "{'a':1}",
    "{\"a\":1]",
    "{\"a\":1",
    "{\"a\":1}}",
    "{\"\\uD800\":1}",
};

static void the_grammar_of_rfc_8259_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        if (!valid(rp_str_of(accepted[i])))
            fail_msg("%s must be read", accepted[i]);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (valid(rp_str_of(refused[i])))
            fail_msg("%s must be refused", refused[i]);
}

static void every_byte_is_judged_where_it_stands(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char in_string[] = {'"', (char)c, '"'}, before[] = {(char)c, '1'},
             escaped[] = {'"', '\\', (char)c, '"'};
        assert_int_equal(valid((struct rp_str){in_string, 3}),
                         c >= 0x20 && c < 0x80 && c != '"' && c != '\\');
        assert_int_equal(valid((struct rp_str){before, 2}),
                         c != 0 && strchr(" \t\r\n-123456789", c) != NULL);
        assert_int_equal(valid((struct rp_str){escaped, 4}),
                         c != 0 && strchr("\"\\/bfnrt", c) != NULL);
    }
}

static void every_prefix_of_a_document_is_refused(void **state)
{
    (void)state;
    struct rp_str s = RP_STR("{\"a\\u00e9\":[-1.5e+3,true,{\"\xC3\xA9\":null}],\"b\":false}");
    assert_true(valid(s));
    for (size_t n = 0; n < s.n; n++)
        assert_false(valid((struct rp_str){s.p, n}));
}

/* ---- strings ---- */

static struct rp_str read_str(struct rp_str text)
{
    struct rp_json r;
    struct rp_str out = RP_NONE;
    rp_json_open(&r, text, &arena);
    return rp_json_str(&r, &out) && rp_json_done(&r, NULL) ? out : RP_NONE;
}

/* UTF-8 by the table of RFC 3629. */
static size_t encode(unsigned c, char to[4])
{
    if (c < 0x80)
        return (size_t)sprintf(to, "%c", (int)c);
    if (c < 0x800)
        return (size_t)sprintf(to, "%c%c", (int)(0xC0 | c >> 6), (int)(0x80 | (c & 63)));
    return (size_t)sprintf(to, "%c%c%c", (int)(0xE0 | c >> 12), (int)(0x80 | (c >> 6 & 63)),
                           (int)(0x80 | (c & 63)));
}

static void every_u_escape_is_its_character_or_a_lone_surrogate(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x10000; c++) {
        char text[16], want[8];
        int n = snprintf(text, sizeof text, c % 2 != 0 ? "\"\\u%04x\"" : "\"\\u%04X\"", c);
        struct rp_str got = read_str((struct rp_str){text, (size_t)n});
        if (c >= 0xD800 && c < 0xE000)
            assert_null(got.p);
        else
            assert_true(rp_str_eq(got, (struct rp_str){want, encode(c, want)}));
    }
    assert_true(rp_str_eq(read_str(RP_STR("\"\\uD834\\uDD1E\"")), RP_STR("\xF0\x9D\x84\x9E")));
    assert_true(rp_str_eq(read_str(RP_STR("\"\\uDBFF\\uDFFF\"")), RP_STR("\xF4\x8F\xBF\xBF")));
    assert_true(
        rp_str_eq(read_str(RP_STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t!\"")), RP_STR("\"\\/\b\f\n\r\t!")));
    assert_true(rp_str_eq(read_str(RP_STR("\"a\\u0000b\"")), RP_STR("a\0b")));
}

static void text_without_escapes_is_a_slice_of_the_input(void **state)
{
    (void)state;
    struct rp_str text = RP_STR("{\"key\":\"v\xC3\xA9\"}"), key, value;
    struct rp_json r;
    rp_json_open(&r, text, &arena);
    assert_true(rp_json_object(&r) && rp_json_member(&r, &key) && rp_json_str(&r, &value));
    assert_ptr_equal(key.p, text.p + 2);
    assert_ptr_equal(value.p, text.p + 8);
    assert_null(arena.chunk);
}

/* ---- numbers ---- */

static bool read_i64(const char *text, int64_t *v)
{
    struct rp_json r;
    rp_json_open(&r, rp_str_of(text), &arena);
    return rp_json_i64(&r, v) && rp_json_done(&r, NULL);
}

static void integers_are_exact_or_refused(void **state)
{
    (void)state;
    static const char *const others[] = {"9223372036854775808",
                                         "-9223372036854775809",
                                         "1.0",
                                         "1e3",
                                         "\"1\"",
                                         "true",
                                         "1e0",
                                         "null",
                                         "99999999999999999999999"};
    int64_t v;
    assert_true(read_i64("9223372036854775807", &v) && v == INT64_MAX);
    assert_true(read_i64("-9223372036854775808", &v) && v == INT64_MIN);
    assert_true(read_i64("-0", &v) && v == 0);
    v = 7;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(read_i64(others[i], &v));
    assert_int_equal(v, 7);
}

static bool read_f64(struct rp_str text, double *v)
{
    struct rp_json r;
    rp_json_open(&r, text, &arena);
    return rp_json_f64(&r, v) && rp_json_done(&r, NULL);
}

static void reals_are_what_strtod_says_and_finite(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "0.1",
        "1e22",
        "1e23",
        "5e-324",
        "2.2250738585072011e-308",
        "1.7976931348623157e308",
        "1e-400",
        "9007199254740993",
        "0.1000000000000000055511151231257827021181583404541015625",
        "12345678901234567890123456789012345678901234567890123456789012345.5e-60"};
    double v;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double want = strtod(texts[i], NULL);
        assert_true(read_f64(rp_str_of(texts[i]), &v));
        assert_memory_equal(&v, &want, sizeof v);
    }
    assert_false(read_f64(RP_STR("1e309"), &v));
    assert_false(read_f64(RP_STR("-1e309"), &v));
    assert_true(read_f64((struct rp_str){"12345", 2}, &v) && v == 12);
}

/* ---- limits ---- */

static struct rp_str repeat(const char *head, const char *part, size_t times, const char *tail)
{
    struct rp_buf b = {0};
    rp_buf_str(&b, rp_str_of(head));
    for (size_t i = 0; i < times; i++)
        rp_buf_str(&b, rp_str_of(part));
    rp_buf_str(&b, rp_str_of(tail));
    struct rp_str s = rp_str_dup(&arena, rp_buf_view(&b));
    rp_buf_free(&b);
    return s;
}

static enum rp_code code_of(struct rp_str text)
{
    struct rp_err err = {0};
    return rp_json_valid(text, &err) ? RP_OK : err.code;
}

static void depth_and_items_end_at_their_limits(void **state)
{
    (void)state;
    assert_int_equal(code_of(repeat(repeat("", "[", 64, "").p, "]", 64, "")), RP_OK);
    assert_int_equal(code_of(repeat("", "[", 65, "")), RP_E_TOO_LARGE);
    assert_int_equal(code_of(repeat("", "{\"a\":", 65, "")), RP_E_TOO_LARGE);
    assert_int_equal(code_of(repeat("[", "0,", RP_JSON_ITEMS - 1, "0]")), RP_OK);
    assert_int_equal(code_of(repeat("[", "0,", RP_JSON_ITEMS, "0]")), RP_E_TOO_LARGE);
    assert_int_equal(code_of(repeat("{", "\"a\":0,", RP_JSON_ITEMS, "\"a\":0}")), RP_E_TOO_LARGE);

    struct rp_json r;
    rp_json_open(&r, repeat("[", "0,", RP_JSON_ITEMS, "0]"), &arena);
    r.max_items = RP_JSON_ITEMS + 1;
    assert_true(rp_json_skip(&r) && rp_json_done(&r, NULL));
    rp_json_open(&r, RP_STR("[[[]]]"), &arena);
    r.max_depth = 2;
    assert_false(rp_json_skip(&r));
}

/* ---- commands ---- */

static const char *const fields[] = {"type", "priority", "payload", "id", "due_at", NULL};

struct command {
    struct rp_str type, payload;
    int64_t priority, id, due_us;
    uint64_t seen;
};

static bool read_command(const char *text, struct command *c, struct rp_err *err)
{
    struct rp_json r;
    *c = (struct command){0};
    rp_json_open(&r, rp_str_of(text), &arena);
    (void)rp_json_object(&r);
    for (int f; (f = rp_json_field(&r, fields, &c->seen)) >= 0;)
        (void)(f == 0   ? rp_json_str(&r, &c->type)
               : f == 1 ? rp_json_i64(&r, &c->priority)
               : f == 2 ? rp_json_raw(&r, &c->payload)
               : f == 3 ? rp_json_id(&r, &c->id)
                        : rp_json_time(&r, &c->due_us));
    return rp_json_done(&r, err);
}

static void a_command_is_read_and_its_payload_comes_as_it_was(void **state)
{
    (void)state;
    struct command c;
    assert_true(read_command(" {\"type\":\"a\\n\", \"payload\" : { \"a\" : [1,2] , \"a\":1e9 } ,"
                             "\"id\":\"42\",\"due_at\":\"1970-01-01T00:00:01Z\",\"priority\":-3} ",
                             &c, NULL));
    assert_true(rp_str_eq(c.type, RP_STR("a\n")));
    assert_true(rp_str_eq(c.payload, RP_STR("{ \"a\" : [1,2] , \"a\":1e9 }")));
    assert_int_equal(c.priority, -3);
    assert_int_equal(c.id, 42);
    assert_int_equal(c.due_us, RP_US_S);
    assert_int_equal(c.seen, 0x1f);
}

static void what_a_command_may_not_hold_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum rp_code code;
        const char *message;
    } rows[] = {
        {"{\"type\":\"a\",\"type\":\"b\"}", RP_E_BAD_FIELD,
         "\"type\": the field is given twice (line 1, column 13, byte 12)"},
        {"{\"type\":\"a\",\"t\\u0079pe\":\"b\"}", RP_E_BAD_FIELD,
         "\"type\": the field is given twice (line 1, column 13, byte 12)"},
        {"{\n  \"typ\": 1}", RP_E_UNKNOWN_FIELD,
         "\"typ\": unknown field (line 2, column 3, byte 4)"},
        {"{\"a\\u001b\\u0000b\":1}", RP_E_UNKNOWN_FIELD,
         "\"a??b\": unknown field (line 1, column 2, byte 1)"},
        {"{\"type\":\"\xC3\xA9\",\"priority\":\"x\"}", RP_E_BAD_FIELD,
         "\"priority\": expected a number, found a string (line 1, column 24, byte 24)"},
        {"{\"priority\":1.5}", RP_E_BAD_FIELD,
         "\"priority\": expected an integer (line 1, column 13, byte 12)"},
        {"{\"priority\":99999999999999999999}", RP_E_BAD_FIELD,
         "\"priority\": the number is out of range (line 1, column 13, byte 12)"},
        {"{\"id\":\"0\"}", RP_E_BAD_FIELD,
         "\"id\": expected an id: a string of decimal digits (line 1, column 7, byte 6)"},
        {"{\"id\":\"-1\"}", RP_E_BAD_FIELD, NULL},
        {"{\"id\":1}", RP_E_BAD_FIELD, NULL},
        {"{\"id\":\"9223372036854775808\"}", RP_E_BAD_FIELD, NULL},
        {"{\"due_at\":\"now\"}", RP_E_BAD_FIELD, NULL},
        {"{\"payload\":{\"x\":tru}}", RP_E_BAD_JSON,
         "\"payload\": expected true, false or null (line 1, column 17, byte 16)"},
        {"{\"payload\":[1", RP_E_BAD_JSON,
         "\"payload\": unexpected end of the input (line 1, column 14, byte 13)"},
        {"{\"type\":\"a\"} x", RP_E_BAD_JSON,
         "expected the end of the input (line 1, column 14, byte 13)"},
        {"[]", RP_E_BAD_FIELD, "expected an object, found an array (line 1, column 1, byte 0)"},
        {"", RP_E_BAD_JSON, "unexpected end of the input (line 1, column 1, byte 0)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command c;
        struct rp_err err = {0};
        assert_false(read_command(rows[i].text, &c, &err));
        assert_int_equal(err.code, rows[i].code);
        if (rows[i].message != NULL)
            assert_string_equal(err.message, rows[i].message);
    }
}

static void the_first_error_stays_and_nothing_is_read_after_it(void **state)
{
    (void)state;
    struct rp_json r;
    struct rp_err err = {0};
    struct rp_str key;
    int64_t v = 5;
    rp_json_open(&r, RP_STR("{\"a\":x,\"b\":1}"), &arena);
    assert_true(rp_json_object(&r) && rp_json_member(&r, &key));
    assert_false(rp_json_i64(&r, &v));
    assert_false(rp_json_member(&r, &key) || rp_json_item(&r) || rp_json_skip(&r));
    assert_false(rp_json_bad(&r, RP_E_CONFLICT, "later"));
    assert_int_equal(rp_json_peek(&r), RP_JSON_NONE);
    assert_false(rp_json_done(&r, &err));
    assert_int_equal(err.code, RP_E_BAD_JSON);
    assert_int_equal(v, 5);
}

static void what_was_left_unread_is_an_error(void **state)
{
    (void)state;
    struct rp_json r;
    struct rp_str key;
    rp_json_open(&r, RP_STR("{\"a\":1}"), &arena);
    assert_true(rp_json_object(&r) && rp_json_member(&r, &key));
    assert_false(rp_json_done(&r, NULL));
    rp_json_open(&r, RP_STR("["), &arena);
    assert_true(rp_json_array(&r));
    assert_false(rp_json_done(&r, NULL));
    rp_json_open(&r, RP_STR("[]]"), &arena);
    assert_true(rp_json_array(&r));
    assert_false(rp_json_item(&r) || rp_json_item(&r));
    assert_false(rp_json_done(&r, NULL));
}

static void a_caller_s_error_names_the_value_it_read_last(void **state)
{
    (void)state;
    struct rp_json r;
    struct rp_str key, raw;
    struct rp_err err = {0};
    rp_json_open(&r, RP_STR("{\"p\": {\"x\":1}}"), &arena);
    assert_true(rp_json_object(&r) && rp_json_member(&r, &key) && rp_json_raw(&r, &raw));
    (void)rp_json_bad(&r, RP_E_TOO_LARGE, "more than %d bytes", 3);
    assert_false(rp_json_done(&r, &err));
    assert_int_equal(err.code, RP_E_TOO_LARGE);
    assert_string_equal(err.message, "\"p\": more than 3 bytes (line 1, column 7, byte 6)");
}

static void peek_tells_every_kind(void **state)
{
    (void)state;
    static const char *const texts[] = {
        [RP_JSON_NONE] = "x",    [RP_JSON_OBJECT] = " {", [RP_JSON_ARRAY] = "[",
        [RP_JSON_STRING] = "\"", [RP_JSON_NUMBER] = "-",  [RP_JSON_BOOL] = "f",
        [RP_JSON_NULL] = "n"};
    struct rp_json r;
    for (int k = RP_JSON_NONE; k <= RP_JSON_NULL; k++) {
        rp_json_open(&r, rp_str_of(texts[k]), NULL);
        assert_int_equal(rp_json_peek(&r), k);
    }
    rp_json_open(&r, RP_NONE, NULL);
    assert_int_equal(rp_json_peek(&r), RP_JSON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grammar_of_rfc_8259_holds),
        cmocka_unit_test(every_byte_is_judged_where_it_stands),
        cmocka_unit_test(every_prefix_of_a_document_is_refused),
        cmocka_unit_test_teardown(every_u_escape_is_its_character_or_a_lone_surrogate, arena_clean),
        cmocka_unit_test_teardown(text_without_escapes_is_a_slice_of_the_input, arena_clean),
        cmocka_unit_test(integers_are_exact_or_refused),
        cmocka_unit_test_teardown(reals_are_what_strtod_says_and_finite, arena_clean),
        cmocka_unit_test_teardown(depth_and_items_end_at_their_limits, arena_clean),
        cmocka_unit_test_teardown(a_command_is_read_and_its_payload_comes_as_it_was, arena_clean),
        cmocka_unit_test_teardown(what_a_command_may_not_hold_is_refused_with_its_place,
                                  arena_clean),
        cmocka_unit_test(the_first_error_stays_and_nothing_is_read_after_it),
        cmocka_unit_test(what_was_left_unread_is_an_error),
        cmocka_unit_test(a_caller_s_error_names_the_value_it_read_last),
        cmocka_unit_test(peek_tells_every_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
