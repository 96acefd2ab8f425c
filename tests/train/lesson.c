#include "lesson.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EPOCHS = 12, SEEN_MIN = 2, KEPT_MIN = 4 };
static const double STEP = 0.5, SMALL = 1e-4, CALM = 0.05, /* CALM: small errors, small steps */
    DECAY = 1e-3,                                          /* of weights towards 0 */
    LEFT_OUT = 0.3;                                        /* of the words of a message */

struct word {
    uint64_t hash;
    const char *text;
    size_t seen;
    double weight[RP_CLASSES_N], square[RP_CLASSES_N];
};
struct words {
    struct word *v; /* sorted by hash */
    size_t n;
};

static void *room(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap > 0 ? 2 * *cap : 256;
    return rp_xrealloc(p, *cap * size);
}

static char *copy(const char *s, size_t n, size_t more)
{
    return memcpy(rp_xcalloc(n + more + 1, 1), s, n);
}

/* ---- reading ---- */

static void add_message(struct lesson *l, enum rp_class class, const char *message, size_t list)
{
    struct rp_arena a = {0};
    struct rp_words w;
    struct rp_feature f[RP_FEATURES_MAX];
    rp_words(&w, rp_key_line(&a, rp_str_of(message)).line);
    size_t n = rp_features(&w, f);
    struct example e = {class, copy(message, strlen(message), 0), list, NULL, n};
    e.features = rp_xcalloc(n, sizeof *e.features);
    for (size_t i = 0; i < n; i++) {
        e.features[i] = (struct lesson_feature){f[i].hash, copy(f[i].word.p, f[i].word.n, 1)};
        if (f[i].stem)
            e.features[i].text[f[i].word.n] = '~';
    }
    l->examples = room(l->examples, l->n, &l->cap, sizeof *l->examples);
    l->examples[l->n++] = e;
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

static size_t list_of(struct lesson *l, const char *path, const char *origin)
{
    const char *slash = strrchr(path, '/');
    char name[512];
    (void)snprintf(name, sizeof name, "%s%s%s", slash != NULL ? slash + 1 : path,
                   origin[0] != '\0' ? ": " : "", origin);
    for (size_t i = 0; i < l->n_lists; i++)
        if (strcmp(l->lists[i], name) == 0)
            return i;
    l->lists = room(l->lists, l->n_lists, &l->cap_lists, sizeof *l->lists);
    l->lists[l->n_lists] = copy(name, strlen(name), 0);
    return l->n_lists++;
}

static void read_line(struct lesson *l, char *line, const char *path, bool by_origin)
{
    char *message = strchr(line, '\t'), *origin;
    enum rp_class class;
    if (message == NULL)
        return;
    *message++ = '\0';
    message[strcspn(message, "\n")] = '\0';
    origin = message + strcspn(message, "\t");
    if (*origin != '\0')
        *origin++ = '\0';
    unescape(message);
    if (rp_class_of_name(rp_str_of(line), &class))
        add_message(l, class, message, list_of(l, path, by_origin ? origin : ""));
}

bool lesson_read(struct lesson *l, const char *path, bool by_origin)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    if (f == NULL)
        return false;
    for (bool header = true; getline(&line, &cap, f) > 0; header = false)
        if (!header)
            read_line(l, line, path, by_origin);
    free(line);
    return fclose(f) == 0;
}

/* ---- learning ---- */

static int by_hash(const void *left, const void *right)
{
    const struct word *a = left, *b = right;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

/* Each word once, those that were seen in few messages left out. */
static struct words words_of(const struct example *const *v, size_t n)
{
    struct words w = {NULL, 0};
    size_t cap = 0, out = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < v[i]->n; k++) {
            w.v = room(w.v, w.n, &cap, sizeof *w.v);
            w.v[w.n++] =
                (struct word){.hash = v[i]->features[k].hash, .text = v[i]->features[k].text};
        }
    qsort(w.v, w.n, sizeof *w.v, by_hash);
    for (size_t i = 0, end; i < w.n; i = end) {
        for (end = i + 1; end < w.n && w.v[end].hash == w.v[i].hash; end++)
            ;
        if (end - i >= SEEN_MIN)
            w.v[out++] = w.v[i];
    }
    w.n = out;
    return w;
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

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static bool left_out(uint64_t *seed)
{
    return (double)next_random(seed) < LEFT_OUT * (double)(1u << 31);
}

static void learn_one(const struct words *all, const struct example *e, uint64_t *seed)
{
    struct word *w[RP_FEATURES_MAX];
    double error[RP_CLASSES_N], share = rp_feature_share(e->n);
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++) {
        struct word key = {.hash = e->features[i].hash};
        w[n] = bsearch(&key, all->v, all->n, sizeof key, by_hash);
        n += w[n] != NULL && !left_out(seed);
    }
    errors_of(w, n, share, e->class, error);
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < RP_CLASSES_N; c++) {
            double d = error[c] * share + DECAY * w[i]->weight[c];
            if (fabs(d) < SMALL)
                continue;
            w[i]->square[c] += d * d;
            w[i]->weight[c] -= STEP * d / sqrt(CALM + w[i]->square[c]);
        }
}

static void shuffle(const struct example **v, size_t n, uint64_t *seed)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)next_random(seed) % i;
        const struct example *swap = v[i - 1];
        v[i - 1] = v[k];
        v[k] = swap;
    }
}

/* ---- writing ---- */

static int by_text(const void *left, const void *right)
{
    const struct word *a = left, *b = right;
    return strcmp(a->text, b->text);
}

/* The class of A, B, … in the table; contract is no class of messages. */
static void write_classes(FILE *f)
{
    for (int c = 0; c < RP_CLASSES_N; c++)
        if (c != RP_CLASS_CONTRACT)
            (void)fprintf(f, "%s%s", c > 0 ? " " : "", rp_classes[c].name);
    (void)fputc('\n', f);
}

static void write_word(FILE *f, const struct word *w)
{
    bool any = false;
    char letter = 'A';
    for (int c = 0; c < RP_CLASSES_N; c++) {
        long v = lround(w->weight[c] * RP_LEARNED_UNIT);
        if (c == RP_CLASS_CONTRACT)
            continue;
        if (labs(v) >= KEPT_MIN) {
            (void)fprintf(f, "%s%s%c%ld", any ? "" : w->text, any ? "" : "\t", letter, v);
            any = true;
        }
        letter++;
    }
    if (any)
        (void)fputc('\n', f);
}

static char *text_of(struct words *w)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (f == NULL)
        abort();
    qsort(w->v, w->n, sizeof *w->v, by_text);
    write_classes(f);
    for (size_t i = 0; i < w->n; i++)
        write_word(f, &w->v[i]);
    (void)fclose(f);
    return text;
}

char *lesson_learn(const struct lesson *l, long without)
{
    const struct example **v = rp_xcalloc(l->n, sizeof *v);
    size_t n = 0;
    uint64_t seed = 20240229;
    for (size_t i = 0; i < l->n; i++)
        if ((long)l->examples[i].list != without)
            v[n++] = &l->examples[i];
    struct words w = words_of(v, n);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        shuffle(v, n, &seed);
        for (size_t i = 0; i < n; i++)
            learn_one(&w, v[i], &seed);
    }
    char *text = text_of(&w);
    free(w.v);
    free(v);
    return text;
}

void lesson_free(struct lesson *l)
{
    for (size_t i = 0; i < l->n; i++) {
        for (size_t k = 0; k < l->examples[i].n; k++)
            free(l->examples[i].features[k].text);
        free(l->examples[i].features);
        free(l->examples[i].message);
    }
    for (size_t i = 0; i < l->n_lists; i++)
        free(l->lists[i]);
    free(l->examples);
    free(l->lists);
}
