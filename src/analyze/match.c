/* Finds the first rule of rules.c that matches a line. A phrase whose first two letters begin no
 * word of the line costs one look into a set. */
#include "analyze/internal.h"

enum { GAP_MAX = 80 };

struct prepared {
    char low[RP_KEY_LINE_MAX + 1]; /* lower case */
    bool start[RP_KEY_LINE_MAX + 1];
    uint16_t starts[RP_KEY_LINE_MAX];
    size_t n, n_starts;
    uint8_t begins[128 * 128 / 8]; /* which two letters begin a word */
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

static void set_bit(uint8_t *bits, unsigned i)
{
    bits[i / 8] |= (uint8_t)(1u << i % 8);
}

/* As a phrase would write the first two bytes of the word: "#" for a digit, blank for its end. */
static void note_begin(struct prepared *l, size_t i)
{
    char second = l->low[i + 1];
    set_bit(l->begins, pair(l->low[i], is_alnum(second) ? second : ' '));
    if (is_digit(second))
        set_bit(l->begins, pair(l->low[i], '#'));
}

static void prepare(struct prepared *l, struct rp_str line)
{
    l->n = line.n < RP_KEY_LINE_MAX ? line.n : RP_KEY_LINE_MAX;
    l->n_starts = 0;
    memset(l->begins, 0, sizeof l->begins);
    for (size_t i = 0; i < l->n; i++)
        l->low[i] = to_lower(line.p[i]);
    l->low[l->n] = '\0';
    for (size_t i = 0; i < l->n; i++) {
        l->start[i] = word_start(line.p, i, l->n);
        if (!l->start[i])
            continue;
        note_begin(l, i);
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

static bool found(const struct prepared *l, const char *phrase)
{
    unsigned two = pair(phrase[0], phrase[1]);
    if ((l->begins[two / 8] & 1u << two % 8) == 0)
        return false;
    for (size_t k = 0; k < l->n_starts; k++)
        if (l->low[l->starts[k]] == *phrase && match_at(l, phrase, l->starts[k]))
            return true;
    return false;
}

static struct rp_ruling first_match(const struct rp_rule *rules, size_t n, struct rp_str line)
{
    struct prepared l;
    prepare(&l, line);
    for (size_t r = 0; l.n_starts > 0 && r < n; r++)
        for (const char *const *p = rules[r].any; *p != NULL; p++)
            if (found(&l, *p))
                return (struct rp_ruling){rules[r].class, *p};
    return (struct rp_ruling){RP_CLASS_UNKNOWN, "none"};
}

struct rp_ruling rp_rules_match(struct rp_str line)
{
    return first_match(rp_rules, rp_rules_n, line);
}

struct rp_ruling rp_name_rules_match(struct rp_str line)
{
    return first_match(rp_name_rules, rp_name_rules_n, line);
}

struct rp_ruling rp_general_rules_match(struct rp_str line)
{
    return first_match(rp_general_rules, rp_general_rules_n, line);
}
