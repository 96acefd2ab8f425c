/* What a plan is made of: failed jobs, and what is known about running them again (rules 1 to 3).
 */
#include "base/json.h"
#include "store/internal.h"
#include "store/replays_internal.h"
#include "store/rows.h"

#include <stdlib.h>

/* ---- which jobs ---- First their ids, from the index that leads, then each by its id in rising
 * order: sorting rows of a million jobs would need hundreds of megabytes, and every page of the
 * table is read once. */

static const char by_pattern[] = "select id from job where pattern_id = ?1";
static const char by_patterns[] = "select id from job where pattern_id in " RP_PATTERN_ALL("?1");
static const char by_replay[] = "select id from job where replay_id = ?1";
static const char by_type[] = "select id from job where type_id = ?1 and ended_at >= ?2 and"
                              " ended_at < ?3 and state in (6, 8)";
static const char by_time[] = "select id from job where ended_at >= ?2 and ended_at < ?3 and"
                              " state in (6, 8)";

static struct rp_stmt *ask(struct rp_db *db, const struct rp_job_filter *f,
                           const struct rp_filter_ids *ids)
{
    struct rp_stmt *s = rp_sql(db, ids->patterns       ? by_patterns
                                   : ids->pattern != 0 ? by_pattern
                                   : f->replay_id != 0 ? by_replay
                                   : ids->type != 0    ? by_type
                                                       : by_time);
    rp_bind_i64(s, 1,
                ids->pattern != 0   ? ids->pattern
                : f->replay_id != 0 ? f->replay_id
                                    : ids->type);
    if (ids->pattern == 0 && f->replay_id == 0) {
        rp_bind_i64(s, 2, f->since_us);
        rp_bind_i64(s, 3, f->until_us > 0 ? f->until_us : INT64_MAX);
    }
    return s;
}

static int by_number(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* Not into an arena, which keeps what an array outgrew: they may be millions. Freed by the caller.
 */
static bool find_ids(struct rp_db *db, const struct rp_job_filter *f,
                     const struct rp_filter_ids *lead, int64_t **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = ask(db, f, lead);
    enum rp_step step;
    bool sorted = true;
    size_t room = 0;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        if (*n == room) {
            room = room > 0 ? room + room / 2 : 1024;
            *out = rp_xrealloc(*out, room * sizeof **out);
        }
        (*out)[*n] = rp_col_i64(s, 0);
        sorted = sorted && (*n == 0 || (*out)[*n] > (*out)[*n - 1]);
    }
    rp_reset(s);
    if (!sorted) /* so some were found */
        qsort(*out, *n, sizeof **out, by_number);
    return step == RP_STEP_DONE;
}

/* ---- labels ---- */

/* A member of an object, absent: there is none. A string as its content, anything else as its text.
 */
static struct rp_str member(struct rp_str object, struct rp_str name, struct rp_arena *a)
{
    struct rp_json r;
    struct rp_str key, value;
    rp_json_open(&r, object, a);
    if (rp_json_peek(&r) != RP_JSON_OBJECT || !rp_json_object(&r))
        return RP_NONE;
    while (rp_json_member(&r, &key)) {
        bool string = rp_json_peek(&r) == RP_JSON_STRING;
        if (!(string ? rp_json_str(&r, &value) : rp_json_raw(&r, &value)))
            return RP_NONE;
        if (rp_str_eq(key, name))
            return value;
    }
    return RP_NONE;
}

static bool member_is(struct rp_str object, const struct rp_env *want, struct rp_arena *a)
{
    struct rp_str value = member(object, want->name, a);
    return value.p != NULL && rp_str_eq(value, want->value);
}

static const struct rp_str *sequence_of(struct rp_str labels, struct rp_arena *a)
{
    struct rp_arena own = {0};
    struct rp_str value = labels.p != NULL ? member(labels, RP_STR("sequence"), &own) : RP_NONE,
                  *kept = NULL;
    if (value.p != NULL) {
        kept = RP_NEW(a, struct rp_str);
        *kept = rp_str_dup(a, value);
    }
    rp_arena_free(&own);
    return kept;
}

bool rp_filter_where(const struct rp_job_filter *f, struct rp_str labels, struct rp_str payload)
{
    struct rp_arena a = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < f->n_where; i++)
        ok = member_is(labels, &f->where[i], &a) || member_is(payload, &f->where[i], &a);
    rp_arena_free(&a);
    return ok;
}

/* ---- the answer ---- */

struct found {
    struct rp_db *db;
    const struct rp_config *config;
    const struct rp_job_filter *filter;
    const struct rp_filter_ids *lead;
    bool others; /* there are live replays */
    bool exact;  /* all ids will match, so their array is made at once: it needs half the memory */
    struct rp_kinds kinds;
    struct rp_candidate *v;
    size_t n, limit;
    struct rp_arena *a;
};

/* Where all that the ids lead to is wanted, four columns less of each row. Not by `and`, of which
 * SQLite reckons both sides. */
#define ALWAYS                                                                                     \
    "select j.id, j.type_id, j.pattern_id, j.error_class, j.ended_at, j.state, j.last_n,"          \
    " j.poison, j.labels, j.purged, j.outside,"                                                    \
    " case when j.key is not null then exists(select 1 from job l where l.type_id = j.type_id"     \
    "  and l.key = j.key and l.key is not null and l.id > j.id and l.state = 5) else 0 end,"       \
    " case when ?1 then exists(select 1 from replay_item i join replay r on r.id = i.replay_id"    \
    "  where i.job_id = j.id and i.fate in (1, 2) and r.state in (1, 2, 3, 4)) else 0 end,"        \
    " j.queue_id"
#define CHOSEN ", j.schedule_id, j.replay_id, j.key, case when ?2 then j.payload end"
/* The join keeps the order of the values; for `in` SQLite would make a table of them, each time. */
#define OF_IDS                                                                                     \
    " from (values (?4), (?5), (?6), (?7), (?8), (?9), (?10), (?11), (?12), (?13), (?14), (?15),"  \
    " (?16), (?17), (?18), (?19)) p cross join job j on j.id = p.column1 where j.state in (6, 8)"
enum {
    ID,
    TYPE,
    PATTERN,
    CLASS,
    ENDED,
    STATE,
    LAST,
    POISON,
    LABELS,
    PURGED,
    OUTSIDE,
    SUPERSEDED,
    IN_REPLAY,
    QUEUE,
    SCHEDULE,
    REPLAY,
    KEY,
    PAYLOAD
};

static struct rp_stmt *rows_of(const struct found *f, const int64_t *ids, size_t n)
{
    struct rp_stmt *s =
        f->exact ? rp_sql(f->db, ALWAYS OF_IDS) : rp_sql(f->db, ALWAYS CHOSEN OF_IDS);
    rp_bind_i64(s, 1, f->others);
    if (!f->exact)
        rp_bind_i64(s, 2, f->filter->n_where > 0);
    rp_bind_ids(s, ids, n);
    return s;
}

static bool is_or_open(int64_t wanted, int64_t value)
{
    return wanted == 0 || wanted == value;
}

/* Not `exact`: what the ids do not answer for. */
static bool chosen(const struct found *f, struct rp_stmt *s, const struct rp_candidate_kind *k)
{
    const struct rp_job_filter *by = f->filter;
    return is_or_open(f->lead->queue, rp_col_i64(s, QUEUE)) &&
           is_or_open(f->lead->schedule, rp_col_i64(s, SCHEDULE)) &&
           is_or_open(by->replay_id, rp_col_i64(s, REPLAY)) &&
           (by->error_class.p == NULL || rp_str_eq(k->error_class, by->error_class)) &&
           (by->key.p == NULL || rp_str_eq(rp_col_view(s, KEY), by->key)) &&
           (by->n_where == 0 ||
            rp_filter_where(by, rp_col_view(s, LABELS), rp_col_view(s, PAYLOAD)));
}

static bool matches(const struct found *f, struct rp_stmt *s, const struct rp_candidate *c)
{
    const struct rp_job_filter *by = f->filter;
    const struct rp_candidate_kind *k = c->kind;
    unsigned states = by->states != 0 ? by->states : 1u << RP_FAILED;
    return (f->lead->job != 0 || (states >> c->state & 1) != 0) &&
           is_or_open(f->lead->type, k->type_id) &&
           (is_or_open(f->lead->pattern, k->pattern_id) || f->lead->pattern == k->outer_id) &&
           c->ended_us >= by->since_us && (by->until_us <= 0 || c->ended_us < by->until_us) &&
           (f->exact || chosen(f, s, k));
}

/* Only where the job may not be repeated does it matter whether it had begun to say something. */
static bool had_output(struct found *f, struct rp_candidate *c, struct rp_err *err)
{
    int64_t bytes;
    struct rp_stmt *s =
        rp_sql(f->db, "select output_bytes from attempt where job_id = ?1 and n = ?2");
    rp_bind_i64(s, 1, c->job_id);
    rp_bind_i64(s, 2, c->attempt);
    if (!rp_get_i64(s, 0, &bytes, err))
        return false;
    c->has_output = bytes > 0;
    return true;
}

static bool add_row(struct found *f, struct rp_stmt *s, struct rp_err *err)
{
    struct rp_candidate c = {.job_id = rp_col_i64(s, ID),
                             .ended_us = rp_col_i64(s, ENDED),
                             .state = (uint8_t)rp_col_i64(s, STATE)};
    c.kind = rp_kind_of(
        f->db, f->config, &f->kinds, f->a,
        &(struct rp_kind_key){rp_col_i64(s, TYPE), rp_col_i64(s, PATTERN), rp_col_view(s, CLASS)},
        err);
    if (c.kind == NULL)
        return false;
    if (!matches(f, s, &c))
        return true;
    c.queue_id = (int32_t)rp_col_i64(s, QUEUE);
    c.sequence = sequence_of(rp_col_view(s, LABELS), f->a);
    c.attempt = (int32_t)rp_col_i64(s, LAST);
    c.poison = rp_col_i64(s, POISON) != 0;
    c.superseded = rp_col_i64(s, SUPERSEDED) != 0;
    c.in_replay = rp_col_i64(s, IN_REPLAY) != 0;
    c.payload_purged = rp_col_i64(s, PURGED) > 0;
    c.outside = rp_col_i64(s, OUTSIDE) != 0;
    if (!c.kind->idempotent && !had_output(f, &c, err))
        return false;
    if (!f->exact)
        f->v = rp_rows_grow(f->a, f->v, f->n, sizeof *f->v);
    f->v[f->n++] = c;
    return true;
}

static bool collect(struct found *f, const int64_t *ids, size_t n, struct rp_err *err)
{
    for (size_t i = 0; i < n && f->n < f->limit; i += RP_ROWS) {
        struct rp_stmt *s = rows_of(f, ids + i, n - i < RP_ROWS ? n - i : RP_ROWS);
        enum rp_step step = RP_STEP_DONE;
        while (f->n < f->limit && (step = rp_step(s, err)) == RP_STEP_ROW)
            if (!add_row(f, s, err))
                return false;
        rp_reset(s);
        if (step == RP_STEP_ERROR)
            return false;
    }
    return true;
}

static bool leads_to_all(const struct rp_job_filter *by, const struct rp_filter_ids *lead)
{
    return by->error_class.p == NULL && by->key.p == NULL && by->n_where == 0 && lead->queue == 0 &&
           lead->schedule == 0 &&
           (by->pattern_id != 0 || lead->job != 0) + (by->replay_id != 0) <= 1;
}

static void make_room(struct found *f, size_t n)
{
    size_t most = n < f->limit ? n : f->limit;
    f->exact = leads_to_all(f->filter, f->lead);
    if (f->exact)
        f->v = RP_NEW_N(f->a, struct rp_candidate, most + 1);
}

static bool any_live(struct rp_db *db, bool *out, struct rp_err *err)
{
    int64_t id;
    if (!rp_get_i64(rp_sql(db, "select id from replay where ended_at is null limit 1"), 0, &id,
                    err))
        return false;
    *out = id != 0;
    return true;
}

/* What is asked for by id must be there, and have failed: a success is never selected. */
static bool check_id(struct rp_db *db, int64_t id, struct rp_err *err)
{
    struct rp_job_row j;
    if (!rp_job_load(db, id, &j, err))
        return false;
    return j.state == RP_FAILED || j.state == RP_UNKNOWN ||
           rp_fail(err, RP_E_BAD_STATE, "job %lld is %s: only failed jobs are replayed",
                   (long long)id, rp_state_name(j.state));
}

/* ---- names ---- */

static bool need_schedule(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id from schedule where name = ?1");
    rp_bind_text(s, 1, name);
    return rp_get_i64(s, 0, id, err) &&
           (*id > 0 || rp_absent(err, "schedule", name, "reprise schedules"));
}

static bool need_number(struct rp_stmt *s, const char *what, int64_t number, const char *lists,
                        struct rp_err *err)
{
    int64_t id;
    rp_bind_i64(s, 1, number);
    return rp_get_i64(s, 0, &id, err) && (id > 0 || rp_absent_id(err, what, number, lists));
}

bool rp_filter_names(struct rp_db *db, const struct rp_job_filter *f, struct rp_filter_ids *ids,
                     struct rp_err *err)
{
    return (f->type.p == NULL || rp_type_need(db, f->type, &ids->type, err)) &&
           (f->queue.p == NULL || rp_queue_need(db, f->queue, &ids->queue, err)) &&
           (f->schedule.p == NULL || need_schedule(db, f->schedule, &ids->schedule, err)) &&
           (f->pattern_id == 0 ||
            rp_pattern_need(db, f->pattern_id, &ids->pattern, &ids->patterns, err)) &&
           (f->replay_id == 0 || need_number(rp_sql(db, "select id from replay where id = ?1"),
                                             "replay R", f->replay_id, "reprise replay list", err));
}

bool rp_replay_candidates(struct rp_db *db, const struct rp_config *config,
                          const struct rp_job_filter *filter, const int64_t *ids, size_t n_ids,
                          int64_t limit, struct rp_arena *a, struct rp_candidate **out, size_t *n,
                          struct rp_err *err)
{
    static const struct rp_job_filter open_filter;
    struct rp_filter_ids lead = {.job = n_ids > 0};
    struct found f = {.db = db,
                      .config = config,
                      .filter = filter != NULL ? filter : &open_filter,
                      .lead = &lead,
                      .limit = limit > 0 ? (size_t)limit : 0,
                      .a = a};
    int64_t *found = NULL;
    bool ok = rp_filter_names(db, f.filter, &lead, err) && any_live(db, &f.others, err);
    for (size_t i = 0; ok && i < n_ids; i++)
        ok = check_id(db, ids[i], err);
    if (ok && n_ids == 0 && (ok = find_ids(db, f.filter, &lead, &found, &n_ids, err)))
        ids = found;
    if (ok)
        make_room(&f, n_ids);
    ok = ok && collect(&f, ids, n_ids, err);
    free(found);
    *out = f.v;
    *n = f.n;
    return ok;
}
