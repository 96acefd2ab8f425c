/* Oracles: the grammar of RFC 8259 as a table and as loops over every byte and every \u escape,
 * strtod for numbers, and the writer against the reader. */
#include "base/json.h"
#include "base/time.h"

#include <locale.h>
#include <math.h>
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

static const struct {
    const char *text;
    bool valid;
} grammar[] = {
    /* values and what surrounds them */
    {"null", true},
    {"true", true},
    {"false", true},
    {"0", true},
    {"\"\"", true},
    {" \t\r\n1 \t\r\n", true},
    {"", false},
    {" ", false},
    {"nul", false},
    {"nulll", false},
    {"True", false},
    {"truefalse", false},
    {"1 2", false},
    {"1,", false},
    {"NaN", false},
    {"Infinity", false},
    {"undefined", false},
    {"'a'", false},
    {"\f1", false},
    {"\v1", false},
    {"\xC2\xA0"
     "1",
     false},
    {"\xEF\xBB\xBF"
     "1",
     false},
    {"/**/1", false},
    {"1//", false},
    {"#", false},
    /* numbers */
    {"-0", true},
    {"-1", true},
    {"10", true},
    {"0.0", true},
    {"0e0", true},
    {"1E+2", true},
    {"1e-2", true},
    {"1.25e05", true},
    {"123456789012345678901234567890", true},
    {"1e999999", true},
    {"-", false},
    {"+1", false},
    {"01", false},
    {"-01", false},
    {"00", false},
    {".5", false},
    {"5.", false},
    {"5.e1", false},
    {"1e", false},
    {"1e+", false},
    {"1e1.5", false},
    {"1.2.3", false},
    {"--1", false},
    {"0x10", false},
    {"1_000", false},
    {"1a", false},
    {"-a", false},
    /* strings */
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", true},
    {"\"\\u0000\\uABCD\\uabcd\"", true},
    {"\"\\uD834\\uDD1E\"", true},
    {"\"\x7f\"", true},
    {"\"\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E\"", true},
    {"\"", false},
    {"\"a", false},
    {"\"\\\"", false},
    {"\"\\a\"", false},
    {"\"\\'\"", false},
    {"\"\\x41\"", false},
    {"\"\\U0041\"", false},
    {"\"\\u004\"", false},
    {"\"\\u004g\"", false},
    {"\"\\u\"", false},
    {"\"\\uD834\"", false},
    {"\"\\uD834x\"", false},
    {"\"\\uD834\\n\"", false},
    {"\"\\uD834\\uD834\"", false},
    {"\"\\uDD1E\\uD834\"", false},
    {"\"\\uD834\\u\"", false},
    {"\"\xED\xA0\x80\"", false},
    {"\"\xC0\xAF\"", false},
    {"\"\xF4\x90\x80\x80\"", false},
    {"\"\xE2\x82\"", false},
    /* arrays */
    {"[]", true},
    {"[ ]", true},
    {"[1]", true},
    {"[1 , 2]", true},
    {"[[],{}]", true},
    {"[", false},
    {"]", false},
    {"[1", false},
    {"[1,", false},
    {"[1,]", false},
    {"[,1]", false},
    {"[,]", false},
    {"[1 2]", false},
    {"[1,,2]", false},
    {"[1}", false},
    {"[1]]", false},
    {"[1:2]", false},
    /* objects */
    {"{}", true},
    {"{ }", true},
    {"{\"a\":1}", true},
    {"{ \"a\" : 1 , \"b\" : 2 }", true},
    {"{\"\":0}", true},
    {"{\"a\":1,\"a\":2}", true}, /* "SHOULD be unique": refused where a command is read */
    {"{", false},
    {"}", false},
    {"{\"a\"}", false},
    {"{\"a\":}", false},
    {"{\"a\" 1}", false},
    {"{\"a\",1}", false},
    {"{\"a\"::1}", false},
    {"{\"a\":1,}", false},
    {"{,\"a\":1}", false},
    {"{\"a\":1 \"b\":2}", false},
    {"{a:1}", false},
    {"{1:1}", false},
    {"{null:1}", false},
    {"{'a':1}", false},
    {"{\"a\":1]", false},
    {"{\"a\":1", false},
    {"{\"a\":1}}", false},
    {"{\"\\uD800\":1}", false},
};

static void the_grammar_of_rfc_8259_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof grammar / sizeof *grammar; i++)
        if (valid(rp_str_of(grammar[i].text)) != grammar[i].valid)
            fail_msg("%s must be %s", grammar[i].text, grammar[i].valid ? "read" : "refused");
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
    static const char *const refused[] = {"9223372036854775808",
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
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(read_i64(refused[i], &v));
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
        "123456789012345678901234567890123456789012345678901234567890"
        "123456789012345678901234567890.5e-60"};
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

static double random_double(void)
{
    uint64_t bits = (uint64_t)lrand48() << 62 ^ (uint64_t)lrand48() << 31 ^ (uint64_t)lrand48();
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void written_doubles_read_back_bit_for_bit(void **state)
{
    (void)state;
    srand48(8259);
    for (int i = 0; i < 100000; i++) {
        struct rp_buf b = {0};
        struct rp_jw w = {.out = &b};
        double v = i % 2 == 0 ? random_double() : (double)(lrand48() % 100000) / 100, back = 1;
        if (i % 16 == 0)
            v = (double)(lrand48() % 1000) * 5e-324;
        rp_jw_f64(&w, v);
        if (!isfinite(v))
            assert_string_equal(b.p, "null");
        else
            assert_true(read_f64(rp_buf_view(&b), &back) && memcmp(&v, &back, sizeof v) == 0);
        rp_buf_free(&b);
    }
}

static void doubles_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {0.1, "0.1"},       {1, "1"},      {-0.0, "-0"},      {100000, "100000"},
        {5e-324, "5e-324"}, {0.3, "0.3"},  {1e22, "1e+22"},   {0.1 + 0.2, "0.30000000000000004"},
        {12.5, "12.5"},     {NAN, "null"}, {INFINITY, "null"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rp_buf b = {0};
        struct rp_jw w = {.out = &b};
        rp_jw_f64(&w, rows[i].v);
        assert_string_equal(b.p, rows[i].text);
        rp_buf_free(&b);
    }
}

static void numbers_do_not_follow_the_locale(void **state)
{
    (void)state;
    static const char *const comma[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "ru_RU.UTF-8"};
    const char *set = NULL;
    for (size_t i = 0; i < 4 && set == NULL; i++)
        set = setlocale(LC_NUMERIC, comma[i]);
    if (set == NULL) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    double v;
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    bool ok = read_f64(RP_STR("1.5"), &v) && v == 1.5;
    rp_jw_f64(&w, 2.5);
    (void)setlocale(LC_NUMERIC, "C");
    assert_true(ok);
    assert_string_equal(b.p, "2.5");
    rp_buf_free(&b);
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

/* ---- writer ---- */

static void absent_members_are_left_out_and_commas_stand_right(void **state)
{
    (void)state;
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    rp_jw_object(&w);
    rp_jw_m_str(&w, "none", RP_NONE);
    rp_jw_m_cstr(&w, "none", NULL);
    rp_jw_m_time(&w, "none", 0);
    rp_jw_m_id(&w, "none", 0);
    rp_jw_m_raw(&w, "none", RP_NONE);
    rp_jw_m_str(&w, "s", RP_STR(""));
    rp_jw_m_i64(&w, "i", INT64_MIN);
    rp_jw_m_f64(&w, "f", 0.5);
    rp_jw_m_bool(&w, "b", false);
    rp_jw_m_time(&w, "t", 1);
    rp_jw_m_id(&w, "id", INT64_MAX);
    rp_jw_m_raw(&w, "r", RP_STR("[ 1]"));
    rp_jw_key(&w, "a");
    rp_jw_array(&w);
    rp_jw_array(&w);
    rp_jw_array_end(&w);
    rp_jw_object(&w);
    rp_jw_object_end(&w);
    rp_jw_null(&w);
    rp_jw_str(&w, RP_NONE);
    rp_jw_bool(&w, true);
    rp_jw_array_end(&w);
    rp_jw_object_end(&w);
    assert_string_equal(b.p, "{\"s\":\"\",\"i\":-9223372036854775808,\"f\":0.5,\"b\":false,"
                             "\"t\":\"1970-01-01T00:00:00.000001Z\",\"id\":\"9223372036854775807\","
                             "\"r\":[ 1],\"a\":[[],{},null,null,true]}");
    assert_true(rp_json_valid(rp_buf_view(&b), NULL));
    rp_buf_free(&b);
}

static void what_is_not_utf8_is_written_as_replacement_characters(void **state)
{
    (void)state;
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    rp_jw_str(&w, RP_STR("a\xFF\xC3\xA9\xE2\x82\"\\\x01\x1f\x7f\n\0z"));
    assert_string_equal(b.p, "\"a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\\\"\\\\\\u0001\\u001f"
                             "\x7f\\n\\u0000z\"");
    rp_buf_free(&b);
}

static void any_bytes_written_as_a_string_read_back(void **state)
{
    (void)state;
    srand48(2026);
    for (int i = 0; i < 20000; i++) {
        char bytes[24];
        size_t n = (size_t)(lrand48() % (long)sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)(lrand48() % (i % 2 == 0 ? 256 : 128));
        struct rp_str s = {bytes, n};
        struct rp_buf b = {0};
        struct rp_jw w = {.out = &b};
        rp_jw_str(&w, s);
        struct rp_str back = read_str(rp_buf_view(&b));
        assert_non_null(back.p);
        assert_true(rp_utf8_valid(s) ? rp_str_eq(s, back) : !rp_str_eq(s, back));
        rp_buf_free(&b);
        rp_arena_free(&arena);
    }
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
        cmocka_unit_test(written_doubles_read_back_bit_for_bit),
        cmocka_unit_test(doubles_are_written_in_their_shortest_form),
        cmocka_unit_test(numbers_do_not_follow_the_locale),
        cmocka_unit_test_teardown(depth_and_items_end_at_their_limits, arena_clean),
        cmocka_unit_test_teardown(a_command_is_read_and_its_payload_comes_as_it_was, arena_clean),
        cmocka_unit_test_teardown(what_a_command_may_not_hold_is_refused_with_its_place,
                                  arena_clean),
        cmocka_unit_test(the_first_error_stays_and_nothing_is_read_after_it),
        cmocka_unit_test(what_was_left_unread_is_an_error),
        cmocka_unit_test(a_caller_s_error_names_the_value_it_read_last),
        cmocka_unit_test(peek_tells_every_kind),
        cmocka_unit_test(absent_members_are_left_out_and_commas_stand_right),
        cmocka_unit_test(what_is_not_utf8_is_written_as_replacement_characters),
        cmocka_unit_test(any_bytes_written_as_a_string_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
