/* A job's own part of the file, for `type show`, with what may be secret replaced. */
#include "config/internal.h"

#include <ctype.h>

enum { SOURCE_MAX = 64 << 10 };

/* The end of a block node is where the next thing begins: comments and blank lines between belong
 * to that. */
static size_t end_of(struct rp_str text, size_t from, size_t to)
{
    for (;;) {
        while (to > from && isspace((unsigned char)text.p[to - 1]))
            to--;
        size_t line = to;
        while (line > from && text.p[line - 1] != '\n')
            line--;
        size_t first = line;
        while (first < to && isspace((unsigned char)text.p[first]))
            first++;
        if (line == from || first == to || text.p[first] != '#')
            return to;
        to = line;
    }
}

struct masker {
    struct rp_str text;
    size_t at, end; /* what is not yet copied */
    struct rp_buf out;
};

/* Copies the text up to the value, then a mask instead of it. What stands elsewhere (an alias) is
 * not in our part. */
static void mask(struct masker *m, const struct node *v)
{
    size_t to = v->to;
    while (to > v->from && m->text.p[to - 1] == ' ')
        to--; /* a block text ends where the next line's indentation does */
    if (v->from < m->at || to > m->end || v->from >= to)
        return;
    rp_buf_add(&m->out, m->text.p + m->at, v->from - m->at);
    rp_buf_str(&m->out, RP_STR("(masked)"));
    if (m->text.p[to - 1] == '\n')
        rp_buf_c(&m->out, '\n');
    m->at = to;
}

static void mask_secrets(struct masker *m, const struct node *n, bool in_env)
{
    for (const struct child *c = n->first; c != NULL; c = c->next) {
        bool named = in_env && c->key != NULL && rp_secret_name(c->key->text);
        if (c->value->kind != NODE_SCALAR)
            mask_secrets(m, c->value, c->key != NULL && rp_str_is(c->key->text, "env"));
        else if (named || rp_secret_url(c->value->raw))
            mask(m, c->value);
    }
}

struct rp_str rp_job_source(struct load *l, const struct child *job)
{
    bool alias = job->value->from < job->key->from; /* then the text stands at its anchor */
    struct masker m = {.text = l->text, .out = {.limit = SOURCE_MAX}};
    m.at = alias ? job->value->from : job->key->from;
    m.end = job->value->to > job->key->to || alias ? job->value->to : job->key->to;
    while (m.at > 0 && memchr(" \"'", l->text.p[m.at - 1], 3) != NULL)
        m.at--;
    m.end = end_of(l->text, m.at, m.end < l->text.n ? m.end : l->text.n);
    mask_secrets(&m, job->value, false);
    if (m.end > m.at)
        rp_buf_add(&m.out, l->text.p + m.at, m.end - m.at);
    rp_buf_c(&m.out, '\n');
    struct rp_str s = m.out.overflow ? RP_STR("(longer than 64 kB)\n") : rp_buf_view(&m.out);
    s = rp_str_dup(l->keep, s);
    rp_buf_free(&m.out);
    return s;
}
