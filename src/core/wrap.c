#include "core/wrap.h"

enum { STEPS_MAX = 20000, NO_HOLE = -1, WILD = 3 };

struct search {
    struct rp_str inside;
    int steps; /* left */
};

static struct rp_str from(struct rp_str s, size_t at)
{
    return (struct rp_str){s.p + at, s.n - at};
}

static struct rp_str head(struct rp_str s, size_t n)
{
    return (struct rp_str){s.p, n < s.n ? n : s.n};
}

static bool fits(struct search *x, struct rp_str t, struct rp_str line, int hole);

/* The longest text that leaves what follows the hole. */
static bool fill_hole(struct search *x, struct rp_str t, struct rp_str line)
{
    for (size_t end = line.n; end > 0; end--)
        if (fits(x, t, from(line, end), NO_HOLE)) {
            x->inside = head(line, end);
            return true;
        }
    return false;
}

/* The shortest word. */
static bool fill_word(struct search *x, struct rp_str t, struct rp_str line, int hole)
{
    for (size_t end = 1; end <= line.n && line.p[end - 1] != ' ' && line.p[end - 1] != '\t'; end++)
        if (fits(x, t, from(line, end), hole))
            return true;
    return false;
}

static bool fits(struct search *x, struct rp_str t, struct rp_str line, int hole)
{
    size_t wild = rp_str_find(t, RP_STR("<*>"));
    struct rp_str constant = head(t, wild);
    if (--x->steps < 0 || line.n < constant.n ||
        (constant.n > 0 && memcmp(line.p, constant.p, constant.n) != 0))
        return false;
    line = from(line, constant.n);
    if (wild == SIZE_MAX)
        return line.n == 0;
    t = from(t, wild + WILD);
    return hole == 0 ? fill_hole(x, t, line) : fill_word(x, t, line, hole > 0 ? hole - 1 : NO_HOLE);
}

struct rp_str rp_wrap_inside(struct rp_str outer, int hole, struct rp_str line)
{
    struct search x = {.inside = RP_NONE, .steps = STEPS_MAX};
    return hole >= 0 && fits(&x, outer, line, hole) ? x.inside : RP_NONE;
}

static int wildcards(struct rp_str t)
{
    int n = 0;
    for (size_t at; (at = rp_str_find(t, RP_STR("<*>"))) != SIZE_MAX; n++)
        t = from(t, at + WILD);
    return n;
}

/* An inner template's wildcards may stand for several words. */
static bool may_be(struct rp_str inner, struct rp_str text)
{
    size_t wild = rp_str_find(inner, RP_STR("<*>"));
    if (wild == SIZE_MAX)
        return rp_str_eq(inner, text);
    if (text.n < wild || (wild > 0 && memcmp(text.p, inner.p, wild) != 0))
        return false;
    size_t last = wild;
    for (size_t at = wild; at + WILD <= inner.n; at++)
        if (memcmp(inner.p + at, "<*>", WILD) == 0)
            last = at;
    struct rp_str end = from(inner, last + WILD);
    return text.n >= wild + end.n &&
           (end.n == 0 || memcmp(text.p + text.n - end.n, end.p, end.n) == 0);
}

int rp_wrap_hole(struct rp_str outer, struct rp_str inner, struct rp_str line)
{
    int last = wildcards(outer) - 1;
    for (int hole = last; hole >= 0; hole--) {
        struct rp_str inside = rp_wrap_inside(outer, hole, line);
        if (inside.p != NULL && may_be(inner, inside))
            return hole;
    }
    return last;
}

struct rp_str rp_wrap_whole(struct rp_arena *a, struct rp_str outer, int hole, struct rp_str inner)
{
    size_t at = 0;
    for (struct rp_str rest = outer;; hole--) {
        size_t wild = rp_str_find(rest, RP_STR("<*>"));
        if (wild == SIZE_MAX)
            return outer;
        at = (size_t)(rest.p - outer.p) + wild;
        if (hole <= 0)
            break;
        rest = from(rest, wild + WILD);
    }
    struct rp_str after = from(outer, at + WILD);
    return rp_str_fmt(a, "%.*s%.*s%.*s", (int)at, outer.p, RP_FMT(inner), RP_FMT(after));
}
