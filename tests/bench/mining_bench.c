/* What a reported failure's pattern costs on its fast way: the masked line, its bytes for the
 * store, the look whether it is known. On a store that knows every message already. Prints one JSON
 * object.
 *
 *     mining_bench FILE FOLDER [SECONDS]      FILE: one message a line
 */
#include "analyze/explain.h"
#include "analyze/mining.h"
#include "store/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MESSAGES_MAX = 20000 };

struct input {
    struct rp_arena arena;
    struct rp_str *v;
    size_t n;
};

static bool load(const char *path, struct input *in)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    if (f == NULL)
        return false;
    in->v = RP_NEW_N(&in->arena, struct rp_str, MESSAGES_MAX);
    while (in->n < MESSAGES_MAX && getline(&line, &cap, f) > 0)
        in->v[in->n++] = rp_str_dup(&in->arena, rp_str_trim(rp_str_of(line)));
    free(line);
    (void)fclose(f);
    return in->n > 0;
}

static void explain(struct rp_mining *m, struct rp_arena *a, struct rp_str message,
                    struct rp_report *r)
{
    struct rp_failure_facts facts = {.message = message};
    *r = (struct rp_report){.outcome = RP_OUT_FAILED, .facts = {.error = message, .ended_us = 1}};
    rp_explain_failure(m, a, &facts, r);
}

/* All messages as failed runs, in one transaction. */
static bool fill(struct rp_store *s, const struct input *in, struct rp_err *err)
{
    struct rp_db *db = rp_store_writer(s);
    int64_t added;
    bool ok = rp_tx_begin(db, err);
    for (size_t i = 0; ok && i < in->n; i++) {
        struct rp_arena a = {0};
        struct rp_run_record r = {.type = RP_STR("bench"), .attempt = 1};
        explain(NULL, &a, in->v[i], &r.report);
        ok = rp_runs_record(db, &r, 1, RP_STR("bench"), 1, &added, err);
        rp_arena_free(&a);
    }
    return ok && rp_tx_commit(db, err);
}

static void form_only(struct rp_mining *m, struct rp_arena *a, struct rp_str message)
{
    struct rp_report r = {.facts = {.error_class = RP_STR("connection")}};
    rp_mining_form(m, a, message, &r);
}

static void all(struct rp_mining *m, struct rp_arena *a, struct rp_str message)
{
    struct rp_report r;
    explain(m, a, message, &r);
}

/* Microseconds of processor time a message; what is looked at first is not counted. */
static double measure(struct rp_mining *m, const struct input *in, double seconds,
                      void (*stage)(struct rp_mining *, struct rp_arena *, struct rp_str))
{
    clock_t start = 0, now = 0;
    size_t done = 0;
    for (int round = 0; (double)(now - start) < seconds * (double)CLOCKS_PER_SEC; round++) {
        if (round == 1)
            start = clock();
        for (size_t i = 0; i < in->n; i++) {
            struct rp_arena a = {0};
            stage(m, &a, in->v[i]);
            rp_arena_free(&a);
        }
        done += round > 0 ? in->n : 0;
        now = round > 0 ? clock() : 0;
    }
    return (double)(now - start) * 1e6 / (double)CLOCKS_PER_SEC / (double)done;
}

int main(int argc, char **argv)
{
    struct input in = {0};
    struct rp_store *s;
    struct rp_err err = {0};
    struct rp_mining *m = NULL;
    char url[500];
    if (argc < 3 || !load(argv[1], &in)) {
        (void)fprintf(stderr, "usage: mining_bench FILE FOLDER [SECONDS]\n");
        return 2;
    }
    (void)snprintf(url, sizeof url, "sqlite://%s/mining.db", argv[2]);
    bool ok =
        rp_store_open(url, &s, &err) && fill(s, &in, &err) && (m = rp_mining_new(s, &err)) != NULL;
    if (!ok) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    double seconds = argc > 3 ? atof(argv[3]) : 1;
    (void)printf("{\"messages\":%zu,\"form_us\":%.3f,\"explain_us\":%.3f}\n", in.n,
                 measure(m, &in, seconds, form_only), measure(m, &in, seconds, all));
    rp_mining_free(m);
    rp_store_close(s);
    rp_arena_free(&in.arena);
    return 0;
}
