/* Two levels of patterns in lists: a message once, what it wraps below it, what is not shown in a
 * line of its own, so that the counts add up. */
#include "cli/analyze.h"

bool is_inner(struct rp_str p)
{
    return doc_i64(p, "outer.patterns", 1) > 1;
}

const char *inner_words(struct cli *cli, struct rp_str p)
{
    struct rp_str inner = doc_str(cli, p, "inner");
    return rp_str_is(inner, "<*>") ? "<*> (a value)" : show_text(cli, inner);
}

const char *pattern_words(struct cli *cli, struct rp_str p)
{
    return is_inner(p) ? inner_words(cli, p) : doc_show(cli, p, "template");
}

static struct rp_str outer_of(const struct levels *x, struct rp_str p)
{
    return is_inner(p) ? doc_str(x->cli, p, "outer.id") : RP_NONE;
}

bool levels_opens(const struct levels *x, struct rp_str p)
{
    struct rp_str outer = outer_of(x, p);
    return outer.p != NULL && !rp_str_eq(outer, x->outer);
}

void levels_end(struct levels *x)
{
    if (x->left > 0)
        say(x->cli, x->indent + 2, "… and %s with %s: reprise pattern show %s",
            show_plural(x->cli, x->left, "smaller one", "smaller ones"),
            show_plural(x->cli, x->left_failures, "failure", "failures"),
            show_text(x->cli, x->outer));
    *x = (struct levels){.cli = x->cli, .indent = x->indent};
}

bool levels_take(struct levels *x, struct rp_str p, int64_t failures)
{
    struct rp_str outer = outer_of(x, p);
    if (outer.p == NULL || !rp_str_eq(outer, x->outer))
        levels_end(x);
    if (outer.p == NULL)
        return true;
    if (x->outer.p == NULL) {
        x->left = doc_i64(p, "outer.patterns", 0);
        x->left_failures = doc_i64(p, "outer.failures", 0);
        x->outer = outer;
    }
    if (x->shown == INNERS_SHOWN)
        return false;
    x->shown++;
    x->left--;
    x->left_failures -= failures;
    return true;
}

void levels_head(struct levels *x, struct rp_str p, const char *count)
{
    struct line l;
    const char *name = doc_show(x->cli, p, "outer.name");
    line_begin(&l, x->cli, doc_show(x->cli, p, "outer.id"), x->indent);
    line_part(&l, "%s", painted(x->cli, BOLD, count));
    line_part(&l, "%s", doc_show(x->cli, p, "outer.template"));
    if (name[0] != '\0')
        line_part(&l, "\"%s\"", name);
    line_end(&l);
}
