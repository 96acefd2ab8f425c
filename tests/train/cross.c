/* How well messages are classified that the classifier was not made with:
 *
 *     cross [-v] [-o] FILE.tsv …      -o: each origin is a list of its own; -v: what is wrong
 *
 * One list after the other is left out: the weights of words are learned from the others, and the
 * phrases that are right for messages of that list only, as if written for them, are forgotten.
 * What is printed is the accuracy for each list, the recall for each class, and what is taken for
 * what most often. */
#include "cross.h"
#include "labelled.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONFUSIONS = 25 };

static void count(struct labelled_score *t, const struct example *e, bool verbose)
{
    enum rp_class got = labelled_classify(e->message);
    labelled_count(t, e->class, got);
    if (verbose && got != e->class)
        printf("  %s, not %s%s: %s\n", rp_classes[got].name, rp_classes[e->class].name,
               labelled_is_unsafe(e->class, got) ? " (unsafe)" : "", e->message);
}

static void leave_out(const struct lesson *l, size_t list, struct labelled_score *all, bool verbose)
{
    struct labelled_score before = *all;
    char *text = lesson_learn(l, (long)list);
    cross_words_use(text);
    cross_rules_without(list);
    free(text);
    for (size_t i = 0; i < l->n; i++)
        if (l->examples[i].list == list)
            count(all, &l->examples[i], verbose);
    printf("%.3f of %4zu  %s\n", (double)(all->right - before.right) / (double)(all->n - before.n),
           all->n - before.n, l->lists[list]);
}

static void support(const struct lesson *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct example *e = &l->examples[i];
        struct rp_arena a = {0};
        struct rp_lines lines = rp_text_lines(&a, rp_str_of(e->message));
        cross_rules_support(rp_key_line(&a, rp_str_of(e->message)).line, e->class, e->list);
        for (size_t k = 0; k < lines.n && lines.n > 1; k++)
            cross_rules_support(lines.v[k], e->class, e->list);
        rp_arena_free(&a);
    }
}

static void print_recall(const struct labelled_score *t)
{
    for (int c = 0; c < RP_CLASSES_N; c++) {
        size_t n = labelled_of(t, (enum rp_class)c);
        if (n > 0)
            printf("recall %.2f of %4zu  %s\n", (double)t->got[c][c] / (double)n, n,
                   rp_classes[c].name);
    }
    printf("%zu messages: accuracy %.4f, macro recall %.4f, unsafe %zu\n", t->n,
           labelled_accuracy(t), labelled_macro_recall(t), t->unsafe);
}

static void print_confusions(struct labelled_score *t)
{
    for (int i = 0; i < CONFUSIONS; i++) {
        int is = 0, taken = 0;
        size_t most = 0;
        for (int c = 0; c < RP_CLASSES_N; c++)
            for (int k = 0; k < RP_CLASSES_N; k++)
                if (c != k && t->got[c][k] > most) {
                    most = t->got[c][k];
                    is = c;
                    taken = k;
                }
        if (most == 0)
            return;
        printf("%4zu  %s taken for %s\n", most, rp_classes[is].name, rp_classes[taken].name);
        t->got[is][taken] = 0;
    }
}

int main(int argc, char **argv)
{
    struct lesson l = {0};
    struct labelled_score t = {0};
    bool verbose = false, origins = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            verbose = true;
        else if (strcmp(argv[i], "-o") == 0)
            origins = true;
        else if (!lesson_read(&l, argv[i], origins)) {
            (void)fprintf(stderr, "cannot read %s\n", argv[i]);
            return 1;
        }
    }
    support(&l);
    for (size_t list = 0; list < l.n_lists; list++)
        leave_out(&l, list, &t, verbose);
    print_recall(&t);
    print_confusions(&t);
    lesson_free(&l);
    return t.n > 0 ? 0 : 2;
}
