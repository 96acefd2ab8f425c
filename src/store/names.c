/* Types and queues by name and id. They are never renamed or deleted, so what was read once stays
 * true for a connection; only a rollback can take a new one back (rp_names_forget). */
#include "store/internal.h"

#include <stdlib.h>

struct rp_names {
    struct rp_arena arena;
    struct rp_name **by_id; /* NULL where not read yet */
    size_t n_id;
    struct rp_name **slot; /* by name: open addressing, power of two */
    size_t cap, n;
};

enum { NAMES_CAP = 64, QUEUES_MAX = 1000, TYPES_MAX = 100000, ID_MAX = 1 << 20 };

static void names_free(struct rp_names *m)
{
    if (m == NULL)
        return;
    rp_arena_free(&m->arena);
    free(m->by_id);
    free(m->slot);
    free(m);
}

void rp_names_forget(struct rp_db *db)
{
    names_free(db->types);
    names_free(db->queues);
    db->types = db->queues = NULL;
    db->hour = INT64_MIN;
}

static struct rp_names *names_of(struct rp_names **m)
{
    if (*m == NULL) {
        *m = rp_xcalloc(1, sizeof **m);
        (*m)->cap = NAMES_CAP;
        (*m)->slot = rp_xcalloc(NAMES_CAP, sizeof *(*m)->slot);
    }
    return *m;
}

static size_t slot_of(const struct rp_names *m, struct rp_str name)
{
    size_t i = (size_t)rp_hash64(name) & (m->cap - 1);
    while (m->slot[i] != NULL && !rp_str_eq(m->slot[i]->name, name))
        i = (i + 1) & (m->cap - 1);
    return i;
}

static void grow(struct rp_names *m)
{
    struct rp_name **old = m->slot;
    size_t n = m->cap;
    m->cap = n * 2;
    m->slot = rp_xcalloc(m->cap, sizeof *m->slot);
    for (size_t i = 0; i < n; i++)
        if (old[i] != NULL)
            m->slot[slot_of(m, old[i]->name)] = old[i];
    free(old);
}

static struct rp_name *add(struct rp_names *m, int64_t id, struct rp_str name)
{
    size_t i = slot_of(m, name);
    if (m->slot[i] != NULL)
        return m->slot[i];
    struct rp_name *e = RP_NEW(&m->arena, struct rp_name);
    *e = (struct rp_name){.id = id, .name = rp_str_dup(&m->arena, name)};
    m->slot[i] = e;
    if (++m->n * 2 > m->cap)
        grow(m);
    if (id < ID_MAX) {
        size_t need = (size_t)id + 1;
        if (need > m->n_id) {
            m->by_id = rp_xrealloc(m->by_id, 2 * need * sizeof *m->by_id);
            memset(m->by_id + m->n_id, 0, (2 * need - m->n_id) * sizeof *m->by_id);
            m->n_id = 2 * need;
        }
        m->by_id[id] = e;
    }
    return e;
}

static bool find(struct rp_db *db, struct rp_names *m, const char *sql, struct rp_str name,
                 struct rp_name **out, struct rp_err *err)
{
    *out = m->slot[slot_of(m, name)];
    if (*out != NULL)
        return true;
    int64_t id;
    struct rp_stmt *s = rp_sql(db, sql);
    rp_bind_text(s, 1, name);
    if (!rp_get_i64(s, 0, &id, err))
        return false;
    if (id > 0)
        *out = add(m, id, name);
    return true;
}

bool rp_type_find(struct rp_db *db, struct rp_str name, struct rp_name **out, struct rp_err *err)
{
    return find(db, names_of(&db->types), "select id from job_type where name = ?1", name, out,
                err);
}

bool rp_queue_find(struct rp_db *db, struct rp_str name, struct rp_name **out, struct rp_err *err)
{
    return find(db, names_of(&db->queues), "select id from queue where name = ?1", name, out, err);
}

bool rp_type_need(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err)
{
    struct rp_name *e;
    if (!rp_type_find(db, name, &e, err))
        return false;
    if (e == NULL)
        return rp_absent(err, "job type", name, "reprise types");
    *id = e->id;
    return true;
}

bool rp_queue_need(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err)
{
    struct rp_name *e;
    if (!rp_queue_find(db, name, &e, err))
        return false;
    if (e == NULL)
        return rp_absent(err, "queue", name, "reprise queues");
    *id = e->id;
    return true;
}

static bool of_id(struct rp_db *db, struct rp_names *m, const char *sql, int64_t id,
                  struct rp_name **out, struct rp_err *err)
{
    *out = id > 0 && (size_t)id < m->n_id ? m->by_id[id] : NULL;
    if (*out != NULL)
        return true;
    struct rp_stmt *s = rp_sql(db, sql);
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE &&
               rp_fail(err, RP_E_INTERNAL, "the store has no type or queue %lld", (long long)id);
    *out = add(m, id, rp_col_view(s, 0));
    rp_reset(s);
    return true;
}

bool rp_type_of_id(struct rp_db *db, int64_t id, struct rp_name **out, struct rp_err *err)
{
    return of_id(db, names_of(&db->types), "select name from job_type where id = ?1", id, out, err);
}

bool rp_queue_of_id(struct rp_db *db, int64_t id, struct rp_name **out, struct rp_err *err)
{
    return of_id(db, names_of(&db->queues), "select name from queue where id = ?1", id, out, err);
}

const struct rp_type *rp_type_settings(struct rp_db *db, int64_t type_id)
{
    struct rp_name *e;
    const struct rp_config *c = db->config;
    if (c == NULL || !rp_type_of_id(db, type_id, &e, NULL))
        return NULL;
    if (e->conf_age == db->config_age)
        return e->conf;
    e->conf_age = db->config_age;
    e->conf = rp_config_type(c, e->name);
    return e->conf;
}

static bool name_usable(const char *what, struct rp_str name, struct rp_err *err)
{
    bool ok = name.n > 0 && name.n <= RP_NAME_MAX && rp_utf8_valid(name);
    for (size_t i = 0; ok && i < name.n; i++)
        ok = (unsigned char)name.p[i] >= ' ' && name.p[i] != 0x7f;
    return ok || rp_fail(err, RP_E_BAD_FIELD, "%s: 1 to %d printable characters are wanted", what,
                         RP_NAME_MAX);
}

bool rp_type_make(struct rp_db *db, struct rp_str name, int64_t now_us, struct rp_name **out,
                  struct rp_err *err)
{
    if (!rp_type_find(db, name, out, err) || *out != NULL)
        return *out != NULL;
    int64_t n;
    if (!name_usable("type", name, err) ||
        !rp_get_i64(rp_sql(db, "select count(*) from job_type"), 0, &n, err))
        return false;
    if (n >= TYPES_MAX)
        return rp_fail(err, RP_E_REFUSED, "there are %d job types already", TYPES_MAX);
    struct rp_stmt *s =
        rp_sql(db, "insert into job_type(name, external, seen_at) values (?1, 1, ?2)");
    rp_bind_text(s, 1, name);
    rp_bind_i64(s, 2, now_us);
    if (!rp_run(s, err))
        return false;
    *out = add(names_of(&db->types), rp_last_id(db), name);
    db->grown++;
    return true;
}

bool rp_queue_make(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err)
{
    struct rp_name *e;
    int64_t n;
    if (!rp_queue_find(db, name, &e, err))
        return false;
    if (e != NULL) {
        *id = e->id;
        return true;
    }
    if (!name_usable("queue", name, err) ||
        !rp_get_i64(rp_sql(db, "select count(*) from queue"), 0, &n, err))
        return false;
    if (n >= QUEUES_MAX)
        return rp_fail(err, RP_E_REFUSED, "there are %d queues already", QUEUES_MAX);
    struct rp_stmt *s = rp_sql(db, "insert into queue(name) values (?1)");
    rp_bind_text(s, 1, name);
    if (!rp_run(s, err))
        return false;
    *id = rp_last_id(db);
    (void)add(names_of(&db->queues), *id, name);
    db->grown++;
    return true;
}
