/* Forms and patterns as rows: what joins keeps its number, whoever asks by either finds all
 * (miner.md 15, 16, 18). */
#include "world.h"

#include "store/mined.h"

#define TYPES                                                                                      \
    "jobs:\n  a: {run: [/bin/true], idempotent: true}\n  b: {run: [/bin/true], idempotent: "       \
    "true}\n"

static bool join(struct world *w, int64_t a, int64_t b)
{
    bool joined;
    OK(rp_patterns_found_one(w->db, a, b, &joined, err));
    return joined;
}

static struct rp_pattern pattern(struct world *w, int64_t id)
{
    struct rp_pattern p;
    OK(rp_pattern_get(w->db, id, &w->arena, &p, err));
    return p;
}

/* Three failures of P1, two of P2, one of P3, all of type a. */
static void fail_six(struct world *w)
{
    configure(w, TYPES);
    fail_jobs(w, "a", 3, 7);
    fail_jobs(w, "a", 2, 8);
    fail_jobs(w, "a", 1, 9);
}

static int64_t count_of(struct world *w, int64_t id)
{
    struct rp_job_filter f = {.pattern_id = id};
    int64_t n;
    OK(rp_jobs_count(w->db, &f, &n, err));
    return n;
}

static size_t listed(struct world *w, int64_t id)
{
    struct rp_job_filter f = {.pattern_id = id};
    struct rp_job *v;
    size_t n;
    bool more;
    OK(rp_jobs_list(w->db, &f, 0, 100, &w->arena, &v, &n, &more, err));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(v[i].pattern_id, pattern(w, id).id);
        assert_true(i == 0 || v[i].id < v[i - 1].id);
    }
    return n;
}

static void both_numbers_name_the_one_that_lives(void **state)
{
    struct world *w = *state;
    fail_six(w);
    assert_true(join(w, 3, 1));
    assert_false(join(w, 1, 3)); /* already */
    struct rp_pattern p = pattern(w, 3);
    assert_int_equal(p.id, 1);
    assert_int_equal(p.failures, 4);
    assert_int_equal(p.n_parts, 1);
    assert_int_equal(p.parts[0], 3);
    for (int64_t id = 1; id <= 3; id += 2) {
        assert_int_equal(count_of(w, id), 4);
        assert_int_equal(listed(w, id), 4);
    }
    assert_int_equal(listed(w, 2), 2);
    struct rp_pattern *v;
    size_t n;
    OK(rp_patterns_list(w->db, 0, 10, &w->arena, &v, &n, err));
    assert_int_equal(n, 2);
    assert_int_equal(v[0].id, 1);
    assert_int_equal(v[0].failures, 4);
}

static void a_join_of_joined_ones_is_one_hop(void **state)
{
    struct world *w = *state;
    fail_six(w);
    assert_true(join(w, 3, 2));
    assert_true(join(w, 3, 1));
    for (int64_t id = 1; id <= 3; id++)
        assert_int_equal(pattern(w, id).id, 1);
    assert_int_equal(query(w, "select count(*) from pattern where joined = 1", 0, 0), 2);
    assert_int_equal(pattern(w, 1).failures, 6);
}

static void every_question_asks_what_a_pattern_is_part_of(void **state)
{
    struct world *w = *state;
    fail_six(w);
    assert_true(join(w, 1, 2));
    struct rp_failure_group *g;
    struct rp_pattern_count *c;
    struct rp_attempt *t;
    size_t n;
    struct rp_job_filter all = {0};
    OK(rp_jobs_failures(w->db, &all, 10, &w->arena, &g, &n, err));
    assert_int_equal(n, 2);
    assert_int_equal(g[0].pattern_id, 1);
    assert_int_equal(g[0].n, 5);
    write_counts(w);
    OK(rp_pattern_counts(w->db, 0, 0, RP_NONE, 10, &w->arena, &c, &n, err));
    assert_int_equal(n, 2);
    assert_int_equal(c[0].failures, 5);
    OK(rp_job_attempts(w->db, 5, &w->arena, &t, &n, err)); /* the second one of P2 */
    assert_int_equal(t[0].pattern_id, 1);
    assert_int_equal(query(w, "select pattern_id from attempt where job_id = 5", 0, 0), 2);
}

static void a_replay_of_one_number_takes_all_and_calls_the_other_the_same(void **state)
{
    struct world *w = *state;
    fail_six(w);
    struct rp_job_filter f = {.pattern_id = 2};
    size_t n;
    assert_int_equal((candidates(w, &f, &n), n), 2);
    assert_true(join(w, 1, 2));
    struct rp_candidate *v = candidates(w, &f, &n);
    assert_int_equal(n, 5);
    assert_int_equal(v[4].kind->pattern_id, 1);
    int64_t id = create(w, v, n);
    set_state(w, id, RP_REPLAY_RUNNING);
    assert_int_equal(release(w, id, 1, 9), 5);
    struct rp_lease *l;
    assert_int_equal(claim(w, 9, &l), 5);
    for (size_t i = 0; i < 5; i++) /* those of P1 fail like P2, and one fails like P3 */
        (void)report(w, &l[i], RP_OUT_FAILED, "refused", i == 4 ? 9 : 8);
    (void)settle(w, id);
    struct rp_replay_pattern *p;
    OK(rp_replay_patterns(w->db, id, &w->arena, &p, &n, err));
    assert_int_equal(n, 1);
    assert_int_equal(p[0].pattern_id, 1);
    assert_int_equal(p[0].same, 4);
    assert_int_equal(p[0].other, 1);
}

static void what_a_person_said_stays_with_what_joins(void **state)
{
    struct world *w = *state;
    fail_six(w);
    OK(rp_pattern_edit(w->db, 2, RP_STR("db away"), RP_STR("dns"), RP_STR("dependency"),
                       RP_STR("look"), RP_STR("ada"), w->now, err));
    assert_true(join(w, 1, 2));
    struct rp_pattern p = pattern(w, 1);
    assert_true(rp_str_is(p.name, "db away") && rp_str_is(p.class, "dns") &&
                rp_str_is(p.group, "dependency") && rp_str_is(p.action, "look"));
    /* and holds for failures that come in under either form */
    int64_t job = run_one(w, "a", RP_OUT_FAILED, "refused", 7);
    assert_int_equal(query(w, "select error_class = 'dns' from job where id = ?1", job, 0), 1);
    job = run_one(w, "a", RP_OUT_FAILED, "refused", 8);
    assert_int_equal(query(w, "select error_class = 'dns' from job where id = ?1", job, 0), 1);
    /* a name by the number that was, too */
    OK(rp_pattern_edit(w->db, 2, RP_STR("away"), RP_NONE, RP_NONE, RP_NONE, RP_STR("ada"), w->now,
                       err));
    assert_true(rp_str_is(pattern(w, 1).name, "away"));
}

static void two_words_of_persons_keep_patterns_apart(void **state)
{
    struct world *w = *state;
    fail_six(w);
    OK(rp_pattern_edit(w->db, 1, RP_STR("one"), RP_NONE, RP_NONE, RP_NONE, RP_NONE, w->now, err));
    OK(rp_pattern_edit(w->db, 2, RP_STR("two"), RP_NONE, RP_NONE, RP_NONE, RP_NONE, w->now, err));
    assert_false(join(w, 1, 2));
    assert_int_equal(pattern(w, 2).id, 2);
    assert_true(join(w, 2, 3));
    assert_false(join(w, 1, 3));
}

static void what_a_person_split_never_joins_by_itself_again(void **state)
{
    struct world *w = *state;
    fail_six(w);
    assert_true(join(w, 1, 2));
    assert_true(join(w, 1, 3));
    OK(rp_pattern_split(w->db, 2, RP_STR("ada"), RP_STR("two hosts"), w->now, err));
    for (int64_t id = 1; id <= 3; id++) {
        assert_int_equal(pattern(w, id).id, id);
        assert_int_equal(pattern(w, id).failures, 4 - id);
        assert_int_equal(listed(w, id), 4 - id);
    }
    assert_false(join(w, 1, 2));
    FAILS(RP_E_BAD_STATE, rp_pattern_split(w->db, 1, RP_STR("ada"), RP_NONE, w->now, err));
    OK(rp_patterns_merge(w->db, 3, 1, RP_STR("ada"), RP_NONE, w->now, err)); /* a person may */
    assert_int_equal(pattern(w, 3).id, 1);
    FAILS(RP_E_BAD_STATE, rp_patterns_merge(w->db, 1, 3, RP_STR("ada"), RP_NONE, w->now, err));
    assert_int_equal(query(w,
                           "select count(*) from audit where action in"
                           " ('pattern.split', 'pattern.merge') and actor = 'ada'",
                           0, 0),
                     2);
}

static void a_new_form_that_is_like_a_pattern_belongs_to_it(void **state)
{
    struct world *w = *state;
    fail_six(w);
    int64_t id;
    struct rp_str class;
    struct rp_report r = {.pattern_hash = 70, .pattern_like = 1, .form = RP_STR("f")};
    OK(rp_pattern_count(w->db, &r, 1, w->now, &w->arena, &id, &class, err));
    assert_int_equal(id, 1);
    r.pattern_like = 2; /* the form is known by now: it stays where it is */
    OK(rp_pattern_count(w->db, &r, 1, w->now, &w->arena, &id, &class, err));
    assert_int_equal(id, 1);
    assert_int_equal(pattern(w, 1).failures, 5);
}

static void a_form_that_left_comes_back_under_its_number(void **state)
{
    struct world *w = *state;
    fail_six(w);
    OK(rp_form_forget(w->db, 8, err));
    assert_int_equal(query(w, "select count(*) from pattern_form", 0, 0), 2);
    (void)run_one(w, "a", RP_OUT_FAILED, "refused", 8);
    assert_int_equal(pattern(w, 2).failures, 3);
    assert_int_equal(query(w, "select pattern_id from pattern_form where hash = 8", 0, 0), 2);
}

static void a_full_table_ends_in_one_pattern_a_type_and_class(void **state)
{
    struct world *w = *state;
    OK(rp_script(w->db,
                 "with recursive n(i) as (select 1000 union all select i + 1 from n limit 65533)"
                 " insert into pattern_form select i, 1, 1, x'' from n",
                 err));
    fail_six(w);
    int64_t a1 = run_one(w, "a", RP_OUT_FAILED, "x", 501),
            a2 = run_one(w, "a", RP_OUT_FAILED, "y", 502);
    int64_t b = run_one(w, "b", RP_OUT_FAILED, "z", 503);
    const char *of = "select pattern_id from job where id = ?1";
    assert_int_equal(query(w, of, a1, 0), query(w, of, a2, 0));
    assert_int_not_equal(query(w, of, a1, 0), query(w, of, b, 0));
    assert_int_equal(query(w, "select count(*) from pattern_form", 0, 0), RP_FORMS_MAX);
    assert_true(strstr(rp_cstr(&w->arena, pattern(w, query(w, of, b, 0)).template), "65536") !=
                NULL);
    /* what is known is still told apart */
    (void)run_one(w, "a", RP_OUT_FAILED, "refused", 9);
    assert_int_equal(pattern(w, 3).failures, 2);
    OK(rp_form_forget(w->db, 1000, err)); /* room again */
    int64_t c = run_one(w, "a", RP_OUT_FAILED, "x", 504);
    assert_int_not_equal(query(w, of, c, 0), query(w, of, a1, 0));
}

static void a_rollback_takes_the_form_back(void **state)
{
    struct world *w = *state;
    fail_six(w);
    OK(rp_savepoint(w->db, err));
    (void)run_one(w, "a", RP_OUT_FAILED, "x", 501);
    rp_savepoint_rollback(w->db);
    assert_int_equal(query(w, "select count(*) from pattern_form", 0, 0), 3);
    (void)run_one(w, "a", RP_OUT_FAILED, "x", 502);
    assert_int_equal(query(w, "select count(*) from pattern_form", 0, 0), 4);
    assert_int_equal(pattern(w, 4).failures, 1);
}

static void forms_of_other_rules_keep_their_patterns(void **state)
{
    struct world *w = *state;
    fail_six(w);
    OK(rp_form_move(w->db, 9, 90, RP_STR("new"), 2, err));
    (void)run_one(w, "a", RP_OUT_FAILED, "refused", 90);
    assert_int_equal(pattern(w, 3).failures, 2);
    OK(rp_form_move(w->db, 8, 7, RP_STR("new"), 2, err)); /* two are one form now */
    assert_int_equal(pattern(w, 2).id, 1);
    assert_int_equal(query(w, "select count(*) from pattern_form where hash in (8, 9)", 0, 0), 0);
}

static void the_second_key_tells_where_a_pattern_is_thrown(void **state)
{
    struct world *w = *state;
    fail_six(w);
    int64_t id;
    struct rp_str class;
    static const char *const frames[] = {"a.py:f < b.py:g", "c.py:h", "a.py:f < b.py:g"};
    for (size_t i = 0; i < 3; i++) {
        struct rp_report r = {.pattern_hash = i < 2 ? 7 : 8, .frames = rp_str_of(frames[i])};
        OK(rp_pattern_count(w->db, &r, 1, w->now, &w->arena, &id, &class, err));
    }
    assert_true(join(w, 1, 2));
    struct rp_pattern p = pattern(w, 1);
    assert_int_equal(p.n_stacks, 2);
    assert_true(rp_str_is(p.stacks[0].frames, "a.py:f < b.py:g"));
    assert_int_equal(p.stacks[0].failures, 2);
    for (int i = 0; i < 100; i++) {
        struct rp_report r = {.pattern_hash = 9, .frames = rp_str_fmt(&w->arena, "f%d", i)};
        OK(rp_pattern_count(w->db, &r, 1, w->now, &w->arena, &id, &class, err));
    }
    assert_int_equal(query(w, "select count(*) from pattern_stack where pattern_id = 3", 0, 0), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_numbers_name_the_one_that_lives),
        TEST(a_join_of_joined_ones_is_one_hop),
        TEST(every_question_asks_what_a_pattern_is_part_of),
        TEST(a_replay_of_one_number_takes_all_and_calls_the_other_the_same),
        TEST(what_a_person_said_stays_with_what_joins),
        TEST(two_words_of_persons_keep_patterns_apart),
        TEST(what_a_person_split_never_joins_by_itself_again),
        TEST(a_new_form_that_is_like_a_pattern_belongs_to_it),
        TEST(a_form_that_left_comes_back_under_its_number),
        TEST(a_full_table_ends_in_one_pattern_a_type_and_class),
        TEST(a_rollback_takes_the_form_back),
        TEST(forms_of_other_rules_keep_their_patterns),
        TEST(the_second_key_tells_where_a_pattern_is_thrown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
