/* What a new form is like: the templates of its class, then the messages that wrap others, of all
 * classes. Both as the store had them after the last round. */
#include "analyze/mining_internal.h"

#include "analyze/internal.h"
#include "core/wrap.h"

#include <stdlib.h>

enum { WORD_MIN = 3, CANDIDATES = 16 };

/* ---- words ---- */

/* The next run of letters that blanks or the ends enclose; false: there is none. A wildcard is no
 * letter. */
static bool next_word(struct rp_str *rest, struct rp_str *word)
{
    for (size_t i = 0; i < rest->n;) {
        size_t n = 0;
        while (i + n < rest->n && !is_blank(rest->p[i + n]))
            n++;
        struct rp_str run = {rest->p + i, n};
        size_t letters = 0;
        while (letters < n && (is_alpha(run.p[letters]) || (run.p[letters] & 0x80)))
            letters++;
        i += n + 1;
        if (letters >= WORD_MIN && (letters == n || (letters + 1 == n && run.p[letters] == ':'))) {
            *word = str_head(run, letters);
            *rest = str_from(*rest, i < rest->n ? i : rest->n);
            return true;
        }
    }
    return false;
}

static struct rp_str longest_word(struct rp_str t)
{
    struct rp_str best = RP_NONE, word;
    while (next_word(&t, &word))
        if (word.n > best.n)
            best = word;
    return best;
}

/* ---- templates of a class ---- */

static struct matcher *matcher_of(struct matchers *x, struct rp_str class)
{
    enum rp_class c;
    if (!rp_class_of_name(class, &c))
        return NULL;
    struct matcher *of = &x->of[c];
    if (of->miner == NULL)
        of->miner = rp_miner_new();
    return of;
}

static void add_template(void *ctx, const struct rp_template_row *t)
{
    struct matcher *of = matcher_of(ctx, t->class);
    if (of == NULL)
        return;
    uint32_t number = rp_kept_pattern(of->miner, t->template);
    if (number >= of->cap) {
        of->cap = 2 * (size_t)number + 16;
        of->ids = rp_xrealloc(of->ids, of->cap * sizeof *of->ids);
    }
    of->ids[number] = t->id;
    of->n = (size_t)number + 1;
}

int64_t rp_matcher_find(const struct matchers *x, struct rp_str class, const struct rp_scan *s)
{
    enum rp_class c;
    if (!rp_class_of_name(class, &c) || x->of[c].miner == NULL)
        return 0;
    uint32_t number = rp_kept_match(x->of[c].miner, s);
    return number != RP_MINER_OTHER && number < x->of[c].n ? x->of[c].ids[number] : 0;
}

/* ---- messages that wrap others ---- */

static void add_outer(void *ctx, const struct rp_template_row *t)
{
    struct matchers *x = ctx;
    struct rp_str word = longest_word(t->template);
    if (word.p == NULL)
        return;
    if (x->n_outers == x->cap_outers) {
        x->cap_outers = x->cap_outers > 0 ? 2 * x->cap_outers : 16;
        x->outers = rp_xrealloc(x->outers, x->cap_outers * sizeof *x->outers);
    }
    x->outers[x->n_outers++] = (struct outer){.word = rp_hash64(word),
                                              .id = t->id,
                                              .template = rp_str_dup(&x->arena, t->template),
                                              .hole = t->hole};
}

static int by_word(const void *a, const void *b)
{
    const struct outer *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static size_t first_of(const struct matchers *x, uint64_t word)
{
    size_t lo = 0, hi = x->n_outers;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (x->outers[mid].word < word)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int64_t rp_matcher_outer(const struct matchers *x, struct rp_str text, struct rp_str *inner)
{
    struct rp_str rest = text, word;
    while (x->n_outers > 0 && next_word(&rest, &word)) {
        uint64_t hash = rp_hash64(word);
        size_t from = first_of(x, hash);
        for (size_t i = from; i < x->n_outers && i < from + CANDIDATES && x->outers[i].word == hash;
             i++) {
            *inner = rp_wrap_inside(x->outers[i].template, x->outers[i].hole, text);
            if (inner->p != NULL)
                return x->outers[i].id;
        }
    }
    return 0;
}

/* ---- all ---- */

bool rp_matchers_read(struct rp_db *db, struct matchers *out, struct rp_err *err)
{
    *out = (struct matchers){0};
    bool ok = rp_templates_each(db, RP_FORMS_MAX, add_template, out, err) &&
              rp_outers_each(db, RP_FORMS_MAX, add_outer, out, err);
    for (size_t i = 0; i < RP_CLASSES_N; i++)
        if (out->of[i].miner != NULL)
            rp_kept_templates_end(out->of[i].miner);
    if (out->n_outers > 1)
        qsort(out->outers, out->n_outers, sizeof *out->outers, by_word);
    return ok;
}

void rp_matchers_free(struct matchers *x)
{
    for (size_t i = 0; i < RP_CLASSES_N; i++) {
        rp_miner_free(x->of[i].miner);
        free(x->of[i].ids);
    }
    free(x->outers);
    rp_arena_free(&x->arena);
}
