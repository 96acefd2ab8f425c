#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/csv.h"

#include <stdio.h>
#include <stdlib.h>

/* Records as text: fields in <>, a record a line with its line number. */
static bool take(void *ctx, const struct rp_str *fields, size_t n, int64_t line, struct rp_err *err)
{
    (void)err;
    struct rp_buf *out = ctx;
    rp_buf_fmt(out, "%lld:", (long long)line);
    for (size_t i = 0; i < n; i++)
        rp_buf_fmt(out, "<%.*s>", RP_FMT(fields[i]));
    rp_buf_c(out, '\n');
    return true;
}

static bool read_cut(struct rp_str text, size_t cut, struct rp_buf *out, struct rp_err *err)
{
    struct rp_csv c;
    rp_csv_open(&c, take, out);
    bool ok = rp_csv_feed(&c, (struct rp_str){text.p, cut}, err) &&
              rp_csv_feed(&c, (struct rp_str){text.p + cut, text.n - cut}, err) &&
              rp_csv_end(&c, err);
    rp_csv_close(&c);
    return ok;
}

/* What RFC 4180 section 2 says, and what spreadsheets and databases write. */
static const struct {
    const char *text, *records;
} cases[] = {
    {"a,b\n1,2\n", "1:<a><b>\n2:<1><2>\n"},
    {"a,b\r\n1,2\r\n", "1:<a><b>\n2:<1><2>\n"},
    {"a,b\n1,2", "1:<a><b>\n2:<1><2>\n"},
    {"\xEF\xBB\xBF"
     "a,b\n",
     "1:<a><b>\n"},
    {"a;b\n1,5;2\n", "1:<a><b>\n2:<1,5><2>\n"},
    {"a\tb\nx, y\tz\n", "1:<a><b>\n2:<x, y><z>\n"},
    {"\"a,b\",c\n", "1:<a,b><c>\n"},
    {"\"a\"\"b\",\"\"\n", "1:<a\"b><>\n"},
    {"a,\"x\ny\"\nb,c\n", "1:<a><x\ny>\n3:<b><c>\n"},
    {"a,\"x\r\ny\"\r\nb,c\r\n", "1:<a><x\r\ny>\n3:<b><c>\n"},
    {",\n", "1:<><>\n"},
    {"a,b\n\n1,2\n", "1:<a><b>\n3:<1><2>\n"},
    {"a\nb\n", "1:<a>\n2:<b>\n"},
    {"a,b\"c\n", "1:<a><b\"c>\n"},
    {"\"\"\n", "1:<>\n"},
    {"", ""},
};

static void records_are_those_of_RFC_4180_however_the_bytes_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
            struct rp_buf out = {0};
            struct rp_err err = {0};
            if (!read_cut(rp_str_of(cases[i].text), cut, &out, &err))
                fail_msg("case %zu: %s", i, err.message);
            assert_string_equal(out.p != NULL ? out.p : "", cases[i].records);
            rp_buf_free(&out);
        }
}

static void an_open_quote_and_a_giant_record_are_errors_with_their_line(void **state)
{
    (void)state;
    struct rp_buf out = {0};
    struct rp_err err;
    assert_false(read_cut(RP_STR("a,b\n\"x,y\n"), 3, &out, &err));
    assert_non_null(strstr(err.message, "line 2"));
    char *big = rp_xmalloc(CSV_RECORD_MAX + 10);
    memset(big, 'x', CSV_RECORD_MAX + 10);
    assert_false(read_cut((struct rp_str){big, CSV_RECORD_MAX + 10}, 7, &out, &err));
    assert_int_equal(err.code, RP_E_TOO_LARGE);
    memset(big, ',', CSV_RECORD_MAX);
    assert_false(read_cut((struct rp_str){big, CSV_FIELDS_MAX + 1}, 7, &out, &err));
    free(big);
    rp_buf_free(&out);
}

static void columns_are_found_by_name_and_a_missing_one_is_named(void **state)
{
    (void)state;
    struct rp_arena a = {0};
    struct rp_csv_map map = {0};
    struct rp_err err;
    struct rp_str header[] = {RP_STR("id"), RP_STR("queue"), RP_STR("status"), RP_STR("gpu")};
    assert_true(rp_csv_map_parse(&a, RP_STR("job=id, type=queue,outcome=status"), &map, &err));
    assert_true(rp_csv_map_header(&a, &map, header, 4, &err));
    struct rp_str row[] = {RP_STR("7"), RP_STR("LS"), RP_STR("Failed"), RP_STR("V100")};
    struct rp_csv_run run;
    assert_true(rp_csv_map_run(&map, row, 4, &run, &err));
    assert_int_equal(run.outcome, RP_OUT_FAILED);
    assert_true(rp_str_is(run.job, "7") && rp_str_is(run.type, "LS"));
    assert_true(rp_str_is(rp_csv_labels(&a, &map, row, 4), "{\"gpu\":\"V100\"}"));
    map.column[RP_CSV_END] = RP_STR("ended");
    assert_false(rp_csv_map_header(&a, &map, header, 4, &err));
    assert_non_null(strstr(err.message, "ended"));
    assert_non_null(strstr(err.hint, "id queue status gpu"));
    assert_false(rp_csv_map_parse(&a, RP_STR("color=red"), &map, &err));
    assert_false(rp_csv_map_parse(&a, RP_STR("job=id"), &(struct rp_csv_map){0}, &err));
    rp_arena_free(&a);
}

static void times_are_read_in_the_unit_that_their_size_tells(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } times[] = {{"2026-11-24T00:00:00Z", 1795478400000000},
                 {"1795478400", 1795478400000000},
                 {"1795478400123", 1795478400123000},
                 {"1795478400123456", 1795478400123456},
                 {"1795478400.25", 1795478400250000},
                 {"427061", 427061000000},
                 {"0", 0},
                 {"", INT64_MIN}};
    struct rp_csv_map map = {0};
    for (int i = 0; i < RP_CSV_COLUMNS_N; i++)
        map.index[i] = -1;
    map.index[RP_CSV_OUTCOME] = 0;
    map.index[RP_CSV_START] = 1;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct rp_csv_run run;
        struct rp_err err;
        struct rp_str row[] = {RP_STR("running"), rp_str_of(times[i].text)};
        assert_true(rp_csv_map_run(&map, row, 2, &run, &err));
        assert_int_equal(run.start_us, times[i].us);
        assert_true(run.unfinished);
        row[1] = RP_STR("yesterday");
        assert_false(rp_csv_map_run(&map, row, 2, &run, &err));
        row[0] = RP_STR("perhaps");
        assert_false(rp_csv_map_run(&map, row, 2, &run, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_those_of_RFC_4180_however_the_bytes_are_cut),
        cmocka_unit_test(an_open_quote_and_a_giant_record_are_errors_with_their_line),
        cmocka_unit_test(columns_are_found_by_name_and_a_missing_one_is_named),
        cmocka_unit_test(times_are_read_in_the_unit_that_their_size_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
