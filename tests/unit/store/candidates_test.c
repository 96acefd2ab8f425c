/* The candidates of a plan against an oracle that asks about one job at a time, for random
 * histories and selections (replay.md 1 to 3). */
#include "world.h"

#include <inttypes.h>

enum { JOBS = 48, HISTORIES = 12, SELECTIONS = 60, REPLAYS = 3, PATTERNS = 5 };

static const char conf[] = "queues:\n  mail: {}\n"
                           "jobs:\n"
                           "  a: { run: [\"true\"], retries: 0 }\n"
                           "  b: { run: [\"true\"], retries: 0, queue: mail }\n"
                           "  safe: { run: [\"true\"], retries: 0, idempotent: true,\n"
                           "          schedule: \"0 0 1 1 *\" }\n";

struct history {
    struct world *w;
    uint64_t seed;
    int64_t job[JOBS], first_us, replay[REPLAYS];
    bool member[REPLAYS][JOBS], live[REPLAYS];
};

static uint64_t dice(struct history *h, uint64_t n)
{
    return next_random(&h->seed) % n;
}

static int64_t one_of(struct history *h, const char *sql, int64_t a)
{
    int64_t v = query(h->w, sql, a, 0);
    return v == INT64_MIN ? 0 : v;
}

/* ---- a history ---- */

static void set(struct world *w, const char *sql, int64_t a, int64_t b)
{
    struct rp_stmt *s = rp_sql(w->db, sql);
    rp_bind_id(s, 1, a);
    rp_bind_id(s, 2, b);
    OK(rp_run(s, err));
}

static void run_jobs(struct history *h)
{
    static const char *const types[] = {"a", "b", "safe"}, *const keys[] = {NULL, "k", "l"};
    struct rp_lease *l;
    h->first_us = h->w->now;
    for (size_t i = 0; i < JOBS; i++, h->w->now += RP_US_S) {
        h->job[i] = enqueue(h->w, types[dice(h, 3)], keys[dice(h, 3)]);
        assert_int_equal(claim(h->w, 1, &l), 1);
        bool well = dice(h, 4) == 0;
        (void)report(h->w, l, well ? RP_OUT_SUCCEEDED : RP_OUT_FAILED, well ? NULL : "refused",
                     well ? 0 : 1 + dice(h, PATTERNS));
    }
}

/* What only long histories bring about, written into the rows. Taken back at the end. */
static void disturb_job(struct history *h, int64_t id)
{
    struct world *w = h->w;
    if (dice(h, 3) == 0)
        set(w,
            "update job set labels = '{\"tenant\":\"x\",\"sequence\":\"s' || ?1 || '\"}' where"
            " id = ?2",
            1 + (int64_t)dice(h, 3), id);
    if (dice(h, 3) == 0)
        set(w, "update job set payload = '{\"tenant\":\"y\"}', poison = ?1 where id = ?2",
            1 + (int64_t)dice(h, 2), id);
    if (dice(h, 6) == 0)
        set(w, "update job set purged = 1, outside = coalesce(?1, 0) where id = ?2",
            (int64_t)dice(h, 2), id);
    if (dice(h, 4) == 0)
        set(w, "update job set state = ?1 where id = ?2", 5 + (int64_t)dice(h, 4), id);
    if (dice(h, 4) == 0)
        set(w, "update job set ended_at = ended_at + coalesce(?1, 0) where id = ?2",
            (int64_t)dice(h, 20) * RP_US_S, id);
    if (dice(h, 5) == 0)
        set(w, "update job set pattern_id = ?1 where id = ?2", (int64_t)dice(h, 2), id);
    if (dice(h, 3) == 0)
        set(w, "update job set schedule_id = ?1 where id = ?2", 1, id);
    if (dice(h, 3) == 0)
        set(w, "update job set replay_id = ?1 where id = ?2", 1 + (int64_t)dice(h, 2), id);
    if (dice(h, 3) == 0)
        set(w, "update attempt set output_bytes = ?1 where job_id = ?2", 7, id);
}

static void disturb_patterns(struct history *h)
{
    int64_t n = one_of(h, "select max(id) from pattern", 0);
    for (int64_t id = 2; id <= n; id++)
        if (dice(h, 3) == 0)
            set(h->w, "update pattern set joined = ?1 where id = ?2", 1, id);
        else if (dice(h, 3) == 0)
            set(h->w, "update pattern set outer_id = ?1, class_by_person = 'timeout' where id = ?2",
                id > 2 ? 1 + (int64_t)dice(h, 2) : 1, id);
    set(h->w, "update pattern set grp = 'code' where id = ?1", 1 + (int64_t)dice(h, PATTERNS), 0);
}

static void make_replay(struct history *h, size_t r)
{
    struct rp_candidate v[JOBS];
    struct rp_candidate_kind kind[JOBS] = {{0}};
    size_t n = 0;
    for (size_t i = 0; i < JOBS; i++) {
        h->member[r][i] = dice(h, 3) == 0;
        kind[i].type_id = one_of(h, "select type_id from job where id = ?1", h->job[i]);
        if (h->member[r][i])
            v[n++] = (struct rp_candidate){.kind = &kind[i], .job_id = h->job[i]};
    }
    h->replay[r] = create(h->w, v, n);
    h->live[r] = dice(h, 2);
    if (!h->live[r])
        set_state(h->w, h->replay[r], RP_REPLAY_ABORTED);
}

static void make_history(struct history *h)
{
    OK(rp_savepoint(h->w->db, err));
    run_jobs(h);
    disturb_patterns(h);
    for (size_t i = 0; i < JOBS; i++)
        disturb_job(h, h->job[i]);
    for (size_t r = 0; r < REPLAYS; r++)
        make_replay(h, r);
}

/* ---- the oracle ---- */

static bool text_is(struct history *h, const char *sql, int64_t id, struct rp_str want)
{
    struct rp_stmt *s = rp_sql(h->w->db, sql);
    struct rp_err err;
    rp_bind_i64(s, 1, id);
    assert_int_equal(rp_step(s, &err), RP_STEP_ROW);
    bool is = rp_str_eq(rp_col_view(s, 0), want) && rp_col_null(s, 0) == (want.p == NULL);
    rp_reset(s);
    return is;
}

#define NOW "coalesce((select joined from pattern where id = j.pattern_id), j.pattern_id)"
#define OUTER                                                                                      \
    "(select coalesce(w.joined, w.id) from pattern p join pattern w on w.id = p.outer_id where"    \
    " p.id = " NOW ")"
#define CLASS                                                                                      \
    "coalesce((select class_by_person from pattern p where p.id = " NOW "), j.error_class)"
#define OF " from job j where j.id = ?1"

static bool selected(struct history *h, const struct rp_job_filter *f, bool by_id, int64_t id)
{
    int64_t state = one_of(h, "select state" OF, id), ended = one_of(h, "select ended_at" OF, id);
    int64_t pattern = one_of(h, "select " NOW OF, id);
    int64_t wanted =
        one_of(h, "select coalesce(joined, id) from pattern where id = ?1", f->pattern_id);
    struct rp_str name = f->n_where > 0 ? f->where[0].value : RP_NONE;
    return (state == RP_FAILED ||
            (state == RP_UNKNOWN && (by_id || (f->states & 1u << RP_UNKNOWN) != 0))) &&
           (f->type.p == NULL ||
            text_is(h,
                    "select t.name from job j join job_type t on t.id = j.type_id where"
                    " j.id = ?1",
                    id, f->type)) &&
           (f->queue.p == NULL ||
            text_is(h,
                    "select q.name from job j join queue q on q.id = j.queue_id where"
                    " j.id = ?1",
                    id, f->queue)) &&
           (f->schedule.p == NULL || one_of(h, "select schedule_id" OF, id) == 1) &&
           (f->replay_id == 0 || one_of(h, "select replay_id" OF, id) == f->replay_id) &&
           (f->pattern_id == 0 || pattern == wanted ||
            one_of(h, "select " OUTER OF, id) == wanted) &&
           (f->error_class.p == NULL || text_is(h, "select " CLASS OF, id, f->error_class)) &&
           (f->key.p == NULL || text_is(h, "select key" OF, id, f->key)) && ended >= f->since_us &&
           (f->until_us == 0 || ended < f->until_us) &&
           (f->n_where == 0 ||
            text_is(h, "select coalesce(json_extract(labels, '$.tenant'), '')" OF, id, name) ||
            text_is(h, "select coalesce(json_extract(payload, '$.tenant'), '')" OF, id, name));
}

static bool in_live_replay(const struct history *h, int64_t id)
{
    for (size_t r = 0; r < REPLAYS; r++)
        for (size_t i = 0; i < JOBS; i++)
            if (h->job[i] == id && h->member[r][i] && h->live[r])
                return true;
    return false;
}

static void check_candidate(struct history *h, const struct rp_candidate *c)
{
    int64_t id = c->job_id;
    bool safe = text_is(h,
                        "select t.name from job j join job_type t on t.id = j.type_id where"
                        " j.id = ?1",
                        id, RP_STR("safe"));
    assert_int_equal(c->kind->type_id, one_of(h, "select type_id" OF, id));
    assert_int_equal(c->kind->pattern_id, one_of(h, "select " NOW OF, id));
    assert_int_equal(c->kind->outer_id, one_of(h, "select " OUTER OF, id));
    assert_true(text_is(h, "select " CLASS OF, id, c->kind->error_class));
    assert_true(
        text_is(h, "select (select grp from pattern where id = " NOW ")" OF, id, c->kind->group));
    assert_int_equal(c->kind->idempotent, safe);
    assert_int_equal(c->ended_us, one_of(h, "select ended_at" OF, id));
    assert_int_equal(c->attempt, one_of(h, "select last_n" OF, id));
    assert_int_equal(c->state, one_of(h, "select state" OF, id));
    assert_int_equal(c->poison, one_of(h, "select poison <> 0" OF, id));
    assert_int_equal(c->outside, one_of(h, "select outside" OF, id));
    assert_int_equal(c->payload_purged, one_of(h, "select purged > 0" OF, id));
    assert_int_equal(c->in_replay, in_live_replay(h, id));
    assert_int_equal(c->superseded,
                     one_of(h,
                            "select count(*) > 0 from job j join job l on l.type_id = j.type_id"
                            " and l.key = j.key and l.id > j.id and l.state = 5 where"
                            " j.id = ?1",
                            id));
    assert_true(text_is(h, "select json_extract(labels, '$.sequence')" OF, id,
                        c->sequence != NULL ? *c->sequence : RP_NONE));
    assert_int_equal(c->has_output,
                     !safe && one_of(h,
                                     "select max(output_bytes) > 0 from attempt where"
                                     " job_id = ?1",
                                     id));
}

/* ---- selections ---- */

static struct rp_job_filter any_filter(struct history *h, struct rp_env *where)
{
    static const char *const types[] = {NULL, NULL, "a", "b", "safe"};
    static const char *const names[] = {NULL, NULL, NULL, "mail"};
    struct rp_job_filter f = {.type = rp_str_of(types[dice(h, 5)]),
                              .queue = rp_str_of(names[dice(h, 4)])};
    f.states = 1u << RP_FAILED | (dice(h, 2) == 0 ? 1u << RP_UNKNOWN : 0);
    if (dice(h, 4) == 0)
        f.pattern_id = 1 + (int64_t)dice(h, (uint64_t)one_of(h, "select max(id) from pattern", 0));
    if (dice(h, 5) == 0)
        f.replay_id = h->replay[dice(h, 2)];
    if (dice(h, 5) == 0)
        f.schedule = RP_STR("safe");
    if (dice(h, 5) == 0)
        f.error_class = dice(h, 2) == 0 ? RP_STR("timeout") : RP_STR("dependency");
    if (dice(h, 5) == 0)
        f.key = RP_STR("k");
    if (dice(h, 3) == 0)
        f.since_us = h->first_us + (int64_t)dice(h, JOBS) * RP_US_S;
    if (dice(h, 3) == 0)
        f.until_us = h->first_us + (int64_t)dice(h, 2 * JOBS) * RP_US_S;
    *where = (struct rp_env){RP_STR("tenant"), dice(h, 2) == 0 ? RP_STR("x") : RP_STR("y")};
    f.where = where;
    f.n_where = dice(h, 4) == 0;
    return f;
}

/* Some of those that may be asked for by id. */
static size_t any_ids(struct history *h, int64_t *ids)
{
    size_t n = 0;
    if (dice(h, 3) != 0)
        return 0;
    for (size_t i = 0; i < JOBS; i++) {
        int64_t state = one_of(h, "select state" OF, h->job[i]);
        if ((state == RP_FAILED || state == RP_UNKNOWN) && dice(h, 2) == 0)
            ids[n++] = h->job[i];
    }
    return n;
}

static bool is_among(const int64_t *ids, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return n == 0;
}

static void select_once(struct history *h)
{
    struct rp_env where;
    struct rp_job_filter f = any_filter(h, &where);
    int64_t ids[JOBS], limit = dice(h, 4) == 0 ? (int64_t)dice(h, 9) : 1000;
    size_t n_ids = any_ids(h, ids), n, at = 0;
    struct rp_candidate *v;
    OK(rp_replay_candidates(h->w->db, rp_db_config(h->w->db), &f, ids, n_ids, limit, &h->w->arena,
                            &v, &n, err));
    for (size_t i = 0; i < JOBS && (int64_t)at < limit; i++) {
        if (!is_among(ids, n_ids, h->job[i]) || !selected(h, &f, n_ids > 0, h->job[i]))
            continue;
        if (at >= n || v[at].job_id != h->job[i])
            fail_msg("job %" PRId64 " is selected and was not found", h->job[i]);
        check_candidate(h, &v[at++]);
    }
    assert_int_equal(at, n);
}

static void R1_candidates_are_what_each_job_by_itself_says(void **state)
{
    const char *seed = getenv("RP_SEED");
    uint64_t from = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)rp_wall(&rp_clock_system);
    struct history h = {.w = *state, .seed = from | 1};
    (void)printf("RP_SEED=%" PRIu64 "\n", from);
    configure(h.w, conf);
    for (int i = 0; i < HISTORIES; i++) {
        make_history(&h);
        for (int k = 0; k < SELECTIONS; k++)
            select_once(&h);
        rp_savepoint_rollback(h.w->db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(R1_candidates_are_what_each_job_by_itself_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
