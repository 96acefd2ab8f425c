/* Quoted texts of YAML (1.2.2, sections 5.7 and 7.3). libfyaml checks them but 0.7.12 reads some
 * wrong: of `''''` in single quotes it makes three quotes, behind a backslash at the end of a line
 * it puts a blank, and both cut as much off the end. */
#include "config/internal.h"

struct unquoter {
    struct rp_str s;
    size_t i;
    char *out; /* at most half as long again as the source: \L and \P become 3 bytes */
    size_t n;
    size_t kept; /* blanks before this came from escapes and stay in front of a line break */
};

static bool at_break(const struct unquoter *u)
{
    return u->i < u->s.n && (u->s.p[u->i] == '\n' || u->s.p[u->i] == '\r');
}

/* One line break and the blanks after it. */
static void skip_break(struct unquoter *u)
{
    bool pair = u->s.p[u->i] == '\r' && u->i + 1 < u->s.n && u->s.p[u->i + 1] == '\n';
    u->i += pair ? 2 : 1;
    while (u->i < u->s.n && (u->s.p[u->i] == ' ' || u->s.p[u->i] == '\t'))
        u->i++;
}

/* Line breaks: one is a blank, more are one less; blanks around them do not count. */
static void fold(struct unquoter *u, bool escaped)
{
    size_t breaks = 0;
    while (!escaped && u->n > u->kept && (u->out[u->n - 1] == ' ' || u->out[u->n - 1] == '\t'))
        u->n--;
    for (; at_break(u); breaks++)
        skip_break(u);
    if (breaks == 1 && !escaped)
        u->out[u->n++] = ' ';
    for (size_t k = 1; k < breaks; k++)
        u->out[u->n++] = '\n';
    u->kept = u->n;
}

static void put_char(struct unquoter *u, uint32_t c)
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
        c = 0xFFFD;
        len = 3;
    }
    for (size_t k = len; k-- > 1; c >>= 6)
        u->out[u->n + k] = (char)(0x80 | (c & 0x3F));
    u->out[u->n] = (char)(len > 1 ? lead[len] | c : c);
    u->n += len;
}

static uint32_t hex(struct unquoter *u, size_t digits)
{
    uint32_t v = 0;
    for (; digits > 0 && u->i < u->s.n; digits--, u->i++) {
        char c = u->s.p[u->i];
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static void escape(struct unquoter *u)
{
    static const char names[] = "0abtnvfre\"/\\ \tN_LP";
    static const uint32_t chars[] = {0,   7,   8,    9,   10,   11,   12,   13,     27,
                                     '"', '/', '\\', ' ', '\t', 0x85, 0xA0, 0x2028, 0x2029};
    u->i++;
    if (at_break(u)) {
        fold(u, true);
        return;
    }
    char c = u->i < u->s.n ? u->s.p[u->i++] : '\\';
    const char *hit = memchr(names, c, sizeof names - 1);
    if (hit != NULL)
        put_char(u, chars[hit - names]);
    else
        put_char(u, hex(u, c == 'x' ? 2 : c == 'u' ? 4 : 8));
    u->kept = u->n;
}

struct rp_str rp_quoted_text(struct rp_arena *a, struct rp_str source, bool twice)
{
    struct unquoter u = {.s = source, .out = rp_alloc(a, source.n * 3 / 2 + 4)};
    while (u.i < source.n) {
        char c = source.p[u.i];
        if (c == '\n' || c == '\r') {
            fold(&u, false);
        } else if (twice && c == '\\') {
            escape(&u);
        } else {
            u.out[u.n++] = c;
            u.i += !twice && c == '\'' ? 2 : 1;
        }
    }
    return (struct rp_str){u.out, u.n};
}
