#include "config/internal.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void locate(struct rp_str text, size_t pos, struct rp_mistake *m)
{
    m->line = m->column = 1;
    for (size_t i = 0; i < pos && i < text.n; i++) {
        if (text.p[i] == '\n') {
            m->line++;
            m->column = 1;
        } else if (((unsigned char)text.p[i] & 0xC0) != 0x80) {
            m->column++;
        }
    }
}

__attribute__((format(printf, 4, 0))) static void fill(struct load *l, struct rp_mistake *m,
                                                       size_t pos, const char *fmt, va_list ap)
{
    char text[sizeof m->err.message];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    locate(l->text, pos, m);
    (void)rp_fail(&m->err, RP_E_CONFIG, "%s", text);
}

bool rp_mistake(struct load *l, size_t pos, const char *fmt, ...)
{
    struct rp_mistakes *m = l->mistakes;
    va_list ap;
    if (m->errors == RP_MISTAKES_MAX) {
        m->errors_more++;
        return false;
    }
    va_start(ap, fmt);
    fill(l, &m->error[m->errors++], pos, fmt, ap);
    va_end(ap);
    return false;
}

bool rp_mistake_hint(struct load *l, const char *fmt, ...)
{
    struct rp_mistakes *m = l->mistakes;
    if (m->errors == 0 || m->errors_more > 0)
        return false;
    struct rp_err *err = &m->error[m->errors - 1].err;
    char text[sizeof err->hint];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return rp_hint(err, "%s", text);
}

void rp_warning(struct load *l, size_t pos, const char *fmt, ...)
{
    struct rp_mistakes *m = l->mistakes;
    va_list ap;
    if (m->warnings == RP_MISTAKES_MAX)
        return;
    va_start(ap, fmt);
    fill(l, &m->warning[m->warnings++], pos, fmt, ap);
    va_end(ap);
}

static int by_place(const void *a, const void *b)
{
    const struct rp_mistake *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

void rp_mistakes_sort(struct rp_mistakes *m)
{
    qsort(m->error, m->errors, sizeof *m->error, by_place);
    qsort(m->warning, m->warnings, sizeof *m->warning, by_place);
}

static void print_one(const struct rp_mistake *m, const char *word, struct rp_str path,
                      struct rp_buf *out)
{
    rp_buf_str(out, path);
    if (m->line > 0)
        rp_buf_fmt(out, ":%d:%d", m->line, m->column);
    rp_buf_fmt(out, ": %s%s\n", word, m->err.message);
    if (m->err.hint[0] != '\0')
        rp_buf_fmt(out, "    %s\n", m->err.hint);
}

void rp_mistakes_print(const struct rp_mistakes *m, struct rp_str path, struct rp_buf *out)
{
    for (size_t i = 0; i < m->errors; i++)
        print_one(&m->error[i], "", path, out);
    if (m->errors_more > 0)
        rp_buf_fmt(out, "… and %zu more mistakes\n", m->errors_more);
    for (size_t i = 0; i < m->warnings; i++)
        print_one(&m->warning[i], "warning: ", path, out);
}

bool rp_mistakes_err(const struct rp_mistakes *m, struct rp_str path, struct rp_err *err)
{
    const struct rp_mistake *first = &m->error[0];
    size_t others = m->errors + m->errors_more - (m->errors > 0);
    if (m->errors == 0)
        return rp_fail(err, RP_E_CONFIG, "%.*s cannot be used", RP_FMT(path));
    if (first->line > 0)
        (void)rp_fail(err, RP_E_CONFIG, "%.*s:%d:%d: %s", RP_FMT(path), first->line, first->column,
                      first->err.message);
    else
        (void)rp_fail(err, RP_E_CONFIG, "%.*s: %s", RP_FMT(path), first->err.message);
    if (others > 0)
        return rp_hint(err, "%zu more: see them all with `reprise check`", others);
    return rp_hint(err, "%s", first->err.hint);
}

const char *rp_shown(const struct node *n)
{
    enum { SHOWN = 60 };
    struct rp_str s = n->raw;
    if (n->kind != NODE_SCALAR)
        return n->kind == NODE_MAP ? "a map" : "a list";
    if (s.n <= SHOWN)
        return rp_log_q(s);
    for (s.n = SHOWN; s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80;)
        s.n--;
    return rp_log_q(s);
}
