/* Purges and restores: plan (a dry run), start, how far. */
#include "api/handlers.h"

#include "replay/purge.h"

/* ---- asking ---- */

struct purge_in {
    struct rp_purge_ask ask;
    struct rp_purge_plan plan;
    struct rp_str file;
    bool dry_run, selected;
};

static void purge_field(struct request *q, struct rp_json *r, int field, struct purge_in *in)
{
    struct rp_purge_ask *ask = &in->ask;
    struct rp_str *const texts[] = {&ask->backup, &ask->reason, &ask->plan_hash};
    bool *const flags[] = {&ask->payloads, &ask->include_unresolved, &ask->include_waiting,
                           &in->dry_run};
    if (field == 0)
        in->selected = rp_replay_ask_select(r, request_now(q), &ask->select);
    else if (field <= 3)
        (void)rp_json_str(r, texts[field - 1]);
    else
        (void)rp_json_bool(r, flags[field - 4]);
}

bool p_purge(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {
        "select",          "backup",  "reason", "plan", "payloads", "include_unresolved",
        "include_waiting", "dry_run", NULL};
    struct purge_in *in = RP_NEW(&q->arena, struct purge_in);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    in->ask.select.any_state = true;
    r->max_items = RP_REPLAY_JOBS_MAX;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        purge_field(q, r, f, in);
    if (!rp_json_done(r, err))
        return false;
    if (!in->selected)
        return rp_fail(err, RP_E_BAD_FIELD, "select is missing: what to purge");
    if (in->dry_run)
        return true;
    if (in->ask.backup.n == 0) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "backup is missing: nothing is deleted without one");
        return rp_hint(err, "name the file that gets the rows before they go");
    }
    return true;
}

/* Once it is known who asks: it may make a folder. */
static bool place(struct request *q, struct rp_str name, struct rp_str *file, struct rp_err *err)
{
    return rp_purge_file(rp_store_path(rp_engine_store(q->api->engine)), name, q->local, &q->arena,
                         file, err);
}

static const char *what_of(bool payloads)
{
    return payloads ? "payloads" : "jobs";
}

static void m_time(struct rp_jw *w, const char *key, int64_t us)
{
    if (us != 0)
        rp_jw_m_time(w, key, us);
}

static void m_states(struct rp_jw *w, const struct rp_purge_plan *p)
{
    rp_jw_key(w, "by_state");
    rp_jw_object(w);
    for (int s = 0; s < RP_STATES_N; s++)
        if (p->of_state[s] > 0)
            rp_jw_m_i64(w, rp_state_name((enum rp_state)s), p->of_state[s]);
    rp_jw_object_end(w);
}

static void shape_purge_plan(struct rp_jw *w, const struct purge_in *in)
{
    const struct rp_purge_plan *p = &in->plan;
    rp_jw_object(w);
    rp_jw_m_cstr(w, "what", what_of(in->ask.payloads));
    rp_jw_m_i64(w, "matched", p->matched);
    rp_jw_m_i64(w, "to_purge", p->n);
    m_states(w, p);
    rp_jw_key(w, "left_out");
    rp_jw_object(w);
    for (size_t i = 0; i < p->n_left_out; i++)
        rp_jw_m_i64(w, p->left_out[i].reason, p->left_out[i].n);
    rp_jw_object_end(w);
    rp_jw_m_i64(w, "attempts", p->attempts);
    rp_jw_m_i64(w, "outputs", p->outputs);
    m_time(w, "oldest", p->first_us);
    m_time(w, "newest", p->last_us);
    rp_jw_m_cstr(w, "safety", "IRREVERSIBLE");
    rp_jw_m_str(w, "plan", p->hash);
    rp_jw_object_end(w);
}

/* ---- records ---- */

static const char *state_of(const struct rp_purge *p)
{
    bool brings = p->kind == RP_PURGE_RESTORE;
    switch (p->state) {
    case RP_PURGE_PREPARES:
        return brings ? "checking" : "backing up";
    case RP_PURGE_MOVES:
        return brings ? "restoring" : "deleting";
    case RP_PURGE_DONE:
        return "done";
    default:
        return "failed";
    }
}

static void shape_purge(struct rp_jw *w, const struct rp_purge *p)
{
    bool brings = p->kind == RP_PURGE_RESTORE;
    rp_jw_object(w);
    rp_jw_m_id(w, "id", p->id);
    rp_jw_m_cstr(w, "state", state_of(p));
    if (brings)
        rp_jw_m_bool(w, "dry_run", p->dry);
    else
        rp_jw_m_cstr(w, "what", what_of(p->kind == RP_PURGE_PAYLOADS));
    rp_jw_m_str(w, brings ? "file" : "backup", p->file);
    rp_jw_m_str(w, "sha256", p->sha256);
    rp_jw_m_id(w, "purge", p->of_purge);
    if (p->selection.n > 0)
        rp_jw_m_raw(w, "selection", p->selection);
    rp_jw_m_str(w, "plan", p->plan);
    rp_jw_m_str(w, "actor", p->actor);
    rp_jw_m_str(w, "reason", p->reason);
    rp_jw_m_str(w, "says", p->says);
    rp_jw_m_i64(w, "jobs", p->jobs);
    rp_jw_m_i64(w, "rows", p->rows);
    rp_jw_m_i64(w, brings ? "restored" : "purged", p->moved);
    rp_jw_m_i64(w, brings ? "there" : "changed", p->kept);
    m_time(w, "created_at", p->created_us);
    m_time(w, "ended_at", p->ended_us);
    rp_jw_object_end(w);
}

static bool answer_purge(struct request *q, struct rp_db *db, int64_t id, int status,
                         struct rp_err *err)
{
    struct rp_purge p;
    if (!rp_purge_get(db, id, &q->arena, &p, err))
        return false;
    answer_begin(q, status);
    shape_purge(&q->w, &p);
    return true;
}

/* ---- a purge begins ---- */

static bool start(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct purge_in *in = q->in;
    int64_t id;
    in->ask.select.actor = q->actor;
    return rp_purge_start(q->api->purger, db, &in->ask, &in->plan, in->file, request_now(q), &id,
                          err) &&
           answer_purge(q, db, id, 201, err);
}

/* Planning reads much and writes nothing: the reader for long questions does it. */
static void look(struct rp_db *db, void *arg)
{
    struct request *q = arg;
    struct purge_in *in = q->in;
    struct rp_err err;
    if (!request_authenticate(q, db, &err) ||
        !rp_purge_plan(db, &in->ask, &q->arena, &in->plan, &err)) {
        request_refuse(q, &err);
        return;
    }
    if (!in->dry_run) {
        if (!place(q, in->ask.backup, &in->file, &err) || !request_write(q, start, &err))
            request_refuse(q, &err);
        return;
    }
    answer_begin(q, 200);
    shape_purge_plan(&q->w, in);
    request_finish(q);
}

bool r_purge_plan_or_start(struct request *q, struct rp_db *db, struct rp_err *err)
{
    (void)db;
    q->read = (struct rp_read){.run = look, .arg = q};
    return rp_engine_read_long(q->api->engine, &q->read, err);
}

/* ---- a restore begins ---- */

struct restore_in {
    struct rp_str name, file, reason;
    bool dry_run;
};

bool p_restore(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"file", "reason", "dry_run", NULL};
    struct restore_in *in = RP_NEW(&q->arena, struct restore_in);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 2 ? rp_json_bool(r, &in->dry_run)
                      : rp_json_str(r, f == 0 ? &in->name : &in->reason));
    return rp_json_done(r, err) &&
           (in->name.n > 0 || rp_fail(err, RP_E_BAD_FIELD, "file is missing: what to restore"));
}

bool r_restore_start(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct restore_in *in = q->in;
    int64_t id;
    return place(q, in->name, &in->file, err) &&
           rp_restore_start(db, in->file, in->dry_run, q->actor, in->reason, request_now(q), &id,
                            err) &&
           answer_purge(q, db, id, 201, err);
}

/* ---- lists ---- */

static bool list(struct request *q, struct rp_db *db, bool restores, struct rp_err *err)
{
    static const char *const known[] = {"limit", NULL};
    struct rp_purge *rows;
    int64_t limit;
    size_t n;
    if (!query_known(q, known, err) || !query_i64(q, "limit", 1, 1000, 50, &limit, err) ||
        !rp_purges_list(db, restores, (int)limit, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_purge(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

bool r_purges(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return list(q, db, false, err);
}

bool r_restores(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return list(q, db, true, err);
}

static bool one(struct request *q, struct rp_db *db, bool restore, struct rp_err *err)
{
    int64_t id;
    struct rp_purge p;
    const char *what = restore ? "restore " : "purge ";
    if (!no_query(q, err) || !capture_id(q, 0, "", &id, err) ||
        !rp_purge_get(db, id, &q->arena, &p, err))
        return false;
    if ((p.kind == RP_PURGE_RESTORE) != restore)
        return rp_absent_id(err, what, id, restore ? "reprise restore list" : "reprise purge list");
    answer_begin(q, 200);
    shape_purge(&q->w, &p);
    return true;
}

bool r_purge(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return one(q, db, false, err);
}

bool r_restore(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return one(q, db, true, err);
}
