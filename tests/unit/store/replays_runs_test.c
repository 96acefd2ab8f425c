/* Random runs of a replay: whatever happens, an item runs at most once, nothing outside the plan
 * runs, and undo is exact (G17). RP_RUNS sets how many. */
#include "world.h"

static const char conf[] =
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\" }\n"
    "jobs:\n"
    "  a: { run: [\"true\"], retries: 0, needs: [db] }\n"
    "  b: { run: [\"true\"], retries: 0 }\n"
    "  safe: { run: [\"true\"], retries: 0, idempotent: true, poison_after: 3 }\n";

enum { JOBS = 24 };

struct run {
    struct world *w;
    int64_t id;
    uint64_t random;
    struct rp_lease open[JOBS];
    size_t n_open;
    struct rp_str before[JOBS + 1];
    bool undone;
};

static void take(struct run *r)
{
    struct rp_lease *l;
    size_t n = claim(r->w, 1 + (int64_t)(next_random(&r->random) % 4), &l);
    for (size_t i = 0; i < n; i++)
        r->open[r->n_open++] = l[i];
}

static void end_one(struct run *r)
{
    if (r->n_open == 0)
        return;
    bool ok = next_random(&r->random) % 2;
    (void)report(r->w, &r->open[--r->n_open], ok ? RP_OUT_SUCCEEDED : RP_OUT_FAILED,
                 ok ? NULL : "refused", 7 + next_random(&r->random) % 2);
}

/* Steps that the state does not allow are refused; that is not what is tested here. */
static void act(struct run *r)
{
    struct world *w = r->w;
    int64_t n;
    static const enum rp_replay_state to[] = {RP_REPLAY_RUNNING, RP_REPLAY_RUNNING,
                                              RP_REPLAY_PAUSED, RP_REPLAY_HALTED,
                                              RP_REPLAY_ABORTED};
    w->now += RP_US_S;
    switch (next_random(&r->random) % 12) {
    case 0:
    case 1:
    case 2:
        (void)rp_replay_release(w->db, r->id, 1, 1 + (int64_t)(next_random(&r->random) % 5), w->now,
                                &n, NULL);
        break;
    case 3:
    case 4:
        take(r);
        break;
    case 5:
    case 6:
    case 7:
        end_one(r);
        break;
    case 8:
    case 9:
        (void)settle(w, r->id);
        break;
    case 10:
        (void)rp_replay_set_state(w->db, r->id, to[next_random(&r->random) % 5], RP_STR("ada"),
                                  RP_NONE, w->now, NULL);
        break;
    default:
        if (next_random(&r->random) % 16 == 0)
            r->undone |= rp_replay_undo(w->db, r->id, RP_STR("ada"), RP_NONE, w->now, NULL);
    }
}

/* Attempts that have ended, and those that run. */
#define RAN                                                                                        \
    "(select job_id, replay_id from attempt union all select l.job_id, j.replay_id from lease l"   \
    " join job j on j.id = l.job_id)"

static void check_run(struct run *r, size_t n_items, const struct rp_candidate *items,
                      uint64_t seed)
{
    struct world *w = r->w;
    if (query(w,
              "select max(n) from (select count(*) as n from " RAN " where replay_id = ?1 group by"
              " job_id)",
              r->id, 0) > 1)
        fail_msg("seed %llu: an item ran twice", (unsigned long long)seed);
    for (int64_t j = 1; j <= JOBS; j++) {
        bool planned = false;
        for (size_t i = 0; i < n_items; i++)
            planned |= items[i].job_id == j;
        bool ran = query(w, "select count(*) from " RAN " where replay_id = ?1 and job_id = ?2",
                         r->id, j) > 0;
        bool queued = state_of(w, j) == RP_QUEUED;
        if (ran && !planned)
            fail_msg("seed %llu: job %lld ran outside the plan", (unsigned long long)seed,
                     (long long)j);
        if (ran || (queued && planned && !r->undone))
            continue;
        if (!rp_str_eq(r->before[j], job_row(w, j)))
            fail_msg("seed %llu: job %lld was %.*s and is %.*s", (unsigned long long)seed,
                     (long long)j, RP_FMT(r->before[j]), RP_FMT(job_row(w, j)));
    }
    assert_int_equal(query(w, "select sum(n) from replay_tally where replay_id = ?1", r->id, 0),
                     (int64_t)n_items);
    assert_int_equal(query(w,
                           "select count(*) from replay_tally y where n <> (select count(*) from"
                           " replay_item i where i.replay_id = y.replay_id and i.fate = y.fate and"
                           " i.type_id = y.type_id)",
                           0, 0),
                     0);
}

static void G17_whatever_happens_an_item_runs_once_and_undo_is_exact(void **state)
{
    struct world *w = *state;
    configure(w, conf);
    fail_jobs(w, "b", JOBS / 2, 7);
    fail_jobs(w, "a", JOBS / 2, 8);
    write_counts(w);
    const char *asked = getenv("RP_RUNS");
    uint64_t runs = asked != NULL ? strtoull(asked, NULL, 10) : 300;
    for (uint64_t seed = 1; seed <= runs; seed++) {
        OK(rp_savepoint(w->db, err));
        struct run r = {.w = w, .random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
        size_t n;
        struct rp_job_filter f = {.type = seed % 2 ? RP_STR("b") : RP_NONE};
        struct rp_candidate *items = candidates(w, &f, &n);
        for (int64_t j = 1; j <= JOBS; j++)
            r.before[j] = job_row(w, j);
        r.id = create(w, items, n);
        set_state(w, r.id, RP_REPLAY_RUNNING);
        for (int step = 0; step < 80; step++)
            act(&r);
        check_run(&r, n, items, seed);
        struct rp_buf findings = {0};
        write_counts(w);
        if (seed % 10 == 0 && !rp_store_check(w->db, &findings, NULL))
            fail_msg("seed %llu: %.*s", (unsigned long long)seed, RP_FMT(rp_buf_view(&findings)));
        rp_buf_free(&findings);
        rp_savepoint_rollback(w->db);
    }
    print_message("replays: %llu runs\n", (unsigned long long)runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(G17_whatever_happens_an_item_runs_once_and_undo_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
