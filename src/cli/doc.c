/* Reading an answer: members are looked up in the text each time. Answers for people are small, and
 * there is no tree to keep or free. */
#include "cli/internal.h"

#include <stdlib.h>

static struct rp_str member(struct rp_str json, struct rp_str name)
{
    struct rp_json r;
    struct rp_arena a = {0};
    struct rp_str key, value, found = RP_NONE;
    rp_json_open(&r, json, &a);
    rp_json_object(&r);
    while (found.p == NULL && rp_json_member(&r, &key) && rp_json_raw(&r, &value))
        if (rp_str_eq(key, name))
            found = value;
    rp_arena_free(&a);
    return found;
}

struct rp_str doc_get(struct rp_str json, const char *path)
{
    struct rp_str rest = rp_str_of(path), part;
    while (json.p != NULL && rp_str_split(&rest, '.', &part))
        json = member(json, part);
    return rp_str_is(json, "null") ? RP_NONE : json;
}

bool doc_has(struct rp_str json, const char *path)
{
    return doc_get(json, path).p != NULL;
}

static struct rp_str decode(struct cli *cli, struct rp_str json)
{
    struct rp_json r;
    struct rp_str out = RP_NONE;
    rp_json_open(&r, json, &cli->arena);
    if (json.p == NULL || rp_json_peek(&r) != RP_JSON_STRING || !rp_json_str(&r, &out))
        return RP_NONE;
    return out;
}

struct rp_str doc_str(struct cli *cli, struct rp_str json, const char *path)
{
    return decode(cli, doc_get(json, path));
}

const char *doc_show(struct cli *cli, struct rp_str json, const char *path)
{
    return show_text(cli, doc_str(cli, json, path));
}

int64_t doc_i64(struct rp_str json, const char *path, int64_t otherwise)
{
    struct rp_json r;
    struct rp_str v = doc_get(json, path);
    int64_t out;
    rp_json_open(&r, v, NULL);
    return v.p != NULL && rp_json_i64(&r, &out) ? out : otherwise;
}

double doc_f64(struct rp_str json, const char *path, double otherwise)
{
    struct rp_json r;
    struct rp_arena a = {0};
    struct rp_str v = doc_get(json, path);
    double out;
    rp_json_open(&r, v, &a);
    bool ok = v.p != NULL && rp_json_f64(&r, &out);
    rp_arena_free(&a);
    return ok ? out : otherwise;
}

bool doc_bool(struct rp_str json, const char *path)
{
    return rp_str_is(doc_get(json, path), "true");
}

int64_t doc_time(struct cli *cli, struct rp_str json, const char *path)
{
    int64_t us;
    struct rp_str s = doc_str(cli, json, path);
    return s.p != NULL && rp_time_parse(s, &us) ? us : 0;
}

void items_open(struct items *i, struct rp_str json, const char *path)
{
    struct rp_str list = doc_get(json, path);
    *i = (struct items){0};
    rp_json_open(&i->r, list.p != NULL ? list : RP_STR("[]"), &i->arena);
    i->r.max_items = SIZE_MAX;
    if (rp_json_peek(&i->r) == RP_JSON_OBJECT)
        rp_json_object(&i->r);
    else
        rp_json_array(&i->r);
}

bool items_next(struct items *i)
{
    return rp_json_item(&i->r) && rp_json_raw(&i->r, &i->value);
}

bool items_member(struct items *i)
{
    return rp_json_member(&i->r, &i->key) && rp_json_raw(&i->r, &i->value);
}

struct rp_str items_str(struct cli *cli, const struct items *i)
{
    return decode(cli, i->value);
}

void items_close(struct items *i)
{
    rp_arena_free(&i->arena);
}

size_t items_count(struct rp_str json, const char *path)
{
    struct items i;
    size_t n = 0;
    for (items_open(&i, json, path); items_next(&i);)
        n++;
    items_close(&i);
    return n;
}
