/* ${NAME} in a scalar; $${ stands for ${. */
#include "config/internal.h"

#include <ctype.h>
#include <stdlib.h>

enum { VALUE_MAX = 1 << 20, NAME_MAX_BYTES = 200 };

static size_t name_len(struct rp_str s)
{
    size_t n = 0;
    while (n < s.n && (isalpha((unsigned char)s.p[n]) || s.p[n] == '_' ||
                       (n > 0 && isdigit((unsigned char)s.p[n]))))
        n++;
    return n;
}

static const char *variable(struct load *l, struct rp_str name)
{
    const char *c = rp_cstr(l->tmp, name);
    if (l->world != NULL && l->world->variable != NULL)
        return l->world->variable(l->world->ctx, c);
    return getenv(c);
}

/* Where byte `i` of the scalar's text stands in the file, if text and file agree up to there; else
 * where the scalar begins. */
static size_t place_of(struct load *l, const struct node *n, size_t i)
{
    bool same = n->from + i <= l->text.n && memcmp(l->text.p + n->from, n->raw.p, i) == 0;
    return same ? n->from + i : n->from;
}

/* `rest` begins at "${". Returns the bytes taken, 0 after a mistake. */
static size_t replace(struct load *l, const struct node *n, struct rp_str rest, struct rp_buf *out)
{
    size_t at = place_of(l, n, (size_t)(rest.p - n->raw.p));
    struct rp_str name = {rest.p + 2, name_len((struct rp_str){rest.p + 2, rest.n - 2})};
    if (name.n == 0 || name.n > NAME_MAX_BYTES || 2 + name.n >= rest.n || name.p[name.n] != '}') {
        (void)rp_mistake(l, at,
                         "\"${\" begins the name of an environment variable, which does not "
                         "end with \"}\"");
        (void)rp_mistake_hint(l, "write ${NAME}; for the characters themselves write $${");
        return 0;
    }
    const char *value = variable(l, name);
    if (value == NULL || !rp_utf8_valid(rp_str_of(value))) {
        (void)rp_mistake(l, at, "environment variable %.*s is %s", RP_FMT(name),
                         value == NULL ? "not set" : "not UTF-8");
        (void)rp_mistake_hint(
            l, "set it for the daemon; to leave the text as it is, write $${%.*s}", RP_FMT(name));
        return 0;
    }
    rp_buf_str(out, rp_str_of(value));
    return name.n + 3;
}

bool rp_expand(struct load *l, struct node *n)
{
    struct rp_buf out = {.limit = VALUE_MAX};
    bool ok = true;
    if (rp_str_find(n->raw, RP_STR("${")) == SIZE_MAX)
        return true;
    for (size_t i = 0; ok && i < n->raw.n;) {
        struct rp_str rest = {n->raw.p + i, n->raw.n - i};
        if (rp_str_starts(rest, "$${")) {
            rp_buf_str(&out, RP_STR("${"));
            i += 3;
        } else if (rp_str_starts(rest, "${")) {
            size_t took = replace(l, n, rest, &out);
            ok = took > 0;
            i += took;
        } else {
            rp_buf_c(&out, n->raw.p[i++]);
        }
    }
    if (ok && out.overflow)
        ok = rp_mistake(l, n->from, "longer than 1 MB after its variables were replaced");
    if (ok)
        n->text = rp_str_dup(l->tmp, rp_buf_view(&out));
    rp_buf_free(&out);
    return ok;
}
