/* Two levels of patterns (miner.md 12) as rows: the number of a message names all that it wraps,
 * counts add up, and what it wraps is bounded. */
#include "world.h"

#include "store/mined.h"

#define TYPES                                                                                      \
    "jobs:\n  a: {run: [/bin/true], idempotent: true}\n  b: {run: [/bin/true], idempotent: "       \
    "true}\n"

static struct rp_pattern pattern(struct world *w, int64_t id)
{
    struct rp_pattern p;
    OK(rp_pattern_get(w->db, id, &w->arena, &p, err));
    OK(rp_pattern_inners(w->db, &w->arena, &p, err));
    return p;
}

static int64_t message(struct world *w, const char *template)
{
    int64_t id;
    OK(rp_outer_found(w->db, rp_str_of(template), 0, &id, err));
    return id;
}

static void wrap(struct world *w, int64_t id, int64_t outer, const char *inner)
{
    OK(rp_pattern_reworded(w->db, id, rp_str_fmt(&w->arena, "sync failed: %s", inner),
                           rp_str_of(inner), outer, err));
}

/* Three failures of P1, two of P2, one of P3, all of type a, and one of P4; P1 to P3 are wrapped in
 * P5. */
enum { OUTER = 5 };
static void fail_wrapped(struct world *w)
{
    configure(w, TYPES);
    fail_jobs(w, "a", 3, 7);
    fail_jobs(w, "a", 2, 8);
    fail_jobs(w, "a", 1, 9);
    fail_jobs(w, "a", 1, 10);
    assert_int_equal(message(w, "sync failed: <*>"), OUTER);
    wrap(w, 1, OUTER, "refused");
    wrap(w, 2, OUTER, "no tenant <*>");
    wrap(w, 3, OUTER, "a bug");
}

static int64_t count_of(struct world *w, int64_t id)
{
    struct rp_job_filter f = {.pattern_id = id};
    int64_t n;
    OK(rp_jobs_count(w->db, &f, &n, err));
    return n;
}

static size_t selected(struct world *w, int64_t id)
{
    struct rp_job_filter f = {.pattern_id = id};
    size_t n;
    (void)candidates(w, &f, &n);
    return n;
}

static void a_message_names_all_that_it_wraps(void **state)
{
    struct world *w = *state;
    static const int64_t jobs[] = {3, 2, 1, 1, 6};
    fail_wrapped(w);
    for (int64_t id = 1; id <= OUTER; id++) {
        assert_int_equal(count_of(w, id), jobs[id - 1]);
        assert_int_equal(selected(w, id), jobs[id - 1]);
        assert_int_equal(pattern(w, id).failures, jobs[id - 1]);
    }
    struct rp_pattern p = pattern(w, OUTER);
    assert_true(p.wraps && p.class.p == NULL && p.outer.patterns == 3);
    assert_int_equal(p.n_inners, 3);
    assert_int_equal(p.inners[0].id, 1);
    assert_true(rp_str_is(p.inners[1].inner, "no tenant <*>"));
    assert_int_equal(p.first_us, pattern(w, 1).first_us);
    assert_int_equal(p.last_us, pattern(w, 3).last_us);
    p = pattern(w, 2);
    assert_int_equal(p.outer.id, OUTER);
    assert_int_equal(p.outer.failures, 6);
    assert_int_equal(p.n_inners, 2); /* beside it */
    assert_int_equal(pattern(w, 4).outer.id, 0);
}

static void lists_hold_pairs_together_and_their_sums_are_those_of_the_jobs(void **state)
{
    struct world *w = *state;
    struct rp_pattern *v;
    size_t n;
    static const int64_t order[] = {1, 2, 3, 4};
    fail_wrapped(w);
    for (int i = 0; i < 4; i++) /* P4: five, more than each of them, fewer than all */
        (void)run_one(w, "a", RP_OUT_FAILED, "alone", 10);
    OK(rp_patterns_list(w->db, 0, 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(v[i].id, order[i]);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(v[i].outer.failures, 6);
        assert_int_equal(v[i].outer.patterns, 3);
    }
    OK(rp_patterns_list(w->db, pattern(w, 2).last_us, 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 3); /* P1 failed before: not counted here */
    assert_int_equal(v[0].id, 4);
    assert_int_equal(v[1].outer.failures, 3);
    assert_int_equal(v[1].outer.patterns, 2);
}

static void what_joins_a_pair_counts_below_its_message_only(void **state)
{
    struct world *w = *state;
    bool joined;
    fail_wrapped(w);
    OK(rp_patterns_found_one(w->db, 3, 1, &joined, err));
    assert_int_equal(pattern(w, OUTER).outer.patterns, 2);
    assert_int_equal(count_of(w, OUTER), 6);
    OK(rp_patterns_merge(w->db, 4, 2, RP_STR("ada"), RP_NONE, w->now, err)); /* P4 is part of P2 */
    assert_int_equal(count_of(w, OUTER), 7);
    assert_int_equal(selected(w, OUTER), 7);
    OK(rp_pattern_split(w->db, 2, RP_STR("ada"), RP_NONE, w->now, err));
    assert_int_equal(count_of(w, OUTER), 6);
    assert_int_equal(pattern(w, 2).outer.id, OUTER);
}

/* Its patterns have all become part of one that it does not wrap. */
static void a_message_that_wraps_nothing_any_more_has_failed_at_no_time(void **state)
{
    struct world *w = *state;
    configure(w, TYPES);
    fail_jobs(w, "a", 1, 7);
    fail_jobs(w, "a", 2, 8);
    int64_t outer = message(w, "sync failed: <*>");
    wrap(w, 2, outer, "refused");
    assert_true(pattern(w, outer).first_us > 0);
    OK(rp_patterns_merge(w->db, 1, 2, RP_STR("ada"), RP_NONE, w->now, err));
    struct rp_pattern p = pattern(w, outer);
    assert_int_equal(p.failures, 0);
    assert_int_equal(p.first_us, 0);
    assert_int_equal(p.last_us, 0);
    assert_int_equal(count_of(w, outer), 0);
    assert_int_equal(selected(w, outer), 0);
    OK(rp_pattern_split(w->db, 1, RP_STR("ada"), RP_NONE, w->now, err));
    assert_int_equal(pattern(w, outer).failures, 2);
    assert_int_equal(count_of(w, outer), 2);
}

static void two_messages_become_one_and_both_numbers_name_it(void **state)
{
    struct world *w = *state;
    bool joined;
    fail_wrapped(w);
    int64_t other = message(w, "nightly sync failed: <*>");
    wrap(w, 4, other, "disk full");
    assert_int_equal(count_of(w, other), 1);
    OK(rp_patterns_found_one(w->db, OUTER, other, &joined, err));
    assert_true(joined);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(count_of(w, i == 0 ? other : OUTER), 7);
        assert_int_equal(selected(w, i == 0 ? other : OUTER), 7);
        assert_int_equal(pattern(w, i == 0 ? other : OUTER).outer.patterns, 4);
    }
    assert_int_equal(message(w, "nightly sync failed: <*>"), OUTER);
    OK(rp_pattern_split(w->db, OUTER, RP_STR("ada"), RP_NONE, w->now, err));
    assert_int_equal(count_of(w, OUTER), 6);
    assert_int_equal(count_of(w, other), 1);
}

static void classes_are_of_pairs_and_levels_are_not_mixed(void **state)
{
    struct world *w = *state;
    fail_wrapped(w);
    FAILS(RP_E_BAD_STATE,
          rp_pattern_edit(w->db, OUTER, RP_NONE, RP_STR("dns"), RP_STR("dependency"),
                          RP_STR("look"), RP_STR("ada"), w->now, err));
    FAILS(RP_E_BAD_STATE, rp_patterns_merge(w->db, 1, OUTER, RP_STR("ada"), RP_NONE, w->now, err));
    OK(rp_pattern_edit(w->db, OUTER, RP_STR("the sync"), RP_NONE, RP_NONE, RP_NONE, RP_STR("ada"),
                       w->now, err));
    assert_true(rp_str_is(pattern(w, 1).outer.name, "the sync"));
    OK(rp_pattern_edit(w->db, 1, RP_NONE, RP_STR("dns"), RP_STR("dependency"), RP_STR("look"),
                       RP_STR("ada"), w->now, err));
    assert_true(rp_str_is(pattern(w, 1).class, "dns"));
    assert_false(rp_str_is(pattern(w, 2).class, "dns"));
}

/* A new error in a message that is known is its pair at once; beyond the bound it is one of the
 * others, by class, and what is known is still told apart. */
static void what_a_message_wraps_is_bounded(void **state)
{
    struct world *w = *state;
    struct rp_str class;
    int64_t id, last = 0;
    configure(w, TYPES);
    int64_t outer = message(w, "sync failed: <*>");
    for (int i = 0; i < RP_INNERS_MAX + 50; i++) {
        struct rp_report r = {.pattern_hash = (uint64_t)i + 100,
                              .pattern_outer = outer,
                              .form = RP_STR("f"),
                              .template = rp_str_fmt(&w->arena, "sync failed: e%d", i),
                              .inner = rp_str_fmt(&w->arena, "e%d", i),
                              .facts = {.error_class = RP_STR("unknown")}};
        OK(rp_pattern_count(w->db, &r, 1, w->now, &w->arena, &id, &class, err));
        assert_true(i < RP_INNERS_MAX ? id != last : i == RP_INNERS_MAX || id == last);
        last = id;
        if (i == 3) { /* the form is known: it counts there */
            OK(rp_pattern_count(w->db, &r, 1, w->now, &w->arena, &id, &class, err));
            assert_int_equal(id, last);
        }
    }
    struct rp_pattern p = pattern(w, outer);
    assert_int_equal(p.outer.patterns, RP_INNERS_MAX + 1);
    assert_int_equal(p.failures, RP_INNERS_MAX + 51);
    assert_int_equal(query(w, "select count(*) from pattern_form", 0, 0), RP_INNERS_MAX);
    p = pattern(w, last);
    assert_int_equal(p.failures, 50);
    assert_true(rp_str_is(p.template, "sync failed: others: more than 1000 different errors"));
    struct rp_report r = {.pattern_hash = 5000,
                          .pattern_outer = outer,
                          .form = RP_STR("f"),
                          .facts = {.error_class = RP_STR("dns")}};
    OK(rp_pattern_count(w->db, &r, 1, w->now, &w->arena, &id, &class, err));
    assert_int_not_equal(id, last); /* of another class: there is room */
    assert_int_equal(pattern(w, id).outer.id, outer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_names_all_that_it_wraps),
        TEST(lists_hold_pairs_together_and_their_sums_are_those_of_the_jobs),
        TEST(what_joins_a_pair_counts_below_its_message_only),
        TEST(a_message_that_wraps_nothing_any_more_has_failed_at_no_time),
        TEST(two_messages_become_one_and_both_numbers_name_it),
        TEST(classes_are_of_pairs_and_levels_are_not_mixed),
        TEST(what_a_message_wraps_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
