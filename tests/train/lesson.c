#include "lesson.h"

#include "labelled.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EPOCHS = 12, SOURCES_MIN = 4, KEPT_MIN = 4 };
static const double STEP = 0.5, SMALL = 1e-4, CALM = 0.05, /* CALM: small errors, small steps */
    DECAY = 1e-3,                                          /* of weights towards 0 */
    LEFT_OUT = 0.3;                                        /* of the words of a message */

struct word {
    uint64_t hash, source, whole;
    const char *text;
    bool plain;
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

static char *copy(const char *s, size_t n)
{
    return memcpy(rp_xcalloc(n + 1, 1), s, n);
}

/* ---- reading ---- */

/* "refus~": the beginning of words; "not found": a pair. */
static char *text_of_feature(const struct rp_feature *f)
{
    size_t n = f->before.p != NULL ? f->before.n + 1 : 0;
    char *text = rp_xcalloc(n + f->word.n + 2, 1);
    if (n > 0) {
        memcpy(text, f->before.p, f->before.n);
        text[n - 1] = ' ';
    }
    memcpy(text + n, f->word.p, f->word.n);
    if (f->stem)
        text[n + f->word.n] = '~';
    return text;
}

/* The word that it is the beginning of. */
static uint64_t whole_of(const struct rp_words *w, const struct rp_feature *f)
{
    struct rp_str word = f->word;
    while (is_alnum(word.p[word.n]) && !w->start[word.p + word.n - w->low])
        word.n++;
    return rp_hash64(word);
}

static void add_message(struct lesson *l, const struct labelled *m, size_t list, uint64_t source)
{
    struct rp_arena a = {0};
    struct rp_words w;
    struct rp_feature f[RP_FEATURES_MAX];
    rp_words(&w, rp_key_line(&a, rp_str_of(m->message)).line);
    size_t n = rp_features(&w, f);
    struct example e = {m->class, copy(m->message, strlen(m->message)), list, source, NULL, n};
    e.features = rp_xcalloc(n, sizeof *e.features);
    for (size_t i = 0; i < n; i++)
        e.features[i] = (struct lesson_feature){.hash = f[i].hash,
                                                .text = text_of_feature(&f[i]),
                                                .whole = f[i].stem ? whole_of(&w, &f[i]) : 0,
                                                .plain = !lesson_is_value(&w, &f[i])};
    l->examples = room(l->examples, l->n, &l->cap, sizeof *l->examples);
    l->examples[l->n++] = e;
    rp_arena_free(&a);
}

struct reader {
    struct lesson *lesson;
    const char *file;
    bool by_origin;
};

static size_t list_of(struct lesson *l, const char *name)
{
    for (size_t i = 0; i < l->n_lists; i++)
        if (strcmp(l->lists[i], name) == 0)
            return i;
    l->lists = room(l->lists, l->n_lists, &l->cap_lists, sizeof *l->lists);
    l->lists[l->n_lists] = copy(name, strlen(name));
    return l->n_lists++;
}

static void read_message(void *ctx, const struct labelled *m)
{
    struct reader *r = ctx;
    char origin[512];
    (void)snprintf(origin, sizeof origin, "%s: %s", r->file, m->origin);
    bool whole = !r->by_origin || m->origin[0] == '\0';
    add_message(r->lesson, m, list_of(r->lesson, whole ? r->file : origin),
                rp_hash64(rp_str_of(origin)));
}

bool lesson_read(struct lesson *l, const char *path, bool by_origin)
{
    const char *slash = strrchr(path, '/');
    struct reader r = {l, slash != NULL ? slash + 1 : path, by_origin};
    return labelled_read(path, read_message, &r);
}

/* ---- learning ---- */

static int by_hash(const void *left, const void *right)
{
    const struct word *a = left, *b = right;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static int by_hash_and_source(const void *left, const void *right)
{
    const struct word *a = left, *b = right;
    int order = by_hash(a, b);
    return order != 0 ? order : a->source < b->source ? -1 : a->source > b->source;
}

/* In how many sources those of one hash stand as words of the language. */
static size_t sources_of(const struct word *v, size_t n)
{
    size_t sources = 0;
    const struct word *last = NULL;
    for (size_t i = 0; i < n; i++)
        if (v[i].plain && (last == NULL || v[i].source != last->source)) {
            last = &v[i];
            sources++;
        }
    return sources;
}

/* The beginning of one word only says no more than the word. */
static bool of_one_word(const struct word *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (v[i].whole != v[0].whole)
            return false;
    return v[0].whole != 0;
}

/* Each word once, those of few sources left out. */
static struct words words_of(const struct example *const *v, size_t n)
{
    struct words w = {NULL, 0};
    size_t cap = 0, out = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < v[i]->n; k++) {
            w.v = room(w.v, w.n, &cap, sizeof *w.v);
            const struct lesson_feature *f = &v[i]->features[k];
            w.v[w.n++] = (struct word){.hash = f->hash,
                                       .source = v[i]->source,
                                       .whole = f->whole,
                                       .text = f->text,
                                       .plain = f->plain};
        }
    if (w.n > 0)
        qsort(w.v, w.n, sizeof *w.v, by_hash_and_source);
    for (size_t i = 0, end; i < w.n; i = end) {
        for (end = i + 1; end < w.n && w.v[end].hash == w.v[i].hash; end++)
            ;
        if (sources_of(&w.v[i], end - i) >= SOURCES_MIN && !of_one_word(&w.v[i], end - i))
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
    double error[RP_CLASSES_N];
    size_t n = 0, known = 0;
    for (size_t i = 0; i < e->n; i++) {
        struct word key = {.hash = e->features[i].hash};
        w[n] = bsearch(&key, all->v, all->n, sizeof key, by_hash);
        known += w[n] != NULL;
        n += w[n] != NULL && !left_out(seed);
    }
    double share = rp_feature_share(known);
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
