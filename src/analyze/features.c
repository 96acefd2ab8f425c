/* What learned weights know a line by: its words, the beginnings of long ones, and pairs of words
 * that stand beside each other ("not found", "is required"). */
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

size_t rp_features(const struct rp_words *w, struct rp_feature out[RP_FEATURES_MAX])
{
    struct collected c = {.v = out};
    struct rp_feature before = {.word = RP_NONE};
    /* What holds for any line. */
    add(&c, (struct rp_feature){.word = RP_STR("*"), .hash = word_hash(RP_STR("*"))});
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
