/* Random histories, selections and kills (G17): a replay never exceeds its plan, never touches a
 * job that succeeded, runs an item at most once, and what did not run is as it was, down to the
 * last column.
 *
 * A case is up to 64 steps made from a seed; each step draws from its own numbers, so that others
 * can be left out. Cases run in a process of their own; of one that fails, steps are left out while
 * it still fails, and what remains is printed, with how to run it alone. RP_RUNS sets how many
 * cases, RP_CASE=SEED and RP_KEEP=MASK run one. A kill is the store's files as they are at that
 * moment, opened as another store by another daemon. */
#include "property_plans.h"

static void new_desk(struct prop *p)
{
    p->desk = (struct desk){.public = {.wanted = want, .supplies = p->w->workers}};
    rp_jobs_supply(p->w->db, p->w->workers ? rp_replay_supply : NULL, &p->desk);
}

/* ---- time, workers, operators ---- */

static void tick_once(struct prop *p)
{
    int64_t next = INT64_MAX;
    p->desk.n = 0;
    p->w->now += (int64_t)dice(p, 11000) * 1000;
    OK(rp_replay_tick(&p->desk, p->w->db, p->w->now, &next, err));
    for (size_t i = 0; i < p->desk.n; i++) {
        struct pending *x = free_pending(p);
        bool there = false;
        for (size_t k = 0; k < PENDING; k++)
            there |=
                p->pending[k].used && p->pending[k].parked && p->pending[k].p.id == p->desk.id[i];
        if (x != NULL && !there)
            *x = (struct pending){.used = true,
                                  .parked = true,
                                  .p = {.id = p->desk.id[i], .part = 1 + (int64_t)dice(p, 5)}};
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

static struct rp_report any_report(struct prop *p, const struct rp_lease *l, bool ok)
{
    static const char *const groups[] = {"transient", "code", "transient"};
    static const char *const classes[] = {"dependency", "unknown", "timeout"};
    size_t kind = dice(p, 3);
    struct rp_report r = {.lease = l->id,
                          .token = l->token,
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
    return r;
}

/* A worker asks for many, soon after what a replay let go of was left to it. */
static void take_soon(struct prop *p)
{
    tick_once(p);
    take(p, 16 + (int64_t)dice(p, 20));
}

/* What does not answer any more is forgotten. */
static void answer(struct prop *p, bool ok)
{
    if (p->n_leases == 0)
        return;
    struct rp_lease l = p->lease[dice(p, p->n_leases)];
    struct rp_report r = any_report(p, &l, ok);
    enum rp_state state;
    struct rp_err err;
    (void)rp_job_report(p->w->db, &r, p->w->now, &state, &err);
    for (size_t i = 0; i < p->n_leases; i++)
        if (p->lease[i].id == l.id)
            p->lease[i] = p->lease[--p->n_leases];
}

/* The oldest of them together, as a worker reports what it had at once. */
static void answer_many(struct prop *p)
{
    struct rp_report r[LEASES];
    struct rp_reported out[LEASES];
    size_t n = p->n_leases > 0 ? 1 + dice(p, p->n_leases) : 0;
    for (size_t i = 0; i < n; i++)
        r[i] = any_report(p, &p->lease[i], dice(p, 8) > 0);
    if (n > 0)
        OK(rp_jobs_report(p->w->db, r, n, p->w->now, &p->w->arena, out, err));
    p->n_leases -= n;
    memmove(p->lease, p->lease + n, p->n_leases * sizeof *p->lease);
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
    new_desk(p);
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
    else if (what < 16)
        tick_once(p);
    else if (what < 18)
        take_soon(p);
    else if (what < 20)
        take(p, 1 + (int64_t)dice(p, 8));
    else if (what < 22)
        answer_many(p);
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
        p->w->now += RP_US_S;
        p->desk.n = 0;
        dependency(p->w, "db", true);
        OK(rp_replay_tick(&p->desk, p->w->db, p->w->now, &next, err));
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
    char conf[2][1024];
    w->workers = seed % 2 == 1;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(conf[i], sizeof conf[i], "%s", confs[i]);
        if (w->workers)
            without_commands(conf[i]);
    }
    configure(w, conf[1]);
    configure(w, conf[0]);
    new_desk(p);
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
