/* The plan: order, waves, hash, estimate, halt rule (replay specification 1–4, 11–12, 14). What is
 * in it: select.c. */
#include "replay/internal.h"

#include "base/time.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- order and waves ---- */

enum { KINDS_MAX = 50 };

static bool seen(const struct rp_candidate *v, size_t n, const struct rp_candidate_kind *k)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].kind == k ||
            (v[i].kind->type_id == k->type_id && v[i].kind->pattern_id == k->pattern_id))
            return true;
    return false;
}

/* One item of each type × pattern goes to the front, so that the canary tries every kind; the rest
 * stays oldest first. */
static int64_t kinds_first(struct rp_plan *plan)
{
    struct rp_candidate first[KINDS_MAX] = {{0}};
    size_t n = 0, left;
    const struct rp_candidate_kind *last = NULL;
    for (int64_t i = 0; i < plan->n && n < KINDS_MAX; i++) {
        const struct rp_candidate *c = &plan->items[i];
        if (c->kind != last && !seen(first, n, c->kind))
            first[n++] = *c;
        last = c->kind;
    }
    int64_t to = plan->n;
    left = n;
    for (int64_t i = plan->n - 1; i >= 0; i--)
        if (left > 0 && plan->items[i].job_id == first[left - 1].job_id)
            left--;
        else
            plan->items[--to] = plan->items[i];
    memcpy(plan->items, first, n * sizeof *first);
    return (int64_t)n;
}

static int64_t canary_size(const struct rp_replay_ask *ask, int64_t n, int64_t kinds)
{
    int64_t one_percent = at_most(n / 100, 50), size = one_percent > 5 ? one_percent : 5;
    if (ask->canary > 0)
        size = ask->canary;
    else if (kinds > size)
        size = kinds;
    return at_most(size, n);
}

static int64_t wave_most(const struct rp_config *config, const struct rp_replay_ask *ask)
{
    return ask->wave_max > 0 ? ask->wave_max : config->wave_max > 0 ? config->wave_max : 200;
}

static void make_waves(const struct rp_config *config, const struct rp_replay_ask *ask,
                       struct rp_arena *a, struct rp_plan *plan)
{
    if (ask->at_once) {
        plan->waves = RP_NEW_N(a, int64_t, 1);
        plan->n_waves = plan->n > 0;
        *plan->waves = plan->n;
        return;
    }
    int64_t most = wave_most(config, ask);
    plan->canary = canary_size(ask, plan->n, kinds_first(plan));
    plan->waves = RP_NEW_N(a, int64_t,
                           (size_t)(plan->n / most) + 64); /* at most 63 doublings before `most` */
    int64_t size = plan->canary;
    for (int64_t left = plan->n; left > 0; size = at_most(size * 2, most)) {
        int64_t take = at_most(size, left);
        plan->waves[plan->n_waves++] = take;
        left -= take;
    }
}

/* ---- hash and estimate ---- */

static uint64_t settings_hash(const struct rp_config *config, struct rp_str type)
{
    const struct rp_type *t = rp_config_type(config, type);
    return t != NULL && t->source.p != NULL ? rp_hash64(t->source) : 0;
}

enum { LINES = 256 };
struct line { /* without padding: each byte of it is hashed */
    uint64_t job, attempt, state, settings;
};

static struct line line_of(const struct rp_candidate *c, uint64_t settings)
{
    return (struct line){(uint64_t)c->job_id, (uint64_t)c->attempt, c->state, settings};
}

/* Over what is frozen of each item, in order of ids, in which they come here: the same set has the
 * same hash however it was found. Settings are in it, and what payloads get: with others it would
 * be another run. */
static struct rp_str hash_items(const struct rp_config *config, const struct rp_replay_ask *ask,
                                struct rp_arena *a, const struct rp_plan *plan)
{
    crypto_generichash_state st;
    unsigned char digest[16];
    char hex[33];
    struct line lines[LINES];
    size_t n = 0;
    uint64_t settings = 0;
    int64_t type_id = 0;
    (void)crypto_generichash_init(&st, NULL, 0, sizeof digest);
    for (int64_t i = 0; i < plan->n; i++) {
        const struct rp_candidate *c = &plan->items[i];
        if (c->kind->type_id != type_id)
            settings = settings_hash(config, c->kind->type);
        type_id = c->kind->type_id;
        lines[n++] = line_of(c, settings);
        if (n == LINES || i == plan->n - 1) {
            (void)crypto_generichash_update(&st, (const unsigned char *)lines, n * sizeof *lines);
            n = 0;
        }
    }
    for (size_t i = 0; i < ask->n_set; i++) {
        struct rp_str set =
            rp_str_fmt(a, "%.*s=%.*s\n", RP_FMT(ask->set[i].name), RP_FMT(ask->set[i].value));
        (void)crypto_generichash_update(&st, (const unsigned char *)set.p, set.n);
    }
    (void)crypto_generichash_final(&st, digest, sizeof digest);
    (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    return rp_str_fmt(a, "%.16s", hex);
}

/* Where an estimate comes from. `at_once`: of the only type. */
static struct rp_str basis(struct rp_arena *a, size_t n_types, const struct rp_usual *usual,
                           int64_t at_once)
{
    char each[RP_DURATION_LEN];
    if (n_types != 1)
        return rp_str_fmt(a, "by the usual time of each of %zu types", n_types);
    int64_t us = usual->duration_us;
    (void)rp_duration_format(us < RP_US_S ? us / 1000 * 1000 : us / 100000 * 100000, each);
    return rp_str_fmt(a, "at %s a job, %lld at once", us < 1000 ? "less than 1ms" : each,
                      (long long)at_once);
}

/* From the usual duration of each type and how many run at once; low and high are half and twice.
 * Not known if a type never ran well. */
static bool estimate(struct rp_db *db, const struct rp_config *config, struct rp_arena *a,
                     struct rp_plan *plan, struct rp_err *err)
{
    size_t n;
    struct plan_type *types = plan_types(a, plan, &n);
    double seconds = 0;
    struct rp_usual usual = {0};
    int64_t at_once = 0;
    plan->estimate_low_s = plan->estimate_mid_s = plan->estimate_high_s = -1;
    for (size_t i = 0; i < n; i++) {
        const struct rp_type *t = rp_config_type(config, types[i].name);
        at_once = t != NULL && t->max_running > 0 ? t->max_running : config->max_running;
        if (!rp_type_usual(db, types[i].name, &usual, err))
            return false;
        if (usual.n == 0) {
            plan->estimate_basis = rp_str_fmt(a, "not known: no run of %.*s has succeeded lately",
                                              RP_FMT(types[i].name));
            return true;
        }
        at_once = at_once > 0 ? at_once : 1;
        seconds += (double)types[i].items * (double)usual.duration_us / 1e6 / (double)at_once;
    }
    plan->estimate_basis = basis(a, n, &usual, at_once);
    if (plan->rate_per_s > 0 && (double)plan->n / plan->rate_per_s > seconds) {
        seconds = (double)plan->n / plan->rate_per_s;
        plan->estimate_basis = rp_str_fmt(a, "by its rate of %.4g/s", plan->rate_per_s);
    }
    plan->estimate_mid_s = (int64_t)seconds + 1;
    plan->estimate_low_s = (int64_t)(seconds / 2);
    plan->estimate_high_s = (int64_t)(seconds * 2) + 1;
    return true;
}

/* ---- the halt rule ---- */

enum { BASELINE_DAYS = 7 };

static double baseline_of(const struct rp_type_hours *types, size_t n, int64_t type_id)
{
    for (size_t i = 0; i < n; i++)
        if (types[i].type_id == type_id)
            return rp_halt_baseline(types[i].v, types[i].n);
    return 0;
}

/* Of several types, as many of each as the plan has. */
static bool halt_rule(struct rp_db *db, const struct rp_config *config, int64_t now_us,
                      struct rp_arena *a, struct rp_plan *plan, struct rp_err *err)
{
    struct rp_type_hours *types;
    size_t n;
    double sum = 0, last = 0;
    int64_t last_type = 0;
    if (!rp_types_hours(db, now_us - BASELINE_DAYS * RP_US_DAY, a, &types, &n, err))
        return false;
    for (int64_t i = 0; i < plan->n; i++) {
        if (plan->items[i].kind->type_id != last_type)
            last = baseline_of(types, n, plan->items[i].kind->type_id);
        last_type = plan->items[i].kind->type_id;
        sum += last;
    }
    double baseline = plan->n > 0 ? sum / (double)plan->n : 0;
    plan->halt = (struct rp_halt_rule){baseline, rp_halt_p0(baseline), config->halt_alpha};
    return true;
}

/* ---- all together ---- */

enum { ITEMS_A_PART = 2000 };

bool ask_selects(const struct rp_replay_ask *ask, const char *hint, struct rp_err *err)
{
    if (ask->has_filter || ask->n_ids > 0 || ask->all)
        return true;
    (void)rp_fail(err, RP_E_BAD_FIELD, "nothing was selected");
    return rp_hint(err, "%s", hint);
}

static bool selected(const struct rp_replay_ask *ask, struct rp_err *err)
{
    return ask_selects(
        ask, "name a --type, --pattern, --since, --job or --where; --all means every failed job",
        err);
}

static bool reason_given(const struct rp_replay_ask *ask, struct rp_err *err)
{
    if ((!ask->include_unsafe && !ask->at_once && ask->override.n == 0) || ask->reason.n > 0)
        return true;
    (void)rp_fail(err, RP_E_BAD_FIELD, "overriding a guard needs a reason");
    return rp_hint(err, "add --reason \"why this is safe\"; the audit trail keeps it");
}

static bool rate_usable(const struct rp_replay_ask *ask, struct rp_err *err)
{
    double rate = ask->rate_per_s;
    if (rate == 0 || (rate >= 1e-4 && rate <= 1e6)) /* false for what is not a number */
        return true;
    (void)rp_fail(err, RP_E_BAD_FIELD, "a rate of %g jobs per second cannot be kept", rate);
    return rp_hint(err, "give 0.0001 to 1000000, or none for no limit");
}

static int by_number(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

bool ask_usable(const struct rp_replay_ask *ask, struct rp_err *err)
{
    return reason_given(ask, err) && rate_usable(ask, err);
}

/* Each job once, oldest first, however it was named. */
static const int64_t *distinct(struct rp_arena *a, const struct rp_replay_ask *ask, size_t *n)
{
    int64_t *ids = RP_NEW_N(a, int64_t, ask->n_ids + 1);
    *n = 0;
    if (ask->n_ids == 0)
        return ids;
    memcpy(ids, ask->ids, ask->n_ids * sizeof *ids);
    qsort(ids, ask->n_ids, sizeof *ids, by_number);
    for (size_t i = 0; i < ask->n_ids; i++)
        if (i == 0 || ids[i] != ids[*n - 1])
            ids[(*n)++] = ids[i];
    return ids;
}

/* A set that is cut off would not be what was asked for (U2). */
static bool few_enough(const struct rp_config *config, size_t n, struct rp_err *err)
{
    if ((int64_t)n <= config->replay_items_max)
        return true;
    (void)rp_fail(err, RP_E_TOO_LARGE, "more than %lld jobs are selected",
                  (long long)config->replay_items_max);
    return rp_hint(err, "replay them in parts: by --type, --pattern, or --since and --until; or "
                        "raise replay: items_max");
}

bool plan_rest(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
               int64_t now_us, struct rp_arena *a, struct rp_plan *out, struct rp_err *err)
{
    out->hash = hash_items(config, ask, a, out);
    make_waves(config, ask, a, out);
    return plan_rate(db, config, ask, now_us, a, out, err) && estimate(db, config, a, out, err) &&
           halt_rule(db, config, now_us, a, out, err) &&
           preflight(db, config, ask, now_us, a, out, err);
}

bool rp_replay_plan(struct rp_db *db, const struct rp_config *config,
                    const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                    struct rp_plan *out, struct rp_err *err)
{
    struct rp_candidate *found;
    struct rp_job_filter filter = ask->filter;
    size_t n, n_ids;
    const int64_t *ids = distinct(a, ask, &n_ids);
    *out = (struct rp_plan){
        .rate_per_s = ask->rate_per_s, .retries = ask->retries, .set_json = ask->set_json};
    filter.states = ask->unknown_only      ? 1u << RP_UNKNOWN
                    : ask->include_unknown ? 1u << RP_FAILED | 1u << RP_UNKNOWN
                                           : 1u << RP_FAILED;
    if (!selected(ask, err) || !ask_usable(ask, err) ||
        !rp_replay_candidates(db, config, &filter, ids, n_ids, config->replay_items_max + 1, a,
                              &found, &n, err) ||
        !few_enough(config, n, err) || !mark_poison(db, ask, a, found, n, err))
        return false;
    select_items(config, ask, found, n, a, out);
    plan_undo(config, a, out);
    return plan_payloads(db, ask, a, out, err) && plan_rest(db, config, ask, now_us, a, out, err);
}

/* "6 not-idempotent, 2 poison" */
static void reasons(const struct rp_plan *plan, struct rp_buf *out)
{
    for (size_t i = 0; i < plan->n_left_out; i++)
        rp_buf_fmt(out, "%s%lld %s", i > 0 ? ", " : "", (long long)plan->left_out[i].n,
                   plan->left_out[i].reason);
}

/* All for one reason: what to do about that. */
static bool nothing_left(const struct rp_plan *plan, struct rp_err *err)
{
    struct rp_buf why = {.limit = 400};
    if (plan->matched == 0) {
        (void)rp_fail(err, RP_E_REFUSED, "there is nothing to replay: no failed job matches");
        return rp_hint(err, "reprise jobs --state failed shows what there is");
    }
    reasons(plan, &why);
    (void)rp_fail(err, RP_E_REFUSED,
                  "there is nothing to replay: %lld matched, all left out (%.*s)",
                  (long long)plan->matched, RP_FMT(rp_buf_view(&why)));
    rp_buf_free(&why);
    if (plan->n_left_out != 1)
        return rp_hint(err, "--dry-run shows what to do about each");
    return left_out_hint(plan, err);
}

static bool refuse(const struct rp_plan *plan, struct rp_err *err)
{
    if (plan->refused != NULL) {
        (void)rp_fail(err, RP_E_REFUSED, "%.*s: %.*s", RP_FMT(plan->refused->check),
                      RP_FMT(plan->refused->says));
        return rp_hint(err, "%.*s", RP_FMT(plan->refused->hint));
    }
    return plan->n > 0 || nothing_left(plan, err);
}

struct rp_replay replay_of(const struct rp_config *config, const struct rp_replay_ask *ask,
                           const struct rp_plan *plan)
{
    return (struct rp_replay){
        .kind = ask->kind,
        .compensates = ask->compensates,
        .selection = ask->selection_json,
        .actor = ask->actor,
        .reason = ask->reason,
        .plan_hash = plan->hash,
        .canary = plan->canary,
        .wave_max = wave_most(config, ask),
        .rate_per_s = plan->rate_per_s,
        .retries = ask->retries,
        .payload_set = ask->set_json,
        .matched = plan->matched,
        .left_out = plan->matched - plan->n,
        .rule = plan->halt,
        .irreversible = plan->risk[RISK_UNKNOWN] + plan->risk[RISK_PARTIAL] > 0,
    };
}

bool record_counts(struct rp_db *db, int64_t id, const struct rp_replay *r,
                   const struct rp_plan *plan, int64_t now_us, struct rp_err *err)
{
    struct rp_replay_count left_out[LEFT_OUT_MAX], forced[FORCED_MAX];
    size_t n_forced = plan_forced(plan, forced);
    if (r->canary == 0)
        forced[n_forced++] = (struct rp_replay_count){RP_STR("canary"), 0};
    for (size_t i = 0; i < plan->n_left_out; i++)
        left_out[i] =
            (struct rp_replay_count){rp_str_of(plan->left_out[i].reason), plan->left_out[i].n};
    return rp_replay_record(db, id, r, left_out, plan->n_left_out, forced, n_forced, now_us, err);
}

bool preflight_again(struct rp_db *db, const struct rp_replay_ask *ask, int64_t now_us,
                     struct rp_arena *a, struct rp_plan *plan, struct rp_err *err)
{
    plan->refused = NULL;
    plan->n_preflight = 0;
    return preflight(db, rp_db_config(db), ask, now_us, a, plan, err);
}

bool add_part(struct rp_db *db, const struct rp_replay_ask *ask, int64_t id,
              const struct rp_plan *plan, int64_t part, int64_t *made, bool *again,
              struct rp_err *err)
{
    int64_t n = at_most(plan->n - *made, part > 0 ? part : ITEMS_A_PART);
    const struct rp_candidate *items = plan->items + *made;
    struct rp_arena own = {0};
    struct rp_given *given;
    bool ok = give_payloads(db, ask, &own, items, n, &given, err) &&
              rp_replay_add(db, id, items, given, (size_t)n, err);
    rp_arena_free(&own);
    if (!ok)
        return false;
    *made += n;
    *again = *made < plan->n;
    return true;
}

bool make_replay(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
                 int64_t now_us, struct rp_arena *a, struct rp_replay_making *m, struct rp_err *err)
{
    struct rp_plan *plan = &m->plan;
    if (!preflight_again(db, ask, now_us, a, plan, err) ||
        !plan_holds(db, plan, ask, now_us, a, err) || !refuse(plan, err))
        return false;
    struct rp_replay r = replay_of(config, ask, plan);
    return rp_replay_create(db, &r, NULL, 0, now_us, &m->id, err) &&
           record_counts(db, m->id, &r, plan, now_us, err);
}

bool rp_replay_make(struct rp_db *db, const struct rp_config *config,
                    const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                    struct rp_replay_making *m, bool *again, struct rp_err *err)
{
    if (m->id == 0 && !make_replay(db, config, ask, now_us, a, m, err))
        return false;
    if (!add_part(db, ask, m->id, &m->plan, m->part, &m->made, again, err))
        return false;
    return *again ||
           rp_replay_set_state(db, m->id, RP_REPLAY_RUNNING, ask->actor, ask->reason, now_us, err);
}

bool rp_replay_start(struct rp_db *db, const struct rp_config *config,
                     const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                     int64_t *id, struct rp_err *err)
{
    struct rp_replay_making m = {.id = 0};
    bool again = true;
    if (!rp_replay_plan(db, config, ask, now_us, a, &m.plan, err))
        return false;
    while (again)
        if (!rp_replay_make(db, config, ask, now_us, a, &m, &again, err))
            return false;
    *id = m.id;
    return true;
}
