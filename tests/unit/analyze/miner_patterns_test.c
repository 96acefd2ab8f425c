#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/miner/miner.h"

#include <stdio.h>
#include <stdlib.h>

/* Lines and the number of their group. */
struct row {
    const char *line;
    int group;
};

static const struct row rows[] = {
    {"could not connect to 10.1.2.3:5432", 0},
    {"could not connect to 10.9.9.9:5432", 0},
    {"worker alpha7 started", 1},
    {"worker beta12 started", 1},
    {"worker gamma3 started", 1},
    {"worker gamma3 stopped", 2},
    {"worker beta12 stopped", 2},
    {"worker alpha7 stopped", 2},
    {"open of file 'a.txt' failed", 3},
    {"open of file 'b.csv' failed", 3},
    {"level=info msg=\"request done\" path=/a status=200", 4},
    {"level=info msg=\"request done\" path=/b/c status=404", 4},
    {"level=info msg=\"request begun\" path=/b/c status=0", 5},
    {"failed to send report to archive: connection refused", 6},
    {"failed to send report to archive: no such file or directory", 6},
    {"failed to send report to archive: permission denied", 6},
    {"node status is now: NodeReady", 7},
    {"node status is now: NodeNotReady", 8},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static struct rp_miner *mine(const size_t *order, size_t n)
{
    struct rp_miner *m = rp_miner_new();
    for (size_t i = 0; i < n; i++)
        (void)rp_miner_add(m, rp_str_of(rows[order[i]].line));
    return m;
}

static void assert_groups(struct rp_miner *m)
{
    uint32_t ids[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        ids[i] = rp_miner_find(m, rp_str_of(rows[i].line)).pattern;
        assert_int_not_equal(ids[i], RP_MINER_OTHER);
        for (size_t j = 0; j < i; j++)
            if ((ids[i] == ids[j]) != (rows[i].group == rows[j].group))
                fail_msg("%s\n and\n%s", rows[i].line, rows[j].line);
    }
}

static void assert_template(struct rp_miner *m, const char *line, const char *template)
{
    struct rp_arena a = {0};
    assert_string_equal(rp_cstr(&a, rp_miner_find(m, rp_str_of(line)).template), template);
    rp_arena_free(&a);
}

static void in_order(size_t order[ROWS])
{
    for (size_t i = 0; i < ROWS; i++)
        order[i] = i;
}

static void shuffle(size_t order[ROWS], unsigned seed)
{
    in_order(order);
    for (size_t i = ROWS - 1; i > 0; i--) {
        seed = seed * 1103515245 + 12345;
        size_t j = (seed >> 16) % (i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

static void lines_that_say_the_same_are_one_pattern(void **state)
{
    size_t order[ROWS];
    (void)state;
    in_order(order);
    struct rp_miner *m = mine(order, ROWS);
    rp_miner_refine(m);
    assert_groups(m);
    assert_template(m, rows[0].line, "could not connect to <*>:<*>");
    assert_template(m, rows[2].line, "worker <*> started");
    assert_template(m, rows[5].line, "worker <*> stopped");
    assert_template(m, rows[8].line, "open of file '<*>' failed");
    assert_template(m, rows[10].line, "level=info msg=\"request done\" path=<*> status=<*>");
    assert_template(m, rows[13].line, "failed to send report to archive: <*>");
    assert_int_equal(rp_miner_stats(m).patterns, 9);
    rp_miner_free(m);
}

static void the_order_of_lines_plays_no_role(void **state)
{
    size_t order[ROWS];
    (void)state;
    for (unsigned seed = 1; seed <= 50; seed++) {
        shuffle(order, seed);
        struct rp_miner *m = mine(order, ROWS);
        rp_miner_refine(m);
        assert_groups(m);
        rp_miner_free(m);
    }
}

static void two_halves_merge_to_the_whole(void **state)
{
    size_t order[ROWS];
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        shuffle(order, seed);
        struct rp_miner *a = mine(order, ROWS / 2), *b = mine(order + ROWS / 2, ROWS - ROWS / 2);
        if (seed % 2 == 0) { /* what a half has found out already does no harm */
            rp_miner_refine(a);
            rp_miner_refine(b);
        }
        rp_miner_merge(a, b);
        rp_miner_refine(a);
        assert_groups(a);
        assert_int_equal(rp_miner_stats(a).lines, ROWS);
        rp_miner_free(a);
        rp_miner_free(b);
    }
}

static void what_one_state_has_merged_stays_merged_in_the_other(void **state)
{
    static const char *const tables[] = {"orders", "billing", "users", "audit"};
    struct rp_miner *a = rp_miner_new(), *b = rp_miner_new();
    char line[64];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(line, sizeof line, "lease of table %s expired", tables[i]);
        (void)rp_miner_add(b, rp_str_of(line));
    }
    rp_miner_refine(b);
    uint32_t first = rp_miner_add(a, RP_STR("lease of table orders expired"));
    uint32_t second = rp_miner_add(a, RP_STR("lease of table users expired"));
    assert_int_not_equal(rp_miner_resolve(a, first), rp_miner_resolve(a, second));
    rp_miner_merge(a, b);
    assert_int_equal(rp_miner_resolve(a, second), first);
    assert_int_equal(rp_miner_find(a, RP_STR("lease of table audit expired")).pattern, first);
    rp_miner_free(a);
    rp_miner_free(b);
}

static struct rp_miner *restart(struct rp_miner *m)
{
    struct rp_buf state = {0};
    struct rp_err err = {0};
    rp_miner_save(m, &state);
    rp_miner_free(m);
    m = rp_miner_load(rp_buf_view(&state), &err);
    rp_buf_free(&state);
    assert_non_null(m);
    return m;
}

static void patterns_keep_their_ids_over_a_restart(void **state)
{
    size_t order[ROWS];
    uint32_t ids[ROWS];
    (void)state;
    in_order(order);
    struct rp_miner *m = mine(order, ROWS);
    rp_miner_refine(m);
    for (size_t i = 0; i < ROWS; i++)
        ids[i] = rp_miner_find(m, rp_str_of(rows[i].line)).pattern;
    m = restart(m);
    assert_template(m, rows[2].line, "worker <*> started");
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(rp_miner_find(m, rp_str_of(rows[i].line)).pattern, ids[i]);
    (void)rp_miner_add(m, RP_STR("worker delta9 started"));
    rp_miner_refine(m);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(rp_miner_resolve(m, ids[i]), ids[i]);
    assert_groups(m);
    assert_int_equal(rp_miner_find(m, RP_STR("worker delta9 started")).pattern, ids[2]);
    rp_miner_free(m);
}

static void a_restart_between_any_two_lines_changes_nothing(void **state)
{
    (void)state;
    struct rp_miner *m = rp_miner_new();
    for (size_t i = 0; i < ROWS; i++) {
        (void)rp_miner_add(m, rp_str_of(rows[i].line));
        m = restart(m);
    }
    rp_miner_refine(m);
    assert_groups(m);
    rp_miner_free(m);
}

static void patterns_only_merge_and_the_older_id_lives(void **state)
{
    (void)state;
    struct rp_miner *m = rp_miner_new();
    uint32_t first = rp_miner_add(m, RP_STR("lease of table orders expired"));
    uint32_t second = rp_miner_add(m, RP_STR("lease of table billing expired"));
    rp_miner_refine(m);
    assert_int_not_equal(rp_miner_resolve(m, first), rp_miner_resolve(m, second));
    (void)rp_miner_add(m, RP_STR("lease of table users expired"));
    (void)rp_miner_add(m, RP_STR("lease of table audit expired"));
    rp_miner_refine(m);
    assert_int_equal(rp_miner_resolve(m, first), first);
    assert_int_equal(rp_miner_resolve(m, second), first);
    assert_true(rp_str_is(rp_miner_template(m, second), "lease of table <*> expired"));
    rp_miner_free(m);
}

static void a_new_form_of_a_known_template_has_its_pattern_at_once(void **state)
{
    (void)state;
    struct rp_miner *m = rp_miner_new();
    uint32_t id = rp_miner_add(m, RP_STR("login of account 'alice' refused by policy"));
    (void)rp_miner_add(m, RP_STR("login of account 'bob' refused by policy"));
    rp_miner_refine(m);
    assert_int_equal(rp_miner_add(m, RP_STR("login of account 'carol' refused by policy")), id);
    assert_int_not_equal(rp_miner_add(m, RP_STR("login of account 'carol' allowed")), id);
    rp_miner_free(m);
}

static void a_wrapped_error_is_a_second_level(void **state)
{
    size_t order[ROWS];
    (void)state;
    in_order(order);
    struct rp_miner *m = mine(order, ROWS);
    rp_miner_refine(m);
    struct rp_miner_hit x = rp_miner_find(m, rp_str_of(rows[13].line));
    struct rp_miner_hit y = rp_miner_find(m, rp_str_of(rows[14].line));
    assert_int_equal(x.pattern, y.pattern);
    assert_true(rp_str_is(x.inner, "connection refused"));
    assert_true(rp_str_is(y.inner, "no such file or directory"));
    assert_null(rp_miner_find(m, rp_str_of(rows[0].line)).inner.p);
    rp_miner_free(m);
}

static void a_damaged_state_is_refused(void **state)
{
    size_t order[ROWS];
    struct rp_buf b = {0};
    struct rp_err err = {0};
    (void)state;
    in_order(order);
    struct rp_miner *m = mine(order, ROWS);
    rp_miner_save(m, &b);
    rp_miner_free(m);
    for (size_t i = 0; i < b.n; i += 7) {
        b.p[i] ^= 1;
        assert_null(rp_miner_load(rp_buf_view(&b), &err));
        assert_int_not_equal(err.code, RP_OK);
        b.p[i] ^= 1;
    }
    assert_null(rp_miner_load((struct rp_str){b.p, b.n - 1}, &err));
    assert_null(rp_miner_load(RP_STR(""), &err));
    rp_buf_free(&b);
}

/* A stop waits for no refinement (G26); without one, it is as if nothing had been cut. */
static void a_refinement_that_is_cut_ends_and_can_be_made_later(void **state)
{
    (void)state;
    static const char *const names[] = {"alice", "bob", "carol", "dave", "erin", "frank"};
    enum { N = sizeof names / sizeof *names };
    struct rp_miner *m = rp_miner_new();
    uint32_t id[N], apart = 0, one = 0;
    atomic_bool cut = true;
    for (int i = 0; i < N; i++) {
        char line[80];
        (void)snprintf(line, sizeof line, "tenant of user %s is not in region north", names[i]);
        id[i] = rp_miner_add(m, rp_str_of(line));
    }
    rp_miner_cut(m, &cut);
    rp_miner_refine(m);
    for (int i = 1; i < N; i++)
        apart += rp_miner_resolve(m, id[i]) != rp_miner_resolve(m, id[0]);
    assert_int_equal(apart, N - 1);
    atomic_store(&cut, false);
    rp_miner_refine(m);
    for (int i = 1; i < N; i++)
        one += rp_miner_resolve(m, id[i]) == rp_miner_resolve(m, id[0]);
    assert_int_equal(one, N - 1);
    rp_miner_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_say_the_same_are_one_pattern),
        cmocka_unit_test(the_order_of_lines_plays_no_role),
        cmocka_unit_test(two_halves_merge_to_the_whole),
        cmocka_unit_test(what_one_state_has_merged_stays_merged_in_the_other),
        cmocka_unit_test(patterns_keep_their_ids_over_a_restart),
        cmocka_unit_test(a_restart_between_any_two_lines_changes_nothing),
        cmocka_unit_test(patterns_only_merge_and_the_older_id_lives),
        cmocka_unit_test(a_new_form_of_a_known_template_has_its_pattern_at_once),
        cmocka_unit_test(a_wrapped_error_is_a_second_level),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(a_refinement_that_is_cut_ends_and_can_be_made_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
