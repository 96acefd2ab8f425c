/* What single words tell of a class, where phrases say little or nothing: weights that were learned
 * from the labelled messages of tests/unit/analyze (multinomial logistic regression over words,
 * their beginnings and pairs of them, tests/train/lesson.c), kept in learned.tsv and built into the
 * program. */
#include "analyze/internal.h"

#include <math.h>
#include <stdlib.h>
#include <threads.h>

enum { SLOTS = 16384 };

/* Found by leaving out one list after the other (tests/train/cross.c). */
static const double SURE = .38, /* of a class that words alone speak for; */
    UNSAFE = .08,               /* that it must be fixed first, where it would be replayed */
    DAMP = .93;                 /* of odds, as words seldom speak independently of each other */

struct slot {
    uint64_t hash; /* 0: free */
    int16_t weight[RP_CLASSES_N];
};
static struct slot *table;
static once_flag table_made = ONCE_FLAG_INIT;

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

/* "refus~<TAB>N41J-8": 41 for class N, -8 for J. */
static void read_row(struct rp_str row, const enum rp_class *classes, size_t n)
{
    struct rp_str text;
    if (!rp_str_split(&row, '\t', &text) || text.n == 0)
        return;
    uint64_t hash = rp_feature_hash(text);
    struct slot *s = slot_of(hash);
    s->hash = hash;
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
        out[c] = DAMP * sum[c] * rp_feature_share(known) / RP_LEARNED_UNIT;
    return known > 1; /* more than what holds for any line */
}

static int likeliest(const double odds[RP_CLASSES_N], bool (*left_out)(enum rp_class class))
{
    int best = RP_CLASS_UNKNOWN;
    for (int c = 0; c < RP_CLASSES_N; c++)
        if (c != RP_CLASS_CONTRACT && odds[c] > odds[best] &&
            (left_out == NULL || !left_out((enum rp_class)c)))
            best = c;
    return best;
}

/* The share of those classes, or of one of them (of: NULL). */
static double share_of(const double odds[RP_CLASSES_N], int one, bool (*of)(enum rp_class class))
{
    double sum = 0, part = 0;
    for (int c = 0; c < RP_CLASSES_N; c++) {
        double e = c != RP_CLASS_CONTRACT ? exp(odds[c] - odds[one]) : 0;
        sum += e;
        part += of == NULL ? (c == one) * e : of((enum rp_class)c) * e;
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
    if (rp_class_is_transient((enum rp_class)best) &&
        share_of(odds, best, rp_class_needs_fix) > UNSAFE)
        best = likeliest(odds, rp_class_is_transient);
    if (best == (int)v.class || (v.class == RP_CLASS_UNKNOWN && share_of(odds, best, NULL) < SURE))
        return v;
    return (struct rp_ruling){(enum rp_class)best, "words", false};
}
