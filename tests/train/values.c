/* Where values stand in a message: names of customers, hosts, files, packages. What is written only
 * there is no word of the language. */
#include "lesson.h"

struct token {
    size_t from, to; /* between blanks */
};

static struct token token_at(const struct rp_words *w, size_t i)
{
    struct token t = {i, i};
    while (t.from > 0 && !is_blank(w->low[t.from - 1]))
        t.from--;
    while (t.to < w->n && !is_blank(w->low[t.to]))
        t.to++;
    return t;
}

static bool in_name(char c)
{
    return is_alnum(c) || one_of(c, "_-./");
}

/* A path, a URL, an address. */
static bool is_place(const struct rp_words *w, struct token t)
{
    for (size_t i = t.from; i < t.to; i++)
        if (one_of(w->low[i], "/@"))
            return true;
    return false;
}

/* Within a longer name, behind "=", in quotes or brackets alone, or in front of ":" and more. */
static bool is_part(const struct rp_words *w, struct token t, size_t from, size_t to)
{
    size_t dot = to;
    while (dot < t.to && (is_alnum(w->low[dot]) || one_of(w->low[dot], "_-")))
        dot++;
    if (dot + 1 < t.to && w->low[dot] == '.' && is_alnum(w->low[dot + 1]))
        return true;
    if ((from > t.from && (is_digit(w->low[from - 1]) || one_of(w->low[from - 1], "-_"))) ||
        (to < t.to && one_of(w->low[to], "-_")))
        return true;
    while (from > t.from && in_name(w->low[from - 1]))
        from--;
    while (to < t.to && in_name(w->low[to]))
        to++;
    char before = from > 0 ? w->low[from - 1] : '\0', after = to < w->n ? w->low[to] : '\0';
    return before == '=' || (one_of(before, "'\"`[<(") && one_of(after, "'\"`]>)")) ||
           (after == ':' && to + 1 < t.to && is_alnum(w->low[to + 1]));
}

static bool word_is_value(const struct rp_words *w, struct rp_str word)
{
    if (word.p < w->low || word.p >= w->low + w->n) /* "*" stands nowhere */
        return false;
    size_t from = (size_t)(word.p - w->low), to = from + word.n;
    while (to < w->n && is_alnum(w->low[to]) && !w->start[to]) /* of a beginning: all of it */
        to++;
    struct token t = token_at(w, from);
    return is_place(w, t) || is_part(w, t, from, to);
}

bool lesson_is_value(const struct rp_words *w, const struct rp_feature *f)
{
    return word_is_value(w, f->word) || (f->before.p != NULL && word_is_value(w, f->before));
}
