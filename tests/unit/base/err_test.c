/* The table of codes, and docs/errors.md against it. */
#include "base/err.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_slug_leads_back_to_its_code(void **state)
{
    (void)state;
    for (int i = 0; i < RP_CODES_N; i++)
        assert_int_equal(rp_code_of_slug(rp_code_slug((enum rp_code)i)), i);
    assert_int_equal(rp_code_of_slug("a-slug-of-a-newer-daemon"), RP_E_INTERNAL);
}

static void only_success_has_the_numbers_of_success(void **state)
{
    (void)state;
    assert_int_equal(rp_code_exit(RP_OK), 0);
    assert_int_equal(rp_code_http(RP_OK), 200);
    for (int i = RP_OK + 1; i < RP_CODES_N; i++) {
        assert_in_range(rp_code_exit((enum rp_code)i), 1, 125);
        assert_in_range(rp_code_http((enum rp_code)i), 400, 599);
    }
}

static char *read_docs(size_t *n)
{
    FILE *f = fopen(RP_TESTS "/../docs/errors.md", "r");
    assert_non_null(f);
    char *text = rp_xcalloc(1, 1 << 17);
    *n = fread(text, 1, (1 << 17) - 1, f);
    (void)fclose(f);
    return text;
}

static void the_page_of_errors_has_a_section_with_the_numbers_of_each_code(void **state)
{
    (void)state;
    size_t n;
    char *text = read_docs(&n);
    for (int i = 0; i < RP_CODES_N; i++) {
        enum rp_code code = (enum rp_code)i;
        char head[300];
        (void)snprintf(head, sizeof head, "\n## %s\n\nHTTP %d, exit code %d: %s.\n",
                       rp_code_slug(code), rp_code_http(code), rp_code_exit(code),
                       rp_code_title(code));
        if (strstr(text, head) == NULL)
            fail_msg("docs/errors.md lacks:\n%s", head);
    }
    free(text);
}

static void the_page_of_errors_has_no_section_of_another_code(void **state)
{
    (void)state;
    size_t n;
    char *text = read_docs(&n);
    struct rp_str rest = {text, n}, line;
    while (rp_str_split(&rest, '\n', &line)) {
        if (!rp_str_starts(line, "## "))
            continue;
        char slug[64];
        (void)snprintf(slug, sizeof slug, "%.*s", (int)line.n - 3, line.p + 3);
        if (strcmp(rp_code_slug(rp_code_of_slug(slug)), slug) != 0)
            fail_msg("docs/errors.md explains %s, which no code has", slug);
    }
    free(text);
}

static void an_error_is_filled_and_false(void **state)
{
    (void)state;
    struct rp_err err = {.hint = "old"};
    assert_false(rp_fail(&err, RP_E_NOT_FOUND, "no job %d", 7));
    assert_int_equal(err.code, RP_E_NOT_FOUND);
    assert_string_equal(err.message, "no job 7");
    assert_string_equal(err.hint, "");
    assert_false(rp_hint(&err, "list them with %s", "jobs"));
    assert_string_equal(err.hint, "list them with jobs");
    assert_false(rp_fail(NULL, RP_E_IO, "nobody asks"));
    assert_false(rp_hint(NULL, "nobody asks"));
}

static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9D\x84\x9E"};
    for (size_t k = 0; k < 4; k++)
        for (size_t shift = 0; shift < 4; shift++) {
            struct rp_buf b = {0};
            struct rp_err err;
            for (size_t i = 0; i < shift; i++)
                rp_buf_c(&b, '.');
            for (size_t i = 0; i < 500; i++)
                rp_buf_str(&b, rp_str_of(letters[k]));
            (void)rp_fail(&err, RP_E_IO, "%s", b.p);
            (void)rp_hint(&err, "%s", b.p);
            size_t room = sizeof err.message - 1, len = strlen(letters[k]);
            assert_int_equal(strlen(err.message), room - (room - shift) % len);
            assert_true(rp_utf8_valid(rp_str_of(err.message)));
            assert_true(rp_utf8_valid(rp_str_of(err.hint)));
            rp_buf_free(&b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slug_leads_back_to_its_code),
        cmocka_unit_test(only_success_has_the_numbers_of_success),
        cmocka_unit_test(the_page_of_errors_has_a_section_with_the_numbers_of_each_code),
        cmocka_unit_test(the_page_of_errors_has_no_section_of_another_code),
        cmocka_unit_test(an_error_is_filled_and_false),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
