/* Random histories, selections and kills (G17): a replay never exceeds its plan, never touches a
 * job that succeeded, runs an item at most once, and what did not run is as it was, down to the
 * last column.
 *
 * A case is up to 64 steps made from a seed; each step draws from its own numbers, so that others
 * can be left out. Cases run in a process of their own; of one that fails, steps are left out while
 * it still fails, and what remains is printed, with how to run it alone. RP_RUNS sets how many
 * cases, RP_CASE=SEED and RP_KEEP=MASK run one. A kill is the store's files as they are at that
 * moment, opened as another store by another daemon. */
#include "replay_world.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { STEPS = 64, PENDING = 3, REPLAYS = 40, ITEMS = 200, JOBS = 400, LEASES = 100 };

static const char *const confs[] = {
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"
    "jobs:\n"
    "  a: { run: [\"true\"], retries: 0, idempotent: true, max_running: 6 }\n"
    "  b: { run: [\"true\"], retries: 0, needs: [db] }\n"
    "  c: { run: [\"true\"], retries: 1, idempotent: true }\n"
    "replay: { settle: 0s, max_running: 5, wave_max: 8 }\n",
    /* … and as it is after somebody changed it: others are idempotent, one is gone */
    "dependencies:\n  db: { tcp: \"127.0.0.1:5432\", every: 10s }\n"
    "jobs:\n"
    "  a: { run: [\"true\"], retries: 0, max_running: 2, timeout: 9m }\n"
    "  b: { run: [\"true\"], retries: 2, idempotent: true }\n"
    "replay: { settle: 0s, max_running: 5, wave_max: 3 }\n",
};

/* What was promised of a replay when it was planned. */
struct promise {
    int64_t id;
    size_t n;
    int64_t job[ITEMS];
    struct rp_str row[ITEMS];
};

struct pending { /* a plan on its way */
    bool used, parked, planned;
    struct rp_replay_ask ask;
    struct rp_replay_making m;
    struct rp_replay_parked p;
};

struct prop {
    struct world *w;
    uint64_t seed, x;
    size_t conf;
    struct rp_lease lease[LEASES];
    size_t n_leases;
    struct pending pending[PENDING];
    struct promise promise[REPLAYS];
    size_t n_promises;
    struct rp_str succeeded[JOBS + 1]; /* as they were when they had */
    bool up, loud;
};

#define SAY(p, ...)                                                                                \
    do {                                                                                           \
        if ((p)->loud)                                                                             \
            print_message(__VA_ARGS__);                                                            \
    } while (0)

static uint64_t dice(struct prop *p, uint64_t sides)
{
    return next_random(&p->x) % sides;
}

/* ---- what must hold ---- */

static struct promise *promise_of(struct prop *p, int64_t id)
{
    for (size_t i = 0; i < p->n_promises; i++)
        if (p->promise[i].id == id)
            return &p->promise[i];
    return NULL;
}

static bool promised(const struct promise *of, int64_t job)
{
    for (size_t i = 0; i < of->n; i++)
        if (of->job[i] == job)
            return true;
    return false;
}

static void successes_stay(struct prop *p)
{
    int64_t last = query(p->w, "select max(id) from job", 0, 0);
    assert_true(last <= JOBS);
    for (int64_t j = 1; j <= last; j++) {
        bool ok = state_of(p->w, j) == RP_SUCCEEDED;
        if (p->succeeded[j].p == NULL && !ok)
            continue;
        struct rp_str row = job_row(p->w, j);
        if (p->succeeded[j].p == NULL)
            p->succeeded[j] = row;
        else if (!rp_str_eq(row, p->succeeded[j]))
            fail_msg("job %" PRId64 " had succeeded as %.*s and is %.*s", j,
                     RP_FMT(p->succeeded[j]), RP_FMT(row));
    }
}

/* Lost attempts of what may be repeated run again within the item; all others count. */
static void items_run_once(struct prop *p)
{
    static const char most[] =
        "select max(n) from (select count(*) n from (select job_id, replay_id from attempt where"
        " replay_id is not null and outcome <> 4 union all select l.job_id, j.replay_id from lease"
        " l join job j on j.id = l.job_id where j.replay_id is not null) group by job_id,"
        " replay_id)";
    if (query(p->w, most, 0, 0) > 1)
        fail_msg("an item ran twice in its replay");
}

static void within_plan(struct prop *p, const struct promise *of)
{
    struct rp_replay r = replay(p->w, of->id);
    struct rp_replay_item *v;
    size_t n;
    OK(rp_replay_items(p->w->db, of->id, 0, 1000, &p->w->arena, &v, &n, err));
    for (size_t i = 0; i < n; i++)
        if (!promised(of, v[i].job_id))
            fail_msg("replay %" PRId64 " has job %" PRId64 ", which is not in its plan", of->id,
                     v[i].job_id);
    if (r.started_us != 0 && n != of->n)
        fail_msg("replay %" PRId64 " runs %zu of %zu", of->id, n, of->n);
    int64_t outside = query(p->w,
                            "select count(*) from attempt a where replay_id = ?1 and not exists("
                            "select 1 from replay_item i where i.replay_id = ?1 and i.job_id ="
                            " a.job_id)",
                            of->id, 0);
    if (outside > 0)
        fail_msg("%" PRId64 " attempts of replay %" PRId64 " are outside of its plan", outside,
                 of->id);
}

/* What waits in it and was touched by nobody is as it was when it was planned. */
static void as_it_was(struct prop *p, const struct promise *of)
{
    for (size_t i = 0; i < of->n; i++) {
        int64_t untouched = query(
            p->w,
            "select count(*) from replay_item i join job j on j.id = i.job_id where"
            " i.replay_id = ?1 and i.job_id = ?2 and i.fate = 1 and j.state in (6, 8) and j.state ="
            " i.state_before and j.last_n = i.n_before",
            of->id, of->job[i]);
        if (untouched > 0 && of->row[i].p != NULL &&
            !rp_str_eq(of->row[i], job_row(p->w, of->job[i])))
            fail_msg("job %" PRId64 " did not run in replay %" PRId64 "; it was %.*s and is %.*s",
                     of->job[i], of->id, RP_FMT(of->row[i]), RP_FMT(job_row(p->w, of->job[i])));
    }
}

/* An item repairs the attempt that was planned: its own attempts come right after that one. */
static void repairs_what_was_planned(struct prop *p)
{
    int64_t others = query(p->w,
                           "select count(*) from (select i.n_before, min(a.n) first from"
                           " replay_item i join attempt a on a.job_id = i.job_id and a.replay_id ="
                           " i.replay_id and a.n > i.n_before group by i.replay_id, i.seq) where"
                           " first <> n_before + 1",
                           0, 0);
    if (others > 0)
        fail_msg("%" PRId64 " items ran after other attempts than planned", others);
}

static void counted(struct prop *p)
{
    int64_t off = query(p->w,
                        "select count(*) from (select replay_id, fate, type_id, sum(n) n from"
                        " (select replay_id, fate, type_id, n from replay_tally union all select"
                        " replay_id, fate, type_id, -1 from replay_item) group by 1, 2, 3 having"
                        " sum(n) <> 0)",
                        0, 0);
    if (off != 0)
        fail_msg("%" PRId64 " counts of items are wrong", off);
    off = query(p->w,
                "select count(*) from replay_test t where running <> (select count(*) from"
                " replay_item i join job j on j.id = i.job_id where i.replay_id = t.replay_id and"
                " i.fate = 2 and j.last_n > i.n_before and j.replay_id = i.replay_id)",
                0, 0);
    if (off != 0)
        fail_msg("of %" PRId64 " replays it is not known how many items run", off);
}

static void must_hold(struct prop *p)
{
    successes_stay(p);
    items_run_once(p);
    repairs_what_was_planned(p);
    counted(p);
    for (size_t i = 0; i < p->n_promises; i++) {
        within_plan(p, &p->promise[i]);
        as_it_was(p, &p->promise[i]);
    }
}

/* ---- plans ---- */

static void remember(struct prop *p, int64_t id, const struct rp_plan *plan)
{
    struct promise *of = promise_of(p, id);
    if (of == NULL) {
        assert_true(p->n_promises < REPLAYS);
        of = &p->promise[p->n_promises++];
    }
    assert_true(plan->n <= ITEMS);
    *of = (struct promise){.id = id, .n = (size_t)plan->n};
    for (size_t i = 0; i < of->n; i++) {
        of->job[i] = plan->items[i].job_id;
        if (state_of(p->w, of->job[i]) == (enum rp_state)plan->items[i].state)
            of->row[i] = job_row(p->w, of->job[i]); /* else another replay has let it out since */
    }
}

static struct pending *free_pending(struct prop *p)
{
    for (size_t i = 0; i < PENDING; i++)
        if (!p->pending[i].used)
            return &p->pending[i];
    return NULL;
}

static struct rp_replay_ask any_ask(struct prop *p)
{
    static struct rp_str past[] = {RP_STR("workers"),  RP_STR("class"),
                                   RP_STR("replays"),  RP_STR("fix-first"),
                                   RP_STR("sequence"), RP_STR("in-another-replay")};
    static struct rp_str types[] = {RP_STR("a"), RP_STR("b"), RP_STR("c")};
    struct rp_replay_ask ask = {.actor = RP_STR("ada"), .reason = RP_STR("checked")};
    ask.override = (struct rp_strs){past, 3 + dice(p, 4)};
    ask.include_unsafe = dice(p, 2);
    ask.include_unknown = dice(p, 2);
    ask.at_once = dice(p, 4) == 0;
    ask.canary = ask.at_once ? 0 : (int64_t)dice(p, 4);
    ask.all = dice(p, 2);
    ask.has_filter = !ask.all;
    if (!ask.all)
        ask.filter.type = types[dice(p, 3)];
    if (dice(p, 4) == 0)
        ask.filter.since_us = p->w->now - (int64_t)dice(p, 300) * RP_US_S;
    return ask;
}

static void plan_one(struct prop *p)
{
    struct pending *next = free_pending(p);
    struct rp_err err;
    if (next == NULL)
        return;
    *next = (struct pending){.ask = any_ask(p), .m = {.part = 1 + (int64_t)dice(p, 5)}};
    next->used = rp_replay_plan(p->w->db, conf_of(p->w), &next->ask, p->w->now, &p->w->arena,
                                &next->m.plan, &err);
    if (next->used)
        SAY(p, "planned %" PRId64 " jobs\n", next->m.plan.n);
}

static void make_plain(struct prop *p, struct pending *x)
{
    struct rp_err err = {0};
    bool again = false, begins = x->m.id == 0;
    dependency(p->w, "db", p->up);
    if (!rp_replay_make(p->w->db, conf_of(p->w), &x->ask, p->w->now, &p->w->arena, &x->m, &again,
                        &err)) {
        SAY(p, "refused: %s\n", err.message);
        x->used = false;
        return;
    }
    SAY(p, "made %" PRId64 " of replay %" PRId64 "\n", x->m.made, x->m.id);
    if (begins)
        remember(p, x->m.id, &x->m.plan);
    x->used = again;
}

static void make_parked_part(struct prop *p, struct pending *x)
{
    bool again = true;
    while (!x->planned && again)
        OK(rp_replay_park_clear(p->w->db, x->p.id, &again, err));
    if (!x->planned) {
        OK(rp_replay_parked_plan(p->w->db, conf_of(p->w), p->w->now, &p->w->arena, &x->p, err));
        remember(p, x->p.id, &x->p.plan);
    }
    x->planned = true;
    OK(rp_replay_parked_make(p->w->db, p->w->now, &p->w->arena, &x->p, &again, err));
    SAY(p, "made %" PRId64 " of parked replay %" PRId64 "\n", x->p.made, x->p.id);
    x->used = again;
}

static void make_part(struct prop *p, uint64_t parts)
{
    size_t from = dice(p, PENDING);
    for (size_t i = 0; i < PENDING; i++) {
        struct pending *x = &p->pending[(from + i) % PENDING];
        for (; x->used && parts > 0; parts--)
            if (x->parked)
                make_parked_part(p, x);
            else
                make_plain(p, x);
    }
}

static void park_one(struct prop *p)
{
    struct rp_replay_ask ask = {.all = true, .actor = RP_STR("ada")};
    int64_t id;
    if (dice(p, 2))
        ask.park = (struct rp_replay_park){RP_PARK_DEPENDENCY, RP_STR("db"), 0, 0};
    else
        ask.park.at_us = p->w->now + 1 + (int64_t)dice(p, 60) * RP_US_S;
    OK(rp_replay_park(p->w->db, conf_of(p->w), &ask,
                      RP_STR("{\"select\":{\"type\":\"a\"},\"guard\":{}}"), p->w->now, &id, err));
    SAY(p, "parked replay %" PRId64 "\n", id);
}

/* ---- time, workers, operators ---- */

static void tick_once(struct prop *p)
{
    int64_t next = INT64_MAX;
    struct desk desk = {.public = {.wanted = want}};
    p->w->now += (int64_t)dice(p, 11000) * 1000;
    OK(rp_replay_tick(&desk, p->w->db, p->w->now, &next, err));
    for (size_t i = 0; i < desk.n; i++) {
        struct pending *x = free_pending(p);
        bool there = false;
        for (size_t k = 0; k < PENDING; k++)
            there |= p->pending[k].used && p->pending[k].parked && p->pending[k].p.id == desk.id[i];
        if (x != NULL && !there)
            *x = (struct pending){.used = true,
                                  .parked = true,
                                  .p = {.id = desk.id[i], .part = 1 + (int64_t)dice(p, 5)}};
    }
}

static const char *any_type(struct prop *p)
{
    static const char *const names[] = {"a", "b", "c"};
    return names[dice(p, p->conf == 0 ? 3 : 2)];
}

static void take(struct prop *p, int64_t most)
{
    struct rp_lease *l;
    size_t n = claim(p->w, most, &l);
    for (size_t i = 0; i < n && p->n_leases < LEASES; i++)
        p->lease[p->n_leases++] = l[i];
}

/* What does not answer any more is forgotten. */
static void answer(struct prop *p, bool ok)
{
    if (p->n_leases == 0)
        return;
    struct rp_lease l = p->lease[dice(p, p->n_leases)];
    static const char *const groups[] = {"transient", "code", "transient"};
    static const char *const classes[] = {"dependency", "unknown", "timeout"};
    size_t kind = dice(p, 3);
    struct rp_report r = {.lease = l.id,
                          .token = l.token,
                          .outcome = ok ? RP_OUT_SUCCEEDED : RP_OUT_FAILED,
                          .permanent = dice(p, 2)};
    if (!ok) {
        r.facts.error = RP_STR("refused");
        r.facts.error_class = rp_str_of(classes[kind]);
        r.facts.output_bytes = (int64_t)dice(p, 2);
        r.template = RP_STR("refused");
        r.error_group = rp_str_of(groups[kind]);
        r.action = RP_STR("replay");
        r.pattern_hash = 7 + kind;
    }
    enum rp_state state;
    struct rp_err err;
    (void)rp_job_report(p->w->db, &r, p->w->now, &state, &err);
    for (size_t i = 0; i < p->n_leases; i++)
        if (p->lease[i].id == l.id)
            p->lease[i] = p->lease[--p->n_leases];
}

static void some_work(struct prop *p, bool mostly_fails)
{
    for (uint64_t i = 0, n = 2 + dice(p, 8); i < n; i++) {
        static const char *const labels[] = {NULL, "{\"sequence\":\"s\"}", "{\"sequence\":\"t\"}"};
        static const char *const keys[] = {NULL, NULL, "K", "L"};
        struct rp_enqueue in = {
            .type = rp_str_of(any_type(p)), .priority = INT64_MIN, .payload = RP_STR("{\"n\":1}")};
        const char *key = keys[dice(p, 4)], *label = labels[dice(p, 3)];
        struct rp_enqueued out;
        in.key = key != NULL ? rp_str_of(key) : RP_NONE;
        in.labels = label != NULL ? rp_str_of(label) : RP_NONE;
        OK(rp_jobs_enqueue(p->w->db, &in, 1, p->w->now, &out, err));
        p->w->now += RP_US_S;
    }
    take(p, 12);
    for (uint64_t i = 0, n = p->n_leases; i < n; i++)
        answer(p, (dice(p, 5) == 0) == mostly_fails);
}

static void wait_long(struct prop *p)
{
    int64_t n, next;
    p->w->now += 2 * RP_US_MIN;
    OK(rp_leases_expire(p->w->db, p->w->now, 100, &n, &next, err));
    OK(rp_jobs_promote(p->w->db, p->w->now, 100, &n, &next, err));
}

static int64_t any_replay(struct prop *p)
{
    int64_t most = query(p->w, "select coalesce(max(id), 0) from replay", 0, 0);
    return most > 0 ? 1 + (int64_t)dice(p, (uint64_t)most) : 0;
}

/* What its state does not allow is refused; that is not what is tested here. */
static void control(struct prop *p)
{
    static const enum rp_replay_state to[] = {RP_REPLAY_RUNNING, RP_REPLAY_RUNNING,
                                              RP_REPLAY_PAUSED, RP_REPLAY_HALTED,
                                              RP_REPLAY_ABORTED};
    struct rp_err err;
    int64_t id = any_replay(p);
    enum rp_replay_state next = to[dice(p, 5)];
    if (id == 0 || replay(p->w, id).state == RP_REPLAY_PLANNED) /* its maker sets it going */
        return;
    if (rp_replay_set_state(p->w->db, id, next, RP_STR("ada"), RP_STR("so"), p->w->now, &err))
        SAY(p, "replay %" PRId64 " %s\n", id, rp_replay_state_name(next));
}

static void undo(struct prop *p)
{
    struct rp_err err;
    int64_t id = any_replay(p);
    if (id > 0 && rp_replay_undo(p->w->db, id, RP_STR("ada"), RP_STR("so"), p->w->now, &err))
        SAY(p, "replay %" PRId64 " undone\n", id);
}

/* A person takes jobs into the own hands beside it all; never those that succeeded. */
static void one_by_hand(struct prop *p)
{
    struct rp_err err;
    int64_t last = query(p->w, "select coalesce(max(id), 0) from job", 0, 0);
    if (last == 0)
        return;
    int64_t job = 1 + (int64_t)dice(p, (uint64_t)last);
    if (state_of(p->w, job) == RP_SUCCEEDED)
        return;
    bool done = dice(p, 2)
                    ? rp_job_cancel(p->w->db, job, RP_STR("bob"), RP_STR("so"), p->w->now, &err)
                    : rp_job_retry(p->w->db, job, RP_STR("bob"), RP_STR("so"), p->w->now, &err);
    if (done)
        SAY(p, "job %" PRId64 " by hand: %s\n", job, rp_state_name(state_of(p->w, job)));
}

static void by_hand(struct prop *p)
{
    for (uint64_t i = 0, n = 1 + dice(p, 6); i < n; i++)
        one_by_hand(p);
}

/* Settings change under all that runs; the dependency flaps. */
static void other_settings(struct prop *p)
{
    int64_t held;
    p->conf = 1 - p->conf;
    struct world *w = p->w;
    struct rp_config *c = w->config[0];
    w->config[0] = w->config[1];
    w->config[1] = c;
    OK(rp_config_apply(w->db, conf_of(w), w->now, &held, err));
    SAY(p, "settings %zu\n", p->conf);
}

static void flap(struct prop *p)
{
    p->up = dice(p, 3) > 0;
    dependency(p->w, "db", p->up);
    SAY(p, "db is %s\n", p->up ? "up" : "down");
}

/* ---- a kill ---- */

static void copy(const char *from, const char *to)
{
    char buf[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(out);
    for (size_t n; in != NULL && (n = fread(buf, 1, sizeof buf, in)) > 0;)
        assert_int_equal(fwrite(buf, 1, n, out), n);
    if (in != NULL)
        (void)fclose(in);
    assert_int_equal(fchmod(fileno(out), 0600), 0);
    assert_int_equal(fclose(out), 0);
}

static void copy_store(struct world *w, char dir[64], char path[96])
{
    static const char *const parts[] = {"", "-wal"};
    struct rp_store *unused = help_new(dir, path);
    assert_non_null(unused);
    rp_store_close(unused);
    for (size_t i = 0; i < 2; i++) {
        char from[128], to[128];
        (void)snprintf(from, sizeof from, "%s%s", w->path, parts[i]);
        (void)snprintf(to, sizeof to, "%s%s", path, parts[i]);
        copy(from, to);
    }
}

/* What this process knew is gone, and so is what it had not committed. */
static void forget(struct prop *p)
{
    int64_t last = query(p->w, "select coalesce(max(id), 0) from replay", 0, 0);
    p->n_leases = 0;
    memset(p->pending, 0, sizeof p->pending);
    for (size_t i = p->n_promises; i-- > 0;)
        if (p->promise[i].id > last)
            p->promise[i] = p->promise[--p->n_promises];
    memset(p->succeeded, 0, sizeof p->succeeded);
}

static void begin(struct world *w)
{
    int64_t n, held;
    OK(rp_config_apply(w->db, conf_of(w), w->now, &held, err));
    OK(rp_leases_orphaned(w->db, RP_STR("n1"), w->now, &n, err));
    OK(rp_node_start(w->db, RP_STR("n1"), 1, w->now, &n, err));
    OK(rp_replay_begin(NULL, w->db, w->now, err));
    commit(w);
}

static void kill_daemon(struct prop *p)
{
    struct world *w = p->w;
    char dir[64], path[96];
    copy_store(w, dir, path);
    rp_tx_rollback(w->db);
    rp_store_close(w->store);
    help_remove(w->dir);
    memcpy(w->dir, dir, sizeof dir);
    memcpy(w->path, path, sizeof path);
    w->store = help_open(w->path);
    w->db = rp_store_writer(w->store);
    OK(rp_tx_begin(w->db, err));
    SAY(p, "killed\n");
    forget(p);
    begin(w);
    int64_t half = query(w,
                         "select count(*) from replay r where state = 1 and not exists(select 1"
                         " from replay_parked k where k.replay_id = r.id and released_at is null)",
                         0, 0);
    if (half > 0)
        fail_msg("%" PRId64 " replays are half made after the start", half);
}

/* ---- a case ---- */

static void step(struct prop *p, size_t no)
{
    p->x = (p->seed * 64 + no + 1) * UINT64_C(0x9E3779B97F4A7C15);
    (void)next_random(&p->x);
    uint64_t what = dice(p, 32);
    SAY(p, "%2zu: ", no);
    if (what < 5)
        some_work(p, true);
    else if (what < 6)
        some_work(p, false);
    else if (what < 9)
        plan_one(p);
    else if (what < 13)
        make_part(p, 1 + dice(p, 6));
    else if (what < 18)
        tick_once(p);
    else if (what < 20)
        take(p, 1 + (int64_t)dice(p, 8));
    else if (what < 24)
        for (uint64_t i = 0, n = 2 + dice(p, 8); i < n; i++)
            answer(p, dice(p, 4) > 0);
    else if (what == 24)
        wait_long(p);
    else if (what == 25)
        control(p);
    else if (what == 26)
        undo(p);
    else if (what == 27)
        kill_daemon(p);
    else if (what == 28)
        other_settings(p);
    else if (what == 29)
        flap(p);
    else if (what == 30)
        park_one(p);
    else
        by_hand(p);
    SAY(p, "\n");
    if (dice(p, 2))
        commit(p->w);
}

/* Until nothing of it is under way. */
static void drain(struct prop *p)
{
    if (p->conf != 0)
        other_settings(p);
    for (int i = 0; i < 400; i++) {
        int64_t next;
        struct rp_replay_desk desk = {0};
        p->w->now += RP_US_S;
        dependency(p->w, "db", true);
        OK(rp_replay_tick(&desk, p->w->db, p->w->now, &next, err));
        take(p, 50);
        while (p->n_leases > 0)
            answer(p, true);
        wait_long(p);
        int64_t open = query(p->w,
                             "select count(*) from replay where ended_at is null and state in (2,"
                             " 6, 7)",
                             0, 0),
                live = query(p->w, "select count(*) from job where state in (2, 3)", 0, 0);
        if (open == 0 && live == 0)
            return;
    }
    fail_msg("it does not come to an end");
}

static void run_case(struct world *w, uint64_t seed, uint64_t keep, bool loud)
{
    struct prop *p = rp_xcalloc(1, sizeof *p);
    *p = (struct prop){.w = w, .seed = seed, .up = true, .loud = loud};
    configure(w, confs[1]);
    configure(w, confs[0]);
    dependency(w, "db", true);
    p->x = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int i = 0; i < 4; i++)
        some_work(p, true);
    commit(w);
    for (size_t i = 0; i < STEPS; i++) {
        if ((keep >> i & 1) == 0)
            continue;
        step(p, i);
        must_hold(p);
    }
    p->x = seed + 1;
    drain(p);
    must_hold(p);
    print_message("%" PRId64 " replays, %" PRId64 " items, %" PRId64 " ran\n",
                  query(w, "select count(*) from replay", 0, 0),
                  query(w, "select count(*) from replay_item", 0, 0),
                  query(w, "select count(*) from replay_item where fate in (3, 4, 5, 7)", 0, 0));
    free(p);
}

static uint64_t from_environment(const char *name, uint64_t fallback)
{
    const char *v = getenv(name);
    return v != NULL ? strtoull(v, NULL, 0) : fallback;
}

static void a_case(void **state)
{
    uint64_t seed = from_environment("RP_CASE", 1);
    run_case(*state, seed, from_environment("RP_KEEP", UINT64_MAX),
             getenv("RP_KEEP") != NULL || getenv("RP_LOUD") != NULL);
}

/* ---- many of them ---- */

static const char *self;

/* Whether the case holds, in a process of its own. */
static bool holds(uint64_t seed, uint64_t keep, bool loud)
{
    char env[3][64], *const args[] = {(char *)self, NULL};
    (void)snprintf(env[0], sizeof env[0], "RP_CASE=%" PRIu64, seed);
    (void)snprintf(env[1], sizeof env[1], "%s=%#" PRIx64, loud ? "RP_KEEP" : "RP_KEEP_", keep);
    if (!loud && keep != UINT64_MAX)
        (void)snprintf(env[1], sizeof env[1], "RP_KEEP=%#" PRIx64, keep);
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (size_t i = 0; i < 2; i++)
            (void)putenv(env[i]);
        if (!loud && (freopen("/dev/null", "w", stdout) == NULL ||
                      freopen("/dev/null", "w", stderr) == NULL))
            _exit(9);
        (void)execv(self, args);
        _exit(9);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Leaves steps out, many at first, while it still fails. */
static uint64_t shrink(uint64_t seed)
{
    uint64_t keep = UINT64_MAX;
    for (size_t n = STEPS / 2; n > 0; n /= 2)
        for (size_t from = 0; from < STEPS; from += n) {
            uint64_t some = (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << from;
            if ((keep & some) != 0 && !holds(seed, keep & ~some, false))
                keep &= ~some;
        }
    return keep;
}

static void G17_no_history_no_selection_and_no_kill_breaks_what_a_plan_promised(void **state)
{
    (void)state;
    uint64_t runs = from_environment("RP_RUNS", 40), first = from_environment("RP_SEED", 1);
    print_message("seeds %" PRIu64 " to %" PRIu64 "\n", first, first + runs - 1);
    for (uint64_t seed = first; seed < first + runs; seed++) {
        if (holds(seed, UINT64_MAX, false))
            continue;
        uint64_t keep = shrink(seed);
        (void)holds(seed, keep, true);
        fail_msg("seed %" PRIu64 "; alone: RP_CASE=%" PRIu64 " RP_KEEP=%#" PRIx64 " %s", seed, seed,
                 keep, self);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    self = argv[0];
    /* What is on disk after a power loss is tested elsewhere: here it is only the syncs' time. */
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    if (getenv("RP_CASE") != NULL) {
        const struct CMUnitTest one[] = {
            cmocka_unit_test_setup_teardown(a_case, replay_open, replay_close)};
        return cmocka_run_group_tests(one, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G17_no_history_no_selection_and_no_kill_breaks_what_a_plan_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
