/* What the items of a plan can expect, counted by pattern in whatever order the items lie. */
#include "replay_world.h"

enum { PATTERNS = 9, ITEMS = 400, PLANS = 40 };

static const char conf[] = "jobs:\n  a: { run: [\"true\"], retries: 0 }\n";

static void check(const struct rp_plan_outlook *o, const int64_t *items, size_t n_patterns)
{
    int64_t sum = 0;
    assert_int_equal(o->n_patterns, n_patterns);
    for (size_t i = 0; i < o->n_patterns; i++) {
        const struct rp_plan_pattern *p = &o->patterns[i], *before = i > 0 ? p - 1 : NULL;
        assert_int_equal(p->items, items[p->pattern_id]);
        if (before != NULL)
            assert_true(before->items > p->items ||
                        (before->items == p->items && before->pattern_id < p->pattern_id));
        sum += p->items;
    }
    assert_int_equal(o->known + o->not_known, sum);
}

static void outlook_of_random_items(struct world *w, uint64_t *seed)
{
    struct rp_candidate_kind kinds[PATTERNS] = {{0}};
    struct rp_candidate item[ITEMS] = {{0}};
    int64_t items[PATTERNS] = {0};
    struct rp_plan plan = {.items = item, .n = (int64_t)(next_random(seed) % ITEMS)};
    struct rp_plan_outlook o;
    size_t n_patterns = 0, of = 1 + next_random(seed) % PATTERNS;
    for (size_t k = 0; k < PATTERNS; k++)
        kinds[k].pattern_id = (int64_t)k;
    for (int64_t i = 0; i < plan.n; i++) {
        item[i].kind = &kinds[next_random(seed) % of];
        n_patterns += items[item[i].kind->pattern_id]++ == 0;
    }
    OK(rp_replay_outlook(w->db, &plan, &w->arena, &o, err));
    check(&o, items, n_patterns);
}

static void the_outlook_counts_each_item_by_its_pattern_and_names_most_first(void **state)
{
    struct world *w = *state;
    uint64_t seed = (uint64_t)rp_wall(&rp_clock_system) | 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    configure(w, conf);
    for (uint64_t p = 1; p < PATTERNS; p++)
        (void)run_one(w, "a", RP_OUT_FAILED, "refused", p);
    assert_int_equal(query(w, "select max(id) from pattern", 0, 0), PATTERNS - 1);
    for (int i = 0; i < PLANS; i++)
        outlook_of_random_items(w, &seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(the_outlook_counts_each_item_by_its_pattern_and_names_most_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
