/* The run of a replay: items go out, come back, get their fate. What an item was before is in its
 * row, so that undo is exact (rules 16, 20, 21). */
#include "store/registry.h"
#include "store/replays_internal.h"
#include "store/rows.h"

enum { SETTLE_A_CALL = 1000, SKIP_A_CALL = 1000, RECALL_A_CALL = 1000 };

struct item {
    int64_t seq, job_id, last_n, attempts, max_attempts, ended_us, due_us, replay_id, payload,
        type_id;
    enum rp_state state;
    bool as_planned;       /* its job is as it was frozen, and has no key that another may hold */
    struct rp_job_row job; /* if so */
    int64_t payload_now;
};

/* The caller counts it. */
static bool write_fate(struct rp_db *db, int64_t replay_id, int64_t seq, enum rp_fate fate,
                       int64_t wave, struct rp_str why, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update replay_item set fate = ?3, wave = ?4, why = ?5"
                                   " where replay_id = ?1 and seq = ?2");
    rp_bind_i64(s, 1, replay_id);
    rp_bind_i64(s, 2, seq);
    rp_bind_i64(s, 3, fate);
    rp_bind_id(s, 4, wave);
    rp_bind_text(s, 5, why);
    return rp_run(s, err);
}

#define ITEM_COLUMNS                                                                               \
    "i.seq, i.job_id, i.n_before, i.max_attempts_before, i.ended_before, i.due_before,"            \
    " i.replay_before, i.payload_hash, i.state_before, i.type_id, i.attempts_before"

static struct item read_item(struct rp_stmt *s, bool with_job)
{
    int c = with_job ? RP_JOB_ROW_N : 0;
    struct item it = {
        .seq = rp_col_i64(s, c),
        .job_id = rp_col_i64(s, c + 1),
        .last_n = rp_col_i64(s, c + 2),
        .max_attempts = rp_col_i64(s, c + 3),
        .ended_us = rp_col_i64(s, c + 4),
        .due_us = rp_col_i64(s, c + 5),
        .replay_id = rp_col_i64(s, c + 6),
        .payload = rp_col_i64(s, c + 7),
        .state = (enum rp_state)rp_col_i64(s, c + 8),
        .type_id = rp_col_i64(s, c + 9),
        .attempts = rp_col_i64(s, c + 10),
    };
    if (with_job) {
        it.payload_now = rp_col_i64(s, c + 11);
        it.job = rp_job_row_read(s);
        it.as_planned = rp_col_i64(s, c + 12) != 0 && it.job.state == it.state &&
                        it.job.last_n == it.last_n && it.payload_now == it.payload;
    }
    return it;
}

static bool read_items(struct rp_stmt *s, struct rp_arena *a, bool with_job, struct item **out,
                       size_t *n, struct rp_err *err)
{
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = read_item(s, with_job);
    }
    return step == RP_STEP_DONE;
}

/* The rest of its sequence must not overtake what did not succeed (U8): it stays as it is. */
static bool break_sequence(struct rp_db *db, struct rp_fates *fates, int64_t seq, int64_t job_id,
                           struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "update replay_item set fate = 6, why = 'job ' || ?3 || ' before it in its sequence did"
            " not succeed' where replay_id = ?1 and fate in (1, 2) and fate = 1 and sequence is not"
            " null and job_id > ?3 and sequence = (select sequence from replay_item where replay_id"
            "  = ?1 and seq = ?2) returning type_id");
    rp_bind_i64(s, 1, fates->replay_id);
    rp_bind_i64(s, 2, seq);
    rp_bind_i64(s, 3, job_id);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        if (!rp_fates_count(db, fates, rp_col_i64(s, 0), RP_FATE_WAITING, RP_FATE_SKIPPED, err))
            return false;
    return step == RP_STEP_DONE;
}

/* ---- release ---- */

struct release {
    struct rp_db *db;
    struct rp_arena *arena;
    int64_t replay_id, wave, now_us, tries;
    struct rp_replay_type *types;
    size_t n_types;
    struct rp_fates fates;
    struct rp_job_row job[RP_ROWS]; /* that go out together */
    int64_t seq[RP_ROWS];
    size_t n;
};

/* Half of what a type may run at once is the replay's (rule 13): the rest waits. */
static struct rp_replay_type *room_for(struct release *x, const struct item *it)
{
    struct rp_replay_type *t = x->types;
    while (t < x->types + x->n_types && t->type_id != it->type_id)
        t++;
    int64_t half = rp_replay_half(rp_type_settings(x->db, it->type_id));
    return t < x->types + x->n_types && t->released < half ? t : NULL;
}

/* Why the item's job cannot go out as it was planned, absent: it can. */
static struct rp_str changed_since(struct release *x, const struct item *it,
                                   const struct rp_job_row *j)
{
    if (j->state != it->state)
        return rp_str_fmt(x->arena, "the job is %s now", rp_state_name(j->state));
    if (j->last_n != it->last_n)
        return RP_STR("the job ran again since it was planned");
    if (it->payload_now != it->payload)
        return RP_STR("its payload is no longer what was planned");
    if (rp_type_settings(x->db, j->type_id) == NULL)
        return RP_STR("its type is no longer in the configuration");
    return RP_NONE;
}

static bool give_fate(struct release *x, const struct item *it, enum rp_fate fate,
                      struct rp_str why, struct rp_err *err)
{
    return write_fate(x->db, x->replay_id, it->seq, fate, x->wave, why, err) &&
           rp_fates_count(x->db, &x->fates, it->type_id, RP_FATE_WAITING, fate, err);
}

/* One item out, or skipped with the reason: a bad one never stops the rest (U5). Only trouble of
 * the store's own is an error. A move that is refused has written nothing. */
static bool release_one(struct release *x, const struct item *it, bool *out, struct rp_err *err)
{
    struct rp_job_row j;
    struct rp_err refused;
    bool loaded = rp_job_load(x->db, it->job_id, &j, &refused);
    struct rp_str why = loaded ? changed_since(x, it, &j) : RP_NONE;
    struct rp_move m = {.now_us = x->now_us, .set_replay = true, .replay_id = x->replay_id};
    m.max_attempts = loaded ? j.attempts + x->tries : 0;
    *out = loaded && why.p == NULL && rp_job_apply(x->db, &j, RP_EV_REPLAY, &m, &refused);
    if (*out)
        return give_fate(x, it, RP_FATE_RELEASED, RP_NONE, err) &&
               rp_replay_give_key(x->db, x->replay_id, it->seq, &j, err);
    if (why.p == NULL) {
        if (refused.code != RP_E_NOT_FOUND && refused.code != RP_E_BAD_STATE &&
            refused.code != RP_E_CONFLICT) {
            if (err != NULL)
                *err = refused;
            return false;
        }
        why = rp_str_of(refused.message);
    }
    bool done = loaded && j.state == RP_SUCCEEDED;
    return give_fate(x, it, RP_FATE_SKIPPED, why, err) &&
           (done || break_sequence(x->db, &x->fates, it->seq, it->job_id, err));
}

static bool flush(struct release *x, struct rp_err *err)
{
    size_t n = x->n;
    x->n = 0;
    bool ok = n == 0 || (rp_jobs_replay(x->db, x->job, n, x->replay_id, x->tries, x->now_us, err) &&
                         rp_items_out(x->db, x->replay_id, x->wave, x->seq, n, err));
    for (size_t i = 0; ok && i < n; i++)
        ok = rp_replay_give_key(x->db, x->replay_id, x->seq[i], &x->job[i], err);
    return ok;
}

/* One that is as it was planned goes out with its neighbours. */
static bool release_next(struct release *x, const struct item *it, bool *out, struct rp_err *err)
{
    if (!it->as_planned || rp_type_settings(x->db, it->type_id) == NULL)
        return release_one(x, it, out, err);
    bool fits = x->n < RP_ROWS && (x->n == 0 || x->job[0].state == it->job.state);
    if (!fits && !flush(x, err))
        return false;
    x->job[x->n] = it->job;
    x->seq[x->n++] = it->seq;
    *out = true;
    return rp_fates_count(x->db, &x->fates, it->type_id, RP_FATE_WAITING, RP_FATE_RELEASED, err);
}

/* Those that wait, after one of them. Of a sequence only what nothing open stands before (U8). */
static bool read_waiting(struct release *x, int64_t after, int64_t most, struct item **out,
                         size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        x->db, "select " RP_JOB_ROW ", " ITEM_COLUMNS ", payload_hash(j.payload), j.key is null"
               " from replay_item i left join job j on j.id = i.job_id where i.replay_id = ?1"
               " and i.fate in (1, 2) and i.fate = 1 and i.seq > ?2 and"
               " (i.sequence is null or not exists(select 1"
               "  from replay_item e where e.replay_id = ?1 and e.sequence = i.sequence and"
               "  e.sequence is not null and e.job_id < i.job_id and e.fate in (1, 2)))"
               " order by i.seq limit ?3");
    rp_bind_i64(s, 1, x->replay_id);
    rp_bind_i64(s, 2, after);
    rp_bind_i64(s, 3, most);
    return read_items(s, x->arena, true, out, n, err);
}

/* What has no room is passed over, but not for ever. */
static bool release_all(struct release *x, int64_t max, int64_t *released, struct rp_err *err)
{
    struct item *items;
    int64_t after = 0, passed = 0;
    size_t n, asked;
    do {
        asked = (size_t)(max - *released);
        if (!read_waiting(x, after, (int64_t)asked, &items, &n, err))
            return false;
        for (size_t i = 0; i < n; i++) {
            bool out = false;
            struct rp_replay_type *room = room_for(x, &items[i]);
            after = items[i].seq;
            if (room != NULL && !release_next(x, &items[i], &out, err))
                return false;
            *released += out;
            passed += !out;
            if (out)
                room->released++;
        }
    } while (n == asked && *released < max && passed < SKIP_A_CALL);
    return flush(x, err) && rp_fates_write(x->db, &x->fates, err);
}

bool rp_replay_note_wave(struct rp_db *db, int64_t id, int64_t wave, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update replay set wave = max(wave, ?2) where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, wave);
    rp_db_changed(db, RP_CHANGED_REPLAYS);
    return rp_run(s, err);
}

bool rp_replay_release(struct rp_db *db, int64_t id, int64_t wave, int64_t max, int64_t now_us,
                       int64_t *released, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct release x = {.db = db,
                        .arena = &a,
                        .replay_id = id,
                        .wave = wave,
                        .now_us = now_us,
                        .fates = {.replay_id = id}};
    struct rp_replay r;
    *released = 0;
    bool ok = rp_replay_get(db, id, &a, &r, err) && rp_replay_wave_begin(db, &r, wave, now_us, err);
    x.tries = ok ? 1 + r.retries : 0;
    if (ok && r.state != RP_REPLAY_RUNNING)
        ok = rp_fail(err, RP_E_BAD_STATE, "replay R%lld is %s: nothing goes out", (long long)id,
                     rp_replay_state_name(r.state));
    ok = ok && rp_replay_open_types(db, id, &a, &x.types, &x.n_types, err) &&
         release_all(&x, max, released, err) && rp_replay_note_wave(db, id, wave, err);
    rp_arena_free(&a);
    return ok;
}

/* ---- recall ---- */

/* By itself SQLite reads all items of the replay, in order of their numbers. */
#define OUT_ONLY " indexed by replay_item_open"

static enum rp_event way_back(const struct item *it)
{
    return it->state == RP_UNKNOWN     ? RP_EV_UNDO_UNKNOWN
           : it->state == RP_CANCELLED ? RP_EV_CANCEL
                                       : RP_EV_UNDO;
}

/* The table's way back; then the times that the way out had set. Attempts, error and pattern were
 * never touched, because nothing ran. */
static bool recall_one(struct rp_db *db, int64_t replay_id, const struct item *it, int64_t now_us,
                       struct rp_err *err)
{
    struct rp_move m = {.now_us = now_us,
                        .ended_us = it->ended_us,
                        .max_attempts = it->max_attempts,
                        .set_replay = true,
                        .replay_id = it->replay_id};
    if (!rp_job_move(db, it->job_id, way_back(it), &m, NULL, err))
        return false;
    struct rp_stmt *s = rp_sql(db, "update job set due_at = ?2 where id = ?1");
    rp_bind_i64(s, 1, it->job_id);
    rp_bind_i64(s, 2, it->due_us);
    return rp_run(s, err) && write_fate(db, replay_id, it->seq, RP_FATE_WAITING, 0, RP_NONE, err);
}

/* It has begun, so it is not taken out of the replay: its end there gives its fate. */
static bool give_up(struct rp_db *db, const struct item *it, int64_t now_us, struct rp_err *err)
{
    struct rp_job_row j;
    struct rp_move m = {.now_us = now_us};
    if (!rp_job_load(db, it->job_id, &j, err))
        return false;
    bool broke_off = j.state == RP_QUEUED && j.attempts == it->attempts;
    return rp_job_apply(db, &j, broke_off ? way_back(it) : RP_EV_UNDO, &m, err);
}

/* Those that began in it and wait for another try stay failed, those whose worker only broke off
 * become what they were, and those that run now have no other: nothing more starts (rule 15). Up to
 * RECALL_A_CALL. */
static bool give_up_retries(struct rp_db *db, int64_t id, int64_t now_us, int64_t *given_up,
                            struct rp_err *err)
{
    struct rp_arena a = {0};
    struct item *items;
    size_t n;
    struct rp_stmt *s = rp_sql(
        db, "select " ITEM_COLUMNS " from replay_item i" OUT_ONLY " join job j on j.id = i.job_id"
            " where i.replay_id = ?1 and i.fate in (1, 2) and i.fate = 2 and j.state in"
            " (2, 4) and j.last_n > i.n_before and j.replay_id = ?1 limit ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, RECALL_A_CALL);
    bool ok = read_items(s, &a, false, &items, &n, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = give_up(db, &items[i], now_us, err);
    rp_arena_free(&a);
    *given_up = (int64_t)n;
    s = rp_sql(db,
               "update job set max_attempts = attempts + 1 where state = 3 and replay_id = ?1"
               " and max_attempts > attempts + 1 and id in (select job_id from replay_item" OUT_ONLY
               " where replay_id = ?1 and fate in (1, 2) and fate = 2)");
    rp_bind_i64(s, 1, id);
    return ok && rp_run(s, err);
}

bool rp_replay_recall(struct rp_db *db, int64_t id, int64_t now_us, int64_t *recalled,
                      struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_fates fates = {.replay_id = id};
    struct item *items;
    size_t n = 0;
    int64_t given_up = 0;
    struct rp_stmt *s = rp_sql(
        db, "select " ITEM_COLUMNS " from replay_item i" OUT_ONLY " join job j on j.id = i.job_id"
            " where i.replay_id = ?1 and i.fate in (1, 2) and i.fate = 2 and j.state = 2"
            " and j.last_n = i.n_before and j.replay_id = ?1 limit ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, RECALL_A_CALL);
    bool ok = read_items(s, &a, false, &items, &n, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = recall_one(db, id, &items[i], now_us, err) &&
             rp_fates_count(db, &fates, items[i].type_id, RP_FATE_RELEASED, RP_FATE_WAITING, err);
    rp_arena_free(&a);
    ok = ok && rp_fates_write(db, &fates, err) &&
         (n == RECALL_A_CALL || give_up_retries(db, id, now_us, &given_up, err));
    *recalled = (int64_t)n + given_up;
    return ok;
}

bool rp_replay_may_recall(struct rp_db *db, int64_t id, bool *any, struct rp_err *err)
{
    int64_t one;
    struct rp_stmt *s =
        rp_sql(db, "select 1 from replay_item i" OUT_ONLY " join job j on j.id = i.job_id where"
                   " i.replay_id = ?1 and i.fate in (1, 2) and i.fate = 2 and j.state in (2, 4)"
                   " and j.replay_id = ?1 limit 1");
    rp_bind_i64(s, 1, id);
    if (!rp_get_i64(s, 0, &one, err))
        return false;
    *any = one != 0;
    return true;
}

bool rp_replay_undo(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str reason,
                    int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_replay r;
    int64_t recalled;
    bool ok =
        rp_replay_get(db, id, &a, &r, err) && rp_replay_not_undone(&r, err) &&
        rp_replay_recall(db, id, now_us, &recalled, err) &&
        rp_replay_write_state(db, id, RP_REPLAY_UNDONE, reason, now_us, err) &&
        rp_replay_audit(db, actor, "replay.undo", id, reason,
                        rp_str_of(rp_replay_state_name(r.state)), RP_STR("undone"), now_us, err);
    rp_arena_free(&a);
    return ok;
}

/* ---- settle ---- */

struct ended {
    int64_t seq, job_id, type_id, pattern_id, item_type_id;
    enum rp_state state;
    bool same, lost, poison;
    bool started;   /* in this replay: it counts as one that runs */
    bool broke_off; /* by its worker, and then it was not to start again */
    bool ours;      /* lost because this daemon died with it, not because of itself */
};

static bool read_ended(struct rp_db *db, int64_t id, struct rp_arena *a, struct ended **out,
                       size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "select i.seq, j.id, j.type_id, j.pattern_id, j.state,"
        " coalesce(" RP_PATTERN_NOW("j.pattern_id") ", 0) = coalesce(" RP_PATTERN_NOW(
            "i.pattern_before") ", 0) and (j.pattern_id is not"
                                " null or coalesce(j.error_class, '') = coalesce(i.class_before, "
                                "'')),"
                                " coalesce(a.outcome, 0) = 4, j.poison,"
                                " coalesce(a.outcome, 0) = 4 and t.command = 1 and exists(select 1 "
                                "from node d"
                                "  where d.name = a.node and d.started_at >= a.started_at), "
                                "i.type_id, coalesce(a.outcome, 0) = 7 and j.poison = 0,"
                                " j.last_n > i.n_before and j.replay_id = e.replay_id"
                                " from replay_ended e cross join replay_item i on i.replay_id = "
                                "e.replay_id and"
                                "  i.seq = e.seq join job j on j.id = i.job_id join job_type t on "
                                "t.id = j.type_id"
                                " left join attempt a on a.job_id = j.id and a.n = j.last_n"
                                " where e.replay_id = ?1 and i.fate = 2 order by e.seq limit ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, SETTLE_A_CALL);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct ended){
            .seq = rp_col_i64(s, 0),
            .job_id = rp_col_i64(s, 1),
            .type_id = rp_col_i64(s, 2),
            .pattern_id = rp_col_i64(s, 3),
            .state = (enum rp_state)rp_col_i64(s, 4),
            .same = rp_col_i64(s, 5) != 0,
            .lost = rp_col_i64(s, 6) != 0,
            .poison = rp_col_i64(s, 7) != 0,
            .ours = rp_col_i64(s, 8) != 0,
            .item_type_id = rp_col_i64(s, 9),
            .broke_off = rp_col_i64(s, 10) != 0,
            .started = rp_col_i64(s, 11) != 0,
        };
    }
    return step == RP_STEP_DONE;
}

static enum rp_fate fate_of(const struct ended *e)
{
    if (e->broke_off) /* no answer, so nothing for the halt test */
        return RP_FATE_SKIPPED;
    switch (e->state) {
    case RP_SUCCEEDED:
        return RP_FATE_SUCCEEDED;
    case RP_FAILED:
        return e->same ? RP_FATE_FAILED_SAME : RP_FATE_FAILED_NEW;
    case RP_UNKNOWN:
        return RP_FATE_UNKNOWN;
    default:
        return RP_FATE_SKIPPED;
    }
}

/* A lost attempt of an idempotent job is no answer: it runs again within the item, until the kills
 * make it poison (rule 16). Not one that somebody began by hand: the item's own had its answer. */
static bool runs_again(struct rp_db *db, const struct rp_replay *r, const struct ended *e)
{
    const struct rp_type *t = rp_type_settings(db, e->type_id);
    return e->lost && e->started && !e->poison && e->state == RP_FAILED &&
           r->state == RP_REPLAY_RUNNING && t != NULL && t->idempotent;
}

static bool run_again(struct rp_db *db, int64_t replay_id, const struct ended *e, int64_t now_us,
                      struct rp_err *err)
{
    struct rp_job_row j;
    if (!rp_job_load(db, e->job_id, &j, err))
        return false;
    struct rp_move m = {.now_us = now_us,
                        .max_attempts = j.attempts + 1,
                        .set_replay = true,
                        .replay_id = replay_id};
    return rp_job_apply(db, &j, RP_EV_REPLAY, &m, err) &&
           (e->ours || rp_replay_test_lost(db, replay_id, err));
}

/* What a call settles: its fates are counted, its successes written together. */
struct settle {
    struct rp_db *db;
    const struct rp_replay *r;
    int64_t now_us, settled, started; /* started: of the settled ones */
    struct rp_fates fates;
    int64_t seq[RP_ROWS];
    size_t n;
};

static bool flush_succeeded(struct settle *x, struct rp_err *err)
{
    size_t n = x->n;
    x->n = 0;
    return n == 0 || rp_items_succeeded(x->db, x->r->id, x->seq, n, err);
}

static bool settle_succeeded(struct settle *x, const struct ended *e, struct rp_err *err)
{
    if (x->n == RP_ROWS && !flush_succeeded(x, err))
        return false;
    x->seq[x->n++] = e->seq;
    return true;
}

static bool settle_failed(struct settle *x, const struct ended *e, struct rp_err *err)
{
    if (!break_sequence(x->db, &x->fates, e->seq, e->job_id, err))
        return false;
    struct rp_stmt *s =
        rp_sql(x->db, "update replay_item set fate = ?3, pattern_after = ?4, why = ?5"
                      " where replay_id = ?1 and seq = ?2");
    rp_bind_i64(s, 1, x->r->id);
    rp_bind_i64(s, 2, e->seq);
    rp_bind_i64(s, 3, fate_of(e));
    rp_bind_id(s, 4, e->pattern_id);
    rp_bind_text(s, 5,
                 e->state == RP_CANCELLED ? RP_STR("the job was cancelled")
                 : e->broke_off ? RP_STR("its worker broke off when nothing more was to start")
                                : RP_NONE);
    return rp_run(s, err) &&
           (e->state != RP_UNKNOWN || !e->ours || rp_replay_test_spare(x->db, x->r->id, err));
}

/* Somebody let it run once more by hand: that run's end is the item's. */
static bool wait_on(struct settle *x, const struct ended *e, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(x->db, "insert into replay_ended(replay_id, seq) values(?1, ?2)");
    rp_bind_i64(s, 1, x->r->id);
    rp_bind_i64(s, 2, e->seq);
    return rp_run(s, err);
}

static bool settle_one(struct settle *x, const struct ended *e, struct rp_err *err)
{
    struct rp_err refused;
    if (!rp_state_terminal(e->state))
        return wait_on(x, e, err);
    if (runs_again(x->db, x->r, e) && run_again(x->db, x->r->id, e, x->now_us, &refused))
        return true;
    x->settled++;
    x->started += e->started;
    return rp_fates_count(x->db, &x->fates, e->item_type_id, RP_FATE_RELEASED, fate_of(e), err) &&
           (e->state == RP_SUCCEEDED ? settle_succeeded(x, e, err) : settle_failed(x, e, err));
}

/* Up to the last of them; all, if that was not cut off. */
static bool forget_ended(struct rp_db *db, int64_t id, const struct ended *ended, size_t n,
                         struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "delete from replay_ended where replay_id = ?1 and seq <= ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, n == SETTLE_A_CALL ? ended[n - 1].seq : INT64_MAX);
    return rp_run(s, err);
}

static bool settle_all(struct settle *x, struct rp_arena *a, struct rp_err *err)
{
    struct ended *ended;
    size_t n;
    if (!read_ended(x->db, x->r->id, a, &ended, &n, err) ||
        !forget_ended(x->db, x->r->id, ended, n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!settle_one(x, &ended[i], err))
            return false;
    if (x->settled > 0)
        rp_db_changed(x->db, RP_CHANGED_REPLAYS);
    return flush_succeeded(x, err) && rp_replay_started_add(x->db, x->r->id, -x->started, err) &&
           rp_fates_write(x->db, &x->fates, err);
}

/* One that was stopped while items ran ends with the last of them. */
static bool end_if_last(struct rp_db *db, const struct rp_replay *r, int64_t now_us,
                        struct rp_err *err)
{
    if (r->ended_us != 0 || (r->state != RP_REPLAY_ABORTED && r->state != RP_REPLAY_UNDONE))
        return true;
    return rp_replay_write_state(db, r->id, r->state, r->says, now_us, err);
}

bool rp_replay_settle(struct rp_db *db, int64_t id, int64_t now_us, int64_t *settled,
                      struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_replay r;
    struct settle x = {.db = db, .r = &r, .now_us = now_us, .fates = {.replay_id = id}};
    bool ok = rp_replay_get(db, id, &a, &r, err) && settle_all(&x, &a, err) &&
              end_if_last(db, &r, now_us, err);
    *settled = x.settled;
    rp_arena_free(&a);
    return ok;
}
