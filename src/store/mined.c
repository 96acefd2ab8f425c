#include "store/mined.h"

#include "store/internal.h"
#include "store/registry.h"
#include "store/rows.h"

/* ---- forms ---- */

bool rp_forms_each(struct rp_db *db, void (*each)(void *ctx, const struct rp_form_row *f),
                   void *ctx, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select f.hash, f.rules, b.id, p.id, p.apart, b.class, f.form, b.last_at, "
                   "b.class = p.class, p.template, " RP_PATTERN_OUTER(
                       "b") ", p.inner"

                            " from pattern_form f join pattern b on b.id = f.pattern_id"
                            " join pattern p on p.id = coalesce(b.joined, b.id)"
                            " where length(f.form) > 0 order by b.class, p.id, b.id, f.hash");
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        each(ctx, &(struct rp_form_row){.hash = (uint64_t)rp_col_i64(s, 0),
                                        .rules = rp_col_i64(s, 1),
                                        .born = rp_col_i64(s, 2),
                                        .now = rp_col_i64(s, 3),
                                        .apart = rp_col_i64(s, 4) != 0,
                                        .class = rp_col_view(s, 5),
                                        .form = rp_col_view(s, 6),
                                        .last_us = rp_col_i64(s, 7),
                                        .same_class = rp_col_i64(s, 8) != 0,
                                        .template = rp_col_view(s, 9),
                                        .outer = rp_col_i64(s, 10),
                                        .inner = rp_col_view(s, 11)});
    return step == RP_STEP_DONE;
}

/* The pattern of a form, 0: it is not in the table. */
static bool born_of(struct rp_db *db, uint64_t hash, int64_t *id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select pattern_id from pattern_form where hash = ?1");
    rp_bind_i64(s, 1, (int64_t)hash);
    return rp_get_i64(s, 0, id, err);
}

bool rp_form_move(struct rp_db *db, uint64_t from, uint64_t to, struct rp_str form, int64_t rules,
                  struct rp_err *err)
{
    int64_t mine, other = 0;
    bool joined;
    if (!born_of(db, from, &mine, err) || (from != to && !born_of(db, to, &other, err)))
        return false;
    if (other != 0)
        return rp_patterns_found_one(db, mine, other, &joined, err) &&
               rp_form_forget(db, from, err);
    struct rp_stmt *s =
        rp_sql(db, "update pattern_form set hash = ?2, rules = ?3, form = ?4 where hash = ?1");
    rp_bind_i64(s, 1, (int64_t)from);
    rp_bind_i64(s, 2, (int64_t)to);
    rp_bind_i64(s, 3, rules);
    rp_bind_blob(s, 4, form);
    return rp_run(s, err);
}

bool rp_form_forget(struct rp_db *db, uint64_t hash, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "delete from pattern_form where hash = ?1");
    rp_bind_i64(s, 1, (int64_t)hash);
    db->forms = 0;
    return rp_run(s, err);
}

/* ---- templates ---- */

static bool each_template(struct rp_stmt *s, int64_t limit, rp_template_fn *each, void *ctx,
                          struct rp_err *err)
{
    rp_bind_i64(s, 1, limit);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        each(ctx, &(struct rp_template_row){.id = rp_col_i64(s, 0),
                                            .class = rp_col_view(s, 1),
                                            .template = rp_col_view(s, 2),
                                            .hole = (int)rp_col_i64(s, 3)});
    return step == RP_STEP_DONE;
}

bool rp_templates_each(struct rp_db *db, int64_t limit, rp_template_fn *each, void *ctx,
                       struct rp_err *err)
{
    return each_template(rp_sql(db, "select id, class, template, 0 from (select * from pattern"
                                    " where joined is null and hole is null and template like"
                                    " '%<*>%' order by last_at desc limit ?1) order by id"),
                         limit, each, ctx, err);
}

bool rp_outers_each(struct rp_db *db, int64_t limit, rp_template_fn *each, void *ctx,
                    struct rp_err *err)
{
    return each_template(rp_sql(db, "select id, null, template, hole from pattern where hole is not"
                                    " null and joined is null order by id limit ?1"),
                         limit, each, ctx, err);
}

bool rp_pattern_reworded(struct rp_db *db, int64_t id, struct rp_str template, struct rp_str inner,
                         int64_t outer, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update pattern set template = ?2, inner = coalesce(?3, inner),"
                                   " outer_id = coalesce(?4, outer_id) where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_text(s, 2, template);
    rp_bind_text(s, 3, inner);
    rp_bind_id(s, 4, outer);
    return rp_run(s, err);
}

bool rp_pattern_wrapped(struct rp_db *db, int64_t id, int64_t outer, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update pattern set outer_id = ?2 where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, outer);
    return rp_run(s, err);
}

/* ---- messages that wrap others ---- */

bool rp_outer_found(struct rp_db *db, struct rp_str template, int hole, int64_t *id,
                    struct rp_err *err)
{
    struct rp_arena a = {0};
    uint64_t hash = rp_hash64(rp_str_fmt(&a, "outer/%.*s", RP_FMT(template)));
    rp_arena_free(&a);
    struct rp_stmt *s = rp_sql(db, "select coalesce(joined, id) from pattern where hash = ?1");
    rp_bind_i64(s, 1, (int64_t)hash);
    if (!rp_get_i64(s, 0, id, err) || *id != 0)
        return *id != 0;
    s = rp_sql(db, "insert into pattern(hash, template, hole, class, grp, action, rule, first_at,"
                   " last_at) values (?1, ?2, ?3, '', '', '', '', 9223372036854775807, 0)");
    rp_bind_i64(s, 1, (int64_t)hash);
    rp_bind_text(s, 2, template);
    rp_bind_i64(s, 3, hole);
    if (!rp_run(s, err))
        return false;
    *id = rp_last_id(db);
    return true;
}

bool rp_outer_reworded(struct rp_db *db, int64_t id, struct rp_str template, int hole,
                       struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update pattern set template = ?2, hole = ?3 where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_text(s, 2, template);
    rp_bind_i64(s, 3, hole);
    return rp_run(s, err);
}

/* ---- joining ---- */

/* All parts of `from` become parts of `into`, in one hop. */
static bool join(struct rp_db *db, int64_t into, int64_t from, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update pattern set joined = ?1 where id = ?2 or joined = ?2");
    rp_bind_i64(s, 1, into);
    rp_bind_i64(s, 2, from);
    return rp_run(s, err);
}

/* The word that a person had on `from`, where there is none on `into`. */
static bool take_over(struct rp_db *db, int64_t into, int64_t from, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "update pattern set name = coalesce(pattern.name, f.name),"
            " grp = case when pattern.class_by_person is null and f.class_by_person is not null"
            "  then f.grp else pattern.grp end,"
            " action = case when pattern.class_by_person is null and f.class_by_person is not null"
            "  then f.action else pattern.action end,"
            " class_by_person = coalesce(pattern.class_by_person, f.class_by_person)"
            " from pattern f where pattern.id = ?1 and f.id = ?2");
    rp_bind_i64(s, 1, into);
    rp_bind_i64(s, 2, from);
    return rp_run(s, err);
}

static bool contradict(struct rp_db *db, int64_t a, int64_t b, bool *out, struct rp_err *err)
{
    int64_t n;
    struct rp_stmt *s = rp_sql(db, "select a.apart or b.apart or coalesce(a.name <> b.name, 0)"
                                   " or coalesce(a.class_by_person <> b.class_by_person, 0)"
                                   " from pattern a, pattern b where a.id = ?1 and b.id = ?2");
    rp_bind_i64(s, 1, a);
    rp_bind_i64(s, 2, b);
    if (!rp_get_i64(s, 1, &n, err))
        return false;
    *out = n != 0;
    return true;
}

static bool now_of(struct rp_db *db, int64_t id, int64_t *now, struct rp_err *err)
{
    bool several;
    return rp_pattern_need(db, id, now, &several, err);
}

static bool join_two(struct rp_db *db, int64_t x, int64_t y, struct rp_err *err)
{
    int64_t into = x < y ? x : y, from = x < y ? y : x;
    return take_over(db, into, from, err) && join(db, into, from, err);
}

bool rp_patterns_found_one(struct rp_db *db, int64_t a, int64_t b, bool *joined, struct rp_err *err)
{
    int64_t x, y;
    bool no;
    *joined = false;
    if (!now_of(db, a, &x, err) || !now_of(db, b, &y, err) || !contradict(db, x, y, &no, err))
        return false;
    *joined = x != y && !no;
    return !*joined || join_two(db, x, y, err);
}

/* ---- by a person ---- */

static bool both_of_one_level(struct rp_db *db, int64_t x, int64_t y, struct rp_err *err)
{
    int64_t differ;
    struct rp_stmt *s = rp_sql(db, "select (a.hole is null) <> (b.hole is null)"
                                   " from pattern a, pattern b where a.id = ?1 and b.id = ?2");
    rp_bind_i64(s, 1, x);
    rp_bind_i64(s, 2, y);
    if (!rp_get_i64(s, 0, &differ, err))
        return false;
    if (differ == 0)
        return true;
    (void)rp_fail(err, RP_E_BAD_STATE, "of P%lld and P%lld one is a message around patterns",
                  (long long)x, (long long)y);
    return rp_hint(err,
                   "merge two patterns, or two messages: reprise patterns shows which is what");
}

bool rp_patterns_merge(struct rp_db *db, int64_t a, int64_t b, struct rp_str actor,
                       struct rp_str reason, int64_t now_us, struct rp_err *err)
{
    int64_t x, y;
    if (!now_of(db, a, &x, err) || !now_of(db, b, &y, err))
        return false;
    if (x == y) {
        (void)rp_fail(err, RP_E_BAD_STATE, "P%lld and P%lld are one pattern already", (long long)a,
                      (long long)b);
        return rp_hint(err, "reprise pattern show P%lld", (long long)x);
    }
    if (!both_of_one_level(db, x, y, err))
        return false;
    struct rp_arena arena = {0};
    long long id = x < y ? x : y;
    bool ok =
        join_two(db, x, y, err) &&
        rp_audit(db, actor, "pattern.merge", rp_str_fmt(&arena, "pattern %lld", id), "REVERSIBLE",
                 rp_detail(&arena, reason,
                           rp_str_fmt(&arena, "P%lld and P%lld", (long long)x, (long long)y),
                           rp_str_fmt(&arena, "P%lld", id)),
                 now_us, err);
    rp_arena_free(&arena);
    return ok;
}

static bool split(struct rp_db *db, int64_t id, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update pattern set joined = null, apart = 1 where id = ?1 or joined = ?1");
    rp_bind_i64(s, 1, id);
    if (!rp_run(s, err))
        return false;
    rp_db_changed(db, RP_CHANGED_FORMS);
    return true;
}

bool rp_pattern_split(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str reason,
                      int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_pattern p = {0};
    bool ok = rp_pattern_get(db, id, &a, &p, err);
    if (ok && p.n_parts == 0) {
        ok = rp_fail(err, RP_E_BAD_STATE, "no other pattern became part of P%lld", (long long)p.id);
        (void)rp_hint(err, "reprise pattern show P%lld shows the parts of a pattern",
                      (long long)p.id);
    }
    ok = ok && split(db, p.id, err) &&
         rp_audit(db, actor, "pattern.split", rp_str_fmt(&a, "pattern %lld", (long long)p.id),
                  "REVERSIBLE",
                  rp_detail(&a, reason, rp_str_fmt(&a, "%zu more parts", p.n_parts),
                            RP_STR("each by itself")),
                  now_us, err);
    rp_arena_free(&a);
    return ok;
}
