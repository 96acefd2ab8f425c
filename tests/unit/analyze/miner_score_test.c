/* Grouping of logs whose templates are known, scored as the papers do: GA is the share of lines
 * whose pattern holds exactly the lines of their true template; FGA the harmonic mean of right
 * patterns by patterns and by true templates. Floors are a little below what is reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/csv.h"
#include "analyze/miner/miner.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINES_MAX = 4000, FIELDS_MAX = 64 };

struct set {
    struct rp_arena arena;
    struct rp_str lines[LINES_MAX], truth[LINES_MAX];
    size_t n, content, template;
};

static bool take(void *ctx, const struct rp_str *fields, size_t n, int64_t line, struct rp_err *err)
{
    struct set *s = ctx;
    (void)err;
    if (line == 1) {
        for (size_t i = 0; i < n; i++) {
            if (rp_str_is(fields[i], "Content"))
                s->content = i;
            if (rp_str_is(fields[i], "EventTemplate"))
                s->template = i;
        }
    } else if (s->n < LINES_MAX && s->content < n && s->template <n) {
        s->lines[s->n] = rp_str_dup(&s->arena, fields[s->content]);
        s->truth[s->n++] = rp_str_dup(&s->arena, fields[s->template]);
    }
    return true;
}

static bool load(const char *folder, const char *name, struct set *s)
{
    char path[512], text[65536];
    struct rp_csv csv;
    struct rp_err err;
    (void)snprintf(path, sizeof path, "%s/%s/%s_2k.log_structured.csv", folder, name, name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    rp_csv_open(&csv, take, s);
    bool ok = true;
    for (size_t n; ok && (n = fread(text, 1, sizeof text, f)) > 0;)
        ok = rp_csv_feed(&csv, (struct rp_str){text, n}, &err);
    ok = ok && rp_csv_end(&csv, &err);
    rp_csv_close(&csv);
    (void)fclose(f);
    assert_true(ok && s->n > 0);
    return true;
}

/* Sizes of true groups, patterns, and what they share, by pairs of numbers. */
struct pair {
    uint32_t truth, pattern;
};

static int by_pair(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return x->pattern < y->pattern ? -1 : x->pattern > y->pattern;
}

static uint32_t number_of(const struct set *s, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (rp_str_eq(s->truth[j], s->truth[i]))
            return (uint32_t)j;
    return (uint32_t)i;
}

struct score {
    double ga, fga;
};

static struct score score(const struct pair *v, size_t n, size_t patterns)
{
    size_t right_lines = 0, right = 0, truths = 0;
    for (size_t from = 0, to; from < n; from = to) {
        size_t of_pattern = 0;
        for (to = from + 1; to < n && v[to].truth == v[from].truth;)
            to++;
        truths++;
        for (size_t i = 0; i < n; i++)
            of_pattern += v[i].pattern == v[from].pattern;
        if (v[to - 1].pattern == v[from].pattern && of_pattern == to - from) {
            right++;
            right_lines += to - from;
        }
    }
    double p = (double)right / (double)patterns, r = (double)right / (double)truths;
    return (struct score){(double)right_lines / (double)n, p + r > 0 ? 2 * p * r / (p + r) : 0};
}

static struct score mine(const struct set *s)
{
    struct rp_miner *m = rp_miner_new();
    struct pair *v = calloc(s->n, sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < s->n; i++)
        (void)rp_miner_add(m, s->lines[i]);
    rp_miner_refine(m);
    for (size_t i = 0; i < s->n; i++)
        v[i] = (struct pair){number_of(s, i), rp_miner_find(m, s->lines[i]).pattern};
    qsort(v, s->n, sizeof *v, by_pair);
    struct score out = score(v, s->n, rp_miner_stats(m).patterns);
    free(v);
    rp_miner_free(m);
    return out;
}

static struct score average(const char *folder)
{
    struct score sum = {0, 0};
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        struct set *s = calloc(1, sizeof *s);
        assert_non_null(s);
        if (load(folder, e->d_name, s)) {
            struct score x = mine(s);
            print_message("%-12s GA %.3f FGA %.3f\n", e->d_name, x.ga, x.fga);
            sum.ga += x.ga;
            sum.fga += x.fga;
            n++;
        }
        rp_arena_free(&s->arena);
        free(s);
    }
    (void)closedir(d);
    assert_true(n > 0);
    return (struct score){sum.ga / (double)n, sum.fga / (double)n};
}

static void hand_labelled_logs_are_grouped(void **state)
{
    (void)state;
    struct score s = average(RP_SHARED "/data/loghub");
    print_message("%-12s GA %.3f FGA %.3f\n", "average", s.ga, s.fga);
    assert_true(s.ga >= .985 && s.fga >= .95);
}

static void logs_made_of_format_strings_are_grouped(void **state)
{
    (void)state;
    struct score s = average(RP_SHARED "/data/templates");
    print_message("%-12s GA %.3f FGA %.3f\n", "average", s.ga, s.fga);
    assert_true(s.ga >= .87 && s.fga >= .92);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_labelled_logs_are_grouped),
        cmocka_unit_test(logs_made_of_format_strings_are_grouped),
    };
    if (access(RP_SHARED "/data/loghub", R_OK) != 0 ||
        access(RP_SHARED "/data/templates", R_OK) != 0) {
        (void)puts("skipped: no labelled logs in " RP_SHARED "/data");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
