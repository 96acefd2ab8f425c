/* Messages around messages: what stands in a template's hole, and which hole it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/wrap.h"

static const struct {
    const char *outer;
    int hole;
    const char *line, *inside; /* NULL: it is no such line */
} rows[] = {
    {"sync failed: <*>", 0, "sync failed: no tenant acme", "no tenant acme"},
    {"sync failed: <*>", 0, "sync failed: ", NULL},
    {"sync failed: <*>", 0, "sync did not fail: no", NULL},
    {"job <*> failed: <*> (try <*>)", 1, "job <*> failed: a (b) c (try <*>)", "a (b) c"},
    {"job <*> failed: <*> (try <*>)", 1, "job a b failed: c (try <*>)", NULL}, /* two words */
    {"job <*> failed: <*> (try <*>)", 1, "job <*> failed: c", NULL},
    {"<*> of <*>", 0, "a of b of c", "a of b"},
    {"<*> of <*>", 1, "a of b of c", "b of c"},
    {"<*>", 0, "all of it", "all of it"},
    {"no wildcard", 0, "no wildcard", NULL},
};

static void what_stands_in_the_hole_is_found_where_the_rest_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rp_str s =
            rp_wrap_inside(rp_str_of(rows[i].outer), rows[i].hole, rp_str_of(rows[i].line));
        if (rows[i].inside == NULL ? s.p != NULL : !rp_str_is(s, rows[i].inside))
            fail_msg("%s in %s: %.*s", rows[i].outer, rows[i].line, RP_FMT(s));
    }
}

static void the_whole_of_message_and_inside_is_the_line(void **state)
{
    struct rp_arena a = {0};
    (void)state;
    for (size_t i = 0; i < 4; i += 3) { /* the other wildcards are the line's, too */
        struct rp_str whole =
            rp_wrap_whole(&a, rp_str_of(rows[i].outer), rows[i].hole, rp_str_of(rows[i].inside));
        assert_true(rp_str_is(whole, rows[i].line));
    }
    assert_true(rp_str_is(rp_wrap_whole(&a, RP_STR("x"), 0, RP_STR("y")), "x"));
    rp_arena_free(&a);
}

static int hole(const char *outer, const char *inner, const char *line)
{
    return rp_wrap_hole(rp_str_of(outer), rp_str_of(inner), rp_str_of(line));
}

static void the_hole_is_the_one_that_the_inner_text_fits(void **state)
{
    (void)state;
    const char *outer = "job <*> failed: <*> (try <*>)";
    assert_int_equal(hole(outer, "no tenant <*>", "job <*> failed: no tenant acme (try <*>)"), 1);
    assert_int_equal(hole(outer, "no tenant acme", "job <*> failed: no tenant acme (try <*>)"), 1);
    assert_int_equal(hole("a: <*>: <*>", "c d", "a: b: c d"), 1);
    assert_int_equal(hole("a: <*>: <*>", "c d", "a: c d: b"), 0);
    assert_int_equal(hole(outer, "something else", "another line"), 2); /* the last */
    assert_int_equal(hole("no wildcard", "x", "no wildcard"), -1);
}

/* As many wildcards as a line has words: an answer comes all the same. */
static void hostile_templates_cost_a_bounded_time(void **state)
{
    struct rp_buf t = {0}, line = {0};
    (void)state;
    for (int i = 0; i < 200; i++) {
        rp_buf_fmt(&t, "<*>a");
        rp_buf_fmt(&line, "aaaa");
    }
    rp_buf_c(&t, 'b');
    for (int at = 0; at < 200; at += 50)
        assert_null(rp_wrap_inside(rp_buf_view(&t), at, rp_buf_view(&line)).p);
    rp_buf_free(&t);
    rp_buf_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_in_the_hole_is_found_where_the_rest_fits),
        cmocka_unit_test(the_whole_of_message_and_inside_is_the_line),
        cmocka_unit_test(the_hole_is_the_one_that_the_inner_text_fits),
        cmocka_unit_test(hostile_templates_cost_a_bounded_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
