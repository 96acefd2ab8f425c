/* What must not be shown. Names and shapes by custom: better one mask too many. */
#include "config/internal.h"

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
