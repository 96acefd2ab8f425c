/* What the items of a plan can expect, counted by pattern in whatever order the items lie. */
#include "replay/internal.h"
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

enum { TYPES = 2 };

/* Each type and pattern once, most first. */
static void check_kinds(const struct rp_plan *plan, const int64_t (*items)[PATTERNS])
{
    int64_t sum = 0;
    for (size_t i = 0; i < plan->n_kinds; i++) {
        const struct rp_plan_kind *k = &plan->kinds[i];
        assert_int_equal(k->to_replay, items[k->type_id][k->pattern_id]);
        assert_true(i == 0 || plan->kinds[i - 1].matched >= k->matched);
        sum += k->to_replay;
    }
    assert_int_equal(sum, plan->n);
}

static void outlook_of_random_items(struct world *w, uint64_t *seed)
{
    struct rp_candidate_kind kinds[TYPES][PATTERNS] = {{{0}}};
    int64_t items[PATTERNS] = {0}, of_type[TYPES][PATTERNS] = {{0}};
    struct rp_plan plan = {.n = (int64_t)(next_random(seed) % ITEMS)};
    struct rp_plan_outlook o;
    size_t n_patterns = 0, of = 1 + next_random(seed) % PATTERNS;
    for (size_t t = 0; t < TYPES; t++)
        for (size_t k = 0; k < PATTERNS; k++)
            kinds[t][k] =
                (struct rp_candidate_kind){.type_id = (int64_t)t, .pattern_id = (int64_t)k};
    for (int64_t i = 0; i < plan.n; i++) {
        const struct rp_candidate_kind *k =
            &kinds[next_random(seed) % TYPES][next_random(seed) % of];
        struct rp_plan_kind *in = plan_kind(&w->arena, &plan, k);
        in->matched++;
        in->to_replay++;
        n_patterns += items[k->pattern_id]++ == 0;
        of_type[k->type_id][k->pattern_id]++;
    }
    plan_kinds_done(&plan);
    check_kinds(&plan, of_type);
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
