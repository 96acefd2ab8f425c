/* What a purge takes and what is pinned (U26), by its plan; where its file may be. */
#include "replay_world.h"

#include "replay/purge.h"

#include <sys/stat.h>
#include <unistd.h>

static struct rp_purge_plan purge_of(struct world *w, const struct rp_purge_ask *ask)
{
    struct rp_purge_plan p;
    OK(rp_purge_plan(w->db, ask, &w->arena, &p, err));
    return p;
}

static void purge_fails(struct world *w, const struct rp_purge_ask *ask, enum rp_code code)
{
    struct rp_purge_plan p;
    FAILS(code, rp_purge_plan(w->db, ask, &w->arena, &p, err));
}

static int64_t left(const struct rp_purge_plan *p, const char *reason)
{
    for (size_t i = 0; i < p->n_left_out; i++)
        if (strcmp(p->left_out[i].reason, reason) == 0)
            return p->left_out[i].n;
    return 0;
}

/* Ids: 1, 2 failed; 3, 4 succeeded; 5 cancelled; 6 running; 7 queued. */
static void history(struct world *w)
{
    struct rp_lease *l;
    configure(w, "jobs: { t: { run: [true], idempotent: true, retries: 0 }, u: { run: [true], "
                 "retries: 0 } }");
    fail_many(w, "t", 2);
    for (int i = 0; i < 2; i++) {
        (void)enqueue(w, "u", NULL);
        assert_int_equal(claim(w, 1, &l), 1);
        (void)report(w, &l[0], RP_OUT_SUCCEEDED, NULL, 0);
        w->now += RP_US_S;
    }
    OK(rp_job_cancel(w->db, enqueue(w, "t", NULL), RP_STR("me"), RP_NONE, w->now, err));
    (void)enqueue(w, "t", NULL);
    assert_int_equal(claim(w, 1, &l), 1);
    (void)enqueue(w, "t", NULL);
    commit(w);
}

static const struct rp_purge_ask everything = {.select = {.all = true, .any_state = true}};

static void U26_only_what_has_ended_well_or_was_cancelled_goes_by_itself(void **state)
{
    struct world *w = *state;
    history(w);
    struct rp_purge_plan p = purge_of(w, &everything);
    assert_int_equal(p.matched, 7);
    assert_int_equal(p.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(p.picks[i].job_id, 3 + (int64_t)i);
    assert_int_equal(p.of_state[RP_SUCCEEDED], 2);
    assert_int_equal(p.of_state[RP_CANCELLED], 1);
    assert_int_equal(p.attempts, 2);
    assert_int_equal(left(&p, "unresolved"), 2);
    assert_int_equal(left(&p, "running"), 1);
    assert_int_equal(left(&p, "waiting"), 1);
}

static void U26_what_is_pinned_needs_its_flag_and_a_reason_and_what_runs_never_goes(void **state)
{
    struct world *w = *state;
    history(w);
    struct rp_purge_ask ask = everything;
    ask.include_unresolved = true;
    purge_fails(w, &ask, RP_E_BAD_FIELD);
    ask.reason = RP_STR("test data");
    assert_int_equal(purge_of(w, &ask).n, 5);
    ask.include_waiting = true;
    struct rp_purge_plan p = purge_of(w, &ask);
    assert_int_equal(p.n, 6);
    assert_int_equal(left(&p, "running"), 1);
    ask.payloads = true; /* without it a waiting job could not run */
    assert_int_equal(purge_of(w, &ask).n, 5);
}

static void jobs_of_a_replay_that_goes_on_stay(void **state)
{
    struct world *w = *state;
    history(w);
    struct rp_purge_ask ask = everything;
    ask.include_unresolved = true;
    ask.reason = RP_STR("r");
    struct rp_replay_ask again = {.all = true};
    int64_t id = start(w, &again);
    struct rp_purge_plan p = purge_of(w, &ask);
    assert_int_equal(left(&p, "in-replay"), 2);
    assert_int_equal(p.n, 3);
    OK(rp_replay_set_state(w->db, id, RP_REPLAY_ABORTED, RP_STR("me"), RP_NONE, w->now, err));
    (void)tick(w);
    assert_int_equal(purge_of(w, &ask).n, 5);
}

static void a_selection_is_that_of_a_replay_and_must_be_said(void **state)
{
    struct world *w = *state;
    history(w);
    struct rp_purge_ask ask = {.select = {.any_state = true}};
    purge_fails(w, &ask, RP_E_BAD_FIELD);
    ask.select.filter.states = 1u << RP_SUCCEEDED; /* alone it is too much to be meant */
    purge_fails(w, &ask, RP_E_BAD_FIELD);
    ask.select.has_filter = true;
    ask.select.filter.type = RP_STR("u");
    assert_int_equal(purge_of(w, &ask).n, 2);
    ask.select.filter.until_us = at("2026-03-02T00:00:03Z"); /* the third job ended at :02 */
    assert_int_equal(purge_of(w, &ask).n, 1);
    ask.select.filter.type = RP_STR("nope");
    purge_fails(w, &ask, RP_E_NOT_FOUND);
    struct rp_purge_ask ids = {
        .select = {.any_state = true, .ids = (int64_t[]){4, 3, 4}, .n_ids = 3}};
    struct rp_purge_plan p = purge_of(w, &ids);
    assert_int_equal(p.n, 2);
    assert_true(p.picks[0].job_id == 3 && p.picks[1].job_id == 4);
    ids.select.ids = (int64_t[]){99};
    ids.select.n_ids = 1;
    purge_fails(w, &ids, RP_E_NOT_FOUND);
}

static void the_hash_is_that_of_the_jobs_as_they_are(void **state)
{
    struct world *w = *state;
    history(w);
    struct rp_purge_ask by_id = {
        .select = {.any_state = true, .ids = (int64_t[]){3, 4, 5}, .n_ids = 3}};
    struct rp_str all = purge_of(w, &everything).hash;
    assert_int_equal(all.n, 16);
    assert_true(rp_str_eq(all, purge_of(w, &by_id).hash));
    by_id.payloads = true;
    assert_false(rp_str_eq(all, purge_of(w, &by_id).hash));
    OK(rp_job_retry(w->db, 5, RP_STR("me"), RP_STR("r"), w->now, err));
    assert_false(rp_str_eq(all, purge_of(w, &everything).hash));
}

static void a_backup_is_in_its_folder_or_where_a_local_caller_says(void **state)
{
    struct world *w = *state;
    struct rp_str file;
    struct stat st;
    const char *folder = rp_cstr(&w->arena, rp_str_fmt(&w->arena, "%s/backups", w->dir));
    OK(rp_purge_file(w->path, RP_STR("old.rpb"), false, &w->arena, &file, err));
    assert_string_equal(file.p, rp_str_fmt(&w->arena, "%s/old.rpb", folder).p);
    assert_true(stat(folder, &st) == 0 && (st.st_mode & 0777) == 0700);
    OK(rp_purge_file(w->path, RP_STR("/srv/b"), true, &w->arena, &file, err));
    assert_string_equal(file.p, "/srv/b");
    FAILS(RP_E_BAD_FIELD, rp_purge_file(w->path, RP_STR("/srv/b"), false, &w->arena, &file, err));
    static const char *const bad[] = {"", ".", "..", ".b", "a/b", "../b", "a\nb", "/srv/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(RP_E_BAD_FIELD,
              rp_purge_file(w->path, rp_str_of(bad[i]), true, &w->arena, &file, err));
    FAILS(RP_E_BAD_FIELD,
          rp_purge_file(w->path, (struct rp_str){"/a\0b", 4}, true, &w->arena, &file, err));
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(U26_only_what_has_ended_well_or_was_cancelled_goes_by_itself),
        REPLAY_TEST(U26_what_is_pinned_needs_its_flag_and_a_reason_and_what_runs_never_goes),
        REPLAY_TEST(jobs_of_a_replay_that_goes_on_stay),
        REPLAY_TEST(a_selection_is_that_of_a_replay_and_must_be_said),
        REPLAY_TEST(the_hash_is_that_of_the_jobs_as_they_are),
        REPLAY_TEST(a_backup_is_in_its_folder_or_where_a_local_caller_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
