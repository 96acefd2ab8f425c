/* Settings of types that are changed at run time. */
#include "api/handlers.h"

struct set_in {
    struct rp_change change;
    struct rp_str revert_after;
};

/* A value as it would stand in the file: a text, a number, true or false. */
static bool value_field(struct rp_json *r, struct rp_str *out)
{
    enum rp_json_kind kind = rp_json_peek(r);
    if (kind == RP_JSON_STRING)
        return rp_json_str(r, out);
    return (kind == RP_JSON_NUMBER || kind == RP_JSON_BOOL)
               ? rp_json_raw(r, out)
               : rp_json_bad(r, RP_E_BAD_FIELD, "a single value is wanted, as in the file");
}

static bool set_field(struct rp_json *r, struct rp_change *c)
{
    struct rp_str key;
    (void)rp_json_object(r);
    while (rp_json_member(r, &key)) {
        if (c->n == RP_CHANGE_SETTINGS_MAX)
            return rp_json_bad(r, RP_E_TOO_LARGE, "more than %d settings", RP_CHANGE_SETTINGS_MAX);
        for (size_t i = 0; i < c->n; i++)
            if (rp_str_eq(c->setting[i].key, key))
                return rp_json_bad(r, RP_E_BAD_FIELD, "it is given twice");
        c->setting[c->n].key = key;
        if (!value_field(r, &c->setting[c->n].after))
            return false;
        c->n++;
    }
    return !r->failed;
}

static bool revert_time(struct request *q, struct set_in *in, struct rp_err *err)
{
    int64_t us;
    if (in->revert_after.p == NULL)
        return true;
    if (!rp_duration_parse(in->revert_after, &us) || us < RP_US_S || us > 366 * RP_US_DAY)
        return rp_fail(err, RP_E_BAD_FIELD, "revert_after must be 1s to 366d, as in 24h");
    in->change.revert_us = request_now(q) + us;
    return true;
}

bool p_type_set(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"set", "reason", "revert_after", NULL};
    struct set_in *in = RP_NEW(&q->arena, struct set_in);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 0   ? set_field(r, &in->change)
               : f == 1 ? rp_json_str(r, &in->change.reason)
                        : rp_json_str(r, &in->revert_after));
    if (!rp_json_done(r, err) || !revert_time(q, in, err))
        return false;
    if (in->change.n == 0)
        return rp_fail(err, RP_E_BAD_FIELD, "set is missing: which settings to change");
    if (in->change.reason.n == 0) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "a change of settings needs a reason");
        return rp_hint(err, "say why: --reason \"…\"; the audit trail keeps it");
    }
    return true;
}

/* When a key takes hold for what runs or waits. */
static const struct {
    const char *key, *running, *waiting;
} effects[] = {
    {"timeout", "keep their time limit", "get the new one"},
    {"soft_timeout", "keep theirs", "get the new one"},
    {"grace", "keep theirs", "get the new one"},
    {"retries", "keep the number of tries with which they were enqueued",
     "keep it too; jobs enqueued from now on get the new one"},
    {"priority", "go on", "keep theirs; jobs enqueued from now on get the new one"},
    {"max_running", "go on, even if they are more than that", "start as the new limit allows"},
    {"rate", "go on", "start as the new rate allows"},
    {"paused", "go on", "wait for as long as it is true"},
    {"hold_max", "keep theirs",
     "that are held keep theirs; those that fail from now on get the new one"},
    {"output_limit", "keep theirs", "get the new one"},
};

static void m_effect(struct rp_jw *w, const struct rp_change *c, const struct rp_type_row *t)
{
    rp_jw_key(w, "effect");
    rp_jw_array(w);
    for (size_t i = 0; i < c->n; i++) {
        const char *running = "are judged by it from now on", *waiting = "too";
        for (size_t k = 0; k < sizeof effects / sizeof *effects; k++)
            if (rp_str_is(c->setting[i].key, effects[k].key)) {
                running = effects[k].running;
                waiting = effects[k].waiting;
            }
        struct rp_buf says = {0};
        rp_buf_fmt(&says, "%.*s: running ones (%lld) %s; waiting ones (%lld) %s",
                   RP_FMT(c->setting[i].key), (long long)t->running, running,
                   (long long)t->waiting + t->retrying, waiting);
        rp_jw_str(w, rp_buf_view(&says));
        rp_buf_free(&says);
    }
    rp_jw_array_end(w);
}

static void shape_change(struct rp_jw *w, const struct rp_change *c, const struct rp_type_row *t)
{
    rp_jw_object(w);
    shape_prefixed_id(w, "id", "C", c->id);
    rp_jw_m_str(w, "type", c->type);
    rp_jw_m_cstr(w, "state", c->ended_us == 0 ? "in force" : "taken back");
    rp_jw_key(w, "settings");
    rp_jw_array(w);
    for (size_t i = 0; i < c->n; i++) {
        rp_jw_object(w);
        rp_jw_m_str(w, "key", c->setting[i].key);
        rp_jw_m_str(w, "before", c->setting[i].before);
        rp_jw_m_str(w, "after", c->setting[i].after);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
    rp_jw_m_time(w, "at", c->at_us);
    rp_jw_m_str(w, "actor", c->actor);
    rp_jw_m_str(w, "reason", c->reason);
    rp_jw_m_time(w, "revert_at", c->revert_us);
    rp_jw_m_time(w, "ended_at", c->ended_us);
    rp_jw_m_str(w, "ended_by", c->ended_by);
    rp_jw_m_str(w, "ended_why", c->ended_why);
    if (t != NULL)
        m_effect(w, c, t);
    rp_jw_object_end(w);
}

static bool answer_change(struct request *q, struct rp_db *db, int64_t id, int status,
                          struct rp_err *err)
{
    struct rp_change c;
    struct rp_type_row t;
    if (!rp_change_get(db, id, &q->arena, &c, err) ||
        !rp_type_get(db, c.type, request_now(q), &q->arena, &t, err))
        return false;
    answer_begin(q, status);
    shape_change(&q->w, &c, &t);
    return true;
}

bool r_type_set(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct set_in *in = q->in;
    int64_t id;
    in->change.type = q->capture[0];
    in->change.actor = q->actor;
    return rp_engine_type_set(q->api->engine, db, &in->change, request_now(q), &id, err) &&
           answer_change(q, db, id, 201, err);
}

bool r_change_revert(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    return capture_id(q, 0, "C", &id, err) &&
           rp_engine_change_revert(q->api->engine, db, id, q->actor, reason_of(q), request_now(q),
                                   err) &&
           answer_change(q, db, id, 200, err);
}

bool r_changes(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"type", "limit", NULL};
    struct rp_change *rows;
    int64_t limit;
    size_t n;
    if (!query_known(q, known, err) || !query_i64(q, "limit", 1, 1000, 50, &limit, err) ||
        !rp_changes_list(db, false, query(q, "type"), (int)limit, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_change(&q->w, &rows[i], NULL);
    shape_list_end(&q->w, 0);
    return true;
}
