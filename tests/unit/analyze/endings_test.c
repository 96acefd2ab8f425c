/* Classes by how a process ended and what was cut short; values that must not matter. */
#include "analyze/internal.h"
#include "train/labelled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void how_a_process_ended_is_read_where_the_line_says_it(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum rp_class class;
    } cases[] = {
        {"exited with code 139", RP_CLASS_CRASH},
        {"Exited (143) 3 minutes ago", RP_CLASS_KILLED},
        {"exit status 127", RP_CLASS_MISSING_COMMAND},
        {"code=exited, status=203/EXEC", RP_CLASS_MISSING_COMMAND},
        {"exit code 124", RP_CLASS_TIMEOUT},
        {"waitpid returned 9 (signal 9)", RP_CLASS_KILLED},
        {"died of signal 11", RP_CLASS_CRASH},
        {"terminated by signal SIGBUS", RP_CLASS_CRASH},
        {"SIGXCPU: cpu limit", RP_CLASS_TIMEOUT},
        {"exited with exit code -1073740791", RP_CLASS_CRASH},
        {"exit code 0xC0000005", RP_CLASS_CRASH},
        {"exit status 1", RP_CLASS_UNKNOWN},
        {"exited after 139 of 200 rows", RP_CLASS_CRASH}, /* near enough */
        {"exited after it had read all of 139 rows", RP_CLASS_UNKNOWN},
        {"the query returned 137 rows, 9 failed", RP_CLASS_UNKNOWN},
        {"wrote 137 rows and 143 files", RP_CLASS_UNKNOWN},
        {"signal 42", RP_CLASS_UNKNOWN},
        {"exit code 99999999999999999999999999999999", RP_CLASS_UNKNOWN},
        {"exit ", RP_CLASS_UNKNOWN},
        {"-", RP_CLASS_UNKNOWN},
        {"", RP_CLASS_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (rp_ending_match(rp_str_of(cases[i].line)).class != cases[i].class)
            fail_msg("%s", cases[i].line);
}

/* What was cut short says less than why. */
static void what_was_cut_short_decides_only_where_nothing_tells_why(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum rp_class class;
    } cases[] = {
        {"Work-horse terminated unexpectedly", RP_CLASS_WORKER_LOST},
        {"Work-horse terminated unexpectedly; waitpid returned 139 (signal 11);", RP_CLASS_CRASH},
        {"ERROR: Job failed (system failure): x", RP_CLASS_WORKER_LOST},
        {"ERROR: Job failed (system failure): prepare environment:\nnil pointer dereference",
         RP_CLASS_CODE_BUG},
        {"thread 'a' panicked at 'called `Result::unwrap()` on an `Err` value: Elapsed(())'",
         RP_CLASS_CODE_BUG},
        {"thread 'a' panicked at 'called `Result::unwrap()` on an `Err` value: "
         "reqwest::Error { kind: Request, source: TimedOut }'",
         RP_CLASS_NET_TIMEOUT},
        {"The node was low on resource: ephemeral-storage.", RP_CLASS_DISK_FULL},
        {"The node was low on resource.", RP_CLASS_WORKER_LOST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (labelled_classify(cases[i].message) != cases[i].class)
            fail_msg("%s: %s", cases[i].message,
                     rp_classes[labelled_classify(cases[i].message)].name);
}

/* Numbers, ids and names that stand in a message change nothing. */
static void values_do_not_change_a_class(void **state)
{
    (void)state;
    assert_int_equal(labelled_classify("LookupError: Gr\xC3\xB6\xC3\x9F"
                                       "e fehlt: \xE2\x80\x9C"
                                       "12\xE2\x80\x9D"),
                     RP_CLASS_CODE_BUG);
    assert_int_equal(labelled_classify("Error: null"), RP_CLASS_UNKNOWN);
    assert_int_equal(labelled_classify("undefined"), RP_CLASS_UNKNOWN);
    assert_int_equal(labelled_classify("TypeError: undefined"), RP_CLASS_CODE_BUG);
    enum rp_class class = labelled_classify("flobbergast {\"n\":3}");
    for (int i = 0; i < 1000; i += 7) {
        char line[64];
        (void)snprintf(line, sizeof line, "flobbergast {\"n\":%d}", i);
        assert_int_equal(labelled_classify(line), class);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_process_ended_is_read_where_the_line_says_it),
        cmocka_unit_test(what_was_cut_short_decides_only_where_nothing_tells_why),
        cmocka_unit_test(values_do_not_change_a_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
