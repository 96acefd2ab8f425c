/* Settings of types that are changed while the daemon runs: read by the rows of the one table. */
#include "config/internal.h"

#include "base/near.h"
#include "base/time.h"

#include <stdlib.h>

/* Single values of a type that take hold without a new process, schedule or queue. */
static bool may_be_set(const struct row *row)
{
    return row->in == IN_JOB && row->owner == OF_TYPE && row->in_defaults &&
           (row->kind == &rp_kind_duration || row->kind == &rp_kind_number ||
            row->kind == &rp_kind_bool || row->kind == &rp_kind_bytes ||
            row->kind == &rp_kind_rate);
}

static const char *key_at(const void *ctx, size_t i)
{
    (void)ctx;
    return may_be_set(&rp_rows[i]) ? rp_rows[i].key : NULL;
}

static const struct row *row_of(struct rp_str key, struct rp_err *err)
{
    for (size_t i = 0; i < rp_rows_n; i++)
        if (key_at(NULL, i) != NULL && rp_str_is(key, rp_rows[i].key))
            return &rp_rows[i];
    const char *near = rp_near(key, key_at, NULL, rp_rows_n);
    struct rp_buf keys = {0};
    (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" cannot be set while the daemon runs", RP_FMT(key));
    for (size_t i = 0; i < rp_rows_n; i++)
        if (key_at(NULL, i) != NULL)
            rp_buf_fmt(&keys, "%s%s", keys.n > 0 ? " " : "", key_at(NULL, i));
    if (near != NULL)
        (void)rp_hint(err, "did you mean %s?", near);
    else
        (void)rp_hint(err, "keys: %.*s; others are changed in the file, with a reload",
                      RP_FMT(rp_buf_view(&keys)));
    rp_buf_free(&keys);
    return NULL;
}

static bool read_value(struct rp_config *c, struct rp_type *t, const struct row *row,
                       struct rp_str value, struct rp_err *err)
{
    struct rp_arena tmp = {0};
    struct rp_mistakes *mistakes = rp_xcalloc(1, sizeof *mistakes);
    struct load l = {
        .tmp = &tmp, .keep = &c->arena, .text = value, .config = c, .mistakes = mistakes};
    struct owners o = {.of = {[OF_TYPE] = t}};
    struct node v = {
        .kind = NODE_SCALAR, .plain = true, .raw = value, .text = value, .to = value.n};
    bool ok = row->kind->read(&l, row, &v, &o);
    if (!ok && mistakes->errors > 0) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "%s", mistakes->error[0].err.message);
        if (mistakes->error[0].err.hint[0] != '\0')
            (void)rp_hint(err, "%s", mistakes->error[0].err.hint);
    }
    rp_arena_free(&tmp);
    free(mistakes);
    return ok;
}

/* Its own copy of the type, made at the first change; NULL: there is none. */
static struct rp_type *own_type(struct rp_config *c, const struct rp_config *base,
                                struct rp_str name)
{
    size_t i = 0;
    while (i < c->n_types && !rp_str_eq(c->types[i]->name, name))
        i++;
    if (i == c->n_types)
        return NULL;
    if (c->types[i] == base->types[i]) {
        c->types[i] = RP_NEW(&c->arena, struct rp_type);
        *c->types[i] = *base->types[i];
    }
    return c->types[i];
}

/* The source is what plans are compared by: it says what holds instead of it. */
static bool set(struct rp_config *c, const struct rp_config *base, const struct rp_setting *s,
                struct rp_err *err)
{
    const struct row *row = row_of(s->key, err);
    if (row == NULL)
        return false;
    struct rp_type *t = own_type(c, base, s->type);
    if (t == NULL)
        return rp_fail(err, RP_E_NOT_FOUND, "there is no job type %.*s", RP_FMT(s->type)) ||
               rp_hint(err, "reprise types lists them");
    t->source = rp_str_fmt(&c->arena, "%.*s# changed: %.*s: %.*s\n", RP_FMT(t->source),
                           RP_FMT(s->key), RP_FMT(s->value));
    return read_value(c, t, row, s->value, err);
}

struct rp_config *rp_config_with(const struct rp_config *base, const struct rp_setting *v, size_t n,
                                 struct rp_err *err)
{
    struct rp_config *c = rp_xcalloc(1, sizeof *c);
    *c = *base;
    c->arena = (struct rp_arena){0};
    c->types = RP_NEW_N(&c->arena, struct rp_type *, base->n_types + 1);
    if (base->n_types > 0)
        memcpy(c->types, base->types, base->n_types * sizeof *c->types);
    for (size_t i = 0; i < n; i++)
        if (!set(c, base, &v[i], err)) {
            rp_config_free(c);
            return NULL;
        }
    return c;
}

bool rp_config_setting(const struct rp_type *t, struct rp_str key, struct rp_arena *a,
                       struct rp_str *value, struct rp_err *err)
{
    const struct row *row = row_of(key, err);
    if (row == NULL)
        return false;
    const void *field = (const char *)t + row->offset;
    char text[RP_DURATION_LEN], rate[RP_PACE_LEN];
    if (row->kind == &rp_kind_bool)
        *value = *(const bool *)field ? RP_STR("true") : RP_STR("false");
    else if (row->kind == &rp_kind_duration)
        *value = rp_str_dup(a, rp_str_of(rp_duration_format(*(const int64_t *)field, text)));
    else if (row->kind == &rp_kind_rate)
        *value = rp_str_dup(a, rp_str_of(rp_pace_format(field, rate)));
    else
        *value = rp_str_fmt(a, "%lld", (long long)*(const int64_t *)field);
    return true;
}
