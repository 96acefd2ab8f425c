#include "labelled.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- reading ---- */

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

/* Ends the field, and returns what follows it. */
static char *field_end(char *s, const char *ends)
{
    char *end = s + strcspn(s, ends);
    if (*end != '\0')
        *end++ = '\0';
    return end;
}

static bool read_line(char *line, struct labelled *out)
{
    char *message = field_end(line, "\t\n"), *origin = field_end(message, "\t\n");
    (void)field_end(origin, "\n");
    unescape(message);
    *out = (struct labelled){.message = message, .origin = origin};
    return rp_class_of_name(rp_str_of(line), &out->class);
}

bool labelled_read(const char *path, void (*each)(void *ctx, const struct labelled *l), void *ctx)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    bool ok = f != NULL && getline(&line, &cap, f) > 0; /* the headings */
    while (ok && getline(&line, &cap, f) > 0) {
        struct labelled l;
        ok = read_line(line, &l);
        if (ok)
            each(ctx, &l);
        else
            (void)fprintf(stderr, "%s: no class: %s\n", path, line);
    }
    free(line);
    return f != NULL && fclose(f) == 0 && ok;
}

/* ---- counting ---- */

enum rp_class labelled_classify(const char *message)
{
    struct rp_arena a = {0};
    struct rp_failure_facts f = {.message = rp_str_of(message)};
    struct rp_fingerprint out;
    rp_fingerprint(&a, &f, &out);
    rp_arena_free(&a);
    return out.class;
}

bool labelled_is_unsafe(enum rp_class is, enum rp_class taken)
{
    return rp_class_needs_fix(is) && rp_class_is_transient(taken);
}

void labelled_count(struct labelled_score *s, enum rp_class is, enum rp_class taken)
{
    s->n++;
    s->right += is == taken;
    s->unsafe += labelled_is_unsafe(is, taken);
    s->got[is][taken]++;
}

size_t labelled_of(const struct labelled_score *s, enum rp_class class)
{
    size_t n = 0;
    for (int taken = 0; taken < RP_CLASSES_N; taken++)
        n += s->got[class][taken];
    return n;
}

double labelled_accuracy(const struct labelled_score *s)
{
    return s->n > 0 ? (double)s->right / (double)s->n : 0;
}

double labelled_macro_recall(const struct labelled_score *s)
{
    double sum = 0;
    int classes = 0;
    for (int c = 0; c < RP_CLASSES_N; c++) {
        size_t n = labelled_of(s, (enum rp_class)c);
        sum += n > 0 ? (double)s->got[c][c] / (double)n : 0;
        classes += n > 0;
    }
    return classes > 0 ? sum / classes : 0;
}
