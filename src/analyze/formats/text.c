/* Small cuts that the formats share. */
#include "analyze/formats/format.h"

size_t rp_find_byte(struct rp_str s, char c)
{
    const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
    return hit != NULL ? (size_t)(hit - s.p) : SIZE_MAX;
}

bool rp_skip(struct rp_str *s, const char *prefix)
{
    bool hit = rp_str_starts(*s, prefix);
    if (hit)
        *s = str_from(*s, strlen(prefix));
    return hit;
}

struct rp_str rp_take_word(struct rp_str *s)
{
    size_t n = 0;
    while (n < s->n && !is_blank(s->p[n]))
        n++;
    struct rp_str w = str_head(*s, n);
    *s = str_from(*s, n);
    while (s->n > 0 && is_blank(s->p[0]))
        *s = str_from(*s, 1);
    return w;
}

struct rp_str rp_take_tag(struct rp_str *s)
{
    size_t n = 0;
    while (n < s->n && !is_blank(s->p[n]))
        n++;
    struct rp_str w = str_head(*s, n);
    *s = str_from(*s, n < s->n ? n + 1 : n);
    return w;
}

struct rp_str rp_take_until(struct rp_str *s, char c)
{
    size_t at = rp_find_byte(*s, c);
    struct rp_str part = str_head(*s, at);
    *s = str_from(*s, part.n + (at != SIZE_MAX ? 1 : 0));
    return part;
}

bool rp_take_number(struct rp_str *s, int64_t *n)
{
    size_t len = 0;
    while (len < s->n && is_digit(s->p[len]))
        len++;
    if (!rp_str_i64(str_head(*s, len), n))
        return false;
    *s = str_from(*s, len);
    return true;
}

struct rp_str rp_between(struct rp_str s, const char *from, const char *to)
{
    size_t at = rp_str_find(s, rp_str_of(from));
    if (at == SIZE_MAX)
        return RP_NONE;
    s = str_from(s, at + strlen(from));
    at = rp_str_find(s, rp_str_of(to));
    return at != SIZE_MAX ? str_head(s, at) : RP_NONE;
}

int64_t rp_number_after(struct rp_str s, const char *mark)
{
    int64_t n;
    size_t at = rp_str_find(s, rp_str_of(mark));
    if (at == SIZE_MAX)
        return -1;
    s = str_from(s, at + strlen(mark));
    return rp_take_number(&s, &n) ? n : -1;
}

struct rp_str rp_strip(struct rp_str s, const char *front, const char *back)
{
    while (s.n > 0 && one_of(s.p[0], front))
        s = str_from(s, 1);
    while (s.n > 0 && one_of(s.p[s.n - 1], back))
        s.n--;
    return s;
}

void rp_split_tag(struct rp_str word, struct rp_str *tag, struct rp_str *pid)
{
    if (rp_str_ends(word, ":"))
        word.n--;
    size_t open = rp_find_byte(word, '[');
    *pid = RP_STR("");
    if (open != SIZE_MAX && rp_str_ends(word, "]")) {
        *pid = (struct rp_str){word.p + open + 1, word.n - open - 2};
        word.n = open;
    }
    *tag = word;
}

struct rp_str rp_last_segment(struct rp_str path)
{
    for (size_t slash; (slash = rp_find_byte(path, '/')) != SIZE_MAX;)
        path = str_from(path, slash + 1);
    return path;
}

int64_t rp_seconds_us(struct rp_str s)
{
    enum { MOST_S = 1000000000 };
    int64_t whole, us, unit = 100000;
    if (!rp_take_number(&s, &whole) || whole > MOST_S)
        return -1;
    us = whole * 1000000;
    if (s.n > 1 && s.p[0] == '.')
        for (size_t i = 1; i < s.n && is_digit(s.p[i]) && unit > 0; i++, unit /= 10)
            us += unit * (s.p[i] - '0');
    return us;
}

bool rp_take_prefix(struct rp_stamp *st, struct rp_str *s, int64_t *us)
{
    static const char *const levels[] = {"debug", "info", "warning", "error", "critical", NULL};
    bool syslog;
    struct rp_str rest = *s;
    *us = RP_NO_TIME;
    if (rp_stamp_take(st, s, us, &syslog))
        return true;
    size_t n = 0;
    while (n < rest.n && (is_upper(rest.p[n]) || (n == 0 && rest.p[n] == '[')))
        n++;
    if (!rp_str_in(rp_strip(str_head(rest, n), "[", ""), levels))
        return false;
    rest = rp_strip(str_from(rest, n), "] :-|\t", "");
    if (!rp_stamp_take(st, &rest, us, &syslog))
        *us = RP_NO_TIME;
    *s = rest;
    return true;
}
