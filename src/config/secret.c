/* What must not be shown. Names and shapes by custom: better one mask too many. */
#include "config/internal.h"

#include <ctype.h>
#include <strings.h>

static bool contains(struct rp_str s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.n; i++)
        if (strncasecmp(s.p + i, word, n) == 0)
            return true;
    return false;
}

bool rp_secret_name(struct rp_str name)
{
    static const char *const words[] = {"secret", "token", "pass", "key", "credential"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (contains(name, words[i]))
            return true;
    return false;
}

/* The part of a URL between "://" and the "@" before its path: user and password. */
static bool userinfo(struct rp_str url, size_t *from, size_t *to)
{
    size_t scheme = rp_str_find(url, RP_STR("://"));
    if (scheme == SIZE_MAX)
        return false;
    *from = *to = scheme + 3;
    for (size_t i = *from; i < url.n && url.p[i] != '/' && url.p[i] != '?' && url.p[i] != '#'; i++)
        if (url.p[i] == '@')
            *to = i;
    return *to > *from;
}

bool rp_secret_url(struct rp_str text)
{
    size_t from, to;
    return userinfo(text, &from, &to) && memchr(text.p + from, ':', to - from) != NULL;
}

/* Query parameters of the slice, values of secret names left out. */
static void public_query(struct rp_str query, struct rp_buf *out)
{
    struct rp_str part;
    for (char before = '?'; rp_str_split(&query, '&', &part); before = '&') {
        size_t eq = rp_str_find(part, RP_STR("="));
        struct rp_str name = {part.p, eq != SIZE_MAX ? eq : part.n};
        rp_buf_c(out, before);
        rp_buf_str(out, rp_secret_name(name) ? name : part);
    }
}

/* The user stays, the password goes. A password may hold '/' or '?' unescaped; then all up to the
 * last '@' goes. */
static void public_url(struct rp_str url, struct rp_buf *out)
{
    size_t start = rp_str_find(url, RP_STR("://")) + 3, at = start;
    for (size_t i = start; i < url.n; i++)
        if (url.p[i] == '@')
            at = i + 1;
    rp_buf_add(out, url.p, start);
    struct rp_str user = {url.p + start, at > start ? at - start - 1 : 0},
                  rest = {url.p + at, url.n - at};
    size_t colon = rp_str_find(user, RP_STR(":"));
    if (user.n > 0) {
        rp_buf_add(out, user.p, colon != SIZE_MAX ? colon : user.n);
        rp_buf_c(out, '@');
    }
    const char *mark = rest.n > 0 ? memchr(rest.p, '?', rest.n) : NULL;
    size_t path = mark != NULL ? (size_t)(mark - rest.p) : rest.n;
    rp_buf_add(out, rest.p, path);
    if (mark != NULL)
        public_query((struct rp_str){rest.p + path + 1, rest.n - path - 1}, out);
}

/* One value of a connection string: to the next space, or quoted with backslashes. Returns its
 * length. */
static size_t value_len(struct rp_str s)
{
    bool quoted = s.n > 0 && s.p[0] == '\'';
    size_t i = quoted;
    for (; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n)
            i++;
        else if (quoted ? s.p[i] == '\'' : isspace((unsigned char)s.p[i]))
            break;
    }
    return i + (quoted && i < s.n);
}

static void public_conninfo(struct rp_str s, struct rp_buf *out)
{
    while ((s = rp_str_trim(s)).n > 0) {
        size_t eq = rp_str_find(s, RP_STR("="));
        if (eq == SIZE_MAX)
            return; /* not a parameter: perhaps the rest of a password */
        struct rp_str name = rp_str_trim((struct rp_str){s.p, eq});
        struct rp_str rest = rp_str_trim((struct rp_str){s.p + eq + 1, s.n - eq - 1});
        size_t n = value_len(rest);
        if (!rp_secret_name(name)) {
            rp_buf_fmt(out, "%s%.*s=%.*s", out->n > 0 ? " " : "", RP_FMT(name), (int)n, rest.p);
        }
        s = (struct rp_str){rest.p + n, rest.n - n};
    }
}

struct rp_str rp_config_public_target(struct rp_arena *a, const struct rp_dep *dep)
{
    struct rp_buf out = {0};
    if (dep->kind == RP_DEP_COMMAND)
        return dep->command.n > 0 ? dep->command.v[0] : RP_STR("");
    if (rp_str_find(dep->target, RP_STR("://")) != SIZE_MAX)
        public_url(dep->target, &out);
    else if (dep->kind == RP_DEP_POSTGRES)
        public_conninfo(dep->target, &out);
    else
        rp_buf_str(&out, dep->target);
    struct rp_str s = rp_str_dup(a, rp_buf_view(&out));
    rp_buf_free(&out);
    return s;
}
