/* Learns the weights of words for classes of failures: learn FILE.tsv … > learned.tsv. Each file
 * has lines of class, message and more columns. Multinomial logistic regression with steps after
 * AdaGrad; the order of the messages comes from a fixed seed, so the same files give the same
 * weights. */
#include "analyze/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EPOCHS = 8, SEEN_MIN = 2, KEPT_MIN = 8 };
static const double STEP = 0.5, SMALL = 1e-3, CALM = 0.05; /* CALM: small errors, small steps */

struct example {
    enum rp_class class;
    size_t from, n; /* its features, in the list of all */
};
struct word {
    uint64_t hash;
    char *text;
    size_t seen;
    double weight[RP_CLASSES_N], square[RP_CLASSES_N];
};
struct lesson {
    struct example *examples;
    size_t n, cap;
    uint64_t *features;
    size_t n_features, cap_features;
    struct word *words; /* sorted by hash when all are read */
    size_t n_words, cap_words;
};

static void *room(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap > 0 ? 2 * *cap : 1024;
    return rp_xrealloc(p, *cap * size);
}

static char *text_of(const struct rp_feature *f)
{
    char *s = rp_xcalloc(f->word.n + 2, 1);
    memcpy(s, f->word.p, f->word.n);
    s[f->word.n] = f->stem ? '~' : '\0';
    return s;
}

static void add_message(struct lesson *l, enum rp_class class, struct rp_str message)
{
    struct rp_arena a = {0};
    struct rp_words w;
    struct rp_feature f[RP_FEATURES_MAX];
    rp_words(&w, rp_key_line(&a, message).line);
    size_t n = rp_features(&w, f);
    l->examples = room(l->examples, l->n, &l->cap, sizeof *l->examples);
    l->examples[l->n++] = (struct example){class, l->n_features, n};
    for (size_t i = 0; i < n; i++) {
        l->features = room(l->features, l->n_features, &l->cap_features, sizeof *l->features);
        l->features[l->n_features++] = f[i].hash;
        l->words = room(l->words, l->n_words, &l->cap_words, sizeof *l->words);
        l->words[l->n_words++] =
            (struct word){.hash = f[i].hash, .text = text_of(&f[i]), .seen = 1};
    }
    rp_arena_free(&a);
}

/* "\n" and "\t" of the table are what they stand for. */
static void unescape(char *s)
{
    char *o = s;
    for (; *s != '\0'; s++)
        if (s[0] == '\\' && (s[1] == 'n' || s[1] == 't'))
            *o++ = *++s == 'n' ? '\n' : '\t';
        else
            *o++ = *s;
    *o = '\0';
}

static bool read_file(struct lesson *l, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    if (f == NULL)
        return false;
    for (bool header = true; getline(&line, &cap, f) > 0; header = false) {
        char *message = strchr(line, '\t');
        enum rp_class class;
        if (header || message == NULL)
            continue;
        *message++ = '\0';
        message[strcspn(message, "\t\n")] = '\0';
        unescape(message);
        if (rp_class_of_name(rp_str_of(line), &class))
            add_message(l, class, rp_str_of(message));
    }
    free(line);
    return fclose(f) == 0;
}

static int by_hash(const void *left, const void *right)
{
    const struct word *a = left, *b = right;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

/* Each word once, those that were seen in few messages left out. */
static void merge_words(struct lesson *l)
{
    size_t out = 0;
    qsort(l->words, l->n_words, sizeof *l->words, by_hash);
    for (size_t i = 0, end; i < l->n_words; i = end) {
        for (end = i + 1; end < l->n_words && l->words[end].hash == l->words[i].hash; end++)
            free(l->words[end].text);
        l->words[i].seen = end - i;
        if (l->words[i].seen >= SEEN_MIN)
            l->words[out++] = l->words[i];
        else
            free(l->words[i].text);
    }
    l->n_words = out;
}

static struct word *word_of(const struct lesson *l, uint64_t hash)
{
    struct word key = {.hash = hash};
    return bsearch(&key, l->words, l->n_words, sizeof key, by_hash);
}

/* How far each class is from what it should be for this message. */
static void errors_of(struct word *const *w, size_t n, double share, enum rp_class class,
                      double out[RP_CLASSES_N])
{
    double most = -INFINITY, sum = 0;
    for (int c = 0; c < RP_CLASSES_N; c++) {
        out[c] = 0;
        for (size_t i = 0; i < n; i++)
            out[c] += w[i]->weight[c] * share;
        most = fmax(most, out[c]);
    }
    for (int c = 0; c < RP_CLASSES_N; c++)
        sum += out[c] = exp(out[c] - most);
    for (int c = 0; c < RP_CLASSES_N; c++)
        out[c] = out[c] / sum - (c == (int)class);
}

static void learn_one(const struct lesson *l, const struct example *e)
{
    struct word *w[RP_FEATURES_MAX];
    double error[RP_CLASSES_N];
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++)
        if ((w[n] = word_of(l, l->features[e->from + i])) != NULL)
            n++;
    double share = 1 / sqrt((double)n);
    errors_of(w, n, share, e->class, error);
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < RP_CLASSES_N; c++) {
            double d = error[c] * share;
            if (fabs(d) < SMALL)
                continue;
            w[i]->square[c] += d * d;
            w[i]->weight[c] -= STEP * d / sqrt(CALM + w[i]->square[c]);
        }
}

static void shuffle(struct example *v, size_t n, uint64_t *seed)
{
    for (size_t i = n; i > 1; i--) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        size_t k = (size_t)(*seed >> 33) % i;
        struct example swap = v[i - 1];
        v[i - 1] = v[k];
        v[k] = swap;
    }
}

static int by_text_of(const void *left, const void *right)
{
    const struct word *a = left, *b = right;
    return strcmp(a->text, b->text);
}

static void write_words(struct lesson *l)
{
    qsort(l->words, l->n_words, sizeof *l->words, by_text_of);
    for (size_t i = 0; i < l->n_words; i++) {
        const char *gap = "\t";
        for (int c = 0; c < RP_CLASSES_N; c++) {
            long v = lround(l->words[i].weight[c] * RP_LEARNED_UNIT);
            if (labs(v) < KEPT_MIN)
                continue;
            (void)printf("%s%s%s=%ld", gap[0] == '\t' ? l->words[i].text : "", gap,
                         rp_classes[c].name, v);
            gap = " ";
        }
        if (gap[0] == ' ')
            (void)printf("\n");
    }
}

int main(int argc, char **argv)
{
    struct lesson l = {0};
    uint64_t seed = 20240229;
    for (int i = 1; i < argc; i++)
        if (!read_file(&l, argv[i])) {
            (void)fprintf(stderr, "cannot read %s\n", argv[i]);
            return 1;
        }
    if (l.n == 0) {
        (void)fprintf(stderr, "usage: learn FILE.tsv ...\n");
        return 2;
    }
    merge_words(&l);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        shuffle(l.examples, l.n, &seed);
        for (size_t i = 0; i < l.n; i++)
            learn_one(&l, &l.examples[i]);
    }
    write_words(&l);
    for (size_t i = 0; i < l.n_words; i++)
        free(l.words[i].text);
    free(l.words);
    free(l.features);
    free(l.examples);
    return 0;
}
