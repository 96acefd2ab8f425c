/* What single words tell of a class, where phrases say little or nothing: weights that were learned
 * from the labelled messages of tests/unit/analyze (multinomial logistic regression over words and
 * their beginnings, tests/train/lesson.c), kept in learned.tsv and built into the program. */
#include "analyze/internal.h"

#include <math.h>
#include <stdlib.h>
#include <threads.h>

enum { SLOTS = 16384, STEM = 5, DIGITS = 3 };

/* Found by leaving out one list after the other (tests/train/cross.c). */
static const double SURE = .42, /* of a class that words alone speak for; */
    UNSAFE = .15,               /* that it must be fixed first, where it would be replayed */
    DAMP = .93;                 /* of odds, as words seldom speak independently of each other */

struct slot {
    uint64_t hash; /* 0: free */
    int16_t weight[RP_CLASSES_N];
};
static struct slot *table;
static once_flag table_made = ONCE_FLAG_INIT;

/* A word, a short number such as a status, or a name such as x509; other numbers and what contains
 * them are ids, mostly: they tell nothing of the class. */
static bool tells(struct rp_str s)
{
    size_t letters = 0, digits = 0;
    while (letters < s.n && is_alpha(s.p[letters]))
        letters++;
    while (letters + digits < s.n && is_digit(s.p[letters + digits]))
        digits++;
    return letters + digits == s.n && (letters > 0 || digits <= DIGITS);
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
        if (!tells(word))
            continue;
        n = add_feature(out, n, word, false);
        if (word.n > STEM && is_alpha(word.p[word.n - 1]))
            n = add_feature(out, n, str_head(word, STEM), true);
    }
    return n;
}

double rp_feature_share(size_t n)
{
    return 1 / sqrt((double)n);
}

/* ---- the table ---- */

static struct slot *slot_of(uint64_t hash)
{
    size_t i = hash % SLOTS;
    while (table[i].hash != 0 && table[i].hash != hash)
        i = (i + 1) % SLOTS;
    return &table[i];
}

/* The first row: the classes of A, B, … */
static size_t read_classes(struct rp_str row, enum rp_class out[RP_CLASSES_N])
{
    struct rp_str name;
    size_t n = 0;
    while (n < RP_CLASSES_N && rp_str_split(&row, ' ', &name))
        if (rp_class_of_name(name, &out[n]))
            n++;
    return n;
}

/* "refus~<TAB>N41J-8": 41 for class N, -8 for J; ~ for the beginning of words, * for any line. */
static void read_row(struct rp_str row, const enum rp_class *classes, size_t n)
{
    struct rp_str word;
    if (!rp_str_split(&row, '\t', &word) || word.n == 0)
        return;
    bool stem = word.p[word.n - 1] == '~';
    struct rp_feature f[RP_FEATURES_MAX];
    (void)add_feature(f, 0, str_head(word, word.n - stem), stem);
    struct slot *s = slot_of(f[0].hash);
    s->hash = f[0].hash;
    for (size_t i = 0; i < row.n; i++)
        if (is_upper(row.p[i]) && (size_t)(row.p[i] - 'A') < n)
            s->weight[classes[row.p[i] - 'A']] = (int16_t)strtol(row.p + i + 1, NULL, 10);
}

static void read_table(const char *text)
{
    struct rp_str rest = rp_str_of(text), row;
    enum rp_class classes[RP_CLASSES_N];
    table = rp_xcalloc(SLOTS, sizeof *table);
    size_t n = rp_str_split(&rest, '\n', &row) ? read_classes(row, classes) : 0;
    while (rp_str_split(&rest, '\n', &row))
        read_row(row, classes, n);
}

static void make_table(void)
{
    read_table(rp_learned_table);
}

/* ---- a line ---- */

/* Log odds of each class by its words alone; false if it knows none of them. */
static bool score(struct rp_str line, double out[RP_CLASSES_N])
{
    struct rp_words w;
    struct rp_feature f[RP_FEATURES_MAX];
    int sum[RP_CLASSES_N] = {0};
    size_t known = 0;
    call_once(&table_made, make_table);
    rp_words(&w, line);
    size_t n = rp_features(&w, f);
    for (size_t i = 0; i < n; i++) {
        const struct slot *s = slot_of(f[i].hash);
        known += s->hash != 0;
        for (int c = 0; c < RP_CLASSES_N; c++)
            sum[c] += s->weight[c];
    }
    for (int c = 0; c < RP_CLASSES_N; c++)
        out[c] = DAMP * sum[c] * rp_feature_share(n) / RP_LEARNED_UNIT;
    return known > 1; /* more than what holds for any line */
}

static bool transient(int class)
{
    return strcmp(rp_classes[class].group, "transient") == 0;
}

/* What must not be run again before something is fixed. */
static bool needs_fix(int class)
{
    return class == RP_CLASS_CODE_BUG || class == RP_CLASS_CRASH || class == RP_CLASS_BAD_PAYLOAD ||
           class == RP_CLASS_UNIQUE || class == RP_CLASS_AUTH;
}

static int likeliest(const double odds[RP_CLASSES_N], bool (*left_out)(int class))
{
    int best = RP_CLASS_UNKNOWN;
    for (int c = 0; c < RP_CLASSES_N; c++)
        if (c != RP_CLASS_CONTRACT && odds[c] > odds[best] && (left_out == NULL || !left_out(c)))
            best = c;
    return best;
}

/* The share of those classes, or of one of them (of: NULL). */
static double share_of(const double odds[RP_CLASSES_N], int one, bool (*of)(int class))
{
    double sum = 0, part = 0;
    for (int c = 0; c < RP_CLASSES_N; c++) {
        double e = c != RP_CLASS_CONTRACT ? exp(odds[c] - odds[one]) : 0;
        sum += e;
        part += of == NULL ? (c == one) * e : of(c) * e;
    }
    return part / sum;
}

struct rp_ruling rp_learned(struct rp_str line, struct rp_ruling v, double trust)
{
    double odds[RP_CLASSES_N];
    if (!score(line, odds))
        return v;
    odds[v.class] += trust;
    int best = likeliest(odds, NULL);
    if (transient(best) && share_of(odds, best, needs_fix) > UNSAFE)
        best = likeliest(odds, transient);
    if (best == (int)v.class || (v.class == RP_CLASS_UNKNOWN && share_of(odds, best, NULL) < SURE))
        return v;
    return (struct rp_ruling){(enum rp_class)best, "words"};
}
