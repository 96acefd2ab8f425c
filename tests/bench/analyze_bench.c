/* Speed of the analysis of messages: key line, template, class. Prints one JSON object.
 *
 *     analyze_bench FILE [SECONDS]      FILE: one message a line (of a table: after the first tab)
 */
#include "analyze/analyze.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MESSAGES_MAX = 100000 };

struct input {
    struct rp_arena arena;
    struct rp_str *v;
    size_t n, bytes;
};

static bool load(const char *path, struct input *in)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    if (f == NULL)
        return false;
    in->v = RP_NEW_N(&in->arena, struct rp_str, MESSAGES_MAX);
    while (in->n < MESSAGES_MAX && (n = getline(&line, &cap, f)) > 0) {
        const char *tab = strchr(line, '\t');
        struct rp_str s = rp_str_of(tab != NULL ? tab + 1 : line);
        in->v[in->n++] = rp_str_dup(&in->arena, rp_str_trim(s));
        in->bytes += s.n;
    }
    free(line);
    (void)fclose(f);
    return in->n > 0;
}

/* Messages a second of processor time (the machine may be busy) of one stage. */
static double measure(const struct input *in, double seconds,
                      void (*stage)(struct rp_arena *, struct rp_str))
{
    clock_t start = clock(), now = start;
    size_t done = 0;
    while ((double)(now - start) < seconds * (double)CLOCKS_PER_SEC) {
        for (size_t i = 0; i < in->n; i++) {
            struct rp_arena a = {0};
            stage(&a, in->v[i]);
            rp_arena_free(&a);
        }
        done += in->n;
        now = clock();
    }
    return (double)done * (double)CLOCKS_PER_SEC / (double)(now - start);
}

static void key(struct rp_arena *a, struct rp_str s)
{
    (void)rp_key_line(a, s);
}

static void mask(struct rp_arena *a, struct rp_str s)
{
    (void)rp_mask(a, s);
}

static void class(struct rp_arena *a, struct rp_str s)
{
    struct rp_failure_facts f = {.message = s};
    (void)rp_classify(a, &f, s);
}

static void all(struct rp_arena *a, struct rp_str s)
{
    struct rp_failure_facts f = {.message = s};
    struct rp_fingerprint out;
    rp_fingerprint(a, &f, &out);
}

int main(int argc, char **argv)
{
    struct input in = {0};
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    if (argc < 2 || !load(argv[1], &in)) {
        (void)fprintf(stderr, "usage: analyze_bench FILE [SECONDS]\n");
        return 2;
    }
    (void)printf("{\"messages\":%zu,\"mean_bytes\":%zu,\"key_line_per_s\":%.0f,\"mask_per_s\":%.0f,"
                 "\"classify_per_s\":%.0f,\"fingerprint_per_s\":%.0f}\n",
                 in.n, in.bytes / in.n, measure(&in, seconds, key), measure(&in, seconds, mask),
                 measure(&in, seconds, class), measure(&in, seconds, all));
    rp_arena_free(&in.arena);
    return 0;
}
