/* docs/schedules.md says what the program does: its tables are read and computed anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "core/cron.h"

#define PAGE RP_TESTS "/../docs/schedules.md"

enum { COLUMNS = 4 };

static struct rp_cron parsed(struct rp_str text)
{
    struct rp_cron c;
    struct rp_err err = {0};
    if (!rp_cron_parse(text, RP_STR("docs"), &c, &err))
        fail_msg("\"%.*s\": %s", RP_FMT(text), err.message);
    return c;
}

static int64_t us(struct rp_str time)
{
    int64_t v;
    if (!rp_time_parse(time, &v))
        fail_msg("\"%.*s\" is not a time", RP_FMT(time));
    return v;
}

static void check_words(struct rp_str text, struct rp_str meaning)
{
    struct rp_arena arena = {0};
    struct rp_cron c = parsed(text);
    struct rp_str words = rp_cron_words(&arena, &c);
    if (!rp_str_eq(words, meaning))
        fail_msg("\"%.*s\": the page says \"%.*s\", the program \"%.*s\"", RP_FMT(text),
                 RP_FMT(meaning), RP_FMT(words));
    rp_arena_free(&arena);
}

static void check_instants(struct rp_str text, struct rp_str zone, int64_t at, struct rp_str times)
{
    char came[RP_TIME_LEN];
    struct rp_str time;
    struct rp_err err = {0};
    struct rp_cron c = parsed(text);
    const struct rp_zone *z = rp_zone_load(zone, &err);
    if (z == NULL)
        fail_msg("%s", err.message);
    while (rp_str_split(&times, ' ', &time)) {
        at = rp_cron_next(&c, z, at, 0);
        if (at != us(time))
            fail_msg("\"%.*s\": the page says %.*s, the program %s", RP_FMT(text), RP_FMT(time),
                     rp_time_format(at, came));
    }
}

static void check_refusal(struct rp_str text, struct rp_str message)
{
    struct rp_cron c;
    struct rp_err err = {0};
    if (rp_cron_parse(text, RP_STR("docs"), &c, &err))
        fail_msg("\"%.*s\" is accepted", RP_FMT(text));
    if (!rp_str_is(message, err.message))
        fail_msg("the page says \"%.*s\", the program \"%s\"", RP_FMT(message), err.message);
}

/* The cells of `| a | b |`; 0 if the line is no row. Code marks are taken off. */
static int cells(struct rp_str line, struct rp_str out[COLUMNS])
{
    int n = 0;
    struct rp_str cell;
    line = rp_str_trim(line);
    if (!rp_str_starts(line, "|") || !rp_str_ends(line, "|") || line.n < 2)
        return 0;
    line = (struct rp_str){line.p + 1, line.n - 2};
    while (n < COLUMNS && rp_str_split(&line, '|', &cell)) {
        cell = rp_str_trim(cell);
        if (rp_str_starts(cell, "`") && rp_str_ends(cell, "`") && cell.n > 1)
            cell = (struct rp_str){cell.p + 1, cell.n - 2};
        out[n++] = cell;
    }
    return n;
}

enum table { OTHER, MEANINGS, CHANGES, REFUSALS };

static enum table table_of(int n, const struct rp_str *head)
{
    if (n == 2 && rp_str_is(head[1], "refusal"))
        return REFUSALS;
    if (n == 4 && rp_str_is(head[3], "next instants"))
        return rp_str_is(head[2], "after") ? CHANGES : MEANINGS;
    return OTHER;
}

static void check_row(enum table table, const struct rp_str *row)
{
    if (table == REFUSALS) {
        check_refusal(row[0], row[1]);
    } else if (table == CHANGES) {
        check_instants(row[0], row[1], us(row[2]), row[3]);
    } else if (table == MEANINGS) {
        check_words(row[0], row[2]);
        check_instants(row[0], row[1], us(RP_STR("2026-01-01T00:00:00Z")), row[3]);
    }
}

static void the_tables_of_the_page_are_true(void **state)
{
    (void)state;
    FILE *f = fopen(PAGE, "r");
    char line[512];
    enum table table = OTHER;
    int rows = 0, in_table = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        struct rp_str row[COLUMNS];
        int n = cells(rp_str_of(line), row);
        in_table = n > 0 ? in_table + 1 : 0;
        if (in_table == 1)
            table = table_of(n, row);
        if (in_table < 3 || table == OTHER) /* the head and the line under it */
            continue;
        check_row(table, row);
        rows++;
    }
    (void)fclose(f);
    print_message("%d rows\n", rows);
    assert_true(rows >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_of_the_page_are_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
