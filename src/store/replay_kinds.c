/* What many candidates of a plan have in common is kept once: a million of them in one plan are of
 * few types, patterns and classes. */
#include "store/internal.h"
#include "store/registry.h"
#include "store/replays_internal.h"

struct rp_kind_entry {
    struct rp_kind_entry *next;
    struct rp_str class; /* as the jobs have it, not as a person corrected it */
    int64_t born;        /* the pattern of the jobs, which may be part of another by now */
    struct rp_candidate_kind kind;
};

static bool same(const struct rp_kind_entry *e, const struct rp_kind_key *key)
{
    return e->kind.type_id == key->type_id && e->born == key->born &&
           (e->class.p == NULL) == (key->class.p == NULL) && rp_str_eq(e->class, key->class);
}

static bool read_type(struct rp_db *db, const struct rp_config *config, struct rp_candidate_kind *k,
                      struct rp_arena *a, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select name, configured, (select max(at) from deploy where"
                                   " type_id = ?1) from job_type where id = ?1");
    rp_bind_i64(s, 1, k->type_id);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    k->type = rp_col_str(s, 0, a);
    k->type_gone = rp_col_i64(s, 1) == 0;
    k->deployed_us = rp_col_i64(s, 2);
    rp_reset(s);
    const struct rp_type *t = config != NULL ? rp_config_type(config, k->type) : NULL;
    k->idempotent = t != NULL && t->idempotent;
    return true;
}

static bool read_pattern(struct rp_db *db, int64_t born, struct rp_candidate_kind *k,
                         struct rp_arena *a, struct rp_err *err)
{
    struct rp_stmt *now = rp_sql(db, "select " RP_PATTERN_NOW("?1"));
    rp_bind_i64(now, 1, born);
    if (!rp_get_i64(now, 0, &k->pattern_id, err))
        return false;
    if (k->pattern_id == 0)
        return true;
    struct rp_stmt *s = rp_sql(
        db, "select class_by_person, grp, " RP_PATTERN_OUTER("p") " from pattern p where id = ?1");
    rp_bind_i64(s, 1, k->pattern_id);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_ROW) {
        if (!rp_col_null(s, 0))
            k->error_class = rp_col_str(s, 0, a);
        k->group = rp_col_str(s, 1, a);
        k->outer_id = rp_col_i64(s, 2);
    }
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

const struct rp_candidate_kind *rp_kind_of(struct rp_db *db, const struct rp_config *config,
                                           struct rp_kinds *kinds, struct rp_arena *a,
                                           const struct rp_kind_key *key, struct rp_err *err)
{
    if (kinds->last != NULL && same(kinds->last, key))
        return &kinds->last->kind;
    uint64_t hash = (uint64_t)key->type_id * 31 + (uint64_t)key->born;
    struct rp_kind_entry **at = &kinds->bucket[hash % (sizeof kinds->bucket / sizeof(void *))];
    while (*at != NULL && !same(*at, key))
        at = &(*at)->next;
    if (*at == NULL) {
        struct rp_kind_entry *e = RP_NEW(a, struct rp_kind_entry);
        e->class = key->class.p != NULL ? rp_str_dup(a, key->class) : RP_NONE;
        e->kind = (struct rp_candidate_kind){.type_id = key->type_id, .error_class = e->class};
        e->born = key->born;
        if (!read_type(db, config, &e->kind, a, err) ||
            !read_pattern(db, key->born, &e->kind, a, err))
            return NULL;
        *at = e;
    }
    kinds->last = *at;
    return &kinds->last->kind;
}
