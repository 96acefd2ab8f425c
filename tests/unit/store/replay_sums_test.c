/* What a replay's patterns are, summed up or not: the same as a query over all of its items says,
 * at each moment of the summing, after patterns were joined, after an undo. */
#include "store_help.h"

#include "store/replays_internal.h"

enum { ITEMS = 3000, PATTERNS = 12, STEP = 700, FATES = 7 };

static const char by_pattern[] =
    "select coalesce((select coalesce(b.joined, b.id) from pattern b where b.id = pattern_before), "
    "0),"
    " count(*), sum(fate = 3), sum(fate = 4), sum(fate = 5), sum(fate = 7), sum(fate in (1, 2, 6))"
    " from replay_item where replay_id = ?1 group by 1 order by 2 desc, 1";
static const char by_new[] =
    "select coalesce(p.id, 0), count(*), p.template from replay_item i left join pattern p on p.id "
    "="
    " (select coalesce(b.joined, b.id) from pattern b where b.id = i.pattern_after)"
    " where i.replay_id = ?1 and i.fate = 5 group by 1 order by 2 desc, 1";

static void patterns_are_right(struct fixture *f, int64_t id)
{
    struct rp_replay_pattern *p;
    size_t n, i = 0;
    OK(rp_replay_patterns(f->db, id, &f->a, &p, &n, err));
    struct rp_stmt *s = rp_sql(f->db, by_pattern);
    rp_bind_i64(s, 1, id);
    for (; rp_step(s, NULL) == RP_STEP_ROW; i++) {
        assert_true(i < n);
        const int64_t found[] = {p[i].pattern_id, p[i].items,   p[i].succeeded, p[i].same,
                                 p[i].other,      p[i].unknown, p[i].open};
        for (int c = 0; c < 7; c++)
            assert_int_equal(found[c], rp_col_i64(s, c));
    }
    assert_int_equal(i, n);
}

static void news_are_right(struct fixture *f, int64_t id)
{
    struct rp_replay_new *p;
    size_t n, i = 0;
    OK(rp_replay_news(f->db, id, &f->a, &p, &n, err));
    struct rp_stmt *s = rp_sql(f->db, by_new);
    rp_bind_i64(s, 1, id);
    for (; rp_step(s, NULL) == RP_STEP_ROW; i++) {
        assert_true(i < n);
        assert_int_equal(p[i].pattern_id, rp_col_i64(s, 0));
        assert_int_equal(p[i].n, rp_col_i64(s, 1));
        assert_true(rp_str_eq(p[i].template, rp_col_str(s, 2, &f->a)));
    }
    assert_int_equal(i, n);
}

static void all_is_right(struct fixture *f, int64_t id)
{
    patterns_are_right(f, id);
    news_are_right(f, id);
}

static void patterns(struct fixture *f)
{
    for (int64_t i = 1; i <= PATTERNS; i++) {
        struct rp_stmt *s =
            rp_sql(f->db, "insert into pattern(id, hash, template, class, grp, action,"
                          " rule, first_at, last_at) values(?1, ?1, 'pattern ' || ?1,"
                          " 'none', 'none', 'none', 'none', 1, 1)");
        rp_bind_i64(s, 1, i);
        OK(rp_run(s, err));
    }
}

/* Items of every fate; some without a pattern before or after. */
static void items(struct fixture *f, struct dice *d, int64_t id, int64_t n)
{
    for (int64_t seq = 1; seq <= n; seq++) {
        struct rp_stmt *s =
            rp_sql(f->db, "insert into replay_item(replay_id, seq, job_id, type_id, state_before,"
                          " n_before, attempts_before, max_attempts_before, due_before,"
                          " pattern_before, payload_hash, settings_hash, fate, pattern_after)"
                          " values(?1, ?2, ?2, 1, 6, 1, 1, 1, 1, ?3, 0, 0, ?4, ?5)");
        rp_bind_i64(s, 1, id);
        rp_bind_i64(s, 2, seq);
        rp_bind_id(s, 3, help_roll(d, PATTERNS + 1));
        rp_bind_i64(s, 4, 1 + help_roll(d, FATES));
        rp_bind_id(s, 5, help_roll(d, PATTERNS + 1));
        OK(rp_run(s, err));
    }
    struct rp_stmt *s = rp_sql(f->db, "insert into replay_tally(replay_id, fate, type_id, n) select"
                                      " replay_id, fate, type_id, count(*) from replay_item where"
                                      " replay_id = ?1 group by fate, type_id");
    rp_bind_i64(s, 1, id);
    OK(rp_run(s, err));
}

static int64_t replay_of(struct fixture *f, struct dice *d, int64_t n)
{
    struct rp_replay r = {.actor = RP_STR("me"), .canary = 1, .wave_max = 10};
    int64_t id;
    OK(rp_replay_insert(f->db, &r, f->now, &id, err));
    items(f, d, id, n);
    return id;
}

/* Nothing of it runs. */
static void end_as(struct fixture *f, int64_t id, enum rp_replay_state state)
{
    help_sql(f, "update replay_item set fate = 3 where fate = 2;"
                "delete from replay_tally;"
                "insert into replay_tally(replay_id, fate, type_id, n) select replay_id, fate,"
                " type_id, count(*) from replay_item group by replay_id, fate, type_id");
    OK(rp_replay_write_state(f->db, id, state, RP_STR("says"), f->now, err));
}

static int sum_up(struct fixture *f, int64_t id)
{
    bool again = true;
    int steps = 0;
    for (; again; steps++) {
        OK(rp_replay_sums_step(f->db, STEP, &again, err));
        all_is_right(f, id);
    }
    return steps;
}

static void an_ended_replay_is_summed_up_and_says_what_its_items_say(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("sums");
    help_types(f, "a", NULL);
    OK(rp_tx_begin(f->db, err));
    patterns(f);
    int64_t other = replay_of(f, &d, ITEMS), id = replay_of(f, &d, ITEMS);
    all_is_right(f, id);
    end_as(f, id, RP_REPLAY_ABORTED);
    assert_int_equal(sum_up(f, id), ITEMS / STEP + 2); /* the last finds nothing to do */
    assert_true(help_int(f, "select count(*) from replay_sum") > PATTERNS);
    assert_int_equal(help_int(f, "select sum(n) from replay_sum"), ITEMS);
    help_sql(f, "update pattern set joined = 1 where id in (2, 3)");
    all_is_right(f, id);
    all_is_right(f, other);
    help_sql(f, "update replay_item set fate = 6 where fate = 1");
    end_as(f, id, RP_REPLAY_UNDONE);
    all_is_right(f, id);
    assert_int_equal(sum_up(f, id), ITEMS / STEP + 2);
    OK(rp_tx_commit(f->db, err));
}

static void few_items_are_not_summed_up_and_a_wrong_sum_is_found(void **state)
{
    struct fixture *f = *state;
    struct dice d = help_dice("sums");
    struct rp_buf findings = {0};
    struct rp_err why;
    help_types(f, "a", NULL);
    OK(rp_tx_begin(f->db, err));
    patterns(f);
    int64_t few = replay_of(f, &d, 10), many = replay_of(f, &d, ITEMS);
    end_as(f, few, RP_REPLAY_DONE);
    assert_int_equal(sum_up(f, few), 1);
    end_as(f, many, RP_REPLAY_DONE);
    (void)sum_up(f, many);
    OK(rp_tx_commit(f->db, err));
    (void)rp_store_check(f->db, &findings, &why); /* its jobs are not there */
    rp_buf_c(&findings, '\0');
    assert_null(strstr(rp_buf_view(&findings).p, "the sum of items"));
    rp_buf_free(&findings);
    help_sql(f, "update replay_sum set n = n + 1 where fate = 3");
    assert_false(rp_store_check(f->db, &findings, &why));
    rp_buf_c(&findings, '\0');
    assert_non_null(strstr(rp_buf_view(&findings).p, "the sum of items of replay"));
    rp_buf_free(&findings);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)
    const struct CMUnitTest tests[] = {
        T(an_ended_replay_is_summed_up_and_says_what_its_items_say),
        T(few_items_are_not_summed_up_and_a_wrong_sum_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
