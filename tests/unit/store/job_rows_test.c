/* Rows of jobs as bytes: every column, exactly, and back (G8). */
#include "store_help.h"

#include "store/job_rows.h"
#include "store/purges.h"
#include "store/replays.h"

#include <sodium.h>

#define TEST(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)

enum { ROWS_MAX = 64 };
struct kept {
    struct rp_arena *a;
    struct rp_str row[ROWS_MAX];
    size_t n;
};

static bool keep(void *ctx, struct rp_str row, struct rp_err *err)
{
    struct kept *k = ctx;
    (void)err;
    assert_true(k->n < ROWS_MAX);
    k->row[k->n++] = rp_str_dup(k->a, row);
    return true;
}

static struct rp_job_digest rows_of(struct fixture *f, int64_t id, struct kept *k)
{
    struct rp_job_digest digest;
    *k = (struct kept){.a = &f->a};
    OK(rp_job_rows_each(f->db, id, keep, k, &digest, err));
    return digest;
}

/* Values that a careless copy changes: extremes, empty texts, NULs, bytes that are no UTF-8, a text
 * in a blob's place and the other way round. */
static int64_t odd_job(struct fixture *f)
{
    help_types(f, "t", NULL);
    int64_t id = help_enqueue(f, "t");
    struct rp_lease l = help_claim_one(f);
    (void)help_report(f, &l, RP_OUT_SUCCEEDED);
    help_sql(f,
             "update job set payload = x'00ff00fe', labels = '', key = cast(x'61004200' as text),"
             " priority = -9223372036854775807 - 1, due_at = 9223372036854775807, error = "
             "cast(x'ff80' as text), external_id = '\xc3\xa9'");
    help_sql(f, "update attempt set result = '', node = x'', cpu_us = 1.5, memory_peak = null");
    help_sql(f, "insert into output(job_id, n, packed) values(1, 1, zeroblob(300000)), "
                "(1, 2, 'text in a blob''s place')");
    return id;
}

static void every_column_of_the_store_is_known(void **state)
{
    struct fixture *f = *state;
    OK(rp_job_rows_known(f->db, err));
    help_sql(f, "alter table attempt add column later integer");
    FAILS(RP_E_INTERNAL, rp_job_rows_known(f->db, err));
}

static void rows_come_back_byte_for_byte(void **state)
{
    struct fixture *f = *state;
    struct kept before, after;
    bool gone;
    int64_t id = odd_job(f), tally = help_int(f, "select coalesce(sum(n), 0) from tally");
    struct rp_job_digest digest = rows_of(f, id, &before);
    assert_int_equal(digest.rows, 4);
    help_sql(f, "create table kept_job as select * from job;"
                "create table kept_attempt as select * from attempt;"
                "create table kept_output as select * from output");
    help_tx(rp_job_rows_delete(f->db, id, &digest, &gone, err));
    assert_true(gone);
    assert_int_equal(rows_of(f, id, &after).rows, 0);
    assert_int_equal(help_int(f, "select (select count(*) from attempt) + (select count(*) from "
                                 "output) + (select count(*) from job)"),
                     0);
    for (size_t i = 0; i < before.n; i++)
        help_tx(rp_job_row_insert(f->db, before.row[i], err));
    struct rp_job_digest again = rows_of(f, id, &after);
    assert_memory_equal(again.sha256, digest.sha256, sizeof digest.sha256);
    for (size_t i = 0; i < before.n; i++)
        assert_true(rp_str_eq(before.row[i], after.row[i]));
    /* by SQLite's own word, kinds included */
    assert_int_equal(help_int(f,
                              "select count(*) from (select *, typeof(payload), typeof(error) from "
                              "job except select *, typeof(payload), typeof(error) from kept_job)"),
                     0);
    assert_int_equal(help_int(f,
                              "select count(*) from (select *, typeof(cpu_us), typeof(node) from "
                              "attempt except select *, typeof(cpu_us), typeof(node) from "
                              "kept_attempt)"),
                     0);
    assert_int_equal(help_int(f,
                              "select count(*) from (select *, typeof(packed) from output except "
                              "select *, typeof(packed) from kept_output)"),
                     0);
    assert_int_equal(help_int(f, "select coalesce(sum(n), 0) from tally"), tally);
    help_tx_refused(RP_E_CONFLICT, rp_job_row_insert(f->db, before.row[0], err));
    help_check(f);
}

static void a_job_that_changed_stays(void **state)
{
    struct fixture *f = *state;
    struct kept before;
    bool gone = true;
    int64_t id = odd_job(f);
    struct rp_job_digest digest = rows_of(f, id, &before);
    static const char *const changes[] = {
        "update job set priority = priority + 1", "update attempt set cpu_us = 1.25",
        "update output set packed = zeroblob(300001) where n = 1", "delete from output where n = 2",
        "update job set payload = cast(payload as text)"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        OK(rp_tx_begin(f->db, err));
        OK(rp_script(f->db, changes[i], err));
        gone = true;
        OK(rp_job_rows_delete(f->db, id, &digest, &gone, err));
        if (gone)
            fail_msg("it went after: %s", changes[i]);
        OK(rp_job_payload_free(f->db, id, &digest, 1, &gone, err));
        assert_false(gone);
        rp_tx_rollback(f->db);
    }
    help_tx(rp_job_rows_delete(f->db, 99, &digest, &gone, err));
    assert_false(gone);
}

static void live_jobs_are_counted_when_they_go_and_when_they_come(void **state)
{
    struct fixture *f = *state;
    struct kept k;
    bool gone;
    help_types(f, "t", NULL);
    int64_t id = help_enqueue(f, "t");
    struct rp_job_digest digest = rows_of(f, id, &k);
    assert_int_equal(help_int(f, "select sum(n) from tally where state = 2"), 1);
    help_tx(rp_job_rows_delete(f->db, id, &digest, &gone, err));
    assert_int_equal(help_int(f, "select sum(n) from tally where state = 2"), 0);
    help_tx(rp_job_row_insert(f->db, k.row[0], err));
    assert_int_equal(help_int(f, "select sum(n) from tally where state = 2"), 1);
    help_check(f);
    struct rp_lease *l;
    assert_int_equal(help_claim(f, 1, &l), 1);
    assert_int_equal(l[0].job.id, id);
}

static void a_payload_goes_and_comes_back_alone(void **state)
{
    struct fixture *f = *state;
    struct kept before, now;
    bool gone;
    int64_t by, id = odd_job(f);
    struct rp_job_digest digest = rows_of(f, id, &before);
    help_tx(rp_job_payload_free(f->db, id, &digest, 7, &gone, err));
    assert_true(gone);
    OK(rp_job_payload_purged(f->db, id, &by, err));
    assert_int_equal(by, 7);
    assert_int_equal(rows_of(f, id, &now).rows, 2);
    assert_int_equal(help_int(f, "select count(*) from job where payload is null"), 1);
    for (size_t i = 0; i < before.n; i++)
        help_tx(rp_job_payload_return(f->db, before.row[i], 7, err));
    assert_memory_equal(rows_of(f, id, &now).sha256, digest.sha256, sizeof digest.sha256);
    FAILS(RP_E_NOT_FOUND, rp_job_payload_purged(f->db, 99, &by, err));
}

static void bytes_that_are_no_row_are_refused(void **state)
{
    struct fixture *f = *state;
    struct kept k;
    int table;
    int64_t job;
    (void)rows_of(f, odd_job(f), &k);
    for (size_t i = 0; i < k.n; i++) {
        assert_true(rp_job_row_valid(k.row[i], &table, &job));
        assert_int_equal(job, 1);
        assert_int_equal(table, i == 0 ? 0 : i == 1 ? 1 : 2);
    }
    for (size_t n = 0; n < k.row[0].n; n++)
        assert_false(rp_job_row_valid((struct rp_str){k.row[0].p, n}, &table, &job));
    struct rp_str more = rp_str_fmt(&f->a, "%.*sx", RP_FMT(RP_NONE));
    assert_false(rp_job_row_valid(more, &table, &job));
    char wrong[64] = {9, 1};
    assert_false(rp_job_row_valid((struct rp_str){wrong, sizeof wrong}, &table, &job));
    FAILS(RP_E_BACKUP, rp_job_row_insert(f->db, (struct rp_str){wrong, sizeof wrong}, err));
}

static bool goes(struct fixture *f, int64_t id)
{
    struct kept k;
    struct rp_job_digest digest = rows_of(f, id, &k);
    bool gone;
    OK(rp_tx_begin(f->db, err));
    OK(rp_job_rows_delete(f->db, id, &digest, &gone, err));
    rp_tx_rollback(f->db);
    return gone;
}

/* Its own rows are as in the file. */
static void U26_what_is_in_use_stays_though_nothing_of_it_has_changed(void **state)
{
    struct fixture *f = *state;
    int64_t id = odd_job(f);
    assert_true(goes(f, id));
    help_sql(f, "insert into hold(job_id, type_id, dependency, since, failed_at, phase) select id, "
                "type_id, 'd', 0, 0, 1 from job");
    assert_false(goes(f, id));
    help_sql(f, "delete from hold");
    struct rp_replay r = {.actor = RP_STR("a")};
    int64_t replay;
    help_tx(rp_replay_create(f->db, &r, NULL, 0, f->now, &replay, err));
    help_sql(f,
             "insert into replay_item(replay_id, seq, job_id, type_id, state_before, n_before, "
             "attempts_before, max_attempts_before, due_before, payload_hash, settings_hash, fate) "
             "select 1, 1, id, type_id, 5, 1, 1, 1, 0, 0, 0, 1 from job");
    assert_false(goes(f, id));
    help_sql(f, "update replay set ended_at = 1");
    assert_true(goes(f, id));
    (void)help_enqueue(f, "t");
    struct rp_lease l = help_claim_one(f);
    assert_false(goes(f, l.job.id));
}

static void only_one_purge_or_restore_is_under_way(void **state)
{
    struct fixture *f = *state;
    struct rp_purge p = {.kind = RP_PURGE_JOBS, .file = RP_STR("/b"), .actor = RP_STR("a")}, got;
    int64_t id, open;
    help_tx(rp_purge_begin(f->db, &p, f->now, &id, err));
    help_tx_refused(RP_E_BAD_STATE, rp_purge_begin(f->db, &p, f->now, &open, err));
    OK(rp_purge_open(f->db, &open, err));
    assert_int_equal(open, id);
    help_tx(rp_purge_moved(f->db, id, 3, 1, 9, err));
    OK(rp_purge_get(f->db, id, &f->a, &got, err));
    help_tx(rp_purge_end(f->db, &got, true, RP_NONE, f->now, err));
    OK(rp_purge_open(f->db, &open, err));
    assert_int_equal(open, 0);
    OK(rp_purge_get(f->db, id, &f->a, &got, err));
    assert_int_equal(got.state, RP_PURGE_DONE);
    assert_int_equal(got.moved * 100 + got.kept * 10 + got.at_job, 319);
    assert_int_equal(help_int(f, "select count(*) from audit where action in ('purge.start', "
                                 "'purge.done') and safety = 'IRREVERSIBLE' and actor = 'a'"),
                     2);
    help_tx(rp_purge_begin(f->db, &p, f->now, &id, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_column_of_the_store_is_known),
        TEST(rows_come_back_byte_for_byte),
        TEST(a_job_that_changed_stays),
        TEST(live_jobs_are_counted_when_they_go_and_when_they_come),
        TEST(a_payload_goes_and_comes_back_alone),
        TEST(bytes_that_are_no_row_are_refused),
        TEST(U26_what_is_in_use_stays_though_nothing_of_it_has_changed),
        TEST(only_one_purge_or_restore_is_under_way),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
