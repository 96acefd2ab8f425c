/* Finds the rule of a table that decides a line, the first that matches or the heaviest: only
 * phrases that begin as a word of the line does are looked at. */
#include "analyze/internal.h"

#include <stdlib.h>
#include <threads.h>

enum { GAP_MAX = 80 };

static unsigned pair(char first, char second)
{
    return ((unsigned)first & 127u) << 7 | ((unsigned)second & 127u);
}

static bool match_at(const struct rp_words *l, const char *phrase, size_t i)
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

enum {
    PAIRS = 128 * 128,
    DECIDES = 100, /* letters that a phrase with ! has on top */
    WEAK = 1,      /* and those that one with ? counts for */
    WHOLE = 10,    /* tenths of its weight that a phrase has in words, */
    REASON_MIN = 10,
    NAME_SHARE = 6, /* and within a name */
};

struct phrase {
    const char *text;  /* as rules see words */
    const char *as_is; /* as the table has it */
    uint64_t head;     /* its first bytes up to what stands for more than itself, */
    uint64_t mask;     /* and where they are */
    enum rp_class class;
    uint16_t weight; /* letters that it has; all alike where the first decides */
    uint16_t order;  /* in the table */
};
/* Made once from const tables, and not changed after that. */
struct index {
    struct phrase *v;
    size_t n, cap;
    enum rp_class class;      /* of the row that is read */
    bool by_weight;           /* the longest phrase decides, not the first */
    uint16_t from[PAIRS + 1]; /* where the phrases of each beginning start */
};
static struct index names = {.by_weight = true}, rules, exceptions = {.by_weight = true},
                    shapes = {.by_weight = true}, late, general;
static once_flag made = ONCE_FLAG_INIT;

static const char *copy(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(rp_xcalloc(n, 1), s, n);
}

/* What it says, by its length: "connection refused by the pool" more than "connection refused". */
static uint16_t weigh(const char *s)
{
    uint16_t n = *s == '!' ? DECIDES : 0;
    if (*s == '?')
        return WEAK;
    for (; *s != '\0'; s++)
        n = (uint16_t)(n + (is_alnum(*s) || *s == '#'));
    return n;
}

static uint64_t first_bytes(const char *s)
{
    uint64_t v;
    memcpy(&v, s, sizeof v);
    return v;
}

/* Most phrases differ from a line within their first letters. */
static void set_head(struct phrase *p)
{
    char head[sizeof p->head] = {0}, mask[sizeof p->mask] = {0};
    for (size_t i = 0; i < sizeof head && is_alnum(p->text[i]); i++) {
        head[i] = p->text[i];
        mask[i] = (char)0xFF;
    }
    p->head = first_bytes(head);
    p->mask = first_bytes(mask);
}

static void add(void *ctx, const char *phrase)
{
    struct index *x = ctx;
    struct rp_words w;
    const char *plain = phrase + (*phrase == '!' || *phrase == '?');
    rp_words(&w, rp_str_of(plain));
    if (x->n == x->cap) {
        x->cap = x->cap > 0 ? 2 * x->cap : 1024;
        x->v = rp_xrealloc(x->v, x->cap * sizeof *x->v);
    }
    const char *text = copy(w.low);
    bool same = strcmp(text, plain) == 0;
    struct phrase *p = &x->v[x->n];
    *p = (struct phrase){.text = text,
                         .as_is = same ? text : copy(plain),
                         .class = x->class,
                         .order = (uint16_t)x->n,
                         .weight = x->by_weight ? weigh(phrase) : 0};
    set_head(p);
    x->n++;
}

static void read_table(struct index *x, const struct rp_rule *row)
{
    for (; row->any != NULL; row++)
        for (const char *const *p = row->any; *p != NULL; p++) {
            x->class = row->class;
            rp_phrase_expand(*p, add, x);
        }
}

static unsigned beginning(const struct phrase *p)
{
    return pair(p->text[0], p->text[1]);
}

/* By beginning, then the one that decides first. */
static int by_beginning(const void *left, const void *right)
{
    const struct phrase *a = left, *b = right;
    if (beginning(a) != beginning(b))
        return beginning(a) < beginning(b) ? -1 : 1;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void sort_index(struct index *x)
{
    qsort(x->v, x->n, sizeof *x->v, by_beginning);
    size_t k = 0;
    for (unsigned begin = 0; begin < PAIRS; begin++) {
        x->from[begin] = (uint16_t)k;
        while (k < x->n && beginning(&x->v[k]) == begin)
            k++;
    }
    x->from[PAIRS] = (uint16_t)k;
}

static void make_all(void)
{
    for (size_t i = 0; rp_name_tables[i] != NULL; i++)
        read_table(&names, rp_name_tables[i]);
    read_table(&rules, rp_rules);
    read_table(&exceptions, rp_exception_rules);
    read_table(&shapes, rp_shape_rules);
    read_table(&late, rp_late_rules);
    read_table(&general, rp_general_rules);
    sort_index(&names);
    sort_index(&rules);
    sort_index(&exceptions);
    sort_index(&shapes);
    sort_index(&late);
    sort_index(&general);
}

/* Is the word at `at` part of a name such as FileNotFoundException? */
static bool in_name(const struct rp_words *l, size_t at)
{
    if (at > 0 && (is_alnum(l->low[at - 1]) || l->low[at - 1] == '_'))
        return true;
    for (size_t i = at + 1; i < l->n && (is_alnum(l->low[i]) || l->low[i] == '_'); i++)
        if (l->start[i])
            return true;
    return false;
}

/* "cannot connect to db: no such host": what could not be done says less than why. */
static bool says_why(const struct rp_words *l, const struct phrase *p, size_t at)
{
    if (p->weight >= DECIDES || strncmp(p->text, "cannot ", 7) != 0)
        return false;
    for (size_t i = at; i + REASON_MIN < l->n; i++)
        if (l->low[i] == ':' && l->low[i + 1] == ' ')
            return true;
    return false;
}

struct best {
    const struct phrase *p; /* NULL: none */
    unsigned weight;
};

static bool beats(const struct phrase *p, unsigned weight, const struct best *best)
{
    return best->p == NULL || weight > best->weight ||
           (weight == best->weight && p->order < best->p->order);
}

/* The heaviest of the phrases that begin so and match there, if it is heavier than the best. */
static void better(const struct index *x, const struct rp_words *l, size_t at, char second,
                   struct best *best)
{
    unsigned begin = pair(l->low[at], second);
    unsigned share = x->by_weight && in_name(l, at) ? NAME_SHARE : WHOLE;
    uint64_t line = first_bytes(l->low + at);
    for (size_t k = x->from[begin]; k < x->from[begin + 1]; k++) {
        const struct phrase *p = &x->v[k];
        if ((line & p->mask) != p->head)
            continue;
        if (!beats(p, p->weight * share, best))
            return; /* nor do those behind it */
        if (match_at(l, p->text, at) && !(x->by_weight && says_why(l, p, at))) {
            *best = (struct best){p, p->weight * share};
            return;
        }
    }
}

static struct rp_ruling best_match(const struct index *x, struct rp_str line, unsigned *weight)
{
    struct rp_words l;
    struct best best = {NULL, 0};
    call_once(&made, make_all);
    rp_words(&l, line);
    for (size_t at = 0; at < l.n; at++) {
        if (!l.start[at])
            continue;
        char second = l.low[at + 1]; /* a phrase writes blank for the word's end, # for a digit */
        better(x, &l, at, is_alnum(second) ? second : ' ', &best);
        if (is_digit(second))
            better(x, &l, at, '#', &best);
    }
    if (weight != NULL)
        *weight = best.weight;
    return best.p == NULL
               ? (struct rp_ruling){RP_CLASS_UNKNOWN, "none", false}
               : (struct rp_ruling){best.p->class, best.p->as_is, best.p->weight == WEAK};
}

struct rp_ruling rp_rules_match(struct rp_str line)
{
    return best_match(&rules, line, NULL);
}

struct rp_ruling rp_name_rules_match(struct rp_str line, unsigned *weight)
{
    return best_match(&names, line, weight);
}

struct rp_ruling rp_exception_rules_match(struct rp_str line)
{
    return best_match(&exceptions, line, NULL);
}

struct rp_ruling rp_shape_rules_match(struct rp_str line)
{
    return best_match(&shapes, line, NULL);
}

struct rp_ruling rp_late_rules_match(struct rp_str line)
{
    return best_match(&late, line, NULL);
}

struct rp_ruling rp_general_rules_match(struct rp_str line)
{
    return best_match(&general, line, NULL);
}
