/* Preflight: each check holds, fails or is not known; what fails or is not known refuses (replay
 * specification 5–10). */
#include "replay/internal.h"

#include "base/time.h"

#include <stdio.h>

struct pre {
    struct rp_db *db;
    const struct rp_config *config;
    const struct rp_replay_ask *ask;
    int64_t now_us;
    struct rp_arena *arena;
    struct rp_plan *plan;
    struct plan_type *types;
    size_t n_types;
};

enum { CHECKS_MAX = 16, QUEUES_MAX = 1000 }; /* the store has no more queues */
const char *const preflight_checks[] = {"dependencies", "connections", "workers", "class",
                                        "replays",      "backlog",     "store",   NULL};

static struct plan_type *type_of(struct rp_arena *a, struct plan_type **types, size_t *n,
                                 const struct rp_candidate_kind *k)
{
    for (size_t i = 0; i < *n; i++)
        if ((*types)[i].id == k->type_id)
            return &(*types)[i];
    if ((*n & (*n - 1)) == 0) { /* full at 0, 1, 2, 4, … */
        struct plan_type *more = RP_NEW_N(a, struct plan_type, *n > 0 ? 2 * *n : 1);
        if (*n > 0)
            memcpy(more, *types, *n * sizeof *more);
        *types = more;
    }
    (*types)[*n] = (struct plan_type){.id = k->type_id, .name = k->type};
    return &(*types)[(*n)++];
}

struct plan_type *plan_types(struct rp_arena *a, const struct rp_plan *plan, size_t *n)
{
    struct plan_type *types = NULL, *t = NULL;
    *n = 0;
    for (int64_t i = 0; i < plan->n; i++) {
        const struct rp_candidate_kind *k = plan->items[i].kind;
        if (t == NULL || t->id != k->type_id)
            t = type_of(a, &types, n, k);
        t->items++;
    }
    return types;
}

/* The check of classes has a flag of its own. */
static bool past(const struct rp_replay_ask *ask, const char *check)
{
    return overridden(ask, check) || (ask->accept_unknown_class && strcmp(check, "class") == 0);
}

/* `todo`: what to do unless it holds; going past it is always the last way (rule 10). */
static void add(struct pre *p, const char *check, enum rp_check_state state, struct rp_str says,
                struct rp_str todo)
{
    if (p->plan->n_preflight == CHECKS_MAX)
        return;
    struct rp_preflight *f = &p->plan->preflight[p->plan->n_preflight++];
    *f = (struct rp_preflight){
        .check = rp_str_of(check), .says = says, .state = state, .overridden = past(p->ask, check)};
    if (state != RP_CHECK_HOLDS)
        f->hint = rp_str_fmt(p->arena, "%.*s; or --override %s --reason …", RP_FMT(todo), check);
    if (state != RP_CHECK_HOLDS && !f->overridden && p->plan->refused == NULL)
        p->plan->refused = f;
}

static bool needs(const struct rp_type *t, struct rp_str dependency)
{
    for (size_t k = 0; t != NULL && k < t->needs.n; k++)
        if (rp_str_eq(t->needs.v[k], dependency))
            return true;
    return false;
}

static bool needed(const struct pre *p, struct rp_str dependency)
{
    for (size_t i = 0; i < p->n_types; i++)
        if (needs(rp_config_type(p->config, p->types[i].name), dependency))
            return true;
    return false;
}

/* A state that nobody has looked at for several rounds is not known. */
static bool stale(const struct pre *p, const struct rp_dep_row *d)
{
    const struct rp_dep *conf = rp_config_dep(p->config, d->name);
    return d->state != RP_DEP_UNKNOWN && conf != NULL &&
           p->now_us - d->checked_us > 3 * conf->every_us + conf->timeout_us + 10 * RP_US_S;
}

/* Twice down and up again: who knows what it does next. */
enum { FLAPS = 4 };

static void judge_dependency(struct pre *p, const struct rp_dep_row *d, int64_t changes,
                             enum rp_check_state *worst, const struct rp_dep_row **which,
                             struct rp_buf *says)
{
    char for_now[RP_DURATION_LEN], settle[RP_DURATION_LEN];
    int64_t since = (p->now_us - d->since_us) / RP_US_S * RP_US_S;
    enum rp_check_state state = stale(p, d)               ? RP_CHECK_UNKNOWN
                                : d->state == RP_DEP_UP   ? RP_CHECK_HOLDS
                                : d->state == RP_DEP_DOWN ? RP_CHECK_FAILS
                                                          : RP_CHECK_UNKNOWN;
    (void)rp_duration_format(since, for_now);
    if (says->n > 0)
        rp_buf_fmt(says, "; ");
    if (state == RP_CHECK_FAILS && since == 0)
        rp_buf_fmt(says, "%.*s has just gone down (%.*s)", RP_FMT(d->name), RP_FMT(d->says));
    else if (state == RP_CHECK_FAILS)
        rp_buf_fmt(says, "%.*s has been down for %s (%.*s)", RP_FMT(d->name), for_now,
                   RP_FMT(d->says));
    else if (state == RP_CHECK_UNKNOWN)
        rp_buf_fmt(says, "%.*s has not been checked %s", RP_FMT(d->name),
                   stale(p, d) ? "lately" : "yet");
    else if (since < p->config->settle_us) {
        state = RP_CHECK_FAILS;
        rp_buf_fmt(says, "%.*s has been up for %s only, it must hold for %s", RP_FMT(d->name),
                   for_now, rp_duration_format(p->config->settle_us, settle));
    } else if (changes >= FLAPS) {
        state = RP_CHECK_FAILS;
        rp_buf_fmt(says, "%.*s changed between up and down %lld times in the last 10 min",
                   RP_FMT(d->name), (long long)changes);
    } else
        rp_buf_fmt(says, "%.*s up for %s", RP_FMT(d->name), for_now);
    if (*worst == RP_CHECK_FAILS || state == RP_CHECK_HOLDS)
        return;
    *worst = state;
    *which = d;
}

/* A check helps where one may be late; one that is up is waited for. Of one that is down the engine
 * holds the jobs (U11), whatever is gone past. */
static struct rp_str dependency_todo(struct pre *p, const struct rp_dep_row *d, bool down)
{
    const char *held = down ? "; its jobs wait until it is up, also with an override" : "";
    if (d == NULL)
        return RP_STR("");
    bool up = d->state == RP_DEP_UP && !stale(p, d);
    struct rp_str again =
        up ? rp_str_fmt(p->arena, "the same command again once %.*s has held for long enough",
                        RP_FMT(d->name))
           : rp_str_fmt(p->arena, "reprise deps check %.*s, then the same command again",
                        RP_FMT(d->name));
    if (p->ask->kind != RP_REPLAY_OF_MANY)
        return rp_str_fmt(p->arena, "%.*s%s", RP_FMT(again), held);
    return rp_str_fmt(p->arena, "%.*s; with --when dependency:%.*s it waits for that by itself%s",
                      RP_FMT(again), RP_FMT(d->name), held);
}

static bool any_down(const struct pre *p, const struct rp_dep_row *deps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (deps[i].active && deps[i].state == RP_DEP_DOWN && needed(p, deps[i].name))
            return true;
    return false;
}

static bool check_dependencies(struct pre *p, struct rp_err *err)
{
    struct rp_dep_row *deps;
    size_t n;
    struct rp_buf says = {.limit = 600};
    const struct rp_dep_row *which = NULL;
    enum rp_check_state worst = RP_CHECK_HOLDS;
    if (!rp_deps_list(p->db, p->arena, &deps, &n, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        int64_t changes;
        if (!deps[i].active || !needed(p, deps[i].name))
            continue;
        ok = rp_dep_changes(p->db, deps[i].name, p->now_us, &changes, err);
        if (ok)
            judge_dependency(p, &deps[i], changes, &worst, &which, &says);
    }
    add(p, "dependencies", worst,
        says.n > 0 ? rp_str_dup(p->arena, rp_buf_view(&says)) : RP_STR("none needed"),
        dependency_todo(p, which, any_down(p, deps, n)));
    rp_buf_free(&says);
    return ok;
}

/* How many connections its jobs may open at once to what they need: each command one. Workers have
 * theirs, however many jobs they take. */
static int64_t at_once(const struct pre *p, struct rp_str dependency)
{
    int64_t sum = 0, wave = p->ask->wave_max > 0 ? p->ask->wave_max : p->config->wave_max;
    for (size_t i = 0; i < p->n_types; i++) {
        const struct rp_type *t = rp_config_type(p->config, p->types[i].name);
        if (!needs(t, dependency) || t->run.n == 0)
            continue;
        int64_t n = at_most(p->types[i].items, rp_replay_half(t));
        if (p->config->max_running > 0)
            n = at_most(n, p->config->max_running);
        sum += wave > 0 ? at_most(n, wave) : n;
    }
    return sum;
}

/* Of those whose checks tell how many connections they still take. Nothing is said where none of
 * them tells. */
static bool check_connections(struct pre *p, struct rp_err *err)
{
    struct rp_dep_row *deps;
    size_t n;
    bool told = false;
    if (!rp_deps_list(p->db, p->arena, &deps, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        int64_t need = deps[i].active ? at_once(p, deps[i].name) : 0;
        if (need == 0 || deps[i].connections_free == 0 || deps[i].state != RP_DEP_UP)
            continue;
        told = true;
        if (need <= deps[i].connections_free)
            continue;
        add(p, "connections", RP_CHECK_FAILS,
            rp_str_fmt(p->arena,
                       "%.*s has %lld connections free, up to %lld jobs would run at once",
                       RP_FMT(deps[i].name), (long long)deps[i].connections_free, (long long)need),
            rp_str_fmt(p->arena,
                       "fewer at once: --wave %lld, or max_running of the type; or raise "
                       "its max_connections",
                       (long long)deps[i].connections_free));
        return true;
    }
    if (told)
        add(p, "connections", RP_CHECK_HOLDS, RP_STR("free ones for all that run at once"),
            RP_NONE);
    return true;
}

static struct rp_str held_todo(struct pre *p, const struct rp_type_row *type)
{
    if (rp_str_is(type->held, RP_HELD_PAUSED))
        return rp_str_fmt(p->arena,
                          "reprise changes shows since when and why; reprise type set %.*s "
                          "paused=false --reason …, then the same command again",
                          RP_FMT(type->name));
    return RP_STR("put in place what is missing, then the same command again");
}

static bool check_workers(struct pre *p, struct rp_err *err)
{
    for (size_t i = 0; i < p->n_types; i++) {
        struct rp_type_row row;
        bool none;
        const struct rp_type *t = rp_config_type(p->config, p->types[i].name);
        if (!rp_type_get(p->db, p->types[i].name, p->now_us, p->arena, &row, err))
            return false;
        if (row.held.n > 0 && !rp_str_starts(row.held, "dependency ")) {
            add(p, "workers", RP_CHECK_FAILS,
                rp_str_fmt(p->arena, "%.*s: %.*s", RP_FMT(p->types[i].name), RP_FMT(row.held)),
                held_todo(p, &row));
            return true;
        }
        if (!no_worker(p->db, t, p->now_us, &none, err))
            return false;
        if (none) {
            add(p, "workers", RP_CHECK_FAILS,
                rp_str_fmt(p->arena, "no worker has asked for %.*s in the last 2 minutes",
                           RP_FMT(p->types[i].name)),
                RP_STR("start one, then the same command again"));
            return true;
        }
    }
    add(p, "workers", RP_CHECK_HOLDS, RP_STR("commands are there, workers are alive"), RP_NONE);
    return true;
}

static void check_classes(struct pre *p)
{
    int64_t unknown = 0, pattern = 0;
    for (int64_t i = 0; i < p->plan->n; i++) {
        const struct rp_candidate_kind *k = p->plan->items[i].kind;
        if (k->error_class.n > 0 && !rp_str_is(k->error_class, "unknown"))
            continue;
        pattern = unknown++ == 0 ? k->pattern_id : pattern;
    }
    if (unknown == 0) {
        add(p, "class", RP_CHECK_HOLDS, RP_STR("every failure has a class"), RP_NONE);
        return;
    }
    add(p, "class", RP_CHECK_UNKNOWN,
        rp_str_fmt(p->arena, "%lld job%s failed for a reason of no known class", (long long)unknown,
                   unknown == 1 ? "" : "s"),
        rp_str_fmt(p->arena,
                   "say what it is: reprise pattern show P%lld, reprise pattern class P%lld CLASS; "
                   "or take them along: --accept-unknown",
                   (long long)pattern, (long long)pattern));
}

/* Whether a replay that runs has open items of a type of this plan (rule 8). */
static bool same_type(struct pre *p, int64_t replay, struct rp_str *type, struct rp_err *err)
{
    struct rp_replay_type *types;
    size_t n;
    *type = RP_NONE;
    if (!rp_replay_open_types(p->db, replay, p->arena, &types, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < p->n_types; k++)
            if (rp_str_eq(types[i].type, p->types[k].name))
                *type = types[i].type;
    return true;
}

/* How many there are beside it, up to the first that has a type of this plan. */
static bool count_others(struct pre *p, int64_t *running, struct rp_str *type, struct rp_err *err)
{
    int64_t ids[LIVE_A_PAGE], after = 0;
    size_t n;
    do {
        if (!rp_replays_placed(p->db, after, ids, LIVE_A_PAGE, &n, err))
            return false;
        for (size_t i = 0; i < n && type->p == NULL; i++) {
            after = ids[i];
            ++*running;
            if (!same_type(p, after, type, err))
                return false;
        }
    } while (n == LIVE_A_PAGE && type->p == NULL);
    if (type->p != NULL)
        add(p, "replays", RP_CHECK_FAILS,
            rp_str_fmt(p->arena, "replay R%lld still runs jobs of type %.*s", (long long)after,
                       RP_FMT(*type)),
            rp_str_fmt(p->arena, "reprise replay show R%lld --follow, then the same command again",
                       (long long)after));
    return true;
}

static bool check_other_replays(struct pre *p, struct rp_err *err)
{
    int64_t running = 0, most = p->config->replay_max_running;
    struct rp_str type = RP_NONE;
    if (!count_others(p, &running, &type, err))
        return false;
    if (type.p != NULL)
        return true;
    if (running >= most)
        add(p, "replays", RP_CHECK_FAILS,
            rp_str_fmt(p->arena, "%lld replays are running already, the limit is %lld",
                       (long long)running, (long long)most),
            RP_STR("reprise replay list; the same command again once one of them has ended"));
    else
        add(p, "replays", RP_CHECK_HOLDS,
            running == 0 ? RP_STR("no other is running")
                         : rp_str_fmt(p->arena, "%lld running beside it", (long long)running),
            RP_NONE);
    return true;
}

/* What a replay writes: a record and some output an item; and what all else needs meanwhile. */
static const int64_t bytes_an_item = 4096, bytes_besides = INT64_C(64) << 20;

enum rp_check_state room_enough(int64_t bytes, int64_t items)
{
    return bytes >= bytes_besides + items * bytes_an_item ? RP_CHECK_HOLDS : RP_CHECK_FAILS;
}

static bool check_room(struct pre *p, struct rp_err *err)
{
    int64_t bytes;
    if (!rp_store_room(p->db, &bytes, err))
        return false;
    add(p, "store", room_enough(bytes, p->plan->n),
        rp_str_fmt(p->arena, "%lld MB free", (long long)(bytes >> 20)),
        RP_STR("make room on its disk, then the same command again"));
    return true;
}

/* The queues that its items wait in, which need not be those of their types' settings. */
static const int32_t *plan_queues(struct rp_arena *a, const struct rp_plan *plan, size_t *n)
{
    int32_t *ids = RP_NEW_N(a, int32_t, QUEUES_MAX), last = 0;
    *n = 0;
    for (int64_t i = 0; i < plan->n; i++) {
        int32_t id = plan->items[i].queue_id;
        size_t k = id == last ? 0 : *n;
        while (k > 0 && ids[k - 1] != id)
            k--;
        if (id != last && k == 0 && *n < QUEUES_MAX)
            ids[(*n)++] = id;
        last = id;
    }
    return ids;
}

static bool check_backlog(struct pre *p, struct rp_err *err)
{
    size_t n;
    char age[RP_DURATION_LEN];
    const int32_t *queues = plan_queues(p->arena, p->plan, &n);
    int64_t most = p->config->backlog_age_above_us;
    for (size_t i = 0; most > 0 && i < n; i++) {
        struct rp_str name;
        int64_t since;
        if (!rp_queue_waits(p->db, queues[i], &name, &since, err))
            return false;
        if (since > 0 && p->now_us - since > most) {
            add(p, "backlog", RP_CHECK_FAILS,
                rp_str_fmt(p->arena,
                           "the oldest job of queue %.*s has waited for %s: live work goes first",
                           RP_FMT(name),
                           rp_duration_format((p->now_us - since) / RP_US_S * RP_US_S, age)),
                RP_STR("wait until reprise queues shows it gone, then the same command again"));
            return true;
        }
    }
    add(p, "backlog", RP_CHECK_HOLDS, RP_STR("queues are below their alert"), RP_NONE);
    return true;
}

bool preflight(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
               int64_t now_us, struct rp_arena *a, struct rp_plan *plan, struct rp_err *err)
{
    struct pre p = {
        .db = db, .config = config, .ask = ask, .now_us = now_us, .arena = a, .plan = plan};
    plan->preflight = RP_NEW_N(a, struct rp_preflight, CHECKS_MAX);
    p.types = plan_types(a, plan, &p.n_types);
    if (!check_dependencies(&p, err) || !check_connections(&p, err) || !check_workers(&p, err))
        return false;
    if (ask->kind != RP_REPLAY_COMPENSATION) /* nothing of it has failed */
        check_classes(&p);
    return (ask->kind == RP_REPLAY_RETRY || check_other_replays(&p, err)) &&
           check_backlog(&p, err) && check_room(&p, err);
}
