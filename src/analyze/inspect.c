#include "analyze/inspect.h"

#include "analyze/formats/format.h"
#include "analyze/pretty.h"

enum { DEPTH_MAX = 8 };

static void object(struct rp_jw *w, struct rp_str *s, int depth);

static size_t blanks(struct rp_str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] == ' ')
        n++;
    return n;
}

static void skip_space(struct rp_str *s)
{
    *s = rp_strip(*s, " \n", "");
}

/* ---- strings ---- */

static bool is_quote(char c)
{
    return one_of(c, "'\"`");
}

static struct rp_str past(struct rp_str s, size_t n)
{
    return str_from(s, n < s.n ? n : s.n);
}

/* \n, \', \x1B, é: those that matter to a reader; what is behind the backslash of others. */
static void escape(struct rp_buf *out, struct rp_str *s)
{
    static const char letters[] = "n\nt\tr\rb\bf\f";
    char c = s->p[1];
    const char *hit = memchr(letters, c, sizeof letters - 1);
    if (c == 'x' || c == 'u') {
        rp_buf_c(out, '?');
        *s = past(*s, c == 'x' ? 4 : 6);
        return;
    }
    rp_buf_c(out, hit != NULL && (hit - letters) % 2 == 0 ? hit[1] : c);
    *s = str_from(*s, 2);
}

static void quoted(struct rp_buf *out, struct rp_str *s)
{
    char end = s->p[0];
    *s = str_from(*s, 1);
    while (s->n > 0 && s->p[0] != end) {
        if (s->p[0] == '\\' && s->n > 1) {
            escape(out, s);
            continue;
        }
        rp_buf_c(out, s->p[0]);
        *s = str_from(*s, 1);
    }
    *s = past(*s, 1);
}

/* 'first line\n' +
 *     'second line' */
static void string(struct rp_jw *w, struct rp_str *s)
{
    struct rp_buf b = {.limit = RP_LOG_LINE_MAX};
    quoted(&b, s);
    for (struct rp_str more = *s; rp_skip(&more, " +\n"); more = *s) {
        skip_space(&more);
        if (more.n == 0 || !is_quote(more.p[0]))
            break;
        quoted(&b, &more);
        *s = more;
    }
    rp_jw_str(w, rp_buf_view(&b));
    rp_buf_free(&b);
}

/* ---- members ---- */

/* "level: ", "'content-type': ", "[Symbol(kind)]: " */
static bool take_key(struct rp_str *s, struct rp_str *key)
{
    size_t n = 0;
    struct rp_str r = *s;
    if (r.n > 0 && (is_quote(r.p[0]) || r.p[0] == '[')) {
        n = 1 + rp_find_byte(str_head(str_from(r, 1), 121), r.p[0] == '[' ? ']' : r.p[0]);
        if (n == 0 || n > 120)
            return false;
        *key = (struct rp_str){r.p + 1, n - 1};
        n++;
    } else {
        while (n < r.n && (is_alnum(r.p[n]) || one_of(r.p[n], "_$") || (r.p[n] & 0x80)))
            n++;
        *key = str_head(r, n);
    }
    r = str_from(r, n);
    if (n == 0 || !rp_skip(&r, ": "))
        return false;
    *s = r;
    return true;
}

bool rp_inspect_begins(struct rp_str line, struct rp_str behind)
{
    struct rp_str key, first = rp_str_is(line, "{") ? behind : line;
    if (first.p == line.p ? !rp_skip(&first, "{ ") : blanks(first) != 2)
        return false;
    first = rp_strip(first, " ", "");
    return first.n > 0 && first.p[0] != '"' && take_key(&first, &key);
}

/* Bytes up to the "," or "}" that ends a value within a line. */
static size_t inline_end(struct rp_str s)
{
    int open = 0;
    for (size_t i = 0; i < s.n; i++) {
        open += one_of(s.p[i], "[({");
        if (s.p[i] == '\n' || (open == 0 && one_of(s.p[i], ",}")))
            return i;
        open -= open > 0 && one_of(s.p[i], "])}");
    }
    return s.n;
}

/* Bytes of a value that goes over lines: up to the next member of its object, or that one's end. */
static size_t block_end(struct rp_str s, size_t indent)
{
    size_t end = rp_find_byte(s, '\n');
    while (end < s.n) {
        struct rp_str line = str_from(s, end + 1), key;
        size_t n = blanks(line), len = rp_find_byte(line, '\n');
        line = str_from(line, n);
        if (n < indent && line.n > 0 && line.p[0] == '}')
            return end;
        if (n == indent && take_key(&line, &key))
            return end;
        end = len == SIZE_MAX ? s.n : end + 1 + len;
    }
    return s.n;
}

static bool is_error(struct rp_str text)
{
    struct rp_str head = str_head(text, rp_find_byte(text, '\n'));
    head = str_head(head, rp_find_byte(head, ':'));
    return rp_str_find(text, RP_STR("\n")) != SIZE_MAX && head.n < 80 &&
           (rp_str_ends(head, "Error") || rp_str_ends(head, "Exception") ||
            str_has(text, "    at "));
}

/* A number or word, or what has no form in JSON: an error, a date, "[Function: x]". */
static void other(struct rp_jw *w, struct rp_str *s, size_t indent)
{
    size_t n = indent > 0 ? block_end(*s, indent) : inline_end(*s);
    struct rp_str text = rp_strip(str_head(*s, n), " ", " \n,");
    *s = str_from(*s, n);
    if (is_error(text))
        rp_pretty_error_value(w, text);
    else if (!one_of(text.n > 0 ? text.p[0] : '[', "[{\"") && rp_json_valid(text, NULL))
        rp_jw_raw(w, text);
    else if (rp_str_is(text, "undefined"))
        rp_jw_null(w);
    else
        rp_jw_str(w, text);
}

static void value(struct rp_jw *w, struct rp_str *s, size_t indent, int depth)
{
    if (s->n > 0 && is_quote(s->p[0]))
        string(w, s);
    else if (s->n > 0 && s->p[0] == '{' && depth < DEPTH_MAX)
        object(w, s, depth + 1);
    else
        other(w, s, indent);
}

static void object(struct rp_jw *w, struct rp_str *s, int depth)
{
    struct rp_str key;
    rp_jw_object(w);
    *s = past(*s, 1);
    bool block = s->n > 0 && s->p[0] == '\n';
    for (;;) {
        size_t indent = 0;
        if (block && s->n > 0 && s->p[0] == '\n')
            indent = blanks(str_from(*s, 1));
        skip_space(s);
        if (!take_key(s, &key))
            break;
        rp_jw_key_str(w, key);
        value(w, s, indent, depth);
        *s = rp_strip(*s, " ", "");
        (void)rp_skip(s, ",");
    }
    (void)rp_skip(s, "}");
    rp_jw_object_end(w);
}

void rp_inspect_json(struct rp_jw *w, struct rp_str text)
{
    object(w, &text, 0);
}
