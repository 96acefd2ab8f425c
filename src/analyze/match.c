/* Finds the first rule of a table that matches a line: only phrases that begin as a word of the
 * line does are looked at. */
#include "analyze/internal.h"

#include <threads.h>

enum { GAP_MAX = 80 };

struct prepared {
    char low[RP_KEY_LINE_MAX + 1]; /* lower case */
    bool start[RP_KEY_LINE_MAX + 1];
    uint16_t starts[RP_KEY_LINE_MAX];
    size_t n, n_starts;
};

static bool word_start(const char *p, size_t i, size_t n)
{
    if (!is_alnum(p[i]))
        return false;
    if (i == 0 || !is_alnum(p[i - 1]))
        return true;
    return is_upper(p[i]) &&
           (is_lower(p[i - 1]) || (is_upper(p[i - 1]) && i + 1 < n && is_lower(p[i + 1])));
}

static unsigned pair(char first, char second)
{
    return ((unsigned)first & 127u) << 7 | ((unsigned)second & 127u);
}

static void prepare(struct prepared *l, struct rp_str line)
{
    l->n = line.n < RP_KEY_LINE_MAX ? line.n : RP_KEY_LINE_MAX;
    l->n_starts = 0;
    for (size_t i = 0; i < l->n; i++)
        l->low[i] = to_lower(line.p[i]);
    l->low[l->n] = '\0';
    for (size_t i = 0; i < l->n; i++) {
        l->start[i] = word_start(line.p, i, l->n);
        if (l->start[i])
            l->starts[l->n_starts++] = (uint16_t)i;
    }
    l->start[l->n] = true;
}

static bool match_at(const struct prepared *l, const char *phrase, size_t i)
{
    for (; *phrase != '\0'; phrase++) {
        if (*phrase == '~') {
            if (i > 0 && i < l->n && !is_alnum(l->low[i - 1]))
                i++; /* a whole word */
            while (i < l->n && is_alnum(l->low[i]) && !l->start[i])
                i++;
            continue;
        }
        if (*phrase == '*') {
            for (size_t k = i; k < l->n && k <= i + GAP_MAX; k++)
                if (l->start[k] && match_at(l, phrase + 1 + (phrase[1] == ' '), k))
                    return true;
            return false;
        }
        if (*phrase == ' ' && phrase[1] == '*')
            continue;
        if (*phrase == ' ' || *phrase == '\'' || *phrase == '_' || *phrase == '.') {
            if (i < l->n && is_alnum(l->low[i]) && !l->start[i])
                return false;
            while (i < l->n && !is_alnum(l->low[i]))
                i++;
            if (i == l->n)
                return false;
        } else if (i == l->n || (*phrase == '#' ? !is_digit(l->low[i]) : l->low[i] != *phrase)) {
            return false;
        } else {
            i++;
        }
    }
    return i == l->n || !is_alnum(l->low[i]) || l->start[i];
}

/* ---- tables by the beginnings of their phrases ---- */

enum { PAIRS = 128 * 128 };

struct phrase {
    const char *text;
    enum rp_class class;
    uint16_t next; /* of those that begin so, in the table's order: its number + 1 */
};
/* Made once from a const table, and not changed after that. */
struct index {
    struct phrase *v;
    uint16_t head[PAIRS];
};
static struct index names, rules, general;
static once_flag made = ONCE_FLAG_INIT;

static void make(struct index *x, const struct rp_rule *table, size_t n_rules)
{
    size_t n = 0, k = 0;
    for (size_t r = 0; r < n_rules; r++)
        for (const char *const *p = table[r].any; *p != NULL; p++)
            n++;
    x->v = rp_xcalloc(n + 1, sizeof *x->v);
    for (size_t r = 0; r < n_rules; r++)
        for (const char *const *p = table[r].any; *p != NULL; p++)
            x->v[k++] = (struct phrase){.text = *p, .class = table[r].class};
    while (k-- > 0) { /* from the last on: the first stands at the head */
        unsigned begin = pair(x->v[k].text[0], x->v[k].text[1]);
        x->v[k].next = x->head[begin];
        x->head[begin] = (uint16_t)(k + 1);
    }
}

static void make_all(void)
{
    make(&names, rp_name_rules, rp_name_rules_n);
    make(&rules, rp_rules, rp_rules_n);
    make(&general, rp_general_rules, rp_general_rules_n);
}

/* The first of the phrases that begin so and match there, if it comes before `best`. */
static size_t better(const struct index *x, const struct prepared *l, size_t at, char second,
                     size_t best)
{
    for (size_t k = x->head[pair(l->low[at], second)]; k > 0 && k <= best; k = x->v[k - 1].next)
        if (match_at(l, x->v[k - 1].text, at))
            return k - 1;
    return best;
}

static struct rp_ruling first_match(const struct index *x, struct rp_str line)
{
    struct prepared l;
    size_t best = SIZE_MAX;
    call_once(&made, make_all);
    prepare(&l, line);
    for (size_t i = 0; i < l.n_starts; i++) {
        size_t at = l.starts[i];
        char second = l.low[at + 1]; /* a phrase writes blank for the word's end, # for a digit */
        best = better(x, &l, at, is_alnum(second) ? second : ' ', best);
        if (is_digit(second))
            best = better(x, &l, at, '#', best);
    }
    return best != SIZE_MAX ? (struct rp_ruling){x->v[best].class, x->v[best].text}
                            : (struct rp_ruling){RP_CLASS_UNKNOWN, "none"};
}

struct rp_ruling rp_rules_match(struct rp_str line)
{
    return first_match(&rules, line);
}

struct rp_ruling rp_name_rules_match(struct rp_str line)
{
    return first_match(&names, line);
}

struct rp_ruling rp_general_rules_match(struct rp_str line)
{
    return first_match(&general, line);
}
