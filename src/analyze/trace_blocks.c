/* What a stack trace prints beside its own line of causes: exceptions that were suppressed (Java),
 * and of several that happened at once (exception groups of Python, AggregateError of Node,
 * AggregateException of .NET) all but the first. They must not be taken for the cause. */
#include "analyze/internal.h"

/* Java: "Suppressed: …" with what is deeper, and its own causes. */
static size_t suppressed_end(const struct rp_lines *l, size_t i)
{
    size_t base = rp_trace_depth(l->v[i]);
    if (!rp_str_starts(rp_trace_inside(l->v[i]), "Suppressed: "))
        return i;
    for (i++; i < l->n; i++)
        if (rp_trace_depth(l->v[i]) <= base &&
            !(rp_trace_depth(l->v[i]) == base &&
              rp_str_starts(rp_trace_inside(l->v[i]), "Caused by: ")))
            break;
    return i;
}

/* "+---------------- 2 ----------------" of Python; 0: no such line. */
static int64_t group_member(struct rp_str s)
{
    int64_t n = 0;
    struct rp_str number;
    s = rp_trace_inside(s);
    if (!rp_str_starts(s, "+-"))
        return 0;
    while (s.n > 0 && one_of(s.p[0], "+-"))
        s = str_from(s, 1);
    s = rp_str_trim(s);
    return rp_str_split(&s, ' ', &number) && rp_str_starts(s, "---") && rp_str_i64(number, &n) ? n
                                                                                               : 0;
}

static bool group_closes(struct rp_str s)
{
    s = rp_trace_inside(s);
    if (!rp_str_starts(s, "+---"))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] != '-')
            return false;
    return true;
}

static size_t group_end(const struct rp_lines *l, size_t i)
{
    if (group_member(l->v[i]) < 2)
        return i;
    while (i < l->n && !group_closes(l->v[i]))
        i++;
    return i;
}

/* Node: those that follow the first in "[errors]: [ … ]", whose line `head` is. */
static size_t errors_end(const struct rp_lines *l, size_t head, size_t i)
{
    size_t first = head + 1;
    if (i <= first || rp_trace_depth(l->v[i]) != rp_trace_depth(l->v[first]))
        return i;
    while (i < l->n && rp_trace_depth(l->v[i]) >= rp_trace_depth(l->v[first]))
        i++;
    return i;
}

/* .NET: "---> (Inner Exception #1) …<---"; the first one stands above already. */
static size_t inner_end(const struct rp_lines *l, size_t i)
{
    if (!rp_str_starts(rp_trace_inside(l->v[i]), "---> (Inner Exception #"))
        return i;
    while (i < l->n && !rp_str_ends(l->v[i], "<---"))
        i++;
    return i < l->n ? i + 1 : i;
}

struct rp_lines rp_trace_own_lines(struct rp_arena *a, const struct rp_lines *l)
{
    struct rp_lines out = {RP_NEW_N(a, struct rp_str, l->n + 1), 0};
    size_t errors = SIZE_MAX; /* the line that opens a list of them */
    for (size_t i = 0, end; i < l->n; i = end) {
        end = suppressed_end(l, i);
        end = end > i ? end : group_end(l, i);
        end = end > i ? end : inner_end(l, i);
        end = end > i || errors == SIZE_MAX ? end : errors_end(l, errors, i);
        if (end > i)
            continue;
        if (rp_str_ends(l->v[i], "[errors]: ["))
            errors = i;
        out.v[out.n++] = l->v[i];
        end = i + 1;
    }
    return out;
}
