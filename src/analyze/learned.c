/* What single words tell of a class, where phrases say little or nothing: weights that were learned
 * from the labelled messages of tests/unit/analyze (multinomial logistic regression over words and
 * their beginnings, tests/train/learn.c), kept in learned.tsv and built into the program. */
#include "analyze/internal.h"

#include <math.h>
#include <stdlib.h>
#include <threads.h>

enum { SLOTS = 16384, STEM = 5, STEM_OF = 7 };

static const double SURE = .45, /* of a class that words alone speak for, */
    SURE_TO_REPLAY = .75;       /* and of one whose jobs are replayed as they are */

struct slot {
    uint64_t hash; /* 0: free */
    int16_t weight[RP_CLASSES_N];
};
static struct slot *table;
static once_flag made = ONCE_FLAG_INIT;

/* Numbers and what contains them are ids, mostly: they tell nothing of the class. */
static bool all_letters(struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alpha(s.p[i]))
            return false;
    return true;
}

static size_t add_feature(struct rp_feature *out, size_t n, struct rp_str word, bool stem)
{
    uint64_t hash = (rp_hash64(word) ^ (stem ? 0x9E3779B97F4A7C15u : 0)) | 1;
    for (size_t i = 0; i < n; i++)
        if (out[i].hash == hash)
            return n;
    if (n < RP_FEATURES_MAX)
        out[n++] = (struct rp_feature){word, stem, hash};
    return n;
}

size_t rp_features(const struct rp_words *w, struct rp_feature out[RP_FEATURES_MAX])
{
    size_t n = add_feature(out, 0, RP_STR("*"), false); /* what holds for any line */
    for (size_t i = 0, end; i < w->n; i = end) {
        end = i + 1;
        if (!w->start[i])
            continue;
        while (end < w->n && is_alnum(w->low[end]) && !w->start[end])
            end++;
        struct rp_str word = {w->low + i, end - i};
        if (!all_letters(word))
            continue;
        n = add_feature(out, n, word, false);
        if (word.n >= STEM_OF)
            n = add_feature(out, n, str_head(word, STEM), true);
    }
    return n;
}

/* ---- the table ---- */

static struct slot *slot_of(uint64_t hash)
{
    size_t i = hash % SLOTS;
    while (table[i].hash != 0 && table[i].hash != hash)
        i = (i + 1) % SLOTS;
    return &table[i];
}

/* "refus~<TAB>connection=41 auth=-8": ~ for the beginning of words, * for any line. */
static void read_row(struct rp_str row)
{
    struct rp_str word, one;
    if (!rp_str_split(&row, '\t', &word) || word.n == 0)
        return;
    bool stem = word.p[word.n - 1] == '~';
    struct rp_feature f[RP_FEATURES_MAX];
    (void)add_feature(f, 0, str_head(word, word.n - stem), stem);
    struct slot *s = slot_of(f[0].hash);
    s->hash = f[0].hash;
    while (rp_str_split(&row, ' ', &one)) {
        size_t at = rp_str_find(one, RP_STR("="));
        enum rp_class class;
        if (at != SIZE_MAX && rp_class_of_name(str_head(one, at), &class))
            s->weight[class] = (int16_t)strtol(one.p + at + 1, NULL, 10);
    }
}

static void make(void)
{
    struct rp_str rest = rp_str_of(rp_learned_table), row;
    table = rp_xcalloc(SLOTS, sizeof *table);
    while (rp_str_split(&rest, '\n', &row))
        read_row(row);
}

/* ---- a line ---- */

/* Log odds of each class by its words alone; false if it knows none of them. */
static bool score(struct rp_str line, double out[RP_CLASSES_N])
{
    struct rp_words w;
    struct rp_feature f[RP_FEATURES_MAX];
    int sum[RP_CLASSES_N] = {0};
    size_t known = 0;
    call_once(&made, make);
    rp_words(&w, line);
    for (size_t n = rp_features(&w, f), i = 0; i < n; i++) {
        const struct slot *s = slot_of(f[i].hash);
        known += s->hash != 0;
        for (int c = 0; c < RP_CLASSES_N; c++)
            sum[c] += s->weight[c];
    }
    for (int c = 0; c < RP_CLASSES_N; c++)
        out[c] = sum[c] / (RP_LEARNED_UNIT * sqrt((double)known));
    return known > 1; /* more than what holds for any line */
}

/* The share of the likeliest class among all. */
static double share_of(const double odds[RP_CLASSES_N], int best)
{
    double sum = 0;
    for (int c = 0; c < RP_CLASSES_N; c++)
        sum += c != RP_CLASS_CONTRACT ? exp(odds[c] - odds[best]) : 0;
    return 1 / sum;
}

static bool transient(int class)
{
    return strcmp(rp_classes[class].group, "transient") == 0;
}

struct rp_ruling rp_learned(struct rp_str line, struct rp_ruling v, double trust)
{
    double odds[RP_CLASSES_N];
    if (!score(line, odds))
        return v;
    odds[v.class] += trust;
    int best = (int)v.class;
    for (int c = 0; c < RP_CLASSES_N; c++)
        if (c != RP_CLASS_CONTRACT && odds[c] > odds[best])
            best = c;
    double share = share_of(odds, best), sure = v.class == RP_CLASS_UNKNOWN ? SURE : 0;
    if (transient(best) && !transient((int)v.class))
        sure = SURE_TO_REPLAY;
    if (best == (int)v.class || share < sure)
        return v;
    return (struct rp_ruling){(enum rp_class)best, "words"};
}
