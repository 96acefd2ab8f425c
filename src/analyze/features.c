/* What learned weights know a line by: its words, the beginnings of long ones, pairs of words that
 * stand beside each other ("not found", "is required"), and whether it names an option
 * ("--retries") or a file of settings. */
#include "analyze/internal.h"

#include <math.h>

enum { STEM = 5, DIGITS = 3, BITS = 1024 };

/* Those that a line has so far. */
struct collected {
    struct rp_feature *v;
    size_t n;
    uint64_t bits[BITS / 64]; /* of their hashes: one whose bit is not set is new */
};

/* A word, or a name such as x509; other numbers and what contains them are ids, mostly: they tell
 * nothing of the class. */
static bool tells(struct rp_str s)
{
    size_t letters = 0, digits = 0;
    while (letters < s.n && is_alpha(s.p[letters]))
        letters++;
    while (letters + digits < s.n && is_digit(s.p[letters + digits]))
        digits++;
    bool version = letters == 1 && digits > 0 && s.p[0] == 'v';
    return letters + digits == s.n && letters > 0 && !version;
}

/* A number is a value ("row 17") unless a word in front of it says that it is a code. */
static bool is_code(struct rp_str before, struct rp_str s)
{
    static const char *const words[] = {"code",   "errno", "error",  "exit",
                                        "signal", "http",  "status", NULL};
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return before.p != NULL && s.n <= DIGITS && rp_str_in(before, words);
}

static uint64_t word_hash(struct rp_str word)
{
    return rp_hash64(word) | 1;
}

static uint64_t stem_hash(struct rp_str stem)
{
    return (rp_hash64(stem) ^ 0x9E3779B97F4A7C15u) | 1;
}

static uint64_t pair_hash(uint64_t before, uint64_t word)
{
    return (before * 0x9E3779B97F4A7C15u + word) | 1;
}

uint64_t rp_feature_hash(struct rp_str text)
{
    size_t blank = rp_str_find(text, RP_STR(" "));
    if (blank != SIZE_MAX)
        return pair_hash(word_hash(str_head(text, blank)), word_hash(str_from(text, blank + 1)));
    bool stem = text.n > 0 && text.p[text.n - 1] == '~';
    return stem ? stem_hash(str_head(text, text.n - 1)) : word_hash(text);
}

static bool is_there(const struct collected *c, uint64_t hash)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].hash == hash)
            return true;
    return false;
}

static void add(struct collected *c, struct rp_feature f)
{
    size_t bit = f.hash >> 32 & (BITS - 1);
    uint64_t mask = UINT64_C(1) << bit % 64;
    if (c->n == RP_FEATURES_MAX || ((c->bits[bit / 64] & mask) != 0 && is_there(c, f.hash)))
        return;
    c->bits[bit / 64] |= mask;
    c->v[c->n++] = f;
}

/* "--retries" of a command line. */
static bool names_option(const struct rp_words *w)
{
    for (size_t i = 0; i + 2 < w->n; i++)
        if (w->low[i] == '-' && w->low[i + 1] == '-' && is_lower(w->low[i + 2]) &&
            (i == 0 || !(is_alnum(w->low[i - 1]) || one_of(w->low[i - 1], "-_"))))
            return true;
    return false;
}

/* "app.yaml", "/etc/jobs.conf" */
static bool names_settings(const struct rp_words *w)
{
    static const char *const ends[] = {"yaml", "yml",        "toml", "ini", "conf",
                                       "cfg",  "properties", "env",  NULL};
    for (size_t i = 1; i < w->n; i++) {
        size_t end = i + 1;
        while (end < w->n && is_alnum(w->low[end]))
            end++;
        if (w->low[i] == '.' && !is_blank(w->low[i - 1]) &&
            rp_str_in((struct rp_str){w->low + i + 1, end - i - 1}, ends))
            return true;
    }
    return false;
}

static void add_mark(struct collected *c, const char *mark)
{
    struct rp_str word = rp_str_of(mark);
    add(c, (struct rp_feature){.word = word, .hash = word_hash(word)});
}

size_t rp_features(const struct rp_words *w, struct rp_feature out[RP_FEATURES_MAX])
{
    struct collected c = {.v = out};
    struct rp_feature before = {.word = RP_NONE};
    add_mark(&c, "*"); /* any line */
    if (names_option(w))
        add_mark(&c, "--");
    if (names_settings(w))
        add_mark(&c, ".conf");
    for (size_t i = 0, end; i < w->n; i = end) {
        end = i + 1;
        if (!w->start[i])
            continue;
        while (end < w->n && is_alnum(w->low[end]) && !w->start[end])
            end++;
        struct rp_str word = {w->low + i, end - i}, stem = str_head(word, STEM);
        struct rp_feature f = {.word = word, .hash = word_hash(word)};
        bool code = is_code(before.word, word);
        if (!code && !tells(word)) {
            before.word = RP_NONE;
            continue;
        }
        if (!code)
            add(&c, f);
        if (!code && word.n > STEM && is_alpha(word.p[word.n - 1]))
            add(&c, (struct rp_feature){.word = stem, .stem = true, .hash = stem_hash(stem)});
        if (before.word.p != NULL)
            add(&c, (struct rp_feature){.before = before.word,
                                        .word = word,
                                        .hash = pair_hash(before.hash, f.hash)});
        before = f;
        if (code)
            before.word = RP_NONE;
    }
    return c.n;
}

double rp_feature_share(size_t known)
{
    return 1 / sqrt((double)(known > 0 ? known : 1));
}
