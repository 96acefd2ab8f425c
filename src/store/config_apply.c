/* A configuration comes into force: its nouns get their rows, what it leaves out is marked, and the
 * jobs that waited for it are held, never dropped (rule 16, U29, G28). */
#include "store/registry.h"
#include "store/rows.h"
#include "store/schedules_internal.h"

static const char held_gone[] = "its type is no longer in the configuration";

struct apply {
    struct rp_db *db;
    const struct rp_config *c;
    int64_t now_us;
    struct rp_err *err;
};

/* ---- queues ---- */

static bool set_queue(struct apply *x, struct rp_str name, int64_t max_running, int64_t weight)
{
    int64_t id;
    if (!rp_queue_make(x->db, name, &id, x->err))
        return false;
    struct rp_stmt *s =
        rp_sql(x->db, "update queue set max_running = ?2, weight = ?3 where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, max_running);
    rp_bind_i64(s, 3, weight);
    return rp_run(s, x->err);
}

/* A queue that is no longer named keeps its jobs and goes on without limits. */
static bool apply_queues(struct apply *x)
{
    const struct rp_config *c = x->c;
    if (!rp_run(rp_sql(x->db, "update queue set max_running = 0, weight = 1"
                              " where max_running <> 0 or weight <> 1"),
                x->err) ||
        !set_queue(x, RP_STR("default"), 0, 1))
        return false;
    for (size_t i = 0; i < c->n_types; i++) {
        int64_t id;
        if (c->types[i]->queue.n > 0 && !rp_queue_make(x->db, c->types[i]->queue, &id, x->err))
            return false;
    }
    for (size_t i = 0; i < c->n_queues; i++)
        if (!set_queue(x, c->queues[i].name, c->queues[i].max_running, c->queues[i].weight))
            return false;
    return true;
}

/* ---- dependencies ---- */

/* Another target is another thing: what was known of the old one does not hold. */
static bool apply_dep(struct apply *x, const struct rp_dep *dep, struct rp_arena *a)
{
    struct rp_stmt *s = rp_sql(
        x->db, "insert into dependency(name, kind, target) values(?1, ?2, ?3)"
               " on conflict(name) do update set active = 1, kind = excluded.kind,"
               " target = excluded.target,"
               " state = iif(kind = excluded.kind and target = excluded.target, state, 0),"
               " since = iif(kind = excluded.kind and target = excluded.target, since, null),"
               " says = iif(kind = excluded.kind and target = excluded.target, says, null)");
    rp_bind_text(s, 1, dep->name);
    rp_bind_text(s, 2, rp_str_of(rp_dep_kind_name(dep->kind)));
    rp_bind_text(s, 3, rp_dep_public(a, dep));
    return rp_run(s, x->err);
}

static bool apply_deps(struct apply *x)
{
    struct rp_arena a = {0};
    bool ok = rp_run(rp_sql(x->db, "update dependency set active = 0"), x->err);
    for (size_t i = 0; ok && i < x->c->n_deps; i++)
        ok = apply_dep(x, &x->c->deps[i], &a);
    rp_arena_free(&a);
    return ok;
}

/* ---- types ---- */

static bool apply_type(struct apply *x, const struct rp_type *t)
{
    struct rp_name *name;
    if (!rp_type_make(x->db, t->name, x->now_us, &name, x->err))
        return false;
    struct rp_stmt *s = rp_sql(
        x->db, "update job_type set configured = 1, external = 0, command = ?2, max_running = ?3,"
               " critical = ?4, held = iif(?8, ?7, iif(held in (?5, ?7), null, held)), seen_at = ?6"
               " where id = ?1");
    rp_bind_i64(s, 1, name->id);
    rp_bind_i64(s, 2, t->run.n > 0);
    rp_bind_i64(s, 3, t->max_running);
    rp_bind_i64(s, 4, t->critical);
    rp_bind_text(s, 5, rp_str_of(held_gone));
    rp_bind_i64(s, 6, x->now_us);
    rp_bind_text(s, 7, RP_STR(RP_HELD_PAUSED));
    rp_bind_i64(s, 8, t->paused);
    if (!rp_run(s, x->err))
        return false;
    for (size_t i = 0; i < t->needs.n; i++) {
        s = rp_sql(x->db, "insert into type_need(type_id, dependency) values(?1, ?2)"
                          " on conflict do nothing");
        rp_bind_i64(s, 1, name->id);
        rp_bind_text(s, 2, t->needs.v[i]);
        if (!rp_run(s, x->err))
            return false;
    }
    return true;
}

/* 2 marks what was there before and is not seen again. */
static bool apply_types(struct apply *x)
{
    if (!rp_run(rp_sql(x->db, "delete from type_need"), x->err) ||
        !rp_run(rp_sql(x->db, "update job_type set configured = 2 where configured = 1"), x->err))
        return false;
    for (size_t i = 0; i < x->c->n_types; i++)
        if (!apply_type(x, x->c->types[i]))
            return false;
    struct rp_stmt *s =
        rp_sql(x->db, "update job_type set configured = 0, held = ?1 where configured = 2");
    rp_bind_text(s, 1, rp_str_of(held_gone));
    return rp_run(s, x->err);
}

/* ---- schedules ---- */

struct stored {
    int64_t id; /* 0: new */
    bool same;  /* active, with this expression and zone: its next instant stays (rule 16) … */
    bool same_zone; /* … if the zone says what it did (rule 10) */
};

static int64_t rules_of(const struct rp_schedule *c)
{
    return (int64_t)rp_zone_rules(c->tz);
}

static bool find_stored(struct apply *x, const struct rp_schedule *c, struct stored *out)
{
    struct rp_stmt *s =
        rp_sql(x->db, "select id, active = 2 and expr = ?2 and zone = ?3, zone_rules = ?4"
                      " from schedule where name = ?1");
    rp_bind_text(s, 1, c->name);
    rp_bind_text(s, 2, c->expr);
    rp_bind_text(s, 3, rp_str_of(rp_zone_name(c->tz)));
    rp_bind_i64(s, 4, rules_of(c));
    enum rp_step step = rp_step(s, x->err);
    *out = (struct stored){0};
    if (step == RP_STEP_ROW)
        *out = (struct stored){.id = rp_col_i64(s, 0),
                               .same = rp_col_i64(s, 1) != 0,
                               .same_zone = rp_col_i64(s, 2) != 0};
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

static bool rezone(struct apply *x, const struct rp_schedule *c)
{
    struct rp_arena a = {0};
    struct due d;
    bool ok = rp_due_of(x->db, c, &a, &d, x->err);
    d.now_us = x->now_us;
    ok = ok && rp_due_rezone(&d, x->err);
    rp_arena_free(&a);
    return ok;
}

static bool keep_schedule(struct apply *x, const struct rp_schedule *c, const struct stored *before,
                          int64_t type_id)
{
    struct rp_stmt *s = rp_sql(
        x->db, "update schedule set active = 1, type_id = ?2, zone_rules = ?3 where id = ?1");
    rp_bind_i64(s, 1, before->id);
    rp_bind_i64(s, 2, type_id);
    rp_bind_i64(s, 3, rules_of(c));
    return rp_run(s, x->err) && (before->same_zone || rezone(x, c));
}

/* New or changed: it starts from now. A pause is a person's and stays. */
static bool start_schedule(struct apply *x, const struct rp_schedule *c, int64_t type_id)
{
    struct rp_stmt *s = rp_sql(
        x->db,
        "insert into schedule(name, type_id, expr, zone, next_at, anchor_at, zone_rules)"
        " values(?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict(name) do update set"
        " type_id = excluded.type_id, expr = excluded.expr, zone = excluded.zone, active = 1,"
        " zone_rules = excluded.zone_rules, next_at = excluded.next_at,"
        " anchor_at = excluded.anchor_at, gap_to = 0, gap_why = null");
    rp_bind_text(s, 1, c->name);
    rp_bind_i64(s, 2, type_id);
    rp_bind_text(s, 3, c->expr);
    rp_bind_text(s, 4, rp_str_of(rp_zone_name(c->tz)));
    rp_bind_i64(s, 5, rp_cron_next(&c->cron, c->tz, x->now_us, x->now_us));
    rp_bind_i64(s, 6, x->now_us);
    rp_bind_i64(s, 7, rules_of(c));
    return rp_run(s, x->err);
}

static bool apply_schedule(struct apply *x, const struct rp_schedule *c)
{
    int64_t type_id;
    struct stored before;
    if (!rp_type_need(x->db, c->type, &type_id, x->err) || !find_stored(x, c, &before))
        return false;
    return before.same ? keep_schedule(x, c, &before, type_id) : start_schedule(x, c, type_id);
}

static bool apply_schedules(struct apply *x)
{
    if (!rp_run(rp_sql(x->db, "update schedule set active = 2 where active = 1"), x->err))
        return false;
    for (size_t i = 0; i < x->c->n_schedules; i++)
        if (!apply_schedule(x, &x->c->schedules[i]))
            return false;
    return rp_run(rp_sql(x->db, "update schedule set active = 0 where active = 2"), x->err);
}

/* ---- the whole ---- */

static bool count_held(struct apply *x, int64_t *held)
{
    return rp_get_i64(rp_sql(x->db, "select sum(y.n) from tally y join job_type t"
                                    " on t.id = y.type_id where y.state in (1, 2, 4)"
                                    " and t.configured = 0 and t.external = 0"),
                      0, held, x->err);
}

bool rp_config_apply(struct rp_db *db, const struct rp_config *c, int64_t now_us,
                     int64_t *held_jobs, struct rp_err *err)
{
    struct apply x = {.db = db, .c = c, .now_us = now_us, .err = err};
    if (!apply_queues(&x) || !apply_deps(&x) || !apply_types(&x) || !apply_schedules(&x) ||
        !rp_tally_sweep(db, err) || !count_held(&x, held_jobs))
        return false;
    rp_db_set_config(db, c);
    rp_db_changed(db,
                  RP_CHANGED_CONFIG | RP_CHANGED_SCHEDULES | RP_CHANGED_DUE | RP_CHANGED_CLAIMS);
    return true;
}

bool rp_config_unrunnable(struct rp_db *db, const struct rp_config *c, struct rp_arena *a,
                          struct rp_unrunnable **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select t.name, sum(y.n) from tally y join job_type t"
                                   " on t.id = y.type_id where y.state in (1, 2, 4)"
                                   " group by t.name having sum(y.n) > 0 order by t.name");
    enum rp_step step;
    *out = NULL;
    *n = 0;
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        struct rp_str name = rp_col_str(s, 0, a);
        if (rp_config_type(c, name) != NULL)
            continue;
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[(*n)++] = (struct rp_unrunnable){
            .type = name, .why = rp_str_of(held_gone), .waiting = rp_col_i64(s, 1)};
    }
    return step == RP_STEP_DONE;
}
