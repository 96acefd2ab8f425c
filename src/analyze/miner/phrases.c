/* Texts that were found to be the inner error of one message, where another message has them: one
 * item. A line that says "stopped on connection lost" alone does not tell where its value begins;
 * that "connection lost" stands for itself elsewhere does. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { PHRASE_MAX = 48 /* items without blanks */, NEED_WORDS = 2, NEED_REST = 1 };

static uint64_t start_hash(const struct rp_symbol *x)
{
    return rp_mix(x->text_hash, 1);
}

/* Hashes of the texts (a = 1), and of what they begin with. */
static struct rp_entries phrases_of(const struct rp_work *w, const struct rp_inners *inner)
{
    struct rp_entries e = {0};
    for (size_t i = 0; i < inner->n; i++) {
        struct rp_seq s = inner->v[i].text;
        uint64_t h = 1;
        uint32_t words = 0, items = 0;
        for (uint32_t k = 0; k < s.n; k++) {
            if (rp_is_blank_at(w, s, k))
                continue;
            h = rp_mix(h, rp_sym(w, s.v[k])->text_hash);
            words += rp_kind_at(w, s, k) == RP_K_WORD;
            items++;
        }
        if (words < NEED_WORDS || items > PHRASE_MAX)
            continue;
        rp_entries_add(&e, (struct rp_entry){.hash = h});
        rp_entries_add(&e, (struct rp_entry){.hash = start_hash(rp_sym(w, s.v[0]))});
    }
    rp_entries_sort(&e);
    return e;
}

static bool may_begin(const struct rp_work *w, struct rp_seq f, size_t i)
{
    return i == 0 || rp_is_blank_at(w, f, i - 1) || one_of(rp_char_at(w, f, i - 1), ":=([\"'");
}

static bool may_end(const struct rp_work *w, struct rp_seq f, size_t i)
{
    return i == f.n || rp_is_blank_at(w, f, i) || one_of(rp_char_at(w, f, i), ".,:;)]\"'");
}

/* The end of the longest phrase that begins at i, 0 if none does. */
static size_t phrase_end(const struct rp_work *w, const struct rp_entries *e, struct rp_seq f,
                         size_t i)
{
    size_t end = 0, items = 0;
    uint64_t h = 1;
    for (size_t k = i; k < f.n && items < PHRASE_MAX; k++) {
        if (rp_is_blank_at(w, f, k))
            continue;
        h = rp_mix(h, rp_sym(w, f.v[k])->text_hash);
        items++;
        if (items > 1 && may_end(w, f, k + 1) && rp_entries_has(e, h))
            end = k + 1;
    }
    return end;
}

static struct rp_seq with_phrases(struct rp_work *w, const struct rp_entries *e, struct rp_seq f)
{
    struct rp_vec o = {0};
    bool any = false;
    for (size_t i = 0; i < f.n;) {
        bool starts = !rp_is_blank_at(w, f, i) && may_begin(w, f, i) &&
                      rp_entries_has(e, start_hash(rp_sym(w, f.v[i])));
        size_t end = starts ? phrase_end(w, e, f, i) : 0;
        struct rp_seq s = rp_seq_part(f, (uint32_t)i, (uint32_t)end);
        if (end > 0 && rp_seq_content(w, f) >= rp_seq_content(w, s) + NEED_REST) {
            rp_vec_add(&o, rp_seq_join(w, s, RP_K_PHRASE));
            any = true;
            i = end;
        } else {
            rp_vec_add(&o, f.v[i++]);
        }
    }
    struct rp_seq out = any ? rp_seq_keep(w, rp_vec_view(&o)) : f;
    free(o.v);
    return out;
}

void rp_phrases_join(struct rp_work *w, struct rp_seq *forms, size_t n,
                     const struct rp_inners *inner)
{
    struct rp_entries e = phrases_of(w, inner);
    for (size_t i = 0; i < n && e.n > 0; i++)
        forms[i] = with_phrases(w, &e, forms[i]);
    rp_entries_free(&e);
}
