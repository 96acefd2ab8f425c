#include "analyze/formats/fields.h"

static void add(struct rp_fields *f, struct rp_str parent, struct rp_str key,
                enum rp_json_kind kind, struct rp_str value)
{
    if (f->n < RP_FIELDS_MAX)
        f->v[f->n++] = (struct rp_field){parent, key, value, kind};
}

static void one(struct rp_fields *f, struct rp_json *r, struct rp_str parent, struct rp_str key,
                int depth)
{
    struct rp_str value = RP_NONE;
    enum rp_json_kind kind = rp_json_peek(r);
    if (kind == RP_JSON_OBJECT && (depth < 2 || (depth == 2 && rp_str_starts(key, "err")))) {
        add(f, parent, key, kind, value);
        rp_json_object(r);
        for (struct rp_str inner; rp_json_member(r, &inner);)
            one(f, r, key, inner, depth + 1);
    } else if (kind == RP_JSON_STRING ? rp_json_str(r, &value) : rp_json_raw(r, &value)) {
        add(f, parent, key, kind, value);
    }
}

static bool scan(struct rp_fields *f, struct rp_str line)
{
    struct rp_json r;
    f->n = 0;
    rp_json_open(&r, line, &f->arena);
    rp_json_object(&r);
    for (struct rp_str key; rp_json_member(&r, &key);)
        one(f, &r, RP_NONE, key, 0);
    return rp_json_done(&r, NULL);
}

static struct rp_str valid(struct rp_arena *a, struct rp_str s)
{
    struct rp_buf b = {0};
    for (size_t i = 0; i < s.n;) {
        size_t n = rp_utf8_len(s.p + i, s.n - i);
        if (n > 0)
            rp_buf_add(&b, s.p + i, n);
        else
            rp_buf_str(&b, RP_STR("\xEF\xBF\xBD"));
        i += n > 0 ? n : 1;
    }
    struct rp_str out = rp_str_dup(a, rp_buf_view(&b));
    rp_buf_free(&b);
    return out;
}

bool rp_fields_read(struct rp_fields *f, struct rp_str line)
{
    f->n = 0;
    f->arena = (struct rp_arena){0};
    line = rp_strip(line, " \t", " \t");
    if (line.n < 2 || line.p[0] != '{')
        return false;
    if (!scan(f, line) && !rp_utf8_valid(line))
        (void)scan(f, valid(&f->arena, line));
    return f->n > 0;
}

void rp_fields_add(struct rp_fields *f, const char *key, struct rp_str text)
{
    add(f, RP_NONE, rp_str_of(key), RP_JSON_STRING, text);
}

void rp_fields_free(struct rp_fields *f)
{
    rp_arena_free(&f->arena);
}

static const struct rp_field *find(const struct rp_fields *f, const char *parent, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (rp_str_is(f->v[i].key, key) &&
            (parent == NULL ? f->v[i].parent.p == NULL : rp_str_is(f->v[i].parent, parent)))
            return &f->v[i];
    return NULL;
}

const struct rp_field *rp_field_of(const struct rp_fields *f, const char *const *names)
{
    for (; *names != NULL; names++) {
        const struct rp_field *hit = find(f, NULL, *names);
        if (hit != NULL && hit->kind != RP_JSON_NULL)
            return hit;
    }
    return NULL;
}

static struct rp_str text_of(const struct rp_field *f)
{
    bool plain = f != NULL && (f->kind == RP_JSON_STRING || f->kind == RP_JSON_NUMBER);
    return plain ? f->value : RP_NONE;
}

struct rp_str rp_field_text(const struct rp_fields *f, const char *key)
{
    return text_of(find(f, NULL, key));
}

struct rp_str rp_field_in(const struct rp_fields *f, const char *parent, const char *key)
{
    return text_of(find(f, parent, key));
}

bool rp_field_has(const struct rp_fields *f, const char *key, enum rp_json_kind kind)
{
    const struct rp_field *hit = find(f, NULL, key);
    return hit != NULL && hit->kind == kind;
}

bool rp_field_number(const struct rp_field *f, int64_t *out)
{
    if (f == NULL || (f->kind != RP_JSON_NUMBER && f->kind != RP_JSON_STRING))
        return false;
    return rp_str_i64(str_head(f->value, rp_find_byte(f->value, '.')), out);
}

int64_t rp_field_time(struct rp_stamp *st, const struct rp_field *f)
{
    int64_t us;
    bool syslog;
    if (f == NULL)
        return RP_NO_TIME;
    struct rp_str s = f->value;
    if (s.n == 16 && rp_str_i64(s, &us)) /* the journal's microseconds */
        return us;
    return rp_stamp_take(st, &s, &us, &syslog) || rp_stamp_take_clock(st, &s, &us) ? us
                                                                                   : RP_NO_TIME;
}
