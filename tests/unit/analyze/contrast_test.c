#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/contrast.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 5, ROWS = 4000 };

static uint64_t seed;

static unsigned below(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 32) * n >> 32);
}

struct world {
    struct rp_arena arena;
    struct rp_str (*rows)[COLUMNS];
    bool *failed;
    size_t n;
};

static const struct rp_str names[COLUMNS] = {
    {"queue", 5}, {"host", 4}, {"version", 7}, {"memory", 6}, {"job", 3}};

/* Attributes that have nothing to do with each other, and none with failing. */
static void world_make(struct world *w, uint64_t from, size_t n)
{
    *w = (struct world){.n = n};
    seed = from * 2654435761u + 88172645463325252u;
    w->rows = rp_alloc(&w->arena, n * sizeof *w->rows);
    w->failed = RP_NEW_N(&w->arena, bool, n);
    for (size_t i = 0; i < n; i++) {
        w->rows[i][0] = rp_str_fmt(&w->arena, "q%u", below(4));
        w->rows[i][1] = rp_str_fmt(&w->arena, "host-%u", below(15));
        w->rows[i][2] = rp_str_fmt(&w->arena, "v%u", below(6));
        w->rows[i][3] = rp_str_fmt(&w->arena, "%u", 1 + below(30000));
        w->rows[i][4] = rp_str_fmt(&w->arena, "job %zu", i);
        w->failed[i] = below(10) == 0;
    }
}

static void world_ask(struct world *w, struct rp_contrast_answer *out)
{
    struct rp_contrast *c = rp_contrast_new(names, COLUMNS);
    for (size_t i = 0; i < w->n; i++)
        rp_contrast_add(c, w->rows[i], (struct rp_counts){w->failed[i], 1});
    rp_contrast_find(c, &w->arena, out);
    rp_contrast_free(c);
}

static void shuffle(struct world *w)
{
    for (size_t i = w->n; i-- > 1;) {
        size_t k = below((unsigned)i + 1);
        struct rp_str row[COLUMNS];
        bool failed = w->failed[i];
        memcpy(row, w->rows[i], sizeof row);
        memcpy(w->rows[i], w->rows[k], sizeof row);
        memcpy(w->rows[k], row, sizeof row);
        w->failed[i] = w->failed[k];
        w->failed[k] = failed;
    }
}

static struct rp_str as_json(struct rp_arena *a, const struct rp_contrast_answer *r)
{
    struct rp_buf b = {0};
    struct rp_jw w = {.out = &b};
    rp_contrast_json(&w, r);
    struct rp_str s = rp_str_dup(a, rp_buf_view(&b));
    rp_buf_free(&b);
    return s;
}

static bool is_where(struct rp_where w, const char *attribute, const char *value)
{
    return rp_str_is(w.attribute, attribute) && rp_str_is(w.value, value);
}

static void a_planted_value_is_found_with_its_counts(void **state)
{
    (void)state;
    struct world w;
    struct rp_contrast_answer r;
    struct rp_counts in = {0}, all = {0};
    world_make(&w, 1, ROWS);
    for (size_t i = 0; i < w.n; i++) {
        bool there = rp_str_is(w.rows[i][1], "host-7");
        w.failed[i] |= there && below(2) == 0;
        in.failed += there && w.failed[i];
        in.runs += there;
        all.failed += w.failed[i];
    }
    world_ask(&w, &r);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.condition[0].n_where, 1);
    assert_true(is_where(r.condition[0].where[0], "host", "host-7"));
    assert_int_equal(r.condition[0].in.failed, in.failed);
    assert_int_equal(r.condition[0].in.runs, in.runs);
    assert_int_equal(r.all.runs, ROWS);
    assert_int_equal(r.unexplained, all.failed - in.failed);
    assert_true(r.condition[0].q < 1e-6 && r.condition[0].lift > 3);
    rp_arena_free(&w.arena);
}

static void a_planted_pair_beats_both_its_values_and_they_are_its_shadows(void **state)
{
    (void)state;
    struct world w;
    struct rp_contrast_answer r;
    world_make(&w, 2, ROWS * 3);
    for (size_t i = 0; i < w.n; i++)
        w.failed[i] |= rp_str_is(w.rows[i][0], "q2") && rp_str_is(w.rows[i][2], "v3");
    world_ask(&w, &r);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.condition[0].n_where, 2);
    assert_true(is_where(r.condition[0].where[0], "queue", "q2"));
    assert_true(is_where(r.condition[0].where[1], "version", "v3"));
    assert_int_equal(r.condition[0].in.failed, r.condition[0].in.runs);
    assert_true(r.condition[0].n_shadows > 0);
    for (size_t i = 0; i < r.condition[0].n_shadows; i++)
        assert_true(is_where(r.condition[0].shadows[i].where[0], "queue", "q2") ||
                    is_where(r.condition[0].shadows[i].where[0], "version", "v3"));
    rp_arena_free(&w.arena);
}

/* A second attribute that says the same is no second cause; another cause is. */
static void what_the_first_condition_accounts_for_is_folded_and_a_second_cause_is_not(void **state)
{
    (void)state;
    struct world w;
    struct rp_contrast_answer r;
    world_make(&w, 3, ROWS * 2);
    for (size_t i = 0; i < w.n; i++) {
        if (rp_str_is(w.rows[i][2], "v5"))
            w.rows[i][0] = below(10) > 0 ? RP_STR("q-canary") : w.rows[i][0];
        w.failed[i] |= rp_str_is(w.rows[i][2], "v5") && below(10) < 8;
        w.failed[i] |= rp_str_is(w.rows[i][1], "host-3") && below(10) < 5;
    }
    world_ask(&w, &r);
    assert_int_equal(r.n, 2);
    assert_true(is_where(r.condition[0].where[0], "version", "v5"));
    assert_true(is_where(r.condition[1].where[0], "host", "host-3"));
    bool folded = false;
    for (size_t i = 0; i < r.condition[0].n_shadows; i++)
        folded |= is_where(r.condition[0].shadows[i].where[0], "queue", "q-canary");
    assert_true(folded);
    rp_arena_free(&w.arena);
}

static void numbers_with_many_values_are_powers_of_two(void **state)
{
    (void)state;
    struct world w;
    struct rp_contrast_answer r;
    world_make(&w, 4, ROWS);
    for (size_t i = 0; i < w.n; i++) {
        long memory = strtol(rp_cstr(&w.arena, w.rows[i][3]), NULL, 10);
        w.failed[i] |= memory >= 4096 && memory < 8192 && below(2) == 0;
    }
    world_ask(&w, &r);
    assert_int_equal(r.n, 1);
    assert_true(is_where(r.condition[0].where[0], "memory", "4096..8191"));
    rp_arena_free(&w.arena);
}

static void few_numbers_fractions_and_zero_are_shown_as_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *format, *bad;
        unsigned values, wanted;
        double scale;
    } cases[] = {{"%.0f", "3", 12, 3, 1},          {"%.0f", "8..15", 40, 9, 1},
                 {"%.2f", "0.25..0.5", 40, 4, .1}, {"%.0f", "0", 40, 0, 1},
                 {"%.0f", "1", 40, 1, 1},          {"-%.0f", "0 or less", 40, 7, 1}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct rp_str name = RP_STR("n");
        struct rp_contrast *c = rp_contrast_new(&name, 1);
        struct rp_arena a = {0};
        struct rp_contrast_answer r;
        double bad = cases[k].wanted * cases[k].scale;
        int bin = bad > 0 ? (int)floor(log2(bad)) : -1;
        for (unsigned i = 0; i < cases[k].values; i++) {
            double x = i * cases[k].scale;
            int own = x > 0 ? (int)floor(log2(x)) : -1;
            char text[40];
            bool odd = k == 5 && i % 2 == 0; /* some stay above zero */
            (void)snprintf(text, sizeof text, "%.2f", x);
            if (cases[k].scale == 1)
                (void)snprintf(text, sizeof text, k == 5 && !odd ? "-%.0f" : "%.0f", x);
            struct rp_str v = rp_str_of(text);
            bool fails = k == 0 ? i == 3 : k == 5 ? !odd || i == 0 : own == bin;
            rp_contrast_add(c, &v, (struct rp_counts){fails ? 45 : 1, 50});
        }
        rp_contrast_find(c, &a, &r);
        assert_true(r.n >= 1);
        assert_string_equal(rp_cstr(&a, r.condition[0].where[0].value), cases[k].bad);
        rp_contrast_free(c);
        rp_arena_free(&a);
    }
}

static void the_order_of_rows_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 6; round++) {
        struct world w;
        struct rp_contrast_answer one, other;
        world_make(&w, 50 + round, ROWS * 2);
        for (size_t i = 0; i < w.n; i++)
            w.failed[i] |= (rp_str_is(w.rows[i][1], "host-1") && below(3) == 0) ||
                           (rp_str_is(w.rows[i][2], "v1") && rp_str_is(w.rows[i][0], "q1"));
        world_ask(&w, &one);
        assert_true(one.n > 0);
        shuffle(&w);
        world_ask(&w, &other);
        assert_string_equal(rp_cstr(&w.arena, as_json(&w.arena, &one)),
                            rp_cstr(&w.arena, as_json(&w.arena, &other)));
        assert_int_equal(one.tests, other.tests);
        rp_arena_free(&w.arena);
    }
}

static void counted_rows_say_the_same_as_single_ones(void **state)
{
    (void)state;
    struct world w;
    struct rp_contrast_answer one, other;
    struct rp_contrast *c = rp_contrast_new(names, COLUMNS);
    world_make(&w, 6, ROWS);
    for (size_t i = 0; i < w.n; i++)
        w.failed[i] |= rp_str_is(w.rows[i][0], "q1") && below(3) == 0;
    for (size_t i = 0; i < w.n; i++)
        rp_contrast_add(c, w.rows[i], (struct rp_counts){w.failed[i] ? 7 : 0, 7});
    rp_contrast_find(c, &w.arena, &other);
    for (size_t i = 0; i < w.n; i++)
        w.rows[i][4] = RP_STR("");
    world_ask(&w, &one);
    assert_int_equal(other.all.runs, one.all.runs * 7);
    assert_true(one.n == 1 && is_where(one.condition[0].where[0], "queue", "q1"));
    assert_true(is_where(other.condition[0].where[0], "queue", "q1"));
    assert_int_equal(other.condition[0].in.failed, one.condition[0].in.failed * 7);
    rp_contrast_free(c);
    rp_arena_free(&w.arena);
}

/* q ≤ .01 over all tests: at most one table in a hundred with nothing in it says something, and
 * the gates make that fewer. Of 300, more than 9 would be a chance below .002. */
/* A pair with a value that never failed is a test that was made, too: left out, the others would
 * look surer than they are. */
static void pairs_with_values_that_never_failed_are_counted_as_tests(void **state)
{
    (void)state;
    const struct rp_str two[] = {{"a", 1}, {"b", 1}};
    struct rp_arena arena = {0};
    struct rp_contrast_answer answer;
    struct rp_contrast *c = rp_contrast_new(two, 2);
    for (size_t i = 0; i < 4; i++) {
        struct rp_str values[] = {rp_str_of(i % 2 == 0 ? "x" : "y"),
                                  rp_str_of(i / 2 == 0 ? "p" : "q")};
        rp_contrast_add(c, values, (struct rp_counts){i == 0 ? 10 : 0, 50});
    }
    rp_contrast_find(c, &arena, &answer);
    assert_int_equal(answer.tests, 4 + 4); /* values and pairs */
    rp_contrast_free(c);
    rp_arena_free(&arena);
}

static void random_labels_give_none(void **state)
{
    (void)state;
    int said = 0;
    for (uint64_t round = 0; round < 300; round++) {
        struct world w;
        struct rp_contrast_answer r;
        world_make(&w, 1000 + round, 1500);
        world_ask(&w, &r);
        said += r.n > 0;
        assert_int_equal(r.unexplained > 0, r.all.failed > 0);
        rp_arena_free(&w.arena);
    }
    assert_in_range(said, 0, 9);
}

static void weak_effects_are_none_however_sure(void **state)
{
    (void)state;
    struct rp_str name = RP_STR("queue"), v[] = {RP_STR("a"), RP_STR("b")};
    struct rp_arena a = {0};
    struct rp_contrast_answer r;
    struct rp_contrast *c = rp_contrast_new(&name, 1);
    rp_contrast_add(c, &v[0], (struct rp_counts){1400000, 10000000}); /* lift 1.17 */
    rp_contrast_add(c, &v[1], (struct rp_counts){1000000, 10000000});
    rp_contrast_find(c, &a, &r);
    assert_int_equal(r.n, 0);
    assert_int_equal(r.tests, 2);
    rp_contrast_free(c);
    rp_arena_free(&a);
}

static void nothing_one_row_and_all_failed_are_no_trouble(void **state)
{
    (void)state;
    struct rp_str name = RP_STR("queue"), v = RP_STR("a");
    for (int i = 0; i < 4; i++) {
        struct rp_arena a = {0};
        struct rp_contrast_answer r;
        struct rp_contrast *c = rp_contrast_new(&name, i == 3 ? 0 : 1);
        if (i > 0)
            rp_contrast_add(c, &v, (struct rp_counts){i == 1 ? 1 : 5000, i == 1 ? 1 : 5000});
        rp_contrast_find(c, &a, &r);
        assert_int_equal(r.n, 0);
        assert_int_equal(r.unexplained, r.all.failed);
        rp_contrast_free(c);
        rp_arena_free(&a);
    }
}

/* More rows of one vector than a row can count, and more values than an attribute may have. */
static void the_limits_of_a_table_lose_no_run(void **state)
{
    (void)state;
    struct rp_str two[] = {RP_STR("queue"), RP_STR("request")}, v[2];
    struct rp_arena a = {0};
    struct rp_contrast_answer r;
    struct rp_contrast *c = rp_contrast_new(two, 2);
    char text[40];
    uint64_t runs = 0, failed = 0;
    for (unsigned i = 0; i < RP_CONTRAST_VALUES + 1000; i++) {
        v[0] = i % 4 == 0 ? RP_STR("bad") : RP_STR("good");
        (void)snprintf(text, sizeof text, "r-%u", i);
        v[1] = rp_str_of(text);
        rp_contrast_add(c, v, (struct rp_counts){i % 4 == 0, 1});
        runs++;
        failed += i % 4 == 0;
    }
    v[1] = RP_STR("huge");
    rp_contrast_add(c, v, (struct rp_counts){3, UINT64_C(3) << 32});
    rp_contrast_add(c, v, (struct rp_counts){3, UINT64_C(3) << 32});
    rp_contrast_find(c, &a, &r);
    assert_true(r.all.runs == runs + (UINT64_C(6) << 32));
    assert_int_equal(r.all.failed, failed + 6);
    assert_int_equal(r.n_left_out, 1);
    assert_string_equal(rp_cstr(&a, r.left_out[0]), "request");
    assert_true(r.n == 1 && is_where(r.condition[0].where[0], "queue", "bad"));
    rp_contrast_free(c);
    rp_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_value_is_found_with_its_counts),
        cmocka_unit_test(a_planted_pair_beats_both_its_values_and_they_are_its_shadows),
        cmocka_unit_test(what_the_first_condition_accounts_for_is_folded_and_a_second_cause_is_not),
        cmocka_unit_test(numbers_with_many_values_are_powers_of_two),
        cmocka_unit_test(few_numbers_fractions_and_zero_are_shown_as_what_they_are),
        cmocka_unit_test(the_order_of_rows_changes_nothing),
        cmocka_unit_test(counted_rows_say_the_same_as_single_ones),
        cmocka_unit_test(pairs_with_values_that_never_failed_are_counted_as_tests),
        cmocka_unit_test(random_labels_give_none),
        cmocka_unit_test(weak_effects_are_none_however_sure),
        cmocka_unit_test(nothing_one_row_and_all_failed_are_no_trouble),
        cmocka_unit_test(the_limits_of_a_table_lose_no_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
