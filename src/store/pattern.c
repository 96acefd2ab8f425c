/* The pattern of a failure: found by the form of its message, made when it is new, and counted. */
#include "core/wrap.h"
#include "store/internal.h"
#include "store/mined.h"

#include <stdio.h>

enum { STACKS_MAX = 64 }; /* of one pattern: where further ones come from is not kept */

static struct rp_str known(struct rp_str s)
{
    return s.p != NULL ? s : RP_STR("");
}

/* What a person said of a pattern holds for all that have become part of it. */
#define COUNT(which)                                                                               \
    "update pattern set failures = failures + 1, first_at = min(first_at, ?2),"                    \
    " last_at = max(last_at, ?2) where id = " which                                                \
    " returning id, case when joined is null then class_by_person else"                            \
    " (select now.class_by_person from pattern now where now.id = pattern.joined) end"

static enum rp_step count(struct rp_stmt *s, int64_t which, int64_t at_us, struct rp_arena *a,
                          int64_t *id, struct rp_str *class, struct rp_err *err)
{
    rp_bind_i64(s, 1, which);
    rp_bind_i64(s, 2, at_us);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step;
    *id = rp_col_i64(s, 0);
    if (!rp_col_null(s, 1))
        *class = rp_col_str(s, 1, a);
    rp_reset(s);
    return step;
}

/* ---- new forms ---- */

static bool has_room(struct rp_db *db, bool *room, struct rp_err *err)
{
    int64_t n;
    if (db->forms == 0) {
        if (!rp_get_i64(rp_sql(db, "select count(*) from pattern_form"), 0, &n, err))
            return false;
        db->forms = n + 1;
    }
    *room = db->forms <= RP_FORMS_MAX;
    return true;
}

/* What a new pattern is known by, and what it says. */
struct birth {
    uint64_t hash;
    struct rp_str template, inner;
};

static bool make(struct rp_db *db, const struct rp_report *r, const struct birth *b, int64_t at_us,
                 int64_t *id, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "insert into pattern(hash, template, class, grp, action, rule, first_at,"
                   " last_at, outer_id, inner) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)");
    rp_bind_i64(s, 1, (int64_t)b->hash);
    rp_bind_text(s, 2, known(b->template));
    rp_bind_text(s, 3, known(r->facts.error_class));
    rp_bind_text(s, 4, known(r->error_group));
    rp_bind_text(s, 5, known(r->action));
    rp_bind_text(s, 6, known(r->facts.rule));
    rp_bind_i64(s, 7, at_us);
    rp_bind_id(s, 8, r->pattern_outer);
    rp_bind_text(s, 9, r->pattern_outer != 0 ? b->inner : RP_NONE);
    if (!rp_run(s, err))
        return false;
    *id = rp_last_id(db);
    return true;
}

static bool find(struct rp_db *db, uint64_t hash, int64_t *id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id from pattern where hash = ?1");
    rp_bind_i64(s, 1, (int64_t)hash);
    return rp_get_i64(s, 0, id, err);
}

/* For a form that is not in the table: the pattern that was born with it, if it had to leave; the
 * one that its message is like; a new one. 0: there is room for none. */
static bool pattern_of_form(struct rp_db *db, const struct rp_report *r, bool room, int64_t at_us,
                            int64_t *id, struct rp_err *err)
{
    if (!find(db, r->pattern_hash, id, err))
        return false;
    if (*id == 0)
        *id = r->pattern_like;
    return *id != 0 || !room ||
           make(db, r, &(struct birth){r->pattern_hash, r->template, r->inner}, at_us, id, err);
}

/* ---- others: what found no room ---- */

static bool find_or_make(struct rp_db *db, const struct rp_report *r, const struct birth *b,
                         int64_t at_us, int64_t *id, struct rp_err *err)
{
    return find(db, b->hash, id, err) && (*id != 0 || make(db, r, b, at_us, id, err));
}

/* One a type and class stands for all messages that found no room. */
static bool pattern_of_others(struct rp_db *db, const struct rp_report *r, int64_t type_id,
                              int64_t at_us, int64_t *id, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_str name =
        rp_str_fmt(&a, "others/%lld/%.*s", (long long)type_id, RP_FMT(r->facts.error_class));
    struct birth b = {rp_hash64(name),
                      rp_str_fmt(&a, "others: more than %d different messages", (int)RP_FORMS_MAX),
                      RP_NONE};
    bool ok = find_or_make(db, r, &b, at_us, id, err);
    rp_arena_free(&a);
    return ok;
}

/* Has a message so many inner ones of the class that no new one is told apart? */
static bool crowded(struct rp_db *db, const struct rp_report *r, bool *is, struct rp_err *err)
{
    int64_t n = 0;
    struct rp_stmt *s = rp_sql(db, "select count(*) from (select 1 from pattern where outer_id = ?1"
                                   " and class = ?2 limit ?3)");
    rp_bind_i64(s, 1, r->pattern_outer);
    rp_bind_text(s, 2, known(r->facts.error_class));
    rp_bind_i64(s, 3, RP_INNERS_MAX);
    bool ok = rp_get_i64(s, 0, &n, err);
    *is = n >= RP_INNERS_MAX;
    return ok;
}

/* One a wrapping message and class stands for those. */
static bool pattern_of_crowd(struct rp_db *db, const struct rp_report *r, int64_t at_us,
                             int64_t *id, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_stmt *s = rp_sql(db, "select template, hole from pattern where id = ?1");
    struct birth b = {
        .inner = rp_str_fmt(&a, "others: more than %d different errors", (int)RP_INNERS_MAX)};
    rp_bind_i64(s, 1, r->pattern_outer);
    bool ok = rp_step(s, err) == RP_STEP_ROW;
    if (ok) {
        b.template = rp_wrap_whole(&a, rp_col_str(s, 0, &a), (int)rp_col_i64(s, 1), b.inner);
        b.hash = rp_hash64(rp_str_fmt(&a, "others/inner/%lld/%.*s", (long long)r->pattern_outer,
                                      RP_FMT(r->facts.error_class)));
        rp_reset(s);
        ok = find_or_make(db, r, &b, at_us, id, err);
    }
    rp_arena_free(&a);
    return ok;
}

static bool keep_form(struct rp_db *db, const struct rp_report *r, int64_t id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert into pattern_form(hash, pattern_id, rules, form)"
                                   " values (?1, ?2, ?3, ?4)");
    rp_bind_i64(s, 1, (int64_t)r->pattern_hash);
    rp_bind_i64(s, 2, id);
    rp_bind_i64(s, 3, r->form_rules);
    rp_bind_blob(s, 4, known(r->form));
    if (!rp_run(s, err))
        return false;
    db->forms++;
    rp_db_changed(db, RP_CHANGED_FORMS);
    return true;
}

static bool take_new(struct rp_db *db, const struct rp_report *r, int64_t type_id, int64_t at_us,
                     int64_t *id, struct rp_err *err)
{
    bool room, crowd = false;
    if (!has_room(db, &room, err) || (r->pattern_outer != 0 && !crowded(db, r, &crowd, err)) ||
        !pattern_of_form(db, r, room && !crowd, at_us, id, err))
        return false;
    if (*id == 0 && room)
        return pattern_of_crowd(db, r, at_us, id, err);
    if (*id == 0)
        return pattern_of_others(db, r, type_id, at_us, id, err);
    return !room || keep_form(db, r, *id, err);
}

/* ---- the second key ---- */

static bool count_stack(struct rp_db *db, int64_t id, struct rp_str frames, int64_t at_us,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update pattern_stack set failures = failures + 1, last_at ="
                                   " max(last_at, ?3) where pattern_id = ?1 and hash = ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, (int64_t)rp_hash64(frames));
    rp_bind_i64(s, 3, at_us);
    if (!rp_run(s, err))
        return false;
    if (rp_changes(db) > 0)
        return true;
    s = rp_sql(db, "insert into pattern_stack(pattern_id, hash, frames, failures, last_at) select"
                   " ?1, ?2, ?4, 1, ?3 where (select count(*) from pattern_stack where pattern_id ="
                   " ?1) < ?5");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, (int64_t)rp_hash64(frames));
    rp_bind_i64(s, 3, at_us);
    rp_bind_text(s, 4, frames);
    rp_bind_i64(s, 5, STACKS_MAX);
    return rp_run(s, err);
}

bool rp_pattern_count(struct rp_db *db, const struct rp_report *r, int64_t type_id, int64_t at_us,
                      struct rp_arena *a, int64_t *id, struct rp_str *class, struct rp_err *err)
{
    *id = 0;
    if (r->pattern_hash == 0)
        return true;
    struct rp_stmt *s = rp_sql(db, COUNT("(select pattern_id from pattern_form where hash = ?1)"));
    enum rp_step step = count(s, (int64_t)r->pattern_hash, at_us, a, id, class, err);
    if (step == RP_STEP_DONE) {
        int64_t which;
        if (!take_new(db, r, type_id, at_us, &which, err))
            return false;
        step = count(rp_sql(db, COUNT("?1")), which, at_us, a, id, class, err);
    }
    if (step == RP_STEP_DONE)
        return rp_fail(err, RP_E_INTERNAL, "a failure's pattern is gone");
    return step == RP_STEP_ROW && (r->frames.n == 0 || count_stack(db, *id, r->frames, at_us, err));
}

bool rp_pattern_need(struct rp_db *db, int64_t id, int64_t *now, bool *several, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " RP_PATTERN_NOW("?1"));
    int64_t any;
    rp_bind_i64(s, 1, id);
    if (!rp_get_i64(s, 0, now, err))
        return false;
    if (*now == 0)
        return rp_absent_id(err, "pattern P", id, "reprise patterns");
    s = rp_sql(db, "select 1 from pattern where joined = ?1 or outer_id = ?1 limit 1");
    rp_bind_i64(s, 1, *now);
    bool ok = rp_get_i64(s, 0, &any, err);
    *several = ok && any != 0;
    return ok;
}
