/* What a request asks to replay, as JSON: selection and guards (replay specification 1; U2, U3). */
#include "replay/internal.h"

#include "analyze/analyze.h"
#include "base/json_pointer.h"
#include "base/time.h"

enum {
    JOBS_MAX = RP_REPLAY_JOBS_MAX,
    WHERE_MAX = 4,
    OVERRIDES_MAX = 16,
    CANARY_MAX = 100000,
    RETRIES_MAX = 100,
    SET_MAX = 16
};

static bool within(struct rp_json *r, const char *name, int64_t lo, int64_t hi, int64_t *out)
{
    return rp_json_i64(r, out) && ((*out >= lo && *out <= hi) ||
                                   rp_json_bad(r, RP_E_BAD_FIELD, "%s must be from %lld to %lld",
                                               name, (long long)lo, (long long)hi));
}

static bool time_field(struct rp_json *r, int64_t now_us, int64_t *us)
{
    struct rp_str s;
    struct rp_err err;
    if (!rp_json_str(r, &s))
        return false;
    return rp_time_parse_user(s, now_us, us, &err) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "%s", err.message);
}

static bool numbered_field(struct rp_json *r, const char *prefix, int64_t *id)
{
    struct rp_str s;
    if (!rp_json_str(r, &s))
        return false;
    if (rp_str_starts(s, prefix) && rp_str_i64((struct rp_str){s.p + 1, s.n - 1}, id) && *id > 0)
        return true;
    return rp_json_bad(r, RP_E_BAD_FIELD, "it is named like %s7", prefix);
}

static bool jobs_field(struct rp_json *r, struct rp_replay_ask *ask)
{
    int64_t *ids = RP_NEW_N(r->arena, int64_t, JOBS_MAX);
    (void)rp_json_array(r);
    while (rp_json_item(r) && rp_json_id(r, &ids[ask->n_ids]))
        ask->n_ids++;
    ask->ids = ids;
    return r->failed || ask->n_ids > 0 ||
           rp_json_bad(r, RP_E_BAD_FIELD, "an empty list selects nothing: leave it out");
}

/* "succeeded,cancelled" */
static bool states_named(struct rp_json *r, struct rp_str names, unsigned *states)
{
    struct rp_str one;
    enum rp_state state;
    while (rp_str_split(&names, ',', &one)) {
        if (!rp_state_of_name(one, &state))
            return rp_json_bad(r, RP_E_BAD_FIELD, "\"%.*s\" is not a state", RP_FMT(one));
        *states |= 1u << state;
    }
    return true;
}

/* A replay's states are set by its guard; a state that it cannot mean must not widen it (U2). */
static bool state_field(struct rp_json *r, struct rp_replay_ask *ask)
{
    struct rp_str s;
    if (!rp_json_str(r, &s))
        return false;
    if (ask->any_state)
        return states_named(r, s, &ask->filter.states);
    ask->unknown_only = rp_str_is(s, "unknown");
    return ask->unknown_only || rp_str_is(s, "failed") ||
           rp_json_bad(r, RP_E_BAD_FIELD, "only failed and unknown jobs can be selected");
}

static bool where_field(struct rp_json *r, struct rp_job_filter *f)
{
    f->where = RP_NEW_N(r->arena, struct rp_env, WHERE_MAX);
    struct rp_str name, value;
    (void)rp_json_object(r);
    while (rp_json_member(r, &name) && rp_json_str(r, &value)) {
        if (f->n_where == WHERE_MAX)
            return rp_json_bad(r, RP_E_TOO_LARGE, "more than %d conditions", WHERE_MAX);
        f->where[f->n_where++] = (struct rp_env){name, value};
    }
    return !r->failed;
}

static bool named(struct rp_json *r, struct rp_str *out)
{
    return rp_json_str(r, out) && (out->n > 0 || rp_json_bad(r, RP_E_BAD_FIELD, "it is empty"));
}

static bool class_field(struct rp_json *r, struct rp_str *out)
{
    enum rp_class class;
    return rp_json_str(r, out) &&
           (rp_class_of_name(*out, &class) ||
            rp_json_bad(r, RP_E_BAD_FIELD, "\"%.*s\" is not a failure class", RP_FMT(*out)));
}

/* In the filter 0 means "no limit": a time that far back would take everything (U2). */
static bool until_field(struct rp_json *r, int64_t now_us, int64_t *out)
{
    return time_field(r, now_us, out) &&
           (*out > 0 || rp_json_bad(r, RP_E_BAD_FIELD, "until is before 1970: nothing is so old"));
}

static bool select_field(struct rp_json *r, int64_t now_us, int field, struct rp_replay_ask *ask)
{
    struct rp_job_filter *f = &ask->filter;
    switch (field) {
    case 0:
        return named(r, &f->type);
    case 1:
        return named(r, &f->queue);
    case 2:
        return class_field(r, &f->error_class);
    case 3:
        return numbered_field(r, "P", &f->pattern_id);
    case 4:
        return time_field(r, now_us, &f->since_us);
    case 5:
        return until_field(r, now_us, &f->until_us);
    case 6:
        return where_field(r, f);
    case 7:
        return numbered_field(r, "R", &f->replay_id);
    case 8:
        return state_field(r, ask);
    case 9:
        return jobs_field(r, ask);
    default:
        return rp_json_bool(r, &ask->all);
    }
}

/* Kept as it came, for the replay's record. */
bool rp_replay_ask_select(struct rp_json *r, int64_t now_us, struct rp_replay_ask *ask)
{
    static const char *const fields[] = {"type",  "queue",  "class", "pattern", "since", "until",
                                         "where", "replay", "state", "jobs",    "all",   NULL};
    enum { NARROWING = (1 << 8) - 1 }; /* all before `state` */
    uint64_t seen = 0;
    (void)rp_json_peek(r);
    const char *from = r->p;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        if (!select_field(r, now_us, f, ask))
            return false;
    ask->has_filter = (seen & NARROWING) != 0;
    ask->selection_json = (struct rp_str){from, (size_t)(r->p - from)};
    return !r->failed;
}

static bool override_field(struct rp_json *r, struct rp_strs *out)
{
    *out = (struct rp_strs){RP_NEW_N(r->arena, struct rp_str, OVERRIDES_MAX), 0};
    (void)rp_json_array(r);
    while (rp_json_item(r) && rp_json_str(r, &out->v[out->n])) {
        if (!rp_replay_may_override(out->v[out->n]))
            return rp_json_bad(r, RP_E_BAD_FIELD, "there is no check \"%.*s\" to override",
                               RP_FMT(out->v[out->n]));
        if (++out->n == OVERRIDES_MAX)
            return rp_json_bad(r, RP_E_TOO_LARGE, "more than %d overrides", OVERRIDES_MAX - 1);
    }
    return !r->failed;
}

/* A number, or "unlimited". */
static bool rate_field(struct rp_json *r, struct rp_replay_ask *ask)
{
    struct rp_str s;
    double *out = &ask->rate_per_s;
    ask->unlimited = rp_json_peek(r) == RP_JSON_STRING;
    if (ask->unlimited)
        return rp_json_str(r, &s) &&
               (rp_str_is(s, "unlimited") ||
                rp_json_bad(r, RP_E_BAD_FIELD, "rate is jobs per second, or \"unlimited\""));
    return rp_json_f64(r, out) &&
           ((*out > 0 && *out <= 1e6) || rp_json_bad(r, RP_E_BAD_FIELD, "rate is jobs per second"));
}

/* 0: none, and no waves: all at once. */
static bool canary_field(struct rp_json *r, struct rp_replay_ask *ask)
{
    if (!within(r, "canary", 0, CANARY_MAX, &ask->canary))
        return false;
    ask->at_once = ask->canary == 0;
    return true;
}

/* dependency:NAME or deploy:TYPE */
static bool when_field(struct rp_json *r, struct rp_replay_park *park)
{
    struct rp_str s, kind;
    if (!rp_json_str(r, &s))
        return false;
    (void)rp_str_split(&s, ':', &kind);
    park->kind = rp_str_is(kind, "dependency") ? RP_PARK_DEPENDENCY
                 : rp_str_is(kind, "deploy")   ? RP_PARK_DEPLOY
                                               : RP_PARK_NONE;
    park->name = s;
    return (park->kind != RP_PARK_NONE && s.n > 0) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "write dependency:NAME or deploy:TYPE");
}

static bool later_field(struct rp_json *r, int64_t now_us, int64_t *us)
{
    return time_field(r, now_us, us) &&
           (*us > now_us || rp_json_bad(r, RP_E_BAD_FIELD, "that time is over"));
}

static bool pointer_usable(struct rp_json *r, const struct rp_replay_ask *ask, struct rp_str path)
{
    if (ask->n_set == SET_MAX)
        return rp_json_bad(r, RP_E_TOO_LARGE, "more than %d values", SET_MAX);
    for (size_t i = 0; i < ask->n_set; i++)
        if (rp_str_eq(ask->set[i].name, path))
            return rp_json_bad(r, RP_E_BAD_FIELD, "%.*s comes twice", RP_FMT(path));
    return rp_pointer_valid(path) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "\"%.*s\" is not a JSON pointer such as /customer/id",
                       RP_FMT(path));
}

static bool set_field(struct rp_json *r, struct rp_replay_ask *ask)
{
    struct rp_str path, value;
    (void)rp_json_peek(r);
    const char *from = r->p;
    ask->set = RP_NEW_N(r->arena, struct rp_env, SET_MAX);
    ask->n_set = 0;
    (void)rp_json_object(r);
    while (rp_json_member(r, &path)) {
        if (!pointer_usable(r, ask, path) || !rp_json_raw(r, &value))
            return false;
        ask->set[ask->n_set++] = (struct rp_env){path, value};
    }
    ask->set_json = (struct rp_str){from, (size_t)(r->p - from)};
    return !r->failed &&
           (ask->n_set > 0 || rp_json_bad(r, RP_E_BAD_FIELD, "an empty object changes nothing"));
}

static bool guard_field(struct rp_json *r, int64_t now_us, int field, struct rp_replay_ask *ask)
{
    switch (field) {
    case 0:
        return canary_field(r, ask);
    case 1:
        return within(r, "wave", 1, CANARY_MAX, &ask->wave_max);
    case 2:
        return rate_field(r, ask);
    case 3:
        return rp_json_bool(r, &ask->include_unsafe);
    case 4:
        return rp_json_bool(r, &ask->include_unknown);
    case 5:
        return rp_json_bool(r, &ask->accept_unknown_class);
    case 6:
        return override_field(r, &ask->override);
    case 7:
        return rp_json_str(r, &ask->reason);
    case 8:
        return rp_json_str(r, &ask->plan_hash);
    case 9:
        return when_field(r, &ask->park);
    case 10:
        return later_field(r, now_us, &ask->park.at_us);
    case 11:
        return later_field(r, now_us, &ask->park.expires_us);
    case 12:
        return set_field(r, ask);
    default:
        return within(r, "retries", 0, RETRIES_MAX, &ask->retries);
    }
}

bool rp_replay_ask_guard(struct rp_json *r, int64_t now_us, struct rp_replay_ask *ask)
{
    static const char *const fields[] = {"canary",
                                         "wave",
                                         "rate",
                                         "include_unsafe",
                                         "include_unknown",
                                         "accept_unknown",
                                         "override",
                                         "reason",
                                         "plan",
                                         "when",
                                         "at",
                                         "expires",
                                         "set",
                                         "retries",
                                         NULL};
    uint64_t seen = 0;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        if (!guard_field(r, now_us, f, ask))
            return false;
    return !r->failed;
}
