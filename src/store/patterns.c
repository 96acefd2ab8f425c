#include "store/registry.h"

#include "base/time.h"
#include "store/internal.h"
#include "store/rows.h"

enum { PATTERN_NAME_MAX = 200, LIST_MAX = 1000 };

/* `p` stands for itself, `g` is what its parts add up to. Tries are those of the 30 days up to the
 * last failure of them all. */
#define TRIED(replayed, succeeded)                                                                 \
    "(select coalesce(sum(t.n), 0) from pattern_tried t where t.pattern_id in " RP_PATTERN_ALL(    \
        "p.id") " and t.replayed = " replayed " and t.succeeded = " succeeded                      \
                " and t.day > g.last / 86400000000 - 30)"
#define PATTERN_COLUMNS                                                                            \
    "p.id, p.hash, p.template, coalesce(p.class_by_person, p.class), p.grp, p.action, p.name,"     \
    " case when p.class_by_person is null then p.rule else 'person' end, g.first, g.last, "        \
    "g.n, " TRIED("0", "0") ", " TRIED("0", "1") ", " TRIED("1", "0") ", " TRIED(                  \
        "1", "1") ", p.inner, p.hole is not null, g.outer_id, w.template,"                         \
                  " w.name"

static void read_pattern(struct rp_stmt *s, struct rp_arena *a, struct rp_pattern *p)
{
    p->id = rp_col_i64(s, 0);
    p->hash = (uint64_t)rp_col_i64(s, 1);
    p->template = rp_col_str(s, 2, a);
    p->class = rp_col_str(s, 3, a);
    p->group = rp_col_str(s, 4, a);
    p->action = rp_col_str(s, 5, a);
    p->name = rp_col_str(s, 6, a);
    p->rule = rp_col_str(s, 7, a);
    p->last_us = rp_col_i64(s, 9);
    p->first_us = p->last_us != 0 ? rp_col_i64(s, 8) : 0; /* of a message that wraps nothing now */
    p->failures = rp_col_i64(s, 10);
    for (int i = 0; i < 2; i++) {
        struct rp_tried *t = i == 0 ? &p->tries.retries : &p->tries.replays;
        t->succeeded = rp_col_i64(s, 12 + 2 * i);
        t->n = rp_col_i64(s, 11 + 2 * i) + t->succeeded;
    }
    p->wraps = rp_col_i64(s, 16) != 0;
    p->outer.id = rp_col_i64(s, 17);
    p->inner = p->outer.id != 0 ? rp_col_str(s, 15, a) : RP_NONE;
    p->outer.template = rp_col_str(s, 18, a);
    p->outer.name = rp_col_str(s, 19, a);
    if (p->wraps)
        p->class = p->group = p->action = p->rule = RP_NONE;
}

static int64_t within(int limit)
{
    return limit > 0 && limit < LIST_MAX ? limit : LIST_MAX;
}

bool rp_patterns_list(struct rp_db *db, int64_t since_us, int limit, struct rp_arena *a,
                      struct rp_pattern **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "with own as (select p.id, " RP_PATTERN_OUTER(
            "p") " as outer_id, min(m.first_at) as first, max(m.last_at) as last, sum(m.failures)"
                 " as n from pattern m join pattern p on p.id = coalesce(m.joined, m.id) where"
                 " p.hole is null group by p.id having max(m.last_at) >= ?1),"
                 " g as (select *, sum(n) over level as together, count(*) over level as several,"
                 " row_number() over (level order by n desc, id) as rank from own"
                 " window level as (partition by coalesce(outer_id, id)))"
                 " select " PATTERN_COLUMNS ", g.together, g.several from g join pattern p on"
                 " p.id = g.id left join pattern w on w.id = g.outer_id where g.rank <= ?3"
                 " order by g.together desc, coalesce(g.outer_id, g.id), g.rank limit ?2");
    rp_bind_i64(s, 3, RP_INNERS_LISTED);
    rp_bind_i64(s, 1, since_us);
    rp_bind_i64(s, 2, within(limit));
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        read_pattern(s, a, &(*out)[*n]);
        (*out)[*n].outer.failures = rp_col_i64(s, 20);
        (*out)[*n].outer.patterns = rp_col_i64(s, 21);
    }
    return step == RP_STEP_DONE;
}

bool rp_pattern_heads(struct rp_db *db, void (*each)(void *ctx, const struct rp_pattern_head *head),
                      void *ctx, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select p.id, " RP_PATTERN_OUTER(
                       "p") ", coalesce(p.class_by_person, p.class) from pattern p"
                            " where p.joined is null and p.hole is null order by p.id");
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        each(ctx, &(struct rp_pattern_head){rp_col_i64(s, 0), rp_col_i64(s, 1), rp_col_view(s, 2)});
    return step == RP_STEP_DONE;
}

static bool read_parts(struct rp_db *db, struct rp_arena *a, struct rp_pattern *p,
                       struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id from pattern where joined = ?1 order by id limit ?2");
    rp_bind_i64(s, 1, p->id);
    rp_bind_i64(s, 2, LIST_MAX);
    enum rp_step step;
    for (p->n_parts = 0; (step = rp_step(s, err)) == RP_STEP_ROW;) {
        p->parts = rp_rows_grow(a, p->parts, p->n_parts, sizeof *p->parts);
        p->parts[p->n_parts++] = rp_col_i64(s, 0);
    }
    return step == RP_STEP_DONE;
}

static bool read_stacks(struct rp_db *db, struct rp_arena *a, struct rp_pattern *p,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select frames, sum(failures) from pattern_stack where pattern_id in " RP_PATTERN_ALL(
                "?1") " group by hash order by 2 desc, 1 limit ?2");
    rp_bind_i64(s, 1, p->id);
    rp_bind_i64(s, 2, RP_STACKS_SHOWN);
    enum rp_step step;
    for (p->n_stacks = 0; (step = rp_step(s, err)) == RP_STEP_ROW;)
        p->stacks[p->n_stacks++] = (struct rp_pattern_stack){rp_col_str(s, 0, a), rp_col_i64(s, 1)};
    return step == RP_STEP_DONE;
}

static bool read_outer(struct rp_db *db, struct rp_pattern *p, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select sum(failures), sum(joined is null and hole is null) "
                                   "from pattern where id in " RP_PATTERN_ALL("?1"));
    rp_bind_i64(s, 1, p->wraps ? p->id : p->outer.id);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    p->outer.failures = rp_col_i64(s, 0);
    p->outer.patterns = rp_col_i64(s, 1);
    rp_reset(s);
    return true;
}

bool rp_pattern_inners(struct rp_db *db, struct rp_arena *a, struct rp_pattern *p,
                       struct rp_err *err)
{
    if (!p->wraps && p->outer.id == 0)
        return true;
    struct rp_stmt *s = rp_sql(
        db, "select p.id, sum(m.failures), max(m.last_at), p.inner, p.template,"
            " coalesce(p.class_by_person, p.class), p.action, p.name from pattern p join pattern m"
            " on m.id = p.id or m.joined = p.id where p.id in (select pair.id" RP_PATTERN_WRAPPED(
                "?1") ") and p.id <> ?2 group by p.id order by 2 desc, 1 limit ?3");
    rp_bind_i64(s, 1, p->wraps ? p->id : p->outer.id);
    rp_bind_i64(s, 2, p->id);
    rp_bind_i64(s, 3, LIST_MAX);
    enum rp_step step;
    for (p->n_inners = 0; (step = rp_step(s, err)) == RP_STEP_ROW;) {
        p->inners = rp_rows_grow(a, p->inners, p->n_inners, sizeof *p->inners);
        p->inners[p->n_inners++] = (struct rp_pattern_inner){.id = rp_col_i64(s, 0),
                                                             .failures = rp_col_i64(s, 1),
                                                             .last_us = rp_col_i64(s, 2),
                                                             .inner = rp_col_str(s, 3, a),
                                                             .template = rp_col_str(s, 4, a),
                                                             .class = rp_col_str(s, 5, a),
                                                             .action = rp_col_str(s, 6, a),
                                                             .name = rp_col_str(s, 7, a)};
    }
    return step == RP_STEP_DONE && read_outer(db, p, err);
}

bool rp_pattern_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_pattern *out,
                    struct rp_err *err)
{
    int64_t now;
    bool several;
    *out = (struct rp_pattern){0};
    if (!rp_pattern_need(db, id, &now, &several, err))
        return false;
    struct rp_stmt *s =
        rp_sql(db, "select " PATTERN_COLUMNS
                   " from pattern p join (select min(first_at) as first, max(last_at) as last,"
                   " sum(failures) as n, (select " RP_PATTERN_OUTER(
                       "o") " from pattern o where o.id = ?1) as outer_id from pattern where id"
                            " in " RP_PATTERN_ALL("?1") ") g left join pattern w on w.id ="
                                                        " g.outer_id where p.id = ?1");
    rp_bind_i64(s, 1, now);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    read_pattern(s, a, out);
    rp_reset(s);
    return read_stacks(db, a, out, err) && (!several || read_parts(db, a, out, err));
}

static struct rp_str chosen(struct rp_str given, struct rp_str before)
{
    return given.p != NULL ? given : before;
}

static struct rp_str known(struct rp_str s)
{
    return s.p != NULL ? s : RP_STR("");
}

static bool update(struct rp_db *db, const struct rp_pattern *p, bool by_person, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "update pattern set name = ?2, grp = ?4, action = ?5,"
            " class_by_person = case when ?6 then ?3 else class_by_person end where id = ?1");
    rp_bind_i64(s, 1, p->id);
    rp_bind_text(s, 2, p->name);
    rp_bind_text(s, 3, p->class);
    rp_bind_text(s, 4, known(p->group));
    rp_bind_text(s, 5, known(p->action));
    rp_bind_i64(s, 6, by_person);
    return rp_run(s, err);
}

static struct rp_str said(struct rp_arena *a, const struct rp_pattern *p)
{
    return rp_str_fmt(a, "name %.*s, class %.*s, group %.*s, action %.*s", RP_FMT(p->name),
                      RP_FMT(p->class), RP_FMT(p->group), RP_FMT(p->action));
}

/* Classes are of what goes wrong inside. */
static bool refuse_class(struct rp_db *db, struct rp_arena *a, struct rp_pattern *p,
                         struct rp_err *err)
{
    if (!rp_pattern_inners(db, a, p, err))
        return false;
    (void)rp_fail(err, RP_E_BAD_STATE,
                  "P%lld is the message around %lld patterns, each of which has its class",
                  (long long)p->id, (long long)p->outer.patterns);
    return rp_hint(err,
                   "reprise pattern show P%lld lists them; then reprise pattern class P… CLASS",
                   (long long)p->id);
}

bool rp_pattern_edit(struct rp_db *db, int64_t id, struct rp_str name, struct rp_str class,
                     struct rp_str group, struct rp_str action, struct rp_str actor, int64_t now_us,
                     struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_pattern before;
    bool ok =
        name.n <= PATTERN_NAME_MAX ||
        rp_fail(err, RP_E_BAD_FIELD, "a pattern's name has at most %d bytes", PATTERN_NAME_MAX);
    if (ok && (ok = rp_pattern_get(db, id, &a, &before, err) &&
                    (class.p == NULL || !before.wraps || refuse_class(db, &a, &before, err)))) {
        struct rp_pattern after = before;
        after.name = chosen(name, before.name);
        after.class = chosen(class, before.class);
        after.group = chosen(group, before.group);
        after.action = chosen(action, before.action);
        ok = update(db, &after, class.p != NULL, err) &&
             rp_audit(db, actor, "pattern.edit",
                      rp_str_fmt(&a, "pattern %lld", (long long)before.id), "REVERSIBLE",
                      rp_detail(&a, RP_NONE, said(&a, &before), said(&a, &after)), now_us, err);
    }
    rp_arena_free(&a);
    return ok;
}

bool rp_pattern_counts(struct rp_db *db, int64_t since_us, int64_t until_us, struct rp_str type,
                       int limit, struct rp_arena *a, struct rp_pattern_count **out, size_t *n,
                       struct rp_err *err)
{
    int64_t type_id = 0;
    if (type.p != NULL && !rp_type_need(db, type, &type_id, err))
        return false;
    struct rp_stmt *s = rp_sql(
        db,
        "select coalesce(p.joined, p.id) as now, r.type_id, t.name, sum(r.n) as failures,"
        " min(r.minute), max(r.minute)"
        " from rollup r join job_type t on t.id = r.type_id join pattern p on p.id = r.pattern_id"
        " where r.minute >= ?1 and r.minute < ?2 and r.final = 1 and r.pattern_id > 0"
        " and (?3 is null or r.type_id = ?3)"
        " group by now, r.type_id order by failures desc, now limit ?4");
    rp_bind_i64(s, 1, since_us / RP_US_MIN);
    rp_bind_i64(s, 2, until_us > 0 ? (until_us - 1) / RP_US_MIN + 1 : INT64_MAX);
    rp_bind_id(s, 3, type_id);
    rp_bind_i64(s, 4, within(limit));
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_pattern_count){
            .pattern_id = rp_col_i64(s, 0),
            .type_id = rp_col_i64(s, 1),
            .type = rp_col_str(s, 2, a),
            .failures = rp_col_i64(s, 3),
            .first_us = rp_col_i64(s, 4) * RP_US_MIN,
            .last_us = rp_col_i64(s, 5) * RP_US_MIN,
        };
    }
    return step == RP_STEP_DONE;
}
