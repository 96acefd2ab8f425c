#include "core/settings.h"

const char *rp_dep_kind_name(enum rp_dep_kind kind)
{
    static const char *const names[] = {
        [RP_DEP_POSTGRES] = "postgres",
        [RP_DEP_HTTP] = "http",
        [RP_DEP_TCP] = "tcp",
        [RP_DEP_COMMAND] = "command",
    };
    return names[kind];
}

/* ---- what may be shown of a target ---- */

/* scheme://user:secret@host/path?query → scheme://host/path. A secret may hold '/' or '?' as they
 * are: all up to the last '@' goes. */
static struct rp_str public_url(struct rp_arena *a, struct rp_str url, size_t scheme)
{
    size_t host = scheme + 3, end;
    for (size_t i = host; i < url.n; i++)
        if (url.p[i] == '@')
            host = i + 1;
    for (end = host; end < url.n && url.p[end] != '?' && url.p[end] != '#';)
        end++;
    return rp_str_fmt(a, "%.*s%.*s", (int)(scheme + 3), url.p, (int)(end - host), url.p + host);
}

/* One `key = value` of a conninfo, its value as quoted; false at the end. */
static bool next_setting(struct rp_str *rest, struct rp_str *key, struct rp_str *value)
{
    *rest = rp_str_trim(*rest);
    const char *eq = rest->n > 0 ? memchr(rest->p, '=', rest->n) : NULL;
    if (eq == NULL)
        return false;
    *key = rp_str_trim((struct rp_str){rest->p, (size_t)(eq - rest->p)});
    struct rp_str v = rp_str_trim((struct rp_str){eq + 1, rest->n - (size_t)(eq + 1 - rest->p)});
    size_t n = 0;
    for (bool quoted = false; n < v.n && (quoted || (v.p[n] != ' ' && v.p[n] != '\n')); n++) {
        if (v.p[n] == '\\' && n + 1 < v.n)
            n++;
        else if (v.p[n] == '\'')
            quoted = !quoted;
    }
    *value = (struct rp_str){v.p, n};
    *rest = (struct rp_str){v.p + n, v.n - n};
    return true;
}

/* host=… port=… dbname=…: a list of what is shown, so that a new kind of secret is not. */
static struct rp_str public_conninfo(struct rp_arena *a, struct rp_str info)
{
    struct rp_str key, value;
    struct rp_buf out = {0};
    while (next_setting(&info, &key, &value))
        if (rp_str_is(key, "host") || rp_str_is(key, "hostaddr") || rp_str_is(key, "port") ||
            rp_str_is(key, "dbname"))
            rp_buf_fmt(&out, "%s%.*s=%.*s", out.n > 0 ? " " : "", RP_FMT(key), RP_FMT(value));
    struct rp_str shown = rp_str_dup(a, rp_buf_view(&out));
    rp_buf_free(&out);
    return shown;
}

struct rp_str rp_dep_public(struct rp_arena *a, const struct rp_dep *dep)
{
    size_t scheme = rp_str_find(dep->target, RP_STR("://"));
    if (dep->kind == RP_DEP_COMMAND)
        return dep->command.n > 0 ? rp_str_dup(a, dep->command.v[0]) : RP_STR("");
    if (scheme != SIZE_MAX)
        return public_url(a, dep->target, scheme);
    return dep->kind == RP_DEP_POSTGRES ? public_conninfo(a, dep->target)
                                        : rp_str_dup(a, dep->target);
}

struct rp_str rp_type_compensation(struct rp_arena *a, struct rp_str type)
{
    return rp_str_fmt(a, "%.*s.compensate", RP_FMT(type));
}
